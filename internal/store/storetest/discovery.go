package storetest

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/store"
)

var discoveryTests = []test{{"Objects", testDiscoveryObjects}, {"Sums", testDiscoverySums}, {"Profiles", testDiscoveryProfiles}}

func testDiscoveryObjects(t *testing.T, db store.DB) {
	long := []byte(strings.Repeat("x", store.MaxKey) + "yz")
	a := store.DiscoveryObject{Bucket: "b", Key: []byte("a\x00\xff"), VersionID: "v", ETag: "e", Status: "COMPLETE", BytesClassified: 3, AnalyzedAt: 9}
	x := store.DiscoveryObject{Bucket: "b", Key: long, Status: "SKIPPED", Reason: "PERMISSION_DENIED", AnalyzedAt: 8}
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(store.PutDiscoveryObjects(ctx, tx, here, []store.DiscoveryObject{x, a}),
			store.PutDiscoveryObjects(ctx, tx, there, []store.DiscoveryObject{a}))
	})
	get := func(after []byte, limit int) (got []store.DiscoveryObject) {
		t.Helper()
		view(t, db, func(ctx context.Context, tx store.Tx) (err error) {
			got, err = store.DiscoveryObjects(ctx, tx, here, "b", after, limit)
			return err
		})
		return got
	}
	equal(t, "objects", []store.DiscoveryObject{a, x}, get(nil, 10))
	equal(t, "first", []store.DiscoveryObject{a}, get(nil, 1))
	equal(t, "second", []store.DiscoveryObject{x}, get(a.Key, 1))
	if got := get(long, 1); got != nil {
		t.Errorf("behind the last: %v", got)
	}
	a.Status, a.ETag = "PARTIAL", "f"
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(store.PutDiscoveryObjects(ctx, tx, here, []store.DiscoveryObject{a}),
			store.DeleteDiscoveryObjects(ctx, tx, here, "b", [][]byte{long, []byte("none")}))
	})
	equal(t, "objects", []store.DiscoveryObject{a}, get(nil, 10))
	update(t, db, func(ctx context.Context, tx store.Tx) error { return store.DeleteDiscovery(ctx, tx, here, "c") })
	equal(t, "objects", []store.DiscoveryObject{a}, get(nil, 10))
	update(t, db, func(ctx context.Context, tx store.Tx) error { return store.DeleteDiscovery(ctx, tx, here, "b") })
	equal(t, "objects", 0, len(get(nil, 10)))
	view(t, db, func(ctx context.Context, tx store.Tx) error {
		got, err := store.DiscoveryObjects(ctx, tx, there, "b", nil, 10)
		equal(t, "objects of the other Region", 1, len(got))
		return err
	})
	wantError(t, db, store.ErrInvalid, func(ctx context.Context, tx store.Tx) error {
		return store.PutDiscoveryObjects(ctx, tx, here, []store.DiscoveryObject{{Bucket: "b", ETag: "\x00"}})
	})
}

