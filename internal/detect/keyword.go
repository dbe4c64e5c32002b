package detect

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"
)

// keywords finds the keywords of all identifiers. It is a trie over folded text: a node's edges are bytes of foldRune's output, ' ' for
// what may separate two words.
type keywords struct {
	nodes []node
	root  [256]uint32
	// words8 holds, by wordHash, the first words of keywords; plain, by plainHash, the same once more; fours, by headHash, how keywords
	// of four letters and more begin; starts, by startIndex, how those do that have less than four or a space among them.
	words8, plain filter16
	// complete holds those of words8 that may be all of a keyword, or are followed by anything; pairs, by pairHash, how the others go on.
	complete, pairs filter16
	fours           filter16
	starts          [1 << 15 / 64]uint64
	// words are the keywords by number.
	words []keyword
	// maxLen is the greatest length in bytes of a text that is read to recognise one.
	maxLen int
	// wide says that a keyword begins in a script that needs a look at every letter.
	wide bool
}

// A node's children stand one after the other, those of small letters first, in their order.
type node struct {
	child   uint32 // the first
	letters uint32 // by bits, the small letters that lead to a child
	word    uint16 // 1 + index into words, if a keyword ends here
	others  uint8  // how many children other bytes lead to
	sym     byte   // that leads here
}

// A keyword belongs to the groups of all identifiers that list it.
type keyword struct {
	groups []uint16
	// exact lists the groups for which it has to be the whole name of a field.
	exact []uint16
	// codes is the keyword that stands for all codes that begin so, or nil.
	codes *keyword
	// around says that layouts with Around are among the groups': they look back to it from afar.
	around bool
	// filter is the union of the bits of groups, see reachBit, and set has them all. It is 0 for what is a keyword only as a whole name.
	filter uint64
	set    groupSet
}

// A groupSet has the groups of keywords by bits; those from 256 on share the bits of others.
type groupSet [4]uint64

func (gs *groupSet) add(group uint16) { gs[group/64%4] |= 1 << (group % 64) }

func (gs *groupSet) has(group uint16) bool { return gs[group/64%4]>>(group%64)&1 != 0 }

func (gs *groupSet) addAll(o *groupSet) {
	for i := range gs {
		gs[i] |= o[i]
	}
}

func (gs *groupSet) meets(o *groupSet) bool {
	return gs[0]&o[0]|gs[1]&o[1]|gs[2]&o[2]|gs[3]&o[3] != 0
}

// A hit is a keyword in text.
type hit struct {
	word       *keyword
	start, end int
}

// maxSpace is how many white space characters may stand between two words of a keyword (a line end and an indent).
const maxSpace = 4

// keywordTable collects keywords before they are compiled.
type keywordTable map[string]*keyword

// add adds a keyword to a group in all its spellings. The full stop of an abbreviation may be absent, and so may an apostrophe, or a space
// stand for it: names of columns have none.
func (t keywordTable) add(kw string, group uint16) error {
	if before, after, ok := strings.Cut(kw, "'"); ok && before != "" && after != "" {
		for _, without := range []string{before + after, before + " " + after} {
			if err := t.add(without, group); err != nil {
				return err
			}
		}
	}
	if full, ok := strings.CutSuffix(kw, "."); ok {
		if err := t.add(full, group); err != nil {
			return err
		}
	}
	words, exact := exactKeyword(kw)
	words, codes := strings.CutSuffix(words, codeKeyword)
	folded := foldKeyword(words)
	first, _ := utf8.DecodeRuneInString(folded)
	if !unicode.IsLetter(first) {
		return fmt.Errorf("keyword %q does not begin with a letter", kw)
	}
	if codes && (exact || len(folded) != len(words) || strings.ContainsFunc(folded, func(r rune) bool { return r >= utf8.RuneSelf || !isAlnum(byte(r)) })) {
		return fmt.Errorf("keyword %q is not of letters and digits", kw)
	}
	parts := strings.Split(folded, " ")
	if len(parts) > 10 {
		return fmt.Errorf("keyword %q has more than 10 words", kw)
	}
	for joined := 0; joined < 1<<(len(parts)-1); joined++ {
		var b strings.Builder
		b.WriteString(parts[0])
		for i, p := range parts[1:] {
			if joined>>i&1 == 0 {
				b.WriteByte(' ')
			}
			b.WriteString(p)
		}
		k := t[b.String()]
		if k == nil {
			k = &keyword{}
			t[b.String()] = k
		}
		if codes {
			if k.codes == nil {
				k.codes = &keyword{}
			}
			k = k.codes
		}
		if exact {
			k.exact = append(k.exact, group)
			continue
		}
		k.groups = append(k.groups, group)
		k.filter |= reachBit(group)
		k.set.add(group)
	}
	return nil
}

