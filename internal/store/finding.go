package store

// Findings are laid out for filtering. A finding's JSON is in finding_documents, out of the way of scans, and everything that macie.md 5.6
// lets clients filter by is taken out of it into tables, where [findingFields] says:
//
//   - finding_traits: the short-listed facts (type, severity, archived, MIME type...). A million findings share a few hundred combinations,
//     so each combination is stored once under the digest of its contents and a finding carries its number.
//   - bucket_snapshots, finding_places: the facts of the bucket as they were when the finding was made, likewise stored once per content;
//     a place is a snapshot with a job.
//   - findings: a narrow row of what differs from finding to finding, with one index per sort attribute. Every index carries the numbers
//     of traits and place, so that a walk along it decides criteria without touching the row.
//   - finding_attributes: values of fields with many values and of rare ones, policy details among them; only values that are present.
//     Its index (tenant, field, value, updated_at, seq, ...) is a posting list in the default order that carries traits and place as well.
//     Bucket name and job id are there too, because they are what people filter by most.
//
// A query first turns the criteria on traits and places into short lists of numbers (an empty one answers the query), then reads the
// shortest posting list whole if it is short, and otherwise walks the most specific index in sort order until the page is full. Even two
// common fields that never meet cost one walk over one index. See findinglist.go.

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// PutFindings stores findings, each the JSON of a Finding of the wire, and says for each whether it was new: one whose id exists is left
// as it is, so a batch that is put twice counts once. A finding that cannot be read answers [ErrInvalid] and nothing of the batch is kept.
func PutFindings(ctx context.Context, tx Tx, tenant Tenant, docs [][]byte) (isNew []bool, err error) {
	rows := make([]*findingRow, len(docs))
	for i, doc := range docs {
		if rows[i], err = parseFinding(doc); err != nil {
			return nil, err
		}
	}
	isNew = make([]bool, len(docs))
	fresh, err := unstored(ctx, tx, tenant, rows)
	if err != nil || len(fresh) == 0 {
		return isNew, err
	}
	t, err := internTenant(ctx, tx, tenant)
	if err != nil {
		return nil, err
	}
	if err := intern(ctx, tx, t, fresh); err != nil {
		return nil, err
	}
	if err := insertFindings(ctx, tx, t, fresh); err != nil {
		return nil, err
	}
	for i, row := range rows {
		isNew[i] = row.seq != 0
	}
	return isNew, nil
}

// PutFinding stores one finding; see [PutFindings].
func PutFinding(ctx context.Context, tx Tx, tenant Tenant, doc []byte) (isNew bool, err error) {
	news, err := PutFindings(ctx, tx, tenant, [][]byte{doc})
	return err == nil && news[0], err
}

// unstored returns the rows whose ids are not stored yet, each id once.
func unstored(ctx context.Context, tx Tx, tenant Tenant, rows []*findingRow) ([]*findingRow, error) {
	fresh := make(map[string]*findingRow, len(rows))
	var ids []string
	for _, row := range rows {
		if fresh[row.id] == nil {
			fresh[row.id] = row
			ids = append(ids, row.id)
		}
	}
	t, err := tenantNumber(ctx, tx, tenant)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	if err == nil {
		err := eachFinding(ctx, tx, t, ids, func(_ int64, id string) { delete(fresh, id) })
		if err != nil {
			return nil, err
		}
	}
	var out []*findingRow
	for _, id := range ids {
		if row := fresh[id]; row != nil {
			out = append(out, row)
		}
	}
	return out, nil
}

