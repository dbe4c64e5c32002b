package extract

import "github.com/magpie-sec/magpie/internal/text"

// A block holds at most so many segments and indexes: together less than half a megabyte.
const (
	maxSegments = 4096
	maxIndexes  = 32 << 10
)

// A Batch gathers the values that a Format finds in a window and delivers many of them in one block, whose text is the window itself.
// Places in the window are given as offsets into it; they must come in order.
type Batch struct {
	out    *Output
	window []byte
	base   int // where the next block begins in the window
	block  text.Block
}

// NewBatch returns an empty batch. There is one per document. Without an output the batch drops what it gets.
func NewBatch(out *Output, kind text.Kind) *Batch {
	if out == nil {
		return &Batch{block: text.Block{Kind: kind}}
	}
	b := out.buffers
	if b.segments == nil {
		b.segments = make([]text.Segment, 0, maxSegments)
	}
	b.batch = Batch{out: out, block: text.Block{Kind: kind, Segments: b.segments, Indexes: b.indexes[:0]}}
	return &b.batch
}

// Window says what the offsets mean from now on. The batch must be flushed.
func (b *Batch) Window(w []byte) { b.window, b.base = w, 0 }

// Add appends the window's text from start to stop as a segment; the rest is as in text.Segment.
func (b *Batch) Add(start, stop int, f *text.Field, row int64, index int32, more bool) {
	n := len(b.block.Segments)
	if n == cap(b.block.Segments) {
		b.block.Segments = append(b.block.Segments, text.Segment{})
	}
	b.block.Segments = b.block.Segments[:n+1]
	// Member by member: a segment built elsewhere and copied costs three times as much.
	s := &b.block.Segments[n]
	s.Start = int32(start - b.base)
	s.End = int32(stop - b.base)
	s.Field = f
	s.Row = row
	s.Index = index
	s.More = more
}

// Indexes appends array indexes and returns where they begin, for Segment.Index.
func (b *Batch) Indexes(indexes []int64) int32 {
	at := int32(len(b.block.Indexes))
	b.block.Indexes = append(b.block.Indexes, indexes...)
	return at
}

// Full says that it is time to flush.
func (b *Batch) Full() bool {
	return len(b.block.Segments) >= maxSegments || len(b.block.Indexes) >= maxIndexes
}

// Flush delivers what was added as one block: the window's text up to a place that all segments end before.
func (b *Batch) Flush(at int) error {
	from := b.base
	b.base = at
	if len(b.block.Segments) == 0 {
		return nil
	}
	var err error
	if b.out != nil {
		b.block.Text = b.window[from:at]
		err = b.out.Text(&b.block)
	}
	b.block.Segments = b.block.Segments[:0]
	b.block.Indexes = b.block.Indexes[:0]
	return err
}
