package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/magpie-sec/magpie/internal/store"
)

var transactionTests = []test{
	{"Values", testValues},
	{"Placeholders", testPlaceholders},
	{"KeyOrder", testKeyOrder},
	{"NameOrder", testNameOrder},
	{"Rollback", testRollback},
	{"Panic", testPanic},
	{"FailedStatement", testFailedStatement},
	{"OpenRows", testOpenRows},
	{"EndedTransaction", testEndedTransaction},
	{"ViewCannotWrite", testViewCannotWrite},
	{"Snapshot", testSnapshot},
	{"ConcurrentWriters", testConcurrentWriters},
	{"WriteSkew", testWriteSkew},
	{"Conflict", testConflict},
	{"Cancelled", testCancelled},
	{"CancelLongQuery", testCancelLongQuery},
	{"Closed", testClosed},
	{"Identity", testIdentity},
	{"Ping", testPing},
}

const insertSetting = "INSERT INTO settings (account, region, name, updated_at, doc) VALUES ($1, $2, $3, $4, $5)"

// testValues shows that every type of argument comes back as it went in.
func testValues(t *testing.T, db store.DB) {
	type row struct {
		Name              string
		N                 int64
		Some, None        *int64
		Bytes, Empty, Nil []byte
	}
	seven := int64(-7)
	want := row{"é\u4e16\U0001F600\uFFFF", math.MaxInt64, &seven, nil, []byte("\x00\xff\xfe\x00"), []byte{}, nil}
	var got row
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO results (account, region, job_id, run_id, bucket, object_key, version_id, full_key, rules, status, reason,
			size, mime_type, bytes_classified, etag, modified_at, analyzed_at, finding_id, detections)
			VALUES ('1', 'r', 'j', 'u', $1, $2, '', $3, '', '', '', $4, '', 0, '', 0, 0, '', $5)`, want.Name, want.Bytes, want.Empty, want.N, want.Nil)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO jobs (account, region, id, name, type, status, created_at, last_run_at, paused_at, client_token, request_hash, doc)
			VALUES ('1', 'r', 'j', $1, '', '', 3, $2, $3, $1, $1, $1)`, []byte("x"), want.Some, want.None)
		if err != nil {
			return err
		}
		err = store.One(ctx, tx, "SELECT bucket, object_key, full_key, size, detections FROM results WHERE object_key = $1", []any{want.Bytes},
			&got.Name, &got.Bytes, &got.Empty, &got.N, &got.Nil)
		if err != nil {
			return err
		}
		return store.One(ctx, tx, "SELECT last_run_at, paused_at FROM jobs WHERE id = 'j'", nil, &got.Some, &got.None)
	})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	var sum int64
	view(t, db, func(ctx context.Context, tx store.Tx) error {
		return store.One(ctx, tx, "SELECT CAST(SUM(size) AS BIGINT) FROM results", nil, &sum)
	})
	if sum != want.N {
		t.Errorf("sum %d, want %d", sum, want.N)
	}
}

