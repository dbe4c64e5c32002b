package resource

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/magpie-sec/magpie/internal/arn"
	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/iam/eval"
	"github.com/magpie-sec/magpie/internal/iam/reach"
	"github.com/magpie-sec/magpie/internal/source"
)

// A bucket is guarded by its policy and its access control list, which add up; by public access blocks of the account and the bucket; and on
// the way through an access point by that one's policy and block as well. Findings name the ways as sources (access-analyzer.md 2.2, 4.8, 4.9).
func bucketKind() kind {
	return kind{name: Bucket, document: "bucket policy", policy: iam.Resource, parts: bucketParts, analyze: analyzeBucket,
		describe: describeBucket}
}

var bucketParts = sync.OnceValue(func() []part {
	return []part{{suffixes: []string{""}, actions: actionsOn("s3:bucket")}, {suffixes: []string{"/*"}, actions: actionsOn("s3:object")}}
})

// accessPointParts are the actions that both an access point and the bucket behind it allow.
var accessPointParts = sync.OnceValue(func() []part {
	both := func(a, b string) (list []string) {
		others := actionsOn(b)
		for _, action := range actionsOn(a) {
			if slices.Contains(others, action) {
				list = append(list, action)
			}
		}
		return list
	}
	return []part{{suffixes: []string{""}, actions: both("s3:bucket", "s3:accesspoint")},
		{suffixes: []string{"/object/*"}, actions: both("s3:object", "s3:accesspointobject")}}
})

// An AccessPoint is one of a bucket's, in the account that owns the bucket.
type AccessPoint struct {
	ARN         string
	Name        string
	MultiRegion bool
	Policy      source.Fact[Document]
	// PublicAccessBlock is the access point's own; absent is none. (S3 sets all four when one is made without saying otherwise.)
	PublicAccessBlock source.Fact[source.PublicAccessBlock]
	VPC               source.Fact[string] // the only VPC that reaches it; absent: the internet does
}

func (p *AccessPoint) what() string { return "policy of access point " + p.Name }

// settings are what a bucket's findings depend on beside its documents.
type settings struct {
	enforced bool // the owner owns everything: the ACL is void
	ignore   bool // grants to everyone are void
	restrict bool // a public policy lets nobody in from outside
	public   bool // the policy is public, in S3's meaning
}

// A maybe is true, false or both.
type maybe struct{ yes, no bool }

func certainly(b bool) maybe { return maybe{yes: b, no: !b} }
func (m maybe) both() bool   { return m.yes && m.no }
func (m maybe) or(n maybe) maybe {
	return maybe{yes: m.yes || n.yes, no: m.no && n.no}
}

// values are what it may be, true first.
func (m maybe) values() []bool {
	switch {
	case m.both():
		return []bool{true, false}
	case m.yes:
		return []bool{true}
	}
	return []bool{false}
}

// switched is one switch of a public access block.
func switched(f source.Fact[source.PublicAccessBlock], on func(source.PublicAccessBlock) bool) maybe {
	switch f.State {
	case source.StateKnown:
		return certainly(on(f.Value))
	case source.StateAbsent:
		return certainly(false)
	}
	return maybe{yes: true, no: true}
}

func ignores(b source.PublicAccessBlock) bool   { return b.IgnorePublicACLs }
func restricts(b source.PublicAccessBlock) bool { return b.RestrictPublicBuckets }

func (r *Resource) ignoresPublicACLs() maybe {
	return switched(r.AccountBlock, ignores).or(switched(r.PublicAccessBlock, ignores))
}

func (r *Resource) restrictsPublicBuckets() maybe {
	return switched(r.AccountBlock, restricts).or(switched(r.PublicAccessBlock, restricts))
}

func (r *Resource) ownerEnforced() maybe {
	if r.Ownership.State == source.StateUnknown {
		return maybe{yes: true, no: true}
	}
	return certainly(r.Ownership.State == source.StateKnown && r.Ownership.Value == "BucketOwnerEnforced")
}

// A bucketAnalysis holds what all settings share.
type bucketAnalysis struct {
	*analysis
	policy    bounds
	hasPolicy bool
	grants    []source.Grant
	cache     map[settings][]Finding
}

