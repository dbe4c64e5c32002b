package accessanalyzer

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/magpie-sec/magpie/internal/store"
)

// A scanner keeps the findings of all analyzers true. It looks at the sources every so often, and at once when it is woken.
//
// Of several servers on one database one scans an analyzer at a time: a scan begins with a lease in the analyzer's row, and each of its
// transactions proves that no other has begun since (store.HoldScan), so that what a slow server read before it lost its lease is never
// written. A server that is killed leaves whole resources done or not done: the next scan goes on with what has no fingerprint yet.
type scanner struct {
	cfg     Config
	service *Service
	name    string        // of this process in leases
	wake    chan struct{} // holds an element if there is something to do at once

	hintLock   sync.Mutex
	hints      map[bucketOf]bool // buckets that may have changed
	everything bool              // not only they are to be looked at

	mu   sync.Mutex // one round at a time
	last map[string]*lastScan

	// looked is called after each round of the loop; tests wait for it.
	looked func(error)
}

// errBusy says that another server scans the analyzer.
var errBusy = errors.New("another server scans the analyzer")

func newScanner(s *Service) *scanner {
	return &scanner{cfg: s.cfg, service: s, name: s.cfg.NewID(), wake: make(chan struct{}, 1), last: map[string]*lastScan{}}
}

// Run keeps the findings of all analyzers up to date until the context ends: it looks at once and then every Poll, and when a request asks for
// it. A scan in the middle goes on with the next start.
func (s *Service) Run(ctx context.Context) { s.scanner.run(ctx) }

// Scan brings the findings of all analyzers up to date once. It reports what went wrong with all of them; each is done as far as possible.
func (s *Service) Scan(ctx context.Context) error { return s.scanner.round(ctx) }

// soon wakes the scanner, to look at everything.
func (s *scanner) soon() {
	s.hintLock.Lock()
	s.everything = true
	s.hintLock.Unlock()
	s.rouse()
}

// rouse wakes the scanner, to look at what is minded.
func (s *scanner) rouse() {
	select {
	case s.wake <- struct{}{}:
	default: // it is awake already
	}
}

// retryBusy is how soon an analyzer is tried again that another server scans.
const retryBusy = 500 * time.Millisecond

func (s *scanner) run(ctx context.Context) {
	var hints map[bucketOf]bool
	var due time.Time // of the next look at everything
	for {
		err := errUnknown
		if hints != nil {
			err = s.glance(ctx, hints)
		}
		if errors.Is(err, errUnknown) {
			err = s.round(ctx)
			due = time.Now().Add(s.cfg.Poll)
		}
		if ctx.Err() != nil {
			return
		}
		wait := time.Until(due)
		switch {
		case errors.Is(err, errBusy):
			wait = min(retryBusy, wait)
		case err != nil:
			s.cfg.Log.Error("access analyzer: scan", "error", err.Error())
		}
		if s.looked != nil {
			s.looked(err)
		}
		timer := time.NewTimer(wait)
		hints = nil
		select {
		case <-ctx.Done():
		case <-s.wake:
			if told, all := s.heed(); !all && err == nil {
				hints = told
			}
		case <-timer.C:
			s.heed()
		}
		timer.Stop()
	}
}

// round looks at every analyzer once.
func (s *scanner) round(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []store.TenantAnalyzer
	err := s.cfg.DB.View(ctx, func(tx store.Tx) (err error) {
		all, err = store.AllAnalyzers(ctx, tx)
		return err
	})
	if err != nil {
		return err
	}
	s.forget(all)
	look := newRound(s.cfg.Sources)
	var errs []error
	for _, a := range all {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.scan(ctx, look, a); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// A lastScan is what the scanner knows of an analyzer from its last scan, so that it need not be read again. It holds if nobody else has
// scanned the analyzer and nothing was asked for since.
type lastScan struct {
	scan, requested int64
	digests         map[place]digest // of the sources that were read
	resources       map[subjectKey]store.ResourceState
	due             int64 // when a resource has to be analysed again, though nothing has changed
	purged          int64 // when old findings were deleted last
}

// holds reports whether it is of the analyzer as it is now.
func (m *lastScan) holds(a *store.Analyzer) bool {
	return m != nil && m.resources != nil && m.scan == a.Scan && m.requested == a.Requested
}

// forget drops the last scans of analyzers that are gone.
func (s *scanner) forget(all []store.TenantAnalyzer) {
	left := map[string]*lastScan{}
	for _, a := range all {
		if m := s.last[a.ID]; m != nil {
			left[a.ID] = m
		}
	}
	s.last = left
}

func (s *scanner) log(a *store.TenantAnalyzer) *slog.Logger {
	return s.cfg.Log.With("analyzer", analyzerARN(a.Tenant, a.Name))
}

func (s *scanner) now() int64 { return s.cfg.Now().UnixMilli() }

// leaseUntil is until when a lease taken now holds. Without other servers it makes no difference.
func (s *scanner) leaseUntil() int64 {
	if s.cfg.Exclusive {
		return 0
	}
	return s.cfg.Now().Add(s.cfg.Lease).UnixMilli()
}

// never is a time that does not come.
const never = math.MaxInt64
