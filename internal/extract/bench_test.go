package extract_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	stdgzip "compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/extracttest"
)

const benchSize = 16 << 20

// lines makes benchSize bytes of text from a function that writes one line.
func lines(line func(w *bytes.Buffer, r *rand.Rand, i int)) []byte {
	var b bytes.Buffer
	r := rand.New(rand.NewPCG(1, 2))
	for i := 0; b.Len() < benchSize; i++ {
		line(&b, r, i)
	}
	return b.Bytes()
}

func customers() []byte {
	head := "id,first_name,last_name,email,phone,street,city,card,amount,note\n"
	return append([]byte(head), lines(func(w *bytes.Buffer, r *rand.Rand, i int) {
		fmt.Fprintf(w, "%d,Ann,Lindqvist,ann.lindqvist%d@example.org,+46 70 %07d,%d High Street,Uppsala,%016d,%d.%02d,\"said \"\"hello, again\"\" twice\"\n",
			i, r.IntN(1e6), r.IntN(1e7), r.IntN(300), r.Int64N(1e16), r.IntN(1e4), r.IntN(100))
	})...)
}

func events() []byte {
	return lines(func(w *bytes.Buffer, r *rand.Rand, i int) {
		fmt.Fprintf(w, `{"time":"2026-01-02T03:04:%02dZ","level":"info","user":{"id":%d,"email":"user%d@example.org","name":"Ann Lindqvist"},"request":{"path":"/api/v1/orders/%d","ip":"192.0.2.%d","took":%d.%03d,"ok":true},"tags":["checkout","eu-north-1"],"message":"order placed\tby \"%d\""}`+"\n",
			i%60, i, r.IntN(1e6), r.IntN(1e6), r.IntN(256), r.IntN(9), r.IntN(1000), r.IntN(1e6))
	})
}

func logs() []byte {
	return lines(func(w *bytes.Buffer, r *rand.Rand, i int) {
		fmt.Fprintf(w, "2026-01-02 03:04:%02d INFO  [worker-%d] request %08x from 192.0.2.%d done in %d ms, user=ann%d@example.org\n",
			i%60, r.IntN(16), r.Uint32(), r.IntN(256), r.IntN(900), r.IntN(1e6))
	})
}

func bench(b *testing.B, name string, content []byte, size int) {
	e := extracttest.Extractor()
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		var sink extracttest.Stop
		res, err := e.Extract(context.Background(), extract.Object{Name: name, Size: int64(len(content)), Reader: bytes.NewReader(content), ReaderAt: bytes.NewReader(content)}, &sink)
		if err != nil || res.Code != extract.Complete && !strings.HasSuffix(name, ".bin") {
			b.Fatalf("%+v, %v", res, err)
		}
	}
}

func reference(b *testing.B, content []byte, size int, read func(io.Reader) error) {
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		if err := read(bytes.NewReader(content)); err != nil {
			b.Fatal(err)
		}
	}
}

// copyOnly is io.Copy through a buffer of the window's size: what is left when nothing is done.
func copyOnly(r io.Reader) error {
	_, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{r}, make([]byte, extract.WindowSize))
	return err
}

