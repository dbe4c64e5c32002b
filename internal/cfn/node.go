package cfn

import "strings"

// node is a piece of a parsed template, from JSON or YAML alike. Functions are
// nodes of their own, so that nothing after the parser knows of short forms.
type node struct {
	kind   nodeKind
	pos    Position
	text   string // of a scalar; the name of a function, "Ref" or "Fn::...", or "Condition"
	items  []*node
	fields []nodeField
	index  map[string]int // of the fields, where there are many
	arg    *node          // of a function
}

type nodeKind uint8

const (
	nodeNull nodeKind = iota
	nodeBool
	nodeNumber
	nodeString
	nodeList
	nodeMap
	nodeFunction
)

func (k nodeKind) String() string {
	return [...]string{"null", "a bool", "a number", "a string", "a list", "a map", "a function"}[k]
}

type nodeField struct {
	name  string
	pos   Position
	value *node
}

// get returns a field of a map, nil when it is absent or n is no map.
func (n *node) get(name string) *node {
	if n == nil {
		return nil
	}
	if n.index != nil {
		if i, ok := n.index[name]; ok {
			return n.fields[i].value
		}
		return nil
	}
	for i := range n.fields {
		if n.fields[i].name == name {
			return n.fields[i].value
		}
	}
	return nil
}

// literal returns the text of a scalar.
func (n *node) literal() (string, bool) {
	switch n.kind {
	case nodeBool, nodeNumber, nodeString:
		return n.text, true
	}
	return "", false
}

// newMap makes a map of fields. A key that occurs twice is an error. A map whose
// only key is the name of a function is that function in its long form.
func newMap(pos Position, fields []nodeField) (*node, *Error) {
	n := &node{kind: nodeMap, pos: pos, fields: fields}
	const few = 8
	if len(fields) > few {
		n.index = make(map[string]int, len(fields))
	}
	for i, f := range fields {
		if n.index != nil {
			if _, ok := n.index[f.name]; ok {
				return nil, errorAt(f.pos, "the key %q occurs twice in one map", clip(f.name))
			}
			n.index[f.name] = i
			continue
		}
		for _, earlier := range fields[:i] {
			if earlier.name == f.name {
				return nil, errorAt(f.pos, "the key %q occurs twice in one map", clip(f.name))
			}
		}
	}
	if len(fields) == 1 && isFunctionName(fields[0].name) {
		return &node{kind: nodeFunction, pos: pos, text: fields[0].name, arg: fields[0].value}, nil
	}
	return n, nil
}

func isFunctionName(name string) bool {
	return name == "Ref" || strings.HasPrefix(name, "Fn::")
}
