package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/magpie-sec/magpie/internal/store"
)

var exportTests = []test{{"Life", testExports}}

// testExports: a file waits, is claimed by one at a time, put off, kept, released and removed.
func testExports(t *testing.T, db store.DB) {
	type counts struct {
		Waiting int64
		Kept    bool
	}
	put := func(tenant store.Tenant, name, body string, notBefore int64) {
		update(t, db, func(ctx context.Context, tx store.Tx) error {
			f := store.ExportFile{Tenant: tenant, File: name, Destination: []byte("{}"), Records: 2, NotBefore: notBefore, CreatedAt: notBefore % 100}
			return store.PutExport(ctx, tx, f, []byte(body))
		})
	}
	claim := func(tenant store.Tenant, now, until int64, limit int) (files []store.ExportFile) {
		t.Helper()
		update(t, db, func(ctx context.Context, tx store.Tx) (err error) {
			files, err = store.ClaimExports(ctx, tx, tenant, now, until, limit)
			return err
		})
		return files
	}
	names := func(files []store.ExportFile) []string {
		out := []string{}
		for _, f := range files {
			out = append(out, f.File)
		}
		return out
	}
	count := func(tenant store.Tenant) (n counts) {
		t.Helper()
		view(t, db, func(ctx context.Context, tx store.Tx) (err error) {
			n.Waiting, n.Kept, err = store.CountExports(ctx, tx, tenant)
			return err
		})
		return n
	}
	put(here, "b", "second", 20)
	put(here, "a\xff", "first of two", 9)
	put(here, "a\xff", "first", 10) // in its place
	put(here, "kept", "k", store.ExportKept)
	put(there, "b", "elsewhere", 5)
	equal(t, "counts", counts{2, true}, count(here))
	equal(t, "counts of another tenant", counts{1, false}, count(there))
	equal(t, "nothing is due", []string{}, names(claim(here, 9, 100, 8)))

	got := claim(here, 15, 100, 8)
	equal(t, "claimed", []string{"a\xff"}, names(got))
	first := got[0]
	equal(t, "the file", store.ExportFile{ID: first.ID, Tenant: here, File: "a\xff", Destination: []byte("{}"), Records: 2, Size: 5, NotBefore: 10, CreatedAt: 10}, first)
	equal(t, "claimed at the same time", []string{"b"}, names(claim(here, 50, 120, 8)))
	equal(t, "claimed again when the time is over", []string{"a\xff"}, names(claim(here, 100, 200, 1)))
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		body, err := store.ExportBody(ctx, tx, first.ID)
		equal(t, "body", "first", string(body))
		return errors.Join(err, store.DeferExport(ctx, tx, first.ID, 300))
	})
	got = claim(here, 300, 400, 1)
	equal(t, "put off behind the others", []string{"b"}, names(got))
	got = claim(here, 300, 400, 1)
	equal(t, "failures are counted", int64(1), got[0].Attempts)
	update(t, db, func(ctx context.Context, tx store.Tx) error { return store.DeleteExport(ctx, tx, first.ID) })
	wantError(t, db, store.ErrNotFound, func(ctx context.Context, tx store.Tx) error {
		_, err := store.ExportBody(ctx, tx, first.ID)
		return err
	})
	update(t, db, func(ctx context.Context, tx store.Tx) error { return store.ReleaseExports(ctx, tx, here, 350, false) })
	got = claim(here, 350, 600, 8)
	equal(t, "released, but what is kept", []string{"b"}, names(got))
	update(t, db, func(ctx context.Context, tx store.Tx) error { return store.ReleaseExports(ctx, tx, here, 500, true) })
	got = claim(here, 500, 600, 8)
	equal(t, "released", []string{"b", "kept"}, names(got))
	update(t, db, func(ctx context.Context, tx store.Tx) error { return store.KeepExport(ctx, tx, got[0].ID) })
	equal(t, "counts", counts{1, true}, count(here))
	for _, c := range []struct {
		before int64
		want   int
	}{{20, 0}, {21, 1}, {21, 0}} {
		update(t, db, func(ctx context.Context, tx store.Tx) error {
			n, err := store.DropExports(ctx, tx, here, c.before, 10)
			equal(t, "dropped", c.want, n)
			return err
		})
	}
	equal(t, "counts", counts{1, false}, count(here))
	equal(t, "counts of another tenant", counts{1, false}, count(there))

	// One that is replaced while it is being written waits until that is over, and who wrote the old one does not take it away.
	put(there, "c", "old", 1)
	got = claim(there, 1, 700, 8)
	equal(t, "claimed", []string{"c"}, names(got))
	put(there, "c", "new", 2)
	equal(t, "counts", counts{2, false}, count(there))
	update(t, db, func(ctx context.Context, tx store.Tx) error { return store.DeleteExport(ctx, tx, got[0].ID) })
	equal(t, "not due before the claim is over", []string{"b"}, names(claim(there, 699, 900, 8)))
	got = claim(there, 700, 900, 8)
	equal(t, "due then", []string{"c"}, names(got))
	view(t, db, func(ctx context.Context, tx store.Tx) error {
		body, err := store.ExportBody(ctx, tx, got[0].ID)
		equal(t, "body", "new", string(body))
		return err
	})

	// Several together, of which one has the name of another and one that of a file that waits.
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		var files []store.ExportFile
		var bodies [][]byte
		for i, name := range []string{"d", "c", "e", "d"} {
			files = append(files, store.ExportFile{Tenant: there, File: name, Records: int64(i), NotBefore: 2000 + int64(i)})
			bodies = append(bodies, []byte(fmt.Sprint("body ", i)))
		}
		return errors.Join(store.PutExports(ctx, tx, nil, nil), store.PutExports(ctx, tx, files, bodies))
	})
	told := map[string]string{}
	for _, f := range claim(there, 3000, 4000, 8) {
		view(t, db, func(ctx context.Context, tx store.Tx) error {
			body, err := store.ExportBody(ctx, tx, f.ID)
			told[f.File] += fmt.Sprint(f.Records, " ", f.Size, " ", string(body))
			return err
		})
	}
	equal(t, "put together", map[string]string{"b": "2 9 elsewhere", "c": "1 6 body 1", "d": "3 6 body 3", "e": "2 6 body 2"}, told)
}
