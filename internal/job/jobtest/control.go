package jobtest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/store"
)

// change pauses, resumes or cancels a run.
type change func(e *job.Engine, ctx context.Context, tx store.Tx, ref job.RunRef) (bool, error)

func (e *env) change(engine *job.Engine, ref job.RunRef, want bool, do change) {
	e.t.Helper()
	var changed bool
	e.update(func(ctx context.Context, tx store.Tx) (err error) {
		changed, err = do(engine, ctx, tx, ref)
		return err
	})
	engine.Wake()
	if changed != want {
		e.t.Fatalf("changed is %v, want %v", changed, want)
	}
}

// brake lets through a number of steps, then stops everybody before their next commit until it is opened.
type brake struct {
	steps   atomic.Int64
	limit   int64
	waiting chan struct{}
	open    chan struct{}
}

func newBrake(limit int64) *brake {
	return &brake{limit: limit, waiting: make(chan struct{}, 1000), open: make(chan struct{})}
}

func (b *brake) before(context.Context, *job.Attempt, int) error {
	if b.steps.Add(1) > b.limit {
		b.waiting <- struct{}{}
		<-b.open
	}
	return nil
}

// errorsOf collects what Work returned.
type errorsOf struct {
	mu   sync.Mutex
	list []error
}

func (w *errorsOf) watch(h *Handler) job.Handler {
	return workFunc(func(ctx context.Context, a *job.Attempt) error {
		err := h.Work(ctx, a)
		if err != nil {
			w.mu.Lock()
			w.list = append(w.list, err)
			w.mu.Unlock()
		}
		return err
	}, h)
}

func (w *errorsOf) all(t *testing.T, want error) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, err := range w.list {
		if !errors.Is(err, want) {
			t.Errorf("an attempt ended with %v, want %v", err, want)
		}
	}
}

// pause pauses a run while several workers are in mid-shard, about to commit. None of these commits may be kept.
func pause(t *testing.T, s Suite) {
	e := newEnv(t, s)
	b := newBrake(50)
	var ends errorsOf
	engine := e.started(ends.watch(&Handler{Before: b.before}), nil)
	ref := e.begin(engine, "j", Standard)
	for range 4 {
		receive(t, "a worker at the brake", b.waiting)
	}
	e.change(engine, ref, true, (*job.Engine).PauseRun)
	e.change(engine, ref, false, (*job.Engine).PauseRun)
	before := e.totals(ref)
	close(b.open)
	e.log.await(t, "all four are handed back", func(c counts) bool { return c.handedBack == 4 })
	if after := e.totals(ref); after.Counters != before.Counters || after.Running != 0 || e.effects(ref) != after.Objects {
		t.Errorf("totals when it was paused %+v, and when everybody had stopped %+v, with %d effects", before, after, e.effects(ref))
	}
	ends.all(t, job.ErrPaused)
	if run := e.run(ref); run.State != job.RunPaused {
		t.Errorf("run is %s", run.State)
	}
	e.change(engine, ref, true, (*job.Engine).ResumeRun)
	e.change(engine, ref, false, (*job.Engine).ResumeRun)
	e.complete(ref, Standard)
	if c := e.ended(); c.retried+c.dead+c.swept != 0 {
		t.Errorf("events: %+v; a pause is no failure", c)
	}
	e.change(engine, ref, false, (*job.Engine).PauseRun)
	e.change(engine, ref, false, (*job.Engine).CancelRun)
}

