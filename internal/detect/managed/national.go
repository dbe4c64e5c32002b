package managed

import (
	"strings"

	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/check"
)

// national are numbers that states give to people: macie.md 1.6.1 and 1.6.4.
func national() []*detect.Identifier {
	return []*detect.Identifier{
		{
			ID: "ARGENTINA_DNI_NUMBER", Category: detect.PersonalInformation, Check: check.ArgentineDNI,
			Layouts: append(needKeyword("9{7,8}", "9{1,2}.9{3}.9{3}"), detect.Layout{Shape: "9{1,2} 9{3} 9{3}", Alone: true}),
			Refuse:  []string{"99999999"},
			Keywords: []string{"dni", "dni#", "d.n.i.", "documento nacional de identidad",
				"documento nacional identidad", "doc nacional de identidad"},
			MaxLen: 10, Severity: alwaysHigh,
			Example:  "DNI «27.483.916»",
			Citation: "Ley 17.671 (Registro Nacional de las Personas)",
		},
		{
			ID: "BRAZIL_RG_NUMBER", Category: detect.PersonalInformation,
			Layouts: brazilianRG(),
			Keywords: []string{"registro geral", "rg",
				"r.g.", "carteira de identidade", "cédula de identidade", "documento de identidade", "número de identidade"},
			MaxLen: 32, Severity: alwaysHigh,
			Example:  "RG: «38.274.561-9»",
			Citation: "Lei 7.116/1983; Decreto 10.977/2022 (identity cards of the states); IIRGD São Paulo (check digit)",
		},
		{
			ID: "CANADA_NATIONAL_IDENTIFICATION_NUMBER", Category: detect.PersonalInformation, Check: check.PermanentResident,
			Layouts: needKeyword("aa9{7}", "aa9{10}", "aa[ -]9{7}", "aa[ -]9{10}", "aa9{4}[ -]9{6}"),
			Keywords: []string{"carte résident permanent", "numéro carte résident permanent", "numéro résident permanent", "permanent resident card",
				"permanent resident card number", "permanent resident no", "permanent resident no.", "permanent resident number", "pr no", "pr no.", "pr non",
				"pr number", "résident permanent no.", "résident permanent non",
				"carte de résident permanent", "pr card", "pr card number", "numéro de résident permanent", "permanent resident id"},
			MaxLen: 13, Severity: alwaysHigh,
			Example:  "Permanent resident card «RA0384715»",
			Citation: "Immigration and Refugee Protection Regulations (SOR/2002-227) section 53; IRCC, permanent resident card",
		},
		{
			ID: "CANADA_SOCIAL_INSURANCE_NUMBER", Category: detect.PersonalInformation, Check: check.CanadianSIN, Checksum: true,
			Layouts: append(needKeyword("9{3}~9{3}~9{3}", "9{3}.9{3}.9{3}"),
				detect.Layout{Shape: "9{3}~9{3}~9{3}", Keyword: detect.KeywordInField, Keywords: []string{"^nas$", "^no nas$", "^numéro nas$"}}),
			Keywords: []string{"canadian id", "numéro d'assurance sociale", "sin", "social insurance number",
				"social insurance", "social insurance no", "assurance sociale", "sin number", "s.i.n.", "n.a.s.", "numéro de NAS"},
			MaxLen: 11, Severity: alwaysHigh, Recommended: true,
			Example:  "SIN «527 384 168»",
			Citation: "Employment and Social Development Canada, SIN Code of Practice; ISO/IEC 7812-1 annex B",
		},
		{
			ID: "CHILE_RUT_NUMBER", Category: detect.PersonalInformation, Check: check.RUT, Checksum: true,
			Layouts: append(needKeyword("9{1,2}.9{3}.9{3}-[0-9Kk]", "9{7,8}-[0-9Kk]", "9{1,2}.9{3}.9{3} [Kk]", "9{1,2}.9{3}.9{3} - [0-9Kk]"),
				// Without a hyphen, "run 20241005" is a date more often than a RUN: the word run has to stand before a number of today's people.
				detect.Layout{Shape: "9{7,8}[0-9Kk]", Keywords: []string{"rut", "rut#", "r.u.t.", "r.u.n.", "rol único nacional", "rol único tributario",
					"national unique role", "nationaluniqueroleID#", "unique national number", "unique national role", "unique tax registry", "unique tax role",
					"unique tributary number", "unique tributary role", "identidad número", "nacional identidad", "número identificación", "rol único"}},
				detect.Layout{Shape: "[12]9{7}[0-9Kk]"}),
			Keywords: []string{"identidad número", "nacional identidad", "national unique role", "nationaluniqueroleID#", "número identificación",
				"rol único nacional", "rol único tributario", "run", "run#", "r.u.n.", "rut", "rut#", "r.u.t.", "unique national number", "unique national role",
				"unique tax registry", "unique tax role", "unique tributary number", "unique tributary role",
				"rol único", "cédula de identidad", "número de rut"},
			MaxLen: 14, Severity: alwaysHigh,
			Example:  "RUT: «14.827.365-0»",
			Citation: "Decreto con fuerza de ley 3/1969 (RUT); Servicio de Registro Civil e Identificación (RUN); check digit mod 11",
		},
		{
			ID: "COLOMBIA_CITIZENSHIP_CARD_NUMBER", Category: detect.PersonalInformation, Check: check.ColombianID,
			Layouts: append(needKeyword("9{6,10}", "9{3}.9{3}", "9{1,3}.9{3}.9{3}", "9.9{3}.9{3}.9{3}"),
				detect.Layout{Shape: "9{1,3} 9{3} 9{3}", Alone: true},
				detect.Layout{Shape: "9 9{3} 9{3} 9{3}", Alone: true},
				// Dots are as Colombians write the number; other countries have a cédula of another form.
				detect.Layout{Shape: "9{1,3}.9{3}.9{3}", Keywords: []string{"cédula", "c.c.", "c.c", "c.c. no", "cc no"}},
				detect.Layout{Shape: "9.9{3}.9{3}.9{3}", Keywords: []string{"cédula", "c.c.", "c.c", "c.c. no", "cc no"}}),
			Keywords: []string{"cédula de ciudadanía", "documento de identificación",
				"cédula ciudadanía", "número de cédula", "cédula número", "cédula no", "cédula nro", "cédula#"},
			MaxLen: 13, Severity: alwaysHigh,
			Example:  "cédula de ciudadanía «1.037.482.915»",
			Citation: "Ley 39 de 1961; Registraduría Nacional del Estado Civil, Resolución 3571 de 2003 (NUIP)",
		},
		{
			ID: "FRANCE_NATIONAL_IDENTIFICATION_NUMBER", Category: detect.PersonalInformation, Check: check.NIR, Checksum: true,
			Layouts: needKeyword(frenchNIR("[1-478]~99~99~D~9{3}~9{3}~99", "[1-478].99.99.D.9{3}.9{3}.99", "[1-478] 99 99 D 9{3} 9{3} [-/|] 99",
				"[1-478]9{4}D9{6}[ -/]99", "[1-478]9{4}D9{6} [-/|] 99")...),
			Keywords: []string{"assurance sociale", "carte nationale d'identité", "cni", "code sécurité sociale", "French social security number", "fssn#",
				"insee",
				"insurance number", "national id number", "nationalid#", "numéro d'assurance", "sécurité sociale", "sécurité sociale non.",
				"sécurité sociale numéro", "social", "social security", "social security number", "socialsecuritynumber", "ss#", "ssn", "ssn#",
				"nir", "sécu", "immatriculation sociale", "numéro ss", "n° ss"},
			MaxLen: 23, Severity: alwaysHigh, Recommended: true,
			Example:  "numéro de sécurité sociale «2 84 05 75 118 347 40»",
			Citation: "Décret 82-103 (répertoire national d'identification des personnes physiques); Code de la sécurité sociale R115-1; INSEE (key)",
		},
		{
			ID: "GERMANY_NATIONAL_IDENTIFICATION_NUMBER", Category: detect.PersonalInformation, Check: check.GermanCard,
			Layouts: append(needKeyword(germanDocument, germanDocument+"9[Dd]?"),
				// Cards before November 2010 have digits only: any number is ten digits with a matching digit one time in ten.
				detect.Layout{Shape: "9{10}[Dd]?", Keywords: []string{"personalausweis", "ausweisnummer", "personalausweisnummer", "personalausweis nr",
					"ausweis nr"}}),
			Refuse: germanSpecimens,
			Keywords: []string{"ausweisnummer", "id number", "identification number", "identity number", "insurance number", "personal id", "personalausweis",
				"personalausweisnummer", "personalausweis nr", "ausweis nr", "ausweis-id", "ausweis", "identity card", "identity card number", "id card number",
				"id card no", "national id", "perso nr"},
			MaxLen: 11, Severity: alwaysHigh, Recommended: true,
			Example:  "Personalausweis «LX47C29R6»",
			Citation: "Personalausweisgesetz section 5; Personalausweisverordnung; ICAO Doc 9303-3 (check digit)",
		},
		{
			ID: "INDIA_AADHAAR_NUMBER", Category: detect.PersonalInformation, Check: check.Aadhaar, Checksum: true,
			Layouts: needKeyword("[2-9]9{3}~9{4}~9{4}"),
			Keywords: []string{"aadhaar", "aadhar", "adhaar", "uidai",
				"aadhaar number", "aadhaar card", "adhar", "adhar card", "aadharcard", "आधार"},
			MaxLen: 14, Severity: alwaysHigh,
			Example:  "Aadhaar: «4829 1736 5024»",
			Citation: "Aadhaar Act 2016; UIDAI, A UID Numbering Scheme",
		},
		{
			ID: "ITALY_NATIONAL_IDENTIFICATION_NUMBER", Category: detect.PersonalInformation, Check: check.CodiceFiscale, Checksum: true,
			Layouts: needKeyword(italianCode("a{3}~a{3}~DDMDD~PDDDa", "a{3}~a{3}~DDMDD~PDDD~a", "a{6}~DDMDD~PDDDa", "a{6}~DDMDD~PDDD~a",
				"a{6}[ -]DDMDDPDDDa")...),
			Keywords: []string{"codice fiscal", "dati anagrafici", "ehic", "health card", "health insurance card", "p. iva", "partita i.v.a.",
				"personal data", "tax code",
				"tessera sanitaria",
				"codice fiscale", "cod fiscale", "cod. fiscale", "cod fisc", "cod. fisc.", "c.f.", "cf", "cod.fisc.", "codicefiscale", "partita iva",
				"fiscal code"},
			MaxLen: 20, Severity: alwaysHigh, Recommended: true,
			Example:  "codice fiscale «BNCLCU84C52F205L»",
			Citation: "Decreto del Ministero delle Finanze 23 dicembre 1976, n. 13813; Agenzia delle Entrate (omocodia)",
		},
		{
			ID: "MEXICO_CURP_NUMBER", Category: detect.PersonalInformation, Check: check.CURP, Checksum: true,
			Layouts: needKeyword("a{4}9{6}[HMXhmx]a{5}x9", "a{4}[ -]9{6}[ -][HMXhmx]a{5}[ -]x9"),
			Keywords: []string{"clave personal identidad", "clave única", "clave única de registro de población", "clavepersonalIdentidad", "curp",
				"registration code",
				"registry code", "personal identidad clave", "population code",
				"clave única de registro poblacional", "curp#", "c.u.r.p."},
			MaxLen: 21, Severity: alwaysHigh,
			Example:  "CURP: «GALM840329MJCRPR09»",
			Citation: "Instructivo Normativo para la asignación de la CURP (Diario Oficial de la Federación, 18 October 2021)",
		},
		{
			ID: "SPAIN_DNI_NUMBER", Category: detect.PersonalInformation, Check: check.DNI, Checksum: true,
			Layouts: needKeyword("9{8}~?a", "99.9{3}.9{3}~?a", "99 9{3} 9{3}~?a"),
			Keywords: []string{"dni", "dni#", "dninúmero#", "documento nacional de identidad", "identidad único", "identidadúnico#", "insurance number",
				"national identification number", "national identity", "nationalid#", "nationalidno#", "número nacional identidad",
				"personal identification number", "personal identity no", "unique identity number", "uniqueid#",
				"d.n.i.", "documento de identidad", "número de identidad"},
			MaxLen: 12, Severity: alwaysHigh, Recommended: true,
			Example:  "DNI «68738009W»",
			Citation: "Real Decreto 1553/2005; Orden INT/2058/2008 (check letter)",
		},
		{
			ID: "SPAIN_SOCIAL_SECURITY_NUMBER", Category: detect.PersonalInformation, Check: check.SpanishNAF, Checksum: true,
			Layouts: needKeyword("99~9{8}~99", "99/9{8}/99", "99/9{8}-99", "99 / 9{8} / 99", "99.9{8}.99"),
			Keywords: []string{"número de la seguridad social", "social security no.", "social security number", "socialsecurityno#", "ssn", "ssn#",
				"seguridad social", "número seguridad social", "número de seguridad social", "nuss", "nss", "naf", "número de afiliación", "nº afiliación",
				"nº de afiliación", "n.s.s.",
				"afiliación seguridad social", "afiliación a la s.s.", "seg social", "seg. social", "social security"},
			MaxLen: 18, Severity: alwaysHigh, Recommended: true,
			Example:  "número de la seguridad social «28/41736205/52»",
			Citation: "Real Decreto 84/1996, article 21; Tesorería General de la Seguridad Social (control digits)",
		},
		{
			ID: "UK_ELECTORAL_ROLL_NUMBER", Category: detect.PersonalInformation, Check: check.ElectorNumber,
			Layouts: append(electoralNumber(nil, "a{1,3}9{1,4}", "a{1,3}9{1,4}/9{1,2}"),
				electoralNumber(check.NoLinkingWord, "A{1,3}[ -]9{1,4}", "a{1,3}-9{1,4}", "A{1,3}[ -]9{1,4}/9{1,2}", "A{1,2}9A?[ -]9{1,4}")...),
			Keywords: []string{"electoral #", "electoral number", "electoral roll #", "electoral roll no.", "electoral roll number", "electoralrollno#",
				"electoral no", "electoral no.", "electoral roll no", "elector number", "elector no", "elector's number", "electors number",
				"electoral register number",
				"electoral register no", "electoral registration number", "electoral roll id", "elector id"},
			MaxLen: 11, Severity: alwaysHigh, Recommended: true,
			Example:  "Electoral roll number: «KGB2741»",
			Citation: "Representation of the People (England and Wales) Regulations 2001, Part III (numbers and letters of the register)",
		},
		{
			ID: "UK_NATIONAL_INSURANCE_NUMBER", Category: detect.PersonalInformation, Check: check.NINO,
			Layouts: needKeyword("[ABCEGHJ-PRSTW-Zabceghj-prstw-z][ABCEGHJ-NPRSTW-Zabceghj-nprstw-z]~?99~?99~?99~?[A-Da-d]"),
			// QQ123456C is the sample of HMRC's forms; its prefix is not issued either. AA123456 is that of its developer documentation.
			Refuse: []string{"AA123456A", "AA123456B", "AA123456C", "AA123456D"},
			Keywords: []string{"insurance no.", "insurance number", "insurance#", "national insurance number", "nationalinsurance#",
				"nationalinsurancenumber", "nin", "nino", "ni number", "national insurance",
				"ni no", "ni no.", "ni num", "ni#", "n.i. number", "insurance no", "nat ins no", "nat ins number"},
			MaxLen: 13, Severity: alwaysHigh, Recommended: true,
			Example:  "national insurance number «CE303717C»",
			Citation: "HMRC, National Insurance Manual NIM39110",
		},
		{
			ID: "USA_SOCIAL_SECURITY_NUMBER", Category: detect.PersonalInformation, Check: check.SSN,
			Layouts: needKeyword("9{3}~99~9{4}", "9{3}.99.9{4}"),
			// 078-05-1120 was printed on a sample card, 219-09-9999 in a pamphlet (SSA, "Social Security Cards Issued by Woolworth"); 457-55-5462 in
			// advertisements, which made it the number of many.
			Refuse: []string{"078051120", "219099999", "457555462", "123456789"},
			Keywords: []string{"social security", "ss#", "ssn", "ssn number", "social security number", "social security no",
				"soc sec", "soc. sec.", "soc sec no", "social sec", "s.s.n.", "ss no", "ss no.", "ss number", "ss num", "ssno", "ssnum"},
			MaxLen: 11, Severity: alwaysHigh, Recommended: true,
			Example:  "ssn «536-22-8145»",
			Citation: "20 CFR 422.103; SSA, Social Security Number Randomization (2011)",
		},
	}
}

