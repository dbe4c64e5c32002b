package accessanalyzer

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/accessanalyzer"
)

type (
	createAnalyzer = accessanalyzer.CreateAnalyzerInput
	createRule     = accessanalyzer.CreateArchiveRuleInput
)

func (w *world) create(in *createAnalyzer) error {
	_, err := w.service.CreateAnalyzer(w.ctx, in)
	return err
}

func TestAnalyzers(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Organization = anOrganization })
	out, err := w.service.CreateAnalyzer(w.ctx, &createAnalyzer{AnalyzerName: wire.Ptr("a"), Type: "ACCOUNT", Tags: map[string]string{"team": "sales", "empty": ""},
		ArchiveRules: []accessanalyzer.InlineArchiveRule{rule("r", filter{"isPublic": {Eq: []string{"false"}}})}})
	must(t, err)
	if *out.Arn != homeARN {
		t.Errorf("ARN %s", *out.Arn)
	}
	got, err := w.service.GetAnalyzer(w.ctx, &accessanalyzer.GetAnalyzerInput{AnalyzerName: wire.Ptr("a")})
	must(t, err)
	want := &accessanalyzer.AnalyzerSummary{Arn: wire.Ptr(homeARN), Name: wire.Ptr("a"), Type: "ACCOUNT", CreatedAt: wire.PtrTime(w.clock.now()),
		Tags: map[string]string{"team": "sales", "empty": ""}, Status: "ACTIVE"}
	if d := cmp.Diff(want, got.Analyzer); d != "" { // without a configuration, as Terraform wants it
		t.Errorf("-want +got\n%s", d)
	}
	rules, err := w.service.ListArchiveRules(w.ctx, &accessanalyzer.ListArchiveRulesInput{AnalyzerName: wire.Ptr("a")})
	must(t, err)
	if len(rules.ArchiveRules) != 1 || *rules.ArchiveRules[0].RuleName != "r" {
		t.Errorf("%d rules", len(rules.ArchiveRules))
	}
	for i := range 5 {
		must(t, w.create(&createAnalyzer{AnalyzerName: wire.Ptr(fmt.Sprint("o", i)), Type: "ORGANIZATION"}))
	}
	for name, c := range map[string]struct {
		in   createAnalyzer
		kind wire.Kind
	}{
		"the same name":           {createAnalyzer{Type: "ACCOUNT", AnalyzerName: wire.Ptr("a")}, wire.Conflict},
		"a second of the account": {createAnalyzer{Type: "ACCOUNT"}, wire.Quota},
		"a sixth":                 {createAnalyzer{Type: "ORGANIZATION"}, wire.Quota},
		"unused access":           {createAnalyzer{Type: "ACCOUNT_UNUSED_ACCESS"}, wire.Validation},
		"internal access":         {createAnalyzer{Type: "ORGANIZATION_INTERNAL_ACCESS"}, wire.Validation},
		"a configuration":         {createAnalyzer{Type: "ORGANIZATION", Configuration: &accessanalyzer.AnalyzerConfiguration{}}, wire.Validation},
		"a bad tag":               {createAnalyzer{Type: "ORGANIZATION", Tags: map[string]string{"aws:x": ""}}, wire.Validation},
		"a long tag":              {createAnalyzer{Type: "ORGANIZATION", Tags: map[string]string{"x": strings.Repeat("ü", 257)}}, wire.Validation},
		"a rule without criteria": {createAnalyzer{Type: "ORGANIZATION", ArchiveRules: []accessanalyzer.InlineArchiveRule{rule("r", filter{})}}, wire.Validation},
		"a rule by status": {createAnalyzer{Type: "ORGANIZATION",
			ArchiveRules: []accessanalyzer.InlineArchiveRule{rule("r", filter{"status": {Eq: []string{"ACTIVE"}}})}}, wire.Validation},
		"a rule twice": {createAnalyzer{Type: "ORGANIZATION", ArchiveRules: []accessanalyzer.InlineArchiveRule{
			rule("r", filter{"error": {Exists: wire.Ptr(true)}}), rule("r", filter{"error": {Exists: wire.Ptr(true)}})}}, wire.Validation},
		"an empty token": {createAnalyzer{Type: "ORGANIZATION", ClientToken: wire.Ptr("")}, wire.Validation},
	} {
		if c.in.AnalyzerName == nil {
			c.in.AnalyzerName = wire.Ptr("new")
		}
		e := wantKind(t, name, w.create(&c.in), c.kind)
		if c.kind != wire.Validation && (e.ResourceType != "Analyzer" || e.ResourceID != *c.in.AnalyzerName) {
			t.Errorf("%s: about %s %s", name, e.ResourceType, e.ResourceID)
		}
	}
	var names []string
	in := &accessanalyzer.ListAnalyzersInput{MaxResults: wire.Ptr(int64(2))}
	for {
		out, err := w.service.ListAnalyzers(w.ctx, in)
		must(t, err)
		for _, a := range out.Analyzers {
			names = append(names, *a.Name)
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
		other := *in
		other.Type = "ACCOUNT"
		_, err = w.service.ListAnalyzers(w.ctx, &other)
		wantKind(t, "a token of another request", err, wire.Validation)
	}
	if !slices.Equal(names, []string{"a", "o0", "o1", "o2", "o3", "o4"}) {
		t.Errorf("analyzers %v", names)
	}
	some, err := w.service.ListAnalyzers(w.ctx, &accessanalyzer.ListAnalyzersInput{Type: "ACCOUNT"})
	must(t, err)
	if len(some.Analyzers) != 1 {
		t.Errorf("%d analyzers of the account", len(some.Analyzers))
	}
	_, err = w.service.UpdateAnalyzer(w.ctx, &accessanalyzer.UpdateAnalyzerInput{AnalyzerName: wire.Ptr("a")})
	if e := wantKind(t, "an update", err, wire.Validation); e.Reason != wire.ReasonNotSupported {
		t.Errorf("reason %s", e.Reason)
	}
	_, err = w.service.CreateServiceLinkedAnalyzer(w.ctx, nil)
	wantKind(t, "a service-linked one", err, wire.AccessDenied)
}

