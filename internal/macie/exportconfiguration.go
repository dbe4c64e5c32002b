package macie

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/magpie-sec/magpie/internal/arn"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// exportSetting is the setting that holds where discovery results are written to; there is none if they are not.
const exportSetting = "classification-export-configuration"

// noExportConfiguration stands in the bucket's place in detailedResultsLocation, as the service writes it.
const noExportConfiguration = "[export-config-not-set]"

// resultsFolder is where the results of a tenant lie below the prefix (macie.md 8.2).
func resultsFolder(t store.Tenant) string { return "AWSLogs/" + t.Account + "/Macie/" + t.Region + "/" }

// testObject is what PutClassificationExportConfiguration writes to see whether it can.
const testObject = "macie-test-object"

// testTime bounds the test of an export configuration.
const testTime = 20 * time.Second

// exportDestination returns where a tenant's results are written to; nil if they are not.
func exportDestination(ctx context.Context, tx store.Tx, t store.Tenant) (*macie2.S3Destination, error) {
	doc, err := store.GetSetting(ctx, tx, t, exportSetting)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return readDestination(t, doc)
}

func readDestination(t store.Tenant, doc []byte) (*macie2.S3Destination, error) {
	d := &macie2.S3Destination{}
	if err := wire.Unmarshal(doc, d); err != nil {
		return nil, fmt.Errorf("the export configuration of %s is damaged: %w", t, err)
	}
	return d, nil
}

// exportKey returns the key of a file in the destination's bucket. Slashes around the prefix count for one.
func exportKey(d *macie2.S3Destination, file string) string {
	if prefix := strings.Trim(wire.Value(d.KeyPrefix), "/"); prefix != "" {
		return prefix + "/" + file
	}
	return file
}

// exportLocation returns the URI of a file of results, or of a folder of them.
func exportLocation(d *macie2.S3Destination, file string) string {
	if d == nil {
		return "s3://" + noExportConfiguration + "/" + file
	}
	return "s3://" + *d.BucketName + "/" + exportKey(d, file)
}

