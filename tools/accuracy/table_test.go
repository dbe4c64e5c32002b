package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/managed"
)

// TestTable reads one table in every format that tables are kept in (testdata/table/make.py): what is found in the CSV is found in all of them.
func TestTable(t *testing.T) {
	engine, err := detect.New(detect.Options{Identifiers: managed.All()})
	if err != nil {
		t.Fatal(err)
	}
	found := func(name string) map[string]int {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		values := map[string]int{}
		if err := detectIn(engine, filepath.Base(name), content, func(m detect.Match) { values[m.Identifier.ID+" "+string(m.Text)]++ }); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return values
	}
	folder := filepath.Join("testdata", "table")
	all := found(filepath.Join(folder, "table.csv"))
	if n := len(all); n < 9*14 {
		t.Fatalf("%d values in the CSV", n)
	}
	inNarrow := []string{"NAME", "USA_SOCIAL_SECURITY_NUMBER", "DATE_OF_BIRTH", "UK_PASSPORT_NUMBER", "USA_PASSPORT_NUMBER"}
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.Name() == "make.py" {
			continue
		}
		want := maps.Clone(all)
		switch {
		case strings.HasPrefix(f.Name(), "narrow."):
			maps.DeleteFunc(want, func(value string, _ int) bool {
				id, _, _ := strings.Cut(value, " ")
				return !slices.Contains(inNarrow, id)
			})
		case f.Name() == "table.zip": // the table twice
			for value := range want {
				want[value] *= 2
			}
		}
		if diff := cmp.Diff(want, found(filepath.Join(folder, f.Name()))); diff != "" {
			t.Errorf("%s (-CSV +found):\n%s", f.Name(), diff)
		}
	}
}
