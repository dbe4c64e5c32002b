package sql

import (
	"bytes"
	"encoding/hex"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/paths"
	"github.com/magpie-sec/magpie/internal/text"
)

const (
	// maxTables and maxNames bound what is remembered of the tables: how many, and the bytes of their columns' names.
	maxTables = 4096
	maxNames  = 2 << 20
	// A table of so few columns may hold a name and its value in a row: then a value of at most maxLabelled bytes has the one before it, if it
	// is no longer than maxLabel, as context.
	fewColumns  = 6
	maxLabel    = 40
	maxLabelled = 128
)

// A mode is what the parser is inside of.
type mode uint8

const (
	start    mode = iota // before a statement
	other                // in a statement without rows
	rows                 // between rows
	row                  // in a row
	copied               // in the rows of COPY
	copyText             // in the rows of COPY whose columns are not known
	long                 // in a value that fills the window
	digits               // in bytes in hexadecimal that fill the window
	lost                 // behind something that was not understood
)

// A table is what is known of the columns of a table.
type table struct {
	nodes []*paths.Node
	whole *paths.Node
}

// A parser walks through a dump in a window. Escapes are undone in place.
type parser struct {
	w     *extract.Window
	batch *extract.Batch
	data  []byte
	end   error // why nothing follows data, nil if something may

	mode mode
	pos  int // where it goes on
	open int // where the text begins that was not delivered

	// Where the text up to counted ends: the 1-based line, and the characters before it there.
	counted      int
	line, column int64
	row, before  int64 // where the open text or value begins
	chained      bool  // a piece of the open text was delivered

	until     string // what ends the comment or quoted text at hand
	mysql     bool   // a backslash in a string is an escape
	asked     bool   // the dialect was looked for
	commented bool   // the open text in a row holds a comment

	tree   paths.Tree
	labels paths.Labels
	tables map[string]*table
	names  int

	lastHead []byte // of the last INSERT
	table    *table
	value    int  // which value of the row
	depth    int  // of parentheses in it
	call     bool // in replace(), with which SQLite writes line ends
	label    []byte

	// The long value.
	quote     byte // 0 in COPY
	backslash bool
	hidden    bool
	field     *text.Field
	after     mode
}

func (p *parser) run() error {
	p.next(0)
	for {
		if p.batch.Full() {
			if err := p.batch.Flush(p.counted); err != nil {
				return err
			}
		}
		if p.pos < len(p.data) && p.step() {
			continue
		}
		if p.end != nil {
			p.pos = len(p.data)
			p.closeText(p.pos)
			if p.mode == long {
				p.batch.Add(p.pos, p.pos, p.field, p.row, p.index(), false)
			}
			if err := p.batch.Flush(len(p.data)); err != nil || p.end == io.EOF {
				return err
			}
			return p.end
		}
		if p.pos > p.open && len(p.data)-p.open > extract.WindowSize/2 {
			if err := p.textPiece(); err != nil {
				return err
			}
		}
		if len(p.data)-p.open > extract.WindowSize*3/4 { // what stands at pos fills the window
			p.give()
			continue
		}
		if err := p.batch.Flush(p.open); err != nil {
			return err
		}
		p.count(p.open)
		p.next(len(p.data) - p.open)
	}
}

// next moves the window on, to the beginning of the open text.
func (p *parser) next(keep int) {
	moved := len(p.data) - keep
	p.data, p.end = p.w.Next(keep)
	p.pos -= moved
	p.open -= moved
	p.counted -= moved
	p.batch.Window(p.data)
	if !p.asked {
		p.asked = true
		for _, s := range []string{"MySQL", "MariaDB", "ENGINE=", "/*!4", "LOCK TABLES", "INTO `"} {
			p.mysql = p.mysql || bytes.Contains(p.data, []byte(s))
		}
	}
}

