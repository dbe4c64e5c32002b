package main

import "fmt"

// encode writes the JSON writers.
func (g *generator) encode() error {
	names, shapes := g.documents()
	for _, name := range names {
		g.p("// EncodeJSON writes the members that are present.")
		if len(shapes[name].Members) == 0 {
			g.p("func (*%s) EncodeJSON(*wire.Writer) {}\n", name)
		} else {
			g.p("func (v *%s) EncodeJSON(w *wire.Writer) {", name)
			for _, m := range shapes[name].Members {
				g.p("%s", g.writeMember(m))
			}
			g.p("}\n")
		}
		g.p("// MarshalJSON returns v as a JSON object.")
		g.p("func (v %s) MarshalJSON() ([]byte, error) { return wire.Marshal(&v), nil }\n", name)
	}
	return nil
}

func (g *generator) writeMember(m member) string {
	s := g.Shapes[m.Shape]
	name, field := m.wireName(), "v."+goName(m.name)
	switch s.Type {
	case "string":
		if s.Enum != nil {
			return fmt.Sprintf("w.Enum(%q, string(%s))", name, field)
		}
		return fmt.Sprintf("w.String(%q, %s)", name, field)
	case "boolean":
		return fmt.Sprintf("w.Bool(%q, %s)", name, field)
	case "integer", "long":
		return fmt.Sprintf("w.Int(%q, %s)", name, field)
	case "double":
		return fmt.Sprintf("w.Double(%q, %s)", name, field)
	case "timestamp":
		return fmt.Sprintf("w.Time(%q, %s, %s)", name, field, timestampFormat(s))
	case "list":
		if g.Shapes[s.Member.Shape].Type == "structure" {
			return fmt.Sprintf("wire.WriteStructListMember(w, %q, %s)", name, field)
		}
		return fmt.Sprintf("wire.WriteListMember(w, %q, %s, %s)", name, field, g.writeElem(s.Member.Shape))
	case "map":
		return fmt.Sprintf("wire.WriteMapMember(w, %q, %s, %s)", name, field, g.writeElem(s.Value.Shape))
	}
	return fmt.Sprintf("wire.WriteStructMember(w, %q, %s)", name, field)
}

// writeElem is the function that writes one element.
func (g *generator) writeElem(shape string) string {
	typ := g.elemType(shape)
	switch s := g.Shapes[shape]; s.Type {
	case "string":
		if s.Enum != nil {
			return "wire.WriteEnum[" + typ + "]"
		}
		return "wire.WriteString"
	case "boolean":
		return "wire.WriteBool"
	case "integer", "long":
		return "wire.WriteInt"
	case "double":
		return "wire.WriteDouble"
	case "timestamp":
		return fmt.Sprintf("func(w *wire.Writer, v wire.Time) { wire.WriteTime(w, v, %s) }", timestampFormat(s))
	case "list":
		return fmt.Sprintf("func(w *wire.Writer, v %s) { wire.WriteList(w, v, %s) }", typ, g.writeElem(s.Member.Shape))
	case "map":
		return fmt.Sprintf("func(w *wire.Writer, v %s) { wire.WriteMap(w, v, %s) }", typ, g.writeElem(s.Value.Shape))
	}
	return "wire.WriteStruct[" + typ + "]"
}

// decode writes the JSON readers, and the readers of requests.
func (g *generator) decode() error {
	names, shapes := g.documents()
	for _, name := range names {
		s := shapes[name]
		g.p("// DecodeMember reads one member.")
		if located, body := split(s.Members); len(located) > 0 && len(body) > 0 {
			g.decodeMember(name, located, "(*"+bodyType(name)+")(v).DecodeMember(d, name)")
			g.p("// %s reads only the members that travel in the body.", bodyType(name))
			g.p("type %s %s\n", bodyType(name), name)
			g.decodeMember(bodyType(name), body, "d.Skip()")
		} else {
			g.decodeMember(name, s.Members, "d.Skip()")
		}
		g.p("// UnmarshalJSON reads a JSON object into v.")
		g.p("func (v *%s) UnmarshalJSON(text []byte) error { return wire.Unmarshal(text, v) }\n", name)
	}
	for _, n := range g.operationNames() {
		g.decodeRequest(n)
	}
	return nil
}

