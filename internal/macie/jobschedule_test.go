package macie

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

func weeklyOn(day macie2.DayOfWeek) *macie2.JobScheduleFrequency {
	return &macie2.JobScheduleFrequency{WeeklySchedule: &macie2.WeeklySchedule{DayOfWeek: day}}
}

func monthlyOn(day int64) *macie2.JobScheduleFrequency {
	return &macie2.JobScheduleFrequency{MonthlySchedule: &macie2.MonthlySchedule{DayOfMonth: &day}}
}

var everyDay = &macie2.JobScheduleFrequency{DailySchedule: &macie2.DailySchedule{}}

// TestSchedule follows macie.md 4.3. 21 November 2026 is a Saturday.
func TestSchedule(t *testing.T) {
	made := time.Date(2026, 11, 21, 8, 30, 0, 5e6, time.UTC)
	for name, v := range map[string]struct {
		frequency *macie2.JobScheduleFrequency
		made      time.Time
		skip      bool
		want      []string
	}{
		"daily":                 {everyDay, made, false, []string{"2026-11-21", "2026-11-22", "2026-11-23"}},
		"weekly, today":         {weeklyOn(macie2.DayOfWeekSaturday), made, false, []string{"2026-11-21", "2026-11-28", "2026-12-05"}},
		"weekly, yesterday":     {weeklyOn(macie2.DayOfWeekFriday), made, false, []string{"2026-11-27", "2026-12-04"}},
		"weekly, tomorrow":      {weeklyOn(macie2.DayOfWeekSunday), made, false, []string{"2026-11-22", "2026-11-29"}},
		"monthly, today":        {monthlyOn(21), made, false, []string{"2026-11-21", "2026-12-21", "2027-01-21"}},
		"monthly, gone by":      {monthlyOn(20), made, false, []string{"2026-12-20", "2027-01-20"}},
		"monthly, on the 31st":  {monthlyOn(31), made, false, []string{"2026-11-30", "2026-12-31", "2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30"}},
		"short months left out": {monthlyOn(31), made, true, []string{"2026-12-31", "2027-01-31", "2027-03-31", "2027-05-31"}},
		"on the 29th":           {monthlyOn(29), made.AddDate(1, 2, 0), false, []string{"2028-01-29", "2028-02-29", "2028-03-29"}},
		"on the 29th, skipping": {monthlyOn(29), made.AddDate(2, 2, 0), true, []string{"2029-01-29", "2029-03-29"}},
		"the last day, made on": {monthlyOn(31), time.Date(2027, 2, 28, 23, 59, 59, 0, time.UTC), false, []string{"2027-02-28", "2027-03-31"}},
		"in another zone":       {weeklyOn(macie2.DayOfWeekSaturday), made.In(time.FixedZone("", 20*3600)), false, []string{"2026-11-21", "2026-11-28"}},
	} {
		s, err := newSchedule(v.frequency, v.made, v.skip)
		must(t, err)
		due := s.first()
		for i, want := range v.want {
			if got := due.Format(time.DateOnly); got != want || due.Format(time.TimeOnly) != v.made.UTC().Format(time.TimeOnly) {
				t.Errorf("%s: run %d is due at %s, want %s", name, i, due, want)
			}
			before := due
			if due = s.next(before); !due.After(before) || s.next(due.Add(-1)) != due {
				t.Errorf("%s: after %s comes %s", name, before, due)
			}
		}
	}
	for name, f := range map[string]*macie2.JobScheduleFrequency{
		"none": nil, "empty": {}, "no weekday": {WeeklySchedule: &macie2.WeeklySchedule{}}, "no day": {MonthlySchedule: &macie2.MonthlySchedule{}},
		"day 0": monthlyOn(0), "day 32": monthlyOn(32), "two": {DailySchedule: &macie2.DailySchedule{}, WeeklySchedule: &macie2.WeeklySchedule{DayOfWeek: macie2.DayOfWeekMonday}},
	} {
		if _, err := newSchedule(f, made, false); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func onSchedule(token string, f *macie2.JobScheduleFrequency, initial bool, buckets ...string) *macie2.CreateClassificationJobInput {
	in := jobOver(token, buckets...)
	in.JobType, in.ScheduleFrequency, in.InitialRun = macie2.JobTypeScheduled, f, &initial
	return in
}

// findingsOf returns the keys of a job's findings, with repetitions.
func (w *world) findingsOf(id string) []string {
	w.Helper()
	var keys []string
	for _, f := range w.findings(home, nil) {
		if *f.ClassificationDetails.JobId == id {
			keys = append(keys, *f.ResourcesAffected.S3Object.Key)
		}
	}
	slices.Sort(keys)
	return keys
}

// due moves the clock and starts what is due then, as two servers do that wake up together.
func (w *world) due(d time.Duration) {
	w.Helper()
	w.clock.Advance(d)
	var both sync.WaitGroup
	errs := make([]error, 2)
	for i := range errs {
		both.Go(func() { errs[i] = w.service.RunDue(w.Context()) })
	}
	both.Wait()
	must(w, errs[0])
	must(w, errs[1])
}

const day = 24 * time.Hour

// TestScheduledJob runs a job on three days: each run looks at what is new, each object is looked at once.
func TestScheduledJob(t *testing.T) {
	onBothEngines(t, func(t *testing.T, url string) {
		w := newWorldOn(t, url)
		w.start()
		w.put("bucket", map[string]string{"old.csv": people(1)})
		w.put("later", nil)
		id := w.create(onSchedule("token", everyDay, true, "bucket", "later"))
		w.wait(id)
		got := w.describe(id)
		equal(t, "after the first run", got.JobStatus, macie2.JobStatusIdle)
		equal(t, "runs", *got.Statistics.NumberOfRuns, 1)
		equal(t, "findings of the first run", fmt.Sprint(w.findingsOf(id)), "[old.csv]")

		w.due(day - time.Second)
		equal(t, "before the second is due", *w.describe(id).Statistics.NumberOfRuns, 1)
		w.put("bucket", map[string]string{"new.csv": people(1)})
		w.put("later", map[string]string{"first.csv": people(1)})
		w.due(time.Second)
		w.wait(id)
		got = w.describe(id)
		equal(t, "runs", *got.Statistics.NumberOfRuns, 2)
		equal(t, "last run", got.LastRunTime.Time(), w.clock.Now())
		equal(t, "findings of both runs", fmt.Sprint(w.findingsOf(id)), "[first.csv new.csv old.csv]")
		equal(t, "results of the second run", len(w.results(id)), 2)

		// What a clock behind ours says was written before the last run began is new all the same, and nothing is looked at twice.
		w.objects[home].Put("bucket", source.Object{Key: "behind.csv", LastModified: w.clock.Now().Add(-10 * time.Minute)}, []byte(people(1)))
		w.objects[home].Put("bucket", source.Object{Key: "old.csv", LastModified: w.clock.Now().Add(time.Hour)}, []byte(people(2)))
		w.due(day)
		w.wait(id)
		equal(t, "findings of three runs", fmt.Sprint(w.findingsOf(id)), "[behind.csv first.csv new.csv old.csv old.csv]")
		equal(t, "results of the third run", len(w.results(id)), 2)

		// Three days without a server: one run, not three.
		w.due(3*day + time.Hour)
		w.wait(id)
		equal(t, "runs", *w.describe(id).Statistics.NumberOfRuns, 4)
		w.due(0)
		equal(t, "nothing more is due", *w.describe(id).Statistics.NumberOfRuns, 4)
		must(t, w.set(id, macie2.JobStatusCancelled))
		w.due(30 * day)
		equal(t, "runs of a cancelled job", *w.describe(id).Statistics.NumberOfRuns, 4)
	})
}

// TestFirstRun covers what stands between a job's making and its first run.
func TestFirstRun(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.put("bucket", map[string]string{"old.csv": people(1)})
	id := w.create(onSchedule("token", weeklyOn(macie2.DayOfWeekMonday), false, "bucket")) // it is Saturday
	got := w.describe(id)
	equal(t, "status", got.JobStatus, macie2.JobStatusIdle)
	equal(t, "runs", *got.Statistics.NumberOfRuns, 0)
	equal(t, "last run", got.LastRunTime.Time(), got.CreatedAt.Time())
	equal(t, "error", got.LastRunErrorStatus.Code, macie2.LastRunErrorStatusCodeNone)
	list, err := w.service.ListClassificationJobs(w.ctx, &macie2.ListClassificationJobsInput{})
	must(t, err)
	equal(t, "listed", list.Items[0].JobStatus, macie2.JobStatusIdle)
	w.clock.Advance(day)
	w.put("bucket", map[string]string{"new.csv": people(1)})
	w.due(day)
	w.wait(id)
	equal(t, "findings", fmt.Sprint(w.findingsOf(id)), "[new.csv]")
}

// TestPausedSchedule follows the rows of macie.md 4.2 about scheduled jobs.
func TestPausedSchedule(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.put("bucket", map[string]string{"a.csv": people(1), "b.csv": people(1)})
	id := w.create(onSchedule("token", everyDay, true, "bucket"))
	w.wait(id)
	must(t, w.set(id, macie2.JobStatusUserPaused))
	if got := w.describe(id); got.UserPausedDetails != nil {
		t.Errorf("a job that was paused while idle expires at %v", got.UserPausedDetails.JobExpiresAt)
	}
	w.due(2 * day)
	equal(t, "runs while paused", *w.describe(id).Statistics.NumberOfRuns, 1)
	must(t, w.set(id, macie2.JobStatusRunning))
	equal(t, "resumed", w.describe(id).JobStatus, macie2.JobStatusIdle)

	// In mid-run.
	w.clock.Advance(time.Hour)
	w.put("bucket", map[string]string{"c.csv": people(1), "d.csv": people(1)})
	held, goOn := make(chan struct{}), make(chan struct{})
	w.hold("bucket", "c.csv", held, goOn)
	w.due(day)
	<-held
	must(t, w.set(id, macie2.JobStatusUserPaused))
	close(goOn)
	got := w.describe(id)
	equal(t, "expires", got.UserPausedDetails.JobExpiresAt.Time(), w.clock.Now().Add(pausedFor))
	w.due(day)
	equal(t, "status while paused", w.describe(id).JobStatus, macie2.JobStatusUserPaused)
	w.due(pausedFor - day)
	got = w.describe(id)
	equal(t, "status when the run has expired", got.JobStatus, macie2.JobStatusUserPaused)
	if got.UserPausedDetails != nil {
		t.Error("the run has expired and is still said to expire")
	}
	must(t, w.set(id, macie2.JobStatusRunning))
	equal(t, "resumed after that", w.describe(id).JobStatus, macie2.JobStatusIdle)
	w.due(day)
	w.wait(id)
	// The stale run was dropped, what it had to do was not.
	found := w.findingsOf(id)
	equal(t, "findings", fmt.Sprint(slices.Compact(found)), "[a.csv b.csv c.csv d.csv]")
	equal(t, "status", w.describe(id).JobStatus, macie2.JobStatusIdle)
}

// TestOverlap leaves out a run that is due while the one before is not over.
func TestOverlap(t *testing.T) {
	w := newWorld(t)
	w.put("bucket", map[string]string{"a.csv": people(1)})
	id := w.create(onSchedule("token", everyDay, true, "bucket")) // the engine does not work yet
	w.due(day)
	w.due(day)
	equal(t, "runs", *w.describe(id).Statistics.NumberOfRuns, 1)
	w.start()
	w.wait(id)
	w.due(day)
	w.wait(id)
	equal(t, "runs", *w.describe(id).Statistics.NumberOfRuns, 2)
	equal(t, "findings", fmt.Sprint(w.findingsOf(id)), "[a.csv]")
}

// TestDamagedJob lets other jobs run beside one that cannot be read.
func TestDamagedJob(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.put("bucket", nil)
	damaged := w.create(onSchedule("damaged", weeklyOn(macie2.DayOfWeekMonday), true, "bucket"))
	must(t, w.db.Update(w.Context(), func(tx store.Tx) error {
		row, err := store.GetJob(w.Context(), tx, home, damaged)
		must(t, err)
		row.Doc = []byte("{")
		return store.UpdateJob(w.Context(), tx, home, row)
	}))
	id := w.create(onSchedule("whole", weeklyOn(macie2.DayOfWeekMonday), true, "bucket"))
	w.due(2 * day)
	w.wait(id)
}

// TestSelectedBuckets runs a job over the buckets that meet criteria, which are looked up anew by each run.
func TestSelectedBuckets(t *testing.T) {
	onBothEngines(t, func(t *testing.T, url string) {
		w := newWorldOn(t, url)
		w.start()
		w.put("logs", map[string]string{"a.csv": people(1)})
		w.put("data", map[string]string{"b.csv": people(1), "b.txt": people(1)})
		in := onSchedule("token", everyDay, true)
		in.S3JobDefinition = &macie2.S3JobDefinition{
			BucketCriteria: &macie2.S3BucketCriteriaForJob{Excludes: &macie2.CriteriaBlockForJob{And: []macie2.CriteriaForJob{{
				SimpleCriterion: &macie2.SimpleCriterionForJob{Key: macie2.SimpleCriterionKeyForJobS3BucketName, Comparator: macie2.JobComparatorEq, Values: []string{"logs"}}}}}},
			Scoping: &macie2.Scoping{Includes: block(simple(macie2.ScopeFilterKeyObjectExtension, macie2.JobComparatorEq, "csv"))},
		}
		id := w.create(in)
		w.wait(id)
		equal(t, "findings", fmt.Sprint(w.findingsOf(id)), "[b.csv]")
		w.put("more", map[string]string{"c.csv": people(1)})
		w.due(day)
		w.wait(id)
		equal(t, "findings with a new bucket", fmt.Sprint(w.findingsOf(id)), "[b.csv c.csv]")
		equal(t, "criteria read back", w.describe(id).S3JobDefinition.BucketCriteria.Excludes.And[0].SimpleCriterion.Values[0], "logs")

		none := jobOver("none", "x")
		none.S3JobDefinition = &macie2.S3JobDefinition{BucketCriteria: &macie2.S3BucketCriteriaForJob{Includes: &macie2.CriteriaBlockForJob{And: []macie2.CriteriaForJob{{
			TagCriterion: &macie2.TagCriterionForJob{Comparator: macie2.JobComparatorEq, TagValues: []macie2.TagCriterionPairForJob{{Key: wire.Ptr("no such tag")}}}}}}}}
		nothing := w.create(none)
		w.wait(nothing)
		equal(t, "a job over nothing", w.describe(nothing).JobStatus, macie2.JobStatusComplete)
	})
}
