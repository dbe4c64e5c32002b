// Package resource knows the types of resources that Access Analyzer looks at: which documents guard a resource of each type, how they
// combine, and where they stand in a template, among AWS Config items and in a store's own bucket configuration. What a guard lets through is
// iam/reach's matter; one file for each type says what its guard is.
//
// Every fact about a resource is known, absent or unknown with a reason. Analyze gives the findings that hold whatever the unknown facts are,
// and an error if they could add to them or take from them; it guesses nothing. Beside that the package has S3's own meaning of public
// (PublicPolicy), which is not Access Analyzer's.
//
// Source of the rules: access-analyzer.md 2.2 to 2.6, 4.8 to 4.10.
package resource

import (
	"cmp"
	"fmt"

	"github.com/magpie-sec/magpie/internal/iam/reach"
	"github.com/magpie-sec/magpie/internal/source"
)

// The types of resources, as CloudFormation and Access Analyzer name them.
const (
	Bucket            = "AWS::S3::Bucket"
	DirectoryBucket   = "AWS::S3Express::DirectoryBucket"
	Role              = "AWS::IAM::Role"
	Key               = "AWS::KMS::Key"
	Function          = "AWS::Lambda::Function"
	LayerVersion      = "AWS::Lambda::LayerVersion"
	Queue             = "AWS::SQS::Queue"
	Topic             = "AWS::SNS::Topic"
	Secret            = "AWS::SecretsManager::Secret"
	Repository        = "AWS::ECR::Repository"
	FileSystem        = "AWS::EFS::FileSystem"
	Snapshot          = "AWS::EC2::Snapshot"
	DBSnapshot        = "AWS::RDS::DBSnapshot"
	DBClusterSnapshot = "AWS::RDS::DBClusterSnapshot"
	Table             = "AWS::DynamoDB::Table"
	Stream            = "AWS::DynamoDB::Stream"
)

// Resource is one resource with the facts that decide who reaches it. Which facts count depends on its type; those of other types stay zero.
type Resource struct {
	ARN     string
	Type    string
	Account string // twelve digits: the owner
	Region  string
	Place   Place // where it is described
	// Marker is the ARN that documents of a template call the resource by, if CloudFormation would invent its name: it has
	// cfn.Placeholder in it, where ARN has the logical id.
	Marker string
	// Doubt is not empty if it cannot be told whether there is such a resource at all.
	Doubt string

	// Policy is the resource's policy: of a role the trust policy, of a key the key policy. Snapshots have none.
	Policy source.Fact[Document]

	// Of buckets. A directory bucket has of these access points only.
	Owner             source.Fact[source.Owner]
	ACL               source.Fact[[]source.Grant]
	Ownership         source.Fact[string] // BucketOwnerEnforced, BucketOwnerPreferred, ObjectWriter
	PublicAccessBlock source.Fact[source.PublicAccessBlock]
	AccountBlock      source.Fact[source.PublicAccessBlock] // of the account
	AccessPoints      source.Fact[[]AccessPoint]            // also multi-Region ones; those of other accounts cannot be read

	Grants source.Fact[[]KeyGrant] // of a KMS key

	// Shares are the accounts that a snapshot is shared with, or "all".
	Shares    source.Fact[[]string]
	Encrypted source.Fact[bool] // of a snapshot
	// KMSKey is the key of a snapshot or secret, by id, ARN or alias; absent: the service's own key.
	KMSKey source.Fact[string]
	// SecretKey is the key that KMSKey names, if it is known; nil otherwise.
	SecretKey *Resource
}

// A Document is a policy's text.
type Document struct {
	Text string // JSON
	// Least is not empty if parts of the policy cannot be known: Text then allows at least what the policy may allow, Least at most what it
	// surely allows.
	Least  string
	Reason string  // why parts cannot be known
	Places []Place // of the statements, by index; nil if not known
}

// A Place is where something is written. Line and Column count from 1; they are 0 where they are not known.
type Place struct {
	File         string
	Line, Column int
}

// String writes "file:line:column", as far as it is known.
func (p Place) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// SourceType says by which kind of document a bucket is shared.
type SourceType string

// The sources, as FindingSource has them.
const (
	FromPolicy             SourceType = "POLICY"
	FromACL                SourceType = "BUCKET_ACL"
	FromAccessPoint        SourceType = "S3_ACCESS_POINT"
	FromAccessPointAccount SourceType = "S3_ACCESS_POINT_ACCOUNT"
)

// A Source is a way by which a bucket is shared.
type Source struct {
	Type               SourceType
	AccessPointARN     string // of S3_ACCESS_POINT
	AccessPointAccount string // of S3_ACCESS_POINT_ACCOUNT
}

// A Finding is access of someone outside the zone of trust.
type Finding struct {
	reach.Access          // without Statements, which Reasons tell
	Sources      []Source // of buckets only
	Reasons      []Reason // the statements that grant it
}

// A Reason is a statement that grants access.
type Reason struct {
	Document  string // "bucket policy", "ACL", "policy of access point logs"...
	Statement int    // its index
	Sid       string
	Place     Place
}

// String writes a reason on one line.
func (r Reason) String() string {
	s := fmt.Sprintf("%s, statement %d", r.Document, r.Statement)
	if r.Sid != "" {
		s += fmt.Sprintf(" (%s)", r.Sid)
	}
	if r.Place.File != "" {
		s += " at " + r.Place.String()
	}
	return s
}

// The errors of Access Analyzer's error findings.
const (
	AccessDenied  = "ACCESS_DENIED"
	InternalError = "INTERNAL_ERROR"
)

// Result is what Analyze makes of a resource.
type Result struct {
	// Findings hold whatever is unknown; they are in order. With an Error there may be others.
	Findings []Finding
	Public   bool     // one of them is public
	Actions  []string // of all of them, sorted
	// SharedVia are the types of sources of all of them, sorted; of buckets only.
	SharedVia []string
	// Error is "", AccessDenied or InternalError. Reason says for people what could not be read or decided.
	Error  string
	Reason string
}

// Analyze works out who outside the zone reaches a resource. The zone's account is the resource's owner; it counts only if the resource does not
// tell its own.
func Analyze(r *Resource, zone reach.Zone) Result { return AnalyzeWithin(r, zone, reach.Limits{}) }

// heaviest is how many of the heaviest questions a resource may cost, however many ways lead to it.
const heaviest = 4

// AnalyzeWithin is Analyze with bounded work. What takes more is an InternalError. Once l.Stop ends it, the result is to be thrown away.
func AnalyzeWithin(r *Resource, zone reach.Zone, l reach.Limits) Result {
	if l.Budget == nil {
		budget := heaviest * cmp.Or(l.Steps, reach.DefaultSteps)
		l.Budget = &budget
	}
	if r.Account != "" {
		zone.Account = r.Account // the owner is trusted, whoever asks
	}
	a := &analysis{r: r, zone: zone, limits: l}
	if zone.Account == "" {
		a.gap(false, "the account that owns the resource is not known")
	}
	k := kindOf(r.Type)
	if k == nil {
		return Result{Error: InternalError, Reason: "no resource of type " + r.Type + " can be analysed"}
	}
	if r.Doubt != "" {
		a.gap(false, "whether there is such a resource: %s", r.Doubt)
	}
	a.kind = k
	k.analyze(a)
	return a.result()
}

// IsType reports whether Analyze knows a type of resource.
func IsType(name string) bool { return kindOf(name) != nil }

// Types returns the types of resources, in the order of the constants.
func Types() []string {
	var names []string
	for _, k := range kinds() {
		names = append(names, k.name)
	}
	return names
}
