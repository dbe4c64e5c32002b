package accessanalyzer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/accessanalyzer"
	"github.com/magpie-sec/magpie/internal/wire/pagetoken"
)

// The places are those of the text as an editor shows it, with columns from 0 and offsets in characters, as observed of AWS
// (access-analyzer.md 7.1): strings with their quotes, an action before the principal or condition that it does not go with.
const webIdentity = `{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "",
      "Effect": "Allow",
      "Principal": {"Federated": "cognito-identity.amazonaws.com"},
      "Action": ["sts:AssumeRole", "sts:TagSession"],
      "Condition": {"StringEquals": {"cognito-identity.amazonaws.com:aud": "é-pool"}}
    }
  ]
}`

func TestValidatePolicy(t *testing.T) {
	out, err := (&Service{}).ValidatePolicy(context.Background(), &accessanalyzer.ValidatePolicyInput{
		PolicyDocument: wire.Ptr(webIdentity), PolicyType: "RESOURCE_POLICY", ValidatePolicyResourceType: "AWS::IAM::AssumeRolePolicyDocument", Locale: "DE",
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range out.Findings {
		got = append(got, fmt.Sprintf("%s %s %s", f.FindingType, *f.IssueCode, strings.TrimPrefix(*f.LearnMoreLink, "https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html#access-analyzer-reference-policy-checks-")))
		for _, at := range f.Locations {
			got = append(got, "  "+string(bytes.ReplaceAll(wire.Marshal(&at), []byte(`"`), nil)))
		}
	}
	want := []string{
		"SUGGESTION EMPTY_SID_VALUE suggestion-empty-sid-value",
		"  {path:[{value:Statement},{index:0},{value:Sid}],span:{start:{line:5,column:13,offset:65},end:{line:5,column:15,offset:67}}}",
		"ERROR MISMATCHED_ACTION_FOR_PRINCIPAL error-mismatched-action-for-principal",
		"  {path:[{value:Statement},{index:0},{value:Action},{index:0}],span:{start:{line:8,column:17,offset:179},end:{line:8,column:33,offset:195}}}",
		"  {path:[{value:Statement},{index:0},{value:Principal},{value:Federated}],span:{start:{line:7,column:33,offset:127},end:{line:7,column:65,offset:159}}}",
		"ERROR UNSUPPORTED_ACTION_FOR_CONDITION_KEY error-unsupported-action-for-condition-key",
		"  {path:[{value:Statement},{index:0},{value:Action},{index:1}],span:{start:{line:8,column:35,offset:197},end:{line:8,column:51,offset:213}}}",
		"  {path:[{value:Statement},{index:0},{value:Condition},{value:StringEquals},{value:cognito-identity.amazonaws.com:aud}],span:{start:{line:9,column:75,offset:291},end:{line:9,column:83,offset:299}}}",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestValidatePolicyPaths(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want string
	}{
		"a key":                     {`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Condition":{"StringMatches":{}}}}`, `INVALID_CONDITION_OPERATOR [{"value":"Statement"},{"value":"Condition"},{"key":"StringMatches"}]`},
		"the document":              {`{"Version":"2012-10-17"}`, `MISSING_STATEMENT []`},
		"what is not JSON":          {`{"Version":`, `JSON_SYNTAX_ERROR []`},
		"a statement not in a list": {`{"Version":"2012-10-17","Statement":{"Action":"s3:GetObject","Resource":"*"}}`, `MISSING_EFFECT [{"value":"Statement"}]`},
	} {
		out, err := (&Service{}).ValidatePolicy(context.Background(), &accessanalyzer.ValidatePolicyInput{PolicyDocument: &c.text, PolicyType: "IDENTITY_POLICY"})
		if err != nil || len(out.Findings) == 0 {
			t.Errorf("%s: %v, %v", name, out, err)
			continue
		}
		f := out.Findings[0]
		at := wire.Marshal(&f.Locations[0])
		path, _, _ := bytes.Cut(bytes.TrimPrefix(at, []byte(`{"path":`)), []byte(`,"span"`))
		if got := *f.IssueCode + " " + string(path); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		if s := f.Locations[0].Span; *f.IssueCode == "JSON_SYNTAX_ERROR" && (*s.Start.Offset != 11 || *s.End.Offset != 11) {
			t.Errorf("%s: %s", name, at)
		}
	}
}

func TestValidatePolicyPages(t *testing.T) {
	tokens, err := pagetoken.New(bytes.Repeat([]byte{1}, pagetoken.MinKey))
	if err != nil {
		t.Fatal(err)
	}
	s := &Service{cfg: Config{Tokens: tokens}}
	ctx := wire.WithCaller(context.Background(), wire.Caller{Account: "111122223333", Region: "us-east-1"})
	var actions []string
	for i := range 7 {
		actions = append(actions, fmt.Sprintf(`"s3:NoSuchAction%d"`, i))
	}
	text := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Resource":"*","Action":[` + strings.Join(actions, ",") + `]}}`
	in := &accessanalyzer.ValidatePolicyInput{PolicyDocument: &text, PolicyType: "IDENTITY_POLICY", MaxResults: wire.Ptr(int64(3))}
	var got []string
	pages := 0
	for {
		out, err := s.ValidatePolicy(ctx, in)
		if err != nil {
			t.Fatal(err)
		}
		pages++
		for _, f := range out.Findings {
			got = append(got, fmt.Sprint(*f.Locations[0].Path[2].Index))
		}
		if out.NextToken == nil {
			break
		}
		in.NextToken = out.NextToken
	}
	if strings.Join(got, "") != "0123456" || pages != 3 {
		t.Errorf("%v on %d pages", got, pages)
	}
	other := strings.Replace(text, "Allow", "Deny", 1)
	for name, bad := range map[string]*accessanalyzer.ValidatePolicyInput{
		"another policy's token":    {PolicyDocument: &other, PolicyType: "IDENTITY_POLICY", MaxResults: wire.Ptr(int64(3)), NextToken: in.NextToken},
		"no token":                  {PolicyDocument: &text, PolicyType: "IDENTITY_POLICY", NextToken: wire.Ptr("x")},
		"no page":                   {PolicyDocument: &text, PolicyType: "IDENTITY_POLICY", MaxResults: wire.Ptr(int64(0))},
		"a resource of no resource": {PolicyDocument: &text, PolicyType: "IDENTITY_POLICY", ValidatePolicyResourceType: "AWS::S3::Bucket"},
		"a type that there is not":  {PolicyDocument: &text, PolicyType: "POLICY"},
		"no policy":                 {PolicyType: "IDENTITY_POLICY"},
	} {
		_, err := s.ValidatePolicy(ctx, bad)
		if e := (*wire.Error)(nil); !errors.As(err, &e) || e.Kind != wire.Validation {
			t.Errorf("%s: %v", name, err)
		}
	}
}
