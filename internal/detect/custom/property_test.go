package custom

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/magpie-sec/magpie/internal/text"
)

// definitions are what the property tests look for: with and without keywords, with matches short, long and of any length.
var definitions = []*Definition{
	{Name: "id", Regex: `[A-Z]{2}-\d{4,6}`},
	{Name: "near", Regex: `\d{4,}`, Keywords: []string{"badge", "Straße", "adg"}, MaximumMatchDistance: 20},
	{Name: "far", Regex: `[A-Z]\w*\d`, Keywords: []string{"badge no", "dge"}, MaximumMatchDistance: 300},
	{Name: "any", Regex: `B[^E]*E`},
	{Name: "line", Regex: `\b[A-Z].*\d\b`},
	{Name: "greedy", Regex: `(?s)AB.*12`},
	{Name: "start", Regex: `^\w+`},
	{Name: "end", Regex: `\w+\s?$`},
	{Name: "case", Regex: `(?i)straße\s*`, IgnoreWords: []string{"STRA"}},
	{Name: "long", Regex: `[a-zé ]{100,}`},
	{Name: "inner", Regex: `\w{1,8}--\w+`},
}

var fragments = []string{"AB", "12", "3456", "-", "--", " ", "\n", "badge", "Badge no", "STRASSE", "straße", "é", "E", "x", "ad", "the", "\u212a", "漢", ".", strings.Repeat("ab cd ", 300), strings.Repeat("z", 4090)}

func drawText(t *rapid.T) string {
	return strings.Join(rapid.SliceOfN(rapid.SampledFrom(fragments), 0, 150).Draw(t, "fragments"), "")
}

// narrow gives an engine the smallest window.
func narrow(e *Engine) *Engine {
	n := *e
	n.window = 2 * n.margin
	return &n
}

// cut makes blocks of a text.
func cut(t *rapid.T, s string) []*text.Block {
	var blocks []*text.Block
	for len(s) > 0 {
		n := min(len(s), rapid.IntRange(1, 6000).Draw(t, "block"))
		blocks = append(blocks, running(s[:n]))
		s = s[n:]
	}
	return blocks
}

// TestChunking reads a text as a whole, and in blocks through a small window: the same is found at the same places.
func TestChunking(t *testing.T) {
	e := engine(t, definitions...)
	small := narrow(e)
	rapid.Check(t, func(t *rapid.T) {
		s := drawText(t)
		whole, pieces := found(e, running(s)), found(small, cut(t, s)...)
		slices.Sort(whole)
		slices.Sort(pieces)
		if !slices.Equal(whole, pieces) {
			t.Fatalf("whole\n%.2000s\npieces\n%.2000s", strings.Join(whole, "\n"), strings.Join(pieces, "\n"))
		}
		var segments []*text.Block
		for _, b := range cut(t, s) {
			b.Kind = text.Records
			b.Segments = []text.Segment{{End: int32(len(b.Text)), Field: field, Row: 7, More: true}}
			segments = append(segments, b)
		}
		if len(segments) == 0 {
			return
		}
		segments[len(segments)-1].Segments[0].More = false
		value := &text.Block{Kind: text.Records, Text: []byte(s), Segments: []text.Segment{{End: int32(len(s)), Field: field, Row: 7}}}
		whole, pieces = found(e, value), found(small, segments...)
		slices.Sort(whole)
		slices.Sort(pieces)
		if !slices.Equal(whole, pieces) {
			t.Fatalf("value\n%.2000s\nits pieces\n%.2000s", strings.Join(whole, "\n"), strings.Join(pieces, "\n"))
		}
	})
}

var field = &text.Field{Names: []string{"badges"}, Steps: []text.Step{{Name: "badges"}}}

