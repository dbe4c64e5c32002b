package check

import "testing"

var passportChecks = []compactCheck{
	{"Passport", Passport, "the form of ICAO Doc 9303", []string{"204815573", "A12345670", "GK482915", "P384719RH", "18FK42957", "AB123456"},
		[]string{"000000000", "A00000000", "123456789", "987654321", "GK000000", "00AA00000"}},
	{"NoLinkingWord", NoLinkingWord, "the form alone", []string{"GK 482915", "PAB 384719", "PAB", ""}, []string{"NO 482915", "REF 482915", "ID-4829157", "MAY 2024"}},
}

func TestPassportChecks(t *testing.T) { runCompact(t, passportChecks) }

func FuzzPassport(f *testing.F) {
	f.Add([]byte("PAB 384719"))
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzCompact(t, passportChecks, data)
		NoLinkingWord(data)
	})
}
