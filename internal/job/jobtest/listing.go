// Package jobtest is the conformance suite of the work engine: [Run] holds a dispatcher on a database to what package job promises, with
// a synthetic job that lists keys and writes one row for each, and with processes that are really killed.
package jobtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/store"
)

// Listing is a synthetic job: keys 0 to Keys-1, listed page by page, dealt with in shards, step by step.
type Listing struct {
	Keys     int // how many there are
	Page     int // how many the listing finds with each request
	PerShard int // how many make a shard
	Step     int // how many a shard deals with between commits
	Priority int // of all its shards
}

// Standard is a listing of 5,000 keys that makes 50 shards with 10 commits each.
var Standard = Listing{Keys: 5000, Page: 500, PerShard: 100, Step: 10}

// Shard returns the listing's first shard, which makes all others.
func (l Listing) Shard() job.NewShard {
	payload, err := json.Marshal(l)
	if err != nil {
		panic(err) // five ints
	}
	return job.NewShard{Key: "list", Kind: "list", Bucket: "synthetic", Payload: payload, Priority: l.Priority}
}

// part is the payload of a shard that deals with keys.
type part struct {
	From, To, Step int
}

// Handler does the shards of a [Listing]. Its effects go into tables of its own, see [CreateTables].
type Handler struct {
	// Before is called before each commit with the first key of the step; its error fails the attempt. It may be nil.
	Before func(ctx context.Context, a *job.Attempt, key int) error
	// Inside is called in each transaction after its writes. It may be nil.
	Inside func(a *job.Attempt)
	// Finish is called by RunFinished before it writes; its error fails it. It may be nil.
	Finish func(run job.Run, totals job.Totals) error
}

var _ job.Handler = (*Handler)(nil)

// CreateTables makes the tables that the handler writes: an effect for each key, without any constraint that would hide a second one, and
// a row for each time that a run was finished.
func CreateTables(ctx context.Context, db store.DB) error {
	return db.Update(ctx, func(tx store.Tx) error {
		for _, sql := range []string{
			`CREATE TABLE effects (run_id TEXT NOT NULL, key BIGINT NOT NULL)`,
			`CREATE TABLE finishes (run_id TEXT NOT NULL, objects BIGINT NOT NULL, dead BIGINT NOT NULL)`,
		} {
			if _, err := tx.Exec(ctx, sql); err != nil {
				return err
			}
		}
		return nil
	})
}

// Work implements [job.Handler].
func (h *Handler) Work(ctx context.Context, a *job.Attempt) error {
	switch a.Kind {
	case "list":
		return h.list(ctx, a)
	case "keys":
		return h.keys(ctx, a)
	}
	return job.Permanent(fmt.Errorf("no such kind of shard: %q", a.Kind))
}

// list is the pattern for listings: every page is one commit that holds the continuation, the shards made of the page and its count.
func (h *Handler) list(ctx context.Context, a *job.Attempt) error {
	var l Listing
	if err := json.Unmarshal(a.Payload, &l); err != nil {
		return job.Permanent(err)
	}
	next, err := position(a.Cursor, 0)
	if err != nil {
		return err
	}
	for next < l.Keys {
		if err := h.before(ctx, a, next); err != nil {
			return err
		}
		end := min(next+l.Page, l.Keys)
		var shards []job.NewShard
		for from := next; from < end; from += l.PerShard {
			payload, err := json.Marshal(part{from, min(from+l.PerShard, end), l.Step})
			if err != nil {
				return err
			}
			shards = append(shards, job.NewShard{Key: "keys:" + strconv.Itoa(from), Kind: "keys", Bucket: a.Bucket, Payload: payload, Priority: a.Priority})
		}
		err := a.Commit(ctx, []byte(strconv.Itoa(end)), job.Counters{Listed: int64(end - next)}, func(tx store.Tx) error {
			if _, err := a.AddShards(ctx, tx, shards...); err != nil {
				return err
			}
			h.inside(a)
			return nil
		})
		if err != nil {
			return err
		}
		next = end
	}
	return nil
}

func (h *Handler) keys(ctx context.Context, a *job.Attempt) error {
	var p part
	if err := json.Unmarshal(a.Payload, &p); err != nil {
		return job.Permanent(err)
	}
	next, err := position(a.Cursor, p.From)
	if err != nil {
		return err
	}
	for next < p.To {
		if err := h.before(ctx, a, next); err != nil {
			return err
		}
		end := min(next+p.Step, p.To)
		err := a.Commit(ctx, []byte(strconv.Itoa(end)), job.Counters{Objects: int64(end - next), Bytes: sum(next, end)}, func(tx store.Tx) error {
			for key := next; key < end; key++ {
				if _, err := tx.Exec(ctx, `INSERT INTO effects (run_id, key) VALUES ($1, $2)`, a.Run.RunID, int64(key)); err != nil {
					return err
				}
			}
			h.inside(a)
			return nil
		})
		if err != nil {
			return err
		}
		next = end
	}
	return nil
}

func (h *Handler) before(ctx context.Context, a *job.Attempt, key int) error {
	if h.Before == nil {
		return nil
	}
	return h.Before(ctx, a, key)
}

func (h *Handler) inside(a *job.Attempt) {
	if h.Inside != nil {
		h.Inside(a)
	}
}

// RunFinished implements [job.Handler].
func (h *Handler) RunFinished(ctx context.Context, tx store.Tx, run job.Run, totals job.Totals) error {
	if h.Finish != nil {
		if err := h.Finish(run, totals); err != nil {
			return err
		}
	}
	_, err := tx.Exec(ctx, `INSERT INTO finishes (run_id, objects, dead) VALUES ($1, $2, $3)`, run.RunID, totals.Objects, totals.Dead)
	return err
}

// sum is what the handler counts as bytes of the keys from..to-1: something that shows a key dealt with twice and another one not at all.
func sum(from, to int) int64 {
	var n int64
	for key := from; key < to; key++ {
		n += int64(key)
	}
	return n
}

func position(cursor []byte, start int) (int, error) {
	if cursor == nil {
		return start, nil
	}
	n, err := strconv.Atoi(string(cursor))
	if err != nil {
		return 0, job.Permanent(errors.New("cursor is no number"))
	}
	return n, nil
}
