package preview

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/magpie-sec/magpie/internal/iam/reach"
	"github.com/magpie-sec/magpie/internal/resource"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/accessanalyzer"
)

func TestReadOneElement(t *testing.T) {
	queue := accessanalyzer.Configuration{SqsQueue: &accessanalyzer.SqsQueueConfiguration{}}
	for _, given := range []map[string]accessanalyzer.Configuration{nil, {},
		{"arn:aws:sqs:eu-west-1:111122223333:a": queue, "arn:aws:sqs:eu-west-1:111122223333:b": queue}} {
		_, err := Read(given, testAccount, testRegion)
		var refused *wire.Error
		if !errors.As(err, &refused) || refused.Kind != wire.Validation || !strings.Contains(refused.Message, fmt.Sprintf("exactly one element, it has %d", len(given))) {
			t.Errorf("%d elements: %v", len(given), err)
		}
	}
}

// Other partitions are as good.
func TestPartitions(t *testing.T) {
	for region, name := range map[string]string{"cn-north-1": "arn:aws-cn:kms:cn-north-1:111122223333:key/a", "us-gov-west-1": "arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/a"} {
		p, err := Read(map[string]accessanalyzer.Configuration{name: {KmsKey: &accessanalyzer.KmsKeyConfiguration{}}}, testAccount, region)
		if err != nil {
			t.Errorf("%s: %v", region, err)
			continue
		}
		r, err := p.Resource(resource.One{})
		if err != nil || !strings.Contains(r.Policy.Value.Text, strings.Split(name, ":")[1]+":iam::111122223333:root") {
			t.Errorf("%s: %+v, %v", region, r, err)
		}
		if got := resource.Analyze(r, reach.Zone{Account: testAccount}); got.Error != "" || len(got.Findings) > 0 {
			t.Errorf("%s: %+v", region, got)
		}
	}
}

// What is counted may have its most, and not one more.
func TestCounts(t *testing.T) {
	grants := func(n int) string {
		return "[" + strings.TrimSuffix(strings.Repeat(`{"permission":"READ","grantee":{"uri":"http://acs.amazonaws.com/groups/global/AllUsers"}},`, n), ",") + "]"
	}
	keyGrants := func(n int) string {
		return "[" + strings.TrimSuffix(strings.Repeat(`{"operations":["Decrypt"],"granteePrincipal":"999988887777","issuingAccount":"111122223333"},`, n), ",") + "]"
	}
	points := func(service string, n int) string {
		var list []string
		for i := range n {
			list = append(list, fmt.Sprintf(`"arn:aws:%s:eu-west-1:111122223333:accesspoint/p%d":{}`, service, i))
		}
		return "{" + strings.Join(list, ",") + "}"
	}
	for _, c := range []struct {
		name, format string
		items        func(n int) string
		most         int
	}{
		{"arn:aws:s3:::logs", `{"s3Bucket":{"bucketAclGrants":%s}}`, grants, 100},
		{"arn:aws:s3:::logs", `{"s3Bucket":{"accessPoints":%s}}`, func(n int) string { return points("s3", n) }, 10},
		{"arn:aws:s3express:eu-west-1:111122223333:bucket/b", `{"s3ExpressDirectoryBucket":{"accessPoints":%s}}`, func(n int) string { return points("s3express", n) }, 10},
		{"arn:aws:kms:eu-west-1:111122223333:key/a", `{"kmsKey":{"grants":%s}}`, keyGrants, 100},
	} {
		for n, want := range map[int]bool{c.most: true, c.most + 1: false} {
			given, violated := configurations(t, c.name, fmt.Sprintf(c.format, c.items(n)))
			if violated != nil {
				t.Fatal(violated)
			}
			if _, err := Read(given, testAccount, testRegion); (err == nil) != want {
				t.Errorf("%s with %d: %v", c.format, n, err)
			}
		}
	}
}

