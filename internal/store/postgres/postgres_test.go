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
