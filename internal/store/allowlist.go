package store

import (
	"context"
	"fmt"
)

// AllowList is an allow list.
type AllowList struct {
	ID                   string
	CreatedAt, UpdatedAt int64
	ClientToken          string // as BoundKey has it when it is read back
	RequestHash          []byte // digest of the request that made it, to tell a repetition from a second use of the token
	Doc                  []byte // JSON of the wire type
}

const allowListColumns = "id, created_at, updated_at, client_token, request_hash, doc"

// CreateAllowList stores a new allow list; [ErrConflict] if the tenant has one with the same id or client token already.
func CreateAllowList(ctx context.Context, tx Tx, t Tenant, l AllowList) error {
	n, err := tx.Exec(ctx, "INSERT INTO allow_lists (account, region, "+allowListColumns+") VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
		t.Account, t.Region, l.ID, l.CreatedAt, l.UpdatedAt, clientToken(l.ClientToken), document(l.RequestHash), document(l.Doc))
	if err == nil && n == 0 {
		return fmt.Errorf("allow list %s or its client token exists: %w", l.ID, ErrConflict)
	}
	return err
}

// UpdateAllowList stores the list's document and time of change; [ErrNotFound] if there is none. What it was created with stays.
func UpdateAllowList(ctx context.Context, tx Tx, t Tenant, l AllowList) error {
	return affectOne(tx.Exec(ctx, "UPDATE allow_lists SET updated_at = $4, doc = $5 WHERE account = $1 AND region = $2 AND id = $3",
		t.Account, t.Region, l.ID, l.UpdatedAt, document(l.Doc)))
}

// GetAllowList returns an allow list by its id, [ErrNotFound] if there is none. In an Update it keeps other writers from it until the end.
func GetAllowList(ctx context.Context, tx Tx, t Tenant, id string) (AllowList, error) {
	if CheckText("", id) != nil {
		return AllowList{}, ErrNotFound
	}
	return oneAllowList(ctx, tx, " AND id = $3"+ForUpdate(tx), t.Account, t.Region, id)
}

// AllowListByClientToken returns the list that was created with the token, [ErrNotFound] if there is none.
func AllowListByClientToken(ctx context.Context, tx Tx, t Tenant, token string) (AllowList, error) {
	return oneAllowList(ctx, tx, " AND client_token = $3", t.Account, t.Region, clientToken(token))
}

func oneAllowList(ctx context.Context, tx Tx, where string, args ...any) (AllowList, error) {
	lists, err := allowLists(ctx, tx, where, args...)
	if err == nil && len(lists) == 0 {
		return AllowList{}, ErrNotFound
	}
	if err != nil {
		return AllowList{}, err
	}
	return lists[0], nil
}

// AllowLists returns the tenant's allow lists in the order of their creation. The quota keeps them few.
func AllowLists(ctx context.Context, tx Tx, t Tenant) ([]AllowList, error) {
	return allowLists(ctx, tx, " ORDER BY created_at, id", t.Account, t.Region)
}

func allowLists(ctx context.Context, tx Tx, where string, args ...any) ([]AllowList, error) {
	var out []AllowList
	err := Each(ctx, tx, "SELECT "+allowListColumns+" FROM allow_lists WHERE account = $1 AND region = $2"+where, args, func(rows Rows) error {
		var l AllowList
		var token []byte
		err := rows.Scan(&l.ID, &l.CreatedAt, &l.UpdatedAt, &token, &l.RequestHash, &l.Doc)
		l.ClientToken = string(token)
		out = append(out, l)
		return err
	})
	return out, err
}

// DeleteAllowList deletes an allow list; [ErrNotFound] if there is none.
func DeleteAllowList(ctx context.Context, tx Tx, t Tenant, id string) error {
	if CheckText("", id) != nil {
		return ErrNotFound
	}
	return affectOne(tx.Exec(ctx, "DELETE FROM allow_lists WHERE account = $1 AND region = $2 AND id = $3", t.Account, t.Region, id))
}
