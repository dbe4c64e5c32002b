package store

import (
	"context"
	"encoding/json"
	"fmt"
)

// CustomIdentifier is a custom data identifier. It never changes but for being deleted, and stays after that.
type CustomIdentifier struct {
	ID          string
	CreatedAt   int64
	DeletedAt   *int64 // nil while it is not deleted
	ClientToken string // "" for none; a deleted identifier has none; as BoundKey has it when it is read back
	RequestHash []byte // digest of the request that made it, to tell a repetition from a second use of the token
	Doc         []byte // JSON of the wire type
}

const customIdentifierColumns = "id, created_at, deleted_at, client_token, request_hash, doc"

// CreateCustomIdentifier stores a new identifier; [ErrConflict] if the tenant has one with the same id or client token already.
func CreateCustomIdentifier(ctx context.Context, tx Tx, t Tenant, c CustomIdentifier) error {
	n, err := tx.Exec(ctx, "INSERT INTO custom_identifiers (account, region, "+customIdentifierColumns+
		") VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
		t.Account, t.Region, c.ID, c.CreatedAt, c.DeletedAt, optionalToken(c.ClientToken), document(c.RequestHash), document(c.Doc))
	if err == nil && n == 0 {
		return fmt.Errorf("custom data identifier %s or its client token exists: %w", c.ID, ErrConflict)
	}
	return err
}

// optionalToken returns what a column of client tokens holds; nil, of which there may be many, for none.
func optionalToken(token string) []byte {
	if token == "" {
		return nil
	}
	return clientToken(token)
}

// clientToken returns a client token as the indexes can hold it.
func clientToken(token string) []byte { return BoundKey([]byte(token)) }

// GetCustomIdentifier returns an identifier by its id, deleted or not; [ErrNotFound] if there is none. In an Update it keeps it from being
// deleted until the end.
func GetCustomIdentifier(ctx context.Context, tx Tx, t Tenant, id string) (CustomIdentifier, error) {
	if CheckText("", id) != nil {
		return CustomIdentifier{}, ErrNotFound
	}
	return oneCustomIdentifier(ctx, tx, "id = $3"+ForShare(tx), t.Account, t.Region, id)
}

// CustomIdentifierByClientToken returns the identifier that was created with the token and is not deleted, [ErrNotFound] if there is none.
func CustomIdentifierByClientToken(ctx context.Context, tx Tx, t Tenant, token string) (CustomIdentifier, error) {
	return oneCustomIdentifier(ctx, tx, "client_token = $3", t.Account, t.Region, clientToken(token))
}

func oneCustomIdentifier(ctx context.Context, tx Tx, where string, args ...any) (CustomIdentifier, error) {
	found, err := customIdentifiers(ctx, tx, "SELECT "+customIdentifierColumns+" FROM custom_identifiers WHERE account = $1 AND region = $2 AND "+where, args)
	if err != nil {
		return CustomIdentifier{}, err
	}
	if len(found) == 0 {
		return CustomIdentifier{}, ErrNotFound
	}
	return found[0], nil
}

func customIdentifiers(ctx context.Context, tx Tx, sql string, args []any) ([]CustomIdentifier, error) {
	var out []CustomIdentifier
	err := Each(ctx, tx, sql, args, func(rows Rows) error {
		var c CustomIdentifier
		var token []byte
		err := rows.Scan(&c.ID, &c.CreatedAt, &c.DeletedAt, &token, &c.RequestHash, &c.Doc)
		c.ClientToken = string(token)
		out = append(out, c)
		return err
	})
	return out, err
}

// DeleteCustomIdentifier marks an identifier as deleted and frees its client token; [ErrNotFound] if there is none that is not deleted yet.
func DeleteCustomIdentifier(ctx context.Context, tx Tx, t Tenant, id string, now int64) error {
	if CheckText("", id) != nil {
		return ErrNotFound
	}
	return affectOne(tx.Exec(ctx, `UPDATE custom_identifiers SET deleted_at = $4, client_token = NULL
		WHERE account = $1 AND region = $2 AND id = $3 AND deleted_at IS NULL`, t.Account, t.Region, id, now))
}

// CountCustomIdentifiers returns how many identifiers the tenant has that are not deleted.
func CountCustomIdentifiers(ctx context.Context, tx Tx, t Tenant) (n int64, err error) {
	err = One(ctx, tx, "SELECT COUNT(*) FROM custom_identifiers WHERE account = $1 AND region = $2 AND deleted_at IS NULL",
		[]any{t.Account, t.Region}, &n)
	return n, err
}

// creationPlace is the place after something in the order of creation.
type creationPlace struct {
	CreatedAt int64  `json:"n"`
	ID        string `json:"i"`
}

// ListCustomIdentifiers returns a page of the identifiers that are not deleted, in the order of their creation, and where the next page
// begins, nil after the last. after is what the page before returned as next. [ErrInvalid] for a place or a limit that means nothing.
func ListCustomIdentifiers(ctx context.Context, tx Tx, t Tenant, after []byte, limit int) (page []CustomIdentifier, next []byte, err error) {
	if limit < 1 {
		return nil, nil, fmt.Errorf("page of %d custom data identifiers: %w", limit, ErrInvalid)
	}
	s := newStatement("SELECT ", customIdentifierColumns, " FROM custom_identifiers WHERE account = ").arg(t.Account).
		add(" AND region = ").arg(t.Region).add(" AND deleted_at IS NULL")
	if after != nil {
		var place creationPlace
		if err := json.Unmarshal(after, &place); err != nil || CheckText("", place.ID) != nil {
			return nil, nil, fmt.Errorf("place in a list of custom data identifiers: %w", ErrInvalid)
		}
		s.add(" AND (created_at, id) > (").arg(place.CreatedAt).add(", ").arg(place.ID).add(")")
	}
	s.order("created_at", "id", false).add(" LIMIT ").arg(int64(limit + 1))
	page, err = customIdentifiers(ctx, tx, s.text(), s.args)
	if err != nil || len(page) <= limit {
		return page, nil, err
	}
	page = page[:limit]
	last := page[limit-1]
	next, err = json.Marshal(creationPlace{last.CreatedAt, last.ID})
	return page, next, err
}
