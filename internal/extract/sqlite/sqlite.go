// Package sqlite reads SQLite database files (https://www.sqlite.org/fileformat.html), by a small reader of their b-trees: no SQL runs on a
// foreign file.
//
// A place is a record, as in other tables without a header of their own: the index is the row's, counted from 0 in the order in which the table
// is stored (that of the rowid, or of the primary key of a table WITHOUT ROWID), so that SELECT ... LIMIT 1 OFFSET index finds it; the path is
// $.table.column. The statements of the schema are values at $.sqlite_schema.sql: defaults, views and triggers hold text of people, too.
//
// What is not in the file is not seen: rows that are only in a write-ahead log beside it, or in a rollback journal. Indexes, the inner tables of
// full-text indexes but for their content, and SQLite's own tables of statistics repeat what the tables hold and are passed over; so are pages
// that are free.
package sqlite

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/records"
	"github.com/magpie-sec/magpie/internal/extract/sql"
	"github.com/magpie-sec/magpie/internal/text"
)

// Format is a database of SQLite 3.
var Format = extract.Format{
	Name: "sqlite",
	MIME: "application/vnd.sqlite3",
	About: extract.About{
		Title: "SQLite database files",
		Reads: "The rows of all tables, in every encoding, rows in overflow pages and tables WITHOUT ROWID included; the content of full-text indexes under " +
			"the index's names; the statements of the schema. BLOBs that are text are values, those that are a document are members " +
			"(`table/index/column`). Names of tables and columns are context, in tables of few columns a name before its value, too.",
		Leaves: "Rows that are only in a write-ahead log or rollback journal beside the file, free pages, indexes, tables of statistics, other BLOBs, " +
			"databases encrypted as a whole.",
		Sniffed: "The signature SQLite format 3.",
		Places:  "Record, the row counted from 0 in its table's own order, and JSON path `$.table.column`.",
		Reasons: []extract.Reason{extract.FileExceedsSizeLimit, extract.ArchiveContainsUnprocessedFiles},
	},
	Extensions: []string{"sqlite", "sqlite3", "db", "db3", "s3db", "sl3"},
	Kind:       text.Records,
	MaxBytes:   8 * extract.GB,
	First:      "S",
	Match:      match,
	Extract:    read,
}

const (
	magic      = "SQLite format 3\x00"
	headerSize = 100
	// maxDepth is how deep a b-tree may be: SQLite's own limit.
	maxDepth = 20
	// maxSchema bounds the names and statements of the tables that are kept, and maxStatement the length of one of them.
	maxSchema    = 4 << 20
	maxStatement = 256 << 10
	// maxColumns is SQLite's limit.
	maxColumns = 32767
)

func match(h *extract.Head) extract.Score {
	if len(h.Bytes) >= headerSize && string(h.Bytes[:len(magic)]) == magic {
		return extract.Certain
	}
	return extract.No
}

// A reader reads one file.
type reader struct {
	at     io.ReaderAt
	out    *extract.Output
	values *records.Values

	pageSize int
	usable   int    // of a page
	pages    uint32 // whole pages in the file
	told     uint32 // pages that the file should have
	wide     binary.ByteOrder
	visited  []uint64 // a bit for each page

	levels   [maxDepth + 1][]byte // pages of the tree at hand, from its root on
	payload  payload
	overflow []byte
	window   []byte
	types    []byte // a record's header
	head     []byte // the beginning of a BLOB

	few    bool   // the table at hand has few columns
	label  []byte // what can name the next text of the row
	labels map[labelled]*text.Field

	tables  []table
	schema  int // bytes of the tables' statements
	problem error
}

// errCut ends the reading of a file that ends before its pages do.
var errCut = extract.Malformed("pages behind the end of the file")

func read(in *extract.Input, out *extract.Output) error {
	at, size, err := in.Random()
	if err != nil {
		return err
	}
	r := &reader{at: at, out: out, values: records.NewValues(out, size), window: make([]byte, 2*records.Longest)}
	if err := r.header(size); err != nil {
		return err
	}
	err = r.database()
	if e := r.values.Flush(); err == nil {
		err = e
	}
	if err == nil {
		err = r.problem
	}
	return err
}

