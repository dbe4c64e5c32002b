package detect

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"
	"unicode"
)

// The cells of a column look alike. The form of a short value is what is left of it if any two digits, any two small letters and any two capitals
// are taken for the same. From the form and the keywords in the name of the field follows which layouts are worth a try, and at which runs: for
// most cells of most columns none at all. So this is worked out once and remembered.

const (
	// maxForm is the greatest length of a value whose form is remembered.
	maxForm = 32
	// formBits says how many forms are remembered, maxTrials how many trials for all of them.
	formBits  = 11
	maxTrials = 1 << 13
	// firstForm is how many short values a scanner reads before it remembers any.
	firstForm = 256
	// A form is worked out if for each run in it learnCost values were read, but for the first learnFirst runs: so it costs little where no form
	// comes back.
	learnCost, learnFirst = 32, 1 << formBits
)

// A byte of a form is a character that is no letter or digit, or one of these: 0x80 and the upper three bits of any such character.
const (
	formDigit   = 0x80 | '0'&0xE0
	formCapital = 0x80 | 'A'&0xE0
	formSmall   = 0x80 | 'a'&0xE0
)

// A form is a value's form, with zeros behind its end.
type form [maxForm / 8]uint64

// A formKey is what the trials depend on: the form, the length of the value, and the field if its name has keywords.
type formKey struct {
	form  form
	value uint64 // the length, with the serial of the fieldInfo above the lowest byte
}

// A trial is a layout to be tried at the run that begins at start, if the first character is one of these, by the bits of alnumIndex. Its shape
// ends at end if it fits, and sure says that it does for all values of the form; end is -1 if the form does not tell. No layout stands for those
// of the word t[start:end].
type trial struct {
	layout *layout
	first  uint64
	// If to is not 0, the form leaves only the checks to be made: t[from:to] is a value if it passes them. It is as near as a keyword in the name
	// that is rank steps out of the innermost, or needs none if that is -1. compact says that it has digits and capitals only.
	rank       int32
	start, end int8
	from, to   uint8
	sure       bool
	compact    bool
}

// A formPlan says what to do with the values of a form.
type formPlan struct {
	key formKey
	// ordinary says that these values are read as all others are, and idle that there is nothing to do with them.
	ordinary, idle bool
	// A value is read in the ordinary way as well if a literal that leads to a layout may begin at one of the literals, or if a keyword begins at
	// one of the keywords.
	literals, keywords uint32
	// whole says that a layout may want all of the value.
	whole bool
	// The trials from first to last are all that is needed for the others.
	first, last uint16
}

// A formMemory has the plans of the forms that a scanner has met.
type formMemory struct {
	pairs  *[1 << formBits / 2]planPair // by hash; nil until forms are remembered
	trials []trial
	credit int // how many more values were read than all that was learned costs

	// For use while a form is learned.
	planned []trial
	fits    []*layout
	tried   []bool // by rank
}

// A planPair has two plans.
type planPair struct {
	plans [2]formPlan
	last  uint32 // which was met last: the lowest bit
	// seen is the hash of the last form that was met here and has no plan.
	seen uint32
}

// formWords returns the form of t, which has 1 to maxForm bytes, and whether it is all ASCII.
func formWords(t []byte) (a, b, c, d uint64, ascii bool) {
	var own [maxForm]byte
	bytes := &own
	if more := t[:cap(t)]; len(more) >= maxForm {
		bytes = (*[maxForm]byte)(more)
	} else {
		copy(bytes[:], t)
	}
	inLast := ^uint64(0) >> (-8 * len(t) & 63)
	a = binary.LittleEndian.Uint64(bytes[0:])
	if len(t) <= 8 {
		a &= inLast
		return formOf(a), 0, 0, 0, a&tops == 0
	}
	b = binary.LittleEndian.Uint64(bytes[8:])
	if len(t) <= 16 {
		b &= inLast
		return formOf(a), formOf(b), 0, 0, (a|b)&tops == 0
	}
	c = binary.LittleEndian.Uint64(bytes[16:])
	if len(t) <= 24 {
		c &= inLast
	} else {
		d = binary.LittleEndian.Uint64(bytes[24:]) & inLast
	}
	return formOf(a), formOf(b), formOf(c), formOf(d), (a|b|c|d)&tops == 0
}

