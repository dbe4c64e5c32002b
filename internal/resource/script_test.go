package resource

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/iam/eval"
	"github.com/magpie-sec/magpie/internal/iam/reach"
	"github.com/magpie-sec/magpie/internal/inventory"
	"github.com/magpie-sec/magpie/internal/source"
)

// The scripts in testdata, a file for each type, are blocks, begun by "== TITLE":
//
//	origin: where the expectations come from: documented (by AWS, and where), observed (of the service, in access-analyzer.md), reasoned
//	zone: ORGANIZATION ACCOUNT ACCOUNT...   the zone of trust, if it is more than the account 111122223333
//	template:    the Resources of a template, or a whole one that begins with a section's name; its lines begin with two spaces
//	items:       a list of AWS Config items; its lines begin with two spaces
//	? NAME => FINDING | FINDING...          of the resource whose ARN ends in NAME: none, findings, "error CODE TEXT"
//
// A finding is words: AWS:WHO (or Federated:, CanonicalUser:), public, KEY=LABEL for each term of its condition, do=ACTION,ACTION (all of
// them) or do~ACTION,ACTION (some of them) or no~ACTION (not these), from=SOURCE,SOURCE, at=LINE of a statement. TEXT is part of the reason.

var testOptions = inventory.Options{Account: "111122223333", Region: "eu-west-1"}

func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	cases := 0
	covered := map[string]bool{}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, block := range strings.Split("\n"+string(data), "\n== ")[1:] {
				title, body, _ := strings.Cut(block, "\n")
				t.Run(title, func(t *testing.T) { cases += runBlock(t, body, covered) })
			}
		})
	}
	if cases < 120 {
		t.Errorf("only %d cases", cases)
	}
	for _, name := range Types() {
		if !covered[name] {
			t.Errorf("%s has no vector", name)
		}
	}
}

