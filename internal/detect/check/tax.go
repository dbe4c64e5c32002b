package check

// CPF reports whether eleven digits are a Brazilian CPF: two check digits mod 11 with weights 10 to 2 and 11 to 2; equal digits throughout
// are not issued (Receita Federal, Instrução Normativa on the CPF).
func CPF(digits []byte) bool {
	digit := func(sum int) int {
		if r := sum % 11; r >= 2 {
			return 11 - r
		}
		return 0
	}
	return !uniform(digits) &&
		digit(weighted(digits, 10, 9, 8, 7, 6, 5, 4, 3, 2)) == int(digits[9]-'0') &&
		digit(weighted(digits, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2)) == int(digits[10]-'0')
}

// GermanTaxID reports whether eleven digits are a Steuer-Identifikationsnummer: the first is not 0, among the first ten exactly one digit
// stands twice or three times and the others at most once, and the last is the check digit of ISO 7064 MOD 11,10 (section 139b AO;
// Bundeszentralamt für Steuern).
func GermanTaxID(digits []byte) bool {
	if digits[0] == '0' {
		return false
	}
	var count [10]int
	for _, b := range digits[:10] {
		count[b-'0']++
	}
	repeated := 0
	for _, n := range count {
		if n > 3 {
			return false
		}
		if n > 1 {
			repeated++
		}
	}
	return repeated == 1 && Mod11_10(digits)
}