// GetClassificationExportConfiguration tells where discovery results are written to.
func (s *Service) GetClassificationExportConfiguration(ctx context.Context, _ *macie2.GetClassificationExportConfigurationInput) (
	out *macie2.GetClassificationExportConfigurationOutput, err error) {
	err = s.view(ctx, func(tx store.Tx, t store.Tenant) error {
		d, err := exportDestination(ctx, tx, t)
		out = &macie2.GetClassificationExportConfigurationOutput{Configuration: &macie2.ClassificationExportConfiguration{S3Destination: d}}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// PutClassificationExportConfiguration says where discovery results are written to, after an object has been written there. An empty
// configuration takes the setting back. Results that were kept are due with it.
func (s *Service) PutClassificationExportConfiguration(ctx context.Context, in *macie2.PutClassificationExportConfigurationInput) (
	*macie2.PutClassificationExportConfigurationOutput, error) {
	d := in.Configuration.S3Destination
	if err := s.view(ctx, func(store.Tx, store.Tenant) error { return nil }); err != nil {
		return nil, err // before anything is written
	}
	if d != nil {
		if err := s.testDestination(ctx, tenant(ctx), d); err != nil {
			var told *wire.Error
			if !errors.As(err, &told) { // what the client is told leaves out what the store said
				s.cfg.Log.Warn("results cannot be written", "tenant", tenant(ctx).String(), "bucket", *d.BucketName, "error", err)
			}
			return nil, destinationProblem(d, err)
		}
	}
	err := s.update(ctx, func(tx store.Tx, t store.Tenant) error {
		now := s.cfg.Now().UnixMilli()
		if d == nil {
			if err := store.DeleteSetting(ctx, tx, t, exportSetting); !errors.Is(err, store.ErrNotFound) {
				return err
			}
			return nil
		}
		if err := store.PutSetting(ctx, tx, t, exportSetting, now, wire.Marshal(d)); err != nil {
			return err
		}
		return store.ReleaseExports(ctx, tx, t, now, true)
	})
	if err != nil {
		return nil, err
	}
	return &macie2.PutClassificationExportConfigurationOutput{Configuration: in.Configuration}, nil
}

// testDestination holds a destination to macie.md 8.1.
func (s *Service) testDestination(ctx context.Context, t store.Tenant, d *macie2.S3Destination) error {
	if owner := d.ExpectedBucketOwner; owner != nil && !arn.IsAccount(*owner) {
		return invalid("expectedBucketOwner must be an account id of 12 digits")
	}
	if strings.ContainsFunc(wire.Value(d.KeyPrefix), func(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' }) {
		return invalid("keyPrefix must not hold control characters")
	}
	if key := exportKey(d, resultsFolder(t)); len(key) > maxExportPrefix {
		return invalid("keyPrefix is too long: the keys of the results would have more than 1024 bytes")
	}
	key, err := arn.Parse(*d.KmsKeyArn)
	if err != nil || key.Service != "kms" || !arn.IsAccount(key.Account) || key.ResourceType() != "key" || key.ResourceID() == "" {
		return invalid("kmsKeyArn must be the ARN of a KMS key: arn:PARTITION:kms:REGION:ACCOUNT:key/ID")
	}
	ctx, cancel := context.WithTimeout(ctx, testTime)
	defer cancel()
	at, err := s.cfg.Sources.results(ctx, t, d)
	if err != nil {
		return err
	}
	if key.Partition != arn.PartitionOf(t.Region) || key.Region != at.region {
		return invalid("the KMS key is in %s, the bucket in %s: they have to be in the same Region", key.Region, at.region)
	}
	body := []byte("Amazon Macie results can be written here.\n")
	return at.writer.PutObject(ctx, *d.BucketName, exportKey(d, resultsFolder(t)+testObject), body, putOptions(d, "text/plain"))
}

// maxExportPrefix leaves room for a job's id and a file's name in a key of 1024 bytes.
const maxExportPrefix = 1024 - 192

func putOptions(d *macie2.S3Destination, contentType string) source.PutOptions {
	return source.PutOptions{ContentType: contentType, KMSKey: *d.KmsKeyArn, ExpectedOwner: wire.Value(d.ExpectedBucketOwner)}
}

// destinationProblem says why results cannot be written somewhere, in the words of the operation.
func destinationProblem(d *macie2.S3Destination, err error) error {
	kind, why := wire.Validation, ""
	var told *wire.Error
	switch {
	case errors.As(err, &told):
		return told
	case errors.Is(err, context.Canceled):
		return err
	default:
		switch source.KindOf(err) {
		case source.BucketNotFound:
			why = "it does not exist in the sources of the account"
		case source.AccessDenied:
			kind, why = wire.AccessDenied, "access is denied"
		case source.KeyUnavailable:
			why = "the KMS key cannot be used"
		case source.Unavailable:
			why = "the store does not answer now"
		default:
			why = "an object could not be stored in it"
		}
	}
	return wire.Errorf(kind, "The request failed because results can't be written to the S3 bucket %q: %s", *d.BucketName, why)
}

// A resultsBucket is where results can be written to.
type resultsBucket struct {
	writer source.Writer
	region string // of the bucket; the tenant's where the store does not say
}

// results finds the bucket of a destination: in the sources of the tenant, or in those of the account that is expected to own it.
func (s Sources) results(ctx context.Context, t store.Tenant, d *macie2.S3Destination) (*resultsBucket, error) {
	owner := wire.Value(d.ExpectedBucketOwner)
	if owner == "" {
		owner = t.Account
	}
	candidates := []store.Tenant{t}
	for other := range s {
		if other != t && other.Account == owner {
			candidates = append(candidates, other)
		}
	}
	var failed error
	for _, tenant := range candidates {
		for _, driver := range s[tenant] {
			buckets, err := driver.Buckets(ctx)
			if err != nil {
				failed = err
				continue
			}
			for _, b := range buckets {
				if b.Name != *d.BucketName {
					continue
				}
				if tenant.Account != owner {
					failed = wire.Errorf(wire.AccessDenied, "The S3 bucket %q isn't owned by the account %s", b.Name, owner)
					continue
				}
				w, ok := source.As[source.Writer](driver)
				if !ok {
					return nil, wire.Errorf(wire.Validation, "the source of the S3 bucket %q cannot be written to", b.Name)
				}
				if b.Region == "" {
					b.Region = tenant.Region
				}
				return &resultsBucket{w, b.Region}, nil
			}
		}
	}
	if failed != nil {
		return nil, failed // the bucket may be in the source that cannot be asked
	}
	return nil, &source.Error{Kind: source.BucketNotFound, Op: "find", Bucket: *d.BucketName}
}
