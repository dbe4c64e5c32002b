package job

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/magpie-sec/magpie/internal/pgtest"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/store/open"
	"github.com/magpie-sec/magpie/internal/store/open/opentest"
	"github.com/magpie-sec/magpie/internal/store/storetest"
)

func TestMain(m *testing.M) {
	// A shard must be claimed, lost, claimed again and so on before the interesting things happen.
	if err := flag.Set("rapid.steps", "150"); err != nil {
		panic(err)
	}
	os.Exit(pgtest.Main(m))
}

// TestModel lets several workers, some of whose processes die, do random things in random order, one at a time, and compares every answer
// and every row with a model of what the package comment says. It calls the engine's steps directly, so there is no timing in it.
func TestModel(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) { testModel(t, filepath.Join(t.TempDir(), "magpie.db"), "100") })
	t.Run("PostgreSQL", func(t *testing.T) { testModel(t, opentest.Postgres(t), "15") }) // the same SQL, many times slower
}

func testModel(t *testing.T, url, checks string) {
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue { // unless the command line says otherwise
		defer f.Value.Set(f.DefValue)
		if err := f.Value.Set(checks); err != nil {
			t.Fatal(err)
		}
	}
	db, err := open.Open(t.Context(), url, open.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db = storetest.Conflicting(db)
	createFinishes(t, db)
	rapid.Check(t, func(t *rapid.T) {
		err := db.Update(context.Background(), func(tx store.Tx) error {
			for _, table := range []string{"shards", "runs", "finishes"} {
				if _, err := tx.Exec(context.Background(), "DELETE FROM "+table); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		m := &model{ctx: context.Background(), db: db, runs: make(map[RunRef]*modelRun)}
		for range 3 {
			m.join(t)
		}
		t.Repeat(rapid.StateMachineActions(m))
	})
}

const (
	modelLease    = 30 * time.Second
	modelFailures = 3
)

// modelClock is a worker's clock.
type modelClock struct{ now time.Time }

func (c *modelClock) Now() time.Time { return c.now }
func (c *modelClock) After(time.Duration) <-chan time.Time {
	panic("the model calls steps, it waits for nothing")
}

// silent is a dispatcher for workers that are called.
type silent struct{}

func (silent) Enqueue(context.Context, store.Tx, []Hint) error { return nil }
func (silent) Wake()                                           {}
func (silent) Run(context.Context, int, func(context.Context, Hint) (bool, error)) error {
	panic("not used")
}

// modelRun and modelShard are what the rows should hold.
type modelRun struct {
	state  RunState
	shards []*modelShard
}

type modelShard struct {
	row      Shard // ID, Key, State, Priority, Attempt, Failures, Cursor, Counters count
	worker   *modelWorker
	beats    int // how often the lease was renewed
	waitTill time.Time
}

// modelWorker is an engine with the attempts that its process has.
type modelWorker struct {
	engine   *Engine
	clock    *modelClock
	attempts []*modelAttempt
	served   []RunRef // runs in the order in which it last claimed from them
	seen     map[int64]modelSighting
}

type modelSighting struct {
	attempt int64
	beats   int
	since   time.Time
}

type modelAttempt struct {
	*Attempt
	shard  *modelShard
	run    RunRef
	told   error // why the attempt knows that it is over
	cursor int
}

type model struct {
	ctx     context.Context
	db      store.DB
	runs    map[RunRef]*modelRun
	order   []RunRef
	workers []*modelWorker
	zombies []*modelAttempt // attempts of processes that died and wake up now and then
	made    int
}

// Work implements [Handler]; the model does the work.
func (m *model) Work(context.Context, *Attempt) error { panic("not used") }

// RunFinished implements [Handler].
func (m *model) RunFinished(ctx context.Context, tx store.Tx, run Run, totals Totals) error {
	if totals.Unfinished() != 0 {
		return fmt.Errorf("finished with %+v", totals)
	}
	_, err := tx.Exec(ctx, "INSERT INTO finishes (run_id) VALUES ($1)", run.RunID)
	return err
}

// createFinishes makes the table of the runs for which RunFinished was called.
func createFinishes(t *testing.T, db store.DB) {
	t.Helper()
	err := db.Update(t.Context(), func(tx store.Tx) error {
		_, err := tx.Exec(t.Context(), "CREATE TABLE finishes (run_id TEXT NOT NULL)")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// finishes says how often a run was finished.
func finishes(ctx context.Context, tx store.Tx, ref RunRef) (n int64, err error) {
	err = store.One(ctx, tx, "SELECT COUNT(*) FROM finishes WHERE run_id = $1", []any{ref.RunID}, &n)
	return n, err
}

func (m *model) join(t *rapid.T) {
	clock := &modelClock{time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC).Add(time.Duration(m.made) * time.Hour)} // nobody's clock is right
	m.made++
	engine, err := New(Config{
		DB: m.db, Handler: m, Dispatcher: silent{}, Lease: modelLease, MaxFailures: modelFailures, Clock: clock, Slots: 1,
		Worker: fmt.Sprint("w", m.made), Backoff: Backoff{Base: 10 * time.Second, Max: 20 * time.Second}, Random: func() float64 { return 0 },
	})
	if err != nil {
		t.Fatal(err)
	}
	m.workers = append(m.workers, &modelWorker{engine: engine, clock: clock, seen: make(map[int64]modelSighting)})
}

// ---- drawing ----

func (m *model) worker(t *rapid.T) *modelWorker {
	return rapid.SampledFrom(m.workers).Draw(t, "worker")
}

func (m *model) attempt(t *rapid.T) *modelAttempt {
	var all []*modelAttempt
	for _, w := range m.workers {
		all = append(all, w.attempts...)
	}
	all = append(all, m.zombies...)
	if len(all) == 0 {
		t.Skip("no attempts")
	}
	return rapid.SampledFrom(all).Draw(t, "attempt")
}

func (m *model) anyRun(t *rapid.T) (RunRef, *modelRun) {
	if len(m.order) == 0 {
		t.Skip("no runs")
	}
	ref := rapid.SampledFrom(m.order).Draw(t, "run")
	return ref, m.runs[ref]
}

// ---- actions ----

// Start starts a run, or one that exists.
func (m *model) Start(t *rapid.T) {
	key := rapid.SampledFrom([]string{"1", "2", "3"}).Draw(t, "key")
	priorities := rapid.SliceOfN(rapid.IntRange(1, 3), 0, 3).Draw(t, "priorities")
	w := m.worker(t)
	tenant := store.Tenant{Account: "123456789012", Region: "us-east-1"}
	var shards []NewShard
	for i, priority := range priorities {
		shards = append(shards, NewShard{Key: fmt.Sprint("s", i), Priority: priority})
	}
	var run Run
	var created bool
	m.update(t, func(tx store.Tx) (err error) {
		run, created, err = w.engine.StartRun(m.ctx, tx, tenant, "job", key, shards...)
		return err
	})
	if _, exists := m.runs[run.RunRef]; exists == created {
		t.Fatalf("run %s existed: %v, created: %v", key, exists, created)
	}
	if !created {
		return
	}
	r := &modelRun{state: RunRunning}
	m.runs[run.RunRef] = r
	m.order = append(m.order, run.RunRef)
	m.adopt(t, run.RunRef, shards)
	if len(shards) == 0 {
		r.state = RunComplete
	}
}

// adopt enters new shards into the model with the ids they got.
func (m *model) adopt(t *rapid.T, ref RunRef, shards []NewShard) {
	stored := m.stored(t, ref)
	r := m.runs[ref]
	for _, s := range shards {
		if slices.ContainsFunc(r.shards, func(old *modelShard) bool { return old.row.Key == s.Key }) {
			continue
		}
		i := slices.IndexFunc(stored, func(row Shard) bool { return row.Key == s.Key })
		if i < 0 {
			t.Fatalf("shard %s was not added", s.Key)
		}
		r.shards = append(r.shards, &modelShard{row: Shard{ID: stored[i].ID, Key: s.Key, State: Ready, Priority: s.Priority}})
	}
}

// Claim has a worker claim what the rules say.
func (m *model) Claim(t *rapid.T) {
	w := m.worker(t)
	a, err := w.engine.claim(m.ctx, Hint{})
	if err != nil {
		t.Fatal(err)
	}
	ref, want := m.next(w)
	if want == nil || a == nil {
		if want != nil || a != nil {
			t.Fatalf("claimed %+v, want %+v", a, want)
		}
		return
	}
	if a.ShardID != want.row.ID {
		t.Fatalf("claimed shard %d (%s of run %s), want %d (%s of run %s)", a.ShardID, a.Key, a.Run.RunID, want.row.ID, want.row.Key, ref.RunID)
	}
	want.row.State = Running
	want.row.Attempt++
	want.worker = w
	want.beats++
	if a.Number != want.row.Attempt || a.Failures != want.row.Failures || string(a.Cursor) != string(want.row.Cursor) {
		t.Fatalf("attempt %d with %d failures and cursor %q, want %+v", a.Number, a.Failures, a.Cursor, want.row)
	}
	w.attempts = append(w.attempts, &modelAttempt{Attempt: a, shard: want, run: ref, cursor: len(a.Cursor)})
	w.served = append(slices.DeleteFunc(w.served, func(old RunRef) bool { return old == ref }), ref)
}

// next says which shard is to be claimed: least priority number, then fewest shards at work in its run, then the run this worker served
// longest ago, then run and shard id.
func (m *model) next(w *modelWorker) (RunRef, *modelShard) {
	type turn struct {
		priority, busy, served int
		ref                    RunRef
		shard                  *modelShard
	}
	var best *turn
	for ref, r := range m.runs {
		if r.state != RunRunning {
			w.served = slices.DeleteFunc(w.served, func(old RunRef) bool { return old == ref }) // the worker forgets it meanwhile
			continue
		}
		var first *modelShard
		busy := 0
		for _, s := range r.shards {
			if s.row.State == Running {
				busy++
			}
			if s.row.State == Ready && (first == nil || s.row.Priority < first.row.Priority) {
				first = s
			}
		}
		if first == nil {
			continue
		}
		c := turn{first.row.Priority, busy, slices.Index(w.served, ref), ref, first}
		if best == nil || slices.Compare([]int{c.priority, c.busy, c.served}, []int{best.priority, best.busy, best.served}) < 0 ||
			slices.Compare([]int{c.priority, c.busy, c.served}, []int{best.priority, best.busy, best.served}) == 0 && c.ref.RunID < best.ref.RunID {
			best = &c
		}
	}
	if best == nil {
		return RunRef{}, nil
	}
	return best.ref, best.shard
}

// verdict says what becomes of something that an attempt wants to do to its shard.
func (m *model) verdict(a *modelAttempt) error {
	switch {
	case a.told != nil:
		return a.told
	case m.runs[a.run].state != RunRunning:
		return m.runs[a.run].state.refusal()
	case a.shard.row.State != Running || a.shard.row.Attempt != a.Number:
		return ErrFenced
	}
	return nil
}

// Commit has an attempt commit a step, perhaps with a new shard.
func (m *model) Commit(t *rapid.T) {
	a := m.attempt(t)
	move := rapid.Bool().Draw(t, "move the cursor")
	add := rapid.SampledFrom([]string{"", "", "x", "y"}).Draw(t, "add a shard")
	cursor := a.cursor
	if move {
		cursor++
	}
	bytes := []byte(nil)
	if cursor > 0 {
		bytes = make([]byte, cursor)
	}
	var added []NewShard
	if add != "" {
		added = []NewShard{{Key: add, Priority: 2}}
	}
	want := m.verdict(a)
	err := a.Commit(m.ctx, bytes, Counters{Objects: 2, Bytes: 3}, func(tx store.Tx) error {
		_, err := a.AddShards(m.ctx, tx, added...)
		return err
	})
	if !errors.Is(err, want) || (want == nil) != (err == nil) {
		t.Fatalf("commit said %v, want %v", err, want)
	}
	if want != nil {
		a.told = want
		return
	}
	row := &a.shard.row
	if move {
		row.Failures = 0
	}
	a.cursor = cursor
	row.Cursor = bytes
	row.Counters.Objects += 2
	row.Counters.Bytes += 3
	a.shard.beats++
	m.adopt(t, a.run, added)
}

// Settle ends an attempt in one of the ways in which Work can.
func (m *model) Settle(t *rapid.T) {
	a := m.attempt(t)
	how := rapid.SampledFrom([]string{"done", "fail", "fail", "fail", "permanent", "unavailable"}).Draw(t, "how")
	errs := map[string]error{"fail": errors.New("x"), "permanent": Permanent(errors.New("x")), "unavailable": store.ErrUnavailable}
	engine := a.engine
	failures := a.shard.row.Failures
	current := a.shard.row.State == Running && a.shard.row.Attempt == a.Number
	told := a.told
	a.settling.Store(true)
	engine.settle(a.Attempt, errs[how])
	engine.letGo(a.Attempt)
	m.forget(a)
	if !current {
		return // refused; Check sees that the rows are as they were
	}
	row := &a.shard.row
	open := m.runs[a.run].state == RunRunning
	if how != "done" && told != nil {
		how = "end" // told to, so it is handed back
	}
	switch {
	case errors.Is(told, ErrFenced) && how != "done":
	case how == "done" && open:
		row.State = Done
	case how == "done" || how == "end":
		row.State = Ready
	case how == "unavailable":
		row.State = Waiting
		a.shard.waitTill = engine.now().Add(backoff(1))
	case (how == "permanent" || failures+1 >= modelFailures) && open:
		row.State = Dead
		row.Failures++
	default:
		row.State = Waiting
		row.Failures++
		a.shard.waitTill = engine.now().Add(backoff(failures + 1))
	}
	m.closeRun(a.run)
}

// backoff is what the configuration of the model's engines comes to.
func backoff(failures int64) time.Duration {
	if failures <= 1 {
		return 10 * time.Second
	}
	return 20 * time.Second
}

// closeRun completes a run of which nothing is left.
func (m *model) closeRun(ref RunRef) {
	r := m.runs[ref]
	if r.state == RunRunning && !slices.ContainsFunc(r.shards, func(s *modelShard) bool { return s.row.State != Done && s.row.State != Dead }) {
		r.state = RunComplete
	}
}

func (m *model) forget(a *modelAttempt) {
	is := func(other *modelAttempt) bool { return other == a }
	for _, w := range m.workers {
		w.attempts = slices.DeleteFunc(w.attempts, is)
	}
	m.zombies = slices.DeleteFunc(m.zombies, is)
}

// Pause, Resume and Cancel do what an operator does.
func (m *model) Pause(t *rapid.T) {
	m.operate(t, (*Engine).PauseRun, RunPaused, RunRunning)
}

func (m *model) Resume(t *rapid.T) {
	m.operate(t, (*Engine).ResumeRun, RunRunning, RunPaused)
}

func (m *model) Cancel(t *rapid.T) {
	if rapid.IntRange(0, 9).Draw(t, "mean it") == 0 {
		m.operate(t, (*Engine).CancelRun, RunCancelled, RunRunning, RunPaused)
	}
}

func (m *model) operate(t *rapid.T, do func(*Engine, context.Context, store.Tx, RunRef) (bool, error), to RunState, from ...RunState) {
	ref, r := m.anyRun(t)
	var changed bool
	m.update(t, func(tx store.Tx) (err error) {
		changed, err = do(m.workers[0].engine, m.ctx, tx, ref)
		return err
	})
	if want := slices.Contains(from, r.state); changed != want {
		t.Fatalf("from %s to %s: changed is %v", r.state, to, changed)
	}
	if changed {
		r.state = to
	}
}

// Beat lets time pass for a worker and has it renew its leases.
func (m *model) Beat(t *rapid.T) {
	w := m.worker(t)
	w.clock.now = w.clock.now.Add(modelLease / 3)
	if err := w.engine.beat(m.ctx); err != nil {
		t.Fatal(err)
	}
	for _, a := range w.attempts {
		switch {
		case a.shard.row.State != Running || a.shard.row.Attempt != a.Number:
			if a.told == nil {
				a.told = ErrFenced
			}
		default:
			a.shard.beats++
			if state := m.runs[a.run].state; state != RunRunning && a.told == nil {
				a.told = state.refusal()
			}
		}
	}
}

// Sweep lets time pass for a worker and has it sweep.
func (m *model) Sweep(t *rapid.T) {
	w := m.worker(t)
	w.clock.now = w.clock.now.Add(time.Duration(rapid.IntRange(1, 8).Draw(t, "sixths of a lease")) * modelLease / 6)
	now := w.clock.now
	if err := w.engine.sweep(m.ctx); err != nil {
		t.Fatal(err)
	}
	seen := make(map[int64]modelSighting)
	for _, ref := range m.order {
		for _, s := range m.runs[ref].shards {
			if s.row.State != Running || slices.ContainsFunc(w.attempts, func(a *modelAttempt) bool { return a.shard == s && a.Number == s.row.Attempt }) {
				continue
			}
			old, ok := w.seen[s.row.ID]
			if !ok || old.attempt != s.row.Attempt || old.beats != s.beats {
				old = modelSighting{s.row.Attempt, s.beats, now}
			}
			seen[s.row.ID] = old
			if now.Sub(old.since) >= modelLease {
				m.lose(w, ref, s)
			}
		}
		m.closeRun(ref)
	}
	w.seen = seen
	if _, err := w.engine.sweepWaiting(m.ctx); err != nil {
		t.Fatal(err)
	}
	for _, r := range m.runs {
		for _, s := range r.shards {
			if s.row.State == Waiting && !s.waitTill.After(now) {
				s.row.State = Ready
			}
		}
	}
}

func (m *model) lose(w *modelWorker, ref RunRef, s *modelShard) {
	s.row.Failures++
	switch {
	case s.row.Failures >= modelFailures && m.runs[ref].state == RunRunning:
		s.row.State = Dead
	case s.row.Failures > 1:
		s.row.State = Waiting
		s.waitTill = w.clock.now.Add(backoff(s.row.Failures - 1))
	default:
		s.row.State = Ready
	}
}

// Die kills a worker's process; its attempts may wake up as zombies. Another process takes its place.
func (m *model) Die(t *rapid.T) {
	if rapid.IntRange(0, 2).Draw(t, "really") > 0 {
		t.Skip("alive")
	}
	i := rapid.IntRange(0, len(m.workers)-1).Draw(t, "which")
	m.zombies = append(m.zombies, m.workers[i].attempts...)
	m.workers = slices.Delete(m.workers, i, i+1)
	m.join(t)
}

// Check compares everything that is stored with the model.
func (m *model) Check(t *rapid.T) {
	for _, ref := range m.order {
		r := m.runs[ref]
		var run Run
		var finished int64
		m.view(t, func(tx store.Tx) (err error) {
			if run, err = GetRun(m.ctx, tx, ref); err == nil {
				finished, err = finishes(m.ctx, tx, ref)
			}
			return err
		})
		if run.State != r.state {
			t.Fatalf("run %s is %s, want %s", ref.RunID, run.State, r.state)
		}
		if want := map[bool]int64{true: 1}[r.state == RunComplete]; finished != want {
			t.Fatalf("run %s is %s and was finished %d times", ref.RunID, r.state, finished)
		}
		var got, want []Shard
		for _, row := range m.stored(t, ref) {
			got = append(got, Shard{ID: row.ID, Key: row.Key, State: row.State, Priority: row.Priority, Attempt: row.Attempt,
				Failures: row.Failures, Cursor: row.Cursor, Counters: row.Counters})
		}
		for _, s := range r.shards {
			want = append(want, s.row)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("shards of run %s (-model +stored):\n%s", ref.RunID, diff)
		}
	}
}

func (m *model) stored(t *rapid.T, ref RunRef) []Shard {
	var rows []Shard
	m.view(t, func(tx store.Tx) (err error) {
		rows, err = Shards(m.ctx, tx, ref, "", 0, 100)
		return err
	})
	return rows
}

func (m *model) update(t *rapid.T, fn func(tx store.Tx) error) {
	if err := m.db.Update(m.ctx, fn); err != nil {
		t.Fatal(err)
	}
}

func (m *model) view(t *rapid.T, fn func(tx store.Tx) error) {
	if err := m.db.View(m.ctx, fn); err != nil {
		t.Fatal(err)
	}
}
