// Package arn parses, formats, matches and builds Amazon Resource Names.
package arn

import (
	"fmt"
	"strings"
)

// ARN is an Amazon Resource Name taken apart:
// arn:Partition:Service:Region:Account:Resource. Region and Account are empty
// for resources without one (an S3 bucket has neither); Resource may itself
// contain colons and slashes.
type ARN struct {
	Partition string
	Service   string
	Region    string
	Account   string
	Resource  string
}

// String returns the ARN in its one-line form. It is the exact inverse of
// Parse.
func (a ARN) String() string {
	return "arn:" + a.Partition + ":" + a.Service + ":" + a.Region + ":" + a.Account + ":" + a.Resource
}

// Parse takes an ARN apart. It fails when s does not begin with "arn:", has
// fewer than six colon-separated parts, or lacks a partition, a service or a
// resource. It does not ask whether the Region or the account exists.
func Parse(s string) (ARN, error) {
	rest, ok := strings.CutPrefix(s, "arn:")
	if !ok {
		return ARN{}, fmt.Errorf("not an ARN: %q does not begin with \"arn:\"", clip(s))
	}
	parts := strings.SplitN(rest, ":", 5)
	if len(parts) < 5 {
		return ARN{}, fmt.Errorf("not an ARN: %q has %d parts and needs 6 (arn:partition:service:region:account:resource)", clip(s), len(parts)+1)
	}
	a := ARN{Partition: parts[0], Service: parts[1], Region: parts[2], Account: parts[3], Resource: parts[4]}
	switch {
	case a.Partition == "":
		return ARN{}, fmt.Errorf("not an ARN: %q has no partition", clip(s))
	case a.Service == "":
		return ARN{}, fmt.Errorf("not an ARN: %q has no service", clip(s))
	case a.Resource == "":
		return ARN{}, fmt.Errorf("not an ARN: %q has no resource", clip(s))
	}
	return a, nil
}

// clip keeps error messages short when the text is not what it should be.
func clip(s string) string {
	const limit = 80
	if len(s) > limit {
		return s[:limit] + "..."
	}
	return s
}

// ResourceType returns what stands before the first slash or colon of the
// resource ("role" of role/admin, "function" of function:thumbnail), or "" when
// the resource has no type (an S3 bucket, an SQS queue).
func (a ARN) ResourceType() string {
	if i := strings.IndexAny(a.Resource, "/:"); i >= 0 {
		return a.Resource[:i]
	}
	return ""
}

// ResourceID returns what follows the resource type and its separator, or the
// whole resource when it has no type.
func (a ARN) ResourceID() string {
	return a.Resource[strings.IndexAny(a.Resource, "/:")+1:]
}

// IsAccount reports whether s has the form of an AWS account id: exactly twelve
// ASCII digits.
func IsAccount(s string) bool {
	if len(s) != 12 {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}
