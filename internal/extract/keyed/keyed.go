// Package keyed delivers texts of lines in which names stand above values (YAML, INI): all of the text as it is written, in stretches that
// share the names above them.
//
// A stretch is whole text, keys and comments included, so that what running text would tell of a value is told here, too. Its field adds
// what stands further up: the keys of a mapping's parents, the section.
package keyed

import (
	"bytes"
	"io"
	"unicode"
	"unicode/utf8"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/paths"
	"github.com/magpie-sec/magpie/internal/text"
)

const (
	// A stretch of at most short bytes has the last reach bytes of the text before it as its context, too: running text would go on there.
	short = 64
	reach = 32
)

// A Parser is told of the lines.
type Parser interface {
	// Line tells of a line, Text.Data()[from:to] with its end. It may change the line in place, not its line end. The end of a line that
	// fills the window is not told of.
	Line(from, to int)
}

// A Text is the document's text on its way through the window.
type Text struct {
	w      *extract.Window
	batch  *extract.Batch
	parser Parser
	data   []byte
	end    error // why nothing follows data, nil if something may
	err    error // of the output
	pos    int   // of the line that comes next
	inLine bool  // the rest of a line that was too long comes first

	// Where the text up to counted ends: the 1-based line, and the characters before it there.
	counted      int
	line, column int64

	// The stretch that is open.
	node    *paths.Node
	start   int
	row     int64
	before  int64
	chained bool // a piece of it was delivered
	held    int  // where lines begin that belong to what comes next, -1 for none
	near    []byte
	labels  paths.Labels
}

// Begin makes the text that of a document, of which the beginning belongs to the node. What a text that was used before keeps are the labels of
// nodes of the same tree.
func (t *Text) Begin(in *extract.Input, out *extract.Output, root *paths.Node) {
	*t = Text{w: in.Text(), batch: extract.NewBatch(out, text.Lines), node: root, held: -1, line: 1, row: 1, near: t.near[:0], labels: t.labels}
}

// End leaves what belongs to the document.
func (t *Text) End() { *t = Text{near: t.near[:0], labels: t.labels} }

// Data is the text in the window.
func (t *Text) Data() []byte { return t.data }

// Node is that of the stretch at hand.
func (t *Text) Node() *paths.Node { return t.node }

// Hold says that the text from a place on belongs to the next stretch that is put: comments stand above what they are about.
func (t *Text) Hold(at int) {
	if t.held < 0 {
		t.held = at
	}
}

// Put says that the text from a place on, with what was held, belongs to the node.
func (t *Text) Put(at int, n *paths.Node) {
	if t.held >= 0 {
		at = t.held
		t.held = -1
	}
	if n == t.node {
		return
	}
	t.close(at)
	t.node = n
}

// Run reads the document.
func (t *Text) Run(p Parser) error {
	t.parser = p
	t.next(0)
	for {
		t.lines()
		switch {
		case t.err != nil:
			return t.err
		case t.end != nil:
			if t.pos < len(t.data) && !t.inLine {
				t.parser.Line(t.pos, len(t.data))
			}
			t.close(len(t.data))
			if t.flush(len(t.data)); t.err != nil || t.end == io.EOF {
				return t.err
			}
			return t.end
		case len(t.data)-t.start > extract.WindowSize/2:
			t.piece()
		default:
			t.flush(t.start)
		}
		if t.err != nil {
			return t.err
		}
		t.next(len(t.data) - t.start)
	}
}

// next moves the window on, to the beginning of the open stretch.
func (t *Text) next(keep int) {
	moved := len(t.data) - keep
	t.data, t.end = t.w.Next(keep)
	t.pos -= moved
	t.start -= moved
	t.counted -= moved
	if t.held >= 0 {
		t.held -= moved
	}
	t.batch.Window(t.data)
}

// lines reads the lines that are whole.
func (t *Text) lines() {
	for t.err == nil {
		n := bytes.IndexByte(t.data[t.pos:], '\n')
		if n < 0 {
			return
		}
		from := t.pos
		t.pos += n + 1
		if t.inLine {
			t.inLine = false
			continue
		}
		t.parser.Line(from, t.pos)
		if t.batch.Full() {
			t.flush(t.start)
		}
	}
}

// piece delivers what there is of a long stretch, to the end of its last line if it has one.
func (t *Text) piece() {
	at := t.pos
	if at == t.start {
		at = len(t.data)
		t.pos, t.inLine = at, true
	}
	t.held = -1
	t.add(at, t.field(), true)
	t.chained = true
	t.start = at
	t.flush(at)
}

// close ends the open stretch at a place.
func (t *Text) close(at int) {
	if at > t.start || t.chained {
		f := t.field()
		if !t.chained && at-t.start <= short && paths.Wordy(t.near) {
			f = t.labels.Field(t.node, bytes.TrimSpace(t.near))
		}
		t.add(at, f, false)
	}
	t.start, t.chained = at, false
	t.count(at)
	t.row, t.before = t.line, t.column
}

func (t *Text) add(at int, f *text.Field, more bool) {
	t.batch.Add(t.start, at, f, t.row, int32(min(t.before, 1<<31-1)), more)
	if more {
		t.count(at)
	}
	t.keep(t.data[t.start:at])
}

// keep remembers the end of the text, in whole words.
func (t *Text) keep(b []byte) {
	cut := len(t.near)+len(b) > reach
	t.near = append(t.near, paths.Tail(b, reach)...)
	last := paths.Tail(t.near, reach)
	if cut {
		last = bytes.TrimLeftFunc(last, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) })
	}
	n := 0
	for _, c := range last { // last is the end of near: what is written stands before what is read
		switch {
		case c > ' ':
			t.near[n] = c
			n++
		case n > 0 && t.near[n-1] != ' ':
			t.near[n] = ' '
			n++
		}
	}
	t.near = t.near[:n]
}

// field returns the field of the open stretch, nil if no names stand above it.
func (t *Text) field() *text.Field {
	if t.node.IsRoot() {
		return nil
	}
	return t.node.Field()
}

// count moves line and column on to a place.
func (t *Text) count(at int) {
	b := t.data[t.counted:at]
	t.counted = at
	if n := bytes.Count(b, []byte{'\n'}); n > 0 {
		t.line += int64(n)
		t.column = 0
		b = b[bytes.LastIndexByte(b, '\n')+1:]
	}
	t.column += int64(utf8.RuneCount(b))
}

// flush delivers the stretches that end before a place.
func (t *Text) flush(at int) {
	if t.err == nil {
		t.err = t.batch.Flush(at)
	}
}
