// Package xls reads workbooks of Excel 97 to 2003 (BIFF8 of [MS-XLS]) and of the versions before, cells as people see them, as xlsx does for
// their successors. The reader is our own: what there is in Go is abandoned or not free to link.
package xls

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/office"
	"github.com/magpie-sec/magpie/internal/extract/ole"
	"github.com/magpie-sec/magpie/internal/text"
)

// Format is .xls, templates and add-ins. Worksheets of Excel 2 to 4 are files without a compound file around them.
var Format = ole.Format{
	Format: extract.Format{
		Name: "xls",
		MIME: "application/vnd.ms-excel",
		About: extract.About{
			Title: "Excel workbooks (97 to 2003, and before)",
			Reads: "Cells of all sheets, hidden ones too, as people see them: numbers and dates in their formats, results of formulas. " +
				"Headers and footers of pages, notes, text boxes, links, properties, embedded documents. Names of columns are context.",
			Leaves:  "Formulas, macros, pictures, pivot caches; workbooks that ask for a password.",
			Sniffed: "A compound file with a workbook's stream, or the first record of a worksheet.",
			Places:  "Sheet, row, column and name of the column.",
			Reasons: []extract.Reason{extract.MalformedOrFileSizeExceedsLimit, extract.UnsupportedFileType},
		},
		Extensions: []string{"xls", "xlt", "xla", "xlw"},
		Kind:       text.Cells,
		MaxBytes:   office.MaxBytes,
		First:      "\x09",
		Match:      match,
	},
	OLE:  ole.Workbook,
	Read: read,
	Bare: readBare,
}

const (
	// maxSheets and maxSheetNames bound the sheets of a workbook, and the bytes of their names.
	maxSheets, maxSheetNames = 32 << 10, 1 << 20
	// maxStyles and maxFormats bound the styles of cells (Excel: 4,000) and the number formats.
	maxStyles, maxFormats = 64 << 10, 8 << 10
	// maxBesides bounds the notes, text boxes and links of a sheet.
	maxBesides = 64 << 10
	// maxLink is how much of a link is read.
	maxLink = 8 << 10
)

// match knows the first record of a worksheet that stands by itself: its type and length, and what it holds: a worksheet or macro sheet.
func match(h *extract.Head) extract.Score {
	b := h.Bytes
	if len(b) < 8 || b[3] != 0 || b[7] != 0 || b[6] != 0x10 && b[6] != 0x40 {
		return extract.No
	}
	switch [3]byte(b[:3]) {
	case [3]byte{9, 0, 4}, [3]byte{9, 2, 6}, [3]byte{9, 4, 6}, [3]byte{9, 8, 8}, [3]byte{9, 8, 16}:
		return extract.Certain
	}
	return extract.No
}

type book struct {
	*records
	table    *office.Table
	strings  *office.StringTable
	biff     int
	codePage int
	base1904 bool
	sheets   []sheet

	formats  map[int]office.Style
	declared int   // formats so far, for versions that number them in order
	xfs      []int // the formats of styles
	styles   []office.Style

	// What stands besides the cells is kept until they are over, so that the names of columns are known by then.
	besides *office.StringTable
	asides  []aside
	notes   map[int]int64 // of objects, by their number

	value, shown []byte
	carry        []byte
	first        error
}

type sheet struct {
	name string
	pos  int64
}

// An aside is a text at a cell, or at none.
type aside struct {
	no  int64
	row int64
	col int
	obj int // the object that has the text, 0 for none
}

func newBook(r io.ReaderAt, in *extract.Input, out *extract.Output) *book {
	return &book{records: newRecords(r, out), table: office.NewTable(out), strings: office.NewStringTable(in), besides: office.NewStringTable(in),
		codePage: 1252, formats: map[int]office.Style{}}
}

func read(f *ole.File, in *extract.Input, out *extract.Output) error {
	e := f.Root().Child("Workbook")
	if e == nil {
		e = f.Root().Child("Book")
	}
	b := newBook(f.Stream(e), in, out)
	err := b.workbook()
	if err == nil {
		if err = b.table.Sheet(""); err == nil {
			b.table.Cell(1, -1)
			err = f.Properties(f.Root(), b.table)
		}
	}
	if e := b.table.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = f.Embedded(f.Root(), out)
	}
	if err == nil {
		err = b.first
	}
	return err
}

