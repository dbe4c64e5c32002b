package classify

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/allow"
	"github.com/magpie-sec/magpie/internal/detect/custom"
	"github.com/magpie-sec/magpie/internal/detect/detecttest"
	"github.com/magpie-sec/magpie/internal/extract"
)

// inParts reads an object in parts, as several workers would, and returns its document or why it has to be read whole. Every partial is written
// down and read again. Of the places before a part it knows those of the parts that are done, here those with even numbers.
func inParts(t testing.TB, c *Classifier, o func() extract.Object, block int64) (Document, string) {
	t.Helper()
	division, ok, err := c.Extractor.Divide(t.Context(), o())
	must(t, err)
	if !ok {
		return Document{}, "it cannot be divided"
	}
	size := o().Size
	var parts []extract.Part
	if division.Surveyed {
		var surveys []extract.Survey
		for from := int64(0); from < size; from += block {
			s, err := c.Extractor.Survey(t.Context(), o(), from, min(from+block, size))
			must(t, err)
			if s.From < 0 {
				return Document{}, "a line is longer than a block"
			}
			surveys = append(surveys, s)
		}
		cuts := append(extract.Cuts(surveys), size)
		for i := range cuts[1:] {
			parts = append(parts, extract.Part{From: cuts[i], To: cuts[i+1]})
		}
	} else {
		for from := int64(0); from < size; from += block {
			parts = append(parts, extract.Part{From: from, To: min(from+block, size), Blocks: true})
		}
	}
	stored := make([][]byte, len(parts))
	before := map[string]int64{}
	for odd := range 2 {
		for i := odd; i < len(parts); i += 2 {
			var known map[string]int64
			if odd == 1 && i == len(parts)-1 {
				known = before
			}
			p, err := c.ClassifyPart(t.Context(), o(), parts[i], known)
			must(t, err)
			if stored[i], err = p.Encode(); err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(stored[i], []byte(ssn)) {
				t.Error("a partial holds a value")
			}
			for id, n := range p.Counts() {
				before[id] += n
			}
		}
	}
	w := c.Whole(o())
	for _, b := range stored {
		p, err := DecodePartial(b)
		must(t, err)
		must(t, w.Add(p))
	}
	if at := w.Wide(); at >= 0 {
		ok, err := c.Extractor.ReadsAsUTF8(t.Context(), o(), at)
		must(t, err)
		if !ok {
			return Document{}, "another charset"
		}
	}
	return w.Document()
}

// sameInParts reads a body whole and in parts, and compares the documents and the records made of them. It reports whether there was a doubt.
func sameInParts(t testing.TB, c *Classifier, name string, body []byte, block int64) (doubt string) {
	t.Helper()
	o := func() extract.Object { return object(name, string(body)) }
	whole, err := c.Classify(t.Context(), o(), nil)
	must(t, err)
	got, doubt := inParts(t, c, o, block)
	if doubt != "" {
		return doubt
	}
	compare := cmp.Options{cmpopts.EquateEmpty(), cmp.Comparer(func(a, b *detect.Identifier) bool { return a == b }),
		cmp.Comparer(func(a, b *custom.Definition) bool { return a == b })}
	if diff := cmp.Diff(whole, got, compare); diff != "" {
		t.Fatalf("%s of %d bytes in blocks of %d (-whole +parts):\n%s", name, len(body), block, diff[:min(len(diff), 4000)])
	}
	for what, write := range map[string]func(d Document) ([]byte, error){
		"record": func(d Document) ([]byte, error) { return d.Record(Subject{ID: "id"}) },
		"ledger": func(d Document) ([]byte, error) { return d.Keep() },
	} {
		a, err := write(whole)
		must(t, err)
		b, err := write(got)
		must(t, err)
		if !bytes.Equal(a, b) {
			t.Fatalf("%s: the %s is\n%.3000s\nwhole\n%.3000s", name, what, b, a)
		}
	}
	return ""
}

