package detect

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// Text is read in stretches of up to 64 bytes, cut between two runs. As long as no keyword is in reach, there is a first look at the runs of a
// stretch: which of them may be a keyword or begin what needs none. It is made without regard to what the scanner has found; nothing may be
// absent from it that the scanner could want, something may be there that it does not.

// A stretch is a piece of text whose first byte has the lowest bit of the masks.
type stretch struct {
	masks
	// starts are the beginnings of runs, marks the bytes of isMark.
	starts, marks uint64
	// size is how many bytes the stretch has. The masks are empty behind it, and no run ends behind the last bit.
	size int
	// bytes are those of the stretch with those behind it; behind the end of the text there are line ends, as good as any byte that ends a token.
	bytes *stretchBytes
}

// stretchBytes are enough to read eight bytes at each of a stretch.
type stretchBytes [maskSize + 8]byte

// lineEnds has nothing else.
var lineEnds = func() (b stretchBytes) {
	for i := range b {
		b[i] = '\n'
	}
	return b
}()

// readStretch reads the stretch at t[i:], where no run goes on. Its size is 0 if the run there is longer than that.
func (s *Scanner) readStretch(t []byte, i int) {
	st := &s.stretch
	if i+len(st.bytes) <= len(t) {
		st.bytes = (*stretchBytes)(t[i:])
		st.masks, st.marks = classify((*[maskSize]byte)(st.bytes[:]))
		st.size = maskSize
		if st.alnum>>63 == 0 {
			st.starts = st.alnum &^ (st.alnum << 1)
			return
		}
		st.size = bits.Len64(^st.alnum)
	} else {
		st.bytes = &s.lastBytes
		*st.bytes = lineEnds
		copy(st.bytes[:], t[i:])
		st.masks, st.marks = classify((*[maskSize]byte)(st.bytes[:]))
		st.size = min(maskSize, len(t)-i)
		if st.alnum>>63 != 0 {
			st.size = bits.Len64(^st.alnum)
		}
	}
	keep := uint64(1)<<st.size - 1
	st.alnum &= keep
	st.digits &= keep
	st.capitals &= keep
	st.wide &= keep
	st.starts = st.alnum &^ (st.alnum << 1)
}

// run returns the masks from bit b on.
func (st *stretch) run(b uint) masks {
	b &= 63
	return masks{alnum: st.alnum >> b, digits: st.digits >> b, capitals: st.capitals >> b, wide: st.wide >> b}
}

// length returns the length of the run at bit b.
func (st *stretch) length(b uint) uint { return uint(bits.TrailingZeros64(^(st.alnum >> (b & 63)))) }

// hasDigits returns 1 if there are digits in the n bytes at bit b, else 0.
func (st *stretch) hasDigits(b, n uint) uint64 {
	return setBit(st.digits >> (b & 63) & (1<<(n&63) - 1))
}

// head returns the eight bytes at b.
func (st *stretch) head(b uint) uint64 { return binary.LittleEndian.Uint64(st.bytes[b&63:][:8]) }

// firstLook returns the beginnings of runs and the bytes outside ASCII to look at in the stretch at t[i:] although no keyword is in reach. It asks
// of each run as little as will do, without branches and calls, and looks more closely at what is left.
func (s *Scanner) firstLook(t []byte, i int) uint64 {
	st := &s.stretch
	d := &s.e.dispatch
	look := st.wide
	if look != 0 {
		for touched := st.alnum << 1 &^ st.alnum & st.wide; touched != 0; touched &= touched - 1 {
			look |= runOf(st.starts, touched)
		}
	}
	behind := st.marks << 1
	if i > 0 && isMark(t[i-1]) {
		behind |= 1
	}
	look |= behind & st.starts
	if s.looksNext < i+st.size {
		look |= s.lookBehind(t, i, st.size) & st.starts
	}
	numbers, others := st.numbers(d)
	words, broken := st.plainWords(d)
	for others |= broken; others != 0; others &= others - 1 {
		run := runOf(st.starts, others)
		numbers &^= run
		words &^= run
		if b := uint(bits.TrailingZeros64(run)); d.mayBeMixed(s.e.keywords, st, b) && s.lookAtMixed(t, i, st, b) {
			look |= run
		}
	}
	for ; numbers != 0; numbers &= numbers - 1 {
		if b := uint(bits.TrailingZeros64(numbers)); s.e.bareFits(t, i+int(b), i+int(b+st.length(b)), kindDigit) {
			look |= 1 << b
		}
	}
	for ; words != 0; words &= words - 1 {
		if b := uint(bits.TrailingZeros64(words)); s.lookAtWord(t, i, st, b) {
			look |= 1 << b
		}
	}
	if st.starts&st.capitals != 0 {
		look |= s.lookAtNames(t, i, st)
	}
	return look | s.lookInside(t, i, st)
}

