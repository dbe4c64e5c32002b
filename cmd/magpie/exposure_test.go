package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/macie2"
	"github.com/aws/aws-sdk-go-v2/service/macie2/types"

	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/s3/s3test"
)

// openBucket is a template with a bucket that everyone reads, or nobody.
func openBucket(isOpen bool) string {
	const bucket = "Resources:\n  B: {Type: \"AWS::S3::Bucket\", Properties: {BucketName: people, PublicAccessBlockConfiguration: {BlockPublicAcls: false}}}\n"
	if !isOpen {
		return bucket
	}
	return bucket + "  P:\n    Type: AWS::S3::BucketPolicy\n    Properties:\n      Bucket: people\n      PolicyDocument:\n" +
		"        Statement: [{Effect: Allow, Principal: \"*\", Action: \"s3:GetObject\", Resource: \"arn:aws:s3:::people/*\"}]\n"
}

// exposures runs magpie exposure for JSON.
func exposures(t *testing.T, args ...string) (code int, list []exposureDocument) {
	t.Helper()
	code, out, errs := magpie(t, append([]string{"exposure", "--format", "json"}, args...)...)
	var doc struct {
		Exposures []exposureDocument `json:"exposures"`
	}
	if err := json.Unmarshal([]byte(out), &doc); err != nil {
		t.Fatalf("exit code %d: %v\n%s%s", code, err, out, errs)
	}
	return code, doc.Exposures
}

// TestExposureBesideAServer asks what stands open while a server works on the database, before and after the bucket is closed, and reveals what
// was found, through the clients' own waiter.
func TestExposureBesideAServer(t *testing.T) {
	onBoth(t, func(t *testing.T, args []string) {
		dir := t.TempDir()
		estate, data := filepath.Join(dir, "estate"), filepath.Join(dir, "data")
		writeTree(t, estate, map[string]string{"template.yaml": openBucket(true), "people/a.csv": "name,ssn\nAnn,536-90-4399\nBob,536-90-4398\n", "people/b.txt": "nothing\n"})
		from := []string{"--data", data}
		if args != nil {
			from = args
		}
		s := serve(t, data, append(args, "--source", estate, "--refresh", "1s")...)
		if code, list := exposures(t, from...); code != exitIncomplete || len(list) != 0 {
			t.Errorf("before Macie is enabled: exit code %d, %+v", code, list)
		}
		c := s.client()
		enable(t, c)
		id := createJob(t, c, "people")
		awaitStatus(t, c, id, types.JobStatusComplete)
		until(t, "the bucket is known", func() bool { _, list := exposures(t, from...); return len(list) == 1 })
		code, list := exposures(t, append(from, "--fail-on", "public")...)
		got := list[0]
		if code != exitFailOn || got.Exposure != "PUBLIC" || got.Objects != 1 || len(got.Data) != 1 || got.Data[0].Occurrences != 2 || !got.Analyzed {
			t.Errorf("exit code %d, %+v", code, got)
		}
		if code, list := exposures(t, append(from, "--account", "999988887777")...); code != exitIncomplete || len(list) != 0 {
			t.Errorf("of another account: exit code %d, %+v", code, list)
		}
		revealOf(t, c, findingIDs(t, c)[0])

		writeTree(t, estate, map[string]string{"template.yaml": openBucket(false)})
		until(t, "the bucket is closed", func() bool { _, list := exposures(t, from...); return len(list) == 0 })
		if code, _ := exposures(t, append(from, "--fail-on", "external")...); code != exitComplete {
			t.Errorf("exit code %d after the bucket was closed", code)
		}
		s.stop()
		if code, _ := exposures(t, append(from, "--fail-on", "external")...); code != exitComplete {
			t.Errorf("exit code %d without a server", code)
		}
		for _, file := range []string{filepath.Join(data, "audit.jsonl")} {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(text), "GetSensitiveDataOccurrences") || strings.Contains(string(text), "536-90-43") {
				t.Errorf("%s does not say who revealed, or says what", file)
			}
		}
		if strings.Contains(s.log(), "536-90-43") {
			t.Error("the log has what was revealed")
		}
	})
}

// revealOf enables samples and waits for those of a finding as programs do.
func revealOf(t *testing.T, c *macie2.Client, id string) {
	t.Helper()
	in := &macie2.GetSensitiveDataOccurrencesInput{FindingId: &id}
	var denied *types.AccessDeniedException
	if _, err := c.GetSensitiveDataOccurrences(t.Context(), in); !errors.As(err, &denied) {
		t.Errorf("while samples are disabled: %v", err)
	}
	if _, err := c.UpdateRevealConfiguration(t.Context(), &macie2.UpdateRevealConfigurationInput{Configuration: &types.RevealConfiguration{
		Status: types.RevealStatusEnabled, KmsKeyId: aws.String("alias/samples")}}); err != nil {
		t.Fatal(err)
	}
	waiter := macie2.NewFindingRevealedWaiter(c, func(o *macie2.FindingRevealedWaiterOptions) {
		o.MinDelay, o.MaxDelay = 10*time.Millisecond, 20*time.Millisecond
	})
	out, err := waiter.WaitForOutput(t.Context(), in, patience)
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	for _, d := range out.SensitiveDataOccurrences["USA_SOCIAL_SECURITY_NUMBER"] {
		values = append(values, *d.Value)
	}
	if out.Status != types.RevealRequestStatusSuccess || fmt.Sprint(values) != "[536-90-4399 536-90-4398]" {
		t.Errorf("%s: %v", out.Status, values)
	}
	if _, err := c.CreateSampleFindings(t.Context(), &macie2.CreateSampleFindingsInput{FindingTypes: []types.FindingType{types.FindingTypePolicyIAMUserS3BucketPublic}}); err != nil {
		t.Fatal(err)
	}
	list, err := c.ListFindings(t.Context(), &macie2.ListFindingsInput{FindingCriteria: &types.FindingCriteria{Criterion: map[string]types.CriterionAdditionalProperties{
		"sample": {Eq: []string{"true"}}}}})
	if err != nil || len(list.FindingIds) != 1 {
		t.Fatalf("%v, %v", list, err)
	}
	var unprocessable *types.UnprocessableEntityException
	_, err = c.GetSensitiveDataOccurrences(t.Context(), &macie2.GetSensitiveDataOccurrencesInput{FindingId: &list.FindingIds[0]})
	if !errors.As(err, &unprocessable) || unprocessable.ErrorMessage() != "UNSUPPORTED_FINDING_TYPE" {
		t.Errorf("of a policy finding: %v", err)
	}
}

