package json

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/text"
)

// told is what a parser delivers of a document, with the names that it tells.
func told(t *testing.T, p *parser, doc string) string {
	t.Helper()
	var got strings.Builder
	e := &extract.Extractor{Formats: []extract.Format{{
		Name: "json", MIME: "application/json", Kind: text.Records,
		Match: func(*extract.Head) extract.Score { return extract.Certain },
		Extract: func(in *extract.Input, out *extract.Output) error {
			p.begins(extract.NewBatch(out, text.Records), false, 100)
			p.w = in.Text()
			err := p.run()
			fmt.Fprintf(&got, "used %d, full %v, %v", p.paths.used, p.paths.full, err)
			p.begins(nil, false, 0)
			p.paths.reset()
			return err
		},
	}}}
	if _, err := e.Extract(t.Context(), extract.Object{Name: "a.json", Size: -1, Reader: strings.NewReader(doc)}, sink{&got}); err != nil {
		t.Fatal(err)
	}
	return got.String()
}

type sink struct{ got *strings.Builder }

func (sink) Begin(extract.Document) error               { return nil }
func (sink) End(extract.Document, extract.Result) error { return nil }
func (s sink) Text(b *text.Block) error {
	for _, g := range b.Segments {
		path := "name"
		if g.Field != nil {
			path = g.Field.JSONPath(b.Indexes[g.Index : int(g.Index)+g.Field.Arrays])
		}
		fmt.Fprintf(s.got, "%d %s %q\n", g.Row, path, b.Text[g.Start:g.End])
	}
	return nil
}

// A parser that has read other documents reads one as a new parser does: the same paths, the same names, and the same room for them.
func TestReusedParser(t *testing.T) {
	var many bytes.Buffer
	for i := range 15000 {
		fmt.Fprintf(&many, `{"key %d":{"deep":[%d]}}`, i, i)
	}
	docs := []string{
		`{"a":1,"b":{"c":[1,2,{"d":"x"}]}}`, `{"b":{"c":[[3]],"e":"y"},"a":{"a":2}}`, `[[1],{"a":"z"}]`, `"alone"`, `{"a":{"d":1`, `{"a":1,"a":2} no`,
		many.String(), `{"key 1":{"deep":[7]},"key 14999":{"deep":[8]}}`, `{"a":1,"b":{"c":[1,2,{"d":"x"}]}}`, many.String(),
	}
	used := new(parser)
	for i, doc := range docs {
		if got, want := told(t, used, doc), told(t, new(parser), doc); got != want {
			t.Errorf("document %d: a parser that was used tells\n%.2000s\na new one\n%.2000s", i, got, want)
		}
	}
}