// A policy may have the size that its service stores, and not one byte more.
func TestSizes(t *testing.T) {
	statement := `{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"%s:*","Resource":"*"}`
	for _, c := range []struct {
		name, format, statement string
		most                    int
	}{
		{"arn:aws:s3:::logs", `{"s3Bucket":{"bucketPolicy":%s}}`, fmt.Sprintf(statement, "s3"), 20480},
		{"arn:aws:sqs:eu-west-1:111122223333:q", `{"sqsQueue":{"queuePolicy":%s}}`, fmt.Sprintf(statement, "sqs"), 8192},
		{"arn:aws:kms:eu-west-1:111122223333:key/a", `{"kmsKey":{"keyPolicies":{"default":%s}}}`, fmt.Sprintf(statement, "kms"), 32768},
		{"arn:aws:iam::111122223333:role/a", `{"iamRole":{"trustPolicy":%s}}`, `{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"}`, 4096},
	} {
		for _, extra := range []int{0, 1} {
			begin, end := `{"Version":"2012-10-17","Id":"`, `","Statement":[`+c.statement+`]}`
			text := begin + strings.Repeat("x", c.most+extra-len(begin)-len(end)) + end
			quoted, _ := json.Marshal(text)
			given, violated := configurations(t, c.name, fmt.Sprintf(c.format, quoted))
			if violated != nil {
				t.Fatal(violated)
			}
			p, err := Read(given, testAccount, testRegion)
			if err != nil {
				t.Fatal(err)
			}
			_, err = p.Resource(resource.One{Resource: &resource.Resource{ARN: p.ARN, Type: p.Type, Account: testAccount}})
			var bad *InvalidError
			if errors.As(err, &bad) != (extra == 1) {
				t.Errorf("%s with %d bytes: %v", c.name, len(text), err)
			}
		}
	}
}

// A snapshot may be shared with very many accounts.
func TestManyShares(t *testing.T) {
	const n = 1500
	var ids []string
	for i := range n {
		ids = append(ids, fmt.Sprint(200000000000+i))
	}
	p, err := Read(map[string]accessanalyzer.Configuration{"arn:aws:ec2:eu-west-1::snapshot/snap-0a1b2c3d4e5f60718": {EbsSnapshot: &accessanalyzer.EbsSnapshotConfiguration{UserIds: ids}}},
		testAccount, testRegion)
	if err != nil {
		t.Fatal(err)
	}
	r, err := p.Resource(resource.One{})
	if err != nil {
		t.Fatal(err)
	}
	if got := resource.Analyze(r, reach.Zone{Account: testAccount}); len(got.Findings) != n || got.Error != "" {
		t.Errorf("%d findings, error %q (%s)", len(got.Findings), got.Error, got.Reason)
	}
}

// A proposal leaves the resource as it is alone.
func TestCurrentIsKept(t *testing.T) {
	point := resource.AccessPoint{ARN: "arn:aws:s3:eu-west-1:111122223333:accesspoint/p", Name: "p"}
	current := resource.Resource{ARN: "arn:aws:s3:::logs", Type: resource.Bucket, Account: testAccount, Doubt: "perhaps",
		ACL: source.Known([]source.Grant{{GranteeType: "CanonicalUser", Grantee: "a", Permission: "READ"}}), AccessPoints: source.Known([]resource.AccessPoint{point}),
		Shares: source.Known([]string{"all"})}
	before := current.Fingerprint()
	given, _ := configurations(t, current.ARN, `{"s3Bucket":{"bucketPolicy":"","bucketAclGrants":[],"accessPoints":{"`+point.ARN+`":{"accessPointPolicy":"","networkOrigin":{"internetConfiguration":{}}}}}}`)
	p, err := Read(given, testAccount, testRegion)
	if err != nil {
		t.Fatal(err)
	}
	r, err := p.Resource(resource.One{Resource: &current})
	if err != nil {
		t.Fatal(err)
	}
	if current.Fingerprint() != before || r.Fingerprint() == before || r.Doubt != "" {
		t.Errorf("%+v\n%+v", current, r)
	}
}

