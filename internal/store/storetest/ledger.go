package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/store"
)

var ledgerTests = []test{{"Rules", testLedgerRules}, {"Order", testLedgerOrder}, {"Superseded", testLedgerSuperseded}, {"Delete", testLedgerDelete}}

// fillLedger stores something in the ledger of a tenant.
func fillLedger(ctx context.Context, tx store.Tx, tenant store.Tenant) error {
	rules, err := store.PutLedgerRules(ctx, tx, tenant, []byte("{}"))
	return errors.Join(err, store.PutLedger(ctx, tx, tenant, "b", []store.LedgerEntry{{Key: []byte("k"), Rules: rules}}, nil))
}

func testLedgerRules(t *testing.T, db store.DB) {
	var ids []int64
	put := func(tenant store.Tenant, docs ...string) {
		t.Helper()
		update(t, db, func(ctx context.Context, tx store.Tx) error {
			for _, doc := range docs {
				id, err := store.PutLedgerRules(ctx, tx, tenant, []byte(doc))
				if err != nil {
					return err
				}
				ids = append(ids, id)
			}
			return nil
		})
	}
	put(here, "one", "two", "one")
	put(there, "one")
	put(here, "two", "three")
	if ids[0] != ids[2] || ids[1] != ids[4] || ids[0] == ids[1] || ids[3] == ids[0] || ids[0] < 1 || ids[5] < ids[1] {
		t.Errorf("numbers %v", ids)
	}
	view(t, db, func(ctx context.Context, tx store.Tx) error {
		all, err := store.ListLedgerRules(ctx, tx, here, 0)
		equal(t, "rules", []store.LedgerRules{{ID: ids[0], Doc: []byte("one")}, {ID: ids[1], Doc: []byte("two")}, {ID: ids[5], Doc: []byte("three")}}, all)
		later, failed := store.ListLedgerRules(ctx, tx, here, ids[0])
		equal(t, "rules since", all[1:], later)
		return errors.Join(err, failed)
	})
}

// entries reads a bucket's ledger in pages.
func entries(t *testing.T, db store.DB, tenant store.Tenant, bucket string, page int) []store.LedgerEntry {
	t.Helper()
	var all []store.LedgerEntry
	var after store.LedgerPlace
	for {
		n := 0
		view(t, db, func(ctx context.Context, tx store.Tx) error {
			return store.Ledger(ctx, tx, tenant, bucket, after, page, func(e *store.LedgerEntry) error {
				n++
				all = append(all, *e)
				return nil
			})
		})
		if n < page {
			return all
		}
		last := all[len(all)-1]
		after = store.LedgerPlace{Key: last.Key, Rules: last.Rules}
	}
}

// entriesOf reads what the ledger of here knows of some keys.
func entriesOf(t *testing.T, db store.DB, bucket string, keys ...string) (all []store.LedgerEntry) {
	t.Helper()
	var list [][]byte
	for _, k := range keys {
		list = append(list, []byte(k))
	}
	view(t, db, func(ctx context.Context, tx store.Tx) error {
		return store.LedgerOf(ctx, tx, here, bucket, list, func(e *store.LedgerEntry) error {
			all = append(all, *e)
			return nil
		})
	})
	return all
}

func put(t *testing.T, db store.DB, tenant store.Tenant, bucket string, superseded []int64, list ...store.LedgerEntry) {
	t.Helper()
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		return store.PutLedger(ctx, tx, tenant, bucket, list, superseded)
	})
}

func testLedgerOrder(t *testing.T, db store.DB) {
	keys := []string{"", "\x00", "A", "a", "a-", "a.b", "a/b", "a0", "é", "日本", "\xff", "\xff\x00", strings.Repeat("k", 1024)}
	var want, shuffled []store.LedgerEntry
	for i, k := range keys {
		for rules := range int64(2) {
			e := store.LedgerEntry{Key: []byte(k), Rules: rules + 1, State: store.LedgerState("v", k, int64(i), rules), Flags: store.LedgerFlags(i % 8),
				Bytes: int64(i) << 40, Doc: []byte(fmt.Sprint("doc of ", i))}
			want = append(want, e)
			shuffled = append([]store.LedgerEntry{e}, shuffled...)
		}
	}
	slices.SortStableFunc(want, func(a, b store.LedgerEntry) int { return strings.Compare(string(a.Key), string(b.Key)) })
	for rules := range int64(2) {
		put(t, db, here, "bucket", nil, slices.DeleteFunc(slices.Clone(shuffled), func(e store.LedgerEntry) bool { return e.Rules != rules+1 })...)
	}
	put(t, db, here, "another", nil, store.LedgerEntry{Key: []byte("x"), Rules: 1})
	put(t, db, there, "bucket", nil, store.LedgerEntry{Key: []byte("y"), Rules: 1})
	// No store has such keys; what is in one is opened each time.
	put(t, db, here, "bucket", nil, store.LedgerEntry{Key: []byte(strings.Repeat("x", store.MaxKey+1)), Rules: 1})
	equal(t, "entries with documents", want, entriesOf(t, db, "bucket", keys...))
	equal(t, "entries of some", want[2:4], entriesOf(t, db, "bucket", "none", keys[1], "none either"))
	equal(t, "entries of none", []store.LedgerEntry(nil), entriesOf(t, db, "bucket"))
	for i := range want {
		want[i].Doc = nil
	}
	for _, page := range []int{1, 7, 1000} {
		equal(t, fmt.Sprintf("entries in pages of %d", page), want, entries(t, db, here, "bucket", page))
	}
}

func testLedgerSuperseded(t *testing.T, db store.DB) {
	one := func(key string, rules int64, state byte) store.LedgerEntry {
		return store.LedgerEntry{Key: []byte(key), Rules: rules, State: [16]byte{state}, Doc: []byte{}}
	}
	put(t, db, here, "b", nil, one("a", 1, 1), one("b", 1, 1), one("c", 1, 1))
	put(t, db, here, "b", nil, one("a", 2, 1), one("b", 2, 1))
	put(t, db, here, "b", []int64{1, 7}, one("a", 3, 2), one("b", 3, 3), one("b", 3, 2))
	equal(t, "entries", []store.LedgerEntry{one("a", 2, 1), one("a", 3, 2), one("b", 2, 1), one("b", 3, 2), one("c", 1, 1)}, entriesOf(t, db, "b", "a", "b", "c"))
}

func testLedgerDelete(t *testing.T, db store.DB) {
	var list []store.LedgerEntry
	var gone [][]byte
	for i := range 1300 {
		e := store.LedgerEntry{Key: fmt.Appendf(nil, "%05d", i), Rules: 1}
		list = append(list, e)
		if i%13 != 0 {
			gone = append(gone, e.Key)
		}
	}
	put(t, db, here, "b", nil, list...)
	put(t, db, here, "c", nil, list...)
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(store.DeleteLedger(ctx, tx, here, "b", gone), store.DeleteLedger(ctx, tx, here, "b", nil))
	})
	if n, other := len(entries(t, db, here, "b", 500)), len(entries(t, db, here, "c", 500)); n != 100 || other != 1300 {
		t.Errorf("%d and %d entries are left", n, other)
	}
}
