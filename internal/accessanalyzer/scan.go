package accessanalyzer

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/magpie-sec/magpie/internal/resource"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire/accessanalyzer"
)

const (
	// analyzeAgain is after how long a resource is analysed again though nothing has changed (access-analyzer.md 2.8).
	analyzeAgain = 24 * time.Hour
	// keepResolved is how long a resolved finding is kept (access-analyzer.md 1.5).
	keepResolved = 90 * 24 * time.Hour
	// purgeEvery is how often old findings are looked for.
	purgeEvery = time.Hour
	// batchSize is how many resources are analysed and written in one transaction.
	batchSize = 250
)

// scan brings one analyzer up to date.
func (s *scanner) scan(ctx context.Context, look *round, a store.TenantAnalyzer) error {
	if status, _ := s.service.status(a.Tenant, &a.Analyzer); status != accessanalyzer.AnalyzerStatusActive {
		return nil
	}
	m := s.last[a.ID]
	if m == nil {
		m = &lastScan{purged: -purgeEvery.Milliseconds()}
		s.last[a.ID] = m
	}
	if s.now()-m.purged >= purgeEvery.Milliseconds() {
		if err := s.purge(ctx, &a); err != nil {
			return err
		}
		m.purged = s.now()
	}
	places := s.places(&a)
	if m.holds(&a.Analyzer) && m.due > s.now() && !s.changed(ctx, look, m, places) {
		return nil
	}
	return s.leased(ctx, &a, m, func(ctx context.Context) error { return s.survey(ctx, look, &a, m, places) })
}

// purge deletes the findings that were resolved long ago.
func (s *scanner) purge(ctx context.Context, a *store.TenantAnalyzer) error {
	const batch = 500
	before := s.cfg.Now().Add(-keepResolved).UnixMilli()
	for {
		var n int64
		err := s.cfg.DB.Update(ctx, func(tx store.Tx) (err error) {
			n, err = store.DeleteResolvedFindings(ctx, tx, a.Tenant, a.ID, before, batch)
			return err
		})
		if err != nil || n < batch {
			return err
		}
	}
}

// places are the sources that an analyzer looks at: those of its Region, of its account or of the whole organization, and for the sake of
// global resources those of the other Regions.
func (s *scanner) places(a *store.TenantAnalyzer) []place {
	accounts := []string{a.Account}
	if o := s.cfg.Organization; a.Type == string(accessanalyzer.TypeOrganization) && o != nil {
		accounts = o.Accounts()
	}
	var list []place
	for t, drivers := range s.cfg.Sources {
		if slices.Contains(accounts, t.Account) {
			for i := range drivers {
				list = append(list, place{t, i})
			}
		}
	}
	slices.SortFunc(list, func(p, q place) int {
		if p.Tenant != q.Tenant {
			return strings.Compare(p.String(), q.String())
		}
		return p.index - q.index
	})
	return list
}

// changed reports whether a source may have changed since the last scan. One that cannot be read has not: there is nothing to do.
func (s *scanner) changed(ctx context.Context, look *round, m *lastScan, places []place) bool {
	for _, p := range places {
		d, err := look.digestOf(ctx, p)
		last, read := m.digests[p]
		if err == nil && (!read || d == digest{} || d != last) {
			return true
		}
	}
	return false
}

// leased runs a scan while this server has the analyzer to itself.
func (s *scanner) leased(ctx context.Context, a *store.TenantAnalyzer, m *lastScan, scan func(context.Context) error) error {
	fresh := m.holds(&a.Analyzer)
	err := s.cfg.DB.Update(ctx, func(tx store.Tx) error {
		begun, err := store.BeginScan(ctx, tx, a.Tenant, a.ID, s.name, s.now(), s.leaseUntil())
		if err == nil {
			fresh = fresh && begun.Scan == m.scan+1 && begun.Requested == m.requested
			a.Analyzer = begun
		}
		return err
	})
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil // deleted meanwhile
	case errors.Is(err, store.ErrConflict):
		return errBusy
	case err != nil:
		return err
	}
	if !fresh {
		m.resources = nil
	}
	m.scan, m.requested = a.Scan, a.Requested
	held, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var heart sync.WaitGroup
	if !s.cfg.Exclusive {
		heart.Go(func() { s.keep(held, cancel, a) })
	}
	err = scan(held)
	cancel(nil)
	heart.Wait()
	var ended *int64
	if err == nil {
		now := s.now()
		ended = &now
	}
	// Also when the server stops, so that another one need not wait.
	free, done := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer done()
	end := s.cfg.DB.Update(free, func(tx store.Tx) error { return store.EndScan(free, tx, a.Tenant, a.ID, a.Scan, ended) })
	err = errors.Join(err, end)
	switch {
	case errors.Is(err, store.ErrConflict):
		m.resources = nil
		s.log(a).Info("access analyzer: the scan was taken over, or the analyzer deleted")
		return nil
	case err != nil:
		m.resources = nil // it may be half done
	}
	return err
}

