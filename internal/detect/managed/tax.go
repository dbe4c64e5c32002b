package managed

import (
	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/check"
)

// Macie shares the keywords of taxpayers' numbers within a country.
var (
	argentinaTax = []string{"argentina taxpayer id", "clave única de identificación tributaria", "cuil", "c.u.i.l", "cuit", "c.u.i.t",
		"número de identificación fiscal", "número de contribuyente", "unified labor identification code",
		"c.u.i.l.", "c.u.i.t.", "clave única de identificación laboral", "código único de identificación laboral", "cuit/cuil"}
	brazilTax = []string{"cadastro de pessoa física", "cadastro de pessoa fisica", "cadastro de pessoas físicas", "cadastro de pessoas fisicas",
		"cadastro nacional da pessoa jurídica", "cadastro nacional da pessoa juridica", "cnpj", "cpf",
		"cadastro nacional de pessoa jurídica", "cadastro nacional de pessoas jurídicas", "c.p.f.", "c.n.p.j."}
	colombiaTax = []string{"nit", "nit.", "nit#", "n.i.t.", "número de identificación tributaria"}
	mexicoTax   = []string{"código del registro federal de contribuyentes", "identificación de impuestos", "identificacion de impuestos",
		"impuesto al valor agregado",
		"iva", "iva#", "i.v.a.", "registro federal de contribuyentes", "rfc", "rfc#", "r.f.c.",
		"registro federal de contribuyente", "registro federal del contribuyente", "clave rfc"}
	spainTax = []string{"cif", "cif número", "cifnúmero#", "nie", "nif", "número de contribuyente", "número de identidad de extranjero",
		"número de identificación fiscal", "número de impuesto corporativo", "personal tax number", "tax id", "tax identification number", "tax number",
		"tin", "tin#",
		"c.i.f.", "n.i.e.", "n.i.f.", "identificación fiscal", "número de extranjero", "código de identificación fiscal"}
)