// count moves line and column on to a place.
func (p *parser) count(at int) {
	b := p.data[p.counted:at]
	p.counted = at
	if len(b) < 64 { // values are short
		for _, c := range b {
			if c == '\n' {
				p.line++
				p.column = 0
			} else if utf8.RuneStart(c) {
				p.column++
			}
		}
		return
	}
	if n := bytes.Count(b, []byte{'\n'}); n > 0 {
		p.line += int64(n)
		p.column = 0
		b = b[bytes.LastIndexByte(b, '\n')+1:]
	}
	p.column += int64(utf8.RuneCount(b))
}

func (p *parser) index() int32 { return int32(min(p.before, 1<<31-1)) }

// textPiece delivers what there is of a long text.
func (p *parser) textPiece() error {
	at := p.pos
	for at < len(p.data) && at > p.open && !utf8.RuneStart(p.data[at]) {
		at--
	}
	p.begin(p.open)
	p.batch.Add(p.open, at, nil, p.row, p.index(), true)
	p.chained = true
	p.count(at)
	p.open = at
	return p.batch.Flush(at)
}

// begin notes where the text or value at a place begins.
func (p *parser) begin(at int) {
	if !p.chained {
		p.count(at)
		p.row, p.before = p.line, p.column
	}
}

// closeText delivers the open text up to a place.
func (p *parser) closeText(at int) {
	if p.open < at || p.chained {
		p.begin(p.open)
		p.batch.Add(p.open, at, nil, p.row, p.index(), false)
		p.count(at)
	}
	p.open, p.chained, p.commented = at, false, false
}

// gap passes over what stands between values, but for comments.
func (p *parser) gap(at int) {
	if p.commented || p.chained {
		p.closeText(at)
	}
	p.open = at
}

// need says that n bytes from pos on are there, or all there are.
func (p *parser) need(n int) bool { return len(p.data)-p.pos >= n || p.end != nil }

// give goes on although a token fills the window.
func (p *parser) give() {
	switch p.mode {
	case start:
		p.mode = other
	case row:
		p.tooLong()
	default:
		p.pos = len(p.data) - 8
		for !utf8.RuneStart(p.data[p.pos]) {
			p.pos--
		}
	}
}

// step goes on; it says false when it needs more text.
func (p *parser) step() bool {
	if p.until != "" {
		return p.inside()
	}
	switch p.mode {
	case start:
		return p.statement()
	case other:
		return p.other()
	case rows:
		return p.between()
	case row:
		return p.inRow()
	case copied:
		return p.copied()
	case copyText:
		return p.copyLine()
	case long:
		return p.long()
	case digits:
		return p.digits()
	}
	p.pos = len(p.data)
	return false
}

// inside goes to the end of a comment or quoted text.
func (p *parser) inside() bool {
	q := p.until[0]
	if len(p.until) > 1 || q == '\n' {
		n := bytes.Index(p.data[p.pos:], []byte(p.until))
		if n < 0 {
			p.pos = max(p.pos, len(p.data)-len(p.until)+1)
			return false
		}
		p.pos += n + len(p.until)
		p.until = ""
		return true
	}
	for ; p.pos < len(p.data); p.pos++ {
		c := p.data[p.pos]
		if c != q && (c != '\\' || !p.mysql || q == '`') {
			continue
		}
		if !p.need(2) {
			return false
		}
		if c == '\\' || p.pos+1 < len(p.data) && p.data[p.pos+1] == q {
			p.pos++
			continue
		}
		p.pos++
		p.until = ""
		return true
	}
	p.pos = min(p.pos, len(p.data))
	return false
}

// comment begins the comment at pos, if there is one.
func (p *parser) comment() bool {
	b := p.data[p.pos:]
	switch {
	case bytes.HasPrefix(b, []byte("--")), b[0] == '#' && p.mysql:
		p.until = "\n"
	case bytes.HasPrefix(b, []byte("/*")):
		p.until = "*/"
	default:
		return false
	}
	p.pos = min(p.pos+2, len(p.data))
	if p.until == "\n" && b[0] == '#' {
		p.pos--
	}
	p.commented = true
	return true
}

