package job

import (
	"context"

	"github.com/magpie-sec/magpie/internal/store"
)

// Hint says that a shard has become claimable. It is advice: the shard may be gone when the hint arrives, and hints may be lost or doubled.
type Hint struct {
	ShardID  int64
	Attempt  int64 // of the shard's row when the hint was made; a later attempt makes the hint stale
	Priority int   // the shard's
	// Nudge is 0 for the hint of a transaction that made the shard claimable. An idle engine that finds claimable work nobody told it of
	// makes hints with a time stamp here, so that they are not taken for repetitions.
	Nudge int64
}

// Dispatcher wakes slots of workers when there may be something to claim. Implementations: inproc (one process) and riverq (River on
// PostgreSQL); package jobtest holds both to one suite.
type Dispatcher interface {
	// Enqueue takes hints inside the transaction that makes their shards claimable. A hint becomes known if the transaction commits; it
	// may, but need not, be forgotten if not.
	Enqueue(ctx context.Context, tx store.Tx, hints []Hint) error
	// Run calls work for hints, on at most slots goroutines at once, until ctx is done; it returns when the last of these calls has. Work
	// claims whatever is claimable until there is nothing left, so one call may do the work of many hints. An error of work means that it
	// could not look (the database is away) and wants to be called again after a while.
	Run(ctx context.Context, slots int, work func(ctx context.Context, hint Hint) error) error
	// Wake says that a transaction of this process with hints in it has been committed.
	Wake()
}
