package macie

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"

	"github.com/magpie-sec/magpie/internal/inventory"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

const (
	// refreshAfter is how old the inventory may be when a request is answered from it.
	refreshAfter = 5 * time.Minute
	// refreshPatience is how long a request waits for a reading if there is something to answer with.
	refreshPatience = 10 * time.Second
	// countOnDemand is up to how many objects of a bucket are counted because a request asks (macie.md 6.7).
	countOnDemand = 30_000
	// readingAtOnce is how many buckets are read at a time, and readingBatch how many are stored in one transaction.
	readingAtOnce = 4
	readingBatch  = 32
)

// inventorySetting holds an inventoryNote.
const inventorySetting = "inventory"

// An inventoryNote says when all servers of the database last read a tenant's inventory, and who is at it by schedule.
type inventoryNote struct {
	ReadAt     int64  `json:"readAt"` // when the last complete reading began
	Worker     string `json:"worker,omitempty"`
	ClaimUntil int64  `json:"claimUntil,omitempty"`
}

func readNote(ctx context.Context, tx store.Tx, t store.Tenant) (n inventoryNote, err error) {
	doc, err := store.GetSetting(ctx, tx, t, inventorySetting)
	if errors.Is(err, store.ErrNotFound) {
		return n, nil
	}
	if err != nil {
		return n, err
	}
	if err := json.Unmarshal(doc, &n); err != nil {
		return n, fmt.Errorf("the note on the inventory is damaged: %w", err)
	}
	return n, nil
}

func writeNote(ctx context.Context, tx store.Tx, t store.Tenant, n inventoryNote) error {
	doc, err := json.Marshal(n)
	if err != nil {
		return err
	}
	return store.PutSetting(ctx, tx, t, inventorySetting, n.ReadAt, doc)
}

// A refresher reads inventories, of each tenant one at a time in a process.
type refresher struct {
	cfg     Config
	flights singleflight.Group
}

// freshInventory sees to it that a request is answered from an inventory that is not old. Requests that come meanwhile wait for the same
// reading. While the sources cannot be read, what is stored stays.
func (s *Service) freshInventory(ctx context.Context) error {
	t := tenant(ctx)
	fresh, some, err := s.inventoryState(ctx)
	if err != nil || fresh {
		return err
	}
	flight := s.inventory.flights.DoChan(t.String(), func() (any, error) {
		// The reading goes on when the request that began it is given up: the next one wants it as well.
		ctx := context.WithoutCancel(ctx)
		if fresh, _, err := s.inventoryState(ctx); err != nil || fresh {
			return nil, err // another reading ended after this request had looked
		}
		return nil, s.inventory.read(ctx, t, onDemand, "")
	})
	patience := make(<-chan time.Time)
	if some {
		timer := time.NewTimer(refreshPatience)
		defer timer.Stop()
		patience = timer.C
	}
	select {
	case result := <-flight:
		var notEnabled *wire.Error
		if result.Err == nil || !some || errors.As(result.Err, &notEnabled) {
			return result.Err
		}
		s.cfg.Log.Warn("inventory: cannot be read now; answering with what was read before", "tenant", t.String(), "error", result.Err.Error())
		return nil
	case <-patience:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// inventoryState says whether the tenant's inventory needs no reading now, and whether there is anything in it.
func (s *Service) inventoryState(ctx context.Context) (fresh, some bool, err error) {
	err = s.view(ctx, func(tx store.Tx, t store.Tenant) error {
		row, err := session(ctx, tx, t)
		if err != nil {
			return err
		}
		note, err := readNote(ctx, tx, t)
		if err != nil {
			return err
		}
		names, err := store.BucketNames(ctx, tx, t)
		fresh = s.cfg.Now().Sub(time.UnixMilli(note.ReadAt)) < refreshAfter || row.Status != string(macie2.MacieStatusEnabled) // suspended: nothing is read
		some = len(names) > 0
		return err
	})
	return fresh, some, err
}

// A reason is why an inventory is read; it decides whose objects are counted anew.
type reason int

const (
	onDemand  reason = iota // of small buckets and of new ones
	scheduled               // of those that were not counted for Config.Recount, and of new ones
)

// counts says whether a bucket's objects are counted anew. earlier is nil for a new bucket.
func (r *refresher) counts(why reason, row *store.Bucket, earlier *macie2.BucketMetadata, now time.Time) bool {
	switch {
	case earlier == nil || earlier.ObjectCount == nil:
		return true
	case why == onDemand:
		return wire.Value(earlier.ObjectCount) <= countOnDemand
	}
	return now.Sub(time.UnixMilli(row.CountedAt)) >= r.cfg.Recount
}

// read reads all sources of a tenant and stores what it sees, some buckets at a time; worker is who has claimed to, or "". Buckets that are in
// none of them any more go. An error means that not everything could be read: then what is stored of the rest stays.
func (r *refresher) read(ctx context.Context, t store.Tenant, why reason, worker string) error {
	began := r.cfg.Now()
	seen := map[string]bool{}
	var failed error
	var loaded []*inventory.Inventory
	accounts := map[string]string{}
	for _, driver := range r.cfg.Sources[t] {
		inv, err := inventory.Load(ctx, driver, inventory.Options{Account: t.Account, Region: t.Region})
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("read the inventory of %s: %w", t, err))
			loaded = append(loaded, nil)
			continue
		}
		for _, p := range inv.Problems {
			r.cfg.Log.Warn("inventory: a document of the source cannot be used", "tenant", t.String(), "problem", p.String())
		}
		for _, b := range inv.Buckets {
			if _, ok := accounts[b.Name]; !ok {
				accounts[b.Name] = b.Account
			}
		}
		loaded = append(loaded, inv)
	}
	accountOf := func(bucket string) (string, bool) { a, ok := accounts[bucket]; return a, ok }
	for i, inv := range loaded {
		if inv == nil {
			continue
		}
		var buckets []*inventory.Bucket
		for j := range inv.Buckets {
			b := &inv.Buckets[j]
			if seen[b.Name] {
				r.cfg.Log.Warn("inventory: two sources have a bucket of this name; the first one counts", "tenant", t.String(), "bucket", b.Name)
				continue
			}
			seen[b.Name] = true
			buckets = append(buckets, b)
		}
		for batch := range slices.Chunk(buckets, readingBatch) {
			if err := r.readBatch(ctx, t, r.cfg.Sources[t][i], inv, batch, accountOf, why, began, worker); err != nil {
				return err
			}
		}
	}
	if failed != nil {
		return failed
	}
	return r.finish(ctx, t, seen, began, worker)
}

