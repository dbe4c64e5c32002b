package detecttest

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/text"
)

// A Found is a match with its text copied.
type Found struct {
	ID       string
	Text     string
	Location text.Location
}

// Scan scans a document and returns what was found.
func Scan(e *detect.Engine, blocks ...*text.Block) []Found {
	var out []Found
	s := e.NewScanner(func(m detect.Match) {
		out = append(out, Found{ID: m.Identifier.ID, Text: string(m.Text), Location: m.Location})
	})
	for _, b := range blocks {
		s.Write(b)
	}
	s.Close()
	return out
}

// Engine compiles identifiers.
func Engine(tb testing.TB, window int, ids ...*detect.Identifier) *detect.Engine {
	tb.Helper()
	e, err := detect.New(detect.Options{Identifiers: ids, Window: window})
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

// minVectors is the least number of positive and of negative vectors for an identifier.
const minVectors = 8

// Run is the acceptance suite. For every identifier, dir holds a file ID.txt of vectors; each vector is tried alone and together with all
// other identifiers, at the start, in the middle and at the end of a text, repeated, with CRLF, cut in two at every byte, at every place of the
// engine's window, as a value of a column and of a path, and with every keyword at and beyond its reach.
func Run(t *testing.T, ids []*detect.Identifier, dir string) {
	all := Engine(t, 0, ids...)
	for _, id := range ids {
		t.Run(id.ID, func(t *testing.T) {
			s := &suite{T: t, id: id, all: all, alone: Engine(t, 1, id), vectors: ReadVectors(t, filepath.Join(dir, id.ID+".txt"))}
			s.table()
			s.plain()
			if t.Failed() {
				return // the rest would say the same many times
			}
			for i := range s.vectors {
				v := &s.vectors[i]
				s.placed(v)
				s.lineEnds(v)
				s.cut(v)
				s.longer(v)
			}
			s.window()
			s.inFields()
			s.keywords()
			s.reach()
			s.allocations()
		})
	}
}

type suite struct {
	*testing.T
	id         *detect.Identifier
	all, alone *detect.Engine
	vectors    []Vector
}

// found returns the spans that the engine finds for the identifier.
func (s *suite) found(e *detect.Engine, blocks ...*text.Block) [][2]int {
	var out [][2]int
	for _, f := range Scan(e, blocks...) {
		if f.ID == s.id.ID {
			out = append(out, [2]int{int(f.Location.Offset), int(f.Location.Offset + f.Location.Length)})
			if len(f.Text) > s.id.MaxLen {
				s.Errorf("found %d bytes, MaxLen is %d", len(f.Text), s.id.MaxLen)
			}
		}
	}
	return out
}

func (s *suite) expect(what string, v *Vector, got, want [][2]int) {
	s.Helper()
	if !slices.Equal(got, want) {
		s.Errorf("line %d, %s: found %v, want %v in %.200q", v.Line, what, got, want, v.Text)
	}
}

// table checks the entry itself.
func (s *suite) table() {
	if s.id.Citation == "" {
		s.Error("no citation")
	}
	for n, level := range s.id.Severity {
		if level < detect.Low || level > detect.High {
			s.Errorf("severity %d is not set", n)
		}
	}
	if !slices.Contains([]detect.Category{detect.Credentials, detect.FinancialInformation, detect.PersonalInformation}, s.id.Category) {
		s.Errorf("category %q", s.id.Category)
	}
	positive, negative := 0, 0
	for _, v := range s.vectors {
		if len(v.Spans) > 0 {
			positive++
		} else {
			negative++
		}
	}
	if positive < minVectors || negative < minVectors {
		s.Errorf("%d positive and %d negative vectors, want at least %d of each", positive, negative, minVectors)
	}
}

func (s *suite) plain() {
	if s.id.Example != "" {
		v, err := parseVector("+ " + s.id.Example)
		if err != nil {
			s.Fatalf("Example: %v", err)
		}
		s.expect("the example", &v, s.found(s.all, v.Blocks()...), v.Spans)
	}
	for i := range s.vectors {
		v := &s.vectors[i]
		s.expect("with all identifiers", v, s.found(s.all, v.Blocks()...), v.Spans)
		s.expect("alone", v, s.found(s.alone, v.Blocks()...), v.Spans)
	}
}

func shift(spans [][2]int, by int) [][2]int {
	var out [][2]int
	for _, s := range spans {
		out = append(out, [2]int{s[0] + by, s[1] + by})
	}
	return out
}

const filler = "The quick brown fox jumps over the lazy dog while it sleeps.\n"

// placed moves the text into the middle and to the end of a larger one, and repeats it.
func (s *suite) placed(v *Vector) {
	if v.Path != nil {
		return
	}
	head := strings.Repeat(filler, 3)
	run := func(what, t string, want [][2]int) {
		s.expect(what, v, s.found(s.all, &text.Block{Text: []byte(t)}), want)
	}
	run("in the middle", head+v.Text+"\n"+head, shift(v.Spans, len(head)))
	run("at the end", head+v.Text, shift(v.Spans, len(head)))
	again := len(v.Text) + 1 + len(head)
	run("repeated", v.Text+"\n"+head+v.Text, append(slices.Clone(v.Spans), shift(v.Spans, again)...))
}

// lineEnds writes the text with CRLF: the same values are found, with their line ends.
func (s *suite) lineEnds(v *Vector) {
	if !strings.Contains(v.Text, "\n") || strings.Contains(v.Text, "\r") || v.Path != nil {
		return
	}
	crlf := func(t string) string { return strings.ReplaceAll(t, "\n", "\r\n") }
	var want [][2]int
	for _, span := range v.Spans {
		want = append(want, [2]int{len(crlf(v.Text[:span[0]])), len(crlf(v.Text[:span[1]]))})
	}
	got := s.found(s.all, &text.Block{Text: []byte(crlf(v.Text))})
	s.expect("with CRLF", v, got, want)
}

// cut hands the text over in two parts, cut at every byte, and byte by byte.
func (s *suite) cut(v *Vector) {
	b := v.Blocks()[0]
	step := 1 + len(v.Text)/2000
	for at := 0; at <= len(b.Text); at += step {
		s.expect(fmt.Sprintf("cut at %d", at), v, s.found(s.alone, Split(b, at)...), v.Spans)
	}
	if v.Path != nil {
		return
	}
	var bytes []*text.Block
	for i := range b.Text {
		bytes = append(bytes, &text.Block{Text: b.Text[i : i+1]})
	}
	s.expect("byte by byte", v, s.found(s.alone, bytes...), v.Spans)
}

// window moves the text over the end of the engine's window.
func (s *suite) window() {
	const context = 1200 // what an engine holds besides the longest value
	longest := s.id.MaxLen + context
	if s.id.MaxLen > 4<<10 {
		s.windowOf(longest, 211, 4)
		return
	}
	s.windowOf(longest, 7, len(s.vectors))
}

func (s *suite) windowOf(size, step, vectors int) {
	noise := strings.Repeat("lorem ipsum\n", 2*size/12+1)
	for i := range s.vectors[:min(vectors, len(s.vectors))] {
		v := &s.vectors[i]
		if v.Path != nil {
			continue
		}
		for n := max(0, size-2*context(v)); n < 2*size; n += step {
			head := noise[:n] + "\n" + strings.Repeat("-", 35) + "\n" // beyond the reach of keywords
			doc := &text.Block{Text: []byte(head + v.Text + "\n" + noise[:context(v)])}
			s.expect(fmt.Sprintf("at %d", len(head)), v, s.found(s.alone, doc), shift(v.Spans, len(head)))
		}
	}
}

func context(v *Vector) int { return len(v.Text) + 1200 }

// longer puts letters and digits right beside a value: it is then part of a longer token.
func (s *suite) longer(v *Vector) {
	if v.Path != nil {
		return
	}
	for _, span := range v.Spans {
		value := v.Text[span[0]:span[1]]
		for _, extra := range []string{"x", "7", "Q"} {
			if first := value[0]; isAlnum(first) {
				longer := [2]int{span[0] + len(extra), span[1] + len(extra)}
				got := s.found(s.all, &text.Block{Text: []byte(v.Text[:span[0]] + extra + v.Text[span[0]:])})
				if slices.Contains(got, longer) {
					s.Errorf("line %d: found inside %q", v.Line, extra+value)
				}
			}
			if last := value[len(value)-1]; isAlnum(last) {
				got := s.found(s.all, &text.Block{Text: []byte(v.Text[:span[1]] + extra + v.Text[span[1]:])})
				if slices.Contains(got, span) {
					s.Errorf("line %d: found inside %q", v.Line, value+extra)
				}
			}
		}
	}
}

func isAlnum(b byte) bool { return b-'0' < 10 || (b|0x20)-'a' < 26 }

// values returns every marked value, and whether it is found without any keyword.
func (s *suite) values() (bare, needy []string) {
	for i := range s.vectors {
		v := &s.vectors[i]
		for _, span := range v.Spans {
			value := v.Text[span[0]:span[1]]
			switch {
			case len(s.found(s.alone, Value([]string{"x"}, value))) > 0:
				bare = append(bare, value)
			default:
				needy = append(needy, value)
			}
		}
	}
	if s.id.NeedsKeyword() && len(bare) > 0 {
		s.Errorf("needs a keyword, but %.60q is found without", bare[0])
	}
	if !s.id.NeedsKeyword() && len(bare) == 0 {
		s.Error("needs no keyword, but nothing is found without")
	}
	return bare, needy
}

// inFields finds values in columns and paths, with the keyword in the name where one is needed.
func (s *suite) inFields() {
	bare, needy := s.values()
	for _, value := range bare {
		if got := s.found(s.alone, Value([]string{"x"}, value)); len(got) != 1 || got[0] != [2]int{0, len(value)} {
			s.Errorf("as a value: found %v in %.100q", got, value)
		}
	}
	for i, value := range needy {
		if i == 3 {
			break
		}
		for _, kw := range s.id.Keywords {
			name := strings.Trim(spellOut(kw), "^$")
			for _, path := range [][]string{{name}, {"customer", name}, {strings.ToUpper(name)}, {strings.ReplaceAll(name, " ", "_")}} {
				got := s.found(s.alone, Value(path, value))
				if len(got) != 1 || got[0] != [2]int{0, len(value)} {
					s.Errorf("in the field %q: found %v in %.100q", path, got, value)
				}
			}
		}
	}
	for i := range s.vectors {
		v := &s.vectors[i]
		if len(v.Path) == 1 {
			column := &text.Block{Kind: text.Cells, Text: []byte(v.Text), Segments: []text.Segment{{End: int32(len(v.Text)), Row: 2,
				Field: &text.Field{Names: v.Path, Column: 3}}}}
			s.expect("in a column", v, s.found(s.all, column), v.Spans)
		}
	}
}

// textual returns a value that a keyword in front of it in running text makes a match, or "".
func (s *suite) textual() string {
	_, needy := s.values()
	for _, value := range needy {
		for _, kw := range s.id.Keywords {
			if !strings.HasPrefix(kw, "^") && len(s.found(s.alone, &text.Block{Text: []byte(spellOut(kw) + " " + value)})) > 0 {
				return value
			}
		}
	}
	return ""
}

// keywords tries every keyword in running text, in the spellings that have to be recognised.
func (s *suite) keywords() {
	value := s.textual()
	if value == "" {
		return
	}
	for _, kw := range s.id.Keywords {
		if strings.HasPrefix(kw, "^") {
			continue // counts in the names of fields only
		}
		kw = spellOut(kw)
		for _, spelled := range []string{kw, strings.ToUpper(kw), strings.ReplaceAll(kw, " ", ""), strings.ReplaceAll(kw, " ", "_"),
			strings.ReplaceAll(kw, " ", "-"), strings.ReplaceAll(kw, " ", "\n"), withoutAccents.Replace(kw)} {
			for _, between := range []string{" ", ": ", "=", "\n", "\r\n\t"} {
				t := "x " + spelled + between + value
				if got := s.found(s.alone, &text.Block{Text: []byte(t)}); len(got) != 1 || got[0] != [2]int{len(t) - len(value), len(t)} {
					s.Errorf("found %v in %q", got, t)
				}
			}
		}
		if r := kw[0]; isAlnum(r) {
			if got := s.found(s.alone, &text.Block{Text: []byte("xq" + strings.ToLower(kw) + " " + value)}); len(got) > 0 && !s.within(kw) {
				s.Errorf("the keyword %q is found within a word", kw)
			}
		}
	}
}

// spellOut makes a code of a keyword that stands for many, and leaves others as they are.
func spellOut(kw string) string {
	if prefix, ok := strings.CutSuffix(kw, "…"); ok {
		return prefix + "Q7XK2MNPLR5TVWZ3"
	}
	return kw
}

// within reports whether another keyword is a word inside kw, so that kw with letters in front is still one.
func (s *suite) within(kw string) bool {
	words := slices.Clone(s.id.Keywords)
	for i := range s.id.Layouts {
		words = append(words, s.id.Layouts[i].Keywords...)
	}
	for _, other := range words {
		if other != kw && strings.Contains(strings.ToLower(kw), strings.ToLower(other)) {
			return true
		}
	}
	return false
}

var withoutAccents = strings.NewReplacer("á", "a", "é", "e", "í", "i", "ó", "o", "ú", "u", "ã", "a", "ç", "c", "ä", "a", "ö", "o", "ü", "u", "è", "e", "ñ", "n")

// reach moves the keyword to the end of its reach and one character further, in ASCII and in letters of two and three bytes.
func (s *suite) reach() {
	value := s.textual()
	if value == "" {
		return
	}
	distance := s.id.Distance
	if distance == 0 {
		distance = detect.DefaultDistance
	}
	kw := strings.ToLower(spellOut(s.id.Keywords[len(s.id.Keywords)-1]))
	for _, unit := range []string{".", "·", "…", "\n"} {
		near := kw + strings.Repeat(unit, distance-1) + " " + value
		far := kw + strings.Repeat(unit, distance) + " " + value
		if got := s.found(s.alone, &text.Block{Text: []byte(near)}); len(got) != 1 {
			s.Errorf("with %d characters between: found %v in %q", distance, got, near)
		}
		if got := s.found(s.alone, &text.Block{Text: []byte(far)}); len(got) != 0 {
			s.Errorf("with %d characters between: found %v in %q", distance+1, got, far)
		}
	}
}

// allocations scans all vectors again and again: a scanner allocates nothing once it is warm.
func (s *suite) allocations() {
	var blocks []*text.Block
	for i := range s.vectors {
		blocks = append(blocks, s.vectors[i].Blocks()...)
	}
	n := 0
	emit := func(detect.Match) { n++ }
	scanner := s.all.NewScanner(emit)
	pass := func() {
		scanner.Reset(emit)
		for _, b := range blocks {
			scanner.Write(b)
		}
		scanner.Close()
	}
	for range 3 {
		pass()
	}
	if n := testing.AllocsPerRun(5, pass); n > 0 {
		s.Errorf("%v allocations for each pass over %d vectors", n, len(blocks))
	}
}
