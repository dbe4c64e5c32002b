package pdf

import (
	"bytes"
	"slices"

	"github.com/magpie-sec/magpie/internal/extract/prose"
	"github.com/magpie-sec/magpie/internal/text"
)

// A table finds lines whose columns are named by a line above them, by how they stand below each other.
type table struct {
	spans []span
	lines []line
	gap   float64      // between columns, in sizes, at least
	cells [][]gridCell // of each line, nil as long as nobody asked
	out   []byte
	segs  []text.Segment
	// open is the head of the table that goes on to the end of the page before, nil if none does.
	open []gridCell
}

// A gridCell is a stretch of a line without a gap as wide as that between columns.
type gridCell struct {
	from, to float64
	text     []byte
	narrow   bool // it stands so near to the one before that it could belong to it
}

const (
	// aheadRows is how many lines are looked at before it is decided whether the first one names columns.
	aheadRows = 20
	// rowGap is how far rows stand apart at most, in sizes of their text.
	rowGap = 4.0
	// maxTableColumns is how many columns are told apart.
	maxTableColumns = 64
	// margin is how many lines may stand above the rows of a table that goes on, and below them on the page before: headers and footers.
	margin = 3
)

func (t *table) begin(spans []span, lines []line, gap float64) {
	t.spans, t.lines, t.gap = spans, lines, gap
	t.cells = make([][]gridCell, len(lines))
}

// continued writes what stands above the rows with which the table of the page before goes on, and those rows, and returns how many lines
// these are.
func (p *page) continued() int {
	t := &p.table
	head := t.open
	t.open = nil
	if head == nil {
		return 0
	}
	for k := range min(margin+1, len(t.lines)) {
		cells := p.cellsOf(k)
		if len(cells)*2 <= len(head) || len(cells) < 2 || p.row(head, k) == nil {
			continue
		}
		if p.rowsBelow(k, cells) > 0 {
			return 0 // they have a head of their own
		}
		for k > 0 && near(t.lines[k-1], t.lines[k]) && p.row(head, k-1) != nil { // a row whose cells stand a little higher and lower
			k--
		}
		for i := range k {
			p.join(t.spans[t.lines[i].start:t.lines[i].end])
		}
		return k + p.deliverRows(head, k)
	}
	return 0
}

// rows delivers the rows of the table whose columns line i names, if it does, and returns how many there are.
func (p *page) rows(i int) int {
	head := p.cellsOf(i)
	if p.rowsBelow(i, head) == 0 || p.err != nil {
		return 0
	}
	return p.deliverRows(head, i+1)
}

// rowsBelow looks at the lines below line i and returns how many of them are rows of the table whose columns it names, zero if it does not.
func (p *page) rowsBelow(i int, head []gridCell) int {
	if len(head) < 2 || len(head) > maxTableColumns {
		return 0
	}
	narrow := slices.ContainsFunc(head, func(c gridCell) bool { return c.narrow })
	names := make([][]byte, len(head))
	for k := range head {
		names[k] = head[k].text
	}
	rows := [][][]byte{names}
	wide, numbers := 0, 0
	for k := i + 1; k < len(p.table.lines) && len(rows) <= aheadRows; k++ {
		row := p.row(head, k)
		if row == nil {
			break
		}
		if cells := p.cellsOf(k); len(cells) > 1 {
			wide++
			if slices.ContainsFunc(cells, func(c gridCell) bool { return bytes.ContainsAny(c.text, "0123456789") }) {
				numbers++
			}
			narrow = narrow || slices.ContainsFunc(cells, func(c gridCell) bool { return c.narrow })
		}
		texts := make([][]byte, len(head))
		for _, c := range row {
			texts[c.first] = c.text
		}
		rows = append(rows, texts)
	}
	// Gaps that are not wide may be those of justified text.
	if wide == 0 || narrow && (wide < 2 || numbers < wide) || prose.Header(rows) != 0 {
		return 0
	}
	return len(rows) - 1
}

