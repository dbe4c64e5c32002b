// Package classify turns the bytes of one object into what Macie says of it: how much was analysed, which sensitive data stand in it and
// where. The scan command and the classification jobs both go through it, so they cannot disagree.
package classify

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/allow"
	"github.com/magpie-sec/magpie/internal/detect/custom"
	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/text"
)

// MaxLocations is how many places are kept of each type in each document, as in Macie's discovery results.
const MaxLocations = 1000

// cappedCount is where Macie stops counting the types of capped in one object, archives included.
const cappedCount = 1000

func capped(id string) bool { return id == "NAME" || id == "ADDRESS" }

// A Classifier reads objects. It is safe for concurrent use and must not be copied.
type Classifier struct {
	Extractor *extract.Extractor
	Engine    *detect.Engine
	// Custom finds the custom data identifiers; nil for none.
	Custom *custom.Engine
	// Allow holds the allow lists: what they name is not found.
	Allow allow.Lists

	scanners, customScanners sync.Pool
}

// A Detection is one type of sensitive data in a document.
type Detection struct {
	Identifier *detect.Identifier
	Count      int64
	// Own is how many of them stand in the document itself, not in its members: all but in an archive or a mail with attachments.
	Own int64
	// Locations are the first MaxLocations places of these. The summary of an archive has none.
	Locations []text.Location
}

// A CustomDetection is a custom data identifier that was found in a document.
type CustomDetection struct {
	Definition *custom.Definition
	Count, Own int64
	// Locations are as those of a Detection.
	Locations []text.Location
}

// A Document is what is known of an object or of a member of an archive once it has been read.
type Document struct {
	extract.Document
	Status     extract.Result
	Archive    bool        // holds other documents
	Detections []Detection // ordered by category and id
	// Custom is ordered by name and id. The severity levels of a custom data identifier go by what the object as a whole holds: an object has
	// none here that is below its lowest threshold, a member of an archive may.
	Custom []CustomDetection
	// Unfinished lists the custom data identifiers that were not looked for to the end of the document, as they took too much work. Status
	// says so.
	Unfinished []*custom.Definition
	// Allowed says that an allow list left something out, and Hidden that a path is not shown since sensitive data stand in it: fewer rules
	// would not just find less. Both are of the object as a whole.
	Allowed, Hidden bool
}

// Found reports whether there are detections of either kind.
func (d *Document) Found() bool { return len(d.Detections) > 0 || len(d.Custom) > 0 }

// Classify reads an object. The result is of the object as a whole: for an archive with the counts of all its members. Member, if not
// nil, is told of each document inside an archive as it ends, so that any number of members costs no memory; its error stops the work and
// comes back. The other errors are those of extract.Extractor.Extract.
func (c *Classifier) Classify(ctx context.Context, object extract.Object, member func(Document) error) (Document, error) {
	run := &run{classifier: c, member: member}
	err := c.read(ctx, object, run)
	return run.result, err
}

// read extracts an object into a run.
func (c *Classifier) read(ctx context.Context, object extract.Object, run *run) error {
	_, err := c.Extractor.Extract(ctx, object, run)
	for _, open := range run.open { // left open after an error
		c.release(open.scanner)
		c.releaseCustom(open.custom)
	}
	return err
}

// A run is one object under way: an extract.Sink with the documents that are open, outermost first.
type run struct {
	classifier *Classifier
	member     func(Document) error
	sampler    *sampler // nil: no samples are wanted
	open       []*document
	result     Document
	fields     map[*text.Field]*text.Field // what shown returned
	allowed    bool                        // see Document
	hidden     bool
}

type document struct {
	Document
	scanner     *detect.Scanner // nil until there is text
	custom      *custom.Scanner // the same
	found       map[*detect.Identifier]*Detection
	foundCustom map[*custom.Definition]*CustomDetection
}

func (r *run) Begin(d extract.Document) error {
	if len(r.open) > 0 {
		r.open[len(r.open)-1].Archive = true
	}
	r.open = append(r.open, &document{Document: Document{Document: d}})
	return nil
}

