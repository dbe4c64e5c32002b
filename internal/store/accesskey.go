package store

import (
	"context"
	"fmt"
)

// AccessKey lets a client act for an account in all its Regions. There is no policy: until one can be enforced none is stored.
type AccessKey struct {
	ID        string // such as AKIA...
	Account   string
	Name      string
	Secret    []byte // sealed
	CreatedAt int64
	UsedAt    *int64 // nil: never used
	Disabled  bool
}

const accessKeyColumns = "id, account, name, secret, created_at, used_at, disabled"

func (k *AccessKey) scan(rows Rows) error {
	var name []byte
	var disabled int64
	err := rows.Scan(&k.ID, &k.Account, &name, &k.Secret, &k.CreatedAt, &k.UsedAt, &disabled)
	k.Name, k.Disabled = string(name), disabled != 0
	return err
}

// CreateAccessKey stores a new key; [ErrConflict] if the id exists. It keeps the transaction usable in that case.
func CreateAccessKey(ctx context.Context, tx Tx, k AccessKey) error {
	n, err := tx.Exec(ctx, "INSERT INTO access_keys ("+accessKeyColumns+") VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING",
		k.ID, k.Account, []byte(k.Name), k.Secret, k.CreatedAt, k.UsedAt, *flag(&k.Disabled))
	if err == nil && n == 0 {
		return fmt.Errorf("access key %s exists: %w", k.ID, ErrConflict)
	}
	return err
}

// GetAccessKey returns a key by its id, which comes from a request's signature and may be anything; [ErrNotFound] if there is none.
func GetAccessKey(ctx context.Context, tx Tx, id string) (AccessKey, error) {
	var k AccessKey
	found := ErrNotFound
	if CheckText("", id) != nil {
		return k, found
	}
	err := Each(ctx, tx, "SELECT "+accessKeyColumns+" FROM access_keys WHERE id = $1", []any{id}, func(rows Rows) error {
		found = nil
		return k.scan(rows)
	})
	if err != nil {
		return AccessKey{}, err
	}
	return k, found
}

// AccessKeys returns the keys of an account, or of all accounts if it is "", by account and age.
func AccessKeys(ctx context.Context, tx Tx, account string) ([]AccessKey, error) {
	where, args := "", []any(nil)
	if account != "" {
		where, args = " WHERE account = $1", []any{account}
	}
	var out []AccessKey
	err := Each(ctx, tx, "SELECT "+accessKeyColumns+" FROM access_keys"+where+" ORDER BY account, created_at, id", args, func(rows Rows) error {
		var k AccessKey
		err := k.scan(rows)
		out = append(out, k)
		return err
	})
	return out, err
}

// DisableAccessKey disables a key or enables it again; [ErrNotFound] if there is none.
func DisableAccessKey(ctx context.Context, tx Tx, id string, disabled bool) error {
	return affectOne(tx.Exec(ctx, "UPDATE access_keys SET disabled = $2 WHERE id = $1", id, *flag(&disabled)))
}

// TouchAccessKey notes when a key was used; a time before the noted one changes nothing.
func TouchAccessKey(ctx context.Context, tx Tx, id string, at int64) error {
	_, err := tx.Exec(ctx, "UPDATE access_keys SET used_at = $2 WHERE id = $1 AND (used_at IS NULL OR used_at < $2)", id, at)
	return err
}

// DeleteAccessKey deletes a key; [ErrNotFound] if there is none.
func DeleteAccessKey(ctx context.Context, tx Tx, id string) error {
	return affectOne(tx.Exec(ctx, "DELETE FROM access_keys WHERE id = $1", id))
}
