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
	return digits[0] >= '1' && digits[0] <= '8' && !uniform(digits[:8]) && !uniform(digits[8:]) && !ascending(digits)
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
	return !uniform(digits[:6]) && !uniform(digits[6:]) && !ascending(digits)
}

// NumberFollows is the grammar of a value's first number that a second follows under a name of its own: "60-16-13, account number: 31926819".
// The name holds one of names, in small letters, and the number has least to most digits, perhaps set off by single spaces or hyphens.
func NumberFollows(least, most int, names ...string) func(rest []byte, final bool) int {
	return func(rest []byte, final bool) int {
		n := 0
		for n < len(rest) && n < 32 && !isDigit(rest[n]) {
			if !isLetter(rest[n]) && strings.IndexByte(" \t\r\n,;:.=#/()_-\"'", rest[n]) < 0 ||
				n == 0 && (isLetter(rest[0]) || strings.IndexByte("_-./", rest[0]) >= 0) {
				return No
			}
			n++
		}
		if n == len(rest) {
			return unfinished(final)
		}
		named := false
		for _, name := range names {
			named = named || containsFold(rest[:n], name)
		}
		if !named || !isDigit(rest[n]) {
			return No
		}
		digits := 0
		for n < len(rest) && digits <= most {
			if isDigit(rest[n]) {
				digits++
			} else if rest[n] != ' ' && rest[n] != '-' || n+1 < len(rest) && !isDigit(rest[n+1]) || digits == most {
				break
			}
			n++
		}
		switch {
		case n == len(rest) && !final, n+1 == len(rest) && !final:
			return More
		case digits < least || digits > most || !isDigit(rest[n-1]), n < len(rest) && (isAlnum(rest[n]) || rest[n] == '_'),
			n+1 < len(rest) && rest[n] == '-' && isAlnum(rest[n+1]):
			return No
		}
		return n
	}
}

// SortCodeText is SortCode for a text with a sort code and then an account number in it.
func SortCodeText(text []byte) bool {
	d, n := textDigits(text)
	return n == 14 && SortCode(d[:14])
}

// SortCodeLast is SortCode for a text with an account number and then a sort code in it.
func SortCodeLast(text []byte) bool {
	d, n := textDigits(text)
	return n == 14 && !uniform(d[:8]) && !uniform(d[8:14])
}

// GermanAccountText is GermanAccount for a text with a Bankleitzahl and then an account of four digits or more in it.
func GermanAccountText(text []byte) bool {
	d, n := textDigits(text)
	return n >= 12 && n <= 18 && d[0] >= '1' && d[0] <= '8' && !uniform(d[:8]) && !uniform(d[8:n])
}

// textDigits returns the first digits of the text, and how many there are.
func textDigits(text []byte) (digits [20]byte, n int) {
	for _, b := range text {
		if isDigit(b) && n < len(digits) {
			digits[n] = b
			n++
		}
	}
	return digits, n
}
