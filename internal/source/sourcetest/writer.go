package sourcetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/source"
)

// testWrite holds a driver to source.Writer.
func testWrite(t *testing.T, h Harness) {
	if h.DenyWrites == nil {
		t.Skip("the driver is not written with")
	}
	d := h.New(t, Content{Bucket: {"a/b": "before", "f": "file"}, "closed": {"x": "1"}, "other": {}})
	w, ok := source.As[source.Writer](d)
	if !ok {
		t.Fatal("the driver is no source.Writer")
	}
	opts := source.PutOptions{ContentType: "application/gzip", KMSKey: "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"}
	write := func(key, text string) {
		t.Helper()
		if err := w.PutObject(t.Context(), Bucket, key, []byte(text), opts); err != nil {
			t.Errorf("PutObject(%q): %v", key, err)
		}
		if got := body(t, d, key, source.OpenOptions{}); got != text {
			t.Errorf("%q reads %d bytes behind a write, want %d", key, len(got), len(text))
		}
	}
	old := find(t, d, "a/b")
	write("a/b", "a longer body than before")
	if now := find(t, d, "a/b"); now.ETag == old.ETag {
		t.Error("the entity tag stayed the same although the object was written")
	}
	write("a/b", "again")
	write("empty", "")
	write("new/folders/on the way/ö.jsonl.gz", strings.Repeat("\x1f\x8b\x00", 1<<18))
	diff(t, "keys", []string{"a/b", "empty", "f", "new/folders/on the way/ö.jsonl.gz"}, listed(t, d, Bucket, source.ListOptions{}))

	buckets, err := d.Buckets(t.Context())
	if err != nil || len(buckets) != 3 {
		t.Errorf("buckets %v, %v: a write may make none", buckets, err)
	}
	for _, name := range []string{"no-such-bucket", "", "..", Bucket + "/a"} {
		wantKind(t, w.PutObject(t.Context(), name, "k", []byte("x"), opts), source.BucketNotFound, name, "k")
	}
	if h.FileKeys {
		for _, key := range []string{"", "/", "../other/x", "a/../../other/x", "/x", "f/below a file", "a/b/"} {
			if err := w.PutObject(t.Context(), Bucket, key, []byte("x"), opts); err == nil && !h.CleanedKeys {
				t.Errorf("a file was written at %q", key)
			}
		}
	}
	diff(t, "keys of another bucket", []string{}, listed(t, d, "other", source.ListOptions{}))

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.PutObject(ctx, Bucket, "late", []byte("x"), opts); !errors.Is(err, context.Canceled) {
		t.Errorf("PutObject after the context ended: %v", err)
	}
	h.DenyWrites(t, d, "closed")
	asDenied := h.AsDenied
	if asDenied == nil {
		asDenied = func(_ testing.TB, f func()) { f() }
	}
	asDenied(t, func() {
		wantKind(t, w.PutObject(t.Context(), "closed", "k", []byte("x"), opts), source.AccessDenied, "closed", "k")
	})

	// Of several who write a key at once one wins, and its object is whole.
	bodies := map[string]bool{}
	done := make(chan error)
	for i := range 4 {
		text := strings.Repeat(fmt.Sprint(i), 100_000+i)
		bodies[text] = true
		go func() { done <- w.PutObject(context.Background(), Bucket, "race", []byte(text), opts) }()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if got := body(t, d, "race", source.OpenOptions{}); !bodies[got] {
		t.Errorf("a mixture of %d bytes was stored", len(got))
	}
}
