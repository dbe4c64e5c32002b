// Package sevenzip reads 7z archives.
package sevenzip

import (
	"bytes"
	"errors"
	"hash"
	"hash/crc32"
	"io"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/decompress"
)

const signature = "7z\xbc\xaf\x27\x1c"

// Format is 7z with the methods Copy, LZMA, LZMA2, PPMd, BZip2, Deflate, Deflate64 and zstd and the filters Delta and BCJ (x86). What is
// encrypted, or packed in another way, is skipped.
var Format = extract.Format{
	Name: "7z",
	MIME: "application/x-7z-compressed",
	About: extract.About{
		Title: "7z archives",
		Reads: "The members, whatever they are.",
		Leaves: "Encrypted members, and all of an archive with an encrypted header; BCJ2 and the filters for processors other than x86; models of " +
			"PPMd over 40 MiB, dictionaries over 32 MiB; links; the other parts of an archive in several files.",
		Sniffed: "The signature.",
		Places:  "Those of the member, with its name.",
		Reasons: []extract.Reason{extract.UnsupportedFileType},
	},
	Extensions: []string{"7z"},
	Archive:    true,
	MaxBytes:   8 * extract.GB,
	First:      "7",
	Match: func(h *extract.Head) extract.Score {
		if bytes.HasPrefix(h.Bytes, []byte(signature)) {
			return extract.Certain
		}
		return extract.No
	},
	Extract: read,
}

// An archive is read from its first folder to its last, each of them once.
type archive struct {
	in   *extract.Input
	out  *extract.Output
	r    io.ReaderAt
	size int64

	folder   *folder   // that was begun
	trouble  error     // of the folder: nothing more can be read of it
	at       int64     // how much of the folder was read
	unpacked io.Reader // of the folder
	coders   []*decompress.Reader
}

func read(in *extract.Input, out *extract.Output) error {
	r, size, err := in.Random()
	if err != nil {
		return err
	}
	a := &archive{in: in, out: out, r: r, size: size}
	defer a.closeFolder()
	c, err := a.open()
	if c == nil || err != nil {
		return err
	}
	s, f, err := c.columns()
	if err != nil || f == nil {
		return err
	}
	if err := checkTotal(s, out.Limits().ExtractedBytes); err != nil {
		return err
	}
	for f.left > 0 {
		t, err := f.next()
		if err != nil {
			return err
		}
		if err := a.file(&t, s); err != nil {
			return err
		}
	}
	return nil
}

// columns reads where the columns of the header are.
func (c *cursor) columns() (*streams, *files, error) {
	s, f := new(streams), (*files)(nil)
	for {
		id, err := c.byte()
		if err != nil {
			return nil, nil, err
		}
		switch id {
		case idEnd:
			return s, f, nil
		case idMainStreams:
			s, err = c.streams()
		case idFiles:
			f, err = c.files()
		default: // nobody writes the others
			err = extract.Malformed("property %d in the header", id)
		}
		if err != nil {
			return nil, nil, err
		}
	}
}

// checkTotal refuses an archive that says itself that it expands too far: then nothing is extracted.
func checkTotal(s *streams, limit int64) error {
	s = s.fork()
	var total int64
	for s.left > 0 || s.inFolder > 0 {
		t, err := s.next()
		var p *extract.Problem
		if errors.As(err, &p) {
			return nil // what precedes the broken place is read all the same
		}
		if err != nil {
			return err
		}
		if total += t.size; total > limit || total < 0 {
			return &extract.Problem{Reason: extract.ArchiveTotalBytesExtractedOverLimit, Detail: "by the header's own account"}
		}
	}
	return nil
}

func (a *archive) file(t *file, s *streams) error {
	m := extract.Member{Name: t.name, Modified: t.modified}
	if !t.hasStream {
		if t.directory {
			return nil
		}
		_, err := a.out.Member(m, bytes.NewReader(nil))
		return err
	}
	st, err := s.next()
	if err != nil {
		return err
	}
	if t.directory || t.link {
		return nil
	}
	m.Size = st.size
	if st.folder != a.folder {
		a.folder, a.at = st.folder, 0
		a.trouble = a.openFolder(st.folder)
	}
	if a.trouble == nil {
		a.trouble = a.pass(st.offset - a.at)
	}
	if a.trouble != nil {
		var p *extract.Problem
		if errors.As(a.trouble, &p) {
			return a.out.Skip(m, p.Reason)
		}
		return a.out.Skip(m, extract.MalformedFile) // if it is the source's, the run has ended
	}
	r := &member{a: a, left: st.size, want: st, sum: newSum()}
	_, err = a.out.Member(m, r)
	return err
}

// pass reads over what was not wanted of the folder.
func (a *archive) pass(n int64) error {
	k, err := io.Copy(struct{ io.Writer }{io.Discard}, a.out.Unpacked(io.LimitReader(a.unpacked, n)))
	a.at += k
	if err == nil && k < n {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// A member is the next file of the folder.
type member struct {
	a    *archive
	left int64
	want stream
	sum  hash.Hash32
}

var errChecksum = errors.New("the member's checksum is wrong")

func (m *member) Read(p []byte) (int, error) {
	if m.left == 0 {
		return 0, m.end()
	}
	if m.a.trouble != nil {
		return 0, m.a.trouble
	}
	n, err := m.a.unpacked.Read(p[:min(int64(len(p)), m.left)])
	m.sum.Write(p[:n])
	m.left -= int64(n)
	m.a.at += int64(n)
	if err == io.EOF {
		err = nil
		if m.left > 0 {
			err = io.ErrUnexpectedEOF
		}
	}
	if m.a.trouble = err; err == nil && m.left == 0 {
		return n, m.end()
	}
	return n, err
}

func (m *member) end() error {
	if m.want.hasCRC && m.sum.Sum32() != m.want.crc {
		return errChecksum
	}
	return io.EOF
}

func newSum() hash.Hash32 { return crc32.NewIEEE() }

func crc(b []byte) uint32 { return crc32.ChecksumIEEE(b) }

func checkSum(r io.Reader, want uint32) error {
	sum := newSum()
	if _, err := io.Copy(sum, r); err != nil {
		return err
	}
	if sum.Sum32() != want {
		return extract.Malformed("the checksum of the header is wrong")
	}
	return nil
}
