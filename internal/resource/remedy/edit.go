package remedy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/resource"
	"github.com/magpie-sec/magpie/internal/source"
)

// A Kind is a kind of edit.
type Kind string

// The kinds of edits. The first six are of a statement of a policy.
const (
	AddCondition    Kind = "add condition"
	RemoveValue     Kind = "remove value" // of a condition
	RemovePrincipal Kind = "remove principal"
	OwnPrincipal    Kind = "own principal" // the owner's account in place of everyone
	RemoveActions   Kind = "remove actions"
	RemoveStatement Kind = "remove statement"

	RemoveACLGrant        Kind = "remove ACL grant"
	RevokeGrant           Kind = "revoke grant" // of a KMS key
	Unshare               Kind = "unshare"      // a snapshot
	RestrictPublicBuckets Kind = "RestrictPublicBuckets"
	IgnorePublicACLs      Kind = "IgnorePublicAcls"
	EnforceOwner          Kind = "BucketOwnerEnforced"
)

// An Edit is one change of a document or a setting.
type Edit struct {
	Kind Kind
	// Reason is the statement that is changed, with its document and place; of other edits it has the document at most.
	Reason resource.Reason
	// Key and Values are what is added or taken away: the condition key and its value, principals, actions, the grantee, the grant's id, the
	// account. The operator of conditions is StringEquals.
	Key    string
	Values []string
	// Permission is of an ACL grant.
	Permission string
	// Last says that a document has no statement left: a resource that cannot be without one cannot be left as it is then.
	Last bool

	permission bool // the statement is a permission of Lambda
	loss       loss
	preference int
	size       int
	index      int // of a grant
}

// String tells the edit as one tells it to a person: "remove statement 0 (Everyone) of the bucket policy".
func (e Edit) String() string {
	switch e.Kind {
	case AddCondition:
		if e.permission {
			return fmt.Sprintf("limit %s to %s %s", e.where(), e.Key, e.Values[0])
		}
		return fmt.Sprintf("add the condition StringEquals %s %s to %s", e.Key, e.Values[0], e.where())
	case RemoveValue:
		return fmt.Sprintf("take the value %s of %s out of %s", e.Values[0], e.Key, e.where())
	case RemovePrincipal:
		return fmt.Sprintf("take %s out of the principals of %s", strings.Join(e.Values, ", "), e.where())
	case OwnPrincipal:
		return fmt.Sprintf("make the account itself, %s, the principal of %s", e.Values[0], e.where())
	case RemoveActions:
		return fmt.Sprintf("take %s out of the actions of %s", strings.Join(e.Values, ", "), e.where())
	case RemoveStatement:
		s := "remove " + e.where()
		if e.Last {
			s += ", its only one"
		}
		return s
	case RemoveACLGrant:
		return fmt.Sprintf("remove the ACL's grant of %s to %s", e.Permission, e.Values[0])
	case RevokeGrant:
		if e.Values[0] == "" {
			return "revoke the grant to " + e.Key
		}
		return "revoke grant " + e.Values[0]
	case Unshare:
		if e.Values[0] == everyone {
			return "stop sharing it with everyone"
		}
		return "stop sharing it with account " + e.Values[0]
	case RestrictPublicBuckets, IgnorePublicACLs:
		if of, ok := strings.CutPrefix(e.Reason.Document, accessPointPolicy); ok {
			return fmt.Sprintf("turn on %s in the public access block of access point %s", e.Kind, of)
		}
		return fmt.Sprintf("turn on %s in the bucket's public access block", e.Kind)
	case EnforceOwner:
		return "set the bucket's object ownership to " + string(EnforceOwner) + ", which disables its ACL"
	}
	return string(e.Kind)
}

// where names the statement.
func (e Edit) where() string {
	r := e.Reason
	switch {
	case e.permission && r.Sid != "":
		return "permission " + r.Sid
	case r.Sid != "":
		return fmt.Sprintf("statement %d (%s) of the %s", r.Statement, r.Sid, r.Document)
	}
	return fmt.Sprintf("statement %d of the %s", r.Statement, r.Document)
}

