// Package decompress opens the decompressors that archives share, each with the memory it may take.
package decompress

import (
	"bufio"
	"compress/bzip2"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zstd"
	"github.com/stangelandcl/ppmd"
	"github.com/ulikunitz/xz/lzma"

	"github.com/magpie-sec/magpie/internal/extract"
)

// A Reader decompresses. Close gives its memory back.
type Reader struct {
	io.Reader
	in     *extract.Input
	memory int64
	stop   func()
}

// Close ends the decompressor.
func (r *Reader) Close() {
	if r.stop != nil {
		r.stop()
		r.stop = nil
	}
	if r.in != nil {
		r.in.Release(r.memory)
		r.memory = 0
	}
}

// ErrGarbage says that bytes follow the last stream which begin no other.
var ErrGarbage = errors.New("bytes that are no compressed stream follow")

// SmallDict is the least dictionary of LZMA in bytes that is worth a try: streams seldom reach as far back as their headers allow.
const SmallDict = 1 << 20

// Dict reserves a dictionary for LZMA: what the stream asks for, no more than it unpacks to (-1 if that is not known), and what there is.
// With less than was asked for, a stream is read until it reaches back further.
func Dict(in *extract.Input, want, size int64) (int64, error) {
	if size >= 0 {
		want = min(want, size)
	}
	want = max(want, lzma.MinDictCap)
	return in.Reserve(want, min(want, SmallDict))
}

// Unsupported is the Problem of a stream that is well-formed and needs what we do not have.
func Unsupported(format string, args ...any) error {
	return &extract.Problem{Reason: extract.UnsupportedFileType, Detail: fmt.Sprintf(format, args...)}
}

// LZMA decompresses a stream without header. Of the five bytes of properties, the first holds the literal and position bits and the others
// the size of the dictionary. The size is that of what comes out in bytes, -1 if an end mark tells it.
func LZMA(in *extract.Input, br *bufio.Reader, properties []byte, size int64) (*Reader, error) {
	if len(properties) < 5 {
		return nil, extract.Malformed("properties of LZMA")
	}
	dict, err := Dict(in, int64(binary.LittleEndian.Uint32(properties[1:])), size)
	if err != nil {
		return nil, err
	}
	var header [lzma.HeaderLen]byte
	header[0] = properties[0]
	binary.LittleEndian.PutUint32(header[1:], uint32(dict))
	binary.LittleEndian.PutUint64(header[5:], uint64(size))
	r := &Reader{in: in, memory: dict}
	r.Reader, err = lzma.NewReader(&prefixed{head: header[:], Reader: br})
	if err != nil {
		r.Close()
		return nil, cut(err)
	}
	return r, nil
}

// prefixed yields a head and then what stands in the buffer, byte by byte as well: the library would buffer anew.
type prefixed struct {
	head []byte
	*bufio.Reader
}

func (p *prefixed) Read(b []byte) (int, error) {
	if len(p.head) > 0 {
		n := copy(b, p.head)
		p.head = p.head[n:]
		return n, nil
	}
	return p.Reader.Read(b)
}

// LZMA2 decompresses chunks of LZMA2. The code of the dictionary's size is that of xz and 7z.
func LZMA2(in *extract.Input, br *bufio.Reader, code byte, size int64) (*Reader, error) {
	want, err := lzma.DecodeDictCap(code)
	if err != nil {
		return nil, err
	}
	dict, err := Dict(in, want, size)
	if err != nil {
		return nil, err
	}
	r := &Reader{in: in, memory: dict}
	r.Reader, err = lzma.Reader2Config{DictCap: int(dict)}.NewReader2(br)
	if err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// PPMd decompresses PPMd of variant H as 7z has it: the properties are the order and the size of the model, which cannot be had smaller.
func PPMd(in *extract.Input, br *bufio.Reader, properties []byte, size int64) (*Reader, error) {
	if len(properties) < 5 {
		return nil, extract.Malformed("properties of PPMd")
	}
	model := int64(binary.LittleEndian.Uint32(properties[1:]))
	if model > maxModel {
		return nil, Unsupported("a model of PPMd of %d bytes", model)
	}
	granted, err := in.Reserve(model, model)
	if err != nil {
		return nil, err
	}
	r := &Reader{in: in, memory: granted}
	p := &ppmdReader{src: br}
	p.r, err = ppmd.NewH7zReader(p, int(properties[0]), int(model), int(size))
	if err != nil {
		r.Close()
		return nil, err
	}
	r.Reader = p.out()
	return r, nil
}

// maxModel is how large a model of PPMd may be in bytes: 7z makes ones of 16 MiB, and of 192 MiB at its highest level.
const maxModel = 40 << 20

// A ppmdReader stands on both sides of the library, which panics over models that went wrong, and reads on behind the end of its input.
type ppmdReader struct {
	src *bufio.Reader
	err error
	r   ppmd.Reader
}

func (p *ppmdReader) Read(b []byte) (int, error) {
	n, err := p.src.Read(b)
	if err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		p.err = err
	}
	return n, err
}

type ppmdOut struct{ *ppmdReader }

func (p *ppmdReader) out() io.Reader { return ppmdOut{p} }

func (p ppmdOut) Read(b []byte) (n int, err error) {
	if p.err != nil {
		return 0, p.err
	}
	defer func() {
		if recover() != nil {
			p.err = errors.New("PPMd: the stream is broken")
			n, err = 0, p.err
		}
	}()
	n, err = p.r.Read(b)
	if p.err != nil {
		err = p.err
	}
	return n, err
}

// Bzip2 decompresses bzip2.
func Bzip2(in *extract.Input, br *bufio.Reader) (*Reader, error) {
	const blocks = 4 << 20
	n, err := in.Reserve(blocks, blocks)
	if err != nil {
		return nil, err
	}
	return &Reader{Reader: bzip2.NewReader(br), in: in, memory: n}, nil
}

// Deflate decompresses deflate without header.
func Deflate(br *bufio.Reader) *Reader { return &Reader{Reader: flate.NewReader(br)} }

// maxWindow is how far back a frame of zstd may reach in bytes: what levels up to 20 do.
const maxWindow = 32 << 20

// Zstd decompresses frames of zstd. Windows of up to 8 MiB are read (those of levels up to 19), larger ones if the first frame has one, where there
// is memory for it.
func Zstd(in *extract.Input, br *bufio.Reader) (*Reader, error) {
	want := int64(8 << 20)
	least := int64(128 << 10)
	if w := firstWindow(br); w > least {
		want, least = max(want, min(w, maxWindow)), min(w, maxWindow)
	}
	window, err := in.Reserve(want, least)
	if err != nil {
		return nil, err
	}
	// The reader is hidden behind its method: in memory or not, it is read as a stream.
	d, err := zstd.NewReader(struct{ io.Reader }{br}, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(uint64(window)), zstd.WithDecoderMaxWindow(uint64(window)))
	if err != nil {
		in.Release(window)
		return nil, err
	}
	return &Reader{Reader: d, in: in, memory: window, stop: d.Close}, nil
}

// firstWindow is the window of the first frame that has data, 0 if it is not in sight.
func firstWindow(br *bufio.Reader) int64 {
	b, _ := br.Peek(br.Size())
	for {
		var h zstd.Header
		if h.Decode(b) != nil {
			return 0
		}
		if !h.Skippable && h.SingleSegment {
			return int64(min(h.FrameContentSize, 1<<62))
		}
		if !h.Skippable {
			return int64(min(h.WindowSize, 1<<62))
		}
		n := 8 + int64(h.SkippableSize)
		if n > int64(len(b)) {
			return 0
		}
		b = b[n:]
	}
}
