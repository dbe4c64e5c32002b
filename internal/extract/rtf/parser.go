package rtf

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/charset"
	"github.com/magpie-sec/magpie/internal/extract/office"
)

const (
	readBuffer = 64 << 10
	// maxDepth is how many groups may stand in one another with a state of their own; deeper ones share the last.
	maxDepth = 4096
	// maxFonts bounds the fonts whose charset is known.
	maxFonts = 4096
	// maxWord is how long a control word may be; the specification allows 32 letters.
	maxWord = 64
	// maxKept bounds what is kept of an instruction or a name.
	maxKept = 4 << 10
	// htmlWithin is how far into a document the mark of encapsulated HTML may stand.
	htmlWithin = 4 << 10
)

// A state is what a group inherits and its end restores.
type state struct {
	dest     dest
	outer    dest // what the group with the destinations, or the second half of a pair, belongs to
	inPair   bool // of text that stands there twice, the second half is still to come
	name     string
	uc       int
	font     int
	deleted  bool
	htmlOff  bool
	optional bool // the group begins with \*
	began    bool // something of the group was read
}

type parser struct {
	br   *bufio.Reader
	out  *extract.Output
	flow *office.Flow

	state
	stack []state
	over  int // groups deeper than maxDepth

	unicodeLeft int    // characters that repeat a \u for old readers and are to be passed over
	high        rune   // half of a surrogate pair
	bytes       []byte // text in a code page

	page  charset.Charset         // the document's code page
	deff  int                     // its font
	fonts map[int]charset.Charset // of fonts with another

	kept    []byte // an instruction or a name, up to its group's end
	shape   string // the property of a shape that was named last
	pair    int    // how many groups of a variable were read
	objects int

	// inTable says that the table has not ended, inRow that a row of it was begun and has not. The row begins with its first text or cell, when
	// it is known whether it is a header: until then it is announced.
	inTable, inRow, announced, header bool

	isHTML bool
	buf    []byte // HTML that waits to be read
	off    int
	utf8   [utf8.UTFMax]byte
}

func newParser(in *extract.Input, out *extract.Output) *parser {
	page, _ := charset.CodePage(1252)
	p := &parser{br: bufio.NewReaderSize(in, readBuffer), out: out, page: page, fonts: map[int]charset.Charset{}}
	p.uc, p.font = 1, -1
	return p
}

func (p *parser) run() error {
	head, err := p.br.Peek(htmlWithin)
	if err != nil && err != io.EOF && len(head) == 0 {
		return err
	}
	if bytes.Contains(head, []byte(`\fromhtml1`)) {
		p.isHTML = true
		if _, err := p.out.Member(extract.Member{Name: "document.html", Size: -1}, io.MultiReader(strings.NewReader("\xef\xbb\xbf"), p)); err != nil {
			return err
		}
		_, err := io.Copy(io.Discard, p) // what the reader of the member left
		return err
	}
	p.flow = office.NewFlow(p.out)
	for {
		if err = p.step(); err != nil {
			break
		}
	}
	if err == io.EOF {
		if err = p.flush(); err == nil && len(p.stack) > 0 {
			err = extract.Malformed("the document ends within a group")
		}
	}
	if err == nil {
		err = p.flow.EndParagraph() // what waits for the end of a paragraph that breaks off stands at a place nobody knows
	}
	if e := p.flow.Close(); e != nil {
		return e
	}
	return err
}

// Read implements io.Reader for encapsulated HTML.
func (p *parser) Read(b []byte) (int, error) {
	for p.off == len(p.buf) {
		p.buf, p.off = p.buf[:0], 0
		for len(p.buf) < readBuffer/4 {
			if err := p.step(); err != nil {
				if err == io.EOF {
					if err = p.flush(); err == nil && len(p.stack) > 0 {
						err = extract.Malformed("the document ends within a group")
					} else if err == nil {
						err = io.EOF
					}
				}
				if len(p.buf) > 0 && err == io.EOF {
					break
				}
				if len(p.buf) == 0 {
					return 0, err
				}
				n := copy(b, p.buf)
				p.off = n
				return n, nil
			}
		}
	}
	n := copy(b, p.buf[p.off:])
	p.off += n
	return n, nil
}

// special says for each byte that it ends a run of plain text.
var special = func() (t [256]bool) {
	for i := range t {
		t[i] = i < ' ' || i >= 0x7f
	}
	t['\\'], t['{'], t['}'] = true, true, true
	return t
}()

