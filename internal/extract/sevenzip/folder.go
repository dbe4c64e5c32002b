package sevenzip

import (
	"bufio"
	"encoding/binary"
	"io"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/decompress"
)

// A folder is a stretch of packed data with the coders that unpack it to one stream, which may hold many files.
type folder struct {
	coders   []coder
	pairs    [][2]int64 // an input takes what an output gives
	packed   []int64    // inputs that take packed streams
	ins      int64
	outs     int64
	last     int // the coder whose output is the folder's
	size     int64
	packAt   int64
	packSize int64
}

type coder struct {
	id         uint64
	properties []byte
	ins, outs  int64
	size       int64
}

// 7z itself has no more coders than four in a folder, nor longer properties than a few bytes.
const (
	maxCoders     = 8
	maxStreams    = 16
	maxProperties = 256
)

const (
	copyID, deltaID, x86ID, lzma2ID         = 0x00, 0x03, 0x04, 0x21
	lzmaID, bcjID, ppmdID                   = 0x030101, 0x03030103, 0x030401
	deflateID, deflate64ID, bzip2ID, zstdID = 0x040108, 0x040109, 0x040202, 0x04f71101
	aesID                                   = 0x06f10701
)

func readFolder(c *cursor) (*folder, error) {
	n, err := c.number()
	if err != nil {
		return nil, err
	}
	if n == 0 || n > maxCoders {
		return nil, extract.Malformed("a folder of %d coders", n)
	}
	f := &folder{coders: make([]coder, n)}
	for i := range f.coders {
		if err := f.coders[i].read(c); err != nil {
			return nil, err
		}
		f.ins += f.coders[i].ins
		f.outs += f.coders[i].outs
	}
	if f.outs == 0 || f.ins < f.outs-1 {
		return nil, extract.Malformed("the coders of a folder do not fit together")
	}
	bound := make([]bool, f.outs)
	taken := make([]bool, f.ins)
	for range f.outs - 1 {
		in, err := c.number()
		if err != nil {
			return nil, err
		}
		out, err := c.number()
		if err != nil {
			return nil, err
		}
		if in >= f.ins || out >= f.outs || bound[out] || taken[in] {
			return nil, extract.Malformed("the coders of a folder do not fit together")
		}
		bound[out], taken[in] = true, true
		f.pairs = append(f.pairs, [2]int64{in, out})
	}
	f.packed = make([]int64, f.ins-(f.outs-1))
	if len(f.packed) == 1 {
		for i := range taken {
			if !taken[i] {
				f.packed[0] = int64(i)
			}
		}
	} else {
		for i := range f.packed {
			if f.packed[i], err = c.number(); err != nil {
				return nil, err
			}
		}
	}
	out := 0
	for out < len(bound) && bound[out] {
		out++
	}
	f.last = f.coderOf(int64(out))
	return f, nil
}

// coderOf says which coder has that output.
func (f *folder) coderOf(out int64) int {
	for i := range f.coders {
		if out -= f.coders[i].outs; out < 0 {
			return i
		}
	}
	return 0
}

func (d *coder) read(c *cursor) error {
	flags, err := c.byte()
	if err != nil {
		return err
	}
	var id [16]byte
	n := int(flags & 0xf)
	if err := c.full(id[16-n:]); err != nil {
		return err
	}
	if n > 8 || flags&0xc0 != 0 {
		return extract.Malformed("a coder with flags %#x", flags)
	}
	d.id = binary.BigEndian.Uint64(id[8:])
	d.ins, d.outs = 1, 1
	if flags&0x10 != 0 {
		if d.ins, err = c.number(); err != nil {
			return err
		}
		if d.outs, err = c.number(); err != nil {
			return err
		}
		if d.ins > maxStreams || d.outs > maxStreams {
			return extract.Malformed("a coder of %d inputs and %d outputs", d.ins, d.outs)
		}
	}
	if flags&0x20 != 0 {
		size, err := c.number()
		if err != nil {
			return err
		}
		if size > maxProperties {
			return extract.Malformed("a coder with %d bytes of properties", size)
		}
		d.properties = make([]byte, size)
		return c.full(d.properties)
	}
	return nil
}

// openFolder begins a folder, from its first byte on.
func (a *archive) openFolder(f *folder) error {
	a.closeFolder()
	if f.packAt < 0 || f.packSize < 0 || f.packAt > a.size-32 || f.packSize > a.size-32-f.packAt {
		return extract.Malformed("a folder does not fit into the file")
	}
	for i := range f.coders {
		if f.coders[i].id == aesID {
			return decompress.Unsupported("a folder is encrypted")
		}
		if f.coders[i].ins != 1 || f.coders[i].outs != 1 {
			return decompress.Unsupported("coder %x has several streams", f.coders[i].id)
		}
	}
	// With one input and one output each, the coders form a chain that begins where the packed stream goes in.
	var r io.Reader = io.NewSectionReader(a.r, 32+f.packAt, f.packSize)
	at := f.packed[0]
	for range f.coders {
		d, err := a.coder(&f.coders[at], bufio.NewReaderSize(r, 16<<10))
		if err != nil {
			a.closeFolder()
			return err
		}
		a.coders = append(a.coders, d)
		r = d
		if int(at) == f.last {
			a.unpacked = r
			return nil
		}
		next := int64(-1)
		for _, p := range f.pairs {
			if p[1] == at {
				next = p[0]
			}
		}
		if at = next; at < 0 {
			break
		}
	}
	a.closeFolder()
	return extract.Malformed("the coders of a folder do not fit together")
}

func (a *archive) closeFolder() {
	for _, d := range a.coders {
		d.Close()
	}
	a.coders, a.unpacked = a.coders[:0], nil
}

func (a *archive) coder(c *coder, br *bufio.Reader) (*decompress.Reader, error) {
	switch c.id {
	case copyID:
		return &decompress.Reader{Reader: br}, nil
	case lzmaID:
		return decompress.LZMA(a.in, br, c.properties, c.size)
	case lzma2ID:
		if len(c.properties) != 1 {
			return nil, extract.Malformed("properties of LZMA2")
		}
		return decompress.LZMA2(a.in, br, c.properties[0], c.size)
	case ppmdID:
		return decompress.PPMd(a.in, br, c.properties, c.size)
	case bzip2ID:
		return decompress.Bzip2(a.in, br)
	case deflateID:
		return decompress.Deflate(br), nil
	case deflate64ID:
		return decompress.Deflate64(br), nil
	case zstdID:
		return decompress.Zstd(a.in, br)
	case deltaID:
		if len(c.properties) != 1 {
			return nil, extract.Malformed("properties of the delta filter")
		}
		return &decompress.Reader{Reader: decompress.Delta(br, int(c.properties[0])+1)}, nil
	case bcjID, x86ID:
		return &decompress.Reader{Reader: decompress.X86(br)}, nil
	}
	return nil, decompress.Unsupported("coder %x", c.id)
}
