package macie

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/custom"
	"github.com/magpie-sec/magpie/internal/detect/managed"
	"github.com/magpie-sec/magpie/internal/inventory"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// An Exposure says who outside its account reaches a bucket as it is now, and what sensitive data are known to be in it. The measure by which
// exposures are ranked is written down in docs/exposure.md.
type Exposure struct {
	Account, Region, Bucket string
	ReadAt                  time.Time // when the bucket was read that is judged

	// Public says that everyone has access by S3's meaning; Reads and Writes what they may do, nil if it is not known.
	Public        bool
	Reads, Writes *bool
	// Shared and Replicated say that other accounts have access, or copies. The lists name them as far as they are known.
	Shared, Replicated       bool
	SharedWith, ReplicatedTo []string
	Undecided                []string // what could not be told: "public access", "sharing", "replication"
	Problem                  string   // why, as far as the inventory says
	SensitiveObjects         int64
	Severity                 detect.Level // the highest of an object; 0 without sensitive data
	Found                    []ExposedData
	Outdated                 int64 // objects whose findings do not count, as they have changed or are gone since
	Analyzed                 bool  // something was looked at
	found                    map[exposedID]*ExposedData
}

// ExposedData is one type of sensitive data in an exposed bucket.
type ExposedData struct {
	// Identifier is the id of a managed data identifier, or the name of a custom one, whose id is CustomID.
	Identifier, CustomID string
	Category             string
	Objects, Occurrences int64
	Severity             detect.Level // the highest that it reaches in an object
}

type exposedID struct{ managed, custom string }

// Weights of who reaches a bucket. Those of accounts and copies are added: both are more than one.
const (
	weightReaders   = 20 // everyone reads, or nobody knows that they do not
	weightWriters   = 4  // everyone has access, but does not read
	weightShared    = 8
	weightCopies    = 6
	weightUndecided = 1 // for each thing that could not be told
)

// Weight says how far a bucket is open, 0 for one that is not.
func (e *Exposure) Weight() int {
	w := weightUndecided * len(e.Undecided)
	switch {
	case e.Public && (e.Reads == nil || *e.Reads):
		w += weightReaders
	case e.Public:
		w += weightWriters
	}
	if e.Shared {
		w += weightShared
	}
	if e.Replicated {
		w += weightCopies
	}
	return w
}

// Mass says how much sensitive data a bucket is known to hold: for each type its severity times the logarithm of its occurrences, and the
// logarithm of the objects.
func (e *Exposure) Mass() float64 {
	if len(e.Found) == 0 {
		return 0
	}
	mass := math.Log2(1 + float64(e.SensitiveObjects))
	for _, f := range e.Found {
		mass += float64(f.Severity) * math.Log2(1+float64(f.Occurrences))
	}
	return mass
}

// Risk is what exposures are ranked by: how far a bucket is open times how much is in it.
func (e *Exposure) Risk() float64 { return float64(e.Weight()) * e.Mass() }

// External reports whether somebody outside the account surely has access to the bucket or a copy.
func (e *Exposure) External() bool { return e.Public || e.Shared || e.Replicated }

// RankExposures puts exposures in order: the highest risk first, among equals the one that is open further.
func RankExposures(list []*Exposure) {
	slices.SortFunc(list, func(a, b *Exposure) int {
		return cmp.Or(cmp.Compare(b.Risk(), a.Risk()), cmp.Compare(b.Weight(), a.Weight()), strings.Compare(a.Bucket, b.Bucket),
			strings.Compare(a.Account, b.Account), strings.Compare(a.Region, b.Region))
	})
}

