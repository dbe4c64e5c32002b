package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/accessanalyzer"
	aatypes "github.com/aws/aws-sdk-go-v2/service/accessanalyzer/types"
	"github.com/aws/aws-sdk-go-v2/service/macie2"
	"github.com/aws/aws-sdk-go-v2/service/macie2/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// terraformAtHand is the environment variable that says that Terraform and the AWS provider are at hand, as "required" or as
// the folder of the mirror that has the provider: without them TestTerraform fails then, else it is left out. make test sets it where they are, and says it where they are not.
const terraformAtHand = "MAGPIE_TERRAFORM"

// TestTerraform lets Terraform make, change, adopt and destroy all that its AWS provider has of the two services: examples/terraform as it is
// and, beside it, testdata/terraform. Nothing executes jobs, so that their status is a matter of Terraform's alone.
func TestTerraform(t *testing.T) {
	dir := t.TempDir()
	tf := newTerraform(t, filepath.Join(dir, "first"))
	s := serveOrganization(t, dir)
	tf.env = []string{"TF_VAR_data=" + s.dir}
	c, a := s.client(), s.analyzers()

	// Everything is made, and Terraform would change nothing but what others have changed meanwhile.
	made := tf.run("apply", "-auto-approve")
	if len(made.errors) > 0 || made.changes["create"] == nil || len(made.changes) != 1 {
		t.Fatalf("the first apply plans %v and fails with %v", made.changes, made.errors)
	}
	ids := tf.ids()
	if len(ids) != len(made.changes["create"]) {
		t.Fatalf("%d resources of %d are there", len(ids), len(made.changes["create"]))
	}
	s.disturb(ids)
	disturbed := map[string][]string{
		"update": {"aws_accessanalyzer_archive_rule.every", "aws_macie2_account.this", "aws_macie2_classification_job.monthly",
			"aws_macie2_custom_data_identifier.tagged", "aws_macie2_findings_filter.every"},
		"create": {"aws_macie2_custom_data_identifier.lost"},
	}
	if plan := tf.run("plan"); len(plan.errors) > 0 || !same(plan.changes, disturbed) {
		t.Errorf("after changes by others (-), the plan is (+):\n%s\n%v", cmp.Diff(disturbed, plan.changes), plan.errors)
	}

	// What can be changed is, some is made anew under the same name, and what is not built says so without harm to the rest.
	changed := tf.run("apply", "-auto-approve", "-var", "changed=true", "-var", "unbuilt=true", "-replace=aws_accessanalyzer_analyzer.account",
		"-replace=aws_macie2_classification_job.daily", "-replace=aws_macie2_findings_filter.logs")
	want := map[string][]string{
		"update": {"aws_accessanalyzer_analyzer.organization", "aws_accessanalyzer_archive_rule.every", "aws_macie2_account.this",
			"aws_macie2_classification_export_configuration.results", "aws_macie2_classification_job.monthly", "aws_macie2_classification_job.once",
			"aws_macie2_custom_data_identifier.tagged", "aws_macie2_findings_filter.every", "aws_macie2_findings_filter.moved"},
		"create": {"aws_accessanalyzer_analyzer.unbuilt[0]", "aws_macie2_custom_data_identifier.lost", "aws_macie2_invitation_accepter.unbuilt[0]",
			"aws_macie2_member.unbuilt[0]", "aws_macie2_organization_admin_account.unbuilt[0]", "aws_macie2_organization_configuration.unbuilt[0]"},
		"replace": {"aws_accessanalyzer_analyzer.account", "aws_accessanalyzer_archive_rule.website", "aws_macie2_classification_job.daily",
			"aws_macie2_custom_data_identifier.replaced", "aws_macie2_findings_filter.logs"},
	}
	if !same(changed.changes, want) {
		t.Errorf("changes wanted (-), planned (+):\n%s", cmp.Diff(want, changed.changes))
	}
	refusals := map[string]string{
		"aws_macie2_member.unbuilt[0]":                     "This version of Magpie does not have the operation CreateMember.",
		"aws_macie2_invitation_accepter.unbuilt[0]":        "This version of Magpie does not have the operation ListInvitations.",
		"aws_macie2_organization_admin_account.unbuilt[0]": "This version of Magpie does not have the operation EnableOrganizationAdminAccount.",
		"aws_macie2_organization_configuration.unbuilt[0]": "This version of Magpie does not have the operation UpdateOrganizationConfiguration.",
		"aws_accessanalyzer_analyzer.unbuilt[0]":           "Analyzers of the type ACCOUNT_UNUSED_ACCESS are not supported",
	}
	for address, text := range changed.errors {
		if want, expected := refusals[address]; !expected || !strings.Contains(text, want) {
			t.Errorf("%q fails: %s", address, text)
		}
		delete(refusals, address)
	}
	if len(refusals) > 0 {
		t.Errorf("not refused: %v", refusals)
	}
	s.checkChanged(tf.ids())

	// Another Terraform adopts it all, told where the server is by its configuration and the key by the environment, and would change nothing.
	second := newTerraform(t, filepath.Join(dir, "second"))
	second.adopt(s, tf.ids())
	plan := second.run("plan", "-var", "changed=true")
	if len(plan.errors) > 0 || len(plan.changes) > 0 || plan.imported != len(ids) {
		t.Errorf("the plan of what is adopted has %d of %d resources, changes %v and errors %v", plan.imported, len(ids), plan.changes, plan.errors)
	}

	// Everything is destroyed.
	if gone := tf.run("destroy", "-auto-approve", "-var", "changed=true"); len(gone.errors) > 0 || len(gone.changes["delete"]) != len(ids) {
		t.Errorf("destroy plans %v and fails with %v", gone.changes, gone.errors)
	}
	if _, err := c.GetMacieSession(t.Context(), &macie2.GetMacieSessionInput{}); !isA[*types.AccessDeniedException](err) {
		t.Errorf("Macie is enabled after all: %v", err)
	}
	if left, err := a.ListAnalyzers(t.Context(), &accessanalyzer.ListAnalyzersInput{}); err != nil || len(left.Analyzers) > 0 {
		t.Errorf("analyzers are left: %v, %v", left, err)
	}
}

