// Command accuracy scores the managed data identifiers on a labelled corpus that it makes: values whose check digits are computed forward from
// the authorities' rules, in eleven kinds of text, and near misses of them. It shares no code with the tables that it measures. make accuracy
// writes docs/accuracy.md.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/managed"
	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/formats"
	"github.com/magpie-sec/magpie/internal/text"
)

func main() {
	n := flag.Int("n", 200, "values and near misses of each identifier")
	seed := flag.Uint64("seed", 20261121, "seed of the corpus")
	only := flag.String("only", "", "score this identifier alone and show every failure")
	file := flag.String("write", "", "file to write the report to")
	flag.Parse()
	if err := run(*n, *seed, *only, *file); err != nil {
		fmt.Fprintln(os.Stderr, "accuracy:", err)
		os.Exit(1)
	}
}

// A tally counts what became of the documents of one identifier.
type tally struct {
	id               string
	planted, found   int
	misses, reported int // near misses, and those that were reported as the identifier
	foreign          int // reports of this identifier on what was planted for another one
	background       int
	failures         []string
}

func (t *tally) recall() float64    { return ratio(t.found, t.planted) }
func (t *tally) precision() float64 { return ratio(t.found, t.found+t.reported) }
func (t *tally) f1() float64 {
	p, r := t.precision(), t.recall()
	if p+r == 0 {
		return 0
	}
	return 2 * p * r / (p + r)
}

func ratio(a, b int) float64 {
	if b == 0 {
		return 1
	}
	return float64(a) / float64(b)
}

// add adds the counts of another tally.
func (t *tally) add(o *tally) {
	t.planted += o.planted
	t.found += o.found
	t.misses += o.misses
	t.reported += o.reported
	t.background += o.background
	t.foreign += o.foreign
}

func run(n int, seed uint64, only, file string) error {
	list, background, err := scoreAll(n, seed, only, only == "")
	if err != nil {
		return err
	}
	for _, t := range list {
		for i, f := range t.failures {
			if only != "" || i < 3 {
				fmt.Fprintf(os.Stderr, "%s: %s\n", t.id, f)
			}
		}
	}
	report := write(list, n, background)
	if file == "" {
		fmt.Print(report)
		return nil
	}
	return os.WriteFile(file, []byte(report), 0o644)
}

// scoreAll scores every identifier, or one alone, and returns the tallies by id, with the size of the background that was read, if it was.
func scoreAll(n int, seed uint64, only string, withBackground bool) (list []*tally, background int, err error) {
	engine, err := detect.New(detect.Options{Identifiers: managed.All()})
	if err != nil {
		return nil, 0, err
	}
	tallies := map[string]*tally{}
	for _, id := range managed.All() {
		tallies[id.ID] = &tally{id: id.ID}
	}
	for i, k := range kinds() {
		if only != "" && k.id != only || tallies[k.id] == nil {
			continue
		}
		g := &gen{rand.New(rand.NewPCG(seed, uint64(i)))}
		for _, d := range k.documents(g, n) {
			if err := scoreDocument(engine, tallies, d); err != nil {
				return nil, 0, err
			}
		}
	}
	if withBackground {
		if background, err = scoreBackground(engine, tallies); err != nil {
			return nil, 0, err
		}
	}
	for _, t := range tallies {
		if only == "" || t.id == only {
			list = append(list, t)
		}
	}
	slices.SortFunc(list, func(a, b *tally) int { return strings.Compare(a.id, b.id) })
	return list, background, nil
}

func scoreDocument(engine *detect.Engine, tallies map[string]*tally, d document) error {
	own := tallies[d.of]
	hit, false_ := false, false
	err := detectIn(engine, d.name, []byte(d.content), func(m detect.Match) {
		if m.Identifier.ID != d.of {
			tallies[m.Identifier.ID].foreign++
			return
		}
		if d.value != "" && string(m.Text) == d.value {
			hit = true
		} else {
			false_ = true
		}
	})
	if err != nil {
		return err
	}
	if d.value == "" {
		own.misses++
	} else {
		own.planted++
	}
	switch {
	case hit:
		own.found++
	case d.value != "":
		own.failures = append(own.failures, fmt.Sprintf("missed %q in %s as %s", short(d.value), d.name, d.about))
	}
	if false_ {
		own.reported++
		own.failures = append(own.failures, fmt.Sprintf("reported in %s: %s: %q", d.name, short(d.about), short(d.content)))
	}
	return nil
}

func short(s string) string {
	if len(s) > 240 {
		return s[:240] + "…"
	}
	return s
}

// scoreBackground reads what holds nobody's data, as far as anyone knows: the Go files of the standard library's packages that are no tests.
func scoreBackground(engine *detect.Engine, tallies map[string]*tally) (size int, err error) {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return 0, err
	}
	root := filepath.Join(strings.TrimSpace(string(out)), "src")
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "testdata") {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		size += len(b)
		return detectIn(engine, d.Name(), b, func(m detect.Match) {
			t := tallies[m.Identifier.ID]
			t.background++
			rel, _ := filepath.Rel(root, path)
			t.failures = append(t.failures, fmt.Sprintf("in Go's sources, %s:%d: %q", rel, m.Location.Line, short(string(m.Text))))
		})
	})
	return size, err
}

func detectIn(engine *detect.Engine, name string, content []byte, emit func(detect.Match)) error {
	s := engine.NewScanner(emit)
	x := &extract.Extractor{Formats: formats.All()}
	at := io.NewSectionReader(bytes.NewReader(content), 0, int64(len(content)))
	_, err := x.Extract(context.Background(), extract.Object{Name: name, Size: int64(len(content)), Reader: at, ReaderAt: at}, sink{s})
	s.Close()
	return err
}

type sink struct{ scanner *detect.Scanner }

func (s sink) Begin(extract.Document) error               { return nil }
func (s sink) Text(b *text.Block) error                   { s.scanner.Write(b); return nil }
func (s sink) End(extract.Document, extract.Result) error { return nil }
