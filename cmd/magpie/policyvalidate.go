package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	service "github.com/magpie-sec/magpie/internal/accessanalyzer"
	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/iam/lint"
	"github.com/magpie-sec/magpie/internal/resource"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/accessanalyzer"
)

type validateCommand struct {
	Files        []string `arg:"" name:"FILE" help:"Policies in JSON, or CloudFormation templates, of which every policy is looked at; - is standard input."`
	Type         string   `default:"auto" enum:"auto,identity,resource,scp,rcp" help:"identity, resource (also trust policies of roles), scp or rcp (control policies), or auto: a policy that names principals is one of a resource."`
	ResourceType string   `placeholder:"TYPE" help:"The type of resource that a resource policy is for, such as AWS::S3::Bucket; it adds checks. Templates tell it themselves."`
	FailOn       string   `default:"security-warning" enum:"error,security-warning,warning,suggestion,none" placeholder:"TYPE" help:"Exit with 3 on findings of this type or a graver one: error, security-warning (the default), warning, suggestion; or none."`
	policyFlags  `embed:""`
}

// Help is what the command's --help says below the flags.
func (validateCommand) Help() string {
	return "The findings are those of ValidatePolicy: errors, by which a policy is refused or means nothing in part; security warnings, by which it lets " +
		"in more than was probably meant; warnings; suggestions.\n\n" +
		"Exit codes: 0 nothing that --fail-on names, 1 error, 2 a policy is not known as a whole, 3 findings that --fail-on names.\n\n" +
		"Examples:\n  magpie policy validate policies/*.json\n  magpie policy validate --resource-type AWS::S3::Bucket bucket-policy.json\n" +
		"  magpie policy validate --fail-on error --format sarif template.yaml > magpie.sarif"
}

// lintKinds are the kinds of policies by --type.
var lintKinds = map[string]iam.Kind{"identity": iam.Identity, "resource": iam.Resource, "scp": iam.SCP, "rcp": iam.RCP}

// Run validates policies.
func (c validateCommand) Run(_ context.Context, std stdio) error {
	var documents []*policyDocument
	var problems []error
	values := c.values()
	for _, path := range c.Files {
		list, err := c.documents(path, values, std)
		if err != nil {
			problems = append(problems, err)
		}
		documents = append(documents, list...)
	}
	if err := errors.Join(problems...); err != nil {
		return err
	}
	if err := values.check(); err != nil {
		return err
	}
	out := newValidateReport(c.Format, std.out)
	counts := map[lint.Type]int{}
	undecided := 0
	for _, d := range documents {
		v := &validated{document: d}
		if d.gap != "" {
			undecided++
		} else {
			kind, target := d.lintKind(c.Type), d.target
			if d.name == "" && kind == iam.Resource {
				target = c.ResourceType
			}
			v.findings = lint.Check(d.text, kind, target)
		}
		for i := range v.findings {
			counts[v.findings[i].Type]++
		}
		if err := out.policy(v); err != nil {
			return err
		}
	}
	if err := out.close(); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	fmt.Fprintf(std.err, "\n%s: %s, %s, %s, %s; %d undecided\n", policies(len(documents)), plural(counts[lint.Error], "error"),
		plural(counts[lint.SecurityWarning], "security warning"), plural(counts[lint.Warning], "warning"), plural(counts[lint.Suggestion], "suggestion"), undecided)
	worst := map[string]lint.Type{"error": lint.Error, "security-warning": lint.SecurityWarning, "warning": lint.Warning, "suggestion": lint.Suggestion}
	least, fails := worst[c.FailOn]
	for t := range counts {
		if fails && t <= least {
			return exitCode(exitFailOn)
		}
	}
	if undecided > 0 {
		return exitCode(exitIncomplete)
	}
	return nil
}

// documents reads the policies of a file, right or wrong.
func (c validateCommand) documents(path string, values *parameterValues, std stdio) ([]*policyDocument, error) {
	name, text, err := readText(path, std)
	if err != nil {
		return nil, err
	}
	if isTemplate(text) {
		return c.ofTemplate(name, text, anyKind, values)
	}
	return []*policyDocument{{file: name, text: string(text), whole: resource.Place{File: name, Line: 1, Column: 1}}}, nil
}

// lintKind is the kind of policy that --type says, or that it is by what stands in it.
func (d *policyDocument) lintKind(flag string) iam.Kind {
	switch {
	case flag != "auto":
	case d.control != "":
		flag = d.control
	default:
		flag = kindOfPolicy(d.text)
	}
	return lintKinds[flag]
}

// A validated is what was found amiss with one policy.
type validated struct {
	document *policyDocument
	findings []lint.Finding
}

// at is where a finding is: in a policy's file its own place, in a template the place of the statement.
func (v *validated) at(f *lint.Finding) resource.Place {
	d := v.document
	if len(f.Locations) == 0 {
		return d.whole
	}
	l := f.Locations[0]
	if d.places == nil {
		return resource.Place{File: d.file, Line: l.Start.Line, Column: l.Start.Column + 1}
	}
	for i, step := range l.Path {
		if step.Kind == iam.StepIndex && i == 1 && l.Path[0].Name == "Statement" && step.Index < len(d.places) {
			return d.places[step.Index]
		}
	}
	return d.whole
}

// where names the element that a finding is about.
func where(f *lint.Finding) string {
	if len(f.Locations) == 0 {
		return ""
	}
	return f.Locations[0].String()
}

type validateReport interface {
	policy(v *validated) error
	close() error
}

