package resource

import (
	"sync"

	"github.com/magpie-sec/magpie/internal/cfn"
	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/inventory"
)

// A table, with its indexes, is guarded by its policy, a stream by its own. Only actions that DynamoDB lets other accounts use count, whatever
// else a policy allows (access-analyzer.md 2.3).
func tableKind() kind {
	return kind{name: Table, document: "table policy", policy: iam.Resource, parts: tableParts, analyze: guarded,
		describe: func(e *estate, r cfn.Resource, into *Resource) {
			into.Policy = e.document(r, iam.Resource, "ResourcePolicy", "PolicyDocument")
		},
		item: func(item inventory.ConfigItem, into *Resource) {
			itemPolicy(item, &into.Policy, "ResourcePolicy", "Policy")
		}}
}

func streamKind() kind {
	return kind{name: Stream, document: "stream policy", policy: iam.Resource, parts: streamParts, analyze: guarded,
		item: func(item inventory.ConfigItem, into *Resource) {
			itemPolicy(item, &into.Policy, "ResourcePolicy", "Policy")
		}}
}

// TransactGetItems and TransactWriteItems are authorised by the actions of each item.
var tableParts = sync.OnceValue(func() []part {
	return []part{
		{suffixes: []string{""}, actions: []string{"dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:ConditionCheckItem",
			"dynamodb:DeleteItem", "dynamodb:DeleteTable", "dynamodb:DescribeTable", "dynamodb:GetItem", "dynamodb:ListTagsOfResource",
			"dynamodb:PutItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:TagResource", "dynamodb:UntagResource", "dynamodb:UpdateItem",
			"dynamodb:UpdateTable"}},
		{suffixes: []string{"/index/*"}, actions: []string{"dynamodb:Query", "dynamodb:Scan"}},
	}
})

var streamParts = sync.OnceValue(func() []part {
	return []part{{suffixes: []string{""}, actions: []string{"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"}}}
})