// step reads the next run of text, group mark or control word.
func (p *parser) step() error {
	b, err := p.br.Peek(1)
	if len(b) == 0 {
		return err
	}
	b, _ = p.br.Peek(p.br.Buffered())
	switch c := b[0]; {
	case c == '{':
		p.br.Discard(1)
		return p.open()
	case c == '}':
		p.br.Discard(1)
		return p.close()
	case c == '\\':
		p.br.Discard(1)
		return p.control()
	case c < ' ' || c == 0x7f:
		p.br.Discard(1)
		if c == '\t' {
			return p.character("\t")
		}
		return nil // line ends of the source, and NULs
	}
	n := 1
	if b[0] < 0x80 {
		for n < len(b) && !special[b[n]] {
			n++
		}
	}
	if p.dest == objectData {
		return p.objectData()
	}
	p.began = true
	err = p.text(b[:n])
	p.br.Discard(n)
	return err
}

// text takes characters as they stand in the document, in the code page at hand.
func (p *parser) text(t []byte) error {
	if p.unicodeLeft > 0 {
		n := min(p.unicodeLeft, len(t))
		p.unicodeLeft -= n
		t = t[n:]
	}
	if len(t) == 0 || p.dest == skipped {
		return nil
	}
	if len(p.bytes) == 0 && t[0] < 0x80 {
		return p.put(t)
	}
	return p.encoded(t)
}

// encoded takes bytes in the code page at hand. A character of two bytes may have an ASCII one for its second.
func (p *parser) encoded(t []byte) error {
	p.bytes = append(p.bytes, t...)
	if len(p.bytes) >= maxKept {
		return p.flush()
	}
	return nil
}

// flush decodes what was gathered.
func (p *parser) flush() error {
	if len(p.bytes) == 0 {
		return nil
	}
	t := p.bytes
	p.bytes = p.bytes[:0]
	return p.put(p.current().Decode(t))
}

// current is the charset of the font at hand.
func (p *parser) current() charset.Charset {
	if c, ok := p.fonts[p.font]; ok {
		return c
	}
	return p.page
}

// put writes text in UTF-8 to where the group belongs.
func (p *parser) put(t []byte) error {
	p.high = 0
	d := p.dest
	if p.isHTML {
		if (d == body || d == html) && !p.htmlOff {
			p.buf = append(p.buf, t...)
		}
		return nil
	}
	if d == body && p.deleted {
		d = aside
	}
	switch d {
	case body:
		if err := p.place(); err != nil {
			return err
		}
		_, err := p.flow.Write(t)
		return err
	case aside:
		return p.flow.Aside(t)
	case property, variables:
		if p.kept = append(p.kept, t...); len(p.kept) > maxKept {
			return p.spill()
		}
	case instruction, shapeName, shapeValue:
		p.kept = append(p.kept, t[:min(len(t), max(0, maxKept-len(p.kept)))]...)
	}
	return nil
}

// place begins the row that was announced, or ends the table that no row follows.
func (p *parser) place() error {
	switch {
	case p.announced:
		p.announced = false
		if err := p.flow.Row(p.header); err != nil {
			return err
		}
		p.flow.Cell(1)
	case p.inTable && !p.inRow:
		p.inTable = false
		return p.flow.EndTable()
	}
	return nil
}

// table does what a control word of tables says.
func (p *parser) table(a action) error {
	if p.isHTML {
		return nil
	}
	if p.dest == aside {
		switch a {
		case cell, nestedCell:
			return p.flow.Aside([]byte("\t"))
		case row, nestedRow:
			p.flow.EndAside('\n')
		}
		return nil
	}
	switch {
	case a == nestedRow && (p.dest == tableProps || p.dest == body):
		p.flow.Break()
	case p.dest != body:
	case a == nestedCell:
		p.flow.Tab()
	case a == rowBegin || a == inTable:
		if p.inRow { // Word repeats what a row is like at its end
			return nil
		}
		if err := p.flow.EndParagraph(); err != nil {
			return err
		}
		if !p.inTable {
			p.flow.Table()
		}
		p.inTable, p.inRow, p.announced, p.header = true, true, true, false
	case a == rowHeader:
		p.header = p.announced
	case a == cell:
		if err := p.place(); err != nil {
			return err
		}
		p.flow.Cell(1)
	case a == row:
		if err := p.flow.EndParagraph(); err != nil {
			return err
		}
		p.inRow, p.announced = false, false
	}
	return nil
}

