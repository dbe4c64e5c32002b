package reach

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/iam/eval"
)

// A dimension is something that findings are cut along: the principal, or a considered key. Its first label holds everything.
type dimension struct {
	key     *key // nil for the principal
	labels  []label
	holding []bits // by label: it and those that it lies in
	held    []bits // by label: it and those that lie in it
}

type label struct {
	text      string
	principal Principal
	lit       int32
	condition *iam.Condition // of a key
	fixed     bool
	net       netip.Prefix
	lower     []int // labels that lie in it, the largest only
}

// A miner cuts the access that a guard gives into findings.
type miner struct {
	sp      *space
	docs    *Guard
	allow   []*box
	deny    []*box
	outside []signed // what every finding is about
	dims    []*dimension
}

// maxBoxes bounds the combinations of statements of several layers.
const maxBoxes = 5_000

// newMiner makes the miner of a guard; it is nil if the guard cannot allow anything.
func newMiner(docs *Guard, zone *Zone, actions []string, w *meter) (*miner, error) {
	layers := make([][]*iam.Policy, len(docs.Layers))
	for i := range docs.Layers {
		layers[i] = docs.Layers[i].Policies
	}
	sp, err := newSpace(layers, true, zone, actions, w)
	if err != nil {
		return nil, err
	}
	sp.lenient = true
	m := &miner{sp: sp, docs: docs}
	for i := range docs.Layers {
		if err := m.layer(i); err != nil || len(m.allow) == 0 {
			return nil, err
		}
	}
	if len(sp.variables()) > 0 {
		sp.take(stance{open: true})
	}
	return m, nil
}

// layer adds the statements of a layer. An Allow box of several layers is one of each.
func (m *miner) layer(at int) error {
	layer := &m.docs.Layers[at]
	var allow []*box
	for i, p := range layer.Policies {
		a, err := m.sp.boxes(p, iam.Allow, at, i)
		if err != nil {
			return err
		}
		d, err := m.sp.boxes(p, iam.Deny, at, i)
		if err != nil {
			return err
		}
		allow, m.deny = append(allow, a...), append(m.deny, d...)
	}
	if len(layer.Resources) > 0 {
		var atoms []signed
		for _, r := range layer.Resources {
			atoms = append(atoms, yes(m.sp.resourceAtom(r)))
		}
		lit, _ := m.sp.textLiteral(firstResource+at, atoms, false)
		m.outside = append(m.outside, yes(lit))
	}
	if at == 0 {
		m.allow = allow
		return nil
	}
	if len(m.allow)*len(allow) > maxBoxes {
		return fmt.Errorf("%w: %d combinations of statements", ErrTooComplex, len(m.allow)*len(allow))
	}
	var both []*box
	for _, a := range m.allow {
		for _, b := range allow {
			both = append(both, &box{literals: slices.Concat(a.literals, b.literals), places: slices.Concat(a.places, b.places)})
		}
	}
	m.allow = both
	return nil
}

