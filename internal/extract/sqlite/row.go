package sqlite

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/charset"
	"github.com/magpie-sec/magpie/internal/extract/paths"
	"github.com/magpie-sec/magpie/internal/extract/records"
	"github.com/magpie-sec/magpie/internal/text"
)

// recordHeader reads the serial types of a record. They are valid until the next record.
func (r *reader) recordHeader(p *payload) ([]byte, error) {
	var first [9]byte
	var size int64
	n := 0
	for k := 0; k == 0; n++ {
		if n == len(first) {
			return nil, extract.Malformed("a broken record")
		}
		b, err := p.src.Byte()
		if err != nil {
			return nil, err
		}
		first[n] = b
		size, k = varint(first[:n+1])
	}
	size -= int64(n)
	if size < 0 || size > 3*maxColumns || size > int64(p.src.Window()) {
		return nil, extract.Malformed("a broken record")
	}
	b, err := p.src.Need(int(size))
	if err != nil || p.chain.r == nil {
		return b, err
	}
	r.types = append(r.types[:0], b...) // the window moves on
	return r.types, nil
}

// sizeOf is how many bytes a value of a serial type takes; it is negative for what is no type.
func sizeOf(typ int64) int64 {
	switch {
	case typ < 0:
		return -1
	case typ >= 12:
		return (typ - 12) / 2
	}
	return [...]int64{0, 1, 2, 3, 4, 6, 8, 8, 0, 0, -1, -1}[typ]
}

