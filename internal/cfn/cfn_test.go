package cfn

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var testEnv = Env{Account: "111122223333", Region: "eu-west-1", StackName: "northwind"}

func evaluateFile(t *testing.T, name string, env Env) *Stack {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	template, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	stack, err := template.Evaluate(env)
	if err != nil {
		t.Fatal(err)
	}
	return stack
}

// render writes a value as JSON, or as the reason why it is not known.
func render(v Value) string {
	b, err := v.JSON()
	if err != nil {
		return "unknown " + err.Error()
	}
	return string(b)
}

// at renders what stands at "LogicalID/path/...": "=Ref" and "=ARN" ask for
// those, an absent value is "absent".
func (s *Stack) at(path string) string {
	steps := strings.Split(path, "/")
	r, ok := s.Resource(steps[0])
	if !ok {
		return "no resource"
	}
	switch {
	case len(steps) == 2 && steps[1] == "=Ref":
		return render(r.Ref)
	case len(steps) == 2 && steps[1] == "=ARN":
		return render(r.ARN)
	case len(steps) == 2 && steps[1] == "=Unknown":
		if r.Unknown == nil {
			return "exists"
		}
		return r.Unknown.Error()
	}
	v, ok := r.Properties.Get(steps[1:]...)
	if !ok {
		return "absent"
	}
	return render(v)
}

func checkPaths(t *testing.T, stack *Stack, want map[string]string) {
	t.Helper()
	for path, text := range want {
		if got := stack.at(path); got != text {
			t.Errorf("%s:\n got %s\nwant %s", path, got, text)
		}
	}
}

func (s *Stack) ids() (ids []string) {
	for _, r := range s.Resources {
		ids = append(ids, r.LogicalID+" "+r.Type)
	}
	return ids
}

func TestStorageTemplate(t *testing.T) {
	stack := evaluateFile(t, "storage.yaml", testEnv)
	if diff := cmp.Diff([]string{
		"Customers AWS::S3::Bucket", "CustomersPolicy AWS::S3::BucketPolicy", "Key AWS::KMS::Key",
		"KeyedArchive AWS::S3::Bucket", "Replicator AWS::IAM::Role", "Uploads AWS::S3::Bucket",
	}, stack.ids()); diff != "" {
		t.Errorf("resources (-want +got):\n%s", diff)
	}
	checkPaths(t, stack, map[string]string{
		"Customers/=Ref":                                                `"northwind-customers-111122223333"`,
		"Customers/=ARN":                                                `"arn:aws:s3:::northwind-customers-111122223333"`,
		"Customers/BucketName":                                          `"northwind-customers-111122223333"`,
		"Customers/VersioningConfiguration/Status":                      `"Enabled"`,
		"Customers/PublicAccessBlockConfiguration":                      `{"BlockPublicAcls":true,"BlockPublicPolicy":true,"IgnorePublicAcls":true,"RestrictPublicBuckets":true}`,
		"Customers/LoggingConfiguration":                                "absent",
		"Customers/LifecycleConfiguration":                              `{"Rules":[{"Status":"Enabled","ExpirationInDays":365,"Transitions":[{"StorageClass":"STANDARD_IA","TransitionInDays":30}]}]}`,
		"Customers/ReplicationConfiguration/Role":                       `"arn:aws:iam::111122223333:role/service/replicator"`,
		"Customers/ReplicationConfiguration/Rules/0/Destination/Bucket": `"arn:aws:s3:::northwind-replica"`,
		"Customers/ReplicationConfiguration/Rules/0/Destination/EncryptionConfiguration/ReplicaKmsKeyID":  "unknown 18:3: parameter ReplicaKey has no default, and no value is given",
		"Customers/ReplicationConfiguration/Rules/0/Destination/EncryptionConfiguration/ReplicaKmsKeyID/": "unknown 18:3: parameter ReplicaKey has no default, and no value is given",
		"Customers/Tags":         `[{"Key":"environment","Value":"prod"}]`,
		"CustomersPolicy/Bucket": `"northwind-customers-111122223333"`,
		"CustomersPolicy/PolicyDocument": `{"Version":"2012-10-17","Statement":[` +
			`{"Sid":"Partners","Effect":"Allow","Principal":{"AWS":["222233334444","333344445555"]},"Action":["s3:GetObject","s3:ListBucket"],` +
			`"Resource":["arn:aws:s3:::northwind-customers-111122223333","arn:aws:s3:::northwind-customers-111122223333/*"],"Condition":{"IpAddress":{"aws:SourceIp":"198.51.100.0/24"}}},` +
			`{"Sid":"TransportOnly","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::northwind-customers-111122223333/*","Condition":{"Bool":{"aws:SecureTransport":false}}}]}`,
		"CustomersPolicy/=ARN":                    "unknown 70:3: the ARN of CustomersPolicy, a resource of type AWS::S3::BucketPolicy, does not follow from the template",
		"Uploads/=Ref":                            `"Uploads"`,
		"Uploads/=ARN":                            `"arn:aws:s3:::Uploads"`,
		"Uploads/BucketName":                      "absent",
		"KeyedArchive/=Unknown":                   "18:3: parameter ReplicaKey has no default, and no value is given",
		"KeyedArchive/=Ref":                       `"northwind-keyed"`,
		"Customers/=Unknown":                      "exists",
		"Replicator/=Ref":                         `"replicator"`,
		"Key/=ARN":                                "unknown 125:3: the ARN of Key, a resource of type AWS::KMS::Key, does not follow from the template",
		"Key/KeyPolicy/Statement/0/Principal/AWS": `"arn:aws:iam::111122223333:root"`,
		"ChinaArchive/BucketName":                 "no resource",
	})
	uploads, _ := stack.Resource("Uploads")
	if diff := cmp.Diff([]string{"Replicator"}, uploads.DependsOn); diff != "" || uploads.Position != (Position{97, 3}) {
		t.Errorf("Uploads: DependsOn %v at %v", uploads.DependsOn, uploads.Position)
	}
	if len(stack.Unknowns) != 0 {
		t.Errorf("unknowns %v", stack.Unknowns)
	}
}