// dimensions makes the labels of everything that findings are cut along: the values that occur, of Allow and Deny alike, in positive form.
func (m *miner) dimensions() error {
	d, err := m.principals()
	if err != nil {
		return err
	}
	m.dims = append(m.dims, d)
	for _, k := range m.sp.order {
		rule, ok := considered(k.folded)
		if !ok {
			continue
		}
		d := &dimension{key: k, labels: []label{{text: "*"}}}
		seen := map[int32]bool{}
		for _, c := range k.conditions {
			test := c.Operator.Test
			if test.Family() == iam.FamilyNull || test.Relation() != iam.Equal {
				continue
			}
			if test.Negated() {
				test-- // the test that it negates stands before it
			}
			for i := range c.Values {
				v := &c.Values[i]
				if !v.OK {
					continue
				}
				op := iam.Operator{Test: test}
				if k.canBeSet() {
					op.Qualifier = iam.ForAnyValue
				}
				condition := &iam.Condition{Operator: op, Key: c.Key, Values: []iam.Value{*v}}
				lit, truth, err := m.sp.condition(condition, true)
				if err != nil {
					return err
				}
				if truth != isOpen || seen[lit] {
					continue
				}
				seen[lit] = true
				d.labels = append(d.labels, label{text: v.Value, lit: lit, condition: condition, fixed: m.sp.isFixed(rule.fixing, v, test), net: v.Net})
			}
		}
		if k.families[iam.FamilyIP] {
			d.widen(m.sp)
		}
		if len(d.labels) > 1 {
			if err := d.arrange(m.sp.meter, func(a, b *label) (bool, error) {
				if within, ok := m.bySamples(a, b); ok {
					return within, nil
				}
				_, other, err := m.sp.solveKey(k, []signed{yes(a.lit), no(b.lit)}, &open)
				return !other, err
			}); err != nil {
				return err
			}
			m.dims = append(m.dims, d)
		}
	}
	return nil
}

// principals makes the labels of the principal. What is in the zone of trust, and services, have none.
func (m *miner) principals() (*dimension, error) {
	sp := m.sp
	d := &dimension{labels: []label{{text: "*", principal: Principal{AWS, "*"}}}}
	external := sp.external()
	known := map[[2]string]bool{} // by key and value
	seen := map[int32]bool{}
	for _, layer := range m.docs.Layers {
		for _, p := range layer.Policies {
			for i := range p.Statements {
				if p.Statements[i].Principals == nil {
					continue
				}
				for _, named := range p.Statements[i].Principals.List {
					shown := Principal{AWS, named.Value}
					switch named.Kind {
					case iam.Everyone, iam.Service, iam.EveryService:
						continue
					case iam.Account:
						shown.Value = named.Account
					case iam.CanonicalUser:
						shown.Kind = CanonicalUser
					case iam.FederatedProvider, iam.EveryFederatedProvider:
						shown.Kind = Federated
					}
					written := [2]string{named.Key, named.Value}
					if known[written] {
						continue
					}
					known[written] = true
					points := sp.named(&iam.Statement{Principals: &iam.Principals{List: []iam.Principal{named}}})
					if sp.over {
						return nil, errSpent
					}
					points.and(external, false)
					if !points.some() {
						continue
					}
					lit := sp.pointsLiteral(callerCoord, points)
					if !seen[lit] {
						seen[lit] = true
						d.labels = append(d.labels, label{text: shown.Value, principal: shown, lit: lit, fixed: named.Kind != iam.EveryFederatedProvider})
					}
				}
			}
		}
	}
	return d, d.arrange(sp.meter, func(a, b *label) (bool, error) {
		return sp.literals[a.lit].points.in(sp.literals[b.lit].points), nil
	})
}

// bySamples tells whether a label of a key that only operators for numbers, dates, addresses and bytes ask for lies in another; ok is false if
// it is no such key.
func (m *miner) bySamples(a, b *label) (within, ok bool) {
	s, t := m.sp.literals[a.lit].test, m.sp.literals[b.lit].test
	if s == nil || t == nil || s.textual || t.textual || s.samples == nil || t.samples == nil || m.sp.literals[a.lit].key.coord == callerCoord {
		return false, false
	}
	return s.samples.in(t.samples), true
}

// external is the callers that findings are about.
func (sp *space) external() bits {
	points := newBits(len(sp.callers))
	for i := range sp.callers {
		if !sp.callers[i].trusted {
			points.set(i)
		}
	}
	return points
}

