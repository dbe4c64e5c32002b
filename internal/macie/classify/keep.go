package classify

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/custom"
	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/text"
)

// kept is a document as it is written down to be told again: what a finding needs, and no value that was found.
type kept struct {
	MIME     string        `json:"mime"`
	Code     extract.Code  `json:"code"`
	Reason   string        `json:"reason,omitempty"`
	Bytes    int64         `json:"bytes"`
	Archive  bool          `json:"archive,omitempty"`
	Managed  []keptFound   `json:"managed,omitempty"`
	Custom   []keptFound   `json:"custom,omitempty"`
	Fields   []*text.Field `json:"fields,omitempty"` // null stands for a path that must not be shown
	Member   *keptMember   `json:"member,omitempty"`
	hasField map[*text.Field]int
}

// A keptMember is what a record says of a member of an archive.
type keptMember struct {
	Path      []string   `json:"path"`
	Extension string     `json:"ext,omitempty"`
	Size      int64      `json:"size"`
	Modified  *time.Time `json:"modified,omitempty"`
}

type keptFound struct {
	ID    string         `json:"id"`
	Count int64          `json:"count"`
	Own   int64          `json:"own"`
	At    []keptLocation `json:"at,omitempty"`
}

// A keptLocation is a text.Location without its place in bytes, which findings do not show. Field counts from 1 in kept.Fields.
type keptLocation struct {
	Kind    text.Kind `json:"k,omitempty"`
	Line    int64     `json:"l,omitempty"`
	EndLine int64     `json:"e,omitempty"`
	Column  int64     `json:"c,omitempty"`
	Row     int64     `json:"r,omitempty"`
	Field   int       `json:"f,omitempty"`
	Indexes []int64   `json:"i,omitempty"`
}

// Keep writes down what the findings of a document need: counts, and of each type as many places as one finding shows of all types.
func (d *Document) Keep() ([]byte, error) {
	if len(d.Detections) > 0 || len(d.Custom) > 0 || d.Archive || d.Status.Reason != "" {
		return json.Marshal(d.kept(MaxFindingLocations))
	}
	// As of most objects, and as json.Marshal would write it.
	b := make([]byte, 0, 96)
	for _, s := range []struct{ name, text string }{{`{"mime":`, d.MIME}, {`,"code":`, string(d.Status.Code)}} {
		b = appendText(append(b, s.name...), s.text)
	}
	return append(strconv.AppendInt(append(b, `,"bytes":`...), d.Status.Bytes, 10), '}'), nil
}

// KeepMember writes down a member of an archive with all that its record needs. Told reads it.
func (d *Document) KeepMember() ([]byte, error) {
	k := d.kept(MaxLocations)
	k.Member = &keptMember{Extension: store.CleanText(d.Extension), Size: d.Size}
	for _, part := range d.Path {
		k.Member.Path = append(k.Member.Path, store.CleanText(part))
	}
	if !d.Modified.IsZero() {
		k.Member.Modified = &d.Modified
	}
	return json.Marshal(k)
}

func (d *Document) kept(locations int) *kept {
	k := &kept{MIME: d.MIME, Code: d.Status.Code, Reason: string(d.Status.Reason), Bytes: d.Status.Bytes, Archive: d.Archive, hasField: map[*text.Field]int{}}
	for _, f := range d.Detections {
		k.Managed = append(k.Managed, k.found(f.Identifier.ID, f.Count, f.Own, f.Locations[:min(len(f.Locations), locations)]))
	}
	for _, f := range d.Custom {
		k.Custom = append(k.Custom, k.found(f.Definition.ID, f.Count, f.Own, f.Locations[:min(len(f.Locations), locations)]))
	}
	return k
}

// Whole reports whether all that a record of the document shows was kept: the places of its occurrences, and no members left out.
func (d *Document) Whole() bool {
	if d.Archive {
		return false
	}
	for _, f := range d.Detections {
		if int64(len(f.Locations)) < min(f.Own, MaxLocations) {
			return false
		}
	}
	for _, f := range d.Custom {
		if int64(len(f.Locations)) < min(f.Own, MaxLocations) {
			return false
		}
	}
	return true
}

func (k *kept) found(id string, count, own int64, locations []text.Location) keptFound {
	found := keptFound{ID: id, Count: count, Own: own}
	for _, l := range locations {
		at := keptLocation{Kind: l.Kind, Line: l.Line, EndLine: l.EndLine, Column: l.Column, Row: l.Row, Indexes: l.Indexes}
		if l.Field != nil {
			if at.Field = k.hasField[l.Field]; at.Field == 0 {
				show := l.Field
				if show == unnamed {
					show = nil
				}
				k.Fields = append(k.Fields, show)
				at.Field = len(k.Fields)
				k.hasField[l.Field] = at.Field
			}
		}
		found.At = append(found.At, at)
	}
	return found
}

// Told reads what Keep or KeepMember wrote, for a job that looks for managed and definitions: what else was found is left out. Left names the managed
// identifiers of which that is so.
func Told(document []byte, managed map[string]*detect.Identifier, definitions map[string]*custom.Definition) (d Document, left []string, err error) {
	var k kept
	if err := json.Unmarshal(document, &k); err != nil {
		return Document{}, nil, fmt.Errorf("a kept result is damaged: %w", err)
	}
	d.MIME, d.Archive = k.MIME, k.Archive
	d.Status = extract.Result{Code: k.Code, Reason: extract.Reason(k.Reason), Bytes: k.Bytes}
	if m := k.Member; m != nil {
		d.Path, d.Extension, d.Size = m.Path, m.Extension, m.Size
		if m.Modified != nil {
			d.Modified = *m.Modified
		}
	}
	for _, f := range k.Managed {
		id := managed[f.ID]
		if id == nil {
			left = append(left, f.ID)
			continue
		}
		at, err := k.locations(f.At)
		if err != nil {
			return Document{}, nil, err
		}
		d.Detections = append(d.Detections, Detection{Identifier: id, Count: f.Count, Own: f.Own, Locations: at})
	}
	for _, f := range k.Custom {
		definition := definitions[f.ID]
		if definition == nil {
			continue
		}
		at, err := k.locations(f.At)
		if err != nil {
			return Document{}, nil, err
		}
		d.Custom = append(d.Custom, CustomDetection{Definition: definition, Count: f.Count, Own: f.Own, Locations: at})
	}
	return d, left, nil
}

func (k *kept) locations(at []keptLocation) ([]text.Location, error) {
	var out []text.Location
	for _, l := range at {
		location := text.Location{Kind: l.Kind, Line: l.Line, EndLine: l.EndLine, Column: l.Column, Row: l.Row, Indexes: l.Indexes}
		if l.Field < 0 || l.Field > len(k.Fields) {
			return nil, errors.New("a kept result is damaged: a place is in no field")
		}
		if l.Field > 0 {
			if location.Field = k.Fields[l.Field-1]; location.Field == nil {
				location.Field = unnamed
			}
		}
		out = append(out, location)
	}
	return out, nil
}
