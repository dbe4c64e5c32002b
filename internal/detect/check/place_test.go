package check

import "testing"

var placeChecks = []compactCheck{
	{"Coordinates", Coordinates, "ranges of ISO 6709", []string{"41.948614,-87.655311", "-33.856784 151.215297", "90.00,180.00", "+0.00,10.25", "41.948614° N, 87.655311° W"},
		[]string{"91.94,-87.65", "41.94,-187.65", "90.0004,10.00", "0.00,0.00", "41.94", "41.9,87.65", "", ".", "41.94,", "1.2.3"}},
	{"FineCoordinates", FineCoordinates, "the same", []string{"41.948614,-87.655311"}, []string{"41.94,-87.655311", "41.948614,-87.65"}},
	{"CEP", CEP, "areas of the Guia Postal", []string{"01310100", "69005040"}, []string{"00310100", "11111111", "12345678"}},
	{"SUBE", SUBE, "ISO/IEC 7812-1", []string{"6061954611139305"}, []string{"6061954611139306", "6062954611139305", "6061000000000000"}},
	{"VIN", VIN, "ISO 3779", []string{"WVWZZZ1JZXW386752"}, []string{"0VWZZZ1JZXW386752"}},
}

func TestPlaces(t *testing.T) { runCompact(t, placeChecks) }

func TestPlaceGrammars(t *testing.T) {
	for _, c := range []struct {
		rest string
		want int
	}{
		{",-87.655311 and", 11},
		{", -87.655311.", 12},
		{" N, 87.655311° W", 17},
		{", longitude: -87.655311}", 23},
		{`, "lng": -87.65`, 15},
		{", altitude: 187.65", No},
		{"-87.655311", No},
		{",-87.6", No},
		{",-87.655311.5", No},
		{",1987.655311", No},
		{"", No},
	} {
		if got := CoordinatesFollow([]byte(c.rest), true); got != c.want {
			t.Errorf("CoordinatesFollow(%q) = %d, want %d", c.rest, got, c.want)
		}
	}
	const position = `{"coordinates": [-87.655311, 41.948614, 12.5]}`
	if from, to := GeoJSONPosition([]byte(position), 18, 27, true); from != 17 || to != 44 {
		t.Errorf("GeoJSONPosition: %d to %d in %s", from, to, position)
	}
}

func TestMonths(t *testing.T) {
	for text, want := range map[string]bool{
		"29. März 1984": true, "29 août 1984": true, "1er févr. 1984": true, "29 de marzo de 1984": true, "29 maggio 1984": true, "1º de março de 1984": true,
		"29-DEZ-1984": true, "19840329": true, "03291984": true, "29031984": true, "29th of March 1984": true, "29 settembre 1984": true, "12 juin 1984": true,
		"12 jui 1984": false, "31 abril 1984": false, "29 Märzen 1984": false, "18841329": false, "20500101": false, "29 of 1984": false, "30 février 1984": false,
		"12345 March 1984": false,
	} {
		if got := Date([]byte(text)); got != want {
			t.Errorf("Date(%q) = %v", text, got)
		}
	}
}

func FuzzPlace(f *testing.F) {
	f.Add([]byte("41.948614,-87.655311"), true)
	f.Add([]byte("[-87.655311, 41.948614]"), true)
	f.Fuzz(func(t *testing.T, data []byte, final bool) {
		fuzzCompact(t, placeChecks, data)
		if n := CoordinatesFollow(data, final); n > len(data) || n < More {
			t.Errorf("%d of %d bytes", n, len(data))
		}
		for end := 1; end < len(data) && end < 20; end++ {
			if from, to := GeoJSONPosition(data, end-1, end, final); from >= 0 && (from > end-1 || to < end || to > len(data)) {
				t.Errorf("GeoJSONPosition: %d to %d of %d bytes", from, to, len(data))
			}
		}
		Coordinates(data)
		Date(data)
		Expiry(data)
	})
}
