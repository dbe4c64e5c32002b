package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/magpie-sec/magpie/internal/store"
)

// maxStatements bounds the prepared statements a connection keeps.
const maxStatements = 256

// conn is one connection with its prepared statements. It serves one transaction at a time.
type conn struct {
	raw        driver.Conn
	statements map[string]driver.Stmt
}

func newConn(raw driver.Conn) *conn {
	return &conn{raw: raw, statements: make(map[string]driver.Stmt)}
}

func (c *conn) close() error {
	c.forget()
	return c.raw.Close()
}

func (c *conn) forget() {
	for _, s := range c.statements {
		s.Close()
	}
	clear(c.statements)
}

// prepare returns the statement and whether the caller must close it.
func (c *conn) prepare(ctx context.Context, sql string) (s driver.Stmt, once bool, err error) {
	if s, ok := c.statements[sql]; ok {
		return s, false, nil
	}
	s, err = c.raw.(driver.ConnPrepareContext).PrepareContext(ctx, anonymous(sql))
	if err != nil {
		return nil, false, err
	}
	if strings.HasPrefix(sql, store.Once) {
		return s, true, nil
	}
	if len(c.statements) >= maxStatements {
		c.forget() // a full cache is rare: all texts but the criteria's are constants
	}
	c.statements[sql] = s
	return s, false, nil
}

// anonymous writes the parameters as "?" if they are $1, $2, $3... in this order, each once. SQLite takes $1 for a name and finds names
// by going through all of them, which would make the time of a long statement grow with the square of its parameters.
func anonymous(sql string) string {
	var b strings.Builder
	rest := sql
	for want := 1; ; want++ {
		i := strings.IndexByte(rest, '$')
		if i < 0 {
			b.WriteString(rest)
			return b.String()
		}
		number := strconv.Itoa(want)
		after, ok := strings.CutPrefix(rest[i+1:], number)
		if !ok || after != "" && after[0] >= '0' && after[0] <= '9' || strings.ContainsAny(rest[:i], `'"`) {
			return sql
		}
		b.WriteString(rest[:i])
		b.WriteByte('?')
		rest = after
	}
}

func (c *conn) command(ctx context.Context, sql string) error {
	s, _, err := c.prepare(ctx, sql)
	if err != nil {
		return err
	}
	_, err = s.(driver.StmtExecContext).ExecContext(ctx, nil)
	return err
}

// tx is a transaction on a connection. Its first failed statement fails the whole of it, as on PostgreSQL.
type tx struct {
	c        *conn
	readOnly bool
	open     *rows
	failed   error
	ended    bool
}

var _ store.Tx = (*tx)(nil)

func (t *tx) Engine() store.Engine { return store.SQLite }

func (t *tx) ReadOnly() bool { return t.readOnly }

// end closes what fn left open and keeps late users of the transaction out.
func (t *tx) end() {
	if t.open != nil {
		t.open.Close()
	}
	t.ended = true
}

func (t *tx) ready(ctx context.Context) error {
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

func (t *tx) fail(err error) error {
	err = classify(err)
	if t.failed == nil {
		t.failed = err
	}
	return err
}

func (t *tx) Exec(ctx context.Context, sql string, args ...any) (int64, error) {
	if err := t.ready(ctx); err != nil {
		return 0, err
	}
	s, once, err := t.c.prepare(ctx, sql)
	if err != nil {
		return 0, t.fail(err)
	}
	if once {
		defer s.Close()
	}
	values, err := named(args)
	if err != nil {
		return 0, t.fail(err)
	}
	result, err := s.(driver.StmtExecContext).ExecContext(ctx, values)
	if err != nil {
		return 0, t.fail(err)
	}
	return result.RowsAffected()
}

func (t *tx) Query(ctx context.Context, sql string, args ...any) (store.Rows, error) {
	if err := t.ready(ctx); err != nil {
		return nil, err
	}
	s, once, err := t.c.prepare(ctx, sql)
	if err != nil {
		return nil, t.fail(err)
	}
	values, err := named(args)
	if err == nil {
		var raw driver.Rows
		if raw, err = s.(driver.StmtQueryContext).QueryContext(ctx, values); err == nil {
			r := &rows{tx: t, ctx: ctx, raw: raw, row: make([]driver.Value, len(raw.Columns()))}
			if once {
				r.statement = s
			}
			t.open = r
			return r, nil
		}
	}
	if once {
		s.Close()
	}
	return nil, t.fail(err)
}

func named(args []any) ([]driver.NamedValue, error) {
	values := make([]driver.NamedValue, len(args))
	for i, arg := range args {
		v, err := value(arg)
		if err != nil {
			return nil, fmt.Errorf("argument $%d: %w", i+1, err)
		}
		values[i] = driver.NamedValue{Ordinal: i + 1, Value: v}
	}
	return values, nil
}

// value maps the argument types of [store.Tx] to the driver's.
func value(arg any) (driver.Value, error) {
	switch v := arg.(type) {
	case nil:
		return nil, nil
	case int64, string:
		return v, nil
	case []byte:
		if v == nil {
			return nil, nil
		}
		return v, nil
	case int:
		return int64(v), nil
	case *int64:
		if v == nil {
			return nil, nil
		}
		return *v, nil
	case *string:
		if v == nil {
			return nil, nil
		}
		return *v, nil
	}
	return nil, fmt.Errorf("%T is not a type of the store: %w", arg, store.ErrInvalid)
}

type rows struct {
	tx        *tx
	ctx       context.Context
	raw       driver.Rows
	statement driver.Stmt // closed with the rows, nil if it is kept
	row       []driver.Value
	err       error
	closed    bool
}

func (r *rows) Next() bool {
	if r.closed || r.err != nil {
		return false
	}
	err := r.ctx.Err()
	if err == nil {
		err = r.raw.Next(r.row)
	}
	if err == nil {
		return true
	}
	if !errors.Is(err, io.EOF) {
		r.err = r.tx.fail(err)
	}
	r.Close()
	return false
}

func (r *rows) Err() error { return r.err }

func (r *rows) Close() error {
	if r.closed {
		return r.err
	}
	r.closed = true
	r.tx.open = nil
	err := r.raw.Close()
	if r.statement != nil {
		r.statement.Close()
	}
	if err != nil && r.err == nil {
		r.err = r.tx.fail(err)
	}
	return r.err
}

func (r *rows) Scan(dest ...any) error {
	if len(dest) != len(r.row) {
		return fmt.Errorf("scan %d columns into %d destinations", len(r.row), len(dest))
	}
	for i, v := range r.row {
		if err := assign(dest[i], v); err != nil {
			return fmt.Errorf("scan column %d: %w", i+1, err)
		}
	}
	return nil
}

// assign copies a value of the driver into a destination of [store.Tx]. The driver hands out fresh byte slices.
func assign(dest any, v driver.Value) error {
	switch d := dest.(type) {
	case *int64:
		if n, ok := v.(int64); ok {
			*d = n
			return nil
		}
	case *string:
		if s, ok := v.(string); ok {
			*d = s
			return nil
		}
	case *[]byte:
		switch b := v.(type) {
		case []byte:
			*d = b
			if b == nil {
				*d = []byte{}
			}
			return nil
		case nil:
			*d = nil
			return nil
		}
	case **int64:
		if v == nil {
			*d = nil
			return nil
		}
		*d = new(int64)
		return assign(*d, v)
	case **string:
		if v == nil {
			*d = nil
			return nil
		}
		*d = new(string)
		return assign(*d, v)
	}
	return fmt.Errorf("cannot put %T into %T", v, dest)
}
