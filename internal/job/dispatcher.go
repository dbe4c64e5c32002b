package job

import (
	"context"

	"github.com/magpie-sec/magpie/internal/store"
)

// Hint says that a shard has become claimable. It is advice: the shard may be gone when the hint arrives, and hints may be lost or doubled.
type Hint struct {
	ShardID  int64
	Attempt  int64 // of the shard's row when the hint was made
	Priority int   // the shard's
	// Nudge is 0 for the hint of a transaction that made the shard claimable: one for each claimable shard. Otherwise it is a time stamp:
	// there is claimable work whose hints may be lost, and whoever gets this one goes on until nothing is claimable.
	Nudge int64
}

// Dispatcher wakes slots of workers when there may be something to claim. Implementations: inproc (one process) and riverq (River on
// PostgreSQL); package jobtest holds both to one suite.
type Dispatcher interface {
	// Enqueue takes hints inside the transaction that makes their shards claimable. A hint becomes known if the transaction commits; it
	// may, but need not, be forgotten if not.
	Enqueue(ctx context.Context, tx store.Tx, hints []Hint) error
	// Run calls work for every hint, and for a nudge until it does nothing, on at most slots goroutines at once, until ctx is done; it
	// returns when the last of these calls has. Work claims one shard, not always the one that was hinted at, and does it; did is false if
	// nothing was claimable. An error of work means that it could not look (the database is away) and wants to be called again after a
	// while.
	Run(ctx context.Context, slots int, work func(ctx context.Context, hint Hint) (did bool, err error)) error
	// Wake says that a transaction of this process with hints in it has been committed.
	Wake()
}
