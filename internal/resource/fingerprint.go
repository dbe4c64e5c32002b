package resource

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"
	"sync"

	"github.com/magpie-sec/magpie/internal/iam/reach"
	"github.com/magpie-sec/magpie/internal/source"
)

// A Fingerprint is the same for resources of which Analyze makes the same. Reasons and places count, as they are told.
type Fingerprint [sha256.Size]byte

// Fingerprint returns the resource's fingerprint. It may be stored; another version of the program may make others.
func (r *Resource) Fingerprint() Fingerprint {
	w := writers.Get().(*writer)
	defer writers.Put(w)
	return sha256.Sum256(w.write(r))
}

var writers = sync.Pool{New: func() any { return &writer{} }}

// write returns the resource as bytes, which the writer keeps.
func (w *writer) write(r *Resource) []byte {
	w.b = w.b[:0]
	w.resource(r)
	return w.b
}

// A writer writes facts so that different ones differ: each text with its length before it.
type writer struct{ b []byte }

func (w *writer) texts(list ...string) {
	for _, s := range list {
		w.b = append(binary.AppendUvarint(w.b, uint64(len(s))), s...)
	}
}

func (w *writer) number(n int) { w.b = binary.AppendVarint(w.b, int64(n)) }

func (w *writer) flags(list ...bool) {
	for _, f := range list {
		b := byte(0)
		if f {
			b = 1
		}
		w.b = append(w.b, b)
	}
}

func (w *writer) place(p Place) {
	w.texts(p.File)
	w.number(p.Line)
	w.number(p.Column)
}

func writeFact[T any](w *writer, f source.Fact[T], value func(T)) {
	w.b = append(w.b, byte(f.State))
	w.texts(f.Reason)
	w.flags(f.Denied)
	if f.State == source.StateKnown {
		value(f.Value)
	}
}

func writeList[T any](w *writer, list []T, value func(T)) {
	w.number(len(list))
	for _, v := range list {
		value(v)
	}
}

func (w *writer) text(s string) { w.texts(s) }

func (w *writer) document(d Document) {
	w.texts(d.Text, d.Least, d.Reason)
	writeList(w, d.Places, w.place)
}

func (w *writer) block(b source.PublicAccessBlock) {
	w.flags(b.BlockPublicACLs, b.BlockPublicPolicy, b.IgnorePublicACLs, b.RestrictPublicBuckets)
}

func (w *writer) context(m map[string]string) {
	w.number(len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		w.texts(k, m[k])
	}
}

func (w *writer) resource(r *Resource) {
	w.texts(r.Type, r.ARN, r.Account, r.Region, r.Marker, r.Doubt)
	w.place(r.Place)
	writeFact(w, r.Policy, w.document)
	writeFact(w, r.Owner, func(o source.Owner) { w.texts(o.ID) })
	writeFact(w, r.ACL, func(list []source.Grant) {
		writeList(w, list, func(g source.Grant) { w.texts(g.GranteeType, g.Grantee, g.Permission) })
	})
	writeFact(w, r.Ownership, w.text)
	writeFact(w, r.PublicAccessBlock, w.block)
	writeFact(w, r.AccountBlock, w.block)
	writeFact(w, r.AccessPoints, func(list []AccessPoint) {
		writeList(w, list, func(p AccessPoint) {
			w.texts(p.ARN, p.Name)
			w.flags(p.MultiRegion)
			writeFact(w, p.Policy, w.document)
			writeFact(w, p.PublicAccessBlock, w.block)
			writeFact(w, p.VPC, w.text)
		})
	})
	writeFact(w, r.Grants, func(list []KeyGrant) {
		writeList(w, list, func(g KeyGrant) {
			w.texts(g.ID, g.Grantee, g.Retiring)
			writeList(w, g.Operations, w.text)
			w.context(g.Constraints.Equals)
			w.context(g.Constraints.Subset)
		})
	})
	writeFact(w, r.Shares, func(list []string) { writeList(w, list, w.text) })
	writeFact(w, r.Encrypted, func(b bool) { w.flags(b) })
	writeFact(w, r.KMSKey, w.text)
	if w.flags(r.SecretKey != nil); r.SecretKey != nil {
		w.resource(r.SecretKey)
	}
}

// A Cache keeps the results of one zone, so that a rescan works out only what has changed. It keeps the documents as well, to compare them.
// The zero Cache is empty; several goroutines may use it.
type Cache struct {
	mu      sync.Mutex
	results map[cacheKey]cached
}

type cacheKey struct{ kind, arn string }

type cached struct {
	written []byte
	result  Result
}

// Analyze is Analyze, from the cache if the resource is as it was. All calls are for one zone. A result that is an error is not kept, as
// another call may have more luck. Results are shared and not to be changed.
func (c *Cache) Analyze(r *Resource, zone reach.Zone) Result {
	key := cacheKey{r.Type, r.ARN}
	w := writers.Get().(*writer)
	defer writers.Put(w)
	written := w.write(r)
	c.mu.Lock()
	last, ok := c.results[key]
	c.mu.Unlock()
	if ok && bytes.Equal(last.written, written) {
		return last.result
	}
	result := Analyze(r, zone)
	if result.Error != "" {
		return result
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.results == nil {
		c.results = map[cacheKey]cached{}
	}
	c.results[key] = cached{bytes.Clone(written), result}
	return result
}
