package store

import (
	"context"
	"fmt"
)

// AnalyzedResource is what an analyzer has made of a resource. Its ARN and its owner together tell which one it is: stores of different owners
// may have buckets of the same name.
type AnalyzedResource struct {
	Resource    string // ARN; as BoundKey has it when it is read back
	Type        string
	Owner       string // account id
	Place       string // whose source it was found in, as Tenant.String has it
	Fingerprint []byte // of everything the answer depends on; empty: to be analysed again in any case
	CreatedAt   int64  // when it was analysed first
	AnalyzedAt  int64  // when it was analysed last
	UpdatedAt   int64  // when the document became another
	Doc         []byte // JSON of the wire type
}

const analyzedResourceColumns = "resource, resource_type, owner, place, fingerprint, created_at, analyzed_at, updated_at, doc"

func (r *AnalyzedResource) scan(rows Rows) error {
	var resource []byte
	err := rows.Scan(&resource, &r.Type, &r.Owner, &r.Place, &r.Fingerprint, &r.CreatedAt, &r.AnalyzedAt, &r.UpdatedAt, &r.Doc)
	r.Resource = string(resource)
	return err
}

// PutAnalyzedResource stores what an analyzer made of a resource. If it had made something before, the time of creation stays, and the time of
// change if the document is the same.
func PutAnalyzedResource(ctx context.Context, tx Tx, t Tenant, analyzer string, r AnalyzedResource) error {
	_, err := tx.Exec(ctx, "INSERT INTO analyzed_resources (account, region, analyzer, "+analyzedResourceColumns+
		`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (account, region, analyzer, resource, owner)
		DO UPDATE SET resource_type = $5, place = $7, fingerprint = $8, analyzed_at = $10,
		updated_at = CASE WHEN analyzed_resources.doc = $12 THEN analyzed_resources.updated_at ELSE $11 END, doc = $12`,
		t.Account, t.Region, analyzer, BoundKey([]byte(r.Resource)), r.Type, r.Owner, r.Place, document(r.Fingerprint), r.CreatedAt, r.AnalyzedAt,
		r.UpdatedAt, document(r.Doc))
	return err
}

// GetAnalyzedResource returns what an analyzer made of a resource, [ErrNotFound] if it has not analysed it. Of several of the ARN it is that of
// the first owner.
func GetAnalyzedResource(ctx context.Context, tx Tx, t Tenant, analyzer, resource string) (AnalyzedResource, error) {
	found, err := analyzedResources(ctx, tx, "SELECT "+analyzedResourceColumns+` FROM analyzed_resources
		WHERE account = $1 AND region = $2 AND analyzer = $3 AND resource = $4 ORDER BY owner LIMIT 1`,
		t.Account, t.Region, analyzer, BoundKey([]byte(resource)))
	if err != nil {
		return AnalyzedResource{}, err
	}
	if len(found) == 0 {
		return AnalyzedResource{}, ErrNotFound
	}
	return found[0], nil
}

// ListAnalyzedResources returns at most limit resources of an analyzer, those of one type unless it is "", behind the resource and owner of the
// last one of the page before, in the order of their ARNs and owners.
func ListAnalyzedResources(ctx context.Context, tx Tx, t Tenant, analyzer, kind, resource, owner string, limit int) ([]AnalyzedResource, error) {
	return analyzedResources(ctx, tx, "SELECT "+analyzedResourceColumns+` FROM analyzed_resources
		WHERE account = $1 AND region = $2 AND analyzer = $3 AND (resource, owner) > ($4, $5) AND ($6 = '' OR resource_type = $6)
		ORDER BY resource, owner`+fmt.Sprintf(" LIMIT %d", limit), t.Account, t.Region, analyzer, []byte(resource), owner, kind)
}

func analyzedResources(ctx context.Context, tx Tx, sql string, args ...any) ([]AnalyzedResource, error) {
	var out []AnalyzedResource
	err := Each(ctx, tx, sql, args, func(rows Rows) error {
		var r AnalyzedResource
		err := r.scan(rows)
		out = append(out, r)
		return err
	})
	return out, err
}

// A ResourceState is what tells whether a resource has to be analysed again.
type ResourceState struct {
	Resource    string // as BoundKey has it
	Type        string
	Owner       string
	Place       string
	Fingerprint []byte
	AnalyzedAt  int64
}

// ResourceStates calls fn with the state of every resource that an analyzer has analysed.
func ResourceStates(ctx context.Context, tx Tx, t Tenant, analyzer string, fn func(ResourceState)) error {
	return Each(ctx, tx, `SELECT resource, resource_type, owner, place, fingerprint, analyzed_at FROM analyzed_resources
		WHERE account = $1 AND region = $2 AND analyzer = $3`, []any{t.Account, t.Region, analyzer}, func(rows Rows) error {
		var s ResourceState
		var resource []byte
		err := rows.Scan(&resource, &s.Type, &s.Owner, &s.Place, &s.Fingerprint, &s.AnalyzedAt)
		s.Resource = string(resource)
		if err == nil {
			fn(s)
		}
		return err
	})
}

// ForgetFingerprint makes the next scan analyse the resources of an ARN again, whatever it finds; one that is not known is passed over.
func ForgetFingerprint(ctx context.Context, tx Tx, t Tenant, analyzer, resource string) error {
	_, err := tx.Exec(ctx, "UPDATE analyzed_resources SET fingerprint = $5 WHERE account = $1 AND region = $2 AND analyzer = $3 AND resource = $4",
		t.Account, t.Region, analyzer, BoundKey([]byte(resource)), []byte{})
	return err
}

// DeleteAnalyzedResource forgets a resource of an owner; one that is not known is passed over. Its findings stay.
func DeleteAnalyzedResource(ctx context.Context, tx Tx, t Tenant, analyzer, resource, owner string) error {
	_, err := tx.Exec(ctx, "DELETE FROM analyzed_resources WHERE account = $1 AND region = $2 AND analyzer = $3 AND resource = $4 AND owner = $5",
		t.Account, t.Region, analyzer, BoundKey([]byte(resource)), owner)
	return err
}