// arrange orders labels by inclusion. Of labels that hold the same the first stays.
func (d *dimension) arrange(w *meter, within func(a, b *label) (bool, error)) error {
	holding := make([]bits, len(d.labels))
	for i := range d.labels {
		holding[i] = newBits(len(d.labels))
		holding[i].set(0)
		holding[i].set(i)
		for j := 1; i > 0 && j < len(d.labels); j++ {
			if i == j {
				continue
			}
			if !w.work(1 + len(holding[i])/8) {
				return errSpent
			}
			in, err := within(&d.labels[i], &d.labels[j])
			if err != nil {
				return err
			}
			if in {
				holding[i].set(j)
			}
		}
	}
	var kept []int
	for i := range d.labels {
		w.work(1 + len(kept)/16)
		if i == 0 || !slices.ContainsFunc(kept, func(j int) bool { return j > 0 && holding[i].has(j) && holding[j].has(i) }) {
			kept = append(kept, i)
		}
	}
	n := len(kept)
	labels := make([]label, n)
	d.holding, d.held = make([]bits, n), make([]bits, n)
	for i := range n {
		d.holding[i], d.held[i] = newBits(n), newBits(n)
	}
	for i, old := range kept {
		if !w.work(1 + n/16) {
			return errSpent
		}
		labels[i] = d.labels[old]
		for j, other := range kept {
			if holding[old].has(other) {
				d.holding[i].set(j)
				d.held[j].set(i)
			}
		}
	}
	d.labels = labels
	every := allBits(n)
	for i := range d.labels {
		if d.labels[i].lower = d.largestBelow(w, i, every); w.over {
			return errSpent
		}
	}
	return nil
}

// largestBelow gives the largest labels that lie in one and are among some. It is not to be used once the work is over.
func (d *dimension) largestBelow(w *meter, i int, among bits) []int {
	below := slices.Clone(d.held[i])
	below.and(among, false)
	below[i/64] &^= 1 << (i % 64)
	var largest []int
	for j := range below.each {
		if !w.work(1 + len(below)/16) {
			break
		}
		above := slices.Clone(d.holding[j])
		above.and(below, false)
		if above[j/64] &^= 1 << (j % 64); !above.some() {
			largest = append(largest, j)
		}
	}
	return largest
}

// cell constrains a point to a label, and away from those below it.
func (d *dimension) cell(i int, less bool) []signed {
	var lits []signed
	if i > 0 {
		lits = append(lits, yes(d.labels[i].lit))
	}
	if less {
		for _, j := range d.labels[i].lower {
			lits = append(lits, no(d.labels[j].lit))
		}
	}
	return lits
}

// beyond adds to what every finding is about that it is outside the zone.
func (m *miner) beyond(z *Zone) {
	sp := m.sp
	m.outside = append(m.outside, yes(sp.pointsLiteral(callerCoord, sp.external())))
	for _, k := range sp.order {
		rule, ok := considered(k.folded)
		if !ok || rule.trusting == trustNothing {
			continue
		}
		var atoms []signed
		for _, p := range sp.trusted(rule.trusting, z) {
			form := "like"
			if rule.trusting == trustARN {
				form = "arn"
			}
			atoms = append(atoms, yes(sp.patternAtom(form, p)))
		}
		if atoms == nil {
			continue
		}
		t := &test{textual: true, whenTrue: [][]signed{atoms}, whenFalse: noneOf(atoms)}
		lit := sp.number("trusted "+k.folded, func() literal { return literal{coord: k.coord, key: k, single: onValue, set: forAny, test: t} })
		m.outside = append(m.outside, no(lit))
	}
}

// A found is a finding in the making.
type found struct {
	labels []int // by dimension
	st     *state
	stance stance
	box    *box
}

// A cover tells for a combination of labels whether it lies in one of those that were found.
type cover struct {
	dims  []*dimension
	found int
	by    [][]bits // by dimension and label: those that were found whose label is that one or holds it
}

func newCover(dims []*dimension) *cover {
	c := &cover{dims: dims, by: make([][]bits, len(dims))}
	for i, d := range dims {
		c.by[i] = make([]bits, len(d.labels))
	}
	return c
}

