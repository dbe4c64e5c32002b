package html

import (
	"bytes"
	"html"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/prose"
)

const (
	// chunk is how much text is decoded at a time; maxReference is longer than any reference to a character.
	chunk        = 4 << 10
	maxReference = 40
	// A document type up to maxDeclaration is dropped; attributes of looks up to maxLooks, and classes between maxLabel and maxClasses.
	maxDeclaration = 256
	maxLooks       = 32
	maxLabel       = 24
	maxClasses     = 256
)

// words makes the set of the words in s.
func words(s string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(s) {
		set[w] = true
	}
	return set
}

// traits say what an element is; together they are one look into a map for a tag.
type traits uint8

const (
	marking traits = 1 << iota // only marks a part of a word or number up
	inline                     // stands in a line
	cell                       // stands beside others
	known                      // its name says nothing about what is in it
	raw                        // its text is not markup
)

var (
	// elements has all of HTML. The names of others are text.
	elements = func() map[string]traits {
		all := map[string]traits{}
		for _, kind := range []struct {
			is    traits
			names string
		}{
			{marking, "b i u em strong font small big mark sub sup s tt bdi bdo ins del wbr strike"},
			{inline, "a abbr acronym cite code dfn kbd label q samp span time var data"},
			{cell, "td th dt dd option"},
			{known, `a abbr acronym address applet area article aside audio b base basefont bdi bdo big blockquote body br button canvas caption
				center cite code col colgroup data datalist dd del details dfn dialog dir div dl dt em embed fieldset figcaption figure font footer form
				frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html i iframe img input ins kbd label legend li link main map mark menu meta meter
				nav noframes noscript object ol optgroup option output p param picture pre progress q rp rt ruby s samp script search section select slot
				small source span strike strong style sub summary sup svg table tbody td template textarea tfoot th thead time title tr track tt u ul var
				video wbr path g`},
			{raw, "script style"},
		} {
			for name := range words(kind.names) {
				all[name] |= kind.is
			}
		}
		return all
	}()
	// looks are the attributes that say how something looks or works, never what it is, or repeat it (sdval of LibreOffice).
	looks = words(`style width height align valign colspan rowspan cellpadding cellspacing border bgcolor color rel target lang dir role tabindex
		type method loading size maxlength minlength rows cols scope sdval sdnum`)
)

// A gap is what stands between two stretches of text.
type gap uint8

const (
	noGap   gap = iota
	fuse        // one tag that only marks up
	space       // white space, or the tag of a part of a line
	block       // any other tag
	divider     // the bounds of a cell
)

// A parser walks through HTML in a window and gathers running text. Line breaks of the source stay, all of them and no others, so that lines are
// those of the document; other white space beside tags shrinks to one space.
type parser struct {
	name  []byte // of the element or attribute at hand, in small letters
	names bool   // in the head of a table
	w     *extract.Window
	out   *prose.Writer
	data  []byte
	pos   int
	end   error // why nothing follows data, nil if something may
	err   error // of the output
	last  byte  // of the text so far
	gap   gap
	// The characters before pos on its line of the source, before the text that is written next, and of the last line of the text so far.
	column, at, reached int
	until               string // what ends the raw text that is being read
	// No such quote stands in the rest of the window.
	noQuote [2]bool
}

func (p *parser) run() error {
	p.next(0)
	for {
		for p.pos < len(p.data) && p.err == nil && p.step() {
		}
		switch {
		case p.err != nil:
			return p.err
		case p.pos == len(p.data) && p.end != nil:
			if p.err = p.out.Close(); p.err != nil || p.end == io.EOF {
				return p.err
			}
			return p.end
		}
		p.next(len(p.data) - p.pos)
	}
}

func (p *parser) next(keep int) {
	p.data, p.end = p.w.Next(keep)
	p.pos, p.noQuote = 0, [2]bool{}
}

// advance passes n bytes.
func (p *parser) advance(n int) {
	p.column = columnAfter(p.column, p.data[p.pos:p.pos+n])
	p.pos += n
}

// columnAfter returns the column behind t, which begins in column c.
func columnAfter(c int, t []byte) int {
	if i := bytes.LastIndexByte(t, '\n'); i >= 0 {
		c, t = 0, t[i+1:]
	}
	return c + utf8.RuneCount(t)
}

