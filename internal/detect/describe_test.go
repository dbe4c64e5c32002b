package detect

import "testing"

func TestForm(t *testing.T) {
	for shape, want := range map[string]string{
		"9{3}~99~9{4}":       "999-99-9999 (or with spaces, or without)",
		"9{9,17}":            "9{9 to 17}",
		"9{1,2}[-/]99":       "9(9)[-/]99",
		"'AIza'[0-9A-Z_]{3}": "AIza[0-9A-Z_][0-9A-Z_][0-9A-Z_]",
		"[A-HJ]X{2}x?":       "AXX(x)",
		"99 9{3}":            "99 999",
	} {
		if got := (&Layout{Shape: shape}).Form(); got != want {
			t.Errorf("%s: %q, want %q", shape, got, want)
		}
	}
}
