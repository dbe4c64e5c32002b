package job

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/magpie-sec/magpie/internal/store"
)

// ShardState is the state of a shard; the package comment draws the transitions.
type ShardState string

const (
	Ready   ShardState = "ready"   // claimable while its run is running
	Running ShardState = "running" // a worker holds it under a lease
	Waiting ShardState = "waiting" // failed; not before a backoff has passed
	Done    ShardState = "done"    // its work is committed
	Dead    ShardState = "dead"    // failed or lost too often in a row without progress
)

// unfinished is the SQL for ready, running or waiting. As a range of the index on (run, state) it passes over done shards, which PostgreSQL
// does not do for IN.
const unfinished = `state >= 'ready'`

// Priorities of shards. Everything claimable of a higher priority is claimed first.
const (
	PriorityHigh   = 1
	PriorityNormal = 2 // also the meaning of 0
	PriorityLow    = 3
	PriorityIdle   = 4
)

// NewShard describes a shard to be made.
type NewShard struct {
	Key      string // unique within the run and derived from the work, so that making it again is a no-op; at most 1,000 bytes of text
	Kind     string // for the handler: what Payload and cursor mean
	Bucket   string // for the handler and for people who look; may be empty
	Payload  []byte // for the handler
	Priority int    // [PriorityHigh] to [PriorityIdle]; 0 is [PriorityNormal]
}

// Shard is the stored row of a shard.
type Shard struct {
	ID int64
	RunRef
	Key, Kind, Bucket string
	Payload, Cursor   []byte
	State             ShardState
	Priority          int
	Attempt           int64     // how often it was claimed: the fence
	Failures          int64     // failed or lost attempts since its cursor last moved
	Worker            string    // who holds it, or held it last if its lease was lost; empty otherwise
	LeaseUntil        time.Time // by the clock of the worker that holds it
	NotBefore         time.Time // while waiting
	LastError         string
	Counters          Counters
	CreatedAt         time.Time
	UpdatedAt         time.Time
}

// maxName is the length up to which names go into an index together with their run.
const maxName = 1000

func checkName(what, s string) error {
	if s == "" {
		return fmt.Errorf("%s is empty: %w", what, store.ErrInvalid)
	}
	if len(s) > maxName {
		return fmt.Errorf("%s of %d bytes is longer than %d: %w", what, len(s), maxName, store.ErrInvalid)
	}
	return store.CheckText(what, s)
}

func (s NewShard) check() error {
	if err := checkName("shard key", s.Key); err != nil {
		return err
	}
	if err := store.CheckText("shard kind", s.Kind); err != nil {
		return err
	}
	if err := store.CheckText("bucket", s.Bucket); err != nil {
		return err
	}
	if s.Priority < 0 || s.Priority > PriorityIdle {
		return fmt.Errorf("shard %s: priority %d is not in 1..%d: %w", s.Key, s.Priority, PriorityIdle, store.ErrInvalid)
	}
	return nil
}

// insertBatch is how many shards one statement inserts: few enough for the parameter limits of both engines.
const insertBatch = 200

// insertShards adds the shards that the run does not have yet, and their hints. It returns how many were new.
func (e *Engine) insertShards(ctx context.Context, tx store.Tx, ref RunRef, shards []NewShard) (int, error) {
	added := 0
	for len(shards) > 0 {
		batch := shards[:min(insertBatch, len(shards))]
		shards = shards[len(batch):]
		hints, err := e.insertOnce(ctx, tx, ref, batch)
		if err != nil {
			return added, fmt.Errorf("add shards to run %s of job %s: %w", ref.RunID, ref.JobID, err)
		}
		if len(hints) == 0 {
			continue
		}
		added += len(hints)
		if err := e.cfg.Dispatcher.Enqueue(ctx, tx, hints); err != nil {
			return added, fmt.Errorf("enqueue shards of run %s of job %s: %w", ref.RunID, ref.JobID, err)
		}
	}
	return added, nil
}

func (e *Engine) insertOnce(ctx context.Context, tx store.Tx, ref RunRef, batch []NewShard) ([]Hint, error) {
	var sql strings.Builder
	if len(batch) < insertBatch {
		sql.WriteString(store.Once)
	}
	sql.WriteString(`INSERT INTO shards (account, region, job_id, run_id, state, attempt, created_at, updated_at,
		shard_key, kind, bucket, payload, priority) VALUES `)
	args := append(ref.args(), string(Ready), e.millis())
	for i, s := range batch {
		if err := s.check(); err != nil {
			return nil, err
		}
		if i > 0 {
			sql.WriteByte(',')
		}
		sql.WriteString(`($1, $2, $3, $4, $5, 0, $6, $6`)
		for range 5 {
			sql.WriteString(", $")
			sql.WriteString(strconv.Itoa(len(args) + 1))
			args = append(args, nil)
		}
		sql.WriteByte(')')
		payload := s.Payload
		if payload == nil {
			payload = []byte{}
		}
		priority := int64(s.Priority)
		if priority == 0 {
			priority = PriorityNormal
		}
		copy(args[len(args)-5:], []any{s.Key, s.Kind, s.Bucket, payload, priority})
	}
	sql.WriteString(` ON CONFLICT (account, region, job_id, run_id, shard_key) DO NOTHING RETURNING id, attempt, priority`)
	return scanHints(ctx, tx, sql.String(), args)
}

