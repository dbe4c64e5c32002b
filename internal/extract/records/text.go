package records

import (
	"bytes"
	"encoding/hex"
	"math"
	"math/big"
	"strconv"
	"time"
	"unicode/utf8"
)

// Float appends a number as JavaScript writes it, so that a long number kept as a float shows its digits. What is no number is left out.
func Float(b []byte, v float64, bits int) []byte {
	a := math.Abs(v)
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return b
	case a != 0 && (a < 1e-6 || a >= 1e21):
		return strconv.AppendFloat(b, v, 'e', -1, bits)
	case bits == 64 && a < 1e11 && (a > 0 || !math.Signbit(v)):
		// Amounts and whole numbers: up to four places, and so fewer than the 16 digits up to which there is only one decimal for a number.
		for places, scale := range [...]float64{1, 10, 100, 1e3, 1e4} {
			if n := math.Round(v * scale); n/scale == v {
				return Decimal(b, int64(n), places)
			}
		}
	}
	return strconv.AppendFloat(b, v, 'f', -1, bits)
}

// Text appends a text; what is no UTF-8 in it becomes U+FFFD.
func Text(b, v []byte) []byte {
	if !utf8.Valid(v) {
		v = bytes.ToValidUTF8(v, []byte("\uFFFD"))
	}
	return append(b, v...)
}

// Half returns a number of two bytes (IEEE 754 binary16).
func Half(v uint16) float64 {
	sign := 1.0
	if v&0x8000 != 0 {
		sign = -1
	}
	exp, frac := int(v>>10&31), float64(v&0x3ff)
	switch exp {
	case 0:
		return sign * math.Ldexp(frac, -24)
	case 31:
		if frac != 0 {
			return math.NaN()
		}
		return math.Inf(int(sign))
	}
	return sign * math.Ldexp(1024+frac, exp-25)
}

// Date appends a day, counted from 1970-01-01, as YYYY-MM-DD.
func Date(b []byte, days int64) []byte {
	if days < -4e6 || days > 4e6 {
		return strconv.AppendInt(b, days, 10)
	}
	if days < -719162 || days > 2932896 { // before the year 1 or behind 9999
		n := len(b)
		b = time.Unix(days*86400, 0).UTC().AppendFormat(b, time.RFC3339)
		return b[:n+bytes.IndexByte(b[n:], 'T')]
	}
	year, month, day := time.Unix(days*86400, 0).UTC().Date()
	return append(b, byte('0'+year/1000), byte('0'+year/100%10), byte('0'+year/10%10), byte('0'+year%10), '-',
		byte('0'+int(month)/10), byte('0'+int(month)%10), '-', byte('0'+day/10), byte('0'+day%10))
}

// Units of time as nanoseconds.
const (
	Milli = int64(time.Millisecond)
	Micro = int64(time.Microsecond)
	Nano  = int64(time.Nanosecond)
)

// Timestamp appends a point in time, counted from 1970-01-01 in a unit, as RFC 3339 without superfluous zeros; without a zone when it is local.
func Timestamp(b []byte, v, unit int64, utc bool) []byte {
	per := int64(time.Second) / unit
	sec, rest := v/per, v%per
	if rest < 0 {
		sec, rest = sec-1, rest+per
	}
	if sec < -4e11 || sec > 4e11 {
		return strconv.AppendInt(b, v, 10)
	}
	return Instant(b, sec, rest*unit, utc)
}

// Instant appends a point in time, counted from 1970-01-01 in seconds and nanoseconds, as Timestamp does.
func Instant(b []byte, sec, nanos int64, utc bool) []byte {
	if sec < -4e11 || sec > 4e11 {
		return strconv.AppendInt(b, sec, 10)
	}
	b = time.Unix(sec, nanos).UTC().AppendFormat(b, time.RFC3339Nano)
	if !utc {
		b = b[:len(b)-1]
	}
	return b
}

// TimeOfDay appends a time, counted from midnight in a unit, as HH:MM:SS with its fraction.
func TimeOfDay(b []byte, v, unit int64) []byte {
	if v < 0 || v/(int64(time.Second)/unit) >= 86400 {
		return strconv.AppendInt(b, v, 10)
	}
	return time.Unix(0, v*unit).UTC().AppendFormat(b, "15:04:05.999999999")
}

// Decimal appends v divided by ten to the scale, with all its places.
func Decimal(b []byte, v int64, scale int) []byte {
	if scale <= 0 || scale > MaxScale {
		return strconv.AppendInt(b, v, 10)
	}
	if v < 0 {
		return point(append(b, '-'), strconv.AppendUint(make([]byte, 0, 20), -uint64(v), 10), scale)
	}
	return point(b, strconv.AppendInt(make([]byte, 0, 20), v, 10), scale)
}

// MaxDecimal is how many bytes a decimal may have, MaxScale how many places: far more than any type allows.
const (
	MaxDecimal = 128
	MaxScale   = 400
)

// BigDecimal appends a decimal whose unscaled value stands in big-endian two's complement.
func BigDecimal(b, v []byte, scale int) []byte {
	if len(v) == 0 || len(v) > MaxDecimal {
		return b
	}
	if len(v) <= 8 {
		n := int64(int8(v[0]))
		for _, c := range v[1:] {
			n = n<<8 | int64(c)
		}
		return Decimal(b, n, scale)
	}
	n := new(big.Int).SetBytes(v)
	if v[0] >= 0x80 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(v))))
	}
	if n.Sign() < 0 {
		b = append(b, '-')
		n.Neg(n)
	}
	return point(b, n.Append(nil, 10), scale)
}

func point(b, digits []byte, scale int) []byte {
	if scale <= 0 || scale > MaxScale {
		return append(b, digits...)
	}
	if len(digits) <= scale {
		b = append(b, '0', '.')
		for range scale - len(digits) {
			b = append(b, '0')
		}
		return append(b, digits...)
	}
	at := len(digits) - scale
	return append(append(append(b, digits[:at]...), '.'), digits[at:]...)
}

// UUID appends 16 bytes as a UUID is written.
func UUID(b, v []byte) []byte {
	var s [36]byte
	for i, at := 0, 0; i < 16; i++ {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			s[at] = '-'
			at++
		}
		at += hex.Encode(s[at:], v[i:i+1])
	}
	return append(b, s[:]...)
}
