package macie

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/custom"
	"github.com/magpie-sec/magpie/internal/inventory"
	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// discoveryJob is the id of the job that automated discovery is to the work engine. It stands in no table of jobs; its runs are the daily
// cycles (macie.md 7.2).
const discoveryJob = "automated-discovery"

// The kinds of its shards.
const (
	planShard     = "plan"     // chooses objects and makes shards of them; payload: a discoveryBudget
	discoverShard = "discover" // classifies a page of objects; cursor: how many of them are done, as a uvarint
)

// A discoveryBudget is how much of the objects may be looked at in a cycle.
type discoveryBudget struct {
	Objects int64 `json:"objects"`
	Bytes   int64 `json:"bytes"` // as stored
}

// Defaults of Config.
const (
	DefaultDiscoveryObjects = 10_000
	DefaultDiscoveryBytes   = 10 << 30
)

// A sample of kinds is kept for each bucket: what goes beyond is taken together.
const maxObjectKinds = 512

// discover starts a tenant's cycle of the day, if it is not under way or over. It also forgets what was found once automated discovery has been
// off for long enough.
func (s *Service) discover(ctx context.Context, t store.Tenant) error {
	started := false
	now := s.cfg.Now()
	var c discoveryConfiguration
	look := func(tx store.Tx) (due, late bool, key string, err error) {
		row, err := store.GetSession(ctx, tx, t)
		if errors.Is(err, store.ErrNotFound) || err == nil && row.Status != string(macie2.MacieStatusEnabled) {
			return false, false, "", nil
		} else if err != nil {
			return false, false, "", err
		}
		c = discoveryConfiguration{}
		if err := readSetting(ctx, tx, t, discoverySetting, &c); err != nil {
			return false, false, "", err
		}
		if !c.on() {
			return false, c.DisabledAt != 0 && !c.Forgotten && now.UnixMilli()-c.DisabledAt >= discoveryKept.Milliseconds(), "", nil
		}
		key = fmt.Sprintf("%s since %d", now.UTC().Format(time.DateOnly), c.EnabledAt)
		runs, err := job.Runs(ctx, tx, t, discoveryJob, 1)
		if err != nil || len(runs) > 0 && (runs[0].State == job.RunRunning || runs[0].Key == key) {
			return false, false, "", err
		}
		return true, false, key, nil
	}
	var due, late bool
	err := s.cfg.DB.View(ctx, func(tx store.Tx) (err error) {
		due, late, _, err = look(tx)
		return err
	})
	if err != nil || !due && !late {
		return err
	}
	payload, err := json.Marshal(discoveryBudget{s.cfg.DiscoveryObjects, s.cfg.DiscoveryBytes})
	if err != nil {
		return err
	}
	err = s.cfg.DB.Update(ctx, func(tx store.Tx) error {
		started = false
		due, late, key, err := look(tx)
		switch {
		case err != nil:
			return err
		case late:
			c.Forgotten = true
			return errors.Join(forgetDiscovery(ctx, tx, t), writeSetting(ctx, tx, t, discoverySetting, now.UnixMilli(), &c))
		case !due:
			return nil
		}
		if err := store.PruneRuns(ctx, tx, t, discoveryJob, job.RunID(t, discoveryJob, key)); err != nil {
			return err
		}
		_, started, err = s.cfg.Engine.StartRun(ctx, tx, t, discoveryJob, key,
			job.NewShard{Key: planShard, Kind: planShard, Payload: payload, Priority: job.PriorityLow})
		return err
	})
	if err == nil && started {
		s.cfg.Engine.Wake()
	}
	return err
}

// discover does a shard of a cycle.
func (w *Worker) discover(ctx context.Context, a *job.Attempt) error {
	var alone map[string]bool
	var on bool
	err := w.cfg.DB.View(ctx, func(tx store.Tx) (err error) {
		alone, on, err = leftAlone(ctx, tx, a.Run.Tenant)
		return err
	})
	if err != nil || !on {
		return err // it was turned off meanwhile: the rest of the cycle is left out
	}
	switch a.Kind {
	case planShard:
		return w.plan(ctx, a, alone)
	case discoverShard:
		if alone[a.Bucket] {
			return nil
		}
		if err := w.discoverPage(ctx, a); !errors.Is(err, errLeftAlone) {
			return err
		}
		return nil
	default:
		return job.Permanent(fmt.Errorf("this version does not know shards of kind %q", a.Kind))
	}
}

