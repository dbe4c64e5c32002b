package detect

import (
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// foldRune appends the form of r in which keywords and text are compared: lower case, accents and the voicing marks of kana gone,
// typographic punctuation and full-width letters as ASCII. A combining accent folds to nothing.
func foldRune(dst []byte, r rune) []byte {
	switch {
	case r < utf8.RuneSelf:
		return append(dst, foldASCII[r])
	case r == 'ß' || r == 'ẞ':
		return append(dst, "ss"...)
	case r == 'æ' || r == 'Æ':
		return append(dst, "ae"...)
	case r == 'œ' || r == 'Œ':
		return append(dst, "oe"...)
	case r < foldEnd:
		r = foldTable()[r]
		if r == 0 {
			return dst
		}
	case r == '\u2018' || r == '\u2019':
		return append(dst, '\'')
	case r >= '\u2009' && r <= '\u2015' || r == '\u202F' || r == '\u2212' || r == '\u3000':
		return append(dst, ' ')
	case r >= '\uFF01' && r <= '\uFF5E':
		return append(dst, foldASCII[r-0xFF01+'!'])
	case r >= kanaFrom && r < kanaEnd || r >= halfFrom && r < halfEnd:
		if r = foldKana(r); r == 0 {
			return dst
		}
	default:
		r = unicode.ToLower(r)
	}
	return utf8.AppendRune(dst, r)
}

// foldEnd is where foldTable ends: behind Extended Latin and Greek.
const foldEnd = 0x2000

// foldTable gives the base letter of a letter with accents, in lower case, and 0 for an accent.
var foldTable = sync.OnceValue(func() *[foldEnd]rune {
	var t [foldEnd]rune
	for r := rune(utf8.RuneSelf); r < foldEnd; r++ {
		base, _ := utf8.DecodeRuneInString(norm.NFKD.String(string(r)))
		switch {
		case unicode.Is(unicode.Mn, base):
			base = 0
		case base < utf8.RuneSelf:
			base = rune(foldASCII[base])
		default:
			base = unicode.ToLower(base)
		}
		t[r] = base
	}
	for from, to := range map[rune]rune{'ø': 'o', 'Ø': 'o', 'ł': 'l', 'Ł': 'l', 'đ': 'd', 'Đ': 'd', 'ð': 'd', 'Ð': 'd', 'ı': 'i', 'ς': 'σ', '\u02BC': '\'', '\u00B4': '\'', '\u00AD': 0} {
		t[from] = to
	}
	return &t
})

// The letters of Hiragana and Katakana, and Katakana in half width.
const (
	kanaFrom, kanaEnd = 0x3041, 0x3100
	halfFrom, halfEnd = 0xFF65, 0xFFA0
)

// foldKana gives a letter of Katakana or Hiragana in full width and without its voicing mark, which half-width text writes as a character
// of its own, and 0 for such a mark.
func foldKana(r rune) rune {
	t := kanaTable()
	if r < kanaEnd {
		return t[r-kanaFrom]
	}
	return t[r-halfFrom+kanaEnd-kanaFrom]
}

var kanaTable = sync.OnceValue(func() *[kanaEnd - kanaFrom + halfEnd - halfFrom]rune {
	var t [kanaEnd - kanaFrom + halfEnd - halfFrom]rune
	for i := range t {
		r := rune(kanaFrom + i)
		if r >= kanaEnd {
			r = rune(halfFrom + i - (kanaEnd - kanaFrom))
		}
		t[i], _ = utf8.DecodeRuneInString(norm.NFKD.String(string(r)))
		if unicode.Is(unicode.Mn, t[i]) || t[i] == ' ' { // the marks by themselves decompose to a space and a combining one
			t[i] = 0
		}
	}
	return &t
})

// foldASCII folds one ASCII byte: letters become small, separators of words a space.
var foldASCII = func() (f [utf8.RuneSelf]byte) {
	for b := range f {
		f[b] = lowerASCII(byte(b))
	}
	for _, b := range []byte(" \t\r\n_-") {
		f[b] = ' '
	}
	return f
}()

// wide reports whether r belongs to a script that writes words without spaces between them (or, like Hangul, hangs particles on them), so
// that a keyword may begin and end at any of its letters.
func wide(r rune) bool {
	return r == 'ー' ||
		r >= 0x0E00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai, unicode.Lao, unicode.Khmer)
}

// wordRune reports whether r continues a word: a letter, digit or accent outside the scripts of wide.
func wordRune(r rune) bool {
	return (unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.Mn, r)) && !wide(r)
}