// partsClassifier looks for everything, custom identifiers with and without keywords and an allow list included.
func partsClassifier(t testing.TB) *Classifier {
	return customClassifier(t, allow.Lists{words(t, "Ada Lovelace\n4111111111111111\nnobody@example.org\n")},
		badge,
		&custom.Definition{ID: "k", Name: "Keyed", Regex: `\d{6}`, Keywords: []string{"locker", "ssn"}},
		&custom.Definition{ID: "s", Name: "Spread", Regex: `begin\s+end`, MaximumMatchDistance: 300},
		&custom.Definition{ID: "r", Name: "Rare", Regex: `ticket \d+`, SeverityLevels: []custom.SeverityLevel{{Severity: detect.Low, OccurrencesThreshold: 40}}},
		&custom.Definition{ID: "i", Name: "Ignoring", Regex: `[A-Z]{3}\d{3}`, IgnoreWords: []string{"AAA1"}})
}

// A partsGenerator makes documents in which values, keywords, quotes and line ends stand everywhere, so that some stand at any edge.
type partsGenerator struct {
	*rand.Rand
	corpus *detecttest.Corpus
	eol    string
	wild   bool // quoting that breaks RFC 4180
}

func (g *partsGenerator) pick(list ...string) string { return list[g.IntN(len(list))] }

// cell returns the text of a cell before it is quoted.
func (g *partsGenerator) cell() string {
	switch g.IntN(14) {
	case 0:
		return ssn
	case 1:
		return card
	case 2:
		return g.pick("Ada Lovelace", "Grace Hopper", "Zoë Müller", "12 Main Street, Springfield, IL 62701")
	case 3:
		return "social security number" + g.eol + ssn
	case 4:
		return g.pick("F-12345678", "ABC123", "AAA123", "ticket 17", "begin"+g.eol+"end", "locker 123456")
	case 5:
		return `he said "` + g.pick("yes", "no, never", ssn) + `"` + g.eol + `and left, "so there"`
	case 6:
		return ""
	case 7:
		if g.IntN(30) == 0 {
			return "\xff\xfe broken"
		}
		return g.pick("ünïcödé", "日本") + g.pick("", g.eol, ",", ";")
	case 8:
		return fmt.Sprint(g.IntN(1e9))
	default:
		return g.pick("order", "12.50", "2026-11-21", "Berlin", "ok", "user login", "+1 202 555 0143", "jane.roe@example.com")
	}
}

func (g *partsGenerator) table(size int, comma string, ascii bool) []byte {
	var b bytes.Buffer
	if g.IntN(2) == 0 {
		if g.IntN(3) == 0 {
			b.WriteString("\xef\xbb\xbf")
		}
		b.WriteString(strings.Join([]string{"id", "name", "ssn", `"notes and` + g.eol + `remarks"`, "locker"}, comma) + g.eol)
	}
	for n := 0; b.Len() < size; n++ {
		fmt.Fprint(&b, n)
		for range 4 {
			cell := g.cell()
			if ascii && b.Len() < 100<<10 {
				cell = strings.Map(func(r rune) rune {
					if r >= 0x80 {
						return 'x'
					}
					return r
				}, cell)
			}
			b.WriteString(comma)
			switch {
			case g.wild && g.IntN(200) == 0:
				b.WriteString(g.pick(`5" nails`, `"5 nails`, `"a "b" c"`, `""x"`, `"`))
			case strings.ContainsAny(cell, comma+"\"\r\n") || g.IntN(4) == 0:
				b.WriteString(`"` + strings.ReplaceAll(cell, `"`, `""`) + `"`)
			default:
				b.WriteString(cell)
			}
		}
		if g.IntN(50) == 0 {
			b.WriteString(g.eol)
		}
		b.WriteString(g.eol)
	}
	return b.Bytes()[:b.Len()-g.IntN(3)]
}

