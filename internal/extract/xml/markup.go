package xml

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// A markup is a kind of what begins with '<'.
type markup uint8

const (
	noMarkup markup = iota
	startTag
	endTag
	comment
	cdata
	instruction
	declaration
)

// A delimiter begins and ends a kind of markup that holds any text.
type delimiter struct {
	kind       markup
	begin, end string
}

var delimiters = []delimiter{
	{comment, "<!--", "-->"},
	{cdata, "<![CDATA[", "]]>"},
	{instruction, "<?", "?>"},
}

// delimitersOf returns the delimiters that t, which begins with '<', may begin with: none for a tag.
func delimitersOf(t []byte) []delimiter {
	if len(t) > 1 && t[1] != '!' && t[1] != '?' {
		return nil
	}
	return delimiters
}

// markupEnd tells what b begins with and how long it is; 0 when its end is not in b.
func markupEnd(b []byte) (markup, int) {
	for _, d := range delimitersOf(b) {
		if bytes.HasPrefix(b, []byte(d.begin)) {
			if i := bytes.Index(b[len(d.begin):], []byte(d.end)); i >= 0 {
				return d.kind, len(d.begin) + i + len(d.end)
			}
			return d.kind, 0
		}
	}
	switch {
	case len(b) < 2:
		return endTag, 0
	case b[1] == '!':
		return declaration, declarationEnd(b)
	case b[1] == '/':
		return endTag, 1 + bytes.IndexByte(b, '>')
	case !nameByte(b[1]) || b[1] >= '0' && b[1] <= '9' || b[1] == '-' || b[1] == '.':
		return noMarkup, 0
	}
	return startTag, tagEnd(b)
}

// tagEnd returns the length of the start tag that b begins with, 0 if it does not end there. A '>' in quotes does not end it.
func tagEnd(b []byte) int {
	for i := 1; i < len(b); i++ {
		switch c := b[i]; c {
		case '>':
			return i + 1
		case '"', '\'':
			n := bytes.IndexByte(b[i+1:], c)
			if n < 0 {
				return 0
			}
			i += n + 1
		case '<':
			return 0
		}
	}
	return 0
}

// declarationEnd returns the length of a document type declaration with its internal subset.
func declarationEnd(b []byte) int {
	subset := 0
	for i := 2; i < len(b); i++ {
		switch c := b[i]; c {
		case '[':
			subset++
		case ']':
			subset--
		case '"', '\'':
			n := bytes.IndexByte(b[i+1:], c)
			if n < 0 {
				return 0
			}
			i += n + 1
		case '>':
			if subset <= 0 {
				return i + 1
			}
		case '-':
			if i+1 < len(b) && b[i+1] == '-' && i >= 2 && b[i-1] == '!' { // a comment in the subset
				n := bytes.Index(b[i:], []byte("-->"))
				if n < 0 {
					return 0
				}
				i += n + 2
			}
		}
	}
	return 0
}

func nameByte(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '_' || c == ':' || c == '-' || c == '.' || c >= utf8.RuneSelf
}

// tagName returns the name that b begins with.
func tagName(b []byte) []byte {
	n := 0
	for n < len(b) && nameByte(b[n]) {
		n++
	}
	return b[:n]
}

// local leaves the prefix of a namespace out.
func local(name []byte) []byte { return name[bytes.LastIndexByte(name, ':')+1:] }

// maxReference is how long a reference to a character may be, "&#x0010FFFF;" with some zeros more.
const maxReference = 24

// appendText appends text with the references to characters decoded: the five of XML and those by number. All others stay as they are
// written: nothing is expanded. A line break by reference becomes a space, so that lines are those of the document.
func appendText(to, t []byte) []byte {
	for {
		i := bytes.IndexByte(t, '&')
		if i < 0 {
			return append(to, t...)
		}
		to = append(to, t[:i]...)
		t = t[i:]
		r, n := reference(t)
		if n == 0 {
			r, n = '&', 1
		}
		to = utf8.AppendRune(to, r)
		t = t[n:]
	}
}

// reference decodes the reference that t begins with; its length is 0 when it is none.
func reference(t []byte) (rune, int) {
	end := bytes.IndexByte(t[:min(len(t), maxReference)], ';')
	if end < 2 {
		return 0, 0
	}
	name := t[1:end]
	if name[0] == '#' {
		digits, base := name[1:], 10
		if len(digits) > 0 && digits[0]|0x20 == 'x' {
			digits, base = digits[1:], 16
		}
		n, err := strconv.ParseUint(string(digits), base, 32)
		if err != nil || n == 0 || n > utf8.MaxRune || !utf8.ValidRune(rune(n)) {
			return 0, 0
		}
		if n == '\n' || n == '\r' {
			n = ' '
		}
		return rune(n), end + 1
	}
	switch string(name) {
	case "amp":
		return '&', end + 1
	case "lt":
		return '<', end + 1
	case "gt":
		return '>', end + 1
	case "quot":
		return '"', end + 1
	case "apos":
		return '\'', end + 1
	}
	return 0, 0
}
