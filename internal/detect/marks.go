package detect

import (
	"encoding/binary"
	"math/bits"
)

// markWords is how many times 64 bytes are marked at once: little enough for text and marks to stay in the nearest cache.
const markWords = 64

// marks tell of a stretch of text, 64 bytes a word and the first by the lowest bit, what each byte is, and where there is anything to do for
// the scanner. They are a first look at everything, made without regard to what is in reach or what the scanner has found: nothing may be
// absent from look that it could want, something may be there that it does not.
type marks struct {
	from, to int // of the text that the marks were made of: where the stretch begins and ends
	// starts are the beginnings of runs.
	starts, alnum, digits, capitals, wide markSet
	// look are the beginnings of runs and the bytes outside ASCII to look at although no keyword is in reach.
	look   markSet
	hits   []hit
	window window
}

// A window is 64 bytes of the text with what stands beside them: enough before them for the byte before a run, and behind them for the longest
// run and its first bytes.
type window [windowBefore + 64 + windowBehind]byte

const (
	windowBefore = 8
	windowBehind = maxRun + 16
)

// read marks t[from:limit], or as much of it as fits. No run may go on at from.
func (m *marks) read(e *Engine, t []byte, from, limit int) {
	m.from, m.to = from, min(limit, from+64*markWords)
	words := (m.to - from + 63) / 64
	m.classify(t, from, words+1)
	last := ^uint64(0) >> (-uint(m.to-from) % 64)
	var before masks // the last byte of the word before
	for w := range words {
		alnum, digits, capitals, wide := m.alnum[w], m.digits[w], m.capitals[w], m.wide[w]
		small := alnum &^ (digits | capitals)
		smallNext := m.alnum[w+1] &^ (m.digits[w+1] | m.capitals[w+1])
		starts := alnum &^ (alnum<<1 | before.alnum)
		touched := (alnum<<1 | before.alnum) &^ alnum & wide
		if w == words-1 {
			starts &= last
			wide &= last
		}
		inner := alnum &^ (starts | digits) & (digits<<1 | before.digits | capitals&(small<<1|before.alnum&^(before.digits|before.capitals)|small>>1|smallNext<<63))
		m.starts[w], m.look[w] = starts, wide
		win := m.windowAt(t, from+64*w)
		for ; touched != 0; touched &= touched - 1 {
			m.lookAtRun(w, uint(bits.TrailingZeros64(touched)))
		}
		numbers, others := m.numbers(&e.dispatch, win, w)
		plain, broken := m.plain(&e.dispatch, win, w)
		if numbers != 0 {
			m.confirmAll(e, t, w, numbers)
		}
		if plain != 0 {
			m.confirmPlain(e, t, win, w, plain)
		}
		if others |= broken; others != 0 {
			m.markOthers(e, t, win, w, others)
		}
		if capitals&starts != 0 {
			m.markNamed(e, t, win, w)
		}
		if inner != 0 {
			m.markInner(e, t, win, w, inner)
		}
		before = masks{alnum: alnum >> 63, digits: digits >> 63, capitals: capitals >> 63}
	}
	m.starts[words], m.look[words] = 0, 0
	if before.alnum != 0 { // the last run goes on behind the stretch
		alnum, digits, capitals := m.alnum[words], m.digits[words], m.capitals[words]
		n := bits.TrailingZeros64(^alnum)
		if m.wide[words]>>n&1 != 0 {
			m.lookAtRun(words, 0)
		}
		small := alnum &^ (digits | capitals)
		inner := alnum &^ digits & (digits<<1 | before.digits | capitals&(small<<1|before.alnum&^(before.digits|before.capitals)|small>>1))
		if inner &= 1<<n - 1; inner != 0 {
			m.markInner(e, t, m.windowAt(t, from+64*words), words, inner)
		}
	}
}

// windowAt returns the window around the 64 bytes at t[i:]. At the ends of t it is a copy, with line ends around the text: they are as good as
// any byte that ends a token.
func (m *marks) windowAt(t []byte, i int) *window {
	if i >= windowBefore && i+64+windowBehind <= len(t) {
		return (*window)(t[i-windowBefore:])
	}
	for k := range m.window {
		m.window[k] = '\n'
	}
	if i < windowBefore {
		copy(m.window[windowBefore-i:], t)
	} else {
		copy(m.window[:], t[i-windowBefore:])
	}
	return &m.window
}

// head returns the byte before the run at b, in the lowest byte, and the first seven of the run.
func (win *window) head(b uint) uint64 {
	return binary.LittleEndian.Uint64(win[b&63+windowBefore-1:][:8])
}

