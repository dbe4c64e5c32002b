package s3

import (
	"context"
	"time"
)

// A target is what a request is about, for its errors.
type target struct {
	op, bucket, key string
	version         bool // it names a version
}

// ask is call for a request whose answer is read in f: each attempt has its own time.
func (s *Store) ask(ctx context.Context, at target, f func(context.Context) error) error {
	return s.call(ctx, at, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, s.retry.Attempt)
		defer cancel()
		return f(ctx)
	})
}

// call runs a request until it succeeds, fails for good, or may not be tried again. The error is a *source.Error or the context's. What f
// returns are errors of the client; it is given the context that it was called with, since a body outlives the call.
func (s *Store) call(ctx context.Context, at target, f func(context.Context) error) error {
	began := time.Now()
	moved := 0
	for attempt := 1; ; attempt++ {
		if err := s.turn(ctx); err != nil {
			return err
		}
		err := f(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		failure := s.judge(at, err)
		if failure.moved && moved < maxMoves {
			moved++
			attempt--
			continue
		}
		if !failure.again || attempt >= s.retry.Attempts {
			return failure.err
		}
		wait := s.backoff(attempt, failure.after)
		if time.Since(began)+wait > s.retry.Total {
			return failure.err
		}
		if failure.slow {
			s.slowDown(wait)
		}
		if err := s.retry.Sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// maxMoves is how often one request follows a bucket to another Region.
const maxMoves = 2

// turn waits until the source may be asked.
func (s *Store) turn(ctx context.Context) error {
	if wait := time.Until(time.Unix(0, s.notBefore.Load())); wait > 0 {
		if err := s.retry.Sleep(ctx, wait); err != nil {
			return err
		}
	}
	if s.limiter != nil {
		if err := s.limiter.Wait(ctx); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return context.DeadlineExceeded // the turn would come after the context's deadline
		}
	}
	return ctx.Err()
}

// slowDown leaves the whole source alone for a time.
func (s *Store) slowDown(wait time.Duration) {
	until := time.Now().Add(wait).UnixNano()
	for {
		now := s.notBefore.Load()
		if now >= until || s.notBefore.CompareAndSwap(now, until) {
			return
		}
	}
}

// backoff returns how long to wait after an attempt. asked is what the store asked for, 0 for nothing.
func (s *Store) backoff(attempt int, asked time.Duration) time.Duration {
	wait := s.retry.Max
	if shift := attempt - 1; shift < 30 && s.retry.Base<<shift < s.retry.Max {
		wait = s.retry.Base << shift
	}
	wait -= time.Duration(s.retry.Jitter() * float64(wait) / 2)
	return min(max(wait, asked), s.retry.Max)
}