// TestIdempotency repeats requests with their client tokens.
func TestIdempotency(t *testing.T) {
	w := newWorld(t)
	make := &createAnalyzer{AnalyzerName: wire.Ptr("a"), Type: "ACCOUNT", ClientToken: wire.Ptr("t")}
	for range 2 {
		must(t, w.create(make))
	}
	other := *make
	other.Tags = map[string]string{"a": "b"}
	wantKind(t, "the token for another analyzer", w.create(&other), wire.Conflict)
	f := filter{"isPublic": {Eq: []string{"false"}}}
	newRule := func(name, token string) error {
		_, err := w.service.CreateArchiveRule(w.ctx, &createRule{AnalyzerName: wire.Ptr("a"), RuleName: &name, Filter: f, ClientToken: &token})
		return err
	}
	must(t, newRule("r", "t"))
	must(t, newRule("r", "t"))
	wantKind(t, "the rule with another token", newRule("r", "u"), wire.Conflict)
	wantKind(t, "the token for another rule", newRule("s", "t"), wire.Conflict)
	dropRule := func() error {
		_, err := w.service.DeleteArchiveRule(w.ctx, &accessanalyzer.DeleteArchiveRuleInput{AnalyzerName: wire.Ptr("a"), RuleName: wire.Ptr("r"), ClientToken: wire.Ptr("t")})
		return err
	}
	must(t, dropRule())
	must(t, dropRule())
	drop := func(token string) error {
		_, err := w.service.DeleteAnalyzer(w.ctx, &accessanalyzer.DeleteAnalyzerInput{AnalyzerName: wire.Ptr("a"), ClientToken: &token})
		return err
	}
	must(t, drop("t"))
	must(t, drop("t"))
	wantKind(t, "deleted again", drop("u"), wire.NotFound)
	must(t, w.create(make)) // its token is free again
	must(t, drop("t"))      // the old request: the new analyzer stays
	if _, err := w.service.GetAnalyzer(w.ctx, &accessanalyzer.GetAnalyzerInput{AnalyzerName: wire.Ptr("a")}); err != nil {
		t.Error(err)
	}
	w.clock.advance(25 * time.Hour)
	must(t, newRule("x", "x")) // forgets what is older than a day
	must(t, drop("t"))
	wantKind(t, "gone at last", drop("u"), wire.NotFound)
}

