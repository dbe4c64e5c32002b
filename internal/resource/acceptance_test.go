package resource

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/iam/reach"
	"github.com/magpie-sec/magpie/internal/inventory"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/folder"
)

// A specimen is how the acceptance suite makes a resource of a type.
type specimen struct {
	name   string
	action string
	// template is a template with a resource called Subject and %s where its policy stands as JSON; "" if CloudFormation has no such type.
	template string
	arn      string
	spec     func(r *Resource)
}

var specimens = []specimen{
	{Bucket, "s3:ListBucket", `{"Subject":{"Type":"AWS::S3::Bucket"},"P":{"Type":"AWS::S3::BucketPolicy","Properties":{"Bucket":{"Ref":"Subject"},"PolicyDocument":%s}}}`,
		"arn:aws:s3:::Subject", func(r *Resource) {
			r.ACL, r.Ownership = source.Known([]source.Grant{}), source.Absent[string]("")
			r.PublicAccessBlock, r.AccountBlock = source.Absent[source.PublicAccessBlock](""), source.Absent[source.PublicAccessBlock]("")
			r.AccessPoints = source.Absent[[]AccessPoint]("")
		}},
	{DirectoryBucket, "s3express:CreateSession", `{"Subject":{"Type":"AWS::S3Express::DirectoryBucket"},"P":{"Type":"AWS::S3Express::BucketPolicy","Properties":{"Bucket":{"Ref":"Subject"},"PolicyDocument":%s}}}`,
		"arn:aws:s3express:eu-west-1:111122223333:bucket/Subject", nil},
	{Role, "sts:AssumeRole", `{"Subject":{"Type":"AWS::IAM::Role","Properties":{"AssumeRolePolicyDocument":%s}}}`, "arn:aws:iam::111122223333:role/Subject", nil},
	{Key, "kms:Decrypt", `{"Subject":{"Type":"AWS::KMS::Key","Properties":{"KeyPolicy":%s}}}`, "arn:aws:kms:eu-west-1:111122223333:key/Subject",
		func(r *Resource) { r.Grants = source.Absent[[]KeyGrant]("") }},
	{Function, "lambda:InvokeFunction", "", "arn:aws:lambda:eu-west-1:111122223333:function:Subject", nil},
	{LayerVersion, "lambda:GetLayerVersion", "", "arn:aws:lambda:eu-west-1:111122223333:layer:Subject:1", nil},
	{Queue, "sqs:SendMessage", `{"Subject":{"Type":"AWS::SQS::Queue"},"P":{"Type":"AWS::SQS::QueuePolicy","Properties":{"Queues":[{"Ref":"Subject"}],"PolicyDocument":%s}}}`,
		"arn:aws:sqs:eu-west-1:111122223333:Subject", nil},
	{Topic, "sns:Publish", `{"Subject":{"Type":"AWS::SNS::Topic"},"P":{"Type":"AWS::SNS::TopicPolicy","Properties":{"Topics":[{"Ref":"Subject"}],"PolicyDocument":%s}}}`,
		"arn:aws:sns:eu-west-1:111122223333:Subject", nil},
	{Secret, "secretsmanager:GetSecretValue", `{"Subject":{"Type":"AWS::SecretsManager::Secret"},"P":{"Type":"AWS::SecretsManager::ResourcePolicy","Properties":{"SecretId":{"Ref":"Subject"},"ResourcePolicy":%s}}}`,
		"arn:aws:secretsmanager:eu-west-1:111122223333:secret:Subject", nil},
	{Repository, "ecr:BatchGetImage", `{"Subject":{"Type":"AWS::ECR::Repository","Properties":{"RepositoryPolicyText":%s}}}`, "arn:aws:ecr:eu-west-1:111122223333:repository/Subject", nil},
	{FileSystem, "elasticfilesystem:ClientMount", `{"Subject":{"Type":"AWS::EFS::FileSystem","Properties":{"FileSystemPolicy":%s}}}`, "arn:aws:elasticfilesystem:eu-west-1:111122223333:file-system/Subject", nil},
	{Table, "dynamodb:GetItem", `{"Subject":{"Type":"AWS::DynamoDB::Table","Properties":{"ResourcePolicy":{"PolicyDocument":%s}}}}`, "arn:aws:dynamodb:eu-west-1:111122223333:table/Subject", nil},
	{Stream, "dynamodb:GetRecords", `{"Subject":{"Type":"AWS::DynamoDB::Table","Properties":{"StreamSpecification":{"ResourcePolicy":{"PolicyDocument":%s}}}}}`,
		"arn:aws:dynamodb:eu-west-1:111122223333:table/Subject/stream/Subject", nil},
}

