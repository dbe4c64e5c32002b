package job

import "time"

// Clock tells the time and waits. Its jumps cost early or late sweeps and retries, never correctness.
type Clock interface {
	// Now returns the present time; differences between two answers should follow a monotonic clock where there is one.
	Now() time.Time
	// After returns a channel on which the time arrives once d has passed.
	After(d time.Duration) <-chan time.Time
}

// SystemClock is the machine's clock.
type SystemClock struct{}

// Now returns [time.Now].
func (SystemClock) Now() time.Time { return time.Now() }

// After returns [time.After].
func (SystemClock) After(d time.Duration) <-chan time.Time { return time.After(d) }
