package custom

import (
	"bytes"
	"encoding/binary"
	"regexp/syntax"
	"slices"
	"unicode/utf8"
)

// MaxMatch is the longest match in bytes: a pattern does not see further than this from where a match begins.
const MaxMatch = 4096

// The work that a pattern may cause in a document, in steps of an instruction at a character. What a scan costs is linear in any case; the
// budget keeps the factor small.
const (
	stepsFree    = 32 << 20
	stepsPerByte = 128
)

// A matcher finds the matches of a program. It belongs to one goroutine.
//
// An automaton (automaton.go) runs over the text first. It tells where the first match ends, and a position from which on it begins, which
// on most text is nowhere. Only there run follows the pattern's threads to find out which of the possible matches a regular expression
// takes: the one that begins first, and of those the one that the order of the alternatives and the greed of the repetitions prefer.
type matcher struct {
	p    *program
	auto automaton

	steps, allowed int64

	threads, next []thread
	// queue holds the instructions that are live at a position, in the order of preference.
	queue []thread
	seen  []uint32 // by instruction: seen[pc] == mark says that it is in the queue
	mark  uint32
}

// A thread is a way to go through the pattern: where it is, and where in the text it began.
type thread struct {
	pc    uint32
	start int32
}

func newMatcher(p *program) *matcher {
	m := &matcher{p: p, seen: make([]uint32, len(p.inst))}
	m.auto.init(p)
	m.reset()
	return m
}

func (m *matcher) reset() { m.steps, m.allowed = 0, stepsFree }

// exhausted reports whether the budget is spent. Nothing is found from then on.
func (m *matcher) exhausted() bool { return m.steps > m.allowed }

// A reading is a text at hand. first says that it begins the unit, so that ^ holds at 0, final that it ends it.
type reading struct {
	t            []byte
	first, final bool
}

// find returns the first match that is not empty, begins at t[from:startLimit] and has an end that is not needed to be known before
// t[:endLimit] was read; no match ends before it. It reports false if there is none.
func (m *matcher) find(r reading, from, startLimit, endLimit int) (start, end int, ok bool) {
	for from < startLimit && !m.exhausted() {
		p, idle, ok := m.auto.end(r, from, endLimit, &m.steps)
		if !ok {
			return 0, 0, false
		}
		lo := max(from, idle)
		if lo >= startLimit {
			return 0, 0, false
		}
		if p-lo > MaxMatch {
			from = nextCharacter(r.t, p-MaxMatch)
			continue
		}
		start, end, ok := m.run(r, lo, p)
		if !ok || start >= startLimit {
			return 0, 0, false
		}
		if start < end {
			return start, end, true
		}
		_, size := utf8.DecodeRune(r.t[start:])
		from = start + max(size, 1)
	}
	return 0, 0, false
}

// nextCharacter returns the beginning of a character at or behind t[i].
func nextCharacter(t []byte, i int) int {
	for n := 1; n < utf8.UTFMax && i < len(t) && !utf8.RuneStart(t[i]); n++ {
		i++
	}
	return i
}

// run returns the match that begins first at t[lo:last+1].
func (m *matcher) run(r reading, lo, last int) (start, end int, ok bool) {
	start, end, exact := m.follow(r, lo, last, false)
	if exact {
		return start, end, start >= 0
	}
	// A thread became too old that would have gone first, and may have kept others from being followed: try one beginning after the other.
	for at := lo; at <= last && at <= len(r.t) && !m.exhausted(); {
		if start, end, _ = m.follow(r, at, at, true); start >= 0 {
			return start, end, true
		}
		if at == len(r.t) {
			break
		}
		_, size := m.p.next(r.t, at)
		at += size
	}
	return 0, 0, false
}