// formOf returns the form of eight bytes of ASCII.
func formOf(x uint64) uint64 {
	alnum, _, _ := classes(x)
	return x&^(alnum>>2-alnum>>7) | alnum
}

// text returns an example of the key's values.
func (k *formKey) text() []byte {
	t := make([]byte, k.value&0xFF, maxForm)
	for i := range t {
		switch b := byte(k.form[i/8] >> (i % 8 * 8)); b {
		case formSmall:
			t[i] = 'a'
		case formCapital:
			t[i] = 'A'
		case formDigit:
			t[i] = '0'
		default:
			t[i] = b
		}
	}
	return t
}

// quiet reports whether there is nothing to do with t, whose plan is not idle.
func (s *Scanner) quiet(p *formPlan, t []byte) bool {
	return p.first == p.last && !p.whole && !p.ordinary && !s.doubtful(p, t)
}

// plan returns what is to be done with a complete value of the field, of 1 to maxForm bytes; nil if it is not worked out yet, or cannot be.
func (s *Scanner) plan(t []byte) *formPlan {
	m := &s.forms
	if m.credit++; m.pairs == nil && m.credit < firstForm {
		return nil
	}
	field := uint32(0)
	if s.field != nil {
		field = s.field.serial
	}
	a, b, c, d, ascii := formWords(t)
	if !ascii {
		return nil
	}
	value := uint64(field)<<8 | uint64(len(t))
	if m.pairs == nil {
		m.pairs, m.trials, m.credit = new([1 << formBits / 2]planPair), make([]trial, 0, maxTrials), learnFirst*learnCost
		m.tried = make([]bool, s.e.dispatch.layouts)
	}
	hash := a*hashFactor + b*0xBF58476D1CE4E5B9 + c*0x94D049BB133111EB + d*0xD6E8FEB86659FD93 + value*0xC2B2AE3D27D4EB4F // any odd factors
	pair := &m.pairs[hash>>(64-formBits+1)%(1<<formBits/2)]
	p := &pair.plans[pair.last&1]
	if k := &p.key; k.form[0] == a && k.value == value && k.form[1] == b && k.form[2] == c && k.form[3] == d {
		return p
	}
	key := formKey{form{a, b, c, d}, value}
	pair.last ^= 1
	if p = &pair.plans[pair.last&1]; p.key != key {
		if pair.seen != uint32(hash) || m.credit < 0 {
			pair.seen = uint32(hash)
			return nil
		}
		s.learn(p, key)
	}
	return p
}

// tryAll tries what a value's form leaves, and reports what it finds.
func (s *Scanner) tryAll(trials []trial, t []byte) {
	s.found = s.found[:0]
	claimed := 0
	for k := range trials {
		tr := &trials[k]
		if len(s.found) > 0 && tr.start != trials[k-1].start {
			claimed = s.settle(t)
			s.found = s.found[:0]
		}
		i, end := int(tr.start), int(tr.end)
		if i < claimed || tr.first>>(alnumIndex[t[i]]&63)&1 == 0 {
			continue
		}
		if tr.layout == nil {
			if s.e.words.mayBe(headAt(t, i), end-i) {
				s.tryWord(t, i, end)
			}
			continue
		}
		if !tr.sure {
			end = tr.layout.shape.match(t, i)
		}
		switch {
		case end < 0:
		case tr.to > 0:
			s.tryChecks(tr, t)
		default:
			s.tryAt(tr.layout, t, i, end)
		}
	}
	if len(s.found) > 0 {
		s.settle(t)
	}
}

// tryChecks does what add does where nothing but the checks is left to do.
func (s *Scanner) tryChecks(tr *trial, t []byte) {
	l, start, end := tr.layout, int(tr.from), int(tr.to)
	if s.base+int64(int(tr.start)-len(l.shape.lead)) < s.claimed {
		return
	}
	near := unneeded
	if tr.rank >= 0 {
		near = fieldNearness(uint16(tr.rank))
	}
	if s.again(l, start, end, near) {
		return
	}
	value := t[start:end]
	if tr.compact && l.CheckText == nil {
		if l.check != nil && !l.check(value) || len(l.refuse) > 0 && l.refuse[string(value)] {
			return
		}
	} else if !s.accepts(l, value) {
		return
	}
	s.found = append(s.found, candidate{layout: l, start: start, end: end, near: near})
}

