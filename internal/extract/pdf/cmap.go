package pdf

import (
	"io"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

const (
	maxMappings = 80_000
	maxTarget   = 32 // bytes of UTF-8 that one code may stand for
)

// A cmap maps codes to text (a ToUnicode map) or to CIDs (the encoding of a composite font). ISO 32000-2, 9.7.5 and 9.10.3.
type cmap struct {
	spaces   []codespace
	mappings []mapping
	sorted   bool
	vertical bool
	identity bool // two bytes, the code is the CID
	// charset decodes codes of the predefined maps whose codes are text; utf16 says that they are UTF-16.
	charset encoding.Encoding
	utf16   bool
	jis     bool // rows and cells without the high bits
}

type codespace struct {
	n      int
	lo, hi uint32
}

type mapping struct {
	lo, hi uint32
	target uint32 // a character or CID
	text   string // several characters
}

// find returns the mapping of a code, nil without one.
func (m *cmap) find(code uint32) *mapping {
	if !m.sorted {
		slices.SortStableFunc(m.mappings, func(a, b mapping) int { return int(int64(a.lo) - int64(b.lo)) })
		m.sorted = true
	}
	i, ok := slices.BinarySearchFunc(m.mappings, code, func(a mapping, c uint32) int { return int(int64(a.lo) - int64(c)) })
	for ok && i+1 < len(m.mappings) && m.mappings[i+1].lo == code {
		i++ // what is said last counts
	}
	if !ok {
		i--
	}
	if i < 0 || m.mappings[i].hi < code {
		return nil
	}
	return &m.mappings[i]
}

// unicode returns the text of a code in a ToUnicode map, "" without one.
func (m *cmap) unicode(code uint32) string {
	e := m.find(code)
	if e == nil {
		return ""
	}
	if e.text != "" {
		if e.lo == e.hi {
			return e.text
		}
		r, n := utf8.DecodeLastRuneInString(e.text)
		return e.text[:len(e.text)-n] + string(r+rune(code-e.lo))
	}
	return string(rune(e.target + code - e.lo))
}

// next splits a code off a string.
func (m *cmap) next(s str) (code uint32, n int) {
	for n = 1; n <= 4 && n <= len(s); n++ {
		code = code<<8 | uint32(s[n-1])
		for _, c := range m.spaces {
			if c.n == n && c.holds(code) {
				return code, n
			}
		}
	}
	// No code begins like this: pass what the shortest codes are long.
	n = 2
	if len(m.spaces) > 0 {
		n = m.spaces[0].n
		for _, c := range m.spaces {
			n = min(n, c.n)
		}
	}
	n = min(n, len(s))
	code = 0
	for i := range n {
		code = code<<8 | uint32(s[i])
	}
	return code, n
}

// holds compares byte by byte, as codespaces are boxes.
func (c codespace) holds(code uint32) bool {
	for shift := 0; shift < 8*c.n; shift += 8 {
		b := code >> shift & 0xff
		if b < c.lo>>shift&0xff || b > c.hi>>shift&0xff {
			return false
		}
	}
	return true
}

// readCMap parses a map. What cannot be understood is left out.
func (f *file) readCMap(r io.Reader, depth int) *cmap {
	m := &cmap{}
	l := newLexer(r, 4096)
	l.content = true
	var operands []any
	for f.err == nil {
		l.elements = 0
		o, err := l.object(0)
		if err != nil || o == eof {
			break
		}
		k, ok := o.(keyword)
		if !ok {
			if len(operands) < 3*maxMappings {
				operands = append(operands, o)
			}
			continue
		}
		switch k {
		case "endcodespacerange":
			for i := 0; i+1 < len(operands) && len(m.spaces) < 256; i += 2 {
				lo, ok := operands[i].(str)
				hi, ok2 := operands[i+1].(str)
				if ok && ok2 && len(lo) == len(hi) && len(lo) >= 1 && len(lo) <= 4 {
					m.spaces = append(m.spaces, codespace{len(lo), number32(lo), number32(hi)})
				}
			}
		case "endbfchar":
			for i := 0; i+1 < len(operands); i += 2 {
				if from, ok := operands[i].(str); ok {
					m.add(number32(from), number32(from), operands[i+1])
				}
			}
		case "endbfrange":
			for i := 0; i+2 < len(operands); i += 3 {
				lo, ok := operands[i].(str)
				hi, ok2 := operands[i+1].(str)
				if !ok || !ok2 {
					continue
				}
				from, to := number32(lo), number32(hi)
				if list, ok := operands[i+2].(array); ok {
					for j, o := range list {
						if from+uint32(j) > to {
							break
						}
						m.add(from+uint32(j), from+uint32(j), o)
					}
					continue
				}
				m.add(from, to, operands[i+2])
			}
		case "endcidrange", "endcidchar":
			step := 3
			if k == "endcidchar" {
				step = 2
			}
			for i := 0; i+step-1 < len(operands); i += step {
				lo, ok := operands[i].(str)
				hi, ok2 := operands[i+step-2].(str)
				cid, ok3 := operands[i+step-1].(int64)
				if ok && ok2 && ok3 && cid >= 0 && cid <= 0xffff && len(m.mappings) < maxMappings {
					m.mappings = append(m.mappings, mapping{lo: number32(lo), hi: number32(hi), target: uint32(cid)})
				}
			}
		case "def":
			if n := len(operands); n >= 2 && operands[n-2] == name("WMode") && operands[n-1] == int64(1) {
				m.vertical = true
			}
		case "usecmap":
			if n := len(operands); n > 0 && depth < 4 {
				if p, ok := operands[n-1].(name); ok {
					if base := predefined(p); base != nil && base.identity {
						m.spaces = append(m.spaces, base.spaces...)
						m.mappings = append(m.mappings, mapping{lo: 0, hi: 0xffff, target: 0})
					}
				}
			}
		}
		operands = operands[:0]
	}
	return m
}

func number32(s str) (v uint32) {
	for i := 0; i < len(s) && i < 4; i++ {
		v = v<<8 | uint32(s[i])
	}
	return v
}

// add maps codes to a string of UTF-16, or to a glyph's name.
func (m *cmap) add(lo, hi uint32, target any) {
	if hi < lo || len(m.mappings) >= maxMappings {
		return
	}
	var t string
	switch v := target.(type) {
	case str:
		t = utf16BE(v)
	case name:
		t = glyphText(v)
	}
	if t == "" || t[0] == 0 {
		return
	}
	for len(t) > maxTarget {
		_, n := utf8.DecodeLastRuneInString(t)
		t = t[:len(t)-n]
	}
	r, n := utf8.DecodeRuneInString(t)
	if n == len(t) {
		m.mappings = append(m.mappings, mapping{lo: lo, hi: hi, target: uint32(r)})
		return
	}
	m.mappings = append(m.mappings, mapping{lo: lo, hi: hi, text: t})
}

// utf16BE decodes UTF-16; a single byte is a character by itself.
func utf16BE(s str) string {
	if len(s) == 1 {
		return string(rune(s[0]))
	}
	u := make([]uint16, len(s)/2)
	for i := range u {
		u[i] = uint16(s[2*i])<<8 | uint16(s[2*i+1])
	}
	return string(utf16.Decode(u))
}

// predefined returns the map of ISO 32000-2, table 116: identity, and those whose codes are a charset's. nil for others.
func predefined(n name) *cmap {
	base, vertical := strings.CutSuffix(string(n), "-V")
	base = strings.TrimSuffix(base, "-H")
	two := []codespace{{2, 0, 0xffff}}
	m := &cmap{vertical: vertical || n == "V", spaces: two}
	one := func(hi uint32) []codespace { return []codespace{{1, 0, hi}} }
	switch {
	case base == "Identity":
		m.identity = true
	case strings.HasPrefix(base, "Uni") && (strings.Contains(base, "UCS2") || strings.Contains(base, "UTF16")):
		m.utf16 = true
		m.spaces = []codespace{{2, 0x0000, 0xd7ff}, {4, 0xd800dc00, 0xdbffdfff}, {2, 0xe000, 0xffff}}
	case strings.HasSuffix(base, "RKSJ"):
		m.charset = japanese.ShiftJIS
		m.spaces = append(one(0x80), codespace{1, 0xa0, 0xdf}, codespace{2, 0x8140, 0x9ffc}, codespace{2, 0xe040, 0xfcfc})
	case n == "EUC-H" || n == "EUC-V":
		m.charset = japanese.EUCJP
		m.spaces = append(one(0x80), codespace{2, 0x8ea0, 0x8edf}, codespace{2, 0xa1a1, 0xfefe})
	case n == "H" || n == "V":
		m.charset, m.jis = japanese.EUCJP, true
	case strings.HasPrefix(base, "GB") && base != "GBT" && base != "GBTpc":
		m.charset = simplifiedchinese.GB18030
		m.spaces = append(one(0x80), codespace{4, 0x81308130, 0xfe39fe39}, codespace{2, 0x8140, 0xfefe})
	case strings.Contains(base, "B5"):
		m.charset = traditionalchinese.Big5
		m.spaces = append(one(0x80), codespace{2, 0x8140, 0xfefe})
	case strings.HasPrefix(base, "KSC"):
		m.charset = korean.EUCKR
		m.spaces = append(one(0x80), codespace{2, 0x8141, 0xfefe})
	default:
		return nil
	}
	return m
}

// text returns what a code of a predefined map stands for.
func (m *cmap) text(s str) string {
	switch {
	case m.utf16:
		return utf16BE(s)
	case m.charset != nil:
		b := []byte(s)
		if m.jis {
			for i := range b {
				b[i] |= 0x80
			}
		}
		out, err := m.charset.NewDecoder().Bytes(b)
		if err != nil || strings.ContainsRune(string(out), utf8.RuneError) {
			return ""
		}
		return string(out)
	}
	return ""
}
