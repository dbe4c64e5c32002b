// Package custom finds what users define by a regular expression: Macie's custom data identifiers. An Engine is compiled once from a list of
// definitions and shared; a Scanner of it reads the blocks of one document after the other and reports every match with its place, beside
// the scanner of the managed identifiers (package detect), which knows nothing of it.
//
// The rules are those of macie.md 2.1 and 2.2. A pattern is applied as regexp applies it, from left to right, matches not overlapping, with
// three differences. A match is at most MaxMatch bytes long: the pattern does not see further from where a match begins. Matches without
// any text do not count. And a definition with keywords is looked for behind its keywords only: from the end of each on, the pattern's
// matches count as long as they end within the distance; text before the keyword has no say in where they begin. In a table a keyword in
// the column's name makes every match in the column count; in a tree of records one in a name of the path counts as a keyword that ends
// where the value begins.
//
// regexp itself cannot be used on text that arrives in pieces: it takes the end of what it is given for the end of the text. So matcher.go
// runs regexp/syntax's programs itself, in linear time and within a budget; where that is spent the definition rests until the document
// ends, and Scanner.Exhausted tells.
package custom

import (
	"fmt"
	"unicode/utf8"
)

// defaultWindow is how many bytes of running text, or of a value that comes in pieces, a Scanner holds.
const defaultWindow = 128 << 10

// An Engine is a compiled list of definitions. It is immutable and may be used by any number of goroutines, each with its own Scanner.
type Engine struct {
	rules    []rule
	keywords keywords
	keyed    bool    // some rule has keywords
	free     []int32 // the rules that have none

	window int
	// margin is how far behind a position one may have to look to decide what begins or counts there.
	margin int
}

// A rule is a definition in use.
type rule struct {
	*Definition
	program  *program
	ignore   [][]byte
	distance int
}

// New compiles definitions, which must not change afterwards. The error is that of Check and names the definition.
func New(defs []*Definition) (*Engine, error) {
	e := &Engine{}
	for i, d := range defs {
		if err := length("name", d.Name, 1, maxName); err != nil {
			return nil, fmt.Errorf("custom data identifier %d: %w", i+1, err)
		}
		if err := e.add(d); err != nil {
			return nil, fmt.Errorf("custom data identifier %q: %w", d.Name, err)
		}
	}
	e.settle()
	return e, nil
}

func (e *Engine) add(d *Definition) error {
	p, err := check(d)
	if err != nil {
		return err
	}
	r := rule{Definition: d, program: p, distance: d.distance()}
	for _, w := range d.IgnoreWords {
		r.ignore = append(r.ignore, []byte(w))
	}
	for _, w := range d.Keywords {
		e.keywords.add(w, int32(len(e.rules)))
		e.keyed = true
	}
	if len(d.Keywords) == 0 {
		e.free = append(e.free, int32(len(e.rules)))
	}
	e.rules = append(e.rules, r)
	return nil
}

func (e *Engine) settle() {
	e.margin = MaxMatch + maxDistance*utf8.UTFMax + e.keywords.longest + 4*utf8.UTFMax
	e.window = max(defaultWindow, 2*e.margin)
}

// Definitions returns the definitions of the engine, in their order.
func (e *Engine) Definitions() []*Definition {
	out := make([]*Definition, len(e.rules))
	for i := range e.rules {
		out[i] = e.rules[i].Definition
	}
	return out
}
