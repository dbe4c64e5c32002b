package storetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/magpie-sec/magpie/internal/store"
)

var jobTests = []test{{"RoundTrip", testJob}, {"List", testListJobs}, {"BadQuery", testBadJobQuery}, {"Due", testDueJobs},
	{"Covered", testCoveredBuckets}, {"Dealt", testDealt}}

func testJob(t *testing.T, db store.DB) {
	now := int64(7)
	job := store.Job{ID: "j1", Name: "nightly \x00\xff", Type: "ONE_TIME", Status: "RUNNING", CreatedAt: 5, LastRunAt: &now, ClientToken: "t",
		RequestHash: []byte{1}, Doc: []byte("{}")}
	get := func(id string) func(context.Context, store.Tx) error {
		return func(ctx context.Context, tx store.Tx) error { _, err := store.GetJob(ctx, tx, here, id); return err }
	}
	update(t, db, func(ctx context.Context, tx store.Tx) error { return store.CreateJob(ctx, tx, here, job) })
	sameToken, sameID := job, job
	sameToken.ID, sameID.ClientToken = "j2", "t2"
	for _, second := range []store.Job{sameToken, sameID} {
		wantError(t, db, store.ErrConflict, func(ctx context.Context, tx store.Tx) error { return store.CreateJob(ctx, tx, here, second) })
	}
	update(t, db, func(ctx context.Context, tx store.Tx) error { return store.CreateJob(ctx, tx, there, job) }) // the same token in another Region
	wantError(t, db, store.ErrNotFound, get("j2"))

	changed := job
	changed.Status, changed.PausedAt, changed.LastRunAt, changed.Doc = "USER_PAUSED", &now, nil, []byte("[]")
	changed.RunKey, changed.NextRunAt = "2026-11-21T08:00:00Z", &now
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		if err := store.UpdateJob(ctx, tx, here, changed); err != nil {
			return err
		}
		byID, err := store.GetJob(ctx, tx, here, "j1")
		equal(t, "by id", changed, byID)
		byToken, err2 := store.JobByClientToken(ctx, tx, here, "t")
		equal(t, "by token", changed, byToken)
		elsewhere, err3 := store.GetJob(ctx, tx, there, "j1")
		equal(t, "in the other Region", job, elsewhere)
		active, err4 := store.ActiveJobs(ctx, tx, here)
		equal(t, "active", []store.Job{changed}, active)
		return errors.Join(err, err2, err3, err4)
	})
	for _, over := range []string{"COMPLETE", "CANCELLED"} {
		changed.Status = over
		update(t, db, func(ctx context.Context, tx store.Tx) error {
			if err := store.UpdateJob(ctx, tx, here, changed); err != nil {
				return err
			}
			active, err := store.ActiveJobs(ctx, tx, here)
			equal(t, "active", []store.Job(nil), active)
			return err
		})
	}
	changed.ID = "j9"
	wantError(t, db, store.ErrNotFound, func(ctx context.Context, tx store.Tx) error { return store.UpdateJob(ctx, tx, here, changed) })
	wantError(t, db, store.ErrNotFound, func(ctx context.Context, tx store.Tx) error {
		_, err := store.JobByClientToken(ctx, tx, other, "t")
		return err
	})
}

