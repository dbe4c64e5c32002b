package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/store"
)

var (
	customIdentifierTests = []test{{"RoundTrip", testCustomIdentifiers}, {"List", testListCustomIdentifiers}, {"LongTokens", testLongTokens}}
	allowListTests        = []test{{"RoundTrip", testAllowLists}}
)

func testCustomIdentifiers(t *testing.T, db store.DB) {
	c := store.CustomIdentifier{ID: "c1", CreatedAt: 5, ClientToken: "token \x00\xff", RequestHash: []byte{1}, Doc: []byte("{}")}
	plain := store.CustomIdentifier{ID: "c2", CreatedAt: 6, RequestHash: []byte{}, Doc: []byte{}}
	alike := store.CustomIdentifier{ID: "c3", CreatedAt: 6, RequestHash: []byte{}, Doc: []byte{}} // without a token there is no conflict
	create := func(tenant store.Tenant, c store.CustomIdentifier) func(context.Context, store.Tx) error {
		return func(ctx context.Context, tx store.Tx) error { return store.CreateCustomIdentifier(ctx, tx, tenant, c) }
	}
	get := func(tenant store.Tenant, id string) func(context.Context, store.Tx) error {
		return func(ctx context.Context, tx store.Tx) error {
			_, err := store.GetCustomIdentifier(ctx, tx, tenant, id)
			return err
		}
	}
	remove := func(tenant store.Tenant, id string) func(context.Context, store.Tx) error {
		return func(ctx context.Context, tx store.Tx) error {
			return store.DeleteCustomIdentifier(ctx, tx, tenant, id, 9)
		}
	}
	for _, c := range []store.CustomIdentifier{c, plain, alike} {
		update(t, db, create(here, c))
	}
	update(t, db, create(there, c)) // the same id and token in another Region
	sameToken, sameID := c, c
	sameToken.ID, sameID.ClientToken = "c9", "another"
	wantError(t, db, store.ErrConflict, create(here, sameToken))
	wantError(t, db, store.ErrConflict, create(here, sameID))
	check := func(want store.CustomIdentifier, alive int64) {
		t.Helper()
		update(t, db, func(ctx context.Context, tx store.Tx) error {
			got, err := store.GetCustomIdentifier(ctx, tx, here, want.ID)
			equal(t, "by id", want, got)
			n, err2 := store.CountCustomIdentifiers(ctx, tx, here)
			equal(t, "number", alive, n)
			elsewhere, err3 := store.GetCustomIdentifier(ctx, tx, there, c.ID)
			equal(t, "in the other Region", c, elsewhere)
			return errors.Join(err, err2, err3)
		})
	}
	byToken := func(ctx context.Context, tx store.Tx) error {
		got, err := store.CustomIdentifierByClientToken(ctx, tx, here, c.ClientToken)
		if err == nil {
			equal(t, "by token", c, got)
		}
		return err
	}
	check(c, 3)
	check(plain, 3)
	update(t, db, byToken)
	for _, id := range []string{"c9", "\x00", "\xff"} {
		wantError(t, db, store.ErrNotFound, get(here, id))
		wantError(t, db, store.ErrNotFound, remove(here, id))
	}
	wantError(t, db, store.ErrNotFound, get(other, "c1"))
	wantError(t, db, store.ErrNotFound, remove(other, "c1"))

	update(t, db, remove(here, "c1"))
	deleted, at := c, int64(9)
	deleted.ClientToken, deleted.DeletedAt = "", &at
	check(deleted, 2)
	wantError(t, db, store.ErrNotFound, remove(here, "c1"))
	wantError(t, db, store.ErrNotFound, byToken)
	wantError(t, db, store.ErrConflict, create(here, sameID)) // the id stays taken
	update(t, db, create(here, sameToken))                    // the token does not
	check(sameToken, 3)
}

// testListCustomIdentifiers reads pages of every size, while identifiers of the page before are deleted.
func testListCustomIdentifiers(t *testing.T, db store.DB) {
	const number = 23
	id := func(i int) string { return fmt.Sprintf("c%02d", i*7%number) } // in another order than they are created
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		var errs []error
		for i := range number {
			errs = append(errs, store.CreateCustomIdentifier(ctx, tx, here, store.CustomIdentifier{ID: id(i), CreatedAt: int64(i)}))
		}
		for i := range number { // at one time, and of another tenant
			errs = append(errs, store.CreateCustomIdentifier(ctx, tx, there, store.CustomIdentifier{ID: id(i), CreatedAt: 7}))
		}
		return errors.Join(append(errs, store.DeleteCustomIdentifier(ctx, tx, here, id(3), 1))...)
	})
	list := func(tenant store.Tenant, limit int, between func(last string)) []string {
		t.Helper()
		var ids []string
		var after []byte
		for {
			var page []store.CustomIdentifier
			view(t, db, func(ctx context.Context, tx store.Tx) (err error) {
				page, after, err = store.ListCustomIdentifiers(ctx, tx, tenant, after, limit)
				return err
			})
			for _, c := range page {
				ids = append(ids, c.ID)
			}
			if after == nil {
				return ids
			}
			if len(page) != limit {
				t.Fatalf("page of %d before the last, limit %d", len(page), limit)
			}
			between(ids[len(ids)-1])
		}
	}
	var created, sorted []string
	for i := range number {
		if i != 3 {
			created = append(created, id(i))
		}
		sorted = append(sorted, fmt.Sprintf("c%02d", i))
	}
	for limit := 1; limit <= number+1; limit++ {
		equal(t, fmt.Sprint("in pages of ", limit), created, list(here, limit, func(string) {}))
		equal(t, fmt.Sprint("of one time in pages of ", limit), sorted, list(there, limit, func(string) {}))
	}
	equal(t, "of nobody", []string(nil), list(other, 5, func(string) {}))
	equal(t, "with the last of each page deleted", created, list(here, 4, func(last string) {
		update(t, db, func(ctx context.Context, tx store.Tx) error {
			return store.DeleteCustomIdentifier(ctx, tx, here, last, 1)
		})
	}))
	for what, bad := range map[string]struct {
		after string
		limit int
	}{"no limit": {"", 0}, "bad place": {"{", 1}, "bad id": {`{"i":"\u0000"}`, 1}} {
		t.Run(what, func(t *testing.T) {
			wantError(t, db, store.ErrInvalid, func(ctx context.Context, tx store.Tx) error {
				after := []byte(bad.after)
				if bad.after == "" {
					after = nil
				}
				_, _, err := store.ListCustomIdentifiers(ctx, tx, here, after, bad.limit)
				return err
			})
		})
	}
}