func (s *specimen) resource(policy source.Fact[Document]) *Resource {
	r := &Resource{ARN: s.arn, Type: s.name, Account: "111122223333", Region: "eu-west-1", Policy: policy}
	if s.spec != nil {
		s.spec(r)
	}
	return r
}

// fill puts a policy into a template.
func fill(template, policy string) string { return fmt.Sprintf(template, policy) }

// policy is one with a statement of the specimen's action; principal is JSON.
func (s *specimen) policy(effect, principal string) string {
	resource := `,"Resource":"*"`
	if s.name == Role {
		resource = ""
	}
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Sid":"A","Effect":%q,"Principal":%s,"Action":%q%s}]}`, effect, principal, s.action, resource)
}

// TestAcceptance holds every type whose guard is a policy to what is the same for all.
func TestAcceptance(t *testing.T) {
	zone := reach.Zone{Account: "111122223333"}
	provider := `{"Federated":"arn:aws:iam::111122223333:saml-provider/corp"}`
	for _, s := range specimens {
		t.Run(s.name, func(t *testing.T) {
			document := func(text string) source.Fact[Document] { return source.Known(Document{Text: text}) }
			blocked := s.name == DirectoryBucket
			for _, tt := range []struct {
				name   string
				policy source.Fact[Document]
				error  string
				who    []string
				public bool
			}{
				{"no policy", source.Absent[Document](""), "", nil, false},
				{"not read", source.Fact[Document]{}, InternalError, nil, false},
				{"unknown", source.Unknown[Document]("timeout"), InternalError, nil, false},
				{"denied", source.Denied[Document]("the store refuses"), AccessDenied, nil, false},
				{"malformed", document(`{"Statement":`), InternalError, nil, false},
				{"no policy language", document(`{"Statement":[{"Effect":"Allow"}]}`), InternalError, nil, false},
				{"empty text", document(""), InternalError, nil, false},
				{"empty", document(`{"Version":"2012-10-17","Statement":[]}`), "", nil, false},
				{"own account", document(s.policy("Allow", `{"AWS":["111122223333","arn:aws:iam::111122223333:user/a"]}`)), "", nil, false},
				{"another account", document(s.policy("Allow", `{"AWS":"arn:aws:iam::999988887777:root"}`)), "", []string{"AWS:999988887777"}, false},
				{"a role of another account", document(s.policy("Allow", `{"AWS":"arn:aws:iam::999988887777:role/x"}`)), "", []string{"AWS:arn:aws:iam::999988887777:role/x"}, false},
				{"everyone", document(s.policy("Allow", `"*"`)), "", []string{"AWS:*"}, true},
				{"everyone with an account", document(s.policy("Allow", `{"AWS":"*"}`)), "", []string{"AWS:*"}, true},
				{"a service", document(s.policy("Allow", `{"Service":"events.amazonaws.com"}`)), "", nil, false},
				{"denied to everyone", document(s.policy("Deny", `"*"`)), "", nil, false},
				{"nobody", document(s.policy("Allow", `{"AWS":[]}`)), "", nil, false},
			} {
				r := s.resource(tt.policy)
				got := Analyze(r, zone)
				confirm(t, got)
				var who []string
				for _, f := range got.Findings {
					who = append(who, string(f.Principal.Kind)+":"+f.Principal.Value)
				}
				want := tt.who
				if blocked && tt.public {
					want, tt.public = nil, false
				}
				if got.Error != tt.error || !slices.Equal(who, want) || got.Public != tt.public {
					t.Errorf("%s: error %q (%s), public %v, %s", tt.name, got.Error, got.Reason, got.Public, describeAll(got.Findings))
				}
				if len(want) > 0 && !slices.Equal(got.Actions, []string{s.action}) {
					t.Errorf("%s: actions %v", tt.name, got.Actions)
				}
			}
			// A federated principal counts in trust policies, where its actions are.
			s := s
			if s.name == Role {
				s.action = "sts:AssumeRoleWithSAML"
				if got := Analyze(s.resource(document(s.policy("Allow", provider))), zone); len(got.Findings) != 1 || got.Findings[0].Principal.Kind != reach.Federated {
					t.Errorf("federated: %s", describeAll(got.Findings))
				}
			}
			s.fromTemplate(t, zone)
		})
	}
}

