package ole

import (
	"encoding/binary"
	"io"
	"unicode/utf16"

	"github.com/magpie-sec/magpie/internal/extract"
)

// Export returns a storage as a compound file of its own, with further entries put into its root: what is embedded in a document is a
// document. The file is made while it is read. It has no small streams, so that its header sets their limit to nothing; sectors that only
// link others are counted, never stored. The second result is its size.
func (f *File) Export(storage *Entry, further ...*Entry) (io.Reader, int64) {
	x := &exported{f: f}
	x.add(storage, 0)
	for _, e := range further {
		if e != nil {
			x.entries[0].children = append(x.entries[0].children, x.add(e, 1))
		}
	}
	if !x.link() {
		return &exported{err: extract.Malformed("an embedded storage is too large")}, -1
	}
	x.size = (int64(x.sectors) + 1) << exportShift
	return x, x.size
}

const (
	exportShift = 9
	perSector   = 1 << (exportShift - 2)
	maxExported = 1 << 30 // sectors
)

// exported is the layout: header, directory, FAT, the lists of the FAT's sectors beyond the header's, then the streams.
type exported struct {
	f       *File
	entries []exportedEntry

	directory, fat, difat uint32 // sectors of each
	sectors               uint32
	size, off             int64
	page                  []byte // what is left of the page that was made last
	stream                int    // the entry that the streams have come to
	open                  *Stream
	buf                   [1 << exportShift]byte
	err                   error
}

type exportedEntry struct {
	*Entry
	children []int
	right    int // the next one in the same storage
	start, n uint32
}

func (x *exported) add(e *Entry, depth int) int {
	i := len(x.entries)
	x.entries = append(x.entries, exportedEntry{Entry: e})
	if depth <= maxDepth {
		for _, c := range e.Children {
			child := x.add(c, depth+1)
			x.entries[i].children = append(x.entries[i].children, child)
		}
	}
	return i
}

// link makes a list of each storage's children, and places the streams. It returns false if they are said to be larger than any file.
func (x *exported) link() bool {
	total := int64(0)
	for i := range x.entries {
		e := &x.entries[i]
		for k, c := range e.children {
			if x.entries[c].right = 0; k+1 < len(e.children) {
				x.entries[c].right = e.children[k+1]
			}
		}
		if !e.Storage {
			e.n = uint32((min(e.Size, x.f.size) + 1<<exportShift - 1) >> exportShift)
			if total += int64(e.n); total > maxExported {
				return false
			}
		}
	}
	x.directory = uint32((len(x.entries) + 3) / 4)
	data := x.directory
	for i := range x.entries {
		data += x.entries[i].n
	}
	for {
		x.fat = (data+x.difat+x.fat)/perSector + 1
		more := uint32(0)
		if x.fat > 109 {
			more = (x.fat - 109 + perSector - 2) / (perSector - 1)
		}
		if x.sectors = data + x.difat + x.fat; more == x.difat && (x.sectors+perSector-1)/perSector <= x.fat {
			break
		}
		x.difat = more
	}
	at := x.directory + x.fat + x.difat
	for i := range x.entries {
		e := &x.entries[i]
		if e.start = none - 1; e.n > 0 {
			e.start = at
			at += e.n
		}
	}
	return true
}

func (x *exported) Read(p []byte) (int, error) {
	if x.err != nil {
		return 0, x.err
	}
	if len(x.page) == 0 {
		if x.off >= x.size {
			return 0, io.EOF
		}
		if x.err = x.make(x.off >> exportShift); x.err != nil {
			return 0, x.err
		}
		x.page = x.buf[:]
		x.off += 1 << exportShift
	}
	n := copy(p, x.page)
	x.page = x.page[n:]
	return n, nil
}