// nudges makes hints for claimable shards whose own hints may be spent, at most limit: of one run, or of all running runs if ref is nil.
func (e *Engine) nudges(ctx context.Context, tx store.Tx, ref *RunRef, limit int) error {
	where, args := ``, []any{int64(limit)}
	if ref != nil {
		where, args = ` AND r.account = $2 AND r.region = $3 AND r.job_id = $4 AND r.run_id = $5`, append(args, ref.args()...)
	}
	hints, err := scanHints(ctx, tx, `
		SELECT s.id, s.attempt, s.priority FROM runs r JOIN shards s
		ON s.account = r.account AND s.region = r.region AND s.job_id = r.job_id AND s.run_id = r.run_id AND s.state = 'ready'
		WHERE r.state = 'running'`+where+` LIMIT $1`, args)
	if err != nil || len(hints) == 0 {
		return err
	}
	for i := range hints {
		hints[i].Nudge = e.millis()
	}
	return e.cfg.Dispatcher.Enqueue(ctx, tx, hints)
}

func scanHints(ctx context.Context, tx store.Tx, sql string, args []any) ([]Hint, error) {
	var hints []Hint
	err := store.Each(ctx, tx, sql, args, func(rows store.Rows) error {
		var h Hint
		var priority int64
		if err := rows.Scan(&h.ShardID, &h.Attempt, &priority); err != nil {
			return err
		}
		h.Priority = int(priority)
		hints = append(hints, h)
		return nil
	})
	return hints, err
}

const shardColumns = `id, account, region, job_id, run_id, shard_key, kind, bucket, payload, cursor, state, priority, attempt, failures,
	worker, lease_until, not_before, last_error, objects, bytes, classified, skipped, findings, listed, created_at, updated_at`

func scanShard(rows store.Rows) (Shard, error) {
	var s Shard
	var state string
	var priority, lease, notBefore, created, updated int64
	err := rows.Scan(&s.ID, &s.Account, &s.Region, &s.JobID, &s.RunID, &s.Key, &s.Kind, &s.Bucket, &s.Payload, &s.Cursor, &state, &priority,
		&s.Attempt, &s.Failures, &s.Worker, &lease, &notBefore, &s.LastError, &s.Counters.Objects, &s.Counters.Bytes, &s.Counters.Classified,
		&s.Counters.Skipped, &s.Counters.Findings, &s.Counters.Listed, &created, &updated)
	s.State, s.Priority = ShardState(state), int(priority)
	s.LeaseUntil, s.NotBefore = time.UnixMilli(lease).UTC(), time.UnixMilli(notBefore).UTC()
	s.CreatedAt, s.UpdatedAt = time.UnixMilli(created).UTC(), time.UnixMilli(updated).UTC()
	return s, err
}

// Shards lists the shards of a run in a state (every state if it is empty) by id, those after the given id, at most limit. The dead ones
// say in LastError what they failed of.
func Shards(ctx context.Context, tx store.Tx, ref RunRef, state ShardState, after int64, limit int) ([]Shard, error) {
	var shards []Shard
	err := store.Each(ctx, tx, `
		SELECT `+shardColumns+` FROM shards
		WHERE account = $1 AND region = $2 AND job_id = $3 AND run_id = $4 AND ($5 = '' OR state = $5) AND id > $6
		ORDER BY id LIMIT $7`,
		append(ref.args(), string(state), after, int64(limit)),
		func(rows store.Rows) error {
			s, err := scanShard(rows)
			shards = append(shards, s)
			return err
		})
	return shards, err
}

// AnyReady says whether a run has shards that nobody has claimed yet.
func AnyReady(ctx context.Context, tx store.Tx, ref RunRef) (bool, error) {
	var id int64
	err := store.One(ctx, tx, `
		SELECT id FROM shards WHERE account = $1 AND region = $2 AND job_id = $3 AND run_id = $4 AND state = 'ready' LIMIT 1`, ref.args(), &id)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// GetShard reads a shard by its id; [store.ErrNotFound] if there is none.
func GetShard(ctx context.Context, tx store.Tx, id int64) (Shard, error) {
	var s Shard
	found := false
	err := store.Each(ctx, tx, `SELECT `+shardColumns+` FROM shards WHERE id = $1`, []any{id}, func(rows store.Rows) (err error) {
		s, err = scanShard(rows)
		found = true
		return err
	})
	if err == nil && !found {
		err = fmt.Errorf("shard %d: %w", id, store.ErrNotFound)
	}
	return s, err
}
