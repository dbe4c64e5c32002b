package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/magpie-sec/magpie/internal/store"
)

// A Reader is an open file that is only read.
type Reader struct{ db *DB }

var _ store.DB = (*Reader)(nil)

// OpenReader opens a file that is there already, for reading only: it makes and migrates nothing. With WAL readers and the writers of other
// processes do not hinder each other, so a server may work on the file meanwhile. A file that is missing answers [fs.ErrNotExist], one whose
// schema is another version's an error that says what to do.
func OpenReader(ctx context.Context, path string, options Options) (*Reader, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("open %s: %w", path, fs.ErrNotExist)
	case err != nil:
		return nil, fmt.Errorf("open %s: %w: %w", path, store.ErrUnavailable, err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("open %s: it is no file: %w", path, store.ErrInvalid)
	}
	db, err := prepare(path, options)
	if err != nil {
		return nil, err
	}
	r := &Reader{db}
	if err := r.View(ctx, func(tx store.Tx) error { return store.CheckSchema(ctx, tx) }); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), r.Close())
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
func (*Reader) Engine() store.Engine { return store.SQLite }

// Close implements [store.DB].
func (r *Reader) Close() error { return r.db.Close() }