// header reads the file's header.
func (r *reader) header(size int64) error {
	var h [headerSize]byte
	if n, err := r.at.ReadAt(h[:], 0); n < len(h) {
		if err == nil || err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	r.pageSize = int(binary.BigEndian.Uint16(h[16:]))
	if r.pageSize == 1 {
		r.pageSize = 64 << 10
	}
	r.usable = r.pageSize - int(h[20])
	if r.pageSize < 512 || r.pageSize&(r.pageSize-1) != 0 || r.usable < 480 {
		return extract.Malformed("an impossible size of pages")
	}
	switch binary.BigEndian.Uint32(h[56:]) {
	case 2:
		r.wide = binary.LittleEndian
	case 3:
		r.wide = binary.BigEndian
	}
	r.pages = uint32(min(size/int64(r.pageSize), 1<<32-2))
	r.told = binary.BigEndian.Uint32(h[28:])
	r.visited = make([]uint64, r.pages/64+1)
	if r.told > r.pages {
		r.trouble(errCut)
	}
	return nil
}

// trouble notes the first of the file's problems.
func (r *reader) trouble(err error) {
	if r.problem == nil {
		r.problem = err
	}
}

// fatal says whether an error ends the reading of the file, rather than of a page or row.
func fatal(err error) bool {
	var p *extract.Problem
	return err == errCut || errors.Is(err, records.ErrExpands) || !errors.As(err, &p) && err != io.ErrUnexpectedEOF && err != records.ErrVarint
}

// page reads a page into a buffer. Every page is read once at most: a second reference to it is an error.
func (r *reader) page(n uint32, buf *[]byte) error {
	if n == 0 || n > r.pages {
		if n > 0 && n <= r.told {
			return errCut
		}
		return extract.Malformed("a page beyond the file")
	}
	if r.visited[n/64]&(1<<(n%64)) != 0 {
		return extract.Malformed("a page in two places")
	}
	r.visited[n/64] |= 1 << (n % 64)
	if *buf == nil {
		*buf = make([]byte, r.pageSize)
	}
	k, err := r.at.ReadAt(*buf, int64(n-1)*int64(r.pageSize))
	if k == r.pageSize {
		return nil
	}
	if err == nil || err == io.EOF {
		err = errCut
	}
	return err
}

// Types of pages of b-trees.
const (
	interiorIndex = 2
	interiorTable = 5
	leafIndex     = 10
	leafTable     = 13
)

// A table is a b-tree of rows.
type table struct {
	name   string
	root   uint32
	create sql.Create
	known  bool // the statement was understood

	fields  []*text.Field // by the position in which columns are stored; nil for what is passed over
	rowid   int           // the stored column that the rowid stands for, -1 for none
	row     int64
	deliver func(r *reader, t *table, p *payload) error
}

// tree delivers the rows below a page in order. What is wrong with a page or a row does not harm the others.
func (r *reader) tree(t *table, n uint32, depth int) error {
	if depth >= len(r.levels) {
		return extract.Malformed("a tree too deep")
	}
	if err := r.page(n, &r.levels[depth]); err != nil {
		return err
	}
	page := r.levels[depth]
	start := 0
	if n == 1 {
		start = headerSize
	}
	typ := page[start]
	var size int
	switch typ {
	case interiorIndex, interiorTable:
		size = 12
	case leafIndex, leafTable:
		size = 8
	default:
		return extract.Malformed("no page of a tree")
	}
	cells := int(binary.BigEndian.Uint16(page[start+3:]))
	pointers := page[start+size : r.usable]
	if 2*cells > len(pointers) {
		r.trouble(extract.Malformed("more cells than fit"))
		cells = len(pointers) / 2
	}
	for i := range cells {
		at := int(binary.BigEndian.Uint16(pointers[2*i:]))
		if at < start+size || at+4 > r.usable {
			r.trouble(extract.Malformed("a cell beyond its page"))
			continue
		}
		cell := page[at:r.usable]
		if size == 12 {
			if err := r.below(t, binary.BigEndian.Uint32(cell), depth); err != nil {
				return err
			}
			cell = cell[4:]
		}
		if typ == interiorTable {
			continue
		}
		if err := r.cell(t, cell, typ == leafTable); err != nil {
			if fatal(err) {
				return err
			}
			r.trouble(err)
		}
	}
	if size == 12 {
		return r.below(t, binary.BigEndian.Uint32(page[start+8:]), depth)
	}
	return nil
}

// below delivers what hangs under an interior page.
func (r *reader) below(t *table, n uint32, depth int) error {
	err := r.tree(t, n, depth+1)
	if err == nil || fatal(err) {
		return err
	}
	r.trouble(err)
	return nil
}

// A payload is a record with what the cell says of it.
type payload struct {
	rowid int64
	src   records.Source
	chain chain
}

// cell delivers the row in a cell.
func (r *reader) cell(t *table, cell []byte, hasRowid bool) error {
	size, n := varint(cell)
	if n == 0 || size < 0 {
		return extract.Malformed("a cell beyond its page")
	}
	cell = cell[n:]
	p := &r.payload
	*p = payload{}
	most := (r.usable-12)*64/255 - 23
	if hasRowid {
		if p.rowid, n = varint(cell); n == 0 {
			return extract.Malformed("a cell beyond its page")
		}
		cell = cell[n:]
		most = r.usable - 35
	}
	// How much of a long record stands in its cell is a rule of the format's.
	local := int(min(size, int64(most)))
	if size > int64(most) {
		least := (r.usable-12)*32/255 - 23
		local = least + int((size-int64(least))%int64(r.usable-4))
		if local > most {
			local = least
		}
	}
	if err := r.values.Charge(1 + int64(local)); err != nil {
		return err
	}
	if local > len(cell) {
		return extract.Malformed("a cell beyond its page")
	}
	if size == int64(local) {
		p.src = records.BytesSource(cell[:local])
	} else {
		if local+4 > len(cell) {
			return extract.Malformed("a cell beyond its page")
		}
		p.chain = chain{r: r, local: cell[:local], next: binary.BigEndian.Uint32(cell[local:]), left: size}
		p.src = records.NewSource(&p.chain, r.window)
	}
	return t.deliver(r, t, p)
}

// A chain reads a record that goes on in overflow pages.
type chain struct {
	r     *reader
	local []byte
	next  uint32
	left  int64
}

func (c *chain) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, io.EOF
	}
	if len(c.local) == 0 {
		if err := c.r.page(c.next, &c.r.overflow); err != nil {
			return 0, err
		}
		if err := c.r.values.Charge(int64(c.r.usable)); err != nil {
			return 0, err
		}
		c.next = binary.BigEndian.Uint32(c.r.overflow)
		c.local = c.r.overflow[4:c.r.usable]
	}
	n := copy(p, c.local[:min(int64(len(c.local)), c.left)])
	c.local = c.local[n:]
	c.left -= int64(n)
	return n, nil
}

