package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/magpie-sec/magpie/internal/macie"
	"github.com/magpie-sec/magpie/internal/resource"
	"github.com/magpie-sec/magpie/internal/wire"
)

// An exposureReport writes exposures, the worst first.
type exposureReport interface {
	exposure(e *macie.Exposure) error
	close() error
}

// newExposureReport makes a report. places are where buckets are described, filled until it is written.
func newExposureReport(format string, w io.Writer, places map[string]resource.Place) (exposureReport, error) {
	out := bufio.NewWriter(w)
	switch format {
	case "table":
		return &exposureTable{accessTable: accessTable{out: out, colour: coloured(w), width: lineWidth(w)}}, nil
	case "json":
		return &exposureJSON{out: out}, nil
	case "jsonl":
		return &exposureLines{out: out}, nil
	case "sarif":
		return &exposureSARIF{out: out, places: places}, nil
	}
	return nil, fmt.Errorf("there is no format %q", format)
}

// exposureWord is what a bucket is at worst.
func exposureWord(e *macie.Exposure) string {
	switch {
	case e.Public:
		return "PUBLIC"
	case e.External():
		return "EXTERNAL"
	}
	return "UNKNOWN"
}

// shownRisk is a risk with one digit behind the point.
func shownRisk(e *macie.Exposure) float64 { return math.Round(e.Risk()*10) / 10 }

// exposureTable is for people.
type exposureTable struct {
	accessTable
	rows int
}

const exposureIndent = 10

func (t *exposureTable) exposure(e *macie.Exposure) error {
	if t.rows > 0 {
		fmt.Fprintln(t.out)
	}
	t.rows++
	word := exposureWord(e)
	colour := map[string]string{"PUBLIC": red, "EXTERNAL": yellow, "UNKNOWN": cyan}[word]
	fmt.Fprintf(t.out, "%s %s  risk %.1f\n", t.in(colour, fmt.Sprintf("%-*s", exposureIndent-1, word)), t.in(bold, printable(e.Bucket)), shownRisk(e))
	say := func(text string) {
		fmt.Fprintf(t.out, "%*s%s\n", exposureIndent, "", wrapped(text, t.width, exposureIndent))
	}
	for _, line := range reachText(e) {
		say(line)
	}
	say(dataText(e))
	if e.Outdated > 0 {
		say(fmt.Sprintf("not counted: findings of %s, changed or gone since", plural(int(e.Outdated), "object")))
	}
	return t.out.Flush()
}

func (t *exposureTable) close() error {
	if t.rows == 0 {
		fmt.Fprintln(t.out, "No bucket is open to others.")
	}
	return t.out.Flush()
}

// reachText says who reaches a bucket.
func reachText(e *macie.Exposure) []string {
	var out []string
	if e.Public {
		out = append(out, "everyone "+publicText(e))
	}
	if e.Shared {
		out = append(out, "shared with "+partiesText(e.SharedWith))
	}
	if e.Replicated {
		out = append(out, "replicated to "+partiesText(e.ReplicatedTo))
	}
	if len(e.Undecided) > 0 {
		text := "not known: " + strings.Join(e.Undecided, ", ")
		if e.Problem != "" {
			text += " (" + printable(e.Problem) + ")"
		}
		out = append(out, text)
	}
	return out
}

func publicText(e *macie.Exposure) string {
	reads, writes := e.Reads != nil && *e.Reads, e.Writes != nil && *e.Writes
	switch {
	case reads && writes:
		return "can read and write"
	case reads:
		return "can read"
	case writes && e.Reads != nil:
		return "can write"
	case e.Reads != nil && e.Writes != nil:
		return "is let in by its policy, and can neither read nor write"
	}
	return "has access; whether they can read is not known"
}

// listedParties is how many accounts a line names.
const listedParties = 8

