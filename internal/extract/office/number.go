package office

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Style says how people see the numbers of a cell.
type Style struct {
	kind kind
	mask string // of digits: see maskOf
	// long is the mask of numbers above limit, for formats with such a condition (telephone numbers without and with area code).
	long  string
	limit uint64
}

type kind uint8

const (
	plain kind = iota
	date
	clock
	dateClock
	masked
)

// BuiltIn are the number formats that a workbook need not declare (ECMA-376, part 1, 18.8.30); those of East Asian languages are dates.
func BuiltIn(id int64) Style {
	switch {
	case id >= 14 && id <= 17, id >= 27 && id <= 31, id == 36, id >= 50 && id <= 54, id == 57, id == 58:
		return Style{kind: date}
	case id >= 18 && id <= 21, id >= 32 && id <= 35, id >= 45 && id <= 47, id == 55, id == 56:
		return Style{kind: clock}
	case id == 22:
		return Style{kind: dateClock}
	}
	return Style{}
}

// maxFormat is how long a number format may be: Excel writes 255 characters at most.
const maxFormat = 1 << 10

// FormatOf reads a number format.
func FormatOf(code string) Style {
	if len(code) > maxFormat || strings.EqualFold(code, "general") || code == "@" {
		return Style{}
	}
	var days, hours bool
	section := code
	for i := 0; i < len(code); i++ {
		switch c := code[i]; c {
		case '"':
			k := strings.IndexByte(code[i+1:], '"')
			if k < 0 {
				return Style{}
			}
			i += k + 1
		case '\\', '_', '*':
			i++
		case '[':
			k := strings.IndexByte(code[i:], ']')
			if k < 0 {
				return Style{}
			}
			switch strings.ToLower(code[i+1 : i+k]) {
			case "h", "hh", "m", "mm", "s", "ss":
				hours = true
			}
			i += k
		case 'd', 'D', 'y', 'Y':
			days = true
		case 'h', 'H', 's', 'S':
			hours = true
		case 'm', 'M':
			if !hours && !strings.ContainsAny(code[i:], "sS") {
				days = true
			}
		case 'E', 'e':
			if i+1 < len(code) && (code[i+1] == '+' || code[i+1] == '-') {
				return Style{}
			}
		case ';':
			if len(section) == len(code) {
				section = code[:i]
			}
		}
	}
	switch {
	case days && hours:
		return Style{kind: dateClock}
	case days:
		return Style{kind: date}
	case hours:
		return Style{kind: clock}
	}
	if limit, short, long, ok := condition(code); ok {
		return Style{kind: masked, mask: short, long: long, limit: limit}
	}
	if mask := maskOf(section); mask != "" {
		return Style{kind: masked, mask: mask}
	}
	return Style{}
}

// condition reads a format of two masks, of which the first is for numbers up to a limit ("[<=9999999]###-####;(###) ###-####").
func condition(code string) (limit uint64, short, long string, ok bool) {
	if !strings.HasPrefix(code, "[<=") {
		return 0, "", "", false
	}
	number, rest, _ := strings.Cut(code[len("[<="):], "]")
	first, second, _ := strings.Cut(rest, ";")
	second, _, _ = strings.Cut(second, ";")
	limit, err := strconv.ParseUint(number, 10, 64)
	short, long = maskOf(first), maskOf(second)
	return limit, short, long, err == nil && short != "" && long != ""
}

func (s Style) appendMasked(dst []byte, digits string) []byte {
	mask := s.mask
	if n, err := strconv.ParseUint(digits, 10, 64); s.long != "" && (err != nil || n > s.limit) {
		mask = s.long
	}
	return appendMasked(dst, mask, digits)
}

// maskOf reads a format that spreads the digits of a whole number between marks ("000-00-0000", "(###) ###-####"), or pads it with zeros:
// 0 and # in the mask stand for digits, everything else for itself. "" is no such format.
func maskOf(section string) string {
	var b strings.Builder
	zeros, digits, marks := 0, 0, 0
	for i := 0; i < len(section); i++ {
		switch c := section[i]; c {
		case '0':
			zeros++
			b.WriteByte('0')
		case '#', '?':
			digits++
			b.WriteByte('#')
		case '-', ' ', '(', ')', '/', ':':
			marks++
			b.WriteByte(c)
		case '\\':
			if i++; i == len(section) {
				return ""
			}
			c = section[i]
			if c >= 0x80 || c == '0' || c == '#' {
				return ""
			}
			marks++
			b.WriteByte(c)
		case '"':
			k := strings.IndexByte(section[i+1:], '"')
			quoted := section[i+1 : i+1+max(k, 0)]
			if k < 0 || strings.ContainsAny(quoted, "0#") {
				return ""
			}
			marks++
			b.WriteString(quoted)
			i += k + 1
		default: // decimals, thousands, percent, conditions, colours
			return ""
		}
	}
	if digits+zeros < 2 || digits+zeros > 30 || marks == 0 && zeros < 2 || b.Len() > 64 {
		return ""
	}
	return b.String()
}

