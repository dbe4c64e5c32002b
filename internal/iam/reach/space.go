package reach

import (
	"encoding/binary"
	"fmt"
	mathbits "math/bits"
	"slices"
	"strings"

	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/iam/catalog"
	"github.com/magpie-sec/magpie/internal/iam/eval"
	"github.com/magpie-sec/magpie/internal/iam/glob"
)

// A literal is a constraint on one coordinate, of which boxes are made. Literals are numbered; a signed literal is twice the number, plus one
// if it is to be false.
type literal struct {
	coord int
	// points are those for which it is true, if the coordinate has finitely many (key is nil then).
	points bits
	// Otherwise it is about the value of a key.
	key    *key
	absent bool // its truth when the key is absent
	single mode // what it makes of a key with one value
	set    mode // what it makes of a key with a set of values
	test   *test
}

// A mode says what a literal makes of a key that is present.
type mode uint8

const (
	onValue mode = iota // the test of the one value
	always
	never
	forAll // the test of every value
	forAny // the test of some value
)

type signed = int32

func yes(lit int32) signed   { return lit << 1 }
func no(lit int32) signed    { return lit<<1 | 1 }
func isNo(s signed) bool     { return s&1 != 0 }
func litOf(s signed) int32   { return s >> 1 }
func negate(s signed) signed { return s ^ 1 }

// A test is what is asked of one value of a key.
type test struct {
	condition *iam.Condition
	// whenTrue and whenFalse are what has to hold of patterns, in clauses of which each needs one signed atom. They are of operators for texts,
	// ARNs and Booleans; textual tells them.
	textual             bool
	whenTrue, whenFalse [][]signed
	samples             bits // of key.samples: those for which it holds
}

// A coordinate is one of the things that requests differ in.
type coordinate struct {
	points int  // how many, if they are finitely many
	key    *key // otherwise
	caller bool
	memo   map[string]solved
	free   *solved // without constraints
}

type solved struct {
	value value
	ok    bool
	err   error
}

// A value is what a coordinate is at one point.
type value struct {
	point  int      // of finitely many
	absent bool     // of a key
	set    bool     // of a key: a set of values
	list   []string // its value or values
	keys   []keyValue
}

// keyValue is the value of a key that goes with the caller.
type keyValue struct {
	key   *key
	value value
}

// The coordinates that every space has. Those of the layers' resources follow the action, those of keys come last.
const (
	callerCoord = iota
	actionCoord
	firstResource
)

// A box is all requests that a statement, or one of each layer together, applies to: those for which all literals are true.
type box struct {
	literals []int32
	places   []Place
}

// A space is all requests as far as some policies can tell them apart.
type space struct {
	*meter
	linked  bool // what AWS derives from the caller goes with the caller
	lenient bool // a value that may be read in two ways is read so that more is allowed, if it can be
	zone    *Zone
	size    int // of the policies, in operations that one look at all of them takes
	coords  []*coordinate
	keys    map[string]*key
	order   []*key
	actions *actionDomain // nil if actions are texts
	callers []caller

	mentioned map[string]bool // accounts that stand in principals or values

	atoms    []atom
	atomIDs  map[string]int32
	literals []literal
	litIDs   map[string]int32
	units    map[string]unitsResult
	stance   stance // on policy variables
	pairs    map[[2]int32]bool
}

// newSpace makes the space of the policies of some layers.
func newSpace(layers [][]*iam.Policy, linked bool, zone *Zone, actions []string, w *meter) (*space, error) {
	sp := &space{meter: w, linked: linked, zone: zone, keys: map[string]*key{}, atomIDs: map[string]int32{}, litIDs: map[string]int32{},
		units: map[string]unitsResult{}, pairs: map[[2]int32]bool{}}
	sp.coords = []*coordinate{{caller: true}, {key: &key{folded: "action", name: "action", required: true, hints: []string{"s3:GetObject"}}}}
	for range layers {
		sp.coords = append(sp.coords, &coordinate{key: &key{folded: "resource", name: "resource", required: true, hints: resourceHints}})
	}
	c := catalog.Load()
	for _, policies := range layers {
		for _, p := range policies {
			for i := range p.Statements {
				sp.size += sizeOf(&p.Statements[i])
				for j := range p.Statements[i].Conditions {
					sp.addKey(c, &p.Statements[i].Conditions[j])
				}
			}
		}
	}
	for _, policies := range layers {
		for _, p := range policies {
			for i := range p.Statements {
				if err := sp.addVariables(c, &p.Statements[i]); err != nil {
					return nil, err
				}
			}
		}
	}
	if !sp.work(4 * sp.size) {
		return nil, errSpent
	}
	for _, k := range sp.order {
		if err := k.prepare(); err != nil {
			return nil, err
		}
		if !sp.work(2 * len(k.samples)) {
			return nil, errSpent
		}
		if k.typed == catalog.ARN && k.onlyTyped() != nil {
			k.base = []signed{yes(sp.patternAtom("arn", glob.AnyARN()))}
		}
		if linked && linkedKey(k.folded) {
			k.coord = callerCoord
			continue
		}
		k.coord = len(sp.coords)
		sp.coords = append(sp.coords, &coordinate{key: k})
	}
	if err := sp.makeCallers(layers); err != nil {
		return nil, err
	}
	if actions != nil {
		if err := sp.makeActions(layers, actions); err != nil {
			return nil, err
		}
	} else {
		sp.coords[actionCoord].key.base = []signed{yes(sp.patternAtom("action", glob.Compile("?*:?*")))}
	}
	return sp, nil
}

