package detect_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/detecttest"
	"github.com/magpie-sec/magpie/internal/detect/managed"
	"github.com/magpie-sec/magpie/internal/text"
)

// narrow returns the managed identifiers with short greatest lengths, so that an engine's window is small and its edge often met.
func narrow() []*detect.Identifier {
	ids := managed.All()
	for _, id := range ids {
		id.MaxLen = min(id.MaxLen, 600)
	}
	return ids
}

// fragments are the texts of all vectors, and the noise that is put between them.
func fragments(tb testing.TB) []string {
	out := []string{" ", "\n", "\r\n", ".", ", ", "é", "日本", "\\n", "-", "_", "x", "7", "\t", "a1B2c3", "ssn ", "card: ", "телефон ", "…", "\u00a0",
		strings.Repeat("Ab9", 40), strings.Repeat("7", 150), strings.Repeat(" ", 40), strings.Repeat("é", 70), strings.Repeat("\n", 33)}
	for _, id := range managed.All() {
		vectors := detecttest.ReadVectors(tb, filepath.Join("managed", "testdata", id.ID+".txt"))
		for _, v := range vectors[:min(6, len(vectors))] {
			if len(v.Text) < 500 {
				out = append(out, v.Text)
			}
		}
	}
	return out
}

func drawText(t *rapid.T, from []string) string {
	return strings.Join(rapid.SliceOfN(rapid.SampledFrom(from), 1, 60).Draw(t, "fragments"), "")
}

// whole is the text as one complete value, which is read where it is.
func whole(t string) *text.Block {
	return &text.Block{Kind: text.Lines, Text: []byte(t), Segments: []text.Segment{{End: int32(len(t)), Row: 1}}}
}

// cuts draws a text's pieces.
func cuts(t *rapid.T, s string) []string {
	var out []string
	for s != "" {
		n := rapid.IntRange(1, len(s)).Draw(t, "cut")
		if rapid.Bool().Draw(t, "short") {
			n = min(n, 1+n%17)
		}
		out = append(out, s[:n])
		s = s[n:]
	}
	return out
}

func TestSameMatchesForEveryChunking(t *testing.T) {
	from := fragments(t)
	e := detecttest.Engine(t, 1, narrow()...)
	rapid.Check(t, func(t *rapid.T) {
		s := drawText(t, from)
		want := detecttest.Scan(e, whole(s))
		var running, pieces []*text.Block
		parts := cuts(t, s)
		for i, p := range parts {
			running = append(running, &text.Block{Text: []byte(p)})
			pieces = append(pieces, &text.Block{Kind: text.Lines, Text: []byte(p),
				Segments: []text.Segment{{End: int32(len(p)), Row: 1, More: i < len(parts)-1}}})
		}
		if diff := cmp.Diff(want, detecttest.Scan(e, running...)); diff != "" {
			t.Fatalf("running text (-whole +cut):\n%s", diff)
		}
		if diff := cmp.Diff(want, detecttest.Scan(e, pieces...)); diff != "" {
			t.Fatalf("a value in pieces (-whole +cut):\n%s", diff)
		}
	})
}

