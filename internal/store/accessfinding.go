package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
)

// AccessFinding is a finding of an analyzer: access of someone outside, or an error of a resource.
type AccessFinding struct {
	ID         string
	Resource   string // ARN; as BoundKey has it when it is read back
	Type       string // of the resource
	Owner      string // account id
	Status     string // FindingStatus
	Public     *bool  // nil of an error
	Error      string // "" of access
	CreatedAt  int64  // when this very access was seen first
	AnalyzedAt int64
	UpdatedAt  int64  // when the status changed last
	Doc        []byte // JSON of the wire type, without status and times
}

// Statuses of findings.
const (
	FindingActive   = "ACTIVE"
	FindingArchived = "ARCHIVED"
	FindingResolved = "RESOLVED"
)

const accessFindingColumns = "id, resource, resource_type, owner, status, is_public, error, created_at, analyzed_at, updated_at, doc"

// public is Public as its column holds it.
func (f *AccessFinding) public() int64 {
	switch {
	case f.Public == nil:
		return -1
	case *f.Public:
		return 1
	}
	return 0
}

func (f *AccessFinding) scan(rows Rows) error {
	var resource []byte
	var public int64
	err := rows.Scan(&f.ID, &resource, &f.Type, &f.Owner, &f.Status, &public, &f.Error, &f.CreatedAt, &f.AnalyzedAt, &f.UpdatedAt, &f.Doc)
	f.Resource = string(resource)
	if public >= 0 {
		is := public == 1
		f.Public = &is
	}
	return err
}

// CreateAccessFinding stores a new finding; [ErrConflict] if the analyzer has one of its id already.
func CreateAccessFinding(ctx context.Context, tx Tx, t Tenant, analyzer string, f AccessFinding) error {
	n, err := tx.Exec(ctx, "INSERT INTO access_findings (account, region, analyzer, "+accessFindingColumns+
		") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT DO NOTHING", t.Account, t.Region, analyzer,
		f.ID, BoundKey([]byte(f.Resource)), f.Type, f.Owner, f.Status, f.public(), f.Error, f.CreatedAt, f.AnalyzedAt, f.UpdatedAt, document(f.Doc))
	if err == nil && n == 0 {
		return fmt.Errorf("finding %s exists: %w", f.ID, ErrConflict)
	}
	return err
}

// UpdateAccessFinding stores a finding's status and times; [ErrNotFound] if there is none. Everything else of a finding stays.
func UpdateAccessFinding(ctx context.Context, tx Tx, t Tenant, analyzer string, f AccessFinding) error {
	return affectOne(tx.Exec(ctx, `UPDATE access_findings SET status = $5, analyzed_at = $6, updated_at = $7
		WHERE account = $1 AND region = $2 AND analyzer = $3 AND id = $4`, t.Account, t.Region, analyzer, f.ID, f.Status, f.AnalyzedAt, f.UpdatedAt))
}

// DeleteAccessFinding deletes a finding; [ErrNotFound] if there is none.
func DeleteAccessFinding(ctx context.Context, tx Tx, t Tenant, analyzer, id string) error {
	return affectOne(tx.Exec(ctx, "DELETE FROM access_findings WHERE account = $1 AND region = $2 AND analyzer = $3 AND id = $4",
		t.Account, t.Region, analyzer, id))
}

// DeleteResolvedFindings deletes at most limit findings that were resolved before a time, and returns how many.
func DeleteResolvedFindings(ctx context.Context, tx Tx, t Tenant, analyzer string, before int64, limit int) (int64, error) {
	return tx.Exec(ctx, `DELETE FROM access_findings WHERE account = $1 AND region = $2 AND analyzer = $3 AND id IN (
		SELECT id FROM access_findings WHERE account = $1 AND region = $2 AND analyzer = $3 AND status = 'RESOLVED' AND updated_at < $4
		ORDER BY updated_at, id`+fmt.Sprintf(" LIMIT %d)", limit), t.Account, t.Region, analyzer, before)
}

