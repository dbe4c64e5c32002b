// Package prose writes the running text of documents that have tables in it. A table whose first row names its columns is delivered cell by
// cell, each with its column's name, at the lines where its rows stand; every other table is running text like the rest.
package prose

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/charset"
	"github.com/magpie-sec/magpie/internal/extract/csv"
	"github.com/magpie-sec/magpie/internal/text"
)

const (
	bufferSize = 64 << 10
	// heldRows and heldCells are how much of a table is looked at before it is decided whether its columns have names.
	heldRows  = 20
	heldCells = 1024
	// maxCells is how many cells are delivered together.
	maxCells = 1024
	// maxColumns, maxName and maxFields bound what is kept of a table: its columns, how far a cell reaches down, the bytes of a name, and the fields.
	maxColumns = 1024
	maxRows    = 65534
	maxName    = 256
	maxFields  = 1024
	// maxLabel is the length in bytes of a cell that may say what stands in the next one of its row.
	maxLabel = 40
)

type state uint8

const (
	running state = iota
	holding       // a table of which it is not decided yet whether its columns have names
	headed        // a table that is delivered cell by cell
)

// A Writer takes the text of a document in its order, and where tables, rows and cells begin. Lines are told apart by the line feeds in what
// it is given. An error of the output stays: whatever follows does nothing but return it.
type Writer struct {
	out *extract.Output
	err error

	buf    []byte
	n      int   // bytes of it used
	line   int64 // where buf begins, from 1
	column int   // the characters before buf on its line
	// Line feeds and characters behind the last one that were passed over since the last running text: they are delivered with the next, so
	// that the places behind a table are right.
	owedLines  int64
	owedColumn int

	state state
	depth int // tables around this place; one within another is running text of its cell
	rows  int
	next  int     // the column of the row's next cell, from 0
	spans []int32 // for each column, the rows that a cell above reaches down into, this one included
	named bool
	cells []cell // of the table in buf
	// awaited is the cell that begins with the next text, if waiting; the last of cells goes on if it is open, and was delivered in part if it
	// is in pieces.
	awaited               cell
	waiting, open, pieces bool
	left                  []byte // the cell before in its row, if it could be a label

	names    []string
	fields   map[place]*text.Field
	segments []text.Segment
}

// outside is the column of text in a table that stands in none of its cells.
const outside = -1

// A cell is a stretch of buf.
type cell struct {
	row, column int
	columns     int // how many it is wide
	start, stop int
	name        bool // it names its column: the document says so itself
	left        string
}

// A place is what the cells that share a field have in common.
type place struct {
	column int
	left   string
}

// NewWriter returns a writer to the output.
func NewWriter(out *extract.Output) *Writer {
	return &Writer{out: out, buf: make([]byte, bufferSize), line: 1}
}

// Table begins a table.
func (w *Writer) Table() {
	if w.depth++; w.depth == 1 {
		w.state, w.rows, w.next, w.named, w.spans = holding, 0, 0, false, w.spans[:0]
	}
}

// EndTable ends a table.
func (w *Writer) EndTable() error {
	if w.depth == 0 {
		return w.err
	}
	if w.depth--; w.depth > 0 {
		return w.err
	}
	w.endCell()
	w.decide()
	if w.state == headed {
		w.flush()
	}
	w.leaveTable()
	return w.err
}

// leaveTable makes running text of what follows.
func (w *Writer) leaveTable() {
	w.state, w.waiting, w.open, w.pieces = running, false, false, false
	w.cells, w.left, w.names, w.fields = w.cells[:0], w.left[:0], nil, nil
}

// Row begins a row. With names its cells name their columns: the document says so.
func (w *Writer) Row(names bool) error {
	if w.depth != 1 {
		return w.err
	}
	w.endCell()
	if w.state == holding && (w.rows >= heldRows || len(w.cells) >= heldCells) {
		w.decide()
	}
	w.rows++
	for i, n := range w.spans {
		w.spans[i] = max(n-1, 0)
	}
	w.next, w.named, w.left = 0, names, w.left[:0]
	return w.err
}

// Names says that the cells of the row that began name their columns.
func (w *Writer) Names() {
	if w.depth == 1 {
		w.named = true
	}
}

// Cell begins a cell that is so many columns wide and rows high, and ends the one before. With name it names its column.
func (w *Writer) Cell(columns, rows int, name bool) {
	if w.depth != 1 {
		return
	}
	w.endCell()
	if w.waiting = w.state != running; !w.waiting {
		return
	}
	for w.next < len(w.spans) && w.spans[w.next] > 0 {
		w.next++
	}
	w.awaited = cell{row: w.rows, column: w.next, name: name || w.named, left: string(w.left)}
	w.left = w.left[:0]
	from := w.next
	w.next = min(w.next+max(columns, 1), maxColumns)
	w.awaited.columns = w.next - from
	if rows == 1 {
		return
	}
	for len(w.spans) < w.next {
		w.spans = append(w.spans, 0)
	}
	for i := from; i < w.next; i++ {
		if w.spans[i] = int32(min(rows, maxRows)); rows <= 0 { // to the end of the table
			w.spans[i] = maxRows
		}
	}
}

