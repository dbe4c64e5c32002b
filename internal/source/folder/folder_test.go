package folder_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/folder"
	"github.com/magpie-sec/magpie/internal/source/sourcetest"
)

// A store is a driver with the folder it reads, for the harness.
type store struct {
	*folder.Folder
	// path returns the path of a bucket's folder.
	path func(bucket string) string
}

func TestEstateAcceptance(t *testing.T) {
	sourcetest.Run(t, harness(false))
}

func TestTreeAcceptance(t *testing.T) {
	sourcetest.Run(t, harness(true))
}

func harness(tree bool) sourcetest.Harness {
	file := func(d source.Driver, bucket, key string) string { return filepath.Join(d.(*store).path(bucket), key) }
	var denyWrites func(t testing.TB, d source.Driver, bucket string)
	if !tree {
		denyWrites = func(t testing.TB, d source.Driver, bucket string) {
			path := d.(*store).path(bucket)
			must(t, os.Chmod(path, 0o555))
			t.Cleanup(func() { os.Chmod(path, 0o755) })
		}
	}
	return sourcetest.Harness{
		DenyWrites: denyWrites,
		FileKeys:   true,
		OneBucket:  tree,
		New: func(t testing.TB, content sourcetest.Content) source.Driver {
			root := t.TempDir()
			for bucket, objects := range content {
				must(t, os.MkdirAll(filepath.Join(root, bucket), 0o755))
				for key, body := range objects {
					write(t, filepath.Join(root, bucket, key), body)
				}
			}
			if !tree {
				return &store{open(t, folder.Estate, root), func(b string) string { return filepath.Join(root, b) }}
			}
			return &store{open(t, folder.Tree, filepath.Join(root, sourcetest.Bucket)), func(string) string { return filepath.Join(root, sourcetest.Bucket) }}
		},
		Put: func(t testing.TB, d source.Driver, bucket, key, body string) {
			path := file(d, bucket, key)
			before, err := os.Stat(path)
			must(t, err)
			must(t, os.WriteFile(path, []byte(body), 0o644))
			// Ahead of the clock tick of any file system.
			later := before.ModTime().Add(2 * time.Second)
			must(t, os.Chtimes(path, later, later))
		},
		Remove: func(t testing.TB, d source.Driver, bucket, key string) { must(t, os.Remove(file(d, bucket, key))) },
		Deny: func(t testing.TB, d source.Driver, bucket, key string) {
			path := file(d, bucket, key)
			must(t, os.Chmod(path, 0))
			t.Cleanup(func() { os.Chmod(path, 0o755) })
		},
		AsDenied: unprivileged,
	}
}

