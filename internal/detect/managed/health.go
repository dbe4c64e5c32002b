package managed

import (
	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/check"
)

// health are the numbers of health care: macie.md 1.5.
func health() []*detect.Identifier {
	return []*detect.Identifier{
		{
			ID: "US_DRUG_ENFORCEMENT_AGENCY_NUMBER", Category: detect.PersonalInformation, Check: check.DEA, Checksum: true,
			Layouts:  needKeyword("a[A-Za-z9]~?9{7}", "a[A-Za-z9]9{7}-x{3,7}"),
			Keywords: []string{"dea number", "dea registration", "dea no", "dea num", "dea #", "dea", "drug enforcement administration", "drug enforcement agency"},
			MaxLen:   17, Severity: alwaysHigh,
			Example:  "DEA number «AB5260182»",
			Citation: "21 CFR 1301; DEA Diversion Control Division, registration numbers",
		},
		{
			ID: "USA_HEALTH_INSURANCE_CLAIM_NUMBER", Category: detect.PersonalInformation, Check: check.HICN,
			Layouts: needKeyword("9{3}~99~9{4}~?a", "9{3}~99~9{4}~?ax", "a{1,3}~?9{6}", "a{1,3}~?9{3}~?99~?9{4}"),
			Keywords: []string{"health insurance claim number", "hic no", "hic no.", "hic number", "hic#", "hicn", "hicn#.", "hicno#",
				"medicare claim number", "medicare claim no", "health insurance claim no"},
			MaxLen: 15, Severity: alwaysHigh,
			Example:  "HIC number «536-22-8145-A»",
			Citation: "CMS, Medicare General Information, Eligibility, and Entitlement Manual, chapter 2 section 50 (claim numbers)",
		},
		{
			ID: "CANADA_HEALTH_NUMBER", Category: detect.PersonalInformation, Layouts: canadianHealth(),
			Refuse: []string{"123456789", "1234567890"},
			Keywords: []string{"canada healthcare number", "msp number", "personal healthcare number", "phn", "soins de santé",
				"personal health number", "personal health care number", "provincial health number", "provincial health card", "msp no", "msp #",
				"health services number", "phin", "personal health identification number", "ohip", "ontario health", "alberta health", "saskatchewan health",
				"manitoba health", "bc services card", "nb medicare", "nova scotia health", "nunavut health", "yukon health", "ramq",
				"numéro d'assurance maladie du québec", "canadian health number", "canadian health card"},
			MaxLen: 16, Severity: alwaysHigh,
			Example: "PHN «9342 366 711»",
			Citation: "each province's and territory's health insurance plan; BC Ministry of Health, PHN check digit routine; " +
				"Ontario Ministry of Health, health number validation (MOD 10)",
		},
		{
			ID: "EUROPEAN_HEALTH_INSURANCE_CARD_NUMBER", Category: detect.PersonalInformation, Check: check.EHIC,
			Layouts: cardNumbers20(),
			Keywords: []string{"assicurazione sanitaria numero", "carta assicurazione numero", "carte d'assurance maladie", "carte européenne d'assurance maladie",
				"ceam", "ehic", "ehic#", "finlandehicnumber#", "gesundheitskarte", "hälsokort", "health card", "health card number", "health insurance card",
				"health insurance number", "insurance card number", "krankenversicherungskarte", "krankenversicherungsnummer", "medical account number",
				"numero conto medico", "numéro d'assurance maladie", "numéro de carte d'assurance", "numéro de compte medical", "número de cuenta médica",
				"número de seguro de salud", "número de tarjeta de seguro", "sairaanhoitokortin", "sairausvakuutuskortti", "sairausvakuutusnumero",
				"sjukförsäkring nummer", "sjukförsäkringskort", "suomi ehic-numero", "tarjeta de salud", "terveyskortti",
				"tessera sanitaria assicurazione numero", "versicherungsnummer",
				"tarjeta sanitaria europea", "tessera europea di assicurazione malattia", "tessera sanitaria", "europäische krankenversicherungskarte"},
			MaxLen: 24, Severity: alwaysHigh,
			Example:  "EHIC «80276001234918273645»",
			Citation: "Administrative Commission for the Coordination of Social Security Systems, Decision S2; EN 1867; ISO 3166-1",
		},
		{
			ID: "FINLAND_EUROPEAN_HEALTH_INSURANCE_NUMBER", Category: detect.PersonalInformation, Check: check.FinnishEHIC,
			Layouts: cardNumbers20(),
			Keywords: []string{"ehic", "ehic#", "finland health insurance card", "finlandehicnumber#", "finska sjukförsäkringskort", "hälsokort", "health card",
				"health card number", "health insurance card", "health insurance number", "sairaanhoitokortin", "sairausvakuutuskortti", "sairausvakuutusnumero",
				"sjukförsäkring nummer", "sjukförsäkringskort", "suomen sairausvakuutuskortti", "suomi ehic-numero", "terveyskortti",
				"eurooppalainen sairaanhoitokortti", "europeiskt sjukvårdskort", "ehic numero"},
			MaxLen: 24, Severity: alwaysHigh,
			Example:  "EHIC «8024600123 4918273645»",
			Citation: "Kela, European Health Insurance Card; Administrative Commission, Decision S2",
		},
		{
			ID: "FRANCE_HEALTH_INSURANCE_NUMBER", Category: detect.PersonalInformation,
			Layouts: append(aloneWith(check.FrenchHealthCard, "9{10}~9{10}~9", "9{21}"),
				aloneWith(check.NIR, "9~99~99~9[0-9ABab]~9{3}~9{3}~99", "9~99~99~9[0-9ABab] 9{3} 9{3} / 99", "9{5}9[0-9ABab]9{6}[ -]?99")...),
			Keywords: []string{"carte d'assuré social", "carte vitale", "insurance card", "numéro de carte vitale", "n° carte vitale"},
			MaxLen:   24, Severity: alwaysHigh,
			Example:  "carte Vitale «2 69 05 49 588 157 80»",
			Citation: "GIE SESAM-Vitale (card number); Code de la sécurité sociale R161-1; INSEE, décret 82-103 (NIR and key)",
		},
		{
			ID: "UK_NHS_NUMBER", Category: detect.PersonalInformation, Check: check.NHS, Checksum: true,
			Layouts:  needKeyword("9{3}~9{3}~9{4}"),
			Keywords: []string{"national health service", "NHS", "nhs no", "nhs number", "nhsno"},
			MaxLen:   12, Severity: alwaysHigh,
			Example:  "NHS number «127 307 3541»",
			Citation: "NHS Data Model and Dictionary, NHS NUMBER",
		},
		{
			ID: "USA_MEDICARE_BENEFICIARY_IDENTIFIER", Category: detect.PersonalInformation, Check: check.MBI,
			Layouts: needKeyword("[1-9]ax9~ax9~aa99"),
			// The number on CMS's sample card, and the one it carried before.
			Refuse:   []string{"1EG4TE5MK72", "1EG4TE5MK73"},
			Keywords: []string{"mbi", "medicare beneficiary", "medicare number", "medicare no", "medicare id", "medicare card"},
			MaxLen:   13, Severity: alwaysHigh,
			Example:  "MBI «3GH7-RK2-WC91»",
			Citation: "CMS, Understanding the Medicare Beneficiary Identifier (MBI)",
		},
		{
			ID: "USA_HEALTHCARE_PROCEDURE_CODE", Category: detect.PersonalInformation, Check: check.ProcedureCode,
			Layouts: needKeyword("9{5}", "9{4}[FMTUfmtu]", "[A-EGHJ-MP-Va-eghj-mp-v]9{4}", "9{5}-x{2}", "[A-EGHJ-MP-Va-eghj-mp-v]9{4}-x{2}"),
			Keywords: []string{"current procedural terminology", "hcpcs", "healthcare common procedure coding system",
				"cpt", "cpt code", "hcpcs code", "hcpc", "cpt4", "cpt/hcpcs"},
			MaxLen: 8, Severity: alwaysHigh,
			Example:  "HCPCS «J1885»",
			Citation: "45 CFR 162.1002; CMS, Healthcare Common Procedure Coding System; AMA, Current Procedural Terminology",
		},
		{
			ID: "USA_NATIONAL_DRUG_CODE", Category: detect.PersonalInformation, Check: check.DrugCode,
			Layouts:  needKeyword("9{4}-9{4}-99", "9{5}-9{3}-99", "9{5}-9{4}-9{1,2}", "9{11}"),
			Keywords: []string{"national drug code", "ndc", "ndc code", "ndc number", "ndc11", "ndc10"},
			MaxLen:   13, Severity: alwaysHigh,
			Example:  "NDC «0378-6150-93»",
			Citation: "21 CFR 207.33 (ten digits); 45 CFR 162.1002 (eleven)",
		},
		{
			ID: "USA_NATIONAL_PROVIDER_IDENTIFIER", Category: detect.PersonalInformation, Check: check.NPI, Checksum: true,
			Layouts:  needKeyword("[12]9{9}", "[12]9{3}~9{3}~9{3}", "[12]9{2}~9{3}~9{4}"),
			Refuse:   []string{"1234567893"},
			Keywords: []string{"hipaa", "n.p.i", "national provider", "npi", "npi number", "provider npi"},
			MaxLen:   12, Severity: alwaysHigh,
			Example:  "NPI «2463478612»",
			Citation: "45 CFR 162.406; CMS, NPI check digit (ISO/IEC 7812-1 with prefix 80840)",
		},
		{
			ID: "MEDICAL_DEVICE_UDI", Category: detect.PersonalInformation,
			Layouts: []detect.Layout{
				{Shape: "('01')[ ]?9{14}", Tail: check.GS1Elements, CheckText: check.GS1Text},
				{Shape: "'01'9{14}", Tail: check.GS1Plain, CheckText: check.GS1Text},
				{Shape: "9{14}", Check: check.GTIN, Keywords: []string{"gs1", "udi", "udi di", "unique device id", "unique device identifier", "device identifier"}},
				{Shape: "+A", Tail: check.HIBC, CheckText: check.HIBCText},
				{Shape: "+A", Tail: check.HIBCStop, CheckText: check.HIBCText},
				{Shape: "=/X{16}", Tail: check.ISBT},
				{Shape: "=)X{10}", Tail: check.ISBT},
			},
			Keywords: []string{"blood", "blood bag", "dev id", "device id", "device identifier", "gs1", "hibcc", "iccbba", "med", "udi", "unique device id",
				"unique device identifier", "device udi", "udi di", "hibc", "unique device identification"},
			MaxLen: 240, Severity: lowMediumHigh,
			Example:  "UDI «(01)54248611148938(17)290131(10)LOT42»",
			Citation: "21 CFR 801.40 and 830; GS1 General Specifications; ANSI/HIBC 2.6; ICCBBA ST-011",
		},
	}
}

