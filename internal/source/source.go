// Package source reads object stores: their buckets, their objects in S3's order, and what guards the buckets.
//
// A Driver is the least a store must do; what only some stores can do are further interfaces beside it (Configured, Documented, and
// io.ReaderAt on a Reader), found with As. Every driver passes the suite of sourcetest. A driver over a network bounds its own rate and tries
// again by itself, since only it can tell a page or the rest of a body from the whole; others try once. Faults are wrappers around a Driver.
package source

import (
	"context"
	"io"
	"iter"
	"time"
)

// A Driver is one object store. Its methods may be called by several goroutines at once.
//
// Every error that a driver returns is an *Error, or the context's own error when the context ended.
type Driver interface {
	// Buckets returns every bucket of the store, ordered by name.
	Buckets(ctx context.Context) ([]Bucket, error)

	// List yields the latest version of each object of the bucket in S3's order: ascending by the bytes of the key. It keeps no more in
	// memory than one page or one directory level needs. An item with Err stands where the objects are missing that could not be listed;
	// the listing goes on behind it. A non-nil error is the last pair of the sequence: what follows could not be listed at all.
	List(ctx context.Context, bucket string, opts ListOptions) iter.Seq2[Item, error]

	// Open begins to read an object. It fails with BucketNotFound, NotFound, AccessDenied, Changed (see
	// OpenOptions.ETag), NotObject, Encrypted, KeyUnavailable, Archived or Unavailable.
	Open(ctx context.Context, bucket, key string, opts OpenOptions) (Reader, error)
}

// ListOptions narrow a listing. The zero value lists the whole bucket.
type ListOptions struct {
	// Prefix keeps the keys that begin with these bytes.
	Prefix string
	// After keeps the keys that are greater than this one, which need not exist. A listing cut short goes on after its last key at the
	// cost of finding the place, not of walking there.
	After string
	// Report, if not nil, lets the listing come from a report that the store has made of the bucket (S3 Inventory), if the source is
	// configured for that use. Nil is what is there now.
	Report *ReportOptions
}

// ReportOptions say what a listing is for and which reports will do. A report tells what was there at a moment that is past: what has been
// made since is missing, what is gone is still told, and what has changed is told as it was, so that Open answers Changed to its entity tag.
// It is told whole or not at all, in S3's order, so that After goes on in a newer report, and in a listing, as it does in the same one.
type ReportOptions struct {
	Use ReportUse
	// After, if not zero, is what a report must reach beyond (Report.Sure): else it tells nothing new.
	After time.Time
	// Told, if not nil, is called once, before the first item, with where the listing comes from.
	Told func(Report)
}

// A ReportUse is what a report is read for.
type ReportUse uint8

const (
	// ForCounts: the objects are counted.
	ForCounts ReportUse = iota
	// ForDiscovery: automated discovery chooses among the objects.
	ForDiscovery
	// ForScheduledJobs: a run of a scheduled job analyses the objects. The next run sees to what the report did not know of.
	ForScheduledJobs
)

// A Report says where a listing comes from.
type Report struct {
	// Name names the report, for a user to read; "" is a listing of what is there now.
	Name string
	// Begun is when the store began to look at the bucket.
	Begun time.Time
	// Reason is why there is no report, where the source is configured to read some; "" otherwise.
	Reason string
}

// OpenOptions say which state of an object to read. The zero value reads the current one, whichever it is.
type OpenOptions struct {
	// VersionID names a version; "" is the latest. A store without versions answers NotFound to any other value.
	VersionID string
	// ETag, if not empty, is the listed entity tag: Open fails with Changed if the object's differs now.
	ETag string
}

// A Bucket is one bucket, as the store's own listing tells of it.
type Bucket struct {
	Name    string
	Region  string    // "" where the store does not say
	Created time.Time // zero where the store does not say
}

// An Item is one step of a listing.
type Item struct {
	// Object is the object. With Err only its Key counts: the key that is no readable object or, ending in "/", the prefix below which
	// nothing could be listed.
	Object
	Err *Error
}

// UnknownSize is the Size of an object whose length shows only when it has been read (standard input).
const UnknownSize int64 = -1

// An Object is one object as a listing tells of it.
type Object struct {
	Key          string    // the key's bytes, which need not be UTF-8
	Size         int64     // bytes as stored, or UnknownSize
	ETag         string    // without quotes; opaque: equal means unchanged
	VersionID    string    // "" in a store without versions
	LastModified time.Time // UTC; zero where the store does not say
	StorageClass string    // as in S3 (STANDARD, GLACIER...); "" where the store does not say
	Encryption   Encryption
}

// Encryption is the server-side encryption of an object.
type Encryption struct {
	// Type is NONE, AES256, aws:kms, aws:kms:dsse, or SSE-C for a customer's own key; "" is not told (S3 listings do not tell).
	Type string
	// KMSKeyID is the id, ARN or alias of the KMS key, "" for the AWS managed key and for other types.
	KMSKeyID string
}

// A Reader reads one object once, from its beginning. Where it also is an io.ReaderAt the object can be read at any place, by several
// goroutines at once.
//
// A Reader never passes a mixture of two states off as one object. It yields the state that was opened, or answers an *Error of kind Changed:
// Read at the latest where it would have answered io.EOF, and ReadAt in the first call whose bytes would be of another state.
type Reader interface {
	io.ReadCloser
	// Object describes what is being read, as a listing would now.
	Object() Object
}

// reportLag is how long it may take until a report begins to tell of a change. Amazon S3 says no more than that its reports may not have what
// was added or deleted recently (Amazon S3 User Guide, "Amazon S3 Inventory list", on consistency).
const reportLag = 24 * time.Hour

// Sure is up to when the report tells everything for certain.
func (r Report) Sure() time.Time { return r.Begun.Add(-reportLag) }

// Missing reports whether an object that is not in the report, or is there in another state, may be one that the report does not know of yet:
// it was seen at a time, and not long enough before the report. Of a listing it is false.
func (r Report) Missing(seen time.Time) bool {
	return r.Name != "" && seen.After(r.Sure())
}

// As returns the driver's further interface T (Configured, Documented), looking through wrappers that have an Unwrap method.
func As[T any](d Driver) (T, bool) {
	for d != nil {
		if power, ok := d.(T); ok {
			return power, true
		}
		wrapper, ok := d.(interface{ Unwrap() Driver })
		if !ok {
			break
		}
		d = wrapper.Unwrap()
	}
	var none T
	return none, false
}

// Tagged is the power to read the tags of objects. The objects of a source without it have none.
type Tagged interface {
	// ObjectTags returns the tags of an object's version, "" being the latest. It fails like Open.
	ObjectTags(ctx context.Context, bucket, key, versionID string) ([]Tag, error)
}