func (r *run) Text(b *text.Block) error {
	d := r.open[len(r.open)-1]
	if d.scanner == nil {
		d.scanner = r.classifier.scanner(func(m detect.Match) { r.add(d, m) })
		if r.classifier.Custom != nil {
			d.custom = r.classifier.customScanner(func(m custom.Match) { r.addCustom(d, m) })
		}
	}
	d.scanner.Write(b)
	if d.custom != nil {
		d.custom.Write(b)
	}
	return r.sampler.enough()
}

func (r *run) End(_ extract.Document, status extract.Result) error {
	d := r.open[len(r.open)-1]
	if d.scanner != nil {
		d.scanner.Close()
		r.classifier.release(d.scanner)
		d.scanner = nil
	}
	if d.custom != nil {
		d.custom.Close()
		d.Unfinished = append(d.Unfinished, d.custom.Exhausted()...)
		r.classifier.releaseCustom(d.custom)
		d.custom = nil
	}
	r.open = r.open[:len(r.open)-1]
	d.Status = status
	if len(d.Unfinished) > 0 && d.Status.Code == extract.Complete {
		d.Status.Code, d.Status.Reason = extract.Partial, extract.TimeCutOffReached
		if d.Archive {
			d.Status.Reason = extract.ArchiveContainsUnprocessedFiles
		}
	}
	d.Detections = sorted(d.found)
	d.Custom = sortedCustom(d.foundCustom)
	if len(r.open) == 0 {
		d.Custom = slices.DeleteFunc(d.Custom, func(c CustomDetection) bool { return c.Definition.Level(c.Count) == 0 })
		d.Allowed, d.Hidden = r.allowed, r.hidden
		r.result = d.Document
		return nil
	}
	r.open[len(r.open)-1].addMember(d)
	if r.member != nil {
		return r.member(d.Document)
	}
	return nil
}

func (c *Classifier) scanner(emit func(detect.Match)) *detect.Scanner {
	if s, ok := c.scanners.Get().(*detect.Scanner); ok {
		s.Reset(emit)
		return s
	}
	return c.Engine.NewScanner(emit)
}

func (c *Classifier) release(s *detect.Scanner) {
	if s != nil {
		s.Reset(nil)
		c.scanners.Put(s)
	}
}

func (c *Classifier) customScanner(emit func(custom.Match)) *custom.Scanner {
	if s, ok := c.customScanners.Get().(*custom.Scanner); ok {
		s.Reset(emit)
		return s
	}
	return c.Custom.NewScanner(emit)
}

func (c *Classifier) releaseCustom(s *custom.Scanner) {
	if s != nil {
		s.Reset(nil)
		c.customScanners.Put(s)
	}
}

// allows reports whether an allow list keeps a managed data identifier's value from being found. Macie's lists do not affect addresses.
func (c *Classifier) allows(m detect.Match) bool {
	return len(c.Allow) > 0 && m.Identifier.ID != "ADDRESS" && c.Allow.Allows(m.Text)
}

func (d *document) detection(id *detect.Identifier) *Detection {
	if d.found == nil {
		d.found = map[*detect.Identifier]*Detection{}
	}
	found := d.found[id]
	if found == nil {
		found = &Detection{Identifier: id}
		d.found[id] = found
	}
	return found
}

func (d *document) customDetection(def *custom.Definition) *CustomDetection {
	if d.foundCustom == nil {
		d.foundCustom = map[*custom.Definition]*CustomDetection{}
	}
	found := d.foundCustom[def]
	if found == nil {
		found = &CustomDetection{Definition: def}
		d.foundCustom[def] = found
	}
	return found
}

func (r *run) addCustom(d *document, m custom.Match) {
	if r.classifier.Allow.Allows(m.Text) {
		r.allowed = true
		return
	}
	r.sampler.takeCustom(r, d, &m)
	found := d.customDetection(m.Definition)
	found.Count++
	found.Own++
	if len(found.Locations) < MaxLocations {
		m.Location.Field = r.shown(m.Location.Field)
		found.Locations = append(found.Locations, m.Location)
	}
}

