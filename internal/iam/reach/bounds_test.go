package reach

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/iam/eval"
)

// TestBruteForce compares with all requests of a small domain: texts of up to four letters, absent, or sets of two.
func TestBruteForce(t *testing.T) {
	rounds := 1_500
	if testing.Short() {
		rounds = 200
	}
	m := maker{rand.New(rand.NewPCG(55, 66))}
	patterns := []string{"a", "b", "ab", "a*", "*a", "*b*", "?", "a?", "?b", "*", "a*b", "??", "*a*b", "b*a", "", "?*?"}
	words := []string{""}
	for i := 0; len(words[i]) < 4; i++ {
		words = append(words, words[i]+"a", words[i]+"b", words[i]+"z")
	}
	statement := func() map[string]any {
		conditions := map[string]map[string]any{}
		for range 1 + m.IntN(3) {
			op := m.one("StringLike", "StringNotLike", "StringEquals", "StringNotEquals", "StringLikeIfExists", "StringNotLikeIfExists", "Null")
			key := m.one("k:one", "k:one", "aws:TagKeys")
			var values any = m.some(patterns...)
			switch {
			case op == "Null":
				values = m.one("true", "false")
			case key == "aws:TagKeys":
				op = m.one("ForAllValues:", "ForAnyValue:") + strings.TrimSuffix(op, "IfExists")
			}
			if conditions[op] == nil {
				conditions[op] = map[string]any{}
			}
			conditions[op][key] = values
		}
		return map[string]any{"Effect": m.one("Allow", "Allow", "Deny"), "Action": "a:b", "Resource": "*", "Condition": conditions}
	}
	policy := func() *iam.Policy {
		var list []any
		for range 1 + m.IntN(3) {
			list = append(list, statement())
		}
		text, _ := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": list})
		p, err := iam.Parse(string(text), iam.Identity)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	sets := [][]string{nil}
	for i, w := range words[:40] {
		sets = append(sets, []string{w})
		for j := i % 5; j < 40; j += 5 {
			sets = append(sets, []string{w, words[j]})
		}
	}
	passed := 0
	for range rounds {
		a, b := policy(), policy()
		c, err := NoNewAccess(a, b, Limits{})
		if err != nil {
			t.Fatalf("%v\n%s\n%s", err, a.Text(), b.Text())
		}
		if !c.Passes() {
			continue // its request has been confirmed
		}
		passed++
		check := func(r *eval.Request) {
			if eval.Permits(a, r) && !eval.Permits(b, r) {
				t.Fatalf("overlooked: %v\n%s\n%s", r.Context, a.Text(), b.Text())
			}
		}
		for i, set := range sets {
			for j := -1; j < len(words); j++ {
				if i > 0 && j > 20 && (i+j)%7 > 0 {
					continue
				}
				r := &eval.Request{Action: "a:b", Resource: "x", Context: eval.Context{}}
				if j >= 0 {
					r.Context.Set("k:one", words[j])
				}
				if set != nil {
					r.Context.SetMany("aws:TagKeys", set...)
				}
				check(r)
			}
		}
	}
	if passed < rounds/20 {
		t.Errorf("only %d of %d pass", passed, rounds)
	}
}

// pathological is a policy of patterns that make naive searches explode.
func pathological(t testing.TB, n int) *iam.Policy {
	var list []string
	for i := range n {
		glob := strings.Repeat("*a", 3+i%5) + "*b" + strings.Repeat("?", i%4) + fmt.Sprintf("*%c", 'a'+i%3)
		if i%2 == 0 {
			// Telling whether the letter so many places before the end is an a takes two to that power states.
			glob = "*" + string(rune('a'+i/2%2)) + strings.Repeat("?", 8+i%11) + string(rune('a'+i/4%2)) + strings.Repeat("?", i%7)
		}
		effect, op := "Allow", "StringLike"
		if i%3 == 2 {
			effect = "Deny"
		}
		if i%4 == 3 {
			op = "StringNotLike"
		}
		list = append(list, fmt.Sprintf(`{"Effect":%q,"Principal":"*","Action":"s3:*","Resource":"*","Condition":{%q:{"aws:PrincipalTag/x":%q,"aws:SourceArn":%q}}}`, effect, op, glob, "arn:aws:s3:::"+glob))
	}
	p, err := iam.Parse(`{"Version":"2012-10-17","Statement":[`+strings.Join(list, ",")+`]}`, iam.Resource)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestCap sees that entangled patterns end in an answer or in an error, and soon.
func TestCap(t *testing.T) {
	for _, n := range []int{6, 24, 48} {
		p, q := pathological(t, n), pathological(t, n/2)
		start := time.Now()
		_, err := NoNewAccess(p, q, Limits{})
		if err != nil && !errors.Is(err, ErrTooComplex) {
			t.Error(err)
		}
		list, err2 := External(Alone(p), Zone{Account: "111122223333"}, []string{"s3:GetObject"}, Limits{})
		if err2 != nil && (!errors.Is(err2, ErrTooComplex) || list != nil) {
			t.Error(err2, len(list))
		}
		took := time.Since(start)
		if took > 60*time.Second {
			t.Errorf("n=%d took %v", n, took)
		}
		t.Logf("n=%d: %v, %d findings, %v in %v", n, err, len(list), err2, took)
	}
	p := pathological(t, 12)
	if _, err := External(Alone(p), Zone{Account: "111122223333"}, []string{"s3:GetObject"}, Limits{Steps: 20}); !errors.Is(err, ErrTooComplex) {
		t.Errorf("with twenty steps: %v", err)
	}
}

// TestBudget asks the same until nothing is left of what the questions may take together.
func TestBudget(t *testing.T) {
	p := pathological(t, 6)
	ask := func(budget *int) error {
		_, err := External(Alone(p), Zone{Account: "111122223333"}, []string{"s3:GetObject"}, Limits{Budget: budget})
		return err
	}
	one := 1_000_000
	if err := ask(&one); err != nil {
		t.Fatal(err)
	}
	cost := 1_000_000 - one
	if cost < 50 {
		t.Fatalf("a question costs %d steps", cost)
	}
	budget := 3*cost + cost/2
	for i := range 5 {
		if err := ask(&budget); (err == nil) != (i < 3) || err != nil && !errors.Is(err, ErrTooComplex) {
			t.Errorf("question %d: %v, %d steps left", i+1, err, budget)
		}
	}
}

func FuzzReach(f *testing.F) {
	f.Add(`{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*","Condition":{"StringLike":{"aws:PrincipalArn":"*a*a*a*b"}}}`, `{"Effect":"Deny","NotPrincipal":{"AWS":"111122223333"},"NotAction":"s3:*","NotResource":"arn:aws:s3:::${aws:username}"}`)
	f.Add(pathological(f, 9).Text(), pathological(f, 5).Text())
	f.Add(overlapping(f, 4, 'B').Text(), overlapping(f, 4, 'C').Text())
	m := maker{rand.New(rand.NewPCG(7, 8))}
	for range 20 {
		f.Add(m.policy(f, iam.Resource, 3).Text(), m.external(f).Text())
	}
	f.Fuzz(func(t *testing.T, one, other string) {
		parse := func(text string) *iam.Policy {
			if !strings.Contains(text, "Statement") {
				text = `{"Version":"2012-10-17","Statement":` + text + `}`
			}
			p, err := iam.Parse(text, iam.Resource)
			if err != nil || len(p.Statements) > 30 {
				t.Skip()
			}
			return p
		}
		a, b := parse(one), parse(other)
		l := Limits{Steps: 3_000}
		known := func(err error) {
			if err != nil && !errors.Is(err, ErrTooComplex) && !errors.Is(err, ErrUnsupported) {
				t.Fatal(err)
			}
		}
		c, err := NoNewAccess(a, b, l)
		known(err)
		for _, r := range c.Reasons {
			if !eval.Permits(a, &r.Witness) || eval.Permits(b, &r.Witness) {
				t.Fatalf("%+v", r.Witness)
			}
		}
		_, err = NotGranted(a, []string{"s3:Get*"}, []string{"arn:aws:s3:::b/*"}, l)
		known(err)
		list, err := External(Guard{Layers: []Layer{{Policies: []*iam.Policy{a}}, {Policies: []*iam.Policy{b}}}}, Zone{Account: "111122223333"}, []string{"s3:GetObject", "s3:*"}, l)
		known(err)
		for _, f := range list {
			if !eval.Permits(a, &f.Witness) {
				t.Fatalf("%+v", f)
			}
		}
		_, err = IsPublic(Alone(a), []string{"s3:GetObject", "*"}, l)
		known(err)
	})
}
