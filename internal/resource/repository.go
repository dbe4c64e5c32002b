package resource

import (
	"sync"

	"github.com/magpie-sec/magpie/internal/cfn"
	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/inventory"
)

// A repository of images is guarded by its policy. That whoever it lets in also has a token for the registry is assumed (access-analyzer.md
// 2.2). Its statements need no Resource.
func repositoryKind() kind {
	return kind{name: Repository, document: "repository policy", policy: iam.Resource, parts: repositoryParts, analyze: guarded,
		describe: func(e *estate, r cfn.Resource, into *Resource) {
			into.Policy = e.document(r, iam.Resource, "RepositoryPolicyText")
		},
		item: func(item inventory.ConfigItem, into *Resource) {
			itemPolicy(item, &into.Policy, "RepositoryPolicyText", "policyText")
		}}
}

var repositoryParts = sync.OnceValue(func() []part { return []part{{suffixes: []string{""}, actions: actionsOn("ecr:repository")}} })
