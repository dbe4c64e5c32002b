package store

import (
	"context"
	"errors"
)

// BucketCovered returns the start of the last complete run of a job that listed a bucket to its end or, if that was from a report, the time up
// to which the report tells everything: objects that have not changed since are dealt with. ok is false if there is none.
func BucketCovered(ctx context.Context, tx Tx, t Tenant, jobID, bucket string) (at int64, ok bool, err error) {
	var covered *int64
	err = One(ctx, tx, "SELECT covered_at FROM job_buckets WHERE account = $1 AND region = $2 AND job_id = $3 AND bucket = $4",
		[]any{t.Account, t.Region, jobID, bucket}, &covered)
	if errors.Is(err, ErrNotFound) || err == nil && covered == nil {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	return *covered, true, nil
}

// BucketListed notes that the run of a job that began at a time has listed a bucket to its end. It counts when the run is complete:
// [CoverBuckets].
func BucketListed(ctx context.Context, tx Tx, t Tenant, jobID, bucket string, runStarted int64) error {
	_, err := tx.Exec(ctx, `INSERT INTO job_buckets (account, region, job_id, bucket, listed_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (account, region, job_id, bucket) DO UPDATE SET listed_at = excluded.listed_at`, t.Account, t.Region, jobID, bucket, runStarted)
	return err
}

// CoverBuckets makes what the run that began at a time has listed count as dealt with, but for some buckets, of which not everything was
// looked at.
func CoverBuckets(ctx context.Context, tx Tx, t Tenant, jobID string, runStarted int64, but []string) error {
	for _, bucket := range but {
		if _, err := tx.Exec(ctx, `UPDATE job_buckets SET listed_at = NULL WHERE account = $1 AND region = $2 AND job_id = $3 AND bucket = $4`,
			t.Account, t.Region, jobID, bucket); err != nil {
			return err
		}
	}
	_, err := tx.Exec(ctx, `UPDATE job_buckets SET covered_at = CASE WHEN reported_run = $4 AND reported_at < $4 THEN reported_at ELSE listed_at END WHERE account = $1 AND region = $2 AND job_id = $3 AND listed_at = $4`,
		t.Account, t.Region, jobID, runStarted)
	return err
}

// BucketReported notes that the run of a job that began at a time lists a bucket from a report that tells everything up to a time (in
// milliseconds since 1970). Of several reports of a run the earliest counts.
func BucketReported(ctx context.Context, tx Tx, t Tenant, jobID, bucket string, runStarted, upTo int64) error {
	_, err := tx.Exec(ctx, `INSERT INTO job_buckets (account, region, job_id, bucket, reported_run, reported_at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (account, region, job_id, bucket) DO UPDATE SET
			reported_at = CASE WHEN job_buckets.reported_run = excluded.reported_run AND job_buckets.reported_at < excluded.reported_at
				THEN job_buckets.reported_at ELSE excluded.reported_at END,
			reported_run = excluded.reported_run`, t.Account, t.Region, jobID, bucket, runStarted, upTo)
	return err
}

// BucketReport returns what [BucketReported] has noted of a run. ok is false if the run has read no report of the bucket.
func BucketReport(ctx context.Context, tx Tx, t Tenant, jobID, bucket string, runStarted int64) (upTo int64, ok bool, err error) {
	err = One(ctx, tx, `SELECT reported_at FROM job_buckets
		WHERE account = $1 AND region = $2 AND job_id = $3 AND bucket = $4 AND reported_run = $5`,
		[]any{t.Account, t.Region, jobID, bucket, runStarted}, &upTo)
	if errors.Is(err, ErrNotFound) {
		return 0, false, nil
	}
	return upTo, err == nil, err
}
