package custom

import (
	"slices"
	"strings"
	"testing"
)

// FuzzDefinition gives Check and New arbitrary patterns and words: they agree, and what they accept can be scanned for.
func FuzzDefinition(f *testing.F) {
	for _, p := range append(hostilePatterns, `[A-Z]-\d{8}`, `(?i)straße`, `\x{FFFD}`, `(?m)^a$`, `[[:^alpha:]]{3}`, `\Qa.b\E+`) {
		f.Add(p, "keyword", "ignore", "a keyword and A-12345678 and straße")
	}
	f.Fuzz(func(t *testing.T, pattern, keyword, ignore, sample string) {
		d := &Definition{Name: "n", Regex: pattern, Keywords: []string{keyword}, IgnoreWords: []string{ignore}}
		if keyword == "" {
			d.Keywords = nil
		}
		if ignore == "" {
			d.IgnoreWords = nil
		}
		err := Check(d)
		if _, err2 := New([]*Definition{d}); (err == nil) != (err2 == nil) {
			t.Fatalf("Check says %v, New %v", err, err2)
		}
		if err != nil {
			return
		}
		for _, m := range found(engine(t, d), running(sample)) {
			if d.Keywords == nil && ignore != "" && strings.HasSuffix(m, ignore) {
				t.Errorf("%q holds the ignore word", m)
			}
		}
	})
}

// FuzzScanner compares a scan of a whole text with one in two blocks through the smallest window, by a pattern of the fuzzer's.
func FuzzScanner(f *testing.F) {
	f.Add(`[A-Z]-\d{8}`, "badge A-12345678 straße", uint16(9), uint8(7))
	f.Add(`a[^b]*b`, "axxb", uint16(3000), uint8(2))
	f.Add(`\b\w+$`, "word ", uint16(4000), uint8(1))
	f.Fuzz(func(t *testing.T, pattern, s string, times uint16, at uint8) {
		defs := []*Definition{{Name: "free", Regex: pattern}, {Name: "keyed", Regex: pattern, Keywords: []string{"badge"}}}
		e, err := New(defs)
		if err != nil || len(s) == 0 {
			return
		}
		// As extraction hands it over.
		s = strings.ToValidUTF8(strings.Repeat(s, min(int(times), 30_000/len(s))+1), "\uFFFD")
		cut := min(len(s)*int(at)/255, len(s))
		whole, pieces := found(e, running(s)), found(narrow(e), running(s[:cut]), running(s[cut:]))
		slices.Sort(whole)
		slices.Sort(pieces)
		if !slices.Equal(whole, pieces) && len(exhausted(e, s))+len(exhausted(narrow(e), s)) == 0 {
			t.Fatalf("whole %.500q, in pieces %.500q", whole, pieces)
		}
	})
}

// exhausted returns the definitions whose budget a text spends: where that happens depends on the window.
func exhausted(e *Engine, s string) []*Definition {
	scanner := e.NewScanner(func(Match) {})
	scanner.Write(running(s))
	scanner.Close()
	return scanner.Exhausted()
}
