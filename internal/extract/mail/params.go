package mail

import (
	"sort"
	"strconv"
	"strings"
	"unicode"

	"github.com/magpie-sec/magpie/internal/extract/charset"
)

// maxParams bounds the parameters of a field.
const maxParams = 100

// Params are the parameters of a field such as Content-Type, by name in small letters, decoded.
type Params map[string]string

// ParseParams reads a field's value such as "text/plain; charset=utf-8": what stands before the first semicolon, in small letters, and its
// parameters, with those that come in parts or encoded (RFC 2231), or in encoded words, as people's software does. Rich says that some were.
func ParseParams(value string) (first string, p Params, rich bool) {
	first, rest, _ := strings.Cut(value, ";")
	first = strings.ToLower(strings.TrimSpace(uncomment(first)))
	p = Params{}
	var parts map[string][]part
	for n := 0; rest != "" && n < maxParams; n++ {
		var name, v string
		name, v, rest = nextParam(rest)
		if name == "" {
			continue
		}
		if base, tag, ok := strings.Cut(name, "*"); ok {
			if parts == nil {
				parts = map[string][]part{}
			}
			parts[base] = append(parts[base], makePart(tag, v))
			rich = true
			continue
		}
		if strings.Contains(v, "=?") {
			var w Words
			v = string(w.End(w.Line(nil, []byte(v))))
		} else {
			v = string(Text(nil, []byte(v)))
		}
		if _, ok := p[name]; !ok {
			p[name] = v
		}
	}
	for name, list := range parts {
		p[name] = join(list)
	}
	return first, p, rich
}

func uncomment(s string) string {
	if i := strings.IndexByte(s, '('); i >= 0 {
		return s[:i]
	}
	return s
}

// nextParam reads "name=value;" with a quoted value or one that goes up to the semicolon.
func nextParam(s string) (name, value, rest string) {
	i := strings.IndexAny(s, "=;")
	if i < 0 {
		return "", "", ""
	}
	name = strings.ToLower(strings.TrimSpace(s[:i]))
	if s[i] == ';' {
		return "", "", s[i+1:]
	}
	s = strings.TrimLeft(s[i+1:], " \t\r\n")
	if !strings.HasPrefix(s, `"`) {
		value, rest, _ = strings.Cut(s, ";")
		return name, strings.TrimSpace(value), rest
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			_, rest, _ = strings.Cut(s[i+1:], ";")
			return name, b.String(), rest
		case c == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\'):
			i++
			b.WriteByte(s[i])
		default:
			b.WriteByte(c)
		}
	}
	value, rest, _ = strings.Cut(s[1:], ";") // the quote is not closed
	return name, strings.TrimSpace(value), rest
}

// A part is one of the parts of a parameter: its number, and whether it is percent-encoded.
type part struct {
	number  int
	encoded bool
	value   string
}

func makePart(tag, v string) part {
	tag, encoded := strings.CutSuffix(tag, "*")
	if tag == "" {
		return part{0, true, v}
	}
	n, _ := strconv.Atoi(tag)
	return part{n, encoded, v}
}

func join(list []part) string {
	sort.SliceStable(list, func(i, j int) bool { return list[i].number < list[j].number })
	c := charset.ASCII
	var raw []byte
	for i, p := range list {
		v := p.value
		if i == 0 && p.encoded {
			if label, rest, ok := strings.Cut(v, "'"); ok {
				if _, text, ok := strings.Cut(rest, "'"); ok {
					if named, ok := charset.Named(label); ok {
						c = named
					}
					v = text
				}
			}
		}
		for i := 0; i < len(v); i++ {
			if p.encoded && v[i] == '%' && i+2 < len(v) && isHex(v[i+1]) && isHex(v[i+2]) {
				raw = append(raw, hexValue(v[i+1])<<4|hexValue(v[i+2]))
				i += 2
			} else {
				raw = append(raw, v[i])
			}
		}
	}
	if c == charset.ASCII {
		c = open(raw)
	}
	return string(appendWhole(nil, c, raw))
}

// maxFileName is how long the name of a member may be, in characters.
const maxFileName = 200

// FileName makes the name of a member from what a mail calls it: one line of bounded length, "" for nothing.
func FileName(s string) string {
	var b strings.Builder
	n := 0
	for _, r := range strings.TrimSpace(s) {
		if unicode.IsControl(r) {
			continue
		}
		if n++; n > maxFileName {
			break
		}
		b.WriteRune(r)
	}
	return b.String()
}
