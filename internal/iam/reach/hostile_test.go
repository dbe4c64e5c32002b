package reach

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

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

func listed(n int, f func(i int) string) string {
	return `"` + strings.Join(times(n, f), `","`) + `"`
}

// A hostile question is about policies that were made to take long.
type hostile struct {
	name string
	ask  func(l Limits) error
}

func hostiles(t testing.TB) []hostile {
	zone, actions := Zone{Account: "111122223333"}, s3Actions()
	ext := func(p *iam.Policy, actions ...string) func(l Limits) error {
		if actions == nil {
			actions = []string{"s3:GetObject"}
		}
		return func(l Limits) error {
			list, err := External(Alone(p), zone, actions, l)
			if err != nil && list != nil {
				t.Error("an answer beside an error")
			}
			return err
		}
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
	add("value lists", ext(parsed(t, iam.Resource, allow+`"StringEquals":{"aws:SourceVpce":[`+listed(100, func(i int) string { return fmt.Sprintf("vpce-%d", i) })+
		`],"aws:SourceVpc":[`+listed(100, func(i int) string { return fmt.Sprintf("vpc-%d", i) })+`],"aws:SourceAccount":[`+listed(100, func(i int) string { return fmt.Sprintf("%012d", i) })+`]}}}`)))
	add("one long value list", ext(parsed(t, iam.Resource, allow+`"StringEquals":{"aws:SourceVpce":[`+listed(4000, func(i int) string { return fmt.Sprintf("vpce-%d", i) })+`]}}}`)))
	add("alike labels", ext(parsed(t, iam.Resource, allow+`"StringLike":{"aws:SourceVpce":[`+listed(200, func(i int) string { return "vpce-" + strings.Repeat("*", i+1) })+`]}}}`)))
	add("ranges", ext(parsed(t, iam.Resource, allow+`"IpAddress":{"aws:SourceIp":[`+listed(2000, func(i int) string { return fmt.Sprintf("10.%d.%d.0/24", i/200, i%200) })+`]}}}`)))
	add("dates", ext(parsed(t, iam.Resource, allow+`"DateGreaterThan":{"aws:CurrentTime":[`+listed(5000, func(i int) string { return fmt.Sprintf("2024-01-01T%02d:%02d:%02dZ", i/3600, i/60%60, i%60) })+`]}}}`)))
	add("principals", ext(parsed(t, iam.Resource, times(20, func(j int) string {
		return `{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Principal":{"AWS":[` + listed(200, func(i int) string { return fmt.Sprintf("arn:aws:iam::%012d:user/u%d", 200000000000+i*20+j, i) }) + `]}}`
	})...)))
	add("canonical ids", ext(parsed(t, iam.Resource, `{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Principal":{"AWS":[`+listed(300, func(i int) string { return fmt.Sprintf("arn:aws:iam::%012d:user/u%d", 200000000000+i, i) })+
		`],"CanonicalUser":[`+listed(300, func(i int) string { return fmt.Sprintf("%064x", i+1) })+`]},"Condition":{"StringLike":{"aws:PrincipalArn":[`+listed(30, func(i int) string { return fmt.Sprintf("*u*%d*", i) })+`]}}}`)))
	add("pathological", ext(pathological(t, 48)))
	add("pathological denies", ext(parsed(t, iam.Resource, append([]string{`{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}`}, times(60, func(i int) string {
		var conds []string
		for k := range 6 {
			conds = append(conds, fmt.Sprintf(`"aws:PrincipalTag/t%d":"*%c*%c*"`, (i+k)%9, 'a'+(i*7+k)%5, 'a'+(i*3+k*2)%5))
		}
		return `{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*","Condition":{"StringNotLike":{` + strings.Join(conds, ",") + `}}}`
	})...)...)))
	clauses := times(170, func(i int) string {
		x := uint32(i)*2654435761 + 12345
		var conds [2][]string
		used := map[uint32]bool{}
		for len(used) < 3 {
			x = x*1664525 + 1013904223
			v := x >> 8 % 40
			if used[v] {
				continue
			}
			used[v] = true
			conds[x>>31] = append(conds[x>>31], fmt.Sprintf(`"aws:RequestTag/v%d":"t"`, v))
		}
		return `{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringEquals":{` + strings.Join(conds[0], ",") + `},"StringNotEquals":{` + strings.Join(conds[1], ",") + `}}}`
	})
	unsatisfied := parsed(t, iam.Identity, append(clauses, `{"Effect":"Allow","Action":"*","Resource":"*"}`)...)
	add("clauses of three", func(l Limits) error { _, err := NotGranted(unsatisfied, nil, nil, l); return err })
	add("entangled text", ext(parsed(t, iam.Resource, allow+`"StringLike":{"aws:SourceArn":"*"},"StringNotLike":{"aws:SourceVpce":[`+listed(60, func(i int) string { return "*" + strings.Repeat(string(rune('a'+i%3))+"?", 5+i%9) + "*" })+`],"aws:SourceVpc":[`+listed(60, func(i int) string { return strings.Repeat("?", i) + "a*" })+`]}}}`)))
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
	layer := parsed(t, iam.Resource, times(70, func(i int) string {
		return allow + fmt.Sprintf(`"StringLike":{"aws:PrincipalArn":"arn:aws:iam::999988887777:user/*x%02d*","aws:SourceVpce":"*%02d*"}}}`, i, i)
	})...)
	add("layers", func(l Limits) error {
		_, err := External(Guard{Layers: []Layer{{Policies: []*iam.Policy{layer}}, {Policies: []*iam.Policy{layer}}}}, zone, actions, l)
		return err
	})
	add("variables", ext(parsed(t, iam.Resource, times(40, func(i int) string {
		return fmt.Sprintf(`{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/${aws:PrincipalTag/a%d}/${aws:username}/*%d*","Condition":{"StringLike":{"aws:PrincipalArn":"*x%02d*","aws:SourceVpce":"*${aws:userid}%02d*"}}}`, i%5, i, i, i)
	})...)))
	many := func(c string) *iam.Policy {
		return parsed(t, iam.Identity, times(1500, func(i int) string {
			return fmt.Sprintf(`{"Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::*%d%s*"}`, i, c)
		})...)
	}
	compare := func(changed, existing *iam.Policy) func(l Limits) error {
		return func(l Limits) error { _, err := NoNewAccess(changed, existing, l); return err }
	}
	add("many statements compared", compare(many("a"), many("b")))
	three := func(ifExists string) *iam.Policy {
		return parsed(t, iam.Identity, times(60, func(i int) string {
			return fmt.Sprintf(`{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringLike%s":{"k:a%d":"*a*","k:a%d":"*b*","k:a%d":"*c*"}}}`,
				ifExists, i%9, (i*i+1)%7+9, (i*5+3)%8+16)
		})...)
	}
	add("covered by many", compare(three("IfExists"), three("")))
	add("entangled patterns compared", compare(pathological(t, 48), pathological(t, 24)))
	public := parsed(t, iam.Resource, times(60, func(i int) string {
		return allow + fmt.Sprintf(`"StringLike":{"aws:PrincipalArn":"*x%02d*","aws:SourceVpce":"*%02d*","aws:SourceArn":"*y%02d*"}}}`, i, i, i)
	})...)
	add("public", func(l Limits) error { _, err := NoPublicAccess(public, "AWS::S3::Bucket", l); return err })
	return list
}

// allocated is how many allocations there were so far. They do not depend on how busy the machine is.
func allocated() int {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.Mallocs)
}

