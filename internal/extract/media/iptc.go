package media

import (
	"bytes"
	"encoding/binary"

	"github.com/magpie-sec/magpie/internal/extract"
)

// iptcNames are datasets of record 2 (IPTC-IIM 4.2).
var iptcNames = map[byte]string{
	5: "ObjectName", 7: "EditStatus", 15: "Category", 20: "SupplementalCategories", 25: "Keywords", 26: "LocationName", 30: "ReleaseDate",
	37: "ExpirationDate", 40: "SpecialInstructions", 55: "DateCreated", 60: "TimeCreated", 62: "DigitalCreationDate", 65: "OriginatingProgram", 80: "Byline",
	85: "BylineTitle", 90: "City", 92: "Sublocation", 95: "ProvinceState", 100: "CountryCode", 101: "Country", 103: "OriginalTransmissionReference",
	105: "Headline", 110: "Credit", 115: "Source", 116: "CopyrightNotice", 118: "Contact", 120: "Caption", 121: "LocalCaption", 122: "Writer",
	135: "Language",
}

func (t *tags) iptcAt(at, n int64) error {
	b, err := t.bytes(at, n)
	if err != nil {
		return err
	}
	return t.iptc(b)
}

// iptc reads datasets. Those without a name in the standard are left out, and those that hold bytes.
func (t *tags) iptc(b []byte) error {
	for len(b) >= 5 && b[0] == 0x1c {
		record, set, n := b[1], b[2], int(binary.BigEndian.Uint16(b[3:]))
		b = b[5:]
		if n > len(b) {
			return nil // padding, or the size of a preview
		}
		value := b[:n]
		b = b[n:]
		if name := iptcNames[set]; record == 2 && name != "" {
			if err := t.legacy(value, "IPTC", name); err != nil {
				return err
			}
		}
	}
	return nil
}

// resources reads Photoshop's blocks of resources: IPTC, EXIF and XMP among them.
func (t *tags) resources(at, n int64) error {
	end := at + n
	for at+12 <= end {
		h, err := t.bytes(at, min(end-at, 12+256))
		if err != nil {
			return err
		}
		if !bytes.HasPrefix(h, []byte("8BIM")) && !bytes.HasPrefix(h, []byte("MeSa")) {
			return nil
		}
		id, name := binary.BigEndian.Uint16(h[4:]), int(h[6])
		head := 6 + (1+name+1)&^1
		if len(h) < head+4 {
			return nil
		}
		size := int64(binary.BigEndian.Uint32(h[head:]))
		at += int64(head) + 4
		if size > end-at {
			return extract.Malformed("a resource of %d bytes", size)
		}
		switch id {
		case 0x0404:
			err = t.iptcAt(at, size)
		case 0x0422, 0x0423:
			err = t.exif(at, size, "EXIF")
		case 0x0424:
			err = t.xmpAt(at, size)
		}
		if err := t.try(err); err != nil {
			return err
		}
		at += (size + 1) &^ 1
	}
	return nil
}
