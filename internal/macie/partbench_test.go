//go:build unix

package macie

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/source"
)

// benchLarge names the variable with the size in MiB of BenchmarkLarge's object.
const benchLarge = "MAGPIE_BENCH_LARGE"

// A largeTable is a source that has one bucket with one table, which stands nowhere: a header and the same MiB of rows again and again.
type largeTable struct {
	size int64
	head []byte
	rows []byte
}

func newLargeTable(size int64) *largeTable {
	g := &largeTable{size: size, head: []byte("id,name,city,note,ssn,amount\n")}
	var b bytes.Buffer
	for i := 0; b.Len() < 1<<20-200; i++ {
		ssn := ""
		if i%500 == 0 {
			ssn = plantedSSN
		}
		fmt.Fprintf(&b, "%08d,Grace Hopper,Arlington,\"said \"\"thanks\"\",\nand left\",%s,%d.%02d\n", i, ssn, i*37%10000, i%100)
	}
	b.WriteString("0,")
	b.Write(bytes.Repeat([]byte{'x'}, 1<<20-b.Len()-1))
	b.WriteByte('\n')
	g.rows = b.Bytes()
	return g
}

func (g *largeTable) object() source.Object {
	return source.Object{Key: "large.csv", Size: g.size, ETag: "1", LastModified: time.Unix(1_790_000_000, 0), StorageClass: "STANDARD"}
}

func (g *largeTable) Buckets(context.Context) ([]source.Bucket, error) {
	return []source.Bucket{{Name: syntheticBucket}}, nil
}

func (g *largeTable) List(context.Context, string, source.ListOptions) iter.Seq2[source.Item, error] {
	return func(yield func(source.Item, error) bool) { yield(source.Item{Object: g.object()}, nil) }
}

func (g *largeTable) Open(context.Context, string, string, source.OpenOptions) (source.Reader, error) {
	return &largeTableReader{io.NewSectionReader(largeTableAt{g}, 0, g.size), g.object()}, nil
}

type largeTableReader struct {
	*io.SectionReader
	object source.Object
}

func (r *largeTableReader) Object() source.Object { return r.object }
func (r *largeTableReader) Close() error          { return nil }

type largeTableAt struct{ *largeTable }

func (g largeTableAt) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	for n < len(p) && off < g.size {
		from := g.head
		at := off
		if off >= int64(len(g.head)) {
			from, at = g.rows, (off-int64(len(g.head)))%int64(len(g.rows))
		}
		k := copy(p[n:], from[at:min(int64(len(from)), at+g.size-off)])
		n, off = n+k, off+int64(k)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// BenchmarkLarge measures a job over one large table that is made as it is read, by two slots: read whole, which one of them does, and in parts.
//
//	MAGPIE_BENCH_LARGE=2048 go test -run '^$' -bench BenchmarkLarge -benchtime 1x -timeout 1h ./internal/macie
func BenchmarkLarge(b *testing.B) {
	mib := int64(16)
	if v := os.Getenv(benchLarge); v != "" {
		var err error
		mib, err = strconv.ParseInt(v, 10, 64)
		must(b, err)
	}
	g := newLargeTable(mib << 20)
	var first string
	for _, v := range []struct {
		name  string
		parts Parts
	}{{"whole", Parts{Above: -1}}, {"parts", Parts{Above: 1 << 20, Block: min(64<<20, g.size/8)}}} {
		b.Run(fmt.Sprintf("MiB=%d/%s", mib, v.name), func(b *testing.B) {
			peak := peakMemory(b)
			cpu := processorTime(b)
			for range b.N {
				b.StopTimer()
				w := newWorld(b, func(_ *world, c *job.Config) { c.Slots, c.Logger = 2, slog.New(slog.DiscardHandler) })
				w.worker.cfg.Parts = v.parts
				w.worker.cfg.Extractor.Limits.TextBytes = g.size // beyond Macie's quota too
				w.sources[home] = []source.Driver{g}
				w.start()
				b.StartTimer()
				id := w.create(jobOver("bench", syntheticBucket))
				select {
				case <-w.finished:
				case <-b.Context().Done():
					b.Fatal(b.Context().Err())
				}
				b.StopTimer()
				told := w.detections(id, "large.csv")
				if n := w.totals(id).Counters; n.Bytes != g.size || n.Findings != 1 || first != "" && told != first {
					b.Fatalf("%+v, %s; whole: %s", n, told, first)
				}
				first = told
				must(b, w.engine.Stop(context.Background()))
				b.StartTimer()
			}
			b.SetBytes(g.size)
			b.ReportMetric((processorTime(b)-cpu).Seconds()/float64(b.N), "cpu-s/op")
			b.ReportMetric(peak(), "MB-peak-RSS")
		})
	}
}