// tryWord tries the layouts of the word t[i:end].
func (s *Scanner) tryWord(t []byte, i, end int) {
	for _, l := range s.e.words.at(t, i) {
		if (l.need >= afterLead || s.inField(l)) && (l.Glance == nil || l.Glance(t, i, end, true)) {
			s.try(l, t, i, end, true)
		}
	}
}

// doubtful reports whether the value is to be read in the ordinary way because of what is in it.
func (s *Scanner) doubtful(p *formPlan, t []byte) bool {
	e := s.e
	for places := p.literals; places != 0; places &= places - 1 {
		if e.dispatch.literals.has(literalIndex(headAt(t, bits.TrailingZeros32(places))))&1 != 0 {
			return true
		}
	}
	for places := p.keywords; places != 0; places &= places - 1 {
		i := bits.TrailingZeros32(places)
		if e.keywords.mayStart(headAt(t, i))&1 != 0 {
			if s.keywordAt(t, i) {
				return true
			}
		}
	}
	return false
}

// tryAt tries a layout at the run that begins at t[i], up to where its shape ends, all of t being there.
func (s *Scanner) tryAt(l *layout, t []byte, i, end int) {
	start := i - len(l.shape.lead)
	if s.base+int64(start) >= s.claimed && (l.Glance == nil || l.Glance(t, start, end, true)) {
		s.try(l, t, start, end, true)
	}
}

// learn makes the plan of a key.
func (s *Scanner) learn(p *formPlan, key formKey) {
	m := &s.forms
	*p = formPlan{key: key}
	m.planned = m.planned[:0]
	s.workOut(p, key.text())
	if len(m.trials)+len(m.planned) > maxTrials {
		clear(m.pairs[:]) // they are learned anew
		m.trials = m.trials[:0]
		p.ordinary = true
		return
	}
	p.first = uint16(len(m.trials))
	m.trials = append(m.trials, m.planned...)
	p.last = uint16(len(m.trials))
	p.idle = p.first == p.last && !p.whole && !p.ordinary && p.literals|p.keywords == 0
}

// workOut finds out what to do with values of the form of which t is an example.
func (s *Scanner) workOut(p *formPlan, t []byte) {
	m := &s.forms
	all := readMasks(t, 0)
	keywords := uint32(0) // where they may begin, before the run
	if s.field != nil {
		p.whole = slices.ContainsFunc(s.field.whole, func(l *layout) bool { return l.FormFits == nil || l.FormFits(bytes.TrimSpace(t)) })
	}
	for starts := all.alnum &^ (all.alnum << 1); starts != 0; starts &= starts - 1 {
		m.credit -= learnCost
		i := bits.TrailingZeros64(starts)
		n := bits.TrailingZeros64(^(all.alnum >> i))
		inside := uint64(1)<<n - 1
		digits, capitals := all.digits>>i&inside, all.capitals>>i&inside
		if i > 0 && t[i-1] == '\\' { // it may escape the first letter
			p.ordinary = true
			return
		}
		if slices.ContainsFunc(s.e.dispatch.led, func(l ledLayout) bool { return l.lengths.short>>n&1 != 0 && l.fits(t, i) }) {
			p.literals |= 1 << i
		}
		words := uint32(wordStarts(inside, digits, capitals)) << i
		s.e.dispatch.fitting(m, t, i, n, kindOfMasks(digits, capitals, inside&^(digits|capitals)))
		for _, l := range m.fits {
			tr := trial{layout: l, first: l.shape.firsts(), start: int8(i)}
			tr.end, tr.sure = l.shape.formEnd(t, i)
			if !tr.judge(t) {
				continue
			}
			switch {
			case l.Keyword == KeywordUnneeded:
			case l.Around != nil:
				p.keywords |= keywords | words // the value may begin behind a word of this run
			default:
				p.keywords |= keywords
			}
			if (l.need >= afterLead || s.inField(l)) && (tr.to == 0 || s.setRank(&tr)) {
				m.planned = append(m.planned, tr)
			}
		}
		if capitals&1 != 0 && n < len(t) && len(s.e.words.lists) > 0 {
			m.planned = append(m.planned, trial{first: ^uint64(0), start: int8(i), end: int8(i + n)})
			if s.e.words.listen {
				p.keywords |= keywords | words
			}
		}
		keywords |= words
	}
}

