package pdf

import (
	"bytes"
	"io"
	"strings"
)

// A font turns the strings that are shown into text and widths. It is made once for each font of a document and kept while there is room.
type font struct {
	toUnicode *cmap
	composite bool
	encoding  *cmap // of a composite font
	vertical  bool
	texts     [256]string // of a simple font
	widths    [256]float32
	cidWidths []widthRange
	width     float32 // of what has none, in ems
	em        float64 // how large an em is, for Type 3 fonts, whose units are their own; else 1
	cost      int     // elements, for the bound on what is kept
}

type widthRange struct {
	lo, hi uint32
	width  float32
}

const maxWidths = 80_000

// A glyph is one code of a string.
type glyph struct {
	text  string
	width float32 // in ems, across or, in vertical writing, down
	space bool    // word spacing applies
}

// each calls yield for the codes of a string in order.
func (t *font) each(s str, yield func(glyph)) {
	if !t.composite {
		for i := range len(s) {
			c := s[i]
			text := ""
			if t.toUnicode != nil {
				text = clean(t.toUnicode.unicode(uint32(c)))
			}
			if text == "" {
				text = t.texts[c]
			}
			yield(glyph{text, t.widths[c], c == ' '})
		}
		return
	}
	for len(s) > 0 {
		code, n := t.encoding.next(s)
		g := glyph{space: n == 1 && code == ' ', width: t.cidWidth(t.cid(code), n)}
		if t.toUnicode != nil {
			g.text = clean(t.toUnicode.unicode(code))
		}
		if g.text == "" {
			g.text = t.encoding.text(s[:n])
		}
		if t.vertical {
			g.width = 1
		}
		yield(g)
		s = s[n:]
	}
}

func (t *font) cid(code uint32) uint32 {
	if t.encoding.identity {
		return code
	}
	if m := t.encoding.find(code); m != nil {
		return m.target + code - m.lo
	}
	return code
}

func (t *font) cidWidth(cid uint32, n int) float32 {
	if t.encoding.charset != nil || t.encoding.utf16 { // widths go by CIDs that we do not know
		if n == 1 {
			return 0.5
		}
		return 1
	}
	lo, hi := 0, len(t.cidWidths)
	for lo < hi {
		m := (lo + hi) / 2
		if t.cidWidths[m].hi < cid {
			lo = m + 1
		} else {
			hi = m
		}
	}
	if lo < len(t.cidWidths) && t.cidWidths[lo].lo <= cid {
		return t.cidWidths[lo].width
	}
	return t.width
}

// clean takes away what says nothing.
func clean(s string) string {
	if len(s) == 1 && s[0] >= ' ' && s[0] < 0x7f {
		return s
	}
	for _, r := range s {
		if r < ' ' || r == 0xfffd || r == 0x7f {
			if strings.Trim(s, "\x00\t\r\n") == "" && s[0] != 0 {
				return " "
			}
			return ""
		}
		if _, ok := ligatures[r]; ok {
			var b strings.Builder
			for _, r := range s {
				b.WriteString(runeText(r))
			}
			return b.String()
		}
	}
	return s
}

func (f *file) readFont(d dict) *font {
	t := &font{cost: 500, em: 1}
	if s, ok := f.resolve(d["ToUnicode"]).(*stream); ok {
		if r, err := f.decode(s, true); err == nil {
			t.toUnicode = f.readCMap(r, 0)
			t.cost += len(t.toUnicode.mappings) * 3
			if len(t.toUnicode.mappings) == 0 {
				t.toUnicode = nil
			}
		}
	}
	switch f.name(d["Subtype"]) {
	case "Type0":
		f.readComposite(t, d)
	default:
		f.readSimple(t, d)
	}
	return t
}

func (f *file) readComposite(t *font, d dict) {
	t.composite = true
	switch e := f.resolve(d["Encoding"]).(type) {
	case name:
		t.encoding = predefined(e)
	case *stream:
		if r, err := f.decode(e, true); err == nil {
			t.encoding = f.readCMap(r, 0)
			t.cost += len(t.encoding.mappings) * 3
			if f.int(e.dict["WMode"], 0) == 1 {
				t.encoding.vertical = true
			}
		}
	}
	if t.encoding == nil || len(t.encoding.spaces) == 0 {
		t.encoding = predefined("Identity-H")
	}
	t.vertical = t.encoding.vertical
	var cid dict
	if list := f.list(d["DescendantFonts"]); len(list) > 0 {
		cid = f.dict(list[0])
	}
	t.width = float32(f.int(cid["DW"], 1000)) / 1000
	w, _ := f.resolve(cid["W"]).(array)
	for i := 0; i+1 < len(w) && len(t.cidWidths) < maxWidths; {
		from := f.int(w[i], -1)
		if from < 0 || from > 0xffff {
			break
		}
		switch v := f.resolve(w[i+1]).(type) {
		case array:
			for j, o := range v {
				x, _ := num(f.resolve(o))
				t.addWidth(from+j, from+j, x)
			}
			i += 2
		default:
			if i+2 >= len(w) {
				i = len(w)
				break
			}
			x, _ := num(f.resolve(w[i+2]))
			t.addWidth(from, f.int(v, from), x)
			i += 3
		}
	}
	sortWidths(t.cidWidths)
	t.cost += len(t.cidWidths)
	if t.toUnicode == nil && t.encoding.identity {
		f.unicodeFromTrueType(t, f.dict(cid["FontDescriptor"]), cid)
	}
}

