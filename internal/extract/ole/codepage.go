package ole

import (
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
)

// codePages are the encodings of Windows' code pages.
var codePages = map[int]encoding.Encoding{
	437: charmap.CodePage437, 850: charmap.CodePage850, 852: charmap.CodePage852, 855: charmap.CodePage855, 858: charmap.CodePage858,
	860: charmap.CodePage860, 862: charmap.CodePage862, 863: charmap.CodePage863, 865: charmap.CodePage865, 866: charmap.CodePage866,
	874: charmap.Windows874, 932: japanese.ShiftJIS, 936: simplifiedchinese.GBK, 949: korean.EUCKR, 950: traditionalchinese.Big5,
	1200: unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), 1201: unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM),
	1250: charmap.Windows1250, 1251: charmap.Windows1251, 1252: charmap.Windows1252, 1253: charmap.Windows1253, 1254: charmap.Windows1254,
	1255: charmap.Windows1255, 1256: charmap.Windows1256, 1257: charmap.Windows1257, 1258: charmap.Windows1258,
	10000: charmap.Macintosh, 10007: charmap.MacintoshCyrillic, 32768: charmap.Macintosh, 32769: charmap.Windows1252,
	20127: charmap.Windows1252, 20866: charmap.KOI8R, 20932: japanese.EUCJP, 21866: charmap.KOI8U,
	28591: charmap.ISO8859_1, 28592: charmap.ISO8859_2, 28593: charmap.ISO8859_3, 28594: charmap.ISO8859_4, 28595: charmap.ISO8859_5,
	28596: charmap.ISO8859_6, 28597: charmap.ISO8859_7, 28598: charmap.ISO8859_8, 28599: charmap.Windows1254, 28603: charmap.ISO8859_13,
	28605: charmap.ISO8859_15, 50220: japanese.ISO2022JP, 50221: japanese.ISO2022JP, 50222: japanese.ISO2022JP, 51932: japanese.EUCJP,
	51949: korean.EUCKR, 52936: simplifiedchinese.HZGB2312, 54936: simplifiedchinese.GB18030,
}

// CodePage returns the encoding of a code page: UTF-8 as it is, and Windows-1252 for one that is unknown.
func CodePage(n int) encoding.Encoding {
	if n == 65001 {
		return unicode.UTF8
	}
	if e := codePages[n]; e != nil {
		return e
	}
	return charmap.Windows1252
}

// codePagesOfLanguages are the code pages of the languages that are not written in Windows-1252, by the primary part of a language's id.
var codePagesOfLanguages = map[uint16]int{
	0x01: 1256, 0x02: 1251, 0x04: 936, 0x05: 1250, 0x08: 1253, 0x0d: 1255, 0x0e: 1250, 0x11: 932, 0x12: 949, 0x15: 1250, 0x18: 1250, 0x19: 1251,
	0x1a: 1250, 0x1b: 1250, 0x1c: 1250, 0x1e: 874, 0x1f: 1254, 0x20: 1256, 0x22: 1251, 0x23: 1251, 0x24: 1250, 0x25: 1257, 0x26: 1257, 0x27: 1257,
	0x29: 1256, 0x2a: 1258, 0x2f: 1251,
}

// CodePageOfLanguage returns the code page that Windows uses for a language.
func CodePageOfLanguage(id uint16) int {
	switch id {
	case 0x404, 0xc04, 0x1404:
		return 950
	case 0xc1a, 0x1c1a:
		return 1251
	}
	if n := codePagesOfLanguages[id&0x3ff]; n != 0 {
		return n
	}
	return 1252
}

// Decode returns a short text as UTF-8, up to its first NUL.
func Decode(b []byte, codePage int) string {
	s, err := CodePage(codePage).NewDecoder().Bytes(b)
	if err != nil || !utf8.Valid(s) {
		return ""
	}
	for i, c := range s {
		if c == 0 {
			s = s[:i]
			break
		}
	}
	return string(s)
}

// AppendUTF16 appends UTF-16LE as UTF-8. A character that its surroundings cut in two becomes U+FFFD.
func AppendUTF16(dst, b []byte) []byte {
	for i := 0; i+2 <= len(b); i += 2 {
		r := rune(b[i]) | rune(b[i+1])<<8
		if r >= 0xd800 && r < 0xe000 {
			low := rune(0)
			if i+4 <= len(b) {
				low = rune(b[i+2]) | rune(b[i+3])<<8
			}
			if r < 0xdc00 && low >= 0xdc00 && low < 0xe000 {
				r = (r-0xd800)<<10 | (low - 0xdc00) + 0x10000
				i += 2
			} else {
				r = utf8.RuneError
			}
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}
