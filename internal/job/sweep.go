package job

import (
	"context"
	"errors"
	"time"

	"github.com/magpie-sec/magpie/internal/store"
)

// sighting is what a sweeper last saw of a running shard.
type sighting struct {
	attempt int64
	lease   time.Time
	since   time.Time // when it first saw just this, by its own clock
}

// sweepBatch bounds how many rows one step of a sweep deals with.
const sweepBatch = 500

// errLost is the last error of a shard whose worker went silent.
var errLost = errors.New("its worker went silent: killed, cut off from the database, or too busy to renew the lease")

// sweepLoop sweeps every third of a lease, and in between lets the waiting go on when their time has come, until ctx is done.
func (e *Engine) sweepLoop(ctx context.Context) {
	sweepAt := e.now()
	wakeAt := sweepAt
	for {
		select {
		case <-ctx.Done():
			return
		case due := <-e.sweepSoon:
			if due.Before(wakeAt) {
				wakeAt = due
			}
			continue
		case <-e.cfg.Clock.After(wakeAt.Sub(e.now())):
		}
		var err error
		if now := e.now(); !now.Before(sweepAt) {
			err = e.sweep(ctx)
			sweepAt = now.Add(e.cfg.Lease / 3)
		}
		due, waitErr := e.sweepWaiting(ctx)
		if err = errors.Join(err, waitErr); err != nil && ctx.Err() == nil {
			e.log.Warn("sweep failed; trying again in a third of a lease", "error", err.Error())
		}
		wakeAt = sweepAt
		if due.Before(wakeAt) {
			wakeAt = due
		}
		// Shards that wait one after the other are taken together.
		if soonest := e.now().Add(e.cfg.Lease / 100); wakeAt.Before(soonest) {
			wakeAt = soonest
		}
	}
}

// wakeSweeperAt makes the sweeper look for waiting shards at the given time at the latest. If it has been told so often that it did not
// come to look yet, it will find this one too.
func (e *Engine) wakeSweeperAt(due time.Time) {
	select {
	case e.sweepSoon <- due:
	default:
	}
}

// sweep returns what dead workers held, completes runs that nobody completed, makes hints for claimable work that nobody claims, and
// counts what is left to do.
func (e *Engine) sweep(ctx context.Context) error {
	return errors.Join(e.sweepLost(ctx), e.sweepUnfinished(ctx), e.nudge(ctx), e.measure(ctx))
}

// sweepLost returns the shards whose lease has not changed for a whole lease.
func (e *Engine) sweepLost(ctx context.Context) error {
	running, err := e.runningShards(ctx)
	if err != nil {
		return err
	}
	now := e.now()
	seen := make(map[int64]sighting, len(running))
	var errs []error
	for _, s := range running {
		if e.holds(held{s.ID, s.Attempt}) {
			continue
		}
		old, ok := e.sightings[s.ID]
		if !ok || old.attempt != s.Attempt || !old.lease.Equal(s.LeaseUntil) || now.Before(old.since) {
			old = sighting{s.Attempt, s.LeaseUntil, now}
		}
		seen[s.ID] = old
		if now.Sub(old.since) >= e.cfg.Lease {
			if err := e.returnLost(ctx, s); err != nil {
				errs = append(errs, err)
			}
		}
	}
	e.sightings = seen
	return errors.Join(errs...)
}

// runningShards lists the running shards of everybody, without their payloads and cursors.
func (e *Engine) runningShards(ctx context.Context) ([]Shard, error) {
	var list []Shard
	err := e.view(ctx, func(tx store.Tx) error {
		list = nil
		return store.Each(ctx, tx, `
			SELECT id, account, region, job_id, run_id, shard_key, kind, bucket, priority, attempt, failures, worker, lease_until
			FROM shards WHERE state = 'running' ORDER BY id`, nil,
			func(rows store.Rows) error {
				s := Shard{State: Running}
				var priority, lease int64
				err := rows.Scan(&s.ID, &s.Account, &s.Region, &s.JobID, &s.RunID, &s.Key, &s.Kind, &s.Bucket, &priority, &s.Attempt,
					&s.Failures, &s.Worker, &lease)
				s.Priority, s.LeaseUntil = int(priority), time.UnixMilli(lease).UTC()
				list = append(list, s)
				return err
			})
	})
	return list, err
}

// returnLost makes a lost shard claimable again: at once the first time, after a backoff if it was lost or failed before, and never if it
// was too often, because then it may be what kills its workers.
func (e *Engine) returnLost(ctx context.Context, s Shard) error {
	failures := s.Failures + 1
	if failures >= int64(e.cfg.MaxFailures) {
		err := e.closeShard(ctx, closing{run: s.RunRef, id: s.ID, attempt: s.Attempt, state: Dead, failure: errLost.Error()})
		if err == nil {
			e.metrics.swept(s, true)
			e.log.Error("shard was lost too often and is given up", "job", s.JobID, "run", s.RunID, "shard", s.ID, "failures", failures)
			return nil
		}
		if errors.Is(err, ErrFenced) {
			return nil
		}
		if !isEnd(err) && !isFinish(err) {
			return err
		}
	}
	state, due := Ready, int64(0)
	if failures > 1 {
		state, due = Waiting, e.now().Add(e.cfg.Backoff.after(failures-1, e.cfg.Random())).UnixMilli()
	}
	returned := false
	err := e.update(ctx, func(tx store.Tx) error {
		n, err := tx.Exec(ctx, `
			UPDATE shards SET state = $4, not_before = $5, failures = failures + 1, last_error = $6, updated_at = $7
			WHERE id = $1 AND attempt = $2 AND state = 'running' AND lease_until = $3`,
			s.ID, s.Attempt, s.LeaseUntil.UnixMilli(), string(state), due, errLost.Error(), e.millis())
		returned = n > 0
		if err != nil || n == 0 || state == Waiting {
			return err
		}
		return e.cfg.Dispatcher.Enqueue(ctx, tx, []Hint{{ShardID: s.ID, Attempt: s.Attempt, Priority: s.Priority}})
	})
	if err != nil || !returned {
		return err
	}
	if state == Waiting {
		e.wakeSweeperAt(time.UnixMilli(due))
	}
	e.cfg.Dispatcher.Wake()
	e.metrics.swept(s, false)
	e.log.Warn("shard returned because its worker went silent", "job", s.JobID, "run", s.RunID, "shard", s.ID, "silent", s.Worker)
	return nil
}

