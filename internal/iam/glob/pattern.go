// Package glob is the algebra of IAM's patterns: matching, inclusion, disjointness, and a witness of "in all of these, in none of those".
//
// A pattern is a run of literals, "?" (one UTF-16 unit) and "*" (any units, also none). In a pattern of an ARN the wildcards of the first
// five fields do not match a colon, so that a field-wise comparison is a pattern like any other (access-analyzer.md 4.3). A pattern may
// fold case. Patterns of all these forms can be mixed in one question.
package glob

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// A token is a UTF-16 unit that stands for itself, or a wildcard.
type token int32

const (
	star      token = -1 - iota // any units, also none
	fieldStar                   // any units but a colon, also none
	one                         // one unit
	fieldOne                    // one unit but a colon
)

func (t token) isStar() bool { return t == star || t == fieldStar }

// A folding says which letters of a subject count as equal.
type folding uint8

const (
	foldNone  folding = iota
	foldASCII         // A to Z as a to z
	foldLower         // every letter as its lower-case letter
)

// fold returns the unit that stands for u.
func (f folding) fold(u uint16) uint16 {
	switch {
	case f == foldNone:
		return u
	case 'A' <= u && u <= 'Z':
		return u + 'a' - 'A'
	case u < utf8.RuneSelf || f == foldASCII || utf16.IsSurrogate(rune(u)):
		return u
	}
	return uint16(unicode.ToLower(rune(u)))
}

// Pattern is a set of strings. It is immutable; its zero value holds the empty string only.
type Pattern struct {
	tokens  []token
	folding folding
}

// Compile reads a text in which "*" and "?" are wildcards and nothing else is special.
func Compile(text string) Pattern {
	var b Builder
	b.Text(text)
	return b.Pattern()
}

// Literal is the pattern that matches one string only.
func Literal(text string) Pattern {
	var b Builder
	b.Literal(text)
	return b.Pattern()
}

// Everything is the pattern "*".
func Everything() Pattern { return Pattern{tokens: []token{star}} }

// Resource reads the text of a Resource element: Compile and then Builder.Resource.
func Resource(text string) Pattern {
	var b Builder
	b.Text(text)
	return b.Resource()
}

// ARN reads a value of ArnLike: Compile and then Builder.ARN.
func ARN(text string) (p Pattern, ok bool) {
	var b Builder
	b.Text(text)
	return b.ARN()
}

// Action reads the text of an Action element; letters A to Z match in either case, other letters only themselves.
func Action(text string) Pattern { return Compile(text).FoldASCII() }

// anyARN holds every string with the form of an ARN.
var anyARN = Pattern{tokens: []token{'a', 'r', 'n', ':', fieldStar, ':', fieldStar, ':', fieldStar, ':', fieldStar, ':', star}}

// AnyARN holds every string that begins with "arn:" and has six fields. A request's value outside it meets no ARN operator, also no negated one.
func AnyARN() Pattern { return anyARN }

// FoldASCII returns the pattern that takes the letters A to Z for a to z, as action names are compared.
func (p Pattern) FoldASCII() Pattern { return p.folded(foldASCII) }

// FoldLower returns the pattern that takes every letter for its lower-case letter, as StringEqualsIgnoreCase compares. Letters beyond the
// basic multilingual plane have one case only, and no letter becomes two (ß is not ss).
func (p Pattern) FoldLower() Pattern { return p.folded(foldLower) }

func (p Pattern) folded(f folding) Pattern {
	tokens := slices.Clone(p.tokens)
	for i, t := range tokens {
		if t >= 0 {
			tokens[i] = token(f.fold(uint16(t)))
		}
	}
	return Pattern{tokens: tokens, folding: f}
}

// Equal reports whether two patterns are written alike. Patterns that are not may still hold the same strings.
func (p Pattern) Equal(q Pattern) bool {
	return p.folding == q.folding && slices.Equal(p.tokens, q.tokens)
}