// errLeftAlone says that a bucket is not to be looked at any more.
var errLeftAlone = errors.New("automated discovery leaves the bucket alone now")

// leftAlone reads whether automated discovery is at work, and which buckets it leaves alone: excluded ones, and those whose score is set by hand.
func leftAlone(ctx context.Context, tx store.Tx, t store.Tenant) (names map[string]bool, on bool, err error) {
	row, err := store.GetSession(ctx, tx, t)
	if errors.Is(err, store.ErrNotFound) || err == nil && row.Status != string(macie2.MacieStatusEnabled) {
		return nil, false, nil
	} else if err != nil {
		return nil, false, err
	}
	v, err := viewDiscovery(ctx, tx, t)
	if err != nil || !v.on {
		return nil, false, err
	}
	if names, err = store.OverriddenBuckets(ctx, tx, t); err != nil {
		return nil, false, err
	}
	for name := range v.excluded {
		names[name] = true
	}
	return names, true, nil
}

// appendKind adds what tells a bucket's kinds of objects apart: objects alike in folder, storage class, extension, size and month of their last
// change stand for each other. Digits in folders count as alike, as they most often number or date them.
func appendKind(kind []byte, o *source.Object) []byte {
	const levels, longest = 3, 200 // of a folder
	folder := o.Key[:strings.LastIndexByte(o.Key, '/')+1]
	for i, depth := 0, 0; i < len(folder) && depth < levels && len(kind) < longest; i++ {
		c := folder[i]
		switch {
		case c == '/':
			depth++
		case c >= '0' && c <= '9':
			if c = '#'; len(kind) > 0 && kind[len(kind)-1] == c {
				continue
			}
		}
		kind = append(kind, c)
	}
	kind = append(kind, 0)
	kind = append(kind, o.StorageClass...)
	kind = append(kind, 0)
	kind = append(kind, inventory.Extension(o.Key)...)
	kind = append(kind, 0, byte(bits.Len64(uint64(max(o.Size, 0)))/3))
	if !o.LastModified.IsZero() {
		year, month, _ := o.LastModified.UTC().Date()
		kind = append(kind, byte(year), byte(year>>8), byte(month))
	}
	return kind
}

// A candidate is an object that may be chosen.
type candidate struct {
	object source.Object
	kind   int32  // a number of the survey's
	rank   uint8  // changed ones first, those that may not be read last
	order  uint64 // at random, but always the same
	place  int    // in the bucket's list: how many of its kind come before it
}

// The ranks of candidates.
const (
	rankChanged uint8 = iota
	rankNew
	rankAgain // it could not be read before for a reason that may have passed
)

// A survey is what a bucket's listing says that is worth looking at.
type survey struct {
	bucket     string
	limit      int              // of candidates that are worth keeping
	kinds      map[string]int32 // their numbers from 1; beyond maxObjectKinds all are 0
	known      []int            // by kind: objects looked at, which are as they were
	candidates []candidate
	seen       bool   // something of the bucket was looked at before
	scratch    []byte // for a kind
}

func newSurvey(bucket string, limit int) *survey {
	return &survey{bucket: bucket, limit: limit, kinds: map[string]int32{}, known: make([]int, 1)}
}

func (s *survey) kindOf(o *source.Object) int32 {
	s.scratch = appendKind(s.scratch[:0], o)
	kind, ok := s.kinds[string(s.scratch)]
	if !ok && len(s.kinds) < maxObjectKinds {
		kind = int32(len(s.known))
		s.kinds[string(s.scratch)] = kind
		s.known = append(s.known, 0)
	}
	return kind
}

// shuffled is a number that orders keys at random, and always alike.
func shuffled(key string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(key))
	x := h.Sum64() // keys that differ in their last bytes only lie together: spread them (the end of MurmurHash3)
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

