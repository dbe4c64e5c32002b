// Package avro reads Avro object container files. They are streams: neither a block nor a value has to fit into memory.
package avro

import (
	"bytes"
	"compress/bzip2"
	"encoding/binary"
	"io"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/charset"
	"github.com/magpie-sec/magpie/internal/extract/records"
	"github.com/magpie-sec/magpie/internal/text"
)

// Format is the object container file of Apache Avro (specification 1.12). A record is an object, counted through all blocks.
var Format = extract.Format{
	Name: "avro",
	MIME: "application/avro",
	About: extract.About{
		Title: "Apache Avro object container files",
		Reads: "All fields of all types with logical types as people write them, names of fields are context. Codecs null, deflate, " +
			"snappy, zstandard, bzip2.",
		Leaves:  "Other codecs; the schema's documentation.",
		Sniffed: "The signature Obj1.",
		Places:  "Record, counted from 0, and JSON path.",
		Reasons: []extract.Reason{extract.UnsupportedFileType, extract.FileExceedsSizeLimit, extract.JSONNestingLevelOverLimit},
	},
	Extensions: []string{"avro"},
	Kind:       text.Records,
	MaxBytes:   8 * extract.GB,
	First:      "O",
	Match:      match,
	Extract:    read,
}

const magic = "Obj\x01"

func match(h *extract.Head) extract.Score {
	if bytes.HasPrefix(h.Bytes, []byte(magic)) {
		return extract.Certain
	}
	return extract.No
}

const (
	// small is up to which size a block in Snappy is decompressed in one piece.
	small = 1 << 20
	// maxWindow is how much memory a decompressor may take.
	maxWindow = 16 << 20
)

// A reader reads one file.
type reader struct {
	file   records.Source
	codec  string
	sync   [16]byte
	depth  int
	values *records.Values
	paths  paths

	block   records.Source // of uncompressed bytes
	window  []byte
	part    records.Part
	deflate io.ReadCloser
	zstd    *zstd.Decoder
	packed  []byte
	whole   []byte

	row     int64
	indexes []int64
}

func read(in *extract.Input, out *extract.Output) error {
	values := records.NewValues(out, 0)
	r := &reader{values: values, depth: out.Limits().JSONDepth, window: make([]byte, 2*records.Longest)}
	r.file = records.NewSource(&granting{in, values, out.Limits().Ratio}, make([]byte, 2*records.Longest))
	defer func() {
		if r.zstd != nil {
			r.zstd.Close()
		}
	}()
	s, err := r.head()
	if err != nil {
		return err
	}
	root := &path{}
	for {
		end, err := r.file.AtEnd()
		if err == nil && end {
			return r.values.Flush()
		}
		if err == nil {
			err = r.readBlock(s, root)
		}
		if err != nil {
			if e := r.values.Flush(); e != nil {
				return e
			}
			return err
		}
	}
}

// granting allows for text as bytes arrive.
type granting struct {
	in     *extract.Input
	values *records.Values
	ratio  int64
}

func (g *granting) Read(p []byte) (int, error) {
	n, err := g.in.Read(p)
	g.values.Grant(g.ratio * int64(n))
	return n, err
}

// head reads what stands before the blocks: the schema, the codec and the marker that ends each block.
func (r *reader) head() (*schema, error) {
	if _, err := r.file.Need(len(magic)); err != nil {
		return nil, err
	}
	var source []byte
	for {
		n, err := r.count(&r.file)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			break
		}
		for range n {
			key, err := r.text(&r.file, maxName)
			if err != nil {
				return nil, err
			}
			limit := int64(maxName)
			if string(key) == "avro.schema" {
				limit = maxSchema
			}
			name := string(key)
			value, err := r.text(&r.file, limit)
			if err != nil {
				return nil, err
			}
			switch name {
			case "avro.schema":
				source = value
			case "avro.codec":
				r.codec = string(value)
			}
		}
	}
	b, err := r.file.Need(len(r.sync))
	if err != nil {
		return nil, err
	}
	copy(r.sync[:], b)
	if len(source) >= maxSchema {
		return nil, &extract.Problem{Reason: extract.FileExceedsSizeLimit, Detail: "the schema is too long"}
	}
	return compile(source)
}

// text reads a string and keeps up to limit bytes of it.
func (r *reader) text(s *records.Source, limit int64) ([]byte, error) {
	n, err := s.Varint()
	if err != nil {
		return nil, err
	}
	if n < 0 {
		return nil, extract.Malformed("a string of negative length")
	}
	var b []byte
	for k := min(n, limit); k > 0; {
		some, err := s.Some(k)
		if err != nil {
			return nil, err
		}
		b = append(b, some...)
		k -= int64(len(some))
	}
	return b, s.Skip(n - int64(len(b)))
}

