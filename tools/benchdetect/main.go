// Command benchdetect measures the detection beside Hyperscan on the same data in the same run, in turn, and scores it on the values that were
// planted in that data. make bench-detect runs it.
package main

import (
	"bufio"
	"context"
	_ "embed"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/managed"
	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/formats"
	"github.com/magpie-sec/magpie/internal/text"
)

//go:embed reference/corpus_gen.py
var generator string

//go:embed reference/patterns.tsv
var patterns string

//go:embed reference/hyperscan.c
var reference string

// kinds are the corpora, with the goal in MB per CPU second and the ratio to Hyperscan that the project set itself.
var kinds = []struct {
	name, file string
	goal       float64
	ratio      float64
}{
	{"log", "corpus.log", 300, 4},
	{"csv", "customers.csv", 200, 4},
	{"jsonl", "events.jsonl", 300, 3},
	{"source", "source.txt", 300, 3},
}

func main() {
	mb := flag.Int("mb", 64, "size of each corpus in MiB")
	rounds := flag.Int("rounds", 5, "how often each is measured; the median counts")
	dir := flag.String("dir", filepath.Join(os.TempDir(), "magpie-bench-detect"), "where the corpus is kept")
	flag.Parse()
	if err := run(*dir, *mb, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "benchdetect:", err)
		os.Exit(1)
	}
}

func run(dir string, mb, rounds int) error {
	if err := prepare(dir, mb); err != nil {
		return err
	}
	hyperscan, err := startHyperscan(dir)
	if err != nil {
		return err
	}
	defer hyperscan.stop()
	engine, err := detect.New(detect.Options{Identifiers: managed.All()})
	if err != nil {
		return err
	}
	fmt.Printf("%d identifiers against Hyperscan with 114 patterns; %d MiB of each kind; MB per CPU second on one core, median of %d in turn; built with%s\n\n",
		len(engine.Identifiers()), mb, rounds, settings())
	fmt.Println("| data | detection | Hyperscan | ratio (goal) | goal MB/s | with extraction | two cores, speed-up |")
	fmt.Println("| --- | --- | --- | --- | --- | --- | --- |")
	for _, kind := range kinds {
		content, err := os.ReadFile(filepath.Join(dir, kind.file))
		if err != nil {
			return err
		}
		in := &input{name: kind.file, content: content, engine: engine}
		if err := in.cut(kind.name == "csv"); err != nil {
			return err
		}
		var ours, theirs, both, pair []float64
		for range rounds {
			ours = append(ours, in.speed(in.detect))
			speed, err := hyperscan.scan(filepath.Join(dir, kind.file))
			if err != nil {
				return err
			}
			theirs = append(theirs, speed)
			both = append(both, in.speed(in.extractAndDetect))
			pair = append(pair, in.twoCores())
		}
		a, b := median(ours), median(theirs)
		fmt.Printf("| %s | %.0f | %.0f | %.1f (%.0f) | %.0f | %.0f | %.2f |\n", kind.name, a, b, a/b, kind.ratio, kind.goal, median(both), median(pair))
	}
	fmt.Println()
	return score(dir, engine)
}

// settings returns what this program was built with that makes it slower or faster.
func settings() (out string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return " unknown settings"
	}
	out = " " + info.GoVersion
	for _, s := range info.Settings {
		switch s.Key {
		case "GOARCH", "GOAMD64", "GOEXPERIMENT":
			out += " " + s.Key + "=" + s.Value
		case "-pgo":
			out += " -pgo=" + filepath.Base(s.Value)
		}
	}
	return out
}

