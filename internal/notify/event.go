// Package notify understands what object stores tell of themselves: S3 event notifications as Amazon S3, MinIO, Ceph and versitygw send them,
// events of Amazon EventBridge, records of AWS CloudTrail, messages of Amazon SNS that hold any of these, and MinIO's audit log. It makes the
// same few facts of all of them. What an event claims is a hint and no more: who receives it asks the store.
//
// The package is pure, and takes any bytes: what it does not know it leaves out, and what it keeps is bounded.
package notify

import "time"

// What says what an event is about.
type What uint8

const (
	// ObjectCreated: an object or a version of one was written.
	ObjectCreated What = iota + 1
	// ObjectRemoved: an object or a version of one was deleted, by a user or a lifecycle rule.
	ObjectRemoved
	// ObjectChanged: an object's storage class changed.
	ObjectChanged
	// BucketChanged: a bucket was made or deleted.
	BucketChanged
	// ConfigurationChanged: a bucket's policy, ACL, encryption or another of its settings was set or removed.
	ConfigurationChanged
	// AccountChanged: a setting of the account was set or removed that all its buckets are under; Bucket is "".
	AccountChanged
)

var whatTexts = [...]string{
	ObjectCreated: "object created", ObjectRemoved: "object removed", ObjectChanged: "object changed", BucketChanged: "bucket changed",
	ConfigurationChanged: "configuration changed", AccountChanged: "account changed",
}

// String returns what happened in words.
func (w What) String() string {
	if w == 0 || int(w) >= len(whatTexts) {
		return "unknown"
	}
	return whatTexts[w]
}

// OfObject says that the event is about an object.
func (w What) OfObject() bool { return w == ObjectCreated || w == ObjectRemoved || w == ObjectChanged }

// An Event is one thing that a store tells. Texts are valid UTF-8 of at most 1,024 bytes.
type Event struct {
	ID      string // the same for the same event delivered again; "" where the store gives none
	Account string // 12 digits, who owns the bucket; "" where the store does not say
	Bucket  string
	Key     string // of an object, as far as the store's encoding of it is known
	What    What
	Time    time.Time // when it happened, by the store's clock; zero where the store does not say
	Call    *Call     // the request that made the change, where the store tells of requests; nil of object events
}

// A Call is a request that changed a configuration, and who made it.
type Call struct {
	API   string `json:"api"` // the operation's name in Amazon S3
	Actor Actor  `json:"actor"`
}

// An Actor is who made a request, from where. Members that the store does not tell are empty.
type Actor struct {
	Type        IdentityType `json:"type,omitempty"` // "": anonymous, or of a kind that is not told of
	PrincipalID string       `json:"principalId,omitempty"`
	ARN         string       `json:"arn,omitempty"`
	AccountID   string       `json:"accountId,omitempty"`
	UserName    string       `json:"userName,omitempty"`
	AccessKeyID string       `json:"accessKeyId,omitempty"`
	InvokedBy   string       `json:"invokedBy,omitempty"` // the AWS service
	Session     *Session     `json:"session,omitempty"`   // of temporary credentials
	IPv4        string       `json:"ipv4,omitempty"`
	Domain      string       `json:"domain,omitempty"` // instead of an address
}

// IdentityType is a kind of identity, in CloudTrail's words.
type IdentityType string

// The kinds of identities that are told of.
const (
	IAMUser       IdentityType = "IAMUser"
	AssumedRole   IdentityType = "AssumedRole"
	FederatedUser IdentityType = "FederatedUser"
	Root          IdentityType = "Root"
	AWSAccount    IdentityType = "AWSAccount"
	AWSService    IdentityType = "AWSService"
)

// A Session tells where temporary credentials came from.
type Session struct {
	CreatedAt       int64  `json:"createdAt,omitempty"` // milliseconds since the epoch; 0: not told
	MFA             *bool  `json:"mfa,omitempty"`
	IssuerType      string `json:"issuerType,omitempty"`
	IssuerID        string `json:"issuerId,omitempty"`
	IssuerARN       string `json:"issuerArn,omitempty"`
	IssuerAccountID string `json:"issuerAccountId,omitempty"`
	IssuerUserName  string `json:"issuerUserName,omitempty"`
}
