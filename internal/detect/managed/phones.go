package managed

import (
	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/check"
)

// phones are telephone numbers: macie.md 1.6.2.
func phones() []*detect.Identifier {
	return []*detect.Identifier{
		{
			ID: "PHONE_NUMBER", Category: detect.PersonalInformation, Check: check.NANP,
			Layouts: append(
				layouts(detect.KeywordUnneeded, []string{"+'1'9{10}", "+'1'[ .-]?9{3}[ .-]9{3}[ .-]9{4}", "+'1'[ -]?(9{3})[ -]?9{3}[ .-]9{4}", "'1'-9{3}-9{3}-9{4}"}),
				needKeyword("9{3}~9{3}~9{4}", "9{3}.9{3}.9{4}", "9{3} 9{3}[-.]9{4}", "(9{3})[ -]?9{3}[ .-]9{4}", "'1'[ .]9{3}[ .]9{3}[ .-]9{4}",
					"'1'[ -]?(9{3})[ -]?9{3}[ .-]9{4}", "'1'9{10}")...),
			Keywords: []string{"cell", "contact", "fax", "fax number", "mobile", "phone", "phone number", "tel", "telephone", "telephone number",
				"cellphone", "phone no", "phone num", "home phone", "work phone", "mobilephone"},
			MaxLen: 18, Severity: lowMediumHigh,
			Example:  "phone «(415) 555-2671»",
			Citation: "ATIS-0300051, North American Numbering Plan; ITU-T E.123 (notation)",
		},
	}
}
