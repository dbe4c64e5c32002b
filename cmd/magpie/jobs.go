package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/magpie-sec/magpie/internal/macie"
	"github.com/magpie-sec/magpie/internal/store"
)

type jobsCommand struct {
	List     jobsList     `cmd:"" default:"withargs" help:"List the jobs with how far they are. Without a subcommand this is done."`
	Events   jobsEvents   `cmd:"" help:"Show what happened to a job, as the records that Macie writes to CloudWatch Logs."`
	Forecast jobsForecast `cmd:"" help:"Say what a job would read and how long that would take, before it is made."`
	Dead     jobsDead     `cmd:"" help:"List the parts of jobs that were given up, and why."`
	Retry    jobsRetry    `cmd:"" help:"Let the parts of a job's latest run that were given up be tried again."`
}

type jobsList struct {
	Format string `default:"table" enum:"table,json" help:"table, or json: one job in each line."`
	databaseFlags
}

// Run lists the jobs.
func (c jobsList) Run(ctx context.Context, std stdio) error {
	db, err := c.read(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	out := bufio.NewWriter(std.out)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if c.Format == "table" {
		fmt.Fprintln(table, "ID\tACCOUNT\tREGION\tNAME\tSTATUS\tDONE\tOBJECTS\tNOT READ\tFINDINGS\tLEFT\tERROR")
	}
	jobs := 0
	err = eachJob(ctx, db, "", func(r *macie.JobReport) error {
		jobs++
		if c.Format == "json" {
			return json.NewEncoder(out).Encode(reportJSON(r))
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\t%s\t%s\n", r.ID, r.Account, r.Region, printable(r.Name), r.Status, doneText(r),
			r.Counts.Objects, r.Counts.Skipped, r.Counts.Findings, leftText(r), orDash(r.Run.ErrorCode))
		return nil
	})
	if err := errors.Join(err, table.Flush(), out.Flush()); err != nil {
		return err
	}
	if jobs == 0 {
		fmt.Fprintln(std.err, "There are no jobs.")
	}
	return nil
}

// jobsAtATime is how many jobs are looked up at a time.
const jobsAtATime = 100

// eachJob tells of the jobs of all accounts whose id begins with a text.
func eachJob(ctx context.Context, db store.DB, id string, tell func(*macie.JobReport) error) error {
	for behind := 0; ; behind += jobsAtATime {
		var reports []macie.JobReport
		var refs []store.JobRef
		err := db.View(ctx, func(tx store.Tx) (err error) {
			reports = nil
			if refs, err = store.AllJobs(ctx, tx, id, behind, jobsAtATime); err != nil {
				return err
			}
			for _, ref := range refs {
				r, err := macie.ReportJob(ctx, tx, ref, time.Now())
				if err != nil {
					return fmt.Errorf("job %s: %w", ref.ID, err)
				}
				reports = append(reports, r)
			}
			return nil
		})
		if err != nil {
			return err
		}
		for i := range reports {
			if err := tell(&reports[i]); err != nil {
				return err
			}
		}
		if len(refs) < jobsAtATime {
			return nil
		}
	}
}

var jobID = regexp.MustCompile(`^[0-9a-f]{1,32}$`)

// oneJob finds a job by its id, or by the beginning of one that no other has.
func oneJob(ctx context.Context, db store.DB, id string) (found *macie.JobReport, err error) {
	if id = id[strings.LastIndexByte(id, '/')+1:]; !jobID.MatchString(id) { // an ARN is understood as well
		return nil, fmt.Errorf("%s is no id of a job; magpie jobs lists them", printable(id))
	}
	several := errors.New("several")
	err = eachJob(ctx, db, id, func(r *macie.JobReport) error {
		if found != nil {
			return several
		}
		found = r
		return nil
	})
	switch {
	case errors.Is(err, several):
		return nil, fmt.Errorf("the ids of several jobs begin with %s; magpie jobs lists them", id)
	case err == nil && found == nil:
		return nil, fmt.Errorf("there is no job %s; magpie jobs lists them", id)
	}
	return found, err
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// doneText says how much of what a run knows of is done.
func doneText(r *macie.JobReport) string {
	switch {
	case r.Run.RunID == "":
		return "-"
	case r.Ahead == 0 && r.Listing > 0:
		return "listing"
	case r.Ahead == 0:
		return "100%"
	}
	return fmt.Sprintf("%.0f%%", float64(100*r.Counts.Objects)/float64(r.Counts.Objects+r.Ahead))
}

// leftText says how long a run still takes.
func leftText(r *macie.JobReport) string {
	switch {
	case r.Run.RunID == "" || r.Ended():
		return "-"
	case r.Left < 0:
		return "unknown"
	case r.Listing > 0:
		return "at least " + durationText(r.Left.Seconds())
	}
	return "about " + durationText(r.Left.Seconds())
}

// jobJSON is a job in a report.
type jobJSON struct {
	JobID     string     `json:"jobId"`
	Account   string     `json:"accountId"`
	Region    string     `json:"region"`
	Name      string     `json:"name"`
	Type      string     `json:"jobType"`
	Status    string     `json:"jobStatus"`
	Runs      int64      `json:"numberOfRuns"`
	NextRun   *time.Time `json:"nextRun,omitempty"`
	RunID     string     `json:"runId,omitempty"`
	RunState  string     `json:"runState,omitempty"`
	Started   *time.Time `json:"runStarted,omitempty"`
	Finished  *time.Time `json:"runFinished,omitempty"`
	Error     string     `json:"runError,omitempty"`
	Listed    int64      `json:"objectsListed"`
	Objects   int64      `json:"objectsDone"`
	Skipped   int64      `json:"objectsSkipped"`
	Bytes     int64      `json:"bytesClassified"`
	Findings  int64      `json:"findings"`
	ToProcess int64      `json:"approximateNumberOfObjectsToProcess"`
	Listing   int64      `json:"bucketsToList"`
	Dead      int64      `json:"shardsGivenUp"`
	Active    float64    `json:"secondsActive"`
	Left      *float64   `json:"minutesLeft,omitempty"` // while it goes on, if it can be told
}

func reportJSON(r *macie.JobReport) jobJSON {
	at := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		return &t
	}
	j := jobJSON{JobID: r.ID, Account: r.Account, Region: r.Region, Name: r.Name, Type: r.Type, Status: r.Status, Runs: r.Runs, NextRun: at(r.NextRun),
		RunID: r.Run.RunID, RunState: string(r.Run.State), Started: at(r.Run.StartedAt), Finished: at(r.Run.FinishedAt), Error: r.Run.ErrorCode,
		Listed: r.Counts.Listed, Objects: r.Counts.Objects, Skipped: r.Counts.Skipped, Bytes: r.Counts.Bytes, Findings: r.Counts.Findings,
		ToProcess: r.Ahead, Listing: r.Listing, Dead: r.Counts.Dead, Active: r.Active.Seconds()}
	if r.Run.RunID != "" && !r.Ended() && r.Left >= 0 {
		minutes := r.Left.Minutes()
		j.Left = &minutes
	}
	return j
}

type jobsEvents struct {
	Job string `arg:"" help:"The job's id, its beginning, or its ARN."`
	databaseFlags
}

// Run shows the events of a job, one in each line.
func (c jobsEvents) Run(ctx context.Context, std stdio) error {
	db, err := c.read(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	r, err := oneJob(ctx, db, c.Job)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(std.out)
	return errors.Join(writeEvents(ctx, db, r, out), out.Flush())
}

func writeEvents(ctx context.Context, db store.DB, r *macie.JobReport, out io.Writer) error {
	const atATime = 500
	for after := int64(0); ; {
		var events []store.JobEvent
		err := db.View(ctx, func(tx store.Tx) (err error) {
			events, err = store.JobEvents(ctx, tx, r.Tenant, r.ID, after, atATime)
			return err
		})
		if err != nil {
			return err
		}
		for _, e := range events {
			after = e.Seq
			if _, err := fmt.Fprintf(out, "%s\n", e.Doc); err != nil {
				return err
			}
		}
		if len(events) < atATime {
			return nil
		}
	}
}
