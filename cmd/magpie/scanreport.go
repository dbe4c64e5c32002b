package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/custom"
	"github.com/magpie-sec/magpie/internal/detect/managed"
	"github.com/magpie-sec/magpie/internal/macie/classify"
	"github.com/magpie-sec/magpie/internal/text"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// A scanReport writes what a scan finds, object by object.
type scanReport interface {
	object(bucket string, o *scanned) error
	close() error
}

func newScanReport(format string, w io.Writer) (scanReport, error) {
	out := bufio.NewWriter(w)
	switch format {
	case "table":
		return &tableReport{out: out, colour: isTerminal(w)}, nil
	case "json":
		return &jsonReport{out: out}, nil
	case "jsonl":
		return &recordReport{out: out}, nil
	case "csv":
		return &csvReport{out: out, csv: csv.NewWriter(out)}, nil
	case "sarif":
		return &sarifReport{out: out, rules: map[string]int{}}, nil
	}
	return nil, fmt.Errorf("there is no format %q", format)
}

// leaves returns the documents of an object that have detections of their own: the object, unless it is an archive, then its members.
func (o *scanned) leaves() []*classify.Document {
	var out []*classify.Document
	if len(o.own(&o.document)) > 0 {
		out = append(out, &o.document)
	}
	for i := range o.members {
		if len(o.own(&o.members[i])) > 0 {
			out = append(out, &o.members[i])
		}
	}
	return out
}

// path names a document for people: the object's key, and the path in the archive behind "!/".
func (o *scanned) path(d *classify.Document) string {
	if len(d.Path) == 0 {
		return o.name
	}
	return o.name + "!/" + d.MemberPath()
}

// place writes one location shortly.
func place(l *text.Location) string {
	switch {
	case l.Kind == text.Pages:
		return fmt.Sprintf("page %d", l.Row)
	case l.Kind == text.Cells && l.Field != nil:
		if len(l.Field.Names) > 0 {
			return fmt.Sprintf("row %d %s", l.Row, printable(l.Field.Names[0]))
		}
		return fmt.Sprintf("row %d column %d", l.Row, l.Field.Column)
	case l.Kind == text.Records && l.Field != nil:
		return fmt.Sprintf("record %d %s", l.Row, printable(l.Field.JSONPath(l.Indexes)))
	default:
		return fmt.Sprintf("line %d:%d", l.Line, l.Column)
	}
}

// A reported is what a report says of one identifier in a document.
type reported struct {
	name      string // the id of a managed data identifier, the name of a custom one
	rule      string // for SARIF
	category  string
	severity  detect.Level
	count     int64
	locations []text.Location
}

// customCategory is the category of custom data identifiers in Macie's words.
const customCategory = string(macie2.SensitiveDataItemCategoryCustomIdentifier)

// customRule returns the id of a custom data identifier's SARIF rule, which is no managed identifier's.
func customRule(d *custom.Definition) string { return "custom/" + d.Name }

// reported returns what was found in a document of the object and in its members, in the order of its results.
func (o *scanned) reported(d *classify.Document) []reported {
	var out []reported
	for _, found := range d.Detections {
		out = append(out, o.managed(&found, found.Count))
	}
	for _, found := range d.Custom {
		out = append(out, o.custom(&found, found.Count))
	}
	return out
}

// own returns what was found in a document of the object itself, less what stands in its members.
func (o *scanned) own(d *classify.Document) []reported {
	var out []reported
	for _, found := range d.Detections {
		if found.Own > 0 {
			out = append(out, o.managed(&found, found.Own))
		}
	}
	for _, found := range d.Custom {
		if found.Own > 0 {
			out = append(out, o.custom(&found, found.Own))
		}
	}
	return out
}

func (o *scanned) managed(found *classify.Detection, count int64) reported {
	id := found.Identifier
	return reported{id.ID, id.ID, string(id.Category), id.Severity.At(count), count, found.Locations}
}

func (o *scanned) custom(found *classify.CustomDetection, count int64) reported {
	def := found.Definition
	return reported{def.Name, customRule(def), customCategory, o.level(def), count, found.Locations}
}

