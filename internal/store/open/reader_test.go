package open

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/pgtest"
	"github.com/magpie-sec/magpie/internal/store"
)

// TestReader reads a database beside a writer that holds a transaction open, and refuses to write and to migrate.
func TestReader(t *testing.T) {
	tenant := store.Tenant{Account: "111122223333", Region: "us-east-1"}
	for name, url := range map[string]string{"sqlite": filepath.Join(t.TempDir(), "magpie.db"), "postgres": pgtest.Database(t)} {
		t.Run(name, func(t *testing.T) {
			writer, err := Open(t.Context(), url, Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer writer.Close()
			put := func(tx store.Tx, value string) error {
				return store.PutSetting(t.Context(), tx, tenant, "a", 1, []byte(value))
			}
			if err := writer.Update(t.Context(), func(tx store.Tx) error { return put(tx, "first") }); err != nil {
				t.Fatal(err)
			}
			reader, err := OpenReader(t.Context(), url, Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer reader.Close()
			read := func() (value string) {
				t.Helper()
				err := reader.View(t.Context(), func(tx store.Tx) error {
					doc, err := store.GetSetting(t.Context(), tx, tenant, "a")
					value = string(doc)
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
				return value
			}
			err = writer.Update(t.Context(), func(tx store.Tx) error {
				err := put(tx, "second")
				if got := read(); got != "first" {
					t.Errorf("before the commit it reads %q", got)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if got := read(); got != "second" {
				t.Errorf("after the commit it reads %q", got)
			}
			if err := reader.Update(t.Context(), func(tx store.Tx) error { return put(tx, "third") }); !errors.Is(err, store.ErrInvalid) {
				t.Errorf("an update answers %v", err)
			}
			if err := reader.View(t.Context(), func(tx store.Tx) error { return put(tx, "third") }); err == nil {
				t.Error("a reading transaction writes")
			}
			for _, v := range [][2]string{{"+ 1", "upgrade the program"}, {"- 2", "start the server with this version first"}} {
				version, want := v[0], v[1]
				err := writer.Update(t.Context(), func(tx store.Tx) error {
					_, err := tx.Exec(t.Context(), "UPDATE goose_db_version SET version_id = version_id "+version+" WHERE version_id > 1")
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := OpenReader(t.Context(), url, Options{}); err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("another version of the schema answers %v, want ...%s...", err, want)
				}
			}
		})
	}
}

// TestReaderOfNothing makes no database where there is none.
func TestReaderOfNothing(t *testing.T) {
	missing, empty := filepath.Join(t.TempDir(), "magpie.db"), filepath.Join(t.TempDir(), "empty.db")
	if _, err := OpenReader(t.Context(), missing, Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file answers %v", err)
	}
	if _, err := os.Stat(missing); err == nil {
		t.Error("a file was made")
	}
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for url, want := range map[string]string{empty: "no database of a server", pgtest.Database(t): "no database of a server", t.TempDir(): "it is no file", "mysql://x": "must be postgres://"} {
		if _, err := OpenReader(t.Context(), url, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s answers %v, want ...%s...", url, err, want)
		}
	}
}
