package pdf

import (
	"bufio"
	"errors"
	"io"

	"github.com/klauspost/compress/flate"
)

// The filters of ISO 32000-2, 7.4, as readers of bounded memory. Where the data breaks, a filter ends: what came before it counts.

var errFilter = errors.New("a filter that does not yield text")

const maxFilters = 8

// filtered puts the filters that a stream's dictionary names before the reader.
func (f *file) filtered(d dict, r io.Reader) (io.Reader, error) {
	filters := f.list(first(d, "Filter", "F"))
	params := f.list(first(d, "DecodeParms", "DP"))
	if len(filters) > maxFilters {
		return nil, errFilter
	}
	for i, o := range filters {
		n, _ := f.resolve(o).(name)
		var p dict
		if i < len(params) {
			p, _ = f.resolve(params[i]).(dict)
		}
		switch n {
		case "FlateDecode", "Fl":
			r = f.predicted(p, newInflate(r))
		case "LZWDecode", "LZW":
			early := f.int(p["EarlyChange"], 1)
			r = f.predicted(p, &lzw{r: bufio.NewReader(r), early: early})
		case "ASCII85Decode", "A85":
			r = &ascii85{r: bufio.NewReader(r)}
		case "ASCIIHexDecode", "AHx":
			r = &asciiHex{r: bufio.NewReader(r)}
		case "RunLengthDecode", "RL":
			r = &runLength{r: bufio.NewReader(r)}
		case "Crypt":
		default:
			return nil, errFilter
		}
	}
	return r, nil
}

func first(d dict, names ...name) any {
	for _, n := range names {
		if o := d[n]; o != nil {
			return o
		}
	}
	return nil
}

// inflate reads zlib data without minding its checksum, and raw deflate if there is no header.
type inflate struct {
	src *bufio.Reader
	z   io.ReadCloser
}

func newInflate(r io.Reader) io.Reader { return &inflate{src: bufio.NewReader(r)} }

func (i *inflate) Read(p []byte) (int, error) {
	if i.z == nil {
		b, _ := i.src.Peek(3)
		for len(b) > 2 && (b[0] == '\r' || b[0] == '\n') { // line ends that do not belong to the data
			i.src.Discard(1)
			b, _ = i.src.Peek(3)
		}
		if len(b) >= 2 && b[0]&0xf == 8 && (int(b[0])<<8|int(b[1]))%31 == 0 {
			i.src.Discard(2)
		}
		i.z = flate.NewReader(i.src)
	}
	n, err := i.z.Read(p)
	if err != nil {
		err = io.EOF
	}
	return n, err
}

// lzw is the variable width LZW of TIFF and PDF: codes of 9 to 12 bits, most significant bit first.
type lzw struct {
	r      *bufio.Reader
	early  int
	bits   uint32
	n      uint
	width  uint
	next   int
	last   int
	prefix [4096]uint16
	suffix [4096]byte
	length [4096]uint16
	out    []byte
	done   bool
}

func (z *lzw) code() (int, bool) {
	for z.n < z.width {
		b, err := z.r.ReadByte()
		if err != nil {
			return 0, false
		}
		z.bits = z.bits<<8 | uint32(b)
		z.n += 8
	}
	z.n -= z.width
	return int(z.bits>>z.n) & (1<<z.width - 1), true
}

func (z *lzw) Read(p []byte) (int, error) {
	if z.width == 0 {
		z.clear()
	}
	for len(z.out) == 0 {
		if z.done || !z.step() {
			z.done = true
			return 0, io.EOF
		}
	}
	n := copy(p, z.out)
	z.out = z.out[n:]
	return n, nil
}

const lzwClear, lzwEnd = 256, 257

func (z *lzw) clear() { z.width, z.next, z.last = 9, 258, -1 }

func (z *lzw) step() bool {
	c, ok := z.code()
	switch {
	case !ok || c == lzwEnd:
		return false
	case c == lzwClear:
		z.clear()
		return true
	case z.last < 0:
		if c > 255 {
			return false
		}
		z.out = append(z.out[:0], byte(c))
	case c > z.next || c == z.next && z.next >= 4096:
		return false
	default:
		z.expand(c)
	}
	if z.last >= 0 && z.next < 4096 {
		z.prefix[z.next], z.suffix[z.next] = uint16(z.last), z.out[0]
		z.length[z.next] = z.len(z.last) + 1
		z.next++
	}
	for z.width < 12 && z.next+z.early >= 1<<z.width {
		z.width++
	}
	z.last = c
	return true
}

func (z *lzw) len(c int) uint16 {
	if c < 256 {
		return 1
	}
	return z.length[c]
}

// expand writes a code's string; the code that is about to be made is the last string and its own first byte.
func (z *lzw) expand(c int) {
	n := int(z.len(c))
	again := c == z.next
	if again {
		c = z.last
		n = int(z.len(c)) + 1
	}
	if cap(z.out) < n {
		z.out = make([]byte, n, max(n, 4096))
	}
	z.out = z.out[:n]
	i := n - 1
	if again {
		i--
	}
	for c >= 258 && i > 0 {
		z.out[i] = z.suffix[c]
		c = int(z.prefix[c])
		i--
	}
	z.out[0] = byte(c)
	if again {
		z.out[n-1] = z.out[0]
	}
}