func readCSV(r io.Reader) error {
	c := csv.NewReader(r)
	c.ReuseRecord = true
	for {
		if _, err := c.Read(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func readJSON(r io.Reader) error {
	d := json.NewDecoder(r)
	for {
		if _, err := d.Token(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func readGzip(r io.Reader) error {
	z, err := stdgzip.NewReader(r)
	if err != nil {
		return err
	}
	return copyOnly(z)
}

func BenchmarkText(b *testing.B) {
	data := logs()
	latin := bytes.ReplaceAll(data, []byte("user="), []byte("\xfcser="))
	german := bytes.ReplaceAll(data, []byte("user="), []byte("größe="))
	b.Run("ascii", func(b *testing.B) { bench(b, "a.log", data, len(data)) })
	b.Run("utf-8", func(b *testing.B) { bench(b, "a.log", german, len(german)) })
	b.Run("windows-1252", func(b *testing.B) { bench(b, "a.log", latin, len(latin)) })
	b.Run("reference=io.Copy", func(b *testing.B) { reference(b, data, len(data), copyOnly) })
}

func BenchmarkCSV(b *testing.B) {
	data := customers()
	b.Run("ours", func(b *testing.B) { bench(b, "a.csv", data, len(data)) })
	b.Run("reference=encoding-csv", func(b *testing.B) { reference(b, data, len(data), readCSV) })
}

func BenchmarkJSONLines(b *testing.B) {
	data := events()
	b.Run("ours", func(b *testing.B) { bench(b, "a.jsonl", data, len(data)) })
	b.Run("reference=encoding-json", func(b *testing.B) { reference(b, data, len(data), readJSON) })
}

func BenchmarkJSON(b *testing.B) {
	data := append(append([]byte("["), bytes.ReplaceAll(bytes.TrimSpace(events()), []byte("\n"), []byte(",\n"))...), ']')
	b.Run("ours", func(b *testing.B) { bench(b, "a.json", data, len(data)) })
	b.Run("reference=encoding-json", func(b *testing.B) { reference(b, data, len(data), readJSON) })
}

// The figures of archives are of the bytes that come out.
func BenchmarkGzip(b *testing.B) {
	data := logs()
	packed := gz(b, data)
	b.Run("ours", func(b *testing.B) { bench(b, "a.log.gz", packed, len(data)) })
	b.Run("reference=compress-gzip", func(b *testing.B) { reference(b, packed, len(data), readGzip) })
}

func BenchmarkZip(b *testing.B) {
	data := logs()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for i := range 4 {
		w, err := z.Create(fmt.Sprintf("%d.log", i))
		if err != nil {
			b.Fatal(err)
		}
		w.Write(data[i*len(data)/4 : (i+1)*len(data)/4])
	}
	if err := z.Close(); err != nil {
		b.Fatal(err)
	}
	packed := buf.Bytes()
	b.Run("ours", func(b *testing.B) { bench(b, "a.zip", packed, len(data)) })
	b.Run("reference=archive-zip", func(b *testing.B) {
		reference(b, packed, len(data), func(io.Reader) error {
			z, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
			if err != nil {
				return err
			}
			for _, f := range z.File {
				r, err := f.Open()
				if err != nil {
					return err
				}
				if err := copyOnly(r); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

func BenchmarkTar(b *testing.B) {
	data := logs()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for i := range 16 {
		part := data[i*len(data)/16 : (i+1)*len(data)/16]
		w.WriteHeader(&tar.Header{Name: fmt.Sprintf("%d.log", i), Mode: 0o600, Size: int64(len(part))})
		w.Write(part)
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	b.Run("ours", func(b *testing.B) { bench(b, "a.tar", buf.Bytes(), buf.Len()) })
	b.Run("reference=archive-tar", func(b *testing.B) {
		reference(b, buf.Bytes(), buf.Len(), func(r io.Reader) error {
			for t := tar.NewReader(r); ; {
				if _, err := t.Next(); err == io.EOF {
					return nil
				} else if err != nil {
					return err
				}
				if err := copyOnly(t); err != nil {
					return err
				}
			}
		})
	})
}

// settings is YAML with keys below keys.
func settings() []byte {
	return lines(func(w *bytes.Buffer, r *rand.Rand, i int) {
		fmt.Fprintf(w, "customer%d:\n  name: Ann Lindqvist\n  passport:\n    number: %09d\n    country: SE\n  note: \"said hello, again\" # twice\n", i%1000, r.IntN(1e9))
	})
}

func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(5, 6))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func BenchmarkYAML(b *testing.B) {
	data := settings()
	b.Run("ours", func(b *testing.B) { bench(b, "a.yaml", data, len(data)) })
	b.Run("reference=yaml-node", func(b *testing.B) {
		part := data[:bytes.LastIndexByte(data[:1<<20], '\n')+1]
		part = bytes.ReplaceAll(part, []byte("customer"), []byte("- customer"))
		reference(b, part, len(part), func(r io.Reader) error { return yaml.NewDecoder(r).Decode(new(yaml.Node)) })
	})
}

// Objects of a kilobyte: what an object costs by itself.
func BenchmarkSmallObjects(b *testing.B) {
	for _, c := range []struct {
		name string
		data []byte
	}{{"a.log", logs()[:1000]}, {"a.csv", customers()[:1000]}, {"a.jsonl", events()[:1000]}, {"a.log.gz", gz(b, logs()[:1000])},
		{"a.xml", []byte(`<?xml version="1.0"?><a>` + strings.Repeat("<b>some text</b>", 61) + "</a>")}, {"a.yaml", settings()[:1000]},
		{"noise.bin", noise(1000)}, {"noise of 64 KiB.bin", noise(64 << 10)}} {
		b.Run(c.name, func(b *testing.B) { bench(b, c.name, c.data, 1000) })
	}
}

func gz(t testing.TB, data []byte) []byte {
	var buf bytes.Buffer
	w := stdgzip.NewWriter(&buf)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}
