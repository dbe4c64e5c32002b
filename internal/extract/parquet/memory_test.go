package parquet_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	library "github.com/parquet-go/parquet-go"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/extracttest"
	"github.com/magpie-sec/magpie/internal/text"
)

// memoryLimit is how much heap one file may take.
const memoryLimit = 48 << 20

// peak is a sink that counts, and watches the heap.
type peak struct {
	values, bytes int64
	blocks        int
	base, most    uint64
	disorder      int // values of a smaller row than the one before
	last          int64
}

func (p *peak) look() {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	p.most = max(p.most, m.HeapAlloc)
}

func (p *peak) Begin(extract.Document) error               { return nil }
func (p *peak) End(extract.Document, extract.Result) error { return nil }
func (p *peak) Text(b *text.Block) error {
	if p.blocks%64 == 0 {
		p.look()
	}
	p.blocks++
	for _, s := range b.Segments {
		if !s.More {
			p.values++
		}
		if s.Row < p.last {
			p.disorder++
		}
		p.last = s.Row
		p.bytes += int64(s.End - s.Start)
	}
	return nil
}

// watched extracts a file and fails if it takes more memory than it may.
func watched(t *testing.T, file string) (extract.Result, *peak) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	p := new(peak)
	p.look()
	p.base, p.most = p.most, 0
	res, err := extracttest.Extractor().Extract(context.Background(), extract.Object{Name: file, Size: info.Size(), ReaderAt: f}, p)
	if err != nil {
		t.Fatal(err)
	}
	used := int64(p.most) - int64(p.base)
	t.Logf("%d MiB of file, %d values, %d MiB of text, %d KiB of heap, %d times out of order", info.Size()>>20, p.values, p.bytes>>20, used>>10, p.disorder)
	if used > memoryLimit {
		t.Errorf("%d bytes of heap", used)
	}
	return res, p
}

// written writes a file with another library.
func written(t *testing.T, schema *library.Schema, write func(w *library.GenericWriter[any]) error, options ...library.WriterOption) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "x.parquet")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	buf := bufio.NewWriter(f)
	w := library.NewGenericWriter[any](buf, append(options, schema)...)
	if err := write(w); err != nil {
		t.Fatal(err)
	}
	for _, end := range []func() error{w.Close, buf.Flush, f.Close} {
		if err := end(); err != nil {
			t.Fatal(err)
		}
	}
	runtime.GC()
	return file
}

// A value of 100 MB, compressed or not, arrives whole, in pieces.
func TestHugeValue(t *testing.T) {
	const size = 100 << 20
	unit := "some longer text with Grüße and a card 4111 1111 1111 1111\n"
	huge := strings.Repeat(unit, size/len(unit))
	for name, node := range map[string]library.Node{
		"snappy": library.Compressed(library.String(), &library.Snappy),
		"gzip":   library.Compressed(library.String(), &library.Gzip),
		"zstd":   library.Compressed(library.String(), &library.Zstd),
		"delta":  library.Encoded(library.String(), &library.DeltaLengthByteArray),
	} {
		t.Run(name, func(t *testing.T) {
			file := written(t, library.NewSchema("x", library.Group{"note": library.Optional(node), "id": library.Int(64)}), func(w *library.GenericWriter[any]) error {
				for i, s := range []string{"before", huge, "after"} {
					if _, err := w.WriteRows([]library.Row{{library.Int64Value(int64(i)).Level(0, 0, 0), library.ByteArrayValue([]byte(s)).Level(0, 1, 1)}}); err != nil {
						return err
					}
				}
				return nil
			}, library.DataPageStatistics(false))
			res, p := watched(t, file)
			if res.Code != extract.Complete || p.values != 6 || p.bytes != int64(len(huge))+int64(len("before"+"after"+"012")) {
				t.Errorf("%+v, %d values, %d bytes", res, p.values, p.bytes)
			}
		})
	}
}

// Pages far larger than usual (some writers make one of each column), many columns, in one row group.
func TestHugeRowGroups(t *testing.T) {
	for _, c := range []struct {
		name          string
		columns, rows int
		page          int
		inOrder       bool
	}{
		{"pages of 1 MB", 10, 200_000, 1 << 20, true},
		{"pages of 64 MB", 4, 1_000_000, 64 << 20, false},
		{"2000 columns", 2000, 500, 1 << 20, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			fields := library.Group{}
			for i := range c.columns {
				fields[fmt.Sprintf("column%04d", i)] = library.Optional(library.Compressed(library.String(), &library.Snappy))
			}
			row := make(library.Row, c.columns)
			text := make([]byte, 0, 64)
			total := int64(0)
			file := written(t, library.NewSchema("x", fields), func(w *library.GenericWriter[any]) error {
				for i := range c.rows {
					text = fmt.Appendf(text[:0], "value %d of row %d, %x", i*i, i, i*7919)
					for k := range row {
						row[k] = library.ByteArrayValue(text).Level(0, 1, k)
					}
					total += int64(len(text) * c.columns)
					if _, err := w.WriteRows([]library.Row{row}); err != nil {
						return err
					}
				}
				return nil
			}, library.PageBufferSize(c.page), library.MaxRowsPerRowGroup(1<<40), library.DataPageStatistics(false))
			res, p := watched(t, file)
			if res.Code != extract.Complete || p.values != int64(c.columns*c.rows) || p.bytes != total || c.inOrder != (p.disorder == 0) {
				t.Errorf("%+v, %d values, %d bytes, want %d", res, p.values, p.bytes, total)
			}
		})
	}
}

// A run of the same entry of a dictionary is billions of values long in a few bytes: how much comes out of a file has an end.
func TestRunsWithoutEnd(t *testing.T) {
	const rows = 2_000_000
	row := library.Row{library.ByteArrayValue([]byte("the same text again")).Level(0, 0, 0)}
	file := written(t, library.NewSchema("x", library.Group{"a": library.Encoded(library.String(), &library.RLEDictionary)}), func(w *library.GenericWriter[any]) error {
		for range rows {
			if _, err := w.WriteRows([]library.Row{row}); err != nil {
				return err
			}
		}
		return nil
	})
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	e := extracttest.Extractor()
	for _, c := range []struct {
		limit int64
		want  extract.Result
	}{
		{1 << 20, extract.Result{Code: extract.Partial, Reason: extract.FileExceedsSizeLimit, Bytes: int64(len(b))}},
		{1 << 30, extract.Result{Code: extract.Complete, Bytes: int64(len(b))}},
	} {
		e.Limits.ExtractedBytes = c.limit
		var sink extracttest.Stop
		res, err := e.Extract(context.Background(), extract.Object{Name: "x", Size: int64(len(b)), ReaderAt: bytes.NewReader(b)}, &sink)
		if err != nil {
			t.Fatal(err)
		}
		if res != c.want || sink.Bytes > max(c.limit, 500*int64(len(b))) {
			t.Errorf("%d bytes of file: %+v, %d bytes of text", len(b), res, sink.Bytes)
		}
	}
}
