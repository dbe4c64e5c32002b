package office

import (
	"bytes"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/charset"
	"github.com/magpie-sec/magpie/internal/text"
)

// A Flow writes running text. What separates words, cells and lines is written only when text follows, the strongest one once, so that
// cells without text leave no trace, and no paragraph ends a line twice.
type Flow struct {
	out   *extract.Output
	buf   []byte
	n     int
	gap   byte // what separates from the next text
	began bool
	inRow bool // text was written since the row began

	asides []byte // what waits for the paragraph's end: see Aside
}

const flowBuffer = 64 << 10

// NewFlow returns a writer to the output.
func NewFlow(out *extract.Output) *Flow { return &Flow{out: out, buf: make([]byte, flowBuffer)} }

// Write writes text.
func (f *Flow) Write(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if f.gap != 0 && f.began {
		if f.n == len(f.buf) {
			if err := f.flush(); err != nil {
				return 0, err
			}
		}
		f.buf[f.n] = f.gap
		f.n++
	}
	f.gap, f.began, f.inRow = 0, true, true
	for rest := b; len(rest) > 0; {
		if f.n == len(f.buf) {
			if err := f.flush(); err != nil {
				return 0, err
			}
		}
		k := copy(f.buf[f.n:], rest)
		f.n, rest = f.n+k, rest[k:]
	}
	return len(b), nil
}

// Break ends the line.
func (f *Flow) Break() { f.gap = '\n' }

// Row begins a row, on a line of its own.
func (f *Flow) Row() { f.gap, f.inRow = '\n', false }

// Cell begins a cell: it ends the one before, and any line within it, since the text of the next one belongs on the row's line.
func (f *Flow) Cell() {
	if f.inRow {
		f.gap = '\t'
	}
}

// Aside keeps text that stands in a paragraph without being of it, until the paragraph ends: in its place it would break what stands there.
func (f *Flow) Aside(b []byte) error {
	f.asides = append(f.asides, b...)
	if len(f.asides) < flowBuffer {
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
		f.gap = '\n'
		f.began = false
		if f.n == len(f.buf) {
			if err := f.flush(); err != nil {
				return err
			}
		}
		f.buf[f.n] = '\n'
		f.n++
	}
	return f.flush()
}

func (f *Flow) flush() error {
	stop := f.n - charset.Cut(f.buf[:f.n])
	err := f.out.Text(&text.Block{Kind: text.Lines, Text: f.buf[:stop]})
	f.n = copy(f.buf, f.buf[stop:f.n])
	return err
}

// word is what an element of WordprocessingML, DrawingML or a comment means for running text, by its local name.
type word uint8

const (
	none      word = iota
	textual        // holds text
	deleted        // holds deleted text
	deletion       // holds what was deleted together
	paragraph      // ends a line
	cell
	row
	tab
	newline
	hyphen
	skipped // with all in it
)

// words are the elements that matter. Deleted text counts: it is in the file. A Fallback repeats its Choice in another form, and readings
// (rt) what they stand above. Codes of fields (instrText) are not shown, their results are.
var words = map[string]word{
	"t": textual, "delText": deleted, "del": deletion, "text": textual, "p": paragraph, "tc": cell, "tr": row, "tab": tab, "ptab": tab, "br": newline, "cr": newline,
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
				f.Row()
			}
			continue
		}
		switch what {
		case textual:
			inside++
		case deleted:
			gone = true
		case row:
			f.Row()
		case cell:
			f.Cell()
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
