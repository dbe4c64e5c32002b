package main

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestScanUnfinished scans a text that makes a pattern expensive: the summary names the identifier that was given up, and the exit code says
// that something was not read to the end.
func TestScanUnfinished(t *testing.T) {
	folder := t.TempDir()
	random := rand.New(rand.NewPCG(1, 2))
	text := make([]byte, 100<<10)
	for i := range text {
		text[i] = "ab"[random.IntN(2)]
	}
	write := func(name string, body []byte) string {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, body, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	rules := write("rules.json", []byte(`[{"name":"Hostile","regex":"(?s)a.{0,400}z"},{"name":"Badge","regex":"F-\\d{8}"}]`))
	write("data/a.txt", append(text, " F-12345678"...))
	var out, errors bytes.Buffer
	code := run(t.Context(), []string{"scan", "--custom", rules, filepath.Join(folder, "data")}, stdio{strings.NewReader(""), &out, &errors})
	if code != exitIncomplete || !strings.Contains(out.String(), "Badge") {
		t.Errorf("exit code %d, %s", code, out.String())
	}
	for _, want := range []string{`(?m)^  PARTIAL TIME_CUT_OFF_REACHED: 1\n    a.txt$`, `took too much work`, `(?m)^  Hostile: 1 objects$`} {
		if !regexp.MustCompile(want).Match(errors.Bytes()) {
			t.Errorf("no %s in %s", want, errors.String())
		}
	}
}