// fromTemplate reads the specimen from templates: one whose policy is known, one with a parameter in it, for the principal, for a Sid.
func (s *specimen) fromTemplate(t *testing.T, zone reach.Zone) {
	if s.template == "" {
		return
	}
	unknown := `{"Ref":"P1"}`
	for _, tt := range []struct{ name, policy, error, who string }{
		{"known", s.policy("Allow", `{"AWS":"999988887777"}`), "", "999988887777"},
		{"unknown principal", s.policy("Allow", `{"AWS":`+unknown+`}`), InternalError, ""},
		{"one of two principals unknown", s.policy("Allow", `{"AWS":["999988887777",`+unknown+`]}`), InternalError, "999988887777"},
		{"unknown Sid", strings.Replace(s.policy("Allow", `{"AWS":"999988887777"}`), `"A"`, unknown, 1), "", "999988887777"},
		{"unknown principal that is denied", s.policy("Deny", `{"AWS":`+unknown+`}`), "", ""},
		{"unknown policy", unknown, InternalError, ""},
		{"unknown statement", `{"Statement":[` + unknown + `]}`, InternalError, ""},
		{"unknown condition in the own account", strings.Replace(s.policy("Allow", `{"AWS":"111122223333"}`), `"Sid":"A"`, `"Condition":{"StringEquals":{"aws:SourceVpc":`+unknown+`}}`, 1), "", ""},
	} {
		text := `{"Parameters":{"P1":{"Type":"String"}},"Resources":` + fill(s.template, tt.policy) + `}`
		e := Read(inventory.Documents{TemplateName: "template.json", Template: []byte(text)}, testOptions)
		i := slices.IndexFunc(e.Resources, func(r Resource) bool { return r.Type == s.name })
		if i < 0 {
			t.Fatalf("%s: no resource: %v", tt.name, e.Problems)
		}
		r := &e.Resources[i]
		if r.ARN != s.arn {
			t.Errorf("%s: ARN %s, want %s", tt.name, r.ARN, s.arn)
		}
		got := Analyze(r, zone)
		confirm(t, got)
		who := ""
		for _, f := range got.Findings {
			who += f.Principal.Value
			if f.Reasons[0].Place.Line == 0 {
				t.Errorf("%s: no place: %v", tt.name, f.Reasons)
			}
		}
		if s.name == DirectoryBucket && tt.error != "" {
			tt.who = "" // the unknown principal may be everyone, and then nobody gets in
		}
		if got.Error != tt.error || who != tt.who {
			t.Errorf("from a template, %s: error %q (%s), %s", tt.name, got.Error, got.Reason, describeAll(got.Findings))
		}
	}
}

// TestFingerprint sees that everything that Analyze looks at is in the fingerprint.
func TestFingerprint(t *testing.T) {
	base := func() *Resource { return specimens[0].resource(source.Absent[Document]("")) }
	seen := map[Fingerprint]string{base().Fingerprint(): "base"}
	for name, change := range map[string]func(r *Resource){
		"policy":  func(r *Resource) { r.Policy = source.Known(Document{Text: "{}"}) },
		"least":   func(r *Resource) { r.Policy = source.Known(Document{Text: "{}", Least: "{}"}) },
		"unknown": func(r *Resource) { r.Policy = source.Unknown[Document]("") },
		"denied":  func(r *Resource) { r.Policy = source.Denied[Document]("") },
		"acl":     func(r *Resource) { r.ACL = source.Known([]source.Grant{{Grantee: source.AllUsers}}) },
		"block": func(r *Resource) {
			r.PublicAccessBlock = source.Known(source.PublicAccessBlock{IgnorePublicACLs: true})
		},
		"account":   func(r *Resource) { r.AccountBlock = source.Known(source.PublicAccessBlock{IgnorePublicACLs: true}) },
		"ownership": func(r *Resource) { r.Ownership = source.Known("BucketOwnerEnforced") },
		"points":    func(r *Resource) { r.AccessPoints = source.Known([]AccessPoint{{Name: "a"}}) },
		"grants":    func(r *Resource) { r.Grants = source.Known([]KeyGrant{{Grantee: "a"}}) },
		"shares":    func(r *Resource) { r.Shares = source.Known([]string{"all"}) },
		"key":       func(r *Resource) { r.SecretKey = base() },
		"doubt":     func(r *Resource) { r.Doubt = "x" },
		"owner":     func(r *Resource) { r.Account = "444455556666" },
	} {
		r := base()
		change(r)
		if other, same := seen[r.Fingerprint()]; same {
			t.Errorf("%s has the fingerprint of %s", name, other)
		}
		seen[r.Fingerprint()] = name
	}
	if again, other := base().Fingerprint(), base(); other.Fingerprint() != again {
		t.Error("equal resources have two fingerprints")
	}
}

