package pdf

import (
	"math"
	"strings"
)

// cffEncoding reads the encoding of a bare CFF font by the names of its glyphs: Adobe Technical Note 5176. nil if the font uses the standard
// encoding or is broken.
func cffEncoding(b []byte) map[int]string {
	c := cff{b: b}
	if len(b) < 4 {
		return nil
	}
	at := int(b[2])
	_, at = c.index(at)        // names
	tops, at := c.index(at)    // dictionaries
	c.strings, _ = c.index(at) // strings
	if len(tops) == 0 || c.bad {
		return nil
	}
	top := cffDict(tops[0])
	encoding, charset, chars := top[16], top[15], top[17]
	if encoding == 0 || encoding == 1 { // standard and expert
		return nil
	}
	glyphs, _ := c.index(chars)
	names := c.charset(charset, len(glyphs))
	m := map[int]string{}
	set := func(code, glyph int) {
		if glyph < len(names) {
			if t := names[glyph]; t != "" {
				m[code] = t
			}
		}
	}
	format, at := c.u8(encoding), encoding+1
	n := c.u8(at)
	at++
	switch format & 0x7f {
	case 0:
		for i := range n {
			set(c.u8(at+i), i+1)
		}
	case 1:
		glyph := 1
		for i := range n {
			first, left := c.u8(at+2*i), c.u8(at+2*i+1)
			for k := 0; k <= left; k++ {
				set(first+k, glyph)
				glyph++
			}
		}
	}
	if len(m) == 0 || c.bad {
		return nil
	}
	return m
}

type cff struct {
	b       []byte
	strings [][]byte
	bad     bool
}

func (c *cff) u8(i int) int {
	if i < 0 || i >= len(c.b) {
		c.bad = true
		return 0
	}
	return int(c.b[i])
}

func (c *cff) u16(i int) int { return c.u8(i)<<8 | c.u8(i+1) }

// index reads an array of byte strings and returns where it ends.
func (c *cff) index(at int) (all [][]byte, end int) {
	n := c.u16(at)
	if n == 0 || c.bad {
		return nil, at + 2
	}
	size := c.u8(at + 2)
	if size < 1 || size > 4 || at+3+(n+1)*size > len(c.b) {
		c.bad = true
		return nil, at
	}
	offset := func(i int) int {
		v := 0
		for k := range size {
			v = v<<8 | c.u8(at+3+i*size+k)
		}
		return v
	}
	data := at + 2 + (n+1)*size
	for i := range n {
		from, to := data+offset(i), data+offset(i+1)
		if from < 0 || from > to || to > len(c.b) {
			c.bad = true
			return nil, at
		}
		all = append(all, c.b[from:to])
	}
	return all, data + offset(n)
}

// charset returns the text of the glyphs by their names.
func (c *cff) charset(at, n int) []string {
	names := []string{""}
	if at <= 2 { // ISOAdobe: the standard strings in order; the expert sets hold no letters
		for sid := 1; sid < n; sid++ {
			names = append(names, c.sid(sid))
		}
		return names
	}
	format := c.u8(at)
	at++
	for len(names) < n && !c.bad {
		sid := c.u16(at)
		at += 2
		left := 0
		if format > 0 {
			left = c.u8(at)
			at++
			if format == 2 {
				left = left<<8 | c.u8(at)
				at++
			}
		}
		for k := 0; k <= left && len(names) < n; k++ {
			names = append(names, c.sid(sid+k))
		}
	}
	return names
}

// cffLatin are the standard strings from 150 to 228. Those before are the glyphs of StandardEncoding in order; those behind are for experts.
var cffLatin = strings.Fields(`onesuperior logicalnot mu trademark Eth onehalf plusminus Thorn onequarter divide brokenbar degree thorn
	threequarters twosuperior registered minus eth multiply threesuperior copyright Aacute Acircumflex Adieresis Agrave Aring Atilde Ccedilla
	Eacute Ecircumflex Edieresis Egrave Iacute Icircumflex Idieresis Igrave Ntilde Oacute Ocircumflex Odieresis Ograve Otilde Scaron Uacute
	Ucircumflex Udieresis Ugrave Yacute Ydieresis Zcaron aacute acircumflex adieresis agrave aring atilde ccedilla eacute ecircumflex edieresis
	egrave iacute icircumflex idieresis igrave ntilde oacute ocircumflex odieresis ograve otilde scaron uacute ucircumflex udieresis ugrave
	yacute ydieresis zcaron`)

// sid returns the text of a glyph by the number of its name.
func (c *cff) sid(n int) string {
	if n < 1 {
		return ""
	}
	if n < 150 {
		for _, r := range standard {
			if r != 0 {
				if n--; n == 0 {
					return runeText(r)
				}
			}
		}
		return ""
	}
	if n-150 < len(cffLatin) {
		return glyphText(name(cffLatin[n-150]))
	}
	if n -= 391; n >= 0 && n < len(c.strings) && len(c.strings[n]) < 64 {
		return glyphText(name(c.strings[n]))
	}
	return ""
}

// cffDict reads the integer operands of a dictionary's operators.
func cffDict(b []byte) map[int]int {
	d := map[int]int{15: 0, 16: 0}
	last := 0
	for i := 0; i < len(b); {
		v := int(b[i])
		i++
		at := func(k int) int {
			if i+k < len(b) {
				return int(b[i+k])
			}
			return 0
		}
		switch {
		case v == 12:
			i++
			last = 0
		case v <= 21:
			d[v] = last
			last = 0
		case v == 28:
			last = int(int16(at(0)<<8 | at(1)))
			i += 2
		case v == 29:
			last = int(int32(uint32(at(0))<<24 | uint32(at(1))<<16 | uint32(at(2))<<8 | uint32(at(3))))
			i += 4
		case v == 30: // a real number, which offsets never are
			for i < len(b) && b[i]&0xf != 0xf && b[i]>>4 != 0xf {
				i++
			}
			i++
			last = math.MinInt32
		case v >= 32 && v <= 246:
			last = v - 139
		case v >= 247 && v <= 250:
			last = (v-247)*256 + at(0) + 108
			i++
		case v >= 251 && v <= 254:
			last = -(v-251)*256 - at(0) - 108
			i++
		}
	}
	return d
}