// next returns the byte n behind b.
func (win *window) next(b, n uint) byte { return win[(b&63)+(n&127)+windowBefore] }

// classify fills the classes of words of t[from:], and empties one word more. Bytes behind the end of t are nothing.
func (m *marks) classify(t []byte, from, words int) {
	whole := min(words, (len(t)-from)/64)
	if vectors {
		m.classifyVectors(t, from, whole)
	} else {
		for w := range whole {
			k := blockMasks((*[maskSize]byte)(t[from+64*w:]))
			m.alnum[w], m.digits[w], m.capitals[w], m.wide[w] = k.alnum, k.digits, k.capitals, k.wide
		}
	}
	for w := whole; w <= words; w++ {
		var k masks
		if at := from + 64*w; at < len(t) && w < words {
			k = readMasks(t, at)
		}
		m.alnum[w], m.digits[w], m.capitals[w], m.wide[w] = k.alnum, k.digits, k.capitals, k.wide
	}
}

// numbers, plain, markOthers, markNamed and markInner decide which runs of a word to look at: those of digits; the words of small letters,
// perhaps with a capital first; all others; those that are a word of a layout; those that a word begins in. Every run of the text passes by
// here, so they ask of each as little as will do, without branches and calls, and what is left is looked at more closely.

// numbers returns the runs of digits to confirm, and the runs that begin with a digit and are not of digits.
func (m *marks) numbers(d *dispatch, win *window, w int) (hits, broken uint64) {
	alnum, digits, alnumNext, digitsNext := m.alnum[w], m.digits[w], m.alnum[w+1], m.digits[w+1]
	for todo := m.starts[w] & digits; todo != 0; todo &= todo - 1 {
		b := uint(bits.TrailingZeros64(todo)) & 63
		n := uint(bits.TrailingZeros64(^join(digits, digitsNext, b))) & 63
		broken |= join(alnum, alnumNext, b) >> n & 1 << b
		head := win.head(b)
		r := &d.bareDigits[n]
		sets := r.sets & d.after[win.next(b, n)]
		hits |= (r.first>>(head>>8&15)&((sets|-sets)>>63) | uint64(d.before[byte(head)])) & 1 << b
	}
	return hits &^ broken, broken
}

// plain is numbers for words.
func (m *marks) plain(d *dispatch, win *window, w int) (hits, broken uint64) {
	alnum, small, alnumNext := m.alnum[w], m.alnum[w]&^(m.digits[w]|m.capitals[w]), m.alnum[w+1]
	smallNext := alnumNext &^ (m.digits[w+1] | m.capitals[w+1])
	for todo := m.starts[w] &^ m.digits[w]; todo != 0; todo &= todo - 1 {
		b := uint(bits.TrailingZeros64(todo)) & 63
		n := uint(bits.TrailingZeros64(^(join(small, smallNext, b) | 1))) & 63
		broken |= join(alnum, alnumNext, b) >> n & 1 << b
		head := win.head(b)
		hits |= (d.plainWords.has(wordHash(head>>8, n)>>48) | uint64(d.before[byte(head)])) & 1 << b
	}
	if d.anyBareWords {
		hits = m.starts[w] &^ m.digits[w]
	}
	return hits &^ broken, broken
}

// confirmAll confirms each of some runs.
func (m *marks) confirmAll(e *Engine, t []byte, w int, hits uint64) {
	for ; hits != 0; hits &= hits - 1 {
		b := uint(bits.TrailingZeros64(hits))
		m.confirm(e, t, w, b, m.length(w, b), kindDigit)
	}
}

// confirmPlain confirms words, or marks them for a keyword that begins there.
func (m *marks) confirmPlain(e *Engine, t []byte, win *window, w int, hits uint64) {
	for ; hits != 0; hits &= hits - 1 {
		b := uint(bits.TrailingZeros64(hits))
		n := m.length(w, b)
		at := m.from + 64*w + int(b)
		if e.keywords.mayBe(t, at, win.head(b)>>8, int(n)) && m.keyword(e.keywords, t, at) {
			m.look[w] |= 1 << b
		} else {
			m.confirm(e, t, w, b, n, m.kind(w, b, n))
		}
	}
}