// readBare reads a worksheet without a compound file around it.
func readBare(r io.ReaderAt, in *extract.Input, out *extract.Output) error {
	b := newBook(r, in, out)
	err := b.workbook()
	if e := b.table.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = b.first
	}
	return err
}

// tolerate keeps trouble of the document's after which reading goes on, and returns any other.
func (b *book) tolerate(err error) error {
	var known *extract.Problem
	if err == nil || errors.Is(err, ole.ErrCut) || !errors.As(err, &known) || known.Reason != extract.MalformedFile {
		return err
	}
	if b.first == nil {
		b.first = err
	}
	return nil
}

// workbook reads what all sheets share, then the sheets. A file of one worksheet has no such part.
func (b *book) workbook() error {
	if err := b.next(); err != nil && err != io.EOF {
		return err
	} else if err == io.EOF || !isBOF(b.kind) {
		return extract.Malformed("no beginning of a workbook")
	}
	kind, err := b.begin()
	if err != nil {
		return err
	}
	if kind != 5 {
		if err := b.table.Sheet("Sheet1"); err != nil {
			return err
		}
		return b.substream(kind)
	}
	if err := b.substream(kind); err != nil {
		return err
	}
	seen := map[int64]bool{}
	for _, s := range b.sheets {
		if seen[s.pos] {
			continue
		}
		seen[s.pos] = true
		if err := b.tolerate(b.sheet(s)); err != nil {
			return err
		}
	}
	return nil
}

// begin reads a BOF: the version, and what begins (5 a workbook, 0x10 a worksheet, 0x20 a chart, 0x40 a macro sheet).
func (b *book) begin() (int, error) {
	key := b.key
	b.key = nil // it is never encrypted
	defer func() { b.key = key }()
	version, err := b.u16()
	if err != nil {
		return 0, err
	}
	kind, err := b.u16()
	switch {
	case b.kind == 0x0009:
		b.biff = 2
	case b.kind == 0x0209:
		b.biff = 3
	case b.kind == 0x0409:
		b.biff = 4
	case version >= 0x0600:
		b.biff = 8
	default:
		b.biff = 5
	}
	return kind, err
}

func (b *book) sheet(s sheet) error {
	if err := b.table.Sheet(s.name); err != nil {
		return err
	}
	b.seek(s.pos)
	err := b.next()
	if err == io.EOF {
		return ole.ErrCut
	}
	if err != nil {
		return err
	}
	if !isBOF(b.kind) {
		return extract.Malformed("no beginning of a sheet")
	}
	kind, err := b.begin()
	if err != nil {
		return err
	}
	return b.substream(kind)
}

// substream reads the records up to the end of what was begun. Parts in it, which are charts, have ends of their own.
func (b *book) substream(kind int) error {
	b.asides, b.notes = b.asides[:0], map[int]int64{}
	c := cells{book: b, object: -1}
	kinds := []int{kind}
	for len(kinds) > 0 {
		if err := b.next(); err == io.EOF {
			return ole.ErrCut
		} else if err != nil {
			return err
		}
		var err error
		switch inside := kinds[len(kinds)-1]; {
		case b.kind == recEOF:
			kinds = kinds[:len(kinds)-1]
		case isBOF(b.kind):
			biff := b.biff
			kind, err := b.begin()
			if err != nil {
				return err
			}
			b.biff = biff
			if kinds = append(kinds, kind); len(kinds) > 16 {
				return extract.Malformed("parts stand too deep in one another")
			}
		case inside == 5:
			err = b.global()
		case inside == 0x20:
			if b.kind == recSeriesText {
				err = c.seriesText()
			}
		default:
			err = c.record()
			if err == nil && b.biff < 5 {
				err = b.global()
			}
		}
		if err != nil {
			return err
		}
	}
	return b.end()
}

