package zip

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"time"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"

	"github.com/magpie-sec/magpie/internal/extract"
)

// The directory is walked from the file, entry by entry: archive/zip would hold all of a million entries in memory. Names of the fields and
// the layout are those of PKWARE's APPNOTE, sections 4.3 and 4.5.

const (
	localSize, centralSize, endSize, end64Size, locatorSize = 30, 46, 22, 56, 20

	flagEncrypted, flagUTF8 = 1 << 0, 1 << 11
)

// A directory is where the central directory stands.
type directory struct {
	r       io.ReaderAt
	size    int64 // of the file
	base    int64 // of the archive in the file: something may stand before it
	start   int64
	length  int64
	records uint64
}

// An entry is what the central directory says of a member.
type entry struct {
	name           string
	flags, method  uint16
	crc            uint32
	packed, size   int64
	offset         int64
	modified       time.Time
	mode           uint32 // Unix mode, 0 if the archive has none
	directoryEntry bool
}

func openDirectory(r io.ReaderAt, size int64) (*directory, error) {
	d := &directory{r: r, size: size}
	end, at, err := d.findEnd()
	if err != nil {
		return nil, err
	}
	d.records = uint64(binary.LittleEndian.Uint16(end[10:]))
	d.length = int64(binary.LittleEndian.Uint32(end[12:]))
	offset := int64(binary.LittleEndian.Uint32(end[16:]))
	if d.records == 0xffff || d.length == 0xffffffff || offset == 0xffffffff {
		if at, offset, err = d.end64(at, offset); err != nil {
			return nil, err
		}
	}
	d.base = at - d.length - offset
	if d.length < 0 || offset < 0 || d.length > at || d.base < 0 {
		return nil, extract.Malformed("the directory does not fit into the file")
	}
	d.start = at - d.length
	// Some writers count the offset from the file's beginning although something stands before the archive.
	if d.base > 0 && d.hasEntry(offset) && !d.hasEntry(d.start) {
		d.base, d.start = 0, offset
	}
	return d, nil
}

func (d *directory) hasEntry(at int64) bool {
	var sig [4]byte
	_, err := d.r.ReadAt(sig[:], at)
	return err == nil && string(sig[:]) == "PK\x01\x02"
}

// findEnd finds the end record: the last one whose comment fits into what follows it.
func (d *directory) findEnd() (record []byte, at int64, err error) {
	for _, n := range []int64{1 << 10, endSize + 0xffff} {
		n = min(n, d.size)
		buf := make([]byte, n)
		if _, err := d.r.ReadAt(buf, d.size-n); err != nil && err != io.EOF {
			return nil, 0, err
		}
		for i := bytes.LastIndex(buf, []byte("PK\x05\x06")); i >= 0; i = bytes.LastIndex(buf[:i], []byte("PK\x05\x06")) {
			if i+endSize <= len(buf) && i+endSize+int(binary.LittleEndian.Uint16(buf[i+20:])) <= len(buf) {
				return buf[i : i+endSize], d.size - n + int64(i), nil
			}
		}
	}
	return nil, 0, extract.Malformed("the archive has no directory")
}

// end64 reads the Zip64 end record, if the end record at that place has one.
func (d *directory) end64(at, offset int64) (int64, int64, error) {
	var loc [locatorSize]byte
	if at < locatorSize {
		return at, offset, nil
	}
	if _, err := d.r.ReadAt(loc[:], at-locatorSize); err != nil {
		return 0, 0, err
	}
	if string(loc[:4]) != "PK\x06\x07" {
		return at, offset, nil
	}
	where := int64(binary.LittleEndian.Uint64(loc[8:]))
	var rec [end64Size]byte
	if where < 0 || where > d.size-end64Size {
		return 0, 0, extract.Malformed("the Zip64 directory does not fit into the file")
	}
	if _, err := d.r.ReadAt(rec[:], where); err != nil {
		return 0, 0, err
	}
	if string(rec[:4]) != "PK\x06\x06" {
		return 0, 0, extract.Malformed("the Zip64 directory is not where it should be")
	}
	d.records = binary.LittleEndian.Uint64(rec[32:])
	d.length = int64(binary.LittleEndian.Uint64(rec[40:]))
	return where, int64(binary.LittleEndian.Uint64(rec[48:])), nil
}

// walk calls f for every entry. An error of f ends it and comes back.
func (d *directory) walk(f func(*entry) error) error {
	br := bufio.NewReaderSize(io.NewSectionReader(d.r, d.start, d.length), 16<<10)
	var fixed [centralSize]byte
	var variable []byte
	for n := uint64(0); n < d.records; n++ {
		if _, err := io.ReadFull(br, fixed[:]); err != nil {
			return short(err)
		}
		if string(fixed[:4]) != "PK\x01\x02" {
			return extract.Malformed("entry %d of the directory is broken", n)
		}
		nameLen := int(binary.LittleEndian.Uint16(fixed[28:]))
		extraLen := int(binary.LittleEndian.Uint16(fixed[30:]))
		total := nameLen + extraLen + int(binary.LittleEndian.Uint16(fixed[32:]))
		if cap(variable) < total {
			variable = make([]byte, total)
		}
		variable = variable[:total]
		if _, err := io.ReadFull(br, variable); err != nil {
			return short(err)
		}
		e := parseEntry(&fixed, variable[:nameLen], variable[nameLen:nameLen+extraLen])
		if err := f(e); err != nil {
			return err
		}
	}
	return nil
}

// short makes the end of the directory trouble of the document.
func short(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return extract.Malformed("the directory is shorter than it says")
	}
	return err
}

