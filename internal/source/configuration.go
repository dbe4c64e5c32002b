package source

import (
	"context"
	"time"
)

// Configured is the power to say how buckets are configured. A source without it lists and reads, and everything about its buckets is
// unknown.
type Configured interface {
	// Configuration reads everything that is asked about one bucket. One setting that cannot be read is an unknown fact and leaves the
	// others alone; the error (BucketNotFound, AccessDenied, Unavailable) is for the whole bucket.
	Configuration(ctx context.Context, bucket string) (Configuration, error)
	// AccountPublicAccessBlock reads the account-wide public access block.
	AccountPublicAccessBlock(ctx context.Context) Fact[PublicAccessBlock]
}

// Documented is the power to hand over documents that describe the whole store (an estate folder's template.yaml and config-items.json).
type Documented interface {
	// Document returns the document's bytes, which must not exceed limit. It fails with NotFound, AccessDenied or Other (over the limit).
	Document(ctx context.Context, name string, limit int64) ([]byte, error)
}

// A State says what is known about a fact.
type State uint8

const (
	// StateUnknown: it could not be read or worked out. It is the zero value: a fact that nobody filled in is unknown.
	StateUnknown State = iota
	// StateAbsent: it was asked for and is not there (no policy, no tags), or the store has no such thing.
	StateAbsent
	// StateKnown: there is a value.
	StateKnown
)

// String returns "unknown", "absent" or "known".
func (s State) String() string {
	switch s {
	case StateKnown:
		return "known"
	case StateAbsent:
		return "absent"
	default:
		return "unknown"
	}
}

// A Fact is one thing asked about a bucket or an account, with the two ways of not having a value kept apart.
type Fact[T any] struct {
	State  State
	Value  T      // counts only when State is StateKnown
	Reason string // why it is unknown or absent, for a user to read; may be empty when absent
	Denied bool   // it is unknown because the source refused to tell
}

// Known returns a fact with a value.
func Known[T any](v T) Fact[T] { return Fact[T]{State: StateKnown, Value: v} }

// Absent returns the fact that there is no such thing; reason may be "".
func Absent[T any](reason string) Fact[T] { return Fact[T]{State: StateAbsent, Reason: reason} }

// Unknown returns the fact that it cannot be told, and why.
func Unknown[T any](reason string) Fact[T] { return Fact[T]{State: StateUnknown, Reason: reason} }

// Denied returns the fact that the source refuses to tell.
func Denied[T any](reason string) Fact[T] {
	return Fact[T]{State: StateUnknown, Reason: reason, Denied: true}
}

// Get returns the value and whether there is one.
func (f Fact[T]) Get() (T, bool) { return f.Value, f.State == StateKnown }

// Configuration is what is asked about one bucket.
type Configuration struct {
	Region            Fact[string]
	Created           Fact[time.Time]
	Owner             Fact[Owner]
	Versioning        Fact[bool] // true: enabled; Absent: never set; false: suspended
	Tags              Fact[[]Tag]
	Encryption        Fact[string] // default encryption for new objects: NONE, AES256, aws:kms, aws:kms:dsse
	KMSKey            Fact[string] // id, ARN or alias of its KMS key; Absent: the AWS managed key, or no KMS
	Policy            Fact[string] // the bucket policy, as JSON text
	ACL               Fact[[]Grant]
	PublicAccessBlock Fact[PublicAccessBlock]
	Ownership         Fact[string] // BucketOwnerEnforced, BucketOwnerPreferred, ObjectWriter
	Replication       Fact[[]ReplicationRule]
}

// Owner is who owns a bucket: a canonical user id or, in stores that have none, the owner's name.
type Owner struct {
	ID          string
	DisplayName string
}

// A Tag is one tag of a bucket.
type Tag struct{ Key, Value string }

// The groups of S3's access control lists.
const (
	AllUsers           = "http://acs.amazonaws.com/groups/global/AllUsers"
	AuthenticatedUsers = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
	LogDelivery        = "http://acs.amazonaws.com/groups/s3/LogDelivery"
)

// A Grant is one entry of a bucket's access control list.
type Grant struct {
	// GranteeType is CanonicalUser, AmazonCustomerByEmail or Group.
	GranteeType string
	// Grantee is the canonical user id ("" for the bucket's owner where the id is not known), the e-mail address or the group's URI.
	Grantee string
	// Permission is READ, WRITE, READ_ACP, WRITE_ACP or FULL_CONTROL.
	Permission string
}

// PublicAccessBlock is S3's four switches, of a bucket or of an account.
type PublicAccessBlock struct {
	BlockPublicACLs       bool
	IgnorePublicACLs      bool
	BlockPublicPolicy     bool
	RestrictPublicBuckets bool
}

// A ReplicationRule is one rule of a bucket's replication.
type ReplicationRule struct {
	ID      string
	Enabled bool
	// Bucket is the destination bucket's ARN.
	Bucket Fact[string]
	// Account is the id of the account that owns the destination; Absent when the rule does not say.
	Account Fact[string]
}