// testPlaceholders shows that parameters go by number, in any order and several times, beyond nine of them.
func testPlaceholders(t *testing.T, db store.DB) {
	args := []any{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"}
	var got string
	for _, once := range []string{"", store.Once} {
		view(t, db, func(ctx context.Context, tx store.Tx) error {
			return store.One(ctx, tx, once+`SELECT CAST($12 AS TEXT) || CAST($2 AS TEXT) || CAST($1 AS TEXT) || CAST($2 AS TEXT) || CAST($11 AS TEXT) ||
				CAST($3 AS TEXT) || CAST($4 AS TEXT) || CAST($5 AS TEXT) || CAST($6 AS TEXT) || CAST($7 AS TEXT) || CAST($8 AS TEXT) ||
				CAST($9 AS TEXT) || CAST($10 AS TEXT)`, args, &got)
		})
		if want := "lbabkcdefghij"; got != want {
			t.Errorf("%q: got %s, want %s", once, got, want)
		}
	}
}

// awkwardKeys are in S3's order, which is that of bytes.
var awkwardKeys = [][]byte{
	[]byte(""), []byte("\x00"), []byte("\x00\x00"), []byte("\x00a"), []byte("\n"), []byte(" "), []byte("%"), []byte("'; DROP TABLE jobs; --"),
	[]byte("A"), []byte("B"), []byte("Z"), []byte("_"), []byte("a"), []byte("a\x00"), []byte("a\x00b"), []byte("a/"), []byte("a/b"), []byte("aa"),
	[]byte("b"), []byte("\u007f"), []byte("\x80"), []byte("\x80\x80"), []byte("\xc3"), []byte("é"), []byte("\u0131"), []byte("\u4e16"),
	[]byte("\ufdd0"), []byte("\uffff"), []byte("\U00010000"), []byte("\U0001F600"), []byte("\U0010ffff"), []byte("\xf5"), []byte("\xff"),
	[]byte("\xff\x00"), []byte("\xff\xff"),
}

// testKeyOrder shows that keys are any bytes and sort as in S3: NUL, invalid UTF-8, U+FFFF before the supplementary planes.
func testKeyOrder(t *testing.T, db store.DB) {
	if !slices.IsSortedFunc(awkwardKeys, bytes.Compare) {
		t.Fatal("the keys of the test are not in order")
	}
	var results []store.Result
	for _, key := range awkwardKeys {
		results = append(results, store.Result{Bucket: "b", Key: key, Status: "COMPLETE"})
	}
	slices.Reverse(results)
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		return store.PutResults(ctx, tx, here, "j", "r", results)
	})
	var got [][]byte
	var after store.ResultPlace
	for {
		var page []store.Result
		view(t, db, func(ctx context.Context, tx store.Tx) (err error) {
			page, err = store.Results(ctx, tx, here, "j", "r", after, 7)
			return err
		})
		if len(page) == 0 {
			break
		}
		for _, r := range page {
			got = append(got, r.Key)
			after = store.ResultPlace{Bucket: r.Bucket, Key: r.Key, VersionID: r.VersionID}
		}
	}
	if diff := cmp.Diff(awkwardKeys, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// testNameOrder shows that text sorts by bytes too, whatever the database's collation.
func testNameOrder(t *testing.T, db store.DB) {
	want := []string{"-", "A", "B", "Z", "_", "a", "a-b", "aB", "ab", "b", "é", "\uffff", "\U0001F600"}
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		for i := range want {
			if err := store.PutBucket(ctx, tx, here, store.Bucket{Name: want[len(want)-1-i]}); err != nil {
				return err
			}
		}
		return nil
	})
	var got []string
	view(t, db, func(ctx context.Context, tx store.Tx) error {
		names, err := store.BucketNames(ctx, tx, here)
		got = names
		return err
	})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func settings(t testing.TB, db store.DB) (n int64) {
	t.Helper()
	view(t, db, func(ctx context.Context, tx store.Tx) error {
		return store.One(ctx, tx, "SELECT COUNT(*) FROM settings", nil, &n)
	})
	return n
}

func putSetting(ctx context.Context, tx store.Tx, name string) error {
	return store.PutSetting(ctx, tx, here, name, 1, []byte(name))
}

// testRollback shows that an error keeps nothing, and comes back as it is.
func testRollback(t *testing.T, db store.DB) {
	want := errors.New("no")
	err := db.Update(t.Context(), func(tx store.Tx) error {
		if err := putSetting(t.Context(), tx, "a"); err != nil {
			return err
		}
		return want
	})
	if !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
	if n := settings(t, db); n != 0 {
		t.Errorf("%d rows stayed", n)
	}
}

// testPanic shows that a panic keeps nothing, passes on, and leaves the database usable.
func testPanic(t *testing.T, db store.DB) {
	for range 10 { // more often than there are connections
		func() {
			defer func() {
				if got := recover(); got != "boom" {
					t.Errorf("recovered %v", got)
				}
			}()
			db.Update(t.Context(), func(tx store.Tx) error {
				if err := putSetting(t.Context(), tx, "a"); err != nil {
					t.Error(err)
				}
				if _, err := tx.Query(t.Context(), "SELECT name FROM settings"); err != nil { // left open
					t.Error(err)
				}
				panic("boom")
			})
		}()
	}
	if n := settings(t, db); n != 0 {
		t.Errorf("%d rows stayed", n)
	}
	update(t, db, func(ctx context.Context, tx store.Tx) error { return putSetting(ctx, tx, "b") })
}

