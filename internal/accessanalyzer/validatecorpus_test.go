package accessanalyzer

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/iam/lint"
	"github.com/magpie-sec/magpie/internal/inventory"
	"github.com/magpie-sec/magpie/internal/resource"
)

// TestValidateTemplates reads the policies of the templates that package resource tests with, evaluated: they are legal, and nothing is told as
// an error but what a test there is about.
func TestValidateTemplates(t *testing.T) {
	files, err := filepath.Glob("../resource/testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	meant := map[iam.Code]bool{iam.InvalidEffect: true, iam.MissingStatement: true}
	n := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range strings.Split("\n"+string(data), "\n== ")[1:] {
			title, body, _ := strings.Cut(block, "\n")
			_, rest, ok := strings.Cut(body, "template:\n")
			var template strings.Builder
			for _, line := range strings.Split(rest, "\n") {
				text, inside := strings.CutPrefix(line, "  ")
				if !inside {
					break
				}
				template.WriteString(text + "\n")
			}
			if !ok {
				continue
			}
			text := template.String()
			if first, _, _ := strings.Cut(text, ":"); !slices.Contains([]string{"Parameters", "Mappings", "Conditions", "Resources", "Transform"}, first) {
				text = "Resources:\n  " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n  ")
			}
			e := resource.Read(inventory.Documents{TemplateName: "template.yaml", Template: []byte(text)}, inventory.Options{Account: "111122223333", Region: "eu-west-1"})
			for i := range e.Resources {
				r := &e.Resources[i]
				d, known := r.Policy.Get()
				if !known || d.Least != "" {
					continue
				}
				n++
				resourceType := map[string]string{resource.Bucket: "AWS::S3::Bucket", "AWS::IAM::Role": lint.TrustPolicy}[r.Type]
				for _, f := range lint.Check(d.Text, iam.Resource, resourceType) {
					if f.Type == lint.Error && !meant[f.Code] {
						t.Errorf("%s: %s: %s: %s %v %s", filepath.Base(file), title, r.Type, f.Code, f.Locations, f.Details)
					}
				}
			}
		}
	}
	if n < 80 {
		t.Errorf("only %d policies", n)
	}
}
