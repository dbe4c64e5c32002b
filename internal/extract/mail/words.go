package mail

import (
	"bytes"

	"github.com/magpie-sec/magpie/internal/extract/charset"
)

// Words decodes the encoded words (RFC 2047) of the lines of a header. What else is not ASCII is decoded as the charset that it looks like.
type Words struct {
	raw     []byte // decoded bytes of words that follow one another
	charset charset.Charset
	gap     []byte // the white space behind the last encoded word, which counts only if something else follows
	after   bool   // an encoded word was the last thing
}

// Line appends the text of a line of a header without its end. The first part of its first encoded word may continue a character that the last
// one of the line before began.
func (w *Words) Line(dst, line []byte) []byte {
	for len(line) > 0 {
		i := bytes.Index(line, []byte("=?"))
		if i < 0 {
			i = len(line)
		}
		dst = w.plain(dst, line[:i])
		if line = line[i:]; len(line) == 0 {
			break
		}
		n, c, raw := encodedWord(line)
		if n == 0 {
			dst = w.plain(dst, line[:2])
			line = line[2:]
			continue
		}
		if w.after && c.Name == w.charset.Name {
			w.gap = w.gap[:0]
		} else {
			dst = w.flush(dst)
			w.gap = w.gap[:0] // white space between encoded words of two charsets does not count either
		}
		w.charset, w.after = c, true
		w.raw = append(w.raw, raw...)
		line = line[n:]
		if len(w.raw) > lineBuffer {
			dst = w.flush(dst)
		}
	}
	return dst
}

// Pending says that an encoded word ended what was read last, so that white space behind it may not count.
func (w *Words) Pending() bool { return w.after }

// End appends what is left at the end of a field.
func (w *Words) End(dst []byte) []byte {
	dst = w.flush(dst)
	w.gap = w.gap[:0]
	return dst
}

func (w *Words) flush(dst []byte) []byte {
	if len(w.raw) > 0 {
		if w.charset == charset.ASCII {
			w.charset = open(w.raw)
		}
		dst = appendWhole(dst, w.charset, w.raw)
	}
	w.raw, w.after = w.raw[:0], false
	return dst
}

func (w *Words) plain(dst, t []byte) []byte {
	if w.after {
		if blank := bytes.TrimLeft(t, " \t"); len(blank) == 0 {
			w.gap = append(w.gap, t[:min(len(t), 1000)]...)
			return dst
		}
		dst = w.flush(dst)
		dst = append(dst, w.gap...)
		w.gap = w.gap[:0]
	}
	return Text(dst, t)
}

// Text appends text whose charset nobody names.
func Text(dst, t []byte) []byte {
	for _, c := range t {
		if c >= 0x80 {
			return appendWhole(dst, open(t), t)
		}
	}
	return append(dst, t...)
}

// open chooses the charset of a stretch of text that comes without one.
func open(t []byte) charset.Charset {
	c, _ := charset.Detect(t, true)
	if !c.IsText() || c == charset.ASCII {
		return charset.UTF8
	}
	return c
}

// appendWhole appends the decoded text, a broken end included.
func appendWhole(dst []byte, c charset.Charset, t []byte) []byte {
	dst = append(dst, c.Decode(t)...)
	if c.Name == charset.UTF8.Name && charset.Cut(t) > 0 {
		dst = append(dst, "\uFFFD"...)
	}
	return dst
}

// maxWord is how long an encoded word may be; RFC 2047 allows 75 bytes, people's software writes whole lines.
const maxWord = 16 << 10

// encodedWord reads the encoded word at the beginning of t: its length, 0 if there is none, its charset and its bytes.
func encodedWord(t []byte) (n int, c charset.Charset, raw []byte) {
	t = t[:min(len(t), maxWord)]
	rest := t[2:]
	i := bytes.IndexByte(rest, '?')
	if i <= 0 || i > 60 || len(rest) < i+3 || rest[i+2] != '?' {
		return 0, c, nil
	}
	label, _, _ := bytes.Cut(rest[:i], []byte("*")) // a language may follow (RFC 2231)
	encoding := rest[i+1] | 0x20
	rest = rest[i+3:]
	end := bytes.Index(rest, []byte("?="))
	if end == 0 && encoding == 'q' && len(rest) > 3 && rest[2] != ' ' { // "?=41" begins with a question mark that should have been encoded
		if i := bytes.Index(rest[1:], []byte("?=")); i >= 0 && isHex(rest[2]) {
			end = i + 1
		}
	}
	if end < 0 {
		return 0, c, nil
	}
	body := rest[:end]
	switch encoding {
	case 'b':
		var d Base64
		raw = d.Append(nil, body)
		raw = d.End(raw)
	case 'q':
		raw = appendQ(nil, body)
	default:
		return 0, c, nil
	}
	c, ok := charset.Named(string(label))
	if !ok {
		c = charset.ASCII
	}
	return len(t) - len(rest) + end + 2, c, raw
}

func appendQ(dst, t []byte) []byte {
	for i := 0; i < len(t); i++ {
		switch c := t[i]; {
		case c == '_':
			dst = append(dst, ' ')
		case c == '=' && i+2 < len(t) && isHex(t[i+1]) && isHex(t[i+2]):
			dst = append(dst, hexValue(t[i+1])<<4|hexValue(t[i+2]))
			i += 2
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f' }

func hexValue(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
