package folder_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/folder"
)

// TestWritesFollowNoLinks: whatever links there are in the estate, nothing is written outside it or into another bucket.
func TestWritesFollowNoLinks(t *testing.T) {
	outside, root := t.TempDir(), t.TempDir()
	write(t, filepath.Join(outside, "secret"), "outside")
	write(t, filepath.Join(root, "b", "f"), "inside")
	write(t, filepath.Join(root, "other", "g"), "other")
	for name, to := range map[string]string{"out": outside, "over": "../other", "file": filepath.Join(outside, "secret")} {
		must(t, os.Symlink(to, filepath.Join(root, "b", name)))
	}
	must(t, os.Symlink("b", filepath.Join(root, "alias")))
	d := open(t, folder.Estate, root)
	for _, at := range [][2]string{{"b", "out/x"}, {"b", "over/x"}, {"b", "file"}, {"alias", "x"}, {"b", "out/deep/er/x"}} {
		err := d.PutObject(t.Context(), at[0], at[1], []byte("x"), source.PutOptions{})
		if source.KindOf(err) != source.NotObject {
			t.Errorf("a write to %s: %v, want it to meet a link", strings.Join(at[:], "/"), err)
		}
	}
	if got, err := os.ReadFile(filepath.Join(outside, "secret")); err != nil || string(got) != "outside" {
		t.Errorf("a file outside holds %q, %v", got, err)
	}
	for _, dir := range []string{outside, filepath.Join(root, "other")} {
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
			t.Errorf("%s has %v, %v", dir, entries, err)
		}
	}
}

// TestWritesLeaveNothingBehind: what a write needs meanwhile is gone afterwards, and never an object.
func TestWritesLeaveNothingBehind(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "b", "folder", "f"), "")
	d := open(t, folder.Estate, root)
	must(t, d.PutObject(t.Context(), "b", "x", []byte("x"), source.PutOptions{}))
	if err := d.PutObject(t.Context(), "b", "folder", []byte("x"), source.PutOptions{}); source.KindOf(err) != source.NotObject {
		t.Errorf("a write in the place of a folder: %v", err)
	}
	entries, err := os.ReadDir(root)
	must(t, err)
	if len(entries) != 1 {
		t.Errorf("the estate has %v", entries)
	}
	want(t, "keys", list(t, d, "b", source.ListOptions{}), "folder/f", "x")
}

// TestWritesBesideAClosedRoot: a bucket may be writable where the estate's own folder is not.
func TestWritesBesideAClosedRoot(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "b", "f"), "")
	must(t, os.Chmod(filepath.Join(root, "b"), 0o777))
	must(t, os.Chmod(root, 0o555))
	t.Cleanup(func() { os.Chmod(root, 0o755) })
	d := open(t, folder.Estate, root)
	unprivileged(t, func() {
		if err := d.PutObject(t.Context(), "b", "x", []byte("x"), source.PutOptions{}); err != nil {
			t.Error(err)
		}
	})
	want(t, "keys", list(t, d, "b", source.ListOptions{}), "f", "x")
}

// TestTreesAreNotWrittenTo: what a scan reads it cannot write to.
func TestTreesAreNotWrittenTo(t *testing.T) {
	root := t.TempDir()
	d := open(t, folder.Tree, root)
	if err := d.PutObject(t.Context(), filepath.Base(root), "x", nil, source.PutOptions{}); source.KindOf(err) != source.AccessDenied {
		t.Error(err)
	}
}
