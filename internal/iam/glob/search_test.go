package glob

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func compileAll(texts ...string) []Pattern {
	patterns := make([]Pattern, len(texts))
	for i, text := range texts {
		patterns[i] = Compile(text)
	}
	return patterns
}

func TestIncludesAndDisjoint(t *testing.T) {
	tests := []struct {
		a, b               Pattern
		includes, disjoint bool
	}{
		{Compile("*"), Compile(""), true, false},
		{Compile("a*"), Compile("ab*"), true, false},
		{Compile("ab*"), Compile("a*"), false, false},
		{Compile("?*"), Compile("*?"), true, false},
		{Compile("a?*a"), Compile("a*a*a"), true, false},
		{Compile("a*c"), Compile("*bc"), false, false},
		{Compile("a*"), Compile("b*"), false, true},
		{Compile("*a"), Compile("*b"), false, true},
		{Compile("a"), Compile("??"), false, true},
		{Compile("*"), Resource("arn:aws:s3:::b/*"), true, false},
		{Resource("arn:aws:*:*:*:b"), Compile("arn:aws:*:b"), false, false},
		{Compile("arn:aws:*:b"), Resource("arn:aws:*:*:*:b"), true, false},
		{Resource("arn:aws:cloudformation:*:*:stack/A/*"), Resource("arn:aws:cloudformation:*:*:stack/B/*"), false, true},
		{Compile("arn:aws:cloudformation:*:*:stack/A/*"), Compile("arn:aws:cloudformation:*:*:stack/B/*"), false, false},
		{Resource("arn:aws:s3*"), Resource("arn:aws:s3:::b"), true, false},
		{Action("S3:Get*"), Action("s3:GETOBJECT"), true, false},
		{Compile("s3:get*"), Action("s3:getobject"), false, false},
		{Action("k*"), Compile("\u212a*"), false, true},
		{Compile("k*").FoldLower(), Compile("\u212a*"), true, false},
		{Compile("??"), Compile("😀"), true, false},
		{Compile("?"), Compile("😀"), false, true},
		{Compile("😀*"), Compile("😁*"), false, true},
		{Compile("*?😁"), Compile("😀*"), false, false},
		{Literal("a*"), Compile("a*"), false, false},
	}
	for _, tt := range tests {
		if got, err := Includes(tt.a, tt.b); err != nil || got != tt.includes {
			t.Errorf("Includes(%v, %v) = %v, %v", tt.a, tt.b, got, err)
		}
		if got, err := Disjoint(tt.a, tt.b); err != nil || got != tt.disjoint {
			t.Errorf("Disjoint(%v, %v) = %v, %v", tt.a, tt.b, got, err)
		}
	}
}

func TestWitness(t *testing.T) {
	tests := []struct {
		in, out []Pattern
		want    string // "-" for none
	}{
		{nil, nil, ""},
		{nil, compileAll("*"), "-"},
		{compileAll("a*", "*b"), compileAll("ab"), "axb"},
		{compileAll("a?"), compileAll("ab", "ac"), "ax"},
		{compileAll("x*"), compileAll("x", "x?", "x??*"), "-"},
		{compileAll("x*"), compileAll("x", "x??*"), "xz"},
		{compileAll("arn:aws:iam::111122223333:role/ops-*", "*-admin"), nil, "arn:aws:iam::111122223333:role/ops-admin"},
		{[]Pattern{Compile("i").FoldLower()}, compileAll("i", "I"), "İ"}, // the third letter whose lower case is i
		{[]Pattern{Compile("i").FoldASCII()}, compileAll("i", "I"), "-"},
		{[]Pattern{AnyARN()}, []Pattern{Resource("arn:aws:*")}, "arn:::::"},
		{[]Pattern{Compile("a*b")}, []Pattern{{tokens: []token{'a', fieldStar, 'b'}}}, "a:b"},
		{compileAll("?😀"), nil, "x😀"},
	}
	for _, tt := range tests {
		got, found, err := Witness(tt.in, tt.out)
		if !found {
			got = "-"
		}
		if err != nil || got != tt.want {
			t.Errorf("Witness(%v, %v) = %q, %v, want %q", tt.in, tt.out, got, err, tt.want)
		}
	}
}