// foldKeyword folds a keyword, with one space for every run of separators.
func foldKeyword(kw string) string {
	var out []byte
	for _, r := range kw {
		n := len(out)
		out = foldRune(out, r)
		if n > 0 && len(out) > n && out[n] == ' ' && out[n-1] == ' ' {
			out = out[:n]
		}
	}
	return strings.Trim(string(out), " ")
}

// compile builds the trie.
func (t keywordTable) compile() (*keywords, error) {
	ks := &keywords{}
	spellings := make([]string, 0, len(t))
	for s := range t {
		spellings = append(spellings, s)
	}
	sort.Strings(spellings)
	if len(spellings) >= 1<<16-1 {
		return nil, errors.New("more than 65534 spellings of keywords")
	}
	for _, s := range spellings {
		ks.words = append(ks.words, *t[s])
		ks.maxLen = max(ks.maxLen, (utf8.RuneCountInString(s)+strings.Count(s, " ")*maxSpace)*2*utf8.UTFMax)
		first, _ := utf8.DecodeRuneInString(s)
		if k := t[s]; len(k.groups) > 0 || k.codes != nil {
			ks.wide = ks.wide || wide(first)
			ks.mark(s)
		}
	}
	ks.nodes = []node{{}}
	ks.build(0, spellings, 0, 0)
	for sym := range ks.root {
		ks.root[sym] = ks.step(&ks.nodes[0], byte(sym))
	}
	return ks, nil
}

// markAround marks the keywords of a group that has a layout with Around.
func (ks *keywords) markAround(group uint16) {
	for i := range ks.words {
		w := &ks.words[i]
		w.around = w.around || slices.Contains(w.groups, group)
		if w.codes != nil {
			w.codes.around = w.codes.around || slices.Contains(w.codes.groups, group)
		}
	}
}

// build makes the node's subtree from spellings, sorted and alike up to depth; base is the number of the first.
func (ks *keywords) build(n uint32, spellings []string, base, depth int) {
	i := 0
	if len(spellings) > 0 && len(spellings[0]) == depth {
		ks.nodes[n].word = uint16(base) + 1
		i = 1
	}
	type group struct{ from, to int }
	var groups []group
	for i < len(spellings) {
		j := i + 1
		for j < len(spellings) && spellings[j][depth] == spellings[i][depth] {
			j++
		}
		groups = append(groups, group{i, j})
		i = j
	}
	letter := func(g group) bool { return spellings[g.from][depth]-'a' < 26 }
	slices.SortStableFunc(groups, func(a, b group) int {
		switch {
		case letter(a) == letter(b):
			return 0
		case letter(a):
			return -1
		}
		return 1
	})
	child := uint32(len(ks.nodes))
	ks.nodes[n].child = child
	for _, g := range groups {
		sym := spellings[g.from][depth]
		if letter(g) {
			ks.nodes[n].letters |= 1 << (sym - 'a')
		} else {
			ks.nodes[n].others++
		}
		ks.nodes = append(ks.nodes, node{sym: sym})
	}
	for k, g := range groups {
		ks.build(child+uint32(k), spellings[g.from:g.to], base+g.from, depth+1)
	}
}

// A filter16 is a set of numbers below 2^16.
type filter16 [1 << 16 / 64]uint64

func (f *filter16) add(x uint64) { f[x/64] |= 1 << (x % 64) }

// has tells in the lowest bit of its answer whether x may be in the set; the other bits mean nothing.
func (f *filter16) has(x uint64) uint64 { return f[x/64%(1<<10)] >> (x % 64) }

// hasTop reports whether the upper sixteen bits of a hash may be in the set.
func (f *filter16) hasTop(hash uint64) bool { return f[hash>>54]&(1<<(hash>>48&63)) != 0 }

// mayBe is the quick look before walk at the word t[i:i+length] of small letters, the first perhaps a capital, that is a run as a whole: it has to
// be a keyword, or the first word of one that goes on. head holds its first seven bytes, the first lowest.
func (ks *keywords) mayBe(t []byte, i int, head uint64, length int) bool {
	hash := wordHash(head, uint(length))
	if ks.words8.has(hash>>48)&1 == 0 {
		return false
	}
	if ks.complete.has(hash>>48)&1 != 0 {
		return true
	}
	i += length
	if i+1+maxSpace >= len(t) || t[i] >= utf8.RuneSelf {
		return true
	}
	sym := foldASCII[t[i]]
	if i++; sym == ' ' {
		i += skipSpace(t[i:])
	}
	return t[i] >= utf8.RuneSelf || ks.pairs.has(pairHash(hash, sym, foldASCII[t[i]])>>48)&1 != 0
}

