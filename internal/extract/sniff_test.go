package extract_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/magpie-sec/magpie/internal/extract"
)

// The table of first bytes, and what formats note for each other, change no verdict: it is that of asking every format in turn.
func TestTableTellsWhatFormatsSay(t *testing.T) {
	samples, err := filepath.Glob("*/testdata/*")
	if err != nil || len(samples) < 100 {
		t.Fatalf("%d samples, %v", len(samples), err)
	}
	e := extractor()
	extensions := []string{"", ".txt"}
	for _, f := range e.Formats {
		for _, x := range f.Extensions {
			extensions = append(extensions, "."+x)
		}
	}
	tried := map[string]int{}
	check := func(b []byte, whole bool, name string) {
		t.Helper()
		format, mime, score := extract.Told(e, b, whole, name)
		tried[format]++
		if f, m, s := extract.Asked(e, b, whole, name); format != f || mime != m || score != s {
			t.Fatalf("%s, %q: told %s (%s, %d), asked in turn %s (%s, %d)", name, b[:min(len(b), 200)], format, mime, score, f, m, s)
		}
	}
	r := rand.New(rand.NewPCG(1, 9))
	for at, path := range samples {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // a folder
		}
		b = b[:min(len(b), extract.HeadSize)]
		check(b, true, path)
		b = b[:min(len(b), 4<<10)]
		for k := range 24 {
			name := "x" + extensions[r.IntN(len(extensions))]
			m := append([]byte{}, b...)
			if len(m) > 0 {
				switch k % 4 {
				case 0: // another first byte: each of them comes up
					m[0] = byte(at*6 + k)
				case 1:
					m = m[r.IntN(min(len(m), 32)):]
				case 2:
					m = m[:r.IntN(len(m))]
				case 3:
					for range 1 + r.IntN(4) {
						m[r.IntN(min(len(m), 64))] = byte(r.Uint32())
					}
				}
			}
			if k >= 12 {
				name = path
			}
			check(m, k%3 > 0, name)
		}
	}
	for _, f := range e.Formats {
		if tried[f.Name] == 0 && f.Name != "tsv" {
			t.Logf("no sample was told to be %s", f.Name)
		}
	}
	if len(tried) < 50 {
		t.Errorf("only %d formats came up", len(tried))
	}
}
