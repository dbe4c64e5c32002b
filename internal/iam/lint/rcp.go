package lint

import (
	"fmt"
	"slices"

	"github.com/magpie-sec/magpie/internal/iam"
)

// principalKeys are those about who calls that requests of services lack.
var principalKeys = []string{"aws:PrincipalOrgID", "aws:PrincipalOrgPaths", "aws:PrincipalAccount", "aws:PrincipalArn", "aws:PrincipalTag/${TagKey}"}

// byPerimeter is about resource control policies that deny whoever is not of the organization: services have no organization, and callers act on
// no resource's behalf, so that each key needs another one that says for whom it is.
var byPerimeter = &family{sound: true, statement: func(l *linter, s *statement) {
	if s.Effect != iam.Deny {
		return
	}
	for i := range s.Conditions {
		c := &s.Conditions[i]
		key := l.key(&c.Key)
		// Only a negated operator denies those who lack the key.
		if key.ConditionKey == nil || !c.Operator.Test.Negated() || c.Operator.Qualifier == iam.ForAnyValue {
			continue
		}
		switch {
		case key.is(principalKeys...):
			if !s.asks(iam.Bool, "false", "aws:PrincipalIsAWSService") {
				l.add("RCP_MISSING_RELATED_PRINCIPAL_CONDITION_KEY", fmt.Sprintf("Requests of services lack %s and are denied: add BoolIfExists aws:PrincipalIsAWSService false.", quote(c.Key.Name)), c.Key.Span)
			}
		case key.is(sourceKeys...):
			if !s.asks(iam.Bool, "true", "aws:PrincipalIsAWSService") {
				l.add("RCP_MISSING_RELATED_SERVICE_PRINCIPAL_CONDITION_KEY", fmt.Sprintf("Only services' requests carry %s: add Bool aws:PrincipalIsAWSService true.", quote(c.Key.Name)), c.Key.Span)
			}
			if !s.asks(iam.Null, "false", "aws:SourceAccount", "aws:SourceArn") {
				l.add("RCP_MISSING_SERVICE_CONDITION_KEY_NULL_CHECK", fmt.Sprintf("Services make requests without %s too, which are denied: add Null aws:SourceAccount false.", quote(c.Key.Name)), c.Key.Span)
			}
		}
	}
}}

// asks reports whether a statement has a condition of a test and one value on one of some keys.
func (s *statement) asks(test iam.Test, value string, names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		return slices.ContainsFunc(s.byKey[name], func(c *iam.Condition) bool {
			return c.Operator.Test == test && len(c.Values) == 1 && iam.FoldKey(c.Values[0].Value) == value
		})
	})
}
