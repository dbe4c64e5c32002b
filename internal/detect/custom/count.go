package custom

import (
	"errors"
	"strings"

	"github.com/magpie-sec/magpie/internal/text"
)

// Count returns how many matches a definition has in a sample of at most 1,000 characters: TestCustomDataIdentifier. The definition needs no
// name.
func Count(d *Definition, sample string) (int, error) {
	e := &Engine{}
	if err := e.add(d); err != nil {
		return 0, err
	}
	if err := length("sampleText", sample, 1, maxSample); err != nil {
		return 0, err
	}
	e.settle()
	n := 0
	s := e.NewScanner(func(Match) { n++ })
	s.Write(&text.Block{Text: []byte(sample)})
	s.Close()
	if len(s.Exhausted()) > 0 {
		return 0, errTooMuchWork
	}
	return n, nil
}

var errTooMuchWork = errors.New("the pattern takes too much work: it can go on in too many ways at once; make its repetitions and alternatives more specific")

// tryTexts are what a pattern is tried on before it is accepted: the kinds of text on which patterns get slow.
var tryTexts = func() []string {
	repeat := func(s string) string { return strings.Repeat(s, 2<<10/len(s)) }
	return []string{
		repeat("a"), repeat("0"), repeat("x="), repeat("aA0 _-.,"), repeat(" "),
		repeat("The account of 4 May holds 1,250.00 and belongs to Ada Example, order AB-1234567.\n"),
		repeat(`{"id":"9f8e7d6c-1234","user":"ada@example.com","amount":12.5,"tags":["a","b"]}` + "\n"),
		repeat("2026-11-21T12:00:00Z INFO request=42 path=/v1/items?id=7 status=200 took=13ms\n"),
	}
}()

// trySteps is what a character of a sample may cost.
const trySteps = 2000

// try runs the pattern on the samples, and refuses one that takes too much work.
func (p *program) try() error {
	m := newMatcher(p)
	for _, sample := range tryTexts {
		m.steps, m.allowed = 0, int64(len(sample))*trySteps
		r := reading{t: []byte(sample), first: true, final: true}
		for at := 0; at < len(sample); {
			_, end, ok := m.find(r, at, len(sample), len(sample))
			if !ok {
				break
			}
			at = end
		}
		if m.exhausted() {
			return errTooMuchWork
		}
	}
	return nil
}