// global reads a record that concerns the whole workbook.
func (b *book) global() error {
	switch b.kind {
	case recFilePass:
		return b.decryption()
	case recCodePage:
		page, err := b.u16()
		b.codePage = page
		return err
	case rec1904:
		v, err := b.u16()
		b.base1904 = v == 1
		return err
	case recFormat, recFormatOld:
		return b.format()
	case recXF, recXF3, recXF4:
		var x [4]byte
		if err := b.read(x[:]); err != nil {
			return err
		}
		format := int(binary.LittleEndian.Uint16(x[2:]))
		if b.kind != recXF {
			format = int(x[1])
		}
		if len(b.xfs) < maxStyles {
			b.xfs = append(b.xfs, format)
		}
	case recBoundSheet:
		key := b.key
		b.key = nil // where the sheet begins is never encrypted
		pos, err := b.u32()
		if b.key = key; err != nil {
			return err
		}
		kind, err := b.u16()
		if err != nil {
			return err
		}
		if kind>>8 == 6 { // a module of macros
			return nil
		}
		var name bytes.Buffer
		if err := b.shortString(&name); err != nil {
			return err
		}
		if len(b.sheets) >= maxSheets {
			return extract.Malformed("too many sheets")
		}
		b.sheets = append(b.sheets, sheet{name.String(), pos})
	case recSST:
		return b.sharedStrings()
	}
	return nil
}

func (b *book) format() error {
	id := b.declared
	b.declared++
	if b.biff >= 4 {
		no, err := b.u16()
		if err != nil {
			return err
		}
		if b.biff >= 5 {
			id = no
		}
	}
	var code bytes.Buffer
	var err error
	if b.biff == 8 {
		err = b.longString(&code)
	} else {
		err = b.shortString(&code)
	}
	if len(b.formats) < maxFormats {
		b.formats[id] = office.FormatOf(code.String())
	}
	return err
}

// style returns how numbers of a style are shown.
func (b *book) style(xf int) office.Style {
	for len(b.styles) < len(b.xfs) {
		id := b.xfs[len(b.styles)]
		s, ok := b.formats[id]
		if !ok && b.biff >= 5 {
			s = office.BuiltIn(int64(id))
		}
		b.styles = append(b.styles, s)
	}
	if xf >= len(b.styles) {
		return office.Style{}
	}
	return b.styles[xf]
}

func (b *book) sharedStrings() error {
	if _, err := b.u32(); err != nil {
		return err
	}
	count, err := b.u32()
	if err != nil {
		return err
	}
	for range count {
		if ok, err := b.more(); err != nil || !ok {
			return err
		}
		if err := b.strings.Begin(); err != nil {
			return err
		}
		if err := b.longString(b.strings); err != nil {
			return err
		}
	}
	return nil
}

// shortString and longString read a string with its length, in one byte or two.
func (b *book) shortString(w io.Writer) error {
	n, err := b.u8()
	if err != nil {
		return err
	}
	return b.str(n, w)
}

func (b *book) longString(w io.Writer) error {
	n, err := b.u16()
	if err != nil {
		return err
	}
	return b.str(n, w)
}

// str reads a string of n characters: before BIFF8 bytes in the workbook's code page; then with flags before it, which say whether a character
// has two bytes, and whether descriptions of its looks and readings follow.
func (b *book) str(n int, w io.Writer) error {
	if b.biff < 8 {
		return b.bytes(n, w)
	}
	flags, err := b.u8()
	if err != nil {
		return err
	}
	runs, readings := 0, int64(0)
	if flags&8 != 0 {
		if runs, err = b.u16(); err != nil {
			return err
		}
	}
	if flags&4 != 0 {
		if readings, err = b.u32(); err != nil {
			return err
		}
	}
	if err := b.chars(n, flags&1 != 0, w); err != nil {
		return err
	}
	return b.discard(int64(runs)*4 + readings)
}

// charsAtOnce is how many bytes of characters are looked at together.
const charsAtOnce = 4 << 10

