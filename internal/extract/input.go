package extract

import (
	"bytes"
	"errors"
	"io"

	"github.com/magpie-sec/magpie/internal/extract/charset"
)

// An Input is the bytes of one document. A Format uses it in one of three ways: as a reader of the stored bytes, through Text as a window
// over its text, or through Random.
type Input struct {
	run     *run
	src     io.Reader
	at      io.ReaderAt
	head    []byte // the rest of the head
	err     error  // what follows the head, when the source has ended there
	size    int64
	limit   int64
	charset charset.Charset
	memo    any
	buffers *buffers
	spooled []Spooled
	memory  int64 // what was reserved and not given back

	read     int64
	exceeded bool
	broken   error // what ended the stream that was spooled
}

// Size is the document's size in bytes, -1 when not known.
func (in *Input) Size() int64 { return in.size }

// Charset is how the text is encoded.
func (in *Input) Charset() charset.Charset { return in.charset }

// Memo is what the format's Match left in Head.Memo, nil for nothing.
func (in *Input) Memo() any { return in.memo }

// Read yields the stored bytes.
func (in *Input) Read(p []byte) (int, error) {
	if err := in.run.check(); err != nil {
		return 0, err
	}
	n, err := 0, in.err
	if len(in.head) > 0 {
		n, err = copy(p, in.head), nil
		in.head = in.head[n:]
	} else if err == nil {
		n, err = in.src.Read(p)
		in.err = err
	}
	in.read += int64(n)
	if in.read > in.limit {
		in.exceeded = true
		return 0, errTooLarge
	}
	return n, err
}

var errTooLarge = errors.New("the document exceeds its size quota")

// Text returns a window over the document's text. There is one per document.
func (in *Input) Text() *Window {
	b := in.buffers
	b.text.Reset(in, in.charset)
	b.view = Window{r: &b.text, buf: b.window[:]}
	return &b.view
}

// Random returns random access to the document and its size. A document that is only a stream is spooled first; if the stream breaks off, what
// came before is there, and the document's result will say that it is malformed. Random is used instead of Read.
func (in *Input) Random() (io.ReaderAt, int64, error) {
	if in.at != nil {
		in.read = in.size // the document counts as read, as it does when it is spooled
		return in.at, in.size, nil
	}
	buf := bytes.NewBuffer(make([]byte, 0, max(0, min(in.size, in.run.limits.SpoolMemory))+bytes.MinRead))
	n, err := buf.ReadFrom(io.LimitReader(in, in.run.limits.SpoolMemory))
	if in.brokenOff(err) != nil {
		return nil, 0, err
	}
	if err != nil || n < in.run.limits.SpoolMemory {
		return bytes.NewReader(buf.Bytes()), n, nil
	}
	return in.spool(buf)
}

// newSpool makes a temporary file that is removed when the document ends.
func (in *Input) newSpool() (Spooled, error) {
	r := in.run
	if r.ex.Spool == nil {
		return nil, r.fail(errors.New("extract: a document needs random access: set Extractor.Spool, or Object.ReaderAt and Size"))
	}
	r.outside++
	s, err := r.ex.Spool()
	r.outside--
	if err != nil {
		return nil, r.fail(&SpoolError{err})
	}
	in.spooled = append(in.spooled, s)
	return s, nil
}

// Scratch is an empty temporary file for what a Format must keep aside while it reads, such as a table that the rest of the document refers to.
type Scratch struct {
	io.Writer
	io.ReaderAt
}

// Scratch makes a temporary file, which is removed when the document ends. Small tables belong into memory.
func (in *Input) Scratch() (Scratch, error) {
	s, err := in.newSpool()
	if err != nil {
		return Scratch{}, err
	}
	return Scratch{spoolWriter{in.run, s}, spoolReader{in.run, s}}, nil
}

// decoderMemory is how much the decompressors of one object may keep at once, in bytes: an archive stands in another, and both are open.
const decoderMemory = 48 << 20

// Reserve asks for memory that a decompressor keeps, such as a dictionary. It grants what is wanted, or a good part of what other archives
// around this one have left, but at least so many bytes; if there are not even those, the error is a Problem. What was granted is given
// back with Release, else when the document ends.
func (in *Input) Reserve(want, least int64) (int64, error) {
	left := decoderMemory - in.run.memory
	if least > left {
		return 0, &Problem{ArchiveNestingLevelOverLimit, "the archives around this one have taken the memory of decompressors"}
	}
	n := min(want, max(least, left/3*2))
	in.memory += n
	in.run.memory += n
	return n, nil
}

// Release gives back bytes that Reserve granted.
func (in *Input) Release(n int64) {
	in.memory -= n
	in.run.memory -= n
}

func (in *Input) spool(start io.Reader) (io.ReaderAt, int64, error) {
	r := in.run
	s, err := in.newSpool()
	if err != nil {
		return nil, 0, err
	}
	// The window's memory is free: a document is read as text or at random.
	n, err := io.CopyBuffer(spoolWriter{r, s}, io.MultiReader(start, in), in.buffers.window[:])
	if err := in.brokenOff(err); err != nil {
		return nil, 0, err
	}
	return spoolReader{r, s}, n, nil
}

// brokenOff notes an error of the document, and returns one that ends it.
func (in *Input) brokenOff(err error) error {
	if err == nil || in.exceeded || in.run.err != nil || in.run.stop != "" {
		return err
	}
	in.broken = err
	return nil
}

func (in *Input) close() {
	in.Release(in.memory)
	for _, s := range in.spooled {
		in.run.outside++
		err := s.Close()
		in.run.outside--
		if err != nil {
			in.run.fail(&SpoolError{err})
		}
	}
}

type spoolWriter struct {
	run *run
	w   io.Writer
}

func (s spoolWriter) Write(p []byte) (int, error) {
	s.run.outside++
	n, err := s.w.Write(p)
	s.run.outside--
	if err != nil {
		err = s.run.fail(&SpoolError{err})
	}
	return n, err
}

type spoolReader struct {
	run *run
	r   io.ReaderAt
}

func (s spoolReader) ReadAt(p []byte, off int64) (int, error) {
	return s.run.readAt(s.r, p, off, func(err error) error { return &SpoolError{err} })
}

// WindowSize is how much text a Format sees at once, and so the longest value that is delivered in one piece.
const WindowSize = 128 << 10

// A Window slides over a document's text. The text is well-formed UTF-8, in the same steps however the source's reads fall.
type Window struct {
	r   io.Reader
	buf []byte
	n   int // bytes returned
	cut int // bytes behind them that begin a character
	err error
}

// NewWindow returns a window over a reader of UTF-8, as large as the buffer.
func NewWindow(r io.Reader, buf []byte) *Window { return &Window{r: r, buf: buf} }

// Next moves on: it keeps the last keep bytes of what it returned before, which must be fewer than the window holds, and reads until the
// window is full. The text may be changed in place until the next call. An error says that nothing follows this text: io.EOF at the end
// of the document, another one where it broke off; what was read until then is returned with it.
func (w *Window) Next(keep int) ([]byte, error) {
	w.n = copy(w.buf, w.buf[w.n-keep:w.n+w.cut])
	w.cut = 0
	if w.err == nil {
		var n int
		n, w.err = fill(w.r, w.buf[w.n:])
		w.n += n
		if w.err == nil {
			w.cut = charset.Cut(w.buf[:w.n])
			w.n -= w.cut
		}
	}
	return w.buf[:w.n], w.err
}
