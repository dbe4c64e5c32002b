package csv

import (
	"bytes"
	"io"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/text"
)

// Where rows begin cannot be told from the middle of a table: a line end there may be one of a row or stand inside quotes. The survey runs an
// automaton over each block from both states in which a line can begin; the states at the ends of the blocks before then tell which of the
// two runs counts. That is how Mühlbauer et al., "Instant Loading for Main Memory Databases" (PVLDB 6(14), 2013) and Stehle and Jacobsen,
// "ParPaRaw: Massively Parallel Parsing of Delimiter-Separated Raw Data" (PVLDB 13(5), 2020) read tables in parallel.
//
// What is lenient in the parser cannot be decided like that, nor need it: as Ge et al., "Speculative Distributed CSV Data Parsing for Big Data
// Analytics" (SIGMOD 2019), the survey may err, and the parts notice. A part that the parser reads from the beginning of a row to the
// beginning of a row, without once deciding by the part's end where a quoted cell ends, is read as it is in the whole table; and where one
// part ends so, the next begins.

var split = &extract.Split{
	Can: func(h *extract.Head) bool {
		d, _ := sniff(h.Text, h.Whole, h.Extension)
		_, ok := headerOf(h, d)
		return ok
	},
	Lines: func(h *extract.Head) extract.Lines {
		d, _ := sniff(h.Text, h.Whole, h.Extension)
		return extract.Lines{End: d.eol}
	},
	Survey: survey,
	Part:   readPart,
}

// headerOf returns the columns with their names, or false if the header does not end in the head.
func headerOf(h *extract.Head, d dialect) ([]*text.Field, bool) {
	if !d.header {
		return nil, true
	}
	p := &parser{dialect: d, w: extract.NewWindow(bytes.NewReader(h.Text), make([]byte, extract.WindowSize)), batch: extract.NewBatch(nil, text.Cells),
		row: 1, onlyHeader: true}
	// A change in place must not reach the head.
	p.next(0)
	err := p.run()
	return p.fields, err == errHeader && !p.guessed
}

func readPart(in *extract.Input, out *extract.Output, part *extract.Part) error {
	d, _ := sniff(part.Head.Text, part.Head.Whole, part.Head.Extension)
	p := &parser{dialect: d, batch: extract.NewBatch(out, text.Cells), row: 1}
	if part.From > 0 {
		fields, ok := headerOf(part.Head, d)
		if !ok {
			part.Doubt = "the header is longer than the head"
			return nil
		}
		p.fields, p.header = fields, false
	}
	p.w = in.Text()
	p.next(0)
	err := p.run()
	part.Rows = p.row - 1
	part.Ends(p.col == 0 && !p.inside && !p.guessed && !p.header)
	return err
}

const (
	outside = iota
	inside
)

func survey(h *extract.Head, r io.Reader, first bool) (extract.Survey, error) {
	d, _ := sniff(h.Text, h.Whole, h.Extension)
	out, in := track{dialect: d, state: rowStart}, track{dialect: d, state: quoted, lines: true, row: -1}
	if first {
		if bom := []byte("\xef\xbb\xbf"); bytes.HasPrefix(h.Bytes, bom) {
			if _, err := io.CopyN(io.Discard, r, int64(len(bom))); err != nil {
				return extract.Survey{}, err
			}
			out.at, in.at = int64(len(bom)), int64(len(bom))
		}
	}
	buf := make([]byte, 64<<10)
	for {
		n, err := r.Read(buf)
		out.read(buf[:n])
		in.read(buf[:n])
		if err == io.EOF {
			break
		}
		if err != nil {
			return extract.Survey{}, err
		}
	}
	return extract.Survey{Inside: [2]bool{outside: out.inside(), inside: in.inside()}, Row: [2]int64{outside: out.row, inside: in.row}}, nil
}

type trackState uint8

const (
	rowStart  trackState = iota
	cellStart            // behind a separator
	plain                // in a cell without quotes
	quoted               // in one with quotes
	quoteSeen            // behind a quote in one: its end, or the first of two
	quoteCR              // behind a quote and a carriage return
)

// A track is the automaton under one assumption.
type track struct {
	dialect
	state trackState
	lines bool  // the quoted cell has spread over lines
	at    int64 // of the next byte
	row   int64 // where the first row begins, -1 before
}

func (t *track) inside() bool { return t.state == quoted }

func (t *track) read(b []byte) {
	for i := 0; i < len(b); {
		switch t.state {
		case rowStart, cellStart, plain:
			i = t.outside(b, i)
		case quoted:
			k := bytes.IndexByte(b[i:], '"')
			end := len(b)
			if k >= 0 {
				end = i + k
				t.state = quoteSeen
			}
			t.lines = t.lines || bytes.IndexByte(b[i:end], t.eol) >= 0
			i = end + 1
		default:
			i = t.behindQuote(b, i)
		}
	}
	t.at += int64(len(b))
}

// outside moves on to the next quote that opens a cell.
func (t *track) outside(b []byte, i int) int {
	for {
		k := bytes.IndexByte(b[i:], '"')
		end := len(b)
		if k >= 0 {
			end = i + k
		}
		if t.row < 0 {
			if e := bytes.IndexByte(b[i:end], t.eol); e >= 0 {
				t.row = t.at + int64(i+e) + 1
			}
		}
		if end > i {
			switch b[end-1] {
			case t.comma:
				t.state = cellStart
			case t.eol:
				t.state = rowStart
			default:
				t.state = plain
			}
		}
		if k < 0 {
			return len(b)
		}
		i = end + 1
		if t.state != plain {
			t.state, t.lines = quoted, false
			return i
		}
		if i == len(b) {
			return i
		}
	}
}

func (t *track) behindQuote(b []byte, i int) int {
	c := b[i]
	switch {
	case c == '"' && t.state == quoteSeen:
		t.state = quoted
	case c == t.comma:
		t.state = cellStart
	case c == t.eol:
		t.state = rowStart
		if t.row < 0 {
			t.row = t.at + int64(i) + 1
		}
	case c == '\r' && t.state == quoteSeen:
		t.state = quoteCR
	case t.lines: // the quote that opened the cell was more likely a character
		t.state = plain
		return i
	default:
		t.state = quoted
		return i
	}
	return i + 1
}
