// Package office is what the formats of office programs share: zip files whose members are parts of one document, XML in constant memory,
// tables with a header row, running text.
package office

import (
	"errors"
	"io"
	"strings"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/zip"
)

const (
	// MaxBytes is how large a document may be: Macie's quota for Excel and Word.
	MaxBytes = 512 << 20
	// maxParts is how many parts a document may have that can hold text; the rest is not read.
	maxParts = 32 << 10
)

// A Package is an open document.
type Package struct {
	parts *zip.Package
	out   *extract.Output
	opc   bool
	total int64
	size  int64
	buf   []byte // of the part that is read
	first error  // the first trouble, which is the document's result when all was read
}

// Open opens a document: Office Open XML with opc, else OpenDocument.
func Open(in *extract.Input, out *extract.Output, opc bool) (*Package, error) {
	p := &Package{out: out, opc: opc}
	r, size, err := in.Random()
	if err != nil {
		return nil, err
	}
	p.size = size
	p.parts, err = zip.OpenPackage(r, size, maxParts, func(name string) bool {
		return strings.HasSuffix(name, ".xml") || strings.HasSuffix(name, ".rels") || opc && strings.Contains(name, "/embeddings/")
	})
	if err != nil && p.parts == nil {
		return nil, p.problem(err)
	}
	p.Note(err)
	if p.parts.More {
		p.Note(extract.Malformed("too many parts"))
	}
	return p, nil
}

// problem gives trouble of the package's or a part's Macie's word: Office has one of its own.
func (p *Package) problem(err error) error {
	var known *extract.Problem
	if errors.As(err, &known) && (known.Reason != extract.MalformedFile || !p.opc) {
		return err
	}
	reason := extract.MalformedFile
	if p.opc {
		reason = extract.MalformedOrFileSizeExceedsLimit
	}
	return &extract.Problem{Reason: reason, Detail: err.Error()}
}

// Note keeps the first trouble; nil is none.
func (p *Package) Note(err error) {
	if err != nil && p.first == nil {
		p.first = p.problem(err)
	}
}

// Result is the first trouble that was noted, nil when the document was read wholly.
func (p *Package) Result() error { return p.first }

// Has says whether there is a part that was not read yet.
func (p *Package) Has(name string) bool { return p.parts.Has(name) }

// Read opens a part and calls f with it. A part that is not there, or was read already, is passed over. Trouble of the part's is noted; what
// f did until then stays. It returns whether the part was there and wholly read.
func (p *Package) Read(name string, f func(x *XML) error) bool {
	if p.tooLarge(p.parts.Size(name)) {
		return false
	}
	r, err := p.parts.Open(name)
	if err != nil || r == nil {
		p.Note(err)
		return false
	}
	// The memory of a part is free while it is read, so that a part may be read within another.
	buf := p.buf
	p.buf = nil
	x := NewXML(&limited{p: p, r: p.out.Unpacked(r)}, buf)
	err = f(x)
	p.buf = x.buf
	if err == nil {
		err = drain(x)
	}
	p.Note(err)
	return err == nil
}

// Embedded calls f with each embedded file, in the order of their names. Trouble with one is noted; an error of f's ends it.
func (p *Package) Embedded(f func(name string, size int64, r io.Reader) error) error {
	if !p.opc {
		return nil
	}
	for _, name := range p.parts.Below("embeddings") {
		size := p.parts.Size(name)
		if p.tooLarge(size) {
			return nil
		}
		r, err := p.parts.Open(name)
		if err != nil || r == nil {
			p.Note(err)
			continue
		}
		if err := f(name, size, &limited{p: p, r: r}); err != nil {
			return err
		}
	}
	return nil
}

// drain reads what f left, so that the part's end and its checksum are looked at.
func drain(x *XML) error {
	for {
		if t, err := x.Next(); t == EOF {
			return err
		}
	}
}

// tooLarge refuses a part that would exceed a limit by its own account.
func (p *Package) tooLarge(more int64) bool {
	if err := p.exceeded(p.total + max(more, 0)); err != nil {
		p.Note(err)
		return true
	}
	return false
}

// exceeded applies the limits that stop archives to what a document expands to.
func (p *Package) exceeded(total int64) error {
	l := p.out.Limits()
	var reason extract.Reason
	switch {
	case total > l.RatioFrom && total/l.Ratio > p.size:
		reason = extract.OOXMLUncompressedRatioExceedsLimit
	case total > l.ExtractedBytes:
		reason = extract.OOXMLUncompressedSizeExceedsLimit
	default:
		return nil
	}
	if !p.opc {
		reason = extract.ArchiveTotalBytesExtractedOverLimit
	}
	return &extract.Problem{Reason: reason, Detail: "the document expands too far"}
}

type limited struct {
	p *Package
	r io.Reader
}

func (l *limited) Read(b []byte) (int, error) {
	n, err := l.r.Read(b)
	l.p.total += int64(n)
	if e := l.p.exceeded(l.p.total); e != nil {
		return n, e
	}
	return n, err
}
