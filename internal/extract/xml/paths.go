package xml

import (
	"unicode/utf8"

	"github.com/magpie-sec/magpie/internal/text"
)

const (
	// maxName is how many bytes of a name are kept, from its end.
	maxName = 1 << 10
	// maxPaths is how much memory the distinct paths may take; the values of further ones have the names of the element above.
	maxPaths = 4 << 20
	// fewChildren are compared one by one before a map is made.
	fewChildren = 8
)

// A node is a distinct path of names of elements and attributes, made once.
type node struct {
	parent   *node
	name     string
	depth    int
	field    *text.Field
	children []*node
	byName   map[string]*node
}

// paths is the tree of all nodes.
type paths struct {
	root node
	used int
}

// child finds the node of an element or attribute, or its parent's when there is no room for a new one.
func (t *paths) child(parent *node, name []byte) *node {
	if parent.byName != nil {
		if n := parent.byName[string(name)]; n != nil {
			return n
		}
	}
	for _, c := range parent.children[:min(len(parent.children), fewChildren)] {
		if c.name == string(name) {
			return c
		}
	}
	cost := 320 + len(name) + 16*(parent.depth+1)
	if t.used+cost > maxPaths {
		return parent
	}
	t.used += cost
	n := &node{parent: parent, name: string(name), depth: parent.depth + 1}
	parent.children = append(parent.children, n)
	if parent.byName != nil {
		parent.byName[n.name] = n
	} else if len(parent.children) > fewChildren {
		parent.byName = make(map[string]*node, 2*fewChildren)
		for _, c := range parent.children {
			parent.byName[c.name] = c
		}
	}
	return n
}

func (n *node) makeField() *text.Field {
	if n.field == nil {
		n.field = &text.Field{Names: make([]string, n.depth)}
		for at, i := n, n.depth-1; i >= 0; at, i = at.parent, i-1 {
			n.field.Names[i] = at.name
		}
	}
	return n.field
}

// lastPart cuts a name from its beginning to what is kept of it.
func lastPart(name []byte) []byte {
	cut := max(0, len(name)-maxName)
	for cut < len(name) && cut > 0 && !utf8.RuneStart(name[cut]) {
		cut++
	}
	return name[cut:]
}
