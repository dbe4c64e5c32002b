// Package eml reads mails (RFC 5322 with MIME), as strictly as mails are written: not at all.
//
// The text of a mail is its header and its parts of plain text. Header fields stand as "Name: value", decoded. A part that is plain text and has no
// file name is text of the mail; every other one is a member under its file name, or else under "part-2.html", with its number among the parts of
// the mail and the usual extension of its type. So are mails in the mail.
//
// Lines are those of the file. What is written on several lines there and has to be read as one (soft line breaks of quoted-printable, numbers
// broken by format=flowed or in a header) stands on the first of them. A part in base64 has no lines of its own in the file: they count from the
// one on which the encoded text begins, as if it stood there decoded. Lines of members are the member's own.
package eml

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/charset"
	"github.com/magpie-sec/magpie/internal/extract/mail"
	"github.com/magpie-sec/magpie/internal/text"
)

// Format is a mail in a file, also as Apple Mail keeps it, with its length in front and a property list behind (emlx).
var Format = extract.Format{
	Name: "eml",
	MIME: "message/rfc822",
	About: extract.About{
		Title: "Mails (.eml, .emlx, .mht)",
		Reads: "Header fields, decoded, and parts of plain text in every charset, as running text. Every other part is a member under its file name or " +
			"one such as `part-2.html`: HTML, attachments, mails in the mail, appointments, contacts, files that uuencode wrote. Signed mails are read " +
			"as others, also where the signature holds the text (`smime.eml`). Broken mails are read as far as they make sense.",
		Leaves:  "Encrypted parts (S/MIME, PGP/MIME); certificates of signatures; multiparts more than 50 levels deep are read without decoding.",
		Sniffed: "Fields at the beginning that a mail has, with values of their kind (an address, an identifier).",
		Places: "Lines of the file; what a soft line end or a folded field divides stands on its first line, and lines of a part in base64 count from " +
			"the one on which it begins, decoded.",
		Reasons: []extract.Reason{extract.UnsupportedFileType, extract.ArchiveNestingLevelOverLimit},
	},
	Extensions: []string{"eml", "emlx", "mht", "mhtml", "nws"},
	Kind:       text.Lines,
	MaxBytes:   20 * extract.GB,
	Match:      match,
	Extract: func(in *extract.Input, out *extract.Output) error {
		r := &reader{in: in, out: out, w: writer{out: out}}
		return r.run()
	},
}

// structured are the extensions of files that hold names and values of their own.
var structured = map[string]bool{"yaml": true, "yml": true, "ini": true, "conf": true, "cfg": true, "properties": true, "toml": true, "env": true, "py": true,
	"js": true, "ts": true, "go": true, "java": true, "c": true, "h": true, "cpp": true, "rb": true, "php": true, "sh": true, "md": true, "log": true}

func match(h *extract.Head) extract.Score {
	b := bytes.TrimPrefix(h.Bytes, []byte("\xef\xbb\xbf"))
	if n := lengthLine(b); n > 0 {
		b = b[n:]
	}
	b = bytes.TrimLeft(b, "\r\n")
	if len(b) < 4 || mail.Name(b[:min(len(b), 200)]) == 0 {
		return extract.No
	}
	switch sure := mail.Begins(b, h.Whole); {
	case sure < 3 && structured[h.Extension]:
		return extract.No
	case sure >= 2:
		return extract.Certain
	case sure == 1 && h.Has("eml", "emlx", "mht", "mhtml", "nws"):
		return extract.Likely
	}
	return extract.No
}

// lengthLine returns the length of the line with which Apple Mail begins its files, 0 if there is none.
func lengthLine(b []byte) int {
	i := 0
	for i < len(b) && i < 15 && b[i] >= '0' && b[i] <= '9' {
		i++
	}
	n := i
	for i < len(b) && i < 30 && b[i] == ' ' {
		i++
	}
	if n == 0 || i >= len(b) || b[i] != '\n' {
		return 0
	}
	return i + 1
}

const (
	// maxDepth is how many multiparts may stand in one another; deeper ones are read as plain text.
	maxDepth = 50
	// maxValue is how much of a field that we need is kept.
	maxValue = 16 << 10
	// maxBoundary is how long a boundary may be; RFC 2046 allows 70 characters.
	maxBoundary = 1000
)

type reader struct {
	in    *extract.Input
	out   *extract.Output
	lines *mail.Lines
	w     writer

	boundaries []string // of the multiparts that are open, outermost first
	// hit is the index of the boundary that ended the part at hand, closed that it was the multipart's last one; hit is -1 within a part.
	hit    int
	closed bool
	// again says that the line at hand is to be read once more.
	again bool
	parts int
	deep  bool // a multipart was too deep
}

