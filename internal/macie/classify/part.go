package classify

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/custom"
	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/text"
)

// A large object is classified in parts, each by whoever is free, and a [Whole] puts them together: what comes out is what [Classifier.Classify]
// tells of the object, place by place, or a doubt.
//
// A cell, a string or a number is looked at by itself, so that a part that begins with a row tells what the whole would. Running text is
// different: keywords before a cut count behind it, and a value takes its place from those that begin within it. So neighbours overlap. A part
// reads on behind its end, and the next one, which knows nothing of what is before it, is believed only from half the overlap on, and only if
// in the middle of the overlap both found exactly the same. What the scanner of the managed identifiers remembers, and those of custom ones, is
// keywords within reach and the end of the last value: less than the middle, in which both then have heard and taken the same.
const (
	// Overlap is how many bytes of running text a part reads behind its end.
	Overlap = 256 << 10
	// Where the next part begins to be believed, and the middle, from there.
	believed, middle, middleEnd = Overlap / 2, Overlap / 4, Overlap / 4 * 3
	// longest is how long values may be, with what stands around them, for the overlap to hold twice as much beside the middle.
	longest = Overlap/4 - 8<<10
)

// CanPart reports whether running text may be read in parts: none of the identifiers' values is too long for the overlap.
func (c *Classifier) CanPart() bool {
	return !slices.ContainsFunc(c.Engine.Identifiers(), func(id *detect.Identifier) bool { return id.MaxLen > longest || id.Distance > 1024 })
}

// A Partial is what a part of an object tells, in a form that can be stored: it holds no value that was found, nor a name in which one stands.
type Partial struct {
	// Doubt says why the parts may not tell what the whole would; "" for no doubt.
	Doubt string `json:"doubt,omitempty"`
	// From and To are the part's place in the object.
	From int64 `json:"from"`
	To   int64 `json:"to"`
	// As in extract.Part.
	Rows  int64 `json:"rows,omitempty"`
	Text  int64 `json:"text,omitempty"`
	Wide  int64 `json:"wide"`
	Paths int64 `json:"paths,omitempty"`

	MIME      string    `json:"mime"`
	Kind      text.Kind `json:"kind"`
	Extension string    `json:"extension"`
	MaxPaths  int64     `json:"max_paths,omitempty"`
	Allowed   bool      `json:"allowed,omitempty"`
	// Begin and End digest what was found in the middle of the overlap with the part before, and with the part behind.
	Begin   agreement   `json:"begin"`
	End     agreement   `json:"end"`
	Managed []partFound `json:"managed,omitempty"`
	Custom  []partFound `json:"custom,omitempty"`
	Fields  []partField `json:"fields,omitempty"`
}

// An agreement digests matches in any order.
type agreement [4]uint64

func (a *agreement) add(id string, at, length int64) {
	b := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, uint64(at)), uint64(length))
	sum := sha256.Sum256(append(b, id...))
	for i := range 3 {
		a[i] += binary.BigEndian.Uint64(sum[8*i:])
	}
	a[3]++
}

type partFound struct {
	ID    string         `json:"id"`
	Count int64          `json:"count"`
	At    []partLocation `json:"at,omitempty"`
}

// A partLocation is a text.Location whose rows, lines and offset count from the part's beginning. Field counts from 1 in Partial.Fields.
type partLocation struct {
	keptLocation
	Offset int64 `json:"o"`
	Length int64 `json:"n"`
}

// A partField is a field as it may be shown.
type partField struct {
	Show *text.Field `json:"show"` // nil for a path that must not be shown
	// Hidden and Allowed say what showing it means for the object, see Document.
	Hidden  bool `json:"hidden,omitempty"`
	Allowed bool `json:"allowed,omitempty"`
}

