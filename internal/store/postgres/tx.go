package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/magpie-sec/magpie/internal/store"
)

// Tx is a transaction on PostgreSQL. The [store.Tx] that [DB.Update] and [DB.View] hand out is always a *Tx.
type Tx struct {
	raw      pgx.Tx
	readOnly bool
	open     *rows
	failed   error
	ended    bool
}

var _ store.Tx = (*Tx)(nil)

// Pgx returns the driver's transaction, for River's InsertTx. It must not be committed or rolled back.
func (t *Tx) Pgx() pgx.Tx { return t.raw }

// Engine implements [store.Tx].
func (t *Tx) Engine() store.Engine { return store.PostgreSQL }

// ReadOnly implements [store.Tx].
func (t *Tx) ReadOnly() bool { return t.readOnly }

func (t *Tx) end() {
	if t.open != nil {
		t.open.Close()
	}
	t.ended = true
}

func (t *Tx) ready(ctx context.Context) error {
	switch {
	case t.ended:
		return errors.New("the transaction has ended")
	case t.open != nil:
		return errors.New("rows of the previous query are still open")
	case t.failed != nil:
		return fmt.Errorf("an earlier statement of the transaction failed: %w", t.failed)
	}
	return ctx.Err()
}

func (t *Tx) fail(err error) error {
	err = classify(err)
	if t.failed == nil {
		t.failed = err
	}
	return err
}

// arguments puts the mode of execution before the arguments of a statement that is used once: its types follow from the arguments, and
// it is neither described nor kept.
func arguments(sql string, args []any) []any {
	if !strings.HasPrefix(sql, store.Once) {
		return args
	}
	return append([]any{pgx.QueryExecModeExec}, args...)
}

// Exec implements [store.Tx].
func (t *Tx) Exec(ctx context.Context, sql string, args ...any) (int64, error) {
	if err := t.ready(ctx); err != nil {
		return 0, err
	}
	tag, err := t.raw.Exec(ctx, sql, arguments(sql, args)...)
	if err != nil {
		return 0, t.fail(err)
	}
	return tag.RowsAffected(), nil
}

// Query implements [store.Tx].
func (t *Tx) Query(ctx context.Context, sql string, args ...any) (store.Rows, error) {
	if err := t.ready(ctx); err != nil {
		return nil, err
	}
	raw, err := t.raw.Query(ctx, sql, arguments(sql, args)...)
	if err != nil {
		return nil, t.fail(err)
	}
	t.open = &rows{tx: t, raw: raw}
	return t.open, nil
}

type rows struct {
	tx  *Tx
	raw pgx.Rows
	err error
}

func (r *rows) Next() bool {
	if r.raw.Next() {
		return true
	}
	r.Close()
	return false
}

func (r *rows) Scan(dest ...any) error {
	err := r.raw.Scan(dest...)
	if err != nil { // a failed scan closes the rows and fails the query
		r.tx.fail(err)
	}
	return err
}

func (r *rows) Err() error { return r.err }

func (r *rows) Close() error {
	if r.tx.open != r {
		return r.err
	}
	r.tx.open = nil
	r.raw.Close()
	if err := r.raw.Err(); err != nil {
		r.err = r.tx.fail(err)
	}
	return r.err
}
