package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/macie2"
	"github.com/aws/aws-sdk-go-v2/service/macie2/types"

	"github.com/magpie-sec/magpie/internal/config"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/s3/s3test"
)

const hookToken = "invented-token-of-the-store"

// tell posts a message to where stores tell, and returns the status and the text of the answer.
func tell(t *testing.T, address, token, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// audited is an entry of MinIO's audit log (minio/pkg, logger/message/audit).
func audited(id, api, bucket, user string) string {
	return fmt.Sprintf(`{"version":"1","time":%q,"trigger":"incoming","api":{"name":%q,"bucket":%q,"status":"No Content","statusCode":204},"remotehost":"192.0.2.44","requestID":%q,"userAgent":"MinIO","accessKey":%q}`,
		time.Now().UTC().Format(time.RFC3339Nano), api, bucket, id, user)
}

func policyFindings(t *testing.T, c *macie2.Client) []types.Finding {
	t.Helper()
	list, err := c.ListFindings(t.Context(), &macie2.ListFindingsInput{FindingCriteria: &types.FindingCriteria{Criterion: map[string]types.CriterionAdditionalProperties{"category": {Eq: []string{"POLICY"}}}}})
	if err != nil {
		t.Fatal(err)
	}
	if len(list.FindingIds) == 0 {
		return nil
	}
	got, err := c.GetFindings(t.Context(), &macie2.GetFindingsInput{FindingIds: list.FindingIds})
	if err != nil {
		t.Fatal(err)
	}
	return got.Findings
}

// TestStoresTell lets a store, the real server behind the bench, tell a server of changes, and kills the server between a message and its
// effect: the message was acknowledged, so that it has its effect, and has it once.
func TestStoresTell(t *testing.T) {
	b := s3test.Start(t)
	b.ConfigureAccount(source.Absent[source.PublicAccessBlock](""))
	for i := range 30 {
		name := fmt.Sprintf("bucket-%02d", i)
		b.CreateBucket(t, name)
		b.Configure(name, source.Configuration{PublicAccessBlock: source.Absent[source.PublicAccessBlock](""), Ownership: source.Known("BucketOwnerEnforced")})
	}
	b.Put(t, "bucket-07", "a.csv", "x")
	dir := t.TempDir()
	configuration := `version: 1
accounts:
  - {id: 111122223333, regions: [us-east-1]}
sources:
  - {account: 111122223333, region: us-east-1, kind: s3, endpoint: ` + b.URL + `}
watch: {refresh: 0, poll: 1h}
notifications:
  listen: 127.0.0.1:0
  senders:
    - {name: store, token: {env: HOOK_TOKEN}, account: 111122223333}
`
	if err := os.WriteFile(filepath.Join(dir, "magpie.yaml"), []byte(configuration), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func() (*serving, string) {
		t.Helper()
		p := start(t, command(dir, append(storeKeys(), "HOOK_TOKEN="+hookToken), append([]string{"serve", "--data", "data", "--config", "magpie.yaml"}, anyPort...)...))
		s := awaitServing(p, filepath.Join(dir, "data"))
		return s, p.awaitLog("serving")["notifications"].(string)
	}
	s, hook := run()
	c := s.client()
	enable(t, c)
	out, err := c.DescribeBuckets(t.Context(), &macie2.DescribeBucketsInput{})
	if err != nil || len(out.Buckets) != 30 {
		t.Fatalf("%v, %d buckets", err, len(out.Buckets))
	}

	// One is opened, and the store tells who has.
	asked := len(b.Requests())
	open := func(bucket string) {
		b.PutBucketPolicy(t, bucket, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::`+bucket+`/*"}]}`)
	}
	open("bucket-07")
	if status, text := tell(t, hook, "a-token-that-nobody-has", audited("r1", "PutBucketPolicy", "bucket-07", "mallory")); status != http.StatusUnauthorized {
		t.Errorf("without the token: status %d: %s", status, text)
	}
	if status, text := tell(t, hook, hookToken, audited("r1", "PutBucketPolicy", "bucket-07", "ann")); status != http.StatusOK {
		t.Fatalf("status %d: %s", status, text)
	}
	s.awaitLog("notifications: a bucket was looked at")
	of := map[string]int{}
	for _, r := range b.Requests()[asked:] {
		if r.Bucket != "" && r.Bucket != "bucket-07" {
			t.Errorf("the store was asked for %s of %s", r.Op, r.Bucket)
		}
		of[r.Op]++
	}
	if of["ListBuckets"] != 1 || of["GetBucketPolicy"] != 1 || of["ListObjectsV2"] != 0 {
		t.Errorf("the store was asked for %v", of)
	}
	check := func(bucket, user string) {
		t.Helper()
		for _, f := range policyFindings(t, c) {
			if *f.ResourcesAffected.S3Bucket.Name != bucket {
				continue
			}
			identity := f.PolicyDetails.Actor.UserIdentity
			if *f.Count != 1 || identity.Type != types.UserIdentityTypeIAMUser || *identity.IamUser.UserName != user || aws.ToString(f.PolicyDetails.Actor.IpAddressDetails.IpAddressV4) != "192.0.2.44" {
				t.Errorf("%s: %d times, by %+v", bucket, *f.Count, identity)
			}
			return
		}
		t.Errorf("no finding of %s", bucket)
	}
	check("bucket-07", "ann")

	// Another one is opened; the server is killed while it looks.
	gate := s3test.NewGate()
	held := b.On(s3test.Rule{Op: "GetBucketPolicy", Bucket: "bucket-08", Do: gate.Hold})
	open("bucket-08")
	message := audited("r2", "PutBucketPolicy", "bucket-08", "bob")
	if status, text := tell(t, hook, hookToken, message); status != http.StatusOK {
		t.Fatalf("status %d: %s", status, text)
	}
	<-gate.Arrived
	s.kill()
	held.Remove()
	gate.Open()
	s, hook = run()
	c = s.client()
	s.awaitLog("notifications: a bucket was looked at")
	check("bucket-08", "bob")

	// The store tells it again, and of the one before, and of a third.
	for _, text := range []string{message, audited("r1", "PutBucketPolicy", "bucket-07", "ann")} {
		if status, text := tell(t, hook, hookToken, text); status != http.StatusOK {
			t.Fatalf("status %d: %s", status, text)
		}
	}
	s.stop()
	s, _ = run() // what was not looked at is now
	c = s.client()
	if n := len(policyFindings(t, c)); n != 2 {
		t.Errorf("%d findings", n)
	}
	check("bucket-07", "ann")
	check("bucket-08", "bob")
	s.stop()
	if strings.Contains(s.said(), hookToken) {
		t.Error("the log has the token")
	}
}

func TestNotificationFlags(t *testing.T) {
	dir := t.TempDir()
	fails := func(want string, env []string, args ...string) {
		t.Helper()
		if text := fails(t, command(dir, env, append([]string{"serve", "--data", "data"}, args...)...)); !strings.Contains(text, want) || strings.Contains(text, "hunter2") {
			t.Errorf("%v: %s, want %s", args, text, want)
		}
	}
	fails("who may tell is not said; set MAGPIE_NOTIFICATIONS_TOKEN", nil, append(anyPort, "--notifications", "127.0.0.1:0")...)
	fails("shorter than 16 characters", []string{"MAGPIE_NOTIFICATIONS_TOKEN=hunter2"}, append(anyPort, "--notifications", "127.0.0.1:0")...)
	s := serveWith(t, []string{"MAGPIE_NOTIFICATIONS_TOKEN=" + hookToken}, filepath.Join(dir, "data"), "--notifications", "127.0.0.1:0")
	if status, text := tell(t, s.awaitLog("serving")["notifications"].(string), hookToken, ""); status != http.StatusOK {
		t.Errorf("status %d: %s", status, text)
	}
}

// TestFlagsCountMore lays flags over a configuration.
func TestFlagsCountMore(t *testing.T) {
	if got, want := (watchFlags{}).over(config.Watch{}), (watching{refresh: 15 * time.Minute, recount: 24 * time.Hour, poll: 30 * time.Second,
		discoveryObjects: 10_000, discoveryBytes: 10 << 30}); got != want {
		t.Errorf("nothing is given: %+v, want %+v", got, want)
	}
	c := config.Watch{Refresh: new(time.Hour), Recount: new(2 * time.Hour), Poll: new(3 * time.Hour), ReportExisting: new(true), SkipShortMonths: new(true),
		DiscoveryObjects: new(int64(5)), DiscoveryBytes: new(int64(6))}
	if got, want := (watchFlags{}).over(c), (watching{refresh: time.Hour, recount: 2 * time.Hour, poll: 3 * time.Hour, reportExisting: true, skipShortMonths: true,
		discoveryObjects: 5, discoveryBytes: 6}); got != want {
		t.Errorf("the file: %+v, want %+v", got, want)
	}
	f := watchFlags{Refresh: new(time.Duration(0)), ReportExisting: new(false), DiscoveryBytes: new(int64(7))}
	if got := f.over(c); got.refresh != 0 || got.reportExisting || got.discoveryBytes != 7 || got.recount != 2*time.Hour {
		t.Errorf("flags and the file: %+v", got)
	}
}
