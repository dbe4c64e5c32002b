package csv

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/bits"
	"unicode/utf8"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/text"
)

const (
	// maxColumns is how many columns have a field of their own (as many as a worksheet has). The cells of those beyond share a field
	// without number or name.
	maxColumns = 16384
	// maxName and maxNames bound the bytes kept of one column's name, from its end, and of all names. Columns beyond stay without name.
	maxName  = 1 << 10
	maxNames = 1 << 20
)

// A parser walks through a table in a window and delivers its cells without copying them: a block's text is the window itself. Doubled quotes
// are undone in place. A cell that does not fit into the window is delivered in pieces.
//
// Foreign tables break RFC 4180 in many ways; nothing that can be read is an error:
//   - A quote inside an unquoted cell is a character.
//   - A quote inside a quoted cell that is followed by neither a quote nor the cell's end is a character, too; but if the cell has
//     already spread over lines, it is more likely that the opening quote was meant as a character (5" nails): then the cell is read
//     again as an unquoted one, so that one stray quote costs one cell.
//   - Rows may have any number of cells. Empty lines count as rows, as they do in a spreadsheet.
type parser struct {
	dialect
	w     *extract.Window
	batch *extract.Batch
	data  []byte
	end   error // why nothing follows data, nil if something may

	row    int64
	col    int
	line   int64 // lines before data, counted while the header is read
	fields []*text.Field
	beyond *text.Field
	names  int // bytes of names kept

	inside bool // data begins within a cell of which pieces were delivered
	quoted bool // ... a quoted one
	blank  bool // no cell of this row had text

	onlyHeader bool // ends behind the header with errHeader
	guessed    bool // a quoted cell was decided on by the end of what there is to read
}

// errHeader says that the header is read.
var errHeader = errors.New("the header is read")

func (p *parser) run() error {
	p.blank = true
	for {
		at, err := p.cells()
		if err != nil {
			return err
		}
		if p.end != nil {
			if err := p.batch.Flush(len(p.data)); err != nil {
				return err
			}
			if p.end == io.EOF {
				return nil
			}
			return p.end
		}
		if at == 0 { // the window is full of one cell
			if at, err = p.piece(); err != nil {
				return err
			}
		}
		if err := p.batch.Flush(at); err != nil {
			return err
		}
		if p.header {
			p.line += int64(bytes.Count(p.data[:at], []byte{p.eol}))
		}
		p.next(len(p.data) - at)
	}
}

func (p *parser) next(keep int) {
	p.data, p.end = p.w.Next(keep)
	p.batch.Window(p.data)
}

// cells delivers the cells that end in the window, and returns where the first one that does not begins.
func (p *parser) cells() (int, error) {
	data, comma, eol := p.data, p.comma, p.eol
	for i := 0; i < len(data); {
		if !p.header && !p.inside {
			var err error
			if i, err = p.plainCells(i); err != nil {
				return 0, err
			}
			if i == len(data) {
				break
			}
		}
		if data[i] == eol && p.col == 0 && !p.inside { // an empty line
			p.row++
			i++
			continue
		}
		var stop, next int // the cell's end, and where the next one begins
		var ends bool      // the row does, too
		if p.quoted || data[i] == '"' && !p.inside {
			s := p.scanQuoted(i)
			switch s.state {
			case open:
				return i, nil
			case closed:
				if !p.inside {
					i++
				}
				stop, next, ends = p.unescape(i, s.quote, s.doubled), s.next, s.ends
			}
			if s.state == closed {
				if err := p.cell(i, stop, next, ends); err != nil {
					return 0, err
				}
				i = next
				continue
			}
		}
		j := cellEnd(data, i, uint64(comma)*ones, uint64(eol)*ones)
		if j == len(data) {
			if p.end == nil {
				return i, nil
			}
			stop, next, ends = p.chomp(i, j), j, true
		} else if data[j] == eol {
			stop, next, ends = p.chomp(i, j), j+1, true
		} else {
			stop, next = j, j+1
		}
		if err := p.cell(i, stop, next, ends); err != nil {
			return 0, err
		}
		i = next
	}
	if p.inside && p.end != nil { // the pieces ended with the document
		return len(data), p.cell(len(data), len(data), len(data), true)
	}
	return len(data), nil
}

