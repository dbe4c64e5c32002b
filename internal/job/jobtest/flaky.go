package jobtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/store"
)

// unsteady is a database whose connection breaks now and then, before a transaction or after its commit: then nobody knows that it was
// made.
type unsteady struct {
	store.DB
	mu            sync.Mutex
	random        *rand.Rand
	turns         []int // of the next transactions, the last first; 0 and 1 are those that break
	before, after int
}

// chance draws without putting back, so that of twenty transactions one breaks before and one after, whatever the luck.
func (d *unsteady) chance() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.turns) == 0 {
		d.turns = d.random.Perm(20)
	}
	n := d.turns[len(d.turns)-1]
	d.turns = d.turns[:len(d.turns)-1]
	switch n {
	case 0:
		d.before++
	case 1:
		d.after++
	}
	return n
}

// Update implements [store.DB].
func (d *unsteady) Update(ctx context.Context, fn func(store.Tx) error) error {
	n := d.chance()
	if n == 0 {
		return fmt.Errorf("the test breaks the connection: %w", store.ErrUnavailable)
	}
	err := d.DB.Update(ctx, fn)
	if err == nil && n == 1 {
		return fmt.Errorf("the test breaks the connection after the commit: %w", store.ErrUnavailable)
	}
	return err
}

// flaky works on a database that fails one transaction in ten, half of them after the commit.
func flaky(t *testing.T, s Suite) {
	e := newEnv(t, s)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	db := &unsteady{DB: e.db, random: rand.New(rand.NewPCG(seed, 0))}
	engine := e.started(&Handler{}, func(c *job.Config) { c.DB, c.Lease, c.MaxFailures = db, 200*time.Millisecond, 1000 })
	l := Listing{Keys: 1000, Page: 100, PerShard: 50, Step: 10}
	ref := e.begin(engine, "j", l)
	await(t, "the run is complete", func() bool { return e.run(ref).State == job.RunComplete })
	e.verify(ref, l)
	if c := e.ended(); c.dead != 0 || c.retried != 0 {
		t.Errorf("events: %+v; a database that is away is no failure of a shard", c)
	}
	if db.before < 3 || db.after < 3 { // of about 150 transactions
		t.Errorf("the connection broke %d times before and %d times after a transaction: too few to show anything", db.before, db.after)
	}
}
