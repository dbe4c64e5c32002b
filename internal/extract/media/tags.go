package media

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/text"
)

const (
	// maxValue is how long a tag may be in bytes, and how much of a packet of metadata is read.
	maxValue = 1 << 20
	// maxFields is how many names of tags are kept apart.
	maxFields = 4096
	// piece is how much of a value is handed over at once.
	piece = 32 << 10
)

// tags delivers what a document says of itself: a record whose names are those of the tags.
type tags struct {
	in      *extract.Input
	out     *extract.Output
	r       io.ReaderAt
	size    int64
	fields  map[string]*text.Field
	trouble error
	// cut says that a value was too long to be read wholly.
	cut bool
	// latitude and longitude of XMP wait for each other.
	latitude, longitude string
}

// field is the field of a path, such as EXIF and Artist.
func (t *tags) field(path []string) *text.Field {
	key := strings.Join(path, "\x00")
	f := t.fields[key]
	if f == nil {
		if len(t.fields) >= maxFields {
			path = path[:1]
			if f = t.fields[path[0]]; f != nil {
				return f
			}
			key = path[0]
		}
		f = &text.Field{Names: append([]string(nil), path...)}
		for _, name := range path {
			f.Steps = append(f.Steps, text.Step{Name: name})
		}
		t.fields[key] = f
	}
	return f
}

// add delivers a value. Blanks and zeros around it are left out, and what is empty then.
func (t *tags) add(value []byte, path ...string) error {
	value = bytes.Trim(value, "\x00 \t\r\n")
	if len(value) == 0 {
		return nil
	}
	if bytes.IndexByte(value, 0) >= 0 || !utf8.Valid(value) {
		value = bytes.ToValidUTF8(bytes.ReplaceAll(value, []byte{0}, []byte{' '}), []byte("\uFFFD"))
	}
	for i, name := range path {
		if len(name) > 256 {
			path[i] = strings.ToValidUTF8(name[:256], "")
		}
	}
	b := text.Block{Kind: text.Records, Segments: make([]text.Segment, 1)}
	f := t.field(path)
	for len(value) > 0 {
		n := len(value)
		if n > piece {
			for n = piece; !utf8.RuneStart(value[n]); n-- {
			}
		}
		b.Text = value[:n]
		value = value[n:]
		b.Segments[0] = text.Segment{End: int32(n), Field: f, More: len(value) > 0}
		if err := t.out.Text(&b); err != nil {
			return err
		}
	}
	return nil
}

// legacy delivers a value that is UTF-8 or else Windows-1252.
func (t *tags) legacy(value []byte, path ...string) error {
	return t.add(western(value), path...)
}

func western(b []byte) []byte {
	if utf8.Valid(b) {
		return b
	}
	out, _ := charmap.Windows1252.NewDecoder().Bytes(b)
	return out
}

// wide decodes UTF-16; a byte order mark goes before the order that is said.
func wide(b []byte, big bool) []byte {
	if len(b) >= 2 && b[0] == 0xfe && b[1] == 0xff {
		b, big = b[2:], true
	} else if len(b) >= 2 && b[0] == 0xff && b[1] == 0xfe {
		b, big = b[2:], false
	}
	units := make([]uint16, len(b)/2)
	for i := range units {
		hi, lo := b[2*i+1], b[2*i]
		if big {
			hi, lo = lo, hi
		}
		units[i] = uint16(hi)<<8 | uint16(lo)
	}
	return []byte(string(utf16.Decode(units)))
}

// coordinates delivers a position in degrees as people write it, with the words that tell what it is.
func (t *tags) coordinates(latitude, longitude float64, in string) error {
	if !(latitude >= -90 && latitude <= 90 && longitude >= -180 && longitude <= 180) {
		return nil
	}
	return t.add(fmt.Appendf(nil, "%s, %s", degrees(latitude), degrees(longitude)), in, "GPS coordinates")
}

// degrees writes at least six decimals: that is a tenth of a metre.
func degrees(v float64) string { return strconv.FormatFloat(v, 'f', 6, 64) }

// bytes reads a stretch of the document, at most maxValue.
func (t *tags) bytes(at, n int64) ([]byte, error) {
	if at < 0 || n < 0 || at > t.size || n > t.size-at {
		return nil, extract.Malformed("a tag does not fit into the file")
	}
	if n > maxValue {
		n, t.cut = maxValue, true
	}
	b := make([]byte, n)
	if k, err := t.r.ReadAt(b, at); int64(k) < n {
		return nil, short(err)
	}
	return b, nil
}

// short makes the end of the file inside something trouble of the document.
func short(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return extract.Malformed("the file ends inside a tag")
	}
	return err
}

// try notes trouble of one part of the document, so that the others are read all the same. Other errors come back.
func (t *tags) try(err error) error {
	var p *extract.Problem
	if errors.As(err, &p) {
		if t.trouble == nil {
			t.trouble = err
		}
		return nil
	}
	return err
}

// unpacked reads what a compressed tag unpacks to.
func (t *tags) unpacked(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(t.out.Unpacked(r), maxValue+1))
	var corrupt flate.CorruptInputError
	if errors.As(err, &corrupt) || errors.Is(err, zlib.ErrHeader) || errors.Is(err, zlib.ErrChecksum) || errors.Is(err, io.ErrUnexpectedEOF) || err == io.EOF {
		err = extract.Malformed("a compressed tag is broken")
	}
	if len(b) > maxValue {
		b, t.cut = b[:maxValue], true
	}
	return b, err
}