func partiesText(list []string) string {
	if len(list) == 0 {
		return "other accounts"
	}
	var names []string
	for _, p := range list[:min(len(list), listedParties)] {
		names = append(names, printable(p))
	}
	text := strings.Join(names, ", ")
	if more := len(list) - listedParties; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// dataText says what is known to be in a bucket.
func dataText(e *macie.Exposure) string {
	switch {
	case len(e.Found) == 0 && !e.Analyzed:
		return "nothing in it was looked at"
	case len(e.Found) == 0:
		return "no sensitive data known"
	}
	var types []string
	for _, f := range e.Found {
		types = append(types, fmt.Sprintf("%s %d", printable(f.Identifier), f.Occurrences))
	}
	return fmt.Sprintf("%s: %s with %s", strings.ToLower(e.Severity.String()), plural(int(e.SensitiveObjects), "object"), strings.Join(types, ", "))
}

// exposureDocument is an exposure for programs. Members are absent where nothing is known.
type exposureDocument struct {
	Bucket       string             `json:"bucket"`
	Account      string             `json:"accountId"`
	Region       string             `json:"region"`
	ReadAt       string             `json:"readAt"`
	Exposure     string             `json:"exposure"` // PUBLIC, EXTERNAL or UNKNOWN
	Risk         float64            `json:"risk"`
	Everyone     *everyoneDocument  `json:"everyone,omitempty"`
	Shared       bool               `json:"sharedExternally"`
	SharedWith   []string           `json:"sharedWith"`
	Replicated   bool               `json:"replicatedExternally"`
	ReplicatedTo []string           `json:"replicatedTo"`
	Undecided    []string           `json:"undecided"`
	Problem      string             `json:"problem,omitempty"`
	Analyzed     bool               `json:"analyzed"`
	Severity     string             `json:"severity,omitempty"`
	Objects      int64              `json:"sensitiveObjects"`
	Outdated     int64              `json:"outdatedObjects"`
	Data         []exposedDataShown `json:"sensitiveData"`
}

type everyoneDocument struct {
	Read  *bool `json:"read,omitempty"`
	Write *bool `json:"write,omitempty"`
}

type exposedDataShown struct {
	Category    string `json:"category"`
	Identifier  string `json:"identifier"`
	CustomID    string `json:"customDataIdentifierId,omitempty"`
	Severity    string `json:"severity"`
	Objects     int64  `json:"objects"`
	Occurrences int64  `json:"occurrences"`
}

func documentOf(e *macie.Exposure) *exposureDocument {
	d := &exposureDocument{
		Bucket: e.Bucket, Account: e.Account, Region: e.Region, ReadAt: wire.TimeOf(e.ReadAt).String(), Exposure: exposureWord(e), Risk: shownRisk(e),
		Shared: e.Shared, SharedWith: notNil(e.SharedWith), Replicated: e.Replicated, ReplicatedTo: notNil(e.ReplicatedTo), Undecided: notNil(e.Undecided),
		Problem: e.Problem, Analyzed: e.Analyzed, Objects: e.SensitiveObjects, Outdated: e.Outdated, Data: []exposedDataShown{},
	}
	if e.Public {
		d.Everyone = &everyoneDocument{e.Reads, e.Writes}
	}
	if e.Severity > 0 {
		d.Severity = e.Severity.String()
	}
	for _, f := range e.Found {
		d.Data = append(d.Data, exposedDataShown{f.Category, f.Identifier, f.CustomID, f.Severity.String(), f.Objects, f.Occurrences})
	}
	return d
}

// notNil makes an empty list of none, so that programs find one.
func notNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// exposureJSON writes one object with all exposures.
type exposureJSON struct {
	out  *bufio.Writer
	rows int
}

func (r *exposureJSON) exposure(e *macie.Exposure) error {
	separator := ",\n"
	if r.rows == 0 {
		separator = "{\"exposures\":[\n"
	}
	r.rows++
	r.out.WriteString(separator)
	text, err := json.Marshal(documentOf(e))
	r.out.Write(text)
	return err
}

func (r *exposureJSON) close() error {
	if r.rows == 0 {
		r.out.WriteString(`{"exposures":[`)
	}
	r.out.WriteString("]}\n")
	return r.out.Flush()
}

// exposureLines writes an object for each exposure on a line of its own.
type exposureLines struct{ out *bufio.Writer }

func (r *exposureLines) exposure(e *macie.Exposure) error {
	text, err := json.Marshal(documentOf(e))
	r.out.Write(append(text, '\n'))
	return err
}

func (r *exposureLines) close() error { return r.out.Flush() }

// An exposureSummary counts over a run.
type exposureSummary struct {
	buckets int
	tenants int       // of a server's data
	readAt  time.Time // the oldest of the inventories
	scan    *scanSummary

	public, external       int // buckets, each once, with sensitive data or not
	openPublic, openOthers int // of these, with sensitive data
	objects                int64
	undecided              []*macie.Exposure
	unanalyzed             []string // open, and nobody knows what is in them
	problems, gone         []string
}

func (s *exposureSummary) add(e *macie.Exposure) {
	switch {
	case e.Public:
		s.public++
	case e.External():
		s.external++
	}
	if e.External() && len(e.Found) > 0 {
		s.objects += e.SensitiveObjects
		if e.Public {
			s.openPublic++
		} else {
			s.openOthers++
		}
	}
	if len(e.Undecided) > 0 {
		s.undecided = append(s.undecided, e)
	}
	if !e.Analyzed {
		s.unanalyzed = append(s.unanalyzed, e.Bucket)
	}
}

// print writes the summary for people.
func (s *exposureSummary) print(w io.Writer) {
	if s.scan != nil {
		s.scan.print(w)
	}
	fmt.Fprintf(w, "\n%s: %d public, %d open to other accounts; %s not decided\n", plural(s.buckets, "bucket"), s.public, s.external, plural(len(s.undecided), "bucket"))
	fmt.Fprintf(w, "Sensitive data stand open in %d of these (%d public): %s\n", s.openPublic+s.openOthers, s.openPublic, plural(int(s.objects), "object"))
	if !s.readAt.IsZero() {
		fmt.Fprintf(w, "As the buckets were at %s, when the server read the first of them\n", s.readAt.Format("2006-01-02 15:04:05 UTC"))
	}
	if s.scan == nil && s.tenants == 0 {
		fmt.Fprintln(w, "warning: nothing was looked at: Macie is enabled for no such account and Region (aws macie2 enable-macie)")
	} else if s.buckets == 0 {
		fmt.Fprintln(w, "warning: nothing was looked at: there are no buckets")
	}
	printList(w, "Could not be read:", s.problems)
	var names []string
	for _, e := range s.undecided {
		names = append(names, e.Bucket+": "+strings.Join(e.Undecided, ", "))
	}
	printList(w, "Not decided:", names)
	printList(w, "Open, or perhaps open, and nothing in them was looked at:", s.unanalyzed)
	printList(w, "Findings are about these buckets, which are not there any more:", s.gone)
}

func printList(w io.Writer, title string, names []string) {
	if len(names) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\n", title)
	for _, n := range names[:min(listedUndecided, len(names))] {
		fmt.Fprintf(w, "  %s\n", printable(n))
	}
	if more := len(names) - listedUndecided; more > 0 {
		fmt.Fprintf(w, "  and %d more\n", more)
	}
}

// exit returns the exit code as an error, nil for complete.
func (s *exposureSummary) exit(failOn string) error {
	switch {
	case failOn != "" && s.openPublic > 0, failOn == "external" && s.openOthers > 0:
		return exitCode(exitFailOn)
	case len(s.undecided)+len(s.unanalyzed)+len(s.problems) > 0, s.buckets == 0:
		return exitCode(exitIncomplete)
	case s.scan != nil:
		return s.scan.exit("")
	}
	return nil
}
