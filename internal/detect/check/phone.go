package check

import (
	"bytes"
	"strings"
)

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

// NANPText is NANP for a number as it is written, perhaps with 00 or + in front and an extension behind.
func NANPText(text []byte) bool {
	for i, b := range text {
		if isLetter(b) || b == ',' {
			text = text[:i]
			break
		}
	}
	p := readPhone(text)
	d := p.digits[:p.n]
	if p.n > 2 && d[0] == '0' && d[1] == '0' {
		d = d[2:]
	}
	return p.ok && (len(d) == 10 || len(d) == 11 && d[0] == '1') && NANP(d)
}

// Extension is the grammar of what may follow a telephone number in North America: nothing, or an extension as in "x12", ", ext. 12" and
// "extension 12".
func Extension(rest []byte, final bool) int {
	const longest = 24
	if len(rest) < longest && !final {
		return More
	}
	n := 0
	for n < len(rest) && n < 2 && (rest[n] == ' ' || rest[n] == ',') {
		n++
	}
	word := n
	for n < len(rest) && n-word <= 9 && isLetter(rest[n]) {
		n++
	}
	if name := rest[word:n]; equalFold(name, "x") || equalFold(name, "ext") || equalFold(name, "extension") {
		for k := 0; k < 2 && n < len(rest) && strings.IndexByte(" .:", rest[n]) >= 0; k++ {
			n++
		}
		digits := n
		for n < len(rest) && n-digits <= 6 && isDigit(rest[n]) {
			n++
		}
		if n > digits && n-digits <= 6 && (n == len(rest) || !isAlnum(rest[n]) && rest[n] != '_') {
			return n
		}
	}
	switch {
	case len(rest) == 0:
		return 0
	case isAlnum(rest[0]) || rest[0] == '_' || rest[0] == '%', len(rest) > 1 && strings.IndexByte("-+@", rest[0]) >= 0 && isAlnum(rest[1]),
		len(rest) > 1 && rest[0] == '.' && isDigit(rest[1]):
		return No
	}
	return 0
}

// PhoneGroups is the grammar of a telephone number behind its first digits: groups of digits set off by a space, hyphen, dot or slash, at most one of
// them in parentheses, least to most digits in all. If inside, the parenthesis was opened before. A group that would be too much is left
// out if a space sets it off.
func PhoneGroups(least, most int, inside bool) func(rest []byte, final bool) int {
	return func(rest []byte, final bool) int {
		digits, groups, n, open, parens := 0, 0, 0, inside, inside
		for i := 0; ; {
			start := i
			for i < len(rest) && isDigit(rest[i]) && i-start <= most {
				i++
			}
			if i == len(rest) && !final {
				return More
			}
			if digits+i-start > most {
				if start == 0 || rest[start-1] != ' ' {
					return No
				}
				break
			}
			digits += i - start
			groups++
			end := i
			if open && i < len(rest) && rest[i] == ')' {
				open = false
				i++
			}
			n = i
			next, opens := phoneSeparator(rest, i, open, parens, groups == 1)
			if next == len(rest) && !final {
				return More
			}
			if next == len(rest) || !isDigit(rest[next]) || next == end && end > start {
				break
			}
			i, open, parens = next, open || opens, parens || opens
		}
		switch {
		case digits < least || open:
			return No
		case n < len(rest) && (isAlnum(rest[n]) || rest[n] == '_' || rest[n] == '%'):
			return No
		case n+1 < len(rest) && (rest[n] == '-' || rest[n] == '+' || rest[n] == '@') && isAlnum(rest[n+1]),
			n+1 < len(rest) && (rest[n] == '.' || rest[n] == '/') && isDigit(rest[n+1]):
			return No
		}
		return n
	}
}

