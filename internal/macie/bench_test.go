//go:build unix

package macie

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/managed"
	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/formats"
	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/macie/classify"
	"github.com/magpie-sec/magpie/internal/source"
)

// benchObjects names the variable with the numbers of objects of BenchmarkJob, separated by commas. Without it the numbers are small.
const benchObjects = "MAGPIE_BENCH_OBJECTS"

// A synthetic source has one bucket of count objects of about 1 KB, each a function of its number: a quarter each of CSV tables, JSON Lines,
// logs and settings. One in fifty holds sensitive data.
type synthetic struct {
	count  int
	share  int          // one in so many holds sensitive data; 0 for none
	bodies [4][2][]byte // by kind, without and with sensitive data
	opened atomic.Int64
}

const (
	syntheticBucket = "synthetic"
	sensitiveShare  = 50
	bodySize        = 1024
	stampSize       = 10 // digits of the number that every body begins with, so that no two are the same
)

var syntheticKinds = [4]struct{ extension, head, line, sensitive string }{
	{"csv", "id,name,city,ssn\n", "%s,Grace Hopper,Arlington,\n", "%s,Ada Lovelace,London," + plantedSSN + "\n"},
	{"jsonl", "", `{"id":"%s","event":"login","city":"Berlin","ok":true}` + "\n", `{"id":"%s","event":"pay","ssn":"` + plantedSSN + `"}` + "\n"},
	{"log", "", "%s INFO request served in 12 ms path=/index.html status=200\n", "%s WARN visa card " + plantedCard + " was declined\n"},
	{"env", "", "SETTING_%s=enabled\n", "# %s\naws_secret_access_key=" + plantedSecret + "\n"},
}

func newSynthetic(count int) *synthetic {
	s := &synthetic{count: count, share: sensitiveShare}
	for kind, k := range syntheticKinds {
		for sensitive := range 2 {
			b := bytes.NewBufferString(k.head)
			if sensitive == 1 {
				fmt.Fprintf(b, k.sensitive, strings.Repeat("0", stampSize))
			}
			for n := 0; b.Len() < bodySize; n++ {
				fmt.Fprintf(b, k.line, fmt.Sprintf("%0*d", stampSize, n))
			}
			s.bodies[kind][sensitive] = b.Bytes()
		}
	}
	return s
}

func (s *synthetic) object(i int) source.Object {
	kind := syntheticKinds[i%4]
	return source.Object{
		Key: fmt.Sprintf("2026/%08d.%s", i, kind.extension), Size: int64(len(s.body(i))), ETag: strconv.Itoa(i),
		LastModified: time.Unix(1_790_000_000+int64(i), 0), StorageClass: "STANDARD",
	}
}

func (s *synthetic) body(i int) []byte {
	sensitive := 0
	if s.share > 0 && i%s.share == 0 {
		sensitive = 1
	}
	return s.bodies[i%4][sensitive]
}

func (s *synthetic) Buckets(context.Context) ([]source.Bucket, error) {
	return []source.Bucket{{Name: syntheticBucket}}, nil
}

func (s *synthetic) number(key string) (int, error) {
	if len(key) < 13 {
		return 0, &source.Error{Kind: source.NotFound, Op: "open", Bucket: syntheticBucket, Key: key}
	}
	return strconv.Atoi(key[5:13])
}

func (s *synthetic) List(_ context.Context, _ string, opts source.ListOptions) iter.Seq2[source.Item, error] {
	return func(yield func(source.Item, error) bool) {
		first := 0
		if opts.After != "" {
			n, err := s.number(opts.After)
			if err != nil {
				yield(source.Item{}, err)
				return
			}
			first = n + 1
		}
		for i := first; i < s.count && yield(source.Item{Object: s.object(i)}, nil); i++ {
		}
	}
}

