package odf_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/extracttest"
)

// file makes an OpenDocument file of a kind: its content, and other parts by name.
func file(t testing.TB, kind, content string, parts ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	all := append([]string{"mimetype", "application/vnd.oasis.opendocument." + kind, "content.xml", content}, parts...)
	for i := 0; i < len(all); i += 2 {
		method := zip.Deflate
		if i == 0 {
			method = zip.Store
		}
		w, err := z.CreateHeader(&zip.FileHeader{Name: all[i], Method: method})
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, all[i+1])
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func read(t *testing.T, name string, content []byte) *extracttest.Document {
	t.Helper()
	e := extracttest.Extractor()
	e.Panicked = func(format string, stack []byte) { t.Errorf("%s: %s", format, stack) }
	return extracttest.Extract(t, e, extract.Object{Name: name, Size: int64(len(content)), ReaderAt: bytes.NewReader(content)})
}

func TestDocuments(t *testing.T) {
	encrypted := []string{"META-INF/manifest.xml", `<m:manifest><m:file-entry m:full-path="content.xml"><m:encryption-data/></m:file-entry></m:manifest>`}
	long := strings.Repeat("größe ", 20_000)
	for _, c := range []struct {
		name, kind, body string
		parts            []string
		want             string
	}{
		{"encrypted", "text", "xyz", encrypted, "SKIPPED UNSUPPORTED_FILE_TYPE_EXCEPTION "},
		{"another part encrypted", "text", "<o><p>a</p></o>", []string{"META-INF/manifest.xml", strings.ReplaceAll(encrypted[1], "content.xml", "b.xml")}, "COMPLETE  a\n"},
		{"template", "text-template", "<o><p>a</p></o>", nil, "COMPLETE  a\n"},
		{"cut", "text", "<o><p>a</p><p>b", nil, "PARTIAL MALFORMED_FILE a\nb\n"},
		{"no content", "text", "", nil, "SKIPPED MALFORMED_FILE "},
		{"blanks", "text", "<o><p>\n  a\n b<s c=\"3\"/>c<s c=\"99999999999\"/>d <span> e</span></p>\n x </o>", nil, "COMPLETE  a b   c" + strings.Repeat(" ", 64) + "d e\n"},
		{"long paragraph", "text", "<o><p>" + long + "</p></o>", nil, "COMPLETE  " + long + "\n"},
		{"long note", "text", "<o><p>a<note><note-citation>1</note-citation><note-body><p>" + long + "</p></note-body></note>b</p></o>", nil, "-"},
		{"styles", "text", "<o><p>a</p></o>", []string{"styles.xml", "<s><p>not shown</p><header><p>top</p></header></s>"}, "COMPLETE  a\ntop\n"},
	} {
		d := read(t, "a", file(t, c.kind, c.body, c.parts...))
		if got := fmt.Sprintf("%s %s %s", d.Result.Code, d.Result.Reason, d.Running); c.want != "-" && got != c.want {
			t.Errorf("%s: got %.200q, want %.200q", c.name, got, c.want)
		}
		if c.want == "-" && (d.Result.Code != extract.Complete || len(d.Running) < len(long)) {
			t.Errorf("%s: %+v, %d bytes", c.name, d.Result, len(d.Running))
		}
	}
}

func TestSpreadsheets(t *testing.T) {
	long := strings.Repeat("größe ", 20_000)
	cell := func(attributes, text string) string {
		return "<table-cell " + attributes + ">" + text + "</table-cell>"
	}
	sheet := func(rows string) string { return `<o><table name="S">` + rows + `</table></o>` }
	for _, c := range []struct{ name, body, want string }{
		{"absurd repetitions", sheet(`<table-row number-rows-repeated="1048576">` + cell(`number-columns-repeated="99999999"`, "<p>x</p>") + cell(``, `<p>y</p>`) + `</table-row><table-row>` + cell(``, `<p>z</p>`) + `</table-row>`),
			"COMPLETE  66 values, last 1048577,1 z"},
		{"rows without end", sheet(strings.Repeat(`<table-row number-rows-repeated="999999999999"/>`, 3) + `<table-row>` + cell(``, `<p>z</p>`) + `</table-row>`), "COMPLETE  1 values, last 2147483648,1 z"},
		{"a long cell", sheet(`<table-row>` + cell(``, "<p>"+long+"</p>") + `</table-row>`), "COMPLETE  1 values, last 1,1 " + long},
		{"a long cell repeated", sheet(`<table-row>` + cell(`number-columns-repeated="50"`, "<p>"+long+"</p>") + cell(``, `<p>z</p>`) + `</table-row>`), "COMPLETE  2 values, last 1,51 z"},
		{"rounded", sheet(`<table-row>` + cell(`value-type="float" value="4532015112830366"`, "<p>4.53E+15</p>") + `</table-row>`), "COMPLETE  1 values, last 1,1 4532015112830366"},
		{"grouped", sheet(`<table-row>` + cell(`value-type="float" value="4532015112830366"`, "<p>4532 0151 1283 0366</p>") + `</table-row>`), "COMPLETE  1 values, last 1,1 4532 0151 1283 0366"},
		{"boolean", sheet(`<table-row>` + cell(`value-type="boolean" boolean-value="true"`, "<p>WAHR</p>") + `</table-row>`), "COMPLETE  1 values, last 1,1 TRUE"},
		{"a shape", sheet(`<table-row>` + cell(``, `<frame><text-box><p>box</p></text-box></frame><p>z</p>`) + `</table-row>`), "COMPLETE  2 values, last 1,1 box"},
		{"a table in a cell", sheet(`<table-row>` + cell(``, `<table><table-row><table-cell><p>inner</p></table-cell></table-row></table><p>z</p>`) + `</table-row>`), "COMPLETE  1 values, last 1,1 inner\nz"},
		{"cut", `<o><table name="S"><table-row>` + cell(``, `<p>z</p>`) + `<table-cell><p>y`, "PARTIAL MALFORMED_FILE 1 values, last 1,1 z"},
	} {
		d := read(t, "a", file(t, "spreadsheet", c.body))
		got := fmt.Sprintf("%s %s %d values", d.Result.Code, d.Result.Reason, len(d.Values))
		if n := len(d.Values); n > 0 {
			v := d.Values[n-1]
			got += fmt.Sprintf(", last %d,%d %s", v.Row, v.Field.Column, v.Text)
		}
		if strings.TrimRight(got, " ") != strings.TrimRight(c.want, " ") {
			t.Errorf("%s: got %.200q, want %.200q", c.name, got, c.want)
		}
	}
}