func analyzeBucket(a *analysis) {
	b := &bucketAnalysis{analysis: a, cache: map[settings][]Finding{}}
	b.policy, b.hasPolicy = a.read(a.kind.document, Source{Type: FromPolicy}, a.r.Policy, iam.Resource)
	enforced, ignore, restrict := a.r.ownerEnforced(), a.r.ignoresPublicACLs(), a.r.restrictsPublicBuckets()
	if enforced.no && !unknown(a, "ACL", a.r.ACL) {
		b.grants = a.r.ACL.Value
	}
	public := certainly(false)
	if b.hasPolicy {
		public = maybe{yes: PublicPolicy(b.policy.most.policy, false), no: !PublicPolicy(b.policy.least.policy, false)}
	}
	// The findings for every value of what is unknown; the first values leave least.
	var first []Finding
	matters := map[string]bool{}
	begun := false
	for _, e := range enforced.values() {
		for _, i := range ignore.values() {
			for _, r := range restrict.values() {
				for _, p := range public.values() {
					s := settings{e, i, r, p}
					found := b.find(s)
					if !begun {
						first, begun = found, true
						continue
					}
					if !sameFindings(found, first) {
						matters["object ownership"] = matters["object ownership"] || enforced.both() && !e
						matters["public access block"] = matters["public access block"] || ignore.both() && !i || restrict.both() && !r
						matters["bucket policy"] = matters["bucket policy"] || public.both()
					}
				}
			}
		}
	}
	if matters["object ownership"] {
		unknown(a, "object ownership", a.r.Ownership)
	}
	if matters["public access block"] {
		unknown(a, "public access block of the account", a.r.AccountBlock)
		unknown(a, "public access block", a.r.PublicAccessBlock)
	}
	if matters["bucket policy"] {
		a.gap(false, "%s", b.policy.unclear("bucket policy"))
	}
	a.findings = first
}

// find works out the findings for some settings.
func (b *bucketAnalysis) find(s settings) []Finding {
	if !s.restrict {
		s.public = false // it makes no difference then
	}
	if found, ok := b.cache[s]; ok {
		return found
	}
	acl := b.acl(s)
	found := b.direct(s, acl)
	if b.r.AccessPoints.State == source.StateUnknown {
		if b.hasPolicy && !(s.restrict && s.public) && slices.ContainsFunc(b.policy.most.policy.Statements, b.delegates) {
			unknown(b.analysis, "access points", b.r.AccessPoints)
		}
	}
	points, _ := b.r.AccessPoints.Get()
	for i := range points {
		found = merge(found, b.through(&points[i], s, acl))
	}
	b.cache[s] = found
	return found
}

// acl is the access control list as a document; nil if it lets nobody else in.
func (b *bucketAnalysis) acl(s settings) *document {
	if s.enforced {
		return nil
	}
	foreign, unsure := foreignGrants(b.grants, b.r.Owner, s.ignore)
	if unsure {
		b.gap(b.r.Owner.Denied, "the owner, to whom the ACL may grant: %s", b.r.Owner.Reason)
		foreign = slices.DeleteFunc(foreign, func(g source.Grant) bool { return g.GranteeType != "Group" })
	}
	if len(foreign) == 0 {
		return nil
	}
	p, err := aclPolicy(foreign)
	if err != nil {
		b.gap(false, "ACL: %v", err)
		return nil
	}
	return &document{name: "ACL", source: Source{Type: FromACL}, policy: p}
}

// bound is the bucket policy as it counts.
func (b *bucketAnalysis) bound(most bool, s settings) *document {
	d := b.policy.least
	if most {
		d = b.policy.most
	}
	if s.restrict && s.public {
		return d.like(only(d.policy, iam.Deny))
	}
	return d
}

// direct is access that goes through no access point of the owner.
func (b *bucketAnalysis) direct(s settings, acl *document) []Finding {
	var found []Finding
	for _, part := range bucketParts() {
		make := func(most bool) []layer {
			l := layer{resources: part.of(b.r.self())}
			if b.hasPolicy {
				l.documents = append(l.documents, b.bound(most, s))
			}
			if acl != nil {
				l.documents = append(l.documents, acl)
			}
			return []layer{l}
		}
		found = merge(found, b.within(make, b.unclear(), part.actions))
	}
	for i := range found {
		delegated(&found[i], s.restrict)
	}
	return merge(nil, found)
}

