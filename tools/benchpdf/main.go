// Benchpdf reads PDF documents beside poppler's pdftotext, and prints which share of its words we find, and how fast both are.
//
//	benchpdf [-worst 20] [-floor 0.95] folder...
//
// With -goldens it writes pdftotext's words beside each document, and floors.txt with our share of them, half a percent less: what the test of
// internal/extract/pdf holds us to.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/pdf"
	"github.com/magpie-sec/magpie/internal/extract/pdf/pdfwords"
	"github.com/magpie-sec/magpie/internal/text"
)

type score struct {
	file         string
	result       extract.Result
	words, found int
	size         int64
	ours, theirs time.Duration
	panicked     bool
}

func (s score) share() float64 {
	if s.words == 0 {
		return 1
	}
	return float64(s.found) / float64(s.words)
}

// sink gathers the text; pages and values are apart.
type sink struct{ text bytes.Buffer }

func (s *sink) Begin(extract.Document) error               { return nil }
func (s *sink) End(extract.Document, extract.Result) error { return nil }
func (s *sink) Text(b *text.Block) error {
	for _, seg := range b.Segments {
		s.text.Write(b.Text[seg.Start:seg.End])
		if !seg.More {
			s.text.WriteByte('\n')
		}
	}
	return nil
}

func main() {
	worst := flag.Int("worst", 20, "how many of the worst documents to list")
	floor := flag.Float64("floor", 0.95, "the share that is counted as reached")
	show := flag.Bool("show", false, "print our text of the documents and the words that are missing")
	goldens := flag.Bool("goldens", false, "write the words and floors that the test compares with")
	flag.Parse()
	var files []string
	for _, dir := range flag.Args() {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && strings.HasSuffix(path, ".pdf") {
				files = append(files, path)
			}
			return err
		})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	var all []score
	empty, unread := 0, 0
	for _, file := range files {
		s, err := measure(file, *show, *goldens)
		if err != nil {
			unread++
			if s.result.Code == extract.Complete {
				fmt.Printf("pdftotext cannot read %s, we can\n", file)
			}
			continue
		}
		if s.panicked {
			fmt.Println("PANIC", file)
		}
		if s.words == 0 {
			empty++
			continue
		}
		all = append(all, s)
	}
	report(all, *worst, *floor)
	if *goldens {
		if err := writeFloors(flag.Arg(0), all); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	fmt.Printf("%d more have no text according to pdftotext, %d it cannot read\n", empty, unread)
}

func measure(file string, show, goldens bool) (s score, err error) {
	f, err := os.Open(file)
	if err != nil {
		return s, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return s, err
	}
	s = score{file: file, size: info.Size()}
	var out sink
	e := extract.Extractor{Formats: []extract.Format{pdf.Format}, Panicked: func(_ string, stack []byte) {
		s.panicked = true
		os.Stderr.Write(stack)
	}}
	start := time.Now()
	s.result, err = e.Extract(context.Background(), extract.Object{Name: file, Size: s.size, ReaderAt: f}, &out)
	s.ours = time.Since(start)
	if err != nil {
		return s, err
	}
	start = time.Now()
	theirs, err := exec.Command("pdftotext", "-q", file, "-").Output()
	s.theirs = time.Since(start)
	if err != nil {
		return s, err
	}
	want := pdfwords.Of(theirs)
	s.words = len(want)
	missing := pdfwords.Missing(want, pdfwords.Of(out.text.Bytes()))
	s.found = s.words - len(missing)
	if goldens {
		if err := os.WriteFile(strings.TrimSuffix(file, ".pdf")+".words", []byte(strings.Join(want, "\n")+"\n"), 0o644); err != nil {
			return s, err
		}
	}
	if show {
		fmt.Printf("%s\nMISSING %q\n", out.text.Bytes(), missing)
	}
	return s, nil
}

func report(all []score, worst int, floor float64) {
	if len(all) == 0 {
		return
	}
	slices.SortFunc(all, func(a, b score) int { return compare(a.share(), b.share()) })
	var sum float64
	var words, found, reached int
	var size int64
	var ours, theirs time.Duration
	for _, s := range all {
		sum += s.share()
		words += s.words
		found += s.found
		size += s.size
		ours += s.ours
		theirs += s.theirs
		if s.share() >= floor {
			reached++
		}
	}
	for _, s := range all[:min(worst, len(all))] {
		fmt.Printf("%6.2f %% of %6d words  %s %s  %s\n", 100*s.share(), s.words, s.result.Code, s.result.Reason, s.file)
	}
	const mb = 1 << 20
	n := float64(len(all))
	fmt.Printf("%d documents, %.1f MB: mean %.2f %%, median %.2f %%, of all words %.2f %%, %d of %d at least %.0f %%\n", len(all), float64(size)/mb,
		100*sum/n, 100*all[len(all)/2].share(), 100*float64(found)/float64(words), reached, len(all), 100*floor)
	fmt.Printf("ours %.1f MB/s, pdftotext %.1f MB/s (with starting a process for each document)\n",
		float64(size)/mb/ours.Seconds(), float64(size)/mb/theirs.Seconds())
}

func writeFloors(dir string, all []score) error {
	var lines []string
	for _, s := range all {
		lines = append(lines, fmt.Sprintf("%s %.3f\n", filepath.Base(s.file), max(0, s.share()-0.005)))
	}
	slices.Sort(lines)
	return os.WriteFile(filepath.Join(dir, "floors.txt"), []byte(strings.Join(lines, "")), 0o644)
}

func compare(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
