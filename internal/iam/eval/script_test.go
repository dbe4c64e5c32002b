package eval

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/iam"
)

// The scripts in testdata are blocks, begun by "== TITLE":
//
//	origin: where the expectations come from: documented (by AWS, and where), observed (of the service, in access-analyzer.md), reasoned
//	condition: {...}     the Condition of a statement that allows everything to the caller
//	identity: ...        a policy; also resource, trust, scp, rcp, boundary, session, endpoint. A statement or a list of statements gets
//	                     the rest of a 2012 policy around it. Each scp and rcp is a level of its own. Lines that begin with a space go on
//	owner: 111122223333  the account of the resource (this one unless said otherwise)
//	guarded              the resource is a role or key
//	? REQUEST => OUTCOME [LAYER]
//
// A request is words such as aws:username=alice (a key), aws:TagKeys=[a|b] (a multivalued key), as=CALLER, do=ACTION, on=RESOURCE; words with
// spaces stand in double quotes as a whole. An outcome is allow, deny (a statement denies it) or none. CALLER is anonymous, root:ACCOUNT,
// user:ACCOUNT/NAME, role:ACCOUNT/NAME/SESSION, federated:ACCOUNT/NAME, service:NAME, web:PROVIDER or name:NAME; what AWS derives from it is
// among the keys.

const (
	defaultOwner    = "111122223333"
	defaultCaller   = "user:111122223333/alice"
	defaultAction   = "s3:GetObject"
	defaultResource = "arn:aws:s3:::logs/a"
)

type script struct {
	title  string
	origin string
	ps     Policies
	again  Policies // the same, printed and parsed
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
	if cases < 250 {
		t.Errorf("only %d cases", cases)
	}
}

func runScripts(t *testing.T, text string) (cases int) {
	var s script
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
			s = script{title: line[3:], ps: Policies{ResourceAccount: defaultOwner}, again: Policies{ResourceAccount: defaultOwner}}
		case strings.HasPrefix(line, "? "):
			if s.origin == "" {
				t.Fatalf("line %d: %s has no origin", at, s.title)
			}
			cases++
			s.run(t, at, line[2:])
		case line == "guarded":
			s.ps.Guarded, s.again.Guarded = true, true
		case word == "origin":
			s.origin = rest
		case word == "owner":
			s.ps.ResourceAccount, s.again.ResourceAccount = rest, rest
		default:
			s.policy(t, at, word, rest)
		}
	}
	return cases
}

func (s *script) policy(t *testing.T, at int, word, text string) {
	t.Helper()
	if word == "condition" {
		word, text = "identity", `{"Effect":"Allow","Action":"*","Resource":"*","Condition":`+text+`}`
	}
	if !strings.Contains(text, `"Statement"`) {
		text = `{"Version":"2012-10-17","Statement":` + text + `}`
	}
	kinds := map[string]iam.Kind{"identity": iam.Identity, "resource": iam.Resource, "trust": iam.Trust, "boundary": iam.Boundary,
		"session": iam.Session, "scp": iam.SCP, "rcp": iam.RCP, "endpoint": iam.Endpoint}
	kind, ok := kinds[word]
	if !ok {
		t.Fatalf("line %d: what is %q?", at, word)
	}
	p, err := iam.Parse(text, kind)
	if err != nil {
		t.Fatalf("line %d: %v", at, err)
	}
	again, err := iam.Parse(p.String(), kind)
	if err != nil {
		t.Fatalf("line %d: printed: %v", at, err)
	}
	s.ps.add(p)
	s.again.add(again)
}

func (ps *Policies) add(p *iam.Policy) {
	switch p.Kind {
	case iam.Identity:
		ps.Identity = append(ps.Identity, p)
	case iam.Resource, iam.Trust:
		ps.Resource = append(ps.Resource, p)
		ps.Guarded = ps.Guarded || p.Kind == iam.Trust
	case iam.Boundary:
		ps.Boundary = p
	case iam.Session:
		ps.Session = append(ps.Session, p)
	case iam.SCP:
		ps.SCP = append(ps.SCP, []*iam.Policy{p})
	case iam.RCP:
		ps.RCP = append(ps.RCP, []*iam.Policy{p})
	case iam.Endpoint:
		ps.Endpoint = append(ps.Endpoint, p)
	}
}

