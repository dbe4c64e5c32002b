package yaml

import (
	"bytes"
	"sync"
	"unicode/utf8"

	"github.com/magpie-sec/magpie/internal/extract/keyed"
	"github.com/magpie-sec/magpie/internal/extract/paths"
)

const (
	// maxDepth is how many keys may stand above a value; deeper ones count as the deepest.
	maxDepth = 128
	// maxKey is how long a key may be (the specification's limit for keys in one line).
	maxKey = 1024
	// A line longer than longLine, or a key longer than farKey, puts a value out of reach of its own key, which becomes a name, too.
	longLine = 100
	farKey   = 24
)

// A mode says what a line begins in.
type mode uint8

const (
	block  mode = iota // the block style: keys and entries by indentation
	scalar             // a block scalar
	quoted             // a quoted scalar
	flow               // a flow collection
)

// A frame is a key that is open.
type frame struct {
	indent int
	node   *paths.Node
	leaf   bool // it has a value on its line; what is deeper continues that
}

// A parser finds out which keys stand above each line. What it does not understand belongs to what is around it.
type parser struct {
	text   keyed.Text
	tree   paths.Tree
	frames []frame
	mode   mode
	indent int  // of what the scalar, quoted scalar or flow collection belongs to: it ends where a line is not deeper
	quote  byte // of the quoted scalar

	// Of the flow collection.
	flow  []*paths.Node // of the collections that are open
	below int           // collections open below the deepest
	key   []byte        // the key whose value comes next
}

// parsers keeps those that are done.
var parsers sync.Pool

// giveBack keeps the parser for another document, without what belongs to this one.
func (p *parser) giveBack() {
	p.text.End()
	*p = parser{text: p.text, tree: p.tree, frames: p.frames[:0], flow: p.flow[:0], key: p.key[:0]}
	if p.tree.Reset() {
		parsers.Put(p)
	}
}

// Line implements keyed.Parser.
func (p *parser) Line(from, to int) {
	line := bytes.TrimRight(p.text.Data()[from:to], " \t\r\n")
	col := indentation(line)
	if col == len(line) {
		return
	}
	if p.mode != block && (col <= p.indent && p.over(line, col) || isMarker(line) && (p.mode != scalar || p.indent < 0)) {
		p.mode = block
	}
	if p.mode != scalar && bytes.IndexByte(line, '\\') >= 0 {
		unescape(line, p.mode == quoted && p.quote == '"')
	}
	switch p.mode {
	case block:
		if line[col] == '#' {
			p.text.Hold(from)
			return
		}
		p.block(line, from, col)
	case scalar:
	case quoted:
		p.text.Put(from, p.text.Node())
		if end := closing(line, 0, p.quote); end >= 0 {
			p.mode = block
			if len(p.flow) > 0 {
				p.mode = flow
				p.inFlow(line, from, end)
			}
		}
	case flow:
		p.inFlow(line, from, col)
	}
}

// over reports whether a line that is not deep enough ends what is open: a block scalar at once, anything else if it begins something new.
func (p *parser) over(line []byte, col int) bool {
	if p.mode == scalar {
		return true
	}
	_, _, ok := key(line, col)
	return (ok || isEntry(line, col)) && p.indent >= 0
}

func (p *parser) top() *paths.Node {
	if len(p.frames) == 0 {
		return &p.tree.Root
	}
	return p.frames[len(p.frames)-1].node
}

// pop closes the keys that are as deep as indent, or deeper.
func (p *parser) pop(indent int) {
	n := len(p.frames)
	for n > 0 && p.frames[n-1].indent >= indent {
		n--
	}
	p.frames = p.frames[:n]
}

