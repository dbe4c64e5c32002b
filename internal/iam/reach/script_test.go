package reach

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/iam/eval"
)

// The scripts in testdata are blocks, begun by "== TITLE":
//
//	origin: where the expectations come from: documented (by AWS, and where), observed (of the service, in access-analyzer.md), reasoned
//	policy: ...       a policy of the first layer; a statement or a list of statements gets the rest of a 2012 policy around it. Lines that
//	                  begin with a space go on
//	behind: ...       a policy of a further layer
//	existing: ...     what the policy is compared with
//	kind: trust       resource (unless said otherwise), identity, trust
//	zone: 111122223333 o-a1b2c3d4e5 999988887777,444455556666    the account, and the organization with its other accounts
//	actions: s3:GetObject s3:PutObject                            (s3:GetObject unless said otherwise)
//	? external => none                      or one line "| ..." for each finding:
//	| AWS * aws:SourceIp=203.0.113.0/24 => s3:GetObject public by 0 2
//	? public => yes 0 1                     the statements; or no
//	? no-new-access => fail 0               or pass
//	? not-granted s3:GetObject,s3:Put* arn:aws:s3:::b/* => fail 0     - for no actions or no resources
//	? no-public-access AWS::S3::Bucket => fail 0
//
// Instead of an answer stands "undecided" if it is an error.

type script struct {
	title, origin string
	kind          iam.Kind
	layers        [][]string
	existing      string
	zone          Zone
	actions       []string
}

func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	cases := 0
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			cases += runScripts(t, string(data))
		})
	}
	if cases < 150 {
		t.Errorf("only %d cases", cases)
	}
}

func runScripts(t *testing.T, text string) (cases int) {
	s := script{}
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		line := strings.TrimRight(lines[i], " ")
		at := i + 1
		word, rest, _ := strings.Cut(line, ":")
		rest = strings.TrimSpace(rest)
		for i+1 < len(lines) && strings.HasPrefix(lines[i+1], " ") {
			i++
			rest += "\n" + lines[i]
		}
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "== "):
			s = script{title: line[3:], kind: iam.Resource, zone: Zone{Account: "111122223333"}, actions: []string{"s3:GetObject"}}
		case strings.HasPrefix(line, "? "):
			if s.origin == "" {
				t.Fatalf("line %d: %s has no origin", at, s.title)
			}
			cases++
			var findings []string
			for i+1 < len(lines) && strings.HasPrefix(lines[i+1], "| ") {
				i++
				findings = append(findings, strings.TrimSpace(lines[i][2:]))
			}
			question, want, _ := strings.Cut(line[2:], "=>")
			if got := s.ask(t, at, strings.Fields(question)); findings != nil {
				if want := strings.Join(findings, "\n"); got != want {
					t.Errorf("line %d: %s:\n%s\nwant\n%s", at, s.title, got, want)
				}
			} else if want = strings.TrimSpace(want); got != want {
				t.Errorf("line %d: %s: %s, want %s", at, s.title, got, want)
			}
		case word == "origin":
			s.origin = rest
		case word == "policy":
			if s.layers == nil {
				s.layers = [][]string{nil}
			}
			s.layers[0] = append(s.layers[0], rest)
		case word == "behind":
			s.layers = append(s.layers, []string{rest})
		case word == "existing":
			s.existing = rest
		case word == "kind":
			s.kind = map[string]iam.Kind{"identity": iam.Identity, "resource": iam.Resource, "trust": iam.Trust}[rest]
		case word == "zone":
			fields := append(strings.Fields(rest), "", "")
			s.zone = Zone{Account: fields[0], Organization: fields[1]}
			if fields[2] != "" {
				s.zone.Accounts = append(strings.Split(fields[2], ","), fields[0])
			}
		case word == "actions":
			s.actions = strings.Fields(rest)
		default:
			t.Fatalf("line %d: what is %q?", at, line)
		}
	}
	return cases
}

func (s *script) parse(t *testing.T, at int, text string) *iam.Policy {
	t.Helper()
	if !strings.Contains(text, `"Statement"`) {
		text = `{"Version":"2012-10-17","Statement":` + text + `}`
	}
	p, err := iam.Parse(text, s.kind)
	if err != nil {
		t.Fatalf("line %d: %s: %v", at, s.title, err)
	}
	return p
}

func (s *script) ask(t *testing.T, at int, question []string) string {
	t.Helper()
	var docs Guard
	for _, texts := range s.layers {
		var l Layer
		for _, text := range texts {
			l.Policies = append(l.Policies, s.parse(t, at, text))
		}
		docs.Layers = append(docs.Layers, l)
	}
	p := docs.Layers[0].Policies[0]
	answer := func(c Comparison, err error) string {
		switch {
		case err != nil:
			return "undecided"
		case c.Passes():
			return "pass"
		}
		got := "fail"
		for _, r := range c.Reasons {
			if !eval.Permits(p, &r.Witness) {
				t.Errorf("line %d: %s: not permitted: %+v", at, s.title, r.Witness)
			}
			got += fmt.Sprint(" ", r.Statement)
		}
		return got
	}
	list := func(text string) []string {
		if text == "-" {
			return nil
		}
		return strings.Split(text, ",")
	}
	switch question[0] {
	case "no-new-access":
		return answer(NoNewAccess(p, s.parse(t, at, s.existing), Limits{}))
	case "not-granted":
		return answer(NotGranted(p, list(question[1]), list(question[2]), Limits{}))
	case "no-public-access":
		return answer(NoPublicAccess(p, question[1], Limits{}))
	case "public":
		open, err := IsPublic(docs, s.actions, Limits{})
		if err != nil {
			return "undecided"
		}
		if len(open) == 0 {
			return "no"
		}
		got := "yes"
		for _, a := range open {
			for _, p := range a.Statements {
				got += fmt.Sprint(" ", p.Statement)
			}
		}
		return got
	case "external":
		findings, err := External(docs, s.zone, s.actions, Limits{})
		if err != nil {
			return "undecided"
		}
		if len(findings) == 0 {
			return "none"
		}
		lines := make([]string, len(findings))
		for i, a := range findings {
			lines[i] = show(a)
		}
		open, err := IsPublic(docs, s.actions, Limits{})
		public := false
		for _, a := range findings {
			public = public || a.Public
		}
		// What is public only for callers of the zone is no finding; nothing else may differ.
		if err != nil || public && len(open) == 0 {
			t.Errorf("line %d: %s: a public finding, and IsPublic says %v %v", at, s.title, open, err)
		}
		return strings.Join(lines, "\n")
	}
	t.Fatalf("line %d: what is %v?", at, question)
	return ""
}

// show writes a finding as scripts do.
func show(a Access) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", a.Principal.Kind, a.Principal.Value)
	for _, c := range a.Condition {
		fmt.Fprintf(&b, " %s=%s", c.Key, c.Label)
	}
	fmt.Fprintf(&b, " => %s", strings.Join(a.Actions, ","))
	if a.Public {
		b.WriteString(" public")
	}
	b.WriteString(" by")
	for _, p := range a.Statements {
		if p.Layer > 0 {
			fmt.Fprintf(&b, " %d/%d", p.Layer, p.Statement)
			continue
		}
		fmt.Fprintf(&b, " %d", p.Statement)
	}
	return b.String()
}