// numbers returns the runs of digits that may begin a layout, as far as their length, their first digit and the byte behind tell; and the first
// bytes that are no digits of the runs that only begin with digits, which may be among the others as well.
func (st *stretch) numbers(d *dispatch) (hits, broken uint64) {
	digits, bytes := st.digits, st.bytes
	all := st.starts & digits
	if all == 0 {
		return 0, 0
	}
	broken = (digits + all) &^ digits & st.alnum      // a bit added to the first of a run carries on to its end
	known := int64(digits | ^uint64(0)<<(st.size&63)) // not known to be none: the highest bit is set
	// Most numbers are of one to three digits, and most of these begin nothing.
	second, third, fourth := digits>>1, digits>>2, digits>>3
	todo := all & second & third & fourth
	todo |= all &^ second & (d.short[1].any | d.short[1].followed&uint64(known>>2))
	todo |= all & second &^ third & (d.short[2].any | d.short[2].followed&uint64(known>>3))
	todo |= all & second & third &^ fourth & (d.short[3].any | d.short[3].followed&uint64(known>>4))
	ends := (digits + todo) &^ digits
	_ = bytes[0]
	for ; todo != 0; todo &= todo - 1 {
		b, end := uint(bits.TrailingZeros64(todo)), uint(bits.TrailingZeros64(ends))
		ends &= ends - 1
		r := &d.bareNumbers[(end-b)<<4&(16*maxRun-16)|uint(bytes[b]&15)]
		if r.sets&d.after[bytes[end]] != 0 && uint64(known>>(end&63)>>1)&r.follow == r.follow {
			hits |= 1 << (b & 63)
		}
	}
	return hits, broken
}

// plainWords is numbers for the words of small letters, perhaps with a capital first: it returns those that may be the first word of a keyword or
// begin a layout.
func (st *stretch) plainWords(d *dispatch) (hits, broken uint64) {
	bytes := st.bytes
	todo := st.starts &^ st.digits
	plain := st.alnum&^(st.digits|st.capitals) | todo
	ends := (plain + todo) &^ plain
	broken = ends & st.alnum
	hits = todo & d.anyBareWords
	_ = bytes[0]
	small, factor := hashing.small, hashing.factor
	for ; todo != 0; todo &= todo - 1 {
		b, end := uint(bits.TrailingZeros64(todo)), uint(bits.TrailingZeros64(ends))
		ends &= ends - 1
		hash := ((binary.LittleEndian.Uint64(bytes[b:][:8])|small)&plainMask[(end-b)&63] + uint64(end-b)) * factor // plainHash
		hits |= d.plainWords[hash>>54] >> (hash >> 48 & 63) & 1 << (b & 63)
	}
	return hits, broken
}

// hashing has the constants of plainHash as variables: the compiler keeps those in registers.
var hashing = struct{ small, factor uint64 }{0x20 * every, hashFactor}

// lookAtWord is the look at the run at bit b, a hit of plainWords.
func (s *Scanner) lookAtWord(t []byte, i int, st *stretch, b uint) bool {
	e, n, head := s.e, st.length(b), st.head(b)
	at := i + int(b)
	return e.keywords.mayBe(t, at, head, int(n)) && s.keywordAt(t, at) ||
		(e.dispatch.anyBareWords != 0 || e.dispatch.wholeLiterals.hasTop(wordHash(head, n))) && e.bareFits(t, at, at+int(n), st.run(b).kind(n))
}

// mayBeMixed is numbers for the run at bit b, which is neither of digits nor a plain word.
func (d *dispatch) mayBeMixed(ks *keywords, st *stretch, b uint) bool {
	head, n := st.head(b), st.length(b)
	return d.mixedHeads.hasTop(headHash(head)) || d.wholeLiterals.hasTop(wordHash(head, n)) || ks.short(head)&1 != 0 || d.bareMixed[st.hasDigits(b, n)][n&63]>>(alnumIndex[byte(head)]&63)&1 != 0
}

