package glob

import (
	"container/heap"
	"encoding/binary"
	"errors"
	"math/bits"
	"slices"
	"sync"
	"unicode/utf16"
)

// ErrLimit says that a question took more states than it was given. It is no answer.
var ErrLimit = errors.New("glob: the patterns are too entangled to decide")

// DefaultLimit is how many states Witness looks at before it gives up.
const DefaultLimit = 50_000

// What else a search costs, in words of a state that are worked out.
const (
	setUp    = 100 // the automaton of a pattern, and again for each of its words
	remember = 64  // a state
)

// maxWords bounds the memory of a search, in words of eight bytes over all states.
const maxWords = 4 << 20

// Witness returns a string that is in every pattern of in and in none of out; found is false when there is none. It is any such string, not
// the shortest. With no pattern in in, every string qualifies that is not in out. The only error is ErrLimit.
func Witness(in, out []Pattern) (witness string, found bool, err error) {
	return WitnessWithin(DefaultLimit, in, out)
}

// WitnessWithin is Witness with a limit of its own on the number of states.
func WitnessWithin(limit int, in, out []Pattern) (witness string, found bool, err error) {
	return WitnessSpending(limit, func(int) bool { return true }, in, out)
}

// WitnessSpending is WitnessWithin that tells what it takes as it goes, in words of eight bytes of a state that are worked out; if spend
// returns false, the search ends with ErrLimit.
func WitnessSpending(limit int, spend func(words int) bool, in, out []Pattern) (witness string, found bool, err error) {
	if witness, found, ok := settle(in, out); ok {
		return witness, found, nil
	}
	const early = 500
	witness, found, err = search(min(limit, early), spend, in, out)
	if err == nil || limit <= early {
		return witness, found, err
	}
	in, out, empty := reduce(spend, in, out)
	if empty {
		return "", false, nil
	}
	return search(limit, spend, in, out)
}

// Includes reports whether every string of b is in a.
func Includes(a, b Pattern) (bool, error) {
	_, found, err := Witness([]Pattern{b}, []Pattern{a})
	return err == nil && !found, err
}

// Disjoint reports whether no string is in both.
func Disjoint(a, b Pattern) (bool, error) {
	_, found, err := Witness([]Pattern{a, b}, nil)
	return err == nil && !found, err
}

// settle answers what needs no search.
func settle(in, out []Pattern) (witness string, found, ok bool) {
	for _, q := range out {
		if q.IsEverything() || slices.ContainsFunc(in, q.Equal) {
			return "", false, true
		}
	}
	for _, p := range in {
		if p.folding != foldNone || !p.IsLiteral() {
			continue
		}
		units := make([]uint16, len(p.tokens))
		for i, t := range p.tokens {
			units[i] = uint16(t)
		}
		witness := text(units)
		misses := func(q Pattern) bool { return !q.Match(witness) }
		matches := func(q Pattern) bool { return q.Match(witness) }
		if slices.ContainsFunc(in, misses) || slices.ContainsFunc(out, matches) {
			return "", false, true
		}
		return witness, true, true
	}
	return "", false, false
}

// reduce leaves out what two patterns alone can tell: patterns that include another of their side, and those of out that miss one of in.
// Conflicts between two patterns of in, which a search over all of them may see late, show here at once.
func reduce(spend func(words int) bool, in, out []Pattern) (lessIn, lessOut []Pattern, empty bool) {
	const pair = 2_000
	decide := func(in, out []Pattern) (none bool) { // an undecided pair stays
		_, found, err := search(pair, spend, in, out)
		return err == nil && !found
	}
	for i, p := range in {
		for _, q := range in[:i] {
			if decide([]Pattern{p, q}, nil) {
				return nil, nil, true
			}
		}
	}
	for _, q := range out {
		relevant := true
		for _, p := range in {
			if decide([]Pattern{p}, []Pattern{q}) {
				return nil, nil, true
			}
			relevant = relevant && !decide([]Pattern{p, q}, nil)
		}
		if relevant {
			lessOut = append(lessOut, q)
		}
	}
	lessIn = without(in, func(p, q Pattern) bool { return decide([]Pattern{q}, []Pattern{p}) })
	lessOut = without(lessOut, func(p, q Pattern) bool { return decide([]Pattern{p}, []Pattern{q}) })
	return lessIn, lessOut, false
}

// without leaves out each pattern for which another one, still kept, makes it needless.
func without(patterns []Pattern, needless func(p, by Pattern) bool) []Pattern {
	kept := slices.Clone(patterns)
	for i := 0; i < len(kept); {
		if slices.ContainsFunc(kept, func(q Pattern) bool { return !q.Equal(kept[i]) && needless(kept[i], q) }) {
			kept = slices.Delete(kept, i, i+1)
			continue
		}
		i++
	}
	return kept
}

// An automaton is a pattern as a set of places that bits stand for: place i is before symbol i, the last one behind all. A star is a place
// that can be kept.
type automaton struct {
	symbols []token
	folding folding
	offset  int // of its words in a state
	words   int
	stay    []uint64            // places that can be kept with any unit but a colon
	stayAll []uint64            // places that can be kept with any unit
	takes   map[uint16][]uint64 // by unit: places whose symbol matches it
}

