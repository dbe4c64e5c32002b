// Package ppt reads presentations of PowerPoint 97 to 2003 ([MS-PPT]) as running text, slide by slide.
package ppt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zlib"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/office"
	"github.com/magpie-sec/magpie/internal/extract/ole"
	"github.com/magpie-sec/magpie/internal/text"
)

// Format is .ppt, shows and templates.
var Format = ole.Format{
	Format: extract.Format{
		Name: "ppt",
		MIME: "application/vnd.ms-powerpoint",
		About: extract.About{
			Title: "PowerPoint presentations (97 to 2003)",
			Reads: "Slides in their order, each with its notes and comments; headers and footers, text of masters that is no placeholder's, " +
				"targets of links, properties, embedded documents.",
			Leaves:  "Macros, pictures; presentations with a password.",
			Sniffed: "A compound file with PowerPoint's stream.",
			Places:  "Lines: paragraphs are counted as such.",
			Reasons: []extract.Reason{extract.MalformedOrFileSizeExceedsLimit, extract.UnsupportedFileType},
		},
		Extensions: []string{"ppt", "pps", "pot"},
		Kind:       text.Lines,
		MaxBytes:   office.MaxBytes,
	},
	OLE:  ole.Presentation,
	Read: read,
}

const (
	// maxPersist, maxSlides and maxObjects bound the objects of the stream, the slides among them, and what is embedded; maxEdits how often a
	// presentation was saved.
	maxPersist, maxSlides, maxObjects, maxEdits = 128 << 10, 32 << 10, 4 << 10, 16 << 10
	// maxDepth bounds how deep records stand in one another.
	maxDepth = 64
	// maxFooters bounds how many headers and footers are remembered, so that none is written for every slide.
	maxFooters = 1 << 10
	// maxString is how much is read of a short text, such as a link.
	maxString = 8 << 10
)

// Types of records ([MS-PPT] 2.13.24) and of Office's drawings ([MS-ODRAW]).
const (
	recDocument    = 0x03e8
	recSlide       = 0x03ee
	recSlideAtom   = 0x03ef
	recNotes       = 0x03f0
	recPersist     = 0x03f3
	recMaster      = 0x03f8
	recObjects     = 0x0409
	recPlaceholder = 0x0bc3
	recTextChars   = 0x0fa0
	recTextBytes   = 0x0fa8
	recCString     = 0x0fba
	recOleAtom     = 0x0fc3
	recLink        = 0x0fd7
	recFooters     = 0x0fd9
	recSlideList   = 0x0ff0
	recEdit        = 0x0ff5
	recOleData     = 0x1011
	recTagData     = 0x138b
	recDirectory   = 0x1772
	recComment     = 0x2ee0
	recGroup       = 0xf003
	recShape       = 0xf004
	recShapeAtom   = 0xf00a
	recChildAnchor = 0xf00f
	recFurther     = 0xf122

	// propTable is the property of a group that is a table, among those in recFurther.
	propTable = 0x039f

	encrypted = 0xf3d1c4df
)

type presentation struct {
	s       *ole.Stream
	in      *extract.Input
	out     *extract.Output
	flow    *office.Flow
	persist map[uint32]int64
	first   error

	footers     map[string]bool
	placeholder bool // the shape at hand is one of a master
	table       bool // the group at hand is a table
	boxed       bool // the shape at hand may be a cell of it, not a line
	rows        bool // it has a row
	top         uint32
	notes       uint32
	objects     []uint32
	walked      int64
	buf         [8 << 10]byte
	utf8        []byte
}

// A record is a header: its body stands from off to end.
type record struct {
	version, instance int
	kind              int
	off, end          int64
}

type slide struct {
	persist, id uint32
	text, end   int64 // the text of its placeholders in the list of slides
}

func read(f *ole.File, in *extract.Input, out *extract.Output) error {
	p := &presentation{s: f.Stream(f.Root().Child("PowerPoint Document")), in: in, out: out, flow: office.NewFlow(out),
		persist: map[uint32]int64{}, footers: map[string]bool{}}
	err := p.read(f)
	if err == nil {
		p.flow.Break()
		err = f.Properties(f.Root(), p.flow)
	}
	if e := p.flow.Close(); err == nil {
		err = e
	}
	for i := 0; err == nil && i < len(p.objects); i++ {
		err = p.object(p.objects[i], fmt.Sprintf("object %d", i+1))
	}
	if err == nil {
		err = f.Embedded(f.Root(), out)
	}
	if err == nil {
		err = p.first
	}
	return err
}

// tolerate keeps trouble of the document's after which reading goes on, and returns any other.
func (p *presentation) tolerate(err error) error {
	var known *extract.Problem
	if err == nil || errors.Is(err, ole.ErrCut) || !errors.As(err, &known) || known.Reason != extract.MalformedFile {
		return err
	}
	if p.first == nil {
		p.first = err
	}
	return nil
}