func (g *partsGenerator) lines(size int) []byte {
	var b bytes.Buffer
	for n := 0; b.Len() < size; n++ {
		switch {
		case g.wild && g.IntN(40) == 0:
			b.WriteString(g.pick(`{"broken": `, `plain text with ssn `+ssn, `{"a":"b\`, `[1,2`, `"x`, `,{"a":1}`, ""))
		case g.IntN(30) == 0:
			fmt.Fprintf(&b, `{"n":%d,"deep":{"list":[{"ssn":"%s"},{"card":%s}],"note":%q}}`, n, ssn, card, strings.Repeat("long ", g.IntN(400)))
		default:
			fmt.Fprintf(&b, `{"id":%d,"user":{"name":%q,"ssn":%q},"tags":[%q,"%s"],"text":%q}`, n, g.pick("Ada Lovelace", "Grace Hopper"), ssn,
				g.pick("x", "ABC123"), g.pick("a", "ticket 4", `\u00fc`), g.pick("locker 123456", "begin\nend", "zz", `q"q`))
		}
		b.WriteString(g.eol)
	}
	return b.Bytes()
}

func (g *partsGenerator) prose(size int) []byte {
	var b bytes.Buffer
	for b.Len() < size {
		switch g.IntN(8) {
		case 0:
			b.Write(g.corpus.Log(1 + g.IntN(3000)))
		case 1:
			b.WriteString("the social security number is" + g.eol + ssn + g.eol)
		case 2:
			b.WriteString("begin" + strings.Repeat(g.eol, g.IntN(30)) + "end ticket 3 AAA123 ABC123 F-12345678" + g.eol)
		case 3:
			b.WriteString(strings.Repeat("4532 0151 1283 0366 ", 1+g.IntN(300)) + g.eol)
		case 4:
			b.WriteString("Grace Hopper, 12 Main Street, Springfield, IL 62701" + g.eol)
		case 5:
			b.WriteString("-----BEGIN RSA PRIVATE KEY-----" + g.eol)
			for range 20 {
				for range 64 {
					b.WriteByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[g.IntN(64)])
				}
				b.WriteString(g.eol)
			}
			b.WriteString("-----END RSA PRIVATE KEY-----" + g.eol)
		default:
			b.WriteString("nothing of interest " + g.pick("happened", "über", "was said") + g.eol)
		}
	}
	return b.Bytes()
}

// TestParts compares reading in parts with reading whole: all of what is told of an object, over random documents and blocks.
func TestParts(t *testing.T) {
	c := partsClassifier(t)
	doubts := map[string]int{}
	const rounds = 16
	for seed := range rounds {
		g := &partsGenerator{Rand: rand.New(rand.NewPCG(uint64(seed), 9)), corpus: detecttest.NewCorpus(uint64(seed)), eol: []string{"\n", "\r\n", "\n"}[seed%3],
			wild: seed%4 == 3}
		size := 70<<10 + g.IntN(250<<10)
		block := int64(4000 + g.IntN(size/3))
		for name, body := range map[string][]byte{
			"a.csv":   g.table(size, ",", false),
			"b.csv":   g.table(size, ";", true),
			"c.tsv":   g.table(size, "\t", true),
			"d.jsonl": g.lines(size),
		} {
			if doubt := sameInParts(t, c, name, body, block); doubt != "" {
				doubts[fmt.Sprint(name, " wild ", g.wild, ": ", doubt)]++
				if !g.wild && !strings.Contains(doubt, "longer than") && !strings.Contains(doubt, "header") {
					t.Errorf("seed %d: %s in blocks of %d: %s", seed, name, block, doubt)
				}
			}
		}
		if seed%3 == 0 {
			body := g.prose(400<<10 + g.IntN(800<<10))
			if doubt := sameInParts(t, c, "e.log", body, int64(20<<10+g.IntN(400<<10))); doubt != "" {
				doubts["e.log: "+doubt]++
				t.Error(seed, doubt)
			}
		}
	}
	t.Log(doubts)
}

// TestPartsCaps has more of each type than places are kept, and more names than are counted.
func TestPartsCaps(t *testing.T) {
	c := newClassifier(t)
	var table, records strings.Builder
	table.WriteString("id,full name,ssn\n")
	for i := range 3000 {
		fmt.Fprintf(&table, "%d,Grace Hopper,%s\n", i, ssn)
		fmt.Fprintf(&records, `{"id":%d,"full name":"Grace Hopper","ssn":"%s"}`+"\n", i, ssn)
	}
	for name, body := range map[string]string{"a.csv": table.String(), "b.jsonl": records.String(), "c.txt": strings.Repeat("visa card "+card+" was declined\n", 20000)} {
		d, err := c.Classify(t.Context(), object(name, body), nil)
		must(t, err)
		if len(d.Detections) == 0 || len(d.Detections[len(d.Detections)-1].Locations) != MaxLocations {
			t.Fatalf("%s: %+v", name, d.Status)
		}
		if doubt := sameInParts(t, c, name, []byte(body), 30<<10); doubt != "" {
			t.Errorf("%s: %s", name, doubt)
		}
	}
}
