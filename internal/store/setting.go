package store

import "context"

// GetSetting returns a small settings document of a tenant, [ErrNotFound] if it was never put.
func GetSetting(ctx context.Context, tx Tx, t Tenant, name string) (doc []byte, err error) {
	err = One(ctx, tx, "SELECT doc FROM settings WHERE account = $1 AND region = $2 AND name = $3", []any{t.Account, t.Region, name}, &doc)
	return doc, err
}

// PutSetting makes or replaces a settings document; now is the time of the change.
func PutSetting(ctx context.Context, tx Tx, t Tenant, name string, now int64, doc []byte) error {
	_, err := tx.Exec(ctx, `INSERT INTO settings (account, region, name, updated_at, doc) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (account, region, name) DO UPDATE SET updated_at = $4, doc = $5`, t.Account, t.Region, name, now, document(doc))
	return err
}

// DeleteSetting deletes a settings document; [ErrNotFound] if there is none.
func DeleteSetting(ctx context.Context, tx Tx, t Tenant, name string) error {
	return affectOne(tx.Exec(ctx, "DELETE FROM settings WHERE account = $1 AND region = $2 AND name = $3", t.Account, t.Region, name))
}

// Exclusive lets the transactions of a tenant that call it with the same name take effect one after the other: what one has read, no other has
// changed meanwhile. It keeps a setting of the name. PostgreSQL runs the transaction again that comes second; SQLite has one writer anyway.
func Exclusive(ctx context.Context, tx Tx, t Tenant, name string) error {
	if tx.Engine() == SQLite {
		return nil
	}
	return PutSetting(ctx, tx, t, name, 0, nil)
}

// affectOne turns the result of a statement that should touch one row into [ErrNotFound] if it touched none.
func affectOne(n int64, err error) error {
	if err == nil && n == 0 {
		return ErrNotFound
	}
	return err
}
