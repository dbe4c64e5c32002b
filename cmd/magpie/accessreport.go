package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/magpie-sec/magpie/internal/iam/reach"
	"github.com/magpie-sec/magpie/internal/resource"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/accessanalyzer"
)

// An accessReport writes what is found, resource by resource.
type accessReport interface {
	resource(a *analysed) error
	close() error
}

func newAccessReport(format string, w io.Writer, zone reach.Zone) (accessReport, error) {
	out := bufio.NewWriter(w)
	switch format {
	case "table":
		return &accessTable{out: out, colour: coloured(w), width: lineWidth(w)}, nil
	case "json":
		return &accessJSON{out: out, zone: zone, now: time.Now()}, nil
	case "jsonl":
		return &accessJSON{out: out, zone: zone, now: time.Now(), lines: true}, nil
	case "sarif":
		return &accessSARIF{out: out, zone: zone}, nil
	}
	return nil, fmt.Errorf("there is no format %q", format)
}

// accessTable is for people.
type accessTable struct {
	out    *bufio.Writer
	colour bool
	width  int
	count  int
}

// The colours of what is said of access.
const (
	red    = "\x1b[31m"
	yellow = "\x1b[33m"
	cyan   = "\x1b[36m"
	green  = "\x1b[32m"
	bold   = "\x1b[1m"
	dim    = "\x1b[2m"
	plain  = "\x1b[0m"
)

// coloured reports whether an output is for colours: a terminal whose user does not refuse them (no-color.org).
func coloured(w io.Writer) bool { return isTerminal(w) && os.Getenv("NO_COLOR") == "" }

func (t *accessTable) in(colour, s string) string {
	if !t.colour {
		return s
	}
	return colour + s + plain
}

// accessIndent is how far the details stand in.
const accessIndent = 12

func (t *accessTable) resource(a *analysed) error {
	if len(a.result.Findings) == 0 && a.result.Error == "" {
		return nil
	}
	if t.count > 0 {
		fmt.Fprintln(t.out)
	}
	t.count++
	head := t.in(bold, printable(a.ARN)) + "  " + t.in(dim, a.Type)
	if p := a.estate.place(a.Place); p.File != "" {
		head += "  " + t.in(dim, printable(p.String()))
	}
	fmt.Fprintln(t.out, head)
	for i := range a.result.Findings {
		t.finding(a, i)
	}
	if a.result.Error != "" {
		fmt.Fprintf(t.out, "\n  %s\n", t.in(cyan, "UNDECIDED")+" "+wrapped("Others may have access as well; this cannot be told.", t.width, accessIndent))
		t.detail("because", printable(a.result.Reason))
	}
	return t.out.Flush()
}

func (t *accessTable) finding(a *analysed, i int) {
	f := &a.result.Findings[i]
	colour, word := yellow, "EXTERNAL "
	if f.Public {
		colour, word = red, "PUBLIC   "
	}
	fmt.Fprintf(t.out, "\n  %s %s\n", t.in(colour, word), wrapped(sentence(f), t.width, accessIndent))
	for j := range f.Reasons {
		label := "because"
		if j > 0 {
			label = ""
		}
		t.detail(label, because(a, &f.Reasons[j]))
	}
	t.detail("request", request(witness(a, f), a.Marker, a.ARN))
	label := "to close"
	for _, line := range closing(a, i) {
		t.detail(label, line)
		label = ""
	}
}

func (t *accessTable) detail(label, text string) {
	fmt.Fprintf(t.out, "  %s%s\n", t.in(dim, fmt.Sprintf("%-*s", accessIndent-2, label)), wrapped(text, t.width, accessIndent))
}

// sentence tells a finding on one line: who can do what, under which condition.
func sentence(f *resource.Finding) string {
	s := who(f)
	s = strings.ToUpper(s[:1]) + s[1:]
	if strings.HasPrefix(s, "Arn:") {
		s = who(f)
	}
	s += " can " + what(f.Actions)
	if c := when(f); c != "" {
		s += ", if " + c
	}
	return s
}