func TestArchiveRules(t *testing.T) {
	w := newWorld(t)
	w.describe(template{}.bucket("a", allow("*", "s3:GetObject", objects("a"))).bucket("b", allow(aws(stranger), "s3:GetObject", objects("b"))))
	w.analyzer()
	w.scan()
	f := filter{"isPublic": {Eq: []string{"false"}}, "error": {Exists: wire.Ptr(false)}}
	_, err := w.service.CreateArchiveRule(w.ctx, &createRule{AnalyzerName: wire.Ptr("a"), RuleName: wire.Ptr("r"), Filter: f})
	must(t, err)
	got, err := w.service.GetArchiveRule(w.ctx, &accessanalyzer.GetArchiveRuleInput{AnalyzerName: wire.Ptr("a"), RuleName: wire.Ptr("r")})
	must(t, err)
	want := &accessanalyzer.ArchiveRuleSummary{RuleName: wire.Ptr("r"), Filter: f, CreatedAt: wire.PtrTime(w.clock.now()), UpdatedAt: wire.PtrTime(w.clock.now())}
	if d := cmp.Diff(want, got.ArchiveRule); d != "" { // exists: false is there
		t.Errorf("-want +got\n%s", d)
	}
	w.scan()
	w.expect("with a rule that is not applied", "a * ACTIVE", "b "+stranger+" ACTIVE")
	apply := func() {
		_, err := w.service.ApplyArchiveRule(w.ctx, &accessanalyzer.ApplyArchiveRuleInput{AnalyzerArn: wire.Ptr(homeARN), RuleName: wire.Ptr("r")})
		must(t, err)
	}
	apply()
	w.expect("with a rule that is applied", "a * ACTIVE", "b "+stranger+" ARCHIVED")
	w.clock.advance(time.Minute)
	changed := filter{"isPublic": {Eq: []string{"true"}}}
	_, err = w.service.UpdateArchiveRule(w.ctx, &accessanalyzer.UpdateArchiveRuleInput{AnalyzerName: wire.Ptr("a"), RuleName: wire.Ptr("r"), Filter: changed})
	must(t, err)
	got, err = w.service.GetArchiveRule(w.ctx, &accessanalyzer.GetArchiveRuleInput{AnalyzerName: wire.Ptr("a"), RuleName: wire.Ptr("r")})
	must(t, err)
	if d := cmp.Diff(changed, got.ArchiveRule.Filter); d != "" || *got.ArchiveRule.UpdatedAt == *got.ArchiveRule.CreatedAt {
		t.Errorf("changed: %s", wire.Marshal(got.ArchiveRule))
	}
	apply()
	w.expect("with the changed rule", "a * ARCHIVED", "b "+stranger+" ARCHIVED")
	_, err = w.service.DeleteArchiveRule(w.ctx, &accessanalyzer.DeleteArchiveRuleInput{AnalyzerName: wire.Ptr("a"), RuleName: wire.Ptr("r")})
	must(t, err)
	w.expect("without the rule", "a * ARCHIVED", "b "+stranger+" ARCHIVED")
	for name, call := range map[string]func() error{
		"get": func() error {
			_, err := w.service.GetArchiveRule(w.ctx, &accessanalyzer.GetArchiveRuleInput{AnalyzerName: wire.Ptr("a"), RuleName: wire.Ptr("r")})
			return err
		},
		"update": func() error {
			_, err := w.service.UpdateArchiveRule(w.ctx, &accessanalyzer.UpdateArchiveRuleInput{AnalyzerName: wire.Ptr("a"), RuleName: wire.Ptr("r"), Filter: f})
			return err
		},
		"delete": func() error {
			_, err := w.service.DeleteArchiveRule(w.ctx, &accessanalyzer.DeleteArchiveRuleInput{AnalyzerName: wire.Ptr("a"), RuleName: wire.Ptr("r")})
			return err
		},
		"apply": func() error {
			_, err := w.service.ApplyArchiveRule(w.ctx, &accessanalyzer.ApplyArchiveRuleInput{AnalyzerArn: wire.Ptr(homeARN), RuleName: wire.Ptr("r")})
			return err
		},
	} {
		if e := wantKind(t, name, call(), wire.NotFound); e.ResourceType != "ArchiveRule" || e.ResourceID != "r" {
			t.Errorf("%s: about %s %s", name, e.ResourceType, e.ResourceID)
		}
	}
	for i := range maxRules {
		_, err := w.service.CreateArchiveRule(w.ctx, &createRule{AnalyzerName: wire.Ptr("a"), RuleName: wire.Ptr(fmt.Sprint("r", i)), Filter: f})
		must(t, err)
	}
	_, err = w.service.CreateArchiveRule(w.ctx, &createRule{AnalyzerName: wire.Ptr("a"), RuleName: wire.Ptr("more"), Filter: f})
	wantKind(t, "one too many", err, wire.Quota)
	page, err := w.service.ListArchiveRules(w.ctx, &accessanalyzer.ListArchiveRulesInput{AnalyzerName: wire.Ptr("a"), MaxResults: wire.Ptr(int64(99))})
	must(t, err)
	rest, err := w.service.ListArchiveRules(w.ctx, &accessanalyzer.ListArchiveRulesInput{AnalyzerName: wire.Ptr("a"), NextToken: page.NextToken})
	must(t, err)
	if len(page.ArchiveRules) != 99 || len(rest.ArchiveRules) != 1 || rest.NextToken != nil {
		t.Errorf("pages of %d and %d rules", len(page.ArchiveRules), len(rest.ArchiveRules))
	}
}

