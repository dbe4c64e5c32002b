package pdf

import (
	"errors"
	"io"
)

// The objects of ISO 32000-2, 7.3: nil, bool, int64, float64, str, name, array, dict, ref, *stream; and keyword for operators.
type (
	str     string
	name    string
	keyword string
	array   []any
	dict    map[name]any
	ref     struct{ num, gen int }
)

// A stream is a dictionary and where its bytes are.
type stream struct {
	dict   dict
	offset int64 // in the file
	data   []byte
	id     ref // for decryption
}

const (
	maxDepth    = 64       // of arrays and dictionaries in one another
	maxElements = 300_000  // of one object, all levels together
	maxToken    = 64 << 10 // bytes of a string, name or number that are kept
)

var errSyntax = errors.New("syntax error")

// A lexer reads tokens and objects from a reader.
type lexer struct {
	r        io.Reader
	buf      []byte
	pos, end int
	base     int64 // how many bytes came before buf
	err      error // what ended the reader
	token    []byte
	elements int
	// content says that R is no reference, and that keywords are operators.
	content bool
}

func newLexer(r io.Reader, size int) *lexer { return &lexer{r: r, buf: make([]byte, size)} }

func (l *lexer) reset(r io.Reader) {
	l.r, l.pos, l.end, l.base, l.err, l.elements = r, 0, 0, 0, nil, 0
}

// offset is how many bytes were read.
func (l *lexer) offset() int64 { return l.base + int64(l.pos) }

func (l *lexer) fill() bool {
	if l.err != nil {
		return false
	}
	l.base += int64(l.end)
	l.pos, l.end = 0, 0
	for range 100 {
		n, err := l.r.Read(l.buf)
		l.end, l.err = n, err
		if n > 0 {
			return true
		}
		if err != nil {
			return false
		}
	}
	l.err = io.ErrNoProgress
	return false
}

// peek returns the next byte, -1 at the end.
func (l *lexer) peek() int {
	if l.pos == l.end && !l.fill() {
		return -1
	}
	return int(l.buf[l.pos])
}

func (l *lexer) next() int {
	c := l.peek()
	if c >= 0 {
		l.pos++
	}
	return c
}

const (
	regular = iota
	blank
	delimiter
)

var class = func() (t [256]uint8) {
	for _, c := range "\x00\t\n\f\r " {
		t[c] = blank
	}
	for _, c := range "()<>[]{}/%" {
		t[c] = delimiter
	}
	return t
}()

// skip passes blanks and comments.
func (l *lexer) skip() int {
	for {
		c := l.peek()
		switch {
		case c < 0:
			return c
		case class[c] == blank:
			l.pos++
		case c == '%':
			for c >= 0 && c != '\n' && c != '\r' {
				l.pos++
				c = l.peek()
			}
		default:
			return c
		}
	}
}

// end marks of containers, and of the input.
const (
	closeArray = keyword("]")
	closeDict  = keyword(">>")
	eof        = keyword("")
)

// object reads one object or operator. At the end of the input it is eof.
func (l *lexer) object(depth int) (any, error) {
	if depth > maxDepth {
		return nil, errSyntax
	}
	if l.elements++; l.elements > maxElements {
		return nil, errSyntax
	}
	c := l.skip()
	switch {
	case c < 0:
		return eof, nil
	case c == '/':
		l.pos++
		return l.name(), nil
	case c == '(':
		l.pos++
		return l.literal(), nil
	case c == '[':
		l.pos++
		return l.array(depth)
	case c == ']':
		l.pos++
		return closeArray, nil
	case c == '<':
		l.pos++
		if l.peek() == '<' {
			l.pos++
			return l.dict(depth)
		}
		return l.hex(), nil
	case c == '>':
		l.pos++
		if l.peek() == '>' {
			l.pos++
		}
		return closeDict, nil
	case class[c] == delimiter: // braces belong to PostScript, a parenthesis to nothing
		l.pos++
		return keyword(string(rune(c))), nil
	}
	return l.word(), nil
}

// word reads a number or a keyword.
func (l *lexer) word() any {
	t := l.token[:0]
	for c := l.peek(); c >= 0 && class[c] == regular; c = l.peek() {
		if len(t) < maxToken {
			t = append(t, byte(c))
		}
		l.pos++
	}
	l.token = t
	if n, ok := number(t); ok {
		return n
	}
	switch string(t) {
	case "true":
		return true
	case "false":
		return false
	case "null":
		return nil
	}
	if len(t) > 64 {
		return keyword("?")
	}
	if l.content && len(t) <= 2 {
		if k := operators[string(t)]; k != nil {
			return k
		}
	}
	return keyword(t)
}

// number reads integers and reals. What writers get wrong is read as other readers do: doubled signs, a sign inside ends the number.
func number(t []byte) (any, bool) {
	if len(t) == 0 || t[0] > '9' {
		return nil, false
	}
	var n int64
	digits, point, neg := 0, -1, false
	scale := 1.0
	for i, c := range t {
		switch {
		case c >= '0' && c <= '9':
			if n < 1<<53 {
				n = n*10 + int64(c-'0')
				if point >= 0 {
					scale *= 10
				}
			} else if point < 0 {
				scale /= 10
			}
			digits++
		case c == '.' && point < 0:
			point = i
		case c == '-' && digits == 0 && point < 0:
			neg = true
		case c == '+' && i == 0:
		case c == '-' && digits > 0:
			goto done
		default:
			return nil, false
		}
	}
done:
	if digits == 0 && point < 0 {
		return nil, false
	}
	if neg {
		n = -n
	}
	if point < 0 && scale == 1 {
		return n, true
	}
	return float64(n) / scale, true
}

