package reach

import (
	"errors"
	"slices"
)

// A state is a point and the constraints that were put on it so far.
type state struct {
	lits   [][]signed // by coordinate, sorted
	values []value
}

// solve finds a value of one coordinate under constraints.
func (sp *space) solve(coord int, lits []signed) (value, bool, error) {
	c := sp.coords[coord]
	if len(lits) == 0 && c.free != nil {
		return c.free.value, c.free.ok, c.free.err
	}
	sp.work(2 + len(lits)/16)
	name := string(packInto(nil, lits))
	if r, ok := c.memo[name]; ok {
		return r.value, r.ok, r.err
	}
	var r solved
	switch {
	case conflicting(lits):
	case !sp.spend(1 + len(lits)/64): // what is remembered takes room
		return value{}, false, errSpent
	case c.caller:
		r.value, r.ok, r.err = sp.solveCaller(lits)
	case c.key != nil:
		r.value, r.ok, r.err = sp.solveKey(c.key, lits, &open)
	default:
		points := allBits(c.points)
		sp.work(c.points/8 + len(lits)*(1+len(points)/32))
		for _, s := range lits {
			points.and(sp.literals[litOf(s)].points, isNo(s))
		}
		r.value.point = points.first()
		r.ok = r.value.point >= 0
	}
	if errors.Is(r.err, errSpent) {
		return value{}, false, r.err
	}
	if c.memo == nil {
		c.memo = map[string]solved{}
	}
	c.memo[name] = r
	if len(lits) == 0 {
		c.free = &r
	}
	return r.value, r.ok, r.err
}

// conflicting reports whether sorted literals hold one and its negation.
func conflicting(lits []signed) bool {
	for i := 1; i < len(lits); i++ {
		if lits[i] == lits[i-1]|1 && lits[i] != lits[i-1] {
			return true
		}
	}
	return false
}

// with adds a literal to sorted ones.
func with(lits []signed, s signed) []signed {
	i, found := slices.BinarySearch(lits, s)
	if found {
		return lits
	}
	out := make([]signed, 0, len(lits)+1)
	out = append(out, lits[:i]...)
	out = append(out, s)
	return append(out, lits[i:]...)
}

// begin makes the state of some constraints; nil if a coordinate has no value that meets them.
func (sp *space) begin(require []signed) (*state, error) {
	if !sp.work(4 + len(require)/2 + len(sp.coords)/2) {
		return nil, errSpent
	}
	st := &state{lits: make([][]signed, len(sp.coords)), values: make([]value, len(sp.coords))}
	for _, s := range require {
		c := sp.literals[litOf(s)].coord
		st.lits[c] = append(st.lits[c], s)
	}
	var undecided error
	for c := range sp.coords {
		slices.Sort(st.lits[c])
		st.lits[c] = slices.Compact(st.lits[c])
		v, ok, err := sp.solve(c, st.lits[c])
		switch {
		case err != nil:
			undecided = err
		case !ok:
			return nil, nil
		}
		st.values[c] = v
	}
	return st, undecided
}

// holds tells whether a literal is true at the point.
func (sp *space) holds(lit int32, st *state) bool {
	l := &sp.literals[lit]
	v := &st.values[l.coord]
	if l.key == nil {
		return l.points.has(v.point)
	}
	if l.coord != callerCoord {
		return sp.holdsAt(l, v)
	}
	return sp.holdsAt(l, sp.callerKey(v, l.key))
}

// callerKey is what a key that goes with the caller is at a point. Keys that no constraint asks for yet have the value that comes first.
func (sp *space) callerKey(v *value, k *key) *value {
	for i := range v.keys {
		if v.keys[i].key == k {
			return &v.keys[i].value
		}
	}
	c := &sp.callers[v.point]
	f := c.frames[k.folded]
	switch {
	case f == nil || f.absent:
		return &value{absent: true}
	case f.exact:
		return &value{list: []string{f.value}}
	case !f.present:
		return &value{absent: true}
	}
	if kv, ok, err := sp.solveKeys(v.point, []keyLits{{k, nil}}); err == nil && ok {
		for i := range kv.keys {
			if kv.keys[i].key == k {
				return &kv.keys[i].value
			}
		}
	}
	return &value{list: []string{c.ARN}}
}

// contains tells whether a box holds the point.
func (sp *space) contains(b *box, st *state) bool {
	for _, lit := range b.literals {
		sp.work(1)
		if _, avoided := slices.BinarySearch(st.lits[sp.literals[lit].coord], no(lit)); avoided || !sp.holds(lit, st) {
			return false
		}
	}
	return true
}

// find looks for a point that meets some constraints and is in none of some boxes; nil without an error if there is none.
func (sp *space) find(require []signed, avoid []*box) (*state, error) {
	st, err := sp.begin(require)
	if st == nil || err != nil {
		return nil, err
	}
	return sp.search(st, avoid)
}

type branch struct {
	coord int
	lits  []signed
	value value
}

// looked bounds how many of the boxes that hold a point are compared before one is chosen.
const looked = 12

// search moves the point out of the boxes. Of those that hold it, it takes one with the fewest ways out; without any, there is no point here.
func (sp *space) search(st *state, avoid []*box) (*state, error) {
	if !sp.spend(1) || !sp.work(len(sp.coords)/2) {
		return nil, errSpent
	}
	var best []branch
	chosen := false
	var unclear error // why a way out of the chosen box is not known
	seen := 0
	for _, b := range avoid {
		if !sp.contains(b, st) {
			continue
		}
		if sp.over {
			return nil, errSpent
		}
		ways, err := sp.ways(b, st)
		if errors.Is(err, errSpent) {
			return nil, err
		}
		if !chosen || len(ways) < len(best) || len(ways) == len(best) && err == nil {
			best, unclear, chosen = ways, err, true
		}
		if seen++; seen == looked || len(best) == 0 && unclear == nil {
			break
		}
	}
	switch {
	case sp.over:
		return nil, errSpent
	case !chosen:
		return st, nil
	}
	for _, w := range best {
		if !sp.work(len(sp.coords) / 2) {
			return nil, errSpent
		}
		next := &state{lits: slices.Clone(st.lits), values: slices.Clone(st.values)}
		next.lits[w.coord], next.values[w.coord] = w.lits, w.value
		found, err := sp.search(next, avoid)
		switch {
		case found != nil:
			return found, nil
		case errors.Is(err, errSpent):
			return nil, err
		case err != nil:
			unclear = err
		}
	}
	return nil, unclear
}

// ways are the literals of a box that can be made false.
func (sp *space) ways(b *box, st *state) ([]branch, error) {
	var list []branch
	var unclear error
	for _, lit := range b.literals {
		c := sp.literals[lit].coord
		sp.work(1 + len(st.lits[c])/32)
		lits := with(st.lits[c], no(lit))
		v, ok, err := sp.solve(c, lits)
		switch {
		case errors.Is(err, errSpent):
			return nil, err
		case err != nil:
			unclear = err
		case ok:
			list = append(list, branch{c, lits, v})
		}
	}
	return list, unclear
}
