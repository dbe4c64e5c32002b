package s3

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/smithy-go"

	"github.com/magpie-sec/magpie/internal/source"
)

// A statusError is a failure that the store told.
type statusError struct {
	status     int
	code       string // as S3 names it, "" where there was none
	hint       hint
	region     string // of the bucket, where the store says that it is elsewhere
	retryAfter string
}

// Error returns the code and the status, nothing else that the store said.
func (e *statusError) Error() string {
	if e.code == "" {
		return fmt.Sprintf("status %d", e.status)
	}
	return fmt.Sprintf("%s (status %d)", e.code, e.status)
}

// A hint is what only the message of a failure tells: S3 has no codes for these.
type hint uint8

const (
	noHint hint = iota
	hintEncrypted
	hintKMS
	hintKey
)

func hintOf(message string) hint {
	switch {
	// AWS: "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object."
	case strings.Contains(message, "Server Side Encryption"):
		return hintEncrypted
	// AWS: "User: ... is not authorized to perform: kms:Decrypt on the resource ..."
	case strings.Contains(message, "kms:Decrypt"), strings.Contains(message, "AWS KMS"):
		return hintKMS
	// Ceph, with the code InvalidArgument, where there is no such key and where it has no service for keys.
	case strings.Contains(message, "Failed to retrieve the actual key"):
		return hintKey
	}
	return noHint
}

// A failure is what to make of an error.
type failure struct {
	err   *source.Error
	again bool          // it may pass
	moved bool          // the bucket's Region is known now: try there at once
	slow  bool          // the store is asked too much
	after time.Duration // the store asks for this much time
}

// judge turns an error of the client into one of the source.
func (s *Store) judge(at target, err error) failure {
	e := &source.Error{Op: at.op, Bucket: at.bucket, Key: at.key, Err: errors.New("unexpected answer")}
	f := failure{err: e}
	var told *statusError
	if errors.As(err, &told) {
		s.judgeStatus(&f, at, told)
		return f
	}
	var (
		wrong       *wrongAnswer
		long        *longAnswer
		credentials *credentialsError
		syntax      *xml.SyntaxError
		decoding    *smithy.DeserializationError
		invalid     *smithy.SerializationError
	)
	switch {
	case errors.As(err, &credentials):
		e.Kind, e.Err = source.Unavailable, credentials
	case errors.As(err, &wrong):
		e.Err = wrong
	case errors.As(err, &long):
		e.Err = long
	case certificate(err):
		e.Err = errors.New("the store's certificate cannot be verified: " + bare(err).Error())
	case cut(err):
		e.Kind, e.Err, f.again = source.Unavailable, errors.New("the answer was cut off"), true
	case network(err):
		e.Kind, e.Err, f.again = source.Unavailable, bare(err), true
	case errors.As(err, &syntax), errors.As(err, &decoding):
		e.Err = errors.New("the store's answer does not parse")
	case errors.As(err, &invalid):
		e.Err = errors.New("the request cannot be made")
	}
	return f
}

// judgeStatus sorts what the store told by S3's error codes and, for stores that have codes of their own, by status.
func (s *Store) judgeStatus(f *failure, at target, told *statusError) {
	e := f.err
	e.Err = told
	if seconds, err := strconv.Atoi(told.retryAfter); err == nil && seconds > 0 {
		f.after = time.Duration(min(seconds, 3600)) * time.Second
	}
	switch told.code {
	case "NoSuchBucket":
		e.Kind = source.BucketNotFound
		return
	case "NoSuchKey", "NoSuchVersion":
		e.Kind = source.NotFound
		return
	case "InvalidObjectState":
		e.Kind = source.Archived
		return
	case "KMS.DisabledException", "KMS.InvalidStateException", "KMS.KMSInvalidStateException", "KMS.NotFoundException", "KMS.KeyUnavailableException":
		e.Kind = source.KeyUnavailable
		return
	case "PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "IncorrectEndpoint", "Redirect":
		f.moved = s.learn(at.bucket, told.region)
		e.Err = errors.New("the bucket is in another Region, which the store does not tell")
		if told.region != "" {
			e.Err = fmt.Errorf("the bucket is in another Region: %s", told.Error())
		}
		return
	case "ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired":
		e.Kind, e.Err, f.again = source.Unavailable, errors.New("the credentials have expired"), true
		s.forgetCredentials()
		return
	case "InvalidAccessKeyId", "InvalidToken", "SignatureDoesNotMatch", "UnrecognizedClientException":
		e.Kind = source.AccessDenied
		s.forgetCredentials() // they may have been replaced
		return
	case "RequestTimeTooSkewed":
		// The client corrects its clock by the answer's date, so that the next attempt is in time.
		e.Kind, e.Err, f.again = source.Unavailable, errors.New("this machine's clock and the store's differ too much"), true
		return
	case "SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequests", "BandwidthLimitExceeded":
		e.Kind, f.again, f.slow = source.Unavailable, true, true
		return
	case "InternalError", "ServiceUnavailable", "RequestTimeout", "OperationAborted":
		e.Kind, f.again = source.Unavailable, true
		return
	}
	switch status := told.status; {
	case strings.HasPrefix(told.code, "kms:"), told.hint == hintKey: // MinIO, Ceph
		e.Kind = source.KeyUnavailable
	case status == http.StatusBadRequest && told.hint == hintEncrypted:
		e.Kind, e.Err = source.Encrypted, errors.New("encrypted with a key of the customer's own (SSE-C)")
	case at.version && (told.code == "InvalidArgument" || status == http.StatusMethodNotAllowed):
		e.Kind = source.NotFound // no such version, or a delete marker
	case status >= 300 && status < 400 && status != http.StatusNotModified:
		f.moved = s.learn(at.bucket, told.region)
		e.Err = errors.New("the store redirects, which is not followed")
	case status == http.StatusBadRequest && told.region != "" && s.learn(at.bucket, told.region):
		f.moved = true
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		e.Kind = source.AccessDenied
		if told.hint == hintKMS {
			e.Err = fmt.Errorf("the KMS key may not be used: %w", told)
		}
	case status == http.StatusNotFound:
		e.Kind = source.NotFound
		if at.key == "" {
			e.Kind = source.BucketNotFound
		}
	case status == http.StatusPreconditionFailed:
		e.Kind = source.Changed
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable:
		e.Kind, f.again, f.slow = source.Unavailable, true, true
	case status == http.StatusNotImplemented:
	case status >= 500, status == http.StatusRequestTimeout:
		e.Kind, f.again = source.Unavailable, true
	}
}

// certificate reports whether an error is about the store's certificate.
func certificate(err error) bool {
	var (
		verification *tls.CertificateVerificationError
		authority    x509.UnknownAuthorityError
		host         x509.HostnameError
		invalid      x509.CertificateInvalidError
	)
	return errors.As(err, &verification) || errors.As(err, &authority) || errors.As(err, &host) || errors.As(err, &invalid)
}

// cut reports whether an answer ended before its end.
func cut(err error) bool {
	var cutOff *cutBody
	return errors.As(err, &cutOff) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
}

// network reports whether an error is of the way to the store.
func network(err error) bool {
	var (
		op  net.Error
		url *url.Error
	)
	return errors.As(err, &op) || errors.As(err, &url) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// bare takes the request out of a network error: its URL holds the raw key.
func bare(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	var op *net.OpError
	switch {
	case errors.As(err, &op):
		return op
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return errors.New("no answer in time")
	}
	return err
}
