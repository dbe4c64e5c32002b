package remedy

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/iam/reach"
	"github.com/magpie-sec/magpie/internal/inventory"
	"github.com/magpie-sec/magpie/internal/resource"
)

// The scripts in testdata are blocks, begun by "== TITLE":
//
//	zone: ORGANIZATION ACCOUNT ACCOUNT...   the zone of trust, if it is more than the account 111122223333
//	template:    the Resources of a template; its lines begin with two spaces
//	items:       a list of AWS Config items; its lines begin with two spaces
//	? NAME WHO => EDIT; EDIT...             what closes the finding about WHO (KEY=LABEL for terms of its condition) of the resource
//	lost: WHO, WHO...                       other findings that go with it
//	left: WHO, WHO...                       access that stays
//
// The scripts of package resource have the same form; here their findings are the matter of TestEveryFinding.

// A block is one block of a script.
type block struct {
	title  string
	estate *resource.Estate
	zone   reach.Zone
	lines  []string // that are no part of the documents
}

func readBlocks(t *testing.T, pattern string) []block {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %v", pattern, err)
	}
	var blocks []block
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range strings.Split("\n"+string(data), "\n== ")[1:] {
			title, body, _ := strings.Cut(text, "\n")
			b := block{title: filepath.Base(file) + "/" + title, zone: reach.Zone{Account: "111122223333"}}
			var template, items strings.Builder
			var into *strings.Builder
			for _, line := range strings.Split(body, "\n") {
				if text, ok := strings.CutPrefix(line, "  "); ok && into != nil {
					into.WriteString(text + "\n")
					continue
				}
				switch word, rest, _ := strings.Cut(line, " "); word {
				case "zone:":
					words := strings.Fields(rest)
					b.zone.Organization, b.zone.Accounts = words[0], words[1:]
				case "template:":
					into = &template
				case "items:":
					into = &items
				case "", "#":
				default:
					b.lines = append(b.lines, line)
				}
			}
			b.estate = readEstate(template.String(), items.String())
			blocks = append(blocks, b)
		}
	}
	return blocks
}

func readEstate(template, items string) *resource.Estate {
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
	return resource.Read(docs, inventory.Options{Account: "111122223333", Region: "eu-west-1"})
}

func named(f *resource.Finding) string {
	s := f.Principal.Value
	for _, t := range f.Condition {
		s += " " + t.Key + "=" + t.Label
	}
	return s
}

func TestScripts(t *testing.T) {
	covered := map[string]bool{}
	for _, b := range readBlocks(t, "testdata/*.txt") {
		t.Run(b.title, func(t *testing.T) {
			var last *Remedy
			list := func(findings []resource.Finding) string {
				var names []string
				for i := range findings {
					names = append(names, named(&findings[i]))
				}
				return strings.Join(names, ", ")
			}
			told := true
			check := func() {
				if !told && last != nil && len(last.Lost)+len(last.Left) > 0 {
					t.Errorf("lost: %s, left: %s", list(last.Lost), list(last.Left))
				}
			}
			for _, line := range b.lines {
				word, rest, _ := strings.Cut(line, " ")
				switch word {
				case "?":
					check()
					last, told = nil, false
					about, want, _ := strings.Cut(rest, " => ")
					name, principal, _ := strings.Cut(about, " ")
					i := slices.IndexFunc(b.estate.Resources, func(r resource.Resource) bool { return strings.HasSuffix(r.ARN, name) })
					if i < 0 {
						t.Fatalf("%s: no such resource: %v", line, b.estate.Problems)
					}
					r := &b.estate.Resources[i]
					covered[r.Type] = true
					result := resource.Analyze(r, b.zone)
					j := slices.IndexFunc(result.Findings, func(f resource.Finding) bool { return named(&f) == principal })
					if j < 0 {
						t.Errorf("%s: no such finding: %s %s", line, list(result.Findings), result.Reason)
						continue
					}
					got := ""
					remedy, err := New(r, b.zone, result).Close(&result.Findings[j])
					if err != nil {
						got = err.Error()
					} else {
						last = remedy
						for k, e := range remedy.Edits {
							if k > 0 {
								got += "; "
							}
							got += e.String()
						}
						confirm(t, r, b.zone, result, j, remedy)
					}
					if got != want {
						t.Errorf("%s %s\n got %s\nwant %s", name, principal, got, want)
					}
				case "lost:", "left:":
					told = true
					if last == nil {
						t.Errorf("%s: of no remedy", line)
					} else if got := list(map[string][]resource.Finding{"lost:": last.Lost, "left:": last.Left}[word]); got != rest {
						t.Errorf("%s %s, want %s", word, got, rest)
					}
				default:
					t.Fatalf("no such line: %s", line)
				}
			}
			check()
		})
	}
	for _, name := range resource.Types() {
		if !covered[name] {
			t.Errorf("%s has no vector", name)
		}
	}
}
