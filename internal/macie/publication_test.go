package macie

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/publish"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// A told is a sink that keeps what it gets.
type told struct{ events []json.RawMessage }

func (*told) Most() int { return 100 }

func (s *told) Send(_ context.Context, events []json.RawMessage) []error {
	for _, e := range events {
		s.events = append(s.events, slices.Clone(e))
	}
	return nil
}

// publishAll takes what is due to the sinks and returns what they got.
func (w *world) publishAll() (bus, hub []json.RawMessage) {
	w.Helper()
	var b, h told
	p, err := publish.New(publish.Config{DB: w.db, Targets: []publish.Target{{Name: "bus", Sink: &b}, {Name: "hub", Sink: &h}}, Now: w.clock.Now})
	must(w, err)
	must(w, p.Deliver(w.Context()))
	return b.events, h.events
}

// at returns a member of a JSON document by its dotted path, as JSON.
func at(t testing.TB, doc json.RawMessage, path string) string {
	t.Helper()
	var v any
	must(t, json.Unmarshal(doc, &v))
	for name := range strings.SplitSeq(path, ".") {
		switch node := v.(type) {
		case map[string]any:
			member, ok := node[name]
			if !ok {
				return "absent"
			}
			v = member
		case []any:
			var i int
			fmt.Sscan(name, &i)
			v = node[i]
		default:
			return "absent"
		}
	}
	text, err := json.Marshal(v)
	must(t, err)
	return string(text)
}

// TestPublication runs a job and looks at its events (macie.md 9.1, 9.2).
func TestPublication(t *testing.T) {
	onBothEngines(t, func(t *testing.T, url string) {
		w := newWorldOn(t, url)
		w.start()
		publication := func() string {
			out, err := w.service.GetFindingsPublicationConfiguration(w.ctx, &macie2.GetFindingsPublicationConfigurationInput{})
			must(t, err)
			return string(wire.Marshal(out))
		}
		equal(t, "by default", publication(), `{"securityHubConfiguration":{"publishClassificationFindings":false,"publishPolicyFindings":true}}`)
		w.put("bucket", map[string]string{"people.csv": people(1), "plain.txt": "nothing"})
		id := w.run("bucket")
		bus, hub := w.publishAll()
		equal(t, "events", len(bus), 1)
		equal(t, "findings for the hub", len(hub), 0)
		f := w.findings(home, nil)[0]
		for path, want := range map[string]string{
			"source": `"aws.macie"`, "detail-type": `"Macie Finding"`, "account": `"123456789012"`, "region": `"eu-west-1"`, "resources": "[]",
			"detail.id": fmt.Sprintf("%q", *f.Id), "detail.policyDetails": "null", "detail.archived": "false", "detail.sample": "false",
			"detail.resourcesAffected.s3Object.key": `"people.csv"`, "detail.resourcesAffected.s3Object.eTag": "absent",
			"detail.resourcesAffected.s3Object.etag": fmt.Sprintf("%q", *f.ResourcesAffected.S3Object.ETag),
			"detail.classificationDetails.jobId":     fmt.Sprintf("%q", id),
		} {
			equal(t, path, at(t, bus[0], path), want)
		}
		if bus, _ = w.publishAll(); len(bus) != 0 {
			t.Errorf("%d events again", len(bus))
		}

		_, err := w.service.PutFindingsPublicationConfiguration(w.ctx, &macie2.PutFindingsPublicationConfigurationInput{SecurityHubConfiguration: &macie2.SecurityHubConfiguration{
			PublishClassificationFindings: wire.Ptr(true), PublishPolicyFindings: wire.Ptr(false)}})
		must(t, err)
		equal(t, "as set", publication(), `{"securityHubConfiguration":{"publishClassificationFindings":true,"publishPolicyFindings":false}}`)
		w.filter(filterInput("credentials", macie2.FindingsFilterActionArchive, map[string]macie2.CriterionAdditionalProperties{
			"resourcesAffected.s3Object.key": {Eq: []string{"quiet.csv"}}}))
		w.put("bucket", map[string]string{"quiet.csv": people(1), "people.csv": people(1)})
		w.run("bucket")
		bus, hub = w.publishAll()
		equal(t, "events of a suppressed finding and another", len(bus), 1)
		equal(t, "findings for the hub", len(hub), 1)
		for path, want := range map[string]string{
			"SchemaVersion": `"2018-10-08"`, "ProductArn": `"arn:aws:securityhub:eu-west-1::product/aws/macie"`, "GeneratorId": `"aws/macie"`,
			"AwsAccountId": `"123456789012"`, "Severity.Label": `"HIGH"`, "Severity.Normalized": "70", "RecordState": `"ACTIVE"`,
			"Types.0": `"Sensitive Data Identifications/PII/SensitiveData:S3Object-Personal"`, "ProductFields.S3Object.Path": "absent",
			"Resources.0.Type": `"AwsS3Bucket"`, "Resources.0.Id": `"arn:aws:s3:::bucket"`, "Resources.1.Type": `"AwsS3Object"`,
			"Resources.1.Id": `"arn:aws:s3:::bucket/people.csv"`,
			"Resources.1.DataClassification.Result.MimeType":                         `"text/csv"`,
			"Resources.1.DataClassification.Result.Status.Code":                      `"COMPLETE"`,
			"Resources.1.DataClassification.Result.SensitiveData.0.Category":         `"PERSONAL_INFORMATION"`,
			"Resources.1.DataClassification.Result.CustomDataIdentifiers.TotalCount": "0",
		} {
			equal(t, path, at(t, hub[0], path), want)
		}
		var fields struct{ ProductFields map[string]string }
		must(t, json.Unmarshal(hub[0], &fields))
		equal(t, "path", fields.ProductFields["S3Object.Path"], "bucket/people.csv")
	})
}