// because names a statement that grants access, and where it stands.
func because(a *analysed, r *resource.Reason) string {
	s := r.Document
	switch {
	case r.Document == "ACL", r.Document == "sharing", strings.HasPrefix(r.Document, "grant"):
	case r.Sid != "":
		s = fmt.Sprintf("%s, statement %d %s", r.Document, r.Statement, printable(r.Sid))
	default:
		s = fmt.Sprintf("%s, statement %d", r.Document, r.Statement)
	}
	p := a.estate.place(r.Place)
	if p.File == "" {
		p = a.estate.place(a.Place)
	}
	if p.File != "" {
		s += ", " + printable(p.String())
	}
	return s
}

func (t *accessTable) close() error {
	if t.count == 0 {
		fmt.Fprintln(t.out, "No access from outside the zone of trust.")
	}
	return t.out.Flush()
}

// accessJSON writes findings as ListFindings answers them, as one answer or each on a line.
type accessJSON struct {
	out   *bufio.Writer
	zone  reach.Zone
	now   time.Time
	lines bool
	count int
}

func (j *accessJSON) resource(a *analysed) error {
	for _, f := range findingSummaries(a, j.zone, j.now) {
		if j.lines {
			j.out.Write(wire.Marshal(f))
			j.out.WriteByte('\n')
			continue
		}
		separator := ",\n"
		if j.count == 0 {
			separator = "{\"findings\":[\n"
		}
		j.count++
		j.out.WriteString(separator)
		j.out.Write(wire.Marshal(f))
	}
	return j.out.Flush()
}

func (j *accessJSON) close() error {
	switch {
	case j.lines:
	case j.count == 0:
		j.out.WriteString("{\"findings\":[]}\n")
	default:
		j.out.WriteString("\n]}\n")
	}
	return j.out.Flush()
}

// findingSummaries are a resource's findings, and its error finding, as the API has them.
func findingSummaries(a *analysed, zone reach.Zone, now time.Time) []*accessanalyzer.FindingSummary {
	make := func(id string) *accessanalyzer.FindingSummary {
		return &accessanalyzer.FindingSummary{
			Id: &id, Resource: &a.ARN, ResourceType: accessanalyzer.ResourceType(a.Type), ResourceOwnerAccount: &a.Account,
			Condition: map[string]string{}, Status: accessanalyzer.FindingStatusActive,
			CreatedAt: wire.PtrTime(now), AnalyzedAt: wire.PtrTime(now), UpdatedAt: wire.PtrTime(now),
		}
	}
	var list []*accessanalyzer.FindingSummary
	for i := range a.result.Findings {
		f := &a.result.Findings[i]
		s := make(findingID(a, f, zone))
		s.Principal = map[string]string{string(f.Principal.Kind): f.Principal.Value}
		for _, t := range f.Condition {
			s.Condition[t.Key] = t.Label
		}
		s.Action, s.IsPublic = f.Actions, &f.Public
		s.ResourceControlPolicyRestriction = accessanalyzer.ResourceControlPolicyRestrictionNotApplicable // none are known here
		for _, from := range f.Sources {
			s.Sources = append(s.Sources, findingSource(from))
		}
		list = append(list, s)
	}
	if a.result.Error != "" {
		s := make(findingID(a, nil, zone))
		s.Error = &a.result.Error
		list = append(list, s)
	}
	return list
}

func findingSource(from resource.Source) accessanalyzer.FindingSource {
	s := accessanalyzer.FindingSource{Type: accessanalyzer.FindingSourceType(from.Type)}
	if from.AccessPointARN != "" || from.AccessPointAccount != "" {
		s.Detail = &accessanalyzer.FindingSourceDetail{}
		if from.AccessPointARN != "" {
			s.Detail.AccessPointArn = &from.AccessPointARN
		}
		if from.AccessPointAccount != "" {
			s.Detail.AccessPointAccount = &from.AccessPointAccount
		}
	}
	return s
}

// findingID derives a finding's id from what it says, so that the same access has the same id in every run. It is not the id that a server
// gives it. nil stands for the error finding of a resource.
func findingID(a *analysed, f *resource.Finding, zone reach.Zone) string {
	said := []any{zone.Organization, a.Type, a.ARN, a.Account}
	if f != nil {
		said = append(said, f.Principal, f.Condition, f.Actions, f.Public, f.Sources)
	}
	var text bytes.Buffer
	_ = json.NewEncoder(&text).Encode(said) // of texts, which are always written
	sum := sha256.Sum256(text.Bytes())
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80 // version 8, RFC 9562
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}