// add takes in a combination, whose number is how many there were before.
func (c *cover) add(w *meter, labels []int) {
	at := c.found
	c.found++
	for i, d := range c.dims {
		w.work(1 + len(d.labels)/8)
		for l := range d.held[labels[i]].each {
			b := c.by[i][l]
			for len(b) <= at/64 {
				b = append(b, 0)
			}
			b.set(at)
			c.by[i][l] = b
		}
	}
}

// holds reports whether a combination lies in one that was found, other than that of a number; -1 is none.
func (c *cover) holds(w *meter, labels []int, other int) bool {
	words := (c.found + 63) / 64
	for i := range labels {
		words = min(words, len(c.by[i][labels[i]]))
	}
	w.work(words * len(labels) / 16)
	for at := range words {
		all := ^uint64(0)
		for i := range labels {
			all &= c.by[i][labels[i]][at]
		}
		if other >= 0 && other/64 == at {
			all &^= 1 << (other % 64)
		}
		if all != 0 {
			return true
		}
	}
	return false
}

// External finds all access of someone outside the zone to one of the actions, cut as Access Analyzer does (access-analyzer.md 2.5): each
// finding is a combination of labels, which are the values of principals and of the keys of access-analyzer.md 2.6 that occur in the
// documents, such that something is allowed to it and not to a smaller combination. Combinations may overlap, and may hold more than what is
// allowed where a Deny takes away what no label says.
//
// Each action is cut on its own, and actions with the same combination are told together: what is said of one action is never said of another
// that only a smaller combination may use.
//
// An action may have wildcards; it then stands for what it matches that is not listed by name. Findings come in a stable order.
//
// Keys that AWS derives from the caller are linked: a caller has one ARN, and its account is that of the ARN. Any key may be absent.
func External(docs Guard, zone Zone, actions []string, l Limits) (list []Access, err error) {
	w := newMeter(l)
	defer answered(w, &list, &err)
	m, err := newMiner(&docs, &zone, actions, w)
	if m == nil || err != nil {
		return nil, err
	}
	m.beyond(&zone)
	if err := m.dimensions(); err != nil {
		return nil, err
	}
	outside := slices.Clip(m.outside)
	groups, err := m.actionGroups()
	if err != nil {
		return nil, err
	}
	for _, actions := range groups {
		m.outside = append(outside, yes(m.sp.pointsLiteral(actionCoord, actions)))
		some, err := m.external()
		if err != nil {
			return nil, err
		}
		list = append(list, some...)
	}
	slices.SortStableFunc(list, compareAccess)
	return mergeIf(list, func(a, b *Access) bool { return a.Public == b.Public }), nil
}

// external finds the access to one group of actions.
func (m *miner) external() ([]Access, error) {
	var all []*found
	var err error
	within := newCover(m.dims)
	for _, b := range m.allow {
		if all, err = m.cut(b, all, within); err != nil {
			return nil, err
		}
	}
	var largest []*found
	for i, f := range all {
		if !within.holds(m.sp.meter, f.labels, i) {
			largest = append(largest, f)
		}
	}
	return m.accesses(largest)
}

// actionGroups groups the classes of actions to which the same statements apply. Classes that no Allow statement applies to are in none.
func (m *miner) actionGroups() ([]bits, error) {
	classes := m.sp.actions.len()
	var groups []bits
	byStatements := map[string]int{}
	boxes := slices.Concat(m.allow, m.deny)
	for c := range classes {
		if !m.sp.work(1 + len(boxes)) {
			return nil, errSpent
		}
		allowed := false
		var name []byte
		for i, b := range boxes {
			applies := true
			for _, lit := range b.literals {
				if l := &m.sp.literals[lit]; l.coord == actionCoord && !l.points.has(c) {
					applies = false
				}
			}
			if applies {
				allowed = allowed || i < len(m.allow)
				name = append(name, byte(i), byte(i>>8), byte(i>>16))
			}
		}
		if !allowed {
			continue
		}
		g, ok := byStatements[string(name)]
		if !ok {
			g = len(groups)
			byStatements[string(name)] = g
			groups = append(groups, newBits(classes))
		}
		groups[g].set(c)
	}
	return groups, nil
}