// record reads the header at an offset. A body that is said to go beyond limit ends there.
func (p *presentation) record(off, limit int64) (record, error) {
	var h [8]byte
	if err := p.s.Full(h[:], off); err != nil {
		return record{}, err
	}
	v := binary.LittleEndian.Uint16(h[:])
	r := record{version: int(v & 15), instance: int(v >> 4), kind: int(binary.LittleEndian.Uint16(h[2:])), off: off + 8}
	r.end = r.off + int64(binary.LittleEndian.Uint32(h[4:]))
	if r.end > limit {
		if p.first == nil {
			p.first = extract.Malformed("a record goes beyond its end")
		}
		r.end = limit
	}
	return r, nil
}

// each calls f with the records between two offsets.
func (p *presentation) each(off, end int64, f func(r record) error) error {
	for off+8 <= end {
		r, err := p.record(off, end)
		if err != nil {
			return err
		}
		if err := f(r); err != nil {
			return err
		}
		off = r.end
	}
	return nil
}

// bytes reads the first n bytes of a record's body, with zeros for those that it has not.
func (p *presentation) bytes(r record, n int) ([]byte, error) {
	b := make([]byte, n)
	err := p.s.Full(b[:min(int64(n), r.end-r.off)], r.off)
	return b, err
}

func u32(b []byte, at int) uint32 { return binary.LittleEndian.Uint32(b[at:]) }

// read finds the document through the list of its last changes. Without one the stream is read from its beginning.
func (p *presentation) read(f *ole.File) error {
	user, err := f.ReadAll(f.Root().Child("Current User"), 64<<10)
	if err := p.tolerate(err); err != nil {
		return err
	}
	if len(user) >= 20 {
		if u32(user, 12) == encrypted {
			return &extract.Problem{Reason: extract.UnsupportedFileType, Detail: "a presentation with a password"}
		}
		document, err := p.edits(int64(u32(user, 16)))
		if err := p.tolerate(err); err != nil {
			return err
		}
		if off, ok := p.persist[document]; ok {
			if r, err := p.record(off, p.s.Size()); err != nil {
				return err
			} else if r.kind == recDocument {
				return p.document(r)
			}
		}
	}
	if p.first == nil {
		p.first = extract.Malformed("no list of objects")
	}
	return p.walk(record{end: p.s.Size()}, recDocument, 0)
}

// edits gathers where the objects stand, the newest first, and returns the document's number.
func (p *presentation) edits(off int64) (document uint32, err error) {
	for n := 0; off > 0 || n == 0; n++ {
		r, err := p.record(off, p.s.Size())
		if err != nil {
			return document, err
		}
		if r.kind != recEdit || n > maxEdits {
			return document, extract.Malformed("no list of changes")
		}
		b, err := p.bytes(r, 32)
		if err != nil {
			return document, err
		}
		if n == 0 {
			document = u32(b, 16)
			if r.end-r.off >= 32 && u32(b, 28) != 0 {
				return 0, &extract.Problem{Reason: extract.UnsupportedFileType, Detail: "a presentation with a password"}
			}
		}
		if err := p.directory(int64(u32(b, 12))); err != nil {
			return document, err
		}
		if last := int64(u32(b, 8)); last < off {
			off = last
		} else {
			return document, extract.Malformed("the list of changes is a circle")
		}
	}
	return document, nil
}

// directory reads a list of objects: runs of numbers, each with its offsets.
func (p *presentation) directory(off int64) error {
	r, err := p.record(off, p.s.Size())
	if err != nil {
		return err
	}
	if r.kind != recDirectory {
		return extract.Malformed("no list of objects")
	}
	for at := r.off; at+4 <= r.end; {
		run, err := p.s.Uint32(at)
		if err != nil {
			return err
		}
		at += 4
		for i := uint32(0); i < run>>20 && at+4 <= r.end; i++ {
			if len(p.persist) >= maxPersist {
				return extract.Malformed("too many objects")
			}
			v, err := p.s.Uint32(at)
			if err != nil {
				return err
			}
			if id := run&0xfffff + i; true {
				if _, newer := p.persist[id]; !newer {
					p.persist[id] = int64(v)
				}
			}
			at += 4
		}
	}
	return nil
}

