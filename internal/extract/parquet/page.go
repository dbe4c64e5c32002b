package parquet

import (
	"encoding/binary"
	"io"
	"math/bits"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/records"
)

const (
	// small is up to which size a page is decompressed into memory. Writers make pages of a megabyte; larger ones are read as streams, each
	// of their sections (levels, lengths, values) by itself.
	small = 2 << 20
	// maxWindow is how much memory a stream's decompressor may take.
	maxWindow = 16 << 20
	// maxDictionary is how much text a dictionary may hold.
	maxDictionary = 16 << 20
)

// Codecs.
const (
	uncompressed = iota
	snappyCodec
	gzipCodec
	lzo
	brotliCodec
	lz4
	zstdCodec
	lz4Raw
)

// Encodings.
const (
	encPlain           = 0
	encPlainDictionary = 2
	encRLE             = 3
	encDelta           = 5
	encDeltaLength     = 6
	encDeltaBytes      = 7
	encDictionary      = 8
	encSplit           = 9
)

// Types of pages.
const (
	dataPage       = 0
	dictionaryPage = 2
	dataPageV2     = 3
)

// A header is what stands before a page.
type header struct {
	typ, size, stored      int64 // size: uncompressed
	values, encoding       int64
	defEncoding            int64
	repEncoding            int64
	defLength, repLength   int64
	notCompressed, hasBody bool
}

func (t *thrift) header(h *header) error {
	*h = header{typ: -1, defEncoding: encRLE, repEncoding: encRLE}
	return t.structure(func(id int, typ byte) (err error) {
		switch {
		case id == 1:
			h.typ, err = t.integer(typ)
		case id == 2:
			h.size, err = t.integer(typ)
		case id == 3:
			h.stored, err = t.integer(typ)
		case (id == 5 || id == 7 || id == 8) && typ == tStruct:
			err = t.pageHeader(h, id)
		default:
			err = t.skip(typ)
		}
		return err
	})
}

// pageHeader reads a DataPageHeader (5), DictionaryPageHeader (7) or DataPageHeaderV2 (8).
func (t *thrift) pageHeader(h *header, kind int) error {
	h.hasBody = true
	return t.structure(func(id int, typ byte) (err error) {
		to := (*int64)(nil)
		switch {
		case id == 1:
			to = &h.values
		case id == 2 && kind != 8, id == 4 && kind == 8:
			to = &h.encoding
		case id == 3 && kind == 5:
			to = &h.defEncoding
		case id == 4 && kind == 5:
			to = &h.repEncoding
		case id == 5 && kind == 8:
			to = &h.defLength
		case id == 6 && kind == 8:
			to = &h.repLength
		case id == 7 && kind == 8:
			h.notCompressed = typ == tFalse
		}
		if to == nil {
			return t.skip(typ)
		}
		*to, err = t.integer(typ)
		return err
	})
}

// A page is the compressed part of a page: all of it, or what stands behind the levels of a page of version 2.
type page struct {
	r            *reader
	codec        int64
	from, stored int64 // in the file
	size         int64 // uncompressed
	whole        []byte
	large        bool
}

// load reads the page into memory, if it is small.
func (p *page) load() error {
	p.large = p.size > small || p.stored > small+small/4
	if p.large {
		return nil
	}
	if int64(cap(p.whole)) < p.size {
		p.whole = make([]byte, p.size)
	}
	p.whole = p.whole[:p.size]
	if p.codec == uncompressed {
		if p.stored != p.size {
			return extract.Malformed("the sizes of a page differ")
		}
		return p.r.read(p.whole, p.from)
	}
	if p.size == 0 {
		return nil
	}
	if p.codec != snappyCodec && p.codec != zstdCodec {
		s, err := p.stream()
		if err == nil {
			_, err = io.ReadFull(s, p.whole)
		}
		return err
	}
	if int64(len(p.r.packed)) < p.stored {
		p.r.packed = make([]byte, p.stored)
	}
	packed := p.r.packed[:p.stored]
	if err := p.r.read(packed, p.from); err != nil {
		return err
	}
	if p.codec == snappyCodec {
		if n, err := snappy.DecodedLen(packed); err != nil || int64(n) != p.size {
			return extract.Malformed("the sizes of a page differ")
		}
		_, err := snappy.Decode(p.whole, packed)
		return err
	}
	if p.r.zstd == nil {
		var err error
		p.r.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(2*small))
		if err != nil {
			return err
		}
	}
	out, err := p.r.zstd.DecodeAll(packed, p.whole[:0])
	if err != nil || int64(len(out)) != p.size {
		return extract.Malformed("a page does not decompress")
	}
	return nil
}

