package store

import "context"

// Bucket is a bucket of the inventory.
type Bucket struct {
	Name      string
	UpdatedAt int64
	Doc       []byte // JSON of the wire's BucketMetadata
}

// PutBucket makes or replaces a bucket.
func PutBucket(ctx context.Context, tx Tx, t Tenant, b Bucket) error {
	if err := CheckText("bucket name", b.Name); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `INSERT INTO buckets (account, region, name, updated_at, doc) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (account, region, name) DO UPDATE SET updated_at = $4, doc = $5`, t.Account, t.Region, b.Name, b.UpdatedAt, document(b.Doc))
	return err
}

// ReplaceBuckets makes buckets the whole inventory of the tenant: those that are not among them are deleted.
func ReplaceBuckets(ctx context.Context, tx Tx, t Tenant, buckets []Bucket) error {
	gone := make(map[string]bool)
	err := Each(ctx, tx, "SELECT name FROM buckets WHERE account = $1 AND region = $2", []any{t.Account, t.Region}, func(rows Rows) error {
		var name string
		err := rows.Scan(&name)
		gone[name] = true
		return err
	})
	if err != nil {
		return err
	}
	for _, b := range buckets {
		if err := PutBucket(ctx, tx, t, b); err != nil {
			return err
		}
		delete(gone, b.Name)
	}
	for name := range gone {
		if _, err := tx.Exec(ctx, "DELETE FROM buckets WHERE account = $1 AND region = $2 AND name = $3", t.Account, t.Region, name); err != nil {
			return err
		}
	}
	return nil
}

// GetBucket returns a bucket by its name, [ErrNotFound] if there is none.
func GetBucket(ctx context.Context, tx Tx, t Tenant, name string) (Bucket, error) {
	b := Bucket{Name: name}
	if CheckText("", name) != nil {
		return b, ErrNotFound
	}
	err := One(ctx, tx, "SELECT updated_at, doc FROM buckets WHERE account = $1 AND region = $2 AND name = $3", []any{t.Account, t.Region, name},
		&b.UpdatedAt, &b.Doc)
	return b, err
}

// Buckets returns the tenant's inventory in the order of names.
func Buckets(ctx context.Context, tx Tx, t Tenant) ([]Bucket, error) {
	var out []Bucket
	err := Each(ctx, tx, "SELECT name, updated_at, doc FROM buckets WHERE account = $1 AND region = $2 ORDER BY name", []any{t.Account, t.Region},
		func(rows Rows) error {
			var b Bucket
			err := rows.Scan(&b.Name, &b.UpdatedAt, &b.Doc)
			out = append(out, b)
			return err
		})
	return out, err
}
