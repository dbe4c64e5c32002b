package reach

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/iam/glob"
)

// An atom is a pattern that a text is in or not. Signed atoms are numbered as signed literals are.
type atom struct {
	pattern  glob.Pattern  // without variables
	template *iam.Template // with variables
	// resolved is the pattern under the present stance, if matches is set; else nothing is in it.
	resolved glob.Pattern
	matches  bool
	shape    shape
	account  int32 // the atom of ARNs whose account matches, plus one; -1 if none can
}

// A stance is how policy variables are taken. Either each has a value or is absent, and then templates are patterns; or all are open: a
// template may match what it matches for some value of its variables, and fail to match anything. What is impossible then is impossible.
type stance struct {
	open   bool
	values map[string]string // by folded key; those that are missing are absent
}

func (sp *space) patternAtom(form string, p glob.Pattern) int32 {
	return sp.namedAtom(form, p.String(), p)
}

// namedAtom is the atom of a pattern that is written as a text, which tells it apart from others of its form.
func (sp *space) namedAtom(form, text string, p glob.Pattern) int32 {
	return sp.atom(form+" "+text, func() atom {
		return atom{pattern: p, resolved: p, matches: true, shape: shapeOf(form, text, p)}
	})
}

func (sp *space) atom(name string, make func() atom) int32 {
	if id, ok := sp.atomIDs[name]; ok {
		return id
	}
	id := int32(len(sp.atoms))
	sp.atoms = append(sp.atoms, make())
	sp.atomIDs[name] = id
	return id
}

// forms keep apart what is written alike and matches differently. A pattern without wildcards is the same in both exact forms.
var forms = [...]string{iam.FormExact: "like", iam.FormLike: "like", iam.FormIgnoreCase: "fold", iam.FormARN: "arn", iam.FormResource: "resource"}

func (sp *space) templateAtom(t *iam.Template) int32 {
	switch {
	case t.HasVariables():
	case strings.Contains(t.Value, "${"), t.Form == iam.FormIgnoreCase, t.Form == iam.FormExact && strings.ContainsAny(t.Value, "*?"),
		t.Form == iam.FormResource && strings.Count(t.Value, ":") < 5:
		return sp.patternAtom(forms[t.Form], t.Pattern)
	default:
		return sp.namedAtom(forms[t.Form], t.Value, t.Pattern)
	}
	return sp.atom("$"+fmt.Sprint(t.Form)+" "+t.Value, func() atom { return sp.resolve(atom{template: t}) })
}

// resolve sets what an atom's template matches under the stance.
func (sp *space) resolve(a atom) atom {
	if !sp.stance.open {
		a.resolved, a.matches = a.template.Expand(func(k string) (string, bool) {
			v, ok := sp.stance.values[k]
			return v, ok
		})
		return a
	}
	a.resolved, a.matches = expandEach(a.template, func(b *glob.Builder, _ string) { b.Star() })
	return a
}

// expandEach builds a template's pattern with something else in the place of each variable.
func expandEach(t *iam.Template, variable func(b *glob.Builder, key string)) (glob.Pattern, bool) {
	var b glob.Builder
	for _, part := range t.Parts {
		switch part.Kind {
		case iam.PartLiteral:
			b.Literal(part.Text)
		case iam.PartText:
			b.Text(part.Text)
		case iam.PartVariable:
			variable(&b, part.Key)
		}
	}
	switch t.Form {
	case iam.FormIgnoreCase:
		return b.Pattern().FoldLower(), true
	case iam.FormARN:
		return b.Pattern(), true // a value may have colons of its own
	case iam.FormResource:
		return b.Pattern(), true
	}
	return b.Pattern(), true
}

// take changes the stance on variables.
func (sp *space) take(s stance) {
	sp.stance = s
	for i := range sp.atoms {
		if sp.atoms[i].template != nil {
			sp.work(perStep / 10)
			sp.atoms[i] = sp.resolve(sp.atoms[i])
		}
	}
	sp.work(perStep/10 + len(sp.atoms)/4)
	clear(sp.units)
	clear(sp.pairs)
	for _, c := range sp.coords {
		c.memo, c.free = nil, nil
	}
}

// inAtom reports whether a text is in an atom; under an open stance whether it may be.
func (sp *space) inAtom(id int32, s string) bool {
	a := &sp.atoms[id]
	if !a.matches {
		return false
	}
	matches, steps := a.resolved.MatchCounted(s)
	sp.work(1 + steps/16)
	return matches
}

func (sp *space) meetsClauses(clauses [][]signed, s string) bool {
	for _, c := range clauses {
		if !sp.meetsClause(c, s) {
			return false
		}
	}
	return true
}

func (sp *space) meetsClause(clause []signed, s string) bool {
	for _, a := range clause {
		if isNo(a) && sp.stance.open && sp.atoms[litOf(a)].template != nil || sp.inAtom(litOf(a), s) != isNo(a) {
			return true
		}
	}
	return false
}

