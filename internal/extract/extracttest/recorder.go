// Package extracttest is the acceptance suite of formats, and the sink that tests of extraction use.
package extracttest

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/text"
)

// A Value is one value with its place, its pieces put together.
type Value struct {
	Field   *text.Field
	Row     int64
	Indexes []int64
	Column  int64 // the 1-based character on line Row where it begins, in a document of Lines
	Text    string
}

// A Document is what a Recorder heard of one document.
type Document struct {
	extract.Document
	Result  extract.Result
	Ended   bool
	Running string // running text, put together
	Values  []Value
	Members []*Document

	all      strings.Builder // running text and values in their order
	lines    int64           // of the running text, whole ones
	more     bool
	started  bool
	segments bool
}

// A Recorder is a sink that keeps everything, and checks on the way what sinks rely on: see its errors.
type Recorder struct {
	Root *Document
	// Errors says where the contract of extract.Sink or text.Block was broken.
	Errors []string
	// Largest is the largest block's text in bytes, Blocks how many there were.
	Largest, Blocks int

	open []*Document
}

func (r *Recorder) errorf(format string, args ...any) {
	if len(r.Errors) < 10 {
		r.Errors = append(r.Errors, fmt.Sprintf(format, args...))
	}
}

// Begin implements extract.Sink.
func (r *Recorder) Begin(d extract.Document) error {
	doc := &Document{Document: d}
	if len(d.Path) != len(r.open) {
		r.errorf("%q begins inside %d documents", d.Path, len(r.open))
	}
	if len(r.open) == 0 {
		if r.Root != nil {
			r.errorf("a second document without container: %q", d.Name)
		}
		r.Root = doc
	} else {
		in := r.open[len(r.open)-1]
		in.Members = append(in.Members, doc)
		if strings.Join(d.Path[:len(d.Path)-1], "\x00") != strings.Join(in.Path, "\x00") || d.Path[len(d.Path)-1] != d.Name {
			r.errorf("%q (name %q) begins inside %q", d.Path, d.Name, in.Path)
		}
	}
	if d.MIME == "" || strings.ContainsAny(d.MIME, "; ") {
		r.errorf("%q has media type %q", d.Path, d.MIME)
	}
	r.open = append(r.open, doc)
	return nil
}

// Text implements extract.Sink.
func (r *Recorder) Text(b *text.Block) error {
	if len(r.open) == 0 {
		r.errorf("text outside of documents")
		return nil
	}
	d := r.open[len(r.open)-1]
	r.Blocks++
	r.Largest = max(r.Largest, len(b.Text))
	if !utf8.Valid(b.Text) {
		r.errorf("%q: a block is no UTF-8", d.Path)
	}
	if d.started && d.segments != (len(b.Segments) > 0) && b.Kind != text.Lines {
		r.errorf("%q: blocks with and without segments", d.Path)
	}
	d.started, d.segments = true, len(b.Segments) > 0
	if len(b.Segments) == 0 {
		d.Running += string(b.Text)
		d.all.Write(b.Text)
		d.lines += int64(bytes.Count(b.Text, []byte("\n")))
		if n := len(d.Values); n > 0 && b.Kind == text.Lines && len(bytes.TrimSpace(b.Text)) > 0 && d.lines+1 < d.Values[n-1].Row {
			r.errorf("%q: the running text behind line %d goes on in line %d", d.Path, d.Values[n-1].Row, d.lines+1)
		}
		return nil
	}
	end := int32(0)
	for i, s := range b.Segments {
		if s.Start < end || s.End < s.Start || int(s.End) > len(b.Text) {
			r.errorf("%q: segment %d:%d after %d in a block of %d bytes", d.Path, s.Start, s.End, end, len(b.Text))
			return nil
		}
		end = s.End
		if s.More && i < len(b.Segments)-1 {
			r.errorf("%q: a value goes on, but its segment is not the block's last", d.Path)
		}
		r.segment(d, b, s)
	}
	return nil
}

