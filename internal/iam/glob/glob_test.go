package glob

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestMatch(t *testing.T) {
	tests := []struct {
		pattern, in string
		want        bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", true}, {"**", "abc", true}, {"?", "", false}, {"*?", "", false}, {"*?", "a", true},
		{"a*é", "axxé", true}, {"*a*b", "xaayb", true}, {"*ab", "aab", true}, {"a?c*", "abcd", true}, {"[a]", "a", false}, {`\*`, "*", false},
		{"?", "é", true}, {"??", "é", false},
		{"?", "😀", false}, {"??", "😀", true}, {"*😀", "a😀", true}, {"😀", "😁", false}, // UTF-16 units, access-analyzer.md 4.3
		{"*\n*", "a\nb", true}, {"a*", "a\nb", true},
		{"?", "\xff", true}, {"\ufffd", "\xff", false}, {"😀", "\xf0\x9f\x98", false},
		{"k", "\u212a", false}, // the Kelvin sign
	}
	for _, tt := range tests {
		if got := Compile(tt.pattern).Match(tt.in); got != tt.want {
			t.Errorf("Compile(%q).Match(%q) = %v", tt.pattern, tt.in, got)
		}
	}
}

func TestMatchFolded(t *testing.T) {
	tests := []struct {
		pattern, in  string
		ascii, lower bool
	}{
		{"s3:Get*", "S3:GETOBJECT", true, true},
		{"S3:GET*", "s3:getobject", true, true},
		{"kms", "\u212ams", false, true}, // the Kelvin sign has k as its lower-case letter, but is no letter of an action's name
		{"ÄB", "äb", false, true},
		{"straße", "STRASSE", false, false},
	}
	for _, tt := range tests {
		if got := Action(tt.pattern).Match(tt.in); got != tt.ascii {
			t.Errorf("Action(%q).Match(%q) = %v", tt.pattern, tt.in, got)
		}
		if got := Compile(tt.pattern).FoldLower().Match(tt.in); got != tt.lower {
			t.Errorf("Compile(%q).FoldLower().Match(%q) = %v", tt.pattern, tt.in, got)
		}
	}
}

func TestMatchARN(t *testing.T) {
	const topic = "arn:aws:sns:us-east-1:111122223333:t"
	tests := []struct {
		pattern, in   string
		resource, arn bool
	}{
		{"arn:aws:iam::111122223333:role/ops-*", "arn:aws:iam::111122223333:role/ops-1", true, true},
		{"arn:aws:s3:::*", "arn:aws:s3:::logs/a:b:c", true, true},
		{"arn:aws:s3:*:*:logs", "arn:aws:s3:::logs", true, true}, // a star takes an empty field
		{"arn:aws:s*:t", topic, false, false},
		{"arn:aws:sns:*", topic, true, false}, // missing fields of a Resource are stars; ArnLike wants six
		{"arn:aws:s*", topic, true, false},
		{"*", topic, true, true}, // not told; see divergences
		{"*", "logs", true, false},
		{"execute-api:/prod/*", "execute-api:/prod/GET", true, false},
		{"arn:aws:cloudformation:*:*:stack/A/*", "arn:aws:cloudformation:r:1:stack/B/stack/A/x", false, false},
		{"arn:aws:sns:us-east-?:111122223333:t", topic, true, true},
		{"arn:aws:sns?us-east-1:111122223333:t", topic, false, false}, // five fields: the resource would be in the account's place
		{"arn:*:*:*:*:*", topic, true, true},
		{"arn:*:*:*:*:*", "arn:aws:sns:us-east-1:111122223333", false, false},
	}
	for _, tt := range tests {
		if got := Resource(tt.pattern).Match(tt.in); got != tt.resource {
			t.Errorf("Resource(%q).Match(%q) = %v", tt.pattern, tt.in, got)
		}
		p, ok := ARN(tt.pattern)
		if got := ok && p.Match(tt.in); got != tt.arn {
			t.Errorf("ARN(%q).Match(%q) = %v", tt.pattern, tt.in, got)
		}
	}
}

func TestString(t *testing.T) {
	var b Builder
	b.Literal("a*${x}?")
	b.Star()
	b.One()
	b.Literal("😀")
	if got, want := b.Pattern().String(), "a${*}${$}{x}${?}?*😀"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
}

// asRegexp is the same language in another engine's words.
func asRegexp(p Pattern) *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	for _, t := range p.tokens {
		switch t {
		case star:
			b.WriteString(`.*`)
		case fieldStar:
			b.WriteString(`[^:]*`)
		case one:
			b.WriteString(`.`)
		case fieldOne:
			b.WriteString(`[^:]`)
		default:
			letter := regexp.QuoteMeta(string(rune(t)))
			if p.folding != foldNone {
				letter = "(?i:" + letter + ")"
			}
			b.WriteString(letter)
		}
	}
	return regexp.MustCompile(b.String() + `\z`)
}

func drawPattern(t *rapid.T, letters string) Pattern {
	text := rapid.StringOfN(rapid.SampledFrom([]rune(letters+"**?")), 0, 7, -1).Draw(t, "pattern")
	switch rapid.IntRange(0, 5).Draw(t, "form") {
	case 0:
		return Action(text)
	case 1: // wildcards that stop at colons, as in a field
		var b Builder
		b.Text(text)
		return Pattern{tokens: ordered(fields(b.tokens))}
	}
	return Compile(text)
}

func TestMatchAgreesWithRegexp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPattern(t, "aAb:")
		in := rapid.StringOfN(rapid.SampledFrom([]rune("aAb:")), 0, 14, -1).Draw(t, "in")
		if got, want := p.Match(in), asRegexp(p).MatchString(in); got != want {
			t.Fatalf("%v.Match(%q) = %v, the regular expression says %v", p, in, got, want)
		}
	})
}

// TestWitnessAgreesWithEnumeration compares with all strings up to a length, over an alphabet that holds a letter no pattern names.
func TestWitnessAgreesWithEnumeration(t *testing.T) {
	all := []string{""}
	for from := 0; len(all[from]) < 6; from++ {
		for _, letter := range "aAb:x" {
			all = append(all, all[from]+string(letter))
		}
	}
	found := 0
	rapid.Check(t, func(t *rapid.T) {
		var in, out []Pattern
		for range rapid.IntRange(0, 3).Draw(t, "in") {
			in = append(in, drawPattern(t, "aAb:"))
		}
		for range rapid.IntRange(0, 4).Draw(t, "out") {
			out = append(out, drawPattern(t, "aAb:"))
		}
		member := func(s string) bool {
			for _, p := range in {
				if !p.Match(s) {
					return false
				}
			}
			for _, q := range out {
				if q.Match(s) {
					return false
				}
			}
			return true
		}
		witness, ok, err := Witness(in, out)
		if err != nil {
			t.Fatalf("Witness(%v, %v): %v", in, out, err)
		}
		if ok {
			found++
			if !member(witness) {
				t.Fatalf("Witness(%v, %v) = %q, which is none", in, out, witness)
			}
			return
		}
		for _, s := range all {
			if member(s) {
				t.Fatalf("Witness(%v, %v) found none, but %q is one", in, out, s)
			}
		}
	})
	if found == 0 {
		t.Error("no question had a witness")
	}
}