// electoralNumber makes layouts behind which no further part of an electoral number stands.
func electoralNumber(text func([]byte) bool, shapes ...string) []detect.Layout {
	out := needKeyword(shapes...)
	for i := range out {
		out[i].NotNext, out[i].CheckText = "/", text
	}
	return out
}

// germanDocument is the serial number of a German identity card or passport: no vowels, and no B, D, Q or S.
const germanDocument = "[CF-HJ-NPRTV-Zcf-hj-nprtv-z][CF-HJ-NPRTV-Zcf-hj-nprtv-z0-9]{8}"

// germanSpecimens are the numbers on the specimens of the Bundesministerium des Innern, without and with check digit and nationality.
var germanSpecimens = []string{"L01X00T47", "L01X00T471", "L01X00T471D", "LZ6311T47", "LZ6311T475", "LZ6311T475D", "T22000129", "T220001293", "T220001293D",
	"1220001297",
	"1220001297D", "C01X00T47", "C01X00T478", "C01X00T478D", "C01X0006H", "C01X0006H1", "C01X0006H1D"}

// frenchNIR spells out D, the département of birth, in shapes: two digits, or 2A or 2B for Corsica.
func frenchNIR(shapes ...string) []string {
	var out []string
	for _, s := range shapes {
		out = append(out, strings.ReplaceAll(s, "D", "99"), strings.ReplaceAll(s, "D", "'2'[ABab]"))
	}
	return out
}