// ClassifyPart reads a part of an object. Of each type enough reports how many are known to stand before the part, so that no more places are kept than
// can count; it may be nil. The error is as that of extract.Extractor.Extract.
func (c *Classifier) ClassifyPart(ctx context.Context, object extract.Object, part extract.Part, before map[string]int64) (*Partial, error) {
	part.Beyond = Overlap
	run := &partRun{classifier: c, part: &part, before: before, found: map[string]*partFound{}, foundCustom: map[string]*partFound{},
		fields: map[*text.Field]int{}}
	result, err := c.Extractor.Part(ctx, object, &part, run)
	c.release(run.scanner)
	c.releaseCustom(run.custom)
	if err != nil {
		return nil, err
	}
	p := &run.out
	p.From, p.To, p.Rows, p.Text, p.Wide, p.Paths, p.MaxPaths = part.From, part.To, part.Rows, part.Text, part.Wide, part.Paths, part.MaxPaths
	switch {
	case part.Doubt != "":
		p.Doubt = part.Doubt
	case result.Code != extract.Complete:
		p.Doubt = "a part is not read wholly: " + string(result.Reason)
	case run.overdrawn:
		p.Doubt = "a custom data identifier takes much work"
	case slices.ContainsFunc(part.Names, run.findsIn):
		p.Doubt = "something was found in a name"
	}
	if p.Doubt != "" {
		return &Partial{Doubt: p.Doubt, From: p.From, To: p.To, Wide: -1}, nil
	}
	p.Managed, p.Custom = ordered(run.found), ordered(run.foundCustom)
	return p, nil
}

