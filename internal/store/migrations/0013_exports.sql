-- Words in braces are written for each engine by Migrate (migrate.go). Why the tables are as they are: export.go.

-- +goose Up

CREATE TABLE exports (
    id          {identity},
    account     {name}  NOT NULL,
    region      {name}  NOT NULL,
    file        {bytes} NOT NULL,
    destination {bytes} NOT NULL,
    records     {int}   NOT NULL,
    size        {int}   NOT NULL,
    not_before  {int}   NOT NULL,
    attempts    {int}   NOT NULL DEFAULT 0,
    created_at  {int}   NOT NULL
){table};
CREATE UNIQUE INDEX exports_file ON exports (account, region, file);
CREATE INDEX exports_due ON exports (account, region, not_before, id);

CREATE TABLE export_bodies (
    id      {int}   PRIMARY KEY,
    account {name}  NOT NULL,
    region  {name}  NOT NULL,
    body    {bytes} NOT NULL
){table};
CREATE INDEX export_bodies_tenant ON export_bodies (account, region);

-- +goose Down

DROP TABLE export_bodies;
DROP TABLE exports;
