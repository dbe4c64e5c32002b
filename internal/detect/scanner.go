package detect

import (
	"bytes"
	"math"
	"math/bits"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/magpie-sec/magpie/internal/text"
)

// A Match is a value that was found.
type Match struct {
	Identifier *Identifier
	Location   text.Location
	// Text is the value as it is written. It is valid during the call that delivers it.
	Text []byte
}

// A Scanner reads the blocks of a document and delivers the matches, in the order in which they begin; but the value of a layout with Around
// comes behind the Open ones that begin within it. It belongs to one goroutine. Its memory is bounded whatever it reads: running text and
// values that come in pieces pass through a window of fixed size, complete values are read where they are.
type Scanner struct {
	e    *Engine
	emit func(Match)

	// The text at hand. Positions in the scanner's own count are base + index; the count never goes back, so that keywords of an earlier
	// value are out of reach by their position alone.
	window []byte // running text or the pieces of one value; nil until the first
	base   int64  // position of the first byte of the text at hand
	pos    int    // where to go on in window
	midRun bool   // the window ended within a run that goes on at pos
	first  bool   // window holds the value from its first byte
	piece  bool   // window belongs to a value in pieces, not to running text
	next   int64  // position for the next value

	// Where the value at hand stands.
	origin  int64 // position of its first byte; for running text, of the document's
	kind    text.Kind
	row     int64
	place   *text.Field
	indexes []int64 // of the value, a copy
	lines   lineCounter
	counts  bool // lines and columns are wanted

	runningLines lineCounter
	runningRead  int64

	// Keywords.
	field       *fieldInfo
	fieldFilter uint64
	active      uint64   // bits of the groups whose keywords may be in reach, up to activeEnd
	groups      groupSet // these, and those of the field
	activeEnd   int64
	listening   bool    // layouts that need a keyword have to be tried: for a field's name, or until stillListens knows better
	sureEnd     int64   // up to where this is sure, without a count of characters; at most activeEnd
	lastEnd     int64   // of the keywords that were heard
	heard       []heard // by group
	hits        []hit
	fields      fieldCache
	forms       formMemory

	// lastBytes are those of the last stretch of a text, and looksAt by dispatch.looks where the next such byte stands in the text at hand.
	stretch   stretch
	lastBytes stretchBytes
	looksAt   []int
	looksNext int // the least of them, plus 1
	found     []candidate
	claimed   int64 // end of the last span that a match claims
	opened    int64 // how far the tail of an Open layout has read
	compact   []byte
}

// A heard holds the last keyword of a group in text, and the one before it; before.end is beyond any text if that overlaps the last.
type heard struct{ last, before nearness }

// NewScanner returns a scanner that delivers to emit.
func (e *Engine) NewScanner(emit func(Match)) *Scanner {
	s := &Scanner{e: e, heard: make([]heard, e.groups), found: make([]candidate, 0, 64), compact: make([]byte, 0, e.longestShape),
		looksAt: make([]int, len(e.dispatch.looks))}
	s.Reset(emit)
	return s
}

// Reset drops what is left of a document and makes the scanner ready for the next, delivered to emit.
func (s *Scanner) Reset(emit func(Match)) {
	s.emit = emit
	s.window = s.window[:0]
	s.pos, s.midRun, s.first, s.piece = 0, false, true, false
	s.next = s.e.reach + 1
	s.base = s.next
	s.runningRead = 0
	s.runningLines = lineCounter{line: 1}
	s.active, s.activeEnd, s.sureEnd, s.lastEnd, s.claimed, s.opened = 0, 0, 0, 0, 0, 0
	s.field, s.fieldFilter, s.listening = nil, 0, false
	s.fields.reset()
	for i := range s.heard {
		never := nearness{start: -1, end: -1 - s.e.reach}
		s.heard[i] = heard{last: never, before: never}
	}
}

// Write reads the next block of the document. It keeps none of the block's memory but the fields.
func (s *Scanner) Write(b *text.Block) {
	if len(b.Segments) == 0 {
		s.writeRunning(b.Text)
		return
	}
	if len(s.window) > 0 && !s.piece {
		s.flush()
	}
	for i := range b.Segments {
		seg := &b.Segments[i]
		t := b.Text[seg.Start:seg.End]
		if s.piece {
			s.fill(t)
			if !seg.More {
				s.flush()
			}
			continue
		}
		var info *fieldInfo
		if seg.Field != nil {
			info = s.fields.get(s.e, seg.Field)
		}
		if len(t) == 0 && !seg.More {
			continue
		}
		var plan *formPlan
		if len(t) <= maxForm && !seg.More {
			s.field = info
			if plan = s.plan(t); plan != nil && (plan.idle || s.quiet(plan, t)) {
				continue
			}
		}
		s.writeSegment(b, seg, info, plan)
	}
}