// TestValuesInPieces cuts the values of fields, among them names that have to be whole values.
func TestValuesInPieces(t *testing.T) {
	from := append(fragments(t), "Ana Souza", "James Okafor", "  ")
	e := detecttest.Engine(t, 1, narrow()...)
	fields := []*text.Field{{Names: []string{"full_name"}}, {Names: []string{"customer", "ssn"}}, {Names: []string{"card"}, Column: 2}, {Names: []string{"x"}},
		{Names: []string{"items", "Authorization"}, Arrays: 1, Steps: []text.Step{{Name: "items"}, {Array: true}, {Name: "Authorization"}}}}
	rapid.Check(t, func(t *rapid.T) {
		var atOnce, cut []*text.Block
		for row := range int64(rapid.IntRange(1, 5).Draw(t, "values")) {
			s := strings.Join(rapid.SliceOfN(rapid.SampledFrom(from), 0, 5).Draw(t, "fragments"), "")
			f := rapid.SampledFrom(fields).Draw(t, "field")
			atOnce = append(atOnce, &text.Block{Kind: text.Records, Text: []byte(s), Indexes: []int64{row},
				Segments: []text.Segment{{End: int32(len(s)), Field: f, Row: row}}})
			parts := append(cuts(t, s), "")
			for i, p := range parts {
				cut = append(cut, &text.Block{Kind: text.Records, Text: []byte(p), Indexes: []int64{row},
					Segments: []text.Segment{{End: int32(len(p)), Field: f, Row: row, More: i < len(parts)-1}}})
			}
		}
		if diff := cmp.Diff(detecttest.Scan(e, atOnce...), detecttest.Scan(e, cut...)); diff != "" {
			t.Fatalf("(-at once +cut):\n%s", diff)
		}
	})
}

// TestPlaces compares every location with a plain count over the whole text.
func TestPlaces(t *testing.T) {
	from := fragments(t)
	e := detecttest.Engine(t, 1, narrow()...)
	rapid.Check(t, func(t *rapid.T) {
		s := drawText(t, from)
		var blocks []*text.Block
		for _, p := range cuts(t, s) {
			blocks = append(blocks, &text.Block{Text: []byte(p)})
		}
		last := int64(-1)
		for _, f := range detecttest.Scan(e, blocks...) {
			l := f.Location
			if s[l.Offset:l.Offset+l.Length] != f.Text {
				t.Fatalf("the text at %d is not %q", l.Offset, f.Text)
			}
			before := s[:l.Offset]
			want := text.Location{Kind: text.Lines, Offset: l.Offset, Length: int64(len(f.Text)), Line: 1 + int64(strings.Count(before, "\n")),
				Column: 1 + int64(utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]))}
			want.EndLine = want.Line + int64(strings.Count(f.Text, "\n"))
			if diff := cmp.Diff(want, l); diff != "" {
				t.Fatalf("place of %q (-want +got):\n%s", f.Text, diff)
			}
			if l.Offset < last {
				t.Fatal("matches are not in order")
			}
			last = l.Offset
		}
	})
}

