package reach

import (
	"cmp"
	"fmt"
	"math/big"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/iam/catalog"
	"github.com/magpie-sec/magpie/internal/iam/glob"
)

// A key is a condition key, or the action or resource of a request.
type key struct {
	folded, name string
	coord        int
	many         bool // a request carries a set of values
	either       bool // the catalogue does not know whether it does, and a policy takes it for one that does
	required     bool // a request always carries it
	variable     bool // a policy variable stands for it
	textual      bool // operators for texts, ARNs or Booleans ask for it
	families     [8]bool
	conditions   []*iam.Condition
	// samples are values of which one is in every class that the operators for numbers, dates, addresses and bytes tell apart. With such
	// operators only, that is all there is to know.
	samples  []string
	sampleAt map[string]int // where they are
	typed    catalog.Type   // as the catalogue has it, of one value; 0 if it does not know the key
	base     []signed       // atoms that every value meets
	hints    []string       // values to try first
}

func (sp *space) addKey(c *catalog.Catalog, condition *iam.Condition) {
	k := sp.key(c, condition.Key.Folded, condition.Key.Name)
	k.conditions = append(k.conditions, condition)
	family := condition.Operator.Test.Family()
	k.families[family] = true
	switch family {
	case iam.FamilyString, iam.FamilyARN, iam.FamilyBool:
		k.textual = true
	}
	if condition.Operator.Qualifier != iam.NoQualifier && family != iam.FamilyNull {
		if known, _ := c.Key(condition.Key.Name); known == nil {
			k.either = true
		}
	}
}

func (k *key) canBeOne() bool { return !k.many }
func (k *key) canBeSet() bool { return k.many || k.either }

func (sp *space) key(c *catalog.Catalog, folded, name string) *key {
	if k := sp.keys[folded]; k != nil {
		return k
	}
	k := &key{folded: folded, name: name}
	if known, variable := c.Key(name); known != nil {
		k.many, k.typed = known.Type.Multivalued(), known.Type.Element()
		k.name = keyName(known, variable)
		k.hints = typeHints(known)
	}
	sp.keys[folded] = k
	sp.order = append(sp.order, k)
	return k
}

// keyName is a key's name as the catalogue writes it, with the variable part as the policy does.
func keyName(k *catalog.ConditionKey, variable string) string {
	for _, brackets := range [...]string{"${}", "<>"} {
		from := strings.Index(k.Name, brackets[:len(brackets)-1])
		if from < 0 {
			continue
		}
		if end := strings.IndexByte(k.Name[from:], brackets[len(brackets)-1]); end > 0 {
			return k.Name[:from] + variable + k.Name[from+end+1:]
		}
	}
	return k.Name
}

func typeHints(k *catalog.ConditionKey) []string {
	switch k.Type.Element() {
	case catalog.Bool:
		return []string{"true", "false"}
	case catalog.ARN:
		return []string{"arn:aws:sns:us-east-1:210987654321:example"}
	}
	return nil
}

// addVariables notes the keys that a statement's variables stand for.
func (sp *space) addVariables(c *catalog.Catalog, s *iam.Statement) error {
	add := func(t *iam.Template) {
		for _, part := range t.Parts {
			if part.Kind == iam.PartVariable {
				sp.key(c, part.Key, part.Key).variable = true
			}
		}
	}
	if s.Resources != nil {
		for i := range s.Resources.List {
			add(&s.Resources.List[i])
		}
	}
	for i := range s.Conditions {
		for j := range s.Conditions[i].Values {
			add(&s.Conditions[i].Values[j].Template)
		}
	}
	return nil
}

