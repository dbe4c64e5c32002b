package parquet_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

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

// libraryRows reads all rows with parquet-go.
func libraryRows(b *testing.B, data []byte, each func(library.Row)) {
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
				n, err := r.ReadRows(rows)
				for _, row := range rows[:n] {
					each(row)
				}
				if err == io.EOF {
					break
				} else if err != nil {
					b.Fatal(err)
				}
			}
			r.Close()
		}
	}
}

// One reference reads rows and drops them, the other writes each value as text into a buffer, which is what ours comes to.
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
	b.Run("reference=parquet-go", func(b *testing.B) { libraryRows(b, data, func(library.Row) {}) })
	b.Run("reference=parquet-go-as-text", func(b *testing.B) {
		buf := make([]byte, 0, 64<<10)
		libraryRows(b, data, func(row library.Row) {
			for _, v := range row {
				if len(buf) > 60<<10 {
					buf = buf[:0]
				}
				switch v.Kind() {
				case library.ByteArray:
					buf = append(buf, v.ByteArray()...)
				case library.Int64:
					buf = strconv.AppendInt(buf, v.Int64(), 10)
				case library.Int32:
					buf = time.Unix(int64(v.Int32())*86400, 0).UTC().AppendFormat(buf, time.DateOnly)
				case library.Double:
					buf = strconv.AppendFloat(buf, v.Double(), 'f', -1, 64)
				}
			}
		})
	})
}
