package orc

import (
	"encoding/binary"
	"errors"
	"io"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/records"
	"github.com/magpie-sec/magpie/internal/text"
)

// A node is a column: a leaf with values, or what leaves hang under.
type node struct {
	column   int
	kind     uint64
	parent   *node
	children []*node
	field    *text.Field

	selected bool // to be read in this pass
	dead     bool // it or all below it cannot be read on
	open     bool

	present    *bits
	bytes      *bytesRLE
	numbers    *integers
	lengths    *integers
	secondary  *integers
	data       records.Source
	dictionary *dictionary
}

func (n *node) reset() {
	*n = node{column: n.column, kind: n.kind, parent: n.parent, children: n.children, field: n.field}
}

// leaf says that the column has values that can be text.
func (n *node) leaf() bool {
	switch n.kind {
	case byteType, shortType, intType, longType, floatType, doubleType, stringType, binaryType, timestampType, decimalType, dateType, varcharType, charType, instantType:
		return true
	}
	return false
}

// tree makes the columns of a schema, which stand in it in the order of a walk from the root down.
func (r *reader) tree(types []typ) error {
	r.nodes = make([]node, len(types))
	r.columns = make([]columnStreams, len(types))
	for i := range types {
		r.nodes[i] = node{column: i, kind: types[i].kind}
	}
	if len(types) == 0 {
		return extract.Malformed("no schema")
	}
	b := &builder{r: r, types: types}
	return b.add(0, nil, nil, 1)
}

type builder struct {
	r     *reader
	types []typ
	paths int
}

// maxPaths bounds the memory of the columns' paths.
const maxPaths = 4 << 20

func (b *builder) add(i int, parent *node, steps []text.Step, depth int) error {
	n, t := &b.r.nodes[i], &b.types[i]
	if depth > b.r.depth {
		return &extract.Problem{Reason: extract.JSONNestingLevelOverLimit, Detail: "the schema is nested too deeply"}
	}
	n.parent = parent
	if b.paths += 64 * (1 + len(steps)); b.paths > maxPaths {
		return &extract.Problem{Reason: extract.FileExceedsSizeLimit, Detail: "too many columns"}
	}
	if n.leaf() {
		n.field = &text.Field{Steps: steps}
		for _, s := range steps {
			if s.Array {
				n.field.Arrays++
			} else {
				n.field.Names = append(n.field.Names, s.Name)
			}
		}
		return nil
	}
	for k, c := range t.children {
		if c <= i || c >= len(b.types) || b.r.nodes[c].parent != nil {
			return extract.Malformed("the schema is no tree")
		}
		below := steps[:len(steps):len(steps)]
		switch n.kind {
		case structType:
			if k >= len(t.names) {
				return extract.Malformed("a field without name")
			}
			below = append(below, text.Step{Name: t.names[k]})
		case listType:
			below = append(below, text.Step{Array: true})
		case mapType:
			below = append(below, text.Step{Array: true}, text.Step{Name: [...]string{"key", "value"}[k&1]})
		case unionType:
		default:
			continue // a type of later versions
		}
		n.children = append(n.children, &b.r.nodes[c])
		if err := b.add(c, n, below, depth+1); err != nil {
			return err
		}
	}
	if n.kind == listType && len(n.children) != 1 || n.kind == mapType && len(n.children) != 2 {
		return extract.Malformed("a list or map of nothing")
	}
	return nil
}

// windowOf is how much of a stream is looked at at once.
func windowOf(kind int, n *node) int64 {
	if kind == dataStream {
		switch n.kind {
		case stringType, varcharType, charType, binaryType:
			return 2 * records.Longest
		}
	}
	return 16 << 10
}

// source opens a stream of a column; one that is not there is empty.
func (r *reader) source(n *node, kind int) records.Source {
	p := r.columns[n.column].at[kind]
	if p.length == 0 {
		return records.BytesSource(nil)
	}
	k := &chunks{c: r.codecs, at: r.at, from: p.from, to: p.from + p.length}
	window := windowOf(kind, n)
	if r.codecs.kind == uncompressed {
		window = min(window, p.length)
	}
	return records.NewSource(k, make([]byte, window))
}

func (r *reader) integers(n *node, kind int, signed bool) *integers {
	return &integers{s: r.source(n, kind), two: r.columns[n.column].two, signed: signed}
}

