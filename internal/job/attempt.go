package job

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/magpie-sec/magpie/internal/store"
)

// Why an attempt has to end. A handler returns them as they come; they are never counted as failures of the shard.
var (
	// ErrFenced says that the shard has been given to another worker, or its run is over. Nothing was committed.
	ErrFenced = errors.New("another attempt has taken over")
	// ErrPaused says that the run is paused. Nothing was committed; the shard goes on from its last commit once the run is resumed.
	ErrPaused = errors.New("run is paused")
	// ErrCancelled says that the run is cancelled. Nothing was committed.
	ErrCancelled = errors.New("run is cancelled")
	// ErrStopping says that this worker stops. A [Attempt.Commit] that returns it may have been made. The shard is handed to another worker.
	ErrStopping = errors.New("worker is stopping")
)

// Handler does the work of shards.
type Handler interface {
	// Work does the shard of the attempt from its cursor on, committing as it goes. It returns nil when all of it is committed, an error
	// if the attempt failed and is to be tried again later, or [Permanent] if trying again is useless. Its context ends when the attempt
	// must (context.Cause tells which of [ErrFenced], [ErrPaused], [ErrCancelled], [ErrStopping] it is). A panic is an error.
	//
	// The texts of errors are stored and logged: they must not hold what was found in objects.
	Work(ctx context.Context, a *Attempt) error
	// RunFinished is called once for a run that becomes complete, in the very transaction, and again if it was reopened by [RetryDead]. It may run several times before that
	// transaction commits. Its error leaves the run unfinished; it is tried again after a while.
	RunFinished(ctx context.Context, tx store.Tx, run Run, totals Totals) error
}

// Permanent makes an error that lets the shard die at once instead of being tried again.
func Permanent(err error) error { return &permanentError{err} }

type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

// Attempt is one worker's try at a shard. Its fields do not change.
type Attempt struct {
	Run      RunRef
	ShardID  int64
	Key      string // the shard's, unique within its run
	Kind     string
	Bucket   string
	Payload  []byte
	Cursor   []byte // of the last commit of any attempt at this shard; nil at the beginning
	Priority int
	Number   int64 // of this attempt, from 1: the fence
	Failures int64 // failed or lost attempts since the cursor last moved

	engine *Engine
	log    *slog.Logger
	cancel context.CancelCauseFunc
	ctx    context.Context

	cursor   []byte // of the last commit; guarded by commits
	failures int64  // as in the shard's row; guarded by commits
	fenced   sync.Once

	commits sync.Mutex   // held while a transaction of this attempt is under way
	inTx    atomic.Bool  // the same, for the heartbeat, which leaves such a row alone
	renewed atomic.Int64 // when the lease was last renewed, as a time since the engine's start

	added    atomic.Bool // a transaction has added shards
	settling atomic.Bool // Work has returned, or is no longer waited for

	noteMu sync.Mutex
	note   runNote
}

type runNote struct{ code, message string }

// Log returns a logger that names the tenant, job, run, shard and attempt.
func (a *Attempt) Log() *slog.Logger { return a.log }

// Commit makes a step of the shard take effect. In one transaction it proves that this attempt still holds the shard and that the run is
// running, adds delta to the shard's counters, stores the cursor with which the next attempt would start, and lets write add the
// handler's own rows and new shards ([Attempt.AddShards]). It returns [ErrFenced], [ErrPaused] or [ErrCancelled] if the proof fails, an
// error of write as it is, or one of package store; in all these cases nothing was kept, except that after [store.ErrUnavailable] it is
// unknown. When the worker is stopping it makes the commit and returns [ErrStopping].
//
// write may be nil. It may be called several times, so it must change nothing outside the transaction. Commit renews the lease.
func (a *Attempt) Commit(ctx context.Context, cursor []byte, delta Counters, write func(tx store.Tx) error) error {
	if err := context.Cause(a.ctx); err != nil {
		return err
	}
	e := a.engine
	a.begin()
	defer a.end()
	note := a.pendingNote()
	err := e.update(ctx, func(tx store.Tx) error {
		state, err := lockRun(ctx, tx, a.Run, note.code != "")
		if err != nil {
			return err
		}
		if err := state.refusal(); err != nil {
			return err
		}
		if err := a.advance(ctx, tx, cursor, delta); err != nil {
			return err
		}
		if note.code != "" {
			if err := noteRunError(ctx, tx, a.Run, note.code, note.message); err != nil {
				return err
			}
		}
		if write == nil {
			return nil
		}
		return write(tx)
	})
	if err != nil {
		return a.commitError(err)
	}
	a.forgetNote(note)
	if !sameCursor(a.cursor, cursor) {
		a.cursor, a.failures = cursor, 0
	}
	a.renewed.Store(int64(e.sinceStart()))
	e.metrics.committed(a)
	if a.added.Swap(false) {
		e.cfg.Dispatcher.Wake()
	}
	if e.Stopping() {
		return ErrStopping
	}
	return nil
}

