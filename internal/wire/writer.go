package wire

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Writer writes generated structures as JSON: members in the model's order, absent ones left out,
// map keys sorted, so equal values give equal bytes.
type Writer struct{ buf []byte }

// Encoder writes its members between braces.
type Encoder interface{ EncodeJSON(w *Writer) }

// AppendJSON appends v as a JSON object to b.
func AppendJSON(b []byte, v Encoder) []byte {
	w := Writer{buf: b}
	w.object(v)
	return w.buf
}

// Marshal returns v as a JSON object.
func Marshal(v Encoder) []byte { return AppendJSON(nil, v) }

func (w *Writer) object(v Encoder) {
	w.buf = append(w.buf, '{')
	v.EncodeJSON(w)
	w.buf = append(w.buf, '}')
}

// comma separates from the element before.
func (w *Writer) comma() {
	if c := w.buf[len(w.buf)-1]; c != '{' && c != '[' {
		w.buf = append(w.buf, ',')
	}
}

// key begins a member; name is a model's member name, which needs no escaping.
func (w *Writer) key(name string) {
	w.comma()
	w.buf = append(w.buf, '"')
	w.buf = append(w.buf, name...)
	w.buf = append(w.buf, '"', ':')
}

// String writes a string member unless absent.
func (w *Writer) String(name string, v *string) {
	if v != nil {
		w.key(name)
		WriteString(w, *v)
	}
}

// Bool writes a boolean member unless absent.
func (w *Writer) Bool(name string, v *bool) {
	if v != nil {
		w.key(name)
		WriteBool(w, *v)
	}
}

// Int writes an integer member unless absent.
func (w *Writer) Int(name string, v *int64) {
	if v != nil {
		w.key(name)
		WriteInt(w, *v)
	}
}

// Double writes a number member unless absent.
func (w *Writer) Double(name string, v *float64) {
	if v != nil {
		w.key(name)
		WriteDouble(w, *v)
	}
}

// Time writes a timestamp member unless absent.
func (w *Writer) Time(name string, v *Time, format TimeFormat) {
	if v != nil {
		w.key(name)
		w.buf = appendTime(w.buf, *v, format)
	}
}

// Enum writes an enum member unless absent ("").
func (w *Writer) Enum(name, v string) {
	if v != "" {
		w.key(name)
		WriteString(w, v)
	}
}

// WriteStructMember writes a structure member unless absent.
func WriteStructMember[T any, P interface {
	*T
	Encoder
}](w *Writer, name string, v *T) {
	if v != nil {
		w.key(name)
		w.object(P(v))
	}
}

// WriteListMember writes a list member unless absent (nil); an empty list is written.
func WriteListMember[T any](w *Writer, name string, v []T, elem func(*Writer, T)) {
	if v != nil {
		w.key(name)
		WriteList(w, v, elem)
	}
}

// WriteStructListMember writes a list of structures unless absent (nil); an empty list is written.
func WriteStructListMember[T any, P interface {
	*T
	Encoder
}](w *Writer, name string, v []T) {
	if v == nil {
		return
	}
	w.key(name)
	w.buf = append(w.buf, '[')
	for i := range v {
		w.comma()
		w.object(P(&v[i]))
	}
	w.buf = append(w.buf, ']')
}

// WriteMapMember writes a map member unless absent (nil); an empty map is written.
func WriteMapMember[K ~string, T any](w *Writer, name string, v map[K]T, elem func(*Writer, T)) {
	if v != nil {
		w.key(name)
		WriteMap(w, v, elem)
	}
}

// WriteList writes a list as a value.
func WriteList[T any](w *Writer, v []T, elem func(*Writer, T)) {
	w.buf = append(w.buf, '[')
	for _, e := range v {
		w.comma()
		elem(w, e)
	}
	w.buf = append(w.buf, ']')
}

// WriteMap writes a map as a value, keys sorted.
func WriteMap[K ~string, T any](w *Writer, v map[K]T, elem func(*Writer, T)) {
	w.buf = append(w.buf, '{')
	for _, k := range slices.Sorted(maps.Keys(v)) {
		w.comma()
		WriteString(w, string(k))
		w.buf = append(w.buf, ':')
		elem(w, v[k])
	}
	w.buf = append(w.buf, '}')
}

// WriteStruct writes a structure as a value.
func WriteStruct[T any, P interface {
	*T
	Encoder
}](w *Writer, v T) {
	w.object(P(&v))
}

// WriteEnum writes an enum value.
func WriteEnum[E ~string](w *Writer, v E) { WriteString(w, string(v)) }

// WriteBool writes a boolean value.
func WriteBool(w *Writer, v bool) { w.buf = strconv.AppendBool(w.buf, v) }

// WriteInt writes an integer value.
func WriteInt(w *Writer, v int64) { w.buf = strconv.AppendInt(w.buf, v, 10) }

// WriteTime writes a timestamp value.
func WriteTime(w *Writer, v Time, format TimeFormat) { w.buf = appendTime(w.buf, v, format) }

// WriteDouble writes a number, or what restJson1 writes for what JSON has no number for.
func WriteDouble(w *Writer, v float64) {
	switch {
	case math.IsNaN(v):
		WriteString(w, "NaN")
	case math.IsInf(v, 1):
		WriteString(w, "Infinity")
	case math.IsInf(v, -1):
		WriteString(w, "-Infinity")
	default:
		w.buf = strconv.AppendFloat(w.buf, v, 'g', -1, 64)
	}
}

const hexDigits = "0123456789abcdef"

// WriteString writes a string value. Invalid UTF-8 becomes U+FFFD: JSON cannot hold it.
func WriteString(w *Writer, s string) {
	b := append(w.buf, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				b = append(append(b, s[from:i]...), "\uFFFD"...)
				from = i + 1
			}
			i += size
			continue
		}
		if c < ' ' || c == '"' || c == '\\' {
			b = append(b, s[from:i]...)
			switch c {
			case '"', '\\':
				b = append(b, '\\', c)
			case '\n':
				b = append(b, '\\', 'n')
			case '\r':
				b = append(b, '\\', 'r')
			case '\t':
				b = append(b, '\\', 't')
			default:
				b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			}
			from = i + 1
		}
		i++
	}
	w.buf = append(append(b, s[from:]...), '"')
}
