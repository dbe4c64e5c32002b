// Package person recognises full names of people, written in Latin script, in running text and as whole values.
//
// A name is a given name and a family name, in either order, that stand in a list of some 44,000 names of all countries (names.gz, extra.txt; NOTICE has their origin),
// with what surrounds them weighed: titles and labels speak for a person; words of firms, places, works and code beside it against one.
package person

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Kind says how much a listed word tells: in its lowest two bits as a given name, in the next two as a family name.
type Kind uint8

// What each of the two may be. A name that is an ordinary word, a place or a thing as well tells less.
const (
	None   = iota
	Doubt  // more often something else: Hope, Paris, Field
	Likely // a word, but with a capital most often a name: Mark, Brown
	Sure
)

// FamilyShift is where the family name's part begins.
const FamilyShift = 2

const (
	// eastern marks a family name that stands first: Wang Wei, Nguyễn Văn An.
	eastern Kind = 1 << 4
	// plain marks a word that is no name.
	plain Kind = 1 << 5
)

func (k Kind) given() int  { return int(k & 3) }
func (k Kind) family() int { return int(k >> FamilyShift & 3) }

//go:embed names.gz
var packed []byte

//go:embed extra.txt
var extra string

// lists are what is read of the embedded data.
type lists struct {
	*table
	triggers []string
}

// names are the lists, read once.
var names = sync.OnceValue(func() *lists {
	l, err := load()
	if err != nil {
		panic("person: " + err.Error()) // the embedded data are broken, which the tests would show
	}
	return l
})

// load reads the embedded lists. names.gz has one folded word a line and behind it '0' + its Kind, 0 for a word that is no name; extra.txt has its
// form in its head.
func load() (*lists, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	b.Grow(1 << 20)
	if _, err := io.Copy(&b, z); err != nil {
		return nil, err
	}
	t := newTable(1 << 17)
	maybe := make([]string, 0, 1<<15) // words that may be triggers
	for rest := b.String(); len(rest) > 0; {
		n := strings.IndexByte(rest, '\n')
		if n < 2 {
			return nil, fmt.Errorf("names.gz ends with %q", rest)
		}
		kind := Kind(rest[n-1] - '0')
		if kind == 0 {
			kind = plain
		} else if kind.given() != 0 {
			maybe = append(maybe, rest[:n-1])
		}
		t.set(hashOf(rest[:n-1]), kind)
		rest = rest[n+1:]
	}
	if err := t.judge(extra); err != nil {
		return nil, err
	}
	for w, c := range cues {
		if c == label {
			t.set(hashOf(w), plain)
		}
	}
	l := &lists{table: t}
	for _, w := range append(maybe, strings.Fields(extra)...) {
		if k := t.get(hashOf(w)); (k.given() != 0 || k&eastern != 0) && !strings.ContainsAny(w, "-'") {
			l.triggers = append(l.triggers, w)
		}
	}
	l.triggers = append(l.triggers, slices.Sorted(maps.Keys(cues))...) // in the same order in every process
	return l, nil
}

// judge reads extra.txt.
func (t *table) judge(extra string) error {
	section := ""
	for _, line := range strings.Split(extra, "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		if strings.HasPrefix(line, "[") {
			section = strings.Trim(line, "[]")
			continue
		}
		for _, w := range strings.Fields(line) {
			h := hashOf(w)
			k := t.get(h)
			if section == "given" || section == "family" || strings.HasPrefix(section, "sure") || strings.HasPrefix(section, "likely") {
				k &^= plain
			}
			switch section {
			case "given":
				k |= Sure
			case "family":
				k |= Sure << FamilyShift
			case "eastern":
				k |= Sure<<FamilyShift | eastern
			case "sure given":
				k = k&^3 | Sure
			case "likely given":
				k = k&^3 | Likely
			case "sure family":
				k |= Sure << FamilyShift
			case "likely family":
				k = k&^(3<<FamilyShift) | Likely<<FamilyShift
			case "no given":
				if k &^= 3; k == 0 {
					k = plain
				}
			case "doubtful given":
				if k&3 != 0 {
					k = k&^3 | Doubt
				}
			case "doubtful family":
				if k.family() != 0 {
					k = k&^(3<<FamilyShift) | Doubt<<FamilyShift
				}
			case "never":
				k = plain
			default:
				return fmt.Errorf("extra.txt has no section %q", section)
			}
			t.set(h, k)
		}
	}
	return nil
}

// Triggers returns the words at which Around has to be tried, folded: given names, family names that stand first, titles and labels. The slice
// must not be changed.
func Triggers() []string { return names().triggers }

// kindOf looks up a word as it is written, without regard to case and accents. Of a word with hyphens or an apostrophe the parts count.
func kindOf(word []byte) Kind {
	var buf [maxWord + 16]byte
	if len(word) > maxWord {
		return 0
	}
	return kindOfFolded(Fold(buf[:0], word))
}