func (s *survey) add(o source.Object, rank uint8) {
	s.candidates = append(s.candidates, candidate{object: o, kind: s.kindOf(&o), rank: rank, order: shuffled(o.Key)})
	if len(s.candidates) >= max(4*s.limit, 4096) { // fewer are not worth sorting
		s.rank(2 * s.limit)
	}
}

// rank puts the candidates in the order in which they are chosen, and keeps the first: of each kind in turn one, beginning with the kinds that
// were looked at least.
func (s *survey) rank(keep int) {
	slices.SortFunc(s.candidates, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.rank, b.rank), cmp.Compare(a.order, b.order), strings.Compare(a.object.Key, b.object.Key))
	})
	for i := range s.candidates {
		c := &s.candidates[i]
		if c.place = s.known[c.kind]; i > 0 && s.candidates[i-1].kind == c.kind {
			c.place = s.candidates[i-1].place + 1
		}
	}
	slices.SortStableFunc(s.candidates, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.rank/rankAgain, b.rank/rankAgain), cmp.Compare(a.place, b.place))
	})
	if len(s.candidates) > keep {
		clear(s.candidates[keep:]) // for the collector
		s.candidates = slices.Clone(s.candidates[:keep])
	}
}

// finish ranks what there is, and lets go of what is needed for that only.
func (s *survey) finish() {
	s.rank(s.limit)
	s.kinds, s.known, s.scratch = nil, nil, nil
}

// retried are the reasons for which an object is tried again although it has not changed.
var retried = map[string]bool{reasonDenied: true, reasonReadError: true, reasonKMSKey: true}

// plan chooses the objects of a cycle.
func (w *Worker) plan(ctx context.Context, a *job.Attempt, excluded map[string]bool) error {
	if a.Cursor != nil {
		return nil // it was done, and only the end of the shard was lost
	}
	var budget discoveryBudget
	if err := json.Unmarshal(a.Payload, &budget); err != nil {
		return job.Permanent(fmt.Errorf("the budget is damaged: %w", err))
	}
	var surveys []*survey
	limit := int(budget.Objects) // of each bucket
	seen := map[string]bool{}
	for _, driver := range w.cfg.Sources[a.Run.Tenant] {
		buckets, err := driver.Buckets(ctx)
		switch {
		case err == nil:
		case ctx.Err() != nil || source.KindOf(err) == source.Unavailable:
			return err
		default:
			a.Log().Warn("automated discovery: the source's buckets cannot be read", "error", err.Error())
			continue
		}
		for _, b := range buckets {
			if seen[b.Name] || excluded[b.Name] {
				continue
			}
			seen[b.Name] = true
			s := newSurvey(b.Name, limit)
			if err := w.survey(ctx, a, driver, s); err != nil {
				if cause := context.Cause(ctx); cause != nil {
					return cause
				}
				var failed *source.Error
				if !errors.As(err, &failed) {
					return err
				}
				a.Log().Warn("automated discovery: a bucket cannot be listed", "bucket", b.Name, "error", err.Error())
			}
			s.finish()
			if len(s.candidates) > 0 {
				surveys = append(surveys, s)
				limit = min(limit, trim(surveys, 2*budget.Objects))
			}
		}
	}
	chosen, objects, size, left := choose(surveys, budget)
	a.Log().Info("automated discovery: objects are chosen", "buckets", len(chosen), "objects", objects, "bytes", size, "left_for_later", left)
	return a.Commit(ctx, []byte("planned"), job.Counters{Listed: objects}, func(tx store.Tx) error {
		_, err := a.AddShards(ctx, tx, discoverShards(chosen)...)
		return err
	})
}