// cut finds the largest combinations of labels of which a statement grants what no smaller one holds. It walks down from the largest and does
// not go below one that it takes, or that lies in one found before.
func (m *miner) cut(b *box, all []*found, within *cover) ([]*found, error) {
	sp := m.sp
	m.open()
	base := append(positive(b), m.outside...)
	st, err := sp.begin(base)
	if st == nil || err != nil {
		return all, err
	}
	deny, err := m.relevant(st)
	if err != nil {
		return all, err
	}
	// What each dimension alone rules out.
	possible := make([]bits, len(m.dims))
	for i, d := range m.dims {
		if possible[i], err = m.possible(st, d, true); err != nil {
			return all, err
		}
		if !possible[i].some() {
			return all, nil
		}
	}
	var work [][]int
	seen := map[string]bool{}
	push := func(f []int) bool {
		if !sp.work(8) {
			return false
		}
		name := make([]byte, 0, 2*len(f))
		for _, l := range f {
			name = append(name, byte(l), byte(l>>8))
		}
		if !seen[string(name)] {
			seen[string(name)] = true
			work = append(work, f)
		}
		return true
	}
	lower := make([][][]int, len(m.dims)) // by dimension and label: what is below and possible, once it is known
	below := func(i, l int) []int {
		if lower[i][l] == nil {
			lower[i][l] = append([]int{}, m.dims[i].largestBelow(sp.meter, l, possible[i])...)
		}
		return lower[i][l]
	}
	tops := make([][]int, len(m.dims))
	for i, d := range m.dims {
		lower[i] = make([][]int, len(d.labels))
		if possible[i].has(0) {
			tops[i] = []int{0}
		} else {
			tops[i] = below(i, 0)
		}
	}
	if !combine(tops, push) {
		return all, errSpent
	}
	for len(work) > 0 {
		f := work[0]
		work = work[1:]
		if !sp.spend(1) {
			return all, errSpent
		}
		if within.holds(sp.meter, f, -1) {
			continue
		}
		require := slices.Clone(base)
		for i, d := range m.dims {
			require = append(require, d.cell(f[i], true)...)
		}
		m.open()
		st, err := sp.ask(require, deny, func(st *state) bool { return m.confirm(b, st) && m.labelled(f, st) })
		if err != nil {
			return all, err
		}
		if st != nil {
			all = append(all, &found{labels: f, st: st, stance: sp.stance, box: b})
			within.add(sp.meter, f)
			continue
		}
		for i := range m.dims {
			for _, l := range below(i, f[i]) {
				g := slices.Clone(f)
				g[i] = l
				if !push(g) {
					return all, errSpent
				}
			}
		}
	}
	return all, nil
}

// open leaves variables open again, after a question has given them values.
func (m *miner) open() {
	if len(m.sp.variables()) > 0 && !m.sp.stance.open {
		m.sp.take(stance{open: true})
	}
}

// combine calls push with one of each list, until it returns false; it reports whether it never did.
func combine(lists [][]int, push func([]int) bool) bool {
	f := make([]int, len(lists))
	var at func(i int) bool
	at = func(i int) bool {
		if i == len(lists) {
			return push(slices.Clone(f))
		}
		for _, l := range lists[i] {
			f[i] = l
			if !at(i + 1) {
				return false
			}
		}
		return true
	}
	return at(0)
}

// possible tells which labels of a dimension, less those below or not, a state leaves room for.
func (m *miner) possible(st *state, d *dimension, less bool) (bits, error) {
	set := newBits(len(d.labels))
	coord := callerCoord
	if d.key != nil {
		coord = d.key.coord
	}
	for i := range d.labels {
		lits := st.lits[coord]
		for _, s := range d.cell(i, less) {
			m.sp.work(2 + len(lits)/32)
			lits = with(lits, s)
		}
		_, ok, err := m.sp.solve(coord, lits)
		switch {
		case errors.Is(err, errSpent):
			return nil, err
		case ok || err != nil:
			set.set(i)
		}
	}
	return set, nil
}

