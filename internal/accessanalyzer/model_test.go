package accessanalyzer

import (
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/magpie-sec/magpie/internal/iam/reach"
	"github.com/magpie-sec/magpie/internal/resource"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/accessanalyzer"
)

func sampleAccess() resource.Finding {
	return resource.Finding{
		Access: reach.Access{Principal: reach.Principal{Kind: reach.AWS, Value: "999988887777"}, Actions: []string{"s3:GetObject"},
			Condition: []reach.Term{{Key: "aws:SourceIp", Label: "203.0.113.0/24"}, {Key: "aws:PrincipalArn", Label: "arn:aws:iam::999988887777:role/a*"}}},
		Sources: []resource.Source{{Type: resource.FromPolicy}, {Type: resource.FromAccessPoint, AccessPointARN: "arn:aws:s3:us-east-1:111122223333:accesspoint/p"}},
	}
}

var sampleBucket = &resource.Resource{ARN: "arn:aws:s3:::logs", Type: resource.Bucket, Account: "111122223333"}

// TestFindingIDs changes each part of a finding's identity: the id changes with it, and with nothing else.
func TestFindingIDs(t *testing.T) {
	const analyzer = "arn:aws:access-analyzer:us-east-1:111122223333:analyzer/a"
	id := func(analyzer string, r *resource.Resource, f resource.Finding) string {
		return *findingsOf(analyzer, r, resource.Result{Findings: []resource.Finding{f}})[0].Id
	}
	first := id(analyzer, sampleBucket, sampleAccess())
	if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(first) {
		t.Errorf("%s is no UUID of version 8", first)
	}
	// A stored id must not change with another version of the program.
	if want := "0ab889cd-e9b6-8d0d-8c63-6e5ce0b4e4b0"; first != want {
		t.Errorf("id %s, want %s", first, want)
	}
	same := sampleAccess()
	same.Reasons = []resource.Reason{{Document: "bucket policy"}}
	elsewhere := *sampleBucket
	elsewhere.Place, elsewhere.Region = resource.Place{File: "template.yaml", Line: 7}, "eu-west-1"
	if id(analyzer, &elsewhere, same) != first {
		t.Error("the id depends on what is no part of the identity")
	}
	for name, change := range map[string]func(*resource.Resource, *resource.Finding){
		"resource":      func(r *resource.Resource, _ *resource.Finding) { r.ARN += "x" },
		"principal":     func(_ *resource.Resource, f *resource.Finding) { f.Principal.Value = "999988887778" },
		"kind":          func(_ *resource.Resource, f *resource.Finding) { f.Principal.Kind = reach.CanonicalUser },
		"condition":     func(_ *resource.Resource, f *resource.Finding) { f.Condition = f.Condition[:1] },
		"value":         func(_ *resource.Resource, f *resource.Finding) { f.Condition[0].Label = "203.0.113.0/25" },
		"actions":       func(_ *resource.Resource, f *resource.Finding) { f.Actions = append(f.Actions, "s3:PutObject") },
		"public":        func(_ *resource.Resource, f *resource.Finding) { f.Public = true },
		"sources":       func(_ *resource.Resource, f *resource.Finding) { f.Sources = f.Sources[:1] },
		"access points": func(_ *resource.Resource, f *resource.Finding) { f.Sources[1].AccessPointARN += "2" },
	} {
		r, f := *sampleBucket, sampleAccess()
		if change(&r, &f); id(analyzer, &r, f) == first {
			t.Errorf("the id does not depend on the %s", name)
		}
	}
	if id(analyzer+"b", sampleBucket, sampleAccess()) == first {
		t.Error("the id does not depend on the analyzer")
	}
}

func TestFindingRoundTrip(t *testing.T) {
	const analyzer = "arn:aws:access-analyzer:us-east-1:111122223333:analyzer/a"
	list := findingsOf(analyzer, sampleBucket, resource.Result{Findings: []resource.Finding{sampleAccess()}, Error: resource.AccessDenied})
	if len(list) != 2 || list[1].Error == nil || *list[1].Error != "ACCESS_DENIED" || list[1].Principal != nil || list[1].IsPublic != nil || *list[1].Id == *list[0].Id {
		t.Fatalf("findings %s", wire.Marshal(list[len(list)-1]))
	}
	for _, f := range list {
		f.Status, f.CreatedAt, f.AnalyzedAt, f.UpdatedAt = "ACTIVE", wire.Ptr(wire.Time(1)), wire.Ptr(wire.Time(2)), wire.Ptr(wire.Time(3))
		row := findingRow(f)
		got, err := readFinding(&row)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(f, got); d != "" {
			t.Errorf("-want +got\n%s", d)
		}
	}
}