// document reads the lists of slides, masters and notes, then what they refer to.
func (p *presentation) document(doc record) error {
	var lists [3][]slide
	var besides []record
	err := p.each(doc.off, doc.end, func(r record) error {
		switch {
		case r.kind == recSlideList && r.instance < len(lists):
			list := &lists[r.instance]
			return p.each(r.off, r.end, func(r record) error {
				if r.kind != recPersist {
					if n := len(*list); n > 0 {
						(*list)[n-1].end = r.end
					}
					return nil
				}
				b, err := p.bytes(r, 16)
				if err != nil {
					return err
				}
				if len(*list) >= maxSlides {
					return extract.Malformed("too many slides")
				}
				*list = append(*list, slide{u32(b, 0), u32(b, 12), r.end, r.end})
				return nil
			})
		case (r.kind == recObjects || r.kind == recFooters) && len(besides) < maxFooters:
			besides = append(besides, r)
		}
		return nil
	})
	if err := p.tolerate(err); err != nil {
		return err
	}
	notes := map[uint32]uint32{}
	for _, s := range lists[2] {
		notes[s.id] = s.persist
	}
	seen := map[int64]bool{}
	for _, s := range lists[0] {
		p.notes = 0
		if err := p.tolerate(p.walk(record{off: s.text, end: s.end}, recSlide, 0)); err != nil {
			return err
		}
		if err := p.tolerate(p.container(s.persist, seen)); err != nil {
			return err
		}
		if p.notes != 0 {
			if err := p.tolerate(p.container(notes[p.notes], seen)); err != nil {
				return err
			}
		}
	}
	for _, list := range [][]slide{lists[2], lists[1]} { // notes of no slide, masters
		for _, s := range list {
			if err := p.tolerate(p.container(s.persist, seen)); err != nil {
				return err
			}
		}
	}
	for _, r := range besides {
		if err := p.tolerate(p.walk(r, r.kind, 0)); err != nil {
			return err
		}
	}
	return nil
}

// container reads a slide, its notes or a master by its number. Records overlap in no sound file.
func (p *presentation) container(id uint32, seen map[int64]bool) error {
	off, ok := p.persist[id]
	if !ok || seen[off] {
		return nil
	}
	seen[off] = true
	r, err := p.record(off, p.s.Size())
	if err != nil {
		return err
	}
	if p.walked += r.end - r.off; p.walked > 2*p.s.Size() {
		return &extract.Problem{Reason: extract.MalformedOrFileSizeExceedsLimit, Detail: "slides overlap"}
	}
	switch r.kind {
	case recSlide, recNotes, recMaster:
		return p.walk(r, r.kind, 0)
	}
	return nil
}

// walk writes the text in a record, of which inside is the kind of the slide, list or comment that it is part of.
func (p *presentation) walk(in record, inside, depth int) error {
	if depth > maxDepth {
		return extract.Malformed("records stand too deep in one another")
	}
	return p.each(in.off, in.end, func(r record) error {
		switch r.kind {
		case recTextChars, recTextBytes:
			if inside == recMaster && p.placeholder {
				return nil
			}
			return p.text(r)
		case recCString:
			return p.string(r, inside)
		case recPlaceholder:
			p.placeholder = true
		case recSlideAtom:
			if inside == recSlide {
				b, err := p.bytes(r, 20)
				p.notes = u32(b, 16)
				return err
			}
		case recOleAtom:
			b, err := p.bytes(r, 20)
			if len(p.objects) < maxObjects {
				p.objects = append(p.objects, u32(b, 16))
			}
			return err
		case recTagData:
			return p.walk(r, inside, depth+1)
		case recFurther:
			return p.further(r)
		case recShapeAtom:
			p.boxed = r.instance == 1 || r.instance == 202 // a rectangle, a text box
		case recChildAnchor:
			return p.cell(r)
		}
		if r.version != 15 {
			return nil
		}
		switch r.kind {
		case recGroup:
			return p.group(r, inside, depth)
		case recShape:
			p.placeholder = false
		case recSlide, recNotes, recMaster, recLink, recFooters, recComment:
			return p.walk(r, r.kind, depth+1)
		}
		return p.walk(r, inside, depth+1)
	})
}

// group reads shapes that belong together. A table is a group of its cells, row by row, and of the lines between them.
func (p *presentation) group(r record, inside, depth int) error {
	around := p.table
	p.table, p.rows = false, false
	err := p.walk(r, inside, depth+1)
	if p.table {
		if e := p.flow.EndTable(); err == nil {
			err = e
		}
	}
	p.table, p.rows = around, false
	return err
}

// further looks for the property that makes a table of the group.
func (p *presentation) further(r record) error {
	b, err := p.bytes(r, min(6*r.instance, 1<<10))
	if err != nil {
		return err
	}
	for ; len(b) >= 6 && !p.table; b = b[6:] {
		if binary.LittleEndian.Uint16(b)&0x3fff == propTable && b[2]&1 != 0 {
			p.table = true
			p.flow.Table()
		}
	}
	return nil
}