func parseEntry(b *[centralSize]byte, name, extra []byte) *entry {
	e := &entry{
		flags:    binary.LittleEndian.Uint16(b[8:]),
		method:   binary.LittleEndian.Uint16(b[10:]),
		modified: dosTime(binary.LittleEndian.Uint16(b[14:]), binary.LittleEndian.Uint16(b[12:])),
		crc:      binary.LittleEndian.Uint32(b[16:]),
		packed:   int64(binary.LittleEndian.Uint32(b[20:])),
		size:     int64(binary.LittleEndian.Uint32(b[24:])),
		offset:   int64(binary.LittleEndian.Uint32(b[42:])),
	}
	if creator := b[5]; creator == 3 || creator == 19 { // Unix, macOS
		e.mode = binary.LittleEndian.Uint32(b[38:]) >> 16
	}
	e.name = decodeName(name, e.flags&flagUTF8 != 0)
	if u := unicodeName(name, extra); u != "" {
		e.name = u
	}
	e.directoryEntry = len(name) > 0 && name[len(name)-1] == '/'
	e.extras(extra)
	return e
}

// extras reads what did not fit into the fixed fields: Zip64 sizes, and the time of Unix systems.
func (e *entry) extras(b []byte) {
	for len(b) >= 4 {
		id, n := binary.LittleEndian.Uint16(b), int(binary.LittleEndian.Uint16(b[2:]))
		if len(b) < 4+n {
			return
		}
		field := b[4 : 4+n]
		b = b[4+n:]
		switch id {
		case 0x0001:
			for _, v := range []*int64{&e.size, &e.packed, &e.offset} {
				if *v == 0xffffffff && len(field) >= 8 {
					*v = int64(binary.LittleEndian.Uint64(field))
					field = field[8:]
				}
			}
		case 0x5455:
			if len(field) >= 5 && field[0]&1 != 0 {
				e.modified = time.Unix(int64(int32(binary.LittleEndian.Uint32(field[1:]))), 0).UTC()
			}
		}
	}
}

// dosTime reads a time without zone as UTC. No date is no time.
func dosTime(date, clock uint16) time.Time {
	if date == 0 {
		return time.Time{}
	}
	return time.Date(int(date>>9)+1980, time.Month(date>>5&0xf), int(date&0x1f), int(clock>>11), int(clock>>5&0x3f), int(clock&0x1f)*2, 0, time.UTC)
}

// unicodeName is the name in Info-ZIP's extra field for names in Unicode, which holds as long as the other name is still what it was.
func unicodeName(name, extra []byte) string {
	for len(extra) >= 4 {
		id, n := binary.LittleEndian.Uint16(extra), int(binary.LittleEndian.Uint16(extra[2:]))
		if len(extra) < 4+n {
			return ""
		}
		if f := extra[4 : 4+n]; id == 0x7075 && n > 5 && f[0] == 1 && binary.LittleEndian.Uint32(f[1:]) == crc32.ChecksumIEEE(name) && utf8.Valid(f[5:]) {
			return string(f[5:])
		}
		extra = extra[4+n:]
	}
	return ""
}

// decodeName takes names as UTF-8 when they are, also without the flag, as Shift-JIS when they look like it, which Windows in Japanese writes, else
// as code page 437, which the format prescribes.
func decodeName(b []byte, flagged bool) string {
	if utf8.Valid(b) {
		return string(b)
	}
	if flagged {
		return string(bytes.ToValidUTF8(b, []byte("\uFFFD")))
	}
	if s := shiftJIS(b); s != "" {
		return s
	}
	s, err := charmap.CodePage437.NewDecoder().Bytes(b)
	if err != nil {
		return string(bytes.ToValidUTF8(b, []byte("\uFFFD")))
	}
	return string(s)
}

// shiftJIS decodes a name if it is Shift-JIS with two characters of two bytes side by side: in code page 437 the first bytes of such characters are
// accented letters, which hardly follow one another.
func shiftJIS(b []byte) string {
	double := func(i int) bool {
		return i+1 < len(b) && (b[i] >= 0x81 && b[i] <= 0x9f || b[i] >= 0xe0 && b[i] <= 0xfc) && b[i+1] >= 0x40 && b[i+1] <= 0xfc && b[i+1] != 0x7f
	}
	pairs := false
	for i := 0; i < len(b); i++ {
		switch {
		case b[i] < 0x80 || b[i] >= 0xa1 && b[i] <= 0xdf:
		case double(i):
			pairs = pairs || double(i+2)
			i++
		default:
			return ""
		}
	}
	s, err := japanese.ShiftJIS.NewDecoder().Bytes(b)
	if !pairs || err != nil || bytes.ContainsRune(s, utf8.RuneError) {
		return ""
	}
	return string(s)
}

// data finds where the bytes of a member begin, behind its local header.
func (d *directory) data(e *entry) (io.Reader, error) {
	at := d.base + e.offset
	if e.offset < 0 || e.packed < 0 || e.size < 0 || at < 0 || at > d.size-localSize {
		return nil, extract.Malformed("a member does not fit into the file")
	}
	var b [localSize]byte
	if _, err := d.r.ReadAt(b[:], at); err != nil {
		return nil, err
	}
	if string(b[:4]) != "PK\x03\x04" {
		return nil, extract.Malformed("a member is not where the directory says")
	}
	at += localSize + int64(binary.LittleEndian.Uint16(b[26:])) + int64(binary.LittleEndian.Uint16(b[28:]))
	if at > d.size-e.packed {
		return nil, extract.Malformed("a member does not fit into the file")
	}
	return io.NewSectionReader(d.r, at, e.packed), nil
}
