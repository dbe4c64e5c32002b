package detect

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// Classes of bytes for the loop of scan.
const (
	classOther   = iota
	classAlnum   // an ASCII letter or digit
	classSpecial // outside ASCII, or a backslash
)

var classes = func() (c [256]uint8) {
	for b := range c {
		switch {
		case isAlnum(byte(b)):
			c[b] = classAlnum
		case b >= utf8.RuneSelf || b == '\\':
			c[b] = classSpecial
		}
	}
	return c
}()

// A run is a stretch of ASCII letters and digits.
type run struct {
	length int
	// kind is the set of classes in it.
	kind int
	// one says that the run is one word: letters only, all small, all capitals, or small behind one capital.
	one bool
	// head holds the first eight bytes of the run, the first lowest, with bit 0x20 set in all eight, and zeros behind a shorter run.
	head uint64
}

const (
	every = 0x0101010101010101
	tops  = 0x80 * every
)

// A runMask tells of eight bytes by their top bits which of them are what. Those at and behind the first other byte count for nothing.
type runMask struct{ others, letters, small uint64 }

// maskRun classifies eight bytes at a time: in each byte, the top bit tells whether a sum reached 0x80, that is whether the byte is at least a
// bound.
func maskRun(x uint64) runMask {
	ascii := x &^ tops
	folded := ascii | 0x20*every
	letters := (folded + (0x80-'a')*every) &^ (folded + (0x80-'z'-1)*every)
	digits := (ascii + (0x80-'0')*every) &^ (ascii + (0x80-'9'-1)*every)
	return runMask{others: (^(letters | digits) | x) & tops, letters: letters, small: x << 2} // small letters have 0x20
}

// readRun reads the run that begins at t[i]. It takes eight bytes at a time, and may look behind the end of t, into its capacity, without
// regard to what is there.
func readRun(t []byte, i int) run {
	r := run{}
	var digits, capitals, inner, small uint64
	for at := i; ; at += 8 {
		var x uint64
		if all := t[:cap(t)]; at+8 <= len(all) {
			x = binary.LittleEndian.Uint64(all[at:])
		} else {
			var last [8]byte
			copy(last[:], t[min(at, len(t)):])
			x = binary.LittleEndian.Uint64(last[:])
		}
		m := maskRun(x)
		n := min(bits.TrailingZeros64(m.others)/8, len(t)-at)
		inside := uint64(1)<<(8*n) - 1
		letters := m.letters & inside & tops
		if at == i {
			r.head = (x | 0x20*every) & inside
			inner = letters &^ m.small &^ 0x80
		} else {
			inner |= letters &^ m.small
		}
		digits |= inside & tops &^ m.letters
		capitals |= letters &^ m.small
		small |= letters & m.small
		r.length += n
		if n < 8 {
			break
		}
	}
	r.kind = kindOfMasks(digits, capitals, small)
	r.one = digits == 0 && (inner == 0 || small == 0)
	return r
}

// kindOfMasks returns the classes of which a mask is not empty.
func kindOfMasks(digits, capitals, small uint64) int {
	return int((digits|-digits)>>63)*kindDigit | int((capitals|-capitals)>>63)*kindUpper | int((small|-small)>>63)*kindLower
}
