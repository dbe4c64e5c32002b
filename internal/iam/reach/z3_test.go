package reach

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/iam"
)

// TestZ3 has another reasoner compare policies whose statements ask for one text key by patterns: Z3's theory of strings.
func TestZ3(t *testing.T) {
	z3, err := exec.LookPath("z3")
	if err != nil {
		t.Fatal("z3 is needed: make install")
	}
	rounds := 300
	if testing.Short() {
		rounds = 60
	}
	m := maker{rand.New(rand.NewPCG(9, 10))}
	patterns := []string{"a*", "*b", "*a*b*", "?a", "ab", "", "*", "a?b*", "*ab*", "b??", "*ba"}
	type term struct {
		op     string
		values []string
	}
	type statement struct {
		allow bool
		terms []term
	}
	policy := func() (list []statement) {
		for range 1 + m.IntN(3) {
			s := statement{allow: m.IntN(3) > 0}
			for _, op := range []string{"StringLike", "StringNotLike"} {
				if m.IntN(3) > 0 {
					s.terms = append(s.terms, term{op, m.some(patterns...)})
				}
			}
			list = append(list, s)
		}
		return list
	}
	parse := func(list []statement) *iam.Policy {
		var statements []any
		for _, s := range list {
			effect, conditions := "Deny", map[string]any{}
			if s.allow {
				effect = "Allow"
			}
			for _, c := range s.terms {
				conditions[c.op] = map[string]any{"k:one": c.values}
			}
			statements = append(statements, map[string]any{"Effect": effect, "Action": "*", "Resource": "*", "Condition": conditions})
		}
		text, _ := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
		p, err := iam.Parse(string(text), iam.Identity)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	regex := func(pattern string) string {
		parts := []string{`(str.to_re "")`}
		for _, c := range pattern {
			switch c {
			case '*':
				parts = append(parts, "re.all")
			case '?':
				parts = append(parts, "re.allchar")
			default:
				parts = append(parts, fmt.Sprintf("(str.to_re %q)", string(c)))
			}
		}
		return "(re.++ " + strings.Join(parts, " ") + ` (str.to_re ""))`
	}
	formula := func(list []statement) string {
		sides := map[bool]string{}
		for _, s := range list {
			f := "true"
			for _, c := range s.terms {
				any := "false"
				for _, v := range c.values {
					any = "(or " + any + " (str.in_re x " + regex(v) + "))"
				}
				if c.op == "StringLike" {
					f = "(and " + f + " present " + any + ")"
				} else {
					f = "(and " + f + " (or (not present) (not " + any + ")))"
				}
			}
			sides[s.allow] += " " + f
		}
		return "(and (or false" + sides[true] + ") (not (or false" + sides[false] + ")))"
	}
	var script bytes.Buffer
	var want []string
	var texts []string
	script.WriteString("(set-option :timeout 2000)\n(declare-const x String)\n(declare-const present Bool)\n")
	for range rounds {
		a, b := policy(), policy()
		p, q := parse(a), parse(b)
		c, err := NoNewAccess(p, q, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		answer := "sat"
		if c.Passes() {
			answer = "unsat"
		}
		want = append(want, answer)
		texts = append(texts, p.Text()+"\n"+q.Text())
		fmt.Fprintf(&script, "(push)\n(assert %s)\n(assert (not %s))\n(check-sat)\n(pop)\n", formula(a), formula(b))
	}
	cmd := exec.Command(z3, "-in", "-T:120")
	cmd.Stdin = &script
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	got := strings.Fields(string(out))
	if len(got) != len(want) {
		t.Fatalf("%d answers of %d: %.200s", len(got), len(want), out)
	}
	agreed := 0
	for i := range got {
		switch got[i] {
		case "unknown":
		case want[i]:
			agreed++
		default:
			t.Errorf("%s, and Z3 says %s:\n%s", want[i], got[i], texts[i])
		}
	}
	t.Logf("Z3 agrees on %d of %d", agreed, rounds)
	if agreed < rounds*3/4 {
		t.Errorf("Z3 answers only %d of %d", agreed, rounds)
	}
}
