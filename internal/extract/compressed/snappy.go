package compressed

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/decompress"
)

// SnappyBlocks is Snappy without the framing format: a single block ("raw"), or blocks of blocks as Hadoop and Spark write them. Neither has a
// signature, so that the extension must say it, too.
var SnappyBlocks = func() extract.Format {
	f := format("snappyblocks", "application/x-snappy", extract.About{
		Title:   "Snappy without frames",
		Reads:   "The one document that is packed: a single block, or the blocks of Hadoop and Spark.",
		Leaves:  "Hadoop blocks over 64 MiB.",
		Sniffed: "The sizes that begin the blocks, with the extension.",
		Places:  "Those of the document within, with its name.",
	}, map[string]string{"snappy": ""}, "", nil, openSnappyBlocks)
	f.Match = func(h *extract.Head) extract.Score {
		if h.Has("snappy") && (isHadoop(h.Bytes) || isRawSnappy(h.Bytes)) {
			return extract.Certain
		}
		return extract.No
	}
	return f
}()

// maxHadoop is how large a block of Hadoop's may be in bytes, unpacked; usual are 256 KiB.
const maxHadoop = 64 << 20

// isHadoop wants the size of a block unpacked, then the size of its first part packed, whose own beginning says how much of the block it is.
func isHadoop(b []byte) bool {
	if len(b) < 10 {
		return false
	}
	whole, part := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
	size, n := binary.Uvarint(b[8:])
	return n > 0 && whole > 0 && whole <= maxHadoop && size <= uint64(whole) && size > 0 && uint64(part) <= size+size/6+32 && isRawSnappy(b[8:])
}

// isRawSnappy wants a size, and elements that lead there or beyond what is in sight.
func isRawSnappy(b []byte) bool {
	size, n := binary.Uvarint(b)
	if n <= 0 || size == 0 || size >= 1<<32 {
		return false
	}
	b = b[n:]
	made := uint64(0)
	for made < size && len(b) > 0 {
		more := elementSize(b[0])
		if len(b) < 1+more {
			break
		}
		literal, length, offset := element(b[0], b[1:1+more])
		b = b[1+more:]
		if literal > 0 {
			b = b[min(uint64(len(b)), literal):]
		} else if offset == 0 || offset > made {
			return false
		}
		made += literal + length
	}
	return made == size || made < size && len(b) == 0 || made > 0 && len(b) < 5
}

// elementSize is how many bytes belong to a tag.
func elementSize(tag byte) int {
	if tag&3 == 0 && tag>>2 >= 60 {
		return int(tag>>2) - 59
	}
	return [4]int{0, 1, 2, 4}[tag&3]
}

// element is what a tag and its bytes say: how long a literal follows, or how long a copy is and how far back it begins.
func element(tag byte, more []byte) (literal, length, offset uint64) {
	var b [8]byte
	copy(b[:], more)
	v := binary.LittleEndian.Uint64(b[:])
	switch tag & 3 {
	case 0:
		if len(more) == 0 {
			v = uint64(tag >> 2)
		}
		return v + 1, 0, 0
	case 1:
		return 0, uint64(tag>>2&7) + 4, v | uint64(tag>>5)<<8
	}
	return 0, uint64(tag>>2) + 1, v
}

var errSnappy = errors.New("the snappy block is broken")

// snappyWindow is how far back copies may reach: encoders never go beyond.
const snappyWindow = 64 << 10

// A snappyStream decodes a block as it comes: its end is not needed for its beginning.
type snappyStream struct {
	br     *bufio.Reader
	hadoop bool
	whole  int64 // bytes of Hadoop's block that are to come, this part's included
	left   int64 // bytes of the part that are to come
	begun  bool

	literal, copied int // of the element: bytes to come
	offset          int
	window          [snappyWindow]byte
	written         int64 // of the part
}

func openSnappyBlocks(in *extract.Input, br *bufio.Reader) (io.Reader, func(), error) {
	b, _ := br.Peek(20)
	return &snappyStream{br: br, hadoop: isHadoop(b)}, nil, nil
}

func (s *snappyStream) Read(p []byte) (n int, err error) {
	for n < len(p) {
		switch {
		case s.left == 0:
			if err := s.begin(); err != nil {
				return n, err
			}
		case s.literal > 0:
			k, err := s.br.Read(p[n : n+min(len(p)-n, s.literal, snappyWindow)])
			s.keep(p[n : n+k])
			n += k
			s.literal -= k
			if err != nil {
				return n, noEOF(err)
			}
		case s.copied > 0:
			p[n] = s.window[(s.written-int64(s.offset))&(snappyWindow-1)]
			s.keep(p[n : n+1])
			n++
			s.copied--
		default:
			if err := s.next(); err != nil {
				return n, noEOF(err)
			}
		}
	}
	return n, nil
}

func (s *snappyStream) keep(b []byte) {
	s.left -= int64(len(b))
	s.whole -= int64(len(b))
	for len(b) > 0 {
		k := copy(s.window[s.written&(snappyWindow-1):], b)
		s.written += int64(k)
		b = b[k:]
	}
}

// begin reads the size of a block, and before it the sizes that Hadoop puts there.
func (s *snappyStream) begin() error {
	if s.begun && !s.hadoop {
		if _, err := s.br.Peek(1); err != nil {
			return err
		}
		return decompress.ErrGarbage
	}
	if s.hadoop {
		if s.whole <= 0 {
			var h [4]byte
			if _, err := io.ReadFull(s.br, h[:]); err != nil {
				return err
			}
			s.whole = int64(binary.BigEndian.Uint32(h[:]))
			if s.whole == 0 {
				return nil
			}
		}
		if _, err := s.br.Discard(4); err != nil {
			return noEOF(err)
		}
	}
	size, err := binary.ReadUvarint(s.br)
	if err != nil {
		return noEOF(err)
	}
	if size >= 1<<32 || s.hadoop && (size == 0 || int64(size) > s.whole) {
		return errSnappy
	}
	s.begun, s.left, s.written = true, int64(size), 0
	return nil
}

// next reads a tag and what belongs to it.
func (s *snappyStream) next() error {
	tag, err := s.br.ReadByte()
	if err != nil {
		return err
	}
	var b [4]byte
	more := b[:elementSize(tag)]
	if _, err := io.ReadFull(s.br, more); err != nil {
		return err
	}
	literal, length, offset := element(tag, more)
	if literal+length > uint64(s.left) || literal == 0 && (offset == 0 || offset > uint64(s.written) || offset > snappyWindow) {
		return errSnappy
	}
	s.literal, s.copied, s.offset = int(literal), int(length), int(offset)
	return nil
}