func TestTags(t *testing.T) {
	w := newWorld(t)
	w.analyzer()
	tags := func() map[string]string {
		t.Helper()
		out, err := w.service.ListTagsForResource(w.ctx, &accessanalyzer.ListTagsForResourceInput{ResourceArn: wire.Ptr(homeARN)})
		must(t, err)
		got, err := w.service.GetAnalyzer(w.ctx, &accessanalyzer.GetAnalyzerInput{AnalyzerName: wire.Ptr("a")})
		must(t, err)
		if d := cmp.Diff(out.Tags, got.Analyzer.Tags); d != "" {
			t.Errorf("GetAnalyzer shows others: %s", d)
		}
		return out.Tags
	}
	tag := func(arn string, tags map[string]string) error {
		_, err := w.service.TagResource(w.ctx, &accessanalyzer.TagResourceInput{ResourceArn: &arn, Tags: tags})
		return err
	}
	if got := tags(); got == nil || len(got) != 0 {
		t.Errorf("tags at first: %v", got)
	}
	must(t, tag(homeARN, map[string]string{"a": "1", "ключ": "", "b": "2"}))
	must(t, tag(homeARN, map[string]string{"a": "3"}))
	_, err := w.service.UntagResource(w.ctx, &accessanalyzer.UntagResourceInput{ResourceArn: wire.Ptr(homeARN), TagKeys: []string{"b", "none"}})
	must(t, err)
	if d := cmp.Diff(map[string]string{"a": "3", "ключ": ""}, tags()); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	many := map[string]string{}
	for i := range maxTags - 1 {
		many[fmt.Sprint("k", i)] = ""
	}
	wantKind(t, "too many", tag(homeARN, many), wire.Validation)
	if len(tags()) != 2 {
		t.Error("some of the tags were set")
	}
	for _, arn := range []string{homeARN + "x", "arn:aws:access-analyzer:eu-west-1:111122223333:analyzer/a", "arn:aws:access-analyzer:us-east-1:444455556666:analyzer/a",
		"arn:aws:s3:::a", homeARN + "/archive-rule/a"} {
		wantKind(t, arn, tag(arn, map[string]string{"a": "1"}), wire.NotFound)
	}
	wantKind(t, "no ARN", tag("analyzer/a", map[string]string{"a": "1"}), wire.Validation)
}

