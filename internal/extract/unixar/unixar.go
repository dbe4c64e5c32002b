// Package unixar reads the archives of Unix besides tar: ar (libraries, packages of Debian), cpio, and packages of RPM, whose payload is a cpio.
package unixar

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/magpie-sec/magpie/internal/extract"
)

// AR is ar in the dialects of GNU, BSD and System V.
var AR = extract.Format{
	Name: "ar",
	MIME: "application/x-archive",
	About: extract.About{
		Title:   "ar archives (libraries, packages of Debian)",
		Reads:   "Every member, with long names of GNU and BSD.",
		Leaves:  "Tables of symbols; thin archives, whose members are elsewhere.",
		Sniffed: "The signature.",
		Places:  "Those of the member, with its name.",
	},
	Extensions: []string{"a", "ar", "deb", "udeb", "ipk", "lib"},
	Archive:    true,
	MaxBytes:   20 * extract.GB,
	First:      "!",
	Match:      signature(arMagic),
	Extract:    readAR,
}

// CPIO is cpio in the portable formats: the old one of characters (odc), the new one (newc), and that with checksums (crc).
var CPIO = extract.Format{
	Name: "cpio",
	MIME: "application/x-cpio",
	About: extract.About{
		Title:   "cpio archives",
		Reads:   "Every file, in the formats odc, newc and crc.",
		Leaves:  "Links, devices; the binary formats.",
		Sniffed: "The signature, with a header of digits.",
		Places:  "Those of the member, with its path.",
	},
	Extensions: []string{"cpio"},
	Archive:    true,
	MaxBytes:   20 * extract.GB,
	First:      "0",
	Match: func(h *extract.Head) extract.Score {
		if _, err := cpioHeader(bufio.NewReader(bytes.NewReader(h.Bytes))); err != nil {
			return extract.No
		}
		return extract.Certain
	},
	Extract: readCPIO,
}

// RPM is a package of RPM: its payload, whatever packs it.
var RPM = extract.Format{
	Name: "rpm",
	MIME: "application/x-rpm",
	About: extract.About{
		Title:   "RPM packages",
		Reads:   "The payload, which is a packed cpio archive.",
		Leaves:  "The headers (names, descriptions, scripts).",
		Sniffed: "The signature.",
		Places:  "Those of the file in the payload.",
	},
	Extensions: []string{"rpm"},
	Archive:    true,
	MaxBytes:   20 * extract.GB,
	First:      "\xed",
	Match:      signature("\xed\xab\xee\xdb"),
	Extract:    readRPM,
}

func signature(magic string) func(*extract.Head) extract.Score {
	return func(h *extract.Head) extract.Score {
		if bytes.HasPrefix(h.Bytes, []byte(magic)) {
			return extract.Certain
		}
		return extract.No
	}
}

const (
	arMagic  = "!<arch>\n"
	arHeader = 60
	// maxNames is how much of the table of long names is kept, in bytes; maxName is how long a name may be.
	maxNames = 1 << 20
	maxName  = 64 << 10
)

// source is what archives are read from.
func source(in *extract.Input) *bufio.Reader { return bufio.NewReaderSize(in, 32<<10) }

// text makes a name UTF-8.
func text(b []byte) string { return strings.ToValidUTF8(string(b), "\uFFFD") }