// Widen makes the cell that began so many columns wide.
func (w *Writer) Widen(columns int) {
	if w.waiting {
		w.next = min(w.awaited.column+max(columns, 1), maxColumns)
		w.awaited.columns = w.next - w.awaited.column
	}
}

// endCell ends the cell at hand.
func (w *Writer) endCell() {
	w.waiting = false
	if !w.open {
		return
	}
	c := &w.cells[len(w.cells)-1]
	if b := bytes.TrimSpace(w.buf[c.start:c.stop]); !w.pieces && c.column != outside && IsLabel(b) {
		w.left = append(w.left[:0], b...)
	}
	w.open = false
	if w.pieces || w.state == headed && len(w.cells) >= maxCells {
		w.flush()
	}
}

// IsLabel says whether the text of a cell is short and holds words and no number, so that it may say what stands in the next cell.
func IsLabel(cell []byte) bool {
	letters := false
	for _, r := range string(cell) {
		if unicode.IsDigit(r) {
			return false
		}
		letters = letters || unicode.IsLetter(r)
	}
	return letters && len(cell) <= maxLabel
}

// Write writes text.
func (w *Writer) Write(b []byte) (int, error) {
	if len(b) == 0 || w.err != nil {
		return 0, w.err
	}
	if w.state != running && !w.open {
		if !w.waiting {
			w.awaited = cell{row: w.rows, column: outside, columns: 1}
		}
		w.awaited.start, w.awaited.stop = w.n, w.n
		w.cells = append(w.cells, w.awaited)
		w.waiting, w.open = false, true
	}
	w.put(b)
	if w.open {
		w.cells[len(w.cells)-1].stop = w.n
	}
	return len(b), w.err
}

// Between writes what separates text: of a cell it is only if more text of the cell follows.
func (w *Writer) Between(b []byte) error {
	w.put(b)
	return w.err
}

func (w *Writer) put(b []byte) {
	for len(b) > 0 && w.err == nil {
		if w.n == len(w.buf) {
			if w.state == holding {
				w.decide()
			} else {
				w.flush()
			}
			continue
		}
		k := copy(w.buf[w.n:], b)
		w.n += k
		if w.open && w.n == len(w.buf) {
			w.cells[len(w.cells)-1].stop = w.n
		}
		b = b[k:]
	}
}

// Close delivers what is left.
func (w *Writer) Close() error {
	w.depth = min(w.depth, 1)
	w.EndTable()
	w.running(w.n)
	return w.err
}

// decide finds out whether the columns of the table at hand have names.
func (w *Writer) decide() {
	if w.state != holding {
		return
	}
	last := w.header()
	if last < 0 {
		w.leaveTable()
		return
	}
	w.state = headed
	w.fields = make(map[place]*text.Field)
	for _, c := range w.cells {
		if c.row == w.cells[last].row && c.column != outside {
			w.keepName(c)
		}
	}
	w.running(w.cells[last].stop)
}

// header returns the last cell of the row that names the columns, below zero if none does.
func (w *Writer) header() int {
	var rows [][][]byte
	var lastOf []int
	saysSo := true // all cells of the first row
	row := -1
	for i, c := range w.cells {
		if c.column == outside {
			continue
		}
		if c.row != row {
			row = c.row
			rows, lastOf = append(rows, nil), append(lastOf, 0)
		}
		r := &rows[len(rows)-1]
		for len(*r) < c.column {
			*r = append(*r, nil)
		}
		*r = append(*r, w.buf[c.start:c.stop])
		lastOf[len(lastOf)-1] = i
		saysSo = saysSo && (len(rows) > 1 || c.name)
	}
	switch {
	case len(rows) < 2:
		return -1
	case saysSo:
		return lastOf[0]
	}
	if i := Header(rows); i >= 0 {
		return lastOf[i]
	}
	return -1
}

// Header returns which of a table's rows names its columns, judged by what they hold; below zero if none does, or if nothing stands below it.
func Header(rows [][][]byte) int {
	i, found := csv.FindHeader(rows)
	if !found || i+1 == len(rows) {
		return -1
	}
	names, usual := 0, 0
	for _, name := range rows[i] {
		if bytes.HasSuffix(bytes.TrimSpace(name), []byte{':'}) {
			return -1 // a label of what stands beside it
		}
		if len(name) > 0 {
			names++
			if csv.UsualName(name) {
				usual++
			}
		}
	}
	if names < 2 || names == 2 && usual < 2 { // most tables of two columns have labels on the left
		return -1
	}
	return i
}