// spill writes a long property before its end comes.
func (p *parser) spill() error {
	if err := p.named(); err != nil {
		return err
	}
	_, err := p.flow.Write(p.kept)
	p.kept = p.kept[:0]
	return err
}

// named writes the name of a property before the first of its value.
func (p *parser) named() error {
	if p.dest != property || p.name == "" {
		return nil
	}
	p.flow.Break()
	_, err := p.flow.Write([]byte(p.name + ": "))
	p.name = ""
	return err
}

// character takes a character that a control stands for; it counts as one.
func (p *parser) character(s string) error {
	p.began = true
	if p.unicodeLeft > 0 {
		p.unicodeLeft--
		return nil
	}
	if err := p.flush(); err != nil || p.dest == skipped {
		return err
	}
	return p.put([]byte(s))
}

func (p *parser) open() error {
	p.unicodeLeft = 0
	if err := p.flush(); err != nil {
		return err
	}
	if len(p.stack) >= maxDepth {
		p.over++
		return nil
	}
	p.stack = append(p.stack, p.state)
	p.began, p.optional = false, false
	if p.dest == object || p.dest == info { // only their destinations count
		p.dest, p.outer = skipped, p.dest
	}
	return nil
}

func (p *parser) close() error {
	p.unicodeLeft = 0
	if err := p.flush(); err != nil {
		return err
	}
	if p.over > 0 {
		p.over--
		return nil
	}
	if len(p.stack) == 0 {
		return nil
	}
	was := p.state
	inner := p.stack[len(p.stack)-1]
	p.stack = p.stack[:len(p.stack)-1]
	err := p.end(was, inner)
	p.state = inner
	return err
}

// end ends the destination of a group, unless the group around it goes on with it.
func (p *parser) end(was, around state) error {
	if p.isHTML {
		return nil
	}
	switch was.dest {
	case aside:
		if around.dest != aside {
			p.flow.EndAside('\n')
		}
	case body:
		if was.deleted && !around.deleted {
			p.flow.EndAside(' ')
		}
	case property:
		if around.dest == property {
			return nil
		}
		if len(p.kept) > 0 {
			if err := p.spill(); err != nil {
				return err
			}
		}
		p.flow.Break()
	case variables:
		return p.variable()
	case instruction:
		if around.dest == instruction {
			return nil
		}
		err := p.reference()
		p.kept = p.kept[:0]
		return err
	case shapeName:
		p.shape = string(bytes.TrimSpace(p.kept))
		p.kept = p.kept[:0]
	case shapeValue:
		if around.dest == shapeValue {
			return nil
		}
		var err error
		if told[p.shape] && len(p.kept) > 0 {
			err = p.flow.Aside(p.kept)
			p.flow.EndAside('\n')
		}
		p.kept = p.kept[:0]
		return err
	case fontTable, skipped, objectData, object, html, info, pair:
	}
	return nil
}

// variable ends a group of a name or a value: "name: value" makes a line.
func (p *parser) variable() error {
	if len(p.kept) == 0 {
		return nil
	}
	var err error
	if p.pair++; p.pair%2 == 1 {
		p.flow.Break()
		_, err = p.flow.Write(append(p.kept, ": "...))
	} else {
		_, err = p.flow.Write(p.kept)
		p.flow.Break()
	}
	p.kept = p.kept[:0]
	return err
}

// reference writes the instruction of a field if it refers to something: a link, a question, a file.
func (p *parser) reference() error {
	if bytes.IndexByte(p.kept, '"') < 0 && bytes.IndexByte(p.kept, '@') < 0 {
		return nil
	}
	t := bytes.TrimSpace(p.kept)
	if bytes.HasPrefix(t, []byte("HYPERLINK")) && bytes.Contains(t, []byte(`\l `)) && bytes.Contains(t, []byte(`_Toc`)) {
		return nil // a table of contents refers to its headings
	}
	err := p.flow.Aside(t)
	p.flow.EndAside('\n')
	return err
}

// control reads what follows a backslash.
func (p *parser) control() error {
	c, err := p.br.ReadByte()
	if err != nil {
		return err
	}
	if c|0x20 >= 'a' && c|0x20 <= 'z' {
		return p.word(c)
	}
	switch c {
	case '\\', '{', '}':
		p.began = true
		if p.unicodeLeft == 0 && len(p.bytes) > 0 { // the second byte of a character of two
			return p.encoded([]byte{c})
		}
		return p.character(string(rune(c)))
	case '\'':
		return p.hex()
	case '*':
		p.optional = true
	case '~':
		return p.character("\u00a0")
	case '_':
		return p.character("-")
	case '\r', '\n':
		return p.paragraph()
	case '\t':
		return p.character("\t")
	}
	return nil
}

