package docx_test

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/extracttest"
)

// document makes a Word document of one part, whose body repeats.
func document(t testing.TB, head, body string, times int, tail string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("_rels/.rels")
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, `<Relationships><Relationship Id="r1" Type="x/officeDocument" Target="word/document.xml"/></Relationships>`)
	if w, err = z.Create("word/document.xml"); err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, `<w:document>`+head)
	for range times {
		io.WriteString(w, body)
	}
	io.WriteString(w, tail)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func object(content []byte) extract.Object {
	return extract.Object{Name: "a.docx", Size: int64(len(content)), ReaderAt: bytes.NewReader(content)}
}

// A document longer than any buffer arrives as it is, wherever the buffers end.
func TestLongDocuments(t *testing.T) {
	const n = 20_000
	content := document(t, "", `<w:p><w:r><w:t>grö&#xDF;e &amp; länge</w:t></w:r><w:r><w:t xml:space="preserve"> der Dinge</w:t></w:r></w:p>`, n, `</w:document>`)
	d := extracttest.Extract(t, extracttest.Extractor(), object(content))
	if want := strings.Repeat("größe & länge der Dinge\n", n); d.Running != want || d.Result.Code != extract.Complete {
		t.Errorf("%+v, %d bytes of %d", d.Result, len(d.Running), len(want))
	}
}

func TestMemory(t *testing.T) {
	alive := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	long := "some words of a text, "
	for name, content := range map[string][]byte{
		"paragraph":    document(t, `<w:p><w:t>`, long, 1<<20, `</w:t></w:p></w:document>`),
		"deleted text": document(t, `<w:p><w:del><w:delText>`, long, 1<<20, `</w:delText></w:del></w:p></w:document>`),
		"depth":        document(t, ``, `<w:tc><w:p><w:t>x</w:t>`, 1<<20, ``),
	} {
		base, most := alive(), int64(0)
		sink := &extracttest.Stop{}
		sink.After, sink.Do = 10, func() { most = alive() }
		e := extracttest.Extractor()
		if _, err := e.Extract(context.Background(), object(content), sink); err != nil {
			t.Fatal(err)
		}
		if sink.Blocks < 10 || most-base > 16<<20 {
			t.Errorf("%s: %d bytes of heap in %d blocks", name, most-base, sink.Blocks)
		}
	}
}

func TestHostileDocuments(t *testing.T) {
	malformed := string(extract.MalformedOrFileSizeExceedsLimit)
	for _, c := range []struct {
		name, body, want string
	}{
		{"cut", `<w:p><w:t>a</w:t></w:p><w:p><w:t>b`, "PARTIAL " + malformed + " a\nb\n"},
		{"end without start", `<w:p><w:t>a</w:t></w:p></w:document></x>`, "PARTIAL " + malformed + " a\n"},
		{"no element", ``, "SKIPPED " + malformed + " "},
		{"entities", `<w:p><w:t>&unknown; &#0; &#xFFFFFFFF; &#x110000; &lt &amp;amp; &#65;</w:t></w:p></w:document>`, "COMPLETE  &unknown; \x00 &#xFFFFFFFF; &#x110000; &lt &amp; A\n"},
		{"declarations", `<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><!-- <w:t>no</w:t> --><?x <w:t>no</w:t> ?><w:p><w:t><![CDATA[<a>&amp;]]>]]&gt;</w:t></w:p></w:document>`, "COMPLETE  <a>&amp;]]>\n"},
		{"fallback", `<mc:AlternateContent><mc:Choice><w:t>a</w:t></mc:Choice><mc:Fallback><w:t>a</w:t></mc:Fallback></mc:AlternateContent></w:document>`, "COMPLETE  a\n"},
		{"quotes in tags", `<w:p a='>' b="'>"><w:t>a</w:t></w:p></w:document>`, "COMPLETE  a\n"},
		{"ill-formed", "<w:t>a\xffb\xc3</w:t></w:document>", "COMPLETE  a\uFFFDb\uFFFD\n"},
	} {
		e := extracttest.Extractor()
		e.Panicked = func(format string, stack []byte) { t.Errorf("%s: %s", c.name, stack) }
		head := ""
		if c.body == "" {
			head = "<"
		}
		d := extracttest.Extract(t, e, object(document(t, head, c.body, 1, "")))
		if got := fmt.Sprintf("%s %s %s", d.Result.Code, d.Result.Reason, d.Running); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func BenchmarkDocument(b *testing.B) {
	content := document(b, "", `<w:p w:rsidR="00A77427" w:rsidRDefault="007F1D13"><w:pPr><w:rPr><w:lang w:val="en-GB"/></w:rPr></w:pPr><w:r><w:rPr><w:b/></w:rPr><w:t>The letter of 2 May to Ann Lindqvist, 12 High Street, was returned.</w:t></w:r></w:p>`, 50_000, `</w:document>`)
	e := extracttest.Extractor()
	b.SetBytes(50_000 * 70)
	b.ReportAllocs()
	for b.Loop() {
		var sink extracttest.Stop
		if _, err := e.Extract(context.Background(), object(content), &sink); err != nil {
			b.Fatal(err)
		}
	}
}

// Documents that expand within bounds each, but not together, stop an archive.
func TestManyBombs(t *testing.T) {
	bomb := document(t, `<w:p><w:t>x</w:t></w:p>`, strings.Repeat(" ", 1<<20), 5, `</w:document>`)
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := range 40 {
		w, err := z.CreateHeader(&zip.FileHeader{Name: fmt.Sprintf("%d.docx", i)})
		if err != nil {
			t.Fatal(err)
		}
		w.Write(bomb)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	e := extracttest.Extractor()
	e.Limits = extract.Limits{RatioFrom: 10 << 20}
	d := extracttest.Extract(t, e, extract.Object{Name: "a.zip", Size: int64(b.Len()), ReaderAt: bytes.NewReader(b.Bytes())})
	if d.Result.Reason != extract.ArchiveTotalBytesExtractedOverLimit || len(d.Members) < 2 || len(d.Members) > 30 {
		t.Errorf("%+v after %d members", d.Result, len(d.Members))
	}
}
