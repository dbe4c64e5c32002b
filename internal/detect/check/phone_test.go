package check

import "testing"

var phoneChecks = []compactCheck{
	{"NANPText", NANPText, "the numbering plan", []string{"415-555-2671 x12", "0014155552671", "+1 (415) 555-2671, ext. 9"}, []string{"415-555-267 x12", "x1", "00", "2 415 555 2671"}},
	{"FrenchPhone", FrenchPhone, "the plan of ARCEP; 06 39 98 is kept for fiction", []string{"06 39 98 41 72", "0639984172", "01.99.00.12.34", "0 800 123 456", "0800 123 456", "02/61/91/00/12"},
		[]string{"06 39 98 41 7", "00 39 98 41 72", "1639984172", "063 998 4172", "01 00 00 12 34 5", "0000000000", "0639 984172"}},
	{"FrenchPhoneAbroad", FrenchPhoneAbroad, "the same", []string{"+33 6 39 98 41 72", "0033639984172", "+33 (0)6 39 98 41 72", "(+33) 6 39 98 41 72", "+33639984172"}, []string{"+33 0 39 98 41 72", "+33 6 39 98 41", "+34 639984172"}},
	{"SpanishPhone", SpanishPhone, "the plan of the CNMC", []string{"612 30 47 85", "912345678", "91 234 56 78", "900 123 457", "711 304 785"}, []string{"512304785", "68/5391545", "751304785", "991304785", "61 23 04 785", "6123047851", "999999999"}},
	{"SpanishPhoneAbroad", SpanishPhoneAbroad, "the same", []string{"+34 612 30 47 85", "0034912345678"}, []string{"+34 512304785", "+34 61230478"}},
	{"ItalianPhone", ItalianPhone, "the plan of AGCOM", []string{"02 1234 5678", "06 12345678", "011 2345678", "0371 234567", "347 118 2640", "347-1182640", "3471182640", "800 123456", "0212345678"},
		[]string{"0012345678", "02 12 34 56 78", "347 118 264", "307 118 2640", "317 118 2640", "347-118-2640", "0371 2", "04 12345678", "12345678", "901 123456"}},
	{"ItalianPhoneAbroad", ItalianPhoneAbroad, "the same", []string{"+39 02 12345678", "+39 347 1182640", "0039 06 12345678", "+39 (0)2 12345678", "+39 (02) 12345678"}, []string{"+39 2 12345678", "+39 347 118"}},
	{"BrazilianPhone", BrazilianPhone, "the area codes of Anatel", []string{"(11) 98765-4321", "11 98765 4321", "21987654321", "(21) 3123-4567", "0800 123 4567", "(011) 98765-4321", "0 11 98765-4321", "11 9 8765 4321"},
		[]string{"(20) 98765-4321", "(23) 98765-4321", "(11) 8765-4321", "(11) 88765-4321", "11 9876 543", "(10) 98765-4321", "(11) 99999-9999"}},
	{"BrazilianGrouped", BrazilianGrouped, "the same", []string{"41 3123-4567", "11987654321"}, []string{"4131234567"}},
	{"BrazilianPhoneAbroad", BrazilianPhoneAbroad, "the same", []string{"+55 11 98765-4321", "+55 (21) 3123-4567", "005511987654321"}, []string{"+55 20 98765-4321", "+55 11 8765-432"}},
	{"GermanPhone", GermanPhone, "the plan of the Bundesnetzagentur; 030 23125 is kept for fiction", []string{"030 23125 482", "(030) 23125482", "0221/4710123", "0151 23456789", "0171 3920123", "03023125482", "033701 12345", "0800 1234567", "09341 12345", "0231 12 34 56"},
		[]string{"02 31 12 34 56", "0200 1234567", "0110 1234567", "03 023125482", "030 2312", "0311 1234567", "1030 23125", "0171 392012", "07700 900123 456"}},
	{"GermanPhoneAbroad", GermanPhoneAbroad, "the same", []string{"+49 30 23125482", "+49 (0)30 23125482", "+4915123456789", "0049 171 3920123", "+49 (30) 23125482"}, []string{"+49 10 23125482", "+49 30 123", "+48 30 23125482"}},
	{"BritishPhone", BritishPhone, "the plan of Ofcom; 01632 960, 020 7946 0 and 07700 900 are kept for fiction", []string{"020 7946 0958", "01632 960123", "07700 900123", "07700900123", "0113 496 0123", "(0161) 496 0123", "0800 123456", "01204 12345", "0131 496 0123"},
		[]string{"025 7946 0958", "01000 960123", "02 07 94 60 95", "020 7946 095", "01213 12345", "06700 900123", "01 632960123", "0771 90012"}},
	{"BritishPhoneAbroad", BritishPhoneAbroad, "the same", []string{"+44 20 7946 0958", "+44 (0)20 7946 0958", "00447700900123", "+44 7700 900 123"}, []string{"+44 25 7946 0958", "+44 7700 9001", "+45 7700 900123"}},
}

func TestPhones(t *testing.T) { runCompact(t, phoneChecks) }

func TestPhoneGroups(t *testing.T) {
	for _, c := range []struct {
		rest        string
		least, most int
		inside      bool
		want        int
	}{
		{"6 12 34 56 78", 9, 9, false, 13},
		{" 6 12 34 56 78 and", 9, 10, false, 14},
		{" (0)6 12 34 56 78.", 9, 10, false, 17},
		{"20) 7946 0958", 9, 10, true, 13},
		{"30 / 1234567 ", 7, 11, false, 12},
		{"30 12345678 10115 Berlin", 7, 11, false, 11},
		{"6 12 34 56 7", 9, 9, false, No},
		{"6 12 34 56 78-90", 9, 9, false, No},
		{"612345678x", 9, 9, false, No},
		{"6123456789", 9, 9, false, No},
		{"20 7946 0958", 9, 10, true, No},
		{"", 1, 2, false, No},
	} {
		if got := PhoneGroups(c.least, c.most, c.inside)([]byte(c.rest), true); got != c.want {
			t.Errorf("%q: %d, want %d", c.rest, got, c.want)
		}
	}
}

func TestExtension(t *testing.T) {
	for rest, want := range map[string]int{"": 0, " and": 0, " x12 ": 4, "x12": 3, ", ext. 9.": 8, " extension 42": 13, "x": No, "5": No, "-5": No, ".": 0, " x": 0, " ext 1234567": 0} {
		if got := Extension([]byte(rest), true); got != want {
			t.Errorf("%q: %d, want %d", rest, got, want)
		}
	}
}

func FuzzPhone(f *testing.F) {
	f.Add([]byte("+49 (0)30 / 23125-482"), true)
	f.Fuzz(func(t *testing.T, data []byte, final bool) {
		fuzzCompact(t, phoneChecks, data)
		if n := Extension(data, final); n > len(data) || n < More {
			t.Errorf("extension: %d of %d bytes", n, len(data))
		}
		for _, inside := range []bool{false, true} {
			if n := PhoneGroups(7, 11, inside)(data, final); n > len(data) || n < More {
				t.Errorf("%d of %d bytes", n, len(data))
			}
		}
		for _, c := range phoneChecks[1:] {
			c.check(data)
		}
	})
}
