package custom

import (
	"bytes"
	"slices"
	"unicode/utf8"

	"github.com/magpie-sec/magpie/internal/text"
)

// A Match is a value that was found.
type Match struct {
	Definition *Definition
	Location   text.Location
	// Text is the value as it is written. It is valid during the call that delivers it.
	Text []byte
}

// A Scanner reads the blocks of a document and delivers the matches, those of each definition in the order in which they stand. It belongs
// to one goroutine. Its memory is bounded whatever it reads: running text and values that come in pieces pass through a window of fixed
// size, complete values are read where they are. What is found does not depend on how the text is cut into blocks.
type Scanner struct {
	e     *Engine
	emit  func(Match)
	rules []ruleState
	// active are the rules that have anything to look for in the unit at hand: those without keywords, and those whose keywords were met.
	active []int32
	unit   int64 // counts the units

	// The text at hand begins at position base of the unit it belongs to: the document's running text, or a value.
	window []byte
	base   int64
	heard  int64 // how far keywords were looked for
	begun  int64 // where the unit, or this stretch of it, begins
	piece  bool  // window belongs to a value in pieces, not to running text

	// Where the unit at hand stands.
	kind    text.Kind
	row     int64
	place   *text.Field
	indexes []int64
	counts  bool        // lines and columns are wanted
	lines   lineCounter // at base
	running bool        // the unit is the document's running text

	runningBase  int64
	runningLines lineCounter

	fields fieldCache
}

// A ruleState is how far a scanner is with a rule.
type ruleState struct {
	unit    int64    // that the rest is about
	matcher *matcher // nil until there is something to match
	pos     int64    // matches that begin before were dealt with
	paid    int64    // how far the text counts in the budget
	ends    []int64  // of the keywords that were not dealt with
	// named says that a keyword stands in the name of the field.
	named bool
}

// hear remembers the end of a keyword. They come nearly in order: one keyword may stand inside another.
func (r *ruleState) hear(end int64) {
	at := len(r.ends)
	for at > 0 && r.ends[at-1] > end {
		at--
	}
	if at == 0 || r.ends[at-1] != end {
		r.ends = slices.Insert(r.ends, at, end)
	}
}

// NewScanner returns a scanner that delivers to emit.
func (e *Engine) NewScanner(emit func(Match)) *Scanner {
	s := &Scanner{e: e, rules: make([]ruleState, len(e.rules))}
	s.Reset(emit)
	return s
}

// Reset drops what is left of a document and makes the scanner ready for the next, delivered to emit.
func (s *Scanner) Reset(emit func(Match)) {
	s.emit = emit
	s.window = s.window[:0]
	s.piece, s.running = false, false
	s.runningBase, s.runningLines = 0, lineCounter{line: 1}
	s.fields.reset()
	for i := range s.rules {
		if m := s.rules[i].matcher; m != nil {
			m.reset()
		}
	}
}

// Exhausted returns the definitions that were not looked for to the end of the document because the work on it grew beyond all bounds.
func (s *Scanner) Exhausted() []*Definition {
	var out []*Definition
	for i := range s.rules {
		if m := s.rules[i].matcher; m != nil && m.exhausted() {
			out = append(out, s.e.rules[i].Definition)
		}
	}
	return out
}

// Write reads the next block of the document. It keeps none of the block's memory but the fields.
func (s *Scanner) Write(b *text.Block) {
	if len(b.Segments) == 0 {
		if s.piece {
			s.flush()
		}
		if len(b.Text) == 0 {
			return
		}
		if !s.running {
			s.begin(s.runningBase, text.Lines, 0, nil)
			s.lines = s.runningLines
			s.running, s.counts = true, true
		}
		s.fill(b.Text)
		return
	}
	s.pause()
	for i := range b.Segments {
		s.segment(b, &b.Segments[i])
	}
}

// Close reads what is still held, as the document ends here. The scanner may be used again after Reset.
func (s *Scanner) Close() {
	s.pause()
	if s.piece {
		s.flush()
	}
}

// pause ends a stretch of running text.
func (s *Scanner) pause() {
	if s.running {
		n := len(s.window)
		s.flush()
		s.runningBase = s.base + int64(n)
		s.lines.advance(s.window[:n])
		s.runningLines = s.lines
		s.running = false
	}
}

