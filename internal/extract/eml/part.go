package eml

import (
	"bytes"
	"io"
	"strings"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/charset"
	"github.com/magpie-sec/magpie/internal/extract/mail"
	"github.com/magpie-sec/magpie/internal/text"
)

// A part is a part of a mail that is no multipart, whose header was read.
type part struct {
	*reader
	kind     string
	params   mail.Params
	encoding string
	name     string
	number   int
	charset  charset.Charset
	declared bool // the charset is one that we know
}

// member delivers the part as a member.
func (p *part) member() error {
	if err := p.w.end(); err != nil {
		return err
	}
	m := extract.Member{Name: p.memberName(), Size: -1}
	var src io.Reader = &body{part: p, exact: true}
	if strings.HasPrefix(p.kind, "text/") && p.declared && p.charset != charset.ASCII && p.charset != charset.UTF8 {
		// The charset is told outside, and the mark tells it inside, whatever the text itself says of the charset that it was in.
		src = io.MultiReader(strings.NewReader("\xef\xbb\xbf"), charset.NewReader(src, p.charset))
	}
	_, err := p.out.Member(m, src)
	return err
}

// skip tells a part that is encrypted.
func (p *part) skip() error {
	if err := p.w.end(); err != nil {
		return err
	}
	return p.out.Skip(extract.Member{Name: p.memberName(), Size: -1}, extract.UnsupportedFileType)
}

// signature passes over the signature of a part before; what is none is a member as others.
func (p *part) signature() error {
	if err := p.w.end(); err != nil {
		return err
	}
	var first [1]byte
	b := &body{part: p, exact: true}
	switch _, err := io.ReadFull(b, first[:]); {
	case err == io.EOF:
		return nil
	case err != nil:
		return err
	case first[0] == 0x30: // a SEQUENCE of ASN.1
		return nil
	}
	_, err := p.out.Member(extract.Member{Name: p.memberName(), Size: -1}, io.MultiReader(bytes.NewReader(first[:]), b))
	return err
}

// text writes the part as text of the mail. Files in the middle of it, as uuencode writes them, are members.
func (p *part) text() error {
	c := p.charset
	if !p.declared {
		c = charset.ASCII
	}
	for {
		b := &body{part: p, files: p.encoding == ""}
		b.flowed = strings.EqualFold(p.params["format"], "flowed")
		b.delSp = b.flowed && strings.EqualFold(p.params["delsp"], "yes")
		if err := p.w.readFrom(charset.NewReader(b, c)); err != nil {
			return err
		}
		if b.file == "" {
			return nil
		}
		if err := p.w.end(); err != nil {
			return err
		}
		if _, err := p.out.Member(extract.Member{Name: b.file, Size: -1}, &uufile{reader: p.reader}); err != nil {
			return err
		}
		p.w.begin(p.lines.Number() + 1)
	}
}

// A body reads the bytes of a part, its transfer encoding undone.
type body struct {
	*part
	exact bool // every byte counts; otherwise line ends become "\n", and lines stay where they are
	// flowed and delSp are the parameters of RFC 3676.
	flowed, delSp bool
	files         bool // look for files that uuencode wrote

	buf  []byte
	off  int
	done bool

	eol    string // the end of the last line, which belongs to a boundary that follows
	owed   int    // line ends that were left out before, and follow the line
	carry  []byte // the beginning of an escape that a piece cut
	first  bool   // lines were seen
	plain  bool   // what claims to be base64 is not
	flows  bool   // the last line flows on
	base64 mail.Base64
	inFile bool   // of uuencode as a transfer encoding
	file   string // the name of the file that begins on the line at hand
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	for b.off == len(b.buf) {
		if b.done {
			return 0, io.EOF
		}
		b.buf, b.off = b.buf[:0], 0
		if err := b.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, b.buf[b.off:])
	b.off += n
	return n, nil
}

