package classify

import (
	"context"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/custom"
	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/text"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// Bounds of samples: how many are shown of one type, and how many characters of each (macie.md 8.5).
const (
	MaxSamples      = 10
	MaxSampleLength = 128
)

// A Sampling asks for samples of one type of sensitive data, and gets them.
type Sampling struct {
	// Managed is the id of a managed data identifier, or Custom that of a custom data identifier.
	Managed, Custom string
	// At are the places that a finding names. Only values at these are samples; nil takes the first values wherever they stand, also in the
	// members of an archive.
	At *macie2.Occurrences

	// Values are the samples: the first MaxSamples in the order of the document, cut to MaxSampleLength characters.
	Values []string

	places map[string]int // how many values are wanted at a place, by its JSON; nil: wherever
	left   int            // how many values are still wanted
}

// Reveal reads an object again for values that were found in it before, and fills in the samplings. It reads no further than it has to. The
// classifier looks for what it looked for then: another one may find other values, or find them in other places, and these are no samples.
// The errors are those of Classify.
func (c *Classifier) Reveal(ctx context.Context, object extract.Object, samplings []*Sampling) error {
	s := &sampler{managed: map[string]*Sampling{}, custom: map[string]*Sampling{}}
	for _, of := range samplings {
		of.begin()
		s.left += of.left
		if of.Managed != "" {
			s.managed[of.Managed] = of
		} else {
			s.custom[of.Custom] = of
		}
	}
	err := c.read(ctx, object, &run{classifier: c, sampler: s})
	if errors.Is(err, errSampled) {
		return nil
	}
	return err
}

func (of *Sampling) begin() {
	of.Values, of.places, of.left = nil, nil, MaxSamples
	if of.At == nil {
		return
	}
	of.places = map[string]int{}
	named := 0
	name := func(place string) {
		of.places[place]++
		named++
	}
	for i := range of.At.Cells {
		name(placeName("cell", &of.At.Cells[i]))
	}
	for i := range of.At.LineRanges {
		name(placeName("lines", &of.At.LineRanges[i]))
	}
	for i := range of.At.Pages {
		name(placeName("page", &of.At.Pages[i]))
	}
	for i := range of.At.Records {
		name(placeName("record", &of.At.Records[i]))
	}
	of.left = min(of.left, named)
}

func placeName(kind string, place wire.Encoder) string { return kind + string(wire.Marshal(place)) }

// placeOf names a place as begin does.
func placeOf(l text.Location) string {
	o := occurrences([]text.Location{l})
	switch {
	case len(o.Cells) > 0:
		return placeName("cell", &o.Cells[0])
	case len(o.Pages) > 0:
		return placeName("page", &o.Pages[0])
	case len(o.Records) > 0:
		return placeName("record", &o.Records[0])
	default:
		return placeName("lines", &o.LineRanges[0])
	}
}

// errSampled ends the reading of an object of which all wanted samples are there.
var errSampled = errors.New("the samples are complete")

// A sampler takes what a run finds as samples.
type sampler struct {
	managed, custom map[string]*Sampling // by id
	left            int                  // values that are still wanted, of all
}

// enough is errSampled when nothing more is wanted; a run without samples wants everything.
func (s *sampler) enough() error {
	if s != nil && s.left <= 0 {
		return errSampled
	}
	return nil
}

func (s *sampler) takeManaged(r *run, d *document, m *detect.Match) {
	if s != nil {
		s.take(s.managed[m.Identifier.ID], r, d, &m.Location, m.Text)
	}
}

func (s *sampler) takeCustom(r *run, d *document, m *custom.Match) {
	if s != nil {
		s.take(s.custom[m.Definition.ID], r, d, &m.Location, m.Text)
	}
}

func (s *sampler) take(of *Sampling, r *run, d *document, at *text.Location, value []byte) {
	if of == nil || of.left == 0 {
		return
	}
	if of.places != nil {
		if len(d.Path) > 0 {
			return // findings name no places in members
		}
		shown := *at
		shown.Field = r.shown(at.Field)
		place := placeOf(shown)
		if of.places[place] == 0 {
			return
		}
		of.places[place]--
	}
	of.Values = append(of.Values, sample(value))
	of.left--
	s.left--
}

// sample cuts a value to what is shown of it. It copies: a sample does not keep the text around it in memory.
func sample(value []byte) string {
	n := 0
	for range MaxSampleLength {
		if n == len(value) {
			break
		}
		_, size := utf8.DecodeRune(value[n:])
		n += size
	}
	return strings.ToValidUTF8(string(value[:n]), "\uFFFD")
}
