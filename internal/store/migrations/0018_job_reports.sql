-- Words in braces are written for each engine by Migrate (migrate.go).

-- +goose Up

-- reported_run is the start of the last run that listed the bucket, or a part of it, from a report of the store, and reported_at up to when that
-- report tells everything.
ALTER TABLE job_buckets ADD COLUMN reported_run {int};
ALTER TABLE job_buckets ADD COLUMN reported_at {int};

-- +goose Down

ALTER TABLE job_buckets DROP COLUMN reported_at;
ALTER TABLE job_buckets DROP COLUMN reported_run;