func TestListFindings(t *testing.T) {
	w := newWorld(t)
	tm := template{}
	for i := range 25 {
		name := fmt.Sprintf("b%02d", i)
		switch i % 3 {
		case 0:
			tm.bucket(name, allow("*", "s3:GetObject", objects(name)))
		case 1:
			tm.bucket(name, allow(aws(stranger), "s3:GetObject", objects(name)))
		case 2:
			s := allow("*", "s3:GetObject", objects(name))
			s["Condition"] = map[string]any{"IpAddress": map[string]any{"aws:SourceIp": "203.0.113.0/24"}}
			tm.bucket(name, s)
		}
	}
	w.describe(tm)
	w.analyzer()
	w.scan()
	list := func(in accessanalyzer.ListFindingsInput) (buckets []string) {
		t.Helper()
		in.AnalyzerArn = wire.Ptr(homeARN)
		for {
			out, err := w.service.ListFindings(w.ctx, &in)
			must(t, err)
			for _, f := range out.Findings {
				buckets = append(buckets, strings.TrimPrefix(*f.Resource, "arn:aws:s3:::"))
			}
			if in.NextToken = out.NextToken; in.NextToken == nil {
				return buckets
			}
		}
	}
	byName := &accessanalyzer.SortCriteria{AttributeName: wire.Ptr("resource"), OrderBy: "ASC"}
	all := list(accessanalyzer.ListFindingsInput{Sort: byName})
	if len(all) != 25 || !slices.IsSorted(all) {
		t.Errorf("by name: %v", all)
	}
	down := list(accessanalyzer.ListFindingsInput{Sort: &accessanalyzer.SortCriteria{AttributeName: wire.Ptr("resource"), OrderBy: "DESC"}, MaxResults: wire.Ptr(int64(7))})
	slices.Reverse(down)
	if d := cmp.Diff(all, down); d != "" {
		t.Errorf("downwards: %s", d)
	}
	for name, c := range map[string]struct {
		filter filter
		want   int
	}{
		"all":           {nil, 25},
		"public":        {filter{"isPublic": {Eq: []string{"true"}}}, 9},
		"not public":    {filter{"isPublic": {Neq: []string{"true"}}}, 16},
		"by principal":  {filter{"principal.AWS": {Eq: []string{stranger}}}, 8},
		"by condition":  {filter{"condition.aws:SourceIp": {Contains: []string{"203.0.113"}}}, 8},
		"with any":      {filter{"condition.aws:SourceIp": {Exists: wire.Ptr(true)}}, 8},
		"by resource":   {filter{"resource": {Eq: []string{"arn:aws:s3:::b03", "arn:aws:s3:::b04", "arn:aws:s3:::none"}}}, 2},
		"both":          {filter{"resource": {Contains: []string{"b1"}}, "isPublic": {Eq: []string{"true"}}}, 3},
		"by status":     {filter{"status": {Eq: []string{"ACTIVE"}}}, 25},
		"not by status": {filter{"status": {Neq: []string{"ACTIVE"}}}, 0},
		"an error":      {filter{"error": {Exists: wire.Ptr(true)}}, 0},
	} {
		if got := list(accessanalyzer.ListFindingsInput{Filter: c.filter, Sort: byName, MaxResults: wire.Ptr(int64(4))}); len(got) != c.want {
			t.Errorf("%s: %d findings, want %d", name, len(got), c.want)
		}
	}
	w.clock.advance(time.Minute)
	w.setStatus("ARCHIVED", *w.one("b05").Id)
	if got := list(accessanalyzer.ListFindingsInput{}); got[0] != "b05" {
		t.Errorf("%s comes first though b05 changed last", got[0])
	}
	page, err := w.service.ListFindingsV2(w.ctx, &accessanalyzer.ListFindingsV2Input{AnalyzerArn: wire.Ptr(homeARN), MaxResults: wire.Ptr(int64(3))})
	must(t, err)
	if len(page.Findings) != 3 || page.NextToken == nil || page.Findings[0].FindingType != "ExternalAccess" || page.Findings[0].Status != "ARCHIVED" {
		t.Errorf("second version: %s", wire.Marshal(page))
	}
	for name, in := range map[string]accessanalyzer.ListFindingsV2Input{
		"another filter":      {Filter: filter{"isPublic": {Eq: []string{"true"}}}, NextToken: page.NextToken},
		"another order":       {Sort: byName, NextToken: page.NextToken},
		"no token":            {NextToken: wire.Ptr("x")},
		"no order":            {Sort: &accessanalyzer.SortCriteria{AttributeName: wire.Ptr("principal")}},
		"no key":              {Filter: filter{"colour": {Eq: []string{"true"}}}},
		"an empty page":       {MaxResults: wire.Ptr(int64(0))},
		"a criterion of none": {Filter: filter{"status": {}}},
	} {
		in.AnalyzerArn = wire.Ptr(homeARN)
		_, err := w.service.ListFindingsV2(w.ctx, &in)
		wantKind(t, name, err, wire.Validation)
	}
	for _, sort := range []string{"id", "resource", "resourceType", "resourceOwnerAccount", "status", "isPublic", "error", "createdAt", "analyzedAt", "updatedAt",
		"findingType", "resourceControlPolicyRestriction"} {
		if got := list(accessanalyzer.ListFindingsInput{Sort: &accessanalyzer.SortCriteria{AttributeName: &sort, OrderBy: "DESC"}, MaxResults: wire.Ptr(int64(6))}); len(got) != 25 {
			t.Errorf("by %s: %d findings", sort, len(got))
		}
	}
}

