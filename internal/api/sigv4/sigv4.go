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
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
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

// ReadScope reads the credential scope of a request and verifies nothing. It
// fails with the *Error that Verify would give for a request whose signature is
// absent or cannot be taken apart.
func ReadScope(r *http.Request) (Scope, error) {
	c, err := readClaim(r)
	if err != nil {
		return Scope{}, err
	}
	return c.scope, nil
}

// Verify answers who signed a request. body is the whole body as it arrived
// (nil for none); the request's own Body is not read.
//
// A request that must be refused gives an *Error, ready for the client; any
// other error means that the key store could not answer.
//
// An unknown access key costs the same work as a wrong signature. A presigned
// request lives for X-Amz-Expires seconds (1 to 604800), and for MaxSkew when
// it does not say how long.
func (v *Verifier) Verify(r *http.Request, body []byte) (Identity, error) {
	c, refusal := readClaim(r)
	if refusal != nil {
		return Identity{}, refusal
	}
	signedAt, refusal := v.check(r, &c)
	if refusal != nil {
		return Identity{}, refusal
	}

	bodyHash := hexSHA256(body)
	if refusal := checkContentHash(r, bodyHash); refusal != nil {
		return Identity{}, refusal
	}
	canonicalHash, refusal := canonicalRequestHash(r, &c, bodyHash)
	if refusal != nil {
		return Identity{}, refusal
	}

	key, err := v.Keys.Key(r.Context(), c.scope.AccessKeyID)
	known := err == nil
	if err != nil && !errors.Is(err, ErrUnknownKey) {
		return Identity{}, fmt.Errorf("look up the access key of a request: %w", err)
	}
	if !known {
		key = decoy
	}
	match := c.signatureMatches(key.Secret, signedAt, canonicalHash)
	tokenMatches := subtle.ConstantTimeCompare([]byte(c.token), []byte(key.SessionToken)) == 1
	switch {
	case !known || !tokenMatches:
		return Identity{}, errUnrecognized()
	case !match:
		return Identity{}, errMismatch()
	case !key.Expires.IsZero() && !v.Now().Before(key.Expires):
		return Identity{}, errExpiredToken()
	}
	return Identity{
		AccessKeyID:  c.scope.AccessKeyID,
		Account:      key.Account,
		PrincipalARN: key.PrincipalARN,
		UserID:       key.UserID,
		Region:       c.scope.Region,
		Service:      c.scope.Service,
		Time:         signedAt,
		Presigned:    c.scope.Presigned,
	}, nil
}

// decoy stands in for a key that does not exist, so that its absence takes as
// long to find out as a wrong signature.
var decoy = Key{Secret: "0000000000000000000000000000000000000000"}

