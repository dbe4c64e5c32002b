package json

import (
	"bytes"
	"errors"
	"io"
	"sync"

	"github.com/magpie-sec/magpie/internal/extract"
)

// What the parser expects next.
type state uint8

const (
	top     state = iota // a top-level value
	element              // an array's element or its end
	key                  // a member's name or the object's end
	colon
	member // a member's value
	after  // a comma, or the end of the array or object
)

// A frame is an array or object that is open.
type frame struct {
	node  *node
	last  *node // the member read last
	lost  bool  // node is not the frame's own but the nearest above that has room
	array bool
}

// A parser walks through JSON in a window and delivers its strings and numbers without copying them: a block's text is the window itself, and
// escapes are undone in place. A value that does not fit into the window is delivered in pieces.
//
// It accepts more than RFC 8259 where the meaning is plain: a comma before an end, control characters in strings, NaN and Infinity. Where it
// cannot go on, the rest, from the offending place, is delivered as running text: to the line's end with lines, else to the document's.
//
// Names are delivered, too, as text of the line they stand on, when they occur for the first time at their path: a name may be sensitive
// itself (records by e-mail address).
type parser struct {
	w     *extract.Window
	batch *extract.Batch // nil to check only
	lines bool
	depth int // how many frames may be open
	data  []byte
	pos   int
	end   error // why nothing follows data, nil if something may

	state  state
	frames []frame
	paths  paths
	value  *node // where the next value stands
	lost   bool  // ... really somewhere below it
	record int64
	values int64 // top-level values that are complete

	indexes  []int64 // of the open arrays on the path
	indexAt  int32   // where the batch has them
	indexed  bool    // ... if it has
	newlines int64   // before counted
	counted  int     // in data

	// A token that does not fit into the window.
	pieces  token
	name    []byte // the end of a name
	textRow int64  // the line on which text or a name begins
	chained bool   // a piece of text was delivered

	later *laterPart // a part that does not begin with the document
}

// A token that is being delivered in pieces.
type token uint8

const (
	noToken token = iota
	stringToken
	nameToken
	numberToken
	textToken // what did not parse
)

var (
	errSyntax = errors.New("no JSON")
	// errMore says that the window ends within a token.
	errMore = errors.New("more text is needed")
)

func newParser(b *extract.Batch, lines bool, depth int) *parser {
	p := new(parser)
	p.begins(b, lines, depth)
	return p
}

// begins makes a parser ready for a document, with the memory that it has.
func (p *parser) begins(b *extract.Batch, lines bool, depth int) {
	*p = parser{batch: b, lines: lines, depth: depth, frames: p.frames[:0], paths: p.paths, indexes: p.indexes[:0], name: p.name[:0]}
	p.value = &p.paths.root
}

// parsers keeps those that are done.
var parsers sync.Pool

func takeParser(b *extract.Batch, lines bool, depth int) *parser {
	p, _ := parsers.Get().(*parser)
	if p == nil {
		p = new(parser)
	}
	p.begins(b, lines, depth)
	return p
}

// giveBack keeps the parser for another document, without what belongs to this one.
func (p *parser) giveBack() {
	p.begins(nil, false, 0)
	if p.paths.reset() && cap(p.frames) <= maxFrames {
		parsers.Put(p)
	}
}

// maxFrames is how many frames may have been open in a parser that is kept.
const maxFrames = 256

func (p *parser) run() error {
	p.next(0)
	for {
		switch err := p.walk(); err {
		case nil, errMore:
		case errSyntax:
			p.giveUp()
			continue
		default:
			if e := p.flush(); e != nil {
				return e
			}
			return err
		}
		if p.end != nil {
			if err := p.flush(); err != nil || p.end == io.EOF {
				return err
			}
			return p.end
		}
		if p.pos == 0 {
			p.piece()
		}
		if err := p.flush(); err != nil {
			return err
		}
		p.line(p.pos)
		p.next(len(p.data) - p.pos)
	}
}

func (p *parser) next(keep int) {
	p.data, p.end = p.w.Next(keep)
	p.pos, p.counted = 0, 0
	p.batch.Window(p.data)
}

// flush delivers the values before pos.
func (p *parser) flush() error {
	p.indexed = false
	return p.batch.Flush(p.pos)
}

