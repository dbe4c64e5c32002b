package store

import (
	"context"
	"errors"
)

// CountReveal counts a request for samples of an object on a day (any number that grows from day to day), and reports whether it is within
// the limit of requests a day; one that is not is not counted. What was counted on earlier days is forgotten.
func CountReveal(ctx context.Context, tx Tx, t Tenant, day int64, bucket string, key []byte, limit int64) (within bool, err error) {
	var n int64
	err = One(ctx, tx, `INSERT INTO reveal_requests (account, region, day, bucket, object_key, requests) VALUES ($1, $2, $3, $4, $5, 1)
		ON CONFLICT (account, region, day, bucket, object_key) DO UPDATE SET requests = reveal_requests.requests + 1
		WHERE reveal_requests.requests < $6 RETURNING requests`, []any{t.Account, t.Region, day, bucket, BoundKey(document(key)), limit}, &n)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err == nil && n == 1 {
		_, err = tx.Exec(ctx, "DELETE FROM reveal_requests WHERE account = $1 AND region = $2 AND day < $3", t.Account, t.Region, day)
	}
	return err == nil, err
}
