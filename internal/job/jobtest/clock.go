package jobtest

import (
	"sync"
	"time"

	"github.com/magpie-sec/magpie/internal/job"
)

// Clock is a clock that a test moves.
type Clock struct {
	mu      sync.Mutex
	now     time.Time
	waiters []waiter
}

type waiter struct {
	due time.Time
	ch  chan time.Time
}

var _ job.Clock = (*Clock)(nil)

// NewClock makes a clock that stands at some moment.
func NewClock() *Clock {
	return &Clock{now: time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)}
}

// Now implements [job.Clock].
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// After implements [job.Clock].
func (c *Clock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	ch := make(chan time.Time, 1)
	if d <= 0 {
		ch <- c.now
		return ch
	}
	c.waiters = append(c.waiters, waiter{c.now.Add(d), ch})
	return ch
}

// Advance moves the clock forward and wakes those whose time has come.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	kept := c.waiters[:0]
	for _, w := range c.waiters {
		if w.due.After(c.now) {
			kept = append(kept, w)
			continue
		}
		w.ch <- c.now
	}
	c.waiters = kept
}

// Next returns how long the clock must go on for the first of those who wait, if that is at most limit.
func (c *Clock) Next(limit time.Duration) (d time.Duration, waits bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.waiters {
		if left := w.due.Sub(c.now); left <= limit {
			d, limit, waits = left, left, true
		}
	}
	return d, waits
}

// Jump sets the clock forward or back by d without waking anybody, as when an administrator or NTP sets it.
func (c *Clock) Jump(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	for i := range c.waiters {
		c.waiters[i].due = c.waiters[i].due.Add(d)
	}
}
