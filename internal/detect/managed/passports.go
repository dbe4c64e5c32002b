package managed

import (
	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/check"
)

// passports are passport numbers: macie.md 1.6.5.
func passports() []*detect.Identifier {
	return []*detect.Identifier{
		{
			ID: "USA_PASSPORT_NUMBER", Category: detect.PersonalInformation, Check: check.USPassport,
			Layouts:  needKeyword("9{9}", "a9{8}"),
			Refuse:   []string{"123456789"},
			Keywords: []string{"passport", "travel document"},
			MaxLen:   9, Severity: mediumHighHigh, Recommended: true,
			Example:  "passport «204815573»",
			Citation: "22 CFR part 51; ICAO Doc 9303-4 (document number of nine characters)",
		},
	}
}