// batch is about how much is decoded at a time.
const batch = 16 << 10

func (b *body) fill() error {
	for len(b.buf) < batch && !b.done {
		middle := b.lines.Partial() && b.first
		line, err := b.next()
		if err == errEnd {
			b.end()
			return nil
		}
		if err != nil {
			return err
		}
		content, eol := mail.Content(line)
		if b.exact && b.encoding == "" {
			b.buf = append(b.buf, b.eol...)
			b.buf = append(b.buf, content...)
			b.eol, b.first = eol, true
			continue
		}
		b.line(content, eol, middle)
		b.first = true
	}
	return nil
}

// end takes what is left when the part ends.
func (b *body) end() {
	b.done = true
	if b.base64 != (mail.Base64{}) {
		b.buf = b.base64.End(b.buf)
	}
	b.buf = append(b.buf, b.carry...)
	if b.hit < 0 && !b.soft() {
		b.newline() // the document ends: no boundary takes the line end
	}
}

// soft says that the encoding has no line ends of its own.
func (b *body) soft() bool { return b.encoding == "base64" && !b.plain || b.encoding == "uuencode" }

// newline writes the end of the last line.
func (b *body) newline() {
	if b.eol == "" {
		return
	}
	if b.exact {
		b.buf = append(b.buf, b.eol...)
	} else {
		for range 1 + b.owed {
			b.buf = append(b.buf, '\n')
		}
	}
	b.eol, b.owed = "", 0
}

func (b *body) line(content []byte, eol string, middle bool) {
	switch {
	case b.encoding == "base64" && !b.first && !mail.LooksBase64(content):
		b.plain = true
	case b.encoding == "base64" && !b.plain:
		b.buf = b.base64.Append(b.buf, content)
		return
	case b.encoding == "uuencode":
		b.uuLine(content)
		return
	}
	if b.encoding == "quoted-printable" {
		b.quoted(content, eol)
		return
	}
	if b.files && !middle {
		if name, ok := mail.UUBegin(content); ok && b.uuFollows() {
			b.newline()
			if b.file = mail.FileName(name); b.file == "" {
				b.file = "uuencoded.bin"
			}
			b.done = true
			return
		}
		content, eol = mail.Content(b.lines.Line()) // looking ahead may have moved it
	}
	if b.flowed && !middle {
		content = b.flow(content)
	}
	b.newline()
	at := len(b.buf)
	b.buf = append(b.buf, content...)
	b.eol = eol
	b.flowOn(at)
}

// uuFollows says that the next line is one of a uuencoded file.
func (b *body) uuFollows() bool {
	next, eol := mail.Content(b.lines.Peek())
	_, ok := mail.UULine(nil, next)
	return ok && eol != "" && len(next) > 1
}

// quoted takes a line of quoted-printable. A soft line end is owed.
func (b *body) quoted(content []byte, eol string) {
	if len(b.carry) > 0 {
		content = append(b.carry, content...)
		b.carry = nil
	}
	if b.flowed {
		content = b.flow(content)
	}
	b.newline()
	at := len(b.buf)
	out, soft, rest := mail.QuotedPrintable(b.buf, content, eol == "")
	b.buf = out
	b.carry = append([]byte(nil), rest...)
	if b.eol = eol; soft && eol != "" {
		b.eol = ""
		b.owed++
		return
	}
	b.flowOn(at)
}

// flow takes what format=flowed put in front of a line away: a space that protects it, and the quote marks of a line that continues another.
func (b *body) flow(content []byte) []byte {
	quote := 0
	for quote < len(content) && content[quote] == '>' {
		quote++
	}
	t := content[quote:]
	if len(t) > 0 && t[0] == ' ' {
		t = t[1:]
	}
	if b.flows && (b.delSp || len(t) > 0 && isDigit(t[0])) {
		b.eol = ""
		b.owed++
		return t
	}
	if quote > 0 {
		return content
	}
	return t
}

