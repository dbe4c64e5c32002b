package job

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/magpie-sec/magpie/internal/store"
)

// RunState is the state of a run.
type RunState string

const (
	RunRunning   RunState = "running"   // its shards are claimable
	RunPaused    RunState = "paused"    // nothing is claimed or committed until it is resumed
	RunComplete  RunState = "complete"  // every shard is done or dead
	RunCancelled RunState = "cancelled" // nothing is claimed or committed any more
)

// refusal returns why nothing may be committed to a run in this state; nil if it may.
func (s RunState) refusal() error {
	switch s {
	case RunRunning:
		return nil
	case RunPaused:
		return ErrPaused
	case RunCancelled:
		return ErrCancelled
	}
	return ErrFenced
}

// ErrorShardsDead is the error code of a complete run of which some shards are dead, unless the handler noted another one before.
const ErrorShardsDead = "SHARDS_DEAD"

// RunRef names a run.
type RunRef struct {
	store.Tenant
	JobID string
	RunID string
}

func (r RunRef) args() []any { return []any{r.Account, r.Region, r.JobID, r.RunID} }

// Run is one execution of a job.
type Run struct {
	RunRef
	Key          string // unique within the job: what makes starting it twice a no-op, such as the due time of a schedule
	State        RunState
	StartedAt    time.Time
	FinishedAt   time.Time // zero until the run is complete or cancelled
	ErrorCode    string    // empty, what the handler noted, or [ErrorShardsDead]
	ErrorMessage string
	Emptied      bool // what became of its objects was deleted since, by the handler's retention
}

// RunID returns the id of the run of a job under a key: 32 hexadecimal digits. Two servers that start the same run agree on it.
func RunID(tenant store.Tenant, jobID, key string) string {
	sum := sha256.Sum256([]byte("run\x00" + tenant.Account + "\x00" + tenant.Region + "\x00" + jobID + "\x00" + key))
	return hex.EncodeToString(sum[:16])
}

// StartRun starts the run of a job under a key, with its first shards, inside the caller's transaction. If the run exists already, in
// whatever state, it is returned as it is, created is false and the shards are ignored. A run that starts without shards is complete at
// once, and [Handler.RunFinished] is called in the transaction. After the commit call [Engine.Wake].
func (e *Engine) StartRun(ctx context.Context, tx store.Tx, tenant store.Tenant, jobID, key string, shards ...NewShard) (run Run, created bool, err error) {
	for what, s := range map[string]string{"account": tenant.Account, "region": tenant.Region, "job id": jobID, "run key": key} {
		if err := checkName(what, s); err != nil {
			return Run{}, false, err
		}
	}
	ref := RunRef{Tenant: tenant, JobID: jobID, RunID: RunID(tenant, jobID, key)}
	n, err := tx.Exec(ctx, `
		INSERT INTO runs (account, region, job_id, run_id, run_key, state, started_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT DO NOTHING`, // on whichever unique key it shows first: they are equivalent
		append(ref.args(), key, string(RunRunning), e.millis())...)
	if err != nil {
		return Run{}, false, fmt.Errorf("start run %s of job %s: %w", ref.RunID, jobID, err)
	}
	if n == 0 {
		run, err = GetRun(ctx, tx, ref)
		return run, false, err
	}
	if len(shards) == 0 {
		_, err = e.finishRun(ctx, tx, ref)
	} else {
		_, err = e.insertShards(ctx, tx, ref, shards)
	}
	if err != nil {
		return Run{}, false, err
	}
	run, err = GetRun(ctx, tx, ref)
	return run, true, err
}

// PauseRun pauses a running run: once the transaction is committed nothing more is claimed or committed for it. Attempts under way stop at
// their next commit or heartbeat, and what they committed stays. changed is false if the run was not running.
func (e *Engine) PauseRun(ctx context.Context, tx store.Tx, ref RunRef) (changed bool, err error) {
	n, err := tx.Exec(ctx, `
		UPDATE runs SET state = 'paused' WHERE account = $1 AND region = $2 AND job_id = $3 AND run_id = $4 AND state = 'running'`,
		ref.args()...)
	return n > 0, err
}

