package remedy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/iam/reach"
	"github.com/magpie-sec/magpie/internal/resource"
	"github.com/magpie-sec/magpie/internal/source"
)

// candidates are the changes that may close a finding, as lists of edits. Each document that grants has alternatives; one of them may be enough
// where several layers have to allow, and one of each is needed where several documents grant.
func (c *Closer) candidates(f *resource.Finding) [][]Edit {
	var order []string
	reasons := map[string][]resource.Reason{}
	for _, why := range f.Reasons {
		if _, seen := reasons[why.Document]; !seen {
			order = append(order, why.Document)
		}
		reasons[why.Document] = append(reasons[why.Document], why)
	}
	var groups [][][]Edit
	for _, name := range order {
		if g := c.alternatives(f, name, reasons[name]); len(g) > 0 {
			groups = append(groups, g)
		}
	}
	var first, rest [][]Edit
	for _, g := range groups {
		n := min(len(g), fewAlternatives)
		first, rest = append(first, g[:n]...), append(rest, g[n:]...)
	}
	if len(groups) > 1 {
		together := [][]Edit{nil}
		for _, g := range groups {
			var more [][]Edit
			for _, some := range together {
				for _, a := range g[:min(len(g), fewAlternatives)] {
					more = append(more, append(slices.Clone(some), a...))
				}
			}
			together = more[:min(len(more), maxCandidates)]
		}
		first = append(first, together...)
	}
	all := append(first, rest...)
	return all[:min(len(all), maxCandidates)]
}

// fewAlternatives is how many alternatives of one document are combined with those of others.
const fewAlternatives = 6

// alternatives are the changes of one document, or of settings about it, that may close a finding.
func (c *Closer) alternatives(f *resource.Finding, name string, reasons []resource.Reason) [][]Edit {
	switch {
	case name == "ACL":
		return c.ofACL(f)
	case name == "sharing":
		share := f.Principal.Value
		if share == "*" {
			share = everyone
		}
		return [][]Edit{{{Kind: Unshare, Values: []string{share}, size: len(share)}}}
	case c.r.Type == resource.Key && strings.HasPrefix(name, "grant"):
		return c.ofGrants(name)
	}
	all := c.ofPolicy(f, name, reasons)
	if c.r.Type == resource.Bucket {
		all = append(all, []Edit{{Kind: RestrictPublicBuckets, Reason: resource.Reason{Document: name}, size: len(RestrictPublicBuckets)}})
	}
	return all
}

// ofACL are the ways to end what an access control list grants.
func (c *Closer) ofACL(f *resource.Finding) [][]Edit {
	var grants []Edit
	for _, g := range c.r.ACL.Value {
		public := g.Grantee == source.AllUsers || g.Grantee == source.AuthenticatedUsers
		if public && f.Principal.Value != "*" || !public && strings.TrimSpace(g.Grantee) != f.Principal.Value {
			continue
		}
		to := g.Grantee
		if public {
			to = "the group " + to[strings.LastIndexByte(to, '/')+1:]
		}
		grants = append(grants, Edit{Kind: RemoveACLGrant, Key: g.Grantee, Values: []string{to}, Permission: g.Permission, size: len(g.Grantee) + len(g.Permission)})
	}
	all := [][]Edit{{{Kind: IgnorePublicACLs, size: len(IgnorePublicACLs)}}, {{Kind: EnforceOwner, size: len(EnforceOwner), loss: unseen}}}
	if len(grants) > 0 {
		all = append(all, grants)
	}
	return all
}

// ofGrants are the grants of a KMS key that go by a name.
func (c *Closer) ofGrants(name string) [][]Edit {
	var all []Edit
	for i, g := range c.r.Grants.Value {
		if strings.TrimSpace("grant "+g.ID) == name {
			all = append(all, Edit{Kind: RevokeGrant, Key: g.Grantee, Values: []string{g.ID}, index: i, size: len(g.ID) + len(g.Grantee)})
		}
	}
	if len(all) == 0 {
		return nil
	}
	return [][]Edit{all}
}

// fewReasons is up to how many statements each of them is tried alone.
const fewReasons = 8