// cut makes the end of the file inside something trouble of the document.
func cut(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// number reads digits with blanks around them.
func number(b []byte, base int) (int64, error) {
	s := strings.Trim(string(b), " \x00")
	if s == "" {
		return 0, nil
	}
	v, err := strconv.ParseInt(s, base, 62)
	if err != nil || v < 0 {
		return 0, extract.Malformed("a number in a header is none")
	}
	return v, nil
}

// skip reads over bytes that nobody wanted.
func skip(out *extract.Output, br *bufio.Reader, n int64) error {
	k, err := io.Copy(struct{ io.Writer }{io.Discard}, out.Unpacked(io.LimitReader(br, n)))
	if err == nil && k < n {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// A part is a member's bytes; what the member does not read is passed over afterwards.
type part struct {
	br   *bufio.Reader
	left int64
}

func (p *part) Read(b []byte) (int, error) {
	if p.left == 0 {
		return 0, io.EOF
	}
	n, err := p.br.Read(b[:min(int64(len(b)), p.left)])
	p.left -= int64(n)
	if p.left > 0 {
		err = cut(err)
	}
	return n, err
}

// member delivers the next bytes as a member, and goes on behind them and their padding, if that is there.
func member(out *extract.Output, br *bufio.Reader, m extract.Member, padding int64) error {
	p := &part{br, m.Size}
	if _, err := out.Member(m, p); err != nil {
		return err
	}
	if err := skip(out, br, p.left); err != nil {
		return err
	}
	_, err := br.Discard(int(padding))
	if err == io.EOF {
		err = nil
	}
	return err
}

func readAR(in *extract.Input, out *extract.Output) error {
	br := source(in)
	if _, err := br.Discard(len(arMagic)); err != nil {
		return cut(err)
	}
	var long []byte
	for {
		var h [arHeader]byte
		if _, err := io.ReadFull(br, h[:]); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if string(h[58:]) != "`\n" {
			return extract.Malformed("the header of a member is broken")
		}
		size, err := number(h[48:58], 10)
		if err != nil {
			return err
		}
		seconds, _ := number(h[16:28], 10)
		padding := size & 1
		name := strings.TrimRight(string(h[:16]), " ")
		switch {
		case name == "/" || name == "/SYM64/" || strings.HasPrefix(name, "__.SYMDEF"):
			if err := skip(out, br, size+padding); err != nil {
				return err
			}
			continue
		case name == "//": // GNU's table of long names
			if size > maxNames {
				return extract.Malformed("a table of names of %d bytes", size)
			}
			long = make([]byte, size)
			if _, err := io.ReadFull(br, long); err != nil {
				return cut(err)
			}
			br.Discard(int(padding))
			continue
		case strings.HasPrefix(name, "#1/"): // BSD puts it before the data
			n, err := number([]byte(name[3:]), 10)
			if err != nil || n > size || n > maxName {
				return extract.Malformed("the length of a name is wrong")
			}
			b := make([]byte, n)
			if _, err := io.ReadFull(br, b); err != nil {
				return cut(err)
			}
			size -= n
			name = strings.TrimRight(string(b), "\x00")
			if strings.HasPrefix(name, "__.SYMDEF") {
				if err := skip(out, br, size+padding); err != nil {
					return err
				}
				continue
			}
		case len(name) > 1 && name[0] == '/':
			at, err := number([]byte(name[1:]), 10)
			if err != nil || at >= int64(len(long)) {
				return extract.Malformed("a name is not in the table")
			}
			b, _, _ := bytes.Cut(long[at:], []byte("\n"))
			name = strings.TrimSuffix(string(b), "/")
		default:
			name = strings.TrimSuffix(name, "/")
		}
		m := extract.Member{Name: text([]byte(name)), Size: size}
		if seconds > 0 && seconds < 1<<40 {
			m.Modified = time.Unix(seconds, 0).UTC()
		}
		if err := member(out, br, m, padding); err != nil {
			return err
		}
	}
}

// An entry is the header of a file in a cpio.
type entry struct {
	name    string
	mode    int64
	size    int64
	seconds int64
	padding int64 // behind the data
}

var errCPIO = extract.Malformed("the header of a file is broken")

// cpioHeader reads the next header with the name. Fields are numbers in eight hexadecimal digits, or in octal ones in odc.
func cpioHeader(br *bufio.Reader) (e entry, err error) {
	var h [110]byte
	n, base := 110, 16
	if b, err := br.Peek(6); err != nil {
		return e, cut(err)
	} else if string(b) == "070707" {
		n, base = 76, 8
	} else if string(b) != "070701" && string(b) != "070702" {
		return e, errCPIO
	}
	if _, err := io.ReadFull(br, h[:n]); err != nil {
		return e, cut(err)
	}
	fields := [4][2]int{{14, 22}, {46, 54}, {54, 62}, {94, 102}} // mode, time, size, length of the name
	if base == 8 {
		fields = [4][2]int{{18, 24}, {48, 59}, {65, 76}, {59, 65}}
	}
	var nameLen int64
	for i, v := range []*int64{&e.mode, &e.seconds, &e.size, &nameLen} {
		if *v, err = number(h[fields[i][0]:fields[i][1]], base); err != nil {
			return e, err
		}
	}
	if nameLen == 0 || nameLen > maxName {
		return e, errCPIO
	}
	name := make([]byte, nameLen)
	if _, err := io.ReadFull(br, name); err != nil {
		return e, cut(err)
	}
	e.name = text(bytes.TrimRight(name, "\x00"))
	if base == 16 { // headers and data end at multiples of four
		if _, err := br.Discard(int(-(110 + nameLen) & 3)); err != nil {
			return e, cut(err)
		}
		e.padding = -e.size & 3
	}
	return e, nil
}

func readCPIO(in *extract.Input, out *extract.Output) error {
	const fileType, regular = 0o170000, 0o100000
	br := source(in)
	for {
		e, err := cpioHeader(br)
		if err != nil {
			return err
		}
		if e.name == "TRAILER!!!" {
			return nil
		}
		if e.mode&fileType != regular {
			if err := skip(out, br, e.size+e.padding); err != nil {
				return err
			}
			continue
		}
		m := extract.Member{Name: strings.TrimPrefix(e.name, "./"), Size: e.size}
		if e.seconds > 0 {
			m.Modified = time.Unix(e.seconds, 0).UTC()
		}
		if err := member(out, br, m, e.padding); err != nil {
			return err
		}
	}
}

// readRPM reads over the lead, the signature and the header; what follows is the payload.
func readRPM(in *extract.Input, out *extract.Output) error {
	br := source(in)
	if err := skip(out, br, 96); err != nil {
		return err
	}
	for i := range 2 {
		var h [16]byte
		if _, err := io.ReadFull(br, h[:]); err != nil {
			return cut(err)
		}
		if string(h[:4]) != "\x8e\xad\xe8\x01" {
			return extract.Malformed("a header is not where it should be")
		}
		size := 16*int64(binary.BigEndian.Uint32(h[8:])) + int64(binary.BigEndian.Uint32(h[12:]))
		if i == 0 {
			size += -size & 7 // the signature is padded
		}
		if err := skip(out, br, size); err != nil {
			return err
		}
	}
	name := out.Document().Name
	name = strings.TrimSuffix(name[strings.LastIndexByte(name, '/')+1:], ".rpm") + ".cpio"
	b, err := br.Peek(6)
	if len(b) == 0 {
		return cut(err)
	}
	for _, c := range []struct{ magic, ext string }{{"\x1f\x8b", ".gz"}, {"BZh", ".bz2"}, {"\xfd7zXZ", ".xz"}, {"\x28\xb5\x2f\xfd", ".zst"}, {"\x5d\x00\x00", ".lzma"}} {
		if strings.HasPrefix(string(b), c.magic) {
			name += c.ext
		}
	}
	_, err = out.Member(extract.Member{Name: name, Size: -1}, br)
	return err
}