func (r *Recorder) segment(d *Document, b *text.Block, s text.Segment) {
	v := Value{Field: s.Field, Row: s.Row, Text: string(b.Text[s.Start:s.End])}
	if !utf8.ValidString(v.Text) {
		r.errorf("%q: a segment cuts a character", d.Path)
	}
	d.all.WriteString(v.Text)
	if b.Kind == text.Lines {
		if !d.more && d.Running != "" && v.Row <= d.lines {
			r.errorf("%q: a value on line %d behind %d lines of running text", d.Path, v.Row, d.lines)
		}
		v.Column = int64(s.Index) + 1
	} else if s.Field != nil {
		if int(s.Index)+s.Field.Arrays > len(b.Indexes) || s.Index < 0 {
			r.errorf("%q: indexes %d and on of %d", d.Path, s.Index, len(b.Indexes))
			return
		}
		v.Indexes = append([]int64{}, b.Indexes[s.Index:int(s.Index)+s.Field.Arrays]...)
	}
	if d.more {
		last := &d.Values[len(d.Values)-1]
		if last.Field != v.Field || last.Row != v.Row || fmt.Sprint(last.Indexes) != fmt.Sprint(v.Indexes) {
			r.errorf("%q: the pieces of a value have different places", d.Path)
		}
		last.Text += v.Text
	} else {
		d.Values = append(d.Values, v)
	}
	d.more = s.More
}

// End implements extract.Sink.
func (r *Recorder) End(d extract.Document, res extract.Result) error {
	if len(r.open) == 0 || r.open[len(r.open)-1].Name != d.Name {
		r.errorf("%q ends, but was not begun last", d.Path)
		return nil
	}
	doc := r.open[len(r.open)-1]
	r.open = r.open[:len(r.open)-1]
	doc.Result, doc.Ended = res, true
	if doc.more && res.Code == extract.Complete {
		r.errorf("%q: the last value goes on behind the end", d.Path)
	}
	if (res.Code == extract.Complete) != (res.Reason == "") {
		r.errorf("%q: %s with reason %q", d.Path, res.Code, res.Reason)
	}
	if res.Code == extract.Skipped && (res.Bytes != 0 || doc.started) {
		r.errorf("%q: skipped, but %d bytes were analysed", d.Path, res.Bytes)
	}
	return nil
}

// Place writes where a value stands.
func (v Value) Place() string {
	switch f := v.Field; {
	case f == nil:
		return fmt.Sprintf("line %d", v.Row)
	case f.Column > 0 && f.Sheet != "":
		return fmt.Sprintf("cell %q %d,%d %s", f.Sheet, v.Row, f.Column, strings.Join(f.Names, " "))
	case f.Column > 0:
		return fmt.Sprintf("cell %d,%d %s", v.Row, f.Column, strings.Join(f.Names, " "))
	case f.Steps == nil && f.Names == nil && f.Sheet == "" && f.Arrays == 0 && v.Row > 0:
		return fmt.Sprintf("cell %d,-", v.Row)
	case f.Steps == nil && len(f.Names) > 0 && v.Column == 0:
		return fmt.Sprintf("page %d %s", v.Row, strings.Join(f.Names, " "))
	case f.Steps == nil && len(f.Names) > 0:
		return fmt.Sprintf("line %d:%d %s", v.Row, v.Column, strings.Join(f.Names, " "))
	default:
		return fmt.Sprintf("record %d %s", v.Row, f.JSONPath(v.Indexes))
	}
}

// String writes the document as goldens show it: its type and result, then every value with its place, then its members.
func (d *Document) String() string {
	var b strings.Builder
	d.write(&b, "")
	return b.String()
}

func (d *Document) write(b *strings.Builder, indent string) {
	fmt.Fprintf(b, "%s%s: %s, %s", indent, d.Name, d.MIME, d.Result.Code)
	if d.Result.Reason != "" {
		fmt.Fprintf(b, " %s", d.Result.Reason)
	}
	fmt.Fprintf(b, ", %d bytes\n", d.Result.Bytes)
	for _, line := range strings.SplitAfter(d.Running, "\n") {
		if line != "" {
			fmt.Fprintf(b, "%s  text %q\n", indent, line)
		}
	}
	for _, v := range d.Values {
		fmt.Fprintf(b, "%s  %s %q\n", indent, strings.TrimSpace(v.Place()), v.Text)
	}
	for _, m := range d.Members {
		m.write(b, indent+"  ")
	}
}

// Texts returns all text of the document and its members in order.
func (d *Document) Texts() []string {
	var all []string
	if d.Running != "" {
		all = append(all, d.Running)
	}
	for _, v := range d.Values {
		all = append(all, v.Text)
	}
	for _, m := range d.Members {
		all = append(all, m.Texts()...)
	}
	return all
}

// Field makes the field of a path: strings are names, everything else stands for an array's element.
func Field(path ...any) *text.Field {
	f := new(text.Field)
	for _, s := range path {
		if name, ok := s.(string); ok {
			f.Steps = append(f.Steps, text.Step{Name: name})
			f.Names = append(f.Names, name)
		} else {
			f.Steps = append(f.Steps, text.Step{Array: true})
			f.Arrays++
		}
	}
	return f
}
