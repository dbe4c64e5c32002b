package macie

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/custom"
	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/macie/classify"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
)

// An object that has not changed since some job analysed it is not opened again, unless the new job's rules might tell something else of it:
//
//   - What is detected, extracted or bounded in another way by this version of the program reopens everything.
//   - An identifier that was not looked for, or whose definition is another now, reopens what has text.
//   - An identifier that is not looked for any more reopens the objects it was found in, if it is a managed one: its values had claimed their
//     places, where others may be found now. A custom one reopens nothing.
//   - An allow list that was not applied reopens what has findings. One that is not applied any more reopens the objects where allow lists left
//     something out.
//
// Where rules had effects on each other beyond this (see store.LedgerEntangled) only the same rules will do.

// A ruleSet is what a job looks for, rule by rule. Its JSON is what the ledger knows it by.
type ruleSet struct {
	Engine  string            `json:"engine"`
	Managed map[string]string `json:"managed"` // version by id
	Custom  map[string]string `json:"custom,omitempty"`
	Allow   []string          `json:"allow,omitempty"` // digests of allow lists, sorted
}

// detectionVersion counts the changes of what is found that no table entry shows: of the engine, of check functions, of extraction.
const detectionVersion = 2

func rulesOf(identifiers []*detect.Identifier, looksFor []*custom.Definition, lists [][]byte, limits extract.Limits) ruleSet {
	r := ruleSet{Engine: fmt.Sprintf("%d %s", detectionVersion, digest(func(w *bytes.Buffer) { fmt.Fprintf(w, "%+v", limits) })),
		Managed: map[string]string{}, Custom: map[string]string{}}
	for _, id := range identifiers {
		r.Managed[id.ID] = digest(func(w *bytes.Buffer) {
			fmt.Fprintf(w, "%q %q %d %d %t\n", id.Keywords, id.Refuse, id.Distance, id.Direction, id.Checksum)
			for _, l := range id.Layouts {
				fmt.Fprintf(w, "%q %q %q %d %q %t %q %t %t\n", l.Shape, l.Words, l.Lead, l.Keyword, l.Keywords, l.Whole, l.NotNext, l.Alone, l.Open)
			}
		})
	}
	for _, d := range looksFor {
		r.Custom[d.ID] = digest(func(w *bytes.Buffer) {
			fmt.Fprintf(w, "%q %q %q %d %d", d.Regex, d.Keywords, d.IgnoreWords, d.MaximumMatchDistance, d.SeverityLevels)
		})
	}
	for _, list := range lists {
		r.Allow = append(r.Allow, hex.EncodeToString(list))
	}
	slices.Sort(r.Allow)
	r.Allow = slices.Compact(r.Allow)
	return r
}

func digest(write func(*bytes.Buffer)) string {
	var b bytes.Buffer
	write(&b)
	sum := sha256.Sum256(b.Bytes())
	return hex.EncodeToString(sum[:8])
}

// document returns the rules as the ledger keeps them, and their digest as results name it.
func (r ruleSet) document() (doc []byte, name string) {
	doc, err := json.Marshal(r)
	if err != nil {
		panic(err) // strings only
	}
	sum := sha256.Sum256(doc)
	return doc, hex.EncodeToString(sum[:16])
}

// A relation is how rules by which an object was analysed stand to those of a job.
type relation struct {
	same     bool // they are the same
	outdated bool // they are of another version of the program
	lacking  bool // the job looks for more, or for something in another way
	relaxed  bool // the job leaves out more by allow lists
	covered  bool // whatever they tell, the job's rules tell
}

// relate compares rules of the ledger with a job's.
func (r ruleSet) relate(j ruleSet) relation {
	lacks := func(have, want map[string]string) bool {
		for id, version := range want {
			if have[id] != version {
				return true
			}
		}
		return false
	}
	within := func(a, b []string) bool {
		return !slices.ContainsFunc(a, func(s string) bool { _, found := slices.BinarySearch(b, s); return !found })
	}
	out := relation{
		outdated: r.Engine != j.Engine,
		lacking:  lacks(r.Managed, j.Managed) || lacks(r.Custom, j.Custom),
		relaxed:  !within(j.Allow, r.Allow),
	}
	unneeded := lacks(j.Managed, r.Managed) || lacks(j.Custom, r.Custom)
	out.same = !out.outdated && !out.lacking && !unneeded && slices.Equal(r.Allow, j.Allow)
	out.covered = out.outdated || !unneeded && slices.Equal(r.Allow, j.Allow)
	return out
}

// tells reports whether an entry tells what a job would find, by all that shows without its document.
func (r relation) tells(e *store.LedgerEntry) bool {
	found := e.Flags&store.LedgerFound != 0
	switch {
	case r.outdated:
		return false
	case r.same:
		return true
	case e.Flags&store.LedgerEntangled != 0:
		return false
	case e.Bytes == 0 && !found:
		return true // there is no text, whatever is looked for
	case r.lacking:
		return false
	default:
		return !found || !r.relaxed
	}
}