// serveOrganization starts a server of an account that manages an organization, with buckets to name and to write results to.
func serveOrganization(t *testing.T, dir string) *serving {
	t.Helper()
	for _, bucket := range []string{"payroll", "customers", "archive", "results"} {
		if err := os.MkdirAll(filepath.Join(dir, "estate", bucket), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	config := filepath.Join(dir, "magpie.yaml")
	text := fmt.Sprintf("version: 1\naccounts:\n  - {id: %q, regions: [%s]}\nsources:\n  - {account: %q, region: %s, kind: folder, path: estate}\n"+
		"organization: {id: o-a1b2c3d4e5, management_account: %q}\n", defaultAccount, defaultRegion, defaultAccount, defaultRegion, defaultAccount)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return serve(t, filepath.Join(dir, "data"), "--config", config, "--workers", "none")
}

// disturb changes what Terraform has made behind its back.
func (s *serving) disturb(ids map[string]string) {
	t, c, a := s.t, s.client(), s.analyzers()
	t.Helper()
	_, enabled := c.UpdateMacieSession(t.Context(), &macie2.UpdateMacieSessionInput{FindingPublishingFrequency: types.FindingPublishingFrequencySixHours})
	_, filtered := c.UpdateFindingsFilter(t.Context(), &macie2.UpdateFindingsFilterInput{Id: aws.String(ids["aws_macie2_findings_filter.every"]),
		Description: aws.String("by hand"), FindingCriteria: &types.FindingCriteria{Criterion: map[string]types.CriterionAdditionalProperties{
			"category": {Eq: []string{"POLICY"}}}}})
	_, deleted := c.DeleteCustomDataIdentifier(t.Context(), &macie2.DeleteCustomDataIdentifierInput{Id: aws.String(ids["aws_macie2_custom_data_identifier.lost"])})
	arn := func(kind, address string) *string {
		return aws.String("arn:aws:macie2:" + defaultRegion + ":" + defaultAccount + ":" + kind + "/" + ids[address])
	}
	_, tagged := c.TagResource(t.Context(), &macie2.TagResourceInput{Tags: map[string]string{"by": "hand"},
		ResourceArn: arn("classification-job", "aws_macie2_classification_job.monthly")})
	_, untagged := c.UntagResource(t.Context(), &macie2.UntagResourceInput{TagKeys: []string{"old"},
		ResourceArn: arn("custom-data-identifier", "aws_macie2_custom_data_identifier.tagged")})
	_, ruled := a.UpdateArchiveRule(t.Context(), &accessanalyzer.UpdateArchiveRuleInput{AnalyzerName: aws.String("organization"),
		RuleName: aws.String("every_operator"), Filter: map[string]aatypes.Criterion{"isPublic": {Eq: []string{"true"}}}})
	if err := errors.Join(enabled, filtered, deleted, tagged, untagged, ruled); err != nil {
		t.Fatal(err)
	}
}

// checkChanged holds what the server has after the second apply to what was applied, where the provider itself might hide a difference.
func (s *serving) checkChanged(ids map[string]string) {
	t, c, a := s.t, s.client(), s.analyzers()
	t.Helper()
	job, err := c.DescribeClassificationJob(t.Context(), &macie2.DescribeClassificationJobInput{JobId: aws.String(ids["aws_macie2_classification_job.once"])})
	if err != nil {
		t.Fatal(err)
	}
	if job.JobStatus != types.JobStatusUserPaused || job.UserPausedDetails == nil || !slices.Equal(job.S3JobDefinition.BucketDefinitions[0].Buckets,
		[]string{"payroll", "customers", "archive"}) || *job.SamplingPercentage != 50 {
		t.Errorf("the paused job: %+v", job)
	}
	job, err = c.DescribeClassificationJob(t.Context(), &macie2.DescribeClassificationJobInput{JobId: aws.String(ids["aws_macie2_classification_job.monthly"])})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"kept": "", "new": "y"}, job.Tags); diff != "" {
		t.Errorf("tags of the job: %s", diff)
	}
	filters := map[string]int32{}
	for address, id := range ids {
		if !strings.HasPrefix(address, "aws_macie2_findings_filter.") {
			continue
		}
		f, err := c.GetFindingsFilter(t.Context(), &macie2.GetFindingsFilterInput{Id: &id})
		if err != nil {
			t.Fatal(err)
		}
		filters[strings.TrimPrefix(address, "aws_macie2_findings_filter.")] = *f.Position
	}
	if diff := cmp.Diff(map[string]int32{"logs": 1, "moved": 3, "every": 4, "unplaced": 5}, filters); diff != "" {
		t.Errorf("positions of the filters: %s", diff)
	}
	rule, err := a.GetArchiveRule(t.Context(), &accessanalyzer.GetArchiveRuleInput{AnalyzerName: aws.String("organization"), RuleName: aws.String("every_operator")})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]aatypes.Criterion{
		"condition.aws:UserId": {Eq: []string{"user-b", "user-a"}}, "error": {Exists: aws.Bool(false)}, "resourceType": {Neq: []string{"AWS::SQS::Queue"}},
	}
	if diff := cmp.Diff(want, rule.ArchiveRule.Filter, cmpopts.IgnoreUnexported(aatypes.Criterion{})); diff != "" {
		t.Errorf("the archive rule: %s", diff)
	}
}

