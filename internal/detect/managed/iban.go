package managed

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/check"
)

// ibans are the countries whose account numbers Macie knows, with the structure of the domestic number (n digits, a capitals, c both) from
// the IBAN registry that SWIFT keeps for ISO 13616-2, and an invented number.
var ibans = []struct{ country, code, bban, example string }{
	{"ALBANIA", "AL", "8n 16c", "AL5945333147SK9AUB8MN91MYXHF"},
	{"ANDORRA", "AD", "4n 4n 12c", "AD6233093661GKZ9KLW5JEEE"},
	{"BOSNIA_AND_HERZEGOVINA", "BA", "3n 3n 8n 2n", "BA663076884776147593"},
	{"BRAZIL", "BR", "8n 5n 10n 1a 1c", "BR9786446963388054487200225SU"},
	{"BULGARIA", "BG", "4a 4n 2n 8c", "BG87TBUU7332995PVJHBJJ"},
	{"COSTA_RICA", "CR", "4n 14n", "CR57962090050506933090"},
	{"CROATIA", "HR", "7n 10n", "HR3094306681950242376"},
	{"CYPRUS", "CY", "3n 5n 16c", "CY7765662556UFXFJZ94F5VAW0FK"},
	{"CZECH_REPUBLIC", "CZ", "4n 6n 10n", "CZ4490438283391099777963"},
	{"DENMARK", "DK", "4n 9n 1n", "DK3433236488825418"},
	{"DOMINICAN_REPUBLIC", "DO", "4c 20n", "DO74KXCV02189344808519971022"},
	{"EGYPT", "EG", "4n 4n 17n", "EG295413199747390376381257001"},
	{"ESTONIA", "EE", "2n 2n 11n 1n", "EE466501184573237015"},
	{"FAROE_ISLANDS", "FO", "4n 9n 1n", "FO5883935237401534"},
	{"FINLAND", "FI", "3n 11n", "FI3114813185374389"},
	{"FRANCE", "FR", "5n 5n 11c 2n", "FR817581029313L04XX5FCFSD13"},
	{"GEORGIA", "GE", "2a 16n", "GE60RZ5983259441310578"},
	{"GERMANY", "DE", "8n 10n", "DE76340299420787780602"},
	{"GREECE", "GR", "3n 4n 16c", "GR7253505159A9U3972YK8KRPEM"},
	{"GREENLAND", "GL", "4n 9n 1n", "GL5012353372073432"},
	{"HUNGARY", "HU", "3n 4n 1n 15n 1n", "HU58068878567805236700715805"},
	{"ICELAND", "IS", "4n 2n 6n 10n", "IS035451107027005856271888"},
	{"IRELAND", "IE", "4a 6n 8n", "IE04GGFM65600631822832"},
	{"ITALY", "IT", "1a 5n 5n 12c", "IT79W69610951290WETGBYF5KRC"},
	{"JORDAN", "JO", "4a 4n 18c", "JO54KNHW0766ADMYVBULSJ07HEJN75"},
	{"KOSOVO", "XK", "4n 10n 2n", "XK209813957946980400"},
	{"LIECHTENSTEIN", "LI", "5n 12c", "LI41109185ZAW6HJ2HJS2"},
	{"LITHUANIA", "LT", "5n 11n", "LT516075758212960626"},
	{"MALTA", "MT", "4a 5n 18c", "MT82WXSS66772YP4CSCBV68WGM0NU5N"},
	{"MAURITANIA", "MR", "5n 5n 11n 2n", "MR3524599716714349873020289"},
	{"MAURITIUS", "MU", "4a 2n 2n 12n 3n 3a", "MU24EYHX6695345636969344228KVF"},
	{"MONACO", "MC", "5n 5n 11c 2n", "MC044282126692CHBW6JMS8ZV86"},
	{"MONTENEGRO", "ME", "3n 13n 2n", "ME52365532559709516152"},
	{"NETHERLANDS", "NL", "4a 10n", "NL45AUZE5315932209"},
	{"NORTH_MACEDONIA", "MK", "3n 10c 2n", "MK24233FZ0DKYJH6484"},
	{"POLAND", "PL", "8n 16n", "PL31782643908692586412194761"},
	{"PORTUGAL", "PT", "4n 4n 11n 2n", "PT81757253701416562824959"},
	{"SAN_MARINO", "SM", "1a 5n 5n 12c", "SM08B230054478240KAEZ2JTJ2E"},
	{"SENEGAL", "SN", "2a 22n", "SN81RL6353785782647320270158"},
	{"SERBIA", "RS", "3n 13n 2n", "RS45834620305670126707"},
	{"SLOVAKIA", "SK", "4n 6n 10n", "SK1635845912920028179336"},
	{"SLOVENIA", "SI", "5n 8n 2n", "SI49133304519107741"},
	{"SPAIN", "ES", "4n 4n 1n 1n 10n", "ES0666461143377290811124"},
	{"SWEDEN", "SE", "3n 16n 1n", "SE7423755761080488912226"},
	{"SWITZERLAND", "CH", "5n 12c", "CH4374832C09G0RX72EA9"},
	{"TIMOR_LESTE", "TL", "3n 14n 2n", "TL373837403147073800305"},
	{"TUNISIA", "TN", "2n 3n 13n 2n", "TN8618251654311364042737"},
	{"TURKIYE", "TR", "5n 1n 16c", "TR62008445TEW0PVLMEHWXTR9R"},
	{"UK", "GB", "4a 6n 8n", "GB11MXPM17307425330653"},
	{"UKRAINE", "UA", "6n 19c", "UA43204090HC400G7E3SFZ382WE9H"},
	{"UNITED_ARAB_EMIRATES", "AE", "3n 16n", "AE816384339307893446888"},
	{"VIRGIN_ISLANDS", "VG", "4a 16n", "VG11ENUF6877546358261178"},
}

