package macie

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// A modelJob is a job as macie.md 4.2 and 4.3 describe it, worked out as simply as can be.
type modelJob struct {
	id       string
	created  time.Time
	onDay    func(time.Time) bool // nil: it runs once
	status   macie2.JobStatus
	run      string    // of the latest run: "", running, paused, over
	pausedAt time.Time // of a run that is paused
	due      time.Time // of the next run; zero for none
	lastRun  time.Time
	runs     int
	events   []string
}

func (j *modelJob) tell(events ...string) { j.events = append(j.events, events...) }

func (j *modelJob) terminal() bool {
	return j.status == macie2.JobStatusCancelled || j.status == macie2.JobStatusComplete
}

// next is the first moment after a time that lies whole days behind the job's making, on one of its days.
func (j *modelJob) next(after time.Time) time.Time {
	at := j.created
	for !at.After(after) || !j.onDay(at) {
		at = at.Add(day)
	}
	return at
}

func (j *modelJob) start(now time.Time) {
	j.status, j.run, j.lastRun, j.runs = macie2.JobStatusRunning, "running", now, j.runs+1
	if j.onDay == nil {
		j.tell("ONE_TIME_JOB_STARTED")
	} else {
		j.tell("SCHEDULED_RUN_STARTED")
	}
}

func (j *modelJob) cancel() {
	j.status, j.run, j.pausedAt, j.due = macie2.JobStatusCancelled, "over", time.Time{}, time.Time{}
	j.tell("JOB_CANCELLED")
}

// expire is the rule of 30 days.
func (j *modelJob) expire(now time.Time) {
	switch {
	case j.status != macie2.JobStatusUserPaused || j.run != "paused" || now.Before(j.pausedAt.Add(30*day)):
	case j.onDay == nil:
		j.cancel()
	default:
		j.run, j.pausedAt = "over", time.Time{}
		j.tell("SCHEDULED_RUN_CANCELLED")
	}
}

// schedule is what a scheduler does of the job.
func (j *modelJob) schedule(now time.Time) {
	j.expire(now)
	if j.due.IsZero() || j.due.After(now) {
		return
	}
	j.due = j.next(now)
	if j.status == macie2.JobStatusIdle {
		j.start(now)
	}
}

// set is UpdateClassificationJob; it reports whether that is legal.
func (j *modelJob) set(to macie2.JobStatus, now time.Time) bool {
	switch {
	case j.terminal() || to == macie2.JobStatusRunning && j.status != macie2.JobStatusUserPaused || to == macie2.JobStatusUserPaused && j.status == to:
		return false
	case to == macie2.JobStatusCancelled:
		j.cancel()
	case to == macie2.JobStatusUserPaused:
		if j.status = to; j.run == "running" {
			j.run, j.pausedAt = "paused", now
		}
		j.tell("JOB_PAUSED_BY_USER")
	default:
		j.status = macie2.JobStatusIdle
		if j.run == "paused" {
			j.status, j.run, j.pausedAt = macie2.JobStatusRunning, "running", time.Time{}
		}
		j.tell("JOB_RESUMED_BY_USER")
	}
	return true
}

// end is that a run is done.
func (j *modelJob) end() {
	j.run = "over"
	if j.onDay == nil {
		j.status = macie2.JobStatusComplete
		j.tell("JOB_COMPLETED")
		return
	}
	j.status = macie2.JobStatusIdle
	j.tell("SCHEDULED_RUN_COMPLETED")
}

// endRun does to the latest run of a job what the engine does when its last shard is done; it reports whether the run was running.
func (w *world) endRun(id string) (ended bool) {
	w.Helper()
	ref := latestRef(w, id)
	must(w, w.db.Update(w.Context(), func(tx store.Tx) error {
		n, err := tx.Exec(w.Context(), `UPDATE runs SET state = 'complete', finished_at = $5
			WHERE account = $1 AND region = $2 AND job_id = $3 AND run_id = $4 AND state = 'running'`, ref.Account, ref.Region, ref.JobID, ref.RunID, w.clock.Now().UnixMilli())
		if ended = n > 0; err != nil || !ended {
			return err
		}
		if _, err := tx.Exec(w.Context(), `UPDATE shards SET state = 'done' WHERE account = $1 AND region = $2 AND job_id = $3 AND run_id = $4`,
			ref.Account, ref.Region, ref.JobID, ref.RunID); err != nil {
			return err
		}
		run, err := job.GetRun(w.Context(), tx, ref)
		if err != nil {
			return err
		}
		return w.worker.RunFinished(w.Context(), tx, run, job.Totals{})
	}))
	return ended
}

