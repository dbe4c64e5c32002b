package media

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/magpie-sec/magpie/internal/extract"
)

// The layout is that of TIFF 6.0, the tags those of it and of Exif 3.0 (CIPA DC-008), those of Windows, and of DNG.
var exifNames = map[uint16]string{
	0x010d: "DocumentName", 0x010e: "ImageDescription", 0x010f: "Make", 0x0110: "Model", 0x011d: "PageName", 0x0131: "Software", 0x0132: "DateTime",
	0x013b: "Artist", 0x013c: "HostComputer", 0x8298: "Copyright", 0x9003: "DateTimeOriginal", 0x9004: "DateTimeDigitized", 0x9010: "OffsetTime",
	0x9011: "OffsetTimeOriginal", 0x9012: "OffsetTimeDigitized", 0x9286: "UserComment", 0x9290: "SubSecTime", 0x9291: "SubSecTimeOriginal",
	0x9292: "SubSecTimeDigitized", 0x9c9b: "XPTitle", 0x9c9c: "XPComment", 0x9c9d: "XPAuthor", 0x9c9e: "XPKeywords", 0x9c9f: "XPSubject",
	0xa004: "RelatedSoundFile", 0xa420: "ImageUniqueID", 0xa430: "CameraOwnerName", 0xa431: "BodySerialNumber", 0xa433: "LensMake",
	0xa434: "LensModel", 0xa435: "LensSerialNumber", 0xa436: "ImageTitle", 0xa437: "Photographer", 0xa438: "ImageEditor",
	0xa439: "CameraFirmware", 0xa43a: "RAWDevelopingSoftware", 0xa43b: "ImageEditingSoftware", 0xa43c: "MetadataEditingSoftware",
	0xc614: "UniqueCameraModel", 0xc62f: "CameraSerialNumber", 0xc68b: "OriginalRawFileName",
}

var gpsNames = map[uint16]string{
	0x08: "GPSSatellites", 0x12: "GPSMapDatum", 0x1b: "GPSProcessingMethod", 0x1c: "GPSAreaInformation", 0x1d: "GPSDateStamp",
}

const (
	tagExif, tagGPS, tagInterop, tagSubIFDs = 0x8769, 0x8825, 0xa005, 0x014a
	tagXMP, tagIPTC, tagPhotoshop           = 0x02bc, 0x83bb, 0x8649

	// maxIFDs and maxEntries bound directories, which may refer to one another, or to themselves.
	maxIFDs    = 64
	maxEntries = 4096
)

// A tiff is a block of TIFF in the document: all of it, or the Exif of a photo.
type tiff struct {
	*tags
	name  string // in paths
	base  int64
	end   int64
	order binary.ByteOrder
	ifds  int
	left  int
	seen  map[int64]bool

	lat, lon       [3]float64
	latRef, lonRef byte
	have           int // of latitude and longitude
}

// exif reads a block of TIFF at that place.
func (t *tags) exif(at, n int64, name string) error {
	if n > t.size-at || at < 0 {
		return extract.Malformed("EXIF does not fit into the file")
	}
	x := &tiff{tags: t, name: name, base: at, end: at + n, left: maxEntries, seen: map[int64]bool{}}
	h, err := t.bytes(at, min(n, 8))
	if err != nil {
		return err
	}
	switch {
	case len(h) < 8:
		return extract.Malformed("EXIF is cut")
	case h[0] == 'I' && h[1] == 'I':
		x.order = binary.LittleEndian
	case h[0] == 'M' && h[1] == 'M':
		x.order = binary.BigEndian
	default:
		return extract.Malformed("EXIF without byte order")
	}
	return x.chain(int64(x.order.Uint32(h[4:])), exifNames)
}

// chain reads directories that follow one another.
func (x *tiff) chain(at int64, names map[uint16]string) error {
	for at != 0 {
		if x.ifds++; x.ifds > maxIFDs || x.seen[at] {
			return extract.Malformed("directories without end")
		}
		x.seen[at] = true
		next, err := x.ifd(at, names)
		if err != nil {
			return err
		}
		at = next
	}
	return nil
}

func (x *tiff) at(offset, n int64) ([]byte, error) {
	if offset < 0 || n > x.end-x.base-offset {
		return nil, extract.Malformed("a tag points outside of the file")
	}
	return x.bytes(x.base+offset, n)
}

var typeSizes = [14]int64{0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4}

const (
	typeByte, typeASCII, typeShort, typeLong, typeUndefined, typeIFD, typeUTF8 = 1, 2, 3, 4, 7, 13, 129
)