// lookAtMixed is the look at what mayBeMixed leaves.
func (s *Scanner) lookAtMixed(t []byte, i int, st *stretch, b uint) bool {
	d, ks := &s.e.dispatch, s.e.keywords
	n, head := st.length(b), st.head(b)
	hash, kind := headHash(head), st.run(b).kind(n)
	fits := d.bareLiterals.has(hash>>48) | d.wholeLiterals.has(wordHash(head, n)>>48)
	if d.bareMixed[st.hasDigits(b, n)][n&63]>>(alnumIndex[byte(head)]&63)&1 != 0 {
		r := &d.bareRuns[kind][n&63]
		first := r.first
		if !isDigit(st.bytes[(b+n)&63+1]) {
			first = r.free
		}
		fits |= first >> (alnumIndex[byte(head)] & 63) & setBit(r.sets&d.after[st.bytes[(b+n)&63]])
	}
	at := i + int(b)
	return ks.startsWith(head, hash)&1 != 0 && s.keywordAt(t, at) || fits&1 != 0 && s.e.bareFits(t, at, at+int(n), kind)
}

// lookAtNames returns the runs that may be a word of layouts with Words.
func (s *Scanner) lookAtNames(t []byte, i int, st *stretch) (look uint64) {
	words := s.e.words
	todo, bytes := st.starts&st.capitals, st.bytes
	ends := (st.alnum + todo) &^ st.alnum
	_ = bytes[0]
	for ; todo != 0; todo &= todo - 1 {
		b, end := uint(bits.TrailingZeros64(todo)), uint(bits.TrailingZeros64(ends))
		ends &= ends - 1
		if words.has(wordHash(binary.LittleEndian.Uint64(bytes[b:][:8]), end-b))&1 != 0 && words.glance(t, i+int(b), i+int(end)) {
			look |= 1 << (b & 63)
		}
	}
	return look
}

// lookInside returns the runs within which a keyword begins: behind digits, or at a capital beside a small letter.
func (s *Scanner) lookInside(t []byte, i int, st *stretch) (look uint64) {
	small := st.alnum &^ (st.digits | st.capitals)
	ks := s.e.keywords
	for inner := st.alnum &^ (st.starts | st.digits) & (st.digits<<1 | st.capitals&(small<<1|small>>1)); inner != 0; inner &= inner - 1 {
		b := uint(bits.TrailingZeros64(inner)) & 63
		head := st.head(b)
		if ks.startsWith(head, headHash(head))&1 != 0 && s.keywordAt(t, i+int(b)) {
			look |= runOf(st.starts, 1<<b)
		}
	}
	return look
}

// runOf returns the last start before the lowest bit of at.
func runOf(starts, at uint64) uint64 {
	return 1 << 63 >> bits.LeadingZeros64(starts&(at-1)&^at)
}

// setBit returns 1 if x is not zero.
func setBit(x uint64) uint64 { return (x | -x) >> 63 }

// lookBehind returns, for the stretch t[i:i+size], the bits behind the bytes that make any run behind them worth a look.
func (s *Scanner) lookBehind(t []byte, i, size int) (behind uint64) {
	s.looksNext = len(t) + maskSize
	for k, b := range s.e.dispatch.looks {
		at := s.looksAt[k]
		for at < i+size-1 { // the last byte is before the next stretch
			if at >= i-1 {
				behind |= 1 << (at + 1 - i)
			}
			from := max(at+1, i-1, 0)
			if at = bytes.IndexByte(t[from:], b); at < 0 {
				at = len(t) + maskSize // there is none
			} else {
				at += from
			}
		}
		s.looksAt[k] = at
		s.looksNext = min(s.looksNext, at+1)
	}
	return behind
}

// keywordAt reports whether a keyword begins at t[i].
func (s *Scanner) keywordAt(t []byte, i int) bool {
	s.hits = s.e.keywords.walk(t, i, s.hits[:0])
	for k := range s.hits {
		if s.hits[k].word.filter != 0 {
			return true
		}
	}
	return false
}

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
