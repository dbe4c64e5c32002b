package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/accessanalyzer"
	aatypes "github.com/aws/aws-sdk-go-v2/service/accessanalyzer/types"

	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/s3/s3test"
	"github.com/magpie-sec/magpie/internal/store/open/opentest"
)

const analyzerARN = "arn:aws:access-analyzer:us-east-1:" + defaultAccount + ":analyzer/acct"

// analyzers makes a client of Access Analyzer of a server's first account.
func (s *serving) analyzers() *accessanalyzer.Client {
	s.t.Helper()
	c, err := readCredential(s.dir + "/credentials")
	if err != nil {
		s.t.Fatal(err)
	}
	return accessanalyzer.New(accessanalyzer.Options{
		Region: defaultRegion, BaseEndpoint: aws.String(s.endpoint), Retryer: aws.NopRetryer{}, HTTPClient: plainBody{},
		Credentials: credentials.NewStaticCredentialsProvider(c.id, c.secret, ""),
	})
}

// readers writes a template with buckets, each of which some accounts may read; "*" is everyone.
func readers(t testing.TB, estate string, buckets map[string][]string) {
	t.Helper()
	resources := map[string]any{}
	for name, accounts := range buckets {
		id := strings.ReplaceAll(name, "-", "")
		resources[id] = map[string]any{"Type": "AWS::S3::Bucket", "Properties": map[string]any{"BucketName": name}}
		if len(accounts) == 0 {
			continue
		}
		resources[id+"Policy"] = map[string]any{"Type": "AWS::S3::BucketPolicy", "Properties": map[string]any{"Bucket": name, "PolicyDocument": map[string]any{
			"Version": "2012-10-17", "Statement": map[string]any{"Effect": "Allow", "Principal": map[string]any{"AWS": accounts}, "Action": "s3:GetObject",
				"Resource": "arn:aws:s3:::" + name + "/*"}}}}
	}
	text, err := json.Marshal(map[string]any{"Resources": resources})
	if err != nil {
		t.Fatal(err)
	}
	// In one step, as a careful editor does it: the server may be reading.
	if err := os.MkdirAll(estate, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(estate, "template.json.new"), text, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(estate, "template.json.new"), filepath.Join(estate, "template.json")); err != nil {
		t.Fatal(err)
	}
}

// accessFindings lists all findings of the analyzer acct, by id.
func accessFindings(t testing.TB, c *accessanalyzer.Client, filter map[string]aatypes.Criterion) map[string]aatypes.FindingSummary {
	t.Helper()
	found := map[string]aatypes.FindingSummary{}
	pages := accessanalyzer.NewListFindingsPaginator(c, &accessanalyzer.ListFindingsInput{AnalyzerArn: aws.String(analyzerARN), Filter: filter})
	for pages.HasMorePages() {
		for _, f := range must[*accessanalyzer.ListFindingsOutput](t)(pages.NextPage(t.Context())).Findings {
			if _, twice := found[*f.Id]; twice {
				t.Fatalf("finding %s is listed twice", *f.Id)
			}
			found[*f.Id] = f
		}
	}
	return found
}

// statuses tells of each finding its bucket, whom it lets in and its status, sorted.
func statuses(t testing.TB, c *accessanalyzer.Client) []string {
	t.Helper()
	var lines []string
	for _, f := range accessFindings(t, c, nil) {
		lines = append(lines, fmt.Sprintf("%s %s %s", strings.TrimPrefix(*f.Resource, "arn:aws:s3:::"), f.Principal["AWS"]+aws.ToString(f.Error), f.Status))
	}
	slices.Sort(lines)
	return lines
}

func awaitFindingsAre(t testing.TB, c *accessanalyzer.Client, want ...string) {
	t.Helper()
	until(t, fmt.Sprint("the findings are ", want), func() bool { return slices.Equal(statuses(t, c), want) })
}