// prepare makes the corpus, unless it is there, and builds the reference.
func prepare(dir string, mb int) error {
	mark := filepath.Join(dir, fmt.Sprintf("made-%d", mb))
	if _, err := os.Stat(mark); err == nil {
		return nil
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, content := range map[string]string{"corpus_gen.py": generator, "patterns.tsv": patterns, "hyperscan.c": reference} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	for _, command := range [][]string{
		{"python3", "corpus_gen.py", ".", "--mb", fmt.Sprint(mb)},
		{"cc", "-O2", "-o", "hyperscan", "hyperscan.c", "-lhs"},
	} {
		cmd := exec.Command(command[0], command[1:]...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w (Debian packages: python3, gcc, libhyperscan-dev)\n%s", command[0], err, out)
		}
	}
	return os.WriteFile(mark, nil, 0o644)
}

// A hyperscan is the reference as a process that answers file after file, so that its compilation is not measured.
type hyperscan struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func startHyperscan(dir string) (*hyperscan, error) {
	cmd := exec.Command(filepath.Join(dir, "hyperscan"), filepath.Join(dir, "patterns.tsv"))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &hyperscan{cmd: cmd, in: in, out: bufio.NewReader(out)}, cmd.Start()
}

func (h *hyperscan) scan(file string) (speed float64, err error) {
	if _, err := fmt.Fprintln(h.in, file); err != nil {
		return 0, err
	}
	line, err := h.out.ReadString('\n')
	if err != nil {
		return 0, fmt.Errorf("hyperscan: %w", err)
	}
	_, err = fmt.Sscan(line, &speed)
	return speed, err
}

func (h *hyperscan) stop() {
	h.in.Close()
	h.cmd.Wait()
}

// An input is one corpus in memory.
type input struct {
	name    string
	content []byte
	engine  *detect.Engine
	blocks  []*text.Block
}

// cut makes the blocks that detection alone is measured on: running text as it is, or the cells of a table as extraction delivers them.
func (in *input) cut(table bool) error {
	if !table {
		const size = 64 << 10
		for t := in.content; len(t) > 0; t = t[min(size, len(t)):] {
			in.blocks = append(in.blocks, &text.Block{Text: t[:min(size, len(t))]})
		}
		return nil
	}
	return extractTo(in.name, in.content, func(b *text.Block) {
		in.blocks = append(in.blocks, &text.Block{
			Kind: b.Kind, Text: append([]byte(nil), b.Text...), Segments: append([]text.Segment(nil), b.Segments...),
			Indexes: append([]int64(nil), b.Indexes...),
		})
	})
}

// speed runs f and returns MB per second of processor time.
func (in *input) speed(f func()) float64 {
	runtime.GC()
	begin := cpuTime()
	f()
	return float64(len(in.content)) / 1e6 / (cpuTime() - begin).Seconds()
}

func (in *input) detect() { scanBlocks(in.engine, in.blocks) }

func scanBlocks(e *detect.Engine, blocks []*text.Block) {
	s := e.NewScanner(func(detect.Match) {})
	for _, b := range blocks {
		s.Write(b)
	}
	s.Close()
}

func (in *input) extractAndDetect() {
	s := in.engine.NewScanner(func(detect.Match) {})
	if err := extractTo(in.name, in.content, s.Write); err != nil {
		panic(err) // the data is our own
	}
	s.Close()
}

// twoCores returns how many times faster two scanners side by side are than one after the other, by the clock.
func (in *input) twoCores() float64 {
	halves := [][]*text.Block{in.blocks[:len(in.blocks)/2], in.blocks[len(in.blocks)/2:]}
	runtime.GC()
	begin := time.Now()
	for _, h := range halves {
		scanBlocks(in.engine, h)
	}
	one := time.Since(begin)
	begin = time.Now()
	var wg sync.WaitGroup
	for _, h := range halves {
		wg.Go(func() { scanBlocks(in.engine, h) })
	}
	wg.Wait()
	return float64(one) / float64(time.Since(begin))
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// sink hands the text of a single document on.
type sink struct{ write func(*text.Block) }

func (s sink) Begin(extract.Document) error               { return nil }
func (s sink) Text(b *text.Block) error                   { s.write(b); return nil }
func (s sink) End(extract.Document, extract.Result) error { return nil }

func extractTo(name string, content []byte, write func(*text.Block)) error {
	x := &extract.Extractor{Formats: formats.All()}
	at := newReader(content)
	_, err := x.Extract(context.Background(), extract.Object{Name: name, Size: int64(len(content)), Reader: at, ReaderAt: at}, sink{write})
	return err
}