func (s *Scanner) segment(b *text.Block, seg *text.Segment) {
	t := b.Text[seg.Start:seg.End]
	if s.piece {
		s.fill(t)
		if !seg.More {
			s.flush()
		}
		return
	}
	s.begin(0, b.Kind, seg.Row, seg.Field)
	s.indexes = s.indexes[:0]
	if f := seg.Field; f != nil {
		if f.Arrays > 0 {
			s.indexes = append(s.indexes, b.Indexes[seg.Index:][:f.Arrays]...)
		}
	}
	if s.counts = b.Kind == text.Lines || seg.Field == nil && b.Kind != text.Pages; s.counts {
		s.lines = lineCounter{line: max(seg.Row, 1)}
		if b.Kind == text.Lines {
			s.lines.column = int64(seg.Index)
		}
		s.kind, s.row = text.Lines, 0
	}
	if seg.More {
		s.piece = true
		s.fill(t)
		return
	}
	s.read(t, true)
}

// begin makes ready for a unit, or for the stretch of the running text that begins at position base.
func (s *Scanner) begin(base int64, kind text.Kind, row int64, field *text.Field) {
	s.base, s.heard, s.begun = base, base, base
	s.kind, s.row, s.place, s.counts = kind, row, field, false
	s.window = s.window[:0]
	var named []int32
	if field != nil && s.e.keyed {
		named = s.fields.get(&s.e.keywords, field)
	}
	s.unit++
	s.active = s.active[:0]
	for _, i := range s.e.free {
		s.activate(i)
	}
	for _, i := range named {
		if r := s.activate(i); kind == text.Cells {
			r.named = true
		} else {
			r.hear(0)
		}
	}
}

// activate returns the state of a rule, ready for the unit at hand.
func (s *Scanner) activate(i int32) *ruleState {
	r := &s.rules[i]
	if r.unit != s.unit {
		r.unit, r.pos, r.paid, r.ends, r.named = s.unit, s.begun, s.begun, r.ends[:0], false
		s.active = append(s.active, i)
	}
	return r
}

// fill appends t to the window and reads whatever the window cannot hold.
func (s *Scanner) fill(t []byte) {
	if cap(s.window) == 0 {
		s.window = make([]byte, 0, s.e.window)
	}
	for len(t) > 0 {
		n := min(len(t), s.e.window-len(s.window))
		s.window = append(s.window, t[:n]...)
		t = t[n:]
		if len(s.window) == s.e.window && len(t) > 0 {
			s.slide()
		}
	}
}

// slide reads the full window as far as one may without seeing what follows, and drops what is not needed any more.
func (s *Scanner) slide() {
	drop := s.read(s.window, false) - utf8.UTFMax
	if s.counts {
		s.lines.advance(s.window[:drop])
	}
	s.window = s.window[:copy(s.window, s.window[drop:])]
	s.base += int64(drop)
}

// flush reads the rest of the window as the end of its unit.
func (s *Scanner) flush() {
	s.read(s.window, true)
	s.piece = false
}

// read looks for all rules in the text at hand, and returns how far. Unless final, the unit goes on behind t.
func (s *Scanner) read(t []byte, final bool) int {
	e := s.e
	limit, heard := len(t), len(t)
	if !final {
		limit = nextCharacter(t, len(t)-e.margin)
		heard = nextCharacter(t, len(t)-e.keywords.longest)
	}
	if e.keyed {
		e.keywords.scan(t, int(s.heard-s.base), heard, func(rules []int32, end int) {
			for _, i := range rules {
				s.activate(i).hear(s.base + int64(end))
			}
		})
		s.heard = s.base + int64(heard)
	}
	r := reading{t: t, first: s.base == 0, final: final}
	for _, i := range s.active {
		st, rule := &s.rules[i], &e.rules[i]
		free := len(rule.Keywords) == 0 || st.named
		if !free && len(st.ends) == 0 {
			continue
		}
		if st.matcher == nil {
			st.matcher = newMatcher(rule.program)
		}
		lines := s.lines
		st.matcher.allowed += stepsPerByte * (s.base + int64(limit) - st.paid)
		st.paid = s.base + int64(limit)
		if free {
			s.free(rule, st, r, limit, &lines)
		} else {
			s.behind(rule, st, r, limit, &lines)
		}
	}
	return limit
}