// sizeOf is about how many operations it takes to look at all of a statement.
func sizeOf(s *iam.Statement) int {
	n := 4 + len(s.Actions.List)
	if s.Principals != nil {
		n += len(s.Principals.List)
	}
	if s.Resources != nil {
		n += len(s.Resources.List)
	}
	for i := range s.Conditions {
		n += 2
		for j := range s.Conditions[i].Values {
			n += 1 + len(s.Conditions[i].Values[j].Value)/32
		}
	}
	return n
}

var resourceHints = []string{"*", "arn:aws:s3:::example-bucket/example"}

// number gives a literal its number; those that are named alike are the same.
func (sp *space) number(name string, make func() literal) int32 {
	if id, ok := sp.litIDs[name]; ok {
		return id
	}
	id := int32(len(sp.literals))
	sp.literals = append(sp.literals, make())
	sp.litIDs[name] = id
	return id
}

// statement makes a statement's box in one layer. It is nil if the statement applies to nothing.
func (sp *space) statement(s *iam.Statement, layer, policy int) (*box, error) {
	b := &box{places: []Place{{Layer: layer, Policy: policy, Statement: s.Index, Sid: s.Sid.Value}}}
	if s.Principals != nil {
		points := sp.named(s)
		if sp.over {
			return nil, errSpent
		}
		switch points.count() {
		case 0:
			return nil, nil
		case len(sp.callers):
		default:
			b.literals = append(b.literals, sp.pointsLiteral(callerCoord, points))
		}
	}
	lit, truth := sp.actionLiteral(&s.Actions)
	switch {
	case truth == isNever:
		return nil, nil
	case truth != isAlways:
		b.literals = append(b.literals, lit)
	}
	for i := range s.Conditions {
		lit, truth, err := sp.condition(&s.Conditions[i], sp.lenient && (s.Effect == iam.Allow) != s.Conditions[i].Operator.Test.Negated())
		switch {
		case err != nil:
			return nil, err
		case truth == isNever:
			return nil, nil
		case truth != isAlways && !slices.Contains(b.literals, lit):
			b.literals = append(b.literals, lit)
		}
	}
	if s.Resources != nil {
		texts := make([]*iam.Template, len(s.Resources.List))
		for i := range s.Resources.List {
			texts[i] = &s.Resources.List[i]
		}
		lit, truth := sp.resourceLiteral(firstResource+layer, texts, s.Resources.Not)
		switch {
		case truth == isNever:
			return nil, nil
		case truth != isAlways:
			b.literals = append(b.literals, lit)
		}
	}
	return b, nil
}

// boxes makes the boxes of a policy's statements of one effect.
func (sp *space) boxes(p *iam.Policy, effect iam.Effect, layer, policy int) ([]*box, error) {
	var list []*box
	for i := range p.Statements {
		s := &p.Statements[i]
		if s.Effect != effect {
			continue
		}
		if !sp.work(perStep / 10) {
			return nil, errSpent
		}
		b, err := sp.statement(s, layer, policy)
		if err != nil {
			return nil, err
		}
		if b != nil {
			list = append(list, b)
		}
	}
	return list, nil
}

// A certainty says that a literal needs no literal.
type certainty uint8

const (
	isOpen certainty = iota
	isAlways
	isNever
)

// pointsLiteral is the literal of being one of some points.
func (sp *space) pointsLiteral(coord int, points bits) int32 {
	name := make([]byte, 0, 2+8*len(points))
	name = append(name, 'p', byte(coord))
	for _, w := range points {
		name = binary.LittleEndian.AppendUint64(name, w)
	}
	return sp.number(string(name), func() literal { return literal{coord: coord, points: points} })
}

