-- Words in braces are written for each engine by Migrate (migrate.go).

-- +goose Up

-- How often samples of an object were asked for on a day. Days before the current one are deleted when a new object comes.
CREATE TABLE reveal_requests (
    account    {name} NOT NULL,
    region     {name} NOT NULL,
    day        {int}  NOT NULL,
    bucket     {name} NOT NULL,
    object_key {bytes} NOT NULL, -- BoundKey
    requests   {int}  NOT NULL,
    PRIMARY KEY (account, region, day, bucket, object_key)
){clustered};

-- +goose Down

DROP TABLE reveal_requests;
