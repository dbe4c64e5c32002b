package cfn

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// Kind says which of its forms a Value has.
type Kind uint8

// The kinds of a Value.
const (
	Null Kind = iota
	Bool
	Number
	String
	List
	Map
	// Unresolved is a value that the template alone does not determine;
	// Value.Unknown says why.
	Unresolved

	// removed is AWS::NoValue; it takes the property or list element that holds
	// it away and never leaves the evaluator.
	removed
)

func (k Kind) String() string {
	return [...]string{"null", "bool", "number", "string", "list", "map", "unknown", "AWS::NoValue"}[k]
}

// Unknown says why a value cannot be known and where in the template the cause
// stands.
type Unknown struct {
	Reason   string
	Position Position
}

// Error makes an Unknown usable as an error.
func (u *Unknown) Error() string {
	return u.Position.String() + ": " + u.Reason
}

// Value is an evaluated value. It is immutable; its zero value is null. Values
// share their parts.
type Value struct {
	kind    Kind
	pos     Position
	text    string // of a bool, number or string
	items   []Value
	fields  []Field
	unknown *Unknown
}

// Field is one entry of a map.
type Field struct {
	Name     string
	Position Position // of the name
	Value    Value
}

// Kind returns the value's kind.
func (v Value) Kind() Kind { return v.kind }

// Position returns where the value, or the function that made it, stands.
func (v Value) Position() Position { return v.pos }

// Unknown returns the reason why the value is not known, or nil if its kind is
// not Unresolved.
func (v Value) Unknown() *Unknown { return v.unknown }

// Text returns the text of a string, number or bool, as the template writes it
// ("true" and "false" for bools); ok is false for every other kind.
func (v Value) Text() (text string, ok bool) {
	switch v.kind {
	case Bool, Number, String:
		return v.text, true
	}
	return "", false
}

// Bool returns the truth of a bool, or of the strings "true" and "false", which
// CloudFormation takes for bools; ok is false for everything else.
func (v Value) Bool() (truth, ok bool) {
	if v.kind != Bool && v.kind != String {
		return false, false
	}
	switch v.text {
	case "true", "True", "TRUE":
		return true, true
	case "false", "False", "FALSE":
		return false, true
	}
	return false, false
}

// Items returns the elements of a list, nil for every other kind. The caller
// must not change them.
func (v Value) Items() []Value { return v.items }

// Fields returns the entries of a map in the order of the template, nil for
// every other kind. The caller must not change them.
func (v Value) Fields() []Field { return v.fields }

// Get goes down a path of map keys and list indices ("0" is the first element).
// ok is false when there is nothing there. A path that meets an unknown value
// ends in that value: what lies below is as unknown.
func (v Value) Get(path ...string) (found Value, ok bool) {
	for _, step := range path {
		switch v.kind {
		case Unresolved:
			return v, true
		case Map:
			if v, ok = v.field(step); !ok {
				return Value{}, false
			}
		case List:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(v.items) {
				return Value{}, false
			}
			v = v.items[i]
		default:
			return Value{}, false
		}
	}
	return v, true
}

func (v Value) field(name string) (Value, bool) {
	for i := range v.fields {
		if v.fields[i].Name == name {
			return v.fields[i].Value, true
		}
	}
	return Value{}, false
}

// Unknowns returns every unknown value inside v, in the order of the template.
func (v Value) Unknowns() []*Unknown {
	var all []*Unknown
	v.walkUnknowns(func(u *Unknown) bool {
		all = append(all, u)
		return true
	})
	return all
}

// walkUnknowns calls visit for each unknown until it returns false.
func (v Value) walkUnknowns(visit func(*Unknown) bool) bool {
	if v.unknown != nil {
		return visit(v.unknown)
	}
	for i := range v.items {
		if !v.items[i].walkUnknowns(visit) {
			return false
		}
	}
	for i := range v.fields {
		if !v.fields[i].Value.walkUnknowns(visit) {
			return false
		}
	}
	return true
}

func (v Value) firstUnknown() (first *Unknown) {
	v.walkUnknowns(func(u *Unknown) bool {
		first = u
		return false
	})
	return first
}

// Equal reports whether two values are the same apart from their positions.
// Maps are equal whatever their order; a number equals a string or a number of
// the same text, as it does in CloudFormation. Nothing equals an unknown value.
func (v Value) Equal(w Value) bool {
	if text, ok := v.Text(); ok {
		other, ok := w.Text()
		return ok && text == other
	}
	if v.kind != w.kind || v.kind == Unresolved || len(v.items) != len(w.items) || len(v.fields) != len(w.fields) {
		return false
	}
	for i := range v.items {
		if !v.items[i].Equal(w.items[i]) {
			return false
		}
	}
	var theirs map[string]Value
	for i, f := range v.fields {
		other := w.fields[i].Value
		if w.fields[i].Name != f.Name { // another order: look it up
			if theirs == nil {
				theirs = make(map[string]Value, len(w.fields))
				for _, g := range w.fields {
					theirs[g.Name] = g.Value
				}
			}
			var ok bool
			if other, ok = theirs[f.Name]; !ok {
				return false
			}
		}
		if !f.Value.Equal(other) {
			return false
		}
	}
	return true
}

// JSON writes the value as JSON, maps in the order of the template. A number
// that JSON cannot write as the template has it (0x1F, 012345678901) becomes a
// string. It fails with the first *Unknown when the value is not wholly known.
func (v Value) JSON() ([]byte, error) {
	if u := v.firstUnknown(); u != nil {
		return nil, u
	}
	var b bytes.Buffer
	if err := v.writeJSON(&b); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func (v Value) writeJSON(b *bytes.Buffer) error {
	switch v.kind {
	case Null:
		b.WriteString("null")
	case Bool:
		b.WriteString(v.text)
	case Number:
		if !json.Valid([]byte(v.text)) {
			return writeJSONString(b, v.text)
		}
		b.WriteString(v.text)
	case String:
		return writeJSONString(b, v.text)
	case List:
		b.WriteByte('[')
		for i := range v.items {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := v.items[i].writeJSON(b); err != nil {
				return err
			}
		}
		b.WriteByte(']')
	case Map:
		b.WriteByte('{')
		for i := range v.fields {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := writeJSONString(b, v.fields[i].Name); err != nil {
				return err
			}
			b.WriteByte(':')
			if err := v.fields[i].Value.writeJSON(b); err != nil {
				return err
			}
		}
		b.WriteByte('}')
	default:
		return fmt.Errorf("a value of kind %s has no JSON", v.kind)
	}
	return nil
}

// writeJSONString quotes text and leaves "<", ">" and "&" as they are.
func writeJSONString(b *bytes.Buffer, text string) error {
	encoder := json.NewEncoder(b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(text); err != nil {
		return err
	}
	b.Truncate(b.Len() - 1) // the encoder's newline
	return nil
}

func stringAt(pos Position, text string) Value { return Value{kind: String, pos: pos, text: text} }

func unknownAt(pos Position, format string, args ...any) Value {
	return unresolved(&Unknown{Reason: fmt.Sprintf(format, args...), Position: pos})
}

func unresolved(u *Unknown) Value {
	return Value{kind: Unresolved, pos: u.Position, unknown: u}
}