// open prepares the streams of a column and of the selected ones below it.
func (r *reader) open(n *node) error {
	c := &r.columns[n.column]
	n.open = true
	if c.has[presentStream] {
		n.present = &bits{bytesRLE: bytesRLE{s: r.source(n, presentStream)}}
	}
	switch n.kind {
	case byteType, unionType:
		n.bytes = &bytesRLE{s: r.source(n, dataStream)}
	case shortType, intType, longType, dateType:
		n.numbers = r.integers(n, dataStream, true)
	case floatType, doubleType:
		n.data = r.source(n, dataStream)
	case timestampType, instantType:
		n.numbers = r.integers(n, dataStream, true)
		n.secondary = r.integers(n, secondaryStream, false)
	case decimalType:
		n.data = r.source(n, dataStream)
		n.secondary = r.integers(n, secondaryStream, true)
	case listType, mapType:
		n.lengths = r.integers(n, lengthStream, false)
	case stringType, varcharType, charType, binaryType:
		if c.dictionary {
			n.numbers = r.integers(n, dataStream, false)
			d, err := r.readDictionary(n)
			if err != nil {
				n.dead = true
				return err
			}
			n.dictionary = d
			break
		}
		n.data = r.source(n, dataStream)
		n.lengths = r.integers(n, lengthStream, false)
	}
	var first error
	alive := len(n.children) == 0
	for _, c := range n.children {
		if c.selected {
			if err := r.open(c); err != nil && first == nil {
				first = err
			}
			alive = alive || !c.dead
		}
	}
	n.dead = !alive
	return first
}

// value delivers the next value of a column.
func (r *reader) value(n *node, row int64) error {
	if n.present != nil {
		there, err := n.present.next()
		if err != nil {
			return err
		}
		if !there {
			return r.values.Charge(4)
		}
	}
	switch n.kind {
	case structType:
		return r.structure(n, row)
	case listType, mapType:
		return r.list(n, row)
	case unionType:
		tag, err := n.bytes.next()
		if err != nil {
			return err
		}
		if int(tag) >= len(n.children) {
			return extract.Malformed("a choice that the union has not")
		}
		if c := n.children[tag]; c.selected && !c.dead {
			return r.value(c, row)
		}
		return r.values.Charge(1)
	case stringType, varcharType, charType, binaryType:
		return r.str(n, row)
	}
	room, err := r.values.Room(128)
	if err != nil {
		return err
	}
	if room, err = r.scalar(n, room); err != nil {
		return err
	}
	return r.values.Add(room, n.field, row, r.indexes)
}

// structure delivers the fields of a struct. What is wrong with one of them does not harm the others.
func (r *reader) structure(n *node, row int64) error {
	alive := false
	var first error
	for _, c := range n.children {
		if !c.selected || c.dead {
			continue
		}
		at := len(r.indexes)
		if err := r.value(c, row); err != nil {
			if errors.Is(err, records.ErrExpands) {
				return err
			}
			if first == nil {
				first = err
			}
			c.dead = true
			r.indexes = r.indexes[:at]
			continue
		}
		alive = true
	}
	if first != nil {
		r.trouble(first)
	}
	n.dead = !alive
	return nil
}

func (r *reader) list(n *node, row int64) error {
	count, err := n.lengths.next()
	if err != nil {
		return err
	}
	if count < 0 {
		return extract.Malformed("a list of negative length")
	}
	at := len(r.indexes)
	r.indexes = append(r.indexes, 0)
	for i := range count {
		r.indexes[at] = i
		alive := false
		for _, c := range n.children {
			if c.selected && !c.dead {
				if err := r.value(c, row); err != nil {
					return err
				}
				alive = true
			}
		}
		if !alive {
			break
		}
		if err := r.values.Charge(1); err != nil {
			return err
		}
	}
	r.indexes = r.indexes[:at]
	return nil
}

// scalar appends a value that is no string.
func (r *reader) scalar(n *node, b []byte) ([]byte, error) {
	switch n.kind {
	case byteType:
		v, err := n.bytes.next()
		return strconv.AppendInt(b, int64(int8(v)), 10), err
	case shortType, intType, longType:
		v, err := n.numbers.next()
		return strconv.AppendInt(b, v, 10), err
	case dateType:
		v, err := n.numbers.next()
		return records.Date(b, v), err
	case floatType:
		v, err := n.data.Need(4)
		if err != nil {
			return b, err
		}
		return records.Float(b, float64(math.Float32frombits(binary.LittleEndian.Uint32(v))), 32), nil
	case doubleType:
		v, err := n.data.Need(8)
		if err != nil {
			return b, err
		}
		return records.Float(b, math.Float64frombits(binary.LittleEndian.Uint64(v)), 64), nil
	case decimalType:
		return n.decimal(b)
	}
	return r.timestamp(n, b)
}

