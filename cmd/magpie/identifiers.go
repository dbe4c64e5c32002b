package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/managed"
)

type identifiersCommand struct {
	ID string `arg:"" optional:"" help:"Explain this identifier: what it looks like, what it needs, an invented example."`
}

func (c identifiersCommand) Run(std stdio) error {
	all := managed.All()
	slices.SortFunc(all, func(a, b *detect.Identifier) int { return strings.Compare(a.ID, b.ID) })
	if c.ID == "" {
		return listIdentifiers(std.out, all)
	}
	i := slices.IndexFunc(all, func(id *detect.Identifier) bool { return strings.EqualFold(id.ID, c.ID) })
	if i < 0 {
		return fmt.Errorf("there is no managed data identifier %q; magpie identifiers lists them", c.ID)
	}
	return explainIdentifier(std.out, all[i])
}

func listIdentifiers(w io.Writer, all []*detect.Identifier) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tCATEGORY\tKEYWORD NEEDED\tRECOMMENDED")
	yes := map[bool]string{true: "yes", false: "no"}
	for _, id := range all {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", id.ID, id.Category, yes[id.NeedsKeyword()], yes[id.Recommended])
	}
	return table.Flush()
}

// whereFound says of each need where a value is found.
var whereFound = []struct {
	need detect.Need
	text string
}{
	{detect.KeywordUnneeded, "anywhere"},
	{detect.KeywordRequired, "near a keyword"},
	{detect.KeywordAbsent, "away from keywords"},
	{detect.KeywordInField, "in a field so named"},
}

const explainWidth = 100

func explainIdentifier(w io.Writer, id *detect.Identifier) error {
	var b strings.Builder
	line := func(label, value string) {
		for _, part := range wrap(value, explainWidth) {
			fmt.Fprintf(&b, "  %-20s %s\n", label, part)
			label = ""
		}
	}
	fmt.Fprintln(&b, id.ID)
	line("category", string(id.Category))
	for _, where := range whereFound {
		var forms []string
		for i := range id.Layouts {
			l := &id.Layouts[i]
			form := l.Form()
			if l.Whole {
				form = "the whole value"
			}
			if l.Keyword == where.need && form != "" && !slices.Contains(forms, form) {
				forms = append(forms, form)
			}
		}
		label := where.text
		for _, form := range forms {
			line(label, form)
			label = ""
		}
	}
	if id.Example != "" {
		line("example (invented)", strings.NewReplacer("\r", `\r`, "\n", `\n`).Replace(id.Example))
	}
	if len(id.Keywords) > 0 {
		distance := id.Distance
		if distance == 0 {
			distance = detect.DefaultDistance
		}
		side := "before"
		if id.Direction == detect.Either {
			side = "before or behind"
		}
		line("keywords", strings.Join(id.Keywords, ", "))
		line("", fmt.Sprintf("(up to %d characters %s the value, or in the name of its column or path)", distance, side))
	}
	if n := len(id.Refuse); n > 0 {
		line("never reported", fmt.Sprintf("%d reserved or sample values", n))
	}
	line("severity", fmt.Sprintf("%s for 1 occurrence in an object, %s for 2 to 99, %s for 100 or more", id.Severity[0], id.Severity[1], id.Severity[2]))
	line("recommended set", map[bool]string{true: "yes", false: "no"}[id.Recommended])
	line("format defined by", id.Citation)
	fmt.Fprintln(&b, "\n  In the forms 9 is a digit, A a capital, a a letter, X a capital or digit, x a letter or digit,\n  … what is told by its words and by what stands around it.")
	_, err := io.WriteString(w, b.String())
	return err
}

// wrap breaks a text into lines of at most width bytes where it can.
func wrap(s string, width int) []string {
	var lines []string
	for len(s) > width {
		at := strings.LastIndexByte(s[:width+1], ' ')
		if at <= 0 {
			break
		}
		lines = append(lines, s[:at])
		s = s[at+1:]
	}
	return append(lines, s)
}
