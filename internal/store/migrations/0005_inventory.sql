-- Words in braces are written for each engine by Migrate (migrate.go). Why the tables are as they are: bucket.go.

-- +goose Up

-- What was there is read from the sources again.
DROP TABLE buckets;

CREATE TABLE buckets (
    account               {name} NOT NULL,
    region                {name} NOT NULL,
    name                  {name} NOT NULL,
    updated_at            {int}  NOT NULL,
    account_id            {name},
    created_at            {int},
    error_code            {name},
    permission            {name},
    public_read           {int},
    public_write          {int},
    shared                {name},
    uploads               {name},
    encryption            {name},
    replicated            {int},
    replicated_externally {int},
    account_block_acls    {int},
    account_block_policy  {int},
    account_ignore_acls   {int},
    account_restrict      {int},
    bucket_block_acls     {int},
    bucket_block_policy   {int},
    bucket_ignore_acls    {int},
    bucket_restrict       {int},
    acl_public_read       {int},
    acl_public_write      {int},
    policy_public_read    {int},
    policy_public_write   {int},
    objects               {int},
    bytes                 {int},
    compressed            {int},
    classifiable_objects  {int},
    classifiable_bytes    {int},
    objects_by_type       {int}, -- not classifiable for their file type
    bytes_by_type         {int},
    objects_by_class      {int}, -- not classifiable for their storage class
    bytes_by_class        {int},
    objects_unfit         {int}, -- both
    bytes_unfit           {int},
    sse_customer          {int},
    sse_kms               {int},
    sse_s3                {int},
    sse_none              {int},
    sse_unknown           {int},
    score                 {int} NOT NULL, -- with automated discovery
    base_score            {int} NOT NULL, -- without
    analyzed_at           {int},
    PRIMARY KEY (account, region, name)
){clustered};

CREATE TABLE bucket_documents (
    account    {name} NOT NULL,
    region     {name} NOT NULL,
    name       {name} NOT NULL,
    counted_at {int}  NOT NULL,
    doc        {bytes} NOT NULL,
    state      {bytes} NOT NULL,
    PRIMARY KEY (account, region, name)
){table};

CREATE TABLE bucket_tags (
    account {name} NOT NULL,
    region  {name} NOT NULL,
    name    {name} NOT NULL,
    key     {bytes} NOT NULL,
    value   {bytes} NOT NULL,
    PRIMARY KEY (account, region, name, key, value)
){clustered};

-- +goose Down

DROP TABLE bucket_tags;
DROP TABLE bucket_documents;
DROP TABLE buckets;
CREATE TABLE buckets (
    account    {name} NOT NULL,
    region     {name} NOT NULL,
    name       {name} NOT NULL,
    updated_at {int}  NOT NULL,
    doc        {bytes} NOT NULL,
    PRIMARY KEY (account, region, name)
){clustered};
