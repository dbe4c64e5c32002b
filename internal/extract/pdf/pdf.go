// Package pdf reads the text of PDF documents, page by page.
//
// The parser is ours: the libraries there are hold a whole document in memory, streams included. This one holds the cross-reference table,
// a few parsed objects and one page's text, and reads everything else where it is.
package pdf

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/text"
)

// Format is PDF up to version 2.0, also encrypted with the empty password. A page is a place. The text of a page comes in lines as they
// stand on it, with the values of form fields where they are shown; then notes; the document's information comes last, with the first page.
var Format = extract.Format{
	Name: "pdf",
	MIME: "application/pdf",
	About: extract.About{
		Title: "PDF up to 2.0",
		Reads: "Text of the pages in reading order, columns of tables with their names, values of form fields, notes, the document's information. Encrypted documents " +
			"that open without a password.",
		Leaves:  "Text in pictures; attached files; documents that need a password.",
		Sniffed: "The signature within the first KiB.",
		Places:  "Page.",
		Reasons: []extract.Reason{extract.UnsupportedFileType, extract.FileExceedsSizeLimit},
	},
	Extensions: []string{"pdf"},
	Kind:       text.Pages,
	MaxBytes:   1 * extract.GB,
	Match: func(h *extract.Head) extract.Score {
		b := h.Bytes[:min(len(h.Bytes), 1024)]
		if bytes.HasPrefix(bytes.TrimLeft(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")), "\x00 \t\r\n"), signature) {
			return extract.Certain
		}
		if (h.Text == nil || h.Has("pdf")) && bytes.Contains(b, signature) { // something stands before the document
			return extract.Certain
		}
		return extract.No
	},
	Extract: read,
}

var signature = []byte("%PDF-")

const (
	maxTreeDepth   = 64
	maxAnnotations = 20_000 // of a page
)

func read(in *extract.Input, out *extract.Output) error {
	at, size, err := in.Random()
	if err != nil {
		return err
	}
	f := openFile(at, size)
	if f.locked {
		return &extract.Problem{Reason: extract.UnsupportedFileType, Detail: "needs a password"}
	}
	if f.err != nil {
		return f.err
	}
	r := &reader{f: f, w: &writer{out: out}, in: newInterpreter(f)}
	r.seen = make([]uint64, len(f.table)/64+1)
	return r.document()
}

// A reader walks through a document.
type reader struct {
	f     *file
	w     *writer
	in    *interpreter
	seen  []uint64 // object numbers of pages and their nodes, as bits
	pages int64
	page  page
}

func (r *reader) document() error {
	root := r.f.dict(r.f.trailer["Root"])
	r.page.deliver, r.page.cells = r.w.write, r.w.cells
	tree := r.f.resolve(root["Pages"])
	if d, ok := tree.(dict); ok {
		r.node(root["Pages"], d, nil, 0)
		if n := r.f.int(d["Count"], -1); n > int(r.pages) {
			r.f.damaged = true
		}
	}
	if r.pages == 0 {
		r.orphans()
	}
	if r.page.err == nil && r.f.err == nil {
		r.information()
	}
	if r.page.err != nil {
		return r.page.err
	}
	if r.f.err != nil {
		return r.f.err
	}
	if r.pages == 0 || r.f.damaged {
		return extract.Malformed("something is missing or damaged")
	}
	return nil
}

// first says whether an object is met for the first time. Objects without a number are.
func (r *reader) first(o any) bool {
	id, ok := o.(ref)
	if !ok {
		return true
	}
	if id.num/64 >= len(r.seen) {
		return false
	}
	bit := uint64(1) << (id.num % 64)
	if r.seen[id.num/64]&bit != 0 {
		return false
	}
	r.seen[id.num/64] |= bit
	return true
}

// node walks the page tree in order. Resources are inherited.
func (r *reader) node(o any, d dict, resources any, depth int) {
	if depth > maxTreeDepth || !r.first(o) {
		r.f.damaged = true
		return
	}
	if own := d["Resources"]; own != nil {
		resources = own
	}
	kids, ok := r.f.resolve(d["Kids"]).(array)
	if !ok {
		if d["Type"] == nil && d["Contents"] == nil && d["Annots"] == nil && d["MediaBox"] == nil && depth == 0 {
			return
		}
		r.show(d, resources)
		return
	}
	for _, k := range kids {
		if r.page.err != nil || r.f.err != nil {
			return
		}
		if kid, ok := r.f.resolve(k).(dict); ok {
			r.node(k, kid, resources, depth+1)
		} else {
			r.f.damaged = true
		}
	}
}

// orphans shows the pages of a document whose page tree is gone, in the order of the file.
func (r *reader) orphans() {
	r.f.damaged = true
	if !r.f.repaired {
		r.f.repair()
	}
	type place struct {
		e entry
		n int
	}
	var all []place
	for n, e := range r.f.table {
		if k := e & kinds; (k == inFile || k == inStream) && r.f.err == nil {
			if d, ok := r.f.load(n).(dict); ok && r.f.name(d["Type"]) == "Page" {
				all = append(all, place{e, n})
			}
		}
	}
	slices.SortFunc(all, func(a, b place) int {
		switch {
		case a.e < b.e:
			return -1
		case a.e > b.e:
			return 1
		}
		return 0
	})
	for _, p := range all {
		if r.page.err != nil || r.f.err != nil {
			return
		}
		if d, ok := r.f.load(p.n).(dict); ok {
			r.show(d, d["Resources"])
		}
	}
}

// show delivers the text of a page.
func (r *reader) show(d dict, resources any) {
	r.pages++
	r.w.begin(r.pages)
	r.in.start(&r.page, r.f.dict(resources), unit)
	r.in.run(&contents{f: r.f, parts: r.f.list(d["Contents"])})
	notes := r.annotations(d)
	r.page.flush()
	for _, n := range notes {
		r.page.line(n)
	}
	if r.page.err == nil {
		r.page.err = r.w.end()
	}
}

// contents joins the content streams of a page.
type contents struct {
	f     *file
	parts array
	r     interface{ Read([]byte) (int, error) }
}

// information delivers what the document says about itself.
func (r *reader) information() {
	info := r.f.dict(r.f.trailer["Info"])
	var b strings.Builder
	for _, k := range []name{"Title", "Author", "Subject", "Keywords"} {
		s, _ := r.f.resolve(info[k]).(str)
		if t := strings.TrimSpace(textString(s)); t != "" {
			b.WriteString(string(k) + ": " + t + "\n")
		}
	}
	if b.Len() == 0 {
		return
	}
	r.w.begin(1)
	if r.page.err = r.w.write([]byte(b.String())); r.page.err == nil {
		r.page.err = r.w.end()
	}
}

// textString decodes a text string: UTF-16, UTF-8, or PDFDocEncoding. ISO 32000-2, 7.9.2.2.
func textString(s str) string {
	switch {
	case strings.HasPrefix(string(s), "\xfe\xff"):
		return clear16(utf16BE(s[2:]))
	case strings.HasPrefix(string(s), "\xff\xfe"):
		u := make([]uint16, (len(s)-2)/2)
		for i := range u {
			u[i] = uint16(s[2*i+2]) | uint16(s[2*i+3])<<8
		}
		return clear16(string(utf16.Decode(u)))
	case strings.HasPrefix(string(s), "\xef\xbb\xbf"):
		return strings.ToValidUTF8(string(s[3:]), "\uFFFD")
	}
	table := []rune(pdfDoc)
	var b strings.Builder
	for i := range len(s) {
		if r := table[s[i]]; r != 0 {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// clear16 leaves out language marks and what is no text.
func clear16(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\r' && r != '\t' {
			return -1
		}
		return r
	}, s)
}

// A writer delivers the text of a page as one value, in pieces if it is long, and the cells of a table each by itself.
type writer struct {
	out   *extract.Output
	page  int64
	held  []byte // the last piece, which may be the end
	block text.Block
	seg   [1]text.Segment
}

const pieceSize = 64 << 10

func (w *writer) begin(page int64) { w.page, w.held = page, w.held[:0] }

func (w *writer) write(t []byte) error {
	for len(t) > 0 {
		if len(w.held) >= pieceSize {
			if err := w.send(true); err != nil {
				return err
			}
		}
		n := min(len(t), pieceSize+utf8.UTFMax-len(w.held))
		for n < len(t) && n > 0 && !utf8.RuneStart(t[n]) {
			n--
		}
		w.held = append(w.held, t[:max(n, 1)]...)
		t = t[max(n, 1):]
	}
	return nil
}

func (w *writer) end() error {
	if len(w.held) == 0 {
		return nil
	}
	return w.send(false)
}

// cells delivers cells of the page between two stretches of its text.
func (w *writer) cells(t []byte, cells []text.Segment) error {
	if err := w.end(); err != nil {
		return err
	}
	for i := range cells {
		cells[i].Row = w.page
	}
	w.block = text.Block{Kind: text.Pages, Text: t, Segments: cells}
	return w.out.Text(&w.block)
}

func (w *writer) send(more bool) error {
	w.seg[0] = text.Segment{End: int32(len(w.held)), Row: w.page, More: more}
	w.block = text.Block{Kind: text.Pages, Text: w.held, Segments: w.seg[:]}
	err := w.out.Text(&w.block)
	w.held = w.held[:0]
	return err
}
