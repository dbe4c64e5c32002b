package config

import (
	"net/url"
	"regexp"

	"go.yaml.in/yaml/v3"
)

// A Sink says where findings are published to (internal/publish).
type Sink struct {
	Name        string   // unique
	Kind        SinkKind // decides which of the others count
	Path        string   // of a file; absolute or relative to the working directory
	URL         string   // of a webhook, or of the endpoint of an AWS service
	Secret      Secret   // of a webhook; zero for none
	Region      string   // of an AWS service
	Bus         string   // of EventBridge; "" is the default bus
	Source      string   // of EventBridge: takes the place of aws.macie and aws.access-analyzer
	Events      string   // of a file or a webhook: EventsFindings or EventsJobs
	Group       string   // of CloudWatch Logs: the log group
	Credentials Credentials
}

// What a file or a webhook takes.
const (
	EventsFindings = "findings" // events of findings
	EventsJobs     = "jobs"     // what happens to classification jobs
)

// DefaultLogGroup is the log group to which Macie writes what happens to jobs (macie.md 4.10).
const DefaultLogGroup = "/aws/macie/classificationjobs"

// SinkKind is a kind of sink.
type SinkKind string

// The kinds of sinks.
const (
	SinkFile        SinkKind = "file"
	SinkWebhook     SinkKind = "webhook"
	SinkEventBridge SinkKind = "eventbridge"
	SinkSecurityHub SinkKind = "securityhub"
	SinkLogs        SinkKind = "cloudwatchlogs"
)

var (
	sinkName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	sinkKind = regexp.MustCompile(`^(file|webhook|eventbridge|securityhub|cloudwatchlogs)$`)
	events   = regexp.MustCompile(`^(findings|jobs)$`)
	logGroup = regexp.MustCompile(`^[.\-_/#A-Za-z0-9]{1,512}$`)
	busName  = regexp.MustCompile(`^[/.\-_A-Za-z0-9:]{1,1000}$`)
	busForm  = "the name or ARN of an event bus"
	eventBy  = regexp.MustCompile(`^[A-Za-z0-9._/-]{1,256}$`)
)

// publication reads the list of sinks.
func (p *parser) publication(n *yaml.Node) (sinks []Sink) {
	seen := map[string]int{}
	p.list(n, "publication", func(n *yaml.Node, _ int) {
		s := p.sink(n)
		p.unique(n, seen, "sink", s.Name)
		sinks = append(sinks, s)
	})
	return sinks
}

func (p *parser) sink(n *yaml.Node) (s Sink) {
	fields := []field{
		{name: "name", required: true, read: func(n *yaml.Node) {
			s.Name = p.text(n, "name", sinkName, "a name of up to 64 letters, digits, dots, hyphens and underscores")
		}},
		{name: "kind", required: true, read: func(n *yaml.Node) {
			s.Kind = SinkKind(p.text(n, "kind", sinkKind, "file, webhook, eventbridge, securityhub or cloudwatchlogs"))
		}},
	}
	address := func(n *yaml.Node) {
		u, err := url.Parse(n.Value)
		if n.Kind != yaml.ScalarNode || err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
			p.fail(n, "url: http:// or https:// with a host is expected") // without the value: it may hold a secret
			return
		}
		s.URL = n.Value
	}
	endpoint := func(n *yaml.Node) {
		if n.Kind != yaml.ScalarNode || checkEndpoint(n.Value) != nil {
			p.fail(n, "endpoint: %s is expected", endpointForm)
			return
		}
		s.URL = n.Value
	}
	aws := []field{
		{name: "region", required: true, read: func(n *yaml.Node) { s.Region = p.text(n, "region", region, regionForm) }},
		{name: "endpoint", read: endpoint},
		{name: "credentials", read: func(n *yaml.Node) { s.Credentials = p.credentials(n) }},
	}
	what := field{name: "events", read: func(n *yaml.Node) { s.Events = p.text(n, "events", events, "findings or jobs") }}
	kind := ""
	if k := member(n, "kind"); k != nil {
		kind = k.Value
	}
	switch SinkKind(kind) {
	case SinkWebhook:
		fields = append(fields, field{name: "url", required: true, read: address},
			field{name: "secret", read: func(n *yaml.Node) { s.Secret = p.secret(n) }}, what)
		s.Events = EventsFindings
	case SinkEventBridge:
		fields = append(append(fields, aws...),
			field{name: "bus", read: func(n *yaml.Node) { s.Bus = p.text(n, "bus", busName, busForm) }},
			field{name: "source", read: func(n *yaml.Node) { s.Source = p.text(n, "source", eventBy, "the source of events") }})
	case SinkSecurityHub:
		fields = append(fields, aws...)
	case SinkLogs:
		fields = append(append(fields, aws...),
			field{name: "group", read: func(n *yaml.Node) { s.Group = p.text(n, "group", logGroup, "the name of a log group") }})
		s.Group = DefaultLogGroup
	default:
		fields = append(fields, field{name: "path", required: true, read: func(n *yaml.Node) { s.Path = p.text(n, "path", nil, "the path of a file") }}, what)
		s.Events = EventsFindings
	}
	p.mapping(n, "sink", fields...)
	return s
}
