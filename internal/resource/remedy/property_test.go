package remedy

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/iam/eval"
	"github.com/magpie-sec/magpie/internal/iam/reach"
	"github.com/magpie-sec/magpie/internal/resource"
	"github.com/magpie-sec/magpie/internal/source"
)

// confirm sees by other means than the package's own that a remedy closes a finding: by the analysis of the changed resource, by eval of the
// finding's request, by comparison of the documents, and by leaving out each edit.
func confirm(t *testing.T, r *resource.Resource, zone reach.Zone, before resource.Result, i int, m *Remedy) {
	t.Helper()
	f := &before.Findings[i]
	after := resource.Analyze(m.Resource, zone)
	for j := range after.Findings {
		g := &after.Findings[j]
		if g.Principal == f.Principal && slices.Equal(g.Condition, f.Condition) {
			t.Errorf("%s: %v does not close %s", r.ARN, m.Edits, named(f))
		}
		for _, a := range g.Actions {
			if !slices.ContainsFunc(before.Findings, func(b resource.Finding) bool {
				return (b.Principal == g.Principal || b.Principal.Value == "*") && slices.Contains(b.Actions, a) && (b.Public || !g.Public)
			}) {
				t.Errorf("%s: after %v %s may %s", r.ARN, m.Edits, named(g), a)
			}
		}
	}
	documents := func(r *resource.Resource) []source.Fact[resource.Document] {
		list := []source.Fact[resource.Document]{r.Policy}
		for _, p := range r.AccessPoints.Value {
			list = append(list, p.Policy)
		}
		return list
	}
	was, is := documents(r), documents(m.Resource)
	for j := range was {
		if was[j].State != source.StateKnown || was[j].Value.Text == is[j].Value.Text {
			continue
		}
		kind := iam.Resource
		if r.Type == resource.Role {
			kind = iam.Trust
		}
		older, err1 := iam.Parse(was[j].Value.Text, kind)
		newer, err2 := iam.Parse(is[j].Value.Text, kind)
		if err1 != nil || err2 != nil {
			t.Fatalf("%s: %v, %v", r.ARN, err1, err2)
		}
		switch c, err := reach.NoNewAccess(newer, older, reach.Limits{}); {
		case errors.Is(err, reach.ErrTooComplex), errors.Is(err, reach.ErrUnsupported):
		case err != nil || !c.Passes():
			t.Errorf("%s: %v gives new access: %v %v", r.ARN, m.Edits, c, err)
		}
	}
	// Where one document grants and that one was changed, it no longer permits the request.
	if only := f.Reasons[0].Document; !slices.ContainsFunc(f.Reasons, func(why resource.Reason) bool { return why.Document != only }) &&
		!slices.ContainsFunc(m.Edits, func(e Edit) bool { return !e.ofStatement() }) {
		d, kind := documentOf(m.Resource, only)
		text := d.Value.Text
		if d.Value.Least != "" {
			text = d.Value.Least
		}
		p, err := iam.Parse(text, kind)
		if err != nil {
			t.Fatal(err)
		}
		// (unless another finding, which stays, is about it too: findings overlap)
		if eval.Permits(p, &f.Witness) && !slices.ContainsFunc(after.Findings, func(g resource.Finding) bool {
			return (g.Principal == f.Principal || g.Principal.Value == "*" || f.Principal.Value == "*") && slices.Contains(g.Actions, f.Witness.Action)
		}) {
			t.Errorf("%s: after %v the request %+v is still permitted", r.ARN, m.Edits, f.Witness)
		}
	}
	for j := range m.Edits {
		if len(m.Edits) == 1 {
			break
		}
		c := New(r, zone, before)
		if less, ok := c.try(f, slices.Delete(slices.Clone(m.Edits), j, j+1)); ok && c.cost(less).compare(c.cost(m)) < 0 {
			t.Errorf("%s: %v: %s is not needed", r.ARN, m.Edits, m.Edits[j])
		}
	}
}

// TestEveryFinding looks for remedies of all findings in the scripts of package resource.
func TestEveryFinding(t *testing.T) {
	found, closed := 0, 0
	for _, b := range readBlocks(t, "../testdata/*.txt") {
		for i := range b.estate.Resources {
			r := &b.estate.Resources[i]
			result := resource.Analyze(r, b.zone)
			closer := New(r, b.zone, result)
			for j := range result.Findings {
				found++
				m, err := closer.Close(&result.Findings[j])
				if err != nil {
					t.Logf("%s: %s of %s: %v", b.title, named(&result.Findings[j]), r.ARN, err)
					continue
				}
				closed++
				confirm(t, r, b.zone, result, j, m)
			}
		}
	}
	t.Logf("%d of %d findings can be closed", closed, found)
	if found < 75 || closed < found*9/10 {
		t.Errorf("%d of %d findings can be closed", closed, found)
	}
}

