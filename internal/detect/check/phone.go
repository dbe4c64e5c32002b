package check

// NANP reports whether ten digits, or eleven with the country code 1, are a telephone number of the North American Numbering Plan: area code
// and exchange begin with 2 to 9, and neither is a service code N11 (ATIS-0300051).
func NANP(digits []byte) bool {
	if len(digits) == 11 {
		digits = digits[1:]
	}
	for _, code := range [][]byte{digits[:3], digits[3:6]} {
		if code[0] < '2' || code[1] == '1' && code[2] == '1' {
			return false
		}
	}
	return !uniform(digits)
}
