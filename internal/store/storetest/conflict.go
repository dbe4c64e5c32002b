package storetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/magpie-sec/magpie/internal/store"
)

// Conflicts is the variable that puts every database of the tests that ask for it by [MayConflict] behind [Conflicting].
const Conflicts = "MAGPIE_TEST_CONFLICTS"

// MayConflict returns db, behind [Conflicting] if the environment asks for it.
func MayConflict(db store.DB) store.DB {
	if os.Getenv(Conflicts) == "" {
		return db
	}
	return Conflicting(db)
}

// Conflicting returns db with an Update that loses two races before it succeeds, on either engine, as it may lose them on PostgreSQL at any
// time: once at a statement, which is another one each time, and once at its commit, when its function has run to its end. Whatever the
// function did outside the transaction it then did three times, and what it concluded from the first two is void. A test that fails on such
// a database can fail on any; a program that does is wrong.
func Conflicting(db store.DB) store.DB {
	c := &conflicting{DB: db}
	if pooled, ok := db.(interface{ Pool() *pgxpool.Pool }); ok {
		return conflictingPool{c, pooled.Pool()}
	}
	return c
}

type conflicting struct {
	store.DB
	updates atomic.Int64
}

// conflictingPool is of a database with a pool, which River's dispatcher asks for.
type conflictingPool struct {
	*conflicting
	pool *pgxpool.Pool
}

// Pool is that of the database behind.
func (c conflictingPool) Pool() *pgxpool.Pool { return c.pool }

// errConflict is what PostgreSQL says to a transaction that lost a race.
var errConflict = &pgconn.PgError{Severity: "ERROR", Code: "40001", Message: "could not serialize access: the test makes a conflict"}

// errAgain ends a transaction that lost a race.
var errAgain = errors.New("the transaction is to be done again")

// conflictSpan is how many statements of a transaction take turns in failing: enough for all of nearly every transaction.
const conflictSpan = 11

// Update implements [store.DB].
func (c *conflicting) Update(ctx context.Context, fn func(store.Tx) error) error {
	for _, statement := range []int64{c.updates.Add(1) % conflictSpan, -1} {
		err := c.DB.Update(ctx, func(tx store.Tx) error {
			racing := &conflictingTx{Tx: tx, statement: statement, delayed: c.updates.Load()%2 == 0}
			err := fn(racing.native())
			if err != nil && racing.failed == nil {
				return err
			}
			return errAgain
		})
		if !errors.Is(err, errAgain) {
			return err
		}
	}
	return c.DB.Update(ctx, fn)
}

// conflictingTx fails at a statement, counted from 0, and does nothing any more.
type conflictingTx struct {
	store.Tx
	statement int64
	delayed   bool // a query fails when its rows are read, as it mostly does on PostgreSQL
	failed    error
}

// native gives the transaction the method of PostgreSQL's if it has it.
func (t *conflictingTx) native() store.Tx {
	if native, ok := t.Tx.(interface{ Pgx() pgx.Tx }); ok {
		return conflictingPgx{t, native.Pgx()}
	}
	return t
}

type conflictingPgx struct {
	*conflictingTx
	raw pgx.Tx
}

// Pgx is the driver's transaction.
func (t conflictingPgx) Pgx() pgx.Tx { return t.raw }

// next says how the next statement fails.
func (t *conflictingTx) next() error {
	if t.failed != nil {
		return fmt.Errorf("an earlier statement of the transaction failed: %w", t.failed)
	}
	if t.statement--; t.statement == -1 {
		t.failed = errConflict
	}
	return t.failed
}

// Exec implements [store.Tx].
func (t *conflictingTx) Exec(ctx context.Context, sql string, args ...any) (int64, error) {
	if err := t.next(); err != nil {
		return 0, err
	}
	return t.Tx.Exec(ctx, sql, args...)
}

// Query implements [store.Tx].
func (t *conflictingTx) Query(ctx context.Context, sql string, args ...any) (store.Rows, error) {
	earlier := t.failed
	switch err := t.next(); {
	case err != nil && t.delayed && earlier == nil:
		return conflictingRows{err}, nil
	case err != nil:
		return nil, err
	}
	return t.Tx.Query(ctx, sql, args...)
}

// conflictingRows are the rows of a query that lost a race.
type conflictingRows struct{ err error }

func (r conflictingRows) Next() bool        { return false }
func (r conflictingRows) Scan(...any) error { return r.err }
func (r conflictingRows) Err() error        { return r.err }
func (r conflictingRows) Close() error      { return r.err }