// line returns the line on which a place in the window stands. It must be told before text is changed: there may be line ends in it then.
func (p *parser) line(at int) int64 {
	if p.lines {
		return p.record + 1
	}
	if at > p.counted {
		p.newlines += int64(bytes.Count(p.data[p.counted:at], []byte{'\n'}))
		p.counted = at
	}
	return p.newlines + 1
}

// giveUp makes text of what follows.
func (p *parser) giveUp() {
	p.textRow = p.line(p.pos)
	p.pieces = textToken
	p.frames, p.indexes, p.indexed = p.frames[:0], p.indexes[:0], false
	p.state = top
	p.value, p.lost = &p.paths.root, false
}

// walk parses what is in the window, and leaves pos behind it. With errMore and errSyntax pos is the token's beginning.
func (p *parser) walk() error {
	for {
		if p.batch != nil && p.batch.Full() {
			if err := p.flush(); err != nil {
				return err
			}
		}
		if p.pieces != noToken {
			if err := p.goOn(); err != nil {
				return err
			}
			continue
		}
		if err := p.blanks(); err != nil {
			return err
		}
		if p.pos == len(p.data) {
			return nil
		}
		c := p.data[p.pos]
		if c == '"' && p.state == key && p.batch != nil {
			if err := p.members(); err != nil {
				return err
			}
			continue
		}
		if err := p.token(c); err != nil {
			return err
		}
	}
}

// members reads members of the open object from a name on, for as long as they are in the window and written as most are: a name, and a string or
// a number, without escapes. Whatever else comes it leaves to the states, at the place where they would be.
func (p *parser) members() error {
	data := p.data
	open := &p.frames[len(p.frames)-1]
	for {
		start := p.pos + 1
		stop := p.expected(open, start)
		if stop < 0 {
			if stop = special(data, start); stop == len(data) || data[stop] != '"' {
				return p.str()
			}
			p.member(start, stop)
		}
		i := stop + 1
		if i == len(data) || data[i] != ':' {
			p.pos, p.state = i, colon
			return nil
		}
		if i++; i < len(data) && data[i] == ' ' {
			i++
		}
		p.pos, p.state = i, member
		if i == len(data) || p.batch.Full() {
			return nil
		}
		var next int
		if c := data[i]; c == '"' {
			i++
			if stop = special(data, i); stop == len(data) || data[stop] != '"' {
				return nil
			}
			next = stop + 1
		} else if c >= '1' && c <= '9' {
			stop = digits(data, i+1)
			if stop+1 < len(data) && data[stop] == '.' && isDigit(data[stop+1]) {
				stop = digits(data, stop+2)
			}
			if stop == len(data) || wordByte[data[stop]] {
				return nil
			}
			next = stop
		} else {
			return nil
		}
		p.deliver(i, stop, false)
		if next == len(data) || data[next] != ',' {
			p.pos, p.state = next, after
			return nil
		}
		if next++; next < len(data) && data[next] == ' ' {
			next++
		}
		p.pos, p.state = next, key
		if next == len(data) || data[next] != '"' || p.batch.Full() {
			return nil
		}
	}
}

// expected returns the end of the name at a place if it is the one that stood there in the record before, whose path then is that of the next
// value; else -1.
func (p *parser) expected(open *frame, start int) int {
	if open.lost {
		return -1
	}
	n := open.node.first
	if open.last != nil {
		n = open.last.next
	}
	if n == nil || !n.plain || n.document != p.paths.document {
		return -1
	}
	end := start + len(n.name)
	if end >= len(p.data) || p.data[end] != '"' || string(p.data[start:end]) != n.name {
		return -1
	}
	p.value, p.lost, open.last = n, false, n
	return end
}

func isDigit(c byte) bool { return c-'0' <= 9 }

// digits returns the end of the digits from i on.
func digits(b []byte, i int) int {
	for i < len(b) && isDigit(b[i]) {
		i++
	}
	return i
}

// blanks passes white space.
func (p *parser) blanks() error {
	data, i := p.data, p.pos
	for ; i < len(data); i++ {
		switch data[i] {
		case ' ', '\t', '\r':
			continue
		case '\n':
			if p.lines {
				p.pos = i
				if p.state != top {
					return errSyntax
				}
				p.record++
			}
			continue
		}
		break
	}
	p.pos = i
	return nil
}

