package person

import (
	"bytes"

	"github.com/magpie-sec/magpie/internal/detect/check"
)

// Whole is the grammar of a full name as the whole value of a field that holds names: two to six words in Latin script, each with a capital
// first (or all in capitals), with particles such as "van der" and initials between them, perhaps as "Family, Given", with titles and suffixes.
// The words need not be listed. Words that name firms, places and things are refused.
func Whole(value []byte, _ bool) int {
	toks, n, _ := words(value)
	if n < 2 || toks[0].form == particle && n < 3 {
		return check.No
	}
	full, run, listed, words, strength := 0, 0, 0, 0, 0
	for k := range toks[:n] {
		tok := &toks[k]
		switch tok.form {
		case proper:
			if tok.refused {
				return check.No
			}
			full++
			run = 0
			if tok.kind&^(eastern|plain) != 0 {
				listed++
			}
			if tok.kind == plain {
				words++
			}
			strength = max(strength, tok.kind.given(), tok.kind.family())
		case initial, particle:
			if run++; run > 3 {
				return check.No
			}
		default:
			return check.No
		}
	}
	if full < 2 || full > 5 || listed == 0 && full > 3 {
		return check.No
	}
	if words > 0 && strength <= Doubt || toks[0].kind == plain && isPlace(value[toks[0].start:toks[0].end]) || isNotName(value, &toks[0], &toks[n-1]) {
		return check.No // Paris Office; San Diego
	}
	return len(value)
}

func isPlace(word []byte) bool {
	var buf [maxWord + 16]byte
	return places[string(Fold(buf[:0], word))]
}

// Given is Whole for fields whose name does not say that it is a person's: the value's words have to be listed as in running text.
func Given(value []byte, final bool) int {
	if Whole(value, final) < 0 {
		return check.No
	}
	toks, n, comma := words(value)
	first, other := 0, 1
	for first < n-1 && (toks[first].form == particle || toks[first].form == initial) {
		first++
	}
	if comma > 0 {
		first, other = comma, comma-1
	}
	if toks[first].form != proper || comma > 0 && toks[other].kind.family() == 0 && toks[0].form != particle {
		return check.No
	}
	given, family, unknown := toks[first].kind.given(), 0, 0
	for k := range toks[:n] {
		if k == first || toks[k].form != proper {
			continue
		}
		family = max(family, toks[k].kind.family())
		if toks[k].kind == 0 {
			unknown++
		} else if toks[k].kind == plain && given < Sure {
			unknown += 2
		}
	}
	switch {
	case given == 0 && toks[0].kind&eastern != 0 && toks[n-1].kind.given() > 0:
		return len(value)
	case given >= Likely && (unknown <= 1 || family == Sure):
		return len(value)
	case given == Doubt && family == Sure || given == 0 && family == Sure && n == 2 && unknown == 1 && toks[n-1].kind.family() == Sure && plainWord(&toks[0]):
		return len(value)
	}
	return check.No
}

// words splits a whole value at its spaces. comma is the number of the word behind the comma of "Family, Given", 0 without one. n is 0 if it
// cannot be a name.
func words(value []byte) (toks [maxTokens + 1]token, n, comma int) {
	for i := 0; i < len(value); {
		if n == len(toks) || len(value) > MaxLen {
			return toks, 0, 0
		}
		k := &toks[n]
		*k = token{start: i}
		readWord(value, k)
		word := value[k.start:k.end]
		if k.end == i {
			return toks, 0, 0
		}
		i = k.end
		if i < len(value) && value[i] == '.' && k.form != other && (suffixes[string(word)] || isTitle(word)) {
			i++
			k.end++
		}
		if n > 0 && suffixes[string(word)] {
			k.form = particle
			if comma == n {
				comma = 0 // Jane Doe, PhD
			}
		} else if n == 0 && k.form == proper && isTitle(word) {
			k.form = particle
		}
		n++
		if i < len(value) && value[i] == ',' {
			switch {
			case comma == 0 && n <= 3 && k.form == proper:
				comma = n
			case n < 2:
				return toks, 0, 0
			}
			i++
		}
		if i < len(value) {
			if value[i] != ' ' || i+1 == len(value) {
				return toks, 0, 0
			}
			i++
		}
	}
	if comma == n {
		return toks, 0, 0
	}
	return toks, n, comma
}

func isTitle(word []byte) bool {
	var buf [maxWord + 16]byte
	return len(word) <= maxWord && len(word) > 1 && cues[string(Fold(buf[:0], word))] == title && !bytes.Equal(word, []byte("Don"))
}

// suffixes stand behind a name.
var suffixes = setOf("Jr Sr JR SR II III IV MD PhD Esq MBA CPA RN")
