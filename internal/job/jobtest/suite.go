package jobtest

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/store/open"
	"github.com/magpie-sec/magpie/internal/store/storetest"
)

// Suite is a dispatcher on a kind of database.
type Suite struct {
	// Database returns the URL of a fresh database, as package open takes it; it is gone when the test ends.
	Database func(t testing.TB) string
	// Dispatcher makes the dispatcher of one engine.
	Dispatcher func(db store.DB, clock job.Clock) (job.Dispatcher, error)
	// Processes is how many worker processes the test with kills runs at a time; 0 leaves it out.
	Processes int
	// Server returns the URL of a database on a server of its own, and a function that stops this server, sometimes by killing it, and
	// starts it again. It is nil where there is no server.
	Server func(t testing.TB) (url string, restart func())
}

// tenant owns all runs of the suite.
var tenant = store.Tenant{Account: "123456789012", Region: "us-east-1"}

// patience is how long a test waits for something that must happen. It is far beyond what a loaded machine needs.
const patience = 5 * time.Minute

// Run holds the suite's dispatcher and database to everything that package job promises.
func Run(t *testing.T, s Suite) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, s Suite)
	}{
		{"EveryKeyOnce", everyKeyOnce},
		{"EmptyRun", emptyRun},
		{"StartOnce", startOnce},
		{"ShardsChecked", shardsChecked},
		{"Progress", progress},
		{"Retry", retry},
		{"Poison", poison},
		{"Permanent", permanent},
		{"ListingFails", listingFails},
		{"FinishFails", finishFails},
		{"RunError", runError},
		{"Zombie", zombie},
		{"Abandoned", abandoned},
		{"LostTooOften", lostTooOften},
		{"Exclusive", exclusive},
		{"ClockJumps", clockJumps},
		{"Heartbeat", heartbeat},
		{"CommitsLost", commitsLost},
		{"ClaimLost", claimLost},
		{"Pause", pause},
		{"PauseByHeartbeat", pauseByHeartbeat},
		{"PauseOften", pauseOften},
		{"Cancel", cancel},
		{"Stop", stop},
		{"StopStuck", stopStuck},
		{"StopEarly", stopEarly},
		{"LastTwoAtOnce", lastTwoAtOnce},
		{"TwoEngines", twoEngines},
		{"Priority", priority},
		{"Fair", fair},
		{"HintsLost", hintsLost},
		{"HintsDoubled", hintsDoubled},
		{"Metrics", metrics},
		{"Flaky", flaky},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, s) })
	}
	if s.Processes > 0 {
		t.Run("Kills", func(t *testing.T) { kills(t, s) })
	}
	if s.Server != nil {
		t.Run("ServerRestarts", func(t *testing.T) { serverRestarts(t, s) })
	}
}

// env is a fresh database with the handler's tables.
type env struct {
	t   *testing.T
	s   Suite
	url string
	db  store.DB
	log *record

	engines []*job.Engine
}

func newEnv(t *testing.T, s Suite) *env {
	t.Helper()
	e := &env{t: t, s: s, url: s.Database(t), log: newRecord()}
	e.db = openDB(t, e.url)
	if err := CreateTables(t.Context(), e.db); err != nil {
		t.Fatal(err)
	}
	// Whatever runs by now belongs to the database; the engines of the test must leave nothing behind.
	LeaveNothing(t)
	return e
}

// LeaveNothing checks that a test which passed leaves no goroutine behind that it has begun from here on.
func LeaveNothing(t testing.TB) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() {
		deadline := time.Now().Add(leaveWithin)
		for !t.Failed() {
			err := goleak.Find(before, goleak.IgnoreAnyFunction("github.com/magpie-sec/magpie/internal/pgtest.(*Server).launch.func1"))
			switch {
			case err == nil:
				return
			case time.Now().After(deadline):
				t.Error(err)
			}
		}
	})
}

// leaveWithin is how long goroutines may take to end after those who began them have gone on. A look takes more than a second by itself.
const leaveWithin = 30 * time.Second

