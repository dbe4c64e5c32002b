package macie

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// A schedule says when the runs of a job are due: on its days, at the time of day at which the job was made, in UTC. A job that is made on
// one of its days is due at once (macie.md 4.3).
type schedule struct {
	made time.Time
	// kind is one of the three; day is the weekday (0 is Sunday) or the day of the month.
	kind scheduleKind
	day  int
	// skipShort leaves out a month that lacks the day; otherwise its last day counts.
	skipShort bool
}

type scheduleKind uint8

const (
	daily scheduleKind = iota
	weekly
	monthly
)

var weekdays = []macie2.DayOfWeek{macie2.DayOfWeekSunday, macie2.DayOfWeekMonday, macie2.DayOfWeekTuesday, macie2.DayOfWeekWednesday,
	macie2.DayOfWeekThursday, macie2.DayOfWeekFriday, macie2.DayOfWeekSaturday}

// newSchedule reads the schedule of a request that was made at a time. Its errors are of the request.
func newSchedule(in *macie2.JobScheduleFrequency, made time.Time, skipShort bool) (schedule, error) {
	s := schedule{made: made.UTC(), skipShort: skipShort}
	if in == nil {
		return s, invalid("jobType SCHEDULED needs a scheduleFrequency")
	}
	given := 0
	for _, is := range []bool{in.DailySchedule != nil, in.WeeklySchedule != nil, in.MonthlySchedule != nil} {
		if is {
			given++
		}
	}
	switch {
	case given != 1:
		return s, invalid("scheduleFrequency holds one of dailySchedule, weeklySchedule and monthlySchedule")
	case in.WeeklySchedule != nil:
		s.kind, s.day = weekly, slices.Index(weekdays, in.WeeklySchedule.DayOfWeek)
		if s.day < 0 {
			return s, invalid("weeklySchedule needs a dayOfWeek")
		}
	case in.MonthlySchedule != nil:
		if in.MonthlySchedule.DayOfMonth == nil || *in.MonthlySchedule.DayOfMonth < 1 || *in.MonthlySchedule.DayOfMonth > 31 {
			return s, invalid("monthlySchedule needs a dayOfMonth from 1 to 31")
		}
		s.kind, s.day = monthly, int(*in.MonthlySchedule.DayOfMonth)
	}
	return s, nil
}

// first returns when the first run is due: when the job was made, or later.
func (s schedule) first() time.Time { return s.next(s.made.Add(-1)) }

// next returns when the first run after a time is due.
func (s schedule) next(after time.Time) time.Time {
	after = after.UTC()
	year, month, day := after.Date()
	if after.Before(s.made) {
		year, month, day = s.made.Date()
	}
	for {
		if due := s.at(year, month, day); s.isDay(due) && due.After(after) && !due.Before(s.made) {
			return due
		}
		year, month, day = time.Date(year, month, day+1, 0, 0, 0, 0, time.UTC).Date()
	}
}

func (s schedule) at(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, s.made.Hour(), s.made.Minute(), s.made.Second(), s.made.Nanosecond(), time.UTC)
}

// isDay says whether a time's day is one of the schedule's.
func (s schedule) isDay(t time.Time) bool {
	switch s.kind {
	case daily:
		return true
	case weekly:
		return int(t.Weekday()) == s.day
	}
	isLast := t.AddDate(0, 0, 1).Day() == 1
	return t.Day() == s.day || isLast && t.Day() < s.day && !s.skipShort
}

// schedule returns the schedule of a stored job.
func (s *Service) schedule(row store.Job, in *macie2.CreateClassificationJobInput) (schedule, error) {
	return newSchedule(in.ScheduleFrequency, time.UnixMilli(row.CreatedAt), s.cfg.SkipShortMonths)
}

// schedules starts the run of an idle job that is due, and stores when the next one is.
func (s *Service) schedules(ctx context.Context, tx store.Tx, t store.Tenant, row *store.Job, in *macie2.CreateClassificationJobInput, plan schedule) error {
	now := s.cfg.Now()
	due := plan.first()
	if row.NextRunAt != nil {
		due = time.UnixMilli(*row.NextRunAt)
	}
	if due.After(now) {
		row.NextRunAt = wire.Ptr(due.UnixMilli())
		return store.UpdateJob(ctx, tx, t, *row)
	}
	row.NextRunAt = wire.Ptr(plan.next(now).UnixMilli())
	if row.Status != string(macie2.JobStatusIdle) {
		return store.UpdateJob(ctx, tx, t, *row) // paused, or its last run is not over: this one is left out
	}
	return s.startRun(ctx, tx, t, row, in, due.UTC().Format(time.RFC3339))
}

// dueAtATime is how many due jobs are looked up at a time.
const dueAtATime = 100

// RunDue starts the runs that are due, of all tenants, and ends what was paused too long ago. Any number of servers may call it at any time:
// a run that one of them started is not due any more, and the key of a run is when it was due. While the server was away at most one run of
// a job was missed for good: it is started late, the others are left out. The error is of the database.
func (s *Service) RunDue(ctx context.Context) error {
	started := false
	defer func() {
		if started {
			s.cfg.Engine.Wake()
		}
	}()
	for {
		var due []store.JobRef
		now := s.cfg.Now()
		err := s.cfg.DB.View(ctx, func(tx store.Tx) (err error) {
			due, err = store.DueJobs(ctx, tx, now.UnixMilli(), now.Add(-pausedFor).UnixMilli(), dueAtATime)
			return err
		})
		if err != nil {
			return err
		}
		dealt := 0
		for _, ref := range due {
			switch err := s.runDue(ctx, ref); {
			case err == nil:
				dealt++
			case ctx.Err() != nil || errors.Is(err, store.ErrUnavailable):
				return err
			default: // it must not keep the others from running
				s.cfg.Log.Error("a job's run cannot be started", "tenant", ref.Tenant.String(), "job", ref.ID, "error", err.Error())
			}
		}
		started = started || dealt > 0
		if len(due) < dueAtATime || dealt == 0 {
			return nil
		}
	}
}

func (s *Service) runDue(ctx context.Context, ref store.JobRef) error {
	return s.cfg.DB.Update(ctx, func(tx store.Tx) error {
		row, err := store.GetJob(ctx, tx, ref.Tenant, ref.ID)
		if errors.Is(err, store.ErrNotFound) {
			return nil // deleted meanwhile
		} else if err != nil {
			return err
		}
		if s.pauseExpired(row) {
			return s.expirePause(ctx, tx, ref.Tenant, row)
		}
		if row.NextRunAt == nil || *row.NextRunAt > s.cfg.Now().UnixMilli() {
			return nil // another server was quicker
		}
		in := &macie2.CreateClassificationJobInput{}
		if err := wire.Unmarshal(row.Doc, in); err != nil {
			return fmt.Errorf("it is damaged: %w", err)
		}
		plan, err := s.schedule(row, in)
		if err != nil {
			return err
		}
		return s.schedules(ctx, tx, ref.Tenant, &row, in, plan)
	})
}

// scheduleEvery is how often due runs are looked for.
const scheduleEvery = 10 * time.Second

// Schedule starts runs when they are due, until the context ends.
func (s *Service) Schedule(ctx context.Context) {
	tick := time.NewTicker(scheduleEvery)
	defer tick.Stop()
	for {
		if err := s.RunDue(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Log.Warn("due jobs cannot be looked up; trying again soon", "error", err.Error())
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
