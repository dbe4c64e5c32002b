package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/formats"
	"github.com/magpie-sec/magpie/internal/macie"
	"github.com/magpie-sec/magpie/internal/macie/classify"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/text"
)

type extractCommand struct {
	File   string `arg:"" name:"FILE" help:"A file, or - for standard input."`
	Format string `default:"text" enum:"text,jsonl" help:"text with the places of values, or jsonl: an object for each stretch of text with its place."`
}

func (c extractCommand) Run(ctx context.Context, std stdio) error {
	driver, err := openLocal(c.File, std)
	if err != nil {
		return err
	}
	defer driver.Close()
	out := &extractSink{out: bufio.NewWriter(std.out), json: c.Format == "jsonl"}
	extractor := &extract.Extractor{Formats: formats.All(), Spool: classify.Spool(""), Now: time.Now}
	buckets, err := driver.Buckets(ctx)
	if err != nil {
		return err
	}
	for _, b := range buckets {
		for item, err := range driver.List(ctx, b.Name, source.ListOptions{}) {
			if err != nil {
				return err
			}
			if item.Err != nil {
				return item.Err
			}
			r, err := driver.Open(ctx, b.Name, item.Key, source.OpenOptions{})
			if err != nil {
				return err
			}
			_, err = extractor.Extract(ctx, macie.ExtractObject(r), out)
			r.Close()
			if err != nil {
				return err
			}
		}
	}
	if err := out.out.Flush(); err != nil {
		return err
	}
	for _, problem := range out.problems {
		fmt.Fprintln(std.err, problem)
	}
	if len(out.problems) > 0 {
		return exitCode(exitIncomplete)
	}
	return nil
}

// An extractSink prints what the extraction delivers: for people running text as it is and everything else with its place, or a JSON object
// for each stretch.
type extractSink struct {
	out      *bufio.Writer
	json     bool
	open     []*openDocument
	shown    *openDocument // whose text was printed last
	problems []string
}

// An openDocument is one that has begun and not ended.
type openDocument struct {
	extract.Document
	line, column int64 // of the running text so far
	sheet        string
	row          int64 // of the cells, the record or the page that was begun, -1 before the first
	named        int64 // the line of the text that stands last, 0 if it has a column or something else does
	begun        bool  // something was printed on this line
	more         bool  // the last value goes on
}

// A stretch is a line of jsonl output. Row is a line, a table's row, a record or a page, Column the character on a line or a table's column.
type stretch struct {
	Member string   `json:"member,omitempty"`
	Kind   string   `json:"kind"`
	Sheet  string   `json:"sheet,omitempty"`
	Row    int64    `json:"row"`
	Column int64    `json:"column,omitempty"`
	Name   string   `json:"name,omitempty"`  // of the column
	Names  []string `json:"names,omitempty"` // above a value in a text, from outside in
	Path   string   `json:"path,omitempty"`
	Text   string   `json:"text"`
	More   bool     `json:"more,omitempty"` // goes on in the next line
}

const memberMark = "!/"

func (s *extractSink) Begin(d extract.Document) error {
	s.open = append(s.open, &openDocument{Document: d, line: 1, column: 1, row: -1})
	return nil
}

func (s *extractSink) Text(b *text.Block) error {
	d := s.open[len(s.open)-1]
	if !s.json && s.shown != d {
		s.heading(d)
	}
	if len(b.Segments) == 0 {
		return s.running(d, b.Text)
	}
	for i := range b.Segments {
		g := &b.Segments[i]
		if err := s.segment(d, b, g); err != nil {
			return err
		}
		d.more = g.More
	}
	return nil
}

// heading says whose text follows, unless it is the object's from the beginning.
func (s *extractSink) heading(d *openDocument) {
	if s.shown != nil {
		s.endLine(s.shown)
	}
	if len(d.Path) > 0 || s.shown != nil {
		name := d.Name
		if len(d.Path) > 0 {
			name = strings.Join(d.Path, memberMark)
		}
		fmt.Fprintf(s.out, "== %s (%s)\n", printable(name), d.MIME)
	}
	s.shown = d
	d.row = -1
}

func (s *extractSink) running(d *openDocument, t []byte) error {
	if !s.json {
		s.out.Write(t)
		d.begun = len(t) > 0 && t[len(t)-1] != '\n'
		return nil
	}
	err := s.write(stretch{Kind: "lines", Row: d.line, Column: d.column, Text: string(t), More: true})
	if n := bytes.Count(t, []byte{'\n'}); n > 0 {
		d.line += int64(n)
		d.column = 1
		t = t[bytes.LastIndexByte(t, '\n')+1:]
	}
	d.column += int64(utf8.RuneCount(t))
	return err
}

