-- Words in braces are written for each engine by Migrate (migrate.go).

-- +goose Up

-- Objects that a run reads in parts, and what their parts have told so far. Rows go when the object is put together, or when its run is over.
CREATE TABLE large_objects (
    account    {name}  NOT NULL,
    region     {name}  NOT NULL,
    job_id     {name}  NOT NULL,
    run_id     {name}  NOT NULL,
    id         {name}  NOT NULL,
    bucket     {name}  NOT NULL,
    unfinished {int}   NOT NULL,
    doc        {bytes} NOT NULL,
    PRIMARY KEY (account, region, job_id, run_id, id)
){table};
CREATE TABLE object_parts (
    account {name}  NOT NULL,
    region  {name}  NOT NULL,
    job_id  {name}  NOT NULL,
    run_id  {name}  NOT NULL,
    id      {name}  NOT NULL,
    stage   {int}   NOT NULL,
    part    {int}   NOT NULL,
    counts  {bytes} NOT NULL,
    doc     {bytes} NOT NULL,
    PRIMARY KEY (account, region, job_id, run_id, id, stage, part)
){table};

-- +goose Down

DROP TABLE object_parts;
DROP TABLE large_objects;
