package main

import (
	"fmt"
	"strconv"
	"strings"
)

// licences are driver's licences. Where states have formats of their own, some of them are taken in turn.
func licences() []kind {
	entry := func(country string, labels []string, makers ...func(g *gen) string) kind {
		return kind{id: country + "DRIVERS_LICENSE", labels: labels, make: func(g *gen) string { return pick(g, makers)(g) }}
	}
	n := func(count int) func(g *gen) string { return func(g *gen) string { return g.number(count) } }
	form := func(structure string) func(g *gen) string { return func(g *gen) string { return g.fill(structure) } }
	return []kind{
		entry("AUSTRALIA_", []string{"driving licence", "driver's licence", "drivers license"}, n(8), n(9)),
		entry("AUSTRIA_", []string{"führerschein", "führerschein republik österreich"}, n(8)),
		entry("BELGIUM_", []string{"rijbewijs", "permis de conduire", "rijbewijsnummer"}, n(10)),
		entry("BULGARIA_", []string{"сумпс", "шофьорска книжка"}, n(9)),
		entry("CANADA_", []string{"driver's licence", "permis de conduire", "drivers license"},
			func(g *gen) string { // Ontario: initial, surname and name code, birth date
				y, m, d := g.date()
				return fmt.Sprintf("%s%s-%s%d-%d%02d%02d", g.letters(1), g.digits(4), g.digits(4), y/10%10, y%10, m, d)
			},
			n(7), // British Columbia
			func(g *gen) string { return g.number(6) + "-" + g.digits(3) }), // Alberta
		entry("CROATIA_", []string{"vozačka dozvola"}, n(8)),
		entry("CYPRUS_", []string{"άδεια οδήγησης"}, n(12)),
		entry("CZECHIA_", []string{"řidičský průkaz", "číslo řidičského průkazu"}, func(g *gen) string { return "E" + g.letters(1) + " " + g.number(6) }, func(g *gen) string { return "E" + g.letters(1) + g.number(6) }),
		entry("DENMARK_", []string{"kørekort", "kørekortnummer"}, n(8)),
		entry("", []string{"driver's license", "driver license", "dl#"}, form("1a 7n"), n(9), n(8),
			func(g *gen) string { // Florida: Soundex, name code, birth year, day of a year of months of 40 days, 500 more for women
				y, m, d := g.date()
				return g.letters(1) + g.of("123456", 3) + g.digits(3) + fmt.Sprintf("%02d%03d", y%100, (m-1)*40+d+500*g.IntN(2)) + "0"
			}),
		entry("ESTONIA_", []string{"juhiluba", "juhiloa number"}, func(g *gen) string { return "ET" + g.number(6) }),
		entry("FINLAND_", []string{"ajokortti", "ajokortin numero"}, func(g *gen) string {
			y, m, d := g.date()
			c := "-"
			if y > 1999 {
				c = "A"
			}
			nn := fmt.Sprintf("%02d%02d%02d%03d", d, m, y%100, g.between(2, 899))
			v, _ := strconv.Atoi(nn)
			return nn[:6] + c + nn[6:] + string("0123456789ABCDEFHJKLMNPRSTUVWXY"[v%31])
		}),
		entry("FRANCE_", []string{"permis de conduire"}, func(g *gen) string {
			return fmt.Sprintf("%02d%02d%02d", g.between(75, 99), g.between(1, 12), g.between(1, 95)) + g.digits(6)
		}),
		entry("GERMANY_", []string{"führerschein", "führerscheinnummer", "fahrerlaubnis führerschein"}, func(g *gen) string { return g.germanLicence() }),
		entry("GREECE_", []string{"δεια οδήγησης", "adeia odigisis"}, n(9)),
		entry("HUNGARY_", []string{"jogosítvány", "vezetői engedély"}, func(g *gen) string { return g.letters(2) + g.number(6) }),
		entry("INDIA_", []string{"driving licence", "driver's license"}, func(g *gen) string {
			return fmt.Sprintf("%s%02d%s%d%s", g.pick("MH", "DL", "KA", "TN", "GJ", "UP"), g.between(1, 50), g.pick("", " ", "-"), g.between(1990, 2022), g.digits(7))
		}),
		entry("IRELAND_", []string{"ceadúnas tiomána"}, n(9)),
		entry("ITALY_", []string{"patente di guida", "patente guida numero"}, form("2a 7n 1a"), func(g *gen) string { return "U1" + g.of("BCDFGHJKLMNPRSTVWXYZ", 7) + g.letters(1) }),
		entry("LATVIA_", []string{"vadītāja apliecība", "autovadītāja apliecība"}, func(g *gen) string { return "AB" + g.number(6) }),
		entry("LITHUANIA_", []string{"vairuotojo pažymėjimas"}, n(8)),
		entry("LUXEMBOURG_", []string{"fahrerlaubnis", "führerschäin"}, n(6)),
		entry("MALTA_", []string{"liċenzja tas-sewqan"}, n(8)),
		entry("NETHERLANDS_", []string{"rijbewijs", "rijbewijsnummer"}, n(10)),
		entry("POLAND_", []string{"prawo jazdy"}, func(g *gen) string {
			return fmt.Sprintf("%05d/%02d/%s", g.between(1, 99999), g.between(0, 24), g.digits(4))
		}),
		entry("PORTUGAL_", []string{"carta de condução", "licença de condução"}, func(g *gen) string { return g.pick("L", "P", "LX", "AV", "C") + "-" + g.number(6) + " " + g.digits(1) }, func(g *gen) string { return "L-" + g.number(7) }),
		entry("ROMANIA_", []string{"permis de conducere", "numărul permisului de conducere"}, func(g *gen) string { return g.pick("B", "C", "T") + "0" + g.digits(7) + g.letters(1) }),
		entry("SLOVAKIA_", []string{"vodičský preukaz", "číslo vodičského preukazu"}, func(g *gen) string { return g.letters(1) + g.number(7) }),
		entry("SLOVENIA_", []string{"vozniško dovoljenje"}, n(9)),
		entry("SPAIN_", []string{"permiso de conducción", "licencia de manejo"}, func(g *gen) string { return g.dni() }),
		entry("SWEDEN_", []string{"körkort", "körkortsnummer"}, func(g *gen) string { return cut(luhn(g.yymmdd()+g.digits(3)), "-", 6, 4) }),
		entry("UK_", []string{"driving licence", "driver's licence", "dlno#"}, func(g *gen) string {
			y, m, d := g.date()
			if g.IntN(2) == 0 {
				m += 50
			}
			surname := (g.pick("SMITH", "JONES", "FOX", "LEE", "MORGAN") + "99999")[:5]
			return fmt.Sprintf("%s%d%02d%02d%d%s%s%s", surname, y/10%10, m, d, y%10, g.pick("JA", "M9", "SR"), "9", g.letters(2))
		}),
	}
}

