package pdf

import (
	"slices"
	"unicode"
	"unicode/utf8"
)

// logical turns the text from begin on, which is in the order in which it is seen from left to right, into the order in which it is read, where
// it is Arabic, Hebrew or the like. This is the way back of Unicode's bidirectional algorithm for one level: numbers and Latin words
// keep their order.
func logical(b []byte, begin int) []byte {
	right, left := 0, 0
	for i := begin; i < len(b); {
		if b[i] < utf8.RuneSelf {
			if isLetter(b[i]) {
				left++
			}
			i++
			continue
		}
		r, n := utf8.DecodeRune(b[i:])
		switch {
		case rightToLeft(r):
			right++
		case unicode.IsLetter(r):
			left++
		}
		i += n
	}
	if right == 0 {
		return b
	}
	line := []rune(string(b[begin:]))
	if right > left {
		slices.Reverse(line)
		for i := range line {
			line[i] = mirror(line[i])
		}
		runs(line, func(r rune) bool { return !rightToLeft(r) && (unicode.IsLetter(r) || unicode.IsDigit(r)) }, rightToLeft)
	} else {
		runs(line, rightToLeft, func(r rune) bool { return !rightToLeft(r) && (unicode.IsLetter(r) || unicode.IsDigit(r)) })
	}
	return append(b[:begin], string(line)...)
}

// runs reverses each stretch that begins and ends with what belongs, and holds nothing that ends it.
func runs(line []rune, belongs, ends func(rune) bool) {
	for i := 0; i < len(line); i++ {
		if !belongs(line[i]) {
			continue
		}
		last := i
		for k := i + 1; k < len(line) && !ends(line[k]) && line[k] != '\t'; k++ {
			if belongs(line[k]) {
				last = k
			}
		}
		slices.Reverse(line[i : last+1])
		i = last
	}
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// rightToLeft says that a character belongs to a script that is written from right to left: the blocks from Hebrew to Arabic Extended-A,
// presentation forms, and those of the supplementary plane.
func rightToLeft(r rune) bool {
	if r >= 0x660 && r <= 0x669 || r >= 0x6f0 && r <= 0x6f9 {
		return false // digits
	}
	return r >= 0x590 && r <= 0x8ff || r >= 0xfb1d && r <= 0xfdff || r >= 0xfe70 && r <= 0xfeff || r >= 0x10800 && r <= 0x10fff || r >= 0x1e800 && r <= 0x1efff
}

func mirror(r rune) rune {
	switch r {
	case '(':
		return ')'
	case ')':
		return '('
	case '[':
		return ']'
	case ']':
		return '['
	case '<':
		return '>'
	case '>':
		return '<'
	case '«':
		return '»'
	case '»':
		return '«'
	}
	return r
}
