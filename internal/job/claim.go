package job

import (
	"cmp"
	"context"
	"slices"

	"github.com/magpie-sec/magpie/internal/store"
)

// candidate is a running run with something to claim.
type candidate struct {
	ref      RunRef
	priority int64  // of its best ready shard
	busy     int64  // its shards at work, everywhere
	served   uint64 // when this process last claimed from it, as a count of claims
}

// claim takes the shard whose turn it is: of the highest priority, of the run with the fewest shards at work, of the run that this process
// served longest ago. Of that run it takes the shard that the hint names if it may, so that workers who were woken together do not all reach
// for the same one. It returns nil if nothing is claimable.
func (e *Engine) claim(ctx context.Context, hint Hint) (*Attempt, error) {
	// One claim at a time in a process: claims that overlap choose the same run, and on PostgreSQL the later ones would begin again.
	e.claimMu.Lock()
	defer e.claimMu.Unlock()
	var shard Shard
	var found bool
	err := e.update(ctx, func(tx store.Tx) error {
		found = false
		candidates, err := e.candidates(ctx, tx)
		if err != nil {
			return err
		}
		for _, c := range candidates {
			shard, found, err = e.claimFrom(ctx, tx, c, hint.ShardID)
			if err != nil || found {
				return err
			}
		}
		return nil
	})
	if err != nil || !found {
		return nil, err
	}
	e.claims++
	e.served[shard.RunRef] = e.claims
	return e.hold(shard), nil
}

// candidates lists the runs with ready shards in the order in which they are to be served.
func (e *Engine) candidates(ctx context.Context, tx store.Tx) ([]candidate, error) {
	const ofRun = ` FROM shards s WHERE s.account = r.account AND s.region = r.region AND s.job_id = r.job_id AND s.run_id = r.run_id`
	var list []candidate
	known := make(map[RunRef]uint64)
	err := store.Each(ctx, tx, `
		SELECT r.account, r.region, r.job_id, r.run_id,
		       (SELECT s.priority`+ofRun+` AND s.state = 'ready' ORDER BY s.priority, s.id LIMIT 1),
		       (SELECT COUNT(*)`+ofRun+` AND s.state = 'running')
		FROM runs r WHERE r.state = 'running'`, nil,
		func(rows store.Rows) error {
			var c candidate
			var priority *int64
			if err := rows.Scan(&c.ref.Account, &c.ref.Region, &c.ref.JobID, &c.ref.RunID, &priority, &c.busy); err != nil {
				return err
			}
			c.served = e.served[c.ref]
			known[c.ref] = c.served
			if priority != nil {
				c.priority = *priority
				list = append(list, c)
			}
			return nil
		})
	if err != nil {
		return nil, err
	}
	e.served = known // forgets the runs that are over
	slices.SortFunc(list, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.priority, b.priority), cmp.Compare(a.busy, b.busy), cmp.Compare(a.served, b.served),
			cmp.Compare(a.ref.RunID, b.ref.RunID))
	})
	return list, nil
}

func (e *Engine) claimFrom(ctx context.Context, tx store.Tx, c candidate, named int64) (shard Shard, found bool, err error) {
	claim := func(which string, arg int64) error {
		return store.Each(ctx, tx, `
			UPDATE shards SET state = 'running', attempt = attempt + 1, worker = $5, lease_until = `+newLease("$6")+`, updated_at = $7
			WHERE state = 'ready' AND id = (
				SELECT id FROM shards
				WHERE account = $1 AND region = $2 AND job_id = $3 AND run_id = $4 AND state = 'ready' AND `+which+store.ForUpdateSkipLocked(tx)+`)
			RETURNING `+shardColumns,
			append(c.ref.args(), e.cfg.Worker, e.leaseMillis(), e.millis(), c.priority, arg),
			func(rows store.Rows) (err error) {
				shard, err = scanShard(rows)
				found = true
				return err
			})
	}
	if named != 0 {
		if err := claim(`priority = $8 AND id = $9`, named); err != nil || found {
			return shard, found, err
		}
	}
	err = claim(`priority >= $8 ORDER BY priority, id LIMIT $9`, 1) // >= rather than = so that PostgreSQL does not walk the primary key instead
	return shard, found, err
}