// finish ends a complete reading: buckets that were not seen are gone.
func (r *refresher) finish(ctx context.Context, t store.Tenant, seen map[string]bool, began time.Time, worker string) error {
	return r.cfg.DB.Update(ctx, func(tx store.Tx) error {
		if _, err := session(ctx, tx, t); err != nil {
			return err
		}
		names, err := store.BucketNames(ctx, tx, t)
		if err != nil {
			return err
		}
		for _, name := range names {
			if seen[name] {
				continue
			}
			if err := r.drop(ctx, tx, t, name, began); err != nil {
				return err
			}
		}
		note, err := readNote(ctx, tx, t)
		if err != nil {
			return err
		}
		note.ReadAt = max(note.ReadAt, began.UnixMilli())
		if note.Worker == worker {
			note.Worker, note.ClaimUntil = "", 0
		}
		return writeNote(ctx, tx, t, note)
	})
}

// drop deletes a bucket that is gone, unless somebody has seen it since.
func (r *refresher) drop(ctx context.Context, tx store.Tx, t store.Tenant, name string, began time.Time) error {
	row, err := store.GetBucket(ctx, tx, t, name)
	if errors.Is(err, store.ErrNotFound) || err == nil && row.UpdatedAt > began.UnixMilli() {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(store.DeleteBucket(ctx, tx, t, name), store.DeleteDiscovery(ctx, tx, t, name))
}

// readBatch reads some buckets of a source and stores them.
func (r *refresher) readBatch(ctx context.Context, t store.Tenant, driver source.Driver, inv *inventory.Inventory, batch []*inventory.Bucket,
	accounts func(string) (string, bool), why reason, began time.Time, worker string) error {
	names := make([]string, len(batch))
	for i, b := range batch {
		names[i] = b.Name
	}
	rows := map[string]store.Bucket{}
	err := r.cfg.DB.View(ctx, func(tx store.Tx) error {
		stored, err := store.Buckets(ctx, tx, t, names)
		for _, row := range stored {
			rows[row.Name] = row
		}
		return err
	})
	if err != nil {
		return err
	}
	observed := make([]*observation, len(batch))
	var group errgroup.Group
	group.SetLimit(readingAtOnce)
	for i, b := range batch {
		group.Go(func() error {
			row, known := rows[b.Name]
			var earlier *macie2.BucketMetadata
			if known {
				var err error
				if earlier, _, err = readBucketRow(&row); err != nil {
					return err
				}
			}
			o := observe(inv, b, accounts)
			if b.Err == nil && b.Stored && r.counts(why, &row, earlier, began) && !r.count(ctx, driver, b, o) {
				o = observe(inv, b, accounts)
			}
			if b.Err == nil || b.Err.Kind != source.Unavailable || !known { // else what is stored stays until the source is back
				observed[i] = o
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for _, b := range batch {
		if b.Err != nil {
			r.cfg.Log.Warn("inventory: a bucket cannot be read", "account", inv.Account, "bucket", b.Name, "error", b.Err.Error())
		}
	}
	return r.cfg.DB.Update(ctx, func(tx store.Tx) error {
		if _, err := session(ctx, tx, t); err != nil {
			return err
		}
		for _, o := range observed {
			if o == nil {
				continue
			}
			if err := r.put(ctx, tx, t, o, began); err != nil {
				return err
			}
		}
		if worker == "" {
			return nil
		}
		return holdClaim(ctx, tx, t, worker, r.cfg.Now())
	})
}

// count counts a bucket's objects. If it cannot be listed, its Err says why.
func (r *refresher) count(ctx context.Context, driver source.Driver, b *inventory.Bucket, o *observation) bool {
	assumed, _ := b.Encryption.Get() // of an estate's files: they were uploaded without headers of their own
	counts, err := inventory.Count(ctx, driver, b.Name, assumed)
	if err != nil {
		if !errors.As(err, &b.Err) {
			b.Err = &source.Error{Kind: source.KindOf(err), Op: "list", Bucket: b.Name, Err: err}
		}
		return false
	}
	setCounts(o.doc, counts)
	o.counted = true
	return true
}

// put stores what was seen of a bucket, unless somebody has seen something newer meanwhile.
func (r *refresher) put(ctx context.Context, tx store.Tx, t store.Tenant, o *observation, began time.Time) error {
	now := began.UnixMilli()
	row, err := store.GetBucket(ctx, tx, t, *o.doc.BucketName)
	known := err == nil
	switch {
	case known && row.UpdatedAt > now && o.counted:
		return putCounts(ctx, tx, t, row, o, now) // counting takes long
	case known && row.UpdatedAt > now:
		return nil
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return err
	}
	o.state.Guard, o.state.Unexplained = nil, nil // the transaction may be repeated
	var changes []change
	if known {
		earlier, state, err := readBucketRow(&row)
		if err != nil {
			return err
		}
		if o.guard != nil && !o.counted {
			keepCounts(o.doc, earlier)
		}
		o.state.Guard, o.state.Unexplained = state.Guard, recent(state.Unexplained, now)
	}
	if o.guard != nil {
		o.state.Guard, changes = o.state.Guard.advance(*o.guard, r.cfg.ReportExisting)
	}
	calls, err := callsOf(ctx, tx, t, *o.doc.BucketName, len(changes)+len(o.state.Unexplained))
	if err != nil {
		return err
	}
	for _, c := range changes {
		call := explaining(calls, c, o.guard, row.UpdatedAt)
		o.state.note(c.kind, call, unexplained{Since: row.UpdatedAt, At: now})
		if err := putPolicyFinding(ctx, tx, t, r.cfg.Outbox, c, call, o, wire.Time(now)); err != nil {
			return err
		}
	}
	if err := o.explainLate(ctx, tx, t, r.cfg.Outbox, calls, changes, wire.Time(now)); err != nil {
		return err
	}
	if len(changes) > 0 {
		r.cfg.Log.Info("inventory: a bucket's guard has changed", "tenant", t.String(), "bucket", *o.doc.BucketName, "findings", kinds(changes))
	}
	next, err := o.row(now)
	if err != nil {
		return err
	}
	next.CountedAt = row.CountedAt
	if o.counted {
		next.CountedAt = now
	}
	if known && bytes.Equal(row.Doc, next.Doc) && bytes.Equal(row.State, next.State) {
		return store.TouchBucket(ctx, tx, t, row.Name, now, next.CountedAt)
	}
	if err := store.PutBucket(ctx, tx, t, next); err != nil {
		return err
	}
	return rescore(ctx, tx, t, next.Name)
}

// putCounts stores the counts of an observation of a bucket whose configuration somebody has read since.
func putCounts(ctx context.Context, tx store.Tx, t store.Tenant, row store.Bucket, o *observation, now int64) error {
	doc, _, err := readBucketRow(&row)
	if err != nil || o.guard == nil || row.CountedAt > now {
		return err
	}
	keepCounts(doc, o.doc)
	row.Doc, row.CountedAt, row.BaseScore = wire.Marshal(doc), now, baseScore(doc)
	if err := store.PutBucket(ctx, tx, t, row); err != nil {
		return err
	}
	return rescore(ctx, tx, t, row.Name)
}

// row makes the stored form of an observation.
func (o *observation) row(now int64) (store.Bucket, error) {
	state, err := json.Marshal(&o.state)
	base := baseScore(o.doc)
	return store.Bucket{
		Name: *o.doc.BucketName, UpdatedAt: now, Doc: wire.Marshal(o.doc), State: state,
		PublicRead: known(o.posture.Readable), PublicWrite: known(o.posture.Writable), Score: base, BaseScore: base,
	}, err
}

// putUncounted stores a new bucket whose objects are not counted yet.
func putUncounted(ctx context.Context, tx store.Tx, t store.Tenant, inv *inventory.Inventory, b *inventory.Bucket, now wire.Time) error {
	row, err := observe(inv, b, func(string) (string, bool) { return "", false }).row(int64(now))
	if err != nil {
		return err
	}
	return store.PutBucket(ctx, tx, t, row)
}
