-- Words in braces are written for each engine by Migrate (migrate.go). What they hold, and why: resultpage.go.

-- +goose Up

CREATE TABLE result_pages (
    id        {identity},
    account   {name}  NOT NULL,
    region    {name}  NOT NULL,
    job_id    {name}  NOT NULL,
    run_id    {name}  NOT NULL,
    bucket    {name}  NOT NULL,
    first_key {bytes} NOT NULL,
    last_key  {bytes} NOT NULL,
    objects   {int}   NOT NULL,
    body      {bytes} NOT NULL
){table};
CREATE INDEX result_pages_place ON result_pages (account, region, job_id, run_id, bucket, first_key, last_key);

-- +goose Down

DROP TABLE result_pages;