// judge reports whether values of the form of which t is an example may pass the trial, keywords aside, and fills in what their form leaves of it.
func (tr *trial) judge(t []byte) bool {
	l, start, end := tr.layout, int(tr.start)-len(tr.layout.shape.lead), int(tr.end)
	if end < 0 || l.Around != nil || l.Open || l.id.Direction == Either {
		return true
	}
	if l.Lead != "" {
		start = l.lead(t, start)
	}
	if !l.opensToken(t, start) {
		return false
	}
	if l.Tail != nil {
		if !l.TailByForm || bytes.ContainsFunc(t[end:], unicode.IsLetter) {
			return true
		}
		if end, _ = l.tail(t, start, end, true); end < 0 {
			return false
		}
	} else if !l.closesToken(t, end) {
		return false
	}
	if end-start > l.id.MaxLen || l.Alone && !standsAlone(t, start, end) || l.FormFits != nil && !l.FormFits(t[start:end]) {
		return false
	}
	tr.from, tr.to = uint8(start), uint8(end)
	tr.compact = !bytes.ContainsFunc(t[start:end], func(r rune) bool { return r != '0' && r != 'A' })
	return true
}

// setRank fills in the trial's rank, and reports whether the name of the field allows it.
func (s *Scanner) setRank(tr *trial) bool {
	tr.rank = -1
	if tr.layout.Keyword == KeywordUnneeded {
		return true
	}
	if s.field != nil {
		if rank, ok := s.field.rank(tr.layout.group); ok {
			tr.rank = int32(rank)
		}
	}
	return (tr.rank < 0) == (tr.layout.Keyword == KeywordAbsent)
}

// inField reports whether the name of the field may have a keyword of the layout.
func (s *Scanner) inField(l *layout) bool {
	return s.field != nil && s.field.groups.has(l.group)
}

// fitting puts into m.fits the layouts that no literal leads to and that may be found at the run t[i:i+n] of a kind, t being an example of its form. They
// are in the order in which they are tried.
func (d *dispatch) fitting(m *formMemory, t []byte, i, n, kind int) {
	m.fits = m.fits[:0]
	clear(m.tried)
	after := d.after[nextByte(t, i+n)]
	last := uint16(0)
	for c, number := range d.numbers[kind][n] {
		if number == last || kindOf(alnums[c]) != kindOf(t[i]) {
			continue
		}
		last = number
		for _, choices := range d.lists[number].buckets {
			for _, choice := range choices {
				if !m.tried[choice.rank] && after>>choice.after&1 != 0 && choice.fits(t, i) {
					m.fits = append(m.fits, choice.layout)
				}
				m.tried[choice.rank] = true
			}
		}
	}
	slices.SortFunc(m.fits, func(a, b *layout) int {
		return cmp.Or(cmp.Compare(bits.TrailingZeros64(a.need), bits.TrailingZeros64(b.need)), cmp.Compare(a.rank, b.rank))
	})
}

// fits reports whether the layout may be found at the run t[i:], if t is an example of its form.
func (l *layout) fits(t []byte, i int) bool {
	start := i - len(l.shape.lead)
	if start < 0 || string(t[start:i]) != l.shape.lead {
		return false
	}
	ends := l.shape.ends(t, i)
	if ends == 0 {
		return false
	}
	if l.Around != nil {
		for ; l.Glance != nil && ends != 0 && !l.Glance(t, start, bits.TrailingZeros64(ends), true); ends &= ends - 1 {
		}
		return ends != 0
	}
	if l.Lead != "" {
		return true
	}
	if !l.opensToken(t, start) {
		return false
	}
	if l.Tail != nil {
		return true
	}
	for ; ends != 0; ends &= ends - 1 {
		end := bits.TrailingZeros64(ends)
		if l.closesToken(t, end) && (!l.Alone || standsAlone(t, start, end)) {
			return true
		}
	}
	return false
}