// varint reads a number of SQLite's: up to nine bytes, the highest first, the ninth with eight bits. Its length is 0 if it is cut.
func varint(b []byte) (v int64, n int) {
	for i, c := range b {
		if i == 8 {
			return v<<8 | int64(c), 9
		}
		v = v<<7 | int64(c&0x7f)
		if c < 0x80 {
			return v, i + 1
		}
	}
	return 0, 0
}

// database delivers the schema, and then the rows of every table.
func (r *reader) database() error {
	schema := &table{name: "sqlite_schema", rowid: -1, deliver: (*reader).schemaRow}
	schema.fields = []*text.Field{nil, nil, nil, nil, field(schema.name, "sql")}
	if err := r.tree(schema, 1, 0); err != nil {
		return err
	}
	full := map[string]*sql.Create{}
	for i := range r.tables {
		if c := &r.tables[i].create; strings.HasPrefix(c.Module, "fts") {
			full[c.Name] = c
		}
	}
	for i := range r.tables {
		t := &r.tables[i]
		if t.root == 0 || !t.prepare(full) {
			continue
		}
		if err := r.tree(t, t.root, 0); err != nil {
			if fatal(err) {
				return err
			}
			r.trouble(err)
		}
		*t = table{} // its memory is free
	}
	return nil
}

