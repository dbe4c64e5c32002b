package macie

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// TestRetryDead has the parts of a job die of one bucket, and do their work when they are tried again.
func TestRetryDead(t *testing.T) {
	onBothEngines(t, func(t *testing.T, url string) {
		// What is tried again is found when an engine next looks by itself, within a third of a lease.
		w := newWorldOn(t, url, func(_ *world, c *job.Config) { c.Lease = time.Second })
		w.put("bad", map[string]string{"a.csv": people(1), "b.csv": people(2)})
		w.put("good", map[string]string{"c.csv": people(1)})
		id := w.create(jobOver("token", "bad", "good"))
		kind := func(from, to string) {
			must(t, w.db.Update(t.Context(), func(tx store.Tx) error {
				_, err := tx.Exec(t.Context(), "UPDATE shards SET kind = $2 WHERE kind = $1 AND bucket = 'bad'", from, to)
				return err
			}))
		}
		retry := func() (n int64, err error) {
			err = w.db.Update(t.Context(), func(tx store.Tx) (err error) {
				n, err = RetryDead(t.Context(), tx, home, id, w.clock.Now())
				return err
			})
			return n, err
		}
		kind(listShard, "riddle")
		w.start()
		w.wait(id)
		equal(t, "results beside a dead part", w.statuses(id), map[string]string{"c.csv": "COMPLETE"})
		if got := w.describe(id); got.JobStatus != macie2.JobStatusComplete || got.LastRunErrorStatus.Code != macie2.LastRunErrorStatusCodeError {
			t.Errorf("%s, %s", got.JobStatus, got.LastRunErrorStatus.Code)
		}
		var dead []job.Shard
		must(t, w.db.View(t.Context(), func(tx store.Tx) (err error) {
			dead, err = job.DeadOf(t.Context(), tx, home, "", 0, 10)
			return err
		}))
		if len(dead) != 1 || dead[0].Bucket != "bad" || dead[0].JobID != id || dead[0].LastError == "" {
			t.Errorf("dead: %+v", dead)
		}

		kind("riddle", listShard)
		n, err := retry()
		must(t, err)
		equal(t, "parts tried again", n, 1)
		equal(t, "status", w.describe(id).JobStatus, macie2.JobStatusRunning)
		w.engine.Wake()
		w.wait(id)
		equal(t, "results", w.statuses(id), map[string]string{"a.csv": "COMPLETE", "b.csv": "COMPLETE", "c.csv": "COMPLETE"})
		if got := w.describe(id); got.JobStatus != macie2.JobStatusComplete || got.LastRunErrorStatus.Code != macie2.LastRunErrorStatusCodeNone {
			t.Errorf("%s, %s", got.JobStatus, got.LastRunErrorStatus.Code)
		}
		if totals := w.totals(id); totals.Objects != 3 || totals.Findings != 3 || totals.Dead != 0 {
			t.Errorf("%+v", totals)
		}
		n, err = retry()
		must(t, err)
		equal(t, "parts of a whole run", n, 0)
		equal(t, "status", w.describe(id).JobStatus, macie2.JobStatusComplete)
	})
}

// TestRetryRefused has jobs that are cancelled or unknown.
func TestRetryRefused(t *testing.T) {
	w := newWorld(t)
	w.put("bucket", nil)
	id := w.create(jobOver("token", "bucket"))
	must(t, w.set(id, macie2.JobStatusCancelled))
	for id, want := range map[string]error{id: store.ErrInvalid, "unknown": store.ErrNotFound} {
		err := w.db.Update(context.Background(), func(tx store.Tx) error {
			_, err := RetryDead(t.Context(), tx, home, id, time.Now())
			return err
		})
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", id, err, want)
		}
	}
}