// TestTooComplex sees that work without end is an error, not an answer.
func TestTooComplex(t *testing.T) {
	var statements []map[string]any
	for i := range 12 {
		statements = append(statements, map[string]any{"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*",
			"Condition": map[string]any{"StringLike": map[string]any{"aws:PrincipalArn": fmt.Sprintf("arn:aws:iam::*:role/*%c*", 'a'+i), "aws:SourceVpc": fmt.Sprintf("*%c*", 'a'+i)}}})
	}
	text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
	if err != nil {
		t.Fatal(err)
	}
	s := specimens[slices.IndexFunc(specimens, func(s specimen) bool { return s.name == Queue })]
	got := AnalyzeWithin(s.resource(source.Known(Document{Text: string(text)})), reach.Zone{Account: "111122223333"}, reach.Limits{Steps: 5})
	if got.Error != InternalError || !strings.Contains(got.Reason, "too complex") {
		t.Errorf("%+v", got)
	}
}

// TestStopped sees that an analysis whose result nobody wants does not go on, by whatever ways it asks.
func TestStopped(t *testing.T) {
	gone := errors.New("gone")
	for _, s := range specimens {
		policy := s.resource(source.Known(Document{Text: `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}`}))
		asked := 0
		got := AnalyzeWithin(policy, reach.Zone{Account: "111122223333"}, reach.Limits{Stop: func() error { asked++; return gone }})
		if asked > 0 && (got.Error != InternalError || len(got.Findings) > 0) {
			t.Errorf("%s: %+v", s.name, got)
		}
		if asked > 4 {
			t.Errorf("%s: asked on %d times", s.name, asked)
		}
	}
}

// TestManyResources sees that a template of as many resources and policies as can be is read in linear time.
func TestManyResources(t *testing.T) {
	var b strings.Builder
	b.WriteString("Resources:\n")
	const n = 6000
	for i := range n {
		fmt.Fprintf(&b, "  Q%d: {Type: AWS::SQS::Queue}\n  P%d: {Type: AWS::SQS::QueuePolicy, Properties: {Queues: [!Ref Q%d], PolicyDocument: {Statement: []}}}\n", i, i, i)
	}
	begin := time.Now()
	e := readTest(t, b.String(), "")
	if len(e.Resources) != n || len(e.NotRead) > 0 || e.Resources[n-1].Policy.State != source.StateKnown {
		t.Fatalf("%d resources, %v", len(e.Resources), e.Problems)
	}
	const most = 10 * time.Second
	if d := time.Since(begin); d > most {
		t.Errorf("%v", d)
	}
}

// TestNotRead sees that what is not looked at is listed.
func TestNotRead(t *testing.T) {
	e := readTest(t, `A: {Type: AWS::S3::Bucket, Properties: {BucketName: a}}
V: {Type: AWS::EC2::VPC}
P: {Type: AWS::S3::BucketPolicy, Properties: {Bucket: elsewhere, PolicyDocument: {Statement: []}}}
Q: {Type: AWS::S3::BucketPolicy, Properties: {Bucket: a, PolicyDocument: {Statement: []}}}
`, `[{"resourceType":"AWS::EC2::Instance","resourceId":"i-1"}]`)
	want := []string{"AWS::EC2::Instance i-1", "AWS::EC2::VPC V", "AWS::S3::BucketPolicy P"}
	if !slices.Equal(e.NotRead, want) {
		t.Errorf("%q", e.NotRead)
	}
}

