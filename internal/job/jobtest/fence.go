package jobtest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/job"
)

// gate stops the first attempt that comes to a key of a shard of keys.
type gate struct {
	key     int
	reached chan *job.Attempt
	open    chan struct{}
	once    sync.Once
}

func newGate(key int) *gate {
	return &gate{key: key, reached: make(chan *job.Attempt, 1), open: make(chan struct{})}
}

// before is for Handler.Before. It waits at the gate whatever becomes of ctx: so do processes that are stopped.
func (g *gate) before(_ context.Context, a *job.Attempt, key int) error {
	if a.Kind == "keys" && key == g.key {
		first := false
		g.once.Do(func() { first = true })
		if first {
			g.reached <- a
			<-g.open
		}
	}
	return nil
}

const (
	lease = 30 * time.Second
	tick  = lease / 6
)

// zombie stops a worker's time in mid-shard. Another one takes over, and then the first wakes up and goes on as if nothing had been.
func zombie(t *testing.T, s Suite) {
	e := newEnv(t, s)
	g := newGate(10)
	still, clock := NewClock(), NewClock()
	var refusal atomic.Pointer[error]
	h := &Handler{Before: g.before}
	stopped := e.started(workFunc(func(ctx context.Context, a *job.Attempt) error {
		err := h.Work(ctx, a)
		if a.Number == 1 && a.Kind == "keys" && err != nil {
			refusal.Store(&err)
		}
		return err
	}, h), func(c *job.Config) { c.Slots, c.Clock = 1, still })
	ref := e.begin(stopped, "j", small)
	a := receive(t, "the zombie", g.reached)
	e.started(&Handler{}, func(c *job.Config) { c.Clock = clock })
	e.log.awaitPoked(t, "the run is complete", func() { clock.Advance(tick) }, func(c counts) bool { return c.complete[ref] })
	e.verify(ref, small)
	close(g.open)
	e.log.await(t, "the zombie is refused", func(c counts) bool { return c.fenced > 0 })
	await(t, "it has ended", func() bool { return refusal.Load() != nil })
	if err := *refusal.Load(); !errors.Is(err, job.ErrFenced) {
		t.Errorf("the zombie's commit said %v, want ErrFenced", err)
	}
	if err := a.Commit(context.Background(), []byte("100"), job.Counters{Objects: 1}, nil); !errors.Is(err, job.ErrFenced) {
		t.Errorf("a commit long after said %v, want ErrFenced", err)
	}
	e.verify(ref, small)
	if c := e.ended(); c.swept != 1 {
		t.Errorf("events: %+v, want 1 sweep", c)
	}
}

// workFunc is a handler with another Work.
func workFunc(work func(ctx context.Context, a *job.Attempt) error, h *Handler) job.Handler {
	return &wrapped{h, work}
}

type wrapped struct {
	*Handler
	work func(ctx context.Context, a *job.Attempt) error
}

func (w *wrapped) Work(ctx context.Context, a *job.Attempt) error { return w.work(ctx, a) }

