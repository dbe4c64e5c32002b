package eval

import "github.com/magpie-sec/magpie/internal/iam"

// Matches reports whether a statement applies to a request, whatever its effect is, and how it names the caller (NotNamed if it does not
// apply).
func Matches(s *iam.Statement, r *Request) Naming {
	return matches(s, r, Names(s, &r.Caller))
}

// matches is Matches for a statement that names the caller in a known way.
func matches(s *iam.Statement, r *Request, n Naming) Naming {
	if n == NotNamed || !matchesAction(&s.Actions, r.Action) || !matchesResource(s.Resources, r) {
		return NotNamed
	}
	for i := range s.Conditions {
		if !Holds(&s.Conditions[i], r.Context) {
			return NotNamed
		}
	}
	return n
}

func matchesAction(a *iam.Actions, action string) bool {
	for i := range a.List {
		if a.List[i].Pattern.Match(action) {
			return !a.Not
		}
	}
	return a.Not
}

// matchesResource takes a statement without resources to be about the one that it is attached to.
func matchesResource(rs *iam.Resources, r *Request) bool {
	if rs == nil {
		return true
	}
	for i := range rs.List {
		t := &rs.List[i]
		p, ok := t.Pattern, !t.Never
		if t.HasVariables() {
			p, ok = t.Expand(r.Context.variable)
		}
		if ok && p.Match(r.Resource) {
			return !rs.Not
		}
	}
	return rs.Not
}

// Permits reports what one policy alone makes of a request: some statement that allows it applies, and none that denies it
// (access-analyzer.md 4.6). It is what package reach reasons about for all requests.
func Permits(p *iam.Policy, r *Request) bool {
	allowed := false
	for i := range p.Statements {
		s := &p.Statements[i]
		if allowed && s.Effect == iam.Allow || Matches(s, r) == NotNamed {
			continue
		}
		if s.Effect == iam.Deny {
			return false
		}
		allowed = true
	}
	return allowed
}
