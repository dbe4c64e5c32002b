package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/magpie-sec/magpie/internal/store"
)

// Fold deletes up to limit done shards of a kind of a run that is over, and keeps their counters and number in the run's row, so that
// [RunTotals] says what it did. It returns how many there were; none of a run that is not over.
func Fold(ctx context.Context, tx store.Tx, ref RunRef, kind string, limit int) (int64, error) {
	state, err := lockRun(ctx, tx, ref, true)
	if err != nil || state != RunComplete && state != RunCancelled {
		return 0, err
	}
	totals, err := foldedTotals(ctx, tx, ref)
	if err != nil {
		return 0, err
	}
	folded := int64(0)
	err = store.Each(ctx, tx, `
		DELETE FROM shards WHERE id IN (SELECT id FROM shards
			WHERE account = $1 AND region = $2 AND job_id = $3 AND run_id = $4 AND state = 'done' AND kind = $5 LIMIT $6)
		RETURNING objects, bytes, classified, skipped, findings, listed`, append(ref.args(), kind, int64(limit)),
		func(rows store.Rows) error {
			var c Counters
			if err := rows.Scan(&c.Objects, &c.Bytes, &c.Classified, &c.Skipped, &c.Findings, &c.Listed); err != nil {
				return err
			}
			totals.add(c)
			totals.Done++
			folded++
			return nil
		})
	if err != nil || folded == 0 {
		return 0, err
	}
	doc, err := json.Marshal(totals)
	if err != nil {
		return 0, err
	}
	_, err = tx.Exec(ctx, `UPDATE runs SET totals = $5 WHERE account = $1 AND region = $2 AND job_id = $3 AND run_id = $4`, append(ref.args(), doc)...)
	return folded, err
}

// foldedTotals returns the totals of a run's shards that were folded.
func foldedTotals(ctx context.Context, tx store.Tx, ref RunRef) (Totals, error) {
	var doc []byte
	err := store.One(ctx, tx, `SELECT totals FROM runs WHERE account = $1 AND region = $2 AND job_id = $3 AND run_id = $4`, ref.args(), &doc)
	if errors.Is(err, store.ErrNotFound) || err == nil && doc == nil {
		return Totals{}, nil
	}
	var t Totals
	if err == nil {
		err = json.Unmarshal(doc, &t)
	}
	if err != nil {
		return Totals{}, fmt.Errorf("totals of run %s of job %s: %w", ref.RunID, ref.JobID, err)
	}
	return t, nil
}