// timestamp appends a point in time: as the clock showed it where it was written, or in UTC if the type says that it is one for all zones.
func (r *reader) timestamp(n *node, b []byte) ([]byte, error) {
	sec, err := n.numbers.next()
	if err != nil {
		return b, err
	}
	nanos, err := n.secondary.next()
	if err != nil {
		return b, err
	}
	zeros := nanos & 7
	nanos = int64(uint64(nanos) >> 3)
	if zeros > 0 {
		for range zeros + 1 {
			nanos *= 10
		}
	}
	if nanos < 0 || nanos >= int64(time.Second) {
		nanos = 0
	}
	instant := n.kind == instantType
	if instant {
		sec += 1420070400 // 2015-01-01
	} else {
		sec += r.epoch
	}
	if sec < 0 && nanos > 999_999 {
		sec-- // seconds before 1970 are rounded towards it when there are milliseconds
	}
	if !instant && r.zone != time.UTC && sec > -4e11 && sec < 4e11 {
		_, offset := time.Unix(sec, 0).In(r.zone).Zone()
		sec += int64(offset)
	}
	return records.Instant(b, sec, nanos, instant), nil
}

// decimal appends a decimal: a number of up to 128 bits in a variable number of bytes, and its scale.
func (n *node) decimal(b []byte) ([]byte, error) {
	var hi, lo uint64
	for shift := 0; ; shift += 7 {
		c, err := n.data.Byte()
		if err != nil {
			return b, err
		}
		v := uint64(c & 0x7f)
		switch {
		case shift < 64:
			lo |= v << shift
			if shift > 57 {
				hi |= v >> (64 - shift)
			}
		case shift < 128:
			hi |= v << (shift - 64)
		default:
			return b, records.ErrVarint
		}
		if c < 0x80 {
			break
		}
	}
	scale, err := n.secondary.next()
	if err != nil {
		return b, err
	}
	scale = max(0, min(scale, records.MaxScale))
	sign := -(lo & 1)
	lo, hi = (lo>>1|hi<<63)^sign, hi>>1^sign
	if int64(hi) == int64(lo)>>63 {
		return records.Decimal(b, int64(lo), int(scale)), nil
	}
	var v [16]byte
	binary.BigEndian.PutUint64(v[:], hi)
	binary.BigEndian.PutUint64(v[8:], lo)
	return records.BigDecimal(b, v[:], int(scale)), nil
}

// str delivers a string or bytes.
func (r *reader) str(n *node, row int64) error {
	onlyText := n.kind == binaryType
	if n.dictionary != nil {
		i, err := n.numbers.next()
		if err != nil {
			return err
		}
		return r.entry(n, i, row)
	}
	size, err := n.lengths.next()
	if err != nil {
		return err
	}
	if size < 0 {
		return extract.Malformed("a string of negative length")
	}
	if size > records.Longest {
		return r.values.Long(&n.data, size, onlyText, n.field, row, r.indexes)
	}
	if size > int64(n.data.Window()) {
		return io.ErrUnexpectedEOF
	}
	b, err := n.data.Need(int(size))
	if err != nil {
		return err
	}
	return r.values.Bytes(b, onlyText, n.field, row, r.indexes)
}

const (
	// maxDictionary is up to which size a dictionary is held in memory, and maxEntries how many values it may have there.
	maxDictionary = 8 << 20
	maxEntries    = 1 << 20
)

// A dictionary holds its values one behind the other: in memory, or in the scratch file.
type dictionary struct {
	text  []byte
	ends  []uint32
	valid bool // all of it is UTF-8

	kept     bool
	entries  int64
	at, tail int64 // in the scratch files: of the values, and of their ends
}

// dictionaries are those that are too large for memory.
type dictionaries struct {
	text, ends       extract.Scratch
	open             bool
	textEnd, endsEnd int64
}

