package accessanalyzer

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/accessanalyzer"
)

const (
	anyone      = `{"Version":"2012-10-17","Statement":[{"Sid":"Own","Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::logs/*"},{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::logs/*"}]}`
	oneAccount  = `{"Version":"2012-10-17","Statement":{"Sid":"Own","Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::logs/*"}}`
	organized   = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::logs/*","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}}}}`
	read        = `{"Version":"2012-10-17","Statement":{"Sid":"Read","Effect":"Allow","Action":"s3:Get*","Resource":"*"}}`
	readAndMore = `{"Version":"2012-10-17","Statement":[{"Sid":"Read","Effect":"Allow","Action":"s3:GetObject","Resource":"*"},{"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws:s3:::logs/*"}]}`
	trust       = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}}`
)

func reason(description string, index int64, sid string) accessanalyzer.ReasonSummary {
	r := accessanalyzer.ReasonSummary{Description: &description, StatementIndex: &index}
	if sid != "" {
		r.StatementId = &sid
	}
	return r
}

// The wording is that of AWS's documentation (access-analyzer.md 6).
func TestCheckNoNewAccess(t *testing.T) {
	for name, c := range map[string]struct {
		changed, existing string
		kind              accessanalyzer.AccessCheckPolicyType
		want              accessanalyzer.CheckNoNewAccessResult
		reasons           []accessanalyzer.ReasonSummary
	}{
		"the same":       {read, read, "IDENTITY_POLICY", "PASS", nil},
		"more":           {readAndMore, read, "IDENTITY_POLICY", "FAIL", []accessanalyzer.ReasonSummary{reason("New access in the statement with index: 1.", 1, "")}},
		"wider":          {read, readAndMore, "IDENTITY_POLICY", "FAIL", []accessanalyzer.ReasonSummary{reason("New access in the statement with sid: Read.", 0, "Read")}},
		"someone else":   {anyone, oneAccount, "RESOURCE_POLICY", "FAIL", []accessanalyzer.ReasonSummary{reason("New access in the statement with index: 1.", 1, "")}},
		"a condition":    {organized, anyone, "RESOURCE_POLICY", "PASS", nil},
		"trust policies": {trust, trust, "RESOURCE_POLICY", "PASS", nil},
	} {
		out, err := (&Service{}).CheckNoNewAccess(context.Background(), &accessanalyzer.CheckNoNewAccessInput{NewPolicyDocument: &c.changed, ExistingPolicyDocument: &c.existing, PolicyType: c.kind})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if out.Result != c.want {
			t.Errorf("%s: %s", name, out.Result)
		}
		if diff := cmp.Diff(c.reasons, out.Reasons); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TestCheckStopped sees that nothing is checked on for a client that has gone away.
func TestCheckStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s := &Service{}
	_, newAccess := s.CheckNoNewAccess(ctx, &accessanalyzer.CheckNoNewAccessInput{NewPolicyDocument: wire.Ptr(readAndMore), ExistingPolicyDocument: wire.Ptr(read), PolicyType: "IDENTITY_POLICY"})
	_, granted := s.CheckAccessNotGranted(ctx, &accessanalyzer.CheckAccessNotGrantedInput{PolicyDocument: wire.Ptr(read), PolicyType: "IDENTITY_POLICY",
		Access: []accessanalyzer.Access{{Actions: []string{"s3:GetObject"}}}})
	_, public := s.CheckNoPublicAccess(ctx, &accessanalyzer.CheckNoPublicAccessInput{PolicyDocument: wire.Ptr(anyone), ResourceType: "AWS::S3::Bucket"})
	for _, err := range []error{newAccess, granted, public} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	}
}

func TestCheckAccessNotGranted(t *testing.T) {
	for name, c := range map[string]struct {
		actions, resources []string
		want               accessanalyzer.CheckAccessNotGrantedResult
		message            string
	}{
		"another action":   {[]string{"s3:DeleteObject"}, nil, "PASS", "The policy document does not grant access to perform one or more of the listed actions."},
		"one of them":      {[]string{"s3:DeleteObject", "s3:putobject"}, nil, "FAIL", "The policy document grants access to perform one or more of the listed actions."},
		"a resource":       {nil, []string{"arn:aws:s3:::logs/a"}, "FAIL", "The policy document grants access to one or more of the listed resources."},
		"both":             {[]string{"s3:PutObject"}, []string{"arn:aws:s3:::other/a"}, "PASS", "The policy document does not grant access to perform one or more of the listed actions on the listed resources."},
		"both, and it may": {[]string{"s3:PutObject"}, []string{"arn:aws:s3:::logs/a"}, "FAIL", "The policy document grants access to perform one or more of the listed actions on the listed resources."},
	} {
		document := readAndMore
		out, err := (&Service{}).CheckAccessNotGranted(context.Background(), &accessanalyzer.CheckAccessNotGrantedInput{
			PolicyDocument: &document, PolicyType: "IDENTITY_POLICY", Access: []accessanalyzer.Access{{Actions: c.actions, Resources: c.resources}},
		})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if out.Result != c.want || *out.Message != c.message || (out.Result == "FAIL") != (len(out.Reasons) > 0) {
			t.Errorf("%s: %s, %q, %d reasons", name, out.Result, *out.Message, len(out.Reasons))
		}
	}
}

func TestCheckNoPublicAccess(t *testing.T) {
	for name, c := range map[string]struct {
		document string
		kind     accessanalyzer.AccessCheckResourceType
		want     accessanalyzer.CheckNoPublicAccessResult
		reasons  []accessanalyzer.ReasonSummary
	}{
		"everyone":        {anyone, "AWS::S3::Bucket", "FAIL", []accessanalyzer.ReasonSummary{reason("Public access granted in the following statement with index: 1.", 1, "")}},
		"an account":      {oneAccount, "AWS::S3::Bucket", "PASS", nil},
		"an organization": {organized, "AWS::S3::Bucket", "PASS", nil},
		"another service": {anyone, "AWS::SQS::Queue", "PASS", nil},
		"a role":          {trust, "AWS::IAM::AssumeRolePolicyDocument", "FAIL", []accessanalyzer.ReasonSummary{reason("Public access granted in the following statement with index: 0.", 0, "")}},
	} {
		out, err := (&Service{}).CheckNoPublicAccess(context.Background(), &accessanalyzer.CheckNoPublicAccessInput{PolicyDocument: &c.document, ResourceType: c.kind})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if out.Result != c.want {
			t.Errorf("%s: %s", name, out.Result)
		}
		if diff := cmp.Diff(c.reasons, out.Reasons); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for _, kind := range accessanalyzer.AccessCheckResourceType("").Values() {
		document := anyone
		if _, err := (&Service{}).CheckNoPublicAccess(context.Background(), &accessanalyzer.CheckNoPublicAccessInput{PolicyDocument: &document, ResourceType: kind}); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// What cannot be read, asked or decided has an error of its own, and no answer.
func TestPolicyChecksRefuse(t *testing.T) {
	kindOf := func(err error) wire.Kind {
		var known *wire.Error
		if !errors.As(err, &known) {
			t.Fatal(err)
		}
		return known.Kind
	}
	s := &Service{}
	for _, document := range []string{"", "{", `{"Statement":[]`, `{"Statement":{"Effect":"Allow"}}`, strings.Repeat("[", 1<<16)} {
		if _, err := s.CheckNoNewAccess(context.Background(), &accessanalyzer.CheckNoNewAccessInput{NewPolicyDocument: &document, ExistingPolicyDocument: wire.Ptr(read), PolicyType: "IDENTITY_POLICY"}); kindOf(err) != wire.InvalidParameter {
			t.Errorf("%.20q: %v", document, err)
		}
		if _, err := s.CheckNoPublicAccess(context.Background(), &accessanalyzer.CheckNoPublicAccessInput{PolicyDocument: &document, ResourceType: "AWS::S3::Bucket"}); kindOf(err) != wire.InvalidParameter {
			t.Errorf("%.20q: %v", document, err)
		}
	}
	for _, access := range [][]accessanalyzer.Access{nil, {{}}, {{Actions: []string{"s3:*"}}, {Actions: []string{"s3:*"}}}} {
		if _, err := s.CheckAccessNotGranted(context.Background(), &accessanalyzer.CheckAccessNotGrantedInput{PolicyDocument: wire.Ptr(read), PolicyType: "IDENTITY_POLICY", Access: access}); kindOf(err) != wire.InvalidParameter {
			t.Errorf("%v: %v", access, err)
		}
	}
	if _, err := s.CheckNoPublicAccess(context.Background(), &accessanalyzer.CheckNoPublicAccessInput{PolicyDocument: wire.Ptr(anyone), ResourceType: "AWS::EC2::Instance"}); kindOf(err) != wire.InvalidParameter {
		t.Errorf("unknown type: %v", err)
	}
	hard := strings.Replace(read, `"Resource":"*"`, `"Resource":"*","Condition":{"NumericLessThan":{"s3:x":"10"},"StringLike":{"s3:x":"*1*2*3*"}}`, 1)
	if out, err := s.CheckNoNewAccess(context.Background(), &accessanalyzer.CheckNoNewAccessInput{NewPolicyDocument: &hard, ExistingPolicyDocument: wire.Ptr(readAndMore), PolicyType: "IDENTITY_POLICY"}); err != nil && kindOf(err) != wire.Unprocessable {
		t.Errorf("%v, %v", out, err)
	}
}