func testDiscoverySums(t *testing.T, db store.DB) {
	object := func(key, status, reason string, n int64, found ...store.DiscoveryDetection) store.DiscoveryObject {
		return store.DiscoveryObject{Bucket: "b", Key: []byte(key), Status: status, Reason: reason, BytesClassified: n, AnalyzedAt: n, Detections: found}
	}
	ssn := func(n int64) store.DiscoveryDetection { return store.DiscoveryDetection{ID: "SSN", Count: n, Level: 3} }
	badge := func(n int64) store.DiscoveryDetection {
		return store.DiscoveryDetection{Custom: true, ID: "SSN", Name: "badge", ARN: "arn", Count: n, Level: min(n, 3)}
	}
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		return store.PutDiscoveryObjects(ctx, tx, here, []store.DiscoveryObject{
			object("a", "COMPLETE", "", 5, ssn(2), badge(1)), object("b", "PARTIAL", "x", 7, badge(2)), object("c", "COMPLETE", "", 1),
			object("d", "SKIPPED", "PERMISSION_DENIED", 0), object("e", "SKIPPED", "INVALID_ENCRYPTION", 0), object("f", "SKIPPED", "INVALID_KMS_KEY", 0),
			object("g", "SKIPPED", "MALFORMED_FILE", 0),
			{Bucket: "other", Key: []byte("a"), Status: "COMPLETE", BytesClassified: 99, Detections: []store.DiscoveryDetection{ssn(50)}},
		})
	})
	sums := func(bucket string, suppressed func(bool, string) bool) (o *store.DiscoverySums) {
		t.Helper()
		view(t, db, func(ctx context.Context, tx store.Tx) (err error) {
			o, err = store.SumDiscovery(ctx, tx, here, bucket, suppressed)
			return err
		})
		return o
	}
	at := int64(7)
	want := &store.DiscoverySums{Bytes: 13, Classified: 3, Sensitive: 2, Skipped: 4, SkippedEncryption: 1, SkippedKMS: 1, SkippedPermission: 1, Detections: 5,
		Unsuppressed: 2, AnalyzedAt: &at, Found: []store.DiscoveryDetection{ssn(2), badge(3)}}
	want.Found[1].Level = 2
	equal(t, "sums", want, sums("b", func(bool, string) bool { return false }))
	want.Suppressed, want.Unsuppressed = 3, 1
	equal(t, "without the custom one", want, sums("b", func(custom bool, _ string) bool { return custom }))
	want.Suppressed, want.Unsuppressed = 5, 0
	equal(t, "without all", want, sums("b", func(bool, string) bool { return true }))
	equal(t, "nothing", &store.DiscoverySums{}, sums("none", func(bool, string) bool { return false }))
	// What an object held is forgotten when it is looked at again.
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		return store.PutDiscoveryObjects(ctx, tx, here, []store.DiscoveryObject{object("a", "COMPLETE", "", 5)})
	})
	if o := sums("b", func(bool, string) bool { return false }); o.Sensitive != 1 || o.Detections != 2 || len(o.Found) != 1 {
		t.Errorf("%+v", o)
	}
	view(t, db, func(ctx context.Context, tx store.Tx) error {
		objects, sensitive, err := store.DiscoveryArtifacts(ctx, tx, here, "b", 5)
		var order [][]byte
		for i, o := range objects {
			order = append(order, o.Key)
			if sensitive[i] != (i == 0) {
				t.Errorf("%s is sensitive: %v", o.Key, sensitive[i])
			}
		}
		equal(t, "artifacts", "b a c d e", string(bytes.Join(order, []byte(" "))))
		return err
	})
}

func testDiscoveryProfiles(t *testing.T, db store.DB) {
	get := func(ctx context.Context, tx store.Tx) error {
		_, err := store.GetDiscoveryProfile(ctx, tx, here, "b")
		return err
	}
	wantError(t, db, store.ErrNotFound, get)
	want := store.DiscoveryProfile{Bucket: "b", UpdatedAt: 5, Overridden: true, Suppressed: []byte("x")}
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(store.PutDiscoveryProfile(ctx, tx, here, store.DiscoveryProfile{Bucket: "b"}), store.PutDiscoveryProfile(ctx, tx, here, want),
			store.TouchDiscoveryProfile(ctx, tx, here, "b", 4), store.TouchDiscoveryProfile(ctx, tx, here, "new", 6))
	})
	view(t, db, func(ctx context.Context, tx store.Tx) error {
		got, err := store.GetDiscoveryProfile(ctx, tx, here, "b")
		equal(t, "profile", want, got)
		touched, err2 := store.GetDiscoveryProfile(ctx, tx, here, "new")
		equal(t, "touched", store.DiscoveryProfile{Bucket: "new", UpdatedAt: 6, Suppressed: []byte{}}, touched)
		names, err3 := store.OverriddenBuckets(ctx, tx, here)
		equal(t, "overridden", map[string]bool{"b": true}, names)
		return errors.Join(err, err2, err3)
	})
}
