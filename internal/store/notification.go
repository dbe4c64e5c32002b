package store

import "context"

// A Notification says that a bucket's store has told of changes that are still to be looked at. There is one for each bucket, however much is
// told. The bucket "" stands for all buckets of the tenant.
type Notification struct {
	Bucket       string
	Version      int64  // rises with whatever is told
	ReadAt       *int64 // when the configuration is to be read; nil: nothing was told of it
	CountAt      *int64 // when the objects are to be counted
	ClaimedUntil int64  // until then a server reads the configuration
	Attempts     int64  // that failed
	Doc          []byte // what the service keeps of what was told
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

// ClaimNotifications returns up to limit rows of a tenant whose configuration is to be read and that nobody reads, and claims them until a time:
// whoever claimed them has as long to read before another does.
func ClaimNotifications(ctx context.Context, tx Tx, t Tenant, now, until int64, limit int) ([]Notification, error) {
	out, err := notifications(ctx, tx, t, "claimed_until <= $3 AND read_at <= $3", now, limit)
	if err != nil {
		return nil, err
	}
	for i := range out {
		out[i].ClaimedUntil = until
		_, err := tx.Exec(ctx, "UPDATE notifications SET claimed_until = $4 WHERE account = $1 AND region = $2 AND bucket = $3",
			t.Account, t.Region, out[i].Bucket, until)
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// DueCounts returns up to limit rows of a tenant whose objects are to be counted, and holds them until the transaction ends. Whoever counts
// moves CountAt to when another may.
func DueCounts(ctx context.Context, tx Tx, t Tenant, now int64, limit int) ([]Notification, error) {
	return notifications(ctx, tx, t, "count_at <= $3", now, limit)
}

// notifications returns rows in the order of the buckets; $3 in where is the time.
func notifications(ctx context.Context, tx Tx, t Tenant, where string, now int64, limit int) (out []Notification, err error) {
	err = Each(ctx, tx, "SELECT "+notificationColumns+" FROM notifications WHERE account = $1 AND region = $2 AND "+where+" ORDER BY bucket LIMIT $4"+
		ForUpdateSkipLocked(tx), []any{t.Account, t.Region, now, int64(limit)}, func(rows Rows) error {
		var n Notification
		err := rows.Scan(n.destinations()...)
		out = append(out, n)
		return err
	})
	return out, err
}

// NextNotification returns when there will be something to read and to count for a tenant, 0 if nothing waits.
func NextNotification(ctx context.Context, tx Tx, t Tenant) (read, count int64, err error) {
	var reads, counts *int64
	err = One(ctx, tx, `SELECT MIN(CASE WHEN read_at < claimed_until THEN claimed_until ELSE read_at END), MIN(count_at) FROM notifications
		WHERE account = $1 AND region = $2`, []any{t.Account, t.Region}, &reads, &counts)
	if reads != nil {
		read = *reads
	}
	if counts != nil {
		count = *counts
	}
	return read, count, err
}

// ReleaseNotifications takes all claims back: those of a server that is gone, where there is one server.
func ReleaseNotifications(ctx context.Context, tx Tx, t Tenant) error {
	_, err := tx.Exec(ctx, "UPDATE notifications SET claimed_until = 0 WHERE account = $1 AND region = $2 AND claimed_until > 0", t.Account, t.Region)
	return err
}
