package check

import "strings"

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
	n := number(compact[:8])
	return n != 0 && n != 99999999 && compact[8] == spanishLetter(n)
}

// spanishLetter is the letter of a DNI, NIE or NIF with that number.
func spanishLetter(n int) byte { return "TRWAGMYFPDXBNJZSQVHLCKE"[n%23] }

// placeholder reports whether digits are what people fill in where a number is asked for: all alike, or counted up or down.
func placeholder(digits []byte) bool {
	up, down := true, true
	for i := 1; i < len(digits); i++ {
		up = up && digits[i]-'0' == (digits[i-1]-'0'+1)%10
		down = down && digits[i]-'0' == (digits[i-1]-'0'+9)%10
	}
	return up || down || uniform(digits)
}

// SpanishNAF reports whether twelve digits are a Spanish social security number (número de afiliación, NUSS): province of registration 01 to 53, or
// 66 for foreigners, eight digits, and the remainder mod 97 of the two joined, where a number below ten million counts with seven digits (Tesorería
// General de la Seguridad Social; Real Decreto 84/1996, article 21).
func SpanishNAF(digits []byte) bool {
	province, n := number(digits[:2]), number(digits[2:10])
	if province == 0 || province > 53 && province != 66 || n == 0 {
		return false
	}
	if n < 1e7 {
		n += province * 1e7
	} else {
		n += province * 1e8
	}
	return n%97 == number(digits[10:])
}

// GermanDocument reports whether nine characters, or ten with a check digit, may be the serial number of a German identity card or passport: the
// layout has the letters, at least one is a digit, the check digit of ICAO Doc 9303-3 (weights 7, 3, 1; A to Z as 10 to 35; mod 10), behind which
// the nationality D may stand. Nine digits are the number of a card issued before November 2010 and no placeholder (Personalausweisverordnung;
// Passverordnung).
func GermanDocument(compact []byte) bool {
	digits, sum := 0, 0
	for i, b := range compact[:9] {
		if isDigit(b) {
			digits++
		}
		sum += value36(b) * [3]int{7, 3, 1}[i%3]
	}
	return digits > 0 && !(digits == 9 && placeholder(compact[:9])) && (len(compact) == 9 || sum%10 == int(compact[9]-'0'))
}

// GermanCard is GermanDocument for an identity card, whose keywords are those of other countries' numbers too: what has the form of a British National
// Insurance number, two letters, six digits and C, is none.
func GermanCard(compact []byte) bool {
	if len(compact) == 9 && compact[8] == 'C' && !isDigit(compact[1]) && allDigits(compact[2:8]) {
		return false
	}
	return GermanDocument(compact)
}

// CodiceFiscale reports whether 16 capitals and digits are an Italian codice fiscale of a person: year, month letter and day of birth (40 added for
// women) are a date, the place's number is not 000, and the last letter is the sum mod 26 of values that differ at odd and even places.
// Any of the seven digits may be one of LMNPQRSTUV where two persons would have the same code (decreto del Ministero delle Finanze 23
// dicembre 1976, n. 13813). The layout leaves the letter of the place to A to M and Z.
func CodiceFiscale(compact []byte) bool {
	var plain [16]byte
	copy(plain[:], compact)
	for _, i := range [...]int{6, 7, 9, 10, 12, 13, 14} {
		if plain[i] >= 'A' {
			d := strings.IndexByte("LMNPQRSTUV", plain[i])
			if d < 0 {
				return false
			}
			plain[i] = '0' + byte(d)
		}
	}
	month := strings.IndexByte("ABCDEHLMPRST", plain[8])
	day := number(plain[9:11])
	if day > 40 {
		day -= 40
	}
	if month < 0 || !validDay(number(plain[6:8]), 2, month+1, day) || number(plain[12:15]) == 0 {
		return false
	}
	sum := 0
	for i, b := range compact[:15] {
		v := value36(b)
		if b >= 'A' {
			v -= 10
		}
		if i%2 == 0 {
			v = codiceOdd[v]
		}
		sum += v
	}
	return compact[15] == 'A'+byte(sum%26)
}

// codiceOdd are the values of 0 or A, 1 or B and so on at the first, third and further odd places of a codice fiscale.
var codiceOdd = [26]int{1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23}