func openDB(t testing.TB, url string) store.DB {
	t.Helper()
	var options open.Options
	options.Postgres.MaxConns = 24
	db, err := open.Open(t.Context(), url, options)
	if err != nil {
		t.Fatal(err)
	}
	db = storetest.MayConflict(db)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// engine makes an engine that is stopped when the test ends, with retries that do not keep the test waiting.
func (e *env) engine(handler job.Handler, adjust func(*job.Config)) *job.Engine {
	e.t.Helper()
	cfg := job.Config{
		DB: e.db, Handler: handler, Slots: 4, Lease: 30 * time.Second, StopWithin: 5 * time.Second, Clock: job.SystemClock{},
		Backoff: job.Backoff{Base: time.Millisecond, Max: 4 * time.Millisecond}, Random: func() float64 { return 0 },
		Hooks: e.log.hooks(), Logger: slog.New(slog.NewTextHandler(e.t.Output(), &slog.HandlerOptions{Level: slog.LevelError})),
	}
	if adjust != nil {
		adjust(&cfg)
	}
	if cfg.Dispatcher == nil {
		cfg.Dispatcher = e.dispatcher(cfg.Clock)
	}
	engine, err := job.New(cfg)
	if err != nil {
		e.t.Fatal(err)
	}
	e.engines = append(e.engines, engine)
	e.t.Cleanup(func() {
		if err := engine.Stop(context.Background()); err != nil {
			e.t.Error(err)
		}
	})
	return engine
}

// ended stops all engines and returns what happened. While they work an event may yet be told of what is committed already.
func (e *env) ended() counts {
	e.t.Helper()
	for _, engine := range e.engines {
		if err := engine.Stop(context.Background()); err != nil {
			e.t.Error(err)
		}
	}
	return e.log.now()
}

func (e *env) dispatcher(clock job.Clock) job.Dispatcher {
	e.t.Helper()
	d, err := e.s.Dispatcher(e.db, clock)
	if err != nil {
		e.t.Fatal(err)
	}
	return d
}

// started makes and starts an engine.
func (e *env) started(handler job.Handler, adjust func(*job.Config)) *job.Engine {
	e.t.Helper()
	engine := e.engine(handler, adjust)
	e.start(engine)
	return engine
}

func (e *env) start(engine *job.Engine) {
	e.t.Helper()
	if err := engine.Start(e.t.Context()); err != nil {
		e.t.Fatal(err)
	}
}

// begin starts a run with the listing's shard.
func (e *env) begin(engine *job.Engine, jobID string, l Listing) job.RunRef {
	e.t.Helper()
	return e.beginWith(engine, jobID, l.Shard())
}

func (e *env) beginWith(engine *job.Engine, jobID string, shards ...job.NewShard) job.RunRef {
	e.t.Helper()
	var ref job.RunRef
	e.update(func(ctx context.Context, tx store.Tx) error {
		run, created, err := engine.StartRun(ctx, tx, tenant, jobID, "1", shards...)
		if err == nil && !created {
			err = fmt.Errorf("run of job %s exists already", jobID)
		}
		ref = run.RunRef
		return err
	})
	engine.Wake()
	return ref
}

func (e *env) update(fn func(ctx context.Context, tx store.Tx) error) {
	e.t.Helper()
	ctx := context.Background()
	if err := e.db.Update(ctx, func(tx store.Tx) error { return fn(ctx, tx) }); err != nil {
		e.t.Fatal(err)
	}
}

func (e *env) view(fn func(ctx context.Context, tx store.Tx) error) {
	e.t.Helper()
	ctx := context.Background()
	if err := e.db.View(ctx, func(tx store.Tx) error { return fn(ctx, tx) }); err != nil {
		e.t.Fatal(err)
	}
}

func (e *env) run(ref job.RunRef) job.Run {
	e.t.Helper()
	var run job.Run
	e.view(func(ctx context.Context, tx store.Tx) (err error) {
		run, err = job.GetRun(ctx, tx, ref)
		return err
	})
	return run
}

func (e *env) totals(ref job.RunRef) job.Totals {
	e.t.Helper()
	var totals job.Totals
	e.view(func(ctx context.Context, tx store.Tx) (err error) {
		totals, err = job.RunTotals(ctx, tx, ref)
		return err
	})
	return totals
}

func (e *env) shards(ref job.RunRef, state job.ShardState) []job.Shard {
	e.t.Helper()
	var shards []job.Shard
	e.view(func(ctx context.Context, tx store.Tx) (err error) {
		shards, err = job.Shards(ctx, tx, ref, state, 0, 10_000)
		return err
	})
	return shards
}

func (e *env) count(sql string, args ...any) int64 {
	e.t.Helper()
	var n int64
	e.view(func(ctx context.Context, tx store.Tx) error { return store.One(ctx, tx, sql, args, &n) })
	return n
}

func (e *env) effects(ref job.RunRef) int64 {
	e.t.Helper()
	return e.count(`SELECT COUNT(*) FROM effects WHERE run_id = $1`, ref.RunID)
}

// complete waits until the run is complete and checks that its effect is that of an undisturbed run: every key but the missing ones
// exactly once, counters to match, finished once.
func (e *env) complete(ref job.RunRef, l Listing, missing ...int) {
	e.t.Helper()
	e.log.await(e.t, "run "+ref.JobID+" is complete", func(c counts) bool { return c.complete[ref] })
	e.verify(ref, l, missing...)
}

func (e *env) verify(ref job.RunRef, l Listing, missing ...int) {
	e.t.Helper()
	if err := Verify(context.Background(), e.db, ref, l, missing...); err != nil {
		e.t.Fatal(err)
	}
}

// Verify checks a complete run of a listing: every key but the missing ones has one effect, the counters say so too, and it was finished
// once.
func Verify(ctx context.Context, db store.DB, ref job.RunRef, l Listing, missing ...int) error {
	return db.View(ctx, func(tx store.Tx) error {
		run, err := job.GetRun(ctx, tx, ref)
		if err != nil {
			return err
		}
		if run.State != job.RunComplete || run.FinishedAt.IsZero() {
			return fmt.Errorf("run is %s, finished at %v", run.State, run.FinishedAt)
		}
		seen := make([]int64, l.Keys)
		err = store.Each(ctx, tx, `SELECT key, COUNT(*) FROM effects WHERE run_id = $1 GROUP BY key`, []any{ref.RunID}, func(rows store.Rows) error {
			var key, n int64
			if err := rows.Scan(&key, &n); err != nil {
				return err
			}
			if key < 0 || key >= int64(l.Keys) {
				return fmt.Errorf("an effect for key %d, which does not exist", key)
			}
			seen[key] = n
			return nil
		})
		if err != nil {
			return err
		}
		want := job.Counters{Listed: int64(l.Keys), Objects: int64(l.Keys - len(missing)), Bytes: sum(0, l.Keys)}
		absent := make(map[int]bool)
		for _, key := range missing {
			absent[key] = true
			want.Bytes -= int64(key)
		}
		for key, n := range seen {
			if expected := map[bool]int64{false: 1, true: 0}[absent[key]]; n != expected {
				return fmt.Errorf("key %d has %d effects, want %d", key, n, expected)
			}
		}
		totals, err := job.RunTotals(ctx, tx, ref)
		if err != nil {
			return err
		}
		if totals.Counters != want {
			return fmt.Errorf("counters are %+v, want %+v", totals.Counters, want)
		}
		if totals.Unfinished() != 0 {
			return fmt.Errorf("complete run has unfinished shards: %+v", totals)
		}
		var finishes, objects, dead int64
		err = store.One(ctx, tx, `SELECT COUNT(*), CAST(SUM(objects) AS BIGINT), CAST(SUM(dead) AS BIGINT) FROM finishes WHERE run_id = $1`,
			[]any{ref.RunID}, &finishes, &objects, &dead)
		if err != nil {
			return err
		}
		if finishes != 1 || objects != want.Objects || dead != totals.Dead {
			return fmt.Errorf("finished %d times with %d objects and %d dead, want once with %d and %d", finishes, objects, dead, want.Objects, totals.Dead)
		}
		return nil
	})
}

// counts are what the hooks of a test's engines have seen.
type counts struct {
	claimed, committed, fenced, done, retried, dead, handedBack, swept int
	complete                                                           map[job.RunRef]bool
}

// record collects the hooks' events and wakes those who wait for them.
type record struct {
	mu      sync.Mutex
	counts  counts
	order   []string // job ids in the order of claims
	changed chan struct{}
}

func newRecord() *record {
	return &record{counts: counts{complete: make(map[job.RunRef]bool)}, changed: make(chan struct{})}
}

func (r *record) note(change func(*counts)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.counts)
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *record) hooks() job.Hooks {
	return job.Hooks{
		Claimed: func(a *job.Attempt) {
			r.note(func(c *counts) { c.claimed++; r.order = append(r.order, a.Run.JobID) })
		},
		Committed:  func(*job.Attempt) { r.note(func(c *counts) { c.committed++ }) },
		Fenced:     func(*job.Attempt) { r.note(func(c *counts) { c.fenced++ }) },
		Done:       func(*job.Attempt) { r.note(func(c *counts) { c.done++ }) },
		Retried:    func(*job.Attempt) { r.note(func(c *counts) { c.retried++ }) },
		Dead:       func(*job.Attempt) { r.note(func(c *counts) { c.dead++ }) },
		HandedBack: func(*job.Attempt) { r.note(func(c *counts) { c.handedBack++ }) },
		Swept:      func(job.Shard, bool) { r.note(func(c *counts) { c.swept++ }) },
		Complete:   func(run job.Run) { r.note(func(c *counts) { c.complete[run.RunRef] = true }) },
	}
}

func (r *record) now() counts {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.counts
}

func (r *record) claims() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.order...)
}

// await waits until the events satisfy a condition.
func (r *record) await(t testing.TB, what string, ok func(c counts) bool) {
	t.Helper()
	r.awaitPoked(t, what, nil, ok)
}

// awaitPoked is await that calls poke whenever nothing has happened for a moment: for tests whose clock must be moved on.
func (r *record) awaitPoked(t testing.TB, what string, poke func(), ok func(c counts) bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		r.mu.Lock()
		satisfied, changed := ok(r.counts), r.changed
		r.mu.Unlock()
		if satisfied {
			return
		}
		var idle <-chan time.Time
		if poke != nil {
			idle = time.After(5 * time.Millisecond)
		}
		select {
		case <-changed:
		case <-idle:
			poke()
		case <-deadline.C:
			t.Fatalf("waited in vain until %s: %+v", what, r.now())
		}
	}
}

// receive waits for a value of a channel.
func receive[T any](t testing.TB, what string, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		t.Fatalf("waited in vain for %s", what)
		panic("unreachable")
	}
}
