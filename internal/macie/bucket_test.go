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
	"github.com/magpie-sec/magpie/internal/store"
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
		"empty ones":       {"sensitivityScore", criterion{Eq: []string{"1"}}, "empty scratch"},
		"tag":              {"tags.value", criterion{Eq: []string{"billing"}}, "customers-prod"},
		"encryption":       {"serverSideEncryption.type", criterion{Eq: []string{"aws:kms"}}, "customers-prod"},
		"block": {"publicAccess.permissionConfiguration.bucketLevelPermissions.blockPublicAccess.blockPublicAcls",
			criterion{Eq: []string{"true"}}, "customers-prod"},
		"uploads":       {"allowsUnencryptedObjectUploads", criterion{Eq: []string{"UNKNOWN"}}, "empty scratch"},
		"not monitored": {"automatedDiscoveryMonitoringStatus", criterion{Neq: []string{"MONITORED"}}, "customers-prod empty planned scratch website"},
		"monitored":     {"automatedDiscoveryMonitoringStatus", criterion{Eq: []string{"MONITORED"}}, ""},
		"policy":        {"publicAccess.permissionConfiguration.bucketLevelPermissions.bucketPolicy.allowsPublicReadAccess", criterion{Eq: []string{"true"}}, "website"},
		"public":        {"publicAccess.effectivePermission", criterion{Eq: []string{"PUBLIC"}}, "website"},
		"not public":    {"publicAccess.effectivePermission", criterion{Eq: []string{"NOT_PUBLIC"}}, "customers-prod planned"},
		"shared":        {"sharedAccess", criterion{Neq: []string{"UNKNOWN", "NOT_SHARED"}}, "website"},
		"in a job":      {"jobDetails.isDefinedInJob", criterion{Eq: []string{"TRUE"}}, "customers-prod"},
		"in no job":     {"jobDetails.isDefinedInJob", criterion{Eq: []string{"FALSE"}}, "empty planned scratch website"},
		"date":          {"lastUpdated", criterion{Gte: wire.Ptr(w.clock.Now().UnixMilli())}, "customers-prod empty planned scratch website"},
		"unclassified":  {"unclassifiableObjectCount.total", criterion{Gte: wire.Ptr[int64](1)}, "customers-prod"},
		"no error":      {"errorCode", criterion{Neq: []string{"ACCESS_DENIED"}}, "customers-prod empty planned scratch website"},
	} {
		got := bucketNames(w.buckets(macie2.DescribeBucketsInput{Criteria: map[string]criterion{v.field: v.c}}))
		equal(t, name, got, v.want)
	}
	for by, want := range map[string]string{
		"sizeInBytes":      "customers-prod website empty planned scratch",
		"objectCount":      "customers-prod scratch website empty planned",
		"sensitivityScore": "customers-prod planned website empty scratch",
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

// TestPageOfBucketsThatGo removes a bucket between two pages, the last one of the first page, and adds another.
func TestPageOfBucketsThatGo(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"a", "b", "d", "e"} {
		w.put(name, nil)
	}
	first, err := w.service.DescribeBuckets(w.ctx, &macie2.DescribeBucketsInput{MaxResults: wire.Ptr[int64](2)})
	must(t, err)
	equal(t, "first page", bucketNames(first.Buckets), "a b")
	must(t, w.db.Update(w.ctx, func(tx store.Tx) error { return store.DeleteBucket(w.ctx, tx, home, "b") }))
	w.put("c", nil)
	w.clock.Advance(refreshAfter)
	must(t, w.db.Update(w.ctx, func(tx store.Tx) error { return store.DeleteSetting(w.ctx, tx, home, inventorySetting) }))
	second, err := w.service.DescribeBuckets(w.ctx, &macie2.DescribeBucketsInput{MaxResults: wire.Ptr[int64](2), NextToken: first.NextToken})
	must(t, err)
	equal(t, "second page", bucketNames(second.Buckets), "c d")
}

func TestGetBucketStatistics(t *testing.T) {
	w := estateWorld(t)
	got, err := w.service.GetBucketStatistics(w.ctx, &macie2.GetBucketStatisticsInput{})
	must(t, err)
	golden(t, "bucket-statistics.json", wire.Marshal(got))
	got, err = w.service.GetBucketStatistics(w.ctx, &macie2.GetBucketStatisticsInput{AccountId: wire.Ptr(other.Account)})
	must(t, err)
	equal(t, "buckets of another account", *got.BucketCount, 0)

	w = newWorld(t)
	w.put("denied", map[string]string{"a.csv": people(1)})
	w.fault(func(step, bucket, _ string) error {
		if step == "list" {
			return &source.Error{Kind: source.AccessDenied, Op: "list", Bucket: bucket, Err: os.ErrPermission}
		}
		return nil
	})
	got, err = w.service.GetBucketStatistics(w.ctx, &macie2.GetBucketStatisticsInput{})
	must(t, err)
	equal(t, "buckets", *got.BucketCount, 1)
	equal(t, "objects of a bucket that is denied", *got.ObjectCount, 0)
	equal(t, "not classified", *got.BucketStatisticsBySensitivity.NotClassified.TotalCount, 1)
	equal(t, "unknown permission", *got.BucketCountByEffectivePermission.Unknown, 1)
	equal(t, "unknown sharing", *got.BucketCountBySharedAccessType.Unknown, 1)
	equal(t, "unknown uploads", *got.BucketCountByObjectEncryptionRequirement.Unknown, 1)
	equal(t, "unknown encryption", *got.BucketCountByEncryptionType.Unknown, 1)
}

