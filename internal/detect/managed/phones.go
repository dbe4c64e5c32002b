package managed

import (
	"fmt"

	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/check"
)

// phoneKeywords are what all of Macie's telephone numbers have, with the usual names of columns.
var phoneKeywords = []string{"cell", "contact", "fax", "fax number", "mobile", "phone", "phone number", "tel", "telephone", "telephone number",
	"cellphone", "phone no", "phone num", "home phone", "work phone", "mobilephone", "mobile number", "mobile no", "cell number", "tel no", "telephone no", "fax no",
	"contact number", "contact no"}

// phones are telephone numbers: macie.md 1.6.2. Near a keyword the national form will do, elsewhere the country code has to be there.
func phones() []*detect.Identifier {
	return []*detect.Identifier{
		{
			ID: "PHONE_NUMBER", Category: detect.PersonalInformation,
			Layouts: append(
				american(detect.KeywordUnneeded,
					[]string{"+'1'9{10}", "+'1'[ .-]9{10}", "'001'9{10}", "'001'[ -]9{3}[ -]9{3}[ -]9{4}", "(+'1')[ ]?9{3}[ .-]9{3}[ .-]9{4}"},
					"+'1'[ .-]?9{3}[ .-]9{3}[ .-]9{4}", "+'1'[ -]?(9{3})[ -]?9{3}[ .-]9{4}", "'1'-9{3}-9{3}-9{4}"),
				american(detect.KeywordRequired,
					[]string{"9{10}", "9{3}/9{3}-9{4}", "'1'9{10}"},
					"9{3}[ -]9{3}[ -]9{4}", "9{3}.9{3}.9{4}", "9{3} 9{3}.9{4}", "(9{3})[ -]?9{3}[ .-]9{4}", "'1'[ -]?(9{3})[ -]?9{3}[ .-]9{4}",
					"'1'[ .]9{3}[ .]9{3}[ .-]9{4}")...),
			Keywords: phoneKeywords,
			MaxLen:   40, Severity: lowMediumHigh,
			Example:  "phone «(415) 555-2671»",
			Citation: "ATIS-0300051, North American Numbering Plan; ITU-T E.123 (notation)",
		},
		phone("BRAZIL_PHONE_NUMBER", "55", 10, 11, check.BrazilianPhoneAbroad, "celular «(11) 98765-4321»",
			"Anatel, Resolução 749/2022 (Regulamento de Numeração); ITU-T E.164",
			[]detect.Layout{
				{Shape: "[1-9][1-9]", Tail: check.PhoneGroups(8, 9, false), CheckText: check.BrazilianGrouped, FormFits: check.BrazilianPhoneForm, Alone: true},
				{Shape: "9{10}", CheckText: check.BrazilianPhone, Keywords: brazilianWords},
				{Shape: "'0'9", Tail: check.PhoneGroups(9, 10, false), CheckText: check.BrazilianPhone, FormFits: check.BrazilianPhoneForm},
				{Shape: "([1-9]", Tail: check.PhoneGroups(9, 10, true), CheckText: check.BrazilianPhone, FormFits: check.BrazilianPhoneForm},
				{Shape: "('0'[1-9]", Tail: check.PhoneGroups(9, 10, true), CheckText: check.BrazilianPhone, FormFits: check.BrazilianPhoneForm},
			},
			brazilianWords...),
		phone("FRANCE_PHONE_NUMBER", "33", 9, 10, check.FrenchPhoneAbroad, "tél. «06 39 98 41 72»",
			"ARCEP, plan national de numérotation (décision 2018-0881); ITU-T E.164",
			[]detect.Layout{{Shape: "'0'", Tail: check.PhoneGroups(9, 9, false), CheckText: check.FrenchPhone, FormFits: check.FrenchPhoneForm, Alone: true}},
			"téléphone", "tél", "téléphone portable", "téléphone fixe", "numéro de téléphone", "portable", "télécopie", "télécopieur", "n° de téléphone"),
		phone("GERMANY_PHONE_NUMBER", "49", 7, 12, check.GermanPhoneAbroad, "Telefon: «030 23125 482»",
			"Bundesnetzagentur, Nummernraum für das öffentliche Telekommunikationsnetz (E.164); DIN 5008",
			[]detect.Layout{
				{Shape: "'0'", Tail: check.PhoneGroups(7, 11, false), CheckText: check.GermanPhone, Alone: true},
				{Shape: "('0'", Tail: check.PhoneGroups(7, 11, true), CheckText: check.GermanPhone, Alone: true},
			},
			"telefon", "telefonnummer", "telefon nr", "rufnummer", "handy", "handynummer", "mobil", "mobilnummer",
			"mobiltelefon", "mobilfunknummer", "festnetz", "telefax", "faxnummer"),
		phone("ITALY_PHONE_NUMBER", "39", 7, 11, check.ItalianPhoneAbroad, "cellulare «347 118 2640»",
			"AGCOM, Piano di numerazione nazionale (delibera 8/15/CIR); ITU-T E.164",
			[]detect.Layout{
				{Shape: "[038]", Tail: check.PhoneGroups(7, 10, false), CheckText: check.ItalianPhone, FormFits: check.ItalianPhoneForm, Alone: true},
				{Shape: "('0'", Tail: check.PhoneGroups(7, 10, true), CheckText: check.ItalianPhone, FormFits: check.ItalianPhoneForm, Alone: true},
			},
			"telefono", "cellulare", "numero di telefono", "telefono cellulare", "numero di cellulare", "telefono fisso", "recapito telefonico"),
		phone("SPAIN_PHONE_NUMBER", "34", 9, 9, check.SpanishPhoneAbroad, "teléfono «612 30 47 85»",
			"CNMC, Plan Nacional de Numeración Telefónica (Real Decreto 2296/2004); ITU-T E.164",
			[]detect.Layout{
				{Shape: "[6-9]", Tail: check.PhoneGroups(8, 8, false), CheckText: check.SpanishPhone, FormFits: check.SpanishPhoneForm, Alone: true},
				{Shape: "([89]", Tail: check.PhoneGroups(8, 8, true), CheckText: check.SpanishPhone, FormFits: check.SpanishPhoneForm, Alone: true},
			},
			"teléfono", "móvil", "teléfono móvil", "número de teléfono", "celular", "teléfono fijo", "tfno", "telf", "tlf"),
		phone("UK_PHONE_NUMBER", "44", 9, 11, check.BritishPhoneAbroad, "tel: «020 7946 0958»",
			"Ofcom, National Telephone Numbering Plan; ITU-T E.164",
			[]detect.Layout{
				{Shape: "'0'", Tail: check.PhoneGroups(9, 10, false), CheckText: check.BritishPhone, Alone: true},
				{Shape: "('0'", Tail: check.PhoneGroups(9, 10, true), CheckText: check.BritishPhone, Alone: true},
			}, "landline", "daytime phone", "mobile phone"),
	}
}

