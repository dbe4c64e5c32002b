package parquet_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	library "github.com/parquet-go/parquet-go"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/extracttest"
)

// isString says whether a column has strings, or bytes without a type.
func isString(c *library.Column) bool {
	t := c.Type().LogicalType()
	return c.Leaf() && c.Type().Kind() == library.ByteArray && (t == nil || c.Type().String() == "STRING")
}

// libraryValues lists the strings of a file as parquet-go reads them, with their rows.
func libraryValues(b []byte) (all []string, err error) {
	f, err := library.OpenFile(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, err
	}
	strs := map[int]bool{}
	var walk func(c *library.Column)
	walk = func(c *library.Column) {
		strs[c.Index()] = strs[c.Index()] || isString(c)
		for _, child := range c.Columns() {
			walk(child)
		}
	}
	walk(f.Root())
	delete(strs, -1)
	row := 0
	for _, g := range f.RowGroups() {
		rows := g.Rows()
		buf := make([]library.Row, 64)
		for {
			n, err := rows.ReadRows(buf)
			for _, r := range buf[:n] {
				for _, v := range r {
					if !v.IsNull() && strs[v.Column()] && len(v.ByteArray()) > 0 {
						all = append(all, fmt.Sprintf("%d %q", row, v.ByteArray()))
					}
				}
				row++
			}
			if err != nil || n == 0 {
				break
			}
		}
		rows.Close()
	}
	slices.Sort(all)
	return all, nil
}

// What parquet-go finds in the samples we find in the same rows.
func TestSecondOpinion(t *testing.T) {
	files, err := filepath.Glob("testdata/*.parquet")
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, file := range files {
		name := filepath.Base(file)
		// The library ends at what is encrypted or broken; bytes that are no text are in the samples of all types.
		if slices.Contains([]string{"encrypted.parquet", "encrypted-column.parquet", "negative_page_size.parquet", "num_values_exceeds_data.parquet", "types.parquet", "types-integers.parquet"}, name) {
			continue
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want, err := libraryValues(b)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		d := extracttest.Extract(t, extracttest.Extractor(), extract.Object{Name: name, Size: int64(len(b)), ReaderAt: bytes.NewReader(b)})
		left := map[string]int{}
		for _, v := range d.Values {
			left[fmt.Sprintf("%d %q", v.Row, v.Text)]++
		}
		var missing []string
		for _, w := range want {
			if left[w]--; left[w] < 0 {
				missing = append(missing, w)
			}
		}
		compared += len(want)
		if diff := cmp.Diff([]string(nil), missing); diff != "" {
			t.Errorf("%s: missing\n%s", name, diff)
		}
	}
	if compared < 500 {
		t.Errorf("only %d strings were compared", compared)
	}
}
