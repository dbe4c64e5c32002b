// Package tar reads tar archives.
package tar

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/magpie-sec/magpie/internal/extract"
)

// Format is tar in all dialects of archive/tar (v7, ustar, PAX, GNU).
var Format = extract.Format{
	Name: "tar",
	MIME: "application/x-tar",
	About: extract.About{
		Title:   "tar",
		Reads:   "Every regular file, in all dialects (v7, ustar, PAX, GNU).",
		Leaves:  "Links, devices, names and attributes of members.",
		Sniffed: "The checksum of the first header.",
		Places:  "Those of the member, with its path.",
	},
	Extensions: []string{"tar"},
	Archive:    true,
	MaxBytes:   20 * extract.GB,
	Match:      match,
	Extract:    read,
}

// match checks the sum in the first header, which counts its own eight bytes as spaces; old writers summed signed bytes.
func match(h *extract.Head) extract.Score {
	if len(h.Bytes) < 512 || h.Bytes[0] == 0 {
		return extract.No
	}
	header := h.Bytes[:512]
	for _, c := range header[148:156] { // what is no number costs an error
		if c != ' ' && c != 0 && c != '+' && c != '-' && (c < '0' || c > '7') {
			return extract.No
		}
	}
	field := strings.Trim(string(header[148:156]), " \x00")
	want, err := strconv.ParseInt(field, 8, 64)
	if err != nil {
		return extract.No
	}
	var unsigned, signed int64
	for i, c := range header {
		if i >= 148 && i < 156 {
			c = ' '
		}
		unsigned += int64(c)
		signed += int64(int8(c))
	}
	if want != unsigned && want != signed {
		return extract.No
	}
	return extract.Certain
}

func read(in *extract.Input, out *extract.Output) error {
	tr := tar.NewReader(in)
	for {
		h, err := tr.Next()
		if err == io.EOF {
			return rest(in)
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) { // we write no files: any path will do
			return err
		}
		switch h.Typeflag {
		case tar.TypeReg, tar.TypeCont, tar.TypeGNUSparse:
		default:
			continue
		}
		m := extract.Member{Name: strings.ToValidUTF8(h.Name, "\uFFFD"), Size: h.Size, Modified: h.ModTime}
		if _, err := out.Member(m, tr); err != nil {
			return err
		}
	}
}

// rest looks behind the end mark: there may be padding, and nothing else.
func rest(in *extract.Input) error {
	buf := make([]byte, 10<<10)
	n, err := io.ReadFull(in, buf)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return err
	}
	if len(bytes.Trim(buf[:n], "\x00")) > 0 {
		return extract.Malformed("data follows the end mark")
	}
	return nil
}
