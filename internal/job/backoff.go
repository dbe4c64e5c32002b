package job

import "time"

// Backoff spaces out the attempts at a shard that fails: Base, then twice as long each time, at most Max, each shortened by up to half at
// random so that shards which failed together do not come back together. It is a function of the failures in the shard's row, which any
// worker may have counted; the retry libraries keep that count in one process and bring their own randomness, so they do not fit.
type Backoff struct {
	Base time.Duration // default 1 s
	Max  time.Duration // default 5 min
}

// after returns the wait after the given number of failures in a row (at least 1); random is in [0, 1).
func (b Backoff) after(failures int64, random float64) time.Duration {
	d := b.Base
	for i := int64(1); i < failures && d < b.Max; i++ {
		d *= 2
	}
	d = min(d, b.Max)
	return d - time.Duration(random*float64(d)/2)
}