// survey walks a bucket beside what is known of it. What is known of objects that have changed or are gone is forgotten.
func (w *Worker) survey(ctx context.Context, a *job.Attempt, driver source.Driver, s *survey) error {
	past := &pastObjects{w: w, t: a.Run.Tenant, bucket: s.bucket}
	var gone [][]byte
	forget := func(least int) error {
		if len(gone) < least {
			return nil
		}
		keys := gone
		gone = nil
		return a.Commit(ctx, nil, job.Counters{}, func(tx store.Tx) error {
			if err := store.DeleteDiscoveryObjects(ctx, tx, a.Run.Tenant, s.bucket, keys); err != nil {
				return err
			}
			return rescore(ctx, tx, a.Run.Tenant, s.bucket)
		})
	}
	unlisted := "" // a prefix about which the listing does not tell
	var report source.Report
	// newer says that what was looked at may be younger than the report that the listing comes from.
	newer := func(o *store.DiscoveryObject) bool { return report.Missing(time.UnixMilli(o.AnalyzedAt)) }
	isGone := func(o *store.DiscoveryObject) bool {
		return !newer(o) && (unlisted == "" || !bytes.HasPrefix(o.Key, []byte(unlisted)))
	}
	told := func(r source.Report) {
		if report = r; r.Name != "" {
			a.Log().Info("automated discovery: a bucket is listed from a report of the store", "bucket", s.bucket, "report", r.Name, "begun", r.Begun)
		}
	}
	for item, err := range driver.List(ctx, s.bucket, source.ListOptions{Report: &source.ReportOptions{Use: source.ForDiscovery, Told: told}}) {
		if err != nil {
			return err // what is behind is as it was
		}
		key := store.BoundKey([]byte(item.Key))
		for {
			old, err := past.peek(ctx)
			if err != nil {
				return err
			}
			if old == nil || bytes.Compare(store.BoundKey(old.Key), key) >= 0 {
				break
			}
			if isGone(old) {
				gone = append(gone, old.Key)
			}
			past.next()
			if err := forget(1000); err != nil {
				return err
			}
		}
		if item.Err != nil {
			if strings.HasSuffix(item.Key, "/") {
				unlisted = item.Key
			}
			continue
		}
		old, err := past.peek(ctx)
		if err != nil {
			return err
		}
		rank := rankNew
		if old != nil && bytes.Equal(store.BoundKey(old.Key), key) {
			s.seen = true
			past.next()
			switch changed := old.ETag != store.CleanText(item.ETag) || old.VersionID != store.CleanText(item.VersionID); {
			case changed && newer(old) && old.Status != statusSkipped:
				s.known[s.kindOf(&item.Object)]++
				continue // the report tells of it as it was before
			case changed:
				gone = append(gone, old.Key)
				rank = rankChanged
			case retried[old.Reason] && old.Status == statusSkipped:
				rank = rankAgain
			default:
				s.known[s.kindOf(&item.Object)]++
				continue
			}
		}
		if item.Size != 0 && inventory.EligibilityOf(item.Object) == inventory.Classifiable {
			s.add(item.Object, rank)
		}
		if err := forget(1000); err != nil {
			return err
		}
	}
	for {
		old, err := past.peek(ctx)
		if err != nil {
			return err
		}
		if old == nil {
			return forget(1)
		}
		if isGone(old) {
			gone = append(gone, old.Key)
		}
		past.next()
		if err := forget(1000); err != nil {
			return err
		}
	}
}

// pastObjects reads what is known of a bucket's objects in order, some at a time.
type pastObjects struct {
	w      *Worker
	t      store.Tenant
	bucket string
	page   []store.DiscoveryObject
	last   []byte
	over   bool
}

func (p *pastObjects) peek(ctx context.Context) (*store.DiscoveryObject, error) {
	const some = 1000
	if len(p.page) == 0 && !p.over {
		err := p.w.cfg.DB.View(ctx, func(tx store.Tx) (err error) {
			p.page, err = store.DiscoveryObjects(ctx, tx, p.t, p.bucket, p.last, some)
			return err
		})
		if err != nil {
			return nil, err
		}
		if p.over = len(p.page) < some; len(p.page) > 0 {
			p.last = p.page[len(p.page)-1].Key
		}
	}
	if len(p.page) == 0 {
		return nil, nil
	}
	return &p.page[0], nil
}

func (p *pastObjects) next() { p.page = p.page[1:] }

