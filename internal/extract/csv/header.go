package csv

// HasHeader says whether the first of the rows names the columns of a table, judged by the rest; it is the rule for tables of other formats,
// too.
func HasHeader(rows [][][]byte) bool { return hasHeader(rows) }

// CouldNameColumns says whether all cells of a row look like names.
func CouldNameColumns(row [][]byte) bool { return couldNameColumns(row) }

// UsualName says whether a column is often called so, or the like.
func UsualName(name []byte) bool { return usualNames([][]byte{name}) }

// lastHeader is how far from the first row with cells the names may stand: titles and notes stand above them.
const lastHeader = 10

// FindHeader looks for the row that names the columns of a table that may have titles above it and stand anywhere on its sheet: the first row
// with half as many cells as the widest one. If that one does not name them, none does.
func FindHeader(rows [][][]byte) (row int, found bool) {
	widest := 0
	for _, r := range rows {
		_, n := cellsOf(r)
		widest = max(widest, n)
	}
	for i, r := range rows[:min(len(rows), lastHeader)] {
		left, n := cellsOf(r)
		if n*2 < widest {
			continue
		}
		trimmed := make([][][]byte, len(rows)-i)
		for k, r := range rows[i:] {
			trimmed[k] = r[min(left, len(r)):]
		}
		return i, hasHeader(trimmed)
	}
	return 0, false
}

// cellsOf returns the first cell of a row that holds something, and how many do.
func cellsOf(row [][]byte) (first, n int) {
	for i, c := range row {
		if len(c) > 0 {
			if n == 0 {
				first = i
			}
			n++
		}
	}
	return first, n
}
