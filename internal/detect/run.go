package detect

// A run is a stretch of ASCII letters and digits.

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

const (
	every = 0x0101010101010101
	tops  = 0x80 * every
)

// maskSize is how many bytes a masks describes.
const maskSize = 64

// masks tell of 64 bytes, the first by the lowest bit, which are ASCII letters or digits, which of these are digits and capitals, and which
// bytes are outside ASCII. Bytes behind the end of the text are nothing.
type masks struct{ alnum, digits, capitals, wide uint64 }

// readMasks reads t[i:]. It takes eight bytes at a time, and may look behind the end of t, into its capacity, without regard to what is
// there.
func readMasks(t []byte, i int) masks {
	if len(t)-i >= maskSize {
		m, _ := blockMasks((*[maskSize]byte)(t[i:]))
		return m
	}
	size := min(len(t)-i, maskSize)
	inside := ^uint64(0) >> (maskSize - size)
	var m masks
	all := uint64(0)
	for at := 0; at < size; at += 8 {
		x := headAt(t, i+at)
		all |= x
		alnum, digit, capital := classes(x)
		m.alnum |= gather(alnum) << (at & 63)
		m.digits |= gather(digit) << (at & 63)
		m.capitals |= gather(capital) << (at & 63)
	}
	if all&tops != 0 {
		m = wideMasks(t, i, size)
	}
	m.alnum &= inside
	m.wide &= inside
	return m
}

// classes returns by the top bits which of eight ASCII bytes are letters or digits, digits, and capitals.
func classes(x uint64) (alnum, digit, capital uint64) {
	// In each byte, the top bit tells whether a sum reached 0x80, that is whether the byte is at least a bound. As long as all is ASCII, nothing
	// is carried from one byte to the next, and the tests for both bounds agree but for what is between them.
	folded := x | 0x20*every
	letter := (folded + (0x80-'a')*every) ^ (folded + (0x80-'z'-1)*every)
	digit = (x + (0x80-'0')*every) ^ (x + (0x80-'9'-1)*every)
	return (letter | digit) & tops, digit & tops, letter &^ (x << 2) & tops // small letters have 0x20
}

// blockMasks is readMasks for a whole block, and returns the marks among its bytes, see isMark.
func blockMasks(t *[maskSize]byte) (m masks, marks uint64) {
	a, b, c, d := lanes((*[16]byte)(t[:])), lanes((*[16]byte)(t[16:])), lanes((*[16]byte)(t[32:])), lanes((*[16]byte)(t[48:]))
	m = masks{
		alnum:    a&0xFFFF | b&0xFFFF<<16 | c&0xFFFF<<32 | d<<48,
		digits:   a>>16&0xFFFF | b>>16&0xFFFF<<16 | c>>16&0xFFFF<<32 | d>>16<<48,
		capitals: a>>32&0xFFFF | b>>32&0xFFFF<<16 | c>>32&0xFFFF<<32 | d>>32<<48,
		wide:     a>>48 | b>>48<<16 | c>>48<<32 | d>>48<<48,
	}
	marks = m.digits &^ m.alnum
	m.digits &= m.alnum
	return m, marks
}

// isMark reports whether b is one of the bytes that make any run behind them worth a look: behind a backslash there may be an escape, and layouts
// of the catalogue have a plus sign in front of the first run. Others are searched for, see dispatch.looks.
func isMark(b byte) bool { return b == '+' || b == '\\' }

// lanes returns the four masks of sixteen bytes, each in as many bits.
func lanes(t *[16]byte) uint64 {
	x := classLanes[t[15]]
	x = x<<1 | classLanes[t[14]]
	x = x<<1 | classLanes[t[13]]
	x = x<<1 | classLanes[t[12]]
	x = x<<1 | classLanes[t[11]]
	x = x<<1 | classLanes[t[10]]
	x = x<<1 | classLanes[t[9]]
	x = x<<1 | classLanes[t[8]]
	x = x<<1 | classLanes[t[7]]
	x = x<<1 | classLanes[t[6]]
	x = x<<1 | classLanes[t[5]]
	x = x<<1 | classLanes[t[4]]
	x = x<<1 | classLanes[t[3]]
	x = x<<1 | classLanes[t[2]]
	x = x<<1 | classLanes[t[1]]
	return x<<1 | classLanes[t[0]]
}

// classLanes has the lanes of a single byte.
var classLanes = func() (x [256]uint64) {
	for b := range x {
		switch kind := kindOf(byte(b)); {
		case b >= utf8.RuneSelf:
			x[b] = 1 << 48
		case isMark(byte(b)): // as a digit that is no letter or digit
			x[b] = 1 << 16
		case kind == kindDigit:
			x[b] = 1 | 1<<16
		case kind == kindUpper:
			x[b] = 1 | 1<<32
		case kind == kindLower:
			x[b] = 1
		}
	}
	return x
}()

// wideMasks returns the masks of t[i:i+size], which is not all ASCII; those of the bytes behind, up to eight, have to be cut off.
func wideMasks(t []byte, i, size int) (m masks) {
	for at := 0; at < size; at += 8 {
		x := headAt(t, i+at)
		alnum, digit, capital := classes(x &^ tops)
		plain := tops &^ x
		m.alnum |= gather(alnum&plain) << (at & 63)
		m.digits |= gather(digit&plain) << (at & 63)
		m.capitals |= gather(capital&plain) << (at & 63)
		m.wide |= gather(x&tops) << (at & 63)
	}
	return m
}

// gather packs the top bits of eight bytes, the only ones that may be set, into one byte.
func gather(x uint64) uint64 { return x * gathering >> 56 }

const gathering = 0x0002040810204081

// wordStarts returns where words begin in a run, given the bits of the run, its digits and its capitals: at a letter that begins the run or
// stands behind a digit, and at a capital beside a small letter.
func wordStarts(inside, digits, capitals uint64) uint64 {
	small := inside &^ (digits | capitals)
	return inside &^ digits & (1 | digits<<1 | capitals&(small<<1|small>>1))
}

// kindOfMasks returns the classes of which a mask is not empty.
func kindOfMasks(digits, capitals, small uint64) int {
	return int((digits|-digits)>>63)*kindDigit | int((capitals|-capitals)>>63)*kindUpper | int((small|-small)>>63)*kindLower
}

// kind returns the classes in the first n bytes, which are a run.
func (m masks) kind(n uint) int {
	inside := uint64(1)<<n - 1
	digits, capitals := m.digits&inside, m.capitals&inside
	return kindOfMasks(digits, capitals, inside&^(digits|capitals))
}

// headAt returns the eight bytes at t[i:].
func headAt(t []byte, i int) uint64 {
	if all := t[:cap(t)]; i+8 <= len(all) {
		return binary.LittleEndian.Uint64(all[i:])
	}
	var last [8]byte
	copy(last[:], t[i:cap(t)])
	return binary.LittleEndian.Uint64(last[:])
}

// endOfRun returns the end of the run that goes on at t[i:].
func endOfRun(t []byte, i int) int {
	for n := maskSize; n == maskSize && i < len(t); i += n {
		m := readMasks(t, i)
		n = bits.TrailingZeros64(^m.alnum)
	}
	return i
}
