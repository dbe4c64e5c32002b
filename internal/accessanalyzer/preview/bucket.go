package preview

import (
	"maps"
	"slices"

	"github.com/magpie-sec/magpie/internal/arn"
	"github.com/magpie-sec/magpie/internal/resource"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/accessanalyzer"
)

// The most that may be proposed of a bucket (S3BucketConfiguration and S3AccessPointConfiguration in the API reference).
const (
	mostACLGrants    = 100
	mostAccessPoints = 10
)

func checkBucket(p *Proposal, c checker) error {
	b := p.given.S3Bucket
	if n := len(b.BucketAclGrants); n > mostACLGrants {
		return c.refuse("bucketAclGrants", "may have %d elements, it has %d", mostACLGrants, n)
	}
	for _, g := range b.BucketAclGrants {
		switch {
		case !slices.Contains(g.Permission.Values(), g.Permission):
			return c.refuse("bucketAclGrants", "has a permission that there is not")
		case g.Grantee == nil || (g.Grantee.Id == nil) == (g.Grantee.Uri == nil):
			return c.refuse("bucketAclGrants", "has a grantee without exactly one of id and uri")
		case g.Grantee.Id != nil && *g.Grantee.Id == "":
			return c.refuse("bucketAclGrants", "has an empty canonical user id")
		case g.Grantee.Uri != nil && !slices.Contains(aclGroups, *g.Grantee.Uri):
			return c.refuse("bucketAclGrants", "names the group %q, which there is not", clip(*g.Grantee.Uri))
		}
	}
	if n := len(b.AccessPoints); n > mostAccessPoints {
		return c.refuse("accessPoints", "may have %d elements, it has %d", mostAccessPoints, n)
	}
	for _, name := range slices.Sorted(maps.Keys(b.AccessPoints)) {
		point := b.AccessPoints[name]
		if err := checkAccessPoint(p, c, name, "s3", point.NetworkOrigin); err != nil {
			return err
		}
	}
	return nil
}

var aclGroups = []string{source.AllUsers, source.AuthenticatedUsers, source.LogDelivery}

// checkAccessPoint demands that an access point is of the bucket's account. One of several Regions has none in its ARN, and the internet as
// its origin.
func checkAccessPoint(p *Proposal, c checker, name, service string, origin *accessanalyzer.NetworkOriginConfiguration) error {
	a, err := arn.Parse(name)
	multiRegion := service == "s3" && a.Region == ""
	switch {
	case err != nil || a.Service != service || a.ResourceType() != "accesspoint" || a.ResourceID() == "":
		return c.refuse("accessPoints", "has the key %q, which is no access point's ARN", clip(name))
	case a.Partition != arn.PartitionOf(p.region) || a.Region != p.region && !multiRegion:
		return c.refuse("accessPoints", "has the access point %q, which is not of the analyzer's Region", clip(name))
	case a.Account != p.account:
		return c.refuse("accessPoints", "has the access point %q of another account", clip(name))
	case origin == nil:
		return nil
	case (origin.VpcConfiguration == nil) == (origin.InternetConfiguration == nil):
		return c.refuse("accessPoints", "has a network origin without exactly one of vpcConfiguration and internetConfiguration")
	case origin.VpcConfiguration != nil && multiRegion:
		return c.refuse("accessPoints", "limits a multi-Region access point to a VPC")
	}
	return nil
}

func buildBucket(b *builder) error {
	c := b.given.S3Bucket
	if err := b.policy(c.BucketPolicy); err != nil {
		return err
	}
	if c.BucketAclGrants != nil {
		grants := make([]source.Grant, 0, len(c.BucketAclGrants))
		for _, g := range c.BucketAclGrants {
			grant := source.Grant{GranteeType: "CanonicalUser", Grantee: wire.Value(g.Grantee.Id), Permission: string(g.Permission)}
			if g.Grantee.Uri != nil {
				grant.GranteeType, grant.Grantee = "Group", *g.Grantee.Uri
			}
			grants = append(grants, grant)
		}
		b.r.ACL = source.Known(grants)
		if b.r.Owner.State == source.StateUnknown {
			b.r.Owner = b.now.Owner
		}
		if b.r.Owner.State == source.StateUnknown {
			// Who proposes a grant to someone of whom it is not known who that is learns that it is access, rather than that nobody can tell.
			b.r.Owner = source.Absent[source.Owner](b.r.Owner.Reason)
		}
	}
	if c.BucketPublicAccessBlock != nil {
		b.r.PublicAccessBlock = block(c.BucketPublicAccessBlock)
	}
	if c.AccessPoints == nil {
		return nil
	}
	points := make([]resource.AccessPoint, 0, len(c.AccessPoints))
	for _, name := range slices.Sorted(maps.Keys(c.AccessPoints)) {
		proposed := c.AccessPoints[name]
		point, err := b.accessPoint(name, proposed.AccessPointPolicy, proposed.NetworkOrigin)
		if err != nil {
			return err
		}
		if proposed.PublicAccessBlock != nil {
			point.PublicAccessBlock = block(proposed.PublicAccessBlock)
		}
		points = append(points, point)
	}
	b.r.AccessPoints = source.Known(points)
	return nil
}

