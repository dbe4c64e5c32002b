package managed

import (
	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/check"
	"github.com/magpie-sec/magpie/internal/detect/person"
	"github.com/magpie-sec/magpie/internal/detect/postal"
)

// personal are the kinds of personal information that have no file of their own: macie.md 1.6.1.
func personal() []*detect.Identifier {
	return []*detect.Identifier{
		{
			ID: "ADDRESS", Category: detect.PersonalInformation,
			Layouts: addresses(),
			Keywords: []string{"address", "mailing address", "postal address", "street address", "home address", "billing address", "shipping address",
				"anschrift", "adresse", "indirizzo", "dirección", "domicilio", "adresse postale", "postanschrift", "wohnort", "residence"},
			MaxLen: postal.MaxLen, Severity: lowMediumHigh,
			Example: "Ship to «1420 Maple Street, Denver, CO 80202», please.",
			Citation: "UPU S42 (addressing templates); USPS Publication 28; Canada Post addressing guidelines; Royal Mail Postcode Address File; " +
				"AS 4590; DIN 5008; AFNOR NF Z 10-011; Poste Italiane CAP; Correos códigos postales",
		},
		{
			ID: "DATE_OF_BIRTH", Category: detect.PersonalInformation,
			// A time of day behind the date is no birth in a log, but midnight is how databases export a date.
			Layouts: append(dates(
				"9{4}[-/ .]9{1,2}[-/ .]9{1,2}",
				"9{4}-99-99[Tt ]'00:00'",
				"9{1,2}[-/ .]9{1,2}[-/ .]9{4}",
				"9{1,2}[-/.]9{1,2}[-/.]99",
				"9{1,2} [-/] 9{1,2} [-/] 9{4}", "9{1,2}. 9{1,2}. 9{4}",
				"9{1,2}.?[-/ ]"+monthName+".?,?[-/ ]9{4}",
				"9{1,2}[-/ ]"+monthName+"[-/ ]99",
				"9{1,2}a{3}9{4}", "9{1,2}a{3}99",
				"9{1,2} \"de\" "+monthName+" \"de\"\"l\"? 9{4}", "9{1,2}[\xC2\xBA\xAA]{2} \"de\" "+monthName+" \"de\" 9{4}",
				"9{1,2}aa "+monthName+".?,? 9{4}", "9{1,2}aa \"of\" "+monthName+",? 9{4}",
				monthName+".?[-/ ]9{1,2},?[-/ ]9{4}",
				monthName+".?[-/ ]9{1,2}/9{4}",
				monthName+" 9{1,2}aa,? 9{4}",
				"9{4}[-/ ]"+monthName+"[-/ ]9{1,2}",
				"9{8}",
			), detect.Layout{Shape: "9{4}-99-99[Tt ]99:99", Keyword: detect.KeywordInField, CheckText: check.Date}),
			Keywords: []string{"bday", "b-day", "birth date", "birthday", "date of birth", "dob",
				"birth dt", "date birth", "birthdt", "d.o.b", // abbreviations of column names
				"geburtsdatum", "date de naissance", "fecha de nacimiento", "data di nascita", "data de nascimento"}, // the same in other languages
			MaxLen: 40, Severity: lowMediumHigh,
			Example:  "dob «1984-03-29»",
			Citation: "ISO 8601-1 (calendar date); Unicode CLDR date patterns for en, en-GB, de, es, fr, it and pt",
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
				{Words: person.Triggers(), Around: person.Around, Glance: person.Glance, Keyword: detect.KeywordUnneeded},
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
				"vehicle identification number", "vin", "VIN numeris", "vehicle identification no", "vehicle identification", "vehicle id number",
				"fahrzeug identifizierungsnummer", "número de identificación del vehículo", "número de identificação veicular"},
			MaxLen: 17, Severity: lowLowMedium,
			Example:  "VIN «1M8GDM9AXKP042788»",
			Citation: "ISO 3779, ISO 3780; 49 CFR 565.15 (check digit)",
		},
		{
			ID: "LATITUDE_LONGITUDE", Category: detect.PersonalInformation,
			// Positions on a screen have few decimals.
			Layouts: []detect.Layout{
				{Shape: "9{1,2}.9{3,20}", Lead: "-+", Tail: check.CoordinatesFollow, CheckText: check.FineCoordinates},
				{Shape: "9{1,2}.9{2,20}", Lead: "-+", Tail: check.CoordinatesFollow, CheckText: check.Coordinates, Keywords: coordinateWords},
				{Shape: "9{1,3}.9{2,20}", Around: check.GeoJSONPosition, Keywords: []string{"coordinates"}},
			},
			Keywords: append([]string{"position"}, coordinateWords...),
			MaxLen:   96, Severity: detect.Severity{detect.Low, detect.Medium, detect.Medium},
			Example:  "coordinates «41.948614,-87.655311»",
			Citation: "ISO 6709 annex H (decimal degrees); RFC 7946 section 3.1.1 (GeoJSON)",
		},
		{
			ID: "BRAZIL_CEP_CODE", Category: detect.PersonalInformation, Check: check.CEP,
			Layouts: needKeyword("9{5}-9{3}", "99.9{3}-9{3}", "9{8}", "9{5} 9{3}"),
			Keywords: []string{"cep", "código de endereçamento postal", "codigo de endereçamento postal", "código postal", "codigo postal",
				"código de endereçamento", "cód postal", "número do cep"},
			MaxLen: 10, Severity: lowMediumHigh,
			Example:  "CEP «01310-100»",
			Citation: "Empresa Brasileira de Correios e Telégrafos, Guia Postal Brasileiro (CEP)",
		},
		{
			ID: "ARGENTINA_TARJETA_SUBE", Category: detect.PersonalInformation, Check: check.SUBE, Checksum: true,
			Layouts:  needKeyword("'6061'~9{4}~9{4}~9{4}"),
			Keywords: []string{"sistema único de boleto electrónico", "sube", "tarjeta sube", "número de tarjeta sube"},
			MaxLen:   19, Severity: detect.Severity{detect.Medium, detect.Medium, detect.High},
			Example:  "SUBE «6061 2174 2180 9677»",
			Citation: "Decreto 84/2009 (Sistema Único de Boleto Electrónico); ISO/IEC 7812-1",
		},
	}
}

