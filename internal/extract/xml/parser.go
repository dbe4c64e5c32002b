package xml

import (
	"bytes"
	"io"
	"sync"
	"unicode/utf8"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/paths"
	"github.com/magpie-sec/magpie/internal/text"
)

const (
	// bufferSize is how much text a block holds; chunk is how much of it is decoded at a time.
	bufferSize = 64 << 10
	chunk      = 4 << 10
	// maxDepth is how many elements may be open; those below count as the deepest.
	maxDepth = 256
	// reach is how far text counts as standing beside a value, in bytes of the document, and how much of it is kept.
	reach = 40
	// short is up to which length a value has the text before it as its context, too: a label is meant for a value, not for a chapter.
	short = 80
)

// inline are the elements that only mark a part of a sentence up: without attributes, inside text, their tags are passed over.
var inline = map[string]bool{"b": true, "i": true, "u": true, "em": true, "strong": true, "emphasis": true, "hi": true, "bold": true, "italic": true,
	"small": true, "big": true, "sub": true, "sup": true, "tt": true, "span": true, "mark": true, "font": true, "tspan": true}

// A frame is an element that is open.
type frame struct {
	node   *paths.Node
	name   int  // where its name begins in parser.names
	inside bool // a part of its parent's text
}

// A parser walks through XML in a window and gathers the text of values in a buffer. A value that does not fit is delivered in pieces.
//
// It is lenient: what is not closed ends with what is around it, references that are not known stay as they are written. A tag that has no end
// makes running text of the rest of the document.
type parser struct {
	w     *extract.Window
	batch *extract.Batch
	data  []byte
	pos   int
	end   error // why nothing follows data, nil if something may
	err   error // of the output

	// The place of pos: the 1-based line, the characters before it there, and its offset.
	line, column, offset int64

	frames []frame
	names  []byte
	below  int // elements open below the deepest frame
	tree   paths.Tree
	within delimiter // of which the end has not come yet
	lost   bool      // the rest is running text

	buf []byte
	// The value that is open.
	open    bool
	chained bool // a piece of it was delivered
	field   *text.Field
	start   int // in buf
	row     int64
	before  int64 // characters before it on its line

	near   []byte // the words that stood last
	nearAt int64  // the offset where they end
	silent bool   // the value is no label: a declaration, the name of a namespace
	inTag  bool   // the value is that of an attribute
	of     []byte // the name of the element whose text was kept last
	label  []byte
	labels paths.Labels
}

// takes makes a parser ready for a document, with the memory that it has.
func (p *parser) takes(w *extract.Window, b *extract.Batch) {
	if p.buf == nil {
		p.buf = make([]byte, 0, bufferSize)
	}
	p.w, p.batch, p.line = w, b, 1
	b.Window(p.buf[:cap(p.buf)])
}

// parsers keeps those that are done.
var parsers sync.Pool

// giveBack keeps the parser for another document, without what belongs to this one.
func (p *parser) giveBack() {
	*p = parser{frames: p.frames[:0], names: p.names[:0], tree: p.tree, buf: p.buf[:0:bufferSize], near: p.near[:0], of: p.of[:0], label: p.label[:0], labels: p.labels}
	if p.tree.Reset() {
		parsers.Put(p)
	}
}

func (p *parser) run() error {
	p.next(0)
	for {
		p.walk()
		switch {
		case p.err != nil:
			return p.err
		case p.pos == len(p.data) && p.end != nil:
			p.finish()
			if p.flush(); p.err != nil || p.end == io.EOF {
				return p.err
			}
			return p.end
		case p.end != nil, p.pos == 0 && len(p.data) > extract.WindowSize/2:
			p.finish()
			p.lost = true
		default:
			p.next(len(p.data) - p.pos)
		}
	}
}

func (p *parser) next(keep int) {
	p.data, p.end = p.w.Next(keep)
	p.pos = 0
}