// phoneSeparator returns where the next group of digits would begin behind rest[i], and whether a parenthesis opens there. Behind the first
// group, which is the code of a place, the separator may have blanks around it.
func phoneSeparator(rest []byte, i int, open, parens, first bool) (next int, opens bool) {
	at := func(b byte) bool { return i < len(rest) && rest[i] == b }
	if open {
		return i, false
	}
	blank := at(' ')
	if blank {
		i++
	}
	if (!blank || first) && (at('-') || at('.') || at('/')) {
		wide := blank || rest[i] == '/'
		if i++; wide && first && at(' ') {
			i++
		}
	}
	if !parens && at('(') {
		return i + 1, true
	}
	return i, false
}

// A phone is a telephone number taken apart.
type phone struct {
	digits [24]byte
	n      int
	// groups are the lengths of the groups of digits, at most eight.
	groups [8]uint8
	parts  int
	// trunk says that a "(0)" stood in it, which is left out of the digits. In a form it may be any digit.
	trunk bool
	ok    bool
}

func readPhone(text []byte) (p phone) {
	p.ok = true
	for i := 0; i < len(text); i++ {
		if !isDigit(text[i]) {
			continue
		}
		if i > 1 && text[i] == '0' && text[i-1] == '(' && i+1 < len(text) && text[i+1] == ')' {
			p.trunk = true
			continue
		}
		start := i
		for i < len(text) && isDigit(text[i]) {
			if p.n == len(p.digits) {
				p.ok = false
				return p
			}
			p.digits[p.n] = text[i]
			p.n++
			i++
		}
		if p.parts == len(p.groups) {
			p.ok = false
			return p
		}
		p.groups[p.parts] = uint8(i - start)
		p.parts++
	}
	return p
}

// abroad returns the national number behind a country code and its + or 00, without a trunk prefix 0 that was written all the same.
func (p *phone) abroad(code string, trunk bool) []byte {
	d := p.digits[:p.n]
	if len(d) > 2 && d[0] == '0' && d[1] == '0' {
		d = d[2:]
	}
	if !p.ok || len(d) < len(code)+1 || string(d[:len(code)]) != code {
		return nil
	}
	if (p.grouped(4, 5) || p.grouped(6, 7)) && p.digits[p.groups[0]] == '0' {
		return nil // a position as in ISO 6709: +4953-09709
	}
	if d = d[len(code):]; trunk && d[0] == '0' {
		d = d[1:]
	}
	return d
}

// grouped reports whether the groups have these lengths.
func (p *phone) grouped(lengths ...uint8) bool {
	if len(lengths) != p.parts {
		return false
	}
	for i, n := range lengths {
		if p.groups[i] != n {
			return false
		}
	}
	return true
}

// FrenchPhone reports whether the text is a French number in its national form: 0, nine digits, alone or in pairs, those of services also as
// 0 800 123 456 or 0800 123 456 (ARCEP, plan national de numérotation, décision 2018-0881).
func FrenchPhone(text []byte) bool {
	p := readPhone(text)
	if !p.ok || p.n != 10 || p.digits[0] != '0' || !frenchNumber(p.digits[1:10]) {
		return false
	}
	return p.grouped(10) || p.grouped(2, 2, 2, 2, 2) || p.grouped(4, 2, 2, 2) || p.digits[1] >= '8' && (p.grouped(1, 3, 3, 3) || p.grouped(4, 3, 3)) ||
		p.grouped(4, 6) && p.digits[1] == '8'
}

// FrenchPhoneForm reports whether a number of this form may be FrenchPhone.
func FrenchPhoneForm(form []byte) bool {
	p := readPhone(form)
	return p.trunk || p.ok && p.n == 10 && (p.parts == 1 || p.parts == 5 || p.groups[0] == 4 || p.groups[0] == 1)
}

// FrenchPhoneAbroad is FrenchPhone with the country code 33.
func FrenchPhoneAbroad(text []byte) bool {
	p := readPhone(text)
	return frenchNumber(p.abroad("33", true))
}

func frenchNumber(d []byte) bool {
	return len(d) == 9 && d[0] != '0' && !uniform(d)
}

