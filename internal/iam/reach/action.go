package reach

import (
	"fmt"
	"slices"
	"strings"

	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/iam/glob"
)

// An actionDomain is the actions that a question is about, in classes that the policies do not tell apart.
type actionDomain struct {
	classes  []actionClass
	patterns map[string]bits // by text: the classes that a pattern of a policy holds
}

type actionClass struct {
	name  string   // one of them
	names []string // as findings name them
}

func (d *actionDomain) len() int { return len(d.classes) }

// matching gives the classes that an Action or NotAction element matches.
func (d *actionDomain) matching(a *iam.Actions) bits {
	points := newBits(len(d.classes))
	for i := range a.List {
		for w, x := range d.patterns[a.List[i].Value] {
			points[w] |= x
		}
	}
	if a.Not {
		all := allBits(len(d.classes))
		all.and(points, true)
		return all
	}
	return points
}

// maxClasses bounds the classes of actions that are not listed by name.
const maxClasses = 512

// makeActions sorts the actions that are asked about. A text with wildcards stands for what it matches that is not listed by name.
func (sp *space) makeActions(layers [][]*iam.Policy, actions []string) error {
	var patterns []*iam.Action
	seen := map[string]bool{}
	for _, policies := range layers {
		for _, p := range policies {
			for i := range p.Statements {
				list := p.Statements[i].Actions.List
				for j := range list {
					if !seen[list[j].Value] {
						seen[list[j].Value] = true
						patterns = append(patterns, &list[j])
					}
				}
			}
		}
	}
	d := &actionDomain{patterns: map[string]bits{}}
	byMatches := map[string]int{}
	var members []bits // of each class: the patterns that match it
	add := func(name, shown string, matches bits) {
		sp.work(4 + 2*len(matches))
		key := string(fmt.Append(nil, matches))
		at, ok := byMatches[key]
		if !ok {
			at = len(d.classes)
			byMatches[key] = at
			d.classes = append(d.classes, actionClass{name: name})
			members = append(members, matches)
		}
		sp.work(len(d.classes[at].names) / 8)
		if shown != "" && !slices.Contains(d.classes[at].names, shown) {
			d.classes[at].names = append(d.classes[at].names, shown)
		}
	}
	var listed []string
	for _, a := range actions {
		if strings.ContainsAny(a, "*?") {
			continue
		}
		listed = append(listed, a)
		if !sp.work(1 + len(patterns)) {
			return errSpent
		}
		matches := newBits(len(patterns))
		for i, p := range patterns {
			if p.Pattern.Match(a) {
				matches.set(i)
			}
		}
		add(a, a, matches)
	}
	for _, a := range actions {
		if strings.ContainsAny(a, "*?") {
			if err := sp.otherActions(glob.Action(a), listed, patterns, add); err != nil {
				return err
			}
		}
	}
	for i, p := range patterns {
		if !sp.work(1 + len(members)/8) {
			return errSpent
		}
		points := newBits(len(d.classes))
		for c, m := range members {
			if m.has(i) {
				points.set(c)
			}
		}
		d.patterns[p.Value] = points
	}
	sp.actions = d
	sp.coords[actionCoord] = &coordinate{points: len(d.classes)}
	return nil
}

// otherActions finds the classes of actions that a text with wildcards matches and that are not listed.
func (sp *space) otherActions(within glob.Pattern, listed []string, patterns []*iam.Action, add func(name, shown string, matches bits)) error {
	var out []glob.Pattern
	for _, a := range listed {
		if within.Match(a) {
			out = append(out, glob.Action(a))
		}
	}
	in := []glob.Pattern{within, glob.Compile("?*:?*")}
	matches := newBits(len(patterns))
	classes := 0
	var split func(i int, in, out []glob.Pattern) error
	split = func(i int, in, out []glob.Pattern) error {
		if !sp.spend(1) {
			return errSpent
		}
		name, found, err := sp.witness(in, out)
		if err != nil {
			return err
		}
		if !found {
			return nil
		}
		if i == len(patterns) {
			if classes++; classes > maxClasses {
				return fmt.Errorf("%w: too many classes of actions", ErrTooComplex)
			}
			shown := ""
			for j, p := range patterns {
				if matches.has(j) && (shown == "" || len(p.Value) > len(shown)) {
					shown = p.Value
				}
			}
			add(name, shown, slices.Clone(matches))
			return nil
		}
		sp.work(1 + len(in)/2 + len(out)/8)
		p := patterns[i].Pattern
		if p.IsEverything() || slices.ContainsFunc(in, p.Equal) {
			matches.set(i)
			err := split(i+1, in, out)
			matches[i/64] &^= 1 << (i % 64)
			return err
		}
		if err := split(i+1, in, append(slices.Clip(out), p)); err != nil {
			return err
		}
		matches.set(i)
		err = split(i+1, append(slices.Clip(in), p), out)
		matches[i/64] &^= 1 << (i % 64)
		return err
	}
	return split(0, in, out)
}