// keepName gives the columns below a cell its name.
func (w *Writer) keepName(c cell) {
	name := strings.Join(strings.Fields(string(w.buf[c.start:c.stop])), " ")
	if cut := len(name) - maxName; cut > 0 {
		for cut < len(name) && !utf8.RuneStart(name[cut]) {
			cut++
		}
		name = name[cut:]
	}
	for len(w.names) < c.column+c.columns {
		w.names = append(w.names, "")
	}
	for i := range c.columns {
		w.names[c.column+i] = name
	}
}

// flush delivers what is in the buffer but an unfinished cell, as far as there is anything before it.
func (w *Writer) flush() {
	if w.state != headed {
		w.running(w.n - charset.Cut(w.buf[:w.n]))
		return
	}
	stop := w.n
	if w.open {
		c := &w.cells[len(w.cells)-1]
		if stop = c.start; stop == 0 && w.n == len(w.buf) { // a long cell
			stop = w.n - charset.Cut(w.buf[:w.n])
			w.pieces = true
		}
	}
	w.segments = w.segments[:0]
	line, column, at := w.line, w.column, 0
	for i, c := range w.cells {
		unfinished := w.open && i == len(w.cells)-1
		if unfinished && !w.pieces {
			break
		}
		line, column = after(line, column, w.buf[at:c.start])
		at = c.start
		w.segments = append(w.segments, text.Segment{
			Start: int32(c.start), End: int32(min(c.stop, stop)), Field: w.field(c), Row: line, Index: int32(column), More: unfinished,
		})
	}
	if len(w.segments) > 0 && w.err == nil {
		w.err = w.out.Text(&text.Block{Kind: text.Lines, Text: w.buf[:stop], Segments: w.segments})
	}
	if !w.open {
		w.pieces = false
	}
	w.owedLines, w.owedColumn = after(w.owedLines, w.owedColumn, w.buf[:stop])
	w.pass(stop)
}

// field returns the field of a cell.
func (w *Writer) field(c cell) *text.Field {
	if c.column == outside {
		return nil
	}
	at := place{c.column, c.left}
	f := w.fields[at]
	if f == nil {
		f = &text.Field{}
		if c.column < len(w.names) && w.names[c.column] != "" {
			f.Names = append(f.Names, w.names[c.column])
		}
		if c.left != "" {
			f.Names = append(f.Names, c.left)
		}
		if len(w.fields) < maxFields {
			w.fields[at] = f
		}
	}
	return f
}

// running delivers the text before stop as running text.
func (w *Writer) running(stop int) {
	if stop > 0 {
		w.pay()
		if w.err == nil {
			w.err = w.out.Text(&text.Block{Kind: text.Lines, Text: w.buf[:stop]})
		}
	}
	w.pass(stop)
}

var (
	feeds  = bytes.Repeat([]byte{'\n'}, 1024)
	spaces = bytes.Repeat([]byte{' '}, 1024)
)

// pay delivers what is owed.
func (w *Writer) pay() {
	for w.owedLines > 0 && w.err == nil {
		k := min(w.owedLines, int64(len(feeds)))
		w.err = w.out.Text(&text.Block{Kind: text.Lines, Text: feeds[:k]})
		w.owedLines -= k
	}
	if w.buf[0] == '\n' {
		w.owedColumn = 0
	}
	for w.owedColumn > 0 && w.err == nil {
		k := min(w.owedColumn, len(spaces))
		w.err = w.out.Text(&text.Block{Kind: text.Lines, Text: spaces[:k]})
		w.owedColumn -= k
	}
}

// pass drops the text before stop.
func (w *Writer) pass(stop int) {
	w.line, w.column = after(w.line, w.column, w.buf[:stop])
	kept := w.cells[:0]
	for i, c := range w.cells {
		if c.stop > stop || w.open && i == len(w.cells)-1 {
			c.start, c.stop = max(c.start-stop, 0), c.stop-stop
			kept = append(kept, c)
		}
	}
	w.cells = kept
	w.n = copy(w.buf, w.buf[stop:w.n])
}

// after returns the line and the column behind t.
func after(line int64, column int, t []byte) (int64, int) {
	if n := bytes.Count(t, feeds[:1]); n > 0 {
		line += int64(n)
		column = 0
		t = t[bytes.LastIndexByte(t, '\n')+1:]
	}
	return line, column + utf8.RuneCount(t)
}
