package compressed

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"github.com/magpie-sec/magpie/internal/extract"
)

// Compress is what compress of Unix writes ("file.Z"): LZW with codes of 9 to 16 bits.
var Compress = format("compress", "application/x-compress", extract.About{
	Title:   "compress (.Z)",
	Reads:   "The one document that is packed, whatever it is.",
	Leaves:  "Nothing.",
	Sniffed: "The signature.",
	Places:  "Those of the document within, with its name.",
}, map[string]string{"z": "", "taz": ".tar"}, "\x1f",
	func(b []byte) bool {
		return len(b) > 3 && bytes.HasPrefix(b, []byte("\x1f\x9d")) && b[2]&0x60 == 0 && b[2]&0x1f >= 9 && b[2]&0x1f <= 16
	}, openCompress)

var errLZW = errors.New("the LZW stream is broken")

const (
	lzwCodes = 1 << 16
	lzwClear = 256
)

// An lzwStream decodes as compress does: codes stand in groups of eight, and what is left of a group when the width changes or the table is
// cleared is padding.
type lzwStream struct {
	br      *bufio.Reader
	max     uint // bits of a code at most
	clears  bool // code 256 clears the table
	width   uint
	group   [16]byte // eight codes of that width
	bits    uint     // in the group
	at      uint     // bit
	next    int      // the code that is made next
	last    int      // the code before, -1 for none
	first   byte     // its first byte
	prefix  [lzwCodes]uint16
	suffix  [lzwCodes]byte
	out     [lzwCodes]byte // of the last code, from its end
	pending []byte
}

func openCompress(in *extract.Input, br *bufio.Reader) (io.Reader, func(), error) {
	var h [3]byte
	if _, err := io.ReadFull(br, h[:]); err != nil {
		return nil, nil, err
	}
	z := &lzwStream{br: br, max: uint(h[2] & 0x1f), clears: h[2]&0x80 != 0, width: 9, last: -1}
	z.reset()
	return z, nil, nil
}

func (z *lzwStream) reset() {
	z.next = 256
	if z.clears {
		z.next = 257
	}
}

func (z *lzwStream) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if len(z.pending) == 0 {
			if err := z.step(); err != nil {
				return n, err
			}
		}
		k := copy(p[n:], z.pending)
		z.pending = z.pending[k:]
		n += k
	}
	return n, nil
}

// code reads the next code; the file ends between two codes.
func (z *lzwStream) code() (int, error) {
	if z.at+z.width > z.bits {
		k, err := io.ReadFull(z.br, z.group[:z.width])
		if err != nil && err != io.ErrUnexpectedEOF {
			return 0, err
		}
		z.bits, z.at = uint(k)*8, 0
		if z.bits < z.width {
			return 0, io.EOF
		}
	}
	v := 0
	for i := range z.width {
		v |= int(z.group[(z.at+i)/8]>>((z.at+i)%8)&1) << i
	}
	z.at += z.width
	return v, nil
}

func (z *lzwStream) step() error {
	if z.next >= 1<<z.width && z.width < z.max {
		z.width++
		z.bits = 0
	}
	c, err := z.code()
	if err != nil {
		return err
	}
	if c == lzwClear && z.clears {
		z.reset()
		z.next-- // the first code after it makes none
		z.width, z.bits, z.last = 9, 0, -1
		return nil
	}
	at := len(z.out)
	put := func(b byte) {
		at--
		z.out[at] = b
	}
	if z.last < 0 {
		if c > 255 {
			return errLZW
		}
		z.last, z.first = c, byte(c)
		put(byte(c))
		z.pending = z.out[at:]
		if z.next == lzwClear && z.clears {
			z.next++
		}
		return nil
	}
	s := c
	if c >= z.next {
		if c > z.next {
			return errLZW
		}
		put(z.first)
		s = z.last
	}
	for s > 255 {
		if at == 1 {
			return errLZW
		}
		put(z.suffix[s])
		s = int(z.prefix[s])
	}
	put(byte(s))
	z.first = byte(s)
	if z.next < 1<<z.max {
		z.prefix[z.next], z.suffix[z.next] = uint16(z.last), z.first
		z.next++
	}
	z.last = c
	z.pending = z.out[at:]
	return nil
}
