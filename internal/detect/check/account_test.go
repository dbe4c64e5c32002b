package check

import "testing"

var accountChecks = []compactCheck{
	{"RIB", RIB, "the French example of the IBAN registry", []string{"20041010050500013M02606"}, []string{"20041010050500013M02607", "20041010050500013N02606", "02041010050500013M02606", "00000000000000000000097"}},
	{"GermanAccount", GermanAccount, "the German example of the IBAN registry", []string{"370400440532013000"}, []string{"970400440532013000", "370400440000000000"}},
	{"CIN", CIN, "the Italian example of the IBAN registry", []string{"X0542811101000000123456"}, []string{"Y0542811101000000123456", "X0542811101000000123465", "X5042811101000000123456"}},
	{"CCC", CCC, "the Spanish example of the IBAN registry", []string{"21000418450200051332"}, []string{"21000418550200051332", "21000418460200051332", "21000418450200051323"}},
	{"SortCode", SortCode, "the British example of the IBAN registry", []string{"60161331926819", "NWBK60161331926819"}, []string{"00000031926819", "60161300000000"}},
	{"SortCodeText", SortCodeText, "the same", []string{"60-16-13, account number: 31926819"}, []string{"60-16-13, account number: 3192681"}},
}

func TestAccounts(t *testing.T) { runCompact(t, accountChecks) }

func FuzzAccount(f *testing.F) {
	f.Add([]byte(", account number: 31926819"), true)
	f.Fuzz(func(t *testing.T, data []byte, final bool) {
		fuzzCompact(t, accountChecks, data)
		if n := AccountFollows(data, final); n > len(data) || n < More {
			t.Errorf("%d of %d bytes", n, len(data))
		}
		SortCodeText(data)
	})
}