func TestGetFinding(t *testing.T) {
	w := newWorld(t)
	w.describe(template{}.bucket("b", allow("*", "s3:GetObject", objects("b"))))
	w.analyzer()
	w.scan()
	id := w.one("b").Id
	got, err := w.service.GetFinding(w.ctx, &accessanalyzer.GetFindingInput{AnalyzerArn: wire.Ptr(homeARN), Id: id})
	must(t, err)
	if d := cmp.Diff(w.one("b"), accessanalyzer.FindingSummary(*got.Finding)); d != "" {
		t.Errorf("-list +get\n%s", d)
	}
	two, err := w.service.GetFindingV2(w.ctx, &accessanalyzer.GetFindingV2Input{AnalyzerArn: wire.Ptr(homeARN), Id: id})
	must(t, err)
	f := got.Finding
	want := &accessanalyzer.GetFindingV2Output{AnalyzedAt: f.AnalyzedAt, CreatedAt: f.CreatedAt, Id: id, Resource: f.Resource, ResourceType: f.ResourceType,
		ResourceOwnerAccount: f.ResourceOwnerAccount, Status: "ACTIVE", UpdatedAt: f.UpdatedAt, FindingType: "ExternalAccess",
		FindingDetails: []accessanalyzer.FindingDetails{{ExternalAccessDetails: &accessanalyzer.ExternalAccessDetails{Action: []string{"s3:GetObject"},
			Condition: map[string]string{}, IsPublic: wire.Ptr(true), Principal: map[string]string{"AWS": "*"},
			Sources: []accessanalyzer.FindingSource{{Type: "POLICY"}}, ResourceControlPolicyRestriction: "NOT_APPLICABLE"}}}}
	if d := cmp.Diff(want, two); d != "" {
		t.Errorf("second version: -want +got\n%s", d)
	}
	w.estates[home].set("template.json", "[")
	w.scan()
	failed := w.findingsWhere(filter{"error": {Exists: wire.Ptr(true)}})[0]
	if failed.Principal != nil || failed.Action != nil || failed.IsPublic != nil || failed.Condition == nil || failed.Status != "ACTIVE" {
		t.Errorf("error: %s", wire.Marshal(&failed))
	}
	two, err = w.service.GetFindingV2(w.ctx, &accessanalyzer.GetFindingV2Input{AnalyzerArn: wire.Ptr(homeARN), Id: failed.Id})
	must(t, err)
	if details := string(wire.Marshal(two.FindingDetails[0].ExternalAccessDetails)); details != "{}" || *two.Error != "INTERNAL_ERROR" {
		t.Errorf("error in the second version: %s, %s", *two.Error, details)
	}
	elsewhere := as(t.Context(), abroad)
	for name, call := range map[string]func() error{
		"another id": func() error {
			_, err := w.service.GetFinding(w.ctx, &accessanalyzer.GetFindingInput{AnalyzerArn: wire.Ptr(homeARN), Id: wire.Ptr("x")})
			return err
		},
		"another id, second version": func() error {
			_, err := w.service.GetFindingV2(w.ctx, &accessanalyzer.GetFindingV2Input{AnalyzerArn: wire.Ptr(homeARN), Id: wire.Ptr("\x00")})
			return err
		},
		"another Region": func() error {
			_, err := w.service.GetFinding(elsewhere, &accessanalyzer.GetFindingInput{AnalyzerArn: wire.Ptr(homeARN), Id: id})
			return err
		},
		"a change": func() error {
			_, err := w.service.UpdateFindings(w.ctx, &accessanalyzer.UpdateFindingsInput{AnalyzerArn: wire.Ptr(homeARN), Status: "ARCHIVED", Ids: []string{"x"}})
			return err
		},
		"a change of a resource": func() error {
			_, err := w.service.UpdateFindings(w.ctx, &accessanalyzer.UpdateFindingsInput{AnalyzerArn: wire.Ptr(homeARN), Status: "ARCHIVED", ResourceArn: wire.Ptr("arn:aws:s3:::x")})
			return err
		},
		"a resource": func() error {
			_, err := w.service.GetAnalyzedResource(w.ctx, &accessanalyzer.GetAnalyzedResourceInput{AnalyzerArn: wire.Ptr(homeARN), ResourceArn: wire.Ptr("arn:aws:s3:::x")})
			return err
		},
		"a scan": func() error {
			_, err := w.service.StartResourceScan(w.ctx, &accessanalyzer.StartResourceScanInput{AnalyzerArn: wire.Ptr(homeARN + "x"), ResourceArn: wire.Ptr("arn:aws:s3:::x")})
			return err
		},
		"statistics": func() error {
			_, err := w.service.GetFindingsStatistics(w.ctx, &accessanalyzer.GetFindingsStatisticsInput{AnalyzerArn: wire.Ptr(homeARN + "x")})
			return err
		},
	} {
		wantKind(t, name, call(), wire.NotFound)
	}
	for name, in := range map[string]accessanalyzer.UpdateFindingsInput{"nothing": {}, "both": {Ids: []string{*id}, ResourceArn: f.Resource}} {
		in.AnalyzerArn, in.Status = wire.Ptr(homeARN), "ACTIVE"
		_, err := w.service.UpdateFindings(w.ctx, &in)
		wantKind(t, name, err, wire.Validation)
	}
	for name, in := range map[string]accessanalyzer.StartResourceScanInput{
		"no ARN": {ResourceArn: wire.Ptr("b")}, "no such type": {ResourceArn: wire.Ptr("arn:aws:glue:us-east-1:111122223333:table/a")},
		"no account": {ResourceArn: f.Resource, ResourceOwnerAccount: wire.Ptr("me")},
	} {
		in.AnalyzerArn = wire.Ptr(homeARN)
		_, err := w.service.StartResourceScan(w.ctx, &in)
		wantKind(t, name, err, wire.Validation)
	}
}