func (t *font) addWidth(lo, hi int, w float64) {
	if n := len(t.cidWidths); n > 0 && t.cidWidths[n-1].hi+1 == uint32(lo) && t.cidWidths[n-1].width == float32(w/1000) {
		t.cidWidths[n-1].hi = uint32(max(hi, lo))
		return
	}
	if len(t.cidWidths) < maxWidths {
		t.cidWidths = append(t.cidWidths, widthRange{uint32(lo), uint32(max(hi, lo)), float32(w / 1000)})
	}
}

func (f *file) readSimple(t *font, d dict) {
	base := string(f.name(d["BaseFont"]))
	if i := strings.IndexByte(base, '+'); i == 6 {
		base = base[7:]
	}
	descriptor := f.dict(d["FontDescriptor"])
	family := standardFamily(base)
	table := f.baseEncoding(d, descriptor, family, t)
	for c, r := range table {
		if c < 256 && r != 0 {
			t.texts[c] = runeText(r)
		}
	}
	if e := f.dict(d["Encoding"]); e != nil {
		code := 0
		for _, o := range f.list(e["Differences"]) {
			switch v := f.resolve(o).(type) {
			case int64:
				code = int(v)
			case name:
				if code >= 0 && code < 256 {
					if v == ".notdef" {
						t.texts[code] = ""
					} else if s := glyphText(v); s != "" {
						t.texts[code] = s
					} else {
						t.texts[code] = numberedGlyph(v, code)
					}
				}
				code++
			}
		}
	}
	f.simpleWidths(t, d, descriptor, family)
}

// numberedGlyph reads names that are the character itself, and names such as "c65", which some writers give to the characters of the codes
// that they number.
func numberedGlyph(n name, code int) string {
	if len(n) == 1 && n[0] > ' ' && n[0] < 0x7f {
		return string(n)
	}
	if len(n) == 3 && n[0] == '#' { // escaped twice
		return runeText(rune(unhex(int(n[1]))<<4 | unhex(int(n[2]))))
	}
	digits := strings.TrimLeft(string(n), "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.")
	if len(n)-len(digits) > 2 || digits == "" {
		return ""
	}
	v := 0
	for _, c := range digits {
		if c < '0' || c > '9' || v > 1000 {
			return ""
		}
		v = v*10 + int(c-'0')
	}
	if v == code && v >= ' ' && v < 256 {
		return runeText([]rune(winAnsi)[v])
	}
	return ""
}

func (f *file) baseEncoding(d, descriptor dict, family string, t *font) []rune {
	e := f.resolve(d["Encoding"])
	if n, ok := e.(name); ok {
		if table := encodingTable(n); table != nil {
			return table
		}
	}
	if m, ok := e.(dict); ok {
		if table := encodingTable(f.name(m["BaseEncoding"])); table != nil {
			return table
		}
	}
	if family == "Symbol" || family == "ZapfDingbats" {
		return encodingTable(name(family))
	}
	if table := f.builtIn(descriptor); table != nil {
		for c, s := range table {
			t.texts[c] = s
		}
		return nil
	}
	if f.name(d["Subtype"]) == "TrueType" {
		return encodingTable("WinAnsiEncoding")
	}
	return encodingTable("StandardEncoding")
}

// standardFamily returns the name in standardWidths that a font's name means, "" for other fonts.
func standardFamily(base string) string {
	n := strings.ToLower(strings.NewReplacer(" ", "", ",", "-").Replace(base))
	bold := strings.Contains(n, "bold") || strings.Contains(n, "black")
	italic := strings.Contains(n, "italic") || strings.Contains(n, "oblique")
	switch {
	case strings.HasPrefix(n, "helvetica"), strings.HasPrefix(n, "arial"):
		if bold {
			return "Helvetica-Bold"
		}
		return "Helvetica"
	case strings.HasPrefix(n, "times"):
		switch {
		case bold && italic:
			return "Times-BoldItalic"
		case bold:
			return "Times-Bold"
		case italic:
			return "Times-Italic"
		}
		return "Times-Roman"
	case strings.HasPrefix(n, "courier"):
		return "Courier"
	case n == "symbol" || strings.HasPrefix(n, "symbol-"):
		return "Symbol"
	case n == "zapfdingbats":
		return "ZapfDingbats"
	}
	return ""
}

