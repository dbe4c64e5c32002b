package storetest

import (
	"context"
	"errors"
	"testing"

	"github.com/magpie-sec/magpie/internal/store"
)

var previewTests = []test{{"RoundTrip", testAccessPreviews}, {"List", testListAccessPreviews}, {"Retention", testAccessPreviewRetention}}

func previewOf(id string, at int64) store.AccessPreview {
	return store.AccessPreview{ID: id, CreatedAt: at, Status: "COMPLETED", Doc: []byte(`{"a":"` + id + `"}`), Findings: []byte("[]")}
}

func createPreview(tenant store.Tenant, analyzer string, p store.AccessPreview, oldest int64) func(context.Context, store.Tx) error {
	return func(ctx context.Context, tx store.Tx) error {
		return store.CreateAccessPreview(ctx, tx, tenant, analyzer, p, oldest)
	}
}

func testAccessPreviews(t *testing.T, db store.DB) {
	a := previewOf("a", 5)
	failed := store.AccessPreview{ID: "b", CreatedAt: 6, Status: "FAILED", Reason: "INVALID_CONFIGURATION", Doc: []byte("\x00\xff"), Findings: []byte{}}
	update(t, db, createPreview(here, "x", a, 0))
	update(t, db, createPreview(here, "x", failed, 0))
	update(t, db, createPreview(here, "y", a, 0))
	update(t, db, createPreview(there, "x", a, 0))
	wantError(t, db, store.ErrConflict, createPreview(here, "x", a, 0))
	view(t, db, func(ctx context.Context, tx store.Tx) error {
		got, err := store.GetAccessPreview(ctx, tx, here, "x", "a", 5)
		equal(t, "preview", a, got)
		other, err2 := store.GetAccessPreview(ctx, tx, here, "x", "b", 0)
		equal(t, "failed preview", failed, other)
		n, err3 := store.CountAccessPreviews(ctx, tx, here, "x", 5)
		equal(t, "number", int64(2), n)
		late, err4 := store.CountAccessPreviews(ctx, tx, here, "x", 6)
		equal(t, "number of late ones", int64(1), late)
		return errors.Join(err, err2, err3, err4)
	})
	for _, missing := range []struct {
		analyzer, id string
		oldest       int64
	}{{"x", "c", 0}, {"y", "b", 0}, {"x", "a", 6}, {"x", "\x00", 0}, {"x", "\xff", 0}} {
		wantError(t, db, store.ErrNotFound, func(ctx context.Context, tx store.Tx) error {
			_, err := store.GetAccessPreview(ctx, tx, here, missing.analyzer, missing.id, missing.oldest)
			return err
		})
	}
}

func testListAccessPreviews(t *testing.T, db store.DB) {
	for i, at := range []int64{3, 1, 2, 2, 2} {
		update(t, db, createPreview(here, "x", previewOf(string(rune('a'+i)), at), 0))
	}
	update(t, db, createPreview(here, "y", previewOf("z", 9), 0))
	for limit := 1; limit <= 6; limit++ {
		for oldest, want := range map[int64]string{0: "aedcb", 2: "aedc", 3: "a", 4: ""} {
			got := ""
			var after []byte
			for pages := 0; pages < 6; pages++ {
				view(t, db, func(ctx context.Context, tx store.Tx) (err error) {
					page, next, err := store.ListAccessPreviews(ctx, tx, here, "x", oldest, after, limit)
					for _, p := range page {
						got += p.ID
						equal(t, "listed", store.AccessPreview{ID: p.ID, CreatedAt: p.CreatedAt, Status: "COMPLETED"}, p)
					}
					if len(page) > limit {
						t.Errorf("a page of %d for %d", len(page), limit)
					}
					after = next
					return err
				})
				if after == nil {
					break
				}
			}
			equal(t, "list", want, got)
		}
	}
	for _, place := range []string{"", "x", "[]", `{"i":"\u0000"}`} {
		wantError(t, db, store.ErrInvalid, func(ctx context.Context, tx store.Tx) error {
			_, _, err := store.ListAccessPreviews(ctx, tx, here, "x", 0, []byte(place), 1)
			return err
		})
	}
}

// testAccessPreviewRetention: with a new preview the old ones of its analyzer go.
func testAccessPreviewRetention(t *testing.T, db store.DB) {
	update(t, db, createPreview(here, "x", previewOf("a", 1), 0))
	update(t, db, createPreview(here, "y", previewOf("a", 1), 0))
	update(t, db, createPreview(here, "x", previewOf("b", 2), 0))
	update(t, db, createPreview(here, "x", previewOf("c", 3), 2))
	view(t, db, func(ctx context.Context, tx store.Tx) error {
		x, err := store.CountAccessPreviews(ctx, tx, here, "x", 0)
		y, err2 := store.CountAccessPreviews(ctx, tx, here, "y", 0)
		equal(t, "numbers", []int64{2, 1}, []int64{x, y})
		return errors.Join(err, err2)
	})
	wantError(t, db, store.ErrNotFound, func(ctx context.Context, tx store.Tx) error {
		_, err := store.GetAccessPreview(ctx, tx, here, "x", "a", 0)
		return err
	})
}