// ofStatement reports whether the edit changes a statement of a policy.
func (e *Edit) ofStatement() bool {
	switch e.Kind {
	case AddCondition, RemoveValue, RemovePrincipal, OwnPrincipal, RemoveActions, RemoveStatement:
		return true
	}
	return false
}

// accessPointPolicy begins what reasons call the policy of an access point.
const accessPointPolicy = "policy of access point "

// everyone is what a public snapshot is shared with.
const everyone = "all"

// kept tells, by document, which index a statement that is left had before.
type kept map[string][]int

// touched reports whether a reason of a finding after the edits is a statement, or something else, that they changed.
func (k kept) touched(why resource.Reason, edits []Edit) bool {
	index := why.Statement
	if was, ok := k[why.Document]; ok && index < len(was) {
		index = was[index]
	}
	return slices.ContainsFunc(edits, func(e Edit) bool {
		return e.ofStatement() && e.Reason.Document == why.Document && e.Reason.Statement == index
	})
}

// apply makes the resource as it is after some edits. ok is false if they cannot be made.
func apply(r *resource.Resource, edits []Edit) (changed *resource.Resource, was kept, ok bool) {
	c := *r
	was = kept{}
	c.AccessPoints.Value = slices.Clone(c.AccessPoints.Value)
	byDocument := map[string][]Edit{}
	for i := range edits {
		e := &edits[i]
		if e.ofStatement() {
			byDocument[e.Reason.Document] = append(byDocument[e.Reason.Document], *e)
			continue
		}
		setting(&c, e)
	}
	for name, some := range byDocument {
		d, kind := documentOf(&c, name)
		if d == nil || d.State != source.StateKnown {
			return nil, nil, false
		}
		text, left, done := rewrite(d.Value.Text, kind, some, false)
		if !done {
			return nil, nil, false
		}
		d.Value.Text, d.Value.Places, was[name] = text, nil, left
		if d.Value.Least != "" {
			if d.Value.Least, _, done = rewrite(d.Value.Least, kind, some, true); !done {
				return nil, nil, false
			}
		}
	}
	return &c, was, true
}

// documentOf finds the policy that reasons call by a name.
func documentOf(r *resource.Resource, name string) (*source.Fact[resource.Document], iam.Kind) {
	if of, ok := strings.CutPrefix(name, accessPointPolicy); ok {
		for i := range r.AccessPoints.Value {
			if r.AccessPoints.Value[i].Name == of {
				return &r.AccessPoints.Value[i].Policy, iam.Resource
			}
		}
		return nil, iam.Resource
	}
	if r.Type == resource.Role {
		return &r.Policy, iam.Trust
	}
	return &r.Policy, iam.Resource
}

// setting makes an edit that is not of a statement.
func setting(r *resource.Resource, e *Edit) {
	switch e.Kind {
	case RemoveACLGrant:
		r.ACL.Value = slices.DeleteFunc(slices.Clone(r.ACL.Value), func(g source.Grant) bool { return g.Grantee == e.Key && g.Permission == e.Permission })
	case RevokeGrant:
		r.Grants.Value = slices.Clone(r.Grants.Value)
		r.Grants.Value[e.index].Operations = nil // it stays in its place, for other edits
	case Unshare:
		r.Shares.Value = slices.DeleteFunc(slices.Clone(r.Shares.Value), func(s string) bool { return s == e.Values[0] })
	case EnforceOwner:
		r.Ownership = source.Known(string(EnforceOwner))
	case IgnorePublicACLs:
		block := r.PublicAccessBlock.Value
		block.IgnorePublicACLs = true
		r.PublicAccessBlock = source.Known(block)
	case RestrictPublicBuckets:
		if of, ok := strings.CutPrefix(e.Reason.Document, accessPointPolicy); ok {
			for i := range r.AccessPoints.Value {
				if p := &r.AccessPoints.Value[i]; p.Name == of {
					block := p.PublicAccessBlock.Value
					block.RestrictPublicBuckets = true
					p.PublicAccessBlock = source.Known(block)
				}
			}
			return
		}
		block := r.PublicAccessBlock.Value
		block.RestrictPublicBuckets = true
		r.PublicAccessBlock = source.Known(block)
	}
}

