package macie

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// events returns the records of a job of home, in order.
func (w *world) events(id string) (docs []string) {
	w.Helper()
	must(w, w.db.View(w.Context(), func(tx store.Tx) error {
		rows, err := store.JobEvents(w.Context(), tx, home, id, 0, 100_000)
		for _, r := range rows {
			docs = append(docs, string(r.Doc))
		}
		return err
	}))
	return docs
}

// told returns the records of a job that wait in the outbox, in order.
func (w *world) told(id string) (docs []string) {
	w.Helper()
	must(w, w.db.View(w.Context(), func(tx store.Tx) error {
		docs = nil
		return store.Each(w.Context(), tx, "SELECT doc FROM outbox WHERE sink = 'log' ORDER BY id", nil, func(rows store.Rows) error {
			var doc []byte
			if err := rows.Scan(&doc); err != nil {
				return err
			}
			var m struct{ Envelope json.RawMessage }
			must(w, json.Unmarshal(doc, &m))
			if strings.Contains(string(m.Envelope), `"jobId":"`+id+`"`) {
				docs = append(docs, string(m.Envelope))
			}
			return nil
		})
	}))
	return docs
}

// happened returns what happened to a job: the types of its events, with the bucket that each is about.
func (w *world) happened(id string) (out []string) {
	w.Helper()
	for _, doc := range w.events(id) {
		var e jobEvent
		must(w, json.Unmarshal([]byte(doc), &e))
		s := e.EventType
		if e.AffectedResource != nil {
			s += " " + e.AffectedResource.Value
		}
		out = append(out, s)
	}
	equal(w, "what goes out", w.told(id), w.events(id))
	return out
}

// TestJobEventRecord holds a record to the shape of macie.md 4.10.
func TestJobEventRecord(t *testing.T) {
	w := newWorld(t)
	w.fault(func(step, bucket, _ string) error {
		if step == "list" && bucket == "denied" {
			return &source.Error{Kind: source.AccessDenied, Op: "ListObjectsV2", Bucket: bucket}
		}
		return nil
	})
	w.put("denied", nil)
	w.start()
	w.clock.Advance(1234567 * time.Microsecond)
	id := w.create(jobOver("token", "denied"))
	w.wait(id)
	const common = `{"adminAccountId":"123456789012","jobId":"ID","eventType":"`
	const at = `","occurredAt":"2026-11-21T08:00:01.234567Z","description":"`
	const run = `","jobName":"job token","runDate":"2026-11-21T08:00:01.234000Z"}`
	want := []string{
		common + "JOB_CREATED" + at + `The job was created.","jobName":"job token"}`,
		common + "ONE_TIME_JOB_STARTED" + at + "The job began to run." + run,
		common + "BUCKET_ACCESS_DENIED" + at + `The bucket may not be listed. Its objects, or the rest of them, were not analysed.","jobName":"job token",` +
			`"operation":"ListObjectsV2","runDate":"2026-11-21T08:00:01.234000Z","affectedAccount":"123456789012",` +
			`"affectedResource":{"type":"S3_BUCKET_NAME","value":"denied"}}`,
		common + "JOB_COMPLETED" + at + "The job is complete. It looked at nothing: no object was there that it is about." + run,
	}
	for i := range want {
		want[i] = strings.Replace(want[i], "ID", id, 1)
	}
	equal(t, "events", w.events(id), want)
	equal(t, "what goes out", w.told(id), want)
}

// TestJobEvents follows jobs through their lives.
func TestJobEvents(t *testing.T) {
	onBothEngines(t, func(t *testing.T, url string) {
		w := newWorldOn(t, url)
		w.put("one", map[string]string{"a.csv": people(1)})
		w.put("two", nil)
		w.start()
		id := w.create(jobOver("token", "one", "gone"))
		equal(t, "the request again", w.create(jobOver("token", "one", "gone")), id)
		w.wait(id)
		equal(t, "a one-time job", w.happened(id), []string{"JOB_CREATED", "ONE_TIME_JOB_STARTED", "BUCKET_DOES_NOT_EXIST gone", "JOB_COMPLETED"})

		in := onSchedule("criteria", everyDay, true)
		in.S3JobDefinition = &macie2.S3JobDefinition{BucketCriteria: &macie2.S3BucketCriteriaForJob{}}
		id = w.create(in)
		w.wait(id)
		equal(t, "a scheduled job", w.happened(id),
			[]string{"JOB_CREATED", "SCHEDULED_RUN_STARTED", "BUCKET_MATCHED_THE_CRITERIA one", "BUCKET_MATCHED_THE_CRITERIA two", "SCHEDULED_RUN_COMPLETED"})
		w.due(day) // two servers at once
		w.wait(id)
		must(t, w.set(id, macie2.JobStatusUserPaused))
		refused(t, w.set(id, macie2.JobStatusUserPaused), wire.Validation, "cannot update job")
		must(t, w.set(id, macie2.JobStatusRunning))
		must(t, w.set(id, macie2.JobStatusUserPaused))
		must(t, w.set(id, macie2.JobStatusRunning))
		must(t, w.set(id, macie2.JobStatusCancelled))
		refused(t, w.set(id, macie2.JobStatusCancelled), wire.Validation, "cannot update cancelled job")
		equal(t, "a scheduled job, its second run", w.happened(id)[5:], []string{"SCHEDULED_RUN_STARTED", "BUCKET_MATCHED_THE_CRITERIA one",
			"BUCKET_MATCHED_THE_CRITERIA two", "SCHEDULED_RUN_COMPLETED", "JOB_PAUSED_BY_USER", "JOB_RESUMED_BY_USER", "JOB_PAUSED_BY_USER",
			"JOB_RESUMED_BY_USER", "JOB_CANCELLED"})

		none := jobOver("none", "x")
		none.S3JobDefinition = &macie2.S3JobDefinition{BucketCriteria: &macie2.S3BucketCriteriaForJob{Includes: &macie2.CriteriaBlockForJob{And: []macie2.CriteriaForJob{{
			TagCriterion: &macie2.TagCriterionForJob{Comparator: macie2.JobComparatorEq, TagValues: []macie2.TagCriterionPairForJob{{Key: wire.Ptr("no such tag")}}}}}}}}
		id = w.create(none)
		w.wait(id)
		equal(t, "a job over nothing", w.happened(id), []string{"JOB_CREATED", "ONE_TIME_JOB_STARTED", "NO_BUCKETS_MATCHED_THE_CRITERIA", "JOB_COMPLETED"})
	})
}

