package detect

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestReadMasks compares the reading of eight bytes at a time with the plain definition, at every alignment to the end of the memory.
func TestReadMasks(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const chars = "azAZ09mM5 -_[`{@/:\x7f\x80\xe9\xff"
	for range 100000 {
		text := make([]byte, 1+r.IntN(100))
		for i := range text {
			text[i] = chars[r.IntN(len(chars))]
		}
		i := r.IntN(len(text))
		visible := text[:i+1+r.IntN(len(text)-i)]
		m := readMasks(visible, i)
		for b := range 64 {
			var c byte
			if i+b < len(visible) {
				c = visible[i+b]
			}
			k := kindOf(c)
			got := masks{m.alnum >> b & 1, (m.digits >> b) & (m.alnum >> b) & 1, (m.capitals >> b) & (m.alnum >> b) & 1, m.wide >> b & 1}
			if want := (masks{bit(k != 0), bit(k == kindDigit), bit(k == kindUpper), bit(c >= 0x80)}); got != want {
				t.Fatalf("masks of %q at %d, bit %d: %v, want %v", visible, i, b, got, want)
			}
		}
		head := headAt(text, i)
		for k := range min(8, len(text)-i) {
			if byte(head>>(8*k)) != text[i+k] {
				t.Fatalf("head %x of %q at %d", head, text, i)
			}
		}
	}
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

func TestWordStarts(t *testing.T) {
	for run, want := range map[string]string{
		"word": "^   ", "camelCase": "^    ^   ", "SSNNumber": "^  ^     ", "userID": "^   ^ ", "a1b2": "^ ^ ", "12ab": "  ^ ", "ID": "^ ", "iPhone7Pro": "^^     ^  ",
	} {
		m := readMasks([]byte(run), 0)
		starts := wordStarts(1<<len(run)-1, m.digits, m.capitals)
		for i := range run {
			if got := starts>>i&1 != 0; got != (want[i] == '^') {
				t.Errorf("%q at %d: %v", run, i, got)
			}
			if got := isAlnum(run[i]) && !isDigit(run[i]) && wordStartsAt([]byte(run), i); got != (want[i] == '^') {
				t.Errorf("wordStartsAt %q at %d: %v", run, i, got)
			}
		}
	}
}

func TestEndOfRun(t *testing.T) {
	for n := range 300 {
		text := append(bytes.Repeat([]byte("aB3"), 100)[:n], "-x"...)
		if got := endOfRun(text, 0); got != n {
			t.Errorf("end %d, want %d", got, n)
		}
		if got := endOfRun(text[:n], 0); got != n {
			t.Errorf("at the end of the text: %d, want %d", got, n)
		}
	}
}

// TestClassify compares the classes of a stretch with the plain definition: in the build with GOEXPERIMENT=simd, those of the vectors.
func TestClassify(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for round := range 100000 {
		var text [maskSize]byte
		for i := range text {
			if text[i] = byte(r.IntN(256)); round%2 == 0 {
				text[i] &= 0x7F
			}
		}
		m, marks := classify(&text)
		for b, c := range text {
			k := kindOf(c)
			got := masks{m.alnum >> b & 1, m.digits >> b & 1, m.capitals >> b & 1, m.wide >> b & 1}
			if want := (masks{bit(k != 0), bit(k == kindDigit), bit(k == kindUpper), bit(c >= 0x80)}); got != want {
				t.Fatalf("classes of %q, bit %d: %v, want %v", text, b, got, want)
			}
			if got, want := marks>>b&1, bit(isMark(c)); got != want {
				t.Fatalf("marks of %q, bit %d: %d, want %d", text, b, got, want)
			}
		}
	}
}