func places(d *reported, most int) string {
	s := ""
	for i := range d.locations[:min(most, len(d.locations))] {
		if i > 0 {
			s += ", "
		}
		s += place(&d.locations[i])
	}
	if d.count > int64(most) {
		s += ", ..."
	}
	return s
}

// tableReport is for people.
type tableReport struct {
	out    *bufio.Writer
	colour bool
	rows   int
}

const tableRow = "%s  %-36s %7d  %s\n"

func (r *tableReport) object(_ string, o *scanned) error {
	for _, d := range o.leaves() {
		if r.rows == 0 {
			fmt.Fprintf(r.out, "SEVERITY  %-36s %7s  %s\n", "TYPE", "COUNT", "WHERE")
		}
		r.rows++
		fmt.Fprintf(r.out, "\n%s\n", printable(o.path(d)))
		for _, found := range o.own(d) {
			fmt.Fprintf(r.out, tableRow, r.severity(found.severity), printable(found.name), found.count, places(&found, 3))
		}
	}
	return r.out.Flush()
}

func (r *tableReport) severity(l detect.Level) string {
	s := fmt.Sprintf("%-8s", l)
	if !r.colour {
		return s
	}
	return map[detect.Level]string{detect.High: "\x1b[31m", detect.Medium: "\x1b[33m", detect.Low: "\x1b[36m"}[l] + s + "\x1b[0m"
}

func (r *tableReport) close() error {
	if r.rows == 0 {
		fmt.Fprintln(r.out, "No sensitive data found.")
	}
	return r.out.Flush()
}

// subject makes what a scan without a server can say of a finding.
func subject(bucket string, o *scanned) classify.Subject {
	sum := sha256.Sum256([]byte(bucket + "\x00" + o.object.Key + "\x00" + o.object.VersionID))
	return classify.Subject{
		ID: hex.EncodeToString(sum[:16]), Partition: "aws", Now: wire.TimeOf(time.Now()),
		Bucket: &macie2.S3Bucket{Name: wire.Ptr(bucket)}, Object: s3Object(bucket, o),
	}
}

func s3Object(bucket string, o *scanned) *macie2.S3Object {
	object := classify.S3Object("aws", bucket, o.object)
	if !o.stored {
		object.BucketArn = nil // there is none: the bucket is a folder's name
	}
	return object
}

// jsonReport writes findings as GetFindings answers them.
type jsonReport struct {
	out   *bufio.Writer
	count int
}

func (r *jsonReport) object(bucket string, o *scanned) error {
	if !o.document.Found() {
		return nil
	}
	separator := ",\n"
	if r.count == 0 {
		separator = "{\"findings\":[\n"
	}
	r.count++
	r.out.WriteString(separator)
	r.out.Write(wire.Marshal(o.document.Finding(subject(bucket, o))))
	return nil
}

func (r *jsonReport) close() error {
	if r.count == 0 {
		r.out.WriteString("{\"findings\":[")
	}
	r.out.WriteString("]}\n")
	return r.out.Flush()
}

// recordReport writes a discovery result for each object, and one for each member of an archive.
type recordReport struct{ out *bufio.Writer }

func (r *recordReport) object(bucket string, o *scanned) error {
	of := subject(bucket, o)
	if err := r.record(&o.document, of); err != nil {
		return err
	}
	for i := range o.members {
		if err := r.record(&o.members[i], of); err != nil {
			return err
		}
	}
	return r.out.Flush()
}

func (r *recordReport) record(d *classify.Document, of classify.Subject) error {
	line, err := d.Record(of)
	if err != nil {
		return err
	}
	r.out.Write(line)
	return r.out.WriteByte('\n')
}

func (r *recordReport) close() error { return r.out.Flush() }

// csvReport writes a row for each place.
type csvReport struct {
	out  *bufio.Writer
	csv  *csv.Writer
	head bool
}

func (r *csvReport) object(_ string, o *scanned) error {
	r.header()
	for _, d := range o.leaves() {
		for _, found := range o.own(d) {
			for j := range found.locations {
				r.csv.Write([]string{
					o.name, d.MemberPath(), found.name, found.category,
					found.severity.String(), strconv.FormatInt(found.count, 10), place(&found.locations[j]),
				})
			}
		}
	}
	r.csv.Flush()
	return r.csv.Error()
}