func TestPlacesInStructures(t *testing.T) {
	e := detecttest.Engine(t, 0, managed.All()...)
	card, list := &text.Field{Names: []string{"card"}, Column: 2}, &text.Field{Names: []string{"users", "ssn"}, Arrays: 1}
	const number, ssn = "4532015112830366", "536-22-8145"
	got := detecttest.Scan(e,
		&text.Block{Kind: text.Cells, Text: []byte("id,my card " + number + "\n" + number), Segments: []text.Segment{
			{Start: 0, End: 27, Row: 1}, {Start: 28, End: 44, Field: card, Row: 2}}},
		&text.Block{Kind: text.Records, Text: []byte(ssn + ssn), Indexes: []int64{3, 4}, Segments: []text.Segment{
			{Start: 0, End: 11, Field: list, Row: 7, Index: 1}, {Start: 11, End: 22, Field: list, Row: 8, Index: 0}}},
		&text.Block{Kind: text.Pages, Text: []byte("see ssn " + ssn), Segments: []text.Segment{{End: 19, Row: 12}}},
		&text.Block{Text: []byte("a\nssn " + ssn[:4])}, &text.Block{Text: []byte(ssn[4:])},
	)
	var places []text.Location
	for _, f := range got {
		places = append(places, f.Location)
	}
	want := []text.Location{
		{Kind: text.Lines, Offset: 11, Length: 16, Line: 1, EndLine: 1, Column: 12},
		{Kind: text.Cells, Length: 16, Row: 2, Field: card},
		{Kind: text.Records, Length: 11, Row: 7, Field: list, Indexes: []int64{4}},
		{Kind: text.Records, Length: 11, Row: 8, Field: list, Indexes: []int64{3}},
		{Kind: text.Pages, Offset: 8, Length: 11, Row: 12},
		{Kind: text.Lines, Offset: 6, Length: 11, Line: 2, EndLine: 2, Column: 5},
	}
	if diff := cmp.Diff(want, places); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestReset shows that nothing of a document reaches the next: neither text nor keywords, lines nor fields.
func TestReset(t *testing.T) {
	e := detecttest.Engine(t, 0, managed.All()...)
	n := 0
	s := e.NewScanner(func(detect.Match) { t.Error("a match of a document that was dropped") })
	s.Write(&text.Block{Text: []byte("a\nb\nssn 536-22-")})
	s.Reset(func(m detect.Match) {
		n++
		if m.Location.Line != 1 || m.Location.Offset != 4 {
			t.Errorf("place %+v", m.Location)
		}
	})
	s.Write(&text.Block{Text: []byte("8145")})
	s.Close()
	s.Reset(func(detect.Match) { n++ })
	s.Write(&text.Block{Text: []byte("ssn ")})
	s.Close()
	s.Reset(func(detect.Match) { t.Error("a keyword of another document") })
	s.Write(&text.Block{Text: []byte("536-22-8145")})
	s.Close()
	s.Reset(func(m detect.Match) {
		n++
		if m.Location.Line != 1 || m.Location.Offset != 4 {
			t.Errorf("place %+v", m.Location)
		}
	})
	s.Write(&text.Block{Text: []byte("ssn 536-22-8145")})
	s.Close()
	if n != 1 {
		t.Errorf("%d matches, want 1", n)
	}
}

// TestNothingAcrossValues shows that neither a value nor a keyword's reach crosses the border of two values.
func TestNothingAcrossValues(t *testing.T) {
	e := detecttest.Engine(t, 0, managed.All()...)
	b := &text.Block{Kind: text.Cells, Text: []byte("ssn536-22-8145536-22-8145"), Segments: []text.Segment{
		{Start: 0, End: 3, Row: 1}, {Start: 3, End: 14, Row: 1}, {Start: 14, End: 18, Row: 2}, {Start: 18, End: 25, Row: 2}}}
	if got := detecttest.Scan(e, b); len(got) > 0 {
		t.Errorf("found %v", got)
	}
}

// TestMemory reads 64 MB of each kind of hostile text: the scanner holds its window and allocates next to nothing.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Log("reads 4 MB of each only")
	}
	e := detecttest.Engine(t, 0, managed.All()...)
	total := 16 << 20
	if testing.Short() {
		total = 4 << 20
	}
	for name, unit := range map[string]string{
		"a line of digits": "1234567890", "a line of letters": "abcdefghij", "keywords": "ssn card dob ", "beginnings of keys": "-----BEGIN PRIVATE KEY-----",
		"beginnings of tokens": "eyJ.", "token starts": "eyJ-", "cookies": "Cookie: a=b;", "cookies in cookies": "cookie:a=", "accents": "e\u0301\u0301", "wide": "日本語", "PuTTY": "PuTTY-User-Key-File-2: a\n",
		"spaces": " ", "backslashes": "\\", "groups": "4532 ", "bad UTF-8": "\xff\xc3\xe2\x82",
	} {
		t.Run(name, func(t *testing.T) {
			chunk := []byte(strings.Repeat(unit, 64<<10/len(unit)))
			s := e.NewScanner(func(detect.Match) {})
			read := func(blocks int, more bool) {
				s.Reset(func(detect.Match) {})
				for range blocks {
					b := &text.Block{Text: chunk}
					if more {
						b.Segments = []text.Segment{{End: int32(len(chunk)), More: true}}
					}
					s.Write(b)
				}
				s.Close()
			}
			read(4, false)
			allocs := testing.AllocsPerRun(1, func() { read(total/len(chunk), false); read(total/len(chunk), true) })
			if limit := float64(6 * total / len(chunk)); allocs > limit {
				t.Errorf("%v allocations, want at most %v (those of the blocks)", allocs, limit)
			}
		})
	}
}