// hex reads a byte of text.
func (p *parser) hex() error {
	b, err := p.br.Peek(2)
	if len(b) < 2 {
		return err
	}
	hi, lo := hexValue(b[0]), hexValue(b[1])
	if hi > 15 || lo > 15 {
		return nil
	}
	p.br.Discard(2)
	p.began = true
	if p.unicodeLeft > 0 {
		p.unicodeLeft--
		return nil
	}
	if p.dest == skipped {
		return nil
	}
	c := hi<<4 | lo
	if len(p.bytes) == 0 && c < 0x80 {
		return p.put([]byte{c & 0x7f})
	}
	return p.encoded([]byte{c})
}

func hexValue(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 255
}

// word reads a control word and its number, and does what it says.
func (p *parser) word(first byte) error {
	b, _ := p.br.Peek(p.br.Buffered())
	i := 0
	for i < len(b) && b[i]|0x20 >= 'a' && b[i]|0x20 <= 'z' {
		i++
	}
	letters := i
	value := 0
	if letters+1 >= maxWord || i < len(b) && b[i] == '-' {
		return p.longWord(first)
	}
	for i < len(b) && b[i] >= '0' && b[i] <= '9' {
		value = min(value*10+int(b[i]-'0'), 1<<40)
		i++
	}
	if i == len(b) {
		return p.longWord(first)
	}
	var name [maxWord]byte
	name[0] = first
	w, known := words[string(name[:1+copy(name[1:], b[:letters])])]
	given := i > letters
	if b[i] == ' ' {
		i++
	}
	p.br.Discard(i)
	return p.do(w, known, value, given)
}

// longWord is word for what is long, negative, or cut by the end of the buffer.
func (p *parser) longWord(first byte) error {
	var name [maxWord]byte
	name[0] = first
	n := 1
	value, negative, given := 0, false, false
	for {
		c, err := p.br.ReadByte()
		if err != nil {
			return err // a word at the end may be another one
		}
		if !given && !negative && c|0x20 >= 'a' && c|0x20 <= 'z' {
			if n < maxWord {
				name[n] = c
				n++
			}
			continue
		}
		if c == '-' && !given && !negative {
			negative = true
			continue
		}
		if c >= '0' && c <= '9' {
			given = true
			value = min(value*10+int(c-'0'), 1<<40)
			continue
		}
		if c != ' ' {
			p.br.UnreadByte()
		}
		break
	}
	if negative {
		value = -value
	}
	w, known := words[string(name[:n])]
	return p.do(w, known, value, given)
}

// do does what a control word says. Unknown ones mean nothing, but that a group which may be passed over is.
func (p *parser) do(w word, known bool, value int, given bool) error {
	began, optional := p.began, p.optional
	p.began = true
	if w.action != unicodeRune && len(p.bytes) > 0 {
		if err := p.flush(); err != nil {
			return err
		}
	}
	if optional && !began && w.action != destination {
		p.dest = skipped
	}
	if p.unicodeLeft > 0 {
		if w.action == character || w.action == binaryData {
			p.unicodeLeft--
			if w.action == character {
				return nil
			}
		} else {
			p.unicodeLeft = 0 // the specification counts every word; writers that leave the repetition out do not
		}
	}
	switch w.action {
	case destination:
		return p.enter(w)
	case character:
		if p.dest == skipped {
			return nil
		}
		return p.put([]byte(w.text))
	case paragraph:
		return p.paragraph()
	case line:
		return p.newline()
	case tab:
		if p.dest == body && !p.isHTML && !p.deleted {
			p.flow.Tab()
			return nil
		}
		if p.dest == skipped {
			return nil
		}
		return p.put([]byte("\t"))
	case cell, row, rowBegin, rowHeader, inTable, nestedCell, nestedRow:
		return p.table(w.action)
	case unicodeRune:
		return p.rune(value)
	case unicodeSkip:
		p.uc = max(0, min(value, 16))
	case binaryData:
		return p.pass(int64(value))
	case unicodePair:
		if p.dest != skipped {
			p.dest, p.outer, p.inPair = skipped, p.dest, true
		}
	default:
		return p.property(w, value, given)
	}
	return nil
}

