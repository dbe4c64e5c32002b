package wire

import "fmt"

// Kind says what went wrong, in terms that both services share. The transport turns it into the
// exception that the operation models (name, status, members).
type Kind int

// The kinds. Zero is not a kind, so that a forgotten one shows as Internal.
const (
	Internal         Kind = iota + 1 // InternalServerException; the message never reaches the client
	Validation                       // ValidationException: the input breaks a constraint or a rule
	InvalidParameter                 // InvalidParameterException: Access Analyzer's policy checks
	AccessDenied                     // AccessDeniedException: not permitted, or Macie is not enabled
	NotFound                         // ResourceNotFoundException
	Conflict                         // ConflictException: clashes with the current state
	Quota                            // ServiceQuotaExceededException
	Unprocessable                    // UnprocessableEntityException
	Throttling                       // ThrottlingException; RetryAfter says when to come back
	Serialization                    // SerializationException: the request cannot be read at all
	NotBuiltYet                      // this version does not have the operation; see NotBuilt
)

var kindNames = [...]string{Internal: "internal", Validation: "validation", InvalidParameter: "invalid parameter",
	AccessDenied: "access denied", NotFound: "not found", Conflict: "conflict", Quota: "quota",
	Unprocessable: "unprocessable", Throttling: "throttling", Serialization: "serialization", NotBuiltYet: "not built yet"}

// String returns the kind in words.
func (k Kind) String() string {
	if k < Internal || int(k) >= len(kindNames) {
		return "unknown"
	}
	return kindNames[k]
}

// Reasons of Access Analyzer's ValidationException.
const (
	ReasonUnknownOperation = "unknownOperation"
	ReasonCannotParse      = "cannotParse"
	ReasonFieldValidation  = "fieldValidationFailed"
	ReasonOther            = "other"
	ReasonNotSupported     = "notSupported"
)

// Field names one offending member of an input: its path and what it breaks.
type Field struct{ Name, Message string }

// Error is the one error that services return for the client to see. Any other error becomes an
// internal server error whose text the client never sees.
type Error struct {
	Kind    Kind
	Message string // shown to the client; no found values, no secrets

	// ResourceID and ResourceType go with NotFound, Conflict and Quota (required there by Access Analyzer).
	ResourceID, ResourceType string

	// Reason and Fields go with Validation (Access Analyzer shows them). Reason "" means ReasonOther,
	// or ReasonFieldValidation when Fields are given.
	Reason string
	Fields []Field

	// RetryAfter in whole seconds goes with Throttling and Internal; 0 means not said.
	RetryAfter int

	// Cause is logged and never shown.
	Cause error
}

// Errorf returns an error of a kind with a message for the client. It does not take %w: a cause is not
// for the client, see Because.
func Errorf(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// Because keeps the cause for the log and returns e.
func (e *Error) Because(cause error) *Error {
	e.Cause = cause
	return e
}

// About names the resource that the error is about and returns e. resourceType is the service's word,
// such as "analyzer" or "classification-job".
func (e *Error) About(resourceType, resourceID string) *Error {
	e.ResourceType, e.ResourceID = resourceType, resourceID
	return e
}

// Error returns the message with its kind.
func (e *Error) Error() string { return e.Kind.String() + ": " + e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// NotBuilt returns the error of an operation that this version does not have. It is a lasting refusal,
// never a server fault, which clients would retry.
func NotBuilt(operation string) *Error {
	return &Error{
		Kind:    NotBuiltYet,
		Message: "This version of Magpie does not have the operation " + operation + ".",
		Reason:  ReasonNotSupported,
	}
}
