package config

import (
	"regexp"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"
)

// Retention says how long what jobs leave behind is kept; 0 is for ever.
type Retention struct {
	Findings, Results, Runs time.Duration
}

var (
	retainedTime = regexp.MustCompile(`^([1-9][0-9]{0,4})([hd])$`)
	retainedForm = "a time in days or hours such as 90d or 36h"
)

func (p *parser) retention(n *yaml.Node) (r Retention) {
	p.mapping(n, "retention",
		field{name: "findings", read: func(n *yaml.Node) { r.Findings = p.retained(n, "findings") }},
		field{name: "results", read: func(n *yaml.Node) { r.Results = p.retained(n, "results") }},
		field{name: "runs", read: func(n *yaml.Node) { r.Runs = p.retained(n, "runs") }},
	)
	return r
}

func (p *parser) retained(n *yaml.Node, what string) time.Duration {
	m := retainedTime.FindStringSubmatch(n.Value)
	if n.Kind != yaml.ScalarNode || m == nil {
		p.fail(n, "%s: %s is expected, not %s", what, retainedForm, kindOf(n))
		return 0
	}
	number, _ := strconv.Atoi(m[1]) // five digits at most
	if m[2] == "d" {
		number *= 24
	}
	return time.Duration(number) * time.Hour
}
