package check

// NHS reports whether ten digits are an NHS number: weights 10 to 2, 11 less the sum mod 11 is the check digit, 11 stands for 0 and 10 is
// not issued (NHS Data Dictionary, NHS NUMBER).
func NHS(digits []byte) bool {
	c := 11 - weighted(digits, 10, 9, 8, 7, 6, 5, 4, 3, 2)%11
	return c != 10 && c%11 == int(digits[9]-'0') && !uniform(digits)
}

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

// DNI reports whether eight digits and a letter are a Spanish DNI: the letter is given by the number mod 23 (Real Decreto 1553/2005; Real
// Decreto 338/1990 for the table).
func DNI(compact []byte) bool {
	n := 0
	for _, b := range compact[:8] {
		n = n*10 + int(b-'0')
	}
	return n != 0 && n != 99999999 && compact[8] == "TRWAGMYFPDXBNJZSQVHLCKE"[n%23]
}

// SSN reports whether nine digits may be a US Social Security number: area not 000, 666 or 900 to 999, group not 00, serial not 0000
// (20 CFR 422.103; SSA, randomization of 2011). There is no check digit.
func SSN(digits []byte) bool {
	area, group, serial := string(digits[:3]), string(digits[3:5]), string(digits[5:])
	return area != "000" && area != "666" && area < "900" && group != "00" && serial != "0000" && !uniform(digits)
}

// NINO reports whether two letters, six digits and a letter are a UK National Insurance number (HMRC, NIM39110): prefixes BG, GB, KN, NK,
// NT, TN and ZZ are not issued. The letters D, F, I, Q, U and V, and O as the second, are left out by the layout.
func NINO(compact []byte) bool {
	switch string(compact[:2]) {
	case "BG", "GB", "KN", "NK", "NT", "TN", "ZZ":
		return false
	}
	return !uniform(compact[2:8])
}

// VIN reports whether 17 capitals and digits (without I, O and Q) are a vehicle identification number: the last four are digits (ISO 3779),
// there is a letter, and for North America (first character 1 to 5) and China (L) the ninth is the check digit (49 CFR 565.15;
// GB 16735): weights 8 to 2, 10, 0, 9 to 2, mod 11, X for 10.
func VIN(compact []byte) bool {
	sum, letters := 0, 0
	for i, b := range compact {
		if b >= 'A' {
			letters++
			sum += int("12345678012345070923456789"[b-'A']-'0') * vinWeights[i]
			continue
		}
		sum += int(b-'0') * vinWeights[i]
	}
	for _, b := range compact[13:] {
		if b >= 'A' {
			return false
		}
	}
	if letters == 0 || uniform(compact[3:]) {
		return false
	}
	if first := compact[0]; first >= '1' && first <= '5' || first == 'L' {
		return compact[8] == "0123456789X"[sum%11]
	}
	return letters >= 3
}

var vinWeights = [17]int{8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2}

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

// USPassport reports whether nine digits, or a letter and eight digits, may be a US passport number (US Department of State; ICAO Doc 9303
// gives nine characters). There is no check digit outside the machine readable zone.
func USPassport(compact []byte) bool { return !uniform(compact[1:]) }

// AccountNumber reports whether the digits may be an account number: they are not all alike.
func AccountNumber(digits []byte) bool { return !uniform(digits) }