func open(t testing.TB, open func(string) (*folder.Folder, error), path string) *folder.Folder {
	t.Helper()
	f, err := open(path)
	must(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// write writes a file with the folders above it; the path may be longer than the system takes in one call.
func write(t testing.TB, path, body string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(t, os.WriteFile(path, []byte(body), 0o644))
}

// list returns one line an item: its key, with the kind of its error.
func list(t testing.TB, d source.Driver, bucket string, opts source.ListOptions) []string {
	t.Helper()
	lines := []string{}
	for item, err := range d.List(t.Context(), bucket, opts) {
		switch {
		case err != nil:
			lines = append(lines, "ended: "+source.KindOf(err).String())
		case item.Err != nil:
			lines = append(lines, item.Key+": "+item.Err.Kind.String())
		default:
			lines = append(lines, item.Key)
		}
	}
	return lines
}

func want(t testing.TB, what string, got []string, want ...string) {
	t.Helper()
	if d := cmp.Diff(append([]string{}, want...), got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func readAll(t testing.TB, d source.Driver, bucket, key string) (string, error) {
	t.Helper()
	r, err := d.Open(t.Context(), bucket, key, source.OpenOptions{})
	if err != nil {
		return "", err
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	return string(b), err
}

func TestLinksAreNotFollowed(t *testing.T) {
	outside := t.TempDir()
	write(t, filepath.Join(outside, "secret"), "outside")
	root := t.TempDir()
	write(t, filepath.Join(root, "b", "f"), "inside")
	write(t, filepath.Join(root, "other", "g"), "other")
	write(t, filepath.Join(root, "README"), "")
	for link, target := range map[string]string{
		"b/to-file": "f", "b/to-outside": filepath.Join(outside, "secret"), "b/to-outside-folder": outside, "b/up": "../../..",
		"b/cycle": ".", "b/self": "self", "b/dangling": "nowhere", "b/to-other": "../other",
		"linked": "b", "linked-outside": outside, "LINK-TO-README": "README",
	} {
		must(t, os.Symlink(target, filepath.Join(root, link)))
	}
	d := open(t, folder.Estate, root)
	want(t, "listing", list(t, d, "b", source.ListOptions{}),
		"cycle: not an object", "dangling: not an object", "f", "self: not an object", "to-file: not an object", "to-other: not an object",
		"to-outside: not an object", "to-outside-folder: not an object", "up: not an object")
	for _, key := range []string{"to-file", "to-outside", "to-outside-folder/secret", "cycle/f", "to-other/g", "self", "up/etc/passwd"} {
		if body, err := readAll(t, d, "b", key); source.KindOf(err) != source.NotObject {
			t.Errorf("%s reads %q, error %v, want not an object", key, body, err)
		}
	}
	var names []string
	buckets, err := d.Buckets(t.Context())
	must(t, err)
	for _, b := range buckets {
		names = append(names, b.Name)
	}
	want(t, "buckets", names, "b", "linked", "linked-outside", "other")
	want(t, "a bucket that is a link", list(t, d, "linked-outside", source.ListOptions{}), "ended: not an object")
}

func TestSpecialFilesAreNotOpened(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "b", "f"), "x")
	must(t, syscall.Mkfifo(filepath.Join(root, "b", "pipe"), 0o644))
	// The path of a socket is at most 107 bytes long.
	must(t, os.Chdir(filepath.Join(root, "b")))
	t.Cleanup(func() { os.Chdir("/") })
	l, err := net.Listen("unix", "socket")
	must(t, err)
	defer l.Close()
	d := open(t, folder.Estate, root)
	want(t, "listing", list(t, d, "b", source.ListOptions{}), "f", "pipe: not an object", "socket: not an object")
	for _, key := range []string{"pipe", "socket"} {
		if _, err := readAll(t, d, "b", key); source.KindOf(err) != source.NotObject {
			t.Errorf("%s: error %v, want not an object", key, err)
		}
	}
	if _, err := readAll(t, d, "b", "pipe/x"); source.KindOf(err) != source.NotFound {
		t.Errorf("below a pipe: error %v, want not found", err)
	}
}

func TestUnreadable(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "closed", "f"), "x")
	write(t, filepath.Join(root, "b", "names-only", "f"), "x")
	write(t, filepath.Join(root, "b", "z"), "z")
	for path, mode := range map[string]os.FileMode{"closed": 0, "b/names-only": 0o744} {
		must(t, os.Chmod(filepath.Join(root, path), mode))
		t.Cleanup(func() { os.Chmod(filepath.Join(root, path), 0o755) })
	}
	d := open(t, folder.Estate, root)
	unprivileged(t, func() {
		want(t, "a bucket without permission", list(t, d, "closed", source.ListOptions{}), "ended: access denied")
		if _, err := readAll(t, d, "closed", "f"); source.KindOf(err) != source.AccessDenied {
			t.Errorf("open in it: %v", err)
		}
		want(t, "a folder without search permission", list(t, d, "b", source.ListOptions{}), "names-only/: access denied", "z")
		buckets, err := d.Buckets(t.Context())
		if err != nil || len(buckets) != 2 {
			t.Errorf("buckets %v, %v; want both", buckets, err)
		}
	})
}

func TestEstateRoot(t *testing.T) {
	root := t.TempDir()
	for _, path := range []string{"template.yaml", "manifest.json", "customers/a.csv", ".git/config", "logs/x/y"} {
		write(t, filepath.Join(root, path), "body of "+path)
	}
	estate := open(t, folder.Estate, root)
	buckets, err := estate.Buckets(t.Context())
	if err != nil || len(buckets) != 2 || buckets[0].Name != "customers" || buckets[1].Name != "logs" {
		t.Errorf("buckets %v, %v", buckets, err)
	}
	want(t, ".git is no bucket", list(t, estate, ".git", source.ListOptions{}), "ended: bucket does not exist")

	body, err := estate.Document(t.Context(), folder.TemplateYAML, 100)
	if err != nil || string(body) != "body of template.yaml" {
		t.Errorf("template reads %q, %v", body, err)
	}
	if _, err := estate.Document(t.Context(), folder.TemplateYAML, 5); source.KindOf(err) != source.Other {
		t.Errorf("a document over its limit: %v", err)
	}
	for _, name := range []string{"none", "customers", "../x", "customers/a.csv", ""} {
		if _, err := estate.Document(t.Context(), name, 5); source.KindOf(err) != source.NotFound {
			t.Errorf("document %q: %v, want not found", name, err)
		}
	}

	if !folder.IsEstate(root) || folder.IsEstate(filepath.Join(root, "logs")) {
		t.Error("the folder with a template is an estate, the one without is none")
	}
	tree := open(t, folder.Tree, root)
	name := filepath.Base(root)
	want(t, "scan of an estate", list(t, tree, name, source.ListOptions{}), "customers/a.csv", "logs/x/y")
	want(t, "scan of an estate's root file", list(t, tree, name, source.ListOptions{Prefix: ".git/"}))
	for _, key := range []string{"template.yaml", ".git/config", "manifest.json"} {
		if _, err := readAll(t, tree, name, key); source.KindOf(err) != source.NotFound {
			t.Errorf("%s in the scan of an estate: %v, want not found", key, err)
		}
	}
	must(t, os.Remove(filepath.Join(root, "template.yaml")))
	tree = open(t, folder.Tree, root)
	want(t, "scan of a plain folder", list(t, tree, name, source.ListOptions{}), ".git/config", "customers/a.csv", "logs/x/y", "manifest.json")
}

// TestDeepTree goes deeper than one path name may be long (PATH_MAX) and than a walk keeps directories open.
func TestDeepTree(t *testing.T) {
	const levels = 600
	root := t.TempDir()
	dir, err := os.OpenRoot(root)
	must(t, err)
	defer func() { dir.Close() }()
	prefix, wantKeys := "", []string{}
	for _, part := range append([]string{"b"}, slices.Repeat([]string{"directory"}, levels)...) {
		must(t, dir.Mkdir(part, 0o755))
		next, err := dir.OpenRoot(part)
		must(t, err)
		dir.Close()
		dir = next
		if part != "b" {
			prefix += part + "/"
		}
		must(t, dir.WriteFile("z", []byte(prefix), 0o644))
		must(t, dir.Mkdir("e", 0o755))
		must(t, dir.WriteFile("e/f", nil, 0o644))
		wantKeys = append(wantKeys, prefix+"z", prefix+"e/f")
	}
	slices.Sort(wantKeys)
	d := open(t, folder.Estate, root)
	before := handles(t)
	most := 0
	var got []string
	for item, err := range d.List(t.Context(), "b", source.ListOptions{}) {
		if err != nil || item.Err != nil {
			t.Fatal(err, item.Err)
		}
		got = append(got, item.Key)
		most = max(most, handles(t)-before)
	}
	want(t, "keys", got, wantKeys...)
	if most > 40 {
		t.Errorf("the walk held %d files open", most)
	}
	if now := handles(t); now != before {
		t.Errorf("%d files open after the walk, %d before", now, before)
	}
	body, err := readAll(t, d, "b", prefix+"z")
	if err != nil || body != prefix {
		t.Errorf("the deepest file reads %d bytes, %v", len(body), err)
	}
	if now := handles(t); now != before {
		t.Errorf("%d files open after reading, %d before", now, before)
	}
}

// handles counts the open files of this process.
func handles(t testing.TB) int {
	t.Helper()
	for _, dir := range []string{"/proc/self/fd", "/dev/fd"} {
		if entries, err := os.ReadDir(dir); err == nil {
			return len(entries)
		}
	}
	t.Fatal("no list of open files")
	return 0
}

func TestAbandonedListingClosesItsFiles(t *testing.T) {
	root := t.TempDir()
	for i := range 50 {
		write(t, filepath.Join(root, "b", strings.Repeat("d/", 45), fmt.Sprint(i)), "")
	}
	d := open(t, folder.Estate, root)
	before := handles(t)
	for range d.List(t.Context(), "b", source.ListOptions{}) {
		break
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range d.List(ctx, "b", source.ListOptions{}) {
		cancel()
	}
	if now := handles(t); now != before {
		t.Errorf("%d files open, %d before", now, before)
	}
}

func TestReplacedByAnotherFile(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "b", "f"), "old")
	write(t, filepath.Join(root, "new"), "new state")
	d := open(t, folder.Estate, root)
	r, err := d.Open(t.Context(), "b", "f", source.OpenOptions{})
	must(t, err)
	defer r.Close()
	must(t, os.Rename(filepath.Join(root, "new"), filepath.Join(root, "b", "f")))
	// The opened file is still there, whole, for its reader.
	if b, err := io.ReadAll(r); string(b) != "old" || err != nil {
		t.Errorf("reads %q, %v", b, err)
	}
	_, err = d.Open(t.Context(), "b", "f", source.OpenOptions{ETag: r.Object().ETag})
	if source.KindOf(err) != source.Changed {
		t.Errorf("open with the old tag: %v, want changed", err)
	}
}

