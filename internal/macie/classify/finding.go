package classify

import (
	"encoding/json"

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

func (d *Document) details(s Subject, locations int) *macie2.ClassificationDetails {
	return &macie2.ClassificationDetails{
		DetailedResultsLocation: optional(s.Location),
		JobArn:                  optional(s.JobARN),
		JobId:                   optional(s.JobID),
		OriginType:              macie2.OriginTypeSensitiveDataDiscoveryJob,
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

// Record returns a document's sensitive data discovery result as one line of JSON (macie.md 8.3): the members of a finding less those that
// only findings have, all places that were kept, and for a member of an archive what it is called there. Type, title and severity are
// absent when nothing was found.
func (d *Document) Record(s Subject) ([]byte, error) {
	r := record{
		AccountID: optional(s.Account), Category: macie2.FindingCategoryClassification, CreatedAt: s.Now.String(), UpdatedAt: s.Now.String(),
		ID: optional(s.ID), Partition: optional(s.Partition), Region: optional(s.Region), SchemaVersion: SchemaVersion,
		Severity: d.Severity(), Type: d.FindingType(), ClassificationDetails: d.details(s, MaxLocations*(len(d.Detections)+len(d.Custom))),
	}
	if r.Type != "" {
		r.Title, r.Description = Title(r.Type), Description(r.Type)
	}
	r.ResourcesAffected.S3Bucket, r.ResourcesAffected.S3Object = s.Bucket, recordObject{object: s.Object, member: d.member()}
	return json.Marshal(r)
}

type record struct {
	AccountID             *string                       `json:"accountId,omitempty"`
	Category              macie2.FindingCategory        `json:"category"`
	ClassificationDetails *macie2.ClassificationDetails `json:"classificationDetails"`
	CreatedAt             string                        `json:"createdAt"`
	Description           string                        `json:"description,omitempty"`
	ID                    *string                       `json:"id,omitempty"`
	Partition             *string                       `json:"partition,omitempty"`
	Region                *string                       `json:"region,omitempty"`
	ResourcesAffected     struct {
		S3Bucket *macie2.S3Bucket `json:"s3Bucket"`
		S3Object recordObject     `json:"s3Object"`
	} `json:"resourcesAffected"`
	SchemaVersion string             `json:"schemaVersion"`
	Severity      *macie2.Severity   `json:"severity,omitempty"`
	Title         string             `json:"title,omitempty"`
	Type          macie2.FindingType `json:"type,omitempty"`
	UpdatedAt     string             `json:"updatedAt"`
}

// A recordObject is an S3Object with the member that the API's shape does not have.
type recordObject struct {
	object *macie2.S3Object
	member *embeddedFile
}

type embeddedFile struct {
	FilePath         string  `json:"filePath"`
	FileExtension    string  `json:"fileExtension"`
	FileSize         *int64  `json:"fileSize,omitempty"`
	FileLastModified *string `json:"fileLastModified,omitempty"`
}

// MarshalJSON writes the object with embeddedFileDetails as its last member.
func (o recordObject) MarshalJSON() ([]byte, error) {
	member, err := json.Marshal(o.member)
	if err != nil {
		return nil, err
	}
	b := []byte{'{'}
	if o.object != nil {
		b = wire.Marshal(o.object)
		b[len(b)-1] = ','
	}
	return append(append(append(b, `"embeddedFileDetails":`...), member...), '}'), nil
}

// member describes a member of an archive by its path from the object on; nil for the object itself.
func (d *Document) member() *embeddedFile {
	if len(d.Path) == 0 {
		return nil
	}
	m := &embeddedFile{FilePath: store.CleanText(d.MemberPath()), FileExtension: store.CleanText(d.Extension)}
	if d.Size >= 0 {
		m.FileSize = wire.Ptr(d.Size)
	}
	if !d.Modified.IsZero() {
		m.FileLastModified = wire.Ptr(wire.TimeOf(d.Modified).String())
	}
	return m
}
