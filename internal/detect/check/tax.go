package check

import "strings"

// CPF reports whether eleven digits are a Brazilian CPF: two check digits mod 11 with weights 10 to 2 and 11 to 2; equal digits throughout
// are not issued (Receita Federal, Instrução Normativa on the CPF).
func CPF(digits []byte) bool {
	return !uniform(digits) &&
		brazilianDigit(weighted(digits, 10, 9, 8, 7, 6, 5, 4, 3, 2)) == digits[9] &&
		brazilianDigit(weighted(digits, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2)) == digits[10]
}

// brazilianDigit is the check digit of CPF and CNPJ for a weighted sum.
func brazilianDigit(sum int) byte {
	if r := sum % 11; r >= 2 {
		return '0' + byte(11-r)
	}
	return '0'
}

// GermanTaxID reports whether eleven digits are a Steuer-Identifikationsnummer: the first is not 0, among the first ten exactly one digit
// stands twice or three times, not three times in a row, and the others at most once, and the last is the check digit of ISO 7064 MOD
// 11,10 (section 139b AO; Bundeszentralamt für Steuern).
func GermanTaxID(digits []byte) bool {
	if digits[0] == '0' {
		return false
	}
	for i := 2; i < 10; i++ {
		if uniform(digits[i-2 : i+1]) {
			return false
		}
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

// AustralianTFN reports whether eight or nine digits are an Australian tax file number: the sum with the weights 1, 4, 3, 7, 5, 8, 6, 9, 10 (eight
// digits: 10, 7, 8, 4, 6, 3, 5, 1) is divisible by 11. Equal digits, 987654321, 444444441 and 444444442 are codes for persons who need not quote
// one (Australian Taxation Office, Taxation Administration Act 1953, part VA).
func AustralianTFN(digits []byte) bool {
	if uniform(digits) {
		return false
	}
	if len(digits) == 8 {
		return weighted(digits, 10, 7, 8, 4, 6, 3, 5, 1)%11 == 0
	}
	return weighted(digits, 1, 4, 3, 7, 5, 8, 6, 9, 10)%11 == 0
}

// FrenchTIN reports whether 13 digits are a French numéro fiscal de référence: the first is 0 to 3, and the last three are the first ten mod 511
// (Direction générale des finances publiques; European Commission, TIN by country, France).
func FrenchTIN(digits []byte) bool {
	return digits[0] <= '3' && number(digits[:10]) > 0 && number(digits[:10])%511 == number(digits[10:])
}

// NIE reports whether X, Y or Z, seven digits and a letter are a Spanish foreigner's number: the letter of a DNI, where X, Y and Z stand for 0, 1
// and 2 (Real Decreto 557/2011, article 206; Orden INT/2058/2008).
func NIE(compact []byte) bool {
	n := number(compact[1:8])
	return n != 0 && compact[8] == spanishLetter(int(compact[0]-'X')*1e7+n)
}

// NIFLetter reports whether K, L or M, seven digits and a letter are a Spanish NIF of a person who has neither DNI nor NIE: the letter of a DNI
// with these digits (Real Decreto 1065/2007, article 19; Orden EHA/451/2008).
func NIFLetter(compact []byte) bool {
	n := number(compact[1:8])
	return n != 0 && compact[8] == spanishLetter(n)
}

// SpanishVAT reports whether ES and nine characters are the number of a person for trade within the European Union: a DNI, NIE or NIF of the kinds K, L
// and M behind the country code (Ley 37/1992; Real Decreto 1065/2007, article 25).
func SpanishVAT(compact []byte) bool {
	switch nif := compact[2:]; {
	case isDigit(nif[0]):
		return DNI(nif)
	case nif[0] >= 'X':
		return NIE(nif)
	default:
		return NIFLetter(nif)
	}
}

// CIF reports whether a letter, seven digits and a control are a Spanish NIF of a legal person, once called CIF, with or without the country code ES in
// front: the control is Luhn's check digit, as a digit for A, B, E and H, as one of JABCDEFGHI for N, P, Q, R, S and W, and either for the
// other kinds and for those whose province is 00 (Orden EHA/451/2008).
func CIF(compact []byte) bool {
	if len(compact) == 11 {
		compact = compact[2:]
	}
	sum := 0
	for i, b := range compact[1:8] {
		d := int(b - '0')
		if i%2 == 0 {
			d = d*2/10 + d*2%10
		}
		sum += d
	}
	control := (10 - sum%10) % 10
	letter := compact[8] >= 'A'
	if letter && compact[8] != "JABCDEFGHI"[control] || !letter && compact[8] != '0'+byte(control) || uniform(compact[1:8]) {
		return false
	}
	switch compact[0] {
	case 'A', 'B', 'E', 'H':
		return !letter || string(compact[1:3]) == "00"
	case 'N', 'P', 'Q', 'R', 'S', 'W':
		return letter || string(compact[1:3]) == "00"
	}
	return true
}

// ITIN reports whether nine digits may be a US individual taxpayer identification number: 9 in front and 50 to 65, 70 to 88, 90 to 92 or 94 to 99
// as fourth and fifth digit (Internal Revenue Manual 3.21.263).
func ITIN(digits []byte) bool {
	group := number(digits[3:5])
	return digits[0] == '9' && (group >= 50 && group <= 65 || group >= 70 && group <= 88 || group >= 90 && group <= 92 || group >= 94) &&
		string(digits[5:]) != "0000" && !placeholder(digits)
}

// CUITPerson and CUITOrganization report whether eleven digits are an Argentine CUIT or CUIL: kind 20 and 23 to 27 for persons, 30, 33 and 34 for
// organisations, eight digits, and the check digit with weights 5, 4, 3, 2, 7, 6, 5, 4, 3, 2: 11 less the sum mod 11, 0 for 11; 10 is avoided by
// another kind (Administración Federal de Ingresos Públicos, Resolución General 10/97).
func CUITPerson(digits []byte) bool {
	kind := number(digits[:2])
	return (kind == 20 || kind >= 23 && kind <= 27) && cuit(digits)
}

// CUITOrganization is described at CUITPerson.
func CUITOrganization(digits []byte) bool {
	kind := number(digits[:2])
	return (kind == 30 || kind == 33 || kind == 34) && cuit(digits)
}

func cuit(digits []byte) bool {
	c := 11 - weighted(digits, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)%11
	return c != 10 && c%11 == int(digits[10]-'0') && !uniform(digits[2:10])
}

// CNPJ reports whether twelve capitals and digits and two check digits are a Brazilian CNPJ: weights 5 to 2 and 9 to 2, then 6 to 2 and 9 to 2; 11
// less the sum mod 11, 0 for 10 and 11. A character counts as its ASCII code less 48, so that letters, which are assigned from July 2026, and
// digits follow one rule (Receita Federal, Instrução Normativa RFB 2229/2024).
func CNPJ(compact []byte) bool {
	return allDigits(compact[12:]) && !uniform(compact) &&
		brazilianDigit(weighted(compact, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)) == compact[12] &&
		brazilianDigit(weighted(compact, 6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)) == compact[13]
}

// NITPerson and NITOrganization report whether digits and a check digit are a Colombian NIT: weights 3, 7, 13, 17, 19, 23, 29, 37, 41, 43 from the
// right, the sum mod 11 is the check digit if below 2, else 11 less it (DIAN, Orden Administrativa 4 de 1989). An organisation's has nine digits,
// the first 8 or 9; a person's is the number of the cédula.
func NITPerson(digits []byte) bool {
	n := digits[:len(digits)-1]
	return ColombianID(n) && !nitOfOrganization(n) && nit(digits)
}

// NITOrganization is described at NITPerson.
func NITOrganization(digits []byte) bool {
	n := digits[:len(digits)-1]
	return nitOfOrganization(n) && !uniform(n) && nit(digits)
}

// NITPersonJoined is NITPerson for digits that are written without a hyphen. Nine of them that begin with 8 or 9 are rather the number of an
// organisation whose check digit was left out.
func NITPersonJoined(digits []byte) bool {
	return !(len(digits) == 9 && digits[0] >= '8') && NITPerson(digits)
}

func nitOfOrganization(n []byte) bool { return len(n) == 9 && n[0] >= '8' }

func nit(digits []byte) bool {
	last := len(digits) - 1
	sum := 0
	for i, b := range digits[:last] {
		sum += [...]int{3, 7, 13, 17, 19, 23, 29, 37, 41, 43}[last-1-i] * int(b-'0')
	}
	r := sum % 11
	if r >= 2 {
		r = 11 - r
	}
	return r == int(digits[last]-'0')
}

// PAN reports whether five capitals, four digits and a capital may be an Indian Permanent Account Number: the fourth letter is a kind of holder,
// the digits are not 0000 (Income Tax Department; Income-tax Rules, rule 114). The rule of the last letter is not public.
func PAN(compact []byte) bool {
	return strings.IndexByte("ABCFGHJLPT", compact[3]) >= 0 && string(compact[5:9]) != "0000" && !uniform(compact[:5])
}

// RFCPerson and RFCOrganization report whether the text is a Mexican RFC of a person (four letters) or an organisation (three, of which any may be
// Ñ or &), a date of birth or foundation as YYMMDD, two characters of the homoclave and the check character: weights 13 to 2 over values of which a
// space in front of an organisation's has 37, 11 less the sum mod 11, 0 for 11, A for 10 (SAT; Reglamento del Código Fiscal de la Federación; the
// values are those of the Secretaría de Hacienda's instruction of 1979). XAXX010101000 and XEXX010101000 stand for whoever has no RFC.
func RFCPerson(text []byte) bool { return rfc(text, 4) }

// RFCOrganization is described at RFCPerson.
func RFCOrganization(text []byte) bool { return rfc(text, 3) }

func rfc(text []byte, letters int) bool {
	var v [13]int
	n := 4 - letters
	v[0] = 37
	for i := 0; i < len(text); i++ {
		b := text[i] &^ 0x20
		switch {
		case text[i] == ' ' || text[i] == '-':
			continue
		case n == len(v):
			return false
		case isDigit(text[i]):
			v[n] = int(text[i] - '0')
		case text[i] == '&':
			v[n] = 24
		case isLetter(b):
			if v[n] = value36(b); b > 'N' {
				v[n]++ // & stands between N and O
			}
		case rfcEnye(text[i:]):
			v[n] = 38
			i++
		default:
			return false
		}
		n++
	}
	if n != len(v) {
		return false
	}
	two := func(i int) int { return v[i]*10 + v[i+1] }
	for _, x := range v[:4] {
		if x < 10 {
			return false
		}
	}
	for _, x := range v[4:10] {
		if x > 9 {
			return false
		}
	}
	const x = 34
	generic := v[0] == x && v[2] == x && v[3] == x && v[10] == 0 && v[11] == 0 && v[12] == 0
	if generic || !validDay(two(4), 2, two(6), two(8)) {
		return false
	}
	sum := 0
	for i, x := range v[:12] {
		sum += (13 - i) * x
	}
	return (11-sum%11)%11 == v[12]
}

// rfcEnye reports whether Ñ or ñ begins t.
func rfcEnye(t []byte) bool { return len(t) > 1 && t[0] == 0xC3 && t[1]&^0x20 == 0x91 }

// RFCAfter is the grammar of an RFC of so many letters behind the first, which stand before an Ñ: that Ñ, the letters that are left, date and
// homoclave, with hyphens or spaces between the parts or none.
func RFCAfter(before, letters int) func(rest []byte, final bool) int {
	return func(rest []byte, final bool) int {
		cut := More
		if final {
			cut = No
		}
		i := 0
		for n := before; n < letters; n++ {
			switch {
			case i == len(rest) || rest[i] == 0xC3 && i+1 == len(rest):
				return cut
			case rfcEnye(rest[i:]):
				i += 2
			case n > before && (isLetter(rest[i]) || rest[i] == '&'):
				i++
			default:
				return No
			}
		}
		separator := byte(0)
		for n := range 9 {
			if i == len(rest) {
				return cut
			}
			if b := rest[i]; (b == ' ' || b == '-') && (n == 0 || n == 6 && b == separator) {
				separator = b
				if i++; i == len(rest) {
					return cut
				}
			} else if n == 6 && separator != 0 {
				return No
			}
			if !isDigit(rest[i]) && (n < 6 || !isLetter(rest[i])) {
				return No
			}
			i++
		}
		switch {
		case i == len(rest):
			if !final {
				return More
			}
		case isAlnum(rest[i]) || rest[i] == '_' || rest[i] == '%' || rest[i] == 0xC3:
			return No
		case rest[i] == '-' || rest[i] == '+' || rest[i] == '@' || rest[i] == '.':
			if i+1 == len(rest) && !final {
				return More
			}
			if i+1 < len(rest) && isAlnum(rest[i+1]) {
				return No
			}
		}
		return i
	}
}

// UTR reports whether ten digits, perhaps with a K behind them, are a UK unique taxpayer reference: the first is the check digit, found in
// 21987654321 by the sum mod 11 of the others with weights 6, 7, 8, 9, 10, 5, 4, 3, 2 (HMRC, Unique Taxpayer Reference check digit specification).
func UTR(compact []byte) bool {
	return compact[0] == "21987654321"[weighted(compact[1:], 6, 7, 8, 9, 10, 5, 4, 3, 2)%11] && !uniform(compact[:10])
}

// TRN reports whether the value may be a UK temporary reference number: two digits, a letter and five digits, or TN, a date of birth as DDMMYY and
// the sex (HMRC, National Insurance Manual).
func TRN(compact []byte) bool {
	if compact[0] == 'T' {
		return validDay(number(compact[6:8]), 2, number(compact[4:6]), number(compact[2:4]))
	}
	return !uniform(compact[3:])
}
