package detect

// A run is a stretch of ASCII letters and digits.

import (
	"encoding/binary"
	"math/bits"
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
		return blockMasks((*[maskSize]byte)(t[i:]))
	}
	var alnums, digits, capitals, wides uint64
	size := min(len(t)-i, maskSize)
	for at := 0; at < size; at += 8 {
		x := headAt(t, i+at)
		// In each byte, the top bit tells whether a sum reached 0x80, that is whether the byte is at least a bound.
		ascii := x &^ tops
		folded := ascii | 0x20*every
		letter := ((folded + (0x80-'a')*every) &^ (folded + (0x80-'z'-1)*every)) &^ x & tops
		digit := ((ascii + (0x80-'0')*every) &^ (ascii + (0x80-'9'-1)*every)) &^ x & tops
		alnums |= gather(letter|digit) << at
		digits |= gather(digit) << at
		capitals |= gather(letter&^(x<<2)) << at // small letters have 0x20
		if wide := x & tops; wide != 0 {
			wides |= gather(wide) << at
		}
	}
	inside := ^uint64(0) >> (maskSize - size)
	return masks{alnum: alnums & inside, digits: digits, capitals: capitals, wide: wides & inside}
}

// blockMasks is readMasks for a whole block.
func blockMasks(t *[maskSize]byte) (m masks) {
	wide := uint64(0)
	for at := 0; at < maskSize; at += 8 {
		x := binary.LittleEndian.Uint64(t[at&(maskSize-8):][:8])
		wide |= x
		// As long as all is ASCII, nothing is carried from one byte to the next. Here the tests for both bounds agree but for what is inside.
		folded := x | 0x20*every
		letter := (folded + (0x80-'a')*every) ^ (folded + (0x80-'z'-1)*every)
		digit := (x + (0x80-'0')*every) ^ (x + (0x80-'9'-1)*every)
		m.alnum = m.alnum>>8 | (letter|digit)&tops*gathering&^(1<<56-1)
		m.digits = m.digits>>8 | digit&tops*gathering&^(1<<56-1)
		m.capitals = m.capitals>>8 | letter&^(x<<2)&tops*gathering&^(1<<56-1) // small letters have 0x20
	}
	if wide&tops != 0 {
		return wideMasks(t)
	}
	return m
}

// wideMasks is blockMasks for a block that is not all ASCII.
func wideMasks(t *[maskSize]byte) (m masks) {
	for at := 0; at < maskSize; at += 8 {
		x := binary.LittleEndian.Uint64(t[at&(maskSize-8):][:8])
		ascii := x &^ tops
		folded := ascii | 0x20*every
		plain := tops &^ x
		letter := (folded + (0x80-'a')*every) &^ (folded + (0x80-'z'-1)*every) & plain
		digit := (ascii + (0x80-'0')*every) &^ (ascii + (0x80-'9'-1)*every) & plain
		m.alnum |= gather(letter|digit) << at
		m.digits |= gather(digit) << at
		m.capitals |= gather(letter&^(x<<2)) << at
		m.wide |= gather(x&tops) << at
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