func (s *script) run(t *testing.T, at int, line string) {
	t.Helper()
	words, want, ok := strings.Cut(line, "=>")
	outcome, layer, _ := strings.Cut(strings.TrimSpace(want), " ")
	outcomes := map[string]Outcome{"allow": Allowed, "deny": ExplicitDeny, "none": ImplicitDeny}
	if _, known := outcomes[outcome]; !ok || !known {
		t.Fatalf("line %d: what is expected of %s?", at, line)
	}
	r := &Request{Action: defaultAction, Resource: defaultResource}
	caller := defaultCaller
	given := Context{}
	for _, word := range splitWords(words) {
		key, value, ok := strings.Cut(word, "=")
		list, isList := strings.CutPrefix(value, "[")
		switch {
		case !ok:
			t.Fatalf("line %d: what is %q?", at, word)
		case key == "as":
			caller = value
		case key == "do":
			r.Action = value
		case key == "on":
			r.Resource = value
		case isList && value == "[]":
			given.SetMany(key)
		case isList:
			given.SetMany(key, strings.Split(strings.TrimSuffix(list, "]"), "|")...)
		default:
			given.Set(key, value)
		}
	}
	r.Caller = parseCaller(t, at, caller)
	r.Context = r.Caller.Keys()
	for key, v := range given {
		r.Context[key] = v
	}
	d := Evaluate(r, &s.ps)
	if again := Evaluate(r, &s.again); again.Outcome != d.Outcome || again.Layer != d.Layer || len(again.Statements) != len(d.Statements) {
		t.Errorf("line %d: %v by %v, but %v by %v once the policies are printed", at, d.Outcome, d.Layer, again.Outcome, again.Layer)
	}
	if d.Outcome != outcomes[outcome] || layer != "" && d.Layer.String() != layer {
		t.Errorf("line %d: %s: %s is %v by %v, want %s", at, s.title, line, d.Outcome, d.Layer, want)
	}
	if d.Outcome != ImplicitDeny && len(d.Statements) == 0 && r.Caller.Kind != Root {
		t.Errorf("line %d: %v without a statement", at, d.Outcome)
	}
	for _, deciding := range d.Statements {
		if got := deciding.Statement.Effect; (d.Outcome == ExplicitDeny) != (got == iam.Deny) {
			t.Errorf("line %d: %v rests on a statement that says %v", at, d.Outcome, got)
		}
	}
}

// splitWords cuts at spaces outside double quotes.
func splitWords(line string) []string {
	var words []string
	quoted := false
	word, begun := "", false
	for _, c := range line {
		switch {
		case c == '"':
			quoted, begun = !quoted, true
		case c == ' ' && !quoted:
			if begun {
				words = append(words, word)
			}
			word, begun = "", false
		default:
			word, begun = word+string(c), true
		}
	}
	if begun {
		words = append(words, word)
	}
	return words
}

func parseCaller(t *testing.T, at int, text string) Caller {
	t.Helper()
	kind, rest, _ := strings.Cut(text, ":")
	account, name, _ := strings.Cut(rest, "/")
	switch kind {
	case "anonymous":
		return Caller{Kind: Anonymous}
	case "root":
		return Caller{Kind: Root, Account: account, ARN: "arn:aws:iam::" + account + ":root", CanonicalUser: canonical(account)}
	case "user":
		return Caller{Kind: User, Account: account, ARN: "arn:aws:iam::" + account + ":user/" + name, UserID: "AIDAEXAMPLE" + strings.ToUpper(strings.ReplaceAll(name, "/", "")), CanonicalUser: canonical(account)}
	case "role":
		i := strings.LastIndexByte(name, '/')
		role, session := name[:i], name[i+1:]
		plain := role[strings.LastIndexByte(role, '/')+1:]
		return Caller{Kind: RoleSession, Account: account, ARN: "arn:aws:iam::" + account + ":role/" + role, CanonicalUser: canonical(account),
			SessionARN: "arn:aws:sts::" + account + ":assumed-role/" + plain + "/" + session, UserID: "AROAEXAMPLE" + strings.ToUpper(plain) + ":" + session}
	case "federated":
		return Caller{Kind: FederatedUser, Account: account, ARN: "arn:aws:sts::" + account + ":federated-user/" + name, UserID: account + ":" + name}
	case "service":
		return Caller{Kind: Service, Name: rest}
	case "web":
		return Caller{Kind: Federated, Name: rest}
	case "name":
		return Caller{Kind: External, Name: rest}
	}
	t.Fatalf("line %d: who is %q?", at, text)
	return Caller{}
}

// canonical makes up an account's canonical id.
func canonical(account string) string { return strings.Repeat(account, 6)[:64] }
