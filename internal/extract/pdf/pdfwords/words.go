// Package pdfwords says which words of one text another one has, so that two readers of PDF can be compared.
package pdfwords

import (
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// Of returns the words of a text in order: what stands between blanks, in compatibility form (ligatures are letters), as often as it stands
// there.
func Of(text []byte) []string {
	return strings.Fields(marks.Replace(norm.NFKC.String(string(text))))
}

// Missing returns the words that a text lacks, each as often as it is lacking.
func Missing(want, got []string) []string {
	left := map[string]int{}
	for _, w := range got {
		left[w]++
	}
	var missing []string
	for _, w := range want {
		if left[w]--; left[w] < 0 {
			missing = append(missing, w)
		}
	}
	slices.Sort(missing)
	return missing
}

// marks takes out the marks of direction that pdftotext puts in.
var marks = strings.NewReplacer("\u00ad", "-", "\u202a", "", "\u202b", "", "\u202c", "", "\u202d", "", "\u202e", "", "\u200e", "", "\u200f", "")