// chars reads n characters. Where they go on in another record, flags begin it again.
func (b *book) chars(n int, wide bool, w io.Writer) error {
	b.carry = b.carry[:0]
	for n > 0 {
		if b.left == 0 {
			ok, err := b.more()
			if err != nil || !ok {
				return err
			}
			flags, err := b.u8()
			if err != nil {
				return err
			}
			wide = flags&1 != 0
			continue
		}
		size := 1
		if wide {
			size = 2
		}
		take := min(n*size, b.left, charsAtOnce)
		if take -= take % size; take == 0 { // half a character ends the record
			if err := b.skip(b.left); err != nil {
				return err
			}
			continue
		}
		if err := b.fill(take); err != nil {
			return err
		}
		part, err := b.some(take)
		if err != nil {
			return err
		}
		n -= len(part) / size
		if wide {
			b.carry = append(b.carry, part...)
			part, b.shown = b.carry, b.shown[:0]
			if last := len(part) - 2; n > 0 && part[last+1]&0xfc == 0xd8 {
				part = part[:last]
			}
			b.shown = ole.AppendUTF16(b.shown, part)
			b.carry = b.carry[:copy(b.carry, b.carry[len(part):])]
		} else {
			b.shown = b.shown[:0]
			for _, c := range part {
				if c < 0x80 {
					b.shown = append(b.shown, c)
				} else {
					b.shown = append(b.shown, 0xc0|c>>6, 0x80|c&0x3f)
				}
			}
		}
		if _, err := w.Write(visible(b.shown)); err != nil {
			return err
		}
	}
	return nil
}

// bytes reads n characters of one byte.
func (b *book) bytes(n int, w io.Writer) error {
	b.value = append(b.value[:0], make([]byte, min(n, b.left))...)
	if err := b.read(b.value); err != nil {
		return err
	}
	_, err := w.Write(visible([]byte(ole.Decode(b.value, b.codePage))))
	return err
}

// visible leaves out control characters in place, but for ends of lines and tabs.
func visible(b []byte) []byte {
	n := 0
	for _, c := range b {
		if c >= ' ' || c == '\n' || c == '\t' {
			b[n] = c
			n++
		}
	}
	return b[:n]
}

// aside keeps what write writes until the cells are over.
func (b *book) aside(row int64, col, obj int, write func(w io.Writer) error) error {
	if len(b.asides) >= maxBesides {
		return extract.Malformed("too many notes")
	}
	if err := b.besides.Begin(); err != nil {
		return err
	}
	b.asides = append(b.asides, aside{b.besides.Count() - 1, row, col, obj})
	return write(b.besides)
}

// end delivers what stands besides the cells.
func (b *book) end() error {
	for _, a := range b.asides {
		no := a.no
		if a.obj > 0 {
			var ok bool
			if no, ok = b.notes[a.obj]; !ok {
				continue
			}
		}
		b.table.Cell(a.row, a.col)
		if err := b.besides.Copy(no, b.table); err != nil {
			return err
		}
		if err := b.table.End(); err != nil {
			return err
		}
	}
	b.asides = b.asides[:0]
	return nil
}

// cells reads the records of a sheet.
type cells struct {
	*book
	row     int64 // of the formula whose result is a string that follows
	col     int
	pending bool
	object  int // the last object's number, -1 if it is no note
}

func (c *cells) record() error {
	switch c.kind {
	case recLabelSST, recNumber, recRK, recLabel, recRString, recBoolErr, recFormula, recFormula3, recFormula4, recMulRK:
		return c.cell()
	case recInteger2, recNumber2, recLabel2, recBoolErr2:
		if c.biff == 2 {
			return c.cell()
		}
	case recString, recString2:
		if !c.pending {
			return nil
		}
		c.pending = false
		c.table.Cell(c.row, c.col)
		var err error
		if c.biff == 2 {
			err = c.shortString(c.table)
		} else {
			err = c.longString(c.table)
		}
		if err != nil {
			return err
		}
		return c.table.End()
	case recHeader, recFooter:
		if c.left == 0 {
			return nil
		}
		return c.header(c.biff < 8)
	case recHeaderMore:
		return c.headers()
	case recNote:
		return c.note()
	case recObj:
		return c.obj()
	case recTXO:
		return c.shape()
	case recHLink:
		return c.link()
	}
	return nil
}