// Close reads what is still held, as the document ends here. The scanner may be used again after Reset.
func (s *Scanner) Close() { s.flush() }

func (s *Scanner) writeRunning(t []byte) {
	if s.piece {
		s.flush()
	}
	if len(t) == 0 {
		return
	}
	if len(s.window) == 0 {
		s.beginValue(text.Lines, 0, nil, nil)
		s.beginWindow()
		s.origin = s.base - s.runningRead
		s.lines, s.counts = s.runningLines, true
		s.lines.at = s.base
	}
	s.runningRead += int64(len(t))
	s.fill(t)
}

// writeSegment reads the segment with which a value begins, where it is if it is a complete value; plan is nil if there is none.
func (s *Scanner) writeSegment(b *text.Block, seg *text.Segment, info *fieldInfo, plan *formPlan) {
	t := b.Text[seg.Start:seg.End]
	s.beginValue(b.Kind, seg.Row, seg.Field, info)
	s.indexes = s.indexes[:0]
	if f := seg.Field; f != nil && f.Arrays > 0 {
		s.indexes = append(s.indexes, b.Indexes[seg.Index:][:f.Arrays]...)
	}
	s.counts = false
	if b.Kind == text.Lines || seg.Field == nil && b.Kind != text.Pages {
		s.counts = true
		s.lines = lineCounter{at: s.base, line: max(seg.Row, 1)}
		if b.Kind == text.Lines {
			s.lines.column = int64(seg.Index)
		}
		s.kind, s.row = text.Lines, 0
	}
	if seg.More {
		s.piece = true
		s.beginWindow()
		s.fill(t)
		return
	}
	s.scanValue(t, plan)
	s.endValue(len(t))
}

// beginValue makes ready for a value, which begins at the next position.
func (s *Scanner) beginValue(kind text.Kind, row int64, place *text.Field, field *fieldInfo) {
	s.base, s.origin = s.next, s.next
	s.kind, s.row, s.place, s.field = kind, row, place, field
	s.fieldFilter, s.midRun = 0, false
	if field != nil {
		s.fieldFilter = field.filter
	}
	s.forget()
	s.listening = s.fieldFilter != 0
}

// beginWindow makes ready for a value that passes through the window.
func (s *Scanner) beginWindow() { s.pos, s.first = 0, true }

func (s *Scanner) endValue(n int) { s.next = s.base + int64(n) + s.e.reach + 1 }

// scanValue reads a complete value; plan is nil if there is none.
func (s *Scanner) scanValue(t []byte, plan *formPlan) {
	if s.field != nil && len(s.field.whole) > 0 && (plan == nil || plan.whole) && s.scanWhole(t) {
		return
	}
	if plan == nil || plan.ordinary || plan.literals|plan.keywords != 0 && s.doubtful(plan, t) {
		s.scan(t, 0, len(t), true)
	} else if plan.first < plan.last {
		s.tryAll(s.forms.trials[plan.first:plan.last], t)
	}
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
	s.first = false
	if limit := len(s.window) - s.e.margin; s.pos < limit {
		s.pos = s.scan(s.window, s.pos, limit, false)
	}
	drop := s.pos - s.e.back
	if drop <= 0 {
		return
	}
	if behind := int(s.lines.at - s.base); s.counts && behind < drop {
		s.lines.advance(s.window[behind:drop])
	}
	s.window = s.window[:copy(s.window, s.window[drop:])]
	s.base += int64(drop)
	s.pos -= drop
}

// flush reads the rest of the window as the end of its value.
func (s *Scanner) flush() {
	if len(s.window) == 0 && !s.piece {
		return
	}
	if s.first {
		var plan *formPlan
		if n := len(s.window); n > 0 && n <= maxForm {
			plan = s.plan(s.window)
		}
		s.scanValue(s.window, plan)
	} else {
		s.pos = s.scan(s.window, s.pos, len(s.window), true)
	}
	s.endValue(len(s.window))
	if !s.piece {
		s.lines.advance(s.window[min(int(s.lines.at-s.base), len(s.window)):])
		s.runningLines = s.lines
	}
	s.window, s.pos, s.piece = s.window[:0], 0, false
}

