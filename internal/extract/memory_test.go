package extract_test

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"bytes"
	"compress/flate"
	stdgzip "compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"

	"github.com/magpie-sec/magpie/internal/extract"
)

// numbered writes lines that are all different, so that they are no bomb, between a head and a tail.
func numbered(w io.Writer, head, line string, size int64, tail string) error {
	b := bufio.NewWriterSize(w, 64<<10)
	b.WriteString(head)
	for i, n := int64(0), int64(0); n < size; i++ {
		k, err := fmt.Fprintf(b, line, i, i*2654435761%1000003)
		if err != nil {
			return err
		}
		n += int64(k)
	}
	b.WriteString(tail)
	return b.Flush()
}

const ofText = "line %d of a text that is long with the number %d in it\n"

// written lets a function write into a file, and opens it as an object.
func written(t *testing.T, name string, write func(io.Writer) error) extract.Object {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "object"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	b := bufio.NewWriterSize(f, 1<<20)
	if err := write(b); err != nil {
		t.Fatal(err)
	}
	if err := b.Flush(); err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return extract.Object{Name: name, Size: info.Size(), Reader: io.NewSectionReader(f, 0, info.Size())}
}

// closed writes into what a function opens, and closes it.
func closed(w io.Writer, open func(io.Writer) (io.WriteCloser, error), write func(io.Writer) error) error {
	c, err := open(w)
	if err != nil {
		return err
	}
	if err := write(c); err != nil {
		return err
	}
	return c.Close()
}

// part is a member of a zip.
type part struct{ name, head, line, tail string }

func zipped(size int64, parts ...part) func(io.Writer) error {
	return func(w io.Writer) error {
		z := zip.NewWriter(w)
		z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestSpeed) })
		for _, p := range parts {
			h := &zip.FileHeader{Name: p.name, Method: zip.Deflate}
			if p.name == "mimetype" {
				h.Method = zip.Store
			}
			f, err := z.CreateHeader(h)
			if err != nil {
				return err
			}
			n := size
			if p.line == "" {
				n = 0
			}
			if err := numbered(f, p.head, p.line, n, p.tail); err != nil {
				return err
			}
		}
		return z.Close()
	}
}

