package iam

import (
	"fmt"
	"strings"
)

// Parse reads a policy of a kind. It fails with an *Error if a problem is fatal: the text has no meaning, or AWS refuses it when it is
// stored. Problems that are not fatal are left to Check.
func Parse(text string, kind Kind) (*Policy, error) {
	p, problems := Check(text, kind)
	var err *Error
	for _, problem := range problems {
		switch {
		case !problem.Fatal:
		case err == nil:
			err = &Error{Problem: problem}
		default:
			err.Others++
		}
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// Check reads a policy of a kind and returns everything amiss with it that the document alone can tell, statement by statement. The policy is nil if the text is not JSON or no object; if a problem is fatal, it holds what could be read.
func Check(text string, kind Kind) (*Policy, []Problem) {
	r := &reader{source: newSource(text), kind: kind}
	root, err := scanJSON(text)
	if err != nil {
		at := r.source.position(err.offset)
		span := Span{err.offset, err.offset}
		return nil, []Problem{{Code: JSONSyntaxError, Fatal: true, Message: "not valid JSON: " + err.what, Span: span, Start: at, End: at}}
	}
	r.source.root = root
	p := r.policy(root)
	return p, r.problems
}

// A reader turns JSON into a policy and collects problems.
type reader struct {
	source    *source
	kind      Kind
	variables bool // the version has them
	problems  []Problem
}

func (r *reader) add(code Code, fatal bool, span Span, format string, args ...any) {
	if len(r.problems) == maxProblems {
		if !fatal {
			return
		}
		r.problems = r.problems[:maxProblems-1] // a fatal one must show
	}
	r.problems = append(r.problems, Problem{
		Code: code, Fatal: fatal, Message: fmt.Sprintf(format, args...), Span: span,
		Start: r.source.position(span.Start), End: r.source.position(span.End), Path: r.source.path(span),
	})
}

func (r *reader) fatal(code Code, span Span, format string, args ...any) {
	r.add(code, true, span, format, args...)
}

func (r *reader) warn(code Code, span Span, format string, args ...any) {
	r.add(code, false, span, format, args...)
}

// members calls visit for each member of an object, and tells names that stand twice, of which only the first is visited.
func (r *reader) members(n *node, what string, visit func(f field)) {
	const few = 9 // a statement's elements
	var seen map[string]bool
	if len(n.fields) > few {
		seen = make(map[string]bool, len(n.fields))
	}
	for i, f := range n.fields {
		twice := seen[f.name]
		if seen == nil {
			for _, before := range n.fields[:i] {
				twice = twice || before.name == f.name
			}
		}
		if twice {
			r.fatal(DuplicateKeys, f.nameSpan, "%s stands twice in %s", clip(f.name), what)
			continue
		}
		if seen != nil {
			seen[f.name] = true
		}
		if strings.IndexByte(f.name, 0) >= 0 {
			r.fatal(InvalidPolicyElement, f.nameSpan, "a name holds a NUL character")
			continue
		}
		visit(f)
	}
}

// hint names the element that a wrong name differs from only in case.
func hint(name string, elements []string) string {
	for _, e := range elements {
		if strings.EqualFold(e, name) {
			return "; write " + e
		}
	}
	return ""
}

var policyElements = []string{"Version", "Id", "Statement"}

func (r *reader) policy(root *node) *Policy {
	if root.kind != nodeObject {
		r.fatal(DataTypeMismatch, root.span, "a policy is an object, not %s", root.kind)
		return nil
	}
	p := &Policy{Kind: r.kind, source: r.source}
	var statement *node
	r.members(root, "the policy", func(f field) {
		switch f.name {
		case "Version":
			r.version(p, f)
		case "Id":
			p.ID, _ = r.text(f.value, "Id")
		case "Statement":
			statement = f.value
		default:
			r.fatal(InvalidPolicyElement, f.nameSpan, "a policy has no element %s%s", clip(f.name), hint(f.name, policyElements))
		}
	})
	if p.Version == "" {
		r.warn(MissingVersion, root.span, "the policy has no Version: variables are read as text")
	}
	r.variables = p.Version == Version2012
	if statement == nil {
		r.fatal(MissingStatement, root.span, "the policy has no Statement")
		return p
	}
	r.statements(p, statement)
	return p
}

func (r *reader) version(p *Policy, f field) {
	text, ok := r.text(f.value, "Version")
	if !ok {
		return
	}
	switch v := Version(text.Value); v {
	case Version2008, Version2012:
		p.Version = v
	default:
		p.Version = Version2012
		r.fatal(InvalidVersion, text.Span, "Version is %s or %s, not %s", Version2008, Version2012, clip(text.Value))
	}
}

// text reads a string.
func (r *reader) text(n *node, what string) (t Text, ok bool) {
	if n.kind != nodeString {
		r.fatal(DataTypeMismatch, n.span, "%s is a string, not %s", what, n.kind)
		return t, false
	}
	if strings.IndexByte(n.text, 0) >= 0 {
		r.fatal(DataTypeMismatch, n.span, "%s holds a NUL character", what)
		return t, false
	}
	return Text{Value: n.text, Span: n.span}, true
}

// texts reads a string or a list of strings.
func (r *reader) texts(n *node, what string) []Text {
	items := []*node{n}
	if n.kind == nodeList {
		items = n.items
	}
	list := make([]Text, 0, len(items))
	for _, item := range items {
		if t, ok := r.text(item, what); ok {
			list = append(list, t)
		}
	}
	return list
}

func (r *reader) statements(p *Policy, n *node) {
	items := []*node{n}
	switch n.kind {
	case nodeList:
		items = n.items
		if len(items) == 0 {
			r.warn(MissingStatement, n.span, "the policy has no statement")
		}
	case nodeObject:
	default:
		r.fatal(DataTypeMismatch, n.span, "Statement is an object or a list of objects, not %s", n.kind)
		return
	}
	p.Statements = make([]Statement, 0, len(items))
	sids := map[string]bool{}
	for i, item := range items {
		if item.kind != nodeObject {
			r.fatal(DataTypeMismatch, item.span, "a statement is an object, not %s", item.kind)
			continue
		}
		p.Statements = append(p.Statements, Statement{Index: i, Span: item.span})
		s := &p.Statements[len(p.Statements)-1]
		r.statement(s, item)
		r.sid(s.Sid, sids)
	}
}

// sid checks a statement's Sid.
func (r *reader) sid(sid Text, seen map[string]bool) {
	if sid == (Text{}) {
		return
	}
	if sid.Value == "" {
		r.warn(EmptySidValue, sid.Span, "the Sid is empty")
		return
	}
	for i := range len(sid.Value) {
		if !isWord(sid.Value[i : i+1]) {
			r.add(UnsupportedSid, r.kind.isIAM(), sid.Span, "a Sid consists of letters and digits, not %s", clip(sid.Value))
			break
		}
	}
	if seen[sid.Value] {
		code := UniqueSidsRecommended
		if r.kind.isIAM() {
			code = UniqueSidsRequired
		}
		r.add(code, r.kind.isIAM(), sid.Span, "another statement has the Sid %s", clip(sid.Value))
	}
	seen[sid.Value] = true
}
