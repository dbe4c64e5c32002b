package avro

import (
	"encoding/json"
	"strings"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/records"
	"github.com/magpie-sec/magpie/internal/text"
)

const (
	// maxSchema is how long a schema may be.
	maxSchema = 1 << 20
	// maxName is how many bytes of a name are kept.
	maxName = 1 << 10
	// maxPaths is how much memory the distinct paths may take. The values of further ones are placed at the element above.
	maxPaths = 4 << 20
	// maxDepth is how deep the definitions of a schema may be nested.
	maxDepth = 256
)

type kind uint8

const (
	null kind = iota
	boolean
	intKind
	long
	float
	double
	bytesKind
	str
	record
	enum
	array
	mapKind
	union
	fixed
)

var primitives = map[string]kind{"null": null, "boolean": boolean, "int": intKind, "long": long, "float": float, "double": double, "bytes": bytesKind, "string": str}

type meaning uint8

const (
	plain meaning = iota
	decimal
	date
	timeOfDay
	timestamp
	uuid
	opaque
)

// A schema is a node of the compiled schema; named types are shared, so that it may hold itself.
type schema struct {
	kind    kind
	meaning meaning
	unit    int64 // of times, in nanoseconds
	utc     bool
	scale   int
	size    int64 // of fixed
	symbols []string
	fields  []field   // of a record
	items   *schema   // of an array or a map
	choices []*schema // of a union
}

type field struct {
	name string
	typ  *schema
}

// compiler makes the schema of what JSON says.
type compiler struct {
	named map[string]*schema
}

func compile(b []byte) (*schema, error) {
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		return nil, extract.Malformed("the schema is no JSON")
	}
	c := compiler{named: map[string]*schema{}}
	return c.compile(v, "", 0)
}

func (c *compiler) compile(v any, space string, depth int) (*schema, error) {
	if depth > maxDepth {
		return nil, &extract.Problem{Reason: extract.JSONNestingLevelOverLimit, Detail: "the schema is nested too deeply"}
	}
	switch v := v.(type) {
	case string:
		if k, ok := primitives[v]; ok {
			return &schema{kind: k}, nil
		}
		if s := c.named[fullName(v, space)]; s != nil {
			return s, nil
		}
		if s := c.named[v]; s != nil {
			return s, nil
		}
	case []any:
		s := &schema{kind: union}
		for _, e := range v {
			choice, err := c.compile(e, space, depth+1)
			if err != nil {
				return nil, err
			}
			s.choices = append(s.choices, choice)
		}
		return s, nil
	case map[string]any:
		return c.object(v, space, depth)
	}
	return nil, extract.Malformed("the schema has an unknown type")
}

func fullName(name, space string) string {
	if space == "" || strings.Contains(name, ".") {
		return name
	}
	return space + "." + name
}

func (c *compiler) object(v map[string]any, space string, depth int) (*schema, error) {
	typ, ok := v["type"].(string)
	if !ok { // {"type": {...}}
		return c.compile(v["type"], space, depth+1)
	}
	name, _ := v["name"].(string)
	if own, ok := v["namespace"].(string); ok && !strings.Contains(name, ".") {
		space = own
	}
	name = fullName(name, space)
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
		space = name[:dot]
	}
	s := new(schema)
	var err error
	switch typ {
	case "record", "error":
		s.kind = record
		c.named[name] = s // before its fields, which may be of its own type
		fields, _ := v["fields"].([]any)
		for _, f := range fields {
			m, _ := f.(map[string]any)
			n, _ := m["name"].(string)
			t, err := c.compile(m["type"], space, depth+1)
			if err != nil {
				return nil, err
			}
			s.fields = append(s.fields, field{strings.ToValidUTF8(n[max(0, len(n)-maxName):], ""), t})
		}
		return s, nil
	case "enum":
		s.kind = enum
		c.named[name] = s
		symbols, _ := v["symbols"].([]any)
		for _, e := range symbols {
			symbol, _ := e.(string)
			s.symbols = append(s.symbols, strings.ToValidUTF8(symbol[:min(len(symbol), maxName)], ""))
		}
		return s, nil
	case "array", "map":
		s.kind = array
		inner := v["items"]
		if typ == "map" {
			s.kind, inner = mapKind, v["values"]
		}
		s.items, err = c.compile(inner, space, depth+1)
		return s, err
	case "fixed":
		s.kind = fixed
		size, _ := v["size"].(float64)
		if size < 0 || size > 1<<31 {
			return nil, extract.Malformed("a fixed type of absurd size")
		}
		s.size = int64(size)
		c.named[name] = s
	default:
		k, ok := primitives[typ]
		if !ok {
			return c.compile(typ, space, depth+1)
		}
		s.kind = k
	}
	s.logical(v)
	return s, nil
}