// IsEverything reports whether the pattern is "*".
func (p Pattern) IsEverything() bool { return len(p.tokens) == 1 && p.tokens[0] == star }

// IsLiteral reports whether the pattern has no wildcard.
func (p Pattern) IsLiteral() bool {
	return !slices.ContainsFunc(p.tokens, func(t token) bool { return t < 0 })
}

// String writes the pattern with "*" and "?"; literal stars and question marks and dollar signs before a brace as IAM's ${*}, ${?} and ${$}.
func (p Pattern) String() string {
	var b strings.Builder
	for i := 0; i < len(p.tokens); i++ {
		switch t := p.tokens[i]; {
		case t.isStar():
			b.WriteByte('*')
		case t < 0:
			b.WriteByte('?')
		case t == '*' || t == '?':
			b.WriteString("${" + string(rune(t)) + "}")
		case t == '$' && i+1 < len(p.tokens) && p.tokens[i+1] == '{':
			b.WriteString("${$}")
		case utf16.IsSurrogate(rune(t)) && i+1 < len(p.tokens):
			i++
			b.WriteRune(utf16.DecodeRune(rune(t), rune(p.tokens[i])))
		default:
			b.WriteRune(rune(t))
		}
	}
	return b.String()
}

// Match reports whether the whole of s is in the pattern, in at most len(pattern)*len(s) steps and without allocating. A byte that is not
// UTF-8 counts as one unit that no literal matches.
//
// One resumption point is enough: whatever an earlier star could still take, the last one reached can take as well, because a star that
// stops at colons shares its field with every star before it that is still open.
func (p Pattern) Match(s string) bool {
	matches, _ := p.MatchCounted(s)
	return matches
}

// MatchCounted is Match that also tells how many steps it took.
func (p Pattern) MatchCounted(s string) (matches bool, steps int) {
	t, i := 0, 0
	last, resume := -1, 0 // the last star, and where s goes on if it takes one unit more
	for ; i < len(s); steps++ {
		if t < len(p.tokens) {
			k := p.tokens[t]
			if c := s[i]; k >= 0 && c < utf8.RuneSelf { // most of most strings
				if p.folding != foldNone && 'A' <= c && c <= 'Z' {
					c += 'a' - 'A'
				}
				if k == token(c) {
					t, i = t+1, i+1
					continue
				}
			} else if k.isStar() {
				if k == star && t == len(p.tokens)-1 {
					return true, steps
				}
				last, resume = t, i
				t++
				continue
			} else if u, next := unit(s, i); k.takes(u, p.folding) {
				t, i = t+1, next
				continue
			}
		}
		if last < 0 {
			return false, steps
		}
		u, next := unit(s, resume)
		if p.tokens[last] == fieldStar && u == ':' {
			return false, steps
		}
		t, i, resume = last+1, next, next
	}
	for t < len(p.tokens) && p.tokens[t].isStar() {
		t++
	}
	return t == len(p.tokens), steps
}

// takes reports whether a token that is not a star matches one unit.
func (t token) takes(u uint16, f folding) bool {
	switch t {
	case one:
		return true
	case fieldOne:
		return u != ':'
	}
	return t == token(f.fold(u))
}

// unit returns the UTF-16 unit at place i of s and the place of the next. The second unit of a pair stands at the second of its four bytes.
// A byte that is not UTF-8 is a low surrogate without its high one, which no literal is.
func unit(s string, i int) (u uint16, next int) {
	if s[i] < utf8.RuneSelf {
		return uint16(s[i]), i + 1
	}
	r, width := utf8.DecodeRuneInString(s[i:])
	switch {
	case width == 4:
		high, _ := utf16.EncodeRune(r)
		return uint16(high), i + 1
	case r == utf8.RuneError && width == 1:
		if i > 0 {
			if r, width := utf8.DecodeRuneInString(s[i-1:]); width == 4 {
				_, low := utf16.EncodeRune(r)
				return uint16(low), i + 3
			}
		}
		return 0xDC00 + uint16(s[i]), i + 1
	}
	return uint16(r), i + width
}