// prepare makes the samples.
func (k *key) prepare() error {
	var numbers []iam.Number
	var times []int64
	var nets []netip.Prefix
	var samples []string
	for _, c := range k.conditions {
		for i := range c.Values {
			v := &c.Values[i]
			if !v.OK {
				continue
			}
			switch c.Operator.Test.Family() {
			case iam.FamilyNumeric:
				numbers = append(numbers, v.Number)
			case iam.FamilyDate:
				times = append(times, v.Time)
			case iam.FamilyIP:
				nets = append(nets, v.Net)
			case iam.FamilyBinary:
				samples = append(samples, v.Value)
			}
		}
	}
	if k.families[iam.FamilyNumeric] {
		list, err := numberSamples(numbers)
		if err != nil {
			return err
		}
		samples = append(samples, list...)
		if k.families[iam.FamilyDate] {
			for _, n := range list {
				if t, ok := iam.ParseDate(n); ok {
					times = append(times, t)
				}
			}
		}
	}
	if k.families[iam.FamilyDate] {
		samples = append(samples, dateSamples(times)...)
	}
	if k.families[iam.FamilyIP] {
		samples = append(samples, addressSamples(nets)...)
	}
	if k.families[iam.FamilyBinary] {
		samples = append(samples, "bWFncGll", "")
	}
	if samples != nil {
		samples = append(samples, "none of these")
	}
	if valid := k.onlyTyped(); valid != nil && samples != nil {
		samples = slices.DeleteFunc(samples, func(s string) bool { return !valid(s) })
	}
	k.sampleAt = make(map[string]int, len(samples))
	for _, s := range samples {
		if _, seen := k.sampleAt[s]; !seen {
			k.sampleAt[s] = len(k.samples)
			k.samples = append(k.samples, s)
		}
	}
	return nil
}

// onlyTyped gives the check of a key's values if the catalogue knows its type and only operators of that type ask for it: then no value is
// malformed. If operators for texts ask for it too, a value is any text.
func (k *key) onlyTyped() func(s string) bool {
	only := func(family iam.Family) bool {
		for f, asked := range k.families {
			if asked && iam.Family(f) != family && iam.Family(f) != iam.FamilyNull {
				return false
			}
		}
		return true
	}
	switch {
	case k.typed == catalog.IPAddress && only(iam.FamilyIP):
		return func(s string) bool { _, ok := iam.ParseAddress(s); return ok }
	case k.typed == catalog.Numeric && only(iam.FamilyNumeric):
		return func(s string) bool { _, ok := iam.ParseNumber(s); return ok }
	case k.typed == catalog.Date && only(iam.FamilyDate):
		return func(s string) bool { _, ok := iam.ParseDate(s); return ok }
	case k.typed == catalog.ARN && only(iam.FamilyARN):
		return func(s string) bool { return glob.AnyARN().Match(s) }
	}
	return nil
}

// numberSamples are the numbers themselves, and one below, between and above them.
func numberSamples(numbers []iam.Number) ([]string, error) {
	slices.SortFunc(numbers, iam.Number.Compare)
	numbers = slices.Compact(numbers)
	if len(numbers) == 0 {
		return []string{"0"}, nil
	}
	var list []*big.Rat
	for _, n := range numbers {
		s := n.String()
		r, ok := new(big.Rat).SetString(s)
		if !ok || strings.Contains(s, "e") {
			return nil, fmt.Errorf("%w: a number of that size", ErrUnsupported)
		}
		if len(list) > 0 {
			between := new(big.Rat).Add(list[len(list)-1], r)
			list = append(list, between.Quo(between, big.NewRat(2, 1)))
		}
		list = append(list, r)
	}
	one := big.NewRat(1, 1)
	list = append(list, new(big.Rat).Add(list[len(list)-1], one), new(big.Rat).Sub(list[0], one))
	texts := make([]string, len(list))
	for i, r := range list {
		digits, _ := r.FloatPrec()
		texts[i] = r.FloatString(digits)
	}
	return texts, nil
}

// dateSamples are the times, and those a millisecond before and after.
func dateSamples(times []int64) []string {
	if len(times) == 0 {
		times = []int64{0}
	}
	var list []string
	for _, t := range times {
		for _, at := range []int64{t, t - 1, t + 1} {
			// A date and, where a text is asked for as a number too, the seconds.
			if u := time.UnixMilli(at).UTC(); u.Year() > 0 && u.Year() < 10_000 {
				list = append(list, u.Format("2006-01-02T15:04:05.000Z"))
			}
			if s := epoch(at); s != "" {
				list = append(list, s)
			}
		}
	}
	return list
}

