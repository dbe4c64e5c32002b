package resource

import (
	"slices"
	"strings"

	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/iam/catalog"
	"github.com/magpie-sec/magpie/internal/iam/eval"
	"github.com/magpie-sec/magpie/internal/iam/reach"
	"github.com/magpie-sec/magpie/internal/source"
)

// An Answer is what is known of a question of yes or no. The zero Answer is none; it never comes from this package.
type Answer string

// The answers, in the words of Macie's own.
const (
	Yes       Answer = "TRUE"
	No        Answer = "FALSE"
	Uncertain Answer = "UNKNOWN"
)

func (m maybe) answer() Answer {
	switch {
	case m.both():
		return Uncertain
	case m.yes:
		return Yes
	}
	return No
}

func (m maybe) and(n maybe) maybe { return maybe{yes: m.yes && n.yes, no: m.no || n.no} }
func (m maybe) not() maybe        { return maybe{yes: m.no, no: m.yes} }

var undecided = maybe{yes: true, no: true}

// Posture is what Macie's inventory says of how a bucket is exposed (macie.md 6.2 to 6.4). Access points and object ACLs do not count. What is
// unknown makes an answer Uncertain only if it could change it.
type Posture struct {
	Permission Permission
	// Readable and Writable say whether everyone may read or write something of the bucket, after all blocks. A bucket can be public by S3's
	// meaning and neither: if its policy lets everyone do what there is no action for.
	Readable, Writable Answer
	// What the policy and the ACL by themselves let everyone do, whatever blocks them. Of none, No.
	PolicyReads, PolicyWrites Answer
	ACLReads, ACLWrites       Answer

	Sharing Sharing
	// Outside are the accounts, users, roles, providers and canonical ids outside the zone that surely have access, in order. Everyone ("*") is
	// none of them. OutsideUncertain says that there may be more.
	Outside          []string
	OutsideUncertain bool
	// CloudFront says whether the policy lets in a CloudFront origin access identity or control.
	CloudFront Answer
	// PlainUploads says whether s3:PutObject is possible without a header that asks for server-side encryption. The default encryption of the
	// bucket does not count (macie.md 6.3).
	PlainUploads Answer
}

// PostureOf works out how a bucket is exposed to whoever is outside the zone.
func PostureOf(r *Resource, zone reach.Zone) Posture {
	p := Posture{Permission: EffectivePermission(r), Sharing: SharedAccess(r, zone)}
	d := boundsOf(r)
	var byACL, byPolicy [2]maybe // read, write
	for i, class := range accessClasses {
		byACL[i] = undecided
		if grants, known := r.ACL.Get(); known || r.ACL.State == source.StateAbsent {
			byACL[i] = certainly(slices.ContainsFunc(grants, func(g source.Grant) bool {
				return publicGroup(g) && (g.Permission == "FULL_CONTROL" || strings.HasPrefix(g.Permission, class.grant))
			}))
		}
		byPolicy[i] = d.ask(func(p *iam.Policy) bool { return publicFor(p, r.ARN, class.levels) })
	}
	p.ACLReads, p.ACLWrites = byACL[0].answer(), byACL[1].answer()
	p.PolicyReads, p.PolicyWrites = byPolicy[0].answer(), byPolicy[1].answer()
	openACL, openPolicy := r.ignoresPublicACLs().or(r.ownerEnforced()).not(), r.restrictsPublicBuckets().not()
	p.Readable = byACL[0].and(openACL).or(byPolicy[0].and(openPolicy)).answer()
	p.Writable = byACL[1].and(openACL).or(byPolicy[1].and(openPolicy)).answer()

	q := *r
	q.AccessPoints = source.Absent[[]AccessPoint]("")
	outside := Analyze(&q, zone)
	p.OutsideUncertain = outside.Error != ""
	for _, f := range outside.Findings {
		if f.Principal.Value != "*" && !slices.Contains(p.Outside, f.Principal.Value) {
			p.Outside = append(p.Outside, f.Principal.Value)
		}
	}
	slices.Sort(p.Outside)
	p.CloudFront = d.ask(distributes).answer()
	p.PlainUploads = plainUploads(d, r.ARN)
	return p
}

var accessClasses = [...]struct {
	grant  string // how the ACL's permissions begin
	levels []catalog.AccessLevel
}{
	{"READ", []catalog.AccessLevel{catalog.Read, catalog.List}},
	{"WRITE", []catalog.AccessLevel{catalog.Write, catalog.Tagging, catalog.PermissionsManagement}},
}

// policyBounds are a bucket policy as it allows at most and at least. Both are nil without one, and undecided says that neither is known.
type policyBounds struct {
	most, least *iam.Policy
	undecided   bool
}

func boundsOf(r *Resource) policyBounds {
	d, known := r.Policy.Get()
	if !known {
		return policyBounds{undecided: r.Policy.State == source.StateUnknown}
	}
	most, err := iam.Parse(d.Text, iam.Resource)
	least := most
	if err == nil && d.Least != "" {
		least, err = iam.Parse(d.Least, iam.Resource)
	}
	if err != nil {
		return policyBounds{undecided: true}
	}
	return policyBounds{most: most, least: least}
}

