package job

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/magpie-sec/magpie/internal/store"
)

// maxErrorText bounds the texts of errors that are stored, in bytes.
const maxErrorText = 1000

// closing says how a shard is to be closed: as done or dead.
type closing struct {
	run     RunRef
	id      int64
	attempt int64
	state   ShardState // Done or Dead
	failure string     // the last error of a dead shard
	note    runNote
	held    *Attempt // whose worker closes it; nil for a sweeper, who knows nothing of its cursor
}

// closeShard closes a running shard and, if it was the last unfinished one, completes the run.
//
// Two workers that close the last two shards at once must not both think that the other one is still at work. On SQLite they cannot, it
// has one writer. On PostgreSQL a transaction sees the state of the moment it began, so both may. Therefore whoever saw another unfinished
// shard looks again after its commit: of two that overlap, the one that commits last then sees that nothing is left. Completing the run
// writes its row, so of two that try only one can. Should a worker die between its commit and that look, the sweep completes the run.
// (Taking turns on the run's row instead would make all workers of a run that end their shards together wait for each other.)
func (e *Engine) closeShard(ctx context.Context, c closing) error {
	var run *Run
	var last bool
	err := e.update(ctx, func(tx store.Tx) (err error) {
		run = nil
		if last, err = nothingLeft(ctx, tx, c.run, c.id); err != nil {
			return err
		}
		state, err := lockRun(ctx, tx, c.run, last || c.note.code != "")
		if err != nil {
			return err
		}
		if err := state.refusal(); err != nil {
			return err
		}
		if err := c.write(ctx, tx, e.millis()); err != nil {
			return err
		}
		if last {
			run, err = e.finishRun(ctx, tx, c.run)
		}
		return err
	})
	if err != nil {
		return err
	}
	e.completed(run)
	if !last && e.cfg.DB.Engine() != store.SQLite {
		if err := e.finishIfOver(ctx, c.run); err != nil {
			e.log.Warn("could not look whether a run is over; the next sweep will", "job", c.run.JobID, "run", c.run.RunID, "error", err.Error())
		}
	}
	return nil
}

// write changes the row of the shard, and keeps the note. The caller holds the run.
func (c closing) write(ctx context.Context, tx store.Tx, now int64) error {
	where, args := ``, []any{c.id, c.attempt, string(c.state), now, c.failure}
	if c.held != nil { // see Attempt.advance
		where, args = ` AND worker = $6 AND cursor IS NOT DISTINCT FROM $7`, append(args, c.held.engine.cfg.Worker, c.held.cursor)
	}
	n, err := tx.Exec(ctx, `
		UPDATE shards SET state = $3, worker = '', updated_at = $4,
			last_error = CASE WHEN $3 = 'dead' THEN $5 ELSE last_error END,
			failures = failures + CASE WHEN $3 = 'dead' THEN 1 ELSE 0 END
		WHERE id = $1 AND attempt = $2 AND state = 'running'`+where, args...)
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrFenced
	}
	if c.note.code == "" {
		return nil
	}
	return noteRunError(ctx, tx, c.run, c.note.code, c.note.message)
}

// nothingLeft says whether a run has no unfinished shard but the given one.
func nothingLeft(ctx context.Context, tx store.Tx, ref RunRef, except int64) (bool, error) {
	var id int64
	err := store.One(ctx, tx, `
		SELECT id FROM shards
		WHERE account = $1 AND region = $2 AND job_id = $3 AND run_id = $4 AND `+unfinished+` AND id <> $5 LIMIT 1`,
		append(ref.args(), except), &id)
	if errors.Is(err, store.ErrNotFound) {
		return true, nil
	}
	return false, err
}

// finishIfOver completes a running run if nothing of it is left.
func (e *Engine) finishIfOver(ctx context.Context, ref RunRef) error {
	var over bool
	err := e.view(ctx, func(tx store.Tx) (err error) {
		over, err = nothingLeft(ctx, tx, ref, 0)
		return err
	})
	if err != nil || !over {
		return err
	}
	var run *Run
	err = e.update(ctx, func(tx store.Tx) error {
		run = nil
		state, err := lockRun(ctx, tx, ref, true)
		if err != nil || state != RunRunning {
			return err
		}
		run, err = e.finishRun(ctx, tx, ref)
		return err
	})
	if errors.Is(err, ErrFenced) {
		return nil // somebody else has completed, deleted or extended it
	}
	if err == nil {
		e.completed(run)
	}
	return err
}

// settleTries is how often an engine tries to write down how an attempt ended, every thirtieth of a lease, before it leaves that to the
// lease. The database may be away for a moment.
const settleTries = 10

// settle writes down how an attempt ended.
func (e *Engine) settle(a *Attempt, workErr error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(a.ctx), e.cfg.Lease)
	defer cancel()
	a.begin()
	defer a.end()
	for try := 1; ; try++ {
		err := e.settleAs(ctx, a, workErr)
		switch {
		case err == nil:
			return
		case errors.Is(err, ErrFenced) && try == 1:
			e.metrics.fenced(a)
			a.log.Info("shard was given to another attempt; this one ends without effect")
			return
		case errors.Is(err, ErrFenced):
			a.log.Info("shard is settled: by a transaction whose answer was lost, or by another attempt")
			return
		case !errors.Is(err, store.ErrUnavailable) || try == settleTries || !e.pause(ctx, e.cfg.Lease/30):
			// The row stays as it is and nobody renews its lease, so a sweeper will return it.
			a.log.Warn("could not write down how an attempt ended; its lease will run out", "error", err.Error())
			return
		}
	}
}