// germanLicence is authority, counter, check digit and version: the check digit weighs nine characters with 9 to 1 modulo 11, X for ten.
func (g *gen) germanLicence() string {
	s := g.of("BCFNK", 1) + g.digits(3) + g.of("ACDEFGHJKLMNPRTVWXYZ"+digitSet, 5)
	t := 0
	for i, r := range s {
		v := int(r - '0')
		if r >= 'A' {
			v = int(r-'A') + 10
		}
		t += v * (9 - i)
	}
	return s + string("0123456789X"[t%11]) + g.of("12", 1)
}

func (g *gen) dni() string {
	n := g.between(10000000, 98999999)
	return fmt.Sprintf("%08d%c", n, "TRWAGMYFPDXBNJZSQVHLCKE"[n%23])
}

func (g *gen) nie() string {
	first, n := g.IntN(3), g.between(1000000, 9999999)
	return fmt.Sprintf("%c%07d%c", "XYZ"[first], n, "TRWAGMYFPDXBNJZSQVHLCKE"[(first*10000000+n)%23])
}

// weigh731 is the check digit of machine readable documents.
func weigh731(s string) string {
	t := 0
	for i, r := range s {
		v := int(r - '0')
		if r >= 'A' {
			v = int(r-'A') + 10
		}
		t += v * []int{7, 3, 1}[i%3]
	}
	return strconv.Itoa(t % 10)
}

const germanSet = "CFGHJKLMNPRTVWXYZ0123456789"

