package media

import (
	"bytes"
	"encoding/binary"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/magpie-sec/magpie/internal/extract"
)

// The boxes are those of ISO 14496-12 (also HEIF and AVIF), of QuickTime, and the list of items that iTunes writes.

// maxBoxes is how many boxes are looked at, and maxLevels how deep they may stand in one another.
const (
	maxBoxes  = 100_000
	maxLevels = 12
)

// itemNames are the names of iTunes' items and of QuickTime's user data. The first character of most is 0xa9.
var itemNames = map[string]string{
	"\xa9nam": "Title", "\xa9ART": "Artist", "aART": "AlbumArtist", "\xa9alb": "Album", "\xa9cmt": "Comment", "\xa9day": "Date", "\xa9gen": "Genre",
	"\xa9wrt": "Composer", "\xa9lyr": "Lyrics", "\xa9too": "Encoder", "\xa9grp": "Grouping", "\xa9aut": "Author", "\xa9cpy": "Copyright", "cprt": "Copyright",
	"desc": "Description", "ldes": "LongDescription", "\xa9des": "Description", "\xa9inf": "Information", "\xa9xyz": "Location", "\xa9mak": "Make", "\xa9mod": "Model",
	"\xa9swr": "Software", "\xa9prd": "Producer", "\xa9dir": "Director", "\xa9own": "Owner", "ownr": "Owner", "apID": "AppleID", "purd": "PurchaseDate",
	"tvsh": "Show", "tven": "Episode", "keyw": "Keywords", "catg": "Category", "\xa9PRD": "Producer", "\xa9dis": "Disclaimer", "\xa9req": "Requirements",
	"titl": "Title", "auth": "Author", "perf": "Performer", "dscp": "Description", "albm": "Album", "gnre": "Genre",
}

const xmpUUID = "\xbe\x7a\xcf\xcb\x97\xa9\x42\xe8\x9c\x71\x99\x94\x91\xe3\xaf\xac"

// A movie is a file of boxes.
type movie struct {
	*tags
	boxes int
	keys  []string // of QuickTime's metadata
	items map[uint32]string
	data  int64 // where the box "idat" begins
	iloc  []byte
}

func (t *tags) movie() error {
	m := &movie{tags: t, items: map[uint32]string{}}
	return m.walk(0, t.size, "", 0)
}

// walk reads the boxes in a stretch.
func (m *movie) walk(at, end int64, in string, level int) error {
	for at+8 <= end {
		if m.boxes++; m.boxes > maxBoxes || level > maxLevels {
			return extract.Malformed("more boxes than a file has")
		}
		h, err := m.bytes(at, min(16, end-at))
		if err != nil {
			return err
		}
		n, kind, head := int64(binary.BigEndian.Uint32(h)), string(h[4:8]), int64(8)
		switch {
		case n == 1 && len(h) == 16:
			n, head = int64(binary.BigEndian.Uint64(h[8:])), 16
		case n == 0:
			if level > 0 {
				return nil // the end of QuickTime's user data
			}
			n = end - at
		}
		if n < head || n > end-at {
			if level == 0 && (kind == "mdat" || at > 0 && !letters(kind)) {
				return extract.Malformed("the file ends in its data")
			}
			return extract.Malformed("a box does not fit into the file")
		}
		if err := m.try(m.box(at+head, at+n, in, kind, level)); err != nil {
			return err
		}
		at += n
	}
	return nil
}

func letters(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > 0x7e }) < 0
}