// stream reads the page's uncompressed bytes without holding them.
func (p *page) stream() (io.Reader, error) {
	r := io.NewSectionReader(p.r.at, p.from, p.stored)
	switch p.codec {
	case uncompressed:
		return r, nil
	case snappyCodec:
		return records.NewSnappy(r), nil
	case gzipCodec:
		return gzip.NewReader(r)
	case brotliCodec:
		return brotli.NewReader(r), nil
	case zstdCodec:
		d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, err
		}
		return d, nil
	case lz4:
		// Hadoop puts two lengths before the block; others write the bare block under this name.
		var b [8]byte
		if err := p.r.read(b[:min(8, p.stored)], p.from); err != nil {
			return nil, err
		}
		if p.stored > 8 && int64(binary.BigEndian.Uint32(b[:])) == p.size && int64(binary.BigEndian.Uint32(b[4:])) == p.stored-8 {
			return records.NewLZ4(io.NewSectionReader(p.r.at, p.from+8, p.stored-8)), nil
		}
		return records.NewLZ4(r), nil
	case lz4Raw:
		return records.NewLZ4(r), nil
	}
	return nil, &extract.Problem{Reason: extract.UnsupportedFileType, Detail: "a codec that is not read"}
}

// open reads the page's uncompressed bytes from a place on.
func (p *page) open(from int64) (records.Source, error) {
	if from > p.size {
		return records.Source{}, io.ErrUnexpectedEOF
	}
	if !p.large {
		return records.BytesSource(p.whole[from:]), nil
	}
	r, err := p.stream()
	if err != nil {
		return records.Source{}, err
	}
	s := records.NewSource(io.LimitReader(r, p.size), make([]byte, 2*records.Longest))
	return s, s.Skip(from)
}

// nextPage goes on to the next page with values; it returns io.EOF behind the last one.
func (c *column) nextPage() error {
	for {
		if c.left <= 0 {
			return io.EOF
		}
		if c.at >= c.stop { // what follows is another column's
			return extract.Malformed("fewer values than told")
		}
		t := newThrift(c.r.at, c.at, c.r.end, c.r.header[:])
		var h header
		if err := t.header(&h); err != nil {
			return err
		}
		from := c.at + t.Offset()
		if h.size < 0 || h.stored < 0 || h.stored > c.r.end-from || h.values < 0 {
			return extract.Malformed("a page beyond the file")
		}
		c.at = from + h.stored
		if err := c.r.values.Charge(h.stored); err != nil {
			return err
		}
		switch {
		case h.typ == dictionaryPage && h.hasBody:
			if err := c.readDictionary(&h, from); err != nil {
				return err
			}
		case (h.typ == dataPage || h.typ == dataPageV2) && h.hasBody:
			h.values = min(h.values, c.left)
			c.left -= h.values
			if h.values == 0 {
				continue
			}
			return c.begin(&h, from)
		}
	}
}

func (c *column) load(h *header, from, stored, size int64) error {
	p := &c.page
	p.r, p.codec, p.from, p.stored, p.size = c.r, c.chunk.codec, from, stored, size
	if h.notCompressed {
		p.codec = uncompressed
	}
	c.r.held -= int64(cap(p.whole))
	err := p.load()
	c.r.held += int64(cap(p.whole))
	if p.large || c.r.held > maxHeld {
		c.r.columnwise = true
	}
	return err
}

