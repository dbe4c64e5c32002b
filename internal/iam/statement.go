package iam

import "strings"

var statementElements = []string{"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"}

// elements are the members of a statement as they stand in the text.
type elements map[string]*node

// either returns the element of a pair that is there; both are told.
func (r *reader) either(e elements, name string) (n *node, not bool) {
	yes, no := e[name], e["Not"+name]
	if yes != nil && no != nil {
		r.fatal(UnsupportedElementCombination, no.span, "a statement has %s or Not%s, not both", name, name)
	}
	if yes != nil {
		return yes, false
	}
	return no, no != nil
}

func (r *reader) statement(s *Statement, n *node) {
	e := elements{}
	r.members(n, "a statement", func(f field) {
		for _, name := range statementElements {
			if f.name == name {
				e[name] = f.value
				return
			}
		}
		r.fatal(InvalidPolicyElement, f.nameSpan, "a statement has no element %s%s", clip(f.name), hint(f.name, statementElements))
	})
	if v := e["Sid"]; v != nil {
		s.Sid, _ = r.text(v, "Sid")
	}
	r.effect(s, e["Effect"])
	r.principals(s, e)
	r.actions(s, e)
	r.resources(s, e)
	if v := e["Condition"]; v != nil {
		r.conditions(s, v)
	}
	if r.kind == RCP {
		r.checkRCP(s, e)
	}
}

func (r *reader) effect(s *Statement, n *node) {
	if n == nil {
		r.fatal(MissingEffect, s.Span, "the statement has no Effect")
		return
	}
	s.EffectSpan = n.span
	text, ok := r.text(n, "Effect")
	switch {
	case !ok:
	case text.Value == "Allow":
		s.Effect = Allow
	case text.Value == "Deny":
		s.Effect = Deny
	default:
		r.fatal(InvalidEffect, text.Span, "Effect is Allow or Deny, not %s", clip(text.Value))
	}
}

func (r *reader) principals(s *Statement, e elements) {
	n, not := r.either(e, "Principal")
	switch {
	case n == nil && r.kind.hasPrincipal():
		code := MissingPrincipal
		if r.kind == RCP {
			code = RCPPrincipal
		}
		r.fatal(code, s.Span, "a statement of a %s needs a Principal", r.kind)
		return
	case n == nil:
		return
	case r.kind == SCP:
		r.fatal(SCPPrincipal, n.span, "a %s has no Principal", r.kind)
	case !r.kind.hasPrincipal():
		r.fatal(UnsupportedPrincipal, n.span, "a %s has no Principal", r.kind)
	case not && r.kind == Trust:
		r.fatal(TrustNotPrincipal, n.span, "a %s has no NotPrincipal", r.kind)
	}
	s.Principals = &Principals{Not: not, Span: n.span}
	switch {
	case n.kind == nodeString && n.text == "*":
		s.Principals.List = []Principal{{Text: Text{n.text, n.span}, Kind: Everyone}}
		if r.kind == Trust && s.Effect == Allow {
			r.warn(TrustWildcardPrincipal, n.span, "a role that everyone may assume")
		}
	case n.kind != nodeObject:
		r.fatal(InvalidPrincipalFormat, n.span, "Principal is \"*\" or an object such as {\"AWS\": \"111122223333\"}")
	default:
		r.principalMap(s.Principals, n)
	}
}

func (r *reader) principalMap(p *Principals, n *node) {
	if len(n.fields) == 0 {
		r.warn(EmptyObjectPrincipal, n.span, "Principal names nobody")
	}
	r.members(n, "Principal", func(f field) {
		known := false
		for _, key := range principalKeys {
			known = known || f.name == key
		}
		if !known {
			r.fatal(InvalidPrincipalKey, f.nameSpan, "a principal is of AWS, CanonicalUser, Federated or Service, not %s%s", clip(f.name), hint(f.name, principalKeys))
			return
		}
		if f.value.kind == nodeList && len(f.value.items) == 0 {
			r.warn(EmptyArrayPrincipal, f.value.span, "the list of principals is empty: it matches nobody")
		}
		for _, text := range r.texts(f.value, "a principal") {
			principal, fault := parsePrincipal(f.name, text, r.kind)
			if fault != nil {
				r.add(fault.code, fault.fatal, text.Span, "%s", fault.message)
			}
			p.List = append(p.List, principal)
		}
	})
}

