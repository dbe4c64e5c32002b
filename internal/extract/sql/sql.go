// Package sql reads dumps of databases: files of SQL statements.
//
// A dump is text to people, so places are lines. The values of INSERT and of PostgreSQL's COPY have the table's and the column's name as their
// context: the names that the statement lists, or those of the CREATE TABLE that was seen before. Escapes are undone. All other text is
// delivered as it is written; so is a statement whose columns nobody names, and all that follows what cannot be understood.
package sql

import (
	"bytes"
	"strings"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/text"
)

// Format is a dump in the dialects of MySQL and MariaDB, PostgreSQL, SQLite, SQL Server and Oracle.
var Format = extract.Format{
	Name: "sql",
	MIME: "application/sql",
	About: extract.About{
		Title: "SQL dumps",
		Reads: "Values of INSERT, REPLACE and COPY with the names of table and column as context, their escapes undone, bytes in hexadecimal that are text " +
			"decoded; all other statements and comments as text. A value in a table of few columns has the one before it as context, too.",
		Leaves:  "Bytes that are no text; NULL.",
		Sniffed: "Nothing but statements from the beginning, one of which holds rows.",
		Places:  "Lines with the column of the first character.",
	},
	Extensions: []string{"sql", "dump", "ddl", "psql", "mysql", "pgsql"},
	Kind:       text.Lines,
	MaxBytes:   20 * extract.GB,
	Match:      match,
	Extract: func(in *extract.Input, out *extract.Output) error {
		p := &parser{w: in.Text(), batch: extract.NewBatch(out, text.Lines), line: 1, tables: map[string]*table{}}
		return p.run()
	},
}

// beginnings are the words with which statements of dumps begin.
var beginnings = func() map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(`SET CREATE DROP INSERT BEGIN START PRAGMA USE LOCK UNLOCK ALTER COPY SELECT REPLACE DELETE UPDATE TRUNCATE COMMIT GO DECLARE
		REM PROMPT IF PRINT GRANT REVOKE COMMENT END ROLLBACK SAVEPOINT ANALYZE VACUUM DELIMITER DO EXEC WITH CALL SHOW SECURITY REINDEX EXECUTE MERGE`) {
		m[w] = true
	}
	return m
}()

// match walks through the statements at the beginning. Source code that holds statements does not begin with one, and a text that does goes on
// with other words.
func match(h *extract.Head) extract.Score {
	b := h.Text
	if b == nil {
		return extract.No
	}
	rows, statements, others := 0, 0, 0
	for len(b) > 0 && rows < 3 && statements < 200 {
		b = skipBlanks(b)
		if len(b) == 0 {
			break
		}
		if b[0] == '\\' || b[0] == '/' && len(b) > 1 && b[1] <= ' ' { // a command of psql; the slash of SQL*Plus
			b = behindLine(b)
			continue
		}
		if b[0] == ';' {
			b = b[1:]
			continue
		}
		n := wordLen(b)
		if !beginnings[strings.ToUpper(string(b[:min(n, 16)]))] {
			if others++; statements == 0 || others > 1+statements/10 {
				return extract.No
			}
		}
		statements++
		head, whole := b[:min(len(b), 16<<10)], h.Whole
		if hasRows(head) {
			rows++
		}
		if b = behindStatement(b); b == nil && !whole {
			break
		}
	}
	switch {
	case rows > 0:
		return extract.Certain
	case statements > 0 && isDump(h.Text):
		return extract.Certain // the rows come later
	}
	return extract.No
}

// isDump looks for the words with which the usual programs begin.
func isDump(b []byte) bool {
	b = b[:min(len(b), 1<<10)]
	for _, s := range []string{"PostgreSQL database dump", "MySQL dump", "MariaDB dump", "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;", "phpMyAdmin SQL Dump"} {
		if bytes.Contains(b, []byte(s)) {
			return true
		}
	}
	return false
}

// hasRows says that a statement begins which holds rows.
func hasRows(b []byte) bool {
	if _, n := insertHead(b); n > 0 {
		return true
	}
	_, n := copyHead(b)
	return n > 0
}

func wordLen(b []byte) int {
	n := 0
	for n < len(b) && isWord(b[n]) {
		n++
	}
	return n
}

func behindLine(b []byte) []byte {
	n := bytes.IndexByte(b, '\n')
	if n < 0 {
		return nil
	}
	return b[n+1:]
}

// skipBlanks goes behind white space and comments.
func skipBlanks(b []byte) []byte {
	for len(b) > 0 {
		switch {
		case b[0] <= ' ':
			b = b[1:]
		case bytes.HasPrefix(b, []byte("--")):
			b = behindLine(b)
		case bytes.HasPrefix(b, []byte("/*")):
			n := bytes.Index(b, []byte("*/"))
			if n < 0 {
				return nil
			}
			b = b[n+2:]
		default:
			return b
		}
	}
	return b
}

