package resource

import (
	"sync"

	"github.com/magpie-sec/magpie/internal/cfn"
	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/inventory"
)

// A layer version is guarded by its policy: each AWS::Lambda::LayerVersionPermission lets an account, an organization or everyone use it.
func layerKind() kind {
	return kind{name: LayerVersion, document: "layer version policy", policy: iam.Resource, parts: layerParts, analyze: guarded,
		describe: func(e *estate, r cfn.Resource, into *Resource) { into.Policy = e.permissions(r, into) },
		item: func(item inventory.ConfigItem, into *Resource) {
			itemPolicy(item, &into.Policy, "Policy")
		}}
}

var layerParts = sync.OnceValue(func() []part { return []part{{suffixes: []string{""}, actions: actionsOn("lambda:layerVersion")}} })
