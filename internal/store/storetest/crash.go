package storetest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/store"
)

// childMode makes the test binary of an engine play a part in another process; see [Child].
const childMode = "MAGPIE_STORETEST_CHILD"

// Child is called first in TestMain. In a process that [Crash] or [OpenAtOnce] started it plays its part on the database at the URL that
// it was given, and does not return.
func Child(open func(ctx context.Context, url string) (store.DB, error)) {
	mode, url, found := strings.Cut(os.Getenv(childMode), " ")
	if !found {
		return
	}
	ctx := context.Background()
	if mode == "open" {
		fmt.Println("ready")
		bufio.NewReader(os.Stdin).ReadString('\n') // all children start at once
	}
	db, err := open(ctx, url)
	if err == nil {
		switch mode {
		case "open":
			err = db.Update(ctx, func(tx store.Tx) error { return store.PutSetting(ctx, tx, here, fmt.Sprint(os.Getpid()), 1, nil) })
			err = errors.Join(err, db.Close())
		case "commit":
			err = commitForever(ctx, db)
		}
	}
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// crashRows is how many rows each transaction of a crashing child writes.
const crashRows = 20

// commitForever writes transaction after transaction and acknowledges each on standard output.
func commitForever(ctx context.Context, db store.DB) error {
	var n int64
	err := db.View(ctx, func(tx store.Tx) error {
		return store.One(ctx, tx, "SELECT COALESCE(MAX(updated_at), 0) FROM settings", nil, &n)
	})
	for err == nil {
		n++
		err = db.Update(ctx, func(tx store.Tx) error {
			for i := range crashRows {
				if err := store.PutSetting(ctx, tx, here, fmt.Sprintf("%d-%d", n, i), n, make([]byte, 2000)); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil {
			fmt.Println(n)
		}
	}
	return err
}

func child(t *testing.T, mode, url string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self)
	c.Env = append(os.Environ(), childMode+"="+mode+" "+url)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	return c, bufio.NewReader(out)
}

// Crash kills writing processes at random moments and shows that every transaction that was acknowledged is there whole, and that none is
// there in part. after, if not nil, is called after each kill.
func Crash(t *testing.T, url string, open func(ctx context.Context, url string) (store.DB, error), after func()) {
	rng := rand.New(rand.NewPCG(7, 7))
	var acknowledged int64
	for round := range 12 {
		c, out := child(t, "commit", url)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		// Let it acknowledge some commits, then kill it at some moment after that.
		for range 1 + rng.IntN(8) {
			line, err := out.ReadString('\n')
			if err != nil || strings.HasPrefix(line, "error") {
				c.Process.Kill()
				c.Wait()
				t.Fatalf("round %d: child said %q, %v", round, line, err)
			}
			acknowledged = number(t, line)
		}
		timer := time.NewTimer(time.Duration(rng.Int64N(int64(3 * time.Millisecond)))) // somewhere inside the next transaction
		<-timer.C
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for { // what it still had said
			line, err := out.ReadString('\n')
			if err != nil {
				break
			}
			acknowledged = number(t, line)
		}
		c.Wait()
		if after != nil {
			after()
		}
		checkCrash(t, url, open, acknowledged)
	}
}

func number(t *testing.T, line string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	if err != nil {
		t.Fatalf("child said %q", line)
	}
	return n
}

func checkCrash(t *testing.T, url string, open func(ctx context.Context, url string) (store.DB, error), acknowledged int64) {
	t.Helper()
	db, err := open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows := make(map[int64]int64)
	view(t, db, func(ctx context.Context, tx store.Tx) error {
		return store.Each(ctx, tx, "SELECT updated_at, COUNT(*) FROM settings GROUP BY updated_at", nil, func(r store.Rows) error {
			var n, count int64
			err := r.Scan(&n, &count)
			rows[n] = count
			return err
		})
	})
	for n := int64(1); n <= acknowledged; n++ {
		if rows[n] != crashRows {
			t.Errorf("transaction %d of %d was acknowledged and has %d rows", n, acknowledged, rows[n])
		}
	}
	for n, count := range rows {
		if count != crashRows || n > acknowledged+1 {
			t.Errorf("transaction %d, after %d acknowledged ones, has %d rows", n, acknowledged, count)
		}
	}
}

// OpenAtOnce opens a fresh database from several processes at the same moment: all must succeed, and the schema must be made once.
func OpenAtOnce(t *testing.T, url string, open func(ctx context.Context, url string) (store.DB, error)) {
	const processes = 4
	var start []func() error
	var wg sync.WaitGroup
	for range processes {
		c, out := child(t, "open", url)
		stdin, err := c.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		if line, err := out.ReadString('\n'); line != "ready\n" {
			t.Fatalf("child said %q, %v", line, err)
		}
		start = append(start, stdin.Close)
		wg.Go(func() {
			line, _ := out.ReadString('\n')
			if err := c.Wait(); err != nil || line != "" {
				t.Errorf("child: %v, %s", err, line)
			}
		})
	}
	for _, begin := range start {
		if err := begin(); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
	db, err := open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if n := settings(t, db); n != processes {
		t.Errorf("%d of %d processes wrote", n, processes)
	}
	view(t, db, func(ctx context.Context, tx store.Tx) error {
		return store.Each(ctx, tx, "SELECT version_id, COUNT(*) FROM goose_db_version GROUP BY version_id", nil, func(r store.Rows) error {
			var version, n int64
			err := r.Scan(&version, &n)
			if n != 1 {
				t.Errorf("migration %d ran %d times", version, n)
			}
			return err
		})
	})
}

// Newer shows that a database of a newer program is refused and left alone. mark pretends that it is newer, on an open database.
func Newer(t *testing.T, url string, open func(ctx context.Context, url string) (store.DB, error), mark string) {
	db, err := open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	update(t, db, func(ctx context.Context, tx store.Tx) error { _, err := tx.Exec(ctx, mark); return err })
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if db, err = open(t.Context(), url); !errors.Is(err, store.ErrNewer) {
		t.Errorf("got %v, want %v", err, store.ErrNewer)
		if err == nil {
			db.Close()
		}
	}
}

// NewerSchema marks a database as made by a newer program.
const NewerSchema = "INSERT INTO goose_db_version (version_id, is_applied) SELECT 9999, is_applied FROM goose_db_version WHERE version_id = 1"

// Upgrade opens a database as the first version of the schema left it: what it holds stays, and what is new works.
func Upgrade(t *testing.T, url string, open func(ctx context.Context, url string) (store.DB, error)) {
	db, err := open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	job := store.Job{ID: "j", ClientToken: "t", RequestHash: []byte{}, Doc: []byte("{}")}
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		undo := []string{"DROP INDEX jobs_next_run_at", "DROP INDEX jobs_paused_at", "ALTER TABLE jobs DROP COLUMN next_run_at",
			"ALTER TABLE jobs DROP COLUMN run_key", "DELETE FROM goose_db_version WHERE version_id > 1",
			"DROP INDEX runs_finished_at", "DROP INDEX runs_emptied", "DROP INDEX runs_folded", "ALTER TABLE jobs DROP COLUMN runs_deleted",
			"ALTER TABLE runs DROP COLUMN totals", "ALTER TABLE runs DROP COLUMN emptied", "ALTER TABLE runs DROP COLUMN folded",
			"CREATE INDEX results_ledger ON results (account, region, bucket, object_key, version_id, rules)"}
		for _, table := range append(accessAnalyzerTables, append(inventoryTables, "custom_identifiers", "allow_lists", "job_buckets", "findings_filters",
			"outbox", "ledger", "ledger_rules", "job_events", "notifications", "reveal_requests", "exports", "export_bodies", "leases", "large_objects", "object_parts", "result_pages")...) {
			undo = append(undo, "DROP TABLE "+table)
		}
		err := store.CreateJob(ctx, tx, here, job)
		for _, statement := range undo {
			_, failed := tx.Exec(ctx, statement)
			err = errors.Join(err, failed)
		}
		return err
	})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if db, err = open(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		got, err := store.GetJob(ctx, tx, here, "j")
		job.RunKey = "one-time" // what all jobs were then
		equal(t, "job", job, got)
		return errors.Join(err, store.CreateCustomIdentifier(ctx, tx, here, store.CustomIdentifier{ID: "c"}),
			store.CreateAllowList(ctx, tx, here, store.AllowList{ID: "l", ClientToken: "t"}), fillAnalyzer(ctx, tx, here, "a"))
	})
}