// TestRules compares a scan with the rules written down plainly: regexp finds the matches, and keywords are looked for at each character.
func TestRules(t *testing.T) {
	e := engine(t, definitions...)
	rapid.Check(t, func(t *rapid.T) {
		s := drawText(t)
		if len(s) > MaxMatch {
			s = strings.ToValidUTF8(s[:MaxMatch], "")
		}
		var want []string
		for _, d := range definitions {
			for _, m := range plainly(d, s) {
				line := 1 + strings.Count(s[:m[0]], "\n")
				column := 1 + utf8.RuneCountInString(s[strings.LastIndex(s[:m[0]], "\n")+1:m[0]])
				want = append(want, fmt.Sprintf("%s 0:%d %d:%d-%d %s", d.Name, m[0], line, column, line+strings.Count(s[m[0]:m[1]], "\n"), s[m[0]:m[1]]))
			}
		}
		got := found(e, running(s))
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("got\n%s\nwant\n%s\nof %q", strings.Join(got, "\n"), strings.Join(want, "\n"), s)
		}
	})
}

func plainly(d *Definition, s string) [][]int {
	// first returns the first match at or behind a position. The text before it is passed over by a group, so that assertions see it.
	first := func(at int) []int {
		skip := ""
		for n := utf8.RuneCountInString(s[:at]); n > 0; n -= 1000 {
			skip += fmt.Sprintf(`(?s:.{%d})`, min(n, 1000))
		}
		m := regexp.MustCompile(`\A` + skip + `(?s:.*?)(` + d.Regex + `)`).FindStringSubmatchIndex(s)
		if m == nil {
			return nil
		}
		return m[2:4]
	}
	counts := func(m []int) bool {
		return m[0] < m[1] && !slices.ContainsFunc(d.IgnoreWords, func(w string) bool { return strings.Contains(s[m[0]:m[1]], w) })
	}
	var out [][]int
	if len(d.Keywords) == 0 {
		for _, m := range regexp.MustCompile(d.Regex).FindAllStringIndex(s, -1) {
			if counts(m) {
				out = append(out, m)
			}
		}
		return out
	}
	ends := map[int]bool{}
	for i := range s {
		for _, k := range d.Keywords {
			end := i
			for range utf8.RuneCountInString(k) {
				_, size := utf8.DecodeRuneInString(s[end:])
				end += size
			}
			if strings.EqualFold(s[i:end], k) {
				ends[end] = true
			}
		}
	}
	pos := 0
	for end := 0; end <= len(s); end++ {
		if !ends[end] {
			continue
		}
		for at := max(end, pos); ; at = pos {
			m := first(at)
			if m == nil || utf8.RuneCountInString(s[end:m[1]]) > d.distance() {
				break
			}
			pos = m[1]
			if counts(m) {
				out = append(out, m)
			}
		}
	}
	return out
}

// TestLongest finds a match of just MaxMatch bytes and none of more, wherever the blocks end.
func TestLongest(t *testing.T) {
	e := narrow(engine(t, &Definition{Name: "n", Regex: `<[a-z]+>`}))
	for _, before := range []int{0, 1, e.window - e.margin - 1, e.window - e.margin, e.window - MaxMatch, e.window - 1, e.window} {
		for length, want := range map[int]int{MaxMatch: 1, MaxMatch + 1: 0} {
			s := strings.Repeat(".", before) + "<" + strings.Repeat("a", length-2) + ">" + strings.Repeat(".", 20_000)
			if got := found(e, running(s)); len(got) != want {
				t.Errorf("%d bytes behind %d: %d found", length, before, len(got))
			}
		}
	}
	// What begins inside of something that becomes too long is found.
	if got := found(e, running("<"+strings.Repeat("a", 3000)+"<"+strings.Repeat("a", 3000)+">")); len(got) != 1 {
		t.Errorf("%d found behind the beginning of a longer one", len(got))
	}
	e = narrow(engine(t, &Definition{Name: "n", Regex: `x[^y]*y`}))
	if got := found(e, running("x"+strings.Repeat("a", 3000)+"x"+strings.Repeat("a", 3000)+"y")); len(got) != 1 || !strings.HasPrefix(got[0], "n 0:3001 ") {
		t.Errorf("%.60s", got)
	}
}
