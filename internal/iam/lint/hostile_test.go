package lint

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/iam/catalog"
)

// megabyte repeats what a function writes, with its number, until there is a megabyte of it.
func megabyte(head, tail string, item func(i int) string) string {
	var b strings.Builder
	b.WriteString(head)
	for i := 0; b.Len() < 1<<20; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(item(i))
	}
	b.WriteString(tail)
	return b.String()
}

// hostile are policies of a megabyte, each long in another place.
func hostile() map[string]string {
	const head, tail = `{"Version":"2012-10-17","Statement":[`, `]}`
	one := func(element string) (string, string) {
		s := map[string]string{"Effect": `"Allow"`, "Action": `"*"`, "Resource": `"*"`}
		delete(s, strings.TrimPrefix(element, "Not"))
		text := head + "{"
		for _, name := range []string{"Effect", "Action", "Resource"} {
			if s[name] != "" {
				text += fmt.Sprintf("%q:%s,", name, s[name])
			}
		}
		return text + fmt.Sprintf("%q:[", element), `]}]}`
	}
	list := func(element string, item func(i int) string) string {
		head, tail := one(element)
		return megabyte(head, tail, item)
	}
	condition := func(item func(i int) string) string {
		return megabyte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["s3:*","dynamodb:Query"],"Resource":"*","Condition":{"StringLike":{`, `}}}}`, item)
	}
	return map[string]string{
		"statements": megabyte(head, tail, func(i int) string {
			return fmt.Sprintf(`{"Sid":"S%d","Effect":"Allow","Action":["s3:GetObject","iam:PassRole"],"Resource":["arn:aws:s3:::b%d/*","arn:aws:iam::111122223333:role/r%d*"]}`, i, i, i)
		}),
		"statements alike": megabyte(head, tail, func(int) string { return `{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}` }),
		"statements that exclude": megabyte(head, tail, func(i int) string {
			return fmt.Sprintf(`{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*","Condition":{"StringLike":{"s3:prefix":"a%d*"},"StringNotLike":{"s3:prefix":"a*"}}}`, i)
		}),
		"statements of tags": megabyte(head, tail, func(i int) string {
			return fmt.Sprintf(`{"Effect":"Deny","Action":["ec2:Describe*","ec2:*"],"Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/t%d":"a"}}}`, i)
		}),
		"actions":                  list("Action", func(i int) string { return fmt.Sprintf(`"s3:Get%d"`, i) }),
		"known actions":            list("Action", func(i int) string { return []string{`"s3:GetObject"`, `"ec2:RunInstances"`, `"iam:PassRole"`}[i%3] }),
		"services":                 list("Action", func(i int) string { return fmt.Sprintf(`"svc%d:Get"`, i) }),
		"patterns of actions":      list("Action", func(i int) string { return fmt.Sprintf(`"s3:*a%d*b"`, i) }),
		"patterns of services":     list("Action", func(i int) string { return fmt.Sprintf(`"*%d:*a"`, i) }),
		"actions left out":         list("NotAction", func(i int) string { return fmt.Sprintf(`"ec2:*%d?"`, i) }),
		"entangled actions":        list("Action", func(i int) string { return fmt.Sprintf(`"s3:%s%d"`, strings.Repeat("*a", 20), i) }),
		"resources":                list("Resource", func(i int) string { return fmt.Sprintf(`"arn:aws:s3:::b%d"`, i) }),
		"patterns of resources":    list("Resource", func(i int) string { return fmt.Sprintf(`"arn:aws:ec2:*:*:instance/*%d*"`, i) }),
		"entangled resources":      list("Resource", func(i int) string { return fmt.Sprintf(`"arn:aws:s3:::%s%d"`, strings.Repeat("*a", 30), i) }),
		"roles":                    list("Resource", func(i int) string { return fmt.Sprintf(`"arn:aws:iam::111122223333:role/x%d*"`, i) }),
		"resources with variables": list("Resource", func(i int) string { return fmt.Sprintf(`"arn:aws:s3:::${aws:username}/%d*"`, i) }),
		"resources of no service":  list("Resource", func(i int) string { return fmt.Sprintf(`"arn:aws:x%d:::b"`, i) }),
		"resources of one pattern": list("Resource", func(i int) string { return fmt.Sprintf(`"arn:aws:logs:*:*:*%d"`, i) }),
		"one long resource":        head + `{"Effect":"Allow","Action":"*","Resource":["arn:aws:s3:::` + strings.Repeat("*a", 1<<18) + `","arn:aws:s3:::` + strings.Repeat("a*", 1<<18) + `"]}` + tail,
		"one long action":          head + `{"Effect":"Allow","Action":["s3:` + strings.Repeat("*a", 1<<18) + `","s3:` + strings.Repeat("a*", 1<<18) + `"],"Resource":"*"}` + tail,
		"keys":                     condition(func(i int) string { return fmt.Sprintf(`"aws:PrincipalTag/t%d":"*"`, i) }),
		"unknown keys":             condition(func(i int) string { return fmt.Sprintf(`"s3:prefix%d":"a"`, i) }),
		"keys of tags":             condition(func(i int) string { return fmt.Sprintf(`"aws:ResourceTag/t%d":"a"`, i) }),
		"values":                   megabyte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*","Condition":{"StringLike":{"aws:SourceVpc":[`, `]},"StringNotLike":{"aws:SourceVpc":"*a"}}}}`, func(i int) string { return fmt.Sprintf(`"*v?c-*%d*"`, i) }),
		"addresses":                megabyte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":[`, `]}}}}`, func(i int) string { return fmt.Sprintf(`"10.%d.%d.1/24"`, i/200%200, i%200) }),
		"principals":               megabyte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["sts:AssumeRole","sts:AssumeRoleWithWebIdentity","sts:AssumeRoleWithSAML"],"Principal":{"Federated":[`, `]}}}`, func(i int) string { return fmt.Sprintf(`"p%d.example.com"`, i) }),
		"services let in":          megabyte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","Principal":{"Service":[`, `]}}}`, func(i int) string { return fmt.Sprintf(`"p%d.amazonaws.com"`, i) }),
		"roles and sessions": megabyte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":[`, `]}}}`, func(i int) string {
			return []string{`"arn:aws:iam::111122223333:role/r"`, `"arn:aws:sts::111122223333:assumed-role/r/s"`}[i%2]
		}),
		"braces":    strings.Repeat("[", 1<<20),
		"variables": head + `{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::` + strings.Repeat("${", 1<<19) + `"}` + tail,
	}
}

