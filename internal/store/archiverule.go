package store

import (
	"context"
	"fmt"
)

// ArchiveRule is an archive rule of an analyzer.
type ArchiveRule struct {
	Name                 string
	CreatedAt, UpdatedAt int64
	Doc                  []byte // JSON of the filter
}

const archiveRuleColumns = "name, created_at, updated_at, doc"

// CreateArchiveRule stores a new rule of an analyzer; [ErrConflict] if it has one of its name already.
func CreateArchiveRule(ctx context.Context, tx Tx, t Tenant, analyzer string, r ArchiveRule) error {
	n, err := tx.Exec(ctx, "INSERT INTO archive_rules (account, region, analyzer, "+archiveRuleColumns+
		") VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING", t.Account, t.Region, analyzer, r.Name, r.CreatedAt, r.UpdatedAt, document(r.Doc))
	if err == nil && n == 0 {
		return fmt.Errorf("archive rule %s exists: %w", r.Name, ErrConflict)
	}
	return err
}

// GetArchiveRule returns a rule by its name, [ErrNotFound] if there is none.
func GetArchiveRule(ctx context.Context, tx Tx, t Tenant, analyzer, name string) (ArchiveRule, error) {
	if CheckText("", name) != nil {
		return ArchiveRule{}, ErrNotFound
	}
	var r ArchiveRule
	err := One(ctx, tx, "SELECT "+archiveRuleColumns+" FROM archive_rules WHERE account = $1 AND region = $2 AND analyzer = $3 AND name = $4",
		[]any{t.Account, t.Region, analyzer, name}, &r.Name, &r.CreatedAt, &r.UpdatedAt, &r.Doc)
	return r, err
}

// UpdateArchiveRule stores a rule's document and time of change; [ErrNotFound] if there is none.
func UpdateArchiveRule(ctx context.Context, tx Tx, t Tenant, analyzer string, r ArchiveRule) error {
	if CheckText("", r.Name) != nil {
		return ErrNotFound
	}
	return affectOne(tx.Exec(ctx, "UPDATE archive_rules SET updated_at = $5, doc = $6 WHERE account = $1 AND region = $2 AND analyzer = $3 AND name = $4",
		t.Account, t.Region, analyzer, r.Name, r.UpdatedAt, document(r.Doc)))
}

// DeleteArchiveRule deletes a rule; [ErrNotFound] if there is none.
func DeleteArchiveRule(ctx context.Context, tx Tx, t Tenant, analyzer, name string) error {
	if CheckText("", name) != nil {
		return ErrNotFound
	}
	return affectOne(tx.Exec(ctx, "DELETE FROM archive_rules WHERE account = $1 AND region = $2 AND analyzer = $3 AND name = $4",
		t.Account, t.Region, analyzer, name))
}

// ArchiveRules returns at most limit rules of an analyzer whose name is greater than after, by name.
func ArchiveRules(ctx context.Context, tx Tx, t Tenant, analyzer, after string, limit int) (rules []ArchiveRule, err error) {
	err = Each(ctx, tx, "SELECT "+archiveRuleColumns+" FROM archive_rules WHERE account = $1 AND region = $2 AND analyzer = $3 AND name > $4 ORDER BY name"+
		fmt.Sprintf(" LIMIT %d", limit), []any{t.Account, t.Region, analyzer, after}, func(rows Rows) error {
		var r ArchiveRule
		err := rows.Scan(&r.Name, &r.CreatedAt, &r.UpdatedAt, &r.Doc)
		rules = append(rules, r)
		return err
	})
	return rules, err
}

// CountArchiveRules returns how many rules an analyzer has.
func CountArchiveRules(ctx context.Context, tx Tx, t Tenant, analyzer string) (n int64, err error) {
	err = One(ctx, tx, "SELECT COUNT(*) FROM archive_rules WHERE account = $1 AND region = $2 AND analyzer = $3",
		[]any{t.Account, t.Region, analyzer}, &n)
	return n, err
}