// canadianHealth are the forms of Canada's provinces and territories.
func canadianHealth() []detect.Layout {
	eastern := []string{"prince edward island health", "pei health", "pei health card", "pei phn", "newfoundland health", "mcp number", "mcp no", "mcp #", "^mcp$",
		"canada healthcare number", "personal healthcare number", "canadian health number", "provincial health number"}
	out := aloneWith(check.CanadianTen, "9{4}~9{3}~9{3}", "9{3}~9{3}~9{4}")
	out = append(out, aloneWith(check.OntarioVersion, "9{4}~9{3}~9{3}~?A{1,2}")...)
	out = append(out, canadianNamed()...)
	// Alberta, Saskatchewan, Manitoba, New Brunswick, Yukon and Nunavut
	out = append(out, aloneWith(check.CanadianNumber, "9{3}~9{3}~9{3}", "9{5}[ -]9{4}")...)
	out = append(out, aloneWith(check.RAMQ, "a{4}~9{4}~9{4}", "a{4} 9{8}", "a{4} 9{6} 99", "a{4}-9{6}-99")...)
	out = append(out, aloneWith(check.CanadianNumber, "[DHMNTdhmnt]~?9{7}")...) // Northwest Territories
	// Prince Edward Island and Newfoundland
	for _, shape := range []string{"9{8}", "9{4}[ -]9{4}", "9{3}~9{3}~9{3}~9{3}"} {
		out = append(out, detect.Layout{Shape: shape, Check: check.CanadianNumber, Alone: true, Keywords: eastern})
	}
	return out
}

