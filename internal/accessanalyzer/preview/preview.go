// Package preview works out what becomes of a resource's findings if its access were configured as someone proposes: from the configuration
// of CreateAccessPreview and the resource as it is, if there is one, it makes the resource as it would be, and it compares the findings of
// the two.
//
// What the request alone shows to be wrong is an error of kind Validation. What a service would refuse when it is asked to store it, policies
// that do not parse above all, is an *InvalidError, which makes the preview FAILED with INVALID_CONFIGURATION.
//
// Source of the rules: access-analyzer.md 3.4, and the descriptions of the configurations in the IAM Access Analyzer API reference.
package preview

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/magpie-sec/magpie/internal/arn"
	"github.com/magpie-sec/magpie/internal/resource"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/accessanalyzer"
)

// A Proposal is a resource with the configuration that is proposed for it.
type Proposal struct {
	ARN  string
	Type string // as in package resource

	region  string // of the analyzer
	account string // twelve digits: of the analyzer
	kind    *kind
	given   *accessanalyzer.Configuration
}

// An InvalidError says why a configuration could not be stored.
type InvalidError struct{ Reason string }

// Error returns the reason.
func (e *InvalidError) Error() string { return "invalid configuration: " + e.Reason }

func invalid(format string, args ...any) error { return &InvalidError{fmt.Sprintf(format, args...)} }

// Read checks the configurations of a request: that there is one, of a kind and for a resource that fit each other and the account and Region
// of the analyzer, within the limits. Its errors are of kind Validation.
func Read(configurations map[string]accessanalyzer.Configuration, account, region string) (*Proposal, error) {
	if len(configurations) != 1 {
		return nil, refuse("configurations", "must have exactly one element, it has %d", len(configurations))
	}
	name := slices.Collect(maps.Keys(configurations))[0]
	c := configurations[name]
	at := "configurations." + name
	k := kindOf(&c)
	if k == nil {
		return nil, refuse(at, "must have exactly one member")
	}
	a, err := arn.Parse(name)
	if err != nil {
		return nil, refuse("configurations", "the key has to be the ARN of the resource: %v", err)
	}
	if why := k.misfit(a, account, region); why != "" {
		return nil, refuse(at, "is no ARN for the configuration %s: %s", k.member, why)
	}
	p := &Proposal{ARN: name, Type: k.resource, region: region, account: account, kind: k, given: &c}
	if err := k.check(p, checker{at: at + "." + k.member}); err != nil {
		return nil, err
	}
	return p, nil
}

// Resource makes the resource as it would be of what there is now. Its errors are *InvalidError.
func (p *Proposal) Resource(now resource.One) (*resource.Resource, error) {
	r := resource.Resource{ARN: p.ARN, Type: p.Type, Account: p.account, Region: p.region, Policy: source.Absent[resource.Document]("")}
	b := &builder{Proposal: p, now: now, r: &r, isNew: now.Resource == nil}
	switch {
	case b.isNew:
		b.defaults()
	case now.Resource.Account != p.account:
		return nil, invalid("%s: the resource belongs to another account", p.kind.member)
	default:
		r = *now.Resource
		r.Doubt = "" // that there is one is part of the proposal
	}
	if err := p.kind.build(b); err != nil {
		return nil, err
	}
	return &r, nil
}

// A builder changes a resource into the proposed one. At first it is the current one, or a new one with the defaults of its type.
type builder struct {
	*Proposal
	now   resource.One
	r     *resource.Resource
	isNew bool
}

// defaults are the facts of a new resource of which nothing is proposed.
func (b *builder) defaults() {
	switch b.Type {
	case resource.Bucket:
		// Who owns objects is not part of a configuration, and a new bucket would have no ACL: proposed grants would say nothing. They count.
		b.r.Ownership = source.Absent[string]("")
		b.r.ACL = source.Known([]source.Grant{})
		b.r.Owner, b.r.AccountBlock = b.now.Owner, b.now.AccountBlock
		b.r.PublicAccessBlock = source.Known(source.PublicAccessBlock{})
		b.r.AccessPoints = source.Known([]resource.AccessPoint{})
	case resource.DirectoryBucket:
		b.r.AccessPoints = source.Known([]resource.AccessPoint{})
	case resource.Key:
		b.r.Policy = source.Known(resource.Document{Text: defaultKeyPolicy(b.account, arn.PartitionOf(b.region))})
		b.r.Grants = source.Absent[[]resource.KeyGrant]("")
	case resource.Secret:
		b.r.KMSKey = source.Absent[string]("")
	case resource.Snapshot, resource.DBSnapshot, resource.DBClusterSnapshot:
		b.r.Shares, b.r.Encrypted = source.Known([]string{}), source.Known(false)
		b.r.KMSKey = source.Absent[string]("")
	}
}

// defaultKeyPolicy is that of a key that is made without one ("Default key policy" in the AWS KMS Developer Guide).
func defaultKeyPolicy(account, partition string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":{"Sid":"Enable IAM User Permissions","Effect":"Allow","Principal":{"AWS":"%s"},"Action":"kms:*","Resource":"*"}}`,
		arn.AccountRoot(partition, account))
}

// policy lays a proposed policy on the resource: nil leaves the current one, an empty text removes it.
func (b *builder) policy(text *string) error {
	if text == nil {
		return nil
	}
	d, err := document(b.kind.resource, b.kind.member, *text)
	if err != nil {
		return err
	}
	b.r.Policy = d
	b.r.Marker = "" // a proposed policy calls the resource by its ARN
	return nil
}

// A checker refuses members of a configuration.
type checker struct{ at string }

func (c checker) refuse(member, format string, args ...any) error {
	return refuse(c.at+"."+member, format, args...)
}

func refuse(field, format string, args ...any) error {
	why := fmt.Sprintf(format, args...)
	return &wire.Error{Kind: wire.Validation, Message: clip(field) + " " + why, Reason: wire.ReasonFieldValidation,
		Fields: []wire.Field{{Name: clip(field), Message: why}}}
}

// clip keeps texts of the request that are repeated in errors short.
func clip(s string) string {
	const limit = 300
	if len(s) > limit {
		return strings.ToValidUTF8(s[:limit], "") + "..."
	}
	return s
}
