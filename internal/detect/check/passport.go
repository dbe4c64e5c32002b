package check

// Passport reports whether the digits of a passport number with letters, or one of digits alone, are no placeholder: not all alike, and digits
// alone not counted up or down. Canada, France, Italy, Spain, the United Kingdom and the United States publish no check digit outside the machine
// readable zone (ICAO Doc 9303-4).
func Passport(compact []byte) bool {
	var digits [16]byte
	n := 0
	for _, b := range compact {
		if isDigit(b) {
			digits[n] = b
			n++
		}
	}
	if n == len(compact) {
		return !placeholder(digits[:n])
	}
	return !uniform(digits[:n])
}

// NoLinkingWord reports whether the letters in front of a space or hyphen belong to a number and are no word that stands between its label and it, or
// begins a date.
func NoLinkingWord(text []byte) bool {
	n := 0
	for n < len(text) && isLetter(text[n]) {
		n++
	}
	switch string(text[:n]) {
	case "NO", "NR", "NUM", "NBR", "REF", "ID", "IS", "OF", "IN", "ON", "TO", "AT", "BY", "OR", "US", "UK", "NU", "THE", "FOR", "WAS", "AND", "PO", "TEL",
		"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC":
		return false
	}
	return true
}