func (r *reader) run() error {
	src, first, rest, err := r.apple()
	if err != nil {
		return err
	}
	r.lines = mail.NewLines(src, first)
	r.hit = -1
	if err := r.entity("text/plain", false); err != nil {
		return err
	}
	if rest != nil {
		if _, err := r.out.Member(extract.Member{Name: "properties.plist", Size: -1}, rest); err != nil {
			return err
		}
	}
	if r.deep {
		return &extract.Problem{Reason: extract.ArchiveNestingLevelOverLimit, Detail: "multiparts"}
	}
	return nil
}

// apple reads the first line of an emlx file: the mail, the number of its first line, and what follows it. Otherwise all is the mail.
func (r *reader) apple() (src io.Reader, first int64, rest io.Reader, err error) {
	var start [64]byte
	n, err := io.ReadFull(r.in, start[:])
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, 0, nil, err
	}
	all := io.MultiReader(bytes.NewReader(start[:n]), r.in)
	line := lengthLine(start[:n])
	if line == 0 {
		return all, 1, nil, nil
	}
	length, err := strconv.ParseInt(strings.TrimSpace(string(start[:line])), 10, 64)
	if err != nil {
		return all, 1, nil, nil
	}
	if _, err := io.CopyN(io.Discard, all, int64(line)); err != nil {
		return nil, 0, nil, err
	}
	return io.LimitReader(all, length), 2, all, nil
}

// errEnd says that the part or the document ends.
var errEnd = errors.New("end of the part")

// next returns the next line of the part at hand, errEnd at its end.
func (r *reader) next() ([]byte, error) {
	if r.hit >= 0 {
		return nil, errEnd
	}
	middle := r.lines.Partial()
	line := r.lines.Line()
	if !r.again {
		var err error
		if line, err = r.lines.Next(); err == io.EOF {
			return nil, errEnd
		} else if err != nil {
			return nil, err
		}
	}
	if r.again {
		r.again, middle = false, false
	}
	if !middle && len(line) > 2 && line[0] == '-' && line[1] == '-' && r.boundary(line) {
		return nil, errEnd
	}
	return line, nil
}

// boundary reports whether a line is one of the boundaries, and notes which.
func (r *reader) boundary(line []byte) bool {
	line = bytes.TrimRight(line[2:], " \t\r\n")
	for i := len(r.boundaries) - 1; i >= 0; i-- {
		b := r.boundaries[i]
		if b == "" && i == len(r.boundaries)-1 && len(line) > 0 && len(line) <= 200 && bytes.IndexByte(line, ' ') < 0 {
			b = string(line) // the multipart does not say which: the first line of this form
			r.boundaries[i] = b
		}
		if b == "" || !bytes.HasPrefix(line, []byte(b)) {
			continue
		}
		switch rest := line[len(b):]; string(rest) {
		case "":
			r.hit, r.closed = i, false
			return true
		case "--":
			r.hit, r.closed = i, true
			return true
		}
	}
	return false
}

// entity reads a mail or a part: its header, then its body as the header says. Plain is the type of a part that names none.
func (r *reader) entity(plain string, encrypted bool) error {
	h, err := r.header()
	if err != nil {
		return err
	}
	kind, params, _ := mail.ParseParams(h.contentType)
	if !strings.Contains(kind, "/") {
		kind = plain
	}
	if strings.HasPrefix(kind, "multipart/") {
		if len(r.boundaries) < maxDepth && len(params["boundary"]) <= maxBoundary {
			return r.multipart(kind, strings.TrimRight(params["boundary"], " \t"))
		}
		r.deep = true
		kind = "text/plain"
	}
	r.parts++
	disposition, dparams, _ := mail.ParseParams(h.disposition)
	p := part{reader: r, kind: kind, params: params, encoding: transferEncoding(h.encoding), number: r.parts}
	if p.name = mail.FileName(dparams["filename"]); p.name == "" {
		p.name = mail.FileName(params["name"])
	}
	p.charset, p.declared = charset.Named(params["charset"])
	smime := kind == "application/pkcs7-mime" || kind == "application/x-pkcs7-mime"
	inline := p.name == "" && disposition != "attachment" && textual[kind]
	switch {
	case encrypted && kind == "application/octet-stream":
		err = p.skip()
	case smime && params["smime-type"] != "certs-only":
		err = p.cms()
	case smime, kind == "application/pkcs7-signature", kind == "application/x-pkcs7-signature":
		err = p.signature()
	case inline:
		err = p.text()
	default:
		err = p.member()
	}
	if err != nil {
		return err
	}
	return r.drain()
}