// TestHostile sees that hostile questions end when their steps are used up, and that a step is a bounded amount of work for each of them.
func TestHostile(t *testing.T) {
	const steps = 30_000
	ended := 0
	for _, h := range hostiles(t) {
		budget := 10 * steps
		before := allocated()
		err := h.ask(Limits{Steps: steps, Budget: &budget})
		allocations, spent := allocated()-before, 10*steps-budget
		if err != nil && !errors.Is(err, ErrTooComplex) {
			t.Errorf("%s: %v", h.name, err)
		}
		if errors.Is(err, errSpent) {
			ended++
		}
		if spent > steps+steps/10 {
			t.Errorf("%s: %d steps were spent of %d", h.name, spent, steps)
		}
		if allocations > 60*spent+200_000 {
			t.Errorf("%s: %d steps with %d allocations", h.name, spent, allocations)
		}
		t.Logf("%s: %d steps, %d allocations: %v", h.name, spent, allocations, err)
	}
	if ended < 12 {
		t.Errorf("only %d questions took more than %d steps", ended, steps)
	}
}

// TestStop sees that a question that is stopped is not asked on, at whatever step that is.
func TestStop(t *testing.T) {
	gone := errors.New("nobody is waiting")
	for _, h := range hostiles(t) {
		for _, at := range []int{1, 2, 10, 100, 1_000, 10_000} {
			asked, then := 0, 0
			err := h.ask(Limits{Stop: func() error {
				if asked++; asked < at {
					return nil
				}
				then = allocated()
				return gone
			}})
			if asked < at {
				break // answered before
			}
			if after := allocated() - then; after > 50_000 {
				t.Errorf("%s: stopped at step %d, went on for %d allocations", h.name, at, after)
			}
			if err != gone || asked != at {
				t.Errorf("%s: stopped at step %d: %v; asked %d times", h.name, at, err, asked)
			}
		}
	}
}