// statement looks what statement begins.
func (p *parser) statement() bool {
	for p.pos < len(p.data) && p.data[p.pos] <= ' ' {
		p.pos++
	}
	if p.pos == len(p.data) || !p.need(16) {
		return false
	}
	if p.comment() {
		return true
	}
	b := p.data[p.pos:]
	if b[0] == '/' || b[0] == ';' { // of SQL*Plus; of nothing
		p.pos++
		return true
	}
	if b[0] == '\\' { // a command of psql
		p.until = "\n"
		return true
	}
	w := b[:wordLen(b[:min(len(b), 16)])]
	switch {
	case equal(w, "INSERT"), equal(w, "REPLACE"):
		return p.insert()
	case equal(w, "COPY"):
		return p.copy()
	case equal(w, "CREATE"):
		return p.create()
	}
	p.mode = other
	return true
}

func equal(w []byte, keyword string) bool {
	return len(w) == len(keyword) && strings.EqualFold(string(w), keyword)
}

func (p *parser) insert() bool {
	b := p.data[p.pos:]
	n := len(p.lastHead)
	if n == 0 || len(b) <= n || !bytes.HasPrefix(b, p.lastHead) || isWord(b[n]) {
		var h head
		if h, n = insertHead(b); n == 0 || n == len(b) {
			if !p.need(maxHead) {
				return false
			}
			if n == 0 {
				p.mode = other
				return true
			}
		}
		p.table = p.columns(h)
		p.lastHead = append(p.lastHead[:0], b[:n]...)
	}
	if p.table == nil {
		p.mode = other
		return true
	}
	p.pos += n
	p.closeText(p.pos)
	p.mode = rows
	return true
}

// columns returns the table of a statement with rows, nil if its columns are not known.
func (p *parser) columns(h head) *table {
	if !h.listed {
		return p.tables[strings.ToLower(h.table)]
	}
	return p.newTable(h.table, h.columns)
}

func (p *parser) newTable(name string, columns []string) *table {
	t := &table{whole: p.tree.Child(&p.tree.Root, []byte(name))}
	for _, c := range columns {
		t.nodes = append(t.nodes, p.tree.Child(t.whole, []byte(c)))
	}
	return t
}

// create reads a CREATE TABLE, which is text as well.
func (p *parser) create() bool {
	b := p.data[p.pos:]
	n, whole := statementEnd(b)
	if !whole && !p.need(maxHead) {
		return false
	}
	p.mode = other
	t, ok := ParseCreate(string(b[:n]))
	if ok && t.Module == "" && len(p.tables) < maxTables {
		var names []string
		for _, c := range t.Columns {
			if c.Generated {
				continue
			}
			names = append(names, c.Name)
			p.names += 32 + len(c.Name)
		}
		if p.names < maxNames {
			p.tables[strings.ToLower(t.Name)] = p.newTable(t.Name, names)
			p.lastHead = p.lastHead[:0]
		}
	}
	return true
}

// statementEnd says where the statement ends that b begins with: at a semicolon outside of quotes.
func statementEnd(b []byte) (n int, found bool) {
	for _, limit := range []int{usualHead, maxHead} {
		l := &lexer{s: string(b[:min(len(b), limit)])}
		for {
			t := l.next()
			if t.kind == ended {
				n = len(l.s)
				break
			}
			if (t.isPunct(';') || t.is("GO")) && l.at < len(l.s) {
				return l.at, true
			}
		}
		if len(b) <= limit {
			break
		}
	}
	return n, n > 0 && b[n-1] == ';' && len(b) == n
}

func (p *parser) copy() bool {
	h, n := copyHead(p.data[p.pos:])
	if n == 0 {
		if !p.need(maxHead) {
			return false
		}
		p.mode = other
		return true
	}
	p.pos += n
	p.value = 0
	if p.table = p.columns(h); p.table == nil {
		p.mode = copyText
		return true
	}
	p.closeText(p.pos)
	p.mode = copied
	return true
}