// pauseByHeartbeat pauses a run whose worker commits nothing for long: it learns of it within a third of a lease.
func pauseByHeartbeat(t *testing.T, s Suite) {
	e := newEnv(t, s)
	clock := NewClock()
	reached := make(chan struct{})
	var once sync.Once
	h := &Handler{Before: func(ctx context.Context, a *job.Attempt, key int) error {
		if a.Kind == "keys" && key == 10 {
			once.Do(func() { close(reached); <-ctx.Done() })
			if err := context.Cause(ctx); err != nil {
				return err
			}
		}
		return nil
	}}
	engine := e.started(h, func(c *job.Config) { c.Clock, c.Slots = clock, 1 })
	ref := e.begin(engine, "j", small)
	receive(t, "the long step", reached)
	e.change(engine, ref, true, (*job.Engine).PauseRun)
	seconds := int(lease / 3 / time.Second)
	e.log.awaitPoked(t, "the shard is handed back after a third of a lease", func() {
		if seconds--; seconds >= -1 {
			clock.Advance(time.Second)
		}
	}, func(c counts) bool { return c.handedBack == 1 })
	e.change(engine, ref, true, (*job.Engine).ResumeRun)
	e.complete(ref, small)
}

// pauseOften has an operator who pauses and resumes all the time.
func pauseOften(t *testing.T, s Suite) {
	e := newEnv(t, s)
	a, b := e.started(&Handler{}, nil), e.started(&Handler{}, nil)
	ref := e.begin(a, "j", Standard)
	b.Wake()
	for n := 1; n <= 20; n++ {
		e.log.await(t, "there is some progress", func(c counts) bool { return c.committed >= 20*n || c.complete[ref] })
		e.update(func(ctx context.Context, tx store.Tx) error {
			_, err := a.PauseRun(ctx, tx, ref)
			return err
		})
		e.update(func(ctx context.Context, tx store.Tx) error {
			_, err := b.ResumeRun(ctx, tx, ref)
			return err
		})
		a.Wake()
		b.Wake()
	}
	e.complete(ref, Standard)
	if c := e.ended(); c.retried+c.dead+c.swept != 0 {
		t.Errorf("events: %+v; a pause is no failure", c)
	}
}

// cancel cancels a run while several workers are in mid-shard, about to commit. None of these commits may be kept, ever.
func cancel(t *testing.T, s Suite) {
	e := newEnv(t, s)
	b := newBrake(50)
	var ends errorsOf
	engine := e.started(ends.watch(&Handler{Before: b.before}), nil)
	ref := e.begin(engine, "j", Standard)
	for range 4 {
		receive(t, "a worker at the brake", b.waiting)
	}
	e.change(engine, ref, true, (*job.Engine).CancelRun)
	before := e.totals(ref)
	close(b.open)
	e.log.await(t, "all four have ended", func(c counts) bool { return c.handedBack == 4 })
	other := e.begin(engine, "next", small) // which has the workers to itself
	e.complete(other, small)
	if after := e.totals(ref); after.Counters != before.Counters || after.Running != 0 || e.effects(ref) != after.Objects {
		t.Errorf("totals when it was cancelled %+v, and later %+v, with %d effects", before, after, e.effects(ref))
	}
	ends.all(t, job.ErrCancelled)
	if run := e.run(ref); run.State != job.RunCancelled || run.FinishedAt.IsZero() {
		t.Errorf("run is %+v", run)
	}
	if n := e.count(`SELECT COUNT(*) FROM finishes WHERE run_id = $1`, ref.RunID); n != 0 {
		t.Errorf("RunFinished was called for a cancelled run")
	}
	e.change(engine, ref, false, (*job.Engine).ResumeRun)
	e.change(engine, ref, false, (*job.Engine).CancelRun)
	paused := e.begin(engine, "paused", Listing{Keys: 10, Page: 1, PerShard: 1, Step: 1})
	e.update(func(ctx context.Context, tx store.Tx) error {
		_, err := engine.PauseRun(ctx, tx, paused)
		return err
	})
	if e.run(paused).State == job.RunPaused {
		e.change(engine, paused, true, (*job.Engine).CancelRun)
	}
}

