package resource

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/iam/reach"
	"github.com/magpie-sec/magpie/internal/source"
)

// TestMeanings holds each policy of testdata/public/meanings.txt to what it says of the three meanings of public.
func TestMeanings(t *testing.T) {
	data, err := os.ReadFile("testdata/public/meanings.txt")
	if err != nil {
		t.Fatal(err)
	}
	differ := 0
	for _, line := range strings.Split(string(data), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		words := strings.Fields(line)
		p := meaningPolicy(t, line[strings.IndexAny(line, "{["):])
		guard := reach.Alone(p, "arn:aws:s3:::b/*")
		actions := bucketParts()[1].actions
		accesses, err := reach.External(guard, reach.Zone{Account: "111122223333"}, actions, reach.Limits{})
		if err != nil {
			t.Errorf("%s: %v", line, err)
		}
		open, err := reach.IsPublic(guard, actions, reach.Limits{})
		if err != nil {
			t.Errorf("%s: %v", line, err)
		}
		s3 := PublicPolicy(p, false)
		yes := map[bool]string{true: "yes", false: "no"}
		got := []string{yes[len(accesses) > 0], yes[len(open) > 0], yes[s3]}
		if strings.Join(got, " ") != strings.Join(words[:3], " ") {
			t.Errorf("%s\n got %v", line, got)
		}
		if got[1] != got[2] || got[0] != got[1] {
			differ++
		}
		public := false
		for _, a := range accesses {
			public = public || a.Public
		}
		if public != (len(open) > 0) {
			t.Errorf("%s: External says public %v, IsPublic the contrary", line, public)
		}
	}
	if differ < 30 {
		t.Errorf("only %d vectors on which the meanings differ", differ)
	}
}

func meaningPolicy(t *testing.T, text string) *iam.Policy {
	t.Helper()
	if text[0] == '{' {
		text = "[" + text + "]"
	}
	var statements []map[string]any
	if err := json.Unmarshal([]byte(text), &statements); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	for _, s := range statements {
		for name, v := range map[string]string{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"} {
			if s[name] == nil {
				s[name] = v
			}
		}
	}
	whole, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
	if err != nil {
		t.Fatal(err)
	}
	p, err := iam.Parse(string(whole), iam.Resource)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return p
}

// TestPublicPolicyDetails holds vectors for what the table of meanings has no room for.
func TestPublicPolicyDetails(t *testing.T) {
	const covered = `{"Effect":"Deny","Principal":"*","Action":%s,"Resource":%s,"Condition":{"StringNotEquals":{"aws:SourceVpc":"vpc-1"}}}`
	deny := func(action, resource string) string {
		return fmt.Sprintf(covered, action, resource)
	}
	for _, tt := range []struct {
		name, text  string
		accessPoint bool
		want        bool
	}{
		{"a Deny of fewer actions", `[{"Principal":"*","Action":"s3:*"},` + deny(`"s3:GetObject"`, `"*"`) + `]`, false, true},
		{"a Deny of all actions that a pattern means", `[{"Principal":"*","Action":"s3:GetObjectVers*"},` + deny(`"s3:Get*"`, `"*"`) + `]`, false, false},
		{"a question mark covers no star", `[{"Principal":"*","Action":"s3:*"},` + deny(`"s3:?"`, `"*"`) + `]`, false, true},
		{"a Deny of other objects", `[{"Principal":"*"},` + deny(`"s3:*"`, `"arn:aws:s3:::b/private/*"`) + `]`, false, true},
		{"a Deny of the objects", `[{"Principal":"*"},` + deny(`"s3:*"`, `["arn:aws:s3:::b","arn:aws:s3:::b/*"]`) + `]`, false, false},
		{"a Deny of everyone but named principals", `[{"Principal":"*"},{"Effect":"Deny","NotPrincipal":{"AWS":"999988887777"}}]`, false, false},
		{"a Deny that a missing key escapes", `[{"Principal":"*"},{"Effect":"Deny","Principal":"*","Condition":{"ForAnyValue:StringNotEquals":{"aws:PrincipalOrgPaths":"o-1/"}}}]`, false, true},
		{"an access point's own ARN limits nothing in its policy", `{"Principal":"*","Condition":{"ArnEquals":{"s3:DataAccessPointArn":"arn:aws:s3:eu-west-1:111122223333:accesspoint/a"}}}`, true, true},
		{"but limits a bucket's policy", `{"Principal":"*","Condition":{"ArnEquals":{"s3:DataAccessPointArn":"arn:aws:s3:eu-west-1:111122223333:accesspoint/a"}}}`, false, false},
		{"no statement", `[]`, false, false},
		{"nobody", `{"Principal":{"AWS":[]}}`, false, false},
		{"no value", `{"Principal":"*","Condition":{"StringEquals":{"aws:SourceVpc":[]}}}`, false, false},
		{"one of two values is a pattern", `{"Principal":"*","Condition":{"StringLike":{"aws:SourceVpc":["vpc-1","vpc-?"]}}}`, false, true},
		{"a star that is none", `{"Principal":"*","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-*"}}}`, false, true},
		{"a variable", `{"Principal":"*","Condition":{"StringEquals":{"aws:PrincipalAccount":"${aws:ResourceAccount}"}}}`, false, true},
		{"an address as text", `{"Principal":"*","Condition":{"StringLike":{"aws:SourceIp":"203.0.113.7"}}}`, false, true},
	} {
		if got := PublicPolicy(meaningPolicy(t, tt.text), tt.accessPoint); got != tt.want {
			t.Errorf("%s: public is %v", tt.name, got)
		}
	}
}

