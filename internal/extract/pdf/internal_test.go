package pdf

import "testing"

// The strings of CFF that are not listed are the glyphs of StandardEncoding: there are 149, the last is germandbls.
func TestStandardStringsOfCFF(t *testing.T) {
	c := cff{strings: [][]byte{[]byte("f_f_i")}}
	for n, want := range map[int]string{1: " ", 34: "A", 66: "a", 149: "ß", 150: "¹", 171: "Á", 200: "á", 228: "ž", 300: "", 391: "ffi"} {
		if got := c.sid(n); got != want {
			t.Errorf("string %d: %q, want %q", n, got, want)
		}
	}
}