// SpanishPhone reports whether the text is a Spanish number in its national form: nine digits, those of places from 81 to 98, of mobile
// telephones from 6 or 71 to 74, of services from 70, 80 or 90 (CNMC, Plan Nacional de Numeración Telefónica; Real Decreto 2296/2004).
func SpanishPhone(text []byte) bool {
	p := readPhone(text)
	return p.spanish() && bytes.IndexByte(text, '/') < 0 && spanishNumber(p.digits[:p.n])
}

// SpanishPhoneForm reports whether a number of this form may be SpanishPhone.
func SpanishPhoneForm(form []byte) bool {
	p := readPhone(form)
	return p.trunk || p.spanish()
}

// spanish reports whether the groups are those of Spanish numbers.
func (p *phone) spanish() bool {
	return p.ok && (p.grouped(9) || p.grouped(3, 3, 3) || p.grouped(3, 2, 2, 2) || p.grouped(2, 3, 2, 2) || p.grouped(2, 7) || p.grouped(3, 6) || p.grouped(2, 3, 4))
}

// SpanishPhoneAbroad is SpanishPhone with the country code 34.
func SpanishPhoneAbroad(text []byte) bool {
	p := readPhone(text)
	return spanishNumber(p.abroad("34", false))
}

func spanishNumber(d []byte) bool {
	if len(d) != 9 || uniform(d) || uniform(d[3:]) {
		return false
	}
	switch d[0] {
	case '6':
		return true
	case '7':
		return d[1] <= '4'
	case '8', '9':
		return d[1] != '9'
	}
	return false
}

// ItalianPhone reports whether the text is an Italian number: 0, the code of a place that exists and the subscriber's, eight to ten digits in
// all, the code alone in the first group; ten digits from 3 for mobile telephones; or 800 and 803 for free calls (AGCOM, Piano di numerazione
// nazionale, delibera 8/15/CIR).
func ItalianPhone(text []byte) bool {
	p := readPhone(text)
	d := p.digits[:p.n]
	if !p.ok || !italianNumber(d) || p.parts > 4 {
		return false
	}
	if p.parts == 1 {
		return d[0] != '0' || p.n >= 9
	}
	if d[0] != '0' { // 347-118-2640 would be American
		return p.groups[0] == 3 && !(p.grouped(3, 3, 4) && bytes.Count(text, []byte{'-'}) == 2)
	}
	return int(p.groups[0]) == italianArea(d) && p.parts <= 3 && p.groups[1] >= 3
}

// ItalianPhoneForm reports whether a number of this form may be ItalianPhone.
func ItalianPhoneForm(form []byte) bool {
	p := readPhone(form)
	return p.trunk || p.ok && p.n >= 8 && p.n <= 10 && (p.parts == 1 || p.parts <= 4 && p.groups[0] >= 2 && p.groups[0] <= 4)
}

// ItalianPhoneAbroad is ItalianPhone with the country code 39; the 0 of a place stays.
func ItalianPhoneAbroad(text []byte) bool {
	p := readPhone(text)
	d := p.abroad("39", false)
	if p.trunk {
		var full [24]byte
		return len(d) < len(full) && italianNumber(append(append(full[:0], '0'), d...))
	}
	return italianNumber(d)
}

func italianNumber(d []byte) bool {
	if len(d) < 8 || uniform(d[1:]) {
		return false
	}
	switch d[0] {
	case '0':
		return len(d) <= 10 && italianArea(d) > 0
	case '3':
		return len(d) == 10 && d[1] >= '2'
	case '8':
		return len(d) == 9 && d[1] == '0' && (d[2] == '0' || d[2] == '3')
	}
	return false
}

// italianArea returns the length of the place's code with its 0, 0 for none.
func italianArea(d []byte) int {
	switch {
	case d[1] == '2' || d[1] == '6':
		return 2
	case d[1] == '0':
		return 0
	case d[2] == '0' || d[2] == '1' || d[2] == '5' && d[1] != '2' || d[2] == '9':
		return 3
	}
	return 4
}

// BrazilianPhone reports whether the text is a Brazilian number in its national form: an area code that exists, perhaps behind a 0, and eight
// digits from 2 to 5 or, for mobile telephones, nine from 9; or a number of 0300, 0500, 0800 or 0900 (Anatel, Resolução 749/2022).
func BrazilianPhone(text []byte) bool {
	p := readPhone(text)
	return p.brazilian()
}

