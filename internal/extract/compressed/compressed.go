// Package compressed reads files that are one compressed stream: bzip2, zstd, xz, LZ4 and Snappy, each an archive of one member.
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
)

// maxWindow is how far back in its output a stream may reach: what its decompressor must keep. zstd needs it up to level 20, xz up to -8.
const maxWindow = 32 << 20

// errGarbage says that bytes follow the last stream which begin no other.
var errGarbage = errors.New("bytes that are no compressed stream follow")

// Bzip2 is bzip2.
var Bzip2 = format("bzip2", "application/x-bzip2", extract.About{
	Title:   "bzip2",
	Reads:   "The one document that is packed, whatever it is; several streams in a row are one.",
	Leaves:  "Bytes behind the streams.",
	Sniffed: "The signature.",
	Places:  "Those of the document within, with its name.",
}, map[string]string{"bz2": "", "bzip2": "", "tbz": ".tar", "tbz2": ".tar"}, isBzip2, openBzip2)

// Zstd is zstd (RFC 8878). Frames that need a dictionary, or a window over 32 MiB, are not read.
var Zstd = format("zstd", "application/zstd", extract.About{
	Title:   "Zstandard",
	Reads:   "The one document that is packed, whatever it is; several frames in a row are one.",
	Leaves:  "Frames that need a dictionary or a window over 32 MiB.",
	Sniffed: "The signature.",
	Places:  "Those of the document within, with its name.",
	Reasons: []extract.Reason{extract.UnsupportedFileType},
}, map[string]string{"zst": "", "zstd": "", "tzst": ".tar"},
	func(b []byte) bool { return bytes.HasPrefix(skippable(b), []byte("\x28\xb5\x2f\xfd")) }, openZstd)

// XZ is xz with the filter LZMA2 alone.
var XZ = format("xz", "application/x-xz", extract.About{
	Title:   "xz",
	Reads:   "The one document that is packed, whatever it is; several streams in a row are one.",
	Leaves:  "Filters besides LZMA2, and dictionaries over 32 MiB.",
	Sniffed: "The signature.",
	Places:  "Those of the document within, with its name.",
	Reasons: []extract.Reason{extract.UnsupportedFileType},
}, map[string]string{"xz": "", "txz": ".tar"},
	func(b []byte) bool { return bytes.HasPrefix(b, []byte(xzMagic)) }, openXZ)

// LZ4 is LZ4's frame format, not the older one of the Linux kernel.
var LZ4 = format("lz4", "application/x-lz4", extract.About{
	Title:   "LZ4 frames",
	Reads:   "The one document that is packed, whatever it is; several frames in a row are one.",
	Leaves:  "The older format of the Linux kernel.",
	Sniffed: "The signature.",
	Places:  "Those of the document within, with its name.",
	Reasons: []extract.Reason{extract.UnsupportedFileType},
}, map[string]string{"lz4": "", "tlz4": ".tar"},
	func(b []byte) bool { return bytes.HasPrefix(skippable(b), []byte(lz4Magic)) }, openLZ4)

// Snappy is the framing format of Snappy, and that of S2, which extends it.
var Snappy = format("snappy", "application/x-snappy-framed", extract.About{
	Title:   "Snappy and S2, framed",
	Reads:   "The one document that is packed, whatever it is.",
	Leaves:  "Raw Snappy blocks, which have no signature.",
	Sniffed: "The signature.",
	Places:  "Those of the document within, with its name.",
}, map[string]string{"sz": "", "snappy": "", "s2": ""}, func(b []byte) bool {
	return bytes.HasPrefix(b, []byte("\xff\x06\x00\x00sNaPpY")) || bytes.HasPrefix(b, []byte("\xff\x06\x00\x00S2sTwO"))
}, openSnappy)

// format makes a Format. The extensions come with what stands for them in the member's name.
func format(name, mime string, about extract.About, extensions map[string]string, match func([]byte) bool, open func(*bufio.Reader) (io.Reader, func(), error)) extract.Format {
	f := extract.Format{
		Name:     name,
		MIME:     mime,
		About:    about,
		Archive:  true,
		MaxBytes: 8 * extract.GB,
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

func read(in *extract.Input, out *extract.Output, extensions map[string]string, open func(*bufio.Reader) (io.Reader, func(), error)) error {
	r, done, err := open(bufio.NewReaderSize(in, 32<<10))
	if err != nil {
		return problem(err)
	}
	defer done()
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
	case errors.Is(err, zstd.ErrUnknownDictionary), errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded),
		errors.Is(err, errFilter):
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
	if s.err == errGarbage {
		return 0, io.EOF
	}
	return 0, s.err
}

// isBzip2 wants the mark of a block, or of the end of an empty stream, behind the four characters.
func isBzip2(b []byte) bool {
	return len(b) >= 10 && string(b[:3]) == "BZh" && b[3] >= '1' && b[3] <= '9' &&
		(string(b[4:10]) == "1AY&SY" || string(b[4:10]) == "\x17\x72\x45\x38\x50\x90")
}

type bzip2Stream struct{ r io.Reader }

func openBzip2(br *bufio.Reader) (io.Reader, func(), error) {
	return bzip2Stream{bzip2.NewReader(br)}, func() {}, nil
}

func (b bzip2Stream) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err == bzip2.StructuralError("bad magic value in continuation file") {
		err = errGarbage
	}
	return n, err
}

type zstdStream struct{ *zstd.Decoder }

func openZstd(br *bufio.Reader) (io.Reader, func(), error) {
	// The reader is hidden behind its method: in memory or not, it is read as a stream.
	d, err := zstd.NewReader(struct{ io.Reader }{br}, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(maxWindow), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, nil, err
	}
	return zstdStream{d}, d.Close, nil
}

func (z zstdStream) Read(p []byte) (int, error) {
	n, err := z.Decoder.Read(p)
	if errors.Is(err, zstd.ErrMagicMismatch) {
		err = errGarbage
	}
	return n, err
}

func openSnappy(br *bufio.Reader) (io.Reader, func(), error) {
	return s2.NewReader(br, s2.ReaderMaxBlockSize(4<<20), s2.ReaderAllocBlock(64<<10)), func() {}, nil
}

const lz4Magic = "\x04\x22\x4d\x18"

// An lz4Stream reads one frame after the other.
type lz4Stream struct {
	br *bufio.Reader
	zr *lz4.Reader
}

func openLZ4(br *bufio.Reader) (io.Reader, func(), error) {
	return &lz4Stream{br, lz4.NewReader(br)}, func() {}, nil
}

func (l *lz4Stream) Read(p []byte) (int, error) {
	n, err := l.zr.Read(p)
	if errors.Is(err, lz4.ErrInvalidFrame) { // the first one had its magic number
		err = errGarbage
	}
	if n > 0 || err != io.EOF {
		return n, err
	}
	b, err := l.br.Peek(4)
	switch {
	case len(b) == 0:
		return 0, err
	case len(b) == 4 && (string(b) == lz4Magic || isSkippable(b)):
		l.zr.Reset(l.br)
		return 0, nil
	case err != nil && err != io.EOF:
		return 0, err
	}
	return 0, errGarbage
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

func isSkippable(b []byte) bool { return b[0]&0xf0 == 0x50 && string(b[1:4]) == "\x2a\x4d\x18" }
