package main

import (
	"bufio"
	"strings"

	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/macie"
	"github.com/magpie-sec/magpie/internal/resource"
)

// exposureSARIF writes SARIF 2.1.0 (OASIS standard, 2020-03-27): a result for each bucket, the worst first, at its description if it has one.
type exposureSARIF struct {
	out     *bufio.Writer
	places  map[string]resource.Place // of buckets, by ARN
	results []policyResult
}

// The rules of exposures: what is known to stand open, and what is not known.
const (
	ruleExposedPublic    = "sensitive-data-public"
	ruleExposedExternal  = "sensitive-data-external"
	ruleExposureUnknown  = "sensitive-data-exposure-unknown"
	ruleOpenWithoutFound = "open-bucket-without-known-sensitive-data"
)

var exposureRules = []policyRule{
	newRule(ruleExposedPublic, "error", "9.5", "Sensitive data stand open to everyone",
		"The bucket is public by S3's meaning, and sensitive data were found in it. Turn on its public access block, or move the objects."),
	newRule(ruleExposedExternal, "warning", "7.0", "Sensitive data stand open to other accounts",
		"The bucket is shared with other accounts or replicated to them, and sensitive data were found in it. If that is meant, nothing is to be done; otherwise close it, or move the objects."),
	newRule(ruleExposureUnknown, "warning", "", "Whether sensitive data stand open cannot be told",
		"Something that decides who has access to the bucket could not be read, or nothing in an open bucket was looked at. The message says what."),
	newRule(ruleOpenWithoutFound, "note", "", "A bucket is open to others, without sensitive data that are known",
		"The bucket is open to others. What was looked at in it held no sensitive data."),
}

// exposureFingerprint is the name of the fingerprint of results that are exposures.
const exposureFingerprint = "exposure/v1"

// exposureRule returns the rule that an exposure breaks, and the level of its result.
func exposureRule(e *macie.Exposure) (rule, level string) {
	switch {
	case e.External() && len(e.Found) > 0 && e.Public:
		rule = ruleExposedPublic
	case e.External() && len(e.Found) > 0:
		rule = ruleExposedExternal
	case len(e.Undecided) > 0 || !e.Analyzed:
		return ruleExposureUnknown, "warning"
	default:
		return ruleOpenWithoutFound, "note"
	}
	if e.Public && e.Severity > detect.Low {
		return rule, "error"
	}
	return rule, "warning"
}

func (s *exposureSARIF) exposure(e *macie.Exposure) error {
	rule, level := exposureRule(e)
	if len(s.results) == sarifResults {
		return nil // the worst are kept
	}
	arn := "arn:aws:s3:::" + e.Bucket
	says := append(reachText(e), dataText(e))
	l := policyLocation{Logical: []logicalElement{{arn, "resource"}}}
	if p, ok := s.places[arn]; ok {
		l.Physical = physical(p.File, p.Line, p.Column)
	}
	r := policyResult{
		RuleID: rule, Level: level, Message: sarifText{arn + ": " + strings.Join(says, "; ") + "."}, Locations: []policyLocation{l},
		Fingerprints: map[string]string{exposureFingerprint: e.Account + "/" + e.Region + "/" + e.Bucket + "/" + rule},
	}
	if len(e.Found) > 0 {
		var ids []string
		for _, f := range e.Found {
			ids = append(ids, f.Identifier)
		}
		r.Properties = map[string][]string{"identifiers": ids}
	}
	s.results = append(s.results, r)
	return nil
}

func (s *exposureSARIF) close() error {
	return writeSARIF(s.out, usedRules(exposureRules, s.results), s.results)
}
