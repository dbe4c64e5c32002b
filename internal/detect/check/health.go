package check

// NHS reports whether ten digits are an NHS number: weights 10 to 2, 11 less the sum mod 11 is the check digit, 11 stands for 0 and 10 is
// not issued (NHS Data Dictionary, NHS NUMBER).
func NHS(digits []byte) bool {
	c := 11 - weighted(digits, 10, 9, 8, 7, 6, 5, 4, 3, 2)%11
	return c != 10 && c%11 == int(digits[9]-'0') && !uniform(digits)
}
