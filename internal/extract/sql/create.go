package sql

import "strings"

// A Create is what a CREATE TABLE or CREATE VIRTUAL TABLE statement says of its table, as far as reading its rows needs it.
type Create struct {
	// Name is the table's, without its schema.
	Name    string
	Columns []Column
	// Key holds the names of the primary key's columns.
	Key []string
	// WithoutRowid is SQLite's: rows are stored by their key.
	WithoutRowid bool
	// Module and Arguments are those of a virtual table of SQLite; an argument is the text between its commas.
	Module    string
	Arguments []string
}

// A Column is a column's name and the properties that change how SQLite stores it.
type Column struct {
	Name string
	// Integer says that the type is exactly INTEGER, Descending that the column is declared PRIMARY KEY DESC, Virtual that it is computed and
	// not stored, Generated that it is computed, stored or not: dumps leave it out.
	Integer, Descending, Virtual, Generated bool
}

// A kind says what a token is.
type kind uint8

const (
	ended  kind = iota
	word        // an identifier or keyword without quotes, or a number
	quoted      // an identifier in "", `` or []
	str         // a string in ''
	punct
)

// A token is a piece of a statement; text is without quotes.
type token struct {
	kind kind
	text string
}

func (t token) is(keyword string) bool { return t.kind == word && strings.EqualFold(t.text, keyword) }

func (t token) isPunct(c byte) bool { return t.kind == punct && t.text[0] == c }

// named says that the token can name something: SQLite takes strings for identifiers, too.
func (t token) named() bool { return t.kind == word || t.kind == quoted || t.kind == str }

// A lexer splits a statement into tokens; comments are left out.
type lexer struct {
	s  string
	at int
}

func (l *lexer) next() token {
	for l.at < len(l.s) {
		switch c := l.s[l.at]; {
		case c <= ' ':
			l.at++
		case c == '-' && strings.HasPrefix(l.s[l.at:], "--"):
			l.at = l.behind("\n", l.at)
		case c == '/' && strings.HasPrefix(l.s[l.at:], "/*"):
			l.at = l.behind("*/", l.at+2)
		case c == '\'':
			return token{str, l.quote('\'')}
		case c == '"' || c == '`':
			return token{quoted, l.quote(c)}
		case c == '[':
			from := l.at + 1
			l.at = l.behind("]", from)
			return token{quoted, strings.TrimSuffix(l.s[from:l.at], "]")}
		case isWord(c):
			from := l.at
			for l.at < len(l.s) && isWord(l.s[l.at]) {
				l.at++
			}
			return token{word, l.s[from:l.at]}
		default:
			l.at++
			return token{punct, l.s[l.at-1 : l.at]}
		}
	}
	return token{}
}

func (l *lexer) behind(end string, from int) int {
	if i := strings.Index(l.s[from:], end); i >= 0 {
		return from + i + len(end)
	}
	return len(l.s)
}

// quote reads to the closing quote; a doubled one stands for itself.
func (l *lexer) quote(q byte) string {
	from, doubled := l.at+1, false
	for i := from; i < len(l.s); i++ {
		if l.s[i] != q {
			continue
		}
		if i+1 < len(l.s) && l.s[i+1] == q {
			doubled = true
			i++
			continue
		}
		l.at = i + 1
		return undouble(l.s[from:i], q, doubled)
	}
	l.at = len(l.s)
	return undouble(l.s[from:], q, doubled)
}

func undouble(s string, q byte, doubled bool) string {
	if !doubled {
		return s
	}
	return strings.ReplaceAll(s, string([]byte{q, q}), string(q))
}

func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '$' || c >= 0x80
}

// ParseCreate reads the statement that makes a table, in any of the usual dialects. It says false when it is none; what it does not
// understand of one it passes over.
func ParseCreate(statement string) (Create, bool) {
	l := &lexer{s: statement}
	var c Create
	if !l.next().is("CREATE") {
		return c, false
	}
	virtual := false
	t := l.next()
	for n := 0; n < 4 && t.kind == word && !t.is("TABLE"); n++ { // OR REPLACE, GLOBAL TEMPORARY, UNLOGGED, VIRTUAL
		virtual = virtual || t.is("VIRTUAL")
		t = l.next()
	}
	if !t.is("TABLE") {
		return c, false
	}
	t = l.next()
	if t.is("IF") {
		l.next()
		l.next()
		t = l.next()
	}
	for t.named() {
		c.Name = t.text
		if t = l.next(); !t.isPunct('.') {
			break
		}
		t = l.next()
	}
	if virtual {
		return c, c.Name != "" && t.is("USING") && c.module(l)
	}
	if c.Name == "" || !t.isPunct('(') {
		return c, false
	}
	for c.definition(l) {
	}
	for t := l.next(); t.kind != ended; t = l.next() {
		if t.is("WITHOUT") && l.next().is("ROWID") {
			c.WithoutRowid = true
		}
	}
	return c, len(c.Columns) > 0
}

