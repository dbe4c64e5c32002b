package iam

import (
	"strings"

	"github.com/magpie-sec/magpie/internal/iam/glob"
)

// newAction compiles a pattern of actions.
func newAction(text Text) Action {
	service, _, _ := strings.Cut(FoldKey(text.Value), ":")
	return Action{Text: text, Service: service, Pattern: glob.Action(text.Value)}
}

func (r *reader) conditions(s *Statement, n *node) {
	if n.kind != nodeObject {
		r.fatal(DataTypeMismatch, n.span, "Condition is an object, not %s", n.kind)
		return
	}
	if len(n.fields) == 0 {
		r.warn(EmptyObjectCondition, n.span, "Condition is empty: it always holds")
	}
	seen := map[Operator]bool{}
	r.members(n, "Condition", func(f field) {
		op, ok := parseOperator(f.name)
		if !ok {
			r.fatal(InvalidConditionOperator, f.nameSpan, "there is no condition operator %s", clip(f.name))
			return
		}
		if seen[op] {
			r.fatal(DuplicateKeysWithDifferentCase, f.nameSpan, "the operator %s stands twice in Condition", op)
			return
		}
		seen[op] = true
		switch {
		case op.Test == Null && op.IfExists:
			r.fatal(NullWithIfExists, f.nameSpan, "Null asks whether a key exists: it has no IfExists")
		case op.Test == Null && op.Qualifier != NoQualifier:
			r.warn(NullWithQualifier, f.nameSpan, "Null with a qualifier asks nothing")
		}
		r.conditionKeys(s, op, f)
	})
}

func (r *reader) conditionKeys(s *Statement, op Operator, operator field) {
	n := operator.value
	if n.kind != nodeObject {
		r.fatal(DataTypeMismatch, n.span, "%s holds an object of keys and values, not %s", op, n.kind)
		return
	}
	if len(n.fields) == 0 {
		r.warn(EmptyObjectCondition, n.span, "%s names no key: it always holds", op)
	}
	seen := make(map[string]bool, len(n.fields))
	r.members(n, op.String(), func(f field) {
		key := Key{Name: f.name, Folded: FoldKey(f.name), Span: f.nameSpan}
		if seen[key.Folded] {
			r.fatal(DuplicateKeysWithDifferentCase, f.nameSpan, "the key %s stands twice, written in two ways", clip(f.name))
			return
		}
		seen[key.Folded] = true
		if prefix, name, ok := strings.Cut(f.name, ":"); !ok || prefix == "" || name == "" {
			r.add(InvalidConditionKeyFormat, r.kind.isIAM(), f.nameSpan, "a condition key has the form service:name, not %s", clip(f.name))
		}
		s.Conditions = append(s.Conditions, Condition{
			Operator: op, OperatorSpan: operator.nameSpan, Key: key, Values: r.values(op, f.value), Span: f.value.span,
		})
	})
}

func (r *reader) values(op Operator, n *node) []Value {
	items := []*node{n}
	if n.kind == nodeList {
		items = n.items
		if len(items) == 0 {
			r.warn(emptyArrayCode(op), n.span, "the list of values is empty")
		}
	}
	values := make([]Value, 0, len(items))
	for _, item := range items {
		v := Value{Text: Text{item.text, item.span}}
		switch item.kind {
		case nodeString:
			if strings.IndexByte(item.text, 0) >= 0 {
				r.fatal(DataTypeMismatch, item.span, "a value holds a NUL character")
				continue
			}
		case nodeNumber:
			v.Type = JSONNumber
		case nodeBool:
			v.Type = JSONBool
		default:
			r.fatal(DataTypeMismatch, item.span, "a value is a string, a number or a Boolean, not %s", item.kind)
			continue
		}
		if len(values) > 0 && v.Type != values[0].Type {
			r.warn(InvalidConditionDataType, item.span, "values of one key are of one type")
		}
		r.convert(op, &v)
		values = append(values, v)
	}
	return values
}

func emptyArrayCode(op Operator) Code {
	switch {
	case op.Qualifier == ForAllValues:
		return EmptyArrayConditionForAllValues
	case op.Qualifier == ForAnyValue:
		return EmptyArrayConditionForAnyValue
	case op.IfExists:
		return EmptyArrayConditionIfExists
	}
	return EmptyArrayCondition
}

// convert fills in what the operator compares.
func (r *reader) convert(op Operator, v *Value) {
	family := op.Test.Family()
	hasVariable := strings.Contains(v.Value, "${")
	if hasVariable && family != FamilyString && family != FamilyARN && family != FamilyBool {
		r.warn(InvalidVariableForOperator, v.Span, "%s has no variables", op)
	}
	var mismatch Code
	switch family {
	case FamilyString, FamilyARN:
		v.Template, v.OK = r.template(v.Text, tests[op.Test].form), true
	case FamilyBool:
		v.Template, v.True, v.OK = r.template(v.Text, FormExact), ParseBool(v.Value), true
		if !hasVariable && !v.True && FoldKey(v.Value) != "false" {
			r.warn(TypeMismatchBoolean, v.Span, "%s is neither true nor false; it counts as false", clip(v.Value))
		}
	case FamilyNull:
		v.True, v.OK = ParseBool(v.Value), true
		if !v.True && FoldKey(v.Value) != "false" {
			r.warn(TypeMismatchBoolean, v.Span, "%s is neither true nor false; it counts as false", clip(v.Value))
		}
	case FamilyNumeric:
		v.Number, v.OK = ParseNumber(v.Value)
		mismatch = TypeMismatchNumber
	case FamilyDate:
		v.Time, v.OK = ParseDate(v.Value)
		mismatch = TypeMismatchDate
	case FamilyIP:
		v.Net, v.OK = ParseNet(v.Value)
		mismatch = TypeMismatchIPRange
	case FamilyBinary:
		v.Binary, v.OK = ParseBinary(v.Value)
		mismatch = TypeMismatchString
	}
	if !v.OK && !hasVariable {
		r.warn(mismatch, v.Span, "%s is no value for %s: it compares with nothing", clip(v.Value), op)
	}
}
