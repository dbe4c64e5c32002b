package cfn

// truth is a three-valued answer.
type truth struct {
	value   bool
	unknown *Unknown // not nil when the answer is not known
}

func undecided(pos Position, format string, args ...any) truth {
	return truth{unknown: unknownAt(pos, format, args...).unknown}
}

// condition decides a condition by its name; pos is where the name is used.
func (e *evaluator) condition(name string, pos Position) truth {
	if decided, ok := e.conditions[name]; ok {
		return decided
	}
	n := e.template.conditions.get(name)
	if n == nil {
		return undecided(pos, "there is no condition %s", clip(name))
	}
	leave, loop := e.enter("condition "+name, pos)
	if loop != nil {
		return truth{unknown: loop}
	}
	decided := e.decide(n)
	leave()
	e.conditions[name] = decided
	return decided
}

// enter notes that a condition or a name is being worked out. It answers with
// an Unknown when it already is, or when the chain of references is too long.
func (e *evaluator) enter(what string, pos Position) (leave func(), loop *Unknown) {
	if e.running[what] {
		return nil, unknownAt(pos, "%s refers to itself", clip(what)).unknown
	}
	if e.depth++; e.depth > MaxDepth {
		e.depth--
		return nil, unknownAt(pos, "a chain of more than %d references", MaxDepth).unknown
	}
	e.running[what] = true
	return func() {
		e.depth--
		delete(e.running, what)
	}, nil
}

// decide evaluates a condition expression.
func (e *evaluator) decide(n *node) truth {
	if n.kind == nodeMap && len(n.fields) == 1 && n.fields[0].name == "Condition" && n.fields[0].value.kind == nodeString {
		return e.condition(n.fields[0].value.text, n.fields[0].value.pos)
	}
	if n.kind != nodeFunction {
		return undecided(n.pos, "a condition must be a function such as Fn::Equals, and this is %s", n.kind)
	}
	switch n.text {
	case "Condition":
		if n.arg.kind != nodeString {
			return undecided(n.arg.pos, "Condition needs the name of a condition")
		}
		return e.condition(n.arg.text, n.pos)
	case "Fn::Equals":
		return e.equals(n)
	case "Fn::Not":
		if len(n.arg.items) != 1 {
			return undecided(n.pos, "Fn::Not needs a list of one condition")
		}
		decided := e.decide(n.arg.items[0])
		decided.value = !decided.value
		return decided
	case "Fn::And":
		return e.combine(n, false)
	case "Fn::Or":
		return e.combine(n, true)
	}
	return undecided(n.pos, "%s is not a function of conditions", clip(n.text))
}

// combine decides Fn::Or (decisive true) and Fn::And (decisive false): one
// decisive part decides, also beside unknown ones.
func (e *evaluator) combine(n *node, decisive bool) truth {
	if len(n.arg.items) == 0 {
		return undecided(n.pos, "%s needs a list of conditions", n.text)
	}
	result := truth{value: !decisive}
	for _, item := range n.arg.items {
		decided := e.decide(item)
		if decided.unknown == nil && decided.value == decisive {
			return truth{value: decisive}
		}
		if decided.unknown != nil && result.unknown == nil {
			result.unknown = decided.unknown
		}
	}
	return result
}

func (e *evaluator) equals(n *node) truth {
	if len(n.arg.items) != 2 {
		return undecided(n.pos, "Fn::Equals needs a list of two values")
	}
	var sides [2]Value
	for i, item := range n.arg.items {
		sides[i] = e.value(item)
		if u := sides[i].firstUnknown(); u != nil {
			return truth{unknown: u}
		}
		if sides[i].kind == removed {
			return undecided(item.pos, "AWS::NoValue cannot be compared")
		}
	}
	return truth{value: sides[0].Equal(sides[1])}
}