func TestFileIsCutWhileRead(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "b", "f")
	write(t, path, strings.Repeat("x", 1<<20))
	d := open(t, folder.Estate, root)
	r, err := d.Open(t.Context(), "b", "f", source.OpenOptions{})
	must(t, err)
	defer r.Close()
	_, err = io.ReadFull(r, make([]byte, 10))
	must(t, err)
	must(t, os.Truncate(path, 100))
	if n, err := io.Copy(io.Discard, r); source.KindOf(err) != source.Changed {
		t.Errorf("read %d bytes more, error %v, want changed", n, err)
	}
	if _, err := r.(io.ReaderAt).ReadAt(make([]byte, 10), 0); source.KindOf(err) != source.Changed {
		t.Errorf("ReadAt: %v, want changed", err)
	}
}

func TestETagIsTimeAndSize(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	write(t, path, "12345")
	must(t, os.Chtimes(path, time.Unix(1, 2), time.Unix(1, 2)))
	info, err := os.Stat(path)
	must(t, err)
	// 1,000,000,002 nanoseconds and 5 bytes.
	if got := folder.ETag(info); got != "000000003b9aca020000000000000005" {
		t.Errorf("ETag is %s", got)
	}
}

func TestFile(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "data", "f.csv"), "a,b")
	write(t, filepath.Join(root, "data", "other"), "not asked for")
	must(t, os.Symlink("f.csv", filepath.Join(root, "data", "link.csv")))
	for _, name := range []string{"f.csv", "link.csv"} {
		d, err := folder.Scan(filepath.Join(root, "data", name), nil)
		must(t, err)
		defer d.Close()
		buckets, err := d.Buckets(t.Context())
		if err != nil || len(buckets) != 1 || buckets[0].Name != "data" {
			t.Errorf("buckets %v, %v", buckets, err)
		}
		want(t, "keys", list(t, d, "data", source.ListOptions{}), name)
		want(t, "keys after", list(t, d, "data", source.ListOptions{After: name}))
		want(t, "keys with another prefix", list(t, d, "data", source.ListOptions{Prefix: "x"}))
		want(t, "another bucket", list(t, d, "x", source.ListOptions{}), "ended: bucket does not exist")
		if body, err := readAll(t, d, "data", name); body != "a,b" || err != nil {
			t.Errorf("reads %q, %v", body, err)
		}
		if _, err := readAll(t, d, "data", "other"); source.KindOf(err) != source.NotFound {
			t.Errorf("the file beside it: %v", err)
		}
	}
	d, err := folder.File(filepath.Join(root, "data", "f.csv"))
	must(t, err)
	defer d.Close()
	must(t, os.Remove(filepath.Join(root, "data", "f.csv")))
	want(t, "a file that has vanished", list(t, d, "data", source.ListOptions{}), "f.csv: does not exist")
	if _, err := folder.Scan(filepath.Join(root, "none"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

func TestStream(t *testing.T) {
	d, err := folder.Scan("-", strings.NewReader("piped"))
	must(t, err)
	defer d.Close()
	for item, err := range d.List(t.Context(), "stdin", source.ListOptions{}) {
		if err != nil || item.Key != "-" || item.Size != source.UnknownSize {
			t.Errorf("item %+v, %v", item, err)
		}
	}
	if body, err := readAll(t, d, "stdin", "-"); body != "piped" || err != nil {
		t.Errorf("reads %q, %v", body, err)
	}
	if _, err := readAll(t, d, "stdin", "-"); source.KindOf(err) != source.NotFound {
		t.Errorf("the second time: %v", err)
	}
	broken := folder.Stream("stdin", "-", io.MultiReader(strings.NewReader("abc"), failing{}))
	if body, err := readAll(t, broken, "stdin", "-"); body != "abc" || !errors.Is(err, sourcetest.ErrFault) {
		t.Errorf("a failing stream reads %q, %v", body, err)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, sourcetest.ErrFault }

func TestNamedPipeOfTheCommandLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	must(t, syscall.Mkfifo(path, 0o644))
	var writer sync.WaitGroup
	writer.Go(func() {
		w, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			t.Error(err)
			return
		}
		defer w.Close()
		if _, err := io.WriteString(w, "through the pipe"); err != nil {
			t.Error(err)
		}
	})
	d, err := folder.Scan(path, nil)
	must(t, err)
	defer d.Close()
	buckets, err := d.Buckets(t.Context())
	must(t, err)
	if body, err := readAll(t, d, buckets[0].Name, "pipe"); body != "through the pipe" || err != nil {
		t.Errorf("reads %q, %v", body, err)
	}
	writer.Wait()
}
