package macie

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/macie/classify"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

func criterion(field string, c macie2.CriterionAdditionalProperties) *macie2.FindingCriteria {
	return &macie2.FindingCriteria{Criterion: map[string]macie2.CriterionAdditionalProperties{field: c}}
}

// findingsWorld has the findings of one job, a minute apart: keys a to e with one to five occurrences.
func findingsWorld(t *testing.T) (*world, string) {
	w := newWorld(t, oneSlot)
	bodies := map[string]string{}
	for i := range 5 {
		bodies[fmt.Sprintf("%c.csv", 'a'+i)] = people(i + 1)
	}
	bodies["f.txt"] = "visa card " + plantedCard
	w.put("bucket", bodies)
	w.fault(func(step, _, _ string) error {
		if step == "open" {
			w.clock.Advance(time.Minute)
		}
		return nil
	})
	w.start()
	return w, w.run("bucket")
}

func TestListFindings(t *testing.T) {
	w, id := findingsWorld(t)
	keys := func(in macie2.ListFindingsInput) (out []string) {
		for {
			page, err := w.service.ListFindings(w.ctx, &in)
			must(t, err)
			got, err := w.service.GetFindings(w.ctx, &macie2.GetFindingsInput{FindingIds: page.FindingIds, SortCriteria: in.SortCriteria})
			must(t, err)
			if n := len(page.FindingIds); n != len(got.Findings) || in.MaxResults != nil && n > int(*in.MaxResults) {
				t.Errorf("%d ids, %d findings", n, len(got.Findings))
			}
			for i, f := range got.Findings {
				if *f.Id != page.FindingIds[i] {
					t.Errorf("GetFindings is in another order than ListFindings")
				}
				out = append(out, (*f.ResourcesAffected.S3Object.Key)[:1])
			}
			if in.NextToken = page.NextToken; in.NextToken == nil {
				return out
			}
		}
	}
	ascending := func(by string) *macie2.SortCriteria {
		return &macie2.SortCriteria{AttributeName: wire.Ptr(by), OrderBy: macie2.OrderByAsc}
	}
	two := wire.Ptr[int64](2)
	middle := w.clock.Now().Add(-2 * time.Minute).UnixMilli()
	for name, v := range map[string]struct {
		in   macie2.ListFindingsInput
		want string
	}{
		"newest first":  {macie2.ListFindingsInput{}, "f e d c b a"},
		"in pages":      {macie2.ListFindingsInput{MaxResults: two}, "f e d c b a"},
		"by resource":   {macie2.ListFindingsInput{MaxResults: two, SortCriteria: ascending("resourcesAffected")}, "a b c d e f"},
		"by date":       {macie2.ListFindingsInput{SortCriteria: ascending("createdAt")}, "a b c d e f"},
		"type":          {macie2.ListFindingsInput{FindingCriteria: criterion("type", macie2.CriterionAdditionalProperties{Eq: []string{"SensitiveData:S3Object/Financial"}})}, "f"},
		"not type":      {macie2.ListFindingsInput{FindingCriteria: criterion("type", macie2.CriterionAdditionalProperties{Neq: []string{"SensitiveData:S3Object/Financial", "x"}})}, "e d c b a"},
		"job":           {macie2.ListFindingsInput{FindingCriteria: criterion("classificationDetails.jobId", macie2.CriterionAdditionalProperties{Eq: []string{id}})}, "f e d c b a"},
		"another job":   {macie2.ListFindingsInput{FindingCriteria: criterion("classificationDetails.jobId", macie2.CriterionAdditionalProperties{Eq: []string{"x"}})}, ""},
		"archived":      {macie2.ListFindingsInput{FindingCriteria: criterion("archived", macie2.CriterionAdditionalProperties{Eq: []string{"true"}})}, ""},
		"since":         {macie2.ListFindingsInput{FindingCriteria: criterion("updatedAt", macie2.CriterionAdditionalProperties{Gt: &middle})}, "f e"},
		"until":         {macie2.ListFindingsInput{FindingCriteria: criterion("createdAt", macie2.CriterionAdditionalProperties{Lte: &middle})}, "d c b a"},
		"exactly":       {macie2.ListFindingsInput{FindingCriteria: criterion("classificationDetails.result.sensitiveData.category", macie2.CriterionAdditionalProperties{EqExactMatch: []string{"FINANCIAL_INFORMATION"}})}, "f"},
		"exactly both":  {macie2.ListFindingsInput{FindingCriteria: criterion("classificationDetails.result.sensitiveData.category", macie2.CriterionAdditionalProperties{EqExactMatch: []string{"FINANCIAL_INFORMATION", "PERSONAL_INFORMATION"}})}, ""},
		"count":         {macie2.ListFindingsInput{FindingCriteria: criterion("classificationDetails.result.sensitiveData.detections.count", macie2.CriterionAdditionalProperties{Gte: two, Lt: wire.Ptr[int64](5)})}, "d c b"},
		"two fields":    {macie2.ListFindingsInput{FindingCriteria: &macie2.FindingCriteria{Criterion: map[string]macie2.CriterionAdditionalProperties{"resourcesAffected.s3Object.extension": {Eq: []string{"csv"}}, "updatedAt": {Gt: &middle}}}}, "e"},
		"none asked":    {macie2.ListFindingsInput{FindingCriteria: &macie2.FindingCriteria{}}, "f e d c b a"},
		"large a page":  {macie2.ListFindingsInput{MaxResults: wire.Ptr[int64](1 << 40)}, "f e d c b a"},
		"bucket by key": {macie2.ListFindingsInput{FindingCriteria: criterion("resourcesAffected.s3Bucket.name", macie2.CriterionAdditionalProperties{Eq: []string{"a.csv"}})}, ""},
	} {
		equal(t, name, strings.Join(keys(v.in), " "), v.want)
	}
}

