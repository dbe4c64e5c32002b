package macie

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/folder"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// estateTemplate describes three buckets of the estate, one of which has no folder, with a resource that cannot be evaluated.
const estateTemplate = `
Parameters:
  Stage: {Type: String, Default: prod}
Resources:
  Customers:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: !Sub customers-${Stage}
      VersioningConfiguration: {Status: Enabled}
      Tags: [{Key: team, Value: billing}]
      BucketEncryption:
        ServerSideEncryptionConfiguration:
          - ServerSideEncryptionByDefault: {SSEAlgorithm: aws:kms, KMSMasterKeyID: alias/customers}
      PublicAccessBlockConfiguration: {BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true}
  Website:
    Type: AWS::S3::Bucket
    Properties: {BucketName: website}
  WebsitePolicy:
    Type: AWS::S3::BucketPolicy
    Properties:
      Bucket: !Ref Website
      PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: "*", Action: s3:GetObject, Resource: !Sub "arn:aws:s3:::${Website}/*"}]}
  Planned:
    Type: AWS::S3::Bucket
    Properties: {BucketName: planned}
`

// estateWorld has the estate of the template as the source of home.
func estateWorld(t *testing.T) *world {
	root := t.TempDir()
	for path, body := range map[string]string{
		"template.yaml":                estateTemplate,
		"customers-prod/2026/a.csv":    people(3),
		"customers-prod/2026/b.csv.gz": "not really",
		"customers-prod/photo.png":     "x",
		"website/index.html":           "<p>Hello</p>",
		"scratch/.keep":                "",
	} {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(root, path)), 0o755))
		must(t, os.WriteFile(filepath.Join(root, path), []byte(body), 0o644))
	}
	must(t, os.Mkdir(filepath.Join(root, "empty"), 0o755))
	estate, err := folder.Estate(root)
	must(t, err)
	t.Cleanup(func() { must(t, estate.Close()) })
	w := newWorld(t)
	w.sources[home] = []source.Driver{estate}
	return w
}

func (w *world) buckets(in macie2.DescribeBucketsInput) []macie2.BucketMetadata {
	w.Helper()
	var all []macie2.BucketMetadata
	for {
		out, err := w.service.DescribeBuckets(w.ctx, &in)
		must(w, err)
		if in.MaxResults != nil && len(out.Buckets) > int(*in.MaxResults) {
			w.Errorf("a page of %d", len(out.Buckets))
		}
		all = append(all, out.Buckets...)
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return all
		}
	}
}

func bucketNames(buckets []macie2.BucketMetadata) string {
	var names []string
	for _, b := range buckets {
		names = append(names, *b.BucketName)
	}
	return strings.Join(names, " ")
}

