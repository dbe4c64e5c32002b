package check

// VIN reports whether 17 capitals and digits (without I, O and Q) are a vehicle identification number: the last four are digits (ISO 3779),
// there is a letter, the region is not 0, and for North America (first character 1 to 5) and China (L) the ninth is the check digit (49 CFR 565.15;
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
	if letters == 0 || compact[0] == '0' || uniform(compact[3:]) {
		return false
	}
	if first := compact[0]; first >= '1' && first <= '5' || first == 'L' {
		return compact[8] == "0123456789X"[sum%11]
	}
	return letters >= 3
}

var vinWeights = [17]int{8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2}