// other goes to the end of a statement without rows.
func (p *parser) other() bool {
	for ; p.pos < len(p.data); p.pos++ {
		switch c := p.data[p.pos]; c {
		case ';':
			p.pos++
			p.mode = start
			return true
		case '\'', '"', '`':
			p.pos++
			p.until = string(c)
			return true
		case '-', '/', '#':
			if !p.need(2) {
				return false
			}
			if p.comment() {
				return true
			}
		case '$':
			if !p.need(64) {
				return false
			}
			if n := dollar(p.data[p.pos:]); n > 0 {
				p.until = string(p.data[p.pos : p.pos+n])
				p.pos += n
				return true
			}
		case '\n':
			if !p.need(9) {
				return false
			}
			if line := p.data[p.pos+1:]; startsRows(line) || len(line) >= 2 && equal(line[:2], "GO") && (len(line) == 2 || line[2] <= ' ') {
				p.pos++
				if line[0]|0x20 == 'g' {
					p.pos += 2
				}
				p.mode = start
				return true
			}
		}
	}
	return false
}

// dollar returns the length of the quotes of PostgreSQL that b begins with: $$ or $name$.
func dollar(b []byte) int {
	for i := 1; i < min(len(b), 64); i++ {
		if b[i] == '$' {
			return i + 1
		}
		if !isWord(b[i]) || i == 1 && b[i] >= '0' && b[i] <= '9' {
			return 0
		}
	}
	return 0
}

// between looks whether another row follows.
func (p *parser) between() bool {
	for ; p.pos < len(p.data); p.pos++ {
		switch c := p.data[p.pos]; {
		case c <= ' ' || c == ',':
		case c == '(':
			p.pos++
			p.gap(p.pos)
			p.mode, p.value, p.depth, p.call, p.label = row, 0, 0, false, p.label[:0]
			return true
		case c == ';':
			p.pos++
			p.gap(p.pos)
			p.mode = start
			return true
		case !p.need(16):
			return false
		case p.comment():
			return true
		default:
			b := p.data[p.pos:]
			w := b[:wordLen(b[:min(len(b), 16)])]
			p.gap(p.pos)
			switch {
			case equal(w, "GO"):
				p.pos += 2
				p.mode = start
			case len(w) > 0 && beginnings[strings.ToUpper(string(w))]:
				p.mode = start
			case c == '/':
				p.mode = start
			case len(w) > 0:
				p.mode = other
			default:
				p.mode = lost
			}
			return true
		}
	}
	return false
}

// inRow goes on to the next value of a row and delivers it.
func (p *parser) inRow() bool {
	for ; p.pos < len(p.data); p.pos++ {
		switch c := p.data[p.pos]; {
		case c == '\'' || c == '"':
			return p.str(p.pos, p.pos+1, c, p.mysql, false)
		case c == ',':
			if p.depth == 0 {
				p.value++
			}
		case c == '(':
			p.depth++
		case c == ')':
			p.call = p.call && p.depth > 1
			if p.depth--; p.depth < 0 {
				p.pos++
				p.gap(p.pos)
				p.mode = rows
				return true
			}
		case c <= ' ':
		case c == ';' && p.depth == 0:
			p.mode = lost // a row that does not end
			return true
		case isWord(c), (c == '-' || c == '+' || c == '.') && p.pos+1 < len(p.data) && p.data[p.pos+1] >= '0' && p.data[p.pos+1] <= '9':
			return p.word()
		case !p.need(2):
			return false
		case p.comment():
			return true
		}
	}
	return false
}

