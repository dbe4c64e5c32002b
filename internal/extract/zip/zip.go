// Package zip reads zip archives.
package zip

import (
	"bufio"
	"bytes"
	"errors"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/flate"

	"github.com/magpie-sec/magpie/internal/extract"
)

// Format is zip with stored and deflated members. Encrypted members, and ones compressed in another way, are skipped.
var Format = extract.Format{
	Name: "zip",
	MIME: "application/zip",
	About: extract.About{
		Title:   "zip, and what is a zip outside (Java archives, EPUB)",
		Reads:   "Every member that is stored or deflated, Zip64 included, by the central directory.",
		Leaves:  "Encrypted members and those packed in another way; comments of the archive.",
		Sniffed: "The signature.",
		Places:  "Those of the member, with its path.",
		Reasons: []extract.Reason{extract.UnsupportedFileType},
	},
	Extensions: []string{"zip", "jar"},
	Archive:    true,
	MaxBytes:   8 * extract.GB,
	Match: func(h *extract.Head) extract.Score {
		for _, sig := range []string{"PK\x03\x04", "PK\x05\x06", "PK\x07\x08"} {
			if bytes.HasPrefix(h.Bytes, []byte(sig)) {
				return extract.Certain
			}
		}
		return extract.No
	},
	Extract: read,
}

const (
	stored   = 0
	deflated = 8
)

func read(in *extract.Input, out *extract.Output) error {
	r, size, err := in.Random()
	if err != nil {
		return err
	}
	d, err := openDirectory(r, size)
	if err != nil {
		return err
	}
	if err := d.checkTotal(out.Limits().ExtractedBytes); err != nil {
		return err
	}
	a := &archive{directory: d, out: out, packed: bufio.NewReaderSize(nil, 32<<10)}
	return d.walk(a.member)
}

// checkTotal refuses an archive that says itself that it expands too far: then nothing is extracted.
func (d *directory) checkTotal(limit int64) error {
	var total int64
	err := d.walk(func(e *entry) error {
		if total += max(0, e.size); total > limit || total < 0 {
			return &extract.Problem{Reason: extract.ArchiveTotalBytesExtractedOverLimit, Detail: "by the directory's own account"}
		}
		return nil
	})
	var p *extract.Problem
	if errors.As(err, &p) && p.Reason == extract.MalformedFile {
		return nil // what precedes the broken place is read all the same
	}
	return err
}

// An archive is read member by member with the same memory.
type archive struct {
	*directory
	out     *extract.Output
	used    int64
	packed  *bufio.Reader
	inflate io.ReadCloser
}

func (a *archive) member(e *entry) error {
	const fileType, folder, link = 0xf000, 0x4000, 0xa000 // others hold data: what was piped into zip is marked as a pipe
	if e.directoryEntry || e.mode&fileType == folder || e.mode&fileType == link {
		return nil
	}
	m := extract.Member{Name: e.name, Size: e.size, Modified: e.modified}
	if e.flags&flagEncrypted != 0 || e.method != stored && e.method != deflated {
		return a.out.Skip(m, extract.UnsupportedFileType)
	}
	// Members that share bytes make bombs of any size. Without sharing, they fit before the directory, one beside the other.
	if a.used += localSize + e.packed; a.used > a.start-a.base || e.packed < 0 {
		return extract.Malformed("members overlap")
	}
	data, err := a.data(e)
	var p *extract.Problem
	if errors.As(err, &p) {
		return a.out.Skip(m, p.Reason)
	}
	if err != nil {
		return err
	}
	_, err = a.out.Member(m, &checked{r: a.unpack(e.method, data), entry: e})
	return err
}

func (a *archive) unpack(method uint16, data io.Reader) io.Reader {
	if method == stored {
		return data
	}
	a.packed.Reset(data)
	if a.inflate == nil {
		a.inflate = flate.NewReader(a.packed)
	} else if err := a.inflate.(flate.Resetter).Reset(a.packed, nil); err != nil {
		a.inflate = flate.NewReader(a.packed)
	}
	return a.inflate
}

var errChecksum, errSize = errors.New("the member's checksum is wrong"), errors.New("the member's size is wrong")

// checked compares what a member yields with what the directory says of it.
type checked struct {
	r     io.Reader
	entry *entry
	crc   uint32
	n     int64
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.crc = crc32.Update(c.crc, crc32.IEEETable, p[:n])
	c.n += int64(n)
	switch {
	case c.n > c.entry.size, err == io.EOF && c.n < c.entry.size:
		return n, errSize
	case err == io.EOF && c.crc != c.entry.crc:
		return n, errChecksum
	}
	return n, err
}
