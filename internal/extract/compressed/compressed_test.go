package compressed_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"
	"github.com/ulikunitz/xz/lzma"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/compressed"
	"github.com/magpie-sec/magpie/internal/extract/extracttest"
	"github.com/magpie-sec/magpie/internal/text"
)

func TestAcceptance(t *testing.T) {
	extracttest.Run(t, compressed.Bzip2, compressed.Zstd, compressed.XZ, compressed.LZ4, compressed.Snappy,
		compressed.LZMA, compressed.Lzip, compressed.Compress, compressed.SnappyBlocks)
}

func FuzzExtract(f *testing.F) { extracttest.Fuzz(f) }

// packers are what writes streams for tests, by extension.
var packers = map[string]func(io.Writer) (io.WriteCloser, error){
	"zst":    func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) },
	"xz":     func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) },
	"lzma":   func(w io.Writer) (io.WriteCloser, error) { return lzma.NewWriter(w) },
	"lz4":    func(w io.Writer) (io.WriteCloser, error) { return lz4.NewWriter(w), nil },
	"sz":     func(w io.Writer) (io.WriteCloser, error) { return s2.NewWriter(w, s2.WriterSnappyCompat()), nil },
	"s2":     func(w io.Writer) (io.WriteCloser, error) { return s2.NewWriter(w, s2.WriterBlockSize(4<<20)), nil },
	"big.xz": func(w io.Writer) (io.WriteCloser, error) { return xz.WriterConfig{DictCap: 64 << 20}.NewWriter(w) },
}

func pack(t *testing.T, ext string, r io.Reader) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := packers[ext](&b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(struct{ io.Writer }{w}, r); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A counter is a sink that counts text and watches the heap.
type counter struct {
	extracttest.Stop
	most uint64
}

func (c *counter) Text(b *text.Block) error {
	if c.Blocks%256 == 0 {
		c.most = max(c.most, heap())
	}
	return c.Stop.Text(b)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// count extracts and fails if the heap grew by more than 64 MiB.
func count(t *testing.T, name string, content []byte) (extract.Result, *counter) {
	t.Helper()
	base := heap()
	c := new(counter)
	res, err := extracttest.Extractor().Extract(context.Background(), extract.Object{Name: name, Size: int64(len(content)), Reader: bytes.NewReader(content)}, c)
	if err != nil {
		t.Fatal(err)
	}
	if used := int64(c.most) - int64(base); used > 64<<20 {
		t.Errorf("%s: %d bytes of heap", name, used)
	}
	return res, c
}

// A small stream that expands without end is stopped by the ratio. LZ4 and Snappy reach it only in one another.
func TestBombsAreStopped(t *testing.T) {
	const size = 256 << 20
	letters := func() io.Reader { return io.LimitReader(letter{}, size) }
	bz, err := os.ReadFile("testdata/long/bomb.txt.bz2")
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"bomb.txt.bz2":     bz,
		"bomb.txt.bz2.xz":  pack(t, "xz", bytes.NewReader(bz)),
		"bomb.txt.zst":     pack(t, "zst", letters()),
		"bomb.txt.xz":      pack(t, "xz", letters()),
		"bomb.txt.lzma":    pack(t, "lzma", letters()),
		"bomb.txt.lz4.lz4": pack(t, "lz4", bytes.NewReader(pack(t, "lz4", letters()))),
		"bomb.txt.sz.lz4":  pack(t, "lz4", bytes.NewReader(pack(t, "sz", letters()))),
		"bomb.txt.s2":      pack(t, "s2", letters()),
	} {
		t.Run(name, func(t *testing.T) {
			res, c := count(t, name, content)
			if res.Code != extract.Partial || res.Reason != extract.ArchiveTotalBytesExtractedOverLimit || c.Bytes > 110<<20 {
				t.Errorf("%d bytes: %+v after %d", len(content), res, c.Bytes)
			}
		})
	}
}

type letter struct{}

func (letter) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	return len(p), nil
}

// Streams in one another share the memory of decompressors: inner ones get smaller dictionaries, and in the end none.
func TestNestedStreamsShareMemory(t *testing.T) {
	card := "card 4111111111111111\n"
	for _, c := range []struct {
		ext   string
		depth int
		want  extract.Reason
	}{
		{"xz", 3, ""}, {"xz", 6, ""}, {"big.xz", 3, ""}, {"zst", 5, ""}, {"lzma", 4, ""}, {"lz4", 4, ""}, {"s2", 5, ""}, {"sz", 9, ""},
		{"big.xz", 9, extract.ArchiveNestingLevelOverLimit},
		{"zst", 9, extract.ArchiveNestingLevelOverLimit},
		{"xz", 9, extract.ArchiveNestingLevelOverLimit},
		{"lz4", 9, extract.ArchiveNestingLevelOverLimit},
	} {
		content, name := []byte(strings.Repeat(card, 50_000)), "a.txt"
		for range c.depth {
			content, name = pack(t, c.ext, bytes.NewReader(content)), name+"."+c.ext
		}
		res, sink := count(t, name, content)
		if res.Reason != c.want || c.want == "" && sink.Bytes != int64(50_000*len(card)) {
			t.Errorf("%d times %s: %+v after %d bytes", c.depth, c.ext, res, sink.Bytes)
		}
	}
}

// Streams longer than every buffer, of data that hardly compresses, come out whole.
func TestLongStreams(t *testing.T) {
	var long strings.Builder
	for n := uint32(1); long.Len() < 9<<20; {
		n = n*1664525 + 1013904223
		long.WriteString("line " + strings.Repeat(string(rune('a'+n>>27%26)), int(n>>20&31)) + string(rune('a'+n>>11%26)) + "\n")
	}
	for name := range packers {
		b := bytes.NewBuffer(pack(t, name, strings.NewReader(long.String())))
		d := extracttest.Extract(t, extracttest.Extractor(), extract.Object{Name: "long.txt." + name, Size: int64(b.Len()), Reader: b})
		if d.Result.Code != extract.Complete || len(d.Members) != 1 || strings.Join(d.Members[0].Texts(), "") != long.String() {
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
	for _, name := range []string{"people.csv.bz2", "people.csv.zst", "people.csv.xz", "people.csv.lz4", "people.csv.lzma", "people.csv.lz"} {
		content, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		for n := 18; n < len(content); n++ { // LZMA alone is known by so many
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
