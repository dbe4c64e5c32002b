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

// A writer turns Word's marks into lines and cells.
type writer struct {
	flow  *office.Flow
	last  byte // the last mark, if no text followed it
	inRow bool // text was written since the row, or its first paragraph, began
	cells int  // of the row so far

	fields      []bool // of the fields around this place: whether their result has begun
	hidden      int    // how many of them are in their instruction
	instruction []byte
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
		if w.hidden > 0 {
			return w.text([]byte{' '})
		}
		if w.last = c; w.cells == 0 {
			w.inRow = false
		}
		return w.flow.EndParagraph()
	case '\n', 0x0b, 0x0c, 0x0e:
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

// cell ends a cell or a row.
func (w *writer) cell(row bool) error {
	if w.hidden > 0 { // a field does not reach over cells
		if err := w.giveUp(); err != nil {
			return err
		}
	}
	w.last = 7
	if row {
		err := w.flow.EndParagraph()
		w.flow.EndRow()
		w.inRow, w.cells, w.last = false, 0, 0
		return err
	}
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
	return w.flow.EndParagraph()
}
