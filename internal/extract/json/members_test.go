package json

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// Members written as most are, which are read in one go, are told as those that the states read one token after the other: with another blank
// before every token.
func TestMembersAsTheStatesReadThem(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	names := []string{"a", "b", "long name", "größe", `quo\"te`, `\u0061`, "", "a.b"}
	scalars := []string{`"x"`, `"two words"`, `""`, `"esc\n\"aped\\"`, `"grün"`, "0", "7", "-3", "12.5", "1e9", "1.5e-3", "01", "1.", "12x", "true", "null", `"open`, "NaN"}
	var value func(depth int, space string) string
	value = func(depth int, space string) string {
		switch n := r.IntN(8); {
		case depth > 3 || n < 5:
			k := r.IntN(len(scalars) - 4)
			if r.IntN(40) == 0 {
				k = r.IntN(len(scalars))
			}
			return scalars[k]
		case n < 7:
			var all []string
			for range r.IntN(5) {
				all = append(all, space+`"`+names[r.IntN(len(names))]+`"`+space+":"+space+value(depth+1, space))
			}
			return "{" + strings.Join(all, space+",") + space + "}"
		}
		var all []string
		for range r.IntN(4) {
			all = append(all, space+value(depth+1, space))
		}
		return "[" + strings.Join(all, space+",") + space + "]"
	}
	compared := 0
	for i := range 3000 {
		seed := r.Uint64()
		var docs [3]string
		for k, space := range []string{"", " ", "\t\t"} {
			r = rand.New(rand.NewPCG(seed, 1))
			for range 3 {
				docs[k] += value(0, space) + space + "\n"
			}
		}
		want := told(t, new(parser), docs[2])
		for _, doc := range docs[:2] {
			if got := told(t, new(parser), doc); got != want && whole(docs[2]) {
				t.Fatalf("document %d:\n%s\n%s\nwith blanks\n%s\n%s", i, doc, got, docs[2], want)
			}
		}
		if strings.Contains(want, "$") {
			compared++
		}
	}
	if compared < 2000 {
		t.Errorf("only %d documents had values", compared)
	}
}

// whole says that nothing in the document is broken: the rest is text then, blanks and all.
func whole(doc string) bool {
	for _, broken := range []string{"01", "1.", "12x", `"open`} {
		if strings.Contains(doc, broken+"\t") || strings.Contains(doc, broken+"\n") {
			return false
		}
	}
	return true
}