func TestFindingsRefused(t *testing.T) {
	w := newWorld(t)
	fifty := make([]string, 51)
	for i := range fifty {
		fifty[i] = fmt.Sprint(i)
	}
	one := wire.Ptr[int64](1)
	for name, v := range map[string]struct {
		in   macie2.ListFindingsInput
		text string
	}{
		"unknown field":     {macie2.ListFindingsInput{FindingCriteria: criterion("title", macie2.CriterionAdditionalProperties{Eq: []string{"x"}})}, `"title"`},
		"no operator":       {macie2.ListFindingsInput{FindingCriteria: criterion("type", macie2.CriterionAdditionalProperties{})}, "no operator"},
		"range of a string": {macie2.ListFindingsInput{FindingCriteria: criterion("type", macie2.CriterionAdditionalProperties{Gt: one})}, "gt"},
		"exact string":      {macie2.ListFindingsInput{FindingCriteria: criterion("type", macie2.CriterionAdditionalProperties{EqExactMatch: []string{"x"}})}, "eqExactMatch"},
		"exact and eq": {macie2.ListFindingsInput{FindingCriteria: criterion("resourcesAffected.s3Bucket.tags.key",
			macie2.CriterionAdditionalProperties{EqExactMatch: []string{"x"}, Eq: []string{"y"}})}, "cannot be combined"},
		"51 values":    {macie2.ListFindingsInput{FindingCriteria: criterion("id", macie2.CriterionAdditionalProperties{Eq: fifty})}, "51"},
		"no values":    {macie2.ListFindingsInput{FindingCriteria: criterion("id", macie2.CriterionAdditionalProperties{Eq: []string{}})}, "0 values"},
		"boolean":      {macie2.ListFindingsInput{FindingCriteria: criterion("archived", macie2.CriterionAdditionalProperties{Eq: []string{"yes"}})}, "yes"},
		"number":       {macie2.ListFindingsInput{FindingCriteria: criterion("count", macie2.CriterionAdditionalProperties{Eq: []string{"many"}})}, "many"},
		"sort":         {macie2.ListFindingsInput{SortCriteria: &macie2.SortCriteria{AttributeName: wire.Ptr("title")}}, `"title"`},
		"page of none": {macie2.ListFindingsInput{MaxResults: wire.Ptr[int64](0)}, "maxResults"},
		"token":        {macie2.ListFindingsInput{NextToken: wire.Ptr("made up")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.service.ListFindings(w.ctx, &v.in)
			refused(t, err, wire.Validation, v.text)
			if v.in.FindingCriteria != nil {
				_, err := w.service.GetFindingStatistics(w.ctx, &macie2.GetFindingStatisticsInput{GroupBy: macie2.GroupByType, FindingCriteria: v.in.FindingCriteria})
				refused(t, err, wire.Validation, v.text)
			}
		})
	}
	_, err := w.service.GetFindings(w.ctx, &macie2.GetFindingsInput{FindingIds: fifty})
	refused(t, err, wire.Validation, "50 ids at most")
	for _, size := range []int64{0, -1, 1001} {
		_, err := w.service.GetFindingStatistics(w.ctx, &macie2.GetFindingStatisticsInput{GroupBy: macie2.GroupByType, Size: &size})
		refused(t, err, wire.Validation, "size must be from 1 to 1000")
	}
}