// ofPolicy are the ways to change the statements of a policy that grant access.
func (c *Closer) ofPolicy(f *resource.Finding, name string, reasons []resource.Reason) [][]Edit {
	p := c.policy(name)
	if p == nil {
		return nil
	}
	var each [][]Edit // by reason, the best first
	most := 0
	for _, why := range reasons {
		i := slices.IndexFunc(p.Statements, func(s iam.Statement) bool { return s.Index == why.Statement })
		if i < 0 {
			continue
		}
		options := c.ofStatement(f, why, &p.Statements[i])
		options[len(options)-1].Last = len(p.Statements) == 1
		slices.SortStableFunc(options, func(a, b Edit) int {
			return cmp.Or(cmp.Compare(a.loss, b.loss), cmp.Compare(a.preference, b.preference), cmp.Compare(a.size, b.size))
		})
		each = append(each, options)
		most = max(most, len(options))
	}
	var all [][]Edit
	for k := range most {
		var edits []Edit
		for _, options := range each {
			edits = append(edits, options[min(k, len(options)-1)])
		}
		all = append(all, edits)
	}
	if len(each) > 1 {
		var whole []Edit
		for _, options := range each {
			whole = append(whole, options[slices.IndexFunc(options, func(e Edit) bool { return e.Kind == RemoveStatement })])
		}
		if whole[0].Last = len(whole) == len(p.Statements); whole[0].Last {
			whole[0].Last = false // told of one statement only
		}
		all = append(all, whole)
		for _, options := range each[:min(len(each), fewReasons)] {
			for _, o := range options {
				all = append(all, []Edit{o})
			}
		}
	}
	return all
}

// policy is the policy that reasons call by a name, as far as it is known; nil if there is none.
func (c *Closer) policy(name string) *iam.Policy {
	if p, known := c.parsed[name]; known {
		return p
	}
	c.parsed[name] = nil
	d, kind := documentOf(c.r, name)
	if d == nil || d.State != source.StateKnown {
		return nil
	}
	text := d.Value.Text
	if d.Value.Least != "" {
		text = d.Value.Least // what grants findings for certain stands there
	}
	if p, err := iam.Parse(text, kind); err == nil {
		c.parsed[name] = p
	}
	return c.parsed[name]
}

// ofStatement are the edits of a statement, the removal of it at the end.
func (c *Closer) ofStatement(f *resource.Finding, why resource.Reason, s *iam.Statement) []Edit {
	permission := c.r.Type == resource.Function || c.r.Type == resource.LayerVersion
	edit := func(kind Kind, key string, size int, values ...string) Edit {
		return Edit{Kind: kind, Reason: why, Key: key, Values: values, size: size, permission: permission}
	}
	var options []Edit
	open := s.Principals == nil || s.Principals.Not || slices.ContainsFunc(s.Principals.List, wild)
	serves := !open && c.servesInsiders(s) // others than those outside
	if open {
		for i, cond := range c.trusting(s) {
			name := fmt.Sprintf("%s %d %s", why.Document, why.Statement, cond.key)
			lives, known := c.lives[name]
			if !known {
				q := *s
				lives = addCondition(&q, cond.key, cond.value) && c.alive(&q)
				c.lives[name] = lives
			}
			if !lives {
				continue
			}
			serves = true
			e := edit(AddCondition, cond.key, len(cond.key)+len(cond.value)+len(`"Condition":{"StringEquals":{"":""}}`), cond.value)
			e.preference = i
			options = append(options, e)
		}
		if permission && c.zone.Organization == "" && s.Principals != nil && !s.Principals.Not && len(s.Principals.List) == 1 {
			serves = true
			options = append(options, edit(OwnPrincipal, "", len(c.zone.Account), c.zone.Account))
		}
	}
	for _, t := range f.Condition {
		for i := range s.Conditions {
			if narrowable(&s.Conditions[i], t.Key, t.Label) {
				options = append(options, edit(RemoveValue, t.Key, len(t.Label), t.Label))
			}
		}
	}
	if s.Principals != nil && !s.Principals.Not {
		var named []string
		size := 0
		for _, p := range s.Principals.List {
			if names(&p, f.Principal) && !slices.Contains(named, p.Value) {
				named, size = append(named, p.Value), size+len(p.Value)+2
			}
		}
		if len(named) > 0 && len(named) < len(s.Principals.List) {
			e := edit(RemovePrincipal, "", size, named...)
			if f.Principal.Value == "*" && serves {
				e.loss = wholeOne
			}
			options = append(options, e)
		}
	}
	if serves && !s.Actions.Not {
		var some []string
		size := 0
		for _, a := range s.Actions.List {
			if slices.ContainsFunc(f.Actions, a.Pattern.Match) {
				some, size = append(some, a.Value), size+len(a.Value)+2
			}
		}
		if len(some) > 0 && len(some) < len(s.Actions.List) {
			e := edit(RemoveActions, "", size, some...)
			e.loss = action
			options = append(options, e)
		}
	}
	whole := edit(RemoveStatement, "", len(s.AppendJSON(nil)))
	if serves {
		whole.loss = wholeOne
	}
	return append(options, whole)
}

