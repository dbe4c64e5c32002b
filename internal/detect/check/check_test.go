package check

import (
	"strings"
	"testing"
)

// compactCheck lists known values of a check, with where they come from, and values that differ from them by one character.
type compactCheck struct {
	name   string
	check  func([]byte) bool
	origin string
	good   []string
	bad    []string
}

var compactChecks = []compactCheck{
	{"Luhn", Luhn, "ISO/IEC 7812-1 annex B; H. P. Luhn, US patent 2950048; the widely published 79927398713",
		[]string{"79927398713", "4539578763621486", "18"}, []string{"79927398710", "79927398731", "4539578763621487", "0", ""}},
	{"Mod97", Mod97, "examples of the SWIFT IBAN registry",
		[]string{"DE89370400440532013000", "GB29NWBK60161331926819", "FR1420041010050500013M02606", "MT84MALT011000012345MTLCAST001S", "NO9386011117947"},
		[]string{"DE89370400440532013001", "GB29NWBK60161331926891", "DE98370400440532013000", "DE89", ""}},
	{"Mod11_10", Mod11_10, "ISO/IEC 7064 (0794 has the check character 5 by MOD 11,10); the tax number 86095742719 of the public description",
		[]string{"07945", "86095742719"}, []string{"07946", "86095742718", "86095724719"}},
	{"Card", Card, "invented numbers in issuer ranges",
		[]string{"4532015112830366", "5425233430109903", "371449635398431", "6011000990139424", "30569309025904"},
		[]string{"4532015112830367", "9532015112830364", "453201511283036", "0000000000000000", "4444444444444444"}},
	{"NHS", NHS, "NHS Data Dictionary's worked example 943 476 5919", []string{"9434765919", "4010232137"}, []string{"9434765918", "9434765991", "0000000000"}},
	{"CPF", CPF, "the worked example 111.444.777-35 of the public description", []string{"11144477735", "52998224725"},
		[]string{"11144477734", "11144477753", "11111111111", "52998224752"}},
	{"GermanTaxID", GermanTaxID, "86095742719 and 47036892816, samples of the public descriptions", []string{"86095742719", "47036892816"},
		[]string{"86095742718", "06095742719", "12345678903", "11111111111", "47036892861"}},
	{"DNI", DNI, "the sample 12345678Z of the Ministry of the Interior", []string{"12345678Z", "00000001R"}, []string{"12345678A", "12345687Z", "00000000T", "99999999R"}},
	{"SSN", SSN, "ranges of SSA's randomization", []string{"536228145", "001010001", "899999999"}, []string{"000228145", "666228145", "900228145", "536008145", "536220000", "111111111"}},
	{"NINO", NINO, "prefixes of HMRC NIM39110", []string{"AB123456C", "JG103759A"}, []string{"BG123456C", "GB123456C", "ZZ123456C", "AB111111C"}},
	{"VIN", VIN, "1M8GDM9AXKP042788 and 11111111111111111 (valid by the digits, but no letter), 49 CFR 565.15 and its public examples",
		[]string{"1M8GDM9AXKP042788", "5GZCZ43D13S812715", "WVWZZZ1JZXW386752"}, []string{"1M8GDM9A1KP042788", "11111111111111111", "1M8GDM9AXKP04278A", "5GZCZ43D13S812751"}},
	{"NANP", NANP, "ranges of the numbering plan", []string{"4155552671", "14155552671"}, []string{"1155552671", "4150552671", "4115552671", "4159112671", "2222222222"}},
	{"AccountNumber", AccountNumber, "the form alone", []string{"204815573"}, []string{"000000000", "77777777777"}},
}

