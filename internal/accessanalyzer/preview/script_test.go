package preview

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/iam/reach"
	"github.com/magpie-sec/magpie/internal/inventory"
	"github.com/magpie-sec/magpie/internal/resource"
	"github.com/magpie-sec/magpie/internal/source/folder"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/accessanalyzer"
)

// The scripts in testdata are blocks, begun by "== TITLE":
//
//	origin: where the expectations come from: documented (by AWS, and where), observed, reasoned
//	template:   the Resources of a template that describes the account as it is; its lines begin with two spaces
//	items:      a list of AWS Config items beside it
//	propose: ARN
//	  the configuration; a policy stands as an object, which becomes text
//	=> EXPECTED
//
// EXPECTED is "refused TEXT" (ValidationException), "invalid TEXT" (INVALID_CONFIGURATION), "error CODE", none, or findings divided by " | ": words
// AWS:WHO (or Federated:, CanonicalUser:), public, KEY=LABEL for each term of the condition, do=ACTION,ACTION (all of them) or do~ACTION,ACTION
// (some of them) or no~ACTION (not these), from=SOURCE,SOURCE.

const testAccount, testRegion = "111122223333", "eu-west-1"

func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	cases := 0
	covered := map[string]bool{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range strings.Split("\n"+string(data), "\n== ")[1:] {
			title, body, _ := strings.Cut(block, "\n")
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txt")+"/"+title, func(t *testing.T) { cases += runBlock(t, body, covered) })
		}
	}
	if cases < 90 {
		t.Errorf("only %d cases", cases)
	}
	for i := range kinds {
		if !covered[kinds[i].member] {
			t.Errorf("%s has no vector", kinds[i].member)
		}
	}
}

func runBlock(t *testing.T, body string, covered map[string]bool) (cases int) {
	t.Helper()
	var template, items, configuration strings.Builder
	var into *strings.Builder
	name, origin := "", false
	for _, line := range strings.Split(body, "\n") {
		if text, ok := strings.CutPrefix(line, "  "); ok && into != nil {
			into.WriteString(text + "\n")
			continue
		}
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case "origin:":
			origin = strings.HasPrefix(rest, "documented") || strings.HasPrefix(rest, "observed") || strings.HasPrefix(rest, "reasoned")
		case "template:":
			into = &template
		case "items:":
			into = &items
		case "propose:":
			name, into = rest, &configuration
			configuration.Reset()
		case "=>":
			cases++
			check(t, template.String(), items.String(), name, configuration.String(), rest, covered)
		case "", "#":
		default:
			t.Fatalf("no such line: %s", line)
		}
	}
	if !origin {
		t.Error("no origin")
	}
	return cases
}

// readNow is what documents that describe an account tell about the resource of a proposal.
func readNow(t testing.TB, template, items string, p *Proposal) resource.One {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if template != "" {
		write("template.yaml", "Resources:\n  "+strings.ReplaceAll(strings.TrimSuffix(template, "\n"), "\n", "\n  "))
	}
	if items != "" {
		write("config-items.json", items)
	}
	d, err := folder.Estate(dir)
	if err != nil {
		t.Fatal(err)
	}
	now, err := resource.LoadOne(t.Context(), d, inventory.Options{Account: testAccount, Region: testRegion}, p.Type, p.ARN)
	if err != nil {
		t.Fatal(err)
	}
	return now
}

// configurations decodes a configuration as a request would bring it, and checks the constraints of the model.
func configurations(t testing.TB, name, text string) (map[string]accessanalyzer.Configuration, *wire.Error) {
	t.Helper()
	var tree any
	if err := json.Unmarshal([]byte(text), &tree); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	body, err := json.Marshal(map[string]any{"analyzerArn": "arn:aws:access-analyzer:eu-west-1:111122223333:analyzer/a", "configurations": map[string]any{name: texts(tree, "")}})
	if err != nil {
		t.Fatal(err)
	}
	var in accessanalyzer.CreateAccessPreviewInput
	if err := in.UnmarshalJSON(body); err != nil {
		t.Fatal(err)
	}
	var c wire.Check
	in.Validate(&c)
	return in.Configurations, c.Err()
}

