package macie

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/macie/classify"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// An objectOutcome is what became of one object: its row of results, what its record says and, if something was found, its finding. Pack writes
// both down before the transaction that stores them.
type objectOutcome struct {
	result   store.Result
	object   source.Object
	document *classify.Document // nil if it was not read
	members  *members           // of an archive; nil if none are known
	finding  *macie2.Finding
	entry    *store.LedgerEntry // what the ledger learns; nil for nothing new. Its Rules are set when it is stored
	large    *largeObject       // it is to be read in parts, and nothing else is known; nil for all others
	again    bool               // the run has counted the object as skipped before; see giveUpLarge
}

// Skip reasons that the source decides, in Macie's words.
const (
	reasonNoSuchBucket     = "NO_SUCH_BUCKET_AVAILABLE"
	reasonGone             = "SOURCE_OBJECT_NO_LONGER_AVAILABLE"
	reasonDenied           = "PERMISSION_DENIED"
	reasonChanged          = "OBJECT_VERSION_MISMATCH"
	reasonStorageClass     = "INVALID_OBJECT_STATE"
	reasonEncryption       = "INVALID_ENCRYPTION"
	reasonKMSKey           = "INVALID_KMS_KEY"
	reasonUnsupported      = "UNSUPPORTED_FILE_TYPE_EXCEPTION"
	reasonMalformed        = "MALFORMED_FILE"
	reasonReadError        = "OBJECT_READ_ERROR" // ours: the source failed in the middle of an object; see docs/divergences.md
	statusSkipped          = "SKIPPED"
	encryptionCustomerKeys = "SSE-C"
)

// SkipReason returns why an object of a source could not be read, in the words of a result's status.
func SkipReason(err error) string {
	switch source.KindOf(err) {
	case source.BucketNotFound:
		return reasonNoSuchBucket
	case source.NotFound:
		return reasonGone
	case source.AccessDenied:
		return reasonDenied
	case source.Changed:
		return reasonChanged
	case source.NotObject:
		return reasonUnsupported
	case source.Encrypted:
		return reasonEncryption
	case source.KeyUnavailable:
		return reasonKMSKey
	case source.Archived:
		return reasonStorageClass
	default:
		return reasonReadError
	}
}

// unreadable returns the reason for which an object is not even opened, "" if there is none.
func unreadable(o source.Object) string {
	switch o.StorageClass {
	case "", "STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "REDUCED_REDUNDANCY", "GLACIER_IR":
	default:
		return reasonStorageClass
	}
	if o.Encryption.Type == encryptionCustomerKeys {
		return reasonEncryption
	}
	return ""
}

// notRead is the outcome of an object that could not be opened or read.
func (w *Worker) notRead(bucket string, o source.Object, err error) objectOutcome {
	return w.skipped(bucket, o, SkipReason(err))
}

func (w *Worker) skipped(bucket string, o source.Object, reason string) objectOutcome {
	r := w.resultOf(bucket, o)
	r.Status, r.Reason = statusSkipped, reason
	return objectOutcome{result: r, object: o}
}

func (w *Worker) resultOf(bucket string, o source.Object) store.Result {
	r := store.Result{
		Bucket: bucket, Key: []byte(o.Key), VersionID: store.CleanText(o.VersionID), ETag: store.CleanText(o.ETag),
		Size: o.Size, AnalyzedAt: w.cfg.Now().UnixMilli(),
	}
	if !o.LastModified.IsZero() {
		r.ModifiedAt = o.LastModified.UnixMilli()
	}
	return r
}

// object classifies one object. Its error is for what may pass (the source is away, the worker stops): the object is then tried again. An
// object over which our own code panics is skipped like any other that cannot be read. With parts a large object may be left to be read in parts.
func (w *Worker) object(ctx context.Context, log *slog.Logger, driver source.Driver, bucket string, o source.Object, j *activeJob, parts bool) (
	outcome objectOutcome, err error) {
	found := &members{spill: spill{open: j.classifier.Extractor.Spool}}
	defer func() {
		if err != nil || outcome.members != found {
			found.close()
		}
	}()
	defer func() {
		if v := recover(); v != nil {
			// What was panicked with stays out of the log: it may be text of the object.
			log.Error("a panic while an object was classified; it is skipped, please report this", "bucket", bucket,
				"key", store.CleanText(o.Key), "panic", fmt.Sprintf("%T", v), "stack", string(debug.Stack()))
			outcome, err = w.skipped(bucket, o, reasonMalformed), nil
		}
	}()
	if reason := unreadable(o); reason != "" {
		return w.skipped(bucket, o, reason), nil
	}
	if parts {
		if large := w.large(ctx, driver, bucket, o, j); large != nil {
			return objectOutcome{large: large}, nil
		}
	}
	document, err := Classify(ctx, j.classifier, driver, bucket, o, found.add)
	if err != nil {
		var spool *extract.SpoolError
		switch {
		case ctx.Err() != nil:
			return objectOutcome{}, context.Cause(ctx)
		case source.KindOf(err) == source.Unavailable || errors.As(err, &spool):
			return objectOutcome{}, err
		}
		return w.notRead(bucket, o, err), nil
	}
	outcome = w.classified(&document, bucket, o, j)
	if found.count > 0 {
		outcome.members = found
	}
	outcome.entry, err = entryOf(&document, o)
	return outcome, err
}

// Classify opens an object of a source and classifies it. Trouble of the source comes back as a *source.Error, wrapped or not.
func Classify(ctx context.Context, c *classify.Classifier, driver source.Driver, bucket string, o source.Object,
	member func(classify.Document) error) (classify.Document, error) {
	r, err := driver.Open(ctx, bucket, o.Key, source.OpenOptions{VersionID: o.VersionID, ETag: o.ETag})
	if err != nil {
		return classify.Document{}, err
	}
	defer r.Close()
	return c.Classify(ctx, ExtractObject(r), member)
}

// ExtractObject hands an open object to the extraction.
func ExtractObject(r source.Reader) extract.Object {
	o := r.Object()
	object := extract.Object{Name: o.Key, Size: o.Size, Modified: o.LastModified, Reader: r}
	if at, ok := r.(io.ReaderAt); ok && o.Size >= 0 {
		object.ReaderAt = at
	}
	return object
}

// findingID makes the id of a finding: the same work gives the same id whoever does it, so that a finding cannot be doubled.
func findingID(run job.RunRef, bucket string, o source.Object) string {
	b := make([]byte, 0, 512)
	for _, part := range [...]string{run.Account, run.Region, run.JobID, run.RunID, bucket, o.Key, o.VersionID} {
		b = append(binary.BigEndian.AppendUint64(b, uint64(len(part))), part...)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}
