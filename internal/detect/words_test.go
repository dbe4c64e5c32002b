package detect_test

import (
	"bytes"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/check"
	"github.com/magpie-sec/magpie/internal/detect/detecttest"
	"github.com/magpie-sec/magpie/internal/text"
)

// wordAt returns the end of the letters at t[i:], or check.More.
func wordAt(t []byte, i int, final bool) int {
	for i < len(t) {
		if !final && !utf8.FullRune(t[i:]) {
			return check.More
		}
		r, size := utf8.DecodeRune(t[i:])
		if !unicode.IsLetter(r) && !unicode.Is(unicode.Mn, r) {
			return i
		}
		i += size
	}
	if !final {
		return check.More
	}
	return i
}

// street looks back from the word for "12 Some ", and ahead for a comma and one more word.
func street(t []byte, start, end int, final bool) (int, int) {
	from := start
	for from > 0 && (unicode.IsLetter(rune(t[from-1])) || t[from-1] == ' ' || t[from-1] >= utf8.RuneSelf) {
		from--
	}
	number := from
	for number > 0 && t[number-1]-'0' < 10 {
		number--
	}
	if number == from || number > 0 && t[number-1] != ' ' && t[number-1] != '\n' {
		return check.No, 0
	}
	if end+2 > len(t) && !final {
		return check.More, 0
	}
	if !bytes.HasPrefix(t[end:], []byte(", ")) {
		return number, end
	}
	to := wordAt(t, end+2, final)
	if to == check.More {
		return check.More, 0
	}
	return number, to
}

// person takes the word after a given name, and "Dr. " before it.
func person(t []byte, start, end int, final bool) (int, int) {
	if end == len(t) && !final {
		return check.More, 0
	}
	if end == len(t) || t[end] != ' ' {
		return check.No, 0
	}
	to := wordAt(t, end+1, final)
	if to == check.More {
		return check.More, 0
	}
	if to < end+3 {
		return check.No, 0
	}
	if bytes.HasSuffix(t[:start], []byte("Dr. ")) {
		start -= 4
	}
	return start, to
}

// seat is the two capitals before a number of three digits.
func seat(t []byte, start, end int, _ bool) (int, int) {
	if start < 3 || t[start-1] != ' ' || !unicode.IsUpper(rune(t[start-2])) || !unicode.IsUpper(rune(t[start-3])) {
		return check.No, 0
	}
	return start - 3, start - 1
}

func both() []*detect.Identifier {
	return []*detect.Identifier{
		{ID: "STREET", MaxLen: 60, Layouts: []detect.Layout{{Words: []string{"Street", "Straße", "Élysée"}, Around: street, Keyword: detect.KeywordUnneeded}}},
		{ID: "PERSON", MaxLen: 40, Layouts: []detect.Layout{{Words: []string{"john", "josé", "Łukasz", "mary", "jürgen", "Élodie", "MARY"}, Around: person, Keyword: detect.KeywordUnneeded}}},
		{ID: "SEAT", MaxLen: 3, Keywords: []string{"seat", "platz"}, Layouts: []detect.Layout{{Shape: "9{3}", Around: seat}}},
		{ID: "CODE", MaxLen: 20, Keywords: []string{"code"}, Layouts: []detect.Layout{{Words: []string{"Alpha", "Straße"}, Tail: func(rest []byte, final bool) int {
			if len(rest) < 4 && !final {
				return check.More
			}
			if len(rest) < 4 || rest[0] != '-' {
				return check.No
			}
			return 4
		}}}},
		{ID: "NUMBER", MaxLen: 5, Layouts: []detect.Layout{{Shape: "9{5}", Keyword: detect.KeywordUnneeded}}},
		{ID: "OPEN", MaxLen: 2, Layouts: []detect.Layout{{Shape: "9{2}", Keyword: detect.KeywordUnneeded, Open: true}}},
		{ID: "DL", MaxLen: 8, Keywords: []string{"dl"}, Layouts: []detect.Layout{{Shape: "'DL'9{6}"}}},
	}
}

