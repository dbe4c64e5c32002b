package custom

import (
	"bytes"
	"encoding/binary"
	"regexp/syntax"
	"slices"
	"unicode/utf8"
)

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
	idles  [kinds]int32 // the states without threads, plus 1
	room   int          // of states
	size   int          // of the sets of all states
	// anchored says that no threads begin but those of the first state.
	anchored bool
	// emptied counts how often the automaton began anew.
	emptied int
	// looked is how many characters were read since; plain is for how many it is to do without states, as there are too many to remember.
	looked, plain int

	outs, pcs, stack []uint32
	in, reached      []uint32 // by instruction, marks of the sets under way
	mark             uint32
	key              []byte
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

const (
	// automatonRoom is how many edges an automaton remembers: 4 bytes each.
	automatonRoom = 64 << 10
	// automatonSize is how many instructions the sets of its states may have together.
	automatonSize = 64 << 10
	// plainFactor is how often a state has to be of use to be worth its making.
	plainFactor = 16
)

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
	if a.idles[before] == 0 {
		a.outs = a.outs[:0]
		a.idles[before] = a.state(before) + 1
	}
	return a.idles[before] - 1
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
	if len(a.states) == a.room || a.size > automatonSize {
		if n := len(a.states); a.looked < plainFactor*n {
			a.plain = plainFactor * n
		}
		a.looked, a.size = 0, 0
		a.states, a.edges = a.states[:0], a.edges[:0]
		clear(a.index)
		a.idles = [kinds]int32{}
		a.emptied++
	}
	n := int32(len(a.states))
	a.size += len(a.outs)
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
	begin, counted := i, i
	defer func() {
		*steps += int64(i-begin) / 16
		a.looked += i - counted
	}()
	rest := true // whether no thread is left
	var st int32
	// The last look is at what follows the limit: a match may end before it.
	for i <= limit && (i < len(t) || r.final) {
		if rest {
			for i < limit && !p.opens[t[i]] {
				i++
			}
			idle, rest = i, false
			if len(p.literal) > 0 && i > literal && i < limit && !seek() {
				return 0, 0, false
			}
			st = a.idle(p.kindBefore(t, i, r.first))
			continue
		}
		if a.plain > 0 {
			var found bool
			if i, idle, st, found = a.sets(r, i, idle, limit, st, steps); found {
				return i, idle, true
			}
			continue
		}
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
			a.looked += i - counted
			counted = i
			e = a.learn(st, class, steps)
		}
		if e&edgeMatch != 0 {
			return i, idle, true
		}
		if size == 0 {
			break
		}
		i += size
		st = int32(e>>edgeShift) - 1
		if e&edgeIdle != 0 {
			idle, rest = i, true
		}
	}
	return 0, 0, false
}

// sets goes on from t[i] as end does, without remembering states, for the number of characters in plain. It returns where it is, the state
// there, and whether a match ends there.
func (a *automaton) sets(r reading, i, idle, limit int, st int32, steps *int64) (at, lastIdle int, state int32, found bool) {
	pcs := append(a.pcs[:0], a.states[st].pcs...)
	before := a.states[st].before
	for ; a.plain > 0 && i <= limit && (i < len(r.t) || r.final); a.plain-- {
		class, size := uint16(a.p.classes), 0
		if i < len(r.t) {
			class, size = a.p.next(r.t, i)
		}
		match, after := a.step(pcs, before, class, steps)
		if match {
			a.pcs = pcs
			return i, idle, st, true
		}
		if size == 0 {
			i++ // there is no more to look at
			break
		}
		i += size
		if len(a.outs) == 0 {
			idle = i
		}
		before = after
		pcs, a.outs = a.outs, pcs
	}
	a.pcs = pcs
	a.outs = append(a.outs[:0], pcs...)
	return i, idle, a.state(before), false
}

// learn works out an edge.
func (a *automaton) learn(n int32, class uint16, steps *int64) uint32 {
	match, after := a.step(a.states[n].pcs, a.states[n].before, class, steps)
	var flags uint32
	if match {
		flags |= edgeMatch
	}
	if len(a.outs) == 0 {
		flags |= edgeIdle
	}
	if int(class) == a.p.classes {
		e := flags | 1<<edgeShift // leads nowhere
		a.edges[int(n)*a.stride+int(class)] = e
		return e
	}
	emptied := a.emptied
	*steps += int64(4*len(a.outs) + a.stride/4)
	e := uint32(a.state(after)+1)<<edgeShift | flags
	if a.emptied == emptied { // else state n is gone
		a.edges[int(n)*a.stride+int(class)] = e
	}
	return e
}

// step puts into outs what the threads that wait at pcs, and those that begin here, wait at behind a character. It reports whether a match
// ends before the character, and of which kind the character is.
func (a *automaton) step(pcs []uint32, before uint8, class uint16, steps *int64) (match bool, after uint8) {
	if a.mark++; a.mark == 0 {
		clear(a.in)
		clear(a.reached)
		a.mark = 1
	}
	p := a.p
	after = edge
	if int(class) < p.classes {
		after = p.kinds[class]
	}
	var ops syntax.EmptyOp
	if p.asserts {
		ops = assertions(before, after)
	}
	a.outs = a.outs[:0]
	for _, pc := range pcs {
		match = a.reach(pc, class, ops, steps) || match
	}
	if !a.anchored {
		a.reach(p.start, class, ops, steps) // what matches at once is empty
	}
	return match, after
}

// reach follows a thread to where it has to read a character of the class, and reports whether it comes to the end of the pattern.
func (a *automaton) reach(pc uint32, class uint16, ops syntax.EmptyOp, steps *int64) (match bool) {
	p := a.p
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
			match = true
		case syntax.InstRune:
			if int(class) < p.classes && in.takes(class) && a.in[in.out] != a.mark {
				a.in[in.out] = a.mark
				a.outs = append(a.outs, in.out)
			}
		}
	}
	return match
}