// scan reads the runs that begin in t[i:limit] and returns where to go on. Unless final, the value goes on behind t, and limit leaves the
// engine's margin; it then stops early at a value that needs more text than t holds.
//
// Most of the text is passed over: while no keyword is in reach, only what the first look leaves is visited.
func (s *Scanner) scan(t []byte, i, limit int, final bool) int {
	if s.midRun {
		i = s.skipRun(t, i, final)
	}
	for k := range s.looksAt {
		s.looksAt[k] = i - 2
	}
	s.looksNext = i
	if len(s.looksAt) == 0 {
		s.looksNext = math.MaxInt
	}
	st := &s.stretch
	for i < limit {
		s.readStretch(t, i)
		end := min(i+st.size, limit)
		next := i
		if st.size == 0 {
			if next = s.oddRun(t, i, final); next < 0 {
				return i
			}
		} else if next = s.scanStretch(t, i, limit, final); next < 0 {
			return ^next
		}
		i = max(next, end)
		if i > 0 && i < len(t) && isAlnum(t[i]) && isAlnum(t[i-1]) {
			i = endOfRun(t, i)
		}
	}
	return i
}

// scanStretch reads the runs of the stretch at t[i:] that begin before limit. It returns where to go on if that is behind the stretch; for a run
// that takes more text to decide it returns where that begins, with all bits inverted.
func (s *Scanner) scanStretch(t []byte, i, limit int, final bool) (next int) {
	st := &s.stretch
	left := ^uint64(0)
	if n := limit - i; n < maskSize {
		left = 1<<n - 1
	}
	look, looked := uint64(0), false
	for {
		todo := st.starts | st.wide
		if !s.listening {
			if !looked {
				look, looked = s.firstLook(t, i), true
			}
			todo = look
		}
		if todo &= left; todo == 0 {
			return next
		}
		b := uint(bits.TrailingZeros64(todo))
		if next = s.run(t, i+int(b), st.run(b), final); next < 0 {
			return ^(i + int(b))
		}
		if next-i >= maskSize {
			return next
		}
		left &= ^uint64(0) << (next - i)
	}
}

// run reads the run at t[i], or the character outside ASCII there, where the masks begin. It returns where to go on, or -1 if it takes more
// text to decide.
func (s *Scanner) run(t []byte, i int, m masks, final bool) int {
	e := s.e
	n := bits.TrailingZeros64(^m.alnum)
	var before uint8
	if i > 0 {
		before = e.dispatch.before[t[i-1]]
	}
	if n == 0 || n == maskSize || before&beforeEscape != 0 {
		return s.oddRun(t, i, final)
	}
	inside := uint64(1)<<n - 1
	digits, capitals := m.digits&inside, m.capitals&inside
	head := headAt(t, i)
	if digits|capitals&^1|m.wide>>n&1 != 0 {
		if digits != inside {
			s.probe(t, i, wordStarts(inside, digits, capitals))
		}
	} else if e.keywords.mayBe(t, i, head, n) {
		s.hear(t, i)
	}
	var named []*layout
	if capitals&1 != 0 && n < len(t) && (m.wide>>n&1 != 0 || e.words.mayBe(head, n)) {
		named = e.words.at(t, i)
	}
	lengths := e.dispatch.bare[byte(head)]
	if s.listening || before&beforeShape != 0 {
		if s.active != 0 && s.base+int64(i) > s.sureEnd {
			s.stillListens(t, i)
		}
		lengths = e.dispatch.every[byte(head)]
	}
	choices, literals := none, none
	if lengths>>n&1 != 0 {
		kind := kindOfMasks(digits, capitals, inside&^(digits|capitals))
		if e.dispatch.needs[kind][n]&s.inReach(t, i) != 0 {
			choices = e.dispatch.choose(byte(head), n, kind)
		}
	}
	if e.dispatch.literals.has(literalIndex(head))&1 != 0 {
		literals = e.dispatch.chooseLiteral(head)
	}
	if choices == none && literals == none && named == nil {
		return i + n
	}
	return s.candidates(choices, literals, named, t, i, i+n, final)
}

