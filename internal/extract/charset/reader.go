package charset

import (
	"bytes"
	"encoding/binary"
	"io"
	"unicode/utf8"

	"golang.org/x/text/transform"
)

// DecideOn is how many bytes, from the first that is not ASCII, decide the charset of a text whose head was all ASCII.
const DecideOn = 4 << 10

// NewReader reads a text as UTF-8 without its byte order mark. What does not belong there becomes U+FFFD. A read may end inside a character.
func NewReader(r io.Reader, c Charset) io.Reader {
	if c.enc != nil {
		return &legacyReader{r: r, skip: c.bom, c: c}
	}
	return &Reader{r: r, skip: c.bom, open: c == ASCII}
}

// Reset makes of a reader what NewReader returns.
func (r *Reader) Reset(src io.Reader, c Charset) {
	*r = Reader{mended: r.mended[:0]}
	if cap(r.mended) > maxMended {
		r.mended = nil
	}
	if c.enc != nil {
		r.other = NewReader(src, c)
		return
	}
	r.r, r.skip, r.open = src, c.bom, c == ASCII
}

// maxMended is how much memory for mended text is kept for another document.
const maxMended = 64 << 10

// legacyReader decodes with x/text, which wants the mark removed first.
type legacyReader struct {
	r    io.Reader
	c    Charset
	skip int
	dec  io.Reader
}

func (l *legacyReader) Read(p []byte) (int, error) {
	if l.dec == nil {
		if _, err := io.CopyN(io.Discard, l.r, int64(l.skip)); err != nil {
			return 0, err
		}
		l.dec = transform.NewReader(l.r, l.c.enc.NewDecoder())
	}
	return l.dec.Read(p)
}

// A Reader reads a text as UTF-8, as NewReader says. UTF-8 is passed on, checked in the caller's own memory.
type Reader struct {
	r     io.Reader
	skip  int
	open  bool      // all was ASCII so far
	other io.Reader // once the charset turned out to be another one

	tail    [utf8.UTFMax]byte // a sequence that the last read cut
	tailLen int
	pending []byte // text that did not fit into the caller's memory
	mended  []byte // memory for it
	err     error
}

const smallRead = 64

func (r *Reader) Read(p []byte) (int, error) {
	for {
		switch {
		case len(r.pending) > 0:
			n := copy(p, r.pending)
			r.pending = r.pending[n:]
			return n, nil
		case r.other != nil:
			return r.other.Read(p)
		case r.err != nil:
			return 0, r.err
		case len(p) == 0:
			return 0, nil
		case len(p) < smallRead:
			var room [smallRead]byte
			n, err := r.read(room[:])
			r.pending = append(room[:n:n], r.pending...)
			if len(r.pending) == 0 {
				return 0, err
			}
		default:
			if n, err := r.read(p); n > 0 || err != nil || len(r.pending) == 0 {
				return n, err
			}
		}
	}
}

// read fills p from its beginning with checked text.
func (r *Reader) read(p []byte) (int, error) {
	n := copy(p, r.tail[:r.tailLen])
	r.tailLen = 0
	k, err := r.r.Read(p[n:])
	n += k
	r.err = err
	if r.skip > 0 {
		gone := min(r.skip, n)
		r.skip -= gone
		n = copy(p, p[gone:n])
	}
	b := p[:n]
	if r.open {
		i := asciiLen(b)
		if i == n {
			return n, r.end(n)
		}
		r.decide(b[i:])
		return i, nil
	}
	if err == nil {
		r.tailLen = copy(r.tail[:], b[n-Cut(b):])
		b = b[:n-r.tailLen]
	}
	if utf8.Valid(b) {
		return len(b), r.end(len(b))
	}
	return r.replace(b)
}

// end holds an error back while there is text to return.
func (r *Reader) end(n int) error {
	if n > 0 {
		return nil
	}
	return r.err
}

// replace returns what is well-formed at once and keeps the rest, mended, for the next reads: it may have grown.
func (r *Reader) replace(b []byte) (int, error) {
	good := 0
	for good < len(b) {
		c, n := utf8.DecodeRune(b[good:])
		if c == utf8.RuneError && n == 1 {
			break
		}
		good += n
	}
	r.mended = replaceIllFormed(r.mended[:0], b[good:])
	r.pending = r.mended
	return good, nil
}

// decide chooses the charset when ASCII ends, from a fixed number of bytes, so that it does not depend on how the reads fall.
func (r *Reader) decide(rest []byte) {
	look := bytes.Clone(rest)
	for len(look) < DecideOn && r.err == nil {
		var buf [512]byte
		n, err := r.r.Read(buf[:min(len(buf), DecideOn-len(look))])
		look, r.err = append(look, buf[:n]...), err
	}
	c := Later(look[:min(len(look), DecideOn)], r.err != nil && len(look) <= DecideOn)
	again := io.MultiReader(bytes.NewReader(look), &ended{r.r, r.err})
	r.open, r.err = false, nil
	if c.enc != nil {
		r.other = NewReader(again, c)
		return
	}
	r.r = again
}

// Later returns the charset of a text that was ASCII up to here: look is what stands from the first other byte on, the next DecideOn bytes, or
// fewer if whole says that the text ends behind them.
func Later(look []byte, whole bool) Charset {
	c, _ := Detect(look, whole)
	if !c.IsText() || c == ASCII || c.bom > 0 {
		return UTF8
	}
	return c
}

// ended is a reader that may already have said its error.
type ended struct {
	r   io.Reader
	err error
}

func (e *ended) Read(p []byte) (int, error) {
	if e.err != nil {
		return 0, e.err
	}
	return e.r.Read(p)
}

// FirstWide returns where the first byte outside ASCII stands, len(b) if there is none.
func FirstWide(b []byte) int { return asciiLen(b) }

// asciiLen returns how many bytes at the beginning are ASCII.
func asciiLen(b []byte) int {
	i := 0
	for ; i+32 <= len(b); i += 32 {
		t := (*[32]byte)(b[i:])
		w := binary.LittleEndian.Uint64(t[0:]) | binary.LittleEndian.Uint64(t[8:]) | binary.LittleEndian.Uint64(t[16:]) | binary.LittleEndian.Uint64(t[24:])
		if w&0x8080808080808080 != 0 {
			break
		}
	}
	for ; i < len(b) && b[i] < utf8.RuneSelf; i++ {
	}
	return i
}
