package csv_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/extracttest"
	"github.com/magpie-sec/magpie/internal/text"
)

// cells is a sink that writes down cells with their places, rows from a beginning on.
type cells struct {
	bytes.Buffer
	rows int64
}

func (c *cells) Begin(extract.Document) error               { return nil }
func (c *cells) End(extract.Document, extract.Result) error { return nil }
func (c *cells) Text(b *text.Block) error {
	for _, s := range b.Segments {
		if s.Field == nil {
			fmt.Fprintf(c, "line %d %q %v\n", s.Row, b.Text[s.Start:s.End], s.More)
		} else {
			fmt.Fprintf(c, "%d %d %v %q %v\n", s.Row+c.rows, s.Field.Column, s.Field.Names, b.Text[s.Start:s.End], s.More)
		}
	}
	return nil
}

// whole pads a table to what is large enough to be cut.
func whole(table []byte) []byte {
	var b bytes.Buffer
	b.WriteString("id,name,city\n")
	for i := 0; b.Len() < extract.HeadSize+500; i++ {
		fmt.Fprintf(&b, "%d,Ada,\"Berlin, \"\"Mitte\"\"\n%d\"\n", i, i)
	}
	b.Write(table)
	return b.Bytes()
}

// FuzzParts cuts tables into parts: their cells are those of the whole table, or a part is in doubt.
func FuzzParts(f *testing.F) {
	f.Add([]byte("1,\"a\nb\",2\n3,4,5\n"), uint16(7))
	f.Add([]byte("1,5\" nails,2\n1,\"5 nails,2\n3,\"a\nb\" c,4\n3,4,5\n"), uint16(3))
	f.Add([]byte("\"\"\"\n\"\"\",\"\"\r\n,\"x\"\r\n\n\n\"\r\n"), uint16(1))
	f.Add([]byte("a,\"b\n\"\n\"c\",d\"\ne\",\"f"), uint16(2))
	f.Add([]byte(`1,"`+"\n\n\n2,3\n4,5"+`"x,"`+"\n6,7\n"), uint16(9))
	f.Fuzz(func(t *testing.T, table []byte, seed uint16) {
		body := whole(table)
		block := int64(20 + int(seed)%2000)
		e := extracttest.Extractor()
		o := func() extract.Object {
			return extract.Object{Name: "a.csv", Size: int64(len(body)), ReaderAt: bytes.NewReader(body)}
		}
		var want cells
		if _, err := e.Extract(context.Background(), o(), &want); err != nil {
			t.Fatal(err)
		}
		if _, ok, err := e.Divide(context.Background(), o()); err != nil || !ok {
			return
		}
		var surveys []extract.Survey
		// What stands before is the same for all: the blocks begin where it ends.
		for from := int64(0); from < o().Size; {
			to := min(from+block, o().Size)
			if from == 0 {
				to = extract.HeadSize
			}
			s, err := e.Survey(context.Background(), o(), from, to)
			if err != nil {
				t.Fatal(err)
			}
			if s.From < 0 {
				return
			}
			surveys, from = append(surveys, s), to
		}
		cuts := append(extract.Cuts(surveys), o().Size)
		var got cells
		for i, from := range cuts[:len(cuts)-1] {
			p := extract.Part{From: from, To: cuts[i+1]}
			if _, err := e.Part(context.Background(), o(), &p, &got); err != nil {
				t.Fatal(err)
			}
			if p.Doubt != "" {
				return
			}
			got.rows += p.Rows
		}
		if !bytes.Equal(got.Bytes(), want.Bytes()) {
			t.Errorf("in parts\n%s\nwhole\n%s", tail(got.Bytes()), tail(want.Bytes()))
		}
	})
}

func tail(b []byte) []byte { return b[max(0, len(b)-2000):] }
