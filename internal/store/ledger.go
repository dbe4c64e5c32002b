package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
)

// The ledger knows of each object, as it is now, what analysing it told, whichever job did: a job that looks for nothing else need not read
// the object again.
//
// It is read in the order of keys beside a listing: one range of rows is worth a thousand look-ups. So a row is narrow but for its document,
// which a listing does not ask for: the object's state is a digest, the rules are a number. Documents are read of those objects only for which
// they tell something. Keys longer than [MaxKey], which S3 does not have, are not in it.

// LedgerFlags say what a ledger entry tells without its document.
type LedgerFlags int64

// What a ledger entry may be.
const (
	LedgerFound     LedgerFlags = 1 << iota // something was found
	LedgerSkipped                           // the object cannot be analysed
	LedgerEntangled                         // the result holds for exactly these rules: fewer rules would not just find less
	LedgerPartial                           // the object cannot be analysed to its end
)

// A LedgerEntry is what is known of one object.
type LedgerEntry struct {
	Key   []byte
	State [16]byte // of the object that was analysed; see LedgerState
	Rules int64    // by which it was analysed; a number of PutLedgerRules
	Flags LedgerFlags
	Bytes int64 // that were analysed
	// Doc is the result, for the service to read.
	Doc []byte
}

// LedgerState digests what tells one state of an object from another: version, entity tag, size and modification time (milliseconds).
func LedgerState(versionID, etag string, size, modifiedAt int64) [16]byte {
	b := make([]byte, 0, 128)
	for _, s := range []string{versionID, etag} {
		b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
	}
	b = binary.AppendVarint(binary.AppendVarint(b, size), modifiedAt)
	sum := sha256.Sum256(b)
	return [16]byte(sum[:16])
}

// LedgerRules are rules by which objects were analysed.
type LedgerRules struct {
	ID  int64
	Doc []byte
}

// PutLedgerRules returns the number of rules, which are those of the tenant with the same document.
func PutLedgerRules(ctx context.Context, tx Tx, t Tenant, doc []byte) (int64, error) {
	digest := sha256.Sum256(doc)
	_, err := tx.Exec(ctx, `INSERT INTO ledger_rules (account, region, digest, doc) VALUES ($1, $2, $3, $4)
		ON CONFLICT (account, region, digest) DO NOTHING`, t.Account, t.Region, digest[:], doc)
	if err != nil {
		return 0, err
	}
	var id int64
	err = One(ctx, tx, "SELECT id FROM ledger_rules WHERE account = $1 AND region = $2 AND digest = $3", []any{t.Account, t.Region, digest[:]}, &id)
	return id, err
}

// ListLedgerRules returns the tenant's rules with numbers greater than after.
func ListLedgerRules(ctx context.Context, tx Tx, t Tenant, after int64) ([]LedgerRules, error) {
	var out []LedgerRules
	err := Each(ctx, tx, "SELECT id, doc FROM ledger_rules WHERE account = $1 AND region = $2 AND id > $3 ORDER BY id",
		[]any{t.Account, t.Region, after}, func(rows Rows) error {
			var r LedgerRules
			err := rows.Scan(&r.ID, &r.Doc)
			out = append(out, r)
			return err
		})
	return out, err
}

// LedgerPlace is the place of an entry in a bucket's ledger: by key, in S3's order, then by rules. The zero place is before the first.
type LedgerPlace struct {
	Key   []byte
	Rules int64
}

// Ledger calls fn on up to limit entries of a bucket behind a place, in order, without their documents. The entry is overwritten when fn
// returns, what it points to is not.
func Ledger(ctx context.Context, tx Tx, t Tenant, bucket string, after LedgerPlace, limit int, fn func(*LedgerEntry) error) error {
	return ledgerEntries(ctx, tx, "SELECT "+ledgerColumns+` FROM ledger WHERE account = $1 AND region = $2 AND bucket = $3
		AND (object_key, rules) > ($4, $5) ORDER BY object_key, rules LIMIT $6`,
		[]any{t.Account, t.Region, bucket, document(after.Key), after.Rules, int64(limit)}, false, fn)
}

// LedgerOf calls fn on all entries of some objects of a bucket, in order, with their documents.
func LedgerOf(ctx context.Context, tx Tx, t Tenant, bucket string, keys [][]byte, fn func(*LedgerEntry) error) error {
	s := newStatement(Once, "SELECT ", ledgerColumns, ", doc FROM ledger WHERE account = ").arg(t.Account).add(" AND region = ").arg(t.Region).
		add(" AND bucket = ").arg(bucket).add(" AND ").in("object_key", keys).add(" ORDER BY object_key, rules")
	return ledgerEntries(ctx, tx, s.text(), s.args, true, fn)
}

const ledgerColumns = "object_key, rules, state, flags, size"

func ledgerEntries(ctx context.Context, tx Tx, sql string, args []any, docs bool, fn func(*LedgerEntry) error) error {
	e := &LedgerEntry{}
	var state []byte
	var flags int64
	into := []any{&e.Key, &e.Rules, &state, &flags, &e.Bytes, &e.Doc}
	if !docs {
		into = into[:5]
	}
	return Each(ctx, tx, sql, args, func(rows Rows) error {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		e.Flags = LedgerFlags(flags)
		copy(e.State[:], state)
		return fn(e)
	})
}

// PutLedger stores entries, the last of each object, in the place of those of the same object and rules. Entries of these objects by the rules in superseded are
// removed: the new ones tell all that they did.
func PutLedger(ctx context.Context, tx Tx, t Tenant, bucket string, entries []LedgerEntry, superseded []int64) error {
	var values [][]any
	var keys [][]byte
	last := make(map[string]int, len(entries)) // a listing may tell a key twice
	for i := range entries {
		last[string(entries[i].Key)] = i
	}
	for i := range entries {
		e := &entries[i]
		if len(e.Key) > MaxKey || last[string(e.Key)] != i {
			continue
		}
		keys = append(keys, document(e.Key))
		values = append(values, []any{t.Account, t.Region, bucket, document(e.Key), e.Rules, e.State[:], int64(e.Flags), e.Bytes, document(e.Doc)})
	}
	err := insertRows(ctx, tx, "INSERT INTO ledger (account, region, bucket, object_key, rules, state, flags, size, doc) VALUES ",
		` ON CONFLICT (account, region, bucket, object_key, rules) DO UPDATE SET state = excluded.state, flags = excluded.flags,
		size = excluded.size, doc = excluded.doc`, values, nil)
	if err != nil || len(superseded) == 0 || len(keys) == 0 {
		return err
	}
	return deleteLedger(ctx, tx, t, bucket, keys, superseded)
}

// DeleteLedger removes what is known of objects, by any rules.
func DeleteLedger(ctx context.Context, tx Tx, t Tenant, bucket string, keys [][]byte) error {
	return deleteLedger(ctx, tx, t, bucket, keys, nil)
}

// ledgerBatch is how many objects one statement removes.
const ledgerBatch = 500

func deleteLedger(ctx context.Context, tx Tx, t Tenant, bucket string, keys [][]byte, rules []int64) error {
	for len(keys) > 0 {
		n := min(len(keys), ledgerBatch)
		s := newStatement(Once, "DELETE FROM ledger WHERE account = ").arg(t.Account).add(" AND region = ").arg(t.Region).
			add(" AND bucket = ").arg(bucket).add(" AND ").in("object_key", keys[:n])
		if rules != nil {
			s.add(" AND ").inNumbers("rules", rules)
		}
		if _, err := tx.Exec(ctx, s.text(), s.args...); err != nil {
			return err
		}
		keys = keys[n:]
	}
	return nil
}
