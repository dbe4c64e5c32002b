package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
)

func example(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "magpie.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestExample(t *testing.T) {
	c, err := Load(filepath.Join("testdata", "magpie.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{
		Accounts: []Account{
			{ID: "123456789012", Alias: "acme", Regions: []string{"us-east-1", "eu-west-1"}, Keys: []Key{
				{ID: "MAGPIEEXAMPLEKEY1", Secret: Secret{Env: "MAGPIE_ACME_SECRET"}},
				{ID: "MAGPIEEXAMPLEKEY2", Secret: Secret{File: filepath.Join("testdata", "secrets", "acme")}},
			}},
			{ID: "012345678901", Regions: []string{"eu-central-1"}},
		},
		Sources: []Source{
			{Account: "123456789012", Region: "us-east-1", Kind: Folder, Path: filepath.Join("testdata", "estates", "acme")},
			{Account: "012345678901", Region: "eu-central-1", Kind: Folder, Path: "/srv/estates/other"},
		},
		Limits: Limits{Workers: 4},
		Organization: &Organization{ID: "o-a1b2c3d4e5", ManagementAccount: "123456789012", DelegatedAdministrators: []string{"012345678901"},
			Members: []Member{{ID: "012345678901", Path: "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/"}, {ID: "111122223333"}}},
	}
	if d := cmp.Diff(want, c); d != "" {
		t.Errorf("configuration (-want +got):\n%s", d)
	}
	for account, want := range map[string]bool{"123456789012": true, "012345678901": true, "111122223333": false, "": false} {
		if got := c.Organization.Administers(account); got != want {
			t.Errorf("account %q administers the organization: %v", account, got)
		}
	}
	if d := cmp.Diff([]string{"123456789012", "012345678901", "111122223333"}, c.Organization.Accounts()); d != "" {
		t.Errorf("accounts (-want +got):\n%s", d)
	}
	if a, ok := c.Account("012345678901"); !ok || a.Regions[0] != "eu-central-1" {
		t.Errorf("Account: %+v, %v", a, ok)
	}
	if _, ok := c.Account("999999999999"); ok {
		t.Error("an account that is not there")
	}
}

func TestDocumentHoldsTheExample(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "config.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(doc), "```yaml\n"+example(t)+"```\n") {
		t.Error("docs/config.md does not hold testdata/magpie.yaml as it is")
	}
}

