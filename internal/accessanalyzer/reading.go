package accessanalyzer

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"

	"github.com/magpie-sec/magpie/internal/inventory"
	"github.com/magpie-sec/magpie/internal/resource"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/store"
)

// A place is a source of a tenant: which of its sources.
type place struct {
	store.Tenant
	index int
}

// A digest is what tells whether the documents of a source have changed; the zero digest is that of a source that cannot tell.
type digest [sha256.Size]byte

// A reading is what a source had when it was looked at.
type reading struct {
	digest digest
	estate *resource.Estate
	// away are the resources, by ARN, of which the source could not tell anything just now: they are not analysed.
	away map[string]bool
	err  error // nothing could be read
}

// A round looks at sources, at each one once at most.
type round struct {
	sources  Sources
	digests  map[place]reading // with digest and err only
	readings map[place]*reading
}

func newRound(s Sources) *round {
	return &round{sources: s, digests: map[place]reading{}, readings: map[place]*reading{}}
}

// digestOf looks at the documents of a source without understanding them.
func (r *round) digestOf(ctx context.Context, p place) (digest, error) {
	known, ok := r.digests[p]
	if !ok {
		known.digest, known.err = documentsDigest(ctx, r.sources[p.Tenant][p.index])
		r.digests[p] = known
	}
	return known.digest, known.err
}

// read reads the resources of a source. The digest is of the documents as they were before: if they change meanwhile, the next look shows it.
func (r *round) read(ctx context.Context, p place) *reading {
	if known := r.readings[p]; known != nil {
		return known
	}
	out := &reading{}
	if out.digest, out.err = r.digestOf(ctx, p); out.err == nil {
		out.load(ctx, r.sources[p.Tenant][p.index], inventory.Options{Account: p.Account, Region: p.Region})
	}
	r.readings[p] = out
	return out
}

func (r *reading) load(ctx context.Context, d source.Driver, opts inventory.Options) {
	if _, configured := source.As[source.Configured](d); !configured {
		r.estate, r.err = resource.Load(ctx, d, opts)
		return
	}
	inv, err := inventory.Load(ctx, d, opts)
	if err != nil {
		r.err = err
		return
	}
	r.estate = &resource.Estate{Problems: inv.Problems, Resources: make([]resource.Resource, 0, len(inv.Buckets))}
	r.away = map[string]bool{}
	for i := range inv.Buckets {
		b := resource.OfBucket(inv, &inv.Buckets[i])
		if err := inv.Buckets[i].Err; err != nil && err.Kind == source.Unavailable {
			r.away[b.ARN] = true
		}
		r.estate.Resources = append(r.estate.Resources, b)
	}
}

// errNothing says that a folder is not even an estate. More likely it is not mounted than that everything was deleted, and who deleted
// everything can leave an empty list of AWS Config items.
var errNothing = errors.New("there is nothing in the folder: it may not be mounted")

// documentsDigest is the digest of what describes an estate folder: its documents and the names of its buckets. A store that is asked about
// each bucket has no such thing.
func documentsDigest(ctx context.Context, d source.Driver) (digest, error) {
	if _, configured := source.As[source.Configured](d); configured {
		return digest{}, nil
	}
	documented, ok := source.As[source.Documented](d)
	if !ok {
		return digest{}, nil
	}
	docs, err := inventory.ReadDocuments(ctx, documented)
	if err != nil {
		return digest{}, err
	}
	buckets, err := d.Buckets(ctx)
	if err != nil {
		return digest{}, err
	}
	if docs.Template == nil && docs.ConfigItems == nil && len(docs.Problems) == 0 && len(buckets) == 0 {
		return digest{}, errNothing
	}
	h := sha256.New()
	part := func(b []byte) {
		h.Write(binary.AppendVarint(nil, int64(len(b))))
		h.Write(b)
	}
	flag := func(b bool) {
		if b {
			part([]byte{1})
		} else {
			part(nil)
		}
	}
	part([]byte(docs.TemplateName))
	flag(docs.Template != nil)
	part(docs.Template)
	flag(docs.ConfigItems != nil)
	part(docs.ConfigItems)
	for _, p := range docs.Problems {
		part([]byte(p.String()))
	}
	part(nil)
	for _, b := range buckets {
		part([]byte(b.Name))
	}
	return digest(h.Sum(nil)), nil
}