func (m *movie) box(at, end int64, in, kind string, level int) error {
	switch {
	case kind == "moov" || kind == "udta" || kind == "trak" || kind == "ilst":
		return m.walk(at, end, kind, level+1)
	case kind == "meta":
		// In ISO's files four bytes stand before the boxes, in QuickTime's none.
		h, err := m.bytes(at, min(8, end-at))
		if err != nil || len(h) < 8 {
			return err
		}
		if string(h[4:]) != "hdlr" {
			at += 4
		}
		m.keys = nil
		if err := m.walk(at, end, "meta", level+1); err != nil {
			return err
		}
		return m.locations()
	case kind == "uuid" && end-at > 16:
		b, err := m.bytes(at, 16)
		if err != nil {
			return err
		}
		if string(b) == xmpUUID {
			return m.xmpAt(at+16, end-at-16)
		}
		return nil
	case kind == "XMP_":
		return m.xmpAt(at, end-at)
	case in == "meta" && kind == "keys":
		return m.readKeys(at, end)
	case in == "meta" && kind == "iinf":
		return m.itemInfos(at, end)
	case in == "meta" && kind == "idat":
		m.data = at
		return nil
	case in == "meta" && kind == "iloc":
		b, err := m.bytes(at, end-at)
		m.iloc = b
		return err
	case in == "ilst":
		return m.item(at, end, kind, level)
	case in == "udta" && kind == "loci":
		return m.loci(at, end)
	case in == "udta" && itemNames[kind] != "":
		return m.userData(at, end, kind)
	}
	return nil
}

// readKeys reads QuickTime's names of metadata, which the items refer to by number.
func (m *movie) readKeys(at, end int64) error {
	b, err := m.bytes(at, end-at)
	if err != nil || len(b) < 8 {
		return err
	}
	for b = b[8:]; len(b) >= 8; {
		n := int64(binary.BigEndian.Uint32(b))
		if n < 8 || n > int64(len(b)) {
			return extract.Malformed("the names of metadata are broken")
		}
		m.keys = append(m.keys, string(western(b[8:n])))
		b = b[n:]
	}
	return nil
}

// item reads one item of iTunes' list: boxes "data", of which those of type text count, and for free names "name" before it.
func (m *movie) item(at, end int64, kind string, level int) error {
	name := itemNames[kind]
	if i := binary.BigEndian.Uint32([]byte(kind)); i >= 1 && int64(i) <= int64(len(m.keys)) {
		name = m.keys[i-1]
	}
	if name == "" {
		name = string(western([]byte(kind)))
	}
	for at+16 <= end {
		h, err := m.bytes(at, 16)
		if err != nil {
			return err
		}
		n := int64(binary.BigEndian.Uint32(h))
		if n < 8 || n > end-at {
			return extract.Malformed("an item is broken")
		}
		switch string(h[4:8]) {
		case "name":
			b, err := m.bytes(at+12, max(0, n-12))
			if err != nil {
				return err
			}
			name = string(western(b))
		case "data":
			if kind := binary.BigEndian.Uint32(h[8:]); n > 16 && (kind == 1 || kind == 2) {
				b, err := m.bytes(at+16, n-16)
				if err != nil {
					return err
				}
				if kind == 2 {
					b = wide(b, true)
				}
				if err := m.value(b, name); err != nil {
					return err
				}
			}
		}
		at += n
	}
	return nil
}

// userData reads a text of QuickTime (sizes and languages before it), of 3GPP (a language before it), or just text.
func (m *movie) userData(at, end int64, kind string) error {
	b, err := m.bytes(at, end-at)
	if err != nil {
		return err
	}
	name := itemNames[kind]
	if kind[0] != 0xa9 {
		if len(b) > 6 && binary.BigEndian.Uint32(b) == 0 {
			b = b[6:]
			if len(b) > 2 && b[0] == 0xfe && b[1] == 0xff {
				b = wide(b, true)
			}
		}
		return m.value(b, name)
	}
	if len(b) >= 4 && int(binary.BigEndian.Uint16(b))+4 > len(b) {
		return m.value(b, name)
	}
	for len(b) >= 4 {
		n := int(binary.BigEndian.Uint16(b))
		if n > len(b)-4 {
			return extract.Malformed("a text does not fit into its box")
		}
		if err := m.value(b[4:4+n], name); err != nil {
			return err
		}
		b = b[4+n:]
	}
	return nil
}

// loci reads 3GPP's location: a name, and fixed-point degrees (TS 26.244, 8.12).
func (m *movie) loci(at, end int64) error {
	b, err := m.bytes(at, end-at)
	if err != nil || len(b) < 6 {
		return err
	}
	name, rest, ok := bytes.Cut(b[6:], []byte{0})
	if !ok || len(rest) < 9 {
		return extract.Malformed("a location is cut")
	}
	if err := m.legacy(name, "Media", "Location"); err != nil {
		return err
	}
	degrees := func(b []byte) float64 { return float64(int32(binary.BigEndian.Uint32(b))) / 65536 }
	return m.coordinates(degrees(rest[5:]), degrees(rest[1:]), "Media")
}

