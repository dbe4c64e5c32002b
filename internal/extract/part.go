package extract

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/magpie-sec/magpie/internal/extract/charset"
	"github.com/magpie-sec/magpie/internal/text"
)

// A large document can be read in parts if its format splits: rows, records and lines say where. A document is cut into blocks of equal size;
// a part begins with the first line that begins in its block, and ends where the next one begins. In a table a line end may stand inside
// quotes, so that a survey goes before: every block is looked through under both assumptions about its beginning, and once all are, the
// blocks before it say which one holds (see package csv).
//
// What the parts deliver together is what the whole document does. Where a part cannot be sure of that it says so by a Doubt, and the
// document has to be read whole.

// A Split is how documents of a Format are read in parts. The charset is UTF-8 or ASCII.
type Split struct {
	// Can says whether a document that begins like this can be read in parts.
	Can func(h *Head) bool
	// Lines says which bytes end lines.
	Lines func(h *Head) Lines
	// Survey looks through text that begins with a line and ends with one, the first if it is the document's; nil if every line begins a row.
	Survey func(h *Head, r io.Reader, first bool) (Survey, error)
	// Part is Extract for a part.
	Part func(in *Input, out *Output, p *Part) error
}

// Lines are what ends lines: the byte End, unless the one before it is Escape (0 for none).
type Lines struct{ End, Escape byte }

// A Division says how a document could be read in parts.
type Division struct {
	Format   string // its name
	Surveyed bool   // a survey has to go before
	Running  bool   // the parts are running text
}

// A Survey is what a look through a block tells under both assumptions: that it begins outside quotes, and inside. Places are in the document.
type Survey struct {
	From, To int64 // the lines that begin in the block
	// Inside says whether the block then ends inside quotes.
	Inside [2]bool
	// Row is where the first row begins then, -1 if none does.
	Row [2]int64
}

// Cuts returns where parts may begin, given the surveys of all blocks in order: at the first row of each block that has one.
func Cuts(blocks []Survey) []int64 {
	var cuts []int64
	inside := 0
	for _, b := range blocks {
		if row := b.Row[inside]; row >= 0 && (len(cuts) == 0 || row > cuts[len(cuts)-1]) {
			cuts = append(cuts, row)
		}
		if b.Inside[inside] {
			inside = 1
		} else {
			inside = 0
		}
	}
	return cuts
}

// A Part is a stretch of a document that is read by itself.
type Part struct {
	// From and To are the part's place in the document in bytes as stored. With Blocks they are those of a block, and become those of the lines
	// that begin in it.
	From, To int64
	Blocks   bool
	// Beyond is how many bytes behind the part are read with it, if it is running text: to see what begins in it and ends behind it.
	Beyond int64

	// Size of the document, and its head; set before the format is asked.
	Size int64
	Head *Head

	// What was found out. Rows counts the rows, records or lines that end in the part. Text counts the bytes of running text in UTF-8, -1 as long as
	// there may be more. Wide is where the first byte outside ASCII stands, -1 for none, if the head was all ASCII: what stands there decides
	// on the charset of the document, see Extractor.ReadsAsUTF8.
	Rows, Text, Wide int64
	// Names are names that stand in the part and not in the document's head. They were not delivered: in the whole document only the first of the
	// same path is. If something was found in them, the document has to be read whole.
	Names [][]byte
	// Paths is the memory that the paths took which stand not in the head, and MaxPaths what those of a document may take, 0 if it does not matter.
	Paths, MaxPaths int64
	// Doubt says why the parts may not tell what the whole would; "" for no doubt.
	Doubt string
}

// last says whether the part ends with the document.
func (p *Part) last() bool { return p.To >= p.Size }

// Behind returns a window over what stands behind the part; there is nothing left of its own.
func (p *Part) Behind(in *Input) *Window {
	in.src, in.err = io.NewSectionReader(in.at, p.To, min(p.Beyond, p.Size-p.To)), nil
	in.charset = charset.UTF8
	return in.Text()
}

// errNoParts is what reading a part of a document that has none ends with.
var errNoParts = errors.New("extract: the document cannot be read in parts")

