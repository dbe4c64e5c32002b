package resource

import (
	"fmt"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/iam/eval"
	"github.com/magpie-sec/magpie/internal/iam/reach"
	"github.com/magpie-sec/magpie/internal/source"
)

// ordinary are bucket policies of the kinds that people have; BUCKET and ## are filled in.
var ordinary = []string{
	"",
	`{"Version":"2012-10-17","Statement":[{"Sid":"TLS","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::BUCKET","arn:aws:s3:::BUCKET/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`,
	`{"Version":"2012-10-17","Statement":[{"Sid":"Logs","Effect":"Allow","Principal":{"Service":"logging.s3.amazonaws.com"},"Action":"s3:PutObject","Resource":"arn:aws:s3:::BUCKET/*","Condition":{"StringEquals":{"aws:SourceAccount":"111122223333"}}},{"Sid":"TLS","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::BUCKET","arn:aws:s3:::BUCKET/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`,
	`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/app-##"},"Action":["s3:GetObject","s3:PutObject","s3:ListBucket"],"Resource":["arn:aws:s3:::BUCKET","arn:aws:s3:::BUCKET/*"]}]}`,
	`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::999988887777:root","arn:aws:iam::444455556666:role/reader-##"]},"Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::BUCKET","arn:aws:s3:::BUCKET/*"]},{"Sid":"TLS","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::BUCKET","arn:aws:s3:::BUCKET/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`,
	`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::BUCKET/*","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}}}]}`,
	`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::BUCKET/public/*"}]}`,
	`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::BUCKET","arn:aws:s3:::BUCKET/*"],"Condition":{"IpAddress":{"aws:SourceIp":["203.0.113.0/24","198.51.100.0/24"]}}}]}`,
	`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"cloudfront.amazonaws.com"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::BUCKET/*","Condition":{"StringEquals":{"aws:SourceArn":"arn:aws:cloudfront::111122223333:distribution/E##"}}}]}`,
	`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::BUCKET/*"},{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::BUCKET","arn:aws:s3:::BUCKET/*"],"Condition":{"StringNotEquals":{"aws:SourceVpce":"vpce-0a1b2c3d4e"}}}]}`,
}

func ordinaryBuckets(n int) []Resource {
	list := make([]Resource, n)
	for i := range list {
		name := fmt.Sprintf("bucket-%05d", i)
		text := strings.NewReplacer("BUCKET", name, "##", fmt.Sprint(i)).Replace(ordinary[i%len(ordinary)])
		r := specimens[0].resource(source.Known(Document{Text: text}))
		if text == "" {
			r.Policy = source.Absent[Document]("")
		}
		if i%7 == 0 {
			r.PublicAccessBlock = source.Known(source.PublicAccessBlock{BlockPublicACLs: true, IgnorePublicACLs: true, BlockPublicPolicy: true, RestrictPublicBuckets: true})
		}
		r.ARN = "arn:aws:s3:::" + name
		list[i] = *r
	}
	return list
}

var benchZone = reach.Zone{Account: "111122223333"}

// BenchmarkCold analyses 10,000 buckets of an account for the first time.
func BenchmarkCold(b *testing.B) {
	buckets := ordinaryBuckets(10_000)
	for b.Loop() {
		findings := 0
		for i := range buckets {
			findings += len(Analyze(&buckets[i], benchZone).Findings)
		}
		if findings == 0 {
			b.Fatal("no findings")
		}
	}
}

// BenchmarkRescan analyses them again after one has changed.
func BenchmarkRescan(b *testing.B) {
	buckets := ordinaryBuckets(10_000)
	var cache Cache
	for i := range buckets {
		cache.Analyze(&buckets[i], benchZone)
	}
	policies := []source.Fact[Document]{buckets[5].Policy, buckets[6].Policy}
	n := 0
	for b.Loop() {
		n++
		buckets[4].Policy = policies[n%2]
		for i := range buckets {
			cache.Analyze(&buckets[i], benchZone)
		}
	}
}

// BenchmarkNaive is what stands beside it: for each bucket every action is asked of package eval for a handful of callers, which finds no
// more than whether those get in, without conditions.
func BenchmarkNaive(b *testing.B) {
	buckets := ordinaryBuckets(10_000)
	callers := []eval.Caller{{Kind: eval.Anonymous}, {Kind: eval.User, Account: "999988887777", ARN: "arn:aws:iam::999988887777:user/a"},
		{Kind: eval.RoleSession, Account: "444455556666", ARN: "arn:aws:iam::444455556666:role/reader", SessionARN: "arn:aws:sts::444455556666:assumed-role/reader/s"}}
	for b.Loop() {
		for i := range buckets {
			p, err := iam.Parse(buckets[i].Policy.Value.Text, iam.Resource)
			if err != nil {
				continue
			}
			for _, c := range callers {
				for j, part := range bucketParts() {
					for _, action := range part.actions {
						eval.Permits(p, &eval.Request{Caller: c, Action: action, Resource: buckets[i].ARN + []string{"", "/a"}[j], Context: c.Keys()})
					}
				}
			}
		}
	}
}