// oddRun reads what scan's loop leaves out at t[i]: a run that is long, goes on behind t or stands behind a backslash, and what is outside
// ASCII. It returns where to go on, or -1 if it takes more text to decide.
func (s *Scanner) oddRun(t []byte, i int, final bool) int {
	if t[i] >= utf8.RuneSelf {
		return s.special(t, i, final)
	}
	if escaped(t, i) {
		// The escape ends what is before it and is no part of what follows.
		if i++; i == len(t) || !isAlnum(t[i]) {
			return i
		}
	}
	m := readMasks(t, i)
	n := bits.TrailingZeros64(^m.alnum)
	inside := ^uint64(0) >> (64 - n)
	digits, capitals := m.digits&inside, m.capitals&inside
	j := i + n
	if n == maskSize {
		j = endOfRun(t, j)
	} else if digits != inside {
		s.probe(t, i, wordStarts(inside, digits, capitals))
	}
	var named []*layout
	if capitals&1 != 0 {
		named = s.e.words.at(t, i)
	}
	choices := s.e.dispatch.choose(t[i], n, kindOfMasks(digits, capitals, inside&^(digits|capitals)))
	next := s.candidates(choices, s.e.dispatch.chooseLiteral(headAt(t, i)), named, t, i, j, final)
	if next == j && j == len(t) && !final {
		s.midRun = true
	}
	return next
}

// inReach returns the bits of what may be in reach of t[i].
func (s *Scanner) inReach(t []byte, i int) uint64 {
	reach := alwaysInReach | s.fieldFilter
	if i > 0 {
		reach |= uint64(s.e.dispatch.before[t[i-1]]&beforeLead) * (afterLead / beforeLead)
	}
	if s.base+int64(i) <= s.activeEnd {
		reach |= s.active
	}
	return reach
}

// stillListens finds out whether the groups in active may be in reach of t[i], which is behind sureEnd: unless it is behind activeEnd as well,
// it counts the characters since the last keyword.
func (s *Scanner) stillListens(t []byte, i int) {
	at := s.base + int64(i)
	if s.active != 0 && at <= s.activeEnd {
		if left := s.e.sure - int64(characters(t[s.lastEnd-s.base:i])); left >= 0 {
			s.sureEnd = at + left
			return
		}
		s.activeEnd = at - 1
	}
	s.forget()
	s.listening = s.fieldFilter != 0
}

// forget drops the keywords in text.
func (s *Scanner) forget() {
	s.active, s.groups = 0, groupSet{}
	if s.field != nil {
		s.groups = s.field.groups
	}
}

// mayHear reports whether a keyword of the layout may be in reach of t[i], more exactly than inReach.
func (s *Scanner) mayHear(l *layout, i int) bool {
	return s.heard[l.group].last.end+s.e.reach+l.lookBack() >= s.base+int64(i) || s.inField(l)
}

// special handles a character outside ASCII, and the word that it begins or belongs to.
func (s *Scanner) special(t []byte, i int, final bool) int {
	r, size := utf8.DecodeRune(t[i:])
	if wide(r) {
		if s.e.keywords.wide {
			s.hear(t, i)
		}
		return i + size
	}
	if !wordRune(r) {
		return i + size
	}
	if wordStartsAt(t, i) || escaped(t, i-1) {
		s.hear(t, i)
	}
	if unicode.IsUpper(r) && !insideWord(t, i) {
		if named := s.e.words.at(t, i); named != nil {
			if next := s.candidates(none, none, named, t, i, i, final); next != i {
				return next
			}
		}
	}
	end := s.skipRun(t, i, final)
	for p := i + size; p < min(end, i+maxRun); p++ {
		if kind := kindOf(t[p]); kind != 0 && kind != kindDigit && wordStartsAt(t, p) {
			s.hear(t, p)
		}
	}
	return end
}

// skipRun returns the end of the word that goes on at t[i], and sets midRun if it does not end in t.
func (s *Scanner) skipRun(t []byte, i int, final bool) int {
	for i < len(t) {
		if t[i] < utf8.RuneSelf {
			if !isAlnum(t[i]) {
				break
			}
			i++
			continue
		}
		if !final && !utf8.FullRune(t[i:]) {
			s.midRun = true
			return i
		}
		r, size := utf8.DecodeRune(t[i:])
		if !wordRune(r) {
			break
		}
		i += size
	}
	s.midRun = i == len(t) && !final
	return i
}

