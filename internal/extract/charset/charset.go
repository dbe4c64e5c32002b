// Package charset finds out how text is encoded and reads it as UTF-8.
package charset

import (
	"bytes"
	"encoding/binary"
	"sync"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	htmlcharset "golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"
	xunicode "golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// A Charset is a way to encode text. The zero value is Binary.
type Charset struct {
	// Name is the WHATWG name ("utf-8", "windows-1252", "shift_jis"), "us-ascii" while only ASCII was seen, or "utf-32le", "utf-32be".
	Name string
	enc  encoding.Encoding // nil for ASCII and UTF-8
	bom  int
}

var (
	// Binary is not text.
	Binary = Charset{}
	// ASCII means that the charset is still open: the reader decides at the first other byte.
	ASCII = Charset{Name: "us-ascii"}
	// UTF8 is UTF-8; bytes that do not belong there become U+FFFD.
	UTF8 = Charset{Name: "utf-8"}
)

// IsText says that this is a charset at all.
func (c Charset) IsText() bool { return c.Name != "" }

func wide(name string, bom int) Charset {
	switch name {
	case "utf-16le":
		return Charset{name, xunicode.UTF16(xunicode.LittleEndian, xunicode.IgnoreBOM), bom}
	case "utf-16be":
		return Charset{name, xunicode.UTF16(xunicode.BigEndian, xunicode.IgnoreBOM), bom}
	case "utf-32le":
		return Charset{name, utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM), bom}
	default:
		return Charset{name, utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM), bom}
	}
}

// boms in the order in which they must be tried: that of UTF-16 begins that of UTF-32.
var boms = []struct{ mark, name string }{
	{"\xff\xfe\x00\x00", "utf-32le"},
	{"\x00\x00\xfe\xff", "utf-32be"},
	{"\xff\xfe", "utf-16le"},
	{"\xfe\xff", "utf-16be"},
}

const (
	// sampleSize is how much of a head the statistics look at.
	sampleSize = 16 << 10
	// A text may hold this share of control characters (NUL included) before it counts as binary: a few stray ones in a log, separators in
	// lists. Bytes that are no UTF-8 are more likely binary in the first place.
	maxControlsUTF8   = 0.10
	maxControlsLegacy = 0.01
)

// Detect finds the charset of a document from its beginning, of which whole says that nothing follows. It is certain unless control
// characters leave a doubt that the signature of a binary format should settle.
func Detect(head []byte, whole bool) (c Charset, certain bool) { return detect(head, whole, nil) }

// DetectText is Detect for a document that is no text if it is binary, which is asked only where control characters leave a doubt.
func DetectText(head []byte, whole bool, binary func() bool) Charset {
	c, _ := detect(head, whole, binary)
	return c
}

func detect(head []byte, whole bool, binary func() bool) (c Charset, certain bool) {
	if bytes.HasPrefix(head, []byte("\xef\xbb\xbf")) {
		return Charset{Name: "utf-8", bom: 3}, true
	}
	for _, b := range boms {
		if bytes.HasPrefix(head, []byte(b.mark)) {
			c := wide(b.name, len(b.mark))
			if plausible(c.Decode(head[:min(len(head), sampleSize)])) {
				return c, true
			}
		}
	}
	s := look(head)
	switch {
	case s.controls > 0 && binary != nil && binary():
		return Binary, false
	case s.nuls > 0 && (s.high > 0 || s.controls > s.nuls || s.nuls*10 >= len(head)*3):
		// ASCII with a few NULs is no UTF-16, of which every other byte would be one.
		if c, ok := wideWithoutMark(head[:min(len(head), sampleSize)]); ok {
			return c, false
		}
	case s.high == 0 && s.controls == 0:
		if bytes.Contains(head, []byte("\x1b$B")) || bytes.Contains(head, []byte("\x1b$@")) {
			return Charset{Name: "iso-2022-jp", enc: japanese.ISO2022JP}, true
		}
		return ASCII, true
	}
	controls := float64(s.controls) / float64(max(1, len(head)))
	switch {
	case controls > maxControlsUTF8:
		return Binary, false
	case s.high == 0:
		return ASCII, false
	case mostlyUTF8(head, whole):
		return UTF8, s.controls == 0
	case controls > maxControlsLegacy:
		return Binary, false
	}
	return legacy(head), s.controls == 0
}

// A tally counts kinds of bytes.
type tally struct{ nuls, controls, high int }