// full says that waiting for more text is of no use.
func (p *parser) full() bool { return p.end != nil || len(p.data)-p.pos > extract.WindowSize/2 }

// step reads on; false means that more text is needed.
func (p *parser) step() bool {
	t := p.data[p.pos:]
	switch {
	case p.until != "":
		return p.rawText(t)
	case t[0] != '<':
		return p.characters(t)
	case len(t) < len("<![CDATA[") && p.end == nil:
		return false
	case bytes.HasPrefix(t, []byte("<!--")):
		p.begin(4, "-->")
	case len(t) > 1 && t[1] == '?':
		p.begin(2, "?>")
	case bytes.HasPrefix(t, []byte("<![CDATA[")):
		p.begin(9, "]]>")
	case len(t) > 1 && (letter(t[1]) || t[1] == '!' || t[1] == '/'), len(t) == 1 && p.end != nil:
		return p.tag(t)
	default:
		p.characterOf(t)
	}
	return true
}

// begin passes n bytes, behind which stands text that is no markup.
func (p *parser) begin(n int, until string) {
	p.apart(space)
	p.advance(n)
	p.until = until
}

// characterOf takes a '<' that begins nothing for text.
func (p *parser) characterOf(t []byte) {
	p.at = p.column
	p.verbatim(t[:1])
	p.advance(1)
}

// rawText reads what is no markup, as it is written.
func (p *parser) rawText(t []byte) bool {
	n, size := indexFold(t, p.until), len(p.until)
	over := n >= 0
	if !over {
		n, size = len(t), 0
		if p.end == nil {
			n = max(0, n-len(p.until))
			for n > 0 && !utf8.RuneStart(t[n]) {
				n--
			}
		} else { // a part of what would have ended it
			for k := min(len(t), len(p.until)-1); k > 0; k-- {
				if bytes.EqualFold(t[len(t)-k:], []byte(p.until[:k])) {
					n, size = len(t)-k, k
					break
				}
			}
		}
		if n+size == 0 {
			return false
		}
	}
	p.at = p.column
	p.verbatim(t[:n])
	p.advance(n)
	if over && p.until[0] == '<' { // an end tag
		p.until = ""
		return true
	}
	p.advance(size)
	if over {
		p.until = ""
		p.apart(space)
	}
	return true
}

// indexFold finds a word of small letters whatever its case in t.
func indexFold(t []byte, word string) int {
	for i := 0; ; i++ {
		n := bytes.IndexByte(t[i:], word[0])
		if n < 0 || i+n+len(word) > len(t) {
			return -1
		}
		if i += n; bytes.EqualFold(t[i:i+len(word)], []byte(word)) {
			return i
		}
	}
}

