package orc

import (
	"bytes"
	"encoding/binary"
	"io"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/records"
)

// Codecs.
const (
	uncompressed = iota
	zlibCodec
	snappyCodec
	lzo
	lz4Codec
	zstdCodec
	brotliCodec
)

const (
	// small is up to which size a chunk is decompressed into memory. Writers make chunks of 64 or 256 KiB; larger ones are read as streams.
	small = 1 << 20
	// maxWindow is how much memory a stream's decompressor may take.
	maxWindow = 8 << 20
)

// codecs are the decompressors of a file, used by all its streams in turn.
type codecs struct {
	kind    uint64
	chunk   int64 // how large a chunk may be when it is uncompressed
	packed  []byte
	deflate io.ReadCloser
	zstd    *zstd.Decoder
}

func (c *codecs) close() {
	if c.zstd != nil {
		c.zstd.Close()
	}
}

// chunks reads a stream of the file: chunks with three bytes before each that tell its length, and whether it is compressed at all.
type chunks struct {
	c        *codecs
	at       io.ReaderAt
	from, to int64
	buf      []byte // a decompressed chunk
	rest     []byte // what of it is unread
	raw      int64  // bytes left of a chunk that is not compressed
	open     io.Reader
}

func (k *chunks) Read(p []byte) (int, error) {
	for len(p) > 0 {
		switch {
		case len(k.rest) > 0:
			n := copy(p, k.rest)
			k.rest = k.rest[n:]
			return n, nil
		case k.raw > 0:
			n, err := k.read(p[:min(int64(len(p)), k.raw)])
			k.raw -= int64(n)
			return n, err
		case k.open != nil:
			n, err := k.open.Read(p)
			if n > 0 {
				return n, nil
			}
			if err == nil {
				continue
			}
			if err != io.EOF {
				return 0, err
			}
			k.open = nil
		case k.from >= k.to:
			return 0, io.EOF
		case k.c.kind == uncompressed:
			k.raw = k.to - k.from
		default:
			if err := k.next(); err != nil {
				return 0, err
			}
		}
	}
	return 0, nil
}

// read fills as much of a buffer as the stream has, and goes on.
func (k *chunks) read(p []byte) (int, error) {
	n, err := k.at.ReadAt(p, k.from)
	k.from += int64(n)
	if n > 0 {
		err = nil
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// next opens the next chunk.
func (k *chunks) next() error {
	if k.to-k.from < 3 {
		return io.ErrUnexpectedEOF
	}
	var h [3]byte
	if err := readFull(k.at, h[:], k.from); err != nil {
		return err
	}
	k.from += 3
	size := int64(h[0]) | int64(h[1])<<8 | int64(h[2])<<16
	original := size&1 == 1
	if size >>= 1; size > k.to-k.from {
		return extract.Malformed("a chunk longer than its stream")
	}
	if original {
		k.raw = size
		return nil
	}
	if size == 0 {
		return nil
	}
	if k.c.chunk > small {
		from := io.NewSectionReader(k.at, k.from, size)
		k.from += size
		return k.stream(from)
	}
	if size > small+small/4 {
		return errChunk
	}
	if int64(len(k.c.packed)) < size {
		k.c.packed = make([]byte, small+small/4)
	}
	packed := k.c.packed[:size]
	if err := readFull(k.at, packed, k.from); err != nil {
		return err
	}
	k.from += size
	return k.unpack(packed)
}

// unpack decompresses a chunk into memory.
func (k *chunks) unpack(packed []byte) (err error) {
	c := k.c
	switch c.kind {
	case snappyCodec:
		n, err := snappy.DecodedLen(packed)
		if err != nil || int64(n) > c.chunk {
			return errChunk
		}
		if cap(k.buf) < n {
			k.buf = make([]byte, n)
		}
		k.rest, err = snappy.Decode(k.buf[:n], packed)
		if err != nil {
			return errChunk
		}
		return nil
	case zstdCodec:
		if c.zstd == nil {
			c.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(small))
			if err != nil {
				return err
			}
		}
		if k.buf == nil {
			k.buf = make([]byte, 0, c.chunk)
		}
		// What says that it needs a larger window than its chunk is decompressed below.
		if b, err := c.zstd.DecodeAll(packed, k.buf[:0]); err == nil && int64(len(b)) <= c.chunk {
			k.buf, k.rest = b, b
			return nil
		}
	}
	if err := k.stream(bytes.NewReader(packed)); err != nil {
		return err
	}
	r := k.open
	k.open = nil
	if k.buf == nil {
		k.buf = make([]byte, 0, 4<<10)
	}
	k.buf = k.buf[:0]
	for {
		if len(k.buf) == cap(k.buf) {
			if int64(len(k.buf)) >= c.chunk {
				var one [1]byte
				if n, _ := r.Read(one[:]); n > 0 {
					return errChunk
				}
				break
			}
			grown := make([]byte, len(k.buf), min(4*int64(cap(k.buf)), c.chunk))
			copy(grown, k.buf)
			k.buf = grown
		}
		n, err := r.Read(k.buf[len(k.buf):cap(k.buf)])
		k.buf = k.buf[:len(k.buf)+n]
		if err == io.EOF {
			break
		}
		if err != nil {
			if k.rest = k.buf; len(k.rest) == 0 {
				return err
			}
			k.from = k.to // what comes before the break is right, and the end will be missed
			return nil
		}
	}
	k.rest = k.buf
	return nil
}

var errChunk = extract.Malformed("a chunk does not decompress")

// stream opens a chunk without holding it.
func (k *chunks) stream(r io.Reader) error {
	c := k.c
	switch c.kind {
	case zlibCodec:
		if c.deflate == nil {
			c.deflate = flate.NewReader(r)
		} else if err := c.deflate.(flate.Resetter).Reset(r, nil); err != nil {
			return err
		}
		k.open = c.deflate
		if c.chunk > small { // several streams are open at once
			k.open = flate.NewReader(r)
		}
	case snappyCodec:
		k.open = records.NewSnappy(r)
	case lz4Codec:
		k.open = records.NewLZ4(r)
	case zstdCodec:
		d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return err
		}
		k.open = d
	case brotliCodec:
		k.open = brotli.NewReader(r)
	default:
		return &extract.Problem{Reason: extract.UnsupportedFileType, Detail: "a codec that is not read"}
	}
	return nil
}

