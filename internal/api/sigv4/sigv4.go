// Package sigv4 verifies AWS Signature Version 4 on incoming requests, in the
// header form (Authorization) and in the presigned form (X-Amz-Signature in
// the query).
//
// The rules are those that AWS's own JSON services apply: the path is encoded
// once more than it was sent and its dot segments and doubled slashes are
// removed, the payload hash is always that of the body that arrived, and the
// canonical request consists of exactly the headers that SignedHeaders names.
// S3's exceptions (UNSIGNED-PAYLOAD, chunked signing, paths taken as they are)
// do not exist here.
//
// Source of the rules: "AWS Signature Version 4 for API requests" in the AWS
// IAM User Guide, and the published signing test suite (see testdata).
package sigv4

import (
	"context"
	"errors"
	"time"
)

// DefaultMaxSkew is how far a request's time may lie from the server's, in
// either direction, when a Verifier does not say otherwise. AWS allows five
// minutes for everything but S3.
const DefaultMaxSkew = 5 * time.Minute

// MaxExpires is the longest life of a presigned request: seven days, AWS's
// limit for X-Amz-Expires.
const MaxExpires = 7 * 24 * time.Hour

// ErrUnknownKey is what a KeyStore answers for an access key id that it does
// not hold. Every other error of a KeyStore means that the answer is not known.
var ErrUnknownKey = errors.New("sigv4: unknown access key id")

// Key is one access key: what is needed to verify its signatures, and whom it
// stands for.
type Key struct {
	// Secret is the secret access key.
	Secret string
	// SessionToken is the token that requests must carry in
	// X-Amz-Security-Token; empty for a long-lived key, whose requests must
	// carry none.
	SessionToken string
	// Account is the 12-digit account id.
	Account string
	// PrincipalARN is the ARN of the user, role session or root of the account.
	PrincipalARN string
	// UserID is what GetCallerIdentity calls UserId.
	UserID string
	// Expires is when the key stops working; zero means never.
	Expires time.Time
}

// KeyStore finds access keys.
type KeyStore interface {
	// Key returns the key with this id. An id that does not exist is
	// ErrUnknownKey (possibly wrapped); any other error says that the store
	// could not tell, and fails the request without accusing the client.
	Key(ctx context.Context, accessKeyID string) (Key, error)
}

// Scope is the credential of a request as the request states it: before Verify
// has accepted the request it is a claim, good for choosing a service and
// nothing else.
type Scope struct {
	AccessKeyID string
	Date        string // YYYYMMDD
	Region      string
	Service     string
	// Presigned says that the signature is in the query and not in the
	// Authorization header.
	Presigned bool
}

// Identity is who made a verified request.
type Identity struct {
	AccessKeyID  string
	Account      string
	PrincipalARN string
	UserID       string
	Region       string // of the credential scope
	Service      string // of the credential scope
	// Time is when the request was signed.
	Time time.Time
	// Presigned says that the signature was in the query.
	Presigned bool
}

// Verifier verifies requests. Its fields must not change while it is in use;
// it is safe for concurrent use.
type Verifier struct {
	Keys KeyStore
	// Now is the clock.
	Now func() time.Time
	// Services are the signing names that are served, such as "macie2".
	Services []string
	// Regions are the Regions that are served; none means any.
	Regions []string
	// MaxSkew is how far the request's time may be off; zero means
	// DefaultMaxSkew.
	MaxSkew time.Duration
}
