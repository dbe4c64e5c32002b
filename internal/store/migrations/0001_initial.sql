-- Types in braces are written for each engine by dialect.go. Floors of the layout: package comments of store and finding.go.

-- +goose Up

-- ---- the service's own life ----

CREATE TABLE sessions (
    account    {name} NOT NULL,
    region     {name} NOT NULL,
    status     {name} NOT NULL,
    frequency  {name} NOT NULL,
    created_at {int}  NOT NULL,
    updated_at {int}  NOT NULL,
    doc        {bytes} NOT NULL,
    PRIMARY KEY (account, region)
){clustered};

CREATE TABLE settings (
    account    {name} NOT NULL,
    region     {name} NOT NULL,
    name       {name} NOT NULL,
    updated_at {int}  NOT NULL,
    doc        {bytes} NOT NULL,
    PRIMARY KEY (account, region, name)
){clustered};

-- A key belongs to an account and works in all its Regions. There is no policy column until a policy can be enforced.
CREATE TABLE access_keys (
    id         {name} NOT NULL PRIMARY KEY,
    account    {name} NOT NULL,
    name       {bytes} NOT NULL,
    secret     {bytes} NOT NULL, -- sealed
    created_at {int}  NOT NULL,
    used_at    {int},
    disabled   {int}  NOT NULL
){clustered};
CREATE INDEX access_keys_account ON access_keys (account, created_at, id);

CREATE TABLE tags (
    account {name}  NOT NULL,
    region  {name}  NOT NULL,
    arn     {bytes} NOT NULL,
    key     {bytes} NOT NULL,
    value   {bytes} NOT NULL,
    PRIMARY KEY (account, region, arn, key)
){clustered};

-- ---- work ----

CREATE TABLE jobs (
    account      {name} NOT NULL,
    region       {name} NOT NULL,
    id           {name} NOT NULL,
    name         {bytes} NOT NULL,
    type         {name} NOT NULL,
    status       {name} NOT NULL,
    created_at   {int}  NOT NULL,
    last_run_at  {int},
    paused_at    {int},
    client_token {bytes} NOT NULL,
    request_hash {bytes} NOT NULL,
    doc          {bytes} NOT NULL,
    PRIMARY KEY (account, region, id)
){clustered};
CREATE UNIQUE INDEX jobs_client_token ON jobs (account, region, client_token);
CREATE INDEX jobs_created_at ON jobs (account, region, created_at, id);
CREATE INDEX jobs_status ON jobs (status);

CREATE TABLE runs (
    account       {name} NOT NULL,
    region        {name} NOT NULL,
    job_id        {name} NOT NULL,
    run_id        {name} NOT NULL,
    run_key       {name} NOT NULL,
    state         {name} NOT NULL,
    started_at    {int}  NOT NULL,
    finished_at   {int},
    error_code    {name} NOT NULL DEFAULT '',
    error_message {name} NOT NULL DEFAULT '',
    PRIMARY KEY (account, region, job_id, run_id)
){clustered};
CREATE UNIQUE INDEX runs_run_key ON runs (account, region, job_id, run_key);
CREATE INDEX runs_state ON runs (state);

CREATE TABLE shards (
    id          {identity},
    account     {name} NOT NULL,
    region      {name} NOT NULL,
    job_id      {name} NOT NULL,
    run_id      {name} NOT NULL,
    shard_key   {name} NOT NULL,
    kind        {name} NOT NULL,
    bucket      {name} NOT NULL,
    payload     {bytes} NOT NULL,
    cursor      {bytes},
    state       {name} NOT NULL,
    priority    {int}  NOT NULL DEFAULT 0,
    attempt     {int}  NOT NULL DEFAULT 0,
    failures    {int}  NOT NULL DEFAULT 0,
    worker      {name} NOT NULL DEFAULT '',
    lease_until {int}  NOT NULL DEFAULT 0,
    not_before  {int}  NOT NULL DEFAULT 0,
    last_error  {name} NOT NULL DEFAULT '',
    objects     {int}  NOT NULL DEFAULT 0,
    bytes       {int}  NOT NULL DEFAULT 0,
    classified  {int}  NOT NULL DEFAULT 0,
    skipped     {int}  NOT NULL DEFAULT 0,
    findings    {int}  NOT NULL DEFAULT 0,
    listed      {int}  NOT NULL DEFAULT 0,
    created_at  {int}  NOT NULL,
    updated_at  {int}  NOT NULL
){table};
CREATE UNIQUE INDEX shards_shard_key ON shards (account, region, job_id, run_id, shard_key);
CREATE INDEX shards_claim ON shards (state, not_before, priority, id);
CREATE INDEX shards_lease ON shards (state, lease_until);
CREATE INDEX shards_run ON shards (account, region, job_id, run_id, state);

-- What became of each object in each run. object_key is BoundKey of the key; full_key holds a key that was cut.
CREATE TABLE results (
    account          {name} NOT NULL,
    region           {name} NOT NULL,
    job_id           {name} NOT NULL,
    run_id           {name} NOT NULL,
    bucket           {name} NOT NULL,
    object_key       {bytes} NOT NULL,
    version_id       {name} NOT NULL,
    full_key         {bytes},
    rules            {name} NOT NULL,
    status           {name} NOT NULL,
    reason           {name} NOT NULL,
    size             {int}  NOT NULL,
    mime_type        {name} NOT NULL,
    bytes_classified {int}  NOT NULL,
    etag             {name} NOT NULL,
    modified_at      {int}  NOT NULL,
    analyzed_at      {int}  NOT NULL,
    finding_id       {name} NOT NULL,
    detections       {bytes},
    PRIMARY KEY (account, region, job_id, run_id, bucket, object_key, version_id)
){clustered};
-- The ledger: what is known of an object version under a version of the rules, whichever job learned it.
CREATE INDEX results_ledger ON results (account, region, bucket, object_key, version_id, rules);

-- ---- inventory ----

CREATE TABLE buckets (
    account    {name} NOT NULL,
    region     {name} NOT NULL,
    name       {name} NOT NULL,
    updated_at {int}  NOT NULL,
    doc        {bytes} NOT NULL,
    PRIMARY KEY (account, region, name)
){clustered};

-- +goose Down

DROP TABLE buckets;
DROP TABLE results;
DROP TABLE shards;
DROP TABLE runs;
DROP TABLE jobs;
DROP TABLE tags;
DROP TABLE access_keys;
DROP TABLE settings;
DROP TABLE sessions;
