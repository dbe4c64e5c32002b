package allow

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzWords reads arbitrary bytes: every line of a list that is read is allowed in capitals and with other white space, and nothing longer is.
func FuzzWords(f *testing.F) {
	for _, s := range []string{"Ada Example\nGröße", "\uFEFFa\r\n\r\n b  c \t\n", "a\xffb", "a\x00", "ǅ\nK", "\u2003wide\u2003space\u2003", "İ ı ſ"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := Words(bytes.NewReader(b))
		if err != nil {
			return
		}
		ls := Lists{l}
		for line := range bytes.Lines(bytes.TrimPrefix(b, []byte("\uFEFF"))) {
			entry := strings.TrimSpace(string(line))
			if entry == "" {
				continue
			}
			if !utf8.ValidString(entry) {
				t.Fatalf("%q was read", entry)
			}
			fields := strings.Fields(entry)
			if !ls.Allows([]byte(entry)) || !ls.Allows([]byte("\n "+strings.Join(fields, "\r\n\t")+" ")) {
				t.Errorf("%q is not allowed", entry)
			}
			if ls.Allows([]byte(strings.Repeat(entry+"x", 100))) {
				t.Errorf("100 times %q is allowed", entry)
			}
		}
		if ls.Allows(nil) {
			t.Error("nothing is allowed")
		}
	})
}
