package config

import (
	"net"
	"regexp"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"
)

// Watch says how buckets and the access to resources are watched. A nil member leaves the server's default.
type Watch struct {
	Refresh          *time.Duration // how old the inventory may become; 0: it is read when a request asks
	Recount          *time.Duration // how old the counts of a bucket's objects may become
	Poll             *time.Duration // how often Access Analyzer looks at the sources
	ReportExisting   *bool          // policy findings also of what is there at first sight
	SkipShortMonths  *bool          // leave out a monthly job's run in a month that lacks its day
	DiscoveryObjects *int64         // how many objects a day automated discovery looks at
	DiscoveryBytes   *int64
}

// Notifications says who may tell the server of changes in object stores, and where.
type Notifications struct {
	Listen  string // HOST:PORT; "" is the server's default
	Senders []Sender
}

// A Sender is somebody who may tell.
type Sender struct {
	Name    string // unique
	Token   Secret
	Account string   // of whose buckets the sender tells; "" for all
	Region  string   // only with Account; "" for all of the account
	Topics  []string // ARNs of SNS topics that may speak for the sender
}

var (
	topicARN     = regexp.MustCompile(`^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?$`)
	senderName   = sinkName
	senderForm   = "a name of up to 64 letters, digits, dots, hyphens and underscores"
	durationForm = "a time such as 30s, 15m or 24h"
)

func (p *parser) watch(n *yaml.Node) (w Watch) {
	p.mapping(n, "watch",
		field{name: "refresh", read: func(n *yaml.Node) { w.Refresh = p.duration(n, "refresh", 0) }},
		field{name: "recount", read: func(n *yaml.Node) { w.Recount = p.duration(n, "recount", time.Second) }},
		field{name: "poll", read: func(n *yaml.Node) { w.Poll = p.duration(n, "poll", time.Millisecond) }},
		field{name: "report_existing", read: func(n *yaml.Node) { w.ReportExisting = p.truth(n, "report_existing") }},
		field{name: "skip_short_months", read: func(n *yaml.Node) { w.SkipShortMonths = p.truth(n, "skip_short_months") }},
		field{name: "discovery_objects", read: func(n *yaml.Node) { w.DiscoveryObjects = p.count(n, "discovery_objects") }},
		field{name: "discovery_bytes", read: func(n *yaml.Node) { w.DiscoveryBytes = p.count(n, "discovery_bytes") }},
	)
	return w
}

// duration reads a time of at least some length; 0 where that is 0 may be written without a unit.
func (p *parser) duration(n *yaml.Node, what string, least time.Duration) *time.Duration {
	d, err := time.ParseDuration(n.Value)
	if n.Kind != yaml.ScalarNode || err != nil || d < least {
		p.fail(n, "%s: %s is expected, not %s", what, durationForm, kindOf(n))
		return nil
	}
	return &d
}

func (p *parser) truth(n *yaml.Node, what string) *bool {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" || n.Value != "true" && n.Value != "false" {
		p.fail(n, "%s: true or false is expected, not %s", what, kindOf(n))
		return nil
	}
	yes := n.Value == "true"
	return &yes
}

func (p *parser) count(n *yaml.Node, what string) *int64 {
	count, err := strconv.ParseInt(n.Value, 10, 64)
	if n.Kind != yaml.ScalarNode || n.Tag != "!!int" || err != nil || count < 1 {
		p.fail(n, "%s: a number from 1 on is expected, not %s", what, kindOf(n))
		return nil
	}
	return &count
}

func (p *parser) notifications(n *yaml.Node) (*Notifications, []*yaml.Node) {
	out := &Notifications{}
	var at []*yaml.Node
	p.mapping(n, "notifications",
		field{name: "listen", read: func(n *yaml.Node) {
			address := p.text(n, "listen", nil, "HOST:PORT")
			if _, _, err := net.SplitHostPort(address); err != nil && address != "" {
				p.fail(n, "listen: HOST:PORT is expected, not %s", kindOf(n))
			}
			out.Listen = address
		}},
		field{name: "senders", required: true, read: func(n *yaml.Node) {
			seen := map[string]int{}
			p.list(n, "senders", func(n *yaml.Node, _ int) {
				s := p.sender(n)
				p.unique(n, seen, "sender", s.Name)
				out.Senders, at = append(out.Senders, s), append(at, n)
			})
		}},
	)
	return out, at
}

func (p *parser) sender(n *yaml.Node) (s Sender) {
	p.mapping(n, "sender",
		field{name: "name", required: true, read: func(n *yaml.Node) { s.Name = p.text(n, "name", senderName, senderForm) }},
		field{name: "token", required: true, read: func(n *yaml.Node) { s.Token = p.secret(n) }},
		field{name: "account", read: func(n *yaml.Node) { s.Account = p.text(n, "account", accountID, accountIDForm) }},
		field{name: "region", read: func(n *yaml.Node) { s.Region = p.text(n, "region", region, regionForm) }},
		field{name: "topics", read: func(n *yaml.Node) {
			p.list(n, "topics", func(n *yaml.Node, _ int) {
				s.Topics = append(s.Topics, p.text(n, "topic", topicARN, "the ARN of an SNS topic"))
			})
		}},
	)
	return s
}

// telling checks that a sender tells of an account and a Region that there are.
func (p *parser) telling(n *yaml.Node, c *Config, s Sender) {
	switch {
	case s.Account == "" && s.Region == "":
	case s.Account == "":
		p.fail(n, "sender: a region is given without an account")
	case s.Region == "":
		if _, known := c.Account(s.Account); !known {
			p.fail(n, "sender: account %s is not among the accounts", s.Account)
		}
	default:
		p.owned(n, c, "sender", s.Account, s.Region)
	}
}