func TestSearchResources(t *testing.T) {
	w := estateWorld(t)
	type (
		block    = macie2.SearchResourcesCriteriaBlock
		criteria = macie2.SearchResourcesBucketCriteria
		pair     = macie2.SearchResourcesTagCriterionPair
	)
	search := func(in macie2.SearchResourcesInput) string {
		t.Helper()
		var names []string
		for {
			out, err := w.service.SearchResources(w.ctx, &in)
			must(t, err)
			for _, r := range out.MatchingResources {
				names = append(names, *r.MatchingBucket.BucketName)
			}
			if in.NextToken = out.NextToken; in.NextToken == nil {
				return strings.Join(names, " ")
			}
		}
	}
	simple := func(key macie2.SearchResourcesSimpleCriterionKey, comparator macie2.SearchResourcesComparator, values ...string) macie2.SearchResourcesCriteria {
		return macie2.SearchResourcesCriteria{SimpleCriterion: &macie2.SearchResourcesSimpleCriterion{Key: key, Comparator: comparator, Values: values}}
	}
	tagged := func(comparator macie2.SearchResourcesComparator, pairs ...pair) macie2.SearchResourcesCriteria {
		return macie2.SearchResourcesCriteria{TagCriterion: &macie2.SearchResourcesTagCriterion{Comparator: comparator, TagValues: pairs}}
	}
	const eq, ne = macie2.SearchResourcesComparatorEq, macie2.SearchResourcesComparatorNe
	const name, permission = macie2.SearchResourcesSimpleCriterionKeyS3BucketName, macie2.SearchResourcesSimpleCriterionKeyS3BucketEffectivePermission
	const monitored = macie2.SearchResourcesSimpleCriterionKeyAutomatedDiscoveryMonitoringStatus
	const all = "customers-prod empty planned scratch website"
	team, billing := pair{Key: wire.Ptr("team")}, pair{Key: wire.Ptr("team"), Value: wire.Ptr("billing")}
	for _, v := range []struct {
		name     string
		criteria *criteria
		want     string
	}{
		{"none", nil, all},
		{"empty", &criteria{Includes: &block{}, Excludes: &block{}}, all},
		{"names", &criteria{Includes: &block{And: []macie2.SearchResourcesCriteria{simple(name, eq, "website", "empty", "no")}}}, "empty website"},
		{"part of a name", &criteria{Includes: &block{And: []macie2.SearchResourcesCriteria{simple(name, eq, "web")}}}, ""},
		{"not names", &criteria{Includes: &block{And: []macie2.SearchResourcesCriteria{simple(name, ne, "website", "empty")}}}, "customers-prod planned scratch"},
		{"both conditions", &criteria{Includes: &block{And: []macie2.SearchResourcesCriteria{simple(name, ne, "website"), simple(permission, eq, "PUBLIC", "NOT_PUBLIC")}}},
			"customers-prod planned"},
		{"exclude", &criteria{Excludes: &block{And: []macie2.SearchResourcesCriteria{simple(permission, eq, "PUBLIC")}}}, "customers-prod empty planned scratch"},
		{"exclude what meets both", &criteria{Excludes: &block{And: []macie2.SearchResourcesCriteria{simple(permission, eq, "NOT_PUBLIC"), simple(name, eq, "planned", "website")}}},
			"customers-prod empty scratch website"},
		{"exclusion wins", &criteria{Includes: &block{And: []macie2.SearchResourcesCriteria{simple(name, eq, "website")}},
			Excludes: &block{And: []macie2.SearchResourcesCriteria{simple(permission, eq, "PUBLIC")}}}, ""},
		{"a tag's key", &criteria{Includes: &block{And: []macie2.SearchResourcesCriteria{tagged(eq, team)}}}, "customers-prod"},
		{"a tag", &criteria{Includes: &block{And: []macie2.SearchResourcesCriteria{tagged(eq, billing)}}}, "customers-prod"},
		{"a tag's value", &criteria{Includes: &block{And: []macie2.SearchResourcesCriteria{tagged(eq, pair{Value: wire.Ptr("billing")})}}}, "customers-prod"},
		{"another tag", &criteria{Includes: &block{And: []macie2.SearchResourcesCriteria{tagged(eq, pair{Key: wire.Ptr("team"), Value: wire.Ptr("Billing")})}}}, ""},
		{"no tag", &criteria{Includes: &block{And: []macie2.SearchResourcesCriteria{tagged(ne, team)}}}, "empty planned scratch website"},
		{"not monitored", &criteria{Includes: &block{And: []macie2.SearchResourcesCriteria{simple(monitored, eq, "NOT_MONITORED")}}}, all},
		{"monitored", &criteria{Includes: &block{And: []macie2.SearchResourcesCriteria{simple(monitored, eq, "MONITORED")}}}, ""},
		{"the account", &criteria{Includes: &block{And: []macie2.SearchResourcesCriteria{simple(macie2.SearchResourcesSimpleCriterionKeyAccountId, eq, home.Account)}}}, all},
		{"shared", &criteria{Includes: &block{And: []macie2.SearchResourcesCriteria{simple(macie2.SearchResourcesSimpleCriterionKeyS3BucketSharedAccess, eq, "EXTERNAL")}}}, "website"},
	} {
		equal(t, v.name, search(macie2.SearchResourcesInput{BucketCriteria: v.criteria, MaxResults: wire.Ptr[int64](2)}), v.want)
	}
	equal(t, "sorted", search(macie2.SearchResourcesInput{SortCriteria: &macie2.SearchResourcesSortCriteria{
		AttributeName: macie2.SearchResourcesSortAttributeNameS3ClassifiableSizeInBytes, OrderBy: macie2.OrderByDesc}}), "customers-prod website empty planned scratch")
	out, err := w.service.SearchResources(w.ctx, &macie2.SearchResourcesInput{})
	must(t, err)
	golden(t, "matching-bucket.json", wire.Marshal(out.MatchingResources[0].MatchingBucket))

	for text, c := range map[string]macie2.SearchResourcesCriteria{
		"one of them": {}, "key, comparator and values": simple(name, eq), "comparator and tagValues": tagged(eq), "a key, a value": tagged(eq, pair{}),
		"50": simple(name, eq, make([]string, 51)...),
	} {
		_, err := w.service.SearchResources(w.ctx, &macie2.SearchResourcesInput{BucketCriteria: &criteria{Excludes: &block{And: []macie2.SearchResourcesCriteria{c}}}})
		refused(t, err, wire.Validation, text)
	}
}

