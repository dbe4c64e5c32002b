package media_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/extracttest"
)

func read(t *testing.T, name string, content []byte) *extracttest.Document {
	t.Helper()
	e := extracttest.Extractor()
	e.Panicked = func(format string, stack []byte) { t.Errorf("%s: %s panicked:\n%s", name, format, stack) }
	return extracttest.Extract(t, e, extract.Object{Name: name, Size: int64(len(content)), ReaderAt: bytes.NewReader(content)})
}

// A wrong byte does not make the parsers panic or hang, whatever comes of it.
func TestWrongBytes(t *testing.T) {
	samples, err := filepath.Glob("testdata/*.*")
	if err != nil {
		t.Fatal(err)
	}
	for _, sample := range samples {
		if strings.HasSuffix(sample, ".want") || strings.HasSuffix(sample, ".md") {
			continue
		}
		content, err := os.ReadFile(sample)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(content); i += 1 + len(content)/500 {
			broken := bytes.Clone(content)
			broken[i] ^= 0xff
			read(t, filepath.Base(sample), broken)
		}
	}
}

// tiffOf writes a little-endian TIFF of directories: each a list of entries of tag, type, count and value.
func tiffOf(next uint32, entries ...[4]uint32) []byte {
	b := []byte("II*\x00\x08\x00\x00\x00")
	b = binary.LittleEndian.AppendUint16(b, uint16(len(entries)))
	for _, e := range entries {
		b = binary.LittleEndian.AppendUint16(b, uint16(e[0]))
		b = binary.LittleEndian.AppendUint16(b, uint16(e[1]))
		b = binary.LittleEndian.AppendUint32(b, e[2])
		b = binary.LittleEndian.AppendUint32(b, e[3])
	}
	return binary.LittleEndian.AppendUint32(b, next)
}

func TestDirectoriesThatGoRound(t *testing.T) {
	for name, content := range map[string][]byte{
		"next is itself.tif": tiffOf(8, [4]uint32{0x13b, 2, 4, 0x6e6e41}),
		"exif is itself.tif": tiffOf(0, [4]uint32{0x13b, 2, 4, 0x6e6e41}, [4]uint32{0x8769, 4, 1, 8}),
		"gps outside.tif":    tiffOf(0, [4]uint32{0x13b, 2, 4, 0x6e6e41}, [4]uint32{0x8825, 4, 1, 1 << 31}),
		"text outside.tif":   tiffOf(0, [4]uint32{0x13b, 2, 4, 0x6e6e41}, [4]uint32{0x8298, 2, 1 << 31, 1 << 31}),
	} {
		d := read(t, name, content)
		if d.Result.Code != extract.Partial || d.Result.Reason != extract.MalformedFile || len(d.Values) != 1 || d.Values[0].Text != "Ann" {
			t.Errorf("%s", d)
		}
	}
}

func pngChunk(kind string, data []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	b = append(append(b, kind...), data...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

// What a text unpacks to is kept up to 1 MiB, of the many of a file each by itself.
func TestTextsThatExpand(t *testing.T) {
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	if _, err := io.Copy(z, io.LimitReader(letters{}, 64<<20)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	content := []byte("\x89PNG\r\n\x1a\n")
	for range 200 {
		content = append(content, pngChunk("zTXt", append([]byte("Comment\x00\x00"), packed.Bytes()...))...)
	}
	content = append(content, pngChunk("tEXt", []byte("Author\x00Ann"))...)
	content = append(content, pngChunk("IEND", nil)...)
	e := extracttest.Extractor()
	sink := new(extracttest.Stop)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	sink.After, sink.Do = 3000, func() { runtime.GC(); runtime.ReadMemStats(&after) }
	res, err := e.Extract(t.Context(), extract.Object{Name: "a.png", Size: int64(len(content)), ReaderAt: bytes.NewReader(content)}, sink)
	if err != nil || res.Reason != extract.FileExceedsSizeLimit || sink.Bytes != 200<<20+3 {
		t.Errorf("%+v, %v after %d bytes", res, err, sink.Bytes)
	}
	if used := int64(after.HeapAlloc) - int64(before.HeapAlloc); used > 16<<20 {
		t.Errorf("%d bytes of heap", used)
	}
}

type letters struct{}

func (letters) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	return len(p), nil
}

// A film of many gigabytes is read by its boxes, not by its data.
func TestLargeFilmsAreNotReadWhole(t *testing.T) {
	film, err := os.ReadFile("testdata/film.mp4")
	if err != nil {
		t.Fatal(err)
	}
	const size = 15 << 30
	mdat := binary.BigEndian.AppendUint64([]byte("\x00\x00\x00\x01mdat"), size)
	at := bytes.Index(film, []byte("moov")) - 4
	r := &sparse{head: append(bytes.Clone(film[:32]), mdat...), tail: film[at:], size: 32 + size + int64(len(film)-at)}
	d := extracttest.Extract(t, extracttest.Extractor(), extract.Object{Name: "a.mp4", Size: r.size, ReaderAt: r})
	if d.Result.Code != extract.Complete || len(d.Values) != 6 || r.read > 1<<20 {
		t.Errorf("%d bytes read: %s", r.read, d)
	}
}

// sparse is zeros between a head and a tail.
type sparse struct {
	head, tail []byte
	size, read int64
}

func (s *sparse) ReadAt(p []byte, off int64) (int, error) {
	if off >= s.size {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), s.size-off))
	s.read += int64(n)
	clear(p[:n])
	if off < int64(len(s.head)) {
		copy(p[:n], s.head[off:])
	}
	start := s.size - int64(len(s.tail))
	if from := start - off; from < int64(n) {
		if from >= 0 {
			copy(p[from:n], s.tail)
		} else {
			copy(p[:n], s.tail[-from:])
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}
