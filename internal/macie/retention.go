package macie

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/store"
)

// Retention says how long after the last change what jobs leave behind is kept; 0 is for ever.
type Retention struct {
	Findings time.Duration // of any kind; they go with their details
	Results  time.Duration // what became of each object, since the end of the run
	Runs     time.Duration // the runs with everything but findings, since their end; the latest run of a job stays
}

// RetainerConfig says what a Retainer works with. DB and Log are required.
type RetainerConfig struct {
	DB     store.DB
	Keep   Retention
	Log    *slog.Logger
	Holder string           // names this process, unique among those alive
	Now    func() time.Time // nil means time.Now
}

// A Retainer deletes what is older than it is to be kept, a little at a time. Of several servers one does it at a time.
type Retainer struct{ cfg RetainerConfig }

// NewRetainer makes a Retainer.
func NewRetainer(c RetainerConfig) *Retainer {
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Retainer{c}
}

const (
	retainEvery  = time.Hour
	retainLease  = 5 * time.Minute
	retainBatch  = 500 // rows of a transaction
	retainPause  = 20 * time.Millisecond
	retainName   = "retention"
	foldedAfter  = 24 * time.Hour // what a run did in each shard is of use to whoever looks into it, for a while
	retainedRuns = 50             // that are asked for at a time
)

// foldedKinds are the kinds of shards that are folded into their runs. Those of listings stay: they tell what buckets a run was about.
var foldedKinds = []string{objectsShard, surveyShard, partShard, joinShard}

// Run works until ctx ends: at once, and then every hour.
func (r *Retainer) Run(ctx context.Context) {
	for {
		if err := r.Pass(ctx); err != nil && ctx.Err() == nil {
			r.cfg.Log.Warn("could not delete what is older than it is to be kept; trying again in an hour", "error", err.Error())
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(retainEvery):
		}
	}
}

// errNotHeld says that another server does it.
var errNotHeld = errors.New("another server holds the lease")

// Pass deletes what is too old by now. It does nothing while another server does it.
func (r *Retainer) Pass(ctx context.Context) error {
	now := r.cfg.Now()
	before := func(keep time.Duration) int64 { return now.Add(-keep).UnixMilli() }
	deleted := map[string]int64{}
	err := r.eachRun(ctx, store.RetiredShards, before(foldedAfter), r.fold)
	if err == nil && r.cfg.Keep.Results > 0 {
		err = r.eachRun(ctx, store.RetiredResults, before(r.cfg.Keep.Results), func(ctx context.Context, run store.RunPlace) error {
			needed, err := r.needed(ctx, run, 0)
			if err != nil || needed {
				return err
			}
			n, err := r.drain(ctx, func(tx store.Tx) (int64, error) { return store.DeleteRunResults(ctx, tx, run, retainBatch) })
			deleted["results"] += n
			if err != nil {
				return err
			}
			return r.step(ctx, func(tx store.Tx) error { return store.RunRetired(ctx, tx, run, store.RetiredResults) })
		})
	}
	if err == nil && r.cfg.Keep.Runs > 0 {
		err = r.eachRun(ctx, "", before(r.cfg.Keep.Runs), func(ctx context.Context, run store.RunPlace) error {
			needed, err := r.needed(ctx, run, 1)
			if err != nil || needed {
				return err
			}
			deleted["runs"]++
			for gone := false; !gone && err == nil; {
				err = r.step(ctx, func(tx store.Tx) (err error) {
					gone, err = store.DeleteRun(ctx, tx, run, retainBatch)
					return err
				})
			}
			return err
		})
	}
	if err == nil && r.cfg.Keep.Findings > 0 {
		deleted["findings"], err = r.drain(ctx, func(tx store.Tx) (int64, error) {
			return store.DeleteOldFindings(ctx, tx, before(r.cfg.Keep.Findings), retainBatch)
		})
	}
	for what, n := range deleted {
		if n > 0 {
			r.cfg.Log.Info("deleted what was older than it is to be kept", "what", what, "number", n)
		}
	}
	if errors.Is(err, errNotHeld) {
		return nil
	}
	return err
}

// fold folds the shards of a run.
func (r *Retainer) fold(ctx context.Context, run store.RunPlace) error {
	ref := job.RunRef{Tenant: run.Tenant, JobID: run.JobID, RunID: run.RunID}
	for _, kind := range foldedKinds {
		if _, err := r.drain(ctx, func(tx store.Tx) (int64, error) { return job.Fold(ctx, tx, ref, kind, retainBatch) }); err != nil {
			return err
		}
	}
	return r.step(ctx, func(tx store.Tx) error { return store.RunRetired(ctx, tx, run, store.RetiredShards) })
}

// needed says whether a run is one of the latest of its job: so many that are kept in any case, and as many as the next run of a scheduled job
// asks what they have looked at.
func (r *Retainer) needed(ctx context.Context, run store.RunPlace, kept int) (bool, error) {
	needed := false
	err := r.cfg.DB.View(ctx, func(tx store.Tx) error {
		needed = false
		row, err := store.GetJob(ctx, tx, run.Tenant, run.JobID)
		switch {
		case errors.Is(err, store.ErrNotFound): // automated discovery
		case err != nil:
			return err
		case isScheduled(&row):
			kept = max(kept, runsAskedAgain)
		}
		runs, err := job.Runs(ctx, tx, run.Tenant, run.JobID, kept)
		for _, latest := range runs {
			needed = needed || latest.RunID == run.RunID
		}
		return err
	})
	return needed, err
}

// eachRun calls do for each run that ended before a time and of which a part is left.
func (r *Retainer) eachRun(ctx context.Context, part store.RetiredPart, before int64, do func(context.Context, store.RunPlace) error) error {
	var last store.RunPlace
	for {
		var runs []store.RunPlace
		if err := r.cfg.DB.View(ctx, func(tx store.Tx) (err error) {
			runs, err = store.OldRuns(ctx, tx, part, before, last, retainedRuns)
			return err
		}); err != nil {
			return err
		}
		for _, run := range runs {
			if err := do(ctx, run); err != nil {
				return fmt.Errorf("run %s of job %s: %w", run.RunID, run.JobID, err)
			}
			last = run
		}
		if len(runs) < retainedRuns {
			return nil
		}
	}
}

// drain repeats a step that deletes up to retainBatch rows until less are left, and returns how many they were.
func (r *Retainer) drain(ctx context.Context, del func(store.Tx) (int64, error)) (total int64, err error) {
	for {
		var n int64
		err := r.step(ctx, func(tx store.Tx) (err error) {
			n, err = del(tx)
			return err
		})
		if err != nil {
			return total, err
		}
		if total += n; n < retainBatch {
			return total, nil
		}
		select { // requests and work come first
		case <-ctx.Done():
			return total, ctx.Err()
		case <-time.After(retainPause):
		}
	}
}

// step does a transaction under the lease.
func (r *Retainer) step(ctx context.Context, do func(store.Tx) error) error {
	return r.cfg.DB.Update(ctx, func(tx store.Tx) error {
		now := r.cfg.Now()
		held, err := store.HoldLease(ctx, tx, retainName, r.cfg.Holder, now.UnixMilli(), now.Add(retainLease).UnixMilli())
		if err != nil {
			return err
		}
		if !held {
			return errNotHeld
		}
		return do(tx)
	})
}