func (r *csvReport) header() {
	if !r.head {
		r.csv.Write([]string{"object", "member", "type", "category", "severity", "count", "place"})
		r.head = true
	}
}

func (r *csvReport) close() error {
	r.header()
	r.csv.Flush()
	if err := r.csv.Error(); err != nil {
		return err
	}
	return r.out.Flush()
}

// sarifReport writes SARIF 2.1.0 (OASIS standard, 2020-03-27), for code scanning services.
type sarifReport struct {
	out     *bufio.Writer
	rules   map[string]int
	results []sarifResult
}

type sarifResult struct {
	RuleID    string          `json:"ruleId"`
	Level     string          `json:"level"`
	Message   sarifText       `json:"message"`
	Locations []sarifLocation `json:"locations"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifLocation struct {
	Physical struct {
		Artifact struct {
			URI string `json:"uri"`
		} `json:"artifactLocation"`
		Region *sarifRegion `json:"region,omitempty"`
	} `json:"physicalLocation"`
}

type sarifRegion struct {
	StartLine   int64 `json:"startLine"`
	StartColumn int64 `json:"startColumn,omitempty"`
	EndLine     int64 `json:"endLine,omitempty"`
}

type sarifRule struct {
	ID               string    `json:"id"`
	ShortDescription sarifText `json:"shortDescription"`
	HelpText         sarifText `json:"help"`
}

// sarifResults bounds what is kept: services refuse longer files (GitHub takes 25,000 results in a run).
const sarifResults = 25_000

func (r *sarifReport) object(_ string, o *scanned) error {
	for _, d := range o.leaves() {
		for _, found := range o.own(d) {
			r.rules[found.rule]++
			for j := range found.locations {
				if len(r.results) < sarifResults {
					r.results = append(r.results, sarifResultOf(o, d, &found, &found.locations[j]))
				}
			}
		}
	}
	return nil
}

func sarifResultOf(o *scanned, d *classify.Document, found *reported, l *text.Location) sarifResult {
	level := map[detect.Level]string{detect.High: "error", detect.Medium: "warning", detect.Low: "note"}
	at := place(l)
	if len(d.Path) > 0 {
		at = d.MemberPath() + ", " + at
	}
	result := sarifResult{
		RuleID: found.rule, Level: level[found.severity],
		Message: sarifText{found.name + " at " + at}, Locations: make([]sarifLocation, 1),
	}
	physical := &result.Locations[0].Physical
	physical.Artifact.URI = (&url.URL{Path: o.name}).EscapedPath()
	switch {
	case len(d.Path) > 0:
	case l.Field == nil:
		physical.Region = &sarifRegion{StartLine: l.Line, StartColumn: l.Column, EndLine: l.EndLine}
	case l.Kind == text.Cells:
		physical.Region = &sarifRegion{StartLine: l.Row}
	case l.Kind == text.Records:
		physical.Region = &sarifRegion{StartLine: l.Row + 1}
	}
	return result
}

func (r *sarifReport) close() error {
	rules := []sarifRule{}
	for _, rule := range slices.Sorted(maps.Keys(r.rules)) {
		if name, custom := strings.CutPrefix(rule, "custom/"); custom {
			rules = append(rules, sarifRule{rule, sarifText{name}, sarifText{"Custom data identifier " + name}})
		}
	}
	for _, id := range managed.All() {
		if r.rules[id.ID] > 0 {
			rules = append(rules, sarifRule{id.ID, sarifText{id.ID}, sarifText{"Format: " + id.Citation}})
		}
	}
	if r.results == nil {
		r.results = []sarifResult{}
	}
	document := map[string]any{
		"$schema": "https://json.schemastore.org/sarif-2.1.0.json",
		"version": "2.1.0",
		"runs": []any{map[string]any{
			"tool":    map[string]any{"driver": map[string]any{"name": "magpie", "informationUri": "https://github.com/magpie-sec/magpie", "rules": rules}},
			"results": r.results, "columnKind": "unicodeCodePoints",
		}},
	}
	encoder := json.NewEncoder(r.out)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(document); err != nil {
		return err
	}
	return r.out.Flush()
}