// bankAccounts returns the per-country ids. An IBAN is found without a keyword, written as one word, in groups of four or in the parts of the
// domestic number, set off by spaces or hyphens; in small letters near a keyword only. Five countries have their domestic form beside it.
func bankAccounts() []*detect.Identifier {
	var out []*detect.Identifier
	for _, c := range ibans {
		shape, length := ibanShape(c.code, c.bban)
		id := &detect.Identifier{
			ID: c.country + "_BANK_ACCOUNT_NUMBER", Category: detect.FinancialInformation,
			Layouts: []detect.Layout{
				{Shape: shape, Keyword: detect.KeywordUnneeded, Check: check.Mod97},
				{Shape: partsShape(c.code, c.bban), Keyword: detect.KeywordUnneeded, Check: check.Mod97},
				{Shape: anyCase.Replace(shape), Keyword: detect.KeywordRequired, Keywords: ibanKeywords, Check: check.Mod97},
			},
			Checksum: true, MaxLen: length + (length-1)/4, Severity: alwaysHigh,
			Example:  "IBAN «" + c.example + "»",
			Citation: "ISO 13616-1 and the SWIFT IBAN registry; ISO 7064 MOD 97-10",
		}
		if d, ok := domestic[c.country]; ok {
			id.Layouts = append(id.Layouts, d.layouts...)
			id.Keywords = append(append([]string{}, accountKeywords...), d.keywords...)
			id.MaxLen = max(id.MaxLen, 64)
			id.Citation += "; " + d.citation
		}
		out = append(out, id)
	}
	return out
}

var (
	ibanKeywords    = []string{"iban", "bank account", "account number", "sepa"}
	accountKeywords = []string{"account code", "account number", "accountno#", "accountnumber#", "bban", "customer account id", "customer account number",
		"customer bank account id", "iban", "account no", "bank account number", "bank account no"}

	anyCase = strings.NewReplacer("'", `"`, "A", "a", "X", "x")
)