// wild reports whether a principal is no single one.
func wild(p iam.Principal) bool {
	return p.Kind == iam.Everyone || p.Kind == iam.EveryService || p.Kind == iam.EveryFederatedProvider
}

// servesInsiders reports whether a statement names services or principals of the zone.
func (c *Closer) servesInsiders(s *iam.Statement) bool {
	return slices.ContainsFunc(s.Principals.List, func(p iam.Principal) bool {
		return p.Kind == iam.Service || c.zone.Trusts(p.Account)
	})
}

// names reports whether a finding's principal is what a statement calls so.
func names(p *iam.Principal, f reach.Principal) bool {
	switch {
	case f.Value == "*":
		return p.Kind == iam.Everyone && f.Kind == reach.AWS || p.Kind == iam.EveryFederatedProvider && f.Kind == reach.Federated
	case p.Kind == iam.Account:
		return p.Account == f.Value
	}
	return p.Value == f.Value
}

// A limit is a condition that holds for the zone of trust only.
type limit struct{ key, value string }

// trusting are the conditions that limit a statement to the zone, those that suit it first: a statement that speaks of the services' sources is
// for services, which have no principal's account. Permissions of Lambda know few conditions (AddPermission, AddLayerVersionPermission).
func (c *Closer) trusting(s *iam.Statement) []limit {
	has := func(prefixes ...string) bool {
		return slices.ContainsFunc(s.Conditions, func(c iam.Condition) bool {
			return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(c.Key.Folded, p) })
		})
	}
	own := c.zone.Account
	var list []limit
	if has("kms:viaservice", "kms:calleraccount") {
		list = append(list, limit{"kms:CallerAccount", own})
	}
	if has("s3:dataaccesspoint") {
		list = append(list, limit{"s3:DataAccessPointAccount", own})
	}
	org := c.zone.Organization
	if has("aws:source") && c.r.Type != resource.LayerVersion && has("aws:sourcearn", "aws:sourceaccount", "aws:sourceowner", "aws:sourceorg") {
		if org != "" && c.r.Type != resource.Function {
			list = append(list, limit{"aws:SourceOrgID", org})
		}
		list = append(list, limit{"aws:SourceAccount", own})
	}
	switch {
	case org != "":
		list = append(list, limit{"aws:PrincipalOrgID", org})
	case c.r.Type != resource.Function && c.r.Type != resource.LayerVersion:
		list = append(list, limit{"aws:PrincipalAccount", own})
	}
	return list
}

// nowhere is an account that nobody has.
const nowhere = "000000000000"

// alive reports whether a statement lets anybody in. It is asked as external access to something of nobody's, so that keys that follow from the
// caller are.
func (c *Closer) alive(s *iam.Statement) bool {
	q := *s
	q.Effect = iam.Allow
	p := &iam.Policy{Kind: iam.Resource, Version: iam.Version2012, Statements: []iam.Statement{q}}
	if s.Resources == nil {
		p.Kind = iam.Trust
	}
	var names []string
	for i := range q.Actions.List {
		names = append(names, strings.ReplaceAll(q.Actions.List[i].Value, "*", "x"))
	}
	if q.Actions.Not {
		names = []string{"example:Action"}
	}
	found, err := reach.External(reach.Alone(p), reach.Zone{Account: nowhere}, names, c.limits())
	return err != nil || len(found) > 0
}