// texts turns policies that stand as objects into texts.
func texts(v any, under string) any {
	m, ok := v.(map[string]any)
	if !ok {
		if list, ok := v.([]any); ok {
			for i := range list {
				list[i] = texts(list[i], "")
			}
		}
		return v
	}
	if strings.HasSuffix(under, "Policy") || under == "default" {
		text, _ := json.Marshal(m)
		return string(text)
	}
	for k := range m {
		m[k] = texts(m[k], k)
	}
	return m
}

func check(t *testing.T, template, items, name, text, want string, covered map[string]bool) {
	t.Helper()
	given, violated := configurations(t, name, text)
	word, part, _ := strings.Cut(want, " ")
	var p *Proposal
	err := error(nil)
	if violated != nil {
		err = violated
	} else if p, err = Read(given, testAccount, testRegion); err == nil {
		covered[p.kind.member] = true
	}
	var refused *wire.Error
	if errors.As(err, &refused) {
		if word != "refused" || refused.Kind != wire.Validation || !strings.Contains(refused.Message, part) || len(refused.Fields) == 0 {
			t.Errorf("%s %s\n got %v", name, want, err)
		}
		return
	}
	if err != nil || word == "refused" {
		t.Errorf("%s: want %s, got %v", name, want, err)
		return
	}
	now := readNow(t, template, items, p)
	r, err := p.Resource(now)
	var bad *InvalidError
	if errors.As(err, &bad) {
		if word != "invalid" || !strings.Contains(bad.Reason, part) {
			t.Errorf("%s %s\n got %v", name, want, err)
		}
		return
	}
	if err != nil || word == "invalid" {
		t.Errorf("%s: want %s, got %v", name, want, err)
		return
	}
	if r.ARN != p.ARN || r.Type != p.Type || r.Account != testAccount || r == now.Resource {
		t.Errorf("%s: %+v", name, r)
	}
	got := resource.Analyze(r, reach.Zone{Account: testAccount})
	if word == "error" {
		if got.Error != part {
			t.Errorf("%s %s\n got error %q (%s)", name, want, got.Error, got.Reason)
		}
		return
	}
	if got.Error != "" {
		t.Errorf("%s %s\n got error %s (%s)", name, want, got.Error, got.Reason)
	}
	left := slices.Clone(got.Findings)
	if want != "none" {
		for _, w := range strings.Split(want, " | ") {
			i := slices.IndexFunc(left, func(f resource.Finding) bool { return matches(f, w) })
			if i < 0 {
				t.Errorf("%s: no finding %q among %s", name, w, describe(got.Findings))
				return
			}
			left = slices.Delete(left, i, i+1)
		}
	}
	if len(left) > 0 {
		t.Errorf("%s %s\n further findings: %s", name, want, describe(left))
	}
}

func matches(f resource.Finding, want string) bool {
	words := strings.Fields(want)
	public := slices.Contains(words, "public")
	terms := 0
	if string(f.Principal.Kind)+":"+f.Principal.Value != words[0] {
		return false
	}
	for _, w := range words[1:] {
		key, value, isEqual := strings.Cut(w, "=")
		some, part, isPart := strings.Cut(w, "~")
		ok := true
		switch {
		case w == "public":
		case key == "do" && isEqual:
			ok = strings.Join(f.Actions, ",") == value
		case isPart:
			for _, a := range strings.Split(part, ",") {
				ok = ok && slices.Contains(f.Actions, a) == (some == "do")
			}
		case key == "from":
			var from []string
			for _, s := range f.Sources {
				from = append(from, strings.TrimSuffix(string(s.Type)+":"+s.AccessPointARN[strings.LastIndexByte(s.AccessPointARN, '/')+1:]+s.AccessPointAccount, ":"))
			}
			ok = strings.Join(from, ",") == value
		default:
			terms++
			ok = slices.Contains(f.Condition, reach.Term{Key: key, Label: value})
		}
		if !ok {
			return false
		}
	}
	return public == f.Public && terms == len(f.Condition)
}

func describe(findings []resource.Finding) string {
	if len(findings) == 0 {
		return "none"
	}
	var b strings.Builder
	for _, f := range findings {
		fmt.Fprintf(&b, "\n  %s:%s public=%v %v do=%s from=%v", f.Principal.Kind, f.Principal.Value, f.Public, f.Condition, strings.Join(f.Actions, ","), f.Sources)
	}
	return b.String()
}