// keep makes the lease longer again and again, and ends the scan if it is lost.
func (s *scanner) keep(ctx context.Context, cancel context.CancelCauseFunc, a *store.TenantAnalyzer) {
	tick := time.NewTicker(s.cfg.Lease / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := s.cfg.DB.Update(ctx, func(tx store.Tx) error {
			return store.HoldScan(ctx, tx, a.Tenant, a.ID, a.Scan, s.leaseUntil())
		})
		if errors.Is(err, store.ErrConflict) {
			cancel(err)
			return
		}
	}
}

// A survey is what a scan sees of the resources.
type survey struct {
	subjects map[subjectKey]*subject
	list     []*subject // the same
	read     map[place]digest
	// incomplete are the tenants of whose sources one could not be read: what is not seen may be there.
	incomplete map[string]bool
	// missing are the tenants whose documents could not be used, and why: what is not seen cannot be told.
	missing map[string]string
	present map[string]bool // tenants with sources
}

// survey reads the sources, analyses what has changed, and settles what is gone.
func (s *scanner) survey(ctx context.Context, look *round, a *store.TenantAnalyzer, m *lastScan, places []place) error {
	if m.resources == nil {
		if err := s.recall(ctx, a, m); err != nil {
			return err
		}
	}
	seen := s.see(ctx, look, a, places)
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	todo := s.changes(a, m, seen)
	for batch := range slices.Chunk(todo, batchSize) {
		s.analyze(ctx, a, batch)
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if err := s.commit(ctx, a, batch); err != nil {
			return err
		}
		for _, t := range batch {
			if t.gone {
				delete(m.resources, t.key)
			} else {
				m.resources[t.key] = t.state
			}
		}
	}
	m.digests, m.due = seen.read, never
	for _, state := range m.resources {
		m.due = min(m.due, state.AnalyzedAt+analyzeAgain.Milliseconds())
	}
	return nil
}

// recall reads what the store knows of the analyzer's resources.
func (s *scanner) recall(ctx context.Context, a *store.TenantAnalyzer, m *lastScan) error {
	resources := map[subjectKey]store.ResourceState{}
	err := s.cfg.DB.View(ctx, func(tx store.Tx) error {
		clear(resources)
		return store.ResourceStates(ctx, tx, a.Tenant, a.ID, func(state store.ResourceState) { resources[subjectKey{state.Resource, state.Owner}] = state })
	})
	m.resources = resources
	return err
}

// see reads the sources.
func (s *scanner) see(ctx context.Context, look *round, a *store.TenantAnalyzer, places []place) *survey {
	v := &survey{subjects: map[subjectKey]*subject{}, read: map[place]digest{}, incomplete: map[string]bool{}, missing: map[string]string{}, present: map[string]bool{}}
	for i, p := range places {
		v.present[p.String()] = true
		r := look.read(ctx, p)
		if r.err != nil {
			v.incomplete[p.String()] = true
			s.log(a).Warn("access analyzer: a source cannot be read; its findings stay as they are", "source", p.String(), "error", r.err.Error())
			continue
		}
		v.read[p] = r.digest
		if r.estate.Missing != "" {
			v.missing[p.String()] = r.estate.Missing
		}
		s.collect(v, a, &places[i], r)
	}
	return v
}

// collect takes in the resources of a source that the analyzer looks at.
func (s *scanner) collect(v *survey, a *store.TenantAnalyzer, at *place, r *reading) {
	subjects := make([]subject, len(r.estate.Resources))
	parts := make([]*resource.Resource, len(r.estate.Resources))
	for i := range r.estate.Resources {
		one := &r.estate.Resources[i]
		switch {
		case one.Type != resource.Role && at.Region != a.Region:
			continue // only roles are global
		case len(one.ARN) > store.MaxKey:
			s.log(a).Warn("access analyzer: a resource is not analysed: its ARN is too long", "source", at.String(), "characters", len(one.ARN))
			continue
		}
		key := subjectKey{one.ARN, owner(one, at.Tenant)}
		if known := v.subjects[key]; known != nil {
			known.parts = append(known.parts, one)
			known.away = known.away || r.away[one.ARN]
			continue
		}
		parts[i] = one
		subjects[i] = subject{parts: parts[i : i+1 : i+1], place: at, away: r.away[one.ARN]}
		v.subjects[key] = &subjects[i]
		v.list = append(v.list, &subjects[i])
	}
}

// A task is a resource to analyse, or one that is gone.
type task struct {
	key     subjectKey
	subject *subject // nil if it was not seen
	state   store.ResourceState
	result  resource.Result
	gone    bool
}