// follow runs the threads that begin at t[lo:], or at t[lo] alone if anchored. It returns a negative start if there is no match that begins
// at or before last. exact is false if the answer depends on a thread that grew longer than MaxMatch.
func (m *matcher) follow(r reading, lo, last int, anchored bool) (start, end int, exact bool) {
	p, t := m.p, r.t
	start = -1
	oldest := -1 // the beginning of the first thread that became too old
	m.threads = m.threads[:0]
	before := p.kindBefore(t, lo, r.first)
	for i := lo; !m.exhausted(); {
		class, size, after := uint16(0), 0, edge
		if i < len(t) {
			class, size = p.next(t, i)
			after = p.kinds[class]
		}
		var ops syntax.EmptyOp
		if p.asserts {
			ops = assertions(before, after)
		}
		m.clear()
		for _, th := range m.threads {
			m.expand(th.pc, th.start, ops)
		}
		if start < 0 && (i == lo || !anchored && i <= last) {
			m.expand(p.start, int32(i-lo), ops)
		}
		m.next = m.next[:0]
		m.steps += int64(len(m.queue)) + 1
		for _, th := range m.queue {
			in := &p.inst[th.pc]
			if in.op == syntax.InstMatch {
				start, end = lo+int(th.start), i
				break // what follows is preferred less
			}
			if size == 0 || !in.takes(class) {
				continue
			}
			if i+size-lo-int(th.start) > MaxMatch {
				if at := lo + int(th.start); oldest < 0 || at < oldest {
					oldest = at
				}
				continue
			}
			m.next = append(m.next, thread{in.out, th.start})
		}
		m.threads, m.next = m.next, m.threads
		if size == 0 || len(m.threads) == 0 && (start >= 0 || anchored || i >= last) {
			break
		}
		before = after
		i += size
	}
	return start, end, anchored || oldest < 0 || start >= 0 && oldest >= start
}

func (m *matcher) clear() {
	m.queue = m.queue[:0]
	if m.mark++; m.mark == 0 {
		clear(m.seen)
		m.mark = 1
	}
}

// expand puts into the queue what can be reached from an instruction without reading a character.
func (m *matcher) expand(pc uint32, start int32, ops syntax.EmptyOp) {
	for m.seen[pc] != m.mark {
		m.seen[pc] = m.mark
		m.steps++
		switch in := &m.p.inst[pc]; in.op {
		case syntax.InstAlt:
			m.expand(in.out, start, ops)
			pc = in.arg
		case syntax.InstNop:
			pc = in.out
		case syntax.InstEmptyWidth:
			if syntax.EmptyOp(in.arg)&^ops != 0 {
				return
			}
			pc = in.out
		case syntax.InstFail:
			return
		default:
			m.queue = append(m.queue, thread{pc, start})
			return
		}
	}
}

// An automaton finds where matches end. A state is the set of instructions that threads wait at; what a state becomes by a class of
// characters is worked out when it first happens, and remembered. Its memory is bounded: when it is full it begins anew.
type automaton struct {
	p      *program
	states []state
	index  map[string]int32
	// edges holds stride entries for each state, one for each class and one for the end of the text. An entry is 0 until it is known, else
	// the number of the next state plus 1, with bits below it for what happens on the way.
	edges  []uint32
	stride int
	room   int // of states
	// anchored says that no threads begin but those of the first state.
	anchored bool
	// emptied counts how often the automaton began anew.
	emptied int

	outs, stack []uint32
	in, reached []uint32 // by instruction, marks of the sets under way
	mark        uint32
	key         []byte
}

type state struct {
	pcs    []uint32
	before uint8
}

const (
	edgeMatch = 1 // a match ends before the character
	edgeIdle  = 2 // no thread is left behind it
	edgeShift = 2
)

// automatonRoom is how many edges an automaton remembers: 4 bytes each.
const automatonRoom = 64 << 10

func (a *automaton) init(p *program) {
	a.p = p
	a.stride = p.classes + 1
	a.room = max(automatonRoom/a.stride, 64)
	a.in = make([]uint32, len(p.inst))
	a.reached = make([]uint32, len(p.inst))
	a.index = map[string]int32{}
}

// idle returns the state without threads behind a character of a kind.
func (a *automaton) idle(before uint8) int32 {
	a.outs = a.outs[:0]
	return a.state(before)
}

// state returns the state of the instructions in outs, which it sorts.
func (a *automaton) state(before uint8) int32 {
	slices.Sort(a.outs)
	a.key = append(a.key[:0], before)
	for _, pc := range a.outs {
		a.key = binary.LittleEndian.AppendUint16(a.key, uint16(pc))
	}
	if n, ok := a.index[string(a.key)]; ok {
		return n
	}
	if len(a.states) == a.room {
		a.states, a.edges = a.states[:0], a.edges[:0]
		clear(a.index)
		a.emptied++
	}
	n := int32(len(a.states))
	a.states = append(a.states, state{slices.Clone(a.outs), before})
	for range a.stride {
		a.edges = append(a.edges, 0)
	}
	a.index[string(a.key)] = n
	return n
}