// same compares changes by action and resource.
func same(a, b map[string][]string) bool { return cmp.Equal(a, b) }

// A terraform is a working folder of Terraform, initialized.
type terraform struct {
	t   *testing.T
	dir string
	env []string
}

// newTerraform makes a working folder of the example and of the rest. Without Terraform, or a provider on this machine, the test is left out.
func newTerraform(t *testing.T, dir string) *terraform {
	t.Helper()
	tf := &terraform{t: t, dir: dir}
	mirror := os.Getenv(terraformAtHand)
	absent := func(format string, args ...any) {
		t.Helper()
		if mirror != "" {
			t.Fatalf(format, args...)
		}
		t.Skipf(format, args...)
	}
	if _, err := exec.LookPath("terraform"); err != nil {
		absent("Terraform is absent: nothing shows that it works with this version (%v)", err)
	}
	if err := errors.Join(os.Mkdir(dir, 0o755), os.CopyFS(dir, os.DirFS("../../examples/terraform")), os.CopyFS(dir, os.DirFS("testdata/terraform"))); err != nil {
		t.Fatal(err)
	}
	// A proxy that is none keeps init to what is on this machine: the provider is too large to be fetched by a test.
	args := []string{"init", "-input=false", "-no-color"}
	if filepath.IsAbs(mirror) {
		args = append(args, "-plugin-dir="+mirror)
	}
	cmd := tf.command(args...)
	cmd.Env = append(cmd.Env, "HTTPS_PROXY=http://127.0.0.1:9", "NO_PROXY=")
	if out, err := cmd.CombinedOutput(); err != nil {
		absent("Terraform's AWS provider is on no mirror of this machine: nothing shows that it works with this version (%v)\n%s", err, out)
	}
	return tf
}

