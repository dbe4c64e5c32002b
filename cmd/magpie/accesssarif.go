package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/magpie-sec/magpie/internal/iam/reach"
	"github.com/magpie-sec/magpie/internal/resource"
)

// accessSARIF writes SARIF 2.1.0 (OASIS standard, 2020-03-27): a result for each finding, at the statement that grants it.
type accessSARIF struct {
	out     *bufio.Writer
	zone    reach.Zone
	results []policyResult
	left    int // findings beyond what services take
}

// A policyResult is a result about policies.
type policyResult struct {
	RuleID       string              `json:"ruleId"`
	Level        string              `json:"level"`
	Message      sarifText           `json:"message"`
	Locations    []policyLocation    `json:"locations"`
	Related      []policyLocation    `json:"relatedLocations,omitempty"`
	Fingerprints map[string]string   `json:"partialFingerprints,omitempty"`
	Properties   map[string][]string `json:"properties,omitempty"`
}

type policyLocation struct {
	Physical *policyPhysical  `json:"physicalLocation,omitempty"`
	Logical  []logicalElement `json:"logicalLocations,omitempty"`
}

type policyPhysical struct {
	Artifact struct {
		URI string `json:"uri"`
	} `json:"artifactLocation"`
	Region *policyRegion `json:"region,omitempty"`
}

type policyRegion struct {
	StartLine   int `json:"startLine"`
	StartColumn int `json:"startColumn,omitempty"`
}

type logicalElement struct {
	Name string `json:"fullyQualifiedName"`
	Kind string `json:"kind,omitempty"`
}

// A policyRule is a rule of results about policies.
type policyRule struct {
	ID         string            `json:"id"`
	Short      sarifText         `json:"shortDescription"`
	Full       sarifText         `json:"fullDescription"`
	Help       sarifText         `json:"help"`
	HelpURI    string            `json:"helpUri,omitempty"`
	Default    map[string]string `json:"defaultConfiguration"`
	Properties map[string]any    `json:"properties"`
}

// newRule makes a rule; severity is what code scanning services sort by, 0.0 to 10.0 as in CVSS, "" for none.
func newRule(id, level, severity, short, help string) policyRule {
	r := policyRule{ID: id, Short: sarifText{short}, Full: sarifText{short}, Help: sarifText{help}, Default: map[string]string{"level": level},
		Properties: map[string]any{"tags": []string{"security", "iam"}}}
	if severity != "" {
		r.Properties["security-severity"] = severity
	}
	return r
}

// The rules of external access, by kind of finding.
const (
	rulePublic    = "public-access"
	ruleExternal  = "external-access"
	ruleFederated = "federated-access"
	ruleUndecided = "undecided-access"
)

var accessRules = []policyRule{
	newRule(rulePublic, "error", "9.0", "Everyone can use the resource",
		"A policy, access control list or share lets everyone in, also without an AWS account of their own or known name. Limit the statement to principals or an organization, or take it away."),
	newRule(ruleExternal, "warning", "6.0", "Someone outside the zone of trust can use the resource",
		"A statement lets in a principal that is not of the account, or of the organization. If that is meant, nothing is to be done; otherwise take it away."),
	newRule(ruleFederated, "warning", "5.0", "Users of an identity provider can take on the role",
		"Users of identity providers are outside every zone of trust. See that the conditions name the audience and the subjects that are meant."),
	newRule(ruleUndecided, "warning", "", "Whether someone outside can use the resource cannot be told",
		"Something that decides about access is not known, such as a parameter without a value. The message says what."),
}

// fingerprint is the name of the fingerprint of results that are findings: the id that --format json gives.
const fingerprint = "externalAccess/v1"

func (s *accessSARIF) resource(a *analysed) error {
	for i := range a.result.Findings {
		f := &a.result.Findings[i]
		rule, level := ruleExternal, "warning"
		switch {
		case f.Public:
			rule, level = rulePublic, "error"
		case f.Principal.Kind == reach.Federated:
			rule = ruleFederated
		}
		r := policyResult{RuleID: rule, Level: level, Message: sarifText{s.message(a, i)},
			Fingerprints: map[string]string{fingerprint: findingID(a, f, s.zone)}, Properties: map[string][]string{"actions": f.Actions}}
		for j, reason := range f.Reasons {
			if reason.Place.File == "" {
				reason.Place = a.Place
			}
			l := placed(a.estate.place(reason.Place), a.Resource)
			switch {
			case j == 0:
				r.Locations = append(r.Locations, l)
			case !slices.ContainsFunc(r.Related, func(other policyLocation) bool { return reflect.DeepEqual(other, l) }): // they are a set
				r.Related = append(r.Related, l)
			}
		}
		if len(r.Locations) == 0 {
			r.Locations = []policyLocation{placed(a.estate.place(a.Place), a.Resource)}
		}
		s.add(r)
	}
	if a.result.Error != "" {
		s.add(policyResult{RuleID: ruleUndecided, Level: "warning", Message: sarifText{a.ARN + ": who can use it cannot be told: " + a.result.Reason},
			Locations: []policyLocation{placed(a.estate.place(a.Place), a.Resource)}, Fingerprints: map[string]string{fingerprint: findingID(a, nil, s.zone)}})
	}
	return nil
}

func (s *accessSARIF) message(a *analysed, i int) string {
	f := &a.result.Findings[i]
	return fmt.Sprintf("%s: %s. For one, %s. To close it: %s.", a.ARN, sentence(f), request(witness(a, f), a.Marker, a.ARN), strings.Join(closing(a, i), " "))
}

func (s *accessSARIF) add(r policyResult) {
	if len(s.results) < sarifResults {
		s.results = append(s.results, r)
	} else {
		s.left++
	}
}

// placed is the location of something about a resource.
func placed(p resource.Place, r *resource.Resource) policyLocation {
	l := policyLocation{Logical: []logicalElement{{r.ARN, "resource"}}}
	l.Physical = physical(p.File, p.Line, p.Column)
	return l
}

// physical is a place in a file, nil without one.
func physical(file string, line, column int) *policyPhysical {
	if file == "" || file == standardInput {
		return nil
	}
	l := &policyPhysical{}
	l.Artifact.URI = (&url.URL{Path: filepath.ToSlash(filepath.Clean(file))}).EscapedPath()
	if strings.Contains(strings.SplitN(l.Artifact.URI, "/", 2)[0], ":") {
		l.Artifact.URI = "./" + l.Artifact.URI // or it would be a scheme
	}
	if line > 0 {
		l.Region = &policyRegion{line, column}
	}
	return l
}

func (s *accessSARIF) close() error {
	return writeSARIF(s.out, usedRules(accessRules, s.results), s.results)
}

// usedRules returns the rules that results have.
func usedRules(all []policyRule, results []policyResult) []policyRule {
	rules := []policyRule{}
	for _, r := range all {
		if slices.ContainsFunc(results, func(result policyResult) bool { return result.RuleID == r.ID }) {
			rules = append(rules, r)
		}
	}
	return rules
}

func writeSARIF(out *bufio.Writer, rules []policyRule, results []policyResult) error {
	if results == nil {
		results = []policyResult{}
	}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", " ")
	err := encoder.Encode(map[string]any{
		"$schema": "https://json.schemastore.org/sarif-2.1.0.json",
		"version": "2.1.0",
		"runs": []any{map[string]any{
			"tool":    map[string]any{"driver": map[string]any{"name": "magpie", "informationUri": "https://github.com/magpie-sec/magpie", "rules": rules}},
			"results": results, "columnKind": "unicodeCodePoints",
		}},
	})
	if err != nil {
		return err
	}
	return out.Flush()
}