// characters reads text to the next tag.
func (p *parser) characters(t []byte) bool {
	n := bytes.IndexByte(t, '<')
	if n < 0 {
		if n = len(t); p.end == nil {
			n = wholeReferences(t)
		}
	}
	if n == 0 {
		if p.full() {
			n = 1
		} else {
			return false
		}
	}
	lead := n - len(bytes.TrimLeft(t[:n], " \t\r\n\f"))
	p.at = columnAfter(p.column, t[:lead])
	p.decoded(t[:n])
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

var breaks = strings.NewReplacer("\n", " ", "\r", " ", "\u00a0", " ")

// decoded writes text with its references decoded. What a reference stands for is never a line break.
func (p *parser) decoded(t []byte) {
	t = t[p.blanks(t):]
	n := len(t)
	for n > 0 && blank(t[n-1]) {
		n--
	}
	tail := t[n:]
	defer func() { p.blanks(tail) }()
	for t = t[:n]; len(t) > 0; {
		n := len(t)
		if n > chunk {
			n = chunk
			for !utf8.RuneStart(t[n]) {
				n--
			}
			if k := wholeReferences(t[:n]); k > 0 {
				n = k
			}
		}
		part := t[:n]
		t = t[n:]
		for len(part) > 0 {
			i := bytes.IndexByte(part, '&')
			if i < 0 {
				p.verbatim(part)
				break
			}
			p.verbatim(part[:i])
			part = part[i:]
			stop := bytes.IndexAny(part[1:], "; \t\n&<")
			switch {
			case stop < 0 || stop+2 > len(part):
				stop = len(part)
			case part[1+stop] == ';':
				stop += 2
			default:
				stop++
			}
			p.verbatim([]byte(breaks.Replace(html.UnescapeString(string(part[:stop])))))
			part = part[stop:]
		}
	}
}

// tag reads a tag.
func (p *parser) tag(t []byte) bool {
	n := p.tagEnd(t)
	if n == 0 && !p.full() {
		return false
	}
	closed := n > 0
	if !closed {
		if n < 0 || p.end == nil || len(t) > chunk {
			p.characterOf(t)
			return true
		}
		n = len(t)
	}
	p.at = p.column
	begins := p.column + 1
	tag := t[1:n]
	if closed {
		tag = t[1 : n-1]
	}
	p.advance(n)
	if len(tag) > 0 && tag[0] == '!' {
		p.apart(space)
		if len(tag) > maxDeclaration {
			p.verbatim(tag)
		} else {
			p.lines(tag)
		}
		return true
	}
	opens := len(tag) == 0 || tag[0] != '/'
	if !opens {
		tag = tag[1:]
		begins++
	}
	end := 0
	for end < len(tag) && !blank(tag[end]) && tag[end] != '/' {
		end++
	}
	p.name = lower(p.name, tag[:end])
	is := elements[string(p.name)]
	switch {
	case is&marking != 0:
		p.apart(fuse)
	case is&cell != 0:
		p.apart(divider)
	case is&inline != 0:
		p.apart(space)
	default:
		p.apart(block)
	}
	if p.table(tag, opens); p.err != nil {
		return true
	}
	if opens && is&known == 0 && (closed || end < len(tag)) {
		p.verbatim(tag[:end])
		p.apart(space)
	}
	p.attributes(tag[end:], columnAfter(begins, tag[:end]), closed)
	if opens && closed && is&raw != 0 && !bytes.HasSuffix(tag, []byte("/")) {
		p.until = "</" + strings.ToLower(string(tag[:end]))
	}
	return true
}

// table tells the output of tables, whose tags they are.
func (p *parser) table(tag []byte, opens bool) {
	switch name := string(p.name); {
	case name == "table" && opens:
		p.out.Table()
	case name == "table":
		p.err = p.out.EndTable()
	case name == "thead":
		p.names = opens
	case name == "tbody", name == "tfoot":
		p.names = false
	case name == "tr" && opens:
		p.err = p.out.Row(p.names)
	case (name == "td" || name == "th") && opens:
		p.out.Cell(number(tag, "colspan"), number(tag, "rowspan"), name == "th")
	}
}

// number returns a small number that is the value of an attribute in a tag, 1 if there is none.
func number(tag []byte, name string) int {
	i := indexFold(tag, name)
	if i < 0 {
		return 1
	}
	value := bytes.TrimLeft(tag[i+len(name):], " \t\r\n\f=\"'")
	end := 0
	for end < len(value) && end < 5 && digit(value[end]) {
		end++
	}
	n, err := strconv.Atoi(string(value[:end]))
	if err != nil {
		return 1
	}
	return n
}

// tagEnd returns the length of the tag that t begins with, 0 if it does not end there, -1 if another one begins before. A '>' in the quotes of a value does not end it.
func (p *parser) tagEnd(t []byte) int {
	for i := 1; i < len(t); i++ {
		switch c := t[i]; c {
		case '>':
			return i + 1
		case '"', '\'':
			k := int(c & 1) // '\'' is odd, '"' is not
			if t[i-1] != '=' && !blank(t[i-1]) || p.noQuote[k] {
				continue
			}
			n := bytes.IndexByte(t[i+1:], c)
			if n < 0 {
				p.noQuote[k] = true
				if !p.full() {
					return 0
				}
				continue
			}
			i += n + 1
		case '<':
			return -1
		}
	}
	return 0
}

// attributes writes what stands in a tag behind its name. Of a tag that is cut off, what may have been left out is.
func (p *parser) attributes(t []byte, column int, closed bool) {
	for from := t; len(t) > 0; {
		column = columnAfter(column, from[:len(from)-len(t)])
		from, p.at = t, column
		if blank(t[0]) || t[0] == '/' {
			p.lines(t[:1])
			t = t[1:]
			continue
		}
		n := 1
		for n < len(t) && !blank(t[n]) && t[n] != '=' && t[n] != '/' {
			n++
		}
		name := t[:n]
		if n <= maxLooks {
			p.name = lower(p.name, name)
			name = p.name
		}
		ofLooks, class := looks[string(name)], string(name) == "class"
		after := bytes.TrimLeft(t[n:], " \t\r\n\f")
		if len(after) == 0 || after[0] != '=' { // a name alone
			if closed || len(after) > 0 {
				p.attribute(t[:n], nil, nil)
			}
			t = t[n:]
			continue
		}
		value := bytes.TrimLeft(after[1:], " \t\r\n\f")
		between := t[n : len(t)-len(value)]
		stop, rest := 0, 0
		whole := true
		if len(value) > 0 && (value[0] == '"' || value[0] == '\'') {
			k := bytes.IndexByte(value[1:], value[0])
			whole = k >= 0
			if !whole {
				k = len(value) - 1
			}
			stop, rest = 1+k, min(2+k, len(value))
			value, t = value[1:stop], value[rest:]
		} else {
			for stop < len(value) && !blank(value[stop]) {
				stop++
			}
			whole = stop < len(value)
			value, t = value[:stop], value[stop:]
		}
		hidden := ofLooks && len(value) <= maxLooks || class && len(value) > maxLabel && len(value) <= maxClasses
		if hidden || !closed && !whole && (ofLooks || class) {
			p.lines(between)
			p.lines(value)
			continue
		}
		p.attribute(name, between, value)
	}
}

// lower puts the small letters of an ASCII name into dst.
func lower(dst, name []byte) []byte {
	dst = append(dst[:0], name...)
	for i, c := range dst {
		if c-'A' < 26 {
			dst[i] = c | 0x20
		}
	}
	return dst
}

// attribute writes a name and a value as they stand in code.
func (p *parser) attribute(name, between, value []byte) {
	p.apart(space)
	p.verbatim(name)
	if between == nil {
		return
	}
	p.lines(between)
	p.verbatim([]byte(`="`))
	p.decoded(value)
	p.verbatim([]byte(`"`))
	p.apart(space)
}

// lines keeps the line breaks of what is not written.
func (p *parser) lines(t []byte) {
	for n := bytes.Count(t, []byte{'\n'}); n > 0; n-- {
		p.between([]byte{'\n'})
	}
}

// apart notes a tag between the text before it and the text behind it.
func (p *parser) apart(g gap) {
	if g == fuse && p.gap == fuse {
		g = space // the end of one and the beginning of another
	}
	p.gap = max(p.gap, g)
}

// blanks reads the white space that t begins with, and returns its length: line breaks stay. White space between words is left as it is, since
// values are told from near misses by it.
func (p *parser) blanks(t []byte) int {
	for i, c := range t {
		switch {
		case c == '\n':
			p.between(t[i : i+1])
		case !blank(c):
			return i
		case p.gap < space:
			p.gap = space
		}
	}
	return len(t)
}

var padding = bytes.Repeat([]byte{' '}, 64)

// verbatim appends text as it is, behind the gap before it and in the column where it stands in the source, as far as there is room.
func (p *parser) verbatim(t []byte) {
	if len(t) == 0 {
		return
	}
	first := t[0]
	switch g := p.gap; {
	case g == noGap || p.last == 0:
	case g == divider || g == block && digit(p.last) && digit(first):
		p.between([]byte(" | "))
	case p.last == '\n':
	case g >= space, digit(p.last) != digit(first) && (letter(p.last) || letter(first) || p.last >= utf8.RuneSelf || first >= utf8.RuneSelf):
		p.between([]byte{' '})
	}
	for (p.gap >= space || p.last == '\n' || p.last == 0) && p.reached < p.at && p.err == nil {
		p.between(padding[:min(len(padding), p.at-p.reached)])
	}
	p.gap, p.at = noGap, 0 // the rest of these words follows by itself
	p.wrote(t)
	if p.err == nil {
		_, p.err = p.out.Write(t)
	}
}

// between writes what separates words.
func (p *parser) between(t []byte) {
	p.wrote(t)
	if p.err == nil {
		p.err = p.out.Between(t)
	}
}

func (p *parser) wrote(t []byte) {
	p.last = t[len(t)-1]
	p.reached = columnAfter(p.reached, t)
}
