package main

import (
	"fmt"
	"slices"
	"strings"
)

// The functions of this file draw numbers that pass the checks of those who issue them. Sources: ISO/IEC 7812-1 (cards), ISO 13616 (IBAN),
// the Social Security Administration's list of areas never assigned, the NHS data dictionary, Receita Federal (CPF), ISO 7064 (German tax
// number), the Spanish Interior Ministry's letter table (DNI), 49 CFR 565 (VIN), the North American Numbering Plan.

// brands are prefixes and lengths of card numbers that an issuer could give.
var brands = map[string]struct {
	prefixes []string
	length   int
}{
	"visa":       {[]string{"4532", "4716", "4485", "4929", "4024"}, 16},
	"mastercard": {[]string{"51", "52", "53", "54", "55", "2301", "2512"}, 16},
	"amex":       {[]string{"34", "37"}, 15},
	"discover":   {[]string{"6011", "6441", "6502"}, 16},
	"diners":     {[]string{"36", "38"}, 14},
	"jcb":        {[]string{"3532", "3561", "3588"}, 16},
	"unionpay":   {[]string{"6210", "6258"}, 16},
}

var brandNames = []string{"visa", "visa", "visa", "mastercard", "mastercard", "amex", "discover"}

// reservedCards are numbers for tests that are published by issuers and gateways, and that Macie never reports.
var reservedCards = strings.Fields(`
	122000000000003 2222405343248877 2222990905257051 2223007648726984 2223577120017656 30569309025904 34343434343434
	3528000700000000 3530111333300000 3566002020360505 36148900647913 36700102000000 371449635398431 378282246310005
	378734493671000 38520000023237 4012888888881881 4111111111111111 4222222222222 4444333322221111 4462030000000000
	4484070000000000 4911830000000 4917300800000000 4917610000000000 4917610000000000003 5019717010103742
	5105105105105100 5111010030175156 5185540810000019 5200828282828210 5204230080000017 5204740009900014
	5420923878724339 5454545454545454 5455330760000018 5506900490000436 5506900490000444 5506900510000234
	5506920809243667 5506922400634930 5506927427317625 5553042241984105 5555553753048194 5555555555554444
	5610591081018250 6011000990139424 6011000400000000 6011111111111117 630490017740292441 630495060000000000
	6331101999990016 6759649826438453 6799990100000000019 76009244561`)

// luhn returns the check digit that makes digits followed by it valid (ISO/IEC 7812-1, annex B).
func luhn(digits string) byte {
	sum := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return byte('0' + (10-sum%10)%10)
}

// card draws a card number of a brand, of any brand for "".
func (s *stream) card(brand string) string {
	if brand == "" {
		brand = pick(s, brandNames)
	}
	b := brands[brand]
	for {
		digits := pick(s, b.prefixes)
		digits += s.digits(b.length - 1 - len(digits))
		if digits += string(luhn(digits)); !slices.Contains(reservedCards, digits) {
			return digits
		}
	}
}

// notACard draws a number that looks like a card's but has a wrong check digit.
func (s *stream) notACard() string {
	digits := s.card("visa")
	last := digits[len(digits)-1]
	return digits[:len(digits)-1] + string('0'+(last-'0'+byte(s.between(1, 9)))%10)
}

// ibanLayouts are the structures of ISO 13616 that we use: n digit, a letter, c either.
var ibanLayouts = map[string]string{
	"AT": "nnnnnnnnnnnnnnnn", "CH": "nnnnncccccccccccc", "CZ": "nnnnnnnnnnnnnnnnnnnn", "DE": "nnnnnnnnnnnnnnnnnn",
	"DK": "nnnnnnnnnnnnnn", "ES": "nnnnnnnnnnnnnnnnnnnn", "FI": "nnnnnnnnnnnnnn", "FR": "nnnnnnnnnncccccccccccnn",
	"GB": "aaaannnnnnnnnnnnnn", "IE": "aaaannnnnnnnnnnnnn", "IT": "annnnnnnnnncccccccccccc", "NL": "aaaannnnnnnnnn",
	"PL": "nnnnnnnnnnnnnnnnnnnnnnnn", "PT": "nnnnnnnnnnnnnnnnnnnnn", "SE": "nnnnnnnnnnnnnnnnnnnn",
}

