package macie

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/magpie-sec/magpie/internal/arn"
	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/macie/classify"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// sampleBucket is the bucket of every sample finding.
const sampleBucket = "macie-sample-finding-bucket"

// A sample says what the sample finding of a type shows. One entry for each type of finding.
type sample struct {
	kind        macie2.FindingType
	severity    detect.Level
	title       string
	description string
	object      string            // key of the object of a sensitive data finding
	mime        string            // its type
	found       map[string]string // category -> type of sensitive data, one occurrence each
	api         string            // the call that a policy finding is about
}

var samples = []sample{
	{kind: macie2.FindingTypeSensitiveDataS3ObjectCredentials, severity: detect.High, object: "config/deploy.env", mime: "text/plain",
		found: map[string]string{"CREDENTIALS": "AWS_CREDENTIALS"}},
	{kind: macie2.FindingTypeSensitiveDataS3ObjectFinancial, severity: detect.High, object: "exports/payments.csv", mime: "text/csv",
		found: map[string]string{"FINANCIAL_INFORMATION": "CREDIT_CARD_NUMBER"}},
	{kind: macie2.FindingTypeSensitiveDataS3ObjectPersonal, severity: detect.High, object: "exports/members.csv", mime: "text/csv",
		found: map[string]string{"PERSONAL_INFORMATION": "USA_SOCIAL_SECURITY_NUMBER"}},
	{kind: macie2.FindingTypeSensitiveDataS3ObjectCustomIdentifier, severity: detect.Medium, object: "notes/tickets.txt", mime: "text/plain"},
	{kind: macie2.FindingTypeSensitiveDataS3ObjectMultiple, severity: detect.High, object: "backup/everything.csv", mime: "text/csv",
		found: map[string]string{"CREDENTIALS": "AWS_CREDENTIALS", "PERSONAL_INFORMATION": "USA_PASSPORT_NUMBER"}},

	{kind: macie2.FindingTypePolicyIAMUserS3BucketPublic, severity: detect.High, api: "PutBucketPolicy",
		title: "The S3 bucket is publicly accessible", description: "Anyone can read or write the objects of the bucket."},
	{kind: macie2.FindingTypePolicyIAMUserS3BucketSharedExternally, severity: detect.High, api: "PutBucketPolicy",
		title: "The S3 bucket is shared with an external account", description: "An account outside the organization has access to the bucket."},
	{kind: macie2.FindingTypePolicyIAMUserS3BucketReplicatedExternally, severity: detect.High, api: "PutBucketReplication",
		title: "The S3 bucket is replicated to an external account", description: "Objects of the bucket are copied to a bucket of an account outside the organization."},
	{kind: macie2.FindingTypePolicyIAMUserS3BucketEncryptionDisabled, severity: detect.Low, api: "DeleteBucketEncryption",
		title: "Default encryption was reset for the S3 bucket", description: "New objects of the bucket are encrypted in the way that S3 does by default."},
	{kind: macie2.FindingTypePolicyIAMUserS3BlockPublicAccessDisabled, severity: detect.High, api: "DeleteBucketPublicAccessBlock",
		title: "Block public access settings are disabled for the S3 bucket", description: "All four settings that block public access to the bucket are off."},
	{kind: macie2.FindingTypePolicyIAMUserS3BucketSharedWithCloudFront, severity: detect.Medium, api: "PutBucketPolicy",
		title: "The S3 bucket is shared with CloudFront", description: "A CloudFront origin access identity or control has access to the bucket."},
}

