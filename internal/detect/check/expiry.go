package check

import "strings"

// The forms of a payment card's expiry: a month and a year (ISO/IEC 7813 has them as YYMM; cards and forms as month and year), or a full date.

// Expiry reports whether the text is a month and a year, or a full date, with a year that a card can bear: 1990 to 2099, or two digits. The
// month is a number or a name of monthNumber; a number stands before a year of two digits, a name on either side.
func Expiry(text []byte) bool {
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

// ExpiryDigits reports whether digits are a month and a year without a separator: MMYY, MMYYYY or YYYYMM.
func ExpiryDigits(digits []byte) bool {
	switch len(digits) {
	case 4:
		year := number(digits[2:])
		return monthOf(digits[:2]) > 0 && year >= 10 && year <= 60
	case 6:
		return monthOf(digits[:2]) > 0 && expiryYear(number(digits[2:]), 4) || monthOf(digits[4:]) > 0 && expiryYear(number(digits[:4]), 4)
	}
	return false
}

// ExpiryMonth reports whether the value is a month: 1 to 12, or a name.
func ExpiryMonth(compact []byte) bool {
	return monthNumber(compact) > 0 || allDigits(compact) && monthOf(compact) > 0
}

// ExpiryYear reports whether the digits are a year of expiry.
func ExpiryYear(digits []byte) bool { return expiryYear(number(digits), len(digits)) }

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
