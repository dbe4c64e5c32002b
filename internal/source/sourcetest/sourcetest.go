// Package sourcetest is the acceptance suite of source drivers.
package sourcetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/magpie-sec/magpie/internal/source"
)

// Content is what a store holds: bodies by bucket and key.
type Content map[string]map[string]string

// A Harness lets the suite prepare stores for a driver. Its functions fail the test when they cannot do what they say.
type Harness struct {
	// New makes a store that holds exactly this and returns a driver for it. What it needs is gone when the test ends.
	New func(t testing.TB, content Content) source.Driver
	// Put overwrites an object of the driver's store, behind the driver's back, such that its entity tag changes.
	Put func(t testing.TB, d source.Driver, bucket, key, body string)
	// Remove deletes an object, behind the driver's back.
	Remove func(t testing.TB, d source.Driver, bucket, key string)
	// Deny makes one object unreadable or, for a prefix that ends in "/", everything below it neither listable nor readable.
	Deny func(t testing.TB, d source.Driver, bucket, keyOrPrefix string)
	// AsDenied runs f as one to whom Deny applies; nil if it applies to the test itself.
	AsDenied func(t testing.TB, f func())
	// FileKeys says that keys are paths of files: no empty, "." or ".." part, no NUL, no key that is also the folder of another, and parts
	// of at most 255 bytes.
	FileKeys bool
	// UTF8Keys says that keys are UTF-8, as S3 itself wants them.
	UTF8Keys bool
	// TextOnly says that the store can be asked for texts only, UTF-8 without NUL: XML holds no others.
	TextOnly bool
	// PlainPlaces says that a listing may begin behind what could be a key only: no "." or ".." part.
	PlainPlaces bool
	// CleanedKeys says that the store takes several spellings of a path ("a//b", "./a/b") for one key, or refuses some as malformed, so that they
	// cannot be told from keys that do not exist.
	CleanedKeys bool
	// DeniedListed says that what Deny closes is listed all the same and only cannot be opened, as in S3, where listing is one permission for
	// a whole prefix.
	DeniedListed bool
	// Configure sets how a bucket is configured, for a driver that is source.Configured. Unknown facts are those that the store refuses to tell.
	Configure func(t testing.TB, d source.Driver, bucket string, c source.Configuration)
	// ConfigureAccount sets the account-wide public access block; nil if the store has none.
	ConfigureAccount func(t testing.TB, d source.Driver, f source.Fact[source.PublicAccessBlock])
	// DenyWrites makes the driver unable to write to a bucket; nil if the driver has no power to write, or the suite is not to use it.
	DenyWrites func(t testing.TB, d source.Driver, bucket string)
	// OneBucket says that the store is a single bucket, whose name is Bucket.
	OneBucket bool
}

// Run runs the suite.
func Run(t *testing.T, h Harness) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Harness)
	}{
		{"Buckets", testBuckets},
		{"Order", testOrder},
		{"OddKeys", testOddKeys},
		{"ResumeAndPrefix", testResumeAndPrefix},
		{"RandomTrees", testRandomTrees},
		{"BigListing", testBigListing},
		{"StopEarly", testStopEarly},
		{"Read", testRead},
		{"ReadAt", testReadAt},
		{"NoSuchThing", testNoSuchThing},
		{"Vanished", testVanished},
		{"Changed", testChanged},
		{"Denied", testDenied},
		{"Cancelled", testCancelled},
		{"Configuration", testConfiguration},
		{"Concurrent", testConcurrent},
		{"Write", testWrite},
	} {
		t.Run(test.name, func(t *testing.T) {
			here := goleak.IgnoreCurrent()
			t.Cleanup(func() { goleak.VerifyNone(t, here) })
			test.run(t, h)
		})
	}
}

// Bucket is the bucket that most tests use.
const Bucket = "customers"

// treeKeys can be held by any store; their order is where naive walks go wrong.
var treeKeys = []string{
	"a.txt", "a/b", "a/c/d", "a/c.d", "a/c0", "a-b", "a0", "A", "B/x", "z/z/z/z/z",
	"name with spaces.csv", "line\nfeed", "tab\there", "quote\"'`$(x)", "back\\slash", "percent%2Fslash", "plus+plus",
	"\xff\xfe not utf-8", "half\xc3", "é composed", "e\u0301 decomposed", "日本/語.txt", "\uffff", "\U0001f426.jpg", "a\u202eb", "\x01\x1b[31m",
	".hidden", "..two-dots", "...", "dir.d/.keep", "-rf", "~", "con", "0",
	strings.Repeat("long", 60), "deep/" + strings.Repeat("d/", 200) + "f",
}

