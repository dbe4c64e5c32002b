package preview

import (
	"slices"

	"github.com/magpie-sec/magpie/internal/arn"
	"github.com/magpie-sec/magpie/internal/source"
)

const (
	everyone     = "all"     // as an account or group that a snapshot is shared with
	restore      = "restore" // the attribute of a database's snapshot that says with whom it is shared
	mostDBShares = 20        // accounts that one is shared with ("Sharing a DB snapshot" in the Amazon RDS User Guide)
)

func checkSnapshot(p *Proposal, c checker) error {
	s := p.given.EbsSnapshot
	for _, id := range s.UserIds {
		if !arn.IsAccount(id) {
			return c.refuse("userIds", "has %q, which is no account", clip(id))
		}
	}
	for _, g := range s.Groups {
		if g != everyone {
			return c.refuse("groups", "has %q; the only group is %q", clip(g), everyone)
		}
	}
	return nil
}

func buildSnapshot(b *builder) error {
	c := b.given.EbsSnapshot
	b.encrypted(c.KmsKeyId)
	if c.UserIds == nil && c.Groups == nil {
		return nil
	}
	if b.r.Shares.State == source.StateUnknown && (c.UserIds == nil || c.Groups == nil) {
		return nil // one half of it stays unknown
	}
	kept := slices.DeleteFunc(slices.Clone(b.r.Shares.Value), func(s string) bool {
		if s == everyone {
			return c.Groups != nil
		}
		return c.UserIds != nil
	})
	b.share(append(append(kept, c.UserIds...), c.Groups...))
	return nil
}

// share says with whom a snapshot is shared.
func (b *builder) share(with []string) {
	with = slices.Clone(with)
	slices.Sort(with)
	b.r.Shares = source.Known(slices.Compact(with))
}

// encrypted takes over a proposed key of a snapshot. Without one, or with an empty name, the current one stays; a new snapshot has none.
func (b *builder) encrypted(key *string) {
	if key == nil || *key == "" {
		return
	}
	b.r.Encrypted, b.r.KMSKey = source.Known(true), source.Known(*key)
}

// dbSnapshot is the configuration of either sort of snapshot of a database: its attributes, by name, and its key.
func (p *Proposal) dbSnapshot() (attributes map[string][]string, key *string) {
	attributes = map[string][]string{}
	if c := p.given.RdsDbSnapshot; c != nil {
		for name, value := range c.Attributes {
			attributes[name] = value.AccountIds
		}
		return attributes, c.KmsKeyId
	}
	c := p.given.RdsDbClusterSnapshot
	for name, value := range c.Attributes {
		attributes[name] = value.AccountIds
	}
	return attributes, c.KmsKeyId
}

func checkDBSnapshot(p *Proposal, c checker) error {
	attributes, _ := p.dbSnapshot()
	for name, accounts := range attributes {
		if name != restore {
			return c.refuse("attributes", "has %q; the only attribute is %q", clip(name), restore)
		}
		for _, id := range accounts {
			if id != everyone && !arn.IsAccount(id) {
				return c.refuse("attributes", "has %q, which is neither an account nor %q", clip(id), everyone)
			}
		}
	}
	return nil
}

func buildDBSnapshot(b *builder) error {
	attributes, key := b.dbSnapshot()
	b.encrypted(key)
	accounts, given := attributes[restore]
	if !given || accounts == nil {
		return nil
	}
	b.share(accounts)
	if n := len(slices.DeleteFunc(slices.Clone(b.r.Shares.Value), func(s string) bool { return s == everyone })); n > mostDBShares {
		return invalid("%s: it is shared with %d accounts, which is more than %d", b.kind.member, n, mostDBShares)
	}
	return nil
}
