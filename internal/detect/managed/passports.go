package managed

import (
	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/check"
)

// passports are passport numbers: macie.md 1.6.5.
func passports() []*detect.Identifier {
	return []*detect.Identifier{
		{
			ID: "CANADA_PASSPORT_NUMBER", Category: detect.PersonalInformation, Check: check.Passport,
			Layouts: append(needKeyword("aa9{6}", "a9{6}aa", "aa-9{6}"), detect.Layout{Shape: "AA 9{6}", CheckText: check.NoLinkingWord}),
			Keywords: []string{"passeport", "passeport#", "passport", "passport#", "passportno", "passportno#",
				"passport number", "numéro de passeport"},
			MaxLen: 9, Severity: mediumHighHigh, Recommended: true,
			Example:  "Canadian passport «GK482915»",
			Citation: "Canadian Passport Order (SI/81-86); IRCC (two letters and six digits, from 2023 a letter, six digits and two letters)",
		},
		{
			ID: "FRANCE_PASSPORT_NUMBER", Category: detect.PersonalInformation, Check: check.Passport,
			Layouts: needKeyword("99~aa~9{5}"),
			Keywords: []string{"numéro de passeport", "passeport", "passeport #", "passeport n °", "passeport non",
				"passeport nº", "numéro passeport", "passport", "passport number", "french passport"},
			MaxLen: 11, Severity: mediumHighHigh, Recommended: true,
			Example:  "passeport n° «18FK42957»",
			Citation: "Décret 2005-1726 (passeports); ICAO Doc 9303-4",
		},
		{
			ID: "GERMANY_PASSPORT_NUMBER", Category: detect.PersonalInformation, Check: check.GermanDocument,
			Layouts: append(needKeyword(germanDocument, germanDocument+"9[Dd]?"),
				// Passports before November 2007 have digits only.
				detect.Layout{Shape: "9{10}[Dd]?", Keywords: []string{"reisepass", "reisepassnummer", "reisepass nr", "passnummer"}}),
			Refuse: germanSpecimens,
			Keywords: []string{"ausstellungsdatum", "ausstellungsort", "geburtsdatum", "passport", "passports", "reisepass", "reisepass–nr", "reisepassnummer",
				"passnummer", "pass nr", "pass-nr.", "passport number", "passport no"},
			MaxLen: 11, Severity: mediumHighHigh, Recommended: true,
			Example:  "Reisepass «C7FK2X91H»",
			Citation: "Passgesetz section 4; Passverordnung; ICAO Doc 9303-3 (check digit)",
		},
		{
			ID: "ITALY_PASSPORT_NUMBER", Category: detect.PersonalInformation, Check: check.Passport,
			Layouts: append(needKeyword("aa9{7}", "aa-9{7}"), detect.Layout{Shape: "AA 9{7}", CheckText: check.NoLinkingWord}),
			Keywords: []string{"italian passport number", "numéro passeport", "numéro passeport italien", "passaporto", "passaporto italiana",
				"passaporto numero", "passport number", "repubblica italiana passaporto",
				"italian passport", "passport no", "numero passaporto", "passaporti"},
			MaxLen: 10, Severity: mediumHighHigh, Recommended: true,
			Example:  "passaporto «YB4829157»",
			Citation: "Legge 1185/1967; Ministero degli Affari Esteri; ICAO Doc 9303-4",
		},
		{
			ID: "SPAIN_PASSPORT_NUMBER", Category: detect.PersonalInformation, Check: check.Passport,
			Layouts: append(needKeyword("aaa9{6}", "aa9{6}",
				"aaa-9{6}"), detect.Layout{Shape: "AAA 9{6}", CheckText: check.NoLinkingWord}, detect.Layout{Shape: "AA 9{6}", CheckText: check.NoLinkingWord}),
			Keywords: []string{"españa pasaporte", "libreta pasaporte", "número pasaporte", "pasaporte", "passport", "passport book", "passport no",
				"passport number",
				"spain passport",
				"spanish passport", "número de pasaporte", "pasaporte español"},
			MaxLen: 10, Severity: mediumHighHigh, Recommended: true,
			Example:  "pasaporte «PAB482915»",
			Citation: "Real Decreto 896/2003 (pasaporte ordinario); ICAO Doc 9303-4",
		},
		{
			ID: "UK_PASSPORT_NUMBER", Category: detect.PersonalInformation, Check: check.Passport,
			Layouts: needKeyword("9{9}"),
			Refuse:  []string{"925665416", "925076473"}, // HM Passport Office's specimens
			Keywords: []string{"passeport #", "passeport n °", "passeport non", "passeportn °", "passport #", "passport no", "passport number", "passport#",
				"passportid",
				"british passport", "uk passport", "passport num", "passport no."},
			MaxLen: 9, Severity: mediumHighHigh, Recommended: true,
			Example:  "Passport number: «538204716»",
			Citation: "HM Passport Office, Basic Passport Checks; ICAO Doc 9303-4",
		},
		{
			ID: "USA_PASSPORT_NUMBER", Category: detect.PersonalInformation, Check: check.Passport,
			Layouts: needKeyword("9{9}", "a9{8}"),
			// On the specimens of passport and passport card of the Department of State.
			Refuse:   []string{"E00007730", "C03004786"},
			Keywords: []string{"passport", "travel document", "passport number", "passport book number", "passport card number", "us passport"},
			MaxLen:   9, Severity: mediumHighHigh, Recommended: true,
			Example:  "passport «204815573»",
			Citation: "22 CFR part 51; ICAO Doc 9303-4 (document number of nine characters)",
		},
	}
}
