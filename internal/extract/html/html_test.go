package html_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/extracttest"
	"github.com/magpie-sec/magpie/internal/extract/html"
)

func TestAcceptance(t *testing.T) { extracttest.Run(t, html.Format) }

func FuzzExtract(f *testing.F) { extracttest.Fuzz(f) }

func TestText(t *testing.T) {
	for _, c := range []struct{ markup, want string }{
		{"<p>Card 4539-<b>1488</b>-0343-6467</p>", "Card 4539-1488-0343-6467"},
		{"<b>SSN</b>523-45-6781", "SSN 523-45-6781"},
		{"<b>12</b><b>34</b>", "12 34"},
		{"<tr><td>4539</td><td>1488</td></tr>", "4539 | 1488"},
		{"<div>4539</div><div>1488</div>", "4539 | 1488"},
		{"<span>4539</span> <span>1488</span>", "4539 1488"},
		{"<p>a</p>\n\n  <p>b   c</p>", "a b c"},
		{`<input type="hidden" name="ssn" value="523&#45;45-6781">`, `name="ssn" value="523-45-6781"`},
		{`<a class="btn btn-primary btn-lg float-right" href=/x?a=1&amp;b=2>go</a>`, `href="/x?a=1&b=2" go`},
		{"<img\n alt='a > b'\n>c", "alt=\"a > b\" c"},
		{"a < b and 5<6 &lt;x&gt; &eacute;&nbsp;&unknown;", "a < b and 5<6 <x> é &unknown;"},
		{"<script>if (a<b) { s = \"</p>\" }</SCRIPT >x", "if (a<b) { s = \"</p>\" } x"},
		{"<!-- password: <x> -->y", "password: <x> y"},
		{`<i data-customer-national-insurance-number="AB123456C">`, `data-customer-national-insurance-number="AB123456C"`},
		{"<user-ssn>523</user-ssn>", "user-ssn 523"},
		{"<p title=\"open>text</p>\n<p>rest", "title=\"open\" text rest"},
	} {
		d := extracttest.Read(t, "a.html", "<html>"+c.markup)
		if d.MIME != "text/html" || strings.Join(strings.Fields(d.Running), " ") != c.want {
			t.Errorf("%s:\n%q, want\n%q", c.markup, d.Running, c.want)
		}
	}
}

func TestSniffing(t *testing.T) {
	for _, c := range []struct{ name, content, want string }{
		{"a", "<!DOCTYPE HTML PUBLIC \"x\"><p>x", "text/html"},
		{"a.txt", "\n<!-- saved -->\n<HTML lang=en><p>x", "text/html"},
		{"a.xml", "<?xml version=\"1.0\"?><!DOCTYPE html><html></html>", "text/html"},
		{"a.html", "<table><tr><td>x</table>", "text/html"},
		{"a.html", "no tag first <b>x</b>", "text/plain"},
		{"a", "<table><tr><td>x</table>", "text/plain"},
		{"a.jsx", "<html><p>{x}</p></html>", "text/plain"},
		{"a.php", "<!DOCTYPE html><?php echo 1 ?>", "text/plain"},
		{"a.log", "<html>x</html>", "text/plain"},
	} {
		if d := extracttest.Read(t, c.name, c.content); d.MIME != c.want {
			t.Errorf("%s %s: read as %s", c.name, c.content, d.MIME)
		}
	}
}

func TestHostile(t *testing.T) {
	const size = 3 << 20
	for name, content := range map[string]string{
		"tags":     strings.Repeat("<a ", size/3),
		"quotes":   "<a " + strings.Repeat(`="'`, size/3),
		"opened":   strings.Repeat(`<a b="`, size/6),
		"mixed":    strings.Repeat(`<a b="x' c='y`, size/13),
		"long tag": `<a b="` + strings.Repeat("x", size) + `">y</a>`,
		"script":   "<script>" + strings.Repeat("</scrip", size/7),
		"comment":  "<!--" + strings.Repeat("--", size/2),
		"signs":    strings.Repeat("<", size),
		"refs":     strings.Repeat("&", size),
		"blanks":   strings.Repeat(" ", size),
		"declared": strings.Repeat("<!", size/2),
	} {
		t.Run(name, func(t *testing.T) {
			var got extracttest.Stop
			e := extracttest.Extractor()
			e.Panicked = func(format string, stack []byte) { t.Errorf("%s panicked:\n%s", format, stack) }
			content = "<html>" + content
			res, err := e.Extract(t.Context(), extract.Object{Name: "a.html", Size: -1, Reader: strings.NewReader(content)}, &got)
			if err != nil || res.Code != extract.Complete || got.Bytes > int64(3*len(content)) {
				t.Fatalf("%+v, %d bytes, %v", res, got.Bytes, err)
			}
		})
	}
}

// Places are those of the file.
func TestLines(t *testing.T) {
	page := "<!doctype html>\n<p\n class=\"a\"\n>x &#10; y</p>\n<script>\n\n</script><!--\n-->\n<a\nhref='\n'>z"
	d := extracttest.Read(t, "a.html", page)
	if got := strings.Count(d.Running, "\n"); got != strings.Count(page, "\n") {
		t.Errorf("%d lines: %q", got, d.Running)
	}
	line := `<table><tr><td class="x y">é &amp; co</td> <td>one <a href="/call">two</a></td><td><input name="q" value="three"></td>`
	d = extracttest.Read(t, "a.html", "<html>\n"+line)
	for _, word := range []string{"é", "one", "two", "three"} {
		want := utf8.RuneCountInString(line[:strings.Index(line, word)])
		_, text, _ := strings.Cut(d.Running, "\n")
		if got := utf8.RuneCountInString(text[:max(0, strings.Index(text, word))]); got != want {
			t.Errorf("%s in column %d, want %d: %q", word, got, want, text)
		}
	}
}

func BenchmarkExtract(b *testing.B) {
	row := "  <tr><td class=\"n\">Amelia Thornbury</td><td>523-45-6781</td><td><a href=\"/u/12\">Moved &amp; married</a></td></tr>\n"
	content := "<!doctype html>\n<table>\n" + strings.Repeat(row, 40_000)
	e := extracttest.Extractor()
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		var got extracttest.Stop
		if _, err := e.Extract(b.Context(), extract.Object{Name: "a.html", Size: -1, Reader: strings.NewReader(content)}, &got); err != nil {
			b.Fatal(err)
		}
	}
}