func (sp *space) actionLiteral(a *iam.Actions) (int32, certainty) {
	if !a.Not && slices.ContainsFunc(a.List, func(a iam.Action) bool { return a.Pattern.IsEverything() }) {
		return 0, isAlways
	}
	sp.work(2 * len(a.List))
	if sp.actions != nil {
		sp.work(len(a.List) * sp.actions.len() / 512)
		points := sp.actions.matching(a)
		switch points.count() {
		case 0:
			return 0, isNever
		case sp.actions.len():
			return 0, isAlways
		}
		return sp.pointsLiteral(actionCoord, points), isOpen
	}
	atoms := make([]signed, len(a.List))
	for i := range a.List {
		atoms[i] = yes(sp.namedAtom("action", iam.FoldKey(a.List[i].Value), a.List[i].Pattern))
	}
	return sp.textLiteral(actionCoord, atoms, a.Not)
}

func (sp *space) resourceLiteral(coord int, list []*iam.Template, not bool) (int32, certainty) {
	if !not && slices.ContainsFunc(list, func(t *iam.Template) bool { return !t.HasVariables() && t.Pattern.IsEverything() }) {
		return 0, isAlways
	}
	atoms := make([]signed, len(list))
	for i := range list {
		atoms[i] = yes(sp.templateAtom(list[i]))
	}
	return sp.textLiteral(coord, atoms, not)
}

// textLiteral is the literal of a required text matching one of some atoms, or none.
func (sp *space) textLiteral(coord int, atoms []signed, not bool) (int32, certainty) {
	if len(atoms) == 0 {
		if not {
			return 0, isAlways
		}
		return 0, isNever
	}
	slices.Sort(atoms)
	atoms = slices.Compact(atoms)
	name := []byte{'t', byte(coord), 0}
	if not {
		name[2] = 1
	}
	return sp.number(string(packInto(name, atoms)), func() literal {
		t := &test{textual: true, whenTrue: [][]signed{atoms}, whenFalse: noneOf(atoms)}
		if not {
			t.whenTrue, t.whenFalse = t.whenFalse, t.whenTrue
		}
		return literal{coord: coord, key: sp.coords[coord].key, single: onValue, test: t}
	}), isOpen
}

func noneOf(atoms []signed) [][]signed {
	clauses := make([][]signed, len(atoms))
	for i, a := range atoms {
		clauses[i] = []signed{negate(a)}
	}
	return clauses
}

// condition makes the literal of a condition, as eval.Holds has it. lenient says that the value "*" of an operator for ARNs may be taken to
// match every ARN: where it does not, less is allowed.
func (sp *space) condition(c *iam.Condition, lenient bool) (int32, certainty, error) {
	k := sp.keys[c.Key.Folded]
	op := c.Operator
	l := literal{coord: k.coord, key: k}
	switch {
	case op.Test == iam.Null && op.Qualifier != iam.NoQualifier:
		l.absent, l.single = op.Qualifier == iam.ForAllValues, never
		if l.absent {
			l.single = always
		}
		l.set = l.single
	case op.Test == iam.Null:
		l.single, l.set = never, never
		for i := range c.Values {
			if c.Values[i].True {
				l.absent = true
			} else {
				l.single, l.set = always, always
			}
		}
	default:
		l.absent = op.Qualifier == iam.ForAllValues || op.Qualifier == iam.NoQualifier && (op.IfExists || op.Test.Negated())
		l.single = onValue
		switch op.Qualifier {
		case iam.ForAllValues:
			l.set = forAll
		case iam.ForAnyValue:
			l.set = forAny
		default:
			l.set = never // a set of values never meets an operator for one
		}
	}
	is := func(m mode) bool { return (!k.canBeOne() || l.single == m) && (!k.canBeSet() || l.set == m) }
	switch {
	case l.absent && is(always):
		return 0, isAlways, nil
	case !l.absent && is(never):
		return 0, isNever, nil
	}
	var name strings.Builder
	fmt.Fprintf(&name, "c%d %v %s %d %d %v", l.coord, l.absent, k.folded, l.single, l.set, op.Test)
	if !is(always) && !is(never) {
		t, err := sp.makeTest(k, c, lenient)
		if err != nil {
			return 0, isOpen, err
		}
		l.test = t
		for i := range c.Values {
			v := &c.Values[i]
			fmt.Fprintf(&name, " %q", v.Value)
			if v.Template.HasVariables() {
				name.WriteByte('$')
			} else if strings.Contains(v.Value, "${") {
				fmt.Fprintf(&name, "=%q", v.Template.Pattern)
			}
		}
	}
	return sp.number(name.String(), func() literal { return l }), isOpen, nil
}

