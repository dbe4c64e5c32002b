package open

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/magpie-sec/magpie/internal/pgtest"
	"github.com/magpie-sec/magpie/internal/store"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	for url, want := range map[string]store.Engine{
		filepath.Join(dir, "plain.db"):               store.SQLite,
		"sqlite:" + filepath.Join(dir, "colon.db"):   store.SQLite,
		"sqlite://" + filepath.Join(dir, "slash.db"): store.SQLite,
		pgtest.Database(t):                           store.PostgreSQL,
	} {
		db, err := Open(t.Context(), url, Options{})
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		if db.Engine() != want {
			t.Errorf("%s is %v, want %v", url, db.Engine(), want)
		}
		if err := errors.Join(db.Ping(t.Context()), db.Close()); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
	for _, name := range []string{"plain.db", "colon.db", "slash.db"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}

func TestOpenRefused(t *testing.T) {
	for _, url := range []string{"mysql://h/x", "", "sqlite:", "http://example.com/x.db", "postgres://["} {
		db, err := Open(t.Context(), url, Options{})
		if db != nil || !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%q: %v, %v", url, db, err)
		}
	}
}