// word reads a number, a keyword, a function's name, or what stands before a string.
func (p *parser) word() bool {
	from := p.pos
	at := from + 1
	for at < len(p.data) && (isWord(p.data[at]) || p.data[at] == '.' || (p.data[at] == '-' || p.data[at] == '+') && p.data[at-1]|0x20 == 'e' && digit(p.data[from:at])) {
		at++
	}
	if len(p.data)-at < 4 && p.end == nil {
		return false
	}
	w, behind := p.data[from:at], p.data[at:]
	if len(behind) > 1 && behind[0] == '\'' {
		switch {
		case len(w) == 1 && w[0]|0x20 == 'x':
			return p.str(from, at+1, '\'', false, true)
		case len(w) == 1 && w[0]|0x20 == 'e':
			return p.str(from, at+1, '\'', true, false)
		case len(w) <= 2 && w[len(w)-1]|0x20 == 'q' && !p.mysql:
			return p.oracle(from, at+1)
		}
		return p.str(from, at+1, '\'', p.mysql, false)
	}
	p.pos = at
	switch {
	case bytes.HasPrefix(w, []byte("0x")) && len(w) > 2:
		if p.depth == 0 {
			p.deliver(from+2, at, escapes{}, true)
		}
	case digit(w):
		if p.depth == 0 {
			p.deliver(from, at, escapes{}, false)
		}
	case equal(w, "replace"):
		p.call = true
	}
	return true
}

// digit says that a word is a number.
func digit(w []byte) bool {
	c := w[0]
	if (c == '-' || c == '+' || c == '.') && len(w) > 1 {
		c = w[1]
	}
	return c >= '0' && c <= '9'
}

// oracle delivers q'[text]'.
func (p *parser) oracle(from, at int) bool {
	if at >= len(p.data) {
		return false
	}
	last := p.data[at]
	if i := strings.IndexByte("[({<", last); i >= 0 {
		last = "])}>"[i]
	}
	n := bytes.Index(p.data[at+1:], []byte{last, '\''})
	if n < 0 {
		if p.end != nil {
			p.mode = lost
		}
		return p.end != nil
	}
	p.deliver(at+1, at+1+n, escapes{}, false)
	p.pos = at + 1 + n + 2
	p.open = p.pos
	return true
}

// str delivers the string whose text begins at a place; what stands before it begins at from.
func (p *parser) str(from, at int, q byte, backslash, isHex bool) bool {
	stop, closed, e := p.scan(at, q, backslash)
	if !closed && p.end == nil {
		p.gap(from)
		if len(p.data)-from > extract.WindowSize/2 {
			p.pos, p.quote, p.backslash, p.hidden = at, q, backslash, isHex
			p.longValue()
			return true
		}
		p.pos = from
		return false
	}
	p.deliver(at, stop, e, isHex)
	p.pos = min(stop+1, len(p.data))
	p.open = p.pos
	return true
}

// escapes are what is to be undone in a value.
type escapes struct {
	doubled   byte // the quote that stands twice
	backslash bool
	copied    bool // with the numbers of characters
}

func (e escapes) any() bool { return e.doubled != 0 || e.backslash }

// scan finds the end of a string, or as much as surely belongs to it.
func (p *parser) scan(at int, q byte, backslash bool) (stop int, closed bool, e escapes) {
	b := p.data
	for i := at; i < len(b); i++ {
		c := b[i]
		if c != q && c != '\\' {
			continue
		}
		if i+2 >= len(b) && p.end == nil {
			return i, false, e
		}
		if c == '\\' {
			if backslash || p.call || i+1 < len(b) && b[i+1] == q && !endsValue(b[i+2:]) {
				e.backslash = true
				i++
			}
			continue
		}
		if i+1 < len(b) && b[i+1] == q {
			e.doubled = q
			i++
			continue
		}
		return i, true, e
	}
	return len(b), p.end != nil, e
}

// endsValue says that what follows a quote goes on in the row: then it was not escaped by the backslash before it.
func endsValue(b []byte) bool {
	for _, c := range b[:min(len(b), 8)] {
		if c > ' ' {
			return c == ',' || c == ')' || c == ';' || c == ':'
		}
	}
	return false
}

