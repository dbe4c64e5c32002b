package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/macie2"
	"github.com/aws/aws-sdk-go-v2/service/macie2/types"

	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/s3"
	"github.com/magpie-sec/magpie/internal/source/s3/s3test"
)

// TestServeReadsReports counts a bucket by its inventory report because the configuration says so, says that it does, and analyses what there is.
func TestServeReadsReports(t *testing.T) {
	b := s3test.Start(t)
	for _, bucket := range []string{"kept", "reports"} {
		b.CreateBucket(t, bucket)
	}
	b.Put(t, "kept", "a.txt", "card number 4539578763621486")
	b.Put(t, "kept", "b.txt", "nothing")
	begun := time.Now().Add(-time.Hour).UTC().Truncate(time.Minute)
	var objects []source.Object
	for i := range 28_000 {
		sum := sha256.Sum256(fmt.Append(nil, i))
		objects = append(objects, source.Object{Key: fmt.Sprintf("%05d.csv", i), Size: 1000, ETag: hex.EncodeToString(sum[:16]), LastModified: begun.Add(-48 * time.Hour),
			StorageClass: "STANDARD", Encryption: source.Encryption{Type: "aws:kms"}})
	}
	report := &s3test.InventoryReport{Bucket: "kept", Destination: "reports", Prefix: "all", ID: "daily", Begun: begun,
		Files: [][]s3test.InventoryRow{s3test.Rows(objects[14_000:]...), s3test.Rows(objects[:14_000]...)}}
	b.Deliver(t, report)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "magpie.yaml"), []byte(`version: 1
accounts:
  - {id: 111122223333, regions: [us-east-1]}
sources:
  - account: 111122223333
    region: us-east-1
    kind: s3
    endpoint: `+b.URL+`
    buckets: [kept]
    inventory_reports: {max_age: 24h}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serveWith(t, storeKeys(), filepath.Join(dir, "data"), "--config", filepath.Join(dir, "magpie.yaml"))
	c := s.client()
	enable(t, c)
	out, err := c.DescribeBuckets(t.Context(), &macie2.DescribeBucketsInput{})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Buckets) != 1 || *out.Buckets[0].ObjectCount != 28_000 || *out.Buckets[0].ObjectCountByEncryptionType.KmsManaged != 28_000 {
		t.Errorf("buckets %+v, want the report's 28,000 objects", out.Buckets)
	}
	id := createJob(t, c, "kept")
	awaitStatus(t, c, id, types.JobStatusComplete)
	findings, err := c.ListFindings(t.Context(), &macie2.ListFindingsInput{})
	if err != nil || len(findings.FindingIds) != 1 {
		t.Errorf("%d findings, %v, want that of the object that is there", len(findings.FindingIds), err)
	}
	s.stop()
	if want := "s3://reports/" + report.Folder() + "manifest.json"; !strings.Contains(s.said(), want) {
		t.Errorf("the log does not say that %s is read:\n%s", want, s.said())
	}
	if s3.MaxReportAge != 336*time.Hour {
		t.Error("the configuration allows reports of 336 hours, the source others")
	}
}