func eachFinding(ctx context.Context, tx Tx, tenant int64, ids []string, fn func(seq int64, id string)) error {
	for chunk := range slices.Chunk(ids, 100) {
		s := newStatement("SELECT seq, id FROM findings WHERE tenant = ")
		s.arg(tenant).add(" AND id IN (")
		for i, id := range chunk {
			s.comma(i).arg([]byte(id))
		}
		s.add(")")
		err := Each(ctx, tx, s.text(), s.args, func(rows Rows) error {
			var seq int64
			var id []byte
			if err := rows.Scan(&seq, &id); err != nil {
				return err
			}
			fn(seq, string(id))
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// tenantNumber returns the number of a tenant, [ErrNotFound] if it never had a finding.
func tenantNumber(ctx context.Context, tx Tx, tenant Tenant) (int64, error) {
	var id int64
	err := One(ctx, tx, "SELECT id FROM tenants WHERE account = $1 AND region = $2", []any{tenant.Account, tenant.Region}, &id)
	return id, err
}

func internTenant(ctx context.Context, tx Tx, tenant Tenant) (int64, error) {
	id, err := tenantNumber(ctx, tx, tenant)
	if !errors.Is(err, ErrNotFound) {
		return id, err
	}
	err = One(ctx, tx, "INSERT INTO tenants (account, region) VALUES ($1, $2) ON CONFLICT (account, region) DO NOTHING RETURNING id",
		[]any{tenant.Account, tenant.Region}, &id)
	return id, err
}

const (
	snapshotColumns = "name, account_id, region, created_at, owner_name, unencrypted_uploads, encryption_type, kms_key, effective_permission, " +
		"account_block_acls, account_block_policy, account_ignore_acls, account_restrict, acl_public_read, acl_public_write, " +
		"bucket_block_acls, bucket_block_policy, bucket_ignore_acls, bucket_restrict, policy_public_read, policy_public_write"
	traitColumns = "category, type, severity, archived, sample, origin, status, mime_type, object_public, object_encryption, sensitive_categories"
)

// intern finds or makes the shared rows of findings. Few are new once a tenant has some findings, so each is looked for by itself, once.
func intern(ctx context.Context, tx Tx, tenant int64, rows []*findingRow) error {
	type key struct {
		snapshot int64
		job      string
	}
	snapshots, traits, places := map[string]int64{}, map[string]int64{}, map[key]int64{}
	for _, row := range rows {
		id, ok := snapshots[string(row.bucket.hash)]
		if !ok {
			var err error
			if id, err = internSnapshot(ctx, tx, tenant, row); err != nil {
				return err
			}
			snapshots[string(row.bucket.hash)] = id
		}
		row.snapshotID = id
		if id, ok = traits[string(row.traits.hash)]; !ok {
			var err error
			if id, _, err = internRow(ctx, tx, tenant, "finding_traits", traitColumns, row.traits); err != nil {
				return err
			}
			traits[string(row.traits.hash)] = id
		}
		row.traitsID = id
		p := key{row.snapshotID, row.jobID}
		if id, ok = places[p]; !ok {
			var err error
			if id, err = internPlace(ctx, tx, tenant, row); err != nil {
				return err
			}
			places[p] = id
		}
		row.placeID = id
	}
	return nil
}

func internSnapshot(ctx context.Context, tx Tx, tenant int64, row *findingRow) (int64, error) {
	id, isNew, err := internRow(ctx, tx, tenant, "bucket_snapshots", snapshotColumns, row.bucket)
	if err != nil || !isNew {
		return id, err
	}
	for _, tag := range row.bucketTags {
		_, err := tx.Exec(ctx, "INSERT INTO bucket_snapshot_tags (snapshot, key, value) VALUES ($1, $2, $3) ON CONFLICT (snapshot, key, value) DO NOTHING",
			id, bound([]byte(tag.Key), maxAttributeValue), bound([]byte(tag.Value), maxAttributeValue))
		if err != nil {
			return 0, err
		}
	}
	return id, nil
}

func internRow(ctx context.Context, tx Tx, tenant int64, table, columns string, row dictionaryRow) (id int64, isNew bool, err error) {
	err = One(ctx, tx, "SELECT id FROM "+table+" WHERE tenant = $1 AND hash = $2", []any{tenant, row.hash}, &id)
	if !errors.Is(err, ErrNotFound) {
		return id, false, err
	}
	s := newStatement("INSERT INTO ", table, " (tenant, hash, ", columns, ") VALUES (")
	s.arg(tenant).add(", ").arg(row.hash)
	for _, c := range row.columns {
		s.add(", ").arg(c)
	}
	// A row that another server has inserted since this transaction began makes PostgreSQL run the transaction again.
	s.add(") ON CONFLICT (tenant, hash) DO NOTHING RETURNING id")
	err = One(ctx, tx, s.text(), s.args, &id)
	return id, true, err
}

func internPlace(ctx context.Context, tx Tx, tenant int64, row *findingRow) (id int64, err error) {
	args := []any{tenant, row.snapshotID, []byte(row.jobID)}
	err = One(ctx, tx, "SELECT id FROM finding_places WHERE tenant = $1 AND snapshot = $2 AND job_id = $3", args, &id)
	if !errors.Is(err, ErrNotFound) {
		return id, err
	}
	err = One(ctx, tx, "INSERT INTO finding_places (tenant, snapshot, job_id) VALUES ($1, $2, $3) "+
		"ON CONFLICT (tenant, snapshot, job_id) DO NOTHING RETURNING id", args, &id)
	return id, err
}

const (
	findingColumns = "tenant, id, created_at, updated_at, traits, place, signature, severity, type, count, resource, first_seen, last_seen, " +
		"modified_at, size_classified"
	attributeColumns = "seq, field, value, tenant, updated_at, created_at, traits, place, signature, severity"
)

func (r *findingRow) columns(tenant int64) []any {
	return []any{tenant, []byte(r.id), r.createdAt, r.updatedAt, r.traitsID, r.placeID, r.signature, r.severity, []byte(r.kind), r.count,
		r.resource, r.firstSeen, r.lastSeen, r.modifiedAt, r.size}
}

// insertFindings stores new rows and gives them their numbers.
func insertFindings(ctx context.Context, tx Tx, tenant int64, rows []*findingRow) error {
	byID := make(map[string]*findingRow, len(rows))
	values := make([][]any, len(rows))
	for i, row := range rows {
		byID[row.id] = row
		values[i] = row.columns(tenant)
	}
	err := insertRows(ctx, tx, "INSERT INTO findings ("+findingColumns+") VALUES ", " RETURNING seq, id", values, func(r Rows) error {
		var seq int64
		var id []byte
		if err := r.Scan(&seq, &id); err != nil {
			return err
		}
		byID[string(id)].seq = seq
		return nil
	})
	if err != nil {
		return err
	}
	for i, row := range rows {
		values[i] = []any{row.seq, row.doc}
	}
	if err := insertRows(ctx, tx, "INSERT INTO finding_documents (seq, doc) VALUES ", "", values, nil); err != nil {
		return err
	}
	return insertAttributes(ctx, tx, tenant, rows)
}

func insertAttributes(ctx context.Context, tx Tx, tenant int64, rows []*findingRow) error {
	var values [][]any
	for _, r := range rows {
		for _, a := range r.attributes {
			values = append(values, []any{r.seq, a.field, a.value, tenant, r.updatedAt, r.createdAt, r.traitsID, r.placeID, r.signature, r.severity})
		}
	}
	return insertRows(ctx, tx, "INSERT INTO finding_attributes ("+attributeColumns+") VALUES ", "", values, nil)
}

// insertRows inserts many rows with few round trips. Batches are of three sizes, so that the engines see few texts to prepare.
func insertRows(ctx context.Context, tx Tx, before, after string, values [][]any, fn func(Rows) error) error {
	for len(values) > 0 {
		size := 1
		for _, batch := range []int{64, 8} {
			if len(values) >= batch {
				size = batch
				break
			}
		}
		s := newStatement(before)
		for i, row := range values[:size] {
			s.comma(i).add("(")
			for j, v := range row {
				s.comma(j).arg(v)
			}
			s.add(")")
		}
		s.add(after)
		values = values[size:]
		if fn == nil {
			if _, err := tx.Exec(ctx, s.text(), s.args...); err != nil {
				return err
			}
			continue
		}
		if err := Each(ctx, tx, s.text(), s.args, fn); err != nil {
			return err
		}
	}
	return nil
}

// ReplaceFinding puts a new document in the place of the finding with the same id: a policy finding that occurred again, a finding that
// was archived. [ErrNotFound] if there is none. The finding keeps its place among findings that sort alike.
func ReplaceFinding(ctx context.Context, tx Tx, tenant Tenant, doc []byte) error {
	row, err := parseFinding(doc)
	if err != nil {
		return err
	}
	t, err := tenantNumber(ctx, tx, tenant)
	if err != nil {
		return err
	}
	err = One(ctx, tx, "SELECT seq FROM findings WHERE tenant = $1 AND id = $2"+ForUpdate(tx), []any{t, []byte(row.id)}, &row.seq)
	if err != nil {
		return err
	}
	if err := intern(ctx, tx, t, []*findingRow{row}); err != nil {
		return err
	}
	s := newStatement("UPDATE findings SET (", findingColumns, ") = (")
	for i, v := range row.columns(t) {
		s.comma(i).arg(v)
	}
	s.add(") WHERE seq = ").arg(row.seq)
	if _, err := tx.Exec(ctx, s.text(), s.args...); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "UPDATE finding_documents SET doc = $2 WHERE seq = $1", row.seq, row.doc); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "DELETE FROM finding_attributes WHERE seq = $1", row.seq); err != nil {
		return err
	}
	return insertAttributes(ctx, tx, t, []*findingRow{row})
}

// MaxGetFindings is how many findings [GetFindings] returns at once.
const MaxGetFindings = 50

// GetFindings returns the documents of at most [MaxGetFindings] findings in sort order; ids that do not exist are left out, repeated ones
// count once.
func GetFindings(ctx context.Context, tx Tx, tenant Tenant, ids []string, sort FindingSort) ([][]byte, error) {
	if len(ids) > MaxGetFindings {
		return nil, fmt.Errorf("%d finding ids, at most %d: %w", len(ids), MaxGetFindings, ErrInvalid)
	}
	column, err := sort.column()
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	t, err := tenantNumber(ctx, tx, tenant)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	// The limit keeps the engines from walking the sort column's index instead of looking the ids up.
	s := newStatement("SELECT d.doc FROM (SELECT seq, ", column.column, " AS k FROM findings WHERE tenant = ").arg(t).add(" AND id IN (")
	for i, id := range ids {
		s.comma(i).arg([]byte(id))
	}
	s.add(")").limit(MaxGetFindings).add(") f JOIN finding_documents d ON d.seq = f.seq").order("f.k", "f.seq", sort.Descending)
	var out [][]byte
	err = Each(ctx, tx, s.text(), s.args, func(rows Rows) error {
		var doc []byte
		err := rows.Scan(&doc)
		out = append(out, doc)
		return err
	})
	return out, err
}

// deleteFindings deletes everything that findings of a tenant are made of, except the tenant's number.
func deleteFindings(ctx context.Context, tx Tx, tenant Tenant) error {
	t, err := tenantNumber(ctx, tx, tenant)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, sql := range []string{
		"DELETE FROM finding_attributes WHERE tenant = $1",
		"DELETE FROM finding_documents WHERE seq IN (SELECT seq FROM findings WHERE tenant = $1)",
		"DELETE FROM findings WHERE tenant = $1",
		"DELETE FROM finding_traits WHERE tenant = $1",
		"DELETE FROM finding_places WHERE tenant = $1",
		"DELETE FROM bucket_snapshot_tags WHERE snapshot IN (SELECT id FROM bucket_snapshots WHERE tenant = $1)",
		"DELETE FROM bucket_snapshots WHERE tenant = $1",
	} {
		if _, err := tx.Exec(ctx, sql, t); err != nil {
			return fmt.Errorf("delete findings: %w", err)
		}
	}
	return nil
}
