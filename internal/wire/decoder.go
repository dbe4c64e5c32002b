package wire

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Limits of a JSON document, so that a few bytes cannot cost much memory.
const (
	maxDepth    = 64      // nested objects and arrays
	maxElements = 100_000 // of one list or map
)

// Members reads the members of one structure: the Decoder calls it with each member's name, and it
// must read or Skip exactly one value. name is valid only during the call.
type Members interface {
	DecodeMember(d *Decoder, name []byte)
}

// Decoder reads one JSON text (RFC 8259) into generated structures. The first error sticks; after it
// every read returns nothing, so generated code need not look.
type Decoder struct {
	data    []byte
	pos     int
	path    []segment
	scratch []byte
	err     *Error
}

type segment struct {
	name  string
	index int // of a list element when name is ""
}

// Unmarshal reads a JSON object into v. The error, if any, is a *Error of kind Serialization that names
// the place, or of kind Validation for a value that the model forbids but that the Go types cannot hold.
func Unmarshal(data []byte, v Members) error {
	d := &Decoder{data: data, path: make([]segment, 0, 16)}
	if !d.null() {
		d.object(v)
	}
	d.space()
	if d.err == nil && d.pos < len(d.data) {
		d.syntax("unexpected data after the document")
	}
	if d.err != nil {
		return d.err
	}
	return nil
}

// pathString renders the place: s3JobDefinition.bucketDefinitions[0].accountId.
func pathString(path []segment) string {
	var b strings.Builder
	for _, s := range path {
		switch {
		case s.name == "":
			b.WriteByte('[')
			b.WriteString(strconv.Itoa(s.index))
			b.WriteByte(']')
		default:
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(clip(s.name))
		}
	}
	return b.String()
}

