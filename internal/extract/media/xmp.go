package media

import (
	"bytes"
	"encoding/xml"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/magpie-sec/magpie/internal/extract"
)

// maxDepth is how deep elements of XMP may stand in one another.
const maxDepth = 64

// frames are the elements of XMP that only hold others together (ISO 16684-1).
var frames = map[string]bool{"xmpmeta": true, "RDF": true, "Description": true, "Bag": true, "Seq": true, "Alt": true, "li": true, "xapmeta": true}

func (t *tags) xmpAt(at, n int64) error {
	b, err := t.bytes(at, n)
	if err != nil {
		return err
	}
	return t.xmp(b)
}

// xmp reads a packet: the values of its elements and attributes, with the names of the elements around them.
func (t *tags) xmp(b []byte) error {
	b = bytes.TrimRight(b, "\x00 \r\n")
	if len(b) > 2 && (b[0] == 0 || b[1] == 0) {
		b = wide(b, b[0] == 0)
	} else if len(b) > 2 && (b[0] == 0xff || b[0] == 0xfe) {
		b = wide(b, true)
	}
	if !bytes.Contains(b, []byte("<")) {
		return nil
	}
	d := xml.NewDecoder(bytes.NewReader(b))
	d.Strict = false
	d.CharsetReader = func(charset string, r io.Reader) (io.Reader, error) { return r, nil }
	path := []string{"XMP"}
	depth := 0
	var open []bool // whether the element stands in the path
	var value []byte
	flush := func() error {
		err := t.property(value, path)
		value = value[:0]
		return err
	}
	for {
		token, err := d.RawToken()
		if err == io.EOF {
			return flush()
		}
		if err != nil {
			if e := flush(); e != nil {
				return e
			}
			return extract.Malformed("XMP does not parse")
		}
		switch e := token.(type) {
		case xml.StartElement:
			if err := flush(); err != nil {
				return err
			}
			if depth++; depth > maxDepth {
				return extract.Malformed("XMP is too deep")
			}
			named := !frames[e.Name.Local]
			if named {
				path = append(path, e.Name.Local)
			}
			open = append(open, named)
			for _, a := range e.Attr {
				if a.Name.Space == "xmlns" || a.Name.Local == "xmlns" || a.Name.Space == "xml" || a.Name.Space == "rdf" || a.Name.Local == "xmptk" {
					continue
				}
				if err := t.property([]byte(a.Value), append(path[:len(path):len(path)], a.Name.Local)); err != nil {
					return err
				}
			}
		case xml.EndElement:
			if err := flush(); err != nil {
				return err
			}
			if len(open) > 0 {
				depth--
				if open[len(open)-1] {
					path = path[:len(path)-1]
				}
				open = open[:len(open)-1]
			}
		case xml.CharData:
			value = append(value, e...)
		}
	}
}

// property delivers a value of XMP. Positions are written for people; thumbnails and what the tools count for themselves are left out.
func (t *tags) property(value []byte, path []string) error {
	value = bytes.TrimSpace(value)
	name := path[len(path)-1]
	if len(value) == 0 || len(path) == 1 && name == "XMP" {
		return nil
	}
	switch {
	case name == "image" || name == "HasExtendedXMP" || name == "Data" && len(value) > 1024:
		return nil
	case name == "GPSLatitude":
		t.latitude = string(value)
		return t.meet()
	case name == "GPSLongitude":
		t.longitude = string(value)
		return t.meet()
	}
	return t.add(value, path...)
}

func (t *tags) meet() error {
	if t.latitude == "" || t.longitude == "" {
		return nil
	}
	lat, lon := xmpDegrees(t.latitude), xmpDegrees(t.longitude)
	t.latitude, t.longitude = "", ""
	return t.coordinates(lat, lon, "XMP")
}

// xmpDegrees reads "59,51.516N" and "59,51,31N".
func xmpDegrees(s string) float64 {
	s = strings.TrimSpace(s)
	ref := s[len(s)-1]
	if ref >= 'A' {
		s = s[:len(s)-1]
	}
	v := 0.0
	for i, part := range strings.Split(s, ",") {
		f, err := strconv.ParseFloat(strings.TrimSpace(part), 64)
		if err != nil || i > 2 {
			return math.NaN()
		}
		v += f / math.Pow(60, float64(i))
	}
	return sign(ref) * v
}
