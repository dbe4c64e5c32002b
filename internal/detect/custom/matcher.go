package custom

import (
	"regexp/syntax"
	"unicode/utf8"
)

// MaxMatch is the longest match in bytes: a pattern does not see further than this from where a match begins.
const MaxMatch = 4096

// The work that a pattern may cause in a document, in steps of an instruction at a character. What a scan costs is linear in any case; the
// budget keeps the factor small.
const (
	stepsFree    = 4 << 20
	stepsPerByte = 256
)

// A matcher finds the matches of a program. It belongs to one goroutine.
//
// An automaton (automaton.go) runs over the text first. It tells where the first match ends, and a position before which none begins that
// ends there or later; most text has neither. Only there run follows the pattern's threads to find out which of the possible matches a
// regular expression takes: the one that begins first, and of those the one that the order of the alternatives and the greed of the
// repetitions prefer.
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

// find returns the first match that is not empty and begins at t[from:startLimit], and false if there is none. It looks for matches of which
// one ends at or before endLimit; the match that it then returns may end behind, if it is preferred. Where the text goes on behind t, t has
// to hold MaxMatch bytes and a character more behind startLimit.
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
	// Most often it begins right at lo. A thread that begins alone costs least.
	if start, end, _ = m.follow(r, lo, lo, true); start >= 0 {
		return start, end, true
	}
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
