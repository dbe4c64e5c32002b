package reach

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/iam"
)

// BenchmarkNoNewAccessZ3 puts the question of BenchmarkNoNewAccess to Z3, a process for each question, without its start: what a general
// solver takes for it. The answers have to agree.
func BenchmarkNoNewAccessZ3(b *testing.B) {
	z3, err := exec.LookPath("z3")
	if err != nil {
		b.Fatal("z3 is needed: make install")
	}
	const limit = 20
	ask := func(script string) (string, time.Duration) {
		cmd := exec.Command(z3, "-in", fmt.Sprintf("-T:%d", limit))
		cmd.Stdin = strings.NewReader(script)
		start := time.Now()
		out, err := cmd.Output()
		if err != nil && len(out) == 0 {
			b.Fatal(err)
		}
		return strings.TrimSpace(string(out)), time.Since(start)
	}
	_, starting := ask("(check-sat)")
	for _, c := range fiftyPairs {
		b.Run(c.name, func(b *testing.B) {
			old, changed := fifty(b, c.old), fifty(b, c.changed)
			script := smtKeys + fmt.Sprintf("(assert %s)\n(assert (not %s))\n(check-sat)\n", smtPolicy(b, changed), smtPolicy(b, old))
			want := map[bool]string{true: "unsat", false: "sat"}[c.passes]
			var times []time.Duration
			for b.Loop() {
				answer, took := ask(script)
				if answer != want && answer != "timeout" && answer != "unknown" {
					b.Fatalf("Z3 says %q, not %q", answer, want)
				}
				if answer != want {
					b.Logf("Z3 gives no answer in %d s: %s", limit, answer)
				}
				times = append(times, max(0, took-starting))
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)/2].Microseconds()), "median-us")
		})
	}
}

// smtKeys declares a request of the policies of fifty.
const smtKeys = `(declare-const action String)
(declare-const resource String)
(declare-const tag String)
(declare-const tagged Bool)
(declare-const address (_ BitVec 32))
(declare-const addressed Bool)
(declare-const secure Bool)
`

// smtPolicy writes the requests that a policy of fifty allows as a formula.
func smtPolicy(tb testing.TB, p *iam.Policy) string {
	var document struct {
		Statement []struct {
			Effect    string
			Action    any
			Resource  any
			Condition map[string]map[string]any
		}
	}
	if err := json.Unmarshal([]byte(p.Text()), &document); err != nil {
		tb.Fatal(err)
	}
	sides := map[string]string{}
	for _, s := range document.Statement {
		f := "(and " + smtAny(smtTexts(s.Action), func(v string) string { return smtLike("action", strings.ToLower(v)) }) + " " +
			smtAny(smtTexts(s.Resource), func(v string) string { return smtLike("resource", v) })
		for operator, keys := range s.Condition {
			for _, values := range keys {
				switch operator {
				case "StringEquals":
					f += " tagged " + smtAny(smtTexts(values), func(v string) string { return fmt.Sprintf("(= tag %q)", v) })
				case "IpAddress":
					f += " addressed " + smtAny(smtTexts(values), func(v string) string {
						block := netip.MustParsePrefix(v)
						high := block.Addr().As4()
						return fmt.Sprintf("(= ((_ extract 31 %d) address) ((_ extract 31 %[1]d) #x%x))", 32-block.Bits(), high)
					})
				case "Bool":
					f += " secure"
				default:
					tb.Fatal(operator)
				}
			}
		}
		sides[s.Effect] += " " + f + ")"
	}
	return "(and (or false" + sides["Allow"] + ") (not (or false" + sides["Deny"] + ")))"
}

func smtTexts(v any) (list []string) {
	if s, ok := v.(string); ok {
		return []string{s}
	}
	for _, s := range v.([]any) {
		list = append(list, s.(string))
	}
	return list
}

func smtAny(values []string, f func(string) string) string {
	s := "(or false"
	for _, v := range values {
		s += " " + f(v)
	}
	return s + ")"
}

func smtLike(name, pattern string) string {
	pieces := strings.Split(pattern, "*")
	if len(pieces) == 1 {
		return fmt.Sprintf("(= %s %q)", name, pattern)
	}
	for i, piece := range pieces {
		pieces[i] = fmt.Sprintf("(str.to_re %q)", piece)
	}
	return fmt.Sprintf("(str.in_re %s (re.++ %s))", name, strings.Join(pieces, " re.all "))
}
