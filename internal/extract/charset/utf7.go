package charset

import (
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/transform"
)

// utf7 is UTF-7 (RFC 2152), as old mails have it. It is only read.
type utf7 struct{}

// NewDecoder implements encoding.Encoding.
func (utf7) NewDecoder() *encoding.Decoder { return &encoding.Decoder{Transformer: new(utf7Decoder)} }

// NewEncoder implements encoding.Encoding; nothing is written in UTF-7.
func (utf7) NewEncoder() *encoding.Encoder { return encoding.Replacement.NewEncoder() }

type utf7Decoder struct {
	shifted bool
	first   bool // nothing follows the plus sign yet
	bits    uint32
	n       int
	high    rune // a surrogate that waits for its second half
}

// Reset implements transform.Transformer.
func (d *utf7Decoder) Reset() { *d = utf7Decoder{} }

// Transform implements transform.Transformer.
func (d *utf7Decoder) Transform(dst, src []byte, _ bool) (nDst, nSrc int, err error) {
	for ; nSrc < len(src); nSrc++ {
		if len(dst)-nDst < 2*utf8.UTFMax {
			return nDst, nSrc, transform.ErrShortDst
		}
		c := src[nSrc]
		v := base64Value(c)
		switch {
		case !d.shifted && c == '+':
			d.shifted, d.first, d.bits, d.n = true, true, 0, 0
		case !d.shifted && c < utf8.RuneSelf:
			dst[nDst] = c
			nDst++
		case !d.shifted:
			nDst += utf8.EncodeRune(dst[nDst:], utf8.RuneError)
		case v >= 0:
			d.first = false
			d.bits, d.n = d.bits<<6|uint32(v), d.n+6
			if d.n >= 16 {
				d.n -= 16
				nDst += d.unit(dst[nDst:], rune(d.bits>>d.n&0xffff))
			}
		default: // the end of a shifted stretch
			nDst += d.unit(dst[nDst:], 0)
			if d.first {
				dst[nDst] = '+'
				nDst++
			}
			d.shifted = false
			switch {
			case c == '-':
			case c < utf8.RuneSelf:
				dst[nDst] = c
				nDst++
			default:
				nDst += utf8.EncodeRune(dst[nDst:], utf8.RuneError)
			}
		}
	}
	return nDst, nSrc, nil
}

// unit writes a unit of UTF-16; 0 ends what is open.
func (d *utf7Decoder) unit(dst []byte, u rune) (n int) {
	if d.high != 0 {
		high := d.high
		d.high = 0
		r := utf16.DecodeRune(high, u)
		n = utf8.EncodeRune(dst, r)
		if r != utf8.RuneError {
			return n
		}
	}
	switch {
	case u == 0:
		return n
	case u >= 0xd800 && u < 0xdc00:
		d.high = u
		return n
	}
	return n + utf8.EncodeRune(dst[n:], u)
}

func base64Value(c byte) int {
	switch {
	case c >= 'A' && c <= 'Z':
		return int(c - 'A')
	case c >= 'a' && c <= 'z':
		return int(c-'a') + 26
	case c >= '0' && c <= '9':
		return int(c-'0') + 52
	case c == '+':
		return 62
	case c == '/':
		return 63
	}
	return -1
}