// text finds a text that meets all clauses.
func (sp *space) text(k *key, clauses [][]signed) (string, bool, error) {
	units := append([]signed(nil), k.base...)
	sp.work(1 + len(clauses)/4)
	var open [][]signed
	for _, c := range clauses {
		switch len(c) {
		case 0:
			return "", false, nil
		case 1:
			units = append(units, c[0])
		default:
			open = append(open, c)
		}
	}
	for _, hint := range k.hints {
		if !sp.stance.open && sp.meetsClauses(clauses, hint) {
			return hint, true, nil
		}
	}
	return sp.refine(k, units, open)
}

// refine finds a text that meets units and, if it fails a clause, tries that clause's atoms as units.
func (sp *space) refine(k *key, units []signed, open [][]signed) (string, bool, error) {
	s, ok, err := sp.meetUnits(units)
	if err != nil || !ok {
		return "", false, err
	}
	failed := -1
	for i, c := range open {
		if !sp.work(1 + len(c)*(4+len(units))/64) {
			return "", false, errSpent
		}
		if slices.ContainsFunc(c, func(a signed) bool { return slices.Contains(units, a) }) {
			continue
		}
		if sp.meetsClause(c, s) {
			continue
		}
		if failed < 0 || len(c) < len(open[failed]) {
			failed = i
		}
	}
	if failed < 0 {
		return s, true, nil
	}
	rest := slices.Concat(open[:failed], open[failed+1:])
	var undecided error
	for _, a := range open[failed] {
		sp.work(1 + (len(units)+len(open))/16)
		if slices.Contains(units, negate(a)) {
			continue
		}
		s, ok, err := sp.refine(k, append(slices.Clip(units), a), rest)
		switch {
		case ok:
			return s, true, nil
		case errors.Is(err, errSpent):
			return "", false, err
		case err != nil:
			undecided = err
		}
	}
	return "", false, undecided
}

type unitsResult struct {
	text string
	ok   bool
	err  error
}

// meetUnits finds a text in some atoms and outside others.
func (sp *space) meetUnits(units []signed) (string, bool, error) {
	units = slices.Clone(units)
	slices.Sort(units)
	units = slices.Compact(units)
	sp.work(4 + len(units)/4)
	name := string(packInto(nil, units))
	if r, ok := sp.units[name]; ok {
		return r.text, r.ok, r.err
	}
	var r unitsResult
	r.text, r.ok, r.err = sp.searchUnits(units)
	sp.units[name] = r
	return r.text, r.ok, r.err
}

// globStates bounds the search for one text.
const globStates = 20_000

// witness finds a text in some patterns and outside others.
func (sp *space) witness(in, out []glob.Pattern) (text string, found bool, err error) {
	text, found, err = glob.WitnessSpending(globStates, func(words int) bool { return sp.work(1 + words/3) }, in, out)
	switch {
	case sp.over:
		return "", false, errSpent
	case err != nil:
		return "", false, fmt.Errorf("%w: patterns are too entangled", ErrTooComplex)
	}
	return text, found, nil
}

func (sp *space) searchUnits(units []signed) (string, bool, error) {
	var in, out []glob.Pattern
	for i, u := range units {
		if i > 0 && units[i-1] == negate(u) {
			return "", false, nil
		}
		a := &sp.atoms[litOf(u)]
		switch {
		case !isNo(u) && !a.matches:
			return "", false, nil
		case !isNo(u):
			in = append(in, a.resolved)
		case sp.stance.open && a.template != nil:
			if sp.forced(units, litOf(u)) {
				return "", false, nil
			}
		case a.matches:
			out = append(out, a.resolved)
		}
	}
	if !sp.spend(1 + len(units)/8) {
		return "", false, errSpent
	}
	if s, found, settled := sp.glance(units); settled {
		return s, found, nil
	}
	return sp.witness(in, out)
}

// forced reports, under an open stance, whether a template that should not match has to, because another that should match lies in it
// whatever its variables are: it does so with a letter of its own for each variable, and both have no wildcard that counts characters.
func (sp *space) forced(units []signed, id int32) bool {
	t := sp.atoms[id].template
	for _, u := range units {
		s := sp.atoms[litOf(u)].template
		if isNo(u) || s == nil || s.Form != t.Form {
			continue
		}
		pair := [2]int32{litOf(u), id}
		within, known := sp.pairs[pair]
		if !known {
			within = sp.within2(s, t)
			sp.pairs[pair] = within
		}
		if within {
			return true
		}
	}
	return false
}

func (sp *space) within2(s, t *iam.Template) bool {
	if strings.ContainsAny(s.Value, "?,") || strings.ContainsAny(t.Value, "?,") || s.Form == iam.FormARN || s.Form == iam.FormIgnoreCase {
		return s.Value == t.Value
	}
	// What the second needs, the first has.
	letters := map[string]rune{}
	letter := func(b *glob.Builder, key string) {
		if letters[key] == 0 {
			letters[key] = rune(0xE000 + len(letters))
		}
		b.Literal(string(letters[key]))
	}
	p, _ := expandEach(s, letter)
	needed := len(letters)
	q, _ := expandEach(t, letter)
	if len(letters) > needed {
		return false
	}
	_, found, err := sp.witness([]glob.Pattern{p}, []glob.Pattern{q})
	return err == nil && !found
}
