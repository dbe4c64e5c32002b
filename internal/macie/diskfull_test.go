package macie

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/store"
)

// TestDiskFull lets the database have no room in the middle of a job. The job waits without a failure counted, and is whole once there is
// room. SQLite's own limit takes the disk's place, on PostgreSQL a trigger with the error of a full disk.
func TestDiskFull(t *testing.T) {
	onBothEngines(t, func(t *testing.T, url string) {
		w := newWorldOn(t, url)
		bodies := map[string]string{}
		const n = 1500
		for i := range n {
			bodies[fmt.Sprintf("%04d.csv", i)] = people(1)
		}
		w.put("bucket", bodies)
		do := func(statements ...string) {
			t.Helper()
			must(t, w.db.Update(t.Context(), func(tx store.Tx) error {
				for _, sql := range statements {
					if _, err := tx.Exec(t.Context(), sql); err != nil {
						return err
					}
				}
				return nil
			}))
		}
		id := w.create(jobOver("token", "bucket"))
		full := []string{
			`CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
				IF (SELECT count(*) FROM results) > 500 THEN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END IF;
				RETURN NULL; END $$`,
			`CREATE TRIGGER full_disk AFTER INSERT ON results FOR EACH STATEMENT EXECUTE FUNCTION full_disk()`,
		}
		free := []string{"DROP TRIGGER full_disk ON results", "DROP FUNCTION full_disk"}
		if w.db.Engine() == store.SQLite {
			var pages int64
			must(t, w.db.View(t.Context(), func(tx store.Tx) error { return store.One(t.Context(), tx, "PRAGMA page_count", nil, &pages) }))
			full, free = []string{fmt.Sprintf("PRAGMA max_page_count = %d", pages+1500)}, []string{"PRAGMA max_page_count = 1000000000"}
		}
		do(full...)
		w.start()
		deadline := time.After(patience)
		for strings.Count(w.log.String(), "disk is full") < 4 {
			select {
			case <-deadline:
				t.Fatalf("the disk is not full:\n%s", w.log)
			case <-time.After(time.Millisecond): // between two looks
			}
		}
		if totals := w.totals(id); totals.Objects == 0 || totals.Objects == n || totals.Dead != 0 {
			t.Errorf("while the disk is full: %+v", totals)
		}
		do(free...)
		run := w.wait(id)
		if totals := w.totals(id); run.ErrorCode != "" || totals.Objects != n || totals.Findings != n || totals.Listed != n || totals.Dead != 0 {
			t.Errorf("%s: %+v", run.ErrorCode, totals)
		}
		equal(t, "results", len(w.results(id)), n)
		equal(t, "findings", w.rows("findings"), n)
		var failures int64
		must(t, w.db.View(t.Context(), func(tx store.Tx) error {
			return store.One(t.Context(), tx, "SELECT COALESCE(MAX(failures), 0) FROM shards", nil, &failures)
		}))
		equal(t, "failures counted", failures, 0)
	})
}
