package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/magpie-sec/magpie/internal/detect/managed"
)

type identifiersCommand struct {
	ID string `arg:"" optional:"" help:"Explain this identifier."`
}

func (c identifiersCommand) Run(std stdio) error {
	if c.ID != "" {
		return explainIdentifier(c.ID, std)
	}
	table := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tCATEGORY\tKEYWORD NEEDED\tRECOMMENDED")
	yes := map[bool]string{true: "yes", false: "no"}
	for _, id := range managed.All() {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", id.ID, id.Category, yes[id.NeedsKeyword()], yes[id.Recommended])
	}
	return table.Flush()
}

func explainIdentifier(name string, std stdio) error {
	for _, id := range managed.All() {
		if id.ID != name {
			continue
		}
		fmt.Fprintf(std.out, "%s\n  category     %s\n  severity     %s for 1 occurrence in an object, %s for 2 to 99, %s for 100 or more\n",
			id.ID, id.Category, id.Severity[0], id.Severity[1], id.Severity[2])
		fmt.Fprintf(std.out, "  recommended  %t\n  format       %s\n", id.Recommended, id.Citation)
		if len(id.Keywords) > 0 {
			fmt.Fprintf(std.out, "  keywords     %s\n", strings.Join(id.Keywords, ", "))
		}
		return nil
	}
	return fmt.Errorf("there is no managed data identifier %q; magpie identifiers lists them", name)
}
