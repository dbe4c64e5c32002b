package allow

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func list(t testing.TB, s string) Lists {
	t.Helper()
	l, err := Words(strings.NewReader(s))
	must(t, err)
	return Lists{l}
}

func TestWords(t *testing.T) {
	l := list(t, "\uFEFFAda Example\r\n\n  900-12-3456  \nGRÖSSE\nlast")
	for value, want := range map[string]bool{
		"Ada Example": true, "ADA  example": true, "ada\r\n\t example": true, " Ada Example\n": true, "AdaExample": false, "Ada": false, "Ada Example 2": false,
		"900-12-3456": true, "900-12-34567": false, "größe": false, "grösse": true, "LAST": true, "": false, " ": false, strings.Repeat("x", 5000): false,
	} {
		if got := l.Allows([]byte(value)); got != want {
			t.Errorf("%.40q: %v", value, got)
		}
	}
}

func TestWordsLimits(t *testing.T) {
	for name, v := range map[string]struct {
		text string
		want error
	}{
		"nothing":      {"", ErrEmpty},
		"blank":        {"\n \n\t\n", ErrEmpty},
		"90":           {strings.Repeat("é", 90), nil},
		"91":           {"a\n" + strings.Repeat("é", 91), ErrMalformed},
		"a long line":  {strings.Repeat("a", 1<<20), ErrMalformed},
		"not text":     {"a\xff\n", ErrMalformed},
		"NUL":          {"a\x00b\n", ErrMalformed},
		"100,000":      {strings.Repeat("word\n", MaxEntries), nil},
		"100,001":      {strings.Repeat("word\n", MaxEntries+1), ErrOversize},
		"35 MB":        {strings.Repeat(strings.Repeat(" ", 99)+"\n", MaxBytes/100) + "word", nil},
		"beyond 35 MB": {strings.Repeat(strings.Repeat(" ", 99)+"\n", MaxBytes/100+1) + "word", ErrOversize},
	} {
		if _, err := Words(strings.NewReader(v.text)); !errors.Is(err, v.want) {
			t.Errorf("%s: %v, not %v", name, err, v.want)
		}
	}
}

func TestRegex(t *testing.T) {
	l, err := Regex(`(?i)test-\d+|sample`)
	must(t, err)
	for value, want := range map[string]bool{"TEST-12": true, "sample": true, "test-12 ": false, "a sample": false, "samples": false, "": false} {
		if got := (Lists{l}).Allows([]byte(value)); got != want {
			t.Errorf("%q: %v", value, got)
		}
	}
	if _, err := Regex(`(a)\1`); err == nil || !strings.Contains(err.Error(), "backreferences") {
		t.Errorf("error %v", err)
	}
	if (Lists)(nil).Allows([]byte("a")) {
		t.Error("no lists allow nothing")
	}
}

// TestAllowsAllocations asks without allocating.
func TestAllowsAllocations(t *testing.T) {
	var b strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&b, "entry number %d\n", i)
	}
	l := list(t, b.String())
	value, miss := []byte("Entry  Number 777"), []byte("ENTRY 777 of many")
	if n := testing.AllocsPerRun(100, func() {
		if !l.Allows(value) || l.Allows(miss) {
			t.Fatal("wrong answer")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkWords loads a list of the greatest number of entries, and asks it for a value of each.
func BenchmarkWords(b *testing.B) {
	var all strings.Builder
	for i := range MaxEntries {
		fmt.Fprintf(&all, "entry number %d of the list\n", i)
	}
	b.Run("load", func(b *testing.B) {
		b.SetBytes(int64(all.Len()))
		b.ReportAllocs()
		for b.Loop() {
			list(b, all.String())
		}
	})
	l := list(b, all.String())
	value := []byte("Entry Number 4711 of the list")
	b.Run("allows", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if !l.Allows(value) {
				b.Fatal("wrong answer")
			}
		}
	})
}