func bodyType(name string) string { return "bodyOf" + name }

// split parts the members outside the body from those in it.
func split(all members) (located, body members) {
	for _, m := range all {
		if m.Location != "" {
			located = append(located, m)
		} else {
			body = append(body, m)
		}
	}
	return located, body
}

func (g *generator) decodeMember(name string, ms members, otherwise string) {
	if len(ms) == 0 {
		g.p("func (*%s) DecodeMember(d *wire.Decoder, _ []byte) { %s }\n", name, otherwise)
		return
	}
	g.p("func (v *%s) DecodeMember(d *wire.Decoder, name []byte) {", name)
	g.p("switch string(name) {")
	for _, m := range ms {
		g.p("case %q:\nv.%s = %s", m.wireName(), goName(m.name), g.readMember(m.Shape))
	}
	g.p("default:\n%s\n}\n}\n", otherwise)
}

// readMember is the expression that reads an optional member.
func (g *generator) readMember(shape string) string {
	s := g.Shapes[shape]
	switch s.Type {
	case "string":
		if s.Enum != nil {
			return "wire.Enum[" + g.elemType(shape) + "](d)"
		}
		return "d.String()"
	case "boolean":
		return "d.Bool()"
	case "integer":
		return "d.Integer()"
	case "long":
		return "d.Long()"
	case "double":
		return "d.Double()"
	case "timestamp":
		return "d.Time(" + timestampFormat(s) + ")"
	case "list", "map":
		return g.readCollection(s)
	}
	return "wire.Struct[" + g.elemType(shape) + "](d)"
}

func (g *generator) readCollection(s *shape) string {
	if s.Type == "list" {
		return "wire.List(d, " + g.readElem(s.Member.Shape) + ")"
	}
	return "wire.Map[" + g.elemType(s.Key.Shape) + "](d, " + g.readElem(s.Value.Shape) + ")"
}

// readElem is the function that reads one element.
func (g *generator) readElem(shape string) string {
	typ := g.elemType(shape)
	switch s := g.Shapes[shape]; s.Type {
	case "string":
		if s.Enum != nil {
			return "wire.EnumElem[" + typ + "]"
		}
		return "wire.StringElem"
	case "boolean":
		return "wire.BoolElem"
	case "integer":
		return "wire.IntegerElem"
	case "long":
		return "wire.LongElem"
	case "double":
		return "wire.DoubleElem"
	case "timestamp":
		return fmt.Sprintf("func(d *wire.Decoder) wire.Time { return wire.TimeElem(d, %s) }", timestampFormat(s))
	case "list", "map":
		return fmt.Sprintf("func(d *wire.Decoder) %s { return %s }", typ, g.readCollection(s))
	}
	return "wire.StructElem[" + typ + "]"
}

// decodeRequest writes how an operation's input is read from a request.
func (g *generator) decodeRequest(op string) {
	in := op + "Input"
	located, body := split(g.Shapes[g.Operations[op].Input.Shape].Members)
	g.p("// DecodeRequest reads the members from path, query and body.")
	if len(located)+len(body) == 0 {
		g.p("func (*%s) DecodeRequest(r *wire.Request) error { return r.Err() }\n", in)
		return
	}
	g.p("func (v *%s) DecodeRequest(r *wire.Request) error {", in)
	for _, m := range located {
		g.p("v.%s = %s", goName(m.name), g.readLocated(m))
	}
	switch {
	case len(body) > 0 && len(located) > 0:
		g.p("r.DecodeBody((*%s)(v))", bodyType(in))
	case len(body) > 0:
		g.p("r.DecodeBody(v)")
	}
	g.p("return r.Err()\n}\n")
}

func (g *generator) readLocated(m member) string {
	if m.Location == "uri" {
		return fmt.Sprintf("r.URI(%q)", m.wireName())
	}
	s := g.Shapes[m.Shape]
	if s.Enum != nil {
		return fmt.Sprintf("wire.QueryEnum[%s](r, %q)", g.typeName(m.Shape), m.wireName())
	}
	read := map[string]string{"string": "QueryString", "integer": "QueryInteger", "long": "QueryLong",
		"boolean": "QueryBool", "list": "QueryStrings"}[s.Type]
	return fmt.Sprintf("r.%s(%q)", read, m.wireName())
}