// TestManyOverlapping finds a string in thirty patterns any of which may overlap any other, at once: design goal of the algebra.
func TestManyOverlapping(t *testing.T) {
	var patterns, far []Pattern
	for i := range 30 {
		patterns = append(patterns, Compile(fmt.Sprintf("arn:aws:iam::111122223333:role/*team%02d-%c*", i, 'a'+i%7)))
		far = append(far, Compile(fmt.Sprintf("*-%c%c*", 'a'+i%26, 'a'+i*7%26)))
	}
	tests := map[string]struct {
		in, out []Pattern
		found   bool
	}{
		"all":                       {patterns, nil, true},
		"all but those with others": {patterns, compileAll("*x*", "*team0*team0*team29*", "*99*"), true},
		"conflict at the end":       {append(compileAll("*z"), append(patterns, Compile("*y"))...), nil, false},
		"thirty more":               {append(patterns, far...), nil, true},
		"less some of themselves":   {patterns[:15], patterns[15:], true},
		"less one of themselves":    {patterns, patterns[7:8], false},
		"less something wider":      {patterns, []Pattern{Resource("arn:aws:iam::111122223333:role/*team07*")}, false},
	}
	for name, tt := range tests {
		start := time.Now()
		witness, found, err := Witness(tt.in, tt.out)
		if err != nil || found != tt.found {
			t.Errorf("%s: %v, %v", name, found, err)
		}
		for _, p := range tt.in {
			if found && !p.Match(witness) {
				t.Errorf("%s: %q is not in %v", name, witness, p)
			}
		}
		for _, q := range tt.out {
			if found && q.Match(witness) {
				t.Errorf("%s: %q is in %v", name, witness, q)
			}
		}
		if took := time.Since(start); took > time.Minute {
			t.Errorf("%s took %v", name, took)
		}
	}
}

// TestLimit shows that a question that is too much is answered with ErrLimit, soon, and never with a guess.
func TestLimit(t *testing.T) {
	// Which of 24 words occur is only known at the end: 2 to the 24th states, and no string has them all, for each word is forbidden beside another.
	var in, out []Pattern
	for i := range 24 {
		in = append(in, Compile(fmt.Sprintf("*<%c>*", 'a'+i)))
	}
	out = compileAll("*<a>*<b>*", "*<b>*<a>*")
	start := time.Now()
	if w, found, err := WitnessWithin(5_000, in, out); !errors.Is(err, ErrLimit) || found {
		t.Errorf("found %q, %v, %v", w, found, err)
	}
	big := Compile(strings.Repeat("*a?b", 20_000))
	if _, found, err := Witness([]Pattern{big, Compile("*c")}, []Pattern{Compile("*c*a*")}); err == nil && found {
		t.Error("found a string that ends in two ways")
	}
	if took := time.Since(start); took > time.Minute {
		t.Errorf("took %v", took)
	}
}

func TestMatchIsQuick(t *testing.T) {
	p, s := Compile(strings.Repeat("*a", 200)+"b"), strings.Repeat("a", 100_000)
	start := time.Now()
	if p.Match(s) {
		t.Error("matches")
	}
	if took := time.Since(start); took > time.Minute {
		t.Errorf("took %v", took)
	}
	if n := testing.AllocsPerRun(10, func() { p.Match(s[:1000]) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzWitness(f *testing.F) {
	f.Add("a*", "*b", "ab", "a?b", uint8(0))
	f.Add("arn:*:x", "*:😀*", "arn:aws:*", "**", uint8(2|2<<2|3<<4))
	f.Add("\x80*?", "K*", "\u212a", "", uint8(1|3<<2))
	f.Fuzz(func(t *testing.T, a, b, c, d string, forms uint8) {
		texts := []string{a, b, c, d}
		patterns := make([]Pattern, len(texts))
		for i, text := range texts {
			if len(text) > 40 {
				return
			}
			text = strings.ToValidUTF8(text, "?")
			switch forms >> (2 * i) & 3 {
			case 0:
				patterns[i] = Compile(text)
			case 1:
				patterns[i] = Action(text)
			case 2:
				patterns[i] = Resource(text)
			case 3:
				patterns[i] = Compile(text).FoldLower()
			}
		}
		in, out := patterns[:2], patterns[2:]
		w, found, err := WitnessWithin(2_000, in, out)
		for i, p := range patterns {
			if found && p.Match(w) != (i < 2) {
				t.Fatalf("%q is a witness of %v less %v", w, in, out)
			}
			literal := strings.NewReplacer("*", "", "?", "x").Replace(strings.ToValidUTF8(texts[i], "?"))
			member := in[0].Match(literal) && in[1].Match(literal) && !out[0].Match(literal) && !out[1].Match(literal)
			if !found && err == nil && member {
				t.Fatalf("%q is in %v less %v, and no witness was found", literal, in, out)
			}
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	p, s := Resource("arn:aws:s3:::logs/*/app-?/*.gz"), "arn:aws:s3:::logs/2026/11/21/app-7/part-000.gz"
	b.ReportAllocs()
	for b.Loop() {
		if !p.Match(s) {
			b.Fatal("no match")
		}
	}
}

func BenchmarkWitness(b *testing.B) {
	var patterns []Pattern
	for i := range 30 {
		patterns = append(patterns, Compile(fmt.Sprintf("arn:aws:iam::111122223333:role/*team%02d*", i)))
	}
	for _, n := range []int{2, 5, 30} {
		b.Run(fmt.Sprintf("%d_patterns", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, found, err := Witness(patterns[:n], nil); !found || err != nil {
					b.Fatal(found, err)
				}
			}
		})
	}
}
