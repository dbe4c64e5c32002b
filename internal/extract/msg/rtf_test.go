package msg

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/extract/ole"
)

func rtfOf(t testing.TB, compressed []byte) (string, error) {
	t.Helper()
	r, err := newRTF(bytes.NewReader(compressed), int64(len(compressed)))
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(r)
	return string(b), err
}

// The first two are the examples of [MS-OXRTFCP] 3.1 and 3.2.
func TestCompressedRTF(t *testing.T) {
	for _, c := range []struct{ compressed, want string }{
		{"\x2d\x00\x00\x00\x2b\x00\x00\x00LZFu\xf1\xc5\xc7\xa7\x03\x00\x0a\x00rcpg125\x42\x32\x0a\xf3 hel\x09\x00 bw\x05\xb0ld\x7d\x0a\x80\x0f\xa0",
			"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"},
		{"\x1a\x00\x00\x00\x1c\x00\x00\x00LZFu\xe2\xd4\x4b\x51\x41\x00\x04\x20WXYZ\x0d\x6e\x7d\x01\x0e\xb0", "{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}"},
		{"\x0e\x00\x00\x00\x02\x00\x00\x00MELA\x00\x00\x00\x00{}", "{}"},
	} {
		if got, err := rtfOf(t, []byte(c.compressed)); got != c.want || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	}
	b, err := os.ReadFile("testdata/rtf.msg")
	if err != nil {
		t.Fatal(err)
	}
	f, err := ole.Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	body, err := f.ReadAll(stream(f.Root(), propRTF, typeBinary), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	got, err := rtfOf(t, body)
	if !strings.HasPrefix(got, `{\rtf1\ansi\ansicpg1252`) || !strings.HasSuffix(got, "Card number 4532015112830366, again 4532015112830366\\par}\r\n") || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	for n := range body { // cut anywhere: a beginning of the text, and an error
		part, err := rtfOf(t, body[:n])
		if !strings.HasPrefix(got, part) || err == nil && part != got {
			t.Errorf("%d bytes: %q, %v", n, part, err)
		}
	}
	if _, err := rtfOf(t, bytes.Replace(body, []byte("LZFu"), []byte("ABCD"), 1)); err == nil {
		t.Error("an unknown compression")
	}
}

// A body of references alone grows nine times, and no further than it says.
func FuzzRTF(f *testing.F) {
	f.Add([]byte("\x1a\x00\x00\x00\x1c\x00\x00\x00LZFu\xe2\xd4\x4b\x51\x41\x00\x04\x20WXYZ\x0d\x6e\x7d\x01\x0e\xb0"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, _ := rtfOf(t, b); len(got) > 9*len(b) {
			t.Errorf("%d bytes of %d", len(got), len(b))
		}
	})
}
