package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/macie"
	"github.com/magpie-sec/magpie/internal/store"
)

// jobsFlags name the tenant and the database. A server may be running on it.
type jobsFlags struct {
	Account string `default:"111122223333" placeholder:"ID" help:"The job's account, 12 digits. Default: 111122223333."`
	Region  string `default:"us-east-1" placeholder:"REGION" help:"The job's Region. Default: us-east-1."`
	databaseFlags
}

func (f jobsFlags) tenant() store.Tenant { return store.Tenant{Account: f.Account, Region: f.Region} }

type jobsDead struct {
	Job string `arg:"" optional:"" help:"The job's id. Without one: all jobs of the account and Region."`
	jobsFlags
}

// deadPage is how many parts are read at a time.
const deadPage = 1000

// Run lists dead shards.
func (c jobsDead) Run(ctx context.Context, std stdio) error {
	db, err := c.read(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	table := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	none, after := true, int64(0)
	for more := true; more; {
		var page []job.Shard
		if err := db.View(ctx, func(tx store.Tx) (err error) {
			page, err = job.DeadOf(ctx, tx, c.tenant(), c.Job, after, deadPage)
			return err
		}); err != nil {
			return err
		}
		for _, s := range page {
			if none {
				fmt.Fprintln(table, "JOB\tRUN\tPART\tKIND\tBUCKET\tOBJECTS DONE\tGIVEN UP\tERROR")
			}
			none, after = false, s.ID
			fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\t%d\t%s\t%s\n", s.JobID, s.RunID, s.ID, s.Kind, printable(s.Bucket), s.Counters.Objects,
				stamp(s.UpdatedAt.UnixMilli()), printable(s.LastError))
		}
		more = len(page) == deadPage
	}
	if none {
		fmt.Fprintln(std.err, "No part of a job was given up.")
	}
	return table.Flush()
}

type jobsRetry struct {
	Job string `arg:"" help:"The job's id."`
	jobsFlags
}

// Run gives the dead shards of a job another chance.
func (c jobsRetry) Run(ctx context.Context, std stdio) error {
	_, db, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	var retried int64
	err = db.Update(ctx, func(tx store.Tx) (err error) {
		retried, err = macie.RetryDead(ctx, tx, c.tenant(), c.Job, time.Now())
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("there is no job %s in %s; --account and --region name another", printable(c.Job), c.tenant())
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(std.out, "%d parts of job %s are tried again.\n", retried, c.Job)
	return nil
}