func (r *reader) actions(s *Statement, e elements) {
	n, not := r.either(e, "Action")
	if n == nil {
		r.fatal(MissingAction, s.Span, "the statement has no Action")
		return
	}
	if n.kind == nodeList && len(n.items) == 0 {
		r.warn(EmptyArrayAction, n.span, "the list of actions is empty: it matches nothing")
	}
	s.Actions = Actions{Not: not, Span: n.span}
	for _, text := range r.texts(n, "an action") {
		a := newAction(text)
		r.checkAction(a)
		s.Actions.List = append(s.Actions.List, a)
	}
}

func (r *reader) checkAction(a Action) {
	text := a.Value
	if strings.Contains(text, "${") {
		r.warn(VariableUnsupportedInElement, a.Span, "an action has no variables: the text is taken as it stands")
	}
	if a.Pattern.IsEverything() {
		return
	}
	service, name, ok := strings.Cut(text, ":")
	switch {
	case !ok || service == "" || name == "":
		r.fatal(InvalidAction, a.Span, "an action is \"*\" or has the form service:name, not %s", clip(text))
	case strings.Contains(name, ":"):
		r.fatal(InvalidAction, a.Span, "an action has one colon, not %s", clip(text))
	case strings.ContainsAny(service, "*?"):
		r.warn(WildcardInServiceName, a.Span, "a wildcard in the name of a service")
	}
}

func (r *reader) resources(s *Statement, e elements) {
	n, not := r.either(e, "Resource")
	if n == nil {
		if r.kind != Trust {
			r.add(MissingResource, r.kind != Resource, s.Span, "the statement has no Resource")
		}
		return
	}
	if r.kind == Trust {
		r.fatal(TrustResource, n.span, "a %s has no Resource: it is about the role", r.kind)
	}
	if n.kind == nodeList && len(n.items) == 0 {
		r.warn(EmptyArrayResource, n.span, "the list of resources is empty: it matches nothing")
	}
	s.Resources = &Resources{Not: not, Span: n.span}
	for _, text := range r.texts(n, "a resource") {
		t := r.template(text, FormResource)
		r.checkResource(t)
		s.Resources.List = append(s.Resources.List, t)
	}
}

func (r *reader) checkResource(t Template) {
	text := t.Value
	switch {
	case strings.Trim(text, "*") == "" && text != "":
	case !strings.HasPrefix(text, "arn:"):
		r.add(InvalidARNPrefix, r.kind.isIAM(), t.Span, "a resource is an ARN or \"*\", not %s", clip(text))
	case strings.Count(text, ":") < 5:
		// IAM takes an ARN that ends early in a star, and nothing else that is too short.
		r.add(MissingARNField, r.kind.isIAM() && !strings.HasSuffix(text, "*"), t.Span, "an ARN has six fields: %s", clip(text))
	}
}

// template reads a text that may hold wildcards and variables.
func (r *reader) template(text Text, form Form) Template {
	t, fault := parseTemplate(text, form, r.variables)
	switch {
	case fault != "":
		r.fatal(fault, text.Span, "%s in %s", variableFaults[fault], clip(text.Value))
	case !r.variables && strings.Contains(text.Value, "${"):
		r.warn(VariableUnsupportedInVersion, text.Span, "the version of the policy has no variables: %s is taken as it stands", clip(text.Value))
	}
	return t
}

var variableFaults = map[Code]string{
	MissingBraceInVariable:     "a variable lacks its closing brace",
	MissingQuoteInVariable:     "the default of a variable stands in single quotes, ${key, 'default'}: they are missing",
	UnsupportedSpaceInVariable: "a space stands in a variable",
	EmptyVariable:              "a variable is empty",
}

// checkRCP holds what resource control policies may not: they deny everyone something, and the one statement that allows is the built-in one.
func (r *reader) checkRCP(s *Statement, e elements) {
	if s.Principals != nil && (s.Principals.Not || len(s.Principals.List) != 1 || s.Principals.List[0].Kind != Everyone) {
		r.fatal(RCPPrincipal, s.Principals.Span, "the Principal of a %s is \"*\"", r.kind)
	}
	if s.Actions.Not {
		r.fatal(RCPNotAction, s.Actions.Span, "a %s has no NotAction", r.kind)
	}
	if s.Effect == Allow && e["Effect"] != nil {
		everything := len(s.Actions.List) == 1 && s.Actions.List[0].Pattern.IsEverything() && s.Resources != nil && !s.Resources.Not &&
			len(s.Resources.List) == 1 && s.Resources.List[0].Pattern.IsEverything() && len(s.Conditions) == 0
		if !everything {
			r.fatal(RCPAllow, s.EffectSpan, "a %s allows only everything, as the built-in one does", r.kind)
		}
	}
}
