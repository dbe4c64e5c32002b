package managed

import (
	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/check"
)

// needKeyword makes layouts that are found near a keyword only.
func needKeyword(shapes ...string) []detect.Layout {
	var out []detect.Layout
	for _, s := range shapes {
		out = append(out, detect.Layout{Shape: s, Keyword: detect.KeywordRequired})
	}
	return out
}

func personal() []*detect.Identifier {
	return []*detect.Identifier{
		{
			ID: "USA_SOCIAL_SECURITY_NUMBER", Category: detect.PersonalInformation,
			Layouts: needKeyword("9{3}~9{2}~9{4}"), Check: check.SSN,
			// 078-05-1120 was printed on a sample card, 219-09-9999 in a pamphlet (SSA, "Social Security Cards Issued by Woolworth").
			Refuse:   []string{"078051120", "219099999", "123456789"},
			Keywords: []string{"social security", "ss#", "ssn"},
			MaxLen:   11, Severity: alwaysHigh, Recommended: true,
			Citation: "20 CFR 422.103; SSA, Social Security Number Randomization (2011)",
		},
	}
}
