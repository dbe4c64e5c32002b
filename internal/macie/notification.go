package macie

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/magpie-sec/magpie/internal/inventory"
	"github.com/magpie-sec/magpie/internal/notify"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// Stores tell of changes (package notify). What is told of a bucket is kept in one row until it was looked at, however much is told: a row says
// that the configuration is to be read, that the objects are to be counted, and which requests may have changed something. Told is only that
// there is something to look at; what there is the store is asked for.

const (
	// countingPages is how many pages of a listing a minute objects of one bucket are counted with because events tell of them. It spaces the
	// counts of a bucket, the larger it is the more.
	countingPages = 30
	pageOfKeys    = 1000
	// maxCalls is how many requests are kept for a bucket, the newest, until it is read.
	maxCalls = 32
	// maxAtOnce is how many buckets one message may tell of. Beyond it everything is read instead.
	maxAtOnce = 1000
	// maxTold is how many rows a tenant may have. Beyond it everything is read instead.
	maxTold = 10_000
	// lookingFor and countingFor are how long a server that reads or counts a bucket has until another one does.
	lookingFor, countingFor = 5 * time.Minute, 30 * time.Minute
	// lookingAtOnce is how many rows are claimed at a time.
	lookingAtOnce = 32
	// skew is how far the clock of a store may be behind ours.
	skew = 5 * time.Minute
	// retryLook and retryLookAtMost space the looks at a bucket that cannot be read.
	retryLook, retryLookAtMost = 10 * time.Second, time.Hour
	// lookForOthers is how often is looked for what other servers were told and left behind.
	lookForOthers = 30 * time.Second
)

// allBuckets is the name of the row that stands for all buckets of a tenant.
const allBuckets = ""

// A tale is what is kept of what was told of a bucket.
type tale struct {
	Calls []toldCall `json:"calls,omitempty"` // in the order in which they were told
	// Settings and Objects are how often something was told of the configuration and of objects: what was told since somebody began to look shows
	// in them.
	Settings int64 `json:"settings,omitempty"`
	Objects  int64 `json:"objects,omitempty"`
	Counting int64 `json:"counting,omitempty"` // until then somebody counts the objects
}

// A toldCall is a request that changed something.
type toldCall struct {
	ID   string      `json:"id,omitempty"`
	Time int64       `json:"time,omitempty"` // by the store's clock; 0: not told
	Told int64       `json:"told"`           // by ours
	Call notify.Call `json:"call"`
}

func (c *toldCall) is(other *toldCall) bool {
	if c.ID != "" || other.ID != "" {
		return c.ID == other.ID && c.Call.API == other.Call.API
	}
	return c.Time == other.Time && c.Call.API == other.Call.API && c.Call.Actor.PrincipalID == other.Call.Actor.PrincipalID
}

func readTale(doc []byte) (t tale, err error) {
	if len(doc) == 0 {
		return t, nil
	}
	if err := json.Unmarshal(doc, &t); err != nil {
		return t, fmt.Errorf("what was told of a bucket is damaged: %w", err)
	}
	return t, nil
}

// consider leaves out calls that were considered.
func (t *tale) consider(calls []toldCall) {
	t.Calls = slices.DeleteFunc(t.Calls, func(c toldCall) bool { return slices.ContainsFunc(calls, func(d toldCall) bool { return c.is(&d) }) })
}

// save stores what is left to do for a bucket.
func (t *tale) save(ctx context.Context, tx store.Tx, of store.Tenant, row *store.Notification) (err error) {
	if row.ReadAt == nil && row.CountAt == nil {
		return store.DeleteNotification(ctx, tx, of, row.Bucket)
	}
	if row.Doc, err = json.Marshal(t); err != nil {
		return err
	}
	return store.PutNotification(ctx, tx, of, *row)
}

// A hint is what one delivery tells of a bucket.
type hint struct {
	configuration, objects bool
	calls                  []toldCall
}

// A Place is a bucket of a tenant.
type Place struct {
	Tenant store.Tenant
	Bucket string // "" for all
}

func comparePlaces(a, b Place) int {
	return cmp.Or(strings.Compare(a.Tenant.String(), b.Tenant.String()), strings.Compare(a.Bucket, b.Bucket))
}