func TestDescribeBuckets(t *testing.T) {
	w := estateWorld(t)
	w.start()
	id := w.run("customers-prod")
	all := w.buckets(macie2.DescribeBucketsInput{})
	equal(t, "buckets", bucketNames(all), "customers-prod empty planned scratch website")
	for _, i := range []int{0, 1, 2, 4} {
		doc := string(wire.Marshal(&all[i]))
		if run := all[i].JobDetails.LastJobRunTime; run != nil {
			equal(t, "last run", *run, wire.TimeOf(w.clock.Now()))
			equal(t, "last job", *all[i].JobDetails.LastJobId, id)
		}
		golden(t, "bucket-"+*all[i].BucketName+".json", []byte(doc))
	}
	equal(t, "buckets in pages", bucketNames(w.buckets(macie2.DescribeBucketsInput{MaxResults: wire.Ptr[int64](2)})), bucketNames(all))

	type criterion = macie2.BucketCriteriaAdditionalProperties
	for name, v := range map[string]struct {
		field string
		c     criterion
		want  string
	}{
		"name":             {"bucketName", criterion{Eq: []string{"website", "scratch"}}, "scratch website"},
		"not name":         {"bucketName", criterion{Neq: []string{"website", "scratch"}}, "customers-prod empty planned"},
		"prefix":           {"bucketName", criterion{Prefix: wire.Ptr("cust")}, "customers-prod"},
		"size":             {"sizeInBytes", criterion{Gt: wire.Ptr[int64](0), Lt: wire.Ptr[int64](20)}, "website"},
		"number as string": {"objectCount", criterion{Eq: []string{"3"}}, "customers-prod"},
		"empty ones":       {"sensitivityScore", criterion{Eq: []string{"1"}}, "empty"},
		"tag":              {"tags.value", criterion{Eq: []string{"billing"}}, "customers-prod"},
		"encryption":       {"serverSideEncryption.type", criterion{Eq: []string{"aws:kms"}}, "customers-prod"},
		"block": {"publicAccess.permissionConfiguration.bucketLevelPermissions.blockPublicAccess.blockPublicAcls",
			criterion{Eq: []string{"true"}}, "customers-prod"},
		"uploads":      {"allowsUnencryptedObjectUploads", criterion{Eq: []string{"UNKNOWN"}}, "empty scratch website"},
		"public":       {"publicAccess.effectivePermission", criterion{Eq: []string{"PUBLIC"}}, "website"},
		"not public":   {"publicAccess.effectivePermission", criterion{Eq: []string{"NOT_PUBLIC"}}, "customers-prod planned"},
		"shared":       {"sharedAccess", criterion{Neq: []string{"UNKNOWN", "NOT_SHARED"}}, "website"},
		"in a job":     {"jobDetails.isDefinedInJob", criterion{Eq: []string{"TRUE"}}, "customers-prod"},
		"in no job":    {"jobDetails.isDefinedInJob", criterion{Eq: []string{"FALSE"}}, "empty planned scratch website"},
		"date":         {"lastUpdated", criterion{Gte: wire.Ptr(w.clock.Now().UnixMilli())}, "customers-prod empty planned scratch website"},
		"unclassified": {"unclassifiableObjectCount.total", criterion{Gte: wire.Ptr[int64](1)}, "customers-prod"},
		"no error":     {"errorCode", criterion{Neq: []string{"ACCESS_DENIED"}}, "customers-prod empty planned scratch website"},
	} {
		got := bucketNames(w.buckets(macie2.DescribeBucketsInput{Criteria: map[string]criterion{v.field: v.c}}))
		equal(t, name, got, v.want)
	}
	for by, want := range map[string]string{
		"sizeInBytes":      "customers-prod website empty planned scratch",
		"objectCount":      "customers-prod scratch website empty planned",
		"sensitivityScore": "customers-prod planned scratch website empty",
		"bucketName":       "website scratch planned empty customers-prod",
	} {
		equal(t, "descending by "+by, bucketNames(w.buckets(macie2.DescribeBucketsInput{MaxResults: wire.Ptr[int64](2),
			SortCriteria: &macie2.BucketSortCriteria{AttributeName: &by, OrderBy: macie2.OrderByDesc}})), want)
	}
	_, err := w.service.UpdateMacieSession(w.ctx, &macie2.UpdateMacieSessionInput{Status: macie2.MacieStatusPaused})
	must(t, err)
	equal(t, "a complete job still counts", bucketNames(w.buckets(macie2.DescribeBucketsInput{
		Criteria: map[string]criterion{"jobDetails.isDefinedInJob": {Eq: []string{"TRUE"}}}})), "customers-prod")
}

func TestDescribeBucketsRefused(t *testing.T) {
	w := estateWorld(t)
	type criteria = map[string]macie2.BucketCriteriaAdditionalProperties
	one := wire.Ptr[int64](1)
	for name, v := range map[string]struct {
		in   macie2.DescribeBucketsInput
		text string
	}{
		"field":       {macie2.DescribeBucketsInput{Criteria: criteria{"colour": {Eq: []string{"red"}}}}, `"colour"`},
		"prefix":      {macie2.DescribeBucketsInput{Criteria: criteria{"accountId": {Prefix: wire.Ptr("1")}}}, "prefix goes with bucketName only"},
		"range":       {macie2.DescribeBucketsInput{Criteria: criteria{"bucketName": {Gt: one}}}, "neither a number nor a date"},
		"no operator": {macie2.DescribeBucketsInput{Criteria: criteria{"bucketName": {}}}, "no operator"},
		"many values": {macie2.DescribeBucketsInput{Criteria: criteria{"bucketName": {Eq: make([]string, 51)}}}, "50"},
		"sort":        {macie2.DescribeBucketsInput{SortCriteria: &macie2.BucketSortCriteria{AttributeName: wire.Ptr("colour")}}, `"colour"`},
		"page":        {macie2.DescribeBucketsInput{MaxResults: wire.Ptr[int64](-1)}, "maxResults"},
		"token":       {macie2.DescribeBucketsInput{NextToken: wire.Ptr("x")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.service.DescribeBuckets(w.ctx, &v.in)
			refused(t, err, wire.Validation, v.text)
		})
	}
}