func (p *phone) brazilian() bool {
	d := p.digits[:p.n]
	if !p.ok || p.n < 10 || p.parts > 4 {
		return false
	}
	if d[0] == '0' {
		if d[2] == '0' && d[3] == '0' {
			return p.n == 11 && (d[1] == '3' || d[1] == '5' || d[1] == '8' || d[1] == '9') && !uniform(d[4:]) && (p.parts == 1 || p.groups[0] == 4)
		}
		if d = d[1:]; p.parts > 1 && p.groups[0] == 1 {
			return brazilianNumber(d) && p.groups[1] == 2
		}
		return brazilianNumber(d) && (p.parts == 1 || p.groups[0] == 3)
	}
	return brazilianNumber(d) && (p.parts == 1 || p.groups[0] == 2 || p.parts == 2 && p.groups[1] == 4)
}

// BrazilianPhoneForm reports whether a number of this form may be BrazilianPhone.
func BrazilianPhoneForm(form []byte) bool {
	p := readPhone(form)
	switch {
	case p.trunk:
		return true
	case !p.ok || p.n < 10 || p.n > 12 || p.parts > 4:
		return false
	case p.parts == 1 || p.n < 12 && (p.groups[0] == 2 || p.parts == 2 && p.groups[1] == 4):
		return true
	}
	return p.n > 10 && (p.groups[0] == 1 || p.groups[0] == 3 || p.groups[0] == 4)
}

// BrazilianGrouped is BrazilianPhone but for ten digits in one word, which may as well be a number of North America.
func BrazilianGrouped(text []byte) bool {
	p := readPhone(text)
	return (p.parts > 1 || p.n != 10) && p.brazilian()
}

// BrazilianPhoneAbroad is BrazilianPhone with the country code 55.
func BrazilianPhoneAbroad(text []byte) bool {
	p := readPhone(text)
	return brazilianNumber(p.abroad("55", true))
}

func brazilianNumber(d []byte) bool {
	if len(d) != 10 && len(d) != 11 || uniform(d[2:]) {
		return false
	}
	switch d[0] { // the digits that do not stand second
	case '1', '4', '9':
		if d[1] == '0' {
			return false
		}
	case '2':
		if d[1] != '1' && d[1] != '2' && d[1] != '4' && d[1] != '7' && d[1] != '8' {
			return false
		}
	case '3':
		if d[1] == '0' || d[1] == '6' || d[1] == '9' {
			return false
		}
	case '5':
		if d[1] != '1' && d[1] != '3' && d[1] != '4' && d[1] != '5' {
			return false
		}
	case '6', '8':
		if d[1] == '0' {
			return false
		}
	case '7':
		if d[1] != '1' && d[1] != '3' && d[1] != '4' && d[1] != '5' && d[1] != '7' && d[1] != '9' {
			return false
		}
	default:
		return false
	}
	if len(d) == 11 {
		return d[2] == '9'
	}
	return d[2] >= '2' && d[2] <= '5'
}

// GermanPhone reports whether the text is a German number in its national form: 0, an area code that exists and the subscriber's number, or a
// mobile or service number; the area code stands alone in the first group (Bundesnetzagentur, Nummernraum für das öffentliche
// Telekommunikationsnetz; DIN 5008 for the grouping).
func GermanPhone(text []byte) bool {
	p := readPhone(text)
	if !p.ok || p.n < 8 || p.digits[0] != '0' {
		return false
	}
	d := p.digits[1:p.n]
	if !germanNumber(d) {
		return false
	}
	if p.parts == 1 {
		return len(d) >= 9
	}
	switch first := int(p.groups[0]) - 1; {
	case d[0] == '1':
		return first == 3 || first == 4
	case germanArea(d) == 0: // a service
		return first == 3
	case d[0] == '3' && germanArea(d) == 4:
		return first == 4 || first == 5
	default:
		return first == germanArea(d)
	}
}

