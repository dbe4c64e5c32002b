package classify

import (
	"os"
	"testing"

	"github.com/magpie-sec/magpie/internal/text"
)

func TestCellReference(t *testing.T) {
	for _, c := range []struct {
		sheet  string
		column int
		row    int64
		want   string
	}{
		{"Sheet2", 3, 5, "Sheet2!C5"},
		{"Größe_1", 26, 1, "Größe_1!Z1"},
		{"May 2026", 27, 10, "'May 2026'!AA10"},
		{"Bob's", 703, 1, "'Bob''s'!AAA1"},
		{"ABC12", 16384, 1048576, "'ABC12'!XFD1048576"},
		{"2026", 1, 1, "'2026'!A1"},
	} {
		if got := cellReference(c.sheet, c.column, c.row); got != c.want {
			t.Errorf("%s: got %s, want %s", c.sheet, got, c.want)
		}
	}
}

// A place in a workbook names the sheet, unless the sheet's own name is sensitive.
func TestCellsOfWorkbooks(t *testing.T) {
	body, err := os.ReadFile("../../extract/xlsx/testdata/openpyxl.xlsx")
	must(t, err)
	d := classified(t, "people.xlsx", string(body))
	got := map[string]bool{}
	for _, item := range d.ClassificationResult(100).SensitiveData {
		for _, found := range item.Detections {
			for _, c := range found.Occurrences.Cells {
				if c.CellReference != nil && c.ColumnName != nil {
					got[*found.Type+" "+*c.CellReference+" "+*c.ColumnName] = true
				}
			}
		}
	}
	for _, want := range []string{
		"USA_SOCIAL_SECURITY_NUMBER People!B4 SSN", "USA_SOCIAL_SECURITY_NUMBER People!B6 SSN", "CREDIT_CARD_NUMBER People!D4 Card number",
		"DATE_OF_BIRTH People!C5 Date of birth",
	} {
		if !got[want] {
			t.Errorf("%s is missing: %v", want, got)
		}
	}
	r := &run{classifier: newClassifier(t)}
	for _, f := range []*text.Field{{Sheet: "ssn " + ssn, Column: 2}, {Sheet: "ssn " + ssn, Column: 2, Names: []string{"a"}}} {
		if shown := r.shown(f); shown.Sheet != "" || shown.Column != 2 || len(shown.Names) != len(f.Names) {
			t.Errorf("%+v is shown as %+v", f, shown)
		}
	}
}
