// Package text is the language that extraction and detection share: blocks of UTF-8 text with the places their values stand in.
//
// An extractor turns a document into a sequence of blocks; a scanner reads blocks and answers with locations. Neither knows the other.
package text

// Kind says how the places of a document are named (Macie's five kinds of occurrences).
type Kind uint8

const (
	// Lines is running text: a place is a range of lines with the column of its first character.
	Lines Kind = iota
	// Cells is a table: a place is a row and a column.
	Cells
	// Records is a tree or a sequence of trees (JSON, JSON Lines, Avro, Parquet): a place is a record and a path.
	Records
	// Pages is a paged document: a place is a page.
	Pages
)

// A Block is a stretch of a document's text, in document order. Its memory belongs to the extractor: it is valid until the sink returns.
//
// Without Segments the text is running text that continues the previous block's at the very next character, so that a value may straddle
// two blocks. With Segments only the text inside them counts: each is a value of its own (a cell, a JSON string) and nothing matches
// across two of them.
type Block struct {
	Kind     Kind
	Text     []byte // UTF-8; ill-formed input was replaced by U+FFFD
	Segments []Segment
	// Indexes holds the array indexes (0-based) of the segments' paths; Segment.Index points into it.
	Indexes []int64
}

// A Segment is one value: Text[Start:End] of its block.
type Segment struct {
	Start, End int32
	// Field is the column or path that the value stands in; nil for running text inside a structured document (a header row, a comment).
	Field *Field
	// Row is the 1-based row of a cell (a header is row 1), the 0-based record of a record, the 1-based number of a page, and the 1-based
	// line on which running text inside a structured document begins. In a document of Lines it is the 1-based line on which the value begins,
	// with or without a field.
	Row int64
	// Index is where this segment's array indexes begin in Block.Indexes; Field.Arrays says how many there are. In a document of Lines it is
	// the number of characters before the value on its line.
	Index int32
	// More says that the value goes on in the first segment of the next block: a long value is handed over in pieces.
	More bool
}

// A Field is a column or a path, made once and shared by all its values: a scanner may keep what it works out about it by pointer.
type Field struct {
	// Names are the names whose words count as keywords near every value: the column's name, or the elements of the path from outside in.
	Names []string
	// Column is the 1-based column of a table, else 0.
	Column int
	// Sheet is the sheet of a workbook, else "".
	Sheet string
	// Steps is the path of a record: a name, or Array for an array's element.
	Steps []Step
	// Arrays counts the Array steps.
	Arrays int
}

// A Step is one step of a path: an element's name, or an array element whose index stands in Block.Indexes.
type Step struct {
	Name  string
	Array bool
}

// A Location is where a match stands. Which members count is said by Kind and Field.
type Location struct {
	Kind Kind
	// Offset and Length place the match in the document's text in bytes of UTF-8, as the blocks delivered it (running text), or in the
	// value (segments).
	Offset, Length int64
	// Line and EndLine are 1-based and inclusive; Column is the 1-based character on Line at which the match starts. For running text.
	Line, EndLine, Column int64
	// Row is the cell's row, the record or the page, as Segment.Row.
	Row int64
	// Field is the segment's field, nil for running text.
	Field *Field
	// Indexes are the path's array indexes, a copy.
	Indexes []int64
}
