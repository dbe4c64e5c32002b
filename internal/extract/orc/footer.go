package orc

import (
	"io"
	"math"
	"strings"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/records"
)

const (
	// maxColumns, maxName and maxNames bound the schema.
	maxColumns = 16 << 10
	maxName    = 1 << 10
	maxNames   = 4 << 20
	// maxStripes is how many stripes are read.
	maxStripes = 256 << 10
	// maxChunk is how large a chunk can be: its length has 23 bits.
	maxChunk = 1 << 23
)

// Kinds of types.
const (
	booleanType = iota
	byteType
	shortType
	intType
	longType
	floatType
	doubleType
	stringType
	binaryType
	timestampType
	listType
	mapType
	structType
	unionType
	decimalType
	dateType
	varcharType
	charType
	instantType
)

// proto reads messages in the wire format of Protocol Buffers as a stream: nothing is kept but what the callers take.
type proto struct{ records.Source }

// message calls field with the number of each field of a message of so many bytes: its value, or the length of its bytes, which field may read
// or leave. With a length below zero the message takes all there is.
func (p *proto) message(length int64, field func(id int, bytes bool, v uint64) error) error {
	end := int64(math.MaxInt64)
	if length >= 0 {
		end = p.Offset() + length
	}
	for p.Offset() < end {
		if length < 0 {
			if over, err := p.AtEnd(); over {
				return err
			}
		}
		tag, err := p.Uvarint()
		if err != nil {
			return err
		}
		id := int(tag >> 3 & (1<<29 - 1))
		switch tag & 7 {
		case 0:
			v, err := p.Uvarint()
			if err != nil {
				return err
			}
			if err := field(id, false, v); err != nil {
				return err
			}
		case 1:
			err = p.Skip(8)
		case 5:
			err = p.Skip(4)
		case 2:
			n, e := p.Uvarint()
			if e != nil {
				return e
			}
			stop := p.Offset() + int64(n)
			if n > math.MaxInt64/2 || stop > end {
				return extract.Malformed("a field longer than its message")
			}
			if err := field(id, true, n); err != nil {
				return err
			}
			if p.Offset() > stop {
				return extract.Malformed("a field longer than told")
			}
			err = p.Skip(stop - p.Offset())
		default:
			return extract.Malformed("metadata are no protocol buffers")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// numbers reads a repeated number, packed or not.
func (p *proto) numbers(bytes bool, v uint64, add func(uint64)) error {
	if !bytes {
		add(v)
		return nil
	}
	for stop := p.Offset() + int64(v); p.Offset() < stop; {
		n, err := p.Uvarint()
		if err != nil {
			return err
		}
		add(n)
	}
	return nil
}

// text reads a string of n bytes and keeps the beginning.
func (p *proto) text(n uint64) (string, error) {
	b, err := p.Need(int(min(n, maxName)))
	return strings.ToValidUTF8(string(b), "\uFFFD"), err
}

// A typ is a type of the schema: a column.
type typ struct {
	kind     uint64
	children []int
	names    []string
}

// A stripe is where rows are.
type stripe struct {
	offset, index, data, footer int64
	rows                        int64
}

// tail is what the postscript and the footer say.
type tail struct {
	stripes   []stripe
	types     []typ
	encrypted bool
	more      bool // stripes were left out
}

// postscript reads the end of the file and returns how long the footer is, which stands before it.
func postscript(at io.ReaderAt, size int64) (footer, end int64, c *codecs, err error) {
	var buf [256]byte
	n := min(size, int64(len(buf)))
	if err := readFull(at, buf[:n], size-n); err != nil {
		return 0, 0, nil, err
	}
	length := int64(buf[n-1])
	if length >= n {
		return 0, 0, nil, extract.Malformed("no postscript")
	}
	p := proto{records.BytesSource(buf[n-1-length : n-1])}
	c = &codecs{chunk: 256 << 10}
	magicFound := false
	err = p.message(length, func(id int, bytes bool, v uint64) error {
		switch {
		case id == 1 && !bytes:
			footer = int64(v)
		case id == 2 && !bytes:
			c.kind = v
		case id == 3 && !bytes:
			c.chunk = int64(v)
		case id == 8000 && bytes:
			s, err := p.text(v)
			magicFound = s == magic
			return err
		}
		return nil
	})
	if end = size - 1 - length; err == nil && (!magicFound || footer <= 0 || footer > end || c.chunk <= 0 && c.kind != uncompressed) {
		err = extract.Malformed("no postscript")
	}
	c.chunk = min(c.chunk, maxChunk)
	return footer, end, c, err
}

// readTail reads the footer.
func readTail(p *proto) (*tail, error) {
	t := new(tail)
	names := 0
	err := p.message(-1, func(id int, bytes bool, v uint64) error {
		switch {
		case id == 3 && bytes:
			var s stripe
			if err := p.stripe(&s, int64(v)); err != nil {
				return err
			}
			if t.more = len(t.stripes) >= maxStripes; !t.more {
				t.stripes = append(t.stripes, s)
			}
		case id == 4 && bytes:
			if len(t.types) >= maxColumns {
				return &extract.Problem{Reason: extract.FileExceedsSizeLimit, Detail: "too many columns"}
			}
			c := typ{kind: math.MaxUint64}
			if err := p.typ(&c, int64(v)); err != nil {
				return err
			}
			for _, name := range c.names {
				names += 32 + len(name)
			}
			if names += 8 * len(c.children); names > maxNames {
				return &extract.Problem{Reason: extract.FileExceedsSizeLimit, Detail: "too many columns"}
			}
			t.types = append(t.types, c)
		case id == 10 && bytes:
			t.encrypted = v > 0
		}
		return nil
	})
	return t, err
}

func (p *proto) stripe(s *stripe, length int64) error {
	err := p.message(length, func(id int, bytes bool, v uint64) error {
		if bytes || id > 5 {
			return nil
		}
		if v > math.MaxInt64/8 {
			return extract.Malformed("an absurd stripe")
		}
		switch id {
		case 1:
			s.offset = int64(v)
		case 2:
			s.index = int64(v)
		case 3:
			s.data = int64(v)
		case 4:
			s.footer = int64(v)
		case 5:
			s.rows = int64(v)
		}
		return nil
	})
	return err
}

func (p *proto) typ(c *typ, length int64) error {
	return p.message(length, func(id int, bytes bool, v uint64) error {
		switch {
		case id == 1 && !bytes:
			c.kind = v
		case id == 2:
			return p.numbers(bytes, v, func(n uint64) {
				if len(c.children) < maxColumns {
					c.children = append(c.children, int(min(n, math.MaxInt32)))
				}
			})
		case id == 3 && bytes && len(c.names) < maxColumns:
			name, err := p.text(v)
			c.names = append(c.names, name)
			return err
		}
		return nil
	})
}

// Kinds of streams.
const (
	presentStream = iota
	dataStream
	lengthStream
	dictionaryStream
	_
	secondaryStream
	streams
)

// A place is where a stream of a stripe is.
type place struct{ from, length int64 }

// columnStreams says what the stripe's footer tells of a column.
type columnStreams struct {
	at         [streams]place
	has        [streams]bool
	dictionary bool // of strings
	two        bool // encoded in version 2
	entries    int64
}

// stripeFooter reads where the streams of a stripe are.
func stripeFooter(p *proto, s *stripe, columns []columnStreams, zone *string) error {
	clear(columns)
	at, column := s.offset, 0
	return p.message(-1, func(id int, bytes bool, v uint64) error {
		switch {
		case id == 1 && bytes:
			var kind, col uint64
			var length int64
			err := p.message(int64(v), func(id int, bytes bool, v uint64) error {
				switch {
				case id == 1 && !bytes:
					kind = v
				case id == 2 && !bytes:
					col = v
				case id == 3 && !bytes:
					length = int64(v)
				}
				return nil
			})
			if err != nil {
				return err
			}
			if length < 0 || length > s.offset+s.index+s.data-at {
				return extract.Malformed("a stream beyond its stripe")
			}
			if kind < streams && col < uint64(len(columns)) {
				columns[col].at[kind] = place{at, length}
				columns[col].has[kind] = true
			}
			at += length
		case id == 2 && bytes:
			var kind uint64
			var entries int64
			err := p.message(int64(v), func(id int, bytes bool, v uint64) error {
				switch {
				case id == 1 && !bytes:
					kind = v
				case id == 2 && !bytes:
					entries = int64(min(v, math.MaxInt64))
				}
				return nil
			})
			if err != nil {
				return err
			}
			if column < len(columns) {
				c := &columns[column]
				c.dictionary, c.two, c.entries = kind == 1 || kind == 3, kind >= 2, entries
			}
			column++
		case id == 3 && bytes:
			z, err := p.text(v)
			*zone = z
			return err
		}
		return nil
	})
}