// TestFindingTokens uses a page's token for other queries and callers.
func TestFindingTokens(t *testing.T) {
	w, _ := findingsWorld(t)
	w.enable(other)
	page, err := w.service.ListFindings(w.ctx, &macie2.ListFindingsInput{MaxResults: wire.Ptr[int64](2)})
	must(t, err)
	token := page.NextToken
	for name, in := range map[string]*macie2.ListFindingsInput{
		"criteria": {MaxResults: wire.Ptr[int64](2), NextToken: token, FindingCriteria: criterion("archived", macie2.CriterionAdditionalProperties{Eq: []string{"false"}})},
		"sort":     {MaxResults: wire.Ptr[int64](2), NextToken: token, SortCriteria: &macie2.SortCriteria{AttributeName: wire.Ptr("type")}},
		"tampered": {MaxResults: wire.Ptr[int64](2), NextToken: wire.Ptr(*token + "A")},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.service.ListFindings(w.ctx, in)
			refused(t, err, wire.Validation, "")
		})
	}
	for _, stranger := range []store.Tenant{other} {
		_, err := w.service.ListFindings(as(t.Context(), stranger), &macie2.ListFindingsInput{MaxResults: wire.Ptr[int64](2), NextToken: token})
		refused(t, err, wire.Validation, "")
	}
	_, err = w.service.DescribeBuckets(w.ctx, &macie2.DescribeBucketsInput{MaxResults: wire.Ptr[int64](2), NextToken: token})
	refused(t, err, wire.Validation, "")
}

func TestGetFindings(t *testing.T) {
	w, _ := findingsWorld(t)
	list, err := w.service.ListFindings(w.ctx, &macie2.ListFindingsInput{})
	must(t, err)
	some := []string{"unknown", list.FindingIds[2], list.FindingIds[0], "ffffffffffffffffffffffffffffffff"}
	got, err := w.service.GetFindings(w.ctx, &macie2.GetFindingsInput{FindingIds: some})
	must(t, err)
	equal(t, "findings of four ids, two of them unknown", len(got.Findings), 2)
	empty, err := w.service.GetFindings(w.ctx, &macie2.GetFindingsInput{FindingIds: []string{"unknown"}})
	must(t, err)
	equal(t, "no finding", string(wire.Marshal(empty)), `{"findings":[]}`)
	none, err := w.service.ListFindings(w.ctx, &macie2.ListFindingsInput{FindingCriteria: criterion("sample", macie2.CriterionAdditionalProperties{Eq: []string{"true"}})})
	must(t, err)
	equal(t, "no ids", string(wire.Marshal(none)), `{"findingIds":[]}`)
}

func TestFindingStatistics(t *testing.T) {
	w, id := findingsWorld(t)
	count := func(in macie2.GetFindingStatisticsInput) (out []string) {
		got, err := w.service.GetFindingStatistics(w.ctx, &in)
		must(t, err)
		for _, g := range got.CountsByGroup {
			out = append(out, fmt.Sprint(*g.GroupKey, " ", *g.Count))
		}
		return out
	}
	const personal, financial = "SensitiveData:S3Object/Personal 5", "SensitiveData:S3Object/Financial 1"
	for name, v := range map[string]struct {
		in   macie2.GetFindingStatisticsInput
		want []string
	}{
		"type":     {macie2.GetFindingStatisticsInput{GroupBy: macie2.GroupByType}, []string{personal, financial}},
		"job":      {macie2.GetFindingStatisticsInput{GroupBy: macie2.GroupByClassificationDetailsJobId}, []string{id + " 6"}},
		"bucket":   {macie2.GetFindingStatisticsInput{GroupBy: macie2.GroupByResourcesAffectedS3BucketName}, []string{"bucket 6"}},
		"severity": {macie2.GetFindingStatisticsInput{GroupBy: macie2.GroupBySeverityDescription}, []string{"High 6"}},
		"one":      {macie2.GetFindingStatisticsInput{GroupBy: macie2.GroupByType, Size: wire.Ptr[int64](1)}, []string{personal}},
		"fewest first": {macie2.GetFindingStatisticsInput{GroupBy: macie2.GroupByType, SortCriteria: &macie2.FindingStatisticsSortCriteria{
			AttributeName: macie2.FindingStatisticsSortAttributeNameCount, OrderBy: macie2.OrderByAsc}}, []string{financial, personal}},
		"by key": {macie2.GetFindingStatisticsInput{GroupBy: macie2.GroupByType, SortCriteria: &macie2.FindingStatisticsSortCriteria{
			AttributeName: macie2.FindingStatisticsSortAttributeNameGroupKey, OrderBy: macie2.OrderByDesc}}, []string{personal, financial}},
		"criteria": {macie2.GetFindingStatisticsInput{GroupBy: macie2.GroupByType, FindingCriteria: criterion("resourcesAffected.s3Object.key",
			macie2.CriterionAdditionalProperties{Eq: []string{"a.csv", "f.txt"}})}, []string{"SensitiveData:S3Object/Financial 1", "SensitiveData:S3Object/Personal 1"}},
	} {
		got := count(v.in)
		if name == "criteria" { // equal counts come in any order
			slices.Sort(got)
		}
		equal(t, name, got, v.want)
	}
}

