package store

import (
	"context"
	"errors"
)

// A Notification says that a bucket's store has told of changes that are still to be looked at. There is one for each bucket, however much is
// told. The bucket "" stands for all buckets of the tenant.
type Notification struct {
	Bucket       string
	Version      int64  // rises with whatever is told
	ReadAt       *int64 // when the configuration is to be read; nil: nothing was told of it
	CountAt      *int64 // when the objects are to be counted
	ClaimedUntil int64  // until then a server looks
	Attempts     int64  // that failed
	Doc          []byte // what the service keeps of what was told
}

// DueAt is when there is something to do; 0 if never.
func (n *Notification) DueAt() int64 {
	switch {
	case n.ReadAt == nil && n.CountAt == nil:
		return 0
	case n.CountAt == nil || n.ReadAt != nil && *n.ReadAt < *n.CountAt:
		return *n.ReadAt
	}
	return *n.CountAt
}

const notificationColumns = "bucket, version, read_at, count_at, claimed_until, attempts, doc"

func (n *Notification) destinations() []any {
	return []any{&n.Bucket, &n.Version, &n.ReadAt, &n.CountAt, &n.ClaimedUntil, &n.Attempts, &n.Doc}
}

// GetNotification returns what was told of a bucket, [ErrNotFound] if nothing. In an Update it holds the row until the transaction ends.
func GetNotification(ctx context.Context, tx Tx, t Tenant, bucket string) (n Notification, err error) {
	err = One(ctx, tx, "SELECT "+notificationColumns+" FROM notifications WHERE account = $1 AND region = $2 AND bucket = $3"+ForUpdate(tx),
		[]any{t.Account, t.Region, bucket}, n.destinations()...)
	return n, err
}

// PutNotification makes or replaces the row of a bucket.
func PutNotification(ctx context.Context, tx Tx, t Tenant, n Notification) error {
	if err := CheckText("bucket name", n.Bucket); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `INSERT INTO notifications (account, region, bucket, version, read_at, count_at, claimed_until, attempts, doc)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (account, region, bucket) DO UPDATE SET version = $4, read_at = $5, count_at = $6, claimed_until = $7, attempts = $8, doc = $9`,
		t.Account, t.Region, n.Bucket, n.Version, n.ReadAt, n.CountAt, n.ClaimedUntil, n.Attempts, document(n.Doc))
	return err
}

// DeleteNotification deletes the row of a bucket; [ErrNotFound] if there is none.
func DeleteNotification(ctx context.Context, tx Tx, t Tenant, bucket string) error {
	return affectOne(tx.Exec(ctx, "DELETE FROM notifications WHERE account = $1 AND region = $2 AND bucket = $3", t.Account, t.Region, bucket))
}

// CountNotifications returns of how many buckets of a tenant something was told.
func CountNotifications(ctx context.Context, tx Tx, t Tenant) (n int64, err error) {
	err = One(ctx, tx, "SELECT COUNT(*) FROM notifications WHERE account = $1 AND region = $2", []any{t.Account, t.Region}, &n)
	return n, err
}

// ClaimNotifications returns up to limit rows of a tenant that are due and that nobody looks at, and claims them until a time: whoever claimed
// them has as long to look before another does. Those whose configuration is to be read come first.
func ClaimNotifications(ctx context.Context, tx Tx, t Tenant, now, until int64, limit int) ([]Notification, error) {
	var out []Notification
	err := Each(ctx, tx, "SELECT "+notificationColumns+` FROM notifications WHERE account = $1 AND region = $2 AND claimed_until <= $3
		AND (read_at <= $3 OR count_at <= $3) ORDER BY CASE WHEN read_at <= $3 THEN 0 ELSE 1 END, bucket LIMIT $4`+ForUpdateSkipLocked(tx),
		[]any{t.Account, t.Region, now, int64(limit)}, func(rows Rows) error {
			var n Notification
			err := rows.Scan(n.destinations()...)
			n.ClaimedUntil = until
			out = append(out, n)
			return err
		})
	if err != nil {
		return nil, err
	}
	for _, n := range out {
		_, err := tx.Exec(ctx, "UPDATE notifications SET claimed_until = $4 WHERE account = $1 AND region = $2 AND bucket = $3", t.Account, t.Region, n.Bucket, until)
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// NextNotification returns when there will be something to claim for a tenant, 0 if nothing waits.
func NextNotification(ctx context.Context, tx Tx, t Tenant) (at int64, err error) {
	var next *int64
	err = One(ctx, tx, `SELECT MIN(CASE WHEN due < claimed_until THEN claimed_until ELSE due END) FROM (SELECT claimed_until,
		CASE WHEN count_at IS NULL OR read_at < count_at THEN read_at ELSE count_at END AS due FROM notifications
		WHERE account = $1 AND region = $2 AND (read_at IS NOT NULL OR count_at IS NOT NULL)) AS waiting`, []any{t.Account, t.Region}, &next)
	if err != nil || next == nil {
		return 0, err
	}
	return *next, nil
}

// ReleaseNotifications takes all claims back: those of a server that is gone, where there is one server.
func ReleaseNotifications(ctx context.Context, tx Tx, t Tenant) error {
	_, err := tx.Exec(ctx, "UPDATE notifications SET claimed_until = 0 WHERE account = $1 AND region = $2 AND claimed_until > 0", t.Account, t.Region)
	return err
}

// LookAgain says that something was not found out: the claim ends, and the row is due again at a time.
func LookAgain(ctx context.Context, tx Tx, t Tenant, bucket string, at int64) error {
	n, err := GetNotification(ctx, tx, t, bucket)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, due := range []*int64{n.ReadAt, n.CountAt} {
		if due != nil {
			*due = max(*due, at)
		}
	}
	n.ClaimedUntil, n.Attempts = 0, n.Attempts+1
	return PutNotification(ctx, tx, t, n)
}
