package csv

// HasHeader says whether the first of the rows names the columns of a table, judged by the rest; it is the rule for tables of other formats,
// too.
func HasHeader(rows [][][]byte) bool { return hasHeader(rows) }

// CouldNameColumns says whether all cells of a row look like names.
func CouldNameColumns(row [][]byte) bool { return couldNameColumns(row) }
