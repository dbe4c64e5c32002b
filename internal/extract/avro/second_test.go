package avro_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	library "github.com/twmb/avro"
	"github.com/twmb/avro/ocf"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/extracttest"
	"github.com/magpie-sec/magpie/internal/text"
)

// stringsIn lists the strings in a decoded value, the keys of its maps left out.
func stringsIn(v any, to []string) []string {
	switch v := v.(type) {
	case string:
		if v != "" {
			to = append(to, v)
		}
	case map[string]any:
		for _, e := range v {
			to = stringsIn(e, to)
		}
	case []any:
		for _, e := range v {
			to = stringsIn(e, to)
		}
	}
	return to
}

// What another library finds in the samples we find in the same records.
func TestSecondOpinion(t *testing.T) {
	files, err := filepath.Glob("testdata/*.avro")
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r, err := ocf.NewReader(bytes.NewReader(b))
		if err != nil {
			t.Logf("%s: %v", file, err) // codecs that it does not read
			continue
		}
		d := extracttest.Extract(t, extracttest.Extractor(), extract.Object{Name: file, Size: int64(len(b)), Reader: bytes.NewReader(b)})
		left := map[string]int{}
		for _, v := range d.Values {
			left[fmt.Sprintf("%d %q", v.Row, v.Text)]++
		}
		var missing []string
		for row := 0; ; row++ {
			var v any
			if err := r.Decode(&v); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			for _, s := range stringsIn(v, nil) {
				w := fmt.Sprintf("%d %q", row, s)
				if left[w]--; left[w] < 0 {
					missing = append(missing, w)
				}
				compared++
			}
		}
		slices.Sort(missing)
		if diff := cmp.Diff([]string(nil), missing); diff != "" {
			t.Errorf("%s: missing\n%s", file, diff)
		}
	}
	if compared < 200 {
		t.Errorf("only %d strings were compared", compared)
	}
}

const memoryLimit = 32 << 20

// peak is a sink that counts, and watches the heap.
type peak struct {
	extracttest.Stop
	most uint64
}

func (p *peak) look() {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	p.most = max(p.most, m.HeapAlloc)
}

func (p *peak) Text(b *text.Block) error {
	if p.Blocks%64 == 0 {
		p.look()
	}
	return p.Stop.Text(b)
}

func (p *peak) End(extract.Document, extract.Result) error { return nil }

// A value of 100 MB in a block of as much arrives whole, and so do a hundred thousand keys of maps.
func TestMemory(t *testing.T) {
	unit := "some longer text with Grüße and a card 4111 1111 1111 1111\n"
	huge := strings.Repeat(unit, (100<<20)/len(unit))
	note := library.MustParse(`{"type":"record","name":"r","fields":[{"name":"note","type":"string"}]}`)
	labels := library.MustParse(`{"type":"map","values":"string"}`)
	zstd, err := ocf.ZstdCodec(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	many := map[string]any{}
	keys := int64(0)
	for i := range 100_000 {
		k := fmt.Sprintf("key %d of the map", i)
		many[k] = "v"
		keys += int64(len(k)) + 1
	}
	for _, c := range []struct {
		name   string
		schema *library.Schema
		codec  []ocf.WriterOpt
		value  any
		want   int64
	}{
		{"no codec", note, nil, map[string]any{"note": huge}, int64(len(huge))},
		{"deflate", note, []ocf.WriterOpt{ocf.WithCodec(ocf.DeflateCodec(1))}, map[string]any{"note": huge}, int64(len(huge))},
		{"snappy", note, []ocf.WriterOpt{ocf.WithCodec(ocf.SnappyCodec())}, map[string]any{"note": huge}, int64(len(huge))},
		{"zstandard", note, []ocf.WriterOpt{ocf.WithCodec(zstd)}, map[string]any{"note": huge}, int64(len(huge))},
		{"keys", labels, nil, many, keys},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "x.avro")
			f, err := os.Create(file)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			w, err := ocf.NewWriter(f, c.schema, c.codec...)
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Encode(c.value); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			w = nil
			size, err := f.Seek(0, io.SeekCurrent)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.Seek(0, io.SeekStart); err != nil {
				t.Fatal(err)
			}
			p := new(peak)
			p.look()
			base := p.most
			p.most = 0
			res, err := extracttest.Extractor().Extract(context.Background(), extract.Object{Name: file, Size: size, Reader: f}, p)
			if err != nil {
				t.Fatal(err)
			}
			used := int64(p.most) - int64(base)
			t.Logf("%d bytes of file, %d of text, %d KiB of heap", size, p.Bytes, used>>10)
			if used > memoryLimit || res.Code != extract.Complete || p.Bytes != c.want {
				t.Errorf("%+v, %d bytes of text, %d of heap", res, p.Bytes, used)
			}
		})
	}
}

