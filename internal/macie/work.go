package macie

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/inventory"
	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/publish"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
)

// The kinds of shards of a classification job.
const (
	selectShard  = "select"  // finds out which buckets meet the criteria and makes shards that list them
	listShard    = "list"    // lists a bucket and makes shards of objects; cursor: the last key dealt with
	objectsShard = "objects" // classifies a page of objects; cursor: how many of them are done, as a uvarint
	surveyShard  = "survey"  // looks through a block of a large object; cursor: not empty once it is done, as of the next two
	partShard    = "part"    // classifies a part of a large object
	joinShard    = "join"    // puts the parts of a large object together
)

// What is read is committed after this many objects or this much time, whichever comes first.
const (
	commitObjects = 200
	commitEvery   = time.Second
)

// A Worker does the shards of classification jobs: it is the job.Handler of this service.
type Worker struct {
	cfg  WorkerConfig
	jobs jobCache

	cleaned atomic.Pointer[job.RunRef] // the last run at which what cancelled ones have left of large objects was removed
}

// Work does one shard.
func (w *Worker) Work(ctx context.Context, a *job.Attempt) error {
	if a.Run.JobID == discoveryJob {
		return w.discover(ctx, a)
	}
	j, err := w.jobs.get(ctx, a)
	if err != nil {
		return err
	}
	switch a.Kind {
	case selectShard:
		return w.selectBuckets(ctx, a, j)
	case listShard:
		return w.list(ctx, a, j)
	case objectsShard:
		return w.objects(ctx, a, j, w.commit)
	case surveyShard:
		return w.part(ctx, a, j, surveyStage, w.surveyBlock)
	case partShard:
		return w.part(ctx, a, j, partStage, w.readPart)
	case joinShard:
		return w.join(ctx, a, j)
	default:
		return job.Permanent(fmt.Errorf("this version does not know shards of kind %q", a.Kind))
	}
}

// selectBuckets finds out which buckets meet the job's criteria now, and commits a shard for each that lists it.
func (w *Worker) selectBuckets(ctx context.Context, a *job.Attempt, j *activeJob) error {
	var shards []job.NewShard
	var rows []store.Bucket
	var failed []jobEvent
	seen := map[string]bool{}
	for n, driver := range w.cfg.Sources[a.Run.Tenant] {
		inv, err := inventory.Load(ctx, driver, inventory.Options{Account: a.Run.Account, Region: a.Run.Region})
		switch {
		case err == nil:
		case ctx.Err() != nil || source.KindOf(err) == source.Unavailable:
			return err
		default:
			a.NoteRunError(errorAccount, err.Error())
			failed = append(failed, j.told().accountFailed(n, err))
			a.Log().Warn("the source's buckets cannot be read", "error", err.Error())
			continue
		}
		for i := range inv.Buckets {
			b := &inv.Buckets[i]
			if seen[b.Name] {
				continue // the first source that has it counts
			}
			seen[b.Name] = true
			o := observe(inv, b, func(string) (string, bool) { return "", false })
			if !j.selection.holds(o.doc) {
				continue
			}
			row, err := o.row(w.cfg.Now().UnixMilli())
			if err != nil {
				return err
			}
			shards, rows = append(shards, listingOf(b.Name)), append(rows, row)
			a.Log().Info("a bucket meets the job's criteria", "bucket", b.Name)
		}
	}
	if len(shards) == 0 {
		a.Log().Warn("no bucket meets the job's criteria: nothing is analysed", "buckets", len(seen))
	}
	return a.Commit(ctx, nil, job.Counters{}, func(tx store.Tx) error {
		for _, row := range rows {
			_, err := store.GetBucket(ctx, tx, a.Run.Tenant, row.Name)
			if errors.Is(err, store.ErrNotFound) {
				err = store.PutBucket(ctx, tx, a.Run.Tenant, row)
			}
			if err != nil {
				return err
			}
		}
		if err := w.tellSelected(ctx, tx, j.told(), rows, failed); err != nil {
			return err
		}
		_, err := a.AddShards(ctx, tx, shards...)
		return err
	})
}