// cell reads one of the records for cells, which begin with the row, the column and the style.
func (c *cells) cell() error {
	var head [7]byte
	n := 6
	if c.biff == 2 {
		n = 7
	}
	if c.left < n {
		return extract.Malformed("a cell is cut")
	}
	if err := c.read(head[:n]); err != nil {
		return err
	}
	c.row, c.col = int64(binary.LittleEndian.Uint16(head[:]))+1, int(binary.LittleEndian.Uint16(head[2:]))
	xf := int(binary.LittleEndian.Uint16(head[4:]))
	var st office.Style
	if c.biff == 2 {
		st = c.formats[int(head[5]&0x3f)]
	} else {
		st = c.style(xf)
	}
	c.pending = false
	if c.kind == recMulRK {
		return c.mulRK(st)
	}
	c.table.Cell(c.row, c.col)
	var err error
	switch c.kind {
	case recLabelSST:
		var no int64
		if no, err = c.u32(); err == nil {
			err = c.strings.Copy(no, c.table)
		}
	case recNumber, recNumber2:
		var v [8]byte
		if err = c.read(v[:]); err == nil {
			err = c.number(math.Float64frombits(binary.LittleEndian.Uint64(v[:])), st)
		}
	case recInteger2:
		var v int
		if v, err = c.u16(); err == nil {
			err = c.number(float64(v), st)
		}
	case recRK:
		var v int64
		if v, err = c.u32(); err == nil {
			err = c.number(rk(uint32(v)), st)
		}
	case recLabel2:
		err = c.shortString(c.table)
	case recLabel, recRString:
		err = c.longString(c.table)
	case recBoolErr, recBoolErr2:
		var v [2]byte
		if err = c.read(v[:]); err == nil {
			err = c.boolean(v[0], v[1] != 0)
		}
	default:
		err = c.formula(st)
	}
	if err != nil {
		return err
	}
	return c.table.End()
}

// mulRK reads neighbouring numbers of a row.
func (c *cells) mulRK(st office.Style) error {
	for col := c.col; c.left >= 6; col++ {
		v, err := c.u32()
		if err != nil {
			return err
		}
		c.table.Cell(c.row, col)
		if err := c.number(rk(uint32(v)), st); err != nil {
			return err
		}
		if err := c.table.End(); err != nil {
			return err
		}
		xf, err := c.u16()
		if err != nil {
			return err
		}
		st = c.style(xf)
	}
	return nil
}

// rk unpacks a number of 30 bits, a whole one or the upper half of another, which may be given in hundredths.
func rk(v uint32) float64 {
	f := math.Float64frombits(uint64(v&^3) << 32)
	if v&2 != 0 {
		f = float64(int32(v) >> 2)
	}
	if v&1 != 0 {
		f /= 100
	}
	return f
}

func (c *cells) number(v float64, st office.Style) error {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	c.value = strconv.AppendFloat(c.value[:0], v, 'f', -1, 64)
	if len(c.value) > 64 {
		c.value = strconv.AppendFloat(c.value[:0], v, 'G', -1, 64)
	}
	c.shown = office.AppendNumber(c.shown[:0], c.value, st, c.base1904)
	_, err := c.table.Write(c.shown)
	return err
}

// errorNames are the values of cells that could not be computed.
var errorNames = map[byte]string{0: "#NULL!", 7: "#DIV/0!", 0x0f: "#VALUE!", 0x17: "#REF!", 0x1d: "#NAME?", 0x24: "#NUM!", 0x2a: "#N/A"}

func (c *cells) boolean(v byte, isError bool) error {
	switch {
	case isError:
		return c.table.WriteString(errorNames[v])
	case v == 1:
		return c.table.WriteString("TRUE")
	}
	return c.table.WriteString("FALSE")
}

// formula reads the result of a formula. A string follows in a record of its own.
func (c *cells) formula(st office.Style) error {
	var v [8]byte
	if err := c.read(v[:]); err != nil {
		return err
	}
	if v[6] != 0xff || v[7] != 0xff {
		return c.number(math.Float64frombits(binary.LittleEndian.Uint64(v[:])), st)
	}
	switch v[0] {
	case 0:
		c.pending = true
	case 1:
		return c.boolean(v[2], false)
	case 2:
		return c.boolean(v[2], true)
	}
	return nil
}

// header reads a header or footer of pages.
func (c *cells) header(short bool) error {
	var s bytes.Buffer
	var err error
	if short {
		err = c.shortString(&s)
	} else {
		err = c.longString(&s)
	}
	if err != nil || s.Len() == 0 {
		return err
	}
	return c.aside(1, -1, 0, func(w io.Writer) error {
		_, err := w.Write(office.HeaderText(s.Bytes()))
		return err
	})
}

// headers reads those of the first and of even pages.
func (c *cells) headers() error {
	var b [38]byte
	if err := c.read(b[:]); err != nil {
		return err
	}
	for i := range 4 {
		if b[30+2*i] == 0 && b[31+2*i] == 0 {
			continue
		}
		if err := c.header(false); err != nil {
			return err
		}
	}
	return nil
}

