package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/pgtest"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/store/storetest"
)

func TestMain(m *testing.M) {
	storetest.Child(openURL)
	os.Exit(pgtest.Main(m))
}

func openURL(ctx context.Context, url string) (store.DB, error) {
	db, err := Open(ctx, url, Options{})
	if err != nil {
		return nil, err
	}
	return db, nil
}

func fresh(t testing.TB) store.DB {
	t.Helper()
	return reopen(t, prepared(t))
}

// prepared returns the URL of a fresh database whose schema is made.
func prepared(t testing.TB) string {
	t.Helper()
	return pgtest.Prepared(t, func(url string) error {
		db, err := openURL(context.Background(), url)
		if err != nil {
			return err
		}
		return db.Close()
	})
}

func reopen(t testing.TB, url string) *DB {
	t.Helper()
	db, err := Open(t.Context(), url, Options{MaxConns: 12})
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

func TestOpenAtOnce(t *testing.T) { storetest.OpenAtOnce(t, pgtest.Database(t), openURL) }

func TestUpgrade(t *testing.T) { storetest.Upgrade(t, pgtest.Database(t), openURL) }

func TestNewer(t *testing.T) {
	t.Run("schema", func(t *testing.T) { storetest.Newer(t, pgtest.Database(t), openURL, storetest.NewerSchema) })
	t.Run("River", func(t *testing.T) {
		storetest.Newer(t, pgtest.Database(t), openURL, "INSERT INTO river_migration (line, version) VALUES ('main', 9999)")
	})
}

// TestCrash kills clients, and the server as well after each.
func TestCrash(t *testing.T) {
	server := durable(t)
	storetest.Crash(t, server.Database(t), openURL, func() {
		if err := errors.Join(server.Kill(), server.Start()); err != nil {
			t.Fatal(err)
		}
	})
}

func durable(t *testing.T) *pgtest.Server {
	t.Helper()
	server, err := pgtest.Start(pgtest.Options{Durable: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return server
}

func put(t testing.TB, name string) func(store.Tx) error {
	return func(tx store.Tx) error { return store.PutSetting(t.Context(), tx, store.Tenant{}, name, 1, nil) }
}

// TestServerAway shows what a stopped server looks like, in and out of a transaction, and that a started one is used again at once.
func TestServerAway(t *testing.T) {
	server := durable(t)
	db := reopen(t, server.Database(t))
	ctx := t.Context()
	if err := db.Update(ctx, put(t, "a")); err != nil {
		t.Fatal(err)
	}
	for i, stop := range []func() error{server.Stop, server.Kill} {
		err := db.Update(ctx, func(tx store.Tx) error {
			if err := put(t, fmt.Sprint("lost ", i))(tx); err != nil {
				return err
			}
			if err := stop(); err != nil {
				t.Error(err)
			}
			return put(t, "b")(tx)
		})
		if !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("stopped in a transaction: got %v, want %v", err, store.ErrUnavailable)
		}
		for name, err := range map[string]error{"update": db.Update(ctx, put(t, "c")), "ping": db.Ping(ctx)} {
			if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "check that it runs") {
				t.Errorf("%s while stopped: got %v", name, err)
			}
		}
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(db.Update(ctx, put(t, fmt.Sprint("kept ", i))), db.Ping(ctx)); err != nil {
			t.Errorf("after the start: %v", err)
		}
	}
	var names []string
	err := db.View(ctx, func(tx store.Tx) error {
		return store.Each(ctx, tx, "SELECT name FROM settings ORDER BY name", nil, func(r store.Rows) error {
			var name string
			err := r.Scan(&name)
			names = append(names, name)
			return err
		})
	})
	if got, want := strings.Join(names, ", "), "a, kept 0, kept 1"; err != nil || got != want {
		t.Errorf("got %s, want %s: %v", got, want, err)
	}
}

// TestStaleConnections shows that connections that died with a restart are not the caller's trouble.
func TestStaleConnections(t *testing.T) {
	server := durable(t)
	db := reopen(t, server.Database(t))
	held := make(chan struct{}, 5)
	release := make(chan struct{})
	done := make(chan error, 5)
	for range 5 { // five connections in the pool
		go func() {
			done <- db.View(t.Context(), func(tx store.Tx) error {
				var n int64
				err := store.One(t.Context(), tx, "SELECT CAST(1 AS BIGINT)", nil, &n)
				held <- struct{}{}
				<-release
				return err
			})
		}()
	}
	for range 5 {
		<-held
	}
	close(release)
	for range 5 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if err := errors.Join(server.Stop(), server.Start()); err != nil {
		t.Fatal(err)
	}
	for i := range 6 {
		if err := db.Update(t.Context(), put(t, fmt.Sprint(i))); err != nil {
			t.Errorf("update %d: %v", i, err)
		}
	}
}

// TestRetry shows that a transaction that loses a race runs again and sees what it lost to, and that one that always loses gives up.
func TestRetry(t *testing.T) {
	db := reopen(t, prepared(t))
	ctx := t.Context()
	if err := db.Update(ctx, put(t, "counter")); err != nil {
		t.Fatal(err)
	}
	increment := func(tx store.Tx) error {
		_, err := tx.Exec(ctx, "UPDATE settings SET updated_at = updated_at + 1 WHERE name = 'counter'")
		return err
	}
	read := func(tx store.Tx) (n int64, err error) {
		return n, store.One(ctx, tx, "SELECT updated_at FROM settings WHERE name = 'counter'", nil, &n)
	}
	runs := 0
	var seen []int64
	err := db.Update(ctx, func(tx store.Tx) error {
		n, err := read(tx)
		if err != nil {
			return err
		}
		seen = append(seen, n)
		if runs++; runs <= 3 {
			if err := db.Update(ctx, increment); err != nil {
				return err
			}
		}
		if err := increment(tx); err != nil {
			return errors.New("the cause is lost on the way") // as careless code does
		}
		return nil
	})
	if err != nil || fmt.Sprint(seen) != "[1 2 3 4]" {
		t.Errorf("saw %v, %v", seen, err)
	}
	runs = 0
	err = db.Update(ctx, func(tx store.Tx) error {
		runs++
		if _, err := read(tx); err != nil {
			return err
		}
		if err := db.Update(ctx, increment); err != nil {
			return err
		}
		return increment(tx)
	})
	if !errors.Is(err, store.ErrUnavailable) || runs != maxAttempts {
		t.Errorf("%d runs, %v", runs, err)
	}
}

// TestDeadlock shows that two transactions that wait for each other both end.
func TestDeadlock(t *testing.T) {
	db := reopen(t, prepared(t))
	ctx := t.Context()
	for _, name := range []string{"a", "b"} {
		if err := db.Update(ctx, put(t, name)); err != nil {
			t.Fatal(err)
		}
	}
	touch := func(tx store.Tx, name string) error {
		_, err := tx.Exec(ctx, "UPDATE settings SET updated_at = updated_at + 1 WHERE name = $1", name)
		return err
	}
	first := [2]chan struct{}{make(chan struct{}, maxAttempts), make(chan struct{}, maxAttempts)}
	done := make(chan error, 2)
	for i, names := range [][2]string{{"a", "b"}, {"b", "a"}} {
		go func() {
			met := false
			done <- db.Update(ctx, func(tx store.Tx) error {
				if err := touch(tx, names[0]); err != nil {
					return err
				}
				if !met {
					met = true
					first[i] <- struct{}{}
					<-first[1-i]
				}
				return touch(tx, names[1])
			})
		}()
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	var sum int64
	err := db.View(ctx, func(tx store.Tx) error {
		return store.One(ctx, tx, "SELECT CAST(SUM(updated_at) AS BIGINT) FROM settings", nil, &sum)
	})
	if err != nil || sum != 2+4 {
		t.Errorf("sum %d, %v", sum, err)
	}
}

// TestCollation shows that every text column of ours sorts by bytes, whatever the database's collation.
func TestCollation(t *testing.T) {
	db := reopen(t, prepared(t))
	columns := 0
	err := db.View(t.Context(), func(tx store.Tx) error {
		return store.Each(t.Context(), tx, `SELECT CAST(table_name AS TEXT), CAST(column_name AS TEXT), CAST(COALESCE(collation_name, '') AS TEXT)
			FROM information_schema.columns WHERE table_schema = 'public' AND data_type IN ('text', 'character varying') AND table_name NOT LIKE 'river%'`, nil,
			func(r store.Rows) error {
				var table, column, collation string
				err := r.Scan(&table, &column, &collation)
				if columns++; collation != "C" {
					t.Errorf("%s.%s has collation %q", table, column, collation)
				}
				return err
			})
	})
	if err != nil || columns < 20 {
		t.Errorf("%d columns, %v", columns, err)
	}
}

// TestPgx shows that River's transaction is ours: what is written through it commits and rolls back with the rest.
func TestPgx(t *testing.T) {
	db := reopen(t, prepared(t))
	ctx := t.Context()
	stop := errors.New("stop")
	for _, end := range []error{stop, nil} {
		err := db.Update(ctx, func(tx store.Tx) error {
			_, err := tx.(*Tx).Pgx().Exec(ctx, "INSERT INTO settings VALUES ('1', 'r', 'a', 1, '')")
			return errors.Join(err, end)
		})
		var n int64
		read := db.pool.QueryRow(ctx, "SELECT COUNT(*) FROM settings").Scan(&n)
		if want := map[bool]int64{true: 1}[end == nil]; !errors.Is(err, end) || read != nil || n != want {
			t.Errorf("%d rows, want %d: %v, %v", n, want, err, read)
		}
	}
	if db.Pool() == nil {
		t.Error("no pool")
	}
}

// TestUnusable shows what one is told about a URL that cannot be used, without its password.
func TestUnusable(t *testing.T) {
	good := pgtest.Database(t)
	missing := strings.Replace(good, "/magpie_test_", "/no_such_", 1)
	for name, c := range map[string]struct {
		url, advice string
		want        error
	}{
		"nobody listens": {"postgres://u:hunter2@127.0.0.1:1/x", "check that it runs", store.ErrUnavailable},
		"no database":    {missing, "create it", store.ErrUnavailable},
		"no URL":         {"postgres://u:hunter2@[", "database URL", store.ErrInvalid},
		"bad setting":    {"postgres://u:hunter2@h/x?pool_max_conns=many", "pool_max_conns", store.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			db, err := Open(t.Context(), c.url, Options{})
			if db != nil || !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.advice) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got %v, want %v with %q", err, c.want, c.advice)
			}
		})
	}
}

// BenchmarkFindings runs on the database that MAGPIE_BENCH_POSTGRES names, which is filled once, else on a fresh one of a server of its
// own that syncs to disk.
func BenchmarkFindings(b *testing.B) {
	url := os.Getenv("MAGPIE_BENCH_POSTGRES")
	if url == "" {
		server, err := pgtest.Start(pgtest.Options{Durable: true, Settings: []string{"shared_buffers=1GB", "max_wal_size=4GB"}})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() {
			if err := server.Close(); err != nil {
				b.Error(err)
			}
		})
		url = server.URL("postgres")
	}
	db := reopen(b, url)
	storetest.Benchmark(b, db, func() error { // as autovacuum would some time after
		_, err := db.pool.Exec(b.Context(), "VACUUM ANALYZE")
		return err
	})
}
