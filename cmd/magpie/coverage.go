package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"

	"github.com/magpie-sec/magpie/internal/macie"
	"github.com/magpie-sec/magpie/internal/store"
)

type coverageCommand struct {
	Job     string `arg:"" optional:"" help:"The job's id, its beginning, or its ARN. Without one the latest runs of all jobs are told."`
	Format  string `default:"table" enum:"table,json,csv" help:"table; json, one job in each line; csv, a line for each object or bucket that was not read."`
	Objects bool   `help:"Name each object that was not read in a table, too."`
	databaseFlags
}

// Help is what magpie coverage --help says below the flags.
func (coverageCommand) Help() string {
	return "It reads the database, beside a running server. Runs that are not over are told as far as they are.\n\n" +
		"Exit codes: 0 everything was read, 1 error, 2 something was not read (it is listed), or nothing was there to read.\n\n" +
		"Examples:\n  magpie coverage\n  magpie coverage --objects 3f2a\n  magpie coverage --format csv 3f2a > unread.csv"
}

// Run tells what was not read.
func (c coverageCommand) Run(ctx context.Context, std stdio) error {
	db, err := c.read(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	out := bufio.NewWriter(std.out)
	report := &coverageReport{db: db, out: out, errs: std.err, format: c.Format, objects: c.Objects, csv: csv.NewWriter(out)}
	if c.Format == "csv" {
		report.csv.Write([]string{"job", "bucket", "object", "version", "status", "reason", "bytes", "bytes_read", "detail"})
	}
	if c.Job == "" {
		err = eachJob(ctx, db, "", func(r *macie.JobReport) error { return report.job(ctx, r) })
	} else {
		var r *macie.JobReport
		if r, err = oneJob(ctx, db, c.Job); err == nil {
			err = report.job(ctx, r)
		}
	}
	report.csv.Flush()
	if err := errors.Join(err, report.csv.Error(), out.Flush()); err != nil {
		return err
	}
	if report.jobs == 0 {
		fmt.Fprintln(std.err, "There are no jobs.")
	}
	if report.incomplete {
		return exitCode(exitIncomplete)
	}
	return nil
}

// A coverageReport writes what jobs have not read.
type coverageReport struct {
	db         store.DB
	out        io.Writer
	errs       io.Writer
	csv        *csv.Writer
	format     string
	objects    bool
	jobs       int
	incomplete bool
}

// gapJSON is a gap in a report.
type gapJSON struct {
	Bucket  string `json:"bucket,omitempty"`
	Status  string `json:"status,omitempty"`
	Reason  string `json:"reason"`
	Objects int64  `json:"objects,omitempty"`
	Bytes   int64  `json:"bytes,omitempty"`
	Read    int64  `json:"bytesRead,omitempty"`
	Detail  string `json:"detail,omitempty"`
}

func (c *coverageReport) job(ctx context.Context, r *macie.JobReport) error {
	c.jobs++
	var gaps []macie.Gap
	err := c.db.View(ctx, func(tx store.Tx) (err error) {
		gaps, err = macie.Coverage(ctx, tx, r)
		return err
	})
	if err != nil {
		return fmt.Errorf("job %s: %w", r.ID, err)
	}
	nothing := nothingRead(r)
	if len(gaps) > 0 || nothing != "" {
		c.incomplete = true
	}
	if nothing != "" {
		fmt.Fprintf(c.errs, "warning: job %s %s\n", r.ID, nothing)
	}
	switch c.format {
	case "csv":
		return c.lines(ctx, r, gaps)
	case "json":
		doc := struct {
			jobJSON
			NotRead []gapJSON `json:"notRead"`
			Warning string    `json:"warning,omitempty"`
		}{reportJSON(r), []gapJSON{}, nothing}
		for _, g := range gaps {
			doc.NotRead = append(doc.NotRead, gapJSON{g.Bucket, g.Status, g.Reason, g.Objects, g.Bytes, g.Read, g.Detail})
		}
		return json.NewEncoder(c.out).Encode(doc)
	}
	return c.table(ctx, r, gaps)
}

// nothingRead says in words that a run has looked at nothing; "" if it has, or may yet.
func nothingRead(r *macie.JobReport) string {
	switch {
	case r.Run.RunID == "":
		return "has not run yet"
	case r.Ended() && r.Counts.Objects == 0:
		return "looked at nothing: no object was there that it is about"
	}
	return ""
}

func (c *coverageReport) table(ctx context.Context, r *macie.JobReport, gaps []macie.Gap) error {
	fmt.Fprintf(c.out, "Job %s %s: %s", r.ID, printable(r.Name), r.Status)
	if r.Run.RunID != "" {
		fmt.Fprintf(c.out, ", run of %s %s: %d objects, %s analysed", r.Run.StartedAt.Format("2006-01-02 15:04:05Z"), r.Run.State, r.Counts.Objects, bytesText(r.Counts.Bytes))
	}
	fmt.Fprintln(c.out)
	if len(gaps) == 0 {
		if nothing := nothingRead(r); nothing != "" {
			fmt.Fprintf(c.out, "  It %s.\n", nothing)
		} else {
			fmt.Fprintln(c.out, "  Everything was read.")
		}
		return nil
	}
	table := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "  BUCKET\tSTATUS\tREASON\tOBJECTS\tBYTES\tREAD\t")
	var sum macie.Gap
	for _, g := range gaps {
		objects, bytes, read := "-", "-", "-"
		if g.Objects > 0 {
			objects, bytes, read = strconv.FormatInt(g.Objects, 10), bytesText(g.Bytes), bytesText(g.Read)
		}
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\t%s\t%s\t%s\n", orDash(printable(g.Bucket)), orDash(g.Status), g.Reason, objects, bytes, read, printable(g.Detail))
		sum.Objects, sum.Bytes, sum.Read = sum.Objects+g.Objects, sum.Bytes+g.Bytes, sum.Read+g.Read
	}
	fmt.Fprintf(table, "  all\t\t\t%d\t%s\t%s\t\n", sum.Objects, bytesText(sum.Bytes), bytesText(sum.Read))
	if err := table.Flush(); err != nil {
		return err
	}
	if !c.objects {
		return nil
	}
	return macie.EachUnread(ctx, c.db, r, func(u *macie.Unread) error {
		_, err := fmt.Fprintf(c.out, "    %s %s %s/%s\n", u.Status, u.Reason, printable(u.Bucket), printable(u.Key))
		return err
	})
}

