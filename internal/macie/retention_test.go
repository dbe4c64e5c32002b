package macie

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/store"
)

// retainer makes a Retainer by the world's clock.
func (w *world) retainer(holder string, keep Retention) *Retainer {
	return NewRetainer(RetainerConfig{DB: w.db, Keep: keep, Log: slog.New(slog.NewTextHandler(w.log, nil)), Holder: holder, Now: w.clock.Now})
}

// ended makes a job's latest run end now by the world's clock; the engine has the machine's.
func (w *world) ended(id string) {
	w.Helper()
	must(w, w.db.Update(w.Context(), func(tx store.Tx) error {
		_, err := tx.Exec(w.Context(), "UPDATE runs SET finished_at = $2 WHERE run_id = $1", latestRef(w, id).RunID, w.clock.Now().UnixMilli())
		return err
	}))
}

// rows counts the rows of a table.
func (w *world) rows(table string) (n int64) {
	w.Helper()
	must(w, w.db.View(w.Context(), func(tx store.Tx) error {
		return store.One(w.Context(), tx, "SELECT COUNT(*) FROM "+table, nil, &n)
	}))
	return n
}

// TestRetention has an old job and a young one.
func TestRetention(t *testing.T) {
	onBothEngines(t, func(t *testing.T, url string) {
		w := newWorldOn(t, url)
		w.start()
		bodies := map[string]string{}
		for i := range retainBatch + 7 {
			bodies[fmt.Sprintf("%04d.csv", i)] = people(1)
		}
		w.put("old", bodies)
		w.put("young", map[string]string{"a.csv": people(1), "b.txt": "nothing"})
		old := w.run("old")
		before := w.totals(old)
		w.ended(old)
		w.clock.Advance(10 * day)
		young := w.run("young")
		w.ended(young)

		for range 2 { // nothing is to be deleted but what is folded, once
			must(t, w.retainer("a", Retention{}).Pass(t.Context()))
			equal(t, "totals", w.totals(old), before)
			equal(t, "findings", w.rows("findings"), int64(len(bodies)+1))
			equal(t, "results", w.rows("results"), int64(len(bodies)+2))
		}
		var shards []job.Shard
		must(t, w.db.View(t.Context(), func(tx store.Tx) (err error) {
			shards, err = job.Shards(t.Context(), tx, latestRef(w, old), "", 0, 100)
			return err
		}))
		if len(shards) != 1 || shards[0].Kind != listShard {
			t.Errorf("shards of the old run: %+v", shards)
		}

		keep := Retention{Findings: 9 * day, Results: 9 * day, Runs: 9 * day}
		must(t, w.retainer("a", keep).Pass(t.Context()))
		equal(t, "findings", w.rows("findings"), 1)
		equal(t, "documents", w.rows("finding_documents"), 1)
		equal(t, "results", w.rows("results"), 2)
		equal(t, "runs", w.rows("runs"), 2) // the latest of each job
		equal(t, "totals", w.totals(old), before)
		equal(t, "what the old job did not read", fmt.Sprint(w.gaps(old)), "[RESULTS_DELETED 0]")
		equal(t, "what the young job did not read", fmt.Sprint(w.gaps(young)), "[]")
		equal(t, "findings of the young job", fmt.Sprint(w.findingsOf(young)), "[a.csv]")
		must(t, w.retainer("b", Retention{Findings: time.Millisecond}).Pass(t.Context()))
		equal(t, "findings while another server holds the lease", w.rows("findings"), 1)
		w.clock.Advance(retainLease + time.Minute)
		must(t, w.retainer("b", Retention{Findings: time.Millisecond}).Pass(t.Context()))
		equal(t, "findings", w.rows("findings"), 0)
		equal(t, "attributes", w.rows("finding_attributes"), 0)
	})
}

// TestRetentionOfSchedules runs a job daily with the shortest retention: no object is looked at twice for it, and the number of runs stays true.
func TestRetentionOfSchedules(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.put("bucket", map[string]string{"00.csv": people(1)})
	id := w.create(onSchedule("token", everyDay, true, "bucket"))
	w.wait(id)
	w.ended(id)
	const runs = runsAskedAgain + 8
	keep := Retention{Results: time.Hour, Runs: time.Hour}
	for n := 1; n < runs; n++ {
		w.put("bucket", map[string]string{fmt.Sprintf("%02d.csv", n): people(1)})
		w.due(day)
		w.wait(id)
		w.ended(id)
		w.clock.Advance(2 * time.Hour)
		must(t, w.retainer("a", keep).Pass(t.Context()))
		w.clock.Advance(-2 * time.Hour)
	}
	equal(t, "runs", *w.describe(id).Statistics.NumberOfRuns, float64(runs))
	equal(t, "rows of runs", w.rows("runs"), int64(runsAskedAgain))
	equal(t, "findings", len(w.findingsOf(id)), runs)
}
