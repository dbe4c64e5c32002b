package macie

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// report tells how far a job of home is.
func (w *world) report(id string) *JobReport {
	w.Helper()
	var r JobReport
	must(w, w.db.View(w.Context(), func(tx store.Tx) (err error) {
		r, err = ReportJob(w.Context(), tx, store.JobRef{Tenant: home, ID: id}, w.clock.Now())
		return err
	}))
	return &r
}

// gaps returns what a job has not read, in short, and holds the objects to the sums.
func (w *world) gaps(id string) (out []string) {
	w.Helper()
	r := w.report(id)
	var gaps []Gap
	must(w, w.db.View(w.Context(), func(tx store.Tx) (err error) {
		gaps, err = Coverage(w.Context(), tx, r)
		return err
	}))
	type sum struct{ objects, bytes, read int64 }
	sums, told := map[[3]string]sum{}, map[[3]string]sum{}
	for _, g := range gaps {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s %d", g.Bucket, g.Status, g.Reason, g.Objects)))
		if g.Objects > 0 && g.Bucket != "" {
			sums[[3]string{g.Bucket, g.Reason}] = sum{g.Objects, g.Bytes, g.Read}
		}
	}
	must(w, EachUnread(w.Context(), w.db, r, func(u *Unread) error {
		key := [3]string{u.Bucket, u.Reason}
		s := told[key]
		told[key] = sum{s.objects + 1, s.bytes + max(u.Size, 0), s.read + u.Read}
		return nil
	}))
	equal(w, "objects one by one, and their sums", fmt.Sprint(told), fmt.Sprint(sums))
	return out
}

// cutGzip makes a gzip file that ends too early.
func cutGzip(t *testing.T) string {
	var b strings.Builder
	z := gzip.NewWriter(&b)
	_, err := io.WriteString(z, strings.Repeat("a line of a log\n", 1000))
	must(t, errors.Join(err, z.Close()))
	return b.String()[:b.Len()-12]
}

// TestCoverage accounts for everything that a run does not read.
func TestCoverage(t *testing.T) {
	onBothEngines(t, func(t *testing.T, url string) {
		w := newWorldOn(t, url)
		w.put("bucket", map[string]string{"a.csv": people(1), "b.bin": "\x00\x01\x02\xff\xfe", "c.csv": people(2), "cold.csv": "", "cut.gz": cutGzip(t)})
		w.objects[home].Put("bucket", source.Object{Key: "cold.csv", StorageClass: "GLACIER"}, []byte(people(1)))
		w.put("closed", map[string]string{"a.csv": people(1), "shut/b.csv": people(1)})
		w.objects[home].Deny("closed", "shut/")
		w.put("denied", nil)
		w.put("empty", nil)
		w.fault(func(step, bucket, key string) error {
			switch {
			case step == "list" && bucket == "denied":
				return &source.Error{Kind: source.AccessDenied, Op: "ListObjectsV2", Bucket: bucket}
			case step == "open" && key == "c.csv":
				return &source.Error{Kind: source.KeyUnavailable, Op: "GetObject", Bucket: bucket, Key: key}
			}
			return nil
		})
		w.start()
		want := []string{"denied  BUCKET_ACCESS_DENIED 0", "gone  BUCKET_DOES_NOT_EXIST 0", "bucket PARTIAL MALFORMED_FILE 1",
			"bucket SKIPPED INVALID_KMS_KEY 1", "bucket SKIPPED INVALID_OBJECT_STATE 1", "bucket SKIPPED UNSUPPORTED_FILE_TYPE_EXCEPTION 1",
			"closed SKIPPED PERMISSION_DENIED 1"}
		for range 2 { // the second time the ledger tells most of it
			got := w.gaps(w.run("bucket", "closed", "denied", "gone", "empty"))
			slices.Sort(got[:2]) // two workers
			equal(t, "not read", got, want)
		}
		id := w.run("empty")
		equal(t, "nothing", len(w.gaps(id)), 0)
		equal(t, "it says so", strings.Contains(w.events(id)[2], "looked at nothing"), true)
	})
}

// TestCoverageOfDeadWork accounts for shards that failed for good: a bucket that cannot be listed to its end, and a page of objects.
func TestCoverageOfDeadWork(t *testing.T) {
	w := newWorld(t, func(_ *world, c *job.Config) { c.MaxFailures = 2 }, oneSlot)
	bodies := map[string]string{}
	for i := range 5 {
		bodies[fmt.Sprintf("%d.csv", i)] = people(1)
	}
	w.put("page", bodies)
	w.put("list", bodies)
	var cured atomic.Bool
	w.fault(func(step, bucket, key string) error {
		if cured.Load() {
			return nil
		}
		if step == "open" && key == "3.csv" && bucket == "page" || step == "item" && bucket == "list" && key == "2.csv" {
			return &source.Error{Kind: source.Unavailable, Op: step, Bucket: bucket, Key: key}
		}
		return nil
	})
	w.start()
	id := w.run("page", "list")
	equal(t, "not read", w.gaps(id), []string{"list  BUCKET_DETAILS_UNAVAILABLE 0", "page  WORK_GIVEN_UP 2"})
	equal(t, "what is left of a run that is over", *w.describe(id).Statistics.ApproximateNumberOfObjectsToProcess, 0)

	cured.Store(true)
	must(t, w.db.Update(w.Context(), func(tx store.Tx) error {
		_, err := RetryDead(w.Context(), tx, home, id, w.clock.Now())
		return err
	}))
	w.engine.Wake()
	w.wait(id)
	equal(t, "not read when it was tried again", len(w.gaps(id)), 0)
	var types []string
	for _, doc := range w.events(id) {
		var e jobEvent
		must(t, json.Unmarshal([]byte(doc), &e))
		types = append(types, e.EventType)
	}
	equal(t, "events", types, []string{"JOB_CREATED", "ONE_TIME_JOB_STARTED", "BUCKET_DETAILS_UNAVAILABLE", "JOB_COMPLETED", "FAILED_WORK_RETRIED", "JOB_COMPLETED"})
}

