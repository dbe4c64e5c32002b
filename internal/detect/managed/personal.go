package managed

import (
	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/check"
)

// needKeyword makes layouts that are found near a keyword only.
func needKeyword(shapes ...string) []detect.Layout { return layouts(detect.KeywordRequired, shapes) }

func layouts(need detect.Need, shapes []string) []detect.Layout {
	var out []detect.Layout
	for _, s := range shapes {
		out = append(out, detect.Layout{Shape: s, Keyword: need})
	}
	return out
}

func personal() []*detect.Identifier {
	return []*detect.Identifier{
		{
			ID: "DATE_OF_BIRTH", Category: detect.PersonalInformation,
			// A time of day behind the date is no birth in a log, but midnight is how databases export a date.
			Layouts: append(dates(
				"9{4}[-/ ]9{1,2}[-/ ]9{1,2}",
				"9{4}-99-99[Tt ]'00:00'",
				"9{1,2}[-/ .]9{1,2}[-/ .]9{4}",
				"9{1,2}[-/]9{1,2}[-/]99",
				"9{1,2}[-/ ]a{3,9},?[-/ ]9{4}",
				"9{1,2}[-/]a{3,9}[-/]99",
				"9{1,2}aa a{3,9},? 9{4}",
				"a{3,9}[-/ ]9{1,2},?[-/ ]9{4}",
				"a{3,9} 9{1,2}aa,? 9{4}",
				"9{4}[-/ ]a{3,9}[-/ ]9{1,2}",
			), detect.Layout{Shape: "9{4}-99-99[Tt ]99:99", Keyword: detect.KeywordInField, CheckText: check.Date}),
			Keywords: []string{"bday", "b-day", "birth date", "birthday", "date of birth", "dob",
				"birth dt", "date birth"}, // abbreviations of column names
			MaxLen: 24, Severity: lowMediumHigh,
			Citation: "ISO 8601-1 (calendar date); Unicode CLDR date patterns for en and en-GB",
		},
		{
			ID: "HTTP_COOKIE", Category: detect.PersonalInformation,
			Layouts: []detect.Layout{
				{Shape: `"cookie"["'\]{0,2}[ ]?:[ ]{0,2}["'\]{0,2}`, Tail: check.CookiePairs, Keyword: detect.KeywordUnneeded, Open: true},
				{Shape: `"set-cookie"["'\]{0,2}[ ]?:[ ]{0,2}["'\]{0,2}`, Tail: check.CookiePairs, Keyword: detect.KeywordUnneeded, Open: true},
				{Tail: check.CookiePairs, Keyword: detect.KeywordInField, Whole: true, Open: true},
			},
			Keywords: []string{"^cookie$", "^set-cookie$"},
			MaxLen:   16 << 10, Severity: lowMediumHigh,
			Citation: "RFC 6265 sections 4.1 and 4.2",
		},
		{
			ID: "NAME", Category: detect.PersonalInformation,
			Layouts: []detect.Layout{
				{Tail: check.PersonName, Keyword: detect.KeywordInField, Whole: true},
				{Tail: check.GivenName, Keyword: detect.KeywordInField, Whole: true, Keywords: []string{"^name$", "^names$", "^nombre$", "^nom$", "^nome$",
					"^display name$", "^owner$", "^author$", "^contact$", "^customer$", "^patient$", "^employee$", "^client$"}},
			},
			Keywords: []string{"full name", "customer name", "client name", "patient name", "employee name", "person name", "contact name",
				"cardholder name", "card holder", "account holder", "account holder name", "holder name", "policy holder", "applicant name", "beneficiary name",
				"student name", "member name", "guest name", "passenger name", "recipient name", "legal name", "maiden name", "name of patient",
				"first and last name", "name on card", "nombre completo", "nombre y apellidos", "nom complet", "nom et prénom", "nome completo",
				"vollständiger name", "nome e cognome", "kundenname"},
			MaxLen: 200, Severity: lowMediumHigh,
			Citation: "Unicode CLDR person name formats; Macie reports full names in Latin script only",
		},
		{
			ID: "PHONE_NUMBER", Category: detect.PersonalInformation, Check: check.NANP,
			Layouts: append(
				layouts(detect.KeywordUnneeded, []string{"+'1'9{10}", "+'1'[ .-]?9{3}[ .-]9{3}[ .-]9{4}", "+'1'[ -]?(9{3})[ -]?9{3}[ .-]9{4}", "'1'-9{3}-9{3}-9{4}"}),
				needKeyword("9{3}~9{3}~9{4}", "9{3}.9{3}.9{4}", "9{3} 9{3}[-.]9{4}", "(9{3})[ -]?9{3}[ .-]9{4}", "'1'[ .]9{3}[ .]9{3}[ .-]9{4}",
					"'1'[ -]?(9{3})[ -]?9{3}[ .-]9{4}", "'1'9{10}")...),
			Keywords: []string{"cell", "contact", "fax", "fax number", "mobile", "phone", "phone number", "tel", "telephone", "telephone number",
				"cellphone", "phone no", "phone num", "home phone", "work phone", "mobilephone"},
			MaxLen: 18, Severity: lowMediumHigh,
			Citation: "ATIS-0300051, North American Numbering Plan; ITU-T E.123 (notation)",
		},
		{
			ID: "UK_NATIONAL_INSURANCE_NUMBER", Category: detect.PersonalInformation, Check: check.NINO,
			Layouts: needKeyword("[ABCEGHJ-PRSTW-Zabceghj-prstw-z][ABCEGHJ-NPRSTW-Zabceghj-nprstw-z]~?99~?99~?99~?[A-Da-d]"),
			// QQ123456C is the sample of HMRC's forms; its prefix is not issued either.
			Keywords: []string{"insurance no.", "insurance number", "insurance#", "national insurance number", "nationalinsurance#",
				"nationalinsurancenumber", "nin", "nino", "ni number", "national insurance"},
			MaxLen: 13, Severity: alwaysHigh, Recommended: true,
			Citation: "HMRC, National Insurance Manual NIM39110",
		},
		{
			ID: "BRAZIL_CPF_NUMBER", Category: detect.PersonalInformation, Check: check.CPF, Checksum: true,
			Layouts: needKeyword("9{3}.9{3}.9{3}-99", "9{9}-?99"),
			Keywords: []string{"cadastro de pessoa física", "cadastro de pessoa fisica", "cadastro de pessoas físicas", "cadastro de pessoas fisicas",
				"cadastro nacional da pessoa jurídica", "cadastro nacional da pessoa juridica", "cnpj", "cpf"},
			MaxLen: 14, Severity: alwaysHigh, Recommended: true,
			Citation: "Receita Federal do Brasil, Instrução Normativa RFB 2172/2024 (CPF)",
		},
		{
			ID: "GERMANY_TAX_IDENTIFICATION_NUMBER", Category: detect.PersonalInformation, Check: check.GermanTaxID, Checksum: true,
			Layouts: needKeyword("9{11}", "99 9{3} 9{3} 9{3}"),
			Keywords: []string{"identifikationsnummer", "steuer id", "steueridentifikationsnummer", "steuernummer", "tax id",
				"tax identification number", "tax number", "steuerid", "idnr", "steuer idnr"},
			MaxLen: 14, Severity: alwaysHigh, Recommended: true,
			Citation: "Abgabenordnung section 139b; Steueridentifikationsnummerverordnung; ISO/IEC 7064 MOD 11,10",
		},
		{
			ID: "SPAIN_DNI_NUMBER", Category: detect.PersonalInformation, Check: check.DNI, Checksum: true,
			Layouts: needKeyword("9{8}~?a", "99.9{3}.9{3}-?a"),
			Keywords: []string{"dni", "dni#", "dninúmero#", "documento nacional de identidad", "identidad único", "identidadúnico#", "insurance number",
				"national identification number", "national identity", "nationalid#", "nationalidno#", "número nacional identidad",
				"personal identification number", "personal identity no", "unique identity number", "uniqueid#"},
			MaxLen: 12, Severity: alwaysHigh, Recommended: true,
			Citation: "Real Decreto 1553/2005; Orden INT/2058/2008 (check letter)",
		},
		{
			ID: "USA_PASSPORT_NUMBER", Category: detect.PersonalInformation, Check: check.USPassport,
			Layouts:  needKeyword("9{9}", "a9{8}"),
			Refuse:   []string{"123456789"},
			Keywords: []string{"passport", "travel document"},
			MaxLen:   9, Severity: mediumHighHigh, Recommended: true,
			Citation: "22 CFR part 51; ICAO Doc 9303-4 (document number of nine characters)",
		},
		{
			ID: "USA_SOCIAL_SECURITY_NUMBER", Category: detect.PersonalInformation, Check: check.SSN,
			Layouts: needKeyword("9{3}~99~9{4}"),
			// 078-05-1120 was printed on a sample card, 219-09-9999 in a pamphlet (SSA, "Social Security Cards Issued by Woolworth").
			Refuse:   []string{"078051120", "219099999", "123456789"},
			Keywords: []string{"social security", "ss#", "ssn", "ssn number", "social security number", "social security no"},
			MaxLen:   11, Severity: alwaysHigh, Recommended: true,
			Citation: "20 CFR 422.103; SSA, Social Security Number Randomization (2011)",
		},
		{
			ID: "UK_NHS_NUMBER", Category: detect.PersonalInformation, Check: check.NHS, Checksum: true,
			Layouts:  needKeyword("9{3}~9{3}~9{4}"),
			Keywords: []string{"national health service", "NHS"},
			MaxLen:   12, Severity: alwaysHigh,
			Citation: "NHS Data Model and Dictionary, NHS NUMBER",
		},
		{
			ID: "VEHICLE_IDENTIFICATION_NUMBER", Category: detect.PersonalInformation, Check: check.VIN, Checksum: true,
			Layouts: needKeyword("[A-HJ-NPR-Za-hj-npr-z0-9]{17}"),
			Keywords: []string{"Fahrgestellnummer", "niv", "numarul de identificare", "numarul seriei de sasiu", "numer VIN",
				"Número de Identificação do Veículo", "Número de Identificación de Automóviles", "numéro d'identification du véhicule",
				"vehicle identification number", "vin", "VIN numeris"},
			MaxLen: 17, Severity: lowLowMedium,
			Citation: "ISO 3779, ISO 3780; 49 CFR 565.15 (check digit)",
		},
	}
}

// dates are layouts whose text is a valid date.
func dates(shapes ...string) []detect.Layout {
	out := needKeyword(shapes...)
	for i := range out {
		out[i].CheckText = check.Date
	}
	return out
}
