-- Words in braces are written for each engine by Migrate (migrate.go).

-- +goose Up

-- Buckets that their stores have told of a change of, a row for each however much was told; the bucket '' stands for all of the tenant.
CREATE TABLE notifications (
    account       {name}  NOT NULL,
    region        {name}  NOT NULL,
    bucket        {name}  NOT NULL,
    version       {int}   NOT NULL, -- rises with whatever is told
    read_at       {int},            -- when its configuration is to be read; NULL: nothing was told of it
    count_at      {int},            -- when its objects are to be counted
    claimed_until {int}   NOT NULL,
    attempts      {int}   NOT NULL, -- that failed
    doc           {bytes} NOT NULL,
    PRIMARY KEY (account, region, bucket)
){clustered};

-- +goose Down

DROP TABLE notifications;
