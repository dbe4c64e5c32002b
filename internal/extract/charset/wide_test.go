package charset

import (
	"math/rand/v2"
	"testing"
	"unicode"
	"unicode/utf8"
)

// The characters that count as odd are those of unicode's functions, which would be asked for each of them otherwise.
func TestOdd(t *testing.T) {
	for r := rune(-1); r <= unicode.MaxRune+1; r++ {
		want := r == utf8.RuneError || r < ' ' && r != '\t' && r != '\n' && r != '\r' ||
			!unicode.IsPrint(r) && !unicode.IsSpace(r) && r != 0xfeff && r != 0x200b
		if isOdd(r) != want {
			t.Fatalf("%U: odd %v, want %v", r, isOdd(r), want)
		}
	}
}

// What is hopeless is told from the characters that Decode makes, a tenth of them odd.
func TestHopeless(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	told := [2]int{}
	for range 20000 {
		b := make([]byte, 8+r.IntN(100))
		even := r.IntN(2) == 0
		mask := []byte{0xff, 0x7f, 0x0f}[r.IntN(3)]
		for i := range b {
			switch b[i] = byte(r.Uint32()); {
			case r.IntN(3) == 0 || even && i%2 == 0:
				b[i] = 0
			case even && r.IntN(30) > 0:
				b[i] = 'a' + b[i]%26
			case r.IntN(9) == 0:
				b[i] = 0xd8 | b[i]&7 // halves of surrogates
			default:
				b[i] &= mask
			}
		}
		for _, u := range []unit{{"utf-32le", 4, false}, {"utf-32be", 4, true}, {"utf-16le", 2, false}, {"utf-16be", 2, true}} {
			total, odd := 0, 0
			for _, c := range string(wide(u.name, 0).Decode(b)) {
				total++
				if isOdd(c) {
					odd++
				}
			}
			if got := u.hopeless(b); got != (odd*10 > total) {
				t.Fatalf("%s, % x: %v, but %d of %d are odd", u.name, b, got, odd, total)
			}
			if u.hopeless(b) {
				told[1]++
			} else {
				told[0]++
			}
		}
	}
	if told[0] < 1000 || told[1] < 1000 {
		t.Errorf("%d hopeless, %d not", told[1], told[0])
	}
}

func TestASCIIText(t *testing.T) {
	for n := 1; n < 20; n++ {
		for at := range n {
			for c := range 256 {
				b := []byte("a text that is plain")[:n]
				b[at] = byte(c)
				if got, want := isASCIIText(b), areASCIIText(b); got != want {
					t.Fatalf("%q: %v", b, got)
				}
			}
		}
	}
}