// changes tells what is new, changed, due or gone, in the order of the keys.
func (s *scanner) changes(a *store.TenantAnalyzer, m *lastScan, seen *survey) []*task {
	todo := s.differing(a, m, seen)
	zone := digestZone(s.service.zone(&a.Analyzer, ""))
	for key, old := range m.resources {
		if seen.subjects[key] == nil {
			if t := seen.unseen(old, zone); t != nil {
				todo = append(todo, t)
			}
		}
	}
	slices.SortFunc(todo, func(t, u *task) int {
		return cmp.Or(strings.Compare(t.key.arn, u.key.arn), strings.Compare(t.key.owner, u.key.owner))
	})
	return todo
}

// differing tells what of the resources that were seen is new, changed or due.
func (s *scanner) differing(a *store.TenantAnalyzer, m *lastScan, seen *survey) (todo []*task) {
	zone := digestZone(s.service.zone(&a.Analyzer, ""))
	parallel(len(seen.list), func(i int) { seen.list[i].print = seen.list[i].fingerprint(zone) })
	again := s.cfg.Now().Add(-analyzeAgain).UnixMilli()
	for key, one := range seen.subjects {
		old, known := m.resources[key]
		if one.away && known {
			continue // what it was like stays true until the source tells otherwise
		}
		if !known || !bytes.Equal(old.Fingerprint, one.print[:]) || old.AnalyzedAt <= again {
			todo = append(todo, &task{key: key, subject: one, state: store.ResourceState{
				Resource: key.arn, Type: one.resource().Type, Owner: key.owner, Place: one.place.String(), Fingerprint: one.print[:]}})
		}
	}
	return todo
}

// owner is the account that owns a resource.
func owner(r *resource.Resource, at store.Tenant) string {
	if r.Account == "" {
		return at.Account
	}
	return r.Account
}

// unseen tells what to do about a resource that was there and is not seen any more; nil: nothing.
func (v *survey) unseen(old store.ResourceState, zone zoneDigest) *task {
	why, missing := v.missing[old.Place]
	switch {
	case v.incomplete[old.Place], !v.present[old.Place]:
		return nil
	case !missing:
		return &task{key: subjectKey{old.Resource, old.Owner}, state: old, gone: true}
	}
	print := unreadable(why, zone)
	if bytes.Equal(old.Fingerprint, print[:]) {
		return nil
	}
	t := &task{key: subjectKey{old.Resource, old.Owner}, state: old, result: resource.Result{Error: resource.InternalError, Reason: why}}
	t.state.Fingerprint = print[:]
	return t
}

// analyze works out the resources of a batch, as far as the context lasts.
func (s *scanner) analyze(ctx context.Context, a *store.TenantAnalyzer, batch []*task) {
	parallel(len(batch), func(i int) {
		if ctx.Err() != nil {
			return
		}
		t := batch[i]
		if t.subject != nil {
			t.result = t.subject.analyze(ctx, s.service.zone(&a.Analyzer, t.state.Owner))
		}
		if t.result.Error != "" && ctx.Err() == nil {
			s.log(a).Warn("access analyzer: a resource cannot be read or decided", "resource", t.key.arn, "error", t.result.Error, "reason", t.result.Reason)
		}
	})
}

// parallel calls fn for each number below n, on all processors.
func parallel(n int, fn func(i int)) {
	const some = 16 // numbers that are taken at a time
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), (n+some-1)/some) {
		workers.Go(func() {
			for from := int(next.Add(some)) - some; from < n; from = int(next.Add(some)) - some {
				for i := from; i < min(n, from+some); i++ {
					fn(i)
				}
			}
		})
	}
	workers.Wait()
}

// commit writes what was made of a batch, if the scan is still this server's.
func (s *scanner) commit(ctx context.Context, a *store.TenantAnalyzer, batch []*task) error {
	now := s.now()
	for _, t := range batch {
		t.state.AnalyzedAt = now
	}
	return s.cfg.DB.Update(ctx, func(tx store.Tx) error {
		if err := store.HoldScan(ctx, tx, a.Tenant, a.ID, a.Scan, s.leaseUntil()); err != nil {
			return err
		}
		rules, err := rulesOf(ctx, tx, a.Tenant, a.ID)
		if err != nil {
			return err
		}
		w := settler{tx: tx, tenant: a.Tenant, analyzer: a.ID, arn: analyzerARN(a.Tenant, a.Name), rules: rules, now: now, outbox: s.cfg.Outbox}
		last := ""
		for _, t := range batch {
			if err := w.settle(ctx, t); err != nil {
				return err
			}
			if !t.gone {
				last = t.key.arn
			}
		}
		if last == "" {
			return nil
		}
		return store.SetLastResource(ctx, tx, a.Tenant, a.ID, a.Scan, last, now)
	})
}
