package office_test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/magpie-sec/magpie/internal/extract/office"
)

// tokens writes down what the reader finds, pieces of text put together.
func tokens(r io.Reader, size int) (string, error) {
	x := office.NewXML(r, make([]byte, size))
	var b strings.Builder
	for {
		t, err := x.Next()
		switch t {
		case office.EOF:
			return b.String(), err
		case office.Start:
			fmt.Fprintf(&b, "<%s a=%q>", x.Name, x.Attr("a"))
		case office.End:
			fmt.Fprintf(&b, "</%s>", x.Name)
		case office.Text:
			b.Write(x.Text)
		}
	}
}

// standard does the same with encoding/xml.
func standard(content string) (string, error) {
	d := xml.NewDecoder(strings.NewReader(content))
	var b strings.Builder
	for {
		t, err := d.RawToken()
		if err == io.EOF {
			return b.String(), nil
		}
		if err != nil {
			return "", err
		}
		switch t := t.(type) {
		case xml.StartElement:
			var a string
			for _, attr := range t.Attr {
				if attr.Name.Local == "a" {
					a = attr.Value
					break
				}
			}
			fmt.Fprintf(&b, "<%s a=%q>", t.Name.Local, a)
		case xml.EndElement:
			fmt.Fprintf(&b, "</%s>", t.Name.Local)
		case xml.CharData:
			b.Write(t)
		}
	}
}

var documents = []string{
	`<a><b a="1">text</b><c/></a>`,
	`<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n" + `<x:a xmlns:x="u" x:a="&lt;&#65;&#x42;'"><x:b a='"&gt;>'  />größe &amp; länge &quot;&apos;</x:a>`,
	`<a><!-- <b> - -><c> --><![CDATA[<&amp;]]><![CDATA[]]>]]&gt;<?p <d> ?></a>`,
	`<a b="1" a = "2" c='3'><a a=""></a></a>`,
	`<!DOCTYPE a [ <!ELEMENT a (b)> ]><a>日本語 😀</a>`,
	"<a>\n  <b>\t</b>\n</a>\n",
}

func TestXMLIsReadAsByTheStandardLibrary(t *testing.T) {
	for _, content := range documents {
		want, err := standard(content)
		if err != nil {
			t.Fatal(content, err)
		}
		units := utf16.Encode([]rune("\ufeff" + content))
		wide := make([]byte, 0, 2*len(units))
		for _, u := range units {
			wide = append(wide, byte(u), byte(u>>8))
		}
		for name, r := range map[string]io.Reader{
			"whole": strings.NewReader(content), "one by one": iotest.OneByteReader(strings.NewReader(content)),
			"end with data": iotest.DataErrReader(strings.NewReader(content)), "utf-16": bytes.NewReader(wide), "marked": strings.NewReader("\ufeff" + content),
		} {
			got, err := tokens(r, 1024)
			got = strings.TrimPrefix(got, "\ufeff")
			if err != nil || strings.TrimSpace(got) != strings.TrimSpace(want) {
				t.Errorf("%s: %v\n%s", name, err, cmp.Diff(want, got))
			}
		}
	}
}

// Every beginning of a document is an error, and yields a beginning of its text.
func TestCutXML(t *testing.T) {
	for _, content := range documents {
		content = strings.TrimSpace(content)
		whole, _ := tokens(strings.NewReader(content), 1024)
		for n := range content {
			got, err := tokens(strings.NewReader(content[:n]), 1024)
			if err == nil {
				t.Errorf("%q: no error", content[:n])
			}
			got = strings.TrimRight(got, "\uFFFD]&#xamplt;gquos0123456789")
			if !strings.HasPrefix(whole, got) {
				t.Errorf("%q: %q is no beginning of %q", content[:n], got, whole)
			}
		}
	}
}

// Longer than the memory may be text, comments and everything but a tag.
func TestLongXML(t *testing.T) {
	long := strings.Repeat("größe &amp; ", 10_000)
	content := "<a><!--" + long + "--><b>" + long + "</b><![CDATA[" + long + "]]><?p " + long + "?></a>"
	want, err := standard(content)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := tokens(iotest.HalfReader(strings.NewReader(content)), 1024); err != nil || got != want {
		i := 0
		for i < len(got) && i < len(want) && got[i] == want[i] {
			i++
		}
		t.Errorf("%v, %d bytes of %d: %.40q, want %.40q", err, len(got), len(want), got[max(0, i-10):], want[max(0, i-10):])
	}
	if _, err := tokens(strings.NewReader(`<a b="`+long+`"/>`), 1024); err == nil {
		t.Error("a long tag is no error")
	}
}

// Whatever is read, it does not depend on the size of the memory and of the reads, and neither panics nor hangs.
func FuzzXML(f *testing.F) {
	for _, content := range documents {
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content string) {
		large, errLarge := tokens(strings.NewReader(content), 64<<10)
		small, errSmall := tokens(iotest.OneByteReader(strings.NewReader(content)), 1024)
		if len(content) < 500 && (large != small || (errLarge == nil) != (errSmall == nil)) {
			t.Errorf("depends on the memory: %v %v\n%q\n%q", errLarge, errSmall, large, small)
		}
	})
}

func BenchmarkXML(b *testing.B) {
	content := []byte("<a>" + strings.Repeat(`<row r="1" spans="1:10"><c r="A1" s="1"><v>1.25</v></c><c r="B1" t="s"><v>17</v></c></row>`, 20_000) + "</a>")
	b.Run("ours", func(b *testing.B) {
		b.SetBytes(int64(len(content)))
		for b.Loop() {
			x := office.NewXML(bytes.NewReader(content), nil)
			for {
				if t, err := x.Next(); err != nil {
					b.Fatal(err)
				} else if t == office.EOF {
					break
				}
			}
		}
	})
	b.Run("reference=encoding-xml", func(b *testing.B) {
		b.SetBytes(int64(len(content)))
		for b.Loop() {
			d := xml.NewDecoder(bytes.NewReader(content))
			for {
				if _, err := d.RawToken(); err == io.EOF {
					break
				} else if err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
