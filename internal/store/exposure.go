package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// Tenants returns those in which Macie is enabled, in order.
func Tenants(ctx context.Context, tx Tx) ([]Tenant, error) {
	var out []Tenant
	err := Each(ctx, tx, "SELECT account, region FROM sessions WHERE status <> $1 ORDER BY account, region", []any{deleting}, func(rows Rows) error {
		var t Tenant
		err := rows.Scan(&t.Account, &t.Region)
		out = append(out, t)
		return err
	})
	return out, err
}

// BucketsWithFindings returns the names of the buckets that a tenant's findings are about, in order. There may be some whose findings were
// deleted since.
func BucketsWithFindings(ctx context.Context, tx Tx, tenant Tenant) (names []string, err error) {
	t, err := tenantNumber(ctx, tx, tenant)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	err = Each(ctx, tx, "SELECT DISTINCT name FROM bucket_snapshots WHERE tenant = $1 ORDER BY name", []any{t}, func(rows Rows) error {
		var name []byte
		err := rows.Scan(&name)
		names = append(names, string(name))
		return err
	})
	return names, err
}

// A FindingPlace is the place of a finding in the order of its object's path; the zero place is before the first.
type FindingPlace struct {
	Resource []byte
	Seq      int64
}

// SensitiveFindings calls fn on the JSON of up to limit current findings of sensitive data (neither archived nor samples) in a bucket behind a
// place, in the order of the objects' keys, and returns the place of the last. Fewer than limit are all there are.
func SensitiveFindings(ctx context.Context, tx Tx, tenant Tenant, bucket string, after FindingPlace, limit int, fn func(doc []byte) error) (
	last FindingPlace, n int, err error) {
	last = after
	t, err := tenantNumber(ctx, tx, tenant)
	if errors.Is(err, ErrNotFound) {
		return last, 0, nil
	} else if err != nil {
		return last, 0, err
	}
	if after.Resource == nil {
		after.Resource = []byte(bucket + "/")
	}
	behind := []byte(bucket + "0") // "0" follows "/"
	err = Each(ctx, tx, `SELECT f.resource, f.seq, d.doc FROM findings f JOIN finding_traits t ON t.id = f.traits JOIN finding_documents d ON d.seq = f.seq
		WHERE f.tenant = $1 AND (f.resource, f.seq) > ($2, $3) AND f.resource < $4
		AND t.archived = 0 AND t.sample = 0 AND t.category = $5 ORDER BY f.resource, f.seq LIMIT $6`,
		[]any{t, after.Resource, after.Seq, behind, []byte("CLASSIFICATION"), int64(limit)}, func(rows Rows) error {
			var doc []byte
			if err := rows.Scan(&last.Resource, &last.Seq, &doc); err != nil {
				return err
			}
			n++
			return fn(doc)
		})
	return last, n, err
}

// LedgerStates calls fn on all entries of some objects of a bucket, in order, without their documents. What fn is given is overwritten when it
// returns, what it points to is not.
func LedgerStates(ctx context.Context, tx Tx, t Tenant, bucket string, keys [][]byte, fn func(*LedgerEntry) error) error {
	s := newStatement(Once, "SELECT ", ledgerColumns, " FROM ledger WHERE account = ").arg(t.Account).add(" AND region = ").arg(t.Region).
		add(" AND bucket = ").arg(bucket).add(" AND ").in("object_key", keys).add(" ORDER BY object_key, rules")
	return ledgerEntries(ctx, tx, s.text(), s.args, false, fn)
}

// HasLedger reports whether the ledger knows any object of a bucket.
func HasLedger(ctx context.Context, tx Tx, t Tenant, bucket string) (bool, error) {
	known := false
	err := Ledger(ctx, tx, t, bucket, LedgerPlace{}, 1, func(*LedgerEntry) error {
		known = true
		return nil
	})
	return known, err
}

// CheckSchema fails unless the database has this program's version of the schema. It changes nothing: it is for who only reads, beside servers.
func CheckSchema(ctx context.Context, tx Tx) error {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	var want int64
	for _, name := range files {
		number, _, _ := strings.Cut(strings.TrimPrefix(name, "migrations/"), "_")
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return fmt.Errorf("migration %s has no number: %w", name, err)
		}
		want = max(want, n)
	}
	var have int64
	if err := One(ctx, tx, "SELECT MAX(version_id) FROM goose_db_version", nil, &have); err != nil {
		return fmt.Errorf("it is no database of a server, or an empty one: %w", err)
	}
	switch {
	case have > want:
		return fmt.Errorf("its schema has version %d, this program knows %d: upgrade the program: %w", have, want, ErrNewer)
	case have < want:
		return fmt.Errorf("its schema has version %d, this program needs %d: start the server with this version first: %w", have, want, ErrInvalid)
	}
	return nil
}
