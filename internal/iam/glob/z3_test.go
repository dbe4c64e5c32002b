package glob

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestWitnessAgreesWithZ3 asks an SMT solver the same questions, of patterns that are larger than enumeration can settle. Each question has a
// process of its own, since the solver now and then crashes; what it leaves open is counted, and must be little.
func TestWitnessAgreesWithZ3(t *testing.T) {
	path, err := exec.LookPath("z3")
	if err != nil {
		t.Fatal("z3 is needed: make install")
	}
	generator := rapid.Custom(func(t *rapid.T) [2][]Pattern {
		var sides [2][]Pattern
		for i := range sides {
			for range rapid.IntRange(1-i, 3).Draw(t, "patterns") {
				sides[i] = append(sides[i], drawLarge(t))
			}
		}
		return sides
	})
	const questions = 150
	witnesses, open := 0, 0
	for i := range questions {
		sides := generator.Example(i)
		witness, found, err := Witness(sides[0], sides[1])
		if err != nil {
			t.Fatalf("Witness(%v, %v): %v", sides[0], sides[1], err)
		}
		var script strings.Builder
		script.WriteString("(declare-const s String)\n")
		if found {
			witnesses++
			// A witness settles the question; the solver confirms it rather than search its own.
			fmt.Fprintf(&script, "(assert (= s %s))\n", smtString(witness))
		}
		for side, patterns := range sides {
			for _, p := range patterns {
				in := fmt.Sprintf("(str.in_re s %s)", smtRegex(p))
				if side == 1 {
					in = "(not " + in + ")"
				}
				script.WriteString("(assert " + in + ")\n")
			}
		}
		script.WriteString("(check-sat)\n")
		cmd := exec.Command(path, "-in", "-t:500", "-T:5")
		cmd.Stdin = strings.NewReader(script.String())
		out, err := cmd.Output()
		switch answer := strings.TrimSpace(string(out)); {
		case answer == "unknown" || answer == "timeout" || answer == "" && err != nil:
			open++
		case answer != "sat" && answer != "unsat":
			t.Fatalf("z3 says %s, %v: %s", answer, err, script.String())
		case (answer == "sat") != found:
			t.Errorf("z3 says %s: in %v, not in %v: %q", answer, sides[0], sides[1], witness)
		}
	}
	t.Logf("%d questions, %d with a witness, %d left open", questions, witnesses, open)
	if open > questions/5 || witnesses < questions/10 || witnesses > questions*9/10 {
		t.Errorf("%d questions, %d with a witness, %d left open", questions, witnesses, open)
	}
}

// drawLarge makes a pattern of pieces that often overlap.
func drawLarge(t *rapid.T) Pattern {
	pieces := rapid.SliceOfN(rapid.SampledFrom([]string{"*", "*", "?", "ab", "aba", "b", "ba", "Ab", ":", "a:b"}), 1, 7).Draw(t, "pieces")
	text := strings.Join(pieces, "")
	switch rapid.IntRange(0, 4).Draw(t, "form") {
	case 0:
		return Action(text)
	case 1:
		return Resource("arn:" + text)
	case 2:
		var b Builder
		b.Text(text)
		return Pattern{tokens: ordered(fields(b.tokens))}
	}
	return Compile(text)
}

func smtString(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// smtRegex writes a pattern as a regular expression of SMT-LIB.
func smtRegex(p Pattern) string {
	noColon := `(re.union (re.range " " "9") (re.range ";" "~"))`
	parts := []string{`(str.to_re "")`}
	for _, t := range p.tokens {
		switch t {
		case star:
			parts = append(parts, `(re.* re.allchar)`)
		case fieldStar:
			parts = append(parts, `(re.* `+noColon+`)`)
		case one:
			parts = append(parts, `re.allchar`)
		case fieldOne:
			parts = append(parts, noColon)
		default:
			letter := string(rune(t))
			if upper := strings.ToUpper(letter); p.folding != foldNone && upper != letter {
				parts = append(parts, `(re.union (str.to_re "`+letter+`") (str.to_re "`+upper+`"))`)
			} else {
				parts = append(parts, `(str.to_re `+smtString(letter)+`)`)
			}
		}
	}
	return "(re.++ " + strings.Join(append(parts, `(str.to_re "")`), " ") + ")"
}
