package eval

import (
	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/iam/glob"
)

// Holds reports whether a condition holds for a request with these keys (access-analyzer.md 4.5).
func Holds(c *iam.Condition, keys Context) bool {
	op := c.Operator
	v, present := keys.lookup(c.Key.Folded)
	if op.Test == iam.Null {
		return null(c, present)
	}
	switch {
	case !present && op.Qualifier != iam.NoQualifier: // IfExists changes nothing: there is no value to ask about
		return op.Qualifier == iam.ForAllValues
	case !present:
		return op.IfExists || op.Test.Negated()
	case op.Qualifier == iam.ForAllValues:
		for _, s := range v.List {
			if !holdsFor(c, s, keys) {
				return false
			}
		}
		return true
	case op.Qualifier == iam.ForAnyValue:
		for _, s := range v.List {
			if holdsFor(c, s, keys) {
				return true
			}
		}
		return false
	}
	return !v.Many && holdsFor(c, v.List[0], keys)
}

// null tells whether the key is absent or present as one of the values asks. With a qualifier it asks nothing: of no value all hold and none.
func null(c *iam.Condition, present bool) bool {
	switch c.Operator.Qualifier {
	case iam.ForAllValues:
		return true
	case iam.ForAnyValue:
		return false
	}
	for i := range c.Values {
		if c.Values[i].True != present {
			return true
		}
	}
	return false
}

// holdsFor applies a test to one value of the request: it holds if one value of the policy compares, or, negated, if none does. An address
// or ARN of the request that is malformed fails either way.
func holdsFor(c *iam.Condition, s string, keys Context) bool {
	test := c.Operator.Test
	compares := func(*iam.Value) bool { return false }
	switch test.Family() {
	case iam.FamilyARN:
		if !glob.AnyARN().Match(s) {
			return false
		}
		fallthrough
	case iam.FamilyString:
		compares = func(v *iam.Value) bool {
			if !v.Template.HasVariables() {
				return !v.Template.Never && v.Template.Pattern.Match(s)
			}
			p, ok := v.Template.Expand(keys.variable)
			return ok && p.Match(s)
		}
	case iam.FamilyNumeric:
		if n, ok := iam.ParseNumber(s); ok {
			compares = func(v *iam.Value) bool { return related(test.Relation(), n.Compare(v.Number)) }
		}
	case iam.FamilyDate:
		if t, ok := iam.ParseDate(s); ok {
			compares = func(v *iam.Value) bool { return related(test.Relation(), compareInt(t, v.Time)) }
		}
	case iam.FamilyBool:
		compares = func(v *iam.Value) bool {
			if !v.Template.HasVariables() {
				return v.True == iam.ParseBool(s)
			}
			text, ok := v.Template.ExpandText(keys.variable)
			return ok && iam.ParseBool(text) == iam.ParseBool(s)
		}
	case iam.FamilyBinary:
		if data, ok := iam.ParseBinary(s); ok {
			compares = func(v *iam.Value) bool { return v.Binary == data }
		}
	case iam.FamilyIP:
		address, ok := iam.ParseAddress(s)
		if !ok {
			return false
		}
		compares = func(v *iam.Value) bool { return v.Net.Contains(address) }
	}
	for i := range c.Values {
		if v := &c.Values[i]; v.OK && compares(v) {
			return !test.Negated()
		}
	}
	return test.Negated()
}

func compareInt(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func related(r iam.Relation, order int) bool {
	switch r {
	case iam.Less:
		return order < 0
	case iam.LessOrEqual:
		return order <= 0
	case iam.Greater:
		return order > 0
	case iam.GreaterOrEqual:
		return order >= 0
	}
	return order == 0
}
