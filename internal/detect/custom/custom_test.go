package custom

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/text"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func engine(t testing.TB, defs ...*Definition) *Engine {
	t.Helper()
	e, err := New(defs)
	must(t, err)
	return e
}

// found scans blocks and returns the matches as "name offset:text", with a path or place where there is one.
func found(e *Engine, blocks ...*text.Block) []string {
	var out []string
	s := e.NewScanner(func(m Match) {
		l := m.Location
		out = append(out, fmt.Sprintf("%s %d:%d %d:%d-%d %s", m.Definition.Name, l.Row, l.Offset, l.Line, l.Column, l.EndLine, m.Text))
	})
	for _, b := range blocks {
		s.Write(b)
	}
	s.Close()
	return out
}

func running(s string) *text.Block { return &text.Block{Text: []byte(s)} }

// TestAgreesWithRegexp compares the matches of definitions without keywords with those of regexp.
func TestAgreesWithRegexp(t *testing.T) {
	patterns := []string{
		`\d{3}-\d{2}-\d{4}`, `[A-Z]{2}\d+`, `a|ab|abc`, `(a|ab)(c|bcd)*`, `a*`, `a*?`, `a+?b`, `(?i)straße`, `\bfoo\b`, `^foo`, `foo$`, `(?m)^\w+$`, `^$`,
		`x*y?`, `.`, `.+`, `(?s).+`, `[^a]+`, `\Bo\B`, `é+`, `(?i)k`, `\pL+`, `[[:alpha:]]+\d`, `(foo|bar)+baz`, `(|a)+b`, `(a|aa)+$`, `(x+x+)+y`,
		`a{2,3}`, `a{2,3}?`, `(ab){2}`, `\x{FFFD}`, `foo\b.`, `b\b`, `(?:a*)+b`, `\w+@\w+\.com`, `[A-Z]{2,4}-ACME-\d+`, `\$\d+\.\d\d`,
	}
	texts := []string{
		"", "a", "b", "ab", "abc", "abcabcd", "aaa", "baaac", "123-45-6789 AB12 foo foobar bar\nfoo", "foo", "xfoo\nfoo bar\n", "STRASSE Straße straSSe",
		"éé e é", "\u212aelvin k K", "aaab xxxxy xxy", "a\xffb\xe2\x82", "you@example.com, me@b.com", "X-ACME-1 AB-ACME-22 ABCDE-ACME-3", "cost $12.50 $3.1 $4.99",
		"foobarbaz barbaz baz", "漢字 foo 漢", strings.Repeat("ab ", 3000),
	}
	for _, p := range patterns {
		prog, err := compile(p)
		if err != nil {
			t.Errorf("%s: %v", p, err)
			continue
		}
		re := regexp.MustCompile(p)
		for _, s := range texts {
			var want, got [][2]int
			for _, m := range re.FindAllStringIndex(s, -1) {
				if m[0] < m[1] && m[1]-m[0] <= MaxMatch {
					want = append(want, [2]int{m[0], m[1]})
				}
			}
			m := newMatcher(prog)
			r := reading{t: []byte(s), first: true, final: true}
			for at := 0; at < len(s); {
				start, end, ok := m.find(r, at, len(s), len(s))
				if !ok {
					break
				}
				got = append(got, [2]int{start, end})
				at = end
			}
			if fmt.Sprint(got) != fmt.Sprint(want) && len(s) < MaxMatch {
				t.Errorf("%s in %.40q: %v, regexp says %v", p, s, got, want)
			}
		}
	}
}

// TestKeywords holds the rule of the distance: from the end of a complete keyword, which stands before, to the end of the match.
func TestKeywords(t *testing.T) {
	d := func(distance int, keywords ...string) *Definition {
		return &Definition{Name: "n", Regex: `[A-Z]\d{5}`, Keywords: keywords, MaximumMatchDistance: distance}
	}
	for _, v := range []struct {
		d    *Definition
		text string
		want int
	}{
		{d(7, "badge"), "badge A12345", 1},
		{d(6, "badge"), "badge A12345", 0},
		{d(50, "badge"), "BaDgE: A12345", 1},
		{d(50, "badge"), "A12345 badge", 0},
		{d(50, "badge"), "bad A12345", 0},
		{d(50, "badge"), "badge " + strings.Repeat("x", 43) + "A12345", 1},
		{d(50, "badge"), "badge " + strings.Repeat("x", 44) + "A12345", 0},
		{d(50, "badge"), "badge " + strings.Repeat("é", 43) + "A12345", 1},
		{d(50, "badge"), "badge A12345, B23456 and C34567", 3},
		{d(20, "badge"), "badge A12345, B23456 and C34567 badge D11111", 3},
		{d(50, "Größe"), "GRÖSSE A12345 gröẞe A12345", 1},
		{d(50, "key"), "\u212aEY A12345", 1},
		{d(50, "A12"), "A12345", 0},
		{d(50), "A12345", 1},
	} {
		n, err := Count(v.d, v.text)
		must(t, err)
		if n != v.want {
			t.Errorf("%q within %d of %q: %d, not %d", v.text, v.d.MaximumMatchDistance, v.d.Keywords, n, v.want)
		}
	}
}

func TestLevel(t *testing.T) {
	plain := &Definition{}
	if plain.Level(0) != 0 || plain.Level(1) != detect.Medium || plain.Level(1000) != detect.Medium {
		t.Error("without levels any number is Medium")
	}
	d := &Definition{SeverityLevels: []SeverityLevel{{detect.High, 100}, {detect.Low, 5}}}
	for n, want := range map[int64]detect.Level{4: 0, 5: detect.Low, 99: detect.Low, 100: detect.High} {
		if got := d.Level(n); got != want {
			t.Errorf("%d occurrences: %v", n, got)
		}
	}
}