// look counts the bytes that plain text does not have. ESC colours logs; form feed, vertical tab and backspace come from printers and
// terminals; 0x1A ends files of DOS.
func look(b []byte) (t tally) {
	if isASCIIText(b) {
		return t
	}
	var n [4]int
	for _, c := range b {
		n[kinds[c]&3]++
	}
	return tally{nuls: n[nul], controls: n[nul] + n[control], high: n[high]}
}

const (
	plain = iota
	nul
	control
	high
)

var kinds = func() (t [256]uint8) {
	for c := range t {
		switch {
		case c == 0:
			t[c] = nul
		case c < 0x20 && !(c >= '\b' && c <= '\r') && c != 0x1b && c != 0x1a, c == 0x7f:
			t[c] = control
		case c >= 0x80:
			t[c] = high
		}
	}
	return t
}()

func isASCIIText(b []byte) bool {
	const every, tops = 0x0101010101010101, 0x8080808080808080
	for ; len(b) >= 8; b = b[8:] {
		// The top bit of a byte tells that it is beyond 0x7e or below a space; carries and borrows can only add to that.
		w := binary.LittleEndian.Uint64(b)
		if (w|(w+every)|(w-' '*every))&tops != 0 && !areASCIIText(b[:8]) {
			return false
		}
	}
	return areASCIIText(b)
}

func areASCIIText(b []byte) bool {
	for _, c := range b {
		if c >= 0x7f || c < '\b' || c > '\r' && c < ' ' {
			return false
		}
	}
	return true
}

// mostlyUTF8 says that there are sequences of UTF-8, and at least four of them for each byte that does not fit. A sequence cut by the end
// fits, but is no evidence.
func mostlyUTF8(b []byte, whole bool) bool {
	tail := Cut(b)
	b = b[:len(b)-tail]
	good, bad := 0, 0
	for i := asciiLen(b); i < len(b); {
		if b[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			bad++
		} else {
			good++
		}
		i += n
	}
	return good >= 4*bad && (good > 0 || tail > 0 && !whole)
}

// Cut returns how many bytes at the end begin a sequence of UTF-8 that is not complete.
func Cut(b []byte) int {
	for i := 1; i <= min(3, len(b)); i++ {
		if c := b[len(b)-i]; utf8.RuneStart(c) {
			if c >= 0xc0 && !utf8.FullRune(b[len(b)-i:]) {
				return i
			}
			return 0
		}
	}
	return 0
}

// wideWithoutMark recognises UTF-16 and UTF-32 without a byte order mark by trying. Real text in the right order has its spaces and line
// ends; in the wrong order they are other characters.
func wideWithoutMark(b []byte) (Charset, bool) {
	if len(b) < 8 {
		return Binary, false
	}
	for _, w := range []unit{{"utf-32le", 4, false}, {"utf-32be", 4, true}, {"utf-16le", 2, false}, {"utf-16be", 2, true}} {
		if w.hopeless(b[:min(len(b), foretaste)]) {
			continue
		}
		if c := wide(w.name, 0); plausible(c.Decode(b)) {
			return c, true
		}
	}
	return Binary, false
}

// foretaste is how many bytes hopeless gets: to decode all of the sample four times takes longer than to read most binary documents.
const foretaste = 512

// A unit is how a wide charset writes a character, or half of one.
type unit struct {
	name string
	size int
	big  bool // its first byte counts most
}

func (u unit) at(b []byte) rune {
	switch {
	case u.size == 2 && u.big:
		return rune(b[0])<<8 | rune(b[1])
	case u.size == 2:
		return rune(b[1])<<8 | rune(b[0])
	case u.big:
		return rune(binary.BigEndian.Uint32(b))
	}
	return rune(binary.LittleEndian.Uint32(b))
}

// hopeless says that text which begins like this will not become plausible: a tenth of its characters is odd. Of noise it is a fifth. It reads
// the characters as Decode does.
func (u unit) hopeless(b []byte) bool {
	b = b[:len(b)-len(b)%u.size]
	most := len(b) / u.size
	total, odd := 0, 0
	for ; len(b) > 0; b = b[u.size:] {
		r := u.at(b)
		if u.size == 2 && utf16.IsSurrogate(r) {
			if len(b) == 2 && r < 0xdc00 { // cut by the end
				break
			}
			if len(b) > 2 {
				if next := u.at(b[2:]); next >= 0xdc00 && next < 0xe000 { // a half that fits or not is read with it
					r, b = utf16.DecodeRune(r, next), b[2:]
				}
			}
		}
		total++
		if isOdd(r) {
			if odd++; odd*10 > most {
				return true
			}
		}
	}
	return odd*10 > total
}

