package compressed_test

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/compressed"
	"github.com/magpie-sec/magpie/internal/extract/extracttest"
)

func TestAcceptance(t *testing.T) {
	extracttest.Run(t, compressed.Bzip2, compressed.Zstd, compressed.XZ, compressed.LZ4, compressed.Snappy)
}

func FuzzExtract(f *testing.F) { extracttest.Fuzz(f) }

// A small stream that expands without end is stopped by the ratio.
func TestBombsAreStopped(t *testing.T) {
	line := []byte(strings.Repeat("0123456789abcde\n", 64<<10))
	for name, open := range map[string]func(io.Writer) (io.WriteCloser, error){
		"zst": func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) },
		"xz":  func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) },
	} {
		var b bytes.Buffer
		w, err := open(&b)
		if err != nil {
			t.Fatal(err)
		}
		for range 130 {
			if _, err := w.Write(line); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		d := extracttest.Extract(t, extracttest.Extractor(), extract.Object{Name: "bomb." + name, Size: int64(b.Len()), Reader: &b})
		if d.Result.Code != extract.Partial || d.Result.Reason != extract.ArchiveTotalBytesExtractedOverLimit {
			t.Errorf("%s: %+v", name, d.Result)
		}
	}
}

// Streams longer than every buffer, of data that hardly compresses, come out whole.
func TestLongStreams(t *testing.T) {
	var text strings.Builder
	for n := uint32(1); text.Len() < 9<<20; {
		n = n*1664525 + 1013904223
		text.WriteString("line " + strings.Repeat(string(rune('a'+n>>27%26)), int(n>>20&31)) + string(rune('a'+n>>11%26)) + "\n")
	}
	for name, open := range map[string]func(io.Writer) (io.WriteCloser, error){
		"zst": func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) },
		"xz":  func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) },
		"lz4": func(w io.Writer) (io.WriteCloser, error) { return lz4.NewWriter(w), nil },
		"sz":  func(w io.Writer) (io.WriteCloser, error) { return s2.NewWriter(w, s2.WriterSnappyCompat()), nil },
		"s2":  func(w io.Writer) (io.WriteCloser, error) { return s2.NewWriter(w, s2.WriterBlockSize(4<<20)), nil },
	} {
		var b bytes.Buffer
		w, err := open(&b)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, text.String()); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		d := extracttest.Extract(t, extracttest.Extractor(), extract.Object{Name: "long.txt." + name, Size: int64(b.Len()), Reader: &b})
		if d.Result.Code != extract.Complete || len(d.Members) != 1 || strings.Join(d.Members[0].Texts(), "") != text.String() {
			t.Errorf("%s: %+v", name, d.Result)
		}
	}
}

// Blocks of LZ4 may reach back into those before them.
func TestLinkedBlocks(t *testing.T) {
	content, err := os.ReadFile("testdata/long/linked.txt.lz4")
	if err != nil {
		t.Fatal(err)
	}
	d := extracttest.Extract(t, extracttest.Extractor(), extract.Object{Name: "linked.txt.lz4", Size: -1, Reader: bytes.NewReader(content)})
	want := strings.Repeat("1,078-05-1121\n", 10_000)
	if d.Result.Code != extract.Complete || len(d.Members) != 1 || strings.Join(d.Members[0].Texts(), "") != want {
		t.Errorf("%+v", d.Result)
	}
}

// No cut stream counts as read wholly, wherever it is cut. Snappy is left out: its streams have no end mark.
func TestTruncationIsTold(t *testing.T) {
	for _, name := range []string{"people.csv.bz2", "people.csv.zst", "people.csv.xz", "people.csv.lz4"} {
		content, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		for n := 10; n < len(content); n++ {
			d := extracttest.Extract(t, extracttest.Extractor(), extract.Object{Name: name, Size: -1, Reader: bytes.NewReader(content[:n])})
			if d.Result.Reason != extract.MalformedFile {
				t.Errorf("%s cut at %d of %d: %+v", name, n, len(content), d.Result)
			}
		}
	}
}

// Thousands of small streams are read wholly, and do not cost a large dictionary each.
func TestManySmallStreams(t *testing.T) {
	one, err := os.ReadFile("testdata/level9.csv.xz")
	if err != nil {
		t.Fatal(err)
	}
	content := bytes.Repeat(one, 3000)
	d := extracttest.Extract(t, extracttest.Extractor(), extract.Object{Name: "many.csv.xz", Size: -1, Reader: bytes.NewReader(content)})
	if d.Result.Code != extract.Complete || d.Result.Bytes != 3000*35 {
		t.Errorf("%+v", d.Result)
	}
}
