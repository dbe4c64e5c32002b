package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/macie2"
	"github.com/aws/aws-sdk-go-v2/service/macie2/types"

	"github.com/magpie-sec/magpie/internal/config"
	"github.com/magpie-sec/magpie/internal/source/s3"
	"github.com/magpie-sec/magpie/internal/source/s3/s3test"
)

// storeKeys is the environment of somebody who may read the bench's store, and nothing of this machine's.
func storeKeys() []string {
	return []string{
		"AWS_ACCESS_KEY_ID=" + s3test.AccessKey, "AWS_SECRET_ACCESS_KEY=" + s3test.SecretKey, "AWS_SESSION_TOKEN=", "AWS_PROFILE=",
		"AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_EC2_METADATA_DISABLED=true", "AWS_REGION=us-east-1",
	}
}

func setStoreKeys(t *testing.T) {
	for _, v := range storeKeys() {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
}

// upload puts the files of an estate folder into a store.
func upload(t testing.TB, b *s3test.Bench, estate string) {
	t.Helper()
	buckets, err := os.ReadDir(estate)
	if err != nil {
		t.Fatal(err)
	}
	for _, bucket := range buckets {
		b.CreateBucket(t, bucket.Name())
		folders, err := os.ReadDir(filepath.Join(estate, bucket.Name()))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range folders {
			files, err := os.ReadDir(filepath.Join(estate, bucket.Name(), f.Name()))
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range files {
				body, err := os.ReadFile(filepath.Join(estate, bucket.Name(), f.Name(), file.Name()))
				if err != nil {
					t.Fatal(err)
				}
				b.Put(t, bucket.Name(), f.Name()+"/"+file.Name(), string(body))
			}
		}
	}
}

func scanStore(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), append([]string{"scan"}, args...), stdio{strings.NewReader(""), &out, &errs})
	for _, text := range []string{out.String(), errs.String()} {
		if strings.Contains(text, s3test.SecretKey) {
			t.Error("the secret is printed")
		}
	}
	return code, out.String(), errs.String()
}

func TestScanOfAStore(t *testing.T) {
	b := s3test.Start(t)
	setStoreKeys(t)
	store := "s3+" + b.URL
	b.CreateBucket(t, "customers")
	b.CreateBucket(t, "logs")
	b.CreateBucket(t, "sealed")
	b.Put(t, "customers", "2026/cards.csv", "name,card number\nAnn,4539578763621486\n")
	b.Put(t, "customers", "2025/none.txt", "nothing here\n")
	b.Put(t, "logs", "app.log", "card number 4539578763621486 charged\n")
	b.Put(t, "logs", "closed.log", "card number 4539578763621486 charged\n")
	b.On(s3test.Rule{Op: "ListObjectsV2", Bucket: "sealed", Do: s3test.AccessDenied})
	b.On(s3test.Rule{Op: "GetObject", Bucket: "logs", Key: "closed.log", Do: s3test.AccessDenied})

	code, out, errs := scanStore(t, "--format", "jsonl", store)
	var records []string
	for line := range strings.Lines(out) {
		var record struct {
			ClassificationDetails struct {
				Result struct{ Status struct{ Code, Reason string } }
			}
			ResourcesAffected struct {
				S3Bucket struct{ Name string }
				S3Object struct{ Key, BucketArn string }
			}
		}
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatal(err)
		}
		r, status := record.ResourcesAffected, record.ClassificationDetails.Result.Status
		records = append(records, fmt.Sprintf("%s %s %s %s%s", r.S3Bucket.Name, r.S3Object.Key, r.S3Object.BucketArn, status.Code, status.Reason))
	}
	want := []string{
		"customers 2025/none.txt arn:aws:s3:::customers COMPLETE", "customers 2026/cards.csv arn:aws:s3:::customers COMPLETE",
		"logs app.log arn:aws:s3:::logs COMPLETE", "logs closed.log arn:aws:s3:::logs SKIPPEDPERMISSION_DENIED",
	}
	if code != exitIncomplete || !slices.Equal(records, want) {
		t.Errorf("exit code %d, want %d; records\n%s\nwant\n%s\n%s", code, exitIncomplete, strings.Join(records, "\n"), strings.Join(want, "\n"), errs)
	}
	for _, text := range []string{"4 objects", "2 with sensitive data", `list bucket "sealed": access denied`, "PERMISSION_DENIED: 1\n    logs/closed.log\n"} {
		if !strings.Contains(errs, text) {
			t.Errorf("the summary lacks %q:\n%s", text, errs)
		}
	}

	code, out, errs = scanStore(t, "--format", "csv", "--fail-on", "high", store+"/customers/2026/")
	if code != exitFailOn || !strings.Contains(out, "customers/2026/cards.csv,") || strings.Contains(errs, "sealed") {
		t.Errorf("one bucket: exit code %d\n%s%s", code, out, errs)
	}
	if code, out, errs = scanStore(t, "--dry-run", store); code != exitIncomplete || !strings.Contains(out, "customers: 2 objects") || !strings.Contains(errs, `"sealed"`) {
		t.Errorf("forecast: exit code %d\n%s%s", code, out, errs)
	}
	for _, src := range []string{store + "/no-such-bucket", store + "/sealed"} {
		if code, out, errs = scanStore(t, src); code != exitError || out != "" || !strings.Contains(errs, "list bucket") {
			t.Errorf("%s: exit code %d\n%s%s", src, code, out, errs)
		}
	}
	t.Setenv("AWS_SECRET_ACCESS_KEY", "wrong")
	if code, _, errs = scanStore(t, store); code != exitError || !strings.Contains(errs, "access denied: SignatureDoesNotMatch") {
		t.Errorf("wrong secret: exit code %d, %s", code, errs)
	}
}