// isOdd tells the characters that text of people does not have.
func isOdd(r rune) bool {
	if r >= 0 && r < 1<<16 {
		return oddOnes()[r>>6]>>(r&63)&1 != 0
	}
	return !unicode.IsPrint(r)
}

// oddOnes has a bit for each character of the basic plane. Its tables are gone through once, rather than searched for each character.
var oddOnes = sync.OnceValue(func() *[1 << 10]uint64 {
	odd := new([1 << 10]uint64)
	for i := range odd {
		odd[i] = ^uint64(0)
	}
	plain := func(r rune) { odd[r>>6] &^= 1 << (r & 63) }
	for _, table := range append([]*unicode.RangeTable{unicode.White_Space}, unicode.PrintRanges...) {
		for _, r := range table.R16 {
			for c := rune(r.Lo); c <= rune(r.Hi); c += rune(r.Stride) {
				plain(c)
			}
		}
	}
	for _, r := range " \ufeff\u200b" {
		plain(r)
	}
	for _, r := range "\v\f\uFFFD" {
		odd[r>>6] |= 1 << (r & 63)
	}
	return odd
})

// plausible says that decoded text can be text of people: nearly every character is one that prints, ASCII is not rarer than the odd
// characters that appear when bytes are swapped, and no two neighbours contradict.
func plausible(b []byte) bool {
	total, odd, ascii, swapped := 0, 0, 0, 0
	for _, r := range string(b) {
		total++
		switch {
		case r == '\t' || r == '\n' || r == '\r' || r >= ' ' && r < 0x7f:
			ascii++
		case isOdd(r):
			odd++
		case r&0xff == 0 && r < 0x8000:
			swapped++ // an ASCII character of the other byte order
		}
	}
	return odd*50 <= total && ascii*50 >= total && swapped*4 <= ascii
}

// Decode returns the beginning of a text as UTF-8 without byte order mark, without a character that its end cuts. It may be b itself.
func (c Charset) Decode(b []byte) []byte {
	b = b[min(c.bom, len(b)):]
	if c.enc == nil {
		b = b[:len(b)-Cut(b)]
		if utf8.Valid(b) {
			return b
		}
		return replaceIllFormed(nil, b)
	}
	switch c.Name {
	case "utf-16le", "utf-16be":
		b = b[:len(b)&^1]
		if n := len(b); n >= 2 {
			hi := uint16(b[n-2])<<8 | uint16(b[n-1])
			if c.Name == "utf-16le" {
				hi = uint16(b[n-1])<<8 | uint16(b[n-2])
			}
			if utf16.IsSurrogate(rune(hi)) && hi < 0xdc00 {
				b = b[:n-2]
			}
		}
	case "utf-32le", "utf-32be":
		b = b[:len(b)&^3]
	}
	out, err := c.enc.NewDecoder().Bytes(b)
	if err != nil {
		return nil // no decoder of x/text fails on foreign bytes
	}
	return out
}

// replaceIllFormed appends b with U+FFFD for every byte that is no part of a sequence, and one for the beginning of a sequence that breaks off
// (Unicode, chapter 3.9, "maximal subparts").
func replaceIllFormed(dst, b []byte) []byte {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			dst = append(dst, "\uFFFD"...)
			for n = min(utf8.UTFMax-1, len(b)); n > 1 && utf8.FullRune(b[:n]); n-- {
			}
		} else {
			dst = append(dst, b[:n]...)
		}
		b = b[n:]
	}
	return dst
}

// declared returns the charset that an XML declaration or an HTML meta element names.
func declared(head []byte) (Charset, bool) {
	head = head[:min(len(head), 1024)]
	if xml, _, ok := bytes.Cut(head, []byte("?>")); ok && bytes.HasPrefix(xml, []byte("<?xml")) {
		if _, v, ok := bytes.Cut(xml, []byte("encoding=")); ok && len(v) > 2 {
			if name, _, ok := bytes.Cut(v[1:], v[:1]); ok {
				return lookup(string(name))
			}
		}
	}
	if bytes.HasPrefix(bytes.TrimLeft(head, " \t\r\n"), []byte("<")) {
		if _, name, certain := htmlcharset.DetermineEncoding(head, ""); certain {
			return lookup(name)
		}
	}
	return Binary, false
}

// lookup takes a declared name. It is believed only for charsets that contain ASCII: the declaration was read as ASCII, after all.
func lookup(name string) (Charset, bool) {
	enc, name := htmlcharset.Lookup(name)
	if enc == nil || enc == encoding.Replacement || name == "utf-8" || name == "utf-16le" || name == "utf-16be" {
		return Binary, false
	}
	return Charset{Name: name, enc: enc}, true
}