// testLongTokens has client tokens longer than an index of PostgreSQL takes: they tell apart what they should.
func testLongTokens(t *testing.T, db store.DB) {
	incompressible := func(last byte) string {
		var b strings.Builder
		for i := range 10_000 {
			b.WriteByte(byte(i * i >> 3 * 7))
		}
		return b.String() + string(last)
	}
	a, b := incompressible('a'), incompressible('b')
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(
			store.CreateCustomIdentifier(ctx, tx, here, store.CustomIdentifier{ID: "a", ClientToken: a}),
			store.CreateCustomIdentifier(ctx, tx, here, store.CustomIdentifier{ID: "b", ClientToken: b}),
			store.CreateAllowList(ctx, tx, here, store.AllowList{ID: "a", ClientToken: a}),
			store.CreateAllowList(ctx, tx, here, store.AllowList{ID: "b", ClientToken: b}),
			store.CreateJob(ctx, tx, here, store.Job{ID: "a", ClientToken: a}),
			store.CreateJob(ctx, tx, here, store.Job{ID: "b", ClientToken: b}))
	})
	view(t, db, func(ctx context.Context, tx store.Tx) error {
		c, err := store.CustomIdentifierByClientToken(ctx, tx, here, a)
		j, err2 := store.JobByClientToken(ctx, tx, here, b)
		l, err3 := store.AllowListByClientToken(ctx, tx, here, a)
		equal(t, "identifier, job and list", "aba", c.ID+j.ID+l.ID)
		return errors.Join(err, err2, err3)
	})
	wantError(t, db, store.ErrConflict, func(ctx context.Context, tx store.Tx) error {
		return store.CreateAllowList(ctx, tx, here, store.AllowList{ID: "c", ClientToken: a})
	})
}

func testAllowLists(t *testing.T, db store.DB) {
	a := store.AllowList{ID: "z", CreatedAt: 1, UpdatedAt: 1, ClientToken: "t1", RequestHash: []byte{1}, Doc: []byte("{}")}
	b := store.AllowList{ID: "a", CreatedAt: 2, UpdatedAt: 2, ClientToken: "t2", RequestHash: []byte{}, Doc: bytes.Repeat([]byte{0xff}, 9)}
	create := func(tenant store.Tenant, l store.AllowList) func(context.Context, store.Tx) error {
		return func(ctx context.Context, tx store.Tx) error { return store.CreateAllowList(ctx, tx, tenant, l) }
	}
	get := func(tenant store.Tenant, id string) func(context.Context, store.Tx) error {
		return func(ctx context.Context, tx store.Tx) error {
			_, err := store.GetAllowList(ctx, tx, tenant, id)
			return err
		}
	}
	lists := func(tenant store.Tenant, want ...store.AllowList) {
		t.Helper()
		view(t, db, func(ctx context.Context, tx store.Tx) error {
			got, err := store.AllowLists(ctx, tx, tenant)
			equal(t, "lists of "+tenant.String(), want, got)
			return err
		})
	}
	update(t, db, create(here, b))
	update(t, db, create(here, a))
	update(t, db, create(there, a))
	lists(here, a, b) // as they were created
	sameToken, sameID := a, a
	sameToken.ID, sameID.ClientToken = "y", "t9"
	wantError(t, db, store.ErrConflict, create(here, sameToken))
	wantError(t, db, store.ErrConflict, create(here, sameID))

	changed := a
	changed.UpdatedAt, changed.Doc = 7, []byte("[]")
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		if err := store.UpdateAllowList(ctx, tx, here, changed); err != nil {
			return err
		}
		got, err := store.GetAllowList(ctx, tx, here, a.ID)
		equal(t, "changed", changed, got)
		return err
	})
	lists(there, a)
	lists(other)
	for _, id := range []string{"y", "\x00", "\xff"} {
		wantError(t, db, store.ErrNotFound, get(here, id))
		wantError(t, db, store.ErrNotFound, func(ctx context.Context, tx store.Tx) error { return store.DeleteAllowList(ctx, tx, here, id) })
	}
	wantError(t, db, store.ErrNotFound, get(other, a.ID))
	for tenant, want := range map[store.Tenant]error{here: nil, there: nil, other: store.ErrNotFound} {
		wantError(t, db, want, func(ctx context.Context, tx store.Tx) error {
			_, err := store.AllowListByClientToken(ctx, tx, tenant, a.ClientToken)
			return err
		})
	}
	wantError(t, db, store.ErrNotFound, func(ctx context.Context, tx store.Tx) error { return store.UpdateAllowList(ctx, tx, other, a) })
	update(t, db, func(ctx context.Context, tx store.Tx) error { return store.DeleteAllowList(ctx, tx, here, a.ID) })
	lists(here, b)
	lists(there, a)
	update(t, db, create(here, sameToken)) // the token is free
}
