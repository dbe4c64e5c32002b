package jobtest

import (
	"context"
	"errors"
	"testing"

	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/store"
)

// A loss is a fail-over to a standby that lacks the last transactions of a shard, though their commits were acknowledged.
type loss struct {
	*env
	ref     job.RunRef
	first   *gate // before anything of the shard is committed
	second  *gate // after two commits
	claimed job.Shard
}

// gates is for Handler.Before.
func (l *loss) gates(ctx context.Context, a *job.Attempt, key int) error {
	return errors.Join(l.first.before(ctx, a, key), l.second.before(ctx, a, key))
}

// restore makes of the shard's row and effects what they were before its first commit; without the claim too if that is lost.
func (l *loss) restore(claim bool) {
	l.t.Helper()
	was := l.claimed
	if claim {
		was.State, was.Worker, was.Attempt = job.Ready, "", was.Attempt-1
	}
	l.update(func(ctx context.Context, tx store.Tx) error {
		if _, err := tx.Exec(ctx, `UPDATE shards SET cursor = NULL, objects = 0, bytes = 0, state = $2, worker = $3, attempt = $4 WHERE id = $1`,
			was.ID, string(was.State), was.Worker, was.Attempt); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `DELETE FROM effects WHERE run_id = $1 AND key < 20`, l.ref.RunID)
		return err
	})
}

// lose starts a run and stops the one worker of a shard behind its second commit.
func lose(t *testing.T, s Suite, slots int) (*loss, *Clock) {
	l := &loss{env: newEnv(t, s), first: newGate(0), second: newGate(20)}
	clock := NewClock()
	engine := l.started(&Handler{Before: l.gates}, func(c *job.Config) { c.Clock, c.Slots = clock, slots })
	l.ref = l.begin(engine, "j", sixties)
	a := receive(t, "the shard's beginning", l.first.reached)
	l.view(func(ctx context.Context, tx store.Tx) (err error) {
		l.claimed, err = job.GetShard(ctx, tx, a.ShardID)
		return err
	})
	close(l.first.open)
	receive(t, "the shard's middle", l.second.reached)
	return l, clock
}

// sixties has shards of sixty keys, in steps of ten.
var sixties = Listing{Keys: 180, Page: 60, PerShard: 60, Step: 10}

// commitsLost has a worker go on whose commits are lost. It may not leave out what they did.
func commitsLost(t *testing.T, s Suite) {
	l, clock := lose(t, s, 1)
	l.restore(false)
	close(l.second.open)
	l.log.awaitPoked(t, "the run is complete", func() { clock.Advance(tick) }, func(c counts) bool { return c.complete[l.ref] })
	l.verify(l.ref, sixties)
	if c := l.ended(); c.fenced != 1 {
		t.Errorf("events: %+v, want 1 attempt that is fenced", c)
	}
}

// claimLost has the number of an attempt given out twice, to two workers at once, of one process or of two.
func claimLost(t *testing.T, s Suite) {
	for name, slots := range map[string]int{"two processes": 1, "one process": 2} {
		t.Run(name, func(t *testing.T) {
			l, clock := lose(t, s, slots)
			l.restore(true)
			poke := func() { clock.Advance(tick) }
			if slots == 1 { // somebody else has to claim it, with all clocks standing still: no lease of those who work runs out
				l.started(&Handler{}, func(c *job.Config) { c.Clock = clock })
				poke = nil
			}
			l.log.awaitPoked(t, "the run is complete", poke, func(c counts) bool { return c.complete[l.ref] })
			l.verify(l.ref, sixties)
			close(l.second.open)
			l.log.await(t, "the first is refused", func(c counts) bool { return c.fenced == 1 })
			l.verify(l.ref, sixties)
		})
	}
}
