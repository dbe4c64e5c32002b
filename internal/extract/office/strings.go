package office

import (
	"encoding/binary"
	"io"

	"github.com/magpie-sec/magpie/internal/extract"
)

const (
	// pageSize is the unit of memory, blockSize that of reading what was spilled.
	pageSize, blockSize = 64 << 10, 4 << 10
	// A table of strings keeps so many pages of text and of offsets in memory: 4 MiB and 1 MiB (130,000 strings).
	textPages, offsetPages = 64, 16
	cachedBlocks           = 128
)

// A spill is bytes that are appended and read anywhere: the beginning in memory, the rest in a temporary file.
type spill struct {
	scratch func() (extract.Scratch, error)
	most    int // pages in memory
	pages   [][]byte
	last    []byte // what follows them
	file    *extract.Scratch
	filed   int64 // bytes in the file
	n       int64
	cache   []block
}

type block struct {
	no int64 // from 1
	b  []byte
}

func (s *spill) append(b []byte) error {
	s.n += int64(len(b))
	for len(b) > 0 {
		if s.last == nil {
			s.last = make([]byte, 0, pageSize)
		}
		k := min(len(b), pageSize-len(s.last))
		s.last = append(s.last, b[:k]...)
		b = b[k:]
		if len(s.last) < pageSize {
			continue
		}
		if len(s.pages) < s.most {
			s.pages = append(s.pages, s.last)
			s.last = nil
			continue
		}
		if s.file == nil {
			f, err := s.scratch()
			if err != nil {
				return err
			}
			s.file, s.cache = &f, make([]block, cachedBlocks)
		}
		if _, err := s.file.Write(s.last); err != nil {
			return err
		}
		s.filed += pageSize
		s.last = s.last[:0]
	}
	return nil
}

// at returns what stands at an offset, as far as it is together in memory.
func (s *spill) at(off int64) ([]byte, error) {
	page := off / pageSize
	if page < int64(len(s.pages)) {
		return s.pages[page][off%pageSize:], nil
	}
	inFile := off - int64(len(s.pages))*pageSize
	if inFile >= s.filed {
		return s.last[inFile-s.filed:], nil
	}
	no := inFile / blockSize
	c := &s.cache[no%cachedBlocks]
	if c.no != no+1 {
		if c.b == nil {
			c.b = make([]byte, blockSize)
		}
		c.no = 0
		if _, err := s.file.ReadAt(c.b, no*blockSize); err != nil && err != io.EOF {
			return nil, err
		}
		c.no = no + 1
	}
	return c.b[inFile%blockSize:], nil
}

// A StringTable holds the strings that cells refer to by number.
type StringTable struct {
	text, offsets spill
	count         int64
}

// NewStringTable returns an empty table; what does not fit into memory goes into the document's scratch file.
func NewStringTable(in *extract.Input) *StringTable {
	return &StringTable{text: spill{scratch: in.Scratch, most: textPages}, offsets: spill{scratch: in.Scratch, most: offsetPages}}
}

// Begin begins the next string.
func (t *StringTable) Begin() error {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(t.text.n))
	t.count++
	return t.offsets.append(b[:])
}

// Write appends to the string that was begun last.
func (t *StringTable) Write(b []byte) (int, error) { return len(b), t.text.append(b) }

// Count is how many strings were begun.
func (t *StringTable) Count() int64 { return t.count }

// Copy writes a string to w. One that is not in the table is empty.
func (t *StringTable) Copy(no int64, w io.Writer) error {
	if no < 0 || no >= t.count {
		return nil
	}
	from, err := t.offset(no)
	if err != nil {
		return err
	}
	to := t.text.n
	if no+1 < t.count {
		if to, err = t.offset(no + 1); err != nil {
			return err
		}
	}
	for from < to {
		b, err := t.text.at(from)
		if err != nil {
			return err
		}
		b = b[:min(int64(len(b)), to-from)]
		if _, err := w.Write(b); err != nil {
			return err
		}
		from += int64(len(b))
	}
	return nil
}

func (t *StringTable) offset(no int64) (int64, error) {
	b, err := t.offsets.at(no * 8)
	if err != nil {
		return 0, err
	}
	return int64(binary.LittleEndian.Uint64(b)), nil
}
