package office

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/charset"
	"github.com/magpie-sec/magpie/internal/extract/csv"
	"github.com/magpie-sec/magpie/internal/text"
)

const (
	// MaxColumns is how many columns a sheet has in the programs that write them. The cells of those beyond share a field without number.
	MaxColumns = 16384
	// maxName and maxNames bound the bytes kept of one column's name, from its end, and of all names of a sheet.
	maxName  = 1 << 10
	maxNames = 1 << 20
	// maxSheetName bounds a sheet's name, which has 31 characters at most in Excel.
	maxSheetName = 256

	tableBuffer = 64 << 10
	// heldCells and heldRows are how much of a sheet is looked at before it is decided which row names the columns, if one does.
	heldCells = 2048
	heldRows  = 20
)

// A Table delivers the cells of a workbook, sheet by sheet, in the order in which they come. A cell that does not fit into the memory is
// delivered in pieces.
type Table struct {
	batch *extract.Batch
	buf   []byte
	n     int // bytes of the buffer used
	start int // where the cell that is being written begins

	sheet  string
	names  [][]byte
	kept   int // bytes of names
	header int64
	fields [2][]*text.Field // without and with names
	beyond *text.Field

	holding bool
	held    []heldCell
	rows    int

	row    int64
	col    int
	pieces bool
}

type heldCell struct {
	row         int64
	col         int
	start, stop int
}

// NewTable returns a writer to the output.
func NewTable(out *extract.Output) *Table {
	t := &Table{batch: extract.NewBatch(out, text.Cells), buf: make([]byte, tableBuffer)}
	t.batch.Window(t.buf)
	return t
}

// Sheet begins a sheet.
func (t *Table) Sheet(name string) error {
	t.abandon()
	err := t.decide()
	t.sheet = strings.ToValidUTF8(strings.Clone(name[:min(len(name), maxSheetName)]), "")
	t.names, t.kept, t.header = nil, 0, 0
	t.fields, t.beyond = [2][]*text.Field{}, nil
	t.holding, t.rows, t.row = true, 0, 0
	return err
}

// Cell begins a cell: its row from 1, its column from 0. A column below 0 means running text that belongs to no cell.
func (t *Table) Cell(row int64, col int) {
	t.abandon()
	t.row, t.col = row, col
	t.start = t.n
}

// abandon ends a cell in whose middle its part broke off; without pieces delivered it is dropped.
func (t *Table) abandon() {
	if t.pieces {
		t.pieces = false
		t.batch.Add(t.start, t.n, t.field(), t.row, 0, false)
		t.start = t.n
	}
	t.n = t.start
}

// Write appends to the cell's text.
func (t *Table) Write(b []byte) (int, error) {
	for rest := b; len(rest) > 0; {
		if t.n == len(t.buf) {
			if err := t.room(); err != nil {
				return 0, err
			}
		}
		k := copy(t.buf[t.n:], rest)
		t.n, rest = t.n+k, rest[k:]
	}
	return len(b), nil
}

// WriteString appends to the cell's text.
func (t *Table) WriteString(s string) error {
	_, err := t.Write([]byte(s))
	return err
}

// Break ends a line of running text.
func (t *Table) Break() {
	row, col := t.row, t.col
	if err := t.End(); err == nil {
		t.Cell(row, col)
	}
}

// End ends the cell. One without text is none.
func (t *Table) End() error {
	switch {
	case t.pieces:
		t.pieces = false
		t.batch.Add(t.start, t.n, t.field(), t.row, 0, false)
	case t.n == t.start:
		return nil
	case t.holding && t.col >= 0:
		if n := len(t.held); n == 0 || t.held[n-1].row != t.row {
			t.rows++
		}
		t.held = append(t.held, heldCell{t.row, t.col, t.start, t.n})
		t.start = t.n
		if len(t.held) >= heldCells || t.rows > heldRows {
			return t.decide()
		}
		return nil
	default:
		if err := t.decide(); err != nil {
			return err
		}
		t.batch.Add(t.start, t.n, t.field(), t.row, 0, false)
	}
	t.start = t.n
	if t.batch.Full() {
		return t.flush()
	}
	return nil
}

// Close delivers what is left.
func (t *Table) Close() error {
	t.abandon()
	if err := t.decide(); err != nil {
		return err
	}
	return t.flush()
}

// flush delivers everything before the cell that is being written.
func (t *Table) flush() error {
	err := t.batch.Flush(t.start)
	t.n = copy(t.buf, t.buf[t.start:t.n])
	t.start = 0
	t.batch.Window(t.buf)
	return err
}

// room makes room in the full buffer.
func (t *Table) room() error {
	if t.holding {
		return t.decide()
	}
	if t.start == 0 {
		stop := t.n - charset.Cut(t.buf[:t.n])
		t.batch.Add(0, stop, t.field(), t.row, 0, true)
		t.pieces, t.start = true, stop
	}
	return t.flush()
}

// decide finds the row that names the columns, and delivers what was held.
func (t *Table) decide() error {
	if !t.holding {
		return nil
	}
	t.holding = false
	t.findHeader()
	row, col, start := t.row, t.col, t.start
	for _, c := range t.held {
		t.row, t.col = c.row, c.col
		t.batch.Add(c.start, c.stop, t.field(), c.row, 0, false)
	}
	t.held = t.held[:0]
	t.row, t.col, t.start = row, col, start
	return t.flush()
}

// findHeader looks for the row that names the columns.
func (t *Table) findHeader() {
	var rows [][][]byte
	var numbers []int64
	for i, c := range t.held {
		if i == 0 || c.row != t.held[i-1].row {
			rows, numbers = append(rows, nil), append(numbers, c.row)
		}
		r := &rows[len(rows)-1]
		for len(*r) < c.col && len(*r) < MaxColumns {
			*r = append(*r, nil)
		}
		if len(*r) <= c.col {
			*r = append(*r, t.buf[c.start:c.stop])
		}
	}
	if i, found := csv.FindHeader(rows); found {
		t.keepNames(rows[i])
		t.header = numbers[i]
	}
}

func (t *Table) keepNames(row [][]byte) {
	t.names = make([][]byte, len(row))
	for i, name := range row {
		name = bytes.Join(bytes.Fields(name), []byte(" "))
		if cut := len(name) - maxName; cut > 0 {
			for cut < len(name) && !utf8.RuneStart(name[cut]) {
				cut++
			}
			name = name[cut:]
		}
		if t.kept += len(name); t.kept > maxNames {
			return
		}
		t.names[i] = name
	}
}

// field returns the field of the cell that is being written.
func (t *Table) field() *text.Field {
	if t.col < 0 {
		return nil
	}
	if t.col >= MaxColumns {
		if t.beyond == nil {
			t.beyond = &text.Field{Sheet: t.sheet}
		}
		return t.beyond
	}
	which := 0
	if t.col < len(t.names) && len(t.names[t.col]) > 0 && t.row > t.header {
		which = 1
	}
	fields := &t.fields[which]
	for len(*fields) <= t.col {
		*fields = append(*fields, nil)
	}
	f := (*fields)[t.col]
	if f == nil {
		f = &text.Field{Column: t.col + 1, Sheet: t.sheet}
		if which == 1 {
			f.Names = []string{string(t.names[t.col])}
		}
		(*fields)[t.col] = f
	}
	return f
}