// GetAccessFinding returns a finding by its id, [ErrNotFound] if there is none. In an Update it keeps other writers from it until the end.
func GetAccessFinding(ctx context.Context, tx Tx, t Tenant, analyzer, id string) (AccessFinding, error) {
	if CheckText("", id) != nil {
		return AccessFinding{}, ErrNotFound
	}
	found, err := accessFindings(ctx, tx, "id = $4"+ForUpdate(tx), t.Account, t.Region, analyzer, id)
	if err != nil {
		return AccessFinding{}, err
	}
	if len(found) == 0 {
		return AccessFinding{}, ErrNotFound
	}
	return found[0], nil
}

// AccessFindingsOf returns all findings of a resource, by id. In an Update it keeps other writers from them until the end.
func AccessFindingsOf(ctx context.Context, tx Tx, t Tenant, analyzer, resource string) ([]AccessFinding, error) {
	return accessFindings(ctx, tx, "resource = $4 ORDER BY id"+ForUpdate(tx), t.Account, t.Region, analyzer, BoundKey([]byte(resource)))
}

func accessFindings(ctx context.Context, tx Tx, where string, args ...any) ([]AccessFinding, error) {
	var out []AccessFinding
	err := Each(ctx, tx, "SELECT "+accessFindingColumns+" FROM access_findings WHERE account = $1 AND region = $2 AND analyzer = $3 AND "+where, args,
		func(rows Rows) error {
			var f AccessFinding
			err := f.scan(rows)
			out = append(out, f)
			return err
		})
	return out, err
}

// AccessFindingQuery asks for a page of an analyzer's findings.
type AccessFindingQuery struct {
	// Sort is the wire's name of a member that AccessFindingSorts knows; "" is updatedAt. Equals are in the order of their ids.
	Sort       string
	Descending bool
	// Statuses and Resources narrow the findings that Keep is asked about; nil is all.
	Statuses, Resources []string
	// Keep says whether a finding counts; nil keeps all. It must not use the transaction.
	Keep  func(*AccessFinding) (bool, error)
	Limit int
	After []byte // what the page before returned as next
}

// An accessSort is what findings are ordered by: a column, and its value of a finding, an int64, a string or bytes.
type accessSort struct {
	column string
	value  func(*AccessFinding) any
}

var accessSorts = map[string]accessSort{
	"id":                   {"id", func(f *AccessFinding) any { return f.ID }},
	"resource":             {"resource", func(f *AccessFinding) any { return []byte(f.Resource) }},
	"resourceType":         {"resource_type", func(f *AccessFinding) any { return f.Type }},
	"resourceOwnerAccount": {"owner", func(f *AccessFinding) any { return f.Owner }},
	"status":               {"status", func(f *AccessFinding) any { return f.Status }},
	"isPublic":             {"is_public", func(f *AccessFinding) any { return f.public() }},
	"error":                {"error", func(f *AccessFinding) any { return f.Error }},
	"createdAt":            {"created_at", func(f *AccessFinding) any { return f.CreatedAt }},
	"analyzedAt":           {"analyzed_at", func(f *AccessFinding) any { return f.AnalyzedAt }},
	"updatedAt":            {"updated_at", func(f *AccessFinding) any { return f.UpdatedAt }},
}

// accessPlace is the place of a finding in an order.
type accessPlace struct {
	Number int64  `json:"n,omitempty"`
	Text   string `json:"s,omitempty"`
	Bytes  []byte `json:"b,omitempty"`
	ID     string `json:"i"`
}

// CanSortAccessFindings reports whether AccessFindingQuery.Sort may be a name.
func CanSortAccessFindings(name string) bool {
	_, ok := accessSorts[name]
	return ok
}

// ListAccessFindings returns a page of findings and where the next begins, nil after the last. [ErrInvalid] for an order, a place or a limit
// that means nothing.
func ListAccessFindings(ctx context.Context, tx Tx, t Tenant, analyzer string, q AccessFindingQuery) (page []AccessFinding, next []byte, err error) {
	if q.Sort == "" {
		q.Sort = "updatedAt"
	}
	sort, ok := accessSorts[q.Sort]
	if !ok || q.Limit < 1 {
		return nil, nil, fmt.Errorf("findings sorted by %q, page of %d: %w", q.Sort, q.Limit, ErrInvalid)
	}
	after := q.After
	for {
		batch := max(q.Limit-len(page)+1, 200)
		rows, err := q.rows(ctx, tx, t, analyzer, sort, after, batch)
		if err != nil {
			return nil, nil, err
		}
		for i := range rows {
			f := &rows[i]
			if q.Keep != nil {
				if keep, err := q.Keep(f); err != nil {
					return nil, nil, err
				} else if !keep {
					continue
				}
			}
			if len(page) == q.Limit {
				next, err := placeOf(&page[q.Limit-1], sort)
				return page, next, err
			}
			page = append(page, *f)
		}
		if len(rows) < batch {
			return page, nil, nil
		}
		if after, err = placeOf(&rows[len(rows)-1], sort); err != nil {
			return nil, nil, err
		}
	}
}