// canadianNamed are the forms that tell themselves apart, near what every country calls its cards.
func canadianNamed() []detect.Layout {
	out := aloneWith(check.CanadianChecked, "9{4}~9{3}~9{3}")
	out = append(out, aloneWith(check.OntarioVersion, "9{4}~9{3}~9{3}~?A{1,2}")...)
	out = append(out, aloneWith(check.RAMQ, "a{4}~9{4}~9{4}")...)
	for i := range out {
		out[i].Keywords = []string{"health card", "health card number", "health card no", "health number", "health insurance number", "numéro d'assurance maladie",
			"assurance maladie", "carte soleil", "carte d'assurance maladie", "nam"}
	}
	return out
}

// cardNumbers20 are the groupings of the 20 digits of a European Health Insurance Card.
func cardNumbers20() []detect.Layout {
	out := needKeyword("'80'9{18}", "'80'9{2}~9{4}~9{4}~9{4}~9{4}", "'80'9{3}~9{5}~9{5}~9{5}", "'80'9{8}~9{10}", "'80'~9{3}~9{15}", "'80'~9{3}~9{5}~9{10}",
		"'80'9{3}~9{15}", "'80'9{3}~9{5}~9{10}")
	for i := range out {
		out[i].Alone = i > 0
	}
	return out
}

// aloneWith makes layouts near a keyword with a check of their own, that stand alone.
func aloneWith(compact func([]byte) bool, shapes ...string) []detect.Layout {
	out := needKeyword(shapes...)
	for i := range out {
		out[i].Check, out[i].Alone = compact, true
	}
	return out
}