// epoch writes a time as seconds since 1970, as iam.ParseDate reads them; "" if it does not.
func epoch(ms int64) string {
	sign := ""
	abs := ms
	if ms < 0 {
		sign, abs = "-", -ms
	}
	s := fmt.Sprintf("%s%d.%03d", sign, abs/1000, abs%1000)
	if t, ok := iam.ParseDate(s); !ok || t != ms {
		return ""
	}
	return s
}

// addressSamples are the first address of every stretch of addresses that are in the same ranges.
func addressSamples(nets []netip.Prefix) []string {
	list := []string{"198.51.100.77", "2001:db8::77", "0.0.0.0", "::"}
	for _, n := range nets {
		first := n.Masked().Addr()
		if first.Is4In6() {
			continue // holds nothing: such addresses count as IPv4
		}
		list = append(list, first.String())
		if next := lastOf(n).Next(); next.IsValid() && !next.Is4In6() {
			list = append(list, next.String())
		}
	}
	return list
}

func lastOf(n netip.Prefix) netip.Addr {
	b := n.Masked().Addr().AsSlice()
	for i := n.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	last, _ := netip.AddrFromSlice(b)
	return last
}

// A frame narrows a key for one kind of caller.
type frame struct {
	absent  bool     // the caller has no such key
	present bool     // the caller always has it
	exact   bool     // its value is value
	value   string   //
	units   []signed // atoms that the value meets
}

var open frame

// solveKey finds a value for a key that makes all literals true. Absence is tried first.
func (sp *space) solveKey(k *key, lits []signed, f *frame) (value, bool, error) {
	if !k.required && !f.present && sp.whenAbsent(lits) {
		return value{absent: true}, true, nil
	}
	if f.absent {
		return value{}, false, nil
	}
	var undecided error
	if k.canBeOne() {
		v, ok, err := sp.solveOne(k, lits, f)
		if ok {
			return v, true, nil
		}
		undecided = err
	}
	if k.canBeSet() {
		v, ok, err := sp.solveSet(k, lits, f)
		if ok {
			return v, true, nil
		}
		undecided = cmp.Or(undecided, err)
	}
	return value{}, false, undecided
}

// solveOne finds the value of a key that has one.
func (sp *space) solveOne(k *key, lits []signed, f *frame) (value, bool, error) {
	tests := make([]signedTest, 0, len(lits))
	for _, s := range lits {
		l := &sp.literals[litOf(s)]
		switch l.single {
		case always, never:
			if (l.single == always) == isNo(s) {
				return value{}, false, nil
			}
		default:
			tests = append(tests, signedTest{l.test, !isNo(s)})
		}
	}
	s, ok, err := sp.solveValue(k, tests, f)
	return value{list: []string{s}}, ok, err
}

// solveSet finds a set of values: all meet what is asked of all, and one each what is asked of some.
func (sp *space) solveSet(k *key, lits []signed, f *frame) (value, bool, error) {
	var each, some []signedTest
	for _, s := range lits {
		l := &sp.literals[litOf(s)]
		switch {
		case l.set == always || l.set == never:
			if (l.set == always) == isNo(s) {
				return value{}, false, nil
			}
		case (l.set == forAll) != isNo(s):
			each = append(each, signedTest{l.test, !isNo(s)})
		default:
			some = append(some, signedTest{l.test, !isNo(s)})
		}
	}
	v := value{set: true}
	for i := range max(len(some), 1) {
		tests := each
		if len(some) > 0 {
			tests = append(slices.Clip(each), some[i])
		}
		s, ok, err := sp.solveValue(k, tests, f)
		if err != nil || !ok {
			return value{}, false, err
		}
		if !slices.Contains(v.list, s) {
			v.list = append(v.list, s)
		}
	}
	return v, true, nil
}

func (sp *space) whenAbsent(lits []signed) bool {
	for _, s := range lits {
		if sp.literals[litOf(s)].absent == isNo(s) {
			return false
		}
	}
	return true
}

type signedTest struct {
	*test
	want bool
}

