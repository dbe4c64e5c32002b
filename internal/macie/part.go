package macie

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime/debug"
	"slices"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/macie/classify"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/store"
)

// A large object whose format splits (extract.Division) is read by several workers. The shard that comes upon it hands it over: in the commit that
// moves its cursor past the object it adds a shard for each block. Of a table those survey their blocks first, and the last of them to be
// done cuts it at rows and adds the shards that classify parts. The last of these adds the shard that puts the parts together and makes the
// one result and the one finding; where the parts are in doubt it reads the object whole.
//
// A part that is read is committed at once, so that a killed worker costs a part. Whatever ends the reading of a part for good is written down as
// what the part tells, never as a failure of its shard: the object is then skipped for that reason, once.

// Parts says which objects are read in parts. The zero value means the defaults.
type Parts struct {
	Above int64 // objects larger than this, in bytes: 256 MiB. Below zero for none
	Block int64 // of so many bytes: 64 MiB
}

// maxParts is how many blocks an object is cut into; those of a larger one are larger.
const maxParts = 4096

// of returns in blocks of how many bytes an object of that size is read, if its format can be read so and it is large enough.
func (p Parts) of(size int64) (block int64, apart bool) {
	above, block := p.Above, p.Block
	if above == 0 {
		above = 256 << 20
	}
	if block <= 0 {
		block = 64 << 20
	}
	return max(block, (size+maxParts-1)/maxParts), above >= 0 && size > max(above, block)
}

// Alone returns how many bytes of an object one worker reads, while others may read the rest, if its format can be read so.
func (p Parts) Alone(size int64) int64 {
	if block, apart := p.of(size); apart {
		return block
	}
	return size
}

// The stages in which a large object is read.
const (
	surveyStage = iota
	partStage
)

// A largeObject is what the parts of an object need to know of it. Its JSON is the document of its row.
type largeObject struct {
	Page  []byte `json:"page"` // the object, as a page of one
	Block int64  `json:"block"`
	Size  int64  `json:"size"`
	First int    `json:"first"` // its first stage
	// GivenUp says that the object counts as skipped since a shard of it died; see giveUpLarge.
	GivenUp bool `json:"given_up,omitempty"`
	id      string
}

// A partPlace is the payload of a shard of a large object.
type partPlace struct {
	ID   string `json:"id"`
	Part int64  `json:"part"`
	From int64  `json:"from"`
	To   int64  `json:"to"`
	// Blocks says that the place is that of a block, not yet of lines.
	Blocks bool `json:"blocks,omitempty"`
}

// A partTold is what a part of a large object tells: of a survey, or of a part, or why the object is skipped.
type partTold struct {
	Reason  string            `json:"reason,omitempty"`
	Survey  *extract.Survey   `json:"survey,omitempty"`
	Partial *classify.Partial `json:"partial,omitempty"`
}

// partCounts is what the other parts look at of what a part tells.
type partCounts struct {
	Over   bool             `json:"over,omitempty"` // the parts need not be read any more
	Counts map[string]int64 `json:"counts,omitempty"`
}

// large says how an object is to be read in parts; nil for whole. Trouble is left to the reading of the whole, which tells it.
func (w *Worker) large(ctx context.Context, driver source.Driver, bucket string, o source.Object, j *activeJob) *largeObject {
	block, apart := w.cfg.Parts.of(o.Size)
	// Without an entity tag parts could be of different states.
	if !apart || o.ETag == "" || j.automated {
		return nil
	}
	r, err := driver.Open(ctx, bucket, o.Key, source.OpenOptions{VersionID: o.VersionID, ETag: o.ETag})
	if err != nil {
		return nil
	}
	defer r.Close()
	division, ok, err := w.cfg.Extractor.Divide(ctx, ExtractObject(r))
	if err != nil || !ok || r.Object().Size != o.Size || division.Running && !j.classifier.CanPart() {
		return nil
	}
	var p page
	p.add(o)
	h := sha256.New()
	for _, part := range []string{bucket, o.Key, o.VersionID} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		io.WriteString(h, part)
	}
	large := &largeObject{Page: p.data, Block: block, Size: o.Size, First: partStage, id: hex.EncodeToString(h.Sum(nil)[:16])}
	if division.Surveyed {
		large.First = surveyStage
	}
	return large
}