func newAutomaton(p Pattern, offset int) *automaton {
	a := &automaton{folding: p.folding, offset: offset, takes: map[uint16][]uint64{}}
	for _, t := range p.tokens {
		if !t.isStar() {
			a.symbols = append(a.symbols, t)
		}
	}
	a.words = len(a.symbols)/64 + 1
	a.stay, a.stayAll = make([]uint64, a.words), make([]uint64, a.words)
	place := 0
	for _, t := range p.tokens {
		switch t {
		case star:
			a.stayAll[place/64] |= 1 << (place % 64)
			a.stay[place/64] |= 1 << (place % 64)
		case fieldStar:
			a.stay[place/64] |= 1 << (place % 64)
		default:
			place++
		}
	}
	return a
}

func (a *automaton) takesUnit(u uint16) []uint64 {
	mask, ok := a.takes[u]
	if !ok {
		mask = make([]uint64, a.words)
		for i, t := range a.symbols {
			if t.takes(u, a.folding) {
				mask[i/64] |= 1 << (i % 64)
			}
		}
		a.takes[u] = mask
	}
	return mask
}

// step writes into to the places after unit u, and reports whether there are any.
func (a *automaton) step(from, to []uint64, u uint16) bool {
	from, to = from[a.offset:a.offset+a.words], to[a.offset:a.offset+a.words]
	takes, stay := a.takesUnit(u), a.stay
	if u == ':' {
		stay = a.stayAll
	}
	carry, top := uint64(0), -1
	for w := range from {
		moved := from[w] & takes[w]
		to[w] = moved<<1 | carry | from[w]&stay[w]
		carry = moved >> 63
		if kept := to[w] & a.stay[w]; kept != 0 {
			top = w*64 + bits.Len64(kept) - 1
		}
	}
	some := false
	for w := range to {
		// What the furthest star can take includes what any place before it can.
		switch {
		case w*64+64 <= top:
			to[w] = 0
		case w*64 <= top:
			to[w] &^= 1<<(top%64) - 1
		}
		some = some || to[w] != 0
	}
	return some
}

func (a *automaton) accepts(state []uint64) bool {
	n := len(a.symbols)
	return state[a.offset+n/64]>>(n%64)&1 != 0
}

// acceptsAll reports whether whatever follows is accepted as well.
func (a *automaton) acceptsAll(state []uint64) bool {
	n := len(a.symbols)
	return a.accepts(state) && a.stayAll[n/64]>>(n%64)&1 != 0
}

// left returns how many symbols lie before the end at least.
func (a *automaton) left(state []uint64) int {
	for w := a.words - 1; w >= 0; w-- {
		if x := state[a.offset+w]; x != 0 {
			return len(a.symbols) - (w*64 + bits.Len64(x) - 1)
		}
	}
	return len(a.symbols)
}

// A node is a state that was reached, and how.
type node struct {
	state  []uint64
	parent int // -1 for the first
	unit   uint16
	cost   int
}

type queue struct {
	nodes []node
	order []int // a heap of indexes of nodes: the least cost first, the youngest among equals
}

func (q *queue) Len() int { return len(q.order) }
func (q *queue) Less(i, j int) bool {
	a, b := q.order[i], q.order[j]
	if q.nodes[a].cost != q.nodes[b].cost {
		return q.nodes[a].cost < q.nodes[b].cost
	}
	return a > b
}
func (q *queue) Swap(i, j int) { q.order[i], q.order[j] = q.order[j], q.order[i] }
func (q *queue) Push(x any)    { q.order = append(q.order, x.(int)) }
func (q *queue) Pop() any {
	last := q.order[len(q.order)-1]
	q.order = q.order[:len(q.order)-1]
	return last
}

