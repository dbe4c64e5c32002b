package custom

import (
	"regexp/syntax"
	"slices"
	"unicode/utf8"
)

// minLiteral is the shortest literal that is worth looking for.
const minLiteral = 2

// literalOf returns a literal that is in every match, the one that is likely to be rarest, and how many bytes of a match may stand before it
// (-1 for any number). It is empty if there is none.
func literalOf(re *syntax.Regexp) (literal []byte, before int) {
	best := 0
	at := 0
	var visit func(re *syntax.Regexp)
	visit = func(re *syntax.Regexp) {
		switch re.Op {
		case syntax.OpConcat:
			for _, sub := range re.Sub {
				visit(sub)
			}
			return
		case syntax.OpPlus:
			visit(re.Sub[0])
			at = -1
			return
		case syntax.OpLiteral:
			if re.Flags&syntax.FoldCase == 0 && !slices.Contains(re.Rune, utf8.RuneError) { // which also stands for ill-formed bytes
				if text := []byte(string(re.Rune)); len(text) >= minLiteral && rarity(text) > best {
					literal, before, best = text, at, rarity(text)
				}
			}
		}
		if n := longest(re); n < 0 || at < 0 {
			at = -1
		} else {
			at += n
		}
	}
	visit(re)
	return literal, before
}

// rarity estimates how rare a text is: letters are common, the more so if small, digits and signs less.
func rarity(text []byte) int {
	n := 0
	for _, b := range text {
		switch {
		case b >= 'a' && b <= 'z', b == ' ', b == '\n':
			n += 2
		case b >= '0' && b <= '9':
			n += 3
		default:
			n += 4
		}
	}
	return n
}

// longest returns the greatest length of a match in bytes, -1 for any.
func longest(re *syntax.Regexp) int {
	switch re.Op {
	case syntax.OpLiteral:
		n := 0
		for _, r := range re.Rune {
			if re.Flags&syntax.FoldCase != 0 {
				n += utf8.UTFMax
			} else {
				n += utf8.RuneLen(r)
			}
		}
		return n
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return utf8.UTFMax
	case syntax.OpStar, syntax.OpPlus:
		return -1
	case syntax.OpQuest, syntax.OpCapture:
		return longest(re.Sub[0])
	case syntax.OpRepeat:
		n := longest(re.Sub[0])
		if re.Max < 0 || n < 0 {
			return -1
		}
		return n * re.Max
	case syntax.OpConcat, syntax.OpAlternate:
		sum, most := 0, 0
		for _, sub := range re.Sub {
			n := longest(sub)
			if n < 0 {
				return -1
			}
			sum, most = sum+n, max(most, n)
		}
		if re.Op == syntax.OpConcat {
			return sum
		}
		return most
	}
	return 0 // assertions, nothing
}