func (p *parser) token(c byte) error {
	switch p.state {
	case key:
		switch c {
		case '"':
			return p.str()
		case '}':
			return p.closed()
		}
	case colon:
		if c == ':' {
			p.pos++
			p.state = member
			return nil
		}
	case after:
		switch open := &p.frames[len(p.frames)-1]; {
		case c == ',' && open.array:
			p.state = element
			p.value, p.lost = open.node, open.lost
			if !open.lost {
				p.indexes[len(p.indexes)-1]++
				p.indexed = false
			}
			p.pos++
			return nil
		case c == ',':
			p.state = key
			p.pos++
			return nil
		case c == '}' && !open.array, c == ']' && open.array:
			return p.closed()
		}
	case element:
		if c == ']' {
			return p.closed()
		}
		return p.begin(c)
	case member:
		return p.begin(c)
	case top:
		if c == ',' && p.values > 0 { // dumps of records that forgot the array
			p.pos++
			return nil
		}
		if !p.lines {
			p.record = p.values
		}
		return p.begin(c)
	}
	return errSyntax
}

// begin reads a value, or the beginning of one that holds others.
func (p *parser) begin(c byte) error {
	switch c {
	case '"':
		return p.str()
	case '{', '[':
		return p.open(c == '[')
	}
	return p.word()
}

func (p *parser) open(array bool) error {
	if len(p.frames) >= p.depth {
		return &extract.Problem{Reason: extract.JSONNestingLevelOverLimit}
	}
	f := frame{node: p.value, lost: p.lost, array: array}
	p.state = key
	if array {
		p.state = element
		if e := p.elementOf(f.node, f.lost); e != nil {
			f.node = e
			p.indexes = append(p.indexes, 0)
			p.indexed = false
		} else {
			f.lost = true
		}
		p.value, p.lost = f.node, f.lost
	}
	p.frames = append(p.frames, f)
	p.pos++
	return nil
}

func (p *parser) elementOf(n *node, lost bool) *node {
	if lost || p.batch == nil {
		return nil
	}
	return p.paths.elementOf(n)
}

func (p *parser) closed() error {
	f := p.frames[len(p.frames)-1]
	p.frames = p.frames[:len(p.frames)-1]
	if f.array && !f.lost {
		p.indexes = p.indexes[:len(p.indexes)-1]
		p.indexed = false
	}
	p.pos++
	p.done()
	return nil
}

// done follows a complete value.
func (p *parser) done() {
	p.state = after
	if len(p.frames) == 0 {
		p.state = top
		p.values++
		p.value, p.lost = &p.paths.root, false
	}
}

// str reads a string, a value or a name, or the last piece of one. The end of the document ends it, too.
func (p *parser) str() error {
	data, start := p.data, p.pos
	if p.pieces == noToken {
		start++
	}
	escaped := false
	i := start
scan:
	for {
		i = special(data, i)
		if i == len(data) {
			if p.end == nil {
				return errMore
			}
			break
		}
		switch data[i] {
		case '"':
			break scan
		case '\\':
			escaped = true
			i = min(i+2, len(data))
		case '\n':
			if p.lines {
				if p.pieces == noToken {
					return errSyntax
				}
				break scan
			}
			i++
		default:
			i++
		}
	}
	p.pos = i
	if i < len(data) && data[i] == '"' {
		p.pos++
	}
	if p.batch != nil {
		stop := i
		if escaped {
			p.line(i)
			stop = unescape(data, start, i)
		}
		if p.state == key {
			p.member(start, stop)
		} else {
			p.deliver(start, stop, false)
		}
	}
	p.pieces = noToken
	if p.state == key {
		p.state = colon
	} else {
		p.done()
	}
	return nil
}

// word reads a number or a literal, or the last piece of a number. Only numbers are delivered.
func (p *parser) word() error {
	data, i := p.data, p.pos
	for i < len(data) && wordByte[data[i]] {
		i++
	}
	if i == len(data) && p.end == nil {
		return errMore
	}
	switch w := data[p.pos:i]; {
	case p.pieces != noToken, isNumber(w):
		if p.batch != nil {
			p.deliver(p.pos, i, false)
		}
	default:
		switch string(w) {
		case "true", "false", "null", "NaN", "Infinity", "-Infinity":
		default:
			return errSyntax
		}
	}
	p.pos = i
	p.pieces = noToken
	p.done()
	return nil
}

