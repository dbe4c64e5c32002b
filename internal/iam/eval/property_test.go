package eval

import (
	"fmt"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/iam"
	"pgregory.net/rapid"
)

// TestNegation holds the laws that tie operators to their opposites, over values that often meet.
func TestNegation(t *testing.T) {
	pairs := [][2]string{{"StringEquals", "StringNotEquals"}, {"StringLike", "StringNotLike"}, {"StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"},
		{"NumericEquals", "NumericNotEquals"}, {"DateEquals", "DateNotEquals"}, {"IpAddress", "NotIpAddress"}, {"ArnLike", "ArnNotLike"},
		{"NumericLessThan", "NumericGreaterThanEquals"}, {"DateLessThanEquals", "DateGreaterThan"}}
	values := []string{"", "a", "A*", "*", "5", "05", "1e1", "2026", "2026-01-01T00:00:00Z", "10.0.0.0/8", "10.1.2.3", "::ffff:10.1.2.3", "2001:db8::/32",
		"arn:aws:s3:::b", "arn:aws:s3:::*", "arn:*:*:*:*:*", "${a:v}", "${a:v, 'a'}", "true"}
	rapid.Check(t, func(t *rapid.T) {
		pair := rapid.SampledFrom(pairs).Draw(t, "operators")
		one := rapid.SampledFrom(values).Draw(t, "value")
		other := rapid.SampledFrom(values).Draw(t, "other value")
		in := rapid.SampledFrom(values).Draw(t, "in the request")
		keys := Context{}
		keys.Set("a:k", in)
		if rapid.Bool().Draw(t, "variable") {
			keys.Set("a:v", "a")
		}
		holds := func(operator string, keys Context, values ...string) bool {
			text := fmt.Sprintf(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{%q:{"a:k":["%s"]}}}}`, operator, strings.Join(values, `","`))
			p, err := iam.Parse(text, iam.Identity)
			if err != nil {
				t.Fatal(err)
			}
			return Holds(&p.Statements[0].Conditions[0], keys)
		}
		yes, no := holds(pair[0], keys, one), holds(pair[1], keys, one)
		if yes && no {
			t.Fatalf("%q: %v and %v %q", in, pair[0], pair[1], one)
		}
		ordered := strings.Contains(pair[0], "Less")
		if !ordered && !strings.HasPrefix(pair[0], "Arn") && !strings.Contains(pair[0], "Ip") && !yes && !no {
			t.Fatalf("%q: neither %v nor %v %q", in, pair[0], pair[1], one)
		}
		if !ordered {
			if got, want := holds(pair[0], keys, one, other), yes || holds(pair[0], keys, other); got != want {
				t.Fatalf("%q %v %q or %q is %v", in, pair[0], one, other, got)
			}
			if got, want := holds(pair[1], keys, one, other), no && holds(pair[1], keys, other); got != want {
				t.Fatalf("%q %v %q or %q is %v", in, pair[1], one, other, got)
			}
		}
		for _, op := range pair {
			set := Context{"a:k": {List: []string{in, in}, Many: true}, "a:v": keys["a:v"]}
			if single := holds(op, keys, one); holds("ForAllValues:"+op, set, one) != single || holds("ForAnyValue:"+op, set, one) != single {
				t.Fatalf("a set of %q does not do as %q under %v %q", in, in, op, one)
			}
			if !holds(op+"IfExists", Context{}, one) || holds(op+"IfExists", keys, one) != holds(op, keys, one) {
				t.Fatalf("%vIfExists %q", op, one)
			}
		}
	})
}

const benchPolicy = `{"Version":"2012-10-17","Statement":[
 {"Sid":"AllowTeam","Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111122223333:role/app/reader","999988887777"]},"Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::logs","arn:aws:s3:::logs/*"],
  "Condition":{"StringLike":{"aws:PrincipalTag/team":["red-*","blue-*"]},"IpAddress":{"aws:SourceIp":["203.0.113.0/24","2001:db8::/32"]}}},
 {"Sid":"Home","Effect":"Allow","Principal":"*","Action":"s3:*Object","Resource":"arn:aws:s3:::logs/home/${aws:username}/*","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}}},
 {"Sid":"TLS","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::logs","arn:aws:s3:::logs/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}},
 {"Sid":"Vpce","Effect":"Deny","NotPrincipal":{"AWS":["arn:aws:iam::111122223333:user/admin","arn:aws:iam::111122223333:root"]},"Action":"s3:Delete*","Resource":"*","Condition":{"StringNotEqualsIfExists":{"aws:SourceVpce":"vpce-1a2b3c4d"}}}]}`

func BenchmarkPermits(b *testing.B) {
	p, err := iam.Parse(benchPolicy, iam.Resource)
	if err != nil {
		b.Fatal(err)
	}
	c := Caller{Kind: RoleSession, Account: "111122223333", ARN: "arn:aws:iam::111122223333:role/app/reader", SessionARN: "arn:aws:sts::111122223333:assumed-role/reader/s"}
	r := &Request{Caller: c, Action: "s3:GetObject", Resource: "arn:aws:s3:::logs/2026/11/21/app.log.gz", Context: c.Keys()}
	r.Context.Set("aws:SecureTransport", "true")
	r.Context.Set("aws:SourceIp", "203.0.113.9")
	r.Context.Set("aws:PrincipalTag/team", "blue-7")
	if !Permits(p, r) {
		b.Fatal("refused")
	}
	b.ReportAllocs()
	for b.Loop() {
		Permits(p, r)
	}
}

func BenchmarkParse(b *testing.B) {
	for _, n := range []int{1, 250} {
		statements := strings.Repeat(benchPolicy[strings.IndexByte(benchPolicy, '[')+1:len(benchPolicy)-2]+",", n)
		for i := strings.Index(statements, `"Sid"`); i >= 0; i = strings.Index(statements, `"Sid"`) {
			end := i + strings.IndexByte(statements[i:], ',') + 1
			statements = statements[:i] + statements[end:]
		}
		text := `{"Version":"2012-10-17","Statement":[` + strings.TrimSuffix(statements, ",") + `]}`
		b.Run(fmt.Sprintf("%d_statements", 4*n), func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := iam.Parse(text, iam.Resource); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
