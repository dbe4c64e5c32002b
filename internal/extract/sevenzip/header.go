package sevenzip

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"math/bits"
	"time"
	"unicode/utf16"

	"github.com/magpie-sec/magpie/internal/extract"
)

// The names of the properties and the layout are those of 7zFormat.txt in the LZMA SDK. The header is a list of columns: all sizes, then all
// checksums, then all names. It is walked once to find where each column begins, and then read at all those places side by side: a million
// members take no more memory than one.
const (
	idEnd, idHeader, idArchiveProperties, idAdditionalStreams, idMainStreams, idFiles = 0, 1, 2, 3, 4, 5
	idPackInfo, idUnpackInfo, idSubStreams, idSize, idCRC, idFolder, idUnpackSize     = 6, 7, 8, 9, 10, 11, 12
	idNumUnpackStream, idEmptyStream, idEmptyFile, idAnti, idNames                    = 13, 14, 15, 16, 17
	idMTime, idAttributes, idEncodedHeader                                            = 20, 21, 23
)

// A cursor reads a column of the header.
type cursor struct {
	from io.ReaderAt
	br   *bufio.Reader
	at   int64 // the next byte's place
	end  int64

	bit byte // the mask of the next bit of a bit vector, 0 at a byte's beginning
	cur byte
}

func newCursor(header io.ReaderAt, at, end int64) *cursor {
	return &cursor{from: header, br: bufio.NewReaderSize(io.NewSectionReader(header, at, end-at), 4<<10), at: at, end: end}
}

// fork returns a cursor at the same place.
func (c *cursor) fork() *cursor { return newCursor(c.from, c.at, c.end) }

// short makes the end of the header trouble of the document.
func short(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return extract.Malformed("the header is shorter than it says")
	}
	return err
}

func (c *cursor) byte() (byte, error) {
	b, err := c.br.ReadByte()
	if err != nil {
		return 0, short(err)
	}
	c.at++
	return b, nil
}

// expect reads one byte that must have that value.
func (c *cursor) expect(id byte) error {
	b, err := c.byte()
	if err == nil && b != id {
		err = extract.Malformed("property %d where %d should be", b, id)
	}
	return err
}

// number reads a number: as many further bytes as the first one has leading ones, whose other bits are the highest.
func (c *cursor) number() (int64, error) {
	first, err := c.byte()
	if err != nil {
		return 0, err
	}
	n := bits.LeadingZeros8(^first)
	var v uint64
	for i := range n {
		b, err := c.byte()
		if err != nil {
			return 0, err
		}
		v |= uint64(b) << (8 * i)
	}
	if n < 7 {
		v |= uint64(first&(0x7f>>n)) << (8 * n)
	}
	if v > 1<<62 {
		return 0, extract.Malformed("a number beyond all sizes")
	}
	return int64(v), nil
}

// numbers reads over n numbers.
func (c *cursor) numbers(n int64) error {
	for range n {
		if _, err := c.number(); err != nil {
			return err
		}
	}
	return nil
}

func (c *cursor) full(p []byte) error {
	if _, err := io.ReadFull(c.br, p); err != nil {
		return short(err)
	}
	c.at += int64(len(p))
	return nil
}

func (c *cursor) skip(n int64) error {
	if n > c.end-c.at {
		return short(io.EOF)
	}
	if n <= int64(c.br.Buffered()) {
		c.br.Discard(int(n))
		c.at += n
		return nil
	}
	*c = *newCursor(c.from, c.at+n, c.end)
	return nil
}

// flag reads the next bit of a bit vector.
func (c *cursor) flag() (bool, error) {
	if c.bit == 0 {
		var err error
		if c.cur, err = c.byte(); err != nil {
			return false, err
		}
		c.bit = 0x80
	}
	set := c.cur&c.bit != 0
	c.bit >>= 1
	return set, nil
}

// count reads over a bit vector and says how many of its bits are set.
func (c *cursor) count(n int64) (int64, error) {
	set := int64(0)
	for i := int64(0); i < n; i += 8 {
		b, err := c.byte()
		if err != nil {
			return 0, err
		}
		if n-i < 8 {
			b &= 0xff << (8 - (n - i))
		}
		set += int64(bits.OnesCount8(b))
	}
	return set, nil
}

// optional is a column of values of fixed size that some rows lack.
type optional struct {
	defined *cursor // nil if all have one
	values  *cursor // nil if none has
	size    int
}

