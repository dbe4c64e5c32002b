package ini

import (
	"bytes"
	"sync"
	"unicode/utf8"

	"github.com/magpie-sec/magpie/internal/extract/keyed"
	"github.com/magpie-sec/magpie/internal/extract/paths"
)

// A line longer than longLine, or a key longer than farKey, puts a value out of reach of its own key, which becomes a name, too.
const (
	longLine = 100
	farKey   = 24
)

// A parser finds out in which section each line stands.
type parser struct {
	text       keyed.Text
	tree       paths.Tree
	section    *paths.Node
	properties bool // the escapes of Java properties are undone

	until []byte // what ends the value that goes on over lines: quotes, or a bracket
}

// parsers keeps those that are done.
var parsers sync.Pool

// giveBack keeps the parser for another document, without what belongs to this one.
func (p *parser) giveBack() {
	p.text.End()
	*p = parser{text: p.text, tree: p.tree}
	if p.tree.Reset() {
		parsers.Put(p)
	}
}

// Line implements keyed.Parser.
func (p *parser) Line(from, to int) {
	whole := bytes.TrimRight(p.text.Data()[from:to], "\r\n")
	line := bytes.TrimSpace(whole)
	if len(line) == 0 {
		return
	}
	name, begins := section(line)
	if p.until != nil {
		p.goOn(line, begins)
		if p.until != nil || !begins {
			p.text.Put(from, p.text.Node())
			return
		}
	}
	switch {
	case begins:
		p.section = p.tree.Child(&p.tree.Root, name)
		p.text.Put(from, p.section)
		return
	case isComment(line):
		p.text.Hold(from)
		return
	}
	if p.properties && bytes.IndexByte(whole, '\\') >= 0 {
		unescape(whole)
		line = bytes.TrimSpace(whole)
	}
	name, at, ok := setting(line)
	if !ok {
		p.text.Put(from, p.section)
		return
	}
	value := bytes.TrimLeft(line[at:], " \t")
	p.begin(value)
	if (len(line) > longLine || len(name) > farKey) && isName(name) && len(value) > 0 && value[0] != '=' {
		p.text.Put(from, p.tree.Child(p.section, name))
		return
	}
	p.text.Put(from, p.section)
}

// isName tells keys from what stands before the equals sign of other things: base64, code.
func isName(name []byte) bool {
	for _, c := range name {
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' && c != '.' && c != '"' && c < utf8.RuneSelf {
			return false
		}
	}
	return true
}

// begin looks whether the value goes on in the next lines.
func (p *parser) begin(value []byte) {
	for _, quotes := range []string{`"""`, "'''", `"`, "'"} {
		if behind, ok := bytes.CutPrefix(value, []byte(quotes)); ok {
			if closing(behind, quotes) < 0 {
				p.until = []byte(quotes)
			}
			return
		}
	}
	if len(value) > 0 && value[0] == '[' && bytes.Count(value, []byte("[")) > bytes.Count(value, []byte("]")) {
		p.until = []byte("]")
	}
}

// goOn looks whether the value ends on this line. A section ends one in simple quotes: they were no quotes, then.
func (p *parser) goOn(line []byte, begins bool) {
	over := closing(line, string(p.until)) >= 0
	switch p.until[0] {
	case ']':
		over = bytes.Count(line, []byte("]")) > bytes.Count(line, []byte("["))
	default:
		over = over || begins && len(p.until) == 1
	}
	if over {
		p.until = nil
	}
}

// closing returns the place of the quotes that end a value, -1 if there are none. A backslash takes away a double quote's meaning.
func closing(t []byte, quotes string) int {
	for i := 0; i < len(t); i++ {
		if t[i] == '\\' && quotes[0] == '"' {
			i++
		} else if bytes.HasPrefix(t[i:], []byte(quotes)) {
			return i
		}
	}
	return -1
}

// unescape undoes the escapes of characters in properties in place; spaces fill what becomes free at the line's end. Those of white space and
// backslashes stay as they are written.
func unescape(line []byte) {
	to := 0
	for i := 0; i < len(line); {
		c := line[i]
		if c == '\\' && i+1 < len(line) {
			switch next := line[i+1]; next {
			case ':', '=', '#', '!':
				c = next
				i++
			case 'u':
				if r := hex(line[i+2:]); r > ' ' && r != '\\' && r != 0x7f && r != 0x85 && r != 0x2028 && r != 0x2029 && utf8.ValidRune(r) {
					to += utf8.EncodeRune(line[to:i+6], r)
					i += 6
					continue
				}
			default:
				line[to] = c
				to++
				i++
				c = line[i]
			}
		}
		line[to] = c
		to++
		i++
	}
	for k := range line[to:] {
		line[to+k] = ' '
	}
}

// hex reads four hexadecimal digits, -1 if there are not.
func hex(b []byte) (r rune) {
	if len(b) < 4 {
		return -1
	}
	for _, c := range b[:4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}