// stop stops a worker in mid-shard while another one is there. Leases last a day, so only handing back can help.
func stop(t *testing.T, s Suite) {
	e := newEnv(t, s)
	long := func(c *job.Config) { c.Lease = 24 * time.Hour }
	b := newBrake(50)
	var ends errorsOf
	first := e.started(ends.watch(&Handler{Before: b.before}), long)
	ref := e.begin(first, "j", Standard)
	for range 4 {
		receive(t, "a worker at the brake", b.waiting)
	}
	committed := e.totals(ref).Objects
	stopped := make(chan error)
	go func() { stopped <- first.Stop(context.Background()) }()
	await(t, "the engine stops", first.Stopping)
	close(b.open)
	if err := receive(t, "Stop", stopped); err != nil {
		t.Fatal(err)
	}
	ends.all(t, job.ErrStopping)
	c := e.ended()
	if c.handedBack != 4 {
		t.Errorf("events: %+v; want the four shards in work handed back", c)
	}
	totals := e.totals(ref)
	if totals.Running != 0 || totals.Objects <= committed {
		t.Errorf("totals after the stop: %+v; want none running, and the commits under way kept", totals)
	}
	e.started(&Handler{}, long)
	e.complete(ref, Standard)
	if c := e.ended(); c.swept+c.retried != 0 {
		t.Errorf("events: %+v; a stop is no failure", c)
	}
}

// stopStuck stops a worker whose handler does not listen. Its shard is handed back all the same, and the handler can do no more harm.
func stopStuck(t *testing.T, s Suite) {
	e := newEnv(t, s)
	clock := NewClock()
	g := newGate(10)
	var ends errorsOf
	first := e.started(ends.watch(&Handler{Before: g.before}), func(c *job.Config) { c.Clock, c.Slots, c.Lease = clock, 1, 24*time.Hour })
	ref := e.begin(first, "j", small)
	receive(t, "the stuck handler", g.reached)
	stopped := make(chan error, 1)
	began := clock.Now()
	go func() { stopped <- first.Stop(context.Background()) }()
	for _, what := range []string{"Stop waits for the attempt", "the attempt waits for its handler"} { // everything else waits for hours
		var wait time.Duration
		await(t, what, func() (waits bool) {
			wait, waits = clock.Next(5 * time.Second)
			return waits
		})
		clock.Advance(wait)
	}
	err := receive(t, "Stop", stopped)
	if took := clock.Now().Sub(began); err != nil || took > 5*time.Second { // which StopWithin is
		t.Errorf("Stop took %v, error %v", took, err)
	}
	e.started(&Handler{}, func(c *job.Config) { c.Lease = 24 * time.Hour })
	e.complete(ref, small)
	close(g.open)
	await(t, "the stuck handler is refused", func() bool {
		ends.mu.Lock()
		defer ends.mu.Unlock()
		return len(ends.list) == 1
	})
	e.verify(ref, small)
}

// stopEarly ends the grace by Stop's context.
func stopEarly(t *testing.T, s Suite) {
	e := newEnv(t, s)
	reached := make(chan struct{})
	var once sync.Once
	h := &Handler{Before: func(ctx context.Context, a *job.Attempt, key int) error {
		if a.Kind == "keys" && key == 10 {
			once.Do(func() { close(reached) })
			<-ctx.Done()
			return context.Cause(ctx)
		}
		return nil
	}}
	clock := NewClock() // stands still
	first := e.started(h, func(c *job.Config) { c.Clock, c.Slots = clock, 1 })
	ref := e.begin(first, "j", small)
	receive(t, "the long step", reached)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := first.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if err := first.Stop(ctx); err != nil {
		t.Errorf("stopping again: %v", err)
	}
	if err := first.Start(ctx); err == nil {
		t.Error("a stopped engine started")
	}
	if c := e.ended(); c.handedBack != 1 {
		t.Errorf("events: %+v, want 1 handed back", c)
	}
	e.started(&Handler{}, nil)
	e.complete(ref, small)
}

// await waits for a condition that no event announces.
func await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for !ok() {
		select {
		case <-time.After(time.Millisecond):
		case <-deadline.C:
			t.Fatalf("waited in vain until %s", what)
		}
	}
}
