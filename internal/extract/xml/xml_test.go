package xml_test

import (
	"io"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/extracttest"
	"github.com/magpie-sec/magpie/internal/extract/xml"
)

func TestAcceptance(t *testing.T) { extracttest.Run(t, xml.Format) }

func FuzzExtract(f *testing.F) { extracttest.Fuzz(f) }

// What looks like XML and is something else stays text.
func TestSniffing(t *testing.T) {
	for _, c := range []struct{ name, content, want string }{
		{"a", `<?xml version="1.0"?><a>1</a>`, "application/xml"},
		{"a.txt", `<a><b c="1">2</b></a>`, "application/xml"},
		{"a.csproj", `<a/>`, "application/xml"},
		{"a.xml", `<a><b></a>`, "text/plain"},
		{"a", `<a><b></a></b>`, "text/plain"},
		{"a", "<a><b>1</b></a>\n<a><b>2</b></a>", "text/plain"},
		{"App.jsx", `<App><User name={user} /></App>`, "text/plain"},
		{"a", `<App><User name={user} onClick={() => go()} /></App>`, "text/plain"},
		{"a", `<row><cell>{{ value }}</cell></row>`, "text/plain"},
		{"page.vue", `<template><p>x</p></template>`, "text/plain"},
		{"mail.log", "<34>Oct 11 22:14:15 host su: 'su root' failed", "text/plain"},
		{"a", "<Nov 12, 2026> <Warning> <Security> <BEA-090403> <Authentication failed>", "text/plain"},
		{"a.log", "2026-11-20 sent <a><b>1</b></a>", "text/plain"},
		{"a", "<!-- only -->", "text/plain"},
		{"a.php", `<?php echo "x"; ?>`, "text/plain"},
	} {
		if d := extracttest.Read(t, c.name, c.content); d.MIME != c.want {
			t.Errorf("%s %s: read as %s", c.name, c.content, d.MIME)
		}
	}
}

// A value in an element with a name that says nothing has the name of the element before it beside it; others do not.
func TestNamesBeside(t *testing.T) {
	d := extracttest.Read(t, "a.xml", `<?xml version="1.0"?><a><id><passportCountry>USA</passportCountry><number>925665416</number></id><name>Ann</name><note>x</note></a>`)
	var got []string
	for _, v := range d.Values {
		if v.Field != nil && len(v.Field.Names) > 0 {
			got = append(got, strings.Join(v.Field.Names, "/")+"="+v.Text)
		}
	}
	want := "a/id/passportCountry=USA passportCountry USA/a/id/number=925665416 a/name=Ann Ann/a/note=x"
	if s := strings.Join(got, " "); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
}

// What no reader should fall for costs no more than its size, and its text arrives.
func TestHostile(t *testing.T) {
	const size = 3 << 20
	for name, content := range map[string]string{
		"depth":      strings.Repeat("<a>", size/3),
		"names":      manyNames(size),
		"long tag":   `<a b="` + strings.Repeat("x", size) + `">y</a>`,
		"long text":  "<a>" + strings.Repeat("x&amp;", size/6) + "</a>",
		"long CDATA": "<a><![CDATA[" + strings.Repeat("]]", size/2) + "]]></a>",
		"comment":    "<a><!--" + strings.Repeat("--", size/2),
		"ampersands": "<a>" + strings.Repeat("&", size) + "</a>",
		"signs":      "<a>" + strings.Repeat("< ", size/2) + "</a>",
		"quotes":     "<a " + strings.Repeat(`"`, size) + "></a>",
		"end tags":   strings.Repeat("<b>", 256) + strings.Repeat("</c>", size/4),
		"doctype":    "<!DOCTYPE a [" + strings.Repeat("<!ENTITY x 'y'>", size/15),
		"bomb":       `<!DOCTYPE a [<!ENTITY a "` + strings.Repeat("x", 1000) + `"><!ENTITY b "` + strings.Repeat("&a;", 1000) + `">]><a>` + strings.Repeat("&b;", 1000) + "</a>",
	} {
		t.Run(name, func(t *testing.T) {
			content := `<?xml version="1.0"?>` + content
			var got extracttest.Stop
			e := extracttest.Extractor()
			e.Panicked = func(format string, stack []byte) { t.Errorf("%s panicked:\n%s", format, stack) }
			res, err := e.Extract(t.Context(), extract.Object{Name: "a.xml", Size: -1, Reader: io.Reader(strings.NewReader(content))}, &got)
			if err != nil || res.Code != extract.Complete {
				t.Fatalf("%+v, %v", res, err)
			}
			if got.Bytes > int64(len(content)) {
				t.Errorf("%d bytes of text from %d", got.Bytes, len(content))
			}
		})
	}
}

func manyNames(size int) string {
	var b strings.Builder
	b.WriteString("<r>")
	for i := 0; b.Len() < size; i++ {
		name := "n" + strings.Repeat("x", i%40) + string(rune('a'+i%26)) + strings.Repeat("y", i/1000%50)
		b.WriteString("<" + name + ">v</" + name + ">")
	}
	return b.String() + "</r>"
}

// A value that is larger than every buffer arrives whole, and so does what follows a tag that has no end.
func TestNothingIsLost(t *testing.T) {
	long := strings.Repeat("0123456789 é\n", 40_000)
	d := extracttest.Read(t, "a.xml", `<?xml version="1.0"?><a><b>x`+long+`y</b><c>z</c></a>`)
	if n := len(d.Values); n != 3 || d.Values[1].Text != "x"+long+"y" || d.Values[2].Text != "z" || d.Values[2].Row != 40_001 {
		t.Errorf("%d values", n)
	}
	d = extracttest.Read(t, "a.xml", `<?xml version="1.0"?><a><b>x</b><c `+long)
	if n := len(d.Values); n != 3 || d.Values[2].Text != strings.TrimSpace("<c "+long) {
		t.Errorf("%d values", n)
	}
}

func BenchmarkExtract(b *testing.B) {
	var doc strings.Builder
	doc.WriteString("<?xml version=\"1.0\"?>\n<people>\n")
	for doc.Len() < 4<<20 {
		doc.WriteString("  <person id=\"12\">\n    <name>Amelia Thornbury</name>\n    <ssn>523-45-6781</ssn>\n    <note>Moved &amp; married</note>\n  </person>\n")
	}
	content := doc.String() + "</people>\n"
	e := extracttest.Extractor()
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		var got extracttest.Stop
		if _, err := e.Extract(b.Context(), extract.Object{Name: "a.xml", Size: -1, Reader: strings.NewReader(content)}, &got); err != nil {
			b.Fatal(err)
		}
	}
}