// split is what the ways to read a part begin with: the run of an object with random access, its head and its format.
func (e *Extractor) split(ctx context.Context, o Object, sink Sink) (*run, *source, *Head, *Format, error) {
	if o.ReaderAt == nil || o.Size <= 0 {
		return nil, nil, nil, nil, errNoParts
	}
	r := e.newRun(ctx, sink)
	rd := o.Reader
	if rd == nil {
		rd = io.NewSectionReader(o.ReaderAt, 0, o.Size)
	}
	r.source = source{run: r, r: rd, at: o.ReaderAt, size: o.Size}
	src := &r.source
	b := make([]byte, HeadSize)
	n, err := fill(src, b)
	if r.err != nil {
		return nil, nil, nil, nil, r.err
	}
	h := newHead(b[:n], err != nil, o.Name)
	f, _, _ := e.sniff(h)
	if f == nil || f.Split == nil || err != nil || h.Charset.Name != charset.UTF8.Name && h.Charset.Name != charset.ASCII.Name {
		return r, src, h, f, errNoParts
	}
	return r, src, h, f, nil
}

// Divide says how an object could be read in parts, or false. The error is as that of Extract.
func (e *Extractor) Divide(ctx context.Context, o Object) (Division, bool, error) {
	r, _, h, f, err := e.split(ctx, o, nil)
	if errors.Is(err, errNoParts) {
		return Division{}, false, nil
	} else if err != nil {
		return Division{}, false, err
	}
	if o.Size > r.quota(f, 0) || !f.Split.Can(h) {
		return Division{}, false, nil
	}
	return Division{Format: f.Name, Surveyed: f.Split.Survey != nil, Running: f.Kind == text.Lines}, true, nil
}

// Survey looks through the lines of an object that begin in a block. Without one the survey's From is -1, and the object has no parts. The error
// is as that of Extract.
func (e *Extractor) Survey(ctx context.Context, o Object, from, to int64) (Survey, error) {
	r, src, h, f, err := e.split(ctx, o, nil)
	if errors.Is(err, errNoParts) || err == nil && f.Split.Survey == nil {
		return Survey{From: -1}, nil
	} else if err != nil {
		return Survey{}, err
	}
	lines := f.Split.Lines(h)
	if from, to, err = lines.block(src.random(), from, to, o.Size); err != nil {
		return Survey{}, r.or(err)
	}
	if from < 0 {
		return Survey{From: -1}, nil
	}
	s, err := f.Split.Survey(h, io.NewSectionReader(src.random(), from, to-from), from == 0)
	s.From, s.To = from, to
	for i := range s.Row {
		if s.Row[i] >= 0 {
			s.Row[i] += from
		}
	}
	return s, r.or(err)
}

// or returns what ended the run, if anything did, else the error.
func (r *run) or(err error) error {
	if r.err != nil {
		return r.err
	}
	return err
}

// block returns where the first line begins in a block and behind it; -1 if there is none.
func (l Lines) block(at io.ReaderAt, from, to, size int64) (int64, int64, error) {
	first, err := l.next(at, from, to, size)
	if err != nil || first < 0 {
		return -1, -1, err
	}
	end, err := l.next(at, to, to+(to-from), size)
	if end < 0 {
		first = -1
	}
	return first, end, err
}

// next returns where the first line begins at or behind a place; the document's end if none does any more, -1 if none does before limit.
func (l Lines) next(at io.ReaderAt, from, limit, size int64) (int64, error) {
	if from <= 0 {
		return 0, nil
	}
	limit = min(limit, size)
	buf := make([]byte, 32<<10)
	last := byte(0) // the one before buf
	if l.Escape != 0 && from >= 2 {
		if _, err := at.ReadAt(buf[:1], from-2); err != nil && err != io.EOF {
			return 0, err
		}
		last = buf[0]
	}
	for off := from - 1; off < limit; {
		n, err := at.ReadAt(buf[:min(int64(len(buf)), limit-off)], off)
		for i := 0; i < n; {
			k := bytes.IndexByte(buf[i:n], l.End)
			if k < 0 {
				break
			}
			if i += k; i > 0 {
				last = buf[i-1]
			}
			if l.Escape == 0 || last != l.Escape {
				return off + int64(i) + 1, nil
			}
			i++
		}
		if n == 0 || err != nil && err != io.EOF {
			if err == nil || err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return 0, err
		}
		last = buf[n-1]
		off += int64(n)
	}
	if limit == size {
		return size, nil
	}
	return -1, nil
}

