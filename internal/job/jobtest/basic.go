package jobtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/store"
)

func everyKeyOnce(t *testing.T, s Suite) {
	e := newEnv(t, s)
	engine := e.started(&Handler{}, nil)
	ref := e.begin(engine, "j", Standard)
	e.complete(ref, Standard)
	totals := e.totals(ref)
	if totals.Done != 51 || totals.Shards() != 51 {
		t.Errorf("totals are %+v, want 51 shards, all done", totals)
	}
	c := e.ended()
	if c.claimed != 51 || c.committed != 510 || c.done != 51 || c.fenced+c.retried+c.dead+c.handedBack+c.swept != 0 {
		t.Errorf("events of an undisturbed run: %+v; want 51 claims, 510 commits, 51 done and nothing else", c)
	}
	for _, shard := range e.shards(ref, job.Done) {
		if shard.Attempt != 1 || shard.Failures != 0 || shard.Worker != "" || shard.LastError != "" {
			t.Fatalf("shard %s of an undisturbed run: %+v", shard.Key, shard)
		}
	}
}

func emptyRun(t *testing.T, s Suite) {
	e := newEnv(t, s)
	engine := e.engine(&Handler{}, nil) // not started: a run without work needs no worker
	ref := e.beginWith(engine, "empty")
	e.verify(ref, Listing{})
}

func startOnce(t *testing.T, s Suite) {
	e := newEnv(t, s)
	const starters = 4
	refs := make(chan job.RunRef, starters)
	var created atomic.Int64
	for range starters {
		engine := e.started(&Handler{}, nil)
		go func() {
			var ref job.RunRef
			var mine bool
			err := e.db.Update(context.Background(), func(tx store.Tx) error {
				run, made, err := engine.StartRun(context.Background(), tx, tenant, "j", "2026-11-21", Standard.Shard())
				ref, mine = run.RunRef, made
				return err
			})
			if err != nil {
				t.Error(err)
			}
			if mine {
				created.Add(1)
			}
			engine.Wake()
			refs <- ref
		}()
	}
	ref := receive(t, "a start", refs)
	for range starters - 1 {
		if other := receive(t, "a start", refs); other != ref {
			t.Errorf("two runs for one key: %v and %v", ref, other)
		}
	}
	if n := created.Load(); n != 1 {
		t.Errorf("%d starters say that they made the run, want 1", n)
	}
	e.complete(ref, Standard)
	e.update(func(ctx context.Context, tx store.Tx) error { // also when it is over
		run, made, err := e.engine(&Handler{}, nil).StartRun(ctx, tx, tenant, "j", "2026-11-21", Standard.Shard())
		if err != nil {
			return err // a conflict, say: the store does the transaction again
		}
		if made || run.RunRef != ref || run.State != job.RunComplete {
			t.Errorf("starting a complete run again: created %v, %+v", made, run)
		}
		return nil
	})
	e.update(func(ctx context.Context, tx store.Tx) error { // another key is another run, another tenant too
		for _, other := range []struct {
			tenant store.Tenant
			key    string
		}{{tenant, "2026-11-22"}, {store.Tenant{Account: tenant.Account, Region: "eu-central-1"}, "2026-11-21"}} {
			run, made, err := e.engine(&Handler{}, nil).StartRun(ctx, tx, other.tenant, "j", other.key)
			if err != nil {
				return err
			}
			if !made || run.RunID == ref.RunID {
				t.Errorf("run under %v %s: created %v, id %s", other.tenant, other.key, made, run.RunID)
			}
		}
		return nil
	})
	e.view(func(ctx context.Context, tx store.Tx) error {
		runs, err := job.Runs(ctx, tx, tenant, "j", 10)
		if err == nil && len(runs) != 2 {
			t.Errorf("job has runs %+v, want 2", runs)
		}
		return err
	})
}

func shardsChecked(t *testing.T, s Suite) {
	e := newEnv(t, s)
	engine := e.engine(&Handler{}, nil)
	for name, shard := range map[string]job.NewShard{
		"no key":       {},
		"long key":     {Key: strings.Repeat("k", 1001)},
		"NUL in key":   {Key: "a\x00b"},
		"bad kind":     {Key: "k", Kind: "\xff"},
		"bad bucket":   {Key: "k", Bucket: "\xff"},
		"bad priority": {Key: "k", Priority: 5},
	} {
		err := e.db.Update(t.Context(), func(tx store.Tx) error {
			_, _, err := engine.StartRun(t.Context(), tx, tenant, "j", name, shard)
			return err
		})
		if !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%s: error %v, want ErrInvalid", name, err)
		}
	}
	if n := e.count(`SELECT COUNT(*) FROM runs`); n != 0 {
		t.Errorf("%d runs were kept of refused ones", n)
	}
	_, err := job.New(job.Config{})
	if err == nil {
		t.Error("an engine without a database was made")
	}
}

