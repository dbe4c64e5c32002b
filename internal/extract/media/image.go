package media

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/hex"
	"io"
	"strconv"
	"strings"

	"github.com/magpie-sec/magpie/internal/extract"
)

const (
	exifMark   = "Exif\x00\x00"
	xmpMark    = "http://ns.adobe.com/xap/1.0/\x00"
	xmpMore    = "http://ns.adobe.com/xmp/extension/\x00"
	photoshop  = "Photoshop 3.0\x00"
	xmpKeyword = "XML:com.adobe.xmp"
)

// jpeg reads segments up to the first scan.
func (t *tags) jpeg() error {
	var more []byte // of XMP that is longer than a segment
	at := int64(2)
	for at < t.size {
		h, err := t.bytes(at, min(4, t.size-at))
		if err != nil {
			return err
		}
		if h[0] != 0xff {
			return extract.Malformed("no marker where one should be")
		}
		if len(h) < 2 {
			return extract.Malformed("cut in a marker")
		}
		const soi, eoi, sos, tem, com, app1, app13 = 0xd8, 0xd9, 0xda, 0x01, 0xfe, 0xe1, 0xed
		switch m := h[1]; {
		case m == 0xff: // fill
			at++
			continue
		case m == tem || m >= 0xd0 && m <= soi:
			at += 2
			continue
		case m == eoi || m == sos:
			return t.extendedXMP(more)
		}
		if len(h) < 4 {
			return extract.Malformed("cut in a marker")
		}
		n := int64(binary.BigEndian.Uint16(h[2:]))
		if n < 2 || n > t.size-at-2 {
			return extract.Malformed("a segment does not fit into the file")
		}
		from, n := at+4, n-2
		at = from + n
		switch h[1] {
		case com:
			b, err := t.bytes(from, n)
			if err != nil {
				return err
			}
			if err := t.legacy(b, "JPEG", "Comment"); err != nil {
				return err
			}
		case app1:
			if more, err = t.app1(from, n, more); err != nil {
				return err
			}
		case app13:
			if b, err := t.bytes(from, min(n, int64(len(photoshop)))); err != nil {
				return err
			} else if string(b) == photoshop {
				if err := t.try(t.resources(from+int64(len(photoshop)), n-int64(len(photoshop)))); err != nil {
					return err
				}
			}
		}
	}
	return extract.Malformed("no image follows")
}

func (t *tags) app1(from, n int64, more []byte) ([]byte, error) {
	b, err := t.bytes(from, n)
	if err != nil {
		return more, err
	}
	switch {
	case bytes.HasPrefix(b, []byte(exifMark)):
		err = t.exif(from+6, n-6, "EXIF")
	case bytes.HasPrefix(b, []byte(xmpMark)):
		err = t.xmp(b[len(xmpMark):])
	case bytes.HasPrefix(b, []byte(xmpMore)) && len(b) > len(xmpMore)+40: // behind a digest, the size of the whole and the place of this part
		if b = b[len(xmpMore)+40:]; len(more)+len(b) <= maxValue {
			more = append(more, b...)
		} else {
			t.cut = true
		}
	}
	return more, t.try(err)
}

func (t *tags) extendedXMP(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	return t.try(t.xmp(b))
}

// png reads chunks.
func (t *tags) png() error {
	at := int64(8)
	for at < t.size {
		h, err := t.bytes(at, min(8, t.size-at))
		if err != nil {
			return err
		}
		if len(h) < 8 {
			return extract.Malformed("cut in a chunk")
		}
		n, kind := int64(binary.BigEndian.Uint32(h)), string(h[4:])
		at += 8
		if n > t.size-at-4 {
			return extract.Malformed("a chunk does not fit into the file")
		}
		switch kind {
		case "IEND":
			return nil
		case "eXIf":
			err = t.exif(at, n, "EXIF")
		case "tEXt", "zTXt", "iTXt":
			var b []byte
			if b, err = t.bytes(at, n); err == nil {
				err = t.pngText(kind, b)
			}
		}
		if err := t.try(err); err != nil {
			return err
		}
		at += n + 4
	}
	return extract.Malformed("the end is missing")
}

// pngText reads a keyword and the text behind it (PNG, third edition, 11.3.3).
func (t *tags) pngText(kind string, b []byte) error {
	key, b, ok := bytes.Cut(b, []byte{0})
	if !ok || len(key) > 79 {
		return extract.Malformed("a text without keyword")
	}
	packed := kind == "zTXt"
	switch kind {
	case "zTXt":
		if len(b) < 1 {
			return extract.Malformed("a text is cut")
		}
		b = b[1:]
	case "iTXt":
		if len(b) < 2 {
			return extract.Malformed("a text is cut")
		}
		packed = b[0] == 1
		_, b, _ = bytes.Cut(b[2:], []byte{0}) // the language
		_, b, _ = bytes.Cut(b, []byte{0})     // the keyword in it
	}
	if packed {
		z, err := zlib.NewReader(bytes.NewReader(b))
		if err != nil {
			return extract.Malformed("a compressed text is broken")
		}
		if b, err = t.unpacked(z); err != nil {
			return err
		}
	}
	name := string(western(key))
	switch {
	case name == xmpKeyword:
		return t.xmp(b)
	case strings.HasPrefix(name, "Raw profile type "):
		return t.rawProfile(name[len("Raw profile type "):], b)
	case strings.HasPrefix(name, "exif:"): // ImageMagick's copy of the profile, in numbers
		return nil
	}
	return t.legacy(b, "PNG", name)
}

