package job

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/store/sqlite"
	"github.com/magpie-sec/magpie/internal/store/storetest"
)

func TestBackoff(t *testing.T) {
	b := Backoff{Base: time.Second, Max: 5 * time.Minute}
	for _, v := range []struct {
		failures int64
		random   float64
		want     time.Duration
	}{
		{1, 0, time.Second}, {1, 0.5, 750 * time.Millisecond}, {2, 0, 2 * time.Second}, {5, 0, 16 * time.Second},
		{9, 0, 256 * time.Second}, {10, 0, 5 * time.Minute}, {1 << 40, 0, 5 * time.Minute}, {10, 0.5, 225 * time.Second},
	} {
		if got := b.after(v.failures, v.random); got != v.want {
			t.Errorf("after %d failures with %v: %v, want %v", v.failures, v.random, got, v.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		failures := rapid.Int64Range(1, 1<<50).Draw(t, "failures")
		got := b.after(failures, rapid.Float64Range(0, 0.9999999).Draw(t, "random"))
		if got < b.Base/2 || got > b.Max {
			t.Fatalf("%v", got)
		}
	})
}

func TestCutText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := string(rapid.SliceOf(rapid.Byte()).Draw(t, "text")) + strings.Repeat("é", rapid.IntRange(0, 20).Draw(t, "more"))
		limit := rapid.IntRange(1, 30).Draw(t, "limit")
		got := cutText(s, limit)
		if !utf8.ValidString(got) || strings.Contains(got, "\x00") {
			t.Fatalf("the database would refuse %q", got)
		}
		if store.CleanText(s) == s && (len(got) > limit || !strings.HasPrefix(s, got) || len(s) > limit && len(got) < limit-3) {
			t.Fatalf("%q cut to %d is %q", s, limit, got)
		}
	})
}

func TestPanicText(t *testing.T) {
	panicking := func(fn func()) (err error) {
		defer func() { err = newPanicError(recover()) }()
		fn()
		return nil
	}
	for name, v := range map[string]struct {
		fn          func()
		want, never string
	}{
		"own value":   {func() { panic("4111 1111 1111 1111") }, "handler panicked with a string at", "4111"},
		"own error":   {func() { panic(errors.New("4111 1111 1111 1111")) }, "handler panicked with a *errors.errorString at", "4111"},
		"the runtime": {func() { var p *Attempt; _ = p.Key }, "nil pointer dereference at", "4111"},
	} {
		got := panicking(v.fn).Error()
		if !strings.Contains(got, v.want) || strings.Contains(got, v.never) || !strings.Contains(got, "TestPanicText") {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestConfig(t *testing.T) {
	good := Config{DB: openSQLite(t), Handler: &model{}, Dispatcher: silent{}}
	e, err := New(good)
	if err != nil {
		t.Fatal(err)
	}
	if c := e.cfg; c.Lease != 30*time.Second || c.MaxFailures != 16 || c.StopWithin != 10*time.Second || c.Slots < 1 || e.Worker() == "" {
		t.Errorf("defaults: %+v", c)
	}
	if again, err := New(good); err != nil || again.Worker() == e.Worker() {
		t.Errorf("two engines share the name %s (%v)", e.Worker(), err)
	}
	for name, spoil := range map[string]func(*Config){
		"no database":      func(c *Config) { c.DB = nil },
		"no handler":       func(c *Config) { c.Handler = nil },
		"no dispatcher":    func(c *Config) { c.Dispatcher = nil },
		"negative slots":   func(c *Config) { c.Slots = -1 },
		"negative lease":   func(c *Config) { c.Lease = -1 },
		"NUL in the name":  func(c *Config) { c.Worker = "a\x00" },
		"negative backoff": func(c *Config) { c.Backoff.Max = -1 },
	} {
		bad := good
		spoil(&bad)
		if _, err := New(bad); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func openSQLite(t *testing.T) store.DB {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "magpie.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return storetest.Conflicting(db)
}

// TestSweepUnfinished completes a run whose last shard was closed without anybody noticing that it was the last.
func TestSweepUnfinished(t *testing.T) {
	ctx := context.Background()
	db := openSQLite(t)
	createFinishes(t, db)
	e, err := New(Config{DB: db, Handler: &model{}, Dispatcher: silent{}})
	if err != nil {
		t.Fatal(err)
	}
	var refs []RunRef
	err = db.Update(ctx, func(tx store.Tx) error {
		refs = nil
		for _, key := range []string{"over", "paused", "unfinished"} {
			run, _, err := e.StartRun(ctx, tx, store.Tenant{Account: "123456789012", Region: "us-east-1"}, "job", key, NewShard{Key: "s"})
			if err != nil {
				return err
			}
			refs = append(refs, run.RunRef)
		}
		_, err := tx.Exec(ctx, `UPDATE shards SET state = 'done' WHERE run_id <> $1`, refs[2].RunID)
		if err != nil {
			return err
		}
		_, err = e.PauseRun(ctx, tx, refs[1])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := e.sweep(ctx); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []int64{1, 0, 0} {
		err := db.View(ctx, func(tx store.Tx) error {
			n, err := finishes(ctx, tx, refs[i])
			if err == nil && n != want {
				t.Errorf("run %d of 3 was finished %d times, want %d", i, n, want)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