// TestNothingProposed proposes nothing of a resource of each type: it stays as it is, whatever is known of it.
func TestNothingProposed(t *testing.T) {
	names := map[string]string{
		"s3Bucket": "arn:aws:s3:::logs", "s3ExpressDirectoryBucket": "arn:aws:s3express:eu-west-1:111122223333:bucket/b", "iamRole": "arn:aws:iam::111122223333:role/a",
		"kmsKey": "arn:aws:kms:eu-west-1:111122223333:key/a", "secretsManagerSecret": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:a",
		"sqsQueue": "arn:aws:sqs:eu-west-1:111122223333:a", "snsTopic": "arn:aws:sns:eu-west-1:111122223333:a", "ecrRepository": "arn:aws:ecr:eu-west-1:111122223333:repository/a",
		"efsFileSystem": "arn:aws:elasticfilesystem:eu-west-1:111122223333:file-system/a", "dynamodbTable": "arn:aws:dynamodb:eu-west-1:111122223333:table/a",
		"dynamodbStream": "arn:aws:dynamodb:eu-west-1:111122223333:table/a/stream/b", "ebsSnapshot": "arn:aws:ec2:eu-west-1::snapshot/a",
		"rdsDbSnapshot": "arn:aws:rds:eu-west-1:111122223333:snapshot:a", "rdsDbClusterSnapshot": "arn:aws:rds:eu-west-1:111122223333:cluster-snapshot:a",
	}
	if len(names) != len(kinds) {
		t.Errorf("%d of %d kinds", len(names), len(kinds))
	}
	for member, name := range names {
		given, violated := configurations(t, name, `{"`+member+`":{}}`)
		if violated != nil {
			t.Fatal(violated)
		}
		p, err := Read(given, testAccount, testRegion)
		if err != nil {
			t.Fatal(err)
		}
		told := resource.Resource{ARN: p.ARN, Type: p.Type, Account: testAccount, Region: "elsewhere", Marker: "<a>",
			Policy: source.Known(resource.Document{Text: "x", Least: "y", Reason: "z", Places: []resource.Place{{File: "f", Line: 1}}}),
			Owner:  source.Known(source.Owner{ID: "c0ffee"}), ACL: source.Known([]source.Grant{{Grantee: "decade"}}), Ownership: source.Known("ObjectWriter"),
			PublicAccessBlock: source.Known(source.PublicAccessBlock{IgnorePublicACLs: true}), AccountBlock: source.Known(source.PublicAccessBlock{RestrictPublicBuckets: true}),
			AccessPoints: source.Known([]resource.AccessPoint{{ARN: "p"}}), Grants: source.Known([]resource.KeyGrant{{Grantee: "g"}}),
			Shares: source.Known([]string{"all"}), Encrypted: source.Known(true), KMSKey: source.Known("k"), SecretKey: &resource.Resource{ARN: "k"}}
		for _, current := range []resource.Resource{told, {ARN: p.ARN, Type: p.Type, Account: testAccount}} {
			now := resource.One{Resource: &current, Owner: source.Known(source.Owner{ID: "other"}), AccountBlock: source.Absent[source.PublicAccessBlock]("")}
			r, err := p.Resource(now)
			if err != nil || r.Fingerprint() != current.Fingerprint() {
				t.Errorf("%s: %+v, %v", member, r, err)
			}
		}
		foreign := told
		foreign.Account = "999988887777"
		var bad *InvalidError
		if _, err := p.Resource(resource.One{Resource: &foreign}); !errors.As(err, &bad) {
			t.Errorf("%s of another account: %v", member, err)
		}
	}
}

