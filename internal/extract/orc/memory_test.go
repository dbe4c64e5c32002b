package orc_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/extracttest"
	"github.com/magpie-sec/magpie/internal/text"
)

// A file is what the tests write of ORC: one stripe of columns of strings or numbers, in the encodings of version 0.11.
type file struct {
	w       *bufio.Writer
	at      int64
	codec   int
	rows    int
	streams []byte // of the stripe's footer
	columns int
	entries []int
}

const (
	plainCodec  = 0
	zlibCodec   = 1
	snappyCodec = 2
	zstdCodec   = 5
	chunk       = 256 << 10
)

var encoder, _ = zstd.NewWriter(nil)

func field(id int, v any) []byte {
	switch v := v.(type) {
	case int:
		return binary.AppendUvarint(binary.AppendUvarint(nil, uint64(id)<<3), uint64(v))
	case string:
		return field(id, []byte(v))
	}
	b := binary.AppendUvarint(nil, uint64(id)<<3|2)
	return append(binary.AppendUvarint(b, uint64(len(v.([]byte)))), v.([]byte)...)
}

func (f *file) write(b []byte) int {
	n := 0
	for len(b) > 0 {
		part := b[:min(len(b), chunk)]
		b = b[len(part):]
		if f.codec == plainCodec {
			f.w.Write(part)
			n += len(part)
			continue
		}
		var packed []byte
		switch f.codec {
		case zlibCodec:
			var z bytes.Buffer
			w, _ := flate.NewWriter(&z, 1)
			w.Write(part)
			w.Close()
			packed = z.Bytes()
		case snappyCodec:
			packed = snappy.Encode(nil, part)
		case zstdCodec:
			packed = encoder.EncodeAll(part, nil)
		}
		head := len(packed) << 1
		if len(packed) >= len(part) {
			packed, head = part, len(part)<<1|1
		}
		f.w.Write([]byte{byte(head), byte(head >> 8), byte(head >> 16)})
		f.w.Write(packed)
		n += 3 + len(packed)
	}
	f.at += int64(n)
	return n
}

func (f *file) stream(kind int, b []byte) {
	n := f.write(b)
	f.streams = append(f.streams, field(1, bytes.Join([][]byte{field(1, kind), field(2, f.columns), field(3, n)}, nil))...)
}

// numbers writes runs of literals.
func numbers(n int, f func(i int) int64, signed bool) (b []byte) {
	for i := range n {
		if i%128 == 0 {
			b = append(b, byte(256-min(128, n-i)))
		}
		if signed {
			b = binary.AppendVarint(b, f(i))
		} else {
			b = binary.AppendUvarint(b, uint64(f(i)))
		}
	}
	return b
}

func (f *file) strings(values []string) {
	f.columns++
	f.stream(1, []byte(strings.Join(values, "")))
	f.stream(2, numbers(len(values), func(i int) int64 { return int64(len(values[i])) }, false))
	f.entries = append(f.entries, -1)
}

func (f *file) dictionary(values []string, index func(i int) int64) {
	f.columns++
	f.stream(1, numbers(f.rows, index, false))
	f.stream(3, []byte(strings.Join(values, "")))
	f.stream(2, numbers(len(values), func(i int) int64 { return int64(len(values[i])) }, false))
	f.entries = append(f.entries, len(values))
}

func (f *file) ints(v func(i int) int64) {
	f.columns++
	f.stream(1, numbers(f.rows, v, true))
	f.entries = append(f.entries, -2)
}

// orcFile writes a file.
func orcFile(t testing.TB, codec, rows int, columns func(f *file)) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "x.orc")
	out, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	f := &file{w: bufio.NewWriter(out), codec: codec, rows: rows}
	f.w.WriteString("ORC")
	columns(f)
	data := f.at
	footer := append(f.streams, field(2, field(1, 0))...)
	kinds := field(4, append(field(1, 12), func() (b []byte) {
		for i := range f.entries {
			b = append(append(b, field(2, i+1)...), field(3, fmt.Sprint("column", i))...)
		}
		return b
	}()...))
	for _, n := range f.entries {
		kind := 7
		encoding := field(1, 0)
		switch {
		case n == -2:
			kind = 4
		case n >= 0:
			encoding = append(field(1, 1), field(2, n)...)
		}
		kinds = append(kinds, field(4, field(1, kind))...)
		footer = append(footer, field(2, encoding)...)
	}
	n := f.write(footer)
	stripe := bytes.Join([][]byte{field(1, 3), field(3, int(data)), field(4, n), field(5, rows)}, nil)
	n = f.write(append(field(3, stripe), kinds...))
	post := bytes.Join([][]byte{field(1, n), field(2, codec), field(3, chunk), field(8000, "ORC")}, nil)
	f.w.Write(append(post, byte(len(post))))
	for _, end := range []func() error{f.w.Flush, out.Close} {
		if err := end(); err != nil {
			t.Fatal(err)
		}
	}
	return name
}

// peak is a sink that counts, and watches the heap.
type peak struct {
	blocks, values int
	bytes          int64
	most           uint64
}

func (p *peak) look() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	p.most = max(p.most, m.HeapAlloc)
	return m.HeapAlloc
}

func (p *peak) Begin(extract.Document) error               { return nil }
func (p *peak) End(extract.Document, extract.Result) error { return nil }
func (p *peak) Text(b *text.Block) error {
	if p.blocks++; p.blocks%64 == 1 {
		p.look()
	}
	for _, s := range b.Segments {
		if !s.More {
			p.values++
		}
		p.bytes += int64(s.End - s.Start)
	}
	return nil
}