func TestStorageTemplateElsewhere(t *testing.T) {
	env := Env{Account: "444455556666", Region: "cn-north-1", StackName: "nw", Parameters: map[string]string{
		"Environment": "test", "LogBucketName": "nw-logs", "ReplicaKey": "arn:aws-cn:kms:cn-north-1:444455556666:key/k", "PartnerAccounts": "777788889999",
	}}
	checkPaths(t, evaluateFile(t, "storage.yaml", env), map[string]string{
		"Customers/=ARN": `"arn:aws-cn:s3:::nw-customers-444455556666"`,
		"Customers/VersioningConfiguration/Status":                                                       `"Suspended"`,
		"Customers/LoggingConfiguration":                                                                 `{"DestinationBucketName":"nw-logs"}`,
		"Customers/LifecycleConfiguration/Rules/0/ExpirationInDays":                                      `30`,
		"Customers/ReplicationConfiguration/Rules/0/Destination/EncryptionConfiguration/ReplicaKmsKeyID": `"arn:aws-cn:kms:cn-north-1:444455556666:key/k"`,
		"CustomersPolicy/PolicyDocument/Statement/0/Principal/AWS":                                       `["777788889999"]`,
		"ChinaArchive/=Ref":                       `"northwind-archive-cn"`,
		"ChinaArchive/=Unknown":                   "exists",
		"KeyedArchive/=Ref":                       "no resource",
		"Key/KeyPolicy/Statement/0/Principal/AWS": `"arn:aws-cn:iam::444455556666:root"`,
	})
}

func TestPipelineTemplate(t *testing.T) {
	stack := evaluateFile(t, "pipeline.json", testEnv)
	checkPaths(t, stack, map[string]string{
		"Inbox/QueueName":      `"orders-inbox"`,
		"Inbox/=Ref":           `"https://sqs.eu-west-1.amazonaws.com/111122223333/orders-inbox"`,
		"Inbox/=ARN":           `"arn:aws:sqs:eu-west-1:111122223333:orders-inbox"`,
		"InboxPolicy/Queues/0": `"https://sqs.eu-west-1.amazonaws.com/111122223333/orders-inbox"`,
		"InboxPolicy/PolicyDocument": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"sqs:SendMessage",` +
			`"Resource":"arn:aws:sqs:eu-west-1:111122223333:orders-inbox","Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:sns:eu-west-1:111122223333:alerts-🚀"}}}]}`,
		"Worker/=ARN":                          `"arn:aws:lambda:eu-west-1:111122223333:function:orders-worker"`,
		"Worker/Role":                          "unknown 40:5: resource WorkerRole has no RoleName: CloudFormation would invent it",
		"Worker/Environment/Variables/LITERAL": `"${NotAVariable}-orders"`,
		"Worker/Code/S3Bucket":                 `"code-bucket"`,
		"Worker/Timeout":                       `30`,
		"Worker/MemorySize":                    `512.0`,
		"WorkerRole/":                          "absent",
		"WorkerRole/Tags":                      `[]`,
		"WorkerRole/Description":               `null`,
		"Table/TableName":                      "unknown 41:75: there is no parameter or resource Inbox2",
		"Table/=Ref":                           "unknown 41:75: there is no parameter or resource Inbox2",
		"UserData/UserData":                    `"IyEvYmluL3NoCmVjaG8gZXUtd2VzdC0xCg=="`,
	})
	policy, _ := stack.Resource("InboxPolicy")
	if diff := cmp.Diff([]string{"Inbox", "Alerts"}, policy.DependsOn); diff != "" {
		t.Error(diff)
	}
}

func TestServerlessTemplate(t *testing.T) {
	stack := evaluateFile(t, "serverless.yaml", testEnv)
	checkPaths(t, stack, map[string]string{
		"Api/Handler":             `"index.handler"`,
		"Left/BucketName":         "unknown 24:19: BucketName of resource Right refers to itself",
		"Right/=ARN":              "unknown 24:19: BucketName of resource Right refers to itself",
		"Imported/=Ref":           "unknown 32:19: Fn::ImportValue takes a value from another stack",
		"Resolved/=Ref":           "unknown 36:19: a dynamic reference to ssm is not resolved",
		"Resolved/Tags/0/Value":   "unknown 9:3: parameter Secret has no default, and no value is given",
		"Resolved/Tags/1/Value":   "unknown 41:18: the function Fn::Custom is not evaluated",
		"Resolved/Tags/1/Key":     `"custom"`,
		"Resolved/Tags/2":         "unknown 42:11: Fn::Transform beside other keys is not evaluated",
		"OnlyWithSecret/=Unknown": "9:3: parameter Secret has no default, and no value is given",
		"NeverThere/=Ref":         "no resource",
		"AlwaysThere/=Unknown":    "exists",
		"AlwaysThere/BucketName":  `"same"`,
		"AlwaysThere/Tags":        "unknown 9:3: parameter Secret has no default, and no value is given",
		"Pointer/Bucket":          "unknown 59:15: resource NeverThere is left out: its condition Never is false",
	})
	if len(stack.Unknowns) != 1 || stack.Unknowns[0].Position != (Position{1, 12}) {
		t.Errorf("unknowns %v", stack.Unknowns)
	}
	if tags, _ := stack.Resource("Resolved"); len(tags.Properties.Unknowns()) != 4 {
		t.Errorf("Resolved has the unknowns %v", tags.Properties.Unknowns())
	}
}

// TestFunctions holds vectors for each function: the value of property X of a
// bucket, at line 20 column 10 in YAML.
func TestFunctions(t *testing.T) {
	const head = `Parameters:
  Name: {Type: String, Default: blue}
  Empty: {Type: String, Default: ""}
  Count: {Type: Number, Default: 3}
  Names: {Type: CommaDelimitedList, Default: "a, b,c"}
  Numbers: {Type: List<Number>, Default: "1,2"}
  Missing: {Type: String}
  Stored: {Type: AWS::SSM::Parameter::Value<String>, Default: /x}
