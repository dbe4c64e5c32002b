package accessanalyzer

import (
	"context"
	"errors"

	"github.com/magpie-sec/magpie/internal/arn"
	"github.com/magpie-sec/magpie/internal/inventory"
	"github.com/magpie-sec/magpie/internal/resource"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/store"
)

// maxHints is how many buckets may be told of between two looks; beyond it everything is looked at.
const maxHints = 1000

// A bucketOf is a bucket of a tenant's sources.
type bucketOf struct {
	tenant store.Tenant
	name   string
}

// Changed says that a bucket's configuration may have changed, "" for all of the tenant: the scanner looks at once. It is a hint: what is told
// while no scan knows the resources yet, or just before the server dies, the next look sees.
func (s *Service) Changed(t store.Tenant, bucket string) {
	s.scanner.mind(bucketOf{t, bucket})
	s.scanner.rouse()
}

// mind notes what is to be looked at.
func (s *scanner) mind(b bucketOf) {
	s.hintLock.Lock()
	defer s.hintLock.Unlock()
	if b.name == "" || len(s.hints) >= maxHints || !s.answers(b.tenant) {
		s.everything = true
		return
	}
	if s.hints == nil {
		s.hints = map[bucketOf]bool{}
	}
	s.hints[b] = true
}

// answers says that all sources of a tenant are stores, which can be asked about one bucket. Folders are compared as a whole anyway.
func (s *scanner) answers(t store.Tenant) bool {
	for _, d := range s.cfg.Sources[t] {
		if _, ok := source.As[source.Configured](d); !ok {
			return false
		}
	}
	return len(s.cfg.Sources[t]) > 0
}

// heed takes what was noted. all: everything is to be looked at.
func (s *scanner) heed() (hints map[bucketOf]bool, all bool) {
	s.hintLock.Lock()
	defer s.hintLock.Unlock()
	hints, all = s.hints, s.everything || len(s.hints) == 0
	s.hints, s.everything = nil, false
	return hints, all
}

// errUnknown says that a scan has to look at everything, since a look at some buckets does not tell enough.
var errUnknown = errors.New("the buckets' analyzer has to be scanned as a whole")

// glance looks at some buckets only, for all analyzers that look at them. It answers errUnknown if that does not do.
func (s *scanner) glance(ctx context.Context, hints map[bucketOf]bool) error {
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
	seen := map[bucketOf]*subject{}
	var errs []error
	for _, a := range all {
		if err := ctx.Err(); err != nil {
			return err
		}
		var mine []bucketOf
		for _, p := range s.places(&a) {
			for b := range hints {
				if b.tenant == p.Tenant && p.index == 0 && p.Region == a.Region {
					mine = append(mine, b)
				}
			}
		}
		if len(mine) > 0 {
			errs = append(errs, s.glanceFor(ctx, a, mine, seen))
		}
	}
	return errors.Join(errs...)
}

// glanceFor looks at some buckets for one analyzer.
func (s *scanner) glanceFor(ctx context.Context, a store.TenantAnalyzer, buckets []bucketOf, seen map[bucketOf]*subject) error {
	m := s.last[a.ID]
	if !m.holds(&a.Analyzer) || m.due <= s.now() {
		return errUnknown
	}
	v := &survey{subjects: map[subjectKey]*subject{}}
	for _, b := range buckets {
		known, ok := seen[b]
		if !ok {
			var err error
			if known, err = s.readBucket(ctx, b); err != nil {
				return err
			}
			seen[b] = known
		}
		one := *known // its print depends on the analyzer
		v.subjects[subjectKey{one.resource().ARN, owner(one.resource(), b.tenant)}] = &one
		v.list = append(v.list, &one)
	}
	return s.leased(ctx, &a, m, func(ctx context.Context) error {
		if m.resources == nil {
			return errUnknown
		}
		todo := s.differing(&a, m, v)
		if len(todo) == 0 {
			return nil
		}
		s.analyze(ctx, &a, todo)
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if err := s.commit(ctx, &a, todo); err != nil {
			return err
		}
		for _, t := range todo {
			m.resources[t.key] = t.state
		}
		return nil
	})
}

// readBucket asks the sources of a tenant about one bucket.
func (s *scanner) readBucket(ctx context.Context, b bucketOf) (*subject, error) {
	name := arn.Bucket(arn.PartitionOf(b.tenant.Region), b.name).String()
	var out *subject
	for i, d := range s.cfg.Sources[b.tenant] {
		one, err := resource.LoadOne(ctx, d, inventory.Options{Account: b.tenant.Account, Region: b.tenant.Region}, resource.Bucket, name)
		switch {
		case err != nil:
			return nil, err
		case one.Resource == nil:
		case out == nil:
			out = &subject{parts: []*resource.Resource{one.Resource}, place: &place{b.tenant, i}}
		default:
			out.parts = append(out.parts, one.Resource)
		}
	}
	if out == nil {
		return nil, errUnknown // it is gone: what a whole scan settles
	}
	return out, nil
}