// ibanTypes are the identifiers of the countries' account numbers. Austria has none.
var ibanTypes = map[string]string{
	"CH": "SWITZERLAND", "CZ": "CZECH_REPUBLIC", "DE": "GERMANY", "DK": "DENMARK", "ES": "SPAIN", "FI": "FINLAND", "FR": "FRANCE",
	"GB": "UK", "IE": "IRELAND", "IT": "ITALY", "NL": "NETHERLANDS", "PL": "POLAND", "PT": "PORTUGAL", "SE": "SWEDEN",
}

// iban draws an account number. No part of it looks like a card's number, whichever groups it is read in.
func (s *stream) iban(country string) string {
	for {
		var b strings.Builder
		for _, class := range ibanLayouts[country] {
			switch class {
			case 'a':
				b.WriteString(s.from(upper, 1))
			default: // letters are allowed for c, but banks use digits
				b.WriteString(s.digits(1))
			}
		}
		check := 98 - mod97(b.String()+country+"00")
		iban := fmt.Sprintf("%s%02d%s", country, check, b.String())
		if !slices.ContainsFunc(digitRuns(groups(iban, " ", 4)), isCard) {
			return iban
		}
	}
}

// notAnIBAN draws an IBAN with wrong check digits.
func (s *stream) notAnIBAN(country string) string {
	iban := s.iban(country)
	check := int(iban[2]-'0')*10 + int(iban[3]-'0')
	return fmt.Sprintf("%s%02d%s", country, 2+(check-2+s.between(1, 95))%97, iban[4:])
}

// mod97 reads letters as 10 to 35 and returns the number's remainder.
func mod97(v string) int {
	r := 0
	for _, c := range v {
		if c >= 'A' {
			r = (r*100 + int(c-'A') + 10) % 97
		} else {
			r = (r*10 + int(c-'0')) % 97
		}
	}
	return r
}

// isCard says whether digits could be taken for a card's number.
func isCard(digits string) bool {
	n := len(digits)
	return n >= 13 && n <= 19 && strings.ContainsAny(digits[:1], "23456") && luhn(digits[:n-1]) == digits[n-1]
}

// digitRuns returns every sequence of whole groups of digits that stand one separator apart.
func digitRuns(v string) []string {
	var runs []string
	fields := strings.FieldsFunc(v, func(r rune) bool { return r == ' ' || r == '-' })
	for i := range fields {
		run := ""
		for _, f := range fields[i:] {
			if strings.Trim(f, decimal) != "" {
				break
			}
			run += f
			runs = append(runs, run)
		}
	}
	return runs
}

// bankAccount draws an American account number, too short for a card's.
func (s *stream) bankAccount() string { return s.from("123456789", 1) + s.digits(s.between(9, 11)) }

// ssn draws a social security number that could have been assigned and has not become known as an example.
func (s *stream) ssn() string {
	for {
		area, group, serial := s.between(1, 899), s.between(1, 99), s.between(1, 9999)
		if n := fmt.Sprintf("%03d-%02d-%04d", area, group, serial); area != 666 && n != "078-05-1120" && n != "219-09-9999" {
			return n
		}
	}
}

// passport draws an American passport number: nine digits, or a letter that no German document has and eight.
func (s *stream) passport() string {
	if s.below(4) == 0 {
		return "A" + s.digits(8)
	}
	return s.from("3456", 1) + s.digits(8)
}

var areaCodes = []string{"212", "206", "303", "312", "415", "416", "503", "604", "617", "720", "970"}

// phone draws an American or Canadian number of the range that is kept for fiction (555-0100 to 555-0199).
func (s *stream) phone(style string) string {
	area, line := pick(s, areaCodes), fmt.Sprintf("01%02d", s.below(100))
	switch style {
	case "parens":
		return "(" + area + ") 555-" + line
	case "dots":
		return area + ".555." + line
	case "bare":
		return area + "555" + line
	case "e164":
		return "+1" + area + "555" + line
	case "plus":
		return "+1 " + area + "-555-" + line
	default:
		return area + "-555-" + line
	}
}