// GermanPhoneAbroad is GermanPhone with the country code 49.
func GermanPhoneAbroad(text []byte) bool {
	p := readPhone(text)
	return germanNumber(p.abroad("49", true))
}

func germanNumber(d []byte) bool {
	if len(d) < 7 || len(d) > 11 || uniform(d) || uniform(d[3:]) {
		return false
	}
	switch {
	case d[0] == '1':
		switch d[1] {
		case '5':
			return len(d) == 11
		case '6':
			return (d[2] == '0' || d[2] == '2' || d[2] == '3') && len(d) >= 10
		case '7':
			return len(d) >= 10
		case '8':
			return d[2] == '0' && len(d) >= 9
		}
		return false
	case d[0] == '7' && d[1] == '0' && d[2] == '0', d[0] == '3' && d[1] == '2':
		return len(d) == 11
	case d[1] == '0' && d[2] == '0':
		return (d[0] == '8' || d[0] == '9') && len(d) >= 10
	}
	return germanArea(d) > 0
}

// germanPlaces holds, for the first two digits of an area code from 20, the third digits that are in use; germanCities the codes of three digits.
var (
	germanPlaces = [80]string{
		"1-689", "0-9", "0-9", "0-9", "0-8", "0-9", "0-9", "1-7", "0-7", "0-9",
		"0-9", "", "", "0-9", "0-9", "0-9", "0-9", "1-7", "1-8", "0-9",
		"0-9", "02-9", "0-9", "0-9", "0-9", "0-6", "0-8", "0-79", "0-9", "0-7",
		"2-8", "0-9", "0-9", "0-9", "0-9", "0-9", "0-9", "0-7", "0-6", "0-7",
		"0-9", "0-9", "0-9", "0-9", "0-9", "0-9", "0-9", "0-8", "0-9", "0-9",
		"2-8", "1-9", "0-7", "0-9", "0-8", "0-8", "0-8", "0-7", "0-5", "0-7",
		"2-9", "0-79", "0-9", "0-9", "0-6", "0-9", "0-9", "0-8", "0-6", "0-9",
		"6-9", "0-9", "0-9", "0-9", "0-9", "0-7", "0-8", "0-9", "0-7", "0-9",
	}
	germanCities = codeSet(`201 202 203 208 209 211 212 214 221 228 231 234 241 251 261 271 281 291 331 335 340 341 345 351 355 361 365 371 375 381 385 391 395
		421 431 441 451 461 471 481 491 511 521 531 541 551 561 571 581 591 611 621 631 641 651 661 671 681 711 721 731 741 751 761 771 781 791
		821 831 841 851 861 871 881 906 911 921 931 941 951 961 971 981 991`)
)

// germanArea returns the length of the area code, 0 for none; 4 stands for 4 or 5 in the east, behind a 3.
func germanArea(d []byte) int {
	switch string(d[:2]) {
	case "30", "40", "69", "89":
		return 2
	}
	two := int(d[0]-'0')*10 + int(d[1]-'0')
	switch {
	case two < 20 || !digitIn(germanPlaces[two-20], d[2]):
		return 0
	case germanCities[string(d[:3])]:
		return 3
	}
	return 4
}

// digitIn reports whether a digit is in a list such as "1-689".
func digitIn(list string, b byte) bool {
	for i := 0; i < len(list); i++ {
		lo, hi := list[i], list[i]
		if i+2 < len(list) && list[i+1] == '-' {
			hi = list[i+2]
			i += 2
		}
		if b >= lo && b <= hi {
			return true
		}
	}
	return false
}

// BritishPhone reports whether the text is a British number in its national form: 0, an area code that exists or the prefix of mobile
// telephones and services, and the number, which stands apart from the code if there are groups (Ofcom, National Telephone Numbering Plan).
func BritishPhone(text []byte) bool {
	p := readPhone(text)
	if !p.ok || p.n < 10 || p.digits[0] != '0' || !britishNumber(p.digits[1:p.n]) || p.parts > 4 {
		return false
	}
	switch first := p.groups[0]; {
	case p.parts == 1:
		return true
	case p.digits[1] == '2':
		return first == 3 || first == 4
	case p.digits[1] == '1' && (p.digits[2] == '1' || p.digits[3] == '1'):
		return first == 4
	case p.digits[1] == '1':
		return first == 5 || first == 6
	default:
		return first == 4 || first == 5
	}
}