// TestJobModel does what users, clocks, two schedulers and the engine may do to jobs, in any order, and compares each job with the model after every
// step: its status, when it was paused and expires, its runs, and everything that was told of it.
func TestJobModel(t *testing.T) {
	checks := flag.Lookup("rapid.checks")
	onBothEngines(t, func(t *testing.T, url string) {
		if isPostgres := strings.HasPrefix(url, "postgres"); isPostgres && checks.Value.String() == checks.DefValue { // many times slower
			defer checks.Value.Set(checks.DefValue)
			must(t, checks.Value.Set("15"))
		}
		w := newWorldOn(t, url) // the engine is never started: runs end by endRun
		round := 0
		rapid.Check(t, func(t *rapid.T) {
			round++
			w.modelRound(t, round)
		})
	})
}

func (w *world) modelRound(t *rapid.T, round int) {
	var jobs []*modelJob
	suspended := false
	now := func() time.Time { return w.clock.Now().UTC() }
	status := func(to macie2.MacieStatus) {
		_, err := w.service.UpdateMacieSession(w.ctx, &macie2.UpdateMacieSessionInput{Status: to})
		must(w, err)
		suspended = to == macie2.MacieStatusPaused
	}
	expireAll := func() {
		for _, j := range jobs {
			j.expire(now())
		}
	}
	create := func(t *rapid.T) {
		in := jobOver(fmt.Sprintf("round %d job %d", round, len(jobs)), "bucket")
		j := &modelJob{created: now(), status: macie2.JobStatusRunning}
		var f *macie2.JobScheduleFrequency
		switch rapid.SampledFrom([]string{"once", "daily", "weekly", "monthly"}).Draw(t, "type") {
		case "daily":
			f, j.onDay = everyDay, func(time.Time) bool { return true }
		case "weekly":
			n := rapid.IntRange(0, 6).Draw(t, "weekday")
			f, j.onDay = weeklyOn(weekdays[n]), func(at time.Time) bool { return int(at.Weekday()) == n }
		case "monthly":
			n := rapid.IntRange(1, 31).Draw(t, "day")
			f, j.onDay = monthlyOn(int64(n)), func(at time.Time) bool {
				last := time.Date(at.Year(), at.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
				return at.Day() == min(n, last)
			}
		}
		if f != nil {
			in.JobType, in.ScheduleFrequency, in.InitialRun = macie2.JobTypeScheduled, f, wire.Ptr(rapid.Bool().Draw(t, "initial run"))
		}
		out, err := w.service.CreateClassificationJob(w.ctx, in)
		if suspended {
			refused(w, err, wire.Conflict, "suspended")
			return
		}
		must(w, err)
		j.id = *out.JobId
		j.tell("JOB_CREATED")
		switch {
		case j.onDay == nil:
			j.start(now())
		case j.onDay(j.created):
			j.due = j.next(now())
			j.start(now())
		default:
			j.status, j.due = macie2.JobStatusIdle, j.next(now())
		}
		jobs = append(jobs, j)
		again, err := w.service.CreateClassificationJob(w.ctx, in)
		must(w, err)
		if *again.JobId != j.id {
			t.Fatal("the same request made another job")
		}
	}
	some := func(t *rapid.T) *modelJob {
		if len(jobs) == 0 {
			t.Skip("no job")
		}
		return rapid.SampledFrom(jobs).Draw(t, "job")
	}
	t.Repeat(map[string]func(*rapid.T){
		"": func(t *rapid.T) {
			for _, j := range jobs {
				w.compareJob(t, j, expireAll)
			}
			w.compareList(t, round, jobs)
		},
		"create": func(t *rapid.T) {
			if len(jobs) == 6 {
				t.Skip("enough")
			}
			create(t)
		},
		"update": func(t *rapid.T) {
			j := some(t)
			to := rapid.SampledFrom([]macie2.JobStatus{macie2.JobStatusRunning, macie2.JobStatusUserPaused, macie2.JobStatusUserPaused, macie2.JobStatusCancelled,
				macie2.JobStatusRunning}).Draw(t, "to")
			expireAll()
			legal := j.set(to, now())
			var e *wire.Error
			if err := w.set(j.id, to); legal != (err == nil) || err != nil && (!errors.As(err, &e) || e.Kind != wire.Validation) {
				t.Fatalf("set to %s: %v; legal: %v", to, err, legal)
			}
		},
		"time passes": func(t *rapid.T) {
			w.clock.Advance(time.Duration(rapid.SampledFrom([]int{1, 60, 24 * 60, 3 * 24 * 60, 10 * 24 * 60, 29 * 24 * 60, 30*24*60 - 1, 40 * 24 * 60}).Draw(t, "minutes")) * time.Minute)
		},
		"schedulers": func(t *rapid.T) {
			for _, j := range jobs {
				j.schedule(now())
			}
			w.due(0)
		},
		"run ends": func(t *rapid.T) {
			j := some(t)
			running := j.run == "running"
			if running {
				j.end()
			}
			if j.runs > 0 && w.endRun(j.id) != running {
				t.Fatalf("the run of job %s is running: %v", j.id, !running)
			}
		},
		"suspend": func(t *rapid.T) {
			if rapid.IntRange(0, 4).Draw(t, "seldom") > 0 {
				t.Skip("not now")
			}
			if suspended {
				status(macie2.MacieStatusEnabled)
				return
			}
			status(macie2.MacieStatusPaused)
			for _, j := range jobs {
				if !j.terminal() {
					j.cancel()
				}
			}
		},
	})
	if suspended {
		status(macie2.MacieStatusEnabled)
	}
	expireAll()
	for _, j := range jobs {
		if !j.terminal() {
			j.cancel()
			must(w, w.set(j.id, macie2.JobStatusCancelled))
		}
		if told := w.happened(j.id); !slices.Equal(told, j.events) { // what goes out as well
			t.Fatalf("told %v; job %+v", told, *j)
		}
	}
	must(w, w.db.Update(w.Context(), func(tx store.Tx) error {
		_, err := tx.Exec(w.Context(), "DELETE FROM outbox")
		return err
	}))
}

// compareJob holds a job to the model.
func (w *world) compareJob(t *rapid.T, j *modelJob, expireAll func()) {
	expireAll() // every request looks for what has expired
	got := w.describe(j.id)
	what := fmt.Sprintf("job %s: %+v", j.id, *j)
	lastRun := j.created
	if j.runs > 0 {
		lastRun = j.lastRun
	}
	if got.JobStatus != j.status || int(*got.Statistics.NumberOfRuns) != j.runs || !got.LastRunTime.Time().Equal(lastRun) {
		t.Fatalf("status %s, %v runs, last %v; %s", got.JobStatus, *got.Statistics.NumberOfRuns, got.LastRunTime.Time(), what)
	}
	switch d := got.UserPausedDetails; {
	case (d != nil) != (j.status == macie2.JobStatusUserPaused && j.run == "paused"):
		t.Fatalf("userPausedDetails %v; %s", d, what)
	case d != nil && (!d.JobPausedAt.Time().Equal(j.pausedAt) || !d.JobExpiresAt.Time().Equal(j.pausedAt.AddDate(0, 0, 30))):
		t.Fatalf("paused at %v until %v; %s", d.JobPausedAt.Time(), d.JobExpiresAt.Time(), what)
	}
	r := w.report(j.id)
	if !r.NextRun.Equal(j.due) && !(r.NextRun.IsZero() && j.due.IsZero()) {
		t.Fatalf("next run %v; %s", r.NextRun, what)
	}
	if state := map[string]string{"": "", "running": "running", "paused": "paused"}[j.run]; j.run != "over" && string(r.Run.State) != state {
		t.Fatalf("run is %q; %s", r.Run.State, what)
	}
	var events []string
	must(w, w.db.View(w.Context(), func(tx store.Tx) error {
		rows, err := store.JobEvents(w.Context(), tx, home, j.id, 0, 1000)
		for _, e := range rows {
			events = append(events, e.Type)
		}
		return err
	}))
	if !slices.Equal(events, j.events) {
		t.Fatalf("events %v; %s", events, what)
	}
}

// compareList holds the jobs of a round, as a list tells of them, to the model.
func (w *world) compareList(t *rapid.T, round int, jobs []*modelJob) {
	status := rapid.SampledFrom([]macie2.JobStatus{macie2.JobStatusRunning, macie2.JobStatusIdle, macie2.JobStatusUserPaused, macie2.JobStatusCancelled,
		macie2.JobStatusComplete}).Draw(t, "listed status")
	out, err := w.service.ListClassificationJobs(w.ctx, &macie2.ListClassificationJobsInput{FilterCriteria: &macie2.ListJobsFilterCriteria{
		Includes: []macie2.ListJobsFilterTerm{
			{Key: macie2.ListJobsFilterKeyName, Comparator: macie2.JobComparatorStartsWith, Values: []string{fmt.Sprintf("job round %d ", round)}},
			{Key: macie2.ListJobsFilterKeyJobStatus, Comparator: macie2.JobComparatorEq, Values: []string{string(status)}},
		}}})
	must(w, err)
	var got, want []string
	for _, item := range out.Items {
		got = append(got, *item.JobId)
	}
	for _, j := range jobs {
		if j.status == status {
			want = append(want, j.id)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Fatalf("jobs that are %s: %v, want %v", status, got, want)
	}
}

// TestRestlessOperator pauses and resumes a job over and over while it works: it ends as if it had been left alone, and each pause is told.
func TestRestlessOperator(t *testing.T) {
	onBothEngines(t, func(t *testing.T, url string) {
		const objects, pauses = 300, 25
		w := newWorldOn(t, url)
		bodies := map[string]string{}
		for i := range objects {
			bodies[fmt.Sprintf("%03d.csv", i)] = people(i%3 + 1)
		}
		w.put("bucket", bodies)
		opened, goOn := make(chan struct{}), make(chan struct{})
		var gates atomic.Int64
		w.fault(func(step, _, _ string) error {
			if step == "open" && gates.Add(1) <= pauses { // each waits until the job has been paused and resumed behind its back
				opened <- struct{}{}
				<-goOn
			}
			return nil
		})
		w.start()
		id := w.create(jobOver("token", "bucket"))
		for range pauses {
			select {
			case <-opened:
			case <-time.After(patience):
				t.Fatalf("nothing is read any more; log:\n%s", w.log)
			}
			must(t, w.set(id, macie2.JobStatusUserPaused))
			equal(t, "paused", w.describe(id).JobStatus, macie2.JobStatusUserPaused)
			refused(t, w.set(id, macie2.JobStatusUserPaused), wire.Validation, "cannot update job from USER_PAUSED to USER_PAUSED")
			must(t, w.set(id, macie2.JobStatusRunning))
			refused(t, w.set(id, macie2.JobStatusRunning), wire.Validation, "cannot update job from RUNNING to RUNNING")
			goOn <- struct{}{}
		}
		w.wait(id)
		equal(t, "findings", len(w.found()), objects) // none twice
		equal(t, "results", len(w.results(id)), objects)
		if totals := w.totals(id); totals.Objects != objects || totals.Listed != objects || totals.Findings != objects || totals.Dead != 0 {
			t.Errorf("%+v", totals)
		}
		want := []string{"JOB_CREATED", "ONE_TIME_JOB_STARTED"}
		for range pauses {
			want = append(want, "JOB_PAUSED_BY_USER", "JOB_RESUMED_BY_USER")
		}
		equal(t, "events", w.happened(id), append(want, "JOB_COMPLETED"))
	})
}