// relevant gives the Deny boxes that a state does not rule out.
func (m *miner) relevant(st *state) ([]*box, error) {
	var list []*box
next:
	for _, b := range m.deny {
		for _, lit := range b.literals {
			c := m.sp.literals[lit].coord
			_, ok, err := m.sp.solve(c, with(st.lits[c], yes(lit)))
			switch {
			case errors.Is(err, errSpent):
				return nil, err
			case err == nil && !ok:
				continue next
			}
		}
		list = append(list, b)
	}
	return list, nil
}

// confirm has eval confirm that a box grants the request at a point.
func (m *miner) confirm(b *box, st *state) bool {
	for i := range m.docs.Layers {
		r := m.sp.request(st, i)
		p := b.places[i]
		policies := m.docs.Layers[i].Policies
		if eval.Matches(statementOf(policies[p.Policy], p.Statement), &r) == eval.NotNamed {
			return false
		}
		for _, p := range policies {
			for j := range p.Statements {
				if s := &p.Statements[j]; s.Effect == iam.Deny && eval.Matches(s, &r) != eval.NotNamed {
					return false
				}
			}
		}
	}
	return true
}

// labelled has eval confirm that the request at a point has what a combination of labels says; nil says nothing.
func (m *miner) labelled(f []int, st *state) bool {
	r := m.sp.request(st, 0)
	for i := range f {
		d := m.dims[i]
		l := &d.labels[f[i]]
		switch {
		case f[i] == 0:
		case d.key == nil:
			if !m.sp.literals[l.lit].points.has(st.values[callerCoord].point) {
				return false
			}
		case !eval.Holds(l.condition, r.Context):
			return false
		}
	}
	return true
}

// accesses completes findings: which statements grant them, which actions, whether they are public.
func (m *miner) accesses(all []*found) ([]Access, error) {
	type prepared struct {
		st     *state
		meets  []bits // by dimension: labels that there is room for
		points bits   // actions
		deny   []*box
	}
	m.open()
	granting := make([]*prepared, len(m.allow))
	for i, b := range m.allow {
		st, err := m.sp.begin(append(positive(b), m.outside...))
		if err != nil {
			return nil, err
		}
		if st == nil {
			continue
		}
		p := &prepared{st: st, points: allBits(m.sp.actions.len())}
		for _, s := range st.lits[actionCoord] {
			p.points.and(m.sp.literals[litOf(s)].points, isNo(s))
		}
		if p.deny, err = m.relevant(st); err != nil {
			return nil, err
		}
		for _, d := range m.dims {
			set, err := m.possible(st, d, false)
			if err != nil {
				return nil, err
			}
			p.meets = append(p.meets, set)
		}
		granting[i] = p
	}
	variables := len(m.sp.variables()) > 0
	joint := 0 // dimensions that go with the caller
	for _, d := range m.dims {
		if d.key == nil || d.key.coord == callerCoord {
			joint++
		}
	}
	list := make([]Access, 0, len(all))
	for _, f := range all {
		if !m.sp.work(perStep/5 + len(granting)*len(m.dims)/8 + m.sp.actions.len()/8) {
			return nil, errSpent
		}
		a := Access{Principal: m.dims[0].labels[f.labels[0]].principal, Public: true}
		var cell []signed
		for i, d := range m.dims {
			l := &d.labels[f.labels[i]]
			cell = append(cell, d.cell(f.labels[i], false)...)
			a.Public = a.Public && !l.fixed
			if d.key != nil && f.labels[i] > 0 {
				a.Condition = append(a.Condition, Term{d.key.name, l.text})
			}
		}
		m.restore(f)
		a.Witness = m.sp.request(f.st, 0)
		for i := range m.docs.Layers {
			r := m.sp.request(f.st, i)
			a.Resources = append(a.Resources, r.Resource)
		}
		points := newBits(m.sp.actions.len())
		for i, p := range granting {
			if p == nil {
				continue
			}
			meets := true
			for j := range m.dims {
				meets = meets && p.meets[j].has(f.labels[j])
			}
			if !meets {
				continue
			}
			b := m.allow[i]
			require := append(append(positive(b), m.outside...), cell...)
			if !variables && len(p.deny) == 0 {
				if joint > 1 {
					if st, err := m.sp.begin(require); err != nil || st == nil {
						if err != nil {
							return nil, err
						}
						continue
					}
				}
				for w := range points {
					points[w] |= p.points[w]
				}
			} else {
				some, err := m.actionsOf(f.labels, b, require, p.points, p.deny, points)
				if err != nil {
					return nil, err
				}
				if !some {
					continue
				}
			}
			a.Statements = append(a.Statements, b.places...)
		}
		for c := range m.sp.actions.classes {
			if points.has(c) {
				a.Actions = append(a.Actions, m.sp.actions.classes[c].names...)
			}
		}
		slices.Sort(a.Actions)
		a.Actions = slices.Compact(a.Actions)
		slices.SortFunc(a.Statements, comparePlaces)
		a.Statements = slices.Compact(a.Statements)
		slices.SortFunc(a.Condition, compareTerms)
		if a.Public {
			var err error
			if a.Public, err = m.public(f.labels, cell); err != nil {
				return nil, err
			}
		}
		list = append(list, a)
	}
	slices.SortFunc(list, compareAccess)
	// A text may be a label in two ways, as a pattern of ARNs and as one of any texts.
	return mergeIf(list, func(a, b *Access) bool { return true }), nil
}

