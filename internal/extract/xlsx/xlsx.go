// Package xlsx reads workbooks of Office Open XML (ECMA-376): cells as people see them, notes, text boxes and properties. The reader is our
// own: it keeps the memory bounded that shared strings take, whose table may hold millions, and reads more than 100,000 rows a second.
package xlsx

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/office"
	"github.com/magpie-sec/magpie/internal/extract/ole"
	"github.com/magpie-sec/magpie/internal/text"
)

// Format is .xlsx and its kin with macros, and templates. Binary workbooks (.xlsb) are not read.
var Format = extract.Format{
	Name: "xlsx",
	MIME: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	About: extract.About{
		Title: "Excel workbooks (Office Open XML)",
		Reads: "Cells of all sheets, hidden ones too, as people see them: numbers and dates in their formats, results of formulas. " +
			"Notes, text boxes, embedded files, properties. Names of columns are context.",
		Leaves:  "Formulas, macros, pictures; binary workbooks (.xlsb) and workbooks with a password.",
		Sniffed: "A zip with Excel's parts.",
		Places:  "Sheet, row, column and name of the column.",
		Reasons: []extract.Reason{extract.MalformedOrFileSizeExceedsLimit, extract.OOXMLUncompressedRatioExceedsLimit, extract.OOXMLUncompressedSizeExceedsLimit, extract.UnsupportedFileType},
	},
	Extensions: []string{"xlsx", "xlsm", "xltx", "xltm", "xlam"},
	Kind:       text.Cells,
	MaxBytes:   office.MaxBytes,
	First:      "P",
	Match:      func(h *extract.Head) extract.Score { return office.Match(h, office.Workbook) },
	Extract:    read,
}

const (
	// maxSheets and maxSheetNames bound the sheets of a workbook, and the bytes of their names.
	maxSheets, maxSheetNames = 32 << 10, 1 << 20
	// maxStyles and maxFormats bound the styles of cells (Excel: 65,490) and the number formats (some 250).
	maxStyles, maxFormats = 64 << 10, 8 << 10
	maxRow                = 1 << 20
)

type workbook struct {
	*office.Package
	table    *office.Table
	strings  *office.StringTable
	styles   []office.Style
	base1904 bool
	sheets   []sheet

	value, shown []byte
}

type sheet struct{ name, relation string }

func read(in *extract.Input, out *extract.Output) error {
	p, err := office.Open(in, out, true)
	if err != nil {
		return err
	}
	w := &workbook{Package: p, table: office.NewTable(out), strings: office.NewStringTable(in)}
	main, package_ := p.Main("xl/workbook.xml")
	if strings.HasSuffix(main, ".bin") {
		return &extract.Problem{Reason: extract.UnsupportedFileType, Detail: "a binary workbook"}
	}
	all := p.Relations(main)
	if !p.Read(main, w.readWorkbook) && len(w.sheets) == 0 {
		p.Note(extract.Malformed("no workbook"))
		return p.Result()
	}
	targets := map[string]string{}
	for _, r := range all {
		switch r.Type {
		case "sharedStrings":
			p.Read(r.Target, w.readStrings)
		case "styles":
			p.Read(r.Target, w.readStyles)
		default:
			targets[r.ID] = r.Target
		}
	}
	for _, s := range w.sheets {
		if target := targets[s.relation]; target != "" {
			p.Note(w.readSheet(s.name, target))
		}
	}
	p.Note(w.table.Sheet(""))
	w.table.Cell(1, -1)
	p.Properties(package_, w.table)
	p.Note(w.table.Close())
	if err := ole.EmbeddedParts(p, in, out); err != nil {
		return err
	}
	return p.Result()
}

func (w *workbook) readWorkbook(x *office.XML) error {
	names := 0
	for {
		t, err := x.Next()
		if t == office.EOF {
			return err
		}
		if t != office.Start {
			continue
		}
		switch string(x.Name) {
		case "workbookPr":
			v := string(x.Attr("date1904"))
			w.base1904 = v == "1" || v == "true"
		case "sheet":
			s := sheet{string(x.Attr("name")), x.Relation()}
			if names += len(s.name) + len(s.relation); len(w.sheets) >= maxSheets || names > maxSheetNames {
				return extract.Malformed("too many sheets")
			}
			w.sheets = append(w.sheets, s)
		}
	}
}

// readStrings reads the table of shared strings. Readings of East Asian names (rPh), which stand beside what they belong to, are left out.
func (w *workbook) readStrings(x *office.XML) error {
	inside := false
	for {
		t, err := x.Next()
		switch {
		case t == office.EOF:
			return err
		case t == office.Text:
			if inside {
				if _, err := w.strings.Write(unescape(x.Text)); err != nil {
					return err
				}
			}
			continue
		}
		switch string(x.Name) {
		case "si":
			if t == office.Start {
				if err := w.strings.Begin(); err != nil {
					return err
				}
			}
		case "t":
			inside = t == office.Start
		case "rPh":
			if t == office.Start {
				if err := x.Skip(); err != nil {
					return err
				}
			}
		}
	}
}