// TestCoverageOfUnfinishedRuns tells what runs that are cancelled, or not over, have not read.
func TestCoverageOfUnfinishedRuns(t *testing.T) {
	w := newWorld(t, oneSlot)
	w.put("bucket", map[string]string{"a.csv": people(1), "b.csv": people(1), "c.csv": people(1)})
	held, goOn := make(chan struct{}), make(chan struct{})
	w.hold("bucket", "b.csv", held, goOn)
	w.start()
	id := w.create(jobOver("token", "bucket"))
	<-held
	equal(t, "under way", w.gaps(id), []string{"RUN_NOT_OVER 3"})
	must(t, w.set(id, macie2.JobStatusCancelled))
	close(goOn)
	equal(t, "cancelled", w.gaps(id), []string{"RUN_CANCELLED 3"})
	equal(t, "what is left of a run that is cancelled", *w.describe(id).Statistics.ApproximateNumberOfObjectsToProcess, 0)

	criteria := jobOver("criteria")
	criteria.S3JobDefinition = &macie2.S3JobDefinition{BucketCriteria: &macie2.S3BucketCriteriaForJob{Includes: &macie2.CriteriaBlockForJob{And: []macie2.CriteriaForJob{{
		TagCriterion: &macie2.TagCriterionForJob{Comparator: macie2.JobComparatorEq, TagValues: []macie2.TagCriterionPairForJob{{Key: wire.Ptr("no such tag")}}}}}}}}
	id = w.create(criteria)
	w.wait(id)
	equal(t, "no bucket", w.gaps(id), []string{"NO_BUCKETS_MATCHED_THE_CRITERIA 0"})
	idle := w.create(onSchedule("idle", weeklyOn(macie2.DayOfWeekMonday), false, "bucket"))
	equal(t, "before the first run", len(w.gaps(idle)), 0)
}

// TestObjectsToProcess holds the number that the API tells to what is left, from the beginning of a run to its end.
func TestObjectsToProcess(t *testing.T) {
	w := newWorld(t, oneSlot)
	bodies := map[string]string{}
	for i := range 40 {
		bodies[fmt.Sprintf("%02d.csv", i)] = people(1)
	}
	w.put("bucket", bodies)

	left := func(id string) float64 { return *w.describe(id).Statistics.ApproximateNumberOfObjectsToProcess }
	counted := func() {
		_, err := w.service.DescribeBuckets(w.ctx, &macie2.DescribeBucketsInput{})
		must(t, err)
		NewWatcher(w.service).Look(w.Context())
	}
	counted()
	before := w.create(jobOver("1", "bucket"))
	equal(t, "before anything is listed", left(before), 40)
	sampled := jobOver("2", "bucket")
	sampled.SamplingPercentage = wire.Ptr[int64](25)
	equal(t, "of a sample", left(w.create(sampled)), 10)
	scoped := jobOver("3", "bucket")
	scoped.S3JobDefinition.Scoping = &macie2.Scoping{Includes: block(simple(macie2.ScopeFilterKeyObjectExtension, macie2.JobComparatorEq, "csv"))}
	equal(t, "of a scope nobody knows", left(w.create(scoped)), 0)
	equal(t, "of a job that waits", left(w.create(onSchedule("4", weeklyOn(macie2.DayOfWeekMonday), false, "bucket"))), 0)
	must(t, w.set(before, macie2.JobStatusUserPaused))
	equal(t, "paused", left(before), 40)
	must(t, w.set(before, macie2.JobStatusCancelled))
	equal(t, "cancelled", left(before), 0)

	held, goOn := make(chan struct{}), make(chan struct{})
	w.hold("bucket", "07.csv", held, goOn)
	id := w.create(jobOver("5", "bucket"))
	w.start()
	<-held
	if n := left(id); n != 40 {
		t.Errorf("%v are left when all are listed and none is committed", n)
	}
	r := w.report(id)
	if r.Ahead != 40 || r.Listing != 0 || r.Left >= 0 {
		t.Errorf("%+v", r)
	}
	close(goOn)
	w.wait(id)
	equal(t, "complete", left(id), 0)
}

// TestActiveTime leaves the time out in which a run was paused.
func TestActiveTime(t *testing.T) {
	w := newWorld(t)
	id := w.create(jobOver("1", "bucket"))
	row := store.Job{ID: id}
	run := job.Run{RunRef: latestRef(w, id), State: job.RunRunning, StartedAt: w.clock.Now()}
	active := func() (d time.Duration) {
		must(t, w.db.View(w.Context(), func(tx store.Tx) (err error) {
			d, err = activeFor(w.Context(), tx, &row, run, w.clock.Now())
			return err
		}))
		return d
	}
	for _, minutes := range []int{0, 10, 20} {
		equal(t, "active", active(), time.Duration(minutes)*time.Minute)
		w.clock.Advance(10 * time.Minute)
		must(t, w.set(id, macie2.JobStatusUserPaused))
		w.clock.Advance(time.Hour)
		equal(t, "paused", active(), time.Duration(minutes+10)*time.Minute)
		must(t, w.set(id, macie2.JobStatusRunning))
	}
}