// CanadianSIN reports whether nine digits are a Canadian Social Insurance Number: Luhn, the first digit not 0 (fictitious) or 8 (not issued)
// (Employment and Social Development Canada, Social Insurance Number Code of Practice).
func CanadianSIN(digits []byte) bool {
	return digits[0] != '0' && digits[0] != '8' && !uniform(digits) && Luhn(digits)
}

// PermanentResident reports whether two letters and seven or ten digits may be the number of a Canadian permanent resident card; it has no published
// check digit (Immigration, Refugees and Citizenship Canada).
func PermanentResident(compact []byte) bool { return !uniform(compact[2:]) }

// ElectorNumber reports whether letters of a polling district and a number on its register may be a British electoral number: not a single letter
// with a single digit, the number not zero, and the letters not NO (the Representation of the People Regulations 2001 leave the letters to the
// registration officer).
func ElectorNumber(compact []byte) bool {
	n := 0
	for n < len(compact) && compact[n] >= 'A' {
		n++
	}
	if string(compact[:n]) == "NO" {
		return false
	}
	for _, b := range compact[n:] {
		if b != '0' {
			return len(compact) >= 3
		}
	}
	return false
}

// ArgentineDNI reports whether seven or eight digits may be an Argentine documento nacional de identidad: from one million (Registro Nacional de las
// Personas, ley 17.671), and neither 99999999 nor another placeholder.
func ArgentineDNI(digits []byte) bool { return number(digits) >= 1e6 && !placeholder(digits) }

// RGSaoPaulo reports whether eight digits and a check digit are a Registro Geral of São Paulo: weights 2 to 9, 11 less the sum mod 11, X for 10, 0
// for 11 (Instituto de Identificação Ricardo Gumbleton Daunt).
func RGSaoPaulo(compact []byte) bool {
	d := 11 - weighted(compact, 2, 3, 4, 5, 6, 7, 8, 9)%11
	return !uniform(compact[:8]) && compact[8] == "0123456789X0"[d]
}

// RG reports whether the digits of the text may be a Registro Geral of one of the other states, whose check digits are not published.
func RG(text []byte) bool {
	var digits [16]byte
	n := 0
	for _, b := range text {
		if isDigit(b) && n < len(digits) {
			digits[n] = b
			n++
		}
	}
	return n > 4 && !placeholder(digits[:n])
}

// RGIssuer accepts a number behind which its issuer stands, and takes nothing of it: an organ such as SSP or DETRAN with the state ("SSP/PE", " -
// SSP - PE", " (IFP/RJ)"), or the state alone behind a hyphen or slash ("-ES"). São Paulo's numbers have a check digit and are left to RGSaoPaulo.
func RGIssuer(rest []byte, final bool) int {
	marked := false // by a hyphen, a slash or an organ
	for i := 0; i < len(rest); {
		b := rest[i]
		if !isLetter(b) {
			if strings.IndexByte(" -/(,", b) < 0 {
				return No
			}
			marked = marked || b == '-' || b == '/'
			i++
			continue
		}
		var word [8]byte
		n := 0
		for i < len(rest) && isLetter(rest[i]) {
			if n == len(word) {
				return No
			}
			word[n] = lower(rest[i])
			n++
			i++
		}
		switch {
		case i == len(rest) && !final:
			return More
		case i < len(rest) && (isDigit(rest[i]) || rest[i] >= 0x80):
			return No
		case marked && otherState(string(word[:n])):
			return 0
		case !organ(string(word[:n])):
			return No
		}
		marked = true
	}
	if final {
		return No
	}
	return More
}

// otherState reports whether a word is the abbreviation of a state of Brazil other than São Paulo.
func otherState(word string) bool {
	switch word {
	case "ac", "al", "am", "ap", "ba", "ce", "df", "es", "go", "ma", "mg", "ms", "mt", "pa", "pb", "pe", "pi", "pr", "rj", "rn", "ro", "rr", "rs", "sc",
		"se", "to":
		return true
	}
	return false
}

// organ reports whether a word abbreviates an organ that issues identity cards in a state of Brazil.
func organ(word string) bool {
	switch word {
	case "ssp", "sesp", "sds", "sspds", "detran", "dic", "ifp", "pc", "pcmg", "sjs", "sjtc", "sjsp", "itep", "igp", "sejusp", "politec", "sptc", "ptc", "seds",
		"dgpc", "pcii", "ii", "iidm", "iirgd", "ssdc", "sesdc", "sctc", "sespdc", "ipf", "dpt", "cgpi", "segup":
		return true
	}
	return false
}