// File returns a file of one block with one byte string of content and a count, written by hand.
func file(schema string, count int64, content string) string {
	var b bytes.Buffer
	varint := func(n int64) {
		u := uint64(n<<1) ^ uint64(n>>63)
		for ; u >= 0x80; u >>= 7 {
			b.WriteByte(byte(u) | 0x80)
		}
		b.WriteByte(byte(u))
	}
	str := func(s string) {
		varint(int64(len(s)))
		b.WriteString(s)
	}
	b.WriteString("Obj\x01")
	varint(1)
	str("avro.schema")
	str(schema)
	varint(0)
	b.WriteString("0123456789abcdef")
	varint(count)
	str(content)
	b.WriteString("0123456789abcdef")
	return b.String()
}

// Files that promise more than they hold, or hold themselves without end, stop.
func TestHostile(t *testing.T) {
	doubling := `"string"`
	for i := range 60 {
		doubling = fmt.Sprintf(`{"type":"record","name":"r%d","fields":[{"name":"a","type":%s},{"name":"b","type":"r%d"}]}`, i, doubling, i-1)
	}
	doubling = strings.Replace(doubling, `{"name":"b","type":"r-1"}`, `{"name":"b","type":"null"}`, 1)
	doubling = strings.Replace(doubling, `"string"`, `"null"`, 1)
	for _, c := range []struct{ name, content, want string }{
		{"nulls", file(`"null"`, 1<<60, ""), "SKIPPED FILE_EXCEEDS_SIZE_LIMIT"},
		{"array of nulls", file(`{"type":"array","items":"null"}`, 1, "\xfe\xff\xff\xff\xff\xff\xff\xff\x7f\x00"), "SKIPPED FILE_EXCEEDS_SIZE_LIMIT"},
		{"record in itself", file(`{"type":"record","name":"r","fields":[{"name":"r","type":"r"}]}`, 1, ""), "SKIPPED JSON_NESTING_LEVEL_OVER_LIMIT"},
		{"records that double", file(doubling, 1, ""), "SKIPPED FILE_EXCEEDS_SIZE_LIMIT"},
		{"union in union", file(strings.Repeat("[", 5000)+`"null"`+strings.Repeat("]", 5000), 1, ""), "SKIPPED JSON_NESTING_LEVEL_OVER_LIMIT"},
		{"no such type", file(`"person"`, 1, ""), "SKIPPED MALFORMED_FILE"},
		{"string longer than the file", file(`"string"`, 1, "\xfe\xff\xff\xff\xff\xff\xff\xff\x7fabc"), "PARTIAL MALFORMED_FILE"},
		{"empty symbols", file(`{"type":"enum","name":"e","symbols":[]}`, 1, "\x00"), "SKIPPED MALFORMED_FILE"},
	} {
		e := extracttest.Extractor()
		e.Limits.ExtractedBytes = 1 << 20
		e.Panicked = func(format string, stack []byte) { t.Errorf("%s: %s", c.name, stack) }
		d := extracttest.Extract(t, e, extract.Object{Name: "x.avro", Size: int64(len(c.content)), Reader: strings.NewReader(c.content)})
		if got := fmt.Sprintf("%s %s", d.Result.Code, d.Result.Reason); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// The reference decodes records into maps and drops them.
func BenchmarkAvro(b *testing.B) {
	schema := library.MustParse(`{"type":"record","name":"c","fields":[{"name":"id","type":"long"},{"name":"name","type":"string"},{"name":"email","type":["null","string"]},{"name":"phone","type":"string"},{"name":"card","type":"string"},{"name":"amount","type":"double"},{"name":"tags","type":{"type":"array","items":"string"}}]}`)
	var buf bytes.Buffer
	w, err := ocf.NewWriter(&buf, schema, ocf.WithCodec(ocf.SnappyCodec()))
	if err != nil {
		b.Fatal(err)
	}
	for i := range 100_000 {
		email := fmt.Sprintf("ann%d@example.org", i*7919)
		if err := w.Encode(map[string]any{"id": int64(i), "name": "Ann Lindqvist", "email": email, "phone": fmt.Sprintf("+46 70 %07d", i), "card": fmt.Sprintf("%016d", i*104729), "amount": float64(i) / 100, "tags": []string{"a", "bc"}}); err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	data := buf.Bytes()
	b.Run("ours", func(b *testing.B) {
		e := extracttest.Extractor()
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			var sink extracttest.Stop
			res, err := e.Extract(context.Background(), extract.Object{Name: "a.avro", Size: int64(len(data)), Reader: bytes.NewReader(data)}, &sink)
			if err != nil || res.Code != extract.Complete {
				b.Fatalf("%+v, %v", res, err)
			}
		}
	})
	b.Run("reference=twmb-avro", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			r, err := ocf.NewReader(bytes.NewReader(data))
			if err != nil {
				b.Fatal(err)
			}
			for {
				var v any
				if err := r.Decode(&v); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
