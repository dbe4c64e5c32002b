// Package iam reads, checks and prints IAM policies: identity and resource policies, trust policies, boundaries, service and resource control
// policies. What a policy says of one request is in iam/eval, what it says of all requests in iam/reach.
//
// Parse makes a Policy in which everything is taken apart: patterns are compiled, operators looked up, values converted, and each element
// has its Span in the text. A scalar and a list of one are the same. Check does so too and tells everything amiss, for ValidatePolicy.
package iam

import "github.com/magpie-sec/magpie/internal/iam/glob"

// Version is a version of the policy language.
type Version string

// The versions. A policy without one is read as of 2008, which has no variables.
const (
	Version2008 Version = "2008-10-17"
	Version2012 Version = "2012-10-17"
)

// Text is a string with its place. The zero Text is absent.
type Text struct {
	Value string
	Span  Span
}

// Policy is a policy document. It is not to be changed; several goroutines may use it.
type Policy struct {
	Kind       Kind
	Version    Version // "" if absent
	ID         Text
	Statements []Statement
	source     *source // nil if not parsed
}

// Position returns where an offset in bytes lies in the policy's text.
func (p *Policy) Position(offset int) Position {
	if p.source == nil {
		return Position{}
	}
	return p.source.position(offset)
}

// Path returns the way to the element that a span belongs to.
func (p *Policy) Path(span Span) Path {
	if p.source == nil {
		return nil
	}
	return p.source.path(span)
}

// Text returns the text that was parsed.
func (p *Policy) Text() string {
	if p.source == nil {
		return ""
	}
	return p.source.text
}

// Statement is one statement of a policy.
type Statement struct {
	Index      int // in the policy, from 0
	Span       Span
	Sid        Text
	Effect     Effect
	EffectSpan Span
	Principals *Principals // nil if the statement has neither Principal nor NotPrincipal
	Actions    Actions
	Resources  *Resources  // nil if the statement has neither Resource nor NotResource
	Conditions []Condition // all have to hold
}

// Effect is what a statement does to the requests it matches.
type Effect uint8

// The effects.
const (
	Allow Effect = iota
	Deny
)

func (e Effect) String() string { return [...]string{"Allow", "Deny"}[e] }

// Principals is a Principal or NotPrincipal element.
type Principals struct {
	Not  bool
	List []Principal // one has to match; an empty list matches nobody
	Span Span        // of the value
}

// Actions is an Action or NotAction element.
type Actions struct {
	Not  bool
	List []Action // one has to match; an empty list matches nothing
	Span Span
}

// Action is one pattern of actions.
type Action struct {
	Text
	Service string       // before the colon, in lower case; "*" if the whole is "*"
	Pattern glob.Pattern // folds the case of ASCII letters
}

// Resources is a Resource or NotResource element.
type Resources struct {
	Not  bool
	List []Template // of FormResource; one has to match; an empty list matches nothing
	Span Span
}

// Condition is one key of a Condition element under one operator.
type Condition struct {
	Operator     Operator
	OperatorSpan Span
	Key          Key
	Values       []Value // see Operator for how they combine
	Span         Span    // of the value or list of values
}

// Key is the name of a condition key.
type Key struct {
	Name   string // as written
	Folded string // as compared: FoldKey(Name)
	Span   Span
}

// FoldKey returns the form in which names of condition keys are compared: A to Z as a to z, also in the names of tags (access-analyzer.md
// 4.5). Other letters have no case.
func FoldKey(name string) string {
	for i := range len(name) {
		if 'A' <= name[i] && name[i] <= 'Z' {
			b := []byte(name)
			for j := i; j < len(b); j++ {
				if 'A' <= b[j] && b[j] <= 'Z' {
					b[j] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return name
}
