-- Words in braces are written for each engine by Migrate (migrate.go).

-- +goose Up

-- What happened to a job, in the order in which it came true. An event with a key happens once in the life of its job, one without (NULL) each
-- time that it is written.
CREATE TABLE job_events (
    seq         {identity},
    account     {name}  NOT NULL,
    region      {name}  NOT NULL,
    job_id      {name}  NOT NULL,
    run_id      {name}  NOT NULL,
    event_key   {name},
    type        {name}  NOT NULL,
    occurred_at {int}   NOT NULL,
    doc         {bytes} NOT NULL
){table};
CREATE UNIQUE INDEX job_events_event_key ON job_events (account, region, job_id, event_key);
CREATE INDEX job_events_job ON job_events (account, region, job_id, seq);

-- +goose Down

DROP TABLE job_events;