// probe looks for keywords at the beginnings of words in the run at t[i:].
func (s *Scanner) probe(t []byte, i int, starts uint64) {
	for ; starts != 0; starts &= starts - 1 {
		if p := i + bits.TrailingZeros64(starts); s.e.keywords.mayStart(headAt(t, p))&1 != 0 {
			s.hear(t, p)
		}
	}
}

// hear remembers the keywords that begin at t[i].
func (s *Scanner) hear(t []byte, i int) {
	s.hits = s.e.keywords.walk(t, i, s.hits[:0])
	for _, h := range s.hits {
		if h.word.filter == 0 {
			continue
		}
		start, end := s.base+int64(h.start), s.base+int64(h.end)
		for _, g := range h.word.groups {
			h := &s.heard[g]
			if h.last.end <= start {
				h.before = h.last
			} else {
				h.before = unneeded
			}
			h.last = nearness{start: start, end: end}
		}
		if start > s.activeEnd {
			s.forget()
		}
		s.active |= h.word.filter
		s.groups.addAll(&h.word.set)
		s.listening = true
		s.activeEnd = max(s.activeEnd, end+s.e.reach)
		s.sureEnd = max(s.sureEnd, end+s.e.sure)
		s.lastEnd = max(s.lastEnd, end)
		if h.word.around {
			s.activeEnd = max(s.activeEnd, end+s.e.reach+LookBack)
			s.sureEnd = s.activeEnd
		}
	}
}

// none is a list without layouts.
var none = &list{}

// candidates tries the layouts of two lists at the run t[i:j], and those of the word that begins there, and reports what it finds. It returns the
// end of the run or of the span that was found, or -1 if it takes more text to decide.
func (s *Scanner) candidates(choices, literals *list, named []*layout, t []byte, i, j int, final bool) int {
	reach := s.inReach(t, i)
	s.found = s.found[:0]
	if s.wants(choices, reach) && !s.list(choices, reach, t, i, j, final) {
		return -1
	}
	if s.wants(literals, reach) && !s.list(literals, reach, t, i, j, final) {
		return -1
	}
	for _, l := range named {
		if l.need&reach == 0 || l.need < afterLead && !s.mayHear(l, i) {
			continue
		}
		if end := wordEnd(t, i); (l.Glance == nil || l.Glance(t, i, end, final)) && s.try(l, t, i, end, final) == -2 {
			return -1
		}
	}
	if len(s.found) > 0 {
		if end := s.settle(t); end > j {
			if insideWord(t, end) {
				end = s.skipRun(t, end, final)
			}
			return end
		}
	}
	return j
}

// wants reports whether there may be a layout in the list for what is in reach.
func (s *Scanner) wants(l *list, reach uint64) bool {
	need := l.need & reach
	return need >= afterLead || need != 0 && l.groups.meets(&s.groups)
}

// list tries the layouts of a list, with what may be in reach. It returns false if it takes more text to decide.
func (s *Scanner) list(list *list, reach uint64, t []byte, i, j int, final bool) bool {
	next := byte('\n') // at the end of the value, as good as any byte that ends a token
	if j < len(t) {
		next = t[j]
	}
	after := s.e.dispatch.after[next]
	for todo := list.need & reach; todo != 0; todo &= todo - 1 {
		bit := todo & -todo
		choices := list.bucket(bit)
		var sh *shape // of the choice before, which matched t[i:end]
		end := -1
		for k := range choices {
			c := &choices[k]
			if after>>c.after&1 == 0 || bit < afterLead && !s.mayHear(c.layout, i) {
				continue
			}
			start := i - len(c.shape.lead)
			if c.shape != sh {
				sh, end = c.shape, -1
				if n := sh.digitsBehind(j - i); n > 0 && !digitsFollow(t, j+1, n) {
					continue
				}
				if start >= 0 && s.base+int64(start) >= s.claimed && string(t[start:i]) == sh.lead {
					end = sh.match(t, i)
				}
			}
			if end < 0 || c.Glance != nil && !c.Glance(t, start, end, final) {
				continue
			}
			if s.try(c.layout, t, start, end, final) == -2 {
				return false
			}
		}
	}
	return true
}

