package decompress

import (
	"bufio"
	"errors"
	"io"
	"math/bits"
)

// Deflate64 decompresses PKWARE's Deflate64, which is deflate (RFC 1951) with a window of 64 KiB, two more codes of distances, and a longest
// length with sixteen bits of its own. Windows packs large files with it.
func Deflate64(br *bufio.Reader) *Reader { return &Reader{Reader: &deflate64{br: br}} }

var errDeflate64 = errors.New("deflate64: the stream is broken")

const (
	window64   = 64 << 10
	fastBits   = 10
	maxBits    = 15
	endOfBlock = 256
)

// A code is a canonical Huffman code.
type code struct {
	fast    [1 << fastBits]uint16 // symbol<<4 | length, by the next bits, 0 for longer codes
	counts  [maxBits + 1]uint16
	symbols [288]uint16
}

// make builds the code of lengths. It may be incomplete, as codes of distances are; it may not be overfull.
func (c *code) make(lengths []uint8) error {
	*c = code{}
	for _, l := range lengths {
		c.counts[l]++
	}
	c.counts[0] = 0
	var first, offset [maxBits + 2]uint16
	left := 1
	for l := 1; l <= maxBits; l++ {
		if left = left<<1 - int(c.counts[l]); left < 0 {
			return errDeflate64
		}
		first[l+1] = (first[l] + c.counts[l]) << 1
		offset[l+1] = offset[l] + c.counts[l]
	}
	for s, l := range lengths {
		if l == 0 {
			continue
		}
		c.symbols[offset[l]] = uint16(s)
		offset[l]++
		if l <= fastBits {
			start := bits.Reverse16(first[l]) >> (16 - l)
			for i := int(start); i < 1<<fastBits; i += 1 << l {
				c.fast[i] = uint16(s)<<4 | uint16(l)
			}
		}
		first[l]++
	}
	return nil
}

type deflate64 struct {
	br   *bufio.Reader
	acc  uint64
	have uint
	err  error

	window         [window64]byte
	head, from     int // written and read up to there, both modulo the window
	last           bool
	state          func(*deflate64) error
	left, distance int // of what is being copied, or stored
	lengths, dists code
	lengthsOf      [288 + 32]uint8
}

func (d *deflate64) Read(p []byte) (int, error) {
	for d.from == d.head && d.err == nil {
		d.err = d.step()
	}
	if d.from == d.head {
		return 0, d.err
	}
	end := d.head
	if end < d.from {
		end = window64
	}
	n := copy(p, d.window[d.from:end])
	d.from = (d.from + n) & (window64 - 1)
	return n, nil
}

// room is how many bytes may be written before what was not read yet.
func (d *deflate64) room() int { return window64 - 1 - (d.head-d.from)&(window64-1) }

func (d *deflate64) put(b byte) {
	d.window[d.head] = b
	d.head = (d.head + 1) & (window64 - 1)
}

func (d *deflate64) step() error {
	if d.state == nil {
		if d.last {
			return io.EOF
		}
		return d.block()
	}
	return d.state(d)
}

// bits takes the next n bits, up to 16.
func (d *deflate64) bits(n uint) (int, error) {
	for d.have < n {
		b, err := d.br.ReadByte()
		if err != nil {
			return 0, cut(err)
		}
		d.acc |= uint64(b) << d.have
		d.have += 8
	}
	v := d.acc & (1<<n - 1)
	d.acc >>= n
	d.have -= n
	return int(v), nil
}

