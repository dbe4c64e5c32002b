// Package inproc is the dispatcher of a single process: a hint wakes an idle slot of the same process. It is what runs on SQLite, and it
// works on PostgreSQL as long as one process does all the work (others would only notice by looking now and then; use riverq there).
package inproc

import (
	"context"
	"sync"
	"time"

	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/store"
)

// Dispatcher wakes slots of this process. Make it with [New]; one engine uses it.
type Dispatcher struct {
	mu    sync.Mutex
	wake  chan struct{} // one token per slot to wake; nil while not running
	clock job.Clock
}

// retryAfter is how long a slot whose look failed waits before it looks again.
const retryAfter = time.Second

var _ job.Dispatcher = (*Dispatcher)(nil)

// New makes a dispatcher. The clock is used to wait after errors only.
func New(clock job.Clock) *Dispatcher { return &Dispatcher{clock: clock} }

// Enqueue implements [job.Dispatcher]. It wakes at once rather than after the commit: on SQLite whoever is woken waits for the database's
// only writer, so it looks after the commit anyway; elsewhere [Dispatcher.Wake] follows.
func (d *Dispatcher) Enqueue(_ context.Context, _ store.Tx, hints []job.Hint) error {
	d.signal(len(hints))
	return nil
}

// Wake implements [job.Dispatcher].
func (d *Dispatcher) Wake() { d.signal(1 << 30) }

// signal puts n tokens out, as many as there are slots at most: a token that waits already will see this hint's shard too.
func (d *Dispatcher) signal(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.wake == nil {
		return // Run looks when it begins
	}
	for range min(n, cap(d.wake)) {
		select {
		case d.wake <- struct{}{}:
		default:
			return
		}
	}
}

// Run implements [job.Dispatcher]. At the beginning every slot looks once.
func (d *Dispatcher) Run(ctx context.Context, slots int, work func(ctx context.Context, hint job.Hint) (bool, error)) error {
	wake := make(chan struct{}, slots)
	for range slots {
		wake <- struct{}{}
	}
	d.mu.Lock()
	d.wake = wake
	d.mu.Unlock()
	var group sync.WaitGroup
	for range slots {
		group.Go(func() { d.slot(ctx, wake, work) })
	}
	group.Wait()
	d.mu.Lock()
	d.wake = nil
	d.mu.Unlock()
	return nil
}

func (d *Dispatcher) slot(ctx context.Context, wake chan struct{}, work func(ctx context.Context, hint job.Hint) (bool, error)) {
	var again <-chan time.Time // runs when the last look failed
	for {
		select {
		case <-ctx.Done():
			return
		case <-wake:
		case <-again:
		}
		again = nil
		for did := true; did; {
			var err error
			if did, err = work(ctx, job.Hint{}); err != nil {
				again = d.clock.After(retryAfter)
			}
		}
	}
}