// TestExposureOfAStore scans the open buckets of a store, of which one cannot be listed and one not be asked.
func TestExposureOfAStore(t *testing.T) {
	b := s3test.Start(t)
	setStoreKeys(t)
	for _, name := range []string{"closed", "open", "sealed", "unlisted"} {
		b.CreateBucket(t, name)
		b.Put(t, name, "a.csv", "name,ssn\nAnn,536-90-4399\n")
	}
	for _, name := range []string{"open", "unlisted"} {
		b.Configure(name, source.Configuration{Policy: source.Known(
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::` + name + `/*"}]}`)})
	}
	b.On(s3test.Rule{Op: "GetBucketPolicy", Bucket: "sealed", Do: s3test.AccessDenied})
	b.On(s3test.Rule{Op: "ListObjectsV2", Bucket: "unlisted", Do: s3test.AccessDenied})
	code, list := exposures(t, "s3+"+b.URL)
	var got []string
	for _, e := range list {
		got = append(got, fmt.Sprint(e.Bucket, " ", e.Exposure, " ", e.Objects, " ", len(e.Undecided)))
	}
	if want := "[open PUBLIC 1 0 sealed UNKNOWN 1 2 unlisted PUBLIC 0 0]"; code != exitIncomplete || fmt.Sprint(got) != want {
		t.Errorf("exit code %d, %v, want %s", code, got, want)
	}
}

// TestExposureAsSARIF reports a bucket of each kind at the place in the template that describes it.
func TestExposureAsSARIF(t *testing.T) {
	dir := t.TempDir()
	bucket := func(name, principal string) string {
		return "  " + name + ": {Type: \"AWS::S3::Bucket\", Properties: {BucketName: " + name + ", PublicAccessBlockConfiguration: {BlockPublicAcls: false}}}\n" +
			"  P" + name + ": {Type: AWS::S3::BucketPolicy, Properties: {Bucket: " + name + ", PolicyDocument: {Statement: [" +
			"{Effect: Allow, Principal: " + principal + ", Action: \"s3:GetObject\", Resource: \"arn:aws:s3:::" + name + "/*\"}]}}}\n"
	}
	const people = "name,ssn\nAnn,536-90-4399\n"
	writeTree(t, dir, map[string]string{
		"template.yaml": "Parameters: {Who: {Type: String}}\nResources:\n" + bucket("aopen", `"*"`) + bucket("bshared", `{AWS: "arn:aws:iam::444455556666:root"}`) +
			bucket("cdoubt", `{AWS: {Ref: Who}}`) + bucket("dempty", `"*"`) + "  eclosed: {Type: \"AWS::S3::Bucket\", Properties: {BucketName: eclosed}}\n",
		"aopen/a.csv": people, "bshared/a.csv": people, "cdoubt/a.csv": people, "dempty/a.csv": "name,city\n", "eclosed/a.csv": people,
	})
	code, out, errs := magpie(t, "exposure", "--format", "sarif", dir)
	var doc struct {
		Runs []struct {
			Tool    struct{ Driver struct{ Rules []policyRule } }
			Results []policyResult
		}
	}
	if err := json.Unmarshal([]byte(out), &doc); err != nil || code != exitIncomplete || len(doc.Runs) != 1 {
		t.Fatalf("exit code %d: %v\n%s%s", code, err, out, errs)
	}
	var got []string
	for _, r := range doc.Runs[0].Results {
		at := r.Locations[0].Physical
		got = append(got, fmt.Sprint(r.RuleID, " ", r.Level, " ", r.Locations[0].Logical[0].Name, " ", filepath.Base(at.Artifact.URI), ":", at.Region.StartLine))
		if strings.Contains(out, "536-90-4399") {
			t.Error("a value that was found is in the report")
		}
	}
	want := []string{
		ruleExposedPublic + " error arn:aws:s3:::aopen template.yaml:3",
		ruleExposedExternal + " warning arn:aws:s3:::bshared template.yaml:5",
		ruleExposureUnknown + " warning arn:aws:s3:::cdoubt template.yaml:7",
		ruleOpenWithoutFound + " note arn:aws:s3:::dempty template.yaml:9",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if rules := doc.Runs[0].Tool.Driver.Rules; len(rules) != len(exposureRules) {
		t.Errorf("%d rules are explained, want %d", len(rules), len(exposureRules))
	}
}
