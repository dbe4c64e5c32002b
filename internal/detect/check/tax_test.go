package check

import (
	"strings"
	"testing"
)

var taxChecks = []compactCheck{
	{"AustralianTFN", AustralianTFN, "123456782, the example of the public algorithm", []string{"123456782", "648297311"}, []string{"123456789", "123456728", "000000000", "111111111", "12345678"}},
	{"FrenchTIN", FrenchTIN, "30 23 217 600 053, the Commission's example", []string{"3023217600053", "0741829365445"}, []string{"3023217600054", "3023271600053", "4829173650201", "0000000000000"}},
	{"NIE", NIE, "X1234567L of the Ministry of the Interior; X5253868R and Y1234567X", []string{"X1234567L", "Y1234567X", "X5253868R"}, []string{"X1234567X", "X1324567L", "X0000000T"}},
	{"NIFLetter", NIFLetter, "the letters of DNI", []string{"K1234567L", "M4829157P"}, []string{"K1234567M", "K0000000T"}},
	{"SpanishVAT", SpanishVAT, "the letters of DNI", []string{"ES12345678Z", "ESX1234567L", "ESK1234567L"}, []string{"ES12345678A", "ESX1234567X", "ESK1234567M"}},
	{"CIF", CIF, "A13585625, J99216582 and J9921658B of public descriptions; A28015865 is Telefónica, P0801900B the city of Barcelona",
		[]string{"A13585625", "J99216582", "J9921658B", "A28015865", "ESA13585625", "P0801900B"},
		[]string{"A13585626", "A1358562E", "A13855625", "P08019002", "B00000000", "J9921658C"}},
	{"ITIN", ITIN, "groups of the Internal Revenue Manual", []string{"948732615", "901503928", "999998173"}, []string{"848732615", "948492615", "948662615", "948892615", "948932615", "948730000", "987654321"}},
	{"CUITPerson", CUITPerson, "20-26756539-3 and 20-05536168-2 of public descriptions", []string{"20267565393", "20055361682", "27318472659"}, []string{"20267565392", "20265765393", "30703182646", "29267565399", "00000000000"}},
	{"CUITOrganization", CUITOrganization, "30-50001091-2 is the Banco de la Nación Argentina", []string{"30500010912", "30703182646"}, []string{"30500010913", "30500019012", "20267565393"}},
	{"CNPJ", CNPJ, "00.000.000/0001-91 is the Banco do Brasil; 12.ABC.345/01DE-35, the Receita's example", []string{"00000000000191", "12ABC34501DE35", "11222333000181"},
		[]string{"00000000000192", "12ABC34501DE53", "12ABC34501ED35", "00000000000000", "11222333000118", "12ABC34501DEA5"}},
	{"NITPerson", NITPerson, "the DIAN's primes", []string{"10374829157", "79482915" + nitDigit("79482915")}, []string{"10374829158", "9004827318", "5037482915" + nitDigit("5037482915")}},
	{"NITPersonJoined", NITPersonJoined, "the DIAN's primes", []string{"10374829157", "79482915" + nitDigit("79482915")}, []string{"89482915" + nitDigit("89482915"), "10374829158"}},
	{"NITOrganization", NITOrganization, "860.034.313-7 is Davivienda, 899.999.068-1 Ecopetrol", []string{"8600343137", "8999990681", "9004827318"}, []string{"8600343138", "8603043137", "7004827318", "888888888" + nitDigit("888888888")}},
	{"PAN", PAN, "the kinds of holder of the department", []string{"KHGPR4827M", "AAHCM3847Q"}, []string{"KHGDR4827M", "KHGPR0000M", "AAAAA1111A"}},
	{"RFCPerson", RFCPerson, "GODE561231GR8 of the SAT's instructions", []string{"GODE561231GR8", "gode-561231-gr8", "GALM840329QKA"},
		[]string{"GODE561231GR9", "GODE561231RG8", "GODE561331GR8", "XAXX010101000", "XEXX010101000", "CFE370814QI0", "GODE561231GR", "GODE5612311GR8", "", "GODE561231GRÑ", "GOD.561231GR8", "1ODE561231GR8"}},
	{"RFCOrganization", RFCOrganization, "CFE370814QI0 is the Comisión Federal de Electricidad, SAT970701NN3 the SAT itself",
		[]string{"CFE370814QI0", "SAT970701NN3", "SAT 970701 NN3", "TME981217K21"}, []string{"CFE370814QI1", "CEF370814QI0", "CFE371314QI0", "GODE561231GR8", ""}},
	{"UTR", UTR, "1955839661 of public descriptions", []string{"1955839661", "1948273105", "1955839661K"}, []string{"2955839661", "1955836961", "0000000000", "2222222222"}},
	{"TRN", TRN, "the form alone", []string{"63T48291", "TN120784F"}, []string{"00T00000", "TN320784F", "TN121384M"}},
}

// nitDigit is the check digit of a NIT by the DIAN's table read from its left end.
func nitDigit(n string) string {
	primes := []int{71, 67, 59, 53, 47, 43, 41, 37, 29, 23, 19, 17, 13, 7, 3}
	padded := strings.Repeat("0", len(primes)-len(n)) + n
	sum := 0
	for i, p := range primes {
		sum += p * int(padded[i]-'0')
	}
	if sum %= 11; sum > 1 {
		sum = 11 - sum
	}
	return string(rune('0' + sum))
}

func TestTaxChecks(t *testing.T) { runCompact(t, taxChecks) }

func TestRFCAfter(t *testing.T) {
	for text, want := range map[string]int{
		"Ñ850101AB1": 11, "Ñ850101AB1 x": 11, "ñ-850101-AB1": 13, "Ñ 850101 AB1.": 13, "Ñ850101AB1-x": No, "Ñ850101AB12": No, "ÑÑ850101AB1": No, "Ñ850101-AB1": No, "Ñ-850101AB1": No,
		"N850101AB1": No, "Ñ85010": No, "": No, "Ñ": No, "\xc3": No, "Ñ-": No, "Ñ850101AB1_": No, "Ñ850101AB1@x": No, "Ñ85O101AB1": No,
	} {
		if got := RFCAfter(2, 3)([]byte(text), true); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
	if got := RFCAfter(1, 4)([]byte("Ñ&A850101AB1"), true); got != 13 {
		t.Errorf("letters behind Ñ: %d", got)
	}
	value := "Ñ-850101-AB1-"
	for n := range len(value) {
		if got := RFCAfter(2, 3)([]byte(value[:n]), false); got != More {
			t.Errorf("of the first %d bytes: %d, want More", n, got)
		}
	}
}

func FuzzTax(f *testing.F) {
	f.Add([]byte("GODE561231GR8"))
	f.Add([]byte("Ñ850101AB1"))
	rests := []func([]byte, bool) int{RFCAfter(1, 3), RFCAfter(2, 3), RFCAfter(1, 4), RFCAfter(2, 4), RFCAfter(3, 4)}
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzCompact(t, taxChecks, data)
		RFCPerson(data)
		RFCOrganization(data)
		for i, rest := range rests {
			for _, final := range []bool{false, true} {
				if n := rest(data, final); n > len(data) || n < More {
					t.Errorf("grammar %d: %d of %d bytes", i, n, len(data))
				}
			}
		}
	})
}