// textual are the types that are text of the mail.
var textual = map[string]bool{"text/plain": true, "text/rfc822-headers": true, "message/delivery-status": true, "message/disposition-notification": true,
	"message/feedback-report": true, "message/partial": true, "message/external-body": true, "message/global-headers": true,
	"message/global-delivery-status": true, "application/pgp-encrypted": true, "text/rfc822-header": true, "text/x-moz-deleted": true}

// multipart reads the parts of a multipart up to its end, and what stands before and behind them.
func (r *reader) multipart(kind, boundary string) error {
	level := len(r.boundaries)
	r.boundaries = append(r.boundaries, boundary)
	defer func() { r.boundaries = r.boundaries[:level] }()
	plain := "text/plain"
	if kind == "multipart/digest" {
		plain = "message/rfc822"
	}
	around := part{reader: r, kind: "text/plain"}
	if err := around.text(); err != nil { // continues the header's value
		return err
	}
	for r.hit == level {
		r.w.end()
		closed := r.closed
		r.hit = -1
		var err error
		if closed {
			r.w.begin(r.lines.Number() + 1)
			err = around.text()
		} else {
			err = r.entity(plain, kind == "multipart/encrypted")
		}
		if err != nil {
			return err
		}
	}
	return r.w.end()
}

// drain passes over the rest of a part.
func (r *reader) drain() error {
	if err := r.w.end(); err != nil {
		return err
	}
	for {
		if _, err := r.next(); err == errEnd {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// A header is what matters of a header: the values of fields, unfolded.
type header struct{ contentType, disposition, encoding string }

func (h *header) field(name []byte) *string {
	switch strings.ToLower(string(name)) {
	case "content-type":
		return &h.contentType
	case "content-disposition":
		return &h.disposition
	case "content-transfer-encoding":
		return &h.encoding
	}
	return nil
}

// header reads a header up to the empty line, and writes it as text. A line that is no field ends it, unless a field follows that is known.
func (r *reader) header() (h header, err error) {
	r.w.begin(r.lines.Number() + 1)
	f := fields{reader: r}
	for begun := false; ; {
		middle := r.lines.Partial()
		line, err := r.next()
		if err == errEnd {
			return h, f.end("")
		}
		if err != nil {
			return h, err
		}
		content, end := mail.Content(line)
		switch {
		case middle:
			err = f.more(content, end)
		case !begun && len(r.boundaries) == 0 && len(content) == 0:
			if err := r.w.newlines(1); err != nil {
				return h, err
			}
			continue
		case !begun && len(r.boundaries) == 0 && bytes.HasPrefix(content, []byte("\xef\xbb\xbf")):
			err = f.field(&h, content[3:], end)
		case len(bytes.TrimRight(content, " \t")) == 0:
			return h, f.end(end)
		case begun && (content[0] == ' ' || content[0] == '\t'):
			err = f.more(content, end)
		case mail.Name(content) > 0:
			err = f.field(&h, content, end)
		default:
			_, known := mail.Field(contentOf(r.lines.Peek()))
			if content, end = mail.Content(r.lines.Line()); known < mail.Weak || bytes.HasPrefix(content, []byte("--")) {
				r.again = true
				return h, f.end("")
			}
			err = f.field(&h, content, end)
		}
		if err != nil {
			return h, err
		}
		begun = true
	}
}

func contentOf(line []byte) []byte {
	content, _ := mail.Content(line)
	return content
}

// fields writes the fields of a header as text.
type fields struct {
	*reader
	words   mail.Words
	buf     []byte
	value   *string // of a field that matters
	owed    int     // line ends that are to follow the field's text
	pending bool    // the end of the last line is not written yet
	digit   bool    // a digit ended the last line
}

// field begins a field.
func (f *fields) field(h *header, line []byte, end string) error {
	if err := f.close(); err != nil {
		return err
	}
	f.value = nil
	if n := mail.Name(line); n > 0 {
		if v := h.field(line[:n]); v != nil && *v == "" {
			f.value = v
		}
		f.buf = append(f.buf[:0], line[:n]...) // no encoded words in there
		line = line[n:]
		if err := f.w.write(f.buf); err != nil {
			return err
		}
		if f.value != nil {
			*f.value = string(bytes.TrimLeft(line, " \t:"))
			*f.value = (*f.value)[:min(len(*f.value), maxValue)]
		}
	}
	return f.line(line, end)
}

// more takes a line that continues a field, or the next piece of a long one.
func (f *fields) more(line []byte, end string) error {
	if f.value != nil && len(*f.value)+len(line) <= maxValue {
		*f.value += string(line)
	}
	if f.pending {
		t := bytes.TrimLeft(line, " \t")
		joins := f.digit && len(t) > 0 && isDigit(t[0]) || f.words.Pending()
		if joins {
			f.owed++
		} else if err := f.w.newlines(1 + f.owed); err != nil {
			return err
		} else {
			f.owed = 0
		}
		f.pending = false
	}
	return f.line(line, end)
}

func (f *fields) line(line []byte, end string) error {
	f.buf = f.words.Line(f.buf[:0], line)
	f.pending = end != ""
	f.digit = len(line) > 0 && isDigit(line[len(line)-1])
	return f.w.write(f.buf)
}

// close ends the field at hand.
func (f *fields) close() error {
	f.buf = f.words.End(f.buf[:0])
	if err := f.w.write(f.buf); err != nil {
		return err
	}
	if f.value != nil && strings.Contains(*f.value, "*") {
		if err := f.decoded(); err != nil {
			return err
		}
	}
	if f.pending {
		f.pending = false
		if err := f.w.newlines(1 + f.owed); err != nil {
			return err
		}
	}
	f.owed = 0
	return nil
}

// decoded adds the names of files that were encoded as parameters in parts.
func (f *fields) decoded() error {
	_, params, rich := mail.ParseParams(*f.value)
	if !rich {
		return nil
	}
	for _, name := range []string{"filename", "name"} {
		if v := mail.FileName(params[name]); v != "" {
			if err := f.w.write([]byte(" (" + v + ")")); err != nil {
				return err
			}
		}
	}
	return nil
}

// end ends the header; the empty line behind it ended as said.
func (f *fields) end(end string) error {
	if err := f.close(); err != nil || end == "" {
		return err
	}
	return f.w.newlines(1)
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// transferEncoding reads the first word of a Content-Transfer-Encoding.
func transferEncoding(value string) string {
	value = strings.ToLower(strings.Trim(value, " \t\"'"))
	if i := strings.IndexAny(value, " \t;("); i >= 0 {
		value = value[:i]
	}
	switch value {
	case "x-uuencode", "uuencode", "x-uue", "uue":
		return "uuencode"
	case "quoted-printable", "quotedprintable", "quoted_printable":
		return "quoted-printable"
	case "base64", "base-64", "b64":
		return "base64"
	}
	return ""
}

// extensions are the usual ones of media types, for parts without a file name.
var extensions = map[string]string{
	"text/html": "html", "text/plain": "txt", "text/calendar": "ics", "text/vcard": "vcf", "text/x-vcard": "vcf", "text/directory": "vcf", "text/csv": "csv",
	"text/tab-separated-values": "tsv", "text/xml": "xml", "application/xml": "xml", "application/json": "json", "text/rtf": "rtf", "application/rtf": "rtf",
	"text/richtext": "txt", "text/enriched": "txt", "text/x-amp-html": "html", "application/xhtml+xml": "xhtml", "text/markdown": "md", "text/x-patch": "patch",
	"text/x-diff": "diff", "application/pdf": "pdf", "application/zip": "zip", "application/gzip": "gz", "application/msword": "doc",
	"application/vnd.ms-excel": "xls", "application/vnd.ms-outlook": "msg", "application/ms-tnef": "dat", "application/vnd.ms-tnef": "dat",
	"application/pgp-signature": "asc", "application/pgp-keys": "asc", "application/pkcs7-mime": "p7m", "application/x-pkcs7-mime": "p7m",
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
	"application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx", "application/vnd.oasis.opendocument.text": "odt",
	"application/vnd.oasis.opendocument.spreadsheet": "ods", "application/mbox": "mbox", "message/rfc822": "eml", "message/global": "eml", "message/news": "eml",
	"image/jpeg": "jpg", "image/png": "png", "image/gif": "gif", "image/svg+xml": "svg",
}

// memberName is the file name of a part, or a made-up one.
func (p *part) memberName() string {
	if p.name != "" {
		return p.name
	}
	ext := extensions[p.kind]
	if ext == "" {
		if ext = "bin"; strings.HasPrefix(p.kind, "text/") {
			ext = "txt"
		}
	}
	return fmt.Sprintf("part-%d.%s", p.number, ext)
}