// Notify takes what stores tell. When it returns nil, what is told is kept until it was looked at, also if the server dies. among are the
// tenants that the sender may tell of. It returns the buckets whose configuration may have changed, also of accounts that have Macie disabled.
func (s *Service) Notify(ctx context.Context, among []store.Tenant, events []notify.Event) ([]Place, error) {
	now := s.cfg.Now()
	events = comprised(events)
	var byPlace map[Place]*hint
	var changed map[Place]bool
	var write bool
	gather := func(tx store.Tx) error {
		byPlace, changed, write = map[Place]*hint{}, map[Place]bool{}, false
		known := map[Place]bool{}
		enabled := map[store.Tenant]bool{}
		for _, t := range among {
			row, err := store.GetSession(ctx, tx, t)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			enabled[t] = err == nil && row.Status == string(macie2.MacieStatusEnabled)
		}
		for i := range events {
			e := &events[i]
			places, err := s.concerned(ctx, tx, among, e, known)
			if err != nil {
				return err
			}
			for _, p := range places {
				changed[p] = changed[p] || !e.What.OfObject()
				if !enabled[p.Tenant] {
					continue
				}
				of := byPlace[p]
				if of == nil {
					of = &hint{}
					byPlace[p] = of
				}
				of.add(e, known[p], now)
			}
		}
		for _, p := range slices.SortedFunc(maps.Keys(byPlace), comparePlaces) {
			of := byPlace[p]
			row, err := store.GetNotification(ctx, tx, p.Tenant, p.Bucket)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			tale, damaged := readTale(row.Doc)
			if err != nil || damaged != nil || !of.within(&row, &tale, now) {
				write = true
			}
		}
		return nil
	}
	// A million events of objects cost a million looks into the database and no more writes than there are counts.
	if err := s.cfg.DB.View(ctx, gather); err != nil {
		return nil, err
	}
	configured := func() (places []Place) {
		for _, p := range slices.SortedFunc(maps.Keys(changed), comparePlaces) {
			if changed[p] {
				places = append(places, p)
			}
		}
		return places
	}
	if !write {
		return configured(), nil
	}
	err := s.cfg.DB.Update(ctx, func(tx store.Tx) error {
		if err := gather(tx); err != nil {
			return err
		}
		for _, p := range slices.SortedFunc(maps.Keys(byPlace), comparePlaces) { // as all who lock several rows do
			if err := s.keep(ctx, tx, p, byPlace[p], now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.lookSoon(reading)
	return configured(), nil
}

// comprised is what is looked at of events: of very many buckets at once, all buckets.
func comprised(events []notify.Event) []notify.Event {
	buckets := map[string]bool{}
	for i := range events {
		buckets[events[i].Bucket] = true
	}
	if len(buckets) <= maxAtOnce {
		return events
	}
	return []notify.Event{{What: notify.AccountChanged}}
}

// concerned finds the buckets that an event may be about: of the tenants of the account that it names, if there are any, those that know the
// bucket, or all if none does. known remembers which do.
func (s *Service) concerned(ctx context.Context, tx store.Tx, among []store.Tenant, e *notify.Event, known map[Place]bool) ([]Place, error) {
	of := make([]store.Tenant, 0, len(among))
	for _, t := range among {
		if len(s.cfg.Sources[t]) > 0 && t.Account == e.Account {
			of = append(of, t)
		}
	}
	if len(of) == 0 {
		for _, t := range among {
			if len(s.cfg.Sources[t]) > 0 {
				of = append(of, t)
			}
		}
	}
	var all, have []Place
	for _, t := range of {
		p := Place{t, e.Bucket}
		all = append(all, p)
		if p.Bucket == allBuckets {
			continue
		}
		has, looked := known[p]
		if !looked {
			rows, err := store.Buckets(ctx, tx, t, []string{p.Bucket})
			if err != nil {
				return nil, err
			}
			has = len(rows) > 0
			known[p] = has
		}
		if has {
			have = append(have, p)
		}
	}
	if have != nil {
		return have, nil
	}
	return all, nil
}

// add takes in an event. Of a bucket that is not known everything is read.
func (of *hint) add(e *notify.Event, known bool, now time.Time) {
	if e.What.OfObject() && known {
		of.objects = true
		return
	}
	of.configuration = true
	if e.Call == nil {
		return
	}
	c := toldCall{ID: e.ID, Told: now.UnixMilli(), Call: *e.Call}
	if !e.Time.IsZero() {
		c.Time = e.Time.UnixMilli()
	}
	if !slices.ContainsFunc(of.calls, func(d toldCall) bool { return c.is(&d) }) {
		of.calls = append(of.calls, c)
		of.calls = of.calls[max(0, len(of.calls)-maxCalls):]
	}
}

// within says that a row tells all of it already, and that nobody is just looking: who looks may have begun before.
func (of *hint) within(row *store.Notification, tale *tale, now time.Time) bool {
	return (!of.configuration || row.ReadAt != nil && row.ClaimedUntil <= now.UnixMilli()) &&
		(!of.objects || row.CountAt != nil && tale.Counting <= now.UnixMilli()) && len(of.calls) == 0
}

// keep adds what was told to a bucket's row.
func (s *Service) keep(ctx context.Context, tx store.Tx, p Place, of *hint, now time.Time) error {
	row, err := store.GetNotification(ctx, tx, p.Tenant, p.Bucket)
	if errors.Is(err, store.ErrNotFound) {
		n, err := store.CountNotifications(ctx, tx, p.Tenant)
		if err != nil {
			return err
		}
		if n >= maxTold && p.Bucket != allBuckets {
			return s.keep(ctx, tx, Place{p.Tenant, allBuckets}, &hint{configuration: true}, now)
		}
		row = store.Notification{Bucket: p.Bucket}
	} else if err != nil {
		return err
	}
	tale, err := readTale(row.Doc)
	if err != nil {
		return err
	}
	if of.configuration {
		if row.ReadAt == nil || row.Attempts == 0 { // a store that is away is not asked the more often, the more it tells
			row.ReadAt = new(now.UnixMilli())
		}
		tale.Settings++
	}
	if of.objects {
		tale.Objects++
	}
	if of.objects && row.CountAt == nil {
		due, err := countingDue(ctx, tx, p, now)
		if err != nil {
			return err
		}
		row.CountAt = &due
	}
	for _, c := range of.calls {
		if !slices.ContainsFunc(tale.Calls, func(d toldCall) bool { return c.is(&d) }) {
			tale.Calls = append(tale.Calls, c)
		}
	}
	if extra := len(tale.Calls) - maxCalls; extra > 0 {
		tale.Calls = tale.Calls[extra:]
	}
	if row.Doc, err = json.Marshal(tale); err != nil {
		return err
	}
	row.Version++
	return store.PutNotification(ctx, tx, p.Tenant, row)
}

// countingDue is when the objects of a bucket may be counted: a minute from now, and so long after the last count that listing it costs no more
// than countingPages a minute.
func countingDue(ctx context.Context, tx store.Tx, p Place, now time.Time) (int64, error) {
	due := now.Add(time.Minute)
	rows, err := store.Buckets(ctx, tx, p.Tenant, []string{p.Bucket})
	if err != nil || len(rows) == 0 {
		return due.UnixMilli(), err
	}
	doc, _, err := readBucketRow(&rows[0])
	if err != nil || doc.ObjectCount == nil {
		return due.UnixMilli(), err
	}
	space := time.Duration(*doc.ObjectCount/pageOfKeys/countingPages) * time.Minute
	return max(due.UnixMilli(), time.UnixMilli(rows[0].CountedAt).Add(space).UnixMilli()), nil
}

// Tenants are those that have sources.
func (s *Service) Tenants() []store.Tenant {
	return slices.SortedFunc(maps.Keys(s.cfg.Sources), func(a, b store.Tenant) int { return strings.Compare(a.String(), b.String()) })
}

// kindOfLook tells the looks at configurations from those at objects, so that who has opened a bucket is found while another bucket is counted.
type kindOfLook int

const (
	reading  kindOfLook = iota // the configuration
	counting                   // the objects
)

// lookSoon wakes a loop of LookAtTold.
func (s *Service) lookSoon(kind kindOfLook) {
	select {
	case s.tidings[kind] <- struct{}{}:
	default:
	}
}

// LookAtTold looks at the buckets that stores tell of, until the context ends. Any number of servers may.
func (s *Service) LookAtTold(ctx context.Context) {
	if s.cfg.DB.Engine() == store.SQLite { // there is no other server: what is claimed was claimed by one that is gone
		err := s.cfg.DB.Update(ctx, func(tx store.Tx) (err error) {
			for t := range s.cfg.Sources {
				err = errors.Join(err, store.ReleaseNotifications(ctx, tx, t))
			}
			return err
		})
		if err != nil && ctx.Err() == nil {
			s.cfg.Log.Warn("notifications: what the last server had begun waits", "error", err.Error())
		}
	}
	var loops sync.WaitGroup
	for _, kind := range []kindOfLook{reading, counting} {
		loops.Go(func() { s.lookOn(ctx, kind) })
	}
	loops.Wait()
}

func (s *Service) lookOn(ctx context.Context, kind kindOfLook) {
	for {
		wait, err := s.lookOnce(ctx, kind)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			s.cfg.Log.Warn("notifications: what was told cannot be looked at now", "error", err.Error())
			wait = retryLook
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-s.tidings[kind]:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// lookOnce looks at all that is due, and says how long nothing will be.
func (s *Service) lookOnce(ctx context.Context, kind kindOfLook) (time.Duration, error) {
	wait := lookForOthers
	var failed error
	for t := range s.cfg.Sources {
		for {
			rows, err := s.claimTold(ctx, t, kind)
			if err == nil && len(rows) > 0 {
				err = s.lookAt(ctx, t, kind, rows)
			}
			failed = errors.Join(failed, err)
			if err != nil || len(rows) == 0 {
				break
			}
		}
		next, err := s.nextLook(ctx, t, kind)
		failed = errors.Join(failed, err)
		if next > 0 {
			wait = min(wait, max(time.UnixMilli(next).Sub(s.cfg.Now()), 0))
		}
	}
	return max(wait, 10*time.Millisecond), failed
}

// nextLook is when there will be something to look at for a tenant; 0: nothing waits. While Macie is suspended nothing does.
func (s *Service) nextLook(ctx context.Context, t store.Tenant, kind kindOfLook) (next int64, err error) {
	err = s.cfg.DB.View(ctx, func(tx store.Tx) error {
		next = 0
		row, err := store.GetSession(ctx, tx, t)
		if errors.Is(err, store.ErrNotFound) || err == nil && row.Status != string(macie2.MacieStatusEnabled) {
			return nil
		} else if err != nil {
			return err
		}
		read, count, err := store.NextNotification(ctx, tx, t)
		if next = read; kind == counting {
			next = count
		}
		return err
	})
	return next, err
}

// claimTold claims rows of a tenant that are due.
func (s *Service) claimTold(ctx context.Context, t store.Tenant, kind kindOfLook) (rows []store.Notification, err error) {
	now := s.cfg.Now()
	if next, err := s.nextLook(ctx, t, kind); err != nil || next == 0 || next > now.UnixMilli() {
		return nil, err
	}
	err = s.cfg.DB.Update(ctx, func(tx store.Tx) (err error) {
		if kind == reading {
			rows, err = store.ClaimNotifications(ctx, tx, t, now.UnixMilli(), now.Add(lookingFor).UnixMilli(), lookingAtOnce)
			return err
		}
		if rows, err = store.DueCounts(ctx, tx, t, now.UnixMilli(), readingAtOnce); err != nil {
			return err
		}
		until := now.Add(countingFor).UnixMilli()
		for i := range rows {
			tale, err := readTale(rows[i].Doc)
			if err != nil {
				return err
			}
			rows[i].CountAt, tale.Counting = &until, until
			if err := tale.save(ctx, tx, t, &rows[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return rows, err
}

// lookAt looks at the buckets of rows that were claimed.
func (s *Service) lookAt(ctx context.Context, t store.Tenant, kind kindOfLook, rows []store.Notification) error {
	if i := slices.IndexFunc(rows, func(n store.Notification) bool { return n.Bucket == allBuckets }); i >= 0 {
		err := s.inventory.read(ctx, t, scheduled, "")
		if err == nil {
			err = s.cfg.DB.Update(ctx, func(tx store.Tx) error { return looked(ctx, tx, t, kind, &rows[i], s.cfg.Now(), false) })
		} else if ctx.Err() == nil {
			s.cfg.Log.Warn("notifications: the inventory cannot be read now", "tenant", t.String(), "error", err.Error())
			err = s.again(ctx, t, kind, &rows[i])
		}
		if err != nil {
			return err
		}
		rows = slices.Delete(slices.Clone(rows), i, i+1)
	}
	if len(rows) == 0 {
		return nil
	}
	all := s.inventory.glance(ctx, t)
	var group errgroup.Group
	group.SetLimit(readingAtOnce)
	for i := range rows {
		group.Go(func() error {
			n := &rows[i]
			uncounted, err := s.inventory.readTold(ctx, t, all, kind, n)
			if err == nil {
				s.cfg.Log.Info("notifications: a bucket was looked at", "tenant", t.String(), "bucket", n.Bucket, "counted", kind == counting)
			}
			if uncounted {
				s.lookSoon(counting)
			}
			if err == nil || ctx.Err() != nil {
				return err
			}
			s.cfg.Log.Warn("notifications: a bucket cannot be read now", "tenant", t.String(), "bucket", n.Bucket, "error", err.Error())
			return s.again(ctx, t, kind, n)
		})
	}
	err := group.Wait()
	if ctx.Err() != nil {
		s.handBack(ctx, t, kind, rows)
	}
	return err
}

// handBack lets other servers, and the next start, look at once at what this one does not any more.
func (s *Service) handBack(ctx context.Context, t store.Tenant, kind kindOfLook, rows []store.Notification) {
	ctx, done := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer done()
	err := s.cfg.DB.Update(ctx, func(tx store.Tx) (err error) {
		for i := range rows {
			err = errors.Join(err, postpone(ctx, tx, t, kind, &rows[i], s.cfg.Now()))
		}
		return err
	})
	if err != nil {
		s.cfg.Log.Warn("notifications: what was begun waits", "error", err.Error())
	}
}

// again leaves a row to a later time.
func (s *Service) again(ctx context.Context, t store.Tenant, kind kindOfLook, n *store.Notification) error {
	wait := min(retryLook<<min(n.Attempts, 20), retryLookAtMost)
	return s.cfg.DB.Update(ctx, func(tx store.Tx) error { return postpone(ctx, tx, t, kind, n, s.cfg.Now().Add(wait)) })
}

// postpone ends a claim: what was claimed is due at a time.
func postpone(ctx context.Context, tx store.Tx, t store.Tenant, kind kindOfLook, claimed *store.Notification, at time.Time) error {
	row, err := store.GetNotification(ctx, tx, t, claimed.Bucket)
	if errors.Is(err, store.ErrNotFound) {
		return nil // it was looked at, or Macie was disabled
	}
	if err != nil {
		return err
	}
	tale, err := readTale(row.Doc)
	if err != nil {
		return err
	}
	due := at.UnixMilli()
	switch {
	case kind == reading && row.ReadAt != nil && row.ClaimedUntil == claimed.ClaimedUntil:
		row.ReadAt, row.ClaimedUntil = &due, 0
	case kind == counting && row.CountAt != nil && *row.CountAt == *claimed.CountAt:
		row.CountAt, tale.Counting = &due, 0
	default:
		return nil // somebody else has it
	}
	row.Attempts++
	return tale.save(ctx, tx, t, &row)
}

// looked takes away what a row told when it was claimed; what was told since stays. uncounted says that a reading has found a bucket whose
// objects are still to be counted.
func looked(ctx context.Context, tx store.Tx, t store.Tenant, kind kindOfLook, claimed *store.Notification, now time.Time, uncounted bool) error {
	row, err := store.GetNotification(ctx, tx, t, claimed.Bucket)
	if errors.Is(err, store.ErrNotFound) {
		return nil // Macie was disabled meanwhile, or another server was quicker
	}
	if err != nil {
		return err
	}
	then, err := readTale(claimed.Doc)
	if err != nil {
		return err
	}
	tale, err := readTale(row.Doc)
	if err != nil {
		return err
	}
	row.Attempts = 0
	if kind == counting {
		tale.Counting, row.CountAt = 0, nil
		if tale.Objects != then.Objects {
			due, err := countingDue(ctx, tx, Place{t, row.Bucket}, now)
			if err != nil {
				return err
			}
			row.CountAt = &due
		}
		return tale.save(ctx, tx, t, &row)
	}
	row.ClaimedUntil = 0
	tale.consider(then.Calls)
	if tale.Settings == then.Settings {
		row.ReadAt = nil
	}
	if uncounted && row.CountAt == nil {
		row.CountAt = new(now.UnixMilli())
	}
	return tale.save(ctx, tx, t, &row)
}

// A glance is what the sources of a tenant are asked once for some buckets: a listing of the buckets each.
type glance struct {
	driver     source.Driver
	configured source.Configured // nil: inv has everything
	inv        *inventory.Inventory
	listed     map[string]source.Bucket
	err        error
}

// glance lists the buckets of all sources of a tenant.
func (r *refresher) glance(ctx context.Context, t store.Tenant) []*glance {
	opts := inventory.Options{Account: t.Account, Region: t.Region}
	var all []*glance
	for _, d := range r.cfg.Sources[t] {
		g := &glance{driver: d, listed: map[string]source.Bucket{}}
		all = append(all, g)
		configured, ok := source.As[source.Configured](d)
		if !ok { // a folder: its documents are read as a whole
			g.inv, g.err = inventory.Load(ctx, d, opts)
			continue
		}
		listed, err := d.Buckets(ctx)
		if err != nil {
			g.err = err
			continue
		}
		for _, b := range listed {
			g.listed[b.Name] = b
		}
		g.configured = configured
		g.inv = &inventory.Inventory{Account: t.Account, Region: t.Region, AccountPublicAccessBlock: configured.AccountPublicAccessBlock(ctx)}
	}
	return all
}

// bucket reads one bucket of the source; nil if it has none of the name.
func (g *glance) bucket(ctx context.Context, t store.Tenant, name string) *inventory.Bucket {
	if g.configured == nil {
		i := slices.IndexFunc(g.inv.Buckets, func(b inventory.Bucket) bool { return b.Name == name })
		if i < 0 {
			return nil
		}
		b := g.inv.Buckets[i]
		return &b
	}
	listed, ok := g.listed[name]
	if !ok {
		return nil
	}
	b := inventory.ReadBucket(ctx, g.configured, listed, inventory.Options{Account: t.Account, Region: t.Region})
	return &b
}

// accountOf finds the owner of a bucket of the sources.
func accountOf(all []*glance, bucket string) (string, bool) {
	for _, g := range all {
		if g.err != nil {
			continue
		}
		if _, ok := g.listed[bucket]; ok {
			return g.inv.Account, true
		}
		for i := range g.inv.Buckets {
			if g.inv.Buckets[i].Name == bucket {
				return g.inv.Buckets[i].Account, true
			}
		}
	}
	return "", false
}

// readTold reads one bucket that something was told of, counts its objects if they are looked at, and stores what it sees together with that it
// was looked at. uncounted says that its objects are still to be counted.
func (r *refresher) readTold(ctx context.Context, t store.Tenant, all []*glance, kind kindOfLook, n *store.Notification) (uncounted bool, err error) {
	began := r.cfg.Now()
	var b *inventory.Bucket
	var of *glance
	for _, g := range all {
		if g.err != nil {
			return false, g.err // it may have the bucket, and would be the first
		}
		if b = g.bucket(ctx, t, n.Bucket); b != nil {
			of = g
			break
		}
	}
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	if b == nil {
		return false, r.cfg.DB.Update(ctx, func(tx store.Tx) error {
			if _, err := session(ctx, tx, t); err != nil {
				return err
			}
			return errors.Join(r.drop(ctx, tx, t, n.Bucket, began), looked(ctx, tx, t, kind, n, began, false))
		})
	}
	if b.Err != nil && b.Err.Kind == source.Unavailable {
		return false, b.Err
	}
	accounts := func(bucket string) (string, bool) { return accountOf(all, bucket) }
	o := observe(of.inv, b, accounts)
	if kind == counting && b.Err == nil && b.Stored && !r.count(ctx, of.driver, b, o) {
		if b.Err.Kind == source.Unavailable {
			return false, b.Err
		}
		o = observe(of.inv, b, accounts)
	}
	if b.Err != nil {
		r.cfg.Log.Warn("inventory: a bucket cannot be read", "account", of.inv.Account, "bucket", b.Name, "error", b.Err.Error())
	}
	err = r.cfg.DB.Update(ctx, func(tx store.Tx) error {
		if _, err := session(ctx, tx, t); err != nil {
			return err
		}
		if err := r.put(ctx, tx, t, o, began); err != nil {
			return err
		}
		uncounted = kind == reading && b.Err == nil && b.Stored && o.doc.ObjectCount == nil
		return looked(ctx, tx, t, kind, n, began, uncounted)
	})
	return uncounted, err
}