// TestPublicationOfUpdates tells of a policy finding at once, and of its further occurrences at the publishing frequency, the last one.
func TestPublicationOfUpdates(t *testing.T) {
	w := newWorld(t)
	occur := func() {
		_, err := w.service.CreateSampleFindings(w.ctx, &macie2.CreateSampleFindingsInput{FindingTypes: []macie2.FindingType{macie2.FindingTypePolicyIAMUserS3BucketPublic}})
		must(t, err)
	}
	counts := func() string {
		bus, hub := w.publishAll()
		equal(t, "the hub gets as many", len(hub), len(bus))
		var all []string
		for i, e := range bus {
			all = append(all, at(t, e, "detail.count"))
			equal(t, "no object", at(t, e, "detail.resourcesAffected.s3Object"), "null")
			equal(t, "no classification", at(t, e, "detail.classificationDetails"), "null")
			equal(t, "type", at(t, hub[i], "Types.0"), `"Effects/Data Exposure/Policy:IAMUser-S3BucketPublic"`)
		}
		return strings.Join(all, " ")
	}
	occur()
	equal(t, "at once", counts(), "1")
	occur()
	occur()
	equal(t, "too soon", counts(), "")
	w.clock.Advance(15 * time.Minute)
	equal(t, "a quarter of an hour later", counts(), "3")
	_, err := w.service.UpdateMacieSession(w.ctx, &macie2.UpdateMacieSessionInput{FindingPublishingFrequency: macie2.FindingPublishingFrequencySixHours})
	must(t, err)
	occur()
	w.clock.Advance(time.Hour)
	equal(t, "too soon", counts(), "")
	w.clock.Advance(5 * time.Hour)
	equal(t, "six hours later", counts(), "4")
}

func TestSecurityTypes(t *testing.T) {
	for kind, want := range map[macie2.FindingType]string{
		macie2.FindingTypeSensitiveDataS3ObjectCredentials:          "Sensitive Data Identifications/Passwords/SensitiveData:S3Object-Credentials",
		macie2.FindingTypePolicyIAMUserS3BucketPublic:               "Effects/Data Exposure/Policy:IAMUser-S3BucketPublic",
		macie2.FindingTypePolicyIAMUserS3BlockPublicAccessDisabled:  "Software and Configuration Checks/AWS Security Best Practices/Policy:IAMUser-S3BlockPublicAccessDisabled",
		macie2.FindingTypePolicyIAMUserS3BucketSharedWithCloudFront: "Software and Configuration Checks/AWS Security Best Practices/Policy:IAMUser-S3BucketSharedWithCloudFront",
	} {
		equal(t, string(kind), securityType(kind), want)
	}
}