// RUT reports whether seven or eight digits and a digit or K are a Chilean RUN or RUT: weights 2 to 7 repeated from the right, 11 less the sum mod
// 11 with K for 10 and 0 for 11. Equal digits throughout are stand-ins for foreigners, exports and the like (Servicio de Registro Civil e
// Identificación; Servicio de Impuestos Internos).
func RUT(compact []byte) bool {
	last := len(compact) - 1
	sum := 0
	for i, b := range compact[:last] {
		sum += (2 + (last-1-i)%6) * int(b-'0')
	}
	return compact[last] == "0K987654321"[sum%11] && !uniform(compact[:last])
}

// ColombianID reports whether six to ten digits may be the number of a Colombian cédula de ciudadanía: no leading zero, and one of ten digits
// begins with 1, as the NUIP does that began at 1,000,000,000 (Registraduría Nacional del Estado Civil; ley 39 de 1961).
func ColombianID(digits []byte) bool {
	return digits[0] != '0' && (len(digits) < 10 || digits[0] == '1') && !placeholder(digits)
}

// Aadhaar reports whether twelve digits are an Indian Aadhaar number: the first is 2 to 9, the last is the check digit of Verhoeff's scheme over
// the dihedral group D5, and the number is not the same backwards (UIDAI, "A UID Numbering Scheme").
func Aadhaar(digits []byte) bool {
	palindrome := true
	for i := range len(digits) / 2 {
		palindrome = palindrome && digits[i] == digits[len(digits)-1-i]
	}
	return digits[0] >= '2' && !palindrome && Verhoeff(digits)
}

// Verhoeff reports whether the last of the digits is the check digit of the others by J. Verhoeff, "Error Detecting Decimal Codes" (1969).
func Verhoeff(digits []byte) bool {
	c := 0
	for i := range digits {
		d := int(digits[len(digits)-1-i] - '0')
		for range i % 8 {
			d = int("1576283094"[d] - '0')
		}
		c = dihedral(c, d)
	}
	return c == 0
}

// dihedral multiplies in the group of the symmetries of the pentagon: 0 to 4 turn it, 5 to 9 turn it over.
func dihedral(a, b int) int {
	switch {
	case a < 5 && b < 5:
		return (a + b) % 5
	case a < 5:
		return 5 + (a+b)%5
	case b < 5:
		return 5 + (a-b)%5
	}
	return (5 + a - b) % 5
}

// CURP reports whether 18 capitals and digits are a Mexican Clave Única de Registro de Población: four letters of the name, the second a vowel or
// X, a date of birth of which a digit in the 17th place says 19.. and a letter 20.., sex, a state or NE for abroad, three consonants, and the check
// digit with weights 18 to 2 mod 10 (RENAPO, Instructivo normativo para la asignación de la CURP, Diario Oficial 18 October 2021). Ñ is written X
// in it, but has its place in the values.
func CURP(compact []byte) bool {
	century := 1900
	if compact[16] >= 'A' {
		century = 2000
	}
	if !isVowelX(compact[1]) || !allDigits(compact[4:10]) || strings.IndexByte("HMX", compact[10]) < 0 ||
		!validDay(century+number(compact[4:6]), 4, number(compact[6:8]), number(compact[8:10])) {
		return false
	}
	for _, b := range compact[13:16] {
		if !isLetter(b) || b != 'X' && isVowelX(b) {
			return false
		}
	}
	switch string(compact[11:13]) {
	case "AS", "BC", "BS", "CC", "CH", "CL", "CM", "CS", "DF", "DG", "GR", "GT", "HG", "JC", "MC", "MN", "MS", "NE", "NL", "NT", "OC", "PL", "QR", "QT", "SL",
		"SP", "SR", "TC", "TL", "TS", "VZ", "YN", "ZS":
	default:
		return false
	}
	sum := 0
	for i, b := range compact[:17] {
		v := value36(b)
		if b > 'N' {
			v++ // Ñ stands between N and O
		}
		sum += v * (18 - i)
	}
	return (10-sum%10)%10 == int(compact[17]-'0')
}

func isVowelX(b byte) bool { return strings.IndexByte("AEIOUX", b) >= 0 }