// optionals reads over such a column. Columns of the list of files say whether they stand elsewhere; nobody writes those.
func (c *cursor) optionals(n int64, size int, external bool) (o optional, err error) {
	all, err := c.byte()
	if err != nil {
		return o, err
	}
	o.size = size
	if all == 0 {
		o.defined = c.fork()
		if n, err = c.count(n); err != nil {
			return o, err
		}
	}
	if external {
		if err := c.expect(0); err != nil {
			return o, err
		}
	}
	o.values = c.fork()
	if n > (c.end-c.at)/int64(size) {
		return o, short(io.EOF)
	}
	return o, c.skip(n * int64(size))
}

// next is the next row's value.
func (o *optional) next() (v uint64, ok bool, err error) {
	if o.values == nil {
		return 0, false, nil
	}
	if o.defined != nil {
		if ok, err = o.defined.flag(); err != nil || !ok {
			return 0, false, err
		}
	}
	var b [8]byte
	if err := o.values.full(b[:o.size]); err != nil {
		return 0, false, err
	}
	return binary.LittleEndian.Uint64(b[:]), true, nil
}

// streams is where the columns of packed streams and folders begin.
type streams struct {
	packAt                     int64
	packSizes                  *cursor
	folders                    *cursor
	left                       int64 // folders that were not read
	unpackSizes                *cursor
	folderCRCs                 optional
	counts, subSizes           *cursor // nil: each folder is one stream
	streamCRCs                 optional
	folder                     *folder
	inFolder, soFar, folderSum int64 // of the folder: streams left, bytes of those before, checksums
	folderCRC                  bool
}

func (c *cursor) streams() (*streams, error) {
	s := new(streams)
	id, err := c.byte()
	if err != nil {
		return nil, err
	}
	if id == idPackInfo {
		if err := s.packInfo(c); err != nil {
			return nil, err
		}
		if id, err = c.byte(); err != nil {
			return nil, err
		}
	}
	if id == idUnpackInfo {
		if err := s.unpackInfo(c); err != nil {
			return nil, err
		}
		if id, err = c.byte(); err != nil {
			return nil, err
		}
	}
	if id == idSubStreams {
		if err := s.subStreams(c); err != nil {
			return nil, err
		}
		if id, err = c.byte(); err != nil {
			return nil, err
		}
	}
	if id != idEnd {
		return nil, extract.Malformed("property %d among streams", id)
	}
	return s, nil
}

func (s *streams) packInfo(c *cursor) (err error) {
	if s.packAt, err = c.number(); err != nil {
		return err
	}
	n, err := c.number()
	if err != nil {
		return err
	}
	id, err := c.byte()
	if id == idSize && err == nil {
		s.packSizes = c.fork()
		if err := c.numbers(n); err != nil {
			return err
		}
		id, err = c.byte()
	}
	if id == idCRC && err == nil {
		if _, err := c.optionals(n, 4, false); err != nil {
			return err
		}
		id, err = c.byte()
	}
	if err == nil && id != idEnd {
		err = extract.Malformed("property %d among packed streams", id)
	}
	return err
}

func (s *streams) unpackInfo(c *cursor) (err error) {
	if err := c.expect(idFolder); err != nil {
		return err
	}
	if s.left, err = c.number(); err != nil {
		return err
	}
	if err := c.expect(0); err != nil {
		return err
	}
	s.folders = c.fork()
	outs := int64(0)
	for range s.left {
		f, err := readFolder(c)
		if err != nil {
			return err
		}
		outs += int64(f.outs)
	}
	if err := c.expect(idUnpackSize); err != nil {
		return err
	}
	s.unpackSizes = c.fork()
	if err := c.numbers(outs); err != nil {
		return err
	}
	id, err := c.byte()
	if id == idCRC && err == nil {
		if s.folderCRCs, err = c.optionals(s.left, 4, false); err != nil {
			return err
		}
		id, err = c.byte()
	}
	if err == nil && id != idEnd {
		err = extract.Malformed("property %d among folders", id)
	}
	return err
}

func (s *streams) subStreams(c *cursor) error {
	id, err := c.byte()
	if err != nil {
		return err
	}
	if id == idNumUnpackStream {
		s.counts = c.fork()
		if err := c.numbers(s.left); err != nil {
			return err
		}
		if id, err = c.byte(); err != nil {
			return err
		}
	}
	// How many sizes and checksums stand here follows from the counts and from which folders have a checksum of their own.
	var sizes, sums int64
	counts, crcs := s.copyOf(s.counts), s.folderCRCs.fork()
	for range s.left {
		n := int64(1)
		if counts != nil {
			if n, err = counts.number(); err != nil {
				return err
			}
		}
		_, has, err := crcs.next()
		if err != nil {
			return err
		}
		sizes += max(0, n-1)
		if n != 1 || !has {
			sums += n
		}
		if sizes > c.end || sums > 8*c.end {
			return short(io.EOF)
		}
	}
	if id == idSize {
		s.subSizes = c.fork()
		if err := c.numbers(sizes); err != nil {
			return err
		}
		if id, err = c.byte(); err != nil {
			return err
		}
	}
	if id == idCRC {
		if s.streamCRCs, err = c.optionals(sums, 4, false); err != nil {
			return err
		}
		if id, err = c.byte(); err != nil {
			return err
		}
	}
	if id != idEnd {
		return extract.Malformed("property %d among the streams of folders", id)
	}
	return nil
}

