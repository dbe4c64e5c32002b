package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/magpie-sec/magpie/internal/store"
)

// A Reader is an open database that is only read.
type Reader struct{ db *DB }

var _ store.DB = (*Reader)(nil)

// OpenReader opens a database that a server has made, for reading only: it makes and migrates nothing. One whose schema is another version's
// answers an error that says what to do.
func OpenReader(ctx context.Context, url string, options Options) (*Reader, error) {
	config, err := configure(url, options)
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect to PostgreSQL: %w", classify(err))
	}
	r := &Reader{&DB{pool: pool}}
	if err := r.View(ctx, func(tx store.Tx) error { return store.CheckSchema(ctx, tx) }); err != nil {
		return nil, errors.Join(fmt.Errorf("open PostgreSQL database %s on %s: %w", config.ConnConfig.Database, config.ConnConfig.Host, err), r.Close())
	}
	return r, nil
}

// Update implements [store.DB]: it is refused.
func (*Reader) Update(context.Context, func(store.Tx) error) error {
	return fmt.Errorf("the database is open for reading only: %w", store.ErrInvalid)
}

// View implements [store.DB].
func (r *Reader) View(ctx context.Context, fn func(store.Tx) error) error { return r.db.View(ctx, fn) }

// Ping implements [store.DB].
func (r *Reader) Ping(ctx context.Context) error { return r.db.Ping(ctx) }

// Engine implements [store.DB].
func (*Reader) Engine() store.Engine { return store.PostgreSQL }

// Close implements [store.DB].
func (r *Reader) Close() error { return r.db.Close() }
