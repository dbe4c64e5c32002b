package reach

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/iam/catalog"
)

// overlapping makes the family of policies on which AWS's own analyzer gives up at twelve statements (access-analyzer.md 5.3): principals
// that overlap mutually, and disjoint endpoints. Variant B adds nested ranges, variant C a Deny that spares half as many other patterns.
func overlapping(t testing.TB, n int, variant byte) *iam.Policy {
	var list []string
	for i := range n {
		nested := ""
		if variant == 'B' {
			nested = fmt.Sprintf(`,"IpAddress":{"aws:SourceIp":"%d.%d.0.0/%d"}`, 64, 0, min(3+i, 32))
			if i >= 29 {
				nested = fmt.Sprintf(`,"IpAddress":{"aws:SourceIp":"2001:db8::/%d"}`, 33+i)
			}
		}
		list = append(list, fmt.Sprintf(`{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*","Condition":{"StringLike":{"aws:PrincipalArn":"arn:aws:iam::999988887777:user/*x%02d*"},"StringEquals":{"aws:SourceVpce":"vpce-%x"}%s}}`, i, i, nested))
	}
	if variant == 'C' {
		var spared []string
		for i := range n / 2 {
			spared = append(spared, fmt.Sprintf(`"arn:aws:iam::999988887777:user/*y%02d*"`, i))
		}
		list = append(list, `{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"*","Condition":{"StringNotLike":{"aws:PrincipalArn":[`+strings.Join(spared, ",")+`]}}}`)
	}
	p, err := iam.Parse(`{"Version":"2012-10-17","Statement":[`+strings.Join(list, ",")+`]}`, iam.Resource)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func BenchmarkOverlapping(b *testing.B) {
	for _, variant := range "ABC" {
		for _, n := range []int{6, 15, 30, 60} {
			b.Run(fmt.Sprintf("%c/n=%d", variant, n), func(b *testing.B) {
				p := overlapping(b, n, byte(variant))
				findings := 0
				for b.Loop() {
					list, err := External(Alone(p), Zone{Account: "111122223333"}, []string{"s3:GetObject"}, Limits{})
					if err != nil {
						b.Fatal(err)
					}
					findings = len(list)
				}
				b.ReportMetric(float64(findings), "findings")
			})
		}
	}
}

// BenchmarkNaive cuts as access-analyzer.md 2.5 says it, with the same search behind it: what the bit sets of labels and statements save.
func BenchmarkNaive(b *testing.B) {
	for _, variant := range "ABC" {
		for _, n := range []int{6, 15, 30} {
			b.Run(fmt.Sprintf("%c/n=%d", variant, n), func(b *testing.B) {
				p := overlapping(b, n, byte(variant))
				for b.Loop() {
					if _, err := naive(Alone(p), Zone{Account: "111122223333"}, []string{"s3:GetObject"}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkHostile tells what a step takes: DefaultSteps goes by the slowest.
func BenchmarkHostile(b *testing.B) {
	for _, h := range hostiles(b) {
		b.Run(strings.ReplaceAll(h.name, " ", "_"), func(b *testing.B) {
			steps := 0
			for b.Loop() {
				budget := 10 * DefaultSteps
				if err := h.ask(Limits{Budget: &budget}); err != nil && !errors.Is(err, ErrTooComplex) {
					b.Fatal(err)
				}
				steps += 10*DefaultSteps - budget
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(steps), "us/step")
		})
	}
}

// fifty makes a policy of fifty statements of ordinary kinds.
func fifty(t testing.TB, change int) *iam.Policy {
	var list []string
	for i := range 50 {
		action := []string{`"s3:GetObject"`, `["s3:Get*","s3:List*"]`, `"ec2:Describe*"`, `["dynamodb:GetItem","dynamodb:Query"]`, `"sqs:SendMessage"`}[i%5]
		condition := []string{`{}`, `{"StringEquals":{"aws:PrincipalTag/team":["red","blue"]}}`, `{"IpAddress":{"aws:SourceIp":["10.0.0.0/8","192.0.2.0/24"]}}`, `{"Bool":{"aws:SecureTransport":"true"}}`}[i%4]
		effect := "Allow"
		if i%10 == 9 {
			effect = "Deny"
		}
		name := fmt.Sprintf("data-%d", i)
		if i == change {
			name += "*"
		}
		list = append(list, fmt.Sprintf(`{"Effect":%q,"Action":%s,"Resource":["arn:aws:s3:::%s/*","arn:aws:s3:::%s-logs/*/x"],"Condition":%s}`, effect, action, name, name, condition))
	}
	p, err := iam.Parse(`{"Version":"2012-10-17","Statement":[`+strings.Join(list, ",")+`]}`, iam.Identity)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// fiftyPairs are policies of fifty to compare.
var fiftyPairs = []struct {
	name         string
	old, changed int
	passes       bool
}{
	{"same", -1, -1, true},
	{"narrower", 22, -1, true},
	{"wider", -1, 22, false},
}

func BenchmarkNoNewAccess(b *testing.B) {
	for _, c := range fiftyPairs {
		b.Run(c.name, func(b *testing.B) {
			old, changed := fifty(b, c.old), fifty(b, c.changed)
			var times []time.Duration
			for b.Loop() {
				start := time.Now()
				answer, err := NoNewAccess(changed, old, Limits{})
				times = append(times, time.Since(start))
				if err != nil || answer.Passes() != c.passes {
					b.Fatal(answer, err)
				}
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)/2].Microseconds()), "median-us")
		})
	}
}

// bucketPolicy is one of many ordinary policies of buckets.
func bucketPolicy(i int) (text, bucket string) {
	bucket = fmt.Sprintf("data-%d", i)
	allow := []string{
		`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::%012d:role/app"},"Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::%s/*"}`,
		`{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::%[2]s/*","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}}}`,
		`{"Effect":"Allow","Principal":{"Service":"cloudfront.amazonaws.com"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::%[2]s/*","Condition":{"StringEquals":{"aws:SourceArn":"arn:aws:cloudfront::111122223333:distribution/E%[1]d"}}}`,
		`{"Effect":"Allow","Principal":"*","Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::%[2]s","arn:aws:s3:::%[2]s/*"],"Condition":{"IpAddress":{"aws:SourceIp":["203.0.113.0/24","198.51.100.0/24"]}}}`,
	}
	list := []string{fmt.Sprintf(allow[i%4], 200000000000+i, bucket), fmt.Sprintf(allow[(i/4)%4], 300000000000+i, bucket),
		fmt.Sprintf(`{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::%[1]s","arn:aws:s3:::%[1]s/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}}`, bucket)}
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(list, ",") + `]}`, bucket
}

// s3Actions are those that bucket policies are about.
func s3Actions() []string {
	var list []string
	for _, a := range catalog.Load().Service("s3").Actions {
		for _, r := range a.Resources {
			if r.Type.Name == "bucket" || r.Type.Name == "object" {
				list = append(list, a.Full)
				break
			}
		}
	}
	return list
}

func BenchmarkBuckets(b *testing.B) {
	actions := s3Actions()
	for b.Loop() {
		for i := range 10_000 {
			text, bucket := bucketPolicy(i)
			p, err := iam.Parse(text, iam.Resource)
			if err != nil {
				b.Fatal(err)
			}
			docs := Alone(p, "arn:aws:s3:::"+bucket, "arn:aws:s3:::"+bucket+"/*")
			if _, err := External(docs, Zone{Account: "111122223333"}, actions, Limits{}); err != nil {
				b.Fatal(err)
			}
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.Sys)/(1<<20), "MB")
}