func (*streams) copyOf(c *cursor) *cursor {
	if c == nil {
		return nil
	}
	return c.fork()
}

func (o optional) fork() optional {
	if o.defined != nil {
		o.defined = o.defined.fork()
	}
	if o.values != nil {
		o.values = o.values.fork()
	}
	return o
}

// fork returns the same streams, to be read once more from the first.
func (s *streams) fork() *streams {
	c := *s
	c.packSizes, c.folders, c.unpackSizes = s.copyOf(s.packSizes), s.copyOf(s.folders), s.copyOf(s.unpackSizes)
	c.counts, c.subSizes = s.copyOf(s.counts), s.copyOf(s.subSizes)
	c.folderCRCs, c.streamCRCs = s.folderCRCs.fork(), s.streamCRCs.fork()
	return &c
}

// A stream is one file's bytes in a folder.
type stream struct {
	folder *folder
	offset int64 // in the folder
	size   int64
	crc    uint32
	hasCRC bool
}

// next is the next file's stream.
func (s *streams) next() (stream, error) {
	for s.inFolder == 0 {
		if err := s.nextFolder(); err != nil {
			return stream{}, err
		}
	}
	s.inFolder--
	f := s.folder
	t := stream{folder: f, offset: s.soFar, size: f.size - s.soFar}
	if s.inFolder > 0 {
		if s.subSizes == nil {
			return t, extract.Malformed("streams without sizes")
		}
		size, err := s.subSizes.number()
		if err != nil {
			return t, err
		}
		if size > t.size {
			return t, extract.Malformed("a stream is larger than its folder")
		}
		t.size = size
	}
	s.soFar += t.size
	if s.folderCRC {
		t.crc, t.hasCRC = uint32(s.folderSum), true
		return t, nil
	}
	v, ok, err := s.streamCRCs.next()
	t.crc, t.hasCRC = uint32(v), ok
	return t, err
}

func (s *streams) nextFolder() error {
	if s.left == 0 || s.folders == nil {
		return extract.Malformed("more files than streams")
	}
	s.left--
	f, err := readFolder(s.folders)
	if err != nil {
		return err
	}
	for i := range f.coders {
		for range f.coders[i].outs {
			n, err := s.unpackSizes.number()
			if err != nil {
				return err
			}
			f.coders[i].size = n // of coders with one output, the others are not read
		}
	}
	f.size = f.coders[f.last].size
	f.packAt = s.packAt
	for i := range f.packed {
		if s.packSizes == nil {
			return extract.Malformed("packed streams without sizes")
		}
		n, err := s.packSizes.number()
		if err != nil {
			return err
		}
		if i == 0 {
			f.packSize = n
		}
		if s.packAt += n; s.packAt > 1<<62 {
			return extract.Malformed("packed streams beyond all sizes")
		}
	}
	s.folder, s.inFolder, s.soFar = f, 1, 0
	if s.counts != nil {
		if s.inFolder, err = s.counts.number(); err != nil {
			return err
		}
	}
	v, ok, err := s.folderCRCs.next()
	s.folderSum, s.folderCRC = int64(v), ok && s.inFolder == 1
	return err
}

// files is where the columns of the list of files begin.
type files struct {
	left         int64
	empty        *cursor // bits, nil if all have streams
	emptyFile    *cursor // bits for those without stream: not a folder
	names        *cursor
	times, attrs optional
}

func (c *cursor) files() (*files, error) {
	f := new(files)
	var err error
	if f.left, err = c.number(); err != nil {
		return nil, err
	}
	for {
		id, err := c.byte()
		if err != nil || id == idEnd {
			return f, err
		}
		size, err := c.number()
		if err != nil {
			return nil, err
		}
		if size > c.end-c.at {
			return nil, short(io.EOF)
		}
		p := newCursor(c.from, c.at, c.at+size)
		switch id {
		case idEmptyStream:
			f.empty = p
		case idEmptyFile:
			f.emptyFile = p
		case idNames:
			if err := p.expect(0); err != nil {
				return nil, err
			}
			f.names = p
		case idMTime:
			f.times, err = p.optionals(f.left, 8, true)
		case idAttributes:
			f.attrs, err = p.optionals(f.left, 4, true)
		}
		if err != nil {
			return nil, err
		}
		if err := c.skip(size); err != nil {
			return nil, err
		}
	}
}

