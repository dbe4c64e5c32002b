package check

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

// DNI reports whether eight digits and a letter are a Spanish DNI: the letter is given by the number mod 23 (Real Decreto 1553/2005; Real
// Decreto 338/1990 for the table).
func DNI(compact []byte) bool {
	n := 0
	for _, b := range compact[:8] {
		n = n*10 + int(b-'0')
	}
	return n != 0 && n != 99999999 && compact[8] == "TRWAGMYFPDXBNJZSQVHLCKE"[n%23]
}
