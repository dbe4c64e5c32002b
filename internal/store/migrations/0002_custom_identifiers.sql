-- Words in braces are written for each engine by Migrate (migrate.go).

-- +goose Up

-- A deleted identifier stays: jobs that were made with it go on using it. Its client token is given up.
CREATE TABLE custom_identifiers (
    account      {name} NOT NULL,
    region       {name} NOT NULL,
    id           {name} NOT NULL,
    created_at   {int}  NOT NULL,
    deleted_at   {int},
    client_token {bytes}, -- NULL: none
    request_hash {bytes} NOT NULL,
    doc          {bytes} NOT NULL,
    PRIMARY KEY (account, region, id)
){clustered};
CREATE UNIQUE INDEX custom_identifiers_client_token ON custom_identifiers (account, region, client_token);
CREATE INDEX custom_identifiers_created_at ON custom_identifiers (account, region, created_at, id) WHERE deleted_at IS NULL;

CREATE TABLE allow_lists (
    account      {name} NOT NULL,
    region       {name} NOT NULL,
    id           {name} NOT NULL,
    created_at   {int}  NOT NULL,
    updated_at   {int}  NOT NULL,
    client_token {bytes} NOT NULL,
    request_hash {bytes} NOT NULL,
    doc          {bytes} NOT NULL,
    PRIMARY KEY (account, region, id)
){clustered};
CREATE UNIQUE INDEX allow_lists_client_token ON allow_lists (account, region, client_token);

-- +goose Down

DROP TABLE allow_lists;
DROP TABLE custom_identifiers;