// property takes the properties of characters, fonts and the document.
func (p *parser) property(w word, value int, given bool) error {
	switch w.action {
	case fontNumber:
		p.font = value
	case fontCharset:
		if p.dest == fontTable && value != 1 {
			number, ok := charsets[value]
			if !ok {
				return nil
			}
			p.setFont(number)
		}
	case fontCodePage:
		if p.dest == fontTable {
			p.setFont(value)
		}
	case defaultFont:
		p.deff = value
		p.font = value
	case codePage:
		if c, ok := charset.CodePage(value); ok && c != charset.ASCII {
			p.page = c
		}
	case macCodePage:
		p.page, _ = charset.CodePage(10000)
	case dosCodePage:
		p.page, _ = charset.CodePage(437)
	case dosCodePage850:
		p.page, _ = charset.CodePage(850)
	case plain:
		p.font = p.deff
		p.deleted = false
	case deleted:
		was := p.deleted
		if p.deleted = !given || value != 0; was && !p.deleted && !p.isHTML {
			p.flow.EndAside(' ')
		}
	case htmlOff:
		p.htmlOff = !given || value != 0
	}
	return nil
}

func (p *parser) setFont(number int) {
	if c, ok := charset.CodePage(number); ok && len(p.fonts) < maxFonts {
		if c == charset.ASCII {
			c, _ = charset.CodePage(1252)
		}
		p.fonts[p.font] = c
	}
}

// enter begins a destination. What is skipped stays so, but for the result of an object and the Unicode half of a pair.
func (p *parser) enter(w word) error {
	d := w.dest
	switch {
	case d == pair:
		if p.inPair {
			p.dest, p.inPair = p.outer, false
		}
		return nil
	case p.dest == skipped && p.outer == info && len(p.stack) > 0 && (d == property || d == variables):
	case p.dest == skipped && p.outer == object && (d == objectData || d == body):
	case p.dest == skipped && p.outer == object && d == skipped:
		return nil
	case p.dest == skipped, p.dest == fontTable, p.dest == html:
		if p.dest == fontTable {
			p.dest = skipped
		}
		return nil
	}
	if d == body && p.dest == aside {
		return nil
	}
	if p.isHTML && (d == aside || d == property || d == variables) {
		d = skipped
	}
	p.outer = body
	p.dest, p.name = d, w.text
	switch d {
	case variables, property, instruction, shapeName, shapeValue:
		if len(p.stack) == 0 || p.stack[len(p.stack)-1].dest != d {
			p.kept = p.kept[:0]
		}
	}
	if p.pair = 0; w.text == "value" {
		p.pair = 1
	}
	return nil
}

func (p *parser) paragraph() error {
	p.began = true
	switch {
	case p.isHTML:
		return p.character("\n")
	case p.dest == aside:
		if err := p.flush(); err != nil {
			return err
		}
		p.flow.EndAside('\n')
	case p.dest == body:
		if err := p.flush(); err != nil {
			return err
		}
		if p.deleted {
			p.flow.EndAside(' ')
		}
		if p.inTable && !p.inRow {
			if err := p.place(); err != nil {
				return err
			}
		}
		return p.flow.EndParagraph()
	}
	return nil
}

func (p *parser) newline() error {
	switch {
	case p.isHTML:
		return p.character("\n")
	case p.dest == aside:
		p.flow.EndAside('\n')
	case p.dest == body:
		p.flow.Break()
	}
	return nil
}

// rune takes a unit of UTF-16, and lets as many characters pass as repeat it.
func (p *parser) rune(value int) error {
	if err := p.flush(); err != nil {
		return err
	}
	p.unicodeLeft = p.uc
	if p.dest == skipped {
		return nil
	}
	r := rune(value)
	if value < 0 {
		r = rune(value + 1<<16)
	}
	switch {
	case r >= 0xd800 && r < 0xdc00:
		p.high = r
		return nil
	case r >= 0xdc00 && r < 0xe000:
		r = utf16.DecodeRune(p.high, r)
	case r == 0 || r >= 0xf000 && r < 0xf100: // symbols of fonts
		if r &= 0xff; r < ' ' {
			return nil
		}
	}
	if !utf8.ValidRune(r) {
		r = utf8.RuneError
	}
	return p.put(p.utf8[:utf8.EncodeRune(p.utf8[:], r)])
}

// pass passes over bytes of any kind.
func (p *parser) pass(n int64) error {
	if n <= 0 {
		return nil
	}
	_, err := io.CopyN(io.Discard, p.br, n)
	return err
}
