package store

import (
	"context"
	"fmt"
)

// Analyzer is an analyzer of external access. Everything that belongs to it hangs on its ID.
type Analyzer struct {
	ID        string // never used again, unlike the name
	Name      string
	Type      string // the wire's Type
	CreatedAt int64
	Tags      []byte // JSON object of strings
	Doc       []byte // JSON of the request that made it

	Scan       int64  // number of the scan that began last; 0: none
	Scanner    string // who began it
	LeaseUntil int64  // until when nobody else may begin one; 0: it is over
	Requested  int64  // how often a scan was asked for
	ScannedAt  *int64 // when a scan went to its end last
	// LastResource is the ARN of the resource that was analysed last, at LastResourceAt; "" and nil: none.
	LastResource   string
	LastResourceAt *int64
}

const analyzerColumns = `id, name, type, created_at, tags, doc, scan, scanner, lease_until, requested, scanned_at, last_resource, last_resource_at`

func (a *Analyzer) scan(rows Rows, more ...any) error {
	var last []byte
	err := rows.Scan(append([]any{&a.ID, &a.Name, &a.Type, &a.CreatedAt, &a.Tags, &a.Doc, &a.Scan, &a.Scanner, &a.LeaseUntil, &a.Requested,
		&a.ScannedAt, &last, &a.LastResourceAt}, more...)...)
	a.LastResource = string(last)
	return err
}

// CreateAnalyzer stores a new analyzer, not scanned yet; [ErrConflict] if the tenant has one of its name already.
func CreateAnalyzer(ctx context.Context, tx Tx, t Tenant, a Analyzer) error {
	n, err := tx.Exec(ctx, `INSERT INTO analyzers (account, region, id, name, type, created_at, tags, doc, last_resource)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING`,
		t.Account, t.Region, a.ID, a.Name, a.Type, a.CreatedAt, document(a.Tags), document(a.Doc), []byte{})
	if err == nil && n == 0 {
		return fmt.Errorf("analyzer %s exists: %w", a.Name, ErrConflict)
	}
	return err
}

// GetAnalyzer returns an analyzer by its name, [ErrNotFound] if there is none. In an Update it keeps it as it is until the end.
func GetAnalyzer(ctx context.Context, tx Tx, t Tenant, name string) (Analyzer, error) {
	if CheckText("", name) != nil {
		return Analyzer{}, ErrNotFound
	}
	return oneAnalyzer(ctx, tx, "name = $3"+ForShare(tx), t.Account, t.Region, name)
}

// GetAnalyzerByID returns an analyzer by its id, otherwise like [GetAnalyzer].
func GetAnalyzerByID(ctx context.Context, tx Tx, t Tenant, id string) (Analyzer, error) {
	return oneAnalyzer(ctx, tx, "id = $3"+ForShare(tx), t.Account, t.Region, id)
}

func oneAnalyzer(ctx context.Context, tx Tx, where string, args ...any) (Analyzer, error) {
	found, err := analyzers(ctx, tx, "SELECT "+analyzerColumns+" FROM analyzers WHERE account = $1 AND region = $2 AND "+where, args)
	if err != nil {
		return Analyzer{}, err
	}
	if len(found) == 0 {
		return Analyzer{}, ErrNotFound
	}
	return found[0], nil
}

func analyzers(ctx context.Context, tx Tx, sql string, args []any) ([]Analyzer, error) {
	var out []Analyzer
	err := Each(ctx, tx, sql, args, func(rows Rows) error {
		var a Analyzer
		err := a.scan(rows)
		out = append(out, a)
		return err
	})
	return out, err
}

// ListAnalyzers returns at most limit of the tenant's analyzers whose name is greater than after, by name.
func ListAnalyzers(ctx context.Context, tx Tx, t Tenant, kind, after string, limit int) ([]Analyzer, error) {
	return analyzers(ctx, tx, "SELECT "+analyzerColumns+` FROM analyzers
		WHERE account = $1 AND region = $2 AND name > $3 AND ($4 = '' OR type = $4) ORDER BY name`+fmt.Sprintf(" LIMIT %d", limit),
		[]any{t.Account, t.Region, after, kind})
}

// CountAnalyzers returns how many analyzers of a type the tenant has.
func CountAnalyzers(ctx context.Context, tx Tx, t Tenant, kind string) (n int64, err error) {
	err = One(ctx, tx, "SELECT COUNT(*) FROM analyzers WHERE account = $1 AND region = $2 AND type = $3", []any{t.Account, t.Region, kind}, &n)
	return n, err
}

// A TenantAnalyzer is an analyzer with its owner.
type TenantAnalyzer struct {
	Tenant
	Analyzer
}

