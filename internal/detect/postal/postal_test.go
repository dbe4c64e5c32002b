package postal

import (
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/detect/check"
)

// find returns the first address around a postal code of the text.
func find(text string) string {
	t := []byte(text)
	for i := 0; i < len(t); i++ {
		if !isAlnum(t[i]) || i > 0 && isAlnum(t[i-1]) {
			continue
		}
		end := i
		for end < len(t) && isAlnum(t[end]) {
			end++
		}
		from, to := check.No, 0
		switch run := t[i:end]; {
		case len(run) == 5 && digits(run) == 5:
			from, to = Five(t, i, end, true)
		case len(run) >= 2 && len(run) <= 4 && end+4 <= len(t) && t[end] == ' ' && isDigit(t[end+1]) && isLetter(t[end+2]) && isLetter(t[end+3]):
			from, to = Kingdom(t, i, end+4, true)
		case len(run) == 3 && end+4 <= len(t) && isDigit(run[1]) && isDigit(t[end+1]) && isLetter(t[end+2]):
			from, to = Canada(t, i, end+4, true)
		default:
			from, to = Australia(t, i, end, true)
		}
		if from >= 0 {
			return text[from:to]
		}
	}
	return ""
}

func TestForms(t *testing.T) {
	for text, want := range map[string]string{
		// Publication 28: directions, units, boxes, routes.
		"101 Main St NW Apt 3C, Washington DC 20001":                "101 Main St NW Apt 3C, Washington DC 20001",
		"Attn: Payroll\n4500 S 12th St\nOmaha NE 68107":             "4500 S 12th St\nOmaha NE 68107",
		"P.O. Box 99, Charleston, West Virginia 25301":              "P.O. Box 99, Charleston, West Virginia 25301",
		"15 Rte 9, Concord, NH 03301, U.S.A.":                       "15 Rte 9, Concord, NH 03301, U.S.A.",
		"in St. Louis, MO 63101 and":                                "St. Louis, MO 63101",
		"visit 20 N Pearl St, Apt #6, Albany, New York 12207-0001.": "20 N Pearl St, Apt #6, Albany, New York 12207-0001",
		"Sacramento, CA 89501":                                      "",
		"Portland, OR 04101":                                        "",
		"99 Nowhere, ZZ 12345":                                      "",
		"3 rue des Écoles, 06000 Nice":                              "3 rue des Écoles, 06000 Nice",
		"3 rue des Écoles, 13000 Nice":                              "",
		"BP 12\n06300 Nice":                                         "BP 12\n06300 Nice",
		"Hauptstraße 8, 04103 Leipzig":                              "Hauptstraße 8, 04103 Leipzig",
		"Hauptstraße 8, 80331 Leipzig":                              "",
		"Postfach 1122, 45127 Essen":                                "Postfach 1122, 45127 Essen",
		"An der Alster 1, 20099 Hamburg, Germany":                   "An der Alster 1, 20099 Hamburg, Germany",
		"Viale Kennedy 40, 00100 Roma (RM)":                         "Viale Kennedy 40, 00100 Roma (RM)",
		"Viale Kennedy 40, 00100 Roma (MI)":                         "",
		"Plaza Mayor s/n, 37002 Salamanca":                          "Plaza Mayor s/n, 37002 Salamanca",
		"8 Station Approach, Guildford GU1 4UT":                     "8 Station Approach, Guildford GU1 4UT",
		"Rose Cottage\nChurch Lane\nLower Snodbury\nWR7 4AA":        "Church Lane\nLower Snodbury\nWR7 4AA",
		"St. John's, NL A1C 5S7":                                    "St. John's, NL A1C 5S7",
		"St. John's, ON A1C 5S7":                                    "",
		"Level 2, 100 Flinders St, Melbourne VIC 3000":              "Level 2, 100 Flinders St, Melbourne VIC 3000",
		"10 King William Road, Unley, South Australia 5061":         "10 King William Road, Unley, South Australia 5061",
		"Darwin NT 2000":                                            "",
		"bought 75001 Items":                                        "",
		"10115 Berliner":                                            "",
	} {
		if got := find(text); got != want {
			t.Errorf("%q: found %q, want %q", text, got, want)
		}
	}
}

// TestLines finds each line as a whole, or the «marked» part of it. \n is a line end.
func TestLines(t *testing.T) {
	for _, line := range strings.Split(strings.TrimSpace(addressLines), "\n") {
		text := strings.NewReplacer(`\n`, "\n", "«", "", "»", "").Replace(line)
		want := text
		if _, rest, ok := strings.Cut(line, "«"); ok {
			want, _, _ = strings.Cut(rest, "»")
		}
		if got := find(text); got != want {
			t.Errorf("%q: found %q", text, got)
		}
	}
}