func TestServeAStore(t *testing.T) {
	b := s3test.Start(t)
	dir := t.TempDir()
	plants := plantEstate(t, filepath.Join(dir, "estate"), 60)
	upload(t, b, filepath.Join(dir, "estate"))
	b.CreateBucket(t, "sealed")
	b.On(s3test.Rule{Op: "ListObjectsV2", Bucket: "sealed", Do: s3test.AccessDenied})

	s := serveWith(t, storeKeys(), filepath.Join(dir, "data"), "--source", "s3+"+b.URL)
	c := s.client()
	enable(t, c)
	out, err := c.DescribeBuckets(t.Context(), &macie2.DescribeBucketsInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, bucket := range out.Buckets {
		name := aws.ToString(bucket.BucketName)
		if sealed := name == "sealed"; sealed != (bucket.ErrorCode == types.BucketMetadataErrorCodeAccessDenied) || !sealed && *bucket.ObjectCount != 20 {
			t.Errorf("bucket %s: %d objects, error %q", name, aws.ToInt64(bucket.ObjectCount), bucket.ErrorCode)
		}
	}
	id := createJob(t, c, "archive", "customers", "logs")
	awaitStatus(t, c, id, types.JobStatusComplete)
	checkPlanted(t, c, plants)
	s.stop()
	if strings.Contains(s.said(), s3test.SecretKey) {
		t.Error("the log holds the secret")
	}
}

// TestServeConfiguredStores takes the keys from where the configuration says.
func TestServeConfiguredStores(t *testing.T) {
	b := s3test.Start(t)
	b.CreateBucket(t, "kept")
	b.CreateBucket(t, "other")
	b.Put(t, "kept", "in/a.txt", "card number 4539578763621486")
	b.Put(t, "kept", "out/a.txt", "card number 4539578763621486")
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("secret", s3test.SecretKey+"\n")
	write("magpie.yaml", `version: 1
accounts:
  - {id: 111122223333, regions: [us-east-1]}
sources:
  - account: 111122223333
    region: us-east-1
    kind: s3
    endpoint: `+b.URL+`
    credentials: {access_key: {env: STORE_KEY}, secret: {file: secret}}
    buckets: [kept]
    prefix: in/
    profile: {lacks: [public_access_block]}
`)
	env := []string{"STORE_KEY=" + s3test.AccessKey, "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_EC2_METADATA_DISABLED=true"}
	s := serveWith(t, env, filepath.Join(dir, "data"), "--config", filepath.Join(dir, "magpie.yaml"))
	c := s.client()
	enable(t, c)
	out, err := c.DescribeBuckets(t.Context(), &macie2.DescribeBucketsInput{})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Buckets) != 1 || *out.Buckets[0].BucketName != "kept" || *out.Buckets[0].ObjectCount != 1 {
		t.Errorf("buckets %+v, want kept with one object", out.Buckets)
	}
	if b.Count("ListBuckets", "") != 0 || b.Count("GetPublicAccessBlock", "") != 0 {
		t.Error("the store was asked what the configuration answers")
	}
	s.stop()
	if code := start(t, command(dir, env[1:], append([]string{"serve", "--data", "data", "--config", "magpie.yaml"}, anyPort...)...)).wait(); code != exitError {
		t.Errorf("without the key the server ends with %d", code)
	}
}

func TestSettingsAreTheSources(t *testing.T) {
	var settings []string
	for _, s := range s3.Settings {
		settings = append(settings, string(s))
	}
	if !slices.Equal(settings, config.StoreSettings) {
		t.Errorf("config knows the settings %v, the source %v", config.StoreSettings, settings)
	}
}