// Part reads a part of an object, which Divide said has parts, and tells the sink of it as if it were the object. The result is the part's.
// The error is as that of Extract.
func (e *Extractor) Part(ctx context.Context, o Object, p *Part, sink Sink) (Result, error) {
	r, src, h, f, err := e.split(ctx, o, sink)
	if errors.Is(err, errNoParts) {
		p.Doubt = errNoParts.Error()
		return Result{}, nil
	} else if err != nil {
		return Result{}, err
	}
	p.Size, p.Head, p.Text, p.Wide = o.Size, h, -1, -1
	at := src.random()
	if p.Blocks {
		from, to, err := f.Split.Lines(h).block(at, p.From, p.To, o.Size)
		if err != nil {
			return Result{}, r.or(err)
		}
		if from < 0 {
			p.Doubt = "a line is longer than a block"
			return Result{}, nil
		}
		p.From, p.To, p.Blocks = from, to, false
	}
	b := e.newBuffers()
	defer e.freeBuffers(b)
	d := Document{Name: o.Name, Extension: Extension(o.Name), Size: o.Size, Modified: o.Modified, MIME: f.MIME, Kind: f.Kind}
	b.doc = d
	if r.begin(d) != nil {
		return Result{}, r.err
	}
	var section io.Reader = io.NewSectionReader(at, p.From, p.To-p.From)
	in := &b.in
	*in = Input{run: r, src: section, at: at, size: p.To - p.From, limit: 1<<63 - 1, charset: h.Charset, buffers: b}
	if h.Charset == charset.ASCII {
		in.src = &wideFinder{r: section, part: p, at: p.From}
	}
	if p.From > 0 || h.Charset == charset.ASCII {
		in.charset = charset.UTF8
	}
	part := *f
	part.Extract = func(in *Input, out *Output) error { return f.Split.Part(in, out, p) }
	res := r.read(&part, in)
	if r.err != nil {
		return Result{}, r.err
	}
	if p.Text < 0 {
		p.Text = 0
	}
	return res, r.or(r.finish(d, res))
}

// Ends notes a doubt unless the part is the last or ends as the format says: at the beginning of a row.
func (p *Part) Ends(atRow bool) {
	if !atRow && !p.last() && p.Doubt == "" {
		p.Doubt = "a part does not end with a row"
	}
}

// A wideFinder notes the first byte outside ASCII.
type wideFinder struct {
	r    io.Reader
	part *Part
	at   int64
}

func (w *wideFinder) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if w.part.Wide < 0 {
		if i := charset.FirstWide(p[:n]); i < n {
			w.part.Wide = w.at + int64(i)
		}
	}
	w.at += int64(n)
	return n, err
}

// ReadsAsUTF8 says whether an object whose first byte outside ASCII stands at a place behind its head is read as UTF-8 from there on, as the
// parts of an object are. The error is as that of Extract.
func (e *Extractor) ReadsAsUTF8(ctx context.Context, o Object, wide int64) (bool, error) {
	if o.ReaderAt == nil {
		return false, errNoParts
	}
	look := make([]byte, min(o.Size-wide, charset.DecideOn))
	n, err := io.ReadFull(io.NewSectionReader(o.ReaderAt, wide, int64(len(look))), look)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return false, &SourceError{err}
	}
	switch left := o.Size - wide; {
	case n < len(look), left == charset.DecideOn: // at the very end it depends on how the reads fall whether more is expected
		return false, nil
	default:
		return charset.Later(look, left < charset.DecideOn) == charset.UTF8, ctx.Err()
	}
}
