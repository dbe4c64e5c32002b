// Package postgres is the shared engine of the store: several servers and workers on one PostgreSQL database.
//
// An acknowledged commit is as durable as the server's synchronous_commit makes it (by default: on disk). [DB.Update] runs under
// REPEATABLE READ and is repeated when it loses a race, so code written against SQLite's single writer holds here as well; see
// [store.DB] for the one thing that differs.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/magpie-sec/magpie/internal/store"
)

// Options of [Open]; the zero value is what a server wants.
type Options struct {
	// MaxConns bounds the pool; 0 leaves it to pool_max_conns in the URL, else to pgxpool (the greater of 4 and the number of CPUs).
	MaxConns int
	// Logger gets what River's migration has to say; nil discards it.
	Logger *slog.Logger
}

// DB is an open PostgreSQL database.
type DB struct {
	pool   *pgxpool.Pool
	closed atomic.Bool
}

var _ store.DB = (*DB)(nil)

// migrationLock is the advisory lock that our migration and River's share: "magpie" in ASCII.
const migrationLock = 0x6d6167706965

var errClosed = fmt.Errorf("the database is closed: %w", store.ErrUnavailable)

// maxAttempts bounds how often a transaction that loses races is run.
const maxAttempts = 20

// Open connects to url ("postgres://..." or a key=value string) and brings the schema and River's up to date, alone: other servers
// that start at the same time wait.
func Open(ctx context.Context, url string, options Options) (*DB, error) {
	config, err := configure(url, options)
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect to PostgreSQL: %w", classify(err))
	}
	db := &DB{pool: pool}
	logger := options.Logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	if err := db.migrate(ctx, logger); err != nil {
		pool.Close()
		return nil, fmt.Errorf("open PostgreSQL database %s on %s: %w", config.ConnConfig.Database, config.ConnConfig.Host, classify(err))
	}
	return db, nil
}

// configure says how connections are made.
func configure(url string, options Options) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("database URL: %w: %w", store.ErrInvalid, err) // the driver blanks the password in it
	}
	if options.MaxConns > 0 {
		config.MaxConns = int32(options.MaxConns)
	}
	// A plan made for one bucket or time range can be hopeless for the next, so plans are made for the values at hand.
	config.ConnConfig.RuntimeParams["plan_cache_mode"] = "force_custom_plan"
	if config.ConnConfig.RuntimeParams["application_name"] == "" {
		config.ConnConfig.RuntimeParams["application_name"] = "magpie"
	}
	watchSilence(config)
	return config, nil
}

func (db *DB) migrate(ctx context.Context, logger *slog.Logger) error {
	lock, err := db.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	// The lock belongs to the session: closing the connection gives it back whatever happened.
	defer func() {
		lock.Conn().Close(context.WithoutCancel(ctx))
		lock.Release()
	}()
	if _, err := lock.Exec(ctx, "SELECT pg_advisory_lock($1)", int64(migrationLock)); err != nil {
		return fmt.Errorf("wait for another server's migration: %w", err)
	}
	if err := db.migrateSchema(ctx); err != nil {
		return err
	}
	return db.migrateRiver(ctx, logger)
}

func (db *DB) migrateSchema(ctx context.Context) error {
	std := stdlib.OpenDBFromPool(db.pool)
	defer std.Close()
	return store.Migrate(ctx, store.PostgreSQL, std)
}

func (db *DB) migrateRiver(ctx context.Context, logger *slog.Logger) error {
	migrator, err := rivermigrate.New(riverpgxv5.New(db.pool), &rivermigrate.Config{Logger: logger})
	if err != nil {
		return fmt.Errorf("migrate River: %w", err)
	}
	want := migrator.AllVersions()
	known := want[len(want)-1].Version
	have, err := db.riverVersion(ctx)
	if err != nil {
		return fmt.Errorf("migrate River: %w", err)
	}
	if have > known {
		return fmt.Errorf("the tables of River have version %d, this program knows %d: upgrade the program: %w", have, known, store.ErrNewer)
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate River: %w", err)
	}
	return nil
}

// riverVersion returns the version of River's tables, 0 if there are none. (River's own way to ask fails on a version it does not know.)
func (db *DB) riverVersion(ctx context.Context) (version int, err error) {
	var exists bool
	if err := db.pool.QueryRow(ctx, "SELECT to_regclass('river_migration') IS NOT NULL").Scan(&exists); err != nil || !exists {
		return 0, err
	}
	err = db.pool.QueryRow(ctx, "SELECT COALESCE(MAX(version), 0) FROM river_migration").Scan(&version)
	return version, err
}

// Pool returns the connection pool, for River's client. It closes with the DB.
func (db *DB) Pool() *pgxpool.Pool { return db.pool }

// Engine implements [store.DB].
func (db *DB) Engine() store.Engine { return store.PostgreSQL }

// Ping implements [store.DB].
func (db *DB) Ping(ctx context.Context) error {
	return db.View(ctx, func(store.Tx) error { return nil }) // unlike the pool's Ping this passes over connections that died with the server
}

// Close implements [store.DB].
func (db *DB) Close() error {
	db.closed.Store(true)
	db.pool.Close()
	return nil
}

// View implements [store.DB].
func (db *DB) View(ctx context.Context, fn func(store.Tx) error) error {
	return db.run(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, fn)
}