// TestMistakes changes one thing of the example at a time. Each error must be the only one and begin with its place.
func TestMistakes(t *testing.T) {
	for _, test := range []struct{ name, old, new, want string }{
		{"other version", "version: 1", "version: 2", `1:10: version: this server reads version 1, not "2"`},
		{"no version", "version: 1\n", "", `2:1: configuration: "version" is missing`},
		{"unknown key", "limits:", "limit:", `25:1: configuration: unknown key "limit"; known are version, accounts, sources, limits`},
		{"key with a control character", "limits:", `"li\x1bmits":`, `25:1: configuration: unknown key "li\x1bmits"; known are`},
		{"unknown key within", "    alias: acme", "    allias: acme", `5:5: account: unknown key "allias"; known are id, alias, regions, keys`},
		{"key twice", "    alias: acme", "    alias: acme\n    alias: acme", `6:5: account: "alias" stands here again, first in line 5`},
		{"list for a mapping", "  workers: 4", "  - workers: 4", `26:3: limits: a mapping with workers, parts_above_mib, parts_block_mib, text_gib is expected, not a list`},
		{"text for a list", "[us-east-1, eu-west-1]", "us-east-1", `6:14: regions: a list with at least one element is expected, not "us-east-1"`},
		{"empty list", "[us-east-1, eu-west-1]", "[]", `6:14: regions: a list with at least one element is expected, not a list`},
		{"nothing", "alias: acme", "alias:", `5:11: alias: an alias of 3 to 63 lower-case letters, digits and single hyphens is expected, not nothing`},
		{"account id", "- id: 123456789012", "- id: 12345678901", `4:9: id: an account id of 12 digits is expected, not "12345678901"`},
		{"alias", "alias: acme", "alias: ac--me", `5:12: alias: an alias of 3 to 63`},
		{"region", "eu-central-1]", "Frankfurt]", `13:15: region: a Region's code such as us-east-1 is expected, not "Frankfurt"`},
		{"region twice", "[us-east-1, eu-west-1]", "[us-east-1, us-east-1]", `6:26: region "us-east-1" stands here again, first in line 6`},
		{"account twice", "  - id: 012345678901", "  - id: 123456789012", `12:5: account "123456789012" stands here again, first in line 4`},
		{"alias twice", "  - id: 012345678901", "  - id: 012345678901\n    alias: acme", `12:5: alias "acme" stands here again, first in line 4`},
		{"key id", "MAGPIEEXAMPLEKEY1", "SHORT", `8:13: id: an access key id of 16 to 128`},
		{"key twice", "MAGPIEEXAMPLEKEY2", "MAGPIEEXAMPLEKEY1", `10:9: key "MAGPIEEXAMPLEKEY1" stands here again, first in line 8`},
		{"secret in the file", "{env: MAGPIE_ACME_SECRET}", "hunter2hunter2", `9:17: secret: a mapping with env or file is expected; a secret itself does not belong here`},
		{"two secrets", "{env: MAGPIE_ACME_SECRET}", "{env: A, file: b}", `9:17: secret: either env or file is expected`},
		{"env", "{env: MAGPIE_ACME_SECRET}", "{env: a b}", `9:23: env: the name of an environment variable is expected, not "a b"`},
		{"policy of a key", "{env: MAGPIE_ACME_SECRET}", "{env: A}\n        policy: {}", `10:9: key: "policy" is not implemented yet; remove it`},
		{"source of no account", "account: 123456789012", "account: 999999999999", `16:5: source: account 999999999999 is not among the accounts`},
		{"source of no region", "region: us-east-1", "region: us-west-2", `16:5: source: us-west-2 is not among the regions of account 123456789012`},
		{"endpoint", "path: estates/acme", "path: estates/acme\n    endpoint: http://localhost", `20:5: source: unknown key "endpoint"; known are account, region, kind, path`},
		{"other kind", "kind: folder\n    path: estates/acme", "kind: [folder]\n    path: estates/acme", `18:11: kind: folder or s3 is expected, not a list`},
		{"no path", "    path: estates/acme\n", "", `16:5: source: "path" is missing`},
		{"path twice", "path: estates/acme", "path: /srv/estates/other", `20:5: source "/srv/estates/other" stands here again, first in line 16`},
		{"organization", "id: o-a1b2c3d4e5", "id: o-A1B2C3D4E5", `29:7: id: an organization's id such as o-a1b2c3d4e5 is expected, not "o-A1B2C3D4E5"`},
		{"no management account", "  management_account: 123456789012\n", "", `29:3: organization: "management_account" is missing`},
		{"management account as a member", "    - id: 111122223333", "    - id: 123456789012", `29:3: organization: the management account stands among the members, in line 35`},
		{"member twice", "    - id: 111122223333", "    - id: 012345678901", `35:7: member "012345678901" stands here again, first in line 33`},
		{"administrator of another organization", "[012345678901]", "[999999999999]", `31:30: delegated administrator: 999999999999 is not among the members`},
		{"path", "path: o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/", "path: r-ab12/", `34:13: path: a path such as o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/ is expected, not "r-ab12/"`},
		{"path of another organization", "path: o-a1b2c3d4e5/", "path: o-zzzzzzzzzz/", `33:7: member: the path o-zzzzzzzzzz/r-ab12/ou-ab12-11111111/ is not one of the organization o-a1b2c3d4e5`},
		{"unknown key of a member", "      path:", "      paths:", `34:7: member: unknown key "paths"; known are id, path`},
		{"publication", "limits:", "publication:\nlimits:", `25:13: publication: a list with at least one element is expected, not nothing`},
		{"workers", "workers: 4", "workers: 0", `26:12: workers: a number from 1 to 1024 is expected, not "0"`},
		{"workers in words", "workers: 4", "workers: '4'", `26:12: workers: a number from 1 to 1024 is expected, not "4"`},
		{"anchor", "alias: acme", "alias: &a acme", `5:12: anchors, aliases and tags are not used here`},
		{"tag", "alias: acme", "alias: !!str acme", `5:12: anchors, aliases and tags are not used here`},
		{"no YAML", "alias: acme", "alias: [acme", `4: this is no YAML, here or soon after: did not find expected ',' or ']'`},
		{"tab", "    alias: acme", "\talias: acme", `4: this is no YAML, here or soon after: found a tab character that violates indentation`},
		{"second document", "limits:", "---\nlimits:", `25:1: a second document; one is expected`},
		{"long value", "alias: acme", "alias: " + strings.Repeat("a", 500), `5:12: alias: an alias of 3 to 63 lower-case letters, digits and single hyphens is expected, not "` + strings.Repeat("a", 60) + `..."`},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := strings.Replace(example(t), test.old, test.new, 1)
			if text == example(t) {
				t.Fatalf("%q is not in the example", test.old)
			}
			c, err := Parse("f.yaml", []byte(text))
			if err == nil {
				t.Fatalf("no error but %+v", c)
			}
			if want := "f.yaml:" + test.want; !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error\n%v\nwant only\n%s", err, want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error repeats a secret: %v", err)
			}
		})
	}
}

func TestWholeFileIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		"":                             `f:1:1: the file is empty; it begins with "version: 1"`,
		"# nothing":                    `f:1:1: the file is empty; it begins with "version: 1"`,
		"just text":                    `f:1:1: configuration: a mapping with version, accounts, sources, limits, organization, publication, watch, retention, notifications is expected, not "just text"`,
		"- a":                          `f:1:1: configuration: a mapping with version, accounts, sources, limits, organization, publication, watch, retention, notifications is expected, not a list`,
		"version: 1":                   `f:1:1: configuration: "accounts" is missing`,
		"version: {a: 1}":              `f:1:10: version: this server reads version 1, not a mapping`,
		"? [a]\n: b\nversion: 1":       `f:1:3: configuration: unknown key ""; known are`,
		strings.Repeat(" ", MaxSize+1): `f:1:1: the file is longer than 1048576 bytes`,
	} {
		if _, err := Parse("f", []byte(text)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.40q: error %v, want %s", text, err, want)
		}
	}
}

func TestAllMistakesAtOnce(t *testing.T) {
	_, err := Parse("f", []byte("version: 1\naccounts:\n  - id: x\n    regions: [y]\nlimit: 1\n"))
	if err == nil || len(strings.Split(err.Error(), "\n")) != 3 {
		t.Errorf("error %v, want three lines", err)
	}
	_, err = Parse("f", []byte("version: 1\naccounts:\n"+strings.Repeat("  - id\n", 1000)))
	if lines := strings.Count(err.Error(), "\n") + 1; lines != maxProblems {
		t.Errorf("%d lines of errors, want %d", lines, maxProblems)
	}
}

func TestSimple(t *testing.T) {
	c, err := Simple("123456789012", []string{"us-east-1", "eu-west-1"}, []string{"a", "b/c"})
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{
		Accounts: []Account{{ID: "123456789012", Regions: []string{"us-east-1", "eu-west-1"}}},
		Sources: []Source{
			{Account: "123456789012", Region: "us-east-1", Kind: Folder, Path: "a"},
			{Account: "123456789012", Region: "us-east-1", Kind: Folder, Path: "b/c"},
		},
	}
	if d := cmp.Diff(want, c); d != "" {
		t.Errorf("configuration (-want +got):\n%s", d)
	}
	for _, test := range []struct {
		account          string
		regions, sources []string
		want             string
	}{
		{"1", []string{"us-east-1"}, nil, `account "1": an account id of 12 digits is expected`},
		{"123456789012", nil, nil, "a Region is expected"},
		{"123456789012", []string{"here"}, nil, `region "here": a Region's code such as us-east-1 is expected`},
		{"123456789012", []string{"us-east-1", "us-east-1"}, nil, `region "us-east-1" is given twice`},
		{"123456789012", []string{"us-east-1"}, []string{"s3://bu cket"}, `source "s3://bu cket": the name of a bucket is expected behind the slashes`},
		{"123456789012", []string{"us-east-1"}, []string{"aws", "aws"}, `source "aws" is given twice`},
		{"123456789012", []string{"us-east-1"}, []string{"-"}, "source -: a server cannot serve its standard input"},
		{"123456789012", []string{"us-east-1"}, []string{"a", "a"}, `source "a" is given twice`},
		{"123456789012", []string{"us-east-1"}, []string{""}, "a source is expected, not an empty text"},
	} {
		if _, err := Simple(test.account, test.regions, test.sources); err == nil || err.Error() != test.want {
			t.Errorf("Simple(%q, %q, %q): %v, want %s", test.account, test.regions, test.sources, err, test.want)
		}
	}
}

