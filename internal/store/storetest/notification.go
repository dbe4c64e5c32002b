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
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(store.LookAgain(ctx, tx, here, "b", 6), store.LookAgain(ctx, tx, here, "none", 6))
	})
	view(t, db, func(ctx context.Context, tx store.Tx) error {
		got, err := store.GetNotification(ctx, tx, here, "b")
		want := full
		want.CountAt, want.ClaimedUntil, want.Attempts = when(6), 0, 3
		equal(t, "to be looked at again", want, got)
		return err
	})
	update(t, db, func(ctx context.Context, tx store.Tx) error { return store.DeleteNotification(ctx, tx, here, "b") })
	wantError(t, db, store.ErrNotFound, func(ctx context.Context, tx store.Tx) error { return store.DeleteNotification(ctx, tx, here, "b") })
	for want, n := range map[int64]store.Notification{0: {}, 7: {ReadAt: when(7)}, 5: {CountAt: when(5)}, 3: {ReadAt: when(3), CountAt: when(4)}, 2: {ReadAt: when(3), CountAt: when(2)}} {
		equal(t, "due", want, n.DueAt())
	}
}

func testNotificationClaims(t *testing.T, db store.DB) {
	next := func(want int64) {
		t.Helper()
		view(t, db, func(ctx context.Context, tx store.Tx) error {
			at, err := store.NextNotification(ctx, tx, here)
			equal(t, "next", want, at)
			return err
		})
	}
	claim := func(now, until int64, limit int, want ...string) {
		t.Helper()
		update(t, db, func(ctx context.Context, tx store.Tx) error {
			rows, err := store.ClaimNotifications(ctx, tx, here, now, until, limit)
			var got []string
			for _, n := range rows {
				got = append(got, n.Bucket)
				equal(t, "claimed until", until, n.ClaimedUntil)
			}
			equal(t, "claimed", want, got)
			return err
		})
	}
	next(0)
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(store.PutNotification(ctx, tx, here, store.Notification{Bucket: "counts", CountAt: when(10)}),
			store.PutNotification(ctx, tx, here, store.Notification{Bucket: "reads", ReadAt: when(20)}),
			store.PutNotification(ctx, tx, here, store.Notification{Bucket: "both", ReadAt: when(40), CountAt: when(20)}),
			store.PutNotification(ctx, tx, here, store.Notification{Bucket: "nothing"}),
			store.PutNotification(ctx, tx, there, store.Notification{Bucket: "theirs", ReadAt: when(1)}))
	})
	next(10)
	claim(9, 100, 9)
	claim(20, 100, 1, "reads")
	next(10)
	claim(20, 90, 9, "both", "counts")
	next(90)
	claim(50, 100, 9)
	claim(90, 200, 9, "both", "counts")
	update(t, db, func(ctx context.Context, tx store.Tx) error { return store.ReleaseNotifications(ctx, tx, here) })
	next(10)
	claim(40, 200, 9, "both", "reads", "counts")
}
