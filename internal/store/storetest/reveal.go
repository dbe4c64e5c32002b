package storetest

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/store"
)

var revealTests = []test{{"Quota", testRevealQuota}, {"Days", testRevealDays}}

func fillReveal(ctx context.Context, tx store.Tx, tenant store.Tenant) error {
	within, err := store.CountReveal(ctx, tx, tenant, 1, "b", []byte("k"), 1)
	if err == nil && !within {
		err = errors.New("the first request is beyond a quota of one")
	}
	return err
}

// testRevealQuota counts each object of each tenant by itself, and counts no request that is refused.
func testRevealQuota(t *testing.T, db store.DB) {
	long := []byte(strings.Repeat("k", 3*store.MaxKey))
	ask := func(tenant store.Tenant, day int64, bucket string, key []byte, limit int64) (within bool) {
		t.Helper()
		update(t, db, func(ctx context.Context, tx store.Tx) (err error) {
			within, err = store.CountReveal(ctx, tx, tenant, day, bucket, key, limit)
			return err
		})
		return within
	}
	for _, key := range [][]byte{{}, []byte("k\x00\xff"), long, append([]byte("x"), long...)} {
		for i := range 5 {
			if got, want := ask(here, 7, "a", key, 3), i < 3; got != want {
				t.Errorf("request %d for a key of %d bytes is within 3: %t", i+1, len(key), got)
			}
		}
		if !ask(here, 7, "a", key, 4) || ask(here, 7, "a", key, 4) {
			t.Error("refused requests were counted")
		}
	}
	if !ask(here, 7, "b", long, 1) || !ask(there, 7, "a", long, 1) || !ask(other, 7, "a", long, 1) {
		t.Error("requests for other objects count")
	}
}

// testRevealDays begins anew each day, and keeps nothing of the days before.
func testRevealDays(t *testing.T, db store.DB) {
	for day := int64(1); day <= 3; day++ {
		update(t, db, func(ctx context.Context, tx store.Tx) error {
			for _, key := range []string{"k", "l"} {
				if within, err := store.CountReveal(ctx, tx, here, day, "a", []byte(key), 1); err != nil || !within {
					t.Errorf("day %d: within is %t, error %v", day, within, err)
				}
			}
			return nil
		})
	}
	if n := census(t, db)["reveal_requests"]; n != 2 {
		t.Errorf("%d rows, want those of the last day", n)
	}
}