// search walks the product of all automata, each made deterministic on the way, best first: what counts is how many symbols the patterns of
// in still need, and how many those of out have had. The first finds a string in patterns that overlap in exponentially many ways, the second
// leads around what is forbidden.
// It tries the units that a place of in waits for, one unit that no pattern names, and the colon, which ends fields: any other unit does for
// in what the unnamed one does, and leaves more of out alive.
func search(limit int, spend func(words int) bool, in, out []Pattern) (witness string, found bool, err error) {
	all := make([]*automaton, 0, len(in)+len(out))
	words := 0
	for _, p := range slices.Concat(in, out) {
		a := newAutomaton(p, words)
		all, words = append(all, a), words+a.words
	}
	in2, out2 := all[:len(in)], all[len(in):]
	if !spend(setUp * (len(all) + words)) {
		return "", false, ErrLimit
	}
	unnamed, someUnnamed := unnamedUnit(all)
	fielded := slices.ContainsFunc(all, func(a *automaton) bool { return a.fielded() })

	q := &queue{}
	seen := map[string]bool{}
	key := make([]byte, 0, words*8+1)
	push := func(state []uint64, parent int, unit uint16) {
		key = key[:0]
		for _, w := range state {
			key = binary.LittleEndian.AppendUint64(key, w)
		}
		if isHigh(unit) {
			key = append(key, byte(unit), byte(unit>>8))
		}
		if seen[string(key)] {
			return
		}
		seen[string(key)] = true
		cost := 0
		for _, a := range in2 {
			cost += a.left(state)
		}
		for _, a := range out2 {
			cost += len(a.symbols) - a.left(state)
		}
		q.nodes = append(q.nodes, node{state: slices.Clone(state), parent: parent, unit: unit, cost: cost})
		heap.Push(q, len(q.nodes)-1)
	}
	first := make([]uint64, words)
	for _, a := range all {
		first[a.offset] = 1
	}
	push(first, -1, 0)

	next := make([]uint64, words)
	var units []uint16
	for looked := 0; q.Len() > 0; looked++ {
		if looked >= limit || len(q.nodes)*words > maxWords {
			return "", false, ErrLimit
		}
		at := heap.Pop(q).(int)
		state, pending := q.nodes[at].state, isHigh(q.nodes[at].unit)
		if !pending && accepted(state, in2, out2) {
			return q.spell(at), true, nil
		}
		units = units[:0]
		if someUnnamed {
			units = append(units, unnamed)
		}
		if fielded {
			units = append(units, ':')
		}
		for _, a := range in2 {
			units = a.awaited(state, units)
		}
		if !spend((words + len(all) + remember) * (len(units) + 1)) {
			return "", false, ErrLimit
		}
		for _, u := range units {
			// A string is a run of whole characters: the second half of a pair follows the first, and stands nowhere else.
			if isLow(u) != pending || !advance(state, next, u, in2, out2) {
				continue
			}
			push(next, at, u)
		}
	}
	return "", false, nil
}

// advance makes the next state, and reports whether it can still lead anywhere.
func advance(state, next []uint64, u uint16, in, out []*automaton) bool {
	for _, a := range in {
		if !a.step(state, next, u) {
			return false
		}
	}
	for _, a := range out {
		if a.step(state, next, u) && a.acceptsAll(next) {
			return false
		}
	}
	return true
}

func accepted(state []uint64, in, out []*automaton) bool {
	for _, a := range in {
		if !a.accepts(state) {
			return false
		}
	}
	for _, a := range out {
		if a.accepts(state) {
			return false
		}
	}
	return true
}

func (a *automaton) fielded() bool {
	return !slices.Equal(a.stay, a.stayAll) || slices.Contains(a.symbols, fieldOne)
}

// awaited adds the units that some place of the state has as its literal symbol.
func (a *automaton) awaited(state []uint64, units []uint16) []uint16 {
	for w := range a.words {
		for x := state[a.offset+w]; x != 0; x &= x - 1 {
			i := w*64 + bits.TrailingZeros64(x)
			if i >= len(a.symbols) || a.symbols[i] < 0 {
				continue
			}
			u := uint16(a.symbols[i])
			units = addUnit(units, u)
			switch {
			case a.folding == foldASCII && 'a' <= u && u <= 'z':
				units = addUnit(units, u-'a'+'A')
			case a.folding == foldLower:
				for _, v := range upperUnits()[u] {
					units = addUnit(units, v)
				}
			}
		}
	}
	return units
}

func addUnit(units []uint16, u uint16) []uint16 {
	if slices.Contains(units, u) {
		return units
	}
	return append(units, u)
}

// spell reads the units on the way to a node.
func (q *queue) spell(at int) string {
	var units []uint16
	for ; q.nodes[at].parent >= 0; at = q.nodes[at].parent {
		units = append(units, q.nodes[at].unit)
	}
	slices.Reverse(units)
	return text(units)
}

func isHigh(u uint16) bool { return 0xD800 <= u && u < 0xDC00 }
func isLow(u uint16) bool  { return 0xDC00 <= u && u < 0xE000 }

// unnamedUnit chooses a unit that no literal of any pattern matches: a letter or digit if one is free.
func unnamedUnit(all []*automaton) (u uint16, ok bool) {
	named := map[token]bool{':': true, '*': true, '?': true}
	for _, a := range all {
		for _, t := range a.symbols {
			named[t] = true
		}
	}
	free := func(u uint16) bool {
		return !named[token(u)] && !named[token(foldASCII.fold(u))] && !named[token(foldLower.fold(u))]
	}
	for _, u := range []byte("xzqyjwkvfghbnm0123456789abcdeilmoprstu-_.") {
		if free(uint16(u)) {
			return uint16(u), true
		}
	}
	for u := range 0xFFFE {
		if u > ' ' && !utf16.IsSurrogate(rune(u)) && free(uint16(u)) {
			return uint16(u), true
		}
	}
	return 0, false
}

// upperUnits maps each unit to the others of which it is the lower-case letter.
var upperUnits = sync.OnceValue(func() map[uint16][]uint16 {
	upper := map[uint16][]uint16{}
	for u := range 0x10000 {
		if l := foldLower.fold(uint16(u)); l != uint16(u) {
			upper[l] = append(upper[l], uint16(u))
		}
	}
	return upper
})
