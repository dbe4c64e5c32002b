package check

import "strings"

// CoordinatesFollow is the grammar of what follows the first of two decimal degrees: perhaps a degree sign and N or S, a separator, perhaps the
// name of the longitude, and the second number with at least two decimals.
func CoordinatesFollow(rest []byte, final bool) int {
	i := hemisphere(rest, 0, 'n', 's')
	start := i
	for i < len(rest) && i-start <= 12 && strings.IndexByte(" ,;/|&\t\r\n\"'})]", rest[i]) >= 0 {
		i++
	}
	separated := i > start
	if word := i; i < len(rest) && isLetter(rest[i]) {
		for i < len(rest) && isLetter(rest[i]) && i-word <= 10 {
			i++
		}
		switch {
		case i == len(rest):
			return unfinished(final)
		case !longitudeName(rest[word:i]):
			return No
		}
		for n := 0; i < len(rest) && n < 6 && strings.IndexByte("\"'=: \t", rest[i]) >= 0; n++ {
			i++
		}
	}
	if i < len(rest) && (rest[i] == '-' || rest[i] == '+') {
		i++
	} else if i+2 < len(rest) && string(rest[i:i+3]) == "\u2212" {
		i += 3
	}
	whole := i
	for i < len(rest) && isDigit(rest[i]) && i-whole <= 3 {
		i++
	}
	if i == len(rest) && !final {
		return More
	}
	if !separated || i == whole || i-whole > 3 || i == len(rest) || rest[i] != '.' {
		return No
	}
	point := i
	for i++; i < len(rest) && isDigit(rest[i]) && i-point <= 20; i++ {
	}
	if i == len(rest) && !final {
		return More
	}
	if i-point < 3 || i-point > 20 {
		return No
	}
	end := hemisphere(rest, i, 'e', 'w')
	switch {
	case end == i && len(rest)-i < 5 && !final:
		return More
	case end < len(rest) && (isAlnum(rest[end]) || rest[end] == '_' || rest[end] == '%'),
		end+1 < len(rest) && (rest[end] == '.' || rest[end] == '-') && isDigit(rest[end+1]):
		return No
	}
	return end
}

// hemisphere returns the end of a degree sign and one of two letters at rest[i:], i if they are not there.
func hemisphere(rest []byte, i int, one, other byte) int {
	end := i
	if end+1 < len(rest) && rest[end] == 0xC2 && rest[end+1] == 0xB0 {
		end += 2
	}
	i = end
	if end < len(rest) && rest[end] == ' ' {
		end++
	}
	if end < len(rest) && (lower(rest[end]) == one || lower(rest[end]) == other) && (end+1 == len(rest) || !isAlnum(rest[end+1])) {
		return end + 1
	}
	return i
}

func longitudeName(word []byte) bool {
	var buf [12]byte
	if len(word) > len(buf) {
		return false
	}
	for i, b := range word {
		buf[i] = lower(b)
	}
	switch string(buf[:len(word)]) {
	case "lon", "lng", "long", "longitude":
		return true
	}
	return false
}

// Coordinates reports whether the text begins with a latitude and ends in a longitude in decimal degrees: at most 90 and 180, with two decimals or
// more (ISO 6709; WGS 84), and not both within one degree of zero: that is open sea, and numbers of the unit square.
func Coordinates(text []byte) bool { return coordinates(text, 2) }

// FineCoordinates is Coordinates with three decimals or more.
func FineCoordinates(text []byte) bool { return coordinates(text, 3) }

func coordinates(text []byte, decimals int) bool {
	i := 0
	for i < len(text) && !isDigit(text[i]) {
		i++
	}
	lat, n := degrees(text[i:], decimals)
	end := len(text)
	for end > 0 && !isDigit(text[end-1]) {
		end--
	}
	start := end
	for start > i+n && (isDigit(text[start-1]) || text[start-1] == '.') {
		start--
	}
	lon, _ := degrees(text[start:end], decimals)
	return n > 0 && start > i+n && lat >= 0 && lat <= 90 && lon >= 0 && lon <= 180 && (lat >= 1 || lon >= 1)
}

// degrees returns the number with which the text begins, -1 if it has fewer decimals than least, and its length.
func degrees(text []byte, least int) (value float64, length int) {
	whole, i := 0, 0
	for i < len(text) && i < 4 && isDigit(text[i]) {
		whole = whole*10 + int(text[i]-'0')
		i++
	}
	if i == 0 || i == len(text) || text[i] != '.' {
		return -1, i
	}
	i++
	value, unit, decimals := float64(whole), 0.1, 0
	for i < len(text) && isDigit(text[i]) {
		value += float64(text[i]-'0') * unit
		unit /= 10
		decimals++
		i++
	}
	if decimals < least {
		return -1, i
	}
	return value, i
}

// GeoJSONPosition recognises a position of GeoJSON around its first number t[start:end]: brackets, the longitude first, then the latitude, perhaps
// a height (RFC 7946 section 3.1.1). The value is what stands between the brackets.
func GeoJSONPosition(t []byte, start, end int, final bool) (from, to int) {
	from = start
	if from > 0 && t[from-1] == '-' {
		from--
	}
	open := from
	for open > 0 && from-open < 12 && (t[open-1] == ' ' || t[open-1] == '\n' || t[open-1] == '\t' || t[open-1] == '\r') {
		open--
	}
	if open == 0 || t[open-1] != '[' {
		return No, 0
	}
	i, commas, second := end, 0, 0
	for i < len(t) && i-end < 64 && (isDigit(t[i]) || strings.IndexByte(" ,.-\n\r\t", t[i]) >= 0) {
		if t[i] == ',' {
			commas++
		}
		if commas == 1 && second == 0 && (isDigit(t[i]) || t[i] == '-') {
			second = i
		}
		i++
	}
	if i == len(t) && !final {
		return More, 0
	}
	if i == len(t) || t[i] != ']' || commas < 1 || commas > 2 || second == 0 {
		return No, 0
	}
	to = i
	for to > second && !isDigit(t[to-1]) {
		to--
	}
	lon, _ := degrees(t[start:end], 2)
	if t[second] == '-' {
		second++
	}
	lat, n := degrees(t[second:], 2)
	if lon < 0 || lon > 180 || lat < 0 || lat > 90 || lon < 1 && lat < 1 || commas == 1 && second+n != to {
		return No, 0
	}
	return from, to
}

// CEP reports whether eight digits may be a Brazilian Código de Endereçamento Postal: the areas begin at 01000-000 (Correios, Guia Postal
// Brasileiro).
func CEP(digits []byte) bool {
	return string(digits[:5]) >= "01000" && !uniform(digits) && !ascending(digits)
}

// SUBE reports whether 16 digits are the number of an Argentine transport card: 6061 in front, and Luhn (ISO/IEC 7812-1).
func SUBE(digits []byte) bool {
	return string(digits[:4]) == "6061" && !uniform(digits[4:]) && Luhn(digits)
}
