// Package zip reads zip archives.
package zip

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/flate"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/decompress"
)

// Format is zip with the methods Store, Deflate, Deflate64, BZip2, LZMA, zstd and xz. Encrypted members, and ones packed in another way, are skipped.
var Format = extract.Format{
	Name: "zip",
	MIME: "application/zip",
	About: extract.About{
		Title:   "zip, and what is a zip outside (Java archives, EPUB)",
		Reads:   "Every member that is stored or packed by Deflate, Deflate64, BZip2, LZMA, zstd or xz, Zip64 included, by the central directory.",
		Leaves:  "Encrypted members and those packed in another way; comments of the archive.",
		Sniffed: "The signature, at the beginning or behind a program that unpacks the archive.",
		Places:  "Those of the member, with its path.",
		Reasons: []extract.Reason{extract.UnsupportedFileType},
	},
	Extensions: []string{"zip", "jar", "war", "ear", "aar", "apk", "ipa", "epub", "whl", "nupkg", "vsix", "xpi", "crx", "pyz", "kmz"},
	Archive:    true,
	MaxBytes:   8 * extract.GB,
	First:      "PM\x7f#C",
	Match:      match,
	Extract:    read,
}

func match(h *extract.Head) extract.Score {
	for _, sig := range []string{"PK\x03\x04", "PK\x05\x06", "PK\x07\x08"} {
		if bytes.HasPrefix(h.Bytes, []byte(sig)) {
			return extract.Certain
		}
	}
	// A program or a script that runs what is packed behind it, and the header of Chrome's extensions.
	for _, before := range []string{"MZ", "\x7fELF", "#!", "Cr24"} {
		if bytes.HasPrefix(h.Bytes, []byte(before)) && hasMember(h.Bytes) {
			return extract.Certain
		}
	}
	return extract.No
}

// hasMember says whether a local header is there.
func hasMember(b []byte) bool {
	const maxVersion = 63
	for {
		i := bytes.Index(b, []byte("PK\x03\x04"))
		if i < 0 || len(b) < i+localSize {
			return false
		}
		if h := b[i:]; h[4] <= maxVersion && h[5] == 0 && binary.LittleEndian.Uint16(h[8:]) <= xz && binary.LittleEndian.Uint16(h[26:]) > 0 {
			return true
		}
		b = b[i+4:]
	}
}

// Methods of compression (APPNOTE, 4.4.5).
const (
	stored    = 0
	deflated  = 8
	deflate64 = 9
	bzipped   = 12
	lzma      = 14
	zstdOld   = 20
	zstd      = 93
	xz        = 95
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
	a := &archive{directory: d, in: in, out: out, packed: bufio.NewReaderSize(nil, 32<<10)}
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
	in      *extract.Input
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
	if e.flags&flagEncrypted != 0 {
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
	r, err := a.unpack(e, data)
	if errors.As(err, &p) {
		return a.out.Skip(m, p.Reason)
	}
	if err != nil {
		return a.out.Skip(m, extract.MalformedFile) // if it is the source's, the run has ended
	}
	defer r.Close()
	_, err = a.out.Member(m, &checked{r: r, entry: e})
	return err
}

func (a *archive) unpack(e *entry, data io.Reader) (*decompress.Reader, error) {
	if e.method == stored {
		return &decompress.Reader{Reader: data}, nil
	}
	a.packed.Reset(data)
	switch e.method {
	case deflated:
		if a.inflate == nil {
			a.inflate = flate.NewReader(a.packed)
		} else if err := a.inflate.(flate.Resetter).Reset(a.packed, nil); err != nil {
			a.inflate = flate.NewReader(a.packed)
		}
		return &decompress.Reader{Reader: a.inflate}, nil
	case deflate64:
		return decompress.Deflate64(a.packed), nil
	case bzipped:
		return decompress.Bzip2(a.in, a.packed)
	case lzma:
		return a.lzma(e)
	case zstd, zstdOld:
		return decompress.Zstd(a.in, a.packed)
	case xz:
		return decompress.XZ(a.in, a.packed), nil
	}
	return nil, decompress.Unsupported("method %d", e.method)
}

// lzma reads what stands before the stream: a version, how long the properties are, and these (APPNOTE, 5.8.8).
func (a *archive) lzma(e *entry) (*decompress.Reader, error) {
	const endMark = 1 << 1
	var h [9]byte
	if _, err := io.ReadFull(a.packed, h[:]); err != nil {
		return nil, err
	}
	if h[2] != 5 || h[3] != 0 {
		return nil, extract.Malformed("properties of LZMA")
	}
	size := e.size
	if e.flags&endMark != 0 {
		size = -1
		binary.LittleEndian.PutUint32(h[5:], uint32(min(int64(binary.LittleEndian.Uint32(h[5:])), e.size)))
	}
	return decompress.LZMA(a.in, a.packed, h[4:], size)
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