func (m *marks) markOthers(e *Engine, t []byte, win *window, w int, todo uint64) {
	d, ks := &e.dispatch, e.keywords
	for ; todo != 0; todo &= todo - 1 {
		b := uint(bits.TrailingZeros64(todo)) & 63
		n := m.length(w, b)
		head := win.head(b)
		hit := uint64(d.before[byte(head)]) | uint64(n)>>6
		head >>= 8
		start := ks.mayStart(head)
		kind := m.kind(w, b, n)
		r := &d.bareRuns[kind][n&127]
		sets := r.sets & d.after[win.next(b, n)]
		hit |= start | d.bareLiterals.has(literalIndex(head)) | r.first>>alnumIndex[byte(head)]&((sets|-sets)>>63)
		switch {
		case hit&1 == 0:
		case start&1 != 0 && m.keyword(ks, t, m.from+64*w+int(b)):
			m.look[w] |= 1 << b
		default:
			m.confirm(e, t, w, b, n, kind)
		}
	}
}

func (m *marks) markNamed(e *Engine, t []byte, win *window, w int) {
	ws := e.words
	alnum, alnumNext := m.alnum[w], m.alnum[w+1]
	for todo := m.starts[w] & m.capitals[w]; todo != 0; todo &= todo - 1 {
		b := uint(bits.TrailingZeros64(todo)) & 63
		n := uint(bits.TrailingZeros64(^join(alnum, alnumNext, b)))
		if ws.has(wordHash(win.head(b)>>8, n))&1 == 0 {
			continue
		}
		if at := m.from + 64*w + int(b); ws.glance(t, at, at+int(n)) {
			m.look[w] |= 1 << b
		}
	}
}

func (m *marks) markInner(e *Engine, t []byte, win *window, w int, inner uint64) {
	for ; inner != 0; inner &= inner - 1 {
		b := uint(bits.TrailingZeros64(inner)) & 63
		if e.keywords.mayStart(win.head(b)>>8)&1 != 0 && m.keyword(e.keywords, t, m.from+64*w+int(b)) {
			m.lookAtRun(w, b)
		}
	}
}

// lookAtRun marks the run that begins before bit b of a word, and goes on or ends there.
func (m *marks) lookAtRun(w int, b uint) {
	earlier := m.starts[w] & (1<<b - 1)
	for earlier == 0 && w > 0 {
		w--
		earlier = m.starts[w]
	}
	m.look[w] |= 1 << 63 >> bits.LeadingZeros64(earlier)
}

// keyword reports whether a keyword begins at t[i].
func (m *marks) keyword(ks *keywords, t []byte, i int) bool {
	m.hits = ks.walk(t, i, m.hits[:0])
	return len(m.hits) > 0
}

// kind returns the classes in the run of n characters at bit b of a word.
func (m *marks) kind(w int, b, n uint) int {
	inside := ^uint64(0)
	if n < 64 {
		inside = 1<<n - 1
	}
	digits, capitals := join(m.digits[w], m.digits[w+1], b)&inside, join(m.capitals[w], m.capitals[w+1], b)&inside
	return kindOfMasks(digits, capitals, inside&^(digits|capitals))
}

// length returns the length of the run at bit b of a word, at most maxRun.
func (m *marks) length(w int, b uint) uint {
	return uint(bits.TrailingZeros64(^join(m.alnum[w], m.alnum[w+1], b)))
}

// confirm marks the run of n characters at bit b of a word if a layout that needs no keyword may begin there.
func (m *marks) confirm(e *Engine, t []byte, w int, b, n uint, kind int) {
	if at := m.from + 64*w + int(b); n == maxRun || e.bareFits(t, at, at+int(n), kind) {
		m.look[w] |= 1 << b
	}
}

// at returns the masks of the 64 bytes at bit.
func (m *marks) at(bit int) masks {
	w, b := uint(bit)/64, uint(bit)%64
	return masks{
		alnum:    join(m.alnum[w], m.alnum[w+1], b),
		digits:   join(m.digits[w], m.digits[w+1], b),
		capitals: join(m.capitals[w], m.capitals[w+1], b),
		wide:     join(m.wide[w], m.wide[w+1], b),
	}
}

// join returns the 64 bits that begin b bits into a.
func join(a, next uint64, b uint) uint64 { return a>>(b&63) | next<<1<<(^b&63) }

// nextByte returns t[i], and at the end of t a byte that is as good as any that ends a token.
func nextByte(t []byte, i int) byte {
	if i < len(t) {
		return t[i]
	}
	return '\n'
}

// byteBefore returns the byte before t[i], and at the beginning of t one that means nothing.
func byteBefore(t []byte, i int) byte {
	if i > 0 {
		return t[i-1]
	}
	return '\n'
}

// A markSet has a bit for each byte of a stretch.
type markSet [markWords + 2]uint64