// documents are national identity numbers and passports.
func documents() []kind {
	return []kind{
		{id: "ARGENTINA_DNI_NUMBER", labels: []string{"documento nacional de identidad", "dni", "d.n.i."}, make: func(g *gen) string { return g.maybe(g.of("1234", 1)+g.digits(7), ".", 2, 3, 3) }},
		{id: "BRAZIL_RG_NUMBER", labels: []string{"rg", "registro geral"}, make: func(g *gen) string {
			d := g.number(8)
			c := 11 - sum(d, 2, 3, 4, 5, 6, 7, 8, 9)%11
			check := strconv.Itoa(c)
			if c == 10 {
				check = "X"
			} else if c == 11 {
				check = "0"
			}
			return cut(d, ".", 2, 3, 3) + "-" + check
		}},
		{id: "CHILE_RUT_NUMBER", labels: []string{"rut", "run", "rol único nacional"}, checked: true, make: func(g *gen) string {
			d := g.of("123", 1) + g.digits(7)
			c := 11 - sum(d, 3, 2, 7, 6, 5, 4, 3, 2)%11
			check := strconv.Itoa(c)
			if c == 11 {
				check = "0"
			} else if c == 10 {
				check = "K"
			}
			return g.maybe(d, ".", 2, 3, 3) + "-" + check
		}},
		{id: "COLOMBIA_CITIZENSHIP_CARD_NUMBER", labels: []string{"cédula de ciudadanía", "documento de identificación"}, make: func(g *gen) string { return g.pick(g.number(8), "1"+g.digits(9)) }},
		{id: "FRANCE_NATIONAL_IDENTIFICATION_NUMBER", labels: []string{"numéro d'assurance", "insee", "sécurité sociale"}, checked: true, make: func(g *gen) string {
			y, m, _ := g.date()
			s := fmt.Sprintf("%d%02d%02d%02d%03d%03d", g.between(1, 2), y%100, m, g.between(1, 95), g.between(1, 450), g.between(1, 900))
			if s[5:7] == "20" {
				s = s[:5] + "33" + s[7:]
			}
			v, _ := strconv.ParseInt(s, 10, 64)
			return g.maybe(s+fmt.Sprintf("%02d", 97-v%97), " ", 1, 2, 2, 2, 3, 3, 2)
		}},
		{id: "GERMANY_NATIONAL_IDENTIFICATION_NUMBER", labels: []string{"personalausweis", "ausweisnummer"}, make: func(g *gen) string {
			s := g.of("LMNPRTVWXYZ", 1) + g.of(germanSet, 7) + g.digits(1)
			if g.IntN(2) == 0 {
				s += weigh731(s)
			}
			return s
		}},
		{id: "INDIA_AADHAAR_NUMBER", labels: []string{"aadhaar", "uidai"}, checked: true, make: func(g *gen) string { return g.maybe(verhoeff(g.of("23456789", 1)+g.digits(10)), " ", 4, 4, 4) }},
		{id: "ITALY_NATIONAL_IDENTIFICATION_NUMBER", labels: []string{"codice fiscal", "tessera sanitaria", "dati anagrafici"}, make: func(g *gen) string { return g.codiceFiscale() }},
		{id: "MEXICO_CURP_NUMBER", labels: []string{"curp", "clave única de registro de población"}, make: func(g *gen) string { return g.curp() }},
		{id: "SPAIN_DNI_NUMBER", labels: []string{"dni", "documento nacional de identidad"}, checked: true, make: func(g *gen) string { return g.dni() }},
		{id: "CANADA_PASSPORT_NUMBER", labels: []string{"passport", "passeport"}, make: func(g *gen) string { return g.letters(2) + g.number(6) }},
		{id: "FRANCE_PASSPORT_NUMBER", labels: []string{"passeport", "numéro de passeport"}, make: func(g *gen) string { return g.number(2) + g.letters(2) + g.number(5) }},
		{id: "GERMANY_PASSPORT_NUMBER", labels: []string{"reisepass", "reisepassnummer", "passport"}, make: func(g *gen) string { return g.of("CFGHJK", 1) + g.of(germanSet, 7) + g.digits(1) }},
		{id: "ITALY_PASSPORT_NUMBER", labels: []string{"passaporto", "italian passport number"}, make: func(g *gen) string { return g.pick("YA", "YB", "AA") + g.number(7) }},
		{id: "SPAIN_PASSPORT_NUMBER", labels: []string{"pasaporte", "spain passport"}, make: func(g *gen) string { return g.pick("AAA", "PAB", "XDD", "BC") + g.number(6) }},
		{id: "UK_PASSPORT_NUMBER", labels: []string{"passport number", "passport no"}, make: func(g *gen) string { return g.number(9) }},
		{id: "USA_PASSPORT_NUMBER", labels: []string{"passport", "travel document"}, make: func(g *gen) string { return g.pick(g.number(9), "A"+g.number(8)) }},
	}
}

