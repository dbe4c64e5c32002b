package sevenzip_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/extracttest"
	"github.com/magpie-sec/magpie/internal/extract/sevenzip"
)

func TestAcceptance(t *testing.T) { extracttest.Run(t, sevenzip.Format) }

func FuzzExtract(f *testing.F) { extracttest.Fuzz(f) }

// A wrong byte anywhere is told: checksums cover the headers and every file. Only the version and what nobody reads may change.
func TestEveryWrongByteIsTold(t *testing.T) {
	samples, err := filepath.Glob("testdata/*.7z")
	if err != nil || len(samples) == 0 {
		t.Fatal(samples, err)
	}
	for _, sample := range samples {
		content, err := os.ReadFile(sample)
		if err != nil {
			t.Fatal(err)
		}
		e := extracttest.Extractor()
		e.Panicked = func(format string, stack []byte) { t.Errorf("%s panicked:\n%s", format, stack) }
		whole := extracttest.Extract(t, e, extract.Object{Name: sample, Size: -1, Reader: bytes.NewReader(content)})
		for i := range content {
			for _, bit := range []byte{1, 0x80} {
				broken := bytes.Clone(content)
				broken[i] ^= bit
				d := extracttest.Extract(t, e, extract.Object{Name: sample, Size: -1, Reader: bytes.NewReader(broken)})
				if i >= 8 && d.Result.Code == extract.Complete && d.String() != whole.String() {
					t.Errorf("%s: byte %d: complete, and different:\n%s", sample, i, d)
				}
			}
		}
	}
}
