package pdf

import (
	"encoding/binary"
	"io"
	"slices"
	"unicode"
)

// maxFontFile is how much of an embedded font is looked at.
const maxFontFile = 4 << 20

// unicodeFromTrueType is for composite fonts without a map: a glyph's character is looked up in the embedded font, backwards. ISO 32000-2,
// 9.7.4.2: the CID is the glyph unless a map says otherwise, then nothing is known.
func (f *file) unicodeFromTrueType(t *font, descriptor, cid dict) {
	if m := f.resolve(cid["CIDToGIDMap"]); m != nil && m != name("Identity") {
		return
	}
	s, ok := f.resolve(descriptor["FontFile2"]).(*stream)
	if !ok {
		return
	}
	r, err := f.decode(s, true)
	if err != nil {
		return
	}
	b, _ := io.ReadAll(io.LimitReader(r, maxFontFile))
	m := &cmap{}
	for _, p := range trueTypeMap(b) {
		m.mappings = append(m.mappings, mapping{lo: uint32(p.glyph), hi: uint32(p.glyph), target: uint32(p.char)})
	}
	if len(m.mappings) > 0 {
		t.toUnicode = m
		t.cost += 3 * len(m.mappings)
	}
}

// A pair is a character and the glyph that shows it.
type pair struct {
	char  rune
	glyph uint16
}

// trueTypeMap reads the Unicode table of format 4 or 12 of a TrueType font. OpenType, chapter cmap.
func trueTypeMap(b []byte) []pair {
	u16 := func(b []byte, i int) int {
		if i < 0 || i+2 > len(b) {
			return 0
		}
		return int(binary.BigEndian.Uint16(b[i:]))
	}
	u32 := func(b []byte, i int) int { return u16(b, i)<<16 | u16(b, i+2) }
	var table []byte
	for i := range min(u16(b, 4), 64) {
		at := 12 + 16*i
		if at+16 <= len(b) && string(b[at:at+4]) == "cmap" {
			if off := u32(b, at+8); off < len(b) {
				table = b[off:]
			}
		}
	}
	var best []byte
	for i := range min(u16(table, 2), 64) {
		at := 4 + 8*i
		platform, encoding, off := u16(table, at), u16(table, at+2), u32(table, at+4)
		if (platform == 3 && (encoding == 1 || encoding == 10) || platform == 0) && off < len(table) {
			if format := u16(table, off); format == 4 || format == 12 {
				best = table[off:]
			}
		}
	}
	var all []pair
	add := func(c, g int) {
		if g > 0 && g < 1<<16 && c >= ' ' && c <= unicode.MaxRune && len(all) < maxMappings {
			all = append(all, pair{rune(c), uint16(g)})
		}
	}
	switch u16(best, 0) {
	case 4:
		n := u16(best, 6) / 2
		for i := range n {
			end, start := u16(best, 14+2*i), u16(best, 16+2*n+2*i)
			delta, at := u16(best, 16+4*n+2*i), 16+6*n+2*i
			off := u16(best, at)
			for c := start; c <= end && c < 0xffff && len(all) < maxMappings; c++ {
				if off == 0 {
					add(c, (c+delta)&0xffff)
				} else if g := u16(best, at+off+2*(c-start)); g != 0 {
					add(c, (g+delta)&0xffff)
				}
			}
			if len(all) >= maxMappings || 16+6*n+2*i > len(best) {
				break
			}
		}
	case 12:
		for i := range min(u32(best, 12), len(best)/12) {
			at := 16 + 12*i
			start, end, g := u32(best, at), u32(best, at+4), u32(best, at+8)
			for c := start; c <= end && c-start < 1<<16 && len(all) < maxMappings; c++ {
				add(c, g+c-start)
			}
		}
	}
	// Of the characters of a glyph the first is the plain one.
	slices.SortStableFunc(all, func(a, b pair) int {
		if a.glyph != b.glyph {
			return int(a.glyph) - int(b.glyph)
		}
		return int(a.char) - int(b.char)
	})
	return slices.CompactFunc(all, func(a, b pair) bool { return a.glyph == b.glyph })
}

func sortWidths(w []widthRange) {
	slices.SortStableFunc(w, func(a, b widthRange) int { return int(int64(a.lo) - int64(b.lo)) })
}
