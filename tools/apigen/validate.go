package main

import (
	"fmt"
	"strings"
)

// validate writes the constraints: one rule per constrained string shape, one method per structure that
// has a constraint in it, and one per input.
func (g *generator) validate() error {
	g.rules()
	isInput := map[string]bool{}
	for _, op := range g.Operations {
		isInput[op.Input.Shape] = true
	}
	for _, n := range g.structures() {
		if !g.constrained(n) && !isInput[n] {
			continue
		}
		s := g.Shapes[n]
		g.p("// Validate records every constraint of the model that v breaks.")
		if !g.constrained(n) {
			g.p("func (*%s) Validate(*wire.Check) {}\n", g.typeName(n))
			continue
		}
		g.p("func (v *%s) Validate(c *wire.Check) {", g.typeName(n))
		for _, m := range s.Members {
			if s.required(m.name) {
				g.p("c.Required(%q, %s)", m.wireName(), g.present(m))
			}
			g.checkMember(m)
		}
		if s.Union {
			names, present := []string{}, []string{}
			for _, m := range s.Members {
				names, present = append(names, m.wireName()), append(present, g.present(m))
			}
			g.p("c.OneOf(%q, %s)", strings.Join(names, ", "), strings.Join(present, ", "))
		}
		g.p("}\n")
	}
	return nil
}

// rules writes the constraints of string shapes. Enums are checked by their values.
func (g *generator) rules() {
	for _, n := range g.shapeNames() {
		s := g.Shapes[n]
		if !ruled(s) {
			continue
		}
		g.p("var %s = wire.StringRule{", ruleName(n))
		if s.Min != nil || s.Max != nil {
			g.p("Length: %s,", bounds(s))
		}
		if s.Pattern != "" {
			g.p("Pattern: wire.NewPattern(%s),", quoted(s.Pattern))
		}
		if s.Sensitive {
			g.p("Sensitive: true,")
		}
		g.p("}\n")
	}
}

func quoted(s string) string {
	if strings.Contains(s, "`") {
		return fmt.Sprintf("%q", s)
	}
	return "`" + s + "`"
}

func bounded(s *shape) bool { return s.Min != nil || s.Max != nil }

// ruled reports whether a shape is a string with constraints other than an enum.
func ruled(s *shape) bool {
	return s.Type == "string" && s.Enum == nil && (bounded(s) || s.Pattern != "")
}

func bounds(s *shape) string {
	parts := []string{}
	if s.Min != nil {
		parts = append(parts, fmt.Sprintf("Min: %d, HasMin: true", *s.Min))
	}
	if s.Max != nil {
		parts = append(parts, fmt.Sprintf("Max: %d, HasMax: true", *s.Max))
	}
	return "wire.Bounds{" + strings.Join(parts, ", ") + "}"
}

func (g *generator) present(m member) string {
	if g.Shapes[m.Shape].Enum != nil {
		return "v." + goName(m.name) + ` != ""`
	}
	return "v." + goName(m.name) + " != nil"
}

// constrained reports whether a shape or anything in it has a constraint. The models are not recursive;
// if one becomes so, this recursion ends the generator with a clear trace.
func (g *generator) constrained(shape string) bool {
	s := g.Shapes[shape]
	if s.Enum != nil || bounded(s) || s.Pattern != "" || len(s.Required) > 0 || s.Union {
		return true
	}
	for _, m := range s.Members {
		if g.constrained(m.Shape) {
			return true
		}
	}
	switch s.Type {
	case "list":
		return g.constrained(s.Member.Shape)
	case "map":
		return g.constrained(s.Key.Shape) || g.constrained(s.Value.Shape)
	}
	return false
}

func (g *generator) checkMember(m member) {
	if !g.constrained(m.Shape) {
		return
	}
	s := g.Shapes[m.Shape]
	name, field := m.wireName(), "v."+goName(m.name)
	switch {
	case s.Enum != nil:
		g.p("wire.CheckEnum(c, %q, %s)", name, field)
	case s.Type == "string":
		g.p("c.String(%q, %s, &%s)", name, field, ruleName(m.Shape))
	case s.Type == "integer" || s.Type == "long":
		g.p("c.Range(%q, %s, %s)", name, field, bounds(s))
	case s.Type == "structure":
		g.p("wire.CheckStruct(c, %q, %s)", name, field)
	default:
		if bounded(s) {
			g.p("if %s != nil {\nc.Size(%q, len(%s), %s)\n}", field, name, field, bounds(s))
		}
		if call := g.checkElements(s, fmt.Sprintf("%q", name), field); call != "" {
			g.p("%s", call)
		}
	}
}

// checkElements is the call that checks what is in a list or map, "" if nothing is to check.
func (g *generator) checkElements(s *shape, name, field string) string {
	if s.Type == "list" {
		if !g.constrained(s.Member.Shape) {
			return ""
		}
		return fmt.Sprintf("wire.CheckList(c, %s, %s, %s)", name, field, g.checkElem(s.Member.Shape))
	}
	key, value := "nil", "nil"
	if g.constrained(s.Key.Shape) {
		key = g.checkKey(s.Key.Shape)
	}
	if g.constrained(s.Value.Shape) {
		value = g.checkElem(s.Value.Shape)
	}
	if key == "nil" && value == "nil" {
		return ""
	}
	return fmt.Sprintf("wire.CheckMap(c, %s, %s, %s, %s)", name, field, key, value)
}

func (g *generator) checkKey(shape string) string {
	if g.Shapes[shape].Enum != nil {
		return "wire.CheckEnumElement[" + g.elemType(shape) + "]"
	}
	return fmt.Sprintf("func(c *wire.Check, k string) { c.StringValue(\"\", k, &%s) }", ruleName(shape))
}

// checkElem is the function that checks one element.
func (g *generator) checkElem(shape string) string {
	s := g.Shapes[shape]
	body := ""
	switch {
	case s.Enum != nil:
		body = "wire.CheckEnumElement(c, *v)"
	case s.Type == "string":
		body = fmt.Sprintf("c.StringValue(\"\", *v, &%s)", ruleName(shape))
	case s.Type == "integer" || s.Type == "long":
		body = fmt.Sprintf("c.Range(\"\", v, %s)", bounds(s))
	case s.Type == "structure":
		body = "v.Validate(c)"
	default:
		if bounded(s) {
			body = fmt.Sprintf("c.Size(\"\", len(*v), %s)\n", bounds(s))
		}
		body += g.checkElements(s, `""`, "*v")
	}
	return fmt.Sprintf("func(c *wire.Check, v *%s) { %s }", g.elemType(shape), body)
}
