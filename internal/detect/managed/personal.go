package managed

import (
	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/check"
	"github.com/magpie-sec/magpie/internal/detect/person"
)

// personal are the kinds of personal information that have no file of their own: macie.md 1.6.1.
func personal() []*detect.Identifier {
	return []*detect.Identifier{
		{
			ID: "DATE_OF_BIRTH", Category: detect.PersonalInformation,
			// A time of day behind the date is no birth in a log, but midnight is how databases export a date.
			Layouts: append(dates(
				"9{4}[-/ ]9{1,2}[-/ ]9{1,2}",
				"9{4}-99-99[Tt ]'00:00'",
				"9{1,2}[-/ .]9{1,2}[-/ .]9{4}",
				"9{1,2}[-/]9{1,2}[-/]99",
				"9{1,2}[-/ ]a{3,9},?[-/ ]9{4}",
				"9{1,2}[-/]a{3,9}[-/]99",
				"9{1,2}aa a{3,9},? 9{4}",
				"a{3,9}[-/ ]9{1,2},?[-/ ]9{4}",
				"a{3,9} 9{1,2}aa,? 9{4}",
				"9{4}[-/ ]a{3,9}[-/ ]9{1,2}",
			), detect.Layout{Shape: "9{4}-99-99[Tt ]99:99", Keyword: detect.KeywordInField, CheckText: check.Date}),
			Keywords: []string{"bday", "b-day", "birth date", "birthday", "date of birth", "dob",
				"birth dt", "date birth"}, // abbreviations of column names
			MaxLen: 24, Severity: lowMediumHigh,
			Example:  "dob «1984-03-29»",
			Citation: "ISO 8601-1 (calendar date); Unicode CLDR date patterns for en and en-GB",
		},
		{
			ID: "HTTP_COOKIE", Category: detect.PersonalInformation,
			Layouts: append(cookieHeaders(),
				detect.Layout{Tail: check.CookiePairs, Keyword: detect.KeywordInField, Whole: true, Open: true}),
			Keywords: []string{"^cookie$", "^set-cookie$", "^http_cookie$"},
			MaxLen:   16 << 10, Severity: lowMediumHigh,
			Example:  "«Cookie: session=38afes7a8»",
			Citation: "RFC 6265 sections 4.1 and 4.2",
		},
		{
			ID: "NAME", Category: detect.PersonalInformation,
			Layouts: append([]detect.Layout{
				{Words: person.Triggers(), Around: person.Around, Keyword: detect.KeywordUnneeded},
				{Tail: person.Whole, Keyword: detect.KeywordInField, Whole: true},
				{Tail: person.Given, Keyword: detect.KeywordInField, Whole: true, Keywords: []string{"^name$", "^names$", "^nombre$", "^nom$", "^nome$",
					"^naam$", "^namn$", "^navn$", "^display name$", "^owner$", "^author$", "^contact$", "^customer$", "^patient$", "^employee$", "^client$",
					"^manager$", "^assignee$", "^reporter$", "^kunde$", "^cliente$", "^paciente$", "^mitarbeiter$"}},
			}, names()...),
			Keywords: []string{"full name", "customer name", "client name", "patient name", "employee name", "person name", "contact name",
				"cardholder name", "card holder", "account holder", "account holder name", "holder name", "policy holder", "applicant name", "beneficiary name",
				"student name", "member name", "guest name", "passenger name", "recipient name", "legal name", "maiden name", "name of patient",
				"first and last name", "name on card", "nombre completo", "nombre y apellidos", "nom complet", "nom et prénom", "nome completo",
				"vollständiger name", "nome e cognome", "kundenname"},
			MaxLen: person.MaxLen, Severity: lowMediumHigh,
			Example:  "Please call «Priya Raman» back today.",
			Citation: "Unicode CLDR person name formats; Macie reports full names in Latin script only",
		},
		{
			ID: "VEHICLE_IDENTIFICATION_NUMBER", Category: detect.PersonalInformation, Check: check.VIN, Checksum: true,
			Layouts: needKeyword("[A-HJ-NPR-Za-hj-npr-z0-9]{17}"),
			Keywords: []string{"Fahrgestellnummer", "niv", "numarul de identificare", "numarul seriei de sasiu", "numer VIN",
				"Número de Identificação do Veículo", "Número de Identificación de Automóviles", "numéro d'identification du véhicule",
				"vehicle identification number", "vin", "VIN numeris"},
			MaxLen: 17, Severity: lowLowMedium,
			Example:  "VIN «1M8GDM9AXKP042788»",
			Citation: "ISO 3779, ISO 3780; 49 CFR 565.15 (check digit)",
		},
	}
}

// names are the labels that let a name in running text have a word that is in no list.
func names() []detect.Layout {
	var out []detect.Layout
	for _, w := range person.Labels {
		out = append(out, detect.Layout{Shape: `"` + w + `"`, Around: person.Labelled, Keyword: detect.KeywordUnneeded})
	}
	return out
}

// dates are layouts whose text is a valid date.
func dates(shapes ...string) []detect.Layout {
	out := needKeyword(shapes...)
	for i := range out {
		out[i].CheckText = check.Date
	}
	return out
}

// curlWords go before the cookies of a curl command: its name, and the headers that browsers' "copy as cURL" writes.
var curlWords = []string{"curl", "accept", "accept-language", "cache-control", "content-type", "origin", "referer", "user-agent"}

// cookieHeaders makes the layouts of header fields with cookies, by what stands behind the name; at one place one of them at most fits. The
// options of curl come first.
func cookieHeaders() []detect.Layout {
	out := []detect.Layout{
		{Shape: "'-b'[ ]", Tail: check.CookieHeader('='), Keyword: detect.KeywordRequired, Keywords: curlWords, Open: true},
		{Shape: "'--cookie'[ =]", Tail: check.CookieHeader('='), Keyword: detect.KeywordRequired, Keywords: curlWords, Open: true},
		{Shape: `"set-cookie"[ ]`, Tail: check.CookieHeader(' '), Keyword: detect.KeywordUnneeded, Open: true},
		{Shape: `"cookie"[ ]`, Tail: check.CookieHeader(0), Keyword: detect.KeywordUnneeded, Open: true},
	}
	for _, field := range []string{"cookie", "set-cookie", "http_cookie"} {
		out = append(out,
			detect.Layout{Shape: `"` + field + "\"[\"'`\\]", Tail: check.CookieHeader('"'), Keyword: detect.KeywordUnneeded, Open: true},
			detect.Layout{Shape: `"` + field + `"[:]`, Tail: check.CookieHeader(':'), Keyword: detect.KeywordUnneeded, Open: true},
			detect.Layout{Shape: `"` + field + `"[],>%)]`, Tail: check.CookieHeader(0), Keyword: detect.KeywordUnneeded, Open: true})
	}
	return out
}