// advance is the fence: it touches the shard's row only if this attempt holds it, and only if the row is where this attempt's last commit
// left it. A database that failed over to a standby may have lost that commit, and even the claim, so that the number is given out again:
// then what was lost has to be done again before anything that comes after it.
func (a *Attempt) advance(ctx context.Context, tx store.Tx, cursor []byte, delta Counters) error {
	n, err := tx.Exec(ctx, `
		UPDATE shards SET cursor = $3, failures = CASE WHEN cursor IS DISTINCT FROM $3 THEN 0 ELSE failures END,
			objects = objects + $4, bytes = bytes + $5, classified = classified + $6, skipped = skipped + $7,
			findings = findings + $8, listed = listed + $9, lease_until = `+newLease("$10")+`, updated_at = $11
		WHERE id = $1 AND attempt = $2 AND state = 'running' AND worker = $12 AND cursor IS NOT DISTINCT FROM $13`,
		a.ShardID, a.Number, cursor, delta.Objects, delta.Bytes, delta.Classified, delta.Skipped, delta.Findings, delta.Listed,
		a.engine.leaseMillis(), a.engine.millis(), a.engine.cfg.Worker, a.cursor)
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrFenced
	}
	return nil
}

// sameCursor compares as the database does: no cursor is not the same as an empty one.
func sameCursor(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }

func (a *Attempt) commitError(err error) error {
	if cause := context.Cause(a.ctx); cause != nil {
		return cause
	}
	if errors.Is(err, ErrFenced) {
		a.engine.metrics.fenced(a)
	}
	for _, end := range []error{ErrFenced, ErrPaused, ErrCancelled} {
		if errors.Is(err, end) {
			a.cancel(end)
			return err
		}
	}
	return fmt.Errorf("commit of shard %d: %w", a.ShardID, err)
}

// AddShards adds shards to the run of the attempt inside the transaction that [Attempt.Commit] handed to write. Shards whose key the run
// has already are passed over. It returns how many were new.
func (a *Attempt) AddShards(ctx context.Context, tx store.Tx, shards ...NewShard) (int, error) {
	added, err := a.engine.insertShards(ctx, tx, a.Run, shards)
	if added > 0 {
		a.added.Store(true)
	}
	return added, err
}

// NoteRunError notes an error that the whole run should show, such as a bucket that may not be listed. It is stored with the next commit
// or when the shard is done. The first one of a run stays. code must not be empty.
func (a *Attempt) NoteRunError(code, message string) {
	a.noteMu.Lock()
	defer a.noteMu.Unlock()
	if a.note.code == "" {
		a.note = runNote{store.CleanText(code), cutText(message, maxErrorText)}
	}
}

func (a *Attempt) pendingNote() runNote {
	a.noteMu.Lock()
	defer a.noteMu.Unlock()
	return a.note
}

func (a *Attempt) forgetNote(stored runNote) {
	a.noteMu.Lock()
	defer a.noteMu.Unlock()
	if a.note == stored {
		a.note = runNote{}
	}
}

func (a *Attempt) begin() {
	a.commits.Lock()
	a.inTx.Store(true)
}

func (a *Attempt) end() {
	a.inTx.Store(false)
	a.commits.Unlock()
}

// newLease is the SQL for the new value of lease_until: the wanted one, or one more than it was, so that every renewal shows as a change
// even to clocks that stand still or run backwards.
func newLease(param string) string {
	return "CASE WHEN " + param + " > lease_until THEN " + param + " ELSE lease_until + 1 END"
}

// patience is how long a transaction of the engine may take: a connection that is dead without having ended must not hold up a process for
// good. Whoever is cut off loses the lease in the meantime anyway.
func (e *Engine) patience() time.Duration { return max(e.cfg.Lease, 15*time.Second) }

// update is Update of the database, within the engine's patience.
func (e *Engine) update(ctx context.Context, fn func(store.Tx) error) error {
	return e.within(ctx, e.cfg.DB.Update, fn)
}

// view is View of the database, within the engine's patience.
func (e *Engine) view(ctx context.Context, fn func(store.Tx) error) error {
	return e.within(ctx, e.cfg.DB.View, fn)
}

func (e *Engine) within(ctx context.Context, run func(context.Context, func(store.Tx) error) error, fn func(store.Tx) error) error {
	bounded, cancel := context.WithTimeout(ctx, e.patience())
	defer cancel()
	err := run(bounded, fn)
	if err != nil && ctx.Err() == nil && bounded.Err() != nil && !errors.Is(err, store.ErrUnavailable) {
		return fmt.Errorf("the database took longer than %s: %w: %w", e.patience(), store.ErrUnavailable, err)
	}
	return err
}

func (e *Engine) now() time.Time            { return e.cfg.Clock.Now() }
func (e *Engine) sinceStart() time.Duration { return e.now().Sub(e.epoch) }
func (e *Engine) millis() int64             { return e.now().UnixMilli() }
func (e *Engine) leaseMillis() int64        { return e.now().Add(e.cfg.Lease).UnixMilli() }
