// Package tnef reads what Outlook and Exchange put into winmail.dat: a message with its attachments in the Transport Neutral Encapsulation Format
// ([MS-OXTNEF]).
package tnef

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/charset"
	"github.com/magpie-sec/magpie/internal/extract/mail"
	"github.com/magpie-sec/magpie/internal/extract/msg"
	"github.com/magpie-sec/magpie/internal/extract/prose"
	"github.com/magpie-sec/magpie/internal/text"
)

// Format is TNEF.
var Format = extract.Format{
	Name: "tnef",
	MIME: "application/vnd.ms-tnef",
	About: extract.About{
		Title: "Outlook's winmail.dat (TNEF)",
		Reads: "Subject, addresses, all properties that are text, and the body as running text; a body in HTML or RTF (`body.html`, `body.rtf`) and the " +
			"attachments as members.",
		Leaves:  "Properties that are no text.",
		Sniffed: "The signature.",
		Places:  "Lines of the text as described; those of the member, with its name.",
	},
	Extensions: []string{"dat", "tnef"},
	Kind:       text.Lines,
	MaxBytes:   20 * extract.GB,
	First:      "x",
	Match: func(h *extract.Head) extract.Score {
		if len(h.Bytes) >= 15 && bytes.HasPrefix(h.Bytes, []byte("\x78\x9f\x3e\x22")) {
			return extract.Certain
		}
		return extract.No
	},
	Extract: read,
}

// Attributes by the lower half of their id.
const (
	attSubject     = 0x8004
	attBody        = 0x800c
	attAttachData  = 0x800f
	attAttachTitle = 0x8010
	attAttachRend  = 0x9002
	attMAPIProps   = 0x9003
	attRecipTable  = 0x9004
	attAttachment  = 0x9005
	attOEMCodepage = 0x9007
)

// Properties, and the types of their values.
const (
	propSubject     = 0x0037
	propBody        = 0x1000
	propRTF         = 0x1009
	propHTML        = 0x1013
	propAttachData  = 0x3701
	propAttachShort = 0x3704
	propAttachLong  = 0x3707

	typeObject  = 0x0d
	typeString8 = 0x1e
	typeString  = 0x1f
	typeBinary  = 0x102
	multiple    = 0x1000
)

const (
	// maxAttachments is how many attachments wait for their names; those beyond are called by number.
	maxAttachments = 10_000
	// maxName bounds the names of properties, maxLine their values where they are no body.
	maxName = 1 << 10
	maxLine = 1 << 20
	// maxProperties bounds the properties of one attribute.
	maxProperties = 100_000
)

// names are the properties that are told with a name.
var names = map[uint16]string{0x37: "Subject", 0x70: "Topic", 0xc1a: "From", 0xc1f: "From", 0x42: "From", 0x65: "From", 0xe04: "To", 0xe03: "Cc", 0xe02: "Bcc",
	0x3001: "Name", 0x3003: "Address", 0x39fe: "Address", 0x3a08: "Phone", 0x3a09: "Phone", 0x3a1c: "Phone"}

var errShort = errors.New("an attribute ends too early")

type reader struct {
	out  *extract.Output
	at   io.ReaderAt
	w    *prose.Writer
	page charset.Charset

	attachments []attachment
	// Older readers find the subject and the text beside the properties that hold them, too.
	subject, text bool
}

// An attachment is where its data stand.
type attachment struct {
	title, name string
	off, size   int64
	embedded    bool // a message
}

func read(in *extract.Input, out *extract.Output) error {
	at, size, err := in.Random()
	if err != nil {
		return err
	}
	page, _ := charset.CodePage(1252)
	r := &reader{out: out, at: at, w: prose.NewWriter(out), page: page}
	err = r.attributes(size)
	if e := r.w.Close(); e != nil {
		return e
	}
	for i, a := range r.attachments {
		if e := r.deliver(i, a); e != nil {
			return e
		}
	}
	return err
}

