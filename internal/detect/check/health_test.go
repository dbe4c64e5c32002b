package check

import "testing"

var healthChecks = []compactCheck{
	{"DEA", DEA, "AB1234563, the usual worked example", []string{"AB1234563", "F91234563", "AB1234563012"}, []string{"AB1234564", "AB1234653", "QB1234563", "AB0000000"}},
	{"NPI", NPI, "CMS, NPI check digit: 1234567893", []string{"1234567893"}, []string{"1234567894", "3234567893", "1234567983"}},
	{"MBI", MBI, "the number on CMS's sample card", []string{"1EG4TE5MK73", "1EG4TE5MK72"}, []string{"0EG4TE5MK73", "1SG4TE5MK73", "1EGATE5MK73", "1EG4TE5M173", "11G4TE5MK73"}},
	{"HICN", HICN, "the forms of CMS's list of beneficiary codes", []string{"536228145A", "536228145B1", "536228145C2", "MA536228145", "WCD536228", "536228145T"},
		[]string{"536228145", "536228145C", "536228145F9", "536228145M2", "000228145A", "ZZ536228145", "A5362281", "536228145A1"}},
	{"EHIC", EHIC, "country codes of ISO 3166-1", []string{"80276001234918273645", "80246001234918273645"}, []string{"80277001234918273645", "81276001234918273645", "80276000000000000000"}},
	{"FinnishEHIC", FinnishEHIC, "country code 246", []string{"80246001234918273645"}, []string{"80276001234918273645"}},
	{"NIR", NIR, "2 55 08 14 168 025 38 and 2 69 05 49 588 157 80, samples of the public description", []string{"255081416802538", "269054958815780"},
		[]string{"255081416802539", "255081416805238", "955081416802538", "255131416802538"}},
	{"FrenchHealthCard", FrenchHealthCard, "the form alone", []string{"100120030040050060071"}, []string{"000000000000000000000", "123456789012345678901"}},
	{"ProcedureCode", ProcedureCode, "ranges of CPT and letters of HCPCS", []string{"99213", "00100", "J1885", "0075T", "0240U", "9921325"},
		[]string{"00099", "05000", "99608", "I1885", "W0001", "0000T", "1234X"}},
	{"DrugCode", DrugCode, "the form alone", []string{"0378615093", "50242004062", "00002143380"}, []string{"0000615093", "00000615093"}},
	{"CanadianTen", CanadianTen, "9234 567 897, a public sample of British Columbia; 9698 658 215 by hand; Ontario's by ISO/IEC 7812-1",
		[]string{"9698658215", "1234567897", "0015392278"}, []string{"9698658216", "1234567898", "0115392278", "9999999999", "0000000000"}},
	{"OntarioVersion", OntarioVersion, "ISO/IEC 7812-1", []string{"1234567897AB"}, []string{"1234567898AB", "0000000000AB"}},
	{"CanadianNumber", CanadianNumber, "the form alone", []string{"582134467"}, []string{"123456789", "111111111", "N0000000", "901234567"}},
	{"RAMQ", RAMQ, "the form that the RAMQ describes", []string{"TREM83561942", "TREM00022919"}, []string{"TREM83131942", "TREM83641942", "TREM83023019"}},
	{"GTIN", GTIN, "the number of the FDA's UDI formats", []string{"51022222233336"}, []string{"51022222233337", "15022222233336", "00000000000000"}},
	{"GS1Text", GS1Text, "the example of the FDA's UDI formats", []string{"(01)51022222233336(11)141231(17)150707(10)A213B1(21)1234"}, []string{"(01)51022222233337", "(01)5102222223333"}},
	{"HIBCText", HIBCText, "ANSI/HIBC 2.6, worked example", []string{"+A123BJC5D6E71G", "+X999123ABC0/$1234AB/S5678EDFG/16D20151001/14D20190515."}, []string{"+A123BJC5D6E71H", "+A123BJC5D6E17F"}},
}

func TestHealth(t *testing.T) { runCompact(t, healthChecks) }

func runCompact(t *testing.T, checks []compactCheck) {
	t.Helper()
	for _, c := range checks {
		for _, v := range c.good {
			if !c.check([]byte(v)) {
				t.Errorf("%s refuses %s (%s)", c.name, v, c.origin)
			}
		}
		for _, v := range c.bad {
			if c.check([]byte(v)) {
				t.Errorf("%s accepts %s", c.name, v)
			}
		}
	}
}

// fuzzCompact calls each check with values of the lengths and classes that its good values have.
func fuzzCompact(t *testing.T, checks []compactCheck, data []byte) {
	for _, c := range checks {
		for _, good := range c.good {
			v := []byte(good)
			for i := range v {
				if len(data) == 0 {
					break
				}
				switch b := data[i%len(data)]; {
				case isDigit(v[i]):
					v[i] = '0' + b%10
				case isLetter(v[i]):
					v[i] = 'A' + b%26
				}
			}
			c.check(v)
		}
	}
}

func TestHealthGrammars(t *testing.T) {
	for _, c := range []struct {
		name, rest string
		tail       func([]byte, bool) int
		want       int
	}{
		{"GS1Elements", "(17)290131(10)LOT42, sterile", GS1Elements, 19},
		{"GS1Elements", "(17)291331", GS1Elements, 0},
		{"GS1Elements", "7(17)290131", GS1Elements, No},
		{"GS1Plain", "1729013110LOT42 x", GS1Plain, 15},
		{"GS1Plain", "99ABC", GS1Plain, No},
		{"HIBC", "123BJC5D6E71G and", HIBC, 13},
		{"HIBC", "123", HIBC, No},
		{"ISBT", "=,000025=A99971312345600=>014032=}013032&,1000000000000XYZ123", ISBT, 61},
	} {
		if got := c.tail([]byte(c.rest), true); got != c.want {
			t.Errorf("%s(%q) = %d, want %d", c.name, c.rest, got, c.want)
		}
	}
}

func FuzzHealth(f *testing.F) {
	f.Add([]byte("(17)290131(10)LOT42=,000025&,1000"), true)
	f.Fuzz(func(t *testing.T, data []byte, final bool) {
		fuzzCompact(t, healthChecks, data)
		for i, tail := range []func([]byte, bool) int{GS1Elements, GS1Plain, HIBC, HIBCStop, ISBT} {
			if n := tail(data, final); n > len(data) || n < More {
				t.Errorf("grammar %d: %d of %d bytes", i, n, len(data))
			}
		}
		GS1Text(data)
		if len(data) > 6 {
			HIBCText(data)
		}
	})
}
