package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func storeExample(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "s3.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestStores(t *testing.T) {
	c, err := Load(filepath.Join("testdata", "s3.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Source{
		{Account: "123456789012", Region: "us-east-1", Kind: Store, S3: &S3{Credentials: Credentials{Profile: "audit"}, RequestsPerSecond: 100}},
		{Account: "123456789012", Region: "eu-west-1", Kind: Store, S3: &S3{
			Endpoint: "https://minio.example:9000",
			Credentials: Credentials{
				AccessKey: Secret{Env: "MINIO_ACCESS_KEY"}, Key: Secret{File: filepath.Join("testdata", "secrets", "minio")},
			},
			Buckets: []string{"invoices", "mail"}, Prefix: "2026/",
			Profile: StoreProfile{Owners: []string{"storage-admin"}, Lacks: []string{"public_access_block"}},
			Reports: InventoryReports{MaxAge: 30 * time.Hour},
		}},
	}
	if d := cmp.Diff(want, c.Sources); d != "" {
		t.Errorf("sources (-want +got):\n%s", d)
	}
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "config.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(doc), "```yaml\n"+storeExample(t)+"```\n") {
		t.Error("docs/config.md does not hold testdata/s3.yaml as it is")
	}
	for _, setting := range StoreSettings {
		if !strings.Contains(string(doc), "`"+setting+"`") {
			t.Errorf("docs/config.md does not name the setting %s", setting)
		}
	}
}

func TestInventoryReports(t *testing.T) {
	for text, want := range map[string]InventoryReports{
		"off": {}, "{scheduled_jobs: true}": {MaxAge: DefaultReportAge, ScheduledJobs: true}, "{}": {MaxAge: DefaultReportAge}, "{max_age: 336h}": {MaxAge: 14 * 24 * time.Hour},
		"{folder: spool}": {MaxAge: DefaultReportAge, Folder: filepath.Join("testdata", "spool")},
	} {
		path := filepath.Join(t.TempDir(), "testdata", "magpie.yaml")
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.Replace(storeExample(t), "{max_age: 30h}", text, 1)), 0o644); err != nil {
			t.Fatal(err)
		}
		c, err := Load(path)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if want.Folder != "" {
			want.Folder = filepath.Join(filepath.Dir(filepath.Dir(path)), want.Folder)
		}
		if got := c.Sources[1].S3.Reports; got != want {
			t.Errorf("%s: %+v, want %+v", text, got, want)
		}
	}
}

