package store

import (
	"context"
	"maps"
	"slices"
)

// Tags returns the tags of a resource; none is an empty map.
func Tags(ctx context.Context, tx Tx, t Tenant, arn string) (map[string]string, error) {
	tags := make(map[string]string)
	err := Each(ctx, tx, "SELECT key, value FROM tags WHERE account = $1 AND region = $2 AND arn = $3", []any{t.Account, t.Region, []byte(arn)},
		func(rows Rows) error {
			var key, value []byte
			err := rows.Scan(&key, &value)
			tags[string(key)] = string(value)
			return err
		})
	return tags, err
}

// PutTags adds tags to a resource and replaces the values of those it has. The ARN and each key may be up to 1,024 bytes long.
func PutTags(ctx context.Context, tx Tx, t Tenant, arn string, tags map[string]string) error {
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		_, err := tx.Exec(ctx, `INSERT INTO tags (account, region, arn, key, value) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (account, region, arn, key) DO UPDATE SET value = $5`, t.Account, t.Region, []byte(arn), []byte(key), []byte(tags[key]))
		if err != nil {
			return err
		}
	}
	return nil
}

// DeleteTags takes tags from a resource; keys that it does not have are passed over.
func DeleteTags(ctx context.Context, tx Tx, t Tenant, arn string, keys []string) error {
	for _, key := range keys {
		_, err := tx.Exec(ctx, "DELETE FROM tags WHERE account = $1 AND region = $2 AND arn = $3 AND key = $4", t.Account, t.Region, []byte(arn), []byte(key))
		if err != nil {
			return err
		}
	}
	return nil
}
