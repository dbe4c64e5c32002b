package macie

import (
	"context"
	"fmt"
	"time"

	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// RetryDead lets the parts of a job's latest run that failed for good be tried again, and returns how many there are. A job whose run was
// complete is running again. Parts of earlier runs are left: a later run of a scheduled job has looked at what they left out. Jobs that are
// paused or cancelled are refused.
func RetryDead(ctx context.Context, tx store.Tx, t store.Tenant, jobID string, now time.Time) (int64, error) {
	row, err := store.GetJob(ctx, tx, t, jobID)
	if err != nil {
		return 0, fmt.Errorf("job %s: %w", jobID, err)
	}
	switch macie2.JobStatus(row.Status) {
	case macie2.JobStatusComplete, macie2.JobStatusIdle, macie2.JobStatusRunning:
	default:
		return 0, fmt.Errorf("job %s is %s: nothing of it can be tried again: %w", jobID, row.Status, store.ErrInvalid)
	}
	runs, err := job.Runs(ctx, tx, t, jobID, 1)
	if err != nil || len(runs) == 0 {
		return 0, err
	}
	retried, reopened, err := job.RetryDead(ctx, tx, runs[0].RunRef, now.UnixMilli())
	if err != nil || retried == 0 {
		return retried, err
	}
	if err := tellRetried(ctx, tx, t, &row, retried, now); err != nil || !reopened {
		return retried, err
	}
	row.Status = string(macie2.JobStatusRunning)
	return retried, store.UpdateJob(ctx, tx, t, row)
}