// TestAccessAnalyzer calls every operation on analyzers and findings over the wire.
func TestAccessAnalyzer(t *testing.T) {
	onBoth(t, func(t *testing.T, args []string) {
		dir := t.TempDir()
		estate := filepath.Join(dir, "estate")
		buckets := map[string][]string{"site": {"*"}, "partner": {"999988887777"}, "own": nil}
		readers(t, estate, buckets)
		args = append(args, "--source", estate, "--poll", "50ms")
		s := serve(t, filepath.Join(dir, "data"), args...)
		c, ctx := s.analyzers(), t.Context()

		_, err := c.GetAnalyzer(ctx, &accessanalyzer.GetAnalyzerInput{AnalyzerName: aws.String("acct")})
		answered[*aatypes.ResourceNotFoundException](t, err, 404, "acct")
		_, err = c.CreateAnalyzer(ctx, &accessanalyzer.CreateAnalyzerInput{AnalyzerName: aws.String("org"), Type: aatypes.TypeOrganization})
		answered[*aatypes.ValidationException](t, err, 400, "You must create an organization")
		arn := must[*accessanalyzer.CreateAnalyzerOutput](t)(c.CreateAnalyzer(ctx, &accessanalyzer.CreateAnalyzerInput{AnalyzerName: aws.String("acct"),
			Type: aatypes.TypeAccount, Tags: map[string]string{"team": "sales"}})).Arn
		equal(t, "ARN", *arn, analyzerARN)
		got := must[*accessanalyzer.GetAnalyzerOutput](t)(c.GetAnalyzer(ctx, &accessanalyzer.GetAnalyzerInput{AnalyzerName: aws.String("acct")})).Analyzer
		equal(t, "status", got.Status, aatypes.AnalyzerStatusActive)
		equal(t, "configuration", got.Configuration, nil)
		equal(t, "tags", got.Tags, map[string]string{"team": "sales"})
		_, err = c.CreateAnalyzer(ctx, &accessanalyzer.CreateAnalyzerInput{AnalyzerName: aws.String("second"), Type: aatypes.TypeAccount})
		answered[*aatypes.ServiceQuotaExceededException](t, err, 402, "quota")
		_, err = c.CreateAnalyzer(ctx, &accessanalyzer.CreateAnalyzerInput{AnalyzerName: aws.String("acct"), Type: aatypes.TypeAccount})
		answered[*aatypes.ConflictException](t, err, 409, "exists")
		awaitFindingsAre(t, c, "partner 999988887777 ACTIVE", "site * ACTIVE")

		// A template that changes shows within a poll.
		buckets["partner"], buckets["later"] = nil, []string{"777788889999"}
		readers(t, estate, buckets)
		awaitFindingsAre(t, c, "later 777788889999 ACTIVE", "partner 999988887777 RESOLVED", "site * ACTIVE")
		must[*accessanalyzer.StartResourceScanOutput](t)(c.StartResourceScan(ctx, &accessanalyzer.StartResourceScanInput{AnalyzerArn: arn,
			ResourceArn: aws.String("arn:aws:s3:::site")}))

		// Lists, filters, single findings.
		public := accessFindings(t, c, map[string]aatypes.Criterion{"isPublic": {Eq: []string{"true"}}})
		if len(public) != 1 {
			t.Fatalf("%d public findings", len(public))
		}
		for id, f := range public {
			one := must[*accessanalyzer.GetFindingOutput](t)(c.GetFinding(ctx, &accessanalyzer.GetFindingInput{AnalyzerArn: arn, Id: &id})).Finding
			equal(t, "actions", one.Action, []string{"s3:GetObject"})
			equal(t, "createdAt", *one.CreatedAt, *f.CreatedAt)
			two := must[*accessanalyzer.GetFindingV2Output](t)(c.GetFindingV2(ctx, &accessanalyzer.GetFindingV2Input{AnalyzerArn: arn, Id: &id}))
			details := two.FindingDetails[0].(*aatypes.FindingDetailsMemberExternalAccessDetails).Value
			equal(t, "principal", details.Principal, map[string]string{"AWS": "*"})
			equal(t, "error", two.Error, nil)
			must[*accessanalyzer.UpdateFindingsOutput](t)(c.UpdateFindings(ctx, &accessanalyzer.UpdateFindingsInput{AnalyzerArn: arn, Ids: []string{id},
				Status: aatypes.FindingStatusUpdateArchived}))
		}
		v2 := must[*accessanalyzer.ListFindingsV2Output](t)(c.ListFindingsV2(ctx, &accessanalyzer.ListFindingsV2Input{AnalyzerArn: arn,
			Filter: map[string]aatypes.Criterion{"status": {Eq: []string{"ARCHIVED"}}}, Sort: &aatypes.SortCriteria{AttributeName: aws.String("createdAt"), OrderBy: aatypes.OrderByAsc}}))
		equal(t, "archived findings", len(v2.Findings), 1)
		_, err = c.ListFindings(ctx, &accessanalyzer.ListFindingsInput{AnalyzerArn: arn, Filter: map[string]aatypes.Criterion{"colour": {Eq: []string{"red"}}}})
		answered[*aatypes.ValidationException](t, err, 400, "colour")
		_, err = c.GetFinding(ctx, &accessanalyzer.GetFindingInput{AnalyzerArn: arn, Id: aws.String("none")})
		answered[*aatypes.ResourceNotFoundException](t, err, 404, "none")

		// Archive rules.
		rule := map[string]aatypes.Criterion{"principal.AWS": {Eq: []string{"777788889999"}}, "error": {Exists: aws.Bool(false)}}
		must[*accessanalyzer.CreateArchiveRuleOutput](t)(c.CreateArchiveRule(ctx, &accessanalyzer.CreateArchiveRuleInput{AnalyzerName: aws.String("acct"),
			RuleName: aws.String("partners"), Filter: rule}))
		back := must[*accessanalyzer.GetArchiveRuleOutput](t)(c.GetArchiveRule(ctx, &accessanalyzer.GetArchiveRuleInput{AnalyzerName: aws.String("acct"), RuleName: aws.String("partners")}))
		if f := back.ArchiveRule.Filter; f["error"].Exists == nil || *f["error"].Exists || f["principal.AWS"].Eq[0] != "777788889999" {
			t.Errorf("rule %+v", back.ArchiveRule)
		}
		equal(t, "findings", statuses(t, c), []string{"later 777788889999 ACTIVE", "partner 999988887777 RESOLVED", "site * ARCHIVED"})
		must[*accessanalyzer.ApplyArchiveRuleOutput](t)(c.ApplyArchiveRule(ctx, &accessanalyzer.ApplyArchiveRuleInput{AnalyzerArn: arn, RuleName: aws.String("partners")}))
		awaitFindingsAre(t, c, "later 777788889999 ARCHIVED", "partner 999988887777 RESOLVED", "site * ARCHIVED")
		must[*accessanalyzer.UpdateArchiveRuleOutput](t)(c.UpdateArchiveRule(ctx, &accessanalyzer.UpdateArchiveRuleInput{AnalyzerName: aws.String("acct"),
			RuleName: aws.String("partners"), Filter: map[string]aatypes.Criterion{"principal.AWS": {Contains: []string{"9999"}}}}))
		rules := must[*accessanalyzer.ListArchiveRulesOutput](t)(c.ListArchiveRules(ctx, &accessanalyzer.ListArchiveRulesInput{AnalyzerName: aws.String("acct")}))
		equal(t, "rules", len(rules.ArchiveRules), 1)

		// What a restart must not change: statuses, ids, and that archived findings stay so. What comes back is taken by the rule.
		before := accessFindings(t, c, nil)
		s.stop()
		buckets["partner"] = []string{"999988887777"}
		readers(t, estate, buckets)
		s = serve(t, s.dir, args...)
		c = s.analyzers()
		awaitFindingsAre(t, c, "later 777788889999 ARCHIVED", "partner 999988887777 ARCHIVED", "site * ARCHIVED")
		for id, f := range accessFindings(t, c, nil) {
			if *before[id].CreatedAt != *f.CreatedAt {
				t.Errorf("finding %s was created at %v, now at %v", id, before[id].CreatedAt, f.CreatedAt)
			}
		}
		must[*accessanalyzer.UpdateFindingsOutput](t)(c.UpdateFindings(ctx, &accessanalyzer.UpdateFindingsInput{AnalyzerArn: arn,
			ResourceArn: aws.String("arn:aws:s3:::partner"), Status: aatypes.FindingStatusUpdateActive}))
		must[*accessanalyzer.DeleteArchiveRuleOutput](t)(c.DeleteArchiveRule(ctx, &accessanalyzer.DeleteArchiveRuleInput{AnalyzerName: aws.String("acct"), RuleName: aws.String("partners")}))

		// Resources and statistics.
		listed := must[*accessanalyzer.ListAnalyzedResourcesOutput](t)(c.ListAnalyzedResources(ctx, &accessanalyzer.ListAnalyzedResourcesInput{AnalyzerArn: arn}))
		equal(t, "resources", len(listed.AnalyzedResources), 4)
		r := must[*accessanalyzer.GetAnalyzedResourceOutput](t)(c.GetAnalyzedResource(ctx, &accessanalyzer.GetAnalyzedResourceInput{AnalyzerArn: arn,
			ResourceArn: aws.String("arn:aws:s3:::own")})).Resource
		if *r.IsPublic || r.Status != "" || r.AnalyzedAt == nil || *r.ResourceOwnerAccount != defaultAccount {
			t.Errorf("resource %+v", r)
		}
		statistics := must[*accessanalyzer.GetFindingsStatisticsOutput](t)(c.GetFindingsStatistics(ctx, &accessanalyzer.GetFindingsStatisticsInput{AnalyzerArn: arn}))
		external := statistics.FindingsStatistics[0].(*aatypes.FindingsStatisticsMemberExternalAccessFindingsStatistics).Value
		equal(t, "active, archived, resolved", []int32{*external.TotalActiveFindings, *external.TotalArchivedFindings, *external.TotalResolvedFindings}, []int32{1, 2, 0})
		equal(t, "cross-account buckets", *external.ResourceTypeStatistics["AWS::S3::Bucket"].TotalActiveCrossAccount, 1)

		// A template that cannot be read is an error of its resources, and cured with it.
		writeTree(t, estate, map[string]string{"template.json": "{"})
		awaitFindingsAre(t, c, "later 777788889999 ARCHIVED", "later INTERNAL_ERROR ACTIVE", "own INTERNAL_ERROR ACTIVE", "partner 999988887777 RESOLVED",
			"partner INTERNAL_ERROR ACTIVE", "site * ARCHIVED", "site INTERNAL_ERROR ACTIVE")
		readers(t, estate, buckets)
		awaitFindingsAre(t, c, "later 777788889999 ARCHIVED", "partner 999988887777 ACTIVE", "site * ARCHIVED")

		// Tags and the end.
		must[*accessanalyzer.TagResourceOutput](t)(c.TagResource(ctx, &accessanalyzer.TagResourceInput{ResourceArn: arn, Tags: map[string]string{"a": "", "b": "2"}}))
		must[*accessanalyzer.UntagResourceOutput](t)(c.UntagResource(ctx, &accessanalyzer.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"team", "b"}}))
		equal(t, "tags", must[*accessanalyzer.ListTagsForResourceOutput](t)(c.ListTagsForResource(ctx, &accessanalyzer.ListTagsForResourceInput{ResourceArn: arn})).Tags,
			map[string]string{"a": ""})
		_, err = c.UpdateAnalyzer(ctx, &accessanalyzer.UpdateAnalyzerInput{AnalyzerName: aws.String("acct")})
		answered[*aatypes.ValidationException](t, err, 400, "no configuration")
		_, err = c.CreateServiceLinkedAnalyzer(ctx, &accessanalyzer.CreateServiceLinkedAnalyzerInput{Type: aatypes.TypeAccountUnusedAccess})
		answered[*aatypes.AccessDeniedException](t, err, 403, "service-linked")
		must[*accessanalyzer.DeleteAnalyzerOutput](t)(c.DeleteAnalyzer(ctx, &accessanalyzer.DeleteAnalyzerInput{AnalyzerName: aws.String("acct")}))
		list := must[*accessanalyzer.ListAnalyzersOutput](t)(c.ListAnalyzers(ctx, &accessanalyzer.ListAnalyzersInput{Type: aatypes.TypeAccount}))
		equal(t, "analyzers", len(list.Analyzers), 0)
	})
}

