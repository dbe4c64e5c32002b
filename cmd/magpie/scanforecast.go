package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/formats"
	"github.com/magpie-sec/magpie/internal/forecast"
	"github.com/magpie-sec/magpie/internal/inventory"
	"github.com/magpie-sec/magpie/internal/macie"
	"github.com/magpie-sec/magpie/internal/macie/classify"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/folder"
	"github.com/magpie-sec/magpie/internal/source/s3"
)

// forecast says what a scan would read, and how long it would take.
func (c scanCommand) forecast(ctx context.Context, std stdio, classifier *classify.Classifier, workers int) error {
	if c.Format != "table" && c.Format != "json" && c.Format != "jsonl" {
		return fmt.Errorf("--dry-run writes table, json or jsonl, not %s", c.Format)
	}
	out := newForecastReport(c.Format, std.out)
	f := newForecaster(classifier, workers, c.Measure, nil)
	f.limit = c.MaxSize
	f.holds = func(_ context.Context, _ source.Driver, _ string, o *source.Object) (bool, error) {
		return sampled(o.Key, c.Sample), nil
	}
	progress := newProgress(std.err, "listing")
	defer progress.done()
	var drivers []folder.Driver
	defer func() {
		for _, d := range drivers {
			d.Close()
		}
	}()
	for _, path := range c.Sources {
		driver, err := openSource(path, std)
		if err != nil {
			return err
		}
		drivers = append(drivers, driver)
		_, stored := driver.(*s3.Store)
		buckets, err := driver.Buckets(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		var unlisted []error
		for _, b := range buckets {
			name := path
			if stored {
				name = b.Name
			}
			tally, err := f.bucket(ctx, driver, b.Name, progress)
			var e *source.Error
			switch {
			case errors.As(err, &e):
				unlisted = append(unlisted, e)
				continue
			case err != nil:
				return err
			}
			f.stored = f.stored || stored
			if err := out.bucket(name, tally); err != nil {
				return err
			}
		}
		if len(unlisted) > 0 && len(unlisted) == len(buckets) {
			return errors.Join(unlisted...)
		}
		f.unlisted = append(f.unlisted, unlisted...)
	}
	progress.done()
	return f.finish(ctx, out, std.err)
}

// A forecaster counts what would be read, and measures the speed on a few objects of each kind.
type forecaster struct {
	classifier *classify.Classifier
	kinds      *forecast.Kinds
	workers    int
	budget     time.Duration
	limit      int64    // --max-size
	more       []string // notes that go with it
	// holds says whether an object is asked for. Its error is of the source.
	holds func(ctx context.Context, driver source.Driver, bucket string, object *source.Object) (bool, error)

	total    forecast.Tally
	chosen   map[string][]candidate // by kind: a sample of its objects
	unlisted []error
	stored   bool // some of it lies in a store
}

// newForecaster makes a forecaster. alone is of forecast.NewKinds.
func newForecaster(classifier *classify.Classifier, workers int, budget time.Duration, alone func(size int64) int64) *forecaster {
	return &forecaster{classifier: classifier, kinds: forecast.NewKinds(formats.All(), classifier.Extractor.Limits, alone), workers: workers, budget: budget, chosen: map[string][]candidate{}}
}

// A candidate is an object that may be read to measure the speed.
type candidate struct {
	driver source.Driver
	bucket string
	object source.Object
	kind   string
	draw   uint64 // the candidates of a kind are those with the smallest: a sample at random, and the same each time
}

// Bounds of the sample.
const (
	sampleOfKind  = 12       // objects of a kind
	sampleHead    = 8 << 20  // of a larger object its beginning is read, if its kind can be read so
	sampleLargest = 32 << 20 // other kinds are read whole, if they are no larger
	sampleBytes   = 64 << 20 // in all
)

// bucket counts a bucket. The error is of its listing.
func (f *forecaster) bucket(ctx context.Context, driver source.Driver, bucket string, progress *progress) (*forecast.Tally, error) {
	t := &forecast.Tally{}
	for item, err := range driver.List(ctx, bucket, source.ListOptions{}) {
		if err != nil {
			return t, err
		}
		if item.Err != nil {
			if item.Err.Kind != source.NotObject {
				t.Hidden++
			}
			continue
		}
		if err := f.add(ctx, t, driver, bucket, item.Object); err != nil {
			return t, err
		}
		progress.add(1, 0)
	}
	f.total.Merge(t)
	return t, nil
}

// add counts an object. The error ends the forecast.
func (f *forecaster) add(ctx context.Context, t *forecast.Tally, driver source.Driver, bucket string, o source.Object) error {
	switch holds, err := f.holds(ctx, driver, bucket, &o); {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil: // whether it is asked for cannot be told
		t.Refuse(macie.SkipReason(err), o.Size)
		return nil
	case !holds:
		t.Leave(o.Size)
		return nil
	}
	reason := macie.Unreadable(o)
	if reason == "" {
		reason = string(f.kinds.TooLarge(o.Key, o.Size, f.limit))
	}
	if reason != "" {
		t.Refuse(reason, o.Size)
		return nil
	}
	kind := f.kinds.Of(o.Key)
	t.Add(kind, o.Size, f.kinds.Alone(o.Key, o.Size))
	if kind == forecast.Unknown && !inventory.ClassifiableExtension(inventory.Extension(o.Key)) {
		t.Doubt(o.Size)
	}
	if f.budget <= 0 || o.Size < 0 || o.Size > sampleLargest && !forecast.Streamed(kind) {
		return nil
	}
	sum := sha256.Sum256([]byte(bucket + "\x00" + o.Key))
	f.draw(candidate{driver, bucket, o, kind, binary.BigEndian.Uint64(sum[:8])})
	return nil
}

func (f *forecaster) draw(c candidate) {
	of := f.chosen[c.kind]
	place, _ := slices.BinarySearchFunc(of, c, func(a, b candidate) int { return cmp.Compare(a.draw, b.draw) })
	if place == sampleOfKind {
		return
	}
	of = slices.Insert(of, place, c)
	f.chosen[c.kind] = of[:min(len(of), sampleOfKind)]
}

// order returns the objects to read: of each kind in turn one, the kinds with the most bytes first.
func (f *forecaster) order() []candidate {
	var out []candidate
	kinds := forecast.ByBytes(f.total.Kinds)
	for n := range sampleOfKind {
		for _, k := range kinds {
			if of := f.chosen[k]; n < len(of) {
				out = append(out, of[n])
			}
		}
	}
	return out
}

// A basis is what a forecast rests on.
type basis struct {
	measure forecast.Measure
	bytes   int64 // that were read
	failed  map[string]int64
}

// measure reads the sample, by as many workers as would read the whole, until its time is over.
func (f *forecaster) measure(ctx context.Context) (basis, error) {
	b := basis{measure: forecast.Measure{Workers: f.workers}, failed: map[string]int64{}}
	memory := func(n int) (float64, error) {
		began := time.Now()
		text := forecast.Text(n)
		_, err := f.classifier.Classify(ctx, extract.Object{Name: "measure.log", Size: int64(n), ReaderAt: readerAt(text)}, nil)
		return time.Since(began).Seconds() / float64(n), err
	}
	if _, err := memory(256 << 10); err != nil { // what is made when it is first used is made
		return b, err
	}
	var err error
	if b.measure.Rate, err = memory(2 << 20); err != nil || f.budget <= 0 {
		return b, err
	}
	within, cancel := context.WithTimeout(ctx, 2*f.budget) // for what is under way when the time is over
	defer cancel()
	began := time.Now()
	var mu sync.Mutex
	var left int64 = sampleBytes
	objects := f.order()
	next := func() (candidate, bool) {
		mu.Lock()
		defer mu.Unlock()
		if len(objects) == 0 || time.Since(began) > f.budget || left <= 0 {
			return candidate{}, false
		}
		o := objects[0]
		objects = objects[1:]
		left -= min(o.object.Size, sampleHead)
		return o, true
	}
	var work sync.WaitGroup
	for range f.workers {
		work.Go(func() {
			for o, ok := next(); ok; o, ok = next() {
				sample, read, err := f.sample(within, o)
				mu.Lock()
				switch {
				case within.Err() != nil: // cut off
				case err != nil:
					b.failed[macie.SkipReason(err)]++
				default:
					b.measure.Samples = append(b.measure.Samples, sample)
					b.bytes += read
				}
				mu.Unlock()
			}
		})
	}
	work.Wait()
	b.measure.Seconds = time.Since(began).Seconds()
	return b, ctx.Err()
}

type readerAt []byte

func (r readerAt) ReadAt(p []byte, off int64) (int, error) {
	if off >= int64(len(r)) {
		return 0, io.EOF
	}
	n := copy(p, r[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// sample reads an object as a scan would, or its beginning.
func (f *forecaster) sample(ctx context.Context, c candidate) (s forecast.Sample, read int64, err error) {
	began := time.Now()
	r, err := c.driver.Open(ctx, c.bucket, c.object.Key, source.OpenOptions{VersionID: c.object.VersionID, ETag: c.object.ETag})
	if err != nil {
		return s, 0, err
	}
	defer r.Close()
	s = forecast.Sample{Kind: c.kind, Bytes: c.object.Size}
	o := macie.ExtractObject(r)
	read = c.object.Size
	if c.object.Size > sampleHead && forecast.Streamed(c.kind) {
		read = sampleHead
		o.Reader, o.ReaderAt, o.Size = io.LimitReader(r, sampleHead), nil, -1
	}
	document, err := f.classifier.Classify(ctx, o, nil)
	s.Seconds = time.Since(began).Seconds()
	if document.Status.Code != extract.Skipped {
		s.Bytes = read // else the rest would not be read either
	}
	return s, read, err
}

// finish measures, writes the sum, and returns the exit code.
func (f *forecaster) finish(ctx context.Context, out forecastReport, errs io.Writer) error {
	b, err := f.measure(ctx)
	if err != nil {
		return err
	}
	if err := out.total(f, &b); err != nil {
		return fmt.Errorf("write the forecast: %w", err)
	}
	for _, err := range f.unlisted {
		fmt.Fprintln(errs, "magpie:", err)
	}
	if f.total.Hidden > 0 {
		fmt.Fprintf(errs, "magpie: %d keys or folders could not be listed\n", f.total.Hidden)
	}
	if f.total.Read.Objects == 0 {
		fmt.Fprintln(errs, "magpie: warning: nothing would be read")
	}
	if len(f.unlisted) > 0 || f.total.Hidden > 0 {
		return exitCode(exitIncomplete)
	}
	return nil
}

// notes says what the forecast cannot know.
func (f *forecaster) notes(b *basis) (notes []string) {
	say := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	var packed, unread forecast.Amount
	var unreadKinds []string
	for _, kind := range forecast.ByBytes(f.total.Kinds) {
		a := f.total.Kinds[kind]
		if forecast.Compressed(kind) {
			packed.Objects, packed.Bytes = packed.Objects+a.Objects, packed.Bytes+a.Bytes
		}
		if b.measure.Measured(kind) == 0 {
			unread.Objects, unread.Bytes = unread.Objects+a.Objects, unread.Bytes+a.Bytes
			unreadKinds = append(unreadKinds, kind)
		}
	}
	if len(b.measure.Samples) == 0 && f.total.Read.Objects > 0 {
		say("no object was read: the time is that of detection in memory, without what the source takes")
	} else if unread.Objects > 0 {
		say("no object of these kinds was read: %s (%d objects, %s): their speed is taken to be that of the others",
			shortList(unreadKinds, 8), unread.Objects, bytesText(unread.Bytes))
	}
	if packed.Objects > 0 {
		say("%d objects, %s, are of compressed kinds: how much they hold shows when they are read", packed.Objects, bytesText(packed.Bytes))
	}
	if d := f.total.Doubted; d.Objects > 0 {
		say("%d objects, %s, have the extension of a type that is not read; their content decides (else UNSUPPORTED_FILE_TYPE_EXCEPTION)", d.Objects, bytesText(d.Bytes))
	}
	if f.total.Unsized > 0 {
		say("%d objects have no known size and are not in the time", f.total.Unsized)
	}
	for _, reason := range slices.Sorted(maps.Keys(b.failed)) {
		say("%d objects of the sample could not be read: %s; others may not be readable either", b.failed[reason], reason)
	}
	if f.stored {
		say("permissions on objects and the keys that encrypt them show only when they are read")
	}
	for _, err := range f.unlisted {
		say("not counted: %v", err)
	}
	if f.total.Hidden > 0 {
		say("%d keys or folders could not be listed and are not counted", f.total.Hidden)
	}
	return append(notes, f.more...)
}

func shortList(names []string, most int) string {
	text := ""
	for i, n := range names {
		if i == most {
			return text + fmt.Sprintf(" and %d more", len(names)-most)
		}
		if i > 0 {
			text += ", "
		}
		text += n
	}
	return text
}

// whyNotRead says in words why objects are not read.
var whyNotRead = map[string]string{
	"INVALID_OBJECT_STATE":       "storage class that has to be restored first, or is not read",
	"INVALID_ENCRYPTION":         "encrypted with a key that the customer keeps",
	"FILE_EXCEEDS_SIZE_LIMIT":    "larger than --max-size or than their format may be",
	"ARCHIVE_EXCEEDS_SIZE_LIMIT": "archive larger than --max-size or than its format may be",
}

// A forecastReport writes a forecast, bucket by bucket.
type forecastReport interface {
	bucket(name string, t *forecast.Tally) error
	total(f *forecaster, b *basis) error
}

func newForecastReport(format string, w io.Writer) forecastReport {
	if format == "table" {
		return &forecastTable{w: w}
	}
	return &forecastJSON{w: w, lines: format == "jsonl"}
}

type forecastTable struct {
	w       io.Writer
	buckets int
}

func (r *forecastTable) bucket(name string, t *forecast.Tally) error {
	r.buckets++
	return r.tally(printable(name), t)
}

func (r *forecastTable) tally(name string, t *forecast.Tally) error {
	all := t.Read.Objects + t.Left.Objects
	bytes := t.Read.Bytes + t.Left.Bytes
	for _, a := range t.NotRead {
		all, bytes = all+a.Objects, bytes+a.Bytes
	}
	fmt.Fprintf(r.w, "%s: %d objects, %s; %d would be read, %s", name, all, bytesText(bytes), t.Read.Objects, bytesText(t.Read.Bytes))
	if t.Left.Objects > 0 {
		fmt.Fprintf(r.w, "; %d left out", t.Left.Objects)
	}
	fmt.Fprintln(r.w)
	table := tabwriter.NewWriter(r.w, 0, 0, 2, ' ', 0)
	for _, kind := range forecast.ByBytes(t.Kinds) {
		mark := ""
		if forecast.Compressed(kind) {
			mark = "as stored"
		}
		fmt.Fprintf(table, "  %s\t%d\t%s\t%s\n", kind, t.Kinds[kind].Objects, bytesText(t.Kinds[kind].Bytes), mark)
	}
	for _, reason := range forecast.ByBytes(t.NotRead) {
		fmt.Fprintf(table, "  not read\t%d\t%s\t%s: %s\n", t.NotRead[reason].Objects, bytesText(t.NotRead[reason].Bytes), reason, whyNotRead[reason])
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if t.Hidden > 0 {
		fmt.Fprintf(r.w, "  %d keys or folders cannot be listed.\n", t.Hidden)
	}
	return nil
}

func (r *forecastTable) total(f *forecaster, b *basis) error {
	if r.buckets > 1 {
		fmt.Fprintln(r.w)
		if err := r.tally("Total", &f.total); err != nil {
			return err
		}
	}
	e := b.measure.Of(&f.total)
	fmt.Fprintf(r.w, "\nTime with %d workers: %s to %s, likely %s\n", f.workers, durationText(e.Low), durationText(e.High), durationText(e.Likely))
	if n := len(b.measure.Samples); n > 0 {
		fmt.Fprintf(r.w, "  measured on %d objects of which %s were read, in %s, with the same identifiers\n", n, bytesText(b.bytes), durationText(b.measure.Seconds))
	}
	if b.measure.Rate > 0 {
		fmt.Fprintf(r.w, "  detection alone, on text in memory: %s/s for each worker\n", bytesText(int64(1/b.measure.Rate)))
	}
	for _, n := range f.notes(b) {
		fmt.Fprintf(r.w, "  %s\n", n)
	}
	_, err := fmt.Fprintln(r.w)
	return err
}

// durationText writes seconds with what precision they deserve.
func durationText(seconds float64) string {
	switch {
	case seconds == 0:
		return "0 s"
	case seconds < 1:
		return fmt.Sprintf("%.2g s", seconds)
	case seconds < 120:
		return fmt.Sprintf("%.0f s", seconds)
	case seconds < 2*3600:
		return fmt.Sprintf("%.0f min", seconds/60)
	case seconds < 48*3600:
		return fmt.Sprintf("%.1f h", seconds/3600)
	case seconds < 100*365*86400:
		return fmt.Sprintf("%.1f days", seconds/86400)
	default:
		return "a hundred years or more"
	}
}

type forecastJSON struct {
	w     io.Writer
	lines bool
	begun bool
}

// tallyJSON is a tally in a report.
type tallyJSON struct {
	Bucket   string          `json:"bucket,omitempty"`
	Read     forecast.Amount `json:"read"`
	LeftOut  forecast.Amount `json:"leftOut"`
	Doubtful forecast.Amount `json:"unsupportedByExtension"`
	Kinds    []kindJSON      `json:"kinds"`
	NotRead  []reasonJSON    `json:"notRead"`
	Unsized  int64           `json:"unknownSizes"`
	Hidden   int64           `json:"unlisted"`
}

type kindJSON struct {
	Kind string `json:"kind"`
	forecast.Amount
	Compressed bool  `json:"compressed"`
	Largest    int64 `json:"largestBytes"`
}

type reasonJSON struct {
	Reason string `json:"reason"`
	forecast.Amount
}

type totalJSON struct {
	Total   tallyJSON `json:"total"`
	Minutes struct {
		Low    float64 `json:"low"`
		Likely float64 `json:"likely"`
		High   float64 `json:"high"`
	} `json:"minutes"`
	Workers int `json:"workers"`
	Basis   struct {
		Objects  int     `json:"objects"`
		Bytes    int64   `json:"bytes"`
		Seconds  float64 `json:"seconds"`
		InMemory float64 `json:"detectionBytesPerSecond"`
	} `json:"measuredOn"`
	Notes []string `json:"notes"`
}

func asJSON(name string, t *forecast.Tally) tallyJSON {
	out := tallyJSON{Bucket: name, Read: t.Read, LeftOut: t.Left, Doubtful: t.Doubted, Kinds: []kindJSON{}, NotRead: []reasonJSON{}, Unsized: t.Unsized, Hidden: t.Hidden}
	for _, kind := range forecast.ByBytes(t.Kinds) {
		out.Kinds = append(out.Kinds, kindJSON{kind, t.Kinds[kind], forecast.Compressed(kind), t.Largest[kind]})
	}
	for _, reason := range forecast.ByBytes(t.NotRead) {
		out.NotRead = append(out.NotRead, reasonJSON{reason, t.NotRead[reason]})
	}
	return out
}

func (r *forecastJSON) bucket(name string, t *forecast.Tally) error {
	switch {
	case r.lines:
	case r.begun:
		fmt.Fprintln(r.w, ",")
	default:
		fmt.Fprintln(r.w, `{"buckets":[`)
	}
	r.begun = true
	return r.write(asJSON(name, t))
}

func (r *forecastJSON) write(v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if r.lines {
		text = append(text, '\n')
	}
	_, err = r.w.Write(text)
	return err
}

func (r *forecastJSON) total(f *forecaster, b *basis) error {
	out := totalJSON{Total: asJSON("", &f.total), Workers: f.workers, Notes: f.notes(b)}
	if out.Notes == nil {
		out.Notes = []string{}
	}
	e := b.measure.Of(&f.total)
	out.Minutes.Low, out.Minutes.Likely, out.Minutes.High = e.Low/60, e.Likely/60, e.High/60
	out.Basis.Objects, out.Basis.Bytes, out.Basis.Seconds = len(b.measure.Samples), b.bytes, b.measure.Seconds
	if b.measure.Rate > 0 {
		out.Basis.InMemory = 1 / b.measure.Rate
	}
	if r.lines {
		return r.write(out)
	}
	if !r.begun {
		fmt.Fprint(r.w, `{"buckets":[`)
	}
	text, err := json.Marshal(out)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(r.w, "\n],%s\n", text[1:])
	return err
}