func readFull(at io.ReaderAt, p []byte, from int64) error {
	n, err := at.ReadAt(p, from)
	if n == len(p) {
		return nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// bytesRLE reads runs of bytes.
type bytesRLE struct {
	s       records.Source
	run     int
	literal int
	value   byte
}

func (r *bytesRLE) next() (byte, error) {
	for {
		if r.run > 0 {
			r.run--
			return r.value, nil
		}
		b, err := r.s.Byte()
		if r.literal > 0 || err != nil {
			r.literal--
			return b, err
		}
		if b >= 0x80 {
			r.literal = 256 - int(b)
			continue
		}
		r.run = int(b) + 3
		if r.value, err = r.s.Byte(); err != nil {
			return 0, err
		}
	}
}

// bits reads runs of booleans, eight in a byte, the highest first.
type bits struct {
	bytesRLE
	left int
	byte byte
}

func (b *bits) next() (bool, error) {
	if b.left == 0 {
		v, err := b.bytesRLE.next()
		if err != nil {
			return false, err
		}
		b.byte, b.left = v, 8
	}
	b.left--
	return b.byte>>b.left&1 == 1, nil
}

// integers reads runs of integers, of version 1 or 2. A run of version 2 is decoded at once.
type integers struct {
	s      records.Source
	two    bool
	signed bool
	run    []int64 // what is left of the run at hand
	buf    [512]int64
	// a run of version 1
	left        int64
	value, step int64
	literal     bool
}

func (r *integers) next() (int64, error) {
	if len(r.run) > 0 {
		v := r.run[0]
		r.run = r.run[1:]
		return v, nil
	}
	if !r.two {
		return r.old()
	}
	if err := r.decode(); err != nil {
		return 0, err
	}
	v := r.run[0]
	r.run = r.run[1:]
	return v, nil
}

// varint reads a number of variable length.
func (r *integers) varint() (int64, error) {
	if r.signed {
		return r.s.Varint()
	}
	v, err := r.s.Uvarint()
	return int64(v), err
}

// old reads the next number of version 1.
func (r *integers) old() (v int64, err error) {
	if r.left == 0 {
		b, err := r.s.Byte()
		if err != nil {
			return 0, err
		}
		if r.literal = b >= 0x80; r.literal {
			r.left = 256 - int64(b)
		} else {
			r.left = int64(b) + 3
			step, err := r.s.Byte()
			if err != nil {
				return 0, err
			}
			r.step = int64(int8(step))
			if r.value, err = r.varint(); err != nil {
				return 0, err
			}
		}
	}
	r.left--
	if r.literal {
		return r.varint()
	}
	v = r.value
	r.value += r.step
	return v, nil
}

// widths are the numbers of bits that five bits can name.
var widths = [32]uint8{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 26, 28, 30, 32, 40, 48, 56, 64}

// closest is the next larger of the widths.
func closest(n int) int {
	for _, w := range widths {
		if int(w) >= n {
			return int(w)
		}
	}
	return 64
}

func zigzag(v uint64) int64 { return int64(v>>1) ^ -int64(v&1) }

// decode reads a run of version 2.
func (r *integers) decode() error {
	first, err := r.s.Byte()
	if err != nil {
		return err
	}
	if first>>6 == 0 { // short repeat
		b, err := r.s.Need(int(first>>3&7) + 1)
		if err != nil {
			return err
		}
		v := bigEndian(b)
		if r.signed {
			v = uint64(zigzag(v))
		}
		r.run = r.buf[:int(first&7)+3]
		for i := range r.run {
			r.run[i] = int64(v)
		}
		return nil
	}
	second, err := r.s.Byte()
	if err != nil {
		return err
	}
	width := int(widths[first>>1&31])
	run := r.buf[:int(first&1)<<8+int(second)+1]
	switch first >> 6 {
	case 1:
		if err := r.unpack(run, width); err != nil {
			return err
		}
		if r.signed {
			for i, v := range run {
				run[i] = zigzag(uint64(v))
			}
		}
	case 2:
		if err := r.patched(run, width); err != nil {
			return err
		}
	case 3:
		if first>>1&31 == 0 {
			width = 0
		}
		if err := r.delta(run, width); err != nil {
			return err
		}
	}
	r.run = run
	return nil
}

// patched reads numbers over a base, to some of which higher bits are added.
func (r *integers) patched(run []int64, width int) error {
	h, err := r.s.Need(2)
	if err != nil {
		return err
	}
	baseBytes, patchWidth := int(h[0]>>5)+1, int(widths[h[0]&31])
	gapWidth, patches := int(h[1]>>5)+1, int(h[1]&31)
	b, err := r.s.Need(baseBytes)
	if err != nil {
		return err
	}
	sign := uint64(1) << (8*baseBytes - 1)
	base := bigEndian(b)
	negative := base&sign != 0
	base &^= sign
	if negative {
		base = -base
	}
	if err := r.unpack(run, width); err != nil {
		return err
	}
	var list [31]int64
	if patchWidth+gapWidth > 64 {
		return extract.Malformed("a patch of more than 64 bits")
	}
	if err := r.unpack(list[:patches], closest(patchWidth+gapWidth)); err != nil {
		return err
	}
	at := 0
	for _, p := range list[:patches] {
		at += int(uint64(p) >> patchWidth)
		patch := uint64(p) & (1<<patchWidth - 1)
		if at >= len(run) {
			return extract.Malformed("a patch behind its run")
		}
		run[at] |= int64(patch << width)
	}
	for i := range run {
		run[i] += int64(base)
	}
	return nil
}

// delta reads numbers that grow or shrink.
func (r *integers) delta(run []int64, width int) error {
	base, err := r.varint()
	if err != nil {
		return err
	}
	step, err := r.s.Varint()
	if err != nil {
		return err
	}
	run[0] = base
	if width == 0 {
		for i := 1; i < len(run); i++ {
			run[i] = run[i-1] + step
		}
		return nil
	}
	if len(run) == 1 {
		return nil
	}
	run[1] = base + step
	if err := r.unpack(run[2:], width); err != nil {
		return err
	}
	for i := 2; i < len(run); i++ {
		if step < 0 {
			run[i] = run[i-1] - run[i]
		} else {
			run[i] = run[i-1] + run[i]
		}
	}
	return nil
}

// unpack reads numbers of so many bits each, the highest first; the last byte is filled up.
func (r *integers) unpack(to []int64, width int) error {
	b, err := r.s.Need((len(to)*width + 7) / 8)
	if err != nil {
		return err
	}
	if width%8 == 0 {
		w := width / 8
		for i := range to {
			to[i] = int64(bigEndian(b[i*w : i*w+w]))
		}
		return nil
	}
	var have uint64 // widths of more than 32 bits are whole bytes
	n := 0
	mask := uint64(1)<<width - 1
	for i := range to {
		for n < width {
			have = have<<8 | uint64(b[0])
			b = b[1:]
			n += 8
		}
		n -= width
		to[i] = int64(have >> n & mask)
	}
	return nil
}

func bigEndian(b []byte) (v uint64) {
	if len(b) == 8 {
		return binary.BigEndian.Uint64(b)
	}
	for _, c := range b {
		v = v<<8 | uint64(c)
	}
	return v
}
