package sqlite

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/store/storetest"
)

func TestMain(m *testing.M) {
	storetest.Child(openURL)
	goleak.VerifyTestMain(m)
}

func openURL(ctx context.Context, path string) (store.DB, error) {
	db, err := Open(ctx, path, Options{})
	if err != nil {
		return nil, err
	}
	return db, nil
}

func fresh(t testing.TB) store.DB {
	t.Helper()
	return reopen(t, filepath.Join(t.TempDir(), "magpie.db"), Options{})
}

func reopen(t testing.TB, path string, options Options) *DB {
	t.Helper()
	db, err := Open(t.Context(), path, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func TestStore(t *testing.T) { storetest.Run(t, fresh) }

func TestCrash(t *testing.T) {
	storetest.Crash(t, filepath.Join(t.TempDir(), "magpie.db"), openURL, nil)
}

// TestOpenAtOnce also shows that a path may hold characters that mean something in a URI.
func TestOpenAtOnce(t *testing.T) {
	storetest.OpenAtOnce(t, filepath.Join(t.TempDir(), "a ?mode=ro&x#50%41 é.db"), openURL)
}

func TestUpgrade(t *testing.T) {
	storetest.Upgrade(t, filepath.Join(t.TempDir(), "magpie.db"), openURL)
}

func TestNewer(t *testing.T) {
	storetest.Newer(t, filepath.Join(t.TempDir(), "magpie.db"), openURL, storetest.NewerSchema)
}

// TestPath shows that the file is where the path says, not where a URI would put it.
func TestPath(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a ?mode=ro&x#50%41 é.db")
	reopen(t, path, Options{})
	if info, err := os.Stat(path); err != nil || info.Size() == 0 {
		t.Error(info, err)
	}
	if _, err := Open(t.Context(), ":memory:", Options{}); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("a database in memory: %v", err)
	}
}

// TestUnusable shows what one is told about a file that cannot be used.
func TestUnusable(t *testing.T) {
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage.db")
	if err := os.WriteFile(garbage, []byte(strings.Repeat("This is not a database.\n", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		path, advice string
		want         error
	}{
		"no database": {garbage, "not a SQLite database", store.ErrCorrupt},
		"no folder":   {filepath.Join(dir, "none", "magpie.db"), "check that its folder exists", store.ErrUnavailable},
		"a folder":    {dir, "cannot be opened", store.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			db, err := Open(t.Context(), c.path, Options{})
			if db != nil || !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.advice) || !strings.Contains(err.Error(), c.path) {
				t.Errorf("got %v, want %v with %q", err, c.want, c.advice)
			}
		})
	}
}

// TestLocked shows that a writer waits for another process as long as it is told, then says so, and that readers do not wait.
func TestLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "magpie.db")
	holder := reopen(t, path, Options{})
	waiter := reopen(t, path, Options{BusyTimeout: 30 * time.Millisecond})
	write := func(tx store.Tx) error {
		return store.PutSetting(t.Context(), tx, store.Tenant{}, "a", 1, nil)
	}
	err := holder.Update(t.Context(), func(tx store.Tx) error {
		if err := waiter.Update(t.Context(), write); !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "another process") {
			t.Errorf("got %v", err)
		}
		if err := waiter.Ping(t.Context()); err != nil {
			t.Errorf("a reader: %v", err)
		}
		return write(tx)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := waiter.Update(t.Context(), write); err != nil {
		t.Errorf("after the lock was let go: %v", err)
	}
}

// TestWriterQueue shows that one who waits for the writer gives up with its context.
func TestWriterQueue(t *testing.T) {
	db := fresh(t)
	err := db.Update(t.Context(), func(store.Tx) error {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		return db.Update(ctx, func(store.Tx) error { return nil })
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// TestFull shows that a full disk is said to be full, keeps nothing of the transaction, and is no matter once there is room.
func TestFull(t *testing.T) {
	db := fresh(t)
	ctx := t.Context()
	pages := func(n string) {
		t.Helper()
		err := db.Update(ctx, func(tx store.Tx) error { _, err := tx.Exec(ctx, "PRAGMA max_page_count = "+n); return err })
		if err != nil {
			t.Fatal(err)
		}
	}
	fill := func(tx store.Tx) error {
		for _, name := range []string{"a", "b", "c"} {
			if err := store.PutSetting(ctx, tx, store.Tenant{}, name, 1, make([]byte, 1<<20)); err != nil {
				return err
			}
		}
		return nil
	}
	pages("300")
	if err := db.Update(ctx, fill); !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "disk is full") {
		t.Errorf("got %v", err)
	}
	var n int64
	err := db.View(ctx, func(tx store.Tx) error { return store.One(ctx, tx, "SELECT COUNT(*) FROM settings", nil, &n) })
	if err != nil || n != 0 {
		t.Errorf("%d rows, %v", n, err)
	}
	pages("100000")
	if err := db.Update(ctx, fill); err != nil {
		t.Error(err)
	}
}

// TestSettings shows that every connection is durable and in WAL mode.
func TestSettings(t *testing.T) {
	db := fresh(t)
	ctx := t.Context()
	for _, c := range []struct {
		pragma string
		want   int64
		writer bool
	}{{"synchronous", 2, true}, {"busy_timeout", 10_000, true}, {"busy_timeout", 10_000, false}, {"query_only", 1, false}} {
		run := db.View
		if c.writer {
			run = db.Update
		}
		var got int64
		err := run(ctx, func(tx store.Tx) error { return store.One(ctx, tx, "PRAGMA "+c.pragma, nil, &got) })
		if err != nil || got != c.want {
			t.Errorf("%s is %d, want %d: %v", c.pragma, got, c.want, err)
		}
	}
	var mode string
	if err := db.View(ctx, func(tx store.Tx) error { return store.One(ctx, tx, "PRAGMA journal_mode", nil, &mode) }); err != nil || mode != "wal" {
		t.Errorf("journal mode %s, %v", mode, err)
	}
}

func TestAnonymous(t *testing.T) {
	for in, want := range map[string]string{
		"SELECT 1":                               "SELECT 1",
		"SELECT $1, $2":                          "SELECT ?, ?",
		"SELECT $2, $1":                          "SELECT $2, $1",
		"SELECT $1, $1":                          "SELECT $1, $1",
		"SELECT $1, $3":                          "SELECT $1, $3",
		"SELECT $10":                             "SELECT $10",
		"SELECT '$1', $1":                        "SELECT '$1', $1",
		"$1 $2 $3 $4 $5 $6 $7 $8 $9 $10 $11 x":   "? ? ? ? ? ? ? ? ? ? ? x",
		"$1 $2 $3 $4 $5 $6 $7 $8 $9 $10 $1":      "$1 $2 $3 $4 $5 $6 $7 $8 $9 $10 $1",
		"SELECT doc ->> '$.id' FROM t WHERE $1":  "SELECT doc ->> '$.id' FROM t WHERE $1",
		"SELECT x WHERE y = $1 AND z = '$.name'": "SELECT x WHERE y = $1 AND z = '$.name'",
	} {
		if got := anonymous(in); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

// BenchmarkFindings runs on the file that MAGPIE_BENCH_SQLITE names, which is filled once, else on a temporary one.
func BenchmarkFindings(b *testing.B) {
	path := os.Getenv("MAGPIE_BENCH_SQLITE")
	if path == "" {
		path = filepath.Join(b.TempDir(), "magpie.db")
	}
	storetest.Benchmark(b, reopen(b, path, Options{}), nil)
}