func (s *synthetic) Open(_ context.Context, _, key string, _ source.OpenOptions) (source.Reader, error) {
	i, err := s.number(key)
	if err != nil {
		return nil, err
	}
	s.opened.Add(1)
	// The number in the body makes each object its own without a cost that would count.
	body := bytes.Clone(s.body(i))
	copy(body[len(body)-stampSize:], fmt.Sprintf("%0*d", stampSize-1, i))
	return &syntheticReader{bytes.NewReader(body), s.object(i)}, nil
}

type syntheticReader struct {
	*bytes.Reader
	object source.Object
}

func (r *syntheticReader) Object() source.Object { return r.object }
func (r *syntheticReader) Close() error          { return nil }

func benchSizes(b *testing.B) []int {
	var sizes []int
	for part := range strings.SplitSeq(os.Getenv(benchObjects), ",") {
		if part == "" {
			return []int{2000}
		}
		n, err := strconv.Atoi(part)
		must(b, err)
		sizes = append(sizes, n)
	}
	return sizes
}

// BenchmarkJob measures a classification job over many small objects from its start to its completion, on SQLite with the dispatcher of one
// process, beside the same objects read and classified in a plain loop on as many goroutines (reference): the difference is what listing,
// shards, commits, results and findings cost.
//
//	MAGPIE_BENCH_OBJECTS=10000,100000,1000000 go test -run '^$' -bench BenchmarkJob -benchtime 1x -timeout 2h ./internal/macie
func BenchmarkJob(b *testing.B) {
	for _, n := range benchSizes(b) {
		b.Run(fmt.Sprintf("objects=%d/engine", n), func(b *testing.B) { benchEngine(b, n) })
		b.Run(fmt.Sprintf("objects=%d/plain", n), func(b *testing.B) { benchPlain(b, n) })
	}
}

// report says what the benchmark measured. The processor's time tells the cost also on a machine that is busy otherwise.
func report(b *testing.B, objects int, findings int64, cpu time.Duration, peak func() float64) {
	b.ReportMetric(float64((processorTime(b)-cpu).Nanoseconds())/1000/float64(objects)/float64(b.N), "cpu-µs/object")
	b.SetBytes(int64(objects) * bodySize)
	b.ReportMetric(float64(objects)*float64(b.N)/b.Elapsed().Seconds(), "objects/s")
	b.ReportMetric(float64(findings), "findings/op")
	b.ReportMetric(peak(), "MB-peak-RSS")
}

func benchEngine(b *testing.B, n int) {
	s := newSynthetic(n)
	var findings int64
	peak := peakMemory(b)
	cpu := processorTime(b)
	for range b.N {
		b.StopTimer()
		w := newWorld(b, func(_ *world, c *job.Config) { c.Slots, c.Logger = runtime.NumCPU(), slog.New(slog.DiscardHandler) })
		w.sources[home] = []source.Driver{s}
		w.start()
		b.StartTimer()
		id := w.create(jobOver("bench", syntheticBucket))
		select {
		case <-w.finished:
		case <-b.Context().Done():
			b.Fatal(b.Context().Err())
		}
		b.StopTimer()
		totals := w.totals(id)
		if findings = totals.Findings; totals.Objects != int64(n) || findings != int64((n+sensitiveShare-1)/sensitiveShare) {
			b.Fatalf("%+v", totals.Counters)
		}
		must(b, w.engine.Stop(context.Background()))
		b.StartTimer()
	}
	report(b, n, findings, cpu, peak)
}

// BenchmarkRescan measures a second job over objects that have not changed since the first: none is opened. With findings it writes its own.
//
//	MAGPIE_BENCH_OBJECTS=100000,1000000 go test -run '^$' -bench BenchmarkRescan -benchtime 1x -timeout 2h ./internal/macie
func BenchmarkRescan(b *testing.B) {
	for _, n := range benchSizes(b) {
		for name, share := range map[string]int{"none": 0, "one in 50": sensitiveShare} {
			b.Run(fmt.Sprintf("objects=%d/findings=%s", n, name), func(b *testing.B) { benchRescan(b, n, share) })
		}
	}
}