// TestLoad reads a store's buckets and an estate's folder.
func TestLoad(t *testing.T) {
	root := t.TempDir()
	for name, body := range map[string]string{
		"template.yaml": "Resources:\n  R: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {Statement: []}}}\n  B: {Type: AWS::S3::Bucket, Properties: {BucketName: told}}\n",
		"told/a.txt":    "x", "untold/a.txt": "x",
	} {
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(body), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	d, err := folder.Estate(root)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	e, err := Load(t.Context(), d, testOptions)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range e.Resources {
		r := Analyze(&e.Resources[i], reach.Zone{Account: "111122223333"})
		got = append(got, e.Resources[i].ARN+" "+r.Error)
	}
	want := []string{"arn:aws:iam::111122223333:role/R ", "arn:aws:s3:::told ", "arn:aws:s3:::untold INTERNAL_ERROR"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// TestMissing says of which documents more resources may be than are told.
func TestMissing(t *testing.T) {
	const bucket = `{"Resources":{"B":{"Type":"AWS::S3::Bucket"}}}`
	for name, c := range map[string]struct {
		docs inventory.Documents
		want string // a part of it
	}{
		"none":            {inventory.Documents{}, ""},
		"template":        {inventory.Documents{TemplateName: "template.json", Template: []byte(bucket)}, ""},
		"broken template": {inventory.Documents{TemplateName: "template.json", Template: []byte(bucket[:20])}, "template.json"},
		"empty template":  {inventory.Documents{TemplateName: "template.yaml", Template: []byte{}}, "template.yaml"},
		"unreadable template": {inventory.Documents{TemplateName: "template.yaml",
			Problems: []inventory.Problem{{Document: "template.yaml", Message: "access denied"}}}, "access denied"},
		"two templates": {inventory.Documents{TemplateName: "template.yaml", Template: []byte(bucket),
			Problems: []inventory.Problem{{Document: "template.json", Message: "not used"}}}, ""},
		"broken items": {inventory.Documents{TemplateName: "template.json", Template: []byte(bucket), ConfigItems: []byte("[{]")}, "config-items.json"},
		"items":        {inventory.Documents{ConfigItems: []byte("[]")}, ""},
	} {
		got := Read(c.docs, inventory.Options{Account: "111122223333", Region: "eu-west-1"}).Missing
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// TestHeavyBucket has many ways to a bucket that are each heavy: together they cost no more than some.
func TestHeavyBucket(t *testing.T) {
	policy := func(resource string) source.Fact[Document] {
		var list []string
		for i := range 24 {
			list = append(list, fmt.Sprintf(`{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":%q,"Condition":{"StringLike":{"aws:PrincipalArn":"arn:aws:iam::*:user/*x%02d*"},"ForAnyValue:StringLike":{"aws:PrincipalOrgPaths":"o-*%02d/*"},"StringEquals":{"aws:SourceVpce":"vpce-%x"}}}`,
				resource, i, i, i))
		}
		return source.Known(Document{Text: `{"Version":"2012-10-17","Statement":[` + strings.Join(list, ",") + `]}`})
	}
	r := specimens[0].resource(policy("arn:aws:s3:::logs/*"))
	r.ARN = "arn:aws:s3:::logs"
	var points []AccessPoint
	for i := range 40 {
		arn := fmt.Sprintf("arn:aws:s3:eu-west-1:111122223333:accesspoint/p%d", i)
		points = append(points, AccessPoint{ARN: arn, Name: fmt.Sprint("p", i), Policy: policy(arn + "/object/*"), VPC: source.Absent[string](""),
			PublicAccessBlock: source.Absent[source.PublicAccessBlock]("")})
	}
	r.AccessPoints = source.Known(points)
	budget := 60_000
	got := AnalyzeWithin(r, reach.Zone{Account: "111122223333"}, reach.Limits{Steps: 20_000, Budget: &budget})
	if got.Error != InternalError || !strings.Contains(got.Reason, "too complex") || budget > 0 || budget < -20_000 {
		t.Errorf("error %q (%s), %d steps left", got.Error, got.Reason, budget)
	}
}