// TestHostile reads policies of a megabyte: each ends soon, with a bounded number of findings.
func TestHostile(t *testing.T) {
	const most = time.Minute // against work that explodes: how fast it is the benchmark shows
	for name, text := range hostile() {
		kinds := []iam.Kind{iam.Identity}
		if strings.Contains(text[:min(len(text), 1000)], `"Principal"`) {
			kinds = []iam.Kind{iam.Resource, iam.Trust}
		}
		for _, kind := range kinds {
			start := time.Now()
			findings := Check(text, kind, map[iam.Kind]string{iam.Resource: "AWS::S3::Bucket"}[kind])
			took := time.Since(start)
			if took > most {
				t.Errorf("%s as %s took %v", name, kind, took)
			}
			if len(findings) > 20*maxFindings {
				t.Errorf("%s: %d findings", name, len(findings))
			}
			for _, f := range findings {
				if len(f.Locations) > maxLocations || len(f.Details) > 2000 {
					t.Errorf("%s: %s: %d locations, %d bytes", name, f.Code, len(f.Locations), len(f.Details))
				}
			}
			sound(t, text, findings)
		}
	}
}

// TestSuggestions holds the names that are suggested.
func TestSuggestions(t *testing.T) {
	for text, want := range map[string]string{
		`{"Effect":"Allow","Action":"s3:GetObjet","Resource":"*"}`:                                                      "s3:GetObject",
		`{"Effect":"Allow","Action":"s3:ListBuckets","Resource":"*"}`:                                                   "s3:ListAllMyBuckets?",
		`{"Effect":"Allow","Action":"dynamdb:Query","Resource":"*"}`:                                                    "dynamodb",
		`{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"aws:usernam":"a"}}}`:            "aws:username",
		`{"Effect":"Allow","Action":"sqs:*","Resource":"arn:aws:sqs:us-eats-1:111122223333:q"}`:                         "us-east-1",
		`{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"203.0.113.7/24"}}}`: "203.0.113.0/24",
		`{"Effect":"Allow","Action":["s3:GetObject","s3:Get*"],"Resource":"*"}`:                                         "s3:Get* holds s3:getobject",
		`{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Condition":{"StringLike":{"s3:prefix":"a"}}}`:        "Requests for s3:GetObject do not carry s3:prefix",
		`{"Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam::111122223333:role/dev-*"}`:                  "iam:PassedToService",
		`{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag":"a"}}}`:        "aws:ResourceTag/name",
	} {
		findings := Check(`{"Version":"2012-10-17","Statement":`+text+`}`, iam.Identity, "")
		if len(findings) != 1 || !strings.Contains(findings[0].Details, want) {
			t.Errorf("%s: %v, want %q in it", text, findings, want)
		}
	}
	c := catalog.Load()
	for name, meant := range operations {
		if c.Action(name) != nil || c.Action(meant) == nil || name != iam.FoldKey(name) {
			t.Errorf("%s: is %s an action?", name, meant)
		}
	}
	for _, text := range []string{`"a:Get"`, `"zzzzzzzz:Get"`, `"s3:Zzzzzzzzzzzzz"`} {
		findings := Check(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Resource":"*","Action":`+text+`}}`, iam.Identity, "")
		if len(findings) != 1 || strings.Contains(findings[0].Details, "Did you mean") {
			t.Errorf("%s: %v", text, findings)
		}
	}
}

// FuzzCheck holds what is true of any text: it ends, its places are in the text, and the same text has the same findings.
func FuzzCheck(f *testing.F) {
	for _, v := range readVectors(f) {
		if len(v.text) < 2000 {
			f.Add(v.text, uint8(v.kind), v.resourceType)
		}
	}
	f.Fuzz(func(t *testing.T, text string, kind uint8, resourceType string) {
		k := iam.Kind(kind) % (iam.Endpoint + 1)
		findings := Check(text, k, resourceType)
		sound(t, text, findings)
		again := Check(text, k, resourceType)
		if len(again) != len(findings) {
			t.Fatalf("%d findings, then %d", len(findings), len(again))
		}
		for i := range findings {
			if findings[i].Code != again[i].Code || findings[i].Details != again[i].Details {
				t.Fatalf("%v, then %v", findings[i], again[i])
			}
		}
		if _, problems := iam.Check(text, k); len(problems) > 0 && len(findings) == 0 && resourceType == "" {
			for _, p := range problems {
				if p.Fatal && !(k == iam.Resource) {
					t.Fatalf("nothing is told of %v", p)
				}
			}
		}
	})
}

// BenchmarkCheck reads an ordinary policy of a hundred statements.
func BenchmarkCheck(b *testing.B) {
	var statements []string
	for i := range 25 {
		statements = append(statements,
			fmt.Sprintf(`{"Sid":"L%d","Effect":"Allow","Action":["s3:ListBucket","s3:GetBucketLocation"],"Resource":"arn:aws:s3:::b%d"}`, i, i),
			fmt.Sprintf(`{"Sid":"R%d","Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::b%d/*","Condition":{"Bool":{"aws:SecureTransport":"true"}}}`, i, i),
			fmt.Sprintf(`{"Sid":"E%d","Effect":"Allow","Action":["ec2:StartInstances","ec2:StopInstances"],"Resource":"arn:aws:ec2:*:*:instance/*","Condition":{"StringEquals":{"aws:ResourceTag/team":"t%d"}}}`, i, i),
			fmt.Sprintf(`{"Sid":"D%d","Effect":"Deny","Action":"sqs:*","Resource":"*","Condition":{"StringNotLike":{"aws:RequestedRegion":"eu-%d*"}}}`, i, i))
	}
	text := `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if findings := Check(text, iam.Identity, ""); len(findings) != 1 { // its length
			b.Fatal(codes(findings))
		}
	}
	b.ReportMetric(float64(len(statements)*b.N)/b.Elapsed().Seconds(), "statements/s")
}