func (g *gen) codiceFiscale() string {
	y, m, d := g.date()
	if g.IntN(2) == 0 {
		d += 40
	}
	s := g.pick("RSSMRA", "BNCLCU", "FRRGLI", "CNTLSN", "MRNCHR") + fmt.Sprintf("%02d%c%02d", y%100, "ABCDEHLMPRST"[m-1], d) + g.pick("H501", "F205", "L219", "A944", "F839")
	odd := []int{1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23}
	t := 0
	for i, r := range s {
		v := int(r - 'A')
		if r < 'A' {
			v = int(r - '0')
		}
		if i%2 == 0 {
			t += odd[v]
		} else {
			t += v
		}
	}
	return s + string(rune('A'+t%26))
}

func (g *gen) curp() string {
	y, m, d := g.date()
	fold, homonym := fmt.Sprintf("%02d%02d%02d", y%100, m, d), "0"
	if y > 1999 {
		homonym = "A"
	}
	s := g.pick("GALM", "HEPJ", "ROLA", "MASF") + fold + g.pick("H", "M") + g.pick("DF", "JC", "NL", "MC", "VZ") + g.of("BCDFGLMNPRST", 3) + homonym
	const set = "0123456789ABCDEFGHIJKLMN_OPQRSTUVWXYZ"
	t := 0
	for i, r := range s {
		t += strings.IndexRune(set, r) * (18 - i)
	}
	return s + strconv.Itoa((10-t%10)%10)
}