// ResumeRun lets a paused run go on where it stopped. changed is false if the run was not paused. After the commit call [Engine.Wake].
func (e *Engine) ResumeRun(ctx context.Context, tx store.Tx, ref RunRef) (changed bool, err error) {
	n, err := tx.Exec(ctx, `
		UPDATE runs SET state = 'running' WHERE account = $1 AND region = $2 AND job_id = $3 AND run_id = $4 AND state = 'paused'`,
		ref.args()...)
	if err != nil || n == 0 {
		return false, err
	}
	// The hints of its shards may have been spent while it was paused.
	return true, e.nudges(ctx, tx, &ref, maxNudges)
}

// maxNudges is how many nudges a resumed run gets: each wakes a slot that goes on until nothing is left, so the slots of a large fleet.
const maxNudges = 256

// CancelRun ends a run that is not over: once the transaction is committed nothing more is claimed or committed for it, ever. What was
// committed before stays. [Handler.RunFinished] is not called. changed is false if the run was complete or cancelled already.
func (e *Engine) CancelRun(ctx context.Context, tx store.Tx, ref RunRef) (changed bool, err error) {
	n, err := tx.Exec(ctx, `
		UPDATE runs SET state = 'cancelled', finished_at = $5
		WHERE account = $1 AND region = $2 AND job_id = $3 AND run_id = $4 AND state IN ('running', 'paused')`,
		append(ref.args(), e.millis())...)
	return n > 0, err
}

// GetRun reads a run; [store.ErrNotFound] if there is none.
func GetRun(ctx context.Context, tx store.Tx, ref RunRef) (Run, error) {
	run := Run{RunRef: ref}
	var scan runScan
	err := store.One(ctx, tx, `
		SELECT run_key, state, started_at, finished_at, error_code, error_message, emptied
		FROM runs WHERE account = $1 AND region = $2 AND job_id = $3 AND run_id = $4`,
		ref.args(), &run.Key, &scan.state, &scan.started, &scan.finished, &run.ErrorCode, &run.ErrorMessage, &scan.emptied)
	if err != nil {
		return Run{}, fmt.Errorf("run %s of job %s: %w", ref.RunID, ref.JobID, err)
	}
	scan.fill(&run)
	return run, nil
}

// Runs lists the runs of a job, newest first, at most limit.
func Runs(ctx context.Context, tx store.Tx, tenant store.Tenant, jobID string, limit int) ([]Run, error) {
	var runs []Run
	err := store.Each(ctx, tx, `
		SELECT run_id, run_key, state, started_at, finished_at, error_code, error_message, emptied
		FROM runs WHERE account = $1 AND region = $2 AND job_id = $3 ORDER BY started_at DESC, run_id DESC LIMIT $4`,
		[]any{tenant.Account, tenant.Region, jobID, int64(limit)},
		func(rows store.Rows) error {
			run := Run{RunRef: RunRef{Tenant: tenant, JobID: jobID}}
			var scan runScan
			if err := rows.Scan(&run.RunID, &run.Key, &scan.state, &scan.started, &scan.finished, &run.ErrorCode, &run.ErrorMessage, &scan.emptied); err != nil {
				return err
			}
			scan.fill(&run)
			runs = append(runs, run)
			return nil
		})
	return runs, err
}

// RunCount returns how many runs a job has had, those that were deleted since among them.
func RunCount(ctx context.Context, tx store.Tx, tenant store.Tenant, jobID string) (n int64, err error) {
	err = store.One(ctx, tx, `
		SELECT COUNT(*) + COALESCE((SELECT runs_deleted FROM jobs WHERE account = $1 AND region = $2 AND id = $3), 0)
		FROM runs WHERE account = $1 AND region = $2 AND job_id = $3`,
		[]any{tenant.Account, tenant.Region, jobID}, &n)
	return n, err
}

// DeadBuckets returns the buckets of a run's shards that failed for good, ordered.
func DeadBuckets(ctx context.Context, tx store.Tx, ref RunRef) (buckets []string, err error) {
	err = store.Each(ctx, tx, `SELECT DISTINCT bucket FROM shards
		WHERE account = $1 AND region = $2 AND job_id = $3 AND run_id = $4 AND state = 'dead' ORDER BY bucket`, ref.args(), func(rows store.Rows) error {
		var b string
		err := rows.Scan(&b)
		buckets = append(buckets, b)
		return err
	})
	return buckets, err
}

