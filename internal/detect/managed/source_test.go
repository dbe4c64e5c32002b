package managed

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/magpie-sec/magpie/internal/detect/detecttest"
	"github.com/magpie-sec/magpie/internal/text"
)

var update = flag.Bool("update", false, "write the golden files")

// TestGoSource scans a part of Go's own source tree as running text. It holds no one's data, but keys and headers of tests: golden is every
// match, so that a new one is looked at; names are those of authors and of examples. The list belongs to the Go release in its first line; in the sources of another one there may be
// at most twice as many.
func TestGoSource(t *testing.T) {
	e := detecttest.Engine(t, 0, All()...)
	src := filepath.Join(goroot(t), "src")
	var out strings.Builder
	fmt.Fprintln(&out, runtime.Version())
	for _, dir := range []string{"crypto", "encoding", "fmt", "math", "net", "os", "strconv", "text", "time", "unicode"} {
		err := filepath.WalkDir(filepath.Join(src, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := os.ReadFile(path)
			if err != nil || !utf8.Valid(b) {
				return err
			}
			name, _ := filepath.Rel(src, path)
			for _, f := range detecttest.Scan(e, &text.Block{Text: b}) {
				fmt.Fprintf(&out, "%s:%d:%d: %s %.40q\n", filepath.ToSlash(name), f.Location.Line, f.Location.Column, f.ID, f.Text)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join("testdata", "go-source.golden")
	if want, err := os.ReadFile(file); err == nil && !*update && !strings.HasPrefix(string(want), runtime.Version()+"\n") {
		if matches := strings.Count(out.String(), "\n"); matches > 2*strings.Count(string(want), "\n") {
			t.Errorf("%d matches:\n%s", matches, out.String())
		}
		return
	}
	golden(t, file, out.String())
}

// goroot returns the root of the Go that runs the tests.
func goroot(tb testing.TB) string {
	tb.Helper()
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		tb.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s (-want +got; -update writes it):\n%s", file, diff)
	}
}

// TestCatalogue compares the tables with what Macie publishes: every id is there with its category, severity and keyword rule, and in the
// recommended set or not; none is there that Macie does not have.
func TestCatalogue(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("testdata", "catalogue.txt"))
	if err != nil {
		t.Fatal(err)
	}
	published := map[string]string{}
	for _, line := range strings.Split(string(raw), "\n") {
		if f := strings.Fields(line); len(f) > 2 && f[0] != "#" {
			published[f[1]] = line
		}
	}
	if len(published) != 166 {
		t.Errorf("the catalogue has %d ids; Macie has 166", len(published))
	}
	for _, id := range All() {
		set := ""
		if id.NeedsKeyword() {
			set = " keyword"
		}
		if id.Recommended {
			set += " recommended"
		}
		got := fmt.Sprintf("%s %s %s/%s/%s%s", id.Category, id.ID, id.Severity[0], id.Severity[1], id.Severity[2], set)
		if want := published[id.ID]; got != want {
			t.Errorf("the table has %q, the catalogue %q", got, want)
		}
		delete(published, id.ID)
	}
	t.Logf("%d ids are not built yet", len(published))
}
