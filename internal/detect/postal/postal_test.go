package postal

import (
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
