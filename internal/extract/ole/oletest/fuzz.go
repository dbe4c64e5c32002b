package oletest

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/extracttest"
	"github.com/magpie-sec/magpie/internal/extract/ole"
)

// Fuzz is a fuzz target of what stands in the streams of a compound file, which is made around them: mutations of a whole file break mostly
// its container. It is seeded with the streams of the samples; main and second are their names.
func Fuzz(f *testing.F, main, second string) {
	files, err := filepath.Glob("testdata/*")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil || !bytes.HasPrefix(b, []byte("\xd0\xcf\x11\xe0")) {
			continue
		}
		file, err := ole.Open(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			f.Fatal(err)
		}
		var streams [2][]byte
		for i, name := range []string{main, second} {
			if streams[i], err = file.ReadAll(file.Root().Child(name), 1<<20); err != nil {
				f.Fatal(err)
			}
		}
		f.Add(streams[0], streams[1])
	}
	e := extracttest.Extractor()
	e.Limits = extract.Limits{ExtractedBytes: 8 << 20, MemberBytes: 4 << 20, Members: 1000}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		content := File(Stream{main, a}, Stream{second, b})
		e.Panicked = func(format string, stack []byte) { t.Errorf("%s panicked:\n%s", format, stack) }
		var rec extracttest.Recorder
		if _, err := e.Extract(context.Background(), extract.Object{Name: "a", Size: int64(len(content)), ReaderAt: bytes.NewReader(content)}, &rec); err != nil {
			t.Fatal(err)
		}
		for _, s := range rec.Errors {
			t.Error(s)
		}
	})
}
