package check

import "testing"

var nationalChecks = []compactCheck{
	{"SpanishNAF", SpanishNAF, "the rule of the Tesorería; 28 12345678 40 of its public descriptions", []string{"281234567840", "284173620552", "660000000170"},
		[]string{"281234567841", "281234568740", "541234567848", "001234567831", "280000000028"}},
	{"GermanDocument", GermanDocument, "the ministry's specimens L01X00T471, T220001293, LZ6311T475 and C01X00T478; 1220001297 of the old card",
		[]string{"L01X00T471", "T220001293", "LZ6311T475", "C01X00T478", "1220001297", "L01X00T47"},
		[]string{"L01X00T472", "L10X00T471", "1234567897", "LXKRTPNMW", "0000000000"}},
	{"CodiceFiscale", CodiceFiscale, "RSSMRA85T10A562S and MRTMTT25D09F205Z of public descriptions; RSSMRA85T10A56NH is the first with one digit replaced",
		[]string{"RSSMRA85T10A562S", "MRTMTT25D09F205Z", "RSSMRA85T10A56NH"},
		[]string{"RSSMRA85T10A562T", "RSSMRA85T01A562S", "RSSMRA85B30A562V", "RSSMRA85T00A562U", "RSSMRA85F10A562S", "RSSMRA8AT10A562S", "MRTMTT25D09F000B"}},
	{"CanadianSIN", CanadianSIN, "130692544 of public descriptions", []string{"130692544"}, []string{"130692545", "130629544", "046454286", "000000000", "899999993"}},
	{"PermanentResident", PermanentResident, "the form alone", []string{"RA0384715", "RA0302184756"}, []string{"RA0000000", "RA1111111111"}},
	{"ElectorNumber", ElectorNumber, "the form alone", []string{"KGB2741", "T51", "AB1", "AT8127", "NR1337"}, []string{"B2", "NO12", "KGB0", "ABC000"}},
	{"ArgentineDNI", ArgentineDNI, "the form alone", []string{"27483916", "8274913"}, []string{"99999999", "00000000", "12345678", "87654321", "0274839"}},
	{"RGSaoPaulo", RGSaoPaulo, "the rule of the form", []string{"382745619", "924591511"}, []string{"382745618", "832745619", "111111111", "38274561X"}},
	{"RG", RG, "the form alone", []string{"MG-14.829.371", "3.847.265", "7.182.934-6"}, []string{"MG-11.111.111", "1234567", "MG-1234"}},
	{"RUT", RUT, "12.345.678-5 and 12.531.909-2 of public descriptions; 60.910.000-1 is the Universidad de Chile", []string{"123456785", "125319092", "609100001"},
		[]string{"123456784", "125319029", "11111111K", "111111111", "00000000K", "000000000"}},
	{"ColombianID", ColombianID, "the form alone", []string{"79482915", "1037482915", "482917"}, []string{"5037482915", "0794829", "1234567890", "99999999"}},
	{"Verhoeff", Verhoeff, "2363, the worked example of the scheme; 758722", []string{"2363", "758722"}, []string{"2364", "3263", "578722"}},
	{"Aadhaar", Aadhaar, "the form of 234123412346 in public descriptions", []string{"234123412346"}, []string{"234123412345", "234123421346", "222222222222", "432156651234"}},
	{"CURP", CURP, "HEGG560427MVZRRL04 and BOXW310820HNERXN09 of RENAPO's instructions", []string{"HEGG560427MVZRRL04", "BOXW310820HNERXN09", "LOXA040229XNEPRLA7"[:17] + curpDigit("LOXA040229XNEPRLA")},
		[]string{"HEGG560427MVZRRL05", "HEGG560431MVZRRL04", "HEGG560427KVZRRL04", "HEGG560427MXXRRL04", "HLGG560427MVZRRL04", "HEGG560427MVZARL04", "HEGG561327MVZRRL04"}},
}

// curpDigit is the check digit by another way of counting: the values as a table, the weights from the right.
func curpDigit(s string) string {
	const values = "0123456789ABCDEFGHIJKLMN_OPQRSTUVWXYZ"
	sum := 0
	for i := range s {
		for v := range values {
			if values[v] == s[i] {
				sum += v * (len(s) + 1 - i)
			}
		}
	}
	return string(rune('0' + (1000-sum%10)%10))
}

func TestNationalChecks(t *testing.T) { runCompact(t, nationalChecks) }

// TestVerhoeffErrors shows what the scheme promises: every wrong digit and every swap of neighbours is found.
func TestVerhoeffErrors(t *testing.T) {
	const value = "234123412346"
	for i := range value {
		v := []byte(value)
		for d := byte('0'); d <= '9'; d++ {
			if v[i] = d; d != value[i] && Verhoeff(v) {
				t.Errorf("accepts %s", v)
			}
		}
		v = []byte(value)
		if i > 0 && v[i] != v[i-1] {
			if v[i], v[i-1] = v[i-1], v[i]; Verhoeff(v) {
				t.Errorf("accepts %s", v)
			}
		}
	}
}

func TestRGIssuer(t *testing.T) {
	for text, want := range map[string]int{
		" SSP/PE": 0, " - SSP - PE,": 0, "-ES": 0, " (IFP/RJ)": 0, " DETRAN/RJ\n": 0, " SSP-MG": 0, "/ES": 0, " SESP PR": 0,
		"": No, " ": No, " SSP/SP": No, "-SP": No, " em PE": No, " PE": No, " SSP/XX": No, "-ES4": No, " SSPABCDEFG/PE": No, ".": No, " SSP/PE7": No, " SSP": No,
	} {
		if got := RGIssuer([]byte(text), true); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
	for _, text := range []string{"", " ", " SS", " SSP/", " SSP/P", "-E", "-ES"} {
		if got := RGIssuer([]byte(text), false); got != More {
			t.Errorf("%q, cut: %d, want More", text, got)
		}
	}
}

func FuzzNational(f *testing.F) {
	f.Add([]byte(" SSP/PE"))
	f.Add([]byte("RSSMRA85T10A562S"))
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzCompact(t, nationalChecks, data)
		for _, final := range []bool{false, true} {
			if n := RGIssuer(data, final); n > 0 {
				t.Errorf("RGIssuer takes %d bytes", n)
			}
		}
		RG(data)
	})
}