// fieldOf returns the context of the value at hand.
func (p *parser) fieldOf(length int) *text.Field {
	n := p.table.whole
	if p.value < len(p.table.nodes) {
		n = p.table.nodes[p.value]
	}
	if len(p.label) > 0 && length <= maxLabelled {
		return p.labels.Field(n, p.label)
	}
	return n.Field()
}

// deliver delivers a value without its quotes.
func (p *parser) deliver(from, to int, e escapes, isHex bool) {
	p.gap(from)
	p.begin(from)
	p.count(to)
	stop := to
	if e.any() {
		stop = p.unescape(from, to, e)
	}
	if !isHex && stop-from > 2 && p.data[from] == '\\' && p.data[from+1] == 'x' { // bytes of PostgreSQL
		isHex = true
		copy(p.data[from:], p.data[from+2:stop])
		stop -= 2
	}
	if isHex {
		n, err := hex.Decode(p.data[from:stop], p.data[from:stop])
		if stop = from + n; err != nil || !isText(p.data[from:stop]) {
			stop = from
		}
	}
	fill(p.data[stop:to])
	if len(bytes.TrimSpace(p.data[from:stop])) > 0 {
		p.batch.Add(from, stop, p.fieldOf(stop-from), p.row, p.index(), false)
	}
	p.keepLabel(p.data[from:stop])
	p.open = to
}

// keepLabel remembers a value that can say what the next one is.
func (p *parser) keepLabel(b []byte) {
	p.label = p.label[:0]
	if len(p.table.nodes) <= fewColumns && len(b) <= maxLabel && paths.Wordy(b) {
		p.label = append(p.label, b...)
	}
}

func fill(b []byte) {
	for i := range b {
		b[i] = ' '
	}
}

// isText says that bytes are UTF-8 without characters that text does not have.
func isText(b []byte) bool {
	for _, c := range b {
		if c < ' ' && (c < '\t' || c > '\r') || c == 0x7f {
			return false
		}
	}
	return utf8.Valid(b)
}

// unescape undoes escapes and doubled quotes in place and returns the new end. A character that would not be UTF-8 stays as it is written.
func (p *parser) unescape(from, to int, e escapes) int {
	b, n := p.data, from
	for i := from; i < to; i++ {
		c := b[i]
		switch {
		case c == '\\' && e.backslash && i+1 < to:
			i++
			if c = b[i]; e.copied && (c >= '0' && c <= '7' || c == 'x') {
				if v, k := number(b[i:to]); k > 0 && v >= ' ' && v < 0x7f {
					b[n] = v
					n++
					i += k - 1
					continue
				}
			}
			if at := strings.IndexByte("ntrbfv0Z", c); at >= 0 {
				c = "\n\t\r\b\f\v\x00\x1a"[at]
			}
		case c == e.doubled && c != 0 && i+1 < to && b[i+1] == c:
			i++
		}
		b[n] = c
		n++
	}
	return n
}

// number reads the octal or hexadecimal number of a character and says how long it is.
func number(b []byte) (v byte, n int) {
	if b[0] == 'x' {
		for n = 1; n < min(len(b), 3); n++ {
			d := strings.IndexByte("0123456789abcdef", b[n]|0x20)
			if d < 0 {
				break
			}
			v = v<<4 | byte(d)
		}
		if n == 1 {
			return 0, 0
		}
		return v, n
	}
	for n < min(len(b), 3) && b[n] >= '0' && b[n] <= '7' {
		v = v<<3 | (b[n] - '0')
		n++
	}
	return v, n
}