// recoverAll returns every running shard at once.
func (e *Engine) recoverAll(ctx context.Context) error {
	running, err := e.runningShards(ctx)
	if err != nil {
		return err
	}
	for _, s := range running {
		if err := e.returnLost(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// sweepWaiting makes the waiting shards ready whose time has come, and returns when the next one's comes, at most a lease from now.
func (e *Engine) sweepWaiting(ctx context.Context) (time.Time, error) {
	for {
		due := e.now().Add(e.cfg.Lease)
		var earliest *int64
		err := e.view(ctx, func(tx store.Tx) error {
			return store.One(ctx, tx, `SELECT MIN(not_before) FROM shards WHERE state = 'waiting'`, nil, &earliest)
		})
		if err != nil || earliest == nil {
			return due, err
		}
		if first := time.UnixMilli(*earliest); first.After(e.now()) {
			if first.Before(due) {
				due = first
			}
			return due, nil
		}
		if err := e.releaseWaiting(ctx); err != nil {
			return due, err
		}
	}
}

// releaseWaiting makes a batch of waiting shards ready whose time has come.
func (e *Engine) releaseWaiting(ctx context.Context) error {
	err := e.update(ctx, func(tx store.Tx) error {
		hints, err := scanHints(ctx, tx, `
			UPDATE shards SET state = 'ready', not_before = 0, updated_at = $1
			WHERE id IN (SELECT id FROM shards WHERE state = 'waiting' AND not_before <= $1 ORDER BY not_before, id LIMIT $2`+
			store.ForUpdateSkipLocked(tx)+`)
			RETURNING id, attempt, priority`, []any{e.millis(), int64(sweepBatch)})
		if err != nil || len(hints) == 0 {
			return err
		}
		return e.cfg.Dispatcher.Enqueue(ctx, tx, hints)
	})
	if err == nil {
		e.cfg.Dispatcher.Wake()
	}
	return err
}

// sweepUnfinished completes running runs without unfinished shards: those whose last worker died before it looked.
func (e *Engine) sweepUnfinished(ctx context.Context) error {
	var over []RunRef
	err := e.view(ctx, func(tx store.Tx) error {
		over = nil
		return store.Each(ctx, tx, `
			SELECT r.account, r.region, r.job_id, r.run_id FROM runs r
			WHERE r.state = 'running' AND NOT EXISTS (
				SELECT 1 FROM shards s WHERE s.account = r.account AND s.region = r.region AND s.job_id = r.job_id AND s.run_id = r.run_id
				AND s.`+unfinished+`)`, nil,
			func(rows store.Rows) error {
				var ref RunRef
				if err := rows.Scan(&ref.Account, &ref.Region, &ref.JobID, &ref.RunID); err != nil {
					return err
				}
				over = append(over, ref)
				return nil
			})
	})
	errs := []error{err}
	for _, ref := range over {
		errs = append(errs, e.finishIfOver(ctx, ref))
	}
	return errors.Join(errs...)
}

// nudge makes hints for claimable work if this engine has idle slots: the net below hints that were lost.
func (e *Engine) nudge(ctx context.Context) error {
	e.heldMu.Lock()
	idle := e.cfg.Slots - len(e.held)
	e.heldMu.Unlock()
	if idle <= 0 || e.Stopping() {
		return nil
	}
	err := e.update(ctx, func(tx store.Tx) error { return e.nudges(ctx, tx, nil, idle) })
	e.cfg.Dispatcher.Wake()
	return err
}

// measure counts the unfinished shards of running runs, and the dead ones, for the metrics.
func (e *Engine) measure(ctx context.Context) error {
	if e.cfg.Registerer == nil {
		return nil
	}
	depth := map[ShardState]int64{Ready: 0, Running: 0, Waiting: 0}
	var dead int64
	err := e.view(ctx, func(tx store.Tx) error {
		if err := store.One(ctx, tx, `SELECT COUNT(*) FROM shards WHERE state = 'dead'`, nil, &dead); err != nil {
			return err
		}
		return store.Each(ctx, tx, `
			SELECT s.state, COUNT(*) FROM runs r JOIN shards s
			ON s.account = r.account AND s.region = r.region AND s.job_id = r.job_id AND s.run_id = r.run_id
			AND s.`+unfinished+`
			WHERE r.state = 'running' GROUP BY s.state`, nil,
			func(rows store.Rows) error {
				var state string
				var n int64
				err := rows.Scan(&state, &n)
				depth[ShardState(state)] = n
				return err
			})
	})
	if err == nil {
		e.metrics.setDepth(depth, dead)
	}
	return err
}