// attributes walks through the file.
func (r *reader) attributes(size int64) error {
	for off := int64(6); off < size; {
		var h [9]byte
		if n, err := r.at.ReadAt(h[:], off); n < len(h) {
			return short(err)
		}
		if h[0] != 1 && h[0] != 2 {
			if h[0] == 0 {
				return nil // padding
			}
			return extract.Malformed("an attribute of level %d", h[0])
		}
		id, n := binary.LittleEndian.Uint16(h[1:]), int64(binary.LittleEndian.Uint32(h[5:]))
		start, stop := off+9, min(off+9+n, size)
		if err := r.attribute(id, start, stop-start); err != nil && !errors.Is(err, errShort) {
			return err
		}
		if start+n > size {
			return extract.Malformed("an attribute goes beyond the end")
		}
		off = start + n + 2 // a checksum
	}
	return nil
}

func short(err error) error {
	if err != nil && err != io.EOF {
		return err
	}
	return errShort
}

func (r *reader) attribute(id uint16, off, size int64) error {
	switch id {
	case attOEMCodepage:
		var b [4]byte
		if _, err := r.at.ReadAt(b[:], off); err != nil && err != io.EOF {
			return err
		}
		if c, ok := charset.CodePage(int(binary.LittleEndian.Uint32(b[:]))); ok && c != charset.ASCII {
			r.page = c
		}
	case attSubject:
		r.subject = true
		return r.line("Subject", r.page, off, size)
	case attBody:
		r.text = true
		return r.line("", r.page, off, size)
	case attAttachRend:
		if len(r.attachments) < maxAttachments {
			r.attachments = append(r.attachments, attachment{})
		} else if err := r.deliver(len(r.attachments)-1, *r.attach()); err != nil { // the last place is used again
			return err
		} else {
			*r.attach() = attachment{}
		}
	case attAttachTitle:
		s, err := r.string(r.page, off, size)
		r.attach().title = s
		return err
	case attAttachData:
		a := r.attach()
		a.off, a.size = off, size
	case attMAPIProps:
		_, err := r.properties(off, size, nil)
		return err
	case attRecipTable:
		return r.recipients(off, size)
	case attAttachment:
		_, err := r.properties(off, size, r.attach())
		return err
	}
	return nil
}

// attach returns the attachment at hand.
func (r *reader) attach() *attachment {
	if len(r.attachments) == 0 {
		r.attachments = append(r.attachments, attachment{})
	}
	return &r.attachments[len(r.attachments)-1]
}

// string reads a short text.
func (r *reader) string(c charset.Charset, off, size int64) (string, error) {
	b := make([]byte, min(size, maxName))
	if n, err := r.at.ReadAt(b, off); n < len(b) {
		return "", short(err)
	}
	s, _, _ := strings.Cut(string(c.Decode(b)), "\x00")
	return mail.FileName(s), nil
}

