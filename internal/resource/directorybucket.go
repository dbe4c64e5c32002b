package resource

import (
	"slices"
	"sync"

	"github.com/magpie-sec/magpie/internal/cfn"
	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/iam/eval"
	"github.com/magpie-sec/magpie/internal/inventory"
)

// A directory bucket is guarded by its policy; it has no access control list, and public access is always blocked: a policy that is public, in
// S3's meaning, lets nobody in from outside. On the way through an access point that one's policy has to allow too (access-analyzer.md 2.2).
func directoryBucketKind() kind {
	return kind{name: DirectoryBucket, document: "bucket policy", policy: iam.Resource, parts: directoryBucketParts, analyze: analyzeDirectoryBucket,
		describe: func(e *estate, r cfn.Resource, into *Resource) {
			into.Policy = e.attached(r, into, "PolicyDocument", target{"AWS::S3Express::BucketPolicy", "Bucket"})
			into.AccessPoints = e.accessPoints(into, "AWS::S3Express::AccessPoint")
		},
		item: func(item inventory.ConfigItem, into *Resource) {
			itemPolicy(item, &into.Policy, "PolicyDocument", "BucketPolicy", "Policy")
		}}
}

var directoryBucketParts = sync.OnceValue(func() []part { return []part{{suffixes: []string{""}, actions: actionsOn("s3express:bucket")}} })

var directoryAccessPointActions = sync.OnceValue(func() []string {
	others := actionsOn("s3express:accesspoint")
	return slices.DeleteFunc(actionsOn("s3express:bucket"), func(a string) bool { return !slices.Contains(others, a) })
})

var expressDelegation = []string{"s3express:dataaccesspointaccount", "s3express:dataaccesspointarn", "s3express:accesspointnetworkorigin"}

func analyzeDirectoryBucket(a *analysis) {
	b, ok := a.read(a.kind.document, Source{Type: FromPolicy}, a.r.Policy, iam.Resource)
	if !ok || PublicPolicy(b.least.policy, false) {
		return
	}
	if PublicPolicy(b.most.policy, false) {
		a.gap(false, "%s", b.unclear(a.kind.document))
		return
	}
	a.findings = a.alone(b)
	if a.r.AccessPoints.Reason != "" && slices.ContainsFunc(b.most.policy.Statements, func(s iam.Statement) bool {
		return s.Effect == iam.Allow && a.invites(&s) &&
			slices.ContainsFunc(s.Conditions, func(c iam.Condition) bool { return slices.Contains(expressDelegation, c.Key.Folded) })
	}) {
		unknown(a, "access points", a.r.AccessPoints)
	}
	points, _ := a.r.AccessPoints.Get()
	for i := range points {
		a.findings = merge(a.findings, a.throughDirectory(&points[i], b))
	}
}

// throughDirectory is access by way of an access point of a directory bucket.
func (a *analysis) throughDirectory(p *AccessPoint, b bounds) []Finding {
	own, ok := a.read(p.what(), Source{Type: FromAccessPoint, AccessPointARN: p.ARN}, p.Policy, iam.Resource)
	vpc, private := p.VPC.Get()
	if !ok || !private && PublicPolicy(own.least.policy, true) {
		return nil
	}
	known := eval.Context{}
	known.Set("s3express:DataAccessPointAccount", a.r.Account)
	known.Set("s3express:DataAccessPointArn", p.ARN)
	known.Set("s3express:AccessPointNetworkOrigin", "Internet")
	if private {
		known.Set("s3express:AccessPointNetworkOrigin", "VPC")
	}
	pick := func(b bounds, most bool) *document {
		d := b.least
		if most {
			d = b.most
		}
		return d.like(specialise(d.policy, known, expressDelegation...))
	}
	found := a.within(func(most bool) []layer {
		front, behind := pick(own, most), pick(b, most)
		behind.source = Source{}
		if private {
			front.policy = fromVPC(front.policy, vpc)
		}
		return []layer{{documents: []*document{front}, resources: []string{p.ARN}}, {documents: []*document{behind}, resources: []string{a.r.self()}}}
	}, own.reason+b.reason, directoryAccessPointActions())
	carry(found, known, expressDelegation)
	return found
}