// free reports all matches that begin in the text before limit.
func (s *Scanner) free(rule *rule, st *ruleState, r reading, limit int, lines *lineCounter) {
	at := int(st.pos - s.base)
	for at < limit {
		start, end, ok := st.matcher.find(r, at, limit, len(r.t))
		if !ok {
			break
		}
		s.report(rule, r.t, start, end, lines)
		at = end
	}
	st.pos = s.base + int64(max(at, limit))
}

// behind reports the matches that end within the distance behind a keyword that ends at or before limit.
func (s *Scanner) behind(rule *rule, st *ruleState, r reading, limit int, lines *lineCounter) {
	done := 0
	for _, position := range st.ends {
		keyword := int(position - s.base)
		if keyword > limit {
			break
		}
		done++
		reach := keyword
		for n := 0; n < rule.distance && reach < len(r.t); n++ {
			_, size := utf8.DecodeRune(r.t[reach:])
			reach += size
		}
		at := max(keyword, int(st.pos-s.base))
		for at < reach {
			start, end, ok := st.matcher.find(r, at, reach, reach)
			if !ok || end > reach {
				break
			}
			s.report(rule, r.t, start, end, lines)
			at = end
			st.pos = s.base + int64(end)
		}
	}
	st.ends = st.ends[:copy(st.ends, st.ends[done:])]
}

// report delivers the match t[start:end] unless it contains an ignore word.
func (s *Scanner) report(rule *rule, t []byte, start, end int, lines *lineCounter) {
	for _, w := range rule.ignore {
		if bytes.Contains(t[start:end], w) {
			return
		}
	}
	m := Match{Definition: rule.Definition, Text: t[start:end], Location: text.Location{Kind: s.kind, Row: s.row, Field: s.place,
		Offset: s.base + int64(start), Length: int64(end - start)}}
	if s.counts {
		lines.advance(t[lines.at-s.base : start])
		m.Location.Line, m.Location.Column = lines.line, lines.column+1
		m.Location.EndLine = lines.line + int64(bytes.Count(m.Text, lineEnd))
	}
	if s.place != nil && len(s.indexes) > 0 {
		m.Location.Indexes = append([]int64(nil), s.indexes...)
	}
	s.emit(m)
}

var lineEnd = []byte{'\n'}

// A lineCounter knows line and column of a position that only moves forward.
type lineCounter struct {
	at     int64
	line   int64 // 1-based
	column int64 // characters before at on its line
}

// advance moves over t, which begins at the counter's position.
func (c *lineCounter) advance(t []byte) {
	c.at += int64(len(t))
	if n := bytes.Count(t, lineEnd); n > 0 {
		c.line += int64(n)
		c.column = 0
		t = t[bytes.LastIndexByte(t, '\n')+1:]
	}
	for _, b := range t {
		if utf8.RuneStart(b) {
			c.column++
		}
	}
}

// maxFields is how many fields a scanner remembers.
const maxFields = 4096

// fieldCache remembers which rules have a keyword in the names of a field.
type fieldCache struct {
	byField map[*text.Field]*fieldRules
	last    *fieldRules
}

type fieldRules struct {
	field *text.Field
	rules []int32
	next  *fieldRules // the field that followed last time: tables and records repeat their order
}

func (c *fieldCache) reset() {
	clear(c.byField)
	c.last = nil
}

func (c *fieldCache) get(ks *keywords, f *text.Field) []int32 {
	if c.last != nil && c.last.next != nil && c.last.next.field == f {
		c.last = c.last.next
		return c.last.rules
	}
	info := c.byField[f]
	if info == nil {
		if len(c.byField) == maxFields {
			c.reset()
		}
		if c.byField == nil {
			c.byField = map[*text.Field]*fieldRules{}
		}
		info = &fieldRules{field: f}
		known := map[int32]bool{}
		for _, name := range f.Names {
			ks.scan([]byte(name), 0, len(name), func(rules []int32, _ int) {
				for _, i := range rules {
					if !known[i] {
						known[i] = true
						info.rules = append(info.rules, i)
					}
				}
			})
		}
		c.byField[f] = info
	}
	if c.last != nil {
		c.last.next = info
	}
	c.last = info
	return info.rules
}