type ascii85 struct {
	r    *bufio.Reader
	out  []byte
	buf  [4]byte
	done bool
}

func (a *ascii85) Read(p []byte) (int, error) {
	for len(a.out) == 0 {
		if a.done {
			return 0, io.EOF
		}
		a.group()
	}
	n := copy(p, a.out)
	a.out = a.out[n:]
	return n, nil
}

func (a *ascii85) group() {
	var v uint32
	n := 0
	for n < 5 {
		c, err := a.r.ReadByte()
		switch {
		case err != nil || c == '~':
			a.done = true
		case class[c] == blank:
			continue
		case c == 'z' && n == 0:
			a.buf = [4]byte{}
			a.out = a.buf[:]
			return
		case c < '!' || c > 'u':
			a.done = true
		default:
			v = v*85 + uint32(c-'!')
			n++
			continue
		}
		break
	}
	if n < 2 {
		return
	}
	for i := n; i < 5; i++ {
		v = v*85 + 84
	}
	a.buf = [4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}
	a.out = a.buf[:n-1]
}

type asciiHex struct {
	r    *bufio.Reader
	done bool
}

func (a *asciiHex) Read(p []byte) (n int, err error) {
	for n < len(p) && !a.done {
		half := -1
		for {
			c, err := a.r.ReadByte()
			if err != nil || c == '>' {
				a.done = true
				if half >= 0 {
					p[n] = byte(half << 4)
					n++
				}
				break
			}
			d := unhex(int(c))
			if d < 0 {
				continue
			}
			if half >= 0 {
				p[n] = byte(half<<4 | d)
				n++
				break
			}
			half = d
		}
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

type runLength struct {
	r      *bufio.Reader
	left   int
	repeat bool
	value  byte
	done   bool
}

func (u *runLength) Read(p []byte) (n int, err error) {
	for n < len(p) && !u.done {
		if u.left == 0 {
			c, err := u.r.ReadByte()
			if err != nil || c == 128 {
				u.done = true
				break
			}
			if u.repeat = c > 128; u.repeat {
				if u.value, err = u.r.ReadByte(); err != nil {
					u.done = true
					break
				}
				u.left = 257 - int(c)
			} else {
				u.left = int(c) + 1
			}
		}
		if !u.repeat {
			if u.value, err = u.r.ReadByte(); err != nil {
				u.done = true
				break
			}
		}
		p[n] = u.value
		n++
		u.left--
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// predicted undoes the predictors of TIFF and PNG.
func (f *file) predicted(p dict, r io.Reader) io.Reader {
	kind := f.int(p["Predictor"], 1)
	if kind < 2 {
		return r
	}
	colors, bits, columns := f.int(p["Colors"], 1), f.int(p["BitsPerComponent"], 8), f.int(p["Columns"], 1)
	if colors < 1 || colors > 32 || bits < 1 || bits > 16 || columns < 1 || columns > 1<<20 {
		return r
	}
	row := (colors*bits*columns + 7) / 8
	if row > 1<<22 {
		return r
	}
	return &predictor{r: r, png: kind >= 10, bits: bits, step: max(1, colors*bits/8), row: make([]byte, row), above: make([]byte, row)}
}

type predictor struct {
	r          io.Reader
	png        bool
	bits, step int
	row, above []byte
	out        []byte
	done       bool
}

func (d *predictor) Read(p []byte) (int, error) {
	if len(d.out) == 0 {
		if d.done || !d.next() {
			return 0, io.EOF
		}
	}
	n := copy(p, d.out)
	d.out = d.out[n:]
	return n, nil
}

func (d *predictor) next() bool {
	d.row, d.above = d.above, d.row
	kind := byte(1)
	if d.png {
		var b [1]byte
		if _, err := io.ReadFull(d.r, b[:]); err != nil {
			return false
		}
		kind = b[0]
	}
	n, err := io.ReadFull(d.r, d.row)
	if err != nil {
		d.done = true
		if n == 0 {
			return false
		}
	}
	row := d.row[:n]
	if !d.png {
		if d.bits == 8 {
			for i := d.step; i < len(row); i++ {
				row[i] += row[i-d.step]
			}
		}
		d.out = row
		return true
	}
	for i := range row {
		var left, corner byte
		if i >= d.step {
			left, corner = row[i-d.step], d.above[i-d.step]
		}
		switch kind {
		case 1:
			row[i] += left
		case 2:
			row[i] += d.above[i]
		case 3:
			row[i] += byte((int(left) + int(d.above[i])) / 2)
		case 4:
			row[i] += paeth(left, d.above[i], corner)
		}
	}
	d.out = row
	return true
}

func paeth(a, b, c byte) byte {
	p := int(a) + int(b) - int(c)
	pa, pb, pc := abs(p-int(a)), abs(p-int(b)), abs(p-int(c))
	switch {
	case pa <= pb && pa <= pc:
		return a
	case pb <= pc:
		return b
	}
	return c
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}
