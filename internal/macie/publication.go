package macie

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/magpie-sec/magpie/internal/publish"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// publicationSetting is the setting that holds which findings are sent to Security Hub.
const publicationSetting = "findings-publication-configuration"

// defaultPublication is what is sent to Security Hub unless the account says otherwise (macie.md 9.2).
func defaultPublication() *macie2.SecurityHubConfiguration {
	return &macie2.SecurityHubConfiguration{PublishPolicyFindings: wire.Ptr(true), PublishClassificationFindings: wire.Ptr(false)}
}

func publicationOf(ctx context.Context, tx store.Tx, t store.Tenant) (*macie2.SecurityHubConfiguration, error) {
	doc, err := store.GetSetting(ctx, tx, t, publicationSetting)
	if errors.Is(err, store.ErrNotFound) {
		return defaultPublication(), nil
	} else if err != nil {
		return nil, err
	}
	c := &macie2.SecurityHubConfiguration{}
	if err := wire.Unmarshal(doc, c); err != nil {
		return nil, fmt.Errorf("the publication configuration of %s is damaged: %w", t, err)
	}
	return c, nil
}

// GetFindingsPublicationConfiguration tells which findings are sent to Security Hub.
func (s *Service) GetFindingsPublicationConfiguration(ctx context.Context, _ *macie2.GetFindingsPublicationConfigurationInput) (
	out *macie2.GetFindingsPublicationConfigurationOutput, err error) {
	err = s.view(ctx, func(tx store.Tx, t store.Tenant) error {
		c, err := publicationOf(ctx, tx, t)
		out = &macie2.GetFindingsPublicationConfigurationOutput{SecurityHubConfiguration: c}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// PutFindingsPublicationConfiguration says which findings are sent to Security Hub. Findings that are there already are not sent.
func (s *Service) PutFindingsPublicationConfiguration(ctx context.Context, in *macie2.PutFindingsPublicationConfigurationInput) (
	*macie2.PutFindingsPublicationConfigurationOutput, error) {
	if in.ClientToken != nil && *in.ClientToken == "" {
		return nil, invalid("clientToken must not be empty")
	}
	err := s.update(ctx, func(tx store.Tx, t store.Tenant) error {
		if in.SecurityHubConfiguration == nil {
			return nil // nothing is changed
		}
		return store.PutSetting(ctx, tx, t, publicationSetting, s.cfg.Now().UnixMilli(), wire.Marshal(in.SecurityHubConfiguration))
	})
	if err != nil {
		return nil, err
	}
	return &macie2.PutFindingsPublicationConfigurationOutput{}, nil
}

// publishFindings adds the events of findings that are stored, new or occurred again: nothing for archived ones. Events of new findings are told at
// once, those of policy findings that occurred again when the publishing frequency says so, the last one of several.
func publishFindings(ctx context.Context, tx store.Tx, t store.Tenant, outbox *publish.Outbox, docs [][]byte, again bool) error {
	toBus, toHub := outbox.Takes(publish.EventBridge), outbox.Takes(publish.SecurityHub)
	if !toBus && !toHub || len(docs) == 0 {
		return nil
	}
	every := time.Duration(0)
	if again {
		row, err := session(ctx, tx, t)
		if err != nil {
			return err
		}
		every = publishEvery(macie2.FindingPublishingFrequency(row.Frequency))
	}
	var hub *macie2.SecurityHubConfiguration
	if toHub {
		var err error
		if hub, err = publicationOf(ctx, tx, t); err != nil {
			return err
		}
	}
	var events []publish.Event
	for _, doc := range docs {
		f := &macie2.Finding{}
		if err := wire.Unmarshal(doc, f); err != nil {
			return err
		}
		if wire.Value(f.Archived) {
			continue
		}
		e := publish.Event{Source: "aws.macie", DetailType: "Macie Finding", Subject: *f.Id, Time: f.UpdatedAt.Time()}
		if again {
			e.MergeUntil = e.Time.Truncate(every).Add(every)
		}
		if toBus {
			detail, err := eventDetail(doc)
			if err != nil {
				return err
			}
			e.Kind, e.Detail = publish.EventBridge, detail
			events = append(events, e)
		}
		if !toHub {
			continue
		}
		wanted := hub.PublishPolicyFindings
		if f.Category == macie2.FindingCategoryClassification {
			wanted = hub.PublishClassificationFindings
		}
		if !wire.Value(wanted) {
			continue
		}
		detail, err := json.Marshal(securityFinding(t, f))
		if err != nil {
			return err
		}
		e.Kind, e.Detail = publish.SecurityHub, detail
		events = append(events, e)
	}
	return outbox.Add(ctx, tx, t, events...)
}

// publishEvery is how often updates of policy findings are told.
func publishEvery(f macie2.FindingPublishingFrequency) time.Duration {
	switch f {
	case macie2.FindingPublishingFrequencyOneHour:
		return time.Hour
	case macie2.FindingPublishingFrequencySixHours:
		return 6 * time.Hour
	}
	return 15 * time.Minute
}

// eventDetail writes a finding as an event tells it: the parts that it lacks are null, and the entity tag is written small (macie.md 9.1).
func eventDetail(doc []byte) (json.RawMessage, error) {
	var f map[string]json.RawMessage
	if err := json.Unmarshal(doc, &f); err != nil {
		return nil, err
	}
	null := json.RawMessage("null")
	for _, part := range []string{"policyDetails", "classificationDetails"} {
		if f[part] == nil {
			f[part] = null
		}
	}
	var affected map[string]json.RawMessage
	if err := json.Unmarshal(f["resourcesAffected"], &affected); err != nil {
		return nil, err
	}
	if affected["s3Object"] == nil {
		affected["s3Object"] = null
	} else {
		var object map[string]json.RawMessage
		if err := json.Unmarshal(affected["s3Object"], &object); err != nil {
			return nil, err
		}
		if tag, ok := object["eTag"]; ok {
			delete(object, "eTag")
			object["etag"] = tag
		}
		text, err := json.Marshal(object)
		if err != nil {
			return nil, err
		}
		affected["s3Object"] = text
	}
	text, err := json.Marshal(affected)
	if err != nil {
		return nil, err
	}
	f["resourcesAffected"] = text
	return json.Marshal(f)
}

// securityTypes are the types of findings in the AWS Security Finding Format (macie.md 9.2).
var securityTypes = map[macie2.FindingType]string{
	macie2.FindingTypeSensitiveDataS3ObjectCredentials:      "Sensitive Data Identifications/Passwords/SensitiveData:S3Object-Credentials",
	macie2.FindingTypeSensitiveDataS3ObjectCustomIdentifier: "Sensitive Data Identifications/PII/SensitiveData:S3Object-CustomIdentifier",
	macie2.FindingTypeSensitiveDataS3ObjectFinancial:        "Sensitive Data Identifications/Financial/SensitiveData:S3Object-Financial",
	macie2.FindingTypeSensitiveDataS3ObjectMultiple:         "Sensitive Data Identifications/PII/SensitiveData:S3Object-Multiple",
	macie2.FindingTypeSensitiveDataS3ObjectPersonal:         "Sensitive Data Identifications/PII/SensitiveData:S3Object-Personal",
	macie2.FindingTypePolicyIAMUserS3BucketPublic:           "Effects/Data Exposure/Policy:IAMUser-S3BucketPublic",
}

const bestPractices = "Software and Configuration Checks/AWS Security Best Practices/"

func securityType(t macie2.FindingType) string {
	if s, ok := securityTypes[t]; ok {
		return s
	}
	name := []byte(t)
	if i := slices.Index(name, '/'); i >= 0 {
		name[i] = '-'
	}
	return bestPractices + string(name)
}

// normalized is the severity of a label from 0 to 100.
var normalized = map[string]int{"HIGH": 70, "MEDIUM": 40, "LOW": 1}

// object is a JSON object in the making.
type object = map[string]any

// put sets a member unless its value is absent.
func put[T any](o object, name string, value *T) {
	if value != nil {
		o[name] = *value
	}
}

// securityFinding writes a finding in the AWS Security Finding Format.
func securityFinding(t store.Tenant, f *macie2.Finding) object {
	label := map[macie2.SeverityDescription]string{macie2.SeverityDescriptionHigh: "HIGH", macie2.SeverityDescriptionMedium: "MEDIUM"}[f.Severity.Description]
	if label == "" {
		label = "LOW"
	}
	kinds := []string{securityType(f.Type)}
	bucket := f.ResourcesAffected.S3Bucket
	fields := object{}
	if bucket.PublicAccess != nil && bucket.PublicAccess.EffectivePermission != "" {
		fields["S3Bucket.effectivePermission"] = string(bucket.PublicAccess.EffectivePermission)
	}
	if bucket.AllowsUnencryptedObjectUploads != "" {
		fields["S3Bucket.allowsUnencryptedObjectUploads"] = string(bucket.AllowsUnencryptedObjectUploads)
	}
	resources := []object{bucketResource(f)}
	if o := f.ResourcesAffected.S3Object; o != nil {
		resources = append(resources, objectResource(f))
		put(fields, "S3Object.Path", o.Path)
		put(fields, "S3Object.Extension", o.Extension)
		if o.PublicAccess != nil {
			fields["S3Object.PublicAccess"] = strconv.FormatBool(*o.PublicAccess)
		}
		if o.Size != nil {
			fields["S3Object.Size"] = strconv.FormatInt(*o.Size, 10)
		}
		if o.StorageClass != "" {
			fields["S3Object.StorageClass"] = string(o.StorageClass)
		}
	}
	if c := f.ClassificationDetails; c != nil {
		put(fields, "JobArn", c.JobArn)
		put(fields, "JobId", c.JobId)
		if c.OriginType != "" {
			fields["OriginType"] = string(c.OriginType)
		}
	}
	return object{
		"SchemaVersion": "2018-10-08", "Id": *f.Id, "ProductArn": fmt.Sprintf("arn:%s:securityhub:%s::product/aws/macie", *f.Partition, t.Region),
		"ProductName": "Macie", "CompanyName": "Amazon", "GeneratorId": "aws/macie", "AwsAccountId": t.Account, "Region": t.Region,
		"CreatedAt": f.CreatedAt.String(), "UpdatedAt": f.UpdatedAt.String(), "Title": *f.Title, "Description": *f.Description,
		"Sample": wire.Value(f.Sample), "Types": kinds,
		"Severity":              object{"Label": label, "Normalized": normalized[label]},
		"FindingProviderFields": object{"Severity": object{"Label": label}, "Types": kinds},
		"RecordState":           "ACTIVE", "WorkflowState": "NEW", "Workflow": object{"Status": "NEW"},
		"ProductFields": fields, "Resources": resources,
	}
}

func bucketResource(f *macie2.Finding) object {
	b := f.ResourcesAffected.S3Bucket
	details := object{"OwnerAccountId": *f.AccountId}
	if b.Owner != nil {
		put(details, "OwnerId", b.Owner.Id)
		put(details, "OwnerName", b.Owner.DisplayName)
	}
	if b.CreatedAt != nil {
		details["CreatedAt"] = b.CreatedAt.String()
	}
	if e := b.DefaultServerSideEncryption; e != nil && e.EncryptionType != "" && e.EncryptionType != macie2.EncryptionTypeNone && e.EncryptionType != macie2.EncryptionTypeUnknown {
		rule := object{"SSEAlgorithm": string(e.EncryptionType)}
		put(rule, "KMSMasterKeyID", e.KmsMasterKeyId)
		details["ServerSideEncryptionConfiguration"] = object{"Rules": []object{{"ApplyServerSideEncryptionByDefault": rule}}}
	}
	if b.PublicAccess != nil && b.PublicAccess.PermissionConfiguration != nil && b.PublicAccess.PermissionConfiguration.BucketLevelPermissions != nil {
		if block := b.PublicAccess.PermissionConfiguration.BucketLevelPermissions.BlockPublicAccess; block != nil {
			switches := object{}
			put(switches, "BlockPublicAcls", block.BlockPublicAcls)
			put(switches, "BlockPublicPolicy", block.BlockPublicPolicy)
			put(switches, "IgnorePublicAcls", block.IgnorePublicAcls)
			put(switches, "RestrictPublicBuckets", block.RestrictPublicBuckets)
			details["PublicAccessBlockConfiguration"] = switches
		}
	}
	r := object{"Type": "AwsS3Bucket", "Id": *b.Arn, "Partition": *f.Partition, "Region": *f.Region, "Details": object{"AwsS3Bucket": details}}
	if tags := keyValueObject(b.Tags); len(tags) > 0 {
		r["Tags"] = tags
	}
	return r
}

func objectResource(f *macie2.Finding) object {
	o := f.ResourcesAffected.S3Object
	details := object{}
	if o.LastModified != nil {
		details["LastModified"] = o.LastModified.String()
	}
	put(details, "ETag", o.ETag)
	put(details, "VersionId", o.VersionId)
	if e := o.ServerSideEncryption; e != nil {
		if e.EncryptionType != "" {
			details["ServerSideEncryption"] = string(e.EncryptionType)
		}
		put(details, "SSEKMSKeyId", e.KmsMasterKeyId)
	}
	r := object{"Type": "AwsS3Object", "Id": *o.BucketArn + "/" + *o.Key, "Partition": *f.Partition, "Region": *f.Region, "Details": object{"AwsS3Object": details}}
	if tags := keyValueObject(o.Tags); len(tags) > 0 {
		r["Tags"] = tags
	}
	if c := f.ClassificationDetails; c != nil && c.Result != nil {
		r["DataClassification"] = dataClassification(c)
	}
	return r
}

func dataClassification(c *macie2.ClassificationDetails) object {
	result := object{}
	put(result, "MimeType", c.Result.MimeType)
	put(result, "SizeClassified", c.Result.SizeClassified)
	put(result, "AdditionalOccurrences", c.Result.AdditionalOccurrences)
	if c.Result.Status != nil {
		status := object{}
		put(status, "Code", c.Result.Status.Code)
		put(status, "Reason", c.Result.Status.Reason)
		result["Status"] = status
	}
	// The rest is a copy whose members begin with capital letters.
	var copied struct {
		SensitiveData         any `json:"sensitiveData"`
		CustomDataIdentifiers any `json:"customDataIdentifiers"`
	}
	if err := json.Unmarshal(wire.Marshal(c.Result), &copied); err == nil {
		if copied.SensitiveData != nil {
			result["SensitiveData"] = capitalized(copied.SensitiveData)
		}
		if copied.CustomDataIdentifiers != nil {
			result["CustomDataIdentifiers"] = capitalized(copied.CustomDataIdentifiers)
		}
	}
	o := object{"Result": result}
	put(o, "DetailedResultsLocation", c.DetailedResultsLocation)
	return o
}

// capitalized copies a JSON value with the names of its members in PascalCase.
func capitalized(v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = capitalized(v[i])
		}
		return out
	case object:
		out := object{}
		for name, value := range v {
			out[string(name[0]-'a'+'A')+name[1:]] = capitalized(value)
		}
		return out
	}
	return v
}

func keyValueObject(pairs []macie2.KeyValuePair) object {
	o := object{}
	for _, p := range pairs {
		o[wire.Value(p.Key)] = wire.Value(p.Value)
	}
	return o
}
