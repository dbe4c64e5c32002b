package main

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A kind is one managed data identifier as this program understands it from the rule of its authority.
type kind struct {
	id     string
	labels []string // what people write before a value; each holds a keyword that Macie lists
	make   func(g *gen) string
	// checked says that a value with one digit changed is not valid any more.
	checked bool
	// from and to bound the characters of which one is changed for that; 0 and 0: all.
	from, to int
	// bare says that a value is found without any label.
	bare bool
	// unlike, if there, makes what stands where a value could and is none.
	unlike func(g *gen) string
	// whole says that the value is a text of its own (a key, a header) that is not put into sentences.
	whole bool
}

func kinds() []kind {
	all := []kind{
		{id: "AWS_CREDENTIALS", labels: []string{"aws_secret_access_key", "secret access key", "secret key"}, make: func(g *gen) string {
			for {
				if s := g.of(b64Set, 40); !strings.ContainsAny(s[:1]+s[39:], "+/") {
					return s
				}
			}
		}},
		{id: "GCP_API_KEY", labels: []string{"google-api-key", "gcp api key", "google cloud key"}, make: func(g *gen) string { return "AIza" + g.of(alnumSet, 34) + g.of(alnumSet, 1) }},
		{id: "HTTP_BASIC_AUTH_HEADER", bare: true, whole: true, make: func(g *gen) string {
			return g.pick("Authorization", "Proxy-Authorization") + ": Basic " + base64.StdEncoding.EncodeToString([]byte(g.of(lowerSet, 6)+":"+g.of(alnumSet, g.between(8, 20))))
		}},
		{id: "JSON_WEB_TOKEN", bare: true, make: func(g *gen) string {
			part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
			return part(`{"alg":"`+g.pick("HS256", "RS256", "ES512")+`","typ":"JWT"}`) + "." + part(fmt.Sprintf(`{"sub":"%s","iat":%d}`, g.digits(8), 1700000000+g.IntN(1e7))) + "." + g.of(alnumSet+"-_", 43)
		}},
		{id: "OPENSSH_PRIVATE_KEY", bare: true, whole: true, make: func(g *gen) string { return g.pem("OPENSSH PRIVATE KEY", 0) }},
		{id: "PGP_PRIVATE_KEY", bare: true, whole: true, make: func(g *gen) string { return g.pem("PGP PRIVATE KEY BLOCK", g.IntN(2)) }},
		{id: "PKCS", bare: true, whole: true, make: func(g *gen) string {
			return g.pem(g.pick("PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "DSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY"), 0)
		}},
		{id: "PUTTY_PRIVATE_KEY", bare: true, whole: true, make: func(g *gen) string { return g.putty() }},
		{id: "STRIPE_CREDENTIALS", bare: true, make: func(g *gen) string {
			return g.pick("sk", "rk", "pk") + "_" + g.pick("live", "test") + "_" + g.of(alnumSet, g.pickInt(24, 99))
		}},

		{id: "BANK_ACCOUNT_NUMBER", labels: []string{"bank account", "checking account", "savings acct", "chequing account"}, make: func(g *gen) string { return g.number(g.between(9, 17)) }},
		{id: "CREDIT_CARD_EXPIRATION", labels: []string{"expiry", "expiration", "exp date"}, make: func(g *gen) string {
			m, y := g.between(1, 12), g.between(26, 32)
			return g.pick(fmt.Sprintf("%02d/%02d", m, y), fmt.Sprintf("%02d/20%02d", m, y), time.Month(m).String()[:3]+fmt.Sprintf(" 20%02d", y), fmt.Sprintf("%02d-20%02d", m, y))
		}},
		{id: "CREDIT_CARD_MAGNETIC_STRIPE", from: 3, to: 16, labels: []string{"magstripe", "card data", "swipe"}, checked: true, make: func(g *gen) string {
			pan := luhn("4" + g.digits(14))
			date := fmt.Sprintf("%02d%02d", g.between(26, 32), g.between(1, 12))
			if g.IntN(2) == 0 {
				return ";" + pan + "=" + date + "101" + g.digits(10) + "?"
			}
			return "%B" + pan + "^" + g.pick("DOE/JOHN", "MUELLER/ANNA", "SMITH/JANE Q") + "^" + date + "101" + g.digits(14) + "?"
		}},
		{id: "CREDIT_CARD_NUMBER", labels: []string{"credit card", "card", "visa", "payment card number", "debit card"}, checked: true, make: func(g *gen) string { return g.card() }},
		{id: "CREDIT_CARD_NUMBER_(NO_KEYWORD)", bare: true, checked: true, make: func(g *gen) string { return g.card() }},
		{id: "CREDIT_CARD_SECURITY_CODE", labels: []string{"cvv", "cvc2", "card security code", "card verification value"}, make: func(g *gen) string { return g.digits(3) }},

		{id: "US_DRUG_ENFORCEMENT_AGENCY_NUMBER", from: 8, to: 9, labels: []string{"dea number", "dea registration"}, checked: true, make: func(g *gen) string {
			d := g.digits(6)
			return g.of("ABFGMPR", 1) + g.letters(1) + d + strconv.Itoa((sum(d, 1, 0, 1, 0, 1)+2*sum(d, 0, 1, 0, 1, 0, 1))%10)
		}},
		{id: "USA_HEALTH_INSURANCE_CLAIM_NUMBER", labels: []string{"hicn", "hic number", "health insurance claim number"}, make: func(g *gen) string {
			s := g.ssn()
			if g.IntN(2) == 0 {
				s = cut(s, "-", 3, 2, 4)
			}
			return s + g.pick("A", "B", "D", "C1", "B6", "W")
		}},
		{id: "CANADA_HEALTH_NUMBER", labels: []string{"phn", "personal healthcare number", "msp number"}, make: func(g *gen) string { return g.bcHealth() }},
		{id: "EUROPEAN_HEALTH_INSURANCE_CARD_NUMBER", labels: []string{"ehic", "health insurance card", "carte européenne d'assurance maladie", "krankenversicherungskarte"}, make: func(g *gen) string {
			return "80" + g.pick("276", "250", "380", "724", "040", "056", "528") + g.digits(15)
		}},
		{id: "FINLAND_EUROPEAN_HEALTH_INSURANCE_NUMBER", labels: []string{"sairaanhoitokortin", "finlandehicnumber#", "suomi ehic-numero"}, make: func(g *gen) string { return "80246" + g.digits(15) }},
		{id: "FRANCE_HEALTH_INSURANCE_NUMBER", labels: []string{"carte vitale", "carte d'assuré social"}, make: func(g *gen) string { return "80250" + g.digits(16) }},
		{id: "UK_NHS_NUMBER", labels: []string{"NHS", "nhs number"}, checked: true, make: func(g *gen) string {
			for {
				d := g.of("4567", 1) + g.digits(8)
				if c := 11 - sum(d, 10, 9, 8, 7, 6, 5, 4, 3, 2)%11; c != 10 {
					return g.maybe(d+strconv.Itoa(c%11), " ", 3, 3, 4)
				}
			}
		}},
		{id: "USA_MEDICARE_BENEFICIARY_IDENTIFIER", labels: []string{"mbi", "medicare beneficiary"}, make: func(g *gen) string {
			const a = "ACDEFGHJKMNPQRTUVWXY"
			an := a + digitSet
			s := g.of("123456789", 1) + g.of(a, 1) + g.of(an, 1) + g.digits(1) + g.of(a, 1) + g.of(an, 1) + g.digits(1) + g.of(a, 2) + g.digits(2)
			return g.maybe(s, "-", 4, 3, 4)
		}},
		{id: "USA_HEALTHCARE_PROCEDURE_CODE", labels: []string{"hcpcs", "current procedural terminology"}, make: func(g *gen) string {
			return g.pick("99213", "J1100", "G0438", "A4253", "71046", "E0601", "L3908", "0001F")
		}},
		{id: "USA_NATIONAL_DRUG_CODE", labels: []string{"ndc", "national drug code"}, make: func(g *gen) string {
			return g.pick(g.digits(4)+"-"+g.digits(4)+"-"+g.digits(2), g.digits(5)+"-"+g.digits(3)+"-"+g.digits(2), g.digits(5)+"-"+g.digits(4)+"-"+g.digits(1), g.digits(5)+"-"+g.digits(4)+"-"+g.digits(2))
		}},
		{id: "USA_NATIONAL_PROVIDER_IDENTIFIER", labels: []string{"npi", "national provider"}, checked: true, make: func(g *gen) string { return luhn("80840" + g.pick("1", "2") + g.digits(8))[5:] }},
		{id: "MEDICAL_DEVICE_UDI", checked: true, from: 4, to: 18, labels: []string{"udi", "device identifier", "gs1"}, make: func(g *gen) string {
			d := g.digits(13)
			check := (10 - sum(d, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3)%10) % 10
			return "(01)" + d + strconv.Itoa(check) + "(17)" + g.yearly() + "(10)" + g.of(upperSet+digitSet, 6)
		}},

		{id: "DATE_OF_BIRTH", labels: []string{"date of birth", "dob", "birthday", "birth date"}, make: func(g *gen) string {
			y, m, d := g.date()
			t := time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC)
			return t.Format(g.pick("2006-01-02", "01/02/2006", "2 January 2006", "January 2, 2006", "02-Jan-2006", "1/2/06"))
		}},
		{id: "UK_ELECTORAL_ROLL_NUMBER", labels: []string{"electoral roll number", "electoral number"}, make: func(g *gen) string { return g.letters(g.between(2, 3)) + strconv.Itoa(g.between(10, 9999)) }},
		{id: "NAME", labels: []string{"full name", "customer name", "patient name"}, bare: true, unlike: (*gen).noName, make: func(g *gen) string { return g.name() }},
		{id: "LATITUDE_LONGITUDE", labels: []string{"coordinates", "lat long", "position"}, make: func(g *gen) string {
			return fmt.Sprintf("%.6f,%s%.6f", g.Float64()*178-89, g.pick("", " "), g.Float64()*358-179)
		}},
		{id: "HTTP_COOKIE", bare: true, whole: true, make: func(g *gen) string {
			if g.IntN(2) == 0 {
				return "Cookie: sid=" + g.of(alnumSet, 24) + "; theme=dark"
			}
			return "Set-Cookie: session=" + g.of(alnumSet, 32) + "; Path=/; HttpOnly"
		}},
		{id: "ADDRESS", labels: []string{"address", "ship to", "mailing address"}, bare: true, unlike: (*gen).noAddress, make: func(g *gen) string { return g.address() }},
		{id: "BRAZIL_CEP_CODE", labels: []string{"cep", "código postal"}, make: func(g *gen) string { return g.of("01234589", 1) + g.number(4) + "-" + g.digits(3) }},
		{id: "UK_NATIONAL_INSURANCE_NUMBER", labels: []string{"national insurance number", "nino", "insurance no."}, make: func(g *gen) string {
			return g.maybe(g.of("ACEHJLMPRSWXY", 1)+g.of("ABCEHJLMPRSWX", 1)+g.number(6)+g.of("ABCD", 1), " ", 2, 2, 2, 2, 1)
		}},
		{id: "CANADA_NATIONAL_IDENTIFICATION_NUMBER", labels: []string{"permanent resident card", "permanent resident no", "carte résident permanent"}, make: func(g *gen) string { return g.letters(2) + g.number(7) }},
		{id: "ARGENTINA_TARJETA_SUBE", labels: []string{"sube", "sistema único de boleto electrónico"}, checked: true, make: func(g *gen) string { return g.maybe(luhn("6061"+g.digits(11)), " ", 4, 4, 4, 4) }},
		{id: "CANADA_SOCIAL_INSURANCE_NUMBER", labels: []string{"social insurance number", "sin", "numéro d'assurance sociale"}, checked: true, make: func(g *gen) string { return g.maybe(luhn(g.of("1234567", 1)+g.digits(7)), g.pick(" ", "-"), 3, 3, 3) }},
		{id: "SPAIN_SOCIAL_SECURITY_NUMBER", labels: []string{"número de la seguridad social", "social security number"}, checked: true, make: func(g *gen) string {
			p, n := g.between(1, 52), g.between(10000000, 99999999)
			return fmt.Sprintf("%02d%08d%02d", p, n, (p*100000000+n)%97)
		}},
		{id: "USA_SOCIAL_SECURITY_NUMBER", labels: []string{"ssn", "social security number", "ss#"}, make: func(g *gen) string { return g.maybe(g.ssn(), "-", 3, 2, 4) }},
		{id: "VEHICLE_IDENTIFICATION_NUMBER", from: 11, to: 17, labels: []string{"vin", "vehicle identification number", "fahrgestellnummer"}, checked: true, make: func(g *gen) string { return g.vin() }},

		{id: "PHONE_NUMBER", labels: []string{"phone", "tel", "mobile", "fax"}, make: func(g *gen) string {
			a, b, c := g.pick("212", "415", "312", "604", "416", "800", "305"), g.of("23456789", 1)+g.of("023456789", 2), g.digits(4)
			return g.pick("("+a+") "+b+"-"+c, a+"-"+b+"-"+c, "+1 "+a+" "+b+" "+c, "+1-"+a+"-"+b+"-"+c, a+"."+b+"."+c)
		}},
		{id: "BRAZIL_PHONE_NUMBER", labels: []string{"telefone", "celular", "fone"}, make: func(g *gen) string {
			return g.pick("("+g.pick("11", "21", "31", "41", "85")+") 9"+g.of("6789", 1)+g.digits(3)+"-"+g.digits(4), "+55 11 9"+g.of("6789", 1)+g.digits(3)+"-"+g.digits(4), "(21) "+g.of("2345", 1)+g.digits(3)+"-"+g.digits(4))
		}},
		{id: "FRANCE_PHONE_NUMBER", labels: []string{"phone", "mobile", "tel"}, make: func(g *gen) string {
			return g.pick("0"+g.of("1234567", 1)+" "+cut(g.digits(8), " ", 2, 2, 2), "+33 "+g.of("1234567", 1)+" "+cut(g.digits(8), " ", 2, 2, 2), "0"+g.of("67", 1)+g.digits(8))
		}},
		{id: "GERMANY_PHONE_NUMBER", labels: []string{"phone", "mobile", "fax"}, make: func(g *gen) string {
			return g.pick("+49 30 "+g.number(8), "030 "+g.number(8), "0171 "+g.number(7), "+49 171 "+g.number(7), "089/"+g.number(7))
		}},
		{id: "ITALY_PHONE_NUMBER", labels: []string{"phone", "mobile", "tel"}, make: func(g *gen) string {
			return g.pick("+39 06 "+g.number(8), "+39 34"+g.digits(1)+" "+g.number(7), "02 "+g.number(8), "33"+g.digits(1)+" "+g.number(7))
		}},
		{id: "SPAIN_PHONE_NUMBER", labels: []string{"phone", "mobile", "tel"}, make: func(g *gen) string {
			return g.pick("+34 6"+g.digits(2)+" "+g.digits(3)+" "+g.digits(3), "91"+g.number(7), "6"+g.digits(2)+" "+g.digits(3)+" "+g.digits(3))
		}},
		{id: "UK_PHONE_NUMBER", labels: []string{"phone", "mobile", "tel"}, make: func(g *gen) string {
			return g.pick("+44 20 7"+g.digits(3)+" "+g.digits(4), "020 7"+g.digits(3)+" "+g.digits(4), "07"+g.of("45789", 1)+g.digits(2)+" "+g.digits(6), "+44 7"+g.of("45789", 1)+g.digits(2)+" "+g.digits(6), "0161 "+g.of("23456789", 1)+g.digits(2)+" "+g.digits(4))
		}},
	}
	all = append(all, licences()...)
	all = append(all, documents()...)
	all = append(all, taxes()...)
	for _, c := range ibans {
		all = append(all, kind{id: c[0] + "_BANK_ACCOUNT_NUMBER", bare: true, checked: true, labels: []string{"iban", "account"}, make: func(g *gen) string { return g.iban(c[1], c[2]) }})
	}
	return all
}

func (g *gen) pickInt(list ...int) int { return list[g.IntN(len(list))] }

// maybe cuts s at lengths with the separator, or leaves it whole.
func (g *gen) maybe(s, separator string, lengths ...int) string {
	if g.IntN(2) == 0 {
		return s
	}
	last := lengths[len(lengths)-1]
	return cut(s[:len(s)-last], separator, lengths[:len(lengths)-1]...) + separator + s[len(s)-last:]
}

func (g *gen) yearly() string {
	return fmt.Sprintf("%02d%02d%02d", g.between(26, 35), g.between(1, 12), g.between(1, 28))
}

func (g *gen) ssn() string {
	return fmt.Sprintf("%03d%02d%04d", g.between(1, 665), g.between(1, 99), g.between(1, 9999))
}

func (g *gen) card() string {
	switch g.IntN(5) {
	case 0:
		return luhn(fmt.Sprint(g.between(51, 55)) + g.digits(13))
	case 1:
		return g.maybe(luhn(g.pick("34", "37")+g.digits(12)), " ", 4, 6, 5)
	case 2:
		return luhn("6011" + g.digits(11))
	case 3:
		return luhn(fmt.Sprint(g.between(3528, 3589)) + g.digits(11))
	}
	return g.maybe(luhn("4"+g.digits(14)), g.pick(" ", "-"), 4, 4, 4, 4)
}

func (g *gen) vin() string {
	const set = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"
	v := []byte(g.pick("1HG", "2T1", "3VW", "5YJ", "1FT", "4T1") + g.of(set, 5) + "0" + g.of("ABCDEFGHJKLMNPRSTVWXY", 1) + g.of(set, 1) + g.number(6))
	weights := []int{8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2}
	t := 0
	for i, c := range v {
		d := int(c - '0')
		switch {
		case c >= 'A' && c <= 'H':
			d = int(c-'A') + 1
		case c >= 'J' && c <= 'R':
			d = int(c-'J') + 1
		case c >= 'S':
			d = int(c-'S') + 2
		}
		t += d * weights[i]
	}
	v[8] = "0123456789X"[t%11]
	return string(v)
}

func (g *gen) bcHealth() string {
	for {
		d := "9" + g.digits(8)
		if c := 11 - sum(d[1:], 2, 4, 8, 5, 10, 9, 7, 3)%11; c < 10 {
			return g.maybe(d+strconv.Itoa(c), " ", 4, 3, 3)
		}
	}
}

func (g *gen) pem(label string, header int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "-----BEGIN %s-----\n", label)
	if header > 0 {
		b.WriteString("Version: GnuPG v2\n\n")
	}
	for range g.between(4, 25) {
		b.WriteString(g.of(b64Set, 64) + "\n")
	}
	fmt.Fprintf(&b, "%s==\n-----END %s-----", g.of(b64Set, 22), label)
	return b.String()
}

