package resource

import (
	"sync"

	"github.com/magpie-sec/magpie/internal/cfn"
	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/inventory"
)

// A function is guarded by its own policy; those of its versions and aliases are not looked at (access-analyzer.md 2.2). In a template each
// AWS::Lambda::Permission is a statement of it.
func functionKind() kind {
	return kind{name: Function, document: "function policy", policy: iam.Resource, parts: functionParts, analyze: guarded,
		describe: func(e *estate, r cfn.Resource, into *Resource) { into.Policy = e.permissions(r, into) },
		item: func(item inventory.ConfigItem, into *Resource) {
			itemPolicy(item, &into.Policy, "Policy")
		}}
}

var functionParts = sync.OnceValue(func() []part { return []part{{suffixes: []string{""}, actions: actionsOn("lambda:function")}} })

// permissionConditions are the properties of AWS::Lambda::Permission that narrow it, with operator and key ("AddPermission" in the Lambda API
// reference).
var permissionConditions = []struct{ property, operator, key string }{
	{"SourceArn", "ArnLike", "aws:SourceArn"},
	{"SourceAccount", "StringEquals", "aws:SourceAccount"},
	{"PrincipalOrgID", "StringEquals", "aws:PrincipalOrgID"},
	{"EventSourceToken", "StringEquals", "lambda:EventSourceToken"},
	{"FunctionUrlAuthType", "StringEquals", "lambda:FunctionUrlAuthType"},
	{"InvokedViaFunctionUrl", "Bool", "lambda:InvokedViaFunctionUrl"},
}

// permissionStatement is the statement that an AWS::Lambda::Permission or LayerVersionPermission adds.
func permissionStatement(r cfn.Resource) map[string]any {
	s := map[string]any{"Sid": r.LogicalID, "Effect": "Allow", "Resource": "*"}
	s["Action"], s["Principal"] = property(r, "Action"), property(r, "Principal")
	switch text, _ := s["Principal"].(string); {
	case text == "" || text == "*":
	case isAccount(text) || hasColon(text):
		s["Principal"] = map[string]any{"AWS": text}
	default:
		s["Principal"] = map[string]any{"Service": text}
	}
	conditions := map[string]any{}
	narrow := func(property any, operator, key string) {
		if property == nil {
			return
		}
		under, _ := conditions[operator].(map[string]any)
		if under == nil {
			under = map[string]any{}
			conditions[operator] = under
		}
		under[key] = property
	}
	for _, c := range permissionConditions {
		narrow(property(r, c.property), c.operator, c.key)
	}
	narrow(property(r, "OrganizationId"), "StringEquals", "aws:PrincipalOrgID")
	if len(conditions) > 0 {
		s["Condition"] = conditions
	}
	return s
}
