package pdf_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/extracttest"
	"github.com/magpie-sec/magpie/internal/extract/pdf/pdfwords"
)

// Of documents by many writers we find the words that poppler's pdftotext finds: the lists lie beside them, the share of each in floors.txt.
func TestWordsOfOtherReaders(t *testing.T) {
	const dir = "testdata/corpus"
	floors, err := os.ReadFile(filepath.Join(dir, "floors.txt"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.pdf"))
	if err != nil || len(files) < 30 {
		t.Fatalf("%d documents, %v", len(files), err)
	}
	origin, err := os.ReadFile(filepath.Join(dir, "ORIGIN.md"))
	if err != nil {
		t.Fatal(err)
	}
	var words, found int
	for line := range strings.Lines(string(floors)) {
		var file string
		var floor float64
		if _, err := fmt.Sscan(line, &file, &floor); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(origin), strings.SplitN(strings.TrimSuffix(file, ".pdf"), "-", 2)[0]) {
			t.Errorf("%s: its origin is not told", file)
		}
		list, err := os.ReadFile(filepath.Join(dir, strings.TrimSuffix(file, ".pdf")+".words"))
		if err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		d := extracttest.Extract(t, extracttest.Extractor(), extract.Object{Name: file, Size: info.Size(), ReaderAt: f})
		f.Close()
		want := strings.Fields(string(list))
		missing := pdfwords.Missing(want, pdfwords.Of([]byte(strings.Join(d.Texts(), "\n"))))
		share := 1 - float64(len(missing))/float64(len(want))
		words += len(want)
		found += len(want) - len(missing)
		if share < floor || d.Result.Code != extract.Complete {
			t.Errorf("%s: %.1f %% of %d words, floor %.1f %%, %+v: %.300q", file, 100*share, len(want), 100*floor, d.Result, missing)
		}
	}
	if share := float64(found) / float64(words); share < 0.95 {
		t.Errorf("%.1f %% of all words", 100*share)
	}
}

// BenchmarkCorpus reads all the checked-in documents; tools/benchpdf compares with pdftotext.
func BenchmarkCorpus(b *testing.B) {
	files, err := filepath.Glob("testdata/corpus/*.pdf")
	if err != nil {
		b.Fatal(err)
	}
	var all []string
	size := 0
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, string(content))
		size += len(content)
	}
	e := extracttest.Extractor()
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		for _, c := range all {
			var sink extracttest.Stop
			if _, err := e.Extract(context.Background(), extract.Object{Name: "a.pdf", Size: int64(len(c)), ReaderAt: strings.NewReader(c)}, &sink); err != nil {
				b.Fatal(err)
			}
		}
	}
}