// readDictionary reads the values of a column's dictionary.
func (r *reader) readDictionary(n *node) (*dictionary, error) {
	entries := r.columns[n.column].entries
	d := &dictionary{valid: true, entries: entries}
	lengths := r.integers(n, lengthStream, false)
	total := int64(0)
	for range min(entries, maxEntries) {
		size, err := lengths.next()
		if err != nil {
			return nil, err
		}
		if total += size; size < 0 || total > math.MaxInt64/2 {
			return nil, extract.Malformed("an absurd string")
		}
		if total > maxDictionary {
			break
		}
		d.ends = append(d.ends, uint32(total))
	}
	if err := r.values.Charge(total); err != nil {
		return nil, err
	}
	data := r.source(n, dictionaryStream)
	if int64(len(d.ends)) < entries || r.held+total > 2*maxDictionary {
		d.ends, d.kept = nil, true
		return d, r.keep(d, r.integers(n, lengthStream, false), &data)
	}
	r.held += total
	d.text = make([]byte, 0, total)
	for int64(len(d.text)) < total {
		b, err := data.Some(total - int64(len(d.text)))
		if err != nil {
			return nil, err
		}
		d.text = append(d.text, b...)
	}
	from := uint32(0)
	for _, end := range d.ends {
		d.valid = d.valid && utf8.Valid(d.text[from:end])
		from = end
	}
	return d, nil
}

// keep writes a dictionary to the scratch files.
func (r *reader) keep(d *dictionary, lengths *integers, data *records.Source) (err error) {
	k := &r.kept
	if !k.open {
		if k.text, err = r.in.Scratch(); err != nil {
			return err
		}
		if k.ends, err = r.in.Scratch(); err != nil {
			return err
		}
		k.open = true
	}
	d.at, d.tail = k.textEnd, k.endsEnd
	var ends []byte
	for i := range d.entries {
		size, err := lengths.next()
		if err != nil {
			return err
		}
		if size < 0 {
			return extract.Malformed("an absurd string")
		}
		if err := r.values.Charge(8 + size); err != nil {
			return err
		}
		for size > 0 {
			b, err := data.Some(size)
			if err != nil {
				return err
			}
			if _, err := k.text.Write(b); err != nil {
				return err
			}
			k.textEnd += int64(len(b))
			size -= int64(len(b))
		}
		ends = binary.BigEndian.AppendUint64(ends, uint64(k.textEnd))
		if len(ends) >= 32<<10 || i == d.entries-1 {
			if _, err := k.ends.Write(ends); err != nil {
				return err
			}
			k.endsEnd += int64(len(ends))
			ends = ends[:0]
		}
	}
	return nil
}

// entry delivers a value of a dictionary.
func (r *reader) entry(n *node, i, row int64) error {
	d := n.dictionary
	if i < 0 || i >= d.entries {
		return extract.Malformed("an index beyond the dictionary")
	}
	onlyText := n.kind == binaryType
	if !d.kept {
		from := uint32(0)
		if i > 0 {
			from = d.ends[i-1]
		}
		b := d.text[from:d.ends[i]]
		switch {
		case d.valid:
			return r.values.Ready(b, n.field, row, r.indexes)
		case len(b) <= records.Longest:
			return r.values.Bytes(b, onlyText, n.field, row, r.indexes)
		}
		s := records.BytesSource(b)
		return r.values.Long(&s, int64(len(b)), onlyText, n.field, row, r.indexes)
	}
	var ends [16]byte
	from, at, to := d.at, d.tail+8*(i-1), ends[:]
	if i == 0 {
		at, to = d.tail, ends[8:]
	}
	if err := readFull(r.kept.ends, to, at); err != nil {
		return err
	}
	if i > 0 {
		from = int64(binary.BigEndian.Uint64(ends[:]))
	}
	size := int64(binary.BigEndian.Uint64(ends[8:])) - from
	if size <= records.Longest {
		if r.buf == nil {
			r.buf = make([]byte, records.Longest)
		}
		if err := readFull(r.kept.text, r.buf[:size], from); err != nil {
			return err
		}
		return r.values.Bytes(r.buf[:size], onlyText, n.field, row, r.indexes)
	}
	s := records.NewSource(io.NewSectionReader(r.kept.text, from, size), make([]byte, records.Longest))
	return r.values.Long(&s, size, onlyText, n.field, row, r.indexes)
}
