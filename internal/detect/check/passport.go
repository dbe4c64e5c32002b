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

// PassportText reports whether the letters in front of a space are none that stand between label and number.
func PassportText(text []byte) bool {
	n := 0
	for n < len(text) && text[n] != ' ' {
		n++
	}
	switch string(text[:n]) {
	case "NO", "NR", "ID", "IS", "OF", "IN", "ON", "TO", "AT", "BY", "OR", "US", "UK", "NU", "NUM", "NBR", "REF", "THE", "FOR", "WAS", "AND":
		return false
	}
	return true
}
