package iam

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var kindNames = map[string]Kind{"identity": Identity, "resource": Resource, "trust": Trust, "boundary": Boundary, "session": Session, "scp": SCP, "rcp": RCP, "endpoint": Endpoint}

// equalPolicies ignores places and texts' places only.
var equalPolicies = cmp.Options{
	cmpopts.IgnoreUnexported(Policy{}), cmpopts.IgnoreTypes(Span{}), cmp.AllowUnexported(Number{}), cmpopts.EquateComparable(netip.Prefix{}), cmpopts.EquateEmpty(),
}

// TestCheck runs testdata/check.txt: blocks of a kind, a policy, and the problems with place and path that Check tells, fatal ones with "!".
func TestCheck(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "check.txt"))
	if err != nil {
		t.Fatal(err)
	}
	cases := 0
	line := 1
	for _, block := range strings.Split(string(data), "\n\n") {
		at := line
		line += strings.Count(block, "\n") + 2
		head, body, found := strings.Cut(strings.TrimLeft(block, "\n"), "\n")
		if strings.HasPrefix(head, "#") || !found {
			continue
		}
		cases++
		kind, ok := kindNames[head]
		if !ok {
			t.Fatalf("line %d: no kind %q", at, head)
		}
		var text, want []string
		for _, l := range strings.Split(strings.TrimRight(body, "\n"), "\n") {
			if problem, ok := strings.CutPrefix(l, "=> "); ok {
				want = append(want, problem)
			} else {
				text = append(text, l)
			}
		}
		policy := strings.Join(text, "\n")
		if strings.Contains(policy, "§") { // stands for what cannot be in the file
			policy = strings.NewReplacer("§BOM", "\ufeff", "§BAD", "\xff").Replace(policy)
		}
		p, problems := Check(policy, kind)
		var got []string
		fatal := 0
		for _, problem := range problems {
			mark := ""
			if problem.Fatal {
				mark = "!"
				fatal++
			}
			got = append(got, fmt.Sprintf("%s%s %s %d:%d", mark, problem.Code, problem.Path, problem.Start.Line, problem.Start.Column))
			if problem.Message == "" || problem.End.Byte < problem.Start.Byte {
				t.Errorf("line %d: %+v", at, problem)
			}
		}
		if len(want) == 1 && want[0] == "fine" {
			want = nil
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("line %d: %s\n%s", at, policy, diff)
		}
		_, err := Parse(policy, kind)
		var e *Error
		switch {
		case (err != nil) != (fatal > 0):
			t.Errorf("line %d: Parse fails with %v, with %d fatal problems", at, err, fatal)
		case err != nil && (!errors.As(err, &e) || e.Others != fatal-1 || !strings.HasPrefix(err.Error(), "line ")):
			t.Errorf("line %d: %v", at, err)
		}
		if fatal == 0 {
			roundTrip(t, p)
		}
	}
	if cases < 90 {
		t.Errorf("only %d cases", cases)
	}
}

// roundTrip proves that printing changes nothing, and is stable.
func roundTrip(t testing.TB, p *Policy) {
	t.Helper()
	text := p.String()
	again, err := Parse(text, p.Kind)
	if err != nil {
		t.Errorf("printed as %s: %v", text, err)
		return
	}
	sorted := *p // principals are printed by key
	sorted.Statements = slices.Clone(p.Statements)
	for i := range sorted.Statements {
		if s := &sorted.Statements[i]; s.Principals != nil {
			byKey := *s.Principals
			byKey.List = slices.Clone(byKey.List)
			slices.SortStableFunc(byKey.List, func(a, b Principal) int { return strings.Compare(a.Key, b.Key) })
			s.Principals = &byKey
		}
	}
	if diff := cmp.Diff(&sorted, again, equalPolicies); diff != "" {
		t.Errorf("printed as %s: %s", text, diff)
	}
	if again.String() != text {
		t.Errorf("printed as %s, then as %s", text, again)
	}
}

