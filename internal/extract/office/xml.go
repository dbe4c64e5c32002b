package office

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"unicode/utf8"

	"github.com/magpie-sec/magpie/internal/extract/charset"
)

// A Token is what XML.Next found.
type Token int

const (
	// EOF is the end of the part.
	EOF Token = iota
	// Start is a start tag: XML.Name and XML.Attr tell of it. An empty element yields Start and End.
	Start
	// End is an end tag.
	End
	// Text is character data or a piece of it, in XML.Text.
	Text
)

// maxTag is how long a tag may be with all its attributes, and the size of the reader's memory.
const maxTag = 64 << 10

var errTag = errors.New("a tag is too long")

// XML reads one part of a document: tags by their local names, and text with its entities decoded. It is made for what office programs
// write, in constant memory, and several times as fast as encoding/xml. It is lenient: end tags are not compared with start tags, and an
// entity that XML does not define stays as it is written. Declarations of entities are passed over, so that nothing expands and nothing is
// fetched. A part that ends inside an element is an error.
type XML struct {
	// Name is the local name of the tag, valid until the next call of Next, as Text is.
	Name []byte
	Text []byte

	r        io.Reader
	buf      []byte
	pos, end int
	err      error
	depth    int
	began    bool
	empty    bool // the start tag was an end tag, too
	cdata    bool
	tag      []byte // what follows the name
	values   []byte
}

// NewXML reads UTF-8, or UTF-16 with a byte order mark. The buffer, of any size above a kilobyte, is for the reader's use; nil makes one.
func NewXML(r io.Reader, buf []byte) *XML {
	if buf == nil {
		buf = make([]byte, maxTag)
	}
	x := &XML{r: r, buf: buf}
	for x.end < 4 && x.more() {
	}
	if b := x.buf[:x.end]; len(b) >= 2 && (b[0] == 0xfe && b[1] == 0xff || b[0] == 0xff && b[1] == 0xfe) {
		c, _ := charset.Detect(b[:2], false)
		x.r = charset.NewReader(io.MultiReader(bytes.NewReader(bytes.Clone(b)), &failed{x.r, x.err}), c)
		x.pos, x.end, x.err = 0, 0, nil
	}
	return x
}

// failed is a reader that has told its end already.
type failed struct {
	r   io.Reader
	err error
}

func (f *failed) Read(p []byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	return f.r.Read(p)
}

// more reads on. It returns false at the end, and when the memory is full.
func (x *XML) more() bool {
	if x.err != nil {
		return false
	}
	if x.pos > 0 {
		x.end = copy(x.buf, x.buf[x.pos:x.end])
		x.pos = 0
	}
	if x.end == len(x.buf) {
		return false
	}
	for idle := 0; idle < 100; idle++ {
		n, err := x.r.Read(x.buf[x.end:])
		x.end += n
		x.err = err
		if n > 0 {
			return true
		}
		if err != nil {
			return false
		}
	}
	x.err = io.ErrNoProgress
	return false
}

// Next finds the next token.
func (x *XML) Next() (Token, error) {
	if x.empty {
		x.empty = false
		x.depth--
		return End, nil
	}
	for {
		if x.pos == x.end && !x.more() {
			return EOF, x.over()
		}
		if x.cdata {
			if x.inCDATA() {
				return Text, nil
			}
			continue
		}
		if x.buf[x.pos] != '<' {
			if x.characters() {
				return Text, nil
			}
			continue
		}
		for x.end-x.pos < len("<![CDATA[") && x.more() {
		}
		switch b := x.buf[x.pos:x.end]; {
		case bytes.HasPrefix(b, []byte("<![CDATA[")):
			x.pos += len("<![CDATA[")
			x.cdata = true
		case bytes.HasPrefix(b, []byte("<!--")):
			x.pos += len("<!--")
			x.skip("-->")
		case bytes.HasPrefix(b, []byte("<?")):
			x.skip("?>")
		case bytes.HasPrefix(b, []byte("<!")):
			x.declaration()
		default:
			return x.readTag()
		}
	}
}

// over says what the end of the data means.
func (x *XML) over() error {
	switch {
	case x.err != nil && x.err != io.EOF:
		return x.err
	case x.depth > 0 || !x.began || x.cdata:
		return io.ErrUnexpectedEOF
	}
	return nil
}

// skip passes over everything up to and including a mark.
func (x *XML) skip(mark string) {
	for {
		if i := bytes.Index(x.buf[x.pos:x.end], []byte(mark)); i >= 0 {
			x.pos += i + len(mark)
			return
		}
		x.pos = max(x.pos, x.end-len(mark)+1)
		if !x.more() {
			x.pos = x.end
			return
		}
	}
}

// declaration passes over a document type with its internal subset.
func (x *XML) declaration() {
	inside := false
	for {
		for ; x.pos < x.end; x.pos++ {
			switch c := x.buf[x.pos]; {
			case c == '[':
				inside = true
			case c == ']':
				inside = false
			case c == '>' && !inside:
				x.pos++
				return
			}
		}
		if !x.more() {
			return
		}
	}
}

func (x *XML) inCDATA() bool {
	i := bytes.Index(x.buf[x.pos:x.end], []byte("]]>"))
	if i < 0 {
		i = max(x.end-x.pos-len("]]"), 0)
		i -= charset.Cut(x.buf[x.pos : x.pos+i])
		if i == 0 {
			if x.more() {
				return false
			}
			i = x.end - x.pos
		}
		x.Text = valid(x.buf[x.pos : x.pos+i])
		x.pos += i
		return i > 0
	}
	x.cdata = false
	x.Text = valid(x.buf[x.pos : x.pos+i])
	x.pos += i + len("]]>")
	return i > 0
}

// maxEntity is how long the name of an entity may be.
const maxEntity = 12

