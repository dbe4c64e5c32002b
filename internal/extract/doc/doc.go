// Package doc reads documents of Word 97 to 2003 ([MS-DOC]), and of Word 6 and 95, as running text.
package doc

import (
	"encoding/binary"
	"errors"

	"golang.org/x/text/encoding"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/office"
	"github.com/magpie-sec/magpie/internal/extract/ole"
	"github.com/magpie-sec/magpie/internal/text"
)

// Format is .doc and its templates.
var Format = ole.Format{
	Format: extract.Format{
		Name: "doc",
		MIME: "application/msword",
		About: extract.About{
			Title: "Word documents (97 to 2003, 6 and 95)",
			Reads: "Text, tables, headers, footers, notes, comments, text boxes, hidden and deleted text, results of fields and the targets of links, " +
				"properties, embedded documents.",
			Leaves:  "Macros, pictures, other instructions of fields; documents with a password.",
			Sniffed: "A compound file with Word's stream.",
			Places:  "Lines: paragraphs are counted as such.",
			Reasons: []extract.Reason{extract.MalformedOrFileSizeExceedsLimit, extract.UnsupportedFileType},
		},
		Extensions: []string{"doc", "dot"},
		Kind:       text.Lines,
		MaxBytes:   office.MaxBytes,
	},
	OLE:  ole.Document,
	Read: read,
}

const (
	headSize = 1024
	// word97 is the least version of the header in Word 97.
	word97 = 0x00c1
)

// Flags of the header.
const (
	complex_  = 0x0004
	encrypted = 0x0100
	table1    = 0x0200
)

type document struct {
	main, table *ole.Stream
	out         *extract.Output
	flow        writer
	page        encoding.Encoding // of text in bytes
	pages       paragraphs
	buf         [chunk]byte
	utf8        []byte
	first       error
}

func read(f *ole.File, in *extract.Input, out *extract.Output) error {
	root := f.Root()
	flow := office.NewFlow(out)
	d := &document{main: f.Stream(root.Child("WordDocument")), out: out, flow: writer{flow: flow, begins: true}}
	err := d.read(f)
	if e := d.flow.end(); err == nil {
		err = e
	}
	if err == nil {
		err = f.Properties(root, flow)
	}
	if e := flow.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = f.Embedded(root, out)
	}
	if err == nil {
		err = d.first
	}
	return err
}

func (d *document) read(f *ole.File) error {
	head := make([]byte, min(headSize, d.main.Size()))
	if len(head) < 0x60 {
		return extract.Malformed("no header of a document")
	}
	if err := d.main.Full(head, 0); err != nil {
		return err
	}
	u16 := func(at int) uint16 { return binary.LittleEndian.Uint16(head[at:]) }
	u32 := func(at int) int64 {
		if at+4 > len(head) {
			return 0
		}
		return int64(binary.LittleEndian.Uint32(head[at:]))
	}
	version, flags := u16(2), u16(10)
	switch {
	case flags&encrypted != 0:
		return &extract.Problem{Reason: extract.UnsupportedFileType, Detail: "a document with a password"}
	case version >= word97:
		name := "0Table"
		if flags&table1 != 0 {
			name = "1Table"
		}
		e := f.Root().Child(name)
		if e == nil {
			return extract.Malformed("no table stream")
		}
		d.table = f.Stream(e)
		d.page = ole.CodePage(1252)
		d.pages = paragraphs{d: d, at: u32(0x102), size: u32(0x106)}
		return d.pieces(u32(0x1a2), u32(0x1a6), true)
	}
	d.table = d.main
	d.page = ole.CodePage(ole.CodePageOfLanguage(u16(6)))
	if flags&complex_ != 0 && u32(0x164) > 0 {
		return d.pieces(u32(0x160), u32(0x164), false)
	}
	length := int64(0)
	for at := 0x34; at <= 0x50; at += 4 {
		length += u32(at)
	}
	from := u32(0x18)
	return d.piece(from, max(0, min(length, u32(0x1c)-from)), 1)
}

