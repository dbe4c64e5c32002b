// Package csv reads tables of delimited text.
package csv

import (
	"bytes"
	"strings"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/text"
)

// Format is comma, semicolon or bar separated text; TSV is separated by tabs. Quoting is that of RFC 4180, read leniently: see parser.
var (
	Format = extract.Format{
		Name: "csv",
		MIME: "text/csv",
		About: extract.About{
			Title: "Tables separated by commas, semicolons or bars",
			Reads: "Every cell with its quotes undone; the names of the columns are context of the cells below. Quotes may hold " +
				"separators and line breaks, rows may be of different length.",
			Leaves: "Nothing; empty cells say nothing.",
			Sniffed: "By rows of the same number of cells: half of the rows if the extension promises a table, 95 in 100 otherwise. " +
				"Extensions of logs and source code say that it is none, and so do rows that read on from cell to cell as sentences.",
			Places: "Row, column and name of the column; the header is row 1.",
		},
		Extensions: []string{"csv", "psv"},
		Kind:       text.Cells,
		MaxBytes:   20 * extract.GB,
		Match:      func(h *extract.Head) extract.Score { return match(h, false) },
		Extract:    read,
		Split:      split,
	}
	TSV = extract.Format{
		Name: "tsv",
		MIME: "text/tab-separated-values",
		About: extract.About{
			Title:   "Tables separated by tabs",
			Reads:   "As of CSV.",
			Leaves:  "Nothing; empty cells say nothing.",
			Sniffed: "As CSV.",
			Places:  "Row, column and name of the column; the header is row 1.",
		},
		Extensions: []string{"tsv", "tab"},
		Kind:       text.Cells,
		MaxBytes:   20 * extract.GB,
		Match:      func(h *extract.Head) extract.Score { return match(h, true) },
		Extract:    read,
		Split:      split,
	}
)

func match(h *extract.Head, tabs bool) extract.Score {
	if h.Text == nil || tabs && bytes.IndexByte(h.Text, '\t') < 0 && !h.Has("tsv", "tab") {
		return extract.No
	}
	s, ok := h.Memo.(*sniffed)
	if !ok {
		s = newSniffed(h)
		h.Memo = s
	}
	if (s.comma == '\t') != tabs {
		return extract.No
	}
	return s.score
}

// sniffed is what sniff found out about a head. Both formats ask, and the reader.
type sniffed struct {
	dialect
	score extract.Score
	// What there was of the sample, which a reader may find to be longer.
	size  int
	whole bool
}

func newSniffed(h *extract.Head) *sniffed {
	s := new(sniffed)
	s.size, s.whole = sampleSize(h.Text, h.Whole)
	s.dialect, s.score = sniff(h.Text, h.Whole, h.Extension)
	return s
}

func read(in *extract.Input, out *extract.Output) error {
	p := &parser{w: in.Text(), batch: extract.NewBatch(out, text.Cells), row: 1}
	p.next(0)
	// The same bytes as in Match give the same answer.
	size, whole := sampleSize(p.data, p.end != nil)
	if s, ok := in.Memo().(*sniffed); ok && s.size == size && s.whole == whole {
		p.dialect = s.dialect
	} else {
		p.dialect, _ = sniff(p.data, p.end != nil, strings.ToLower(out.Document().Extension))
	}
	return p.run()
}