// block reads a line in block style.
func (p *parser) block(line []byte, from, col int) {
	indent := -1 // of the innermost entry
	switch {
	case line[0] == '%' && len(p.frames) == 0:
		p.text.Put(from, &p.tree.Root)
		return
	case isMarker(line):
		p.frames = p.frames[:0]
		p.text.Put(from, &p.tree.Root)
		if col = 3 + indentation(line[3:]); col >= len(line) || line[col] == '#' {
			return
		}
	}
	for isEntry(line, col) {
		indent = col
		if line[col] == '-' {
			p.pop(col + 1) // a sequence may stand as deep as its key
		} else {
			p.pop(col)
		}
		col++
		if col += indentation(line[col:]); col >= len(line) {
			p.text.Put(from, p.top())
			return
		}
	}
	name, at, ok := key(line, col)
	if !ok {
		if indent < 0 {
			p.pop(col)
		}
		if n := len(p.frames); n > 0 && p.frames[n-1].leaf && indent < 0 {
			p.text.Put(from, p.text.Node())
			return
		}
		p.text.Put(from, p.top())
		if indent < 0 && len(p.frames) > 0 {
			indent = p.frames[len(p.frames)-1].indent
		}
		p.value(line, from, col, indent)
		return
	}
	p.pop(col)
	parent := p.top()
	own := p.tree.Child(parent, name)
	if len(p.frames) < maxDepth {
		p.frames = append(p.frames, frame{indent: col, node: own})
	} else {
		own = parent
	}
	if at = p.properties(line, at); at >= len(line) || line[at] == '#' {
		p.text.Put(from, own)
		return
	}
	switch line[at] {
	case '|', '>', '{', '[', '"', '\'':
		if p.opens(line, at) {
			p.text.Put(from, own)
			break
		}
		fallthrough
	default:
		p.frames[len(p.frames)-1].leaf = true
		if len(line) > longLine || len(name) > farKey {
			parent = own
		}
		p.text.Put(from, parent)
	}
	p.value(line, from, at, col)
}

// opens reports whether the value at a place of the line is more than a scalar on that line.
func (p *parser) opens(line []byte, at int) bool {
	switch c := line[at]; c {
	case '|', '>':
		return isScalarHeader(line[at:])
	case '"', '\'':
		return closing(line, at+1, c) < 0
	}
	return len(line) > longLine || !balanced(line[at:])
}

// balanced reports whether the flow collection that b begins with ends in it.
func balanced(b []byte) bool {
	open := 0
	for i := 0; i < len(b); i++ {
		switch c := b[i]; c {
		case '{', '[':
			open++
		case '}', ']':
			if open--; open == 0 {
				return true
			}
		case '"', '\'':
			if bytes.IndexByte([]byte(" \t,[{"), b[i-1]) < 0 {
				continue // an apostrophe
			}
			end := closing(b, i+1, c)
			if end < 0 {
				return false
			}
			i = end - 1
		}
	}
	return false
}

// value begins what goes on in the next lines, if the value at a place of the line does. It belongs to what stands at indent.
func (p *parser) value(line []byte, from, at, indent int) {
	if at = p.properties(line, at); at >= len(line) {
		return
	}
	p.indent = indent
	p.flow, p.below, p.key = p.flow[:0], 0, p.key[:0]
	switch c := line[at]; c {
	case '|', '>':
		if isScalarHeader(line[at:]) {
			p.mode = scalar
		}
	case '"', '\'':
		if closing(line, at+1, c) < 0 {
			p.mode, p.quote = quoted, c
		}
	case '{', '[':
		if len(line) > longLine || !balanced(line[at:]) {
			p.mode = flow
			p.inFlow(line, from, at)
		}
	}
}

// properties passes the anchor and the tag of a value, and the white space around them.
func (p *parser) properties(line []byte, at int) int {
	for {
		at += indentation(line[at:])
		if at >= len(line) || line[at] != '&' && line[at] != '!' {
			return at
		}
		n := bytes.IndexAny(line[at:], " \t")
		if n < 0 {
			return len(line)
		}
		at += n
	}
}