// count reads how many elements of an array or map follow, 0 at its end.
func (r *reader) count(s *records.Source) (int64, error) {
	n, err := s.Varint()
	if err != nil || n >= 0 {
		return n, err
	}
	_, err = s.Varint() // how many bytes they take
	if n == math.MinInt64 {
		return 0, extract.Malformed("an absurd count")
	}
	return -n, err
}

// readBlock delivers the objects of a block.
func (r *reader) readBlock(s *schema, root *path) error {
	n, err := r.file.Varint()
	if err != nil {
		return err
	}
	size, err := r.file.Varint()
	if err != nil {
		return err
	}
	if n < 0 || size < 0 {
		return extract.Malformed("a block of negative size")
	}
	r.part = records.Part{S: &r.file, Left: size}
	if err := r.open(); err != nil {
		return err
	}
	for range n {
		r.indexes = r.indexes[:0]
		if err := r.value(s, root, 0); err != nil {
			return err
		}
		r.row++
		if err := r.values.Charge(1); err != nil {
			return err
		}
	}
	if err := r.file.Skip(r.part.Left); err != nil {
		return err
	}
	if r.codec == "snappy" {
		if err := r.file.Skip(4); err != nil { // a checksum of what was read
			return err
		}
	}
	b, err := r.file.Need(len(r.sync))
	if err != nil {
		return err
	}
	if !bytes.Equal(b, r.sync[:]) {
		return extract.Malformed("a block does not end where it should")
	}
	return nil
}

// open prepares the block's uncompressed bytes.
func (r *reader) open() error {
	var from io.Reader = &r.part
	switch r.codec {
	case "", "null":
	case "deflate":
		if r.deflate == nil {
			r.deflate = flate.NewReader(from)
		} else if err := r.deflate.(flate.Resetter).Reset(from, nil); err != nil {
			return err
		}
		from = r.deflate
	case "snappy":
		if r.part.Left < 4 {
			return io.ErrUnexpectedEOF
		}
		r.part.Left -= 4
		if r.part.Left > small {
			from = records.NewSnappy(from)
			break
		}
		return r.snappy()
	case "zstandard":
		if r.zstd == nil {
			var err error
			r.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
			if err != nil {
				return err
			}
		}
		if err := r.zstd.Reset(from); err != nil {
			return err
		}
		from = r.zstd
	case "bzip2":
		from = bzip2.NewReader(from)
	default:
		return &extract.Problem{Reason: extract.UnsupportedFileType, Detail: "a codec that is not read"}
	}
	r.block = records.NewSource(from, r.window)
	return nil
}

// snappy decompresses a small block in one piece, or leaves it to be read as a stream if it expands far.
func (r *reader) snappy() error {
	if int64(cap(r.packed)) < r.part.Left {
		r.packed = make([]byte, r.part.Left)
	}
	packed := r.packed[:r.part.Left]
	if n, err := io.ReadFull(&r.part, packed); err != nil {
		packed = packed[:n] // the document was cut: what is there is read as a stream
	}
	n, err := snappy.DecodedLen(packed)
	if err != nil || n > 4*small || r.part.Left > 0 {
		r.block = records.NewSource(records.NewSnappy(bytes.NewReader(packed)), r.window)
		return nil
	}
	if cap(r.whole) < n {
		r.whole = make([]byte, n)
	}
	whole, err := snappy.Decode(r.whole[:n], packed)
	if err != nil {
		return extract.Malformed("a block does not decompress")
	}
	r.block = records.BytesSource(whole)
	return nil
}

// value reads a value of a type and delivers what is text in it.
func (r *reader) value(s *schema, p *path, depth int) error {
	switch s.kind {
	case null:
		return nil
	case boolean:
		_, err := r.block.Byte()
		return err
	case record:
		if err := r.deeper(depth); err != nil {
			return err
		}
		for i := range s.fields {
			if err := r.value(s.fields[i].typ, r.paths.child(p, s, i), depth+1); err != nil {
				return err
			}
		}
		return nil
	case union:
		n, err := r.block.Varint()
		if err != nil {
			return err
		}
		if n < 0 || n >= int64(len(s.choices)) {
			return extract.Malformed("a choice that the union has not")
		}
		if err := r.deeper(depth); err != nil {
			return err
		}
		return r.value(s.choices[n], r.paths.choice(p, s, int(n)), depth+1)
	case array:
		return r.array(s, p, depth)
	case mapKind:
		return r.dictionary(s, p, depth)
	case str, bytesKind:
		n, err := r.block.Varint()
		if err != nil {
			return err
		}
		return r.bytes(s, p, n)
	case fixed:
		return r.bytes(s, p, s.size)
	}
	return r.scalar(s, p)
}

func (r *reader) deeper(depth int) error {
	if depth >= r.depth {
		return &extract.Problem{Reason: extract.JSONNestingLevelOverLimit, Detail: "records are nested too deeply"}
	}
	return r.values.Charge(1)
}