// rawProfile reads what ImageMagick puts into texts: the profile's name, its size, and its bytes in hexadecimal digits.
func (t *tags) rawProfile(name string, b []byte) error {
	f := bytes.Fields(b)
	if len(f) < 3 {
		return extract.Malformed("a profile is cut")
	}
	n, err := strconv.Atoi(string(f[1]))
	raw := make([]byte, hex.DecodedLen(len(b)))
	k, err2 := hex.Decode(raw, bytes.Join(f[2:], nil))
	if err != nil || err2 != nil || n > k {
		return extract.Malformed("a profile is broken")
	}
	raw = raw[:n]
	switch name {
	case "xmp":
		return t.xmp(raw)
	case "exif", "APP1", "iptc", "8bim":
		inner := *t
		inner.r, inner.size = bytes.NewReader(raw), int64(n)
		var err error
		switch {
		case bytes.HasPrefix(raw, []byte(exifMark)):
			err = inner.exif(6, int64(n)-6, "EXIF")
		case bytes.HasPrefix(raw, []byte(xmpMark)):
			err = inner.xmp(raw[len(xmpMark):])
		case name == "exif":
			err = inner.exif(0, int64(n), "EXIF")
		case bytes.HasPrefix(raw, []byte{0x1c}):
			err = inner.iptc(raw)
		default:
			err = inner.resources(0, int64(n))
		}
		t.cut, t.trouble = inner.cut, inner.trouble
		return err
	}
	return nil
}

// gif reads blocks: comments, and XMP in an extension for applications.
func (t *tags) gif() error {
	br := bufio.NewReaderSize(io.NewSectionReader(t.r, 0, t.size), 16<<10)
	var h [13]byte
	if _, err := io.ReadFull(br, h[:]); err != nil {
		return short(err)
	}
	table := func(flags byte) error {
		if flags&0x80 == 0 {
			return nil
		}
		_, err := br.Discard(3 << (flags&7 + 1))
		return short(err)
	}
	if err := table(h[10]); err != nil {
		return err
	}
	for {
		b, err := br.ReadByte()
		if err != nil {
			return short(err)
		}
		switch b {
		case ';':
			return nil
		case ',':
			var d [9]byte
			if _, err := io.ReadFull(br, d[:]); err != nil {
				return short(err)
			}
			if err := table(d[8]); err != nil {
				return err
			}
			if _, err := br.Discard(1); err != nil {
				return short(err)
			}
			if _, err := t.subBlocks(br, false, false); err != nil {
				return err
			}
		case '!':
			label, err := br.ReadByte()
			if err != nil {
				return short(err)
			}
			if err := t.gifExtension(br, label); err != nil {
				return err
			}
		case 0: // padding of some writers
		default:
			return extract.Malformed("an unknown block")
		}
	}
}

func (t *tags) gifExtension(br *bufio.Reader, label byte) error {
	const comment, application, plain = 0xfe, 0xff, 0x01
	if label == application {
		id, err := br.Peek(12)
		if err != nil {
			return short(err)
		}
		if string(id) == "\x0bXMP DataXMP" {
			br.Discard(12)
			b, err := t.subBlocks(br, true, true)
			if err != nil {
				return err
			}
			if i := bytes.LastIndex(b, []byte("\x01\xff\xfe\xfd")); i >= 0 {
				b = b[:i] // from here on the lengths go down to zero, so that those who read blocks come to the end
			}
			return t.try(t.xmp(b))
		}
	}
	b, err := t.subBlocks(br, label == comment || label == plain, false)
	if err != nil {
		return err
	}
	switch {
	case label == comment:
		return t.legacy(b, "GIF", "Comment")
	case label == plain && len(b) > 12:
		return t.legacy(b[12:], "GIF", "Text")
	}
	return nil
}

// subBlocks reads blocks up to the empty one, and keeps them if they are wanted, with their lengths if these are part of the data.
func (t *tags) subBlocks(br *bufio.Reader, keep, lengths bool) ([]byte, error) {
	var b []byte
	for {
		n, err := br.ReadByte()
		if err != nil {
			return nil, short(err)
		}
		if n == 0 {
			return b, nil
		}
		block, err := br.Peek(int(n))
		if err != nil {
			return nil, short(err)
		}
		if keep && len(b)+int(n) < maxValue {
			if lengths {
				b = append(b, n)
			}
			b = append(b, block...)
		} else if keep {
			t.cut = true
		}
		br.Discard(int(n))
	}
}

// psd reads the resources of a Photoshop document.
func (t *tags) psd() error {
	h, err := t.bytes(0, min(30, t.size))
	if err != nil || len(h) < 30 {
		return extract.Malformed("cut in the header")
	}
	at := 26 + 4 + int64(binary.BigEndian.Uint32(h[26:]))
	if at > t.size-4 {
		return extract.Malformed("cut in the table of colours")
	}
	if h, err = t.bytes(at, 4); err != nil {
		return err
	}
	n := int64(binary.BigEndian.Uint32(h))
	if n > t.size-at-4 {
		return extract.Malformed("cut in the resources")
	}
	return t.resources(at+4, n)
}
