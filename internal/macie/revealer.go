package macie

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/custom"
	"github.com/magpie-sec/magpie/internal/detect/managed"
	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/formats"
	"github.com/magpie-sec/magpie/internal/macie/classify"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

const (
	// maxReveals is how many requests for samples one server has under way or keeps the samples of.
	maxReveals = 64
	// revealWorkers is how many objects are read for samples at a time.
	revealWorkers = 2
	// keepReveal is how long samples are kept in memory for the client to fetch them.
	keepReveal = 2 * time.Minute
	// forgetEvery is how often what is kept longer is looked for.
	forgetEvery = 15 * time.Second
	// revealWithin is how long the reading of one object may take, and revealStalled when it is given up whatever it waits for.
	revealWithin  = 5 * time.Minute
	revealStalled = revealWithin + time.Minute
)

// A revealPlace names a request for samples.
type revealPlace struct {
	tenant  store.Tenant
	finding string
}

// A reveal is a request for samples, from its first call until they are forgotten.
type reveal struct {
	place   revealPlace
	finding *macie2.Finding // until it is done
	done    chan struct{}   // closed when it is
	ended   time.Time
	out     *macie2.GetSensitiveDataOccurrencesOutput
	err     error
}

func (r *reveal) isDone() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// A revealer keeps the requests for samples of one server, in memory only: after a restart a client that asks again begins anew.
type revealer struct {
	cfg       Config
	extractor *extract.Extractor
	queue     chan *reveal

	mu   sync.Mutex
	kept map[revealPlace]*reveal
}

func newRevealer(c Config) *revealer {
	return &revealer{cfg: c, queue: make(chan *reveal, maxReveals), kept: map[revealPlace]*reveal{}, extractor: &extract.Extractor{
		Formats: formats.All(), Spool: classify.Spool(""), Now: c.Now, Limits: extract.Limits{Time: revealWithin},
	}}
}

// get tells how far a request is; known is false if there is none.
func (v *revealer) get(place revealPlace) (out *macie2.GetSensitiveDataOccurrencesOutput, known bool, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.forgetOld()
	r := v.kept[place]
	switch {
	case r == nil:
		return nil, false, nil
	case !r.isDone():
		return &macie2.GetSensitiveDataOccurrencesOutput{Status: macie2.RevealRequestStatusProcessing}, true, nil
	}
	return r.out, true, r.err
}

// reserve makes room for a request and reports whether it is new. It fails when too many are under way.
func (v *revealer) reserve(place revealPlace) (isNew bool, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.kept[place] != nil {
		return false, nil
	}
	if len(v.kept) >= maxReveals {
		var oldest *reveal
		for _, r := range v.kept {
			if r.isDone() && (oldest == nil || r.ended.Before(oldest.ended)) {
				oldest = r
			}
		}
		if oldest == nil {
			e := wire.Errorf(wire.Throttling, "Samples of %d findings are being read. Try again in a while.", maxReveals)
			e.RetryAfter = int(forgetEvery.Seconds())
			return false, e
		}
		delete(v.kept, oldest.place)
	}
	v.kept[place] = &reveal{place: place, done: make(chan struct{})}
	return true, nil
}

// begin queues a request that was reserved, unless it was forgotten meanwhile.
func (v *revealer) begin(place revealPlace, f *macie2.Finding) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if r := v.kept[place]; r != nil && r.finding == nil && !r.isDone() {
		r.finding = f
		select {
		case v.queue <- r:
		default: // full of those that were forgotten; the client asks again
			delete(v.kept, place)
		}
	}
}

// drop forgets a request.
func (v *revealer) drop(place revealPlace) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.kept, place)
}

// forget forgets all requests of a tenant.
func (v *revealer) forget(t store.Tenant) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for place := range v.kept {
		if place.tenant == t {
			delete(v.kept, place)
		}
	}
}

// forgetOld forgets what was kept long enough. The lock is held.
func (v *revealer) forgetOld() {
	now := v.cfg.Now()
	for place, r := range v.kept {
		if r.isDone() && now.Sub(r.ended) >= keepReveal {
			delete(v.kept, place)
		}
	}
}