// cell begins a cell, by the place of its shape in the group.
func (p *presentation) cell(r record) error {
	if !p.table || !p.boxed {
		return nil
	}
	b, err := p.bytes(r, 8)
	if err != nil {
		return err
	}
	if top := u32(b, 4); !p.rows || top != p.top {
		p.rows, p.top = true, top
		if err := p.flow.Row(false); err != nil {
			return err
		}
	}
	p.flow.Cell(1)
	return nil
}

// text writes a text: paragraphs end with a carriage return, lines in them with a vertical tab. A lone asterisk stands for a number or a date.
func (p *presentation) text(r record) error {
	width := int64(1)
	if r.kind == recTextChars {
		width = 2
	}
	p.flow.Paragraph()
	src := p.out.Unpacked(io.NewSectionReader(p.s, r.off, r.end-r.off))
	for left := (r.end - r.off) / width * width; left > 0; {
		n := min(left, int64(len(p.buf)))
		if _, err := io.ReadFull(src, p.buf[:n]); err != nil {
			if err == io.EOF || err == io.ErrUnexpectedEOF {
				err = ole.ErrCut
			}
			return err
		}
		left -= n
		b := p.buf[:n]
		p.utf8 = p.utf8[:0]
		if width == 1 {
			for _, c := range b {
				if c < 0x80 {
					p.utf8 = append(p.utf8, c)
				} else {
					p.utf8 = append(p.utf8, 0xc0|c>>6, 0x80|c&0x3f)
				}
			}
		} else {
			var half [4]byte
			if b[n-1]&0xfc == 0xd8 && left > 0 { // the other half of the character follows
				copy(half[:], b[n-2:])
				if _, err := io.ReadFull(src, half[2:]); err != nil {
					return err
				}
				left -= 2
				p.utf8 = ole.AppendUTF16(p.utf8, b[:n-2])
				p.utf8 = ole.AppendUTF16(p.utf8, half[:])
			} else {
				p.utf8 = ole.AppendUTF16(p.utf8, b)
			}
		}
		if r.end-r.off == width && p.utf8[0] == '*' {
			return nil
		}
		if err := p.lines(p.utf8); err != nil {
			return err
		}
	}
	p.flow.Break()
	return nil
}

func (p *presentation) lines(b []byte) error {
	for len(b) > 0 {
		n := bytes.IndexFunc(b, func(r rune) bool { return r < ' ' && r != '\t' })
		if n < 0 {
			n = len(b)
		}
		if _, err := p.flow.Write(b[:n]); err != nil {
			return err
		}
		if n == len(b) {
			return nil
		}
		if c := b[n]; c == '\r' || c == '\n' || c == 0x0b {
			p.flow.Break()
		}
		b = b[n+1:]
	}
	return nil
}

// string writes a short text of a comment, a header or footer, or the target of a link.
func (p *presentation) string(r record, inside int) error {
	if inside == recFooters || inside == recLink && r.instance == 1 {
		b, err := p.bytes(record{off: r.off, end: r.end}, int(min(r.end-r.off, maxString))&^1)
		if err != nil {
			return err
		}
		s := string(ole.AppendUTF16(nil, b))
		if p.footers[s] || len(p.footers) >= maxFooters || len(s) >= 7 && (s[:7] == "mailto:") {
			return nil
		}
		p.footers[s] = true
	} else if inside != recComment || r.instance != 1 {
		return nil
	}
	r.kind = recTextChars
	return p.text(r)
}

// object delivers an embedded object: a compound file, mostly compressed, that is or holds a document.
func (p *presentation) object(id uint32, name string) error {
	off, ok := p.persist[id]
	if !ok {
		return nil
	}
	delete(p.persist, id)
	r, err := p.record(off, p.s.Size())
	if err != nil || r.kind != recOleData {
		return err
	}
	var src io.Reader = io.NewSectionReader(p.s, r.off, r.end-r.off)
	if r.instance == 1 {
		if r.end-r.off < 4 {
			return p.tolerate(extract.Malformed("an embedded object is cut"))
		}
		z, err := zlib.NewReader(io.NewSectionReader(p.s, r.off+4, r.end-r.off-4))
		if err != nil {
			return p.broken(err)
		}
		src = z
	}
	scratch, err := p.in.Scratch()
	if err != nil {
		return err
	}
	n, err := io.Copy(scratch, p.out.Unpacked(src))
	if err := p.broken(err); err != nil {
		return err
	}
	f, err := ole.OpenNested(scratch, n)
	if err == nil {
		_, err = f.Object(f.Root(), name, p.out)
	}
	return p.broken(err)
}

// broken notes trouble of an embedded object's.
func (p *presentation) broken(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ole.ErrCut), errors.Is(err, zlib.ErrHeader), errors.Is(err, zlib.ErrChecksum), errors.Is(err, io.ErrUnexpectedEOF):
		return p.tolerate(extract.Malformed("an embedded object is broken"))
	}
	return p.tolerate(err)
}