// TestAccessAnalyzerKilled kills servers at random points of a scan and starts them again. The findings are those of a server that nobody
// killed: none is missing, none is there twice.
func TestAccessAnalyzerKilled(t *testing.T) {
	const number = 1500
	random := rand.New(rand.NewPCG(killSeed, 3))
	buckets := map[string][]string{}
	change := func() {
		for i := range number {
			buckets[fmt.Sprintf("bucket-%04d", i)] = [][]string{nil, {"999988887777"}, {"*"}, {"777788889999", "999988887777"}}[random.IntN(4)]
		}
	}
	dir := t.TempDir()
	estate := filepath.Join(dir, "estate")
	change()
	readers(t, estate, buckets)
	args := []string{"--source", estate, "--poll", "50ms"}
	create := func(s *serving) {
		must[*accessanalyzer.CreateAnalyzerOutput](t)(s.analyzers().CreateAnalyzer(t.Context(), &accessanalyzer.CreateAnalyzerInput{
			AnalyzerName: aws.String("acct"), Type: aatypes.TypeAccount}))
	}
	restless := append(slices.Clone(args), "--lease", "300ms", "--database", opentest.Postgres(t))
	kills := 0
	s := serve(t, filepath.Join(dir, "killed"), restless...)
	create(s)
	for range 3 {
		for range 4 {
			time.Sleep(time.Duration(random.IntN(150)) * time.Millisecond) // any point will do
			s.kill()
			kills++
			s = serve(t, s.dir, restless...)
		}
		change()
		readers(t, estate, buckets)
	}
	calm := serve(t, filepath.Join(dir, "calm"), args...)
	create(calm)
	active := func(s *serving) []string {
		var ids []string
		for id := range accessFindings(t, s.analyzers(), map[string]aatypes.Criterion{"status": {Eq: []string{"ACTIVE"}}}) {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		return ids
	}
	want := 0
	for _, who := range buckets {
		want += len(who)
	}
	until(t, "the calm server has all findings", func() bool { return len(active(calm)) == want })
	truth := active(calm)
	until(t, fmt.Sprintf("the server that was killed %d times has the same findings", kills), func() bool { return slices.Equal(active(s), truth) })
}

// TestAccessAnalyzerOfAStore watches the buckets of an S3 store: a policy that changes shows, and a store or a bucket that does not answer for
// a while changes nothing.
func TestAccessAnalyzerOfAStore(t *testing.T) {
	b := s3test.Start(t)
	policy := func(bucket, principal string) {
		b.Configure(bucket, source.Configuration{Policy: source.Known(fmt.Sprintf(
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"%s"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::%s/*"}]}`, principal, bucket))})
	}
	for _, bucket := range []string{"closed", "partner", "site"} {
		b.CreateBucket(t, bucket)
	}
	policy("site", "*")
	policy("partner", "999988887777")
	s := serveWith(t, storeKeys(), filepath.Join(t.TempDir(), "data"), "--source", "s3+"+b.URL, "--poll", "50ms")
	c := s.analyzers()
	must[*accessanalyzer.CreateAnalyzerOutput](t)(c.CreateAnalyzer(t.Context(), &accessanalyzer.CreateAnalyzerInput{
		AnalyzerName: aws.String("acct"), Type: aatypes.TypeAccount}))
	awaitFindingsAre(t, c, "partner 999988887777 ACTIVE", "site * ACTIVE")
	policy("partner", "777788889999")
	awaitFindingsAre(t, c, "partner 777788889999 ACTIVE", "partner 999988887777 RESOLVED", "site * ACTIVE")
	for what, rule := range map[string]s3test.Rule{
		"the store": {Op: "ListBuckets", Do: s3test.InternalError}, "a bucket": {Bucket: "site", Do: s3test.InternalError},
	} {
		away := b.On(rule)
		until(t, what+" was asked in vain", func() bool { return away.Met() > 20 })
		equal(t, "findings while "+what+" is away", statuses(t, c), []string{"partner 777788889999 ACTIVE", "partner 999988887777 RESOLVED", "site * ACTIVE"})
		away.Remove()
	}
	denied := b.On(s3test.Rule{Op: "GetBucketPolicy", Bucket: "site", Do: s3test.AccessDenied})
	awaitFindingsAre(t, c, "partner 777788889999 ACTIVE", "partner 999988887777 RESOLVED", "site * RESOLVED", "site ACCESS_DENIED ACTIVE")
	denied.Remove()
	awaitFindingsAre(t, c, "partner 777788889999 ACTIVE", "partner 999988887777 RESOLVED", "site * ACTIVE")
}
