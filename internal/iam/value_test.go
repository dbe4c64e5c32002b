package iam

import (
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseNumber(t *testing.T) {
	same := [][]string{
		{"0", "-0", "+0", "0.0", "000", "0e5", "0e-999999999"},
		{"10", "+10", "010", "10.0", "1e1", "1E+1", "0.1e2", "100e-1"},
		{"0.5", ".5", "5e-1", "00.50"},
		{"-1.25", "-01.250", "-125e-2"},
		{"1e999999999", "10e999999998"},
	}
	seen := map[Number]string{}
	for _, group := range same {
		first, ok := ParseNumber(group[0])
		if !ok {
			t.Errorf("%q is no number", group[0])
		}
		if other, twice := seen[first]; twice {
			t.Errorf("%q equals %q", group[0], other)
		}
		seen[first] = group[0]
		for _, text := range group {
			if n, ok := ParseNumber(text); !ok || n != first || n.Compare(first) != 0 {
				t.Errorf("%q is %v, %v; %q is %v", text, n, ok, group[0], first)
			}
		}
		if again, ok := ParseNumber(first.String()); !ok || again != first {
			t.Errorf("%q is written as %q, which is %v", group[0], first, again)
		}
	}
	for _, text := range []string{"", "+", "-", ".", "1.2.3", "1e", "1e+", "1e--1", "1e1.5", "0x10", "1_000", " 1", "1 ", "٣", "NaN", "Inf", "1e9999999999", "--1", "+-1"} {
		if n, ok := ParseNumber(text); ok {
			t.Errorf("%q is %v", text, n)
		}
	}
}

func TestCompareAgreesWithRationals(t *testing.T) {
	texts := rapid.StringMatching(`[+-]?[0-9]{1,4}(\.[0-9]{1,3})?(e[+-]?[0-3])?`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := texts.Draw(t, "a"), texts.Draw(t, "b")
		n, ok1 := ParseNumber(a)
		m, ok2 := ParseNumber(b)
		x, ok3 := new(big.Rat).SetString(a)
		y, ok4 := new(big.Rat).SetString(b)
		if !ok1 || !ok2 || !ok3 || !ok4 {
			t.Fatalf("%q %v %v, %q %v %v", a, ok1, ok3, b, ok2, ok4)
		}
		if n.Compare(m) != x.Cmp(y) || (n == m) != (x.Cmp(y) == 0) {
			t.Fatalf("%q and %q compare as %d, want %d", a, b, n.Compare(m), x.Cmp(y))
		}
	})
}

func TestParseDate(t *testing.T) {
	tests := map[string]int64{
		"1970": 0, "1970-01-02": 86_400_000, "2026-01-01T00:00Z": 1_767_225_600_000, "2026-01-01T00:00:00Z": 1_767_225_600_000,
		"2026-01-01T00:00:00.1239Z": 1_767_225_600_123, "2026-01-01T02:00:00+02:00": 1_767_225_600_000, "2026-01-01T00:00:00": 1_767_225_600_000,
		"1767225600": 1_767_225_600_000, "1767225600.5": 1_767_225_600_500, "-1": -1000, "-1.5": -1500, "0": 0,
	}
	for text, want := range tests {
		if got, ok := ParseDate(text); !ok || got != want {
			t.Errorf("ParseDate(%q) = %d, %v, want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "soon", "2026-13-01", "2026-02-30", "2026-01-01 00:00:00Z", "2026-01-01T24:00:01Z", "1.", "1.x", strings.Repeat("9", 30)} {
		if got, ok := ParseDate(text); ok {
			t.Errorf("ParseDate(%q) = %d", text, got)
		}
	}
}

func TestParseNet(t *testing.T) {
	tests := map[string]string{
		"10.0.0.1": "10.0.0.1/32", "10.1.2.3/8": "10.0.0.0/8", "0.0.0.0/0": "0.0.0.0/0", "2001:db8::/32": "2001:db8::/32", "::1": "::1/128",
		"2001:DB8:0:0::/32": "2001:db8::/32",
	}
	for text, want := range tests {
		if got, ok := ParseNet(text); !ok || got.String() != want {
			t.Errorf("ParseNet(%q) = %v, %v, want %s", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "10.0.0", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/08", "010.0.0.1", "2001:db8::1/32", "fe80::1%eth0", "fe80::%e/64", "*"} {
		if got, ok := ParseNet(text); ok {
			t.Errorf("ParseNet(%q) = %v", text, got)
		}
	}
	if a, ok := ParseAddress("::ffff:192.0.2.1"); !ok || a.String() != "192.0.2.1" {
		t.Errorf("the mapped address is %v", a)
	}
}

func TestOperators(t *testing.T) {
	for test := range tests {
		for q := NoQualifier; q <= ForAnyValue; q++ {
			for _, exists := range []bool{false, true} {
				want := Operator{Test: Test(test), Qualifier: q, IfExists: exists}
				for _, name := range []string{want.String(), strings.ToLower(want.String()), strings.ToUpper(want.String())} {
					if got, ok := parseOperator(name); !ok || got != want {
						t.Errorf("%s is %v, %v", name, got, ok)
					}
				}
			}
		}
	}
	for _, name := range []string{"", "IfExists", "ForAllValues:", "ForAllValues:ForAnyValue:StringEquals", "ForAllValuesStringEquals", "StringEquals ", "StringEquals:IfExists", "\u017ftringEquals"} {
		if got, ok := parseOperator(name); ok {
			t.Errorf("%q is %v", name, got)
		}
	}
}
