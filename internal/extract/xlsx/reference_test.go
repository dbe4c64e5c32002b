package xlsx

import "testing"

func TestReferences(t *testing.T) {
	for _, c := range []struct {
		ref string
		col int
		row int64
	}{{"A1", 0, 1}, {"C5", 2, 5}, {"XFD1048576", 16383, 1048576}, {"AAAA1", 16384, 0}, {"A1048577", 0, 0}, {"", -1, 0}, {"7", -1, 7}, {"A99999999999999999999", 0, 0}} {
		if col, row := reference([]byte(c.ref)); col != c.col || row != c.row {
			t.Errorf("%s: %d, %d", c.ref, col, row)
		}
	}
}
