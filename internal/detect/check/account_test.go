package check

import "testing"

var accountChecks = []compactCheck{
	{"RIB", RIB, "the French example of the IBAN registry", []string{"20041010050500013M02606"}, []string{"20041010050500013M02607", "20041010050500013N02606", "02041010050500013M02606", "00000000000000000000097"}},
	{"GermanAccount", GermanAccount, "the German example of the IBAN registry", []string{"370400440532013000"}, []string{"970400440532013000", "370400440000000000", "123456789012345678"}},
	{"CIN", CIN, "the Italian example of the IBAN registry", []string{"X0542811101000000123456"}, []string{"Y0542811101000000123456", "X0542811101000000123465", "X5042811101000000123456"}},
	{"CCC", CCC, "the Spanish example of the IBAN registry", []string{"21000418450200051332"}, []string{"21000418550200051332", "21000418460200051332", "21000418450200051323"}},
	{"SortCode", SortCode, "the British example of the IBAN registry", []string{"60161331926819", "NWBK60161331926819"}, []string{"00000031926819", "60161300000000"}},
	{"SortCodeText", SortCodeText, "the same", []string{"60-16-13, account number: 31926819"}, []string{"60-16-13, account number: 3192681"}},
	{"SortCodeLast", SortCodeLast, "the same", []string{"31926819 sort code 60-16-13"}, []string{"31926819 sort code 00-00-00"}},
	{"GermanAccountText", GermanAccountText, "the same", []string{"37040044, Konto 532013000"}, []string{"97040044, Konto 532013000", "37040044, Konto 532"}},
}

func TestNumberFollows(t *testing.T) {
	for rest, want := range map[string]int{
		", account number: 31926819.": 26, " Acct 31926819": 14, ", amount: 31926819": No, ", account 3192681": No, ", account 319268190": No, "-account 31926819": No,
		", account 31926819x": No, ", account 31926819-1": No, ", account": No, "": No,
	} {
		if got := NumberFollows(8, 8, "acc")([]byte(rest), true); got != want {
			t.Errorf("%q: %d, want %d", rest, got, want)
		}
	}
	if got := NumberFollows(6, 6, "sort")([]byte(" sort code 60-16-13, x"), true); got != 19 {
		t.Errorf("sort code: %d", got)
	}
}

func TestAccounts(t *testing.T) { runCompact(t, accountChecks) }

func FuzzAccount(f *testing.F) {
	f.Add([]byte(", account number: 31926819"), true)
	f.Fuzz(func(t *testing.T, data []byte, final bool) {
		fuzzCompact(t, accountChecks, data)
		if n := NumberFollows(4, 10, "a")(data, final); n > len(data) || n < More {
			t.Errorf("%d of %d bytes", n, len(data))
		}
		SortCodeText(data)
	})
}
