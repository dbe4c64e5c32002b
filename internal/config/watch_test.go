package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const watching = `version: 1
accounts:
  - id: 123456789012
    regions: [us-east-1, eu-west-1]
watch:
  refresh: 6h
  recount: 24h
  poll: 5m
  report_existing: true
  skip_short_months: false
  discovery_objects: 5000
  discovery_bytes: 1073741824
notifications:
  listen: 127.0.0.1:4752
  senders:
    - name: minio
      token: {env: MINIO_HOOK_TOKEN}
      account: 123456789012
      region: us-east-1
    - name: aws
      token: {file: secrets/hook}
      account: 123456789012
      topics: ["arn:aws:sns:eu-west-1:123456789012:buckets"]
`

func TestWatch(t *testing.T) {
	c, err := Parse("f.yaml", []byte(watching))
	if err != nil {
		t.Fatal(err)
	}
	want := Watch{Refresh: new(6 * time.Hour), Recount: new(24 * time.Hour), Poll: new(5 * time.Minute), ReportExisting: new(true),
		SkipShortMonths: new(false), DiscoveryObjects: new(int64(5000)), DiscoveryBytes: new(int64(1 << 30))}
	if diff := cmp.Diff(want, c.Watch); diff != "" {
		t.Errorf("watch (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(&Notifications{Listen: "127.0.0.1:4752", Senders: []Sender{
		{Name: "minio", Token: Secret{Env: "MINIO_HOOK_TOKEN"}, Account: "123456789012", Region: "us-east-1"},
		{Name: "aws", Token: Secret{File: "secrets/hook"}, Account: "123456789012", Topics: []string{"arn:aws:sns:eu-west-1:123456789012:buckets"}},
	}}, c.Notifications); diff != "" {
		t.Errorf("notifications (-want +got):\n%s", diff)
	}
	for _, test := range []struct{ name, old, new, want string }{
		{"unknown key", "  poll:", "  polls:", `8:3: watch: unknown key "polls"; known are refresh, recount, poll, report_existing, skip_short_months, discovery_objects, discovery_bytes`},
		{"time", "refresh: 6h", "refresh: 6 hours", `6:12: refresh: a time such as 30s, 15m or 24h is expected, not "6 hours"`},
		{"negative time", "refresh: 6h", "refresh: -1s", `6:12: refresh: a time such as`},
		{"no recount", "recount: 24h", "recount: 0", `7:12: recount: a time such as`},
		{"yes", "report_existing: true", "report_existing: yes", `9:20: report_existing: true or false is expected, not "yes"`},
		{"objects", "discovery_objects: 5000", "discovery_objects: many", `11:22: discovery_objects: a number from 1 on is expected, not "many"`},
		{"address", "listen: 127.0.0.1:4752", "listen: 4752", `14:11: listen: HOST:PORT is expected, not "4752"`},
		{"nobody", "  senders:\n", "  sender:\n", ``},
		{"name twice", "name: aws", "name: minio", `20:7: sender "minio" stands here again, first in line 16`},
		{"token", "token: {env: MINIO_HOOK_TOKEN}", "token: hunter2hunter2hunter2", `17:14: secret: a mapping with env or file is expected; a secret itself does not belong here`},
		{"account", "      account: 123456789012\n      region", "      account: 999999999999\n      region", `16:7: sender: account 999999999999 is not among the accounts`},
		{"Region", "region: us-east-1", "region: us-west-2", `16:7: sender: us-west-2 is not among the regions of account 123456789012`},
		{"Region alone", "      account: 123456789012\n      region", "      region", `16:7: sender: a region is given without an account`},
		{"account without a Region", "      account: 123456789012\n      topics", "      account: 999999999999\n      topics", `20:7: sender: account 999999999999 is not among the accounts`},
		{"topic", "arn:aws:sns:eu-west-1:123456789012:buckets", "buckets", `23:16: topic: the ARN of an SNS topic is expected, not "buckets"`},
	} {
		text := strings.Replace(watching, test.old, test.new, 1)
		if text == watching {
			t.Fatalf("%s: %q is not in the example", test.name, test.old)
		}
		_, err := Parse("f.yaml", []byte(text))
		if err == nil || !strings.HasPrefix(err.Error(), "f.yaml:"+test.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: error\n%v\nwant\n%s", test.name, err, test.want)
		}
	}
}

func TestWatchIsDocumented(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "config.md"))
	if err != nil {
		t.Fatal(err)
	}
	example := watching[strings.Index(watching, "watch:"):]
	if !strings.Contains(string(doc), "```yaml\n"+example+"```\n") {
		t.Error("docs/config.md does not hold the example of watching as it is")
	}
}