// compareAccess puts public findings first among those that read alike.
func compareAccess(a, b Access) int {
	public := func(a Access) int {
		if a.Public {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(a.Principal.Kind, b.Principal.Kind), cmp.Compare(a.Principal.Value, b.Principal.Value),
		slices.CompareFunc(a.Condition, b.Condition, compareTerms), cmp.Compare(public(a), public(b)))
}

func compareTerms(x, y Term) int {
	return cmp.Or(cmp.Compare(x.Key, y.Key), cmp.Compare(x.Label, y.Label))
}

// mergeIf makes one of sorted findings that read alike, if they may be merged.
func mergeIf(list []Access, may func(a, b *Access) bool) []Access {
	var out []Access
	for _, a := range list {
		if len(out) == 0 || out[len(out)-1].Principal != a.Principal || !slices.Equal(out[len(out)-1].Condition, a.Condition) || !may(&out[len(out)-1], &a) {
			out = append(out, a)
			continue
		}
		b := &out[len(out)-1]
		b.Actions = append(b.Actions, a.Actions...)
		slices.Sort(b.Actions)
		b.Actions = slices.Compact(b.Actions)
		b.Statements = append(b.Statements, a.Statements...)
		slices.SortFunc(b.Statements, comparePlaces)
		b.Statements = slices.Compact(b.Statements)
		b.Public = b.Public || a.Public
	}
	return out
}

// restore takes the stance under which a finding was made.
func (m *miner) restore(f *found) {
	if len(m.sp.variables()) > 0 {
		m.sp.take(f.stance)
	}
}

func comparePlaces(a, b Place) int {
	return cmp.Or(cmp.Compare(a.Layer, b.Layer), cmp.Compare(a.Policy, b.Policy), cmp.Compare(a.Statement, b.Statement))
}

// actionsOf adds the classes of actions that a box grants beside what is denied; it reports whether there are any.
func (m *miner) actionsOf(f []int, b *box, require []signed, among bits, deny []*box, points bits) (some bool, err error) {
	left := slices.Clone(among)
	for left.some() {
		m.open()
		asked := append(slices.Clip(require), yes(m.sp.pointsLiteral(actionCoord, slices.Clone(left))))
		st, err := m.sp.ask(asked, deny, func(st *state) bool { return m.confirm(b, st) && m.labelled(f, st) })
		if err != nil {
			return some, err
		}
		if st == nil {
			break
		}
		some = true
		c := st.values[actionCoord].point
		points.set(c)
		left[c/64] &^= 1 << (c % 64)
	}
	return some, nil
}

// everyone constrains a point to callers whom no statement names, and away from fixed values.
func (m *miner) everyone() []signed {
	sp := m.sp
	points := newBits(len(sp.callers))
	for i := range sp.callers {
		if c := &sp.callers[i]; c.unnamed && !c.trusted {
			points.set(i)
		}
	}
	sp.work(len(sp.callers)/8 + 4)
	lits := []signed{yes(sp.pointsLiteral(callerCoord, points))}
	for _, d := range m.dims[1:] {
		sp.work(len(d.labels) / 8)
		for i := range d.labels {
			if d.labels[i].fixed {
				lits = append(lits, no(d.labels[i].lit))
			}
		}
	}
	return lits
}

// public reports whether a cell holds access of everyone.
func (m *miner) public(f []int, cell []signed) (bool, error) {
	everyone := m.everyone()
	var undecided error
	for _, b := range m.allow {
		m.open()
		st, err := m.sp.ask(slices.Concat(positive(b), m.outside, cell, everyone), m.deny, func(st *state) bool { return m.confirm(b, st) && m.labelled(f, st) })
		if st != nil {
			return true, nil
		}
		if err != nil {
			undecided = err
		}
	}
	return false, undecided
}

// IsPublic tells whether everyone may use one of the actions, in Access Analyzer's meaning (access-analyzer.md 2.6): a caller whom no
// statement names, and no service, gets in without any key of 2.6 being limited to a fixed value. It returns an Access for each Allow
// statement (or combination of statements of several layers) that grants this; none if access is not public. S3's own meaning of public is
// stricter, see package resource.
//
// If a statement cannot be decided and another one is public, only that one is returned.
func IsPublic(docs Guard, actions []string, l Limits) (list []Access, err error) {
	w := newMeter(l)
	defer answered(w, &list, &err)
	m, err := newMiner(&docs, nil, actions, w)
	if m == nil || err != nil {
		return nil, err
	}
	if err := m.dimensions(); err != nil {
		return nil, err
	}
	everyone := m.everyone()
	var undecided error
	for _, b := range m.allow {
		m.open()
		base := slices.Concat(positive(b), m.outside, everyone)
		st, err := m.sp.ask(base, m.deny, func(st *state) bool { return m.confirm(b, st) })
		if err != nil {
			undecided = err
		}
		if st == nil {
			continue
		}
		a := Access{Principal: Principal{AWS, "*"}, Public: true, Statements: b.places, Witness: m.sp.request(st, 0)}
		if a.Witness.Caller.Kind == eval.Federated {
			a.Principal.Kind = Federated
		}
		for i := range docs.Layers {
			r := m.sp.request(st, i)
			a.Resources = append(a.Resources, r.Resource)
		}
		points := newBits(m.sp.actions.len())
		all := allBits(m.sp.actions.len())
		for _, lit := range b.literals {
			if l := &m.sp.literals[lit]; l.coord == actionCoord {
				all.and(l.points, false)
			}
		}
		if _, err := m.actionsOf(nil, b, base, all, m.deny, points); err != nil {
			points.set(st.values[actionCoord].point)
		}
		for c := range m.sp.actions.classes {
			if points.has(c) {
				a.Actions = append(a.Actions, m.sp.actions.classes[c].names...)
			}
		}
		slices.Sort(a.Actions)
		a.Actions = slices.Compact(a.Actions)
		list = append(list, a)
	}
	if len(list) > 0 {
		return list, nil
	}
	return nil, undecided
}