func TestUpdateFindingsOfResource(t *testing.T) {
	w := newWorld(t)
	w.describe(template{}.bucket("b", allow(aws(stranger), "s3:GetObject", objects("b")), allow(aws("777788889999"), "s3:PutObject", objects("b"))).
		bucket("c", allow("*", "s3:GetObject", objects("c"))))
	w.analyzer()
	w.scan()
	_, err := w.service.UpdateFindings(w.ctx, &accessanalyzer.UpdateFindingsInput{AnalyzerArn: wire.Ptr(homeARN), Status: "ARCHIVED", ResourceArn: wire.Ptr("arn:aws:s3:::b")})
	must(t, err)
	w.expect("after both were archived", "b 777788889999 ARCHIVED", "b "+stranger+" ARCHIVED", "c * ACTIVE")
	got, err := w.service.GetAnalyzedResource(w.ctx, &accessanalyzer.GetAnalyzedResourceInput{AnalyzerArn: wire.Ptr(homeARN), ResourceArn: wire.Ptr("arn:aws:s3:::b")})
	must(t, err)
	now := wire.PtrTime(w.clock.now())
	want := &accessanalyzer.AnalyzedResource{ResourceArn: wire.Ptr("arn:aws:s3:::b"), ResourceType: "AWS::S3::Bucket", CreatedAt: now, AnalyzedAt: now, UpdatedAt: now,
		IsPublic: wire.Ptr(false), Actions: []string{"s3:GetObject", "s3:PutObject"}, SharedVia: []string{"POLICY"}, Status: "ARCHIVED",
		ResourceOwnerAccount: wire.Ptr(home.Account)}
	if d := cmp.Diff(want, got.Resource); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}

