package macie

import (
	"fmt"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

func filterInput(name string, action macie2.FindingsFilterAction, criterion map[string]macie2.CriterionAdditionalProperties) *macie2.CreateFindingsFilterInput {
	return &macie2.CreateFindingsFilterInput{Name: &name, Action: action, FindingCriteria: &macie2.FindingCriteria{Criterion: criterion}}
}

func (w *world) filter(in *macie2.CreateFindingsFilterInput) string {
	w.Helper()
	out, err := w.service.CreateFindingsFilter(w.ctx, in)
	must(w, err)
	return *out.Id
}

// filters returns the names and positions of the filters, by pages of two.
func (w *world) filters() string {
	w.Helper()
	var all []string
	in := &macie2.ListFindingsFiltersInput{MaxResults: wire.Ptr[int64](2)}
	for {
		out, err := w.service.ListFindingsFilters(w.ctx, in)
		must(w, err)
		for _, f := range out.FindingsFilterListItems {
			got, err := w.service.GetFindingsFilter(w.ctx, &macie2.GetFindingsFilterInput{Id: f.Id})
			must(w, err)
			equal(w, "name", *got.Name, *f.Name)
			equal(w, "ARN", *got.Arn, *f.Arn)
			all = append(all, fmt.Sprintf("%s %d", *f.Name, *got.Position))
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return strings.Join(all, ", ")
		}
	}
}

// Terraform asks that what was sent comes back, numbers of milliseconds to the digit.
func TestFindingsFilterReadsBack(t *testing.T) {
	w := newWorld(t)
	in := &macie2.CreateFindingsFilterInput{}
	sent := `{"action":"NOOP","description":"d","findingCriteria":{"criterion":{"count":{"gte":12,"lt":13},"region":{"eq":["eu-west-1"]},` +
		`"sample":{"neq":["true"]},"updatedAt":{"gte":1601881200001}}},"name":"mine","position":1,"tags":{"a":"b"}}`
	must(t, wire.Unmarshal([]byte(sent), in))
	id := w.filter(in)
	got, err := w.service.GetFindingsFilter(w.ctx, &macie2.GetFindingsFilterInput{Id: &id})
	must(t, err)
	arn := "arn:aws:macie2:eu-west-1:123456789012:findings-filter/" + id
	equal(t, "filter", string(wire.Marshal(got)), `{"action":"NOOP","arn":"`+arn+`","description":"d","findingCriteria":{"criterion":{"count":{"gte":12,"lt":13},`+
		`"region":{"eq":["eu-west-1"]},"sample":{"neq":["true"]},"updatedAt":{"gte":1601881200001}}},"id":"`+id+`","name":"mine","position":1,"tags":{"a":"b"}}`)

	updated, err := w.service.UpdateFindingsFilter(w.ctx, &macie2.UpdateFindingsFilterInput{Id: &id, Action: macie2.FindingsFilterActionArchive, Description: wire.Ptr("e")})
	must(t, err)
	equal(t, "ARN", *updated.Arn, arn)
	got, err = w.service.GetFindingsFilter(w.ctx, &macie2.GetFindingsFilterInput{Id: &id})
	must(t, err)
	equal(t, "changed", fmt.Sprintf("%s %s %s %d %d", got.Action, *got.Description, *got.Name, *got.Position, len(got.FindingCriteria.Criterion)), "ARCHIVE e mine 1 4")

	tags, err := w.service.ListTagsForResource(w.ctx, &macie2.ListTagsForResourceInput{ResourceArn: &arn})
	must(t, err)
	equal(t, "tags", tags.Tags, map[string]string{"a": "b"})
	_, err = w.service.DeleteFindingsFilter(w.ctx, &macie2.DeleteFindingsFilterInput{Id: &id})
	must(t, err)
	_, err = w.service.GetFindingsFilter(w.ctx, &macie2.GetFindingsFilterInput{Id: &id})
	refused(t, err, wire.NotFound, "findings filter")
	_, err = w.service.DeleteFindingsFilter(w.ctx, &macie2.DeleteFindingsFilterInput{Id: &id})
	refused(t, err, wire.NotFound, "findings filter")
	_, err = w.service.UpdateFindingsFilter(w.ctx, &macie2.UpdateFindingsFilterInput{Id: &id})
	refused(t, err, wire.NotFound, "findings filter")
	_, err = w.service.ListTagsForResource(w.ctx, &macie2.ListTagsForResourceInput{ResourceArn: &arn})
	refused(t, err, wire.NotFound, "does not exist")
}

func TestFindingsFilterPositions(t *testing.T) {
	onBothEngines(t, func(t *testing.T, url string) {
		w := newWorldOn(t, url)
		make := func(name string, position int64) string {
			in := filterInput(name, macie2.FindingsFilterActionNoop, nil)
			if position > 0 {
				in.Position = &position
			}
			return w.filter(in)
		}
		a := make("aaa", 0)
		make("bbb", 0)
		make("ccc", 2) // bbb moves on
		equal(t, "after an insertion", w.filters(), "aaa 1, ccc 2, bbb 3")
		make("ddd", 10)
		make("eee", 1) // all but the one far away move on
		equal(t, "after another", w.filters(), "eee 1, aaa 2, ccc 3, bbb 4, ddd 10")
		_, err := w.service.UpdateFindingsFilter(w.ctx, &macie2.UpdateFindingsFilterInput{Id: &a, Position: wire.Ptr[int64](4)})
		must(t, err)
		equal(t, "after a move", w.filters(), "eee 1, ccc 3, aaa 4, bbb 5, ddd 10")
		_, err = w.service.UpdateFindingsFilter(w.ctx, &macie2.UpdateFindingsFilterInput{Id: &a, Position: wire.Ptr[int64](4)})
		must(t, err)
		equal(t, "after a move to its own place", w.filters(), "eee 1, ccc 3, aaa 4, bbb 5, ddd 10")
	})
}

func TestFindingsFilterRefused(t *testing.T) {
	w := newWorld(t)
	type input = macie2.CreateFindingsFilterInput
	for name, change := range map[string]func(*input){
		"short name":  func(in *input) { in.Name = wire.Ptr("ää") },
		"long name":   func(in *input) { in.Name = wire.Ptr(strings.Repeat("ä", 65)) },
		"description": func(in *input) { in.Description = wire.Ptr(strings.Repeat("ä", 513)) },
		"position":    func(in *input) { in.Position = wire.Ptr[int64](0) },
		"clientToken": func(in *input) { in.ClientToken = wire.Ptr("") },
		"shoeSize": func(in *input) {
			in.FindingCriteria.Criterion = map[string]macie2.CriterionAdditionalProperties{"shoeSize": {Eq: []string{"9"}}}
		},
		"has no opera": func(in *input) {
			in.FindingCriteria.Criterion = map[string]macie2.CriterionAdditionalProperties{"type": {}}
		},
		"aws:": func(in *input) { in.Tags = map[string]string{"aws:x": ""} },
	} {
		in := filterInput("name", macie2.FindingsFilterActionNoop, nil)
		change(in)
		_, err := w.service.CreateFindingsFilter(w.ctx, in)
		text := strings.TrimPrefix(strings.TrimPrefix(name, "short "), "long ")
		refused(t, err, wire.Validation, text)
	}
	in := filterInput("name", macie2.FindingsFilterActionNoop, nil)
	in.ClientToken = wire.Ptr("token")
	first := w.filter(in)
	equal(t, "the same request again", w.filter(in), first)
	in.Name = wire.Ptr("another")
	_, err := w.service.CreateFindingsFilter(w.ctx, in)
	refused(t, err, wire.Conflict, "clientToken was used")
	for n := 1; n < maxFindingsFilters; n++ {
		w.filter(filterInput("name", macie2.FindingsFilterActionNoop, nil))
	}
	_, err = w.service.CreateFindingsFilter(w.ctx, filterInput("name", macie2.FindingsFilterActionNoop, nil))
	refused(t, err, wire.Quota, "quota")
}

// TestSuppression archives new findings that meet a rule, and later occurrences of policy findings; without the rule they are current again.
func TestSuppression(t *testing.T) {
	onBothEngines(t, func(t *testing.T, url string) {
		w := newWorldOn(t, url)
		w.start()
		w.put("bucket", map[string]string{"a.csv": people(1), "b.txt": "customer SSN " + plantedSSN})
		archived := func() string {
			var list []string
			for _, f := range w.findings(home, nil) {
				if *f.Archived && *f.Sample {
					list = append(list, fmt.Sprint(f.Type, " ", *f.Count))
				} else if *f.Archived {
					list = append(list, *f.ResourcesAffected.S3Object.Key)
				}
			}
			return strings.Join(list, ", ")
		}
		w.filter(filterInput("saved only", macie2.FindingsFilterActionNoop, nil))
		csv := w.filter(filterInput("tables", macie2.FindingsFilterActionArchive, map[string]macie2.CriterionAdditionalProperties{
			"resourcesAffected.s3Object.extension": {Eq: []string{"csv"}}, "sample": {Eq: []string{"false"}}}))
		w.run("bucket")
		equal(t, "findings", len(w.findings(home, nil)), 2)
		equal(t, "archived", archived(), "a.csv")

		sample := &macie2.CreateSampleFindingsInput{FindingTypes: []macie2.FindingType{macie2.FindingTypePolicyIAMUserS3BucketPublic}}
		occur := func() {
			_, err := w.service.CreateSampleFindings(w.ctx, sample)
			must(t, err)
		}
		occur()
		equal(t, "before there is a rule", archived(), "a.csv")
		policy := w.filter(filterInput("samples", macie2.FindingsFilterActionArchive, map[string]macie2.CriterionAdditionalProperties{
			"sample": {Eq: []string{"true"}}, "archived": {Eq: []string{"false"}}}))
		equal(t, "a new rule leaves what is there", archived(), "a.csv")
		occur()
		equal(t, "another occurrence", archived(), "Policy:IAMUser/S3BucketPublic 2, a.csv")
		for _, id := range []string{csv, policy} {
			_, err := w.service.DeleteFindingsFilter(w.ctx, &macie2.DeleteFindingsFilterInput{Id: &id})
			must(t, err)
		}
		equal(t, "what is archived stays so", archived(), "Policy:IAMUser/S3BucketPublic 2, a.csv")
		occur()
		equal(t, "an occurrence without the rule", archived(), "a.csv")
	})
}
