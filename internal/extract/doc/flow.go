package doc

import (
	"bytes"

	"github.com/magpie-sec/magpie/internal/extract/office"
)

const (
	// maxFields bounds how deep fields stand in one another, and maxInstruction how long an instruction may be. What is longer is no instruction,
	// but text behind a mark without its counterpart.
	maxFields      = 32
	maxInstruction = 4 << 10
)

// A writer turns Word's marks into lines and cells. Where the document tells what stands in a table, tables, rows and cells are begun; else a
// row ends with a mark of its own behind that of its last cell, and its text is separated by tabs.
type writer struct {
	flow   *office.Flow
	begins bool  // a paragraph begins with what follows
	at     place // where the paragraph at hand stands
	table  bool  // a table, row and cell have begun
	row    bool
	cell   bool

	last  byte // the last mark, if no text followed it
	inRow bool // text was written since the row, or its first paragraph, began
	cells int  // of the row so far

	fields      []bool // of the fields around this place: whether their result has begun
	hidden      int    // how many of them are in their instruction
	instruction []byte
}

// begin begins a paragraph.
func (w *writer) begin(p place) error {
	w.begins, w.at = false, p
	switch {
	case !p.inTable:
		return w.endTable()
	case p.endsRow:
		return nil
	}
	if !w.table {
		w.flow.Table()
		w.table = true
	}
	if !w.row {
		if err := w.flow.Row(false); err != nil {
			return err
		}
		w.row = true
	}
	if !w.cell {
		w.flow.Cell(1)
		w.cell = true
	}
	return nil
}

func (w *writer) endTable() error {
	if !w.table {
		return nil
	}
	w.table, w.row, w.cell = false, false, false
	return w.flow.EndTable()
}

func (w *writer) text(b []byte) error {
	if w.hidden > 0 {
		if w.instruction = append(w.instruction, b...); len(w.instruction) <= maxInstruction {
			return nil
		}
		return w.giveUp()
	}
	if len(b) > 0 {
		w.inRow, w.last = true, 0
	}
	_, err := w.flow.Write(b)
	return err
}

// giveUp takes what was kept as an instruction for text.
func (w *writer) giveUp() error {
	w.fields, w.hidden = w.fields[:0], 0
	b := w.instruction
	w.instruction = nil
	return w.text(b)
}

// mark handles a character below a blank.
func (w *writer) mark(c byte) error {
	switch c {
	case 7:
		return w.endCell()
	case 0x13:
		if len(w.fields) < maxFields {
			w.fields = append(w.fields, false)
			w.hidden++
		}
		return nil
	case 0x14:
		if n := len(w.fields); n > 0 && !w.fields[n-1] {
			w.fields[n-1] = true
			return w.endInstruction()
		}
		return nil
	case 0x15:
		if n := len(w.fields); n > 0 {
			inResult := w.fields[n-1]
			w.fields = w.fields[:n-1]
			if !inResult {
				return w.endInstruction()
			}
		}
		return nil
	case '\t':
		return w.text([]byte{'\t'})
	case 0x1e:
		return w.text([]byte{'-'})
	case '\r':
		w.begins = true
		if w.hidden > 0 {
			return w.text([]byte{' '})
		}
		if w.last = c; w.cells == 0 {
			w.inRow = false
		}
		return w.flow.EndParagraph()
	case '\n', 0x0b, 0x0c, 0x0e:
		w.begins = w.begins || c == 0x0c
		if w.hidden > 0 {
			return w.text([]byte{' '})
		}
		w.last = c
		w.flow.Break()
	}
	return nil // the place of a picture, a note or an optional hyphen
}

// endInstruction keeps the instruction for the paragraph's end if it says something, when the outermost one ends.
func (w *writer) endInstruction() error {
	if w.hidden--; w.hidden > 0 {
		return nil
	}
	b := bytes.TrimSpace(w.instruction)
	w.instruction = w.instruction[:0]
	if !tells(b) {
		return nil
	}
	err := w.flow.Aside(b)
	w.flow.EndAside(' ')
	return err
}

// telling are the fields whose instructions hold text of people's: where links lead, what is put in, asked for or set.
var telling = []string{"HYPERLINK", "INCLUDE", "IMPORT", "LINK", "DDE", "SET", "QUOTE", "IF", "ASK", "FILLIN", "DATABASE", "COMMENTS", "INFO", "DOCVARIABLE", "XE", "TA", "TC"}

func tells(b []byte) bool {
	b = bytes.ToUpper(b)
	if bytes.Contains(b, []byte(`"MAILTO:`)) {
		return false // what the text shows
	}
	for _, t := range telling {
		if bytes.HasPrefix(b, []byte(t)) {
			return true
		}
	}
	return false
}

// endCell ends a cell or a row.
func (w *writer) endCell() error {
	if w.hidden > 0 { // a field does not reach over cells
		if err := w.giveUp(); err != nil {
			return err
		}
	}
	w.begins = true
	if w.at.known && w.at.inTable {
		if w.cell = false; w.at.endsRow {
			w.row = false
		}
		return w.flow.EndParagraph()
	}
	if w.last == 7 {
		err := w.flow.EndParagraph()
		w.flow.EndRow()
		w.inRow, w.cells, w.last = false, 0, 0
		return err
	}
	w.last = 7
	w.cells++
	if w.inRow {
		w.flow.Cell(1)
	}
	return nil
}

// end ends the text.
func (w *writer) end() error {
	if w.hidden > 0 {
		if err := w.giveUp(); err != nil {
			return err
		}
	}
	if err := w.flow.EndParagraph(); err != nil {
		return err
	}
	return w.endTable()
}