// A jobLedger is what a job makes of the ledger of its tenant.
type jobLedger struct {
	db     store.DB
	tenant store.Tenant
	rules  ruleSet

	mu         sync.Mutex
	id         int64 // of rules; 0 before they were read
	last       int64 // the newest that is known
	relations  map[int64]relation
	superseded []int64
}

// load learns of rules that are new since the last time.
func (l *jobLedger) load(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	doc, _ := l.rules.document()
	var id int64
	var all []store.LedgerRules
	err := l.db.Update(ctx, func(tx store.Tx) (err error) {
		if id, err = store.PutLedgerRules(ctx, tx, l.tenant, doc); err != nil {
			return err
		}
		all, err = store.ListLedgerRules(ctx, tx, l.tenant, l.last)
		return err
	})
	if err != nil {
		return err
	}
	if l.relations == nil {
		l.relations = map[int64]relation{}
	}
	l.id = id
	for _, r := range all {
		var rules ruleSet
		if err := json.Unmarshal(r.Doc, &rules); err != nil {
			return job.Permanent(fmt.Errorf("rules %d of the ledger are damaged: %w", r.ID, err))
		}
		relation := rules.relate(l.rules)
		l.relations[r.ID], l.last = relation, r.ID
		if relation.covered && r.ID != id {
			l.superseded = append(l.superseded, r.ID)
		}
	}
	return nil
}

