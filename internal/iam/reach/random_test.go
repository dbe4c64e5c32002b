package reach

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/iam/eval"
)

// A maker makes policies and requests at random from values that often meet: those at the boundaries of each other.
type maker struct{ *rand.Rand }

func (m maker) one(list ...string) string { return list[m.IntN(len(list))] }

func (m maker) some(list ...string) []string {
	out := []string{m.one(list...)}
	for m.IntN(3) == 0 {
		out = append(out, m.one(list...))
	}
	return out
}

var (
	actionTexts   = []string{"*", "a:*", "a:Get*", "a:GetX", "a:*X", "b:Put", "a:G?tX", "b:*", "A:getx"}
	resourceTexts = []string{"*", "arn:aws:s3:::b", "arn:aws:s3:::b/*", "arn:aws:s3:::*/x", "arn:aws:s3:*:*:b", "arn:*:*:*:*:*", "arn:aws:s3:::b/${k:one}/*",
		"arn:aws:s3:::b/?", "arn:aws:s3*"}
	awsPrincipals = []string{"*", "111122223333", "999988887777", "arn:aws:iam::111122223333:root", "arn:aws:iam::111122223333:user/ann", "arn:aws:iam::999988887777:role/ops",
		"arn:aws:iam::999988887777:role/p/ops", "arn:aws:sts::999988887777:assumed-role/ops/s1", "arn:aws:sts::111122223333:federated-user/fay", "AIDAEXAMPLEEXAMPLEANN", "AROAEXAMPLEEXAMPLEOPS", "bob"}
	texts     = []string{"", "a", "A", "ab", "abc", "a*", "*b", "*a*b*", "a?c", "?", "*", "true", "5", "arn:aws:s3:::b", "arn:aws:s3:::b*", "arn:*:s3:*:*:b", "${k:one}", "${k:one}x", "x${k:two, 'd'}"}
	numbers   = []string{"1", "5", "5.0", "7", "-3", "1e1", "x"}
	dates     = []string{"2026-01-01T00:00:00Z", "2026", "1767225600", "2027-06-01"}
	ranges    = []string{"10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "2001:db8::/32", "0.0.0.0/0", "::/0", "x"}
	keyNames  = []string{"k:one", "k:two", "aws:TagKeys", "k:set", "aws:PrincipalArn", "aws:PrincipalAccount", "aws:SourceIp", "aws:CurrentTime", "k:n", "aws:SecureTransport"}
	operators = []string{"StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "ArnLike", "ArnNotLike", "Bool", "Null"}
	arnTexts  = []string{"arn:aws:iam::111122223333:user/*", "arn:aws:iam::*:role/ops", "arn:aws:iam::111122223333:user/ann", "*", "arn:aws:*::999988887777:*", "*ops*"}
	accounts  = []string{"111122223333", "999988887777", "9999*", "*", "??????????33"}
)

func (m maker) condition() (operator, key string, values []string) {
	key = m.one(keyNames...)
	operator = m.one(operators...)
	values = m.some(texts...)
	switch key {
	case "aws:PrincipalArn":
		values = m.some(arnTexts...)
	case "aws:PrincipalAccount":
		values = m.some(accounts...)
	case "aws:SourceIp":
		operator, values = m.one("IpAddress", "NotIpAddress", "IpAddress", "Null"), m.some(ranges...)
	case "aws:CurrentTime":
		operator, values = m.one("DateEquals", "DateNotEquals", "DateLessThan", "DateGreaterThanEquals", "DateLessThanEquals", "DateGreaterThan"), m.some(dates...)
	case "k:n":
		operator = m.one("NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericGreaterThan", "NumericLessThanEquals", "NumericGreaterThanEquals")
		values = m.some(numbers...)
	}
	if strings.HasPrefix(operator, "Arn") {
		for i, v := range values {
			if strings.Count(v, ":") < 5 && strings.ContainsAny(v, "*?") { // has no answer
				values[i] = "arn:*:*:*:*:*"
			}
		}
	}
	if operator == "Null" {
		return operator, key, []string{m.one("true", "false")}
	}
	if operator == "Bool" {
		values = m.some("true", "false", "x", "TRUE")
	}
	switch m.IntN(6) {
	case 0:
		operator += "IfExists"
	case 1:
		operator = m.one("ForAllValues:", "ForAnyValue:") + operator
	}
	if (key == "aws:TagKeys" || key == "k:set") && m.IntN(4) > 0 && !strings.Contains(operator, ":") {
		operator = m.one("ForAllValues:", "ForAnyValue:") + operator
	}
	return operator, key, values
}

func (m maker) statement(kind iam.Kind) map[string]any {
	s := map[string]any{"Effect": m.one("Allow", "Allow", "Deny")}
	not := func(name string) string {
		if m.IntN(6) == 0 {
			return "Not" + name
		}
		return name
	}
	s[not("Action")] = m.some(actionTexts...)
	if kind != iam.Trust {
		list := resourceTexts
		if kind == iam.Resource {
			list = append(list[:len(list):len(list)], "short/*")
		}
		s[not("Resource")] = m.some(list...)
	}
	if kind != iam.Identity {
		p := map[string]any{"AWS": m.some(awsPrincipals...)}
		if m.IntN(4) == 0 {
			p["Service"] = m.some("s3.amazonaws.com", "*", "sns.amazonaws.com")
		}
		if m.IntN(6) == 0 {
			p["Federated"] = m.some("accounts.google.com", "*")
		}
		if m.IntN(6) == 0 {
			p["CanonicalUser"] = strings.Repeat("9a", 32)
		}
		s[not("Principal")] = p
		if m.IntN(3) == 0 {
			delete(s, "NotPrincipal")
			s["Principal"] = "*"
		}
	}
	conditions := map[string]map[string]any{}
	for range m.IntN(4) {
		op, key, values := m.condition()
		if conditions[op] == nil {
			conditions[op] = map[string]any{}
		}
		conditions[op][key] = values
	}
	s["Condition"] = conditions
	return s
}

func (m maker) policy(t testing.TB, kind iam.Kind, most int) *iam.Policy {
	list := make([]any, 1+m.IntN(most))
	for i := range list {
		list[i] = m.statement(kind)
	}
	text, _ := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": list})
	p, err := iam.Parse(string(text), kind)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return p
}

// request makes a request; its keys need not fit its caller.
func (m maker) request() *eval.Request {
	r := &eval.Request{Action: m.one("a:GetX", "a:GetY", "a:PutX", "b:Put", "b:Q", "c:Z", "a:GotX"), Caller: m.caller(), Context: eval.Context{},
		Resource: m.one("*", "arn:aws:s3:::b", "arn:aws:s3:::b/x", "arn:aws:s3:::b/a/x", "arn:aws:s3:eu:1:b", "arn:aws:sqs:::q", "arn:aws:s3:::c/x", "short/x", "arn:aws:s3:::b/ab/", "arn:aws:s3-x:::y")}
	for _, key := range keyNames {
		v := m.one("", "a", "A", "ab", "abc", "azc", "ax", "b", "xab", "true", "TRUE", "false", "5", "arn:aws:s3:::b", "arn:aws:s3:::bx", "xd", "q", "dd")
		switch key {
		case "aws:PrincipalArn":
			v = m.one("arn:aws:iam::111122223333:user/ann", "arn:aws:iam::111122223333:user/bob", "arn:aws:iam::999988887777:role/ops", "arn:aws:iam::444455556666:role/ops", "arn:aws:sts::999988887777:x", "arn:a:b:c:d:e")
		case "aws:PrincipalAccount":
			v = m.one("111122223333", "999988887777", "999900000000", "444455556666", "444455556633")
		case "aws:SourceIp":
			v = m.one("10.0.0.1", "10.1.0.1", "10.1.2.3", "10.1.2.4", "9.255.255.255", "11.0.0.0", "2001:db8::1", "2001:db9::", "::ffff:10.1.2.3")
		case "aws:CurrentTime":
			v = m.one("2025-12-31T23:59:59.999Z", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.001Z", "2027-06-01", "2030", "1767225600.5")
		case "k:n":
			v = m.one("0", "1", "4", "5", "05", "5.5", "7", "8", "10", "11", "-3", "-4", "y")
		}
		if m.IntN(3) == 0 {
			continue
		}
		if key == "aws:TagKeys" || key == "k:set" {
			list := []string{v}
			for m.IntN(3) == 0 {
				list = append(list, m.one("a", "ab", "abc", "q", ""))
			}
			r.Context.SetMany(key, list...)
			continue
		}
		r.Context.Set(key, v)
	}
	return r
}

func (m maker) caller() eval.Caller {
	user := func(account, name, id string) eval.Caller {
		return eval.Caller{Kind: eval.User, Account: account, ARN: "arn:aws:iam::" + account + ":user/" + name, UserID: id}
	}
	switch m.IntN(12) {
	case 0:
		return eval.Caller{Kind: eval.Anonymous}
	case 1:
		return user("111122223333", "ann", "AIDAEXAMPLEEXAMPLEANN")
	case 2:
		return user("111122223333", "ben", "")
	case 3:
		return user("444455556666", "eve", "")
	case 4:
		c := sessionOf("arn:aws:iam::999988887777:role/ops", "999988887777", m.one("s1", "s2"))
		c.UserID = m.one("", "AROAEXAMPLEEXAMPLEOPS:x")
		return c
	case 5:
		return sessionOf("arn:aws:iam::999988887777:role/p/ops", "999988887777", m.one("s1", "s2"))
	case 6:
		return eval.Caller{Kind: eval.Root, Account: m.one("111122223333", "999988887777", "444455556666")}
	case 7:
		return eval.Caller{Kind: eval.FederatedUser, Account: "111122223333", ARN: "arn:aws:sts::111122223333:federated-user/" + m.one("fay", "fred")}
	case 8:
		return eval.Caller{Kind: eval.Service, Name: m.one("s3.amazonaws.com", "sqs.amazonaws.com")}
	case 9:
		return eval.Caller{Kind: eval.Federated, Name: m.one("accounts.google.com", "x.example.com")}
	case 10:
		return eval.Caller{Kind: eval.External, Name: m.one("bob", "eve")}
	}
	c := user("777766665555", "kim", "")
	c.CanonicalUser = strings.Repeat("9a", 32)
	return c
}

// imaginable reports whether a request has sets of values only where the reasoner expects them: under keys that AWS or a policy has them for.
func imaginable(r *eval.Request, policies ...*iam.Policy) bool {
	for name, v := range r.Context {
		if !v.Many || name == "aws:tagkeys" {
			continue
		}
		expected := false
		for _, p := range policies {
			for i := range p.Statements {
				for j := range p.Statements[i].Conditions {
					c := &p.Statements[i].Conditions[j]
					expected = expected || c.Key.Folded == name && c.Operator.Qualifier != iam.NoQualifier && c.Operator.Test != iam.Null
				}
			}
		}
		if !expected {
			return false
		}
	}
	return true
}

// TestNoNewAccessAgainstEval compares pairs of policies and has eval look for a request that the answer overlooks. That a failed check has a
// request to show is the reasoner's own doing; the test sees to it once more.
func TestNoNewAccessAgainstEval(t *testing.T) {
	pairs := 100_000
	if testing.Short() {
		pairs = 8_000
	}
	const shards = 4
	for shard := range uint64(shards) {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			comparePairs(t, maker{rand.New(rand.NewPCG(1, shard))}, pairs/shards)
		})
	}
}

func comparePairs(t *testing.T, m maker, pairs int) {
	passed, failed, undecided := 0, 0, 0
	reasons := map[string]int{}
	pool := map[iam.Kind][]*iam.Policy{}
	for _, kind := range []iam.Kind{iam.Identity, iam.Resource} {
		for range pairs / 20 {
			pool[kind] = append(pool[kind], m.policy(t, kind, 3))
		}
	}
	var requests []*eval.Request
	for i := range pairs {
		if i%50 == 0 {
			requests = requests[:0]
			for range 12 {
				requests = append(requests, m.request())
			}
		}
		policies := pool[[]iam.Kind{iam.Identity, iam.Resource}[i%2]]
		a, b := policies[m.IntN(len(policies))], policies[m.IntN(len(policies))]
		c, err := NoNewAccess(a, b, Limits{})
		switch {
		case err != nil:
			if strings.Contains(err.Error(), "not confirmed") {
				t.Fatalf("%v\n%s\n%s", err, a.Text(), b.Text())
			}
			reasons[err.Error()]++
			undecided++
			continue
		case c.Passes():
			passed++
		default:
			failed++
		}
		blamed := map[int]bool{}
		for _, j := range c.Unclear {
			blamed[j] = true
			undecided++
		}
		for _, r := range c.Reasons {
			blamed[r.Statement] = true
			if !eval.Permits(a, &r.Witness) || eval.Permits(b, &r.Witness) || eval.Matches(&a.Statements[r.Statement], &r.Witness) == eval.NotNamed {
				t.Fatalf("the request does not show it: %+v\n%s\n%s", r.Witness, a.Text(), b.Text())
			}
		}
		for _, r := range requests {
			if !imaginable(r, a, b) || !eval.Permits(a, r) || eval.Permits(b, r) {
				continue
			}
			for j := range a.Statements {
				if s := &a.Statements[j]; s.Effect == iam.Allow && !blamed[j] && eval.Matches(s, r) != eval.NotNamed {
					t.Fatalf("overlooked in statement %d: %+v\n%s\n%s", j, r, a.Text(), b.Text())
				}
			}
		}
	}
	t.Logf("%d pass, %d fail, %d undecided: %v", passed, failed, undecided, reasons)
	if undecided > pairs/40 || passed < pairs/20 || failed < pairs/20 {
		t.Errorf("%d pass, %d fail, %d undecided", passed, failed, undecided)
	}
}