// appendMasked writes the digits into the mask from the right. What has more digits than the mask has them before its first.
func appendMasked(dst []byte, mask, digits string) []byte {
	places := strings.Count(mask, "0") + strings.Count(mask, "#")
	pad := places - len(digits)
	next := 0
	for i := 0; i < len(mask); i++ {
		c := mask[i]
		if c != '0' && c != '#' {
			if next > 0 || pad <= 0 || strings.ContainsRune(mask[:i], '0') || !strings.ContainsRune(mask[:i], '#') {
				dst = append(dst, c)
			}
			continue
		}
		for pad < 0 {
			dst = append(dst, digits[next])
			next, pad = next+1, pad+1
		}
		if pad > 0 {
			if pad--; c == '0' {
				dst = append(dst, '0')
			}
			continue
		}
		dst = append(dst, digits[next])
		next++
	}
	return dst
}

// AppendNumber writes a stored number as people see it: whole numbers with all their digits, dates as in ISO 8601, others without the
// noise of binary fractions. What is no number stays as it is.
func AppendNumber(dst, stored []byte, s Style, base1904 bool) []byte {
	whole := IsDigits(stored)
	if whole && s.kind == plain {
		return append(dst, stored...)
	}
	if whole && s.kind == masked {
		return s.appendMasked(dst, string(stored))
	}
	v, err := strconv.ParseFloat(string(stored), 64)
	if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
		return append(dst, stored...)
	}
	if s.kind == date || s.kind == clock || s.kind == dateClock {
		if d := appendDate(dst, v, s.kind, base1904); len(d) > len(dst) {
			return d
		}
	}
	switch {
	case v == math.Trunc(v) && math.Abs(v) < 1<<63:
		if s.kind == masked && v >= 0 {
			return s.appendMasked(dst, strconv.FormatFloat(v, 'f', -1, 64))
		}
		return strconv.AppendFloat(dst, v, 'f', -1, 64)
	case len(stored) > 16: // more digits than Excel shows
		if r, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 15, 64), 64); err == nil {
			v = r
		}
	}
	if a := math.Abs(v); a < 1e-9 || a >= 1e21 {
		return append(dst, stored...)
	}
	return strconv.AppendFloat(dst, v, 'f', -1, 64)
}

// IsDigits says whether b is decimal digits only.
func IsDigits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}

const (
	secondsPerDay = 24 * 60 * 60
	// lastDay is 31 December 9999 in the system of 1900.
	lastDay = 2958465
)

// appendDate writes a serial number as a date, a time of the day, or both; nothing if it is out of range. Day 60 of 1900, which was not,
// becomes the last of February.
func appendDate(dst []byte, v float64, k kind, base1904 bool) []byte {
	if v < 0 || v >= lastDay+1 {
		return dst
	}
	seconds := int64(math.Round(v * secondsPerDay))
	day, rest := seconds/secondsPerDay, seconds%secondsPerDay
	if k == clock || day == 0 && !base1904 && rest > 0 {
		hours := seconds / 3600
		dst = append2(dst, hours)
		dst = append2(append(dst, ':'), seconds/60%60)
		return append2(append(dst, ':'), seconds%60)
	}
	epoch := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	switch {
	case base1904:
		epoch = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
	case day < 60:
		day++
	}
	t := epoch.AddDate(0, 0, int(day))
	dst = t.AppendFormat(dst, "2006-01-02")
	if rest > 0 && k == dateClock {
		dst = append2(append(dst, ' '), rest/3600)
		dst = append2(append(dst, ':'), rest/60%60)
		dst = append2(append(dst, ':'), rest%60)
	}
	return dst
}

// append2 writes a number with two digits at least.
func append2(dst []byte, n int64) []byte {
	if n < 10 {
		dst = append(dst, '0')
	}
	return strconv.AppendInt(dst, n, 10)
}
