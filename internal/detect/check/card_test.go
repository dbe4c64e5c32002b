package check

import (
	"strings"
	"testing"
)

var cardChecks = []compactCheck{
	{"Stripe", Stripe, "the forms of ISO/IEC 7813",
		[]string{"%B4032136880469578^DOE/JANE^2905201000?", ";4032136880469578=2905201000?", "4032136880469578D2905201000F", "%B4032 1368 8046 9578^DOE^2912101?", ";4032136880469578==101?"},
		[]string{"%B4032136880469571^DOE/JANE^2905201000?", ";4032136880469578=2913201000?", ";4032136880469578=", ";0000000000000000=2905201?", "%B4032136880469578", ""}},
	{"Expiry", Expiry, "the forms that Macie's guide lists", []string{"02/26", "02/2026", "Feb 2026", "26-Feb", "2026-02", "2/26", "2026-Feb", "February, 2026", "2026-02-28", "28 Feb 2026"},
		[]string{"13/26", "00/26", "02/1926", "Foo 2026", "2026-13", "02", "Feb", "2026", "2026-02-30", "Feb Mar 2026", "02/26/1", ""}},
	{"ExpiryDigits", takesAll(ExpiryDigits), "MMYY, MMYYYY, YYYYMM", []string{"0226", "022026", "202602"}, []string{"1326", "2602", "132026", "202613", "0299"}},
	{"ExpiryMonth", takesAll(ExpiryMonth), "the calendar", []string{"1", "02", "12", "FEB"}, []string{"0", "13", "FOO"}},
	{"ExpiryYear", takesAll(ExpiryYear), "years that cards bear", []string{"26", "2026"}, []string{"1926", "2126"}},
	{"ExpiryMonthAndYear", ExpiryMonthAndYear, "the form of macie.md 1.4.1", []string{"02, exp_year: 2026"}, []string{"13, exp_year: 2026", "02, exp_year: 1926", ""}},
	{"ExpiryYearAndMonth", ExpiryYearAndMonth, "the form of macie.md 1.4.1", []string{"2026, expM=02"}, []string{"2026, expM=13", "1026, expM=02"}},
}

func TestCards(t *testing.T) { runCompact(t, cardChecks) }

func TestCardGrammars(t *testing.T) {
	for _, c := range []struct {
		name, rest string
		tail       func([]byte, bool) int
		want       int
	}{
		{"Track1", "4032136880469578^DOE/JANE^2905201000? x", Track1, 37},
		{"Track1", "4032136880469578^DOE/JANE^2905201000?;4032136880469578=2905201?", Track1, 63},
		{"Track1", "4032136880469578^DOE/JANE^29", Track1, No},
		{"Track1Name", "DOE/JANE^2905201000 and", Track1Name, 19},
		{"Track2", "2905201000?", Track2, 11},
		{"Track2", "2905201000x", Track2, No},
		{"Track2Chip", "2010000F ", Track2Chip, 8},
		{"ExpiryYearFollows", ", exp_year: 2026}", ExpiryYearFollows, 16},
		{"ExpiryYearFollows", `","expYear":"2027"`, ExpiryYearFollows, 17},
		{"ExpiryYearFollows", ", expires 2026", ExpiryYearFollows, No},
		{"ExpiryMonthFollows", ", expM=02", ExpiryMonthFollows, 9},
	} {
		if got := c.tail([]byte(c.rest), true); got != c.want {
			t.Errorf("%s(%q) = %d, want %d", c.name, c.rest, got, c.want)
		}
	}
}

func TestSecurityCode(t *testing.T) {
	for text, want := range map[string]bool{
		"cvv 739": true, "cvc2 739": true, "739": true, "card 4032136880469578 cvv 739": true, "cvv 739 12/28": true, `cvv\n739`: true, "«739»": true,
		"cvv 123 amount: 739": false, "x739": false, "é739": false, "€739": false, "12/739": false, "1 739": false, "-1-739": false, "739.5": false, "739x": false, "739 555": false,
		"739-1": false, "739:": false, "1.739": false,
	} {
		at := strings.Index(text, "739")
		from, to := SecurityCode([]byte(text), at, at+3, true)
		if got := from == at && to == at+3; got != want {
			t.Errorf("%q: %d to %d", text, from, to)
		}
	}
}

func FuzzCard(f *testing.F) {
	f.Add([]byte("4032136880469578^DOE/JANE^2905201000?;4032136880469578=2905201?"), false)
	f.Add([]byte(", exp_year: 2026"), true)
	f.Fuzz(func(t *testing.T, data []byte, final bool) {
		fuzzCompact(t, cardChecks, data)
		for i, tail := range []func([]byte, bool) int{Track1, Track1Name, Track2, Track2Chip, ExpiryYearFollows, ExpiryMonthFollows} {
			if n := tail(data, final); n > len(data) || n < More {
				t.Errorf("grammar %d: %d of %d bytes", i, n, len(data))
			}
		}
		if len(data) > 4 {
			if from, to := SecurityCode(data, 2, 4, final); from >= 0 && (from != 2 || to != 4) {
				t.Errorf("SecurityCode: %d to %d", from, to)
			}
		}
		Stripe(data)
		Expiry(data)
		ExpiryMonthAndYear(data)
		ExpiryYearAndMonth(data)
		DistinctGroups(data)
	})
}

// takesAll makes a check of the grammar of a whole value.
func takesAll(grammar func(value []byte, final bool) int) func([]byte) bool {
	return func(value []byte) bool { return grammar(value, true) == len(value) }
}
