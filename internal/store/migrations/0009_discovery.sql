-- Words in braces are written for each engine by Migrate (migrate.go). Why the tables are as they are: discovery.go.

-- +goose Up

CREATE TABLE discovery_objects (
    account          {name} NOT NULL,
    region           {name} NOT NULL,
    bucket           {name} NOT NULL,
    object_key       {bytes} NOT NULL,
    full_key         {bytes},
    version_id       {name} NOT NULL,
    etag             {name} NOT NULL,
    status           {name} NOT NULL,
    reason           {name} NOT NULL,
    bytes_classified {int} NOT NULL,
    sensitive        {int} NOT NULL,
    analyzed_at      {int} NOT NULL,
    PRIMARY KEY (account, region, bucket, object_key)
){clustered};

CREATE TABLE discovery_detections (
    account    {name} NOT NULL,
    region     {name} NOT NULL,
    bucket     {name} NOT NULL,
    object_key {bytes} NOT NULL,
    custom     {int} NOT NULL,
    id         {name} NOT NULL,
    name       {name} NOT NULL,
    arn        {name} NOT NULL,
    count      {int} NOT NULL,
    level      {int} NOT NULL,
    PRIMARY KEY (account, region, bucket, object_key, custom, id)
){clustered};

CREATE TABLE discovery_profiles (
    account    {name} NOT NULL,
    region     {name} NOT NULL,
    bucket     {name} NOT NULL,
    updated_at {int} NOT NULL,
    overridden {int} NOT NULL,
    suppressed {bytes} NOT NULL,
    PRIMARY KEY (account, region, bucket)
){clustered};

-- +goose Down

DROP TABLE discovery_profiles;
DROP TABLE discovery_detections;
DROP TABLE discovery_objects;