// characters takes the text up to the next tag, or as much of it as is sure.
func (x *XML) characters() bool {
	b := x.buf[x.pos:x.end]
	i := bytes.IndexByte(b, '<')
	if i < 0 {
		i = len(b)
		if x.err == nil {
			i -= charset.Cut(b)
			if amp := bytes.LastIndexByte(b[max(0, i-maxEntity):i], '&'); amp >= 0 && bytes.IndexByte(b[max(0, i-maxEntity)+amp:i], ';') < 0 {
				i = max(0, i-maxEntity) + amp
			}
			if i == 0 {
				if x.more() {
					return false
				}
				i = x.end - x.pos
			}
		}
		b = x.buf[x.pos:x.end]
	}
	x.pos += i
	x.Text = decode(valid(b[:i]))
	return len(x.Text) > 0
}

// valid replaces what is no UTF-8.
func valid(b []byte) []byte {
	if utf8.Valid(b) {
		return b
	}
	// Each byte by itself, so that it does not matter how the text was cut.
	mended := make([]byte, 0, len(b)+len(b)/2)
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		mended = utf8.AppendRune(mended, r)
		b = b[n:]
	}
	return mended
}

// decode resolves entities in place, and leaves out carriage returns.
func decode(b []byte) []byte {
	at := bytes.IndexByte(b, '&')
	if cr := bytes.IndexByte(b, '\r'); cr >= 0 && (at < 0 || cr < at) {
		at = cr
	}
	if at < 0 {
		return b
	}
	to := at
	for i := at; i < len(b); {
		switch b[i] {
		case '\r':
			i++
			continue
		case '&':
			if semi := bytes.IndexByte(b[i:min(len(b), i+maxEntity)], ';'); semi > 0 {
				if r := entity(string(b[i+1 : i+semi])); r >= 0 {
					if r != '\r' {
						to += utf8.EncodeRune(b[to:i+semi+1], r)
					}
					i += semi + 1
					continue
				}
			}
		}
		b[to] = b[i]
		to++
		i++
	}
	return b[:to]
}

func entity(name string) rune {
	switch name {
	case "amp":
		return '&'
	case "lt":
		return '<'
	case "gt":
		return '>'
	case "quot":
		return '"'
	case "apos":
		return '\''
	}
	if len(name) < 2 || name[0] != '#' {
		return -1
	}
	digits, base := name[1:], 10
	if digits[0] == 'x' || digits[0] == 'X' {
		digits, base = digits[1:], 16
	}
	n, err := strconv.ParseUint(digits, base, 32)
	if err != nil || n > utf8.MaxRune || !utf8.ValidRune(rune(n)) {
		return -1
	}
	return rune(n)
}

func (x *XML) readTag() (Token, error) {
	stop := x.tagEnd()
	for ; stop < 0; stop = x.tagEnd() {
		if !x.more() {
			if x.err == nil {
				return EOF, errTag
			}
			x.pos = x.end
			if x.err == io.EOF {
				return EOF, io.ErrUnexpectedEOF
			}
			return EOF, x.err
		}
	}
	b := x.buf[x.pos+1 : stop]
	x.pos = stop + 1
	if len(b) > 0 && b[0] == '/' {
		x.Name = local(bytes.TrimRight(b[1:], " \t\r\n"))
		if x.depth--; x.depth < 0 {
			return EOF, errors.New("an end tag without start tag")
		}
		return End, nil
	}
	if n := len(b); n > 0 && b[n-1] == '/' {
		x.empty = true
		b = b[:n-1]
	}
	n := 0
	for n < len(b) && !blank(b[n]) {
		n++
	}
	x.Name, x.tag = local(b[:n]), b[n:]
	x.values = x.values[:0]
	x.depth++
	x.began = true
	return Start, nil
}

// tagEnd finds the end of the tag at the position, outside of quotes.
func (x *XML) tagEnd() int {
	b := x.buf[x.pos:x.end]
	for i := 1; i < len(b); i++ {
		switch c := b[i]; c {
		case '>':
			return x.pos + i
		case '"', '\'':
			k := bytes.IndexByte(b[i+1:], c)
			if k < 0 {
				return -1
			}
			i += k + 1
		}
	}
	return -1
}

func local(name []byte) []byte { return name[bytes.LastIndexByte(name, ':')+1:] }

func blank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// Attr returns the value of the start tag's attribute with that local name, nil without one, valid until the next call of Next.
func (x *XML) Attr(name string) []byte { return x.attr(name, false) }

// Relation returns the start tag's reference to a relationship (r:id, beside which there may be an id).
func (x *XML) Relation() string { return string(x.attr("id", true)) }

func (x *XML) attr(name string, prefixed bool) []byte {
	b := x.tag
	for {
		eq := bytes.IndexByte(b, '=')
		if eq < 0 {
			return nil
		}
		key := bytes.TrimSpace(b[:eq])
		b = b[eq+1:]
		for len(b) > 0 && blank(b[0]) {
			b = b[1:]
		}
		if len(b) == 0 || b[0] != '"' && b[0] != '\'' {
			return nil
		}
		stop := bytes.IndexByte(b[1:], b[0])
		if stop < 0 {
			return nil
		}
		value := b[1 : stop+1]
		b = b[stop+2:]
		if k := local(key); string(k) != name || prefixed && len(k) == len(key) {
			continue
		}
		if bytes.IndexByte(value, '&') >= 0 {
			from := len(x.values)
			x.values = append(x.values, value...)
			value = decode(x.values[from:])
		}
		return valid(value)
	}
}

// Skip passes over the element whose start tag was read last.
func (x *XML) Skip() error {
	for depth := x.depth; x.depth >= depth; {
		if _, err := x.Next(); err != nil {
			return err
		}
	}
	return nil
}
