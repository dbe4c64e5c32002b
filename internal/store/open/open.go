// Package open chooses the engine of the store by the database's URL.
package open

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/store/postgres"
	"github.com/magpie-sec/magpie/internal/store/sqlite"
)

// Options of [Open]; each engine takes those that concern it.
type Options struct {
	SQLite   sqlite.Options
	Postgres postgres.Options
	Logger   *slog.Logger // used by PostgreSQL's migration if Postgres.Logger is nil
}

// Open opens the database that url names and brings its schema up to date: "postgres://..." or "postgresql://..." is PostgreSQL,
// "sqlite:PATH" and a plain path are a SQLite file. Any other scheme answers [store.ErrInvalid].
func Open(ctx context.Context, url string, options Options) (store.DB, error) {
	scheme, rest, found := strings.Cut(url, ":")
	switch {
	case found && (scheme == "postgres" || scheme == "postgresql"):
		if options.Postgres.Logger == nil {
			options.Postgres.Logger = options.Logger
		}
		return nonNil(postgres.Open(ctx, url, options.Postgres))
	case found && scheme == "sqlite":
		return nonNil(sqlite.Open(ctx, strings.TrimPrefix(rest, "//"), options.SQLite))
	case strings.Contains(url, "://"):
		return nil, fmt.Errorf("database URL begins with %s://; it must be postgres://... or the path of a SQLite file: %w", scheme, store.ErrInvalid)
	}
	return nonNil(sqlite.Open(ctx, url, options.SQLite))
}

// OpenReader opens the database that url names, as Open understands it, for reading only: beside the servers and workers that use it, making and
// migrating nothing.
func OpenReader(ctx context.Context, url string, options Options) (store.DB, error) {
	scheme, rest, found := strings.Cut(url, ":")
	switch {
	case found && (scheme == "postgres" || scheme == "postgresql"):
		return nonNil(postgres.OpenReader(ctx, url, options.Postgres))
	case found && scheme == "sqlite":
		return nonNil(sqlite.OpenReader(ctx, strings.TrimPrefix(rest, "//"), options.SQLite))
	case strings.Contains(url, "://"):
		return nil, fmt.Errorf("database URL begins with %s://; it must be postgres://... or the path of a SQLite file: %w", scheme, store.ErrInvalid)
	}
	return nonNil(sqlite.OpenReader(ctx, url, options.SQLite))
}

// nonNil keeps a nil pointer of an engine from becoming a DB that is not nil.
func nonNil[T store.DB](db T, err error) (store.DB, error) {
	if err != nil {
		return nil, err
	}
	return db, nil
}