// kindOfFolded is kindOf for a word that Fold has been through.
func kindOfFolded(folded []byte) Kind {
	t := names()
	if k := t.get(hashOf(folded)); k != 0 {
		return k
	}
	kind, rest := Kind(0), folded
	for {
		n := bytes.IndexAny(rest, "-'")
		if n < 0 {
			if len(rest) == len(folded) {
				return suffixKind(folded)
			}
			return join(join(kind, t.get(hashOf(rest))), suffixKind(rest))
		}
		kind = join(kind, t.get(hashOf(rest[:n])))
		if rest[n] == '\'' && n == 1 && strings.IndexByte("odln", rest[0]) >= 0 && len(rest) > 4 {
			kind |= Sure << FamilyShift // O'Neill, D'Angelo
		}
		rest = rest[n+1:]
	}
}

// join is the greater of each part.
func join(a, b Kind) Kind {
	k := max(a&3, b&3) | max(a&(3<<FamilyShift), b&(3<<FamilyShift)) | (a|b)&eastern
	if k == 0 {
		return (a | b) & plain
	}
	return k
}

// suffixKind recognises family names by how they end or begin.
func suffixKind(w []byte) Kind {
	if len(w) < 7 || len(w) > 16 {
		return 0
	}
	for _, s := range familyEnds {
		if w[len(w)-1] == s[len(s)-1] && bytes.HasSuffix(w, []byte(s)) {
			return Sure << FamilyShift
		}
	}
	if bytes.HasPrefix(w, []byte("mac")) && len(w) > 8 || bytes.HasPrefix(w, []byte("mc")) || bytes.HasPrefix(w, []byte("fitz")) {
		return Sure << FamilyShift
	}
	return 0
}

// familyEnds are ends of patronymics and place names that make family names and hardly anything else.
var familyEnds = strings.Fields(`sson sdottir owski owska ewski ewska inski inska ynski ynska wicz enko chuk shvili adze opoulos opoulou akis idis
	oglu quist qvist strom gaard escu eanu nandez ninguez rriguez varez imov imova anov anova enov enova ikov ikova ssen mann meier maier meyer
	huber bauer hauser berger dottir`)

// A table is a set of hashes with open addressing. A name is not stored: of 64 bits that 40,000 names share, two hardly ever collide.
type table struct {
	hashes []uint64
	kinds  []Kind
	mask   uint64
}

func newTable(n int) *table {
	size := 1 << 10
	for size < 2*n {
		size *= 2
	}
	return &table{hashes: make([]uint64, size), kinds: make([]Kind, size), mask: uint64(size - 1)}
}

func (t *table) set(h uint64, k Kind) {
	i := h & t.mask
	for t.hashes[i] != 0 && t.hashes[i] != h {
		i = (i + 1) & t.mask
	}
	t.hashes[i], t.kinds[i] = h, k
}

func (t *table) get(h uint64) Kind {
	for i := h & t.mask; t.hashes[i] != 0; i = (i + 1) & t.mask {
		if t.hashes[i] == h {
			return t.kinds[i]
		}
	}
	return 0
}

// hashOf is FNV-1a with its high bits folded down, never 0.
func hashOf[T string | []byte](w T) uint64 {
	h := uint64(14695981039346656037)
	for i := 0; i < len(w); i++ {
		h = (h ^ uint64(w[i])) * 1099511628211
	}
	return (h ^ h>>32) | 1<<63
}

// Fold appends the word in small letters without accents, typographic apostrophes and hyphens as ASCII: the form of the lists.
func Fold(dst, word []byte) []byte {
	for i := 0; i < len(word); {
		b := word[i]
		if b < utf8.RuneSelf {
			if b-'A' < 26 {
				b |= 0x20
			}
			dst = append(dst, b)
			i++
			continue
		}
		r, size := utf8.DecodeRune(word[i:])
		i += size
		dst = append(dst, foldRune(r)...)
	}
	return dst
}

// foldRune returns the base letters of a letter, "" for an accent, and "?" for what is not Latin.
func foldRune(r rune) string {
	if int(r) < len(foldTable()) {
		return foldTable()[r]
	}
	switch {
	case r >= 0x1E00 && r < 0x1F00:
		return foldHigh()[r-0x1E00]
	case r == '‘' || r == '’':
		return "'"
	case r == '‐' || r == '‑':
		return "-"
	}
	return "?"
}

var (
	foldTable = sync.OnceValue(func() *[0x370]string { return (*[0x370]string)(foldRange(0, 0x370)) })
	foldHigh  = sync.OnceValue(func() *[0x100]string { return (*[0x100]string)(foldRange(0x1E00, 0x1F00)) })
)

func foldRange(from, to rune) []string {
	special := map[rune]string{'ß': "ss", 'ẞ': "ss", 'æ': "ae", 'Æ': "ae", 'œ': "oe", 'Œ': "oe", 'ø': "o", 'Ø': "o", 'ł': "l", 'Ł': "l", 'đ': "d", 'Đ': "d",
		'ð': "d", 'Ð': "d", 'ı': "i", 'þ': "th", 'Þ': "th", 'ə': "e", 'Ə': "e", 'ʻ': "'", 'ʼ': "'", '´': "'"}
	out := make([]string, to-from)
	for r := from; r < to; r++ {
		s, ok := special[r]
		if !ok {
			base, _ := utf8.DecodeRuneInString(norm.NFKD.String(string(r)))
			switch {
			case unicode.Is(unicode.Mn, base):
			case base < utf8.RuneSelf:
				s = strings.ToLower(string(base))
			default:
				s = "?"
			}
		}
		out[r-from] = s
	}
	return out
}