// Archives, compressed streams and documents that are archives take bounded memory, however long what they hold.
func TestMemoryOfPackedDocuments(t *testing.T) {
	const size = 48 << 20
	stream := func(open func(io.Writer) (io.WriteCloser, error)) func(io.Writer) error {
		return func(w io.Writer) error {
			return closed(w, open, func(w io.Writer) error { return numbered(w, "", ofText, size, "") })
		}
	}
	odf := func(kind, body, line, end string) func(io.Writer) error {
		return zipped(size, part{name: "mimetype", head: "application/vnd.oasis.opendocument." + kind},
			part{"content.xml", `<office:document-content xmlns:office="o" xmlns:text="t" xmlns:table="b"><office:body>` + body, line, end + `</office:body></office:document-content>`})
	}
	for _, c := range []struct {
		name    string
		write   func(io.Writer) error
		atLeast int64
	}{
		{"a.txt.gz", stream(func(w io.Writer) (io.WriteCloser, error) { return stdgzip.NewWriterLevel(w, 1) }), size},
		{"a.txt.zst", stream(func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w, zstd.WithWindowSize(8<<20)) }), size},
		{"a.txt.xz", func(w io.Writer) error {
			open := func(w io.Writer) (io.WriteCloser, error) { return xz.WriterConfig{DictCap: 16 << 20}.NewWriter(w) }
			return closed(w, open, func(w io.Writer) error { return numbered(w, "", ofText, size/6, "") }) // the writer is slow
		}, size / 6},
		{"a.txt.lz4", stream(func(w io.Writer) (io.WriteCloser, error) { return lz4.NewWriter(w), nil }), size},
		{"a.txt.sz", stream(func(w io.Writer) (io.WriteCloser, error) { return s2.NewWriter(w, s2.WriterSnappyCompat()), nil }), size},
		{"a.txt.s2", stream(func(w io.Writer) (io.WriteCloser, error) { return s2.NewWriter(w, s2.WriterBlockSize(4<<20)), nil }), size},
		{"a.tar", func(w io.Writer) error {
			tw := tar.NewWriter(w)
			for i := range 2000 {
				var b bytes.Buffer
				if err := numbered(&b, "", ofText, size/2000, ""); err != nil {
					return err
				}
				if err := tw.WriteHeader(&tar.Header{Name: fmt.Sprintf("%d.txt", i), Mode: 0o600, Size: int64(b.Len())}); err != nil {
					return err
				}
				if _, err := tw.Write(b.Bytes()); err != nil {
					return err
				}
			}
			return tw.Close()
		}, size},
		{"a.zip", zipped(size/2, part{name: "a.txt", line: ofText}, part{name: "b/c.txt", line: ofText}), size / 2},
		{"a.docx", zipped(size, part{name: "[Content_Types].xml", head: `<Types/>`}, part{"word/document.xml", `<w:document xmlns:w="w"><w:body>`,
			"<w:p><w:r><w:t>paragraph %d, %d</w:t></w:r></w:p>", `</w:body></w:document>`}), size / 4},
		{"a.pptx", zipped(size,
			part{name: "[Content_Types].xml", head: `<Types/>`},
			part{name: "ppt/presentation.xml", head: `<p:presentation xmlns:p="p" xmlns:r="r"><p:sldIdLst><p:sldId id="256" r:id="a"/></p:sldIdLst></p:presentation>`},
			part{name: "ppt/_rels/presentation.xml.rels", head: `<Relationships><Relationship Id="a" Type="http://x/slide" Target="slides/slide1.xml"/></Relationships>`},
			part{"ppt/slides/slide1.xml", `<p:sld xmlns:p="p" xmlns:a="a"><p:txBody>`, "<a:p><a:r><a:t>paragraph %d, %d</a:t></a:r></a:p>", `</p:txBody></p:sld>`}), size / 4},
		{"a.xlsx", zipped(size,
			part{name: "[Content_Types].xml", head: `<Types/>`},
			part{name: "xl/workbook.xml", head: `<workbook xmlns:r="r"><sheets><sheet name="S" sheetId="1" r:id="a"/></sheets></workbook>`},
			part{name: "xl/_rels/workbook.xml.rels", head: `<Relationships><Relationship Id="a" Type="http://x/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`},
			part{"xl/worksheets/sheet1.xml", `<worksheet><sheetData>`, `<row><c t="str"><v>cell %d</v></c><c><v>%d</v></c></row>`, `</sheetData></worksheet>`}), size / 8},
		{"a.odt", odf("text", "", "<text:p>paragraph %d, %d</text:p>", ""), size / 4},
		{"a.odp", odf("presentation", "", "<text:p>paragraph %d, %d</text:p>", ""), size / 4},
		{"a.ods", odf("spreadsheet", `<table:table table:name="S">`, "<table:table-row><table:table-cell><text:p>cell %d, %d</text:p></table:table-cell></table:table-row>",
			`</table:table>`), size / 8},
		{"paragraph.odt", odf("text", "<text:p>", "words %d, %d, ", "</text:p>"), size / 2},
		{"cell.ods", odf("spreadsheet", `<table:table table:name="S"><table:table-row><table:table-cell><text:p>`, "words %d, %d, ",
			`</text:p></table:table-cell></table:table-row></table:table>`), size / 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			res, p := watchedWithin(t, written(t, c.name, c.write), extract.Limits{}, decompressorLimit)
			if res.Code != extract.Complete || p.Bytes < c.atLeast {
				t.Errorf("%+v, %d bytes of text", res, p.Bytes)
			}
			t.Logf("%d KiB of heap, %d MiB of text", (int64(p.most)-int64(p.base))>>10, p.Bytes>>20)
		})
	}
}

// Names that never come back do not gather in the tables of paths and labels.
func TestMemoryOfManyKeys(t *testing.T) {
	for _, c := range []struct{ name, head, line, tail string }{
		{"a.xml", `<?xml version="1.0"?><a>`, "<name%d><b%d>v</b></name>\n", "</a>"},
		{"a.yaml", "", "name%d:\n  below%d:\n    key: value\n", ""},
		{"flow.yaml", "", "name%d: {below%d: {key: [value, {a: 1}], and a longer text: so that the line has more than a hundred characters in all}}\n", ""},
		{"a.ini", "", "[section %d]\nkey%d = value\n", ""},
		{"a.html", "<!doctype html>", "<name%d b%d=v>x", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			pr, pw := io.Pipe()
			go func() { pw.CloseWithError(numbered(pw, c.head, c.line, 64<<20, c.tail)) }()
			if res, p := watched(t, extract.Object{Name: c.name, Size: -1, Reader: pr}, extract.Limits{}); res.Code != extract.Complete || p.Bytes < 1<<20 {
				t.Errorf("%+v, %d bytes of text", res, p.Bytes)
			}
		})
	}
}
