package storetest

import (
	"context"
	"errors"
	"testing"

	"github.com/magpie-sec/magpie/internal/store"
)

var notificationTests = []test{{"RoundTrip", testNotifications}, {"Claims", testNotificationClaims}}

func when(at int64) *int64 { return &at }

func testNotifications(t *testing.T, db store.DB) {
	full := store.Notification{Bucket: "b", Version: 3, ReadAt: when(7), CountAt: when(5), ClaimedUntil: 9, Attempts: 2, Doc: []byte("\x00\xff")}
	all := store.Notification{Doc: []byte{}}
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(store.PutNotification(ctx, tx, here, store.Notification{Bucket: "b", Version: 1, Doc: []byte("x")}), store.PutNotification(ctx, tx, here, full),
			store.PutNotification(ctx, tx, here, all), store.PutNotification(ctx, tx, there, store.Notification{Bucket: "c", ReadAt: when(1)}))
	})
	view(t, db, func(ctx context.Context, tx store.Tx) error {
		for _, want := range []store.Notification{full, all} {
			got, err := store.GetNotification(ctx, tx, here, want.Bucket)
			if err != nil {
				return err
			}
			equal(t, "notification", want, got)
		}
		n, err := store.CountNotifications(ctx, tx, here)
		equal(t, "how many", int64(2), n)
		return err
	})
	wantError(t, db, store.ErrNotFound, func(ctx context.Context, tx store.Tx) error {
		_, err := store.GetNotification(ctx, tx, here, "c")
		return err
	})
	wantError(t, db, store.ErrInvalid, func(ctx context.Context, tx store.Tx) error {
		return store.PutNotification(ctx, tx, here, store.Notification{Bucket: "\x00"})
	})
	update(t, db, func(ctx context.Context, tx store.Tx) error { return store.DeleteNotification(ctx, tx, here, "b") })
	wantError(t, db, store.ErrNotFound, func(ctx context.Context, tx store.Tx) error { return store.DeleteNotification(ctx, tx, here, "b") })
}

func testNotificationClaims(t *testing.T, db store.DB) {
	next := func(read, count int64) {
		t.Helper()
		view(t, db, func(ctx context.Context, tx store.Tx) error {
			gotRead, gotCount, err := store.NextNotification(ctx, tx, here)
			equal(t, "next", [2]int64{read, count}, [2]int64{gotRead, gotCount})
			return err
		})
	}
	names := func(rows []store.Notification) (names []string) {
		for _, n := range rows {
			names = append(names, n.Bucket)
		}
		return names
	}
	claim := func(now, until int64, limit int, want ...string) {
		t.Helper()
		update(t, db, func(ctx context.Context, tx store.Tx) error {
			rows, err := store.ClaimNotifications(ctx, tx, here, now, until, limit)
			for _, n := range rows {
				equal(t, "claimed until", until, n.ClaimedUntil)
			}
			equal(t, "claimed", want, names(rows))
			return err
		})
	}
	counts := func(now int64, limit int, want ...string) {
		t.Helper()
		update(t, db, func(ctx context.Context, tx store.Tx) error {
			rows, err := store.DueCounts(ctx, tx, here, now, limit)
			equal(t, "to count", want, names(rows))
			return err
		})
	}
	next(0, 0)
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(store.PutNotification(ctx, tx, here, store.Notification{Bucket: "counts", CountAt: when(10)}),
			store.PutNotification(ctx, tx, here, store.Notification{Bucket: "reads", ReadAt: when(20)}),
			store.PutNotification(ctx, tx, here, store.Notification{Bucket: "both", ReadAt: when(40), CountAt: when(20)}),
			store.PutNotification(ctx, tx, here, store.Notification{Bucket: "nothing"}),
			store.PutNotification(ctx, tx, there, store.Notification{Bucket: "theirs", ReadAt: when(1), CountAt: when(1)}))
	})
	next(20, 10)
	claim(19, 100, 9)
	claim(20, 100, 9, "reads")
	next(40, 10)
	claim(40, 90, 9, "both")
	next(90, 10)
	claim(89, 100, 9)
	claim(100, 200, 1, "both")
	claim(100, 200, 9, "reads")
	counts(9, 9)
	counts(20, 1, "both")
	counts(20, 9, "both", "counts")
	next(200, 10)
	update(t, db, func(ctx context.Context, tx store.Tx) error { return store.ReleaseNotifications(ctx, tx, here) })
	next(20, 10)
	claim(40, 200, 9, "both", "reads")
}