// addresses are the postal codes around which an address may stand.
func addresses() []detect.Layout {
	var out []detect.Layout
	type around = func(t []byte, start, end int, final bool) (from, to int)
	type glance = func(t []byte, start, end int, final bool) bool
	add := func(around around, glance glance, shapes ...string) {
		for _, s := range shapes {
			out = append(out, detect.Layout{Shape: s, Around: around, Glance: glance, Keyword: detect.KeywordUnneeded})
		}
	}
	add(postal.Five, postal.GlanceFive, "9{5}")
	add(postal.Canada, nil, "A9A[ -]?9A9")
	add(postal.Kingdom, nil, "A{1,2}9[0-9A-Z]? 9AA", "A99AA", "A999AA", "AA99AA", "AA999AA", "A9A9AA", "AA9A9AA")
	add(postal.Australia, postal.GlanceAustralia, `"nsw"`, `"vic"`, `"qld"`, `"sa"`, `"wa"`, `"tas"`, `"nt"`, `"act"`, `"wales"`, `"victoria"`, `"queensland"`, `"australia"`,
		`"tasmania"`, `"territory"`)
	return append(out, detect.Layout{Tail: postal.Whole, FormFits: postal.WholeForm, Keyword: detect.KeywordInField, Whole: true})
}

// names are the labels that let a name in running text have a word that is in no list.
func names() []detect.Layout {
	var out []detect.Layout
	for _, w := range person.Labels {
		out = append(out, detect.Layout{Shape: `"` + w + `"`, Around: person.Labelled, Glance: person.GlanceLabelled, Keyword: detect.KeywordUnneeded})
	}
	return out
}

// coordinateWords are the keywords of coordinates, with spellings and abbreviations of Macie's "latitude longitude".
var coordinateWords = []string{"coordinate", "coordinates", "lat long", "latitude longitude", "lat lon", "lat lng", "lat/long", "lat/lon", "lat/lng",
	"lat,long", "lat,lon", "lat,lng", "lat, long", "lat, lon", "lat, lng", "latitude/longitude", "latitude,longitude", "latitude, longitude",
	"latitude and longitude", "lat and long", "gps coordinates", "gps location", "geo coordinates", "coords", "geo location", "geo point"}

// monthName is the shape of a month's name with any of its accents.
const monthName = "a[A-Za-z\x80-\xFF]{2,10}"

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