// plainCells delivers the cells from a place on up to one in quotes, or one that does not end in the window, and returns where that begins.
func (p *parser) plainCells(i int) (int, error) {
	data, eol, batch := p.data, p.eol, p.batch
	commas, eols := uint64(p.comma)*ones, uint64(eol)*ones
	fields, row, col := p.fields, p.row, p.col
	var err error
	for i < len(data) && err == nil {
		c := data[i]
		if c == eol && col == 0 { // an empty line
			row++
			i++
			continue
		}
		if c == '"' {
			break
		}
		stop := cellEnd(data, i, commas, eols)
		if stop == len(data) {
			break
		}
		next, ends := stop+1, data[stop] == eol
		if ends {
			stop = p.chomp(i, stop)
		}
		if i < stop {
			if col >= len(fields) {
				p.newField(col)
				fields = p.fields
			}
			f := p.beyond
			if col < len(fields) {
				f = fields[col]
			}
			batch.Add(i, stop, f, row, 0, false)
			if batch.Full() {
				err = batch.Flush(next)
			}
		}
		col++
		if ends {
			row++
			col = 0
		}
		i = next
	}
	p.row, p.col = row, col
	return i, err
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// cellEnd returns the place of the first separator or line end from i on, of which eight bytes are given each; len(b) if there is none. It looks
// at eight bytes at once: borrowing in the subtraction shows the zeros that an exclusive or leaves. Only the lowest hit is exact.
func cellEnd(b []byte, i int, commas, eols uint64) int {
	for ; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		x, y := w^commas, w^eols
		if hit := ((x-ones)&^x | (y-ones)&^y) & highs; hit != 0 {
			return i + bits.TrailingZeros64(hit)/8
		}
	}
	for ; i < len(b) && b[i] != byte(commas) && b[i] != byte(eols); i++ {
	}
	return i
}

// chomp leaves out the carriage return before a line feed.
func (p *parser) chomp(i, j int) int {
	if p.eol == '\n' && j > i && p.data[j-1] == '\r' {
		return j - 1
	}
	return j
}

type state int

const (
	closed   state = iota
	open           // the closing quote is not in the window
	unquoted       // the opening quote was a character
)

// A quotedCell is what scanQuoted found out.
type quotedCell struct {
	state   state
	quote   int // the closing quote; with open, the end of what surely belongs to the cell
	next    int
	ends    bool
	doubled bool
}

// scanQuoted finds the end of the quoted cell whose opening quote stands at i, or whose pieces go on there. It changes nothing.
func (p *parser) scanQuoted(i int) quotedCell {
	data := p.data
	j := i
	if !p.inside {
		j++
	}
	var s quotedCell
	lines := false
	for {
		k := bytes.IndexByte(data[j:], '"')
		if k < 0 {
			return p.unclosed(s, j, len(data), lines)
		}
		q := j + k
		lines = lines || bytes.IndexByte(data[j:q], p.eol) >= 0
		s.quote = q
		if q+1 == len(data) {
			if p.end == nil {
				return p.unclosed(s, q, q, lines)
			}
			s.next, s.ends = q+1, true
			return s
		}
		switch c := data[q+1]; {
		case c == p.comma:
			s.next = q + 2
			return s
		case c == p.eol:
			s.next, s.ends = q+2, true
			return s
		case c == '"':
			s.doubled = true
			j = q + 2
			continue
		case c == '\r' && q+2 == len(data):
			if p.end == nil {
				return p.unclosed(s, q, q, lines)
			}
			s.next, s.ends = q+2, true
			return s
		case c == '\r' && p.eol == '\n' && data[q+2] == '\n':
			s.next, s.ends = q+3, true
			return s
		}
		if lines && !p.inside {
			s.state = unquoted
			return s
		}
		j = q + 1
	}
}

