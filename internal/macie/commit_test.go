package macie

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// A disturbed database counts transactions that write, and disturbs one of them.
type disturbed struct {
	store.DB
	count  atomic.Int64
	at     int64         // which transaction, from 1; 0 for none
	commit bool          // whether it is committed all the same
	kills  bool          // whether the process is dead from then on, as the database sees it
	struck chan struct{} // closed when it is dead
	dead   atomic.Bool
	seen   func() // called behind every transaction that was committed
}

var errBroken = fmt.Errorf("the connection broke: %w", store.ErrUnavailable)

func (d *disturbed) Update(ctx context.Context, fn func(store.Tx) error) error {
	if d.dead.Load() {
		return errBroken
	}
	strikes := d.count.Add(1) == d.at
	if !strikes || d.commit {
		if err := d.DB.Update(ctx, fn); err != nil {
			return err
		}
		d.seen()
	}
	if !strikes {
		return nil
	}
	if d.kills {
		d.dead.Store(true)
		close(d.struck)
	}
	return errBroken
}

func (d *disturbed) View(ctx context.Context, fn func(store.Tx) error) error {
	if d.dead.Load() {
		return errBroken
	}
	return d.DB.View(ctx, fn)
}

// outcome is everything that a run leaves behind for users to see.
type outcome struct {
	Findings []string
	Results  map[string]store.Result
	Totals   job.Counters
	Job      string
	Events   []string // what was told of the job, as it is kept
	Told     []string // and as it goes out
}

func (w *world) outcome(id string) outcome {
	w.Helper()
	out := outcome{Results: w.results(id), Totals: w.totals(id).Counters}
	list := &macie2.ListFindingsInput{SortCriteria: &macie2.SortCriteria{AttributeName: wire.Ptr("resourcesAffected"), OrderBy: macie2.OrderByAsc}}
	for {
		page, err := w.service.ListFindings(w.ctx, list)
		must(w, err)
		got, err := w.service.GetFindings(w.ctx, &macie2.GetFindingsInput{FindingIds: page.FindingIds, SortCriteria: list.SortCriteria})
		must(w, err)
		for i := range got.Findings {
			out.Findings = append(out.Findings, string(wire.Marshal(&got.Findings[i])))
		}
		if list.NextToken = page.NextToken; page.NextToken == nil {
			break
		}
	}
	described := w.describe(id)
	described.LastRunTime = nil // by the engine's clock
	out.Job = string(wire.Marshal(described))
	out.Events, out.Told = w.events(id), w.told(id)
	return out
}

// TestDisturbed disturbs a job at each of its commits in turn: the database answers with an error before or after the commit, or the process
// dies there and another takes over. What the job leaves behind is the same as if nothing had happened, to the byte.
func TestDisturbed(t *testing.T) {
	bodies := map[string]string{}
	for i := range 2*commitObjects + 50 {
		bodies[fmt.Sprintf("%04d.csv", i)] = "id\n" + fmt.Sprint(i)
		if i%10 == 0 {
			bodies[fmt.Sprintf("%04d.csv", i)] = people(i%3 + 1)
		}
	}
	undisturbed, commits := disturb(t, bodies, 0, false, false)
	if len(undisturbed.Findings) != 46 || undisturbed.Totals.Objects != 452 || undisturbed.Totals.Skipped != 1 || commits < 10 {
		t.Fatalf("undisturbed: %d findings, %+v, %d commits", len(undisturbed.Findings), undisturbed.Totals, commits)
	}
	for at := int64(1); at <= commits; at++ {
		for name, v := range map[string]struct{ commit, kills bool }{
			"lost":              {false, false},
			"made, yet unknown": {true, false},
			"killed before":     {false, true},
			"killed behind":     {true, true},
		} {
			t.Run(fmt.Sprintf("commit %d %s", at, name), func(t *testing.T) {
				got, _ := disturb(t, bodies, at, v.commit, v.kills)
				equal(t, "findings", len(got.Findings), len(undisturbed.Findings))
				for i := range got.Findings {
					if got.Findings[i] != undisturbed.Findings[i] {
						t.Fatalf("finding %d is\n%s\nundisturbed\n%s", i, got.Findings[i], undisturbed.Findings[i])
					}
				}
				equal(t, "results, counters and job (-undisturbed +disturbed)", got, undisturbed)
			})
		}
	}
}

// disturb runs a job on a database that is disturbed and returns what it leaves behind and how many transactions it wrote.
func disturb(t *testing.T, bodies map[string]string, at int64, commit, kills bool, changes ...func(*world)) (outcome, int64) {
	db := &disturbed{at: at, commit: commit, kills: kills, struck: make(chan struct{}), seen: func() {}}
	var cfg job.Config
	w := newWorld(t, oneSlot, wrapDB(func(inner store.DB) store.DB {
		db.DB = inner
		return db
	}), func(_ *world, c *job.Config) {
		if !kills {
			c.Lease = 150 * time.Millisecond // what the engine could not write down is taken up when the lease has run out
		}
		c.Hooks = job.Hooks{} // whoever dies in the last commit does not tell that the run is complete
		cfg = *c
	})
	for _, change := range changes {
		change(w)
	}
	w.put("bucket", bodies)
	w.put("closed", map[string]string{"a.csv": people(1), "shut/b.csv": people(1)})
	w.objects[home].Deny("closed", "shut/")
	id := w.create(jobOver("token", "bucket", "missing", "closed"))
	ref := latestRef(w, id)
	complete := make(chan struct{})
	var once sync.Once
	seen := func() {
		if t.Context().Err() != nil {
			return // the engine still ends
		}
		must(t, w.db.View(context.Background(), func(tx store.Tx) error {
			run, err := job.GetRun(context.Background(), tx, ref)
			if run.State == job.RunComplete {
				once.Do(func() { close(complete) })
			}
			return err
		}))
	}
	db.seen = seen
	w.start()
	timeout := time.After(patience)
	for done := false; !done; {
		select {
		case <-db.struck:
			db.struck = nil
			w.engine.Abandon()
			w.takeOver(cfg, &disturbed{DB: w.db, seen: seen})
		case <-complete:
			done = true
		case <-timeout:
			t.Fatalf("the run is not complete; log:\n%s", w.log)
		}
	}
	if kills {
		w.engine.Abandon() // also if it died behind the commit that was the last
	}
	return w.outcome(id), db.count.Load()
}

// takeOver starts another process, as it were, that works on the same data.
func (w *world) takeOver(cfg job.Config, db store.DB) *job.Engine {
	w.Helper()
	cfg.DB, cfg.Exclusive, cfg.Worker = db, true, "successor"
	config := w.worker.cfg
	config.DB = db
	cfg.Handler = NewWorker(config)
	var err error
	cfg.Dispatcher, err = dispatcherOf(w.db)
	must(w, err)
	engine, err := job.New(cfg)
	must(w, err)
	w.Cleanup(func() { must(w, engine.Stop(context.Background())) })
	must(w, engine.Start(w.Context()))
	return engine
}