// lines writes a line for each object, and for each thing that is no object.
func (c *coverageReport) lines(ctx context.Context, r *macie.JobReport, gaps []macie.Gap) error {
	for _, g := range gaps {
		if g.Status != "" || g.Objects > 0 && g.Bucket != "" {
			continue // its objects follow
		}
		objects := ""
		if g.Objects > 0 {
			objects = fmt.Sprintf("%d objects. ", g.Objects)
		}
		if err := c.csv.Write([]string{r.ID, g.Bucket, "", "", g.Status, g.Reason, "", "", objects + g.Detail}); err != nil {
			return err
		}
	}
	return macie.EachUnread(ctx, c.db, r, func(u *macie.Unread) error {
		size := ""
		if u.Size >= 0 {
			size = strconv.FormatInt(u.Size, 10)
		}
		return c.csv.Write([]string{r.ID, u.Bucket, csvText(u.Key), u.VersionID, u.Status, u.Reason, size, strconv.FormatInt(u.Read, 10), ""})
	})
}

// csvText keeps a key from being taken for a formula by the program that opens the file, and from moving a terminal's cursor.
func csvText(s string) string {
	if p := printable(s); p != s {
		return p
	}
	if s != "" && (s[0] == '=' || s[0] == '+' || s[0] == '-' || s[0] == '@') {
		return strconv.Quote(s)
	}
	return s
}