// apart takes the objects that are to be read in parts out of outcomes.
func apart(outcomes []objectOutcome) (read []objectOutcome, large []*largeObject) {
	if !slices.ContainsFunc(outcomes, func(o objectOutcome) bool { return o.large != nil }) {
		return outcomes, nil
	}
	for _, o := range outcomes {
		if o.large != nil {
			large = append(large, o.large)
		} else {
			read = append(read, o)
		}
	}
	return read, large
}

// divide adds the shards of the first stage of large objects, inside the commit of the shard that came upon them.
func (w *Worker) divide(ctx context.Context, tx store.Tx, a *job.Attempt, large []*largeObject) error {
	if len(large) == 0 {
		return nil
	}
	if before := w.cleaned.Load(); before == nil || *before != a.Run {
		if err := store.DeleteLeftParts(ctx, tx, a.Run.Tenant); err != nil {
			return err
		}
	}
	for _, l := range large {
		var places []partPlace
		for from := int64(0); from < l.Size; from += l.Block {
			places = append(places, partPlace{From: from, To: min(from+l.Block, l.Size), Blocks: true})
		}
		if err := l.stage(ctx, tx, a, l.id, l.First, places); err != nil {
			return err
		}
	}
	return nil
}

// stage lets the next stage of a large object begin.
func (l *largeObject) stage(ctx context.Context, tx store.Tx, a *job.Attempt, id string, stage int, places []partPlace) error {
	doc, err := json.Marshal(l)
	if err != nil {
		return err
	}
	row := store.LargeObject{JobID: a.Run.JobID, RunID: a.Run.RunID, ID: id, Bucket: a.Bucket, Unfinished: int64(len(places)), Doc: doc}
	if err := store.PutLargeObject(ctx, tx, a.Run.Tenant, row); err != nil {
		return err
	}
	kind := [...]string{surveyStage: surveyShard, partStage: partShard}[stage]
	shards := make([]job.NewShard, len(places))
	for i, place := range places {
		place.ID, place.Part = id, int64(i)
		payload, err := json.Marshal(place)
		if err != nil {
			return err
		}
		shards[i] = job.NewShard{Key: fmt.Sprint(kind, "/", id, "/", i), Kind: kind, Bucket: a.Bucket, Payload: payload}
	}
	_, err = a.AddShards(ctx, tx, shards...)
	return err
}

// addJoin adds the shard that puts a large object together.
func addJoin(ctx context.Context, tx store.Tx, a *job.Attempt, id string) error {
	payload, err := json.Marshal(partPlace{ID: id})
	if err == nil {
		_, err = a.AddShards(ctx, tx, job.NewShard{Key: joinShard + "/" + id, Kind: joinShard, Bucket: a.Bucket, Payload: payload})
	}
	return err
}

// doneCursor is the cursor of a shard of a large object that has made its only commit.
var doneCursor = []byte{1}