// Where a store does not tell which access points a bucket has, what is not said of a proposed one is unknown.
func TestUnknownAccessPoints(t *testing.T) {
	open := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::logs","arn:aws:s3:::logs/*"],"Condition":{"StringEquals":{"s3:DataAccessPointAccount":"111122223333"}}}}`
	current := resource.Resource{ARN: "arn:aws:s3:::logs", Type: resource.Bucket, Account: testAccount, Policy: source.Known(resource.Document{Text: open}),
		ACL: source.Known([]source.Grant{}), AccessPoints: source.Unknown[[]resource.AccessPoint]("the store does not tell")}
	current.Ownership, current.PublicAccessBlock, current.AccountBlock = source.Absent[string](""), source.Absent[source.PublicAccessBlock](""), source.Absent[source.PublicAccessBlock]("")
	analyse := func(configuration string) resource.Result {
		given, _ := configurations(t, current.ARN, configuration)
		p, err := Read(given, testAccount, testRegion)
		if err != nil {
			t.Fatal(err)
		}
		r, err := p.Resource(resource.One{Resource: &current})
		if err != nil {
			t.Fatal(err)
		}
		return resource.Analyze(r, reach.Zone{Account: testAccount})
	}
	if got := analyse(`{"s3Bucket":{"accessPoints":{"arn:aws:s3:eu-west-1:111122223333:accesspoint/p":{}}}}`); got.Error == "" || !strings.Contains(got.Reason, "the store does not tell") {
		t.Errorf("%+v", got)
	}
	if got := analyse(`{"s3Bucket":{"accessPoints":{"arn:aws:s3:eu-west-1:111122223333:accesspoint/p":{"accessPointPolicy":""}}}}`); got.Error != "" || len(got.Findings) > 0 {
		t.Errorf("%+v", got)
	}
	if got := analyse(`{"s3Bucket":{"bucketPolicy":""}}`); got.Error != "" || len(got.Findings) > 0 {
		t.Errorf("%+v", got)
	}
}

func found(id, who string, status accessanalyzer.FindingStatus) *accessanalyzer.Finding {
	return &accessanalyzer.Finding{Id: wire.Ptr(id), Resource: wire.Ptr("arn:aws:s3:::logs"), ResourceType: accessanalyzer.ResourceType(resource.Bucket),
		Principal: map[string]string{"AWS": who}, Action: []string{"s3:GetObject"}, Condition: map[string]string{}, IsPublic: wire.Ptr(who == "*"),
		ResourceOwnerAccount: wire.Ptr(testAccount), Status: status, Sources: []accessanalyzer.FindingSource{{Type: "POLICY"}}, ResourceControlPolicyRestriction: "NOT_APPLICABLE"}
}

func TestCompare(t *testing.T) {
	const active, archived, resolved = accessanalyzer.FindingStatusActive, accessanalyzer.FindingStatusArchived, accessanalyzer.FindingStatusResolved
	failed := func(status accessanalyzer.FindingStatus) *accessanalyzer.Finding {
		return &accessanalyzer.Finding{Id: wire.Ptr("e"), Resource: wire.Ptr("arn:aws:s3:::logs"), ResourceType: accessanalyzer.ResourceType(resource.Bucket), Error: wire.Ptr("INTERNAL_ERROR"), Status: status}
	}
	ofBravo := func(f *accessanalyzer.Finding) bool { return f.Principal["AWS"] == "222222222222" }
	alpha, bravo := "111111111111", "222222222222"
	type findings = []*accessanalyzer.Finding
	for name, c := range map[string]struct {
		proposed, current findings
		rule              func(*accessanalyzer.Finding) bool
		want              []string // CHANGE STATUS EXISTING-ID EXISTING-STATUS
	}{
		"nothing": {},
		"new, under no rule and under one": {
			proposed: findings{found("a", alpha, ""), found("b", bravo, "")}, rule: ofBravo,
			want: []string{"NEW ACTIVE", "NEW ARCHIVED"}},
		"unchanged, whatever rules say": {
			proposed: findings{found("a", alpha, ""), found("b", bravo, "")}, current: findings{found("b", bravo, active), found("a", alpha, archived)}, rule: ofBravo,
			want: []string{"UNCHANGED ARCHIVED a ARCHIVED", "UNCHANGED ACTIVE b ACTIVE"}},
		"gone": {
			current: findings{found("b", bravo, active), found("a", alpha, archived), found("c", alpha, resolved)},
			want:    []string{"CHANGED RESOLVED a ARCHIVED", "CHANGED RESOLVED b ACTIVE"}},
		"back again": {
			proposed: findings{found("a", alpha, ""), found("b", bravo, "")}, current: findings{found("a", alpha, resolved), found("b", bravo, resolved)}, rule: ofBravo,
			want: []string{"CHANGED ACTIVE a RESOLVED", "CHANGED ARCHIVED b RESOLVED"}},
		"one for another": {
			proposed: findings{found("n", alpha, "")}, current: findings{found("a", alpha, active)},
			want: []string{"NEW ACTIVE", "CHANGED RESOLVED a ACTIVE"}},
		"the same twice": {
			proposed: findings{found("a", alpha, ""), found("b", bravo, ""), found("a", alpha, "")}, current: findings{found("a", alpha, active)},
			want: []string{"UNCHANGED ACTIVE a ACTIVE", "NEW ACTIVE"}},
		"an error stays":    {proposed: findings{failed("")}, current: findings{failed(active)}, want: []string{"UNCHANGED ACTIVE e ACTIVE"}},
		"an error is cured": {proposed: findings{found("a", alpha, "")}, current: findings{failed(active)}, want: []string{"NEW ACTIVE"}},
		"an error comes about": {proposed: findings{failed("")}, current: findings{found("a", alpha, active), found("b", bravo, archived)},
			want: []string{"NEW ACTIVE", "CHANGED RESOLVED a ACTIVE", "UNCHANGED ARCHIVED b ARCHIVED"}},
		"rules see a new finding": {proposed: findings{found("a", alpha, "")}, rule: func(f *accessanalyzer.Finding) bool { return f.Status == active },
			want: []string{"NEW ARCHIVED"}},
	} {
		rule := c.rule
		if rule == nil {
			rule = func(*accessanalyzer.Finding) bool { return false }
		}
		var got []string
		for _, f := range Compare(c.proposed, c.current, rule) {
			line := strings.TrimSpace(fmt.Sprintf("%s %s %s %s", f.ChangeType, f.Status, wire.Value(f.ExistingFindingId), f.ExistingFindingStatus))
			got = append(got, line)
			if f.Id != nil || f.CreatedAt != nil {
				t.Errorf("%s: %+v", name, f)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	// Everything else is the finding's.
	f := found("a", "*", "")
	f.Condition, f.Error = map[string]string{"aws:SourceVpc": "vpc-0a1b2c3d"}, wire.Ptr("e")
	want := accessanalyzer.AccessPreviewFinding{Principal: f.Principal, Action: f.Action, Condition: f.Condition, Resource: f.Resource, IsPublic: f.IsPublic,
		ResourceType: f.ResourceType, ResourceOwnerAccount: f.ResourceOwnerAccount, Error: f.Error, Sources: f.Sources,
		ResourceControlPolicyRestriction: f.ResourceControlPolicyRestriction, ChangeType: "NEW", Status: active}
	if diff := cmp.Diff([]accessanalyzer.AccessPreviewFinding{want}, Compare(findings{f}, nil, ofBravo)); diff != "" {
		t.Error(diff)
	}
}

// FuzzProposal reads any configuration for any ARN, over nothing and over a resource of the type: nothing panics, what comes out is of the
// type and can be analysed, and the resource as it is stays.
func FuzzProposal(f *testing.F) {
	for _, seed := range [][2]string{
		{"arn:aws:s3:::logs", `{"s3Bucket":{"bucketPolicy":"{\"Statement\":[]}","bucketAclGrants":[{"permission":"READ","grantee":{"id":"a"}}],"accessPoints":{"arn:aws:s3:eu-west-1:111122223333:accesspoint/p":{"accessPointPolicy":"","networkOrigin":{"vpcConfiguration":{"vpcId":"vpc-0a1b2c3d"}}}}}}`},
		{"arn:aws:s3express:eu-west-1:111122223333:bucket/b", `{"s3ExpressDirectoryBucket":{"accessPoints":{"arn:aws:s3express:eu-west-1:111122223333:accesspoint/p":{}}}}`},
		{"arn:aws:iam::111122223333:role/a", `{"iamRole":{"trustPolicy":"{\"Statement\":{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"*\"}}"}}`},
		{"arn:aws:kms:eu-west-1:111122223333:key/a", `{"kmsKey":{"keyPolicies":{"default":"{}"},"grants":[{"operations":["Decrypt"],"granteePrincipal":"arn:aws:sts::999988887777:assumed-role/a/b","issuingAccount":"111122223333","constraints":{"encryptionContextEquals":{"a":"b"}}}]}}`},
		{"arn:aws:secretsmanager:eu-west-1:111122223333:secret:a", `{"secretsManagerSecret":{"kmsKeyId":"","secretPolicy":""}}`},
		{"arn:aws:ec2:eu-west-1::snapshot/s", `{"ebsSnapshot":{"userIds":["999988887777"],"groups":["all"],"kmsKeyId":"k"}}`},
		{"arn:aws:rds:eu-west-1:111122223333:snapshot:s", `{"rdsDbSnapshot":{"attributes":{"restore":{"accountIds":["all"]}}}}`},
		{"arn:aws:dynamodb:eu-west-1:111122223333:table/t/stream/s", `{"dynamodbStream":{"streamPolicy":"{\"Statement\":[{}]}"}}`},
		{"arn:aws:sns:eu-west-1:111122223333:t", `{"snsTopic":{"topicPolicy":null}}`},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, name, text string) {
		var c accessanalyzer.Configuration
		if c.UnmarshalJSON([]byte(text)) != nil {
			return
		}
		p, err := Read(map[string]accessanalyzer.Configuration{name: c}, testAccount, testRegion)
		if err != nil {
			var refused *wire.Error
			if !errors.As(err, &refused) || refused.Kind != wire.Validation || len(refused.Message) > 2000 {
				t.Fatal(err)
			}
			return
		}
		current := resource.Resource{ARN: p.ARN, Type: p.Type, Account: testAccount, Marker: "<x>"}
		before := current.Fingerprint()
		for _, now := range []resource.One{{}, {Resource: &current}} {
			r, err := p.Resource(now)
			var bad *InvalidError
			if errors.As(err, &bad) {
				continue
			}
			if err != nil || r.ARN != p.ARN || r.Type != p.Type || r.Account != testAccount {
				t.Fatalf("%+v, %v", r, err)
			}
			resource.AnalyzeWithin(r, reach.Zone{Account: testAccount}, reach.Limits{Steps: 2000})
		}
		if current.Fingerprint() != before {
			t.Fatal("the current resource has changed")
		}
	})
}
