-- Words in braces are written for each engine by Migrate (migrate.go).

-- +goose Up

CREATE TABLE access_previews (
    account    {name} NOT NULL,
    region     {name} NOT NULL,
    analyzer   {name} NOT NULL,
    id         {name} NOT NULL,
    created_at {int}  NOT NULL,
    status     {name} NOT NULL,
    reason     {name} NOT NULL, -- of the status; '': none
    doc        {bytes} NOT NULL, -- what is proposed
    findings   {bytes} NOT NULL, -- JSON list
    PRIMARY KEY (account, region, analyzer, id)
){clustered};
CREATE INDEX access_previews_created_at ON access_previews (account, region, analyzer, created_at, id);

-- +goose Down

DROP TABLE access_previews;