// testFailedStatement shows that a failed statement fails the transaction even if its error is passed over.
func testFailedStatement(t *testing.T, db store.DB) {
	var second error
	err := db.Update(t.Context(), func(tx store.Tx) error {
		if err := putSetting(t.Context(), tx, "a"); err != nil {
			return err
		}
		if _, err := tx.Exec(t.Context(), "INSERT INTO no_such_table VALUES (1)"); err == nil {
			t.Error("a statement on no table passed")
		}
		second = putSetting(t.Context(), tx, "b")
		return nil
	})
	if err == nil || second == nil {
		t.Errorf("transaction: %v, statement after the failed one: %v; want errors", err, second)
	}
	if n := settings(t, db); n != 0 {
		t.Errorf("%d rows stayed", n)
	}
}

// testOpenRows shows that a statement is refused while rows are open, and works after they are closed early.
func testOpenRows(t *testing.T, db store.DB) {
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		for _, name := range []string{"a", "b", "c"} {
			if err := putSetting(ctx, tx, name); err != nil {
				return err
			}
		}
		return nil
	})
	view(t, db, func(ctx context.Context, tx store.Tx) error {
		rows, err := tx.Query(ctx, "SELECT name FROM settings ORDER BY name")
		if err != nil {
			return err
		}
		if !rows.Next() {
			t.Error("no row")
		}
		if _, err := tx.Query(ctx, "SELECT name FROM settings"); err == nil {
			t.Error("a second query passed while rows were open")
		}
		if err := errors.Join(rows.Close(), rows.Close()); err != nil {
			return err
		}
		if rows.Next() {
			t.Error("a row after the rows were closed")
		}
		var n int64
		return store.One(ctx, tx, "SELECT COUNT(*) FROM settings", nil, &n)
	})
}

// testEndedTransaction shows that a transaction that was kept after its end does nothing.
func testEndedTransaction(t *testing.T, db store.DB) {
	var kept store.Tx
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		kept = tx
		return nil
	})
	if err := putSetting(t.Context(), kept, "a"); err == nil {
		t.Error("a statement passed after the end")
	}
	if n := settings(t, db); n != 0 {
		t.Errorf("%d rows", n)
	}
}

func testViewCannotWrite(t *testing.T, db store.DB) {
	err := db.View(t.Context(), func(tx store.Tx) error {
		if !tx.ReadOnly() {
			t.Error("a view is not read-only")
		}
		return putSetting(t.Context(), tx, "a")
	})
	if err == nil {
		t.Error("a view wrote")
	}
	if n := settings(t, db); n != 0 {
		t.Errorf("%d rows", n)
	}
}

// testSnapshot shows that a view sees one state from its first statement to its last, while writers go on.
func testSnapshot(t *testing.T, db store.DB) {
	update(t, db, func(ctx context.Context, tx store.Tx) error { return putSetting(ctx, tx, "a") })
	view(t, db, func(ctx context.Context, tx store.Tx) error {
		count := func() (n int64) {
			if err := store.One(ctx, tx, "SELECT COUNT(*) FROM settings", nil, &n); err != nil {
				t.Error(err)
			}
			return n
		}
		before := count()
		update(t, db, func(ctx context.Context, tx store.Tx) error { return putSetting(ctx, tx, "b") })
		if after := count(); before != 1 || after != 1 {
			t.Errorf("the view saw %d rows, then %d", before, after)
		}
		return nil
	})
	if n := settings(t, db); n != 2 {
		t.Errorf("%d rows, want 2", n)
	}
}

