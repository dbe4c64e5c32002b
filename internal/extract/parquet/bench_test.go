package parquet_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	library "github.com/parquet-go/parquet-go"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/extracttest"
)

type customer struct {
	ID     int64    `parquet:"id"`
	Name   string   `parquet:"name,snappy,dict"`
	Email  string   `parquet:"email,snappy,optional"`
	Phone  string   `parquet:"phone,snappy"`
	City   string   `parquet:"city,snappy,dict"`
	Card   string   `parquet:"card,snappy"`
	Amount float64  `parquet:"amount,snappy"`
	Born   int32    `parquet:"born,date"`
	Tags   []string `parquet:"tags,snappy,list"`
	Note   string   `parquet:"note,zstd"`
}

func customers(b *testing.B, n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	var buf bytes.Buffer
	w := library.NewGenericWriter[customer](&buf)
	for i := range n {
		_, err := w.Write([]customer{{int64(i), []string{"Ann Lindqvist", "Bob Example", "Cy Sample"}[i%3], fmt.Sprintf("ann%d@example.org", r.IntN(1e6)), fmt.Sprintf("+46 70 %07d", r.IntN(1e7)),
			[]string{"Uppsala", "Lund"}[i%2], fmt.Sprintf("%016d", r.Int64N(1e16)), float64(r.IntN(1e6)) / 100, int32(r.IntN(20000)), []string{"a", "bc"}, fmt.Sprintf("order %x placed, to be delivered", r.Uint64())}})
		if err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	return buf.Bytes()
}

// The reference reads rows and drops them.
func BenchmarkParquet(b *testing.B) {
	data := customers(b, 100_000)
	b.Run("ours", func(b *testing.B) {
		e := extracttest.Extractor()
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			var sink extracttest.Stop
			res, err := e.Extract(context.Background(), extract.Object{Name: "a.parquet", Size: int64(len(data)), ReaderAt: bytes.NewReader(data)}, &sink)
			if err != nil || res.Code != extract.Complete {
				b.Fatalf("%+v, %v", res, err)
			}
		}
	})
	b.Run("reference=parquet-go", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		rows := make([]library.Row, 256)
		for b.Loop() {
			f, err := library.OpenFile(bytes.NewReader(data), int64(len(data)))
			if err != nil {
				b.Fatal(err)
			}
			for _, g := range f.RowGroups() {
				r := g.Rows()
				for {
					if _, err := r.ReadRows(rows); err == io.EOF {
						break
					} else if err != nil {
						b.Fatal(err)
					}
				}
				r.Close()
			}
		}
	})
}
