-- Words in braces are written for each engine by Migrate (migrate.go). Why the tables are as they are: ledger.go.

-- +goose Up

CREATE TABLE ledger_rules (
    id      {identity},
    account {name} NOT NULL,
    region  {name} NOT NULL,
    digest  {bytes} NOT NULL,
    doc     {bytes} NOT NULL
){table};
CREATE UNIQUE INDEX ledger_rules_digest ON ledger_rules (account, region, digest);

CREATE TABLE ledger (
    account    {name} NOT NULL,
    region     {name} NOT NULL,
    bucket     {name} NOT NULL,
    object_key {bytes} NOT NULL,
    rules      {int} NOT NULL,
    state      {bytes} NOT NULL,
    flags      {int} NOT NULL,
    size       {int} NOT NULL,
    doc        {bytes} NOT NULL,
    PRIMARY KEY (account, region, bucket, object_key, rules)
){clustered};

-- Results were to be the ledger as well.
DROP INDEX results_ledger;

-- +goose Down

CREATE INDEX results_ledger ON results (account, region, bucket, object_key, version_id, rules);
DROP TABLE ledger;
DROP TABLE ledger_rules;
