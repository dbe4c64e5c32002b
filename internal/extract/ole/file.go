// Package ole reads compound files ([MS-CFB], also called OLE2 or structured storage), in which Word, Excel, PowerPoint and Outlook keep their
// documents, and what these formats share: which of them a file is, its properties, documents embedded in it.
//
// Nothing that the file says is trusted: chains end where the file's size says that they must, the directory is bounded, and the memory does
// not depend on the size of the file.
package ole

import (
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"unicode/utf16"

	"github.com/magpie-sec/magpie/internal/extract"
)

const (
	// maxEntries bounds the directory, maxNested that of a file in another document: they stand in memory together. A mail of Outlook has some
	// forty entries for each attachment.
	maxEntries, maxNested = 64 << 10, 8 << 10
	// maxDepth bounds how deep storages stand in one another.
	maxDepth = 64

	signature  = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
	headerSize = 512
	entrySize  = 128
	miniShift  = 6
	lastSector = 0xfffffff9 // above are marks of chains
	none       = 0xffffffff

	blockSize = 4 << 10
	blocks    = 64
	// checkpoints bounds how many places of a stream's chain are remembered.
	checkpoints = 2 << 10
)

// ErrCut is the error of what lies behind the end of the file: nothing that follows can be trusted.
var ErrCut error = &extract.Problem{Reason: extract.MalformedFile, Detail: "the compound file is cut"}

// A File is an open compound file.
type File struct {
	r       io.ReaderAt
	size    int64
	shift   uint // of a sector
	cutoff  int64
	fat     []uint32 // where the sectors of the FAT stand
	mini    *Stream  // what small streams stand in
	miniFAT *Stream
	cache   [blocks]block

	entries []Entry
	most    int // of entries
	// Broken is trouble of the directory that left something to read.
	Broken error
}

type block struct {
	no int64 // from 1
	n  int
	b  []byte
}

// An Entry is a storage or a stream.
type Entry struct {
	Name string
	// Storage says that it holds others, else it is a stream of Size bytes.
	Storage bool
	Size    int64
	// Class is the class of a storage's object.
	Class [16]byte
	// Children are the entries of a storage in the order of the directory's tree.
	Children []*Entry

	start, left, right, child uint32
	kind                      byte
	seen                      bool
}

// Child returns the entry of a storage with a name, in whatever case, or nil.
func (e *Entry) Child(name string) *Entry {
	for _, c := range e.Children {
		if strings.EqualFold(c.Name, name) {
			return c
		}
	}
	return nil
}

// Open reads the header and the directory. A file that can be read in part has a directory and an error in Broken.
func Open(r io.ReaderAt, size int64) (*File, error) { return openFile(r, size, maxEntries) }

// OpenNested opens a file in another document.
func OpenNested(r io.ReaderAt, size int64) (*File, error) { return openFile(r, size, maxNested) }

func openFile(r io.ReaderAt, size int64, most int) (*File, error) {
	f := &File{r: r, size: size, most: most}
	var h [headerSize]byte
	if err := f.readAt(h[:], 0); err != nil {
		return nil, err
	}
	shift := binary.LittleEndian.Uint16(h[30:])
	if string(h[:8]) != signature || shift < 7 || shift > 16 {
		return nil, extract.Malformed("no header of a compound file")
	}
	f.shift = uint(shift)
	f.cutoff = int64(binary.LittleEndian.Uint32(h[56:]))
	if err := f.readFAT(h[:]); err != nil {
		return nil, err
	}
	miniFATSize := int64(binary.LittleEndian.Uint32(h[64:])) << f.shift
	f.miniFAT = f.stream(binary.LittleEndian.Uint32(h[60:]), min(miniFATSize, size))
	if err := f.readDirectory(binary.LittleEndian.Uint32(h[48:]), binary.LittleEndian.Uint16(h[26:]) > 3); err != nil {
		return nil, err
	}
	f.mini = f.stream(f.entries[0].start, f.entries[0].Size)
	return f, nil
}

// Root is the storage that holds everything.
func (f *File) Root() *Entry { return &f.entries[0] }

// readAt reads through the cache: headers, the FAT, the directory, small streams.
func (f *File) readAt(p []byte, off int64) error {
	for len(p) > 0 {
		if off < 0 || off >= f.size {
			return ErrCut
		}
		no := off / blockSize
		c := &f.cache[no%blocks]
		if c.no != no+1 {
			if c.b == nil {
				c.b = make([]byte, blockSize)
			}
			c.no = 0
			n, err := f.r.ReadAt(c.b, no*blockSize)
			if err != nil && err != io.EOF {
				return err
			}
			c.no, c.n = no+1, n
		}
		at := int(off % blockSize)
		if at >= c.n {
			return ErrCut
		}
		n := copy(p, c.b[at:c.n])
		p, off = p[n:], off+int64(n)
	}
	return nil
}

