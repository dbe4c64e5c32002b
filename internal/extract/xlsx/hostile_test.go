package xlsx_test

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
	"github.com/magpie-sec/magpie/internal/text"
)

const (
	rootRels  = `<Relationships><Relationship Id="r1" Type="http://x/officeDocument" Target="xl/workbook.xml"/></Relationships>`
	bookRels  = `<Relationships><Relationship Id="r1" Type="x/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="r2" Type="x/sharedStrings" Target="sharedStrings.xml"/></Relationships>`
	book      = `<workbook><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>`
	sheetHead = `<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>`
	sheetTail = `</sheetData></worksheet>`
)

// workbook makes one of a sheet and shared strings, which are written by functions.
func workbook(t testing.TB, shared, sheet func(w io.Writer)) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, part := range []struct {
		name  string
		write func(w io.Writer)
	}{
		{"_rels/.rels", func(w io.Writer) { io.WriteString(w, rootRels) }},
		{"xl/workbook.xml", func(w io.Writer) { io.WriteString(w, book) }},
		{"xl/_rels/workbook.xml.rels", func(w io.Writer) { io.WriteString(w, bookRels) }},
		{"xl/sharedStrings.xml", shared},
		{"xl/worksheets/sheet1.xml", sheet},
	} {
		if part.write == nil {
			continue
		}
		w, err := z.Create(part.name)
		if err != nil {
			t.Fatal(err)
		}
		part.write(w)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func sheetOf(body string) func(io.Writer) {
	return func(w io.Writer) { io.WriteString(w, sheetHead+body+sheetTail) }
}

// heap is a sink that watches how much memory is alive.
type heap struct {
	extracttest.Stop
	base, most uint64
	calls      int
}

func alive() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func (h *heap) Text(b *text.Block) error {
	if h.calls++; h.calls%64 == 1 {
		h.most = max(h.most, alive())
	}
	return h.Stop.Text(b)
}

func watched(t *testing.T, content []byte) (extract.Result, *heap) {
	t.Helper()
	e := extracttest.Extractor()
	e.Spool = extracttest.FileSpool(t)
	h := &heap{base: alive()}
	res, err := e.Extract(context.Background(), extract.Object{Name: "a.xlsx", Size: int64(len(content)), ReaderAt: bytes.NewReader(content)}, h)
	if err != nil {
		t.Fatal(err)
	}
	if used := int64(h.most) - int64(h.base); used > 16<<20 {
		t.Errorf("%d bytes of heap", used)
	}
	return res, h
}

// More shared strings than fit into memory, referred to from the last to the first and at random, arrive as they are, in bounded memory.
func TestManySharedStrings(t *testing.T) {
	const n = 300_000
	content := workbook(t, func(w io.Writer) {
		io.WriteString(w, `<sst>`)
		for i := range n {
			fmt.Fprintf(w, `<si><t>string number %d of many, a little longer</t></si>`, i)
		}
		io.WriteString(w, `</sst>`)
	}, func(w io.Writer) {
		io.WriteString(w, sheetHead)
		for i := range n {
			fmt.Fprintf(w, `<row><c t="s"><v>%d</v></c><c t="s"><v>%d</v></c></row>`, n-1-i, i*7919%n)
		}
		io.WriteString(w, sheetTail)
	})
	res, h := watched(t, content)
	want := int64(0)
	for i := range n {
		want += 2 * int64(len(fmt.Sprintf("string number %d of many, a little longer", i)))
	}
	if res.Code != extract.Complete || h.Bytes != want {
		t.Errorf("%+v, %d of %d bytes", res, h.Bytes, want)
	}
	var rec extracttest.Recorder
	e := extracttest.Extractor()
	if _, err := e.Extract(context.Background(), extract.Object{Name: "a.xlsx", Size: int64(len(content)), ReaderAt: bytes.NewReader(content)}, &rec); err != nil || len(rec.Errors) > 0 {
		t.Fatal(err, rec.Errors)
	}
	for _, i := range []int{1, 2, 3, 150_000, n - 1} {
		a, b := rec.Root.Values[2*i], rec.Root.Values[2*i+1]
		if a.Text != fmt.Sprintf("string number %d of many, a little longer", n-1-i) || b.Text != fmt.Sprintf("string number %d of many, a little longer", i*7919%n) || a.Row != int64(i+1) || b.Field.Column != 2 {
			t.Errorf("row %d: %q %q %d", i, a.Text, b.Text, a.Row)
		}
	}
}

func TestLargeCells(t *testing.T) {
	long := strings.Repeat("größe und länge ", 1<<20)
	for name, content := range map[string][]byte{
		"inline": workbook(t, nil, sheetOf(`<row><c t="inlineStr"><is><t>`+long+`</t></is></c><c t="str"><v>x</v></c></row>`)),
		"shared": workbook(t, func(w io.Writer) { io.WriteString(w, `<sst><si><t>`+long+`</t></si><si><t>x</t></si></sst>`) }, sheetOf(`<row><c t="s"><v>0</v></c><c t="s"><v>1</v></c></row>`)),
	} {
		if res, h := watched(t, content); res.Code != extract.Complete || h.Bytes != int64(len(long)+1) {
			t.Errorf("%s: %+v, %d bytes", name, res, h.Bytes)
		}
		d := extracttest.Extract(t, extracttest.Extractor(), extract.Object{Name: "a", Size: int64(len(content)), ReaderAt: bytes.NewReader(content)})
		if len(d.Values) != 2 || d.Values[0].Text != long || d.Values[1].Text != "x" {
			t.Errorf("%s: %d values", name, len(d.Values))
		}
	}
}

func TestHostileWorkbooks(t *testing.T) {
	blanks := func(w io.Writer) {
		io.WriteString(w, sheetHead+`<row><c><v>1</v></c></row>`)
		for range 400 {
			w.Write(bytes.Repeat([]byte(" "), 1<<20))
		}
		io.WriteString(w, sheetTail)
	}
	entities := `<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">` + strings.Repeat(`<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;">`, 10) + `<!ENTITY f SYSTEM "file:///etc/passwd">]>`
	malformed := extract.MalformedOrFileSizeExceedsLimit
	for _, c := range []struct {
		name    string
		content []byte
		want    string
	}{
		{"absurd places", workbook(t, nil, sheetOf(`<row r="99999999999"><c r="ZZZZ99"><v>1</v></c><c r="XFD1048576"><v>2</v></c><c><v>3</v></c></row><row r="-1"><c r="A0"><v>4</v></c></row>`)),
			"COMPLETE  1|2|3|4"},
		{"strings that are not there", workbook(t, nil, sheetOf(`<row><c t="s"><v>5</v></c><c t="s"><v>-1</v></c><c t="s"><v>99999999999999999999</v></c><c><v>7</v></c></row>`)), "COMPLETE  7"},
		{"entities", workbook(t, nil, func(w io.Writer) {
			io.WriteString(w, entities+sheetHead+`<row><c t="str"><v>&b;&f;&amp;&#x41;</v></c></row>`+sheetTail)
		}), "COMPLETE  &b;&f;&A"},
		{"cut", workbook(t, nil, func(w io.Writer) { io.WriteString(w, sheetHead+`<row><c><v>1</v></c><c><v>2`) }), "PARTIAL " + string(malformed) + " 1"},
		{"long tag", workbook(t, nil, sheetOf(`<row><c><v>1</v></c><c r="`+strings.Repeat("x", 100_000)+`"><v>2</v></c></row>`)), "PARTIAL " + string(malformed) + " 1"},
		{"bomb", workbook(t, nil, blanks), "SKIPPED " + string(extract.OOXMLUncompressedRatioExceedsLimit)},
		{"no workbook", workbook(t, nil, sheetOf(``))[:60], "SKIPPED " + string(malformed)},
	} {
		e := extracttest.Extractor()
		e.Panicked = func(format string, stack []byte) { t.Errorf("%s: %s", c.name, stack) }
		d := extracttest.Extract(t, e, extract.Object{Name: "a.xlsx", Size: int64(len(c.content)), ReaderAt: bytes.NewReader(c.content)})
		got := fmt.Sprintf("%s %s", d.Result.Code, d.Result.Reason)
		if len(d.Values) < 100 && len(d.Values) > 0 {
			got += " " + strings.Join(d.Texts(), "|")
		}
		if got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func BenchmarkRows(b *testing.B) {
	const rows = 50_000
	content := workbook(b, func(w io.Writer) {
		io.WriteString(w, `<sst>`)
		for i := range rows {
			fmt.Fprintf(w, `<si><t>user%d@example.org</t></si>`, i)
		}
		io.WriteString(w, `</sst>`)
	}, func(w io.Writer) {
		io.WriteString(w, sheetHead)
		for i := range rows {
			fmt.Fprintf(w, `<row r="%d" spans="1:10">`, i+1)
			for c := range 10 {
				if c%2 == 0 {
					fmt.Fprintf(w, `<c r="%c%d" s="1"><v>%d.25</v></c>`, 'A'+c, i+1, i*c)
				} else {
					fmt.Fprintf(w, `<c r="%c%d" t="s"><v>%d</v></c>`, 'A'+c, i+1, (i*c)%rows)
				}
			}
			io.WriteString(w, `</row>`)
		}
		io.WriteString(w, sheetTail)
	})
	e := extracttest.Extractor()
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		var sink extracttest.Stop
		if _, err := e.Extract(context.Background(), extract.Object{Name: "a.xlsx", Size: int64(len(content)), ReaderAt: bytes.NewReader(content)}, &sink); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// Any XML in the place of a worksheet, its strings and its styles neither panics nor hangs, and what comes out does not depend on the reads.
func FuzzParts(f *testing.F) {
	f.Add(sheetHead+`<row r="2"><c r="B2" t="s"><v>0</v></c><c t="inlineStr" s="0"><is><t>x_x000D_y</t><rPh><t>z</t></rPh></is></c></row></sheetData><headerFooter><oddHeader>&amp;L&amp;10a</oddHeader></headerFooter></worksheet>`,
		`<sst><si><t>a</t><r><t>b</t></r></si></sst>`)
	f.Add(sheetHead+`<row><c><v>30715.5</v></c><c t="b"><v>1</v></c><c t="e"><v>#N/A</v></c><c t="str"><f>1</f><v>s</v></c></row>`+sheetTail, `<sst/>`)
	f.Fuzz(func(t *testing.T, sheet, shared string) {
		content := workbook(t, func(w io.Writer) { io.WriteString(w, shared) }, func(w io.Writer) { io.WriteString(w, sheet) })
		e := extracttest.Extractor()
		e.Panicked = func(format string, stack []byte) { t.Errorf("%s panicked:\n%s", format, stack) }
		a := extracttest.Extract(t, e, extract.Object{Name: "a", Size: int64(len(content)), ReaderAt: bytes.NewReader(content)})
		if len(a.Values) > len(sheet) {
			t.Errorf("%d values", len(a.Values))
		}
	})
}

// Prefixes of names, and the addresses of the strict form, make no difference; nor do parts that are referred to twice.
func TestOtherForms(t *testing.T) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, part := range [][2]string{
		{"_rels/.rels", `<r:Relationships xmlns:r="x"><r:Relationship Id="r1" Type="http://purl.oclc.org/ooxml/officeDocument/relationships/officeDocument" Target="/xl/book.xml"/></r:Relationships>`},
		{"xl/book.xml", `<x:workbook><x:sheets><x:sheet name="a" sheetId="1" rel:id="r1"/><x:sheet name="b" sheetId="2" rel:id="r1"/></x:sheets></x:workbook>`},
		{`xl\_rels\book.xml.rels`, `<Relationships><Relationship Id="r1" Type="http://purl.oclc.org/ooxml/officeDocument/relationships/worksheet" Target="Sheets/One.xml"/></Relationships>`},
		{"xl/sheets/one.xml", `<x:worksheet><x:sheetData><x:row r="3"><x:c r="C3"><x:v>7</x:v></x:c></x:row></x:sheetData></x:worksheet>`},
	} {
		w, err := z.Create(part[0])
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, part[1])
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	d := extracttest.Read(t, "a", b.String())
	if len(d.Values) != 1 || d.Values[0].Place() != `cell "a" 3,3 ` || d.Values[0].Text != "7" {
		t.Errorf("%s", d)
	}
}

// Tables that the rest refers to are bounded, whatever they hold.
func TestMemoryOfTables(t *testing.T) {
	long := strings.Repeat("x", 60_000)
	many := func(n int, format string) func(io.Writer) {
		return func(w io.Writer) {
			io.WriteString(w, "<a>")
			for i := range n {
				fmt.Fprintf(w, format, i)
			}
			io.WriteString(w, "</a>")
		}
	}
	cells := sheetHead + strings.Repeat(`<row><c r="XFD1"><v>1</v></c></row>`, 3000) + sheetTail
	for name, parts := range map[string]map[string]func(io.Writer){
		"relationships":      {"xl/worksheets/_rels/sheet1.xml.rels": many(1_500, `<Relationship Id="x%d" Type="`+long+`" Target="y"/>`)},
		"long relationships": {"xl/worksheets/_rels/sheet1.xml.rels": many(20_000, `<Relationship Id="x%d" Type="y" Target="`+long[:2000]+`"/>`)},
		"number formats":     {"xl/styles.xml": many(60_000, `<numFmt numFmtId="%d" formatCode="00`+strings.Repeat("-", 900)+`"/>`)},
		"sheets":             {"xl/workbook.xml": many(40_000, `<sheet name="`+long[:1000]+`%d" r:id="r1"/>`)},
		"authors":            {"xl/comments1.xml": many(500_000, `<author>tc=%d</author>`)},
		"column names":       {"xl/worksheets/sheet1.xml": wide},
	} {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for part, write := range map[string]func(io.Writer){
			"_rels/.rels":              func(w io.Writer) { io.WriteString(w, rootRels) },
			"xl/workbook.xml":          func(w io.Writer) { io.WriteString(w, book) },
			"xl/worksheets/sheet1.xml": func(w io.Writer) { io.WriteString(w, cells) },
			"xl/worksheets/_rels/sheet1.xml.rels": func(w io.Writer) {
				io.WriteString(w, `<Relationships><Relationship Id="c" Type="x/comments" Target="../comments1.xml"/></Relationships>`)
			},
			"xl/_rels/workbook.xml.rels": func(w io.Writer) { io.WriteString(w, strings.ReplaceAll(bookRels, "sharedStrings", "styles")) },
			"xl/comments1.xml":           nil,
			"xl/styles.xml":              nil,
		} {
			if parts[part] != nil {
				write = parts[part]
			}
			if write == nil {
				continue
			}
			w, err := z.Create(part)
			if err != nil {
				t.Fatal(err)
			}
			write(w)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) {
			if _, h := watched(t, b.Bytes()); h.Blocks == 0 {
				t.Error("nothing was read")
			}
		})
	}
}

// wide writes rows of as many columns as there are.
func wide(w io.Writer) {
	io.WriteString(w, sheetHead)
	for range 3 {
		io.WriteString(w, "<row>")
		for i := range 16384 {
			fmt.Fprintf(w, `<c t="str"><v>some name of column %d, %s</v></c>`, i, strings.Repeat("long ", 20))
		}
		io.WriteString(w, "</row>")
	}
	io.WriteString(w, sheetTail)
}
