package check

import (
	"bytes"
	"strings"
)

// The forms of a payment card's expiry: a month and a year (ISO/IEC 7813 has them as YYMM; cards and forms as month and year), or a full date.

// Expiry reports whether the text is a month and a year, or a full date, with a year that a card can bear: 1990 to 2099, or two digits. The
// month is a number or a name of monthNumber; a number stands before a year of two digits, a name on either side.
func Expiry(text []byte) bool {
	if len(text) > 0 && text[0] == '/' || bytes.HasSuffix(text, []byte(" ago")) { // 0:00:18 ago: not August
		return false
	}
	var n, width [3]int
	parts, month, monthAt := 0, 0, -1
	for i := 0; i < len(text); {
		j := i
		for j < len(text) && isDigit(text[j]) {
			j++
		}
		if j > i {
			if parts == 3 || j-i > 4 || j-i == 3 {
				return false
			}
			n[parts], width[parts] = number(text[i:j]), j-i
			parts++
			i = j
			continue
		}
		for j < len(text) && inWord(text[j]) {
			j++
		}
		if j == i {
			i++
			continue
		}
		if month > 0 {
			return false
		}
		if month, monthAt = monthNumber(text[i:j]), parts; month == 0 {
			return false
		}
		i = j
	}
	if month > 0 && parts == 1 {
		return expiryYear(n[0], width[0])
	}
	if month == 0 && parts == 2 {
		if width[0] == 4 {
			return expiryYear(n[0], 4) && n[1] >= 1 && n[1] <= 12
		}
		return n[0] >= 1 && n[0] <= 12 && expiryYear(n[1], width[1])
	}
	if !Date(text) {
		return false
	}
	if width[0] == 4 && monthAt != 0 {
		return expiryYear(n[0], 4)
	}
	return expiryYear(n[parts-1], width[parts-1])
}

// ExpiryDate recognises a full date of expiry at t[start:end]: it stands in the paragraph of the word that announces it, with no other number between
// (changes that follow each other in a log begin with dates), and is not part of a longer token.
func ExpiryDate(t []byte, start, end int, final bool) (from, to int) {
	if end+2 > len(t) && !final {
		return More, 0
	}
	if start > 0 && (isAlnum(t[start-1]) && !escapedBefore(t, start) || strings.IndexByte("_+%$/-.:", t[start-1]) >= 0 && start > 1 && isAlnum(t[start-2])) &&
		!(t[start-1] == ':' && isLetter(t[start-2])) {
		return No, 0
	}
	if end < len(t) && (isAlnum(t[end]) || t[end] == '_' || t[end] == '%' || strings.IndexByte("-+@./: ", t[end]) >= 0 && end+1 < len(t) && isDigit(t[end+1])) {
		return No, 0
	}
	lines := 0
	for i := start - 1; i >= 0 && start-i <= maxBetween; i-- {
		switch b := t[i]; {
		case b == '\n':
			if lines++; lines == 2 {
				return No, 0
			}
		case b == '\r' || b == ' ' || b == '\t':
		case isDigit(b):
			return No, 0
		case i > 0 && lower(b) == 'p' && lower(t[i-1]) == 'x' || i > 2 && lower(b) == 'u' && lower(t[i-1]) == 'r' && lower(t[i-2]) == 'h' && lower(t[i-3]) == 't':
			return start, end // the last "exp" or "thru"
		default:
			lines = 0
		}
	}
	return start, end
}

// escapedBefore reports whether the letter before t[i] is that of an escaped line end or tab.
func escapedBefore(t []byte, i int) bool {
	return i > 1 && t[i-2] == '\\' && strings.IndexByte("nrt", t[i-1]) >= 0
}

// ExpiryDigits is the grammar of a whole value that is a month and a year without a separator: MMYY, MMYYYY or YYYYMM.
func ExpiryDigits(value []byte, _ bool) int {
	if !allDigits(value) {
		return No
	}
	switch len(value) {
	case 4:
		if year := number(value[2:]); monthOf(value[:2]) > 0 && year >= 10 && year <= 60 {
			return len(value)
		}
	case 6:
		if monthOf(value[:2]) > 0 && expiryYear(number(value[2:]), 4) || monthOf(value[4:]) > 0 && expiryYear(number(value[:4]), 4) {
			return len(value)
		}
	}
	return No
}

