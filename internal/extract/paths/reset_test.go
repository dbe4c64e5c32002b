package paths

import (
	"fmt"
	"strings"
	"testing"
)

// walk makes the paths of a document and returns where each of them ended: too many paths end above.
func walk(t *Tree, document []string) string {
	var got strings.Builder
	for _, path := range document {
		n := &t.Root
		for _, name := range strings.Split(path, "/") {
			n = t.Child(n, []byte(name))
		}
		fmt.Fprintln(&got, n.Field().Names)
	}
	return got.String()
}

// A tree that held the paths of other documents has those of this one, and room for as many as a new tree.
func TestReset(t *testing.T) {
	var many, others []string
	for i := range 13000 {
		many = append(many, fmt.Sprintf("a/key %d/deep", i))
		others = append(others, fmt.Sprintf("a/other %d/deep", i))
	}
	documents := [][]string{{"a/b", "a/c/d/e/f/g", "b"}, {"a/c", "b/a", "a/b"}, many, {"a/key 1/deep", "a/other 1/deep"}, others, many}
	var used Tree
	for i, d := range documents {
		var fresh Tree
		if got, want := walk(&used, d), walk(&fresh, d); got != want {
			t.Errorf("document %d: a used tree has\n%.300s\na new one\n%.300s", i, got, want)
		}
		if used.used != fresh.used {
			t.Errorf("document %d: charged %d, a new tree %d", i, used.used, fresh.used)
		}
		if keep := used.Reset(); keep != (i < 2) {
			t.Errorf("document %d: kept %v", i, keep)
		}
	}
}
