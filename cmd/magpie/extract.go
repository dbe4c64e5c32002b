package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/formats"
	"github.com/magpie-sec/magpie/internal/macie"
	"github.com/magpie-sec/magpie/internal/macie/classify"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/text"
)

type extractCommand struct {
	File   string `arg:"" name:"FILE" help:"A file, or - for standard input."`
	Format string `default:"text" enum:"text,jsonl" help:"text, or jsonl: an object for each stretch of text with its place."`
}

func (c extractCommand) Run(ctx context.Context, std stdio) error {
	driver, err := openSource(c.File, std)
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

// An extractSink prints what the extraction delivers.
type extractSink struct {
	out      *bufio.Writer
	json     bool
	path     []string
	problems []string
}

// A stretch is a line of jsonl output.
type stretch struct {
	Member string `json:"member,omitempty"`
	Kind   string `json:"kind"`
	Row    *int64 `json:"row,omitempty"`
	Column int    `json:"column,omitempty"`
	Name   string `json:"name,omitempty"`
	Path   string `json:"path,omitempty"`
	Text   string `json:"text"`
	More   bool   `json:"more,omitempty"` // goes on in the next line
}

var kindNames = map[text.Kind]string{text.Lines: "lines", text.Cells: "cell", text.Records: "record", text.Pages: "page"}

func (s *extractSink) Begin(d extract.Document) error {
	s.path = d.Path
	return nil
}

func (s *extractSink) Text(b *text.Block) error {
	if len(b.Segments) == 0 {
		if !s.json {
			_, err := s.out.Write(b.Text)
			return err
		}
		return s.write(stretch{Kind: kindNames[b.Kind], Text: string(b.Text), More: true})
	}
	for i := range b.Segments {
		g := &b.Segments[i]
		value := b.Text[g.Start:g.End]
		if !s.json {
			s.out.Write(value)
			if !g.More {
				s.out.WriteByte('\n')
			}
			continue
		}
		line := stretch{Kind: kindNames[b.Kind], Row: &g.Row, Text: string(value), More: g.More}
		if f := g.Field; f != nil {
			line.Column = f.Column
			if len(f.Steps) > 0 {
				line.Path = f.JSONPath(b.Indexes[g.Index : int(g.Index)+f.Arrays])
			} else {
				line.Name = strings.Join(f.Names, ".")
			}
		}
		if err := s.write(line); err != nil {
			return err
		}
	}
	return nil
}

func (s *extractSink) write(line stretch) error {
	line.Member = strings.Join(s.path, "!/")
	b, err := json.Marshal(line)
	if err != nil {
		return err
	}
	s.out.Write(b)
	return s.out.WriteByte('\n')
}

func (s *extractSink) End(d extract.Document, r extract.Result) error {
	if r.Code != extract.Complete {
		name := strings.Join(d.Path, "!/")
		if name == "" {
			name = d.Name
		}
		s.problems = append(s.problems, fmt.Sprintf("magpie: %s: %s %s", printable(name), r.Code, r.Reason))
	}
	return nil
}
