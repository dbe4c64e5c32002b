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
			x := ws.index(headAt(folded, 0), len(folded))
			ws.filter[x/64] |= 1 << (x % 64)
		}
	}
	return ws
}

// mayBe is the quick look before at: a word of length ASCII letters and digits, with its first eight bytes.
func (ws *words) mayBe(head uint64, length int) bool {
	x := ws.index(head, length)
	return ws.filter[x/64]>>(x%64)&1 != 0
}

func (ws *words) index(head uint64, length int) uint64 {
	return ((head|0x20*every)&headMask[min(length, 8)] + uint64(length)) * hashFactor >> ws.shift
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