func TestStatistics(t *testing.T) {
	w := newWorld(t)
	statisticsOf := func() *accessanalyzer.GetFindingsStatisticsOutput {
		out, err := w.service.GetFindingsStatistics(w.ctx, &accessanalyzer.GetFindingsStatisticsInput{AnalyzerArn: wire.Ptr(homeARN)})
		must(t, err)
		return out
	}
	w.analyzer()
	if out := statisticsOf(); out.LastUpdatedAt != nil || *out.FindingsStatistics[0].ExternalAccessFindingsStatistics.TotalActiveFindings != 0 {
		t.Errorf("before the first scan: %s", wire.Marshal(out))
	}
	tm := template{}.bucket("a", allow("*", "s3:GetObject", objects("a"))).bucket("b", allow(aws(stranger), "s3:GetObject", objects("b"))).
		bucket("c", allow("*", "s3:GetObject", objects("c"))).role("r", aws(stranger))
	w.describe(tm)
	w.scan()
	w.setStatus("ARCHIVED", *w.one("arn:aws:s3:::c").Id)
	w.clock.advance(time.Minute)
	w.describe(tm.bucket("a").role("s", aws("*")))
	w.scan()
	details := func(public, cross, failed int64) accessanalyzer.ResourceTypeDetails {
		return accessanalyzer.ResourceTypeDetails{TotalActivePublic: &public, TotalActiveCrossAccount: &cross, TotalActiveErrors: &failed}
	}
	want := &accessanalyzer.GetFindingsStatisticsOutput{LastUpdatedAt: wire.PtrTime(w.clock.now()), FindingsStatistics: []accessanalyzer.FindingsStatistics{{
		ExternalAccessFindingsStatistics: &accessanalyzer.ExternalAccessFindingsStatistics{
			ResourceTypeStatistics: map[accessanalyzer.ResourceType]accessanalyzer.ResourceTypeDetails{"AWS::S3::Bucket": details(0, 1, 0), "AWS::IAM::Role": details(1, 1, 0)},
			TotalActiveFindings:    wire.Ptr(int64(3)), TotalArchivedFindings: wire.Ptr(int64(1)), TotalResolvedFindings: wire.Ptr(int64(1))}}}}
	if d := cmp.Diff(want, statisticsOf()); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	w.estates[home].set("template.json", "[")
	w.scan()
	if got := *statisticsOf().FindingsStatistics[0].ExternalAccessFindingsStatistics.ResourceTypeStatistics["AWS::IAM::Role"].TotalActiveErrors; got != 2 {
		t.Errorf("%d errors of roles", got)
	}
}

func TestListAnalyzedResources(t *testing.T) {
	w := newWorld(t)
	w.describe(template{}.bucket("a").bucket("b").bucket("c").role("r", aws(home.Account)))
	w.analyzer()
	w.scan()
	list := func(kind accessanalyzer.ResourceType, size int64) (all []string) {
		in := &accessanalyzer.ListAnalyzedResourcesInput{AnalyzerArn: wire.Ptr(homeARN), ResourceType: kind, MaxResults: &size}
		for {
			out, err := w.service.ListAnalyzedResources(w.ctx, in)
			must(t, err)
			for _, r := range out.AnalyzedResources {
				all = append(all, *r.ResourceArn)
			}
			if in.NextToken = out.NextToken; in.NextToken == nil {
				return all
			}
		}
	}
	buckets := []string{"arn:aws:s3:::a", "arn:aws:s3:::b", "arn:aws:s3:::c"}
	for size := int64(1); size < 6; size++ {
		if got := list("", size); !slices.Equal(got, append([]string{"arn:aws:iam::111122223333:role/r"}, buckets...)) {
			t.Errorf("pages of %d: %v", size, got)
		}
		if got := list("AWS::S3::Bucket", size); !slices.Equal(got, buckets) {
			t.Errorf("buckets in pages of %d: %v", size, got)
		}
	}
}

// TestTenants: what one account or Region has another does not see.
func TestTenants(t *testing.T) {
	w := newWorld(t)
	w.analyzer()
	for _, other := range []store.Tenant{abroad, member} {
		out, err := w.service.ListAnalyzers(as(t.Context(), other), &accessanalyzer.ListAnalyzersInput{})
		must(t, err)
		if len(out.Analyzers) != 0 {
			t.Errorf("%v sees an analyzer of %v", other, home)
		}
		_, err = w.service.DeleteAnalyzer(as(t.Context(), other), &accessanalyzer.DeleteAnalyzerInput{AnalyzerName: wire.Ptr("a")})
		wantKind(t, other.String(), err, wire.NotFound)
	}
}