// insideWord reports whether t[i] and what stands before it belong to one word.
func insideWord(t []byte, i int) bool {
	if i == 0 || i >= len(t) {
		return false
	}
	last, _ := utf8.DecodeLastRune(t[:i])
	r, _ := utf8.DecodeRune(t[i:])
	return wordRune(last) && wordRune(r) && !escaped(t, i-1)
}

// try adds the value of the layout that begins with the shape or word t[start:end] to the candidates, if there is one. It returns -2 if it takes
// more text to decide.
func (s *Scanner) try(l *layout, t []byte, start, end int, final bool) int {
	if l.Around != nil {
		if start, end = l.around(t, start, end, final); end < 0 || s.base+int64(start) < s.claimed {
			return min(end, -1)
		}
		return s.add(l, t, start, end, final)
	}
	if l.Lead != "" {
		start = l.lead(t, start)
	}
	if !l.opensToken(t, start) {
		return -1
	}
	if l.Tail != nil {
		if l.Open && s.base+int64(start) < s.opened {
			return -1 // it would be read again for every beginning within it
		}
		var read int
		if end, read = l.tail(t, start, end, final); end != -2 && l.Open {
			s.opened = s.base + int64(read)
		}
		if end < 0 {
			return end
		}
	} else if !l.closesToken(t, end) {
		return -1
	}
	if end-start > l.id.MaxLen || l.Alone && !standsAlone(t, start, end) {
		return -1
	}
	return s.add(l, t, start, end, final)
}

// add makes the value t[start:end] a candidate if its keywords and checks are in order. It returns end, or -2 if it takes more text to decide.
func (s *Scanner) add(l *layout, t []byte, start, end int, final bool) int {
	if l.id.Direction == Either && !final && end+s.e.either > len(t) {
		return -2
	}
	// Where the search for the keyword is long, the checks come first.
	checked := l.Keyword == KeywordRequired && (l.id.Direction == Either || s.heard[l.group].last.end > s.base+int64(start))
	if checked && !s.accepts(l, t[start:end]) {
		return end
	}
	near, ok := s.near(l, t, start, end)
	if !ok {
		return end
	}
	if !s.again(l, start, end, near) && (checked || s.accepts(l, t[start:end])) {
		s.found = append(s.found, candidate{layout: l, start: start, end: end, near: near})
	}
	return end
}

// again reports whether another layout of the identifier has found the value at t[start:end], which is then as near as the nearer of the two.
func (s *Scanner) again(l *layout, start, end int, near nearness) bool {
	for k := range s.found {
		if c := &s.found[k]; c.layout.id == l.id && c.start == start && c.end == end {
			if near.nearer(c.near) {
				c.near = near
			}
			return true
		}
	}
	return false
}

// settle reports what is left of the candidates once resolved, and returns the end of the span they claim, 0 for none.
func (s *Scanner) settle(t []byte) int {
	if c := &s.found[0]; len(s.found) == 1 && !c.layout.Open {
		s.report(t, c)
		s.claimed = s.base + int64(c.end)
		return c.end
	}
	kept, end := resolve(s.found)
	for k := range kept {
		s.report(t, &kept[k])
	}
	if end > 0 {
		s.claimed = s.base + int64(end)
	}
	return end
}

// accepts runs the layout's checks on a value.
func (s *Scanner) accepts(l *layout, value []byte) bool {
	if l.CheckText != nil && !l.CheckText(value) {
		return false
	}
	if l.check == nil && len(l.refuse) == 0 {
		return true
	}
	n := 0
	compact := s.compact[:min(len(value), cap(s.compact))]
	for _, b := range value {
		if isAlnum(b) && n < len(compact) {
			if b >= 'a' {
				b &^= 0x20
			}
			compact[n] = b
			n++
		}
	}
	compact = compact[:n]
	return (l.check == nil || l.check(compact)) && (len(l.refuse) == 0 || !l.refuse[string(compact)])
}

// near reports whether the layout's rule about keywords holds for the value t[start:end], and the nearest keyword.
func (s *Scanner) near(l *layout, t []byte, start, end int) (nearness, bool) {
	if l.Keyword == KeywordUnneeded {
		return unneeded, true
	}
	near, ok := s.nearest(l, t, start, end)
	if l.Keyword == KeywordAbsent {
		return unneeded, !ok
	}
	return near, ok
}

