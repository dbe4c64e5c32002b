package charset

import (
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

// A script is a single-byte charset of a writing of its own, with the letters that make up most of its texts: the commonest of the
// language in lower case (where it has cases), from published letter frequencies. The charset under which most bytes are such letters wins.
type script struct {
	name    string
	enc     encoding.Encoding
	letters string
}

const russian, greek = "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъёіїєў", "αεηιουωνσςτρκλμπάέήίόύώδγθφχβξζψ"

var scripts = []script{
	{"windows-1251", charmap.Windows1251, russian},
	{"koi8-r", charmap.KOI8R, russian},
	{"iso-8859-5", charmap.ISO8859_5, russian},
	{"ibm866", charmap.CodePage866, russian},
	{"windows-1253", charmap.Windows1253, greek},
	{"windows-1255", charmap.Windows1255, "יוהלארמתבשנםחדעקפכטגצסןזךףץ"},
	{"windows-1256", charmap.Windows1256, "اليمنورتبةعدسفهكقأحجذصىشخءزطثضئغإظؤآ،پچژگ"},
	{"windows-874", charmap.Windows874, "านรอกเง่มยลวดทสตะั้ปบคหแจพชขใไีิืุำโ์ูซณถ็ผภธศึฟญษฐฮฉๆฑ๊๋ฆฒ"},
}

// latins are the charsets of Latin letters with marks; the first wins a draw.
var latins = []script{
	{"windows-1252", charmap.Windows1252, "éèêëàáâãäåæçíìîïñóòôõöøœúùûüýßÉÈÀÁÂÄÅÆÇÍÎÑÓÔÖØÚÜŸŒšž’‘“”–—…«»€£§°©®·ºª¿¡" + "\u00a0"},
	{"windows-1250", charmap.Windows1250, "ąćęłńóśźżĄĆĘŁŃÓŚŹŻáčďéěíňřšťúůýžÁČĎÉĚÍŇŘŠŤÚŮÝŽőűöüÖÜŐŰâăîşţÂĂÎŞŢđäôľĺŕ„”’–—…" + "\u00a0"},
	{"windows-1254", charmap.Windows1254, "ğışçöüĞİŞÇÖÜâîû’“”–…" + "\u00a0"},
	{"windows-1257", charmap.Windows1257, "ąčęėįšųūžĄČĘĖĮŠŲŪŽāēģīķļņšžĀĒĢĪĶĻŅõäöüÕÄÖÜ„”–" + "\u00a0"},
}

// legacy chooses among the charsets from before Unicode: what the document declares, then what its bytes look like.
func legacy(head []byte) Charset {
	if c, ok := declared(head); ok {
		return c
	}
	head = head[:min(len(head), sampleSize)]
	if c, ok := doubleByte(head); ok {
		return c
	}
	if c, ok := ownScript(head); ok {
		return c
	}
	return best(latins, head, 1)
}

// ownScript says that most high bytes stand beside one another: whole words of another script, not letters with marks among ASCII.
func ownScript(head []byte) (Charset, bool) {
	high, pairs := 0, 0
	for i, c := range head {
		if c >= 0x80 {
			high++
			if i > 0 && head[i-1] >= 0x80 {
				pairs++
			}
		}
	}
	if pairs*10 < high*6 {
		return Binary, false
	}
	return best(scripts, head, 8), true
}

// best returns the charset under which the bytes are most often expected letters; the earlier ones in a list count up to weight more.
func best(from []script, head []byte, weight int) Charset {
	var counts [256]int
	for _, c := range head {
		counts[c]++
	}
	most, at := -1, 0
	for i, s := range from {
		score := 0
		k := 0
		for _, r := range s.letters {
			b, ok := encodeByte(s.enc, r)
			if ok {
				score += counts[b] * (2 + max(0, weight-k/4))
			}
			k++
		}
		if score > most {
			most, at = score, i
		}
	}
	return Charset{Name: from[at].name, enc: from[at].enc}
}

func encodeByte(enc encoding.Encoding, r rune) (byte, bool) {
	cm, ok := enc.(*charmap.Charmap)
	if !ok {
		return 0, false
	}
	b, ok := cm.EncodeRune(r)
	return b, ok && b >= utf8.RuneSelf
}

// A double is a charset with two bytes for a character: which bytes lead and trail, and which pairs make up most of its texts.
type double struct {
	name          string
	enc           encoding.Encoding
	lead, trail   func(byte) bool
	single        func(byte) bool // high bytes that stand alone
	common        func(lead, trail byte) bool
	commonPercent int
}

func between(c, lo, hi byte) bool { return c >= lo && c <= hi }

func none(byte) bool       { return false }
func euc(c byte) bool      { return between(c, 0xa1, 0xfe) }
func hankana(c byte) bool  { return between(c, 0xa1, 0xdf) }
func sjisLead(c byte) bool { return between(c, 0x81, 0x9f) || between(c, 0xe0, 0xfc) }
func low(c byte) bool      { return between(c, 0x40, 0x7e) || between(c, 0x80, 0xfe) }

// doubles in the order in which they are tried. The share of common pairs tells apart what the byte ranges alone cannot: Japanese has its
// kana in one or two rows, Korean nearly all of its pairs in the rows of Hangul syllables, simplified Chinese in the first level of GB 2312;
// what is left with many low trail bytes is Big5.
var doubles = []double{
	{"shift_jis", japanese.ShiftJIS, sjisLead, low, hankana, func(l, t byte) bool { return l == 0x82 && t >= 0x9f || l == 0x83 && t <= 0x96 || l == 0x81 }, 10},
	{"euc-jp", japanese.EUCJP, euc, euc, none, func(l, _ byte) bool { return l == 0xa4 || l == 0xa5 }, 8},
	{"euc-kr", korean.EUCKR, euc, euc, none, func(l, _ byte) bool { return between(l, 0xb0, 0xc8) }, 90},
	{"big5", traditionalchinese.Big5, func(c byte) bool { return between(c, 0xa1, 0xf9) }, func(c byte) bool { return between(c, 0x40, 0x7e) || euc(c) }, none,
		func(l, t byte) bool { return between(l, 0xa4, 0xc6) && t < 0x7f }, 20},
	{"gb18030", simplifiedchinese.GB18030, func(c byte) bool { return between(c, 0x81, 0xfe) }, func(c byte) bool { return low(c) || between(c, '0', '9') }, none,
		func(l, t byte) bool { return (between(l, 0xb0, 0xd7) || between(l, 0xa1, 0xa3)) && t >= 0xa1 }, 60},
}

func doubleByte(head []byte) (Charset, bool) {
	for _, d := range doubles {
		if d.fits(head) {
			return Charset{Name: d.name, enc: d.enc}, true
		}
	}
	return Binary, false
}

// fits says that the high bytes come in pairs of this charset, with at most one in fifty that does not, and that enough pairs are common.
func (d double) fits(b []byte) bool {
	pairs, common, bad := 0, 0, 0
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c < 0x80:
		case d.lead(c):
			if i+1 == len(b) {
				continue
			}
			i++
			if !d.trail(b[i]) {
				bad++
				continue
			}
			pairs++
			if d.common(c, b[i]) {
				common++
			}
		case !d.single(c):
			bad++
		}
	}
	return pairs >= 2 && bad*50 <= pairs && common*100 >= pairs*d.commonPercent
}