func (w *workbook) readStyles(x *office.XML) error {
	formats := map[int64]office.Style{}
	inCells := false
	for {
		t, err := x.Next()
		if t == office.EOF {
			return err
		}
		if t == office.Text {
			continue
		}
		switch string(x.Name) {
		case "numFmt":
			if t == office.Start && len(formats) < maxFormats {
				if id, ok := number(x.Attr("numFmtId")); ok {
					formats[id] = office.FormatOf(string(x.Attr("formatCode")))
				}
			}
		case "cellXfs":
			inCells = t == office.Start
		case "xf":
			if t == office.Start && inCells && len(w.styles) < maxStyles {
				id, _ := number(x.Attr("numFmtId"))
				s, ok := formats[id]
				if !ok {
					s = office.BuiltIn(id)
				}
				w.styles = append(w.styles, s)
			}
		}
	}
}

// number reads a whole number of at most 15 digits.
func number(b []byte) (int64, bool) {
	if !office.IsDigits(b) || len(b) > 15 {
		return 0, false
	}
	n := int64(0)
	for _, c := range b {
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// reference reads a cell's reference ("C5"): its column from 0 and its row from 1. What is out of range has -1, or 0.
func reference(b []byte) (col int, row int64) {
	i := 0
	for i < len(b) && i < 4 && b[i]|0x20 >= 'a' && b[i]|0x20 <= 'z' {
		col = col*26 + int(b[i]|0x20-'a') + 1
		i++
	}
	if i == 4 {
		return office.MaxColumns, 0
	}
	row, _ = number(b[i:])
	if row > maxRow {
		row = 0
	}
	return col - 1, row
}

func (w *workbook) readSheet(name, part string) error {
	if err := w.table.Sheet(name); err != nil {
		return err
	}
	all := w.Relations(part)
	w.Read(part, w.readCells)
	for _, kind := range []string{"threadedComment", "comments"} {
		for _, comments := range office.Of(all, kind) {
			w.Read(comments, w.readComments)
		}
	}
	for _, drawing := range office.Of(all, "drawing") {
		w.Read(drawing, w.readDrawing)
	}
	return nil
}

// readCells reads a worksheet. The content of a cell stands in v, or for strings of its own in is; its formula is passed over.
func (w *workbook) readCells(x *office.XML) error {
	row, col := int64(0), -1
	var kind byte
	var st office.Style
	inCell, take, header := false, false, false
	for {
		t, err := x.Next()
		switch t {
		case office.EOF:
			return err
		case office.Text:
			if !take {
				continue
			}
			switch {
			case header:
				w.value = append(w.value, x.Text[:min(len(x.Text), 4096-min(len(w.value), 4096))]...)
			case kind == 0 || kind == 's' || kind == 'b':
				if w.value = append(w.value, x.Text[:min(len(x.Text), 256)]...); len(w.value) > 256 {
					w.value = w.value[:256]
				}
			default:
				if _, err := w.table.Write(unescape(x.Text)); err != nil {
					return err
				}
			}
		case office.Start:
			switch string(x.Name) {
			case "c":
				col++
				if c, r := reference(x.Attr("r")); c >= 0 {
					col = c
					if r > 0 {
						row = r
					}
				}
				kind, st = cellKind(x.Attr("t")), office.Style{}
				if s := x.Attr("s"); s != nil && kind == 0 {
					if i, ok := number(s); ok && i < int64(len(w.styles)) {
						st = w.styles[i]
					}
				}
				w.value = w.value[:0]
				w.table.Cell(row, col)
				inCell = true
			case "v", "t":
				take = inCell
			case "row":
				row++
				if r, ok := number(x.Attr("r")); ok && r <= maxRow {
					row = r
				}
				col = -1
			case "rPh":
				if err := x.Skip(); err != nil {
					return err
				}
			case "oddHeader", "oddFooter", "evenHeader", "evenFooter", "firstHeader", "firstFooter":
				take, header = true, true
				w.value = w.value[:0]
			}
		case office.End:
			switch string(x.Name) {
			case "v", "t":
				take = false
			case "c":
				if !inCell {
					continue
				}
				inCell = false
				if err := w.endCell(kind, st); err != nil {
					return err
				}
			case "oddHeader", "oddFooter", "evenHeader", "evenFooter", "firstHeader", "firstFooter":
				take, header = false, false
				w.table.Cell(1, -1)
				if _, err := w.table.Write(office.HeaderText(w.value)); err != nil {
					return err
				}
				if err := w.table.End(); err != nil {
					return err
				}
			}
		}
	}
}

// cellKind is the type of a cell's content: 's' for a shared string, 'b' for a truth value, 't' for text as it stands, 0 for a number.
func cellKind(t []byte) byte {
	switch string(t) {
	case "s":
		return 's'
	case "b":
		return 'b'
	case "", "n":
		return 0
	}
	return 't'
}

func (w *workbook) endCell(kind byte, st office.Style) error {
	switch kind {
	case 's':
		if no, ok := number(w.value); ok {
			if err := w.strings.Copy(no, w.table); err != nil {
				return err
			}
		}
	case 'b':
		w.shown = append(w.shown[:0], "FALSE"...)
		if string(w.value) == "1" || string(w.value) == "true" {
			w.shown = append(w.shown[:0], "TRUE"...)
		}
		if len(w.value) > 0 {
			if _, err := w.table.Write(w.shown); err != nil {
				return err
			}
		}
	case 0:
		if v := bytes.TrimSpace(w.value); len(v) > 0 {
			if !utf8.Valid(v) {
				v = bytes.ToValidUTF8(v, nil)
			}
			w.shown = office.AppendNumber(w.shown[:0], v, st, w.base1904)
			if _, err := w.table.Write(w.shown); err != nil {
				return err
			}
		}
	}
	return w.table.End()
}

// readComments reads notes and threads of comments, each as text in its cell. Beside a thread Excel keeps a note with the same text, whose
// author is "tc=" and an id.
func (w *workbook) readComments(x *office.XML) error {
	var copies []bool // by author
	inAuthor, inText, skip := false, false, false
	for {
		t, err := x.Next()
		switch t {
		case office.EOF:
			return err
		case office.Text:
			if inAuthor && bytes.HasPrefix(x.Text, []byte("tc=")) && len(copies) > 0 {
				copies[len(copies)-1] = true
			}
			if inText && !skip {
				if _, err := w.table.Write(unescape(x.Text)); err != nil {
					return err
				}
			}
		case office.Start:
			switch string(x.Name) {
			case "author":
				inAuthor = true
				if len(copies) < maxStyles {
					copies = append(copies, false)
				}
			case "comment", "threadedComment":
				col, row := reference(x.Attr("ref"))
				if col < 0 || row == 0 {
					col, row = -1, 1
				}
				w.table.Cell(row, col)
				author, ok := number(x.Attr("authorId"))
				skip = ok && author < int64(len(copies)) && copies[author]
				inText = string(x.Name) == "threadedComment"
			case "t":
				inText = true
			case "rPh":
				if err := x.Skip(); err != nil {
					return err
				}
			}
		case office.End:
			switch string(x.Name) {
			case "author":
				inAuthor = false
			case "t":
				inText = false
			case "comment", "threadedComment":
				inText = false
				if err := w.table.End(); err != nil {
					return err
				}
			}
		}
	}
}

// readDrawing reads the text of shapes: a paragraph each, in no cell.
func (w *workbook) readDrawing(x *office.XML) error {
	inside := false
	w.table.Cell(1, -1)
	for {
		t, err := x.Next()
		switch {
		case t == office.EOF:
			if err := w.table.End(); err != nil {
				return err
			}
			return err
		case t == office.Text && inside:
			if _, err := w.table.Write(x.Text); err != nil {
				return err
			}
		case t == office.Text:
		case string(x.Name) == "t":
			inside = t == office.Start
		case t == office.Start && string(x.Name) == "Fallback":
			if err := x.Skip(); err != nil {
				return err
			}
		case t == office.End && string(x.Name) == "p":
			if err := w.table.End(); err != nil {
				return err
			}
			w.table.Cell(1, -1)
		}
	}
}

// unescape resolves _xHHHH_ in place, by which characters stand that XML does not allow, a carriage return above all.
func unescape(b []byte) []byte {
	if !bytes.Contains(b, []byte("_x")) {
		return b
	}
	to := 0
	for i := 0; i < len(b); {
		if r, ok := escape(b[i:]); ok {
			i += len("_xHHHH_")
			if r == '\n' || r == '\t' || r == '_' {
				b[to] = byte(r)
				to++
			}
			continue
		}
		b[to] = b[i]
		to++
		i++
	}
	return b[:to]
}

// escape reads an escape of a character below 0x80 at the beginning of b.
func escape(b []byte) (r byte, ok bool) {
	if len(b) < len("_xHHHH_") || b[0] != '_' || b[1] != 'x' || b[6] != '_' || b[2] != '0' || b[3] != '0' {
		return 0, false
	}
	for _, c := range b[4:6] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | (c - '0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | (c | 0x20 - 'a' + 10)
		default:
			return 0, false
		}
	}
	return r, r < ' ' || r == '_'
}
