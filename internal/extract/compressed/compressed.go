// Package compressed reads files that are one compressed stream: bzip2, zstd, xz, LZMA, lzip, compress, LZ4 and Snappy, each an archive of
// one member.
package compressed

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"encoding/binary"
	"errors"
	"io"
	"strings"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/decompress"
)

// Bzip2 is bzip2.
var Bzip2 = format("bzip2", "application/x-bzip2", extract.About{
	Title:   "bzip2",
	Reads:   "The one document that is packed, whatever it is; several streams in a row are one.",
	Leaves:  "Bytes behind the streams.",
	Sniffed: "The signature.",
	Places:  "Those of the document within, with its name.",
}, map[string]string{"bz2": "", "bzip2": "", "tbz": ".tar", "tbz2": ".tar"}, "B", isBzip2, openBzip2)

// Zstd is zstd (RFC 8878). Frames that need a dictionary, or a window over 32 MiB, are not read.
var Zstd = format("zstd", "application/zstd", extract.About{
	Title:   "Zstandard",
	Reads:   "The one document that is packed, whatever it is; several frames in a row are one.",
	Leaves:  "Frames that need a dictionary or a window over 32 MiB.",
	Sniffed: "The signature.",
	Places:  "Those of the document within, with its name.",
	Reasons: []extract.Reason{extract.UnsupportedFileType},
}, map[string]string{"zst": "", "zstd": "", "tzst": ".tar"}, "\x28"+skippableFirst,
	func(b []byte) bool { return bytes.HasPrefix(skippable(b), []byte("\x28\xb5\x2f\xfd")) }, openZstd)

// XZ is xz with the filters LZMA2, Delta and BCJ of x86.
var XZ = format("xz", "application/x-xz", extract.About{
	Title:   "xz",
	Reads:   "The one document that is packed, whatever it is; several streams in a row are one.",
	Leaves:  "Filters besides LZMA2, Delta and BCJ of x86, and dictionaries over 32 MiB.",
	Sniffed: "The signature.",
	Places:  "Those of the document within, with its name.",
	Reasons: []extract.Reason{extract.UnsupportedFileType},
}, map[string]string{"xz": "", "txz": ".tar"}, decompress.XZMagic[:1],
	func(b []byte) bool { return bytes.HasPrefix(b, []byte(decompress.XZMagic)) }, openXZ)

// LZ4 is LZ4's frame format, and its older one ("legacy").
var LZ4 = format("lz4", "application/x-lz4", extract.About{
	Title:   "LZ4 frames",
	Reads:   "The one document that is packed, whatever it is; several frames in a row are one.",
	Leaves:  "Frames that need a dictionary.",
	Sniffed: "The signature.",
	Places:  "Those of the document within, with its name.",
	Reasons: []extract.Reason{extract.UnsupportedFileType},
}, map[string]string{"lz4": "", "tlz4": ".tar"}, lz4Magic[:1]+lz4Legacy[:1]+skippableFirst,
	func(b []byte) bool {
		return bytes.HasPrefix(skippable(b), []byte(lz4Magic)) || bytes.HasPrefix(b, []byte(lz4Legacy))
	}, openLZ4)

// Snappy is the framing format of Snappy, and that of S2, which extends it.
var Snappy = format("snappy", "application/x-snappy-framed", extract.About{
	Title:   "Snappy and S2, framed",
	Reads:   "The one document that is packed, whatever it is.",
	Leaves:  "Raw Snappy blocks, which have no signature.",
	Sniffed: "The signature.",
	Places:  "Those of the document within, with its name.",
}, map[string]string{"sz": "", "snappy": "", "s2": ""}, "\xff", func(b []byte) bool {
	return bytes.HasPrefix(b, []byte("\xff\x06\x00\x00sNaPpY")) || bytes.HasPrefix(b, []byte("\xff\x06\x00\x00S2sTwO"))
}, openSnappy)

// An opener begins a stream. What it reserved is given back when the document ends; the function, which may be nil, ends the stream.
type opener func(*extract.Input, *bufio.Reader) (io.Reader, func(), error)

// format makes a Format. The extensions come with what stands for them in the member's name. First is as in extract.Format.
func format(name, mime string, about extract.About, extensions map[string]string, first string, match func([]byte) bool, open opener) extract.Format {
	f := extract.Format{
		Name:     name,
		MIME:     mime,
		About:    about,
		Archive:  true,
		MaxBytes: 8 * extract.GB,
		First:    first,
		Match: func(h *extract.Head) extract.Score {
			if match(h.Bytes) {
				return extract.Certain
			}
			return extract.No
		},
		Extract: func(in *extract.Input, out *extract.Output) error { return read(in, out, extensions, open) },
	}
	for e := range extensions {
		f.Extensions = append(f.Extensions, e)
	}
	return f
}

func read(in *extract.Input, out *extract.Output, extensions map[string]string, open opener) error {
	r, done, err := open(in, bufio.NewReaderSize(in, 32<<10))
	if err != nil {
		return problem(err)
	}
	if done != nil {
		defer done()
	}
	s := &stream{r: r}
	// What cannot be read from its first byte on has no member.
	s.head = bufio.NewReaderSize(s, 512)
	if _, err := s.head.Peek(1); err != nil && err != io.EOF {
		return problem(err)
	}
	if _, err := out.Member(extract.Member{Name: memberName(out.Document().Name, extensions), Size: -1}, s.head); err != nil {
		return err
	}
	if s.err != nil && s.err != io.EOF {
		return problem(s.err)
	}
	return nil
}