// anyKeys are keys that only stores that are no file trees can hold.
var anyKeys = []string{"p", "p/", "p/q", "p//q", "/lead", "./x", "../x", "p/./q", "nul\x00byte", "trail/", strings.Repeat("k", 1024)}

func (h Harness) keys() []string {
	keys := slices.Clone(treeKeys)
	if !h.FileKeys {
		keys = append(keys, anyKeys...)
	}
	if h.UTF8Keys {
		keys = slices.DeleteFunc(keys, func(k string) bool { return !utf8.ValidString(k) })
	}
	return h.askable(keys)
}

// dotted reports whether a path has a part that is "." or "..".
func dotted(path string) bool {
	return slices.ContainsFunc(strings.Split(path, "/"), func(part string) bool { return part == "." || part == ".." })
}

// askable leaves out what the store cannot be asked for.
func (h Harness) askable(keys []string) []string {
	if h.TextOnly {
		keys = slices.DeleteFunc(keys, func(k string) bool { return !utf8.ValidString(k) || strings.Contains(k, "\x00") })
	}
	if h.PlainPlaces {
		keys = slices.DeleteFunc(keys, dotted)
	}
	return keys
}

func contentOf(keys []string) Content {
	objects := map[string]string{}
	for _, k := range keys {
		objects[k] = "body of " + k
	}
	return Content{Bucket: objects}
}

// listed collects the keys of a listing; items with errors and an error at its end fail the test.
func listed(t interface {
	Helper()
	Fatalf(string, ...any)
}, d source.Driver, bucket string, opts source.ListOptions) []string {
	t.Helper()
	keys := []string{}
	for item, err := range d.List(context.Background(), bucket, opts) {
		if err != nil {
			t.Fatalf("List(%q, %+q): %v", bucket, []string{opts.Prefix, opts.After}, err)
		}
		if item.Err != nil {
			t.Fatalf("List(%q, %+q): item %q: %v", bucket, []string{opts.Prefix, opts.After}, item.Key, item.Err)
		}
		keys = append(keys, item.Key)
	}
	return keys
}

// expected is the listing by its definition.
func expected(keys []string, opts source.ListOptions) []string {
	want := []string{}
	for _, k := range keys {
		if strings.HasPrefix(k, opts.Prefix) && k > opts.After {
			want = append(want, k)
		}
	}
	slices.Sort(want)
	return want
}

