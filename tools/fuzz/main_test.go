package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestFind(t *testing.T) {
	all, err := find("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []target{{"internal/extract/csv", "FuzzExtract"}, {"internal/extract/pdf", "FuzzExtract"}} {
		if !slices.Contains(all, want) {
			t.Errorf("%s is not found", want)
		}
	}
	o := options{formats: 30 * time.Second, others: 5 * time.Second, within: 5 * time.Minute}
	var together []target
	for i, part := range parts(all, o) {
		var sum time.Duration
		for _, t := range part {
			sum += o.time(t) + overhead
		}
		if len(part) == 0 || sum > atOnce*o.within {
			t.Errorf("part %d: %d targets take %s", i, len(part), sum)
		}
		together = append(together, part...)
	}
	if !slices.Equal(together, all) {
		t.Error("the parts together are not all targets")
	}
	if o.within = 0; len(parts(all, o)) != 1 {
		t.Error("without a bound there are parts")
	}
}

// A module with one target that fails and one that does not.
func TestFailingInput(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"go.mod": "module fuzzed\n\ngo 1.26\n",
		"a_test.go": `package fuzzed

import "testing"

func FuzzBad(f *testing.F) {
	f.Add([]byte("seed"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 4 {
			t.Error("long")
		}
	})
}

func FuzzGood(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {})
}
`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	targets, err := find(dir)
	if err != nil || len(targets) != 2 {
		t.Fatalf("%v, %v", targets, err)
	}
	var out strings.Builder
	err = run(context.Background(), dir, targets, options{others: time.Second}, &out)
	if err == nil || err.Error() != "1 of 2 targets failed: . FuzzBad" {
		t.Errorf("error %v", err)
	}
	inputs, _ := filepath.Glob(filepath.Join(dir, "testdata", "fuzz", "FuzzBad", "*"))
	if len(inputs) != 1 || !strings.Contains(out.String(), "testdata/fuzz/FuzzBad/"+filepath.Base(inputs[0])) {
		t.Errorf("inputs %q, but:\n%s", inputs, &out)
	}
	if !strings.Contains(out.String(), "ok    . FuzzGood, ") {
		t.Errorf("%s", &out)
	}
}
