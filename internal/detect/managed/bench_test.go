package managed

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/detecttest"
	"github.com/magpie-sec/magpie/internal/text"
)

const benchSize = 16 << 20

// runningText cuts a text into blocks as an extractor does.
func runningText(t []byte) (blocks []*text.Block) {
	const size = 64 << 10
	for ; len(t) > size; t = t[size:] {
		blocks = append(blocks, &text.Block{Text: t[:size]})
	}
	return append(blocks, &text.Block{Text: t})
}

// goSource returns about n bytes of the Go files of the standard library, one after the other.
func goSource(tb testing.TB, n int) []byte {
	var out []byte
	root := filepath.Join(goroot(tb), "src")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || len(out) >= n {
			return err
		}
		b, err := os.ReadFile(path)
		out = append(out, strings.ToValidUTF8(string(b), "\uFFFD")...)
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// cpuTime returns the processor time of this process: on a loaded machine it says more than the clock.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// heap returns the bytes of live memory.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func benchmark(b *testing.B, blocks []*text.Block, size int) {
	before := heap()
	e, err := detect.New(detect.Options{Identifiers: All()})
	if err != nil {
		b.Fatal(err)
	}
	matches := 0
	s := e.NewScanner(func(detect.Match) { matches++ })
	b.SetBytes(int64(size))
	b.ReportAllocs()
	b.ResetTimer()
	n, begin, best := 0, cpuTime(b), time.Duration(1<<62)
	for b.Loop() {
		start := time.Now()
		s.Reset(func(detect.Match) { matches++ })
		for _, block := range blocks {
			s.Write(block)
		}
		s.Close()
		n++
		best = min(best, time.Since(start))
	}
	b.ReportMetric(float64(size)*float64(n)/1e6/(cpuTime(b)-begin).Seconds(), "MB/cpu-s")
	if now := heap(); now > before {
		b.ReportMetric(float64(now-before)/1e6, "MB-live") // engine and scanner, after all passes
	}
	runtime.KeepAlive(s)
	runtime.KeepAlive(blocks)
	b.ReportMetric(float64(matches)/float64(n), "matches/op")
	b.ReportMetric(float64(size)/1e6/best.Seconds(), "best-MB/s")
}

func BenchmarkLog(b *testing.B) {
	t := detecttest.NewCorpus(1).Log(benchSize)
	benchmark(b, runningText(t), len(t))
}

func BenchmarkTable(b *testing.B) {
	blocks, size := detecttest.NewCorpus(2).Table(benchSize)
	benchmark(b, blocks, size)
}

func BenchmarkEvents(b *testing.B) {
	t := detecttest.NewCorpus(3).Events(benchSize)
	benchmark(b, runningText(t), len(t))
}

func BenchmarkGoSource(b *testing.B) {
	t := goSource(b, benchSize)
	benchmark(b, runningText(t), len(t))
}

// BenchmarkByteLoop says how fast the machine is at the moment: the log read byte by byte through a table, with nothing done.
func BenchmarkByteLoop(b *testing.B) {
	t := detecttest.NewCorpus(1).Log(benchSize)
	var table [256]uint64
	for i := '0'; i <= '9'; i++ {
		table[i] = 1
	}
	b.SetBytes(int64(len(t)))
	n, begin, digits := 0, cpuTime(b), uint64(0)
	for b.Loop() {
		for _, c := range t {
			digits += table[c]
		}
		n++
	}
	b.ReportMetric(float64(len(t))*float64(n)/1e6/(cpuTime(b)-begin).Seconds(), "MB/cpu-s")
	if digits == 0 {
		b.Fatal("no digits")
	}
}

// BenchmarkRegexp is the reference: Go's regexp with one alternation of patterns for the same identifiers (without keywords and checks), on
// a part of the log.
func BenchmarkRegexp(b *testing.B) {
	re := regexp.MustCompile(strings.Join(referencePatterns, "|"))
	t := detecttest.NewCorpus(1).Log(1 << 20)
	b.SetBytes(int64(len(t)))
	b.ReportAllocs()
	n, begin := 0, cpuTime(b)
	for b.Loop() {
		re.FindAllIndex(t, -1)
		n++
	}
	b.ReportMetric(float64(len(t))*float64(n)/1e6/(cpuTime(b)-begin).Seconds(), "MB/cpu-s")
}

var referencePatterns = []string{
	`\b[A-Za-z0-9/+]{40}\b`,
	`\bAIza[0-9A-Za-z_-]{35}`,
	`(?i:authorization:\s*basic\s+[a-z0-9+/=]{8,})`,
	`\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*`,
	`-----BEGIN (?:OPENSSH |RSA |DSA |EC |ENCRYPTED |PGP )?PRIVATE KEY`,
	`PuTTY-User-Key-File-[23]`,
	`\b[spr]k_(?:live|test)_[0-9A-Za-z]{24,}`,
	`(?i:(?:set-)?cookie:\s*[a-z0-9_]+=[^;\s]+)`,
	`\b[2-6]\d{3}[ -]?\d{4}[ -]?\d{4}[ -]?\d{1,7}\b`,
	`\b3[47]\d{2}[ -]?\d{6}[ -]?\d{5}\b`,
	`\b[A-Z]{2}\d{2}[ -]?(?:[A-Z0-9]{4}[ -]?){2,7}[A-Z0-9]{1,4}\b`,
	`\b\d{9,17}\b`,
	`\b\d{3}[ -]?\d{2}[ -]?\d{4}\b`,
	`\b[A-Za-z]\d{8}\b`,
	`\b(?:19|20)\d{2}[-/ ]\d{1,2}[-/ ]\d{1,2}\b`,
	`\b\d{1,2}[-/ .]\d{1,2}[-/ .](?:19|20)\d{2}\b`,
	`(?:\+1[ .-]?)?(?:\(\d{3}\)|\b\d{3})[ .-]?\d{3}[ .-]?\d{4}\b`,
	`(?i:\b[a-ceghj-pr-tw-z]{2} ?\d{2} ?\d{2} ?\d{2} ?[a-d]\b)`,
	`\b\d{3}\.\d{3}\.\d{3}-\d{2}\b`,
	`\b\d{2} ?\d{3} ?\d{3} ?\d{3}\b`,
	`\b\d{8}-?[A-Z]\b`,
	`\b[A-HJ-NPR-Z0-9]{17}\b`,
}
