// Package sqlite is the embedded engine of the store: one file, WAL, one writer, several readers, no cgo.
//
// An acknowledged commit is on disk: synchronous is FULL, so every commit waits for fsync of the log. It survives kill -9 of the process
// and, as far as the disk honours fsync, loss of power. (With NORMAL it would survive the kill only, and the last commits before a power
// cut could be gone.) Several processes may open the same file; writers queue up for at most [Options.BusyTimeout].
//
// The package talks to the driver directly, without database/sql: a transaction stays on one connection anyway, prepared statements are
// kept per connection, and the pool of database/sql would only add a goroutine and conversions to every query.
package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"time"

	sqlitedriver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/magpie-sec/magpie/internal/store"
)

// Options of [Open]; the zero value is what a server wants.
type Options struct {
	// BusyTimeout is how long a transaction waits for another process to let go of the file; 0 means 10 seconds.
	BusyTimeout time.Duration
	// Readers is how many View transactions may run at once; 0 means 4.
	Readers int
	// CacheBytes is the size of each connection's page cache; 0 means 8 MB.
	CacheBytes int
}

// DB is an open SQLite file.
type DB struct {
	path    string
	options Options
	writer  chan *conn
	readers chan *conn
	closing chan struct{}
	once    sync.Once
	err     error
}

var _ store.DB = (*DB)(nil)

// Open opens the file, creates it if it is missing (its folder must exist), and brings its schema up to date. Two processes that open a
// fresh file at once take turns by a lock on a second file, PATH-migrate.
func Open(ctx context.Context, path string, options Options) (*DB, error) {
	db, err := prepare(path, options)
	if err != nil {
		return nil, err
	}
	if err := db.migrate(ctx); err != nil {
		return nil, fmt.Errorf("open %s: %w", db.path, classify(err))
	}
	return db, nil
}

// prepare makes a DB whose connections are made when they are first needed.
func prepare(path string, options Options) (*DB, error) {
	if path == "" || strings.HasPrefix(path, ":memory:") {
		return nil, fmt.Errorf("open SQLite: %q is not the path of a file: %w", path, store.ErrInvalid)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open SQLite: %w", err)
	}
	if options.BusyTimeout == 0 {
		options.BusyTimeout = 10 * time.Second
	}
	if options.Readers == 0 {
		options.Readers = 4
	}
	if options.CacheBytes == 0 {
		options.CacheBytes = 8 << 20
	}
	db := &DB{
		path: path, options: options, closing: make(chan struct{}),
		writer: make(chan *conn, 1), readers: make(chan *conn, options.Readers),
	}
	db.writer <- nil
	for range options.Readers {
		db.readers <- nil
	}
	return db, nil
}

// dsn names the file with the settings of a connection. The writer may leave WAL files of up to 64 MB behind a long reader.
func (db *DB) dsn(path string, pragmas ...string) string {
	q := url.Values{"_pragma": append([]string{
		fmt.Sprintf("busy_timeout(%d)", db.options.BusyTimeout.Milliseconds()),
		fmt.Sprintf("cache_size(%d)", -db.options.CacheBytes/1024),
	}, pragmas...)}
	return (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: q.Encode()}).String()
}

// durable makes a commit last. The log is copied into the file every 32 MB: a batch of findings touches many pages of many indexes, which
// are then written once and not after each batch.
var durable = []string{"journal_mode(WAL)", "synchronous(FULL)", "wal_autocheckpoint(8000)", "journal_size_limit(67108864)"}

func (db *DB) migrate(ctx context.Context) error {
	// Whoever holds this file's write lock migrates. The operating system lets go of it when the process dies.
	lock, err := db.open(ctx, db.dsn(db.path+"-migrate", "busy_timeout(60000)"))
	if err != nil {
		return err
	}
	defer lock.close()
	if err := lock.command(ctx, "BEGIN EXCLUSIVE"); err != nil {
		return fmt.Errorf("wait for another server's migration: %w", err)
	}
	connector, err := sqlitedriver.NewConnector(db.dsn(db.path, durable...))
	if err != nil {
		return err
	}
	pool := sql.OpenDB(connector)
	defer pool.Close()
	pool.SetMaxOpenConns(1)
	return store.Migrate(ctx, store.SQLite, pool)
}

func (db *DB) open(ctx context.Context, dsn string) (*conn, error) {
	connector, err := sqlitedriver.NewConnector(dsn)
	if err != nil {
		return nil, err
	}
	raw, err := connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return newConn(raw), nil
}

// Engine implements [store.DB].
func (db *DB) Engine() store.Engine { return store.SQLite }

// Update implements [store.DB].
func (db *DB) Update(ctx context.Context, fn func(store.Tx) error) error {
	return db.run(ctx, db.writer, "BEGIN IMMEDIATE", false, fn)
}