func (f *file) simpleWidths(t *font, d, descriptor dict, family string) {
	scale := float32(0.001)
	if f.name(d["Subtype"]) == "Type3" {
		scale = 1
		if m := f.list(d["FontMatrix"]); len(m) == 6 {
			if a, _ := num(f.resolve(m[0])); a != 0 {
				scale = float32(a)
			}
		}
		if scale < 0 {
			scale = -scale
		}
	}
	widths, _ := f.resolve(d["Widths"]).(array)
	if widths == nil {
		t.standardWidths(family)
		return
	}
	missing := float32(f.int(descriptor["MissingWidth"], 0)) * scale
	for c := range t.widths {
		t.widths[c] = missing
	}
	from := f.int(d["FirstChar"], 0)
	for i, o := range widths {
		if c := from + i; c >= 0 && c < 256 {
			w, _ := num(f.resolve(o))
			t.widths[c] = float32(w) * scale
		}
	}
	if f.name(d["Subtype"]) == "Type3" {
		t.guessEm()
	}
}

// guessEm takes an m to be three quarters of an em wide; without one, letters half an em on average.
func (t *font) guessEm() {
	sum, widest, n := 0.0, 0.0, 0
	for c, w := range t.widths {
		if w > 0 && t.texts[c] == "m" {
			t.em = float64(w) / 0.75
			return
		}
		if w > 0 && t.texts[c] != "" && t.texts[c] != " " {
			sum += float64(w)
			widest = max(widest, float64(w))
			n++
		}
	}
	if n > 0 {
		t.em = max(2*sum/float64(n), widest)
	}
}

// standardWidths takes the widths of the standard fonts, which need not stand in the document. Others get what is usual.
func (t *font) standardWidths(family string) {
	if family == "" {
		family = "Helvetica"
	}
	w, ok := standardWidths[family]
	if !ok {
		for c := range t.widths {
			t.widths[c] = 0.6
		}
		return
	}
	codes := map[string]int{}
	if family != "Symbol" {
		for c, r := range []rune(winAnsi) {
			if r != 0 && codes[string(r)] == 0 {
				codes[string(r)] = c
			}
		}
	}
	for c := range t.widths {
		k := c
		if family != "Symbol" {
			if k, ok = codes[t.texts[c]]; !ok {
				t.widths[c] = 0.5
				continue
			}
		}
		if k >= 32 {
			t.widths[c] = float32(w[k-32]) / 1000
		}
	}
}

// builtIn reads the encoding of an embedded Type 1 or CFF font, nil if there is none.
func (f *file) builtIn(descriptor dict) map[int]string {
	if s, ok := f.resolve(descriptor["FontFile"]).(*stream); ok {
		if r, err := f.decode(s, true); err == nil {
			head, _ := io.ReadAll(io.LimitReader(r, 32<<10))
			return type1Encoding(head)
		}
	}
	if s, ok := f.resolve(descriptor["FontFile3"]).(*stream); ok && f.name(s.dict["Subtype"]) == "Type1C" {
		if r, err := f.decode(s, true); err == nil {
			data, _ := io.ReadAll(io.LimitReader(r, 1<<20))
			return cffEncoding(data)
		}
	}
	return nil
}

// type1Encoding reads "dup 65 /A put" in the clear part of a Type 1 font.
func type1Encoding(b []byte) map[int]string {
	i := bytes.Index(b, []byte("/Encoding"))
	if i < 0 {
		return nil
	}
	b = b[i+len("/Encoding"):]
	if bytes.HasPrefix(bytes.TrimLeft(b, " \r\n\t"), []byte("StandardEncoding")) {
		return nil
	}
	l := newLexer(bytes.NewReader(b), 512)
	l.content = true
	m := map[int]string{}
	var last [2]any
	for range 4096 {
		l.elements = 0
		o, err := l.object(0)
		if err != nil || o == eof || o == keyword("def") || o == keyword("readonly") && len(m) > 0 {
			break
		}
		if o == keyword("put") {
			c, ok := last[0].(int64)
			n, ok2 := last[1].(name)
			if ok && ok2 && c >= 0 && c < 256 {
				if s := glyphText(n); s != "" {
					m[int(c)] = s
				}
			}
		}
		last[0], last[1] = last[1], o
	}
	return m
}
