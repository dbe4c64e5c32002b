package check

import "strings"

// AccountNumber reports whether the digits may be an account number: they are not all alike.
func AccountNumber(digits []byte) bool { return !uniform(digits) }

// RIB reports whether 23 digits and capitals are a French relevé d'identité bancaire: bank (5), branch (5), account (11) and the key, which is
// 97 less the remainder of 89 times the bank, 15 times the branch and 3 times the account, letters taken as digits: A and J are 1, B, K and S 2 ...
func RIB(compact []byte) bool {
	var n [23]byte
	for i, b := range compact {
		switch {
		case b < 'A':
		case b < 'S':
			b = '1' + (b-'A')%9
		default:
			b = '2' + b - 'S'
		}
		n[i] = b
	}
	bank, branch := number(n[:5]), number(n[5:10])
	account := number(n[10:16])*100000 + number(n[16:21])
	return bank > 0 && account > 0 && (89*bank+15*branch+3*account+number(n[21:]))%97 == 0
}

// GermanAccount reports whether 18 digits may be a Bankleitzahl and an account: the Bankleitzahl begins with its clearing area, 1 to 8, and
// the account is not zero. The account's own check digit differs from bank to bank.
func GermanAccount(digits []byte) bool {
	return digits[0] >= '1' && digits[0] <= '8' && !uniform(digits[:8]) && !uniform(digits[8:])
}

// CIN reports whether a capital, ABI (5), CAB (5) and account (12) are Italian coordinate bancarie: the capital is the sum of the others mod 26,
// those in odd places (from 1) counted by the table that the codice fiscale uses too.
func CIN(compact []byte) bool {
	sum := 0
	for i, b := range compact[1:] {
		v := int(b - '0')
		if b >= 'A' {
			v = int(b - 'A')
		}
		if i%2 == 0 {
			v = italianOdd[v]
		}
		sum += v
	}
	return compact[0] == byte('A'+sum%26) && !uniform(compact[1:11]) && !uniform(compact[11:])
}

// italianOdd is what the letters A to Z, and the digits 0 to 9, count in odd places (Decreto ministeriale 23 December 1976).
var italianOdd = [26]int{1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23}

// CCC reports whether 20 digits are a Spanish Código Cuenta Cliente: bank (4), branch (4), a control digit of these and one of the account
// (10), each 11 less the sum mod 11 with weights 1, 2, 4, 8, 5, 10, 9, 7, 3, 6; 10 stands as 1 and 11 as 0.
func CCC(digits []byte) bool {
	control := func(sum int) byte {
		switch c := 11 - sum%11; c {
		case 10:
			return '1'
		case 11:
			return '0'
		default:
			return '0' + byte(c)
		}
	}
	return digits[8] == control(weighted(digits, 4, 8, 5, 10, 9, 7, 3, 6)) && digits[9] == control(weighted(digits[10:], 1, 2, 4, 8, 5, 10, 9, 7, 3, 6)) &&
		!uniform(digits[:8]) && !uniform(digits[10:])
}

// SortCode reports whether a sort code and an account number, perhaps behind the four letters of a bank, may be a British account: neither
// is made of one digit. Which accounts exist is the bank's own rule.
func SortCode(compact []byte) bool {
	digits := compact[len(compact)-14:]
	return !uniform(digits[:6]) && !uniform(digits[6:])
}

// AccountFollows is the grammar of a sort code's value that the account number follows under a name of its own: "60-16-13, account number:
// 31926819".
func AccountFollows(rest []byte, final bool) int {
	n, word := 0, false
	for n < len(rest) && n < 32 && !isDigit(rest[n]) {
		if isLetter(rest[n]) {
			word = word || n+3 <= len(rest) && lower(rest[n]) == 'a' && (lower(rest[n+1]) == 'c' || rest[n+1] == '/')
		} else if strings.IndexByte(" \t\r\n,;:.=#/()_-\"'", rest[n]) < 0 || n == 0 && strings.IndexByte("_-./", rest[n]) >= 0 {
			return No
		} else if n == 0 {
			word = false
		}
		n++
	}
	start := n
	for n < len(rest) && n-start <= 8 && isDigit(rest[n]) {
		n++
	}
	switch {
	case n == len(rest) && !final:
		return More
	case !word || n-start != 8 || isLetter(rest[0]) || n < len(rest) && (isAlnum(rest[n]) || rest[n] == '_' || rest[n] == '-'):
		return No
	}
	return n
}

// SortCodeText is SortCode for the text that AccountFollows reads.
func SortCodeText(text []byte) bool {
	var digits [14]byte
	n := 0
	for _, b := range text {
		if isDigit(b) && n < len(digits) {
			digits[n] = b
			n++
		}
	}
	return n == len(digits) && SortCode(digits[:])
}
