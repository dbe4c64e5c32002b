package custom

import (
	"unicode"
	"unicode/utf8"
)

// keywords finds the keywords of all definitions at once, without regard to case: a trie over folded characters, and before it a table of the
// first two bytes that a keyword may begin with.
type keywords struct {
	nodes []keywordNode
	// starts tells by the folded first two bytes of a text whether a keyword may begin there.
	starts [1 << 16 / 64]uint64
	// longest is the greatest length of a keyword in bytes, in any spelling.
	longest int
}

type keywordNode struct {
	next map[rune]int32
	// rules are those whose keyword ends here.
	rules []int32
}

// beyondASCII stands in the table for every byte of a character outside ASCII.
const beyondASCII = 0x80

// foldByte folds the bytes for the table.
var foldByte = func() (f [256]byte) {
	for b := range f {
		switch {
		case b >= utf8.RuneSelf:
			f[b] = beyondASCII
		case b >= 'A' && b <= 'Z':
			f[b] = byte(b) | 0x20
		default:
			f[b] = byte(b)
		}
	}
	return f
}()

// foldRune returns the same for all characters that differ in case alone.
func foldRune(r rune) rune {
	if r < utf8.RuneSelf {
		return rune(foldByte[r])
	}
	least := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		least = min(least, f)
	}
	if least < utf8.RuneSelf {
		return rune(foldByte[least])
	}
	return least
}

// add adds a keyword of at least two characters to a rule.
func (ks *keywords) add(keyword string, rule int32) {
	if len(ks.nodes) == 0 {
		ks.nodes = []keywordNode{{}}
	}
	n := int32(0)
	var runes []rune
	for _, r := range keyword {
		runes = append(runes, r)
		r = foldRune(r)
		next, ok := ks.nodes[n].next[r]
		if !ok {
			next = int32(len(ks.nodes))
			ks.nodes = append(ks.nodes, keywordNode{})
			if ks.nodes[n].next == nil {
				ks.nodes[n].next = map[rune]int32{}
			}
			ks.nodes[n].next[r] = next
		}
		n = next
	}
	rules := &ks.nodes[n].rules
	if k := len(*rules); k == 0 || (*rules)[k-1] != rule {
		*rules = append(*rules, rule)
	}
	ks.longest = max(ks.longest, len(runes)*utf8.UTFMax)
	for _, first := range firstBytes(runes[0]) {
		if first == beyondASCII {
			ks.mark(first, first)
			continue
		}
		for _, second := range firstBytes(runes[1]) {
			ks.mark(first, second)
		}
	}
}

// firstBytes returns the folded first bytes of all spellings of a character.
func firstBytes(r rune) []byte {
	var out []byte
	for f := r; ; {
		b := byte(beyondASCII)
		if f < utf8.RuneSelf {
			b = foldByte[f]
		}
		out = append(out, b)
		if f = unicode.SimpleFold(f); f == r {
			return out
		}
	}
}

func (ks *keywords) mark(first, second byte) {
	x := uint(first) | uint(second)<<8
	ks.starts[x/64] |= 1 << (x % 64)
}

// walk calls hear for every keyword that begins at t[i], with the rules that have it and its end.
func (ks *keywords) walk(t []byte, i int, hear func(rules []int32, end int)) {
	n := int32(0)
	for i < len(t) {
		r, size := rune(foldByte[t[i]]), 1
		if t[i] >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(t[i:])
			r = foldRune(r)
		}
		next, ok := ks.nodes[n].next[r]
		if !ok {
			return
		}
		n = next
		i += size
		if rules := ks.nodes[n].rules; len(rules) > 0 {
			hear(rules, i)
		}
	}
}

// scan calls hear for every keyword that begins in t[from:limit].
func (ks *keywords) scan(t []byte, from, limit int, hear func(rules []int32, end int)) {
	for i := from; i < min(limit, len(t)-1); i++ {
		if x := uint(foldByte[t[i]]) | uint(foldByte[t[i+1]])<<8; ks.starts[x/64]>>(x%64)&1 != 0 && utf8.RuneStart(t[i]) {
			ks.walk(t, i, hear)
		}
	}
}
