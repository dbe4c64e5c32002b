package iam

import (
	"fmt"
	"unicode/utf8"
)

// String returns the policy as canonical JSON, which is also what AppendJSON appends.
func (p *Policy) String() string { return string(p.AppendJSON(nil)) }

// MarshalJSON makes a policy a json.Marshaler.
func (p *Policy) MarshalJSON() ([]byte, error) { return p.AppendJSON(nil), nil }

// AppendJSON appends the policy as JSON without white space: elements in the order of the IAM User Guide, statements always as a list, a list
// of one value as that value, keys of Principal by name, operators in
// their usual case. Values keep their order, and numbers and Booleans their form. What is parsed
// from it equals the policy but for the places.
func (p *Policy) AppendJSON(b []byte) []byte {
	w := &writer{b: append(b, '{')}
	if p.Version != "" {
		w.name("Version")
		w.str(string(p.Version))
	}
	if p.ID != (Text{}) {
		w.name("Id")
		w.str(p.ID.Value)
	}
	w.name("Statement")
	w.b = append(w.b, '[')
	for i := range p.Statements {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		w.statement(&p.Statements[i])
	}
	w.b = append(w.b, ']', '}')
	return w.b
}

// AppendJSON appends the statement as JSON, as Policy.AppendJSON does.
func (s *Statement) AppendJSON(b []byte) []byte {
	w := &writer{b: b}
	w.statement(s)
	return w.b
}

// A writer appends JSON.
type writer struct {
	b []byte
}

// name appends the name of a member, with the comma before it.
func (w *writer) name(s string) {
	if last := w.b[len(w.b)-1]; last != '{' {
		w.b = append(w.b, ',')
	}
	w.str(s)
	w.b = append(w.b, ':')
}

func (w *writer) statement(s *Statement) {
	w.b = append(w.b, '{')
	if s.Sid != (Text{}) {
		w.name("Sid")
		w.str(s.Sid.Value)
	}
	w.name("Effect")
	w.str(s.Effect.String())
	if s.Principals != nil {
		w.name(notName(s.Principals.Not, "Principal"))
		w.principals(s.Principals.List)
	}
	w.name(notName(s.Actions.Not, "Action"))
	list(w, s.Actions.List, func(a Action) { w.str(a.Value) })
	if s.Resources != nil {
		w.name(notName(s.Resources.Not, "Resource"))
		list(w, s.Resources.List, func(t Template) { w.str(t.Value) })
	}
	if len(s.Conditions) > 0 {
		w.name("Condition")
		w.conditions(s.Conditions)
	}
	w.b = append(w.b, '}')
}

func notName(not bool, name string) string {
	if not {
		return "Not" + name
	}
	return name
}

// list appends one value as it is, and several as a list.
func list[T any](w *writer, values []T, one func(T)) {
	if len(values) == 1 {
		one(values[0])
		return
	}
	w.b = append(w.b, '[')
	for i, v := range values {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		one(v)
	}
	w.b = append(w.b, ']')
}

func (w *writer) principals(all []Principal) {
	if len(all) == 1 && all[0].Key == "" {
		w.str("*")
		return
	}
	w.b = append(w.b, '{')
	for _, key := range principalKeys {
		var same []Principal
		for _, p := range all {
			if p.Key == key {
				same = append(same, p)
			}
		}
		if len(same) > 0 {
			w.name(key)
			list(w, same, func(p Principal) { w.str(p.Value) })
		}
	}
	w.b = append(w.b, '}')
}

func (w *writer) conditions(all []Condition) {
	w.b = append(w.b, '{')
	for i := 0; i < len(all); {
		op := all[i].Operator
		w.name(op.String())
		w.b = append(w.b, '{')
		for ; i < len(all) && all[i].Operator == op; i++ { // the keys of an operator stand together
			w.name(all[i].Key.Name)
			list(w, all[i].Values, w.value)
		}
		w.b = append(w.b, '}')
	}
	w.b = append(w.b, '}')
}

func (w *writer) value(v Value) {
	if v.Type == JSONString {
		w.str(v.Value)
		return
	}
	w.b = append(w.b, v.Value...)
}

func (w *writer) str(s string) {
	w.b = append(w.b, '"')
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			w.b = append(w.b, '\\', c)
		case c < ' ' || c == 0x7f:
			w.b = fmt.Appendf(w.b, `\u%04x`, c)
		case c < utf8.RuneSelf:
			w.b = append(w.b, c)
		default:
			r, width := utf8.DecodeRuneInString(s[i:])
			w.b = utf8.AppendRune(w.b, r)
			i += width
			continue
		}
		i++
	}
	w.b = append(w.b, '"')
}