// definition reads the next column or constraint and says whether another one follows.
func (c *Create) definition(l *lexer) bool {
	t := l.next()
	if t.kind == word {
		switch strings.ToUpper(t.text) {
		case "CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN", "KEY", "INDEX", "FULLTEXT", "SPATIAL", "EXCLUDE", "LIKE", "PERIOD":
			// KEY and the like can name columns as well: then a type follows, and no name or list.
			return c.constraint(l, t)
		}
	}
	if !t.named() {
		return !t.isPunct(')') && t.kind != ended && c.rest(l, nil)
	}
	c.Columns = append(c.Columns, Column{Name: t.text})
	return c.rest(l, &c.Columns[len(c.Columns)-1])
}

// rest reads a definition to its end.
func (c *Create) rest(l *lexer, col *Column) bool {
	var typed, previous token
	stored := false
	for n, depth := 0, 0; ; n++ {
		t := l.next()
		switch {
		case t.kind == ended:
			return false
		case t.isPunct('('):
			if depth == 0 && col != nil && previous.is("AS") {
				col.Virtual, col.Generated = true, true
			}
			depth++
		case t.isPunct(')'):
			if depth--; depth < 0 {
				if col != nil && stored {
					col.Virtual = false
				}
				return false
			}
		case t.isPunct(',') && depth == 0:
			if col != nil && stored {
				col.Virtual = false
			}
			return true
		case depth > 0 || col == nil:
		case n == 0:
			typed = t
			col.Integer = t.named() && strings.EqualFold(t.text, "INTEGER")
		case n == 1 && typed.kind == word && !isConstraint(t):
			col.Integer = false // a type of several words, or with a length
		case t.is("STORED"), t.is("PERSISTENT"):
			stored = true
		}
		if depth == 0 && col != nil {
			if t.is("KEY") && previous.is("PRIMARY") {
				c.Key = append(c.Key[:0], col.Name)
			}
			if t.is("DESC") && previous.is("KEY") {
				col.Descending = true
			}
		}
		if depth == 1 && n == 1 && col != nil && t.isPunct('(') {
			col.Integer = false
		}
		previous = t
	}
}

func isConstraint(t token) bool {
	switch strings.ToUpper(t.text) {
	case "CONSTRAINT", "PRIMARY", "NOT", "NULL", "UNIQUE", "CHECK", "DEFAULT", "COLLATE", "REFERENCES", "GENERATED", "AS", "AUTO_INCREMENT", "COMMENT":
		return t.kind == word
	}
	return false
}

// constraint reads a constraint of the table, or a column that is called like one.
func (c *Create) constraint(l *lexer, first token) bool {
	from := l.at
	t := l.next()
	ambiguous := first.is("KEY") || first.is("INDEX") || first.is("PERIOD") || first.is("LIKE")
	if ambiguous && t.kind == word {
		if next := l.next(); !next.isPunct('(') && !next.is("USING") || isType(t.text) {
			l.at = from
			c.Columns = append(c.Columns, Column{Name: first.text})
			return c.rest(l, &c.Columns[len(c.Columns)-1])
		}
	}
	l.at = from
	if first.is("CONSTRAINT") {
		l.next()
		first = l.next()
	}
	if !first.is("PRIMARY") {
		return c.rest(l, nil)
	}
	if l.next(); !l.open() {
		return false
	}
	c.Key = c.Key[:0]
	for depth, start := 1, true; ; {
		t := l.next()
		switch {
		case t.kind == ended:
			return false
		case t.isPunct('('):
			depth++
		case t.isPunct(')'):
			if depth--; depth == 0 {
				return c.rest(l, nil)
			}
		case t.isPunct(',') && depth == 1:
			start = true
			continue
		case start && t.named():
			c.Key = append(c.Key, t.text)
		}
		start = false
	}
}

// open goes behind the next opening parenthesis.
func (l *lexer) open() bool {
	for t := l.next(); t.kind != ended; t = l.next() {
		if t.isPunct('(') {
			return true
		}
	}
	return false
}

func isType(s string) bool {
	switch strings.ToUpper(s) {
	case "TEXT", "VARCHAR", "VARCHAR2", "NVARCHAR", "CHAR", "INTEGER", "INT", "BIGINT", "SMALLINT", "NUMERIC", "DECIMAL", "NUMBER", "REAL", "BLOB", "DATE", "BINARY", "VARBINARY":
		return true
	}
	return false
}

// module reads the arguments of a virtual table.
func (c *Create) module(l *lexer) bool {
	c.Module = strings.ToLower(l.next().text)
	if !l.next().isPunct('(') {
		return c.Module != ""
	}
	for from, depth := l.at, 1; ; {
		t := l.next()
		switch {
		case t.isPunct('('):
			depth++
		case t.isPunct(')'):
			depth--
		}
		if t.kind == ended || depth == 0 || t.isPunct(',') && depth == 1 {
			end := l.at
			if t.kind != ended {
				end--
			}
			c.Arguments = append(c.Arguments, strings.TrimSpace(l.s[from:max(from, end)]))
			from = l.at
			if t.kind == ended || depth == 0 {
				return true
			}
		}
	}
}

// FirstName returns the name with which a text begins.
func FirstName(s string) string {
	t := (&lexer{s: s}).next()
	if !t.named() {
		return ""
	}
	return t.text
}