func TestWordsAndAround(t *testing.T) {
	e := detecttest.Engine(t, 0, both()...)
	for in, want := range map[string]string{
		"at 123 Main Street, Denver.":       "STREET:123 Main Street, Denver",
		"at 7 main STREET":                  "STREET:7 main STREET",
		"at 7 main street":                  "",
		"at 12 Main Street":                 "OPEN:12 STREET:12 Main Street",
		"at 7 Hohe Straße":                  "STREET:7 Hohe Straße",
		"at 7 Hohe STRASSE!":                "STREET:7 Hohe STRASSE",
		"at 7 Élysée":                       "STREET:7 Élysée",
		"at 7 E\u0301lyse\u0301e":           "STREET:7 E\u0301lyse\u0301e",
		"at 7 Streets":                      "",
		"at 7 Streeté":                      "",
		"at 7 éStreet":                      "",
		"at 7 ÉStreet":                      "",
		"12345 Main Street":                 "NUMBER:12345", // claimed before
		"by Dr. John Smith":                 "PERSON:Dr. John Smith",
		"by José García, MD":                "PERSON:José García",
		"by JOSE GARCIA":                    "PERSON:JOSE GARCIA",
		"by Jose\u0301 G":                   "",
		"Łukasz Nowak":                      "PERSON:Łukasz Nowak",
		"LUKASZ Nowak":                      "PERSON:LUKASZ Nowak",
		"by\\nÉlodie Blanc, \\nMary Jones.": "PERSON:Élodie Blanc PERSON:Mary Jones",
		"by\\nMary Jones.":                  "PERSON:Mary Jones",
		"日本John Smith。":                     "PERSON:John Smith",
		"JOHN SMITH":                        "PERSON:JOHN SMITH",
		"John's dog":                        "",
		"seat AB 123":                       "SEAT:AB",
		"AB 123":                            "",
		"seat" + strings.Repeat(" ", 30) + "AB 123": "SEAT:AB",
		"seat" + strings.Repeat(" ", 31) + "AB 123": "",
		"code Alpha-123":            "CODE:Alpha-123",
		"Alpha-123":                 "",
		"code xAlpha-123":           "",
		"code x_Alpha-123":          "",
		"code Straße-123":           "CODE:Straße-123",
		"dl DL123456":               "DL:DL123456",
		"dl\\nDL123456":             "DL:DL123456",
		"DL123456":                  "",
		"12 Street 34 Street":       "OPEN:12 STREET:12 Street OPEN:34 STREET:34 Street",
		"\n12\n34 Some Long Street": "OPEN:12 OPEN:34 STREET:34 Some Long Street",
	} {
		var got []string
		for _, f := range detecttest.Scan(e, &text.Block{Text: []byte(in)}) {
			got = append(got, f.ID+":"+f.Text)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: found %q, want %q", in, got, want)
		}
	}
}

var aroundParts = []string{" ", "\n", "12", "123 Main Street", ", Denver", "Dr. John Smith", "Mary", " Jones", "José", "Łukasz Kowalski", "seat ", "AB ", "123", "12345",
	"code ", "Alpha-123", "Straße", "Élysée", "é", "日本", "\\n", "\\", "_", "dl ", "DL123456", "DL", strings.Repeat("word ", 90), strings.Repeat("x", 70), "\xff", "J", "ohn", "e\u0301"}

// TestAroundForEveryChunking reads texts whole, byte by byte, cut at every byte, and moved over the end of the window.
func TestAroundForEveryChunking(t *testing.T) {
	e := detecttest.Engine(t, 1, both()...)
	rapid.Check(t, func(t *rapid.T) {
		s := drawText(t, aroundParts)
		want := detecttest.Scan(e, whole(s))
		check := func(what string, blocks []*text.Block) {
			if diff := cmp.Diff(want, detecttest.Scan(e, blocks...)); diff != "" {
				t.Fatalf("%s (-whole +cut):\n%s", what, diff)
			}
		}
		var single []*text.Block
		for i := range len(s) {
			single = append(single, &text.Block{Text: []byte(s[i : i+1])})
		}
		check("byte by byte", single)
		for step, at := 1+len(s)/50, 0; at <= len(s); at += step {
			check("cut", detecttest.Split(&text.Block{Text: []byte(s)}, at))
			check("value cut", detecttest.Split(whole(s), at))
		}
		for _, f := range want {
			before := s[:f.Location.Offset]
			line, column := 1+strings.Count(before, "\n"), 1+utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
			if utf8.ValidString(s) && (f.Location.Line != int64(line) || f.Location.Column != int64(column)) {
				t.Fatalf("%q at %d:%d, want %d:%d", f.Text, f.Location.Line, f.Location.Column, line, column)
			}
		}
		head := strings.Repeat("lorem ipsum\n", 60) + strings.Repeat("-", 35)
		for _, n := range []int{0, rapid.IntRange(1, 3000).Draw(t, "shift")} {
			moved := []byte(strings.Repeat("\n", n) + head)
			got := detecttest.Scan(e, &text.Block{Text: append(moved, s...)})
			alone := detecttest.Scan(e, whole(strings.Repeat("\n", n)+head+s))
			if diff := cmp.Diff(alone, got); diff != "" {
				t.Fatalf("moved by %d (-whole +running):\n%s", n, diff)
			}
		}
	})
}

