// Package records is what the readers of binary records (Parquet, Avro) share: a window over bytes, block codecs that decompress in constant
// memory, logical values as text, and the delivery of values with their places.
package records

import (
	"encoding/binary"
	"errors"
	"io"
)

// ErrVarint says that a number of variable length has more than ten bytes.
var ErrVarint = errors.New("a number of variable length is too long")

// A Source reads bytes through a window. Its memory is the window's, whatever the length of what is read.
type Source struct {
	r       io.Reader // nil: the window holds everything
	buf     []byte
	at, end int
	read    int64 // bytes that came into the window
	err     error
}

// NewSource returns a source over a reader with a window of its own.
func NewSource(r io.Reader, window []byte) Source { return Source{r: r, buf: window} }

// BytesSource returns a source over bytes that are there.
func BytesSource(b []byte) Source {
	return Source{buf: b, end: len(b), read: int64(len(b)), err: io.EOF}
}

// Offset says how many bytes were read.
func (s *Source) Offset() int64 { return s.read - int64(s.end-s.at) }

// Window says how many bytes Need can give at once.
func (s *Source) Window() int { return len(s.buf) }

// more slides the window and reads on, until n bytes are there or nothing follows.
func (s *Source) more(n int) error {
	if n > len(s.buf) {
		return io.ErrUnexpectedEOF
	}
	if s.r != nil && s.err == nil {
		s.end = copy(s.buf, s.buf[s.at:s.end])
		s.at = 0
		for idle := 0; s.end < n && s.err == nil; idle++ {
			var k int
			k, s.err = s.r.Read(s.buf[s.end:])
			s.read += int64(k)
			if s.end += k; k > 0 {
				idle = 0
			}
			if idle > 100 {
				s.err = io.ErrNoProgress
			}
		}
	}
	switch {
	case s.end-s.at >= n:
		return nil
	case s.err == io.EOF:
		return io.ErrUnexpectedEOF
	}
	return s.err
}

// Need returns the next n bytes, which the window must be able to hold, and goes behind them. They are valid until the next call.
func (s *Source) Need(n int) ([]byte, error) {
	if s.end-s.at < n {
		if err := s.more(n); err != nil {
			return nil, err
		}
	}
	b := s.buf[s.at : s.at+n]
	s.at += n
	return b, nil
}

// Some returns at least one byte, at most n of them, and goes behind them.
func (s *Source) Some(n int64) ([]byte, error) {
	if s.at == s.end {
		if err := s.more(1); err != nil {
			return nil, err
		}
	}
	k := int(min(n, int64(s.end-s.at)))
	b := s.buf[s.at : s.at+k]
	s.at += k
	return b, nil
}

// Rest returns what is in the window and was not read: of a BytesSource all that follows.
func (s *Source) Rest() []byte { return s.buf[s.at:s.end] }

// Back takes back the last n bytes that Need or Full returned in one call.
func (s *Source) Back(n int) { s.at -= n }

// Full returns as many bytes as the window holds, at most n of them, and goes behind them.
func (s *Source) Full(n int64) ([]byte, error) { return s.Need(int(min(n, int64(len(s.buf))))) }

// Byte returns the next byte.
func (s *Source) Byte() (byte, error) {
	if s.at == s.end {
		if err := s.more(1); err != nil {
			return 0, err
		}
	}
	s.at++
	return s.buf[s.at-1], nil
}

// AtEnd says whether nothing follows.
func (s *Source) AtEnd() (bool, error) {
	if s.at < s.end {
		return false, nil
	}
	switch err := s.more(1); err {
	case nil:
		return false, nil
	case io.ErrUnexpectedEOF:
		return true, nil
	default:
		return true, err
	}
}

// Skip goes n bytes on.
func (s *Source) Skip(n int64) error {
	for n > 0 {
		b, err := s.Some(n)
		if err != nil {
			return err
		}
		n -= int64(len(b))
	}
	return nil
}

// Uvarint reads a number of variable length, seven bits a byte, lowest first.
func (s *Source) Uvarint() (uint64, error) {
	if v, n := binary.Uvarint(s.buf[s.at:s.end]); n > 0 {
		s.at += n
		return v, nil
	}
	var v uint64
	for shift := 0; shift < 70; shift += 7 {
		b, err := s.Byte()
		if err != nil {
			return 0, err
		}
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return v, nil
		}
	}
	return 0, ErrVarint
}

// Varint reads a signed number of variable length (zigzag).
func (s *Source) Varint() (int64, error) {
	v, err := s.Uvarint()
	return int64(v>>1) ^ -int64(v&1), err
}

// A Part is the next n bytes of a source as a reader.
type Part struct {
	S    *Source
	Left int64
}

func (p *Part) Read(b []byte) (int, error) {
	if p.Left == 0 {
		return 0, io.EOF
	}
	if len(b) == 0 {
		return 0, nil
	}
	some, err := p.S.Some(min(p.Left, int64(len(b))))
	p.Left -= int64(len(some))
	return copy(b, some), err
}

// Reset reads from another reader through the same window.
func (s *Source) Reset(r io.Reader) { *s = Source{r: r, buf: s.buf} }