// taxpayers are the numbers of taxpayers: macie.md 1.6.6.
func taxpayers() []*detect.Identifier {
	return []*detect.Identifier{
		{
			ID: "ARGENTINA_INDIVIDUAL_TAX_IDENTIFICATION_NUMBER", Category: detect.PersonalInformation, Check: check.CUITPerson, Checksum: true,
			Layouts:  needKeyword("99~9{8}~9", "99-99.9{3}.9{3}-9", "99/9{8}/9", "99 99.9{3}.9{3} 9"),
			Keywords: argentinaTax,
			MaxLen:   15, Severity: alwaysHigh,
			Example:  "CUIL «27-31847265-9»",
			Citation: "AFIP, Resolución General 10/97; ANSES (CUIL)",
		},
		{
			ID: "ARGENTINA_ORGANIZATION_TAX_IDENTIFICATION_NUMBER", Category: detect.PersonalInformation, Check: check.CUITOrganization, Checksum: true,
			Layouts:  needKeyword("99~9{8}~9", "99-99.9{3}.9{3}-9", "99/9{8}/9", "99 99.9{3}.9{3} 9"),
			Keywords: argentinaTax,
			MaxLen:   15, Severity: mediumMediumHigh,
			Example:  "CUIT «30-70318264-6»",
			Citation: "AFIP, Resolución General 10/97",
		},
		{
			ID: "AUSTRALIA_TAX_FILE_NUMBER", Category: detect.PersonalInformation, Check: check.AustralianTFN, Checksum: true,
			Layouts: needKeyword("9{3}~9{3}~9{3}", "9{8}", "99 9{3} 9{3}", "9{3} 9{3} 99", "9{2}-9{3}-9{3}"),
			Refuse:  []string{"987654321", "444444441", "444444442"},
			Keywords: []string{"tax file number", "tfn",
				"tax file no", "tax file no.", "t.f.n.", "taxfile number"},
			MaxLen: 11, Severity: alwaysHigh, Recommended: true,
			Example:  "TFN «648 297 311»",
			Citation: "Taxation Administration Act 1953 part VA; Australian Taxation Office, TFN algorithm",
		},
		{
			ID: "BRAZIL_CNPJ_NUMBER", Category: detect.PersonalInformation, Check: check.CNPJ, Checksum: true,
			Layouts:  needKeyword("xx.x{3}.x{3}/x{4}-99", "x{12}-?99", "x{8}/x{4}-?99", "xx.x{3}.x{3}/x{4}99", "xx x{3} x{3} x{4} 99"),
			Keywords: brazilTax,
			MaxLen:   18, Severity: alwaysHigh,
			Example:  "CNPJ «38.274.615/0001-89»",
			Citation: "Receita Federal do Brasil, Instrução Normativa RFB 2119/2022 and 2229/2024 (CNPJ)",
		},
		{
			ID: "BRAZIL_CPF_NUMBER", Category: detect.PersonalInformation, Check: check.CPF, Checksum: true,
			Layouts:  needKeyword("9{3}.9{3}.9{3}-99", "9{9}-?99", "9{3}.9{3}.9{3}/99", "9{3} 9{3} 9{3}[- ]99", "9{9}/99"),
			Keywords: brazilTax,
			MaxLen:   14, Severity: alwaysHigh, Recommended: true,
			Example:  "CPF: «971.161.264-06»",
			Citation: "Receita Federal do Brasil, Instrução Normativa RFB 2172/2024 (CPF)",
		},
		{
			ID: "COLOMBIA_INDIVIDUAL_NIT_NUMBER", Category: detect.PersonalInformation, Check: check.NITPerson, Checksum: true,
			Layouts: append(needKeyword("9{6,10}[- ]9", "9{1,3}.9{3}.9{3}[- ]9", "9.9{3}.9{3}.9{3}[- ]9", "9{3}.9{3}[- ]9", "9{6,10} - 9",
				"9{1,3}.9{3}.9{3} - 9", "9.9{3}.9{3}.9{3} - 9"),
				detect.Layout{Shape: "9{8,11}", Check: check.NITPersonJoined}),
			Keywords: colombiaTax,
			MaxLen:   17, Severity: alwaysHigh,
			Example:  "NIT «1.037.482.915-7»",
			Citation: "DIAN, Orden Administrativa 4 de 1989; Estatuto Tributario article 555-1",
		},
		{
			ID: "COLOMBIA_ORGANIZATION_NIT_NUMBER", Category: detect.PersonalInformation, Check: check.NITOrganization, Checksum: true,
			Layouts:  needKeyword("9{9}[- ]?9", "9{3}.9{3}.9{3}[- ]9", "9{3} 9{3} 9{3}[- ]9", "9{9} - 9", "9{3}.9{3}.9{3} - 9"),
			Keywords: colombiaTax,
			MaxLen:   15, Severity: mediumMediumHigh,
			Example:  "NIT «900.482.731-8»",
			Citation: "DIAN, Orden Administrativa 4 de 1989; Estatuto Tributario article 555-1",
		},
		{
			ID: "FRANCE_TAX_IDENTIFICATION_NUMBER", Category: detect.PersonalInformation, Check: check.FrenchTIN, Checksum: true,
			Layouts: needKeyword("[0-3]9~99~9{3}~9{3}~9{3}", "[0-3] 99 99 99 9{3} 9{3}", "[0-3]9.99.9{3}.9{3}.9{3}"),
			Keywords: []string{"numéro d'identification fiscal", "tax id", "tax identification number", "tax number", "tin", "tin#",
				"numéro fiscal", "numéro d'identification fiscale", "numéro fiscal de référence", "identifiant fiscal", "n° fiscal", "nº fiscal",
				"no fiscal", "numéro spi",
				"référence fiscale"},
			MaxLen: 18, Severity: alwaysHigh, Recommended: true,
			Example:  "numéro fiscal «07 41 829 365 445»",
			Citation: "Direction générale des finances publiques, numéro fiscal de référence (SPI); European Commission, TIN by country: France",
		},
		{
			ID: "GERMANY_TAX_IDENTIFICATION_NUMBER", Category: detect.PersonalInformation, Check: check.GermanTaxID, Checksum: true,
			Layouts: needKeyword("9{11}", "99~9{3}~9{3}~9{3}", "99/9{3}/9{3}/9{3}"),
			Keywords: []string{"identifikationsnummer", "steuer id", "steueridentifikationsnummer", "steuernummer", "tax id",
				"tax identification number", "tax number", "steuerid", "idnr", "steuer idnr",
				"steuer identifikationsnummer", "steuer id nr", "steuer nr", "steuer identnummer", "steuer ident nr", "tin"},
			MaxLen: 14, Severity: alwaysHigh, Recommended: true,
			Example:  "Steuer-ID «86095742719»",
			Citation: "Abgabenordnung section 139b; Steueridentifikationsnummerverordnung; ISO/IEC 7064 MOD 11,10",
		},
		{
			ID: "INDIA_PERMANENT_ACCOUNT_NUMBER", Category: detect.PersonalInformation, Check: check.PAN,
			Layouts: needKeyword("a{3}[ABCFGHJLPTabcfghjlpt]a9{4}a", "a{3}[ABCFGHJLPTabcfghjlpt]a[- ]9{4}[- ]a"),
			Keywords: []string{"e-pan", "pan card", "pan number", "permanent account number",
				"pan", "pan no", "pan#", "pan no.", "pancard", "p.a.n."},
			MaxLen: 12, Severity: alwaysHigh,
			Example:  "PAN card «KHGPR4827M»",
			Citation: "Income-tax Act 1961 section 139A; Income-tax Rules 1962, rule 114",
		},
		{
			ID: "MEXICO_INDIVIDUAL_RFC_NUMBER", Category: detect.PersonalInformation, Checksum: true,
			Layouts:  mexicanRFC(check.RFCPerson, 4, "a{4}~9{6}~xx[0-9Aa]"),
			Keywords: mexicoTax,
			MaxLen:   17, Severity: alwaysHigh,
			Example:  "RFC «GALM840329QKA»",
			Citation: "Código Fiscal de la Federación article 27; Reglamento article 22; SAT (homoclave)",
		},
		{
			ID: "MEXICO_ORGANIZATION_RFC_NUMBER", Category: detect.PersonalInformation, Checksum: true,
			Layouts:  mexicanRFC(check.RFCOrganization, 3, "a[A-Za-z&]{2}~9{6}~xx[0-9Aa]", "&[A-Za-z][A-Za-z&]~9{6}~xx[0-9Aa]"),
			Keywords: mexicoTax,
			MaxLen:   17, Severity: mediumMediumHigh,
			Example:  "RFC «TME981217K21»",
			Citation: "Código Fiscal de la Federación article 27; Reglamento article 22; SAT (homoclave)",
		},
		{
			ID: "SPAIN_NIE_NUMBER", Category: detect.PersonalInformation, Check: check.NIE, Checksum: true,
			Layouts:  needKeyword("[XYZxyz]~?9{7}~?a", "[XYZxyz]-?9.9{3}.9{3}-?a"),
			Keywords: spainTax,
			MaxLen:   13, Severity: alwaysHigh, Recommended: true,
			Example:  "NIE «Y4829157E»",
			Citation: "Real Decreto 557/2011 article 206; Orden INT/2058/2008",
		},
		{
			ID: "SPAIN_NIF_NUMBER", Category: detect.PersonalInformation, Check: check.DNI, Checksum: true,
			// The law counts DNI and NIE as NIF. A DNI is one here near any of the keywords, a NIE where it is called so.
			Layouts: append(needKeyword("9{8}~?a", "99.9{3}.9{3}~?a", "99 9{3} 9{3}~?a"),
				detect.Layout{Shape: "[KLMklm]~?9{7}~?a", Check: check.NIFLetter},
				detect.Layout{Shape: "[KLMklm]-?9.9{3}.9{3}-?a", Check: check.NIFLetter},
				detect.Layout{Shape: `"ES"-?[0-9K-MX-Zk-mx-z]9{7}a`, Check: check.SpanishVAT},
				detect.Layout{Shape: "[XYZxyz]~?9{7}~?a", Check: check.NIE, Keywords: []string{"nif", "n.i.f.", "número de identificación fiscal",
					"identificación fiscal"}}),
			Keywords: spainTax,
			MaxLen:   13, Severity: alwaysHigh, Recommended: true,
			Example:  "NIF «M4829157P»",
			Citation: "Real Decreto 1065/2007 articles 18 to 22; Orden EHA/451/2008",
		},
		{
			ID: "SPAIN_TAX_IDENTIFICATION_NUMBER", Category: detect.PersonalInformation, Check: check.CIF, Checksum: true,
			Layouts: needKeyword("[A-HJNP-SUVWa-hjnp-suvw]~?9{7}~?[0-9A-Ja-j]", "[A-HJNP-SUVWa-hjnp-suvw]-?99.9{3}.9{2}[0-9A-Ja-j]",
				`"ES"-?[A-HJNP-SUVWa-hjnp-suvw]9{7}[0-9A-Ja-j]`, "[A-HJNP-SUVWa-hjnp-suvw]/9{7}[0-9A-Ja-j]"),
			Keywords: spainTax,
			MaxLen:   12, Severity: alwaysHigh, Recommended: true,
			Example:  "CIF «B48291579»",
			Citation: "Real Decreto 1065/2007 articles 18 to 23; Orden EHA/451/2008",
		},
		{
			ID: "UK_TAX_IDENTIFICATION_NUMBER", Category: detect.PersonalInformation, Check: check.UTR, Checksum: true,
			Layouts: append(needKeyword("9{10}[Kk]?", "9{5}[ -]9{5}[Kk]?"),
				trn("99a9{5}"), trn("99 a 99 99 9"), trn("99 a9 99 99"), trn(`"TN"~?99~?99~?99~?[FMfm]`)),
			Keywords: []string{"paye", "tax id", "tax id no.", "tax id number", "tax identification", "tax identification#", "tax no.", "tax number",
				"tax reference", "tax#",
				"taxid#", "temporary reference number", "tin", "trn", "unique tax reference", "unique taxpayer reference", "utr",
				"utr number", "u.t.r.", "unique taxpayer ref", "tax ref", "tax no", "tax identification number", "self assessment utr"},
			MaxLen: 13, Severity: alwaysHigh,
			Example:  "UTR «19482 73105»",
			Citation: "HMRC, Unique Taxpayer Reference check digit specification; National Insurance Manual (temporary numbers)",
		},
		{
			ID: "USA_INDIVIDUAL_TAX_IDENTIFICATION_NUMBER", Category: detect.PersonalInformation, Check: check.ITIN,
			Layouts: needKeyword("9{3}~99~9{4}", "9{3}.99.9{4}"),
			Keywords: []string{"i.t.i.n.", "individual taxpayer identification number", "itin",
				"individual taxpayer id", "individual taxpayer id number", "individual tax identification number", "itin#", "itin number"},
			MaxLen: 11, Severity: alwaysHigh, Recommended: true,
			Example:  "ITIN «948-73-2615»",
			Citation: "26 CFR 301.6109-1; Internal Revenue Manual 3.21.263",
		},
	}
}

// trn is a layout of a temporary reference number.
func trn(shape string) detect.Layout {
	return detect.Layout{Shape: shape, Check: check.TRN, Keywords: []string{"temporary reference number", "temporary reference", "trn",
		"temporary reference no"}}
}

// mexicanRFC are layouts whose text is an RFC of so many letters, Ñ behind the first ones included.
func mexicanRFC(valid func(text []byte) bool, letters int, shapes ...string) []detect.Layout {
	out := needKeyword(shapes...)
	for before, shape := range []string{"a", "aa", "aaa"}[:letters-1] {
		out = append(out, detect.Layout{Shape: shape, Tail: check.RFCAfter(before+1, letters)})
	}
	for i := range out {
		out[i].CheckText = valid
	}
	return out
}
