package extract

import (
	"bytes"
	"strings"

	"github.com/magpie-sec/magpie/internal/extract/charset"
	"github.com/magpie-sec/magpie/internal/text"
)

// A Format reads one file format. It holds no state: its functions are called from many goroutines.
type Format struct {
	// Name is the folder's name ("csv").
	Name string
	// MIME is the media type that results show ("text/csv").
	MIME string
	// About is the format's part of docs/formats.md.
	About About
	// Extensions are the usual ones, lower case, without the dot. They only break ties: see Score.
	Extensions []string
	// Kind says how the places of such a document are named.
	Kind text.Kind
	// Archive says that the format consists of other documents and has no text of its own. Members count as a level of nesting whether their
	// container is an archive or a text with attachments.
	Archive bool
	// MaxBytes is the size quota of the format in bytes (Macie's, where it has one); 0 for none.
	MaxBytes int64
	// First are the bytes that a document can begin with as it is stored; "" for any. Of one that begins with another byte Match is not asked.
	First string
	// Match says how well the beginning of a document fits. It must not keep or change the head, but may leave a Memo.
	Match func(h *Head) Score
	// Extract reads the document and delivers its text or its members in order. It returns nil when all of it was read; a Problem with
	// the reason when not; any other error of its own counts as MALFORMED_FILE. Errors of in and out must come back (wrapped or not). It
	// may panic on foreign input, it must not start goroutines.
	Extract func(in *Input, out *Output) error
	// Split says how large documents are read in parts; nil if they are not.
	Split *Split
}

// About is what docs/formats.md tells people of a Format: sentences, each with its full stop, but for the title.
type About struct {
	// Title is what people call such documents ("Word documents (Office Open XML)").
	Title string
	// Reads and Leaves say what of a document is delivered, and what is not.
	Reads, Leaves string
	// Sniffed says by which content the format is recognised.
	Sniffed string
	// Places says how the place of a value is named.
	Places string
	// Reasons are those that the format itself gives for what it leaves. MALFORMED_FILE and the limits of all formats go without saying.
	Reasons []Reason
}

// Missing names the first member that has to be there and is not, "" if none.
func (a About) Missing() string {
	for _, m := range []struct{ name, value string }{
		{"Title", a.Title}, {"Reads", a.Reads}, {"Leaves", a.Leaves}, {"Sniffed", a.Sniffed}, {"Places", a.Places},
	} {
		if m.value == "" {
			return m.name
		}
	}
	return ""
}

// Score says how well a document fits a format. The highest wins, among equals the first in the list of formats.
type Score int

const (
	// No: another format.
	No Score = iota
	// Fallback: can be read that way if nothing else fits.
	Fallback
	// Possible: the content allows it and the extension says so.
	Possible
	// Likely: the content has the shape, but running text could have it as well.
	Likely
	// Certain: a signature, or a shape that nothing else has.
	Certain
)

// HeadSize is how much of a document the formats see when they are asked for a match.
const HeadSize = 64 << 10

// A Head is the beginning of a document.
type Head struct {
	// Bytes are the first HeadSize bytes, or the whole document when Whole is set.
	Bytes []byte
	Whole bool
	// Text is Bytes as UTF-8 without byte order mark, nil when they are not text. A rune cut by the end is left out.
	Text []byte
	// Charset is how Text was decoded.
	Charset charset.Charset
	// Name is the document's name; Extension its extension in lower case.
	Name, Extension string
	// Memo is what a Match found out, for those after it and for Extract, which finds it as Input.Memo.
	Memo any

	mime string // the media type by the signature, once it was looked for
}

func newHead(b []byte, whole bool, name string) *Head {
	h := new(Head)
	h.look(b, whole, name)
	return h
}

// look fills in an empty head.
func (h *Head) look(b []byte, whole bool, name string) {
	h.Bytes, h.Whole, h.Name, h.Extension = b, whole, name, strings.ToLower(Extension(name))
	if bytes.HasPrefix(b, []byte("PK\x03\x04")) {
		h.Charset = charset.Binary // looking for a charset would take longer than reading a small document
		return
	}
	if h.Charset = charset.DetectText(b, whole, h.signed); h.Charset.IsText() {
		h.Text = h.Charset.Decode(b)
	}
}

// Has says whether the head's extension is one of the format's.
func (h *Head) Has(extensions ...string) bool {
	for _, e := range extensions {
		if e == h.Extension {
			return true
		}
	}
	return false
}

// openings has for each byte the formats of documents that can begin with it, by their places in the list.
type openings [256][]uint8

func newOpenings(formats []Format) *openings {
	o := new(openings)
	for b := range o {
		for i := range formats {
			if f := &formats[i]; f.First == "" || strings.IndexByte(f.First, byte(b)) >= 0 {
				o[b] = append(o[b], uint8(i))
			}
		}
	}
	return o
}

// sniff finds the format of a document, its media type and how well it fits. The format is nil for what we do not read.
func (e *Extractor) sniff(h *Head) (best *Format, mime string, score Score) {
	if mime := unsupported(h); mime != "" {
		return nil, mime, No
	}
	e.once.Do(func() { e.openings = newOpenings(e.Formats) })
	first := byte(0)
	if len(h.Bytes) > 0 {
		first = h.Bytes[0]
	}
	for _, i := range e.openings[first] {
		f := &e.Formats[i]
		if s := f.Match(h); s > score {
			best, score = f, s
		}
		if score == Certain {
			break
		}
	}
	if best == nil {
		return nil, h.mediaType(), No
	}
	return best, best.MIME, score
}