// AllAnalyzers returns the analyzers of all tenants, by tenant and name.
func AllAnalyzers(ctx context.Context, tx Tx) ([]TenantAnalyzer, error) {
	var out []TenantAnalyzer
	err := Each(ctx, tx, "SELECT "+analyzerColumns+", account, region FROM analyzers ORDER BY account, region, name", nil, func(rows Rows) error {
		var a TenantAnalyzer
		err := a.Analyzer.scan(rows, &a.Account, &a.Region)
		out = append(out, a)
		return err
	})
	return out, err
}

// SetAnalyzerTags replaces an analyzer's tags; [ErrNotFound] if there is no such analyzer.
func SetAnalyzerTags(ctx context.Context, tx Tx, t Tenant, id string, tags []byte) error {
	return affectOne(tx.Exec(ctx, "UPDATE analyzers SET tags = $4 WHERE account = $1 AND region = $2 AND id = $3", t.Account, t.Region, id, document(tags)))
}

// DeleteAnalyzer deletes an analyzer with everything of it; [ErrNotFound] if there is none.
func DeleteAnalyzer(ctx context.Context, tx Tx, t Tenant, id string) error {
	if err := affectOne(tx.Exec(ctx, "DELETE FROM analyzers WHERE account = $1 AND region = $2 AND id = $3", t.Account, t.Region, id)); err != nil {
		return err
	}
	for _, table := range []string{"archive_rules", "access_findings", "analyzed_resources", "access_previews"} {
		if _, err := tx.Exec(ctx, "DELETE FROM "+table+" WHERE account = $1 AND region = $2 AND analyzer = $3", t.Account, t.Region, id); err != nil {
			return fmt.Errorf("delete %s: %w", table, err)
		}
	}
	return deleteAnswers(ctx, tx, t, id)
}

// BeginScan gives the analyzer to a scanner until a time and counts the scan; [ErrConflict] if another one has it still, [ErrNotFound] if
// there is no such analyzer. It returns the analyzer as it is then.
func BeginScan(ctx context.Context, tx Tx, t Tenant, id, scanner string, now, until int64) (Analyzer, error) {
	a, err := oneAnalyzer(ctx, tx, "id = $3"+ForUpdate(tx), t.Account, t.Region, id)
	if err != nil {
		return a, err
	}
	if a.LeaseUntil > now && a.Scanner != scanner {
		return a, fmt.Errorf("analyzer %s is being scanned by %s: %w", a.Name, a.Scanner, ErrConflict)
	}
	a.Scan, a.Scanner, a.LeaseUntil = a.Scan+1, scanner, until
	return a, affectOne(tx.Exec(ctx, "UPDATE analyzers SET scan = $4, scanner = $5, lease_until = $6 WHERE account = $1 AND region = $2 AND id = $3",
		t.Account, t.Region, id, a.Scan, scanner, until))
}

// HoldScan proves that a scan is still the analyzer's last and makes its time longer; it keeps others from it until the transaction ends.
// [ErrConflict] if another one has begun since, or if the analyzer is gone.
func HoldScan(ctx context.Context, tx Tx, t Tenant, id string, scan, until int64) error {
	n, err := tx.Exec(ctx, "UPDATE analyzers SET lease_until = $5 WHERE account = $1 AND region = $2 AND id = $3 AND scan = $4",
		t.Account, t.Region, id, scan, until)
	return held(n, err)
}

// EndScan frees the analyzer after a scan; [ErrConflict] as [HoldScan]. at is nil for a scan that did not go to its end.
func EndScan(ctx context.Context, tx Tx, t Tenant, id string, scan int64, at *int64) error {
	n, err := tx.Exec(ctx, `UPDATE analyzers SET lease_until = 0, scanned_at = COALESCE($5, scanned_at)
		WHERE account = $1 AND region = $2 AND id = $3 AND scan = $4`, t.Account, t.Region, id, scan, at)
	return held(n, err)
}

// SetLastResource notes which resource a scan has analysed last; [ErrConflict] as [HoldScan].
func SetLastResource(ctx context.Context, tx Tx, t Tenant, id string, scan int64, resource string, at int64) error {
	n, err := tx.Exec(ctx, "UPDATE analyzers SET last_resource = $5, last_resource_at = $6 WHERE account = $1 AND region = $2 AND id = $3 AND scan = $4",
		t.Account, t.Region, id, scan, []byte(resource), at)
	return held(n, err)
}

func held(n int64, err error) error {
	if err == nil && n == 0 {
		return fmt.Errorf("the analyzer is gone or being scanned by another: %w", ErrConflict)
	}
	return err
}

// RequestScan counts a request to scan the analyzer; [ErrNotFound] if there is none.
func RequestScan(ctx context.Context, tx Tx, t Tenant, id string) error {
	return affectOne(tx.Exec(ctx, "UPDATE analyzers SET requested = requested + 1 WHERE account = $1 AND region = $2 AND id = $3", t.Account, t.Region, id))
}
