// Package lint tells what is amiss with a policy, as Access Analyzer's ValidatePolicy does (access-analyzer.md 7): what the grammar forbids,
// what the services do not know, what lets in more than was meant, and what has no effect.
//
// Every check stands in the table of checks.go: a new one is a row there, a function of a family that calls add, two vectors that fire and two
// that do not in testdata, and a line in testdata/codes.txt. What the text alone tells comes from iam.Check; what services, actions and keys there are from
// iam/catalog; whether one pattern holds another from iam/glob, and whether a statement can apply at all from iam/reach. A check says nothing
// where it cannot decide.
package lint

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/iam/catalog"
)

// Type is how grave a finding is, as ValidatePolicy's findingType has it.
type Type uint8

// The types, the gravest first.
const (
	Error           Type = iota // the policy is refused, or a part of it means nothing
	SecurityWarning             // it lets in more than was probably meant
	Warning                     // it may not do what was meant
	Suggestion                  // it could be shorter or clearer
)

// String gives the type as on the wire.
func (t Type) String() string {
	return [...]string{"ERROR", "SECURITY_WARNING", "WARNING", "SUGGESTION"}[t]
}

// A Finding is one thing that is amiss.
type Finding struct {
	Code      iam.Code // the issue code
	Type      Type
	Details   string     // a sentence for people
	Locations []Location // at least one; the first is the most telling
}

// A Location is an element of the policy.
type Location struct {
	Path  iam.Path
	Start iam.Position
	End   iam.Position // of the first character behind it
}

// String writes the path; the whole document is "(document)".
func (l Location) String() string {
	if path := l.Path.String(); path != "" {
		return path
	}
	return "(document)"
}

const guide = "https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html#access-analyzer-reference-policy-checks-"

// LearnMore is the address of the section about the check in the IAM User Guide.
func (f Finding) LearnMore() string {
	class := [...]string{"error", "security-warning", "general-warning", "suggestion"}[f.Type]
	return guide + class + "-" + strings.ToLower(strings.ReplaceAll(string(f.Code), "_", "-"))
}

// TrustPolicy is the resource type of the policy that says who may assume a role.
const TrustPolicy = "AWS::IAM::AssumeRolePolicyDocument"

// Check returns what is amiss with a policy of a kind, in the order of the text. For a resource policy resourceType may be the CloudFormation
// type of the resource that it is attached to; for types that no check knows, and for "", the checks of all resources are made. A resource
// policy of the type TrustPolicy, or of no type that names only actions of sts and no resource, is taken for a trust policy.
//
// At most maxFindings are told of one code.
func Check(text string, kind iam.Kind, resourceType string) []Finding {
	p, problems := iam.Check(text, kind)
	if kind == iam.Resource && (resourceType == TrustPolicy || resourceType == "" && isTrust(p)) {
		kind = iam.Trust
		p, problems = iam.Check(text, kind)
	}
	l := &linter{policy: p, kind: kind, resourceType: resourceType, catalog: catalog.Load(), rows: rows(), told: map[iam.Code]int{}, work: maxWork}
	for i := range problems {
		l.problem(&problems[i])
	}
	if p != nil {
		l.document(problems)
	}
	order := func(f *Finding) int { return l.rows[f.Code].order }
	slices.SortStableFunc(l.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Locations[0].Start.Byte, b.Locations[0].Start.Byte), cmp.Compare(order(&a), order(&b)))
	})
	return l.findings
}

// isTrust tells a trust policy that was given as one of any resource.
func isTrust(p *iam.Policy) bool {
	if p == nil || len(p.Statements) == 0 {
		return false
	}
	for i := range p.Statements {
		s := &p.Statements[i]
		if s.Resources != nil || len(s.Actions.List) == 0 {
			return false
		}
		for j := range s.Actions.List {
			if s.Actions.List[j].Service != "sts" {
				return false
			}
		}
	}
	return true
}

const (
	// maxFindings bounds what is told of one code, and maxLocations the places of one finding.
	maxFindings  = 100
	maxLocations = 100
	// maxWork bounds what is more than linear in the policy's length, in nanoseconds or so. When it is used up, checks that compare much say nothing.
	maxWork = 250_000_000
)