// Add counts what was found of one type in one object. The objects themselves are counted in SensitiveObjects.
func (e *Exposure) Add(d ExposedData) {
	if e.found == nil {
		e.found = map[exposedID]*ExposedData{}
	}
	id := exposedID{custom: d.CustomID}
	if d.CustomID == "" {
		id.managed = d.Identifier
	}
	sum := e.found[id]
	if sum == nil {
		sum = &ExposedData{Identifier: d.Identifier, CustomID: d.CustomID, Category: d.Category}
		e.found[id] = sum
	}
	sum.Objects++
	sum.Occurrences += d.Occurrences
	sum.Severity = max(sum.Severity, d.Severity)
	e.Severity = max(e.Severity, d.Severity)
}

// Settle orders what was added: the most severe types first, then those that occur most.
func (e *Exposure) Settle() {
	e.Found = nil
	for _, d := range e.found {
		e.Found = append(e.Found, *d)
	}
	slices.SortFunc(e.Found, func(a, b ExposedData) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(b.Occurrences, a.Occurrences), strings.Compare(a.Identifier, b.Identifier),
			strings.Compare(a.CustomID, b.CustomID))
	})
	e.Analyzed = e.Analyzed || len(e.Found) > 0
}

// exposureOf judges a bucket by its metadata. Public access is read and written as the flags say; nil is not known.
func exposureOf(m *macie2.BucketMetadata, g *guard, reads, writes *bool) *Exposure {
	e := &Exposure{Account: wire.Value(m.AccountId), Region: wire.Value(m.Region), Bucket: wire.Value(m.BucketName)}
	objects, access := messages(m)
	e.Problem = cmp.Or(strings.TrimSuffix(strings.TrimPrefix(access, accessUnknown), "."), objects)
	if m.ErrorCode != "" && e.Problem == "" {
		e.Problem = string(m.ErrorCode)
	}
	permission := macie2.EffectivePermissionUnknown
	if m.PublicAccess != nil {
		permission = m.PublicAccess.EffectivePermission
	}
	switch permission {
	case macie2.EffectivePermissionPublic:
		e.Public, e.Reads, e.Writes = true, reads, writes
	case macie2.EffectivePermissionNotPublic:
	default:
		e.Undecided = append(e.Undecided, "public access")
	}
	if g == nil {
		g = &guard{}
	}
	switch m.SharedAccess {
	case macie2.SharedAccessExternal:
		// Being public is EXTERNAL as well.
		if e.Shared = !e.Public || len(g.Outside.List) > 0; e.Shared {
			e.SharedWith = slices.Clone(g.Outside.List)
		}
	case macie2.SharedAccessInternal, macie2.SharedAccessNotShared:
	default:
		e.Undecided = append(e.Undecided, "sharing")
	}
	switch r := m.ReplicationDetails; {
	case r == nil || r.ReplicatedExternally == nil:
		e.Undecided = append(e.Undecided, "replication")
	case *r.ReplicatedExternally:
		e.Replicated = true
		e.ReplicatedTo = slices.DeleteFunc(slices.Clone(r.ReplicationAccounts), func(a string) bool { return a == e.Account })
	}
	return e
}

// InventoryExposures judges the buckets of an inventory, and returns those that are open to others or that it cannot tell of, in the order of
// the inventory. What is in them is for the caller to add.
func InventoryExposures(inv *inventory.Inventory) []*Exposure {
	accounts := map[string]string{}
	for i := range inv.Buckets {
		accounts[inv.Buckets[i].Name] = inv.Buckets[i].Account
	}
	var out []*Exposure
	for i := range inv.Buckets {
		b := &inv.Buckets[i]
		o := observe(inv, b, func(name string) (string, bool) { a, ok := accounts[name]; return a, ok })
		var reads, writes *bool
		if o.guard != nil {
			reads, writes = known(o.posture.Readable), known(o.posture.Writable)
		}
		if e := exposureOf(o.doc, o.guard, reads, writes); e.Weight() > 0 {
			out = append(out, e)
		}
	}
	return out
}