// goOn reads on where the last window ended within a token.
func (p *parser) goOn() error {
	switch p.pieces {
	case textToken:
		return p.rest()
	case numberToken:
		return p.word()
	}
	return p.str()
}

// rest delivers running text.
func (p *parser) rest() error {
	stop, ended := len(p.data), p.end != nil
	if p.lines {
		if k := bytes.IndexByte(p.data[p.pos:], '\n'); k >= 0 {
			stop, ended = p.pos+k, true
		}
	}
	if p.pos < stop || p.chained {
		p.batch.Add(p.pos, stop, nil, p.textRow, 0, !ended)
		p.chained = !ended
	}
	p.pos = stop
	if !ended {
		return errMore
	}
	p.pieces = noToken
	return nil
}

// piece delivers as much as is whole of the token that fills the window.
func (p *parser) piece() {
	start, stop := 0, len(p.data)
	if p.pieces == noToken {
		p.name = p.name[:0]
		p.textRow = p.line(0)
		switch {
		case p.data[0] != '"':
			p.pieces = numberToken
		case p.state == key:
			p.pieces, start = nameToken, 1
		default:
			p.pieces, start = stringToken, 1
		}
	}
	p.pos = stop
	if p.pieces != numberToken {
		p.pos = wholeEscapes(p.data, start)
		p.line(p.pos)
		stop = unescape(p.data, start, p.pos)
	}
	if p.pieces == nameToken {
		p.keepName(start, stop)
		if p.later != nil {
			p.later.doubt = "a name does not fit into the window"
		}
		p.batch.Add(start, stop, nil, p.textRow, 0, true)
		return
	}
	p.deliver(start, stop, true)
}

func (p *parser) keepName(start, stop int) {
	p.name = append(p.name, lastPart(p.data[start:stop])...)
	if len(p.name) > maxName {
		p.name = append(p.name[:0], lastPart(p.name)...)
	}
}

// member finds the place of the value that follows a name, and delivers the name if it is new there.
func (p *parser) member(start, stop int) {
	open := &p.frames[len(p.frames)-1]
	row := p.textRow
	name := lastPart(p.data[start:stop])
	if p.pieces == nameToken {
		p.keepName(start, stop)
		name = p.name
	}
	p.value, p.lost = open.node, true
	fresh := true
	if !open.lost {
		var n *node
		if n, fresh = p.paths.member(open.node, open.last, name); n != nil {
			p.value, p.lost, open.last = n, false, n
		}
	}
	if p.pieces == noToken {
		if !fresh || start == stop {
			return
		}
		if p.later != nil {
			p.later.name(p.data[start:stop])
			return
		}
		row = p.line(start)
	}
	p.batch.Add(start, stop, nil, row, 0, false)
}

// deliver adds a value or a piece of one.
func (p *parser) deliver(start, stop int, more bool) {
	if start == stop && !more && p.pieces == noToken {
		return
	}
	f := p.value.field
	if f == nil {
		f = p.value.makeField()
	}
	index := int32(0)
	if f.Arrays > 0 {
		if !p.indexed {
			p.indexAt, p.indexed = p.batch.Indexes(p.indexes), true
		}
		index = p.indexAt
	}
	p.batch.Add(start, stop, f, p.record, index, more)
}

// wordByte marks the bytes of numbers and literals.
var wordByte = func() (t [256]bool) {
	for c := range t {
		t[c] = c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-' || c == '+' || c == '.'
	}
	return t
}()

// isNumber says that a word is a number of RFC 8259.
func isNumber(w []byte) bool {
	i := 0
	digits := func() bool {
		from := i
		for i < len(w) && w[i] >= '0' && w[i] <= '9' {
			i++
		}
		return i > from
	}
	if i < len(w) && w[i] == '-' {
		i++
	}
	if i < len(w) && w[i] == '0' {
		i++
	} else if !digits() {
		return false
	}
	if i < len(w) && w[i] == '.' {
		i++
		if !digits() {
			return false
		}
	}
	if i < len(w) && w[i]|0x20 == 'e' {
		i++
		if i < len(w) && (w[i] == '+' || w[i] == '-') {
			i++
		}
		if !digits() {
			return false
		}
	}
	return i == len(w)
}