func (v *revealer) holds(r *reveal) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.kept[r.place] == r
}

func (v *revealer) end(r *reveal, out *macie2.GetSensitiveDataOccurrencesOutput, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	r.out, r.err, r.ended, r.finding = out, err, v.cfg.Now(), nil
	close(r.done)
}

// Reveal reads the objects of the findings that samples were asked for, until the context ends.
func (s *Service) Reveal(ctx context.Context) {
	var workers sync.WaitGroup
	for range revealWorkers {
		workers.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case r := <-s.reveals.queue:
					s.reveals.work(ctx, r)
				}
			}
		})
	}
	tick := time.NewTicker(forgetEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			workers.Wait()
			return
		case <-tick.C:
			s.reveals.mu.Lock()
			s.reveals.forgetOld()
			s.reveals.mu.Unlock()
		}
	}
}

// work reads the object of a request. Whatever goes wrong ends the request: a client never waits for good.
func (v *revealer) work(ctx context.Context, r *reveal) {
	if !v.holds(r) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, revealStalled)
	defer cancel()
	log := v.cfg.Log.With("tenant", r.place.tenant.String(), "finding", r.place.finding)
	defer func() {
		if p := recover(); p != nil {
			// What was panicked with stays out of the log: it may be text of the object.
			log.Error("a panic while samples were read; please report this", "panic", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
			v.end(r, revealFailed("The object could not be read."), nil)
		}
	}()
	f := r.finding
	samplings := samplingsOf(f)
	err := v.read(ctx, r.place.tenant, f, samplings)
	switch {
	case err == nil:
		out := revealedOf(f, samplings)
		if out.Status == macie2.RevealRequestStatusError {
			log.Warn("nothing of what the finding reports was found again in the object")
		}
		v.end(r, out, nil)
	case isGone(err):
		log.Info("the object of a finding cannot be read for samples", "error", err.Error())
		v.end(r, nil, wire.Errorf(wire.Unprocessable, "%s", macie2.UnavailabilityReasonCodeObjectUnavailable))
	default:
		log.Warn("samples cannot be read now", "error", err.Error())
		v.end(r, revealFailed("The object could not be read now. Try again later."), nil)
	}
}

func revealFailed(text string) *macie2.GetSensitiveDataOccurrencesOutput {
	return &macie2.GetSensitiveDataOccurrencesOutput{Status: macie2.RevealRequestStatusError, Error: wire.Ptr(text)}
}

// isGone says that an object is not what it was, or may not be read: trying again is of no use.
func isGone(err error) bool {
	var trouble *source.Error
	return errors.Is(err, errUnidentified) || errors.As(err, &trouble) && trouble.Kind != source.Unavailable && trouble.Kind != source.Other
}

// read fills in samplings from the object of a finding.
func (v *revealer) read(ctx context.Context, t store.Tenant, f *macie2.Finding, samplings []*classify.Sampling) error {
	c, err := v.classifier(ctx, t, f, samplings)
	if err != nil {
		return err
	}
	r, err := openRevealed(ctx, v.cfg.Sources, t, f)
	if err != nil {
		return err
	}
	defer r.Close()
	return c.Reveal(ctx, ExtractObject(r), samplings)
}