// check decides everything that needs no key: which headers are signed, when,
// and for what.
func (v *Verifier) check(r *http.Request, c *claim) (time.Time, *Error) {
	signedAt, err := c.signedAt()
	if err != nil {
		return time.Time{}, err
	}
	if !isSigned(c.signedHeaders, "host") {
		return time.Time{}, errInvalid("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
	}
	if c.dateHeader != "" && !isSigned(c.signedHeaders, c.dateHeader) {
		return time.Time{}, errInvalid("'" + http.CanonicalHeaderKey(c.dateHeader) + "' must be a 'SignedHeader' in the AWS Authorization.")
	}
	if err := v.checkTime(c, signedAt); err != nil {
		return time.Time{}, err
	}
	return signedAt, v.checkScope(c, signedAt)
}

func (v *Verifier) checkTime(c *claim, signedAt time.Time) *Error {
	skew := v.MaxSkew
	if skew == 0 {
		skew = DefaultMaxSkew
	}
	lifetime := skew
	if c.hasExpires {
		seconds, err := strconv.ParseInt(c.expires, 10, 64)
		if err != nil || seconds < 1 || seconds > int64(MaxExpires/time.Second) {
			return errIncomplete("X-Amz-Expires must be a number of seconds from 1 to " + strconv.Itoa(int(MaxExpires/time.Second)) + ".")
		}
		lifetime = time.Duration(seconds) * time.Second
	}
	now := v.Now().UTC()
	if oldest := now.Add(-lifetime); signedAt.Before(oldest.Truncate(time.Second)) {
		return errExpired(signedAt, oldest, now, lifetime)
	}
	if newest := now.Add(skew); signedAt.After(newest) {
		return errNotYetCurrent(signedAt, newest, now, skew)
	}
	return nil
}

func (v *Verifier) checkScope(c *claim, signedAt time.Time) *Error {
	var problems []string
	if c.scope.Region == "" || (len(v.Regions) > 0 && !slices.Contains(v.Regions, c.scope.Region)) {
		problems = append(problems, "Credential should be scoped to a valid region, not '"+clip(c.scope.Region)+"'.")
	}
	if !slices.Contains(v.Services, c.scope.Service) {
		problems = append(problems, "Credential should be scoped to correct service: '"+strings.Join(v.Services, "', '")+"'.")
	}
	if c.terminator != terminator {
		problems = append(problems, "Credential should be scoped with a valid terminator: '"+terminator+"', not '"+clip(c.terminator)+"'.")
	}
	if day := signedAt.Format(dateFormat); c.scope.Date != day {
		problems = append(problems, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '"+
			clip(c.scope.Date)+"' != '"+day+"', from '"+signedAt.Format(timeFormat)+"'.")
	}
	if problems == nil {
		return nil
	}
	return errInvalid(strings.Join(problems, " "))
}

// checkContentHash compares X-Amz-Content-Sha256, when a request has it, with
// the body that arrived. UNSIGNED-PAYLOAD and the names of S3's chunked forms
// are no hashes and fail.
func checkContentHash(r *http.Request, bodyHash string) *Error {
	for _, value := range r.Header.Values(amzContentSHA256) {
		if subtle.ConstantTimeCompare([]byte(value), []byte(bodyHash)) != 1 {
			return errMismatch()
		}
	}
	return nil
}

var buffers = sync.Pool{New: func() any { return new([]byte) }}

// canonicalRequestHash builds the canonical request and returns its SHA-256 in
// hexadecimal.
func canonicalRequestHash(r *http.Request, c *claim, bodyHash string) (string, *Error) {
	pooled := buffers.Get().(*[]byte)
	defer buffers.Put(pooled)
	buf := append((*pooled)[:0], r.Method...)
	buf = append(buf, '\n')
	buf = appendPath(buf, c.path)
	buf = append(buf, '\n')
	buf = appendQuery(buf, c.query, c.scope.Presigned)
	buf = append(buf, '\n')
	buf, err := appendHeaders(buf, r, c.signedHeaders)
	if err != nil {
		return "", err
	}
	buf = append(buf, '\n')
	buf = append(buf, c.signedHeaders...)
	buf = append(buf, '\n')
	buf = append(buf, bodyHash...)
	*pooled = buf
	return hexSHA256(buf), nil
}

// signatureMatches compares the request's signature in constant time with the
// one that the secret gives.
func (c *claim) signatureMatches(secret string, signedAt time.Time, canonicalHash string) bool {
	return subtle.ConstantTimeCompare([]byte(c.sign(secret, signedAt, canonicalHash)), []byte(c.signature)) == 1
}

// sign computes the signature of a canonical request in hexadecimal.
func (c *claim) sign(secret string, signedAt time.Time, canonicalHash string) string {
	scope := c.scope.Date + "/" + c.scope.Region + "/" + c.scope.Service + "/" + terminator
	text := algorithm + "\n" + signedAt.Format(timeFormat) + "\n" + scope + "\n" + canonicalHash

	sum := hmacSHA256([]byte("AWS4"+secret), c.scope.Date)
	for _, part := range [...]string{c.scope.Region, c.scope.Service, terminator, text} {
		sum = hmacSHA256(sum[:], part)
	}
	return hex.EncodeToString(sum[:])
}

func hmacSHA256(key []byte, text string) (sum [sha256.Size]byte) {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	mac.Sum(sum[:0])
	return sum
}

func hexSHA256(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
