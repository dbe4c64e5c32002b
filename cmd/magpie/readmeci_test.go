package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestReadmeCI runs the steps of the README's workflow in a repository: all pass, then a change makes those fail that should.
func TestReadmeCI(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "<!-- test: ci -->\n```yaml\n")
	block, _, closed := strings.Cut(rest, "\n```\n")
	if !ok || !closed {
		t.Fatal("README.md has no workflow")
	}
	var steps []struct{ Name, Run, Uses string }
	if err := yaml.Unmarshal([]byte(block), &steps); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	shell := func(line string) (int, string) {
		cmd := exec.CommandContext(t.Context(), "bash", "-e", "-c", line) // as GitHub runs steps
		cmd.Dir, cmd.Env = dir, append(command("", nil).Env, "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org",
			"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org")
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		_ = cmd.Run() // its exit code is the matter
		return cmd.ProcessState.ExitCode(), out.String()
	}
	write := func(principal string) {
		template := "Resources:\n  Q: {Type: AWS::SQS::Queue}\n  P:\n    Type: AWS::SQS::QueuePolicy\n    Properties:\n      Queues: [!Ref Q]\n      PolicyDocument:\n" +
			"        Version: \"2012-10-17\"\n        Statement: [{Sid: Send, Effect: Allow, Principal: " + principal + ", Action: \"sqs:SendMessage\", Resource: !GetAtt Q.Arn}]\n"
		if err := os.WriteFile(filepath.Join(dir, "template.yaml"), []byte(template), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`{AWS: "999988887777"}`)
	if code, out := shell("git init -q && git add -A && git commit -qm first && git update-ref refs/remotes/origin/main HEAD"); code != 0 {
		t.Fatalf("git: %s", out)
	}
	expect := func(fails ...string) {
		t.Helper()
		ran := 0
		for _, s := range steps {
			if s.Uses != "" {
				continue
			}
			ran++
			want := 0
			for _, name := range fails {
				if s.Name == name {
					want = exitFailOn
				}
			}
			if code, out := shell(s.Run); code != want {
				t.Errorf("%s: exit code %d, want %d\n%s", s.Name, code, want, out)
			}
		}
		if ran != 4 {
			t.Errorf("%d steps", ran)
		}
	}
	expect()
	write(`"*"`)
	expect("Nothing is public", "Nothing is granted that was not before")
	if sarif, err := os.ReadFile(filepath.Join(dir, "magpie.sarif")); err != nil || !strings.Contains(string(sarif), `"ruleId": "public-access"`) {
		t.Errorf("%v\n%s", err, sarif)
	}
}
