package office

import (
	"bytes"
	"strconv"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/prose"
)

// A Flow writes running text with tables in it. What separates words, cells and lines is written only when text follows, the strongest one
// once, so that cells without text leave no trace, and no paragraph ends a line twice.
type Flow struct {
	w     *prose.Writer
	gap   byte // what separates from the next text
	began bool
	inRow bool // text was written since the row began

	asides []byte // what waits for the paragraph's end: see Aside
}

// maxAsides is how much waits for the end of a paragraph.
const maxAsides = 64 << 10

// NewFlow returns a writer to the output.
func NewFlow(out *extract.Output) *Flow { return &Flow{w: prose.NewWriter(out)} }

// Write writes text.
func (f *Flow) Write(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if f.gap != 0 && f.began {
		if err := f.w.Between([]byte{f.gap}); err != nil {
			return 0, err
		}
	}
	f.gap, f.began, f.inRow = 0, true, true
	return f.w.Write(b)
}

// Break ends the line.
func (f *Flow) Break() { f.gap = '\n' }

// Table begins a table.
func (f *Flow) Table() { f.w.Table() }

// EndTable ends it.
func (f *Flow) EndTable() error {
	f.EndRow()
	return f.w.EndTable()
}

// Row begins a row, on a line of its own. With names its cells name their columns.
func (f *Flow) Row(names bool) error {
	f.EndRow()
	return f.w.Row(names)
}

// EndRow ends a row.
func (f *Flow) EndRow() { f.gap, f.inRow = '\n', false }

// Cell begins a cell that is as wide as so many columns: it ends the one before, and any line within it, since the text of the next one
// belongs on the row's line.
func (f *Flow) Cell(columns int) {
	if f.inRow {
		f.gap = '\t'
	}
	f.w.Cell(columns, 1, false)
}

// Aside keeps text that stands in a paragraph without being of it, until the paragraph ends: in its place it would break what stands there.
func (f *Flow) Aside(b []byte) error {
	f.asides = append(f.asides, b...)
	if len(f.asides) < maxAsides {
		return nil
	}
	return f.writeAsides()
}

// EndAside separates it from the next one.
func (f *Flow) EndAside(by byte) {
	if n := len(f.asides); n > 0 && f.asides[n-1] != '\n' && f.asides[n-1] != ' ' {
		f.asides = append(f.asides, by)
	}
}

// EndParagraph ends the line, and writes what was kept on lines of its own.
func (f *Flow) EndParagraph() error {
	err := f.writeAsides()
	f.Break()
	return err
}

func (f *Flow) writeAsides() error {
	if len(f.asides) == 0 {
		return nil
	}
	f.Break()
	_, err := f.Write(bytes.TrimRight(f.asides, " \n"))
	f.Break()
	f.asides = f.asides[:0]
	return err
}

// Tab separates words of a line.
func (f *Flow) Tab() {
	if f.gap == 0 {
		f.gap = '\t'
	}
}

// Paragraph begins one: on a line of its own, but in a cell on the row's.
func (f *Flow) Paragraph() {
	if f.gap == 0 {
		f.gap = '\n'
	}
}

// Close writes what is left, and ends the last line.
func (f *Flow) Close() error {
	if f.began {
		f.gap, f.began = 0, false
		if err := f.w.Between([]byte{'\n'}); err != nil {
			return err
		}
	}
	return f.w.Close()
}

// word is what an element of WordprocessingML, DrawingML or a comment means for running text, by its local name.
type word uint8

const (
	none      word = iota
	textual        // holds text
	deleted        // holds deleted text
	deletion       // holds what was deleted together
	paragraph      // ends a line
	table
	cell
	row
	header // its row names the columns
	span   // how wide a cell is
	tab
	newline
	hyphen
	skipped // with all in it
)

// words are the elements that matter. Deleted text counts: it is in the file. A Fallback repeats its Choice in another form, and readings
// (rt) what they stand above. Codes of fields (instrText) are not shown, their results are.
var words = map[string]word{
	"t": textual, "delText": deleted, "del": deletion, "text": textual, "p": paragraph, "tbl": table, "tc": cell, "tr": row, "tblHeader": header, "gridSpan": span, "tab": tab, "ptab": tab, "br": newline, "cr": newline,
	"noBreakHyphen": hyphen, "Fallback": skipped, "rt": skipped, "tabs": skipped, "tabLst": skipped, "cm": paragraph, "comment": paragraph,
}

// ReadFlow writes the text of a part of a Word document or a presentation: a line for each paragraph, and for each row of a table, whose
// cells are separated by tabs.
func ReadFlow(x *XML, f *Flow) error {
	inside, gone := 0, false // elements with text around this place; in deleted text
	for {
		t, err := x.Next()
		if t == EOF {
			f.Break()
			return err
		}
		if t == Text {
			if gone {
				if err := f.Aside(x.Text); err != nil {
					return err
				}
			} else if inside > 0 {
				if _, err := f.Write(x.Text); err != nil {
					return err
				}
			}
			continue
		}
		what := words[string(x.Name)]
		if t == End {
			switch what {
			case textual:
				inside = max(inside-1, 0)
			case deleted:
				gone = false
			case deletion:
				f.EndAside(' ')
			case paragraph:
				if err := f.EndParagraph(); err != nil {
					return err
				}
			case row:
				f.EndRow()
			case table:
				if err := f.EndTable(); err != nil {
					return err
				}
			}
			continue
		}
		switch what {
		case textual:
			inside++
		case deleted:
			gone = true
		case table:
			f.Table()
		case row:
			if err := f.Row(false); err != nil {
				return err
			}
		case header:
			f.w.Names()
		case span:
			n, _ := strconv.Atoi(string(x.Attr("val")))
			f.w.Widen(n)
		case cell:
			f.Cell(1)
		case paragraph:
			f.Paragraph()
		case tab:
			f.Tab()
		case newline:
			f.Break()
		case hyphen:
			if _, err := f.Write([]byte("-")); err != nil {
				return err
			}
		case skipped:
			if err := x.Skip(); err != nil {
				return err
			}
		}
	}
}
