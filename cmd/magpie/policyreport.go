package main

import (
	"bufio"
	"fmt"
	"io"

	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/resource"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/accessanalyzer"
)

// A checkReport writes the answers to a check, policy by policy.
type checkReport interface {
	policy(c *checked) error
	close() error
}

func newCheckReport(format, check string, w io.Writer) checkReport {
	out := bufio.NewWriter(w)
	switch format {
	case "json":
		return &checkJSON{out}
	case "sarif":
		return &checkSARIF{out: out, check: check}
	}
	return &checkTable{accessTable: accessTable{out: out, colour: coloured(w), width: lineWidth(w)}}
}

// checkTable is for people.
type checkTable struct {
	accessTable
	spoke bool // the last policy took more than a line
}

// excerptLines is how many lines of a statement are shown.
const excerptLines = 16

func (t *checkTable) policy(c *checked) error {
	const indent = len("UNDECIDED ")
	colour, word, say := red, "FAIL", c.message
	switch {
	case c.gap != "":
		colour, word, say = cyan, "UNDECIDED", printable(c.gap)
	case c.passes:
		colour, word, say = green, "PASS", ""
	}
	if t.count > 0 && (say != "" || t.spoke) {
		fmt.Fprintln(t.out)
	}
	t.count++
	t.spoke = say != ""
	fmt.Fprintf(t.out, "%s %s\n", t.in(colour, fmt.Sprintf("%-*s", indent-1, word)), t.in(bold, printable(c.document.label())))
	if say != "" {
		fmt.Fprintf(t.out, "%*s%s\n", indent, "", wrapped(say, t.width, indent))
	}
	for i := range c.reasons {
		t.reason(c, &c.reasons[i])
	}
	return t.out.Flush()
}

// codeIndent is how far the text of a statement stands in.
const codeIndent = 14

func (t *checkTable) reason(c *checked, r *accessanalyzer.ReasonSummary) {
	index := int(wire.Value(r.StatementIndex))
	s := c.document.statement(index)
	if s == nil {
		return
	}
	fmt.Fprintf(t.out, "\n          %s, %s\n", statementName(index, s), t.in(dim, printable(c.document.place(s).String())))
	lines := c.document.excerpt(s)
	for i, l := range lines {
		if i == excerptLines-1 && len(lines) > excerptLines {
			l = fmt.Sprintf("... (%d lines)", len(lines))
		}
		fmt.Fprintf(t.out, "%*s%s\n", codeIndent, "", t.in(dim, l))
		if i == excerptLines-1 {
			break
		}
	}
	if w := c.requestWords(index); w != "" {
		fmt.Fprintf(t.out, "          %s\n", wrapped("lets through: "+w, t.width, codeIndent))
	}
}

// statementName names a statement by index and Sid.
func statementName(index int, s *iam.Statement) string {
	if s != nil && s.Sid.Value != "" {
		return fmt.Sprintf("statement %d %s", index, printable(s.Sid.Value))
	}
	return fmt.Sprintf("statement %d", index)
}

// requestWords tells the request that shows why a statement fails a check; "" if there is none.
func (c *checked) requestWords(index int) string {
	w := c.requests[index]
	switch {
	case w == nil:
		return ""
	case c.document.kind == accessanalyzer.AccessCheckPolicyTypeIdentityPolicy:
		return identityRequest(w)
	}
	return request(w, "", "")
}

// checkJSON writes the API's answers, one to a line, with the file and, in a template, the policy's place beside their members.
type checkJSON struct{ out *bufio.Writer }

func (j *checkJSON) policy(c *checked) error { return writeAnswer(j.out, c.document, c.answer, c.gap) }

func (j *checkJSON) close() error { return j.out.Flush() }

// checkSARIF writes a result for each statement that a check fails for.
type checkSARIF struct {
	out     *bufio.Writer
	check   string
	results []policyResult
}

var checkRules = []policyRule{
	newRule("check-no-new-access", "error", "7.0", "The policy allows something that the existing one does not",
		"Narrow the statement until the check passes, or have the new access approved and the existing policy changed."),
	newRule("check-access-not-granted", "error", "7.0", "The policy grants actions or resources that must not be granted",
		"Take the actions or resources out of the statement, or deny them."),
	newRule("check-no-public-access", "error", "9.0", "The policy lets everyone in",
		"Limit the statement to principals, an organization, or the sources that are meant."),
	newRule(ruleNoAnswer, "warning", "", "A policy could not be checked", "The message says what is not known or cannot be decided."),
}

const ruleNoAnswer = "check-undecided"

func (s *checkSARIF) policy(c *checked) error {
	d := c.document
	if c.gap != "" {
		s.add(ruleNoAnswer, "warning", d.label()+" could not be checked: "+c.gap, d.whole)
	}
	for i := range c.reasons {
		r := &c.reasons[i]
		index := int(wire.Value(r.StatementIndex))
		message := c.message + " " + wire.Value(r.Description)
		if w := c.requestWords(index); w != "" {
			message += " It lets through: " + w + "."
		}
		s.add(s.check, "error", message, d.place(d.statement(index)))
	}
	return nil
}

func (s *checkSARIF) add(rule, level, message string, at resource.Place) {
	s.results = append(s.results, resultAt(rule, level, message, at))
}

// resultAt is a result about a place.
func resultAt(rule, level, message string, at resource.Place) policyResult {
	l := policyLocation{Physical: physical(at.File, at.Line, at.Column)}
	if l.Physical == nil {
		l.Logical = []logicalElement{{Name: standardInput}}
	}
	return policyResult{RuleID: rule, Level: level, Message: sarifText{message}, Locations: []policyLocation{l}}
}

func (s *checkSARIF) close() error {
	return writeSARIF(s.out, usedRules(checkRules, s.results), s.results)
}

func (t *checkTable) close() error {
	if t.count == 0 {
		fmt.Fprintln(t.out, "No policy to check.")
	}
	return t.out.Flush()
}