// placeOf reads the payload of a shard of a large object, and its object; no object if it was put together meanwhile.
func (w *Worker) placeOf(ctx context.Context, a *job.Attempt) (place partPlace, large *largeObject, o source.Object, err error) {
	if err := json.Unmarshal(a.Payload, &place); err != nil {
		return place, nil, o, job.Permanent(fmt.Errorf("the place of a part is damaged: %w", err))
	}
	var row store.LargeObject
	err = w.cfg.DB.View(ctx, func(tx store.Tx) (err error) {
		row, err = store.GetLargeObject(ctx, tx, a.Run.Tenant, a.Run.JobID, a.Run.RunID, place.ID)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return place, nil, o, nil
	} else if err != nil {
		return place, nil, o, err
	}
	large = &largeObject{}
	if err := json.Unmarshal(row.Doc, large); err != nil {
		return place, nil, o, job.Permanent(fmt.Errorf("a large object's row is damaged: %w", err))
	}
	objects, err := pageOf(large.Page)
	if err != nil || len(objects) != 1 {
		return place, nil, o, job.Permanent(errors.New("a large object's row holds no object"))
	}
	large.id = place.ID
	return place, large, objects[0], nil
}

// A partReader reads a part of an open object. Counts tell how many of each type are known to stand before it.
type partReader func(ctx context.Context, j *activeJob, r source.Reader, place partPlace, before map[string]int64) (partTold, error)

func (w *Worker) surveyBlock(ctx context.Context, _ *activeJob, r source.Reader, place partPlace, _ map[string]int64) (partTold, error) {
	s, err := w.cfg.Extractor.Survey(ctx, ExtractObject(r), place.From, place.To)
	return partTold{Survey: &s}, err
}

func (w *Worker) readPart(ctx context.Context, j *activeJob, r source.Reader, place partPlace, before map[string]int64) (partTold, error) {
	p, err := j.classifier.ClassifyPart(ctx, ExtractObject(r), extract.Part{From: place.From, To: place.To, Blocks: place.Blocks}, before)
	return partTold{Partial: p}, err
}

// part does a shard of a stage: it reads, and commits what it read. Whoever finishes the last part of a stage lets the next one begin.
func (w *Worker) part(ctx context.Context, a *job.Attempt, j *activeJob, stage int, read partReader) error {
	if a.Cursor != nil {
		return nil
	}
	place, large, o, err := w.placeOf(ctx, a)
	if err != nil || large == nil {
		return err
	}
	told, err := w.tell(ctx, a, j, stage, place, o, read)
	if err != nil {
		return err
	}
	counts := partCounts{Over: told.Reason != "" || told.Partial != nil && told.Partial.Doubt != "" || told.Survey != nil && told.Survey.From < 0}
	if told.Partial != nil {
		counts.Counts = told.Partial.Counts()
	}
	row := store.ObjectPart{Stage: int64(stage), Part: place.Part}
	if row.Doc, err = json.Marshal(told); err != nil {
		return err
	}
	if row.Counts, err = json.Marshal(counts); err != nil {
		return err
	}
	return a.Commit(ctx, doneCursor, job.Counters{}, func(tx store.Tx) error {
		left, err := store.FinishObjectPart(ctx, tx, a.Run.Tenant, a.Run.JobID, a.Run.RunID, place.ID, row)
		switch {
		case err != nil || left > 0:
			return err
		case stage == surveyStage:
			return w.cut(ctx, tx, a, large)
		default:
			return addJoin(ctx, tx, a, place.ID)
		}
	})
}

// tell reads a part. Its error is for what may pass.
func (w *Worker) tell(ctx context.Context, a *job.Attempt, j *activeJob, stage int, place partPlace, o source.Object, read partReader) (told partTold, err error) {
	defer func() {
		if v := recover(); v != nil {
			a.Log().Error("a panic while a part of an object was read; the object is skipped, please report this", "bucket", a.Bucket,
				"key", store.CleanText(o.Key), "panic", fmt.Sprintf("%T", v), "stack", string(debug.Stack()))
			told, err = partTold{Reason: reasonMalformed}, nil
		}
	}()
	if a.Failures >= lastFailure {
		a.Log().Error("a part of an object could not be got past; the object is skipped", "bucket", a.Bucket, "key", store.CleanText(o.Key), "part", place.Part)
		return partTold{Reason: reasonReadError}, nil
	}
	before := map[string]int64{}
	over := false
	err = w.cfg.DB.View(ctx, func(tx store.Tx) error {
		clear(before)
		return w.parts(ctx, tx, a, place.ID, stage, false, func(p *store.ObjectPart) error {
			var c partCounts
			if err := json.Unmarshal(p.Counts, &c); err != nil {
				return job.Permanent(fmt.Errorf("counts of a part are damaged: %w", err))
			}
			over = over || c.Over
			if p.Part < place.Part {
				for id, n := range c.Counts {
					before[id] += n
				}
			}
			return nil
		})
	})
	if err != nil {
		return partTold{}, err
	}
	if over { // the object will be read whole, or not at all
		return partTold{Partial: &classify.Partial{Doubt: classify.OtherDoubt, Wide: -1}, Survey: &extract.Survey{From: -1}}, nil
	}
	driver, err := w.cfg.Sources.find(ctx, a.Run.Tenant, a.Bucket)
	var r source.Reader
	if err == nil {
		r, err = driver.Open(ctx, a.Bucket, o.Key, source.OpenOptions{VersionID: o.VersionID, ETag: o.ETag})
	}
	if err == nil {
		defer r.Close()
		told, err = read(ctx, j, r, place, before)
	}
	var spool *extract.SpoolError
	switch {
	case err == nil:
		return told, nil
	case ctx.Err() != nil:
		return partTold{}, context.Cause(ctx)
	case source.KindOf(err) == source.Unavailable || errors.As(err, &spool):
		return partTold{}, err
	default:
		return partTold{Reason: SkipReason(err)}, nil
	}
}

// parts calls fn on what all parts of a stage have told so far.
func (w *Worker) parts(ctx context.Context, tx store.Tx, a *job.Attempt, id string, stage int, docs bool, fn func(*store.ObjectPart) error) error {
	return store.ObjectParts(ctx, tx, a.Run.Tenant, a.Run.JobID, a.Run.RunID, id, int64(stage), math.MaxInt64, docs, fn)
}

func toldBy(p *store.ObjectPart) (told partTold, err error) {
	if err = json.Unmarshal(p.Doc, &told); err != nil {
		err = job.Permanent(fmt.Errorf("what a part has told is damaged: %w", err))
	}
	return told, err
}

// cut cuts a large object that was surveyed, inside the commit of the last survey.
func (w *Worker) cut(ctx context.Context, tx store.Tx, a *job.Attempt, large *largeObject) error {
	var surveys []extract.Survey
	whole := false
	err := w.parts(ctx, tx, a, large.id, surveyStage, true, func(p *store.ObjectPart) error {
		told, err := toldBy(p)
		if err == nil && (told.Reason != "" || told.Survey == nil || told.Survey.From < 0) {
			whole = true
		} else if err == nil {
			surveys = append(surveys, *told.Survey)
		}
		return err
	})
	if err != nil {
		return err
	}
	cuts := append(extract.Cuts(surveys), large.Size)
	if whole || len(cuts) <= 2 {
		return addJoin(ctx, tx, a, large.id)
	}
	var places []partPlace
	for i, from := range cuts[:len(cuts)-1] {
		places = append(places, partPlace{From: from, To: cuts[i+1]})
	}
	return large.stage(ctx, tx, a, large.id, partStage, places)
}

// join puts the parts of a large object together.
func (w *Worker) join(ctx context.Context, a *job.Attempt, j *activeJob) error {
	if a.Cursor != nil {
		return nil
	}
	place, large, o, err := w.placeOf(ctx, a)
	if err != nil || large == nil {
		return err
	}
	outcome, err := w.joined(ctx, a, j, place.ID, o)
	if err != nil {
		return err
	}
	outcome.again = large.GivenUp
	return w.settle(ctx, a, j, doneCursor, []objectOutcome{outcome}, func(tx store.Tx) error {
		return store.DeleteLargeObject(ctx, tx, a.Run.Tenant, a.Run.JobID, a.Run.RunID, place.ID)
	})
}

// joined is the outcome of a large object whose parts are done. Its error is for what may pass.
func (w *Worker) joined(ctx context.Context, a *job.Attempt, j *activeJob, id string, o source.Object) (objectOutcome, error) {
	if a.Failures >= lastFailure {
		a.Log().Error("an object could not be got past; it is skipped", "bucket", a.Bucket, "key", store.CleanText(o.Key))
		return w.skipped(a.Bucket, o, reasonReadError), nil
	}
	if err := j.knowBucket(ctx, w.cfg.DB, a.Bucket); err != nil {
		return objectOutcome{}, err
	}
	var whole *classify.Whole
	reason := ""
	err := w.cfg.DB.View(ctx, func(tx store.Tx) error {
		whole, reason = j.classifier.Whole(extract.Object{Name: o.Key, Size: o.Size, Modified: o.LastModified}), ""
		for stage := range [...]int{surveyStage, partStage} {
			err := w.parts(ctx, tx, a, id, stage, true, func(p *store.ObjectPart) error {
				told, err := toldBy(p)
				switch {
				case err != nil || reason != "":
				case told.Reason != "":
					reason = told.Reason
				case stage == partStage && told.Partial != nil:
					err = whole.Add(told.Partial)
				}
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return objectOutcome{}, err
	}
	if reason != "" {
		return w.skipped(a.Bucket, o, reason), nil
	}
	driver, err := w.cfg.Sources.find(ctx, a.Run.Tenant, a.Bucket)
	switch {
	case err == nil:
	case ctx.Err() != nil || source.KindOf(err) == source.Unavailable:
		return objectOutcome{}, err
	default:
		return w.notRead(a.Bucket, o, err), nil
	}
	document, doubt := whole.Document()
	if doubt == "" && whole.Wide() >= 0 {
		if utf8, err := w.readsAsUTF8(ctx, driver, a.Bucket, o, whole.Wide()); err != nil || !utf8 {
			doubt = "the charset could be another one" // or it could not be read: reading the whole tells
		}
	}
	if doubt != "" {
		a.Log().Info("a large object is read whole, as its parts are in doubt", "bucket", a.Bucket, "key", store.CleanText(o.Key), "why", doubt)
		return w.object(ctx, a.Log(), driver, a.Bucket, o, j, false)
	}
	outcome := w.classified(&document, a.Bucket, o, j)
	outcome.entry, err = entryOf(&document, o)
	return outcome, err
}

func (w *Worker) readsAsUTF8(ctx context.Context, driver source.Driver, bucket string, o source.Object, at int64) (bool, error) {
	r, err := driver.Open(ctx, bucket, o.Key, source.OpenOptions{VersionID: o.VersionID, ETag: o.ETag})
	if err != nil {
		return false, err
	}
	defer r.Close()
	return w.cfg.Extractor.ReadsAsUTF8(ctx, ExtractObject(r), at)
}

// giveUpLarge settles, when a run is complete, the large objects that were not put together, since a shard of theirs is dead: one that was given to
// a program that does not know it, or one whose source stayed away. They count as skipped, with a result and a record that say so, and the run shows
// that shards are dead. What their other parts have told is kept: if the dead shards are tried again, the object is put together after all, and what
// is said here is replaced. Given is what this adds to the run's counters.
func (w *Worker) giveUpLarge(ctx context.Context, tx store.Tx, run job.RunRef) (given job.Counters, err error) {
	left, err := store.LargeObjects(ctx, tx, run.Tenant, run.JobID, run.RunID)
	if err != nil || len(left) == 0 {
		return given, err
	}
	to, err := exportDestination(ctx, tx, run.Tenant)
	if err != nil {
		return given, err
	}
	j := &activeJob{run: run} // as far as the record of an object that was not read needs it
	know := func(bucket string) error { return j.readBucket(ctx, tx, bucket) }
	for _, row := range left {
		var large largeObject
		if err := json.Unmarshal(row.Doc, &large); err != nil {
			return given, fmt.Errorf("a large object's row is damaged: %w", err)
		}
		if large.GivenUp {
			continue // its shard died again
		}
		objects, err := pageOf(large.Page)
		if err != nil || len(objects) != 1 {
			return given, fmt.Errorf("a large object's row holds no object: %w", errors.Join(err, store.ErrInvalid))
		}
		// By itself: then its record is in the file that the object has when it is put together.
		outcomes := []objectOutcome{w.skipped(row.Bucket, objects[0], reasonReadError)}
		packed, err := w.packFor(j, outcomes, to, know)
		if err != nil {
			return given, err
		}
		err = j.save(ctx, tx, run, outcomes, packed)
		packed.close()
		if err != nil {
			return given, err
		}
		large.GivenUp = true
		if row.Doc, err = json.Marshal(&large); err != nil {
			return given, err
		}
		if err := store.PutLargeObject(ctx, tx, run.Tenant, row); err != nil {
			return given, err
		}
		given.Objects++
		given.Skipped++
	}
	if given == (job.Counters{}) {
		return given, nil
	}
	return given, job.GiveUp(ctx, tx, run, given)
}
