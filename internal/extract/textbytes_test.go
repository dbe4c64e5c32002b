package extract_test

import (
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/extracttest"
)

// TestTextBytes bounds the formats that can be read in parts, and no others, by a limit of their own.
func TestTextBytes(t *testing.T) {
	e := extracttest.Extractor()
	e.Limits.TextBytes = 100
	table, tree := "id,name\n"+strings.Repeat("1,Ada\n", 20), "{\"list\":["+strings.Repeat("1,", 100)+"1]}"
	for _, c := range []struct {
		name, body string
		want       extract.Reason
	}{{"a.csv", table, extract.FileExceedsSizeLimit}, {"a.csv", table[:90], ""}, {"a.txt", strings.Repeat("word ", 30), extract.FileExceedsSizeLimit},
		{"a.json", tree, ""}} {
		d := extracttest.Extract(t, e, extract.Object{Name: c.name, Size: int64(len(c.body)), Reader: strings.NewReader(c.body)})
		if d.Result.Reason != c.want {
			t.Errorf("%s of %d bytes: %+v", c.name, len(c.body), d.Result)
		}
	}
}
