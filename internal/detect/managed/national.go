package managed

import (
	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/check"
)

// national are numbers that states give to people: macie.md 1.6.1 and 1.6.4.
func national() []*detect.Identifier {
	return []*detect.Identifier{
		{
			ID: "UK_NATIONAL_INSURANCE_NUMBER", Category: detect.PersonalInformation, Check: check.NINO,
			Layouts: needKeyword("[ABCEGHJ-PRSTW-Zabceghj-prstw-z][ABCEGHJ-NPRSTW-Zabceghj-nprstw-z]~?99~?99~?99~?[A-Da-d]"),
			// QQ123456C is the sample of HMRC's forms; its prefix is not issued either.
			Keywords: []string{"insurance no.", "insurance number", "insurance#", "national insurance number", "nationalinsurance#",
				"nationalinsurancenumber", "nin", "nino", "ni number", "national insurance"},
			MaxLen: 13, Severity: alwaysHigh, Recommended: true,
			Example:  "national insurance number «CE303717C»",
			Citation: "HMRC, National Insurance Manual NIM39110",
		},
		{
			ID: "SPAIN_DNI_NUMBER", Category: detect.PersonalInformation, Check: check.DNI, Checksum: true,
			Layouts: needKeyword("9{8}~?a", "99.9{3}.9{3}-?a"),
			Keywords: []string{"dni", "dni#", "dninúmero#", "documento nacional de identidad", "identidad único", "identidadúnico#", "insurance number",
				"national identification number", "national identity", "nationalid#", "nationalidno#", "número nacional identidad",
				"personal identification number", "personal identity no", "unique identity number", "uniqueid#"},
			MaxLen: 12, Severity: alwaysHigh, Recommended: true,
			Example:  "DNI «68738009W»",
			Citation: "Real Decreto 1553/2005; Orden INT/2058/2008 (check letter)",
		},
		{
			ID: "USA_SOCIAL_SECURITY_NUMBER", Category: detect.PersonalInformation, Check: check.SSN,
			Layouts: needKeyword("9{3}~99~9{4}"),
			// 078-05-1120 was printed on a sample card, 219-09-9999 in a pamphlet (SSA, "Social Security Cards Issued by Woolworth").
			Refuse:   []string{"078051120", "219099999", "123456789"},
			Keywords: []string{"social security", "ss#", "ssn", "ssn number", "social security number", "social security no"},
			MaxLen:   11, Severity: alwaysHigh, Recommended: true,
			Example:  "ssn «536-22-8145»",
			Citation: "20 CFR 422.103; SSA, Social Security Number Randomization (2011)",
		},
	}
}