// TestAroundLooksBack shows how much an Around sees, wherever the window ends.
func TestAroundLooksBack(t *testing.T) {
	id := &detect.Identifier{ID: "A", MaxLen: 500, Layouts: []detect.Layout{{Words: []string{"Here"}, Keyword: detect.KeywordUnneeded,
		Around: func(t []byte, start, end int, final bool) (int, int) {
			if start < detect.LookBack || len(t) < start+100 && !final {
				return check.More, 0
			}
			return start - detect.LookBack, end
		}}}}
	e := detecttest.Engine(t, 1, id)
	for n := detect.LookBack; n < 4000; n++ {
		in := strings.Repeat("x ", n/2) + strings.Repeat(" ", n%2) + "Here " + strings.Repeat("y ", 300)
		got := detecttest.Scan(e, &text.Block{Text: []byte(in)})
		if len(got) != 1 || got[0].Location.Offset != int64(n-detect.LookBack) {
			t.Fatalf("after %d bytes: found %v", n, got)
		}
	}
}

func TestWordsAllocateNothing(t *testing.T) {
	e := detecttest.Engine(t, 0, both()...)
	block := &text.Block{Text: []byte(strings.Repeat("At 7 Main Street, by John Smith or José García. Seat AB 123. ", 100))}
	n := 0
	emit := func(detect.Match) { n++ }
	s := e.NewScanner(emit)
	pass := func() { s.Reset(emit); s.Write(block); s.Close() }
	pass()
	if n != 400 {
		t.Errorf("%d matches, want 400", n)
	}
	if a := testing.AllocsPerRun(5, pass); a > 0 {
		t.Errorf("%v allocations", a)
	}
}

func TestLayoutErrors(t *testing.T) {
	around := func([]byte, int, int, bool) (int, int) { return -1, 0 }
	tail := func([]byte, bool) int { return 0 }
	for name, l := range map[string]detect.Layout{
		"words and shape":    {Words: []string{"a"}, Shape: "9", Around: around},
		"words alone":        {Words: []string{"a"}},
		"around and tail":    {Shape: "9", Around: around, Tail: tail},
		"around, open":       {Shape: "9", Around: around, Open: true},
		"around with checks": {Shape: "9", Around: around, Check: func([]byte) bool { return true }},
		"glance, no around":  {Shape: "9", Glance: func([]byte, int, int, bool) bool { return true }},
		"whole words":        {Words: []string{"a"}, Tail: tail, Whole: true},
	} {
		l.Keyword = detect.KeywordUnneeded
		if _, err := detect.New(detect.Options{Identifiers: []*detect.Identifier{{ID: "A", MaxLen: 9, Layouts: []detect.Layout{l}}}}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestAroundFarBehindItsKeyword needs a keyword right before a value whose shape stands at its far end.
func TestAroundFarBehindItsKeyword(t *testing.T) {
	id := &detect.Identifier{ID: "A", MaxLen: 500, Keywords: []string{"list"}, Layouts: []detect.Layout{{Shape: "9{7}",
		Around: func(t []byte, start, end int, final bool) (int, int) { return bytes.LastIndexByte(t[:start], '<'), end }}}}
	e := detecttest.Engine(t, 1, id)
	for n := range 450 {
		in := "list" + strings.Repeat(".", 30) + "<" + strings.Repeat("x", n) + " 1234567 "
		got := detecttest.Scan(e, &text.Block{Text: []byte(in)})
		if want := n+2 <= detect.LookBack; (len(got) == 1) != want {
			t.Fatalf("%d bytes behind: found %v", n+2, got)
		}
	}
}