// abandoned drops an engine in mid-work as if its process had been killed, while it holds several shards.
func abandoned(t *testing.T, s Suite) {
	e := newEnv(t, s)
	reached := make(chan struct{}, 100)
	h := &Handler{Before: func(ctx context.Context, a *job.Attempt, key int) error {
		if a.Kind == "keys" && key%20 == 10 {
			reached <- struct{}{}
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}}
	dropped := e.started(h, func(c *job.Config) { c.Slots = 3 })
	ref := e.begin(dropped, "j", small)
	for range 3 {
		receive(t, "a shard in the middle", reached)
	}
	dropped.Abandon()
	if n := len(e.shards(ref, job.Running)); n != 3 {
		t.Fatalf("%d shards are running after the drop, want 3", n)
	}
	clock := NewClock()
	e.started(&Handler{}, func(c *job.Config) { c.Clock = clock })
	e.log.awaitPoked(t, "the run is complete", func() { clock.Advance(tick) }, func(c counts) bool { return c.complete[ref] })
	e.verify(ref, small)
	if c := e.ended(); c.swept != 3 || c.handedBack != 0 {
		t.Errorf("events: %+v, want 3 sweeps and nothing handed back", c)
	}
}

// lostTooOften has a shard that takes its worker down each time. It dies, and the rest is done.
func lostTooOften(t *testing.T, s Suite) {
	e := newEnv(t, s)
	clock := NewClock()
	deadly := make(chan struct{}, 10)
	h := &Handler{Before: func(ctx context.Context, a *job.Attempt, key int) error {
		if a.Kind == "keys" && key == 30 {
			deadly <- struct{}{}
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}}
	const limit = 3
	victim := func() *job.Engine {
		return e.started(h, func(c *job.Config) { c.Clock, c.Slots, c.MaxFailures = clock, 1, limit })
	}
	engine := victim()
	ref := e.begin(engine, "j", small)
	for n := 1; ; n++ {
		var down bool
		e.log.awaitPoked(t, "a worker is down or the run complete", func() { clock.Advance(tick) }, func(c counts) bool {
			select {
			case <-deadly:
				down = true
			default:
			}
			return down || c.complete[ref]
		})
		if !down {
			if n != limit+1 {
				t.Errorf("the shard took %d workers down, want %d", n-1, limit)
			}
			break
		}
		engine.Abandon()
		engine = victim()
	}
	e.verify(ref, small, keys(30, 40)...)
	if dead := e.shards(ref, job.Dead); len(dead) != 1 || dead[0].Failures != limit {
		t.Errorf("dead shards: %+v", dead)
	}
}

// exclusive starts again after a kill where no other process can be: it need not wait for leases.
func exclusive(t *testing.T, s Suite) {
	e := newEnv(t, s)
	g := newGate(10)
	h := &Handler{Before: func(ctx context.Context, a *job.Attempt, key int) error {
		if a.Kind == "keys" && key == 10 {
			g.once.Do(func() { g.reached <- a; <-ctx.Done() })
		}
		return ctx.Err()
	}}
	engine := e.started(h, func(c *job.Config) { c.Slots = 1 })
	ref := e.begin(engine, "j", small)
	receive(t, "the middle", g.reached)
	engine.Abandon()
	e.started(&Handler{}, func(c *job.Config) { c.Exclusive, c.Lease = true, 24*time.Hour })
	e.complete(ref, small)
}

// clockJumps has workers whose clocks are wrong by hours in both directions and jump. Nobody's shard is taken away.
func clockJumps(t *testing.T, s Suite) {
	e := newEnv(t, s)
	g := newGate(10)
	worker := NewClock()
	engine := e.started(&Handler{Before: g.before}, func(c *job.Config) { c.Clock, c.Slots = worker, 1 })
	ref := e.begin(engine, "j", small)
	receive(t, "the middle", g.reached)

	early, late := NewClock(), NewClock()
	early.Jump(-5 * time.Hour)
	late.Jump(5 * time.Hour)
	for _, clock := range []*Clock{early, late} {
		e.started(&Handler{}, func(c *job.Config) { c.Clock = clock })
	}
	e.log.await(t, "everything else is done", func(c counts) bool { return c.done == 5 })
	for range 20 { // the worker's clock jumps about; it stays alive and renews its lease
		worker.Jump(-time.Hour)
		pulse(t, e, ref, worker, early, late)
		worker.Jump(2 * time.Hour)
		pulse(t, e, ref, worker, early, late)
		late.Jump(time.Hour)
		early.Jump(-time.Hour)
	}
	close(g.open)
	e.complete(ref, small)
	if c := e.ended(); c.swept != 0 || c.fenced != 0 {
		t.Errorf("events: %+v, want no sweep", c)
	}
}

// pulse moves the worker's clock on until it has renewed its lease, then the others' by as much as they are to sweep once.
func pulse(t *testing.T, e *env, ref job.RunRef, worker *Clock, others ...*Clock) {
	t.Helper()
	leaseOf := func() time.Time { return e.shards(ref, job.Running)[0].LeaseUntil }
	before := leaseOf()
	e.log.awaitPoked(t, "the lease is renewed", func() { worker.Advance(tick) }, func(counts) bool { return !leaseOf().Equal(before) })
	for _, clock := range others {
		clock.Advance(lease / 3)
	}
}

// heartbeat keeps a shard whose handler takes many leases for one step, against another engine that sweeps all the while.
func heartbeat(t *testing.T, s Suite) {
	e := newEnv(t, s)
	g := newGate(10)
	clock := NewClock()
	engine := e.started(&Handler{Before: g.before}, func(c *job.Config) { c.Clock, c.Slots = clock, 1 })
	ref := e.begin(engine, "j", small)
	receive(t, "the long step", g.reached)
	sweeper := NewClock()
	e.started(&Handler{}, func(c *job.Config) { c.Clock = sweeper })
	e.log.await(t, "everything else is done", func(c counts) bool { return c.done == 5 })
	for range 12 {
		pulse(t, e, ref, clock, sweeper)
	}
	close(g.open)
	e.log.awaitPoked(t, "the run is complete", func() { clock.Advance(tick) }, func(c counts) bool { return c.complete[ref] })
	e.verify(ref, small)
	if c := e.ended(); c.swept != 0 || c.fenced != 0 {
		t.Errorf("events: %+v, want no sweep", c)
	}
}