// progress shows that statistics grow while the run goes on, from committed work only.
func progress(t *testing.T, s Suite) {
	e := newEnv(t, s)
	reached, open := make(chan struct{}), make(chan struct{})
	h := &Handler{Before: func(ctx context.Context, a *job.Attempt, key int) error {
		if a.Kind == "keys" && key == 30 {
			close(reached)
			<-open
		}
		return nil
	}}
	engine := e.started(h, func(c *job.Config) { c.Slots = 1 })
	l := Listing{Keys: 60, Page: 60, PerShard: 60, Step: 10}
	ref := e.begin(engine, "j", l)
	receive(t, "the fourth step", reached)
	if totals := e.totals(ref); totals.Counters != (job.Counters{Listed: 60, Objects: 30, Bytes: sum(0, 30)}) || totals.Running != 1 {
		t.Errorf("totals in mid-run: %+v", totals)
	}
	if run := e.run(ref); run.State != job.RunRunning || !run.FinishedAt.IsZero() {
		t.Errorf("run in mid-run: %+v", run)
	}
	close(open)
	e.complete(ref, l)
}

func metrics(t *testing.T, s Suite) {
	e := newEnv(t, s)
	reg := prometheus.NewRegistry()
	clock := NewClock()
	reached, open := make(chan struct{}), make(chan struct{})
	h := &Handler{Before: func(ctx context.Context, a *job.Attempt, key int) error {
		if a.Kind == "keys" && key == 0 {
			close(reached)
			<-open
		}
		return nil
	}}
	engine := e.started(h, func(c *job.Config) { c.Slots, c.Registerer, c.Clock = 1, reg, clock })
	l := Listing{Keys: 50, Page: 50, PerShard: 10, Step: 10}
	ref := e.begin(engine, "j", l)
	receive(t, "the first shard of keys", reached)
	depth := func(state string) float64 { return gauge(t, reg, "magpie_job_shards", "state", state) }
	e.log.awaitPoked(t, "the gauges show one running and four ready", func() { clock.Advance(5 * time.Second) },
		func(counts) bool { return depth("ready") == 4 && depth("running") == 1 && depth("waiting") == 0 })
	close(open)
	e.complete(ref, l)
	e.ended()
	for event, want := range map[string]float64{"claimed": 6, "committed": 6, "done": 6, "fenced": 0, "dead": 0} {
		if got := gauge(t, reg, "magpie_job_shard_events_total", "event", event); got != want {
			t.Errorf("%s events: %v, want %v", event, got, want)
		}
	}
	if _, err := job.New(job.Config{DB: e.db, Handler: h, Dispatcher: e.dispatcher(clock), Registerer: reg}); err == nil {
		t.Error("a second engine registered the same metrics without an error")
	}
}

// gauge reads one metric by its only label.
func gauge(t *testing.T, reg *prometheus.Registry, name, label, value string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			for _, pair := range m.GetLabel() {
				if pair.GetName() == label && pair.GetValue() == value {
					return m.GetGauge().GetValue() + m.GetCounter().GetValue()
				}
			}
		}
	}
	return 0
}

// lastTwoAtOnce lets workers finish the last shards of runs at the same moment, many times over.
func lastTwoAtOnce(t *testing.T, s Suite) {
	e := newEnv(t, s)
	const rounds, width = 25, 4
	var barrier atomic.Pointer[chan struct{}]
	var arrived atomic.Int64
	h := &Handler{Before: func(ctx context.Context, a *job.Attempt, key int) error {
		gate := *barrier.Load()
		if arrived.Add(1) == width {
			close(gate)
		}
		select {
		case <-gate:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}}
	a := e.started(h, func(c *job.Config) { c.Slots = width / 2 })
	b := e.started(h, func(c *job.Config) { c.Slots = width / 2 })
	for round := range rounds {
		gate := make(chan struct{})
		barrier.Store(&gate)
		arrived.Store(0)
		shards := make([]job.NewShard, width)
		for i := range shards {
			payload := fmt.Appendf(nil, `{"From":%d,"To":%d,"Step":1}`, i, i+1)
			shards[i] = job.NewShard{Key: fmt.Sprint(i), Kind: "keys", Payload: payload}
		}
		ref := e.beginWith(a, fmt.Sprintf("j%d", round), shards...)
		b.Wake()
		e.log.await(t, ref.JobID+" is complete", func(c counts) bool { return c.complete[ref] })
		if n := e.count(`SELECT COUNT(*) FROM finishes WHERE run_id = $1`, ref.RunID); n != 1 {
			t.Fatalf("round %d: finished %d times", round, n)
		}
		if n := e.effects(ref); n != width {
			t.Fatalf("round %d: %d effects, want %d", round, n, width)
		}
	}
	if c := e.ended(); c.swept != 0 || c.retried != 0 {
		t.Errorf("events: %+v; want no sweeps or retries", c)
	}
}

func twoEngines(t *testing.T, s Suite) {
	e := newEnv(t, s)
	a, b := e.started(&Handler{}, nil), e.started(&Handler{}, nil)
	refs := []job.RunRef{e.begin(a, "ja", Standard), e.begin(b, "jb", Standard)}
	for _, ref := range refs {
		e.complete(ref, Standard)
	}
}
