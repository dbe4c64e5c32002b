package check

import "testing"

var licenceChecks = []compactCheck{
	{"Licence", Licence, "the form alone", []string{"48271593", "D4827159", "EK482903", "20481305", "D1234567", "19481332", "10232085", "10311921", "K4R4T"},
		[]string{"00000000", "D0000000", "123456789", "1234567", "1234567890", "9876543", "7654321098", "20190417", "17042019", "04172019", "19400228"}},
	{"NewHampshireLicence", NewHampshireLicence, "the rule of the form", []string{"12SHN85311", "02SHN84290"}, []string{"13SHN85311", "00SHN85311", "02SHN85290", "11SHN85311", "12SHN85001"}},
	{"MontanaLicence", MontanaLicence, "the rule of the form", []string{"0512319844131"}, []string{"0512319844231", "0412319844131", "1312319844101", "0512318004131"}},
	{"NorthDakotaLicence", NorthDakotaLicence, "the rule of the form", []string{"HAN884827", "MAY124827"}, []string{"MAY122019", "DEC311999", "HAN000000"}},
	{"WashingtonLicence", WashingtonLicence, "WDLABCD456DG, the department's sample", []string{"WDLABCD456DG"}, []string{"WDLQRSTUVXYZ", "WDL000000000"}},
	{"NovaScotiaLicence", NovaScotiaLicence, "the rule of the form", []string{"BOUDR140378123"}, []string{"BOUDR321378123", "BOUDR310478123", "BOUDR146378123"}},
	{"UKLicence", UKLicence, "MORGA657054SM9IJ, the agency's specimen, and MORGA753116SM9IJ, the later one",
		[]string{"MORGA657054SM9IJ", "MORGA753116SM9IJ", "MORGA753116SM9IJ35", "NG999802294Y99AB", "X9999001010999AB"},
		[]string{"MORGA663054SM9IJ", "MORGA650054SM9IJ", "MORGA613054SM9IJ", "MORGA657324SM9IJ", "MORGA600054SM9IJ", "MORGA802293SM9IJ",
			"MO9GA657054SM9IJ", "MORGA6570549M9IJ"}},
	{"IndianLicence", IndianLicence, "the form of Sarathi, HR-0619850034761 of public descriptions", []string{"HR0619850034761", "TG0920240028371"},
		[]string{"XX0619850034761", "HR0019850034761", "HR0619490034761", "HR0620500034761", "HR0619850000000"}},
	{"GermanLicence", GermanLicence, "B072RRE2I55, the specimen of the Fahrerlaubnis-Verordnung; N0704578035 of public descriptions",
		[]string{"B072RRE2I55", "N0704578035", "A00000008X1"}, []string{"B072RRE2I65", "B072RRE2155", "B072RR2EI55", "N0704578135", "A0000000801"}},
	{"SpanishLicence", SpanishLicence, "the samples 12345678Z and X1234567L of the Ministry of the Interior", []string{"12345678Z", "X1234567L", "Y1234567X", "Z1234567R"},
		[]string{"12345678A", "X1234567X", "X1324567L", "11111111H", "00000000T", "X0000000T"}},
	{"SwedishLicence", SwedishLicence, "811228-9874, the example of the Tax Agency", []string{"8112289874", "198112289874", "8112889871"},
		[]string{"8112289875", "8112289847", "178112289874", "8113289873", "8102309879"}},
	{"FinnishLicence", FinnishLicence, "131052-308T, the example of the population register", []string{"131052308T", "131052A308T"},
		[]string{"131052308U", "131052380T", "321052308T", "0101900000", "311190001A"}},
}

func TestLicences(t *testing.T) {
	for _, c := range licenceChecks {
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

// TestGermanLicenceErrors shows what the weights promise: every wrong character and every swap of neighbours among the first nine is found,
// unless their values differ by 11 or 22.
func TestGermanLicenceErrors(t *testing.T) {
	const value = "B072RRE2I55"
	for i := range 9 {
		for _, b := range []byte("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") {
			v := []byte(value)
			v[i] = b
			if d := value36(b) - value36(value[i]); d%11 != 0 && GermanLicence(v) {
				t.Errorf("accepts %s", v)
			}
		}
		v := []byte(value)
		v[i], v[i+1] = v[i+1], v[i]
		if d := value36(v[i]) - value36(v[i+1]); i < 8 && d%11 != 0 && GermanLicence(v) {
			t.Errorf("accepts %s", v)
		}
	}
}

// FuzzLicence: no panic for any bytes of the lengths that the layouts allow.
func FuzzLicence(f *testing.F) {
	for _, c := range licenceChecks {
		f.Add([]byte(c.good[0]))
	}
	lengths := map[string][]int{"SoundexLicence": {12, 13, 14}, "FloridaLicence": {13}, "NewJerseyLicence": {15}, "NewHampshireLicence": {10},
		"MontanaLicence": {13}, "NorthDakotaLicence": {9}, "WashingtonLicence": {12}, "OntarioLicence": {15}, "QuebecLicence": {13},
		"NovaScotiaLicence": {14}, "UKLicence": {16, 18}, "IndianLicence": {15}, "GermanLicence": {11}, "SpanishLicence": {9},
		"SwedishLicence": {10, 12}, "FinnishLicence": {10, 11}}
	f.Fuzz(func(t *testing.T, data []byte) {
		Licence(data)
		for _, c := range licenceChecks {
			for _, n := range lengths[c.name] {
				if len(data) >= n {
					c.check(data[:n:n])
				}
			}
		}
	})
}