// pairHash hashes how a keyword goes on behind its first word.
func pairHash(hash uint64, sym, next byte) uint64 {
	return (hash ^ uint64(sym)<<8 ^ uint64(next)) * hashFactor
}

// wordHash hashes a word of letters by its length and first seven. The upper bits are the good ones.
func wordHash(head uint64, length uint) uint64 {
	return ((head|0x20*every)&headMask[length&63] + uint64(length)) * hashFactor
}

// plainHash is wordHash, but a word of one or two letters has what stands behind it with it: most such are no keywords, but the first words of
// some, such as "c.p.f.".
func plainHash(head uint64, length uint) uint64 {
	return ((head|0x20*every)&plainMask[length&63] + uint64(length)) * hashFactor
}

// addPlain adds a word to a filter by plainHash, with the bytes that may stand behind it.
func (f *filter16) addPlain(word string, behind func(byte) bool) {
	for b := range byte(utf8.RuneSelf) {
		if behind(b) {
			f.add(plainHash(headAt(append([]byte(word), b), 0), uint(len(word))) >> 48)
		}
	}
}

// endsRun reports whether b ends a run.
func endsRun(b byte) bool { return !isAlnum(b) }

const hashFactor = 0x9E3779B97F4A7C15 // 2^64 divided by the golden ratio

// headMask keeps the first n of eight bytes, at most seven.
var headMask = func() (m [64]uint64) {
	for n := range m {
		m[n] = 1<<(8*min(n, 7)) - 1
	}
	return m
}()

// plainMask is headMask with one byte more for one or two.
var plainMask = func() (m [64]uint64) {
	m = headMask
	m[1], m[2] = m[2], m[3]
	return m
}()

// mayStart is the quick look before walk at the beginning of a word within a run, with the eight bytes there. The lowest bit of its answer
// counts.
func (ks *keywords) mayStart(head uint64) uint64 { return ks.startsWith(head, headHash(head)) }

// startsWith is mayStart with the headHash of head.
func (ks *keywords) startsWith(head, hash uint64) uint64 {
	return ks.short(head) | ks.fours.has(hash>>48)
}

// short is mayStart for the keywords that are not in fours.
func (ks *keywords) short(head uint64) uint64 {
	x := startIndex(head)
	wide := head & 0x80808080
	return ks.starts[x/64%(1<<9)]>>(x%64) | -wide>>63
}

// startIndex packs the low five bits of the first three bytes, in which letters are alike in both cases.
func startIndex(head uint64) uint64 { return head&0x1F | head>>3&0x3E0 | head>>6&0x7C00 }

// headHash hashes the first four bytes, without regard to case. The upper bits are the good ones.
func headHash(head uint64) uint64 { return (head | 0x20202020) & (1<<32 - 1) * hashFactor }

// mark prepares the quick looks for a spelling.
func (ks *keywords) mark(s string) {
	if s[0] >= utf8.RuneSelf {
		return // such starts are not looked up
	}
	n := 0
	for n < len(s) && kindOf(s[n]) == kindLower {
		n++
	}
	if n == len(s) || s[n] < utf8.RuneSelf {
		hash := wordHash(headAt([]byte(s[:n]), 0), uint(n))
		ks.words8.add(hash >> 48)
		if n < len(s) {
			ks.plain.addPlain(s[:n], func(b byte) bool { return foldASCII[b] == s[n] })
		} else {
			ks.plain.addPlain(s, endsRun)
		}
		if n+1 < len(s) && s[n+1] < utf8.RuneSelf {
			ks.pairs.add(pairHash(hash, s[n], s[n+1]) >> 48)
		} else {
			ks.complete.add(hash >> 48)
		}
	}
	first := strings.IndexByte(s, ' ')
	if first < 0 || first > 3 {
		first = len(s)
	}
	if first >= 4 {
		ks.fours.add(headHash(headAt([]byte(s), 0)) >> 48)
		return
	}
	// A space between words may be written in several ways. Behind the end of a word of one or two letters anything may stand.
	prefix := startIndex(headAt([]byte(s[:first]), 0))
	for rest := uint64(0); rest < 1<<15; rest += 1 << (5 * first) {
		if x := prefix | rest; first == len(s) || first == 3 || separators>>(x>>(5*first)&0x1F)&1 != 0 {
			ks.starts[x/64] |= 1 << (x % 64)
		}
	}
}

// separators holds, by bits, the low five bits of what foldASCII makes a space.
var separators = func() (set uint32) {
	for b, folded := range foldASCII {
		if folded == ' ' {
			set |= 1 << (b & 0x1F)
		}
	}
	return set
}()

