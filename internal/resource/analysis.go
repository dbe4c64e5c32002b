package resource

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/iam/catalog"
	"github.com/magpie-sec/magpie/internal/iam/eval"
	"github.com/magpie-sec/magpie/internal/iam/glob"
	"github.com/magpie-sec/magpie/internal/iam/reach"
	"github.com/magpie-sec/magpie/internal/source"
)

// An analysis works out one resource.
type analysis struct {
	r      *Resource
	kind   *kind
	zone   reach.Zone
	limits reach.Limits

	findings []Finding
	gaps     []string
	denied   bool
	failed   bool // something other than a refusal is the reason of a gap
}

// gap notes that something unknown could change the findings.
func (a *analysis) gap(denied bool, format string, args ...any) {
	if denied {
		a.denied = true
	} else {
		a.failed = true
	}
	if reason := fmt.Sprintf(format, args...); !slices.Contains(a.gaps, reason) {
		a.gaps = append(a.gaps, reason)
	}
}

// unknown notes a fact that is unknown, if it is.
func unknown[T any](a *analysis, what string, f source.Fact[T]) bool {
	if f.State != source.StateUnknown {
		return false
	}
	reason := f.Reason
	if reason == "" {
		reason = "it was not read"
	}
	a.gap(f.Denied, "%s: %s", what, reason)
	return true
}

func (a *analysis) result() Result {
	r := Result{Findings: a.findings}
	slices.SortFunc(r.Findings, compareFindings)
	via := map[string]bool{}
	actions := map[string]bool{}
	for _, f := range r.Findings {
		r.Public = r.Public || f.Public
		for _, action := range f.Actions {
			actions[action] = true
		}
		for _, s := range f.Sources {
			via[string(s.Type)] = true
		}
	}
	r.Actions, r.SharedVia = sorted(actions), sorted(via)
	if len(a.gaps) > 0 {
		r.Error, r.Reason = InternalError, strings.Join(a.gaps, "; ")
		if a.denied && !a.failed {
			r.Error = AccessDenied
		}
	}
	return r
}

func sorted(set map[string]bool) []string {
	var list []string
	for s := range set {
		list = append(list, s)
	}
	slices.Sort(list)
	return list
}