// trim shortens lists of candidates to what can be chosen if each bucket has its turn, so that many buckets need no more memory than one. It
// returns how long a list may be; more buckets make it shorter still.
func trim(surveys []*survey, enough int64) int {
	total := int64(0)
	for _, s := range surveys {
		total += int64(len(s.candidates))
	}
	if total <= 2*enough {
		return math.MaxInt
	}
	rounds := 1
	for sum := int64(0); ; rounds *= 2 {
		sum = 0
		for _, s := range surveys {
			sum += int64(min(len(s.candidates), rounds))
		}
		if sum >= enough {
			break
		}
	}
	for _, s := range surveys {
		if len(s.candidates) > rounds {
			s.candidates = slices.Clone(s.candidates[:rounds])
		}
	}
	return rounds
}

// choose takes candidates within the budget: of each bucket in turn one, those first of which nothing was looked at before.
func choose(surveys []*survey, budget discoveryBudget) (chosen map[string][]source.Object, objects, size, left int64) {
	chosen = map[string][]source.Object{}
	slices.SortStableFunc(surveys, func(a, b *survey) int { return cmp.Compare(btoi(a.seen), btoi(b.seen)) })
	for round, more := 0, true; more; round++ {
		more = false
		for _, s := range surveys {
			if round >= len(s.candidates) {
				continue
			}
			more = true
			o := s.candidates[round].object
			if objects >= budget.Objects || size+max(o.Size, 0) > budget.Bytes {
				left++
				continue
			}
			chosen[s.bucket] = append(chosen[s.bucket], o)
			objects++
			size += max(o.Size, 0)
		}
	}
	return chosen, objects, size, left
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// discoverShards makes pages of what was chosen.
func discoverShards(chosen map[string][]source.Object) []job.NewShard {
	var shards []job.NewShard
	for bucket, objects := range chosen {
		var p page
		for i, o := range objects {
			p.add(o)
			if p.full() || i == len(objects)-1 {
				shards = append(shards, job.NewShard{Key: pageKey(bucket, o.Key), Kind: discoverShard, Bucket: bucket, Payload: p.data, Priority: job.PriorityLow})
				p = page{}
			}
		}
	}
	slices.SortFunc(shards, func(a, b job.NewShard) int { return strings.Compare(a.Key, b.Key) })
	return shards
}

// discoveryActive makes what the cycle of an attempt looks for, once for each cycle that this process works on.
func (w *Worker) discoveryActive(ctx context.Context, a *job.Attempt) (*activeJob, error) {
	place := w.jobs.place(a.Run)
	place.mu.Lock()
	defer place.mu.Unlock()
	if place.made != nil {
		return place.made, nil
	}
	var template inspectionTemplate
	var looksFor []*custom.Definition
	var lists []allowList
	err := w.cfg.DB.View(ctx, func(tx store.Tx) (err error) {
		template, lists = inspectionTemplate{}, nil
		if err = readSetting(ctx, tx, a.Run.Tenant, templateSetting, &template); err != nil {
			return err
		}
		if looksFor, err = customDefinitions(ctx, tx, a.Run.Tenant, template.Custom); err != nil {
			return err
		}
		for _, id := range template.AllowLists {
			row, err := store.GetAllowList(ctx, tx, a.Run.Tenant, id)
			if errors.Is(err, store.ErrNotFound) {
				a.Log().Warn("automated discovery: an allow list of the template is deleted; the cycle goes on without it", "allow_list", id)
				continue
			} else if err != nil {
				return err
			}
			list, err := readAllowList(row)
			if err != nil {
				return job.Permanent(err)
			}
			lists = append(lists, list)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	j, err := w.jobs.make(ctx, a, template.asJob(), looksFor, lists)
	if err != nil {
		return nil, err
	}
	j.automated = true
	j.levels = map[string]func(int64) detect.Level{}
	for _, id := range template.identifiers() {
		j.levels[id.ID] = id.Severity.At
	}
	for _, d := range looksFor {
		j.levels[d.ARN] = d.Level
	}
	place.made = j
	return j, nil
}

// discoverPage looks at a page of objects from the cursor on.
func (w *Worker) discoverPage(ctx context.Context, a *job.Attempt) error {
	j, err := w.discoveryActive(ctx, a)
	if err != nil {
		return err
	}
	if driver, err := w.cfg.Sources.find(ctx, a.Run.Tenant, a.Bucket); err == nil {
		if err := w.inventoryHas(ctx, a, j, driver); err != nil {
			return err
		}
	}
	return w.objects(ctx, a, j, w.commitDiscovery)
}

// commitDiscovery makes outcomes take effect, with which the first done objects of the page are dealt with.
func (w *Worker) commitDiscovery(ctx context.Context, a *job.Attempt, j *activeJob, done int, outcomes []objectOutcome) error {
	if len(outcomes) == 0 {
		return nil
	}
	delta := job.Counters{Objects: int64(len(outcomes))}
	var rows []store.DiscoveryObject
	now := w.cfg.Now().UnixMilli()
	for _, o := range outcomes {
		if o.result.Status == statusSkipped {
			delta.Skipped++
		} else {
			delta.Classified++
			delta.Bytes += o.result.BytesClassified
		}
		if o.result.Reason == reasonGone {
			continue // it is no object of the bucket any more
		}
		row := store.DiscoveryObject{
			Bucket: a.Bucket, Key: o.result.Key, VersionID: o.result.VersionID, ETag: o.result.ETag,
			Status: o.result.Status, Reason: o.result.Reason, BytesClassified: o.result.BytesClassified, AnalyzedAt: now,
		}
		if o.finding != nil {
			var err error
			if row.Detections, err = j.discovered(o.result.Detections); err != nil {
				return err
			}
			delta.Findings++
		}
		rows = append(rows, row)
	}
	packed, err := w.pack(ctx, j, outcomes)
	if err != nil {
		return err
	}
	defer packed.close()
	entries, superseded, err := j.learned(ctx, outcomes)
	if err != nil {
		return err
	}
	return a.Commit(ctx, binary.AppendUvarint(nil, uint64(done)), delta, func(tx store.Tx) error {
		if alone, on, err := leftAlone(ctx, tx, a.Run.Tenant); err != nil {
			return err
		} else if !on || alone[a.Bucket] {
			return errLeftAlone
		}
		if err := store.PutDiscoveryObjects(ctx, tx, a.Run.Tenant, rows); err != nil {
			return err
		}
		if err := store.PutLedger(ctx, tx, a.Run.Tenant, a.Bucket, entries, superseded); err != nil {
			return err
		}
		if err := packed.save(ctx, tx); err != nil {
			return err
		}
		if _, err := putFindings(ctx, tx, a.Run.Tenant, w.cfg.Outbox, packed.findings); err != nil {
			return err
		}
		if err := store.TouchDiscoveryProfile(ctx, tx, a.Run.Tenant, a.Bucket, now); err != nil {
			return err
		}
		return rescore(ctx, tx, a.Run.Tenant, a.Bucket)
	})
}

// discovered takes the detections out of the result of an object.
func (j *activeJob) discovered(result []byte) ([]store.DiscoveryDetection, error) {
	r := &macie2.ClassificationResult{}
	if err := wire.Unmarshal(result, r); err != nil {
		return nil, fmt.Errorf("the result of an object is damaged: %w", err)
	}
	level := func(id string, count int64) int64 {
		if at := j.levels[id]; at != nil {
			return int64(at(count))
		}
		return int64(detect.Low)
	}
	var all []store.DiscoveryDetection
	for _, category := range r.SensitiveData {
		for _, d := range category.Detections {
			n := wire.Value(d.Count)
			all = append(all, store.DiscoveryDetection{ID: *d.Type, Count: n, Level: level(*d.Type, n)})
		}
	}
	if c := r.CustomDataIdentifiers; c != nil {
		for _, d := range c.Detections {
			n, arn := wire.Value(d.Count), wire.Value(d.Arn)
			all = append(all, store.DiscoveryDetection{Custom: true, ID: arn[strings.LastIndexByte(arn, '/')+1:], Name: wire.Value(d.Name), ARN: arn, Count: n, Level: level(arn, n)})
		}
	}
	return all, nil
}
