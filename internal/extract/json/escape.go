package json

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// special returns the place of the first quote, backslash or control character from i on, or len(b). It looks at eight bytes at once: for
// each byte, borrowing in the subtraction shows a zero (after the exclusive or with the byte sought) or a value below 0x20. Only the lowest
// hit is exact, and only it is used.
func special(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		q, s := w^(ones*'"'), w^(ones*'\\')
		hit := ((q-ones)&^q | (s-ones)&^s | (w-ones*0x20)&^w) & highs
		if hit != 0 {
			return i + bits.TrailingZeros64(hit)/8
		}
	}
	for ; i < len(b); i++ {
		if c := b[i]; c == '"' || c == '\\' || c < 0x20 {
			return i
		}
	}
	return i
}

// unescape undoes the escapes of a string in place (the result is never longer) and returns its new end; spaces fill what becomes free. Surrogates without a partner become
// U+FFFD; what is no escape stays as it is.
func unescape(b []byte, i, stop int) int {
	to := i
	for i < stop {
		k := bytes.IndexByte(b[i:stop], '\\')
		if k < 0 {
			to += copy(b[to:], b[i:stop])
			break
		}
		to += copy(b[to:], b[i:i+k])
		i += k
		var r rune
		var n int
		if r, n = escape(b[i:stop]); n == 0 {
			b[to] = '\\'
			to++
			i++
			continue
		}
		to += utf8.EncodeRune(b[to:i+n], r)
		i += n
	}
	for k := range b[to:stop] {
		b[to+k] = ' '
	}
	return to
}

// escape reads the escape at the beginning of b: its character and length, 0 if it is none.
func escape(b []byte) (rune, int) {
	if len(b) < 2 {
		return 0, 0
	}
	switch c := b[1]; c {
	case '"', '\\', '/':
		return rune(c), 2
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
		r := hex(b[2:])
		if r < 0 {
			return 0, 0
		}
		if !utf16.IsSurrogate(r) {
			return r, 6
		}
		if len(b) >= 12 && b[6] == '\\' && b[7] == 'u' {
			if full := utf16.DecodeRune(r, hex(b[8:])); full != utf8.RuneError {
				return full, 12
			}
		}
		return utf8.RuneError, 6
	}
	return 0, 0
}

func hex(b []byte) rune {
	if len(b) < 4 {
		return -1
	}
	var r rune
	for _, c := range b[:4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}

// longestEscape is a pair of surrogates.
const longestEscape = 12

// wholeEscapes returns the end of what can be delivered of a string that goes on behind b: it does not cut an escape.
func wholeEscapes(b []byte, i int) int {
	for i < len(b) {
		k := bytes.IndexByte(b[i:], '\\')
		if k < 0 {
			break
		}
		i += k
		if i+longestEscape > len(b) && (i+1 == len(b) || b[i+1] == 'u') {
			return i
		}
		_, n := escape(b[i:])
		i += max(1, n)
	}
	return len(b)
}