func (l *lexer) name() name {
	t := l.token[:0]
	for c := l.peek(); c >= 0 && class[c] == regular; c = l.peek() {
		l.pos++
		if c == '#' {
			a := unhex(l.peek())
			if a >= 0 {
				l.pos++
				if b := unhex(l.peek()); b >= 0 {
					l.pos++
					c = a<<4 | b
				} else {
					t = append(t, '#')
					c = int("0123456789abcdef"[a])
				}
			}
		}
		if len(t) < maxToken {
			t = append(t, byte(c))
		}
	}
	l.token = t
	return name(t)
}

func unhex(c int) int {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return -1
}

func (l *lexer) literal() str {
	t := l.token[:0]
	for depth := 1; ; {
		c := l.next()
		switch c {
		case -1:
			l.token = t
			return str(t)
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				l.token = t
				return str(t)
			}
		case '\r':
			if l.peek() == '\n' {
				l.pos++
			}
			c = '\n'
		case '\\':
			c = l.next()
			switch c {
			case 'n':
				c = '\n'
			case 'r':
				c = '\r'
			case 't':
				c = '\t'
			case 'b':
				c = '\b'
			case 'f':
				c = '\f'
			case '\r':
				if l.peek() == '\n' {
					l.pos++
				}
				continue
			case '\n', -1:
				continue
			}
			if c >= '0' && c <= '7' {
				c -= '0'
				for range 2 {
					d := l.peek()
					if d < '0' || d > '7' {
						break
					}
					c = c<<3 | (d - '0')
					l.pos++
				}
			}
		}
		if len(t) < maxToken {
			t = append(t, byte(c))
		}
	}
}

func (l *lexer) hex() str {
	t := l.token[:0]
	half := -1
	for c := l.next(); c >= 0 && c != '>'; c = l.next() {
		d := unhex(c)
		switch {
		case d < 0:
		case half < 0:
			half = d
		default:
			if len(t) < maxToken {
				t = append(t, byte(half<<4|d))
			}
			half = -1
		}
	}
	if half >= 0 {
		t = append(t, byte(half<<4))
	}
	l.token = t
	return str(t)
}

func (l *lexer) array(depth int) (any, error) {
	var a array
	for {
		o, err := l.object(depth + 1)
		if err != nil {
			return nil, err
		}
		if k, ok := o.(keyword); ok {
			switch {
			case k == closeArray, k == eof, k == closeDict:
				return a, nil
			case k == "R" && !l.content:
				if n := len(a); n >= 2 {
					if r, ok := reference(a[n-2], a[n-1]); ok {
						a = append(a[:n-2], r)
					}
				}
			case k == "endobj" || k == "endstream":
				return a, nil
			}
			continue
		}
		a = append(a, o)
	}
}

func reference(num, gen any) (ref, bool) {
	n, ok := num.(int64)
	g, ok2 := gen.(int64)
	return ref{int(n), int(g)}, ok && ok2 && n >= 0 && n <= maxObjects && g >= 0 && g <= 65535
}

// dict reads up to the end mark. Two integers and an R make a reference, so that values are only known when what follows them is.
func (l *lexer) dict(depth int) (any, error) {
	d := dict{}
	var key name
	var values [2]any
	n, open := 0, false
	put := func() {
		if open && n > 0 {
			d[key] = values[0]
		}
	}
	for {
		o, err := l.object(depth + 1)
		if err != nil {
			return nil, err
		}
		switch v := o.(type) {
		case keyword:
			switch v {
			case closeDict, eof, "endobj", "endstream":
				put()
				return d, nil
			case "R":
				if n == 2 {
					if r, ok := reference(values[0], values[1]); ok {
						values[0], n = r, 1
					}
				}
			}
			continue
		case name:
			if !open || n > 0 {
				put()
				key, open, n = v, true, 0
				continue
			}
		}
		if open && n < 2 {
			values[n] = o
			n++
		}
	}
}

// indirect reads "num gen obj", the object, and finds where a stream's bytes begin. Offsets count from the lexer's beginning.
func (l *lexer) indirect() (id ref, o any, data int64, err error) {
	l.elements = 0
	num, err := l.object(0)
	if err != nil {
		return id, nil, 0, err
	}
	gen, err := l.object(0)
	if err != nil {
		return id, nil, 0, err
	}
	k, err := l.object(0)
	if err != nil {
		return id, nil, 0, err
	}
	id, ok := reference(num, gen)
	if !ok || k != keyword("obj") {
		return id, nil, 0, errSyntax
	}
	if o, err = l.object(0); err != nil {
		return id, nil, 0, err
	}
	if n, ok := o.(int64); ok { // a reference may stand alone
		if g, err := l.object(0); err == nil {
			if r, ok := reference(n, g); ok {
				if k, err := l.object(0); err == nil && k == keyword("R") {
					o = r
				}
			}
		}
		return id, o, 0, nil
	}
	if _, ok := o.(dict); !ok {
		if _, bad := o.(keyword); bad {
			o = nil
		}
		return id, o, 0, nil
	}
	if k, err := l.object(0); err != nil || k != keyword("stream") {
		return id, o, 0, nil
	}
	for c := l.peek(); c == ' ' || c == '\t'; c = l.peek() {
		l.pos++
	}
	if l.peek() == '\r' {
		l.pos++
	}
	if l.peek() == '\n' {
		l.pos++
	}
	return id, o, l.offset(), nil
}

// num returns a number's value.
func num(o any) (float64, bool) {
	switch v := o.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}
