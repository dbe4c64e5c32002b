-- Words in braces are written for each engine by Migrate (migrate.go).

-- +goose Up

CREATE TABLE findings_filters (
    account      {name} NOT NULL,
    region       {name} NOT NULL,
    id           {name} NOT NULL,
    action       {name} NOT NULL,
    position     {int}  NOT NULL,
    created_at   {int}  NOT NULL,
    client_token {bytes}, -- NULL: none
    request_hash {bytes} NOT NULL,
    doc          {bytes} NOT NULL,
    PRIMARY KEY (account, region, id)
){clustered};
CREATE UNIQUE INDEX findings_filters_client_token ON findings_filters (account, region, client_token);
CREATE INDEX findings_filters_position ON findings_filters (account, region, position, created_at, id);

-- +goose Down

DROP TABLE findings_filters;