// deliverRows delivers the rows from line k on, and returns how many there are.
func (p *page) deliverRows(head []gridCell, k int) int {
	t := &p.table
	if p.err = p.deliver(p.out); p.err != nil {
		return 0
	}
	p.out = p.out[:0]
	type place struct {
		first, last int
		left        string
	}
	fields := map[place]*text.Field{}
	t.out, t.segs = t.out[:0], t.segs[:0]
	n := 0
	for ; k+n < len(t.lines); n++ {
		row := p.row(head, k+n)
		if row == nil {
			break
		}
		left := ""
		for _, c := range row {
			at := place{c.first, c.last, left}
			f := fields[at]
			if f == nil {
				f = &text.Field{}
				for _, h := range head[c.first : c.last+1] {
					f.Names = append(f.Names, string(h.text))
				}
				if left != "" {
					f.Names = append(f.Names, left)
				}
				fields[at] = f
			}
			start := len(t.out)
			t.out = append(t.out, c.text...)
			t.segs = append(t.segs, text.Segment{Start: int32(start), End: int32(len(t.out)), Field: f})
			if left = ""; prose.IsLabel(c.text) {
				left = string(c.text)
			}
		}
		t.out = append(t.out, '\n')
	}
	if p.err = p.cells(t.out, t.segs); k+n+margin >= len(t.lines) {
		t.open = head
	}
	return n
}

// A rowCell is a cell with the columns that it stands below: more than one if nothing tells its text apart from that of the next column.
type rowCell struct {
	first, last int
	text        []byte
}

// row returns the cells of line k, nil if it is no row of the table: it is too far away, or two of its cells stand in one column, or most of
// them below none.
func (p *page) row(head []gridCell, k int) []rowCell {
	t := &p.table
	l := t.lines[k]
	if k > 0 && !near(t.lines[k-1], l) {
		return nil
	}
	cells := p.cellsOf(k)
	row := make([]rowCell, 0, len(cells))
	free, below := 0, 0 // the first column without a cell
	for _, c := range cells {
		r := rowCell{first: -1, text: c.text}
		nearest, best := 0, 0.0
		for i := range head {
			o := min(c.to, head[i].to) - max(c.from, head[i].from)
			if i == 0 || o > best {
				nearest, best = i, o
			}
			if o > 0.5*min(head[i].to-head[i].from, c.to-c.from) {
				if r.first < 0 {
					r.first = i
				}
				r.last = i
			}
		}
		if r.first < 0 {
			r.first, r.last = nearest, nearest
		}
		if r.first < free {
			return nil
		}
		free = r.last + 1
		if best > 0 {
			below++
		}
		row = append(row, r)
	}
	if below*2 < len(cells) || below == 0 {
		return nil
	}
	return row
}

func near(above, l line) bool { return l.across-above.across <= rowGap*l.size }

// cellsOf returns the cells of line k. Of a line that is written from right to left there are none.
func (p *page) cellsOf(k int) []gridCell {
	t := &p.table
	if t.cells[k] != nil {
		return t.cells[k]
	}
	cells := []gridCell{} // not nil: asked
	// part adds text to the last cell, or as a new one behind a gap.
	blank := false // stands before what comes next
	part := func(from, to, size float64, b []byte) {
		whole := b
		if b = bytes.TrimSpace(b); len(b) == 0 {
			blank = true
			return
		}
		apart := blank || whole[0] == ' '
		blank = whole[len(whole)-1] == ' '
		if n := len(cells); n > 0 {
			c := &cells[n-1]
			gap := from - c.to
			if gap <= t.gap*size {
				if apart || gap > wordGap*size {
					c.text = append(c.text, ' ')
				}
				c.text = append(c.text, b...)
				c.to = max(c.to, to)
				return
			}
			cells = append(cells, gridCell{from: from, to: to, text: bytes.Clone(b), narrow: gap <= columnGap*size})
			return
		}
		cells = append(cells, gridCell{from: from, to: to, text: bytes.Clone(b)})
	}
	for _, s := range t.spans[t.lines[k].start:t.lines[k].end] {
		start, from := s.start, s.from
		first, _ := slices.BinarySearchFunc(p.gaps, s.start, func(g wideGap, at int) int { return g.at - at })
		for _, g := range p.gaps[first:] {
			if g.at >= s.end {
				break
			}
			if g.to-g.from <= t.gap*float64(s.size) {
				continue
			}
			part(from, g.from, float64(s.size), p.text[start:g.at])
			start, from = g.at, g.to
		}
		part(from, s.to, float64(s.size), p.text[start:s.end])
	}
	if slices.ContainsFunc(cells, func(c gridCell) bool { return bytes.ContainsFunc(c.text, rightToLeft) }) {
		cells = cells[:0]
	}
	t.cells[k] = cells
	return cells
}