func cut(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// symbol takes the next code.
func (d *deflate64) symbol(c *code) (int, error) {
	for d.have < maxBits {
		b, err := d.br.ReadByte()
		if err == io.EOF {
			break // the last code may be shorter
		}
		if err != nil {
			return 0, err
		}
		d.acc |= uint64(b) << d.have
		d.have += 8
	}
	if e := c.fast[d.acc&(1<<fastBits-1)]; e != 0 {
		l := uint(e & 15)
		if l > d.have {
			return 0, io.ErrUnexpectedEOF
		}
		d.acc >>= l
		d.have -= l
		return int(e >> 4), nil
	}
	var v, first, index int
	for l := uint(1); l <= maxBits; l++ {
		if l > d.have {
			return 0, io.ErrUnexpectedEOF
		}
		v |= int(d.acc>>(l-1)) & 1
		n := int(c.counts[l])
		if v-first < n {
			d.acc >>= l
			d.have -= l
			return int(c.symbols[index+v-first]), nil
		}
		index += n
		first = (first + n) << 1
		v <<= 1
	}
	return 0, errDeflate64
}

func (d *deflate64) block() error {
	v, err := d.bits(3)
	if err != nil {
		return err
	}
	d.last = v&1 != 0
	switch v >> 1 {
	case 0:
		return d.storedBlock()
	case 1:
		return d.fixedCodes()
	case 2:
		return d.ownCodes()
	}
	return errDeflate64
}

func (d *deflate64) storedBlock() error {
	d.acc >>= d.have & 7
	d.have -= d.have & 7
	n, err := d.bits(16)
	if err != nil {
		return err
	}
	inverse, err := d.bits(16)
	if err != nil {
		return err
	}
	if n != inverse^0xffff {
		return errDeflate64
	}
	d.left, d.state = n, (*deflate64).stored
	return nil
}

func (d *deflate64) stored() error {
	for room := d.room(); d.left > 0 && room > 0; room-- {
		b, err := d.bits(8)
		if err != nil {
			return err
		}
		d.put(byte(b))
		d.left--
	}
	if d.left == 0 {
		d.state = nil
	}
	return nil
}

func (d *deflate64) fixedCodes() error {
	l := d.lengthsOf[:288]
	for i := range l {
		switch {
		case i < 144:
			l[i] = 8
		case i < 256:
			l[i] = 9
		case i < 280:
			l[i] = 7
		default:
			l[i] = 8
		}
	}
	dl := d.lengthsOf[288:]
	for i := range dl {
		dl[i] = 5
	}
	if err := d.lengths.make(l); err != nil {
		return err
	}
	d.state = (*deflate64).packed
	return d.dists.make(dl)
}

// codeOrder is the order in which the lengths of the code of lengths stand (RFC 1951, 3.2.7).
var codeOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

func (d *deflate64) ownCodes() error {
	v, err := d.bits(14)
	if err != nil {
		return err
	}
	lits, dists, codes := v&31+257, v>>5&31+1, v>>10+4
	if lits > 288 {
		return errDeflate64
	}
	var own [19]uint8
	for _, i := range codeOrder[:codes] {
		v, err := d.bits(3)
		if err != nil {
			return err
		}
		own[i] = uint8(v)
	}
	if err := d.lengths.make(own[:]); err != nil {
		return err
	}
	l := d.lengthsOf[:lits+dists]
	for i := 0; i < len(l); {
		s, err := d.symbol(&d.lengths)
		if err != nil {
			return err
		}
		if s < 16 {
			l[i] = uint8(s)
			i++
			continue
		}
		var again uint8
		more, n := []uint{2, 3, 7}[s-16], []int{3, 3, 11}[s-16]
		if s == 16 {
			if i == 0 {
				return errDeflate64
			}
			again = l[i-1]
		}
		v, err := d.bits(more)
		if err != nil {
			return err
		}
		if n += v; n > len(l)-i {
			return errDeflate64
		}
		for range n {
			l[i] = again
			i++
		}
	}
	if err := d.lengths.make(l[:lits]); err != nil {
		return err
	}
	d.state = (*deflate64).packed
	return d.dists.make(l[lits:])
}

// packed goes on until there is no room, or the block ends.
func (d *deflate64) packed() error {
	for {
		for room := d.room(); d.left > 0; room-- {
			if room == 0 {
				return nil
			}
			d.put(d.window[(d.head-d.distance)&(window64-1)])
			d.left--
		}
		if d.room() == 0 {
			return nil
		}
		s, err := d.symbol(&d.lengths)
		if err != nil {
			return err
		}
		if s < endOfBlock {
			d.put(byte(s))
			continue
		}
		if s == endOfBlock {
			d.state = nil
			return nil
		}
		if err := d.match(s - 257); err != nil {
			return err
		}
	}
}

// match reads the rest of a length and a distance. What lies before the beginning reads as zeros; the checksum tells.
func (d *deflate64) match(s int) error {
	base, extra := 0, uint(0)
	switch {
	case s < 8:
		base = s + 3
	case s < 28:
		extra = uint(s)/4 - 1
		base = (4+s&3)<<extra + 3
	case s == 28:
		base, extra = 3, 16
	default:
		return errDeflate64
	}
	v, err := d.bits(extra)
	if err != nil {
		return err
	}
	d.left = base + v
	if s, err = d.symbol(&d.dists); err != nil {
		return err
	}
	if s < 4 {
		d.distance = s + 1
		return nil
	}
	extra = uint(s)/2 - 1
	if v, err = d.bits(extra); err != nil {
		return err
	}
	d.distance = (2+s&1)<<extra + v + 1
	return nil
}
