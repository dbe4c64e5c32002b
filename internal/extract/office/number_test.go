package office

import "testing"

// Expected texts are what Excel shows, dates aside, which are written as in ISO 8601.
func TestNumbersAsPeopleSeeThem(t *testing.T) {
	for _, c := range []struct{ format, stored, want string }{
		{"General", "4532015112830366", "4532015112830366"},
		{"General", "4.53201511283036E+15", "4532015112830360"},
		{"General", "1E3", "1000"},
		{"General", "0.30000000000000004", "0.3"},
		{"General", "-1.5", "-1.5"},
		{"General", "1.0E-12", "1.0E-12"},
		{"General", "1E300", "1E300"},
		{"General", "12345678901234567890123", "12345678901234567890123"},
		{"General", "not a number", "not a number"},
		{"General", "NaN", "NaN"},
		{"0.00E+00", "1234567890123", "1234567890123"},
		{"#,##0.00", "1234.5", "1234.5"},
		{"00000", "2134", "02134"},
		{"00000\\-0000", "21340012", "02134-0012"},
		{"000\\-00\\-0000", "12345678", "012-34-5678"},
		{"000-00-0000", "123456789", "123-45-6789"},
		{"0000 0000 0000 0000", "4111111111111110", "4111 1111 1111 1110"},
		{`[<=9999999]###\-####;\(###\)\ ###\-####`, "5550143", "555-0143"},
		{`[<=9999999]###\-####;\(###\)\ ###\-####`, "2025550143", "(202) 555-0143"},
		{`"No. "00000`, "17", "No. 00017"},
		{"0", "17", "17"},
		{"yyyy-mm-dd", "1", "1900-01-01"},
		{"yyyy-mm-dd", "59", "1900-02-28"},
		{"yyyy-mm-dd", "61", "1900-03-01"},
		{"yyyy-mm-dd", "30715", "1984-02-03"},
		{"dd/mm/yy", "2958465", "9999-12-31"},
		{"dd/mm/yy", "2958466", "2958466"},
		{"dd/mm/yy", "-1", "-1"},
		{`[$-409]mmmm\ d\,\ yyyy;@`, "30715", "1984-02-03"},
		{`[$-411]ge.m.d`, "30715", "1984-02-03"},
		{"yyyy/m/d h:mm", "30715.5", "1984-02-03 12:00:00"},
		{"yyyy/m/d h:mm", "30715", "1984-02-03"},
		{"h:mm:ss", "0.545138888888889", "13:05:00"},
		{"[h]:mm", "1.5", "36:00:00"},
		{"mm:ss", "0.000694444444444444", "00:01:00"},
		{`"day "0`, "17", "17"},
		{`"d"\y#,##0`, "30715", "30715"},
		{`[Red]0`, "30715", "30715"},
	} {
		if got := string(AppendNumber(nil, []byte(c.stored), FormatOf(c.format), false)); got != c.want {
			t.Errorf("%q as %q: %q, want %q", c.stored, c.format, got, c.want)
		}
	}
	if got := string(AppendNumber(nil, []byte("29253"), FormatOf("yyyy-mm-dd"), true)); got != "1984-02-03" {
		t.Errorf("1904: %q", got)
	}
}

func FuzzNumbers(f *testing.F) {
	f.Add("000\\-00\\-0000", "123")
	f.Add(`[<=9999999]###\-####;\(###\)\ ###\-####`, "1E5")
	f.Add("[h]:mm;\"x\"", "1.5")
	f.Fuzz(func(t *testing.T, format, stored string) {
		if got := AppendNumber(nil, []byte(stored), FormatOf(format), len(stored)%2 == 0); len(got) > len(format)+len(stored)+400 {
			t.Errorf("%d bytes", len(got))
		}
	})
}
