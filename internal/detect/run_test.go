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
		want := run{}
		for _, b := range visible[i:] {
			if !isAlnum(b) {
				break
			}
			want.length++
			if k := kindOf(b); k != kindDigit {
				want.letters++
				if k == kindUpper {
					want.uppers++
				}
			}
		}
		got := readRun(visible, i)
		for k := range min(8, want.length) {
			if byte(got.head>>(8*k)) != visible[i+k] {
				t.Fatalf("head %x of %q at %d", got.head, visible, i)
			}
		}
		got.head = 0
		if got != want {
			t.Fatalf("run of %q at %d: %+v, want %+v", visible, i, got, want)
		}
	}
}
