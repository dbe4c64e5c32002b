-- Words in braces are written for each engine by Migrate (migrate.go). What they are for: retention.go, and package job's fold.go.

-- +goose Up

ALTER TABLE runs ADD COLUMN folded {int} NOT NULL DEFAULT 0;  -- 1: its done shards are folded, none is left to be
ALTER TABLE runs ADD COLUMN emptied {int} NOT NULL DEFAULT 0; -- 1: its results are deleted
ALTER TABLE runs ADD COLUMN totals {bytes};                   -- of the shards that were folded
ALTER TABLE jobs ADD COLUMN runs_deleted {int} NOT NULL DEFAULT 0;
CREATE INDEX runs_folded ON runs (folded, finished_at);
CREATE INDEX runs_emptied ON runs (emptied, finished_at);
CREATE INDEX runs_finished_at ON runs (finished_at);

-- Who does what only one server at a time is to do.
CREATE TABLE leases (
    name   {name} NOT NULL PRIMARY KEY,
    holder {name} NOT NULL,
    until  {int}  NOT NULL
){clustered};

-- +goose Down

DROP TABLE leases;
DROP INDEX runs_finished_at;
DROP INDEX runs_emptied;
DROP INDEX runs_folded;
ALTER TABLE jobs DROP COLUMN runs_deleted;
ALTER TABLE runs DROP COLUMN totals;
ALTER TABLE runs DROP COLUMN emptied;
ALTER TABLE runs DROP COLUMN folded;
