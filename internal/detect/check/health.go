package check

import "strings"

// NHS reports whether ten digits are an NHS number: weights 10 to 2, 11 less the sum mod 11 is the check digit, 11 stands for 0 and 10 is
// not issued (NHS Data Dictionary, NHS NUMBER). Numbers that begin with 999 are kept for tests.
func NHS(digits []byte) bool {
	c := 11 - weighted(digits, 10, 9, 8, 7, 6, 5, 4, 3, 2)%11
	return c != 10 && c%11 == int(digits[9]-'0') && !uniform(digits) && string(digits[:3]) != "999"
}

// DEA reports whether a capital, a capital or 9, and seven digits (perhaps with a hospital's suffix) are a DEA registration: the first is a
// type of registrant, and the last digit that of the first, third and fifth plus twice the second, fourth and sixth (21 CFR 1301; DEA
// Diversion Control Division).
func DEA(compact []byte) bool {
	d := compact[2:9]
	sum := weighted(d, 1, 2, 1, 2, 1, 2)
	return strings.IndexByte("ABCDEFGHJKLMPRSTUX", compact[0]) >= 0 && sum%10 == int(d[6]-'0') && !uniform(d)
}

// NPI reports whether ten digits are a National Provider Identifier: the first is 1 or 2, and Luhn holds with 80840 in front (45 CFR 162.406; CMS,
// NPI check digit).
func NPI(digits []byte) bool {
	var n [15]byte
	copy(n[:], "80840")
	copy(n[5:], digits)
	return (digits[0] == '1' || digits[0] == '2') && Luhn(n[:])
}

// MBI reports whether eleven capitals and digits are a Medicare Beneficiary Identifier: the places say which of the two, the letters S, L, O,
// I, B and Z are not used, and the first digit is not 0 (CMS, Understanding the MBI).
func MBI(compact []byte) bool {
	for i, b := range compact {
		letter, digit := b >= 'A' && strings.IndexByte("SLOIBZ", b) < 0, isDigit(b)
		switch "CAXNAXNAANN"[i] {
		case 'C':
			if b < '1' || b > '9' {
				return false
			}
		case 'N':
			if !digit {
				return false
			}
		case 'A':
			if !letter {
				return false
			}
		default:
			if !letter && !digit {
				return false
			}
		}
	}
	return true
}

// HICN reports whether the value is a Health Insurance Claim Number: nine digits as of a Social Security number and a beneficiary code, or a
// prefix of the Railroad Retirement Board and six or nine digits (CMS, Medicare claim numbers).
func HICN(compact []byte) bool {
	n := 0
	for n < len(compact) && !isDigit(compact[n]) {
		n++
	}
	if n > 0 {
		switch string(compact[:n]) {
		case "A", "MA", "WA", "WD", "WCA", "WCD", "PA", "PD", "H", "MH", "WH", "WCH", "PH", "JA", "CA":
			digits := compact[n:]
			return !uniform(digits) && (len(digits) == 6 || len(digits) == 9 && SSN(digits))
		}
		return false
	}
	if len(compact) < 10 || !SSN(compact[:9]) {
		return false
	}
	code, more := compact[9], byte(0)
	if len(compact) > 10 {
		more = compact[10]
	}
	number := more >= '1' && more <= '9'
	switch code {
	case 'A':
		return more == 0
	case 'B', 'D', 'E', 'W':
		return more == 0 || number || more >= 'A'
	case 'C', 'K':
		return number || more >= 'A'
	case 'F':
		return more >= '1' && more <= '8'
	case 'J':
		return more >= '1' && more <= '4'
	case 'M':
		return more == 0 || more == '1'
	case 'T':
		return more == 0 || number || more >= 'A'
	}
	return false
}

// EHIC reports whether 20 digits are the number of a European Health Insurance Card: 80, the country by ISO 3166-1, the institution and the
// card's own number (Decision S2 of the Administrative Commission; EN 1867).
func EHIC(digits []byte) bool {
	switch string(digits[2:5]) {
	case "040", "056", "100", "191", "196", "203", "208", "233", "246", "250", "276", "300", "348", "352", "372", "380", "428", "438", "440", "442",
		"470", "528", "578", "616", "620", "642", "703", "705", "724", "752", "756", "826":
		return digits[0] == '8' && digits[1] == '0' && !uniform(digits[5:])
	}
	return false
}

// FinnishEHIC is EHIC for Finland, 246.
func FinnishEHIC(digits []byte) bool { return string(digits[2:5]) == "246" && EHIC(digits) }

// FrenchHealthCard reports whether 21 digits may be the number of a carte Vitale.
func FrenchHealthCard(digits []byte) bool { return !uniform(digits[:10]) && !ascending(digits) }

