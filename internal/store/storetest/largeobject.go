package storetest

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/magpie-sec/magpie/internal/store"
)

var largeObjectTests = []test{{"Parts", testParts}, {"Left", testLeftParts}}

// fillParts stores an object in parts of a tenant, of which one has told something.
func fillParts(ctx context.Context, tx store.Tx, tenant store.Tenant) error {
	put := store.PutLargeObject(ctx, tx, tenant, store.LargeObject{JobID: "j", RunID: "u", ID: "o", Bucket: "b", Unfinished: 2})
	_, err := store.FinishObjectPart(ctx, tx, tenant, "j", "u", "o", store.ObjectPart{})
	return errors.Join(put, err)
}

func testParts(t *testing.T, db store.DB) {
	object := store.LargeObject{JobID: "j", RunID: "u", ID: "o", Bucket: "b", Unfinished: 3, Doc: []byte("first")}
	parts := func(tx store.Tx, stage, before int64, docs bool) (out []store.ObjectPart) {
		t.Helper()
		err := store.ObjectParts(t.Context(), tx, here, "j", "u", "o", stage, before, docs, func(p *store.ObjectPart) error {
			out = append(out, *p)
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		return out
	}
	update(t, db, func(ctx context.Context, tx store.Tx) error { return store.PutLargeObject(ctx, tx, here, object) })
	for i, part := range []int64{2, 0, 1} {
		update(t, db, func(ctx context.Context, tx store.Tx) error {
			left, err := store.FinishObjectPart(ctx, tx, here, "j", "u", "o", store.ObjectPart{Stage: 1, Part: part, Counts: []byte{byte(part)}, Doc: []byte{9}})
			equal(t, "unfinished", int64(2-i), left)
			return err
		})
	}
	wantError(t, db, store.ErrConflict, func(ctx context.Context, tx store.Tx) error {
		_, err := store.FinishObjectPart(ctx, tx, here, "j", "u", "o", store.ObjectPart{Stage: 1, Part: 2})
		return err
	})
	wantError(t, db, store.ErrNotFound, func(ctx context.Context, tx store.Tx) error {
		_, err := store.FinishObjectPart(ctx, tx, there, "j", "u", "o", store.ObjectPart{})
		return err
	})
	view(t, db, func(ctx context.Context, tx store.Tx) error {
		equal(t, "with counts", []store.ObjectPart{{Stage: 1, Counts: []byte{0}}, {Stage: 1, Part: 1, Counts: []byte{1}}}, parts(tx, 1, 2, false))
		equal(t, "with documents", 3, len(parts(tx, 1, math.MaxInt64, true)))
		equal(t, "of another stage", 0, len(parts(tx, 0, math.MaxInt64, true)))
		return nil
	})
	object.Unfinished, object.Doc = 7, []byte("second")
	update(t, db, func(ctx context.Context, tx store.Tx) error { return store.PutLargeObject(ctx, tx, here, object) })
	view(t, db, func(ctx context.Context, tx store.Tx) error {
		got, err := store.GetLargeObject(ctx, tx, here, "j", "u", "o")
		equal(t, "object", object, got)
		all, err2 := store.LargeObjects(ctx, tx, here, "j", "u")
		equal(t, "objects", []store.LargeObject{object}, all)
		none, err3 := store.LargeObjects(ctx, tx, here, "j", "another")
		equal(t, "objects of another run", 0, len(none))
		return errors.Join(err, err2, err3)
	})
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		return store.DeleteLargeObject(ctx, tx, here, "j", "u", "o")
	})
	if c := census(t, db); c["large_objects"]+c["object_parts"] != 0 {
		t.Errorf("%v", c)
	}
}

// testLeftParts has objects of runs in every state: those of runs that are over go.
func testLeftParts(t *testing.T, db store.DB) {
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		var err error
		for _, state := range []string{"running", "paused", "complete", "cancelled"} {
			_, run := tx.Exec(ctx, "INSERT INTO runs (account, region, job_id, run_id, run_key, state, started_at) VALUES ($1, $2, 'j', $3, $3, $3, 0)",
				here.Account, here.Region, state)
			put := store.PutLargeObject(ctx, tx, here, store.LargeObject{JobID: "j", RunID: state, ID: "o", Unfinished: 2})
			_, part := store.FinishObjectPart(ctx, tx, here, "j", state, "o", store.ObjectPart{})
			err = errors.Join(err, run, put, part)
		}
		return errors.Join(err, store.PutLargeObject(ctx, tx, there, store.LargeObject{JobID: "j", RunID: "gone", ID: "o"}),
			store.DeleteLeftParts(ctx, tx, here))
	})
	view(t, db, func(ctx context.Context, tx store.Tx) error {
		var err error
		for state, want := range map[string]int{"running": 1, "paused": 1, "complete": 0, "cancelled": 0} {
			got, failed := store.LargeObjects(ctx, tx, here, "j", state)
			equal(t, state, want, len(got))
			err = errors.Join(err, failed)
		}
		return err
	})
	if c := census(t, db); c["large_objects"] != 3 || c["object_parts"] != 2 {
		t.Errorf("%v", c)
	}
}