// Update implements [store.DB].
func (db *DB) Update(ctx context.Context, fn func(store.Tx) error) error {
	for attempt := 1; ; attempt++ {
		err := db.run(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead}, fn)
		if err == nil || !lostRace(err) {
			return err
		}
		if attempt == maxAttempts {
			return fmt.Errorf("transaction lost %d races in a row: %w: %w", attempt, store.ErrUnavailable, err)
		}
		// The first repetition comes at once, later ones spread out: at most about 50 ms each.
		pause := rand.N(time.Duration(1+min(attempt-1, 10)) * 5 * time.Millisecond)
		if attempt == 1 {
			pause = 0
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

func (db *DB) run(ctx context.Context, options pgx.TxOptions, fn func(store.Tx) error) error {
	conn, raw, err := db.begin(ctx, options)
	if err != nil {
		return classify(err)
	}
	defer conn.Release()
	t := &Tx{raw: raw, readOnly: options.AccessMode == pgx.ReadOnly}
	finished := false
	defer func() {
		t.end()
		if !finished { // an error or a panic of fn: a rollback that fails closes the connection, which rolls back too
			if err := raw.Rollback(context.WithoutCancel(ctx)); err != nil && !errors.Is(err, pgx.ErrTxClosed) {
				conn.Conn().Close(context.WithoutCancel(ctx))
			}
		}
	}()
	if err := fn(t); err != nil {
		if lostRace(t.failed) { // fn may have put its own error in the place of the one that says to run it again
			return t.failed
		}
		return err
	}
	t.end()
	if t.failed != nil {
		return fmt.Errorf("a statement of the transaction failed: %w", t.failed)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	// From here on the context does not count: cancelling a commit under way would leave its outcome unknown.
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitWithin)
	defer cancel()
	err = raw.Commit(bounded)
	finished = err == nil
	switch {
	case err != nil && bounded.Err() != nil:
		return fmt.Errorf("commit: PostgreSQL did not answer within %s: %w: %w", commitWithin, store.ErrUnavailable, err)
	case err != nil:
		return fmt.Errorf("commit: %w", classify(err))
	}
	return nil
}

// begin starts a transaction. A pooled connection may have died since its last use, with the server: nothing ran on it, so another one
// may be tried.
func (db *DB) begin(ctx context.Context, options pgx.TxOptions) (*pgxpool.Conn, pgx.Tx, error) {
	for attempt := 1; ; attempt++ {
		conn, err := db.pool.Acquire(ctx)
		if err != nil {
			if db.closed.Load() {
				err = errClosed
			}
			return nil, nil, err
		}
		raw, err := conn.BeginTx(ctx, options)
		if err == nil {
			return conn, raw, nil
		}
		dead := conn.Conn().IsClosed()
		conn.Release()
		if !dead || ctx.Err() != nil || attempt > int(db.pool.Config().MaxConns) {
			return nil, nil, err
		}
	}
}

// lostRace says whether running the transaction again may help: serialization failure or deadlock.
func lostRace(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && (e.Code == "40001" || e.Code == "40P01")
}

// causes says what the classes of PostgreSQL's error codes (SQLSTATE, first two or all five characters) mean to a caller.
var causes = map[string]struct {
	err    error
	advice string
}{
	"08":    {store.ErrUnavailable, "the connection to PostgreSQL failed"},
	"23505": {store.ErrConflict, "a row of that key exists"},
	"22021": {store.ErrInvalid, "text holds NUL or ill-formed UTF-8"},
	"22P05": {store.ErrInvalid, "text cannot be converted"},
	"54":    {store.ErrInvalid, "a value is too long or a statement too large"},
	"25P03": {store.ErrUnavailable, "PostgreSQL ended a transaction that had been silent for too long: try again"},
	"25006": {store.ErrUnavailable, "PostgreSQL is read-only: it may be a standby"},
	"28":    {store.ErrUnavailable, "PostgreSQL refuses the user or password: check the database URL"},
	"3D":    {store.ErrUnavailable, "the database does not exist: create it or check the database URL"},
	"42501": {store.ErrUnavailable, "the user may not do this: make it the owner of the database"},
	"53100": {store.ErrUnavailable, "PostgreSQL's disk is full: make room and try again"},
	"53":    {store.ErrUnavailable, "PostgreSQL lacks memory or connections"},
	"55P03": {store.ErrUnavailable, "a lock is held by another transaction: try again"},
	"57":    {store.ErrUnavailable, "PostgreSQL is stopping, starting or cancelled the statement: try again"},
	"58":    {store.ErrUnavailable, "PostgreSQL's system failed"},
	"XX":    {store.ErrCorrupt, "PostgreSQL reports damage"},
}

// classify wraps an error of the driver in the store's error for its kind. Errors of the caller's context stay what they are.
func classify(err error) error {
	if err == nil || errors.Is(err, store.ErrUnavailable) {
		return err
	}
	var e *pgconn.PgError
	if errors.As(err, &e) {
		for _, code := range []string{e.Code, e.Code[:min(2, len(e.Code))]} {
			if cause, ok := causes[code]; ok {
				return fmt.Errorf("%s: %w: %w", cause.advice, cause.err, err)
			}
		}
		return err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	var (
		connect *pgconn.ConnectError
		network net.Error
	)
	if errors.As(err, &connect) || errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || pgconn.SafeToRetry(err) {
		return fmt.Errorf("PostgreSQL cannot be reached: check that it runs and that the database URL is right: %w: %w", store.ErrUnavailable, err)
	}
	return err
}
