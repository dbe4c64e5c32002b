// Package json reads JSON, concatenated JSON and JSON Lines.
package json

import (
	"bytes"
	"io"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/text"
)

// Format is JSON (RFC 8259): one value, or several one after the other; a record is a top-level value. Lines is JSON Lines: a record is a
// line, and a line that does not parse is read as text without harm to the others.
var (
	Format = extract.Format{
		Name: "json",
		MIME: "application/json",
		About: extract.About{
			Title: "JSON",
			Reads: "Strings and numbers with their escapes undone, names of members where they first occur; the names of the path are " +
				"context. Several values may follow each other; commas before an end are forgiven.",
			Leaves:  "true, false and null. From the place where it cannot be parsed, the rest is read as text.",
			Sniffed: "A brace or bracket first, and the first 8 KiB parse.",
			Places:  "Record, counted from 0, and JSON path. Names, and what does not parse: lines.",
			Reasons: []extract.Reason{extract.JSONNestingLevelOverLimit},
		},
		Extensions: []string{"json", "geojson", "har", "ipynb"},
		Kind:       text.Records,
		MaxBytes:   20 * extract.GB,
		Match:      match,
		Extract:    func(in *extract.Input, out *extract.Output) error { return read(in, out, false) },
	}
	Lines = extract.Format{
		Name: "jsonl",
		MIME: "application/json",
		About: extract.About{
			Title:   "JSON Lines",
			Reads:   "As of JSON, a record on each line. A line that does not parse is read as text without harm to the others.",
			Leaves:  "true, false and null.",
			Sniffed: "Two objects or arrays alone on their lines, and at least half of the first 8 KiB's lines.",
			Places:  "Record, counted from 0, and JSON path. Names, and what does not parse: lines.",
			Reasons: []extract.Reason{extract.JSONNestingLevelOverLimit},
		},
		Extensions: []string{"jsonl", "ndjson", "jsonlines"},
		Kind:       text.Records,
		MaxBytes:   20 * extract.GB,
		Match:      matchLines,
		Extract:    func(in *extract.Input, out *extract.Output) error { return read(in, out, true) },
		Split:      split,
	}
)

// proof is how much of a head must parse.
const proof = 8 << 10

func match(h *extract.Head) extract.Score {
	b := bytes.TrimLeft(h.Text, " \t\r\n")
	if !opens(b) {
		return extract.No
	}
	whole := h.Whole
	if len(b) > proof {
		b, whole = b[:proof], false
	}
	p := takeParser(nil, false, maxChecked)
	values, open, ok := p.check(b, whole)
	p.giveBack()
	switch {
	case !ok:
		return extract.No
	case values == 0 && open && whole && !h.Has("json"):
		return extract.Possible // a brace at the beginning of something short
	}
	return extract.Certain
}

func opens(b []byte) bool { return len(b) > 0 && (b[0] == '{' || b[0] == '[') }

// matchLines wants complete values alone on their lines: two at least, and half of all lines; one is enough if the name promises more.
func matchLines(h *extract.Head) extract.Score {
	promised := h.Has("jsonl", "ndjson", "jsonlines")
	if !promised && !opens(bytes.TrimLeft(h.Text, " \t\r\n")) {
		return extract.No
	}
	p := takeParser(nil, true, maxChecked)
	good, bad, seen := 0, 0, 0
	for b := h.Text; len(b) > 0 && seen < proof; {
		line, rest, ended := bytes.Cut(b, []byte("\n"))
		b = rest
		seen += len(line)
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		cut := !ended && !h.Whole
		values, open, ok := p.check(line, !cut)
		switch {
		case ok && opens(line) && values == 1 && !open, promised && ok && (values > 0 || cut):
			good++
		case !cut || !ok:
			bad++
		}
	}
	p.giveBack()
	switch {
	case promised && good > 0, good >= 2 && good >= bad:
		return extract.Certain
	}
	return extract.No
}

// maxChecked is how deep what is only checked may be nested.
const maxChecked = 1 << 20

// check parses without delivering: how many top-level values are complete, whether one is open at the end, and whether there was no error.
func (p *parser) check(b []byte, whole bool) (values int64, open, ok bool) {
	p.begins(nil, p.lines, p.depth)
	p.data = b
	if whole {
		p.end = io.EOF
	}
	err := p.walk()
	return p.values, p.state != top || err == errMore, err != errSyntax
}

func read(in *extract.Input, out *extract.Output, lines bool) error {
	p := takeParser(extract.NewBatch(out, text.Records), lines, out.Limits().JSONDepth)
	p.w = in.Text()
	err := p.run()
	p.giveBack() // not if it panics
	return err
}
