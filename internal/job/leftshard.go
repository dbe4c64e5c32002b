package job

import (
	"context"

	"github.com/magpie-sec/magpie/internal/store"
)

// A DeadShard is a shard that failed for good, with what was left of it.
type DeadShard struct {
	ID              int64
	Kind, Bucket    string
	Payload, Cursor []byte
	LastError       string
}

// DeadShards returns up to limit shards of a kind ("" is any) of a run that failed for good, behind a place in the order of their ids; 0 is before the first.
func DeadShards(ctx context.Context, tx store.Tx, ref RunRef, kind string, after int64, limit int) (dead []DeadShard, err error) {
	err = store.Each(ctx, tx, `
		SELECT id, kind, bucket, payload, cursor, last_error FROM shards
		WHERE account = $1 AND region = $2 AND job_id = $3 AND run_id = $4 AND state = 'dead' AND ($5 = '' OR kind = $5) AND id > $6 ORDER BY id LIMIT $7`,
		append(ref.args(), kind, after, int64(limit)), func(rows store.Rows) error {
			var d DeadShard
			err := rows.Scan(&d.ID, &d.Kind, &d.Bucket, &d.Payload, &d.Cursor, &d.LastError)
			dead = append(dead, d)
			return err
		})
	return dead, err
}

// An OpenShard is a shard that is neither done nor dead.
type OpenShard struct {
	Bucket string
	Listed int64 // objects that it has found so far
}

// OpenShards returns the shards of a kind of a run that are neither done nor dead, up to limit.
func OpenShards(ctx context.Context, tx store.Tx, ref RunRef, kind string, limit int) (open []OpenShard, err error) {
	err = store.Each(ctx, tx, `
		SELECT bucket, listed FROM shards
		WHERE account = $1 AND region = $2 AND job_id = $3 AND run_id = $4 AND `+unfinished+` AND kind = $5 ORDER BY id LIMIT $6`,
		append(ref.args(), kind, int64(limit)), func(rows store.Rows) error {
			var s OpenShard
			err := rows.Scan(&s.Bucket, &s.Listed)
			open = append(open, s)
			return err
		})
	return open, err
}
