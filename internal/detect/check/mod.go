package check

// Mod97 reports whether the value (capitals and digits, country code and check digits in front) has remainder 1 by ISO 7064 MOD 97-10
// after its first four characters were moved to the end, as ISO 13616-1 asks of an IBAN.
func Mod97(iban []byte) bool {
	if len(iban) < 5 {
		return false
	}
	rest := 0
	for i := range iban {
		b := iban[(i+4)%len(iban)]
		if b >= 'A' {
			rest = (rest*100 + int(b-'A') + 10) % 97
		} else {
			rest = (rest*10 + int(b-'0')) % 97
		}
	}
	return rest == 1
}

// Mod11_10 reports whether the last digit is the check digit of the others by the hybrid system ISO 7064 MOD 11,10.
func Mod11_10(digits []byte) bool {
	p := 10
	for _, b := range digits[:len(digits)-1] {
		if p = (p + int(b-'0')) % 10; p == 0 {
			p = 10
		}
		p = p * 2 % 11
	}
	return (11-p)%10 == int(digits[len(digits)-1]-'0')
}

// weighted returns the sum of the digits times the weights, from the left.
func weighted(digits []byte, weights ...int) int {
	sum := 0
	for i, w := range weights {
		sum += w * int(digits[i]-'0')
	}
	return sum
}

// uniform reports whether all digits are the same.
func uniform(digits []byte) bool {
	for _, b := range digits {
		if b != digits[0] {
			return false
		}
	}
	return true
}

// number is the value of at most 18 digits.
func number(digits []byte) int {
	n := 0
	for _, b := range digits {
		n = n*10 + int(b-'0')
	}
	return n
}