// unknownFacts says why what guards a bucket is not known: "bucket policy, ACL: AccessDenied".
func unknownFacts(inv *inventory.Inventory, b *inventory.Bucket) string {
	var reasons []string
	facts := map[string][]string{} // by reason
	note := func(what string, state source.State, reason string) {
		if state == source.StateUnknown {
			if facts[reason] == nil {
				reasons = append(reasons, reason)
			}
			facts[reason] = append(facts[reason], what)
		}
	}
	block := inv.PublicAccessBlockOf(b.Account)
	note("bucket policy", b.Policy.State, b.Policy.Reason)
	note("ACL", b.ACL.State, b.ACL.Reason)
	note("public access block", b.PublicAccessBlock.State, b.PublicAccessBlock.Reason)
	note("public access block of the account", block.State, block.Reason)
	note("ownership controls", b.Ownership.State, b.Ownership.Reason)
	note("replication", b.Replication.State, b.Replication.Reason)
	for i, reason := range reasons {
		reasons[i] = strings.TrimSuffix(strings.Join(facts[reason], ", ")+": "+reason, ": ")
	}
	return strings.Join(reasons, "; ")
}

// StoredExposures is what a server's database tells of exposures.
type StoredExposures struct {
	List []*Exposure // ranked
	// Buckets is how many buckets the inventories have, and ReadAt when the oldest of them was read; zero if there is none.
	Buckets int
	ReadAt  time.Time
	Tenants int // those that were wanted and in which Macie is enabled
	// Unread are tenants whose inventory was never read, Gone buckets ("account/region: bucket") that findings are about and that the inventory
	// does not have any more.
	Unread, Gone []string
}