// randomPolicy makes a policy for a resource of a type, of statements that overlap.
func randomPolicy(r *rand.Rand, kind string, actions []string) string {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	some := func(list ...string) any {
		if n := 1 + r.IntN(len(list)); n > 1 {
			r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
			return list[:n]
		}
		return pick(list...)
	}
	var statements []any
	for range 1 + r.IntN(4) {
		s := map[string]any{"Effect": pick("Allow", "Allow", "Allow", "Deny"), "Action": some(actions...)}
		if kind != resource.Role {
			s["Resource"] = "*"
		}
		switch r.IntN(4) {
		case 0:
			s["Principal"] = "*"
		case 1:
			s["Principal"] = map[string]any{"AWS": some("999988887777", "444455556666", "111122223333"), "Service": "sns.amazonaws.com"}
		default:
			s["Principal"] = map[string]any{"AWS": some("999988887777", "arn:aws:iam::444455556666:role/x", "111122223333", "arn:aws:iam::111122223333:user/u")}
		}
		condition := map[string]any{}
		for range r.IntN(3) {
			switch r.IntN(6) {
			case 0:
				condition["StringEquals"] = map[string]any{"aws:PrincipalOrgID": some("o-a1b2c3d4e5", "o-zzzzzzzzzz")}
			case 1:
				condition["IpAddress"] = map[string]any{"aws:SourceIp": some("203.0.113.0/24", "198.51.100.0/24")}
			case 2:
				condition["ArnLike"] = map[string]any{"aws:PrincipalArn": some("arn:aws:iam::999988887777:role/a*", "arn:aws:iam::111122223333:role/*", "arn:aws:iam::*:role/*b")}
			case 3:
				condition["StringLike"] = map[string]any{"aws:SourceArn": some("arn:aws:s3:::logs", "arn:aws:sns:*:999988887777:*")}
			case 4:
				condition["StringNotEquals"] = map[string]any{"aws:PrincipalAccount": some("999988887777", "111122223333")}
			case 5:
				condition["StringEqualsIfExists"] = map[string]any{"aws:SourceVpc": some("vpc-1", "vpc-2")}
			}
		}
		if len(condition) > 0 {
			s["Condition"] = condition
		}
		statements = append(statements, s)
	}
	text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
	if err != nil {
		panic(err)
	}
	return string(text)
}

// randomResource makes a resource of some type.
func randomResource(r *rand.Rand) *resource.Resource {
	types := []struct {
		kind, arn string
		actions   []string
	}{
		{resource.Bucket, "arn:aws:s3:::subject", []string{"s3:ListBucket", "s3:GetObject", "s3:*"}},
		{resource.Queue, "arn:aws:sqs:eu-west-1:111122223333:subject", []string{"sqs:SendMessage", "sqs:ReceiveMessage", "sqs:*"}},
		{resource.Role, "arn:aws:iam::111122223333:role/subject", []string{"sts:AssumeRole", "sts:TagSession"}},
		{resource.Key, "arn:aws:kms:eu-west-1:111122223333:key/subject", []string{"kms:Decrypt", "kms:Encrypt", "kms:Describe*"}},
		{resource.Function, "arn:aws:lambda:eu-west-1:111122223333:function:subject", []string{"lambda:InvokeFunction", "lambda:GetFunction"}},
		{resource.Table, "arn:aws:dynamodb:eu-west-1:111122223333:table/subject", []string{"dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutResourcePolicy"}},
	}
	kind := types[r.IntN(len(types))]
	res := &resource.Resource{Type: kind.kind, ARN: kind.arn, Account: "111122223333", Region: "eu-west-1",
		Policy: source.Known(resource.Document{Text: randomPolicy(r, kind.kind, kind.actions)})}
	switch kind.kind {
	case resource.Key:
		grants := []resource.KeyGrant{}
		for i := range r.IntN(3) {
			grants = append(grants, resource.KeyGrant{ID: fmt.Sprint(i), Grantee: "arn:aws:iam::999988887777:root", Operations: []string{"Decrypt"}})
		}
		res.Grants = source.Known(grants)
	case resource.Bucket:
		res.Owner = source.Known(source.Owner{ID: "own"})
		grants := []source.Grant{{GranteeType: "CanonicalUser", Grantee: "own", Permission: "FULL_CONTROL"}}
		for range r.IntN(3) {
			g := []source.Grant{{GranteeType: "Group", Grantee: source.AllUsers, Permission: "READ"}, {GranteeType: "CanonicalUser", Grantee: "other", Permission: "READ_ACP"},
				{GranteeType: "Group", Grantee: source.AuthenticatedUsers, Permission: "WRITE"}}[r.IntN(3)]
			grants = append(grants, g)
		}
		res.ACL, res.Ownership = source.Known(grants), source.Absent[string]("")
		res.PublicAccessBlock, res.AccountBlock = source.Absent[source.PublicAccessBlock](""), source.Absent[source.PublicAccessBlock]("")
		if r.IntN(3) == 0 {
			res.PublicAccessBlock = source.Known(source.PublicAccessBlock{RestrictPublicBuckets: r.IntN(2) == 0, IgnorePublicACLs: r.IntN(2) == 0})
		}
		points := []resource.AccessPoint{}
		if r.IntN(2) == 0 {
			points = append(points, resource.AccessPoint{Name: "ap", ARN: "arn:aws:s3:eu-west-1:111122223333:accesspoint/ap",
				Policy: source.Known(resource.Document{Text: randomPolicy(r, kind.kind, kind.actions)}), VPC: source.Absent[string](""),
				PublicAccessBlock: source.Known(source.PublicAccessBlock{})})
		}
		res.AccessPoints = source.Known(points)
	}
	return res
}

