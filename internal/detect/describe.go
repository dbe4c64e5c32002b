package detect

import (
	"strconv"
	"strings"
)

// Form shows a person what a value of the layout looks like: 9 stands for a digit, A for a capital, a for a letter, X for a capital or digit, x
// for a letter or digit, and … for what a grammar tells by its words and by what stands around it.
func (l *Layout) Form() string {
	if l.Around != nil {
		return "…"
	}
	var b strings.Builder
	separators := false
	for rest := l.Shape; rest != ""; {
		symbol, n := formElement(rest)
		rest = rest[n:]
		if symbol == "~" {
			separators = true
			symbol = "-"
		}
		lo, hi := 1, 1
		if strings.HasPrefix(rest, "?") {
			rest = rest[1:]
			if symbol != "-" {
				symbol = "(" + symbol + ")"
			}
		} else if strings.HasPrefix(rest, "{") {
			end := strings.IndexByte(rest, '}')
			from, to, ranged := strings.Cut(rest[1:end], ",")
			if !ranged {
				to = from
			}
			lo, _ = strconv.Atoi(from)
			hi, _ = strconv.Atoi(to)
			rest = rest[end+1:]
		}
		switch {
		case lo != hi && hi <= 3:
			b.WriteString(strings.Repeat(symbol, lo) + strings.Repeat("("+symbol+")", hi-lo))
		case lo != hi:
			b.WriteString(symbol + "{" + strconv.Itoa(lo) + " to " + strconv.Itoa(hi) + "}")
		case hi > 24:
			b.WriteString(symbol + "{" + strconv.Itoa(hi) + "}")
		default:
			b.WriteString(strings.Repeat(symbol, hi))
		}
	}
	if l.Tail != nil {
		b.WriteString("…")
	}
	if separators {
		b.WriteString(" (or with spaces, or without)")
	}
	return b.String()
}

// formElement returns what stands for the first element of a shape, and the element's length there.
func formElement(shape string) (symbol string, n int) {
	switch c := shape[0]; c {
	case '[':
		n = strings.IndexByte(shape[2:], ']') + 3
		return formSet(parseSet(shape[1:n-1]), shape[:n]), n
	case '\'', '"':
		n = strings.IndexByte(shape[1:], c) + 2
		return shape[1 : n-1], n
	}
	return shape[:1], 1
}

// formSet names a set by the smallest class that holds it; a set of punctuation stands for itself.
func formSet(set *byteSet, text string) string {
	kinds, other := 0, false
	for b, in := range set {
		if in {
			kinds |= kindOf(byte(b))
			other = other || !isAlnum(byte(b))
		}
	}
	if b, one := set.only(); one {
		return string(rune(b))
	}
	switch {
	case other:
		if kinds == kindDigit|kindUpper|kindLower {
			return "x"
		}
		return text
	case kinds == kindDigit:
		return "9"
	case kinds == kindUpper:
		return "A"
	case kinds&kindDigit == 0:
		return "a"
	case kinds == kindDigit|kindUpper:
		return "X"
	}
	return "x"
}
