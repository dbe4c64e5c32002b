package jobtest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/magpie-sec/magpie/internal/job"
)

// small is a listing of 5 shards with 4 commits each.
var small = Listing{Keys: 100, Page: 40, PerShard: 20, Step: 5}

// retry lets every step fail once, in every way there is, before it succeeds.
func retry(t *testing.T, s Suite) {
	e := newEnv(t, s)
	var mu sync.Mutex
	failed := make(map[string]bool)
	h := &Handler{Before: func(ctx context.Context, a *job.Attempt, key int) error {
		mu.Lock()
		step := fmt.Sprint(a.Kind, key)
		first := !failed[step]
		failed[step] = true
		mu.Unlock()
		if !first {
			return nil
		}
		switch key / 5 % 4 { // 2 is for keys from 10 on
		case 0:
			return errors.New("the source hiccups")
		case 1:
			panic("secret value 4111111111111111")
		case 2:
			return errors.New("key of nothing: " + "abc"[key:]) // a panic of the runtime
		default:
			runtime.Goexit()
		}
		return nil
	}}
	engine := e.started(h, func(c *job.Config) { c.MaxFailures = 2 }) // every step is progress, so one failure each is not too much
	ref := e.begin(engine, "j", small)
	e.complete(ref, small)
	if c := e.ended(); c.retried != len(failed) || c.dead != 0 || len(failed) != 23 {
		t.Errorf("%d steps failed once each, and the events are %+v", len(failed), c)
	}
	for _, shard := range e.shards(ref, "") {
		if strings.Contains(shard.LastError, "4111") {
			t.Errorf("the value of a panic is stored: %q", shard.LastError)
		}
		if shard.LastError == "" {
			t.Errorf("shard %s has forgotten its last error", shard.Key)
		}
	}
}

// poison has a key that never works: its shard dies with what was committed before, everything else is done.
func poison(t *testing.T, s Suite) {
	e := newEnv(t, s)
	var tries atomic.Int64
	h := &Handler{Before: func(ctx context.Context, a *job.Attempt, key int) error {
		if a.Kind == "keys" && key == 50 {
			tries.Add(1)
			return fmt.Errorf("object is poisonous: %s", strings.Repeat("é", 2000))
		}
		return nil
	}}
	engine := e.started(h, func(c *job.Config) { c.MaxFailures = 3 })
	ref := e.begin(engine, "j", small)
	e.complete(ref, small, keys(50, 60)...)
	run := e.run(ref)
	if run.ErrorCode != job.ErrorShardsDead || !strings.Contains(run.ErrorMessage, "1 of 6 shards") {
		t.Errorf("run ended with error %q, %q", run.ErrorCode, run.ErrorMessage)
	}
	dead := e.shards(ref, job.Dead)
	if len(dead) != 1 {
		t.Fatalf("%d dead shards, want 1", len(dead))
	}
	d := dead[0]
	if d.Key != "keys:40" || d.Failures != 3 || tries.Load() != 3 || d.Attempt != 3 || d.Counters.Objects != 10 || string(d.Cursor) != "50" {
		t.Errorf("dead shard after %d tries: %+v", tries.Load(), d)
	}
	if !strings.HasPrefix(d.LastError, "object is poisonous") || len(d.LastError) > 1000 {
		t.Errorf("last error has %d bytes: %q", len(d.LastError), d.LastError)
	}
	if c := e.ended(); c.dead != 1 || c.retried != 2 {
		t.Errorf("events: %+v, want 2 retries and 1 dead", c)
	}
}

func keys(from, to int) []int {
	var list []int
	for key := from; key < to; key++ {
		list = append(list, key)
	}
	return list
}

func permanent(t *testing.T, s Suite) {
	e := newEnv(t, s)
	engine := e.started(&Handler{Before: func(ctx context.Context, a *job.Attempt, key int) error {
		if a.Kind == "keys" && key == 0 {
			return fmt.Errorf("no use: %w", job.Permanent(errors.New("bucket is gone")))
		}
		return nil
	}}, nil)
	ref := e.begin(engine, "j", small)
	e.complete(ref, small, keys(0, 20)...)
	dead := e.shards(ref, job.Dead)
	if len(dead) != 1 || dead[0].Attempt != 1 || dead[0].LastError != "no use: bucket is gone" {
		t.Errorf("dead shards: %+v", dead)
	}
}

// listingFails has the listing fail around each of its pages, before and after the commit.
func listingFails(t *testing.T, s Suite) {
	e := newEnv(t, s)
	var calls atomic.Int64
	h := &Handler{Before: func(ctx context.Context, a *job.Attempt, key int) error {
		if a.Kind == "list" && calls.Add(1)%2 == 1 {
			return errors.New("the store answers 503")
		}
		return nil
	}}
	engine := e.started(h, nil)
	ref := e.begin(engine, "j", small)
	e.complete(ref, small)
	if got := e.totals(ref).Shards(); got != 6 {
		t.Errorf("%d shards, want 6", got)
	}
}

// finishFails has RunFinished fail and panic before it works.
func finishFails(t *testing.T, s Suite) {
	e := newEnv(t, s)
	var calls atomic.Int64
	h := &Handler{Finish: func(run job.Run, totals job.Totals) error {
		switch calls.Add(1) {
		case 1:
			return errors.New("the service cannot finish yet")
		case 2:
			panic("at the worst moment")
		}
		if run.State != job.RunComplete || totals.Objects != 100 || totals.Unfinished() != 0 {
			t.Errorf("RunFinished was told %+v with %+v", run, totals)
		}
		return nil
	}}
	// It is not the shard's failure. One slot: when several shards are closed at once it is nobody's, and the next sweep tries again.
	engine := e.started(h, func(c *job.Config) { c.MaxFailures, c.Slots = 1, 1 })
	ref := e.begin(engine, "j", small)
	e.complete(ref, small)
	if c := e.ended(); c.dead != 0 || c.retried != 2 {
		t.Errorf("events: %+v, want 2 retries and none dead", c)
	}
	if run := e.run(ref); run.ErrorCode != "" {
		t.Errorf("run has error %s %s", run.ErrorCode, run.ErrorMessage)
	}
}

// runError notes errors of the run from several shards: the first one stays.
func runError(t *testing.T, s Suite) {
	e := newEnv(t, s)
	engine := e.started(&Handler{Before: func(ctx context.Context, a *job.Attempt, key int) error {
		if a.Kind == "keys" {
			a.NoteRunError("BUCKET_ACCESS_DENIED", "shard "+a.Key)
			a.NoteRunError("IGNORED", "this attempt has noted one already")
		}
		return nil
	}}, nil)
	ref := e.begin(engine, "j", small)
	e.complete(ref, small)
	if run := e.run(ref); run.ErrorCode != "BUCKET_ACCESS_DENIED" || !strings.HasPrefix(run.ErrorMessage, "shard keys:") {
		t.Errorf("run has error %q, %q", run.ErrorCode, run.ErrorMessage)
	}
	if c := e.ended(); c.retried != 0 {
		t.Errorf("events: %+v, want no retries", c)
	}
}