// testListJobs compares random queries, paged, with a plain evaluation.
func testListJobs(t *testing.T, db store.DB) {
	names := []string{"", "a", "A", "ab", "b", "b%", "b_x", "\x00", "\xff", "\xff\xff", "é"}
	var all []store.Job
	for i := range 60 {
		all = append(all, store.Job{
			ID: fmt.Sprintf("j%02d", i*7%60), Name: names[i%len(names)], Type: []string{"ONE_TIME", "SCHEDULED"}[i%2], ClientToken: fmt.Sprint(i),
			Status: []string{"RUNNING", "IDLE", "COMPLETE"}[i%3], CreatedAt: int64(i % 8), RequestHash: []byte{}, Doc: []byte{},
		})
	}
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		for _, j := range all {
			if err := store.CreateJob(ctx, tx, here, j); err != nil {
				return err
			}
		}
		return store.CreateJob(ctx, tx, there, all[0])
	})
	term := rapid.Custom(func(t *rapid.T) store.JobTerm {
		term := store.JobTerm{Key: rapid.SampledFrom([]string{"jobType", "jobStatus", "createdAt", "name"}).Draw(t, "key")}
		comparators := []string{"EQ", "NE"}
		values := []string{"ONE_TIME", "RUNNING", "IDLE", "x", "\x00", "\xff"}
		switch term.Key {
		case "createdAt":
			comparators = append(comparators, "GT", "GTE", "LT", "LTE")
			term.Times = rapid.SliceOfN(rapid.Int64Range(-1, 9), 1, 3).Draw(t, "times")
		case "name":
			comparators = append(comparators, "CONTAINS", "STARTS_WITH")
			values = names
		}
		term.Comparator = rapid.SampledFrom(comparators).Draw(t, "comparator")
		term.Values = rapid.SliceOfN(rapid.SampledFrom(values), 1, 3).Draw(t, "values")
		return term
	})
	rapid.Check(t, func(rt *rapid.T) {
		q := store.JobQuery{
			Includes: rapid.SliceOfN(term, 0, 2).Draw(rt, "includes"), Excludes: rapid.SliceOfN(term, 0, 1).Draw(rt, "excludes"),
			Sort:       rapid.SampledFrom([]string{"", "createdAt", "jobStatus", "name", "jobType"}).Draw(rt, "sort"),
			Descending: rapid.Bool().Draw(rt, "descending"), Limit: rapid.IntRange(1, 70).Draw(rt, "limit"),
		}
		var want, got []string
		for _, j := range sortedJobs(all, q) {
			want = append(want, j.ID)
		}
		err := db.View(t.Context(), func(tx store.Tx) error {
			for {
				page, next, err := store.ListJobs(t.Context(), tx, here, q)
				if err != nil {
					return err
				}
				for _, j := range page {
					got = append(got, j.ID)
				}
				if q.After = next; next == nil {
					return nil
				}
				if len(page) != q.Limit {
					rt.Fatalf("page of %d jobs before the last", len(page))
				}
			}
		})
		if err != nil || !slices.Equal(want, got) {
			rt.Fatalf("error %v\nwant %v\ngot  %v", err, want, got)
		}
	})
}

func sortedJobs(all []store.Job, q store.JobQuery) []store.Job {
	var out []store.Job
	for _, j := range all {
		keep := true
		for _, t := range q.Includes {
			keep = keep && holds(j, t)
		}
		for _, t := range q.Excludes {
			keep = keep && !holds(j, t)
		}
		if keep {
			out = append(out, j)
		}
	}
	key := map[string]func(a, b store.Job) int{
		"":          func(a, b store.Job) int { return cmp.Compare(a.CreatedAt, b.CreatedAt) },
		"createdAt": func(a, b store.Job) int { return cmp.Compare(a.CreatedAt, b.CreatedAt) },
		"jobStatus": func(a, b store.Job) int { return strings.Compare(a.Status, b.Status) },
		"name":      func(a, b store.Job) int { return strings.Compare(a.Name, b.Name) },
		"jobType":   func(a, b store.Job) int { return strings.Compare(a.Type, b.Type) },
	}[q.Sort]
	slices.SortFunc(out, func(a, b store.Job) int {
		c := cmp.Or(key(a, b), strings.Compare(a.ID, b.ID))
		if q.Descending {
			return -c
		}
		return c
	})
	return out
}

func holds(j store.Job, t store.JobTerm) bool {
	member := map[string]string{"jobType": j.Type, "jobStatus": j.Status, "name": j.Name}[t.Key]
	any := func(compare func(string) bool) bool { return slices.ContainsFunc(t.Values, compare) }
	anyTime := func(compare func(int64) bool) bool { return slices.ContainsFunc(t.Times, compare) }
	date := t.Key == "createdAt"
	switch t.Comparator {
	case "EQ", "NE":
		has := slices.Contains(t.Values, member)
		if date {
			has = slices.Contains(t.Times, j.CreatedAt)
		}
		return has == (t.Comparator == "EQ")
	case "CONTAINS":
		return any(func(v string) bool { return strings.Contains(member, v) })
	case "STARTS_WITH":
		return any(func(v string) bool { return strings.HasPrefix(member, v) })
	case "GT":
		return anyTime(func(n int64) bool { return j.CreatedAt > n })
	case "GTE":
		return anyTime(func(n int64) bool { return j.CreatedAt >= n })
	case "LT":
		return anyTime(func(n int64) bool { return j.CreatedAt < n })
	}
	return anyTime(func(n int64) bool { return j.CreatedAt <= n })
}