// unclosed decides on a cell without closing quote in the window.
func (p *parser) unclosed(s quotedCell, from, to int, lines bool) quotedCell {
	s.quote = to
	if p.end == nil {
		s.state = open
		return s
	}
	p.guessed = true
	if !p.inside && (lines || bytes.IndexByte(p.data[from:], p.eol) >= 0) {
		s.state = unquoted
		return s
	}
	s.next, s.ends = len(p.data), true
	return s
}

// unescape undoes doubled quotes in place and returns the new end. Spaces fill what becomes free.
func (p *parser) unescape(i, stop int, doubled bool) int {
	if !doubled {
		return stop
	}
	data, to := p.data, i
	for i < stop {
		k := bytes.IndexByte(data[i:stop], '"')
		if k < 0 {
			k = stop - i - 1
		}
		to += copy(data[to:], data[i:i+k+1])
		i += k + 1
		if i < stop && data[i] == '"' && data[i-1] == '"' {
			i++
		}
	}
	for k := range data[to:stop] {
		data[to+k] = ' '
	}
	return to
}

// piece delivers as much as is sure of the cell that fills the window, and returns where the next piece begins.
func (p *parser) piece() (int, error) {
	start, limit, doubled := 0, len(p.data), false
	if p.quoted || !p.inside && p.data[0] == '"' {
		s := p.scanQuoted(0)
		limit, doubled = s.quote, s.doubled
		if !p.inside {
			start = 1
		}
		p.quoted = true
	} else if p.data[limit-1] == '\r' {
		limit--
	}
	stop := p.unescape(start, limit, doubled)
	p.add(start, stop, true)
	p.inside, p.blank = true, false
	return limit, nil
}

// cell delivers a cell, or the last piece of one, and moves on.
func (p *parser) cell(start, stop, next int, ends bool) error {
	if start < stop || p.inside {
		p.add(start, stop, false)
		p.blank = false
		p.inside, p.quoted = false, false
		if p.batch.Full() {
			if err := p.batch.Flush(next); err != nil {
				return err
			}
		}
	}
	if ends {
		p.row++
		p.col = 0
		p.header = p.header && p.blank
		p.blank = true
		if p.onlyHeader && !p.header {
			return errHeader
		}
	} else {
		p.col++
	}
	return nil
}

func (p *parser) add(start, stop int, more bool) {
	if p.header {
		p.keepName(start, stop)
		line := p.line + int64(bytes.Count(p.data[:start], []byte{p.eol})) + 1
		p.batch.Add(start, stop, nil, line, 0, more)
		return
	}
	p.batch.Add(start, stop, p.field(p.col), p.row, 0, more)
}

func (p *parser) field(col int) *text.Field {
	if col < len(p.fields) {
		return p.fields[col]
	}
	return p.newField(col)
}

// newField makes the fields up to a column.
func (p *parser) newField(col int) *text.Field {
	if col >= maxColumns {
		if p.beyond == nil {
			p.beyond = &text.Field{}
		}
		return p.beyond
	}
	for len(p.fields) <= col {
		p.fields = append(p.fields, &text.Field{Column: len(p.fields) + 1})
	}
	return p.fields[col]
}

// keepName notes a cell of the header as its column's name. Of a long one the end is kept, as it is in results.
func (p *parser) keepName(start, stop int) {
	if p.col >= maxColumns || p.names >= maxNames {
		return
	}
	f := p.field(p.col)
	name := string(p.data[start:stop])
	if len(f.Names) > 0 {
		name = f.Names[0] + name
		p.names -= len(f.Names[0])
	}
	if cut := len(name) - maxName; cut > 0 {
		for cut < len(name) && !utf8.RuneStart(name[cut]) {
			cut++
		}
		name = name[cut:]
	}
	if name = string(bytes.TrimSpace([]byte(name))); name != "" {
		f.Names = []string{name}
		p.names += len(name)
	}
}