// logical notes a logical type; one that does not fit its type is ignored, as the specification has it.
func (s *schema) logical(v map[string]any) {
	name, _ := v["logicalType"].(string)
	local := strings.HasPrefix(name, "local-")
	switch base := strings.TrimPrefix(name, "local-"); {
	case base == "decimal" && (s.kind == bytesKind || s.kind == fixed):
		scale, _ := v["scale"].(float64)
		s.meaning, s.scale = decimal, int(min(max(scale, 0), records.MaxScale))
	case base == "date" && s.kind == intKind:
		s.meaning = date
	case base == "time-millis" && s.kind == intKind:
		s.meaning, s.unit = timeOfDay, records.Milli
	case base == "time-micros" && s.kind == long:
		s.meaning, s.unit = timeOfDay, records.Micro
	case base == "timestamp-millis" && s.kind == long:
		s.meaning, s.unit, s.utc = timestamp, records.Milli, !local
	case base == "timestamp-micros" && s.kind == long:
		s.meaning, s.unit, s.utc = timestamp, records.Micro, !local
	case base == "timestamp-nanos" && s.kind == long:
		s.meaning, s.unit, s.utc = timestamp, records.Nano, !local
	case base == "uuid" && s.kind == fixed && s.size == 16:
		s.meaning = uuid
	case base == "duration" && s.kind == fixed:
		s.meaning = opaque
	}
}

// A path is a place in the records: made once, found again for every value that stands there. Paths are made when they are met, since a schema
// that holds itself has any number of them.
type path struct {
	steps    []text.Step
	field    *text.Field
	children []*path // by field of a record, or by choice of a union
	element  *path
	members  map[string]*path
	full     bool  // there is no room for paths below
	over     *path // the same place, full
}

// paths makes them, as far as there is room.
type paths struct{ used int }

// under makes the path of a step below p. Without room it is the place of p.
func (t *paths) under(p *path, step text.Step) *path {
	steps := append(p.steps[:len(p.steps):len(p.steps)], step)
	if t.used += 320 + len(step.Name) + 48*len(steps); t.used > maxPaths {
		if p.over == nil {
			p.over = &path{steps: p.steps, full: true}
		}
		return p.over
	}
	return &path{steps: steps}
}

func (t *paths) child(p *path, s *schema, i int) *path {
	if p.full {
		return p
	}
	if p.children == nil {
		p.children = make([]*path, len(s.fields))
		t.used += 8 * len(s.fields)
	}
	if p.children[i] == nil {
		p.children[i] = t.under(p, text.Step{Name: s.fields[i].name})
	}
	return p.children[i]
}

// choice is the same place once more, for what stands below it in this choice of a union.
func (t *paths) choice(p *path, s *schema, i int) *path {
	if k := s.choices[i].kind; p.full || k != record && k != union {
		return p
	}
	if p.children == nil {
		p.children = make([]*path, len(s.choices))
		t.used += 8 * len(s.choices)
	}
	if p.children[i] == nil {
		t.used += 320
		p.children[i] = &path{steps: p.steps, full: t.used > maxPaths}
	}
	return p.children[i]
}

func (t *paths) elementOf(p *path) *path {
	if p.full {
		return p
	}
	if p.element == nil {
		p.element = t.under(p, text.Step{Array: true})
	}
	return p.element
}

func (t *paths) member(p *path, name []byte) *path {
	if p.full {
		return p
	}
	if m := p.members[string(name)]; m != nil {
		return m
	}
	m := t.under(p, text.Step{Name: string(name)})
	if !m.full {
		if p.members == nil {
			p.members = map[string]*path{}
		}
		p.members[string(name)] = m
	}
	return m
}

// place returns the field of a path.
func (p *path) place() *text.Field {
	if p.field == nil {
		p.field = &text.Field{Steps: p.steps}
		for _, s := range p.steps {
			if s.Array {
				p.field.Arrays++
			} else {
				p.field.Names = append(p.field.Names, s.Name)
			}
		}
	}
	return p.field
}