func (s *Scanner) nearest(l *layout, t []byte, start, end int) (nearness, bool) {
	group := l.group
	if l.Keyword != KeywordInField {
		h := s.heard[group].last
		if h.end > s.base+int64(start) {
			// The last keyword is part of the value, as DL of DL123456.
			if h = s.heard[group].before; h.end > s.base+int64(start) || s.heard[group].last.start < s.base+int64(start) {
				h = s.heardBefore(l, t, start)
			}
		}
		if gap := s.base + int64(start) - h.end; gap >= 0 && gap <= int64(l.distance)*4 && characters(t[start-int(gap):start]) <= l.distance {
			return h, true
		}
		if l.id.Direction == Either && s.follows(l, t, end) {
			return nearness{start: s.base + int64(end), end: s.base + int64(end)}, true
		}
	}
	if s.field != nil {
		if rank, ok := s.field.rank(group); ok {
			return fieldNearness(rank), true
		}
	}
	return nearness{}, false
}

// heardBefore searches for the last keyword of the layout before t[start], where heard does not tell it.
func (s *Scanner) heardBefore(l *layout, t []byte, start int) nearness {
	last := nearness{start: -1, end: -1 - s.e.reach}
	i := max(0, int(s.claimed-s.base), start-l.distance*4-s.e.keywords.maxLen)
	for i < start {
		if t[i] < utf8.RuneSelf && (isDigit(t[i]) || !isAlnum(t[i]) || s.e.keywords.mayStart(headAt(t, i))&1 == 0) {
			i++
			continue
		}
		r, size := utf8.DecodeRune(t[i:])
		if (wordRune(r) || wide(r)) && (wordStartsAt(t, i) || escaped(t, i-1)) {
			s.hits = s.e.keywords.walk(t, i, s.hits[:0])
			for _, h := range s.hits {
				if h.end <= start && slices.Contains(h.word.groups, l.group) {
					last = nearness{start: s.base + int64(h.start), end: s.base + int64(h.end)}
				}
			}
		}
		i += size
	}
	return last
}

// follows reports whether a keyword of the layout stands within reach behind the value that ends at t[end].
func (s *Scanner) follows(l *layout, t []byte, end int) bool {
	for i, n := end, 0; i < len(t) && n <= l.distance; n++ {
		r, size := utf8.DecodeRune(t[i:])
		if (wordRune(r) || wide(r)) && (wordStartsAt(t, i) || escaped(t, i-1)) {
			s.hits = s.e.keywords.walk(t, i, s.hits[:0])
			for _, h := range s.hits {
				if slices.Contains(h.word.groups, l.group) {
					return true
				}
			}
		}
		i += size
	}
	return false
}

// scanWhole tries the layouts that want the whole value, and reports whether one claims it.
func (s *Scanner) scanWhole(t []byte) bool {
	s.found = s.found[:0]
	var trimmed []byte
	for _, l := range s.field.whole {
		if len(t) > l.id.MaxLen {
			continue
		}
		if trimmed == nil {
			trimmed = bytes.TrimSpace(t)
		}
		if len(trimmed) > 0 && l.Tail(trimmed, true) == len(trimmed) && s.accepts(l, trimmed) {
			start := bytes.Index(t, trimmed)
			rank, _ := s.field.rank(l.group)
			s.found = append(s.found, candidate{layout: l, start: start, end: start + len(trimmed), near: fieldNearness(rank)})
		}
	}
	if len(s.found) == 0 {
		return false
	}
	return s.settle(t) > 0
}

// report delivers a match.
func (s *Scanner) report(t []byte, c *candidate) {
	at := s.base + int64(c.start)
	m := Match{Identifier: c.layout.id, Text: t[c.start:c.end], Location: text.Location{Kind: s.kind, Row: s.row, Field: s.place,
		Offset: at - s.origin, Length: int64(c.end - c.start)}}
	if s.counts {
		known := c.start
		if c.layout.Open {
			known -= LookBack + maxRun // a value of Around may still begin before this one
		}
		if behind := int(s.lines.at - s.base); behind < known {
			s.lines.advance(t[behind:known])
		}
		lines := s.lines
		lines.advance(t[lines.at-s.base : c.start])
		m.Location.Line = lines.line
		m.Location.Column = lines.column + 1
		m.Location.EndLine = lines.line + int64(bytes.Count(m.Text, newline))
	}
	if s.place != nil && len(s.indexes) > 0 {
		m.Location.Indexes = append([]int64(nil), s.indexes...)
	}
	s.emit(m)
}