func (r *reader) array(s *schema, p *path, depth int) error {
	if err := r.deeper(depth); err != nil {
		return err
	}
	element := r.paths.elementOf(p)
	at := len(r.indexes)
	r.indexes = append(r.indexes, 0)
	for {
		n, err := r.count(&r.block)
		if err != nil {
			return err
		}
		if n == 0 {
			r.indexes = r.indexes[:at]
			return nil
		}
		for range n {
			if err := r.value(s.items, element, depth+1); err != nil {
				return err
			}
			r.indexes[at]++
			if err := r.values.Charge(1); err != nil {
				return err
			}
		}
	}
}

// dictionary reads a map. Its keys are names of the path, and values at the map itself.
func (r *reader) dictionary(s *schema, p *path, depth int) error {
	if err := r.deeper(depth); err != nil {
		return err
	}
	for {
		n, err := r.count(&r.block)
		if err != nil || n == 0 {
			return err
		}
		for range n {
			size, err := r.block.Varint()
			if err != nil {
				return err
			}
			below := p
			if size >= 0 && size <= maxName {
				key, err := r.block.Need(int(size))
				if err != nil {
					return err
				}
				if !utf8.Valid(key) {
					key = bytes.ToValidUTF8(key, []byte("\uFFFD"))
				}
				below = r.paths.member(p, key)
				if err := r.values.Ready(key, p.place(), r.row, r.indexes[:p.place().Arrays]); err != nil {
					return err
				}
			} else if err := r.bytes(&schema{kind: str}, p, size); err != nil {
				return err
			}
			if err := r.value(s.items, below, depth+1); err != nil {
				return err
			}
		}
	}
}

// bytes delivers the next n bytes.
func (r *reader) bytes(s *schema, p *path, n int64) error {
	if n < 0 {
		return extract.Malformed("a string of negative length")
	}
	f := p.place()
	indexes := r.indexes[:f.Arrays]
	if n > records.Longest {
		if s.meaning != plain {
			return r.block.Skip(n)
		}
		return r.values.Long(&r.block, n, s.kind != str, f, r.row, indexes)
	}
	b, err := r.block.Need(int(n))
	if err != nil {
		return r.rest(s, f, n, err)
	}
	room, err := r.values.Room(max(1<<10, 2*len(b)))
	if err != nil {
		return err
	}
	switch {
	case s.meaning == decimal:
		room = records.BigDecimal(room, b, s.scale)
	case s.meaning == uuid:
		room = records.UUID(room, b)
	case s.meaning == opaque:
	case s.kind == str:
		room = records.Text(room, b)
	case utf8.Valid(b):
		room = append(room, b...)
	}
	return r.values.Add(room, f, r.row, indexes)
}

// rest delivers what is there of a string that was cut with the document.
func (r *reader) rest(s *schema, f *text.Field, n int64, err error) error {
	if s.kind != str || err != io.ErrUnexpectedEOF {
		return err
	}
	b, e := r.block.Some(n)
	if e != nil {
		return e
	}
	b = b[:len(b)-charset.Cut(b)]
	if !utf8.Valid(b) {
		return err
	}
	if e := r.values.Ready(b, f, r.row, r.indexes[:f.Arrays]); e != nil {
		return e
	}
	return err
}

// scalar delivers a number or an enumeration's symbol.
func (r *reader) scalar(s *schema, p *path) error {
	room, err := r.values.Room(1 << 10)
	if err != nil {
		return err
	}
	switch s.kind {
	case intKind, long:
		n, err := r.block.Varint()
		if err != nil {
			return err
		}
		room = s.number(room, n)
	case float:
		b, err := r.block.Need(4)
		if err != nil {
			return err
		}
		room = records.Float(room, float64(math.Float32frombits(binary.LittleEndian.Uint32(b))), 32)
	case double:
		b, err := r.block.Need(8)
		if err != nil {
			return err
		}
		room = records.Float(room, math.Float64frombits(binary.LittleEndian.Uint64(b)), 64)
	case enum:
		n, err := r.block.Varint()
		if err != nil {
			return err
		}
		if n < 0 || n >= int64(len(s.symbols)) {
			return extract.Malformed("a symbol that the enumeration has not")
		}
		symbol := s.symbols[n]
		room = append(room, symbol[:min(len(symbol), 1<<10)]...)
	}
	f := p.place()
	return r.values.Add(room, f, r.row, r.indexes[:f.Arrays])
}

func (s *schema) number(b []byte, n int64) []byte {
	switch s.meaning {
	case date:
		return records.Date(b, n)
	case timeOfDay:
		return records.TimeOfDay(b, n, s.unit)
	case timestamp:
		return records.Timestamp(b, n, s.unit, s.utc)
	}
	return strconv.AppendInt(b, n, 10)
}
