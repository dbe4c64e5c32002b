package catalog

import (
	"iter"
	"sort"
	"strings"
)

// Match gives the actions that a pattern of an Action element covers, in order: "s3:Get*", "*", "ec2:Describe?pc*". The pattern is compared with
// the whole of prefix:name, ignoring case; * stands for any run of characters, ? for one. A pattern whose prefix has no wildcard
// costs a search in its service, another one a walk over all actions.
func (c *Catalog) Match(pattern string) iter.Seq[*Action] {
	return func(yield func(*Action) bool) {
		among, all := c.candidates(pattern)
		for i := range among {
			if a := &among[i]; (all || a.Matches(pattern)) && !yield(a) {
				return
			}
		}
	}
}

// Matches reports whether the pattern covers the action; see Catalog.Match.
func (a *Action) Matches(pattern string) bool { return matchFold(pattern, a.Full) }

// MatchesAny reports whether the pattern covers an action of the catalogue.
func (c *Catalog) MatchesAny(pattern string) bool {
	for range c.Match(pattern) {
		return true
	}
	return false
}

// AllMatch reports whether the pattern covers every action of the service that the catalogue knows. Only a name of nothing but stars
// ("s3:*") covers also those that AWS adds later.
func (s *Service) AllMatch(pattern string) bool {
	for i := range s.Actions {
		if !s.Actions[i].Matches(pattern) {
			return false
		}
	}
	return true
}

// candidates gives a stretch of the actions in which all that the pattern covers stand: those that begin with its text before the first wildcard.
// all tells that it covers every one of them.
func (c *Catalog) candidates(pattern string) (among []Action, all bool) {
	prefix, name, ok := strings.Cut(pattern, ":")
	if !ok || strings.ContainsAny(prefix, "*?") {
		return c.actions, pattern != "" && strings.Trim(pattern, "*") == ""
	}
	s := c.Service(prefix)
	if s == nil {
		return nil, false
	}
	if i := strings.IndexAny(name, "*?"); i >= 0 {
		all = strings.Trim(name[i:], "*") == ""
		name = name[:i]
	}
	from := sort.Search(len(s.Actions), func(i int) bool { return compareFold(s.Actions[i].Name, name) >= 0 })
	to := from + sort.Search(len(s.Actions)-from, func(i int) bool { return !hasPrefixFold(s.Actions[from+i].Name, name) })
	return s.Actions[from:to], all
}

// matchFold reports whether a pattern with * and ? matches the whole of s, ignoring the case of ASCII letters. On a mismatch only the last star
// is tried again, which suffices; the time is at most the product of the lengths.
func matchFold(pattern, s string) bool {
	p, i, star, mark := 0, 0, -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || lower(pattern[p]) == lower(s[i])):
			p++
			i++
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}