// TestSamples makes the samples: one of each type with the severity of its type, and policy samples that merge.
func TestSamples(t *testing.T) {
	onBothEngines(t, func(t *testing.T, url string) {
		w := newWorldOn(t, url)
		sampled := func(in macie2.CreateSampleFindingsInput) map[string]macie2.Finding {
			out, err := w.service.CreateSampleFindings(w.ctx, &in)
			must(t, err)
			equal(t, "answer", string(wire.Marshal(out)), "{}")
			byType := map[string]macie2.Finding{}
			for _, f := range w.findings(home, nil) {
				byType[string(f.Type)] = f
			}
			return byType
		}
		created := wire.TimeOf(w.clock.Now())
		byType := sampled(macie2.CreateSampleFindingsInput{})
		severities := map[string]string{
			"SensitiveData:S3Object/Credentials": "High", "SensitiveData:S3Object/Financial": "High", "SensitiveData:S3Object/Personal": "High",
			"SensitiveData:S3Object/CustomIdentifier": "Medium", "SensitiveData:S3Object/Multiple": "High",
			"Policy:IAMUser/S3BlockPublicAccessDisabled": "High", "Policy:IAMUser/S3BucketPublic": "High",
			"Policy:IAMUser/S3BucketReplicatedExternally": "High", "Policy:IAMUser/S3BucketSharedExternally": "High",
			"Policy:IAMUser/S3BucketSharedWithCloudFront": "Medium", "Policy:IAMUser/S3BucketEncryptionDisabled": "Low",
		}
		equal(t, "number of types", len(byType), 11)
		equal(t, "number of types of the model", len(macie2.FindingType("").Values()), 11)
		for kind, severity := range severities {
			f := byType[kind]
			policy := strings.HasPrefix(kind, "Policy:")
			switch {
			case f.Id == nil:
				t.Errorf("no sample of %s", kind)
			case string(f.Severity.Description) != severity, !*f.Sample, *f.Count != 1, *f.CreatedAt != created, *f.UpdatedAt != created,
				*f.SchemaVersion != classify.SchemaVersion, *f.AccountId != home.Account, *f.Region != home.Region, *f.Partition != "aws", *f.Archived,
				*f.ResourcesAffected.S3Bucket.Name != "macie-sample-finding-bucket", !strings.HasPrefix(*f.Title, "[SAMPLE] "),
				policy != (f.Category == macie2.FindingCategoryPolicy), policy != (f.PolicyDetails != nil), policy == (f.ClassificationDetails != nil),
				policy == (f.ResourcesAffected.S3Object != nil):
				t.Errorf("%s", wire.Marshal(&f))
			}
		}
		custom := byType["SensitiveData:S3Object/CustomIdentifier"].ClassificationDetails.Result.CustomDataIdentifiers
		if *custom.TotalCount != 2 || len(custom.Detections) != 1 || *custom.Detections[0].Count != 2 || custom.Detections[0].Occurrences == nil ||
			!strings.HasPrefix(*custom.Detections[0].Arn, customIdentifierARN(home, "")) {
			t.Errorf("custom detections of the sample: %s", wire.Marshal(custom))
		}
		equal(t, "samples of the custom identifier", len(w.findings(home, criterion("classificationDetails.result.customDataIdentifiers.detections.name",
			macie2.CriterionAdditionalProperties{Eq: []string{*custom.Detections[0].Name}}))), 1)
		w.clock.Advance(time.Hour)
		again := sampled(macie2.CreateSampleFindingsInput{FindingTypes: []macie2.FindingType{
			macie2.FindingTypePolicyIAMUserS3BucketPublic, macie2.FindingTypeSensitiveDataS3ObjectPersonal}})
		equal(t, "findings after two more", len(w.findings(home, nil)), 12)
		merged := again["Policy:IAMUser/S3BucketPublic"]
		details := merged.PolicyDetails.Action.ApiCallDetails
		later := wire.TimeOf(w.clock.Now())
		if *merged.Count != 2 || *merged.CreatedAt != created || *merged.UpdatedAt != later || *details.FirstSeen != created || *details.LastSeen != later ||
			*merged.Id != *byType["Policy:IAMUser/S3BucketPublic"].Id {
			t.Errorf("%s", wire.Marshal(&merged))
		}
		equal(t, "another policy sample", *again["Policy:IAMUser/S3BucketSharedExternally"].Count, 1)
		if list := w.findings(home, nil); *list[0].UpdatedAt != later || *list[1].UpdatedAt != later || *list[2].UpdatedAt != created {
			t.Error("the samples that were updated last are not first")
		}
	})
}
