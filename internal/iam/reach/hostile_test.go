package reach

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/iam"
)

func parsed(t testing.TB, kind iam.Kind, statements ...string) *iam.Policy {
	p, err := iam.Parse(`{"Version":"2012-10-17","Statement":[`+strings.Join(statements, ",")+`]}`, kind)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func times(n int, f func(i int) string) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = f(i)
	}
	return list
}

func quoted(n int, f func(i int) string) string {
	return `"` + strings.Join(times(n, f), `","`) + `"`
}

type hostile struct {
	name string
	ask  func(l Limits) error
}

func hostiles(t testing.TB) []hostile {
	zone := Zone{Account: "111122223333"}
	ext := func(p *iam.Policy, actions ...string) func(l Limits) error {
		if actions == nil {
			actions = []string{"s3:GetObject"}
		}
		return func(l Limits) error { _, err := External(Alone(p), zone, actions, l); return err }
	}
	var list []hostile
	add := func(name string, ask func(l Limits) error) { list = append(list, hostile{name, ask}) }
	allow := `{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*","Condition":{`
	add("three overlapping keys", ext(parsed(t, iam.Resource, times(50, func(i int) string {
		return allow + fmt.Sprintf(`"StringLike":{"aws:PrincipalArn":"arn:aws:iam::999988887777:user/*x%02d*","aws:SourceArn":"arn:aws:sns:*:*:*y%02d*","aws:SourceVpce":"vpce-*%02d*"}}}`, i, i, i)
	})...)))
	add("many findings", ext(parsed(t, iam.Resource, times(90, func(i int) string {
		return allow + fmt.Sprintf(`"StringLike":{"aws:PrincipalArn":"arn:aws:iam::999988887777:user/*x%02d*"},"StringEquals":{"aws:SourceVpce":"vpce-%x"}}}`, i, i)
	})...)))
	add("many more findings", ext(parsed(t, iam.Resource, times(300, func(i int) string {
		return allow + fmt.Sprintf(`"StringLike":{"aws:PrincipalArn":"arn:aws:iam::999988887777:user/*x%03d*"},"StringEquals":{"aws:SourceVpce":"vpce-%x"}}}`, i, i)
	})...)))
	add("disjoint values", ext(parsed(t, iam.Resource, times(400, func(i int) string {
		return allow + fmt.Sprintf(`"StringEquals":{"aws:SourceVpce":"vpce-%d","aws:SourceVpc":"vpc-%d","aws:SourceAccount":"%012d"}}}`, i, i, i)
	})...)))
	add("value lists", ext(parsed(t, iam.Resource, allow+`"StringEquals":{"aws:SourceVpce":[`+quoted(100, func(i int) string { return fmt.Sprintf("vpce-%d", i) })+
		`],"aws:SourceVpc":[`+quoted(100, func(i int) string { return fmt.Sprintf("vpc-%d", i) })+`],"aws:SourceAccount":[`+quoted(100, func(i int) string { return fmt.Sprintf("%012d", i) })+`]}}}`)))
	add("one long value list", ext(parsed(t, iam.Resource, allow+`"StringEquals":{"aws:SourceVpce":[`+quoted(4000, func(i int) string { return fmt.Sprintf("vpce-%d", i) })+`]}}}`)))
	add("alike labels", ext(parsed(t, iam.Resource, allow+`"StringLike":{"aws:SourceVpce":[`+quoted(200, func(i int) string { return "vpce-" + strings.Repeat("*", i+1) })+`]}}}`)))
	add("ranges", ext(parsed(t, iam.Resource, allow+`"IpAddress":{"aws:SourceIp":[`+quoted(2000, func(i int) string { return fmt.Sprintf("10.%d.%d.0/24", i/200, i%200) })+`]}}}`)))
	add("dates", ext(parsed(t, iam.Resource, allow+`"DateGreaterThan":{"aws:CurrentTime":[`+quoted(5000, func(i int) string { return fmt.Sprintf("2024-01-01T%02d:%02d:%02dZ", i/3600, i/60%60, i%60) })+`]}}}`)))
	add("principals", ext(parsed(t, iam.Resource, times(20, func(j int) string {
		return `{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Principal":{"AWS":[` + quoted(200, func(i int) string { return fmt.Sprintf("arn:aws:iam::%012d:user/u%d", 200000000000+i*20+j, i) }) + `]}}`
	})...)))
	add("canonical ids", ext(parsed(t, iam.Resource, `{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Principal":{"AWS":[`+quoted(300, func(i int) string { return fmt.Sprintf("arn:aws:iam::%012d:user/u%d", 200000000000+i, i) })+
		`],"CanonicalUser":[`+quoted(300, func(i int) string { return fmt.Sprintf("%064x", i+1) })+`]},"Condition":{"StringLike":{"aws:PrincipalArn":[`+quoted(30, func(i int) string { return fmt.Sprintf("*u*%d*", i) })+`]}}}`)))
	add("pathological", ext(pathological(t, 48)))
	add("pathological denies", ext(parsed(t, iam.Resource, append([]string{`{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}`}, times(60, func(i int) string {
		var conds []string
		for k := range 6 {
			conds = append(conds, fmt.Sprintf(`"aws:PrincipalTag/t%d":"*%c*%c*"`, (i+k)%9, 'a'+(i*7+k)%5, 'a'+(i*3+k*2)%5))
		}
		return `{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*","Condition":{"StringNotLike":{` + strings.Join(conds, ",") + `}}}`
	})...)...)))
	add("satisfiability", func(l Limits) error {
		p := parsed(t, iam.Identity, append([]string{`{"Effect":"Allow","Action":"*","Resource":"*"}`}, times(170, func(i int) string {
			x := uint32(i)*2654435761 + 12345
			var conds [2][]string
			used := map[uint32]bool{}
			for len(conds[0])+len(conds[1]) < 3 {
				x = x*1664525 + 1013904223
				v := x >> 8 % 40
				v = (x >> 8) % 40
				if used[v] {
					continue
				}
				used[v] = true
				s := x >> 30 & 1
				conds[s] = append(conds[s], fmt.Sprintf(`"aws:RequestTag/v%d":"t"`, v))
			}
			return `{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringEquals":{` + strings.Join(conds[0], ",") + `},"StringNotEquals":{` + strings.Join(conds[1], ",") + `}}}`
		})...)...)
		_, err := NotGranted(p, nil, nil, l)
		return err
	})
	add("entangled text", ext(parsed(t, iam.Resource, allow+`"StringLike":{"aws:SourceArn":"*"},"StringNotLike":{"aws:SourceVpce":[`+quoted(60, func(i int) string { return "*" + strings.Repeat(string(rune('a'+i%3))+"?", 5+i%9) + "*" })+`],"aws:SourceVpc":[`+quoted(60, func(i int) string { return strings.Repeat("?", i) + "a*" })+`]}}}`)))
	add("long patterns", ext(parsed(t, iam.Resource, times(30, func(i int) string {
		return allow + `"StringLike":{"aws:SourceVpce":"` + strings.Repeat("*a", 2000+i) + `*","aws:SourceVpc":"` + strings.Repeat("*ab?", 1000+i) + `"}}}`
	})...)))
	add("long patterns, clauses", ext(parsed(t, iam.Resource, times(30, func(i int) string {
		return allow + `"StringLike":{"aws:SourceVpce":["` + strings.Repeat("*a", 500+i) + `*","` + strings.Repeat("*b", 500+i) + `*"]}}}`
	})...)))
	add("actions", ext(parsed(t, iam.Resource, times(40, func(i int) string {
		return fmt.Sprintf(`{"Effect":"Allow","Principal":"*","Action":"s3:*x%02d*","Resource":"*"}`, i)
	})...), "s3:*"))
	add("many actions", ext(parsed(t, iam.Resource, times(3000, func(i int) string {
		return fmt.Sprintf(`{"Effect":"Allow","Principal":"*","Action":"s3:Get%d*","Resource":"*"}`, i)
	})...), s3Actions()...))
	add("layers", func(l Limits) error {
		p := parsed(t, iam.Resource, times(70, func(i int) string {
			return allow + fmt.Sprintf(`"StringLike":{"aws:PrincipalArn":"arn:aws:iam::999988887777:user/*x%02d*","aws:SourceVpce":"*%02d*"}}}`, i, i)
		})...)
		_, err := External(Guard{Layers: []Layer{{Policies: []*iam.Policy{p}}, {Policies: []*iam.Policy{p}}}}, zone, s3Actions(), l)
		return err
	})
	add("variables", ext(parsed(t, iam.Resource, times(40, func(i int) string {
		return fmt.Sprintf(`{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/${aws:PrincipalTag/a%d}/${aws:username}/*%d*","Condition":{"StringLike":{"aws:PrincipalArn":"*x%02d*","aws:SourceVpce":"*${aws:userid}%02d*"}}}`, i%5, i, i, i)
	})...)))
	add("compare many", func(l Limits) error {
		make := func(c string) *iam.Policy {
			return parsed(t, iam.Identity, times(1500, func(i int) string {
				return fmt.Sprintf(`{"Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::*%d%s*"}`, i, c)
			})...)
		}
		_, err := NoNewAccess(make("a"), make("b"), l)
		return err
	})
	add("compare covered", func(l Limits) error {
		make := func(c string) *iam.Policy {
			return parsed(t, iam.Identity, times(60, func(i int) string {
				return fmt.Sprintf(`{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringLike%s":{"k:a%d":"*a*","k:a%d":"*b*","k:a%d":"*c*"}}}`, c, i%9, (i*i+1)%7+9, (i*5+3)%8+16)
			})...)
		}
		_, err := NoNewAccess(make("IfExists"), make(""), l)
		return err
	})
	add("public", func(l Limits) error {
		p := parsed(t, iam.Resource, times(60, func(i int) string {
			return allow + fmt.Sprintf(`"StringLike":{"aws:PrincipalArn":"*x%02d*","aws:SourceVpce":"*%02d*","aws:SourceArn":"*y%02d*"}}}`, i, i, i)
		})...)
		_, err := NoPublicAccess(p, "AWS::S3::Bucket", l)
		return err
	})
	return list
}

func cpu() time.Duration {
	var r syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano())
}

func TestMeasure(t *testing.T) {
	for _, v := range "ABC" {
		for _, n := range []int{6, 15, 30, 60} {
			p := overlapping(t, n, byte(v))
			left := 1 << 40
			start := cpu()
			_, err := External(Alone(p), Zone{Account: "111122223333"}, []string{"s3:GetObject"}, Limits{Budget: &left})
			t.Logf("%c %d: %.3fs %d steps %v", v, n, (cpu() - start).Seconds(), 1<<40-left, err)
		}
	}
	for _, h := range hostiles(t) {
		if o := os.Getenv("ONLY"); o != "" && !strings.Contains(h.name, o) {
			continue
		}
		left := 1 << 40
		start := cpu()
		err := h.ask(Limits{Budget: &left})
		took := (cpu() - start).Seconds()
		t.Logf("%s: %.3fs %d steps, %.1f us each: %v", h.name, took, 1<<40-left, took*1e6/float64(1<<40-left), err)
	}
}
