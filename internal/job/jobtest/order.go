package jobtest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/store"
)

// single returns a shard that deals with the one key.
func single(key, priority int) job.NewShard {
	return job.NewShard{
		Key: fmt.Sprint(key), Kind: "keys", Priority: priority, Payload: fmt.Appendf(nil, `{"From":%d,"To":%d,"Step":1}`, key, key+1),
	}
}

func singles(n, priority int) []job.NewShard {
	shards := make([]job.NewShard, n)
	for i := range shards {
		shards[i] = single(i, priority)
	}
	return shards
}

// priority shows that what is more urgent goes first, between runs and within one.
func priority(t *testing.T, s Suite) {
	e := newEnv(t, s)
	var mu sync.Mutex
	var mixed []int
	engine := e.engine(&Handler{Before: func(_ context.Context, a *job.Attempt, key int) error {
		if a.Run.JobID == "mixed" {
			mu.Lock()
			mixed = append(mixed, a.Priority)
			mu.Unlock()
		}
		return nil
	}}, func(c *job.Config) { c.Slots = 1 })
	e.beginWith(engine, "idle", singles(5, job.PriorityIdle)...)
	e.beginWith(engine, "normal", singles(5, 0)...)
	e.beginWith(engine, "high", singles(5, job.PriorityHigh)...)
	e.start(engine)
	e.log.await(t, "all three are complete", func(c counts) bool { return len(c.complete) == 3 })
	want := slices.Concat(slices.Repeat([]string{"high"}, 5), slices.Repeat([]string{"normal"}, 5), slices.Repeat([]string{"idle"}, 5))
	if got := e.log.claims(); !slices.Equal(got, want) {
		t.Errorf("claimed %v, want %v", got, want)
	}
	e.beginWith(engine, "mixed", single(0, job.PriorityLow), single(1, job.PriorityIdle), single(2, job.PriorityHigh), single(3, job.PriorityNormal))
	e.log.await(t, "the mixed one is complete", func(c counts) bool { return len(c.complete) == 4 })
	if !slices.IsSorted(mixed) || len(mixed) != 4 {
		t.Errorf("priorities within a run were served in the order %v", mixed)
	}
}

// fair shows that runs take turns, and that a run which starts late gets its share of the slots.
func fair(t *testing.T, s Suite) {
	e := newEnv(t, s)
	engine := e.engine(&Handler{}, func(c *job.Config) { c.Slots = 1 })
	for _, id := range []string{"a", "b", "c"} {
		e.beginWith(engine, id, singles(6, 0)...)
	}
	e.start(engine)
	e.log.await(t, "all three are complete", func(c counts) bool { return len(c.complete) == 3 })
	claims := e.log.claims()
	for i := 0; i+3 <= len(claims); i += 3 {
		turn := slices.Sorted(slices.Values(claims[i : i+3]))
		if !slices.Equal(turn, []string{"a", "b", "c"}) {
			t.Fatalf("runs do not take turns: %v", claims)
		}
	}
	if err := engine.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}

	next := map[string]chan struct{}{"old": make(chan struct{}), "new": make(chan struct{})}
	wide := e.started(gated(next), func(c *job.Config) { c.Slots = 4 })
	e.beginWith(wide, "old", singles(20, 0)...)
	e.log.await(t, "the old run has all slots", func(c counts) bool { return c.claimed == 18+4 })
	e.beginWith(wide, "new", singles(20, 0)...)
	for i, want := range []string{"new", "new", "old"} {
		next["old"] <- struct{}{}
		e.log.await(t, "the free slot is taken", func(c counts) bool { return c.claimed == 18+4+i+1 })
		if got := e.log.claims()[18+4+i]; got != want {
			t.Errorf("free slot %d went to the %s run, want %s", i, got, want)
		}
	}
	ended, end := context.WithCancel(context.Background())
	end()
	if err := wide.Stop(ended); err != nil { // without waiting for those at the gates
		t.Error(err)
	}
}

