package store

import (
	"context"
	"fmt"
)

// FindingsFilter is a findings filter: criteria with a name, and what is done with new findings that meet them.
type FindingsFilter struct {
	ID          string
	Action      string // FindingsFilterAction
	Position    int64  // its place among the filters
	CreatedAt   int64
	ClientToken string // "" for none; as BoundKey has it when it is read back
	RequestHash []byte // digest of the request that made it, to tell a repetition from a second use of the token
	Doc         []byte // JSON of the wire type
}

const findingsFilterColumns = "id, action, position, created_at, client_token, request_hash, doc"

// CreateFindingsFilter stores a new filter; [ErrConflict] if the tenant has one with the same id or client token already.
func CreateFindingsFilter(ctx context.Context, tx Tx, t Tenant, f FindingsFilter) error {
	n, err := tx.Exec(ctx, "INSERT INTO findings_filters (account, region, "+findingsFilterColumns+
		") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
		t.Account, t.Region, f.ID, f.Action, f.Position, f.CreatedAt, optionalToken(f.ClientToken), document(f.RequestHash), document(f.Doc))
	if err == nil && n == 0 {
		return fmt.Errorf("findings filter %s or its client token exists: %w", f.ID, ErrConflict)
	}
	return err
}

// UpdateFindingsFilter stores a filter's action, position and document; [ErrNotFound] if there is none.
func UpdateFindingsFilter(ctx context.Context, tx Tx, t Tenant, f FindingsFilter) error {
	return affectOne(tx.Exec(ctx, "UPDATE findings_filters SET action = $4, position = $5, doc = $6 WHERE account = $1 AND region = $2 AND id = $3",
		t.Account, t.Region, f.ID, f.Action, f.Position, document(f.Doc)))
}

// DeleteFindingsFilter deletes a filter; [ErrNotFound] if there is none.
func DeleteFindingsFilter(ctx context.Context, tx Tx, t Tenant, id string) error {
	if CheckText("", id) != nil {
		return ErrNotFound
	}
	return affectOne(tx.Exec(ctx, "DELETE FROM findings_filters WHERE account = $1 AND region = $2 AND id = $3", t.Account, t.Region, id))
}

// FindingsFilters returns all filters of a tenant, or those of an action, by position and, where two have the same, the older one first.
func FindingsFilters(ctx context.Context, tx Tx, t Tenant, action string) ([]FindingsFilter, error) {
	var out []FindingsFilter
	s := newStatement("SELECT ", findingsFilterColumns, " FROM findings_filters WHERE account = ").arg(t.Account).add(" AND region = ").arg(t.Region)
	if action != "" {
		s.add(" AND action = ").arg(action)
	}
	s.add(" ORDER BY position, created_at, id")
	err := Each(ctx, tx, s.text(), s.args, func(rows Rows) error {
		var f FindingsFilter
		var token []byte
		err := rows.Scan(&f.ID, &f.Action, &f.Position, &f.CreatedAt, &token, &f.RequestHash, &f.Doc)
		f.ClientToken = string(token)
		out = append(out, f)
		return err
	})
	return out, err
}

// SameClientToken says whether a token that was read back is the one that was given.
func SameClientToken(stored, given string) bool {
	return stored != "" && stored == string(clientToken(given))
}
