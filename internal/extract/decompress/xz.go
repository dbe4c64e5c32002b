package decompress

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"io"

	"github.com/ulikunitz/xz/lzma"

	"github.com/magpie-sec/magpie/internal/extract"
)

// XZMagic begins every xz stream.
const XZMagic = "\xfd7zXZ\x00"

var (
	errXZ     = errors.New("the xz stream is broken")
	errFilter = Unsupported("a filter that we do not have")
)

// An xzStream reads the container of xz (The .xz File Format, 1.2.1) and leaves LZMA2 to the library, whose own container keeps a record of
// every block in memory and makes a dictionary as large as a block demands. Ours has 32 MiB at most, less in archives that stand in others: a block
// that asks for more is read as far as it reaches back no further. The index is read over: it repeats what the blocks told.
type xzStream struct {
	in    *extract.Input
	br    *bufio.Reader
	n     int64 // bytes of br that were read of this stream
	check byte
	sum   hash.Hash
	block io.Reader
	dict  int64 // what was reserved
	begun bool  // a stream was begun and not ended
	// made counts the bytes of dictionaries, earned the text that came of them: a file of tiny blocks gets small dictionaries.
	made, earned int64
}

const (
	freeDicts = 1 << 30
	maxDict   = 32 << 20 // what Reserve grants at most
)

// XZ decompresses xz streams, with the filters Delta and BCJ of x86.
func XZ(in *extract.Input, br *bufio.Reader) *Reader {
	x := &xzStream{in: in, br: br}
	return &Reader{Reader: x, stop: func() { in.Release(x.dict) }}
}

// ReadByte and source count what the library reads.
func (x *xzStream) ReadByte() (byte, error) {
	b, err := x.br.ReadByte()
	if err == nil {
		x.n++
	}
	return b, err
}

type xzSource struct{ *xzStream }

func (s xzSource) Read(p []byte) (int, error) {
	n, err := s.br.Read(p)
	s.n += int64(n)
	return n, err
}