// inFlow reads a line of a flow collection.
func (p *parser) inFlow(line []byte, from, i int) {
	start := from // where the next token's stretch begins: on a new line with its indentation
	node := func() *paths.Node {
		if len(p.flow) == 0 {
			return p.text.Node()
		}
		return p.flow[len(p.flow)-1]
	}
	for p.mode == flow && i < len(line) {
		switch c := line[i]; c {
		case ' ', '\t':
			i++
			continue
		case '#':
			if i > 0 && (line[i-1] == ' ' || line[i-1] == '\t') || i == 0 {
				return
			}
			i++
		case '{', '[':
			n := node()
			if len(p.key) > 0 {
				n = p.tree.Child(n, p.key)
				p.key = p.key[:0]
			}
			if len(p.flow) == maxDepth {
				p.below++
			} else {
				p.flow = append(p.flow, n)
			}
			p.text.Put(start, n)
			i++
		case '}', ']':
			p.key = p.key[:0]
			if p.below > 0 {
				p.below--
			} else if p.flow = p.flow[:len(p.flow)-1]; len(p.flow) == 0 {
				p.mode = block
				p.text.Put(start, p.text.Node())
				return
			}
			i++
			start = from + i
			continue
		case ',':
			p.key = p.key[:0]
			i++
			start = from + i
			continue
		case ':':
			i++
			continue
		default:
			end, name, open := token(line, i)
			if open {
				p.text.Put(start, node())
				p.mode, p.quote = quoted, c
				return
			}
			if isKeyEnd(line, end, c == '"' || c == '\'') {
				p.key = append(p.key[:0], name...)
				if opener := end + 1 + indentation(line[end+1:]); opener < len(line) && (line[opener] == '{' || line[opener] == '[') {
					i = opener // the key belongs to what it opens
					continue
				}
			}
			p.text.Put(start, node())
			i = end
		}
		start = from + i
	}
}

// token reads a scalar in a flow collection: where it ends and what it says; open says that its quotes do not end on this line.
func token(line []byte, i int) (end int, name []byte, open bool) {
	if c := line[i]; c == '"' || c == '\'' {
		if end = closing(line, i+1, c); end < 0 {
			return len(line), nil, true
		}
		return end, line[i+1 : end-1], false
	}
	end = i + 1
	for end < len(line) && bytes.IndexByte([]byte(",[]{}"), line[end]) < 0 && !isKeyEnd(line, end, false) && (line[end] != '#' || line[end-1] != ' ') {
		end++
	}
	return end, bytes.TrimRight(line[i:end], " \t"), false
}

// isKeyEnd reports whether the colon of a key in a flow collection stands at a place, perhaps behind white space.
func isKeyEnd(line []byte, at int, adjacent bool) bool {
	if adjacent {
		at += indentation(line[at:])
	}
	if at >= len(line) || line[at] != ':' {
		return false
	}
	return adjacent || at+1 == len(line) || bytes.IndexByte([]byte(" \t,[]{}"), line[at+1]) >= 0
}

// indentation counts white space. Tabs are none in YAML, and mean no harm.
func indentation(b []byte) int {
	n := 0
	for n < len(b) && (b[n] == ' ' || b[n] == '\t') {
		n++
	}
	return n
}

// isMarker reports whether the line begins or ends a document.
func isMarker(line []byte) bool {
	return len(line) >= 3 && (string(line[:3]) == "---" || string(line[:3]) == "...") && (len(line) == 3 || line[3] == ' ' || line[3] == '\t')
}

// isEntry reports whether an entry of a sequence, or a complex key or its value, begins at a place.
func isEntry(line []byte, at int) bool {
	return at < len(line) && (line[at] == '-' || line[at] == '?' || line[at] == ':') && (at+1 == len(line) || line[at+1] == ' ' || line[at+1] == '\t')
}

