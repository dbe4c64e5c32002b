package folder

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/magpie-sec/magpie/internal/source"
)

// TestEntryWithoutAttributes shows what becomes of a name about which the system tells nothing (the mount point of another user's FUSE file
// system, to root): it is reported, and what stands beside it is listed.
func TestEntryWithoutAttributes(t *testing.T) {
	path := t.TempDir()
	if err := os.WriteFile(filepath.Join(path, "f"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	entries := readEntry(root, "f")
	entries.put("mount", entry{kind: isFailed}, &os.PathError{Op: "lstat", Path: "mount", Err: fs.ErrPermission})
	var items []source.Item
	w := walk{ctx: t.Context(), bucket: "b", yield: func(i source.Item, err error) bool {
		if err != nil {
			t.Error(err)
		}
		items = append(items, i)
		return true
	}}
	top := level{dir: root, entries: entries}
	for i := range entries.list {
		w.visit(root, &top, i)
	}
	if len(items) != 2 || items[0].Key != "f" || items[0].Err != nil || items[1].Key != "mount" ||
		items[1].Err.Kind != source.AccessDenied || !errors.Is(items[1].Err, fs.ErrPermission) {
		t.Errorf("items %+v, want f and an access-denied mount", items)
	}
}

func TestPassed(t *testing.T) {
	for _, c := range []struct {
		name, key string
		want      bool
	}{
		{"a", "", false}, {"a", "a", false}, {"a", "a-", false}, {"a", "a.", false}, {"a", "a/", false}, {"a", "a/x", false}, {"a", "a0", true},
		{"a", "b", true}, {"b", "a", false}, {"ab", "a", false}, {"a", "ab/c", true}, {"a\xff", "a\xff/", false},
	} {
		if got := passed(c.name, c.key); got != c.want {
			t.Errorf("passed(%q, %q) is %v", c.name, c.key, got)
		}
	}
}