func (r *run) add(d *document, m detect.Match) {
	if r.classifier.allows(m) {
		r.allowed = true
		return
	}
	r.sampler.takeManaged(r, d, &m)
	found := d.detection(m.Identifier)
	if capped(m.Identifier.ID) && found.Count >= cappedCount {
		return
	}
	found.Count++
	found.Own++
	if len(found.Locations) < MaxLocations {
		m.Location.Field = r.shown(m.Location.Field)
		found.Locations = append(found.Locations, m.Location)
	}
}

// unnamed stands for a path that must not be shown.
var unnamed = &text.Field{}

// shown returns the field with which a place may be named: without the names if sensitive data stand in the names themselves, as Macie
// omits such paths (macie.md 8.4). What was found must not leak through where it was found.
func (r *run) shown(f *text.Field) *text.Field {
	if f == nil || len(f.Names) == 0 && f.Sheet == "" {
		return f
	}
	if known, ok := r.fields[f]; ok {
		return known
	}
	show := f
	if len(f.Names) > 0 && r.sensitive(strings.Join(f.Names, " ")) {
		if show = unnamed; f.Column > 0 {
			show = &text.Field{Column: f.Column, Sheet: f.Sheet}
		}
	}
	if show.Sheet != "" && r.sensitive(show.Sheet) {
		show = &text.Field{Names: show.Names, Column: show.Column}
	}
	r.hidden = r.hidden || show != f
	if r.fields == nil {
		r.fields = map[*text.Field]*text.Field{}
	}
	r.fields[f] = show
	return show
}

// sensitive reports whether a text holds sensitive data.
func (r *run) sensitive(s string) bool {
	found, c := false, r.classifier
	b := &text.Block{Text: []byte(s)}
	scanner := c.scanner(func(m detect.Match) {
		if c.allows(m) {
			r.allowed = true
		} else {
			found = true
		}
	})
	scanner.Write(b)
	scanner.Close()
	c.release(scanner)
	if c.Custom != nil && !found {
		scanner := c.customScanner(func(m custom.Match) {
			if c.Allow.Allows(m.Text) {
				r.allowed = true
			} else {
				found = true
			}
		})
		scanner.Write(b)
		scanner.Close()
		c.releaseCustom(scanner)
	}
	return found
}

// addMember adds the counts of a member to its archive. Macie gives the places of members only in their own records.
func (d *document) addMember(member *document) {
	for id, found := range member.found {
		sum := d.detection(id)
		sum.Count += found.Count
		if capped(id.ID) {
			sum.Count = min(sum.Count, cappedCount)
		}
	}
	for def, found := range member.foundCustom {
		d.customDetection(def).Count += found.Count
	}
	for _, def := range member.Unfinished {
		if !slices.Contains(d.Unfinished, def) {
			d.Unfinished = append(d.Unfinished, def)
		}
	}
}

func sorted(found map[*detect.Identifier]*Detection) []Detection {
	list := make([]Detection, 0, len(found))
	for _, d := range found {
		list = append(list, *d)
	}
	slices.SortFunc(list, func(a, b Detection) int {
		if c := strings.Compare(string(a.Identifier.Category), string(b.Identifier.Category)); c != 0 {
			return c
		}
		return strings.Compare(a.Identifier.ID, b.Identifier.ID)
	})
	return list
}

func sortedCustom(found map[*custom.Definition]*CustomDetection) []CustomDetection {
	var list []CustomDetection
	for _, d := range found {
		list = append(list, *d)
	}
	slices.SortFunc(list, func(a, b CustomDetection) int {
		return cmp.Or(strings.Compare(a.Definition.Name, b.Definition.Name), strings.Compare(a.Definition.ID, b.Definition.ID))
	})
	return list
}

// MemberPath returns the path of a member of an archive, archives in archives separated by "!/"; "" for the object itself.
func (d *Document) MemberPath() string { return strings.Join(d.Path, "!/") }