// BritishPhoneAbroad is BritishPhone with the country code 44.
func BritishPhoneAbroad(text []byte) bool {
	p := readPhone(text)
	return britishNumber(p.abroad("44", true))
}

func britishNumber(d []byte) bool {
	if len(d) != 9 && len(d) != 10 || uniform(d) || uniform(d[3:]) {
		return false
	}
	switch d[0] {
	case '1':
		if d[1] == '1' {
			return len(d) == 10 && d[2] >= '3' && d[2] <= '8'
		}
		if d[2] == '1' && d[1] != '7' && d[1] != '8' {
			return len(d) == 10
		}
		if d[1] < '2' {
			return false
		}
		if string(d[:4]) == "1632" { // kept for fiction, and written in samples
			return true
		}
		return digitIn(britishPlaces[d[1]-'2'][d[2]-'0'], d[3]) && (len(d) == 10 || shortBritish[string(d[:4])])
	case '2':
		return len(d) == 10 && (d[1] == '0' && digitIn("13478", d[2]) || d[1] == '3' && digitIn("0189", d[2]) || d[1] == '4' && digitIn("017", d[2]) ||
			d[1] == '8' && d[2] != '5' || d[1] == '9' && d[2] <= '2')
	case '3':
		return len(d) == 10 && (d[1] == '0' || d[1] == '3' || d[1] == '4' || d[1] == '7')
	case '5':
		return len(d) == 10 && (d[1] == '5' || d[1] == '6')
	case '7':
		return len(d) == 10
	case '8':
		return d[1] == '0' && d[2] == '0' || len(d) == 10 && (d[1] == '0' && d[2] == '8' || d[1] == '4' || d[1] == '7')
	case '9':
		return len(d) == 10 && (d[1] <= '1' || d[1] == '8')
	}
	return false
}

// britishPlaces holds, for the second and third digit of an area code of 1 and three more, the fourth digits that are in use; shortBritish the
// codes under which there are still numbers of five digits.
var (
	britishPlaces = [8][10]string{
		{"024-9", "", "3-9", "3-79", "1-689", "02-9", "0-47-9", "013-9", "02-9", "0-9"},
		{"0-9", "", "02-9", "02-579", "0-46-9", "02-9", "0-46-9", "1-35-79", "0-46-9", "2-578"},
		{"03-9", "", "02-57-9", "0-9", "02-69", "0-8", "0-79", "0-9", "02-57-9", "0-79"},
		{"1-35-9", "", "024-9", "015689", "02-9", "03-9", "0-9", "0-35-9", "0-468", "0-57-9"},
		{"034689", "", "0-35689", "013-9", "1-467", "0-69", "13-9", "0-8", "013-9", "0-24578"},
		{"0246-9", "", "0-9", "0236-8", "03-9", "0-46-9", "013-9", "0-35-9", "024-9", "02-9"},
		{"35-9", "", "1-57-9", "02-578", "0-578", "124-9", "2-69", "0-9", "02-9", "02569"},
		{"02-589", "", "02-689", "1-57-9", "2-9", "0-579", "2-47-9", "0-24578", "0-9", "2-57"},
	}
	shortBritish = codeSet(`1204 1208 1254 1276 1297 1298 1363 1364 1384 1386 1404 1420 1460 1461 1480 1488 1524 1527 1562 1566 1606 1629 1635 1647 1659 1695
		1697 1726 1744 1750 1768 1827 1837 1884 1900 1905 1935 1946 1949 1963 1995`)
)

func codeSet(codes string) map[string]bool {
	set := map[string]bool{}
	for _, c := range strings.Fields(codes) {
		set[c] = true
	}
	return set
}
