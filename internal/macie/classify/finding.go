package classify

import (
	"github.com/magpie-sec/magpie/internal/arn"
	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// SchemaVersion is that of findings.
const SchemaVersion = "1.0"

// A Subject is what a finding says beside what was found. Empty members stay absent: a scan without a server has neither account nor job.
type Subject struct {
	ID, Account, Region, Partition string
	Now                            wire.Time
	JobARN, JobID                  string
	Automated                      bool   // of automated sensitive data discovery, not of a job
	Location                       string // detailedResultsLocation
	Bucket                         *macie2.S3Bucket
	Object                         *macie2.S3Object
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Finding makes the finding of a document with detections.
func (d *Document) Finding(s Subject) *macie2.Finding {
	kind := d.FindingType()
	return &macie2.Finding{
		AccountId:             optional(s.Account),
		Archived:              wire.Ptr(false),
		Category:              macie2.FindingCategoryClassification,
		Count:                 wire.Ptr[int64](1),
		CreatedAt:             wire.Ptr(s.Now),
		UpdatedAt:             wire.Ptr(s.Now),
		Description:           wire.Ptr(Description(kind)),
		Id:                    optional(s.ID),
		Partition:             optional(s.Partition),
		Region:                optional(s.Region),
		Sample:                wire.Ptr(false),
		SchemaVersion:         wire.Ptr(SchemaVersion),
		Severity:              d.Severity(),
		Title:                 wire.Ptr(Title(kind)),
		Type:                  kind,
		ClassificationDetails: d.details(s, MaxFindingLocations),
		ResourcesAffected:     &macie2.ResourcesAffected{S3Bucket: s.Bucket, S3Object: s.Object},
	}
}

func (s *Subject) origin() macie2.OriginType {
	if s.Automated {
		return macie2.OriginTypeAutomatedSensitiveDataDiscovery
	}
	return macie2.OriginTypeSensitiveDataDiscoveryJob
}

func (d *Document) details(s Subject, locations int) *macie2.ClassificationDetails {
	return &macie2.ClassificationDetails{
		DetailedResultsLocation: optional(s.Location),
		JobArn:                  optional(s.JobARN),
		JobId:                   optional(s.JobID),
		OriginType:              s.origin(),
		Result:                  d.ClassificationResult(locations),
	}
}

// S3Object shows an object of a source. What the source did not tell (tags, who can read it) is absent.
func S3Object(partition, bucket string, o source.Object) *macie2.S3Object {
	key := store.CleanText(o.Key)
	object := &macie2.S3Object{
		BucketArn:    wire.Ptr(arn.Bucket(partition, bucket).String()),
		Key:          wire.Ptr(key),
		Path:         wire.Ptr(bucket + "/" + key),
		Extension:    wire.Ptr(extract.Extension(key)),
		ETag:         wire.Ptr(o.ETag),
		VersionId:    wire.Ptr(o.VersionID),
		StorageClass: macie2.StorageClass(o.StorageClass),
	}
	if o.Size >= 0 {
		object.Size = wire.Ptr(o.Size)
	}
	if o.StorageClass == "" {
		object.StorageClass = macie2.StorageClassStandard
	}
	if !o.LastModified.IsZero() {
		object.LastModified = wire.PtrTime(o.LastModified)
	}
	if o.Encryption.Type != "" {
		object.ServerSideEncryption = &macie2.ServerSideEncryption{
			EncryptionType: macie2.EncryptionType(o.Encryption.Type), KmsMasterKeyId: optional(o.Encryption.KMSKeyID),
		}
	}
	return object
}