func diff(t testing.TB, what string, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// wantKind fails the test unless err is a *source.Error of the kind that names the bucket and key.
func wantKind(t testing.TB, err error, kind source.Kind, bucket, key string) {
	t.Helper()
	var e *source.Error
	if !errors.As(err, &e) {
		t.Errorf("error is %v (%T), want a *source.Error of kind %q", err, err, kind)
		return
	}
	if e.Kind != kind || e.Bucket != bucket || e.Key != key {
		t.Errorf("error is %v (kind %q, bucket %q, key %q), want kind %q, bucket %q, key %q", err, e.Kind, e.Bucket, e.Key, kind, bucket, key)
	}
	for _, r := range err.Error() {
		if r < ' ' || r == 0x7f {
			t.Errorf("error text %q holds a control character", err.Error())
			return
		}
	}
}

func testBuckets(t *testing.T, h Harness) {
	if h.OneBucket {
		buckets, err := h.New(t, Content{Bucket: {}}).Buckets(t.Context())
		if err != nil || len(buckets) != 1 || buckets[0].Name != Bucket {
			t.Errorf("buckets %v, error %v, want only %q", buckets, err, Bucket)
		}
		return
	}
	d := h.New(t, Content{"b-two": {"x": "1"}, "a-one": {}, "c.three": {"k/l": ""}})
	buckets, err := d.Buckets(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, b := range buckets {
		names = append(names, b.Name)
	}
	diff(t, "buckets", []string{"a-one", "b-two", "c.three"}, names)
	diff(t, "keys of an empty bucket", []string{}, listed(t, d, "a-one", source.ListOptions{}))
	diff(t, "keys", []string{"x"}, listed(t, d, "b-two", source.ListOptions{}))

	none, err := h.New(t, Content{}).Buckets(t.Context())
	if err != nil || len(none) != 0 {
		t.Errorf("an empty store has buckets %v, error %v", none, err)
	}
}

func testOrder(t *testing.T, h Harness) {
	// '-' and '.' sort before '/', '0' after it.
	keys := []string{"a-/x", "a.txt", "a/b", "a/b-c", "a/b.c/d", "a/b0", "a0", "aa"}
	d := h.New(t, contentOf(keys))
	diff(t, "order", keys, listed(t, d, Bucket, source.ListOptions{}))
}

func testOddKeys(t *testing.T, h Harness) {
	keys := h.keys()
	d := h.New(t, contentOf(keys))
	diff(t, "keys", expected(keys, source.ListOptions{}), listed(t, d, Bucket, source.ListOptions{}))
	for _, k := range keys {
		if got := body(t, d, k, source.OpenOptions{}); got != "body of "+k {
			t.Errorf("body of %q is %q", k, got)
		}
	}
}

func testResumeAndPrefix(t *testing.T, h Harness) {
	keys := h.keys()
	d := h.New(t, contentOf(keys))
	places := []string{"", "a", "a/", "a/c", "a/c/", "a/c/dd", "a/zz", "b", "B", "B/", "dir", "deep/d/d/d", "\xff", "\xff\xff", "\x00", "a//", "/", "..", "../", "a/../a/b"}
	places = h.askable(places)
	places = append(places, keys...)
	for _, at := range places {
		for _, opts := range []source.ListOptions{{After: at}, {Prefix: at}, {Prefix: "a", After: at}, {Prefix: at, After: "a/c"}, {Prefix: "a/", After: at}} {
			diff(t, fmt.Sprintf("keys with %+q", []string{opts.Prefix, opts.After}), expected(keys, opts), listed(t, d, Bucket, opts))
		}
	}
}

func testRandomTrees(t *testing.T, h Harness) {
	parts := []string{"a", "b", "a.b", "a-", "a0", ".x", "ab", "~", "\xff"}
	if h.UTF8Keys {
		parts[len(parts)-1] = "\u00ff"
	}
	part := rapid.SampledFrom(parts)
	rapid.Check(t, func(rt *rapid.T) {
		paths := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) string {
			return strings.Join(rapid.SliceOfN(part, 1, 4).Draw(rt, "parts"), "/")
		}), 0, 12).Draw(rt, "paths")
		keys := fileTree(paths)
		d := h.New(t, contentOf(keys))
		if c, ok := d.(io.Closer); ok {
			defer c.Close()
		}
		for range 6 {
			opts := source.ListOptions{}
			if rapid.Bool().Draw(rt, "prefix?") {
				opts.Prefix = h.piece(rt, append(keys, "a/b"))
			}
			if rapid.Bool().Draw(rt, "after?") {
				opts.After = h.piece(rt, append(keys, "a/b"))
			}
			if want, got := expected(keys, opts), listed(rt, d, Bucket, opts); !slices.Equal(want, got) {
				rt.Fatalf("keys of %q with %+q: got %q, want %q", keys, []string{opts.Prefix, opts.After}, got, want)
			}
		}
	})
}

// fileTree drops doubles and those paths that are the folder of another.
func fileTree(paths []string) []string {
	var keys []string
	for _, p := range paths {
		if !slices.Contains(keys, p) && !slices.ContainsFunc(paths, func(q string) bool { return strings.HasPrefix(q, p+"/") }) {
			keys = append(keys, p)
		}
	}
	return keys
}

// piece draws the beginning of a key, at times with something behind it.
func (h Harness) piece(rt *rapid.T, keys []string) string {
	k := rapid.SampledFrom(keys).Draw(rt, "of")
	k = k[:rapid.IntRange(0, len(k)).Draw(rt, "length")]
	if h.TextOnly {
		k = strings.ToValidUTF8(k, "")
	}
	k += rapid.SampledFrom(h.askable([]string{"", "", "/", "\x00", "0", "\xff"})).Draw(rt, "end")
	if h.PlainPlaces && dotted(k) {
		return "a"
	}
	return k
}