// readFAT finds the sectors of the FAT: 109 are listed in the header, the others in a chain of sectors of their own.
func (f *File) readFAT(h []byte) error {
	most := int(f.size>>f.shift)>>(f.shift-2) + 2 // as many as the sectors of the file need
	add := func(list []byte) {
		for i := 0; i+4 <= len(list) && len(f.fat) < most; i += 4 {
			f.fat = append(f.fat, binary.LittleEndian.Uint32(list[i:]))
		}
	}
	add(h[76:])
	sector := make([]byte, 1<<f.shift)
	next := binary.LittleEndian.Uint32(h[68:])
	for n := int64(0); next <= lastSector && len(f.fat) < most; n++ {
		if n > f.size>>f.shift {
			return extract.Malformed("the list of the FAT's sectors is a circle")
		}
		if err := f.readAt(sector, f.offset(next)); err != nil {
			f.note(err)
			return nil
		}
		add(sector[:len(sector)-4])
		next = binary.LittleEndian.Uint32(sector[len(sector)-4:])
	}
	return nil
}

func (f *File) note(err error) {
	if f.Broken == nil {
		f.Broken = err
	}
}

func (f *File) offset(sector uint32) int64 { return (int64(sector) + 1) << f.shift }

// next follows a chain of sectors.
func (f *File) next(sector uint32) (uint32, error) {
	i := sector >> (f.shift - 2)
	if int64(i) >= int64(len(f.fat)) {
		return 0, extract.Malformed("a sector is not in the FAT")
	}
	if f.fat[i] > lastSector {
		return 0, extract.Malformed("a sector of the FAT is missing")
	}
	var b [4]byte
	err := f.readAt(b[:], f.offset(f.fat[i])+int64(sector&(1<<(f.shift-2)-1))*4)
	return binary.LittleEndian.Uint32(b[:]), err
}

// readDirectory reads all entries, then ties those together that can be reached from the root.
func (f *File) readDirectory(start uint32, large bool) error {
	sector := make([]byte, 1<<f.shift)
	for at, n := start, 0; at <= lastSector; n++ {
		if len(f.entries) >= f.most || int64(n) > f.size>>f.shift {
			f.note(extract.Malformed("the directory is a circle, or too large"))
			break
		}
		err := f.readAt(sector, f.offset(at))
		if err == nil {
			for i := 0; i+entrySize <= len(sector); i += entrySize {
				f.entries = append(f.entries, entry(sector[i:i+entrySize], large))
			}
			at, err = f.next(at)
		}
		var known *extract.Problem
		if err != nil && !errors.As(err, &known) {
			return err
		}
		if err != nil {
			f.note(err)
			break
		}
	}
	if len(f.entries) == 0 || f.entries[0].kind != 5 {
		if f.Broken != nil {
			return f.Broken
		}
		return extract.Malformed("no root in the directory")
	}
	root := &f.entries[0]
	root.seen, root.Storage = true, true
	f.tie(root, 0)
	return nil
}

// entry reads one entry. The upper half of a size is noise in files of version 3.
func entry(b []byte, large bool) Entry {
	e := Entry{
		kind: b[66], left: binary.LittleEndian.Uint32(b[68:]), right: binary.LittleEndian.Uint32(b[72:]), child: binary.LittleEndian.Uint32(b[76:]),
		Class: [16]byte(b[80:96]), start: binary.LittleEndian.Uint32(b[116:]), Size: int64(binary.LittleEndian.Uint32(b[120:])),
	}
	if large {
		e.Size = max(0, int64(binary.LittleEndian.Uint64(b[120:])))
	}
	e.Storage = e.kind == 1 || e.kind == 5
	var units [32]uint16
	n := 0
	for n < 32 && n < int(binary.LittleEndian.Uint16(b[64:]))/2 {
		if units[n] = binary.LittleEndian.Uint16(b[2*n:]); units[n] == 0 {
			break
		}
		n++
	}
	e.Name = string(utf16.Decode(units[:n]))
	return e
}