func (s *extractSink) segment(d *openDocument, b *text.Block, g *text.Segment) error {
	value := b.Text[g.Start:g.End]
	line := stretch{Row: g.Row, More: g.More}
	switch f := g.Field; {
	case b.Kind == text.Pages:
		line.Kind = "page"
	case b.Kind == text.Lines || f == nil:
		line.Kind = "lines"
		if b.Kind == text.Lines {
			line.Column = int64(g.Index) + 1
		}
		if f != nil {
			line.Names = f.Names
		}
	case f.Column > 0:
		line.Kind, line.Sheet, line.Column, line.Name = "cell", f.Sheet, int64(f.Column), strings.Join(f.Names, " ")
	case len(f.Steps) > 0:
		line.Kind, line.Path = "record", f.JSONPath(b.Indexes[g.Index:int(g.Index)+f.Arrays])
	case b.Kind == text.Cells:
		line.Kind, line.Sheet, line.Name = "cell", f.Sheet, strings.Join(f.Names, " ")
	default:
		line.Kind, line.Path = "record", "$"
	}
	if s.json {
		line.Text = string(value)
		return s.write(line)
	}
	if !d.more {
		s.place(d, &line, value)
	}
	switch line.Kind {
	case "cell", "record":
		value = bytes.ReplaceAll(value, []byte{'\n'}, []byte(`\n`)) // a value to a line
	}
	s.out.Write(value)
	d.begun = len(value) == 0 || value[len(value)-1] != '\n'
	return nil
}

// place ends what was printed before and writes the place of a value, for people.
func (s *extractSink) place(d *openDocument, line *stretch, value []byte) {
	same := line.Row == d.row
	switch line.Kind {
	case "cell":
		if same = same && line.Sheet == d.sheet; same && d.begun {
			s.out.WriteString(" | ")
		} else {
			s.endLine(d)
			if line.Sheet != d.sheet {
				fmt.Fprintf(s.out, "-- sheet %s\n", printable(line.Sheet))
			}
			fmt.Fprintf(s.out, "row %d: ", line.Row)
		}
		switch {
		case line.Name != "":
			fmt.Fprintf(s.out, "%s=", printable(line.Name))
		case line.Column > 0:
			fmt.Fprintf(s.out, "column %d=", line.Column)
		}
		d.sheet = line.Sheet
	case "record":
		s.endLine(d)
		if !same {
			fmt.Fprintf(s.out, "-- record %d\n", line.Row)
		}
		fmt.Fprintf(s.out, "%s: ", line.Path)
	case "page":
		s.endLine(d)
		if !same {
			fmt.Fprintf(s.out, "-- page %d\n", line.Row)
		}
	default:
		if line.Column == 0 && d.begun && d.named == line.Row { // names of members or columns, on one line
			s.out.WriteString(" | ")
			return
		}
		s.endLine(d)
		if bytes.HasSuffix(value, []byte{'\n'}) || line.More && len(line.Names) == 0 {
			break // whole lines, as they are
		}
		fmt.Fprintf(s.out, "line %d", line.Row)
		if line.Column > 0 {
			fmt.Fprintf(s.out, ":%d", line.Column)
		}
		for i, name := range line.Names {
			if i > 0 {
				s.out.WriteString(" /")
			}
			fmt.Fprintf(s.out, " %s", printable(name))
		}
		s.out.WriteString(": ")
		d.named = 0
		if line.Column == 0 {
			d.named = line.Row
		}
		return // what has a line does not interrupt records and rows
	}
	d.row, d.named = line.Row, 0
}

func (s *extractSink) endLine(d *openDocument) {
	if d.begun {
		s.out.WriteByte('\n')
		d.begun = false
	}
}

func (s *extractSink) write(line stretch) error {
	line.Member = strings.Join(s.open[len(s.open)-1].Path, memberMark)
	b, err := json.Marshal(line)
	if err != nil {
		return err
	}
	s.out.Write(b)
	return s.out.WriteByte('\n')
}

func (s *extractSink) End(d extract.Document, r extract.Result) error {
	last := s.open[len(s.open)-1]
	s.open = s.open[:len(s.open)-1]
	if !s.json {
		s.endLine(last)
	}
	if r.Code != extract.Complete {
		name := strings.Join(d.Path, memberMark)
		if name == "" {
			name = d.Name
		}
		s.problems = append(s.problems, fmt.Sprintf("magpie: %s: %s %s", printable(name), r.Code, r.Reason))
	}
	return nil
}