func TestParse(t *testing.T) {
	const text = `{
  "Version": "2012-10-17",
  "Id": "é",
  "Statement": [
    {"Sid": "A", "Effect": "Allow", "Principal": {"AWS": ["111122223333", "arn:aws:sts::111122223333:assumed-role/ops/alice"], "Service": "sns.amazonaws.com"},
     "NotAction": "S3:Put*", "Resource": ["arn:aws:s3:::logs/${aws:username}/*", "arn:aws:s3:::x${*}"],
     "Condition": {"forallvalues:StringLikeIfExists": {"aws:TagKeys": ["a*", true]}, "NumericLessThan": {"s3:max-keys": 10.50}}}
  ]
}`
	p, err := Parse(text, Resource)
	if err != nil {
		t.Fatal(err)
	}
	s := p.Statements[0]
	if p.ID.Value != "é" || len(p.Statements) != 1 || s.Sid.Value != "A" || s.Effect != Allow {
		t.Errorf("read %+v", p)
	}
	principals := s.Principals.List
	if diff := cmp.Diff([]Principal{
		{Text: Text{Value: "111122223333"}, Key: "AWS", Kind: Account, Account: "111122223333"},
		{Text: Text{Value: "arn:aws:sts::111122223333:assumed-role/ops/alice"}, Key: "AWS", Kind: RoleSession, Partition: "aws", Account: "111122223333", Name: "ops", Session: "alice"},
		{Text: Text{Value: "sns.amazonaws.com"}, Key: "Service", Kind: Service},
	}, principals, cmpopts.IgnoreTypes(Span{})); diff != "" {
		t.Error(diff)
	}
	if a := s.Actions; !a.Not || a.List[0].Service != "s3" || !a.List[0].Pattern.Match("s3:putObject") || a.List[0].Pattern.Match("s3:GetObject") {
		t.Errorf("actions: %+v", a)
	}
	r := s.Resources.List
	if !r[0].HasVariables() || r[1].HasVariables() || !r[1].Pattern.Match("arn:aws:s3:::x*") || r[1].Pattern.Match("arn:aws:s3:::xy") {
		t.Errorf("resources: %+v", r)
	}
	if pattern, ok := r[0].Expand(func(key string) (string, bool) { return "a*", key == "aws:username" }); !ok || !pattern.Match("arn:aws:s3:::logs/a*/x") || pattern.Match("arn:aws:s3:::logs/ab/x") {
		t.Errorf("expanded to %v, %v", pattern, ok)
	}
	c := s.Conditions
	if len(c) != 2 || c[0].Operator != (Operator{StringLike, ForAllValues, true}) || c[0].Key.Folded != "aws:tagkeys" || len(c[0].Values) != 2 {
		t.Fatalf("conditions: %+v", c)
	}
	if v := c[0].Values[1]; v.Value != "true" || v.Type != JSONBool {
		t.Errorf("value: %+v", v)
	}
	if v := c[1].Values[0]; v.Value != "10.50" || v.Type != JSONNumber || !v.OK || v.Number.String() != "10.5" {
		t.Errorf("value: %+v", v)
	}
	places := []struct {
		span Span
		path string
		text string
	}{
		{p.ID.Span, "Id", `"é"`},
		{s.Span, "Statement[0]", ""},
		{s.Sid.Span, "Statement[0].Sid", `"A"`},
		{principals[1].Span, "Statement[0].Principal.AWS[1]", `"arn:aws:sts::111122223333:assumed-role/ops/alice"`},
		{s.Actions.Span, "Statement[0].NotAction", `"S3:Put*"`},
		{r[1].Span, "Statement[0].Resource[1]", `"arn:aws:s3:::x${*}"`},
		{c[0].Values[0].Span, `Statement[0].Condition["forallvalues:StringLikeIfExists"]["aws:TagKeys"][0]`, `"a*"`},
		{c[0].OperatorSpan, `Statement[0].Condition["forallvalues:StringLikeIfExists"]#key`, `"forallvalues:StringLikeIfExists"`},
		{c[1].Key.Span, `Statement[0].Condition.NumericLessThan["s3:max-keys"]#key`, `"s3:max-keys"`},
		{c[1].Values[0].Span, `Statement[0].Condition.NumericLessThan["s3:max-keys"]`, `10.50`},
		{Span{p.ID.Span.Start + 1, p.ID.Span.End - 1}, "Id[0:1]", "é"},
	}
	for _, tt := range places {
		if got := p.Path(tt.span).String(); got != tt.path {
			t.Errorf("path %s, want %s", got, tt.path)
		}
		if got := text[tt.span.Start:tt.span.End]; tt.text != "" && got != tt.text {
			t.Errorf("%s stands at %s, want %s", tt.path, got, tt.text)
		}
	}
	// Columns and offsets count characters, bytes do not.
	if got, want := p.Position(p.ID.Span.End), (Position{Byte: strings.Index(text, "é") + 3, Offset: strings.Index(text, "é") + 2, Line: 3, Column: 11}); got != want {
		t.Errorf("the Id ends at %+v, want %+v", got, want)
	}
	roundTrip(t, p)
}