// TestJobEventsOfErrors tells of sources that refuse or stay away.
func TestJobEventsOfErrors(t *testing.T) {
	for name, v := range map[string]struct {
		kind  source.Kind
		event string
	}{
		"refused": {source.AccessDenied, "ACCOUNT_ACCESS_DENIED"},
		"broken":  {source.Other, "ACCOUNT_DETAILS_UNAVAILABLE"},
		"away":    {source.Unavailable, "ACCOUNT_DETAILS_UNAVAILABLE"}, // until it is given up
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.put("one", map[string]string{"a.csv": people(1)})
			w.fault(func(step, _, _ string) error {
				if step == "buckets" {
					return &source.Error{Kind: v.kind, Op: "ListBuckets"}
				}
				return nil
			})
			in := jobOver("criteria")
			in.S3JobDefinition = &macie2.S3JobDefinition{BucketCriteria: &macie2.S3BucketCriteriaForJob{}}
			w.start()
			id := w.create(in)
			w.wait(id)
			got := w.happened(id)
			if !slices.Contains(got, v.event) || got[len(got)-1] != "JOB_COMPLETED" {
				t.Errorf("%v", got)
			}
			if !w.errored(id) {
				t.Error("the job shows no error")
			}
		})
	}
	w := newWorld(t)
	w.put("away", map[string]string{"a.csv": people(1)})
	w.fault(func(step, bucket, _ string) error {
		if step == "list" {
			return &source.Error{Kind: source.Unavailable, Op: "ListObjectsV2", Bucket: bucket}
		}
		return nil
	})
	w.start()
	id := w.run("away")
	equal(t, "a bucket that stays away", w.happened(id), []string{"JOB_CREATED", "ONE_TIME_JOB_STARTED", "BUCKET_DETAILS_UNAVAILABLE away", "JOB_COMPLETED"})
}

// TestJobEventsOfEnds tells how jobs end otherwise than by being complete.
func TestJobEventsOfEnds(t *testing.T) {
	w := newWorld(t)
	expired, suspended := w.create(jobOver("1", "bucket")), w.create(jobOver("3", "bucket"))
	run := w.create(onSchedule("2", everyDay, true, "bucket"))
	must(t, w.set(expired, macie2.JobStatusUserPaused))
	must(t, w.set(run, macie2.JobStatusUserPaused))
	w.due(pausedFor)
	w.describe(expired)
	w.due(0)
	equal(t, "expired", w.happened(expired)[2:], []string{"JOB_PAUSED_BY_USER", "JOB_CANCELLED"})
	equal(t, "expired run", w.happened(run)[2:], []string{"JOB_PAUSED_BY_USER", "SCHEDULED_RUN_CANCELLED"})
	_, err := w.service.UpdateMacieSession(w.ctx, &macie2.UpdateMacieSessionInput{Status: macie2.MacieStatusPaused})
	must(t, err)
	equal(t, "suspended", w.happened(suspended)[2:], []string{"JOB_CANCELLED"})
	equal(t, "why", strings.Contains(w.events(suspended)[2], "suspended"), true)
	equal(t, "the job of the expired run", w.happened(run)[4:], []string{"JOB_CANCELLED"})
	_, err = w.service.DisableMacie(w.ctx, &macie2.DisableMacieInput{})
	must(t, err)
	equal(t, "events of a tenant that is gone", len(w.events(run)), 0)
}

// TestThousandBuckets runs a job over a thousand buckets of which half may not be listed: the others are done, and each of these is told once.
func TestThousandBuckets(t *testing.T) {
	w := newWorld(t)
	var names []string
	for i := range 1000 {
		name := fmt.Sprintf("bucket-%04d", i)
		names = append(names, name)
		w.put(name, map[string]string{"a.csv": people(1)})
	}
	w.fault(func(step, bucket, _ string) error {
		if step == "list" && (bucket[len(bucket)-1]-'0')%2 == 1 {
			return &source.Error{Kind: source.AccessDenied, Op: "ListObjectsV2", Bucket: bucket}
		}
		return nil
	})
	w.start()
	id := w.create(jobOver("token", names...))
	w.wait(id)
	if !w.errored(id) {
		t.Error("the job shows no error")
	}
	denied := map[string]int{}
	for _, e := range w.happened(id) {
		if bucket, ok := strings.CutPrefix(e, "BUCKET_ACCESS_DENIED "); ok {
			denied[bucket]++
		}
	}
	for i, name := range names {
		if denied[name] != i%2 {
			t.Errorf("%s is told %d times", name, denied[name])
		}
	}
	totals := w.totals(id)
	if totals.Objects != 500 || totals.Findings != 500 || totals.Listed != 500 || totals.Dead != 0 {
		t.Errorf("%+v", totals)
	}
}