func newValidateReport(format string, w io.Writer) validateReport {
	out := bufio.NewWriter(w)
	switch format {
	case "json":
		return &validateJSON{out}
	case "sarif":
		return &validateSARIF{out: out, rules: map[iam.Code]policyRule{}}
	}
	return &validateTable{accessTable{out: out, colour: coloured(w), width: lineWidth(w)}}
}

// validateTable is for people.
type validateTable struct{ accessTable }

// lintColours are the colours of types of findings.
var lintColours = map[lint.Type]string{lint.Error: red, lint.SecurityWarning: red, lint.Warning: yellow, lint.Suggestion: cyan}

func (t *validateTable) policy(v *validated) error {
	d := v.document
	if t.count > 0 {
		fmt.Fprintln(t.out)
	}
	t.count++
	switch {
	case d.gap != "":
		fmt.Fprintf(t.out, "%s\n  %s  %s\n", t.in(bold, printable(d.label())), t.in(cyan, "UNDECIDED"), wrapped(printable(d.gap), t.width, 13))
	case len(v.findings) == 0:
		fmt.Fprintf(t.out, "%s  %s\n", t.in(bold, printable(d.label())), t.in(green, "ok"))
	default:
		fmt.Fprintln(t.out, t.in(bold, printable(d.label())))
	}
	const indent = 20
	gravest := slices.Clone(v.findings)
	slices.SortStableFunc(gravest, func(f, g lint.Finding) int { return cmp.Compare(f.Type, g.Type) })
	for i := range gravest {
		f := &gravest[i]
		p := v.at(f)
		label := strings.ReplaceAll(f.Type.String(), "_", " ")
		fmt.Fprintf(t.out, "  %s  %s\n", t.in(lintColours[f.Type], fmt.Sprintf("%-*s", indent-4, label)), t.in(dim, string(f.Code)))
		fmt.Fprintf(t.out, "%*s%s\n", indent, "", wrapped(visible(f.Details), t.width, indent))
		fmt.Fprintf(t.out, "%*s%s\n", indent, "", t.in(dim, wrapped(printable(p.String())+"  "+visible(where(f)), t.width, indent)))
	}
	return t.out.Flush()
}

func (t *validateTable) close() error {
	if t.count == 0 {
		fmt.Fprintln(t.out, "No policy to check.")
	}
	return t.out.Flush()
}

// validateJSON writes ValidatePolicy's answers, one to a line, with the file and, in a template, the policy's place beside their members.
type validateJSON struct{ out *bufio.Writer }

func (j *validateJSON) policy(v *validated) error {
	answer := &accessanalyzer.ValidatePolicyOutput{Findings: []accessanalyzer.ValidatePolicyFinding{}}
	for i := range v.findings {
		answer.Findings = append(answer.Findings, service.PolicyFinding(&v.findings[i]))
	}
	return writeAnswer(j.out, v.document, answer, v.document.gap)
}

func (j *validateJSON) close() error { return j.out.Flush() }

// writeAnswer writes the answer of an operation on a line, or why there is none.
func writeAnswer(out *bufio.Writer, d *policyDocument, answer wire.Encoder, gap string) error {
	var line bytes.Buffer
	e := json.NewEncoder(&line)
	e.SetEscapeHTML(false)
	member := func(before, value string) {
		line.WriteString(before)
		_ = e.Encode(value) // texts are always written
		line.Truncate(line.Len() - 1)
	}
	member(`{"file":`, d.file)
	if d.name != "" {
		member(`,"policy":`, d.name)
	}
	if gap != "" {
		member(`,"error":`, gap)
		line.WriteByte('}')
	} else {
		line.WriteByte(',')
		line.Write(bytes.TrimPrefix(wire.Marshal(answer), []byte("{")))
	}
	line.WriteByte('\n')
	out.Write(line.Bytes())
	return out.Flush()
}

// validateSARIF writes a result for each finding, with a rule for each issue code.
type validateSARIF struct {
	out     *bufio.Writer
	results []policyResult
	rules   map[iam.Code]policyRule
}

// sarifLevels are SARIF's levels of types of findings, and what code scanning services sort by.
var sarifLevels = map[lint.Type]struct{ level, severity string }{lint.Error: {"error", ""}, lint.SecurityWarning: {"error", "7.0"},
	lint.Warning: {"warning", ""}, lint.Suggestion: {"note", ""}}

func (s *validateSARIF) policy(v *validated) error {
	d := v.document
	if d.gap != "" {
		s.rules[ruleNoAnswer] = checkRules[len(checkRules)-1]
		s.add(ruleNoAnswer, "warning", d.label()+" could not be validated: "+d.gap, d.whole)
	}
	for i := range v.findings {
		f := &v.findings[i]
		l := sarifLevels[f.Type]
		if _, known := s.rules[f.Code]; !known {
			r := newRule(string(f.Code), l.level, l.severity, strings.ReplaceAll(strings.ToLower(string(f.Code)), "_", " "), "See "+f.LearnMore())
			r.HelpURI = f.LearnMore()
			s.rules[f.Code] = r
		}
		s.add(string(f.Code), l.level, f.Details+" ("+where(f)+")", v.at(f))
	}
	return nil
}

func (s *validateSARIF) add(rule, level, message string, at resource.Place) {
	if len(s.results) < sarifResults {
		s.results = append(s.results, resultAt(rule, level, message, at))
	}
}

func (s *validateSARIF) close() error {
	rules := []policyRule{}
	for _, code := range slices.Sorted(maps.Keys(s.rules)) {
		rules = append(rules, s.rules[code])
	}
	return writeSARIF(s.out, rules, s.results)
}