// behindStatement goes to the next statement, roughly; nil if there is none.
func behindStatement(b []byte) []byte {
	if _, n := copyHead(b); n > 0 {
		if i := bytes.Index(b, []byte("\n\\.")); i >= 0 {
			return behindLine(b[i+1:])
		}
		return nil
	}
	for i := 0; i < len(b); i++ {
		switch c := b[i]; c {
		case ';':
			return b[i+1:]
		case '\'', '"', '`':
			n := bytes.IndexByte(b[i+1:], c)
			if n < 0 {
				return nil
			}
			i += n + 1
		case '\n':
			if line := b[i+1:]; len(line) > 3 && strings.EqualFold(string(line[:2]), "go") && line[2] <= ' ' || startsRows(line) {
				return line
			}
		}
	}
	return nil
}

// startsRows says that a line begins like a statement with rows, which some dialects do not end with a semicolon.
func startsRows(line []byte) bool {
	return len(line) > 7 && line[0]|0x20 == 'i' && strings.EqualFold(string(line[:6]), "insert") && line[6] <= ' '
}

// A head is what stands before the rows.
type head struct {
	table   string
	columns []string
	listed  bool
}

const (
	usualHead = 1 << 10
	maxHead   = 48 << 10
)

// insertHead reads INSERT or REPLACE up to VALUES and says how long that is, 0 if it is something else.
func insertHead(b []byte) (head, int) {
	if len(b) < 6 || b[0]|0x20 != 'i' && b[0]|0x20 != 'r' {
		return head{}, 0
	}
	if w := string(b[:wordLen(b[:min(len(b), 16)])]); !strings.EqualFold(w, "INSERT") && !strings.EqualFold(w, "REPLACE") {
		return head{}, 0
	}
	for _, limit := range []int{usualHead, maxHead} {
		l := &lexer{s: string(b[:min(len(b), limit)])}
		h, ok := l.insert()
		if ok {
			return h, l.at
		}
		if l.at < len(l.s) || len(b) <= limit {
			break
		}
	}
	return head{}, 0
}

func (l *lexer) insert() (h head, ok bool) {
	l.next()
	t := l.next()
	for n := 0; n < 6 && t.kind == word; n++ {
		switch strings.ToUpper(t.text) {
		case "OR", "IGNORE", "REPLACE", "ABORT", "FAIL", "ROLLBACK", "LOW_PRIORITY", "HIGH_PRIORITY", "DELAYED":
			t = l.next()
			continue
		case "INTO":
			t = l.next()
		}
		break
	}
	if h.table, t = l.name(t); h.table == "" {
		return h, false
	}
	if t.isPunct('(') {
		h.listed = true
		for t = l.next(); t.kind != ended && !t.isPunct(')'); t = l.next() {
			if t.named() {
				h.columns = append(h.columns, t.text)
			} else if !t.isPunct(',') {
				return h, false
			}
		}
		t = l.next()
	}
	if t.is("OVERRIDING") {
		l.next()
		l.next()
		t = l.next()
	}
	return h, t.is("VALUES") || t.is("VALUE")
}

// name reads a name with its schema before it, of which it returns the last part, and the token behind it.
func (l *lexer) name(t token) (name string, behind token) {
	for t.kind == word || t.kind == quoted {
		name = t.text
		if t = l.next(); !t.isPunct('.') {
			break
		}
		t = l.next()
	}
	return name, t
}

// copyHead reads PostgreSQL's COPY up to the end of its line and says how long that is.
func copyHead(b []byte) (head, int) {
	if len(b) < 5 || !strings.EqualFold(string(b[:4]), "COPY") || b[4] > ' ' {
		return head{}, 0
	}
	n := bytes.Index(b[:min(len(b), maxHead)], []byte(";"))
	if n < 0 {
		return head{}, 0
	}
	end := bytes.IndexByte(b[n:], '\n')
	if end < 0 || len(bytes.TrimSpace(b[n+1:n+end])) > 0 {
		return head{}, 0
	}
	l := &lexer{s: string(b[:n])}
	l.next()
	var h head
	var t token
	if h.table, t = l.name(l.next()); h.table == "" {
		return h, 0
	}
	if t.isPunct('(') {
		h.listed = true
		for t = l.next(); t.kind != ended && !t.isPunct(')'); t = l.next() {
			if t.named() {
				h.columns = append(h.columns, t.text)
			}
		}
		t = l.next()
	}
	// Rows in another format than usual are text.
	if !t.is("FROM") || !l.next().is("STDIN") || l.next().kind != ended {
		return h, 0
	}
	return h, n + end + 1
}