// View implements [store.DB].
func (db *DB) View(ctx context.Context, fn func(store.Tx) error) error {
	return db.run(ctx, db.readers, "BEGIN", true, fn)
}

// Ping implements [store.DB]. It asks a reader, so a long write does not make the database look dead.
func (db *DB) Ping(ctx context.Context) error {
	return db.View(ctx, func(tx store.Tx) error {
		var n int64
		return store.One(ctx, tx, "SELECT COUNT(*) FROM sqlite_schema", nil, &n)
	})
}

// Close implements [store.DB].
func (db *DB) Close() error {
	db.once.Do(func() {
		close(db.closing)
		for _, pool := range []chan *conn{db.readers, db.writer} { // the writer last: it leaves no log behind
			for range cap(pool) {
				if c := <-pool; c != nil {
					db.err = errors.Join(db.err, c.close())
				}
			}
		}
	})
	return db.err
}

func (db *DB) run(ctx context.Context, pool chan *conn, begin string, readOnly bool, fn func(store.Tx) error) error {
	c, err := db.take(ctx, pool, readOnly)
	if err != nil {
		return err
	}
	healthy := false
	defer func() {
		if !healthy { // also after a panic of fn
			c.close()
			c = nil
		}
		pool <- c
	}()
	if err := c.command(ctx, begin); err != nil {
		return classify(err)
	}
	tx := &tx{c: c, readOnly: readOnly}
	committed := false
	defer func() {
		tx.end()
		if !committed {
			// After some errors (disk full, I/O) SQLite has rolled back by itself and says that there is no transaction.
			rollback := c.command(context.WithoutCancel(ctx), "ROLLBACK")
			healthy = rollback == nil || strings.Contains(rollback.Error(), "no transaction is active")
		} else {
			healthy = true
		}
	}()
	if err := fn(tx); err != nil {
		return err
	}
	tx.end()
	if tx.failed != nil {
		return fmt.Errorf("a statement of the transaction failed: %w", tx.failed)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	// From here on the context does not count: a commit is done or failed, never in doubt.
	if err := c.command(context.WithoutCancel(ctx), "COMMIT"); err != nil {
		return fmt.Errorf("commit: %w", classify(err))
	}
	committed = true
	return nil
}

func (db *DB) take(ctx context.Context, pool chan *conn, readOnly bool) (*conn, error) {
	select {
	case <-db.closing:
		return nil, fmt.Errorf("the database is closed: %w", store.ErrUnavailable)
	default:
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-db.closing:
		return nil, fmt.Errorf("the database is closed: %w", store.ErrUnavailable)
	case c := <-pool:
		if c != nil {
			return c, nil
		}
		pragmas := durable
		if readOnly {
			pragmas = []string{"query_only(1)"}
		}
		c, err := db.open(ctx, db.dsn(db.path, pragmas...))
		if err != nil {
			pool <- nil
			return nil, classify(err)
		}
		return c, nil
	}
}

// causes says what SQLite's primary result codes mean to a caller, and what to do.
var causes = map[int]struct {
	err    error
	advice string
}{
	sqlite3.SQLITE_BUSY:     {store.ErrUnavailable, "another process holds the file locked: stop it or try again"},
	sqlite3.SQLITE_LOCKED:   {store.ErrUnavailable, "a table is locked: try again"},
	sqlite3.SQLITE_FULL:     {store.ErrUnavailable, "the disk is full: make room and try again"},
	sqlite3.SQLITE_IOERR:    {store.ErrUnavailable, "the disk failed to read or write: check it"},
	sqlite3.SQLITE_CANTOPEN: {store.ErrUnavailable, "the file cannot be opened: check that its folder exists and may be written"},
	sqlite3.SQLITE_READONLY: {store.ErrUnavailable, "the file or its folder may not be written: check their permissions"},
	sqlite3.SQLITE_PERM:     {store.ErrUnavailable, "the file may not be opened: check its permissions"},
	sqlite3.SQLITE_NOMEM:    {store.ErrUnavailable, "out of memory"},
	sqlite3.SQLITE_CORRUPT:  {store.ErrCorrupt, "restore the file from a backup"},
	sqlite3.SQLITE_NOTADB:   {store.ErrCorrupt, "the file is not a SQLite database"},
	sqlite3.SQLITE_TOOBIG:   {store.ErrInvalid, "a value is too long"},
}

// classify wraps an error of the driver in the store's error for its kind.
func classify(err error) error {
	var e *sqlitedriver.Error
	if err == nil || !errors.As(err, &e) {
		if errors.Is(err, driver.ErrBadConn) {
			return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
		}
		return err
	}
	switch e.Code() {
	case sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_UNIQUE:
		return fmt.Errorf("%w: %w", store.ErrConflict, err)
	}
	if cause, ok := causes[e.Code()&0xff]; ok {
		return fmt.Errorf("%s: %w: %w", cause.advice, cause.err, err)
	}
	return err
}