// note reads where a note stands, whose text an object has, and in versions before BIFF8 the text itself. A long one goes on in records
// without a cell.
func (c *cells) note() error {
	var b [8]byte
	n := 8
	if c.biff < 8 {
		n = 6
	}
	if err := c.read(b[:n]); err != nil {
		return err
	}
	row, col := int64(binary.LittleEndian.Uint16(b[:]))+1, int(binary.LittleEndian.Uint16(b[2:]))
	if c.biff == 8 {
		return c.aside(row, col, int(binary.LittleEndian.Uint16(b[6:])), func(io.Writer) error { return nil })
	}
	length := int(binary.LittleEndian.Uint16(b[4:]))
	if row == 0x10000 && len(c.asides) > 0 {
		return c.bytes(length, c.besides)
	}
	return c.aside(row, col, 0, func(w io.Writer) error { return c.bytes(length, w) })
}

// obj reads the number of an object, and whether it is a note.
func (c *cells) obj() error {
	c.object = -1
	if c.biff < 8 {
		return nil
	}
	var b [8]byte
	if err := c.read(b[:]); err != nil {
		return err
	}
	if b[0] == 0x15 && b[4] == 0x19 {
		c.object = int(binary.LittleEndian.Uint16(b[6:]))
	}
	return nil
}

// shape reads the text of the last object.
func (c *cells) shape() error {
	var b [12]byte
	if err := c.read(b[:]); err != nil {
		return err
	}
	n := int(binary.LittleEndian.Uint16(b[10:]))
	if err := c.skip(c.left); err != nil || n == 0 {
		return err
	}
	object := c.object
	if c.object = -1; object < 0 {
		return c.aside(1, -1, 0, func(w io.Writer) error { return c.chars(n, false, w) })
	}
	if err := c.besides.Begin(); err != nil {
		return err
	}
	c.notes[object] = c.besides.Count() - 1
	return c.chars(n, false, c.besides)
}

// seriesText reads a text of a chart.
func (c *cells) seriesText() error {
	if _, err := c.u16(); err != nil {
		return err
	}
	return c.aside(1, -1, 0, c.shortString)
}

// urlMoniker and fileMoniker are the classes of links' targets.
const (
	urlMoniker  = "\xe0\xc9\xea\x79\xf9\xba\xce\x11\x8c\x82\x00\xaa\x00\x4b\xa9\x0b"
	fileMoniker = "\x03\x03\x00\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46"
)

// link reads the target of a link, at its first cell. Addresses of mail are left out: Excel makes such links of what the cell shows.
func (c *cells) link() error {
	b := make([]byte, min(c.left, maxLink))
	if err := c.read(b); err != nil || len(b) < 32 {
		return err
	}
	row, col := int64(binary.LittleEndian.Uint16(b))+1, int(binary.LittleEndian.Uint16(b[4:]))
	flags := binary.LittleEndian.Uint32(b[28:])
	b = b[32:]
	str := func(size int) string {
		if len(b) < 4 {
			b = nil
			return ""
		}
		n := int64(binary.LittleEndian.Uint32(b)) * int64(size)
		b = b[4:]
		s := b[:min(n, int64(len(b)))]
		b = b[len(s):]
		return strings.Trim(string(ole.AppendUTF16(nil, s)), "\x00")
	}
	if flags&0x10 != 0 {
		str(2)
	}
	if flags&0x80 != 0 {
		str(2)
	}
	target := ""
	switch {
	case flags&1 == 0:
	case flags&0x100 != 0:
		target = str(2)
	case bytes.HasPrefix(b, []byte(urlMoniker)):
		b = b[16:]
		target, _, _ = strings.Cut(str(1), "\x00")
	case bytes.HasPrefix(b, []byte(fileMoniker)) && len(b) >= 22:
		b = b[22:]
		target = ole.Decode(b, c.codePage)
	}
	if target == "" || len(target) > 7 && strings.EqualFold(target[:7], "mailto:") {
		return nil
	}
	return c.aside(row, col, 0, func(w io.Writer) error {
		_, err := w.Write(visible([]byte(target)))
		return err
	})
}