Mappings:
  M: {blue: {v: 1, l: [x, y], t: "012"}, "80": {v: port}}
Conditions:
  Yes: !Equals [!Ref Name, blue]
  No: !Not [!Condition Yes]
  Maybe: !Equals [!Ref Missing, x]
  Loop: !Not [!Condition Loop]
Resources:
  Gone: {Type: AWS::S3::Bucket, Condition: No}
  B:
    Type: AWS::S3::Bucket
    Properties:
      X: `
	const missing = "unknown 7:3: parameter Missing has no default, and no value is given"
	tests := []struct{ in, want string }{
		// literals
		{"text", `"text"`}, {"'12'", `"12"`}, {"12", `12`}, {"-1.5e3", `-1.5e3`}, {"true", `true`}, {"True", `true`}, {"~", `null`},
		{"yes", `"yes"`}, {"2012-10-17", `"2012-10-17"`}, {"0x1F", `"0x1F"`}, {"012345678901", `"012345678901"`}, {".inf", `".inf"`},
		{"[]", `[]`}, {"{}", `{}`}, {"{a: [1, {b: c}]}", `{"a":[1,{"b":"c"}]}`}, {"{80: x}", `{"80":"x"}`}, {"<&>", `"<&>"`}, {"!!str 12", `"12"`}, {"!!bool yes", `true`},
		{"&a [1, 2]", `[1,2]`}, {"[&a {k: v}, *a]", `[{"k":"v"},{"k":"v"}]`},
		{"'{{resolve:secretsmanager:db:SecretString}}'", "unknown 21:10: a dynamic reference to secretsmanager is not resolved"},
		// Ref
		{"!Ref Name", `"blue"`}, {"{Ref: Name}", `"blue"`}, {"!Ref Count", `"3"`}, {"!Ref Empty", `""`}, {"!Ref Names", `["a","b","c"]`}, {"!Ref Numbers", `["1","2"]`},
		{"!Ref Missing", missing}, {"!Ref Stored", "unknown 8:63: parameter Stored is kept in the Systems Manager parameter store"},
		{"!Ref AWS::AccountId", `"111122223333"`}, {"!Ref AWS::Region", `"eu-west-1"`}, {"!Ref AWS::Partition", `"aws"`}, {"!Ref AWS::URLSuffix", `"amazonaws.com"`}, {"!Ref AWS::StackName", `"northwind"`},
		{"!Ref AWS::StackId", "unknown 21:10: the value of AWS::StackId is not known"}, {"!Ref AWS::NoValue", "absent"}, {"[1, !Ref AWS::NoValue, 2]", `[1,2]`}, {"{a: !Ref AWS::NoValue}", `{}`},
		{"!Ref B", `"B"`}, {"!Ref Gone", "unknown 21:10: resource Gone is left out: its condition No is false"}, {"!Ref Nobody", "unknown 21:10: there is no parameter or resource Nobody"},
		{"!Ref [a]", "unknown 21:10: Ref needs the name of a parameter or resource"}, {"{Ref: Name, a: b}", `{"Ref":"Name","a":"b"}`},
		// Fn::Sub
		{"!Sub a", `"a"`}, {"!Sub '${Name}'", `"blue"`}, {"!Sub 'a${Name}b${Count}'", `"ablueb3"`}, {"!Sub '${!Name}$${Name}$'", `"${Name}$blue$"`}, {"!Sub '${B}|${B.Arn}'", `"B|arn:aws:s3:::B"`},
		{"{'Fn::Sub': '${AWS::Region}'}", `"eu-west-1"`}, {"!Sub ['${a}-${Name}', {a: !Ref Count}]", `"3-blue"`}, {"!Sub ['${Name}', {Name: red}]", `"red"`}, {"!Sub ['${a.b}', {a.b: c}]", `"c"`},
		{"!Sub '${Missing}'", missing}, {"!Sub '${Names}'", "unknown 21:10: Fn::Sub: ${Names} is not text but a value of kind list"}, {"!Sub '${'", "unknown 21:10: Fn::Sub: a ${ is not closed"},
		{"!Sub '${}'", "unknown 21:10: there is no parameter or resource "}, {"!Sub [a]", "unknown 21:10: Fn::Sub needs a string, or a list of a string and a map"}, {"!Sub '${AWS::NoValue}'", "unknown 21:10: Fn::Sub: ${AWS::NoValue} is not text but a value of kind AWS::NoValue"},
		{"!Sub ['${a}', {a: [1]}]", "unknown 21:28: Fn::Sub needs text here, and this is list"}, {"!Sub '{{resolve:ssm:${Name}}}'", "unknown 21:10: a dynamic reference to ssm is not resolved"},
		{"!Sub '${Gone.Arn}'", "unknown 21:10: resource Gone is left out: its condition No is false"},
		// Fn::Join
		{"!Join ['-', [a, 1, true, !Ref Name]]", `"a-1-true-blue"`}, {"!Join ['', []]", `""`}, {"!Join [',', !Ref Names]", `"a,b,c"`}, {"!Join ['-', [a, !Ref AWS::NoValue, b]]", `"a-b"`},
		{"!Join ['-', [a, !Ref Missing]]", missing}, {"!Join ['-', !Ref Missing]", missing}, {"!Join ['-', [[a]]]", "unknown 21:23: Fn::Join joins text, and this is list"}, {"!Join ['-', a]", "unknown 21:22: Fn::Join needs a list here, and this is string"},
		{"!Join [[a]]", "unknown 21:10: Fn::Join needs a delimiter and a list"}, {"!Join ['', ['{{resolve:', 'ssm:x}}']]", "unknown 21:10: a dynamic reference to ssm is not resolved"},
		// Fn::Split, Fn::Select
		{"!Split ['|', 'a||b']", `["a","","b"]`}, {"!Split ['', ab]", "unknown 21:18: Fn::Split needs a delimiter that is not empty"}, {"!Split ['|', !Ref Missing]", missing},
		{"!Select [1, [a, b]]", `"b"`}, {"!Select ['0', !Ref Names]", `"a"`}, {"!Select [0, [a, !Ref Missing]]", `"a"`}, {"!Select [1, [a, !Ref Missing]]", missing},
		{"!Select [2, [a, b]]", "unknown 21:10: Fn::Select has no element 2 in a value of kind list with 2 elements"}, {"!Select [-1, [a]]", "unknown 21:10: Fn::Select has no element -1 in a value of kind list with 1 elements"}, {"!Select [0, !Split ['.', a.b]]", `"a"`},
		{"!Select [0, {a: b}]", "unknown 21:10: Fn::Select has no element 0 in a value of kind map with 0 elements"},
		// Fn::FindInMap
		{"!FindInMap [M, blue, v]", `1`}, {"!FindInMap [M, !Ref Name, t]", `"012"`}, {"!FindInMap [M, blue, l]", `["x","y"]`}, {"!FindInMap [M, 80, v]", `"port"`},
		{"!FindInMap [M, red, v]", "unknown 21:10: Fn::FindInMap: Mappings has nothing at /M/red/v"}, {"!FindInMap [M, red, v, {DefaultValue: d}]", `"d"`}, {"!FindInMap [M, !Ref Missing, v]", missing}, {"!FindInMap [M, blue]", "unknown 21:10: Fn::FindInMap needs the name of a mapping and two keys"},
		// Fn::If and conditions
		{"!If [Yes, 1, 2]", `1`}, {"!If [No, 1, 2]", `2`}, {"!If [Yes, !If [No, 1, 3], 2]", `3`}, {"!If [Maybe, 1, 2]", missing}, {"!If [Maybe, a, a]", `"a"`}, {"!If [Maybe, {a: 1, b: 2}, {b: 2, a: 1}]", `{"a":1,"b":2}`},
		{"!If [Maybe, !Ref AWS::NoValue, !Ref AWS::NoValue]", "absent"}, {"!If [Maybe, a, !Ref AWS::NoValue]", missing}, {"!If [No, 1, !Ref AWS::NoValue]", "absent"},
		{"!If [Nothing, 1, 2]", "unknown 21:15: there is no condition Nothing"}, {"!If [Loop, 1, 2]", "unknown 15:15: condition Loop refers to itself"}, {"!If [Yes, 1]", "unknown 21:10: Fn::If needs the name of a condition and two values"},
		{"!Equals [1, '1']", `true`}, {"!Equals [a, A]", `false`}, {"!Equals [true, 'true']", `true`}, {"!Equals [!Ref Missing, a]", missing}, {"!Equals [[a], [a]]", `true`}, {"!Equals [a]", "unknown 21:10: Fn::Equals needs a list of two values"},
		{"!Equals [!Ref AWS::NoValue, a]", "unknown 21:19: AWS::NoValue cannot be compared"},
		{"!And [!Condition Yes, !Condition Maybe]", missing}, {"!And [!Condition Maybe, !Condition No]", `false`}, {"!Or [!Condition Maybe, {Condition: Yes}]", `true`}, {"!Or [!Condition No, !Condition Maybe]", missing}, {"!Or [!Condition No]", `false`},
		{"!Not [!Condition Maybe]", missing}, {"!Not [x]", "unknown 21:16: a condition must be a function such as Fn::Equals, and this is a string"}, {"!And [!Ref Name]", "unknown 21:16: Ref is not a function of conditions"}, {"!Or []", "unknown 21:10: Fn::Or needs a list of conditions"},
		// Fn::Base64
		{"!Base64 abc", `"YWJj"`}, {"!Base64 ''", `""`}, {"!Base64 [a]", "unknown 21:10: Fn::Base64 needs text here, and this is list"}, {"Fn::Base64: !Sub '${Name}'", `"Ymx1ZQ=="`},
		// Fn::GetAtt
		{"!GetAtt B.Arn", `"arn:aws:s3:::B"`}, {"{'Fn::GetAtt': [B, DomainName]}", `"B.s3.amazonaws.com"`}, {"{'Fn::GetAtt': [B, !Sub 'Regional${AWS::NoValue}']}", "unknown 21:29: Fn::Sub: ${AWS::NoValue} is not text but a value of kind AWS::NoValue"},
		{"{'Fn::GetAtt': B.RegionalDomainName}", `"B.s3.eu-west-1.amazonaws.com"`}, {"!GetAtt B.WebsiteURL", "unknown 21:10: the attribute WebsiteURL of B, a resource of type AWS::S3::Bucket, does not follow from the template"},
		{"!GetAtt Nobody.Arn", "unknown 21:10: there is no resource Nobody"}, {"!GetAtt B", "unknown 21:10: the attribute  of B, a resource of type AWS::S3::Bucket, does not follow from the template"}, {"!GetAtt [B]", "unknown 21:10: Fn::GetAtt needs the name of a resource and of an attribute"},
		// what a template does not tell
		{"!ImportValue x", "unknown 21:10: Fn::ImportValue takes a value from another stack"}, {"{'Fn::Transform': {Name: x}}", "unknown 21:10: Fn::Transform is not run"}, {"!GetAZs ''", "unknown 21:10: Fn::GetAZs asks for the availability zones of a Region"},
		{"!Cidr [a, 1, 2]", "unknown 21:10: the function Fn::Cidr is not evaluated"}, {"!Whatever x", "unknown 21:10: the function Fn::Whatever is not evaluated"}, {"{'Fn::Sub': a, b: c}", "unknown 21:11: Fn::Sub beside other keys is not evaluated"},
	}
	for _, tt := range tests {
		text := head + tt.in + "\n"
		if strings.HasPrefix(tt.in, "Fn::") {
			text = head + "\n        " + tt.in + "\n"
		}
		template, err := Parse([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", tt.in, err)
			continue
		}
		stack, err := template.Evaluate(testEnv)
		if err != nil {
			t.Fatal(err)
		}
		if got := stack.at("B/X"); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.in, got, tt.want)
		}
	}
}

// TestAttributes holds vectors for every row of kinds.
func TestAttributes(t *testing.T) {
	const p = "arn:aws:"
	const r = ":eu-west-1:111122223333:"
	tests := []struct{ kind, properties, ref, arn, attribute, value string }{
		{"AWS::S3::Bucket", "BucketName: n", "n", p + "s3:::n", "DualStackDomainName", "n.s3.dualstack.eu-west-1.amazonaws.com"},
		{"AWS::S3Express::DirectoryBucket", "BucketName: n", "n", p + "s3express" + r + "bucket/n", "Arn", p + "s3express" + r + "bucket/n"},
		{"AWS::S3::AccessPoint", "Name: n", "n", p + "s3" + r + "accesspoint/n", "Name", "n"},
		{"AWS::IAM::Role", "RoleName: n", "n", p + "iam::111122223333:role/n", "Arn", p + "iam::111122223333:role/n"},
		{"AWS::IAM::User", "{UserName: n, Path: /a/}", "n", p + "iam::111122223333:user/a/n", "Arn", p + "iam::111122223333:user/a/n"},
		{"AWS::IAM::Group", "GroupName: n", "n", p + "iam::111122223333:group/n", "Arn", p + "iam::111122223333:group/n"},
		{"AWS::IAM::InstanceProfile", "InstanceProfileName: n", "n", p + "iam::111122223333:instance-profile/n", "Arn", p + "iam::111122223333:instance-profile/n"},
		{"AWS::IAM::ManagedPolicy", "{ManagedPolicyName: n, Path: !Ref AWS::NoValue}", p + "iam::111122223333:policy/n", p + "iam::111122223333:policy/n", "PolicyArn", p + "iam::111122223333:policy/n"},
		{"AWS::SQS::Queue", "QueueName: n", "https://sqs.eu-west-1.amazonaws.com/111122223333/n", p + "sqs" + r + "n", "QueueName", "n"},
		{"AWS::SNS::Topic", "TopicName: n", p + "sns" + r + "n", p + "sns" + r + "n", "TopicName", "n"},
		{"AWS::Lambda::Function", "FunctionName: n", "n", p + "lambda" + r + "function:n", "Arn", p + "lambda" + r + "function:n"},
		{"AWS::DynamoDB::Table", "TableName: n", "n", p + "dynamodb" + r + "table/n", "Arn", p + "dynamodb" + r + "table/n"},
		{"AWS::Kinesis::Stream", "Name: n", "n", p + "kinesis" + r + "stream/n", "Arn", p + "kinesis" + r + "stream/n"},
		{"AWS::ECR::Repository", "RepositoryName: n", "n", p + "ecr" + r + "repository/n", "RepositoryUri", "111122223333.dkr.ecr.eu-west-1.amazonaws.com/n"},
		{"AWS::Logs::LogGroup", "LogGroupName: n", "n", p + "logs" + r + "log-group:n", "Arn", p + "logs" + r + "log-group:n:*"},
		{"AWS::KMS::Alias", "AliasName: alias/n", "alias/n", p + "kms" + r + "alias/n", "", ""},
		{"AWS::Events::EventBus", "Name: n", "n", p + "events" + r + "event-bus/n", "Name", "n"},
	}
	covered := map[string]bool{}
	for _, tt := range tests {
		covered[tt.kind] = true
		properties := tt.properties
		if properties[0] != '{' {
			properties = "{" + properties + "}"
		}
		text := fmt.Sprintf("Resources:\n  R: {Type: %s, Properties: %s}\n  X: {Type: AWS::S3::Bucket, Properties: {V: !GetAtt R.%s}}\n", tt.kind, properties, tt.attribute)
		template, err := Parse([]byte(text))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		stack, err := template.Evaluate(testEnv)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{"R/=Ref": `"` + tt.ref + `"`, "R/=ARN": `"` + tt.arn + `"`}
		if tt.attribute != "" {
			want["X/V"] = `"` + tt.value + `"`
		}
		checkPaths(t, stack, want)
	}
	for name := range kinds {
		if !covered[name] {
			t.Errorf("%s has no vector", name)
		}
	}
}

// TestPlaceholders holds vectors for names that CloudFormation invents: unknown, unless placeholders are asked for.
func TestPlaceholders(t *testing.T) {
	const r = ":eu-west-1:111122223333:"
	for _, tt := range []struct{ kind, ref, arn, attribute, value string }{
		{"AWS::SQS::Queue", "https://sqs.eu-west-1.amazonaws.com/111122223333/<R>", "arn:aws:sqs" + r + "<R>", "QueueName", "<R>"},
		{"AWS::IAM::Role", "<R>", "arn:aws:iam::111122223333:role/<R>", "Arn", "arn:aws:iam::111122223333:role/<R>"},
		{"AWS::KMS::Key", "<R>", "arn:aws:kms" + r + "key/<R>", "KeyId", "<R>"},
		{"AWS::SecretsManager::Secret", "arn:aws:secretsmanager" + r + "secret:<R>", "arn:aws:secretsmanager" + r + "secret:<R>", "Id", "arn:aws:secretsmanager" + r + "secret:<R>"},
		{"AWS::EFS::FileSystem", "<R>", "arn:aws:elasticfilesystem" + r + "file-system/<R>", "FileSystemId", "<R>"},
		{"AWS::Lambda::LayerVersion", "arn:aws:lambda" + r + "layer:<R>:1", "arn:aws:lambda" + r + "layer:<R>:1", "LayerVersionArn", "arn:aws:lambda" + r + "layer:<R>:1"},
		{"AWS::S3Express::DirectoryBucket", "<R>", "arn:aws:s3express" + r + "bucket/<R>", "Arn", "arn:aws:s3express" + r + "bucket/<R>"},
	} {
		text := fmt.Sprintf("Resources:\n  R: {Type: %s}\n  X: {Type: AWS::S3::Bucket, Properties: {V: !GetAtt R.%s}}\n", tt.kind, tt.attribute)
		template, err := Parse([]byte(text))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		env := testEnv
		for _, env.Placeholders = range []bool{false, true} {
			stack, err := template.Evaluate(env)
			if err != nil {
				t.Fatal(err)
			}
			if env.Placeholders {
				checkPaths(t, stack, map[string]string{"R/=Ref": `"` + tt.ref + `"`, "R/=ARN": `"` + tt.arn + `"`, "X/V": `"` + tt.value + `"`})
				continue
			}
			if r, _ := stack.Resource("R"); r.ARN.Unknown() == nil || r.Ref.Unknown() == nil {
				t.Errorf("%s: what CloudFormation invents is known without placeholders", tt.kind)
			}
		}
	}
}

func TestParseRefuses(t *testing.T) {
	deep := strings.Repeat("[", MaxDepth+1) + strings.Repeat("]", MaxDepth+1)
	bomb := "Metadata:\n  a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
	for i := 1; i < 9; i++ {
		bomb += fmt.Sprintf("  a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), 10), ","))
	}
	tests := []struct{ name, in, want string }{
		{"empty", "", "the template is empty"},
		{"only a comment", "# nothing\n", "the template is empty"},
		{"a scalar", "hello", "1:1: a template is a map of sections, and this is a string"},
		{"a list", "- a", "1:1: a template is a map of sections"},
		{"no resources", "Description: x", "1:1: the template has no Resources"},
		{"another format", "apiVersion: v1\nkind: Pod\n", `1:1: "apiVersion" is not a section`},
		{"resources a list", "Resources: [a]", "1:12: Resources must be a map, and this is a list"},
		{"resource a string", "Resources:\n  A: x", "2:6: resource A must be a map"},
		{"no type", "Resources:\n  A: {Properties: {}}", "2:3: resource A has no Type"},
		{"type a number", "Resources:\n  A: {Type: 3}", "2:13: the Type of resource A must be a string"},
		{"properties a list", "Resources:\n  A: {Type: x, Properties: []}", "2:28: the Properties of resource A must be a map"},
		{"condition a map", "Resources:\n  A: {Type: x, Condition: {}}", "2:27: the Condition of resource A"},
		{"depends on a map", "Resources:\n  A: {Type: x, DependsOn: [{}]}", "2:28: DependsOn of resource A"},
		{"parameter without type", "Parameters: {P: {}}\nResources: {}", "1:14: parameter P has no Type"},
		{"default a list", "Parameters: {P: {Type: String, Default: [a]}}\nResources: {}", "1:41: the default of parameter P"},
		{"duplicate key", "Resources:\n  A: {Type: x}\n  B: {Type: x}\n  A: {Type: y}\n", `4:3: the key "A" occurs twice`},
		{"duplicate key, JSON", "{\"Resources\": {\n \"é\": 1, \"A\": {},  \"A\": {}}}", `2:20: the key "A" occurs twice`},
		{"duplicate among many", "Resources: {}\nMetadata: {a: 1, b: 2, c: 3, d: 4, e: 5, f: 6, g: 7, h: 8, i: 9, c: 10}", `2:66: the key "c" occurs twice`},
		{"duplicate section", "Resources: {}\nResources: {}", `2:1: the key "Resources" occurs twice`},
		{"key a map", "Resources:\n  ? {a: b}\n  : x\n", "2:5: a key must be a plain text"},
		{"merge key", "Resources:\n  A: &a {Type: x}\n  B:\n    <<: *a\n", "4:5: CloudFormation has no merge keys"},
		{"binary", "Resources: {}\nMetadata: !!binary aGk=", "2:11: CloudFormation does not support the YAML tag !!binary"},
		{"tab", "Resources:\n\tA: x", "2: not valid YAML: found character that cannot start any token"},
		{"open quote", "Resources:\n  A: 'x", "not valid YAML"},
		{"two documents", "Resources: {}\n---\nResources: {}", "a second one begins"},
		{"unknown anchor", "Resources: *x", "not valid YAML: unknown anchor"},
		{"alias in its own anchor", "Resources: {}\nMetadata: &a [*a]", "2:15: the alias *a stands inside its own anchor"},
		{"alias bomb", bomb + "Resources: {}\n", "the aliases stand for more than 100000 nodes"},
		{"deep", "Resources: {}\nMetadata: " + deep, "nested deeper than 200 levels"},
		{"deep, JSON", `{"Resources": {}, "Metadata": ` + deep + `}`, "1:231: nested deeper than 200 levels"},
		{"very deep, JSON", `{"Metadata": ` + strings.Repeat("[", 100_000), "not valid JSON"},
		{"very deep, YAML", "Metadata: " + strings.Repeat("[", 100_000), "not valid YAML"},
		{"JSON cut off", "{\"Resources\": {\n", "1:16: not valid JSON: unexpected end of JSON input"},
		{"JSON with a bad escape", `{"Resources": "\x"}`, `1:17: not valid JSON: invalid character 'x' in string escape code`},
		{"not UTF-8", "Resources: \xff", "not UTF-8"},
		{"NUL", "Resources: \x00", "not valid YAML"},
		{"too many elements", "Resources: {}\nMetadata: [" + strings.Repeat(",", MaxElements) + "]", "more than 150000 lines, commas and brackets"},
		{"too many lines", "Resources: {}\nMetadata:\r" + strings.Repeat("-\r", MaxElements), "more than 150000 lines, commas and brackets"},
		{"long default", "Parameters: {P: {Type: String, Default: " + strings.Repeat("x", MaxParameter+1) + "}}\nResources: {}", "1:41: the default of parameter P has more than 4096 bytes"},
		{"too large", strings.Repeat(" ", MaxSize) + "Resources: {}", "more than 1 MiB"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			template, err := Parse([]byte(tt.in))
			var e *Error
			if !errors.As(err, &e) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Parse = %v, %v, want an error with %q", template, err, tt.want)
			}
		})
	}
}

func TestEvaluateRefusesParameters(t *testing.T) {
	template, err := Parse([]byte("Parameters: {E: {Type: String, AllowedValues: [a, 1]}}\nResources: {}"))
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", MaxParameter+1)
	for in, want := range map[string]string{"E=" + long: "parameter E: the value has more than 4096 bytes", "E=b": "parameter E: the value is not one of its AllowedValues (a, 1)", "F=a": "the template has no parameter F", "E=1": ""} {
		name, value, _ := strings.Cut(in, "=")
		_, err := template.Evaluate(Env{Parameters: map[string]string{name: value}})
		if got := fmt.Sprint(err); (err != nil || want != "") && got != want {
			t.Errorf("%s: %v, want %q", in, err, want)
		}
	}
}

func TestFlowYAMLThatLooksLikeJSON(t *testing.T) {
	template, err := Parse([]byte("\uFEFF{Resources: {A: {Type: AWS::S3::Bucket, Properties: {BucketName: !Sub 'x-${AWS::Region}',},},}}"))
	if err != nil {
		t.Fatal(err)
	}
	stack, _ := template.Evaluate(testEnv)
	checkPaths(t, stack, map[string]string{"A/=Ref": `"x-eu-west-1"`})
}

func TestResourcesOfMacros(t *testing.T) {
	for _, text := range []string{
		"Resources:\n  Fn::ForEach::Buckets: [N, [a, b], {'${N}': {Type: AWS::S3::Bucket}}]\n  A: {Type: AWS::S3::Bucket}",
		"Resources:\n  Fn::Transform: {Name: x}",
	} {
		template, err := Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		stack, _ := template.Evaluate(testEnv)
		if len(stack.Unknowns) != 1 || stack.Unknowns[0].Position.Line != 2 {
			t.Errorf("%s: unknowns %v", text, stack.Unknowns)
		}
	}
}

// TestComputedTextIsBounded doubles a name forty times; without a bound that is
// a terabyte.
func TestComputedTextIsBounded(t *testing.T) {
	text := "Resources:\n"
	for i := range 40 {
		text += fmt.Sprintf("  B%02d: {Type: AWS::S3::Bucket, Properties: {BucketName: !Sub '${B%02d}${B%02d}'}}\n", i, i+1, i+1)
	}
	text += "  B40: {Type: AWS::S3::Bucket, Properties: {BucketName: x}}\n"
	template, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	stack, err := template.Evaluate(testEnv)
	if err != nil {
		t.Fatal(err)
	}
	if got := stack.at("B39/=Ref"); got != `"xx"` {
		t.Errorf("B39 = %s", got)
	}
	if got := stack.at("B00/=Ref"); !strings.Contains(got, "produce more than 32 MiB") {
		t.Errorf("B00 = %.80s", got)
	}
}

// TestManyUsesOfALargeMapping takes a list of ten thousand elements ten thousand
// times.
func TestManyUsesOfALargeMapping(t *testing.T) {
	text := "Mappings: {M: {a: {b: [" + strings.Repeat("1,", 10_000) + "1]}}}\nResources:\n  A: {Type: T, Properties: {X: [" + strings.Repeat("!FindInMap [M, a, b],", 10_000) +
		"], Y: !Split ['1', !Join ['', !FindInMap [M, a, b]]]}}\n"
	template, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	stack, err := template.Evaluate(testEnv)
	if err != nil {
		t.Fatal(err)
	}
	if first, ok := stack.Resources[0].Properties.Get("X", "0", "9999"); !ok || render(first) != "1" {
		t.Errorf("the first use has %s", render(first))
	}
	for _, path := range []string{"A/X/9999", "A/Y"} {
		if got := stack.at(path); !strings.Contains(got, "produce more than 32 MiB") {
			t.Errorf("%s = %.80s", path, got)
		}
	}
}

func TestLongChainOfReferences(t *testing.T) {
	text := "Resources:\n  B0000: {Type: AWS::S3::Bucket, Properties: {BucketName: x}}\n"
	for i := 1; i < 2000; i++ {
		text += fmt.Sprintf("  B%04d: {Type: AWS::S3::Bucket, Properties: {BucketName: !Ref B%04d}}\n", 2000-i, (2000-i+1)%2000)
	}
	template, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	stack, err := template.Evaluate(testEnv)
	if err != nil {
		t.Fatal(err)
	}
	if got := stack.at("B1999/=Ref"); got != `"x"` {
		t.Errorf("B1999 = %s", got)
	}
	if got := stack.at("B0001/=Ref"); !strings.Contains(got, "a chain of more than 200 references") {
		t.Errorf("B0001 = %s", got)
	}
}

func TestValue(t *testing.T) {
	stack := evaluateFile(t, "storage.yaml", testEnv)
	r, _ := stack.Resource("Customers")
	block, _ := r.Properties.Get("PublicAccessBlockConfiguration", "BlockPublicAcls")
	if truth, ok := block.Bool(); !truth || !ok || block.Kind() != Bool || block.Position() != (Position{42, 26}) {
		t.Errorf("BlockPublicAcls = %v %v at %v", truth, ok, block.Position())
	}
	status, _ := r.Properties.Get("VersioningConfiguration", "Status")
	if text, ok := status.Text(); text != "Enabled" || !ok {
		t.Errorf("Status = %q", text)
	}
	if _, ok := status.Bool(); ok {
		t.Error("Enabled is a bool")
	}
	for _, path := range [][]string{{"Tags", "1"}, {"Tags", "-1"}, {"Tags", "x"}, {"BucketName", "x"}, {"tags"}} {
		if v, ok := r.Properties.Get(path...); ok {
			t.Errorf("Get(%v) = %s", path, render(v))
		}
	}
	if tags, _ := r.Properties.Get("Tags"); len(tags.Items()) != 1 || len(r.Properties.Fields()) != 6 || r.Properties.Fields()[0].Name != "BucketName" {
		t.Errorf("Items or Fields are not those of the template: %s", render(r.Properties))
	}
	if _, err := r.Properties.JSON(); err == nil {
		t.Error("a value with an unknown part has JSON")
	}
}
