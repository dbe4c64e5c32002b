// Package gzip reads gzip files as archives of one member.
package gzip

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"

	"github.com/magpie-sec/magpie/internal/extract"
)

// Format is gzip (RFC 1952). Several gzip members in one file are one document, as gunzip has it.
var Format = extract.Format{
	Name: "gzip",
	MIME: "application/gzip",
	About: extract.About{
		Title:   "gzip",
		Reads:   "The one document that is packed, whatever it is.",
		Leaves:  "Bytes behind the stream.",
		Sniffed: "The signature.",
		Places:  "Those of the document within, with its name.",
	},
	Extensions: []string{"gz", "gzip", "tgz"},
	Archive:    true,
	MaxBytes:   8 * extract.GB,
	First:      "\x1f",
	Match: func(h *extract.Head) extract.Score {
		if bytes.HasPrefix(h.Bytes, []byte("\x1f\x8b\x08")) {
			return extract.Certain
		}
		return extract.No
	},
	Extract: read,
}

func read(in *extract.Input, out *extract.Output) error {
	s, _ := streams.Get().(*stream)
	if s == nil {
		s = &stream{br: bufio.NewReaderSize(nil, 32<<10), zr: new(gzip.Reader)}
	}
	s.br.Reset(in)
	err := s.deliver(out)
	// Kept for another document, without what belongs to this one; not if something panics.
	s.br.Reset(nil)
	*s = stream{br: s.br, zr: s.zr}
	streams.Put(s)
	return err
}

// streams keeps those that are done: the memory of a decompressor is many times that of a small object.
var streams sync.Pool

// deliver reads the one member.
func (s *stream) deliver(out *extract.Output) error {
	if err := s.zr.Reset(s.br); err != nil {
		return err
	}
	s.zr.Multistream(false)
	m := extract.Member{Name: memberName(out.Document().Name, s.zr.Name), Size: -1, Modified: s.zr.ModTime}
	if _, err := out.Member(m, s); err != nil {
		return err
	}
	if s.err != nil && s.err != io.EOF {
		return s.err
	}
	if s.garbage {
		return extract.Malformed("bytes that are no gzip follow")
	}
	return nil
}

// memberName names the member as gunzip does, after the file, else as the header does.
func memberName(file, header string) string {
	base := file[strings.LastIndexByte(file, '/')+1:]
	stem, ok := strings.CutSuffix(base, "."+extract.Extension(base))
	switch ext := strings.ToLower(extract.Extension(base)); {
	case ok && stem != "" && ext == "tgz":
		return stem + ".tar"
	case ok && stem != "" && (ext == "gz" || ext == "gzip"):
		return stem
	case header != "":
		return strings.ToValidUTF8(header, "\uFFFD")
	}
	return base
}

// A stream reads the gzip members of a file one after the other.
type stream struct {
	br      *bufio.Reader
	zr      *gzip.Reader
	err     error
	garbage bool
}

func (s *stream) Read(p []byte) (int, error) {
	for s.err == nil {
		n, err := s.zr.Read(p)
		if err == io.EOF {
			err = s.next()
		}
		s.err = err
		if n > 0 {
			return n, nil
		}
	}
	return 0, s.err
}

// next begins the next gzip member. Zeros behind the last one are padding, other bytes are garbage.
func (s *stream) next() error {
	b, err := s.br.Peek(2)
	switch {
	case len(b) == 0:
		return err
	case bytes.Equal(b, []byte("\x1f\x8b")):
		if err := s.zr.Reset(s.br); err != nil {
			return err
		}
		s.zr.Multistream(false)
		return nil
	}
	b, _ = s.br.Peek(s.br.Size())
	s.garbage = len(bytes.Trim(b, "\x00")) > 0
	return io.EOF
}