func placeOf(f *AccessFinding, sort accessSort) ([]byte, error) {
	p := accessPlace{ID: f.ID}
	switch v := sort.value(f).(type) {
	case int64:
		p.Number = v
	case string:
		p.Text = v
	case []byte:
		p.Bytes = v
	}
	return json.Marshal(p)
}

// rows reads up to limit findings behind a place.
func (q AccessFindingQuery) rows(ctx context.Context, tx Tx, t Tenant, analyzer string, sort accessSort, after []byte, limit int) ([]AccessFinding, error) {
	s := newStatement(Once, "SELECT ", accessFindingColumns, " FROM access_findings WHERE account = ").arg(t.Account).
		add(" AND region = ").arg(t.Region).add(" AND analyzer = ").arg(analyzer)
	if q.Statuses != nil {
		s.add(" AND ").inTexts("status", q.Statuses)
	}
	if q.Resources != nil {
		var keys [][]byte
		for _, r := range q.Resources {
			keys = append(keys, BoundKey([]byte(r)))
		}
		s.add(" AND ").in("resource", keys)
	}
	if after != nil {
		if err := behind(s, sort, after, q.Descending); err != nil {
			return nil, err
		}
	}
	s.order(sort.column, "id", q.Descending).limit(limit)
	var out []AccessFinding
	err := Each(ctx, tx, s.text(), s.args, func(rows Rows) error {
		var f AccessFinding
		err := f.scan(rows)
		out = append(out, f)
		return err
	})
	return out, err
}

func behind(s *statement, sort accessSort, after []byte, descending bool) error {
	var p accessPlace
	if err := json.Unmarshal(after, &p); err != nil || CheckText("", p.ID+p.Text) != nil {
		return fmt.Errorf("place in a list of findings: %w", ErrInvalid)
	}
	operator := " > "
	if descending {
		operator = " < "
	}
	s.add(" AND (", sort.column, ", id)", operator, "(")
	switch sort.value(&AccessFinding{}).(type) {
	case int64:
		s.arg(p.Number)
	case string:
		s.arg(p.Text)
	case []byte:
		s.arg(document(p.Bytes))
	}
	s.add(", ").arg(p.ID).add(")")
	return nil
}

// inTexts is in for columns of text; values that such columns cannot hold are left out.
func (s *statement) inTexts(column string, values []string) *statement {
	values = slices.DeleteFunc(slices.Clone(values), func(v string) bool { return CheckText("", v) != nil })
	if len(values) == 0 {
		return s.add("1 = 0")
	}
	s.add(column, " IN (")
	for i, v := range values {
		s.comma(i).arg(v)
	}
	return s.add(")")
}

// AccessFindingCount is a number of findings that are alike.
type AccessFindingCount struct {
	Type   string // of the resource
	Status string
	Public *bool // nil of errors
	Error  bool
	Count  int64
}

// CountAccessFindings counts an analyzer's findings by what statistics tell apart.
func CountAccessFindings(ctx context.Context, tx Tx, t Tenant, analyzer string) (counts []AccessFindingCount, err error) {
	err = Each(ctx, tx, `SELECT resource_type, status, is_public, CASE WHEN error = '' THEN 0 ELSE 1 END, COUNT(*) FROM access_findings
		WHERE account = $1 AND region = $2 AND analyzer = $3 GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4`, []any{t.Account, t.Region, analyzer},
		func(rows Rows) error {
			var c AccessFindingCount
			var public, failed int64
			err := rows.Scan(&c.Type, &c.Status, &public, &failed, &c.Count)
			if public >= 0 {
				is := public == 1
				c.Public = &is
			}
			c.Error = failed == 1
			counts = append(counts, c)
			return err
		})
	return counts, err
}