// iso6709 is a position as in ISO 6709, annex H, in degrees.
var iso6709 = regexp.MustCompile(`^([+-]\d{2}(?:\.\d+)?)([+-]\d{3}(?:\.\d+)?)(?:[+-]\d+(?:\.\d+)?)?(?:CRS[^/]*)?/?$`)

func (m *movie) value(b []byte, name string) error {
	if p := iso6709.FindSubmatch(bytes.Trim(b, "\x00 ")); p != nil {
		lat, err := strconv.ParseFloat(string(p[1]), 64)
		lon, err2 := strconv.ParseFloat(string(p[2]), 64)
		if err != nil || err2 != nil {
			lat = math.NaN()
		}
		return m.coordinates(lat, lon, "Media")
	}
	return m.legacy(b, "Media", name)
}

// itemInfos reads what the items of a HEIF file are; EXIF and XMP count.
func (m *movie) itemInfos(at, end int64) error {
	b, err := m.bytes(at, end-at)
	if err != nil || len(b) < 6 {
		return err
	}
	skip := 6
	if b[0] > 0 {
		skip = 8
	}
	for b = b[min(skip, len(b)):]; len(b) >= 12; {
		n := int64(binary.BigEndian.Uint32(b))
		if n < 12 || n > int64(len(b)) {
			return extract.Malformed("the list of items is broken")
		}
		e := b[8:n]
		b = b[n:]
		version := e[0]
		if version < 2 || len(e) < 12 {
			continue
		}
		id, e := uint32(binary.BigEndian.Uint16(e[4:])), e[6:]
		if version > 2 {
			id, e = id<<16|uint32(binary.BigEndian.Uint16(e)), e[2:]
		}
		if len(e) < 6 {
			continue
		}
		kind := string(e[2:6])
		_, rest, _ := bytes.Cut(e[6:], []byte{0})
		if kind == "Exif" || kind == "mime" && bytes.HasPrefix(rest, []byte("application/rdf+xml")) {
			m.items[id] = kind
		}
	}
	return nil
}

// locations reads the items whose places iloc tells.
func (m *movie) locations() error {
	b := m.iloc
	m.iloc = nil
	if len(b) < 8 {
		return nil
	}
	version := b[0]
	offsetSize, lengthSize, baseSize, indexSize := int(b[4]>>4), int(b[4]&15), int(b[5]>>4), int(b[5]&15)
	if version == 0 {
		indexSize = 0
	}
	b = b[6:]
	bad := false
	number := func(n int) int64 {
		if n > 8 || n > len(b) {
			bad = true
			return 0
		}
		var v uint64
		for _, c := range b[:n] {
			v = v<<8 | uint64(c)
		}
		b = b[n:]
		return int64(v & math.MaxInt64)
	}
	idSize := 2
	if version >= 2 {
		idSize = 4
	}
	for left := number(idSize); left > 0 && !bad; left-- {
		id, method := uint32(number(idSize)), int64(0)
		if version > 0 {
			method = number(2) & 15
		}
		number(2)
		base, extents := number(baseSize), number(2)
		for ; extents > 0 && !bad; extents-- {
			number(indexSize)
			offset, length := number(offsetSize), number(lengthSize)
			at := base + offset
			if method == 1 {
				at += m.data
			}
			if bad || method > 1 || extents > 1 {
				continue
			}
			if err := m.try(m.content(m.items[id], at, length)); err != nil {
				return err
			}
			delete(m.items, id)
		}
	}
	if bad {
		return extract.Malformed("the places of items are broken")
	}
	return nil
}

func (m *movie) content(kind string, at, n int64) error {
	switch kind {
	case "mime":
		return m.xmpAt(at, n)
	case "Exif": // four bytes say how far on TIFF begins
		b, err := m.bytes(at, min(n, 4))
		if err != nil || len(b) < 4 {
			return err
		}
		skip := 4 + int64(binary.BigEndian.Uint32(b))
		if skip >= n {
			return extract.Malformed("EXIF is cut")
		}
		return m.exif(at+skip, n-skip, "EXIF")
	}
	return nil
}