// TestHostileStreams reads texts that no document should be, without holding them: a run of a gigabyte of digits, a line of ten million keywords,
// random bytes and random characters. The scanner allocates nothing on its way.
func TestHostileStreams(t *testing.T) {
	e := detecttest.Engine(t, 0, managed.All()...)
	r := rand.New(rand.NewPCG(5, 6))
	random := make([]byte, 1<<20)
	for i := range random {
		random[i] = byte(r.Uint32())
	}
	var characters []byte
	planes := [][2]rune{{0x20, 0x7F}, {0x80, 0x600}, {0x900, 0x1200}, {0x2000, 0x2100}, {0x3000, 0xD7FF}, {0xE000, 0xFFFD}, {0x10000, 0x10FFFF}, {0, 0x20}}
	for len(characters) < 1<<20 {
		p := planes[r.IntN(len(planes))]
		characters = utf8.AppendRune(characters, p[0]+r.Int32N(p[1]-p[0]))
	}
	words := keywordsOf(managed.All())
	for name, c := range map[string]struct {
		chunk []byte
		total int
	}{
		"digits":     {bytes.Repeat([]byte("7"), 1<<20), 1 << 30},
		"keywords":   {[]byte(strings.Join(words, " ") + " "), 10_000_000 / len(words) * len(strings.Join(words, " "))},
		"bytes":      {random, 32 << 20},
		"characters": {characters, 32 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() {
				c.total /= 32
			}
			s := e.NewScanner(func(detect.Match) {})
			b := &text.Block{Text: c.chunk}
			read := func(total int) {
				s.Reset(func(detect.Match) {})
				for n := 0; n < total; n += len(c.chunk) {
					s.Write(b)
				}
				s.Close()
			}
			read(2 * len(c.chunk))
			if allocs := testing.AllocsPerRun(1, func() { read(c.total / 2) }); allocs > 8 {
				t.Errorf("%v allocations", allocs)
			}
		})
	}
}

// keywordsOf returns every keyword, in words that text may hold.
func keywordsOf(ids []*detect.Identifier) (out []string) {
	for _, id := range ids {
		for _, kw := range id.Keywords {
			out = append(out, strings.Trim(kw, "^$"))
		}
	}
	return out
}

// TestLinearWork counts how often checks are asked, in hostile texts and in texts four times as long: four times as often, a little aside.
func TestLinearWork(t *testing.T) {
	calls := 0
	ids := managed.All()
	for _, id := range ids {
		if check := id.Check; check != nil {
			id.Check = func(c []byte) bool { calls++; return check(c) }
		}
		id.Layouts = slices.Clone(id.Layouts)
		for i := range id.Layouts {
			l := &id.Layouts[i]
			if check := l.Check; check != nil {
				l.Check = func(c []byte) bool { calls++; return check(c) }
			}
			if check := l.CheckText; check != nil {
				l.CheckText = func(c []byte) bool { calls++; return check(c) }
			}
			if tail := l.Tail; tail != nil {
				l.Tail = func(rest []byte, final bool) int { calls++; return tail(rest, final) }
			}
			if around := l.Around; around != nil {
				l.Around = func(t []byte, start, end int, final bool) (int, int) { calls++; return around(t, start, end, final) }
			}
		}
	}
	e := detecttest.Engine(t, 0, ids...)
	s := e.NewScanner(func(detect.Match) {})
	words := strings.Join(keywordsOf(ids), " ")
	for _, unit := range []string{"12345678 ", "ssn 123-45-", "4532 0151 ", "card 4532015112830366", "eyJ.", "cookie:a=", "Authorization: Basic ", "-----BEGIN PRIVATE KEY-----\n",
		"1984-03-29 dob ", "A1B2C3D4E5 ", "a1-", "tel +1 415 ", "driver's license 123456789 ", "id 1234567 AB123456 ", "James ", "12 Main Street ", words + " 123456789 "} {
		count := func(size int) int {
			calls = 0
			chunk := []byte(strings.Repeat(unit, 1+size/len(unit)))[:size]
			s.Reset(func(detect.Match) {})
			for ; len(chunk) > 10000; chunk = chunk[10000:] {
				s.Write(&text.Block{Text: chunk[:10000]})
			}
			s.Close()
			return calls
		}
		short, long := count(300_000), count(1_200_000)
		if long > 4*short+short/4+1000 {
			t.Errorf("%.40q: %d calls in a text, %d in one four times as long", unit, short, long)
		}
	}
}