// pieces reads the table of pieces, which says where in the stream the text stands, in order.
func (d *document) pieces(at, size int64, unicode bool) error {
	stop := at + size
	for at < stop {
		var b [5]byte
		if err := d.table.Full(b[:], at); err != nil {
			return err
		}
		if b[0] == 1 { // properties that pieces refer to
			at += 3 + int64(binary.LittleEndian.Uint16(b[1:]))
			continue
		}
		if b[0] != 2 {
			break
		}
		at += 5
		n := (min(int64(binary.LittleEndian.Uint32(b[1:])), stop-at) - 4) / 12
		for i := range max(n, 0) {
			var cp, pc [8]byte
			if err := d.table.Full(cp[:], at+4*i); err != nil {
				return err
			}
			if err := d.table.Full(pc[:], at+4*(n+1)+8*i); err != nil {
				return err
			}
			length := int64(binary.LittleEndian.Uint32(cp[4:])) - int64(binary.LittleEndian.Uint32(cp[:]))
			fc := int64(binary.LittleEndian.Uint32(pc[2:]))
			width := int64(1)
			if unicode {
				if width = 2; fc&0x40000000 != 0 {
					fc, width = (fc&^0x40000000)/2, 1
				}
			}
			if length <= 0 {
				continue
			}
			if err := d.piece(fc, length, width); err != nil {
				return err
			}
		}
		return nil
	}
	return extract.Malformed("no table of pieces")
}

const chunk = 8 << 10

// piece reads a number of characters from an offset of the stream.
func (d *document) piece(from, length, width int64) error {
	size := length * width
	if from < 0 || from > d.main.Size() || size > d.main.Size()-from {
		if d.first == nil {
			d.first = extract.Malformed("a piece stands outside")
		}
		if size = d.main.Size() - from; from < 0 || size <= 0 {
			return nil
		}
		size -= size % width
	}
	r := d.out.Unpacked(&pieceReader{s: d.main, off: from, left: size})
	n, at := 0, from // bytes in the buffer, and where they stand
	for {
		k, err := r.Read(d.buf[n:])
		n += k
		whole := n - n%int(width)
		if last := whole - 2; width == 2 && err == nil && last >= 2 && d.buf[last+1]&0xfc == 0xd8 {
			whole = last // the other half of the character follows
		}
		if e := d.text(d.buf[:whole], at, width); e != nil {
			return e
		}
		at += int64(whole)
		n = copy(d.buf[:], d.buf[whole:n])
		if err == errEnd {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

var errEnd = errors.New("end of a piece")

type pieceReader struct {
	s         *ole.Stream
	off, left int64
}

func (p *pieceReader) Read(b []byte) (int, error) {
	if p.left == 0 {
		return 0, errEnd
	}
	b = b[:min(int64(len(b)), p.left)]
	if err := p.s.Full(b, p.off); err != nil {
		return 0, err
	}
	p.off += int64(len(b))
	p.left -= int64(len(b))
	return len(b), nil
}

// text writes a stretch of text. Characters below a blank are marks, which are bytes of their own in every encoding that occurs.
func (d *document) text(b []byte, at, width int64) error {
	for len(b) > 0 {
		if d.flow.begins {
			if err := d.begin(at); err != nil {
				return err
			}
		}
		if c := b[0]; c < ' ' && (width == 1 || b[1] == 0) {
			if err := d.flow.mark(c); err != nil {
				return err
			}
			b, at = b[width:], at+width
			continue
		}
		n := int(width)
		for n < len(b) && (b[n] >= ' ' || width == 2 && b[n+1] != 0) {
			n += int(width)
		}
		d.utf8 = d.utf8[:0]
		if width == 2 {
			d.utf8 = ole.AppendUTF16(d.utf8, b[:n])
		} else if ascii(b[:n]) {
			d.utf8 = append(d.utf8, b[:n]...)
		} else {
			s, err := d.page.NewDecoder().Bytes(b[:n])
			if err != nil {
				s = []byte("\uFFFD")
			}
			d.utf8 = append(d.utf8, s...)
		}
		if err := d.flow.text(d.utf8); err != nil {
			return err
		}
		b, at = b[n:], at+int64(n)
	}
	return nil
}

func ascii(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

// begin looks where the paragraph stands that begins at an offset of the stream.
func (d *document) begin(at int64) error {
	p, err := d.pages.place(at)
	if err != nil {
		return err
	}
	return d.flow.begin(p)
}