// make makes a page of the file: page 0 is the header, page n+1 sector n. Pages come in order.
func (x *exported) make(page int64) error {
	b := x.buf[:]
	clear(b)
	sector := uint32(page - 1)
	switch {
	case page == 0:
		x.header(b)
	case sector < x.directory:
		for i := range 4 {
			if no := int(sector)*4 + i; no < len(x.entries) {
				x.entry(b[i*entrySize:], no)
			}
		}
	case sector < x.directory+x.fat:
		for i := range uint32(perSector) {
			binary.LittleEndian.PutUint32(b[4*i:], x.follows((sector-x.directory)*perSector+i))
		}
	case sector < x.directory+x.fat+x.difat:
		no := sector - x.directory - x.fat
		for i := range uint32(perSector) {
			v := uint32(none)
			if k := 109 + no*(perSector-1) + i; i == perSector-1 {
				if v = sector + 1; no+1 == x.difat {
					v = none - 1
				}
			} else if k < x.fat {
				v = x.directory + k
			}
			binary.LittleEndian.PutUint32(b[4*i:], v)
		}
	default:
		return x.data(b, sector)
	}
	return nil
}

func (x *exported) header(b []byte) {
	copy(b, signature)
	for _, v := range []struct {
		at int
		v  uint16
	}{{24, 0x3e}, {26, 3}, {28, 0xfffe}, {30, exportShift}, {32, miniShift}} {
		binary.LittleEndian.PutUint16(b[v.at:], v.v)
	}
	first := x.directory + x.fat
	if x.difat == 0 {
		first = none - 1
	}
	for _, v := range []struct {
		at int
		v  uint32
	}{{44, x.fat}, {48, 0}, {56, 0}, {60, none - 1}, {68, first}, {72, x.difat}} {
		binary.LittleEndian.PutUint32(b[v.at:], v.v)
	}
	for i := range uint32(109) {
		v := uint32(none)
		if i < x.fat {
			v = x.directory + i
		}
		binary.LittleEndian.PutUint32(b[76+4*i:], v)
	}
}

func (x *exported) entry(b []byte, no int) {
	e := &x.entries[no]
	name := utf16.Encode([]rune(e.Name))
	name = name[:min(len(name), 31)]
	if b[66] = 2; no == 0 {
		b[66] = 5
		name = utf16.Encode([]rune("Root Entry"))
	} else if e.Storage {
		b[66] = 1
	}
	for i, u := range name {
		binary.LittleEndian.PutUint16(b[2*i:], u)
	}
	binary.LittleEndian.PutUint16(b[64:], uint16(2*len(name)+2))
	b[67] = 1
	child, right := uint32(none), uint32(none)
	if len(e.children) > 0 {
		child = uint32(e.children[0])
	}
	if e.right > 0 {
		right = uint32(e.right)
	}
	binary.LittleEndian.PutUint32(b[68:], none)
	binary.LittleEndian.PutUint32(b[72:], right)
	binary.LittleEndian.PutUint32(b[76:], child)
	copy(b[80:], e.Class[:])
	binary.LittleEndian.PutUint32(b[116:], e.start)
	if !e.Storage {
		binary.LittleEndian.PutUint32(b[120:], uint32(min(e.Size, x.f.size)))
	}
}

// follows returns what the FAT says of a sector. Streams lie one behind another, so that those that end a chain are found by halving.
func (x *exported) follows(sector uint32) uint32 {
	switch {
	case sector < x.directory-1:
		return sector + 1
	case sector == x.directory-1:
		return none - 1
	case sector < x.directory+x.fat:
		return none - 2
	case sector < x.directory+x.fat+x.difat:
		return none - 3
	case sector >= x.sectors:
		return none
	}
	if e := x.at(sector); sector+1 < e.start+e.n {
		return sector + 1
	}
	return none - 1
}

// at returns the entry whose stream a sector is of. Sectors are asked for in order, but from the beginning again for the streams themselves.
func (x *exported) at(sector uint32) *exportedEntry {
	if e := &x.entries[x.stream]; sector < e.start && e.n > 0 {
		x.stream = 0
	}
	for e := &x.entries[x.stream]; e.n == 0 || sector >= e.start+e.n; e = &x.entries[x.stream] {
		x.stream++
	}
	return &x.entries[x.stream]
}

func (x *exported) data(b []byte, sector uint32) error {
	e := x.at(sector)
	if sector == e.start || x.open == nil {
		x.open = x.f.Stream(e.Entry)
	}
	off := int64(sector-e.start) << exportShift
	return full(x.open, b[:min(int64(len(b)), e.Size-off)], off)
}