// rewrite makes the edits of statements in a policy's text. left are the indices of the statements that stay. lenient says that what is to be
// taken away may be missing, as in a policy that is less than the whole.
func rewrite(text string, kind iam.Kind, edits []Edit, lenient bool) (out string, left []int, ok bool) {
	p, err := iam.Parse(text, kind)
	if err != nil {
		return "", nil, false
	}
	q := *p
	q.Statements = nil
next:
	for _, s := range p.Statements {
		for i := range edits {
			e := &edits[i]
			if e.Reason.Statement != s.Index {
				continue
			}
			if e.Kind == RemoveStatement {
				continue next
			}
			if !e.change(&s) && !lenient {
				return "", nil, false
			}
		}
		q.Statements = append(q.Statements, s)
		left = append(left, s.Index)
	}
	return q.String(), left, true
}

// change makes the edit in a statement. It reports whether there was something to change.
func (e *Edit) change(s *iam.Statement) bool {
	switch e.Kind {
	case AddCondition:
		return addCondition(s, e.Key, e.Values[0])
	case RemoveValue:
		for i := range s.Conditions {
			if c := &s.Conditions[i]; narrowable(c, e.Key, e.Values[0]) {
				s.Conditions = slices.Clone(s.Conditions)
				c = &s.Conditions[i]
				c.Values = slices.DeleteFunc(slices.Clone(c.Values), func(v iam.Value) bool { return v.Value == e.Values[0] })
				return true
			}
		}
	case RemovePrincipal, OwnPrincipal:
		if s.Principals == nil || s.Principals.Not {
			return false
		}
		ps := *s.Principals
		if e.Kind == OwnPrincipal {
			ps.List = []iam.Principal{{Text: iam.Text{Value: e.Values[0]}, Key: "AWS", Kind: iam.Account, Account: e.Values[0]}}
		} else {
			ps.List = slices.DeleteFunc(slices.Clone(ps.List), func(p iam.Principal) bool { return slices.Contains(e.Values, p.Value) })
		}
		gone := e.Kind == OwnPrincipal || len(ps.List) < len(s.Principals.List)
		if len(ps.List) == 0 {
			return false
		}
		s.Principals = &ps
		return gone
	case RemoveActions:
		n := len(s.Actions.List)
		s.Actions.List = slices.DeleteFunc(slices.Clone(s.Actions.List), func(a iam.Action) bool { return slices.Contains(e.Values, a.Value) })
		return !s.Actions.Not && 0 < len(s.Actions.List) && len(s.Actions.List) < n
	}
	return false
}

// narrowable reports whether a value is one of several that a condition allows for a key.
func narrowable(c *iam.Condition, key, value string) bool {
	return c.Key.Folded == iam.FoldKey(key) && !c.Operator.Test.Negated() && c.Operator.Test != iam.Null && len(c.Values) > 1 &&
		slices.ContainsFunc(c.Values, func(v iam.Value) bool { return v.Value == value }) &&
		slices.ContainsFunc(c.Values, func(v iam.Value) bool { return v.Value != value })
}

// addCondition adds StringEquals of a key and a value to a statement. A statement that already has it for other values is narrowed to this one
// if that is among them.
func addCondition(s *iam.Statement, key, value string) bool {
	made, err := iam.Parse(fmt.Sprintf(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Principal":"*","Condition":{"StringEquals":{%q:%q}}}}`,
		key, value), iam.Resource)
	if err != nil {
		return false
	}
	c := made.Statements[0].Conditions[0]
	s.Conditions = slices.Clone(s.Conditions)
	at := len(s.Conditions)
	for i := range s.Conditions {
		if s.Conditions[i].Operator != c.Operator {
			continue
		}
		at = i + 1 // keys of an operator stand together
		if s.Conditions[i].Key.Folded == c.Key.Folded {
			if len(s.Conditions[i].Values) < 2 || !narrowable(&s.Conditions[i], key, value) {
				return false
			}
			s.Conditions[i].Values = c.Values
			return true
		}
	}
	s.Conditions = slices.Insert(s.Conditions, at, c)
	return true
}
