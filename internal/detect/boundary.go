package detect

import (
	"strings"
	"unicode/utf8"
)

// A value inside a longer token is no match. These two functions say what makes a token longer than the run of letters and digits:
//
// Beside what the layout's own first and last character may be, these are
//
//	before the value: a letter or digit; '_', '+', '%', '$'; '-' behind a letter or digit; '.' behind a digit
//	after the value:  a letter or digit; '_', '%'; '-', '+' or '@' before a letter or digit; '.' before a digit; '/' before a digit if
//	                  the layout itself uses '/'
//
// A letter of a script that is written without spaces (see wide) does not: labels stand right before values there.

// opensToken reports whether a value of the layout may begin at t[i].
func (l *layout) opensToken(t []byte, i int) bool {
	if i == 0 {
		return true
	}
	switch b := t[i-1]; {
	case l.shape.elements[0].set != nil && l.shape.elements[0].set[b] && !escaped(t, i-1):
		return false
	case b >= utf8.RuneSelf:
		r, _ := utf8.DecodeLastRune(t[:i])
		return !wordRune(r)
	case isAlnum(b):
		return escaped(t, i-1)
	case b == '_' || b == '+' || b == '%' || b == '$':
		return false
	case b == '-':
		return i == 1 || !isAlnum(t[i-2]) || escaped(t, i-2)
	case b == '.':
		return i == 1 || !isDigit(t[i-2])
	}
	return true
}

// closesToken reports whether a value of the layout may end at t[i].
func (l *layout) closesToken(t []byte, i int) bool {
	if i >= len(t) {
		return true
	}
	b := t[i]
	if b >= utf8.RuneSelf {
		r, _ := utf8.DecodeRune(t[i:])
		return !wordRune(r)
	}
	if set := l.shape.last(); set != nil && set[b] {
		return false
	}
	for k := 0; k < len(l.NotNext); k++ {
		if l.NotNext[k] == b {
			return false
		}
	}
	var next byte
	if i+1 < len(t) {
		next = t[i+1]
	}
	switch {
	case isAlnum(b) || b == '_' || b == '%':
		return false
	case b == '-' || b == '+' || b == '@':
		return !isAlnum(next)
	case b == '.':
		return !isDigit(next)
	case b == '/':
		return !l.shape.slash || !isDigit(next)
	}
	return true
}

// escaped reports whether t[i] is the letter of an escaped line end or tab, as in a one-line dump of a text: n, r or t behind an odd number of
// backslashes.
func escaped(t []byte, i int) bool {
	if t[i] != 'n' && t[i] != 'r' && t[i] != 't' {
		return false
	}
	n := 0
	for n < i && n < maxEscape && t[i-1-n] == '\\' {
		n++
	}
	return n%2 == 1
}

// maxEscape bounds how many backslashes are counted.
const maxEscape = 31

// standsAlone reports whether no further group of digits stands beside the value t[start:end], set off by one space or hyphen, and no minus
// sign in front of it.
func standsAlone(t []byte, start, end int) bool {
	set := func(b byte) bool { return b == ' ' || b == '-' }
	if start >= 1 && t[start-1] == '-' {
		return false
	}
	if start >= 2 && set(t[start-1]) && isDigit(t[start-2]) {
		return false
	}
	return end+1 >= len(t) || !set(t[end]) || !isDigit(t[end+1])
}

// lead returns where the value begins whose shape begins at t[i]: before up to maxLead of the layout's Lead.
func (l *layout) lead(t []byte, i int) int {
	for k := 0; k < maxLead && i > 0 && strings.IndexByte(l.Lead, t[i-1]) >= 0; k++ {
		i--
	}
	return i
}

const maxLead = 2