func (g *gen) putty() string {
	version, mac := 3, 64
	if g.IntN(2) == 0 {
		version, mac = 2, 40
	}
	lines := func(n int) string {
		var b strings.Builder
		for range n {
			b.WriteString(g.of(b64Set, 64) + "\n")
		}
		return b.String()
	}
	return fmt.Sprintf("PuTTY-User-Key-File-%d: %s\nEncryption: none\nComment: rsa-key-%d\nPublic-Lines: 6\n%sPrivate-Lines: 14\n%sPrivate-MAC: %s",
		version, g.pick("ssh-rsa", "ssh-ed25519"), 20200000+g.between(101, 1228), lines(6), lines(14), g.of("0123456789abcdef", mac))
}

// ibans are countries with the structure of the domestic number, after the IBAN registry.
var ibans = [][3]string{
	{"ALBANIA", "AL", "8n 16c"}, {"ANDORRA", "AD", "4n 4n 12c"}, {"BOSNIA_AND_HERZEGOVINA", "BA", "16n"}, {"BRAZIL", "BR", "23n 1a 1c"}, {"BULGARIA", "BG", "4a 6n 8c"},
	{"COSTA_RICA", "CR", "18n"}, {"CROATIA", "HR", "17n"}, {"CYPRUS", "CY", "8n 16c"}, {"CZECH_REPUBLIC", "CZ", "20n"}, {"DENMARK", "DK", "14n"}, {"DOMINICAN_REPUBLIC", "DO", "4c 20n"},
	{"EGYPT", "EG", "25n"}, {"ESTONIA", "EE", "16n"}, {"FAROE_ISLANDS", "FO", "14n"}, {"FINLAND", "FI", "14n"}, {"FRANCE", "FR", "10n 11c 2n"}, {"GEORGIA", "GE", "2a 16n"}, {"GERMANY", "DE", "18n"},
	{"GREECE", "GR", "7n 16c"}, {"GREENLAND", "GL", "14n"}, {"HUNGARY", "HU", "24n"}, {"ICELAND", "IS", "22n"}, {"IRELAND", "IE", "4a 14n"}, {"ITALY", "IT", "1a 10n 12c"}, {"JORDAN", "JO", "4a 4n 18c"},
	{"KOSOVO", "XK", "16n"}, {"LIECHTENSTEIN", "LI", "5n 12c"}, {"LITHUANIA", "LT", "16n"}, {"MALTA", "MT", "4a 5n 18c"}, {"MAURITANIA", "MR", "23n"}, {"MAURITIUS", "MU", "4a 19n 3a"}, {"MONACO", "MC", "10n 11c 2n"},
	{"MONTENEGRO", "ME", "18n"}, {"NETHERLANDS", "NL", "4a 10n"}, {"NORTH_MACEDONIA", "MK", "3n 10c 2n"}, {"POLAND", "PL", "24n"}, {"PORTUGAL", "PT", "21n"}, {"SAN_MARINO", "SM", "1a 10n 12c"}, {"SENEGAL", "SN", "2a 22n"},
	{"SERBIA", "RS", "18n"}, {"SLOVAKIA", "SK", "20n"}, {"SLOVENIA", "SI", "15n"}, {"SPAIN", "ES", "20n"}, {"SWEDEN", "SE", "20n"}, {"SWITZERLAND", "CH", "5n 12c"}, {"TIMOR_LESTE", "TL", "19n"}, {"TUNISIA", "TN", "20n"},
	{"TURKIYE", "TR", "6n 16c"}, {"UKRAINE", "UA", "6n 19c"}, {"UK", "GB", "4a 14n"}, {"UNITED_ARAB_EMIRATES", "AE", "19n"}, {"VIRGIN_ISLANDS", "VG", "4a 16n"},
}