func (b *bucketAnalysis) unclear() string {
	if !b.hasPolicy {
		return ""
	}
	return b.policy.unclear(b.kind.document)
}

var delegation = []string{"s3:dataaccesspointaccount", "s3:dataaccesspointarn", "s3:accesspointnetworkorigin"}

// delegates reports whether a statement lets others in on their way through access points of some sort.
func (b *bucketAnalysis) delegates(s iam.Statement) bool {
	return s.Effect == iam.Allow && b.invites(&s) &&
		slices.ContainsFunc(s.Conditions, func(c iam.Condition) bool { return slices.Contains(delegation, c.Key.Folded) })
}

// delegated corrects a finding of access that a bucket policy leaves to the access points of another account. They cannot be read: it counts
// as public, and, if public access is blocked, as access of that account's access points.
func delegated(f *Finding, restrict bool) {
	if f.Principal.Value != "*" || len(f.Condition) == 0 {
		return
	}
	account := ""
	for _, t := range f.Condition {
		switch iam.FoldKey(t.Key) {
		case "s3:dataaccesspointaccount":
			account = t.Label
		case "s3:dataaccesspointarn":
			if a, err := arn.Parse(t.Label); err == nil {
				account = a.Account
			}
		default:
			return
		}
	}
	if !arn.IsAccount(account) {
		return
	}
	if f.Public = !restrict; !f.Public {
		f.Sources = []Source{{Type: FromAccessPointAccount, AccessPointAccount: account}}
	}
}

// through is access by way of an access point: its policy and the bucket's guard both have to allow it.
func (b *bucketAnalysis) through(p *AccessPoint, s settings, acl *document) []Finding {
	origin, keys := "Internet", append([]string(nil), delegation...)
	if p.VPC.State == source.StateUnknown {
		keys = keys[:2]
	}
	vpc, private := p.VPC.Get()
	if private {
		origin = "VPC"
	}
	known := eval.Context{}
	known.Set("s3:DataAccessPointAccount", b.r.Account)
	known.Set("s3:DataAccessPointArn", p.ARN)
	known.Set("s3:AccessPointNetworkOrigin", origin)
	behind := func(most bool) layer {
		var l layer
		if b.hasPolicy {
			d := b.bound(most, s)
			d = d.like(specialise(d.policy, known, keys...))
			d.source = Source{}
			l.documents = append(l.documents, d)
		}
		if acl != nil {
			d := *acl
			d.source = Source{}
			l.documents = append(l.documents, &d)
		}
		return l
	}
	if !b.open([]layer{behind(true)}) {
		return nil // whatever the access point allows
	}
	own, ok := b.read(p.what(), Source{Type: FromAccessPoint, AccessPointARN: p.ARN}, p.Policy, iam.Resource)
	if !ok {
		return nil
	}
	reason := strings.Join(slices.DeleteFunc([]string{own.unclear(p.what()), b.unclear()}, func(s string) bool { return s == "" }), "; ")
	front := func(most bool) layer {
		d := own.least
		if most {
			d = own.most
		}
		q := specialise(d.policy, known, keys...)
		if private {
			q = fromVPC(q, vpc)
		}
		return layer{documents: []*document{d.like(q)}}
	}
	ask := func() (found []Finding) {
		objects := bucketParts()
		defer func() { carry(found, known, keys) }()
		for i, part := range accessPointParts() {
			found = merge(found, b.within(func(most bool) []layer {
				f, g := front(most), behind(most)
				f.resources, g.resources = part.of(p.ARN), objects[i].of(b.r.self())
				return []layer{f, g}
			}, reason, part.actions))
		}
		return found
	}
	if private || !PublicPolicy(own.most.policy, true) {
		return ask()
	}
	switch m := switched(p.PublicAccessBlock, restricts).or(certainly(s.restrict)); {
	case !m.yes:
		return ask()
	case m.no && len(ask()) > 0:
		unknown(b.analysis, "public access block of access point "+p.Name, p.PublicAccessBlock)
	case !PublicPolicy(own.least.policy, true) && len(ask()) > 0:
		b.gap(false, "%s", reason)
	}
	return nil
}

// carry gives the witnesses the keys that requests through an access point have.
func carry(found []Finding, known eval.Context, keys []string) {
	for i := range found {
		with := maps.Clone(found[i].Witness.Context)
		for _, key := range keys {
			with[key] = known[key]
		}
		found[i].Witness.Context = with
	}
}

