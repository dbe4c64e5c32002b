package store

import (
	"context"
	"errors"
	"fmt"
	"math"
)

// Files of discovery results wait here until they have been written to where the tenant wants them. They come in the transaction of the
// results that they tell of. What they hold stands in a table of its own, so that claiming and putting off do not write it again.

// An ExportFile is a file that is to be written.
type ExportFile struct {
	ID          int64 // given by the store
	Tenant      Tenant
	File        string // its key, less the prefix that the destination has
	Destination []byte // JSON of where it is to go; empty if that was not told when it was made
	Records     int64
	Size        int64 // of the body
	NotBefore   int64
	Attempts    int64 // that failed
	CreatedAt   int64
}

// ExportKept is the NotBefore of files that nobody wants yet.
const ExportKept = math.MaxInt64

// PutExport adds a file. One of the same name that waits is replaced, by one with another id: whoever has claimed the old one and is writing it does
// not take the new one for written, which waits until that claim is over, so that it is written last.
func PutExport(ctx context.Context, tx Tx, f ExportFile, body []byte) error {
	insert := func() (id int64, err error) {
		err = One(ctx, tx, `INSERT INTO exports (account, region, file, destination, records, size, not_before, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (account, region, file) DO NOTHING RETURNING id`,
			[]any{f.Tenant.Account, f.Tenant.Region, []byte(f.File), document(f.Destination), f.Records, int64(len(body)), f.NotBefore, f.CreatedAt}, &id)
		return id, err
	}
	id, err := insert()
	if errors.Is(err, ErrNotFound) {
		var old, notBefore int64
		if err := One(ctx, tx, "SELECT id, not_before FROM exports WHERE account = $1 AND region = $2 AND file = $3"+ForUpdate(tx),
			[]any{f.Tenant.Account, f.Tenant.Region, []byte(f.File)}, &old, &notBefore); err != nil {
			return err
		}
		if err := DeleteExport(ctx, tx, old); err != nil {
			return err
		}
		if notBefore != ExportKept {
			f.NotBefore = max(f.NotBefore, notBefore)
		}
		id, err = insert()
	}
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO export_bodies (id, account, region, body) VALUES ($1, $2, $3, $4)`, id, f.Tenant.Account, f.Tenant.Region, document(body))
	return err
}

// PutExports adds files of a tenant with what they hold, like PutExport one by one, in few statements.
func PutExports(ctx context.Context, tx Tx, files []ExportFile, bodies [][]byte) error {
	var rows, held [][]any
	for i, f := range files {
		rows = append(rows, []any{f.Tenant.Account, f.Tenant.Region, []byte(f.File), document(f.Destination), f.Records, int64(len(bodies[i])), f.NotBefore, f.CreatedAt})
	}
	ids := make(map[string]int64, len(files))
	if err := insertRows(ctx, tx, "INSERT INTO exports (account, region, file, destination, records, size, not_before, created_at) VALUES ",
		" ON CONFLICT (account, region, file) DO NOTHING RETURNING id, file", rows, func(rows Rows) error {
			var id int64
			var file []byte
			err := rows.Scan(&id, &file)
			ids[string(file)] = id
			return err
		}); err != nil {
		return err
	}
	var waiting []int // files of names that others have
	for i, f := range files {
		id, ok := ids[f.File]
		if !ok {
			waiting = append(waiting, i)
			continue
		}
		delete(ids, f.File) // another of this name would be the second
		held = append(held, []any{id, f.Tenant.Account, f.Tenant.Region, document(bodies[i])})
	}
	if err := insertRows(ctx, tx, "INSERT INTO export_bodies (id, account, region, body) VALUES ", "", held, nil); err != nil {
		return err
	}
	for _, i := range waiting {
		if err := PutExport(ctx, tx, files[i], bodies[i]); err != nil {
			return err
		}
	}
	return nil
}

// ClaimExports returns up to limit files of a tenant whose time has come, those that have waited longest first, and puts them off until a time:
// whoever claimed them has as long to write them before another does.
func ClaimExports(ctx context.Context, tx Tx, t Tenant, now, until int64, limit int) ([]ExportFile, error) {
	var out []ExportFile
	err := Each(ctx, tx, `SELECT id, file, destination, records, size, not_before, attempts, created_at FROM exports
		WHERE account = $1 AND region = $2 AND not_before <= $3 ORDER BY not_before, id LIMIT $4`+ForUpdate(tx),
		[]any{t.Account, t.Region, now, int64(limit)}, func(rows Rows) error {
			f := ExportFile{Tenant: t}
			var file []byte
			err := rows.Scan(&f.ID, &file, &f.Destination, &f.Records, &f.Size, &f.NotBefore, &f.Attempts, &f.CreatedAt)
			f.File = string(file)
			out = append(out, f)
			return err
		})
	if err != nil {
		return nil, err
	}
	for _, f := range out {
		if _, err := tx.Exec(ctx, "UPDATE exports SET not_before = $2 WHERE id = $1", f.ID, until); err != nil {
			return nil, fmt.Errorf("claim file %d of results: %w", f.ID, err)
		}
	}
	return out, nil
}

// ExportBody returns what a file holds; [ErrNotFound] if it does not wait any more.
func ExportBody(ctx context.Context, tx Tx, id int64) (body []byte, err error) {
	err = One(ctx, tx, "SELECT body FROM export_bodies WHERE id = $1", []any{id}, &body)
	return body, err
}

// DeleteExport removes a file that was written.
func DeleteExport(ctx context.Context, tx Tx, id int64) error {
	_, err := tx.Exec(ctx, "DELETE FROM exports WHERE id = $1", id)
	if err == nil {
		_, err = tx.Exec(ctx, "DELETE FROM export_bodies WHERE id = $1", id)
	}
	return err
}

// DeferExport puts a file off that could not be written.
func DeferExport(ctx context.Context, tx Tx, id, until int64) error {
	_, err := tx.Exec(ctx, "UPDATE exports SET not_before = $2, attempts = attempts + 1 WHERE id = $1", id, until)
	return err
}

// KeepExport keeps a file until somebody wants it.
func KeepExport(ctx context.Context, tx Tx, id int64) error {
	_, err := tx.Exec(ctx, "UPDATE exports SET not_before = $2 WHERE id = $1", id, int64(ExportKept))
	return err
}

// ReleaseExports makes a tenant's files due now that were claimed or put off, and on request those that are kept.
func ReleaseExports(ctx context.Context, tx Tx, t Tenant, now int64, kept bool) error {
	below := int64(ExportKept)
	if !kept {
		below--
	}
	_, err := tx.Exec(ctx, "UPDATE exports SET not_before = $3 WHERE account = $1 AND region = $2 AND not_before > $3 AND not_before <= $4", t.Account, t.Region, now, below)
	return err
}

// DropExports deletes up to limit of a tenant's kept files that were made before a time, and returns how many they were.
func DropExports(ctx context.Context, tx Tx, t Tenant, before int64, limit int) (int, error) {
	var ids []int64
	err := Each(ctx, tx, `SELECT id FROM exports WHERE account = $1 AND region = $2 AND not_before = $3 AND created_at < $4 ORDER BY id LIMIT $5`,
		[]any{t.Account, t.Region, int64(ExportKept), before, int64(limit)}, func(rows Rows) error {
			var id int64
			err := rows.Scan(&id)
			ids = append(ids, id)
			return err
		})
	for _, id := range ids {
		err = errors.Join(err, DeleteExport(ctx, tx, id))
	}
	return len(ids), err
}

// CountExports returns how many files of a tenant wait to be written, and whether there are others that are kept until somebody wants them.
func CountExports(ctx context.Context, tx Tx, t Tenant) (waiting int64, kept bool, err error) {
	err = One(ctx, tx, "SELECT COUNT(*) FROM exports WHERE account = $1 AND region = $2 AND not_before < $3", []any{t.Account, t.Region, int64(ExportKept)}, &waiting)
	if err != nil {
		return 0, false, err
	}
	var one int64
	err = One(ctx, tx, "SELECT 1 FROM exports WHERE account = $1 AND region = $2 AND not_before = $3 LIMIT 1", []any{t.Account, t.Region, int64(ExportKept)}, &one)
	if errors.Is(err, ErrNotFound) {
		return waiting, false, nil
	}
	return waiting, err == nil, err
}