func testBadJobQuery(t *testing.T, db store.DB) {
	for name, q := range map[string]store.JobQuery{
		"no limit":       {},
		"unknown sort":   {Limit: 1, Sort: "doc"},
		"unknown key":    {Limit: 1, Includes: []store.JobTerm{{Key: "doc", Comparator: "EQ", Values: []string{"x"}}}},
		"no values":      {Limit: 1, Includes: []store.JobTerm{{Key: "name", Comparator: "EQ"}}},
		"no times":       {Limit: 1, Includes: []store.JobTerm{{Key: "createdAt", Comparator: "EQ", Values: []string{"1"}}}},
		"order of types": {Limit: 1, Includes: []store.JobTerm{{Key: "jobType", Comparator: "GT", Values: []string{"x"}}}},
		"part of a type": {Limit: 1, Excludes: []store.JobTerm{{Key: "jobType", Comparator: "CONTAINS", Values: []string{"x"}}}},
		"bad place":      {Limit: 1, After: []byte("{")},
	} {
		t.Run(name, func(t *testing.T) {
			wantError(t, db, store.ErrInvalid, func(ctx context.Context, tx store.Tx) error {
				_, _, err := store.ListJobs(ctx, tx, here, q)
				return err
			})
		})
	}
}

func testDueJobs(t *testing.T, db store.DB) {
	at := func(n int64) *int64 { return &n }
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		var errs []error
		for tenant, jobs := range map[store.Tenant][]store.Job{
			here: {
				{ID: "due", Status: "IDLE", NextRunAt: at(10)}, {ID: "later", Status: "IDLE", NextRunAt: at(11)}, {ID: "never", Status: "RUNNING"},
				{ID: "paused", Status: "USER_PAUSED", PausedAt: at(3)}, {ID: "paused later", Status: "USER_PAUSED", PausedAt: at(4)},
				{ID: "resumed", Status: "RUNNING", PausedAt: at(1)},
			},
			there: {{ID: "due", Status: "RUNNING", NextRunAt: at(1)}},
		} {
			for _, j := range jobs {
				j.Type, j.ClientToken = "SCHEDULED", j.ID
				errs = append(errs, store.CreateJob(ctx, tx, tenant, j))
			}
		}
		due, err := store.DueJobs(ctx, tx, 10, 3, 100)
		var names []string
		for _, d := range due {
			names = append(names, d.Tenant.String()+" "+d.ID)
		}
		slices.Sort(names)
		want := []string{here.String() + " due", here.String() + " paused", there.String() + " due"}
		slices.Sort(want)
		equal(t, "due", want, names)
		one, err2 := store.DueJobs(ctx, tx, 10, 3, 1)
		equal(t, "one of them", 1, len(one))
		return errors.Join(append(errs, err, err2)...)
	})
}