// fromVPC adds to the statements that allow that the request comes from a VPC, as others do not reach the access point.
func fromVPC(p *iam.Policy, vpc string) *iam.Policy {
	of, err := made([]statement{{Effect: "Allow", Principal: "*", Action: []string{"*"}, Resource: "*",
		Condition: map[string]any{"StringEquals": map[string]string{"aws:SourceVpc": vpc}}}}, iam.Resource)
	if err != nil {
		return p
	}
	q := *p
	q.Statements = slices.Clone(p.Statements)
	for i := range q.Statements {
		if s := &q.Statements[i]; s.Effect == iam.Allow {
			s.Conditions = append(slices.Clip(s.Conditions), of.Statements[0].Conditions...)
		}
	}
	return &q
}

// A Permission is what is known of whether a bucket is public: Macie's effectivePermission.
type Permission string

// The permissions.
const (
	Public          Permission = "PUBLIC"
	NotPublic       Permission = "NOT_PUBLIC"
	PublicUncertain Permission = "UNKNOWN"
)

// EffectivePermission tells whether everyone may reach a bucket by its ACL or its policy (macie.md 6.2). Object ACLs and access points do not
// count. What is unknown makes it UNKNOWN only if it could change the answer.
func EffectivePermission(r *Resource) Permission {
	ignore, restrict, enforced := r.ignoresPublicACLs(), r.restrictsPublicBuckets(), r.ownerEnforced()
	grants := maybe{yes: true, no: true}
	if acl, known := r.ACL.Get(); known || r.ACL.State == source.StateAbsent {
		grants = certainly(slices.ContainsFunc(acl, publicGroup))
	}
	byPolicy := maybe{yes: true, no: true}
	switch r.Policy.State {
	case source.StateAbsent:
		byPolicy = certainly(false)
	case source.StateKnown:
		most, err := iam.Parse(r.Policy.Value.Text, iam.Resource)
		least := most
		if err == nil && r.Policy.Value.Least != "" {
			least, err = iam.Parse(r.Policy.Value.Least, iam.Resource)
		}
		if err == nil {
			byPolicy = maybe{yes: PublicPolicy(most, false), no: !PublicPolicy(least, false)}
		}
	}
	and := func(all ...maybe) maybe {
		m := certainly(true)
		for _, x := range all {
			m = maybe{yes: m.yes && x.yes, no: m.no || x.no}
		}
		return m
	}
	not := func(m maybe) maybe { return maybe{yes: m.no, no: m.yes} }
	switch m := and(grants, not(ignore), not(enforced)).or(and(byPolicy, not(restrict))); {
	case !m.no:
		return Public
	case !m.yes:
		return NotPublic
	}
	return PublicUncertain
}

// Sharing is Macie's sharedAccess.
type Sharing string

// The ways of sharing.
const (
	External         Sharing = "EXTERNAL"
	Internal         Sharing = "INTERNAL"
	NotShared        Sharing = "NOT_SHARED"
	SharingUncertain Sharing = "UNKNOWN"
)

// SharedAccess tells with whom a bucket is shared by its policy and its ACL (macie.md 6.4): with someone outside the zone or a CloudFront
// distribution, with other accounts of the zone's organization only, or with nobody.
func SharedAccess(r *Resource, zone reach.Zone) Sharing {
	q := *r
	q.AccessPoints = source.Absent[[]AccessPoint]("")
	if d, known := r.Policy.Get(); known && distributed(d) {
		return External
	}
	outside := Analyze(&q, zone)
	switch {
	case len(outside.Findings) > 0:
		return External
	case outside.Error != "":
		return SharingUncertain
	}
	zone.Organization, zone.Accounts, zone.Paths = "", nil, nil
	switch inside := Analyze(&q, zone); {
	case len(inside.Findings) > 0:
		return Internal
	case inside.Error != "":
		return SharingUncertain
	}
	return NotShared
}

// distributed reports whether a policy surely lets CloudFront in, as an origin access identity or control.
func distributed(d Document) bool {
	text := d.Text
	if d.Least != "" {
		text = d.Least
	}
	p, err := iam.Parse(text, iam.Resource)
	return err == nil && distributes(p)
}
