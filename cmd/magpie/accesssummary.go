package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/magpie-sec/magpie/internal/inventory"
)

// An accessSummary counts over a run.
type accessSummary struct {
	began     time.Time
	shown     bool // the report says for people what could not be decided
	resources int
	reachable int // from outside
	public    int // findings
	external  int // other findings
	undecided []undecided
	problems  []string
	notRead   map[string][]string // names by type
	loose     []string            // guards of something that is not in the documents
}

type undecided struct{ arn, reason string }

func newAccessSummary(shown bool) *accessSummary {
	return &accessSummary{began: time.Now(), shown: shown, notRead: map[string][]string{}}
}

// guardTypes are the types of resources that guard another: without it nothing can be said of whom they let in. Permissions of Lambda are not
// among them, as those of versions and aliases are no matter of the analysis.
var guardTypes = []string{"AWS::S3::BucketPolicy", "AWS::S3::AccessPoint", "AWS::S3::MultiRegionAccessPointPolicy", "AWS::S3Express::BucketPolicy",
	"AWS::S3Express::AccessPoint", "AWS::SQS::QueuePolicy", "AWS::SQS::QueueInlinePolicy", "AWS::SNS::TopicPolicy", "AWS::SNS::TopicInlinePolicy",
	"AWS::SecretsManager::ResourcePolicy"}

// estate takes in what of a source was not used.
func (s *accessSummary) estate(e *accessEstate) {
	for _, p := range e.Problems {
		s.problems = append(s.problems, problemText(e, p))
	}
	for _, n := range e.NotRead {
		kind, name, _ := strings.Cut(n, " ")
		if slices.Contains(guardTypes, kind) {
			s.loose = append(s.loose, n)
			continue
		}
		s.notRead[kind] = append(s.notRead[kind], name)
	}
}

func problemText(e *accessEstate, p inventory.Problem) string {
	if e.folder != "" {
		return strings.TrimSuffix(e.folder, "/") + "/" + p.String()
	}
	return p.String()
}

func (s *accessSummary) add(a *analysed) {
	s.resources++
	if len(a.result.Findings) > 0 {
		s.reachable++
	}
	for i := range a.result.Findings {
		if a.result.Findings[i].Public {
			s.public++
		} else {
			s.external++
		}
	}
	if a.result.Error != "" {
		s.undecided = append(s.undecided, undecided{a.ARN, a.result.Reason})
	}
}

// listedUndecided is how many resources the summary names.
const listedUndecided = 20

// print writes the summary for people.
func (s *accessSummary) print(w io.Writer) {
	fmt.Fprintf(w, "\n%s analysed in %s: %d can be reached from outside, by %s; %d undecided\n", plural(s.resources, "resource"),
		time.Since(s.began).Round(time.Millisecond), s.reachable, findingsText(s.public, s.external), len(s.undecided))
	if len(s.undecided) > 0 && !s.shown {
		fmt.Fprintln(w, "\nNot decided:")
		for _, u := range s.undecided[:min(listedUndecided, len(s.undecided))] {
			fmt.Fprintf(w, "  %s: %s\n", printable(u.arn), printable(u.reason))
		}
		if more := len(s.undecided) - listedUndecided; more > 0 {
			fmt.Fprintf(w, "  and %d more\n", more)
		}
	}
	if len(s.problems) > 0 {
		fmt.Fprintln(w, "\nCould not be read:")
		for _, p := range s.problems {
			fmt.Fprintf(w, "  %s\n", printable(p))
		}
	}
	if len(s.loose) > 0 {
		fmt.Fprintln(w, "\nPolicies of something that is described elsewhere, which leaves them undecided:")
		for _, n := range s.loose {
			fmt.Fprintf(w, "  %s\n", printable(n))
		}
	}
	if len(s.notRead) > 0 {
		fmt.Fprintln(w, "\nNot read:")
		for _, kind := range slices.Sorted(maps.Keys(s.notRead)) {
			names := s.notRead[kind]
			more := ""
			if len(names) > listedSkips {
				names, more = names[:listedSkips], fmt.Sprintf(" and %d more", len(names)-listedSkips)
			}
			fmt.Fprintf(w, "  %s: %s%s\n", printable(kind), printable(strings.Join(names, ", ")), more)
		}
	}
}

func findingsText(public, external int) string {
	if public+external == 0 {
		return "no finding"
	}
	return fmt.Sprintf("%s (%d public)", plural(public+external, "finding"), public)
}

func plural(n int, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return fmt.Sprintf("%d %ss", n, of)
}

// exit returns the exit code as an error, nil for complete.
func (s *accessSummary) exit(failOn string) error {
	switch {
	case failOn != "" && s.public > 0, failOn == "any" && s.external > 0:
		return exitCode(exitFailOn)
	case len(s.undecided)+len(s.problems)+len(s.loose) > 0:
		return exitCode(exitIncomplete)
	}
	return nil
}