func TestSecret(t *testing.T) {
	t.Setenv("MAGPIE_TEST_SECRET", "from the environment")
	dir := t.TempDir()
	for name, text := range map[string]string{"secret": "from a file\r\n", "empty": "\n", "long": strings.Repeat("x", maxSecret+1)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		secret Secret
		want   string
	}{
		{Secret{Env: "MAGPIE_TEST_SECRET"}, "from the environment"},
		{Secret{File: filepath.Join(dir, "secret")}, "from a file"},
		{Secret{Env: "MAGPIE_TEST_NONE"}, ""},
		{Secret{File: filepath.Join(dir, "none")}, ""},
		{Secret{File: filepath.Join(dir, "empty")}, ""},
		{Secret{File: filepath.Join(dir, "long")}, ""},
	} {
		got, err := test.secret.Read()
		if got != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%+v reads %q, %v; want %q", test.secret, got, err, test.want)
		}
		if err != nil && strings.Contains(err.Error(), "xxx") {
			t.Errorf("the error repeats the secret: %v", err)
		}
	}
}

func TestRegions(t *testing.T) {
	for _, r := range strings.Fields("us-east-1 ap-southeast-7 us-gov-west-1 cn-north-1 us-iso-east-1 us-isob-east-1 eusc-de-east-1 mx-central-1 il-central-1") {
		if !region.MatchString(r) {
			t.Errorf("%s is a Region", r)
		}
	}
	for _, r := range strings.Fields("us-east US-EAST-1 us_east_1 us-east-1a global us-east-1- -us-east-1 us-east-111") {
		if region.MatchString(r) {
			t.Errorf("%s is no Region", r)
		}
	}
}

func TestLoadOfAMissingFile(t *testing.T) {
	if _, err := Load(filepath.Join(t.TempDir(), "none")); !os.IsNotExist(err) {
		t.Errorf("error %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(example(f)))
	for _, seed := range []string{"", "version: 1", "a: &x [*x]", "- - - -", "? ? ?", "\xff\xfe\x00", "%YAML 1.2\n---\n!<x> a", "{{{{", "<<: *a", "a: |\n  b\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse("f", text)
		if (c == nil) == (err == nil) {
			t.Fatalf("configuration %v beside error %v", c, err)
		}
		if err != nil {
			for line := range strings.SplitSeq(err.Error(), "\n") {
				if strings.ContainsFunc(line, unicode.IsControl) || !strings.HasPrefix(line, "f:") {
					t.Errorf("error line %q", line)
				}
			}
			return
		}
		for _, s := range c.Sources {
			if a, ok := c.Account(s.Account); !ok || s.Path == "" || s.Kind != Folder || len(a.Regions) == 0 {
				t.Errorf("source %+v of a valid configuration", s)
			}
		}
	})
}

// TestLoadOrganization reads an organization from a file of its own and from a configuration, whose other keys do not count.
func TestLoadOrganization(t *testing.T) {
	const alone = "id: o-a1b2c3d4e5\nmanagement_account: 111122223333\nmembers: [{id: 444455556666}]\n"
	for name, tt := range map[string]struct{ text, want string }{
		"alone":         {alone, ""},
		"as JSON":       {`{"id":"o-a1b2c3d4e5","management_account":"111122223333","members":[{"id":"444455556666"}]}`, ""},
		"configuration": {"version: 1\norganization:\n  " + strings.ReplaceAll(strings.TrimSpace(alone), "\n", "\n  ") + "\n", ""},
		"another key":   {alone + "name: x\n", ":4:1: "},
		"no id":         {"management_account: 111122223333\n", ":1:1: "},
		"a list":        {"[]\n", ":1:1: "},
		"empty":         {"", ":1:1: "},
	} {
		path := filepath.Join(t.TempDir(), "org.yaml")
		if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		o, err := LoadOrganization(path)
		switch {
		case tt.want == "" && (err != nil || o.ID != "o-a1b2c3d4e5" || !slices.Equal(o.Accounts(), []string{"111122223333", "444455556666"})):
			t.Errorf("%s: %+v, %v", name, o, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), path+tt.want)):
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPartsLimits reads the limits of large objects.
func TestPartsLimits(t *testing.T) {
	const text = "version: 1\naccounts:\n  - id: 123456789012\n    regions: [us-east-1]\nlimits: {workers: 2, parts_above_mib: 1024, parts_block_mib: 128, text_gib: 64}\n"
	c, err := Parse("f", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if want := (Limits{Workers: 2, PartsAbove: 1024, PartsBlock: 128, TextGiB: 64}); c.Limits != want {
		t.Errorf("%+v", c.Limits)
	}
	for _, bad := range []string{"text_gib: 0", "parts_above_mib: -1", "parts_block_mib: 2.5", "text_gib: none"} {
		if _, err := Parse("f", []byte("version: 1\naccounts:\n  - id: 123456789012\n    regions: [us-east-1]\nlimits: {"+bad+"}\n")); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}
