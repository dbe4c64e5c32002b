package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/macie2"
	"github.com/aws/aws-sdk-go-v2/service/macie2/types"
)

// parseProfile reads what keys add prints.
func parseProfile(t *testing.T, text, name string) credential {
	t.Helper()
	var c credential
	lines := strings.Split(text, "\n")
	if lines[0] != "["+name+"]" {
		t.Fatalf("keys add printed %q, want the profile %s", lines[0], name)
	}
	for _, line := range lines[1:] {
		if v, ok := strings.CutPrefix(line, "aws_access_key_id = "); ok {
			c.id = v
		}
		if v, ok := strings.CutPrefix(line, "aws_secret_access_key = "); ok {
			c.secret = v
		}
	}
	return c
}

// TestKeys adds, lists and removes keys while a server runs on the database.
func TestKeys(t *testing.T) {
	onBoth(t, func(t *testing.T, args []string) {
		dir := t.TempDir()
		s := serve(t, filepath.Join(dir, "data"), args...)
		keys := func(words ...string) string {
			return succeeds(t, command(dir, nil, append(append([]string{"keys"}, words...), args...)...))
		}
		alice := parseProfile(t, keys("add", "alice"), "magpie-alice")
		root := parseProfile(t, keys("add"), "magpie")
		stranger := parseProfile(t, keys("add", "--account", "999988887777"), "magpie")
		for _, c := range []credential{alice, root} {
			if err := works(clientOf(s.endpoint, c)); err != nil {
				t.Error(err)
			}
		}
		if err := works(clientOf(s.endpoint, stranger)); err == nil {
			t.Error("the key of an account that is not served works")
		}
		enable(t, clientOf(s.endpoint, alice))

		list := keys("list")
		for _, c := range []credential{alice, root, stranger} {
			if strings.Contains(list, c.secret) || !strings.Contains(list, c.id) {
				t.Errorf("keys list:\n%s", list)
			}
		}
		for line := range strings.Lines(list) {
			if strings.HasPrefix(line, alice.id) && (!strings.Contains(line, " alice ") || strings.Contains(line, "never")) {
				t.Errorf("alice's key was used, and is listed as %s", line)
			}
			if strings.HasPrefix(line, stranger.id) && !strings.Contains(line, "never") {
				t.Errorf("the key that was refused is listed as %s", line)
			}
		}

		if got, want := keys("remove", alice.id), "Removed "+alice.id+".\n"; got != want {
			t.Errorf("keys remove: %q, want %q", got, want)
		}
		until(t, "the removed key is refused", func() bool { return works(clientOf(s.endpoint, alice)) != nil })
		if err := works(clientOf(s.endpoint, root)); err != nil {
			t.Error(err)
		}
		said := fails(t, command(dir, nil, append([]string{"keys", "remove", alice.id}, args...)...))
		if !strings.Contains(said, "there is no access key "+alice.id) {
			t.Errorf("removing it again: %q", said)
		}
	})
}

// TestKeysOfTheConfiguration serves two accounts from a configuration file, each with its own key and its own state.
func TestKeysOfTheConfiguration(t *testing.T) {
	dir := t.TempDir()
	writeTree(t, dir, map[string]string{
		"magpie.yaml": `version: 1
accounts:
  - id: 111122223333
    regions: [us-east-1, eu-west-1]
    keys: [{id: MAGPIEFIRSTKEY00001, secret: {env: FIRST_SECRET}}]
  - id: 444455556666
    regions: [us-east-1]
    keys: [{id: MAGPIESECONDKEY0001, secret: {file: second}}]
sources:
  - {account: 444455556666, region: us-east-1, kind: folder, path: estate}
`,
		"second":              "the-second-secret-of-all\n",
		"estate/bucket/a.csv": "name,card number\nAnn Lee,4539578763621486\n",
	})
	s := serveWith(t, []string{"FIRST_SECRET=the-first-secret-of-all"}, filepath.Join(dir, "data"), "--config", filepath.Join(dir, "magpie.yaml"))
	first := clientOf(s.endpoint, credential{"MAGPIEFIRSTKEY00001", "the-first-secret-of-all"})
	second := clientOf(s.endpoint, credential{"MAGPIESECONDKEY0001", "the-second-secret-of-all"})
	enable(t, first)
	if _, err := second.GetMacieSession(t.Context(), &macie2.GetMacieSessionInput{}); !isA[*types.AccessDeniedException](err) {
		t.Errorf("the second account before it enabled Macie: %v", err)
	}
	enable(t, second)
	out, err := second.DescribeBuckets(t.Context(), &macie2.DescribeBucketsInput{})
	if err != nil || len(out.Buckets) != 1 {
		t.Errorf("buckets of the second account: %v, %v", out, err)
	}
	out, err = first.DescribeBuckets(t.Context(), &macie2.DescribeBucketsInput{})
	if err != nil || len(out.Buckets) != 0 {
		t.Errorf("buckets of the first account: %v, %v", out, err)
	}
	if _, err := first.GetMacieSession(t.Context(), &macie2.GetMacieSessionInput{}, func(o *macie2.Options) { o.Region = "eu-west-1" }); !isA[*types.AccessDeniedException](err) {
		t.Errorf("the first account in its other Region: %v", err)
	}
	if said := s.said(); strings.Contains(said, "secret-of-all") {
		t.Error("a secret is shown")
	}
}