func compareFindings(f, g Finding) int {
	return cmp.Or(cmp.Compare(f.Principal.Kind, g.Principal.Kind), cmp.Compare(f.Principal.Value, g.Principal.Value),
		slices.CompareFunc(f.Condition, g.Condition, func(s, t reach.Term) int {
			return cmp.Or(cmp.Compare(s.Key, t.Key), cmp.Compare(s.Label, t.Label))
		}), compareBool(f.Public, g.Public), slices.Compare(f.Actions, g.Actions))
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// A document is a policy of a guard with what people call it.
type document struct {
	name   string
	source Source // of buckets
	policy *iam.Policy
	places []Place
}

// bounds are the most and the least that a document may say; they are the same if all of it is known.
type bounds struct {
	most, least *document
	reason      string
}

func exactly(d *document) bounds { return bounds{most: d, least: d} }

// read parses the document of a fact. ok is false if the resource has none, or what it has is a gap.
func (a *analysis) read(what string, from Source, f source.Fact[Document], kind iam.Kind) (b bounds, ok bool) {
	if unknown(a, what, f) || f.State == source.StateAbsent {
		return b, false
	}
	d := f.Value
	most, err := iam.Parse(d.Text, kind)
	if err != nil {
		a.gap(false, "%s: %v", what, err)
		return b, false
	}
	b = exactly(&document{name: what, source: from, policy: most, places: d.Places})
	if d.Least == "" {
		return b, true
	}
	least, err := iam.Parse(d.Least, kind)
	if err != nil {
		a.gap(false, "%s: %v", what, err)
		return b, false
	}
	b.least, b.reason = &document{name: what, source: from, policy: least, places: d.Places}, d.Reason
	return b, true
}

// A layer is documents of which one has to allow.
type layer struct {
	documents []*document
	resources []string
}

// external asks who outside gets through the layers. It returns nothing, and notes a gap, if that is too hard to tell.
func (a *analysis) external(layers []layer, actions []string) []Finding {
	if !a.open(layers) {
		return nil
	}
	guard := reach.Guard{}
	for _, l := range layers {
		rl := reach.Layer{Resources: l.resources}
		for _, d := range l.documents {
			rl.Policies = append(rl.Policies, d.policy)
		}
		guard.Layers = append(guard.Layers, rl)
	}
	accesses, err := reach.External(guard, a.zone, actions, a.limits)
	if err != nil {
		a.gap(false, "%v", explain(err))
	}
	findings := make([]Finding, 0, len(accesses))
	for _, access := range accesses {
		if strings.HasPrefix(access.Principal.Value, originAccessIdentity) {
			continue
		}
		f := Finding{Access: access}
		for _, p := range access.Statements {
			d := layers[p.Layer].documents[p.Policy]
			reason := Reason{Document: d.name, Statement: p.Statement, Sid: p.Sid}
			switch {
			case p.Statement < len(d.places):
				reason.Place = d.places[p.Statement]
			case len(d.places) == 1: // of the whole
				reason.Place = d.places[0]
			}
			f.Reasons = append(f.Reasons, reason)
			if d.source.Type != "" && !slices.Contains(f.Sources, d.source) {
				f.Sources = append(f.Sources, d.source)
			}
		}
		f.Statements = nil
		findings = append(findings, f)
	}
	return findings
}

func explain(err error) error {
	if errors.Is(err, reach.ErrTooComplex) {
		return fmt.Errorf("the policies are too complex to decide")
	}
	return err
}

// open reports whether some statement of every layer may let someone outside in. It is a quick look that spares the search for most policies:
// a layer all of whose Allow statements name principals inside the zone, or services, lets nobody else through.
func (a *analysis) open(layers []layer) bool {
	for _, l := range layers {
		if !slices.ContainsFunc(l.documents, func(d *document) bool {
			return slices.ContainsFunc(d.policy.Statements, func(s iam.Statement) bool { return s.Effect == iam.Allow && a.invites(&s) })
		}) {
			return false
		}
	}
	return true
}

// originAccessIdentity begins the names of CloudFront's origin access identities, which are an internal account of AWS and so no finding
// (access-analyzer.md 2.1).
const originAccessIdentity = "arn:aws:iam::cloudfront:user/"

// invites reports whether a statement's principals may be outside the zone.
func (a *analysis) invites(s *iam.Statement) bool {
	if s.Principals == nil || s.Principals.Not {
		return true
	}
	return slices.ContainsFunc(s.Principals.List, func(p iam.Principal) bool {
		switch p.Kind {
		case iam.Service, iam.EveryService:
			return false
		case iam.External:
			return !strings.HasPrefix(p.Value, originAccessIdentity)
		case iam.Account, iam.User, iam.Role, iam.RoleSession, iam.FederatedUser:
			return !a.zone.Trusts(p.Account)
		}
		return true
	})
}

// within asks for both bounds of a guard. Findings of the lower bound are certain; if the upper bound has others there is a gap.
func (a *analysis) within(make func(most bool) []layer, reason string, actions []string) []Finding {
	least := a.external(make(false), actions)
	if reason == "" {
		return least
	}
	if most := a.external(make(true), actions); !sameFindings(most, least) {
		a.gap(false, "%s", reason)
	}
	return least
}

// sameFindings compares who may do what under which condition.
func sameFindings(f, g []Finding) bool {
	f, g = merge(nil, f), merge(nil, g)
	slices.SortFunc(f, compareFindings)
	slices.SortFunc(g, compareFindings)
	return slices.EqualFunc(f, g, func(x, y Finding) bool { return compareFindings(x, y) == 0 && slices.Equal(x.Sources, y.Sources) })
}

// merge adds findings to others. The same access that is granted in two ways is one finding, with the sources of both.
func merge(into, more []Finding) []Finding {
	for _, f := range more {
		i := slices.IndexFunc(into, func(g Finding) bool {
			return f.Principal == g.Principal && f.Public == g.Public && slices.Equal(f.Condition, g.Condition)
		})
		if i < 0 {
			f.Actions, f.Sources, f.Reasons = slices.Clone(f.Actions), slices.Clone(f.Sources), slices.Clone(f.Reasons)
			into = append(into, f)
			continue
		}
		g := &into[i]
		g.Actions = append(g.Actions, f.Actions...)
		slices.Sort(g.Actions)
		g.Actions = slices.Compact(g.Actions)
		for _, s := range f.Sources {
			if !slices.Contains(g.Sources, s) {
				g.Sources = append(g.Sources, s)
			}
		}
		for _, r := range f.Reasons {
			if !slices.Contains(g.Reasons, r) {
				g.Reasons = append(g.Reasons, r)
			}
		}
	}
	for i := range into {
		slices.SortFunc(into[i].Sources, func(s, t Source) int {
			return cmp.Or(cmp.Compare(s.Type, t.Type), cmp.Compare(s.AccessPointARN, t.AccessPointARN), cmp.Compare(s.AccessPointAccount, t.AccessPointAccount))
		})
		slices.SortStableFunc(into[i].Reasons, func(r, s Reason) int {
			return cmp.Or(cmp.Compare(r.Document, s.Document), cmp.Compare(r.Statement, s.Statement))
		})
	}
	return into
}

// specialise makes of a policy what it says of requests that carry the known keys as told, absent ones included: conditions on them are
// decided and left out. Statements keep their indices.
func specialise(p *iam.Policy, known eval.Context, keys ...string) *iam.Policy {
	q := *p
	q.Statements = nil
	for _, s := range p.Statements {
		conditions := make([]iam.Condition, 0, len(s.Conditions))
		holds := true
		for i := range s.Conditions {
			c := &s.Conditions[i]
			if !slices.Contains(keys, c.Key.Folded) || slices.ContainsFunc(c.Values, func(v iam.Value) bool { return v.Template.HasVariables() }) {
				conditions = append(conditions, *c)
				continue
			}
			holds = holds && eval.Holds(c, known)
		}
		if holds {
			s.Conditions = conditions
			q.Statements = append(q.Statements, s)
		}
	}
	return &q
}

// only keeps the statements of one effect.
func only(p *iam.Policy, effect iam.Effect) *iam.Policy {
	q := *p
	q.Statements = nil
	for _, s := range p.Statements {
		if s.Effect == effect {
			q.Statements = append(q.Statements, s)
		}
	}
	return &q
}

// like is a document with another policy.
func (d *document) like(p *iam.Policy) *document {
	c := *d
	c.policy = p
	return &c
}

// self are the texts that requests about the resource itself have as their resource.
func (r *Resource) self() string {
	if r.Marker != "" {
		return r.Marker
	}
	return r.ARN
}

// named notes a gap if it depends on a name that is not known whether a statement is about the resource: on one that CloudFormation would
// invent.
func (a *analysis) named(what string, p *iam.Policy) {
	if a.r.Marker == "" {
		return
	}
	from := strings.IndexByte(a.r.Marker, '<')
	to := strings.IndexByte(a.r.Marker, '>')
	if from < 0 || to < from {
		return
	}
	any := glob.Resource(a.r.Marker[:from] + "*" + a.r.Marker[to+1:])
	for i := range p.Statements {
		s := &p.Statements[i]
		if s.Resources == nil {
			continue
		}
		for _, t := range s.Resources.List {
			switch {
			case t.HasVariables() || t.Pattern.Match(a.r.Marker) || !strings.ContainsAny(t.Value, "*?"):
				continue // a pattern that takes this name by a star takes every name; a name in full is another resource's
			}
			if disjoint, err := glob.Disjoint(t.Pattern, any); err != nil || !disjoint {
				a.gap(false, "%s: whether statement %d is about the resource depends on the name that CloudFormation will give it", what, s.Index)
			}
		}
	}
}

// guarded analyses a resource whose policy alone decides.
func guarded(a *analysis) {
	b, ok := a.read(a.kind.document, Source{}, a.r.Policy, a.kind.policy)
	if !ok {
		return
	}
	a.findings = a.alone(b)
}

// alone asks what one document lets through.
func (a *analysis) alone(b bounds, more ...*document) []Finding {
	a.named(a.kind.document, b.most.policy)
	var found []Finding
	for _, part := range a.kind.parts() {
		found = merge(found, a.within(func(most bool) []layer {
			d := b.least
			if most {
				d = b.most
			}
			l := layer{documents: append([]*document{d}, more...)}
			if a.kind.policy != iam.Trust {
				l.resources = part.of(a.r.self())
			}
			return []layer{l}
		}, b.unclear(a.kind.document), part.actions))
	}
	return found
}

func (b bounds) unclear(what string) string {
	if b.reason == "" {
		return ""
	}
	return what + ": " + b.reason
}

// A part is a kind of thing that actions are about: the bucket and its objects, the table and its indexes.
type part struct {
	suffixes []string // of the resource's ARN; "" is the resource itself
	actions  []string
}

func (p part) of(arn string) []string {
	list := make([]string, len(p.suffixes))
	for i, s := range p.suffixes {
		list[i] = arn + s
	}
	return list
}

// actionsOn are the actions of the catalogue that work on a type of resource ("s3:bucket"), apart from those that make it.
func actionsOn(types ...string) []string {
	set := map[string]bool{}
	for _, name := range types {
		prefix, kind, _ := strings.Cut(name, ":")
		s := catalog.Load().Service(prefix)
		t := s.ResourceType(kind)
		for i := range s.Actions {
			if slices.ContainsFunc(s.Actions[i].Resources, func(r catalog.ActionResource) bool { return r.Type == t }) {
				set[s.Actions[i].Full] = true
			}
		}
	}
	return sorted(set)
}
