package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const publishing = `version: 1
accounts:
  - id: 123456789012
    regions: [us-east-1]
publication:
  - name: log
    kind: file
    path: events.jsonl
  - name: hook
    kind: webhook
    url: https://hooks.example/t?token=hidden
    secret: {env: HOOK_SECRET}
  - name: bus
    kind: eventbridge
    region: eu-west-1
    bus: security
    source: magpie
    credentials: {profile: events}
  - name: hub
    kind: securityhub
    region: eu-west-1
    endpoint: https://hub.example
  - name: jobs
    kind: file
    path: jobs.jsonl
    events: jobs
  - name: logs
    kind: cloudwatchlogs
    region: eu-west-1
`

func TestPublication(t *testing.T) {
	c, err := Parse("f.yaml", []byte(publishing))
	if err != nil {
		t.Fatal(err)
	}
	want := []Sink{
		{Name: "log", Kind: SinkFile, Path: "events.jsonl", Events: EventsFindings},
		{Name: "hook", Kind: SinkWebhook, URL: "https://hooks.example/t?token=hidden", Secret: Secret{Env: "HOOK_SECRET"}, Events: EventsFindings},
		{Name: "bus", Kind: SinkEventBridge, Region: "eu-west-1", Bus: "security", Source: "magpie", Credentials: Credentials{Profile: "events"}},
		{Name: "hub", Kind: SinkSecurityHub, Region: "eu-west-1", URL: "https://hub.example"},
		{Name: "jobs", Kind: SinkFile, Path: "jobs.jsonl", Events: EventsJobs},
		{Name: "logs", Kind: SinkLogs, Region: "eu-west-1", Group: DefaultLogGroup},
	}
	if diff := cmp.Diff(want, c.Publication); diff != "" {
		t.Error(diff)
	}
	for _, test := range []struct{ name, old, new, want string }{
		{"no list", "publication:\n", "publication:\n  x: y\n#", ""},
		{"no name", "name: log\n    ", "", `6:5: sink: "name" is missing`},
		{"name twice", "name: hook", "name: log", `9:5: sink "log" stands here again, first in line 6`},
		{"kind", "kind: file", "kind: fax", `7:11: kind: file, webhook, eventbridge, securityhub or cloudwatchlogs is expected, not "fax"`},
		{"no path", "    path: events.jsonl\n", "", `6:5: sink: "path" is missing`},
		{"path of a webhook", "secret: {env: HOOK_SECRET}", "path: x", `12:5: sink: unknown key "path"; known are name, kind, url, secret, events`},
		{"url", "https://hooks.example/t?token=hidden", "ftp://hooks.example/t?token=hidden", `11:10: url: http:// or https:// with a host is expected`},
		{"password", "https://hooks.example/t?token=hidden", "https://a:hidden@hooks.example", `11:10: url: http:// or https:// with a host is expected`},
		{"secret", "{env: HOOK_SECRET}", "hidden", `12:13: secret: a mapping with env or file is expected; a secret itself does not belong here`},
		{"events", "events: jobs", "events: all", `26:13: events: findings or jobs is expected, not "all"`},
		{"no region", "    region: eu-west-1\n    bus: security\n", "    bus: security\n", `13:5: sink: "region" is missing`},
		{"endpoint", "https://hub.example", "hub.example", `22:15: endpoint: http:// or https:// with a host and perhaps a port is expected`},
	} {
		text := strings.Replace(publishing, test.old, test.new, 1)
		_, err := Parse("f.yaml", []byte(text))
		if err == nil || !strings.HasPrefix(err.Error(), "f.yaml:"+test.want) && test.want != "" || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}
