package managed

import (
	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/check"
)

// health are the numbers of health care: macie.md 1.5.
func health() []*detect.Identifier {
	return []*detect.Identifier{
		{
			ID: "UK_NHS_NUMBER", Category: detect.PersonalInformation, Check: check.NHS, Checksum: true,
			Layouts:  needKeyword("9{3}~9{3}~9{4}"),
			Keywords: []string{"national health service", "NHS"},
			MaxLen:   12, Severity: alwaysHigh,
			Example:  "NHS number «127 307 3541»",
			Citation: "NHS Data Model and Dictionary, NHS NUMBER",
		},
	}
}