func testBigListing(t *testing.T, h Harness) {
	var keys []string
	for i := range 5000 {
		keys = append(keys, fmt.Sprintf("flat-%d", i), fmt.Sprintf("by/%d/%d/%d", i%7, i%101, i))
	}
	d := h.New(t, contentOf(keys))
	want := expected(keys, source.ListOptions{})
	diff(t, "keys", want, listed(t, d, Bucket, source.ListOptions{}))
	for _, i := range []int{0, 999, 1000, 1001, 4999, 5000, 8000, len(want) - 1} {
		diff(t, "keys after "+want[i], append([]string{}, want[i+1:]...), listed(t, d, Bucket, source.ListOptions{After: want[i]}))
	}
}

func testStopEarly(t *testing.T, h Harness) {
	keys := h.keys()
	d := h.New(t, contentOf(keys))
	want := expected(keys, source.ListOptions{})
	// In steps of three, each a listing of its own, as a job's shards do it.
	got, after := []string{}, ""
	for range len(want) {
		n := 0
		for item, err := range d.List(t.Context(), Bucket, source.ListOptions{After: after}) {
			if err != nil || item.Err != nil {
				t.Fatal(err, item.Err)
			}
			got, after = append(got, item.Key), item.Key
			if n++; n == 3 {
				break
			}
		}
	}
	diff(t, "keys in steps", want, got)
}

func body(t testing.TB, d source.Driver, key string, opts source.OpenOptions) string {
	t.Helper()
	r, err := d.Open(t.Context(), Bucket, key, opts)
	if err != nil {
		t.Errorf("Open(%q): %v", key, err)
		return ""
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Errorf("read %q: %v", key, err)
	}
	return string(b)
}

// find returns an object as it is listed.
func find(t testing.TB, d source.Driver, key string) source.Object {
	t.Helper()
	for item, err := range d.List(t.Context(), Bucket, source.ListOptions{Prefix: key}) {
		if err != nil || item.Err != nil {
			t.Fatal(err, item.Err)
		}
		if item.Key == key {
			return item.Object
		}
	}
	t.Fatalf("%q is not listed", key)
	return source.Object{}
}

