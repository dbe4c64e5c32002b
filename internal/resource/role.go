package resource

import (
	"sync"

	"github.com/magpie-sec/magpie/internal/cfn"
	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/inventory"
)

// A role is guarded by its trust policy, which has to allow by itself. Federated principals are outside every zone (access-analyzer.md 2.1).
func roleKind() kind {
	return kind{name: Role, document: "trust policy", policy: iam.Trust, parts: roleParts, analyze: guarded,
		describe: func(e *estate, r cfn.Resource, into *Resource) {
			into.Policy = e.document(r, iam.Trust, "AssumeRolePolicyDocument")
		},
		item: func(item inventory.ConfigItem, into *Resource) {
			itemPolicy(item, &into.Policy, "assumeRolePolicyDocument")
		}}
}

var roleParts = sync.OnceValue(func() []part { return []part{{suffixes: []string{""}, actions: actionsOn("sts:role")}} })
