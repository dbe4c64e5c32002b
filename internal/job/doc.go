// Package job is the work engine: it cuts long work into shards, gives the shards to workers and sees to it that every shard takes effect
// exactly once, whatever dies in between. It knows nothing of what a shard is about; a [Handler] does.
//
// # Nouns
//
// A job belongs to a service; here it is only an id. A [Run] is one execution of a job (a schedule makes many). A [Shard] is a piece of a
// run that one worker does alone. An [Attempt] is one worker's try at a shard. A [Dispatcher] tells idle workers that there may be
// something to do. An [Engine] is one process's part in all of this; any number of processes may share a PostgreSQL database.
//
// # States
//
//	run:     running <-> paused        running -> complete        running, paused -> cancelled
//
//	shard:   ready -> running -> done
//	           ^        |  |
//	           |        |  +-> dead       failed or lost too often in a row without progress
//	           |        +----> waiting    failed: not before a backoff has passed; then ready again
//	           +--------+                 handed back (pause, stop), or swept because its worker went silent
//
// A dead shard does not hold up its run, which completes with [ErrorShardsDead]. It stays on record ([DeadOf]) until an operator lets it be
// tried again ([RetryDead]), which makes a complete run running once more.
//
// The rows of the tables runs and shards are the only truth. Whoever wants to change one proves in the same transaction that the row is
// still what it believes. A shard is claimable when it is ready and its run is running; so pausing and cancelling touch the run's row only.
//
// # The fence
//
// Claiming a shard raises its attempt number. That number is the fence: [Attempt.Commit] and the closing of a shard first update the row
// "where id and attempt and state = running" and lock the run's row against being paused or cancelled. No row, no effect: a worker that
// was taken for dead and wakes up later can do nothing. The same statement asks that the cursor is the one that this attempt committed last:
// when PostgreSQL fails over to a standby that lacks the last transactions, what they had done is done again, in its order. Leases only decide when a shard is given to someone else, never who is right, so
// wrong clocks cost time and nothing else. Times from several machines are never compared: a sweeper calls a worker dead when it has seen
// its lease unchanged for a whole lease by its own monotonic clock. Every heartbeat changes the lease, whatever the clock says.
//
// # Effects
//
// A handler does its work in steps. Each step ends in one [Attempt.Commit]: the fence, the handler's own rows, new shards, the counters
// and the cursor, in one transaction. The next attempt at the shard starts with the cursor of the last commit, so a kill costs the work
// since then and no more, and counters cannot count twice. Totals of a run are sums over its shards' rows.
//
// When Work returns nil the shard is closed. Whoever closes the last unfinished shard of a run completes the run, and the completing
// transaction calls [Handler.RunFinished], once (see closeShard for why two workers can neither both miss it nor both do it).
//
// # Listing
//
// Listing is itself a shard that makes shards. Its handler reads a page, and commits with the page's continuation as cursor, the shards
// that the page yields ([Attempt.AddShards], keys derived from the page) and the number of listed objects. If it is killed in between, the
// next attempt reads the same page and the same keys insert nothing twice; a page that was committed is never read again. Package
// jobtest's handler does just this.
//
// # Joining
//
// Several shards that work on parts of one thing, a large object say, leave their partial results in the handler's tables. The write of a
// part's last commit counts down the parts left in a row of the handler's, and the one that comes to zero adds the shard that puts them
// together; package macie reads large objects so. The fence sees to it that each part counts down once, and the run cannot end before: the part
// is not closed yet.
//
// # Finding work
//
// A shard becomes claimable in some transaction, and in that transaction [Dispatcher.Enqueue] gets a hint. Every hint lets some slot claim
// one shard. Which one is the same for every dispatcher (see claim): the highest priority, then the run with the fewest shards at work,
// then the one served longest ago. So there is a hint for every claimable shard, though not always spent on the one it names. A hint that
// is lost or comes twice does no harm: an idle engine looks by itself now and then.
package job
