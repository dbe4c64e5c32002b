package lint

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/iam/glob"
)

// A pattern is one of a list.
type pattern struct {
	glob.Pattern
	text string // as it is compared
	wild bool
	ok   bool // it has no variables, so that Pattern is what it matches
}

// redundant gives groups of places: one that holds the others of its group, which are redundant. Of two that hold each other the later is
// redundant. groups[i] begins with the holder; the others are in order.
func (l *linter) redundant(list []pattern) (groups [][]int) {
	first := make(map[string]int, len(list)) // place by text
	byFixed := map[string][]int{}            // places of those with wildcards, by what stands before the first
	for i := range list {
		p := &list[i]
		if _, twice := first[p.text]; twice {
			continue
		}
		first[p.text] = i
		if p.ok && p.wild {
			fixed := p.fixed()
			byFixed[fixed] = append(byFixed[fixed], i)
		}
	}
	holder := make([]int, len(list)) // of each place one that holds it, or itself
	for i := range list {
		p := &list[i]
		if holder[i] = first[p.text]; holder[i] != i || !p.ok {
			continue
		}
		// What holds all that begins with some text begins with less of it.
		fixed := p.fixed()
	search:
		for n := range len(fixed) + 1 {
			for _, j := range byFixed[fixed[:n]] {
				if j == i {
					continue
				}
				if !l.spend(10) {
					break search
				}
				if l.holds(&list[j], p) && (j < i || !l.holds(p, &list[j])) {
					holder[i] = j
					break search
				}
			}
		}
	}
	at := map[int]int{} // the group of a holder
	for i := range list {
		root := i
		for holder[root] != root {
			root = holder[root]
		}
		if root == i {
			continue
		}
		if _, ok := at[root]; !ok {
			at[root] = len(groups)
			groups = append(groups, []int{root})
		}
		groups[at[root]] = append(groups[at[root]], i)
	}
	return groups
}

// fixed is the text of a pattern before its first wildcard.
func (p *pattern) fixed() string {
	if at := strings.IndexAny(p.text, "*?"); at >= 0 && p.wild {
		return p.text[:at]
	}
	return p.text
}

// holds reports whether a holds all of b; false if that is not decided.
func (l *linter) holds(a, b *pattern) bool {
	switch {
	case a.IsEverything():
		return true
	case !a.wild:
		return a.text == b.text
	case !b.wild:
		return l.spend(10*(len(a.text)+len(b.text))) && a.Match(b.text)
	}
	const states = 500
	if !l.spend(5000 + 50*len(a.text)*len(b.text)) {
		return false
	}
	_, found, err := glob.WitnessWithin(states, []glob.Pattern{b.Pattern}, []glob.Pattern{a.Pattern})
	return err == nil && !found
}

// spans gives the places of a group in the order of the text.
func spans(group []int, at func(int) iam.Span) []iam.Span {
	group = slices.Sorted(slices.Values(group))
	list := make([]iam.Span, 0, len(group))
	for _, i := range group {
		list = append(list, at(i))
	}
	return list
}

// others names the redundant ones of a group.
func (l *linter) others(patterns []pattern, group []int) string {
	names := make([]string, 0, len(group))
	for _, i := range group[1:] {
		names = append(names, patterns[i].text)
	}
	return list(names)
}

// byRedundantResources asks whether a resource is covered by another of its list.
var byRedundantResources = &family{sound: true, statement: func(l *linter, s *statement) {
	if s.Resources == nil || len(s.Resources.List) < 2 {
		return
	}
	patterns := make([]pattern, len(s.Resources.List))
	for i := range s.Resources.List {
		t := &s.Resources.List[i]
		patterns[i] = pattern{text: t.Value, wild: hasWildcard(t.Value), Pattern: t.Pattern,
			ok: !t.HasVariables() && !strings.Contains(t.Value, "${")}
	}
	for _, group := range l.redundant(patterns) {
		at := func(i int) iam.Span { return s.Resources.List[i].Span }
		l.add("REDUNDANT_RESOURCE", fmt.Sprintf("%d resources are redundant: %s holds %s.", len(group), quote(patterns[group[0]].text), l.others(patterns, group)), spans(group, at)...)
	}
}}

// byRedundantStatements asks whether a statement says what another says already.
var byRedundantStatements = &family{sound: true, policy: func(l *linter, list []*statement) {
	if len(list) < 2 {
		return
	}
	first := make(map[string]*statement, len(list))
	for _, s := range list {
		if s.broken {
			continue
		}
		text := s.canonical()
		if before := first[text]; before != nil {
			l.add("REDUNDANT_STATEMENT", "The statement says what another says already.", s.Span, before.Span)
			continue
		}
		first[text] = s
	}
}}

// canonical writes what a statement says: without its Sid, lists in order and without what stands in them twice.
func (s *statement) canonical() string {
	var b strings.Builder
	set := func(what string, not bool, items []string) {
		slices.Sort(items)
		b.WriteString(what + strconv.FormatBool(not))
		for _, item := range slices.Compact(items) {
			b.WriteString(strconv.Quote(item))
		}
		b.WriteByte('\n')
	}
	b.WriteString(s.Effect.String() + "\n")
	if s.Principals != nil {
		var items []string
		for _, p := range s.Principals.List {
			key := p.Key
			if p.Kind == iam.Everyone {
				key = "" // "*" and {"AWS": "*"} are the same
			}
			items = append(items, key+" "+p.Value)
		}
		set("principals", s.Principals.Not, items)
	}
	var items []string
	for i := range s.actions {
		items = append(items, iam.FoldKey(s.actions[i].Value))
	}
	set("actions", s.Actions.Not, items)
	if s.Resources != nil {
		items = nil
		for i := range s.Resources.List {
			items = append(items, s.Resources.List[i].Value)
		}
		set("resources", s.Resources.Not, items)
	}
	conditions := make([]string, 0, len(s.Conditions))
	for i := range s.Conditions {
		c := &s.Conditions[i]
		values := make([]string, 0, len(c.Values))
		for j := range c.Values {
			values = append(values, c.Values[j].Value)
		}
		slices.Sort(values)
		for j, v := range values {
			values[j] = strconv.Quote(v)
		}
		conditions = append(conditions, c.Operator.String()+" "+c.Key.Folded+strings.Join(slices.Compact(values), ","))
	}
	set("conditions", false, conditions)
	return b.String()
}
