package managed

import (
	"slices"

	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/check"
)

// licences are the numbers of driver's licences: macie.md 1.6.3. In the European Union and the United Kingdom that is field 5 of the card.
func licences() []*detect.Identifier {
	return slices.Concat(englishLicences(), europeanLicences())
}

// driversLicence are the keywords that Macie has for the United States, Canada, Australia and the United Kingdom.
var driversLicence = []string{"dl#", "dl:", "dlno#", "driver licence", "driver licences", "driver license", "driver licenses", "driver permit",
	"drivers lic.", "drivers licence", "driver's licence", "drivers licences", "driver's licences", "drivers license", "driver's license",
	"drivers licenses", "driver's licenses", "drivers permit", "driver's permit", "drivers permit number", "driving licence", "driving license",
	"driving permit",
	// Expansions and abbreviations of the above, as forms and columns have them.
	"^dl$", "^cdl$", "dl no", "dl num", "dl number", "dl nbr", "^dln$", "dln#", "dln no", "cdl#", "cdl no", "cdl number", "driver lic",
	"drivers lic", "driver's lic", "driver lic no", "drivers lic no", "drv lic", "drv lic no", "d/l #", "d/l no", "d/l number", "dl #",
	"driving licences", "driving licenses"}

// numberedLicence are the spellings that join "number" or "no" to a keyword in one word, and licenceNumber all that announce a number. Six
// digits, which may be a date or a postal code, take one of these.
var (
	numberedLicence = []string{"driver licence number", "driver licence no", "driver license number", "driver license no", "drivers licence number",
		"drivers licence no", "drivers license number", "drivers license no", "driver's licence number", "driver's licence no",
		"driver's license number", "driver's license no", "driving licence number", "driving licence no", "driving license number",
		"driving license no"}
	licenceNumber = slices.Concat(numberedLicence, []string{"dl#", "dlno#", "dl no", "dl number", "drivers permit number", "driver licence #",
		"driver license #", "drivers licence #", "drivers license #", "driver's licence #", "driver's license #", "driving licence #"})
)

// checked makes layouts that are found near a keyword only and have a check of their own.
func checked(f func(compact []byte) bool, shapes ...string) []detect.Layout {
	out := needKeyword(shapes...)
	for i := range out {
		out[i].Check = f
	}
	return out
}

// grouped makes layouts of digits in groups. No further group stands beside them: a telephone or card number is none of them.
func grouped(shapes ...string) []detect.Layout {
	out := needKeyword(shapes...)
	for i := range out {
		out[i].Alone = true
	}
	return out
}

// withKeywords makes layouts that are found near these keywords only.
func withKeywords(keywords []string, shapes ...string) []detect.Layout {
	out := needKeyword(shapes...)
	for i := range out {
		out[i].Keywords = keywords
	}
	return out
}

// usLicences are the forms of the states. Where a state has several, the older ones are still on valid cards unless said otherwise.
func usLicences() []detect.Layout {
	return slices.Concat(
		// 7: AK DC DE ME OR RI TX WV; 8: AL LA ME NM OH OR PA RI SC TN TX VT; 9: AL AR AZ CO CT DC GA HI IA ID IN KS KY LA MA MO MS MT ND NM NV NY
		// OK OR SC TN VA WY; 10: IN NV SD UT WY; 11: SC; 12: NC NV SD. Shorter ones are written with zeros in front.
		needKeyword("9{7,12}"),
		grouped(
			"99~9{3}~9{3}",   // PA
			"9{3}~9{3}~9{3}", // AR GA NY TN
			"99~9{3}~9{4}",   // CO
			"9{3}~99~9{4}",   // AZ IA IN MS
			"9{4}~99~9{4}",   // IN
			"9{6}~9{3}",      // WY
		),
		needKeyword(
			// 6: NE OR RI WV; 7: CA NE; 8: AZ HI KS KY MA MT NE NV VA; 9: IN KY MO OK; 10: MI VA, no longer issued.
			"a9{6,10}",
			"a99~99~9{4}",                              // KS VA
			"a99~9{3}~9{3}",                            // KY
			"aa9{5,7}",                                 // 5: OR WV; 6: OH; 7: MA
			"aa9{6}a",                                  // ID
			"9{3}aa9{4}",                               // IA
			"9{7}a",                                    // ME VT
			"9{8}aa", "9{9}a", "9{3}a9{6}", `a9{6}"r"`, // MO
			"a9a9a",               // KS
			"a9{18}",              // NY, no longer issued
			`"nhl"9{8}`,           // NH since 2017
			`"md"-?9{11}`,         // MD, newer
			"a[A-Za-z*]{6}9{3}xx", // WA until 2018
		),
		// Some of these encode the surname by Soundex and the date of birth. Not every card keeps to it (names change, codes collide), so
		// neither is asked for.
		needKeyword(
			"a9{3}~9{4}~9{4}",                              // IL
			"a9{3}~9{3}~9{3}~9{3}",                         // MD MI MN
			"a~9{3}~9{3}~9{3}~9{3}",                        // the same with the letter apart
			"a9{3}~9{4}~9{4}~99",                           // WI
			"a9{12}",                                       // FL MD MI MN
			"a9{3}-9{3}-99-9{3}-9", "a9{3} 9{3} 99 9{3} 9", // FL
			"a9{4}~9{5}~9{5}", // NJ
		),
		checked(check.NewHampshireLicence, "99a{3}9{5}"),
		checked(check.MontanaLicence, "9{13}"),
		checked(check.NorthDakotaLicence, "a{3}-?99-?9{4}"),
		checked(check.WashingtonLicence, `"wdl"x{9}`),
	)
}