// taxes are the numbers of taxpayers.
func taxes() []kind {
	cuit := func(prefixes ...string) func(g *gen) string {
		return func(g *gen) string {
			for {
				d := g.pick(prefixes...) + g.of("1234", 1) + g.digits(7)
				if c := 11 - sum(d, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)%11; c != 10 {
					return g.maybe(d+strconv.Itoa(c%11), "-", 2, 8, 1)
				}
			}
		}
	}
	nit := func(d string) string {
		weights := []int{3, 7, 13, 17, 19, 23, 29, 37, 41, 43}
		t := 0
		for i := range len(d) {
			t += int(d[len(d)-1-i]-'0') * weights[i]
		}
		if t %= 11; t > 1 {
			t = 11 - t
		}
		return d + "-" + strconv.Itoa(t)
	}
	rfc := func(s string) string {
		const set = "0123456789ABCDEFGHIJKLMN&OPQRSTUVWXYZ Ñ"
		full := s
		if len(s) == 11 {
			full = " " + s
		}
		t := 0
		for i, r := range full {
			t += strings.IndexRune(set, r) * (13 - i)
		}
		switch c := 11 - t%11; c {
		case 11:
			return s + "0"
		case 10:
			return s + "A"
		default:
			return s + strconv.Itoa(c)
		}
	}
	return []kind{
		{id: "ARGENTINA_INDIVIDUAL_TAX_IDENTIFICATION_NUMBER", labels: []string{"cuil", "cuit"}, checked: true, make: cuit("20", "27", "24")},
		{id: "ARGENTINA_ORGANIZATION_TAX_IDENTIFICATION_NUMBER", labels: []string{"cuit", "número de identificación fiscal"}, checked: true, make: cuit("30", "33")},
		{id: "AUSTRALIA_TAX_FILE_NUMBER", labels: []string{"tfn", "tax file number"}, checked: true, make: func(g *gen) string {
			for {
				d := g.number(8)
				t := sum(d, 1, 4, 3, 7, 5, 8, 6, 9)
				for c := range 10 {
					if (t+c*10)%11 == 0 {
						return g.maybe(d+strconv.Itoa(c), " ", 3, 3, 3)
					}
				}
			}
		}},
		{id: "BRAZIL_CNPJ_NUMBER", labels: []string{"cnpj", "cadastro nacional da pessoa jurídica"}, checked: true, make: func(g *gen) string {
			d := g.number(8) + "0001"
			for _, w := range [][]int{{5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2}, {6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2}} {
				r := sum(d, w...) % 11
				if r < 2 {
					d += "0"
				} else {
					d += strconv.Itoa(11 - r)
				}
			}
			if g.IntN(2) == 0 {
				return d
			}
			return d[:2] + "." + d[2:5] + "." + d[5:8] + "/" + d[8:12] + "-" + d[12:]
		}},
		{id: "BRAZIL_CPF_NUMBER", labels: []string{"cpf", "cadastro de pessoa física"}, checked: true, make: func(g *gen) string {
			d := g.number(9)
			for _, w := range [][]int{{10, 9, 8, 7, 6, 5, 4, 3, 2}, {11, 10, 9, 8, 7, 6, 5, 4, 3, 2}} {
				r := sum(d, w...) % 11
				if r < 2 {
					d += "0"
				} else {
					d += strconv.Itoa(11 - r)
				}
			}
			if g.IntN(2) == 0 {
				return d
			}
			return d[:3] + "." + d[3:6] + "." + d[6:9] + "-" + d[9:]
		}},
		{id: "COLOMBIA_INDIVIDUAL_NIT_NUMBER", labels: []string{"nit", "n.i.t."}, checked: true, make: func(g *gen) string { return nit(g.pick(g.of("1234567", 1)+g.digits(7), "1"+g.of("01", 1)+g.digits(8))) }},
		{id: "COLOMBIA_ORGANIZATION_NIT_NUMBER", labels: []string{"nit", "nit#"}, checked: true, make: func(g *gen) string { return nit(g.of("89", 1) + "0" + g.digits(7)) }},
		{id: "FRANCE_TAX_IDENTIFICATION_NUMBER", labels: []string{"numéro d'identification fiscal", "tin", "tax id"}, checked: true, make: func(g *gen) string {
			d := g.of("0123", 1) + g.number(9)
			v, _ := strconv.ParseInt(d, 10, 64)
			return g.maybe(d+fmt.Sprintf("%03d", v%511), " ", 2, 2, 3, 3, 3)
		}},
		{id: "GERMANY_TAX_IDENTIFICATION_NUMBER", labels: []string{"steueridentifikationsnummer", "steuer id", "identifikationsnummer"}, checked: true, make: func(g *gen) string {
			perm := g.Perm(10)
			perm[9] = perm[g.IntN(8)]
			if perm[0] == 0 {
				perm[0], perm[8] = perm[8], perm[0]
			}
			var b strings.Builder
			for _, d := range perm {
				b.WriteString(strconv.Itoa(d))
			}
			if b.String()[0] == '0' {
				return mod1110("2345678912")
			}
			return g.maybe(mod1110(b.String()), " ", 2, 3, 3, 3)
		}},
		{id: "INDIA_PERMANENT_ACCOUNT_NUMBER", labels: []string{"pan number", "permanent account number", "pan card"}, make: func(g *gen) string {
			return g.letters(3) + g.of("ABCFGHLJPT", 1) + g.letters(1) + g.digits(3) + g.of("123456789", 1) + g.letters(1)
		}},
		{id: "MEXICO_INDIVIDUAL_RFC_NUMBER", labels: []string{"rfc", "registro federal de contribuyentes"}, make: func(g *gen) string { return rfc(g.pick("GALM", "HEPJ", "ROLA") + g.yymmdd() + g.of("ABC123", 2)) }},
		{id: "MEXICO_ORGANIZATION_RFC_NUMBER", labels: []string{"rfc", "r.f.c."}, make: func(g *gen) string { return rfc(g.pick("ABC", "CFE", "TME") + g.yymmdd() + g.of("ABC123", 2)) }},
		{id: "SPAIN_NIE_NUMBER", labels: []string{"nie", "número de identidad de extranjero"}, checked: true, make: func(g *gen) string { return g.nie() }},
		{id: "SPAIN_NIF_NUMBER", labels: []string{"nif"}, checked: true, make: func(g *gen) string {
			n := g.between(1000000, 9999999)
			return fmt.Sprintf("%s%07d%c", g.of("KLM", 1), n, "TRWAGMYFPDXBNJZSQVHLCKE"[n%23])
		}},
		{id: "SPAIN_TAX_IDENTIFICATION_NUMBER", labels: []string{"cif", "cif número"}, checked: true, make: func(g *gen) string {
			d := g.number(7)
			t := 0
			for i, r := range d {
				v := int(r - '0')
				if i%2 == 0 {
					v *= 2
					v = v/10 + v%10
				}
				t += v
			}
			return g.of("ABEH", 1) + d + strconv.Itoa((10-t%10)%10)
		}},
		{id: "UK_TAX_IDENTIFICATION_NUMBER", from: 0, to: 1, labels: []string{"utr", "unique taxpayer reference"}, checked: true, make: func(g *gen) string {
			d := g.digits(9)
			return string("21987654321"[sum(d, 6, 7, 8, 9, 10, 5, 4, 3, 2)%11]) + d
		}},
		{id: "USA_INDIVIDUAL_TAX_IDENTIFICATION_NUMBER", labels: []string{"itin", "individual taxpayer identification number"}, make: func(g *gen) string {
			return g.maybe("9"+g.digits(2)+g.pick("70", "75", "88", "90", "94", "99", "52")+g.number(4), "-", 3, 2, 4)
		}},
	}
}