func TestMemory(t *testing.T) {
	const unit = "some longer text with Grüße and a card 4111 1111 1111 1111\n"
	huge := strings.Repeat(unit, 40<<20/len(unit))
	words := make([]string, 300_000)
	for i := range words {
		words[i] = fmt.Sprint("a value of the dictionary that is not short, number ", i)
	}
	wide := make([]string, 300)
	for i := range wide {
		wide[i] = fmt.Sprint("value ", i*i, unit)
	}
	for name, c := range map[string]struct {
		codec, rows    int
		columns        func(f *file)
		values, length int
	}{
		"value of 40 MB": {zlibCodec, 3, func(f *file) { f.strings([]string{"before", huge, "after"}) }, 3, len(huge) + len("beforeafter")},
		"uncompressed":   {plainCodec, 3, func(f *file) { f.strings([]string{"before", huge, "after"}) }, 3, len(huge) + len("beforeafter")},
		"dictionary of 18 MB": {snappyCodec, 100_000, func(f *file) {
			f.ints(func(i int) int64 { return int64(i) })
			f.dictionary(words, func(i int) int64 { return int64(len(words) - 1 - i) })
		}, 200_000, 0},
		"dictionary with a long value": {zstdCodec, 3, func(f *file) { f.dictionary([]string{"a", huge, "b"}, func(i int) int64 { return int64(2 - i) }) }, 3, len(huge) + 2},
		"2000 columns": {zstdCodec, len(wide), func(f *file) {
			for range 2000 {
				f.strings(wide)
			}
		}, 2000 * len(wide), 0},
	} {
		t.Run(name, func(t *testing.T) {
			file := orcFile(t, c.codec, c.rows, c.columns)
			f, err := os.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			info, _ := f.Stat()
			e := extracttest.Extractor()
			e.Spool = extracttest.FileSpool(t)
			p := new(peak)
			base := p.look()
			p.most = 0
			res, err := e.Extract(context.Background(), extract.Object{Name: file, Size: info.Size(), ReaderAt: f}, p)
			if err != nil {
				t.Fatal(err)
			}
			used := int64(p.most) - int64(base)
			t.Logf("%d KiB of file, %d values, %d KiB of text, %d KiB of heap", info.Size()>>10, p.values, p.bytes>>10, used>>10)
			if res.Code != extract.Complete || p.values != c.values || c.length > 0 && p.bytes != int64(c.length) || used > 48<<20 {
				t.Errorf("%+v, %d values, %d bytes of text, %d bytes of heap", res, p.values, p.bytes, used)
			}
		})
	}
}

// A stripe that claims endless rows of nothing ends soon.
func TestRowsWithoutEnd(t *testing.T) {
	file := orcFile(t, plainCodec, 1<<50, func(f *file) {
		f.columns++
		f.stream(0, bytes.Repeat([]byte{0x7f, 0}, 1000))
		f.entries = append(f.entries, -2)
	})
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	e := extracttest.Extractor()
	var sink extracttest.Stop
	res, err := e.Extract(context.Background(), extract.Object{Name: "x", Size: int64(len(b)), ReaderAt: bytes.NewReader(b)}, &sink)
	if err != nil || res.Code != extract.Skipped || res.Reason != extract.MalformedFile {
		t.Errorf("%+v, %v", res, err)
	}
}

// No library reads ORC in Go: the reference is encoding/csv on the same rows as text.
func BenchmarkORC(b *testing.B) {
	const rows = 100_000
	var table bytes.Buffer
	names := []string{"Ann Lindqvist", "Bob Example", "Cy Sample"}
	column := func(format string) []string {
		all := make([]string, rows)
		for i := range all {
			all[i] = fmt.Sprintf(format, i*7919%1_000_003)
		}
		return all
	}
	emails, phones, cards, notes := column("ann%d@example.org"), column("+46 70 %07d"), column("%016d"), column("order %x placed, to be delivered")
	w := csv.NewWriter(&table)
	for i := range rows {
		w.Write([]string{fmt.Sprint(i), names[i%3], emails[i], phones[i], cards[i], fmt.Sprint(i * 31 % 1000), notes[i]})
	}
	w.Flush()
	for name, codec := range map[string]int{"uncompressed": plainCodec, "snappy": snappyCodec, "zstd": zstdCodec, "zlib": zlibCodec} {
		b.Run("ours/"+name, func(b *testing.B) {
			file := orcFile(b, codec, rows, func(f *file) {
				f.ints(func(i int) int64 { return int64(i) })
				f.dictionary(names, func(i int) int64 { return int64(i % 3) })
				f.strings(emails)
				f.strings(phones)
				f.strings(cards)
				f.ints(func(i int) int64 { return int64(i * 31 % 1000) })
				f.strings(notes)
			})
			content, err := os.ReadFile(file)
			if err != nil {
				b.Fatal(err)
			}
			e := extracttest.Extractor()
			b.SetBytes(int64(table.Len()))
			b.ReportAllocs()
			for b.Loop() {
				var sink extracttest.Stop
				res, err := e.Extract(context.Background(), extract.Object{Name: "a.orc", Size: int64(len(content)), ReaderAt: bytes.NewReader(content)}, &sink)
				if err != nil || res.Code != extract.Complete {
					b.Fatalf("%+v, %v", res, err)
				}
			}
		})
	}
	b.Run("reference=encoding/csv", func(b *testing.B) {
		b.SetBytes(int64(table.Len()))
		for b.Loop() {
			r := csv.NewReader(bytes.NewReader(table.Bytes()))
			r.ReuseRecord = true
			for {
				if _, err := r.Read(); err == io.EOF {
					break
				} else if err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
