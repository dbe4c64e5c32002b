package compressed

import (
	"bufio"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/decompress"
)

// LZMA is LZMA by itself ("LZMA alone"), which has no signature: what the first thirteen bytes say must be what encoders write.
var LZMA = format("lzma", "application/x-lzma", extract.About{
	Title:   "LZMA alone",
	Reads:   "The one document that is packed, whatever it is.",
	Leaves:  "Dictionaries over 32 MiB.",
	Sniffed: "The fields of the header, with the usual literal and position bits.",
	Places:  "Those of the document within, with its name.",
}, map[string]string{"lzma": "", "tlz": ".tar"}, "\x5d", isLZMA, openLZMA)

// Lzip is lzip, version 1.
var Lzip = format("lzip", "application/lzip", extract.About{
	Title:   "lzip",
	Reads:   "The one document that is packed, whatever it is; several members in a row are one.",
	Leaves:  "Dictionaries over 32 MiB; version 0.",
	Sniffed: "The signature.",
	Places:  "Those of the document within, with its name.",
}, map[string]string{"lz": "", "tlz": ".tar"}, lzipMagic[:1],
	func(b []byte) bool { return len(b) > 6 && string(b[:5]) == lzipMagic && lzipDict(b[5]) > 0 }, openLzip)

const (
	lzmaHeader = 13
	lzipMagic  = "LZIP\x01"
)

// isLZMA wants the usual literal and position bits (lc=3 lp=0 pb=2), a dictionary of 2^n or 3*2^n bytes, a size below 2^40 or none, and the zero
// that every range coder begins with.
func isLZMA(b []byte) bool {
	if len(b) < lzmaHeader+5 || b[0] != 0x5d || b[lzmaHeader] != 0 {
		return false
	}
	dict, size := binary.LittleEndian.Uint32(b[1:]), binary.LittleEndian.Uint64(b[5:])
	for dict > 3 && dict&1 == 0 {
		dict >>= 1
	}
	return (dict == 2 || dict == 3 || dict == 1<<32-1) && (size == 1<<64-1 || size < 1<<40)
}

// An lzmaStream looks behind the end.
type lzmaStream struct {
	r  io.Reader
	br *bufio.Reader
}

func openLZMA(in *extract.Input, br *bufio.Reader) (io.Reader, func(), error) {
	var h [lzmaHeader]byte
	if _, err := io.ReadFull(br, h[:]); err != nil {
		return nil, nil, err
	}
	r, err := decompress.LZMA(in, br, h[:5], int64(binary.LittleEndian.Uint64(h[5:])))
	if err != nil {
		return nil, nil, err
	}
	return &lzmaStream{r, br}, nil, nil
}

func (l *lzmaStream) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if err == io.EOF {
		if _, e := l.br.Peek(1); e == nil {
			err = decompress.ErrGarbage
		} else {
			err = e
		}
	}
	return n, err
}

var errLzip = errors.New("the lzip member is broken")

// An lzipStream reads one member after the other.
type lzipStream struct {
	in   *extract.Input
	br   *bufio.Reader
	r    *decompress.Reader
	crc  uint32
	size uint64
}

func openLzip(in *extract.Input, br *bufio.Reader) (io.Reader, func(), error) {
	return &lzipStream{in: in, br: br}, nil, nil
}

// lzipDict is the size of the dictionary: 2^n less some sixteenths of it; 0 if the code is wrong.
func lzipDict(code byte) uint32 {
	n := code & 0x1f
	if n < 12 || n > 29 {
		return 0
	}
	return 1<<n - uint32(code>>5)<<(n-4)
}

func (l *lzipStream) Read(p []byte) (int, error) {
	if l.r == nil {
		b, err := l.br.Peek(6)
		switch {
		case len(b) == 0:
			return 0, err
		case len(b) < 6 || string(b[:5]) != lzipMagic || lzipDict(b[5]) == 0:
			if err == nil || err == io.EOF {
				err = decompress.ErrGarbage
			}
			return 0, err
		}
		properties := binary.LittleEndian.AppendUint32([]byte{0x5d}, lzipDict(b[5]))
		l.br.Discard(6)
		if l.r, err = decompress.LZMA(l.in, l.br, properties, -1); err != nil {
			return 0, err
		}
		l.crc, l.size = 0, 0
	}
	n, err := l.r.Read(p)
	l.crc = crc32.Update(l.crc, crc32.IEEETable, p[:n])
	l.size += uint64(n)
	if err != io.EOF {
		return n, err
	}
	l.r.Close()
	l.r = nil
	var trailer [20]byte // checksum, size of the data, size of the member
	if _, err := io.ReadFull(l.br, trailer[:]); err != nil {
		return n, noEOF(err)
	}
	if binary.LittleEndian.Uint32(trailer[:]) != l.crc || binary.LittleEndian.Uint64(trailer[4:]) != l.size {
		return n, errLzip
	}
	return n, nil
}

func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
