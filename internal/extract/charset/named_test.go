package charset_test

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/magpie-sec/magpie/internal/extract/charset"
)

func TestNamed(t *testing.T) {
	for _, c := range []struct{ label, text, want string }{
		{"ISO-8859-1", "Gr\xfc\xdfe", "Grüße"},
		{" iso-8859-2 ", "\xb1\xe6\xea", "ąćę"},
		{"cp1251", "\xcf\xf0\xe8\xe2\xe5\xf2", "Привет"},
		{"KOI8-R", "\xf0\xd2\xc9\xd7\xc5\xd4", "Привет"},
		{"cp850", "\x81\xe1", "üß"},
		{"iso-2022-jp", "\x1b$BF|K\\\x1b(B", "日本"},
		{"hz-gb-2312", "~{VPND~}", "中文"},
		{"utf-16be", "\x00a\x00b", "ab"},
		{"UTF-8", "Größe", "Größe"},
		// The examples of RFC 2152.
		{"utf-7", "A+ImIDkQ.", "A≢Α."},
		{"utf-7", "Hi Mom -+Jjo--!", "Hi Mom -☺-!"},
		{"unicode-1-1-utf-7", "+ZeVnLIqe-", "日本語"},
		{"utf-7", "1 +- 1 +2D3eAA-", "1 + 1 😀"},
		{"utf-7", "a + b +", "a + b "},
	} {
		cs, ok := charset.Named(c.label)
		if !ok {
			t.Errorf("%s is not known", c.label)
			continue
		}
		got, err := io.ReadAll(charset.NewReader(iotest.OneByteReader(strings.NewReader(c.text)), cs))
		if string(got) != c.want || err != nil {
			t.Errorf("%s %q: got %q, %v", c.label, c.text, got, err)
		}
	}
	for _, label := range []string{"", "x-unknown", "binary"} {
		if c, ok := charset.Named(label); ok {
			t.Errorf("%q is %s", label, c.Name)
		}
	}
}

func TestCodePage(t *testing.T) {
	for page, want := range map[int]string{437: "ß", 850: "ß", 1252: "á", 1251: "б", 10000: "\u00b7", 28592: "á", 65001: ""} {
		c, ok := charset.CodePage(page)
		if got := string(c.Decode([]byte("\xe1"))); !ok || got != want {
			t.Errorf("%d: got %q, %v", page, got, ok)
		}
	}
	for _, page := range []int{874, 932, 936, 949, 950, 1250, 1251, 1253, 1254, 1255, 1256, 1257, 1258, 10007, 20866, 21866, 28592, 28599, 50220, 51932, 54936, 1200, 65000, 20127} {
		if c, ok := charset.CodePage(page); !ok || !c.IsText() {
			t.Errorf("%d is not known", page)
		}
	}
	if _, ok := charset.CodePage(7); ok {
		t.Error("7 is known")
	}
}
