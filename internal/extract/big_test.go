package extract_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	library "github.com/parquet-go/parquet-go"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/extracttest"
	"github.com/magpie-sec/magpie/internal/text"
)

// TestBig reads what is as large as the requirements name, within 64 MiB of heap. It takes minutes and 5 GB of disk:
//
//	MAGPIE_BIG=1 go test ./internal/extract -run TestBig -v -timeout 1h
//
// docs/benchmarks.md has what it printed.
func TestBig(t *testing.T) {
	if os.Getenv("MAGPIE_BIG") == "" {
		t.Skip("set MAGPIE_BIG=1: it takes minutes")
	}
	const mega, giga = 1 << 20, 1 << 30
	var row strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&row, "%d,Ann,Lindqvist,ann.lindqvist%d@example.org,+46 70 %07d,%d High Street,Uppsala,\"said \"\"hello, again\"\" twice\"\n", i, i*7919%100003, i*104729%10000019, i%300)
	}
	rows := int64(20*giga-4096) / int64(row.Len())
	cell := "some text as it comes and goes "
	times := int64(100*mega) / int64(len(cell))
	limit := int64(64 * mega)
	for _, c := range []struct {
		name   string
		object func(t *testing.T) extract.Object
	}{
		{"20 GB.csv", func(t *testing.T) extract.Object {
			return extract.Object{Size: -1, Reader: repeated("id,first,last,email,phone,street,city,note\n", row.String(), rows, "")}
		}},
		{"5 GB.parquet", func(t *testing.T) extract.Object { return bigParquet(t, 5*giga) }},
		{"cell of 100 MB.csv", func(t *testing.T) extract.Object {
			return extract.Object{Size: -1, Reader: repeated("id,note\n1,\"", cell, times, "\"\n2,x\n")}
		}},
		{"string of 100 MB.json", func(t *testing.T) extract.Object {
			return extract.Object{Size: -1, Reader: repeated(`[{"id":1,"note":"`, cell, times, `"},{"id":2,"note":"x"}]`)}
		}},
		{"element of 100 MB.xml", func(t *testing.T) extract.Object {
			return extract.Object{Size: -1, Reader: repeated(`<?xml version="1.0"?><a><note>`, cell, times, `</note><note>x</note></a>`)}
		}},
		{"cell of 100 MB.xlsx", func(t *testing.T) extract.Object {
			return written(t, "", zipped(100*mega,
				part{name: "[Content_Types].xml", head: `<Types/>`},
				part{name: "xl/workbook.xml", head: `<workbook xmlns:r="r"><sheets><sheet name="S" sheetId="1" r:id="a"/></sheets></workbook>`},
				part{name: "xl/_rels/workbook.xml.rels", head: `<Relationships><Relationship Id="a" Type="http://x/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`},
				part{"xl/worksheets/sheet1.xml", `<worksheet><sheetData><row><c t="inlineStr"><is><t>`, "some words %d, %d, ", `</t></is></c><c t="str"><v>x</v></c></row></sheetData></worksheet>`}))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := c.object(t)
			o.Name = c.name
			e := extracttest.Extractor()
			e.Spool = extracttest.FileSpool(t)
			sink := new(seldom)
			for range 3 { // pools of what wrote the object are emptied in steps
				sink.look()
			}
			sink.most = 0
			sink.look()
			sink.base, sink.most = sink.most, 0
			begun := time.Now()
			res, err := e.Extract(context.Background(), o, sink)
			took := time.Since(begun)
			if err != nil || res.Code != extract.Complete {
				t.Fatalf("%+v, %v", res, err)
			}
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			used := int64(sink.most) - int64(sink.base)
			if used > limit {
				t.Errorf("%d bytes of heap", used)
			}
			t.Logf("%d MiB read, %d MiB of text, %.1f s, %.0f MB/s, most alive %.1f MiB, heap of the process %d MiB", res.Bytes>>20, sink.Bytes>>20, took.Seconds(),
				float64(res.Bytes)/1e6/took.Seconds(), float64(used)/mega, m.HeapSys>>20)
		})
	}
}

// seldom is a peak that looks at the heap less often, as there is much to read.
type seldom struct{ peak }

func (s *seldom) Text(b *text.Block) error {
	if s.Blocks%4096 == 0 {
		s.look()
	}
	return s.Stop.Text(b)
}

// bigParquet writes a file of that size, in row groups of some 100 MB.
func bigParquet(t *testing.T, size int64) extract.Object {
	type record struct {
		ID    int64  `parquet:"id"`
		Email string `parquet:"email"`
		Phone string `parquet:"phone"`
		Note  string `parquet:"note"`
	}
	return written(t, "", func(w io.Writer) error {
		count := &counter{w: w}
		p := library.NewGenericWriter[record](count, library.MaxRowsPerRowGroup(500_000))
		batch := make([]record, 1000)
		for n := int64(0); count.n < size; {
			for i := range batch {
				n++
				batch[i] = record{n, fmt.Sprintf("ann.lindqvist%d@example.org", n*7919%100000007), fmt.Sprintf("+46 70 %07d", n*104729%10000019),
					strings.Repeat(fmt.Sprintf("note %d of many ", n*2654435761%1000003), 8)}
			}
			if _, err := p.Write(batch); err != nil {
				return err
			}
		}
		return p.Close()
	})
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