// TestCover compares with looking at every combination that was found.
func TestCover(t *testing.T) {
	p := overlapping(t, 9, 'B')
	zone := Zone{Account: "111122223333"}
	w := newMeter(Limits{})
	docs := Alone(p)
	m, err := newMiner(&docs, &zone, []string{"s3:GetObject"}, w)
	if err != nil || m.dimensions() != nil {
		t.Fatal(err)
	}
	c := newCover(m.dims)
	var found [][]int
	random := rand.New(rand.NewPCG(3, 4))
	in := 0
	for range 3_000 {
		f := make([]int, len(m.dims))
		for i, d := range m.dims {
			f[i] = random.IntN(len(d.labels))
		}
		want := slices.ContainsFunc(found, func(g []int) bool { return m.inside(f, g) })
		if c.holds(w, f, -1) != want {
			t.Fatalf("%v of %v: not %v", f, found, want)
		}
		if want {
			in++
		}
		if random.IntN(20) == 0 {
			found = append(found, f)
			c.add(w, f)
		}
		for at, f := range found {
			others := slices.Concat(found[:at], found[at+1:])
			if at%7 == 0 && c.holds(w, f, at) != slices.ContainsFunc(others, func(g []int) bool { return m.inside(f, g) }) {
				t.Fatalf("%d: %v of %v", at, f, found)
			}
		}
	}
	if in < 100 || in > 2_900 {
		t.Errorf("%d of 3000 are covered", in)
	}
}

// TestManyFindings: that a combination lies in another one is told without looking at all of them.
func TestManyFindings(t *testing.T) {
	p := parsed(t, iam.Resource, times(90, func(i int) string {
		return fmt.Sprintf(`{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*","Condition":{"StringLike":{"aws:PrincipalArn":"arn:aws:iam::999988887777:user/*x%02d*"},"StringEquals":{"aws:SourceVpce":"vpce-%x"}}}`, i, i)
	})...)
	list, err := External(Alone(p), Zone{Account: "111122223333"}, []string{"s3:GetObject"}, Limits{})
	if err != nil || len(list) != 90*90 {
		t.Errorf("%d findings, %v", len(list), err)
	}
}