// TestDeepFields reads values of fields a thousand names deep, each field once.
func TestDeepFields(t *testing.T) {
	e := detecttest.Engine(t, 0, managed.All()...)
	n := 0
	s := e.NewScanner(func(detect.Match) { n++ })
	names := make([]string, 1000)
	for i := range names {
		names[i] = "level"
	}
	names[0] = "ssn"
	value := []byte("536-22-8145")
	for range 3 * 4096 / 2 {
		s.Write(&text.Block{Kind: text.Records, Text: value, Segments: []text.Segment{{End: 11, Field: &text.Field{Names: names}, Row: 1}}})
	}
	s.Close()
	if n != 3*4096/2 {
		t.Errorf("%d matches, want %d", n, 3*4096/2)
	}
}

// TestManyFields reads values of a hundred thousand columns, each seen once.
func TestManyFields(t *testing.T) {
	e := detecttest.Engine(t, 0, managed.All()...)
	n := 0
	s := e.NewScanner(func(detect.Match) { n++ })
	value := []byte("536-22-8145")
	for i := range 100000 {
		f := &text.Field{Names: []string{"ssn" + strings.Repeat("x", i%2)}, Column: i}
		s.Write(&text.Block{Kind: text.Cells, Text: value, Segments: []text.Segment{{End: 11, Field: f, Row: 1}}})
	}
	s.Close()
	if n != 50000 {
		t.Errorf("%d matches, want 50000", n)
	}
}

// FuzzScanner reads any bytes in any chunks: no panic, and the same matches as at once.
func FuzzScanner(f *testing.F) {
	for _, s := range fragments(f) {
		f.Add([]byte(s), []byte{3, 1, 200})
	}
	e := detecttest.Engine(f, 1, narrow()...)
	f.Fuzz(func(t *testing.T, data, sizes []byte) {
		data = bytes.Repeat(data, 1+len(sizes)%3)
		want := detecttest.Scan(e, whole(string(data)))
		var blocks []*text.Block
		for rest, i := data, 0; len(rest) > 0; i++ {
			n := len(rest)
			if len(sizes) > 0 {
				n = min(n, 1+int(sizes[i%len(sizes)]))
			}
			blocks = append(blocks, &text.Block{Text: rest[:n]})
			rest = rest[n:]
		}
		got := detecttest.Scan(e, blocks...)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%d blocks (-whole +cut):\n%s", len(blocks), diff)
		}
		names := &text.Field{Names: []string{string(data), "ssn"}}
		value := &text.Block{Kind: text.Cells, Text: data, Segments: []text.Segment{{End: int32(len(data)), Field: names}}}
		inField := detecttest.Scan(e, value)
		if len(data) > 1 {
			cut := detecttest.Split(value, int(binary.LittleEndian.Uint16(append(sizes, 0, 0)))%len(data))
			if diff := cmp.Diff(inField, detecttest.Scan(e, cut...)); diff != "" {
				t.Fatalf("a value in two pieces (-whole +cut):\n%s", diff)
			}
		}
	})
}