// canadianLicences are the forms of the provinces and territories.
func canadianLicences() []detect.Layout {
	return slices.Concat(
		needKeyword("9{7,9}"),                  // 7: BC NB; 8: SK; 9: AB
		grouped("9{6}~9{3}", "9{3}~9{3}~9{3}"), // AB
		withKeywords(slices.Concat(licenceNumber, permisDeConduire[2:]), "9{6}"), // NB NT NU PE YT
		needKeyword("aa-?aa-?aa-?a9{3}aa", "AA AA AA A9{3}AA", "a9{9}"),          // MB, NL
		needKeyword("a9{4}~9{5}~9{5}", "a9{4}~9{6}~99"),                          // ON; QC
		checked(check.NovaScotiaLicence, "a{5}-?9{9}", "A{5} 9{9}", "a{5}~9{6}~9{3}"),
	)
}

// australianLicences are the forms of the states and territories.
func australianLicences() []detect.Layout {
	return slices.Concat(
		needKeyword("9{7,10}"), // 7: TAS WA; 8: NSW QLD; 9: ACT NSW QLD VIC; 10: ACT VIC
		// As people write them. A telephone number of ten digits in groups of 3, 3 and 4 does not begin with 0.
		grouped("9{3}~9{3}~9{3}", "99~9{3}~9{3}", "9{4}~9{4}", "99~99~9{4}", "9~9{3}~9{3}~9{3}", "'0'99~9{3}~9{4}"),
		needKeyword("a9{5,6}", "aa9{4}", "9{4}aa"), // SA TAS; SA; NSW
		withKeywords(licenceNumber, "9{6}"),        // ACT NT SA
	)
}