func (tf *terraform) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(tf.t.Context(), "terraform", args...)
	cmd.Dir = tf.dir
	for _, v := range command("", nil).Env {
		if !strings.HasPrefix(v, "TF_") || strings.HasPrefix(v, "TF_CLI_CONFIG_FILE=") || strings.HasPrefix(v, "TF_PLUGIN_CACHE_DIR=") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(append(cmd.Env, "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1"), tf.env...)
	return cmd
}

// A terraformRun is what Terraform told of a command.
type terraformRun struct {
	changes  map[string][]string // addresses by what is planned of them, sorted
	imported int                 // resources that are adopted
	errors   map[string]string   // by address
}

// run runs a command that plans.
func (tf *terraform) run(args ...string) terraformRun {
	tf.t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := tf.command(append(args, "-json", "-input=false")...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	failed := cmd.Run()
	told := terraformRun{changes: map[string][]string{}, errors: map[string]string{}}
	for line := range strings.Lines(stdout.String()) {
		var m struct {
			Type   string
			Change struct {
				Resource  struct{ Addr string }
				Action    string
				Importing *struct{}
			}
			Diagnostic struct{ Severity, Summary, Detail, Address string }
		}
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			tf.t.Fatalf("terraform %s says %q: %v", args[0], line, err)
		}
		switch {
		case m.Type == "planned_change" && m.Change.Action != "read":
			if m.Change.Importing != nil {
				told.imported++
			}
			if m.Change.Action != "import" {
				told.changes[m.Change.Action] = append(told.changes[m.Change.Action], m.Change.Resource.Addr)
			}
		case m.Type == "diagnostic" && m.Diagnostic.Severity == "error":
			told.errors[m.Diagnostic.Address] = m.Diagnostic.Summary + ": " + m.Diagnostic.Detail
		}
	}
	for _, addresses := range told.changes {
		slices.Sort(addresses)
	}
	if (failed != nil) != (len(told.errors) > 0) {
		tf.t.Fatalf("terraform %s: %v\n%s\n%s", args[0], failed, stdout.String(), stderr.String())
	}
	return told
}

// ids reads the ids of the resources by their addresses out of the state.
func (tf *terraform) ids() map[string]string {
	tf.t.Helper()
	var state struct {
		Resources []struct {
			Mode, Type, Name string
			Instances        []struct{ Attributes struct{ ID string } }
		}
	}
	text, err := os.ReadFile(filepath.Join(tf.dir, "terraform.tfstate"))
	if err == nil {
		err = json.Unmarshal(text, &state)
	}
	if err != nil {
		tf.t.Fatal(err)
	}
	ids := map[string]string{}
	for _, r := range state.Resources {
		if r.Mode == "managed" && len(r.Instances) == 1 {
			ids[r.Type+"."+r.Name] = r.Instances[0].Attributes.ID
		}
	}
	return ids
}

// adopt has the resources imported from a server, by a provider that is told where it is in the other way.
func (tf *terraform) adopt(s *serving, ids map[string]string) {
	tf.t.Helper()
	key, err := readCredential(filepath.Join(s.dir, "credentials"))
	if err != nil {
		tf.t.Fatal(err)
	}
	tf.env = []string{"AWS_ACCESS_KEY_ID=" + key.id, "AWS_SECRET_ACCESS_KEY=" + key.secret}
	provider := fmt.Sprintf("provider \"aws\" {\n  region = %q\n  endpoints {\n    accessanalyzer = %[2]q\n    macie2 = %[2]q\n    sts = %[2]q\n  }\n}\n"+
		"data \"aws_caller_identity\" \"current\" {}\n", defaultRegion, s.endpoint)
	var imports strings.Builder
	for address, id := range ids {
		fmt.Fprintf(&imports, "import {\n  to = %s\n  id = %q\n}\n", address, id)
	}
	if err := errors.Join(os.WriteFile(filepath.Join(tf.dir, "imports.tf"), []byte(imports.String()), 0o644),
		os.WriteFile(filepath.Join(tf.dir, "provider.tf"), []byte(provider), 0o644)); err != nil {
		tf.t.Fatal(err)
	}
}