const addressLines = `
123 Main St, Springfield, IL 62704
18 Evergreen Terrace, Springfield, OR 97477
1411 Pennsylvania Ave NW, Washington, DC 20500
612 Fifth Avenue, New York, NY 10118
9 Larkspur Loop, Cupertino, CA 95014
77 Franklin Street, Fifth Floor, Boston, MA 02110-1301, USA
123 N. Elm St., Apt. #4, Dallas, TX 75201
1234 Elm Street\nApt 56\nAustin, Texas 78701
5678 W. 3rd St. #210, Los Angeles, California, 90013
P.O. Box 456\nPhoenix, AZ 85001
Rural Route 2 is near «Ames, IA 50010»
12345 Highway 9 N, Tupelo, MS 38801
100 Universal City Plz, Universal City, CA 91608
14B Baker Street, London NW1 6XE
17 Larkfield Street, London, SW1A 2AA
17 Larkfield Street\nLondon\nSW1A 2AA
4 Linden Drive, Little Snodbury, Surrey GU1 1AA
Flat 2B, 14 Queens Road, Edinburgh EH1 1AB, Scotland
Unit 9, Riverside Business Park, «5 Mill Road, Reading RG1 8AA»
The Old Vicarage, «Church Lane, Much Wenlock, Shropshire, TF13 6AA»
31 Lyndhurst Drive, Ottawa, ON K1M 1M4
31 Lyndhurst Drive, Ottawa, Ontario, K1M 1M4, Canada
1250 René-Lévesque Blvd W, Montreal, QC H3B 4W8
300-1055 Dunsmuir St, Vancouver, BC V7X 1J1
1 Macquarie Street, Sydney NSW 2000
Level 5, 20 Bond St, Sydney NSW 2000, Australia
3/45 Smith Street, Collingwood, Victoria 3066
PO Box 123, Alice Springs NT 0870
Platz der Republik 9, 11011 Berlin
Unter den Linden 77, 10117 Berlin
Friedrichstraße 43-45, 10117 Berlin
Kurfürstendamm 26 a, 10719 Berlin, Deutschland
Straße des 17. Juni 135, 10623 Berlin
Leopoldstr. 15\n80802 München
Max-Planck-Str. 3\n37077 Göttingen
71 Rue du Faubourg Saint-Honoré, 75008 Paris
12 avenue des Champs-Élysées\n75008 Paris\nFrance
8, place de l'Hôtel de Ville, 69001 Lyon
Résidence Les Pins, «14 allée des Acacias, 33000 Bordeaux»
BP 40123, 31000 Toulouse
Piazza del Colosseo, 1, 00184 Roma RM, Italy
Via Roma 1, 50123 Firenze FI
Via XX Settembre, 12/B - 16121 Genova (GE)
Viale delle Medaglie d'Oro 34, 00136 Roma
C.so Vittorio Emanuele II, 5, 10125 Torino (TO)
Carrer de Mallorca, 401, 08013 Barcelona
Calle Gran Vía, 28, 28013 Madrid
C/ Serrano 45, 2º izq., 28001 Madrid
Avenida de América, 12, 4ºA, 28028 Madrid, España
Plaza de España 3, 1ª planta, 41013 Sevilla
Ctra. de Valencia km 3, 50410 Cuarte de Huerva
`

func TestWhole(t *testing.T) {
	for value, want := range map[string]bool{
		"12 Elm Street, Smallville, KS 66002": true,
		"Smallville, KS 66002":                true,
		"49074 Kleinbeispiel":                 true,
		"Kanata ON K2K 1A1":                   true,
		"12 Elm Street":                       false,
		"Smallville":                          false,
		"66002":                               false,
		"":                                    false,
	} {
		if got := Whole([]byte(value), true) == len(value) && value != ""; got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
}

// FuzzPostal gives arbitrary text, cut anywhere, and compares what is decided with and without the rest.
func FuzzPostal(f *testing.F) {
	f.Add("12 Maple St, Denver, CO 80202-1234, USA", uint8(24), uint8(4))
	f.Add("Musterstraße 12a\n10969 Berlin (Mitte)", uint8(18), uint8(9))
	f.Add("5 rue d'Étain, 75011 PARIS CEDEX 11", uint8(16), uint8(0))
	f.Add("27 Orchard St\nBristol\nBS1 5EH", uint8(22), uint8(3))
	f.Add("Montréal (Québec) H3G 1M8", uint8(20), uint8(1))
	f.Add("Fitzroy VIC 3065", uint8(8), uint8(2))
	f.Fuzz(func(t *testing.T, text string, start, cut uint8) {
		b := []byte(text)
		i := int(start)
		if i+5 > len(b) {
			return
		}
		type form struct {
			length int
			fn     func([]byte, int, int, bool) (int, int)
		}
		forms := []form{{3, Australia}}
		if digits(b[i:]) == 5 {
			forms = append(forms, form{5, Five})
		}
		if w := b[i : i+5]; isLetter(w[0]) && isDigit(w[1]) && isDigit(w[2]) && isLetter(w[3]) && isLetter(w[4]) {
			forms = append(forms, form{5, Kingdom}, form{5, Canada})
		}
		for _, f := range forms {
			end := i + f.length
			from, to := f.fn(b, i, end, true)
			if from >= 0 && (to <= from || to > len(b)) || from < 0 && from != check.No {
				t.Fatalf("%d, %d", from, to)
			}
			n := max(end, len(b)-int(cut))
			if f2, t2 := f.fn(b[:n], i, end, false); f2 != check.More && (f2 != from || f2 >= 0 && t2 != to) {
				t.Errorf("%q: %d, %d of the whole, %d, %d of %d bytes", text, from, to, f2, t2, n)
			}
		}
		Whole(b, true)
	})
}