// row delivers a row.
func (r *reader) row(t *table, p *payload) error {
	types, err := r.recordHeader(p)
	if err != nil {
		return err
	}
	row := t.row
	t.row++
	r.few = len(t.fields) <= fewColumns
	r.label = r.label[:0]
	for i := 0; len(types) > 0; i++ {
		typ, n := int64(types[0]), 1
		if typ >= 0x80 {
			if typ, n = varint(types); n == 0 {
				return extract.Malformed("a broken record")
			}
		}
		types = types[n:]
		var f *text.Field
		if i < len(t.fields) {
			f = t.fields[i]
		} else if i < maxColumns {
			f = t.beyond(i)
		}
		if typ == 0 {
			if i == t.rowid {
				err = r.integer(p.rowid, f, row)
			}
		} else {
			err = r.value(p, typ, f, row)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

const number = 32

func (r *reader) integer(v int64, f *text.Field, row int64) error {
	room, err := r.values.Room(number)
	if err != nil {
		return err
	}
	return r.values.Add(strconv.AppendInt(room, v, 10), f, row, nil)
}

// value delivers the next value of a record; without a field it is passed over.
func (r *reader) value(p *payload, typ int64, f *text.Field, row int64) error {
	size := sizeOf(typ)
	switch {
	case size < 0:
		return extract.Malformed("a broken record")
	case f == nil:
		return p.src.Skip(size)
	case typ == 8, typ == 9:
		return r.integer(typ-8, f, row)
	case typ < 12:
		b, err := p.src.Need(int(size))
		if err != nil {
			return err
		}
		if typ == 7 {
			room, err := r.values.Room(number)
			if err != nil {
				return err
			}
			return r.values.Add(records.Float(room, math.Float64frombits(binary.BigEndian.Uint64(b)), 64), f, row, nil)
		}
		v := int64(int8(b[0]))
		for _, c := range b[1:] {
			v = v<<8 | int64(c)
		}
		return r.integer(v, f, row)
	case typ%2 == 0:
		return r.blob(p, size, f, row)
	case r.wide != nil:
		return r.wideText(p, size, r.near(f, size/2), row)
	case size > records.Longest:
		r.label = r.label[:0]
		return r.values.Long(&p.src, size, false, f, row, nil)
	}
	b, err := p.src.Need(int(size))
	if err != nil {
		return err
	}
	f = r.near(f, size)
	r.keepLabel(b)
	return r.values.Bytes(b, false, f, row, nil)
}

const (
	// A table of so few columns may hold names and their values: then a text of at most maxLabelled bytes has the text before it in its row,
	// if that is no longer than maxLabel and reads like a name, as context.
	fewColumns  = 6
	maxLabel    = 40
	maxLabelled = 128
	// maxLabels is how many fields with such a name are kept.
	maxLabels = 1024
)

// labelled is a field with the name that stands before it in a row.
type labelled struct {
	field *text.Field
	label string
}

// near returns the field of a text of so many bytes, with the name that stands before it.
func (r *reader) near(f *text.Field, size int64) *text.Field {
	if len(r.label) == 0 || size > maxLabelled {
		return f
	}
	if l := r.labels[labelled{f, string(r.label)}]; l != nil {
		return l
	}
	if r.labels == nil || len(r.labels) == maxLabels {
		r.labels = map[labelled]*text.Field{}
	}
	label := string(r.label)
	l := &text.Field{Names: append([]string{label}, f.Names...), Steps: f.Steps}
	r.labels[labelled{f, label}] = l
	return l
}

// keepLabel remembers a text that can name what stands behind it.
func (r *reader) keepLabel(b []byte) {
	r.label = r.label[:0]
	if !r.few || len(b) > maxLabel || !paths.Wordy(b) || !utf8.Valid(b) {
		return
	}
	for _, c := range b {
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' && c != '.' && c != ' ' && c < utf8.RuneSelf {
			return
		}
	}
	r.label = append(r.label, b...)
}

// widePiece is how many bytes of UTF-16 are decoded at once: as UTF-8 they take half as much again at most.
const widePiece = records.Longest / 2

// wideText delivers a text in UTF-16.
func (r *reader) wideText(p *payload, size int64, f *text.Field, row int64) error {
	odd := size & 1
	size -= odd
	begun := false
	for size > 0 {
		b, err := p.src.Need(int(min(size, widePiece)))
		if err != nil {
			if begun {
				if e := r.values.Piece(nil, f, row, nil, false); e != nil {
					return e
				}
			}
			return err
		}
		size -= int64(len(b))
		if size > 0 && utf16.IsSurrogate(rune(r.wide.Uint16(b[len(b)-2:]))) && r.wide.Uint16(b[len(b)-2:]) < 0xdc00 {
			p.src.Back(2) // its other half comes with the next piece
			size += 2
			b = b[:len(b)-2]
		}
		r.head = r.appendUTF8(r.head[:0], b)
		if err := r.values.Piece(r.head, f, row, nil, size > 0); err != nil {
			return err
		}
		if !begun && size == 0 {
			r.keepLabel(r.head)
		}
		begun = true
	}
	return p.src.Skip(odd)
}

// utf8 returns a text of the database as UTF-8.
func (r *reader) utf8(b []byte) []byte {
	if r.wide != nil {
		return r.appendUTF8(nil, b)
	}
	return records.Text(nil, b)
}

func (r *reader) appendUTF8(to, b []byte) []byte {
	for ; len(b) >= 2; b = b[2:] {
		c := rune(r.wide.Uint16(b))
		if c < utf8.RuneSelf {
			to = append(to, byte(c))
			continue
		}
		if utf16.IsSurrogate(c) {
			if len(b) >= 4 {
				if c = utf16.DecodeRune(c, rune(r.wide.Uint16(b[2:]))); c != utf8.RuneError {
					b = b[2:]
				}
			} else {
				c = utf8.RuneError
			}
		}
		to = utf8.AppendRune(to, c)
	}
	return to
}

// shortest is how many bytes a document has at least.
const shortest = 32

// blob delivers bytes: text as a value, a document that we read as a member; all others are passed over.
func (r *reader) blob(p *payload, size int64, f *text.Field, row int64) error {
	if size == 0 {
		return nil
	}
	// The whole of a short one, or the beginning of a long one, that fills the window.
	head, err := p.src.Full(min(size, extract.HeadSize))
	if err != nil {
		return err
	}
	whole := int64(len(head)) == size
	if size >= shortest && !isText(head, whole) || bytes.HasPrefix(head, []byte("%PDF-")) || bytes.HasPrefix(head, []byte(`{\rtf`)) {
		if mime, score := r.out.Sniff(head, whole); mime != "" && score == extract.Certain && !strings.HasPrefix(mime, "text/") {
			return r.member(p, append([]byte(nil), head...), size, f, row)
		}
	}
	if isText(head, whole) {
		p.src.Back(len(head))
		return r.values.Long(&p.src, size, true, f, row, nil)
	}
	if err := p.src.Skip(size - int64(len(head))); err != nil {
		return err
	}
	c, _ := charset.Detect(head, whole)
	if whole && strings.HasPrefix(c.Name, "utf-16") && size <= 2*widePiece {
		if b := c.Decode(head); isText(b, true) && len(b) <= records.Longest {
			return r.values.Ready(b, f, row, nil)
		}
	}
	return nil
}

// member delivers a document in a BLOB: it is named table/index/column.
func (r *reader) member(p *payload, head []byte, size int64, f *text.Field, row int64) error {
	if err := r.values.Flush(); err != nil {
		return err
	}
	rest := &records.Part{S: &p.src, Left: size - int64(len(head))}
	m := extract.Member{Name: fmt.Sprintf("%s/%d/%s", f.Names[0], row, f.Names[1]), Size: size}
	if _, err := r.out.Member(m, io.MultiReader(bytes.NewReader(head), rest)); err != nil {
		return err
	}
	return p.src.Skip(rest.Left)
}

// isText says that bytes are UTF-8 without characters that text does not have.
func isText(b []byte, whole bool) bool {
	if !whole {
		b = b[:len(b)-charset.Cut(b)]
	}
	for _, c := range b {
		if c < ' ' && (c < '\t' || c > '\r') && c != 0x1b || c == 0x7f {
			return false
		}
	}
	return utf8.Valid(b)
}