// isScalarHeader reports whether a block scalar follows: its indicators, and perhaps a comment.
func isScalarHeader(b []byte) bool {
	i := 1
	for i < len(b) && (b[i] == '+' || b[i] == '-' || b[i] >= '1' && b[i] <= '9') {
		i++
	}
	rest := bytes.TrimLeft(b[i:], " \t")
	return len(rest) == 0 || rest[0] == '#' && len(rest) < len(b[i:])
}

// key reads the key at a place of the line: what it says, and where its colon ends.
func key(line []byte, col int) (name []byte, at int, ok bool) {
	for col < len(line) && (line[col] == '&' || line[col] == '!') {
		n := bytes.IndexAny(line[col:], " \t")
		if n < 0 {
			return nil, 0, false
		}
		col += n
		col += indentation(line[col:])
	}
	if col >= len(line) {
		return nil, 0, false
	}
	switch c := line[col]; c {
	case '"', '\'':
		end := closing(line, col+1, c)
		if end < 0 {
			return nil, 0, false
		}
		if at = end + indentation(line[end:]); at >= len(line) || line[at] != ':' || at+1 < len(line) && line[at+1] != ' ' && line[at+1] != '\t' {
			return nil, 0, false
		}
		return line[col+1 : end-1], at + 1, true
	case '{', '[', '}', ']', ',', '|', '>', '@', '`', '%', '#', ':':
		return nil, 0, false
	}
	for i := col; i < len(line) && i-col <= maxKey; i++ {
		switch line[i] {
		case ':':
			if i+1 == len(line) || line[i+1] == ' ' || line[i+1] == '\t' {
				return bytes.TrimRight(line[col:i], " \t"), i + 1, true
			}
		case '#':
			if line[i-1] == ' ' || line[i-1] == '\t' {
				return nil, 0, false
			}
		}
	}
	return nil, 0, false
}

// closing returns the place behind the quote that ends a scalar of which i is inside, -1 if it does not end on this line.
func closing(line []byte, i int, quote byte) int {
	for i < len(line) {
		switch c := line[i]; {
		case c == '\\' && quote == '"':
			i++
		case c == quote && quote == '\'' && i+1 < len(line) && line[i+1] == '\'':
			i++
		case c == quote:
			return i + 1
		}
		i++
	}
	return -1
}

// unescape undoes the escapes of characters in double quotes in place; spaces fill what becomes free at the line's end. Escapes of white
// space, quotes and backslashes stay as they are written: detection knows them, and a line break must not move the lines.
func unescape(line []byte, inside bool) {
	to := 0
	for i := 0; i < len(line); {
		c := line[i]
		switch {
		case c == '"' && (inside || i == 0 || bytes.IndexByte([]byte(" \t[{,:"), line[i-1]) >= 0):
			inside = !inside
		case c == '\\' && inside && i+1 < len(line):
			if r, n := escape(line[i:]); n > 0 {
				to += utf8.EncodeRune(line[to:i+n], r)
				i += n
				continue
			}
			line[to] = c
			to++
			i++
			c = line[i]
		}
		line[to] = c
		to++
		i++
	}
	for k := range line[to:] {
		line[to+k] = ' '
	}
}

// escape reads the escape of a character that prints, which takes less room than it; its length is 0 if it is none.
func escape(b []byte) (rune, int) {
	digits := 0
	switch b[1] {
	case '/':
		return '/', 2
	case 'x':
		digits = 2
	case 'u':
		digits = 4
	case 'U':
		digits = 8
	}
	if digits == 0 || len(b) < 2+digits {
		return 0, 0
	}
	var r rune
	for _, c := range b[2 : 2+digits] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, 0
		}
		if r = r<<4 | rune(c); r > utf8.MaxRune {
			return 0, 0
		}
	}
	if r <= ' ' || r == '"' || r == '\\' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 || !utf8.ValidRune(r) {
		return 0, 0
	}
	return r, 2 + digits
}