// walk appends the keywords that begin at t[i], also those that are keywords only as a whole name. The caller has made sure that a word may begin there.
func (ks *keywords) walk(t []byte, i int, hits []hit) []hit {
	start, n := i, uint32(0)
	limit := min(len(t), i+ks.maxLen)
	for i < limit {
		if b := t[i]; b < utf8.RuneSelf {
			sym := foldASCII[b]
			if k := sym - 'a'; i > start && k < 26 { // as next does it
				nd := &ks.nodes[n]
				if nd.letters>>k&1 == 0 {
					return hits
				}
				n = nd.child + uint32(bits.OnesCount32(nd.letters&(1<<k-1)))
			} else if n = ks.next(n, sym); n == 0 {
				return hits
			}
			i++
			if sym == ' ' {
				i += skipSpace(t[i:])
			}
		} else {
			r, size := utf8.DecodeRune(t[i:])
			i += size
			var folded [8]byte
			for _, sym := range foldRune(folded[:0], r) {
				if n = ks.next(n, sym); n == 0 {
					return hits
				}
			}
		}
		if w := ks.nodes[n].word; w != 0 {
			word := &ks.words[w-1]
			if len(word.groups)+len(word.exact) > 0 && wordEnds(t, i) {
				hits = append(hits, hit{word: word, start: start, end: i})
			}
			if word.codes != nil {
				if end := codeEnd(t, start); end >= 0 {
					hits = append(hits, hit{word: word.codes, start: start, end: end})
				}
			}
		}
	}
	return hits
}

// codeEnd returns the end of the code that begins at t[i], -1 if there is none: a word of at most maxWord bytes with a digit or capital
// behind its first character.
func codeEnd(t []byte, i int) int {
	end := wordEnd(t, i)
	if end < 0 || insideWord(t, i) {
		return -1
	}
	for j := i + 1; j < end; j++ {
		if kind := kindOf(t[j]); kind == kindDigit || kind == kindUpper {
			return end
		}
	}
	return -1
}

func (ks *keywords) next(n uint32, sym byte) uint32 {
	if n == 0 {
		return ks.root[sym]
	}
	return ks.step(&ks.nodes[n], sym)
}

// step returns the child that sym leads to, 0 if there is none.
func (ks *keywords) step(nd *node, sym byte) uint32 {
	if k := sym - 'a'; k < 26 {
		if nd.letters>>k&1 == 0 {
			return 0
		}
		return nd.child + uint32(bits.OnesCount32(nd.letters&(1<<k-1)))
	}
	first := nd.child + uint32(bits.OnesCount32(nd.letters))
	for c := first; c < first+uint32(nd.others); c++ {
		if ks.nodes[c].sym == sym {
			return c
		}
	}
	return 0
}

// skipSpace returns how many further white space bytes belong to the separator of two words.
func skipSpace(t []byte) int {
	n := 0
	for n < maxSpace-1 && n < len(t) && (t[n] == ' ' || t[n] == '\t' || t[n] == '\r' || t[n] == '\n') {
		n++
	}
	return n
}

// wordEnds reports whether a keyword may end before t[i]: at the end of a word, at a digit, or where camel case begins a new word.
func wordEnds(t []byte, i int) bool {
	if i >= len(t) {
		return true
	}
	prev, next := t[i-1], t[i]
	if next >= utf8.RuneSelf {
		last, _ := utf8.DecodeLastRune(t[:i])
		r, _ := utf8.DecodeRune(t[i:])
		return wide(last) || !wordRune(r) || !wordRune(last)
	}
	if prev >= utf8.RuneSelf {
		r, _ := utf8.DecodeLastRune(t[:i])
		return wide(r) || !wordRune(r) || kindOf(next) != kindLower
	}
	switch kindOf(next) {
	case 0:
		return true
	case kindDigit:
		return !isDigit(prev)
	case kindUpper:
		// A capital begins a word behind a small letter, and behind capitals if a small letter follows it.
		return kindOf(prev) != kindUpper || i+1 < len(t) && kindOf(t[i+1]) == kindLower
	}
	return !isAlnum(prev)
}

// wordStartsAt reports whether a keyword may start at t[i]: the mirror image of wordEnds.
func wordStartsAt(t []byte, i int) bool {
	if i == 0 {
		return true
	}
	r, _ := utf8.DecodeRune(t[i:])
	last, _ := utf8.DecodeLastRune(t[:i])
	if wide(r) || wide(last) || !wordRune(last) || !wordRune(r) {
		return true
	}
	if r >= utf8.RuneSelf || last >= utf8.RuneSelf {
		return false
	}
	prev, next := kindOf(t[i-1]), kindOf(t[i])
	switch {
	case prev == kindDigit:
		return next != kindDigit
	case next == kindUpper:
		return prev == kindLower || i+1 < len(t) && kindOf(t[i+1]) == kindLower
	}
	return false
}