func testCoveredBuckets(t *testing.T, db store.DB) {
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		var errs []error
		covered := func(what, bucket string, want int64) {
			at, ok, err := store.BucketCovered(ctx, tx, here, "j", bucket)
			errs = append(errs, err)
			equal(t, what, want > 0, ok)
			equal(t, what, want, at)
		}
		covered("never listed", "a", 0)
		for _, b := range []string{"a", "b", "c"} {
			errs = append(errs, store.BucketListed(ctx, tx, here, "j", b, 10))
		}
		errs = append(errs, store.BucketListed(ctx, tx, there, "j", "a", 99), store.BucketListed(ctx, tx, here, "k", "a", 98))
		covered("listed by a run that goes on", "a", 0)
		errs = append(errs, store.CoverBuckets(ctx, tx, here, "j", 10, []string{"c"}))
		covered("listed", "a", 10)
		covered("listed, with something left unread", "c", 0)
		errs = append(errs, store.BucketListed(ctx, tx, here, "j", "a", 20))
		covered("while the next run lists", "a", 10)
		errs = append(errs, store.CoverBuckets(ctx, tx, here, "j", 30, nil)) // a run that did not come to list it
		covered("after a run that was dropped", "a", 10)
		errs = append(errs, store.BucketListed(ctx, tx, here, "j", "a", 40), store.CoverBuckets(ctx, tx, here, "j", 40, nil))
		covered("after another", "a", 40)
		covered("not listed again", "b", 10)

		reported := func(what string, run, want int64) {
			upTo, ok, err := store.BucketReport(ctx, tx, here, "j", "a", run)
			errs = append(errs, err)
			equal(t, what, want > 0, ok)
			equal(t, what, want, upTo)
		}
		reported("no report", 50, 0)
		errs = append(errs, store.BucketReported(ctx, tx, here, "j", "a", 50, 42), store.BucketReported(ctx, tx, here, "j", "a", 50, 45))
		reported("the earliest counts", 50, 42)
		reported("of another run", 40, 0)
		covered("while it is listed from a report", "a", 40)
		errs = append(errs, store.BucketListed(ctx, tx, here, "j", "a", 50), store.CoverBuckets(ctx, tx, here, "j", 50, nil))
		covered("listed from reports", "a", 42)
		errs = append(errs, store.BucketReported(ctx, tx, here, "j", "a", 60, 55), store.BucketListed(ctx, tx, here, "j", "a", 70), store.CoverBuckets(ctx, tx, here, "j", 70, nil))
		covered("the report was of a run that was dropped", "a", 70)
		errs = append(errs, store.BucketReported(ctx, tx, here, "j", "a", 80, 99), store.BucketListed(ctx, tx, here, "j", "a", 80), store.CoverBuckets(ctx, tx, here, "j", 80, nil))
		covered("not beyond the run", "a", 80)
		errs = append(errs, store.BucketReported(ctx, tx, here, "j", "new", 80, 79), store.BucketListed(ctx, tx, here, "j", "new", 80), store.CoverBuckets(ctx, tx, here, "j", 80, nil))
		covered("a bucket that was never listed", "new", 79)
		return errors.Join(errs...)
	})
}

func testDealt(t *testing.T, db store.DB) {
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		long := []byte(strings.Repeat("k", 3*store.MaxKey))
		run := func(job, id string, started int64) error {
			_, err := tx.Exec(ctx, `INSERT INTO runs (account, region, job_id, run_id, run_key, state, started_at) VALUES ($1, $2, $3, $4, $5, '', $6)`,
				here.Account, here.Region, job, id, id, started)
			return err
		}
		if err := errors.Join(run("j", "r0", 1), run("j", "r1", 2), run("j", "r2", 3), run("k", "r1", 4)); err != nil {
			return err
		}
		err := store.PutResults(ctx, tx, here, "j", "r1", []store.Result{
			{Bucket: "b", Key: []byte("a"), ETag: "1", Status: "COMPLETE"}, {Bucket: "b", Key: []byte("skipped"), ETag: "1", Status: "SKIPPED"},
			{Bucket: "b", Key: []byte("v"), VersionID: "v1", ETag: "1", Status: "PARTIAL"}, {Bucket: "b", Key: []byte("untold"), Status: "COMPLETE"},
			{Bucket: "b", Key: long, ETag: "1", Status: "COMPLETE"}, {Bucket: "c", Key: []byte("c"), ETag: "1", Status: "COMPLETE"},
		})
		err = errors.Join(err, store.PutResults(ctx, tx, here, "j", "r2", []store.Result{{Bucket: "b", Key: []byte("now"), ETag: "1", Status: "COMPLETE"}}),
			store.PutResults(ctx, tx, here, "j", "r0", []store.Result{{Bucket: "b", Key: []byte("before"), ETag: "1", Status: "COMPLETE"}}))
		err2 := store.PutResults(ctx, tx, here, "k", "r1", []store.Result{{Bucket: "b", Key: []byte("k"), ETag: "1", Status: "COMPLETE"}})
		objects := []store.ObjectState{{Key: []byte("a"), ETag: "1"}, {Key: []byte("a"), ETag: "2"}, {Key: []byte("skipped"), ETag: "1"},
			{Key: []byte("v"), VersionID: "v1", ETag: "1"}, {Key: []byte("v"), ETag: "1"}, {Key: []byte("untold")}, {Key: long, ETag: "1"},
			{Key: []byte("c"), ETag: "1"}, {Key: []byte("k"), ETag: "1"}, {Key: []byte("now"), ETag: "1"}, {Key: []byte("before"), ETag: "1"}}
		dealt, err3 := store.Dealt(ctx, tx, here, "j", "b", 2, objects)
		equal(t, "dealt with", []bool{true, false, false, true, false, false, true, false, false, true, false}, dealt)
		return errors.Join(err, err2, err3)
	})
}