func runBlock(t *testing.T, body string, covered map[string]bool) (cases int) {
	t.Helper()
	var template, items strings.Builder
	zone := reach.Zone{Account: "111122223333"}
	var into *strings.Builder
	var e *Estate
	origin := false
	for _, line := range strings.Split(body, "\n") {
		if text, ok := strings.CutPrefix(line, "  "); ok && into != nil {
			into.WriteString(text + "\n")
			continue
		}
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case "origin:":
			origin = strings.HasPrefix(rest, "documented") || strings.HasPrefix(rest, "observed") || strings.HasPrefix(rest, "reasoned")
		case "zone:":
			words := strings.Fields(rest)
			zone.Organization, zone.Accounts = words[0], words[1:]
		case "template:":
			into = &template
		case "items:":
			into = &items
		case "?":
			if e == nil {
				e = readTest(t, template.String(), items.String())
			}
			cases++
			check(t, e, rest, zone, covered)
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

func readTest(t testing.TB, template, items string) *Estate {
	t.Helper()
	docs := inventory.Documents{TemplateName: "template.yaml"}
	if template != "" {
		first, _, _ := strings.Cut(template, "\n")
		if section, _, _ := strings.Cut(first, ":"); !slices.Contains([]string{"Parameters", "Mappings", "Conditions", "Resources", "Transform"}, section) {
			template = "Resources:\n  " + strings.ReplaceAll(strings.TrimSuffix(template, "\n"), "\n", "\n  ")
		}
		docs.Template = []byte(template)
	}
	if items != "" {
		docs.ConfigItems = []byte(items)
	}
	return Read(docs, testOptions)
}

func check(t *testing.T, e *Estate, line string, zone reach.Zone, covered map[string]bool) {
	t.Helper()
	name, wants, ok := strings.Cut(line, " => ")
	i := slices.IndexFunc(e.Resources, func(r Resource) bool { return strings.HasSuffix(r.ARN, name) })
	if !ok || i < 0 {
		t.Errorf("%s: no such resource (%v)", line, e.Problems)
		return
	}
	r := &e.Resources[i]
	covered[r.Type] = true
	got := Analyze(r, zone)
	confirm(t, got)
	witnessed(t, r, got)
	var want []string
	wantError := false
	for _, w := range strings.Split(wants, " | ") {
		if text, isError := strings.CutPrefix(w, "error "); isError {
			code, part, _ := strings.Cut(text, " ")
			wantError = true
			if got.Error != code || !strings.Contains(got.Reason, part) {
				t.Errorf("%s\n got error %q %q", line, got.Error, got.Reason)
			}
			continue
		}
		if w != "none" {
			want = append(want, w)
		}
	}
	if !wantError && got.Error != "" {
		t.Errorf("%s\n got error %s %s", line, got.Error, got.Reason)
	}
	left := slices.Clone(got.Findings)
	for _, w := range want {
		j := slices.IndexFunc(left, func(f Finding) bool { return matches(f, w) })
		if j < 0 {
			t.Errorf("%s\n no finding %q among %s", line, w, describeAll(got.Findings))
			return
		}
		left = slices.Delete(left, j, j+1)
	}
	if len(left) > 0 {
		t.Errorf("%s\n further findings: %s", line, describeAll(left))
	}
}

// confirm checks what holds of every result.
func confirm(t *testing.T, got Result) {
	t.Helper()
	public := false
	for _, f := range got.Findings {
		public = public || f.Public
		if len(f.Actions) == 0 || !slices.IsSorted(f.Actions) || len(f.Reasons) == 0 || f.Statements != nil {
			t.Errorf("a finding lacks actions or reasons: %s", describeAll([]Finding{f}))
		}
		if f.Witness.Action == "" || f.Witness.Caller.Kind == eval.Service {
			t.Errorf("a finding lacks a witness: %s", describeAll([]Finding{f}))
		}
	}
	if public != got.Public || (got.Error == "") != (got.Reason == "") {
		t.Errorf("the result contradicts itself: %+v", got)
	}
}

// witnessed asks package eval, which knows nothing of how the package came to its findings, whether the documents as they stand let the
// witness of each finding in: the resource's policy and, on the way through an access point, that one's.
func witnessed(t *testing.T, r *Resource, got Result) {
	t.Helper()
	permits := func(d Document, on string, f Finding) bool {
		text := d.Text
		if d.Least != "" {
			text = d.Least
		}
		p, err := iam.Parse(text, kindOf(r.Type).policy)
		if err != nil {
			t.Fatal(err)
		}
		request := f.Witness
		request.Resource = on
		return eval.Permits(p, &request)
	}
	for _, f := range got.Findings {
		points, _ := r.AccessPoints.Get()
		i := slices.IndexFunc(points, func(p AccessPoint) bool {
			return slices.ContainsFunc(f.Sources, func(s Source) bool { return s.AccessPointARN == p.ARN })
		})
		own := func(reason Reason) bool { return reason.Document == kindOf(r.Type).document }
		switch {
		case i >= 0 && len(f.Resources) == 2:
			if !permits(points[i].Policy.Value, f.Resources[0], f) || !permits(r.Policy.Value, f.Resources[1], f) {
				t.Errorf("the witness does not get through the access point: %+v", f.Witness)
			}
		case r.Policy.State == source.StateKnown && !slices.ContainsFunc(f.Reasons, func(reason Reason) bool { return !own(reason) }):
			if !permits(r.Policy.Value, f.Witness.Resource, f) {
				t.Errorf("the witness does not get in: %+v", f.Witness)
			}
		}
	}
}

func matches(f Finding, want string) bool {
	public := false
	terms := 0
	for i, w := range strings.Fields(want) {
		key, value, _ := strings.Cut(w, "=")
		some, part, isPart := strings.Cut(w, "~")
		switch {
		case i == 0:
			if string(f.Principal.Kind)+":"+f.Principal.Value != strings.ReplaceAll(w, "%20", " ") {
				return false
			}
		case w == "public":
			public = true
		case key == "do":
			if strings.Join(f.Actions, ",") != value {
				return false
			}
		case isPart && (some == "do" || some == "no"):
			for _, a := range strings.Split(part, ",") {
				if slices.Contains(f.Actions, a) != (some == "do") {
					return false
				}
			}
		case key == "from":
			var from []string
			for _, s := range f.Sources {
				from = append(from, strings.TrimSuffix(string(s.Type)+":"+s.AccessPointARN[strings.LastIndexByte(s.AccessPointARN, '/')+1:]+s.AccessPointAccount, ":"))
			}
			if strings.Join(from, ",") != value {
				return false
			}
		case key == "at":
			if !slices.ContainsFunc(f.Reasons, func(r Reason) bool { return fmt.Sprint(r.Place.Line) == value }) {
				return false
			}
		default:
			terms++
			if !slices.Contains(f.Condition, reach.Term{Key: key, Label: value}) {
				return false
			}
		}
	}
	return public == f.Public && terms == len(f.Condition)
}

func describeAll(findings []Finding) string {
	if len(findings) == 0 {
		return "none"
	}
	var b strings.Builder
	for _, f := range findings {
		fmt.Fprintf(&b, "\n  %s:%s public=%v %v do=%s from=%v %v", f.Principal.Kind, f.Principal.Value, f.Public, f.Condition, strings.Join(f.Actions, ","), f.Sources, f.Reasons)
	}
	return b.String()
}
