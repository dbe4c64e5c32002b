// Package store keeps everything that must survive: sessions, jobs, runs, shards, object results, buckets, findings, custom data
// identifiers, allow lists, analyzers with their rules, resources and findings, access keys, tags and settings. It is plain SQL over a small
// transaction interface, the same text on SQLite (package sqlite) and PostgreSQL (package postgres); one acceptance suite (package storetest)
// holds both to it.
//
// Rules that hold for every table:
//
//   - Rows belong to a [Tenant], an (account, region) pair: all state of both services is per account and Region.
//   - Times are int64 milliseconds since the epoch, UTC. Booleans are 0 and 1.
//   - Documents are bytes. They hold the JSON of the wire type and come back as they went in.
//   - Object keys are bytes: they may hold NUL and invalid UTF-8, and bytes sort in S3's order on both engines. Strings that a client or
//     a store makes up freely (job names, tags, attribute values) are bytes for the same reason: PostgreSQL's text refuses NUL.
//   - Names that we or a pattern vouch for (ids, bucket names, states) are text in C collation. [CleanText] makes any string fit.
//   - Nothing that an index covers is longer than PostgreSQL's index rows may be (about 2,700 bytes): longer keys and values are cut and
//     end in their digest, see [BoundKey].
package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Errors that both engines answer with; test for them with [errors.Is].
var (
	// ErrNotFound says that no row answers the question.
	ErrNotFound = errors.New("not found")
	// ErrConflict says that a row of that key exists already with other contents.
	ErrConflict = errors.New("conflict")
	// ErrInvalid says that a value cannot be stored or a query cannot be meant, whatever the state of the database.
	ErrInvalid = errors.New("invalid")
	// ErrUnavailable says that the database cannot be reached or used just now: connection lost, disk full, file locked or read-only,
	// too many conflicts. Nothing of the transaction was kept unless the connection broke during its commit. The text says what to do.
	ErrUnavailable = errors.New("database unavailable")
	// ErrNewer says that the database was made by a newer version of this program.
	ErrNewer = errors.New("the database belongs to a newer version of this program")
	// ErrCorrupt says that the file is no database or is damaged.
	ErrCorrupt = errors.New("database damaged")
)

// Tenant is the owner of state: an account in a Region.
type Tenant struct {
	Account string // 12 digits
	Region  string // such as us-east-1
}

// String returns "account/region".
func (t Tenant) String() string { return t.Account + "/" + t.Region }

// Engine names a database engine.
type Engine int

const (
	// SQLite is the embedded engine: one file, one writer.
	SQLite Engine = iota + 1
	// PostgreSQL is the engine that several servers and workers share.
	PostgreSQL
)

// String returns "sqlite" or "postgres".
func (e Engine) String() string {
	switch e {
	case SQLite:
		return "sqlite"
	case PostgreSQL:
		return "postgres"
	}
	return fmt.Sprintf("Engine(%d)", int(e))
}

// DB is an open database, safe for concurrent use.
type DB interface {
	// Update runs fn in a transaction that may write, and commits if fn returns nil. When Update returns nil the commit is durable.
	// If fn returns an error or panics nothing is kept. fn may run several times (PostgreSQL repeats it when it lost a race), so
	// everything it does outside the transaction must be repeatable.
	//
	// SQLite runs one Update at a time (BEGIN IMMEDIATE). PostgreSQL runs them in parallel under REPEATABLE READ: fn reads one
	// snapshot, and writing a row that another transaction has changed since makes fn run again. Two transactions that read the same
	// rows and write different ones do not see each other there; read what must not change with [ForShare].
	Update(ctx context.Context, fn func(Tx) error) error
	// View runs fn in a transaction that reads one snapshot and cannot write.
	View(ctx context.Context, fn func(Tx) error) error
	// Ping says whether the database answers.
	Ping(ctx context.Context) error
	// Engine says which engine it is.
	Engine() Engine
	// Close waits for the running transactions and closes the database.
	Close() error
}