// full reads all of p; the end of the file is too early here.
func (x *xzStream) full(p []byte) error {
	n, err := io.ReadFull(x.br, p)
	x.n += int64(n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

func (x *xzStream) Read(p []byte) (int, error) {
	if x.block == nil {
		if err := x.next(); err != nil {
			return 0, err
		}
		return 0, nil
	}
	n, err := x.block.Read(p)
	x.earned += int64(n)
	if x.sum != nil {
		x.sum.Write(p[:n])
	}
	if err == io.EOF {
		err = x.endBlock()
	}
	return n, err
}

// next moves on to the next block, over the ends and beginnings of streams.
func (x *xzStream) next() error {
	if !x.begun {
		return x.header()
	}
	size, err := x.ReadByte()
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return err
	}
	if size == 0 {
		return x.index()
	}
	h := make([]byte, 4*(int(size)+1))
	h[0] = size
	if err := x.full(h[1:]); err != nil {
		return err
	}
	b, err := blockHeader(h)
	if err != nil {
		return err
	}
	x.sum = newSum(x.check)
	dict := max(b.dict, lzma.MinDictCap)
	if x.made+min(dict, maxDict) > freeDicts+4*x.earned {
		dict = min(dict, SmallDict)
	}
	if dict > x.dict {
		more, err := x.in.Reserve(dict-x.dict, max(0, min(dict, SmallDict)-x.dict))
		if err != nil {
			return err
		}
		x.dict += more
		dict = x.dict
	}
	x.made += dict
	x.block, err = lzma.Reader2Config{DictCap: int(dict)}.NewReader2(xzSource{x})
	for _, undo := range b.filters {
		x.block = undo(x.block)
	}
	return err
}

// header reads the beginning of a stream. Zeros may stand before it, by fours, unless it is the first.
func (x *xzStream) header() error {
	for x.n > 0 {
		b, err := x.br.Peek(4)
		if len(b) == 0 {
			return err
		}
		if !bytes.Equal(b, []byte{0, 0, 0, 0}) {
			break
		}
		if _, err := x.br.Discard(4); err != nil {
			return err
		}
	}
	if b, err := x.br.Peek(6); string(b) != XZMagic {
		if err != nil && err != io.EOF {
			return err
		}
		return ErrGarbage
	}
	var h [12]byte
	if err := x.full(h[:]); err != nil {
		return err
	}
	if h[6] != 0 || h[7] > 15 || crc32.ChecksumIEEE(h[6:8]) != binary.LittleEndian.Uint32(h[8:]) {
		return errXZ
	}
	x.n, x.check, x.begun = 12, h[7], true
	return nil
}

// A block is what a block's header says: the size of the dictionary in bytes, and how to undo the filters, from the last to the first.
type block struct {
	dict    int64
	filters []func(io.Reader) io.Reader
}

func blockHeader(h []byte) (block, error) {
	body := h[:len(h)-4]
	if crc32.ChecksumIEEE(body) != binary.LittleEndian.Uint32(h[len(body):]) {
		return block{}, errXZ
	}
	flags, b := body[1], bytes.NewReader(body[2:])
	for _, present := range []byte{0x40, 0x80} { // sizes, packed and not
		if flags&present != 0 {
			if _, err := binary.ReadUvarint(b); err != nil {
				return block{}, errXZ
			}
		}
	}
	const delta, x86, lzma2 = 0x03, 0x04, 0x21
	var blk block
	for n := int(flags & 3); ; n-- {
		id, err := binary.ReadUvarint(b)
		if err != nil {
			return block{}, errXZ
		}
		size, err := b.ReadByte()
		if err != nil || int(size) > b.Len() {
			return block{}, errXZ
		}
		properties := make([]byte, size)
		b.Read(properties)
		switch {
		case n == 0 && id == lzma2 && size == 1:
			blk.dict, err = lzma.DecodeDictCap(properties[0])
			if err != nil {
				return block{}, errXZ
			}
			return blk, nil
		case n > 0 && id == delta && size == 1:
			blk.filters = append([]func(io.Reader) io.Reader{func(r io.Reader) io.Reader { return Delta(r, int(properties[0])+1) }}, blk.filters...)
		case n > 0 && id == x86 && size == 0:
			blk.filters = append([]func(io.Reader) io.Reader{X86}, blk.filters...)
		default:
			return block{}, errFilter
		}
	}
}

// endBlock reads padding and checksum.
func (x *xzStream) endBlock() error {
	x.block = nil
	pad := make([]byte, -x.n&3)
	if err := x.full(pad); err != nil {
		return err
	}
	check := make([]byte, sumSize(x.check))
	if err := x.full(check); err != nil {
		return err
	}
	if x.sum == nil {
		return nil
	}
	got := x.sum.Sum(nil)
	if x.check == 0x01 || x.check == 0x04 { // CRCs are little-endian
		for i, j := 0, len(got)-1; i < j; i, j = i+1, j-1 {
			got[i], got[j] = got[j], got[i]
		}
	}
	if !bytes.Equal(got, check) {
		return errXZ
	}
	return nil
}

func sumSize(check byte) int {
	return []int{0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64}[check]
}

// newSum returns nil for checks that the format reserves.
func newSum(check byte) hash.Hash {
	switch check {
	case 0x01:
		return crc32.NewIEEE()
	case 0x04:
		return crc64.New(crc64.MakeTable(crc64.ECMA))
	case 0x0a:
		return sha256.New()
	}
	return nil
}

// index reads over the index and the footer.
func (x *xzStream) index() error {
	records, err := binary.ReadUvarint(x)
	for i := uint64(0); i < 2*records && err == nil; i++ {
		_, err = binary.ReadUvarint(x)
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return err
	}
	var end [3 + 4 + 12]byte // padding, checksum, footer
	tail := end[3-(-x.n&3):]
	if err := x.full(tail); err != nil {
		return err
	}
	if string(tail[len(tail)-2:]) != "YZ" {
		return errXZ
	}
	x.begun = false
	return nil
}
