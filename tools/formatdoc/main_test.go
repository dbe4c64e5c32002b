package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/formats"
)

func TestPage(t *testing.T) {
	page, err := write(formats.All(), "../../internal/extract")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| [JSON Lines](#json-lines) | jsonl jsonlines ndjson | application/json | 20 | records |\n",
		"| `Depth` | 10 | Depth is how many archives may stand in one another, the object itself included: 10. |\n",
		"| `MALFORMED_FILE` | the type could not be found out",
	} {
		if !bytes.Contains(page, []byte(want)) {
			t.Errorf("not in the page: %s", want)
		}
	}
	have, err := os.ReadFile("../../docs/formats.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range formats.All() {
		if !bytes.Contains(have, []byte("\n## "+f.About.Title+"\n")) {
			t.Errorf("docs/formats.md does not have %s: run make generate", f.About.Title)
		}
	}
}

func TestNothingMayBeMissing(t *testing.T) {
	_, err := write([]extract.Format{{Name: "fresh", About: extract.About{Title: "Fresh", Reads: "All.", Sniffed: "Smell.", Places: "Lines."}}}, "../../internal/extract")
	if err == nil || !strings.Contains(err.Error(), "fresh: About.Leaves") {
		t.Errorf("got %v", err)
	}
}
