package store

import (
	"context"
	"fmt"
)

// OutboxRow is an event that is still to be published by a sink.
type OutboxRow struct {
	ID        int64 // given by the store
	Tenant    Tenant
	Sink      string
	MergeKey  string // an event of the same tenant, sink and key that still waits is replaced by this one; "" for none
	Version   int64  // rises when the row is replaced
	NotBefore int64
	Attempts  int64 // that failed
	CreatedAt int64
	Doc       []byte
}

// PutOutbox adds events in their order. One that replaces another keeps its place and its time.
func PutOutbox(ctx context.Context, tx Tx, rows []OutboxRow) error {
	var plain [][]any // those since the last that may replace another
	flush := func() error {
		err := insertRows(ctx, tx, "INSERT INTO outbox (account, region, sink, not_before, created_at, doc) VALUES ", "", plain, nil)
		plain = plain[:0]
		return err
	}
	for _, r := range rows {
		if r.MergeKey == "" {
			plain = append(plain, []any{r.Tenant.Account, r.Tenant.Region, r.Sink, r.NotBefore, r.CreatedAt, document(r.Doc)})
			continue
		}
		if err := flush(); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO outbox (account, region, sink, merge_key, not_before, created_at, doc) VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (account, region, sink, merge_key) DO UPDATE SET doc = excluded.doc, version = outbox.version + 1`,
			r.Tenant.Account, r.Tenant.Region, r.Sink, BoundKey([]byte(r.MergeKey)), r.NotBefore, r.CreatedAt, document(r.Doc))
		if err != nil {
			return err
		}
	}
	return flush()
}

// ClaimOutbox returns up to limit events of a sink whose time has come, the oldest first, and puts them off until a time: whoever claimed them
// has as long to publish them before another does.
func ClaimOutbox(ctx context.Context, tx Tx, sink string, now, until int64, limit int) ([]OutboxRow, error) {
	var out []OutboxRow
	err := Each(ctx, tx, `SELECT id, account, region, version, not_before, attempts, created_at, doc FROM outbox WHERE sink = $1 AND not_before <= $2
		ORDER BY not_before, id LIMIT $3`+ForUpdate(tx), []any{sink, now, int64(limit)}, func(rows Rows) error {
		r := OutboxRow{Sink: sink}
		err := rows.Scan(&r.ID, &r.Tenant.Account, &r.Tenant.Region, &r.Version, &r.NotBefore, &r.Attempts, &r.CreatedAt, &r.Doc)
		out = append(out, r)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, r := range out {
		if _, err := tx.Exec(ctx, "UPDATE outbox SET not_before = $2 WHERE id = $1", r.ID, until); err != nil {
			return nil, fmt.Errorf("claim event %d: %w", r.ID, err)
		}
	}
	return out, nil
}

// PublishedOutbox removes an event that was published. If it has been replaced since it was claimed, the new one stays and is due at a time.
func PublishedOutbox(ctx context.Context, tx Tx, r OutboxRow, next int64) error {
	n, err := tx.Exec(ctx, "DELETE FROM outbox WHERE id = $1 AND version = $2", r.ID, r.Version)
	if err != nil || n > 0 {
		return err
	}
	_, err = tx.Exec(ctx, "UPDATE outbox SET not_before = $2, attempts = 0 WHERE id = $1", r.ID, next)
	return err
}

// DeferOutbox puts an event off that could not be published.
func DeferOutbox(ctx context.Context, tx Tx, r OutboxRow, until int64) error {
	_, err := tx.Exec(ctx, "UPDATE outbox SET not_before = $2, attempts = attempts + 1 WHERE id = $1", r.ID, until)
	return err
}

// CountOutbox returns how many events of a sink wait.
func CountOutbox(ctx context.Context, tx Tx, sink string) (n int64, err error) {
	err = One(ctx, tx, "SELECT COUNT(*) FROM outbox WHERE sink = $1", []any{sink}, &n)
	return n, err
}
