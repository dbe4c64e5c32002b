package lint

import (
	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/iam/reach"
)

// byContradictions asks whether a statement with wildcards in its conditions can apply to any request: reach decides it over all of them.
var byContradictions = &family{sound: true, statement: func(l *linter, s *statement) {
	const most = 40 // conditions and values; a statement has seldom more
	if !l.contradictory(s, most) || !l.spend(costReach) {
		return
	}
	alone := *s.Statement
	alone.Effect = iam.Allow
	p := &iam.Policy{Kind: l.kind, Version: l.policy.Version, Statements: []iam.Statement{alone}}
	p.Statements[0].Index = 0
	granted, err := reach.NotGranted(p, nil, nil, reach.Limits{Steps: 2000})
	if err == nil && granted.Passes() {
		l.add("REDUNDANT_STATEMENT_DUE_TO_WILDCARD_IN_CONDITION", "The conditions never hold together, so that the statement has no effect.", s.Span)
	}
}}

// contradictory reports whether conditions of a statement might exclude each other: two are about one key, one of them with wildcards, and
// everything else about the statement can apply.
func (l *linter) contradictory(s *statement, most int) bool {
	if len(s.actions) == 0 || s.Actions.Not || s.Resources != nil && (s.Resources.Not || len(s.Resources.List) == 0) || s.Principals != nil && (s.Principals.Not || len(s.Principals.List) == 0) {
		return false
	}
	size := 0
	first := map[string]bool{} // by key, whether it has wildcards
	possible := false
	for i := range s.Conditions {
		c := &s.Conditions[i]
		size += 1 + len(c.Values)
		if len(c.Values) == 0 {
			return false // which never holds by itself
		}
		wild := false
		for j := range c.Values {
			wild = wild || hasWildcards(c.Operator.Test) && hasWildcard(c.Values[j].Value)
			size += len(c.Values[j].Value) / 64
		}
		before, seen := first[c.Key.Folded]
		possible = possible || seen && (before || wild)
		first[c.Key.Folded] = before || wild
	}
	return possible && size <= most
}
