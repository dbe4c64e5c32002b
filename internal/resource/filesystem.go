package resource

import (
	"sync"

	"github.com/magpie-sec/magpie/internal/cfn"
	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/inventory"
)

// A file system is guarded by its policy. A statement that asks for access through a mount target reaches those in the file system's networks
// only, and is not public (access-analyzer.md 4.10), which package reach knows. Where the mount targets are is not looked at.
func fileSystemKind() kind {
	return kind{name: FileSystem, document: "file system policy", policy: iam.Resource, parts: fileSystemParts, analyze: guarded,
		describe: func(e *estate, r cfn.Resource, into *Resource) {
			into.Policy = e.document(r, iam.Resource, "FileSystemPolicy")
		},
		item: func(item inventory.ConfigItem, into *Resource) {
			itemPolicy(item, &into.Policy, "FileSystemPolicy", "Policy")
		}}
}

var fileSystemParts = sync.OnceValue(func() []part {
	return []part{{suffixes: []string{""}, actions: actionsOn("elasticfilesystem:file-system")}}
})