// problem finds the reason for an error: what is well-formed and needs more than we have is unsupported.
func problem(err error) error {
	switch {
	case errors.Is(err, zstd.ErrUnknownDictionary), errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return &extract.Problem{Reason: extract.UnsupportedFileType, Detail: "the stream needs a dictionary, a window or a filter that we do not have"}
	}
	return err
}

// memberName is the file's name without the extension.
func memberName(file string, extensions map[string]string) string {
	base := file[strings.LastIndexByte(file, '/')+1:]
	ext := extract.Extension(base)
	instead, ok := extensions[strings.ToLower(ext)]
	if stem := strings.TrimSuffix(base, "."+ext); ok && stem != "" {
		return stem + instead
	}
	return base
}

// A stream keeps its error, and takes garbage from its member to the archive: the member ended before it.
type stream struct {
	r    io.Reader
	head *bufio.Reader
	err  error
}

func (s *stream) Read(p []byte) (int, error) {
	for s.err == nil { // blocks may be empty
		var n int
		if n, s.err = s.r.Read(p); n > 0 {
			return n, nil
		}
	}
	if s.err == decompress.ErrGarbage {
		return 0, io.EOF
	}
	return 0, s.err
}

func openXZ(in *extract.Input, br *bufio.Reader) (io.Reader, func(), error) {
	return decompress.XZ(in, br), nil, nil
}

// isBzip2 wants the mark of a block, or of the end of an empty stream, behind the four characters.
func isBzip2(b []byte) bool {
	return len(b) >= 10 && string(b[:3]) == "BZh" && b[3] >= '1' && b[3] <= '9' &&
		(string(b[4:10]) == "1AY&SY" || string(b[4:10]) == "\x17\x72\x45\x38\x50\x90")
}

type bzip2Stream struct{ r io.Reader }

func openBzip2(in *extract.Input, br *bufio.Reader) (io.Reader, func(), error) {
	r, err := decompress.Bzip2(in, br)
	return bzip2Stream{r}, nil, err
}

func (b bzip2Stream) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err == bzip2.StructuralError("bad magic value in continuation file") {
		err = decompress.ErrGarbage
	}
	return n, err
}

type zstdStream struct{ r io.Reader }

func openZstd(in *extract.Input, br *bufio.Reader) (io.Reader, func(), error) {
	r, err := decompress.Zstd(in, br)
	if err != nil {
		return nil, nil, err
	}
	return zstdStream{r}, r.Close, nil
}

func (z zstdStream) Read(p []byte) (int, error) {
	n, err := z.r.Read(p)
	if errors.Is(err, zstd.ErrMagicMismatch) {
		err = decompress.ErrGarbage
	}
	return n, err
}

func openSnappy(in *extract.Input, br *bufio.Reader) (io.Reader, func(), error) {
	memory, block := int64(256<<10), 64<<10
	if b, _ := br.Peek(10); bytes.HasSuffix(b, []byte("S2sTwO")) {
		memory, block = 9<<20, 4<<20
	}
	if _, err := in.Reserve(memory, memory); err != nil {
		return nil, nil, err
	}
	return s2.NewReader(br, s2.ReaderMaxBlockSize(block), s2.ReaderAllocBlock(64<<10)), nil, nil
}

const (
	lz4Magic  = "\x04\x22\x4d\x18"
	lz4Legacy = "\x02\x21\x4c\x18"
)

// An lz4Stream reads one frame after the other.
type lz4Stream struct {
	br *bufio.Reader
	zr *lz4.Reader
}

func openLZ4(in *extract.Input, br *bufio.Reader) (io.Reader, func(), error) {
	// A frame may be followed by one of larger blocks, which nobody writes.
	size := int64(8 << 20)
	if b, _ := br.Peek(6); len(b) == 6 && string(b[:4]) == lz4Magic && b[5]>>4&7 >= 4 {
		size = 64 << 10 << (2 * (b[5]>>4&7 - 4))
	}
	if _, err := in.Reserve(2*size, 2*size); err != nil {
		return nil, nil, err
	}
	return &lz4Stream{br, lz4.NewReader(br)}, nil, nil
}

func (l *lz4Stream) Read(p []byte) (int, error) {
	n, err := l.zr.Read(p)
	if errors.Is(err, lz4.ErrInvalidFrame) { // the first one had its magic number
		err = decompress.ErrGarbage
	}
	if n > 0 || err != io.EOF {
		return n, err
	}
	b, err := l.br.Peek(4)
	switch {
	case len(b) == 0:
		return 0, err
	case len(b) == 4 && (string(b) == lz4Magic || string(b) == lz4Legacy || isSkippable(b)):
		l.zr.Reset(l.br)
		return 0, nil
	case err != nil && err != io.EOF:
		return 0, err
	}
	return 0, decompress.ErrGarbage
}

// skippable returns what follows the frames without data that may precede those of zstd and LZ4.
func skippable(b []byte) []byte {
	for len(b) >= 8 && isSkippable(b) {
		n := 8 + int64(binary.LittleEndian.Uint32(b[4:]))
		if n > int64(len(b)) {
			return nil
		}
		b = b[n:]
	}
	return b
}

// skippableFirst are the bytes that a frame to be skipped begins with.
const skippableFirst = "PQRSTUVWXYZ[\\]^_"

func isSkippable(b []byte) bool { return b[0]&0xf0 == 0x50 && string(b[1:4]) == "\x2a\x4d\x18" }