// solveValue finds one value that meets tests.
func (sp *space) solveValue(k *key, tests []signedTest, f *frame) (string, bool, error) {
	if f.exact {
		for _, t := range tests {
			if sp.testHolds(k, t.test, f.value) != t.want {
				return "", false, nil
			}
		}
		return f.value, true, nil
	}
	var clauses [][]signed
	finite, textual := false, len(f.units) > 0
	var left bits
	if k.samples != nil {
		left = allBits(len(k.samples))
	}
	sp.work(1 + len(left) + len(tests)/2)
	for _, t := range tests {
		if t.textual {
			textual = true
			if t.want {
				clauses = append(clauses, t.whenTrue...)
			} else {
				clauses = append(clauses, t.whenFalse...)
			}
			continue
		}
		finite = true
		sp.work(1 + len(left)/16)
		left.and(t.samples, !t.want)
	}
	for _, u := range f.units {
		clauses = append(clauses, []signed{u})
	}
	if !sp.spend(1) {
		return "", false, errSpent
	}
	if finite && !textual {
		if i := left.first(); i >= 0 {
			return k.samples[i], true, nil
		}
		return "", false, nil
	}
	if !finite {
		if k.samples != nil && len(clauses) == 0 {
			return k.samples[0], true, nil
		}
		return sp.text(k, clauses)
	}
	return sp.solveMixed(k, tests, clauses, left)
}

// solveMixed looks for a value that operators for texts and others ask for at once: among the samples, the texts of the policies, and one text
// that meets what is asked of texts.
func (sp *space) solveMixed(k *key, tests []signedTest, clauses [][]signed, left bits) (string, bool, error) {
	if !left.some() {
		return "", false, nil
	}
	s, ok, err := sp.text(k, clauses)
	if err != nil || !ok {
		return "", false, err
	}
	fits := func(s string) bool {
		if !sp.work(8 * len(tests)) {
			return false
		}
		for _, t := range tests {
			if !t.textual && holdsFor(t.condition, s) != t.want {
				return false
			}
		}
		return sp.meetsClauses(clauses, s)
	}
	if fits(s) {
		return s, true, nil
	}
	for i, s := range k.samples {
		if left.has(i) && !sp.over && sp.meetsClauses(clauses, s) {
			return s, true, nil
		}
	}
	exhaustive := false // whether a clause is met by the policies' texts only
	for _, c := range clauses {
		literals := true
		for _, a := range c {
			at := &sp.atoms[litOf(a)]
			if isNo(a) || !at.matches || at.template != nil || !at.resolved.IsLiteral() {
				literals = false
				continue
			}
			if s := at.resolved.String(); at.resolved.Match(s) && fits(s) {
				return s, true, nil
			}
			literals = literals && at.resolved.Equal(glob.Literal(at.resolved.String()))
		}
		exhaustive = exhaustive || literals
	}
	switch {
	case sp.over:
		return "", false, errSpent
	case exhaustive:
		return "", false, nil
	}
	return "", false, fmt.Errorf("%w: operators of several types on %s", ErrUnsupported, k.name)
}

// testHolds tells whether one value meets a test; under an open stance on variables, whether it may.
func (sp *space) testHolds(k *key, t *test, s string) bool {
	if t.textual {
		return sp.meetsClauses(t.whenTrue, s)
	}
	if i, ok := k.sampleAt[s]; ok {
		return t.samples.has(i)
	}
	sp.work(8 + len(t.condition.Values)/4)
	return holdsFor(t.condition, s)
}

// holdsAt tells whether a literal about a key is true of a value.
func (sp *space) holdsAt(l *literal, v *value) bool {
	if v.absent {
		return l.absent
	}
	m := l.single
	if v.set {
		m = l.set
	}
	switch m {
	case always:
		return true
	case onValue:
		return sp.testHolds(l.key, l.test, v.list[0])
	case forAll:
		for _, s := range v.list {
			if !sp.testHolds(l.key, l.test, s) {
				return false
			}
		}
		return true
	case forAny:
		for _, s := range v.list {
			if sp.testHolds(l.key, l.test, s) {
				return true
			}
		}
	}
	return false
}
