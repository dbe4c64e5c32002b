package sigv4

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Error is a refusal, in the words that AWS uses. It may be sent to the client
// as it is: it says nothing about the secret, the expected signature or the
// canonical request.
type Error struct {
	// Code is the error name for the x-amzn-ErrorType header, as AWS's
	// REST-JSON services spell it, such as InvalidSignatureException.
	Code string
	// Status is the HTTP status.
	Status int
	// Message is the text for the client.
	Message string
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// The codes of Error.
const (
	CodeMissingToken      = "MissingAuthenticationTokenException"
	CodeIncomplete        = "IncompleteSignatureException"
	CodeInvalidSignature  = "InvalidSignatureException"
	CodeUnrecognized      = "UnrecognizedClientException"
	CodeExpiredToken      = "ExpiredTokenException"
	CodeMalformedRequest  = "MalformedHttpRequestException"
	signatureMismatchText = "The request signature we calculated does not match the signature you provided. " +
		"Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
)

// QueryCode is the same refusal as AWS's query services (STS) spell it:
// SignatureDoesNotMatch for InvalidSignatureException, InvalidClientTokenId for
// UnrecognizedClientException, and otherwise the code without "Exception".
func (e *Error) QueryCode() string {
	switch e.Code {
	case CodeInvalidSignature:
		return "SignatureDoesNotMatch"
	case CodeUnrecognized:
		return "InvalidClientTokenId"
	}
	return strings.TrimSuffix(e.Code, "Exception")
}

func errMissingToken() *Error {
	return &Error{CodeMissingToken, http.StatusForbidden, "Missing Authentication Token"}
}

func errIncomplete(message string) *Error {
	return &Error{CodeIncomplete, http.StatusForbidden, message}
}

func errInvalid(message string) *Error {
	return &Error{CodeInvalidSignature, http.StatusForbidden, message}
}

func errMismatch() *Error { return errInvalid(signatureMismatchText) }

func errUnrecognized() *Error {
	return &Error{CodeUnrecognized, http.StatusForbidden, "The security token included in the request is invalid."}
}

func errExpiredToken() *Error {
	return &Error{CodeExpiredToken, http.StatusForbidden, "The security token included in the request is expired"}
}

// errMalformedQuery has no text of AWS's to follow; its code is AWS's.
func errMalformedQuery(problem string) *Error {
	return &Error{CodeMalformedRequest, http.StatusBadRequest, "The query string is malformed: " + problem + "."}
}

// errNotKeyValue names a hash of the Authorization header, as AWS does, so that
// a token sent there by mistake does not come back in an error.
func errNotKeyValue(header string) *Error {
	sum := sha256.Sum256([]byte(header))
	return errIncomplete("Invalid key=value pair (missing equal-sign) in Authorization header " +
		"(hashed with SHA-256 and encoded with Base64): '" + base64.StdEncoding.EncodeToString(sum[:]) + "'.")
}

func errExpired(signed, oldest, now time.Time, lifetime time.Duration) *Error {
	return errInvalid(fmt.Sprintf("Signature expired: %s is now earlier than %s (%s - %s)",
		signed.Format(timeFormat), oldest.Format(timeFormat), now.Format(timeFormat), spell(lifetime)))
}

func errNotYetCurrent(signed, newest, now time.Time, skew time.Duration) *Error {
	return errInvalid(fmt.Sprintf("Signature not yet current: %s is still later than %s (%s + %s)",
		signed.Format(timeFormat), newest.Format(timeFormat), now.Format(timeFormat), spell(skew)))
}

// spell writes a duration as AWS does in these messages: "5 min.".
func spell(d time.Duration) string {
	if d%time.Minute == 0 {
		return fmt.Sprintf("%d min.", d/time.Minute)
	}
	return fmt.Sprintf("%d sec.", d/time.Second)
}