// list walks a bucket from the cursor on, and commits a shard for each page of objects.
func (w *Worker) list(ctx context.Context, a *job.Attempt, j *activeJob) error {
	driver, err := w.cfg.Sources.find(ctx, a.Run.Tenant, a.Bucket)
	if err != nil {
		return w.bucketFailed(ctx, a, j, a.Cursor, err)
	}
	if err := w.inventoryHas(ctx, a, j, driver); err != nil {
		return err // of the database, or of a source that is away: either passes
	}
	since, err := w.since(ctx, a, j)
	if err != nil {
		return err
	}
	past, err := w.pastListing(ctx, a, j, since)
	if err != nil {
		return err
	}
	tags := tagReader(ctx, driver, a.Bucket)
	var next page
	var unlisted []objectOutcome
	var told job.Counters // of objects that need not be opened and hold nothing
	last := string(a.Cursor)
	known := &ledgerReader{ledger: j.ledger, bucket: a.Bucket, ended: w.cfg.Reopen, notes: true}
	if last != "" {
		known.after = store.LedgerPlace{Key: a.Cursor, Rules: math.MaxInt64}
	}
	began := w.cfg.Now()
	flush := func() error {
		if next.objects == 0 && len(unlisted) == 0 && told == (job.Counters{}) && len(known.gone) == 0 {
			return nil
		}
		if err := w.leaveOutDealt(ctx, a, j, since, &next); err != nil {
			return err
		}
		packed, err := w.pack(ctx, j, unlisted)
		if err != nil {
			return err
		}
		defer packed.close()
		delta := told
		delta.Listed += int64(next.objects + len(unlisted))
		delta.Objects += int64(len(unlisted))
		delta.Skipped += int64(len(unlisted))
		err = a.Commit(ctx, []byte(last), delta, func(tx store.Tx) error {
			if err := j.save(ctx, tx, a.Run, unlisted, packed); err != nil {
				return err
			}
			if err := store.DeleteLedger(ctx, tx, a.Run.Tenant, a.Bucket, known.gone); err != nil {
				return err
			}
			if err := past.note(ctx, tx, a, j); err != nil {
				return err
			}
			if next.objects == 0 {
				return nil
			}
			_, err := a.AddShards(ctx, tx, job.NewShard{Key: pageKey(a.Bucket, last), Kind: objectsShard, Bucket: a.Bucket, Payload: next.data})
			return err
		})
		next, unlisted, told, known.gone, began = page{}, nil, job.Counters{}, nil, w.cfg.Now()
		return err
	}
	for item, err := range driver.List(ctx, a.Bucket, source.ListOptions{After: last, Report: past.options(a, known)}) {
		switch {
		case err != nil:
			if ended := flush(); ended != nil {
				return ended
			}
			return w.bucketFailed(ctx, a, j, []byte(last), err)
		case a.Cursor != nil && item.Key <= string(a.Cursor):
			continue // a prefix that cannot be listed, told again because the keys below it would come after the cursor
		case item.Err != nil:
			unlisted = append(unlisted, w.notRead(a.Bucket, item.Object, item.Err))
			known.hidden = item.Key
		default:
			entries, err := known.find(ctx, item.Object)
			if err != nil {
				return err
			}
			looks, err := j.looksAt(&item.Object, since, tags)
			switch {
			case err != nil && (ctx.Err() != nil || source.KindOf(err) == source.Unavailable):
				return err
			case err != nil: // whether it belongs to the job cannot be told
				unlisted = append(unlisted, w.notRead(a.Bucket, item.Object, err))
			case !looks:
			case len(entries) == 0 || entries[0].Flags&worthResult != 0 || unreadable(item.Object) != "" || j.keepsResult(&item.Object, past):
				next.add(item.Object)
			default:
				told.Listed++
				told.Objects++
				told.Bytes += entries[0].Bytes
				told.Classified++
			}
		}
		last = item.Key
		unsaved := told.Objects + int64(len(known.gone))
		if next.full() || len(unlisted) >= commitObjects || unsaved >= commitTold || unsaved%1024 == 1023 && w.cfg.Now().Sub(began) >= commitEvery {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	// Whatever else the ledger has is no object any more.
	for more := true; more; {
		var err error
		if more, err = known.rest(ctx, commitTold); err != nil {
			return err
		}
		if err := flush(); err != nil {
			return err
		}
	}
	return w.listed(ctx, a, j, []byte(last), past)
}

// worthResult are the flags of what has a result in each run though it need not be opened: there is a finding to be made, or something was not read
// that the run has to account for.
const worthResult = store.LedgerFound | store.LedgerSkipped | store.LedgerPartial

// commitTold is after how many objects that need not be opened a listing commits where it is.
const commitTold = 50_000

// inventoryHas sees to it that the inventory has the bucket before findings are made that say how it is configured. It stores whatever
// bucket of the source is missing, so that a run over many buckets reads their configuration once. A source whose buckets cannot be listed
// may still let the objects of one be read: then the findings say that nothing is known of it.
func (w *Worker) inventoryHas(ctx context.Context, a *job.Attempt, j *activeJob, driver source.Driver) error {
	err := w.cfg.DB.View(ctx, func(tx store.Tx) error {
		_, err := store.GetBucket(ctx, tx, a.Run.Tenant, a.Bucket)
		return err
	})
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	// A bucket that was stored and is not there was lost, when PostgreSQL failed over to a standby that lagged behind.
	if had, read := j.read.Load(driver); read && !had.(map[string]bool)[a.Bucket] {
		return nil
	}
	inv, err := inventory.Load(ctx, driver, inventory.Options{Account: a.Run.Account, Region: a.Run.Region})
	switch {
	case err == nil:
	case ctx.Err() != nil || source.KindOf(err) == source.Unavailable:
		return err
	default:
		a.Log().Warn("the source's buckets cannot be read", "error", err.Error())
		return nil
	}
	err = a.Commit(ctx, a.Cursor, job.Counters{}, func(tx store.Tx) error {
		for i := range inv.Buckets {
			_, err := store.GetBucket(ctx, tx, a.Run.Tenant, inv.Buckets[i].Name)
			if errors.Is(err, store.ErrNotFound) {
				err = putUncounted(ctx, tx, a.Run.Tenant, inv, &inv.Buckets[i], wire.TimeOf(w.cfg.Now()))
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		had := make(map[string]bool, len(inv.Buckets))
		for i := range inv.Buckets {
			had[inv.Buckets[i].Name] = true
		}
		j.read.Store(driver, had)
	}
	return err
}

// bucketFailed ends a listing that cannot go on: what may pass is tried again, everything else is noted on the run, which goes on with
// the other buckets.
//
// All before the cursor is dealt with.
func (w *Worker) bucketFailed(ctx context.Context, a *job.Attempt, j *activeJob, cursor []byte, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if source.KindOf(err) == source.Unavailable {
		return err
	}
	a.NoteRunError(errorBucket, err.Error())
	a.Log().Warn("bucket cannot be listed", "bucket", a.Bucket, "error", err.Error())
	return w.tellListFailed(ctx, a, j, cursor, err)
}

// pageKey names the shard of the page that ends with a key: listing it again makes the same name.
func pageKey(bucket, lastKey string) string {
	sum := sha256.Sum256([]byte(lastKey))
	return "objects/" + bucket + "/" + hex.EncodeToString(sum[:])
}

// A committer makes outcomes take effect, with which the first done objects of a page are dealt with.
type committer func(ctx context.Context, a *job.Attempt, j *activeJob, done int, outcomes []objectOutcome) error

// objects classifies the objects of a page from the cursor on.
func (w *Worker) objects(ctx context.Context, a *job.Attempt, j *activeJob, commit committer) error {
	objects, err := pageOf(a.Payload)
	if err != nil {
		return job.Permanent(err)
	}
	done, _ := binary.Uvarint(a.Cursor)
	classify, err := w.classifierOf(ctx, a, j, objects[min(int(done), len(objects)):])
	if err != nil {
		return err
	}
	batch := commitObjects
	if a.Failures > 1 {
		batch = 1 // something here is hard to get past: lose as little as possible to it
	}
	var outcomes []objectOutcome
	weight := 0
	began := w.cfg.Now()
	for i := int(done); i < len(objects); i++ {
		var outcome objectOutcome
		if i == int(done) && a.Failures >= lastFailure {
			a.Log().Error("an object could not be got past; it is skipped", "bucket", a.Bucket, "key", store.CleanText(objects[i].Key))
			outcome = w.skipped(a.Bucket, objects[i], reasonReadError)
		} else if outcome, err = classify(objects[i]); err != nil {
			return errors.Join(err, commit(ctx, a, j, i, outcomes))
		}
		outcomes, weight = append(outcomes, outcome), weight+outcome.weight()
		if last := i == len(objects)-1; last || len(outcomes) >= batch || weight >= commitWeight || w.cfg.Now().Sub(began) >= commitEvery {
			if err := commit(ctx, a, j, i+1, outcomes); err != nil {
				return err
			}
			if spread, err := w.spread(ctx, a, objects, i+1, len(outcomes)); spread || err != nil {
				return err
			}
			outcomes, weight, began = outcomes[:0], 0, w.cfg.Now()
		}
	}
	return nil
}

// lastFailure is after how many failures in a row the object at the cursor is given up, so that it does not take those behind it with it:
// one less than the engine's default for giving up the shard. A failure is a source that stays away, or a worker that died.
const lastFailure = 15

// classifierOf returns what is done with each object of a shard. If its bucket has no source any more they are all skipped.
//
// Objects are those that it will be asked to do, in their order.
func (w *Worker) classifierOf(ctx context.Context, a *job.Attempt, j *activeJob, objects []source.Object) (
	func(source.Object) (objectOutcome, error), error) {
	driver, err := w.cfg.Sources.find(ctx, a.Run.Tenant, a.Bucket)
	switch {
	case err == nil:
	case ctx.Err() != nil || source.KindOf(err) == source.Unavailable:
		return nil, err
	default:
		return func(o source.Object) (objectOutcome, error) { return w.notRead(a.Bucket, o, err), nil }, nil
	}
	if err := j.knowBucket(ctx, w.cfg.DB, a.Bucket); err != nil {
		return nil, err
	}
	known := &ledgerReader{ledger: j.ledger, bucket: a.Bucket, ended: w.cfg.Reopen || len(objects) == 0}
	for i := range objects {
		known.keys = append(known.keys, []byte(objects[i].Key))
	}
	return func(o source.Object) (objectOutcome, error) {
		entries, err := known.find(ctx, o)
		if err != nil {
			return objectOutcome{}, err
		}
		for i := range entries {
			if unreadable(o) != "" {
				break
			}
			if outcome, ok, err := w.told(&entries[i], a.Bucket, o, j); ok || err != nil {
				return outcome, err
			}
		}
		return w.object(ctx, a.Log(), driver, a.Bucket, o, j, true)
	}, nil
}

// commit makes outcomes take effect, with which the first done objects of the page are dealt with.
func (w *Worker) commit(ctx context.Context, a *job.Attempt, j *activeJob, done int, outcomes []objectOutcome) error {
	if len(outcomes) == 0 {
		return nil
	}
	read, large := apart(outcomes)
	err := w.settle(ctx, a, j, binary.AppendUvarint(nil, uint64(done)), read, func(tx store.Tx) error { return w.divide(ctx, tx, a, large) })
	if err == nil && len(large) > 0 {
		w.cleaned.Store(&a.Run)
	}
	return err
}

// settle commits outcomes with a cursor, and with what more writes, if it is not nil.
func (w *Worker) settle(ctx context.Context, a *job.Attempt, j *activeJob, cursor []byte, outcomes []objectOutcome, more func(store.Tx) error) error {
	delta := job.Counters{Objects: int64(len(outcomes))}
	for _, o := range outcomes {
		delta.Bytes += o.result.BytesClassified
		if o.result.Status == statusSkipped {
			delta.Skipped++
		} else {
			delta.Classified++
		}
		if o.finding != nil {
			delta.Findings++
		}
		if o.again {
			delta.Objects--
			delta.Skipped--
		}
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
	return a.Commit(ctx, cursor, delta, func(tx store.Tx) error {
		if err := j.save(ctx, tx, a.Run, outcomes, packed); err != nil {
			return err
		}
		if err := store.PutLedger(ctx, tx, a.Run.Tenant, a.Bucket, entries, superseded); err != nil || more == nil {
			return err
		}
		return more(tx)
	})
}

// WorkerConfig says what a Worker works with. DB, Extractor and Sources are required.
type WorkerConfig struct {
	DB        store.DB
	Extractor *extract.Extractor
	Sources   Sources
	Now       func() time.Time // nil means time.Now
	// Reopen makes jobs open every object, whatever the ledger knows of it.
	Reopen bool
	// Outbox takes the events of findings; nil takes none.
	Outbox *publish.Outbox
	// Parts says which objects jobs read in parts.
	Parts Parts
}

// NewWorker makes a Worker.
func NewWorker(c WorkerConfig) *Worker {
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Worker{cfg: c, jobs: jobCache{cfg: c}}
}