func englishLicences() []*detect.Identifier {
	return []*detect.Identifier{
		{
			ID: "AUSTRALIA_DRIVERS_LICENSE", Category: detect.PersonalInformation, Check: check.Licence,
			Layouts:  australianLicences(),
			Keywords: slices.Concat(driversLicence, numberedLicence),
			MaxLen:   13, Severity: lowMediumHigh,
			Example:  "QLD driver licence «048 271 593»",
			Citation: "Austroads, NEVDIS (licence number of up to ten characters); road transport authorities of the states and territories",
		},
		{
			ID: "CANADA_DRIVERS_LICENSE", Category: detect.PersonalInformation, Check: check.Licence,
			Layouts:  canadianLicences(),
			Keywords: slices.Concat(driversLicence, numberedLicence, permisDeConduire, []string{"driver's master number", "driver master number"}),
			MaxLen:   17, Severity: lowMediumHigh, Recommended: true,
			Example:  "Ontario driver's licence «H4829-51706-75314»",
			Citation: "Highway Traffic Act, RSO 1990 c. H.8; Code de la sécurité routière, c. C-24.2; CCMTA, Canadian Driver Licence Agreement",
		},
		{
			ID: "DRIVERS_LICENSE", Category: detect.PersonalInformation, Check: check.Licence,
			Layouts:  usLicences(),
			Keywords: slices.Concat(driversLicence, numberedLicence, []string{"operator's license number", "operator license number"}),
			MaxLen:   19, Severity: lowMediumHigh, Recommended: true,
			Example:  "driver's license «S530-468-89-127-0» (Florida)",
			Citation: "AAMVA DL/ID Card Design Standard, data element DAQ; vehicle codes and motor vehicle departments of the states",
		},
		{
			ID: "INDIA_DRIVERS_LICENSE", Category: detect.PersonalInformation, Check: check.IndianLicence,
			Layouts: needKeyword("aa~?99~?9{4}~?9{7}", "aa99 9{4}-9{7}", "aa-?99/9{4}/9{7}"),
			Keywords: slices.Concat(numberedLicence, []string{"driver licence", "driver licences", "driver license", "driver licenses",
				"drivers lic.", "drivers licence", "driver's licence", "drivers licences", "driver's licences", "drivers license", "driver's license", "drivers licenses",
				"driver's licenses", "driving licence", "driving license",
				"^dl$", "dl#", "dl no", "dl number", "driving licences", "driving licenses", "driver lic", "drivers lic", "dl num"}),
			MaxLen: 18, Severity: lowMediumHigh,
			Example:  "driving licence: «KA05 20140028371»",
			Citation: "Central Motor Vehicles Rules 1989, form 7; Ministry of Road Transport and Highways, Sarathi",
		},
		{
			ID: "UK_DRIVERS_LICENSE", Category: detect.PersonalInformation,
			Layouts: slices.Concat(
				checked(check.UKLicence, "a[A-Za-z9]{4}~9{6}~[A-Za-z9]{2}x{3}", "a[A-Za-z9]{4}9{6}[A-Za-z9]{2}x{3}99"),
				northernIreland()),
			Keywords: slices.Concat(driversLicence, numberedLicence, []string{"driver number", "dvla driver number"}),
			// DVLA's specimens, Morgan, without and with the number of the issue.
			Refuse: []string{"MORGA657054SM9IJ", "MORGA657054SM9IJ35", "MORGA753116SM9IJ", "MORGA753116SM9IJ35"},
			MaxLen: 18, Severity: lowMediumHigh, Recommended: true,
			Example:  "driving licence «HOLTB856213KR9XD»",
			Citation: "Road Traffic Act 1988 section 98; DVLA leaflet INS57P (driver number); DVA (Northern Ireland)",
		},
	}
}

// northernIreland is the form of the Driver & Vehicle Agency. Eight digits alone are many things, so that the words have to name it.
func northernIreland() []detect.Layout {
	out := withKeywords([]string{"northern ireland driving licence", "northern ireland driver's licence", "driving licence northern ireland",
		"driving licence (northern ireland)", "ni driving licence", "ni driver number", "dva driver number", "dvani", "dva licence",
		"dva driving licence", "dvani driver number"}, "9{8}")
	out[0].Check = check.Licence
	return out
}

// german are the keywords of Germany and Belgium, and those of Austria.
var (
	fuehrerschein = []string{"fuehrerschein", "fuehrerschein- nr", "fuehrerscheinnummer", "fuhrerschein", "führerschein", "fuhrerschein- nr",
		"führerschein- nr", "fuhrerscheinnummer", "führerscheinnummer", "führerschein nummer", "fuehrerschein nummer"}
	permisDeConduire = []string{"permis de conduire", "permis conduire", "numéro permis conduire", "numéro de permis de conduire",
		"numéro du permis de conduire", "no de permis de conduire", "no permis de conduire", "num permis de conduire"}
	rijbewijs = []string{"rijbewijs", "rijbewijsnummer", "rijbewijs nr"}
)

// europeanLicence fills in what those of the Union have in common.
func europeanLicence(id detect.Identifier) *detect.Identifier {
	id.Category, id.Severity = detect.PersonalInformation, lowMediumHigh
	if id.Check == nil {
		id.Check = check.Licence
	}
	return &id
}

// directive is where field 5 of the card is laid down; the form of the number is each country's own.
const directive = "Directive 2006/126/EC, annex I (field 5); "

