package eml

import (
	"bufio"
	"bytes"
	"io"
	"strings"

	"github.com/magpie-sec/magpie/internal/extract"
)

// cms reads a part of S/MIME (RFC 8551): the mail within a signature is a member, "smime.eml"; what is encrypted is skipped.
func (p *part) cms() error {
	if err := p.w.end(); err != nil {
		return err
	}
	br := bufio.NewReaderSize(&body{part: p, exact: true}, 4<<10)
	content, err := signed(br)
	if err != nil {
		return err
	}
	name := p.memberName()
	if content == nil {
		return p.out.Skip(extract.Member{Name: name, Size: -1}, extract.UnsupportedFileType)
	}
	_, err = p.out.Member(extract.Member{Name: strings.TrimSuffix(name, ".p7m") + ".eml", Size: -1}, content)
	return err
}

// Tags of BER that matter here.
const (
	tagOctets            = 0x04
	tagOID               = 0x06
	tagSequence          = 0x30
	tagContext0          = 0xa0
	tagConstructedOctets = 0x24
)

var signedData = []byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02}

// indefinite is the length of a value that ends with two zeros.
const indefinite = -1

// element reads the tag and the length of a value; ok says that there is one.
func element(r *bufio.Reader) (tag byte, length int64, ok bool, err error) {
	tag, err = r.ReadByte()
	if err != nil {
		return 0, 0, false, notEOF(err)
	}
	c, err := r.ReadByte()
	if err != nil {
		return 0, 0, false, notEOF(err)
	}
	switch {
	case c < 0x80:
		return tag, int64(c), true, nil
	case c == 0x80:
		return tag, indefinite, true, nil
	case c > 0x86: // more than any mail has
		return 0, 0, false, nil
	}
	for range c & 0x7f {
		b, err := r.ReadByte()
		if err != nil {
			return 0, 0, false, notEOF(err)
		}
		length = length<<8 | int64(b)
	}
	return tag, length, true, nil
}

func notEOF(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// signed returns the content of a SignedData (RFC 5652, section 5) that holds it, nil for anything else.
func signed(r *bufio.Reader) (io.Reader, error) {
	for i, want := range []byte{tagSequence, tagOID, tagContext0, tagSequence, 0x02, 0x31, tagSequence, tagOID, tagContext0} {
		tag, n, ok, err := element(r)
		if err != nil || !ok || tag != want {
			return nil, err
		}
		if want == tagSequence || want == tagContext0 {
			continue
		}
		if n < 0 || n > 4<<10 { // an identifier, a version, a list of algorithms
			return nil, nil
		}
		value := make([]byte, n)
		if _, err := io.ReadFull(r, value); err != nil {
			if err == io.ErrUnexpectedEOF {
				err = nil
			}
			return nil, notEOF(err)
		}
		if i == 1 && !bytes.Equal(value, signedData) {
			return nil, nil
		}
	}
	tag, n, ok, err := element(r)
	switch {
	case err != nil || !ok:
		return nil, err
	case tag == tagOctets && n >= 0:
		return io.LimitReader(r, n), nil
	case tag == tagConstructedOctets:
		return &octets{r: r}, nil
	}
	return nil, nil
}

// octets reads a string that comes in pieces.
type octets struct {
	r    *bufio.Reader
	left int64
}

// Read implements io.Reader.
func (o *octets) Read(p []byte) (int, error) {
	for o.left == 0 {
		tag, n, ok, err := element(o.r)
		if err != nil {
			return 0, err
		}
		if !ok || tag != tagOctets || n < 0 {
			return 0, io.EOF
		}
		o.left = n
	}
	n, err := o.r.Read(p[:min(int64(len(p)), o.left)])
	o.left -= int64(n)
	return n, err
}