// CreateSampleFindings makes a sample of each type that is asked for, or of all. A sample of a policy finding that is there already counts
// another occurrence instead.
func (s *Service) CreateSampleFindings(ctx context.Context, in *macie2.CreateSampleFindingsInput) (*macie2.CreateSampleFindingsOutput, error) {
	wanted := map[macie2.FindingType]bool{}
	for _, kind := range in.FindingTypes {
		wanted[kind] = true
	}
	err := s.update(ctx, func(tx store.Tx, t store.Tenant) error {
		for _, sample := range samples {
			if len(wanted) > 0 && !wanted[sample.kind] {
				continue
			}
			if err := s.putSample(ctx, tx, t, sample); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &macie2.CreateSampleFindingsOutput{}, nil
}

func (s *Service) putSample(ctx context.Context, tx store.Tx, t store.Tenant, of sample) error {
	f := s.sampleFinding(ctx, of)
	isNew, err := putFindings(ctx, tx, t, s.cfg.Outbox, [][]byte{wire.Marshal(f)})
	if err != nil || isNew[0] {
		return err
	}
	earlier, err := readFindings(ctx, tx, t, []string{*f.Id}, store.FindingSort{})
	if err != nil || len(earlier) == 0 {
		return fmt.Errorf("read the sample finding that is there already: %w", errors.Join(err, store.ErrNotFound))
	}
	again := &earlier[0]
	*again.Count++
	again.UpdatedAt = f.UpdatedAt
	again.PolicyDetails.Action.ApiCallDetails.LastSeen = f.UpdatedAt
	return putOccurrence(ctx, tx, t, s.cfg.Outbox, again)
}

// sampleID returns a new id for a sensitive data sample and always the same one for a type of policy finding, which therefore merge.
func (s *Service) sampleID(c wire.Caller, of sample) string {
	if of.object != "" {
		return s.cfg.NewID()
	}
	sum := sha256.Sum256([]byte("sample\x00" + c.Account + "\x00" + c.Region + "\x00" + string(of.kind)))
	return hex.EncodeToString(sum[:16])
}

func (s *Service) sampleFinding(ctx context.Context, of sample) *macie2.Finding {
	c, now := wire.CallerFrom(ctx), s.now()
	f := &macie2.Finding{
		AccountId:     wire.Ptr(c.Account),
		Archived:      wire.Ptr(false),
		Category:      macie2.FindingCategoryPolicy,
		Count:         wire.Ptr[int64](1),
		CreatedAt:     wire.Ptr(now),
		UpdatedAt:     wire.Ptr(now),
		Description:   wire.Ptr("[SAMPLE] " + of.description),
		Id:            wire.Ptr(s.sampleID(c, of)),
		Partition:     wire.Ptr(c.Partition),
		Region:        wire.Ptr(c.Region),
		Sample:        wire.Ptr(true),
		SchemaVersion: wire.Ptr(classify.SchemaVersion),
		Severity:      &macie2.Severity{Score: wire.Ptr(int64(of.severity)), Description: classify.SeverityDescription(of.severity)},
		Title:         wire.Ptr("[SAMPLE] " + of.title),
		Type:          of.kind,
		ResourcesAffected: &macie2.ResourcesAffected{S3Bucket: &macie2.S3Bucket{
			Arn: wire.Ptr(arn.Bucket(c.Partition, sampleBucket).String()), Name: wire.Ptr(sampleBucket), CreatedAt: wire.Ptr(now),
			AllowsUnencryptedObjectUploads: macie2.AllowsUnencryptedObjectUploadsTrue,
			DefaultServerSideEncryption:    &macie2.ServerSideEncryption{EncryptionType: macie2.EncryptionTypeAes256},
			Owner:                          &macie2.S3BucketOwner{DisplayName: wire.Ptr("sample-owner"), Id: wire.Ptr("sample-owner")},
			PublicAccess:                   &macie2.BucketPublicAccess{EffectivePermission: macie2.EffectivePermissionNotPublic},
			Tags:                           []macie2.KeyValuePair{{Key: wire.Ptr("purpose"), Value: wire.Ptr("sample")}},
		}},
	}
	if of.object == "" {
		f.PolicyDetails = &macie2.PolicyDetails{
			Action: &macie2.FindingAction{ActionType: macie2.FindingActionTypeAwsApiCall, ApiCallDetails: &macie2.ApiCallDetails{
				Api: wire.Ptr(of.api), ApiServiceName: wire.Ptr("s3.amazonaws.com"), FirstSeen: wire.Ptr(now), LastSeen: wire.Ptr(now),
			}},
			Actor: &macie2.FindingActor{
				IpAddressDetails: &macie2.IpAddressDetails{IpAddressV4: wire.Ptr("198.51.100.7")}, // TEST-NET-2, RFC 5737
				UserIdentity: &macie2.UserIdentity{Type: macie2.UserIdentityTypeIAMUser, IamUser: &macie2.IamUser{
					AccountId: wire.Ptr(c.Account), UserName: wire.Ptr("sample-user"), PrincipalId: wire.Ptr("SAMPLEPRINCIPAL"),
				}},
			},
		}
		return f
	}
	f.Category = macie2.FindingCategoryClassification
	f.Title = wire.Ptr("[SAMPLE] " + classify.Title(of.kind))
	f.Description = wire.Ptr("[SAMPLE] " + classify.Description(of.kind))
	f.ResourcesAffected.S3Object = sampleObject(c.Partition, of.object, now)
	f.ClassificationDetails = &macie2.ClassificationDetails{
		DetailedResultsLocation: wire.Ptr("s3://" + noExportConfiguration),
		OriginType:              macie2.OriginTypeSensitiveDataDiscoveryJob,
		Result:                  sampleResult(c, of),
	}
	return f
}

func sampleObject(partition, key string, now wire.Time) *macie2.S3Object {
	return &macie2.S3Object{
		BucketArn: wire.Ptr(arn.Bucket(partition, sampleBucket).String()), Key: wire.Ptr(key), Path: wire.Ptr(sampleBucket + "/" + key),
		Extension: wire.Ptr(key[strings.LastIndexByte(key, '.')+1:]), LastModified: wire.Ptr(now), ETag: wire.Ptr("5f4dcc3b"),
		VersionId: wire.Ptr(""), Size: wire.Ptr[int64](4750), StorageClass: macie2.StorageClassStandard, PublicAccess: wire.Ptr(false),
		ServerSideEncryption: &macie2.ServerSideEncryption{EncryptionType: macie2.EncryptionTypeAes256},
		Tags:                 []macie2.KeyValuePair{},
	}
}

func sampleResult(c wire.Caller, of sample) *macie2.ClassificationResult {
	r := &macie2.ClassificationResult{
		AdditionalOccurrences: wire.Ptr(false),
		MimeType:              wire.Ptr(of.mime),
		SizeClassified:        wire.Ptr[int64](4750),
		Status:                &macie2.ClassificationResultStatus{Code: wire.Ptr("COMPLETE")},
		SensitiveData:         []macie2.SensitiveDataItem{},
		CustomDataIdentifiers: &macie2.CustomDataIdentifiers{TotalCount: wire.Ptr[int64](0), Detections: []macie2.CustomDetection{}},
	}
	for row, category := range []string{"CREDENTIALS", "FINANCIAL_INFORMATION", "PERSONAL_INFORMATION"} {
		kind, ok := of.found[category]
		if !ok {
			continue
		}
		r.SensitiveData = append(r.SensitiveData, macie2.SensitiveDataItem{
			Category: macie2.SensitiveDataItemCategory(category), TotalCount: wire.Ptr[int64](1),
			Detections: []macie2.DefaultDetection{{Type: wire.Ptr(kind), Count: wire.Ptr[int64](1), Occurrences: sampleOccurrence(of.mime, int64(row+2))}},
		})
	}
	if len(of.found) == 0 {
		r.CustomDataIdentifiers = &macie2.CustomDataIdentifiers{TotalCount: wire.Ptr[int64](2), Detections: []macie2.CustomDetection{{
			Name: wire.Ptr("sample-ticket-number"), Count: wire.Ptr[int64](2),
			Arn:         wire.Ptr(arn.CustomDataIdentifier(c.Region, c.Account, "00000000-0000-4000-8000-000000sample").String()),
			Occurrences: sampleOccurrence(of.mime, 7),
		}}}
	}
	return r
}

func sampleOccurrence(mime string, row int64) *macie2.Occurrences {
	if mime == "text/csv" {
		return &macie2.Occurrences{Cells: []macie2.Cell{{Row: wire.Ptr(row), Column: wire.Ptr[int64](3), ColumnName: wire.Ptr("value " + strconv.FormatInt(row, 10))}}}
	}
	return &macie2.Occurrences{LineRanges: []macie2.Range{{Start: wire.Ptr(row), End: wire.Ptr(row), StartColumn: wire.Ptr[int64](1)}}}
}
