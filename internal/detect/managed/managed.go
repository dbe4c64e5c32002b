// Package managed holds the managed data identifiers: a table for each category, with vectors for every entry in testdata.
//
// Facts about each identifier (id, keywords, numbers that are never reported, severity) are those that Amazon publishes in the Macie User
// Guide; the format itself is cited from its own authority.
package managed

import "github.com/magpie-sec/magpie/internal/detect"

// All returns every managed identifier, new entries each time.
func All() []*detect.Identifier {
	var all []*detect.Identifier
	for _, table := range [][]*detect.Identifier{
		credentials(), cards(), bankAccounts(), health(), phones(), licences(), national(), passports(), taxpayers(), personal(),
	} {
		all = append(all, table...)
	}
	return all
}

// The severity rules in use (macie.md 5.3).
var (
	alwaysHigh       = detect.Severity{detect.High, detect.High, detect.High}
	lowMediumHigh    = detect.Severity{detect.Low, detect.Medium, detect.High}
	mediumHighHigh   = detect.Severity{detect.Medium, detect.High, detect.High}
	mediumMediumHigh = detect.Severity{detect.Medium, detect.Medium, detect.High}
	lowLowMedium     = detect.Severity{detect.Low, detect.Low, detect.Medium}
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
