package resource

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/inventory"
	"github.com/magpie-sec/magpie/internal/source"
)

// Snapshots are guarded by a list of accounts they are shared with, or "all". One that is encrypted is never public, and one that is encrypted
// with AWS's own key cannot be shared at all (access-analyzer.md 2.2). CloudFormation does not tell of sharing: it stands among AWS Config
// items.
func snapshotKind() kind {
	return shared(Snapshot, []string{"ec2:CopySnapshot", "ec2:CreateVolume"}, "createVolumePermissions", "createVolumePermission", "CreateVolumePermissions")
}

func dbSnapshotKind() kind {
	return shared(DBSnapshot, []string{"rds:CopyDBSnapshot", "rds:RestoreDBInstanceFromDBSnapshot"}, "DBSnapshotAttributes")
}

func dbClusterSnapshotKind() kind {
	return shared(DBClusterSnapshot, []string{"rds:CopyDBClusterSnapshot", "rds:RestoreDBClusterFromSnapshot"}, "DBClusterSnapshotAttributes")
}

func shared(name string, actions []string, members ...string) kind {
	return kind{name: name, document: "sharing", policy: iam.Resource, analyze: analyzeSnapshot,
		parts: func() []part { return []part{{suffixes: []string{""}, actions: actions}} },
		item:  func(item inventory.ConfigItem, into *Resource) { itemShares(item, into, members...) }}
}

const everyone = "all"

func analyzeSnapshot(a *analysis) {
	if unknown(a, a.kind.document, a.r.Shares) {
		return
	}
	encrypted, known := a.r.Encrypted.Get()
	if key, ok := a.r.KMSKey.Get(); known && encrypted && ok && awsManaged(key) {
		return
	}
	actions := a.kind.parts()[0].actions
	var all []Finding
	for i, share := range a.r.Shares.Value {
		s := statement{Effect: "Allow", Principal: map[string]string{"AWS": share}, Action: actions, Resource: "*"}
		if share == everyone {
			if known && encrypted {
				continue
			}
			if unknown(a, "encryption", a.r.Encrypted) {
				continue
			}
			s.Principal = "*"
		}
		p, err := made([]statement{s}, iam.Resource)
		if err != nil {
			a.gap(false, "sharing: %v", err)
			return
		}
		// Accounts have nothing in common, and everyone is above them all: one share at a time is as good as all, and there may be many.
		found := a.external([]layer{{documents: []*document{{name: a.kind.document, policy: p}}}}, actions)
		for j := range found {
			for k := range found[j].Reasons {
				found[j].Reasons[k].Statement = i
			}
		}
		if share == everyone {
			a.findings = found
			return
		}
		all = append(all, found...)
	}
	a.findings = all
}

// awsManaged reports whether a key, by alias, is one of AWS's own.
func awsManaged(key string) bool {
	return strings.HasPrefix(key, "alias/aws/") || strings.Contains(key, ":alias/aws/")
}

// itemShares reads with whom a snapshot is shared, as DescribeSnapshotAttribute, DescribeDBSnapshotAttributes and AWS Config tell.
func itemShares(item inventory.ConfigItem, into *Resource, members ...string) {
	var c struct {
		Encrypted        *bool  `json:"encrypted"`
		StorageEncrypted *bool  `json:"storageEncrypted"`
		Key              string `json:"kmsKeyId"`
		Type             string `json:"snapshotType"`
	}
	if len(item.Configuration) > 0 && json.Unmarshal(item.Configuration, &c) != nil {
		into.Encrypted = source.Unknown[bool](unreadable(item, "configuration"))
		into.Shares = source.Unknown[[]string](unreadable(item, "configuration"))
		return
	}
	for _, e := range []*bool{c.Encrypted, c.StorageEncrypted} {
		if e != nil {
			into.Encrypted = source.Known(*e)
		}
	}
	if into.Encrypted.State == source.StateUnknown && into.Encrypted.Reason == "" {
		into.Encrypted.Reason = "the item does not say"
	}
	if c.Key != "" {
		into.KMSKey = source.Known(c.Key)
	}
	for _, name := range members {
		raw, given := member(item, name)
		if !given {
			continue
		}
		shares, ok := parseShares(raw)
		if !ok {
			into.Shares = source.Unknown[[]string](unreadable(item, name))
			return
		}
		into.Shares = source.Known(shares)
		return
	}
	switch {
	case c.Type != "" && c.Type != "manual":
		into.Shares = source.Absent[[]string]("only manual snapshots can be shared")
	case into.Shares.State == source.StateUnknown && into.Shares.Reason == "":
		into.Shares.Reason = "the item does not say with whom it is shared"
	}
}

// parseShares reads [{group: all}, {userId: ...}] or [{attributeName: restore, attributeValues: [...]}].
func parseShares(raw json.RawMessage) (shares []string, ok bool) {
	var list []struct {
		Group     string   `json:"group"`
		User      string   `json:"userId"`
		Attribute string   `json:"attributeName"`
		Values    []string `json:"attributeValues"`
	}
	if json.Unmarshal(raw, &list) != nil {
		return nil, false
	}
	for _, e := range list {
		switch {
		case e.Group == everyone:
			shares = append(shares, everyone)
		case e.User != "":
			shares = append(shares, e.User)
		case e.Attribute == "restore":
			shares = append(shares, e.Values...)
		case e.Attribute == "":
			return nil, false
		}
	}
	for _, s := range shares {
		if s != everyone && !isAccount(s) {
			return nil, false
		}
	}
	slices.Sort(shares)
	return slices.Compact(shares), true
}
