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
	length, letters, uppers int
	// head holds the first eight bytes of the text at the run's start, the first lowest. Those behind the run are of no meaning.
	head uint64
}

// kind returns the classes of characters in the run.
func (r *run) kind() int {
	k := 0
	if r.letters < r.length {
		k = kindDigit
	}
	if r.uppers > 0 {
		k |= kindUpper
	}
	if r.uppers < r.letters {
		k |= kindLower
	}
	return k
}

const (
	every = 0x0101010101010101
	tops  = 0x80 * every
)

// readRun reads the run that begins at t[i]. It takes eight bytes at a time, and may look behind the end of t, into its capacity, without
// regard to what is there.
func readRun(t []byte, i int) run {
	r := run{}
	all := t[:cap(t)]
	for at := i; at+8 <= len(all); at += 8 {
		x := binary.LittleEndian.Uint64(all[at:])
		if at == i {
			r.head = x
		}
		// In each byte, the top bit tells whether the sum reached 0x80, that is whether the byte is at least a bound.
		ascii := x &^ tops
		folded := ascii | 0x20*every
		letters := (folded + (0x80-'a')*every) &^ (folded + (0x80-'z'-1)*every)
		digits := (ascii + (0x80-'0')*every) &^ (ascii + (0x80-'9'-1)*every)
		others := (^(letters | digits) | x) & tops
		n := bits.TrailingZeros64(others) / 8 // 8 if there is none
		inside := (others - 1) &^ others      // the bits below the first other byte, all if there is none
		if rest := len(t) - at; n > rest {
			n = rest
			inside = 1<<(8*n) - 1
		}
		letters &= inside & tops
		r.length += n
		r.letters += bits.OnesCount64(letters)
		r.uppers += bits.OnesCount64(letters &^ (x << 2)) // small letters have 0x20
		if n < 8 {
			return r
		}
	}
	// Fewer than eight bytes are left.
	var head [8]byte
	for at := i + r.length; at < len(t) && isAlnum(t[at]); at++ {
		if at-i < 8 {
			head[at-i] = t[at]
		}
		r.length++
		if !isDigit(t[at]) {
			r.letters++
			if kindOf(t[at]) == kindUpper {
				r.uppers++
			}
		}
	}
	if cap(t)-i < 8 {
		r.head = binary.LittleEndian.Uint64(head[:])
	}
	return r
}
