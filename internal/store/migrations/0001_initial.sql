-- Words in braces are written for each engine by Migrate (migrate.go). Why the tables are as they are: package comment, finding.go.

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
CREATE INDEX shards_run ON shards (account, region, job_id, run_id, state, priority, id);

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

-- ---- findings: see the comment of finding.go ----

-- The number of an (account, region), so that the rows of millions of findings need not repeat both. Never deleted, never used again.
CREATE TABLE tenants (
    id      {identity},
    account {name} NOT NULL,
    region  {name} NOT NULL
){table};
CREATE UNIQUE INDEX tenants_tenant ON tenants (account, region);

CREATE TABLE bucket_snapshots (
    id                   {identity},
    tenant               {int} NOT NULL,
    hash                 {bytes} NOT NULL,
    name                 {bytes} NOT NULL,
    account_id           {bytes} NOT NULL,
    region               {bytes} NOT NULL,
    created_at           {int},
    owner_name           {bytes},
    unencrypted_uploads  {bytes},
    encryption_type      {bytes},
    kms_key              {bytes},
    effective_permission {bytes},
    account_block_acls   {int},
    account_block_policy {int},
    account_ignore_acls  {int},
    account_restrict     {int},
    acl_public_read      {int},
    acl_public_write     {int},
    bucket_block_acls    {int},
    bucket_block_policy  {int},
    bucket_ignore_acls   {int},
    bucket_restrict      {int},
    policy_public_read   {int},
    policy_public_write  {int}
){table};
CREATE UNIQUE INDEX bucket_snapshots_hash ON bucket_snapshots (tenant, hash);
CREATE INDEX bucket_snapshots_name ON bucket_snapshots (tenant, name);

CREATE TABLE bucket_snapshot_tags (
    snapshot {int} NOT NULL,
    key      {bytes} NOT NULL,
    value    {bytes} NOT NULL,
    PRIMARY KEY (snapshot, key, value)
){clustered};

CREATE TABLE finding_places (
    id       {identity},
    tenant   {int} NOT NULL,
    snapshot {int} NOT NULL,
    job_id   {bytes} NOT NULL -- empty: no job
){table};
CREATE UNIQUE INDEX finding_places_place ON finding_places (tenant, snapshot, job_id);
CREATE INDEX finding_places_job ON finding_places (tenant, job_id);

CREATE TABLE finding_traits (
    id                   {identity},
    tenant               {int} NOT NULL,
    hash                 {bytes} NOT NULL,
    category             {bytes} NOT NULL,
    type                 {bytes} NOT NULL,
    severity             {bytes} NOT NULL,
    archived             {int} NOT NULL,
    sample               {int} NOT NULL,
    origin               {bytes},
    status               {bytes},
    mime_type            {bytes},
    object_public        {int},
    object_encryption    {bytes},
    sensitive_categories {int} NOT NULL -- bits, see sensitiveCategories
){table};
CREATE UNIQUE INDEX finding_traits_hash ON finding_traits (tenant, hash);

CREATE TABLE findings (
    seq             {identity},
    tenant          {int} NOT NULL,
    id              {bytes} NOT NULL,
    created_at      {int} NOT NULL,
    updated_at      {int} NOT NULL,
    traits          {int} NOT NULL,
    place           {int} NOT NULL,
    signature       {int} NOT NULL,
    severity        {int} NOT NULL,
    type            {bytes} NOT NULL,
    count           {int} NOT NULL,
    resource        {bytes} NOT NULL,
    first_seen      {int} NOT NULL, -- absent: the smallest number
    last_seen       {int} NOT NULL,
    modified_at     {int},
    size_classified {int}
){table};
-- Every index holds what most criteria are decided by: traits, place, both times, the signature of the attributes.
CREATE UNIQUE INDEX findings_id ON findings (tenant, id);
CREATE INDEX findings_updated_at ON findings (tenant, updated_at, seq, traits, place, created_at, signature, severity);
CREATE INDEX findings_created_at ON findings (tenant, created_at, seq, traits, place, updated_at, signature, severity);
CREATE INDEX findings_traits ON findings (traits, updated_at, seq, place, created_at, signature, severity);
CREATE INDEX findings_severity ON findings (tenant, severity, seq, traits, place, created_at, updated_at, signature);
CREATE INDEX findings_type ON findings (tenant, type, seq, traits, place, created_at, updated_at, signature);
CREATE INDEX findings_count ON findings (tenant, count, seq, traits, place, created_at, updated_at, signature);
CREATE INDEX findings_resource ON findings (tenant, resource, seq, traits, place, created_at, updated_at, signature);
CREATE INDEX findings_first_seen ON findings (tenant, first_seen, seq, traits, place, created_at, updated_at, signature);
CREATE INDEX findings_last_seen ON findings (tenant, last_seen, seq, traits, place, created_at, updated_at, signature);
CREATE INDEX findings_modified_at ON findings (tenant, modified_at, seq, traits, place, created_at, updated_at, signature);
CREATE INDEX findings_size_classified ON findings (tenant, size_classified, seq, traits, place, created_at, updated_at, signature);
CREATE INDEX findings_moved ON findings (tenant, updated_at, seq, created_at, traits, place) WHERE updated_at > created_at;

CREATE TABLE finding_documents (
    seq {int} NOT NULL PRIMARY KEY,
    doc {bytes} NOT NULL
){table};

CREATE TABLE finding_attributes (
    seq        {int} NOT NULL,
    field      {int} NOT NULL,
    value      {bytes} NOT NULL,
    tenant     {int} NOT NULL,
    updated_at {int} NOT NULL,
    created_at {int} NOT NULL,
    traits     {int} NOT NULL,
    place      {int} NOT NULL,
    signature  {int} NOT NULL,
    severity   {int} NOT NULL,
    PRIMARY KEY (seq, field, value)
){clustered};
CREATE INDEX finding_attributes_value
    ON finding_attributes (tenant, field, value, updated_at, seq, traits, place, created_at, signature, severity);

-- +goose Down

DROP TABLE finding_attributes;
DROP TABLE finding_documents;
DROP TABLE findings;
DROP TABLE finding_traits;
DROP TABLE finding_places;
DROP TABLE bucket_snapshot_tags;
DROP TABLE bucket_snapshots;
DROP TABLE tenants;
DROP TABLE buckets;
DROP TABLE results;
DROP TABLE shards;
DROP TABLE runs;
DROP TABLE jobs;
DROP TABLE tags;
DROP TABLE access_keys;
DROP TABLE settings;
DROP TABLE sessions;