// advance passes n bytes.
func (p *parser) advance(n int) {
	t := p.data[p.pos : p.pos+n]
	p.pos += n
	p.offset += int64(n)
	if n > few {
		if k := bytes.Count(t, []byte{'\n'}); k > 0 {
			p.line += int64(k)
			p.column = 0
			t = t[bytes.LastIndexByte(t, '\n')+1:]
		}
		p.column += int64(utf8.RuneCount(t))
		return
	}
	for _, c := range t {
		switch {
		case c == '\n':
			p.line++
			p.column = 0
		case c&0xc0 != 0x80:
			p.column++
		}
	}
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// leading counts the white space that t begins with.
func leading(t []byte) int {
	n := 0
	for n < len(t) && isBlank(t[n]) {
		n++
	}
	return n
}

// few is up to how many bytes are counted one by one: most stretches of XML are short.
const few = 32

// walk reads what is in the window; it leaves pos at what needs more of the document.
func (p *parser) walk() {
	for p.pos < len(p.data) && p.err == nil {
		ok := true
		switch {
		case p.lost:
			p.running(len(p.data) - p.pos)
		case p.within.kind != noMarkup:
			ok = p.delimited()
		case p.data[p.pos] == '<':
			ok = p.markup()
		default:
			ok = p.characters()
		}
		if !ok {
			return
		}
	}
}

// running delivers the next n bytes as they are, outside of elements.
func (p *parser) running(n int) {
	if !p.open {
		p.begin(nil)
	}
	p.write(p.data[p.pos:p.pos+n], false)
	p.advance(n)
}

// characters reads text to the next tag.
func (p *parser) characters() bool {
	t := p.data[p.pos:]
	n := bytes.IndexByte(t, '<')
	whole := n >= 0
	if !whole {
		if n = len(t); p.end == nil {
			n = wholeReferences(t)
		}
	}
	if n == 0 {
		return false
	}
	if !p.open {
		blank := leading(t[:n])
		p.advance(blank)
		if blank == n {
			return true
		}
		t, n = t[blank:], n-blank
		p.begin(p.context(p.top(), whole && n <= short))
	}
	p.write(t[:n], true)
	p.advance(n)
	return true
}

// wholeReferences returns how much of t does not end within a reference.
func wholeReferences(t []byte) int {
	tail := max(0, len(t)-maxReference)
	if i := bytes.LastIndexByte(t[tail:], '&'); i >= 0 && bytes.IndexByte(t[tail+i:], ';') < 0 {
		return tail + i
	}
	return len(t)
}

// markup reads what begins with '<'.
func (p *parser) markup() bool {
	t := p.data[p.pos:]
	for _, d := range delimitersOf(t) {
		if bytes.HasPrefix(t, []byte(d.begin)) {
			if d.kind != cdata {
				p.finish()
			}
			p.within = d
			p.advance(len(d.begin))
			return true
		}
		if p.end == nil && bytes.HasPrefix([]byte(d.begin), t) {
			return false
		}
	}
	kind, n := markupEnd(t)
	switch {
	case kind == noMarkup: // a mere sign
		if !p.open {
			p.begin(p.top().Field())
		}
		p.write(t[:1], false)
		p.advance(1)
		return true
	case n == 0:
		return false
	case kind == declaration:
		p.finish()
		p.running(n)
		p.silent = true
		p.finish()
		p.silent = false
	case kind == startTag:
		p.startTag(n)
	case kind == endTag:
		p.endTag(local(tagName(t[2:n])))
		p.advance(n)
	}
	return true
}

// delimited reads what stands between delimiters as far as it is there.
func (p *parser) delimited() bool {
	t := p.data[p.pos:]
	end := []byte(p.within.end)
	n := bytes.Index(t, end)
	over := n >= 0
	if !over {
		if n = len(t); p.end == nil {
			n = max(0, n-len(end)+1)
		}
	}
	if n > 0 {
		if p.within.kind != cdata {
			p.running(n)
		} else {
			if !p.open {
				p.begin(p.context(p.top(), over && n <= short))
			}
			p.write(t[:n], false)
			p.advance(n)
		}
	}
	if over {
		if p.within.kind != cdata {
			p.finish()
		}
		p.within = delimiter{}
		p.advance(len(end))
	}
	return over || n > 0
}

// startTag reads a start tag of n bytes with its attributes.
func (p *parser) startTag(n int) {
	tag := p.data[p.pos : p.pos+n]
	name := tagName(tag[1 : n-1])
	i := 1 + len(name)
	empty := tag[n-2] == '/'
	bare := i == n-1 || len(bytes.Trim(tag[i:n-1], "/ \t\r\n")) == 0
	if bare && !empty && p.open && inline[string(local(name))] {
		p.push(local(name), p.top(), true)
		p.advance(n)
		return
	}
	p.finish()
	parent := p.top()
	of := p.tree.Child(parent, local(name))
	from := p.pos
	for i < n-1 {
		c := tag[i]
		if c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '/' || c == '=' {
			i++
			continue
		}
		attr := tagName(tag[i : n-1])
		start, stop := i, i+len(attr) // what stands alone, a name or rubbish, is a value of the element
		after := tag[stop+leading(tag[stop:n-1]) : n-1]
		node := of
		switch {
		case c == '"' || c == '\'':
			start, stop = quoted(tag, i)
			i = stop + 1
		case len(attr) == 0:
			stop = i + 1
			for stop < n-1 && bytes.IndexByte([]byte(" \t\r\n/=\"'"), tag[stop]) < 0 {
				stop++
			}
			i = stop
		case len(after) == 0 || after[0] != '=':
			i = stop
		default:
			i = n - 1 - len(bytes.TrimLeft(after[1:], " \t\r\n"))
			node = p.tree.Child(of, local(attr))
			if i >= n-1 {
				continue
			}
			if start, stop = i, i; tag[i] == '"' || tag[i] == '\'' {
				start, stop = quoted(tag, i)
				i = stop + 1
				break
			}
			for stop < n-1 && bytes.IndexByte([]byte(" \t\r\n"), tag[stop]) < 0 {
				stop++
			}
			i = stop
		}
		if start == stop {
			continue
		}
		p.advance(from + start - p.pos)
		p.begin(p.context(node, stop-start <= short))
		p.write(tag[start:stop], true)
		p.advance(stop - start)
		p.silent, p.inTag = bytes.HasPrefix(attr, []byte("xmlns")), true
		p.finish()
		p.silent, p.inTag = false, false
	}
	p.advance(from + n - p.pos)
	if !empty {
		p.push(local(name), of, false)
	}
}

// quoted returns where the value in quotes at i begins and ends.
func quoted(tag []byte, i int) (start, stop int) {
	n := bytes.IndexByte(tag[i+1:], tag[i])
	if n < 0 {
		return i + 1, len(tag) - 1
	}
	return i + 1, i + 1 + n
}

func (p *parser) top() *paths.Node {
	if len(p.frames) == 0 {
		return &p.tree.Root
	}
	return p.frames[len(p.frames)-1].node
}

func (p *parser) push(name []byte, of *paths.Node, inside bool) {
	if len(p.frames) == maxDepth {
		p.below++
		return
	}
	p.frames = append(p.frames, frame{of, len(p.names), inside})
	p.names = append(p.names, paths.LastPart(name)...)
}

// endTag closes the element of that name that was opened last; an end tag without one closes nothing.
func (p *parser) endTag(name []byte) {
	if p.below > 0 {
		p.below--
		p.finish()
		return
	}
	name = paths.LastPart(name)
	end, outside := len(p.names), false
	for i := len(p.frames) - 1; i >= 0; i-- {
		f := p.frames[i]
		outside = outside || !f.inside
		if bytes.Equal(p.names[f.name:end], name) {
			if outside {
				p.finish()
			}
			p.frames, p.names = p.frames[:i], p.names[:f.name]
			return
		}
		end = f.name
	}
}

// context returns the field of a value at pos: the names of its path and, for a short one, before them the text that stands beside it.
func (p *parser) context(n *paths.Node, isShort bool) *text.Field {
	if !isShort || len(p.near) == 0 || p.offset-p.nearAt > reach {
		return n.Field()
	}
	if len(p.of) > 0 && generic[n.Name()] {
		p.label = append(append(append(p.label[:0], p.of...), ' '), p.near...)
		return p.labels.Field(n, p.label)
	}
	return p.labels.Field(n, p.near)
}

// generic are the names of elements and attributes that say nothing of their values. What they hold may be told by the name of the element before:
// <passportCountry>USA</passportCountry><number>...
var generic = map[string]bool{"value": true, "val": true, "number": true, "num": true, "no": true, "nr": true, "id": true, "code": true, "content": true,
	"data": true, "Value": true, "Number": true, "No": true, "Id": true, "ID": true, "Code": true, "Content": true, "Data": true}

// begin opens a value at pos.
func (p *parser) begin(f *text.Field) {
	p.open, p.chained, p.field, p.start, p.row, p.before = true, false, f, len(p.buf), p.line, p.column
}

// write appends to the value, decoding references.
func (p *parser) write(t []byte, decode bool) {
	for len(t) > 0 && p.err == nil {
		if cap(p.buf)-len(p.buf) < 2*chunk {
			p.piece()
		}
		n := len(t)
		if n > chunk {
			n = chunk
			for n > 0 && !utf8.RuneStart(t[n]) {
				n--
			}
			if decode {
				n = wholeReferences(t[:n])
			}
		}
		if decode {
			p.buf = appendText(p.buf, t[:n])
		} else {
			p.buf = append(p.buf, t[:n]...)
		}
		t = t[n:]
	}
}

// piece delivers what there is of the value, and makes room.
func (p *parser) piece() {
	if len(p.buf) > p.start || p.chained {
		p.add(true)
		p.chained = true
	}
	p.flush()
	p.start = 0
}

func (p *parser) add(more bool) {
	p.batch.Add(p.start, len(p.buf), p.field, p.row, int32(min(p.before, 1<<31-1)), more)
}

// finish closes the value, if one is open.
func (p *parser) finish() {
	if !p.open {
		return
	}
	p.open = false
	n := len(p.buf)
	for n > p.start && isBlank(p.buf[n-1]) {
		n--
	}
	p.buf = p.buf[:n]
	value := p.buf[p.start:]
	if len(value) == 0 && !p.chained {
		return
	}
	if paths.Wordy(value) && p.within.kind != instruction && !p.silent {
		p.keep(value)
	}
	p.add(false)
	if p.batch.Full() || cap(p.buf)-len(p.buf) < 2*chunk {
		p.flush()
	}
}

// keep remembers the end of a value as what stands beside the next.
func (p *parser) keep(value []byte) {
	if p.offset-p.nearAt-int64(len(value)) > reach {
		p.near = p.near[:0]
	} else if len(p.near) > 0 {
		p.near = append(p.near, ' ')
	}
	p.near = append(p.near, value[max(0, len(value)-reach):]...)
	if cut := len(p.near) - reach; cut > 0 {
		for cut < len(p.near) && !utf8.RuneStart(p.near[cut]) {
			cut++
		}
		p.near = p.near[:copy(p.near, p.near[cut:])]
	}
	p.nearAt = p.offset
	p.of = p.of[:0]
	if n := len(p.frames); n > 0 && !p.inTag {
		p.of = append(p.of, paths.Tail(p.names[p.frames[n-1].name:], reach)...)
	}
}

// flush delivers the values that are complete, and empties the buffer.
func (p *parser) flush() {
	if p.err == nil {
		p.err = p.batch.Flush(len(p.buf))
	}
	p.buf = p.buf[:0]
	p.batch.Window(p.buf[:cap(p.buf)])
}