// NIR reports whether a French numéro de sécurité sociale of 13 characters and its key belong together: the key is 97 less the remainder of the
// number, where 2A counts as 19 and 2B as 18; sex is 1 to 4, 7 or 8, the month 1 to 12, 20 or one of the fictitious 30 to 42 and 50 to 99 (INSEE,
// décret 82-103).
func NIR(compact []byte) bool {
	var n [15]byte
	copy(n[:], compact)
	if n[6] == 'A' || n[6] == 'B' {
		n[5], n[6] = '1', '9'-(compact[6]-'A')
	}
	if !allDigits(n[:]) || strings.IndexByte("123478", n[0]) < 0 {
		return false
	}
	month := number(n[3:5])
	return (month >= 1 && month <= 12 || month == 20 || month >= 30 && month <= 42 || month >= 50) && number(n[5:7]) > 0 &&
		((number(n[:9])*10000+number(n[9:13]))%97+number(n[13:]))%97 == 0 && number(n[13:]) >= 1 && number(n[13:]) <= 97
}

// ProcedureCode reports whether five characters, perhaps with a modifier, are a code of HCPCS: level I is a number that CPT uses, or four
// digits and F, M, T or U; level II a letter that CMS assigns and four digits (45 CFR 162.1002).
func ProcedureCode(compact []byte) bool {
	if compact[0] >= 'A' {
		return strings.IndexByte("ABCDEGHJKLMPQRSTUV", compact[0]) >= 0 && allDigits(compact[1:5])
	}
	if last := compact[4]; last >= 'A' {
		return strings.IndexByte("FMTU", last) >= 0 && string(compact[:4]) != "0000"
	}
	switch n := number(compact[:5]); {
	case n < 2000:
		return n >= 100
	default:
		return n >= 10004 && n <= 99607
	}
}

// DrugCode reports whether ten or eleven digits may be a National Drug Code: neither the labeler nor the product is zero (21 CFR 207.33).
func DrugCode(digits []byte) bool {
	labeler := len(digits) - 6 // of eleven digits, or of ten whichever part is short
	return string(digits[:labeler]) != "00000"[:labeler] && string(digits[labeler:labeler+4]) != "0000"
}

// CanadianTen reports whether ten digits are a health number of British Columbia (9 in front; MOD 11 with the weights 2, 4, 8, 5, 10, 9, 7,
// 3), of Nova Scotia (00 in front) or of Ontario (Luhn).
func CanadianTen(digits []byte) bool {
	switch {
	case uniform(digits[1:]):
		return false
	case digits[0] == '9':
		return 11-weighted(digits[1:], 2, 4, 8, 5, 10, 9, 7, 3)%11 == int(digits[9]-'0')
	case digits[0] == '0':
		return digits[1] == '0' && !uniform(digits)
	}
	return Luhn(digits)
}

// CanadianChecked is CanadianTen for the provinces that have a check digit.
func CanadianChecked(digits []byte) bool { return digits[0] != '0' && CanadianTen(digits) }

// OntarioVersion is Luhn for an Ontario health number with its version code of one or two letters.
func OntarioVersion(compact []byte) bool {
	return compact[0] != '0' && !uniform(compact[:10]) && Luhn(compact[:10])
}

// CanadianNumber reports whether digits of a province that publishes no check digit may be a health number.
func CanadianNumber(digits []byte) bool {
	return !uniform(digits) && !uniform(digits[1:]) && !ascending(digits)
}

// RAMQ reports whether four capitals and eight digits may be a Quebec numéro d'assurance maladie: a date of birth (year of two digits, month,
// with 50 more for women, day) stands behind the letters of the name (Régie de l'assurance maladie du Québec).
func RAMQ(compact []byte) bool {
	month := number(compact[6:8])
	if month > 50 {
		month -= 50
	}
	return validDay(number(compact[4:6]), 2, month, number(compact[8:10])) && !uniform(compact[4:])
}

// ascending reports whether each digit is one more than the one before, 0 behind 9.
func ascending(digits []byte) bool {
	for i := 1; i < len(digits); i++ {
		if (digits[i-1]-'0'+1)%10 != digits[i]-'0' {
			return false
		}
	}
	return true
}

// maxUDI is the greatest length of a device identifier with its production identifiers that is read.
const maxUDI = 160

// GS1Elements is the grammar of what follows (01) and its number in a UDI of GS1: further application identifiers in parentheses, each with its
// value, perhaps a space between.
func GS1Elements(rest []byte, final bool) int {
	n := 0
	for {
		i := n
		if i < len(rest) && rest[i] == ' ' {
			i++
		}
		end, cut := gs1Element(rest, i)
		if cut && !final {
			return More
		}
		if end < 0 {
			break
		}
		n = end
	}
	if n < len(rest) && n == 0 && (isAlnum(rest[0]) || rest[0] == '_' || rest[0] == '-' && len(rest) > 1 && isAlnum(rest[1])) {
		return No
	}
	return n
}