// end looks for the end of a match that is not empty and begins at or behind t[from], up to t[:limit]. It returns the first such end, and a
// position such that no match that begins before it ends at or behind it.
func (a *automaton) end(r reading, from, limit int, steps *int64) (end, idle int, ok bool) {
	p, t := a.p, r.t
	limit = min(limit, len(t))
	i, idle := from, from
	literal := from - 1 // where the next literal is, if it is not before i
	// seek moves on from a position without threads to where a match may begin, and reports false if there is no such place.
	seek := func() bool {
		if len(p.literal) == 0 || literal >= i {
			return true
		}
		n := bytes.Index(t[i:limit], p.literal)
		if n < 0 {
			return false
		}
		literal = i + n
		if p.before >= 0 && literal-p.before > i {
			i = nextCharacter(t, literal-p.before)
			idle = i
		}
		return true
	}
	if !seek() {
		return 0, 0, false
	}
	st := a.idle(p.kindBefore(t, i, r.first))
	begin := i
	defer func() { *steps += int64(i-begin) / 16 }()
	for i < limit || i == len(t) && r.final {
		class, size := uint16(p.classes), 0
		if i < len(t) {
			if b := t[i]; b < utf8.RuneSelf {
				class, size = p.ascii[b], 1
			} else {
				class, size = p.next(t, i)
			}
		}
		e := a.edges[int(st)*a.stride+int(class)]
		if e == 0 {
			e = a.learn(st, class, steps)
		}
		if e&(edgeMatch|edgeIdle) != 0 {
			if e&edgeMatch != 0 {
				return i, idle, true
			}
			if size == 0 {
				break
			}
			i += size
			idle = i
			st = int32(e>>edgeShift) - 1
			if len(p.literal) > 0 && i > literal && i <= limit {
				at := i
				if !seek() {
					return 0, 0, false
				}
				if i != at {
					st = a.idle(p.kindBefore(t, i, r.first))
				}
			}
			continue
		}
		if size == 0 {
			break
		}
		i += size
		st = int32(e>>edgeShift) - 1
	}
	if i == limit && i < len(t) {
		// A match may end here, before a character that is not to be read.
		class, _ := p.next(t, i)
		e := a.edges[int(st)*a.stride+int(class)]
		if e == 0 {
			e = a.learn(st, class, steps)
		}
		if e&edgeMatch != 0 {
			return i, idle, true
		}
	}
	return 0, 0, false
}

// learn works out an edge.
func (a *automaton) learn(n int32, class uint16, steps *int64) uint32 {
	if a.mark++; a.mark == 0 {
		clear(a.in)
		clear(a.reached)
		a.mark = 1
	}
	p := a.p
	before, after := a.states[n].before, edge
	if int(class) < p.classes {
		after = p.kinds[class]
	}
	var ops syntax.EmptyOp
	if p.asserts {
		ops = assertions(before, after)
	}
	match := false
	a.outs = a.outs[:0]
	reach := func(pc uint32, old bool) {
		a.stack = append(a.stack[:0], pc)
		for len(a.stack) > 0 {
			pc := a.stack[len(a.stack)-1]
			a.stack = a.stack[:len(a.stack)-1]
			if a.reached[pc] == a.mark {
				continue
			}
			a.reached[pc] = a.mark
			*steps++
			switch in := &p.inst[pc]; in.op {
			case syntax.InstAlt:
				a.stack = append(a.stack, in.out, in.arg)
			case syntax.InstNop:
				a.stack = append(a.stack, in.out)
			case syntax.InstEmptyWidth:
				if syntax.EmptyOp(in.arg)&^ops == 0 {
					a.stack = append(a.stack, in.out)
				}
			case syntax.InstMatch:
				match = match || old // a new thread's match is empty
			case syntax.InstRune:
				if int(class) < p.classes && in.takes(class) && a.in[in.out] != a.mark {
					a.in[in.out] = a.mark
					a.outs = append(a.outs, in.out)
				}
			}
		}
	}
	for _, pc := range a.states[n].pcs {
		reach(pc, true)
	}
	if !a.anchored {
		reach(p.start, false)
	}
	var flags uint32
	if match {
		flags |= edgeMatch
	}
	if len(a.outs) == 0 {
		flags |= edgeIdle
	}
	if int(class) == p.classes {
		e := flags | 1<<edgeShift // leads nowhere
		a.edges[int(n)*a.stride+int(class)] = e
		return e
	}
	emptied := a.emptied
	e := uint32(a.state(after)+1)<<edgeShift | flags
	if a.emptied == emptied { // else state n is gone
		a.edges[int(n)*a.stride+int(class)] = e
	}
	return e
}
