package detect

import (
	"math/rand/v2"
	"testing"
)

// TestReadRun compares the reading of eight bytes at a time with the plain definition, at every alignment to the end of the memory.
func TestReadRun(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const chars = "azAZ09mM5 -_[`{@/:\x7f\x80\xe9\xff"
	for range 200000 {
		text := make([]byte, 1+r.IntN(40))
		for i := range text {
			if r.IntN(5) > 0 {
				text[i] = "abzABZ019"[r.IntN(9)]
			} else {
				text[i] = chars[r.IntN(len(chars))]
			}
		}
		i := r.IntN(len(text))
		if !isAlnum(text[i]) {
			continue
		}
		visible := text[:i+1+r.IntN(len(text)-i)]
		var want run
		var digits, capitals, inner, small, head uint64
		for k, b := range visible[i:] {
			if !isAlnum(b) {
				break
			}
			if want.length < 8 {
				head |= uint64(b|0x20) << (8 * k)
			}
			want.length++
			want.kind |= kindOf(b)
			switch kindOf(b) {
			case kindDigit:
				digits++
			case kindUpper:
				capitals++
				if k > 0 {
					inner++
				}
			case kindLower:
				small++
			}
		}
		want.head = head
		want.one = digits == 0 && (inner == 0 || small == 0)
		if got := readRun(visible, i); got != want {
			t.Fatalf("run of %q at %d: %+v, want %+v", visible, i, got, want)
		}
	}
}
