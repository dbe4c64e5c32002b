package postgres

import (
	"os"
	"testing"

	"github.com/magpie-sec/magpie/internal/pgtest"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func fresh(t testing.TB) store.DB {
	t.Helper()
	return reopen(t, pgtest.Database(t))
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
	storetest.Benchmark(b, reopen(b, url))
}