// TestFilter holds criteria to access-analyzer.md 3.1.
func TestFilter(t *testing.T) {
	f := findingsOf("a", sampleBucket, resource.Result{Findings: []resource.Finding{sampleAccess()}})[0]
	f.Status = "ACTIVE"
	failed := findingsOf("a", sampleBucket, resource.Result{Error: resource.InternalError})[0]
	failed.Status = "ARCHIVED"
	type criterion = accessanalyzer.Criterion
	yes, no := wire.Ptr(true), wire.Ptr(false)
	for name, c := range map[string]struct {
		filter         filter
		access, failed bool
	}{
		"nothing":                  {nil, true, true},
		"eq":                       {filter{"resource": {Eq: []string{"x", "arn:aws:s3:::logs"}}}, true, true},
		"eq another":               {filter{"resource": {Eq: []string{"logs"}}}, false, false},
		"contains":                 {filter{"resource": {Contains: []string{"x", ":::lo"}}}, true, true},
		"contains another":         {filter{"resource": {Contains: []string{"LOGS"}}}, false, false},
		"neq":                      {filter{"principal.AWS": {Neq: []string{"111122223333"}}}, true, true},
		"neq that one":             {filter{"principal.AWS": {Neq: []string{"111122223333", "999988887777"}}}, false, true},
		"exists":                   {filter{"principal.AWS": {Exists: yes}}, true, false},
		"exists not":               {filter{"principal.AWS": {Exists: no}}, false, true},
		"another principal":        {filter{"principal.Federated": {Exists: yes}}, false, false},
		"all operators":            {filter{"principal.AWS": criterion{Eq: []string{"999988887777"}, Neq: []string{"1"}, Contains: []string{"9999"}, Exists: yes}}, true, false},
		"operators that differ":    {filter{"principal.AWS": criterion{Eq: []string{"999988887777"}, Contains: []string{"1"}}}, false, false},
		"isPublic":                 {filter{"isPublic": {Eq: []string{"false"}}}, true, false},
		"isPublic neq":             {filter{"isPublic": {Neq: []string{"true"}}}, true, true},
		"condition":                {filter{"condition.aws:SourceIp": {Eq: []string{"203.0.113.0/24"}}}, true, false},
		"condition in small":       {filter{"condition.aws:sourceip": {Contains: []string{"203."}}}, true, false},
		"condition with a wild":    {filter{"condition.aws:PrincipalArn": {Contains: []string{"role/a*"}}}, true, false},
		"another condition":        {filter{"condition.aws:SourceVpc": {Exists: no}}, true, true},
		"error":                    {filter{"error": {Eq: []string{"INTERNAL_ERROR"}}}, false, true},
		"type":                     {filter{"resourceType": {Eq: []string{"AWS::S3::Bucket"}}}, true, true},
		"owner":                    {filter{"resourceOwnerAccount": {Eq: []string{"111122223333"}}}, true, true},
		"finding type":             {filter{"findingType": {Eq: []string{"ExternalAccess"}}}, true, true},
		"status":                   {filter{"status": {Eq: []string{"ACTIVE"}}}, true, false},
		"id":                       {filter{"id": {Eq: []string{*f.Id}}}, true, false},
		"restriction":              {filter{"resourceControlPolicyRestriction": {Eq: []string{"NOT_APPLICABLE"}}}, true, false},
		"service restriction":      {filter{"serviceControlPolicyRestriction": {Exists: yes}}, false, false},
		"all keys have to hold":    {filter{"status": {Eq: []string{"ACTIVE"}}, "error": {Exists: yes}}, false, false},
		"and these do":             {filter{"status": {Eq: []string{"ACTIVE"}}, "error": {Exists: no}}, true, false},
		"a value that is not text": {filter{"resource": {Eq: []string{"\x00\xff"}}}, false, false},
	} {
		if got := matches(c.filter, findingMember(f)); got != c.access {
			t.Errorf("%s: access %v", name, got)
		}
		if got := matches(c.filter, findingMember(failed)); got != c.failed {
			t.Errorf("%s: error %v", name, got)
		}
		if err := checkFilter(c.filter, listKeys...); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, bad := range map[string]filter{
		"no key": {"colour": {Exists: yes}}, "principal": {"principal": {Exists: yes}}, "no name": {"condition.": {Exists: yes}},
		"status of a rule": {"status": {Exists: yes}}, "id of a rule": {"id": {Exists: yes}}, "no operator": {"resource": {}}, "case": {"Resource": {Exists: yes}},
	} {
		if checkFilter(bad) == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
