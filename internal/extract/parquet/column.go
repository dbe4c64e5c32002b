package parquet

import (
	"encoding/binary"
	"io"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/records"
)

// A column reads one column of a row group.
type column struct {
	*leaf
	chunk
	r    *reader
	at   int64 // where the next page begins
	left int64 // values in the pages to come
	done bool

	page     page
	pageLeft int64 // values of the page to come, nulls included
	behind   int64 // where the page's values begin
	rep, def rle
	peeked   bool // the repetition level at hand was read
	level    uint32
	row      int64 // records that were begun
	indexes  []int64

	encoding   int64
	started    bool // the values' decoder is ready
	quick      quick
	raw        []byte   // the values of a page in memory that a quick way has not read
	ascii      bool     // all of raw is
	sizes      []uint32 // the lengths of the strings in raw
	values     records.Source
	index      rle
	dictionary dictionary
	numbers    delta
	suffixes   delta
	previous   []byte
	split      []byte
	splitAt    int
}

// upTo delivers the values of all records before a limit.
func (c *column) upTo(limit int64) error {
	for !c.done {
		if c.maxRep == 0 && c.row >= limit {
			return nil
		}
		if c.pageLeft == 0 {
			if err := c.nextPage(); err == io.EOF {
				c.done = true
				return nil
			} else if err != nil {
				return err
			}
		}
		if c.maxRep > 0 {
			if more, err := c.repeated(limit); !more {
				return err
			}
			continue
		}
		if err := c.flat(limit); err != nil {
			return err
		}
	}
	return nil
}

// flat delivers the values of the page at hand, one for each record.
func (c *column) flat(limit int64) error {
	for c.pageLeft > 0 && c.row < limit {
		if c.maxDef > 0 {
			d, err := c.def.next()
			if err != nil {
				return err
			}
			if d != uint32(c.maxDef) {
				n := 1 + min(c.def.run, c.pageLeft-1, limit-c.row-1)
				c.def.run -= n - 1
				c.row += n
				c.pageLeft -= n
				if err := c.r.values.Charge(1 + n/8); err != nil {
					return err
				}
				continue
			}
		}
		c.pageLeft--
		c.row++
		if err := c.value(); err != nil {
			return err
		}
	}
	return nil
}