// schemaRow reads a row of the schema: type, name, tbl_name, rootpage, sql.
func (r *reader) schemaRow(t *table, p *payload) error {
	types, err := r.recordHeader(p)
	if err != nil {
		return err
	}
	row := t.row
	t.row++
	var cells [5][]byte
	for i := 0; i < len(cells) && len(types) > 0; i++ {
		typ, n := varint(types)
		if n == 0 {
			return extract.Malformed("a broken record")
		}
		types = types[n:]
		size := sizeOf(typ)
		if size > maxStatement {
			if i < 4 {
				return &extract.Problem{Reason: extract.FileExceedsSizeLimit, Detail: "an absurd name"}
			}
			r.trouble(&extract.Problem{Reason: extract.FileExceedsSizeLimit, Detail: "a statement too long to keep"})
			if err := r.value(p, typ, t.fields[i], row); err != nil {
				return err
			}
			continue
		}
		b := make([]byte, 0, size)
		for size > 0 {
			some, err := p.src.Some(size)
			if err != nil {
				return err
			}
			b = append(b, some...)
			size -= int64(len(some))
		}
		if typ >= 13 && typ%2 == 1 {
			b = r.utf8(b)
		} else if typ >= 8 && typ <= 9 {
			b = []byte{byte(typ - 8)}
		}
		cells[i] = b
		if i == 4 {
			if err := r.values.Ready(b, t.fields[i], row, nil); err != nil {
				return err
			}
		}
	}
	if string(cells[0]) != "table" {
		return nil
	}
	if r.schema += 256 + len(cells[1]) + len(cells[4]); r.schema > maxSchema {
		return &extract.Problem{Reason: extract.FileExceedsSizeLimit, Detail: "too many tables"}
	}
	n := table{name: string(cells[1])}
	for _, c := range cells[3] {
		n.root = n.root<<8 | uint32(c)
	}
	n.create, n.known = sql.ParseCreate(string(cells[4]))
	n.create.Name = n.name
	r.tables = append(r.tables, n)
	return nil
}

func field(names ...string) *text.Field {
	f := &text.Field{Names: names}
	for _, name := range names {
		f.Steps = append(f.Steps, text.Step{Name: name})
	}
	return f
}

// ftsInner are the inner tables of a full-text index that repeat its content.
var ftsInner = []string{"_data", "_idx", "_docsize", "_config", "_segments", "_segdir", "_stat"}

// prepare makes the fields of a table; it says whether its rows are to be read. full are the full-text indexes by their names.
func (t *table) prepare(full map[string]*sql.Create) bool {
	if strings.HasPrefix(t.name, "sqlite_") {
		return false
	}
	for _, suffix := range ftsInner {
		if full[strings.TrimSuffix(t.name, suffix)] != nil && strings.HasSuffix(t.name, suffix) {
			return false
		}
	}
	t.deliver = (*reader).row
	t.rowid = -1
	if !t.known {
		return true
	}
	if fts := full[strings.TrimSuffix(t.name, "_content")]; fts != nil && strings.HasSuffix(t.name, "_content") {
		t.contentOf(fts)
		return true
	}
	c := &t.create
	for i := range stored(c) {
		t.fields = append(t.fields, field(t.name, c.Columns[i].Name))
		if col := c.Columns[i]; !c.WithoutRowid && col.Integer && !col.Descending && len(c.Key) == 1 && strings.EqualFold(c.Key[0], col.Name) {
			t.rowid = len(t.fields) - 1
		}
	}
	return true
}

// stored yields the columns in the order in which a row holds them.
func stored(c *sql.Create) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		first := make([]bool, len(c.Columns))
		if c.WithoutRowid {
			for _, key := range c.Key {
				for i, col := range c.Columns {
					if !first[i] && strings.EqualFold(col.Name, key) {
						first[i] = true
						if !yield(i) {
							return
						}
						break
					}
				}
			}
		}
		for i, col := range c.Columns {
			if !first[i] && !col.Virtual && !yield(i) {
				return
			}
		}
	}
}

// contentOf gives the content table of a full-text index the names that people know: the index's, and those of its columns.
func (t *table) contentOf(fts *sql.Create) {
	t.fields = []*text.Field{nil} // the document's number
	for _, arg := range fts.Arguments {
		name := sql.FirstName(arg)
		if option, _, ok := strings.Cut(arg, "="); ok && strings.TrimSpace(option) == name || strings.HasPrefix(arg, "tokenize ") {
			continue
		}
		t.fields = append(t.fields, field(fts.Name, name))
	}
}

// beyond makes fields for columns that the statement does not tell.
func (t *table) beyond(i int) *text.Field {
	for len(t.fields) <= i {
		t.fields = append(t.fields, field(t.name, fmt.Sprintf("column%d", len(t.fields)+1)))
	}
	return t.fields[i]
}