// runScan holds the columns of a run that are not stored as the struct has them.
type runScan struct {
	state    string
	started  int64
	finished *int64
	emptied  int64
}

func (s runScan) fill(run *Run) {
	run.State = RunState(s.state)
	run.StartedAt = time.UnixMilli(s.started).UTC()
	run.Emptied = s.emptied != 0
	if s.finished != nil {
		run.FinishedAt = time.UnixMilli(*s.finished).UTC()
	}
}

// lockRun reads the state of a run and holds it until the transaction ends. Shared holders do not hinder each other; an exclusive one, who
// means to write the row, waits for them and makes everybody whose snapshot is older begin again.
func lockRun(ctx context.Context, tx store.Tx, ref RunRef, exclusive bool) (RunState, error) {
	const where = ` WHERE account = $1 AND region = $2 AND job_id = $3 AND run_id = $4`
	sql := `SELECT state FROM runs` + where + store.ForShare(tx)
	if exclusive && tx.Engine() == store.PostgreSQL {
		// A lock alone would leave waiting transactions with the snapshot they have; a new version of the row does not.
		sql = `UPDATE runs SET state = state` + where + ` RETURNING state`
	}
	var state string
	if err := store.One(ctx, tx, sql, ref.args(), &state); err != nil {
		if errors.Is(err, store.ErrNotFound) {
			return "", fmt.Errorf("run %s of job %s is gone: %w", ref.RunID, ref.JobID, ErrFenced)
		}
		return "", err
	}
	return RunState(state), nil
}

// noteRunError keeps the first error of a run. The caller holds the run exclusively.
func noteRunError(ctx context.Context, tx store.Tx, ref RunRef, code, message string) error {
	_, err := tx.Exec(ctx, `
		UPDATE runs SET error_code = $5, error_message = $6
		WHERE account = $1 AND region = $2 AND job_id = $3 AND run_id = $4 AND error_code = ''`,
		append(ref.args(), code, message)...)
	return err
}

// finishRun completes a running run that has no unfinished shard, and tells the handler. The caller holds the run exclusively, and after
// the commit hands the run to [Engine.completed].
func (e *Engine) finishRun(ctx context.Context, tx store.Tx, ref RunRef) (*Run, error) {
	totals, err := RunTotals(ctx, tx, ref)
	if err != nil {
		return nil, err
	}
	if totals.Unfinished() > 0 {
		return nil, fmt.Errorf("run %s of job %s has %d unfinished shards: %w", ref.RunID, ref.JobID, totals.Unfinished(), ErrFenced)
	}
	if totals.Dead > 0 {
		message := fmt.Sprintf("%d of %d shards failed for good", totals.Dead, totals.Shards())
		if err := noteRunError(ctx, tx, ref, ErrorShardsDead, message); err != nil {
			return nil, err
		}
	}
	n, err := tx.Exec(ctx, `
		UPDATE runs SET state = 'complete', finished_at = $5
		WHERE account = $1 AND region = $2 AND job_id = $3 AND run_id = $4 AND state = 'running'`,
		append(ref.args(), e.millis())...)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, ErrFenced
	}
	run, err := GetRun(ctx, tx, ref)
	if err != nil {
		return nil, err
	}
	if err := e.tellHandler(ctx, tx, run, totals); err != nil {
		return nil, &runFinishedError{err}
	}
	return &run, nil
}

func (e *Engine) tellHandler(ctx context.Context, tx store.Tx, run Run, totals Totals) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = newPanicError(v)
		}
	}()
	return e.cfg.Handler.RunFinished(ctx, tx, run, totals)
}

// completed tells of a run whose completion is committed; nil is none.
func (e *Engine) completed(run *Run) {
	if run == nil {
		return
	}
	e.metrics.complete(*run)
	e.log.Info("run is complete", "account", run.Account, "region", run.Region, "job", run.JobID, "run", run.RunID, "error_code", run.ErrorCode)
}

// runFinishedError marks an error of [Handler.RunFinished], which is no fault of the shard that happened to be the last.
type runFinishedError struct{ err error }

func (e *runFinishedError) Error() string {
	return "handler could not finish the run: " + e.err.Error()
}
func (e *runFinishedError) Unwrap() error { return e.err }
