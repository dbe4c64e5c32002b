package lint

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/magpie-sec/magpie/internal/iam"
)

// TestLegal runs testdata/legal: policies as people write them, each with all that is told of it, in order. None may have an error but those
// that stand there.
func TestLegal(t *testing.T) {
	files, err := filepath.Glob("testdata/legal/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range strings.Split(string(data), "\n== ")[1:] {
			n++
			title, rest, _ := strings.Cut(block, "\n")
			head, rest, _ := strings.Cut(rest, "\n")
			text, want, ok := strings.Cut(rest, "\n=> ")
			kind, resourceType, _ := strings.Cut(strings.TrimPrefix(head, "kind: "), " ")
			k, known := kindNames[kind]
			if !ok || !known {
				t.Fatalf("%s: %s: not of the form", file, title)
			}
			findings := Check(text, k, resourceType)
			var got []string
			for _, f := range findings {
				got = append(got, string(f.Code))
			}
			if want = strings.TrimSpace(want); want == "nothing" {
				want = ""
			}
			if diff := cmp.Diff(strings.Fields(want), got); diff != "" && strings.Join(got, " ") != want {
				t.Errorf("%s: %s: %s\n%v", filepath.Base(file), title, diff, codes(findings))
			}
			sound(t, text, findings)
			// As a resource policy of no type in particular, what is told of a type in particular falls away, and nothing comes.
			if k == iam.Resource && resourceType != "" {
				if more := Check(text, k, ""); len(more) > len(findings) {
					t.Errorf("%s: without a type more is told: %v", title, codes(more))
				}
			}
		}
	}
	if n < 45 {
		t.Errorf("only %d policies", n)
	}
}

// TestCorpora holds lint against the policies that other packages test with: those that people might write, of which it tells no error but what
// the test is about, and odd ones, which it must not stumble over.
func TestCorpora(t *testing.T) {
	// Errors that are the point of a policy there: made-up actions and keys, keys that do not go with the action, private addresses, wildcards in
	// keys that have whole values.
	meant := map[iam.Code]bool{
		"INVALID_SERVICE": true, "INVALID_SERVICE_IN_ACTION": true, iam.InvalidAction: true, "INVALID_VPCE_FORMAT": true, "PRIVATE_IP_ADDRESS": true,
		"UNSUPPORTED_ACTION_FOR_CONDITION_KEY": true, "WILDCARD_USAGE_TOO_PERMISSIVE": true, "VARIABLE_USAGE_TOO_PERMISSIVE": true,
		iam.VariableUnsupportedInVersion: true, iam.TrustFederatedSyntax: true, iam.UnsupportedWildcardInPrincipal: true, iam.MissingARNField: true,
	}
	n := 0
	for _, dir := range []string{"eval", "reach"} {
		files, err := filepath.Glob(filepath.Join("..", dir, "testdata", "*.txt"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", dir, err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			kind := iam.Resource
			lines := strings.Split(string(data), "\n")
			for i := 0; i < len(lines); i++ {
				at := i + 1
				word, text, _ := strings.Cut(lines[i], ": ")
				for i+1 < len(lines) && strings.HasPrefix(lines[i+1], " ") {
					i++
					text += "\n" + lines[i]
				}
				k, isKind := kindNames[word]
				switch {
				case strings.HasPrefix(lines[at-1], "== "):
					kind = iam.Resource
					continue
				case word == "kind":
					kind = kindNames[text]
					continue
				case word == "policy", word == "behind", word == "existing":
					k = kind
				case !isKind:
					continue
				}
				if !strings.Contains(text, `"Statement"`) {
					text = `{"Version":"2012-10-17","Statement":` + text + `}`
				}
				n++
				findings := Check(text, k, "")
				sound(t, text, findings)
				for _, f := range findings {
					if f.Type == Error && !meant[f.Code] {
						t.Errorf("%s:%d: %s at %s: %s", filepath.Base(file), at, f.Code, f.Locations[0], f.Details)
					}
				}
			}
		}
	}
	if n < 300 {
		t.Errorf("only %d policies", n)
	}
}
