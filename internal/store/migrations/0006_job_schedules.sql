-- Words in braces are written for each engine by Migrate (migrate.go).

-- +goose Up

-- The key of the job's latest run, '' before the first, and when the next one is due.
ALTER TABLE jobs ADD COLUMN run_key {name} NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN next_run_at {int};
UPDATE jobs SET run_key = 'one-time';
CREATE INDEX jobs_next_run_at ON jobs (next_run_at) WHERE next_run_at IS NOT NULL;
CREATE INDEX jobs_paused_at ON jobs (paused_at) WHERE paused_at IS NOT NULL;

-- What the runs of a scheduled job have done of each bucket: covered_at is the start of the last complete run that listed it to its end,
-- listed_at that of the run under way, if it has.
CREATE TABLE job_buckets (
    account    {name} NOT NULL,
    region     {name} NOT NULL,
    job_id     {name} NOT NULL,
    bucket     {name} NOT NULL,
    covered_at {int},
    listed_at  {int},
    PRIMARY KEY (account, region, job_id, bucket)
){clustered};

-- +goose Down

DROP TABLE job_buckets;
DROP INDEX jobs_paused_at;
DROP INDEX jobs_next_run_at;
ALTER TABLE jobs DROP COLUMN next_run_at;
ALTER TABLE jobs DROP COLUMN run_key;
