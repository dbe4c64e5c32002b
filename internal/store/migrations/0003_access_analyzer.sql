-- Words in braces are written for each engine by Migrate (migrate.go).

-- +goose Up

-- What belongs to an analyzer hangs on its id, which is never used again, not on its name: work on a deleted analyzer cannot touch the next one
-- of its name. scan is the number of the last scan that began; only who began it writes for it.
CREATE TABLE analyzers (
    account          {name} NOT NULL,
    region           {name} NOT NULL,
    id               {name} NOT NULL,
    name             {name} NOT NULL,
    type             {name} NOT NULL,
    created_at       {int}  NOT NULL,
    tags             {bytes} NOT NULL, -- JSON object
    doc              {bytes} NOT NULL,
    scan             {int}  NOT NULL DEFAULT 0,
    scanner          {name} NOT NULL DEFAULT '',
    lease_until      {int}  NOT NULL DEFAULT 0,
    requested        {int}  NOT NULL DEFAULT 0,
    scanned_at       {int},
    last_resource    {bytes} NOT NULL,
    last_resource_at {int},
    PRIMARY KEY (account, region, id)
){clustered};
CREATE UNIQUE INDEX analyzers_name ON analyzers (account, region, name);

CREATE TABLE archive_rules (
    account    {name} NOT NULL,
    region     {name} NOT NULL,
    analyzer   {name} NOT NULL,
    name       {name} NOT NULL,
    created_at {int}  NOT NULL,
    updated_at {int}  NOT NULL,
    doc        {bytes} NOT NULL,
    PRIMARY KEY (account, region, analyzer, name)
){clustered};

-- resource is BoundKey of the ARN; the document has it whole. It stands in the primary key because a scan asks for the findings of one resource
-- after the other: beside a key without it SQLite, which keeps no statistics, would not use an index on it.
CREATE TABLE access_findings (
    account       {name} NOT NULL,
    region        {name} NOT NULL,
    analyzer      {name} NOT NULL,
    id            {name} NOT NULL,
    resource      {bytes} NOT NULL,
    resource_type {name} NOT NULL,
    owner         {name} NOT NULL,
    status        {name} NOT NULL,
    is_public     {int}  NOT NULL, -- -1: not told, of an error
    error         {name} NOT NULL, -- '': none
    created_at    {int}  NOT NULL,
    analyzed_at   {int}  NOT NULL,
    updated_at    {int}  NOT NULL,
    doc           {bytes} NOT NULL,
    PRIMARY KEY (account, region, analyzer, resource, id)
){clustered};
CREATE UNIQUE INDEX access_findings_id ON access_findings (account, region, analyzer, id);
CREATE INDEX access_findings_updated_at ON access_findings (account, region, analyzer, updated_at, id);
CREATE INDEX access_findings_status ON access_findings (account, region, analyzer, status, updated_at, id);

-- An ARN need not be that of one resource: buckets of different stores may share a name. place is whose source the resource was found in.
-- fingerprint is that of what was analysed, and of everything else that the answer depends on.
CREATE TABLE analyzed_resources (
    account       {name} NOT NULL,
    region        {name} NOT NULL,
    analyzer      {name} NOT NULL,
    resource      {bytes} NOT NULL,
    resource_type {name} NOT NULL,
    owner         {name} NOT NULL,
    place         {name} NOT NULL,
    fingerprint   {bytes} NOT NULL,
    created_at    {int}  NOT NULL,
    analyzed_at   {int}  NOT NULL,
    updated_at    {int}  NOT NULL,
    doc           {bytes} NOT NULL,
    PRIMARY KEY (account, region, analyzer, resource, owner)
){clustered};

-- Answers to requests with a client token, for as long as a repetition gets the same one.
CREATE TABLE answered_requests (
    account      {name} NOT NULL,
    region       {name} NOT NULL,
    operation    {name} NOT NULL,
    client_token {bytes} NOT NULL,
    request_hash {bytes} NOT NULL,
    created_at   {int}  NOT NULL,
    subject      {name} NOT NULL, -- id of what it was about; '': nothing
    answer       {bytes} NOT NULL,
    PRIMARY KEY (account, region, operation, client_token)
){clustered};
CREATE INDEX answered_requests_created_at ON answered_requests (account, region, created_at);
CREATE INDEX answered_requests_subject ON answered_requests (account, region, subject);

-- +goose Down

DROP TABLE answered_requests;
DROP TABLE analyzed_resources;
DROP TABLE access_findings;
DROP TABLE archive_rules;
DROP TABLE analyzers;