// ask puts a question to both bounds; the more a policy allows, the sooner its answer is yes. Without a policy it is no.
func (b policyBounds) ask(question func(*iam.Policy) bool) maybe {
	switch {
	case b.undecided:
		return undecided
	case b.most == nil:
		return certainly(false)
	}
	return maybe{yes: question(b.most), no: !question(b.least)}
}

// publicFor reports whether a statement that is public in S3's meaning allows an action of some levels on a bucket or its objects.
func publicFor(p *iam.Policy, bucket string, levels []catalog.AccessLevel) bool {
	return slices.ContainsFunc(p.Statements, func(s iam.Statement) bool {
		if s.Effect != iam.Allow || limited(&s, false) {
			return false
		}
		for i, part := range bucketParts() {
			if !about(s.Resources, bucket, i == 1) {
				continue
			}
			for _, action := range part.actions {
				known := catalog.Load().Action(action)
				if known == nil || !slices.Contains(levels, known.Level) || !isAbout(&s.Actions, action) {
					continue
				}
				one := s
				one.Actions = iam.Actions{List: []iam.Action{{Text: iam.Text{Value: action}, Service: "s3"}}}
				if !deniedTo(&one, p) {
					return true
				}
			}
		}
		return false
	})
}

// deniedTo is guardedBy for a statement of one known action.
func deniedTo(s *iam.Statement, p *iam.Policy) bool {
	return slices.ContainsFunc(p.Statements, func(d iam.Statement) bool {
		return d.Effect == iam.Deny && deniesOthers(&d, false) && isAbout(&d.Actions, s.Actions.List[0].Value) && coversResources(d.Resources, s.Resources)
	})
}

// isAbout reports whether an Action or NotAction element is about an action.
func isAbout(a *iam.Actions, action string) bool {
	return slices.ContainsFunc(a.List, func(l iam.Action) bool { return l.Pattern.Match(action) }) != a.Not
}

// about reports whether a Resource element may be about the bucket, or about objects of it.
func about(rs *iam.Resources, bucket string, objects bool) bool {
	if rs == nil || rs.Not {
		return true
	}
	return slices.ContainsFunc(rs.List, func(t iam.Template) bool {
		fixed := t.Value
		if i := strings.IndexAny(fixed, "*?$"); i >= 0 {
			fixed = fixed[:i]
		}
		switch {
		case fixed == t.Value: // no pattern
			return t.Value == bucket && !objects || objects && strings.HasPrefix(t.Value, bucket+"/")
		case objects:
			return strings.HasPrefix(fixed, bucket+"/") || strings.HasPrefix(bucket+"/", fixed)
		}
		return t.HasVariables() && strings.HasPrefix(bucket, fixed) || !t.HasVariables() && t.Pattern.Match(bucket)
	})
}

// distributes reports whether a policy lets CloudFront in.
func distributes(p *iam.Policy) bool {
	return slices.ContainsFunc(p.Statements, func(s iam.Statement) bool {
		return s.Effect == iam.Allow && s.Principals != nil && !s.Principals.Not && slices.ContainsFunc(s.Principals.List, func(p iam.Principal) bool {
			return p.Kind == iam.Service && p.Value == "cloudfront.amazonaws.com" ||
				p.Kind == iam.External && strings.HasPrefix(p.Value, originAccessIdentity)
		})
	})
}

// encryptionHeaders are the keys of the headers of PutObject that ask for server-side encryption, with the one that names its key.
var encryptionHeaders = []string{
	"s3:x-amz-server-side-encryption", "s3:x-amz-server-side-encryption-customer-algorithm", "s3:x-amz-server-side-encryption-aws-kms-key-id",
}

// plainUploads asks whether a policy's Deny statements leave somebody an upload without any of the headers. Who is allowed to upload at all is
// beside the point: identity policies say so as well.
func plainUploads(b policyBounds, bucket string) Answer {
	switch {
	case b.undecided:
		return Uncertain
	case b.most == nil:
		return Yes
	}
	var m maybe
	for _, p := range []*iam.Policy{b.most, b.least} {
		open, err := uploadsLeft(p, bucket)
		if err != nil {
			return Uncertain
		}
		m = maybe{yes: m.yes || open, no: m.no || !open}
	}
	return m.answer()
}

func uploadsLeft(p *iam.Policy, bucket string) (bool, error) {
	left := specialise(only(p, iam.Deny), eval.Context{}, encryptionHeaders...)
	everyone, err := made([]statement{{Effect: "Allow", Principal: "*", Action: []string{"s3:PutObject"}, Resource: bucket + "/*"}}, iam.Resource)
	if err != nil {
		return false, err
	}
	left.Statements = append(slices.Clone(left.Statements), everyone.Statements...)
	for i := range left.Statements {
		left.Statements[i].Index = i
	}
	c, err := reach.NotGranted(left, []string{"s3:PutObject"}, []string{bucket + "/*"}, reach.Limits{})
	return !c.Passes(), err
}