// nino draws a British National Insurance number with letters that no German document has.
func (s *stream) nino() string {
	return pick(s, []string{"AB", "AE", "BA", "BE", "EA", "EB"}) + s.digits(6) + s.from("ABCD", 1)
}

// cpf draws a Brazilian CPF without separators.
func (s *stream) cpf() string {
	for {
		digits := s.digits(9)
		if strings.Count(digits, digits[:1]) == 9 {
			continue
		}
		for range 2 {
			sum := 0
			for i, d := range digits {
				sum += int(d-'0') * (len(digits) + 1 - i)
			}
			check := 11 - sum%11
			if check > 9 {
				check = 0
			}
			digits += string(rune('0' + check))
		}
		return digits
	}
}

// steuerID draws a German tax identification number: of its first ten digits one stands there twice and one not at all.
func (s *stream) steuerID() string {
	digits := []byte(decimal)
	for i := range digits {
		j := s.between(i, 9)
		digits[i], digits[j] = digits[j], digits[i]
	}
	digits[s.between(5, 9)] = digits[s.between(0, 4)]
	if digits[0] == '0' { // the 0 stands at most once more, among the last five
		digits[0], digits[1] = digits[1], digits[0]
	}
	product := 10
	for _, d := range digits {
		sum := (int(d-'0') + product) % 10
		if sum == 0 {
			sum = 10
		}
		product = 2 * sum % 11
	}
	return string(digits) + string(rune('0'+(11-product)%10))
}

// dni draws a Spanish identity number.
func (s *stream) dni() string {
	n := s.between(10_000_000, 99_999_998)
	return fmt.Sprintf("%d%c", n, "TRWAGMYFPDXBNJZSQVHLCKE"[n%23])
}

// nhs draws a number of the National Health Service, compact.
func (s *stream) nhs() string {
	for {
		digits := s.from("4679", 1) + s.digits(8)
		sum := 0
		for i, d := range digits {
			sum += int(d-'0') * (10 - i)
		}
		if check := (11 - sum%11) % 11; check != 10 {
			return digits + string(rune('0'+check))
		}
	}
}

// vin draws the vehicle identification number of a van.
func (s *stream) vin() string {
	const letters = "ABCDEFGHJKLMNPRSTUVWXYZ"
	values := map[rune]int{}
	for i, c := range letters {
		values[c] = []int{1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, 2, 3, 4, 5, 6, 7, 8, 9}[i]
	}
	vin := pick(s, []string{"1FT", "3C6", "1GC", "WV1"}) + s.from(letters+"123456789", 5) + "0" + s.from("LMNPRST", 1) +
		s.from(letters, 1) + s.digits(6)
	sum := 0
	for i, c := range vin {
		v, ok := values[c]
		if !ok {
			v = int(c - '0')
		}
		sum += v * []int{8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2}[i]
	}
	return vin[:8] + string("0123456789X"[sum%11]) + vin[9:]
}

// ean draws an article number (EAN-13, GS1 General Specifications) that no one can take for a card's.
func (s *stream) ean() string {
	for {
		digits := pick(s, []string{"401", "426", "871", "761", "080"}) + s.digits(9)
		sum := 0
		for i, d := range digits {
			sum += int(d-'0') * (1 + 2*(i%2))
		}
		if digits += string(rune('0' + (10-sum%10)%10)); !isCard(digits) {
			return digits
		}
	}
}

// tracking draws a parcel number of one of three carriers.
func (s *stream) tracking() string {
	for {
		n := ""
		switch s.below(3) {
		case 0:
			n = "1Z" + s.from(decimal+upper, 6) + s.digits(10)
		case 1:
			n = "7" + s.digits(11)
		default:
			n = "9400" + s.digits(18)
		}
		if !isCard(n) {
			return n
		}
	}
}
