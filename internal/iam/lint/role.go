package lint

import (
	"slices"
	"strings"
	"sync"

	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/iam/catalog"
)

// A grant is an action that is dangerous on more roles than are meant.
type grant struct {
	full   string // folded
	spare  string // the condition key that makes a wide resource harmless
	prefix string // of the codes
	what   string
	broad  func(l *linter, name string) bool // whether a role's name, which has wildcards, lets in more than one service's roles
}

var grants = []*grant{
	{"iam:passrole", "iam:PassedToService", "PASS_ROLE_WITH_", "Any role of these can be handed to a service", manyRoles},
	{"iam:createservicelinkedrole", "iam:AWSServiceName", "CREATE_SLR_WITH_", "Service-linked roles can be made for any service", manyServices},
}

// byRoles is about passing roles and creating them.
var byRoles = &family{sound: true, statement: func(l *linter, s *statement) {
	if s.Effect != iam.Allow || s.Resources == nil {
		return
	}
	for _, g := range grants {
		how, spans := s.reaches(g.full)
		if how == notReached {
			continue
		}
		suffix := ""
		if s.Resources.Not {
			suffix = [...]string{byName: "NOT_RESOURCE", byWildcard: "STAR_IN_ACTION_AND_NOT_RESOURCE", byNotAction: "NOT_ACTION_AND_NOT_RESOURCE"}[how]
			spans = append(spans, s.Resources.Span)
		} else {
			wide := l.wide(s, g)
			if len(wide) == 0 || s.has(g.spare) {
				continue
			}
			suffix = [...]string{byName: "STAR_IN_RESOURCE", byWildcard: "STAR_IN_ACTION_AND_RESOURCE", byNotAction: "STAR_IN_RESOURCE_AND_NOT_ACTION"}[how]
			spans = append(spans, wide...)
		}
		l.add(iam.Code(g.prefix+suffix), g.what+": name the roles, or restrict them by "+g.spare+".", spans...)
	}
}}

// wide gives the resources of a statement that stand for many roles.
func (l *linter) wide(s *statement, g *grant) []iam.Span {
	var spans []iam.Span
	role := l.catalog.Service("iam").ResourceType("role")
	for i := range s.Resources.List {
		t := &s.Resources.List[i]
		if !hasWildcard(t.Value) || !l.spend(costMeet(len(t.Value), len(role.ARNs[0]))) || !role.Meets(t.Value) {
			continue
		}
		name := "*"
		if f, ok := splitARN(t.Value); ok {
			if !hasWildcard(f[5]) {
				continue // one role, of whatever account
			}
			name = strings.TrimPrefix(f[5], "role/")
		}
		if g.broad(l, name) {
			spans = append(spans, t.Span)
		}
	}
	return spans
}

// manyRoles reports whether a pattern of roles' names goes beyond one service: services put their names in front of those of their roles.
func manyRoles(l *linter, name string) bool {
	fixed := name[:strings.IndexAny(name, "*?")]
	if at := strings.LastIndexByte(fixed, '/'); at >= 0 {
		fixed = fixed[at+1:]
	}
	lower := strings.ToLower(fixed)
	for _, prefix := range [...]string{"awsservicerolefor", "aws", "amazon"} {
		if rest, ok := strings.CutPrefix(lower, prefix); ok {
			lower = rest
			break
		}
	}
	return !l.spend(10_000) || !beginsWithService(strings.TrimLeft(lower, "-_"))
}

// serviceNames are what names of services' roles begin with, in lower case: prefixes, and names without spaces.
var serviceNames = sync.OnceValue(func() []string {
	var names []string
	services := catalog.Load().Services()
	for i := range services {
		if p := services[i].Prefix; len(p) > 1 {
			names = append(names, p)
		}
		name := strings.ToLower(services[i].Name)
		for _, vendor := range [...]string{"amazon ", "aws "} {
			name = strings.TrimPrefix(name, vendor)
		}
		if name = strings.ReplaceAll(name, " ", ""); len(name) > 3 {
			names = append(names, name)
		}
	}
	return names
})

func beginsWithService(s string) bool {
	return slices.ContainsFunc(serviceNames(), func(name string) bool { return strings.HasPrefix(s, name) })
}

// manyServices reports whether a pattern of service-linked roles' names goes beyond one service, whose principal stands in their path.
func manyServices(_ *linter, name string) bool {
	rest, ok := strings.CutPrefix(name, "aws-service-role/")
	service, _, named := strings.Cut(rest, "/")
	return !ok || !named || hasWildcard(service)
}