func europeanLicences() []*detect.Identifier {
	return []*detect.Identifier{
		europeanLicence(detect.Identifier{
			ID:      "AUSTRIA_DRIVERS_LICENSE",
			Layouts: needKeyword("9{8}"),
			Keywords: []string{"führerschein", "fuhrerschein", "führerschein republik österreich", "fuhrerschein republik osterreich", "fuehrerschein",
				"führerscheinnummer", "fuehrerscheinnummer", "führerschein nummer", "führerschein nr", "fuehrerschein nr"},
			MaxLen:   8,
			Example:  "Führerschein Nr. «20847391»",
			Citation: directive + "Führerscheingesetz-Durchführungsverordnung (Österreich)",
		}),
		europeanLicence(detect.Identifier{
			ID:       "BELGIUM_DRIVERS_LICENSE",
			Layouts:  needKeyword("9{10}"),
			Keywords: slices.Concat(fuehrerschein, permisDeConduire, rijbewijs),
			MaxLen:   10,
			Example:  "rijbewijsnummer «1740286395»",
			Citation: directive + "Arrêté royal du 23 mars 1998 relatif au permis de conduire",
		}),
		europeanLicence(detect.Identifier{
			ID:      "BULGARIA_DRIVERS_LICENSE",
			Layouts: needKeyword("9{9}"),
			Keywords: []string{"превозно средство", "свидетелство за управление на моторно", "свидетелство за управление на мпс", "сумпс",
				"шофьорска книжка", "свидетелство за управление", "номер на шофьорска книжка"},
			MaxLen:   9,
			Example:  "Шофьорска книжка № «284016357»",
			Citation: directive + "Правилник за издаване на българските лични документи",
		}),
		europeanLicence(detect.Identifier{
			ID:       "CROATIA_DRIVERS_LICENSE",
			Layouts:  needKeyword("9{8}"),
			Keywords: []string{"vozačka dozvola", "broj vozačke dozvole", "vozačke dozvole", "vozačku dozvolu"},
			MaxLen:   8,
			Example:  "Vozačka dozvola: «17402863»",
			Citation: directive + "Pravilnik o vozačkim dozvolama",
		}),
		europeanLicence(detect.Identifier{
			ID:       "CYPRUS_DRIVERS_LICENSE",
			Layouts:  needKeyword("9{12}"),
			Keywords: []string{"άδεια οδήγησης", "άδειας οδήγησης", "αριθμός άδειας οδήγησης", "sürücü belgesi"},
			MaxLen:   12,
			Example:  "Άδεια οδήγησης: «174028639518»",
			Citation: directive + "Road Transport Department of Cyprus",
		}),
		europeanLicence(detect.Identifier{
			ID: "CZECHIA_DRIVERS_LICENSE",
			// A series of two letters, of which the first is a vowel (Ministry of Transport, answer of 25 July 2019).
			Layouts: needKeyword("[AEIOUYaeiouy]a-?9{6}", "[AEIOUY]A 9{6}"),
			Keywords: []string{"číslo licence", "císlo licence řidiče", "číslo řidičského průkazu", "ovladače lic.", "povolení k jízdě",
				"povolení řidiče", "řidiči povolení", "řidičský prúkaz", "řidičský průkaz", "řidičského průkazu", "řidičák", "číslo řp"},
			MaxLen:   9,
			Example:  "číslo řidičského průkazu: «EK 482903»",
			Citation: directive + "Vyhláška 31/2001 Sb., o řidičských průkazech a o registru řidičů",
		}),
		europeanLicence(detect.Identifier{
			ID:       "DENMARK_DRIVERS_LICENSE",
			Layouts:  needKeyword("9{8}"),
			Keywords: []string{"kørekort", "kørekortnummer", "koerekort", "koerekortnummer", "kørekort nr", "kørekort nummer", "kørekortets nummer"},
			MaxLen:   8,
			Example:  "kørekort nr. «30841726»",
			Citation: directive + "Kørekortbekendtgørelsen, bilag (kortets rubrik 5)",
		}),
		europeanLicence(detect.Identifier{
			ID:       "ESTONIA_DRIVERS_LICENSE",
			Layouts:  needKeyword("[Ee]a9{6}"),
			Keywords: []string{"juhi litsentsi number", "juhiloa number", "juhiluba", "juhiluba number", "juhiloa nr", "juhilubade number"},
			MaxLen:   8,
			Example:  "juhiloa number «ET482903»",
			Citation: directive + "Liiklusseadus; Transpordiamet",
		}),
		europeanLicence(detect.Identifier{
			ID: "FINLAND_DRIVERS_LICENSE", Check: check.FinnishLicence, Checksum: true,
			Layouts: needKeyword("9{6}[-+A-FU-Ya-fu-y]9{3}x"),
			Keywords: []string{"ajokortin numero", "ajokortti", "förare lic.", "körkort", "körkort nummer", "kuljettaja lic.", "permis de conduire",
				"ajokorttinumero", "ajokortin nro", "ajokortti nro", "körkortsnummer", "körkortets nummer"},
			MaxLen:   11,
			Example:  "ajokortin numero «130585-6422»",
			Citation: directive + "Ajokorttilaki 386/2011; Valtioneuvoston asetus väestötietojärjestelmästä 128/2010 (check character)",
		}),
		europeanLicence(detect.Identifier{
			ID:       "FRANCE_DRIVERS_LICENSE",
			Layouts:  needKeyword("99aa9{5}", "99~99~99~9{6}", "99~99~'2'[ABab]~9{6}"),
			Keywords: slices.Concat(permisDeConduire, []string{"numéro neph", "neph"}),
			MaxLen:   15,
			Example:  "permis de conduire n° «14BK50283»",
			Citation: directive + "Arrêté du 20 avril 2012 fixant les conditions d'établissement du permis de conduire",
		}),
		europeanLicence(detect.Identifier{
			ID: "GERMANY_DRIVERS_LICENSE", Check: check.GermanLicence, Checksum: true,
			Layouts:  needKeyword("a99x{6}[0-9Xx]x"),
			Refuse:   []string{"B072RRE2I55"}, // the specimen of annex 8
			Keywords: slices.Concat(fuehrerschein, []string{"fahrerlaubnisnummer", "fahrerlaubnis nr", "fahrerlaubnis nummer"}),
			MaxLen:   11,
			Example:  "Führerscheinnummer: «J430H7K2P81»",
			Citation: directive + "Fahrerlaubnis-Verordnung, annex 8; Kraftfahrt-Bundesamt (numbers of authorities, check digit)",
		}),
		europeanLicence(detect.Identifier{
			ID:      "GREECE_DRIVERS_LICENSE",
			Layouts: needKeyword("9{9}"),
			Keywords: []string{"δεια οδήγησης", "adeia odigisis", "άδεια οδήγησης", "άδειας οδήγησης", "αριθμός άδειας οδήγησης", "δίπλωμα οδήγησης",
				"adeias odigisis"},
			MaxLen:   9,
			Example:  "Άδεια οδήγησης αρ. «482903175»",
			Citation: directive + "Π.Δ. 51/2012",
		}),
		europeanLicence(detect.Identifier{
			ID:      "HUNGARY_DRIVERS_LICENSE",
			Layouts: needKeyword("aa-?9{6}", "AA 9{6}"),
			Keywords: []string{"illesztőprogramok lic", "jogosítvány", "jogsi", "licencszám", "vezető engedély", "vezetői engedély",
				"vezetői engedély száma", "vezetői engedély szám", "vezetői engedélyszám", "jogosítvány szám", "jogosítványszám"},
			MaxLen:   9,
			Example:  "vezetői engedély száma: «CK 482903»",
			Citation: directive + "326/2011. (XII. 28.) Korm. rendelet",
		}),
		europeanLicence(detect.Identifier{
			ID:      "IRELAND_DRIVERS_LICENSE",
			Layouts: slices.Concat(needKeyword("9{9}", "9{6}a{4}"), grouped("9{3}~9{3}~9{3}")),
			Keywords: []string{"ceadúnas tiomána", "uimhir cheadúnais tiomána", "cheadúnas tiomána", "irish driving licence", "irish driver's licence",
				"ndls driver number"},
			MaxLen:   11,
			Example:  "ceadúnas tiomána: «048 271 593»",
			Citation: directive + "Road Traffic (Licensing of Drivers) Regulations 2006 (S.I. 537/2006); NDLS (driver number)",
		}),
		europeanLicence(detect.Identifier{
			ID: "ITALY_DRIVERS_LICENSE",
			// Of a province: its letters, seven digits, check letter. Of the central office: U1, seven digits and letters, check letter. The rule of the
			// check letter is not public.
			Layouts: needKeyword("aa9{7}a", "AA ?9{7} ?A", "'U1'[0-9A-Z]{7} ?A", "'u1'[0-9a-z]{7}[a-z]"),
			Keywords: []string{"patente di guida", "patente di guida numero", "patente guida", "patente guida numero", "numero patente",
				"numero patente di guida", "numero di patente", "numero della patente", "^patente$", "num patente", "patente numero", "patente n", "nr patente"},
			MaxLen:   12,
			Example:  "patente di guida n. «U1H68K903B»",
			Citation: directive + "DPR 9 marzo 2000, n. 104; Ministero delle Infrastrutture e dei Trasporti, circolare 18 ottobre 2011 (U1)",
		}),
		europeanLicence(detect.Identifier{
			ID:      "LATVIA_DRIVERS_LICENSE",
			Layouts: needKeyword("a{2,3}-?9{6}", "A{2,3} 9{6}"),
			Keywords: []string{"autovadītāja apliecība", "licences numurs", "vadītāja apliecība", "vadītāja apliecības numurs", "vadītāja atļauja",
				"vadītāja licences numurs", "vadītāji lic.", "autovadītāja apliecības numurs", "vadītāja apliecības nr"},
			MaxLen:   10,
			Example:  "vadītāja apliecība «AH482903»",
			Citation: directive + "Ministru kabineta noteikumi par vadītāja apliecību; CSDD",
		}),
		europeanLicence(detect.Identifier{
			ID:      "LITHUANIA_DRIVERS_LICENSE",
			Layouts: needKeyword("9{8}"),
			Keywords: []string{"vairuotojo pažymėjimas", "vairuotojo pažymėjimo", "vairuotojo pažymėjimo numeris", "vairuotojo pažymėjimo nr",
				"vairuotojo pažymėjimą"},
			MaxLen:   8,
			Example:  "vairuotojo pažymėjimas Nr. «01740286»",
			Citation: directive + "Motorinių transporto priemonių vairuotojo pažymėjimų išdavimo taisyklės; Regitra",
		}),
		europeanLicence(detect.Identifier{
			ID:      "LUXEMBOURG_DRIVERS_LICENSE",
			Layouts: needKeyword("9{6}"),
			Keywords: []string{"fahrerlaubnis", "führerschäin", "fuhrerschain", "permis de conduire luxembourgeois", "numéro du führerschäin",
				"fahrerlaubnisnummer", "führerschäinsnummer"},
			MaxLen:   6,
			Example:  "Führerschäin: «482903»",
			Citation: directive + "Arrêté grand-ducal du 23 novembre 1955, articles 70 à 90; SNCA",
		}),
		europeanLicence(detect.Identifier{
			ID:       "MALTA_DRIVERS_LICENSE",
			Layouts:  needKeyword("xx9{6}", "XX~?9{3}~9{3}", "AA 9{6}"),
			Keywords: []string{"liċenzja tas-sewqan", "liċenzja tas sewqan", "liċenzja sewqan", "numru tal-liċenzja tas-sewqan", "maltese driving licence"},
			MaxLen:   10,
			Example:  "liċenzja tas-sewqan: «MK 482 903»",
			Citation: directive + "Motor Vehicles (Driving Licences) Regulations, S.L. 65.18; Transport Malta",
		}),
		europeanLicence(detect.Identifier{
			ID:       "NETHERLANDS_DRIVERS_LICENSE",
			Layouts:  needKeyword("9{10}"),
			Keywords: slices.Concat(permisDeConduire, rijbewijs, []string{"nummer rijbewijs", "rijbewijsnr"}),
			MaxLen:   10,
			Example:  "rijbewijs nr. «4710382956»",
			Citation: directive + "Reglement rijbewijzen; RDW",
		}),
		europeanLicence(detect.Identifier{
			ID:      "POLAND_DRIVERS_LICENSE",
			Layouts: needKeyword("9{5}/99/9{4}"),
			Keywords: []string{"numer licencyjny", "prawo jazdy", "zezwolenie na prowadzenie", "prawa jazdy", "numer prawa jazdy", "nr prawa jazdy",
				"prawem jazdy"},
			MaxLen:   13,
			Example:  "prawo jazdy nr «04827/16/1434»",
			Citation: directive + "Rozporządzenie w sprawie wzorów dokumentów stwierdzających uprawnienia do kierowania pojazdami",
		}),
		europeanLicence(detect.Identifier{
			ID:      "PORTUGAL_DRIVERS_LICENSE",
			Layouts: needKeyword("a-?9{6,9}", "aa-?9{5,8}", "a-9{6,8} 9", "A 9{6,8} 9", "aa-9{5,7} 9", "AA 9{5,7} 9"),
			Keywords: []string{"carta de condução", "carteira de habilitação", "carteira de motorist", "carteira habilitação", "carteira motorist",
				"licença condução", "licença de condução", "número de licença", "número licença", "permissão condução", "permissão de condução",
				"número da carta de condução", "carta condução", "número carta condução", "carta de condução número", "carteira de motorista"},
			MaxLen:   12,
			Example:  "carta de condução n.º «L-482903 7»",
			Citation: directive + "Decreto-Lei 138/2012 (Regulamento da Habilitação Legal para Conduzir); IMT",
		}),
		europeanLicence(detect.Identifier{
			ID:      "ROMANIA_DRIVERS_LICENSE",
			Layouts: needKeyword("a9{8}a?", "A 9{8}A?"),
			Keywords: []string{"numărul permisului de conducere", "permis de conducere", "permisului de conducere", "permisul de conducere",
				"număr permis de conducere", "nr permis de conducere", "permis auto", "carnet de conducere", "permis conducere", "serie permis de conducere"},
			MaxLen:   11,
			Example:  "permis de conducere nr. «B00482903K»",
			Citation: directive + "Ordinul MAI 157/2012 privind forma și conținutul permisului de conducere",
		}),
		europeanLicence(detect.Identifier{
			ID:      "SLOVAKIA_DRIVERS_LICENSE",
			Layouts: needKeyword("x9{7}"),
			Keywords: []string{"číslo licencie", "číslo vodičského preukazu", "ovládače lic.", "povolenia vodičov", "povolenie jazdu",
				"povolenie na jazdu", "povolenie vodiča", "vodičský preukaz", "vodičského preukazu", "vodičák", "číslo vodičáku"},
			MaxLen:   8,
			Example:  "vodičský preukaz č. «E4829037»",
			Citation: directive + "Vyhláška 9/2009 Z. z., ktorou sa vykonáva zákon o cestnej premávke",
		}),
		europeanLicence(detect.Identifier{
			ID:       "SLOVENIA_DRIVERS_LICENSE",
			Layouts:  needKeyword("9{9}"),
			Keywords: []string{"vozniško dovoljenje", "vozniškega dovoljenja", "številka vozniškega dovoljenja", "vozniškim dovoljenjem"},
			MaxLen:   9,
			Example:  "vozniško dovoljenje št. «004829037»",
			Citation: directive + "Pravilnik o vozniških dovoljenjih",
		}),
		europeanLicence(detect.Identifier{
			ID: "SPAIN_DRIVERS_LICENSE", Check: check.SpanishLicence, Checksum: true,
			Layouts: needKeyword("9{8}~?a", "99.9{3}.9{3}-?a", "[XYZxyz]~?9{7}~?a", "[XYZxyz]-?9.9{3}.9{3}-?a"),
			Keywords: []string{"carnet conducer", "el carnet de conducer", "licencia conducer", "licencia de manejo", "número carnet conducer",
				"número de carnet de conducer", "número de permiso conducer", "número de permiso de conducer", "número licencia conducer",
				"número permiso conducer", "permiso conducción", "permiso conducer", "permiso de conducción",
				// Macie's list has conducer throughout, for conducir.
				"carnet conducir", "carnet de conducir", "licencia conducir", "licencia de conducir", "licencia de conducción",
				"número carnet conducir", "número de carnet de conducir", "número de permiso de conducir", "número permiso conducir",
				"número licencia conducir", "permiso conducir", "permiso de conducir", "número de permiso de conducción"},
			MaxLen:   13,
			Example:  "permiso de conducción «68738009W»",
			Citation: directive + "Real Decreto 818/2009 (Reglamento General de Conductores); Real Decreto 1553/2005 (letter)",
		}),
		europeanLicence(detect.Identifier{
			ID: "SWEDEN_DRIVERS_LICENSE", Check: check.SwedishLicence, Checksum: true,
			Layouts: needKeyword("9{6}[-+]9{4}", "9{8}-9{4}", "9{10}", "9{12}"),
			Keywords: []string{"ajokortin numero", "dlno# ajokortti", "drivere lic.", "förare lic.", "körkort", "körkort nummer", "körkortsnummer",
				"kuljettajat lic.", "körkort nr", "körkortsnr", "körkortets nummer"},
			MaxLen:   13,
			Example:  "körkortsnummer «850623-4718»",
			Citation: directive + "Körkortslag (1998:488); Folkbokföringslag (1991:481) section 18 (personal identity number)",
		}),
	}
}
