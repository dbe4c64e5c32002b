package odf

import (
	"bytes"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/office"
)

const (
	// maxRow is where rows are no longer counted.
	maxRow = 1 << 31
	// maxShown is how much of a cell's text is kept when it is compared with its value, or repeated; a longer one is not repeated.
	maxShown = 32 << 10
	// maxRepeated is how often the same value in neighbouring columns is delivered.
	maxRepeated = 64
)

func readSpreadsheet(p *office.Package, out *extract.Output) error {
	s := &sheets{table: office.NewTable(out)}
	p.Read("content.xml", s.read)
	p.Note(s.table.Sheet(""))
	s.table.Cell(1, -1)
	p.Read("meta.xml", func(x *office.XML) error { return office.ReadProperties(x, s.table) })
	p.Note(s.table.Close())
	return p.Result()
}

// sheets reads the tables of a spreadsheet. Rows and columns may stand for many alike: rows are delivered once, since what is empty below the
// last one counts a million, columns each.
type sheets struct {
	table *office.Table
	x     *office.XML

	tables   int // around this place
	row      int64
	col      int
	repeated int64 // rows

	inCell  bool
	columns int64 // that the cell stands for
	times   int64 // how often it is delivered
	kept    bool  // the text is gathered in shown rather than delivered
	shown   []byte
	value   []byte // as the cell's attributes tell, nil for text
	number  bool
	began   bool // the cell has text

	paragraphs int
	space      bool
	notes      int // annotations and shapes around this place
	note       []byte
}

func (s *sheets) read(x *office.XML) error {
	s.x = x
	for {
		t, err := x.Next()
		if err != nil || t == office.EOF {
			return err
		}
		switch name := string(x.Name); t {
		case office.Text:
			if s.paragraphs > 0 {
				b := x.Text
				b, s.space = collapse(b, s.space)
				err = s.write(b)
			}
		case office.Start:
			err = s.start(name)
		case office.End:
			err = s.end(name)
		}
		if err != nil {
			return err
		}
	}
}

// write takes text of a paragraph: of a note, of a cell, or of neither.
func (s *sheets) write(b []byte) error {
	switch {
	case len(b) == 0:
		return nil
	case s.notes > 0 || !s.inCell:
		if len(s.note) < maxShown {
			s.note = append(s.note, b...)
			return nil
		}
		s.note = append(s.note, b...)
		return s.endNote()
	}
	s.began = true
	if s.kept {
		if len(s.shown)+len(b) <= maxShown {
			s.shown = append(s.shown, b...)
			return nil
		}
		// Too long for what it was kept for.
		s.kept, s.value, s.times = false, nil, 1
		if _, err := s.table.Write(s.shown); err != nil {
			return err
		}
	}
	_, err := s.table.Write(b)
	return err
}

func (s *sheets) start(name string) error {
	switch name {
	case "table":
		if s.tables++; s.tables == 1 {
			s.row, s.col = 0, 0
			return s.table.Sheet(string(s.x.Attr("name")))
		}
	case "table-row":
		if s.tables == 1 {
			s.row = min(s.row+1, maxRow)
			s.repeated = max(number(s.x.Attr("number-rows-repeated")), 1)
			s.col = 0
		}
	case "table-cell", "covered-table-cell":
		if s.tables == 1 && s.notes == 0 {
			s.startCell()
		}
	case "annotation", "shapes", "frame", "custom-shape", "rect", "ellipse", "caption", "g":
		s.notes++
	case "p", "h":
		s.paragraphs++
		s.space = true
		if s.inCell && s.notes == 0 && s.began {
			return s.write([]byte("\n"))
		}
		if s.notes > 0 && len(s.note) > 0 {
			s.note = append(s.note, '\n')
		}
	case "s":
		if s.paragraphs > 0 {
			s.space = false
			return s.write(spaces(s.x.Attr("c")))
		}
	case "tab", "line-break":
		if s.paragraphs > 0 {
			s.space = true
			return s.write([]byte("\n"))
		}
	case "ruby-text", "scripts":
		return s.x.Skip()
	}
	return nil
}

func (s *sheets) startCell() {
	s.inCell, s.began, s.kept, s.number = true, false, false, false
	s.columns = max(number(s.x.Attr("number-columns-repeated")), 1)
	s.times = min(s.columns, maxRepeated)
	s.shown, s.value = s.shown[:0], nil
	switch string(s.x.Attr("value-type")) {
	case "float":
		s.value, s.number = bytes.Clone(s.x.Attr("value")), true
	case "date":
		s.value = bytes.Clone(s.x.Attr("date-value"))
		if i := bytes.IndexByte(s.value, 'T'); i >= 0 {
			s.value[i] = ' '
			s.value = bytes.TrimSuffix(s.value, []byte(" 00:00:00"))
		}
	case "time":
		s.value = []byte(clock(s.x.Attr("time-value")))
	case "boolean":
		s.value = bytes.ToUpper(s.x.Attr("boolean-value"))
	}
	s.kept = s.value != nil || s.columns > 1
	s.table.Cell(s.row, s.col)
}

func (s *sheets) end(name string) error {
	switch name {
	case "table":
		s.tables = max(s.tables-1, 0)
	case "table-row":
		if s.tables == 1 {
			s.row = min(s.row+s.repeated-1, maxRow)
		}
	case "table-cell", "covered-table-cell":
		if s.inCell && s.notes == 0 && s.tables == 1 {
			return s.endCell()
		}
	case "annotation", "shapes", "frame", "custom-shape", "rect", "ellipse", "caption", "g":
		s.notes = max(s.notes-1, 0)
		if s.notes == 0 && !s.inCell {
			return s.endNote()
		}
	case "p", "h":
		s.paragraphs = max(s.paragraphs-1, 0)
		if !s.inCell && s.notes == 0 {
			return s.endNote()
		}
	}
	return nil
}

func (s *sheets) endCell() error {
	s.inCell = false
	text := s.shown
	if s.value != nil && !(s.number && sameDigits(s.shown, s.value)) {
		text = s.value
	}
	if !s.kept {
		text = nil
	}
	for i := range s.times {
		if i > 0 && len(text) == 0 {
			break
		}
		if i > 0 {
			s.table.Cell(s.row, s.col+int(i))
		}
		if _, err := s.table.Write(text); err != nil {
			return err
		}
		if err := s.table.End(); err != nil {
			return err
		}
	}
	if len(s.note) > 0 {
		s.table.Cell(s.row, s.col)
		if err := s.writeNote(); err != nil {
			return err
		}
	}
	s.col = int(min(int64(s.col)+s.columns, maxRow))
	return nil
}

// endNote delivers text that stands in no cell. In a cell it waits for the cell's end, unless it is long.
func (s *sheets) endNote() error {
	if s.inCell {
		s.note = s.note[:min(len(s.note), maxShown)]
		return nil
	}
	s.table.Cell(1, -1)
	return s.writeNote()
}

func (s *sheets) writeNote() error {
	_, err := s.table.Write(bytes.ToValidUTF8(s.note, nil))
	s.note = s.note[:0]
	if err != nil {
		return err
	}
	return s.table.End()
}

// sameDigits says that a number is shown with all its digits and no decimals: then its marks and zeros matter more than its value
// ("036-90-4397").
func sameDigits(shown, value []byte) bool {
	digits := make([]byte, 0, 64)
	for _, c := range shown {
		switch {
		case c >= '0' && c <= '9':
			digits = append(digits, c)
		case c == '.' || c == ',':
			return false
		}
	}
	return len(digits) > 0 && bytes.Equal(bytes.TrimLeft(digits, "0"), bytes.TrimLeft(value, "0"))
}