func benchRescan(b *testing.B, n, share int) {
	s := newSynthetic(n)
	s.share = share
	w := newWorld(b, func(_ *world, c *job.Config) { c.Slots, c.Logger = runtime.NumCPU(), slog.New(slog.DiscardHandler) })
	w.sources[home] = []source.Driver{s}
	w.start()
	runs := 0
	run := func() string {
		runs++
		id := w.create(jobOver(fmt.Sprint("bench ", runs), syntheticBucket))
		select {
		case <-w.finished:
		case <-b.Context().Done():
			b.Fatal(b.Context().Err())
		}
		return id
	}
	first := w.totals(run()).Counters
	if s.opened.Load() != int64(n) || first.Objects != int64(n) {
		b.Fatalf("%d objects were opened, %+v", s.opened.Load(), first)
	}
	peak := peakMemory(b)
	cpu := processorTime(b)
	b.ResetTimer()
	for range b.N {
		if again := w.totals(run()).Counters; again != first {
			b.Fatalf("%+v, at first %+v", again, first)
		}
	}
	b.StopTimer()
	if s.opened.Load() != int64(n) {
		b.Fatalf("%d objects were opened again", s.opened.Load()-int64(n))
	}
	// The goal is a million in ten seconds. Processor time does not mind who else is at work.
	if spent := (processorTime(b) - cpu) / time.Duration(b.N); share == 0 && n >= 100_000 && spent > time.Duration(n)*10*time.Microsecond {
		b.Errorf("%d objects that have not changed took %v of processor time", n, spent)
	}
	report(b, n, first.Findings, cpu, peak)
}

func benchPlain(b *testing.B, n int) {
	s := newSynthetic(n)
	engine, err := detect.New(detect.Options{Identifiers: detect.Recommended(managed.All())})
	must(b, err)
	c := &classify.Classifier{Engine: engine, Extractor: &extract.Extractor{Formats: formats.All(), Spool: classify.Spool(b.TempDir())}}
	var findings atomic.Int64
	peak := peakMemory(b)
	cpu := processorTime(b)
	b.ResetTimer()
	for range b.N {
		findings.Store(0)
		var next atomic.Int64
		var group sync.WaitGroup
		for range runtime.NumCPU() {
			group.Go(func() {
				for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
					d, err := Classify(b.Context(), c, s, syntheticBucket, s.object(i), nil)
					if err != nil {
						b.Error(err)
					}
					if len(d.Detections) > 0 {
						findings.Add(1)
					}
				}
			})
		}
		group.Wait()
	}
	report(b, n, findings.Load(), cpu, peak)
}

// processorTime returns what the process has had of the processors so far.
func processorTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// peakMemory returns a function that says how much memory the process has had at most since, in MB; 0 where the system does not tell.
func peakMemory(b *testing.B) func() float64 {
	runtime.GC()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil && !errors.Is(err, os.ErrNotExist) {
		b.Logf("the peak counts from the start of the process: %v", err)
	}
	return func() float64 {
		f, err := os.Open("/proc/self/status")
		if err != nil {
			return 0
		}
		defer f.Close()
		status, err := io.ReadAll(f)
		must(b, err)
		_, rest, _ := strings.Cut(string(status), "VmHWM:")
		fields := strings.Fields(rest)
		if len(fields) == 0 {
			return 0
		}
		kb, err := strconv.ParseFloat(fields[0], 64)
		must(b, err)
		return kb / 1000
	}
}

// BenchmarkPage measures writing and reading the payload of a shard.
func BenchmarkPage(b *testing.B) {
	s := newSynthetic(pageObjects)
	var p page
	for i := range pageObjects {
		p.add(s.object(i))
	}
	b.SetBytes(int64(len(p.data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := pageOf(p.data); err != nil {
			b.Fatal(err)
		}
	}
}
