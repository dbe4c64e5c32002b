package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/s3/s3test"
)

func magpie(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, stdio{strings.NewReader(""), &out, &errs})
	return code, out.String(), errs.String()
}

// TestAccessToAStore asks a store who reaches its buckets: what it refuses to tell is undecided.
func TestAccessToAStore(t *testing.T) {
	b := s3test.Start(t)
	setStoreKeys(t)
	policy := `{"Version":"2012-10-17","Statement":[{"Sid":"Site","Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::site/*"}]}`
	owner := source.Known(source.Owner{ID: "own"})
	own := source.Known([]source.Grant{{GranteeType: "CanonicalUser", Grantee: "own", Permission: "FULL_CONTROL"}})
	for name, c := range map[string]source.Configuration{
		"site":   {Policy: source.Known(policy), ACL: own, Owner: owner},
		"sealed": {Policy: source.Denied[string]("no"), ACL: own, Owner: owner},
		"own":    {Policy: source.Absent[string](""), ACL: own, Owner: owner},
	} {
		b.CreateBucket(t, name)
		c.Ownership, c.PublicAccessBlock = source.Absent[string](""), source.Absent[source.PublicAccessBlock]("")
		b.Configure(name, c)
	}
	b.ConfigureAccount(source.Absent[source.PublicAccessBlock](""))
	code, out, errs := magpie(t, "access", "s3+"+b.URL)
	if code != exitIncomplete {
		t.Errorf("exit code %d", code)
	}
	for _, want := range []string{"  PUBLIC    Everyone can s3:GetObject\n  because   bucket policy, statement 0 Site\n", "arn:aws:s3:::sealed  AWS::S3::Bucket\n\n  UNDECIDED "} {
		if !strings.Contains(out, want) {
			t.Errorf("the output lacks %q:\n%s%s", want, out, errs)
		}
	}
	if strings.Contains(out, "s3:::own") || !strings.Contains(errs, "3 resources analysed") {
		t.Errorf("%s%s", out, errs)
	}
	if code, out, errs = magpie(t, "access", "--fail-on", "public", "--format", "jsonl", "s3+"+b.URL+"/site"); code != exitFailOn || strings.Count(out, "\n") != 1 {
		t.Errorf("one bucket: exit code %d\n%s%s", code, out, errs)
	}
	if code, _, errs = magpie(t, "access", "s3://site"); code != exitError || !strings.Contains(errs, "--account") {
		t.Errorf("without an account: exit code %d\n%s", code, errs)
	}
	t.Setenv("AWS_SECRET_ACCESS_KEY", "wrong")
	if code, _, errs = magpie(t, "access", "s3+"+b.URL); code != exitError || !strings.Contains(errs, "access denied") {
		t.Errorf("wrong secret: exit code %d\n%s", code, errs)
	}
}

// TestAccessToExampleEstate reads the example estate in every format; the table is what the README shows.
func TestAccessToExampleEstate(t *testing.T) {
	code, out, errs := magpie(t, "access", exampleEstate)
	if code != exitComplete {
		t.Errorf("exit code %d", code)
	}
	golden := filepath.Join("testdata", "access-estate.golden")
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if out != string(want) {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
	if !strings.Contains(errs, "11 resources analysed in ") || !strings.Contains(errs, "2 can be reached from outside, by 2 findings (1 public); 0 undecided") {
		t.Error(errs)
	}
	for _, line := range strings.Split(out, "\n") {
		if len([]rune(line)) > plainWidth && strings.Contains(strings.TrimSpace(line), " ") && strings.HasPrefix(line, "  ") {
			t.Errorf("a line is longer than %d characters: %s", plainWidth, line)
		}
	}
}

// TestFindingIDs sees that ids are the same in every run, and differ between findings.
func TestFindingIDs(t *testing.T) {
	ids := func() (list []string) {
		_, out, _ := magpie(t, "access", "--format", "json", exampleEstate)
		var answer struct{ Findings []struct{ ID string } }
		if err := json.Unmarshal([]byte(out), &answer); err != nil {
			t.Fatal(err)
		}
		for _, f := range answer.Findings {
			list = append(list, f.ID)
		}
		return list
	}
	first := ids()
	if again := ids(); !slices.Equal(first, again) || len(first) != 2 || first[0] == first[1] || len(first[0]) != 36 {
		t.Errorf("%v, then %v", first, again)
	}
}

// TestAccessInOrder sees that many resources are reported in order, each once, whatever works on them at a time.
func TestAccessInOrder(t *testing.T) {
	const n = 700
	var items []string
	for i := range n {
		policy := fmt.Sprintf(`{"Statement":[{"Effect":"Allow","Principal":{"AWS":"%012d"},"Action":"s3:GetObject","Resource":"*"}]}`, i)
		quoted, err := json.Marshal(policy)
		if err != nil {
			t.Fatal(err)
		}
		items = append(items, fmt.Sprintf(`{"resourceType":"AWS::S3::Bucket","resourceName":"b%04d","supplementaryConfiguration":{"BucketPolicy":{"policyText":%s},"PublicAccessBlockConfiguration":null,"OwnershipControls":{"rules":[{"objectOwnership":"BucketOwnerEnforced"}]}}}`, i, quoted))
	}
	path := filepath.Join(t.TempDir(), "items.json")
	if err := os.WriteFile(path, []byte("["+strings.Join(items, ",\n")+"]"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := magpie(t, "access", "--format", "jsonl", path)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if code != exitComplete || len(lines) != n {
		t.Fatalf("exit code %d, %d findings\n%s", code, len(lines), errs)
	}
	for i, line := range lines {
		if !strings.Contains(line, fmt.Sprintf(`"resource":"arn:aws:s3:::b%04d"`, i)) || !strings.Contains(line, fmt.Sprintf(`"AWS":"%012d"`, i)) {
			t.Fatalf("finding %d: %s", i, line)
		}
	}
}