// TestSpanOfTheGuide is the place that the service tells of an empty Sid (access-analyzer.md 7.1).
func TestSpanOfTheGuide(t *testing.T) {
	_, problems := Check("{\n \"Version\": \"2012-10-17\",\n \"Statement\": [ {\n     \"Sid\": \"\",\n \"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"*\"}]}", Identity)
	if len(problems) != 1 {
		t.Fatalf("problems: %v", problems)
	}
	p := problems[0]
	if p.Code != EmptySidValue || p.Path.String() != "Statement[0].Sid" || p.Start.Line != 4 || p.Start.Column != 12 || p.End.Offset-p.Start.Offset != 2 {
		t.Errorf("%+v", p)
	}
}

// TestParseIsLinear shows that large, wide, deep and odd texts are read or refused at once.
func TestParseIsLinear(t *testing.T) {
	var statements, names, values strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&statements, `{"Sid":"S%d","Effect":"Allow","Action":["s3:Get*","s3:List*"],"Resource":"arn:aws:s3:::bucket-%d/*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"t%d"}}},`, i, i, i)
	}
	for i := range 30_000 {
		fmt.Fprintf(&names, `"x%d":0,`, i)
		fmt.Fprintf(&values, `"%s",`, strings.Repeat("${a:", 6))
	}
	policy := func(statements string) string { return `{"Version":"2012-10-17","Statement":[` + statements + `]}` }
	texts := map[string]string{
		"1000 statements": policy(strings.TrimSuffix(statements.String(), ",")),
		"names":           "{" + strings.TrimSuffix(names.String(), ",") + "}",
		"broken values":   policy(`{"Effect":"Allow","Action":"*","Resource":[` + strings.TrimSuffix(values.String(), ",") + `]}`),
		"one string":      policy(`{"Effect":"Allow","Action":"*","Resource":"` + strings.Repeat("${a:b, 'c'}*", 80_000) + `"}`),
		"deep lists":      strings.Repeat("[", 1_000_000),
		"deep objects":    strings.Repeat(`{"a":`, 200_000),
		"a number":        policy(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"NumericEquals":{"a:b":` + strings.Repeat("9", 1_000_000) + `}}}`),
		"big exponent":    policy(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"NumericEquals":{"a:b":1e999999999}}}`),
		"too long":        strings.Repeat(" ", MaxBytes+1),
	}
	for name, text := range texts {
		start := time.Now()
		p, problems := Check(text, Identity)
		if took := time.Since(start); took > time.Minute {
			t.Errorf("%s: %d bytes took %v", name, len(text), took)
		}
		if len(problems) > maxProblems {
			t.Errorf("%s: %d problems", name, len(problems))
		}
		if name == "1000 statements" && (len(problems) > 0 || len(p.Statements) != 1000) {
			t.Errorf("%s: %v", name, problems)
		}
	}
}

func FuzzCheck(f *testing.F) {
	f.Add(`{"Version":"2012-10-17","Statement":{"Effect":"Deny","NotPrincipal":{"AWS":["*","111122223333"]},"Action":[],"Resource":"arn:aws:s3:::${aws:username, 'x'}/*","Condition":{"ForAnyValue:StringLike":{"a:b":["x*",1e3,true]},"IpAddress":{"aws:SourceIp":"::1/128"}}}}`, uint8(Resource))
	f.Add(`{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"DateLessThan":{"a:b":"2026-01-01T00:00:00Z"},"BinaryEquals":{"a:c":"QQ=="},"ArnLike":{"a:d":"arn:*"}}}]}`, uint8(Identity))
	f.Add(`{"\ud83d\ude00":"\u0000"}`, uint8(SCP))
	f.Add("{\"a\":[[[\x80", uint8(RCP))
	f.Fuzz(func(t *testing.T, text string, k uint8) {
		p, problems := Check(text, Kind(k%8))
		for _, problem := range problems {
			if problem.Fatal {
				return
			}
		}
		roundTrip(t, p)
	})
}