// flowOn notes whether the line that was written from at on flows on in the next one, so that a number may, too. With DelSp words do.
func (b *body) flowOn(at int) {
	t := b.buf[at:]
	n := len(t)
	b.flows = b.flowed && n > 1 && t[n-1] == ' ' && string(t) != "-- " && (b.delSp || isDigit(t[n-2]))
	if b.flows && b.delSp {
		b.buf = b.buf[:at+n-1]
	}
}

// uuLine takes a line of a part that is uuencoded as a whole.
func (b *body) uuLine(content []byte) {
	if !b.inFile {
		_, b.inFile = mail.UUBegin(content)
		return
	}
	if string(bytes.TrimSpace(content)) == "end" {
		b.inFile = false
		return
	}
	b.buf, _ = mail.UULine(b.buf, content)
}

// A uufile reads a file in the middle of a text.
type uufile struct {
	*reader
	buf []byte
	off int
	end bool
}

// Read implements io.Reader.
func (u *uufile) Read(p []byte) (int, error) {
	for u.off == len(u.buf) {
		if u.end {
			return 0, io.EOF
		}
		line, err := u.next()
		if err == errEnd {
			u.end = true
			continue
		}
		if err != nil {
			return 0, err
		}
		content, _ := mail.Content(line)
		if string(bytes.TrimRight(content, " \t")) == "end" {
			u.end = true
			continue
		}
		var ok bool
		if u.buf, ok = mail.UULine(u.buf[:0], content); !ok {
			u.again, u.end = true, true // text goes on where the file should have ended
		}
		u.off = 0
	}
	n := copy(p, u.buf[u.off:])
	u.off += n
	return n, nil
}

// A writer gathers running text and delivers it as values, each with the line on which it begins.
type writer struct {
	out  *extract.Output
	buf  []byte
	row  int64
	open bool // text of the value was delivered, and more may follow
}

const writeBuffer = 64 << 10

// begin begins a value on a line.
func (w *writer) begin(row int64) { w.row = row }

// write adds text to the value.
func (w *writer) write(t []byte) error {
	if len(w.buf) == 0 && !w.open {
		for len(t) > 0 && (t[0] == '\n' || t[0] == '\r') {
			if t[0] == '\n' {
				w.row++
			}
			t = t[1:]
		}
	}
	for len(t) > 0 {
		if w.buf == nil {
			w.buf = make([]byte, 0, writeBuffer)
		}
		n := min(len(t), cap(w.buf)-len(w.buf))
		w.buf = append(w.buf, t[:n]...)
		t = t[n:]
		if len(w.buf) == cap(w.buf) {
			if err := w.flush(true); err != nil {
				return err
			}
		}
	}
	return nil
}

var manyNewlines = bytes.Repeat([]byte("\n"), 64)

func (w *writer) newlines(n int) error {
	for ; n > 0; n -= len(manyNewlines) {
		if err := w.write(manyNewlines[:min(n, len(manyNewlines))]); err != nil {
			return err
		}
	}
	return nil
}

// readFrom adds all that r yields.
func (w *writer) readFrom(r io.Reader) error {
	var buf [8 << 10]byte
	for {
		n, err := r.Read(buf[:])
		if e := w.write(buf[:n]); e != nil {
			return e
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// end ends the value.
func (w *writer) end() error {
	if len(w.buf) == 0 && !w.open {
		return nil
	}
	err := w.flush(false)
	w.open = false
	return err
}

func (w *writer) flush(more bool) error {
	n := len(w.buf)
	if more {
		n -= charset.Cut(w.buf)
	}
	block := text.Block{Kind: text.Lines, Text: w.buf[:n], Segments: []text.Segment{{End: int32(n), Row: w.row, More: more}}}
	err := w.out.Text(&block)
	w.buf = w.buf[:copy(w.buf, w.buf[n:])]
	w.open = more
	return err
}
