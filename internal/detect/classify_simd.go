//go:build goexperiment.simd && amd64

package detect

import "simd/archsimd"

// vectors says that the processor has AVX2, which classify needs.
var vectors = archsimd.X86.AVX2()

// classify is blockMasks, 32 bytes at a time by AVX2.
func classify(t *[maskSize]byte) (m masks, marks uint64) {
	if !vectors {
		return blockMasks(t)
	}
	// As signed numbers, bytes outside ASCII are below all others.
	belowDigit, aboveDigit := archsimd.BroadcastInt8x32('0'-1), archsimd.BroadcastInt8x32('9'+1)
	belowLetter, aboveLetter := archsimd.BroadcastInt8x32('a'-1), archsimd.BroadcastInt8x32('z'+1)
	plus, backslash := archsimd.BroadcastInt8x32('+'), archsimd.BroadcastInt8x32('\\')
	small, zero := archsimd.BroadcastInt8x32(0x20), archsimd.BroadcastInt8x32(0)
	for half := maskSize - 32; half >= 0; half -= 32 {
		x := archsimd.LoadUint8x32((*[32]byte)(t[half:])).AsInt8x32()
		digit := x.Greater(belowDigit).And(aboveDigit.Greater(x))
		folded := x.Or(small)
		letter := folded.Greater(belowLetter).And(aboveLetter.Greater(folded))
		m.alnum = m.alnum<<32 | uint64(letter.Or(digit).ToBits())
		m.digits = m.digits<<32 | uint64(digit.ToBits())
		m.capitals = m.capitals<<32 | uint64(letter.And(belowLetter.Greater(x)).ToBits())
		m.wide = m.wide<<32 | uint64(zero.Greater(x).ToBits())
		marks = marks<<32 | uint64(x.Equal(plus).Or(x.Equal(backslash)).ToBits())
	}
	archsimd.ClearAVXUpperBits() // or the code that follows pays for it
	return m, marks
}