// tie gathers the children of a storage, which form a tree, in order. An entry is in one place only, so that circles end.
func (f *File) tie(parent *Entry, depth int) {
	if depth > maxDepth {
		f.note(extract.Malformed("storages stand too deep in one another"))
		return
	}
	var path []*Entry
	at := parent.child
	for at != none || len(path) > 0 {
		if at != none {
			if int64(at) >= int64(len(f.entries)) || f.entries[at].seen || f.entries[at].kind == 0 {
				f.note(extract.Malformed("the directory's tree is broken"))
				at = none
				continue
			}
			e := &f.entries[at]
			e.seen = true
			path = append(path, e)
			at = e.left
			continue
		}
		e := path[len(path)-1]
		path = path[:len(path)-1]
		parent.Children = append(parent.Children, e)
		at = e.right
	}
	for _, e := range parent.Children {
		if e.Storage {
			f.tie(e, depth+1)
		}
	}
}

// A Stream reads the bytes of a stream, in order or anywhere.
type Stream struct {
	f     *File
	size  int64
	start uint32
	small bool
	shift uint

	off   int64 // of Read
	at    int64 // the sector reached in the chain, by its number in the stream
	sect  uint32
	every int64 // a checkpoint stands at each of so many sectors
	marks []uint32
}

func (f *File) stream(start uint32, size int64) *Stream {
	s := &Stream{f: f, size: size, start: start, sect: start, shift: f.shift}
	s.every = (size>>s.shift)/checkpoints + 1
	return s
}

// Stream opens a stream; for a storage or nil it is empty.
func (f *File) Stream(e *Entry) *Stream {
	if e == nil || e.Storage {
		return f.stream(none, 0)
	}
	s := f.stream(e.start, e.Size)
	if e.Size < f.cutoff {
		s.small, s.shift, s.every = true, miniShift, (e.Size>>miniShift)/checkpoints+1
	}
	return s
}

// Size is the stream's length in bytes, as the directory says.
func (s *Stream) Size() int64 { return s.size }

// Read reads on.
func (s *Stream) Read(p []byte) (int, error) {
	n, err := s.ReadAt(p, s.off)
	s.off += int64(n)
	if n > 0 && err == io.EOF {
		err = nil
	}
	return n, err
}

// ReadAt implements io.ReaderAt.
func (s *Stream) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off >= s.size {
		return 0, io.EOF
	}
	if s.size > s.f.size {
		return 0, ErrCut
	}
	short := int64(len(p)) > s.size-off
	if short {
		p = p[:s.size-off]
	}
	n := 0
	for n < len(p) {
		if err := s.seek((off + int64(n)) >> s.shift); err != nil {
			return n, err
		}
		within := (off + int64(n)) & (1<<s.shift - 1)
		// Sectors that follow one another are read at once.
		first, length := s.sect, int64(1)<<s.shift-within
		for !s.small && length < int64(len(p)-n) {
			before := s.sect
			if err := s.seek(s.at + 1); err != nil || s.sect != before+1 {
				break
			}
			length += 1 << s.shift
		}
		k := int(min(length, int64(len(p)-n)))
		if err := s.readSector(p[n:n+k], first, within); err != nil {
			return n, err
		}
		n += k
	}
	if short {
		return n, io.EOF
	}
	return n, nil
}

func (s *Stream) readSector(p []byte, sector uint32, within int64) error {
	if s.small {
		return full(s.f.mini, p, int64(sector)<<miniShift+within)
	}
	from := s.f.offset(sector) + within
	if int64(len(p)) < blockSize {
		return s.f.readAt(p, from)
	}
	n, err := s.f.r.ReadAt(p, from)
	if n == len(p) {
		return nil
	}
	if err == nil || err == io.EOF {
		err = ErrCut
	}
	return err
}

// full reads all of p.
func full(r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || err == io.EOF {
		err = ErrCut
	}
	return err
}

// seek moves to a sector of the stream by its number.
func (s *Stream) seek(no int64) error {
	if no < s.at {
		mark := min(no/s.every, int64(len(s.marks)))
		s.at, s.sect = mark*s.every, s.start
		if mark > 0 {
			s.sect = s.marks[mark-1]
		}
	}
	for s.at < no {
		if s.sect > lastSector {
			return ErrCut
		}
		next, err := s.follow(s.sect)
		if err != nil {
			return err
		}
		s.at, s.sect = s.at+1, next
		if s.at == int64(len(s.marks)+1)*s.every && len(s.marks) < checkpoints {
			s.marks = append(s.marks, next)
		}
	}
	if s.sect > lastSector {
		return ErrCut
	}
	return nil
}

func (s *Stream) follow(sector uint32) (uint32, error) {
	if !s.small {
		return s.f.next(sector)
	}
	var b [4]byte
	err := full(s.f.miniFAT, b[:], int64(sector)*4)
	return binary.LittleEndian.Uint32(b[:]), err
}
