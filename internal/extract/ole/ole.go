package ole

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/office"
)

// A Kind is what a compound file is.
type Kind int

const (
	// Other is something that is not read: drawings, installers, thumbnails, encrypted documents of Office Open XML.
	Other Kind = iota
	// Workbook is .xls, Document .doc, Presentation .ppt, Message .msg.
	Workbook
	Document
	Presentation
	Message
	// unsure is a file whose directory stands behind its head.
	unsure
)

// kinds tells the kinds by a stream of the root, and by the files' extensions.
var kinds = []struct {
	kind       Kind
	stream     string
	extensions []string
}{
	{Document, "WordDocument", []string{"doc", "dot", "wiz"}},
	{Workbook, "Workbook", []string{"xls", "xlt", "xla", "xlm", "xlw"}},
	{Workbook, "Book", nil},
	{Presentation, "PowerPoint Document", []string{"ppt", "pps", "pot", "ppa"}},
	{Message, "__properties_version1.0", []string{"msg", "oft"}},
}

// KindOf returns what a storage holds.
func KindOf(root *Entry) Kind {
	for _, k := range kinds {
		if e := root.Child(k.stream); e != nil && !e.Storage {
			return k.kind
		}
	}
	return Other
}

// A Format is one of the formats in compound files. Read is its Extract, with the file open. Bare, if set, reads documents of the format
// without a compound file around them, which Match then finds.
type Format struct {
	extract.Format
	OLE  Kind
	Read func(f *File, in *extract.Input, out *extract.Output) error
	Bare func(r io.ReaderAt, in *extract.Input, out *extract.Output) error
}

// Formats makes formats of those in compound files, and one for files whose directory stands so far behind that their head does not tell what
// they are. Whatever the head told, the directory decides which of them reads the file.
func Formats(all ...Format) []extract.Format {
	var formats []extract.Format
	for _, a := range all {
		format := a.Format
		switch {
		case a.Bare == nil:
			format.First = signature[:1]
		case a.First != "":
			format.First = signature[:1] + a.First
		}
		format.Match = func(h *extract.Head) extract.Score {
			if Guess(h) == a.OLE {
				return extract.Certain
			}
			if a.Bare != nil {
				return a.Format.Match(h)
			}
			return extract.No
		}
		format.Extract = func(in *extract.Input, out *extract.Output) error { return problem(read(all, a.Bare, in, out)) }
		formats = append(formats, format)
	}
	return append(formats, extract.Format{
		Name: "ole",
		MIME: "application/x-ole-storage",
		About: extract.About{
			Title:   "Compound files whose beginning does not tell what they are",
			Reads:   "What the formats above read.",
			Leaves:  "Drawings, installers, documents with a password and whatever else is kept in such files.",
			Sniffed: "The signature of compound files, with the directory behind the first 64 KiB.",
			Places:  "As in the format that the directory shows.",
			Reasons: []extract.Reason{extract.MalformedOrFileSizeExceedsLimit, extract.UnsupportedFileType},
		},
		Extensions: []string{"ole"},
		MaxBytes:   office.MaxBytes,
		First:      signature[:1],
		Extract:    func(in *extract.Input, out *extract.Output) error { return problem(read(all, nil, in, out)) },
		Match: func(h *extract.Head) extract.Score {
			if Guess(h) == unsure {
				return extract.Certain
			}
			return extract.No
		},
	})
}

// read opens a file and lets the format read it that its directory shows. Bare reads what is no compound file.
func read(all []Format, bare func(io.ReaderAt, *extract.Input, *extract.Output) error, in *extract.Input, out *extract.Output) error {
	r, size, err := in.Random()
	if err != nil {
		return err
	}
	if bare != nil {
		var start [len(signature)]byte
		if _, err := r.ReadAt(start[:], 0); err != nil && err != io.EOF {
			return err
		}
		if string(start[:]) != signature {
			return bare(r, in, out)
		}
	}
	opened := Open
	if len(out.Document().Path) > 0 {
		opened = OpenNested
	}
	f, err := opened(r, size)
	if err != nil {
		return err
	}
	if errors.Is(f.Broken, ErrCut) { // what is left of the directory would give text with gaps
		return f.Broken
	}
	kind := KindOf(f.Root())
	for _, a := range all {
		if a.OLE == kind {
			if err := a.Read(f, in, out); err != nil {
				return err
			}
			return f.Broken
		}
	}
	if f.Broken != nil {
		return f.Broken
	}
	return &extract.Problem{Reason: extract.UnsupportedFileType, Detail: "a compound file of another kind"}
}

// problem gives trouble Macie's word for files of Office.
func problem(err error) error {
	var known *extract.Problem
	if errors.As(err, &known) && known.Reason == extract.MalformedFile {
		return &extract.Problem{Reason: extract.MalformedOrFileSizeExceedsLimit, Detail: known.Detail}
	}
	return err
}

// Guess tells from the head what a compound file is: by its directory, as far as that is there, else by what its first sector holds, else by
// its extension.
func Guess(h *extract.Head) Kind {
	if !bytes.HasPrefix(h.Bytes, []byte(signature)) || len(h.Bytes) < headerSize {
		return Other
	}
	f, err := Open(bytes.NewReader(h.Bytes), int64(len(h.Bytes)))
	if err == nil {
		if kind := KindOf(f.Root()); kind != Other {
			return kind
		}
	}
	if err == nil && f.Broken == nil {
		return Other
	}
	if len(h.Bytes) > headerSize+4 {
		switch first := h.Bytes[headerSize:]; {
		case first[0] == 0xec && first[1] == 0xa5, first[0] == 0xdc && first[1] == 0xa5:
			return Document
		case first[0] == 9 && first[1] == 8 && first[3] == 0 && (first[2] == 16 || first[2] == 8):
			return Workbook
		}
	}
	for _, k := range kinds {
		if h.Has(k.extensions...) {
			return k.kind
		}
	}
	if h.Whole {
		return Other // nothing follows that could tell
	}
	return unsure
}

// Counted returns a reader of a stream whose bytes count against the limits of the run: a file may refer to the same bytes many times.
func Counted(s *Stream, out *extract.Output) io.Reader { return out.Unpacked(s) }

// ReadAll reads a stream of at most limit bytes, nil if there is none.
func (f *File) ReadAll(e *Entry, limit int64) ([]byte, error) {
	if e == nil || e.Storage || e.Size == 0 {
		return nil, nil
	}
	if e.Size > limit || e.Size > f.size {
		return nil, extract.Malformed("a stream is too large")
	}
	b := make([]byte, e.Size)
	return b, full(f.Stream(e), b, 0)
}

// Uint16 and Uint32 read numbers of a stream.
func (s *Stream) Uint16(off int64) (uint16, error) {
	var b [2]byte
	err := full(s, b[:], off)
	return binary.LittleEndian.Uint16(b[:]), err
}

// Uint32 reads four bytes.
func (s *Stream) Uint32(off int64) (uint32, error) {
	var b [4]byte
	err := full(s, b[:], off)
	return binary.LittleEndian.Uint32(b[:]), err
}

// Full reads all of p at an offset.
func (s *Stream) Full(p []byte, off int64) error { return full(s, p, off) }