// italianCode spells out the letters of shapes: D for a digit or what stands for it where two codes would be alike, M for a month, P for the letter
// of a place.
func italianCode(shapes ...string) []string {
	var out []string
	for _, s := range shapes {
		out = append(out, strings.NewReplacer("D", "[0-9L-NP-Vl-np-v]", "M", "[A-EHLMPRSTa-ehlmprst]", "P", "[A-MZa-mz]").Replace(s))
	}
	return out
}

// brazilianRG are the layouts of the states of Brazil. Eight digits and a check digit are São Paulo's unless the number names another issuer; the
// others are taken with the separators of their states, with Minas Gerais' letters, or with their issuer behind them.
func brazilianRG() []detect.Layout {
	var out []detect.Layout
	add := func(l detect.Layout, shapes ...string) {
		for _, l.Shape = range shapes {
			out = append(out, l)
		}
	}
	add(detect.Layout{Check: check.RGSaoPaulo}, "99.9{3}.9{3}-[0-9Xx]", "9{8}-?[0-9Xx]", "99 9{3} 9{3}[- ][0-9Xx]", "99.9{3}.9{3}[ /.]?[0-9Xx]")
	add(detect.Layout{Check: check.RG}, `"MG"[- ]?9{1,2}.9{3}.9{3}`, `"MG"[- ]?9{7,8}`, `"M"[- ]?9{1,2}.9{3}.9{3}`, `"M"-9{7,8}`, // Minas Gerais
		"9.9{3}.9{3}", "9.9{3}.9{3}-[0-9Xx]", // most states
		"99.9{3}.9{3}.9{4}-9") // Maranhão
	add(detect.Layout{Tail: check.RGIssuer, CheckText: check.RG}, "9{5,13}", "9{4,12}-[0-9Xx]", "9{1,2}.9{3}.9{3}", "9{1,2}.9{3}.9{3}-[0-9Xx]",
		"9{3}.9{3}.9{3}", "99.9{3}.9{3}-99", "9{8}-99")
	return out
}
