package iam

import (
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	// MaxBytes is the longest text that is parsed. The largest policy of any service has 32 KiB.
	MaxBytes = 2 << 20
	// MaxDepth is how deep a document may be nested; a policy needs six levels.
	MaxDepth = 64
)

type nodeKind uint8

const (
	nodeNull nodeKind = iota
	nodeBool
	nodeNumber
	nodeString
	nodeList
	nodeObject
)

func (k nodeKind) String() string {
	return [...]string{"null", "a Boolean", "a number", "a string", "a list", "an object"}[k]
}

// A node is a JSON value with its place.
type node struct {
	kind   nodeKind
	span   Span
	text   string // of a string what it stands for, of a number or bool what is written
	items  []*node
	fields []field
}

type field struct {
	name     string
	nameSpan Span
	value    *node
}

// A syntaxError is where a text stops being JSON, and why.
type syntaxError struct {
	offset int
	what   string
}

// A scanner reads JSON as RFC 8259 has it, strictly: no duplicate of UTF-8's forms, no halves of surrogate pairs. Duplicate names are left to
// the parser, which can say of which element they are.
type scanner struct {
	text string
	at   int
}

// scanJSON reads one document.
func scanJSON(text string) (*node, *syntaxError) {
	if len(text) > MaxBytes {
		return nil, &syntaxError{0, fmt.Sprintf("the policy has %d bytes, more than %d", len(text), MaxBytes)}
	}
	s := &scanner{text: text}
	s.space()
	n, err := s.value(0)
	if err != nil {
		return nil, err
	}
	if s.space(); s.at < len(s.text) {
		return nil, s.fail("text after the end of the policy")
	}
	return n, nil
}

func (s *scanner) fail(what string) *syntaxError { return &syntaxError{s.at, what} }

func (s *scanner) space() {
	for s.at < len(s.text) && strings.IndexByte(" \t\r\n", s.text[s.at]) >= 0 {
		s.at++
	}
}

// next returns the byte at hand, or 0 at the end.
func (s *scanner) next() byte {
	if s.at < len(s.text) {
		return s.text[s.at]
	}
	return 0
}

func (s *scanner) value(depth int) (*node, *syntaxError) {
	if depth > MaxDepth {
		return nil, s.fail(fmt.Sprintf("nested deeper than %d levels", MaxDepth))
	}
	start := s.at
	switch c := s.next(); {
	case s.at == len(s.text):
		return nil, s.fail("the text ends where a value should stand")
	case c == '{':
		return s.object(depth)
	case c == '[':
		return s.list(depth)
	case c == '"':
		text, err := s.str()
		return &node{kind: nodeString, span: Span{start, s.at}, text: text}, err
	case c == '-' || '0' <= c && c <= '9':
		if !s.number() {
			return nil, s.fail("not a number")
		}
		return &node{kind: nodeNumber, span: Span{start, s.at}, text: s.text[start:s.at]}, nil
	}
	for _, word := range [...]string{"true", "false", "null"} {
		if strings.HasPrefix(s.text[s.at:], word) {
			kind := nodeBool
			if word == "null" {
				kind = nodeNull
			}
			s.at += len(word)
			return &node{kind: kind, span: Span{start, s.at}, text: word}, nil
		}
	}
	if strings.HasPrefix(s.text[s.at:], "\ufeff") {
		return nil, s.fail("a byte order mark is not part of JSON")
	}
	return nil, s.fail("no JSON value begins here")
}

func (s *scanner) object(depth int) (*node, *syntaxError) {
	n := &node{kind: nodeObject, span: Span{Start: s.at}}
	s.at++
	for s.space(); s.next() != '}'; s.space() {
		if len(n.fields) > 0 {
			if s.next() != ',' {
				return nil, s.fail("expected a comma or a closing brace")
			}
			s.at++
			s.space()
		}
		if s.next() != '"' {
			return nil, s.fail("expected the name of a member in double quotes")
		}
		start := s.at
		name, err := s.str()
		if err != nil {
			return nil, err
		}
		f := field{name: name, nameSpan: Span{start, s.at}}
		if s.space(); s.next() != ':' {
			return nil, s.fail("expected a colon")
		}
		s.at++
		s.space()
		if f.value, err = s.value(depth + 1); err != nil {
			return nil, err
		}
		n.fields = append(n.fields, f)
	}
	s.at++
	n.span.End = s.at
	return n, nil
}

func (s *scanner) list(depth int) (*node, *syntaxError) {
	n := &node{kind: nodeList, span: Span{Start: s.at}}
	s.at++
	for s.space(); s.next() != ']'; s.space() {
		if len(n.items) > 0 {
			if s.next() != ',' {
				return nil, s.fail("expected a comma or a closing bracket")
			}
			s.at++
			s.space()
		}
		item, err := s.value(depth + 1)
		if err != nil {
			return nil, err
		}
		n.items = append(n.items, item)
	}
	s.at++
	n.span.End = s.at
	return n, nil
}

func (s *scanner) number() bool {
	if s.next() == '-' {
		s.at++
	}
	if s.next() == '0' {
		s.at++
	} else if !s.digits() {
		return false
	}
	if s.next() == '.' {
		s.at++
		if !s.digits() {
			return false
		}
	}
	if c := s.next(); c == 'e' || c == 'E' {
		s.at++
		if c := s.next(); c == '+' || c == '-' {
			s.at++
		}
		return s.digits()
	}
	return true
}

func (s *scanner) digits() bool {
	start := s.at
	for '0' <= s.next() && s.next() <= '9' {
		s.at++
	}
	return s.at > start
}

// str reads a string from its opening quote to behind its closing one.
func (s *scanner) str() (string, *syntaxError) {
	s.at++
	start := s.at
	var b []byte // what was read, once it differs from what is written
	for s.at < len(s.text) {
		switch c := s.text[s.at]; {
		case c == '"':
			text := s.text[start:s.at]
			if b != nil {
				text = string(append(b, text...))
			}
			s.at++
			return text, nil
		case c == '\\':
			r, width, what := unescape(s.text[s.at:])
			if what != "" {
				return "", s.fail(what)
			}
			b = append(b, s.text[start:s.at]...)
			b = utf8.AppendRune(b, r)
			s.at += width
			start = s.at
		case c < ' ':
			return "", s.fail("a control character stands in a string unescaped")
		case c < utf8.RuneSelf:
			s.at++
		default:
			r, width := utf8.DecodeRuneInString(s.text[s.at:])
			if r == utf8.RuneError && width == 1 {
				return "", s.fail("not UTF-8")
			}
			s.at += width
		}
	}
	return "", s.fail("a string does not end")
}

// unescape reads the escape that s begins with; what says why it is none.
func unescape(s string) (r rune, width int, what string) {
	const bad = "a backslash begins no escape of JSON"
	if len(s) < 2 {
		return 0, 1, bad
	}
	if i := strings.IndexByte(`"\/bfnrt`, s[1]); i >= 0 {
		return rune("\"\\/\b\f\n\r\t"[i]), 2, ""
	}
	r, ok := hex4(s)
	if !ok {
		return 0, 2, bad
	}
	if !utf16.IsSurrogate(r) {
		return r, 6, ""
	}
	low, ok := hex4(s[6:])
	if pair := utf16.DecodeRune(r, low); ok && pair != utf8.RuneError {
		return pair, 12, ""
	}
	return 0, 6, "half of a surrogate pair stands alone"
}

// hex4 reads \u and four hexadecimal digits.
func hex4(s string) (r rune, ok bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	for _, c := range []byte(s[2:6]) {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