// A file is an entry of the list of files.
type file struct {
	name      string
	modified  time.Time
	hasStream bool
	directory bool
	link      bool
}

// epoch is where Windows counts from, in seconds before 1970.
const epoch = 11_644_473_600

func (f *files) next() (file, error) {
	f.left--
	t := file{hasStream: true}
	if f.empty != nil {
		empty, err := f.empty.flag()
		if err != nil {
			return t, err
		}
		t.hasStream = !empty
		t.directory = empty
		if empty && f.emptyFile != nil {
			isFile, err := f.emptyFile.flag()
			if err != nil {
				return t, err
			}
			t.directory = !isFile
		}
	}
	if f.names != nil {
		var err error
		if t.name, err = f.names.name(); err != nil {
			return t, err
		}
	}
	v, ok, err := f.times.next()
	if err != nil {
		return t, err
	}
	if ok && v < 1<<63 {
		t.modified = time.Unix(int64(v/1e7)-epoch, int64(v%1e7)*100).UTC()
	}
	v, ok, err = f.attrs.next()
	const directory, unix, fileType, link = 0x10, 0x8000, 0xf000, 0xa000
	if ok && v&directory != 0 {
		t.directory = true
	}
	if ok && v&unix != 0 {
		t.link = v>>16&fileType == link
	}
	return t, err
}

// maxName is how long a name is kept, in bytes of UTF-16.
const maxName = 64 << 10

// name reads a name in UTF-16 up to its zero.
func (c *cursor) name() (string, error) {
	var units []uint16
	for {
		var b [2]byte
		if err := c.full(b[:]); err != nil {
			return "", err
		}
		u := binary.LittleEndian.Uint16(b[:])
		if u == 0 {
			return string(utf16.Decode(units)), nil
		}
		if len(units) < maxName/2 {
			units = append(units, u)
		}
	}
}

// open reads the start of the archive and finds its header, unpacked if need be. There is none in an empty archive.
func (a *archive) open() (*cursor, error) {
	var start [32]byte
	if _, err := a.r.ReadAt(start[:], 0); err != nil {
		return nil, short(err)
	}
	if crc(start[12:]) != binary.LittleEndian.Uint32(start[8:]) {
		return nil, extract.Malformed("the checksum of the start header is wrong")
	}
	at, size := int64(binary.LittleEndian.Uint64(start[12:])), int64(binary.LittleEndian.Uint64(start[20:]))
	if size == 0 {
		return nil, nil
	}
	if at < 0 || size < 0 || at > a.size-32 || size > a.size-32-at {
		return nil, extract.Malformed("the header does not fit into the file")
	}
	var header io.ReaderAt = io.NewSectionReader(a.r, 32+at, size)
	if err := checkSum(io.NewSectionReader(header, 0, size), binary.LittleEndian.Uint32(start[28:])); err != nil {
		return nil, err
	}
	for range 4 { // packed headers in packed headers make no sense
		c := newCursor(header, 0, size)
		id, err := c.byte()
		if err != nil {
			return nil, err
		}
		switch id {
		case idHeader:
			return c, nil
		case idEncodedHeader:
			if header, size, err = a.unpackHeader(c); err != nil {
				return nil, err
			}
		default:
			return nil, extract.Malformed("property %d at the beginning of the header", id)
		}
	}
	return nil, extract.Malformed("the header is packed again and again")
}

// maxHeaderInMemory is up to which size an unpacked header is kept in memory rather than in a file.
const maxHeaderInMemory = 1 << 20

func (a *archive) unpackHeader(c *cursor) (io.ReaderAt, int64, error) {
	s, err := c.streams()
	if err != nil {
		return nil, 0, err
	}
	t, err := s.next()
	if err != nil {
		return nil, 0, err
	}
	if err := a.openFolder(t.folder); err != nil {
		return nil, 0, err
	}
	defer a.closeFolder()
	sum := newSum()
	r := io.TeeReader(a.out.Unpacked(io.LimitReader(a.unpacked, t.size)), sum)
	var header io.ReaderAt
	var n int64
	if t.size <= maxHeaderInMemory {
		var b bytes.Buffer
		n, err = b.ReadFrom(r)
		header = bytes.NewReader(b.Bytes())
	} else {
		scratch, serr := a.in.Scratch()
		if serr != nil {
			return nil, 0, serr
		}
		n, err = io.CopyBuffer(struct{ io.Writer }{scratch}, r, make([]byte, 32<<10))
		header = scratch
	}
	if err == nil && (n != t.size || t.hasCRC && sum.Sum32() != t.crc) {
		err = extract.Malformed("the header does not unpack to what it should be")
	}
	return header, n, err
}