// gated is a handler that waits for a word before each commit of a run.
func gated(next map[string]chan struct{}) *Handler {
	return &Handler{Before: func(ctx context.Context, a *job.Attempt, _ int) error {
		select {
		case <-next[a.Run.JobID]:
		case <-ctx.Done():
		}
		return ctx.Err()
	}}
}

// tampered is a dispatcher whose hints go astray.
type tampered struct {
	job.Dispatcher
	enqueue func(inner job.Dispatcher, ctx context.Context, tx store.Tx, hints []job.Hint) error
	wake    func(inner job.Dispatcher)
}

func (d *tampered) Enqueue(ctx context.Context, tx store.Tx, hints []job.Hint) error {
	return d.enqueue(d.Dispatcher, ctx, tx, hints)
}

func (d *tampered) Wake() { d.wake(d.Dispatcher) }

// hintsLost loses every hint but those that an idle engine makes for itself.
func hintsLost(t *testing.T, s Suite) {
	e := newEnv(t, s)
	clock := NewClock()
	var mu sync.Mutex
	nudged := false
	d := &tampered{
		Dispatcher: e.dispatcher(clock),
		enqueue: func(inner job.Dispatcher, ctx context.Context, tx store.Tx, hints []job.Hint) error {
			hints = slices.DeleteFunc(hints, func(h job.Hint) bool { return h.Nudge == 0 })
			if len(hints) == 0 {
				return nil
			}
			mu.Lock()
			nudged = true
			mu.Unlock()
			return inner.Enqueue(ctx, tx, hints)
		},
		wake: func(inner job.Dispatcher) {
			mu.Lock()
			defer mu.Unlock()
			if nudged {
				nudged = false
				inner.Wake()
			}
		},
	}
	engine := e.started(&Handler{}, func(c *job.Config) { c.Clock, c.Dispatcher = clock, d })
	e.log.awaitPoked(t, "the engine has looked once", func() { clock.Advance(lease) }, func(counts) bool { return true })
	ref := e.begin(engine, "j", small)
	e.log.awaitPoked(t, "the run is complete", func() { clock.Advance(lease / 3) }, func(c counts) bool { return c.complete[ref] })
	e.verify(ref, small)
}

// hintsDoubled repeats every hint, in ways that no uniqueness can hold back.
func hintsDoubled(t *testing.T, s Suite) {
	e := newEnv(t, s)
	d := &tampered{
		Dispatcher: e.dispatcher(job.SystemClock{}),
		enqueue: func(inner job.Dispatcher, ctx context.Context, tx store.Tx, hints []job.Hint) error {
			for i := range int64(3) {
				again := slices.Clone(hints)
				for j := range again {
					again[j].Nudge += i
				}
				if err := inner.Enqueue(ctx, tx, again); err != nil {
					return err
				}
			}
			return nil
		},
		wake: func(inner job.Dispatcher) { inner.Wake(); inner.Wake() },
	}
	engine := e.started(&Handler{}, func(c *job.Config) { c.Dispatcher = d })
	l := Listing{Keys: 1000, Page: 100, PerShard: 20, Step: 10}
	ref := e.begin(engine, "j", l)
	e.complete(ref, l)
	if c := e.ended(); c.claimed != 51 || c.committed != 110 {
		t.Errorf("events: %+v; want 51 claims and 110 commits", c)
	}
}

// serverRestarts kills and stops the database server in mid-run.
func serverRestarts(t *testing.T, s Suite) {
	url, restart := s.Server(t)
	s.Database = func(testing.TB) string { return url }
	e := newEnv(t, s)
	short := func(c *job.Config) { c.Lease, c.Slots, c.MaxFailures = time.Second, 3, 1000 }
	a, b := e.started(&Handler{}, short), e.started(&Handler{}, short)
	ref := e.begin(a, "j", Standard)
	b.Wake()
	for _, progress := range []int{60, 150, 250} {
		e.log.await(t, "there is progress", func(c counts) bool { return c.committed >= progress || c.complete[ref] })
		restart()
	}
	await(t, "the run is complete", func() bool { return e.run(ref).State == job.RunComplete })
	e.verify(ref, Standard)
}
