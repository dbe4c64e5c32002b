package custom

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestDialect holds what is refused, with the words that say why, and what is not.
func TestDialect(t *testing.T) {
	for pattern, why := range map[string]string{
		`a(?=b)`: "look-ahead", `a(?!b)`: "look-ahead", `(?<=a)b`: "look-behind", `(?<!a)b`: "look-behind", `((?=b))`: "look-ahead",
		`(a)\1`: "backreferences", `(?P<n>a)\k<n>`: "backreferences", `(a)\g1`: "backreferences", `(?P<n>a)(?P=n)`: "references to groups",
		`(a)?(?(1)b|c)`: "conditional", `a(?R)?b`: "recursive", `(a(?1)?)`: "recursive", `(?&n)`: "recursive", `(?P>n)`: "recursive",
		`(?{ 1 })`: "embedded code", `(??{ 1 })`: "embedded code", `(?C1)`: "callouts", `(?>a)`: "atomic", `(*FAIL)`: "control verbs",
		`/abc/i`: "put (?i) in front", `/a.c/gm`: "put (?i) in front",
		`a{513}`: "limited to 512", `\d{100,1000}`: "limited to 512", `\d{1001}`: "limited to 512", `[^\x00]{1000}`: "limited to 512", `((a{50}){50}){50}`: "limited to 512",
		`([^\x00]{500}){2}`: "",
		`a*b*a*`:            "follow each other", `.*.*.*=.*`: "follow each other", `a*(b*c?)d*`: "follow each other", `(a*|x)(b*)?c*`: "follow each other",
		`(a*b*c*)+`: "follow each other", `a*\bb*$c*`: "follow each other", `a{0,}b{0,}c{0,}`: "follow each other",
		`(a`: "missing", `[a`: "missing", `a**`: "invalid nested", `a++`: "invalid nested", `\Z`: "invalid escape", `*a`: "missing argument", `a{2,1}`: "have to rise",
		"": "required", strings.Repeat("a", 513): "has 513 characters", "a\xff": "not UTF-8",
	} {
		err := Check(&Definition{Name: "n", Regex: pattern})
		if why == "" && err != nil || why != "" && (err == nil || !strings.Contains(err.Error(), why) || !strings.HasPrefix(err.Error(), "regex")) {
			t.Errorf("%.40s: %v, want %q", pattern, err, why)
		}
	}
	for _, pattern := range []string{
		`[A-Z]-\d{8}`, `(?i)employee`, `(foo|bar)baz`, `(?:foo)+`, `(?P<n>a)`, `\d{100,}`, `\d{512}`, `^a$`, `a*b*`, `a*b*c`, `a*b+c*d*`, `.*=.*`, `\(?=`, `[(?=]`, `\Q(?=\E`,
		`[[:alpha:](?=]`, `[](?=]`, `[^](?!]`, `\\1`, `/api/v1/\d+`, `a/b`, `\bfoo\b`, `\p{Greek}+`, `(?s).{1,100}`, `\x{1F600}`, "é+", strings.Repeat("é", 512),
		`(a|aa)+$`, `(x+x+)+y`,
	} {
		if err := Check(&Definition{Name: "n", Regex: pattern}); err != nil {
			t.Errorf("%.40s: %v", pattern, err)
		}
	}
}

// TestLimits holds the limits of macie.md 2.1.
func TestLimits(t *testing.T) {
	list := func(n int, word string) []string {
		return strings.Split(strings.TrimSuffix(strings.Repeat(word+"\n", n), "\n"), "\n")
	}
	for name, v := range map[string]struct {
		change func(*Definition)
		want   string
	}{
		"no name":          {func(d *Definition) { d.Name = "" }, "name is required"},
		"128":              {func(d *Definition) { d.Name = strings.Repeat("é", 128) }, ""},
		"129":              {func(d *Definition) { d.Name = strings.Repeat("é", 129) }, "name has 129 characters"},
		"50 keywords":      {func(d *Definition) { d.Keywords = list(50, "word") }, ""},
		"51 keywords":      {func(d *Definition) { d.Keywords = list(51, "word") }, "keywords has 51 entries"},
		"short keyword":    {func(d *Definition) { d.Keywords = []string{"abc", "ab"} }, "keywords[1] has 2 characters"},
		"long keyword":     {func(d *Definition) { d.Keywords = []string{strings.Repeat("é", 91)} }, "keywords[0] has 91 characters"},
		"10 ignore words":  {func(d *Definition) { d.IgnoreWords = list(10, "word") }, ""},
		"11 ignore words":  {func(d *Definition) { d.IgnoreWords = list(11, "word") }, "ignoreWords has 11 entries"},
		"short ignored":    {func(d *Definition) { d.IgnoreWords = []string{"abc"} }, "ignoreWords[0] has 3 characters"},
		"distance 300":     {func(d *Definition) { d.MaximumMatchDistance = 300 }, ""},
		"distance 301":     {func(d *Definition) { d.MaximumMatchDistance = 301 }, "maximumMatchDistance is 301"},
		"distance -1":      {func(d *Definition) { d.MaximumMatchDistance = -1 }, "maximumMatchDistance is -1"},
		"three levels":     {func(d *Definition) { d.SeverityLevels = []SeverityLevel{{3, 100}, {1, 1}, {2, 50}} }, ""},
		"four levels":      {func(d *Definition) { d.SeverityLevels = []SeverityLevel{{3, 100}, {1, 1}, {2, 50}, {2, 60}} }, "severityLevels has 4"},
		"the same level":   {func(d *Definition) { d.SeverityLevels = []SeverityLevel{{2, 50}, {2, 60}} }, "two entries for one severity"},
		"falling":          {func(d *Definition) { d.SeverityLevels = []SeverityLevel{{1, 50}, {3, 50}} }, "has to rise"},
		"threshold 0":      {func(d *Definition) { d.SeverityLevels = []SeverityLevel{{1, 0}} }, "severityLevels[0].occurrencesThreshold is 0"},
		"unknown severity": {func(d *Definition) { d.SeverityLevels = []SeverityLevel{{4, 1}} }, "severityLevels[0].severity"},
	} {
		d := &Definition{Name: "n", Regex: "a"}
		v.change(d)
		if err := Check(d); v.want == "" && err != nil || v.want != "" && (err == nil || !strings.Contains(err.Error(), v.want)) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := New([]*Definition{d}); (err == nil) != (v.want == "") {
			t.Errorf("%s: New: %v", name, err)
		}
	}
	d := &Definition{Regex: "a"}
	if n, err := Count(d, strings.Repeat("é", 999)+"a"); n != 1 || err != nil {
		t.Errorf("1,000 characters: %d, %v", n, err)
	}
	for _, sample := range []string{"", strings.Repeat("a", 1001)} {
		if _, err := Count(d, sample); err == nil || !strings.HasPrefix(err.Error(), "sampleText") {
			t.Errorf("a sample of %d characters: %v", len(sample), err)
		}
	}
}

