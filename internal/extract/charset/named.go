package charset

import (
	"strings"

	htmlcharset "golang.org/x/net/html/charset"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/ianaindex"
)

// Named returns the charset that a label of MIME, HTML or Windows names ("ISO-8859-1", "cp1252", "utf-7"), false for an unknown one. A label for
// ASCII leaves the charset open, as a text with other characters does not keep to it.
func Named(label string) (Charset, bool) {
	label = strings.ToLower(strings.TrimSpace(label))
	switch label {
	case "us-ascii", "ascii", "ansi_x3.4-1968", "iso646-us", "646":
		return ASCII, true
	case "utf-7", "unicode-1-1-utf-7", "x-unicode-2-0-utf-7", "csunicode11utf7", "cp65000":
		return Charset{Name: "utf-7", enc: utf7{}}, true
	case "utf8", "utf-8", "cp65001", "utf8mb4":
		return UTF8, true
	case "utf-16be", "utf-32be", "utf-32le":
		return wide(label, 0), true
	case "utf-32":
		return wide("utf-32be", 0), true
	}
	enc, name := htmlcharset.Lookup(label)
	switch {
	case name == "utf-8":
		return UTF8, true
	case name == "utf-16le" || name == "utf-16be":
		return wide(name, 0), true
	case enc == nil || name == "replacement": // the web reads it no longer, mails have it
		named, err := ianaindex.MIME.Encoding(label)
		if err != nil || named == nil {
			return Binary, false
		}
		enc, name = named, label
	}
	return Charset{Name: name, enc: enc}, true
}

// CodePage returns the charset of a code page of Windows or DOS, false for one that has none.
func CodePage(number int) (Charset, bool) {
	switch number {
	case 437:
		return Charset{Name: "ibm437", enc: charmap.CodePage437}, true
	case 708:
		return Named("iso-8859-6")
	case 850:
		return Charset{Name: "ibm850", enc: charmap.CodePage850}, true
	case 852:
		return Charset{Name: "ibm852", enc: charmap.CodePage852}, true
	case 855:
		return Charset{Name: "ibm855", enc: charmap.CodePage855}, true
	case 858:
		return Charset{Name: "ibm858", enc: charmap.CodePage858}, true
	case 860:
		return Charset{Name: "ibm860", enc: charmap.CodePage860}, true
	case 862:
		return Charset{Name: "ibm862", enc: charmap.CodePage862}, true
	case 863:
		return Charset{Name: "ibm863", enc: charmap.CodePage863}, true
	case 865:
		return Charset{Name: "ibm865", enc: charmap.CodePage865}, true
	case 866:
		return Charset{Name: "ibm866", enc: charmap.CodePage866}, true
	case 1200:
		return wide("utf-16le", 0), true
	case 1201:
		return wide("utf-16be", 0), true
	case 20127:
		return ASCII, true
	case 65000:
		return Named("utf-7")
	case 65001:
		return UTF8, true
	}
	label, ok := codePages[number]
	if !ok {
		return Binary, false
	}
	return Named(label)
}

// codePages are those whose charset has a label of its own (identifiers as Microsoft lists them for Windows).
var codePages = map[int]string{
	874: "windows-874", 932: "shift_jis", 936: "gbk", 949: "euc-kr", 950: "big5", 1250: "windows-1250", 1251: "windows-1251", 1252: "windows-1252",
	1253: "windows-1253", 1254: "windows-1254", 1255: "windows-1255", 1256: "windows-1256", 1257: "windows-1257", 1258: "windows-1258",
	10000: "macintosh", 10007: "x-mac-cyrillic", 20866: "koi8-r", 21866: "koi8-u", 28591: "iso-8859-1", 28592: "iso-8859-2", 28593: "iso-8859-3",
	28594: "iso-8859-4", 28595: "iso-8859-5", 28596: "iso-8859-6", 28597: "iso-8859-7", 28598: "iso-8859-8", 28599: "windows-1254", 28603: "iso-8859-13",
	28605: "iso-8859-15", 50220: "iso-2022-jp", 50221: "iso-2022-jp", 51932: "euc-jp", 51936: "gb2312", 51949: "euc-kr", 52936: "hz-gb-2312",
	54936: "gb18030",
}