// domestic are the forms that the banks of a country used before the IBAN and still write: its BBAN.
var domestic = map[string]struct {
	layouts  []detect.Layout
	keywords []string
	citation string
}{
	"FRANCE": {
		aloneWith(check.RIB, "9{5}~9{5}~x{11}~99", "9{5}~9{5}~x{4}~x{4}~x{3}~99"),
		[]string{"code bancaire", "compte bancaire", "numéro de compte", "rib", "relevé d'identité bancaire", "n° de compte", "coordonnées bancaires"},
		"Comité français d'organisation et de normalisation bancaires, relevé d'identité bancaire (key)",
	},
	"GERMANY": {
		append(aloneWith(check.GermanAccount, "9{8}~9{10}", "9{3} 9{3} 99 9{10}", "9{8}/9{10}", "9{4}~9{4}~9{4}~9{4}~99"),
			detect.Layout{Shape: "9{8}", Tail: kontoFollows, CheckText: check.GermanAccountText},
			detect.Layout{Shape: "9{3} 9{3} 99", Tail: kontoFollows, CheckText: check.GermanAccountText}),
		[]string{"bankleitzahl", "geheimzahl", "kartennummer", "kontonummer", "kreditkartennummer", "sepa", "blz", "bankverbindung", "konto nr", "kontonr"},
		"Deutsche Bundesbank, Bankleitzahlendatei (Bankleitzahl of eight digits, account of ten)",
	},
	"ITALY": {
		aloneWith(check.CIN, "a~9{5}~9{5}~x{12}"),
		[]string{"codice bancario", "conto bancario", "numero di conto", "coordinate bancarie", "conto corrente", "numero conto"},
		"Associazione Bancaria Italiana, coordinate bancarie (CIN)",
	},
	"SPAIN": {
		aloneWith(check.CCC, "9{4}~9{4}~99~9{10}", "9{4}~9{4}~99~9{5}~9{5}", "9{4}-9{4}-99 9{10}", "9{4}~9{4}~9{4}~9{4}~9{4}"),
		[]string{"código cuenta", "código cuenta bancaria", "cuenta cliente id", "número cuenta bancaria cliente", "número cuenta cliente", "código cuenta cliente",
			"ccc", "cuenta bancaria", "número de cuenta", "cuenta corriente", "número cuenta"},
		"Consejo Superior Bancario, Código Cuenta Cliente (two control digits)",
	},
	"UK": {
		append(aloneWith(check.SortCode, "99-99-99[ ,/-]9{8}", "99 99 99 9{8}", "9{6}~9{8}", "99-99-99, 9{8}",
			"A{4}~9{6}~9{8}", "a{4}9{14}", "A{4} 99-99-99 9{8}"),
			detect.Layout{Shape: "99-99-99", Keyword: detect.KeywordRequired, Keywords: sortCodeKeywords, Tail: accountFollows, CheckText: check.SortCodeText},
			detect.Layout{Shape: "9{6}", Keyword: detect.KeywordRequired, Keywords: sortCodeKeywords, Tail: accountFollows, CheckText: check.SortCodeText},
			detect.Layout{Shape: "9{8}", Keyword: detect.KeywordRequired, Tail: check.NumberFollows(6, 6, "sort"), CheckText: check.SortCodeLast}),
		append([]string{"sepa"}, sortCodeKeywords...),
		"Pay.UK (sort code of six digits, account number of eight)",
	},
}

// These read the account number behind a British sort code and a German Bankleitzahl.
var (
	accountFollows = check.NumberFollows(8, 8, "acc", "a/c")
	kontoFollows   = check.NumberFollows(4, 10, "konto", "kto", "acc")
)

var sortCodeKeywords = []string{"sort code", "sortcode number", "sort code number"}

// partsShape is the shape with a possible separator between the parts of the domestic number.
func partsShape(code, bban string) string {
	shape := "'" + code + "'99"
	for _, part := range strings.Fields(bban) {
		class := map[byte]string{'n': "9", 'a': "A", 'c': "X"}[part[len(part)-1]]
		shape += "~?" + class + "{" + part[:len(part)-1] + "}"
	}
	return shape
}

// ibanShape spells out the shape, with a possible separator after every four characters, and the length without separators.
func ibanShape(code, bban string) (shape string, length int) {
	classes := map[byte]string{'n': "9", 'a': "A", 'c': "X"}
	chars := []string{"9", "9"}
	for _, part := range strings.Fields(bban) {
		n, _ := strconv.Atoi(part[:len(part)-1])
		for ; n > 0; n-- {
			chars = append(chars, classes[part[len(part)-1]])
		}
	}
	length = len(code) + len(chars)
	shape = "'" + code + "'"
	for i := 0; i < len(chars); {
		end := min(len(chars), (i+len(code))/4*4+4-len(code)) // the end of this group of four
		n := 1
		for i+n < end && chars[i+n] == chars[i] {
			n++
		}
		shape += fmt.Sprintf("%s{%d}", chars[i], n)
		if i += n; i == end && i < len(chars) {
			shape += "~?"
		}
	}
	return shape, length
}