func block(c *accessanalyzer.S3PublicAccessBlockConfiguration) source.Fact[source.PublicAccessBlock] {
	return source.Known(source.PublicAccessBlock{IgnorePublicACLs: wire.Value(c.IgnorePublicAcls), RestrictPublicBuckets: wire.Value(c.RestrictPublicBuckets)})
}

// accessPoint is an access point of the bucket with what is proposed for it, and else as it is, or as a new one is.
func (b *builder) accessPoint(name string, policy *string, origin *accessanalyzer.NetworkOriginConfiguration) (resource.AccessPoint, error) {
	a, err := arn.Parse(name)
	if err != nil {
		return resource.AccessPoint{}, err // Read has looked
	}
	point := resource.AccessPoint{ARN: name, Name: a.ResourceID(), MultiRegion: a.Region == "", Policy: source.Absent[resource.Document](""),
		VPC:               source.Absent[string](""),
		PublicAccessBlock: source.Known(source.PublicAccessBlock{BlockPublicACLs: true, BlockPublicPolicy: true, IgnorePublicACLs: true, RestrictPublicBuckets: true})}
	if !b.isNew {
		switch points, known := b.now.Resource.AccessPoints.Get(); {
		case b.now.Resource.AccessPoints.State == source.StateUnknown:
			// It may be one that the bucket has.
			reason := b.now.Resource.AccessPoints.Reason
			point.Policy, point.VPC = source.Unknown[resource.Document](reason), source.Unknown[string](reason)
			point.PublicAccessBlock = source.Unknown[source.PublicAccessBlock](reason)
		case known:
			if i := slices.IndexFunc(points, func(p resource.AccessPoint) bool { return p.ARN == name }); i >= 0 {
				point = points[i]
			}
		}
	}
	if policy != nil {
		if point.Policy, err = document(b.Type, "access point "+clip(point.Name), *policy); err != nil {
			return point, err
		}
	}
	switch {
	case origin == nil:
	case origin.VpcConfiguration != nil:
		point.VPC = source.Known(wire.Value(origin.VpcConfiguration.VpcId))
	default:
		point.VPC = source.Absent[string]("")
	}
	return point, nil
}

func checkDirectoryBucket(p *Proposal, c checker) error {
	points := p.given.S3ExpressDirectoryBucket.AccessPoints
	if n := len(points); n > mostAccessPoints {
		return c.refuse("accessPoints", "may have %d elements, it has %d", mostAccessPoints, n)
	}
	for _, name := range slices.Sorted(maps.Keys(points)) {
		point := points[name]
		if err := checkAccessPoint(p, c, name, "s3express", point.NetworkOrigin); err != nil {
			return err
		}
	}
	return nil
}

func buildDirectoryBucket(b *builder) error {
	c := b.given.S3ExpressDirectoryBucket
	if err := b.policy(c.BucketPolicy); err != nil || c.AccessPoints == nil {
		return err
	}
	points := make([]resource.AccessPoint, 0, len(c.AccessPoints))
	for _, name := range slices.Sorted(maps.Keys(c.AccessPoints)) {
		proposed := c.AccessPoints[name]
		point, err := b.accessPoint(name, proposed.AccessPointPolicy, proposed.NetworkOrigin)
		if err != nil {
			return err
		}
		points = append(points, point)
	}
	b.r.AccessPoints = source.Known(points)
	return nil
}