// gs1Element returns the end of one element at rest[i:], -1 for none, and whether the text may be cut within it.
func gs1Element(rest []byte, i int) (end int, cut bool) {
	if i >= len(rest) {
		return -1, true
	}
	if rest[i] != '(' {
		return -1, false
	}
	j := i + 1
	for j < len(rest) && j < i+5 && isDigit(rest[j]) {
		j++
	}
	if j >= len(rest) {
		return -1, true
	}
	if rest[j] != ')' || j < i+3 {
		return -1, false
	}
	j++
	if j < len(rest) && rest[j] == ' ' {
		j++
	}
	start := j
	for j < len(rest) && j-start <= 90 && (isAlnum(rest[j]) || strings.IndexByte("-./_+", rest[j]) >= 0) {
		j++
	}
	cut = j == len(rest)
	for j > start && !isAlnum(rest[j-1]) {
		j--
	}
	if j == start || j-start > 90 {
		return -1, cut
	}
	if ai := string(rest[i+1 : i+3]); rest[i+3] == ')' && (ai == "11" || ai == "13" || ai == "15" || ai == "16" || ai == "17") {
		if d := rest[start:j]; len(d) != 6 || !allDigits(d) || monthOf(d[2:4]) == 0 || number(d[4:]) > 31 {
			return -1, cut
		}
	}
	return j, cut
}

// GS1Plain is the grammar of what follows 01 and its number where the identifiers stand without parentheses, as a scanner reads them.
func GS1Plain(rest []byte, final bool) int {
	n := 0
	for n < len(rest) && n <= 90 && (isAlnum(rest[n]) || n > 0 && strings.IndexByte("-./", rest[n]) >= 0) {
		n++
	}
	if n == len(rest) && !final {
		return More
	}
	for n > 0 && !isAlnum(rest[n-1]) {
		n--
	}
	if n == 0 {
		if len(rest) > 0 && (rest[0] == '_' || rest[0] == '-' && len(rest) > 1 && isAlnum(rest[1])) {
			return No
		}
		return 0
	}
	if n > 90 || n < 3 {
		return No
	}
	switch string(rest[:2]) {
	case "11", "13", "15", "16", "17":
		if n < 8 || !allDigits(rest[2:8]) || monthOf(rest[4:6]) == 0 || number(rest[6:8]) > 31 {
			return No
		}
		return n
	case "10", "21", "22":
		return n
	}
	return No
}

// GS1Text reports whether the text begins, behind 01, with a Global Trade Item Number of 14 digits: weights 3 and 1 in turn give a multiple
// of 10 (GS1 General Specifications, section 7.9).
func GS1Text(text []byte) bool {
	var gtin [16]byte
	n := 0
	for i := 0; i < len(text) && n < len(gtin); i++ {
		if isDigit(text[i]) {
			gtin[n] = text[i]
			n++
		}
	}
	return n == len(gtin) && GTIN(gtin[2:])
}

// GTIN reports whether 14 digits are a Global Trade Item Number.
func GTIN(digits []byte) bool {
	return weighted(digits, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1)%10 == 0 && !uniform(digits[1:13])
}

const hibc = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-. $/+%"

// HIBC is the grammar of a UDI of HIBCC behind '+' and the first letter of the labeler: the characters of its alphabet but the space.
func HIBC(rest []byte, final bool) int { return hibcChars(rest, final, true) }

// HIBCStop is HIBC for a UDI whose check character is a stop, which otherwise is taken for the end of the sentence.
func HIBCStop(rest []byte, final bool) int { return hibcChars(rest, final, false) }

func hibcChars(rest []byte, final, sentence bool) int {
	n := 0
	for n < len(rest) && n <= maxUDI && rest[n] != ' ' && strings.IndexByte(hibc, rest[n]) >= 0 {
		n++
	}
	if n == len(rest) && !final {
		return More
	}
	if sentence && n > 0 && rest[n-1] == '.' {
		n-- // of the sentence
	}
	if n < 6 || n > maxUDI || n < len(rest) && (isAlnum(rest[n]) || rest[n] == '_') {
		return No
	}
	return n
}

// HIBCText reports whether the last character of the text is the sum of the others mod 43, in their places in the alphabet (ANSI/HIBC 2.6), and
// whether a labeler of four characters and a unit of measure stand in it.
func HIBCText(text []byte) bool {
	sum, digits := 0, 0
	for _, b := range text[:len(text)-1] {
		v := strings.IndexByte(hibc, b)
		if v < 0 {
			return false
		}
		sum += v
		if isDigit(b) {
			digits++
		}
	}
	for _, b := range text[1:5] {
		if !isAlnum(b) {
			return false
		}
	}
	return digits > 0 && text[len(text)-1] == hibc[sum%43]
}

// ISBT is the grammar of what follows the device identifier in a UDI of ICCBBA: further data structures, each with its two characters in front.
func ISBT(rest []byte, final bool) int {
	n := 0
	for n < len(rest) && n <= maxUDI {
		if rest[n] != '=' && rest[n] != '&' {
			break
		}
		i := n + 1
		if i < len(rest) && !isAlnum(rest[i]) {
			if strings.IndexByte(",>}<)%{*$;", rest[i]) < 0 {
				break
			}
			i++
		}
		start := i
		for i < len(rest) && i-start <= 30 && isAlnum(rest[i]) {
			i++
		}
		if i == len(rest) && !final {
			return More
		}
		if i-start < 4 || i-start > 30 {
			break
		}
		n = i
	}
	switch {
	case n == len(rest) && !final:
		return More
	case n < len(rest) && (isAlnum(rest[n]) || rest[n] == '_'):
		return No
	}
	return n
}
