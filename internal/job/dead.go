package job

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/magpie-sec/magpie/internal/store"
)

// DeadOf lists the shards of a job that failed for good, of all its runs, by id behind the given one, at most limit, without their payloads
// and cursors. An empty job id means every job of the tenant.
func DeadOf(ctx context.Context, tx store.Tx, tenant store.Tenant, jobID string, after int64, limit int) ([]Shard, error) {
	var shards []Shard
	// The index on (state, ...) has the few dead ones together.
	err := store.Each(ctx, tx, `
		SELECT id, job_id, run_id, shard_key, kind, bucket, attempt, failures, last_error, objects, listed, updated_at FROM shards
		WHERE state = 'dead' AND account = $1 AND region = $2 AND ($3 = '' OR job_id = $3) AND id > $4 ORDER BY id LIMIT $5`,
		[]any{tenant.Account, tenant.Region, jobID, after, int64(limit)}, func(rows store.Rows) error {
			s := Shard{State: Dead, RunRef: RunRef{Tenant: tenant}}
			var updated int64
			err := rows.Scan(&s.ID, &s.JobID, &s.RunID, &s.Key, &s.Kind, &s.Bucket, &s.Attempt, &s.Failures, &s.LastError, &s.Counters.Objects,
				&s.Counters.Listed, &updated)
			s.UpdatedAt = time.UnixMilli(updated).UTC()
			shards = append(shards, s)
			return err
		})
	return shards, err
}

// RetryDead gives the dead shards of a run another chance: they go on from their last commits, with no failures counted. A run that was
// complete is running again, and when its last shard is closed [Handler.RunFinished] is called again; a cancelled one is left alone and an
// error says so. retried is how many shards there were, and reopened whether the run was complete. Idle engines find the work when they
// next look by themselves, within a third of a lease.
func RetryDead(ctx context.Context, tx store.Tx, ref RunRef, now int64) (retried int64, reopened bool, err error) {
	state, err := lockRun(ctx, tx, ref, true)
	if err != nil {
		return 0, false, err
	}
	if state == RunCancelled {
		return 0, false, fmt.Errorf("run %s of job %s is cancelled: %w", ref.RunID, ref.JobID, store.ErrInvalid)
	}
	retried, err = tx.Exec(ctx, `
		UPDATE shards SET state = 'ready', failures = 0, not_before = 0, updated_at = $5
		WHERE account = $1 AND region = $2 AND job_id = $3 AND run_id = $4 AND state = 'dead'`, append(ref.args(), now)...)
	if err != nil || retried == 0 || state != RunComplete {
		return retried, false, err
	}
	// What the handler noted stays: a bucket that may not be listed is not cured by this.
	_, err = tx.Exec(ctx, `
		UPDATE runs SET state = 'running', finished_at = NULL, folded = 0, emptied = 0, error_message = CASE WHEN error_code = $5 THEN '' ELSE error_message END,
			error_code = CASE WHEN error_code = $5 THEN '' ELSE error_code END
		WHERE account = $1 AND region = $2 AND job_id = $3 AND run_id = $4`, append(ref.args(), ErrorShardsDead)...)
	return retried, true, err
}

// GiveUp counts, in the transaction of [Handler.RunFinished], what the handler gives up since shards of the run are dead: no shard has counted it. A
// shard that deals with it after all when the dead ones are tried again takes it back, by a [Attempt.Commit] whose counters are less by as much.
func GiveUp(ctx context.Context, tx store.Tx, ref RunRef, given Counters) error {
	totals, err := foldedTotals(ctx, tx, ref)
	if err != nil {
		return err
	}
	totals.add(given)
	doc, err := json.Marshal(totals)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE runs SET totals = $5 WHERE account = $1 AND region = $2 AND job_id = $3 AND run_id = $4`, append(ref.args(), doc)...)
	return err
}
