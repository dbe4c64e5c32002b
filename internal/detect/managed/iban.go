package managed

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/check"
)

// ibans are the countries whose account numbers Macie knows, with the structure of the domestic number (n digits, a capitals, c both) from
// the IBAN registry that SWIFT keeps for ISO 13616-2.
var ibans = []struct{ country, code, bban string }{
	{"ALBANIA", "AL", "8n 16c"},
	{"ANDORRA", "AD", "4n 4n 12c"},
	{"BOSNIA_AND_HERZEGOVINA", "BA", "3n 3n 8n 2n"},
	{"BRAZIL", "BR", "8n 5n 10n 1a 1c"},
	{"BULGARIA", "BG", "4a 4n 2n 8c"},
	{"COSTA_RICA", "CR", "4n 14n"},
	{"CROATIA", "HR", "7n 10n"},
	{"CYPRUS", "CY", "3n 5n 16c"},
	{"CZECH_REPUBLIC", "CZ", "4n 6n 10n"},
	{"DENMARK", "DK", "4n 9n 1n"},
	{"DOMINICAN_REPUBLIC", "DO", "4c 20n"},
	{"EGYPT", "EG", "4n 4n 17n"},
	{"ESTONIA", "EE", "2n 2n 11n 1n"},
	{"FAROE_ISLANDS", "FO", "4n 9n 1n"},
	{"FINLAND", "FI", "3n 11n"},
	{"FRANCE", "FR", "5n 5n 11c 2n"},
	{"GEORGIA", "GE", "2a 16n"},
	{"GERMANY", "DE", "8n 10n"},
	{"GREECE", "GR", "3n 4n 16c"},
	{"GREENLAND", "GL", "4n 9n 1n"},
	{"HUNGARY", "HU", "3n 4n 1n 15n 1n"},
	{"ICELAND", "IS", "4n 2n 6n 10n"},
	{"IRELAND", "IE", "4a 6n 8n"},
	{"ITALY", "IT", "1a 5n 5n 12c"},
	{"JORDAN", "JO", "4a 4n 18c"},
	{"KOSOVO", "XK", "4n 10n 2n"},
	{"LIECHTENSTEIN", "LI", "5n 12c"},
	{"LITHUANIA", "LT", "5n 11n"},
	{"MALTA", "MT", "4a 5n 18c"},
	{"MAURITANIA", "MR", "5n 5n 11n 2n"},
	{"MAURITIUS", "MU", "4a 2n 2n 12n 3n 3a"},
	{"MONACO", "MC", "5n 5n 11c 2n"},
	{"MONTENEGRO", "ME", "3n 13n 2n"},
	{"NETHERLANDS", "NL", "4a 10n"},
	{"NORTH_MACEDONIA", "MK", "3n 10c 2n"},
	{"POLAND", "PL", "8n 16n"},
	{"PORTUGAL", "PT", "4n 4n 11n 2n"},
	{"SAN_MARINO", "SM", "1a 5n 5n 12c"},
	{"SENEGAL", "SN", "2a 22n"},
	{"SERBIA", "RS", "3n 13n 2n"},
	{"SLOVAKIA", "SK", "4n 6n 10n"},
	{"SLOVENIA", "SI", "5n 8n 2n"},
	{"SPAIN", "ES", "4n 4n 1n 1n 10n"},
	{"SWEDEN", "SE", "3n 16n 1n"},
	{"SWITZERLAND", "CH", "5n 12c"},
	{"TIMOR_LESTE", "TL", "3n 14n 2n"},
	{"TUNISIA", "TN", "2n 3n 13n 2n"},
	{"TURKIYE", "TR", "5n 1n 16c"},
	{"UK", "GB", "4a 6n 8n"},
	{"UKRAINE", "UA", "6n 19c"},
	{"UNITED_ARAB_EMIRATES", "AE", "3n 16n"},
	{"VIRGIN_ISLANDS", "VG", "4a 16n"},
}

// bankAccounts returns the per-country ids. They are found without a keyword, written as one word or in groups set off by spaces or hyphens.
func bankAccounts() []*detect.Identifier {
	var out []*detect.Identifier
	for _, c := range ibans {
		shape, length := ibanShape(c.code, c.bban)
		out = append(out, &detect.Identifier{
			ID: c.country + "_BANK_ACCOUNT_NUMBER", Category: detect.FinancialInformation,
			Layouts: []detect.Layout{{Shape: shape, Keyword: detect.KeywordUnneeded}},
			Check:   check.Mod97, Checksum: true, MaxLen: length + (length-1)/4, Severity: alwaysHigh,
			Citation: "ISO 13616-1 and the SWIFT IBAN registry; ISO 7064 MOD 97-10",
		})
	}
	return out
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
