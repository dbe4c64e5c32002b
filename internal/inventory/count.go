package inventory

import (
	"context"

	"github.com/magpie-sec/magpie/internal/source"
)

// An Amount is a number of objects and their stored size.
type Amount struct {
	Objects int64
	Bytes   int64
}

func (a *Amount) add(size int64) {
	a.Objects++
	a.Bytes += size
}

// Counts is how much of what a bucket holds: the latest version of each object, by the sizes of the listing.
type Counts struct {
	Amount
	// Compressed is what CompressedExtension names.
	Compressed Amount
	// Classifiable, UnclassifiableStorageClass and UnclassifiableFileType add up to Amount (EligibilityOf).
	Classifiable               Amount
	UnclassifiableStorageClass Amount
	UnclassifiableFileType     Amount
	// The encryption counts add up to Objects.
	Encryption EncryptionCounts
	// StorageClasses and Extensions break Amount down. Beyond MaxExtensions different extensions, and for those longer than 32 bytes, the
	// rest is counted in OtherExtensions.
	StorageClasses  map[string]Amount
	Extensions      map[string]Amount
	OtherExtensions Amount
	// UnknownSizes is how many objects are counted with size 0, since theirs is not known.
	UnknownSizes int64
	// Unlisted is how many keys or prefixes could not be listed, so that the counts fall short, for want of permission most often; FirstUnlisted
	// is the first of their errors. What is no object (source.NotObject) does not count.
	Unlisted      int64
	FirstUnlisted *source.Error
}

// EncryptionCounts are numbers of objects by server-side encryption, under Macie's names.
type EncryptionCounts struct {
	CustomerManaged int64 // SSE-C
	KMSManaged      int64 // aws:kms, aws:kms:dsse
	S3Managed       int64 // AES256
	Unencrypted     int64 // NONE
	Unknown         int64
}

// MaxExtensions bounds Counts.Extensions.
const MaxExtensions = 1000

// Count walks the listing of a bucket, which may be one of the store's own reports where the source is configured to read them: then the counts
// are those of the moment when the report was begun. An object whose listing does not tell its encryption counts under assumed, which is "" where nothing
// can be assumed. In an estate it is the default encryption of the bucket (Configuration.Encryption): its files stand for objects that were
// uploaded without headers of their own. The error ends the listing; the counts are then of what came before it.
func Count(ctx context.Context, d source.Driver, bucket, assumed string) (Counts, error) {
	c := Counts{StorageClasses: map[string]Amount{}, Extensions: map[string]Amount{}}
	for item, err := range d.List(ctx, bucket, source.ListOptions{Report: &source.ReportOptions{Use: source.ForCounts}}) {
		if err != nil {
			return c, err
		}
		if item.Err == nil {
			c.add(item.Object, assumed)
			continue
		}
		if item.Err.Kind != source.NotObject {
			c.Unlisted++
			if c.FirstUnlisted == nil {
				c.FirstUnlisted = item.Err
			}
		}
	}
	return c, nil
}

func (c *Counts) add(o source.Object, assumed string) {
	size := o.Size
	if size == source.UnknownSize {
		c.UnknownSizes++
		size = 0
	}
	c.Amount.add(size)
	switch EligibilityOf(o) {
	case Classifiable:
		c.Classifiable.add(size)
	case ByStorageClass:
		c.UnclassifiableStorageClass.add(size)
	case ByFileType:
		c.UnclassifiableFileType.add(size)
	}
	extension := Extension(o.Key)
	if CompressedExtension(extension) {
		c.Compressed.add(size)
	}
	c.countExtension(extension, size)
	class := c.StorageClasses[o.StorageClass]
	class.add(size)
	c.StorageClasses[o.StorageClass] = class
	encryption := o.Encryption.Type
	if encryption == "" {
		encryption = assumed
	}
	c.Encryption.add(encryption)
}

func (c *Counts) countExtension(extension string, size int64) {
	amount, seen := c.Extensions[extension]
	if !seen && (len(c.Extensions) == MaxExtensions || len(extension) > 32) {
		c.OtherExtensions.add(size)
		return
	}
	amount.add(size)
	c.Extensions[extension] = amount
}

func (e *EncryptionCounts) add(kind string) {
	switch kind {
	case "SSE-C":
		e.CustomerManaged++
	case "aws:kms", "aws:kms:dsse":
		e.KMSManaged++
	case "AES256":
		e.S3Managed++
	case "NONE":
		e.Unencrypted++
	default:
		e.Unknown++
	}
}