// ReadExposures reads exposures from a database: of every account and Region, or of those that are wanted. It goes by how each bucket was when
// the inventory was last read, not by what findings say of their buckets; and by the current findings (neither archived nor samples)
// of each object's newest state, of which several jobs make one. It only reads.
func ReadExposures(ctx context.Context, db store.DB, wanted func(store.Tenant) bool) (*StoredExposures, error) {
	var tenants []store.Tenant
	err := db.View(ctx, func(tx store.Tx) (err error) {
		tenants, err = store.Tenants(ctx, tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	out := &StoredExposures{}
	for _, t := range tenants {
		if !wanted(t) {
			continue
		}
		out.Tenants++
		if err := out.tenant(ctx, db, t); err != nil {
			return nil, fmt.Errorf("%s: %w", t, err)
		}
	}
	RankExposures(out.List)
	return out, nil
}

// exposureBuckets is how many buckets' metadata are read at a time.
const exposureBuckets = 256

func (s *StoredExposures) tenant(ctx context.Context, db store.DB, t store.Tenant) error {
	var names, about []string
	err := db.View(ctx, func(tx store.Tx) error {
		note, err := readNote(ctx, tx, t)
		if err != nil {
			return err
		}
		if names, err = store.BucketNames(ctx, tx, t); err != nil {
			return err
		}
		if note.ReadAt == 0 {
			s.Unread = append(s.Unread, t.String())
		}
		about, err = store.BucketsWithFindings(ctx, tx, t)
		return err
	})
	if err != nil {
		return err
	}
	s.Buckets += len(names)
	for chunk := range slices.Chunk(names, exposureBuckets) {
		var rows []store.Bucket
		err := db.View(ctx, func(tx store.Tx) (err error) {
			rows, err = store.Buckets(ctx, tx, t, chunk)
			return err
		})
		if err != nil {
			return err
		}
		for i := range rows {
			e, err := storedExposure(&rows[i], t)
			if err != nil {
				return err
			}
			if s.ReadAt.IsZero() || e.ReadAt.Before(s.ReadAt) {
				s.ReadAt = e.ReadAt
			}
			if e.Weight() == 0 {
				continue
			}
			if err := e.readFindings(ctx, db, t); err != nil {
				return fmt.Errorf("bucket %s: %w", e.Bucket, err)
			}
			s.List = append(s.List, e)
		}
	}
	for _, name := range about {
		if _, has := slices.BinarySearch(names, name); has {
			continue
		}
		current := false
		err := db.View(ctx, func(tx store.Tx) error {
			_, n, err := store.SensitiveFindings(ctx, tx, t, name, store.FindingPlace{}, 1, func([]byte) error { return nil })
			current = n > 0
			return err
		})
		if err != nil {
			return err
		}
		if current {
			s.Gone = append(s.Gone, t.String()+": "+name)
		}
	}
	return nil
}

func storedExposure(row *store.Bucket, t store.Tenant) (*Exposure, error) {
	m, state, err := readBucketRow(row)
	if err != nil {
		return nil, err
	}
	e := exposureOf(m, state.Guard, row.PublicRead, row.PublicWrite)
	e.Analyzed = m.ObjectCount != nil && *m.ObjectCount == 0
	e.Account, e.Region, e.Bucket, e.ReadAt = t.Account, t.Region, row.Name, time.UnixMilli(row.UpdatedAt).UTC()
	return e, nil
}

// exposureFindings is how many findings are read at a time.
const exposureFindings = 500

// readFindings adds what current findings tell of a bucket.
func (e *Exposure) readFindings(ctx context.Context, db store.DB, t store.Tenant) error {
	levels := &exposureLevels{managed: map[string]*detect.Identifier{}, custom: map[string]*custom.Definition{}}
	for _, id := range managed.All() {
		levels.managed[id.ID] = id
	}
	var objects []*exposedObject // in order; the findings of the last may go on in the next batch
	place := store.FindingPlace{}
	for more := true; more; {
		var docs [][]byte
		next, n := place, 0
		err := db.View(ctx, func(tx store.Tx) (err error) {
			docs = docs[:0]
			next, n, err = store.SensitiveFindings(ctx, tx, t, e.Bucket, place, exposureFindings, func(doc []byte) error {
				docs = append(docs, doc)
				return nil
			})
			return err
		})
		if err != nil {
			return err
		}
		place, more = next, n == exposureFindings
		for _, doc := range docs {
			f := &macie2.Finding{}
			if err := wire.Unmarshal(doc, f); err != nil {
				return fmt.Errorf("a stored finding is damaged: %w", err)
			}
			object := objectOf(f)
			if last := len(objects) - 1; last >= 0 && objects[last].key == object.key {
				objects[last] = objects[last].with(object)
			} else {
				objects = append(objects, object)
			}
		}
		ready := objects
		if more {
			ready = objects[:max(len(objects)-1, 0)]
		}
		if err := e.addObjects(ctx, db, t, ready, levels); err != nil {
			return err
		}
		objects = slices.Clone(objects[len(ready):])
	}
	var analyzed bool
	err := db.View(ctx, func(tx store.Tx) (err error) {
		analyzed, err = store.HasLedger(ctx, tx, t, e.Bucket)
		return err
	})
	e.Analyzed = e.Analyzed || analyzed
	e.Settle()
	return err
}

// An exposedObject is what current findings say of one object.
type exposedObject struct {
	key      string
	created  int64 // of the newest finding
	state    [16]byte
	known    bool // its states can be told apart, and the ledger has them
	severity detect.Level
	found    map[exposedID]exposedFound
}

type exposedFound struct {
	name, category string
	count          int64
}

func objectOf(f *macie2.Finding) *exposedObject {
	out := &exposedObject{found: map[exposedID]exposedFound{}}
	if f.CreatedAt != nil {
		out.created = int64(*f.CreatedAt)
	}
	if f.Severity != nil {
		out.severity = detect.Level(wire.Value(f.Severity.Score))
	}
	if o := f.ResourcesAffected.S3Object; o != nil {
		out.key = wire.Value(o.Key)
		modified := int64(0)
		if o.LastModified != nil {
			modified = int64(*o.LastModified)
		}
		etag := wire.Value(o.ETag)
		out.state = store.LedgerState(wire.Value(o.VersionId), etag, wire.ValueOr(o.Size, source.UnknownSize), modified)
		// A key that is not UTF-8 stands in a finding with other bytes than in the ledger.
		out.known = etag != "" && len(out.key) <= store.MaxKey && !strings.ContainsRune(out.key, '\uFFFD')
	}
	if f.ClassificationDetails == nil || f.ClassificationDetails.Result == nil {
		return out
	}
	r := f.ClassificationDetails.Result
	for _, category := range r.SensitiveData {
		for _, d := range category.Detections {
			id := wire.Value(d.Type)
			out.found[exposedID{managed: id}] = exposedFound{id, string(category.Category), wire.Value(d.Count)}
		}
	}
	if r.CustomDataIdentifiers != nil {
		for _, d := range r.CustomDataIdentifiers.Detections {
			arn := wire.Value(d.Arn)
			id := arn[strings.LastIndexByte(arn, '/')+1:]
			out.found[exposedID{custom: id}] = exposedFound{wire.Value(d.Name), string(macie2.SensitiveDataItemCategoryCustomIdentifier), wire.Value(d.Count)}
		}
	}
	return out
}

// with returns what two findings of one object say of it together: the newer one says how it is now. Of an object that has not changed between
// them, each type counts once, as the newer tells it.
func (o *exposedObject) with(other *exposedObject) *exposedObject {
	newer, older := o, other
	if older.created > newer.created {
		newer, older = older, newer
	}
	if newer.state != older.state {
		return newer
	}
	for id, found := range older.found {
		if _, has := newer.found[id]; !has {
			newer.found[id] = found
		}
	}
	newer.severity = max(newer.severity, older.severity)
	return newer
}

// exposureLevels says how severe an identifier's occurrences in an object are.
type exposureLevels struct {
	managed map[string]*detect.Identifier
	custom  map[string]*custom.Definition // nil: not known
}

func (l *exposureLevels) of(id exposedID, count int64, most detect.Level) detect.Level {
	level := most
	if known := l.managed[id.managed]; known != nil {
		level = known.Severity.At(count)
	} else if known := l.custom[id.custom]; known != nil {
		level = known.Level(count)
	}
	return min(max(level, detect.Low), detect.High)
}

// addObjects adds objects that are still as they were when they were analysed: those whose state the ledger has. Listings take what has changed
// or is gone out of it.
func (e *Exposure) addObjects(ctx context.Context, db store.DB, t store.Tenant, objects []*exposedObject, levels *exposureLevels) error {
	var keys [][]byte
	var customs []string
	for _, o := range objects {
		if o.known {
			keys = append(keys, []byte(o.key))
		}
		for id := range o.found {
			if _, known := levels.custom[id.custom]; id.custom != "" && !known {
				customs = append(customs, id.custom)
				levels.custom[id.custom] = nil
			}
		}
	}
	current := map[string][][16]byte{}
	err := db.View(ctx, func(tx store.Tx) error {
		clear(current)
		for _, id := range customs {
			found, err := customDefinitions(ctx, tx, t, []string{id})
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			if len(found) > 0 {
				levels.custom[id] = found[0]
			}
		}
		if len(keys) == 0 {
			return nil
		}
		return store.LedgerStates(ctx, tx, t, e.Bucket, keys, func(l *store.LedgerEntry) error {
			current[string(l.Key)] = append(current[string(l.Key)], l.State)
			return nil
		})
	})
	if err != nil {
		return err
	}
	for _, o := range objects {
		if o.known && !slices.Contains(current[o.key], o.state) {
			e.Outdated++
			continue
		}
		e.SensitiveObjects++
		for id, found := range o.found {
			e.Add(ExposedData{Identifier: found.name, CustomID: id.custom, Category: found.category, Occurrences: found.count,
				Severity: levels.of(id, found.count, o.severity)})
		}
	}
	return nil
}