// repeated delivers the values of the page at hand; it says whether there may be more of them before the limit.
func (c *column) repeated(limit int64) (bool, error) {
	for c.pageLeft > 0 {
		if !c.peeked {
			level, err := c.rep.next()
			if err != nil {
				return false, err
			}
			c.level, c.peeked = level, true
		}
		switch {
		case c.level == 0:
			if c.row >= limit {
				return false, nil
			}
			c.row++
			clear(c.indexes)
		case int(c.level) > c.maxRep || c.row == 0:
			return false, extract.Malformed("an impossible level")
		default:
			c.indexes[c.level-1]++
			clear(c.indexes[c.level:])
		}
		c.peeked = false
		c.pageLeft--
		d, err := c.def.next()
		if err != nil {
			return false, err
		}
		if d == uint32(c.maxDef) {
			err = c.value()
		} else {
			err = c.r.values.Charge(1)
		}
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

// quick is a way to read the usual values of a page that is in memory.
type quick uint8

const (
	slow          quick = iota
	plainStrings        // length and bytes
	sizedStrings        // bytes, whose lengths were read before
	plainNumbers        // of 32 or 64 bits
	plainDoubles        // of 64 bits
	dictionaryOne       // an index into the dictionary
)

// maxSizes is how many lengths of strings are read at once.
const maxSizes = 256 << 10

// prepare chooses a quick way for the page at hand, if there is one. The decoders stand at its first value.
func (c *column) prepare() {
	c.quick = slow
	if c.page.large {
		return
	}
	switch {
	case c.encoding == encPlainDictionary || c.encoding == encDictionary:
		c.quick = dictionaryOne
	case c.encoding == encPlain && c.isText():
		c.quick, c.raw = plainStrings, c.values.Rest()
	case c.encoding == encPlain && (c.physical == int32Type || c.physical == int64Type):
		c.quick, c.raw = plainNumbers, c.values.Rest()
	case c.encoding == encPlain && c.physical == double:
		c.quick, c.raw = plainDoubles, c.values.Rest()
	case c.encoding == encDeltaLength && len(c.sizes) > 0:
		c.quick, c.raw = sizedStrings, c.values.Rest()
	}
	if c.quick == plainStrings || c.quick == sizedStrings {
		c.ascii = isASCII(c.raw)
	}
}

func isASCII(b []byte) bool {
	for len(b) >= 8 {
		if binary.LittleEndian.Uint64(b)&0x8080808080808080 != 0 {
			return false
		}
		b = b[8:]
	}
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// value delivers the value at hand.
func (c *column) value() error {
	if !c.started {
		if err := c.start(); err != nil {
			return err
		}
		c.prepare()
		c.started = true
	}
	row := c.r.row + c.row - 1
	v := c.r.values
	switch c.quick {
	case dictionaryOne:
		i, err := c.index.next()
		if err != nil {
			return err
		}
		b, err := c.dictionary.value(i)
		if err != nil {
			return err
		}
		return v.Ready(b, c.field, row, c.indexes)
	case plainStrings:
		if raw := c.raw; len(raw) >= 4 {
			if n := binary.LittleEndian.Uint32(raw); n <= records.Longest && int(n) <= len(raw)-4 {
				b := raw[4 : 4+n]
				c.raw = raw[4+n:]
				if c.ascii || utf8.Valid(b) {
					return v.Ready(b, c.field, row, c.indexes)
				}
				return c.ready(b, row)
			}
		}
	case sizedStrings:
		if len(c.sizes) == 0 {
			return extract.Malformed("fewer deltas than values")
		}
		n := c.sizes[0]
		c.sizes = c.sizes[1:]
		if n <= records.Longest && int(n) <= len(c.raw) {
			b := c.raw[:n]
			c.raw = c.raw[n:]
			if c.ascii || utf8.Valid(b) {
				return v.Ready(b, c.field, row, c.indexes)
			}
			return c.ready(b, row)
		}
		c.values = records.BytesSource(c.raw)
		err := c.bytes(int64(n), row)
		c.raw = c.values.Rest()
		return err
	case plainNumbers:
		var n int64
		switch raw := c.raw; {
		case c.physical == int64Type && len(raw) >= 8:
			n, c.raw = int64(binary.LittleEndian.Uint64(raw)), raw[8:]
		case c.physical == int32Type && len(raw) >= 4:
			n, c.raw = int64(int32(binary.LittleEndian.Uint32(raw))), raw[4:]
		default:
			return io.ErrUnexpectedEOF
		}
		b, err := v.Room(number)
		if err != nil {
			return err
		}
		return v.Add(c.number(b, n), c.field, row, c.indexes)
	case plainDoubles:
		if len(c.raw) < 8 {
			return io.ErrUnexpectedEOF
		}
		b, err := v.Room(number)
		if err != nil {
			return err
		}
		b = records.Float(b, math.Float64frombits(binary.LittleEndian.Uint64(c.raw)), 64)
		c.raw = c.raw[8:]
		return v.Add(b, c.field, row, c.indexes)
	}
	if c.quick != slow { // what is unusual: a long string, or one that is cut
		c.values, c.quick = records.BytesSource(c.raw), slow
	}
	switch c.encoding {
	case encPlain:
		if c.physical == byteArray || c.physical == fixed {
			n, err := c.size(&c.values)
			if err != nil {
				return err
			}
			return c.bytes(n, row)
		}
		b, err := v.Room(number)
		if err != nil {
			return err
		}
		if b, err = c.plain(&c.values, b, number); err != nil {
			return err
		}
		return v.Add(b, c.field, row, c.indexes)
	case encPlainDictionary, encDictionary:
		i, err := c.index.next()
		if err != nil {
			return err
		}
		b, err := c.dictionary.value(i)
		if err != nil {
			return err
		}
		return v.Ready(b, c.field, row, c.indexes)
	case encDeltaLength:
		n, err := c.numbers.next()
		if err != nil {
			return err
		}
		return c.bytes(n, row)
	case encDelta:
		n, err := c.numbers.next()
		if err != nil {
			return err
		}
		if c.physical == int32Type {
			n = int64(int32(n))
		}
		b, err := v.Room(number)
		if err != nil {
			return err
		}
		return v.Add(c.number(b, n), c.field, row, c.indexes)
	case encDeltaBytes:
		if err := c.append(); err != nil {
			return err
		}
		return c.ready(c.previous, row)
	default:
		b, err := c.gather()
		if err != nil {
			return err
		}
		s := records.BytesSource(b)
		if c.physical == fixed {
			return c.ready(b, row)
		}
		room, err := v.Room(number)
		if err != nil {
			return err
		}
		if room, err = c.plain(&s, room, number); err != nil {
			return err
		}
		return v.Add(room, c.field, row, c.indexes)
	}
}

// number is the room that any value but strings needs.
const number = 1 << 10

// start prepares the decoder of the page's values.
func (c *column) start() (err error) {
	if c.values, err = c.page.open(c.behind); err != nil {
		return err
	}
	bytes := c.physical == byteArray || c.physical == fixed
	switch c.encoding {
	case encPlain:
		return nil
	case encPlainDictionary, encDictionary:
		width, err := c.values.Byte()
		if err != nil {
			return err
		}
		if width > 32 {
			return extract.Malformed("indexes of more than 32 bits")
		}
		c.index = newRLE(c.values, int(width))
		return nil
	case encDelta:
		if c.physical == int32Type || c.physical == int64Type {
			return c.numbers.reset(c.values)
		}
	case encDeltaLength:
		if c.physical == byteArray {
			end, err := c.allLengths()
			if err != nil {
				return err
			}
			c.values, err = c.page.open(end)
			return err
		}
	case encDeltaBytes:
		if bytes {
			c.previous = c.previous[:0]
			end, err := c.lengths(&c.numbers, c.behind)
			if err != nil {
				return err
			}
			if end, err = c.lengths(&c.suffixes, end); err != nil {
				return err
			}
			c.values, err = c.page.open(end)
			return err
		}
	case encSplit:
		if c.page.large {
			return &extract.Problem{Reason: extract.FileExceedsSizeLimit, Detail: "a page of split streams too large"}
		}
		c.split, c.splitAt = c.page.whole[c.behind:], 0
		if w := c.physicalSize(); w > 0 && len(c.split)%w == 0 {
			return nil
		}
		return extract.Malformed("split streams of unequal length")
	}
	return &extract.Problem{Reason: extract.UnsupportedFileType, Detail: "an encoding that is not read"}
}

// allLengths reads the lengths of the page's strings into memory, if they are to be read the quick way, and says where they end.
func (c *column) allLengths() (int64, error) {
	c.sizes = c.sizes[:0]
	s, err := c.page.open(c.behind)
	if err != nil {
		return 0, err
	}
	d := &c.numbers
	if err := d.reset(s); err != nil {
		return 0, err
	}
	if c.page.large || d.left > maxSizes || !c.isText() {
		return c.lengths(d, c.behind)
	}
	c.sizes = slices.Grow(c.sizes, int(min(d.left, c.page.size)))
	for d.left > 0 {
		n, err := d.next()
		if err != nil {
			return 0, err
		}
		if n < 0 || n > c.page.size {
			return 0, extract.Malformed("a value longer than its page")
		}
		c.sizes = append(c.sizes, uint32(n))
	}
	n, err := d.length()
	return c.behind + n, err
}

// isText says that the column's strings are delivered as they are, if they are text.
func (c *column) isText() bool {
	return c.physical == byteArray && (c.logical.meaning == plain || c.logical.meaning == characters)
}

// lengths opens the numbers at a place of the page and says where they end, which only reading them tells.
func (c *column) lengths(d *delta, from int64) (int64, error) {
	s, err := c.page.open(from)
	if err != nil {
		return 0, err
	}
	if err := d.reset(s); err != nil {
		return 0, err
	}
	n, err := d.length()
	if err != nil {
		return 0, err
	}
	if s, err = c.page.open(from); err != nil {
		return 0, err
	}
	return from + n, d.reset(s)
}

// physicalSize is how many bytes a value takes, 0 if that differs.
func (c *column) physicalSize() int {
	switch c.physical {
	case int32Type, float:
		return 4
	case int64Type, double:
		return 8
	case int96:
		return 12
	case fixed:
		return c.length
	}
	return 0
}

// gather puts together a value of BYTE_STREAM_SPLIT: its bytes stand in a stream each.
func (c *column) gather() ([]byte, error) {
	w := c.physicalSize()
	n := len(c.split) / w
	if c.splitAt >= n {
		return nil, io.ErrUnexpectedEOF
	}
	c.previous = c.previous[:0]
	for i := range w {
		c.previous = append(c.previous, c.split[i*n+c.splitAt])
	}
	c.splitAt++
	return c.previous, nil
}

// maxShared is how long a value may be that the next one shares bytes with.
const maxShared = 1 << 20

// append makes the next value of DELTA_BYTE_ARRAY: the beginning of the previous one and bytes of its own.
func (c *column) append() error {
	prefix, err := c.numbers.next()
	if err != nil {
		return err
	}
	suffix, err := c.suffixes.next()
	if err != nil {
		return err
	}
	if prefix < 0 || prefix > int64(len(c.previous)) || suffix < 0 {
		return extract.Malformed("an impossible prefix")
	}
	if prefix+suffix > maxShared {
		return &extract.Problem{Reason: extract.FileExceedsSizeLimit, Detail: "a value too long for its encoding"}
	}
	c.previous = c.previous[:prefix]
	for suffix > 0 {
		b, err := c.values.Some(suffix)
		if err != nil {
			return err
		}
		c.previous = append(c.previous, b...)
		suffix -= int64(len(b))
	}
	return nil
}

// size is how long the next string is.
func (c *column) size(s *records.Source) (int64, error) {
	if c.physical == fixed {
		return int64(c.length), nil
	}
	b, err := s.Need(4)
	if err != nil {
		return 0, err
	}
	return int64(binary.LittleEndian.Uint32(b)), nil
}

// bytes delivers the next n bytes of the values as a string.
func (c *column) bytes(n, row int64) error {
	if n < 0 || n > c.page.size {
		return extract.Malformed("a value longer than its page")
	}
	if n > records.Longest {
		if c.logical.meaning != plain && c.logical.meaning != characters {
			return c.values.Skip(n)
		}
		return c.r.values.Long(&c.values, n, c.logical.meaning == plain, c.field, row, c.indexes)
	}
	b, err := c.values.Need(int(n))
	if err != nil {
		return err
	}
	return c.ready(b, row)
}

// ready delivers the bytes of a string.
func (c *column) ready(b []byte, row int64) error {
	if len(b) > records.Longest {
		s := records.BytesSource(b)
		return c.r.values.Long(&s, int64(len(b)), c.logical.meaning == plain, c.field, row, c.indexes)
	}
	if c.logical.meaning == plain || c.logical.meaning == characters {
		return c.r.values.Bytes(b, c.logical.meaning == plain, c.field, row, c.indexes)
	}
	room, err := c.r.values.Room(number)
	if err != nil {
		return err
	}
	return c.r.values.Add(c.str(room, b), c.field, row, c.indexes)
}

// plain appends the text of the next value as PLAIN has it.
func (c *column) plain(s *records.Source, b []byte, limit int64) ([]byte, error) {
	switch c.physical {
	case byteArray, fixed:
		n, err := c.size(s)
		if err != nil {
			return b, err
		}
		if n > limit {
			return b, extract.Malformed("a value longer than its page")
		}
		if n <= int64(s.Window()) {
			v, err := s.Need(int(n))
			return c.str(b, v), err
		}
		v := make([]byte, 0, s.Window())
		for n > 0 {
			part, err := s.Some(n)
			if err != nil {
				return b, err
			}
			v = append(v, part...)
			n -= int64(len(part))
		}
		return c.str(b, v), nil
	case int32Type:
		v, err := s.Need(4)
		if err != nil {
			return b, err
		}
		return c.number(b, int64(int32(binary.LittleEndian.Uint32(v)))), nil
	case int64Type:
		v, err := s.Need(8)
		if err != nil {
			return b, err
		}
		return c.number(b, int64(binary.LittleEndian.Uint64(v))), nil
	case float:
		v, err := s.Need(4)
		if err != nil {
			return b, err
		}
		return records.Float(b, float64(math.Float32frombits(binary.LittleEndian.Uint32(v))), 32), nil
	case double:
		v, err := s.Need(8)
		if err != nil {
			return b, err
		}
		return records.Float(b, math.Float64frombits(binary.LittleEndian.Uint64(v)), 64), nil
	case int96: // a point in time: nanoseconds of the day, and the day by the Julian count
		v, err := s.Need(12)
		if err != nil {
			return b, err
		}
		nanos, day := int64(binary.LittleEndian.Uint64(v)), int64(binary.LittleEndian.Uint32(v[8:]))-2440588
		if nanos < 0 || nanos >= 86400e9 || day < -106751 || day > 106750 {
			return b, nil
		}
		return records.Timestamp(b, day*86400e9+nanos, records.Nano, false), nil
	}
	return b, extract.Malformed("an impossible type")
}

// number appends the text of a whole number.
func (l *leaf) number(b []byte, v int64) []byte {
	switch l.logical.meaning {
	case unsigned:
		if l.physical == int32Type {
			return strconv.AppendUint(b, uint64(uint32(v)), 10)
		}
		return strconv.AppendUint(b, uint64(v), 10)
	case decimal:
		return records.Decimal(b, v, l.logical.scale)
	case date:
		return records.Date(b, v)
	case timeOfDay:
		return records.TimeOfDay(b, v, l.logical.unit)
	case timestamp:
		return records.Timestamp(b, v, l.logical.unit, l.logical.utc)
	}
	return strconv.AppendInt(b, v, 10)
}

// str appends the text of a byte array. Without a type that says so, it is text only if it is UTF-8.
func (l *leaf) str(b, v []byte) []byte {
	switch l.logical.meaning {
	case characters:
		return records.Text(b, v)
	case decimal:
		return records.BigDecimal(b, v, l.logical.scale)
	case uuid:
		if len(v) == 16 {
			return records.UUID(b, v)
		}
		return b
	case half:
		if len(v) == 2 {
			return records.Float(b, records.Half(binary.LittleEndian.Uint16(v)), 32)
		}
		return b
	}
	if utf8.Valid(v) {
		return append(b, v...)
	}
	return b
}