// ExpiryMonth is the grammar of a whole value that is a month: 1 to 12, or a name.
func ExpiryMonth(value []byte, _ bool) int {
	if len(value) >= 3 && monthNumber(value) > 0 || allDigits(value) && monthOf(value) > 0 {
		return len(value)
	}
	return No
}

// ExpiryYear is the grammar of a whole value that is a year of expiry.
func ExpiryYear(value []byte, _ bool) int {
	if allDigits(value) && expiryYear(number(value), len(value)) {
		return len(value)
	}
	return No
}

// ExpiryYearFollows is the grammar of a month's value that the year of the same expiry follows under a name of its own: "2, exp_year: 2026".
func ExpiryYearFollows(rest []byte, final bool) int {
	return expiryPart(rest, final, "year", "yyyy", "yy", "yr", "y")
}

// ExpiryMonthFollows is the same with the year first: "2026, expM=02".
func ExpiryMonthFollows(rest []byte, final bool) int {
	return expiryPart(rest, final, "month", "mon", "mm", "m")
}

// ExpiryMonthAndYear reports whether the text begins with a month and ends in a year.
func ExpiryMonthAndYear(text []byte) bool {
	first, last := endNumbers(text)
	return len(first) <= 2 && monthOf(first) > 0 && expiryYear(number(last), len(last))
}

// ExpiryYearAndMonth reports whether the text begins with a year and ends in a month.
func ExpiryYearAndMonth(text []byte) bool {
	first, last := endNumbers(text)
	return len(last) <= 2 && monthOf(last) > 0 && expiryYear(number(first), len(first))
}

// maxBetween is how many bytes may stand between the two parts of an expiry.
const maxBetween = 40

// expiryPart reads up to the second part of an expiry: text without digits, a name that begins with exp and ends in one of the parts'
// names, a separator and the number.
func expiryPart(rest []byte, final bool, parts ...string) int {
	for i := 0; i < maxBetween; i++ {
		switch {
		case i+3 > len(rest):
			return unfinished(final)
		case isDigit(rest[i]) || i == 0 && (isLetter(rest[0]) || rest[0] == '_' || rest[0] == '/' || rest[0] == '.'):
			return No
		case rest[i]|0x20 == 'e' && (i == 0 || !isLetter(rest[i-1])) && lower(rest[i+1]) == 'x' && lower(rest[i+2]) == 'p':
			if n := expiryName(rest[i:], final, parts); n != No {
				return behind(i, n)
			}
		}
	}
	return No
}

// expiryName reads a name such as exp_year or expirationMonth, and the number of one to four digits behind it.
func expiryName(t []byte, final bool, parts []string) int {
	n := 0
	for n < len(t) && (isLetter(t[n]) || t[n] == '_' || t[n] == '-' || t[n] == ' ') && n < maxBetween {
		n++
	}
	end := n // of the name
	for end > 0 && !isLetter(t[end-1]) {
		end--
	}
	named := false
	for _, p := range parts {
		named = named || hasSuffixFold(t[:end], p)
	}
	for n < len(t) && strings.IndexByte("\"': =\t\\>", t[n]) >= 0 && n < 2*maxBetween {
		n++
	}
	start := n
	for n < len(t) && isDigit(t[n]) && n-start <= 4 {
		n++
	}
	switch {
	case n == len(t) && !final:
		return More
	case !named || n == start || n < len(t) && (isAlnum(t[n]) || t[n] == '_'):
		return No
	}
	return n
}

func hasSuffixFold(t []byte, suffix string) bool {
	if len(t) < len(suffix)+3 {
		return false
	}
	for i := range suffix {
		if lower(t[len(t)-len(suffix)+i]) != suffix[i] {
			return false
		}
	}
	return true
}

// endNumbers returns the digits with which the text begins and ends.
func endNumbers(text []byte) (first, last []byte) {
	i, j := 0, len(text)
	for i < len(text) && isDigit(text[i]) {
		i++
	}
	for j > 0 && isDigit(text[j-1]) {
		j--
	}
	return text[:i], text[j:]
}

func expiryYear(year, width int) bool {
	return width == 2 || width == 4 && year >= 1990 && year <= 2099
}

// monthOf returns the month that one or two digits say, 0 for none.
func monthOf(digits []byte) int {
	if len(digits) == 0 || len(digits) > 2 {
		return 0
	}
	if m := number(digits); m <= 12 {
		return m
	}
	return 0
}