func TestCompactChecks(t *testing.T) {
	for _, c := range compactChecks {
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

// TestSingleErrors shows what the standards promise: the checks find every wrong digit, and Mod97 and Mod11_10 every swap of neighbours.
func TestSingleErrors(t *testing.T) {
	for _, c := range []struct {
		name  string
		check func([]byte) bool
		value string
		swaps bool
	}{
		{"Luhn", Luhn, "4539578763621486", false},
		{"Mod97", Mod97, "DE89370400440532013000", true},
		{"Mod11_10", Mod11_10, "86095742719", true},
		{"NHS", NHS, "9434765919", true},
	} {
		for i := range c.value {
			v := []byte(c.value)
			for d := byte('0'); d <= '9'; d++ {
				if v[i] = d; isDigit(c.value[i]) && d != c.value[i] && c.check(v) {
					t.Errorf("%s accepts %s", c.name, v)
				}
			}
			v = []byte(c.value)
			if i > 0 && c.swaps && v[i] != v[i-1] {
				if v[i], v[i-1] = v[i-1], v[i]; c.check(v) {
					t.Errorf("%s accepts %s", c.name, v)
				}
			}
		}
	}
}

func TestDate(t *testing.T) {
	for text, want := range map[string]bool{
		"1984-03-29": true, "29/03/1984": true, "03/29/1984": true, "29.03.1984": true, "3/9/84": true, "March 29, 1984": true, "29 Mar 1984": true,
		"2nd January 1990": true, "1984 March 29": true, "2000-02-29": true, "1984-03-29T07:32": true, "1984-03-29 00:00": true, "Mar 29th 1984": true,
		"1900-02-29": false, "2001-02-29": false, "1984-13-01": false, "1984-00-01": false, "1984-01-32": false, "29 Foo 1984": false, "1879-01-01": false,
		"2100-01-01": false, "1984": false, "": false, "March 1984": false, "32 March 1984": false, "1984-03-29-01": false, "31/31/1984": false,
	} {
		if got := Date([]byte(text)); got != want {
			t.Errorf("Date(%q) = %v", text, got)
		}
	}
}

func TestRandomText(t *testing.T) {
	for text, want := range map[string]bool{
		"q7Xk2+Lm9Zp4Wc8Rb1Ny6Tf3Hs5Jd0Gv/aEuOiKl": true,
		"0123456789abcdef0123456789abcdef01234567": false,
		"ThisIsAVeryLongClassNameWithFortyChars12": false,
		"github/com/example/Project1/internal/abc": false,
		strings.Repeat("A", 40):                    false,
	} {
		if got := RandomText([]byte(text)); got != want {
			t.Errorf("RandomText(%q) = %v", text, got)
		}
	}
}

// TestGrammarsWantMore hands every prefix of a value to its grammar: as long as more may come it says so or No, and it never takes a prefix
// for the value where the value is not at its end.
func TestGrammarsWantMore(t *testing.T) {
	body := strings.Repeat("MIIB0gIBAAJBAKj34GkxFhD90vcNLYLI", 3)
	for _, c := range []struct {
		name  string
		tail  func([]byte, bool) int
		value string
	}{
		{"Armor", Armor("RSA PRIVATE KEY"), "\n" + body + "\n-----END RSA PRIVATE KEY-----"},
		{"JWT", JWT, "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"},
		{"BasicCredentials", BasicCredentials, "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="},
		{"CookiePairs", CookiePairs, "a=b; c=d; Expires=Wed, 21 Oct 2015 07:28:00 GMT"},
		{"PuTTYKey", PuTTYKey, "ssh-rsa\nEncryption: none\nComment: a\nPublic-Lines: 1\nAAAA\nPrivate-Lines: 1\nBBBB\nPrivate-MAC: " + strings.Repeat("0f", 20)},
	} {
		for n := range len(c.value) {
			if got := c.tail([]byte(c.value[:n]), false); got != More {
				t.Errorf("%s of the first %d bytes: %d, want More", c.name, n, got)
			}
			if got := c.tail([]byte(c.value[:n]), true); got > n {
				t.Errorf("%s of the first %d bytes: %d", c.name, n, got)
			}
		}
		if got := c.tail([]byte(c.value), true); got != len(c.value) {
			t.Errorf("%s: %d, want %d", c.name, got, len(c.value))
		}
		if got := c.tail([]byte(c.value+"\n x"), false); got != len(c.value) {
			t.Errorf("%s with text behind: %d, want %d", c.name, got, len(c.value))
		}
	}
}

// FuzzGrammars: no panic, and no answer outside the text, for any bytes.
func FuzzGrammars(f *testing.F) {
	f.Add([]byte("ssh-rsa\nEncryption: none\nComment: a\nPublic-Lines: 1\nAAAA\n"), true)
	f.Add([]byte("hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"), false)
	f.Add([]byte("Smith, John van der Berg"), true)
	tails := []func([]byte, bool) int{Armor("PRIVATE KEY"), JWT, BasicCredentials, BasicHeaderValue, CookiePairs, PuTTYKey}
	f.Fuzz(func(t *testing.T, data []byte, final bool) {
		for i, tail := range tails {
			if n := tail(data, final); n > len(data) || n < More {
				t.Errorf("grammar %d: %d of %d bytes", i, n, len(data))
			}
		}
		Date(data)
		RandomText(data)
		DistinctGroups(data)
	})
}