func testRead(t *testing.T, h Harness) {
	large := strings.Repeat("0123456789abcdef", 1<<16)
	d := h.New(t, Content{Bucket: {"empty": "", "small": "x", "large": large}})
	for key, want := range map[string]string{"empty": "", "small": "x", "large": large} {
		o := find(t, d, key)
		if o.Size != int64(len(want)) || o.ETag == "" || o.StorageClass != "STANDARD" {
			t.Errorf("%q is listed as %+v, want size %d, an entity tag and STANDARD", key, o, len(want))
		}
		if got := body(t, d, key, source.OpenOptions{ETag: o.ETag, VersionID: o.VersionID}); got != want {
			t.Errorf("body of %q has %d bytes, want %d", key, len(got), len(want))
		}
		r, err := d.Open(t.Context(), Bucket, key, source.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		diff(t, "object of the reader", o, r.Object())
		if err := r.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
}

func testReadAt(t *testing.T, h Harness) {
	text := strings.Repeat("The quick brown fox. ", 5000)
	d := h.New(t, Content{Bucket: {"f": text}})
	r, err := d.Open(t.Context(), Bucket, "f", source.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	at, ok := r.(io.ReaderAt)
	if !ok {
		t.Fatal("the reader of a store of this suite reads at any place")
	}
	for _, c := range []struct{ off, n int }{{0, 1}, {0, len(text)}, {7, 4096}, {len(text) - 1, 1}, {len(text) - 10, 20}, {len(text), 1}, {len(text) + 5, 1}} {
		p := make([]byte, c.n)
		n, err := at.ReadAt(p, int64(c.off))
		want := ""
		if c.off < len(text) {
			want = text[c.off:min(c.off+c.n, len(text))]
		}
		if string(p[:n]) != want {
			t.Errorf("ReadAt(%d bytes at %d) = %d bytes, want %d", c.n, c.off, n, len(want))
		}
		if n < c.n && !errors.Is(err, io.EOF) || n == c.n && err != nil && !errors.Is(err, io.EOF) {
			t.Errorf("ReadAt(%d bytes at %d): error %v", c.n, c.off, err)
		}
	}
	// Reading at places leaves the stream alone.
	b, err := io.ReadAll(r)
	if err != nil || string(b) != text {
		t.Errorf("the stream has %d bytes after ReadAt, error %v", len(b), err)
	}
}

func testNoSuchThing(t *testing.T, h Harness) {
	d := h.New(t, Content{Bucket: {"a/b": "x", "f": "y"}})
	open := func(bucket, key string, opts source.OpenOptions) error {
		r, err := d.Open(t.Context(), bucket, key, opts)
		if err == nil {
			r.Close()
		}
		return err
	}
	keys := []string{"none", "a/none", "line\nfeed\x1b[31m", ""}
	if !h.CleanedKeys {
		keys = append(keys, "a", "a/", "f/none", "a/b/", "/f", "a//b", "./f", "../"+Bucket+"/f", "a/../f", ".", "..", "f\x00", strings.Repeat("n", 1024))
	}
	for _, key := range h.askable(keys) {
		wantKind(t, open(Bucket, key, source.OpenOptions{}), source.NotFound, Bucket, key)
	}
	wantKind(t, open(Bucket, "f", source.OpenOptions{VersionID: "no-such-version"}), source.NotFound, Bucket, "f")
	for _, name := range []string{"no-such-bucket", "", ".", "..", Bucket + "/a", "/", "\x00"} {
		wantKind(t, open(name, "f", source.OpenOptions{}), source.BucketNotFound, name, "f")
		n := 0
		for _, err := range d.List(t.Context(), name, source.ListOptions{}) {
			wantKind(t, err, source.BucketNotFound, name, "")
			n++
		}
		if n != 1 {
			t.Errorf("listing the missing bucket %q yields %d pairs, want one error", name, n)
		}
	}
}

func testVanished(t *testing.T, h Harness) {
	d := h.New(t, Content{Bucket: {"a": "1", "b": "2", "c/d": "3", "e": "4"}})
	o := find(t, d, "b")
	h.Remove(t, d, Bucket, "b")
	_, err := d.Open(t.Context(), Bucket, "b", source.OpenOptions{ETag: o.ETag})
	wantKind(t, err, source.NotFound, Bucket, "b")
	// What vanishes while a listing is under way does not end it.
	var got []string
	for item, err := range d.List(t.Context(), Bucket, source.ListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		if item.Key == "a" {
			h.Remove(t, d, Bucket, "c/d")
		}
		got = append(got, item.Key)
	}
	if len(got) < 2 || got[0] != "a" || got[len(got)-1] != "e" {
		t.Errorf("listed %q while c/d vanished, want a and e", got)
	}
}

func testChanged(t *testing.T, h Harness) {
	long := strings.Repeat("first state ", 20000)
	d := h.New(t, Content{Bucket: {"f": long, "g": long}})
	before := find(t, d, "f")
	r, err := d.Open(t.Context(), Bucket, "f", source.OpenOptions{ETag: before.ETag})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := io.ReadFull(r, make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	h.Put(t, d, Bucket, "f", strings.Repeat("second state", 20000))

	rest, err := io.ReadAll(r)
	if err == nil && string(rest) != long[100:] {
		t.Error("a reader passed a mixture of two states off as one object")
	}
	if err != nil {
		wantKind(t, err, source.Changed, Bucket, "f")
	}
	if n, err := r.(io.ReaderAt).ReadAt(make([]byte, 50), 10); err == nil {
		p := make([]byte, 50)
		if _, err := r.(io.ReaderAt).ReadAt(p, 10); err == nil && string(p[:n]) != long[10:60] {
			t.Error("ReadAt passed another state off as the one that was opened")
		}
	} else {
		wantKind(t, err, source.Changed, Bucket, "f")
	}

	_, err = d.Open(t.Context(), Bucket, "f", source.OpenOptions{ETag: before.ETag})
	wantKind(t, err, source.Changed, Bucket, "f")
	after := find(t, d, "f")
	if after.ETag == before.ETag {
		t.Error("the entity tag stayed the same")
	}
	if got := body(t, d, "f", source.OpenOptions{ETag: after.ETag}); !strings.HasPrefix(got, "second") {
		t.Errorf("the new state reads %.20q", got)
	}
	if got := body(t, d, "g", source.OpenOptions{ETag: find(t, d, "g").ETag}); got != long {
		t.Error("the other object changed too")
	}
}

func testDenied(t *testing.T, h Harness) {
	d := h.New(t, Content{Bucket: {"a": "1", "closed/b": "2", "closed/sub/c": "3", "closed0": "4", "open/secret": "5", "open/z": "6"}})
	h.Deny(t, d, Bucket, "closed/")
	h.Deny(t, d, Bucket, "open/secret")
	asDenied := h.AsDenied
	if asDenied == nil {
		asDenied = func(_ testing.TB, f func()) { f() }
	}
	asDenied(t, func() {
		for _, after := range []string{"", "a", "closed/b"} {
			var keys []string
			for item, err := range d.List(t.Context(), Bucket, source.ListOptions{After: after}) {
				if err != nil {
					t.Fatalf("the listing ended: %v", err)
				}
				if item.Err != nil {
					wantKind(t, item.Err, source.AccessDenied, Bucket, "closed/")
				}
				keys = append(keys, item.Key)
			}
			want := []string{"closed/", "closed0", "open/secret", "open/z"}
			if h.DeniedListed {
				want = expected([]string{"closed/b", "closed/sub/c", "closed0", "open/secret", "open/z"}, source.ListOptions{After: after})
			}
			if after == "" {
				want = append([]string{"a"}, want...)
			}
			diff(t, fmt.Sprintf("listing after %q", after), want, keys)
		}
		for _, key := range []string{"closed/b", "closed/sub/c", "open/secret"} {
			_, err := d.Open(t.Context(), Bucket, key, source.OpenOptions{})
			wantKind(t, err, source.AccessDenied, Bucket, key)
		}
		if got := body(t, d, "open/z", source.OpenOptions{}); got != "6" {
			t.Errorf("open/z reads %q", got)
		}
	})
}

func testCancelled(t *testing.T, h Harness) {
	d := h.New(t, Content{Bucket: {"a": strings.Repeat("x", 1<<20), "b": "2", "c/d": "3"}})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := d.Open(ctx, Bucket, "a", source.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	n := 0
	for _, err := range d.List(ctx, Bucket, source.ListOptions{}) {
		if n++; n == 1 {
			if err != nil {
				t.Fatal(err)
			}
			cancel()
			continue
		}
		if !errors.Is(err, context.Canceled) {
			t.Errorf("the listing went on with error %v after its context ended", err)
		}
	}
	if n != 2 {
		t.Errorf("the listing yielded %d pairs, want an object and the context's error", n)
	}
	if _, err := io.ReadAll(r); !errors.Is(err, context.Canceled) {
		t.Errorf("reading after the context ended: %v", err)
	}
	if _, err := r.(io.ReaderAt).ReadAt(make([]byte, 1), 0); !errors.Is(err, context.Canceled) {
		t.Errorf("ReadAt after the context ended: %v", err)
	}
	if _, err := d.Open(ctx, Bucket, "a", source.OpenOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Open after the context ended: %v", err)
	}
	if _, err := d.Buckets(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Buckets after the context ended: %v", err)
	}
}

func testConcurrent(t *testing.T, h Harness) {
	keys := h.keys()
	d := h.New(t, contentOf(keys))
	want := expected(keys, source.ListOptions{})
	done := make(chan string)
	for range 4 {
		go func() {
			got, bad := []string{}, ""
			for item, err := range d.List(context.Background(), Bucket, source.ListOptions{}) {
				if err != nil || item.Err != nil {
					bad = fmt.Sprint(err, item.Err)
					break
				}
				got = append(got, item.Key)
				r, err := d.Open(context.Background(), Bucket, item.Key, source.OpenOptions{ETag: item.ETag})
				if err != nil {
					bad = err.Error()
					break
				}
				if b, err := io.ReadAll(r); err != nil || string(b) != "body of "+item.Key {
					bad = fmt.Sprintf("%q reads %q, %v", item.Key, b, err)
				}
				r.Close()
			}
			if bad == "" && !slices.Equal(got, want) {
				bad = fmt.Sprintf("listed %q", got)
			}
			done <- bad
		}()
	}
	for range 4 {
		if bad := <-done; bad != "" {
			t.Error(bad)
		}
	}
}
