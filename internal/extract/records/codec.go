package records

import (
	"encoding/binary"
	"errors"
	"io"
)

// ErrCodec says that compressed data are not well-formed.
var ErrCodec = errors.New("compressed data are malformed")

// How much output is kept for copies to reach back to: half of this at least. LZ4 reaches back 64 KiB. Snappy's own encoders work in blocks of as
// much, but others (those of Go) reach as far as they find something; what lies further back than 8 MiB is given up.
const (
	startRoom  = 128 << 10
	lz4Room    = startRoom
	snappyRoom = 16 << 20
)

// copies is the output side of the codecs that consist of literals and copies: the last bytes that were written, and what of them is unread.
type copies struct {
	in   Source
	buf  []byte
	room int // how long buf may become
	n    int // written
	read int
	// What remains of the element at hand: literal bytes or a copy from so far behind.
	literal, match int64
	back           int
}

// slide makes room behind the output.
func (c *copies) slide() {
	if n := len(c.buf); n < c.room {
		grown := make([]byte, max(startRoom, min(2*n, c.room)))
		copy(grown, c.buf)
		c.buf = grown
		return
	}
	c.n = copy(c.buf, c.buf[len(c.buf)/2:])
	c.read = c.n
}

// Read writes more output, as far as there is room. next reads the next element; it is called when none is open.
func (c *copies) Read(p []byte, next func() error) (int, error) {
	for c.read == c.n {
		if c.n == len(c.buf) {
			c.slide()
		}
		switch {
		case c.literal > 0:
			b, err := c.in.Some(min(c.literal, int64(len(c.buf)-c.n)))
			if err != nil {
				return 0, err
			}
			c.n += copy(c.buf[c.n:], b)
			c.literal -= int64(len(b))
		case c.match > 0:
			k := int(min(c.match, int64(len(c.buf)-c.n)))
			from := c.n - c.back
			if from < 0 || c.back == 0 {
				return 0, ErrCodec
			}
			if c.back >= k {
				copy(c.buf[c.n:c.n+k], c.buf[from:])
			} else {
				for i := range k { // byte by byte: the copy overlaps itself
					c.buf[c.n+i] = c.buf[from+i]
				}
			}
			c.n += k
			c.match -= int64(k)
		default:
			if err := next(); err != nil {
				return 0, err
			}
		}
	}
	k := copy(p, c.buf[c.read:c.n])
	c.read += k
	return k, nil
}

// A Snappy decompresses one block in Snappy's format (format_description.txt of the Snappy project) as a stream.
type Snappy struct {
	c    copies
	left int64 // uncompressed bytes to come, -1 before the beginning
}

// NewSnappy returns a reader of one block.
func NewSnappy(r io.Reader) *Snappy {
	return &Snappy{c: copies{in: NewSource(r, make([]byte, 32<<10)), room: snappyRoom}, left: -1}
}

func (s *Snappy) Read(p []byte) (int, error) {
	if s.left < 0 {
		n, err := s.c.in.Uvarint()
		if err != nil {
			return 0, err
		}
		if n > 1<<32-1 {
			return 0, ErrCodec
		}
		s.left = int64(n)
	}
	if s.left == 0 {
		return 0, io.EOF
	}
	n, err := s.c.Read(p[:min(int64(len(p)), s.left)], s.next)
	s.left -= int64(n)
	return n, err
}

func (s *Snappy) next() error {
	tag, err := s.c.in.Byte()
	if err != nil {
		return err
	}
	switch tag & 3 {
	case 0:
		n := int64(tag >> 2)
		if extra := int(n) - 59; extra > 0 {
			b, err := s.c.in.Need(extra)
			if err != nil {
				return err
			}
			n = int64(little(b))
		}
		s.c.literal = n + 1
	case 1:
		b, err := s.c.in.Byte()
		if err != nil {
			return err
		}
		s.c.match, s.c.back = int64(tag>>2&7)+4, int(tag>>5)<<8|int(b)
	case 2:
		b, err := s.c.in.Need(2)
		if err != nil {
			return err
		}
		s.c.match, s.c.back = int64(tag>>2)+1, int(binary.LittleEndian.Uint16(b))
	default:
		b, err := s.c.in.Need(4)
		if err != nil {
			return err
		}
		s.c.match, s.c.back = int64(tag>>2)+1, int(binary.LittleEndian.Uint32(b))
	}
	return nil
}

func little(b []byte) (v uint64) {
	for i, c := range b {
		v |= uint64(c) << (8 * i)
	}
	return v
}

// An LZ4 decompresses one raw block in LZ4's block format as a stream.
type LZ4 struct {
	c       copies
	pending byte // low half of the token whose literals are open
	open    bool
}

// NewLZ4 returns a reader of one block.
func NewLZ4(r io.Reader) *LZ4 {
	return &LZ4{c: copies{in: NewSource(r, make([]byte, 32<<10)), room: lz4Room}}
}

func (l *LZ4) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	return l.c.Read(p, l.next)
}

func (l *LZ4) next() error {
	if end, err := l.c.in.AtEnd(); end {
		if err == nil {
			err = io.EOF // a block ends with literals alone
		}
		return err
	}
	if !l.open {
		token, err := l.c.in.Byte()
		if err != nil {
			return err
		}
		l.pending, l.open = token&15, true
		l.c.literal, err = l.length(int64(token >> 4))
		return err
	}
	l.open = false
	b, err := l.c.in.Need(2)
	if err != nil {
		return err
	}
	l.c.back = int(binary.LittleEndian.Uint16(b))
	n, err := l.length(int64(l.pending))
	l.c.match = n + 4
	return err
}

func (l *LZ4) length(n int64) (int64, error) {
	if n < 15 {
		return n, nil
	}
	for {
		b, err := l.c.in.Byte()
		if err != nil {
			return 0, err
		}
		if n += int64(b); b < 255 {
			return n, nil
		}
	}
}