// hostilePatterns are known to ruin one engine or another.
var hostilePatterns = []string{
	`(a|aa)+$`, `(x+x+)+y`, `(a+)+$`, `(a|a?)+b`, `(.*a){12}`, `.*.*=`, `(?s).*x.*y`, `.*foo.*`, `[^\x00]{500}`, `a[ab]{500}c`, `(a?){200}a{200}`, `((a{0,20}){0,20})b`,
	`(a|b|ab)*c`, `(?i)(?:[a-z]{1,30} ){1,12}z`, `\b(\w+\s?){1,60}\d`, `x*?`, `(|a)*`, `\w*?`, `a[^b]*b`, `(?s)a.{0,400}z`, `(?s).{400}q`, `\pL{1,300}\d`,
	strings.TrimSuffix(strings.Repeat("abc|", 128), "|"), alternation(80), `(` + alternation(60) + `)+x`, `[a-z]+@[a-z]+\.[a-z]+`, `(?:[ab]|a[ab]){250}`, `^(a|b)*$`, `(?m)^.*$`,
}

// alternation is a pattern of n different words.
func alternation(n int) string {
	var words []string
	for i := range n {
		words = append(words, fmt.Sprintf("a%cb%d", 'a'+i%26, i))
	}
	return strings.Join(words, "|")
}

func hostileTexts() map[string]string {
	random := rand.New(rand.NewPCG(3, 4))
	of := func(alphabet string) string {
		b := make([]byte, 16<<10)
		for i := range b {
			b[i] = alphabet[random.IntN(len(alphabet))]
		}
		return string(b)
	}
	return map[string]string{
		"a": strings.Repeat("a", 16<<10), "ab": of("ab"), "words": of("abcdefghij \n"), "abz": of("aaaaabz"),
		"base64": of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"), "é": strings.Repeat("é", 8<<10), "foo": strings.Repeat("afoo b=xy@a.c ", 1200),
	}
}

// TestHostile reads hostile texts with hostile patterns: each is refused, or its work stays within the budget by no more than what one
// match can take, and giving up is told.
func TestHostile(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	texts := hostileTexts()
	for _, pattern := range hostilePatterns {
		for _, keywords := range [][]string{nil, {"aaa", "abab", "foo"}} {
			d := &Definition{Name: "n", Regex: pattern, Keywords: keywords, MaximumMatchDistance: 300}
			e, err := New([]*Definition{d})
			if err != nil {
				t.Logf("%.30s: %v", pattern, err)
				continue
			}
			for name, s := range texts {
				if keywords != nil && name != "a" && name != "ab" && name != "foo" {
					continue // the keywords stand in the others seldom or never
				}
				n := 0
				scanner := narrow(e).NewScanner(func(Match) { n++ })
				scanner.Write(running(s))
				scanner.Close()
				m := scanner.rules[0].matcher
				if m == nil {
					continue // no keyword
				}
				most := stepsFree + int64(len(s)*stepsPerByte) + 2*MaxMatch*int64(len(m.p.inst))
				if m.steps > most {
					t.Errorf("%.30s on %s: %d steps, allowed %d", pattern, name, m.steps, most)
				}
				if told := len(scanner.Exhausted()) == 1; told != m.exhausted() {
					t.Errorf("%.30s on %s: told %v", pattern, name, told)
				}
				if m.exhausted() {
					t.Logf("%.30s on %s with %q: given up; %d found, %d steps", pattern, name, keywords, n, m.steps)
				}
			}
		}
	}
}

// TestNoAllocations scans again without allocating, but for what a match itself takes.
func TestNoAllocations(t *testing.T) {
	e := engine(t, &Definition{Name: "a", Regex: `[A-Z]{2}-\d{4,6}`}, &Definition{Name: "b", Regex: `\d+`, Keywords: []string{"badge"}})
	s := e.NewScanner(nil)
	n := 0
	emit := func(Match) { n++ }
	b := running(strings.Repeat("the badge 123 of AB-1234 and no other\n", 10_000))
	scan := func() {
		s.Reset(emit)
		s.Write(b)
		s.Close()
	}
	scan()
	if allocs := testing.AllocsPerRun(3, scan); allocs > 0 || n != 5*30_000 {
		t.Errorf("%v allocations, %d matches", allocs, n)
	}
}
