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
		r, err := p.Resource(Now{})
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
			_, err = p.Resource(Now{Current: &resource.Resource{ARN: p.ARN, Type: p.Type, Account: testAccount}})
			var bad *InvalidError
			if errors.As(err, &bad) != (extra == 1) {
				t.Errorf("%s with %d bytes: %v", c.name, len(text), err)
			}
		}
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
	r, err := p.Resource(Now{Current: &current})
	if err != nil {
		t.Fatal(err)
	}
	if current.Fingerprint() != before || r.Fingerprint() == before || r.Doubt != "" {
		t.Errorf("%+v\n%+v", current, r)
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
		r, err := p.Resource(Now{Current: &current})
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

func access(id, who string, status accessanalyzer.FindingStatus, actions ...string) accessanalyzer.Finding {
	f := accessanalyzer.Finding{Resource: wire.Ptr("arn:aws:s3:::logs"), ResourceType: accessanalyzer.ResourceType(resource.Bucket), Principal: map[string]string{"AWS": who},
		Action: actions, Condition: map[string]string{}, IsPublic: wire.Ptr(who == "*"), ResourceOwnerAccount: wire.Ptr(testAccount), Status: status,
		Sources: []accessanalyzer.FindingSource{{Type: "POLICY"}}}
	if id != "" {
		f.Id = wire.Ptr(id)
	}
	return f
}

func TestCompare(t *testing.T) {
	const active, archived, resolved = accessanalyzer.FindingStatusActive, accessanalyzer.FindingStatusArchived, accessanalyzer.FindingStatusResolved
	failed := func(id string) accessanalyzer.Finding {
		return accessanalyzer.Finding{Id: wire.Ptr(id), Resource: wire.Ptr("arn:aws:s3:::logs"), ResourceType: accessanalyzer.ResourceType(resource.Bucket), Error: wire.Ptr("INTERNAL_ERROR"), Status: active}
	}
	none := func(*accessanalyzer.Finding) bool { return false }
	ofBravo := func(f *accessanalyzer.Finding) bool { return f.Principal["AWS"] == "222222222222" }
	inVPC := access("", "*", "", "s3:GetObject")
	inVPC.Condition = map[string]string{"aws:SourceVpc": "vpc-0a1b2c3d"}
	through := access("", "111111111111", "", "s3:GetObject")
	through.Sources = []accessanalyzer.FindingSource{{Type: "S3_ACCESS_POINT", Detail: &accessanalyzer.FindingSourceDetail{AccessPointArn: wire.Ptr("arn:aws:s3:eu-west-1:111122223333:accesspoint/p")}}}
	restricted := access("", "111111111111", "", "s3:GetObject")
	restricted.ResourceControlPolicyRestriction = "APPLICABLE"
	for name, c := range map[string]struct {
		proposed, current []accessanalyzer.Finding
		rule              func(*accessanalyzer.Finding) bool
		want              []string // CHANGE STATUS EXISTING-ID EXISTING-STATUS
	}{
		"nothing": {},
		"new, under no rule and under one": {
			proposed: []accessanalyzer.Finding{access("", "111111111111", "", "s3:GetObject"), access("", "222222222222", "", "s3:GetObject")},
			rule:     ofBravo, want: []string{"NEW ACTIVE", "NEW ARCHIVED"}},
		"unchanged, whatever rules say": {
			proposed: []accessanalyzer.Finding{access("", "111111111111", "", "s3:GetObject"), access("", "222222222222", "", "s3:PutObject", "s3:GetObject")},
			current:  []accessanalyzer.Finding{access("b", "222222222222", active, "s3:GetObject", "s3:PutObject"), access("a", "111111111111", archived, "s3:GetObject")},
			rule:     ofBravo, want: []string{"UNCHANGED ARCHIVED a ARCHIVED", "UNCHANGED ACTIVE b ACTIVE"}},
		"gone": {
			current: []accessanalyzer.Finding{access("b", "222222222222", active, "s3:GetObject"), access("a", "111111111111", archived, "s3:GetObject"), access("c", "333333333333", resolved, "s3:GetObject")},
			want:    []string{"CHANGED RESOLVED a ARCHIVED", "CHANGED RESOLVED b ACTIVE"}},
		"back again": {
			proposed: []accessanalyzer.Finding{access("", "111111111111", "", "s3:GetObject"), access("", "222222222222", "", "s3:GetObject")},
			current:  []accessanalyzer.Finding{access("a", "111111111111", resolved, "s3:GetObject"), access("b", "222222222222", resolved, "s3:GetObject")},
			rule:     ofBravo, want: []string{"CHANGED ACTIVE a RESOLVED", "CHANGED ARCHIVED b RESOLVED"}},
		"other actions are other access": {
			proposed: []accessanalyzer.Finding{access("", "111111111111", "", "s3:GetObject", "s3:PutObject")},
			current:  []accessanalyzer.Finding{access("a", "111111111111", active, "s3:GetObject")},
			want:     []string{"NEW ACTIVE", "CHANGED RESOLVED a ACTIVE"}},
		"so are other conditions, sources and restrictions": {
			proposed: []accessanalyzer.Finding{inVPC, through, restricted},
			current:  []accessanalyzer.Finding{access("a", "*", active, "s3:GetObject"), access("b", "111111111111", active, "s3:GetObject")},
			want:     []string{"NEW ACTIVE", "NEW ACTIVE", "NEW ACTIVE", "CHANGED RESOLVED a ACTIVE", "CHANGED RESOLVED b ACTIVE"}},
		"an error stays":          {proposed: []accessanalyzer.Finding{failed("")}, current: []accessanalyzer.Finding{failed("e")}, want: []string{"UNCHANGED ACTIVE e ACTIVE"}},
		"an error is cured":       {proposed: []accessanalyzer.Finding{access("", "111111111111", "", "s3:GetObject")}, current: []accessanalyzer.Finding{failed("e")}, want: []string{"NEW ACTIVE"}},
		"an error comes about":    {proposed: []accessanalyzer.Finding{failed("")}, current: []accessanalyzer.Finding{access("a", "111111111111", active, "s3:GetObject")}, want: []string{"NEW ACTIVE", "CHANGED RESOLVED a ACTIVE"}},
		"the live one of two":     {proposed: []accessanalyzer.Finding{access("", "111111111111", "", "s3:GetObject")}, current: []accessanalyzer.Finding{access("a", "111111111111", active, "s3:GetObject"), access("b", "111111111111", resolved, "s3:GetObject")}, want: []string{"UNCHANGED ACTIVE a ACTIVE"}},
		"rules see a new finding": {proposed: []accessanalyzer.Finding{access("", "111111111111", "", "s3:GetObject")}, rule: func(f *accessanalyzer.Finding) bool { return f.Status == active }, want: []string{"NEW ARCHIVED"}},
	} {
		rule := c.rule
		if rule == nil {
			rule = none
		}
		var got []string
		for _, f := range Compare(c.proposed, c.current, rule) {
			line := strings.TrimSpace(fmt.Sprintf("%s %s %s %s", f.ChangeType, f.Status, wire.Value(f.ExistingFindingId), f.ExistingFindingStatus))
			got = append(got, line)
			if f.Id != nil || f.CreatedAt != nil || wire.Value(f.Resource) == "" || f.ResourceType == "" {
				t.Errorf("%s: %+v", name, f)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
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
		for _, now := range []Now{{}, {Current: &current}} {
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
