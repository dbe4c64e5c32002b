-- Words in braces are written for each engine by Migrate (migrate.go).

-- +goose Up

-- Events that are still to be published, a row for each sink. Those that may be overtaken by a later one of the same thing have a merge key.
CREATE TABLE outbox (
    id         {identity},
    account    {name}  NOT NULL,
    region     {name}  NOT NULL,
    sink       {name}  NOT NULL,
    merge_key  {bytes},
    version    {int}   NOT NULL DEFAULT 0,
    not_before {int}   NOT NULL,
    attempts   {int}   NOT NULL DEFAULT 0,
    created_at {int}   NOT NULL,
    doc        {bytes} NOT NULL
){table};
CREATE UNIQUE INDEX outbox_merge_key ON outbox (account, region, sink, merge_key);
CREATE INDEX outbox_due ON outbox (sink, not_before, id);

-- +goose Down

DROP TABLE outbox;
