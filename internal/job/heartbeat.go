package job

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/magpie-sec/magpie/internal/store"
)

// held names an attempt of this process.
type held struct {
	shard   int64
	attempt int64
}

// beatLoop renews the leases of this process's attempts every third of a lease, until ctx is done.
func (e *Engine) beatLoop(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.cfg.Clock.After(e.cfg.Lease / 3):
		}
		if err := e.beat(ctx); err != nil && ctx.Err() == nil {
			e.log.Warn("could not renew leases; trying again in a third of a lease", "error", err.Error())
		}
	}
}

// beat renews in one statement the leases of all attempts that did not just do so by committing, and ends those that may not go on.
func (e *Engine) beat(ctx context.Context) error {
	beating := e.dueForBeat()
	if len(beating) == 0 {
		return nil
	}
	type answer struct {
		attempt int64
		run     RunState
	}
	var answers map[int64]answer
	var sql strings.Builder
	args := []any{e.cfg.Worker, e.leaseMillis()}
	sql.WriteString(store.Once + `UPDATE shards SET lease_until = ` + newLease("$2") + ` WHERE worker = $1 AND state = 'running' AND id IN (`)
	for i, a := range beating {
		if i > 0 {
			sql.WriteByte(',')
		}
		args = append(args, a.ShardID)
		sql.WriteString("$" + strconv.Itoa(len(args)))
	}
	sql.WriteString(`) RETURNING id, attempt, (SELECT r.state FROM runs r WHERE r.account = shards.account AND r.region = shards.region
		AND r.job_id = shards.job_id AND r.run_id = shards.run_id)`)
	err := e.update(ctx, func(tx store.Tx) error {
		answers = make(map[int64]answer, len(beating))
		return store.Each(ctx, tx, sql.String(), args, func(rows store.Rows) error {
			var id, attempt int64
			var state string
			if err := rows.Scan(&id, &attempt, &state); err != nil {
				return err
			}
			answers[id] = answer{attempt, RunState(state)}
			return nil
		})
	})
	if err != nil {
		return err
	}
	for _, a := range beating {
		got, ok := answers[a.ShardID]
		switch {
		case !ok || got.attempt != a.Number:
			if !a.settling.Load() { // it has not just ended by itself
				e.metrics.fenced(a)
				a.cancel(ErrFenced)
			}
		case got.run != RunRunning:
			a.cancel(got.run.refusal())
		}
	}
	return nil
}

// dueForBeat lists the attempts whose lease no commit has renewed for a third of its length. Those in a transaction are left alone for
// another third: the transaction renews the lease, and a heartbeat would make it begin again.
func (e *Engine) dueForBeat() []*Attempt {
	e.heldMu.Lock()
	defer e.heldMu.Unlock()
	list := make([]*Attempt, 0, len(e.held))
	for _, a := range e.held {
		idle := e.sinceStart() - time.Duration(a.renewed.Load())
		patience := e.cfg.Lease / 3
		if a.inTx.Load() {
			patience *= 2
		}
		if a.settling.Load() || idle >= 0 && idle < patience {
			continue
		}
		list = append(list, a)
	}
	return list
}

func (e *Engine) holds(h held) bool {
	e.heldMu.Lock()
	defer e.heldMu.Unlock()
	_, ok := e.held[h]
	return ok
}