// Tx is a transaction. It belongs to one goroutine and ends with the function it was handed to.
//
// Parameters are $1, $2... and may be used several times. Arguments and destinations are int64, string, []byte, and pointers to them for
// values that may be NULL. A parameter's type must show from its place in the statement (PostgreSQL infers it): write
// CAST($1 AS BIGINT) where it does not. Sums are CAST(SUM(x) AS BIGINT).
type Tx interface {
	// Exec runs a statement and returns how many rows it touched.
	Exec(ctx context.Context, sql string, args ...any) (int64, error)
	// Query runs a statement that answers rows (SELECT, or RETURNING). The rows must be closed before the next statement of the
	// transaction; [Each] and [One] do that.
	Query(ctx context.Context, sql string, args ...any) (Rows, error)
	// Engine says which engine runs the transaction, for the few places where the same text will not do.
	Engine() Engine
	// ReadOnly says that this is a View.
	ReadOnly() bool
}

// Rows is the answer to a query, read forward once.
type Rows interface {
	// Next moves to the next row; false at the end and on an error.
	Next() bool
	// Scan copies the columns of the row; byte slices are fresh copies.
	Scan(dest ...any) error
	// Err returns the error that ended the rows, if any.
	Err() error
	// Close ends the rows; it may be called at any time and several times.
	Close() error
}

// Once begins a statement whose text is made for one use (a compiled criterion, a list of numbers): the engines do not keep it prepared.
const Once = "/* once */ "

// One runs a query for one row and scans it into dest; [ErrNotFound] if there is none.
func One(ctx context.Context, tx Tx, sql string, args []any, dest ...any) error {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return err
		}
		return ErrNotFound
	}
	if err := rows.Scan(dest...); err != nil {
		return err
	}
	return rows.Close()
}

// Each runs a query and calls fn on every row; fn scans it and must not run another statement.
func Each(ctx context.Context, tx Tx, sql string, args []any, fn func(Rows) error) error {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return rows.Close()
}

// ForUpdate returns the clause that makes a SELECT lock its rows against other writers until the transaction ends: " FOR UPDATE" on
// PostgreSQL, nothing where there is one writer anyway.
func ForUpdate(tx Tx) string { return rowLock(tx, " FOR UPDATE") }

// ForUpdateSkipLocked is [ForUpdate] that passes over rows which another transaction has locked.
func ForUpdateSkipLocked(tx Tx) string { return rowLock(tx, " FOR UPDATE SKIP LOCKED") }

// ForShare returns the clause that makes a SELECT hold its rows unchanged until the transaction ends; readers do not hinder each other.
func ForShare(tx Tx) string { return rowLock(tx, " FOR SHARE") }

func rowLock(tx Tx, clause string) string {
	if tx.Engine() == PostgreSQL && !tx.ReadOnly() {
		return clause
	}
	return ""
}

// CleanText returns s as text columns can hold it: NUL and ill-formed UTF-8 become U+FFFD. Use it for messages; names that must survive
// unchanged belong in byte columns.
func CleanText(s string) string {
	if utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// CheckText answers [ErrInvalid] if text columns cannot hold s unchanged; what names it in the error.
func CheckText(what, s string) error {
	if CleanText(s) != s {
		return fmt.Errorf("%s %q holds NUL or ill-formed UTF-8: %w", what, s, ErrInvalid)
	}
	return nil
}

// MaxKey is the length in bytes up to which [BoundKey] leaves a key alone: enough for every key S3 allows (1,024 bytes).
const MaxKey = 1100

// BoundKey returns key if it is at most [MaxKey] bytes, else its first bytes with the SHA-256 digest of the whole at the end. The result
// stands for the key in primary keys and indexes: equal exactly when the keys are, and in byte order for all keys that S3 allows.
func BoundKey(key []byte) []byte { return bound(key, MaxKey) }

func bound(b []byte, limit int) []byte {
	if len(b) <= limit {
		return b
	}
	sum := sha256.Sum256(b)
	out := make([]byte, 0, limit+1)
	out = append(out, b[:limit+1-len(sum)]...)
	return append(out, sum[:]...) // one byte longer than any key that is left alone, so that none can be mistaken for it
}