// copied delivers the next value of COPY.
func (p *parser) copied() bool {
	b := p.data[p.pos:]
	if p.value == 0 {
		if !p.need(4) {
			return false
		}
		if bytes.HasPrefix(b, []byte(`\.`)) {
			p.mode, p.until = start, "\n"
			return true
		}
	}
	n := 0
	e := escapes{copied: true}
	for n < len(b) && b[n] != '\t' && b[n] != '\n' {
		if b[n] == '\\' {
			e.backslash = true
			n++
		}
		n++
	}
	if n >= len(b) && p.end == nil {
		if len(p.data)-p.pos > extract.WindowSize/2 {
			p.quote, p.backslash, p.hidden = 0, true, false
			p.longValue()
			return true
		}
		return false
	}
	n = min(n, len(b))
	stop := n
	if n < len(b) && b[n] == '\n' && n > 0 && b[n-1] == '\r' {
		stop--
	}
	if value := b[:stop]; len(value) > 0 && string(value) != `\N` {
		p.deliver(p.pos, p.pos+stop, e, false)
	}
	p.value++
	if n < len(b) && b[n] == '\n' {
		p.value, p.label = 0, p.label[:0]
	}
	p.pos = min(p.pos+n+1, len(p.data))
	p.open = p.pos
	return true
}

// copyLine goes behind a line of COPY.
func (p *parser) copyLine() bool {
	b := p.data[p.pos:]
	n := bytes.IndexByte(b, '\n')
	if n < 0 {
		if len(b) < extract.WindowSize/2 {
			return false
		}
		p.pos = len(p.data) - 8
		for !utf8.RuneStart(p.data[p.pos]) {
			p.pos--
		}
		return false
	}
	p.pos += n + 1
	if bytes.HasPrefix(b, []byte(`\.`)) {
		p.mode = start
	}
	return true
}

// longValue begins a value that fills the window: it is delivered in pieces.
func (p *parser) longValue() {
	p.after = p.mode
	p.mode = long
	p.gap(p.pos)
	p.begin(p.pos)
	p.label = p.label[:0]
	p.field = p.fieldOf(maxLabelled + 1)
}

// tooLong passes over bytes in hexadecimal that fill the window, and gives up with any other word.
func (p *parser) tooLong() {
	p.mode = lost
	if bytes.HasPrefix(p.data[p.pos:], []byte("0x")) {
		p.gap(p.pos)
		p.pos += 2
		p.mode = digits
	}
}

// digits goes to the end of bytes in hexadecimal.
func (p *parser) digits() bool {
	for ; p.pos < len(p.data); p.pos++ {
		if !isWord(p.data[p.pos]) {
			p.mode = row
			break
		}
	}
	p.gap(p.pos)
	return p.mode == row
}

// long delivers the next piece of a long value.
func (p *parser) long() bool {
	var stop int
	var closed bool
	e := escapes{copied: true}
	if p.quote != 0 {
		stop, closed, e = p.scan(p.pos, p.quote, p.backslash)
	} else {
		for stop = p.pos; stop < len(p.data); stop++ {
			c := p.data[stop]
			if closed = c == '\t' || c == '\n'; closed {
				break
			}
			if c == '\\' {
				if stop+5 > len(p.data) && p.end == nil {
					break
				}
				e.backslash = true
				stop++
			}
		}
		stop = min(stop, len(p.data))
		closed = closed || p.end != nil
	}
	if !closed {
		if stop-p.pos < extract.WindowSize/4 {
			return false
		}
		for stop > p.pos && stop < len(p.data) && !utf8.RuneStart(p.data[stop]) {
			stop--
		}
	}
	from := p.pos
	p.count(stop)
	end := stop
	if e.any() {
		end = p.unescape(from, stop, e)
		fill(p.data[end:stop])
	}
	if p.hidden {
		fill(p.data[from:stop])
		end = from
	}
	if !p.hidden {
		p.batch.Add(from, end, p.field, p.row, p.index(), !closed)
	}
	p.pos = stop
	p.open = p.pos
	if !closed {
		if err := p.batch.Flush(p.open); err != nil {
			p.end = err
		}
		return true
	}
	p.mode = p.after
	if p.quote == 0 {
		p.value++
		if p.pos < len(p.data) && p.data[p.pos] == '\n' {
			p.value = 0
		}
	}
	p.pos = min(p.pos+1, len(p.data))
	p.open = p.pos
	return true
}
