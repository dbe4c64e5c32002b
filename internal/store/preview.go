package store

import (
	"context"
	"encoding/json"
	"fmt"
)

// AccessPreview is a preview of an analyzer's findings.
type AccessPreview struct {
	ID        string
	CreatedAt int64
	Status    string // AccessPreviewStatus
	Reason    string // code of the status; "" without one
	Doc       []byte // JSON of what is proposed
	Findings  []byte // JSON of the list of findings
}

// CreateAccessPreview stores a new preview; [ErrConflict] if the analyzer has one of its id already. It deletes those from before oldest.
func CreateAccessPreview(ctx context.Context, tx Tx, t Tenant, analyzer string, p AccessPreview, oldest int64) error {
	if _, err := tx.Exec(ctx, "DELETE FROM access_previews WHERE account = $1 AND region = $2 AND analyzer = $3 AND created_at < $4",
		t.Account, t.Region, analyzer, oldest); err != nil {
		return err
	}
	n, err := tx.Exec(ctx, `INSERT INTO access_previews (account, region, analyzer, id, created_at, status, reason, doc, findings)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING`,
		t.Account, t.Region, analyzer, p.ID, p.CreatedAt, p.Status, p.Reason, document(p.Doc), document(p.Findings))
	if err == nil && n == 0 {
		return fmt.Errorf("access preview %s exists: %w", p.ID, ErrConflict)
	}
	return err
}

// GetAccessPreview returns a preview that is not from before oldest by its id, [ErrNotFound] if there is none.
func GetAccessPreview(ctx context.Context, tx Tx, t Tenant, analyzer, id string, oldest int64) (AccessPreview, error) {
	if CheckText("", id) != nil {
		return AccessPreview{}, ErrNotFound
	}
	var p AccessPreview
	err := One(ctx, tx, `SELECT id, created_at, status, reason, doc, findings FROM access_previews
		WHERE account = $1 AND region = $2 AND analyzer = $3 AND id = $4 AND created_at >= $5`,
		[]any{t.Account, t.Region, analyzer, id, oldest}, &p.ID, &p.CreatedAt, &p.Status, &p.Reason, &p.Doc, &p.Findings)
	return p, err
}

// previewPlace is the place of a preview in the list.
type previewPlace struct {
	CreatedAt int64  `json:"c"`
	ID        string `json:"i"`
}

// ListAccessPreviews returns at most limit previews of an analyzer that are not from before oldest, the newest first, behind the place after,
// nil for the beginning; and the place of the next page, nil after the last. They come without what is proposed and without findings.
// [ErrInvalid] for a place that is none.
func ListAccessPreviews(ctx context.Context, tx Tx, t Tenant, analyzer string, oldest int64, after []byte, limit int) (page []AccessPreview, next []byte, err error) {
	s := newStatement("SELECT id, created_at, status, reason FROM access_previews WHERE account = ").arg(t.Account).
		add(" AND region = ").arg(t.Region).add(" AND analyzer = ").arg(analyzer).add(" AND created_at >= ").arg(oldest)
	if after != nil {
		var p previewPlace
		if json.Unmarshal(after, &p) != nil || CheckText("", p.ID) != nil {
			return nil, nil, fmt.Errorf("place in a list of access previews: %w", ErrInvalid)
		}
		s.add(" AND (created_at, id) < (").arg(p.CreatedAt).add(", ").arg(p.ID).add(")")
	}
	s.order("created_at", "id", true).limit(limit + 1)
	err = Each(ctx, tx, s.text(), s.args, func(rows Rows) error {
		var p AccessPreview
		err := rows.Scan(&p.ID, &p.CreatedAt, &p.Status, &p.Reason)
		page = append(page, p)
		return err
	})
	if err != nil || len(page) <= limit {
		return page, nil, err
	}
	page = page[:limit]
	next, err = json.Marshal(previewPlace{page[limit-1].CreatedAt, page[limit-1].ID})
	return page, next, err
}

// CountAccessPreviews returns how many previews of an analyzer are not from before a time.
func CountAccessPreviews(ctx context.Context, tx Tx, t Tenant, analyzer string, since int64) (n int64, err error) {
	err = One(ctx, tx, "SELECT COUNT(*) FROM access_previews WHERE account = $1 AND region = $2 AND analyzer = $3 AND created_at >= $4",
		[]any{t.Account, t.Region, analyzer, since}, &n)
	return n, err
}
