package riverq_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/job/jobtest"
	"github.com/magpie-sec/magpie/internal/job/riverq"
	"github.com/magpie-sec/magpie/internal/pgtest"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/store/open"
	"github.com/magpie-sec/magpie/internal/store/open/opentest"
	"github.com/magpie-sec/magpie/internal/store/postgres"
	"github.com/magpie-sec/magpie/internal/store/storetest"
)

var suite = jobtest.Suite{
	Database: opentest.Postgres,
	Dispatcher: func(db store.DB, _ job.Clock) (job.Dispatcher, error) {
		pooled, ok := db.(interface{ Pool() *pgxpool.Pool })
		if !ok {
			return nil, fmt.Errorf("%s has no pool", db.Engine())
		}
		return riverq.New(pooled.Pool(), nil)
	},
	Processes: 3,
	Server:    server,
}

// server starts a server that syncs to disk, so that what it acknowledged survives its being killed.
func server(t testing.TB) (url string, restart func()) {
	s, err := pgtest.Start(pgtest.Options{Durable: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	kill := false
	return s.Database(t), func() {
		down := s.Stop
		if kill = !kill; kill {
			down = s.Kill
		}
		if err := down(); err != nil {
			t.Fatal(err)
		}
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMain(m *testing.M) {
	if code, child := jobtest.Main(suite); child {
		os.Exit(code)
	}
	os.Exit(pgtest.Main(m))
}

func TestRiver(t *testing.T) { jobtest.Run(t, suite) }

// env is a fresh database with the tables of the synthetic handler.
func env(t *testing.T) store.DB {
	t.Helper()
	db, err := open.Open(t.Context(), opentest.Postgres(t), open.Options{Postgres: postgres.Options{MaxConns: 16}})
	if err != nil {
		t.Fatal(err)
	}
	db = storetest.MayConflict(db)
	t.Cleanup(func() { db.Close() })
	if err := jobtest.CreateTables(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	return db
}

func engine(t *testing.T, db store.DB, handler *jobtest.Handler, hooks job.Hooks) *job.Engine {
	t.Helper()
	d, err := suite.Dispatcher(db, nil)
	if err != nil {
		t.Fatal(err)
	}
	e, err := job.New(job.Config{DB: db, Dispatcher: d, Handler: handler, Slots: 4, Hooks: hooks})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return e
}

func start(t *testing.T, db store.DB, e *job.Engine) job.RunRef {
	t.Helper()
	var ref job.RunRef
	err := db.Update(t.Context(), func(tx store.Tx) error {
		run, _, err := e.StartRun(t.Context(), tx, store.Tenant{Account: "123456789012", Region: "us-east-1"}, "j", "1", jobtest.Standard.Shard())
		ref = run.RunRef
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func receive(t *testing.T, what string, ch <-chan struct{}) {
	t.Helper()
	select {
	case <-ch:
	case <-time.After(5 * time.Minute):
		t.Fatalf("waited in vain for %s", what)
	}
}

// rows does a statement on River's own table and returns how many rows it touched.
func rows(t *testing.T, db store.DB, sql string) int64 {
	t.Helper()
	var n int64
	err := db.Update(t.Context(), func(tx store.Tx) (err error) {
		n, err = tx.Exec(t.Context(), sql)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestRescue has River hand out hints again that are being worked on or are done, as its rescuer and its retries do. Nothing is claimed twice
// for it, and nothing doubled.
func TestRescue(t *testing.T) {
	db := env(t)
	progress, complete := make(chan struct{}, 1000), make(chan struct{})
	var claims atomic.Int64
	e := engine(t, db, &jobtest.Handler{}, job.Hooks{
		Claimed:   func(*job.Attempt) { claims.Add(1) },
		Committed: func(*job.Attempt) { progress <- struct{}{} },
		Complete:  func(job.Run) { close(complete) },
	})
	ref := start(t, db, e)
	again := int64(0)
	for range 5 {
		for range 60 {
			receive(t, "progress", progress)
		}
		again += rows(t, db, `UPDATE river_job SET state = 'available', finalized_at = NULL, unique_key = NULL WHERE state IN ('running', 'completed')`)
	}
	receive(t, "the end of the run", complete)
	if again == 0 {
		t.Error("no hint was handed out again")
	}
	if err := jobtest.Verify(t.Context(), db, ref, jobtest.Standard); err != nil {
		t.Error(err)
	}
	if n := claims.Load(); n != 51 {
		t.Errorf("%d claims for 51 shards", n)
	}
}

// TestUnique repeats hints: the same one waits once, another attempt's or a nudge is another one.
func TestUnique(t *testing.T) {
	db := env(t)
	d, err := suite.Dispatcher(db, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		err := db.Update(t.Context(), func(tx store.Tx) error {
			return d.Enqueue(t.Context(), tx, []job.Hint{{ShardID: 1}, {ShardID: 1}, {ShardID: 2}, {ShardID: 2, Attempt: 1}, {ShardID: 2, Attempt: 1, Nudge: 7}})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if n := rows(t, db, `UPDATE river_job SET state = 'cancelled', finalized_at = now() WHERE state = 'available'`); n != 4 {
		t.Errorf("%d hints wait, want 4", n)
	}
	err = db.Update(t.Context(), func(tx store.Tx) error {
		if err := d.Enqueue(t.Context(), tx, []job.Hint{{ShardID: 1}}); err != nil {
			return err
		}
		return context.Canceled // the transaction is lost, and the hint with it
	})
	if n := rows(t, db, `DELETE FROM river_job WHERE state = 'available'`); n != 0 || err == nil {
		t.Errorf("%d hints of a transaction that was rolled back (%v)", n, err)
	}
}

// TestCleaned shows that River removes the rows of hints that are done.
func TestCleaned(t *testing.T) {
	db := env(t)
	complete := make(chan struct{})
	first := engine(t, db, &jobtest.Handler{}, job.Hooks{Complete: func(job.Run) { close(complete) }})
	start(t, db, first)
	receive(t, "the end of the run", complete)
	if err := first.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := rows(t, db, `UPDATE river_job SET state = 'completed', finalized_at = now() - interval '2 minutes'`); n < 51 {
		t.Errorf("%d hints were made, want one for each of the 51 shards at least", n)
	}
	engine(t, db, &jobtest.Handler{}, job.Hooks{}) // its River cleans when it becomes the leader
	deadline := time.After(5 * time.Minute)
	for rows(t, db, `UPDATE river_job SET priority = priority`) > 0 {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-deadline:
			t.Fatal("the rows of done hints are still there")
		}
	}
}

// TestForeignTransaction refuses a transaction that is not PostgreSQL's.
func TestForeignTransaction(t *testing.T) {
	db, err := open.Open(t.Context(), filepath.Join(t.TempDir(), "magpie.db"), open.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	d, err := suite.Dispatcher(env(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(t.Context(), func(tx store.Tx) error { return d.Enqueue(t.Context(), tx, []job.Hint{{ShardID: 1}}) })
	if err == nil || !strings.Contains(err.Error(), "PostgreSQL") {
		t.Errorf("hints in a SQLite transaction: %v", err)
	}
}

func BenchmarkRiver(b *testing.B) { jobtest.Benchmark(b, suite) }