// begin prepares the levels and values of a data page.
func (c *column) begin(h *header, from int64) error {
	c.pageLeft, c.encoding, c.started, c.peeked = h.values, h.encoding, false, false
	repWidth, defWidth := bits.Len(uint(c.maxRep)), bits.Len(uint(c.maxDef))
	if h.typ == dataPageV2 {
		levels := h.repLength + h.defLength
		if h.repLength < 0 || h.defLength < 0 || levels > h.stored || levels > h.size {
			return extract.Malformed("levels beyond the page")
		}
		level := func(at, n int64) records.Source {
			return records.NewSource(io.NewSectionReader(c.r.at, at, n), make([]byte, min(n, 4<<10)))
		}
		if c.maxRep > 0 {
			c.rep = newRLE(level(from, h.repLength), repWidth)
		}
		if c.maxDef > 0 {
			c.def = newRLE(level(from+h.repLength, h.defLength), defWidth)
		}
		c.behind = 0
		return c.load(h, from+levels, h.stored-levels, h.size-levels)
	}
	if c.maxRep > 0 && h.repEncoding != encRLE || c.maxDef > 0 && h.defEncoding != encRLE {
		return &extract.Problem{Reason: extract.UnsupportedFileType, Detail: "levels in the encoding of old"}
	}
	if err := c.load(h, from, h.stored, h.size); err != nil {
		return err
	}
	c.behind = 0
	var err error
	if c.maxRep > 0 {
		if c.rep, err = c.levels(repWidth); err != nil {
			return err
		}
	}
	if c.maxDef > 0 {
		c.def, err = c.levels(defWidth)
	}
	return err
}

// levels opens the levels at hand of a page of version 1 and goes behind them.
func (c *column) levels(width int) (rle, error) {
	s, err := c.page.open(c.behind)
	if err != nil {
		return rle{}, err
	}
	b, err := s.Need(4)
	if err != nil {
		return rle{}, err
	}
	c.behind += 4 + int64(binary.LittleEndian.Uint32(b))
	return newRLE(s, width), nil
}

// readDictionary reads the values of a dictionary as text.
func (c *column) readDictionary(h *header, from int64) error {
	if h.size > maxDictionary || h.values > maxDictionary/4 {
		return &extract.Problem{Reason: extract.FileExceedsSizeLimit, Detail: "a dictionary too large"}
	}
	// Its memory is given back: data pages have their own.
	p := page{r: c.r, codec: c.chunk.codec, from: from, stored: h.stored, size: h.size}
	if err := p.load(); err != nil {
		return err
	}
	s, err := p.open(0)
	if err != nil {
		return err
	}
	d := &c.dictionary
	c.r.held -= d.size()
	d.text, d.ends = d.text[:0], d.ends[:0]
	defer func() { c.r.held += d.size() }()
	for range h.values {
		if d.text, err = c.plain(&s, d.text, h.size); err != nil {
			return err
		}
		d.ends = append(d.ends, uint32(len(d.text)))
		if len(d.text) > maxDictionary {
			return &extract.Problem{Reason: extract.FileExceedsSizeLimit, Detail: "a dictionary too large"}
		}
	}
	return nil
}

// A dictionary holds its values as text, one behind the other.
type dictionary struct {
	text []byte
	ends []uint32
}

func (d *dictionary) size() int64 { return int64(cap(d.text) + 4*cap(d.ends)) }

func (d *dictionary) value(i uint32) ([]byte, error) {
	if int(i) >= len(d.ends) {
		return nil, extract.Malformed("an index beyond the dictionary")
	}
	from := uint32(0)
	if i > 0 {
		from = d.ends[i-1]
	}
	return d.text[from:d.ends[i]], nil
}
