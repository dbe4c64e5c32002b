package pdf

import (
	_ "embed"
	"strconv"
	"strings"
	"sync"
)

//go:embed glyphs.txt
var glyphList string

// glyphs is the list as a table, made when the first font needs it.
var glyphs = sync.OnceValue(func() map[string]rune {
	m := make(map[string]rune, 4300)
	for line := range strings.Lines(glyphList) {
		n, code, ok := strings.Cut(strings.TrimSpace(line), " ")
		if v, err := strconv.ParseUint(code, 16, 32); ok && err == nil {
			m[n] = rune(v)
		}
	}
	for n, r := range map[string]rune{"nbspace": ' ', "space": ' ', "sfthyphen": '-', "Delta": 0x394, "Omega": 0x3a9, "mu": 0xb5,
		"dotlessj": 'j', "angbracketleft": '<', "angbracketright": '>', "negationslash": '/', "visiblespace": ' ', "rupiah": 0x20a8} {
		m[n] = r
	}
	return m
})

// ligatures are characters that stand for several letters: people search for the letters.
var ligatures = map[rune]string{
	0xfb00: "ff", 0xfb01: "fi", 0xfb02: "fl", 0xfb03: "ffi", 0xfb04: "ffl", 0xfb05: "st", 0xfb06: "st", 0xa0: " ", 0x132: "IJ", 0x133: "ij",
}

// glyphText returns the text of a glyph's name, "" when the name says nothing.
func glyphText(n name) string {
	s := string(n)
	if i := strings.IndexByte(s, '.'); i > 0 {
		s = s[:i]
	}
	if r, ok := glyphs()[s]; ok {
		return runeText(r)
	}
	if strings.Contains(s, "_") && len(s) < 64 {
		var t strings.Builder
		for part := range strings.SplitSeq(s, "_") {
			r, ok := glyphs()[part]
			if !ok {
				return ""
			}
			t.WriteString(runeText(r))
		}
		return t.String()
	}
	if h, ok := strings.CutPrefix(s, "uni"); ok && len(h) >= 4 && len(h)%4 == 0 && len(h) <= 16 {
		var t strings.Builder
		for ; len(h) > 0; h = h[4:] {
			v, err := strconv.ParseUint(h[:4], 16, 32)
			if err != nil {
				return ""
			}
			t.WriteString(runeText(rune(v)))
		}
		return t.String()
	}
	if h, ok := strings.CutPrefix(s, "u"); ok && len(h) >= 4 && len(h) <= 6 {
		if v, err := strconv.ParseUint(h, 16, 32); err == nil && v <= 0x10ffff {
			return runeText(rune(v))
		}
	}
	return ""
}

func runeText(r rune) string {
	if t, ok := ligatures[r]; ok {
		return t
	}
	if r < ' ' || r >= 0xd800 && r < 0xe000 {
		return ""
	}
	return string(r)
}

// encoding returns the characters of a named encoding, "" if it has none.
func encodingTable(n name) []rune {
	switch n {
	case "WinAnsiEncoding":
		return []rune(winAnsi)
	case "MacRomanEncoding":
		return []rune(macRoman)
	case "StandardEncoding":
		return []rune(standard)
	case "Symbol":
		return []rune(symbol)
	case "ZapfDingbats":
		return dingbats()
	}
	return nil
}

// dingbats are in the order of the font, which Unicode kept except for what it had already.
func dingbats() []rune {
	t := make([]rune, 256)
	for c := 0x21; c <= 0x7e; c++ {
		t[c] = rune(c + 0x26e0)
	}
	for c := 0xa1; c <= 0xfe; c++ {
		t[c] = rune(c + 0x26c0)
	}
	for c, r := range map[int]rune{' ': ' ', 0x25: 0x260e, 0x2a: 0x261b, 0x2b: 0x261e, 0x48: 0x2605, 0x6c: 0x25cf, 0x6e: 0x25a0, 0x73: 0x25b2, 0x74: 0x25bc,
		0x75: 0x25c6, 0x77: 0x25d7, 0xa8: 0x2663, 0xa9: 0x2666, 0xaa: 0x2665, 0xab: 0x2660, 0xd5: 0x2192, 0xd6: 0x2194, 0xd7: 0x2195} {
		t[c] = r
	}
	for c := 0xac; c <= 0xb5; c++ {
		t[c] = rune(c - 0xac + 0x2460)
	}
	return t
}
