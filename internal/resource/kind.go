package resource

import (
	"github.com/magpie-sec/magpie/internal/cfn"
	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/inventory"
)

// A kind is a type of resource.
type kind struct {
	name     string
	document string // what people call its policy
	policy   iam.Kind
	parts    func() []part
	analyze  func(a *analysis)
	// describe reads what a template says of a resource of the type; nil if CloudFormation has no such type.
	describe func(e *estate, r cfn.Resource, into *Resource)
	// item reads what an AWS Config item says of one.
	item func(item inventory.ConfigItem, into *Resource)
}

// kinds are all types, in the order of the constants.
func kinds() []kind {
	return []kind{bucketKind(), directoryBucketKind(), roleKind(), keyKind(), functionKind(), layerKind(), queueKind(), topicKind(), secretKind(),
		repositoryKind(), fileSystemKind(), snapshotKind(), dbSnapshotKind(), dbClusterSnapshotKind(), tableKind(), streamKind()}
}

func kindOf(name string) *kind {
	for _, k := range kinds() {
		if k.name == name {
			return &k
		}
	}
	return nil
}