// classifier makes what looks for what the finding's job looked for, or the template of automated discovery as it is now.
func (v *revealer) classifier(ctx context.Context, t store.Tenant, f *macie2.Finding, samplings []*classify.Sampling) (*classify.Classifier, error) {
	var definition *macie2.CreateClassificationJobInput
	var looksFor []*custom.Definition
	var lists []allowList
	err := v.cfg.DB.View(ctx, func(tx store.Tx) (err error) {
		looksFor, lists = nil, nil
		if definition, err = lookedFor(ctx, tx, t, f); err != nil {
			return err
		}
		ids := slices.Clone(definition.CustomDataIdentifierIds)
		for _, of := range samplings {
			if of.Custom != "" {
				ids = append(ids, of.Custom)
			}
		}
		for _, id := range distinct(ids) {
			found, err := customDefinitions(ctx, tx, t, []string{id})
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			looksFor = append(looksFor, found...)
		}
		for _, id := range distinct(definition.AllowListIds) {
			row, err := store.GetAllowList(ctx, tx, t, id)
			if errors.Is(err, store.ErrNotFound) {
				continue // the values that it left out stand at no place that a finding names
			} else if err != nil {
				return err
			}
			list, err := readAllowList(row)
			if err != nil {
				return err
			}
			lists = append(lists, list)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	c := &classify.Classifier{Extractor: v.extractor}
	if c.Engine, err = detect.New(detect.Options{Identifiers: revealIdentifiers(definition, len(looksFor) > 0, samplings)}); err != nil {
		return nil, err
	}
	if len(looksFor) > 0 {
		if c.Custom, err = custom.New(looksFor); err != nil {
			return nil, err
		}
	}
	for _, l := range lists {
		list, _, err := readAllowed(ctx, v.cfg.Sources, t, l.made.Criteria)
		switch {
		case err == nil:
			c.Allow = append(c.Allow, list)
		case ctx.Err() != nil || source.KindOf(err) == source.Unavailable:
			return nil, err
		default: // as a run does that cannot use it
			v.cfg.Log.Warn("an allow list cannot be used; samples are read without it", "allow_list", l.row.ID, "error", err.Error())
		}
	}
	return c, nil
}

// lookedFor returns what the finding's job looked for, or automated discovery; of a job that is not there any more nothing is known.
func lookedFor(ctx context.Context, tx store.Tx, t store.Tenant, f *macie2.Finding) (*macie2.CreateClassificationJobInput, error) {
	id := wire.Value(f.ClassificationDetails.JobId)
	if id == "" {
		var template inspectionTemplate
		err := readSetting(ctx, tx, t, templateSetting, &template)
		return template.asJob(), err
	}
	definition := &macie2.CreateClassificationJobInput{}
	row, err := store.GetJob(ctx, tx, t, id)
	if errors.Is(err, store.ErrNotFound) {
		return definition, nil
	}
	if err == nil {
		err = wire.Unmarshal(row.Doc, definition)
	}
	return definition, err
}

// revealIdentifiers returns the managed data identifiers that a job looked for and those of the samplings, as far as this version has them.
func revealIdentifiers(definition *macie2.CreateClassificationJobInput, custom bool, samplings []*classify.Sampling) []*detect.Identifier {
	all := managed.All()
	ids := slices.DeleteFunc(slices.Clone(definition.ManagedDataIdentifierIds), func(id string) bool {
		return !slices.ContainsFunc(all, func(known *detect.Identifier) bool { return known.ID == id })
	})
	selected, err := selectIdentifiers(definition.ManagedDataIdentifierSelector, ids, custom)
	if err != nil {
		selected = nil // what is left of the selection is nothing
	}
	return slices.DeleteFunc(all, func(id *detect.Identifier) bool { // in their order, which decides between two that claim a value
		return !slices.ContainsFunc(selected, func(known *detect.Identifier) bool { return known.ID == id.ID }) &&
			!slices.ContainsFunc(samplings, func(of *classify.Sampling) bool { return of.Managed == id.ID })
	})
}

// revealedOf answers with the samples of a finding's types.
func revealedOf(f *macie2.Finding, samplings []*classify.Sampling) *macie2.GetSensitiveDataOccurrencesOutput {
	keys := sampleKeys(f)
	out := &macie2.GetSensitiveDataOccurrencesOutput{
		Status: macie2.RevealRequestStatusSuccess, SensitiveDataOccurrences: map[string][]macie2.DetectedDataDetails{}}
	for _, of := range samplings {
		key := of.Managed
		if key == "" {
			key = keys[of.Custom]
		}
		for _, value := range of.Values {
			out.SensitiveDataOccurrences[key] = append(out.SensitiveDataOccurrences[key], macie2.DetectedDataDetails{Value: wire.Ptr(value)})
		}
	}
	if len(out.SensitiveDataOccurrences) == 0 {
		return revealFailed("Nothing of what the finding reports was found again: what is looked for has changed since. A new job reports what is there now.")
	}
	return out
}