// pause waits, and says whether it may go on afterwards.
func (e *Engine) pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-e.cfg.Clock.After(d):
		return true
	case <-ctx.Done():
	case <-e.abandoned:
	}
	return false
}

func (e *Engine) settleAs(ctx context.Context, a *Attempt, workErr error) error {
	if workErr == nil {
		err := e.closeAttempt(ctx, a, Done, "")
		if !isEnd(err) && !isFinish(err) {
			return err
		}
		workErr = err
	} else if cause := context.Cause(a.ctx); cause != nil {
		workErr = cause // whatever the handler made of the end of its context
	}
	switch {
	case errors.Is(workErr, ErrFenced):
		return ErrFenced
	case isEnd(workErr), errors.Is(workErr, store.ErrUnavailable):
		return e.handBack(ctx, a, workErr)
	case isFinish(workErr):
		return e.postpone(ctx, a, 0, workErr)
	}
	var permanent *permanentError
	if a.failures+1 >= int64(e.cfg.MaxFailures) || errors.As(workErr, &permanent) {
		err := e.closeAttempt(ctx, a, Dead, errorText(workErr))
		if !isEnd(err) && !isFinish(err) || errors.Is(err, ErrFenced) {
			return err
		}
	}
	return e.postpone(ctx, a, 1, workErr)
}

// isEnd says that an attempt ends without having failed.
func isEnd(err error) bool {
	return errors.Is(err, ErrFenced) || errors.Is(err, ErrPaused) || errors.Is(err, ErrCancelled) || errors.Is(err, ErrStopping)
}

func isFinish(err error) bool {
	var finish *runFinishedError
	return errors.As(err, &finish)
}

func (e *Engine) closeAttempt(ctx context.Context, a *Attempt, state ShardState, failure string) error {
	err := e.closeShard(ctx, closing{a.Run, a.ShardID, a.Number, state, failure, a.pendingNote(), a})
	switch {
	case err != nil:
		return err
	case state == Dead:
		e.metrics.dead(a)
		a.log.Error("shard failed for good", "error", failure, "failures", a.failures+1)
	default:
		e.metrics.done(a)
	}
	return nil
}

// handBack returns the shard to the others without counting a failure: at once, unless it is the database that failed. One whose disk is full
// may refuse a step and take the next claim, again and again.
func (e *Engine) handBack(ctx context.Context, a *Attempt, why error) error {
	state, due := Ready, int64(0)
	if !isEnd(why) {
		state, due = Waiting, e.now().Add(e.cfg.Backoff.after(1, e.cfg.Random())).UnixMilli()
	}
	err := e.update(ctx, func(tx store.Tx) error {
		n, err := tx.Exec(ctx, `
			UPDATE shards SET state = $5, not_before = $6, worker = '', updated_at = $3
			WHERE id = $1 AND attempt = $2 AND state = 'running' AND worker = $4`,
			a.ShardID, a.Number, e.millis(), e.cfg.Worker, string(state), due)
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrFenced
		}
		if state == Waiting {
			return nil
		}
		return e.cfg.Dispatcher.Enqueue(ctx, tx, []Hint{{ShardID: a.ShardID, Attempt: a.Number, Priority: a.Priority}})
	})
	if err != nil {
		return err
	}
	if state == Waiting {
		e.wakeSweeperAt(time.UnixMilli(due))
	}
	e.cfg.Dispatcher.Wake()
	e.metrics.handedBack(a)
	a.log.Info("shard handed back", "why", why.Error())
	return nil
}

// postpone lets the shard wait for its next attempt, counting so many failures.
func (e *Engine) postpone(ctx context.Context, a *Attempt, failures int64, why error) error {
	wait := e.cfg.Backoff.after(a.failures+1, e.cfg.Random())
	due := e.now().Add(wait)
	err := e.update(ctx, func(tx store.Tx) error {
		n, err := tx.Exec(ctx, `
			UPDATE shards SET state = 'waiting', worker = '', failures = failures + $3, not_before = $4, last_error = $5, updated_at = $6
			WHERE id = $1 AND attempt = $2 AND state = 'running' AND worker = $7`,
			a.ShardID, a.Number, failures, due.UnixMilli(), errorText(why), e.millis(), e.cfg.Worker)
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrFenced
		}
		return nil
	})
	if err != nil {
		return err
	}
	e.wakeSweeperAt(due)
	e.metrics.retried(a)
	a.log.Warn("shard failed; it will be tried again", "error", errorText(why), "failures", a.failures+failures, "wait", wait.Round(time.Millisecond))
	return nil
}

// errorText is the text of an error as it is stored: bounded, one that the database accepts.
func errorText(err error) string { return cutText(err.Error(), maxErrorText) }

func cutText(s string, limit int) string {
	if len(s) > limit {
		for limit > 0 && !utf8.RuneStart(s[limit]) {
			limit--
		}
		s = s[:limit]
	}
	return store.CleanText(s)
}

// panicError is the error of a handler that panicked. A panic's value may hold what was found in an object, so only those of the runtime
// are told; the frames say where it was.
type panicError struct{ text string }

func (e *panicError) Error() string { return e.text }

func newPanicError(value any) error {
	text := fmt.Sprintf("handler panicked with a %T", value)
	if err, ok := value.(runtime.Error); ok {
		text = "handler panicked: " + err.Error()
	}
	var pcs [16]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	var where strings.Builder
	for {
		frame, more := frames.Next()
		if frame.Function != "" && !strings.HasPrefix(frame.Function, "runtime.") {
			fmt.Fprintf(&where, " < %s:%d", frame.Function, frame.Line)
		}
		if !more {
			break
		}
	}
	return &panicError{text + " at" + strings.TrimPrefix(where.String(), " <")}
}