func (x *tiff) ifd(at int64, names map[uint16]string) (next int64, err error) {
	b, err := x.at(at, 2)
	if err != nil {
		return 0, err
	}
	n := int64(x.order.Uint16(b))
	if b, err = x.at(at+2, 12*n); err != nil {
		return 0, err
	}
	var below []func() error
	for i := range n {
		e := b[12*i : 12*i+12]
		if x.left--; x.left < 0 {
			return 0, extract.Malformed("more tags than a file has")
		}
		down, err := x.entry(e, names)
		if err != nil {
			return 0, err
		}
		if down != nil {
			below = append(below, down)
		}
	}
	if x.have == 2 {
		x.have = 0
		if err := x.coordinates(sign(x.latRef)*dms(x.lat), sign(x.lonRef)*dms(x.lon), x.name); err != nil {
			return 0, err
		}
	}
	for _, f := range below {
		if err := f(); err != nil {
			return 0, err
		}
	}
	if b, err = x.at(at+2+12*n, 4); err != nil {
		return 0, nil // the last directory of some writers has no end
	}
	return int64(x.order.Uint32(b)), nil
}

func sign(ref byte) float64 {
	if ref == 'S' || ref == 'W' {
		return -1
	}
	return 1
}

func dms(v [3]float64) float64 { return v[0] + v[1]/60 + v[2]/3600 }

// entry reads one tag. What must be read after the directory is returned.
func (x *tiff) entry(e []byte, names map[uint16]string) (func() error, error) {
	tag, kind, count := x.order.Uint16(e), x.order.Uint16(e[2:]), int64(x.order.Uint32(e[4:]))
	size := int64(1)
	if kind < uint16(len(typeSizes)) {
		size = typeSizes[kind]
	} else if kind != typeUTF8 {
		return nil, nil
	}
	n := size * count
	where := x.base + int64(x.order.Uint32(e[8:]))
	value := func() ([]byte, error) {
		if n <= 4 {
			return e[8 : 8+n], nil
		}
		return x.at(where-x.base, n)
	}
	gps := names[0x1d] != ""
	switch tag {
	case tagExif, tagGPS, tagInterop, tagSubIFDs:
		return x.directories(tag, kind, count, value)
	case tagXMP:
		return func() error { return x.xmpAt(where, min(n, x.end-where)) }, nil
	case tagIPTC, tagPhotoshop:
		if n <= 4 || where > x.end || n > x.end-where {
			return nil, nil
		}
		if tag == tagIPTC {
			return func() error { return x.iptcAt(where, n) }, nil
		}
		return func() error { return x.resources(where, n) }, nil
	}
	name := names[tag]
	switch {
	case gps && tag >= 1 && tag <= 4:
		return nil, x.position(tag, value)
	case kind == typeASCII || kind == typeUTF8:
		if name == "" {
			if gps || n < 4 { // a letter or two
				return nil, nil
			}
			name = fmt.Sprintf("tag 0x%04x", tag)
		}
		b, err := value()
		if err != nil {
			return nil, err
		}
		return nil, x.legacy(b, x.name, name)
	case tag >= 0x9c9b && tag <= 0x9c9f && kind == typeByte:
		b, err := value()
		if err != nil {
			return nil, err
		}
		return nil, x.add(wide(b, false), x.name, name)
	case name != "" && kind == typeUndefined:
		b, err := value()
		if err != nil {
			return nil, err
		}
		return nil, x.comment(b, name)
	}
	return nil, nil
}

// directories are those that a tag points to.
func (x *tiff) directories(tag, kind uint16, count int64, value func() ([]byte, error)) (func() error, error) {
	if kind != typeLong && kind != typeIFD || count == 0 || count > maxIFDs {
		return nil, nil
	}
	b, err := value()
	if err != nil {
		return nil, err
	}
	names := exifNames
	if tag == tagGPS {
		names = gpsNames
	}
	return func() error {
		for ; len(b) >= 4; b = b[4:] {
			at := int64(x.order.Uint32(b))
			if x.ifds++; x.ifds > maxIFDs || x.seen[at] {
				return extract.Malformed("directories without end")
			}
			x.seen[at] = true
			if _, err := x.ifd(at, names); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

// comment reads a text behind the eight bytes that say its charset.
func (x *tiff) comment(b []byte, name string) error {
	if len(b) < 8 {
		return nil
	}
	charset, b := string(b[:8]), b[8:]
	switch {
	case charset == "UNICODE\x00":
		b = wide(b, x.order == binary.BigEndian)
	case charset == "ASCII\x00\x00\x00", charset == "\x00\x00\x00\x00\x00\x00\x00\x00":
	default:
		return nil
	}
	return x.legacy(b, x.name, name)
}

// position takes latitude and longitude, each of them three fractions and a letter.
func (x *tiff) position(tag uint16, value func() ([]byte, error)) error {
	b, err := value()
	if err != nil {
		return err
	}
	if tag == 1 || tag == 3 {
		ref := &x.latRef
		if tag == 3 {
			ref = &x.lonRef
		}
		if len(b) > 0 {
			*ref = bytes.ToUpper(b)[0]
		}
		return nil
	}
	v := &x.lat
	if tag == 4 {
		v = &x.lon
	}
	if len(b) < 8 {
		return nil
	}
	for i := 0; i < 3 && len(b) >= 8*i+8; i++ {
		above, below := x.order.Uint32(b[8*i:]), x.order.Uint32(b[8*i+4:])
		if below == 0 {
			if above != 0 || i == 0 {
				v[0] = math.NaN()
			}
			below = 1
		}
		v[i] += float64(above) / float64(below)
	}
	x.have++
	return nil
}
