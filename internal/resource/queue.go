package resource

import (
	"sync"

	"github.com/magpie-sec/magpie/internal/cfn"
	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/inventory"
)

// A queue is guarded by its policy; without one only its owner reaches it.
func queueKind() kind {
	return kind{name: Queue, document: "queue policy", policy: iam.Resource, parts: queueParts, analyze: guarded,
		describe: func(e *estate, r cfn.Resource, into *Resource) {
			into.Policy = e.attached(r, into, "PolicyDocument", target{"AWS::SQS::QueuePolicy", "Queues"}, target{"AWS::SQS::QueueInlinePolicy", "Queue"})
		},
		item: func(item inventory.ConfigItem, into *Resource) {
			itemPolicy(item, &into.Policy, "Policy")
		}}
}

var queueParts = sync.OnceValue(func() []part { return []part{{suffixes: []string{""}, actions: actionsOn("sqs:queue")}} })