func ordered(found map[string]*partFound) []partFound {
	var out []partFound
	for _, f := range found {
		out = append(out, *f)
	}
	slices.SortFunc(out, func(a, b partFound) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// Counts returns how many of each type the part holds, by id.
func (p *Partial) Counts() map[string]int64 {
	out := map[string]int64{}
	for _, found := range [][]partFound{p.Managed, p.Custom} {
		for _, f := range found {
			out[f.ID] += f.Count
		}
	}
	return out
}

// A partRun is a part under way: an extract.Sink.
type partRun struct {
	classifier  *Classifier
	part        *extract.Part
	before      map[string]int64
	out         Partial
	scanner     *detect.Scanner
	custom      *custom.Scanner
	found       map[string]*partFound
	foundCustom map[string]*partFound
	fields      map[*text.Field]int
	overdrawn   bool
}

func (r *partRun) Begin(d extract.Document) error {
	r.out.MIME, r.out.Kind, r.out.Extension = d.MIME, d.Kind, d.Extension
	return nil
}

func (r *partRun) Text(b *text.Block) error {
	if r.scanner == nil {
		r.scanner = r.classifier.scanner(r.add)
		if r.classifier.Custom != nil {
			r.custom = r.classifier.customScanner(r.addCustom)
		}
	}
	r.scanner.Write(b)
	if r.custom != nil {
		r.custom.Write(b)
	}
	return nil
}

func (r *partRun) End(extract.Document, extract.Result) error {
	if r.scanner != nil {
		r.scanner.Close()
	}
	if r.custom != nil {
		r.custom.Close()
		r.overdrawn = r.custom.Overdrawn() || len(r.custom.Exhausted()) > 0
	}
	return nil
}

func (r *partRun) add(m detect.Match) {
	if !r.owns(m.Identifier.ID, &m.Location) {
		return
	}
	if r.classifier.allows(m) {
		r.out.Allowed = true
		return
	}
	r.keep(r.found, m.Identifier.ID, &m.Location)
}

func (r *partRun) addCustom(m custom.Match) {
	if !r.owns("custom "+m.Definition.ID, &m.Location) {
		return
	}
	if r.classifier.Allow.Allows(m.Text) {
		r.out.Allowed = true
		return
	}
	r.keep(r.foundCustom, m.Definition.ID, &m.Location)
}

// owns says whether a match is this part's to tell, and notes it if it stands where another part finds it, too.
func (r *partRun) owns(id string, l *text.Location) bool {
	if r.out.Kind != text.Lines {
		return true
	}
	owns := true
	if r.part.From > 0 {
		if l.Offset >= middle && l.Offset < middleEnd {
			r.out.Begin.add(id, l.Offset, l.Length)
		}
		owns = l.Offset >= believed
	}
	// As long as it is not known where the part ends, all that was read belongs to it.
	if behind := l.Offset - r.part.Text; r.part.Text >= 0 && r.part.To < r.part.Size {
		if behind >= middle && behind < middleEnd {
			r.out.End.add(id, behind, l.Length)
		}
		owns = owns && behind < believed
	}
	return owns
}

func (r *partRun) keep(found map[string]*partFound, id string, l *text.Location) {
	f := found[id]
	if f == nil {
		f = &partFound{ID: id}
		found[id] = f
	}
	f.Count++
	if len(f.At) >= MaxLocations || r.before[id] >= MaxLocations {
		return
	}
	at := partLocation{keptLocation{Kind: l.Kind, Line: l.Line, EndLine: l.EndLine, Column: l.Column, Row: l.Row, Indexes: l.Indexes}, l.Offset, l.Length}
	if l.Field != nil {
		at.Field = r.fields[l.Field]
		if at.Field == 0 {
			// Showing goes by the field alone; what it means for the object counts only if one of its places does.
			one := &run{classifier: r.classifier}
			field := partField{Show: one.shown(l.Field)}
			if field.Hidden, field.Allowed = one.hidden, one.allowed; field.Show == unnamed {
				field.Show = nil
			}
			r.out.Fields = append(r.out.Fields, field)
			at.Field = len(r.out.Fields)
			r.fields[l.Field] = at.Field
		}
	}
	f.At = append(f.At, at)
}

// findsIn reports whether anything is found in a name, allowed or not.
func (r *partRun) findsIn(name []byte) bool {
	found, c := false, r.classifier
	b := &text.Block{Kind: text.Records, Text: name, Segments: []text.Segment{{End: int32(len(name)), Row: 1}}}
	scanner := c.scanner(func(detect.Match) { found = true })
	scanner.Write(b)
	scanner.Close()
	c.release(scanner)
	if c.Custom != nil {
		scanner := c.customScanner(func(custom.Match) { found = true })
		scanner.Write(b)
		scanner.Close()
		c.releaseCustom(scanner)
	}
	return found
}

// A Whole puts the parts of an object together.
type Whole struct {
	doc     Document
	last    *Partial
	to      int64 // where the parts so far end
	rows    int64
	text    int64
	paths   int64
	wide    int64
	managed map[string]*Detection
	custom  map[string]*CustomDetection
	byID    map[string]*detect.Identifier
	defByID map[string]*custom.Definition
	fields  map[string]*text.Field // by what they say
	doubt   string
}

// Whole returns an empty whole for the parts of an object that c has read.
func (c *Classifier) Whole(object extract.Object) *Whole {
	w := &Whole{wide: -1, managed: map[string]*Detection{}, custom: map[string]*CustomDetection{}, byID: map[string]*detect.Identifier{},
		defByID: map[string]*custom.Definition{}, fields: map[string]*text.Field{}}
	w.doc.Name, w.doc.Size, w.doc.Modified = object.Name, object.Size, object.Modified
	for _, id := range c.Engine.Identifiers() {
		w.byID[id.ID] = id
	}
	if c.Custom != nil {
		for _, d := range c.Custom.Definitions() {
			w.defByID[d.ID] = d
		}
	}
	return w
}

// OtherDoubt is the doubt of a part that was not read because another one is in doubt, whose reason counts.
const OtherDoubt = "another part is in doubt"

// Add adds the next part in the order of the object.
func (w *Whole) Add(p *Partial) error {
	switch {
	case w.doubt == "" && p.Doubt != "", w.doubt == OtherDoubt && p.Doubt != "":
		w.doubt = p.Doubt
		return nil
	case w.doubt != "":
		return nil
	case p.From != w.to:
		w.doubt = "the parts do not follow each other"
		return nil
	case w.last != nil && p.Kind == text.Lines && p.Begin != w.last.End:
		w.doubt = "neighbours found something else where they overlap"
		return nil
	}
	w.doc.MIME, w.doc.Extension, w.doc.Kind = p.MIME, p.Extension, p.Kind
	w.doc.Allowed = w.doc.Allowed || p.Allowed
	for _, f := range p.Managed {
		id := w.byID[f.ID]
		if id == nil {
			return fmt.Errorf("a part found %s, which is not looked for", f.ID)
		}
		d := w.managed[f.ID]
		if d == nil {
			d = &Detection{Identifier: id}
			w.managed[f.ID] = d
		}
		d.Count += f.Count
		if capped(f.ID) {
			d.Count = min(d.Count, cappedCount)
		}
		d.Own = d.Count
		var err error
		if d.Locations, err = w.locations(d.Locations, p, f.At); err != nil {
			return err
		}
	}
	for _, f := range p.Custom {
		definition := w.defByID[f.ID]
		if definition == nil {
			return fmt.Errorf("a part found %s, which is not looked for", f.ID)
		}
		d := w.custom[f.ID]
		if d == nil {
			d = &CustomDetection{Definition: definition}
			w.custom[f.ID] = d
		}
		d.Count += f.Count
		d.Own = d.Count
		var err error
		if d.Locations, err = w.locations(d.Locations, p, f.At); err != nil {
			return err
		}
	}
	w.to, w.rows, w.text, w.paths = p.To, w.rows+p.Rows, w.text+p.Text, w.paths+p.Paths
	if p.MaxPaths > 0 && w.paths > p.MaxPaths {
		w.doubt = "there are too many paths"
	}
	if w.wide < 0 {
		w.wide = p.Wide
	}
	w.last = &Partial{End: p.End}
	return nil
}

// locations appends places of a part as far as they count.
func (w *Whole) locations(all []text.Location, p *Partial, at []partLocation) ([]text.Location, error) {
	for i := range at[:min(len(at), MaxLocations-len(all))] {
		k := &at[i]
		l := text.Location{Kind: k.Kind, Offset: k.Offset, Length: k.Length, Line: k.Line, EndLine: k.EndLine, Column: k.Column, Row: k.Row, Indexes: k.Indexes}
		switch {
		case k.Kind != text.Lines:
			l.Row += w.rows
		case p.Kind == text.Lines:
			l.Offset += w.text
			fallthrough
		case p.Kind == text.Records:
			l.Line += w.rows
			l.EndLine += w.rows
		}
		if k.Field < 0 || k.Field > len(p.Fields) {
			return nil, errors.New("a part is damaged: a place is in no field")
		}
		if k.Field > 0 {
			f := &p.Fields[k.Field-1]
			w.doc.Hidden, w.doc.Allowed = w.doc.Hidden || f.Hidden, w.doc.Allowed || f.Allowed
			var err error
			if l.Field, err = w.field(f.Show); err != nil {
				return nil, err
			}
		}
		all = append(all, l)
	}
	return all, nil
}

// field returns the field that parts mean by theirs.
func (w *Whole) field(f *text.Field) (*text.Field, error) {
	if f == nil {
		return unnamed, nil
	}
	key, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	if w.fields[string(key)] == nil {
		w.fields[string(key)] = f
	}
	return w.fields[string(key)], nil
}

// Wide returns where the object's first byte outside ASCII stands, if that decides on its charset: see extract.Extractor.ReadsAsUTF8. It is -1
// otherwise.
func (w *Whole) Wide() int64 { return w.wide }

// Document returns the document of the object once all parts were added, or why it has to be read whole.
func (w *Whole) Document() (Document, string) {
	if w.doubt == "" && w.to != w.doc.Size {
		w.doubt = "the parts do not reach the end"
	}
	if w.doubt != "" {
		return Document{}, w.doubt
	}
	w.doc.Status = extract.Result{Code: extract.Complete, Bytes: w.doc.Size}
	found := map[*detect.Identifier]*Detection{}
	for _, d := range w.managed {
		found[d.Identifier] = d
	}
	foundCustom := map[*custom.Definition]*CustomDetection{}
	for _, d := range w.custom {
		foundCustom[d.Definition] = d
	}
	w.doc.Detections, w.doc.Custom = sorted(found), sortedCustom(foundCustom)
	w.doc.Custom = slices.DeleteFunc(w.doc.Custom, func(c CustomDetection) bool { return c.Definition.Level(c.Count) == 0 })
	return w.doc, ""
}

// Encode writes a partial down.
func (p *Partial) Encode() ([]byte, error) { return json.Marshal(p) }

// DecodePartial reads what Encode wrote.
func DecodePartial(b []byte) (*Partial, error) {
	p := &Partial{}
	if err := json.Unmarshal(b, p); err != nil {
		return nil, fmt.Errorf("a part of an object is damaged: %w", err)
	}
	return p, nil
}