var brazilianWords = []string{"cel", "celular", "fone", "móvel", "número residencial", "numero residencial", "telefone", "telefone celular", "telefone fixo",
	"número de telefone", "whatsapp"}

// phone makes the entry of a country: the international forms, whose national number has least to most digits, and the national ones.
func phone(id, code string, least, most int, abroad func([]byte) bool, example, citation string, national []detect.Layout,
	keywords ...string) *detect.Identifier {
	tail, inside := check.PhoneGroups(least, most, false), check.PhoneGroups(least, most, true)
	// What follows the code is in the shape, so that few other numbers are tried.
	out := []detect.Layout{
		{Shape: "+'" + code + "'[ ./-]", Tail: tail}, {Shape: "+'" + code + "'(", Tail: inside}, {Shape: "(+'" + code + "')", Tail: tail},
		{Shape: "+'" + code + "'9{1,5}[ -]", Tail: check.PhoneGroups(2, most-1, false)},
		{Shape: fmt.Sprintf("+'%s'9{%d,%d}", code, least, most)},
		{Shape: "'00" + code + "'[ ./-]", Tail: tail}, {Shape: "'00" + code + "'(", Tail: inside}, {Shape: "('00" + code + "')", Tail: tail},
		{Shape: fmt.Sprintf("'00%s'9{%d,%d}", code, least, most)},
	}
	for i := range out {
		out[i].Keyword, out[i].CheckText = detect.KeywordUnneeded, abroad
	}
	// Exports of tables lose the plus sign.
	out = append(out, detect.Layout{Shape: fmt.Sprintf("'%s'9{%d,%d}", code, least, most), CheckText: abroad})
	out = append(out, national...)
	for i := range out {
		out[i].TailByForm = true // PhoneGroups
	}
	return &detect.Identifier{ID: id, Category: detect.PersonalInformation, Layouts: out,
		Keywords: append(append([]string{}, phoneKeywords...), keywords...), MaxLen: 32, Severity: lowMediumHigh, Example: example, Citation: citation}
}

// american makes layouts of numbers in one word, and of numbers in groups, which may have an extension behind them.
func american(need detect.Need, words []string, groups ...string) []detect.Layout {
	out := layouts(need, append(words, groups...))
	for i := range out {
		if out[i].CheckText = check.NANPText; i >= len(words) {
			out[i].Tail, out[i].TailByForm = check.Extension, true
		}
	}
	return out
}
