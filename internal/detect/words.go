package detect

import (
	"math/bits"
	"unicode/utf8"
)

// words finds the words of layouts that have Words.
type words struct {
	// filter holds the words of ASCII letters and digits, by a hash of their length and first eight letters.
	filter []uint64
	shift  uint8 // of the hash, to make it an index of a bit
	// lists gives the layouts of a word, folded.
	lists map[string][]*layout
	// bare are the layouts that need no keyword; listen says that others do.
	bare   []*layout
	listen bool
}

// maxWord is the greatest length of a word in bytes: longer runs are not looked into.
const maxWord = maxRun - 1

// wordShape stands for the shape of layouts with Words: boundaries are those of any word.
var wordShape = &shape{elements: []element{{}}, maxLen: maxWord}

func newWords(layouts []*layout) *words {
	n := 0
	for _, l := range layouts {
		n += len(l.Words)
	}
	// About sixteen bits for a word.
	size := max(10, bits.Len(uint(n))+4)
	ws := &words{filter: make([]uint64, 1<<size/64), shift: uint8(64 - size), lists: make(map[string][]*layout, n)}
	for _, l := range layouts {
		if l.bare() {
			ws.bare = append(ws.bare, l)
		}
		ws.listen = ws.listen || l.Keyword != KeywordUnneeded
		var folded []byte
		for _, w := range l.Words {
			folded = folded[:0]
			for _, r := range w {
				folded = foldRune(folded, r)
			}
			list := ws.lists[string(folded)]
			if len(list) > 0 && list[len(list)-1] == l {
				continue // another spelling of the same word
			}
			ws.lists[string(folded)] = append(list, l)
			x := wordHash(headAt(folded, 0), uint(len(folded))) >> ws.shift
			ws.filter[x/64] |= 1 << (x % 64)
		}
	}
	return ws
}

// mayBe is the quick look before at: a word of length ASCII letters and digits, with its first eight bytes.
func (ws *words) mayBe(head uint64, length int) bool {
	return ws.has(wordHash(head, uint(length)))&1 != 0
}

// has is mayBe for a word's wordHash. The lowest bit of its answer counts.
func (ws *words) has(hash uint64) uint64 {
	x := hash >> ws.shift
	return ws.filter[x/64] >> (x % 64)
}

// glance reports whether a layout that needs no keyword may be found at the word t[start:end], behind which more text may follow.
func (ws *words) glance(t []byte, start, end int) bool {
	for _, l := range ws.bare {
		if l.Glance == nil || l.Glance(t, start, end, false) {
			return true
		}
	}
	return false
}

// at returns the layouts of the word that begins at t[i].
func (ws *words) at(t []byte, i int) []*layout {
	end := wordEnd(t, i)
	if end < 0 {
		return nil
	}
	var buf [maxWord + 8]byte
	folded := buf[:0]
	for i < end {
		if t[i] < utf8.RuneSelf {
			folded = append(folded, foldASCII[t[i]])
			i++
			continue
		}
		r, size := utf8.DecodeRune(t[i:])
		folded = foldRune(folded, r)
		i += size
	}
	return ws.lists[string(folded)]
}

// wordEnd returns the end of the word that begins at t[i], or -1 for one that is longer than maxWord.
func wordEnd(t []byte, i int) int {
	limit := min(len(t), i+maxWord+utf8.UTFMax)
	for j := i; j <= i+maxWord; {
		if j >= limit {
			return j
		}
		if t[j] < utf8.RuneSelf {
			if !isAlnum(t[j]) {
				return j
			}
			j++
			continue
		}
		r, size := utf8.DecodeRune(t[j:])
		if !wordRune(r) {
			return j
		}
		j += size
	}
	return -1
}