// testConcurrentWriters shows that read-modify-write from many goroutines loses nothing.
func testConcurrentWriters(t *testing.T, db store.DB) {
	const writers, each = 8, 15
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Exec(ctx, insertSetting, "1", "r", "counter", int64(0), []byte{})
		return err
	})
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				err := db.Update(t.Context(), func(tx store.Tx) error {
					var n int64
					if err := store.One(t.Context(), tx, "SELECT updated_at FROM settings WHERE name = 'counter'", nil, &n); err != nil {
						return err
					}
					if _, err := tx.Exec(t.Context(), "UPDATE settings SET updated_at = $1 WHERE name = 'counter'", n+1); err != nil {
						return err
					}
					return putSetting(t.Context(), tx, fmt.Sprintf("%d-%d", w, i))
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	var n int64
	view(t, db, func(ctx context.Context, tx store.Tx) error {
		return store.One(ctx, tx, "SELECT updated_at FROM settings WHERE name = 'counter'", nil, &n)
	})
	if rows := settings(t, db); n != writers*each || rows != writers*each+1 {
		t.Errorf("counter %d, %d rows; want %d and one more", n, rows, writers*each)
	}
}

// testWriteSkew shows that nothing stays of a tenant that is deleted while others write for it as long as it is enabled.
func testWriteSkew(t *testing.T, db store.DB) {
	ctx := t.Context()
	for round := range 10 {
		update(t, db, func(ctx context.Context, tx store.Tx) error {
			return store.PutSession(ctx, tx, here, store.Session{Status: "ENABLED"})
		})
		var wg sync.WaitGroup
		for w := range 4 {
			wg.Go(func() {
				err := db.Update(ctx, func(tx store.Tx) error {
					if _, err := store.GetSession(ctx, tx, here); err != nil {
						return err
					}
					return putSetting(ctx, tx, fmt.Sprint(w))
				})
				if err != nil && !errors.Is(err, store.ErrNotFound) {
					t.Error(err)
				}
			})
		}
		wg.Go(func() {
			if err := store.DeleteTenant(ctx, db, here); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		if n := settings(t, db); n != 0 {
			t.Fatalf("round %d: %d rows of a disabled tenant", round, n)
		}
	}
}

// testConflict shows that a second row of a key is a conflict.
func testConflict(t *testing.T, db store.DB) {
	insert := func(tx store.Tx) error {
		_, err := tx.Exec(t.Context(), insertSetting, "1", "r", "a", int64(0), []byte{})
		return err
	}
	update(t, db, func(ctx context.Context, tx store.Tx) error { return insert(tx) })
	if err := db.Update(t.Context(), insert); !errors.Is(err, store.ErrConflict) {
		t.Errorf("got %v, want a conflict", err)
	}
}

// testCancelled shows that a cancelled context stops a transaction at its next step, keeps nothing and names the cause.
func testCancelled(t *testing.T, db store.DB) {
	ctx, cancel := context.WithCancel(t.Context())
	err := db.Update(ctx, func(tx store.Tx) error {
		if err := putSetting(ctx, tx, "a"); err != nil {
			return err
		}
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("update: got %v, want %v", err, context.Canceled)
	}
	for name, run := range map[string]func(context.Context, func(store.Tx) error) error{"update": db.Update, "view": db.View} {
		err := run(ctx, func(store.Tx) error {
			t.Error("a transaction ran under a cancelled context")
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v, want %v", name, err, context.Canceled)
		}
	}
	if n := settings(t, db); n != 0 {
		t.Errorf("%d rows stayed", n)
	}
}

// testCancelLongQuery shows that a deadline stops a statement that would run for hours, and that its connection serves the next one.
func testCancelLongQuery(t *testing.T, db store.DB) {
	for range 6 { // more often than there are connections
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		err := db.View(ctx, func(tx store.Tx) error {
			var n int64
			return store.One(ctx, tx, `WITH RECURSIVE c(n) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM c WHERE n < 1000000000000)
				SELECT COUNT(*) FROM c`, nil, &n)
		})
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
		}
	}
	settings(t, db)
}

func testClosed(t *testing.T, db store.DB) {
	if err := errors.Join(db.Close(), db.Close()); err != nil {
		t.Fatal(err)
	}
	nothing := func(store.Tx) error { return nil }
	for name, err := range map[string]error{
		"update": db.Update(t.Context(), nothing), "view": db.View(t.Context(), nothing), "ping": db.Ping(t.Context()),
	} {
		if !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s: got %v, want %v", name, err, store.ErrUnavailable)
		}
	}
}

// testIdentity shows that numbers of rows are never used again.
func testIdentity(t *testing.T, db store.DB) {
	insert := func() (id int64) {
		update(t, db, func(ctx context.Context, tx store.Tx) error {
			return store.One(ctx, tx, `INSERT INTO shards (account, region, job_id, run_id, shard_key, kind, bucket, payload, state, created_at, updated_at)
				VALUES ('1', 'r', 'j', 'u', 'k', '', '', $1, '', 0, 0) RETURNING id`, []any{[]byte{}}, &id)
		})
		return id
	}
	first := insert()
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		n, err := tx.Exec(ctx, "DELETE FROM shards WHERE id = $1", first)
		if n != 1 {
			t.Errorf("deleted %d rows", n)
		}
		return err
	})
	if second := insert(); second <= first {
		t.Errorf("row %d after row %d", second, first)
	}
}

func testPing(t *testing.T, db store.DB) {
	if err := db.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if e := db.Engine(); e != store.SQLite && e != store.PostgreSQL {
		t.Errorf("engine %v", e)
	}
}
