//go:build goexperiment.simd && amd64

package detect

import "simd/archsimd"

// vectors says that the processor has AVX2, which classifyVectors needs.
var vectors = archsimd.X86.AVX2()

// classifyVectors is classify for words that are all within t: 32 bytes at a time by AVX2. What it does is defined by blockMasks.
func (m *marks) classifyVectors(t []byte, from, words int) {
	// As signed numbers, bytes outside ASCII are below all others.
	belowDigit, aboveDigit := archsimd.BroadcastInt8x32('0'-1), archsimd.BroadcastInt8x32('9'+1)
	belowLetter, aboveLetter := archsimd.BroadcastInt8x32('a'-1), archsimd.BroadcastInt8x32('z'+1)
	small, zero := archsimd.BroadcastInt8x32(0x20), archsimd.BroadcastInt8x32(0)
	for w := range words {
		block := (*[64]byte)(t[from+64*w:])
		var alnum, digits, capitals, wide [2]uint32
		for half := range 2 {
			x := archsimd.LoadUint8x32((*[32]byte)(block[32*half:])).AsInt8x32()
			digit := x.Greater(belowDigit).And(aboveDigit.Greater(x))
			folded := x.Or(small)
			letter := folded.Greater(belowLetter).And(aboveLetter.Greater(folded))
			alnum[half] = letter.Or(digit).ToBits()
			digits[half] = digit.ToBits()
			capitals[half] = letter.And(belowLetter.Greater(x)).ToBits()
			wide[half] = zero.Greater(x).ToBits()
		}
		m.alnum[w] = uint64(alnum[0]) | uint64(alnum[1])<<32
		m.digits[w] = uint64(digits[0]) | uint64(digits[1])<<32
		m.capitals[w] = uint64(capitals[0]) | uint64(capitals[1])<<32
		m.wide[w] = uint64(wide[0]) | uint64(wide[1])<<32
	}
	archsimd.ClearAVXUpperBits() // or the code that follows pays for it
}
