package iam

import (
	"fmt"
	"sort"
	"sync"
	"unicode/utf8"
)

// Span is a stretch of a policy's text, in bytes: from Start to before End. The span of a string includes its quotes. The zero Span belongs
// to what no text holds.
type Span struct {
	Start, End int
}

// Position is a place in a policy's text as ValidatePolicy counts (access-analyzer.md 7.1): lines from 1, columns from 0 in characters.
type Position struct {
	Byte   int // from 0
	Offset int // in characters, from 0
	Line   int
	Column int
}

// String writes line and column as editors count them, both from 1.
func (p Position) String() string {
	return fmt.Sprintf("line %d, column %d", p.Line, p.Column+1)
}

// A source is the text of a policy with what finds places in it.
type source struct {
	text  string
	root  *node
	marks func() []Position
}

func newSource(text string) *source {
	s := &source{text: text}
	s.marks = sync.OnceValue(s.survey)
	return s
}

// survey notes the position of each line's start and of places in long lines, so that no position is far from a known one.
func (s *source) survey() []Position {
	const far = 1 << 10
	marks := []Position{{Line: 1}}
	at := marks[0]
	for at.Byte < len(s.text) {
		r, width := utf8.DecodeRuneInString(s.text[at.Byte:])
		at.Byte, at.Offset, at.Column = at.Byte+width, at.Offset+1, at.Column+1
		if r == '\n' {
			at.Line, at.Column = at.Line+1, 0
		}
		if r == '\n' || at.Byte-marks[len(marks)-1].Byte >= far {
			marks = append(marks, at)
		}
	}
	return marks
}

func (s *source) position(offset int) Position {
	marks := s.marks()
	at := marks[sort.Search(len(marks), func(i int) bool { return marks[i].Byte > offset })-1]
	for at.Byte < offset && at.Byte < len(s.text) { // no line break lies between
		_, width := utf8.DecodeRuneInString(s.text[at.Byte:])
		at.Byte, at.Offset, at.Column = at.Byte+width, at.Offset+1, at.Column+1
	}
	return at
}