// TestEffectivePermission goes through all states of the facts that Macie's effectivePermission rests on, beside the formula of macie.md 6.2
// for each way the unknown ones may be.
func TestEffectivePermission(t *testing.T) {
	public := source.Known(Document{Text: `{"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*"}]}`})
	private := source.Known(Document{Text: `{"Statement":[{"Effect":"Allow","Principal":{"AWS":"999988887777"},"Action":"s3:GetObject","Resource":"*"}]}`})
	partly := source.Known(Document{Text: public.Value.Text, Least: private.Value.Text, Reason: "a parameter"})
	broken := source.Known(Document{Text: `{`})
	grants := []source.Grant{{GranteeType: "Group", Grantee: source.AuthenticatedUsers, Permission: "READ"}}
	block := func(ignore, restrict bool) source.Fact[source.PublicAccessBlock] {
		return source.Known(source.PublicAccessBlock{IgnorePublicACLs: ignore, RestrictPublicBuckets: restrict})
	}
	blocks := []source.Fact[source.PublicAccessBlock]{{}, source.Absent[source.PublicAccessBlock](""), block(true, false), block(false, true), block(true, true)}
	count := map[Permission]int{}
	for _, policy := range []source.Fact[Document]{{}, source.Absent[Document](""), public, private, partly, broken} {
		for _, acl := range []source.Fact[[]source.Grant]{{}, source.Known([]source.Grant{}), source.Known(grants)} {
			for _, ownership := range []source.Fact[string]{{}, source.Absent[string](""), source.Known("BucketOwnerEnforced"), source.Known("ObjectWriter")} {
				for _, account := range blocks {
					for _, bucket := range blocks {
						r := &Resource{Type: Bucket, Policy: policy, ACL: acl, Ownership: ownership, AccountBlock: account, PublicAccessBlock: bucket}
						got := EffectivePermission(r)
						count[got]++
						if want := formula(r, public.Value.Text); got != want {
							t.Fatalf("%+v\n got %s, want %s", r, got, want)
						}
					}
				}
			}
		}
	}
	if len(count) != 3 {
		t.Errorf("not all answers occur: %v", count)
	}
}

// formula tries every way in which unknown facts may turn out.
func formula(r *Resource, publicText string) Permission {
	either := []bool{false, true}
	switches := func(f source.Fact[source.PublicAccessBlock], of func(source.PublicAccessBlock) bool) []bool {
		if f.State == source.StateUnknown {
			return either
		}
		return []bool{of(f.Value)}
	}
	acls, policies, enforced := []bool{len(r.ACL.Value) > 0}, []bool{r.Policy.Value.Text == publicText}, []bool{r.Ownership.Value == "BucketOwnerEnforced"}
	if r.ACL.State == source.StateUnknown {
		acls = either
	}
	if r.Policy.State == source.StateUnknown || r.Policy.Value.Least != "" || r.Policy.Value.Text == "{" {
		policies = either
	}
	if r.Ownership.State == source.StateUnknown {
		enforced = either
	}
	seen := map[bool]bool{}
	for _, acl := range acls {
		for _, policy := range policies {
			for _, e := range enforced {
				for _, i1 := range switches(r.AccountBlock, ignores) {
					for _, i2 := range switches(r.PublicAccessBlock, ignores) {
						for _, r1 := range switches(r.AccountBlock, restricts) {
							for _, r2 := range switches(r.PublicAccessBlock, restricts) {
								seen[acl && !e && !(i1 || i2) || policy && !(r1 || r2)] = true
							}
						}
					}
				}
			}
		}
	}
	switch {
	case len(seen) == 2:
		return PublicUncertain
	case seen[true]:
		return Public
	}
	return NotPublic
}

func TestSharedAccess(t *testing.T) {
	policy := func(statement string) source.Fact[Document] {
		return source.Known(Document{Text: `{"Statement":[` + statement + `]}`})
	}
	zone := reach.Zone{Account: "111122223333", Organization: "o-a1b2c3d4e5", Accounts: []string{"111122223333", "444455556666"}}
	for _, tt := range []struct {
		name   string
		policy source.Fact[Document]
		want   Sharing
	}{
		{"no policy", source.Absent[Document](""), NotShared},
		{"unknown policy", source.Unknown[Document]("timeout"), SharingUncertain},
		{"own account", policy(`{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"s3:*","Resource":"*"}`), NotShared},
		{"the organization", policy(`{"Effect":"Allow","Principal":{"AWS":"444455556666"},"Action":"s3:*","Resource":"*"}`), Internal},
		{"outside", policy(`{"Effect":"Allow","Principal":{"AWS":["444455556666","999988887777"]},"Action":"s3:*","Resource":"*"}`), External},
		{"everyone", policy(`{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}`), External},
		{"origin access control", policy(`{"Effect":"Allow","Principal":{"Service":"cloudfront.amazonaws.com"},"Action":"s3:GetObject","Resource":"*",
			"Condition":{"StringEquals":{"aws:SourceArn":"arn:aws:cloudfront::111122223333:distribution/E1"}}}`), External},
		{"origin access identity", policy(`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1"},"Action":"s3:GetObject","Resource":"*"}`), External},
		{"another service", policy(`{"Effect":"Allow","Principal":{"Service":"logging.s3.amazonaws.com"},"Action":"s3:PutObject","Resource":"*"}`), NotShared},
	} {
		r := &Resource{ARN: "arn:aws:s3:::b", Type: Bucket, Account: "111122223333", Policy: tt.policy,
			ACL: source.Absent[[]source.Grant](""), AccountBlock: source.Absent[source.PublicAccessBlock](""),
			PublicAccessBlock: source.Absent[source.PublicAccessBlock](""), Ownership: source.Absent[string]("")}
		if got := SharedAccess(r, zone); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}
