package sqlite

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/store/storetest"
)

func fresh(t testing.TB) store.DB {
	t.Helper()
	return reopen(t, filepath.Join(t.TempDir(), "magpie.db"))
}

func reopen(t testing.TB, path string) *DB {
	t.Helper()
	db, err := Open(t.Context(), path, Options{})
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

// BenchmarkFindings runs on the file that MAGPIE_BENCH_SQLITE names, which is filled once, else on a temporary one.
func BenchmarkFindings(b *testing.B) {
	path := os.Getenv("MAGPIE_BENCH_SQLITE")
	if path == "" {
		path = filepath.Join(b.TempDir(), "magpie.db")
	}
	storetest.Benchmark(b, reopen(b, path))
}
