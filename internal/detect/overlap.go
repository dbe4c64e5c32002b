package detect

import (
	"cmp"
	"math"
	"slices"
)

// What is reported where several identifiers match. This is the one place that decides it:
//
//  1. A value claims its span. Nothing is looked for inside it: no card inside an IBAN, nothing in the body of a private key. The value that
//     begins first wins, of those that are met at the same run the longest. A value of Around is met at its shape or word,
//     so that it yields to those before that it overlaps. Only an Open layout (a cookie header) claims nothing: it and what stands in it
//     are both reported.
//  2. Several identifiers may share one span: "tax id 12345678901" is what each country with that keyword and form says it is. All are
//     reported, except that one without a checksum yields to one whose keyword is nearer. Keywords that touch or overlap are equally near
//     ("bank account number"), keywords in text are nearer than those in the name of the field, inner names of a path nearer than outer.
//  3. An identifier that wants its keywords absent (CREDIT_CARD_NUMBER_(NO_KEYWORD)) never meets the one that requires the same keywords.

// A candidate is a value t[start:end] that passed every check of its layout.
type candidate struct {
	layout     *layout
	start, end int
	near       nearness
}

// A nearness orders keywords: the greater the nearer. It is the keyword's place in text, and below zero for the names of fields.
type nearness struct{ start, end int64 }

// unneeded is the nearness of a value that needed no keyword.
var unneeded = nearness{start: math.MinInt64, end: math.MaxInt64 - 1}

// fieldNearness is the nearness of a name that is rank steps out of the innermost.
func fieldNearness(rank uint16) nearness {
	at := -4 * (int64(rank) + 1)
	return nearness{start: at, end: at}
}

// nearer reports whether n is nearer than o and not part of the same phrase.
func (n nearness) nearer(o nearness) bool { return n.start > o.end+1 }

// resolve drops the candidates that yield, in place. They share a run, and no two of them identifier and span. It returns the rest, in the order
// of their identifiers, and the end of the span they claim, 0 if none.
func resolve(cs []candidate) (kept []candidate, claimed int) {
	best := -1
	for i, c := range cs {
		if !c.layout.Open && (best < 0 || c.end-c.start > cs[best].end-cs[best].start) {
			best = i
		}
	}
	var span candidate
	nearest := unneeded
	if best >= 0 {
		span = cs[best]
		for _, c := range cs {
			if c.start == span.start && c.end == span.end && c.near.start > nearest.start {
				nearest = c.near
			}
		}
	}
	kept = cs[:0]
	for _, c := range cs {
		if c.layout.Open || c.start == span.start && c.end == span.end && (c.layout.id.Checksum || !nearest.nearer(c.near)) {
			kept = append(kept, c)
		}
	}
	slices.SortStableFunc(kept, func(a, b candidate) int { return cmp.Compare(a.layout.order, b.layout.order) })
	return kept, span.end
}
