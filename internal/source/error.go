package source

import (
	"context"
	"errors"
	"strconv"
)

// A Kind is a reason why something of a source could not be read.
type Kind uint8

const (
	// Other is a failure of no other kind.
	Other Kind = iota
	// BucketNotFound: the bucket does not exist, or no longer (Macie: NO_SUCH_BUCKET_AVAILABLE).
	BucketNotFound
	// NotFound: the object or document does not exist, or no longer (Macie: SOURCE_OBJECT_NO_LONGER_AVAILABLE).
	NotFound
	// AccessDenied: the source refuses (Macie: PERMISSION_DENIED).
	AccessDenied
	// Changed: the object is not the listed one any more, or changed while it was read (Macie: OBJECT_VERSION_MISMATCH).
	Changed
	// Unavailable: the source failed in a way that may pass (timeout, throttling, 5xx); only this kind is worth a retry.
	Unavailable
	// NotObject: something stands at the key that is no object and holds no data of its own (symbolic link, pipe, socket, device).
	NotObject
	// Encrypted: the object is encrypted with a key that its customer keeps and has to send along, SSE-C (Macie: INVALID_ENCRYPTION).
	Encrypted
	// KeyUnavailable: the object's KMS key is disabled, deleted or about to be (Macie: INVALID_KMS_KEY).
	KeyUnavailable
	// Archived: the object has to be restored before it can be read (Macie: INVALID_OBJECT_STATE).
	Archived
)

var kindTexts = [...]string{
	Other:          "could not be read",
	BucketNotFound: "bucket does not exist",
	NotFound:       "does not exist",
	AccessDenied:   "access denied",
	Changed:        "changed since it was listed",
	Unavailable:    "source unavailable for now",
	NotObject:      "not an object",
	Encrypted:      "encrypted with a key of the customer's own",
	KeyUnavailable: "its KMS key cannot be used",
	Archived:       "archived, has to be restored first",
}

// String returns the kind in words.
func (k Kind) String() string {
	if int(k) < len(kindTexts) {
		return kindTexts[k]
	}
	return "Kind(" + strconv.Itoa(int(k)) + ")"
}

// An Error is the failure of one call to a source.
type Error struct {
	Kind   Kind
	Op     string // what was tried: "list", "open", "read"...
	Bucket string // "" when the whole source failed
	Key    string // key or prefix, "" when the bucket failed
	Err    error  // the cause, may be nil
}

// Error returns one line: what was tried, on what, why it failed. Keys are quoted, so that no byte of theirs reaches a terminal or log raw.
func (e *Error) Error() string {
	s := e.Op
	if e.Bucket != "" {
		s += " bucket " + strconv.QuoteToGraphic(e.Bucket)
	}
	if e.Key != "" {
		s += " key " + strconv.QuoteToGraphic(e.Key)
	}
	s += ": " + e.Kind.String()
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the first *Error in err's tree. The end of a context is Unavailable when it was a deadline and Other when it
// was a cancellation; so are errors that no source made.
func KindOf(err error) Kind {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e.Kind
	case errors.Is(err, context.DeadlineExceeded):
		return Unavailable
	default:
		return Other
	}
}