func (sp *space) makeTest(k *key, c *iam.Condition, lenient bool) (*test, error) {
	t := &test{condition: c}
	family := c.Operator.Test.Family()
	switch family {
	case iam.FamilyString, iam.FamilyARN:
		var atoms []signed
		for i := range c.Values {
			v := &c.Values[i]
			switch {
			case v.Template.Lone && !lenient, v.Template.Never && family == iam.FamilyARN && strings.ContainsAny(v.Text.Value, "*?"):
				// AWS does not say what that matches. Either reading could make a wrong "not public".
				return nil, fmt.Errorf("%w: a pattern with fewer than six parts under %s", ErrUnsupported, c.Operator)
			case !v.Template.Never:
				atoms = append(atoms, yes(sp.templateAtom(&v.Template)))
			}
		}
		slices.Sort(atoms)
		atoms = slices.Compact(atoms)
		t.textual, t.whenTrue, t.whenFalse = true, [][]signed{atoms}, noneOf(atoms)
		if family == iam.FamilyARN && c.Operator.Test.Negated() {
			// A value that is no ARN meets no operator for ARNs.
			arn := yes(sp.patternAtom("arn", glob.AnyARN()))
			t.whenFalse = append(t.whenFalse, []signed{arn})
			t.whenTrue = [][]signed{append([]signed{negate(arn)}, atoms...)}
		}
		if c.Operator.Test.Negated() {
			t.whenTrue, t.whenFalse = t.whenFalse, t.whenTrue
		}
	case iam.FamilyBool:
		var holds [2]bool
		for i := range c.Values {
			v := &c.Values[i]
			if v.Template.HasVariables() {
				return nil, fmt.Errorf("%w: a variable under Bool", ErrUnsupported)
			}
			if v.True {
				holds[1] = true
			} else {
				holds[0] = true
			}
		}
		isTrue := yes(sp.patternAtom("true", glob.Literal("true").FoldASCII()))
		t.textual = true
		switch holds {
		case [2]bool{true, true}:
			t.whenFalse = [][]signed{{}}
		case [2]bool{false, false}:
			t.whenTrue = [][]signed{{}}
		case [2]bool{false, true}:
			t.whenTrue, t.whenFalse = [][]signed{{isTrue}}, [][]signed{{negate(isTrue)}}
		default:
			t.whenTrue, t.whenFalse = [][]signed{{negate(isTrue)}}, [][]signed{{isTrue}}
		}
	}
	if k.samples != nil {
		t.samples = newBits(len(k.samples))
		for i, s := range k.samples {
			if !sp.work(8 + len(c.Values)/4) {
				return nil, errSpent
			}
			if holdsFor(c, s) {
				t.samples.set(i)
			}
		}
	}
	return t, nil
}

// holdsFor reports whether a condition without variables holds for one value of its key.
func holdsFor(c *iam.Condition, s string) bool {
	many := c.Operator.Qualifier != iam.NoQualifier
	return eval.Holds(c, eval.Context{c.Key.Folded: {List: []string{s}, Many: many}})
}

// packInto appends numbers to a text that serves as a name.
func packInto(name []byte, numbers []int32) []byte {
	for _, n := range numbers {
		name = binary.LittleEndian.AppendUint32(name, uint32(n))
	}
	return name
}

// bits is a set of small numbers.
type bits []uint64

func newBits(n int) bits      { return make(bits, (n+63)/64) }
func (b bits) set(i int)      { b[i/64] |= 1 << (i % 64) }
func (b bits) has(i int) bool { return b[i/64]>>(i%64)&1 != 0 }

func (b bits) count() int {
	n := 0
	for _, w := range b {
		for ; w != 0; w &= w - 1 {
			n++
		}
	}
	return n
}

func (b bits) some() bool {
	for _, w := range b {
		if w != 0 {
			return true
		}
	}
	return false
}

// and leaves in b what is in c too, or, with out, what is not in c.
func (b bits) and(c bits, out bool) {
	for i := range b {
		if out {
			b[i] &^= c[i]
		} else {
			b[i] &= c[i]
		}
	}
}

// in reports whether all of b is in c.
func (b bits) in(c bits) bool {
	for i := range b {
		if b[i]&^c[i] != 0 {
			return false
		}
	}
	return true
}

// each yields the numbers, in order.
func (b bits) each(yield func(int) bool) {
	for i, w := range b {
		for ; w != 0; w &= w - 1 {
			if !yield(i*64 + mathbits.TrailingZeros64(w)) {
				return
			}
		}
	}
}

func allBits(n int) bits {
	b := newBits(n)
	for i := range n {
		b.set(i)
	}
	return b
}

func (b bits) first() int {
	for i := range len(b) * 64 {
		if b.has(i) {
			return i
		}
	}
	return -1
}

// resourceAtom is the atom of a text as in a Resource element, without variables.
func (sp *space) resourceAtom(text string) int32 {
	return sp.patternAtom("resource", glob.Resource(text))
}