// TestRandom looks for remedies of the findings of random resources.
func TestRandom(t *testing.T) {
	found, closed := 0, 0
	zones := []reach.Zone{{Account: "111122223333"}, {Account: "111122223333", Organization: "o-a1b2c3d4e5", Accounts: []string{"111122223333", "444455556666"}}}
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 1))
		res, zone := randomResource(r), zones[r.IntN(len(zones))]
		result := resource.Analyze(res, zone)
		closer := New(res, zone, result)
		for i := range result.Findings {
			found++
			m, err := closer.Close(&result.Findings[i])
			if err != nil {
				t.Logf("%d: %s of %s: %v %s", seed, named(&result.Findings[i]), res.ARN, err, res.Policy.Value.Text)
				continue
			}
			closed++
			confirm(t, res, zone, result, i, m)
			if t.Failed() {
				t.Fatalf("seed %d: %s %v", seed, res.Policy.Value.Text, res.AccessPoints.Value)
			}
		}
	}
	t.Logf("%d of %d findings can be closed", closed, found)
	if found < 150 || closed < found*9/10 {
		t.Errorf("%d of %d findings can be closed", closed, found)
	}
}

// TestStopped sees that remedies that nobody waits for are not looked for.
func TestStopped(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	gone := errors.New("gone")
	asked := 0
	for asked == 0 {
		res, zone := randomResource(r), reach.Zone{Account: "111122223333"}
		result := resource.Analyze(res, zone)
		if len(result.Findings) == 0 {
			continue
		}
		closer := New(res, zone, result)
		closer.Stop = func() error { asked++; return gone }
		if _, err := closer.Close(&result.Findings[0]); asked > 0 && err != gone {
			t.Errorf("asked %d times: %v", asked, err)
		}
	}
}

// TestUnknownParts takes a principal of a random policy for unknown and looks for remedies. Whoever it turns out to be, the statements that
// were changed must not let in again whom the finding is about.
func TestUnknownParts(t *testing.T) {
	zone := reach.Zone{Account: "111122223333"}
	found, checked := 0, 0
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 2))
		res := &resource.Resource{Type: resource.Queue, ARN: "arn:aws:sqs:eu-west-1:111122223333:subject", Account: "111122223333", Region: "eu-west-1"}
		var policy struct{ Statement []map[string]any }
		if err := json.Unmarshal([]byte(randomPolicy(r, resource.Queue, []string{"sqs:SendMessage", "sqs:ReceiveMessage", "sqs:*"})), &policy); err != nil {
			t.Fatal(err)
		}
		s := policy.Statement[r.IntN(len(policy.Statement))]
		if s["Effect"] != "Allow" {
			continue
		}
		with := func(principal any) string {
			s["Principal"] = principal
			text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": policy.Statement})
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
		known := map[string]any{"AWS": []string{"999988887777", "444455556666"}}
		res.Policy = source.Known(resource.Document{Text: with("*"), Least: with(known), Reason: "template.yaml:1:1: a parameter"})
		result := resource.Analyze(res, zone)
		closer := New(res, zone, result)
		for i := range result.Findings {
			f := &result.Findings[i]
			found++
			m, err := closer.Close(f)
			if err != nil {
				continue
			}
			for _, who := range []string{"999988887777", "444455556666", "111122223333", "*"} {
				concrete := *res
				concrete.Policy = source.Known(resource.Document{Text: with(map[string]any{"AWS": []string{"999988887777", "444455556666", who}})})
				changed, left, ok := apply(&concrete, m.Edits)
				if !ok {
					continue
				}
				checked++
				after := resource.Analyze(changed, zone)
				for j := range after.Findings {
					if g := &after.Findings[j]; same(f, g) && slices.ContainsFunc(g.Reasons, func(why resource.Reason) bool { return left.touched(why, m.Edits) }) {
						t.Errorf("seed %d: %s: after %v, if it is %s, %v lets it in: %s", seed, named(f), m.Edits, who, g.Reasons, changed.Policy.Value.Text)
					}
				}
			}
		}
	}
	if found < 50 || checked < 100 {
		t.Errorf("%d findings, %d checks", found, checked)
	}
}
