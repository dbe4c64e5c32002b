package resource

import (
	"sync"

	"github.com/magpie-sec/magpie/internal/cfn"
	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/inventory"
)

// A topic is guarded by its policy. The one that every topic begins with lets in those whose aws:SourceOwner is the owner, and so nobody
// outside (access-analyzer.md 4.10): a topic without a policy of its own has no findings.
func topicKind() kind {
	return kind{name: Topic, document: "topic policy", policy: iam.Resource, parts: topicParts, analyze: guarded,
		describe: func(e *estate, r cfn.Resource, into *Resource) {
			into.Policy = e.attached(r, into, "PolicyDocument", target{"AWS::SNS::TopicPolicy", "Topics"}, target{"AWS::SNS::TopicInlinePolicy", "TopicArn"})
		},
		item: func(item inventory.ConfigItem, into *Resource) {
			itemPolicy(item, &into.Policy, "Policy")
		}}
}

var topicParts = sync.OnceValue(func() []part { return []part{{suffixes: []string{""}, actions: actionsOn("sns:topic")}} })