// number returns the number of the job's rules and of those that they supersede.
func (l *jobLedger) number(ctx context.Context) (id int64, superseded []int64, err error) {
	l.mu.Lock()
	id, superseded = l.id, slices.Clone(l.superseded)
	l.mu.Unlock()
	if id != 0 {
		return id, superseded, nil
	}
	if err := l.load(ctx); err != nil {
		return 0, nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.id, slices.Clone(l.superseded), nil
}

func (l *jobLedger) relation(id int64) (relation, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r, ok := l.relations[id]
	return r, ok
}

// state digests the state of an object; no state if the source does not tell one from another.
func state(o source.Object) (digest [16]byte, ok bool) {
	if o.ETag == "" || len(o.Key) > store.MaxKey {
		return digest, false
	}
	modified := int64(0)
	if !o.LastModified.IsZero() {
		modified = o.LastModified.UnixMilli()
	}
	return store.LedgerState(o.VersionID, o.ETag, o.Size, modified), true
}

// A ledgerReader walks the ledger of a bucket beside objects in the order of their keys.
type ledgerReader struct {
	ledger *jobLedger
	bucket string
	after  store.LedgerPlace
	keys   [][]byte // the only ones that will be asked for, whose documents are wanted; nil for all, without documents

	batch   []store.LedgerEntry
	next    int
	ended   bool
	seen    string // the key that was asked for last
	telling []store.LedgerEntry

	// gone are keys that were passed by: there are no such objects any more, or other ones. Nil if nobody wants to know.
	gone   [][]byte
	notes  bool
	hidden string // a prefix whose keys are not told; "" for none
}

// How many entries are read at a time, and of how many objects with documents, which may be long.
const (
	ledgerBatch    = 4096
	ledgerDocBatch = 256
)

// peek returns the next entry; nil at the end.
func (r *ledgerReader) peek(ctx context.Context) (*store.LedgerEntry, error) {
	for r.next == len(r.batch) && !r.ended {
		batch := r.batch
		take := func(e *store.LedgerEntry) error {
			batch = append(batch, *e)
			return nil
		}
		n := min(len(r.keys), ledgerDocBatch)
		err := r.ledger.db.View(ctx, func(tx store.Tx) error {
			batch = batch[:0]
			if r.keys != nil {
				return store.LedgerOf(ctx, tx, r.ledger.tenant, r.bucket, r.keys[:n], take)
			}
			return store.Ledger(ctx, tx, r.ledger.tenant, r.bucket, r.after, ledgerBatch, take)
		})
		if err != nil {
			return nil, err
		}
		r.batch, r.next = batch, 0
		if r.keys != nil {
			r.keys = r.keys[n:]
			r.ended = len(r.keys) == 0
		} else if r.ended = len(batch) < ledgerBatch; len(batch) > 0 {
			last := &batch[len(batch)-1]
			r.after = store.LedgerPlace{Key: last.Key, Rules: last.Rules}
		}
	}
	if r.next == len(r.batch) {
		return nil, nil
	}
	return &r.batch[r.next], nil
}

// pass notes that an entry's object is not there.
func (r *ledgerReader) pass(e *store.LedgerEntry) {
	if !r.notes || r.hidden != "" && strings.HasPrefix(string(e.Key), r.hidden) {
		return
	}
	if n := len(r.gone); n == 0 || !bytes.Equal(r.gone[n-1], e.Key) {
		r.gone = append(r.gone, e.Key)
	}
}

// find returns the entries that may tell what the job would find in an object, the one by its own rules first; none if it has to be opened.
// Objects come in the order of their keys; one that does not is not found. The entries are the caller's until it asks again.
func (r *ledgerReader) find(ctx context.Context, o source.Object) ([]store.LedgerEntry, error) {
	if o.Key < r.seen {
		return nil, nil
	}
	r.seen = o.Key
	r.telling = r.telling[:0]
	now, known := state(o)
	var stale *store.LedgerEntry
	current := false
	for {
		e, err := r.peek(ctx)
		if err != nil {
			return nil, err
		}
		if e == nil || string(e.Key) > o.Key {
			break
		}
		entry := *e // the batch may be read anew
		r.next++
		switch {
		case string(entry.Key) < o.Key:
			r.pass(&entry)
		case !known || entry.State != now:
			stale = &entry
		default:
			current = true
			relation, ok := r.ledger.relation(entry.Rules)
			if !ok {
				if err := r.ledger.load(ctx); err != nil {
					return nil, err
				}
				relation, ok = r.ledger.relation(entry.Rules)
			}
			if ok && relation.tells(&entry) {
				r.telling = append(r.telling, entry)
				if relation.same {
					r.telling[0], r.telling[len(r.telling)-1] = r.telling[len(r.telling)-1], r.telling[0]
				}
			}
		}
	}
	if stale != nil && !current {
		r.pass(stale)
	}
	return r.telling, nil
}

// rest notes up to n entries behind the last object that was asked for as gone, and reports whether there are more.
func (r *ledgerReader) rest(ctx context.Context, n int) (more bool, err error) {
	for range n {
		e, err := r.peek(ctx)
		if err != nil || e == nil {
			return false, err
		}
		r.pass(e)
		r.next++
	}
	return true, nil
}

// told is the outcome for an object that need not be opened, by its entry; false if it has to be opened after all.
func (w *Worker) told(e *store.LedgerEntry, bucket string, o source.Object, j *activeJob) (objectOutcome, bool, error) {
	document, left, err := classify.Told(e.Doc, j.managed, j.definitions)
	if err != nil {
		return objectOutcome{}, false, err
	}
	if relation, _ := j.ledger.relation(e.Rules); len(left) > 0 && !relation.same {
		return objectOutcome{}, false, nil
	}
	if j.exporting && !document.Whole() {
		return objectOutcome{}, false, nil // its record shows more than the ledger keeps
	}
	return w.classified(&document, bucket, o, j), true, nil
}

// classified is the outcome for an object of which a document tells everything.
func (w *Worker) classified(document *classify.Document, bucket string, o source.Object, j *activeJob) objectOutcome {
	r := w.resultOf(bucket, o)
	r.Status, r.Reason = string(document.Status.Code), string(document.Status.Reason)
	r.MIMEType, r.BytesClassified, r.Rules = store.CleanText(document.MIME), document.Status.Bytes, j.rules
	if !document.Found() {
		return objectOutcome{result: r, object: o, document: document}
	}
	finding := j.finding(document, bucket, o, wire.TimeOf(w.cfg.Now()))
	r.FindingID = *finding.Id
	r.Detections = wire.Marshal(finding.ClassificationDetails.Result)
	return objectOutcome{result: r, object: o, document: document, finding: finding}
}

// learned returns what the ledger is to learn from outcomes, and the rules whose entries for these objects are superseded.
func (j *activeJob) learned(ctx context.Context, outcomes []objectOutcome) (entries []store.LedgerEntry, superseded []int64, err error) {
	rules, superseded, err := j.ledger.number(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, o := range outcomes {
		if o.entry != nil {
			o.entry.Rules = rules
			entries = append(entries, *o.entry)
		}
	}
	return entries, superseded, nil
}

// entryOf returns what the ledger is to know of an object that was read; nil if nothing.
func entryOf(document *classify.Document, o source.Object) (*store.LedgerEntry, error) {
	now, known := state(o)
	if !known {
		return nil, nil
	}
	doc, err := document.Keep()
	if err != nil {
		return nil, err
	}
	e := &store.LedgerEntry{Key: []byte(o.Key), State: now, Bytes: document.Status.Bytes, Doc: doc}
	if document.Found() {
		e.Flags |= store.LedgerFound
	}
	if document.Status.Code == extract.Skipped {
		e.Flags |= store.LedgerSkipped
	}
	if document.Status.Code == extract.Partial {
		e.Flags |= store.LedgerPartial
	}
	if document.Allowed || document.Hidden || len(document.Unfinished) > 0 {
		e.Flags |= store.LedgerEntangled
	}
	return e, nil
}