// clip bounds a client's text in messages.
func clip(s string) string {
	const most = 256
	if len(s) <= most {
		return s
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "..."
}

func (d *Decoder) fail(e *Error) {
	if d.err == nil {
		d.err = e
	}
}

func (d *Decoder) syntax(what string) {
	if d.err == nil {
		d.fail(Errorf(Serialization, "%s at byte %d of the request body", what, d.pos))
	}
}

// wrong reports a value of another JSON type than the model's.
func (d *Decoder) wrong(want string) {
	if d.err == nil {
		d.fail(Errorf(Serialization, "%s: expected %s, found %s", d.place(), want, d.found()))
	}
}

func (d *Decoder) place() string {
	if len(d.path) == 0 {
		return "request body"
	}
	return pathString(d.path)
}

func (d *Decoder) found() string {
	switch c := d.peek(); {
	case c == 0 && d.pos >= len(d.data):
		return "the end of the text"
	case c == '{':
		return "an object"
	case c == '[':
		return "an array"
	case c == '"':
		return "a string"
	case c == 't' || c == 'f':
		return "a boolean"
	case c == 'n':
		return "null"
	case c == '-' || c >= '0' && c <= '9':
		return "a number"
	}
	return "no JSON value"
}

func (d *Decoder) space() {
	for d.pos < len(d.data) {
		switch d.data[d.pos] {
		case ' ', '\t', '\n', '\r':
			d.pos++
		default:
			return
		}
	}
}

// peek returns the first byte of the next token, 0 at the end or after an error.
func (d *Decoder) peek() byte {
	if d.err != nil {
		return 0
	}
	d.space()
	if d.pos >= len(d.data) {
		return 0
	}
	return d.data[d.pos]
}

func (d *Decoder) literal(word string) bool {
	if len(d.data)-d.pos >= len(word) && string(d.data[d.pos:d.pos+len(word)]) == word {
		d.pos += len(word)
		return true
	}
	d.syntax("invalid literal")
	return false
}

// null consumes a null and reports whether there was one.
func (d *Decoder) null() bool { return d.peek() == 'n' && d.literal("null") }

// push enters a place; pop leaves it. After an error the path stays as it was.
func (d *Decoder) push(s segment) bool {
	if len(d.path) >= maxDepth {
		d.syntax("objects and arrays are nested too deeply")
		return false
	}
	d.path = append(d.path, s)
	return true
}

func (d *Decoder) pop() { d.path = d.path[:len(d.path)-1] }

// object reads an object into v.
func (d *Decoder) object(v Members) {
	if d.peek() != '{' {
		d.wrong("an object")
		return
	}
	d.pos++
	for n := 0; d.member(n); n++ {
		name := d.name()
		if d.err != nil || !d.push(segment{name: memberName(name)}) {
			return
		}
		v.DecodeMember(d, name)
		if d.err != nil {
			return
		}
		d.pop()
	}
}

// memberName keeps a name for the path. It must not be empty, which would mean a list element.
func memberName(name []byte) string {
	if len(name) == 0 {
		return `""`
	}
	return string(name)
}

// member steps to the n-th member or, at the closing brace, behind the object.
func (d *Decoder) member(n int) bool { return d.step(n, '}') }

// step moves to the n-th element of a list or object, whose end it consumes.
func (d *Decoder) step(n int, end byte) bool {
	c := d.peek()
	if d.err != nil {
		return false
	}
	if c == end {
		d.pos++
		return false
	}
	if n == 0 {
		return true
	}
	if c != ',' {
		d.syntax("expected a comma or " + string(rune(end)))
		return false
	}
	if n >= maxElements {
		d.fail(Errorf(Serialization, "%s: more than %d elements", d.place(), maxElements))
		return false
	}
	d.pos++
	return true
}

// name reads a member's name and the colon.
func (d *Decoder) name() []byte {
	if d.peek() != '"' {
		d.syntax("expected a member name")
		return nil
	}
	name := d.text()
	if d.peek() != ':' {
		d.syntax("expected a colon")
		return nil
	}
	d.pos++
	return name
}

// text reads a string token. The bytes are valid until the next call of text.
func (d *Decoder) text() []byte {
	start := d.pos + 1
	for i := start; i < len(d.data); i++ {
		switch c := d.data[i]; {
		case c == '"':
			s := d.data[start:i]
			if !utf8.Valid(s) {
				d.syntax("invalid UTF-8")
				return nil
			}
			d.pos = i + 1
			return s
		case c == '\\':
			return d.escaped(start, i)
		case c < ' ':
			d.pos = i
			d.syntax("control character in a string")
			return nil
		}
	}
	d.pos = len(d.data)
	d.syntax("unterminated string")
	return nil
}

// escaped reads on at the first escape of a string that began at start.
func (d *Decoder) escaped(start, i int) []byte {
	b := append(d.scratch[:0], d.data[start:i]...)
	for i < len(d.data) {
		c := d.data[i]
		switch {
		case c == '"':
			d.scratch, d.pos = b, i+1
			if !utf8.Valid(b) {
				d.syntax("invalid UTF-8")
				return nil
			}
			return b
		case c < ' ':
			d.pos = i
			d.syntax("control character in a string")
			return nil
		case c != '\\':
			b = append(b, c)
			i++
		default:
			var ok bool
			if b, i, ok = appendEscape(b, d.data, i); !ok {
				d.pos = i
				d.syntax("invalid escape in a string")
				return nil
			}
		}
	}
	d.pos = len(d.data)
	d.syntax("unterminated string")
	return nil
}

const escapeFrom, escapeTo = `"\/bfnrt`, "\"\\/\b\f\n\r\t"

// appendEscape decodes the escape at data[i] and returns the index behind it.
func appendEscape(b, data []byte, i int) ([]byte, int, bool) {
	if i+1 >= len(data) {
		return b, i, false
	}
	if data[i+1] != 'u' {
		k := strings.IndexByte(escapeFrom, data[i+1])
		if k < 0 {
			return b, i, false
		}
		return append(b, escapeTo[k]), i + 2, true
	}
	r, ok := hex4(data, i)
	if !ok {
		return b, i, false
	}
	i += 6
	if utf16.IsSurrogate(r) {
		low, ok := hex4(data, i)
		r = utf16.DecodeRune(r, low)
		if !ok || r == utf8.RuneError {
			return b, i - 6, false
		}
		i += 6
	}
	return utf8.AppendRune(b, r), i, true
}

// hex4 reads \uXXXX at data[i].
func hex4(data []byte, i int) (rune, bool) {
	if i+6 > len(data) || data[i] != '\\' || data[i+1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range data[i+2 : i+6] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// number reads a number token and reports whether it is an integer.
func (d *Decoder) number() (token []byte, integer bool) {
	start := d.pos
	i := d.pos
	digits := func() bool {
		from := i
		for i < len(d.data) && d.data[i] >= '0' && d.data[i] <= '9' {
			i++
		}
		return i > from
	}
	at := func(set string) bool {
		if i < len(d.data) && strings.IndexByte(set, d.data[i]) >= 0 {
			i++
			return true
		}
		return false
	}
	integer = true
	at("-")
	ok := at("0") || digits()
	if ok && at(".") {
		integer, ok = false, digits()
	}
	if ok && at("eE") {
		at("+-")
		integer, ok = false, digits()
	}
	d.pos = i
	if !ok {
		d.syntax("invalid number")
		return nil, false
	}
	return d.data[start:i], integer
}

// Skip reads over one value of any type.
func (d *Decoder) Skip() {
	switch c := d.peek(); {
	case c == '{':
		d.pos++
		for n := 0; d.member(n); n++ {
			name := d.name()
			if d.err != nil || !d.push(segment{name: memberName(name)}) {
				return
			}
			d.skipElement()
		}
	case c == '[':
		d.pos++
		for n := 0; d.step(n, ']'); n++ {
			if !d.push(segment{index: n}) {
				return
			}
			d.skipElement()
		}
	case c == '"':
		d.text()
	case c == 't':
		d.literal("true")
	case c == 'f':
		d.literal("false")
	case c == 'n':
		d.literal("null")
	case c == '-' || c >= '0' && c <= '9':
		d.number()
	default:
		d.syntax("expected a value")
	}
}

// Raw reads over one value and returns its bytes, which are those of the text being read.
func (d *Decoder) Raw() []byte {
	d.space()
	start := d.pos
	d.Skip()
	if d.err != nil {
		return nil
	}
	return d.data[start:d.pos]
}

func (d *Decoder) skipElement() {
	d.Skip()
	if d.err == nil {
		d.pop()
	}
}

// optional reads a value unless it is null.
func optional[T any](d *Decoder, read func(*Decoder) T) *T {
	if d.null() || d.err != nil {
		return nil
	}
	v := read(d)
	if d.err != nil {
		return nil
	}
	return &v
}

// String reads a string, nil for null.
func (d *Decoder) String() *string { return optional(d, StringElem) }

// Bool reads a boolean, nil for null.
func (d *Decoder) Bool() *bool { return optional(d, BoolElem) }

// Integer reads a 32-bit integer (the models' integer), nil for null.
func (d *Decoder) Integer() *int64 { return optional(d, IntegerElem) }

// Long reads a 64-bit integer (the models' long), nil for null.
func (d *Decoder) Long() *int64 { return optional(d, LongElem) }

// Double reads a number, or one of the strings NaN, Infinity, -Infinity; nil for null.
func (d *Decoder) Double() *float64 { return optional(d, DoubleElem) }

// Time reads a timestamp of the given format, nil for null.
func (d *Decoder) Time(format TimeFormat) *Time {
	return optional(d, func(d *Decoder) Time { return TimeElem(d, format) })
}

// StringElem reads a string that may not be null.
func StringElem(d *Decoder) string {
	if d.peek() != '"' {
		d.wrong("a string")
		return ""
	}
	return string(d.text())
}

// BoolElem reads a boolean that may not be null.
func BoolElem(d *Decoder) bool {
	switch d.peek() {
	case 't':
		return d.literal("true")
	case 'f':
		d.literal("false")
		return false
	}
	d.wrong("a boolean")
	return false
}

// IntegerElem reads a 32-bit integer that may not be null.
func IntegerElem(d *Decoder) int64 { return d.integer(32) }

// LongElem reads a 64-bit integer that may not be null.
func LongElem(d *Decoder) int64 { return d.integer(64) }

func (d *Decoder) integer(bits int) int64 {
	want := "an integer of " + strconv.Itoa(bits) + " bits"
	if c := d.peek(); c != '-' && (c < '0' || c > '9') {
		d.wrong(want)
		return 0
	}
	start := d.pos
	token, isInteger := d.number()
	if d.err != nil {
		return 0
	}
	n, err := strconv.ParseInt(string(token), 10, bits)
	if err != nil || !isInteger {
		d.pos = start
		d.fail(Errorf(Serialization, "%s: expected %s, found %s", d.place(), want, clip(string(token))))
		return 0
	}
	return n
}

// DoubleElem reads a number that may not be null.
func DoubleElem(d *Decoder) float64 {
	c := d.peek()
	if c == '"' {
		switch s := string(d.text()); {
		case d.err != nil:
			return 0
		case s == "NaN":
			return math.NaN()
		case s == "Infinity":
			return math.Inf(1)
		case s == "-Infinity":
			return math.Inf(-1)
		default:
			d.fail(Errorf(Serialization, "%s: expected a number, found a string", d.place()))
			return 0
		}
	}
	if c != '-' && (c < '0' || c > '9') {
		d.wrong("a number")
		return 0
	}
	token, _ := d.number()
	if d.err != nil {
		return 0
	}
	f, err := strconv.ParseFloat(string(token), 64)
	if err != nil {
		d.fail(Errorf(Serialization, "%s: %s is too large a number", d.place(), clip(string(token))))
	}
	return f
}

// TimeElem reads a timestamp that may not be null.
func TimeElem(d *Decoder, format TimeFormat) Time {
	if format == UnixTimestamp {
		if c := d.peek(); c == '"' {
			d.wrong("a number of seconds")
			return 0
		}
		ms := math.Round(DoubleElem(d) * 1000)
		if d.err == nil && !(ms >= float64(minTime) && ms <= float64(maxTime)) {
			d.fail(Errorf(Serialization, "%s: a timestamp must lie in the years 0000 to 9999", d.place()))
			return 0
		}
		return Time(ms)
	}
	if d.peek() != '"' {
		d.wrong("an ISO 8601 timestamp as a string")
		return 0
	}
	s := d.text()
	if d.err != nil {
		return 0
	}
	t, err := ParseTime(string(s))
	if err != nil {
		d.fail(Errorf(Serialization, "%s: %s", d.place(), err))
	}
	return t
}

// enum is a generated enum type.
type enum[E any] interface {
	~string
	Values() []E
}

// Enum reads an enum value, "" for null.
func Enum[E enum[E]](d *Decoder) E {
	if d.null() {
		return ""
	}
	return EnumElem[E](d)
}

// EnumElem reads an enum value that may not be null. Unknown values are kept for validation to name;
// an empty one is refused here, as "" stands for absent.
func EnumElem[E enum[E]](d *Decoder) E {
	s := StringElem(d)
	if s == "" && d.err == nil {
		d.fail(emptyEnum[E](d.place()))
	}
	return E(s)
}

func emptyEnum[E enum[E]](place string) *Error {
	c := &Check{}
	CheckEnumValue[E](c, place, "")
	return c.Err()
}

// Struct reads a structure, nil for null.
func Struct[T any, P interface {
	*T
	Members
}](d *Decoder) *T {
	if d.null() || d.err != nil {
		return nil
	}
	v := new(T)
	d.object(P(v))
	return v
}

// StructElem reads a structure that may not be null.
func StructElem[T any, P interface {
	*T
	Members
}](d *Decoder) T {
	var v T
	d.object(P(&v))
	return v
}

// List reads a list, nil for null; an empty list is not nil.
func List[T any](d *Decoder, elem func(*Decoder) T) []T {
	if d.null() || d.err != nil {
		return nil
	}
	if d.peek() != '[' {
		d.wrong("an array")
		return nil
	}
	d.pos++
	list := []T{}
	for n := 0; d.step(n, ']'); n++ {
		if !d.push(segment{index: n}) || d.nullElement() {
			return nil
		}
		list = append(list, elem(d))
		if d.err != nil {
			return nil
		}
		d.pop()
	}
	return list
}

// Map reads an object as a map, nil for null; an empty map is not nil. The last of equal keys wins.
func Map[K ~string, T any](d *Decoder, elem func(*Decoder) T) map[K]T {
	if d.null() || d.err != nil {
		return nil
	}
	if d.peek() != '{' {
		d.wrong("an object")
		return nil
	}
	d.pos++
	m := map[K]T{}
	for n := 0; d.member(n); n++ {
		name := d.name()
		if d.err != nil || !d.push(segment{name: memberName(name)}) {
			return nil
		}
		key := K(name)
		if d.nullElement() {
			return nil
		}
		m[key] = elem(d)
		if d.err != nil {
			return nil
		}
		d.pop()
	}
	return m
}

// nullElement refuses a null among elements: the models have no sparse lists or maps.
func (d *Decoder) nullElement() bool {
	if d.peek() != 'n' || d.err != nil {
		return d.err != nil
	}
	c := &Check{}
	c.violate(d.place(), "null", "Member must not be null")
	d.fail(c.Err())
	return true
}
