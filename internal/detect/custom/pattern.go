package custom

import (
	"sync"
)

// A Pattern is a pattern of the dialect that a text has to match as a whole: what an allow list is made of. It is safe for concurrent use.
type Pattern struct {
	program  *program
	automata sync.Pool
}

// NewPattern compiles a pattern. It holds it to the limits that Check has for a definition's.
func NewPattern(pattern string) (*Pattern, error) {
	p, err := check(&Definition{Regex: pattern})
	if err != nil {
		return nil, err
	}
	return &Pattern{program: p}, nil
}

// Matches reports whether the pattern matches the text completely. A text on which that takes too much work to find out counts as one that it
// does not match.
func (p *Pattern) Matches(t []byte) bool {
	a, ok := p.automata.Get().(*automaton)
	if !ok {
		a = &automaton{anchored: true}
		a.init(p.program)
	}
	matches := a.whole(t)
	p.automata.Put(a)
	return matches
}

// whole reports whether the pattern matches t completely. The automaton has to be anchored.
func (a *automaton) whole(t []byte) bool {
	a.outs = append(a.outs[:0], a.p.start)
	before := edge
	if !a.p.asserts {
		before = other
	}
	st := a.state(before)
	var steps int64
	for i := 0; i < len(t); {
		class, size := a.p.next(t, i)
		e := a.edges[int(st)*a.stride+int(class)]
		if e == 0 {
			e = a.learn(st, class, &steps)
		}
		if e&edgeIdle != 0 || steps > stepsFree {
			return false
		}
		st = int32(e>>edgeShift) - 1
		i += size
	}
	return a.learn(st, uint16(a.p.classes), &steps)&edgeMatch != 0
}