// firsts returns what a value of the shape begins with, by the bits of alnumIndex.
func (sh *shape) firsts() (first uint64) {
	e := &sh.elements[0]
	for c, b := range alnums {
		if e.set != nil && e.set[b] || e.literal != "" && (e.literal[0] == b || e.fold && e.literal[0] == lowerASCII(b)) {
			first |= 1 << c
		}
	}
	return first
}

// ends returns, by bits, where match may end at t[i:], if t is an example of its form.
func (sh *shape) ends(t []byte, i int) uint64 {
	at := uint64(1) << i
	for k := range sh.elements {
		e := &sh.elements[k]
		next := uint64(0)
		if e.min == 0 || e.sep {
			next = at
		}
		for ; at != 0; at &= at - 1 {
			from := bits.TrailingZeros64(at)
			switch {
			case e.set != nil:
				for j := from; j < len(t) && j-from < e.max && e.hasLike(t[j]); j++ {
					if j+1-from >= e.min {
						next |= 2 << j
					}
				}
			case e.sep:
				if from < len(t) && (t[from] == ' ' || t[from] == '-') {
					next |= 2 << from
				}
			default:
				j := 0
				for j < len(e.literal) && from+j < len(t) && e.like(j, t[from+j]) {
					j++
				}
				if j == len(e.literal) {
					next |= 1 << (from + j)
				}
			}
		}
		if at = next; at == 0 {
			return 0
		}
	}
	return at
}

// formEnd returns where match ends at t[i:] for all values that fit of the form of which t is an example, -1 if they differ; and whether all fit
// whose first character is one that the shape may begin with.
func (sh *shape) formEnd(t []byte, i int) (end int8, sure bool) {
	if end := sh.certainEnd(t, i); end >= 0 {
		return int8(end), true
	}
	if ends := sh.ends(t, i); bits.OnesCount64(ends) == 1 {
		return int8(bits.TrailingZeros64(ends)), false
	}
	return -1, false
}

// certainEnd returns where match ends at t[i:] for all values of the form of which t is an example, if their first character is one that the
// shape may begin with; -1 if that is not certain.
func (sh *shape) certainEnd(t []byte, i int) int {
	first := i
	sep := -1 // as in match
	for k := range sh.elements {
		e := &sh.elements[k]
		switch {
		case e.set != nil:
			from := i
			for i < len(t) && i-from < e.max && e.hasLike(t[i]) {
				if kind := kindOf(t[i]); i > first && kind != 0 && e.all&kind == 0 {
					return -1
				}
				i++
			}
			if i-from < e.min {
				return -1
			}
		case e.sep:
			if i < len(t) && (t[i] == ' ' || t[i] == '-') && (sep == -1 || int(t[i]) == sep) {
				sep = int(t[i])
				i++
			} else if e.min > 0 {
				if sep > 0 {
					return -1
				}
				sep = 0
			}
		case i == first && len(e.literal) == 1 && e.min > 0:
			i++
		default:
			return -1
		}
	}
	return i
}

// hasLike reports whether b, or what is taken for the same in a form, is in the element's set.
func (e *element) hasLike(b byte) bool { return e.set[b] || kindOf(b)&e.kinds != 0 }

// like reports whether b, or what is taken for the same in a form, may be the k-th byte of the literal.
func (e *element) like(k int, b byte) bool {
	want := e.literal[k]
	if e.fold {
		b = lowerASCII(b)
	}
	return want == b || kindOf(b) != 0 && kindOf(want) == kindOf(b)
}

// alnums are the letters and digits by alnumIndex.
var alnums = func() (x [64]byte) {
	for b, n := range alnumIndex {
		if isAlnum(byte(b)) {
			x[n] = byte(b)
		}
	}
	return x
}()