// TestBucketsOfCriteria tells which buckets a job with criteria is about, once it has run, and that a scheduled one monitors them.
func TestBucketsOfCriteria(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"a", "b"} {
		w.put(name, map[string]string{"x.csv": people(1)})
	}
	w.start()
	in := jobOver("token")
	in.S3JobDefinition = &macie2.S3JobDefinition{BucketCriteria: &macie2.S3BucketCriteriaForJob{Includes: &macie2.CriteriaBlockForJob{And: []macie2.CriteriaForJob{
		{SimpleCriterion: &macie2.SimpleCriterionForJob{Key: macie2.SimpleCriterionKeyForJobS3BucketName, Comparator: macie2.JobComparatorEq, Values: []string{"b"}}}}}}}
	in.JobType, in.ScheduleFrequency, in.InitialRun = macie2.JobTypeScheduled, &macie2.JobScheduleFrequency{DailySchedule: &macie2.DailySchedule{}}, wire.Ptr(true)
	id := w.create(in)
	w.wait(id)
	all := w.buckets(macie2.DescribeBucketsInput{})
	equal(t, "a", string(all[0].JobDetails.IsDefinedInJob)+" "+string(all[0].JobDetails.IsMonitoredByJob), "FALSE FALSE")
	equal(t, "b", string(all[1].JobDetails.IsDefinedInJob)+" "+string(all[1].JobDetails.IsMonitoredByJob), "TRUE TRUE")
	equal(t, "last job", *all[1].JobDetails.LastJobId, id)
	equal(t, "monitored", bucketNames(w.buckets(macie2.DescribeBucketsInput{Criteria: map[string]macie2.BucketCriteriaAdditionalProperties{
		"jobDetails.isMonitoredByJob": {Eq: []string{"TRUE"}}}})), "b")
	must(t, w.set(id, macie2.JobStatusCancelled))
	equal(t, "cancelled", bucketNames(w.buckets(macie2.DescribeBucketsInput{Criteria: map[string]macie2.BucketCriteriaAdditionalProperties{
		"jobDetails.isMonitoredByJob": {Neq: []string{"TRUE"}}}})), "a b")
}