// TestMistakesWithStores changes one thing of the example at a time. Each error must be the only one and begin with its place.
func TestMistakesWithStores(t *testing.T) {
	for _, test := range []struct{ name, old, new, want string }{
		{"path", "prefix: 2026/", "path: estate", `21:5: source: unknown key "path"; known are account, region, kind, endpoint, credentials, buckets, regions, prefix, requests_per_second, inventory_reports, profile`},
		{"folder with an endpoint", "kind: s3\n    credentials: {profile: audit}\n    requests_per_second: 100", "kind: folder\n    path: estate\n    endpoint: x", `12:5: source: unknown key "endpoint"; known are account, region, kind, path`},
		{"endpoint without a scheme", "https://minio.example:9000", "minio.example:9000", `16:15: endpoint: http:// or https:// with a host and perhaps a port is expected`},
		{"endpoint with a password", "https://minio", "https://me:hunter2@minio", `16:15: endpoint: http:// or https:// with a host and perhaps a port is expected`},
		{"endpoint with a path", "minio.example:9000", "minio.example:9000/bucket", `16:15: endpoint: http:// or https://`},
		{"keys in the file", "{profile: audit}", "hunter2", `11:18: credentials: a mapping with profile, or with access_key and secret, is expected; a secret itself does not belong here`},
		{"secret in the file", "{file: secrets/minio}", "hunter2", `19:15: secret: a mapping with env or file is expected; a secret itself does not belong here`},
		{"half a key", "      secret: {file: secrets/minio}\n", "", `18:7: credentials: either profile, or access_key and secret with perhaps session_token, is expected`},
		{"key and profile", "{profile: audit}", "{profile: audit, session_token: {env: A}}", `11:18: credentials: either profile, or`},
		{"profile", "{profile: audit}", "{profile: '[x]'}", `11:28: profile: the name of a profile of the shared AWS files is expected, not "[x]"`},
		{"bucket", "[invoices, mail]", "[invoices, a/b]", `20:25: buckets: the name of a bucket is expected, not "a/b"`},
		{"bucket twice", "[invoices, mail]", "[mail, mail]", `20:21: buckets "mail" stands here again, first in line 20`},
		{"no buckets", "[invoices, mail]", "[]", `20:14: buckets: a list with at least one element is expected, not a list`},
		{"regions", "prefix: 2026/", "regions: [moon]", `21:15: regions: a Region's code such as us-east-1 is expected, not "moon"`},
		{"rate", "requests_per_second: 100", "requests_per_second: 0", `12:26: requests_per_second: a number from 0.01 to 1000000 is expected, not "0"`},
		{"rate that is none", "requests_per_second: 100", "requests_per_second: .nan", `12:26: requests_per_second: a number from`},
		{"setting", "[public_access_block]", "[blocks]", `24:15: lacks: one of acl, encryption, location, ownership, policy, public_access_block, replication, restrict_public_buckets, tags, versioning is expected, not "blocks"`},
		{"unknown key of the profile", "owners:", "owner:", `23:7: profile: unknown key "owner"; known are owners, lacks, enforces`},
		{"reports too old", "30h", "15d", `25:34: max_age: a time from 1h to 336h is expected, such as 36h, not "15d"`},
		{"reports of no age", "30h", "0s", `25:34: max_age: a time from`},
		{"reports on", "{max_age: 30h}", "on", `25:24: inventory_reports: off, or a mapping with max_age (such as 36h), folder or scheduled_jobs, is expected, not "on"`},
		{"jobs", "{max_age: 30h}", "{scheduled_jobs: daily}", `25:41: scheduled_jobs: true or false is expected, not "daily"`},
		{"unknown key of reports", "max_age", "age", `25:25: inventory_reports: unknown key "age"; known are max_age, folder, scheduled_jobs`},
		{"kind", "kind: s3\n    credentials: {profile: audit}\n    requests_per_second: 100", "kind: swift\n    path: x", `10:11: kind: folder or s3 is expected, not "swift"`},
		{"twice", "    endpoint: https://minio.example:9000\n", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := strings.Replace(storeExample(t), test.old, test.new, 1)
			if text == storeExample(t) {
				t.Fatalf("%q is not in the example", test.old)
			}
			c, err := Parse("f.yaml", []byte(text))
			if test.want == "" {
				if err != nil {
					t.Errorf("error %v", err)
				}
				return
			}
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
	same := strings.Replace(storeExample(t), `    endpoint: https://minio.example:9000
    credentials:
      access_key: {env: MINIO_ACCESS_KEY}
      secret: {file: secrets/minio}
    buckets: [invoices, mail]
    prefix: 2026/
`, "", 1)
	if _, err := Parse("f", []byte(same)); err == nil || !strings.Contains(err.Error(), "stands here again, first in line 8") {
		t.Errorf("two sources of one store: error %v", err)
	}
}

func TestRemote(t *testing.T) {
	for src, want := range map[string]*S3{
		"aws":                                 {},
		"s3://bucket":                         {Buckets: []string{"bucket"}},
		"s3://my.bucket/":                     {Buckets: []string{"my.bucket"}},
		"s3://bucket/a b/%2F":                 {Buckets: []string{"bucket"}, Prefix: "a b/%2F"},
		"s3+http://127.0.0.1:9000":            {Endpoint: "http://127.0.0.1:9000"},
		"s3+http://[::1]:9000/":               {Endpoint: "http://[::1]:9000"},
		"s3+https://store.example":            {Endpoint: "https://store.example"},
		"s3+https://store.example/bucket":     {Endpoint: "https://store.example", Buckets: []string{"bucket"}},
		"s3+https://store.example/bucket/p/q": {Endpoint: "https://store.example", Buckets: []string{"bucket"}, Prefix: "p/q"},
		"folder":                              nil,
		"./aws":                               nil,
		"-":                                   nil,
		"https://store.example":               nil,
	} {
		got, err := Remote(src)
		if d := cmp.Diff(want, got); d != "" || err != nil {
			t.Errorf("%s: error %v (-want +got):\n%s", src, err, d)
		}
	}
	for _, src := range []string{"s3://", "s3:///x", "s3://bu cket", "s3://../x", "s3+http://", "s3+http:///b", "s3+http://h/b?c/d", "s3+https://me:hunter2@host", "s3+http://h:port", "s3://a?x"} {
		got, err := Remote(src)
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %+v, error %v, want an error", src, got, err)
		}
	}
}
