package job

import (
	"context"

	"github.com/magpie-sec/magpie/internal/store"
)

// Counters count what committed work has done. A [Attempt.Commit] adds to them; they never go down.
type Counters struct {
	Objects    int64 // objects dealt with: classified, skipped or failed for good
	Bytes      int64 // bytes of their contents that were read
	Classified int64 // objects that were classified
	Skipped    int64 // objects that could not be classified, with a reason on record
	Findings   int64 // findings made
	Listed     int64 // objects found by listing that are to be dealt with
}

func (c *Counters) add(other Counters) {
	c.Objects += other.Objects
	c.Bytes += other.Bytes
	c.Classified += other.Classified
	c.Skipped += other.Skipped
	c.Findings += other.Findings
	c.Listed += other.Listed
}

// Totals are the sums over the committed rows of a run's shards.
type Totals struct {
	Counters
	Ready, Running, Waiting, Done, Dead int64 // shards by state
}

// Shards returns how many shards the run has so far.
func (t Totals) Shards() int64 { return t.Unfinished() + t.Done + t.Dead }

// Unfinished returns how many shards are neither done nor dead.
func (t Totals) Unfinished() int64 { return t.Ready + t.Running + t.Waiting }

// RunTotals sums over the shards of a run, those that were folded ([Fold]) among them. A run that does not exist has zero totals.
func RunTotals(ctx context.Context, tx store.Tx, ref RunRef) (Totals, error) {
	t, err := foldedTotals(ctx, tx, ref)
	if err != nil {
		return t, err
	}
	err = store.Each(ctx, tx, `
		SELECT state, COUNT(*), CAST(SUM(objects) AS BIGINT), CAST(SUM(bytes) AS BIGINT), CAST(SUM(classified) AS BIGINT),
		       CAST(SUM(skipped) AS BIGINT), CAST(SUM(findings) AS BIGINT), CAST(SUM(listed) AS BIGINT)
		FROM shards WHERE account = $1 AND region = $2 AND job_id = $3 AND run_id = $4 GROUP BY state`,
		ref.args(),
		func(rows store.Rows) error {
			var state string
			var n int64
			var c Counters
			if err := rows.Scan(&state, &n, &c.Objects, &c.Bytes, &c.Classified, &c.Skipped, &c.Findings, &c.Listed); err != nil {
				return err
			}
			t.add(c)
			switch ShardState(state) {
			case Ready:
				t.Ready += n
			case Running:
				t.Running += n
			case Waiting:
				t.Waiting += n
			case Done:
				t.Done += n
			case Dead:
				t.Dead += n
			}
			return nil
		})
	return t, err
}
