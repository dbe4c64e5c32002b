package charset

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// The samples of plain text carry their charset in their names.
func TestDetect(t *testing.T) {
	for name, want := range map[string]string{
		"arabic-windows-1256.txt": "windows-1256", "chinese-big5.txt": "big5", "chinese-gbk.txt": "gb18030", "french-iso-8859-1.txt": "windows-1252",
		"german-windows-1252.txt": "windows-1252", "greek-windows-1253.txt": "windows-1253", "hebrew-windows-1255.txt": "windows-1255",
		"japanese-euc-jp.txt": "euc-jp", "japanese-iso-2022-jp.txt": "iso-2022-jp", "japanese-shift-jis.txt": "shift_jis", "korean-euc-kr.txt": "euc-kr",
		"polish-windows-1250.txt": "windows-1250", "russian-ibm866.txt": "ibm866", "russian-koi8-r.txt": "koi8-r", "russian-windows-1251.txt": "windows-1251",
		"thai-windows-874.txt": "windows-874", "turkish-windows-1254.txt": "windows-1254", "utf-16be-bom.txt": "utf-16be", "utf-16be-japanese.txt": "utf-16be",
		"utf-16le-russian.txt": "utf-16le", "utf-16le.txt": "utf-16le", "utf-32be-bom.txt": "utf-32be", "utf-32le.txt": "utf-32le", "utf-8-bom.txt": "utf-8",
		"utf-8-damaged.log": "utf-8", "utf-8.txt": "utf-8", "../../xml/testdata/declared-latin2.xml": "iso-8859-2", "../../yaml/testdata/config.yaml": "us-ascii",
	} {
		b, err := os.ReadFile(filepath.Join("..", "plaintext", "testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		if c, _ := Detect(b, true); c.Name != want {
			t.Errorf("%s: %s, want %s", name, c.Name, want)
		}
	}
	for _, b := range []string{"\xff\xfe\x00\xd8\x00\xd8\x01\x00\x02\x00\x03\x00", "\x01\x02\x03\x04\x05\xff\xfe\xfd", strings.Repeat("\x00", 100)} {
		if c, certain := Detect([]byte(b), true); c.IsText() || certain {
			t.Errorf("%q: %s", b, c.Name)
		}
	}
	if c, certain := Detect([]byte("plain"), true); c != ASCII || !certain {
		t.Errorf("plain: %+v", c)
	}
}

// UTF-8 comes through as it is, however it is read.
func TestReaderPassesUTF8(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := rapid.String().Draw(rt, "text")
		s = strings.Repeat(s, rapid.SampledFrom([]int{1, 1, 1000}).Draw(rt, "times"))
		if strings.HasPrefix(s, "\ufeff") {
			return
		}
		var r io.Reader = strings.NewReader(s)
		r = rapid.SampledFrom([]func(io.Reader) io.Reader{iotest.OneByteReader, iotest.HalfReader, iotest.DataErrReader}).Draw(rt, "reads")(r)
		c := rapid.SampledFrom([]Charset{ASCII, UTF8}).Draw(rt, "charset")
		if c == ASCII && asciiLen([]byte(s)) < len(s) {
			if found, _ := Detect([]byte(s)[asciiLen([]byte(s)):], true); found.Name != "utf-8" {
				return // control characters outweigh the text
			}
		}
		r = NewReader(r, c)
		if size := rapid.SampledFrom([]int{0, 1, 3, 63, 64, 5000}).Draw(rt, "size"); size > 0 {
			r = struct{ io.Reader }{&sized{r, size}}
		}
		got, err := io.ReadAll(r)
		if err != nil || string(got) != s {
			rt.Fatalf("%q, %v", got, err)
		}
	})
}

// sized asks for so many bytes at once.
type sized struct {
	r io.Reader
	n int
}

func (s *sized) Read(p []byte) (int, error) { return s.r.Read(p[:min(len(p), s.n)]) }

func TestIllFormedUTF8(t *testing.T) {
	for in, want := range map[string]string{
		"a\xffb":             "a\uFFFDb",
		"\xf0\x9f\x98":       "\uFFFD",
		"\xf0\x9f\x98x":      "\uFFFDx",
		"\xe2\x82\xe2\x82":   "\uFFFD\uFFFD",
		"\xc0\xaf":           "\uFFFD\uFFFD",
		"\xed\xa0\x80":       "\uFFFD\uFFFD\uFFFD",
		"ok \xf4\x90\x80 ok": "ok \uFFFD\uFFFD\uFFFD ok",
	} {
		got, err := io.ReadAll(NewReader(iotest.OneByteReader(strings.NewReader(in)), UTF8))
		if err != nil || string(got) != want {
			t.Errorf("%q: %q, %v; want %q", in, got, err, want)
		}
	}
}

// Whatever is read, UTF-8 comes out, and the same for all sizes of reads.
func FuzzReader(f *testing.F) {
	for _, s := range []string{"plain", "gr\xfc\xdfe", "größe \xff", "\xff\xfea\x00", "\xef\xbb\xbfx", "\x1b$B;aL>"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, _ := Detect(b, true)
		if !c.IsText() {
			return
		}
		whole, err := io.ReadAll(NewReader(bytes.NewReader(b), c))
		if err != nil || !utf8.Valid(whole) {
			t.Fatalf("%s: %q, %v", c.Name, whole, err)
		}
		pieces, err := io.ReadAll(&sized{NewReader(iotest.OneByteReader(bytes.NewReader(b)), c), 5})
		if err != nil || !bytes.Equal(pieces, whole) {
			t.Fatalf("%s: %q, %v; in one %q", c.Name, pieces, err, whole)
		}
		if !utf8.Valid(c.Decode(b)) {
			t.Fatalf("%s: Decode gives %q", c.Name, c.Decode(b))
		}
	})
}