// A linter collects the findings of one policy.
type linter struct {
	policy       *iam.Policy
	kind         iam.Kind
	resourceType string
	catalog      *catalog.Catalog
	rows         map[iam.Code]row
	findings     []Finding
	told         map[iam.Code]int
	work         int
	keys         map[string]keyFact      // by folded name
	services     map[string]*serviceFact // by ARN's service part
}

// full reports whether no more is told of a code, so that its details need not be made.
func (l *linter) full(code iam.Code) bool { return l.told[code] >= maxFindings }

// applies reports whether a check is made of this policy.
func (l *linter) applies(code iam.Code) bool {
	r, ok := l.rows[code]
	return ok && r.kinds.has(l.kind) && (r.types == nil || l.kind != iam.Resource || slices.Contains(r.types, l.resourceType))
}

// add tells a finding about elements of the policy.
func (l *linter) add(code iam.Code, details string, spans ...iam.Span) {
	if !l.applies(code) || l.full(code) {
		return
	}
	l.told[code]++
	f := Finding{Code: code, Type: l.rows[code].typ, Details: details}
	for _, span := range spans[:min(len(spans), maxLocations)] {
		f.Locations = append(f.Locations, Location{l.policy.Path(span), l.policy.Position(span.Start), l.policy.Position(span.End)})
	}
	l.findings = append(l.findings, f)
}

// problem tells what the parser found.
func (l *linter) problem(p *iam.Problem) {
	code := p.Code
	switch {
	case code == iam.DuplicateKeys:
		code = iam.JSONSyntaxError
	case code == iam.ForeignPrincipal, code == iam.UnsupportedWildcardInPrincipal && !p.Fatal:
		return // a name that only another store has is no fault: see byPrincipals
	}
	if !l.applies(code) || l.full(code) {
		return
	}
	l.told[code]++
	l.findings = append(l.findings, Finding{Code: code, Type: l.rows[code].typ, Details: sentence(p.Message), Locations: []Location{{p.Path, p.Start, p.End}}})
}

// sentence writes a message of the parser with a capital and a full stop.
func sentence(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

// What some steps cost, as maxWork counts.
const (
	costMatch   = 40      // an action beside a pattern
	costSupport = 1_000   // an action beside a condition key
	costReach   = 600_000 // a statement over all requests
)

// costMeet is what it costs to ask whether two patterns of some lengths have a text in common.
func costMeet(a, b int) int { return 300 + 2*a*b }

// spend takes work from what is left and reports whether there was enough.
func (l *linter) spend(n int) bool {
	l.work -= n
	return l.work >= 0
}

// document makes the checks that are not the parser's.
func (l *linter) document(problems []iam.Problem) {
	l.keys, l.services = map[string]keyFact{}, map[string]*serviceFact{}
	broken := map[int]bool{}
	for i := range problems {
		if p := &problems[i]; p.Fatal && len(p.Path) > 0 {
			broken[statementAt(l.policy, p.Span)] = true
		}
	}
	statements := make([]*statement, 0, len(l.policy.Statements))
	for i := range l.policy.Statements {
		s := l.statement(&l.policy.Statements[i])
		s.broken = broken[i]
		statements = append(statements, s)
	}
	for _, f := range families {
		if f.policy != nil {
			f.policy(l, statements)
		}
		for _, s := range statements {
			if s.broken && f.sound {
				continue
			}
			if f.statement != nil {
				f.statement(l, s)
			}
			if f.condition != nil {
				for i := range s.Conditions {
					f.condition(l, s, &s.Conditions[i])
				}
			}
		}
	}
}

// statementAt gives the statement that a span lies in, or -1.
func statementAt(p *iam.Policy, span iam.Span) int {
	i, found := slices.BinarySearchFunc(p.Statements, span, func(s iam.Statement, span iam.Span) int {
		switch {
		case s.Span.End <= span.Start:
			return -1
		case s.Span.Start > span.Start:
			return 1
		}
		return 0
	})
	if !found {
		return -1
	}
	return i
}

// quote shortens what a finding repeats from the policy.
func quote(s string) string {
	const limit = 80
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "") + "..."
	}
	return s
}

// list joins some names, and says how many more there are.
func list(names []string) string {
	const limit = 10
	quoted := make([]string, 0, limit)
	for _, name := range names[:min(len(names), limit)] {
		quoted = append(quoted, quote(name))
	}
	s := strings.Join(quoted, ", ")
	if more := len(names) - limit; more > 0 {
		s += fmt.Sprintf(" and %d more", more)
	}
	return s
}