// TestBucketsInTrouble describes a bucket that may not be listed beside one that may.
func TestBucketsInTrouble(t *testing.T) {
	w := newWorld(t)
	w.put("denied", map[string]string{"a.csv": people(1)})
	w.put("good", map[string]string{"a.csv": people(1)})
	w.fault(func(step, bucket, _ string) error {
		if step == "list" && bucket == "denied" {
			return &source.Error{Kind: source.AccessDenied, Op: "list", Bucket: bucket, Err: os.ErrPermission}
		}
		return nil
	})
	got := w.buckets(macie2.DescribeBucketsInput{})
	equal(t, "buckets", bucketNames(got), "denied good")
	golden(t, "bucket-denied.json", wire.Marshal(&got[0]))
	if got[1].ErrorCode != "" || *got[1].ObjectCount != 1 {
		t.Errorf("%s", wire.Marshal(&got[1]))
	}
}

// TestInventoryRefresh reads the inventory when it is old, answers from it while it is not or the source is away, and reads it once for many.
func TestInventoryRefresh(t *testing.T) {
	w := newWorld(t)
	w.put("first", nil)
	var mu sync.Mutex
	readings, away := 0, false
	w.fault(func(step, _, _ string) error {
		mu.Lock()
		defer mu.Unlock()
		if step == "buckets" {
			if readings++; away {
				return &source.Error{Kind: source.Unavailable, Op: "buckets"}
			}
		}
		return nil
	})
	check := func(what, names string, count int) {
		t.Helper()
		equal(t, what, bucketNames(w.buckets(macie2.DescribeBucketsInput{})), names)
		equal(t, what+": readings", readings, count)
	}
	check("first", "first", 1)
	w.put("second", nil)
	check("too early", "first", 1)
	w.clock.Advance(refreshAfter - time.Millisecond)
	check("still too early", "first", 1)
	w.clock.Advance(time.Millisecond)
	check("old", "first second", 2)
	w.clock.Advance(refreshAfter)
	away = true
	check("away", "first second", 3)
	away = false
	check("back", "first second", 4)

	w.clock.Advance(refreshAfter)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			out, err := w.service.DescribeBuckets(w.ctx, &macie2.DescribeBucketsInput{})
			if err != nil || len(out.Buckets) != 2 {
				t.Error(out, err)
			}
		})
	}
	group.Wait()
	equal(t, "readings for eight at once", readings, 5)

	// A new session reads anew; a source that is away then is an error, as nothing is known.
	_, err := w.service.DisableMacie(w.ctx, &macie2.DisableMacieInput{})
	must(t, err)
	w.enable(home)
	away = true
	if _, err = w.service.DescribeBuckets(w.ctx, &macie2.DescribeBucketsInput{}); source.KindOf(err) != source.Unavailable {
		t.Errorf("error is %v", err)
	}
}

// TestPageOfBucketsThatGo removes buckets between two pages.
func TestPageOfBucketsThatGo(t *testing.T) {
	var all []*macie2.BucketMetadata
	for _, name := range []string{"a", "b", "d", "e"} {
		all = append(all, &macie2.BucketMetadata{BucketName: &name})
	}
	for cursor, want := range map[string]int{"": 0, "2/b": 2, "9/b": 2, "2/c": 2, "9/gone": 4, "x/gone": 0, "3/a/b": 3} {
		if got := pageBegin(all, []byte(cursor)); got != want {
			t.Errorf("after %q comes %d, want %d", cursor, got, want)
		}
	}
}
