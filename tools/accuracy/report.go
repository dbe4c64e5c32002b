package main

import (
	"fmt"
	"strings"
)

// write makes the report.
func write(list []*tally, n, background int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# Accuracy

Made by %[1]smake accuracy%[1]s; do not edit. Every identifier is scored on up to %[2]d invented values and as many near misses. The program that makes them
(%[1]stools/accuracy%[1]s) computes check digits forward from the rules of the authorities and shares no code with the tables that it measures. A value
counts as found if it is reported under its identifier with its exact span, out of one of eleven kinds of text: a form, a letter, a label on the
line above, an env file, a log, JSON, JSON Lines, CSV, YAML, XML, source code. A near miss is a value with a digit changed (where there is a check digit), without its
label, with the label too far, or inside a longer token; for NAME places, firms and things, for ADDRESS incomplete ones.

- **recall**: found of planted. **precision**: found of found and reported near misses. **F1**: their harmonic mean.
- **background**: reports in %.0[3]f MB of Go's standard library without its tests. They are not in the precision, since nobody labelled them:
  nearly all are authors' names in comments, and those are names.
- **elsewhere**: reports on what was planted for another identifier. Countries share keywords and forms ("passport number" and nine digits), and
  Macie reports both; these are not counted as wrong.

`, "`", n, float64(background)/1e6)
	total := tally{}
	for _, t := range list {
		total.add(t)
	}
	b.WriteString("| identifier | planted | recall | near misses | reported | background | precision | F1 | elsewhere |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n")
	row := func(name string, t *tally) {
		fmt.Fprintf(&b, "| %s | %d | %.3f | %d | %d | %d | %.3f | %.3f | %d |\n", name, t.planted, t.recall(), t.misses, t.reported, t.background, t.precision(), t.f1(), t.foreign)
	}
	row("**all**", &total)
	for _, t := range list {
		if t.planted == 0 {
			fmt.Fprintf(&b, "| %s | 0 | not scored | | | %d | | | %d |\n", t.id, t.background, t.foreign)
			continue
		}
		row(t.id, t)
	}
	return b.String()
}