// line writes a text, with its name before it.
func (r *reader) line(name string, c charset.Charset, off, size int64) error {
	if name != "" {
		r.w.Write([]byte(name + ": "))
	}
	src := charset.NewReader(io.NewSectionReader(r.at, off, size), c)
	var last byte
	var buf [8 << 10]byte
	for {
		n, err := src.Read(buf[:])
		t := bytes.ReplaceAll(bytes.ReplaceAll(buf[:n], []byte("\x00"), nil), []byte("\r\n"), []byte("\n"))
		if len(t) > 0 {
			last = t[len(t)-1]
		}
		if _, err := r.w.Write(t); err != nil {
			return err
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	if last != '\n' {
		return r.w.Between([]byte("\n"))
	}
	return nil
}

// recipients reads a table whose rows are lists of properties.
func (r *reader) recipients(off, size int64) error {
	var b [4]byte
	if n, err := r.at.ReadAt(b[:], off); n < 4 {
		return short(err)
	}
	stop := off + size
	off += 4
	for range min(binary.LittleEndian.Uint32(b[:]), maxProperties) {
		n, err := r.properties(off, stop-off, nil)
		if err != nil {
			return err
		}
		off += n
	}
	return nil
}

// A cursor reads numbers.
type cursor struct {
	at        io.ReaderAt
	off, stop int64
}

func (c *cursor) bytes(b []byte) error {
	if c.stop-c.off < int64(len(b)) {
		return errShort
	}
	n, err := c.at.ReadAt(b, c.off)
	c.off += int64(len(b))
	if n < len(b) {
		return short(err)
	}
	return nil
}

func (c *cursor) uint32() (uint32, error) {
	var b [4]byte
	err := c.bytes(b[:])
	return binary.LittleEndian.Uint32(b[:]), err
}

// stretch reads a length and returns where the bytes stand; they are padded to four.
func (c *cursor) stretch() (off, size int64, err error) {
	n, err := c.uint32()
	if err != nil {
		return 0, 0, err
	}
	off, size = c.off, int64(n)
	if c.off += (size + 3) &^ 3; off+size > c.stop {
		return 0, 0, errShort
	}
	return off, size, nil
}

// fixed are the sizes of values of fixed length.
var fixed = map[uint16]int64{0x2: 4, 0x3: 4, 0x4: 4, 0xb: 4, 0xa: 4, 0x5: 8, 0x6: 8, 0x7: 8, 0x14: 8, 0x40: 8, 0x48: 16}

// properties reads a list of properties, of an attachment or of the message, and returns its length.
func (r *reader) properties(off, size int64, a *attachment) (int64, error) {
	c := &cursor{r.at, off, off + size}
	count, err := c.uint32()
	if err != nil {
		return 0, err
	}
	for range min(count, maxProperties) {
		var h [4]byte
		if err := c.bytes(h[:]); err != nil {
			return 0, err
		}
		kind, id := binary.LittleEndian.Uint16(h[:]), binary.LittleEndian.Uint16(h[2:])
		name := names[id]
		if id >= 0x8000 {
			if name, err = r.named(c); err != nil {
				return 0, err
			}
		}
		many := kind&multiple != 0
		kind &^= multiple
		values := uint32(1)
		if many || kind == typeString8 || kind == typeString || kind == typeBinary || kind == typeObject {
			if values, err = c.uint32(); err != nil {
				return 0, err
			}
		}
		n, isFixed := fixed[kind]
		if isFixed {
			c.off += int64(values) * n
			if many {
				c.off = off + (c.off-off+3)&^3
			}
			continue
		}
		for range values {
			at, n, err := c.stretch()
			if err != nil {
				return 0, err
			}
			if err := r.value(id, kind, name, at, n, a); err != nil {
				return 0, err
			}
		}
	}
	return c.off - off, nil
}

// named reads the name of a property that has one of its own.
func (r *reader) named(c *cursor) (string, error) {
	c.off += 16 // whose name it is
	kind, err := c.uint32()
	if err != nil {
		return "", err
	}
	if kind == 0 {
		_, err = c.uint32()
		return "", err
	}
	off, size, err := c.stretch()
	if err != nil {
		return "", err
	}
	wide, _ := charset.CodePage(1200)
	return r.string(wide, off, size)
}

// value takes a value of variable length.
func (r *reader) value(id, kind uint16, name string, off, size int64, a *attachment) error {
	c := r.page
	if kind == typeString {
		c, _ = charset.CodePage(1200)
	}
	isText := kind == typeString || kind == typeString8
	switch {
	case a != nil && isText && (id == propAttachLong || id == propAttachShort && a.name == ""):
		s, err := r.string(c, off, size)
		a.name = s
		return err
	case a != nil && id == propAttachData && kind == typeBinary:
		a.off, a.size = off, size
	case a != nil && id == propAttachData && kind == typeObject && size > 16: // an interface's identifier, then a message or an object
		a.off, a.size, a.embedded = off+16, size-16, true
	case a != nil, size == 0:
	case isText && id == propBody:
		if r.text {
			return nil
		}
		return r.line("", c, off, size)
	case id == propHTML:
		return r.body("body.html", io.NewSectionReader(r.at, off, size))
	case id == propRTF && kind == typeBinary:
		src, err := msg.CompressedRTF(io.NewSectionReader(r.at, off, size), size)
		if err != nil {
			return nil // no body of ours
		}
		return r.body("body.rtf", src)
	case isText && size <= maxLine && (id != propSubject || !r.subject):
		return r.line(name, c, off, size)
	}
	return nil
}

func (r *reader) body(name string, src io.Reader) error {
	_, err := r.out.Member(extract.Member{Name: name, Size: -1}, src)
	return err
}

// deliver hands an attachment over.
func (r *reader) deliver(i int, a attachment) error {
	if a.size == 0 {
		return nil
	}
	name := a.name
	if name == "" {
		name = a.title
	}
	if name == "" {
		name = fmt.Sprintf("attachment-%d", i+1)
	}
	if a.embedded && extract.Extension(name) == "" {
		name += ".dat"
	}
	_, err := r.out.Member(extract.Member{Name: name, Size: a.size}, io.NewSectionReader(r.at, a.off, a.size))
	return err
}
