// Package riverq is the dispatcher of many processes on one PostgreSQL database: hints are River's jobs.
//
// A River job is a hint that names a shard, inserted in the transaction that makes the shard claimable. Any process with an idle slot
// receives it and then claims by the engine's own rules. The shard's row stays the truth, so what River does on its own does no harm: a
// hint that it repeats (after a rescue, say) claims nothing or something that was due anyway, and one that it loses is made up for by an
// idle engine's look. For River a job lasts as long as the work on the shard, which may be hours.
package riverq

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/store"
)

const (
	queue = "magpie_shards"

	// retryAfter is how long a hint waits whose slot could not reach the database.
	retryAfter = time.Second

	// retention is how long River keeps the rows of hints that are done. They are of no use to us.
	retention = time.Minute
)

// hintArgs are the arguments of a River job.
type hintArgs struct {
	Shard   int64 `json:"shard"`
	Attempt int64 `json:"attempt"`
	Nudge   int64 `json:"nudge,omitempty"`
}

// Kind implements river.JobArgs.
func (hintArgs) Kind() string { return "magpie_shard" }

// live are the states in which a hint stands in the way of the same hint again: all in which it has yet to be done.
var live = []rivertype.JobState{
	rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable, rivertype.JobStateRunning, rivertype.JobStateScheduled,
}

// Dispatcher dispatches by River. Make it with [New]; one engine uses it.
type Dispatcher struct {
	pool   *pgxpool.Pool
	logger *slog.Logger
	insert *river.Client[pgx.Tx]
}

var _ job.Dispatcher = (*Dispatcher)(nil)

// New makes a dispatcher on the pool of the store's database, whose migration includes River's. While it runs it needs about three
// connections for itself. The logger gets what River has to say; nil discards it.
func New(pool *pgxpool.Pool, logger *slog.Logger) (*Dispatcher, error) {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	// River tells its clients of an insert at most once in each FetchCooldown; a hint that falls into one waits for the next poll.
	insert, err := river.NewClient(riverpgxv5.New(pool), &river.Config{Logger: logger, FetchCooldown: time.Millisecond})
	if err != nil {
		return nil, fmt.Errorf("make a client of River: %w", err)
	}
	return &Dispatcher{pool: pool, logger: logger, insert: insert}, nil
}

// Enqueue implements [job.Dispatcher]. The transaction must be one of package postgres.
func (d *Dispatcher) Enqueue(ctx context.Context, tx store.Tx, hints []job.Hint) error {
	if len(hints) == 0 {
		return nil
	}
	native, ok := tx.(interface{ Pgx() pgx.Tx })
	if !ok {
		return fmt.Errorf("hints for River need a PostgreSQL transaction, not one of %s", tx.Engine())
	}
	params := make([]river.InsertManyParams, 0, len(hints))
	seen := make(map[hintArgs]bool, len(hints)) // one statement may not name a unique key twice
	for _, h := range hints {
		args := hintArgs{h.ShardID, h.Attempt, h.Nudge}
		if seen[args] {
			continue
		}
		seen[args] = true
		params = append(params, river.InsertManyParams{
			Args: args,
			InsertOpts: &river.InsertOpts{
				Queue:      queue,
				Priority:   min(max(h.Priority, job.PriorityHigh), job.PriorityIdle), // River has the same four
				UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: live},
			},
		})
	}
	if _, err := d.insert.InsertManyTx(ctx, native.Pgx(), params); err != nil {
		return fmt.Errorf("insert hints: %w", err)
	}
	return nil
}

// Wake implements [job.Dispatcher]: River notices commits by itself.
func (d *Dispatcher) Wake() {}

// Run implements [job.Dispatcher].
func (d *Dispatcher) Run(ctx context.Context, slots int, work func(ctx context.Context, hint job.Hint) (bool, error)) error {
	workers := river.NewWorkers()
	river.AddWorker(workers, &worker{ctx: ctx, work: work})
	client, err := river.NewClient(riverpgxv5.New(d.pool), &river.Config{
		Queues:                      map[string]river.QueueConfig{queue: {MaxWorkers: slots}},
		Workers:                     workers,
		Logger:                      d.logger,
		JobTimeout:                  -1, // leases bound our work, not its age
		FetchCooldown:               time.Millisecond,
		FetchPollInterval:           250 * time.Millisecond,
		CompletedJobRetentionPeriod: retention,
		CancelledJobRetentionPeriod: retention,
		DiscardedJobRetentionPeriod: retention,
	})
	if err != nil {
		return fmt.Errorf("make a client of River: %w", err)
	}
	// The end of ctx stops River gently: work notices it too and returns after the attempt under way.
	if err := client.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("start the client of River: %w", err)
	}
	<-ctx.Done()
	if err := client.Stop(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("stop the client of River: %w", err)
	}
	return nil
}

// worker hands River's jobs to the engine.
type worker struct {
	river.WorkerDefaults[hintArgs]
	ctx  context.Context
	work func(ctx context.Context, hint job.Hint) (bool, error)
}

// Work implements river.Worker.
func (w *worker) Work(_ context.Context, j *river.Job[hintArgs]) error {
	hint := job.Hint{ShardID: j.Args.Shard, Attempt: j.Args.Attempt, Priority: j.Priority, Nudge: j.Args.Nudge}
	for {
		did, err := w.work(w.ctx, hint)
		if err != nil {
			return river.JobSnooze(retryAfter) // logged by the engine; it counts neither as an attempt nor as a failure of the hint
		}
		if !did || hint.Nudge == 0 {
			return nil
		}
	}
}
