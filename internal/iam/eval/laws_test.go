package eval

import (
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/iam"
	"pgregory.net/rapid"
)

// drawPolicy makes a policy of a kind from statements that often apply to drawRequest's requests.
func drawPolicy(t *rapid.T, kind iam.Kind) *iam.Policy {
	statement := rapid.Custom(func(t *rapid.T) string {
		draw := func(what string, from ...string) string { return rapid.SampledFrom(from).Draw(t, what) }
		effect := draw("effect", "Allow", "Allow", "Deny")
		parts := []string{
			`"Effect":"` + effect + `"`,
			draw("action", `"Action":"*"`, `"Action":"s3:Get*"`, `"Action":["s3:PutObject","sqs:*"]`, `"NotAction":"s3:Get*"`),
			draw("resource", `"Resource":"*"`, `"Resource":"arn:aws:s3:::b/*"`, `"NotResource":"arn:aws:s3:::b/${aws:username}/*"`),
		}
		if kind == iam.Resource {
			parts = append(parts, draw("principal", `"Principal":"*"`, `"Principal":{"AWS":"111122223333"}`, `"Principal":{"AWS":"arn:aws:iam::111122223333:user/alice"}`,
				`"Principal":{"AWS":"arn:aws:iam::999988887777:role/ops"}`, `"Principal":{"Service":"sns.amazonaws.com"}`,
				`"NotPrincipal":{"AWS":["111122223333","arn:aws:iam::111122223333:user/alice"]}`))
		}
		if c := draw("condition", "", "", `{"Null":{"a:k":"true"}}`, `{"StringLike":{"a:k":"x*"}}`, `{"ForAllValues:StringNotEquals":{"a:k":"x"}}`, `{"NumericLessThanIfExists":{"a:k":5}}`); c != "" {
			parts = append(parts, `"Condition":`+c)
		}
		return "{" + strings.Join(parts, ",") + "}"
	})
	statements := rapid.SliceOfN(statement, 1, 3).Draw(t, "statements")
	p, err := iam.Parse(`{"Version":"2012-10-17","Statement":[`+strings.Join(statements, ",")+`]}`, kind)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func drawRequest(t *rapid.T) *Request {
	c := rapid.SampledFrom([]Caller{
		{Kind: Anonymous},
		{Kind: Root, Account: "111122223333", ARN: "arn:aws:iam::111122223333:root"},
		{Kind: User, Account: "111122223333", ARN: "arn:aws:iam::111122223333:user/alice"},
		{Kind: User, Account: "999988887777", ARN: "arn:aws:iam::999988887777:user/bob"},
		{Kind: RoleSession, Account: "111122223333", ARN: "arn:aws:iam::111122223333:role/ops", SessionARN: "arn:aws:sts::111122223333:assumed-role/ops/s"},
		{Kind: RoleSession, Account: "999988887777", ARN: "arn:aws:iam::999988887777:role/ops", SessionARN: "arn:aws:sts::999988887777:assumed-role/ops/s"},
		{Kind: Service, Name: "sns.amazonaws.com"},
	}).Draw(t, "caller")
	r := &Request{Caller: c, Context: c.Keys(),
		Action:   rapid.SampledFrom([]string{"s3:GetObject", "S3:putobject", "sqs:SendMessage"}).Draw(t, "action"),
		Resource: rapid.SampledFrom([]string{"arn:aws:s3:::b/alice/x", "arn:aws:s3:::c", "*"}).Draw(t, "resource")}
	switch rapid.IntRange(0, 3).Draw(t, "key") {
	case 0:
		r.Context.Set("a:k", "x")
	case 1:
		r.Context.Set("a:k", "4")
	case 2:
		r.Context.SetMany("a:k", "x", "xy")
	}
	return r
}

// TestLaws holds what is true of all policies together.
func TestLaws(t *testing.T) {
	outcomes := map[Outcome]int{}
	rapid.Check(t, func(t *rapid.T) {
		r := drawRequest(t)
		ps := Policies{ResourceAccount: "111122223333", Guarded: rapid.Bool().Draw(t, "guarded")}
		maybe := func(what string) bool { return rapid.IntRange(0, 2).Draw(t, what) == 0 }
		if !maybe("no identity policy") {
			ps.Identity = []*iam.Policy{drawPolicy(t, iam.Identity)}
		}
		if !maybe("no resource policy") {
			ps.Resource = []*iam.Policy{drawPolicy(t, iam.Resource)}
		}
		if maybe("boundary") {
			ps.Boundary = drawPolicy(t, iam.Boundary)
		}
		if maybe("session") {
			ps.Session = []*iam.Policy{drawPolicy(t, iam.Session)}
		}
		if maybe("scp") {
			ps.SCP = [][]*iam.Policy{{drawPolicy(t, iam.SCP)}}
		}
		before := Evaluate(r, &ps)
		outcomes[before.Outcome]++

		// What can only restrict may go, and nothing that was allowed is lost.
		for _, without := range []func(*Policies){
			func(ps *Policies) { ps.Boundary = nil },
			func(ps *Policies) { ps.Session = nil },
			func(ps *Policies) { ps.SCP = nil },
			func(ps *Policies) { ps.Guarded = false },
		} {
			less := ps
			without(&less)
			if after := Evaluate(r, &less); before.Outcome == Allowed && after.Outcome != Allowed {
				t.Fatalf("allowed, but %v by %v with fewer restrictions", after.Outcome, after.Layer)
			}
		}
		// Who is allowed is allowed by the resource's policy, by his own, or is root.
		if before.Outcome == Allowed {
			allowed := r.Caller.Kind == Root
			for _, p := range append(append([]*iam.Policy{}, ps.Identity...), ps.Resource...) {
				allowed = allowed || Permits(p, r)
			}
			if !allowed {
				t.Fatal("allowed by no policy")
			}
		}
		// A policy that denies everything everywhere.
		none, err := iam.Parse(`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}}`, iam.Resource)
		if err != nil {
			t.Fatal(err)
		}
		more := ps
		more.Resource = append(append([]*iam.Policy{}, ps.Resource...), none)
		if after := Evaluate(r, &more); after.Outcome != ExplicitDeny {
			t.Fatalf("%v beside a policy that denies everything", after.Outcome)
		}
		// For those without an account the resource's policy is all there is.
		if !r.Caller.hasAccount() && ps.Resource != nil && ps.Identity == nil && ps.Boundary == nil && ps.Session == nil {
			if want := Permits(ps.Resource[0], r); (before.Outcome == Allowed) != want {
				t.Fatalf("%v, but the resource's policy says %v", before.Outcome, want)
			}
		}
	})
	for _, o := range []Outcome{Allowed, ExplicitDeny, ImplicitDeny} {
		if outcomes[o] == 0 {
			t.Errorf("no request was %v", o)
		}
	}
}

// FuzzPermits shows that no policy and no request that can be written stops evaluation, and that printing a policy changes no decision.
func FuzzPermits(f *testing.F) {
	f.Add(benchPolicy, "s3:GetObject", "arn:aws:s3:::logs/a", "aws:SourceIp", "203.0.113.9")
	f.Add(`{"Statement":{"Effect":"Allow","Principal":{"AWS":["x"]},"NotAction":[],"Resource":"","Condition":{"DateLessThan":{"a:b":1e3},"ForAnyValue:Bool":{"a:b":"x"}}}}`, "", "", "a:b", "1")
	f.Fuzz(func(t *testing.T, text, action, resource, key, value string) {
		p, err := iam.Parse(text, iam.Resource)
		if err != nil {
			return
		}
		again, err := iam.Parse(p.String(), iam.Resource)
		if err != nil {
			t.Fatal(err)
		}
		for _, many := range []bool{false, true} {
			r := &Request{Action: action, Resource: resource, Context: Context{}}
			r.Context[iam.FoldKey(key)] = Values{List: []string{value}, Many: many}
			if Permits(p, r) != Permits(again, r) {
				t.Fatalf("printed as %s, the policy decides otherwise", p)
			}
		}
	})
}
