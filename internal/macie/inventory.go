package macie

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/magpie-sec/magpie/internal/inventory"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// refreshAfter is how old the inventory may be when DescribeBuckets is answered from it.
const refreshAfter = 5 * time.Minute

// inventoryRefresh sees to it that the inventory of a tenant is read once at a time and not too often.
type inventoryRefresh struct {
	flights singleflight.Group
	mu      sync.Mutex
	read    map[store.Tenant]time.Time
}

func (r *inventoryRefresh) forget(t store.Tenant) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.read, t)
}

// fresh says whether the inventory was read in the last minutes, and for a session that began then or before.
func (r *inventoryRefresh) fresh(t store.Tenant, session store.Session, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, ok := r.read[t]
	return ok && now.Sub(at) < refreshAfter && at.UnixMilli() >= session.CreatedAt
}

func (r *inventoryRefresh) done(t store.Tenant, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.read == nil {
		r.read = map[store.Tenant]time.Time{}
	}
	r.read[t] = at
}

// refreshInventory reads the tenant's buckets from its sources and stores them, unless that was done just now. Requests that come
// meanwhile wait for the same reading. While the sources cannot be read, what is stored stays.
func (s *Service) refreshInventory(ctx context.Context, t store.Tenant, since store.Session) error {
	if s.inventory.fresh(t, since, s.cfg.Now()) {
		return nil
	}
	flight := s.inventory.flights.DoChan(t.String(), func() (any, error) {
		// The reading goes on when the request that began it is given up: the next one wants it as well.
		ctx := context.WithoutCancel(ctx)
		began := s.cfg.Now()
		rows, err := s.readInventory(ctx, t)
		if err != nil {
			return nil, err
		}
		if err := s.cfg.DB.Update(ctx, func(tx store.Tx) error {
			if _, err := session(ctx, tx, t); err != nil {
				return err
			}
			return store.ReplaceBuckets(ctx, tx, t, rows)
		}); err != nil {
			return nil, err
		}
		s.inventory.done(t, began)
		return nil, nil
	})
	select {
	case result := <-flight:
		return result.Err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// readInventory reads all sources of a tenant. Where two have a bucket of the same name the first one counts.
func (s *Service) readInventory(ctx context.Context, t store.Tenant) ([]store.Bucket, error) {
	var rows []store.Bucket
	seen := map[string]bool{}
	for _, driver := range s.cfg.Sources[t] {
		inv, err := inventory.Load(ctx, driver, inventory.Options{Account: t.Account, Region: t.Region})
		if err != nil {
			return nil, fmt.Errorf("read the inventory of %s: %w", t, err)
		}
		for _, p := range inv.Problems {
			s.cfg.Log.Warn("inventory: a document of the source cannot be used", "tenant", t.String(), "problem", p.String())
		}
		for i := range inv.Buckets {
			b := &inv.Buckets[i]
			if seen[b.Name] {
				s.cfg.Log.Warn("inventory: two sources have a bucket of this name; the first one counts", "tenant", t.String(), "bucket", b.Name)
				continue
			}
			seen[b.Name] = true
			row, err := s.readBucket(ctx, driver, inv, b)
			if err != nil {
				return nil, err
			}
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// readBucket counts a bucket's objects and makes its metadata. A bucket that cannot be listed has its error in them; only the end of the
// context and a source that is away for the moment are errors.
func (s *Service) readBucket(ctx context.Context, driver source.Driver, inv *inventory.Inventory, b *inventory.Bucket) (store.Bucket, error) {
	var counts inventory.Counts
	if b.Stored && b.Err == nil {
		assumed, _ := b.Encryption.Get() // of an estate's files: they were uploaded without headers of their own
		var err error
		if counts, err = inventory.Count(ctx, driver, b.Name, assumed); err != nil {
			if source.KindOf(err) == source.Unavailable || !errors.As(err, &b.Err) {
				return store.Bucket{}, fmt.Errorf("count the objects of bucket %q: %w", b.Name, err)
			}
		}
	}
	if b.Err != nil {
		s.cfg.Log.Warn("inventory: a bucket cannot be read", "account", inv.Account, "bucket", b.Name, "error", b.Err.Error())
	}
	doc := bucketMetadata(inv, b, s.now())
	if b.Stored && b.Err == nil {
		setCounts(doc, counts)
	}
	return bucketRow(doc), nil
}

func bucketRow(m *macie2.BucketMetadata) store.Bucket {
	return store.Bucket{Name: *m.BucketName, UpdatedAt: int64(*m.LastUpdated), Doc: wire.Marshal(m)}
}
